/* index_select: slabs by index along an axis. y_j = x_i(j), so gx_i is the sum of gy_j over all j
 * that took x_i: index_add, which adds slabs to zeros. Taking and adding are each other's adjoints,
 * hence each other's rules. An index may be negative, from the end; all are looked at before any
 * is used. */
#include "index.h"

#include <cotangent/ops.h>
#include <string.h>

#include "copy.h"

int ct__along_axis(const ct_call *call, const ct_tensor *x)
{
    return ct_call_axis(call, ((const ct__along *)ct_call_attributes(call))->axis, ct_ndim(x));
}

/* -- Indices, all of them in range? */
typedef struct range {
    int64_t size, wrong;
    bool found;
} range;

static void look(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    range *r = *(range *const *)arg;
    const int64_t *index = data[0];
    for (int64_t i = 0; i < n && !r->found; i++) {
        int64_t value = index[i * stride[0]];
        if (value < -r->size || value >= r->size) {
            r->found = true;
            r->wrong = value;
        }
    }
}

ct_status ct__check_range(const ct_call *call, int64_t size)
{
    ct_tensor *index = ct_call_x(call, 1);
    range r = { .size = size }, *to = &r;
    const ct_operand operand = { (void *)(uintptr_t)ct_data(index), sizeof(int64_t),
                                 ct_strides(index) };
    ct_loop_over(ct_shape(index), ct_ndim(index), &operand, 1, look, &to);
    if (r.found)
        return ct_call_fail(call, CT_ERROR_RANGE, "index %lld of size %lld", (long long)r.wrong,
                            (long long)size);
    return CT_OK;
}

ct_status ct__check_index(const ct_call *call, int ndim, int *axis)
{
    const ct_tensor *index = ct_call_x(call, 1);
    if (ct_dtype_of(index) != CT_I64)
        return ct_call_fail(call, CT_ERROR_DTYPE, "the index is not i64; ct_cast it");
    if (ct_ndim(index) != ndim)
        return ct_call_fail(call, CT_ERROR_SHAPE, "the index has %d dimensions, not %d",
                            ct_ndim(index), ndim);
    *axis = ct__along_axis(call, ct_call_x(call, 0));
    return *axis < 0 ? CT_ERROR_RANGE : CT_OK;
}

ct_status ct__set_size(ct_call *call, int axis, int64_t size)
{
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS];
    memcpy(shape, ct_shape(x), (size_t)ct_ndim(x) * sizeof *shape);
    shape[axis] = size;
    return ct_call_set_y(call, 0, ct_dtype_of(x), shape, ct_ndim(x));
}

/* -- index_select and index_add: slab j of one is slab index[j] of the other */
static ct_status index_select_infer(ct_call *call)
{
    int axis = -1;
    ct_status status = ct__check_index(call, 1, &axis);
    return status == CT_OK ? ct__set_size(call, axis, ct_count(ct_call_x(call, 1))) : status;
}

static ct_status index_add_infer(ct_call *call)
{
    const ct__along *a = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0), *index = ct_call_x(call, 1);
    int axis = -1;
    ct_status status = ct__check_index(call, 1, &axis);
    if (status != CT_OK)
        return status;
    if (ct_size(x, axis) != ct_count(index))
        return ct_call_fail(call, CT_ERROR_SHAPE, "as many indices are needed as the axis has");
    return ct__set_size(call, axis, a->size);
}

/* for each j: slab j of `part` = slab index[j] of `whole`; if it adds, the latter += the former */
typedef struct slabs {
    ct_tensor *whole, *part, *index;
    int axis;
    bool adds;
} slabs;

/* sizes or strides of the other axes */
static void without(int axis, const int64_t *all, int ndim, int64_t *rest)
{
    for (int d = 0; d < ndim; d++)
        if (d != axis)
            *rest++ = all[d];
}

static bool lie_together(const int64_t *shape, const int64_t *strides, int ndim)
{
    int64_t next = 1;
    for (int d = ndim - 1; d >= 0; next *= shape[d--])
        if (shape[d] != 1 && strides[d] != next)
            return false;
    return true;
}

static void one_by_one(const slabs *s)
{
    static const int64_t ones[2] = { 1, 1 };
    int64_t shape[CT_MAX_DIMS], of_whole[CT_MAX_DIMS], of_part[CT_MAX_DIMS], count = 1;
    int ndim = ct_ndim(s->whole), axis = s->axis;
    ct_dtype dtype = ct_dtype_of(s->whole);
    ct_loop_body body = s->adds ? ct__adding(dtype) : ct__copying(dtype);
    size_t size = ct__size_of(dtype);
    const int64_t *at = ct_data(s->index), each = ct_strides(s->index)[0];
    const int64_t n = ct_count(s->index), all = ct_shape(s->whole)[axis];
    const int64_t steps[] = { ct_strides(s->part)[axis] * (int64_t)size,
                              ct_strides(s->whole)[axis] * (int64_t)size };
    without(axis, ct_shape(s->part), ndim, shape);
    without(axis, ct_strides(s->whole), ndim, of_whole);
    without(axis, ct_strides(s->part), ndim, of_part);
    bool flat = lie_together(shape, of_whole, ndim - 1) && lie_together(shape, of_part, ndim - 1);
    for (int d = 0; d < ndim - 1; d++)
        count *= shape[d];
    char *part = (char *)(uintptr_t)ct_data(s->part), *whole = (char *)(uintptr_t)ct_data(s->whole);
    for (int64_t j = 0; j < n; j++) {
        int64_t i = at[j * each] + (at[j * each] < 0 ? all : 0);
        ct_operand one = { part + j * steps[0], size, of_part };
        ct_operand other = { whole + i * steps[1], size, of_whole };
        ct_operand operands[] = { s->adds ? other : one, s->adds ? one : other };
        if (flat)
            body(count, (void *[]){ operands[0].data, operands[1].data }, ones, NULL);
        else
            ct_loop_over(shape, ndim - 1, operands, 2, body, NULL);
    }
}

/* A slab costs some ns before its first element is moved: where there are many, few elements go by
 * lines along the axis, and so do those that lie along it in memory */
static ct_status each_slab(const slabs *s)
{
    enum { NARROW = 6, MANY = 64 };
    int ndim = ct_ndim(s->whole);
    int64_t n = ct_count(s->index), shape[CT_MAX_DIMS];
    bool wide = ct_count(s->part) >= NARROW * n && ct_strides(s->whole)[s->axis] != 1;
    if (wide || n < MANY) {
        one_by_one(s);
        return CT_OK;
    }
    for (int d = 0; d < ndim; d++)
        shape[d] = d == s->axis ? n : 1;
    ct_tensor *index = ct_broadcast_to(ct_reshape(s->index, shape, ndim), ct_shape(s->part), ndim);
    if (!index)
        return ct_error(ct_context_of(s->whole));
    ct__each_line(s->whole, s->part, index, s->axis, s->adds);
    return CT_OK;
}

static ct_status index_select_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0);
    int axis = ct__along_axis(call, x);
    ct_status status = ct__check_range(call, ct_size(x, axis));
    if (status == CT_OK)
        status = each_slab(&(slabs){ x, ct_call_y(call, 0), ct_call_x(call, 1), axis, false });
    return status;
}

static ct_status index_add_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    int axis = ct__along_axis(call, x);
    ct_status status = ct__check_range(call, ct_size(y, axis));
    ct__clear(y);
    if (status == CT_OK)
        status = each_slab(&(slabs){ y, x, ct_call_x(call, 1), axis, true });
    return status;
}

extern const ct_op ct__index_select_op, ct__index_add_op;

static ct_status index_select_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const ct_tensor *x = ct_call_x(call, 0);
    int axis = ct__along_axis(call, x);
    ct__along a = { axis, ct_size(x, axis) };
    gx[0] = ct_apply(&ct__index_add_op, &a, CT_TENSORS(gy[0], ct_call_x(call, 1)));
    return CT_OK;
}

static ct_status index_select_backward(const ct_call *call, ct_tensor *const *gy,
                                       ct_tensor *const *gx)
{
    if (!ct_call_adds(call, 0))
        ct__clear(gx[0]);
    return each_slab(&(slabs){ gx[0], gy[0], ct_call_x(call, 1), ct__along_axis(call, gx[0]),
                               true });
}

static ct_status index_add_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    gx[0] = ct_index_select(gy[0], ct__along_axis(call, gy[0]), ct_call_x(call, 1));
    return CT_OK;
}

static int index_select_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 3)
        return 0;
    *(ct__along *)attributes = (ct__along){ k == 0 ? 0 : -1, 4 };
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(4, 3, 4));
    x[1] = k == 2 ? ct_from_ints(cx, CT_SHAPE(0), NULL, 0)
                  : ct_from_ints(cx, CT_SHAPE(4), CT_INTS(2, 0, 2, -1));
    return 2;
}

static int index_add_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 2)
        return 0;
    *(ct__along *)attributes = (ct__along){ k, 3 };
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(4, 4));
    x[1] = ct_from_ints(cx, CT_SHAPE(4), CT_INTS(2, 0, 2, -1));
    return 2;
}

const ct_op ct__index_select_op = {
    .name = "index_select",
    .inputs = 2,
    .saves = CT_SAVE_X(1),
    .attributes_size = sizeof(ct__along),
    .infer = index_select_infer,
    .forward = index_select_forward,
    .vjp = index_select_vjp,
    .backward = index_select_backward,
    .sample = index_select_sample,
};
const ct_op ct__index_add_op = {
    .name = "index_add",
    .inputs = 2,
    .saves = CT_SAVE_X(1),
    .attributes_size = sizeof(ct__along),
    .infer = index_add_infer,
    .forward = index_add_forward,
    .vjp = index_add_vjp,
    .sample = index_add_sample,
};

ct_tensor *ct_index_select(ct_tensor *x, int axis, ct_tensor *index)
{
    return ct_apply(&ct__index_select_op, &(ct__along){ axis, 0 }, CT_TENSORS(x, index));
}
