/* Axes: checked, removed, looped over. */
#include "axes.h"

#include <cotangent/ops.h>
#include <stdio.h>
#include <string.h>

static bool wrong_axis(const ct_tensor *x, const char *who, int64_t axis, const char *reason)
{
    char shape[200] = "";
    size_t used = 0;
    for (int d = 0; d < ct_ndim(x); d++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%lld", d ? "," : "",
                                 (long long)ct_shape(x)[d]);
    const char *name = ct_name(x);
    ct_fail(ct_context_of(x), CT_ERROR_RANGE, "%s: axis %lld %s: %.60s%s(%s)", who,
            (long long)axis, reason, name, *name ? " " : "", shape);
    return false;
}

bool ct__reduction_of(ct__reduction *r, const ct_tensor *x, const char *who, const int64_t *axes,
                      int n, unsigned flags)
{
    if (!ct_usable(x, who))
        return false;
    ct_context *cx = ct_context_of(x);
    int ndim = ct_ndim(x);
    if (flags & ~(unsigned)CT_KEEPDIMS)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: flags %#x mean nothing here", who, flags), false;
    if (n < 0 || (n > 0 && !axes))
        return ct_fail(cx, CT_ERROR_NULL, "%s: no list of %d axes", who, n), false;
    *r = (ct__reduction){ n == 0 ? (1u << ndim) - 1 : 0, flags & CT_KEEPDIMS };
    for (int i = 0; i < n; i++) {
        if (axes[i] < -ndim || axes[i] >= ndim)
            return wrong_axis(x, who, axes[i], "is out of range");
        unsigned bit = 1u << (axes[i] < 0 ? axes[i] + ndim : axes[i]);
        if (r->axes & bit)
            return wrong_axis(x, who, axes[i], "is given twice");
        r->axes |= bit;
    }
    return true;
}

int ct__reduced_shape(const ct_tensor *x, ct__reduction r, int64_t *shape)
{
    int ndim = 0;
    for (int d = 0; d < ct_ndim(x); d++)
        if (!(r.axes >> d & 1))
            shape[ndim++] = ct_shape(x)[d];
        else if (r.keep)
            shape[ndim++] = 1;
    return ndim;
}

int64_t ct__group(const ct_tensor *x, ct__reduction r)
{
    int64_t count = 1;
    for (int d = 0; d < ct_ndim(x); d++)
        count *= r.axes >> d & 1 ? ct_shape(x)[d] : 1;
    return count;
}

/* -- Operators that reduce */
ct_status ct__infer_reduced(ct_call *call)
{
    const ct__reduction *r = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS];
    int ndim = ct__reduced_shape(x, *r, shape);
    return ct_call_set_y(call, 0, ct_dtype_of(x), shape, ndim);
}

static size_t size_of(const ct_tensor *x)
{
    switch (ct_dtype_of(x)) {
    case CT_F32:
        return sizeof(float);
    case CT_F64:
        return sizeof(double);
    case CT_I64:
        return sizeof(int64_t);
    case CT_BOOL:
        break;
    }
    return 1;
}

ct_tensor *ct__kept(const ct_call *call, ct_tensor *t)
{
    const ct__reduction *r = ct_call_attributes(call);
    int64_t shape[CT_MAX_DIMS];
    int ndim = ct__reduced_shape(ct_call_x(call, 0), (ct__reduction){ r->axes, true }, shape);
    return r->keep ? t : ct_reshape(t, shape, ndim);
}

int ct__sample_reduction(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const struct {
        int ndim;
        int64_t shape[3], count;
        ct__reduction r;
    } cases[] = {
        { 2, { 3, 4 }, 12, { 3, false } },   { 2, { 3, 4 }, 12, { 2, false } },
        { 2, { 3, 4 }, 12, { 1, true } },    { 3, { 2, 3, 2 }, 12, { 5, false } },
        { 3, { 2, 3, 2 }, 12, { 5, true } }, { 0, { 0 }, 1, { 0, false } },
        { 2, { 0, 3 }, 0, { 2, false } },    { 1, { 1 }, 1, { 1, false } },
    };
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    memcpy(attributes, &cases[k].r, sizeof cases[k].r);
    ct_tensor *order = ct_cast(ct_randperm(cx, cases[k].count), CT_F64);
    x[0] = ct_reshape(ct_scale(ct_shift(order, -4), 0.3), cases[k].shape, cases[k].ndim);
    return 1;
}

/* -- Lines */
/* operands; elements of lines worth sharing out; lines side by side to be kept together, since
 * memory is read along them */
enum { MOST = 8, GRAIN = 16384, BESIDE = 128 };

typedef struct lines {
    int n, ndim;
    char *data[MOST];
    int64_t bytes[MOST], shape[CT_MAX_DIMS], strides[CT_MAX_DIMS][MOST];
    ct_loop_body body;
    const void *arg;
} lines;

/* an axis of lines: merged with the one before it where it continues that for every operand */
static void add_axis(lines *l, int64_t size, const int64_t *strides)
{
    bool continues = l->ndim > 0;
    for (int k = 0; continues && k < l->n; k++)
        continues = l->strides[l->ndim - 1][k] == size * strides[k];
    if (!continues)
        l->shape[l->ndim++] = 1;
    l->shape[l->ndim - 1] *= size;
    memcpy(l->strides[l->ndim - 1], strides, sizeof *l->strides);
}

/* lines begin..end-1, in runs along the last axis */
static void some_lines(int64_t begin, int64_t end, void *arg)
{
    const lines *l = arg;
    int last = l->ndim - 1;
    while (begin < end) {
        int64_t index = begin, room = l->shape[last] - begin % l->shape[last];
        int64_t n = room < end - begin ? room : end - begin;
        void *data[MOST];
        memcpy(data, l->data, sizeof data);
        for (int d = last; d >= 0; index /= l->shape[d--])
            for (int k = 0; k < l->n; k++)
                data[k] = (char *)data[k] + index % l->shape[d] * l->strides[d][k] * l->bytes[k];
        l->body(n, data, l->strides[last], l->arg);
        begin += n;
    }
}

void ct__loop_lines(ct_tensor *const *operands, int n, int axis, ct_loop_body body,
                    const void *arg)
{
    lines l = { .n = n, .body = body, .arg = arg };
    const ct_tensor *whole = operands[0];
    int64_t count = 1;
    for (int k = 0; k < n; k++) {
        whole = ct_ndim(operands[k]) > ct_ndim(whole) ? operands[k] : whole;
        l.data[k] = (char *)(uintptr_t)ct_data(operands[k]);
        l.bytes[k] = (int64_t)size_of(operands[k]);
    }
    for (int d = 0; d < ct_ndim(whole); d++) {
        int64_t strides[MOST] = { 0 };
        for (int k = 0; k < n && d != axis; k++)
            strides[k] = ct_strides(operands[k])[d - (ct_ndim(operands[k]) < ct_ndim(whole) &&
                                                      d > axis)];
        if (d != axis && ct_shape(whole)[d] != 1)
            add_axis(&l, ct_shape(whole)[d], strides);
        count *= d == axis ? 1 : ct_shape(whole)[d];
    }
    if (l.ndim == 0)
        add_axis(&l, 1, (int64_t[MOST]){ 0 });
    int64_t length = ct_size(whole, axis), grain = GRAIN / (length > 0 ? length : 1);
    bool beside = l.strides[l.ndim - 1][0] == 1 && ct_strides(whole)[axis] != 1;
    if (beside && grain < BESIDE)
        grain = BESIDE;
    ct_parallel_ranges(ct_context_of(whole), count, grain, some_lines, &l);
}
