/* concat joins tensors along an axis, stack along a new one. Each x_i is a part of y, so gx_i is
 * the same part of gy: a view, without a copy. */
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <string.h>

#include "copy.h"
#include "move_axes.h"

/* All must have one dtype and one shape, but for `axis`; with axis -1 no size may differ. */
static ct_status check_parts(const ct_call *call, int axis)
{
    const ct_tensor *first = ct_call_x(call, 0);
    for (int i = 1; i < ct_call_inputs(call); i++) {
        const ct_tensor *x = ct_call_x(call, i);
        if (ct_dtype_of(x) != ct_dtype_of(first))
            return ct_call_fail(call, CT_ERROR_DTYPE, "dtypes differ; ct_cast one");
        bool fits = ct_ndim(x) == ct_ndim(first);
        for (int d = 0; fits && d < ct_ndim(x); d++)
            fits = d == axis || ct_shape(x)[d] == ct_shape(first)[d];
        if (!fits)
            return ct_call_fail(call, CT_ERROR_SHAPE, "input %d does not fit the first", i + 1);
    }
    return CT_OK;
}

static ct_status concat_infer(ct_call *call)
{
    const ct_tensor *first = ct_call_x(call, 0);
    int ndim = ct_ndim(first);
    int axis = ct_call_axis(call, *(const int *)ct_call_attributes(call), ndim);
    int64_t shape[CT_MAX_DIMS];
    ct_status status = axis < 0 ? CT_ERROR_RANGE : check_parts(call, axis);
    if (status != CT_OK)
        return status;
    memcpy(shape, ct_shape(first), (size_t)ndim * sizeof *shape);
    for (int i = 1; i < ct_call_inputs(call); i++) {
        int64_t size = ct_shape(ct_call_x(call, i))[axis];
        if (size > INT64_MAX - shape[axis])
            return ct_call_fail(call, CT_ERROR_SHAPE, "too many elements");
        shape[axis] += size;
    }
    return ct_call_set_y(call, 0, ct_dtype_of(first), shape, ndim);
}

static ct_status stack_infer(ct_call *call)
{
    const ct_tensor *first = ct_call_x(call, 0);
    int ndim = ct_ndim(first) + 1;
    int axis = ct_call_axis(call, *(const int *)ct_call_attributes(call), ndim);
    int64_t shape[CT_MAX_DIMS + 1];
    ct_status status = axis < 0 ? CT_ERROR_RANGE : check_parts(call, -1);
    if (status != CT_OK)
        return status;
    for (int d = 0; d < ndim; d++)
        shape[d] = d == axis ? ct_call_inputs(call) : ct_shape(first)[d - (d > axis)];
    return ct_call_set_y(call, 0, ct_dtype_of(first), shape, ndim);
}

/* copies each part into its place, where x's axes have the strides of y's */
static ct_status join(ct_call *call)
{
    ct_tensor *y = ct_call_y(call, 0);
    ct_dtype dtype = ct_dtype_of(y);
    size_t size = ct_dtype_size(dtype);
    bool stacked = ct_ndim(y) > ct_ndim(ct_call_x(call, 0));
    int axis = ct_call_axis(call, *(const int *)ct_call_attributes(call), ct_ndim(y));
    int64_t strides[CT_MAX_DIMS];
    for (int d = 0, own = 0; d < ct_ndim(y); d++)
        if (!stacked || d != axis)
            strides[own++] = ct_strides(y)[d];
    char *to = ct_data_mutable(y);
    for (int i = 0; i < ct_call_inputs(call); i++) {
        const ct_tensor *x = ct_call_x(call, i);
        ct_operand operands[] = { { to, size, strides },
                                  { (void *)(uintptr_t)ct_data(x), size, ct_strides(x) } };
        ct_loop_over(ct_shape(x), ct_ndim(x), operands, 2, ct__copying(dtype), NULL);
        to += (stacked ? 1 : ct_shape(x)[axis]) * ct_strides(y)[axis] * (int64_t)size;
    }
    return CT_OK;
}

static ct_status concat_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    int axis = ct__from_end(*(const int *)ct_call_attributes(call), ct_ndim(ct_call_y(call, 0)));
    int64_t start = 0, stop;
    for (int i = 0; i < ct_call_inputs(call); i++, start = stop) {
        stop = start + ct_size(ct_call_x(call, i), axis);
        if (ct_call_wants(call, i))
            gx[i] = ct_slice(gy[0], axis, start, stop, 1);
    }
    return CT_OK;
}

static ct_status stack_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    int axis = ct__from_end(*(const int *)ct_call_attributes(call), ct_ndim(ct_call_y(call, 0)));
    for (int i = 0; i < ct_call_inputs(call); i++)
        if (ct_call_wants(call, i))
            gx[i] = ct_select(gy[0], axis, i);
    return CT_OK;
}

static int concat_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 3)
        return 0;
    *(int *)attributes = k == 1 ? -1 : 0;
    x[0] = k == 2 ? ct_randn(cx, CT_F64, CT_SHAPE(3)) : ct_randn(cx, CT_F64, CT_SHAPE(2, 3));
    x[1] = k == 0   ? ct_randn(cx, CT_F64, CT_SHAPE(1, 3))
           : k == 1 ? ct_randn(cx, CT_F64, CT_SHAPE(2, 0))
                    : ct_randn(cx, CT_F64, CT_SHAPE(1));
    x[2] = ct_randn(cx, CT_F64, (const int64_t[]){ k == 2 ? 4 : 2, 3 }, k == 2 ? 1 : 2);
    return 3;
}

static int stack_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 3)
        return 0;
    *(int *)attributes = k == 0 ? 0 : -1;
    for (int i = 0; i < 3; i++)
        x[i] = ct_randn(cx, CT_F64, (const int64_t[]){ 2, 3 }, k < 2 ? 2 : 0);
    return 3;
}

extern const ct_op ct__concat_op, ct__stack_op;
const ct_op ct__concat_op = {
    .name = "concat",
    .formula = "y = x_0, x_1, ... along the axis",
    .derivative = "gx_i = the part of g where y has x_i",
    .inputs = -1,
    .flags = CT_OP_LINEAR | CT_OP_BATCHED,
    .attributes_size = sizeof(int),
    .infer = concat_infer,
    .forward = join,
    .vjp = concat_vjp,
    .sample = concat_sample,
};
const ct_op ct__stack_op = {
    .name = "stack",
    .formula = "y[i] = x_i along a new axis",
    .derivative = "gx_i = g[i]",
    .inputs = -1,
    .flags = CT_OP_LINEAR | CT_OP_BATCHED,
    .attributes_size = sizeof(int),
    .infer = stack_infer,
    .forward = join,
    .vjp = stack_vjp,
    .sample = stack_sample,
};

ct_tensor *ct_concat(ct_tensor *const *x, int n, int axis)
{
    return ct_apply(&ct__concat_op, &axis, x, n);
}

ct_tensor *ct_stack(ct_tensor *const *x, int n, int axis)
{
    return ct_apply(&ct__stack_op, &axis, x, n);
}
