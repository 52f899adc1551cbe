/* Strings of ct_einsum. The first byte is the number of operands, and each has two for its shape;
 * the rest is the string. What succeeds is compared with loops, and differentiated. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { OPERANDS = 3, LETTERS = 128 };

/* the operands' letters one after the other, then those of the result; false: it has an ellipsis */
static bool letters_of(const char *text, char part[OPERANDS + 1][CT_MAX_DIMS + 1], int n)
{
    int k = 0, d = 0;
    memset(part, 0, (OPERANDS + 1) * (CT_MAX_DIMS + 1));
    for (; *text; text++) {
        if (*text == '.' || k > n || d > CT_MAX_DIMS)
            return false;
        if (*text == ',' || *text == '-')
            k++, d = 0;
        else if (*text != ' ' && *text != '>')
            part[k][d++] = *text;
    }
    return k == n; /* else there is no arrow */
}

/* the element of x at those places; x is contiguous */
static double element(const ct_tensor *x, const char *letters, const int64_t *at)
{
    int64_t offset = 0;
    for (int d = 0; d < ct_ndim(x); d++)
        offset = offset * ct_size(x, d) + (ct_size(x, d) == 1 ? 0 : at[(int)letters[d]]);
    return ct_data_f64(x)[offset];
}

/* adds every product to the element of y that it belongs to */
static void by_loops(double *y, const ct_tensor *result, ct_tensor *const *x, int n,
                     char part[OPERANDS + 1][CT_MAX_DIMS + 1])
{
    int64_t size[LETTERS], at[LETTERS] = { 0 }, total = 1;
    for (int c = 0; c < LETTERS; c++)
        size[c] = -1; /* the letter is not used */
    for (int k = 0; k < n; k++)
        for (int d = 0; d < ct_ndim(x[k]); d++)
            if (size[(int)part[k][d]] == -1 || size[(int)part[k][d]] == 1)
                size[(int)part[k][d]] = ct_size(x[k], d);
    for (int c = 0; c < LETTERS; c++)
        total *= size[c] < 0 ? 1 : size[c];
    for (int64_t i = 0; i < total; i++) {
        int64_t rest = i, offset = 0;
        for (int c = 1; c < LETTERS; c++)
            if (size[c] > 0) {
                at[c] = rest % size[c];
                rest /= size[c];
            }
        double product = 1;
        for (int k = 0; k < n; k++)
            product *= element(x[k], part[k], at);
        for (int d = 0; d < ct_ndim(result); d++)
            offset = offset * ct_size(result, d) + at[(int)part[n][d]];
        y[offset] += product;
    }
}

static void compare(const ct_tensor *result, ct_tensor *const *x, int n, const char *text)
{
    char part[OPERANDS + 1][CT_MAX_DIMS + 1];
    int64_t count = ct_count(result);
    double *y = calloc((size_t)count + 1, 2 * sizeof *y), *have = y + count + 1;
    MUST(y);
    if (letters_of(text, part, n)) {
        by_loops(y, result, x, n, part);
        MUST(ct_to_doubles(result, have, count) == CT_OK);
        for (int64_t i = 0; i < count; i++)
            MUST(fabs(y[i] - have[i]) <= 1e-9 * (1 + fabs(y[i])));
    }
    free(y);
}

static void einsum(ct_context *cx, const uint8_t *data, size_t size)
{
    ct_tensor *x[OPERANDS];
    char text[64];
    int n = 1 + data[0] % OPERANDS;
    for (int k = 0; k < n; k++) {
        int64_t shape[4];
        for (int d = 0; d < 4; d++)
            shape[d] = (data[2 + 2 * k] >> 2 * d) & 3;
        x[k] = ct_variable(ct_randn(cx, CT_F64, shape, data[1 + 2 * k] % 5));
    }
    memcpy(text, data + 1 + 2 * n, size - 1 - 2 * (size_t)n);
    text[size - 1 - 2 * (size_t)n] = '\0';
    ct_tensor *y = ct_einsum(text, x, n), *gx[OPERANDS];
    MUST(!y == (ct_error(cx) != CT_OK));
    if (y) {
        compare(y, x, n, text);
        MUST(ct_grad(ct_sum(ct_square(y)), NULL, x, n, 0, gx) == CT_OK);
    }
}

void fuzz_einsum(const uint8_t *data, size_t size)
{
    static ct_context *cx;
    ct_memory before, after;
    if (size < 1 + 2 * OPERANDS || size > 48)
        return;
    if (!cx)
        cx = ct_context_new(&(ct_context_options){ .pool_bytes = -1 });
    ct_memory_stats(cx, &before);
    ct_scope scope = ct_scope_begin(cx);
    einsum(cx, data, size);
    ct_scope_end(cx, scope);
    ct_error_clear(cx);
    ct_memory_stats(cx, &after);
    MUST(after.tensors == before.tensors && after.live_bytes == before.live_bytes);
}
