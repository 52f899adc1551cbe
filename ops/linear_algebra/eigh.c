/* eigh: A = V diag(w) V^T.
 *
 * Let dK = V^T dV, which is skew. From dA V + A dV = dV diag(w) + V diag(dw) follows
 * V^T dA V = diag(dw) + dK diag(w) - diag(w) dK, so
 *
 *   dw_i = (V^T dA V)_ii,   dK_ij = (V^T dA V)_ij / (w_j - w_i)
 *
 * With G = V^T gV, <gV, dV> = <G, dK>, and since V^T dA V is symmetric and dK skew,
 *
 *   gA = V (diag(gw) + H) V^T,   H_ij = (G_ij - G_ji) / 2 / (w_j - w_i),  H_ii = 0
 *
 * Where w_i = w_j, the vectors may turn among themselves, and no derivative exists, whatever G is:
 * even for a function that has one, such as sum h(w_i) v_i v_i^T, it is not determined by G. */
#include <cotangent/ops.h>

#include "factors.h"
#include "matrices.h"
#include "vectors.h"

/* as in cholesky.c */
typedef struct attributes {
    bool lower;
} attributes;

static ct_status infer(ct_call *call)
{
    ct_status status = ct__infer_square(call);
    const ct_tensor *a = ct_call_x(call, 0);
    int ndim = ct_ndim(a);
    for (int k = 0; k < 2 && status == CT_OK; k++)
        status = ct_call_set_y(call, k, ct_dtype_of(a), ct_shape(a), ndim - 1 + k);
    return status;
}

static bool decompose(const ct__job *job, int64_t i, double *a, ct__fault *fault)
{
    int64_t n = job->x[0].rows;
    double *vt = a + n * n, *w = vt + n * n, *work = w + n;
    *fault = (ct__fault){ 0, 0 };
    if (!ct__matrix_load_symmetric(job, &job->x[0], i, job->flags, a))
        return ct__matrix_store_nan(job, i);
    if (!ct__symmetric_eigen(a, n, w, vt, work))
        return false;
    for (int64_t k = 0; k < n; k++)
        ct__multiply_by(n, ct__turn(n, vt + k * n), vt + k * n);
    ct__matrix_store(job, &job->y[0], i, w);
    ct__matrix_store_transposed(job, &job->y[1], i, vt);
    return true;
}

static ct_status forward(ct_call *call)
{
    const attributes *a = ct_call_attributes(call);
    ct_tensor *w = ct_call_y(call, 0);
    ct__job job;
    ct__job_begin(&job, call, w, 1);
    job.x[0] = ct__stack_of(&job, ct_call_x(call, 0), 2);
    job.y[0] = ct__stack_of(&job, w, 1);
    job.y[1] = ct__stack_of(&job, ct_call_y(call, 1), 2);
    int64_t n = job.x[0].rows;
    job.outputs = 2;
    job.flags = a->lower;
    job.room = 2 * n * n + n + ct__symmetric_eigen_work(n);
    job.operations = 9 * (double)n * (double)n * (double)n;
    job.body = decompose;
    return ct__job_run(&job, "has eigenvalues that LAPACK does not find");
}

/* H */
static ct_tensor *turning(ct_tensor *w, ct_tensor *v, ct_tensor *gv)
{
    ct_tensor *g = ct_matmul(ct_transpose(v), gv), *t = ct_transpose(g);
    ct_tensor *size = ct_add(ct_abs(g), ct_abs(t));
    ct_tensor *gap = ct_sub(ct_unsqueeze(w, -2), ct_unsqueeze(w, -1));
    return ct__over_gaps(ct_scale(ct_sub(g, t), 0.5), ct__weigh(size, 1, 0, 1), gap,
                         ct__rounding_of(w, 2 * ct_size(w, -1)));
}

static ct_status vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *w = ct_call_y(call, 0), *v = ct_call_y(call, 1), *left = NULL;
    if (ct_count(v) == 0) {
        gx[0] = ct_call_zero(call, 0);
        return CT_OK;
    }
    if (gy[0])
        left = ct__scale_columns(v, gy[0]);
    if (gy[1]) {
        ct_tensor *turned = ct_matmul(v, turning(w, v, gy[1]));
        left = gy[0] ? ct_add(left, turned) : turned;
    }
    gx[0] = ct__symmetric_part(ct_matmul(left, ct_transpose(v)));
    return CT_OK;
}

/* a diagonal that rises by 3 keeps the eigenvalues apart */
static int sample(ct_context *cx, int k, ct_tensor **x, void *attributes_out)
{
    static const struct {
        int ndim;
        int64_t shape[3];
    } cases[] = { { 2, { 3, 3 } }, { 3, { 2, 2, 2 } }, { 2, { 1, 1 } }, { 2, { 0, 0 } },
                  { 3, { 0, 2, 2 } } };
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    int64_t n = cases[k].shape[cases[k].ndim - 1];
    *(attributes *)attributes_out = (attributes){ .lower = false };
    ct_tensor *rising = ct_mul(ct_eye(cx, CT_F64, n), ct_scale(ct_range(cx, CT_F64, n), 3));
    x[0] = ct_add(ct_randn(cx, CT_F64, cases[k].shape, cases[k].ndim), rising);
    return 1;
}

extern const ct_op ct__eigh_op;
const ct_op ct__eigh_op = {
    .name = "eigh",
    .formula = "a = v diag(w) v^T, v^T v = I",
    .derivative = "ga = v (diag(gw) + k) v^T, k_ij = (v_i gv_j - gv_i v_j) / (2 (w_j - w_i))",
    .inputs = 1,
    .outputs = 2,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_Y(0) | CT_SAVE_Y(1),
    .attributes_size = sizeof(attributes),
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .sample = sample,
};

ct_status ct_eigh(ct_tensor *a, ct_tensor **w, ct_tensor **v)
{
    return ct__apply_outputs(&ct__eigh_op, &(attributes){ .lower = true }, a,
                             (ct_tensor **[]){ w, v });
}
