/* Conventions that no formula tells: edges of domains, poles, the origin, infinities, the sign of
 * 0; logic and tests for any dtype; lerp, masked_fill, nan_to_num; derivatives of high order. */
#include "support.h"

#include <float.h>

static ct_tensor *number(double x)
{
    return ct_variable(ct_scalar(cx, CT_F64, x));
}

static ct_tensor *doubles(ct_dtype dtype, const double *values, int64_t n)
{
    return ct_from_doubles(cx, dtype, CT_SHAPE(n), values, n);
}

static void expect_number(double have, double want, const char *what, double x)
{
    bool near = fabs(have - want) <= 1e-14 * fabs(want);
    ck_assert_msg(have == want || near || (isnan(have) && isnan(want)), "%s at %g: %.17g, not %.17g",
                  what, x, have, want);
}

/* -- Functions of one tensor: value and slope, the latter by the kernel and by the rule */
static ct_tensor *trigamma(ct_tensor *x)
{
    return ct_polygamma(1, x);
}

static ct_tensor *tetragamma(ct_tensor *x)
{
    return ct_polygamma(2, x);
}

static ct_tensor *celu(ct_tensor *x)
{
    return ct_celu(x, 2);
}

#define ROW(name, x, value, slope) { #name, name, x, value, slope }
START_TEST(edges_of_domains)
{
    static const struct {
        const char *name;
        ct_tensor *(*f)(ct_tensor *x);
        double x, value, slope;
    } rows[] = {
        ROW(ct_asin, 1, 1.5707963267948966, INFINITY), ROW(ct_asin, 1.5, NAN, NAN),
        ROW(ct_acos, -1, 3.1415926535897932, -INFINITY), ROW(ct_acos, -INFINITY, NAN, NAN),
        ROW(ct_atan, INFINITY, 1.5707963267948966, 0), ROW(ct_tan, INFINITY, NAN, NAN),
        ROW(ct_acosh, 1, 0, INFINITY), ROW(ct_acosh, 0.5, NAN, NAN),
        ROW(ct_acosh, INFINITY, INFINITY, 0), ROW(ct_asinh, -INFINITY, -INFINITY, 0),
        ROW(ct_atanh, 1, INFINITY, INFINITY), ROW(ct_atanh, -1, -INFINITY, INFINITY),
        ROW(ct_atanh, 2, NAN, NAN), ROW(ct_sinh, -INFINITY, -INFINITY, INFINITY),
        ROW(ct_log2, 0, -INFINITY, INFINITY), ROW(ct_log10, INFINITY, INFINITY, 0),
        ROW(ct_exp2, -INFINITY, 0, 0), ROW(ct_cbrt, -8, -2, 1.0 / 12),
        ROW(ct_cbrt, 0, 0, INFINITY), ROW(ct_rsqrt, 0, INFINITY, -INFINITY),
        ROW(ct_rsqrt, INFINITY, 0, 0), ROW(ct_rsqrt, -1, NAN, NAN),
        ROW(ct_log1mexp, 0, -INFINITY, -INFINITY), ROW(ct_log1mexp, -0.0, -INFINITY, -INFINITY),
        ROW(ct_log1mexp, 1, NAN, NAN), ROW(ct_log1mexp, -1000, 0, 0),
        ROW(ct_log1mexp, -INFINITY, 0, 0), ROW(ct_sinc, 0, 1, 0), ROW(ct_sinc, 3, 0, -1.0 / 3),
        ROW(ct_sinc, INFINITY, 0, 0), ROW(ct_erfinv, 1, INFINITY, INFINITY),
        ROW(ct_erfinv, -1, -INFINITY, INFINITY), ROW(ct_erfinv, 1.5, NAN, NAN),
        ROW(ct_lgamma, 0, INFINITY, -INFINITY), ROW(ct_lgamma, -0.0, INFINITY, INFINITY),
        ROW(ct_lgamma, -2, INFINITY, NAN), ROW(ct_lgamma, INFINITY, INFINITY, INFINITY),
        ROW(ct_digamma, 0, -INFINITY, INFINITY), ROW(ct_digamma, -1, NAN, INFINITY),
        ROW(ct_digamma, -INFINITY, NAN, NAN), ROW(ct_digamma, INFINITY, INFINITY, 0),
        ROW(trigamma, -3, INFINITY, NAN), ROW(trigamma, -0.0, INFINITY, INFINITY),
        ROW(tetragamma, 0, -INFINITY, INFINITY), ROW(tetragamma, INFINITY, -0.0, 0),
        ROW(ct_mish, -INFINITY, 0, 0), ROW(ct_mish, INFINITY, INFINITY, 1),
        ROW(ct_log_sigmoid, -INFINITY, -INFINITY, 1), ROW(ct_log_sigmoid, INFINITY, 0, 0),
        ROW(ct_softsign, -INFINITY, -1, 0), ROW(ct_softsign, 1e300, 1, 0),
        ROW(celu, -INFINITY, -2, 0), ROW(ct_selu, INFINITY, INFINITY, 1.0507009873554805),
        ROW(ct_hardswish, -3, 0, 0), ROW(ct_hardswish, 3, 3, 1),
        ROW(ct_hardswish, INFINITY, INFINITY, 1), ROW(ct_hardsigmoid, 3, 1, 0),
        ROW(ct_relu6, 6, 6, 0), ROW(ct_relu6, 0, 0, 0), ROW(ct_relu6, 5, 5, 1),
        ROW(ct_relu6, NAN, NAN, 1),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ct_tensor *x = number(rows[i].x), *y = rows[i].f(x), *kernel, *rule;
        ct_grad(y, NULL, &x, 1, 0, &kernel);
        ck_assert_int_eq(ct_grad(y, number(1), &x, 1, CT_CREATE_GRAPH, &rule), CT_OK);
        expect_number(ct_item(y), rows[i].value, rows[i].name, rows[i].x);
        expect_number(ct_item(kernel), rows[i].slope, rows[i].name, rows[i].x);
        expect_number(ct_item(rule), rows[i].slope, rows[i].name, rows[i].x);
    }
}
END_TEST

/* Far below 0 both are x e^x, of which e^x alone is a subnormal number and has lost bits. */
START_TEST(products_with_a_subnormal_factor_keep_their_bits)
{
    if (!has_long_double())
        return;
    ct_tensor *(*const functions[])(ct_tensor *) = { ct_silu, ct_mish };
    for (int single = 0; single < 2; single++)
        for (int k = 0; k < 2; k++)
            for (double x = single ? -60.5 : -700.5; x > (single ? -110 : -760); x -= 0.7182818) {
                double at = single ? (double)(float)x : x, got;
                ct_tensor *t = ct_full(cx, single ? CT_F32 : CT_F64, CT_SHAPE(1), at);
                ck_assert_int_eq(ct_to_doubles(functions[k](t), &got, 1), CT_OK);
                long double want = at * expl((long double)at);
                long double least = single ? 0x1p-149L : 0x1p-1074L;
                long double epsilon = single ? 0x1p-23L : 0x1p-52L;
                long double off = fabsl(got - want) / fmaxl(least, fabsl(want) * epsilon);
                ck_assert_msg(off <= 2, "%s(%g): %g is %Lg units off", k ? "mish" : "silu", at, got,
                              off);
            }
}
END_TEST

START_TEST(rounding_is_constant)
{
    static const double x[] = { -2.5, -0.4, 0.5, 1.5, 2.5, 1e300 };
    ct_tensor *t = ct_variable(doubles(CT_F64, x, 6));
    expect_values(ct_round(t), CT_DOUBLES(-2, 0, 0, 2, 2, 1e300), 0);
    expect_values(ct_floor(t), CT_DOUBLES(-3, -1, 0, 1, 2, 1e300), 0);
    expect_values(ct_ceil(t), CT_DOUBLES(-2, 0, 1, 2, 3, 1e300), 0);
    expect_values(ct_trunc(t), CT_DOUBLES(-2, 0, 0, 1, 2, 1e300), 0);
    ck_assert(!ct_requires_grad(ct_round(t)));
}
END_TEST

/* sinc = sum of (-1)^k (pi x)^(2k) / (2k + 1)!: at 0, and from the equation x s'' + 2 s' + pi^2 x s
 * = 0, which sinc solves, differentiated n times */
START_TEST(sinc_to_any_order)
{
    static const double at[] = { 0, 1e-9, 1e-3, 0.3, -1.2, 7.7, 40.25 };
    const double pi = 3.14159265358979323846;
    double s[9];
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        ct_tensor *x = number(at[i]), *y = ct_sinc(x);
        for (int n = 0; n < 9; n++) {
            s[n] = ct_item(y);
            ck_assert_int_eq(ct_grad(y, NULL, &x, 1, CT_CREATE_GRAPH, &y), CT_OK);
        }
        for (int n = 1; n < 8; n++) {
            double terms[] = { at[i] * s[n + 1], (n + 1) * s[n], pi * pi * at[i] * s[n - 1],
                               n > 1 ? pi * pi * (n - 1) * s[n - 2] : 0 };
            double sum = terms[0] + terms[1] + terms[2] + terms[3], size = 0;
            for (int k = 0; k < 4; k++)
                size = fmax(size, fabs(terms[k]));
            ck_assert_msg(fabs(sum) <= 1e-14 * size + 1e-300, "order %d at %g: %g of %g", n, at[i],
                          sum, size);
        }
        if (at[i] == 0)
            ck_assert_double_eq_tol(s[4], pow(pi, 4) / 5, 1e-12);
    }
}
END_TEST

START_TEST(polygamma_of_any_order)
{
    const double pi = 3.14159265358979323846;
    ck_assert_double_eq_tol(ct_item(ct_polygamma(0, number(1))), -0.57721566490153286, 1e-16);
    ck_assert_double_eq_tol(ct_item(ct_polygamma(1, number(1))), pi * pi / 6, 4e-16);
    ck_assert_double_eq_tol(ct_item(ct_polygamma(2, number(0.5))), -16.828796644234320, 8e-15);
    ck_assert_double_eq_tol(ct_item(ct_polygamma(3, number(1))), pow(pi, 4) / 15, 4e-15);
    double large = tgamma(30) / pow(300, 30) * (1 + 15 / 300.0 + 30 * 31 / 12 / 300.0 / 300);
    ck_assert_double_eq_tol(ct_item(ct_polygamma(30, number(300))) / large, -1, 1e-4);
    /* psi_n(x + 1) - psi_n(x) = (-1)^n n! / x^(n+1), below 0 as well */
    for (int n = 1; n < 12; n++)
        for (double x = -7.3; x < 9; x += 0.7) {
            double low = ct_item(ct_polygamma(n, number(x)));
            double high = ct_item(ct_polygamma(n, number(x + 1)));
            double step = (n % 2 ? -1 : 1) * tgamma(n + 1) / pow(x, n + 1);
            double size = fmax(fabs(step), fmax(fabs(low), fabs(high)));
            ck_assert_msg(fabs(high - low - step) <= 1e-12 * size, "order %d at %g", n, x);
        }
    ck_assert_double_eq_tol(ct_item(ct_polygamma(1000, number(500))) / -9.97389236103770253e-135, 1,
                            1e-10);
    ck_assert_ptr_null(ct_polygamma(-1, number(1)));
    expect_error(CT_ERROR_VALUE, "polygamma", "from 0 to 1000, got -1", NULL);
    ck_assert_ptr_null(ct_polygamma(1001, number(1)));
    expect_error(CT_ERROR_VALUE, "polygamma", "got 1001", NULL);
}
END_TEST

/* -- Functions of two tensors: value and slopes with cotangent g, by kernel and by rule; and the
 * mixed second derivative with cotangent 1 */
START_TEST(functions_of_two_at_special_points)
{
    static const struct {
        const char *name;
        ct_tensor *(*f)(ct_tensor *a, ct_tensor *b);
        double a, b, g, value, ga, gb, mixed;
    } rows[] = {
        { "hypot", ct_hypot, 0, 0, INFINITY, 0, 0, 0, 0 },
        { "hypot", ct_hypot, 3e200, -4e200, 1, 5e200, 0.6, -0.8, 0.48 / 5e200 },
        { "hypot", ct_hypot, 3e-200, 4e-200, 1, 5e-200, 0.6, 0.8, -0.48 / 5e-200 },
        { "hypot", ct_hypot, INFINITY, 2, 1, INFINITY, 1, 0, 0 },
        { "atan2", ct_atan2, 0, 0, INFINITY, 0, 0, 0, 0 },
        { "atan2", ct_atan2, 3e200, 4e200, 1, 0.64350110879328438, 0.8 / 5e200, -0.6 / 5e200, 0 },
        { "atan2", ct_atan2, 3e-100, 4e-100, 1, 0.64350110879328438, 0.8 / 5e-100, -0.6 / 5e-100,
          -0.28 / 25e-200 },
        { "atan2", ct_atan2, INFINITY, -INFINITY, 1, 2.3561944901923449, 0, 0, 0 },
        { "xlogy", ct_xlogy, 0, 0, INFINITY, 0, 0, 0, 0 },
        { "xlogy", ct_xlogy, 0, -1, 1, 0, 0, 0, 0 },
        { "xlogy", ct_xlogy, 0, 2, 1, 0, 0.69314718055994531, 0, 0.5 },
        { "xlogy", ct_xlogy, 0, NAN, 1, NAN, NAN, NAN, NAN },
        { "logaddexp", ct_logaddexp, INFINITY, INFINITY, 1, INFINITY, 0.5, 0.5, -0.25 },
        { "logaddexp", ct_logaddexp, -INFINITY, -INFINITY, 1, -INFINITY, 0.5, 0.5, -0.25 },
        { "logaddexp", ct_logaddexp, -INFINITY, 3, 1, 3, 0, 1, 0 },
        { "logaddexp", ct_logaddexp, INFINITY, -INFINITY, 1, INFINITY, 1, 0, 0 },
        { "logaddexp", ct_logaddexp, 1e4, -1e4, 1, 1e4, 1, 0, 0 },
        { "fmod", ct_fmod, -7, 2, 1, -1, 1, 3, 0 },
        { "fmod", ct_fmod, 1, 2, INFINITY, 1, INFINITY, 0, 0 },
        { "fmod", ct_fmod, 1, 0.1, 1, 0.09999999999999995, 1, -9, 0 }, /* 1 / 0.1 rounds to 10 */
        { "fmod", ct_fmod, 1, INFINITY, 1, 1, 1, 0, 0 },
        { "remainder", ct_remainder, -7, 2, 1, 1, 1, 4, 0 },
        { "remainder", ct_remainder, 7, -2, 1, -1, 1, 4, 0 },
        { "remainder", ct_remainder, -1, INFINITY, 1, INFINITY, 1, 1, 0 },
        { "copysign", ct_copysign, 0, -1, INFINITY, -0.0, 0, 0, 0 },
        { "copysign", ct_copysign, -2, -0.0, 1, -2, 1, 0, 0 },
        { "copysign", ct_copysign, -2, 0, 1, 2, -1, 0, 0 },
        { "heaviside", ct_heaviside, 0, 0.5, 2, 0.5, 0, 2, 0 },
        { "heaviside", ct_heaviside, 3, 0.5, INFINITY, 1, 0, 0, 0 },
        { "heaviside", ct_heaviside, NAN, 0.5, 1, NAN, 0, 0, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ct_tensor *x[] = { number(rows[i].a), number(rows[i].b) }, *g[2], *h = NULL;
        ct_tensor *y = rows[i].f(x[0], x[1]);
        expect_number(ct_item(y), rows[i].value, rows[i].name, rows[i].a);
        for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
            ct_grad(y, number(rows[i].g), x, 2, flags | CT_ZERO_PATH, g);
            expect_number(ct_item(g[0]), rows[i].ga, rows[i].name, rows[i].a);
            expect_number(ct_item(g[1]), rows[i].gb, rows[i].name, rows[i].a);
        }
        ct_grad(y, NULL, x, 2, CT_CREATE_GRAPH | CT_ZERO_PATH, g);
        for (int k = 0; k < 2 && rows[i].mixed != 0; k++) { /* by a and b, and by b and a */
            ck_assert_int_eq(ct_grad(g[k], NULL, &x[1 - k], 1, CT_ZERO_PATH, &h), CT_OK);
            bool close = fabs(ct_item(h) / rows[i].mixed - 1) < 1e-13;
            ck_assert_msg(close || isnan(rows[i].mixed), "%s at %g: mixed %g, not %g", rows[i].name,
                          rows[i].a, ct_item(h), rows[i].mixed);
        }
    }
}
END_TEST

/* a gradient at the origin is 0, of second order as well */
START_TEST(the_origin_stays_finite)
{
    ct_tensor *(*const f[])(ct_tensor *, ct_tensor *) = { ct_hypot, ct_atan2, ct_xlogy };
    for (int i = 0; i < 3; i++) {
        ct_tensor *x[] = { number(0), number(0) }, *g[2], *h[2];
        ct_grad(f[i](x[0], x[1]), NULL, x, 2, CT_CREATE_GRAPH, g);
        for (int k = 0; k < 2; k++) {
            ck_assert_int_eq(ct_grad(g[k], NULL, x, 2, CT_ZERO_PATH, h), CT_OK);
            expect_values(h[0], CT_DOUBLES(0), 0);
            expect_values(h[1], CT_DOUBLES(0), 0);
        }
    }
}
END_TEST

/* -- Of three tensors, and with numbers */
START_TEST(lerp_is_exact_at_its_ends)
{
    static const double a[] = { 0.1, 1e16, 0.1, -1e308, 3 }, b[] = { 0.7, 1, 0.7, 1e308, INFINITY };
    static const double w[] = { 0, 1, 0.5, 0.75, 0.5 };
    ct_tensor *x[] = { doubles(CT_F64, a, 5), doubles(CT_F64, b, 5), doubles(CT_F64, w, 5) }, *g[3];
    for (int k = 0; k < 3; k++)
        x[k] = ct_variable(x[k]);
    ct_tensor *y = ct_lerp(x[0], x[1], x[2]);
    expect_values(y, CT_DOUBLES(0.1, 1, 0.4, 5e307, INFINITY), 1e-16);
    ck_assert(ct_at(y, CT_INDEX(0)) == 0.1 && ct_at(y, CT_INDEX(1)) == 1);
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_grad(y, ct_ones_like(y), x, 3, flags, g);
        expect_values(g[0], CT_DOUBLES(1, 0, 0.5, 0.25, 0.5), 0);
        expect_values(g[1], w, 5, 0);
        expect_values(g[2], CT_DOUBLES(0.6, 1 - 1e16, 0.6, INFINITY, INFINITY), 1e-15);
    }
    ck_assert_ptr_null(ct_lerp(x[0], x[1], ct_ones(cx, CT_F32, CT_SHAPE(5))));
    expect_error(CT_ERROR_DTYPE, "lerp", "ct_cast", NULL);
}
END_TEST

START_TEST(masked_fill_takes_no_cotangent_there)
{
    ct_tensor *x = ct_variable(doubles(CT_F64, CT_DOUBLES(1, NAN, 3))), *g;
    ct_tensor *y = ct_masked_fill(x, ct_isnan(x), -1);
    expect_values(y, CT_DOUBLES(1, -1, 3), 0);
    ct_grad(y, ct_full(cx, CT_F64, CT_SHAPE(3), INFINITY), &x, 1, 0, &g);
    expect_values(g, CT_DOUBLES(INFINITY, 0, INFINITY), 0);
    ct_tensor *all = ct_full(cx, CT_BOOL, CT_SHAPE(2, 1), 1);
    expect_values(ct_masked_fill(ct_range(cx, CT_I64, 3), all, 7), CT_DOUBLES(7, 7, 7, 7, 7, 7), 0);
    ck_assert_ptr_null(ct_masked_fill(x, x, 0));
    expect_error(CT_ERROR_DTYPE, "not bool", NULL);
}
END_TEST

START_TEST(nan_to_num_takes_numbers_of_the_dtype)
{
    static const double x[] = { NAN, INFINITY, -INFINITY, 2 };
    for (ct_dtype dtype = CT_F32; dtype <= CT_F64; dtype++) {
        ct_tensor *t = ct_variable(doubles(dtype, x, 4)), *g;
        double most = dtype == CT_F32 ? (double)FLT_MAX : DBL_MAX;
        ct_tensor *y = ct_nan_to_num(t, 0.5, DBL_MAX, -DBL_MAX);
        expect_values(y, CT_DOUBLES(0.5, most, -most, 2), 0);
        ct_grad(y, ct_full(cx, dtype, CT_SHAPE(4), INFINITY), &t, 1, 0, &g);
        expect_values(g, CT_DOUBLES(0, 0, 0, INFINITY), 0);
        expect_values(ct_nan_to_num(t, NAN, INFINITY, -3), CT_DOUBLES(NAN, INFINITY, -3, 2), 0);
    }
}
END_TEST

/* -- Logic and tests */
START_TEST(logic_of_every_dtype)
{
    static const double a[] = { 0, 0, 1, 1 }, b[] = { 0, 1, 0, 1 };
    for (int dtype = CT_F32; dtype <= CT_BOOL; dtype++) {
        ct_tensor *p = doubles((ct_dtype)dtype, a, 4), *q = doubles((ct_dtype)dtype, b, 4);
        expect_values(ct_logical_and(p, q), CT_DOUBLES(0, 0, 0, 1), 0);
        expect_values(ct_logical_or(p, q), CT_DOUBLES(0, 1, 1, 1), 0);
        expect_values(ct_logical_xor(p, q), CT_DOUBLES(0, 1, 1, 0), 0);
        expect_values(ct_logical_not(p), CT_DOUBLES(1, 1, 0, 0), 0);
        expect_values(ct_isnan(p), CT_DOUBLES(0, 0, 0, 0), 0);
        expect_values(ct_isinf(p), CT_DOUBLES(0, 0, 0, 0), 0);
        expect_values(ct_isfinite(p), CT_DOUBLES(1, 1, 1, 1), 0);
        ck_assert_int_eq(ct_dtype_of(ct_logical_xor(p, q)), CT_BOOL);
    }
    static const double x[] = { NAN, -0.0, INFINITY, -INFINITY, 1e308, 2, -NAN };
    ct_tensor *t = ct_slice(ct_variable(doubles(CT_F64, x, 7)), 0, 6, CT_END, -1); /* reversed */
    expect_values(ct_isnan(t), CT_DOUBLES(1, 0, 0, 0, 0, 0, 1), 0);
    expect_values(ct_isinf(t), CT_DOUBLES(0, 0, 0, 1, 1, 0, 0), 0);
    expect_values(ct_isfinite(t), CT_DOUBLES(0, 1, 1, 0, 0, 1, 0), 0);
    expect_values(ct_logical_not(t), CT_DOUBLES(0, 0, 0, 0, 0, 1, 0), 0);
    ck_assert_ptr_null(ct_logical_and(t, ct_isnan(t)));
    expect_error(CT_ERROR_DTYPE, "logical_and", "ct_cast", NULL);
}
END_TEST

Suite *functions_suite(void);
Suite *functions_suite(void)
{
    return make_suite("functions", (const TTest *[]){
        edges_of_domains, products_with_a_subnormal_factor_keep_their_bits, rounding_is_constant,
        sinc_to_any_order, polygamma_of_any_order,
        functions_of_two_at_special_points, the_origin_stays_finite, lerp_is_exact_at_its_ends,
        masked_fill_takes_no_cotangent_there, nan_to_num_takes_numbers_of_the_dtype,
        logic_of_every_dtype, NULL });
}
