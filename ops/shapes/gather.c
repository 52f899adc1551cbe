/* gather: elements by index along an axis. y_j = x_i(j) within each line, so gx_i is the sum of
 * gy_j over all j that took x_i: scatter_add, which adds elements to zeros. Each is the other's
 * adjoint and rule, as with index_select and index_add. */
#include <cotangent/ops.h>

#include "axes.h"
#include "copy.h"
#include "index.h"

/* a line of `index`: how long, the size of the axis it points along, and the strides */
typedef struct line {
    int64_t length, size, whole, part, index;
} line;

#define CT_KERNELS      "gather_kernels.h"
#define CT_KERNELS_F32  16
#define CT_KERNELS_F64  16
#define CT_KERNELS_I64  uint64_t
#define CT_KERNELS_BOOL unsigned char
#include <cotangent/kernels.h>
static const ct_loop_body taking[][CT_SIMDS] = CT_KERNEL_TABLE(take);
static const ct_loop_body adding[][CT_SIMDS] = CT_KERNEL_TABLE(add);

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
        return ct_call_fail(call, CT_ERROR_SHAPE, "as many indices are needed as elements");
    return ct__set_size(call, axis, a->size);
}

void ct__each_line(ct_tensor *whole, ct_tensor *part, ct_tensor *index, int axis, bool adds)
{
    line l = { ct_size(index, axis), ct_size(whole, axis), ct_strides(whole)[axis],
               ct_strides(part)[axis], ct_strides(index)[axis] };
    ct__loop_lines(CT_TENSORS(whole, part, index), axis,
                   CT_KERNEL_OF(adds ? adding : taking, whole), &l);
}

static ct_status gather_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0);
    int axis = ct__along_axis(call, x);
    ct_status status = ct__check_range(call, ct_size(x, axis));
    if (status == CT_OK)
        ct__each_line(x, ct_call_y(call, 0), ct_call_x(call, 1), axis, false);
    return status;
}

static ct_status scatter_add_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    int axis = ct__along_axis(call, x);
    ct_status status = ct__check_range(call, ct_size(y, axis));
    ct__clear(y);
    if (status == CT_OK)
        ct__each_line(y, x, ct_call_x(call, 1), axis, true);
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
    ct__each_line(gx[0], gy[0], ct_call_x(call, 1), ct__along_axis(call, gx[0]), true);
    return CT_OK;
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
