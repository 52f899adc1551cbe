/* The two forms of an elementwise derivative, the kernel (`backward`) and the rule made of
 * operators (`vjp`), against each other: over all magnitudes, both signs, zeros, infinities and
 * NaN, of operands and of cotangents, for each kind of processor. Then limits at infinity, small
 * derivatives of first and second order, and those of powers where 0 and infinity meet. */
#include "support.h"

#include <float.h>

/* -- The operators: every row of unary.def and binary.def, with the sample's parameters, and some
 * parameters more */
typedef struct function {
    const ct_op *op;
    int inputs;
    double parameters[3];
    bool plain; /* its kernels are the same for all processors */
} function;

#define ROW(name, ...) extern const ct_op ct__##name##_op;
#define BINARY(name, ...) extern const ct_op ct__##name##_op;
#include "unary.def"
#include "binary.def"
#define ROW(name, ...) extern const ct_op ct__##name##_op;
#define BINARY(name, ...) extern const ct_op ct__##name##_op;
#include "functions.def"
#include "functions_of_two.def"

static const function functions[] = {
#define ROW(name, formula, derivative, parameters, N, A, B, ...)                                \
    { &ct__##name##_op, 1, { A, B, -(B) }, false },
#define BINARY(name, ...) { &ct__##name##_op, 2, { 0 }, false },
#include "unary.def"
#include "binary.def"
#define ROW(name, ...) { &ct__##name##_op, 1, { 0 }, true },
#define BINARY(name, ...) { &ct__##name##_op, 2, { 0 }, true },
#include "functions.def"
#include "functions_of_two.def"
    { &ct_add_op, 2, { 0 }, false }, { &ct__power_op, 1, { 0 }, false },
    { &ct__power_op, 1, { 1 }, false }, { &ct__power_op, 1, { 2 }, false },
    { &ct__power_op, 1, { 3 }, false }, { &ct__power_op, 1, { -1 }, false },
    { &ct__power_op, 1, { 4.3 }, false }, { &ct__power_op, 1, { -0.5 }, false },
    { &ct__scale_op, 1, { 0 }, false }, { &ct__rdiv_op, 1, { 0 }, false },
    { &ct__rdiv_op, 1, { 1e-30 }, false }, { &ct__clamp_op, 1, { 1, -1 }, false },
    { &ct__elu_op, 1, { -2 }, false }, { &ct__leaky_relu_op, 1, { 0 }, false },
    { &ct__hardtanh_op, 1, { 1, -1 }, false }, { &ct__celu_op, 1, { 0.01 }, false },
    { &ct__softshrink_op, 1, { 0 }, false },
    { &ct__nan_to_num_op, 1, { 0, DBL_MAX, -DBL_MAX }, false },
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* -- Values: both signs of each, and NaN. In f32 the extremes are 0 and infinity once more */
static const double magnitudes[] = {
    0, 5e-324, 1e-310, 1e-300, 1e-200, 1e-155, 1e-100, 1e-45, 1e-40, 1e-38, 1e-30, 1e-19, 1e-10,
    1e-3, 0.1, 0.25, 0.5, 0.9, 1, 1.1, 1.5, 2, 3, 4.7, 6, 9, 10, 12, 15, 17, 20, 27, 30, 38, 40, 60,
    88, 89, 95, 104, 300, 700, 709, 720, 746, 1e4, 1e6, 1.1e6, 1e10, 1e19, 1e30, 1e38, 1e100, 1e155,
    1e200, 1e300, INFINITY
};
static const double cotangents[] = { 1, -1, 3, 0, INFINITY, -INFINITY, NAN, 1e300, -1e38, 1e-38,
                                     1e-300 };
enum {
    MAGNITUDES = sizeof magnitudes / sizeof *magnitudes,
    COTANGENTS = sizeof cotangents / sizeof *cotangents
};

/* value i of those of an operand, which are `count` for a function of so many inputs: of two, every
 * second magnitude */
static int count(int inputs)
{
    return 2 * (MAGNITUDES / inputs + 1) + 1;
}

static double value(int64_t i, int inputs)
{
    int64_t k = i / 2 * inputs;
    return k >= MAGNITUDES ? NAN : i % 2 ? -magnitudes[k] : magnitudes[k];
}

/* both NaN, or within some units in the last place of the larger one */
static bool alike(double p, double q, ct_dtype dtype, double units)
{
    double scale = fmax(fabs(p), fabs(q));
    double unit = dtype == CT_F32 ? fmax(scale * FLT_EPSILON, 0x1p-149)
                                  : fmax(scale * DBL_EPSILON, 0x1p-1074);
    return (isnan(p) && isnan(q)) || p == q || fabs(p - q) <= units * unit;
}

/* the operands and the cotangent of each case, of count^inputs COTANGENTS */
typedef struct cases {
    ct_tensor *x[2], *gy;
    int64_t n;
} cases;

static cases make_cases(ct_context *c, ct_dtype dtype, int inputs)
{
    cases all = { .n = COTANGENTS };
    for (int k = 0; k < inputs; k++)
        all.n *= count(inputs);
    double *room = malloc(3 * (size_t)all.n * sizeof *room), *gy = room + 2 * all.n;
    ck_assert_ptr_nonnull(room);
    for (int64_t i = 0; i < all.n; i++) {
        gy[i] = cotangents[i % COTANGENTS];
        room[i] = value(i / COTANGENTS % count(inputs), inputs);
        room[all.n + i] = value(i / COTANGENTS / count(inputs), inputs);
    }
    for (int k = 0; k < inputs; k++)
        all.x[k] = ct_variable(ct_from_doubles(c, dtype, CT_SHAPE(all.n), room + k * all.n, all.n));
    all.gy = ct_variable(ct_from_doubles(c, dtype, CT_SHAPE(all.n), gy, all.n));
    free(room);
    return all;
}

static double *read(const ct_tensor *t)
{
    double *values = malloc((size_t)ct_count(t) * sizeof *values);
    ck_assert(values && ct_to_doubles(t, values, ct_count(t)) == CT_OK);
    return values;
}

static void compare(const function *f, ct_context *c, ct_dtype dtype)
{
    ct_scope scope = ct_scope_begin(c);
    cases all = make_cases(c, dtype, f->inputs);
    ct_tensor *y = ct_apply(f->op, f->parameters, all.x, f->inputs), *g[2], *h[2];
    if (ct_requires_grad(y)) {
        ct_status by_kernel = ct_grad(y, ct_detach(all.gy), all.x, f->inputs, CT_ZERO_PATH, g);
        ck_assert_int_eq(by_kernel, CT_OK);
        ct_status by_rule = ct_grad(y, all.gy, all.x, f->inputs, CT_CREATE_GRAPH | CT_ZERO_PATH, h);
        ck_assert_int_eq(by_rule, CT_OK);
    }
    for (int k = 0; ct_requires_grad(y) && k < f->inputs; k++) {
        double *fused = read(g[k]), *composed = read(h[k]), *gy = read(all.gy);
        double *a = read(all.x[0]), *b = read(all.x[f->inputs - 1]);
        for (int64_t i = 0; i < all.n; i++)
            ck_assert_msg(alike(fused[i], composed[i], dtype, 8),
                          "%s (%g, %g), f%d, at %.9g, %.9g with cotangent %g: by the kernel input "
                          "%d gets %.17g, by the rule %.17g", f->op->name, f->parameters[0],
                          f->parameters[1], dtype == CT_F32 ? 32 : 64, a[i], b[i], gy[i], k,
                          fused[i], composed[i]);
        free(fused), free(composed), free(gy), free(a), free(b);
    }
    ct_scope_end(c, scope);
}

static void compare_all(ct_dtype dtype)
{
    for (ct_simd simd = CT_SIMD_PLAIN; simd <= ct_simd_of(cx); simd++) {
        ct_context *c = ct_context_new(&(ct_context_options){ .simd = simd });
        for (int f = 0; f < FUNCTIONS; f++)
            if (simd == CT_SIMD_PLAIN || !functions[f].plain)
                compare(&functions[f], c, dtype);
        ct_context_free(c);
    }
}

START_TEST(rules_agree_with_kernels_f32)
{
    compare_all(CT_F32);
}
END_TEST

START_TEST(rules_agree_with_kernels_f64)
{
    compare_all(CT_F64);
}
END_TEST

/* -- One number at a time */
typedef ct_tensor *(*unary)(ct_tensor *x);

/* f'(x), by the kernel and by the rule, with a cotangent; f''(x) by the rule's own rule */
typedef struct slopes {
    double value, by_kernel, by_rule, second;
} slopes;

static slopes slopes_of(unary f, ct_dtype dtype, double at, double cotangent)
{
    ct_tensor *x = ct_variable(ct_scalar(cx, dtype, at)), *y = f(x), *g, *h, *second;
    ct_tensor *gy = ct_variable(ct_scalar(cx, dtype, cotangent));
    ct_grad(y, ct_detach(gy), &x, 1, CT_ZERO_PATH, &g);
    ct_grad(y, gy, &x, 1, CT_CREATE_GRAPH | CT_ZERO_PATH, &h);
    ck_assert_int_eq(ct_grad(h, NULL, &x, 1, CT_ZERO_PATH, &second), CT_OK);
    return (slopes){ ct_item(y), ct_item(g), ct_item(h), ct_item(second) };
}

static ct_tensor *elu(ct_tensor *x)
{
    return ct_elu(x, 1.5);
}

START_TEST(limits_at_infinity)
{
    static const struct {
        unary f;
        double low, low_slope, high, high_slope;
    } rows[] = {
        { ct_silu, 0, 0, INFINITY, 1 },       { ct_gelu, 0, 0, INFINITY, 1 },
        { ct_softplus, 0, 0, INFINITY, 1 },   { elu, -1.5, 0, INFINITY, 1 },
        { ct_sigmoid, 0, 0, 1, 0 },           { ct_tanh, -1, 0, 1, 0 },
        { ct_erf, -1, 0, 1, 0 },              { ct_erfc, 2, 0, 0, 0 },
        { ct_normal_cdf, 0, 0, 1, 0 },        { ct_normal_pdf, 0, 0, 0, 0 },
        { ct_relu, 0, 0, INFINITY, 1 },       { ct_expm1, -1, 0, INFINITY, INFINITY },
        { ct_exp, 0, 0, INFINITY, INFINITY }, { ct_abs, INFINITY, -1, INFINITY, 1 },
        { ct_reciprocal, 0, 0, 0, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (ct_dtype dtype = CT_F32; dtype <= CT_F64; dtype++) {
            slopes low = slopes_of(rows[i].f, dtype, -INFINITY, 1);
            slopes high = slopes_of(rows[i].f, dtype, INFINITY, 1);
            ck_assert_double_eq(low.value, rows[i].low);
            ck_assert_double_eq(low.by_kernel, rows[i].low_slope);
            ck_assert_double_eq(low.by_rule, rows[i].low_slope);
            ck_assert_double_eq(high.value, rows[i].high);
            ck_assert_double_eq(high.by_kernel, rows[i].high_slope);
            ck_assert_double_eq(high.by_rule, rows[i].high_slope);
        }
}
END_TEST

/* -- Second derivatives, exact */
typedef long double (*exact)(long double x);
#define EXACT(name, expression)                                                                 \
    static long double name(long double x)                                                      \
    {                                                                                           \
        return expression;                                                                      \
    }
EXACT(logistic, 1 / (1 + expl(-x)))
EXACT(logistic_slope, logistic(x) * logistic(-x))
EXACT(silu_second, logistic_slope(x) * (2 + x * (logistic(-x) - logistic(x))))
EXACT(density, 0.39894228040143267794L * expl(-x * x / 2))
EXACT(gelu_second, density(x) * (2 - x * x))
EXACT(expm1_second, expl(x))

START_TEST(second_derivatives_keep_their_digits)
{
    static const struct {
        unary f;
        exact second;
    } rows[] = { { ct_softplus, logistic_slope }, { ct_silu, silu_second },
                 { ct_gelu, gelu_second },        { ct_expm1, expm1_second } };
    static const double at[] = { -80, -40, -25, -9, -3, -0.5, 0, 0.5, 3, 9, 17, 25, 40, 80 };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < sizeof at / sizeof *at; k++)
            for (ct_dtype dtype = CT_F32; dtype <= CT_F64; dtype++) {
                double got = slopes_of(rows[i].f, dtype, at[k], 1).second;
                double want = (double)rows[i].second(at[k]);
                double units = 16 + at[k] * at[k]; /* e^(-x^2/2) of a rounded x^2 */
                want = dtype == CT_F32 ? (double)(float)want : want;
                ck_assert_msg(alike(got, want, dtype, units), "function %zu at %g: %.17g, not %.17g", i, at[k],
                              got, want);
            }
}
END_TEST

START_TEST(slopes_keep_their_digits)
{
    for (ct_dtype dtype = CT_F32; dtype <= CT_F64; dtype++) {
        slopes s = slopes_of(ct_expm1, dtype, -40, 1);
        ck_assert(alike(s.by_kernel, exp(-40), CT_F32, 2) && alike(s.by_rule, exp(-40), CT_F32, 2));
        s = slopes_of(ct_reciprocal, dtype, 1e25, 1e30); /* y^2 = 1e-50 */
        ck_assert(alike(s.by_kernel, -1e-20, CT_F32, 4) && alike(s.by_rule, -1e-20, CT_F32, 4));
    }
    slopes s = slopes_of(ct_gelu, CT_F64, -10, 1);
    double want = (double)(0.5L * erfcl(10 * sqrtl(0.5L)) - 10 * density(10));
    ck_assert(alike(s.by_kernel, want, CT_F64, 100) && alike(s.by_rule, want, CT_F64, 100));
}
END_TEST

static ct_tensor *over_its_size(ct_tensor *x)
{
    return ct_div(x, ct_abs(x));
}

START_TEST(abs_at_zero)
{
    for (int i = 0; i < COTANGENTS; i++) {
        slopes s = slopes_of(ct_abs, CT_F64, 0, cotangents[i]);
        ck_assert_double_eq(s.by_kernel, 0);
        ck_assert_double_eq(s.by_rule, 0);
    }
    for (int i = 0; i < COTANGENTS; i++) {
        slopes s = slopes_of(over_its_size, CT_F64, 0, cotangents[i]);
        ck_assert_msg(alike(s.by_kernel, s.by_rule, CT_F64, 0), "x/|x|: %g and %g", s.by_kernel,
                      s.by_rule);
    }
}
END_TEST

/* -- Powers */
static ct_tensor *number(double value)
{
    return ct_variable(ct_scalar(cx, CT_F64, value));
}

/* d2/da db a^b, by a first, and by b first */
static void mixed_second(double a, double b, double mixed[2])
{
    ct_tensor *x[] = { number(a), number(b) }, *g[2], *h;
    ck_assert_int_eq(ct_grad(ct_pow(x[0], x[1]), NULL, x, 2, CT_CREATE_GRAPH, g), CT_OK);
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(ct_grad(g[k], NULL, &x[1 - k], 1, CT_ZERO_PATH, &h), CT_OK);
        mixed[k] = ct_item(h);
    }
}

START_TEST(mixed_second_derivatives_of_powers_are_symmetric)
{
    static const double at[] = { 0, 1e-310, 1e-300, 1e-150, 0.1, 0.5, 1, 1.5, 2, 3, 10, 1e10, 1e150,
                                 1e300, INFINITY };
    enum { N = sizeof at / sizeof *at };
    for (int i = 0; i < 4 * N * N + 2 * N; i++) {
        double a = at[i / 4 % N] * (i % 2 ? -1 : 1);
        double b = i < 4 * N * N ? at[i / 4 / N] * (i % 4 > 1 ? -1 : 1) : NAN, mixed[2];
        ct_scope scope = ct_scope_begin(cx);
        mixed_second(a, b, mixed);
        ck_assert_msg(alike(mixed[0], mixed[1], CT_F64, 16), "%g^%g: %.17g by a and b, %.17g by b "
                      "and a", a, b, mixed[0], mixed[1]);
        if (a == 0 && b >= 0)
            ck_assert_double_eq(mixed[0], 0);
        if (fabs(a) > 0 && b == 0)
            ck_assert_double_eq(mixed[0], 1 / a);
        ct_scope_end(cx, scope);
    }
}
END_TEST

/* the third derivative, a^(b-1) log a (2 + b log a) twice by b and once by a, in any order */
START_TEST(third_derivatives_of_powers)
{
    const double a = 1.7, b = 2.3, l = log(a), want = pow(a, b - 1) * l * (2 + b * l);
    static const int orders[][3] = { { 0, 1, 1 }, { 1, 0, 1 }, { 1, 1, 0 } };
    ct_tensor *x[] = { number(a), number(b) };
    for (int i = 0; i < 3; i++) {
        ct_tensor *y = ct_pow(x[0], x[1]);
        for (int k = 0; k < 3; k++)
            ct_grad(y, NULL, &x[orders[i][k]], 1, CT_CREATE_GRAPH, &y);
        ck_assert_double_eq_tol(ct_item(y), want, 1e-14);
    }
}
END_TEST

/* -- 0 times anything */
START_TEST(zero_wins_over_nan_and_infinity)
{
    ct_tensor *a = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(4), CT_DOUBLES(0, -0.0, 2, 0)));
    ct_tensor *b = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(4),
                                               CT_DOUBLES(INFINITY, NAN, 3, 5)));
    ct_tensor *x[] = { a, b }, *y = ct_mul_no_nan(a, b), *g[2];
    expect_values(y, CT_DOUBLES(0, 0, 6, 0), 0);
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_grad(y, ct_full(cx, CT_F64, CT_SHAPE(4), INFINITY), x, 2, flags, g);
        expect_values(g[0], CT_DOUBLES(INFINITY, NAN, INFINITY, INFINITY), 0);
        expect_values(g[1], CT_DOUBLES(0, 0, INFINITY, 0), 0);
    }
}
END_TEST

Suite *special_suite(void);
Suite *special_suite(void)
{
    return make_suite("special", (const TTest *[]){
        rules_agree_with_kernels_f32, rules_agree_with_kernels_f64, limits_at_infinity,
        second_derivatives_keep_their_digits, slopes_keep_their_digits, abs_at_zero,
        mixed_second_derivatives_of_powers_are_symmetric, third_derivatives_of_powers,
        zero_wins_over_nan_and_infinity, NULL });
}
