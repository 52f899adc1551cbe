/* ops/random: draws from the gamma distribution, and their derivatives. The distribution function
 * and its derivatives are those of MPFR, in 400 bits, where derivatives are differences; or without
 * MPFR, those of distributions with a closed form. */
#include "support.h"

#include <cotangent/op.h>
#include <float.h>

/* draw number i of a stream that begins with this seed */
static double uniform(uint64_t seed, int64_t i)
{
    return ((double)(ct_random_at(seed, (uint64_t)i) >> 12) + 0.5) * 0x1p-52;
}

static ct_tensor *shapes_of_draws(ct_dtype dtype, int64_t n, double alpha)
{
    return ct_variable(ct_full(cx, dtype, CT_SHAPE(n), alpha));
}

/* -- The distribution: largest distance of the distribution functions (Kolmogorov, Smirnov), and
 * the first two moments. Each may be as far off as happens once in a million seeds */
static double half(double x)
{
    return erf(sqrt(x));
}

static double one(double x)
{
    return -expm1(-x);
}

static double three(double x)
{
    return 1 - exp(-x) * (1 + x + x * x / 2);
}

static void check_distribution(double alpha, double (*function)(double))
{
    enum { N = 3000 };
    ct_tensor *y = ct_gamma(shapes_of_draws(CT_F64, N, alpha)), *sorted;
    double off = 0, mean = ct_item(ct_mean(y)), variance = ct_item(ct_var(y));
    ck_assert_double_lt(fabs(mean - alpha), 5 * sqrt(alpha / N));
    ck_assert_double_lt(fabs(variance - alpha), 5 * sqrt((2 * alpha * alpha + 6 * alpha) / N));
    ct_sort(y, 0, 0, &sorted, NULL);
    const double *at = ct_data_f64(sorted);
    for (int i = 0; i < N; i++) {
        double p = function(at[i]);
        off = fmax(off, fmax(fabs(p - (double)i / N), fabs(p - (i + 1.0) / N)));
    }
    ck_assert_msg(off < 2.7 / sqrt(N), "alpha %g: the distributions are %g apart", alpha, off);
}

START_TEST(gamma_distribution)
{
    ct_seed(cx, 6);
    check_distribution(0.5, half);
    check_distribution(1, one);
    check_distribution(3, three);
    expect_ok();
}
END_TEST

/* each draw, where the distribution functions are simple */
START_TEST(gamma_inverts)
{
    double (*const functions[])(double) = { half, one, three };
    static const double alphas[] = { 0.5, 1, 3 };
    for (int k = 0; k < 3; k++) {
        ct_seed(cx, 40);
        ct_tensor *y = ct_gamma(shapes_of_draws(CT_F64, 100, alphas[k]));
        for (int i = 0; i < 100; i++)
            ck_assert_double_le(fabs(functions[k](ct_at(y, CT_INDEX(i))) - uniform(40, i)), 1e-15);
    }
}
END_TEST

/* -- At the ends of the range */
START_TEST(gamma_at_extremes)
{
    static const double alphas[] = { 5e-324, 1e-300, 1e-8, 1e16, 1e30, 1e300, DBL_MAX };
    for (int k = 0; k < 7; k++) {
        ct_tensor *alpha = shapes_of_draws(CT_F64, 20, alphas[k]), *y = ct_gamma(alpha), *g, *h;
        ck_assert_int_eq(ct_grad(y, ct_ones_like(y), &alpha, 1, CT_CREATE_GRAPH, &g), CT_OK);
        ck_assert_int_eq(ct_grad(g, ct_ones_like(y), &alpha, 1, 0, &h), CT_OK);
        for (int i = 0; i < 20; i++) {
            double value = ct_at(y, CT_INDEX(i)), slope = ct_at(g, CT_INDEX(i));
            double relative = value / alphas[k];
            ck_assert_msg(k > 1 ? isfinite(value) : value == 0, "alpha %g: %g", alphas[k], value);
            ck_assert_msg(k < 3 || fabs(relative - 1) < 1e-7, "alpha %g: %g", alphas[k], value);
            ck_assert_msg(k < 3 ? slope == 0 : fabs(slope - 1) < 1e-7, "alpha %g: slope %g",
                          alphas[k], slope);
            ck_assert(isfinite(ct_at(h, CT_INDEX(i))));
        }
    }
    ct_tensor *single = shapes_of_draws(CT_F32, 20, 0.01), *y = ct_gamma(single), *g;
    ct_grad(y, ct_ones_like(y), &single, 1, 0, &g);
    ck_assert(ct_item(ct_min(y)) == 0 && ct_item(ct_any(ct_isnan(g))) == 0);
    expect_ok();
}
END_TEST

START_TEST(gamma_messages)
{
    ck_assert_ptr_null(ct_gamma(ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(1, 0))));
    expect_error(CT_ERROR_VALUE, "gamma: alpha must be positive", "element 1 is 0", NULL);
    ck_assert_ptr_null(ct_gamma(ct_full(cx, CT_F32, CT_SHAPE(2), NAN)));
    expect_error(CT_ERROR_VALUE, "element 0 is nan", NULL);
    ck_assert_ptr_null(ct_gamma(ct_full(cx, CT_F64, NULL, 0, INFINITY)));
    expect_error(CT_ERROR_VALUE, "finite", NULL);
    ck_assert_ptr_null(ct_gamma(ct_ones(cx, CT_I64, CT_SHAPE(2))));
    expect_error(CT_ERROR_DTYPE, "gamma", "ct_cast", NULL);
    ck_assert_ptr_null(ct_gamma(NULL));
    expect_shape(ct_gamma(ct_ones(cx, CT_F64, CT_SHAPE(2, 0))), CT_SHAPE(2, 0));
    ct_tensor *alpha = ct_variable(ct_full(cx, CT_F64, NULL, 0, 2)), *y = ct_gamma(alpha);
    for (int order = 1; order <= 8; order++)
        ck_assert_int_eq(ct_grad(y, NULL, &alpha, 1, CT_CREATE_GRAPH, &y), CT_OK);
    ck_assert_int_ne(ct_grad(y, NULL, &alpha, 1, CT_CREATE_GRAPH, &y), CT_OK);
    expect_error(CT_ERROR_GRAPH, "gamma has derivatives up to order 8", NULL);
}
END_TEST

/* -- Run again by ct_checkpoint, and with any layout */
static ct_tensor *square_of_draw(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_square(ct_gamma(x[0]));
}

START_TEST(gamma_in_checkpoint)
{
    ct_tensor *alpha = ct_variable(ct_linspace(cx, CT_F64, 0.3, 5, 7)), *y[2], *g[2];
    for (int k = 0; k < 2; k++) {
        ct_seed(cx, 11);
        y[k] = k ? ct_checkpoint(cx, square_of_draw, NULL, &alpha, 1)
                 : square_of_draw(cx, &alpha, 1, NULL);
        ct_gamma(alpha); /* the stream goes on */
        ck_assert_int_eq(ct_grad(y[k], ct_ones_like(alpha), &alpha, 1, 0, &g[k]), CT_OK);
    }
    ck_assert(ct_max_difference(y[0], y[1]) == 0 && ct_max_difference(g[0], g[1]) == 0);
    ct_seed(cx, 11);
    ct_tensor *reversed = ct_gamma(ct_flip(ct_flip(alpha, CT_AXES(0)), CT_AXES(0)));
    ck_assert(ct_max_difference(ct_square(reversed), y[0]) == 0);
}
END_TEST

#ifndef HAVE_MPFR
START_TEST(gamma_against_mpfr)
{
    skip("there is no MPFR to compare with");
}
END_TEST
#else
#include <mpfr.h>

enum { BITS = 400 };

/* 1 - P(alpha, x) */
static void upper(mpfr_t y, mpfr_t alpha, mpfr_t x)
{
    mpfr_t g;
    mpfr_init2(g, BITS);
    mpfr_gamma_inc(y, alpha, x, MPFR_RNDN);
    mpfr_gamma(g, alpha, MPFR_RNDN);
    mpfr_div(y, y, g, MPFR_RNDN);
    mpfr_clear(g);
}

/* a / b; a is overwritten */
static double over(mpfr_t a, mpfr_t b)
{
    mpfr_div(a, a, b, MPFR_RNDN);
    return mpfr_get_d(a, MPFR_RNDN);
}

/* of 1 - P near (alpha, x): the value, then derivatives by alpha, x, alpha twice, both, x twice,
 * by differences with h = 1e-30 of each */
static void derive(mpfr_t out[6], double alpha, double x)
{
    mpfr_t at[3][3], a[3], b[3], h;
    mpfr_init2(h, BITS);
    for (int i = 0; i < 3; i++) {
        mpfr_inits2(BITS, a[i], b[i], (mpfr_ptr)0);
        mpfr_set_d(h, 1e-30 * (i - 1), MPFR_RNDN);
        mpfr_add_ui(h, h, 1, MPFR_RNDN);
        mpfr_mul_d(a[i], h, alpha, MPFR_RNDN);
        mpfr_mul_d(b[i], h, x, MPFR_RNDN);
    }
    for (int i = 0; i < 9; i++) {
        mpfr_init2(at[i / 3][i % 3], BITS);
        upper(at[i / 3][i % 3], a[i / 3], b[i % 3]);
    }
    mpfr_set(out[0], at[1][1], MPFR_RNDN);
    mpfr_sub(out[1], at[2][1], at[0][1], MPFR_RNDN);
    mpfr_sub(out[2], at[1][2], at[1][0], MPFR_RNDN);
    mpfr_add(out[3], at[2][1], at[0][1], MPFR_RNDN);
    mpfr_add(out[5], at[1][2], at[1][0], MPFR_RNDN);
    mpfr_add(out[4], at[2][2], at[0][0], MPFR_RNDN);
    mpfr_sub(out[4], out[4], at[2][0], MPFR_RNDN);
    mpfr_sub(out[4], out[4], at[0][2], MPFR_RNDN);
    for (int i = 3; i < 6; i += 2)
        for (int k = 0; k < 2; k++)
            mpfr_sub(out[i], out[i], at[1][1], MPFR_RNDN);
    for (int i = 1; i < 6; i++) {
        mpfr_div_d(out[i], out[i], (i < 4 && i != 2 ? alpha : x) * (i < 3 ? 2e-30 : 1e-30),
                   MPFR_RNDN);
        if (i > 2)
            mpfr_div_d(out[i], out[i], (i == 3 ? alpha : i == 4 ? 4 * alpha : x) * 1e-30,
                       MPFR_RNDN);
    }
    for (int i = 0; i < 9; i++)
        mpfr_clear(at[i / 3][i % 3]);
    for (int i = 0; i < 3; i++)
        mpfr_clears(a[i], b[i], (mpfr_ptr)0);
    mpfr_clear(h);
}

/* how far y is off, relative, for draw u; and its derivatives. From Q(alpha, y) = 1 - u follows
 * y' = -Q_a / Q_x and y'' = -(Q_aa + 2 Q_ax y' + Q_xx y'^2) / Q_x */
static void reference(double alpha, double y, double u, double *off, double want[2])
{
    mpfr_t q[6], sum, part;
    mpfr_inits2(BITS, sum, part, (mpfr_ptr)0);
    for (int i = 0; i < 6; i++)
        mpfr_init2(q[i], BITS);
    derive(q, alpha, y);
    mpfr_sub_d(sum, q[0], 1 - u, MPFR_RNDN);
    *off = fabs(over(sum, q[2])) / y;
    mpfr_div(sum, q[1], q[2], MPFR_RNDN);
    mpfr_neg(sum, sum, MPFR_RNDN);
    want[0] = mpfr_get_d(sum, MPFR_RNDN);
    mpfr_mul(part, q[5], sum, MPFR_RNDN);
    mpfr_add(part, part, q[4], MPFR_RNDN);
    mpfr_add(part, part, q[4], MPFR_RNDN);
    mpfr_mul(part, part, sum, MPFR_RNDN);
    mpfr_add(part, part, q[3], MPFR_RNDN);
    want[1] = -over(part, q[2]);
    for (int i = 0; i < 6; i++)
        mpfr_clear(q[i]);
    mpfr_clears(sum, part, (mpfr_ptr)0);
}

START_TEST(gamma_against_mpfr)
{
    static const double alphas[] = { 0.003, 0.1, 0.5, 0.95, 1, 1.05, 2.5, 9.9, 10, 47, 300 };
    enum { N = 12 };
    for (int k = 0; k < 11; k++) {
        double alpha = alphas[k], off, want[2];
        ct_seed(cx, 21);
        ct_tensor *a = shapes_of_draws(CT_F64, N, alpha), *y = ct_gamma(a), *g, *h;
        ct_grad(y, ct_ones_like(y), &a, 1, CT_CREATE_GRAPH, &g);
        ct_grad(g, ct_ones_like(y), &a, 1, 0, &h);
        for (int i = 0; i < N; i++) {
            double x = ct_at(y, CT_INDEX(i)), u = uniform(21, i);
            if (x == 0)
                continue;
            reference(alpha, x, u, &off, want);
            double first = fabs(ct_at(g, CT_INDEX(i)) / want[0] - 1);
            double second = fabs(ct_at(h, CT_INDEX(i)) - want[1]), unit = DBL_EPSILON;
            double by_u = x < 1 ? unit / alpha : 0; /* what a rounding of u makes, at most */
            ck_assert_msg(off <= 10 * unit + by_u + unit * fabs(log(x)),
                          "alpha %g, u %g: %g is off by %g", alpha, u, x, off);
            ck_assert_msg(first <= 16 * unit, "alpha %g at %g: slope %.17g, not %.17g", alpha, x,
                          ct_at(g, CT_INDEX(i)), want[0]);
            ck_assert_msg(second <= 1e-13 * (1 + alpha) * (1 + fabs(want[1])),
                          "alpha %g at %g: second derivative %.17g, not %.17g", alpha, x,
                          ct_at(h, CT_INDEX(i)), want[1]);
        }
    }
    mpfr_free_cache();
}
END_TEST
#endif

Suite *gamma_suite(void);
Suite *gamma_suite(void)
{
    return make_suite("gamma", (const TTest *const[]){
        gamma_distribution, gamma_inverts, gamma_at_extremes, gamma_messages, gamma_in_checkpoint,
        gamma_against_mpfr, NULL });
}
