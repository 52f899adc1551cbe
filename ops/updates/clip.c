/* Gradients that are together too long, made shorter by one factor (Pascanu, Mikolov, Bengio, ICML
 * 2013). The norm is a sum of squares in f64, so that no square of an f32 overflows: in lanes
 * within a range, range by range in order, whatever the number of threads. */
#include <cotangent/ops.h>
#include <math.h>

#include "update_loop.h"

typedef struct clip {
    double max_norm, *norm;
} clip;

/* bound by memory: wider vectors than AVX2's gain nothing */
#define CT_KERNELS "clip_kernels.h"
#include <cotangent/kernels.h>
typedef double square_sum(int64_t n, const void *x);
static square_sum *const square_sums[][CT_SIMDS] = CT_KERNEL_TABLE(square_sum);
static const ct_loop_body scales[][CT_SIMDS] = CT_KERNEL_TABLE(scale);

/* -- The norm */
typedef struct squares {
    const ct__pass *pass;
    double *sums; /* one per range */
} squares;

static void add_squares(const ct__piece *piece, int64_t n, void *const *data, void *sum)
{
    square_sum *const *of_piece = piece->arg;
    *(double *)sum += (*of_piece)(n, data[0]);
}

static void sum_range(int64_t begin, int64_t end, void *arg)
{
    const squares *s = arg;
    double sum = 0;
    ct__pass_visit(s->pass, begin, end, add_squares, &sum);
    s->sums[begin / CT__PASS_GRAIN] = sum;
}

static ct_status norm_of(const ct_call *call, const ct__pass *pass, double *norm)
{
    int64_t ranges = (pass->total + CT__PASS_GRAIN - 1) / CT__PASS_GRAIN;
    double sum = 0, *sums = ct_call_scratch(call, (size_t)(ranges + 1) * sizeof *sums);
    if (!sums)
        return CT_ERROR_MEMORY;
    ct_parallel_ranges(pass->cx, pass->total, CT__PASS_GRAIN, sum_range,
                       &(squares){ pass, sums });
    for (int64_t i = 0; i < ranges; i++)
        sum += sums[i];
    *norm = sqrt(sum);
    return CT_OK;
}

/* -- The operator */
static ct_status clip_infer(ct_call *call)
{
    for (int i = 0; i < ct_call_inputs(call); i++) {
        ct_dtype dtype = ct_dtype_of(ct_call_x(call, i));
        if (dtype != CT_F32 && dtype != CT_F64)
            return ct_call_fail(call, CT_ERROR_DTYPE, "gradient %d is not f32 or f64", i);
    }
    return CT_OK;
}

static ct_status scale_all(const ct_call *call, ct__pass *pass, double factor)
{
    int n = ct_call_inputs(call);
    for (int i = 0; i < n; i++)
        if (!ct_data_mutable(ct_call_x(call, i)))
            return ct_error(ct_call_context(call));
    pass->n = 0, pass->total = 0;
    for (int i = 0; i < n; i++) {
        ct_tensor *g = ct_call_x(call, i);
        ct__pass_add(pass, &g, CT_KERNEL_OF(scales, g), &factor);
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
    ct_status status = ct__pass_begin(&pass, call, n, 1);
    for (int i = 0; i < n && status == CT_OK; i++) {
        ct_tensor *g = ct_contiguous(ct_call_x(call, i));
        if (g)
            ct__pass_add(&pass, &g, NULL, &CT_KERNEL_OF(square_sums, g));
        else
            status = ct_error(ct_call_context(call));
    }
    if (status == CT_OK)
        status = norm_of(call, &pass, &norm);
    if (status == CT_OK && norm > c->max_norm && isfinite(norm))
        status = scale_all(call, &pass, c->max_norm / norm);
    if (status == CT_OK && c->norm)
        *c->norm = norm;
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
        return ct_fail(cx, CT_ERROR_RANGE, "%s: %d gradients", who, n);
    if (!(max_norm > 0))
        return ct_fail(cx, CT_ERROR_VALUE, "%s: a norm of %g; it is positive", who, max_norm);
    if (n == 0)
        return CT_OK;
    if (!g)
        return ct_fail(cx, CT_ERROR_NULL, "%s: the list is NULL", who);
    return ct_apply_all(&ct__update_clip_op, &(clip){ max_norm, norm }, g, n, NULL);
}
