/* Slabs that are taken, set or added by index: one by one, or line by line where they are narrow.
   */
#include "slabs.h"

#include <cotangent/ops.h>
#include <string.h>

#include "copy.h"

/* where slabs begin, and how the elements of one lie */
typedef struct layout {
    char *whole, *part;
    int64_t whole_step, part_step; /* bytes from one slab to the next */
    const int64_t *index;
    int64_t index_step, n, size;   /* n indices, each below size in magnitude */
    ct_loop_body body;
    size_t element;
    int ndim;
    int64_t shape[CT_MAX_DIMS], of_whole[CT_MAX_DIMS], of_part[CT_MAX_DIMS], dense[CT_MAX_DIMS];
    int64_t count;
    bool flat; /* the elements lie next to each other in both */
} layout;

/* the sizes or strides of the other axes */
static void without(int axis, const int64_t *all, int ndim, int64_t *rest)
{
    for (int d = 0; d < ndim; d++)
        if (d != axis)
            *rest++ = all[d];
}

static layout layout_of(const ct__slabs *s)
{
    int ndim = ct_ndim(s->whole);
    ct_dtype dtype = ct_dtype_of(s->whole);
    int64_t size = (int64_t)ct_dtype_size(dtype);
    layout l = { .whole = (char *)(uintptr_t)ct_data(s->whole),
                 .part = (char *)(uintptr_t)ct_data(s->part),
                 .whole_step = ct_strides(s->whole)[s->axis] * size,
                 .part_step = ct_strides(s->part)[s->axis] * size,
                 .index = ct_data(s->index), .index_step = ct_strides(s->index)[0],
                 .n = ct_count(s->index), .size = ct_shape(s->whole)[s->axis],
                 .body = s->motion == CT__ADD ? ct__adding(dtype) : ct__copying(dtype),
                 .element = (size_t)size, .ndim = ndim - 1, .flat = true,
                 .count = 1 };
    without(s->axis, ct_shape(s->part), ndim, l.shape);
    without(s->axis, ct_strides(s->whole), ndim, l.of_whole);
    without(s->axis, ct_strides(s->part), ndim, l.of_part);
    for (int d = l.ndim - 1; d >= 0; d--) {
        l.dense[d] = l.count;
        l.flat = l.flat && (l.shape[d] == 1 || (l.of_whole[d] == l.count &&
                                                l.of_part[d] == l.count));
        l.count *= l.shape[d];
    }
    return l;
}

static int64_t place(const layout *l, int64_t j)
{
    int64_t at = l->index[j * l->index_step];
    return at < 0 ? at + l->size : at;
}

/* body over one slab: operands y, x */
static inline void run_slab(const layout *l, ct_loop_body body, ct_operand y, ct_operand x)
{
    static const int64_t ones[] = { 1, 1 };
    if (l->flat)
        body(l->count, (void *[]){ y.data, x.data }, ones, NULL);
    else
        ct_loop_over(l->shape, l->ndim, (ct_operand[]){ y, x }, 2, body, NULL);
}

static inline ct_operand whole_slab(const layout *l, int64_t i)
{
    return (ct_operand){ l->whole + i * l->whole_step, l->element, l->of_whole };
}

static inline ct_operand part_slab(const layout *l, int64_t j)
{
    return (ct_operand){ l->part + j * l->part_step, l->element, l->of_part };
}

static void take_slabs(const layout *l)
{
    for (int64_t j = 0; j < l->n; j++)
        run_slab(l, l->body, part_slab(l, j), whole_slab(l, place(l, j)));
}

/* whole = part, or whole += part, as the body does it */
static void put_slabs(const layout *l)
{
    int64_t bytes = l->flat ? l->count * (int64_t)l->element : 0;
    for (int64_t j = 0; j < l->n; j++) {
        if (j + CT__SOON < l->n)
            ct__fetch_to_write(whole_slab(l, place(l, j + CT__SOON)).data, bytes);
        run_slab(l, l->body, whole_slab(l, place(l, j)), part_slab(l, j));
    }
}

/* -- Slabs of f32 that are added to often: after every CT__OFTEN additions what came together goes
 * into a sum in f64, and starts again from 0 */
static void move_to_sum(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    double *sum = data[0];
    float *x = data[1];
    (void)arg;
    for (int64_t i = 0; i < n; i++) {
        sum[i * stride[0]] += (double)x[i * stride[1]];
        x[i * stride[1]] = 0;
    }
}

static void add_sum(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    float *x = data[0];
    const double *sum = data[1];
    (void)arg;
    for (int64_t i = 0; i < n; i++)
        x[i * stride[0]] = (float)((double)x[i * stride[0]] + sum[i * stride[1]]);
}

typedef struct sums {
    int64_t *of;     /* for each slab the number of its sum, or -1 */
    int64_t *since;  /* for each sum, how many additions there were since it was last added to */
    double *numbers; /* l->count for each sum */
} sums;

static ct_operand sum_slab(const layout *l, const sums *s, int64_t k)
{
    return (ct_operand){ s->numbers + k * l->count, sizeof(double), l->dense };
}

static void add_slabs_by_sums(const layout *l, const sums *s)
{
    for (int64_t j = 0; j < l->n; j++) {
        int64_t i = place(l, j), k = s->of[i];
        run_slab(l, l->body, whole_slab(l, i), part_slab(l, j));
        if (k >= 0 && ++s->since[k] == CT__OFTEN) {
            run_slab(l, move_to_sum, sum_slab(l, s, k), whole_slab(l, i));
            s->since[k] = 0;
        }
    }
    for (int64_t i = 0; i < l->size; i++)
        if (s->of[i] >= 0)
            run_slab(l, add_sum, whole_slab(l, i), sum_slab(l, s, s->of[i]));
}

static void *zeros(const ct_call *call, int64_t n, size_t size)
{
    void *x = ct_call_scratch(call, (size_t)n * size);
    if (x)
        memset(x, 0, (size_t)n * size);
    return x;
}

static ct_status add_many_slabs(const ct_call *call, const layout *l)
{
    int64_t count = 0;
    if (!ct__is_crowded(l->index, l->index_step, l->n, l->size)) {
        put_slabs(l);
        return CT_OK;
    }
    sums s = { .of = zeros(call, l->size, sizeof *s.of) };
    if (!s.of)
        return CT_ERROR_MEMORY;
    for (int64_t j = 0; j < l->n; j++)
        s.of[place(l, j)]++;
    for (int64_t i = 0; i < l->size; i++)
        s.of[i] = s.of[i] > CT__OFTEN ? count++ : -1;
    if (count == 0) {
        put_slabs(l);
        return CT_OK;
    }
    s.since = zeros(call, count, sizeof *s.since);
    s.numbers = zeros(call, count * l->count, sizeof *s.numbers);
    if (!s.since || !s.numbers)
        return CT_ERROR_MEMORY;
    add_slabs_by_sums(l, &s);
    return CT_OK;
}

/* A slab costs a few ns before its first element is moved. So many slabs of few elements are done
 * line by line along the axis instead, and so are slabs where the axis is contiguous in memory. */
ct_status ct__move_slabs(const ct_call *call, const ct__slabs *s)
{
    enum { NARROW = 6, MANY = 64 };
    int ndim = ct_ndim(s->whole);
    int64_t n = ct_count(s->index), shape[CT_MAX_DIMS];
    bool wide = ct_count(s->part) >= NARROW * n && ct_strides(s->whole)[s->axis] != 1;
    if (wide || n < MANY) {
        const layout l = layout_of(s);
        if (s->motion == CT__ADD && ct_dtype_of(s->whole) == CT_F32)
            return add_many_slabs(call, &l);
        s->motion == CT__TAKE ? take_slabs(&l) : put_slabs(&l);
        return CT_OK;
    }
    for (int d = 0; d < ndim; d++)
        shape[d] = d == s->axis ? n : 1;
    ct_tensor *index = ct_broadcast_to(ct_reshape(s->index, shape, ndim), ct_shape(s->part), ndim);
    if (!index)
        return ct_error(ct_context_of(s->whole));
    return ct__move_lines(s->whole, s->part, index, s->axis, s->motion);
}
