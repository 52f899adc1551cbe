/* ct_lbfgs and ct_newton_cg, and second derivatives with plain arrays. */
#include "support.h"

typedef ct_status minimizer(ct_context *cx, ct_function f, void *user, double *x, int64_t n,
                            const ct_minimize_options *options, ct_minimize_report *report);
static minimizer *const minimizers[] = { ct_lbfgs, ct_newton_cg };
static const char *const names[] = { "lbfgs", "newton_cg" };

/* sum of 100 (x_(i+1) - x_i^2)^2 + (1 - x_i)^2 */
static ct_tensor *rosenbrock(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    ct_tensor *a = ct_slice(x[0], 0, 0, -1, 1), *b = ct_slice(x[0], 0, 1, CT_END, 1);
    ct_tensor *valley = ct_scale(ct_sum(ct_square(ct_sub(b, ct_square(a)))), 100);
    return ct_add(valley, ct_sum(ct_square(ct_shift(a, -1))));
}

START_TEST(rosenbrock_s_valley)
{
    for (int m = 0; m < 2; m++)
        for (int n = 2; n <= 50; n += 48) {
            double x[50];
            ct_minimize_report r;
            for (int i = 0; i < n; i++)
                x[i] = i % 2 ? 1 : -1.2;
            ct_memory before, after;
            ct_memory_stats(cx, &before);
            ck_assert_msg(minimizers[m](cx, rosenbrock, NULL, x, n, NULL, &r) == CT_OK, "%s",
                          ct_error_text(cx));
            ck_assert_int_eq(r.end, CT_MINIMIZE_CONVERGED);
            ck_assert_double_le(r.gradient, 1e-8);
            ck_assert_double_le(r.value, 1e-15);
            ck_assert_int_lt(r.iterations, (n == 2 ? 100 : 400));
            ck_assert(m == 0 ? r.products == 0 : r.products >= r.iterations);
            for (int i = 0; i < n; i++)
                ck_assert_double_eq_tol(x[i], 1, 1e-6);
            ct_memory_stats(cx, &after);
            ck_assert_int_eq(after.live_bytes, before.live_bytes);
        }
}
END_TEST

/* 1/2 sum s_i (x_i - i)^2, s from 1 to `user` */
static ct_tensor *quadratic(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n;
    const int64_t size = ct_size(x[0], 0);
    ct_tensor *s = ct_linspace(c, CT_F64, 1, *(double *)user, size);
    ct_tensor *away = ct_sub(x[0], ct_range(c, CT_F64, size));
    return ct_scale(ct_sum(ct_mul(s, ct_square(away))), 0.5);
}

START_TEST(quadratics)
{
    for (int m = 0; m < 2; m++)
        for (double condition = 1; condition < 1e5; condition *= 1000) {
            double x[20] = { 0 };
            ct_minimize_report r;
            ck_assert_int_eq(minimizers[m](cx, quadratic, &condition, x, 20, NULL, &r), CT_OK);
            ck_assert_int_eq(r.end, CT_MINIMIZE_CONVERGED);
            for (int i = 0; i < 20; i++)
                ck_assert_double_eq_tol(x[i], i, 1e-7);
        }
    double x[1] = { 5 };
    ct_minimize_report r; /* at the minimum, and without any number */
    double condition = 1;
    x[0] = 0;
    ck_assert_int_eq(ct_lbfgs(cx, quadratic, &condition, x, 1, NULL, &r), CT_OK);
    ck_assert(r.iterations == 0 && r.evaluations == 1 && r.end == CT_MINIMIZE_CONVERGED);
}
END_TEST

START_TEST(limits)
{
    for (int m = 0; m < 2; m++) {
        double x[] = { -1.2, 1 };
        ct_minimize_report r;
        minimizers[m](cx, rosenbrock, NULL, x, 2, &(ct_minimize_options){ .max_iterations = 3 },
                      &r);
        ck_assert_int_eq(r.end, CT_MINIMIZE_ITERATIONS);
        ck_assert_int_eq(r.iterations, 3);
        ck_assert_double_eq(r.value, ct_value_and_gradient(cx, rosenbrock, NULL, x, 2, NULL));
        minimizers[m](cx, rosenbrock, NULL, x, 2, &(ct_minimize_options){ .max_evaluations = 1 },
                      &r);
        ck_assert_int_eq(r.end, CT_MINIMIZE_EVALUATIONS);
        minimizers[m](cx, rosenbrock, NULL, x, 2, &(ct_minimize_options){ .value_tolerance = 1 },
                      &r);
        ck_assert_int_eq(r.end, CT_MINIMIZE_FLAT);
        ck_assert_int_eq(r.iterations, 1);
        minimizers[m](cx, rosenbrock, NULL, x, 2,
                      &(ct_minimize_options){ .gradient_tolerance = -1 }, &r);
        ck_assert(r.end == CT_MINIMIZE_FLAT || r.end == CT_MINIMIZE_CONVERGED);
        ck_assert_double_le(r.value, 1e-20);
        expect_ok();
        ck_assert_int_eq(minimizers[m](cx, rosenbrock, NULL, x, 2,
                                       &(ct_minimize_options){ .max_iterations = -1 }, &r),
                         CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, names[m], "negative", NULL);
        ck_assert_int_eq(minimizers[m](cx, rosenbrock, NULL, x, 2,
                                       &(ct_minimize_options){ .reserved = { 1 } }, &r),
                         CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, names[m], "not zeroed", NULL);
        ck_assert_int_eq(minimizers[m](cx, rosenbrock, NULL, NULL, 2, NULL, NULL), CT_ERROR_NULL);
        expect_error(CT_ERROR_NULL, names[m], "x is NULL", NULL);
        ck_assert_int_eq(minimizers[m](cx, NULL, NULL, x, 2, NULL, NULL), CT_ERROR_NULL);
        expect_error(CT_ERROR_NULL, names[m], "the function", NULL);
        ck_assert_int_eq(minimizers[m](NULL, rosenbrock, NULL, x, 2, NULL, NULL), CT_ERROR_NULL);
    }
}
END_TEST

/* -x + log barrier: NaN for x >= 1 */
static ct_tensor *barrier(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    ct_tensor *room = ct_shift(ct_neg(x[0]), 1);
    return ct_sum(ct_sub(ct_scale(x[0], -100), ct_log(room)));
}

START_TEST(a_value_that_is_not_finite)
{
    for (int m = 0; m < 2; m++) {
        double x[] = { 0, 0.5 }, outside[] = { 2, 2 };
        ct_minimize_report r;
        ck_assert_msg(minimizers[m](cx, barrier, NULL, x, 2, NULL, &r) == CT_OK, "%s",
                      ct_error_text(cx));
        ck_assert_double_eq_tol(x[0], 0.99, 1e-9);
        ck_assert_int_eq(minimizers[m](cx, barrier, NULL, outside, 2, NULL, &r), CT_ERROR_VALUE);
        ck_assert_double_eq(outside[0], 2);
        expect_error(CT_ERROR_VALUE, names[m], "at the start the value is nan", NULL);
    }
}
END_TEST

typedef struct failing {
    int calls, at;
} failing;

static ct_tensor *fails_half_way(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    failing *f = user;
    if (++f->calls == f->at)
        return ct_fail(c, CT_ERROR_VALUE, "out of luck"), NULL;
    return rosenbrock(c, x, n, NULL);
}

START_TEST(a_function_that_fails_half_way)
{
    for (int m = 0; m < 2; m++)
        for (int at = 1; at < 30; at += 7) {
            failing f = { 0, at };
            double x[] = { -1.2, 1 };
            ct_minimize_report r;
            ck_assert_int_eq(minimizers[m](cx, fails_half_way, &f, x, 2, NULL, &r),
                             CT_ERROR_VALUE);
            expect_error(CT_ERROR_VALUE, "out of luck", NULL);
            ck_assert_int_eq(r.end, CT_MINIMIZE_NONE);
            ck_assert_int_eq(f.calls, at);
            /* what was reached so far */
            double value = ct_value_and_gradient(cx, rosenbrock, NULL, x, 2, NULL);
            ck_assert(at == 1 ? value == 24.2 || fabs(value - 24.2) < 1e-12
                              : value == r.value && value <= 24.3);
        }
}
END_TEST

static ct_tensor *same(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_sum(ct_square(x[0]));
}

static ct_status wrong(const ct_custom_call *c, ct_tensor **gx)
{
    gx[0] = ct_mul(ct_scale(c->x[0], -2), c->gy);
    return CT_OK;
}

static ct_tensor *with_wrong_gradient(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    return ct_custom(c, same, wrong, user, x, n);
}

START_TEST(a_wrong_gradient)
{
    for (int m = 0; m < 2; m++) {
        double x[] = { 1, 2 };
        ct_minimize_report r;
        ck_assert_int_eq(minimizers[m](cx, with_wrong_gradient, NULL, x, 2, NULL, &r),
                         CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, names[m], "does not fall", "ct_gradcheck", NULL);
        ck_assert_double_eq(x[1], 2);
    }
}
END_TEST

static ct_tensor *mixed(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_sum(ct_mul(ct_sin(x[0]), ct_flip(x[0], CT_AXES(0))));
}

START_TEST(second_derivatives)
{
    double x[] = { 0.5, 2 }, g[2], h[4], hv[2], v[] = { 1, -1 };
    double value = sin(.5) * 2 + sin(2) * .5;
    ck_assert_double_eq_tol(
        ct_value_gradient_and_hessian(cx, mixed, NULL, x, 2, g, h), value, 1e-15);
    ck_assert_double_eq_tol(g[0], cos(.5) * 2 + sin(2), 1e-15);
    ck_assert_double_eq_tol(h[0], -sin(.5) * 2, 1e-15);
    ck_assert_double_eq_tol(h[1], cos(.5) + cos(2), 1e-15);
    ck_assert_double_eq(h[1], h[2]);
    ck_assert_double_eq_tol(
        ct_value_and_hessian_vector(cx, mixed, NULL, x, 2, v, g, hv), value, 1e-15);
    ck_assert_double_eq_tol(hv[0], h[0] - h[1], 1e-15);
    ck_assert_double_eq_tol(hv[1], h[2] - h[3], 1e-15);
    ck_assert(isnan(ct_value_and_hessian_vector(cx, mixed, NULL, x, 2, NULL, g, hv)));
    expect_error(CT_ERROR_NULL, "value_and_hessian_vector: v is NULL", NULL);
    ck_assert(isnan(ct_value_gradient_and_hessian(NULL, mixed, NULL, x, 2, g, h)));
    ck_assert(!isnan(ct_value_gradient_and_hessian(cx, mixed, NULL, x, 2, NULL, NULL)));
}
END_TEST

static void minimize_both(ct_context *c)
{
    double x[] = { -1.2, 1 }, h[4];
    ct_minimize_options few = { .max_iterations = 2 };
    ct_lbfgs(c, rosenbrock, NULL, x, 2, &few, NULL);
    ct_newton_cg(c, rosenbrock, NULL, x, 2, &few, NULL);
    ct_value_gradient_and_hessian(c, rosenbrock, NULL, x, 2, NULL, h);
}

START_TEST(every_allocation_fails_once)
{
    for_each_failing_allocation(minimize_both);
}
END_TEST

Suite *minimize_suite(void);
Suite *minimize_suite(void)
{
    return make_suite("autograd/minimize", (const TTest *[]){
        rosenbrock_s_valley, quadratics, limits, a_value_that_is_not_finite,
        a_function_that_fails_half_way, a_wrong_gradient, second_derivatives,
        every_allocation_fails_once, NULL });
}
