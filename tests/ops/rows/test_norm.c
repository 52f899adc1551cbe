/* Norms, the standard deviation and the cosine: at 0, far from 1, and where powers would overflow.
 */
#include "support.h"

static ct_tensor *vector(ct_dtype dtype, double a, double b, double c)
{
    return ct_variable(ct_from_doubles(cx, dtype, CT_SHAPE(3), CT_DOUBLES(a, b, c)));
}

/* the gradient by kernel (flags 0) or as it is recorded */
static ct_tensor *gradient(ct_tensor *y, ct_tensor *x, unsigned flags)
{
    ct_tensor *gx;
    ct_grad(y, NULL, &x, 1, flags, &gx);
    return gx;
}

/* (3, -4, 12) times scale: for each p, in long double */
static void expect_norm(ct_dtype dtype, double scale, double p)
{
    static const long double at[] = { 3, -4, 12 };
    long double sum = 0, y, eps = dtype == CT_F32 ? 0x1p-24L : 0x1p-53L;
    double want[3];
    for (int i = 0; i < 3; i++)
        sum += powl(fabsl(at[i]), p);
    y = isinf(p) ? 12 : powl(sum, 1 / (long double)p);
    for (int i = 0; i < 3; i++)
        want[i] = isinf(p) ? i == 2
                           : (double)copysignl(powl(fabsl(at[i]) / y, (long double)p - 1), at[i]);
    ct_tensor *x = vector(dtype, 3 * scale, -4 * scale, 12 * scale);
    ct_tensor *n = ct_norm(x, p);
    ck_assert_double_le(fabs(ct_item(n) / (double)(y * scale) - 1), 6 * (double)eps);
    expect_values(gradient(n, x, 0), want, 3, 6 * (double)eps);
    expect_values(gradient(n, x, CT_CREATE_GRAPH), want, 3, 10 * (double)eps);
}

START_TEST(norms_of_any_size)
{
    if (!has_long_double())
        return;
    static const double powers[] = { 1, 2, 1.5, 3, 7, 80, INFINITY, 0.5 };
    static const double scales[] = { 1, 0x1p-3, 0x1p600, 0x1p-600, 0x1p1015, 0x1p-1020,
                                     1e-158 }; /* of the last, squares are subnormal */
    static const double singles[] = { 1, 0x1p-3, 0x1p60, 0x1p-60, 0x1p120, 0x1p-122, 0x1p-70 };
    for (int k = 0; k < 8; k++)
        for (int s = 0; s < 7; s++) {
            expect_norm(CT_F64, scales[s], powers[k]);
            expect_norm(CT_F32, singles[s], powers[k]);
        }
    expect_ok();
}
END_TEST

/* where y has few digits, or none */
START_TEST(gradients_beyond_the_range_of_y)
{
    static const double sizes[] = { 5e-324, 1.7e308 };
    double third = sqrt(1 / 3.), cube = pow(3, -2 / 3.);
    for (unsigned k = 0; k < 4; k++) {
        unsigned flags = k / 2 * CT_CREATE_GRAPH;
        ct_tensor *x = vector(CT_F64, sizes[k % 2], -sizes[k % 2], sizes[k % 2]);
        expect_values(gradient(ct_norm(x, 2), x, flags), CT_DOUBLES(third, -third, third), 1e-15);
        expect_values(gradient(ct_norm(x, 3), x, flags), CT_DOUBLES(cube, -cube, cube), 1e-15);
    }
    ck_assert_double_eq(ct_item(ct_norm(vector(CT_F64, 0, 5e-324, 0), 2)), 5e-324);
    ck_assert_double_eq(ct_item(ct_norm(vector(CT_F64, 1.7e308, 1.7e308, 0), 2)), INFINITY);
    expect_ok();
}
END_TEST

START_TEST(at_zero)
{
    static const double powers[] = { 1, 2, 1.5, 3, INFINITY, 0.5 };
    for (int k = 0; k < 6; k++)
        for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
            ct_tensor *x = vector(CT_F64, 0, -0., 0), *one = vector(CT_F64, 0, 2, 0);
            ct_tensor *y = ct_norm(x, powers[k]);
            expect_values(y, CT_DOUBLES(0), 0);
            expect_values(gradient(y, x, flags), CT_DOUBLES(0, 0, 0), 0);
            expect_values(gradient(ct_norm(one, powers[k]), one, flags), CT_DOUBLES(0, 1, 0), 0);
        }
    ct_tensor *x = vector(CT_F64, 0, 0, 0), *g = gradient(ct_norm(x, 2), x, CT_CREATE_GRAPH);
    expect_values(gradient(ct_sum(g), x, 0), CT_DOUBLES(0, 0, 0), 0);
    expect_values(ct_norm_over(ct_zeros(cx, CT_F32, CT_SHAPE(2, 0)), 2, CT_AXES(1), 0),
                  CT_DOUBLES(0, 0), 0);
    expect_values(ct_norm(ct_zeros(cx, CT_F32, CT_SHAPE(2, 0)), 3), CT_DOUBLES(0), 0);
    expect_ok();
}
END_TEST

START_TEST(infinities_and_nan)
{
    static const double powers[] = { 1, 2, 3, INFINITY };
    for (int k = 0; k < 4; k++) {
        expect_values(ct_norm(vector(CT_F64, 1, -INFINITY, 2), powers[k]), CT_DOUBLES(INFINITY), 0);
        expect_values(ct_norm(vector(CT_F64, 1, INFINITY, NAN), powers[k]), CT_DOUBLES(NAN), 0);
        expect_values(ct_norm(vector(CT_F64, 0, NAN, 0), powers[k]), CT_DOUBLES(NAN), 0);
    }
    ct_tensor *x = vector(CT_F64, 1, INFINITY, 0);
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH)
        expect_values(gradient(ct_norm(x, 2), x, flags), CT_DOUBLES(0, NAN, 0), 0);
}
END_TEST

/* a matrix, in rows and columns, whose sizes go up and down from piece to piece */
START_TEST(norms_of_long_sums)
{
    enum { N = 300000 };
    ct_tensor *x = ct_randn(cx, CT_F32, CT_SHAPE(N)), *big = ct_scale(x, 1e25);
    double *values = malloc(N * sizeof *values);
    long double sum = 0;
    ct_to_doubles(x, values, N);
    for (int i = 0; i < N; i++)
        sum += (long double)values[i] * values[i];
    double want = (double)sqrtl(sum);
    free(values);
    ck_assert_double_le(fabs(ct_item(ct_norm(x, 2)) / want - 1), 1e-7);
    ck_assert_double_le(fabs(ct_item(ct_norm(big, 2)) / want / 1e25 - 1), 2e-7);
    ct_tensor *both = ct_concat(CT_TENSORS(ct_scale(x, 1e-25), big, x), 0);
    ck_assert_double_le(fabs(ct_item(ct_norm(both, 2)) / want / 1e25 - 1), 2e-7);
    ct_tensor *columns = ct_transpose(ct_reshape(both, CT_SHAPE(3, N)));
    ct_tensor *norms = ct_norm_over(columns, 2, CT_AXES(0), 0);
    ck_assert_double_le(fabs(ct_at(norms, CT_INDEX(2)) / want - 1), 1e-7);
    ck_assert_double_le(fabs(ct_at(norms, CT_INDEX(1)) / want / 1e25 - 1), 2e-7);
}
END_TEST

START_TEST(frobenius)
{
    ct_tensor *x = ct_reshape(ct_range(cx, CT_F64, 12), CT_SHAPE(3, 2, 2));
    ct_tensor *y = ct_norm_over(x, 2, CT_AXES(-2, -1), CT_KEEPDIMS);
    expect_shape(y, CT_SHAPE(3, 1, 1));
    expect_values(y, CT_DOUBLES(sqrt(14), sqrt(126), sqrt(366)), 1e-14);
}
END_TEST

/* -- Standard deviation */
START_TEST(std_of_any_size)
{
    static const double scales[] = { 1, 1e200, 1e-200, 1e30, 1e-30 };
    double far = 1 / sqrt(6);
    for (int k = 0; k < 5; k++)
        for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
            ct_dtype dtype = k < 3 ? CT_F64 : CT_F32;
            double eps = k < 3 ? 1e-15 : 4e-7;
            ct_tensor *x = vector(dtype, 4 * scales[k], 5 * scales[k], 6 * scales[k]);
            ck_assert_double_le(fabs(ct_item(ct_std(x)) / sqrt(2 / 3.) / scales[k] - 1), eps);
            ct_tensor *unbiased = ct_std_over(x, NULL, 0, CT_UNBIASED);
            ck_assert_double_le(fabs(ct_item(unbiased) / scales[k] - 1), eps);
            expect_values(gradient(ct_std(x), x, flags), CT_DOUBLES(-far, 0, far), eps);
            expect_values(gradient(unbiased, x, flags), CT_DOUBLES(-0.5, 0, 0.5), eps);
        }
    expect_ok();
}
END_TEST

START_TEST(std_of_equal_numbers)
{
    ct_tensor *x = vector(CT_F64, 0.1, 0.1, 0.1), *one = ct_scalar(cx, CT_F64, 3);
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        expect_values(ct_std(x), CT_DOUBLES(0), 0);
        expect_values(gradient(ct_std(x), x, flags), CT_DOUBLES(0, 0, 0), 0);
    }
    expect_values(ct_std(one), CT_DOUBLES(0), 0);
    expect_values(ct_std_over(one, NULL, 0, CT_UNBIASED), CT_DOUBLES(NAN), 0);
    expect_values(ct_std(ct_zeros(cx, CT_F64, CT_SHAPE(0))), CT_DOUBLES(NAN), 0);
}
END_TEST

/* -- Cosine */
START_TEST(cosine)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(3, 4, 1e200, 1e200));
    ct_tensor *b = vector(CT_F64, 1, 1, 0), *y;
    b = ct_slice(b, 0, 0, 2, 1);
    y = ct_cosine_similarity(a, b, 1, 1e-8);
    expect_values(y, CT_DOUBLES(7 / (5 * sqrt(2)), 1), 1e-15);
    expect_values(ct_cosine_similarity(b, a, -1, 0), CT_DOUBLES(7 / (5 * sqrt(2)), 1), 1e-15);
    expect_values(ct_cosine_similarity(ct_transpose(a), ct_unsqueeze(b, 1), 0, 0),
                  CT_DOUBLES(7 / (5 * sqrt(2)), 1), 1e-15);
    expect_ok();
}
END_TEST

/* ga = (v - u y) / |a| */
START_TEST(cosine_has_its_gradients)
{
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_tensor *a = vector(CT_F64, 3e200, 4e200, 0), *b = vector(CT_F64, 0, 1e-150, 0);
        ct_tensor *y = ct_cosine_similarity(a, b, 0, 0);
        expect_values(y, CT_DOUBLES(0.8), 1e-15);
        ct_tensor *ga = ct_scale(gradient(y, a, flags), 1e200);
        expect_values(ga, CT_DOUBLES(-0.48 / 5, 0.36 / 5, 0), 1e-15);
        expect_values(ct_scale(gradient(y, b, flags), 1e-150), CT_DOUBLES(0.6, 0, 0), 1e-15);
        ct_tensor *zero = vector(CT_F64, 0, 0, 0); /* g v / epsilon */
        y = ct_cosine_similarity(zero, b, 0, 1e-160);
        expect_values(y, CT_DOUBLES(0), 0);
        expect_values(ct_scale(gradient(y, zero, flags), 1e-160), CT_DOUBLES(0, 1, 0), 1e-15);
        expect_values(gradient(y, b, flags), CT_DOUBLES(0, 0, 0), 0);
    }
    expect_ok();
}
END_TEST

static ct_tensor *each_cosine(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_cosine_similarity(x[0], x[1], -1, 1e-8);
}

static ct_tensor *each_std(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_std_over(x[0], CT_AXES(0), CT_UNBIASED);
}

START_TEST(compositions_pass_the_check)
{
    ct_tensor *a = ct_randn(cx, CT_F64, CT_SHAPE(4, 3)), *b = ct_randn(cx, CT_F64, CT_SHAPE(3));
    ct_gradcheck_options options = { .order = 2 };
    ct_gradcheck_report report;
    ct_gradcheck(cx, each_cosine, NULL, CT_TENSORS(a, b), &options, &report);
    ck_assert_msg(report.verdict == CT_GRADCHECK_PASS, "%s", ct_gradcheck_text(cx, &report));
    ct_gradcheck(cx, each_std, NULL, CT_TENSORS(a), &options, &report);
    ck_assert_msg(report.verdict == CT_GRADCHECK_PASS, "%s", ct_gradcheck_text(cx, &report));
}
END_TEST

/* -- Errors */
START_TEST(wrong_arguments)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), *i64 = ct_range(cx, CT_I64, 3);
    ck_assert_ptr_null(ct_norm(x, -1));
    expect_error(CT_ERROR_VALUE, "norm: p must be positive, got -1", NULL);
    ck_assert_ptr_null(ct_norm(x, NAN));
    expect_error(CT_ERROR_VALUE, "norm", "nan", NULL);
    ck_assert_ptr_null(ct_norm_over(x, 2, CT_AXES(2), 0));
    expect_error(CT_ERROR_RANGE, "norm: axis 2 is out of range", "(2,3)", NULL);
    ck_assert_ptr_null(ct_norm(i64, INFINITY));
    expect_error(CT_ERROR_DTYPE, "norm", "ct_cast", NULL);
    ck_assert_ptr_null(ct_norm(ct_zeros(cx, CT_F32, CT_SHAPE(0)), INFINITY));
    expect_error(CT_ERROR_SHAPE, "no elements", NULL);
    ck_assert_ptr_null(ct_std(i64));
    expect_error(CT_ERROR_DTYPE, "std", "ct_cast", NULL);
    ck_assert_ptr_null(ct_cosine_similarity(x, i64, 0, 0));
    expect_error(CT_ERROR_DTYPE, "cosine_similarity", "ct_cast", NULL);
    ck_assert_ptr_null(ct_cosine_similarity(x, x, 2, 0));
    expect_error(CT_ERROR_RANGE, "cosine_similarity: axis 2", NULL);
    ck_assert_ptr_null(ct_cosine_similarity(x, x, 0, -1));
    expect_error(CT_ERROR_VALUE, "cosine_similarity: epsilon must not be negative, got -1", NULL);
    ck_assert_ptr_null(ct_cosine_similarity(x, ct_ones(cx, CT_F32, CT_SHAPE(2)), 0, 0));
    expect_error(CT_ERROR_SHAPE, "cosine_similarity", "(2,3)", "(2)", NULL);
    ck_assert_ptr_null(ct_cosine_similarity(x, NULL, 0, 0));
    expect_ok();
}
END_TEST

Suite *norm_suite(void);
Suite *norm_suite(void)
{
    return make_suite("norm", (const TTest *const[]){
        norms_of_any_size, gradients_beyond_the_range_of_y, at_zero, infinities_and_nan,
        norms_of_long_sums, frobenius, std_of_any_size, std_of_equal_numbers, cosine,
        cosine_has_its_gradients, compositions_pass_the_check, wrong_arguments, NULL });
}
