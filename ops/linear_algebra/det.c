/* det and slogdet, by LU.
 *
 * d det A = sum of c_ij dA_ij with C the cofactors, so gA = gy C. Where A has an inverse,
 * C = det A A^-T, and for log |det A| the factor is A^-T.
 *
 * Where A is singular, or nearly, its singular value decomposition gives the vectors U0 and V0
 * (n,r) of its r vanishing values. With these as constants, M = A + U0 V0^T has an inverse, and for
 * all A in the neighborhood
 *
 *   det A = det(M - U0 V0^T) = det M det S,   S = I - V0^T M^-1 U0   (r,r)
 *
 * so that, since dS = V0^T M^-1 dA M^-1 U0, and with cof S the cofactors of S,
 *
 *   C = det M (det S M^-T + (V0^T M^-1)^T cof S (M^-1 U0)^T)
 *
 * det S and cof S are polynomials, by the recursion of Faddeev and LeVerrier, which divides by
 * whole numbers only. All this is made of operators, and so has derivatives of any order. */
#include <cotangent/ops.h>

#include "factors.h"
#include "matrices.h"
#include "vectors.h"

/* -- Values: the product of the pivots, as a fraction of about 1 and a power of 2. `ratio` is that
 * of the smallest and the largest pivot */
typedef struct product {
    double fraction, ratio;
    int64_t exponent;
} product;

static product product_of(double *a, int64_t n, int64_t *exchanged)
{
    product p = { 1, 1, 0 };
    double least = INFINITY, most = 0;
    if (ct__lu(a, n, exchanged) >= 0)
        return (product){ 0, 0, 0 };
    for (int64_t k = 0; k < n; k++) {
        double pivot = a[k * n + k];
        int of_pivot, of_product;
        p.fraction *= frexp(exchanged[k] == k ? pivot : -pivot, &of_pivot);
        p.fraction = frexp(p.fraction, &of_product);
        p.exponent += of_pivot + of_product;
        least = fmin(least, fabs(pivot));
        most = fmax(most, fabs(pivot));
    }
    if (fabs(p.fraction) < 0.70710678118654752)
        p.fraction *= 2, p.exponent--;
    if (n > 0)
        p.ratio = least / most;
    return p;
}

/* y[0] is det A or sign det A; y[1] is the ratio, or log |det A| */
static bool determine(const ct__job *job, int64_t i, double *a, ct__fault *fault)
{
    int64_t n = job->x[0].rows;
    bool logarithm = job->flags;
    (void)fault;
    if (!ct__matrix_load(job, &job->x[0], i, a))
        return ct__matrix_store_nan(job, i);
    product p = product_of(a, n, (int64_t *)(void *)(a + n * n));
    int exponent = p.exponent > 5000 ? 5000 : p.exponent < -5000 ? -5000 : (int)p.exponent;
    double det = ldexp(p.fraction, exponent);
    double sign = p.fraction > 0 ? 1 : p.fraction < 0 ? -1 : 0;
    double log_det = log(fabs(p.fraction)) + (double)p.exponent * 0.69314718055994530942;
    ct__matrix_store(job, &job->y[0], i, logarithm ? &sign : &det);
    if (job->outputs > 1)
        ct__matrix_store(job, &job->y[1], i, logarithm ? &log_det : &p.ratio);
    return true;
}

/* second: what y[1] is, or NULL */
static ct_status run(ct_call *call, ct_tensor *second, bool logarithm)
{
    ct_tensor *y = ct_call_y(call, 0);
    ct__job job;
    ct__job_begin(&job, call, y, 0);
    job.x[0] = ct__stack_of(&job, ct_call_x(call, 0), 2);
    job.y[0] = ct__stack_of(&job, y, 0);
    if (second)
        job.y[1] = ct__stack_of(&job, second, 0);
    int64_t n = job.x[0].rows;
    job.outputs = second ? 2 : 1;
    job.flags = logarithm;
    job.room = n * n + n;
    job.operations = (double)n * (double)n * (double)n * 2 / 3;
    job.body = determine;
    return ct__job_run(&job, "is singular"); /* which is no fault here */
}

/* element i of x, an output or auxiliary */
static double number(const ct_tensor *x, int64_t i)
{
    const void *data = ct_data(x);
    return ct_dtype_of(x) == CT_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static ct_tensor *last_axes(ct_tensor *g)
{
    return ct_unsqueeze(ct_unsqueeze(g, -1), -1);
}

/* -- Cofactors where there may be no inverse */
static ct_tensor *trace(ct_tensor *x)
{
    ct_tensor *diagonal = ct__weigh(x, 0, 1, 0);
    return ct_sum_over(diagonal, CT_AXES(-2, -1), CT_KEEPDIMS);
}

/* M_1 = I, c_k = -trace(S M_k) / k, M_(k+1) = S M_k + c_k I; then det S = (-1)^r c_r, and the
 * adjugate, the transpose of the cofactors, is -(-1)^r M_r */
static ct_tensor *determinant(ct_tensor *s, int64_t r, ct_tensor **adjugate)
{
    if (!s)
        return NULL;
    double sign = r % 2 ? -1 : 1;
    ct_tensor *eye = ct_eye(ct_context_of(s), ct_dtype_of(s), r), *m = eye, *c = NULL;
    for (int64_t k = 1; k <= r; k++) {
        ct_tensor *product = ct_matmul(s, m);
        c = ct_scale(trace(product), -1 / (double)k);
        if (k == r)
            *adjugate = ct_scale(m, -sign);
        m = ct_add(product, ct_mul(c, eye));
    }
    return ct_scale(c, sign);
}

/* how many values vanish, at most, in one matrix: they are the last of each row */
static int64_t count_vanishing(const ct_tensor *vanishes, int64_t n)
{
    const bool *v = ct_data(vanishes);
    int64_t most = 0;
    for (int64_t i = 0, found = 0; i < ct_count(vanishes); i++) {
        found = i % n == 0 ? v[i] : found + v[i];
        most = found > most ? found : most;
    }
    return most;
}

/* what stands in the bracket, for M = A + U0 V0^T */
static ct_tensor *bracket(ct_tensor *inverse, ct_tensor *u0, ct_tensor *v0, int64_t r)
{
    ct_tensor *t = ct_transpose(inverse), *adjugate = NULL;
    if (r == 0 || !inverse)
        return t;
    ct_tensor *left = ct_matmul(v0, inverse), *right = ct_matmul(inverse, u0);
    ct_tensor *eye = ct_eye(ct_context_of(inverse), ct_dtype_of(inverse), r);
    ct_tensor *det = determinant(ct_sub(eye, ct_matmul(left, u0)), r, &adjugate);
    ct_tensor *rest = ct_matmul(ct_transpose(left), ct_matmul(ct_transpose(adjugate),
                                                             ct_transpose(right)));
    return ct_add(ct_mul(det, t), rest);
}

/* A / c has a largest singular value of 1, and its cofactors are those of A / c^(n-1) */
static ct_tensor *cofactors(ct_tensor *a)
{
    ct_tensor *u, *s, *vt;
    int64_t n = ct_size(a, -1);
    if (ct_svd(ct_detach(a), &u, &s, &vt) != CT_OK)
        return NULL;
    ct_tensor *top = ct_slice(s, -1, 0, 1, 1), *zero = ct_scalar_like(s, 0);
    ct_tensor *one = ct_scalar_like(s, 1), *c = ct_where(ct_gt(top, zero), top, one);
    ct_tensor *vanishes = ct_le(s, ct_squeeze(ct__rounding_of(s, n), -1));
    if (!vanishes)
        return NULL;
    int64_t r = count_vanishing(vanishes, n);
    ct_tensor *chosen = ct__scale_columns(u, ct_where(vanishes, one, zero));
    ct_tensor *u0 = ct_slice(chosen, -1, n - r, n, 1), *v0 = ct_slice(vt, -2, n - r, n, 1);
    c = ct_unsqueeze(c, -1);
    ct_tensor *m = ct_add(ct_div(a, c), ct_matmul(u0, v0)), *inverse = ct_inverse(m);
    ct_tensor *half = ct_power(c, (double)(n - 1) / 2); /* twice: c^(n-1) alone may be too large */
    ct_tensor *scaled = ct_mul(last_axes(ct_det(m)), bracket(inverse, u0, v0, r));
    return ct_mul(ct_mul(scaled, half), half);
}

/* -- det */
static ct_status det_infer(ct_call *call)
{
    const ct_tensor *a = ct_call_x(call, 0);
    ct_status status = ct__infer_square(call);
    int ndim = ct_ndim(a) - 2;
    if (status == CT_OK)
        status = ct_call_set_y(call, 0, ct_dtype_of(a), ct_shape(a), ndim);
    if (status == CT_OK && ct_call_records(call))
        status = ct_call_set_aux(call, 0, ct_dtype_of(a), ct_shape(a), ndim);
    return status;
}

static ct_status det_forward(ct_call *call)
{
    return run(call, ct_call_records(call) ? ct_call_aux(call, 0) : NULL, false);
}

/* No pivot is so small that the inverse, or its derivatives, would lose many digits; and no
 * determinant is too large or too small to be multiplied by. NaN is as good as any other number */
static bool all_have_inverses(const ct_call *call)
{
    const ct_tensor *y = ct_call_y(call, 0), *ratio = ct_call_aux(call, 0);
    bool f32 = ct_dtype_of(y) == CT_F32;
    double least = f32 ? 0x1p-126 : 0x1p-1022, small = f32 ? 0x1p-12 : 0x1p-30;
    for (int64_t i = 0; i < ct_count(y); i++) {
        double det = number(y, i);
        if (number(ratio, i) < small || fabs(det) < least || isinf(det))
            return false;
    }
    return true;
}

static ct_status det_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *a = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    if (ct_count(a) == 0)
        gx[0] = ct_call_zero(call, 0);
    else if (all_have_inverses(call))
        gx[0] = ct_mul(last_axes(ct_mul(gy[0], y)), ct_transpose(ct_inverse(a)));
    else
        gx[0] = ct_mul(last_axes(gy[0]), cofactors(a));
    return CT_OK;
}

/* the sum of c_ij tA_ij */
static ct_status det_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    ct_tensor *ones = ct_ones_like(ct_call_y(call, 0)), *c;
    ct_status status = ones ? det_vjp(call, &ones, &c) : CT_ERROR_MEMORY;
    ty[0] = status == CT_OK ? ct_sum_over(ct_mul(c, tx[0]), CT_AXES(-2, -1), 0) : NULL;
    return status;
}

/* singular ones are of whole numbers: so they are singular in f32, too */
static int det_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    if (k > 5)
        return 0;
    if (k == 0)
        x[0] = ct__sample_matrices(cx, CT_SHAPE(3, 3), 2);
    if (k == 1)
        x[0] = ct__sample_matrices(cx, CT_SHAPE(2, 2, 2), -2);
    if (k == 2) /* of rank 2: the gradient is the cofactors */
        x[0] = ct_from_doubles(cx, CT_F64, CT_SHAPE(3, 3), CT_DOUBLES(1, 2, 3, 4, 5, 6, 7, 8, 9));
    if (k == 3) /* of all ranks */
        x[0] = ct_from_doubles(cx, CT_F64, CT_SHAPE(3, 2, 2),
                               CT_DOUBLES(2, 1, 0, 3, 1, 2, 2, 4, 0, 0, 0, 0));
    if (k == 4)
        x[0] = ct_full(cx, CT_F64, CT_SHAPE(1, 1), -0.5);
    if (k == 5)
        x[0] = ct_zeros(cx, CT_F64, CT_SHAPE(2, 0, 0));
    return 1;
}

extern const ct_op ct__det_op, ct__slogdet_op;
const ct_op ct__det_op = {
    .name = "det",
    .formula = "y = det a",
    .derivative = "ga = g c, c_ij = det of a with row i replaced by row j of the identity",
    .inputs = 1,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_X(0) | CT_SAVE_Y(0) | CT_SAVE_AUX,
    .infer = det_infer,
    .forward = det_forward,
    .vjp = det_vjp,
    .jvp = det_jvp,
    .sample = det_sample,
};

ct_tensor *ct_det(ct_tensor *a)
{
    return ct_apply(&ct__det_op, NULL, &a, 1);
}

/* -- slogdet */
static ct_status slogdet_infer(ct_call *call)
{
    const ct_tensor *a = ct_call_x(call, 0);
    ct_status status = ct__infer_square(call);
    for (int k = 0; k < 2 && status == CT_OK; k++)
        status = ct_call_set_y(call, k, ct_dtype_of(a), ct_shape(a), ct_ndim(a) - 2);
    return status;
}

static ct_status slogdet_forward(ct_call *call)
{
    return run(call, ct_call_y(call, 1), true);
}

static ct_status slogdet_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *a = ct_call_x(call, 0);
    const ct_tensor *log_det = ct_call_y(call, 1);
    for (int64_t i = 0; i < ct_count(log_det) && gy[1]; i++)
        if (number(log_det, i) == -INFINITY)
            return ct_call_fail(call, CT_ERROR_VALUE, "matrix %lld is singular: log |det a| has no "
                                "gradient there", (long long)i);
    gx[0] = gy[1] ? ct_mul(last_axes(gy[1]), ct_transpose(ct_inverse(a))) : ct_call_zero(call, 0);
    return CT_OK;
}

static int slogdet_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    if (k > 2)
        return 0;
    x[0] = k == 0   ? ct__sample_matrices(cx, CT_SHAPE(3, 3), 2)
           : k == 1 ? ct__sample_matrices(cx, CT_SHAPE(2, 2, 2), -2)
                    : ct_zeros(cx, CT_F64, CT_SHAPE(2, 0, 0));
    return 1;
}

const ct_op ct__slogdet_op = {
    .name = "slogdet",
    .formula = "sign = sign det a, log = log |det a|",
    .derivative = "ga = glog a^-T",
    .inputs = 1,
    .outputs = 2,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_X(0) | CT_SAVE_Y(1),
    .infer = slogdet_infer,
    .forward = slogdet_forward,
    .vjp = slogdet_vjp,
    .sample = slogdet_sample,
};

ct_status ct_slogdet(ct_tensor *a, ct_tensor **sign, ct_tensor **log)
{
    return ct__apply_outputs(&ct__slogdet_op, NULL, a, (ct_tensor **[]){ sign, log });
}
