/* Operators that move axes but no element: they are views, the same buffer with another shape and
 * other strides. Each y_j is one x_i, and every x_i is used once, so gx is gy with its axes moved
 * back. */
#include "move_axes.h"

#include <cotangent/ops.h>
#include <stdio.h>
#include <string.h>

ct__list ct__list_of(const int64_t *values, int n)
{
    ct__list l = { .n = n > 0 && !values ? -1 : n };
    if (l.n > 0)
        memcpy(l.values, values, (size_t)(n < CT_MAX_DIMS ? n : CT_MAX_DIMS) * sizeof *values);
    return l;
}

ct_status ct__check_list(const ct_call *call, const ct__list *l)
{
    if (l->n < 0)
        return ct_call_fail(call, CT_ERROR_NULL,
                            "the list must not be NULL, nor its length negative");
    if (l->n > CT_MAX_DIMS)
        return ct_call_fail(call, CT_ERROR_RANGE, "there must be 0 to %d dimensions, got %d",
                            CT_MAX_DIMS, l->n);
    return CT_OK;
}

int ct__axis_bits(const ct_call *call, const ct__list *axes, int ndim)
{
    int seen = 0;
    if (ct__check_list(call, axes) != CT_OK)
        return -1;
    for (int i = 0; i < axes->n; i++) {
        int axis = ct_call_axis(call, axes->values[i], ndim);
        if (axis >= 0 && seen >> axis & 1)
            ct_call_fail(call, CT_ERROR_RANGE, "axis %d is given twice", axis);
        if (axis < 0 || seen >> axis & 1)
            return -1;
        seen |= 1 << axis;
    }
    return seen;
}

int ct__axis_of(const ct_tensor *x, int64_t axis, const char *who)
{
    char shape[CT_SHAPE_TEXT];
    if (!ct_usable(x, who))
        return -1;
    int ndim = ct_ndim(x);
    if (axis >= -ndim && axis < ndim)
        return (int)(axis < 0 ? axis + ndim : axis);
    ct_fail(ct_context_of(x), CT_ERROR_RANGE, "%s: axis %lld of %d dimension%s: %s", who,
            (long long)axis, ndim, ndim == 1 ? "" : "s", ct_shape_text(x, shape));
    return -1;
}

ct_status ct__set_view(ct_call *call, const int64_t *shape, const int64_t *strides, int ndim)
{
    ct_context *cx = ct_call_context(call);
    return ct_view(call, shape, strides, ndim, 0) ? CT_OK : ct_error(cx);
}

/* -- permute: y's axis d is x's axis axes[d]; gx by the inverse permutation */
static ct_status permute_infer(ct_call *call)
{
    const ct__list *axes = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS], strides[CT_MAX_DIMS];
    int ndim = ct_ndim(x);
    if (ct__axis_bits(call, axes, ndim) < 0)
        return ct_error(ct_call_context(call));
    if (axes->n != ndim)
        return ct_call_fail(call, CT_ERROR_RANGE, "there must be %d axes, got %d", ndim, axes->n);
    for (int d = 0; d < ndim; d++) {
        int64_t axis = axes->values[d], from = axis < 0 ? axis + ndim : axis;
        shape[d] = ct_shape(x)[from];
        strides[d] = ct_strides(x)[from];
    }
    return ct__set_view(call, shape, strides, ndim);
}

static ct_status permute_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const ct__list *axes = ct_call_attributes(call);
    int64_t inverse[CT_MAX_DIMS] = { 0 };
    int ndim = ct_ndim(gy[0]);
    for (int d = 0; d < axes->n; d++)
        inverse[ndim + ct__from_end(axes->values[d], axes->n)] = d - axes->n;
    gx[0] = ct_permute(gy[0], inverse, ndim);
    return CT_OK;
}

static int permute_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const ct__list axes[] = { { 3, { 2, 0, 1 } }, { 2, { -1, 0 } }, { 0, { 0 } } };
    if (k >= 3)
        return 0;
    *(ct__list *)attributes = axes[k];
    x[0] = ct_randn(cx, CT_F64, (const int64_t[]){ 2, 3, 4 }, axes[k].n);
    return 1;
}

extern const ct_op ct__permute_op;
const ct_op ct__permute_op = {
    .name = "permute",
    .formula = "y = x with its axes reordered",
    .derivative = "gx = g with its axes moved back",
    .inputs = 1,
    .flags = CT_OP_VIEW | CT_OP_BATCHED,
    .attributes_size = sizeof(ct__list),
    .infer = permute_infer,
    .vjp = permute_vjp,
    .sample = permute_sample,
};

ct_tensor *ct_permute(ct_tensor *x, const int64_t *axes, int n)
{
    ct__list attributes = ct__list_of(axes, n);
    return ct_apply(&ct__permute_op, &attributes, &x, 1);
}

/* -- swap_axes, move_axis: permutations that say less */
ct_tensor *ct_swap_axes(ct_tensor *x, int axis1, int axis2)
{
    int a = ct__axis_of(x, axis1, "swap_axes"), b = a < 0 ? -1 : ct__axis_of(x, axis2, "swap_axes");
    int64_t order[CT_MAX_DIMS];
    if (b < 0)
        return NULL;
    for (int d = 0; d < ct_ndim(x); d++)
        order[d] = d == a ? b : d == b ? a : d;
    return ct_permute(x, order, ct_ndim(x));
}

ct_tensor *ct_move_axis(ct_tensor *x, int from, int to)
{
    int a = ct__axis_of(x, from, "move_axis"), b = a < 0 ? -1 : ct__axis_of(x, to, "move_axis");
    int64_t order[CT_MAX_DIMS];
    if (b < 0)
        return NULL;
    for (int d = 0, own = 0; d < ct_ndim(x); d++) {
        own += own == a;
        order[d] = d == b ? a : own++;
    }
    return ct_permute(x, order, ct_ndim(x));
}

/* -- transpose: the last two axes change places; gx is gy transposed */
static ct_status transpose_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS], strides[CT_MAX_DIMS];
    int ndim = ct_ndim(x);
    if (ndim < 2)
        return ct_call_fail(call, CT_ERROR_SHAPE, "x must have two dimensions or more");
    for (int d = 0; d < ndim; d++) {
        int from = d < ndim - 2 ? d : 2 * ndim - 3 - d;
        shape[d] = ct_shape(x)[from];
        strides[d] = ct_strides(x)[from];
    }
    return ct__set_view(call, shape, strides, ndim);
}

static ct_status transpose_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)call;
    gx[0] = ct_transpose(gy[0]);
    return CT_OK;
}

static int transpose_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    if (k >= 2)
        return 0;
    x[0] = ct_randn(cx, CT_F64, (const int64_t[]){ 2, 3, 4 }, 2 + k);
    return 1;
}

extern const ct_op ct__transpose_op;
const ct_op ct__transpose_op = {
    .name = "transpose",
    .formula = "y_ij = x_ji",
    .derivative = "gx_ij = g_ji",
    .inputs = 1,
    .flags = CT_OP_VIEW | CT_OP_BATCHED,
    .infer = transpose_infer,
    .vjp = transpose_vjp,
    .sample = transpose_sample,
};

ct_tensor *ct_transpose(ct_tensor *x)
{
    return ct_apply(&ct__transpose_op, NULL, &x, 1);
}

/* -- squeeze removes an axis of size 1, unsqueeze inserts one; each is the derivative of the
 * other */
static ct_status squeeze_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS], strides[CT_MAX_DIMS];
    int ndim = ct_ndim(x), axis = ct_call_axis(call, *(const int *)ct_call_attributes(call), ndim);
    if (axis < 0)
        return CT_ERROR_RANGE;
    if (ct_shape(x)[axis] != 1)
        return ct_call_fail(call, CT_ERROR_SHAPE, "axis %d must have size 1, got %lld", axis,
                            (long long)ct_shape(x)[axis]);
    for (int d = 0; d < ndim - 1; d++) {
        shape[d] = ct_shape(x)[d + (d >= axis)];
        strides[d] = ct_strides(x)[d + (d >= axis)];
    }
    return ct__set_view(call, shape, strides, ndim - 1);
}

static ct_status unsqueeze_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS], strides[CT_MAX_DIMS];
    int ndim = ct_ndim(x) + 1;
    int axis = ct_call_axis(call, *(const int *)ct_call_attributes(call), ndim);
    if (axis < 0)
        return CT_ERROR_RANGE;
    if (ndim > CT_MAX_DIMS)
        return ct_call_fail(call, CT_ERROR_RANGE, "%d dimensions; %d are possible", ndim,
                            CT_MAX_DIMS);
    for (int d = 0; d < ndim; d++) {
        shape[d] = d == axis ? 1 : ct_shape(x)[d - (d > axis)];
        strides[d] = d == axis ? 0 : ct_strides(x)[d - (d > axis)];
    }
    return ct__set_view(call, shape, strides, ndim);
}

static ct_status squeeze_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    int axis = *(const int *)ct_call_attributes(call);
    gx[0] = ct_unsqueeze(gy[0], ct__from_end(axis, ct_ndim(ct_call_x(call, 0))));
    return CT_OK;
}

static ct_status unsqueeze_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    int axis = *(const int *)ct_call_attributes(call);
    gx[0] = ct_squeeze(gy[0], ct__from_end(axis, ct_ndim(ct_call_y(call, 0))));
    return CT_OK;
}

static int squeeze_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 2)
        return 0;
    *(int *)attributes = k == 0 ? 1 : -2;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(3, 1, 4));
    return 1;
}

extern const ct_op ct__squeeze_op, ct__unsqueeze_op;
const ct_op ct__squeeze_op = {
    .name = "squeeze",
    .formula = "y = x without an axis of size 1",
    .derivative = "gx = g with that axis",
    .inputs = 1,
    .flags = CT_OP_VIEW | CT_OP_BATCHED,
    .attributes_size = sizeof(int),
    .infer = squeeze_infer,
    .vjp = squeeze_vjp,
    .sample = squeeze_sample,
};
const ct_op ct__unsqueeze_op = {
    .name = "unsqueeze",
    .formula = "y = x with a new axis of size 1",
    .derivative = "gx = g without that axis",
    .inputs = 1,
    .flags = CT_OP_VIEW | CT_OP_BATCHED,
    .attributes_size = sizeof(int),
    .infer = unsqueeze_infer,
    .vjp = unsqueeze_vjp,
    .sample = squeeze_sample,
};

ct_tensor *ct_squeeze(ct_tensor *x, int axis)
{
    return ct_apply(&ct__squeeze_op, &axis, &x, 1);
}

ct_tensor *ct_unsqueeze(ct_tensor *x, int axis)
{
    return ct_apply(&ct__unsqueeze_op, &axis, &x, 1);
}

/* -- expand: broadcast_to, where -1 keeps a size as it is; gx is gy summed to x's shape */
static ct_status cannot_become(const ct_call *call, const ct__list *to)
{
    char text[200] = "";
    for (int d = 0, used = 0; d < to->n && used < (int)sizeof text; d++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%lld", d ? "," : "",
                         (long long)to->values[d]);
    return ct_call_fail(call, CT_ERROR_SHAPE, "cannot become (%s)", text);
}

static ct_status expand_infer(ct_call *call)
{
    ct__list to = *(const ct__list *)ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t strides[CT_MAX_DIMS];
    ct_status status = ct__check_list(call, &to);
    if (status != CT_OK)
        return status;
    int more = to.n - ct_ndim(x);
    for (int d = 0; d < to.n && more >= 0; d++) {
        int64_t size = d < more ? 1 : ct_shape(x)[d - more];
        if (to.values[d] == -1 && d >= more)
            to.values[d] = size;
        if (size != 1 && size != to.values[d])
            return cannot_become(call, &to);
        strides[d] = d >= more && size == to.values[d] ? ct_strides(x)[d - more] : 0;
    }
    return more < 0 ? cannot_become(call, &to) : ct__set_view(call, to.values, strides, to.n);
}

static ct_status expand_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    gx[0] = ct_call_sum(call, 0, gy[0]);
    return CT_OK;
}

static int expand_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const ct__list to[] = { { 3, { 4, -1, 2 } }, { 2, { -1, -1 } }, { 2, { 3, 0 } } };
    if (k >= 3)
        return 0;
    *(ct__list *)attributes = to[k];
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(3, k == 1 ? 2 : 1));
    return 1;
}

extern const ct_op ct__expand_op;
const ct_op ct__expand_op = {
    .name = "expand",
    .formula = "y = x repeated to shape",
    .derivative = "gx = g summed to the shape of x",
    .inputs = 1,
    .flags = CT_OP_VIEW | CT_OP_BATCHED,
    .attributes_size = sizeof(ct__list),
    .infer = expand_infer,
    .vjp = expand_vjp,
    .sample = expand_sample,
};

ct_tensor *ct_expand(ct_tensor *x, const int64_t *shape, int ndim)
{
    ct__list to = ct__list_of(shape, ndim);
    return ct_apply(&ct__expand_op, &to, &x, 1);
}
