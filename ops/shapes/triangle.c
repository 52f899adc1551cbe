/* tril and triu keep the elements on one side of a diagonal, and put 0 in place of the others. Each
 * y_ij that is kept is x_ij, so gx keeps the same elements of gy. */
#include <cotangent/ops.h>
#include <string.h>

#include "copy.h"

static int64_t clamp(int64_t i, int64_t low, int64_t high)
{
    return i < low ? low : i > high ? high : i;
}

static ct_status triangle_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    if (ct_ndim(x) < 2)
        return ct_call_fail(call, CT_ERROR_SHAPE, "x must have two dimensions or more");
    return ct_call_set_y(call, 0, ct_dtype_of(x), ct_shape(x), ct_ndim(x));
}

/* Copies the elements on one side, line by line: of all matrices together, in each line those from
 * `begin` to `end`. Lines are rows or, where these are fewer, columns: of the transposed matrix the
 * other side is kept, of the opposite offset. */
static void keep(ct_tensor *y, ct_tensor *x, int64_t offset, bool lower)
{
    int ndim = ct_ndim(x), across = ndim - 2, along = ndim - 1;
    if (ct_shape(x)[along] < ct_shape(x)[across]) {
        across = ndim - 1, along = ndim - 2;
        offset = -offset, lower = !lower;
    }
    int64_t shape[CT_MAX_DIMS], to[CT_MAX_DIMS], from[CT_MAX_DIMS], n = ct_shape(x)[along];
    size_t size = ct_dtype_size(ct_dtype_of(x));
    memcpy(shape, ct_shape(x), (size_t)ndim * sizeof *shape);
    memcpy(to, ct_strides(y), (size_t)ndim * sizeof *to);
    memcpy(from, ct_strides(x), (size_t)ndim * sizeof *from);
    shape[across] = 1;
    char *y0 = ct_data_mutable(y), *x0 = (char *)(uintptr_t)ct_data(x);
    for (int64_t i = 0; i < ct_shape(x)[across]; i++) {
        int64_t begin = lower ? 0 : clamp(i + offset, 0, n);
        int64_t end = lower ? clamp(i + offset + 1, 0, n) : n;
        int64_t y_at = i * to[across] + begin * to[along];
        int64_t x_at = i * from[across] + begin * from[along];
        ct_operand operands[] = { { y0 + y_at * (int64_t)size, size, to },
                                  { x0 + x_at * (int64_t)size, size, from } };
        shape[along] = end - begin;
        ct_loop_over(shape, ndim, operands, 2, ct__copying(ct_dtype_of(x)), NULL);
    }
}

extern const ct_op ct__tril_op, ct__triu_op;

static ct_status triangle_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    int64_t rows = ct_size(x, -2), columns = ct_size(x, -1);
    int64_t offset = clamp(*(const int64_t *)ct_call_attributes(call), -rows, columns);
    ct__clear(y);
    if (ct_count(x) > 0)
        keep(y, x, offset, ct_call_op(call) == &ct__tril_op);
    return CT_OK;
}

static ct_status triangle_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    gx[0] = ct_apply(ct_call_op(call), ct_call_attributes(call), gy, 1);
    return CT_OK;
}

static int triangle_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const int64_t offsets[] = { 0, 1, -1, 7, 0 };
    if (k >= 5)
        return 0;
    *(int64_t *)attributes = offsets[k];
    x[0] = k == 1   ? ct_randn(cx, CT_F64, CT_SHAPE(2, 3, 2))
           : k == 4 ? ct_randn(cx, CT_F64, CT_SHAPE(2, 0))
                    : ct_randn(cx, CT_F64, CT_SHAPE(3, 4));
    return 1;
}

const ct_op ct__tril_op = {
    .name = "tril",
    .formula = "y_ij = x_ij [j <= i + offset]",
    .derivative = "gx_ij = g_ij [j <= i + offset]",
    .inputs = 1,
    .flags = CT_OP_LINEAR | CT_OP_BATCHED,
    .attributes_size = sizeof(int64_t),
    .infer = triangle_infer,
    .forward = triangle_forward,
    .vjp = triangle_vjp,
    .sample = triangle_sample,
};
const ct_op ct__triu_op = {
    .name = "triu",
    .formula = "y_ij = x_ij [j >= i + offset]",
    .derivative = "gx_ij = g_ij [j >= i + offset]",
    .inputs = 1,
    .flags = CT_OP_LINEAR | CT_OP_BATCHED,
    .attributes_size = sizeof(int64_t),
    .infer = triangle_infer,
    .forward = triangle_forward,
    .vjp = triangle_vjp,
    .sample = triangle_sample,
};

ct_tensor *ct_tril(ct_tensor *x, int64_t offset)
{
    return ct_apply(&ct__tril_op, &offset, &x, 1);
}

ct_tensor *ct_triu(ct_tensor *x, int64_t offset)
{
    return ct_apply(&ct__triu_op, &offset, &x, 1);
}
