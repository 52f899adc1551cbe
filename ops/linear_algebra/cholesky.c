/* cholesky: A = L L^T, with L lower triangular and l_ii > 0.
 *
 * From dA = dL L^T + L dL^T follows L^-1 dA L^-T = M + M^T with M = L^-1 dL, which is lower
 * triangular: so M = tri(L^-1 dA L^-T), where tri takes the lower triangle and half the diagonal.
 * Then, since <X, tri(Y)> = <tri(X), Y>,
 *
 *   <gL, dL> = <L^T gL, M> = <tri(L^T gL), L^-1 dA L^-T> = <L^-T tri(L^T gL) L^-1, dA>
 *
 * dA is symmetric, and only the symmetric part of its factor counts: this is gA (Smith 1995; Murray
 * 2016). */
#include <cotangent/ops.h>

#include "factors.h"
#include "matrices.h"

/* Of what A is: its lower triangle, mirrored; or the mean of both triangles, a function of all
 * elements whose derivative, the same, finite differences can see. */
typedef struct attributes {
    bool lower;
} attributes;

static ct_status infer(ct_call *call)
{
    ct_status status = ct__infer_square(call);
    const ct_tensor *a = ct_call_x(call, 0);
    if (status == CT_OK)
        status = ct_call_set_y(call, 0, ct_dtype_of(a), ct_shape(a), ct_ndim(a));
    return status;
}

static bool factorize(const ct__job *job, int64_t i, double *a, ct__fault *fault)
{
    int64_t n = job->x[0].rows;
    if (!ct__matrix_load_symmetric(job, &job->x[0], i, job->flags, a))
        return ct__matrix_store_nan(job, i);
    fault->pivot = ct__cholesky(a, n);
    if (fault->pivot >= 0) {
        fault->value = a[fault->pivot * n + fault->pivot];
        return false;
    }
    ct__matrix_store(job, &job->y[0], i, a);
    return true;
}

static ct_status forward(ct_call *call)
{
    const attributes *a = ct_call_attributes(call);
    ct_tensor *y = ct_call_y(call, 0);
    ct__job job;
    ct__job_begin(&job, call, y, 2);
    job.x[0] = ct__stack_of(&job, ct_call_x(call, 0), 2);
    job.y[0] = ct__stack_of(&job, y, 2);
    int64_t n = job.x[0].rows;
    job.outputs = 1;
    job.flags = a->lower;
    job.room = n * n;
    job.operations = (double)n * (double)n * (double)n / 3;
    job.body = factorize;
    return ct__job_run(&job, "is not positive definite");
}

static ct_status vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *l = ct_call_y(call, 0);
    ct_tensor *t = ct__weigh(ct_matmul(ct_transpose(l), gy[0]), 1, 0.5, 0);
    ct_tensor *left = ct_solve_triangular(l, t, CT_TRANSPOSED);
    gx[0] = ct__symmetric_part(ct_solve_triangular(l, left, CT_RIGHT));
    return CT_OK;
}

/* tL = L M */
static ct_status jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    ct_tensor *l = ct_call_y(call, 0);
    ct_tensor *left = ct_solve_triangular(l, ct__symmetric_part(tx[0]), 0);
    ct_tensor *both = ct_solve_triangular(l, left, CT_RIGHT | CT_TRANSPOSED);
    ty[0] = ct_matmul(l, ct__weigh(both, 1, 0.5, 0));
    return CT_OK;
}

static int sample(ct_context *cx, int k, ct_tensor **x, void *attributes_out)
{
    static const struct {
        int ndim;
        int64_t shape[3];
    } cases[] = { { 2, { 3, 3 } }, { 3, { 2, 2, 2 } }, { 2, { 1, 1 } }, { 2, { 0, 0 } },
                  { 3, { 0, 2, 2 } } };
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    *(attributes *)attributes_out = (attributes){ .lower = false };
    ct_tensor *a = ct__sample_matrices(cx, cases[k].shape, cases[k].ndim, 3);
    x[0] = ct_matmul(a, ct_transpose(a));
    return 1;
}

extern const ct_op ct__cholesky_op;
const ct_op ct__cholesky_op = {
    .name = "cholesky",
    .formula = "y = L, a = L L^T",
    .derivative = "ga = (s + s^T) / 2, s = L^-T tri(L^T g) L^-1",
    .inputs = 1,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_Y(0),
    .attributes_size = sizeof(attributes),
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .jvp = jvp,
    .sample = sample,
};

ct_tensor *ct_cholesky(ct_tensor *a)
{
    return ct_apply(&ct__cholesky_op, &(attributes){ .lower = true }, &a, 1);
}
