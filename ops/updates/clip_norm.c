/* Clipping: gradients whose norm is too large are all multiplied by one factor (Pascanu, Mikolov,
 * Bengio, ICML 2013).
 *
 * The norm is the root of the sum of squares, in f64, where no square of an f32 overflows: in lanes
 * within a range, then range by range in order, whatever the number of threads. Squares of f64 may
 * overflow or vanish. Where the sum shows it, the sum is taken again, of numbers that a power of 2
 * has brought near 1. */
#include <cotangent/ops.h>
#include <float.h>
#include <math.h>

#include "update_loop.h"

typedef struct clip {
    double max_norm, *norm;
} clip;

typedef struct factors {
    double first, second; /* the second is 1 unless the first would be too small for f64 */
} factors;

/* bound by memory: wider vectors than AVX2's gain nothing */
#define CT_KERNELS "clip_norm_kernels.h"
#include <cotangent/kernels.h>
typedef double square_sum(int64_t n, const void *x);
static square_sum *const square_sums[][CT_SIMDS] = CT_KERNEL_TABLE(square_sum);
static const ct_loop_body scales[][CT_SIMDS] = CT_KERNEL_TABLE(scale);

/* -- The norm */
/* what a range of the pass finds: a sum of squares, or the largest magnitude */
typedef struct range {
    double scale, found;
} range;

typedef struct ranges {
    const ct__pass *pass;
    ct__visit *visit;
    double scale, *found; /* one number for each range */
} ranges;

static void add_squares(const ct__piece *piece, int64_t n, void *const *data, void *arg)
{
    square_sum *const *of_piece = piece->arg;
    ((range *)arg)->found += (*of_piece)(n, data[0]);
}

static double element(const ct__piece *piece, const void *data, int64_t i)
{
    return piece->size == sizeof(float) ? (double)((const float *)data)[i]
                                        : ((const double *)data)[i];
}

static void add_scaled_squares(const ct__piece *piece, int64_t n, void *const *data, void *arg)
{
    range *r = arg;
    double x[256];
    for (int64_t i = 0; i < n; i += 256) {
        int64_t m = n - i < 256 ? n - i : 256;
        for (int64_t k = 0; k < m; k++)
            x[k] = element(piece, data[0], i + k) * r->scale;
        r->found += square_sum_f64(m, x);
    }
}

static void find_largest(const ct__piece *piece, int64_t n, void *const *data, void *arg)
{
    range *r = arg;
    for (int64_t i = 0; i < n; i++)
        r->found = fmax(r->found, fabs(element(piece, data[0], i)));
}

static void visit_range(int64_t begin, int64_t end, void *arg)
{
    const ranges *all = arg;
    range r = { all->scale, 0 };
    ct__pass_visit(all->pass, begin, end, all->visit, &r);
    all->found[begin / CT__PASS_GRAIN] = r.found;
}

/* the number of ranges; found[i] is what range i found */
static int64_t visit_all(ranges *all)
{
    const ct__pass *pass = all->pass;
    ct_parallel_ranges(pass->cx, pass->total, CT__PASS_GRAIN, visit_range, all);
    return (pass->total + CT__PASS_GRAIN - 1) / CT__PASS_GRAIN;
}

static double sum_of(ranges *all, ct__visit *visit, double scale)
{
    double sum = 0;
    all->visit = visit, all->scale = scale;
    for (int64_t i = 0, n = visit_all(all); i < n; i++)
        sum += all->found[i];
    return sum;
}

static double largest_of(ranges *all)
{
    double largest = 0;
    all->visit = find_largest;
    for (int64_t i = 0, n = visit_all(all); i < n; i++)
        largest = fmax(largest, all->found[i]);
    return largest;
}

/* A sum of squares below 2^-900 may lack squares below 2^-1022, which are not exact: above it, not
 * even 2^40 of these would change the last bit. */
static double norm_of(ranges *all)
{
    double sum = sum_of(all, add_squares, 1);
    if (isnan(sum) || (sum >= 0x1p-900 && sum <= DBL_MAX))
        return sqrt(sum);
    double largest = largest_of(all);
    if (largest == 0 || largest > DBL_MAX)
        return largest;
    int exponent = ilogb(largest);
    double scale = ldexp(1, exponent > 1000 ? -1000 : exponent < -1000 ? 1000 : -exponent);
    return sqrt(sum_of(all, add_scaled_squares, scale)) / scale;
}

/* -- The operator */
static ct_status clip_infer(ct_call *call)
{
    for (int i = 0; i < ct_call_inputs(call); i++) {
        ct_dtype dtype = ct_dtype_of(ct_call_x(call, i));
        if (dtype != CT_F32 && dtype != CT_F64)
            return ct_call_fail(call, CT_ERROR_DTYPE, "gradient %d must be f32 or f64", i);
    }
    return CT_OK;
}

/* max_norm / norm as two factors, since the quotient itself may be 0 in f64 where what it makes of
 * a gradient is not */
static factors factors_of(double max_norm, double norm)
{
    int up, down;
    double quotient = frexp(max_norm, &up) / frexp(norm, &down);
    int exponent = up - down, more = exponent < -1000 ? exponent / 2 : 0;
    return (factors){ ldexp(quotient, exponent - more), ldexp(1, more) };
}

static ct_status scale_all(const ct_call *call, ct__pass *pass, factors by)
{
    int n = ct_call_inputs(call);
    for (int i = 0; i < n; i++)
        if (!ct_data_mutable(ct_call_x(call, i)))
            return ct_error(ct_call_context(call));
    pass->n = 0, pass->total = 0;
    for (int i = 0; i < n; i++) {
        ct_tensor *g = ct_call_x(call, i);
        ct__pass_add(pass, &g, CT_KERNEL_OF(scales, g), &by);
    }
    ct__pass_run(pass);
    return CT_OK;
}

static ct_status clip_forward(ct_call *call)
{
    const clip *c = ct_call_attributes(call);
    int n = ct_call_inputs(call);
    double norm = 0;
    ct__pass pass;
    ct_status status = ct__pass_begin(&pass, call, n, 1, 0);
    for (int i = 0; i < n && status == CT_OK; i++) {
        ct_tensor *g = ct_contiguous(ct_call_x(call, i));
        if (g)
            ct__pass_add(&pass, &g, NULL, &CT_KERNEL_OF(square_sums, g));
        else
            status = ct_error(ct_call_context(call));
    }
    if (status != CT_OK)
        return status;
    size_t room = (size_t)(pass.total / CT__PASS_GRAIN + 1) * sizeof(double);
    ranges all = { .pass = &pass, .found = ct_call_scratch(call, room) };
    if (!all.found)
        return CT_ERROR_MEMORY;
    norm = norm_of(&all);
    if (norm > c->max_norm && isfinite(norm))
        status = scale_all(call, &pass, factors_of(c->max_norm, norm));
    if (status == CT_OK && c->norm)
        *c->norm = norm;
    else if (status == CT_OK && !isfinite(norm))
        status = ct_call_fail(call, CT_ERROR_VALUE, "the norm is not finite");
    return status;
}

static int clip_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 2)
        return 0;
    *(clip *)attributes = (clip){ k ? 1e9 : 0.5, NULL };
    for (int i = 0; i < 3; i++)
        x[i] = ct_randn(cx, CT_F64, (const int64_t[]){ 2, 3 }, i);
    return 3;
}

extern const ct_op ct__update_clip_op;
const ct_op ct__update_clip_op = {
    .name = "update_clip",
    .formula = "g *= min(1, max_norm / norm), norm = sqrt of the sum of all g^2",
    .derivative = "none",
    .inputs = -1,
    .flags = CT_OP_UPDATE,
    .attributes_size = sizeof(clip),
    .infer = clip_infer,
    .forward = clip_forward,
    .sample = clip_sample,
};

ct_status ct_update_clip(ct_tensor *const *g, int n, double max_norm, double *norm)
{
    const char *who = ct__update_clip_op.name;
    ct_context *cx;
    ct_status status = ct__context_of_list(g, n, who, &cx);
    if (norm)
        *norm = 0;
    if (status != CT_OK)
        return status;
    if (n < 0)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: n must not be negative, got %d", who, n);
    if (!(max_norm > 0))
        return ct_fail(cx, CT_ERROR_VALUE, "%s: max_norm must be positive, got %g", who, max_norm);
    if (n == 0)
        return CT_OK;
    if (!g)
        return CT_ERROR_NULL; /* and there is no context to tell */
    if (norm)
        ct_call_once(cx, who);
    return ct_apply_all(&ct__update_clip_op, &(clip){ max_norm, norm }, g, n, NULL);
}
