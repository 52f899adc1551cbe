/* lstsq: Y = A^+ B, with A of full rank.
 *
 * A^+ is (A^T A)^-1 A^T for m >= n and A^T (A A^T)^-1 for m < n. Its differential, in both cases
 * (Golub and Pereyra 1973), is
 *
 *   dA^+ = -A^+ dA A^+ + A^+ A^+T dA^T (I - A A^+) + (I - A^+ A) dA^T A^+T A^+
 *
 * where the second term is 0 for m < n, and the third for m >= n. With R = B - A Y and
 * gB = A^+T gY,
 *
 *   gA = -gB Y^T + R (A^+ gB)^T + (A^+T Y) (gY - A^T gB)^T
 *
 * Each product with A^+ or A^+T is a least-squares problem again. Forward, with C = tA^T R for
 * m >= n and C = tA^T A^+T Y for m < n,
 *
 *   tY = A^+ (tB - tA Y) + A^+ A^+T C   or   tY = A^+ (tB - tA Y) + C - A^+ A C */
#include <cotangent/ops.h>
#include <string.h>

#include "factors.h"
#include "systems.h"
#include "vectors.h"

static ct_status infer(ct_call *call)
{
    const ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    ct_status status = ct__infer_matrices(call);
    if (status != CT_OK)
        return status;
    if (ct_ndim(b) < 2 || ct_size(b, -2) != ct_size(a, -2))
        return ct_call_fail(call, CT_ERROR_SHAPE, "takes a (...,m,n) and b (...,m,k)");
    return ct__infer_system(call, ct_size(a, -1), ct_size(b, -1));
}

/* R (n,n) of the factors at (n,m), m >= n; false: a pivot vanishes */
static bool take_triangle(const double *at, int64_t m, int64_t n, double *r, ct__fault *fault)
{
    double largest = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = i; c < n; c++) {
            r[i * n + c] = at[c * m + i];
            largest = fmax(largest, fabs(r[i * n + c]));
        }
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(r[i * n + i]) > (double)m * 0x1p-52 * largest)) {
            *fault = (ct__fault){ i, r[i * n + i] };
            return false;
        }
    return true;
}

/* c (p,k) = the sum of a_ij b_j over j, for a (p,n) and b (n,k) */
static void multiply(const double *a, const double *b, int64_t p, int64_t n, int64_t k, double *c)
{
    memset(c, 0, (size_t)(p * k) * sizeof *c);
    for (int64_t i = 0; i < p; i++)
        for (int64_t j = 0; j < n; j++)
            ct__axpy(k, a[i * n + j], b + j * k, c + i * k);
}

/* c (p,k) = the sum of a_ji b_j over j, for a (n,p) and b (n,k) */
static void multiply_transposed(const double *a, const double *b, int64_t p, int64_t n, int64_t k,
                                double *c)
{
    memset(c, 0, (size_t)(p * k) * sizeof *c);
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < p; i++)
            ct__axpy(k, a[j * p + i], b + j * k, c + i * k);
}

/* A = Q R, Y = R^-1 Q^T B; or A^T = Q R, Y = Q R^-T B, for m < n */
static bool solve(const ct__job *job, int64_t i, double *at, ct__fault *fault)
{
    const ct__stack *a = &job->x[0];
    bool wide = a->rows < a->columns;
    int64_t m = wide ? a->columns : a->rows, n = wide ? a->rows : a->columns;
    int64_t k = job->x[1].columns;
    double *qt = at + n * m, *r = qt + n * m, *tau = r + n * n, *b = tau + n, *y = b + m * k;
    double *work = y + m * k;
    bool finite = wide ? ct__matrix_load(job, a, i, at) : ct__matrix_load_transposed(job, a, i, at);
    if (!finite)
        return ct__matrix_store_nan(job, i);
    ct__matrix_load(job, &job->x[1], i, b);
    ct__qr(at, m, n, tau, work);
    if (!take_triangle(at, m, n, r, fault))
        return false;
    ct__qr_basis(at, m, n, tau, qt, work);
    if (wide) {
        ct__solve_triangle(r, n, CT_UPPER | CT_TRANSPOSED, b, k);
        multiply_transposed(qt, b, m, n, k, y);
    } else {
        multiply(qt, b, n, m, k, y);
        ct__solve_triangle(r, n, CT_UPPER, y, k);
    }
    ct__matrix_store(job, &job->y[0], i, y);
    return true;
}

static ct_status forward(ct_call *call)
{
    ct__job job;
    ct__system_begin(&job, call);
    int64_t m = job.x[0].rows, n = job.x[0].columns, k = job.x[1].columns;
    int64_t most = m > n ? m : n, least = m < n ? m : n;
    job.room = 2 * m * n + least * least + least + 2 * most * k +
               ct__qr_work(most, least);
    job.operations = 4 * (double)m * (double)n * (double)(least + k);
    job.body = solve;
    return ct__job_run(&job, "does not have full rank");
}

static ct_status vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1), *y = ct_call_y(call, 0);
    ct_tensor *at = ct_transpose(a), *gb = ct_lstsq(at, gy[0]);
    if (ct_call_wants(call, 0)) {
        ct_tensor *ga = ct_neg(ct_matmul(gb, ct_transpose(y))), *more = NULL;
        if (ct_size(a, -2) > ct_size(a, -1))
            more = ct_matmul(ct_sub(b, ct_matmul(a, y)), ct_transpose(ct_lstsq(a, gb)));
        if (ct_size(a, -2) < ct_size(a, -1))
            more = ct_matmul(ct_lstsq(at, y), ct_transpose(ct_sub(gy[0], ct_matmul(at, gb))));
        if (ct_size(a, -2) != ct_size(a, -1))
            ga = ct_add(ga, more);
        gx[0] = ct__system_sum_to(ga, a);
    }
    if (ct_call_wants(call, 1))
        gx[1] = ct__system_sum_to(gb, b);
    return CT_OK;
}

static ct_status jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1), *y = ct_call_y(call, 0);
    ct_tensor *ta = tx[0], *t = tx[1], *more = NULL, *c;
    if (ta)
        t = t ? ct_sub(t, ct_matmul(ta, y)) : ct_neg(ct_matmul(ta, y));
    ty[0] = ct_lstsq(a, t);
    if (ta && ct_size(a, -2) > ct_size(a, -1)) {
        c = ct_matmul(ct_transpose(ta), ct_sub(b, ct_matmul(a, y)));
        more = ct_lstsq(a, ct_lstsq(ct_transpose(a), c));
    } else if (ta && ct_size(a, -2) < ct_size(a, -1)) {
        c = ct_matmul(ct_transpose(ta), ct_lstsq(ct_transpose(a), y));
        more = ct_sub(c, ct_lstsq(a, ct_matmul(a, c)));
    }
    if (ta && ct_size(a, -2) != ct_size(a, -1))
        ty[0] = ct_add(ty[0], more);
    return CT_OK;
}

static int sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const struct {
        int a_ndim, b_ndim;
        int64_t a[4], b[4];
    } cases[] = {
        { 2, 2, { 3, 2 }, { 3, 1 } },       { 2, 2, { 4, 2 }, { 4, 2 } },
        { 2, 2, { 2, 4 }, { 2, 2 } },       { 2, 2, { 2, 2 }, { 2, 1 } },
        { 3, 3, { 2, 3, 2 }, { 2, 3, 1 } }, { 2, 3, { 2, 1 }, { 2, 2, 1 } },
        { 3, 2, { 2, 1, 2 }, { 1, 2 } },    { 2, 2, { 3, 0 }, { 3, 1 } },
        { 2, 2, { 0, 2 }, { 0, 1 } },
    };
    (void)attributes;
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    x[0] = ct_randn(cx, CT_F64, cases[k].a, cases[k].a_ndim);
    x[1] = ct_randn(cx, CT_F64, cases[k].b, cases[k].b_ndim);
    return 2;
}

extern const ct_op ct__lstsq_op;
const ct_op ct__lstsq_op = {
    .name = "lstsq",
    .formula = "y = the y with the least |a y - b|^2",
    .derivative = "gb = a^+T g, ga = -gb y^T + r (a^+ gb)^T + (a^+T y) (g - a^T gb)^T, "
                  "r = b - a y",
    .inputs = 2,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1) | CT_SAVE_Y(0),
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .jvp = jvp,
    .sample = sample,
};

ct_tensor *ct_lstsq(ct_tensor *a, ct_tensor *b)
{
    return ct__system_apply(&ct__lstsq_op, NULL, a, b, -1);
}
