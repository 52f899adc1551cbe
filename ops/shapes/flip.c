/* flip reverses axes, and roll turns them round. Each y_j is one x_i, and every x_i is used once,
 * so gx is gy moved back: flipped again, or rolled the other way. */
#include <cotangent/ops.h>
#include <string.h>

#include "move_axes.h"

/* -- flip: y_j = x_(n-1-j) along each of the axes, a view; gx_i = gy_(n-1-i) */
static ct_status flip_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    int ndim = ct_ndim(x), flipped = ct__axis_bits(call, ct_call_attributes(call), ndim);
    int64_t strides[CT_MAX_DIMS], first = 0;
    if (flipped < 0)
        return ct_error(ct_call_context(call));
    memcpy(strides, ct_strides(x), (size_t)ndim * sizeof *strides);
    for (int d = 0; d < ndim; d++)
        if (flipped >> d & 1 && ct_shape(x)[d] > 1 && ct_count(x) > 0) {
            first += (ct_shape(x)[d] - 1) * strides[d];
            strides[d] = -strides[d];
        }
    return ct_view(call, ct_shape(x), strides, ndim, first) ? CT_OK
                                                            : ct_error(ct_call_context(call));
}

static ct_status flip_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct__list axes = *(const ct__list *)ct_call_attributes(call);
    for (int k = 0; k < axes.n; k++)
        axes.values[k] = ct__from_end(axes.values[k], ct_ndim(ct_call_x(call, 0)));
    gx[0] = ct_flip(gy[0], axes.values, axes.n);
    return CT_OK;
}

static int flip_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const ct__list axes[] = { { 1, { 1 } }, { 2, { 0, -1 } }, { 0, { 0 } } };
    if (k >= 3)
        return 0;
    *(ct__list *)attributes = axes[k];
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(2, 3));
    return 1;
}

extern const ct_op ct__flip_op, ct__roll_op;
const ct_op ct__flip_op = {
    .name = "flip",
    .formula = "y[j] = x[n-1-j] along each of the axes",
    .derivative = "gx[i] = g[n-1-i]",
    .inputs = 1,
    .flags = CT_OP_VIEW | CT_OP_BATCHED,
    .attributes_size = sizeof(ct__list),
    .infer = flip_infer,
    .vjp = flip_vjp,
    .sample = flip_sample,
};

ct_tensor *ct_flip(ct_tensor *x, const int64_t *axes, int n)
{
    ct__list attributes = ct__list_of(axes, n);
    return ct_apply(&ct__flip_op, &attributes, &x, 1);
}

/* -- roll: y_((i + shift) mod n) = x_i along the axis, a copy; gx_i = gy_((i + shift) mod n) */
typedef struct turn {
    int64_t shift;
    int axis;
} turn;

static ct_status roll_infer(ct_call *call)
{
    const turn *t = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    if (ct_call_axis(call, t->axis, ct_ndim(x)) < 0)
        return CT_ERROR_RANGE;
    return ct_call_set_y(call, 0, ct_dtype_of(x), ct_shape(x), ct_ndim(x));
}

/* the last `shift` slabs come first */
static ct_status roll_forward(ct_call *call)
{
    const turn *t = ct_call_attributes(call);
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    int64_t n = ct_size(x, t->axis), shift = n > 0 ? t->shift % n : 0;
    shift += shift < 0 ? n : 0;
    ct_status status = ct_assign(ct_slice(y, t->axis, shift, CT_END, 1),
                                 ct_slice(x, t->axis, 0, n - shift, 1));
    if (status != CT_OK)
        return status;
    return ct_assign(ct_slice(y, t->axis, 0, shift, 1),
                     ct_slice(x, t->axis, n - shift, CT_END, 1));
}

static ct_status roll_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const turn *t = ct_call_attributes(call);
    int axis = ct__from_end(t->axis, ct_ndim(ct_call_x(call, 0)));
    int64_t n = ct_size(gy[0], axis);
    gx[0] = ct_roll(gy[0], n > 0 ? -(t->shift % n) : 0, axis);
    return CT_OK;
}

static int roll_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const turn turns[] = { { 1, 1 }, { -5, 0 }, { 0, -1 }, { 2, 0 } };
    if (k >= 4)
        return 0;
    *(turn *)attributes = turns[k];
    x[0] = ct_randn(cx, CT_F64, (const int64_t[]){ 3, k == 3 ? 0 : 4 }, 2);
    return 1;
}

const ct_op ct__roll_op = {
    .name = "roll",
    .formula = "y[(i + shift) mod n] = x[i]",
    .derivative = "gx[i] = g[(i + shift) mod n]",
    .inputs = 1,
    .flags = CT_OP_LINEAR | CT_OP_BATCHED,
    .attributes_size = sizeof(turn),
    .infer = roll_infer,
    .forward = roll_forward,
    .vjp = roll_vjp,
    .sample = roll_sample,
};

ct_tensor *ct_roll(ct_tensor *x, int64_t shift, int axis)
{
    return ct_apply(&ct__roll_op, &(turn){ shift, axis }, &x, 1);
}
