/* What operators on matrices share: matrices in and out, ranges of them for threads, and the few
 * functions that their derivatives are written with. */
#include "matrices.h"

#include <cotangent/ops.h>
#include <math.h>

enum { RANGES = 16 }; /* at most */

/* -- Stacks */
static int64_t size_at(const ct_tensor *t, int axis)
{
    return axis < 0 ? 1 : ct_shape(t)[axis];
}

/* Have the results no elements? Then there may be any number of matrices, which nobody looks at. */
static bool is_nothing(const ct_call *call)
{
    int64_t elements = ct_count(ct_call_y(call, 0));
    for (int k = 1; k < ct_call_op(call)->outputs; k++)
        elements |= ct_count(ct_call_y(call, k));
    return elements == 0;
}

void ct__job_begin(ct__job *job, const ct_call *call, const ct_tensor *y, int trailing)
{
    *job = (ct__job){ .call = call };
    if (is_nothing(call))
        return;
    job->ndim = ct_ndim(y) - trailing;
    job->count = 1;
    for (int d = 0; d < job->ndim; d++) {
        job->leading[d] = ct_shape(y)[d];
        job->count *= job->leading[d];
    }
}

ct__stack ct__stack_of(const ct__job *job, const ct_tensor *t, int trailing)
{
    int last = ct_ndim(t);
    ct__stack s = { .data = (void *)(uintptr_t)ct_data(t), .f32 = ct_dtype_of(t) == CT_F32 };
    if (job->count == 0)
        return s; /* sizes of no matrices are 0 */
    s.columns = trailing > 0 ? ct_shape(t)[--last] : 1;
    s.rows = trailing > 1 ? ct_shape(t)[--last] : 1;
    int64_t stride = 1;
    for (int d = job->ndim - 1; d >= 0; d--) {
        int64_t size = size_at(t, --last);
        s.strides[d] = size == 1 ? 0 : stride;
        stride *= size;
    }
    return s;
}

/* the offset of matrix i's first element */
static int64_t offset(const ct__job *job, const ct__stack *s, int64_t i)
{
    int64_t at = 0;
    for (int d = job->ndim - 1; d >= 0; d--) {
        at += i % job->leading[d] * s->strides[d];
        i /= job->leading[d];
    }
    return at * s->rows * s->columns;
}

static inline double get(const ct__stack *s, int64_t at)
{
    return s->f32 ? (double)((const float *)s->data)[at] : ((const double *)s->data)[at];
}

static inline void put(const ct__stack *s, int64_t at, double value)
{
    if (s->f32)
        ((float *)s->data)[at] = (float)value;
    else
        ((double *)s->data)[at] = value;
}

bool ct__matrix_load(const ct__job *job, const ct__stack *x, int64_t i, double *to)
{
    int64_t from = offset(job, x, i), n = x->rows * x->columns;
    bool finite = true;
    for (int64_t k = 0; k < n; k++) {
        to[k] = get(x, from + k);
        finite &= isfinite(to[k]) != 0;
    }
    return finite;
}

bool ct__matrix_load_transposed(const ct__job *job, const ct__stack *x, int64_t i, double *to)
{
    int64_t from = offset(job, x, i);
    bool finite = true;
    for (int64_t r = 0; r < x->rows; r++)
        for (int64_t c = 0; c < x->columns; c++) {
            double value = get(x, from + r * x->columns + c);
            to[c * x->rows + r] = value;
            finite &= isfinite(value) != 0;
        }
    return finite;
}

bool ct__matrix_load_symmetric(const ct__job *job, const ct__stack *x, int64_t i, bool lower,
                               double *to)
{
    int64_t from = offset(job, x, i), n = x->rows;
    bool finite = true;
    for (int64_t r = 0; r < n; r++)
        for (int64_t c = 0; c <= r; c++) {
            double value = get(x, from + r * n + c);
            if (!lower)
                value = 0.5 * value + 0.5 * get(x, from + c * n + r);
            to[r * n + c] = to[c * n + r] = value;
            finite &= isfinite(value) != 0;
        }
    return finite;
}

void ct__matrix_store(const ct__job *job, const ct__stack *y, int64_t i, const double *from)
{
    int64_t to = offset(job, y, i), n = y->rows * y->columns;
    for (int64_t k = 0; k < n; k++)
        put(y, to + k, from[k]);
}

void ct__matrix_store_transposed(const ct__job *job, const ct__stack *y, int64_t i,
                                 const double *from)
{
    int64_t to = offset(job, y, i);
    for (int64_t r = 0; r < y->rows; r++)
        for (int64_t c = 0; c < y->columns; c++)
            put(y, to + r * y->columns + c, from[c * y->rows + r]);
}

bool ct__matrix_store_nan(const ct__job *job, int64_t i)
{
    for (int k = 0; k < job->outputs; k++) {
        int64_t to = offset(job, &job->y[k], i), n = job->y[k].rows * job->y[k].columns;
        for (int64_t at = to; at < to + n; at++)
            put(&job->y[k], at, NAN);
    }
    return true;
}

/* -- Running */
typedef struct found {
    int64_t matrix; /* -1: none */
    ct__fault fault;
} found;

typedef struct run {
    const ct__job *job;
    int64_t grain;
    double *scratch;
    found *found; /* the first matrix at fault in each range */
} run;

static void run_range(int64_t begin, int64_t end, void *arg)
{
    const run *r = arg;
    int64_t range = begin / r->grain;
    found *f = &r->found[range];
    f->matrix = -1;
    for (int64_t i = begin; i < end && f->matrix < 0; i++)
        if (!r->job->body(r->job, i, r->scratch + range * r->job->room, &f->fault))
            f->matrix = i;
}

/* 1e5 operations or more are worth a range; there are few ranges, as each has its scratch. To bring
 * a matrix in and out takes as long as 200 operations */
static int64_t grain_of(const ct__job *job)
{
    double least = 1e5 / (job->operations + 200);
    int64_t grain = (job->count + RANGES - 1) / RANGES;
    if ((double)grain >= least)
        return grain;
    return least < (double)job->count ? (int64_t)least + 1 : job->count;
}

ct_status ct__job_run(ct__job *job, const char *wrong)
{
    if (job->count == 0)
        return CT_OK;
    job->room = (job->room + 7) / 8 * 8; /* so each range's begins at a multiple of 64 bytes */
    run r = { .job = job, .grain = grain_of(job) };
    int64_t ranges = (job->count + r.grain - 1) / r.grain;
    r.found = ct_call_scratch(job->call, (size_t)ranges * sizeof *r.found);
    r.scratch = ct_call_scratch(job->call, (size_t)(ranges * job->room + 1) * sizeof(double));
    if (!r.found || !r.scratch)
        return CT_ERROR_MEMORY;
    ct_parallel_ranges(ct_call_context(job->call), job->count, r.grain, run_range, &r);
    for (int64_t k = 0; k < ranges; k++)
        if (r.found[k].matrix >= 0)
            return ct_call_fail(job->call, CT_ERROR_VALUE, "matrix %lld %s: pivot %lld is %g",
                                (long long)r.found[k].matrix, wrong,
                                (long long)r.found[k].fault.pivot, r.found[k].fault.value);
    return CT_OK;
}

/* -- In infer */
ct_status ct__infer_matrices(ct_call *call)
{
    ct_status status = ct_call_check_float(call);
    if (status == CT_OK && ct_ndim(ct_call_x(call, 0)) < 2)
        status = ct_call_fail(call, CT_ERROR_SHAPE, "a matrix has two dimensions or more");
    return status;
}

ct_status ct__infer_square(ct_call *call)
{
    const ct_tensor *a = ct_call_x(call, 0);
    ct_status status = ct__infer_matrices(call);
    if (status == CT_OK && ct_size(a, -1) != ct_size(a, -2))
        status = ct_call_fail(call, CT_ERROR_SHAPE, "the matrices are not square");
    return status;
}

/* -- In derivatives */
ct_tensor *ct__weigh(ct_tensor *x, double below, double diagonal, double above)
{
    if (!x)
        return NULL;
    int64_t rows = ct_size(x, -2), columns = ct_size(x, -1);
    ct_tensor *w = ct_empty(ct_context_of(x), ct_dtype_of(x), CT_SHAPE(rows, columns));
    if (!w)
        return NULL;
    ct__stack to = { .data = ct_data_mutable(w), .f32 = ct_dtype_of(x) == CT_F32 };
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            put(&to, r * columns + c, c < r ? below : c == r ? diagonal : above);
    return ct_mul_no_nan(w, x);
}

ct_tensor *ct__symmetric_part(ct_tensor *x)
{
    return ct_scale(ct_add(x, ct_transpose(x)), 0.5);
}

ct_tensor *ct__scale_columns(ct_tensor *x, ct_tensor *s)
{
    return ct_mul(x, ct_unsqueeze(s, -2));
}

ct_tensor *ct__over_gaps(ct_tensor *k, ct_tensor *cause, ct_tensor *gap, ct_tensor *least)
{
    if (!k || !cause || !gap || !least)
        return NULL;
    ct_tensor *zero = ct_scalar_like(k, 0), *one = ct_scalar_like(k, 1);
    ct_tensor *small = ct_le(ct_abs(gap), least), *none = ct_eq(cause, zero);
    ct_tensor *undefined = ct_where(none, zero, ct_scalar_like(k, NAN));
    return ct_where(small, undefined, ct_div(k, ct_where(small, one, gap)));
}

ct_tensor *ct__rounding_of(ct_tensor *s, int64_t n)
{
    if (!s)
        return NULL;
    double unit = ct_dtype_of(s) == CT_F32 ? 0x1p-24 : 0x1p-53;
    ct_tensor *largest = ct_max_over(ct_abs(ct_detach(s)), CT_AXES(-1), CT_KEEPDIMS);
    return ct_scale(ct_unsqueeze(largest, -1), (double)n * unit);
}

/* -- Several results */
ct_status ct__apply_outputs(const ct_op *op, const void *attributes, ct_tensor *a,
                            ct_tensor **const *y)
{
    ct_tensor *all[3] = { NULL };
    ct_status status = ct_apply_all(op, attributes, &a, 1, all);
    for (int k = 0; k < op->outputs; k++)
        if (y[k])
            *y[k] = all[k];
    return status;
}

/* -- In samples */
ct_tensor *ct__sample_matrices(ct_context *cx, const int64_t *shape, int ndim, double shift)
{
    int64_t n = shape[ndim - 1];
    ct_tensor *eye = ct_scale(ct_eye(cx, CT_F64, n), shift);
    return ct_add(ct_randn(cx, CT_F64, shape, ndim), eye);
}
