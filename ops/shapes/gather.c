/* gather takes elements by index along an axis: y_j = x_i(j) in each line along it. So gx_i is the
 * sum of gy_j over all j with i(j) = i: scatter_add, which adds elements to zeros. Each is the
 * adjoint of the other, and so its derivative. */
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

static ct_status scatter_add_infer(ct_call *call)
{
    const ct__along *a = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0), *index = ct_call_x(call, 1);
    int axis = -1;
    ct_status status = ct__check_index(call, ct_ndim(x), &axis);
    if (status != CT_OK)
        return status;
    if (!ct_same_shape(x, index))
        return ct_call_fail(call, CT_ERROR_SHAPE, "there must be as many indices as elements");
    return ct__set_size(call, axis, a->size);
}

static ct_status gather_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0);
    int axis = ct__along_axis(call, x);
    ct_status status = ct__check_range(call, ct_size(x, axis));
    if (status == CT_OK)
        ct__take_lines(x, ct_call_y(call, 0), ct_call_x(call, 1), axis);
    return status;
}

static ct_status scatter_add_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    int axis = ct__along_axis(call, x);
    ct_status status = ct__check_range(call, ct_size(y, axis));
    ct__clear(y);
    if (status == CT_OK)
        status = ct__add_lines(y, x, ct_call_x(call, 1), axis);
    return status;
}

extern const ct_op ct__gather_op, ct__scatter_add_op;

static ct_status gather_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const ct_tensor *x = ct_call_x(call, 0);
    int axis = ct__along_axis(call, x);
    ct__along a = { axis, ct_size(x, axis) };
    gx[0] = ct_apply(&ct__scatter_add_op, &a, CT_TENSORS(gy[0], ct_call_x(call, 1)));
    return CT_OK;
}

static ct_status gather_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    if (!ct_call_adds(call, 0))
        ct__clear(gx[0]);
    return ct__add_lines(gx[0], gy[0], ct_call_x(call, 1), ct__along_axis(call, gx[0]));
}

static ct_status scatter_add_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    gx[0] = ct_gather(gy[0], ct__along_axis(call, gy[0]), ct_call_x(call, 1));
    return CT_OK;
}

static int gather_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 2)
        return 0;
    *(ct__along *)attributes = (ct__along){ k == 0 ? 1 : -2, 0 };
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(2, 3));
    x[1] = k == 0 ? ct_from_ints(cx, CT_SHAPE(2, 4), CT_INTS(2, 0, 2, -1, 1, 1, 0, -3))
                  : ct_from_ints(cx, CT_SHAPE(1, 3), CT_INTS(1, 0, -1));
    return 2;
}

static int scatter_add_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 1)
        return 0;
    *(ct__along *)attributes = (ct__along){ 1, 3 };
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(2, 4));
    x[1] = ct_from_ints(cx, CT_SHAPE(2, 4), CT_INTS(2, 0, 2, -1, 1, 1, 0, -3));
    return 2;
}

const ct_op ct__gather_op = {
    .name = "gather",
    .formula = "y[i][j] = x[i][index[i][j]]",
    .derivative = "gx[i][k] = sum of g[i][j] over all j with index[i][j] = k",
    .inputs = 2,
    .saves = CT_SAVE_X(1),
    .attributes_size = sizeof(ct__along),
    .infer = gather_infer,
    .forward = gather_forward,
    .vjp = gather_vjp,
    .backward = gather_backward,
    .sample = gather_sample,
};
const ct_op ct__scatter_add_op = {
    .name = "scatter_add",
    .formula = "y[i][k] = sum of x[i][j] over all j with index[i][j] = k",
    .derivative = "gx[i][j] = g[i][index[i][j]]",
    .inputs = 2,
    .saves = CT_SAVE_X(1),
    .attributes_size = sizeof(ct__along),
    .infer = scatter_add_infer,
    .forward = scatter_add_forward,
    .vjp = scatter_add_vjp,
    .sample = scatter_add_sample,
};

ct_tensor *ct_gather(ct_tensor *x, int axis, ct_tensor *index)
{
    return ct_apply(&ct__gather_op, &(ct__along){ axis, 0 }, CT_TENSORS(x, index));
}
