/* index takes elements of x by n lists of indices, x[i, j, ...], and index_put writes or adds to
 * them. The lists broadcast to one shape; each place in it names a position on the first n axes of
 * x, and with it all elements of x there.
 *
 * A position on n axes is one number on a single axis of their common size: so x is reshaped, and
 * slabs are moved. y = x[i, j] makes gx the sum of gy over all places that name the same position:
 * index_put on zeros, which adds. What index_put adds gets gy[i, j], and x gets gy; what it writes
 * gets gy[i, j] where it is the last one to be written to its position, else 0, and x gets gy where
 * nothing is written. */
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <string.h>

#include "slabs.h"

/* the attribute of both; each begins with it */
typedef struct put {
    bool accumulate;
} put;

/* The shape to which the indices broadcast, and, behind it, the other axes of x. The indices are
 * the inputs from `first` on. */
static ct_status picked_shape(const ct_call *call, int first, int64_t *shape, int *ndim)
{
    const ct_tensor *x = ct_call_x(call, 0);
    int n = ct_call_inputs(call) - first;
    *ndim = 0;
    if (n > ct_ndim(x))
        return ct_call_fail(call, CT_ERROR_RANGE, "there must be at most %d indices, got %d",
                            ct_ndim(x), n);
    for (int k = 0; k < n; k++) {
        const ct_tensor *index = ct_call_x(call, first + k);
        if (ct_dtype_of(index) != CT_I64)
            return ct_call_fail(call, CT_ERROR_DTYPE, "index %d must be i64; ct_cast it", k + 1);
        if (!ct_broadcast_shape(shape, ndim, ct_shape(index), ct_ndim(index)))
            return ct_call_fail(call, CT_ERROR_SHAPE, "the indices do not broadcast");
    }
    if (*ndim + ct_ndim(x) - n > CT_MAX_DIMS)
        return ct_call_fail(call, CT_ERROR_RANGE, "%d dimensions; 0 to %d are possible",
                            *ndim + ct_ndim(x) - n, CT_MAX_DIMS);
    for (int d = n; d < ct_ndim(x); d++)
        shape[(*ndim)++] = ct_shape(x)[d];
    return CT_OK;
}

/* position = position * size + index */
static void add_digit(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    int64_t size = *(const int64_t *)arg, *y = data[0];
    const int64_t *x = data[1];
    for (int64_t i = 0; i < n; i++) {
        int64_t index = x[i * stride[1]];
        y[i * stride[0]] = y[i * stride[0]] * size + (index < 0 ? index + size : index);
    }
}

/* The positions that the indices name, as one list of numbers. */
static ct_tensor *positions(const ct_call *call, int first, const int64_t *shape, int ndim)
{
    const ct_tensor *x = ct_call_x(call, 0);
    int n = ct_call_inputs(call) - first;
    ct_tensor *all = ct_zeros(ct_context_of(x), CT_I64, shape, ndim - (ct_ndim(x) - n));
    for (int k = 0; all && k < n; k++)
        ct_loop(CT_TENSORS(all, ct_call_x(call, first + k)), add_digit, &ct_shape(x)[k]);
    return ct_reshape(all, CT_SHAPE(-1));
}

/* t as slabs along one axis, in place of its first n: a view, if t is contiguous */
static ct_tensor *as_slabs(ct_tensor *t, int n)
{
    int64_t shape[CT_MAX_DIMS + 1] = { 1 };
    for (int d = 0; d < ct_ndim(t); d++)
        if (d < n)
            shape[0] *= ct_shape(t)[d];
        else
            shape[d - n + 1] = ct_shape(t)[d];
    return ct_reshape(t, shape, ct_ndim(t) - n + 1);
}

/* Moves the slabs of x or y that the indices name, and those of `part`, which has their shape. */
static ct_status move_picked(ct_call *call, ct_tensor *whole, ct_tensor *part, ct__motion motion)
{
    int first = motion == CT__TAKE ? 1 : 2, n = ct_call_inputs(call) - first, ndim;
    int64_t shape[CT_MAX_DIMS];
    picked_shape(call, first, shape, &ndim);
    for (int k = 0; k < n; k++) {
        ct_status status = ct__check_range(call, ct_call_x(call, first + k), ct_shape(whole)[k], k);
        if (status != CT_OK)
            return status;
    }
    if (ct_count(part) == 0)
        return CT_OK;
    ct_tensor *index = positions(call, first, shape, ndim);
    ct__slabs s = { as_slabs(whole, n), as_slabs(part, ndim - (ct_ndim(whole) - n)), index, 0,
                    motion };
    if (!s.whole || !s.part || !s.index)
        return ct_error(ct_call_context(call));
    return ct__move_slabs(call, &s);
}

static ct_tensor *const *indices_of(const ct_call *call, int first, ct_tensor **room)
{
    for (int k = first; k < ct_call_inputs(call); k++)
        room[k - first] = ct_call_x(call, k);
    return room;
}

/* -- index */
static ct_status index_infer(ct_call *call)
{
    int64_t shape[CT_MAX_DIMS];
    int ndim;
    ct_status status = picked_shape(call, 1, shape, &ndim);
    return status != CT_OK ? status
                           : ct_call_set_y(call, 0, ct_dtype_of(ct_call_x(call, 0)), shape, ndim);
}

static ct_status index_forward(ct_call *call)
{
    return move_picked(call, ct_call_x(call, 0), ct_call_y(call, 0), CT__TAKE);
}

static ct_status index_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *room[CT_MAX_DIMS];
    gx[0] = ct_index_put(ct_call_zero(call, 0), indices_of(call, 1, room),
                         ct_call_inputs(call) - 1, gy[0], true);
    return CT_OK;
}

static int index_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    if (k >= 4)
        return 0;
    x[0] = ct_randn(cx, CT_F64, (const int64_t[]){ 3, 4, 2 }, k == 1 ? 2 : 3);
    x[1] = ct_from_ints(cx, CT_SHAPE(3), CT_INTS(2, 0, -1));
    if (k == 3)
        x[1] = ct_zeros(cx, CT_I64, CT_SHAPE(0));
    x[2] = k == 1 ? ct_from_ints(cx, CT_SHAPE(3), CT_INTS(3, 1, 3))
                  : ct_from_ints(cx, CT_SHAPE(2, 1), CT_INTS(-1, 0));
    return k == 0 || k == 3 ? 2 : 3;
}

extern const ct_op ct__index_op, ct__index_put_op;
const ct_op ct__index_op = {
    .name = "index",
    .formula = "y[k] = x[i[k], j[k], ...]",
    .derivative = "gx[a, b, ...] = sum of g[k] over all k with i[k] = a, j[k] = b, ...",
    .inputs = -2,
    .flags = CT_OP_LINEAR,
    .saves = CT_SAVE_ALL_X & ~CT_SAVE_X(0),
    .infer = index_infer,
    .forward = index_forward,
    .vjp = index_vjp,
    .sample = index_sample,
};

/* -- index_put */
static ct_status index_put_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0), *value = ct_call_x(call, 1);
    const put *p = ct_call_attributes(call);
    int64_t shape[CT_MAX_DIMS], wide[CT_MAX_DIMS];
    int ndim, most;
    ct_status status = picked_shape(call, 2, shape, &ndim);
    if (status != CT_OK)
        return status;
    if (ct_dtype_of(value) != ct_dtype_of(x))
        return ct_call_fail(call, CT_ERROR_DTYPE, "dtypes differ; ct_cast one");
    if (p->accumulate && ct_dtype_of(x) == CT_BOOL)
        return ct_call_fail(call, CT_ERROR_DTYPE, "bool has no sums; ct_cast it");
    memcpy(wide, shape, sizeof wide);
    most = ndim;
    if (!ct_broadcast_shape(wide, &most, ct_shape(value), ct_ndim(value)) || most > ndim ||
        memcmp(wide, shape, (size_t)ndim * sizeof *shape) != 0)
        return ct_call_fail(call, CT_ERROR_SHAPE, "the value does not broadcast to x[indices]");
    return ct_call_set_y(call, 0, ct_dtype_of(x), ct_shape(x), ct_ndim(x));
}

static ct_status index_put_forward(ct_call *call)
{
    const put *p = ct_call_attributes(call);
    int64_t shape[CT_MAX_DIMS];
    int ndim;
    picked_shape(call, 2, shape, &ndim);
    ct_tensor *value = ct_expand(ct_call_x(call, 1), shape, ndim);
    ct_status status = value ? ct__begin_with_x(call) : ct_error(ct_call_context(call));
    if (status != CT_OK)
        return status;
    return move_picked(call, ct_call_y(call, 0), value, p->accumulate ? CT__ADD : CT__SET);
}

/* Is what goes to this place the last one to be written there? Of the shape of the indices, with n
 * more axes of size 1. */
static ct_tensor *is_last(const ct_call *call, ct_tensor *const *index, int n)
{
    const ct_tensor *x = ct_call_x(call, 0);
    ct_context *cx = ct_context_of(x);
    int64_t shape[CT_MAX_DIMS], count = 1;
    int ndim, rest = ct_ndim(x) - n;
    picked_shape(call, 2, shape, &ndim);
    for (int d = 0; d < ndim - rest; d++)
        count *= shape[d];
    ct_tensor *numbers = ct_reshape(ct_range(cx, CT_I64, count), shape, ndim - rest);
    ct_tensor *owner = ct_index_put(ct_zeros(cx, CT_I64, ct_shape(x), n), index, n, numbers, false);
    for (int d = ndim - rest; d < ndim; d++)
        shape[d] = 1;
    return ct_reshape(ct_eq(ct_index(owner, index, n), numbers), shape, ndim);
}

static ct_status index_put_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const put *p = ct_call_attributes(call);
    const ct_tensor *value = ct_call_x(call, 1);
    ct_tensor *room[CT_MAX_DIMS], *zero = ct_scalar_like(gy[0], 0);
    ct_tensor *const *index = indices_of(call, 2, room);
    int n = ct_call_inputs(call) - 2;
    if (ct_call_wants(call, 0))
        gx[0] = p->accumulate ? gy[0] : ct_index_put(gy[0], index, n, zero, false);
    if (!ct_call_wants(call, 1))
        return CT_OK;
    ct_tensor *taken = ct_index(gy[0], index, n);
    if (!p->accumulate)
        taken = ct_where(is_last(call, index, n), taken, zero);
    gx[1] = ct_sum_to(taken, ct_shape(value), ct_ndim(value));
    return CT_OK;
}

static int index_put_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 6)
        return 0;
    *(put *)attributes = (put){ k % 2 };
    x[0] = ct_randn(cx, CT_F64, (const int64_t[]){ 3, 4, 2 }, k < 2 ? 2 : 3);
    x[1] = k < 2   ? ct_randn(cx, CT_F64, CT_SHAPE(4))
           : k < 4 ? ct_randn(cx, CT_F64, CT_SHAPE(3, 1))
                   : ct_randn(cx, CT_F64, NULL, 0);
    x[2] = k < 2 ? ct_from_ints(cx, CT_SHAPE(4), CT_INTS(2, 0, -1, 2))
                 : ct_from_ints(cx, CT_SHAPE(3), CT_INTS(2, 0, -1));
    x[3] = k < 2 ? ct_from_ints(cx, CT_SHAPE(4), CT_INTS(3, 1, 3, 0))
                 : ct_from_ints(cx, CT_SHAPE(2, 1), CT_INTS(-1, 3));
    return 4;
}

const ct_op ct__index_put_op = {
    .name = "index_put",
    .formula = "y = x except y[i[k], j[k], ...] = value[k]",
    .derivative = "gx = g except gx[i[k], j[k], ...] = 0, gvalue[k] = g[i[k], j[k], ...]",
    .inputs = -3,
    .flags = CT_OP_LINEAR,
    .saves = CT_SAVE_ALL_X & ~(CT_SAVE_X(0) | CT_SAVE_X(1)),
    .attributes_size = sizeof(put),
    .infer = index_put_infer,
    .forward = index_put_forward,
    .vjp = index_put_vjp,
    .sample = index_put_sample,
};

/* Puts x, the value if there is one, and the indices in a row. false and an error: there are too
 * few or too many, or no list. */
static bool gather_inputs(ct_tensor **all, ct_tensor *x, ct_tensor *const *index, int n,
                          const char *who)
{
    if (!ct_usable(x, who))
        return false;
    if (n < 1 || n > CT_MAX_DIMS || !index)
        return ct_fail(ct_context_of(x), index ? CT_ERROR_RANGE : CT_ERROR_NULL,
                       "%s: there must be a list of 1 to %d indices, got %d%s", who, CT_MAX_DIMS, n,
                       index ? "" : " and NULL"), false;
    memcpy(all, index, (size_t)n * sizeof *all);
    return true;
}

ct_tensor *ct_index(ct_tensor *x, ct_tensor *const *index, int n)
{
    ct_tensor *all[CT_MAX_DIMS + 1] = { x };
    return gather_inputs(all + 1, x, index, n, "index") ? ct_apply(&ct__index_op, NULL, all, n + 1)
                                                        : NULL;
}

ct_tensor *ct_index_put(ct_tensor *x, ct_tensor *const *index, int n, ct_tensor *value,
                        bool accumulate)
{
    ct_tensor *all[CT_MAX_DIMS + 2] = { x, value };
    return gather_inputs(all + 2, x, index, n, "index_put")
               ? ct_apply(&ct__index_put_op, &(put){ accumulate }, all, n + 2) : NULL;
}
