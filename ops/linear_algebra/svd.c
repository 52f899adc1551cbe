/* svd: A = U S V^T, reduced, with k = min(m,n) singular values.
 *
 * With S = diag(s), P = U^T gU and Q = V^T gV, each minus its transpose, and the divisors taken
 * element by element,
 *
 *   gA = U (diag(gs) + K) V^T + (I - U U^T) gU S^-1 V^T + U S^-1 gV^T (I - V V^T)
 *   K_ij = (P_ij s_j + s_i Q_ij) / (s_j^2 - s_i^2)
 *        = (P_ij + Q_ij) / (2 (s_j - s_i)) + (P_ij - Q_ij) / (2 (s_j + s_i))
 *
 * (Townsend 2016, where V^T gV has another sign of the gap.) The second form of K squares nothing,
 * and shows both ways in which it may not exist: two values are equal, or both vanish. */
#include <cotangent/ops.h>

#include "factors.h"
#include "matrices.h"
#include "vectors.h"

static int64_t smaller(int64_t m, int64_t n)
{
    return m < n ? m : n;
}

static ct_status infer(ct_call *call)
{
    ct_status status = ct__infer_matrices(call);
    if (status != CT_OK)
        return status;
    const ct_tensor *a = ct_call_x(call, 0);
    int ndim = ct_ndim(a);
    int64_t m = ct_size(a, -2), n = ct_size(a, -1), k = smaller(m, n), shape[CT_MAX_DIMS];
    for (int d = 0; d < ndim - 2; d++)
        shape[d] = ct_shape(a)[d];
    for (int i = 0; i < 3 && status == CT_OK; i++) {
        shape[ndim - 2] = i == 0 ? m : k;
        shape[ndim - 1] = i == 0 ? k : n;
        status = ct_call_set_y(call, i, ct_dtype_of(a), shape, i == 1 ? ndim - 1 : ndim);
    }
    return status;
}

/* a wide A is decomposed as A^T = V S U^T */
static bool decompose(const ct__job *job, int64_t i, double *at, ct__fault *fault)
{
    const ct__stack *a = &job->x[0];
    bool wide = a->rows < a->columns;
    int64_t m = wide ? a->columns : a->rows, n = wide ? a->rows : a->columns;
    double *s = at + n * m, *lengthy = s + n, *square = lengthy + n * m, *work = square + n * n;
    double *ut = wide ? square : lengthy, *vt = wide ? lengthy : square;
    *fault = (ct__fault){ 0, 0 };
    if (!(wide ? ct__matrix_load(job, a, i, at) : ct__matrix_load_transposed(job, a, i, at)))
        return ct__matrix_store_nan(job, i);
    if (!ct__singular_values(at, m, n, s, lengthy, square, work))
        return false;
    for (int64_t k = 0; k < n; k++) {
        double turn = ct__turn(a->rows, ut + k * a->rows);
        ct__multiply_by(a->rows, turn, ut + k * a->rows);
        ct__multiply_by(a->columns, turn, vt + k * a->columns);
    }
    ct__matrix_store_transposed(job, &job->y[0], i, ut);
    ct__matrix_store(job, &job->y[1], i, s);
    ct__matrix_store(job, &job->y[2], i, vt);
    return true;
}

static ct_status forward(ct_call *call)
{
    ct__job job;
    ct__job_begin(&job, call, ct_call_y(call, 0), 2);
    job.x[0] = ct__stack_of(&job, ct_call_x(call, 0), 2);
    for (int k = 0; k < 3; k++)
        job.y[k] = ct__stack_of(&job, ct_call_y(call, k), k == 1 ? 1 : 2);
    int64_t m = job.x[0].rows, n = job.x[0].columns, k = smaller(m, n);
    job.outputs = 3;
    job.room = 2 * m * n + k * k + k + ct__singular_values_work(m > n ? m : n, k);
    job.operations = 4 * (double)k * (double)k * (double)(m + n + 10 * k);
    job.body = decompose;
    return ct__job_run(&job, "has singular values that LAPACK does not find");
}

/* -- The derivative. Any of gU, gs and gV may be NULL, which adds nothing */
static ct_tensor *sum_of(ct_tensor *a, ct_tensor *b)
{
    return !a ? b : !b ? a : ct_add(a, b);
}

typedef struct parts {
    ct_tensor *skew, *size; /* X^T gX minus its transpose, and how large both are */
    ct_tensor *outside;     /* what gX has outside of the columns of X; NULL if X is square */
} parts;

static parts parts_of(ct_tensor *x, ct_tensor *gx)
{
    ct_tensor *along = ct_matmul(ct_transpose(x), gx), *t = ct_transpose(along);
    parts p = { ct_sub(along, t), ct_add(ct_abs(along), ct_abs(t)), NULL };
    if (ct_size(x, -2) > ct_size(x, -1))
        p.outside = ct_sub(gx, ct_matmul(x, along));
    return p;
}

/* K; p and q are both NULL where there is neither gU nor gV */
static ct_tensor *turning(ct_tensor *s, const parts *p, const parts *q)
{
    ct_tensor *row = ct_unsqueeze(s, -2), *column = ct_unsqueeze(s, -1);
    ct_tensor *least = ct__rounding_of(s, 2 * ct_size(s, -1));
    ct_tensor *minus = q->skew && p->skew ? ct_sub(p->skew, q->skew)
                       : q->skew          ? ct_neg(q->skew)
                                          : p->skew;
    ct_tensor *plus = sum_of(p->skew, q->skew);
    ct_tensor *size = ct__weigh(sum_of(p->size, q->size), 1, 0, 1);
    ct_tensor *by_gap = ct__over_gaps(plus, size, ct_sub(row, column), least);
    ct_tensor *by_sum = ct__over_gaps(minus, size, ct_add(row, column), least);
    return ct_scale(ct_add(by_gap, by_sum), 0.5);
}

/* what gX has outside, divided by s; `all` is gX */
static ct_tensor *over_values(ct_tensor *outside, ct_tensor *all, ct_tensor *s, int64_t n)
{
    ct_tensor *size = ct_sum_over(ct_abs(all), CT_AXES(-2), CT_KEEPDIMS);
    return ct__over_gaps(outside, size, ct_unsqueeze(s, -2), ct__rounding_of(s, n));
}

/* s_i is where it has a kink if it is 0 */
static ct_tensor *without_kinks(ct_tensor *s, ct_tensor *gs)
{
    if (!s || !gs)
        return NULL;
    ct_tensor *zero = ct_scalar_like(s, 0);
    return ct_where(ct_eq(s, zero), zero, gs);
}

static ct_tensor *sum_of_parts(ct_tensor *const *y, ct_tensor *const *gy)
{
    ct_tensor *u = y[0], *s = y[1], *vt = y[2], *v = ct_transpose(vt), *left = NULL, *ga = NULL;
    ct_tensor *gv = gy[2] ? ct_transpose(gy[2]) : NULL;
    parts p = { NULL, NULL, NULL }, q = p;
    int64_t n = ct_size(u, -2) + ct_size(v, -2);
    if (gy[0])
        p = parts_of(u, gy[0]);
    if (gv)
        q = parts_of(v, gv);
    if (gy[1])
        left = ct__scale_columns(u, without_kinks(s, gy[1]));
    if (gy[0] || gv)
        left = sum_of(left, ct_matmul(u, turning(s, &p, &q)));
    if (p.outside)
        left = sum_of(left, over_values(p.outside, gy[0], s, n));
    if (left)
        ga = ct_matmul(left, vt);
    if (q.outside)
        ga = sum_of(ga, ct_matmul(u, ct_transpose(over_values(q.outside, gv, s, n))));
    return ga;
}

static ct_status vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *y[] = { ct_call_y(call, 0), ct_call_y(call, 1), ct_call_y(call, 2) };
    gx[0] = ct_count(y[1]) == 0 ? ct_call_zero(call, 0) : sum_of_parts(y, gy);
    return CT_OK;
}

/* a diagonal that rises by 3 keeps the values apart, and from 0 */
static int sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const struct {
        int ndim;
        int64_t shape[3];
    } cases[] = { { 2, { 2, 2 } }, { 2, { 3, 2 } }, { 2, { 2, 3 } }, { 3, { 2, 2, 2 } },
                  { 2, { 1, 1 } }, { 2, { 2, 1 } }, { 2, { 3, 0 } }, { 2, { 0, 2 } } };
    (void)attributes;
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    const int64_t *shape = cases[k].shape;
    int64_t m = shape[cases[k].ndim - 2], n = shape[cases[k].ndim - 1], most = m > n ? m : n;
    ct_tensor *rising = ct_mul(ct_eye(cx, CT_F64, most), ct_scale(ct_range(cx, CT_F64, most), 3));
    rising = ct_slice(ct_slice(ct_shift(rising, 0.3), 0, 0, m, 1), 1, 0, n, 1);
    x[0] = ct_add(ct_scale(ct_randn(cx, CT_F64, shape, cases[k].ndim), 0.7), rising);
    return 1;
}

extern const ct_op ct__svd_op;
const ct_op ct__svd_op = {
    .name = "svd",
    .formula = "a = u diag(s) vt, u^T u = vt vt^T = I",
    .derivative = "ga = u (diag(gs) + k) vt + what gu and gv have outside",
    .inputs = 1,
    .outputs = 3,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_Y(0) | CT_SAVE_Y(1) | CT_SAVE_Y(2),
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .sample = sample,
};

ct_status ct_svd(ct_tensor *a, ct_tensor **u, ct_tensor **s, ct_tensor **vt)
{
    return ct__apply_outputs(&ct__svd_op, NULL, a, (ct_tensor **[]){ u, s, vt });
}
