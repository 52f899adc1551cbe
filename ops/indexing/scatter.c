/* scatter, scatter_add, scatter_max: what becomes of x when the elements of a source go to the
 * places that an index names, in each line along an axis. i(j) is the index of source_j.
 *
 * scatter: y_i(j) = source_j. Where several j name one place, the last one stays, so source_j gets
 * gy_i(j) if it is the last, and 0 otherwise. x_i gets gy_i where no index is i. scatter_add: y is
 * linear in both, so gx = gy, and source_j gets gy_i(j). scatter_max: y_i is the largest of x_i and
 * all source_j with i(j) = i. gy_i goes to what equals y_i: k elements get gy_i / k each, as in
 * max. Which ones these are is locally constant, so that only gy is differentiated further. */
#include <cotangent/op.h>
#include <cotangent/ops.h>

#include "index.h"

extern const ct_op ct__scatter_op, ct__scatter_add_op, ct__scatter_max_op;

/* how elements go to their places: what `user` points to */
static const ct__motion motions[] = { CT__SET, CT__ADD, CT__MAX };

static ct__motion motion_of(const ct_call *call)
{
    return *(const ct__motion *)ct_call_op(call)->user;
}

static ct_status scatter_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0), *index = ct_call_x(call, 1);
    int axis = -1;
    ct_status status = ct__check_index(call, ct_ndim(x), &axis);
    if (status == CT_OK)
        status = ct__check_source(call, motion_of(call) != CT__SET);
    if (status != CT_OK)
        return status;
    if (!ct_same_shape(ct_call_x(call, 2), index))
        return ct_call_fail(call, CT_ERROR_SHAPE,
                            "there must be as many indices as elements of the source");
    for (int d = 0; d < ct_ndim(x); d++)
        if (d != axis && ct_shape(index)[d] != ct_shape(x)[d])
            return ct_call_fail(call, CT_ERROR_SHAPE, "sizes differ along axis %d", d);
    return ct_call_set_y(call, 0, ct_dtype_of(x), ct_shape(x), ct_ndim(x));
}

static ct_status scatter_forward(ct_call *call)
{
    ct_tensor *y = ct_call_y(call, 0), *index = ct_call_x(call, 1);
    int axis = ct__along_axis(call, y);
    ct_status status = ct__check_range(call, index, ct_size(y, axis), axis);
    if (status == CT_OK)
        status = ct__begin_with_x(call);
    return status != CT_OK
               ? status
               : ct__move_lines(y, ct_call_x(call, 2), index, axis, motion_of(call));
}

/* Is source_j the last one to go to its place? Each puts its number there, and then looks. */
static ct_tensor *is_last(const ct_tensor *x, int axis, ct_tensor *index)
{
    ct_context *cx = ct_context_of(x);
    int ndim = ct_ndim(x);
    int64_t shape[CT_MAX_DIMS];
    for (int d = 0; d < ndim; d++)
        shape[d] = d == axis ? ct_size(index, axis) : 1;
    ct_tensor *numbers = ct_reshape(ct_range(cx, CT_I64, ct_size(index, axis)), shape, ndim);
    numbers = ct_expand(numbers, ct_shape(index), ndim);
    ct_tensor *places = ct_zeros(cx, CT_I64, ct_shape(x), ndim);
    return ct_eq(ct_gather(ct_scatter(places, axis, index, numbers), axis, index), numbers);
}

static ct_status scatter_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *x = ct_call_x(call, 0), *index = ct_call_x(call, 1);
    ct_tensor *zero = ct_scalar_like(gy[0], 0);
    int axis = ct__along_axis(call, x);
    if (ct_call_wants(call, 0))
        gx[0] = ct_scatter(gy[0], axis, index, ct_expand(zero, ct_shape(index), ct_ndim(index)));
    if (ct_call_wants(call, 2))
        gx[2] = ct_where(is_last(x, axis, index), ct_gather(gy[0], axis, index), zero);
    return CT_OK;
}

static ct_status add_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    gx[0] = gy[0];
    if (ct_call_wants(call, 2))
        gx[2] = ct_gather(gy[0], ct__along_axis(call, gy[0]), ct_call_x(call, 1));
    return CT_OK;
}

/* a = b, where a NaN equals a NaN */
static ct_tensor *equal(ct_tensor *a, ct_tensor *b)
{
    return ct_where(ct_ne(b, b), ct_ne(a, a), ct_eq(a, b));
}

/* which elements of x and of the source equal their y, and how many these are for each y */
typedef struct largest {
    ct_tensor *x, *source, *count;
} largest;

static largest largest_of(const ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *index = ct_call_x(call, 1), *y = ct_call_y(call, 0);
    int axis = ct__along_axis(call, x);
    largest of = { equal(x, y), equal(ct_call_x(call, 2), ct_gather(y, axis, index)), NULL };
    of.count = ct_scatter_add(ct_cast(of.x, ct_dtype_of(x)), axis, index,
                              ct_cast(of.source, ct_dtype_of(x)));
    return of;
}

static ct_status max_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *x = ct_call_x(call, 0), *index = ct_call_x(call, 1);
    int axis = ct__along_axis(call, x);
    ct_tensor *zero = ct_scalar_like(x, 0);
    largest of = largest_of(call);
    ct_tensor *share = ct_div(gy[0], of.count);
    if (ct_call_wants(call, 0))
        gx[0] = ct_where(of.x, share, zero);
    if (ct_call_wants(call, 2))
        gx[2] = ct_where(of.source, ct_gather(share, axis, index), zero);
    return CT_OK;
}

/* ty_i is the mean of the tangents of what equals y_i */
static ct_status max_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    ct_tensor *x = ct_call_x(call, 0), *index = ct_call_x(call, 1), *zero = ct_scalar_like(x, 0);
    largest of = largest_of(call);
    ct_tensor *sum = tx[0] ? ct_where(of.x, tx[0], zero) : ct_zeros_like(x);
    if (tx[2])
        sum = ct_scatter_add(sum, ct__along_axis(call, x), index,
                             ct_where(of.source, tx[2], zero));
    ty[0] = ct_div(sum, of.count);
    return CT_OK;
}

static int scatter_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 3)
        return 0;
    *(int *)attributes = k == 0 ? 1 : k == 1 ? -2 : 0;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(2, 3));
    x[1] = k == 0   ? ct_from_ints(cx, CT_SHAPE(2, 4), CT_INTS(2, 0, 2, -1, 1, 1, 0, -3))
           : k == 1 ? ct_from_ints(cx, CT_SHAPE(1, 3), CT_INTS(1, 0, -1))
                    : ct_zeros(cx, CT_I64, CT_SHAPE(0, 3));
    x[2] = ct_randn(cx, CT_F64, ct_shape(x[1]), 2);
    return 3;
}

const ct_op ct__scatter_op = {
    .name = "scatter",
    .formula = "y = x except y[i][index[i][j]] = source[i][j]",
    .derivative = "gx = g except gx[i][index[i][j]] = 0, gsource[i][j] = g[i][index[i][j]]",
    .inputs = 3,
    .flags = CT_OP_LINEAR,
    .saves = CT_SAVE_X(1),
    .attributes_size = sizeof(int),
    .infer = scatter_infer,
    .forward = scatter_forward,
    .vjp = scatter_vjp,
    .sample = scatter_sample,
    .user = &motions[0],
};
const ct_op ct__scatter_add_op = {
    .name = "scatter_add",
    .formula = "y[i][k] = x[i][k] + sum of source[i][j] over all j with index[i][j] = k",
    .derivative = "gx = g, gsource[i][j] = g[i][index[i][j]]",
    .inputs = 3,
    .flags = CT_OP_LINEAR,
    .saves = CT_SAVE_X(1),
    .attributes_size = sizeof(int),
    .infer = scatter_infer,
    .forward = scatter_forward,
    .vjp = add_vjp,
    .sample = scatter_sample,
    .user = &motions[1],
};
const ct_op ct__scatter_max_op = {
    .name = "scatter_max",
    .formula = "y[i][k] = max of x[i][k] and all source[i][j] with index[i][j] = k",
    .derivative = "gx[i][k] = g[i][k] [x[i][k] = y[i][k]] / m, "
                  "gsource[i][j] = g[i][k] [source[i][j] = y[i][k]] / m with k = index[i][j]",
    .inputs = 3,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1) | CT_SAVE_X(2) | CT_SAVE_Y(0),
    .attributes_size = sizeof(int),
    .infer = scatter_infer,
    .forward = scatter_forward,
    .vjp = max_vjp,
    .jvp = max_jvp,
    .sample = scatter_sample,
    .user = &motions[2],
};

ct_tensor *ct_scatter(ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source)
{
    return ct_apply(&ct__scatter_op, &axis, CT_TENSORS(x, index, source));
}

ct_tensor *ct_scatter_add(ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source)
{
    return ct_apply(&ct__scatter_add_op, &axis, CT_TENSORS(x, index, source));
}

ct_tensor *ct_scatter_max(ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source)
{
    return ct_apply(&ct__scatter_max_op, &axis, CT_TENSORS(x, index, source));
}
