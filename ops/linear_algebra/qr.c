/* qr: A = Q R, reduced, with r_ii >= 0.
 *
 * For m >= n, dA = dQ R + Q dR gives Q^T dA R^-1 = Q^T dQ + dR R^-1: a skew matrix and an upper
 * triangular one, which its lower triangle settles. From that follows, with
 * M = R gR^T - gQ^T Q and c(M) its lower triangle, mirrored,
 *
 *   gA = (gQ + Q c(M)) R^-T          (Walter and Lehmann 2012)
 *
 * For m < n, A = [X Y] and R = [U V] with X = Q U square and V = Q^T Y. So gY = Q gV, and V adds
 * Y gV^T = Q V gV^T to gQ; gX follows from that and gU as above. */
#include <cotangent/ops.h>

#include "factors.h"
#include "matrices.h"
#include "vectors.h"

static int64_t smaller(int64_t m, int64_t n)
{
    return m < n ? m : n;
}

static ct_status set_matrices(ct_call *call, int i, int64_t rows, int64_t columns)
{
    const ct_tensor *a = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS] = { 0 };
    int ndim = ct_ndim(a);
    for (int d = 0; d < ndim - 2; d++)
        shape[d] = ct_shape(a)[d];
    shape[ndim - 2] = rows;
    shape[ndim - 1] = columns;
    return ct_call_set_y(call, i, ct_dtype_of(a), shape, ndim);
}

static ct_status infer(ct_call *call)
{
    ct_status status = ct__infer_matrices(call);
    if (status != CT_OK)
        return status;
    const ct_tensor *a = ct_call_x(call, 0);
    int64_t m = ct_size(a, -2), n = ct_size(a, -1), k = smaller(m, n);
    status = set_matrices(call, 0, m, k);
    return status == CT_OK ? set_matrices(call, 1, k, n) : status;
}

static bool factorize(const ct__job *job, int64_t i, double *at, ct__fault *fault)
{
    int64_t m = job->x[0].rows, n = job->x[0].columns, k = smaller(m, n);
    double *qt = at + n * m, *r = qt + k * m, *tau = r + k * n, *work = tau + k;
    (void)fault;
    if (!ct__matrix_load_transposed(job, &job->x[0], i, at))
        return ct__matrix_store_nan(job, i);
    ct__qr(at, m, n, tau, work);
    ct__qr_basis(at, m, k, tau, qt, work);
    for (int64_t row = 0; row < k; row++) {
        bool turns = at[row * m + row] < 0;
        for (int64_t c = 0; c < n; c++)
            r[row * n + c] = c < row ? 0 : turns ? -at[c * m + row] : at[c * m + row];
        if (turns)
            ct__multiply_by(m, -1, qt + row * m);
    }
    ct__matrix_store_transposed(job, &job->y[0], i, qt);
    ct__matrix_store(job, &job->y[1], i, r);
    return true;
}

static ct_status forward(ct_call *call)
{
    ct_tensor *q = ct_call_y(call, 0);
    ct__job job;
    ct__job_begin(&job, call, q, 2);
    job.x[0] = ct__stack_of(&job, ct_call_x(call, 0), 2);
    job.y[0] = ct__stack_of(&job, q, 2);
    job.y[1] = ct__stack_of(&job, ct_call_y(call, 1), 2);
    int64_t m = job.x[0].rows, n = job.x[0].columns, k = smaller(m, n);
    job.outputs = 2;
    job.room = n * m + k * m + k * n + k + ct__qr_work(m, n);
    job.operations = 4 * (double)m * (double)n * (double)k;
    job.body = factorize;
    return ct__job_run(&job, "has no factors"); /* which cannot be */
}

/* for m >= n; any of gq and gr may be NULL */
static ct_tensor *square_vjp(ct_tensor *q, ct_tensor *r, ct_tensor *gq, ct_tensor *gr)
{
    ct_tensor *m = gr ? ct_matmul(r, ct_transpose(gr)) : NULL, *g = gq;
    if (gq) {
        ct_tensor *other = ct_matmul(ct_transpose(gq), q);
        m = gr ? ct_sub(m, other) : ct_neg(other);
    }
    ct_tensor *mirrored = ct_add(ct__weigh(m, 1, 1, 0), ct_transpose(ct__weigh(m, 1, 0, 0)));
    ct_tensor *along = ct_matmul(q, mirrored);
    g = gq ? ct_add(gq, along) : along;
    return ct_solve_triangular(r, g, CT_UPPER | CT_TRANSPOSED | CT_RIGHT);
}

static ct_status vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *q = ct_call_y(call, 0), *r = ct_call_y(call, 1), *gq = gy[0], *gr = gy[1];
    int64_t m = ct_size(r, -2), n = ct_size(r, -1);
    if (m == n || m == 0) {
        gx[0] = m == 0 ? ct_call_zero(call, 0) : square_vjp(q, r, gq, gr);
        return CT_OK;
    }
    ct_tensor *u = ct_slice(r, -1, 0, m, 1), *v = ct_slice(r, -1, m, n, 1), *gu = NULL, *gv = NULL;
    if (gr) {
        gu = ct_slice(gr, -1, 0, m, 1);
        gv = ct_slice(gr, -1, m, n, 1);
        ct_tensor *more = ct_matmul(q, ct_matmul(v, ct_transpose(gv)));
        gq = gq ? ct_add(gq, more) : more;
    }
    ct_tensor *first = square_vjp(q, u, gq, gu);
    ct_tensor *rest = gr ? ct_matmul(q, gv) : ct_zeros_like(ct_matmul(q, v));
    gx[0] = ct_concat(CT_TENSORS(first, rest), -1);
    return CT_OK;
}

static int sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const struct {
        int ndim;
        int64_t shape[3];
    } cases[] = { { 2, { 3, 2 } }, { 2, { 3, 3 } }, { 2, { 2, 4 } }, { 3, { 2, 2, 2 } },
                  { 2, { 1, 1 } }, { 2, { 3, 0 } }, { 2, { 0, 2 } } };
    (void)attributes;
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    x[0] = ct_randn(cx, CT_F64, cases[k].shape, cases[k].ndim);
    return 1;
}

extern const ct_op ct__qr_op;
const ct_op ct__qr_op = {
    .name = "qr",
    .formula = "a = q r, q^T q = I",
    .derivative = "ga = (gq + q c) r^-T, c = tri + tri^T - diagonal of r gr^T - gq^T q",
    .inputs = 1,
    .outputs = 2,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_Y(0) | CT_SAVE_Y(1),
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .sample = sample,
};

ct_status ct_qr(ct_tensor *a, ct_tensor **q, ct_tensor **r)
{
    return ct__apply_outputs(&ct__qr_op, NULL, a, (ct_tensor **[]){ q, r });
}
