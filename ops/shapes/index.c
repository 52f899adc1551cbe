/* Taking and adding by index. An index may be negative, and then counts from the end. All of them
 * are checked before any is used. */
#include "index.h"

#include <string.h>

#include "copy.h"
#include "lines.h"

int ct__along_axis(const ct_call *call, const ct_tensor *x)
{
    return ct_call_axis(call, ((const ct__along *)ct_call_attributes(call))->axis, ct_ndim(x));
}

/* -- Checks */
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
        return ct_call_fail(call, CT_ERROR_DTYPE, "the index must be i64; ct_cast it");
    if (ct_ndim(index) != ndim)
        return ct_call_fail(call, CT_ERROR_SHAPE, "the index must have %d dimensions, got %d",
                            ndim, ct_ndim(index));
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

/* -- Lines */
/* a line of `index`: its length, the size of the axis that it points along, and the strides */
typedef struct line {
    int64_t length, size, whole, part, index;
} line;

static int64_t place(const line *l, const int64_t *index, int64_t j)
{
    int64_t at = index[j * l->index];
    return at < 0 ? at + l->size : at;
}

#define CT_KERNELS      "index_kernels.h"
#define CT_KERNELS_F32  16
#define CT_KERNELS_F64  16
#define CT_KERNELS_I64  uint64_t
#define CT_KERNELS_BOOL unsigned char
#include <cotangent/kernels.h>
static const ct_loop_body takes[][CT_SIMDS] = CT_KERNEL_TABLE(take);
static const ct_loop_body adds[][CT_SIMDS] = CT_KERNEL_TABLE(add);

/* Does the same as add_f32, by sums in f64. These have the shape and strides of `whole`, and may
 * hold anything at first. Where the line is shorter than the axis, only those elements are visited
 * that it points to. Per element of the line, 3 (8 + 8) bytes of index and sums are moved, 12 of
 * the others, for one addition in f64. */
static void add_many(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const line *l = arg;
    bool all = l->size <= l->length;
    int64_t visits = all ? l->size : l->length;
    for (int64_t i = 0; i < n; i++) {
        float *whole = (float *)data[0] + i * stride[0];
        const float *part = (const float *)data[1] + i * stride[1];
        const int64_t *index = (const int64_t *)data[2] + i * stride[2];
        double *sums = (double *)data[3] + i * stride[3];
        for (int64_t k = 0; k < visits; k++)
            sums[(all ? k : place(l, index, k)) * l->whole] = 0;
        for (int64_t j = 0; j < l->length; j++)
            sums[place(l, index, j) * l->whole] += (double)part[j * l->part];
        for (int64_t k = 0; k < visits; k++) {
            int64_t at = (all ? k : place(l, index, k)) * l->whole;
            whole[at] = (float)((double)whole[at] + sums[at]);
            sums[at] = 0; /* the next visit adds nothing */
        }
    }
}

static line line_of(const ct_tensor *whole, const ct_tensor *part, const ct_tensor *index, int axis)
{
    return (line){ ct_size(index, axis), ct_size(whole, axis), ct_strides(whole)[axis],
                   ct_strides(part)[axis], ct_strides(index)[axis] };
}

void ct__take_lines(ct_tensor *whole, ct_tensor *part, ct_tensor *index, int axis)
{
    line l = line_of(whole, part, index, axis);
    ct__loop_lines(CT_TENSORS(whole, part, index), axis, CT_KERNEL_OF(takes, whole), &l);
}

ct_status ct__add_lines(ct_tensor *whole, ct_tensor *part, ct_tensor *index, int axis)
{
    line l = line_of(whole, part, index, axis);
    if (ct_dtype_of(whole) != CT_F32 || l.length <= CT__OFTEN) {
        ct__loop_lines(CT_TENSORS(whole, part, index), axis, CT_KERNEL_OF(adds, whole), &l);
        return CT_OK;
    }
    ct_context *cx = ct_context_of(whole);
    ct_tensor *sums = ct_empty(cx, CT_F64, ct_shape(whole), ct_ndim(whole));
    if (!sums)
        return ct_error(cx);
    ct__loop_lines(CT_TENSORS(whole, part, index, sums), axis, add_many, &l);
    return CT_OK;
}
