/* matrix_exp */
#include "matrix_checks.h"

/* c = a b */
static void multiply(const long double *a, const long double *b, int n, long double *c)
{
    for (int i = 0; i < n * n; i++) {
        c[i] = 0;
        for (int j = 0; j < n; j++)
            c[i] += a[i / n * n + j] * b[j * n + i % n];
    }
}

/* the series, in long double, of a, halved until its elements are below 1/8; then squared */
static void series(const double *a, int n, double *y)
{
    long double x[36], term[36], sum[36], next[36], most = 0;
    int halvings = 0;
    for (int i = 0; i < n * n; i++)
        most = fmaxl(most, fabsl((long double)a[i]));
    for (; most > 0.125L; most /= 2)
        halvings++;
    for (int i = 0; i < n * n; i++) {
        x[i] = ldexpl(a[i], -halvings);
        sum[i] = term[i] = i % (n + 1) == 0;
    }
    for (int k = 1; k < 25; k++) {
        multiply(term, x, n, next);
        for (int i = 0; i < n * n; i++)
            sum[i] += term[i] = next[i] / k;
    }
    for (; halvings > 0; halvings--) {
        multiply(sum, sum, n, next);
        memcpy(sum, next, sizeof sum);
    }
    for (int i = 0; i < n * n; i++)
        y[i] = (double)sum[i];
}

START_TEST(it_is_the_series)
{
    if (!has_long_double())
        return;
    static const double scales[] = { 1e-200, 1e-9, 0.1, 1, 3, 10, 30 };
    for (int n = 1; n <= 6; n++)
        for (size_t k = 0; k < sizeof scales / sizeof *scales; k++) {
            double x[36], want[36];
            ct_tensor *a = ct_scale(random_matrix(CT_F64, n, n, k), scales[k]);
            ck_assert_int_eq(ct_to_doubles(a, x, n * n), CT_OK);
            series(x, n, want);
            double most = 0;
            for (int i = 0; i < n * n; i++)
                most = fmax(most, fabs(want[i]));
            expect_values(ct_matrix_exp(a), want, n * n, 2e-15 * most * fmax(1, 10 * scales[k]));
        }
}
END_TEST

START_TEST(known_values)
{
    double turn = acos(-1) / 3;
    ct_tensor *a = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(0, -turn, turn, 0));
    double c = cos(turn), s = sin(turn);
    expect_values(ct_matrix_exp(a), CT_DOUBLES(c, -s, s, c), 1e-15);
    a = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(1, 1e6, 0, -1));
    double e = exp(1), wide = 1e6 * (e - 1 / e) / 2; /* halving by norm alone loses 7 digits */
    expect_values(ct_matrix_exp(a), CT_DOUBLES(e, wide, 0, 1 / e), 1e-14 * wide);
    ck_assert_double_le(fabs(ct_at(ct_matrix_exp(a), CT_INDEX(0, 0)) - e), 1e-14);
    a = ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 2), CT_DOUBLES(-100, 0, 0, 80));
    double large = (double)(float)exp(80);
    expect_values(ct_matrix_exp(a), CT_DOUBLES(exp(-100), 0, 0, large), 1e-12 * large);
    expect_values(ct_matrix_exp(ct_zeros(cx, CT_F32, CT_SHAPE(2, 2))), CT_DOUBLES(1, 0, 0, 1), 0);
    expect_shape(ct_matrix_exp(ct_zeros(cx, CT_F32, CT_SHAPE(3, 0, 0))), CT_SHAPE(3, 0, 0));
}
END_TEST

/* e^(a + b) = e^a e^b where a b = b a; and the inverse */
START_TEST(larger_matrices)
{
    ct_tensor *a = ct_scale(random_matrix(CT_F64, 40, 40, 1), 0.3), *y = ct_matrix_exp(a);
    ct_tensor *product = ct_matmul(y, ct_matrix_exp(ct_neg(a)));
    double size = ct_item(ct_max(ct_abs(y))) * ct_item(ct_max(ct_abs(ct_matrix_exp(ct_neg(a)))));
    ck_assert_double_le(ct_max_difference(product, ct_eye(cx, CT_F64, 40)), 1e-13 * size);
    expect_close(ct_matmul(y, y), ct_matrix_exp(ct_scale(a, 2)), 100);
}
END_TEST

/* d tr e^a = <e^(a^T), da> */
START_TEST(derivatives)
{
    static const double sizes[] = { 1e-300, 1e-8, 1, 1e8, 1e300 };
    ct_tensor *a = ct_variable(random_matrix(CT_F64, 4, 4, 2)), *y = ct_matrix_exp(a), *g, *one;
    ct_tensor *trace = ct_sum(ct_mul(y, ct_eye(cx, CT_F64, 4)));
    ck_assert_int_eq(ct_grad(trace, NULL, &a, 1, 0, &g), CT_OK);
    expect_close(g, ct_transpose(ct_detach(y)), 100);
    ct_tensor *gy = random_matrix(CT_F64, 4, 4, 3);
    ck_assert_int_eq(ct_grad(y, gy, &a, 1, 0, &one), CT_OK);
    for (int k = 0; k < 5; k++) {
        ck_assert_int_eq(ct_grad(y, ct_scale(gy, sizes[k]), &a, 1, 0, &g), CT_OK);
        expect_close(ct_scale(g, 1 / sizes[k]), one, 100);
    }
    ck_assert_int_eq(ct_grad(y, ct_zeros_like(y), &a, 1, 0, &g), CT_OK);
    expect_values(g, (double[16]){ 0 }, 16, 0);
}
END_TEST

START_TEST(messages)
{
    ck_assert_ptr_null(ct_matrix_exp(ct_ones(cx, CT_F32, CT_SHAPE(2, 3))));
    expect_error(CT_ERROR_SHAPE, "matrix_exp: the matrices are not square: (2,3)", NULL);
    ct_tensor *a = ct_variable(ct_full(cx, CT_F64, CT_SHAPE(2, 2), NAN)), *g;
    expect_nan(ct_matrix_exp(a));
    ck_assert_int_eq(ct_grad(ct_sum(ct_matrix_exp(a)), NULL, &a, 1, 0, &g), CT_OK);
    expect_nan(g);
    ct_tensor *large = ct_scale(ct_eye(cx, CT_F64, 1), 1000);
    expect_values(ct_matrix_exp(large), CT_DOUBLES(INFINITY), 0);
    expect_values(ct_matrix_exp(ct_neg(large)), CT_DOUBLES(0), 0);
    expect_ok();
}
END_TEST

static void use(ct_context *c)
{
    ct_tensor *a = ct_variable(ct_eye(c, CT_F32, 2));
    ct_backward(ct_sum(ct_matrix_exp(a)));
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use);
}
END_TEST

START_TEST(matrix_by_matrix)
{
    expect_matrix_by_matrix(ct_matrix_exp, 3, 3);
}
END_TEST

Suite *matrix_exp_suite(void);
Suite *matrix_exp_suite(void)
{
    return make_suite("matrix_exp", (const TTest *const[]){
        matrix_by_matrix,
        it_is_the_series, known_values, larger_matrices, derivatives, messages, out_of_memory,
        NULL });
}
