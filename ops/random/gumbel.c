/* gumbel_softmax: -log e, with e from the exponential distribution, is a draw from Gumbel's. With
 * these added to x, the place of the largest is drawn with the probabilities softmax(x), and a
 * softmax at a low temperature is nearly 1 there. Where the result is to be exactly 1 there and 0
 * elsewhere, it is hard + (s - s), and the second s is a constant: the gradient is that of s. */
#include <cotangent/ops.h>

/* 1 at the largest element along the axis, and 0 elsewhere */
static ct_tensor *at_largest(ct_tensor *s, int axis)
{
    int64_t shape[CT_MAX_DIMS];
    int ndim = ct_ndim(s);
    for (int d = 0; d < ndim; d++)
        shape[d] = 1;
    axis += axis < 0 ? ndim : 0;
    shape[axis] = ct_size(s, axis);
    ct_tensor *places = ct_reshape(ct_range(ct_context_of(s), CT_I64, shape[axis]), shape, ndim);
    return ct_cast(ct_eq(ct_unsqueeze(ct_argmax(s, axis), axis), places), ct_dtype_of(s));
}

static ct_tensor *gumbel(ct_tensor *x, double tau, bool hard, int axis)
{
    ct_tensor *noise = ct_log(ct_exponential(ct_ones_like(x)));
    ct_tensor *s = ct_softmax(ct_scale(ct_sub(x, noise), 1 / tau), axis);
    if (!hard || !s)
        return s;
    return ct_add(at_largest(s, axis), ct_sub(s, ct_detach(s)));
}

ct_tensor *ct_gumbel_softmax(ct_tensor *x, double tau, bool hard, int axis)
{
    if (!ct_usable(x, "gumbel_softmax"))
        return NULL;
    ct_context *cx = ct_context_of(x);
    if (ct_dtype_of(x) != CT_F32 && ct_dtype_of(x) != CT_F64)
        return ct_fail(cx, CT_ERROR_DTYPE, "gumbel_softmax: f32 or f64 only; ct_cast it"), NULL;
    if (!(tau > 0)) {
        ct_fail(cx, CT_ERROR_VALUE, "gumbel_softmax: tau must be positive, got %g", tau);
        return NULL;
    }
    if (axis < -ct_ndim(x) || axis >= ct_ndim(x)) {
        ct_fail(cx, CT_ERROR_RANGE, "gumbel_softmax: axis %d is out of range", axis);
        return NULL;
    }
    ct_scope scope = ct_scope_begin(cx);
    return scope ? ct_scope_return(cx, scope, gumbel(x, tau, hard, axis)) : NULL;
}
