/* det and slogdet */
#include "matrix_checks.h"

/* by rows and columns left out, for comparison */
static long double expand(const double *a, int n)
{
    double minor[36];
    long double sum = n == 0;
    for (int c = 0; c < n; c++) {
        for (int i = 1; i < n; i++)
            for (int j = 0, k = 0; j < n; j++)
                if (j != c)
                    minor[(i - 1) * (n - 1) + k++] = a[i * n + j];
        sum += (c % 2 ? -1 : 1) * (long double)a[c] * expand(minor, n - 1);
    }
    return sum;
}

START_TEST(values)
{
    for (int n = 0; n <= 6; n++)
        for (uint64_t seed = 0; seed < 4; seed++) {
            double a[36];
            ct_tensor *x = random_matrix(CT_F64, n, n, seed), *sign, *log;
            ck_assert_int_eq(ct_to_doubles(x, a, n * n), CT_OK);
            double want = (double)expand(a, n);
            expect_values(ct_det(x), &want, 1, 1e-14 * fmax(fabs(want), 1));
            ck_assert_int_eq(ct_slogdet(x, &sign, &log), CT_OK);
            ck_assert(ct_item(sign) == (want > 0 ? 1 : -1));
            expect_values(log, (double[]){ (double)logl(fabsl(expand(a, n))) }, 1, 1e-13);
        }
    expect_shape(ct_det(ct_ones(cx, CT_F32, CT_SHAPE(2, 3, 1, 1))), CT_SHAPE(2, 3));
}
END_TEST

/* 10^-400, 10^400; and the same on the way to 1 */
START_TEST(nothing_overflows_on_the_way)
{
    static const double of[] = { 1e200, 1e200, 1e-200, 1e-200 };
    ct_tensor *x = diagonal_matrix(CT_F64, of, 4), *sign, *log;
    expect_values(ct_det(x), CT_DOUBLES(1), 1e-14);
    ct_tensor *large = ct_scale(ct_eye(cx, CT_F64, 2), -1e200);
    ck_assert(isinf(ct_item(ct_det(large))));
    ck_assert_int_eq(ct_slogdet(large, &sign, &log), CT_OK);
    expect_values(log, CT_DOUBLES(400 * 2.302585092994046), 1e-12);
    ck_assert_int_eq(ct_slogdet(ct_scale(ct_eye(cx, CT_F32, 300), 1e-20), NULL, &log), CT_OK);
    expect_values(log, CT_DOUBLES(-6000 * 2.302585092994046), 2e-3);
    ct_tensor *g, *a = ct_variable(ct_scale(ct_eye(cx, CT_F64, 2), -1e200));
    ck_assert_int_eq(ct_grad(ct_det(a), NULL, &a, 1, 0, &g), CT_OK); /* though det is infinite */
    expect_values(ct_scale(g, 1e-200), CT_DOUBLES(-1, 0, 0, -1), 1e-14);
    a = ct_variable(ct_scale(ct_eye(cx, CT_F64, 3), 1e-120));
    ck_assert_int_eq(ct_grad(ct_det(a), NULL, &a, 1, 0, &g), CT_OK); /* though det is 0 */
    expect_values(ct_scale(g, 1e240), CT_DOUBLES(1, 0, 0, 0, 1, 0, 0, 0, 1), 1e-13);
}
END_TEST

/* -- Singular matrices */
static ct_tensor *determinant(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_det(x[0]);
}

START_TEST(derivatives_at_singular_matrices)
{
    for (int64_t n = 2; n <= 4; n++)
        for (int64_t rank = 0; rank < n; rank++)
            expect_right(determinant, NULL, ct_matmul(random_matrix(CT_F64, n, rank, 1),
                                                      random_matrix(CT_F64, rank, n, 2)));
    double nearly[] = { 1, 1e-14, 2 };
    ct_tensor *a = ct_variable(diagonal_matrix(CT_F64, nearly, 3)), *g;
    ck_assert_int_eq(ct_grad(ct_det(a), NULL, &a, 1, 0, &g), CT_OK);
    expect_values(g, CT_DOUBLES(2e-14, 0, 0, 0, 2, 0, 0, 0, 1e-14), 1e-15);
}
END_TEST

/* det(A + t W) is a polynomial of degree 3 in t, whose last coefficient is det W: so the third
 * derivative is 6 det W, and the second, at t = 0, is det(A + W) + det(A - W) - 2 det A */
START_TEST(third_derivatives)
{
    for (int64_t rank = 0; rank <= 3; rank++) {
        ct_tensor *a = ct_matmul(random_matrix(CT_F64, 3, rank, 1),
                                 random_matrix(CT_F64, rank, 3, 2));
        ct_tensor *w = random_matrix(CT_F64, 3, 3, 3), *y[4], *g;
        double second = ct_item(ct_det(ct_add(a, w))) + ct_item(ct_det(ct_sub(a, w))) -
                        2 * ct_item(ct_det(a));
        y[0] = ct_det(ct_variable(a));
        for (int k = 0; k < 3; k++) {
            ck_assert_int_eq(ct_grad(y[k], NULL, &a, 1, CT_CREATE_GRAPH, &g), CT_OK);
            y[k + 1] = ct_sum(ct_mul(g, w));
        }
        expect_values(y[2], &second, 1, 1e-11);
        expect_values(y[3], CT_DOUBLES(6 * ct_item(ct_det(w))), 1e-11);
    }
}
END_TEST

/* the gradient of a product of n - 1 numbers 1, in every place */
START_TEST(cofactors)
{
    ct_tensor *a = ct_variable(ct_from_doubles(cx, CT_F32, CT_SHAPE(3, 3),
                                               CT_DOUBLES(1, 2, 3, 4, 5, 6, 7, 8, 9))), *g;
    ck_assert_int_eq(ct_grad(ct_det(a), NULL, &a, 1, 0, &g), CT_OK);
    expect_values(g, CT_DOUBLES(-3, 6, -3, 6, -12, 6, -3, 6, -3), 1e-4);
}
END_TEST

/* of rank 1 but for the rounding to f32; the inverse, of 1e8, would leave no digits */
START_TEST(second_derivatives_of_rounded_matrices)
{
    ct_tensor *a = ct_variable(ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 2),
                                               CT_DOUBLES(0.3, 0.7, 0.9, 2.1))), *g;
    ct_tensor *w = ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 2), CT_DOUBLES(0.3, -0.7, 1.1, 0.9));
    ck_assert_int_eq(ct_grad(ct_det(a), NULL, &a, 1, CT_CREATE_GRAPH, &g), CT_OK);
    ck_assert_int_eq(ct_grad(ct_sum(ct_mul(g, w)), NULL, &a, 1, 0, &g), CT_OK);
    expect_values(g, CT_DOUBLES(0.9, -1.1, 0.7, 0.3), 1e-5);
}
END_TEST

START_TEST(slogdet_of_singular_matrices)
{
    ct_tensor *a = ct_variable(ct_zeros(cx, CT_F64, CT_SHAPE(2, 2))), *sign, *log, *g;
    ck_assert_int_eq(ct_slogdet(a, &sign, &log), CT_OK);
    ck_assert(ct_item(sign) == 0 && ct_item(log) == -INFINITY);
    ck_assert_int_eq(ct_grad(sign, NULL, &a, 1, 0, &g), CT_OK);
    expect_values(g, CT_DOUBLES(0, 0, 0, 0), 0);
    ck_assert_int_eq(ct_grad(log, NULL, &a, 1, 0, &g), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "slogdet: matrix 0 is singular", "gradient", NULL);
}
END_TEST

START_TEST(messages)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), *log = x, *sign = x;
    ck_assert_ptr_null(ct_det(x));
    expect_error(CT_ERROR_SHAPE, "det: the matrices are not square: (2,3)", NULL);
    ck_assert_int_eq(ct_slogdet(x, &sign, &log), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "slogdet", NULL);
    ck_assert_ptr_null(sign);
    ck_assert_ptr_null(log);
    ck_assert_int_eq(ct_slogdet(NULL, &x, NULL), CT_ERROR_NULL);
    ck_assert_ptr_null(x);
}
END_TEST

/* beside a matrix that is singular, one that holds a NaN */
START_TEST(not_finite)
{
    ct_tensor *a = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2, 2),
                                               CT_DOUBLES(NAN, 1, 1, 1, 1, 2, 2, 4))), *g;
    ct_tensor *y = ct_det(a);
    ck_assert(isnan(ct_at(y, CT_INDEX(0))) && ct_at(y, CT_INDEX(1)) == 0);
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, &a, 1, 0, &g), CT_OK);
    expect_nan(ct_select(g, 0, 0));
    expect_values(ct_select(g, 0, 1), CT_DOUBLES(4, -2, -2, 1), 1e-14);
    ct_tensor *only = ct_variable(ct_full(cx, CT_F64, CT_SHAPE(2, 2), INFINITY));
    ck_assert_int_eq(ct_grad(ct_det(only), NULL, &only, 1, 0, &g), CT_OK);
    expect_nan(g);
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *a = ct_variable(ct_zeros(c, CT_F64, CT_SHAPE(2, 2))), *log, *g;
    ct_grad(ct_det(a), NULL, &a, 1, CT_CREATE_GRAPH, &g);
    if (ct_slogdet(ct_add(a, ct_eye(c, CT_F64, 2)), NULL, &log) == CT_OK)
        ct_backward(log);
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

static ct_tensor *log_of(ct_tensor *x)
{
    ct_tensor *log = NULL;
    ct_slogdet(x, NULL, &log);
    return log;
}

START_TEST(matrix_by_matrix)
{
    expect_matrix_by_matrix(ct_det, 3, 3);
    expect_matrix_by_matrix(log_of, 3, 3);
}
END_TEST

Suite *det_suite(void);
Suite *det_suite(void)
{
    return make_suite("det", (const TTest *const[]){
        matrix_by_matrix,
        values, nothing_overflows_on_the_way, derivatives_at_singular_matrices, third_derivatives,
        cofactors, second_derivatives_of_rounded_matrices,
        slogdet_of_singular_matrices, messages, not_finite, out_of_memory, NULL });
}
