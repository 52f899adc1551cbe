/* solve and inverse, by LU.
 *
 * A Y = B: from dA Y + A dY = dB follows dY = A^-1 (dB - dA Y), so
 *
 *   <gY, dY> = <A^-T gY, dB> - <A^-T gY Y^T, dA>:  gB = A^-T gY,  gA = -gB Y^T
 *
 * Y = A^-1: from dA Y + A dY = 0 follows dY = -Y dA Y, so gA = -Y^T gY Y^T. */
#include <cotangent/ops.h>
#include <string.h>

#include "factors.h"
#include "systems.h"

/* -- solve */
static ct_status solve_infer(ct_call *call)
{
    const ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    ct_status status = ct__infer_square(call);
    if (status != CT_OK)
        return status;
    if (ct_ndim(b) < 2 || ct_size(b, -2) != ct_size(a, -1))
        return ct_call_fail(call, CT_ERROR_SHAPE, "takes a (...,n,n) and b (...,n,k)");
    return ct__infer_system(call, ct_size(b, -2), ct_size(b, -1));
}

/* a and x become the factors of a and its inverse times x; scratch goes on behind x */
static bool solve_with(double *a, int64_t n, double *x, int64_t k, ct__fault *fault)
{
    int64_t *exchanged = (int64_t *)(void *)(x + n * k);
    *fault = (ct__fault){ ct__lu(a, n, exchanged), 0 };
    if (fault->pivot >= 0)
        return false;
    ct__lu_solve(a, exchanged, n, x, k);
    return true;
}

static bool solve(const ct__job *job, int64_t i, double *a, ct__fault *fault)
{
    int64_t n = job->x[0].rows, k = job->x[1].columns;
    double *x = a + n * n;
    if (!ct__matrix_load(job, &job->x[0], i, a))
        return ct__matrix_store_nan(job, i);
    ct__matrix_load(job, &job->x[1], i, x);
    if (!solve_with(a, n, x, k, fault))
        return false;
    ct__matrix_store(job, &job->y[0], i, x);
    return true;
}

static ct_status solve_forward(ct_call *call)
{
    ct__job job;
    ct__system_begin(&job, call);
    int64_t n = job.x[0].rows, k = job.x[1].columns;
    job.room = n * n + n * k + n;
    job.operations = (double)n * (double)n * (double)(n + 2 * k);
    job.body = solve;
    return ct__job_run(&job, "is singular");
}

static ct_status solve_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *a = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    ct_tensor *gb = ct_solve(ct_transpose(a), gy[0]);
    if (ct_call_wants(call, 0))
        gx[0] = ct_neg(ct__system_sum_to(ct_matmul(gb, ct_transpose(y)), a));
    if (ct_call_wants(call, 1))
        gx[1] = ct__system_sum_to(gb, ct_call_x(call, 1));
    return CT_OK;
}

/* A^-1 (tb - tA Y) */
static ct_status solve_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    ct_tensor *of_a = tx[0] ? ct_neg(ct_matmul(tx[0], ct_call_y(call, 0))) : NULL;
    ct_tensor *right = tx[0] && tx[1] ? ct_add(of_a, tx[1]) : tx[0] ? of_a : tx[1];
    ty[0] = ct_solve(ct_call_x(call, 0), right);
    return CT_OK;
}

static int solve_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const struct {
        int a_ndim, b_ndim;
        int64_t a[4], b[4];
    } cases[] = {
        { 2, 2, { 3, 3 }, { 3, 2 } },          { 2, 2, { 3, 3 }, { 3, 1 } },
        { 3, 3, { 2, 2, 2 }, { 2, 2, 1 } },    { 2, 3, { 2, 2 }, { 2, 2, 2 } },
        { 4, 3, { 2, 1, 2, 2 }, { 3, 2, 1 } }, { 2, 2, { 1, 1 }, { 1, 1 } },
        { 2, 2, { 0, 0 }, { 0, 2 } },          { 3, 2, { 0, 2, 2 }, { 2, 2 } },
    };
    (void)attributes;
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    x[0] = ct__sample_matrices(cx, cases[k].a, cases[k].a_ndim, 4);
    x[1] = ct_randn(cx, CT_F64, cases[k].b, cases[k].b_ndim);
    return 2;
}

extern const ct_op ct__solve_op, ct__inverse_op;
const ct_op ct__solve_op = {
    .name = "solve",
    .formula = "y = a^-1 b",
    .derivative = "gb = a^-T g, ga = -gb y^T",
    .inputs = 2,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_X(0) | CT_SAVE_Y(0),
    .infer = solve_infer,
    .forward = solve_forward,
    .vjp = solve_vjp,
    .jvp = solve_jvp,
    .sample = solve_sample,
};

ct_tensor *ct_solve(ct_tensor *a, ct_tensor *b)
{
    return ct__system_apply(&ct__solve_op, NULL, a, b, -1);
}

/* -- inverse */
static ct_status inverse_infer(ct_call *call)
{
    const ct_tensor *a = ct_call_x(call, 0);
    ct_status status = ct__infer_square(call);
    if (status == CT_OK)
        status = ct_call_set_y(call, 0, ct_dtype_of(a), ct_shape(a), ct_ndim(a));
    return status;
}

static bool inverse(const ct__job *job, int64_t i, double *a, ct__fault *fault)
{
    int64_t n = job->x[0].rows;
    double *x = a + n * n;
    if (!ct__matrix_load(job, &job->x[0], i, a))
        return ct__matrix_store_nan(job, i);
    memset(x, 0, (size_t)(n * n) * sizeof *x);
    for (int64_t r = 0; r < n; r++)
        x[r * n + r] = 1;
    if (!solve_with(a, n, x, n, fault))
        return false;
    ct__matrix_store(job, &job->y[0], i, x);
    return true;
}

static ct_status inverse_forward(ct_call *call)
{
    ct_tensor *y = ct_call_y(call, 0);
    ct__job job;
    ct__job_begin(&job, call, y, 2);
    job.x[0] = ct__stack_of(&job, ct_call_x(call, 0), 2);
    job.y[0] = ct__stack_of(&job, y, 2);
    int64_t n = job.x[0].rows;
    job.outputs = 1;
    job.room = 2 * n * n + n;
    job.operations = 3 * (double)n * (double)n * (double)n;
    job.body = inverse;
    return ct__job_run(&job, "is singular");
}

static ct_status inverse_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *t = ct_transpose(ct_call_y(call, 0));
    gx[0] = ct_neg(ct_matmul(ct_matmul(t, gy[0]), t));
    return CT_OK;
}

static ct_status inverse_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    ct_tensor *y = ct_call_y(call, 0);
    ty[0] = ct_neg(ct_matmul(ct_matmul(y, tx[0]), y));
    return CT_OK;
}

static int inverse_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const struct {
        int ndim;
        int64_t shape[3];
    } cases[] = { { 2, { 3, 3 } }, { 3, { 2, 2, 2 } }, { 2, { 1, 1 } }, { 2, { 0, 0 } } };
    (void)attributes;
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    x[0] = ct__sample_matrices(cx, cases[k].shape, cases[k].ndim, 4);
    return 1;
}

const ct_op ct__inverse_op = {
    .name = "inverse",
    .formula = "y = a^-1",
    .derivative = "ga = -y^T g y^T",
    .inputs = 1,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_Y(0),
    .infer = inverse_infer,
    .forward = inverse_forward,
    .vjp = inverse_vjp,
    .jvp = inverse_jvp,
    .sample = inverse_sample,
};

ct_tensor *ct_inverse(ct_tensor *a)
{
    return ct_apply(&ct__inverse_op, NULL, &a, 1);
}
