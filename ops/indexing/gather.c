/* gather takes elements by index along an axis: y_j = x_i(j) in each line along it. So gx_i is the
 * sum of gy_j over all j with i(j) = i: scatter_add, which adds elements to those of another
 * tensor, here to zeros. Each is the adjoint of the other, and so its derivative. */
#include <cotangent/ops.h>

#include "copy.h"
#include "index.h"

static ct_status gather_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0), *index = ct_call_x(call, 1);
    int axis = -1;
    ct_status status = ct__check_index(call, ct_ndim(x), &axis);
    if (status != CT_OK)
        return status;
    for (int d = 0; d < ct_ndim(x); d++)
        if (d != axis && ct_shape(index)[d] != ct_shape(x)[d])
            return ct_call_fail(call, CT_ERROR_SHAPE, "sizes differ along axis %d", d);
    return ct__set_size(call, axis, ct_size(index, axis));
}

static ct_status gather_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *index = ct_call_x(call, 1);
    int axis = ct__along_axis(call, x);
    ct_status status = ct__check_range(call, index, ct_size(x, axis), axis);
    return status == CT_OK ? ct__move_lines(x, ct_call_y(call, 0), index, axis, CT__TAKE) : status;
}

static ct_status gather_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    int axis = ct__along_axis(call, gy[0]);
    gx[0] = ct_scatter_add(ct_call_zero(call, 0), axis, ct_call_x(call, 1), gy[0]);
    return CT_OK;
}

static ct_status gather_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    if (!ct_call_adds(call, 0))
        ct__clear(gx[0]);
    return ct__move_lines(gx[0], gy[0], ct_call_x(call, 1), ct__along_axis(call, gx[0]), CT__ADD);
}

static int gather_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 2)
        return 0;
    *(int *)attributes = k == 0 ? 1 : -2;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(2, 3));
    x[1] = k == 0 ? ct_from_ints(cx, CT_SHAPE(2, 4), CT_INTS(2, 0, 2, -1, 1, 1, 0, -3))
                  : ct_from_ints(cx, CT_SHAPE(1, 3), CT_INTS(1, 0, -1));
    return 2;
}

extern const ct_op ct__gather_op;
const ct_op ct__gather_op = {
    .name = "gather",
    .formula = "y[i][j] = x[i][index[i][j]]",
    .derivative = "gx[i][k] = sum of g[i][j] over all j with index[i][j] = k",
    .inputs = 2,
    .flags = CT_OP_LINEAR,
    .saves = CT_SAVE_X(1),
    .attributes_size = sizeof(int),
    .infer = gather_infer,
    .forward = gather_forward,
    .vjp = gather_vjp,
    .backward = gather_backward,
    .sample = gather_sample,
};

ct_tensor *ct_gather(ct_tensor *x, int axis, ct_tensor *index)
{
    return ct_apply(&ct__gather_op, &axis, CT_TENSORS(x, index));
}
