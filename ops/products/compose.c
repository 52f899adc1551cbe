/* Products that are made of other operators: outer, kron, cross, trace, tensordot, bilinear. Their
 * derivatives are those of what they are made of. */
#include "contract.h"

/* Both can be used, and are of one context; else false, with an error. */
static bool usable_pair(const char *who, const ct_tensor *a, const ct_tensor *b)
{
    if ((a || b) && !(a && b))
        ct_fail(ct_context_of(a ? a : b), CT_ERROR_NULL, "%s: an operand is NULL", who);
    if (!ct_usable(a, who) || !ct_usable(b, who))
        return false;
    if (ct_context_of(a) == ct_context_of(b))
        return true;
    ct_fail(ct_context_of(a), CT_ERROR_CONTEXT, "%s: the tensors are of different contexts", who);
    return false;
}

static ct_tensor *shape_error(const char *who, const ct_tensor *a, const ct_tensor *b,
                              const char *reason)
{
    char of_a[CT_SHAPE_TEXT], of_b[CT_SHAPE_TEXT];
    ct_fail(ct_context_of(a), CT_ERROR_SHAPE, "%s: %s: %s x %s", who, reason,
            ct_shape_text(a, of_a), ct_shape_text(b, of_b));
    return NULL;
}

/* y_ij = a_i b_j */
ct_tensor *ct_outer(ct_tensor *a, ct_tensor *b)
{
    if (!usable_pair("outer", a, b))
        return NULL;
    if (ct_ndim(a) != 1 || ct_ndim(b) != 1)
        return shape_error("outer", a, b, "both must have one dimension");
    return ct_mul(ct_unsqueeze(a, 1), b);
}

/* Axis d of y is axis d of a and, within it, axis d of b: so a becomes (m, 1, n, 1, ...), and b
   (1, p, 1, q, ...). */
ct_tensor *ct_kron(ct_tensor *a, ct_tensor *b)
{
    if (!usable_pair("kron", a, b))
        return NULL;
    int ndim = ct_ndim(a) > ct_ndim(b) ? ct_ndim(a) : ct_ndim(b);
    if (2 * ndim > CT_MAX_DIMS)
        return shape_error("kron", a, b, "there may be at most 4 dimensions");
    int64_t outer[CT_MAX_DIMS], inner[CT_MAX_DIMS], both[CT_MAX_DIMS];
    for (int d = 0; d < ndim; d++) {
        int in_a = d - (ndim - ct_ndim(a)), in_b = d - (ndim - ct_ndim(b));
        outer[2 * d] = in_a < 0 ? 1 : ct_size(a, in_a);
        inner[2 * d + 1] = in_b < 0 ? 1 : ct_size(b, in_b);
        outer[2 * d + 1] = inner[2 * d] = 1;
        both[d] = outer[2 * d] * inner[2 * d + 1];
    }
    return ct_reshape(ct_mul(ct_reshape(a, outer, 2 * ndim), ct_reshape(b, inner, 2 * ndim)), both,
                      ndim);
}

static ct_tensor *component(ct_tensor *x, int axis, int i)
{
    return ct_slice(x, axis, i % 3, i % 3 + 1, 1);
}

/* y_i = a_(i+1) b_(i+2) - a_(i+2) b_(i+1), where 3 is 0 again */
ct_tensor *ct_cross(ct_tensor *a, ct_tensor *b, int axis)
{
    ct_tensor *y[3];
    if (!usable_pair("cross", a, b))
        return NULL;
    if (ct_ndim(a) != ct_ndim(b))
        return shape_error("cross", a, b, "both must have as many dimensions");
    if (axis < -ct_ndim(a) || axis >= ct_ndim(a)) {
        ct_fail(ct_context_of(a), CT_ERROR_RANGE, "cross: axis %d is out of range", axis);
        return NULL;
    }
    if (ct_size(a, axis) != 3 || ct_size(b, axis) != 3)
        return shape_error("cross", a, b, "both must have size 3 along the axis");
    for (int i = 0; i < 3; i++)
        y[i] = ct_sub(ct_mul(component(a, axis, i + 1), component(b, axis, i + 2)),
                      ct_mul(component(a, axis, i + 2), component(b, axis, i + 1)));
    return ct_concat(y, 3, axis);
}

ct_tensor *ct_trace(ct_tensor *x)
{
    if (!ct_usable(x, "trace"))
        return NULL;
    if (ct_ndim(x) < 2) {
        ct_fail(ct_context_of(x), CT_ERROR_SHAPE, "trace: x must have two dimensions at least");
        return NULL;
    }
    return ct_sum_over(ct_diagonal(x, 0, -2, -1), CT_AXES(-1), 0);
}

/* -- tensordot: the axes of a and b in pairs have one label each, and all others one of their
 * own */
static bool label_pairs(ct__labeled *a, ct__labeled *b, const int64_t *axes_a,
                        const int64_t *axes_b, int n)
{
    uint64_t seen_a = 0, seen_b = 0;
    for (int i = 0; i < n; i++) {
        int64_t in_a = axes_a[i] < 0 ? axes_a[i] + ct_ndim(a->t) : axes_a[i];
        int64_t in_b = axes_b[i] < 0 ? axes_b[i] + ct_ndim(b->t) : axes_b[i];
        bool there = in_a >= 0 && in_a < ct_ndim(a->t) && in_b >= 0 && in_b < ct_ndim(b->t);
        if (!there || seen_a >> in_a & 1 || seen_b >> in_b & 1) {
            ct_fail(ct_context_of(a->t), CT_ERROR_RANGE, "tensordot: axes %lld and %lld are %s",
                    (long long)axes_a[i], (long long)axes_b[i],
                    there ? "given twice" : "out of range");
            return false;
        }
        if (ct_size(a->t, (int)in_a) != ct_size(b->t, (int)in_b))
            return shape_error("tensordot", a->t, b->t, "the axes of a pair differ in size");
        seen_a |= (uint64_t)1 << in_a, seen_b |= (uint64_t)1 << in_b;
        b->label[in_b] = a->label[in_a];
    }
    return true;
}

ct_tensor *ct_tensordot(ct_tensor *a, ct_tensor *b, const int64_t *axes_a, const int64_t *axes_b,
                        int n)
{
    if (!usable_pair("tensordot", a, b))
        return NULL;
    ct_context *cx = ct_context_of(a);
    if (n < 0 || (n > 0 && (!axes_a || !axes_b)))
        return ct_fail(cx, CT_ERROR_NULL, "tensordot: no lists of %d axes", n), NULL;
    ct__labeled x = { .t = a }, y = { .t = b };
    for (int d = 0; d < CT_MAX_DIMS; d++)
        x.label[d] = (unsigned char)d, y.label[d] = (unsigned char)(CT_MAX_DIMS + d);
    if (!label_pairs(&x, &y, axes_a, axes_b, n))
        return NULL;
    if (ct_ndim(a) + ct_ndim(b) - 2 * n > CT_MAX_DIMS)
        return shape_error("tensordot", a, b, "the result has more than 8 dimensions");
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NULL;
    uint64_t once = ct__labels(x) ^ ct__labels(y);
    return ct_scope_return(cx, scope, ct__contract(x, y, once).t);
}

/* With u_nkj = sum_i a_ni w_kij, a product of matrices, y_nk = sum_j u_nkj b_nj + bias_k. */
ct_tensor *ct_bilinear(ct_tensor *a, ct_tensor *b, ct_tensor *weight, ct_tensor *bias)
{
    if (!usable_pair("bilinear", a, b) || !usable_pair("bilinear", a, weight))
        return NULL;
    ct_context *cx = ct_context_of(a);
    if (!bias && ct_error(cx))
        return NULL;
    if (bias && !usable_pair("bilinear", a, bias))
        return NULL;
    if (ct_ndim(weight) != 3 || ct_ndim(a) < 1 || ct_ndim(b) < 1 ||
        ct_size(a, -1) != ct_size(weight, 1) || ct_size(b, -1) != ct_size(weight, 2)) {
        char shape[CT_SHAPE_TEXT];
        ct_fail(cx, CT_ERROR_SHAPE, "bilinear: the weight must be (k,i,j) for a (...,i) and b "
                "(...,j), got %s", ct_shape_text(weight, shape));
        return NULL;
    }
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NULL;
    ct_tensor *y = ct_einsum("...i,kij,...j->...k", CT_TENSORS(a, weight, b));
    return ct_scope_return(cx, scope, bias && y ? ct_add(y, bias) : y);
}
