/* Elementwise operators: the rows of unary.def and binary.def, which are vectorized, and what their
 * rules need beside public operators. */
#include <float.h>

#include "double_normal.h"
#include "tables.h"
#include "vector_math.h"

#define INLINE VECTOR_INLINE
#if defined(__GNUC__)
#define APART static __attribute__((noinline))
#else
#define APART static
#endif
#define NORMAL_PEAK 0.39894228040143267794 /* 1 / sqrt(2 pi) */
#define ERF_SLOPE   1.12837916709551257390 /* 2 / sqrt(pi) */
#define LOG_2       0.69314718055994530942
#define LOG_10      2.30258509299404568402
/* G. Klambauer et al., Self-normalizing neural networks, 2017 */
#define SELU_SCALE  1.05070098735548049342
#define SELU_ALPHA  1.67326324235437728482

/* -- Words of the composed rules */
/* does the condition hold, or is x NaN? */
static ct_tensor *or_nan(ct_tensor *condition, ct_tensor *x)
{
    ct_tensor *is_nan = ct_ne(x, x);
    return ct_where(is_nan, is_nan, condition);
}

/* c rounded to x's dtype, as the kernels read it */
static double rounded(const ct_tensor *x, double c)
{
    return ct_dtype_of(x) == CT_F32 ? (double)(float)c : c;
}

/* x, or a finite number instead of an infinity, for a product with what is 0 there */
static ct_tensor *inside(ct_tensor *x)
{
    const double far = (double)ct__vector_bounds.far;
    return ct_clamp(x, -far, far);
}

static ct_tensor *gelu_slope(ct_tensor *x)
{
    return ct_add(ct_normal_cdf(x), ct_mul(inside(x), ct_normal_pdf(x)));
}

/* of which 1 / (1 + |x|)^2 is the square */
static ct_tensor *softsign_root(ct_tensor *x)
{
    return ct_reciprocal(ct_shift(ct_abs(x), 1));
}

/* what an operand of maximum or minimum gets, if it is taken itself, and perhaps the other, too */
static ct_tensor *share(ct_tensor *gy, ct_tensor *own, ct_tensor *other)
{
    return ct_where(own, ct_where(other, ct_scale(gy, 0.5), gy), number(gy, 0));
}

/* -- Three operators that only the composed rules need. Their derivatives are the second ones of
 * the operators above, so they have no kernels for them */

/* The logistic function s, once more. The rule of ct_sigmoid, y (1 - y), reads only y, and has lost
 * its digits where y is near 1. This one reads x: s'(x) = s(x) s(-x) */
static ct_tensor *logistic(ct_tensor *x);

static ct_status logistic_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *x = ct_call_x(call, 0);
    gx[0] = ct_mul(gy[0], ct_mul(logistic(x), logistic(ct_neg(x))));
    return CT_OK;
}

/* (x s)' = s (1 + x (1 - s)) */
static ct_tensor *silu_slope(ct_tensor *x)
{
    ct_tensor *other = logistic(ct_neg(x));
    return ct_mul(logistic(x), ct_shift(ct_mul(inside(x), other), 1));
}

/* t + s x (2 o q)^2, q = 1 / (1 + o^2), as in elementwise_kernels.h. Derivatives of t keep their
 * digits if it is s (1 + o) q where s is small, and 1 - 2 o^2 q where o is */
static ct_tensor *mish_slope(ct_tensor *x)
{
    ct_tensor *s = logistic(x), *o = logistic(ct_neg(x));
    ct_tensor *q = ct_reciprocal(ct_shift(ct_square(o), 1)), *oq = ct_mul(o, q);
    ct_tensor *t = ct_where(ct_gt(x, number(x, 0)), ct_rsub(1, ct_scale(ct_mul(o, oq), 2)),
                            ct_mul(s, ct_add(q, oq)));
    return ct_add(t, ct_mul(s, ct_mul(inside(x), ct_square(ct_scale(oq, 2)))));
}

/* y = 1 - x^2, computed as (1 - x)(1 + x). So y keeps its digits near 1 and -1, and its derivative,
 * -2 x, near 0, where that of the product would lose them */
static ct_status one_less_square_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    gx[0] = ct_mul(gy[0], ct_scale(ct_call_x(call, 0), -2));
    return CT_OK;
}

/* L_n = a^b log(a)^n, n >= 1: the n-th derivative of a^b by b. Its own derivatives are
 *   dL_n/db = L_(n+1)        dL_n/da = b a^(b-1) log(a)^n + n a^(b-1) log(a)^(n-1)
 * No a^b / a occurs in them, which is wrong where a^b underflows, and they are what the derivative
 * of b a^(b-1) by b is made of, so that mixed derivatives agree. At a = 0 <= b, L_n and its
 * derivatives are 0, as ops.h says. */
static ct_tensor *pow_log(ct_tensor *a, ct_tensor *b, int n);

/* is a = 0 <= b? There a^b counts as constant in b */
static ct_tensor *fixed_at_0(ct_tensor *a, ct_tensor *b)
{
    ct_tensor *zero = is_zero(a);
    return ct_where(zero, ct_ge(b, number(b, 0)), zero);
}

/* gy b a^(b-1). Where b = 0 it is 0 whatever gy and a are, but its derivative by b is gy / a: so it
 * is written there as b (gy / a). Where a = 0 <= b, b is taken as a constant */
static ct_tensor *pow_by_a(ct_tensor *gy, ct_tensor *a, ct_tensor *b)
{
    ct_tensor *fixed = ct_where(fixed_at_0(a, b), ct_detach(b), b), *none = is_zero(b);
    ct_tensor *exponent = ct_where(none, number(b, 1), fixed);
    ct_tensor *slope = ct_mul(exponent, ct_pow(a, ct_shift(exponent, -1)));
    ct_tensor *one = number(a, 1), *base = ct_where(none, ct_where(is_zero(a), one, a), one);
    return ct_where(none, ct_mul_no_nan(fixed, ct_div(gy, base)), ct_mul(gy, slope));
}

static ct_status pow_log_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1), *fixed = fixed_at_0(a, b);
    const int n = *(const int *)ct_call_attributes(call);
    if (ct_call_wants(call, 0)) {
        ct_tensor *base = ct_where(fixed, number(a, 1), a), *less = ct_shift(b, -1);
        ct_tensor *lower = n == 1 ? ct_pow(base, less) : ct_scale(pow_log(base, less, n - 1), n);
        ct_tensor *slope = ct_add(ct_mul_no_nan(b, pow_log(base, less, n)), lower);
        gx[0] = unless(fixed, ct_mul(gy[0], slope));
    }
    if (ct_call_wants(call, 1))
        gx[1] = unless(fixed, ct_mul(gy[0], pow_log(a, b, n + 1)));
    return CT_OK;
}

/* -- The operators */
#define CURVES         1
#define CT_KERNELS     "elementwise_kernels.h"
#define CT_KERNELS_F32 64
#include <cotangent/kernels.h>
#define ROW(...)
#define WIDE_ROW UNARY_OPERATOR
#include "unary.def"

#undef CURVES
#define CURVES     0
#define CT_KERNELS "elementwise_kernels.h"
#include <cotangent/kernels.h>
#define ROW UNARY_OPERATOR
#define WIDE_ROW(...)
#include "unary.def"

static const ct_op logistic_op = {
    .name = "sigmoid", .user = &sigmoid_row, .saves = CT_SAVE_X(0), .inputs = 1,
    .flags = CT_OP_BATCHED | CT_OP_KERNELS, .infer = ct_infer_same, .forward = ct__unary_forward,
    .vjp = logistic_vjp
};

static ct_tensor *logistic(ct_tensor *x)
{
    return ct_apply(&logistic_op, NULL, &x, 1);
}

static const ct__row one_less_square_row = { .kernels = { KERNELS(one_less_square, false) } };
static const ct_op one_less_square_op = {
    .name = "one_less_square", .user = &one_less_square_row, .saves = CT_SAVE_X(0),
    .flags = CT_OP_SYMMETRIC | CT_OP_BATCHED | CT_OP_KERNELS, .inputs = 1, .infer = ct_infer_same,
    .forward = ct__unary_forward, .vjp = one_less_square_vjp
};

ct_tensor *ct__one_less_square(ct_tensor *x)
{
    return ct_apply(&one_less_square_op, NULL, &x, 1);
}

#define BINARY BINARY_OPERATOR
#include "binary.def"

static const ct__row pow_log_row = { .kernels = { KERNELS(pow_log, false) } };
static const ct_op pow_log_op = {
    .name = "pow_log", .user = &pow_log_row, .saves = SAVE_A | SAVE_B,
    .flags = CT_OP_BROADCAST | CT_OP_SYMMETRIC | CT_OP_BATCHED | CT_OP_KERNELS,
    .inputs = 2, .attributes_size = sizeof(int), .infer = ct_infer_broadcast,
    .forward = ct__binary_forward, .vjp = pow_log_vjp
};

static ct_tensor *pow_log(ct_tensor *a, ct_tensor *b, int n)
{
    return ct_apply(&pow_log_op, &n, CT_TENSORS(a, b));
}
