/* index_select takes slabs by index: a slab is all elements at one position along an axis. y_j =
 * x_i(j), so gx_i is the sum of gy_j over all j with i(j) = i: index_add, which adds slabs to those
 * of another tensor, here to zeros. Each is the adjoint of the other, and so its derivative. */
#include <cotangent/ops.h>

#include "copy.h"
#include "slabs.h"

/* -- index_select: y_j = x_i(j) */
static ct_status index_select_infer(ct_call *call)
{
    int axis = -1;
    ct_status status = ct__check_index(call, 1, &axis);
    return status == CT_OK ? ct__set_size(call, axis, ct_count(ct_call_x(call, 1))) : status;
}

static ct_status index_select_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *index = ct_call_x(call, 1);
    int axis = ct__along_axis(call, x);
    ct_status status = ct__check_range(call, index, ct_size(x, axis), axis);
    if (status != CT_OK)
        return status;
    return ct__move_slabs(call, &(ct__slabs){ x, ct_call_y(call, 0), index, axis, CT__TAKE });
}

static ct_status index_select_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const ct_tensor *x = ct_call_x(call, 0);
    int axis = ct__along_axis(call, x) - ct_ndim(x); /* from the end, also in a batch */
    gx[0] = ct_index_add(ct_call_zero(call, 0), axis, ct_call_x(call, 1), gy[0]);
    return CT_OK;
}

static ct_status index_select_backward(const ct_call *call, ct_tensor *const *gy,
                                       ct_tensor *const *gx)
{
    if (!ct_call_adds(call, 0))
        ct__clear(gx[0]);
    ct_tensor *index = ct_call_x(call, 1);
    int axis = ct__along_axis(call, gx[0]);
    ct_status status = ct__move_slabs(call, &(ct__slabs){ gx[0], gy[0], index, axis, CT__ADD });
    return status == CT_OK && axis == 0 ? ct_call_touched(call, 0, gx[0], index) : status;
}

static int index_select_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 3)
        return 0;
    *(int *)attributes = k == 0 ? 0 : -1;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(4, 3, 4));
    x[1] = k == 2 ? ct_from_ints(cx, CT_SHAPE(0), NULL, 0)
                  : ct_from_ints(cx, CT_SHAPE(4), CT_INTS(2, 0, 2, -1));
    return 2;
}

extern const ct_op ct__index_select_op, ct__index_add_op;
const ct_op ct__index_select_op = {
    .name = "index_select",
    .formula = "y[j] = x[index[j]]",
    .derivative = "gx[i] = sum of g[j] over all j with index[j] = i",
    .inputs = 2,
    .flags = CT_OP_LINEAR | CT_OP_BATCHED,
    .saves = CT_SAVE_X(1),
    .attributes_size = sizeof(int),
    .infer = index_select_infer,
    .forward = index_select_forward,
    .vjp = index_select_vjp,
    .backward = index_select_backward,
    .sample = index_select_sample,
};

ct_tensor *ct_index_select(ct_tensor *x, int axis, ct_tensor *index)
{
    return ct_apply(&ct__index_select_op, &axis, CT_TENSORS(x, index));
}

/* -- index_add: y_i = x_i + sum of source_j over all j with i(j) = i; gx = gy, gsource_j = gy_i(j)
   */
static ct_status index_add_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0), *source = ct_call_x(call, 2);
    int axis = -1;
    ct_status status = ct__check_index(call, 1, &axis);
    if (status == CT_OK)
        status = ct__check_source(call, true);
    if (status != CT_OK)
        return status;
    bool fits = ct_ndim(source) == ct_ndim(x);
    for (int d = 0; fits && d < ct_ndim(x); d++)
        fits = ct_shape(source)[d] ==
               (d == axis ? ct_count(ct_call_x(call, 1)) : ct_shape(x)[d]);
    if (!fits)
        return ct_call_fail(call, CT_ERROR_SHAPE,
                            "the source must have a slab of x for each index");
    return ct_call_set_y(call, 0, ct_dtype_of(x), ct_shape(x), ct_ndim(x));
}

static ct_status index_add_forward(ct_call *call)
{
    ct_tensor *y = ct_call_y(call, 0), *index = ct_call_x(call, 1);
    int axis = ct__along_axis(call, y);
    ct_status status = ct__check_range(call, index, ct_size(y, axis), axis);
    if (status == CT_OK)
        status = ct__begin_with_x(call);
    if (status != CT_OK)
        return status;
    return ct__move_slabs(call, &(ct__slabs){ y, ct_call_x(call, 2), index, axis, CT__ADD });
}

static ct_status index_add_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const ct_tensor *x = ct_call_x(call, 0);
    gx[0] = gy[0];
    if (ct_call_wants(call, 2))
        gx[2] = ct_index_select(gy[0], ct__along_axis(call, x) - ct_ndim(x), ct_call_x(call, 1));
    return CT_OK;
}

static int index_add_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 3)
        return 0;
    *(int *)attributes = k == 2 ? -1 : k;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(3, 3));
    x[1] = k == 2 ? ct_zeros(cx, CT_I64, CT_SHAPE(0))
                  : ct_from_ints(cx, CT_SHAPE(4), CT_INTS(2, 0, 2, -1));
    static const int64_t shapes[][2] = { { 4, 3 }, { 3, 4 }, { 3, 0 } };
    x[2] = ct_randn(cx, CT_F64, shapes[k], 2);
    return 3;
}

const ct_op ct__index_add_op = {
    .name = "index_add",
    .formula = "y[i] = x[i] + sum of source[j] over all j with index[j] = i",
    .derivative = "gx = g, gsource[j] = g[index[j]]",
    .inputs = 3,
    .flags = CT_OP_LINEAR | CT_OP_BATCHED,
    .saves = CT_SAVE_X(1),
    .attributes_size = sizeof(int),
    .infer = index_add_infer,
    .forward = index_add_forward,
    .vjp = index_add_vjp,
    .sample = index_add_sample,
};

ct_tensor *ct_index_add(ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source)
{
    return ct_apply(&ct__index_add_op, &axis, CT_TENSORS(x, index, source));
}
