/* Taking, setting and adding by index. All indices are checked before any is used. */
#include "index.h"

#include <stdio.h>
#include <string.h>

#include "copy.h"
#include "lines.h"

int ct__along_axis(const ct_call *call, const ct_tensor *x)
{
    return ct_call_axis(call, *(const int *)ct_call_attributes(call), ct_ndim(x));
}

/* -- Checks */
const char *ct__place_text(const ct_tensor *x, int64_t i, char text[CT__PLACE_TEXT])
{
    int64_t at[CT_MAX_DIMS] = { 0 };
    size_t used = 0;
    for (int d = ct_ndim(x) - 1; d >= 0; i /= ct_shape(x)[d--])
        at[d] = i % ct_shape(x)[d];
    text[0] = '\0';
    for (int d = 0; d < ct_ndim(x); d++)
        used += (size_t)snprintf(text + used, CT__PLACE_TEXT - used, "%s%lld", d ? "," : "",
                                 (long long)at[d]);
    return text;
}

typedef struct range {
    int64_t size, seen, wrong;
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
            r->seen += i;
        }
    }
    r->seen += r->found ? 0 : n;
}

ct_status ct__check_range(const ct_call *call, const ct_tensor *index, int64_t size, int axis)
{
    range r = { .size = size }, *to = &r;
    char text[CT__PLACE_TEXT];
    const ct_operand operand = { (void *)(uintptr_t)ct_data(index), sizeof(int64_t),
                                 ct_strides(index) };
    ct_loop_over(ct_shape(index), ct_ndim(index), &operand, 1, look, &to);
    if (r.found)
        return ct_call_fail(call, CT_ERROR_RANGE,
                            "index %lld at (%s) is out of range for size %lld of axis %d",
                            (long long)r.wrong, ct__place_text(index, r.seen, text),
                            (long long)size, axis);
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

ct_status ct__check_source(const ct_call *call, bool adds)
{
    ct_dtype dtype = ct_dtype_of(ct_call_x(call, 0));
    if (ct_dtype_of(ct_call_x(call, 2)) != dtype)
        return ct_call_fail(call, CT_ERROR_DTYPE, "dtypes differ; ct_cast one");
    if (adds && dtype == CT_BOOL)
        return ct_call_fail(call, CT_ERROR_DTYPE, "bool has no sums and no order; ct_cast it");
    return CT_OK;
}

ct_status ct__set_size(ct_call *call, int axis, int64_t size)
{
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS];
    memcpy(shape, ct_shape(x), (size_t)ct_ndim(x) * sizeof *shape);
    shape[axis] = size;
    return ct_call_set_y(call, 0, ct_dtype_of(x), shape, ct_ndim(x));
}

bool ct__both_usable(const ct_tensor *a, const ct_tensor *b, const char *who)
{
    if ((a && !ct_usable(a, who)) || (b && !ct_usable(b, who)))
        return false;
    if (!a != !b)
        ct_fail(ct_context_of(a ? a : b), CT_ERROR_NULL, "%s: operand %d is NULL", who, a ? 2 : 1);
    return a && b;
}

ct_status ct__begin_with_x(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    ct_loop(CT_TENSORS(y, x), ct__copying(ct_dtype_of(x)), NULL);
    return CT_OK;
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
static const ct_loop_body sets[][CT_SIMDS] = CT_KERNEL_TABLE(set);
static const ct_loop_body maxima[][CT_SIMDS] = CT_KERNEL_TABLE(max);
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

/* -- Is one place pointed to often? Indices are counted in buckets, which several places share: so
 * the count of a bucket is at least that of each of its places. */
bool ct__is_crowded(const int64_t *index, int64_t stride, int64_t n, int64_t size)
{
    enum { FEWEST = 8, MOST = 14, EACH = 64 }; /* bits of a bucket's number; indices to a bucket */
    uint16_t counts[1 << MOST];
    int bits = FEWEST;
    if (n <= CT__OFTEN)
        return false;
    while (bits < MOST && n >> bits > EACH)
        bits++;
    memset(counts, 0, sizeof *counts << bits);
    for (int64_t j = 0; j < n; j++) {
        int64_t at = index[j * stride];
        uint64_t mixed = (uint64_t)(at < 0 ? at + size : at) * 0x9e3779b97f4a7c15;
        if (++counts[mixed >> (64 - bits)] > CT__OFTEN)
            return true;
    }
    return false;
}

typedef struct crowd {
    const line *l;
    bool found; /* perhaps by several threads at once */
} crowd;

static void look_for_crowd(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    crowd *c = *(crowd *const *)arg;
    const int64_t *index = data[0];
    for (int64_t i = 0; i < n; i++)
        if (ct__is_crowded(index + i * stride[0], c->l->index, c->l->length, c->l->size))
            __atomic_store_n(&c->found, true, __ATOMIC_RELAXED);
}

/* Is there a line which points to one place often? */
static bool is_crowded(const line *l, ct_tensor *index, int axis)
{
    crowd c = { l, false }, *to = &c;
    bool same = true; /* in every line */
    for (int d = 0; d < ct_ndim(index); d++)
        same = same && (d == axis || ct_shape(index)[d] == 1 || ct_strides(index)[d] == 0);
    if (same)
        return ct_count(index) > 0 && ct__is_crowded(ct_data(index), l->index, l->length, l->size);
    ct__loop_lines(&index, 1, axis, look_for_crowd, &to);
    return c.found;
}

ct_status ct__move_lines(ct_tensor *whole, ct_tensor *part, ct_tensor *index, int axis,
                         ct__motion motion)
{
    line l = { ct_size(index, axis), ct_size(whole, axis), ct_strides(whole)[axis],
               ct_strides(part)[axis], ct_strides(index)[axis] };
    const ct_loop_body(*of)[CT_SIMDS] = motion == CT__TAKE  ? takes
                                        : motion == CT__SET ? sets
                                        : motion == CT__MAX ? maxima
                                                            : adds;
    bool many = motion == CT__ADD && ct_dtype_of(whole) == CT_F32 && l.length > CT__OFTEN;
    if (!many || !is_crowded(&l, index, axis)) {
        ct__loop_lines(CT_TENSORS(whole, part, index), axis, CT_KERNEL_OF(of, whole), &l);
        return CT_OK;
    }
    ct_context *cx = ct_context_of(whole);
    ct_tensor *sums = ct_empty(cx, CT_F64, ct_shape(whole), ct_ndim(whole));
    if (!sums)
        return ct_error(cx);
    ct__loop_lines(CT_TENSORS(whole, part, index, sums), axis, add_many, &l);
    return CT_OK;
}
