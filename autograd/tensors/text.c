/* Tensors as text, as NumPy writes them: f32 (2,3) [[1, 2, 3], [4, 5, 6]]. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tensors.h"

enum { MOST = 1000, NUMBER = 32 };

/* The point is a point, whatever the locale writes, and a NaN has no sign. */
static int print_number(char *out, const ct_tensor *t, const char *p)
{
    if (t->dtype == CT_BOOL)
        return snprintf(out, NUMBER, "%s", ct__load(p, t->dtype) != 0 ? "true" : "false");
    if (t->dtype == CT_I64)
        return snprintf(out, NUMBER, "%lld", (long long)*(const int64_t *)(const void *)p);
    double value = ct__load(p, t->dtype);
    if (isnan(value))
        return snprintf(out, NUMBER, "nan");
    int n = snprintf(out, NUMBER, "%.*g", t->dtype == CT_F32 ? 6 : 8, value);
    for (char *c = out; *c; c++)
        if (!strchr("0123456789+-einfa.", *c))
            *c = '.';
    return n;
}

/* how many of the brackets open or close at element i: those dimensions that begin or end there */
static int brackets(const ct_tensor *t, int64_t i)
{
    int n = 0;
    for (int d = t->ndim - 1; d >= 0 && i % ct__shape(t)[d] == 0; d--) {
        i /= ct__shape(t)[d];
        n++;
    }
    return n;
}

static char *repeat(char *out, char c, int n)
{
    memset(out, c, (size_t)n);
    return out + n;
}

static char *print_elements(char *out, const ct_tensor *t)
{
    int64_t shown = t->count < MOST ? t->count : MOST;
    int64_t size = (int64_t)ct__dtype_size(t->dtype);
    const char *p = t->data;
    int64_t index[CT_MAX_DIMS] = { 0 };
    for (int64_t i = 0; i < shown; i++) {
        if (i > 0)
            *out++ = ',', *out++ = ' ';
        out = repeat(out, '[', brackets(t, i));
        out += print_number(out, t, p);
        if (i + 1 < t->count)
            out = repeat(out, ']', brackets(t, i + 1));
        p += ct__next_element(ct__shape(t), ct__strides(t), t->ndim, index) * size;
    }
    if (shown < t->count)
        return out + sprintf(out, ", ... (%lld more)", (long long)(t->count - shown));
    return repeat(out, ']', t->ndim);
}

const char *ct_text(const ct_tensor *x)
{
    if (!x)
        return "(null)";
    if (!ct__usable(x, "text"))
        return "(gone)";
    ct__tell(x->cx, "text");
    int64_t shown = x->count < MOST ? x->count : MOST;
    size_t room = 256 + (size_t)shown * (NUMBER + 2) + 2 * CT_MAX_DIMS * (size_t)shown;
    char *text = ct__scope_chars(x->cx, room);
    if (!text)
        return NULL;
    char *out = text + sprintf(text, "%s ", ct__dtype_text(x->dtype));
    out += ct__shape_print(out, 200, ct__shape(x), x->ndim);
    *out++ = ' ';
    if (x->count == 0)
        out = repeat(repeat(out, '[', 1), ']', 1);
    else
        out = print_elements(out, x);
    *out = '\0';
    return text;
}
