/* Axes: checked and removed. */
#include "axes.h"

#include <cotangent/ops.h>
#include <string.h>

static bool wrong_axis(const ct_tensor *x, const char *who, int64_t axis, const char *reason)
{
    char shape[CT_SHAPE_TEXT];
    const char *name = ct_name(x);
    ct_fail(ct_context_of(x), CT_ERROR_RANGE, "%s: axis %lld %s: %.60s%s%s", who, (long long)axis,
            reason, name, *name ? " " : "", ct_shape_text(x, shape));
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

bool ct__is_float(const ct_tensor *x, const char *who)
{
    ct_dtype dtype = ct_dtype_of(x);
    if (dtype == CT_F32 || dtype == CT_F64)
        return true;
    ct_fail(ct_context_of(x), CT_ERROR_DTYPE, "%s: f32 or f64 only; ct_cast it", who);
    return false;
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

/* The order of axes that has the given ones last. Returns how many come before them. */
static int order_of(const ct_tensor *x, unsigned axes, int64_t *order)
{
    int n = 0, kept;
    for (int d = 0; d < ct_ndim(x); d++)
        if (!(axes >> d & 1))
            order[n++] = d;
    kept = n;
    for (int d = 0; d < ct_ndim(x); d++)
        if (axes >> d & 1)
            order[n++] = d;
    return kept;
}

ct_tensor *ct__merged(ct_tensor *x, unsigned axes)
{
    int64_t order[CT_MAX_DIMS], shape[CT_MAX_DIMS + 1];
    int kept = order_of(x, axes, order);
    for (int d = 0; d < kept; d++)
        shape[d] = ct_shape(x)[order[d]];
    shape[kept] = ct__group(x, (ct__reduction){ axes, false });
    return ct_reshape(ct_permute(x, order, ct_ndim(x)), shape, kept + 1);
}

ct_tensor *ct__unmerged(ct_tensor *merged, const ct_tensor *x, unsigned axes)
{
    int64_t order[CT_MAX_DIMS] = { 0 }, back[CT_MAX_DIMS], shape[CT_MAX_DIMS];
    int ndim = ct_ndim(x);
    order_of(x, axes, order);
    for (int d = 0; d < ndim; d++) {
        back[order[d]] = d;
        shape[d] = ct_shape(x)[order[d]];
    }
    return ct_permute(ct_reshape(merged, shape, ndim), back, ndim);
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

ct_tensor *ct__kept(const ct_call *call, ct_tensor *t)
{
    const ct__reduction *r = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS];
    int more = t ? ct_ndim(t) - ct_ndim(ct_call_y(call, 0)) : 0; /* the axis of a batch */
    if (!t || r->keep || (!more && !(r->axes & (r->axes + 1)))) /* leading axes need not be there */
        return t;
    int ndim = ct__reduced_shape(x, (ct__reduction){ r->axes, true }, shape + more);
    if (more)
        shape[0] = ct_size(t, 0);
    return ct_reshape(t, shape, ndim + more);
}

ct_status ct__group_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty,
                        ct__reduction r)
{
    ct_tensor *x = ct_call_x(call, 0), *ones = ct_ones_like(ct_call_y(call, 0)), *gx[8] = { NULL };
    int64_t axes[CT_MAX_DIMS];
    const ct_op *op = ct_call_op(call);
    int n = 0;
    bool kernel = op->backward && !ct_is_recording(ct_call_context(call));
    for (int i = 0; i < ct_call_inputs(call) && op->flags & CT_OP_CONTIGUOUS; i++)
        kernel = kernel && ct_is_contiguous(ct_call_x(call, i));
    if (kernel)
        gx[0] = ct_empty_like(x);
    if (!ones || (kernel && !gx[0]))
        return CT_ERROR_MEMORY;
    ct_status status = kernel ? op->backward(call, &ones, gx) : op->vjp(call, &ones, gx);
    for (int d = 0; d < ct_ndim(x); d++)
        if (r.axes >> d & 1)
            axes[n++] = d;
    ct_tensor *all = ct_mul_no_nan(gx[0], tx[0]);
    ty[0] = n > 0 ? ct_sum_over(all, axes, n, r.keep ? CT_KEEPDIMS : 0) : all;
    return status;
}

ct_status ct__reduced_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    return ct__group_jvp(call, tx, ty, *(const ct__reduction *)ct_call_attributes(call));
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
