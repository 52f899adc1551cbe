/* The rule of ct_gamma, as an operator: R_n(a, x) = -P_n / p, with P_n the n-th derivative of the
 * distribution function P(a, x) by a, and p its density, the derivative by x. So P_n has the
 * derivatives P_(n+1) by a and p B_n by x, where B_n = p_n / p, and from 1/p come the factors
 * -B_1 and -(log p)' = -((a - 1) / x - 1):
 *
 *   dR_n/da = R_(n+1) - R_n B_1        dR_n/dx = -B_n - R_n ((a - 1) / x - 1)
 *
 * The n-th derivative of p by a is p times the complete Bell polynomial B_n of the derivatives of
 * log p: log x - psi(a), -psi'(a), .... Where x is 0, R_n counts as the constant 0. */
#include <cotangent/ops.h>

#include "gamma.h"

typedef struct numbers {
    const void *a, *x;
    void *y;
    bool is_f32;
    int order;
} numbers;

static int order_of(const ct_call *call)
{
    return *(const int *)ct_call_attributes(call);
}

static ct_status slope_infer(ct_call *call)
{
    if (order_of(call) > CT__GAMMA_ORDERS)
        return ct_call_fail(call, CT_ERROR_GRAPH, "gamma has derivatives up to order %d",
                            CT__GAMMA_ORDERS);
    return ct_infer_same(call);
}

static void slopes(int64_t begin, int64_t end, void *arg)
{
    const numbers *k = arg;
    for (int64_t i = begin; i < end; i++)
        if (k->is_f32)
            ((float *)k->y)[i] = (float)ct__gamma_slope(
                k->order, ((const float *)k->a)[i], ((const float *)k->x)[i]);
        else
            ((double *)k->y)[i] = ct__gamma_slope(
                k->order, ((const double *)k->a)[i], ((const double *)k->x)[i]);
}

static ct_status slope_forward(ct_call *call)
{
    ct_tensor *a = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    numbers k = { ct_data(a), ct_data(ct_call_x(call, 1)), ct_data_mutable(y),
                  ct_dtype_of(a) == CT_F32, order_of(call) };
    ct_parallel_ranges(ct_call_context(call), ct_count(y), 4, slopes, &k);
    return CT_OK;
}

/* B_n: B_(k+1) = the sum of binomial(k, i) B_(k-i) c_i, where c_i is the i-th derivative of B_1 */
static ct_tensor *bell(int n, ct_tensor *a, ct_tensor *x)
{
    ct_tensor *b[CT__GAMMA_ORDERS + 1] = { ct_ones_like(x) };
    for (int k = 0; k < n; k++) {
        double binomial = 1;
        for (int i = 0; i <= k; i++) {
            ct_tensor *c = i == 0 ? ct_sub(ct_log(x), ct_digamma(a)) : ct_neg(ct_polygamma(i, a));
            ct_tensor *term = ct_scale(ct_mul(b[k - i], c), binomial);
            b[k + 1] = i == 0 ? term : ct_add(b[k + 1], term);
            binomial = binomial * (k - i) / (i + 1);
        }
    }
    return b[n];
}

/* In f64, since differences of nearly equal numbers are formed. */
static ct_status slope_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    int n = order_of(call);
    ct_tensor *a = ct_call_x(call, 0), *zero = ct_zeros_like(a), *x = ct_call_x(call, 1);
    ct_tensor *none = ct_eq(x, zero);
    ct_dtype dtype = ct_dtype_of(a);
    a = ct_cast(a, CT_F64), x = ct_cast(ct_where(none, ct_ones_like(x), x), CT_F64);
    ct_tensor *r = ct__gamma_slopes(n, a, x), *slope[2] = { NULL };
    if (ct_call_wants(call, 0))
        slope[0] = ct_sub(ct__gamma_slopes(n + 1, a, x), ct_mul(r, bell(1, a, x)));
    if (ct_call_wants(call, 1)) {
        ct_tensor *by_x = ct_shift(ct_div(ct_shift(a, -1), x), -1);
        slope[1] = ct_neg(ct_add(bell(n, a, x), ct_mul(r, by_x)));
    }
    for (int i = 0; i < 2; i++)
        if (ct_call_wants(call, i))
            gx[i] = ct_where(none, zero, ct_mul(gy[0], ct_cast(slope[i], dtype)));
    return CT_OK;
}

/* on both sides of x = max(a, 1) */
static int slope_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    *(int *)attributes = k % 2 + 1;
    x[0] = ct_linspace(cx, CT_F64, 0.3, 4.1, 12);
    x[1] = ct_mul(x[0], ct_linspace(cx, CT_F64, k < 2 ? 0.2 : 2.7, k < 2 ? 2.4 : 0.1, 12));
    if (k == 3)
        x[0] = ct_reshape(x[0], CT_SHAPE(3, 4)), x[1] = ct_reshape(x[1], CT_SHAPE(3, 4));
    return k < 4 ? 2 : 0;
}

extern const ct_op ct__gamma_slope_op;
const ct_op ct__gamma_slope_op = {
    .name = "gamma_slope",
    .formula = "y = -P_n / p, P_n the n-th derivative of P by a",
    .derivative = "ga = -g d(P_n / p)/da, gx = -g d(P_n / p)/dx",
    .inputs = 2,
    .flags = CT_OP_CONTIGUOUS | CT_OP_SYMMETRIC,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1),
    .attributes_size = sizeof(int),
    .infer = slope_infer,
    .forward = slope_forward,
    .vjp = slope_vjp,
    .sample = slope_sample,
};

ct_tensor *ct__gamma_slopes(int n, ct_tensor *a, ct_tensor *x)
{
    return ct_apply(&ct__gamma_slope_op, &n, CT_TENSORS(a, x));
}
