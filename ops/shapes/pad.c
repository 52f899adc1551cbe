/* pad puts more elements round a tensor, or takes some away where a width is negative.
 *
 * Along an axis y has n + before + after elements, and y_j = x_m(j). With a constant, m(j) = j -
 * before, and y_j is the value where x has no such element. So gx is the part of gy where x lies in
 * y, and 0 where x does not: gy padded by the widths' opposites with 0. The other modes have an
 * m(j) for each j, and so they are index_select along each axis. */
#include <cotangent/ops.h>
#include <math.h>
#include <string.h>

#include "move_axes.h"

typedef struct padding {
    int n; /* how many widths: before and after, for each axis */
    int64_t widths[2 * CT_MAX_DIMS];
    double value;
} padding;

/* ct_pad has checked the widths. */
static ct_status pad_infer(ct_call *call)
{
    const padding *p = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS];
    bool whole = p->value >= -0x1p63 && p->value < 0x1p63 && p->value == trunc(p->value);
    if (ct_dtype_of(x) == CT_I64 && !whole)
        return ct_call_fail(call, CT_ERROR_VALUE, "the value must be a whole number of i64, got %g",
                            p->value);
    for (int d = 0; d < ct_ndim(x); d++)
        shape[d] = ct_shape(x)[d] + p->widths[2 * d] + p->widths[2 * d + 1];
    return ct_call_set_y(call, 0, ct_dtype_of(x), shape, ct_ndim(x));
}

/* what is left of axis d without the widths; those below 0 are no part of it */
static ct_tensor *inside(ct_tensor *t, int d, int64_t before, int64_t after)
{
    int64_t start = before > 0 ? before : 0;
    int64_t stop = ct_size(t, d) - (after > 0 ? after : 0);
    return ct_slice(t, d, start, stop > start ? stop : start, 1);
}

static ct_status pad_forward(ct_call *call)
{
    const padding *p = ct_call_attributes(call);
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    ct_status status = ct_fill(y, p->value);
    for (int d = 0; d < p->n / 2; d++) {
        y = inside(y, d, p->widths[2 * d], p->widths[2 * d + 1]);
        x = inside(x, d, -p->widths[2 * d], -p->widths[2 * d + 1]);
    }
    return status == CT_OK ? ct_assign(y, x) : status;
}

extern const ct_op ct__pad_op;

static ct_status pad_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    padding back = *(const padding *)ct_call_attributes(call);
    back.value = 0;
    for (int k = 0; k < back.n; k++)
        back.widths[k] = -back.widths[k];
    gx[0] = ct_apply(&ct__pad_op, &back, gy, 1);
    return CT_OK;
}

static ct_status pad_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    padding same = *(const padding *)ct_call_attributes(call);
    same.value = 0;
    ty[0] = ct_apply(&ct__pad_op, &same, tx, 1);
    return CT_OK;
}

static int pad_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const padding cases[] = { { 4, { 1, 2, 0, 1 }, 1.5 }, { 4, { -1, 1, 0, -2 }, 0 },
                                     { 4, { -4, 3, 2, 0 }, 2 }, { 0, { 0 }, 1 } };
    if (k >= 4)
        return 0;
    *(padding *)attributes = cases[k];
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(2, 3));
    if (k == 3)
        x[0] = ct_randn(cx, CT_F64, NULL, 0);
    return 1;
}

const ct_op ct__pad_op = {
    .name = "pad",
    .formula = "y[j] = x[j - before], or the value outside of x",
    .derivative = "gx[i] = g[i + before]",
    .inputs = 1,
    .attributes_size = sizeof(padding),
    .infer = pad_infer,
    .forward = pad_forward,
    .vjp = pad_vjp,
    .jvp = pad_jvp,
    .sample = pad_sample,
};

/* -- The other modes */
static int64_t modulo(int64_t i, int64_t n)
{
    return i % n + (i % n < 0 ? n : 0);
}

/* m(j), for x's place i = j - before among n elements */
static int64_t source(int64_t i, int64_t n, ct_padding mode)
{
    if (mode == CT_PAD_REPLICATE)
        return i < 0 ? 0 : i < n ? i : n - 1;
    if (mode == CT_PAD_CIRCULAR)
        return modulo(i, n);
    if (n == 1)
        return 0;
    int64_t m = modulo(i, 2 * n - 2); /* there and back */
    return m < n ? m : 2 * n - 2 - m;
}

static ct_tensor *pad_axis(ct_tensor *x, int axis, const int64_t widths[2], ct_padding mode)
{
    ct_context *cx = ct_context_of(x);
    int64_t n = ct_shape(x)[axis], count = n + widths[0] + widths[1];
    if (widths[0] == 0 && widths[1] == 0)
        return x;
    if (n == 0 && count > 0)
        return ct_fail(cx, CT_ERROR_SHAPE, "pad: axis %d has no elements to repeat", axis), NULL;
    ct_tensor *index = ct_empty(cx, CT_I64, &count, 1);
    int64_t *to = ct_data_mutable(index);
    for (int64_t j = 0; to && j < count; j++)
        to[j] = source(j - widths[0], n, mode);
    return ct_index_select(x, axis, index);
}

/* Are there two widths for each axis, and is no size of y below 0? */
static bool check_widths(const ct_tensor *x, const int64_t *widths, int n)
{
    const int64_t most = INT64_MAX / 4;
    char shape[CT_SHAPE_TEXT];
    ct_context *cx = ct_context_of(x);
    int d = 0;
    for (; n == 2 * ct_ndim(x) && widths && d < ct_ndim(x); d++) {
        int64_t size = ct_shape(x)[d], before = widths[2 * d], after = widths[2 * d + 1];
        bool fits = size <= most && before >= -most && before <= most && after >= -most &&
                    after <= most && size + before + after >= 0;
        if (fits)
            continue;
        ct_fail(cx, CT_ERROR_SHAPE, "pad: widths %lld and %lld do not fit axis %d: %s",
                (long long)before, (long long)after, d, ct_shape_text(x, shape));
        return false;
    }
    if (d == ct_ndim(x) && n == 2 * d)
        return true;
    ct_fail(cx, widths ? CT_ERROR_SHAPE : CT_ERROR_NULL,
            "pad: there must be %d widths, 2 for each axis, got %d%s: %s", 2 * ct_ndim(x), n,
            widths ? "" : " and NULL", ct_shape_text(x, shape));
    return false;
}

ct_tensor *ct_pad(ct_tensor *x, const int64_t *widths, int n, ct_padding mode, double value)
{
    padding p = { .n = n, .value = value };
    if (!ct_usable(x, "pad") || !check_widths(x, widths, n))
        return NULL;
    if (mode == CT_PAD_CONSTANT) {
        if (n > 0)
            memcpy(p.widths, widths, (size_t)n * sizeof *widths);
        return ct_apply(&ct__pad_op, &p, &x, 1);
    }
    if (mode != CT_PAD_REFLECT && mode != CT_PAD_REPLICATE && mode != CT_PAD_CIRCULAR)
        return ct_fail(ct_context_of(x), CT_ERROR_VALUE, "pad: there is no mode %d", (int)mode),
               NULL;
    for (int d = 0; x && d < n / 2; d++)
        x = pad_axis(x, d, widths + (ptrdiff_t)2 * d, mode);
    return x;
}
