/* Elementwise operators: what the rows of unary.def and binary.def become.
 *
 * For y_i = f(x_i) the chain rule is one product per element, gx_i = gy_i f'(x_i), and with two
 * tensors one for each: ga_i = gy_i df/da, gb_i = gy_i df/db (the engine sums over what was
 * repeated). f' is evaluated from x or from y, whichever is cheaper: tanh' = 1 - y^2. A row gives
 * it twice: `fused`, a kernel, and `composed`, by operators, which can be differentiated again. */
#include <cotangent/op.h>
#include <cotangent/ops.h>

#include "vector_math.h"

#define INLINE VECTOR_INLINE
#if defined(__GNUC__)
#define APART static __attribute__((noinline))
#else
#define APART static
#endif
#if defined(__clang__)
#define VECTORIZE _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define VECTORIZE _Pragma("GCC ivdep")
#else
#define VECTORIZE
#endif

#define SQRT_HALF   0.70710678118654752440
#define NORMAL_PEAK 0.39894228040143267794 /* 1 / sqrt(2 pi) */
#define ERF_SLOPE   1.12837916709551257390 /* 2 / sqrt(pi) */

/* -- The functions of vector_math.h for f64, by libm */
#define DOUBLE(name)                                                                            \
    INLINE double double_##name(double x)                                                       \
    {                                                                                           \
        return name(x);                                                                         \
    }
DOUBLE(exp)
DOUBLE(expm1)
DOUBLE(log)
DOUBLE(log1p)
DOUBLE(sin)
DOUBLE(cos)
DOUBLE(tanh)
DOUBLE(erf)
DOUBLE(erfc)

INLINE double double_logistic(double x)
{
    double e = exp(-fabs(x));
    return (x < 0 ? e : 1) / (1 + e);
}

INLINE double double_logistic_pair(double x, double *other)
{
    double e = exp(-fabs(x)), large = 1 / (1 + e), small = e * large;
    *other = x < 0 ? large : small;
    return x < 0 ? small : large;
}

INLINE double double_softplus(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

/* by erfc, which keeps its digits in the lower tail */
INLINE double double_normal(double x, double *density)
{
    *density = exp(-0.5 * x * x);
    return 0.5 * erfc(-x * SQRT_HALF);
}

/* -- Kernels */
#define CT_KERNELS "elementwise_kernels.h"
#include <cotangent/kernels.h>

/* `streams`: memory takes longer than f does, so that a large y is written past the caches */
#define KERNELS(name, streams) { CT_KERNEL_TABLE(name), streams }

/* The kernels of an operator of this file: the user field of its ct_op */
typedef struct row {
    ct_kernels forward, backward[2]; /* for each input */
} row;

/* -- Words of the composed rules */
static ct_tensor *number(const ct_tensor *like, double value)
{
    return ct_scalar_like(like, value);
}

static ct_tensor *unless(ct_tensor *condition, ct_tensor *gy)
{
    return ct_where(condition, number(gy, 0), gy);
}

static ct_tensor *is_zero(ct_tensor *x)
{
    return ct_eq(x, number(x, 0));
}

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

/* what an operand of maximum or minimum gets, if it is taken itself, and perhaps the other, too */
static ct_tensor *share(ct_tensor *gy, ct_tensor *own, ct_tensor *other)
{
    return ct_where(own, ct_where(other, ct_scale(gy, 0.5), gy), number(gy, 0));
}

/* -- Two operators that only the composed rules need. Their derivatives are the second ones of the
 * operators above, so they have no kernels for them */

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

/* -- Samples: every shape that is special, and values off the kinks */
static ct_tensor *sample(ct_context *cx, const int64_t *shape, int ndim, const double range[2],
                         double offset)
{
    double values[32];
    int64_t count = 1;
    for (int d = 0; d < ndim; d++)
        count *= shape[d];
    for (int64_t i = 0; i < count; i++)
        values[i] = range[0]
                    + (range[1] - range[0]) * ((double)(ct_random_u64(cx) % 20) + offset) / 20;
    return ct_from_doubles(cx, CT_F64, shape, ndim, values, count);
}

static int unary_sample(ct_context *cx, int k, ct_tensor **x, double low, double high)
{
    static const struct {
        int ndim;
        int64_t shape[4];
    } cases[] = { { 1, { 7 } }, { 0, { 0 } }, { 1, { 1 } }, { 1, { 0 } }, { 2, { 3, 4 } },
                  { 3, { 2, 0, 3 } }, { 4, { 2, 1, 3, 4 } } };
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    const double range[] = { low, high };
    x[0] = sample(cx, cases[k].shape, cases[k].ndim, range, 0.5);
    return 1;
}

static int binary_sample(ct_context *cx, int k, ct_tensor **x, const double a[2],
                         const double b[2])
{
    static const struct {
        int a_ndim, b_ndim;
        int64_t a[3], b[3];
    } cases[] = {
        { 1, 1, { 5 }, { 5 } }, { 0, 0, { 0 }, { 0 } }, { 2, 1, { 2, 3 }, { 3 } },
        { 2, 2, { 2, 1 }, { 1, 3 } }, { 0, 2, { 0 }, { 3, 2 } }, { 3, 0, { 2, 3, 2 }, { 0 } },
        { 1, 2, { 1 }, { 0, 2 } }, { 3, 2, { 2, 1, 3 }, { 4, 1 } }, { 1, 1, { 1 }, { 1 } },
    };
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    x[0] = sample(cx, cases[k].a, cases[k].a_ndim, a, 0.25);
    x[1] = sample(cx, cases[k].b, cases[k].b_ndim, b, 0.75);
    return 2;
}

/* -- Operators of one tensor */
static ct_status unary_forward(ct_call *call)
{
    const row *r = ct_call_op(call)->user;
    ct_tensor *operands[] = { ct_call_y(call, 0), ct_call_x(call, 0) };
    ct_loop_kernel(call, operands, 2, &r->forward, false);
    return CT_OK;
}

static ct_status unary_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    const ct_op *op = ct_call_op(call);
    const row *r = op->user;
    ct_tensor *saved = op->saves & CT_SAVE_X(0)   ? ct_call_x(call, 0)
                       : op->saves & CT_SAVE_Y(0) ? ct_call_y(call, 0)
                                                  : gy[0]; /* the kernel does not read it */
    ct_tensor *operands[] = { gx[0], gy[0], saved };
    ct_loop_kernel(call, operands, 3, &r->backward[0], ct_call_adds(call, 0));
    return CT_OK;
}

/* what a row's composed rule finds in `saved` */
#define SAVED_x(call, gy)        ct_call_x(call, 0)
#define SAVED_y(call, gy)        ct_call_y(call, 0)
#define SAVED_none(call, gy)     (gy)
#define SAVED_constant(call, gy) (gy)
enum { saves_x = CT_SAVE_X(0), saves_y = CT_SAVE_Y(0), saves_none = 0, saves_constant = 0 };
enum { flags_x = 0, flags_y = 0, flags_none = 0, flags_constant = CT_OP_CONSTANT };
#define ARGUMENTS_0 0
#define ARGUMENTS_1 a
#define ARGUMENTS_2 a, b

#define ROW(id, y_text, gx_text, parameters, N, A, B, saved, value, fused, composed, low, high) \
    static ct_status id##_vjp(const ct_call *call, ct_tensor *const *g, ct_tensor **gx)         \
    {                                                                                           \
        const double *p = ct_call_attributes(call), a = N > 0 ? p[0] : 0, b = N > 1 ? p[1] : 0; \
        ct_tensor *gy = g[0], *saved = SAVED_##saved(call, gy);                                 \
        (void)gy, (void)saved, (void)a, (void)b;                                                \
        gx[0] = composed;                                                                       \
        return CT_OK;                                                                           \
    }                                                                                           \
    static int id##_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)              \
    {                                                                                           \
        const double chosen[] = { A, B };                                                       \
        for (int i = 0; i < N; i++)                                                             \
            ((double *)attributes)[i] = chosen[i];                                              \
        return unary_sample(cx, k, x, low, high);                                               \
    }                                                                                           \
    static const row id##_row = { KERNELS(id, false), { KERNELS(id##_back, false) } };          \
    extern const ct_op ct__##id##_op;                                                           \
    const ct_op ct__##id##_op = {                                                               \
        .name = #id,                                                                            \
        .formula = y_text,                                                                      \
        .derivative = gx_text,                                                                  \
        .inputs = 1,                                                                            \
        .user = &id##_row,                                                                      \
        .flags = flags_##saved | CT_OP_IN_PLACE | CT_OP_DIAGONAL,                               \
        .saves = saves_##saved,                                                                 \
        .attributes_size = N * sizeof(double),                                                  \
        .infer = ct_infer_same,                                                                 \
        .forward = unary_forward,                                                               \
        .vjp = id##_vjp,                                                                        \
        .backward = unary_backward,                                                             \
        .sample = id##_sample,                                                                  \
    };                                                                                          \
    ct_tensor *ct_##id parameters                                                               \
    {                                                                                           \
        const double attributes[] = { ARGUMENTS_##N };                                          \
        return ct_apply(&ct__##id##_op, attributes, &x, 1);                                     \
    }
#include "unary.def"

static const ct_op logistic_op = {
    .name = "sigmoid", .user = &sigmoid_row, .saves = CT_SAVE_X(0), .inputs = 1,
    .infer = ct_infer_same, .forward = unary_forward, .vjp = logistic_vjp
};

static ct_tensor *logistic(ct_tensor *x)
{
    return ct_apply(&logistic_op, NULL, &x, 1);
}

/* -- Operators of two tensors */
enum { SAVE_A = CT_SAVE_X(0), SAVE_B = CT_SAVE_X(1), SAVE_Y = CT_SAVE_Y(0) };

static ct_status binary_forward(ct_call *call)
{
    const row *r = ct_call_op(call)->user;
    ct_tensor *operands[] = { ct_call_y(call, 0), ct_call_x(call, 0), ct_call_x(call, 1) };
    ct_loop_kernel(call, operands, 3, &r->forward, false);
    return CT_OK;
}

static ct_status binary_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    const ct_op *op = ct_call_op(call);
    const row *r = op->user;
    for (int i = 0; i < 2; i++) {
        if (!gx[i])
            continue;
        ct_tensor *operands[] = { gx[i], gy[0], op->saves & SAVE_A ? ct_call_x(call, 0) : gy[0],
                                  op->saves & SAVE_B ? ct_call_x(call, 1) : gy[0],
                                  op->saves & SAVE_Y ? ct_call_y(call, 0) : gy[0] };
        ct_loop_kernel(call, operands, 5, &r->backward[i], ct_call_adds(call, i));
    }
    return CT_OK;
}

#define BINARY(id, y_text, g_text, saved, value, ga, gb, composed_a, composed_b, a_low, a_high, \
               b_low, b_high)                                                                   \
    static ct_status id##_vjp(const ct_call *call, ct_tensor *const *g, ct_tensor **gx)         \
    {                                                                                           \
        ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1), *y = ct_call_y(call, 0);    \
        ct_tensor *gy = g[0];                                                                   \
        (void)a, (void)b, (void)y;                                                              \
        if (ct_call_wants(call, 0))                                                             \
            gx[0] = composed_a;                                                                 \
        if (ct_call_wants(call, 1))                                                             \
            gx[1] = composed_b;                                                                 \
        return CT_OK;                                                                           \
    }                                                                                           \
    static int id##_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)              \
    {                                                                                           \
        (void)attributes;                                                                       \
        return binary_sample(cx, k, x, (const double[]){ a_low, a_high },                       \
                             (const double[]){ b_low, b_high });                                \
    }                                                                                           \
    static const row id##_row = { KERNELS(id, true), { KERNELS(id##_ga, false),                 \
                                                       KERNELS(id##_gb, false) } };             \
    extern const ct_op ct__##id##_op;                                                           \
    const ct_op ct__##id##_op = {                                                               \
        .name = #id,                                                                            \
        .formula = y_text,                                                                      \
        .derivative = g_text,                                                                   \
        .inputs = 2,                                                                            \
        .user = &id##_row,                                                                      \
        .flags = CT_OP_BROADCAST | CT_OP_IN_PLACE | CT_OP_DIAGONAL,                             \
        .saves = saved,                                                                         \
        .infer = ct_infer_broadcast,                                                            \
        .forward = binary_forward,                                                              \
        .vjp = id##_vjp,                                                                        \
        .backward = binary_backward,                                                            \
        .sample = id##_sample,                                                                  \
    };                                                                                          \
    ct_tensor *ct_##id(ct_tensor *a, ct_tensor *b)                                              \
    {                                                                                           \
        return ct_apply(&ct__##id##_op, NULL, CT_TENSORS(a, b));                                \
    }
#include "binary.def"

static const row pow_log_row = { .forward = KERNELS(pow_log, false) };
static const ct_op pow_log_op = {
    .name = "pow_log", .user = &pow_log_row, .saves = SAVE_A | SAVE_B,
    .flags = CT_OP_BROADCAST | CT_OP_DIAGONAL,
    .inputs = 2, .attributes_size = sizeof(int), .infer = ct_infer_broadcast,
    .forward = binary_forward, .vjp = pow_log_vjp
};

static ct_tensor *pow_log(ct_tensor *a, ct_tensor *b, int n)
{
    return ct_apply(&pow_log_op, &n, CT_TENSORS(a, b));
}
