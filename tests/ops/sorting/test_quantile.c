/* ops/sorting/quantile.c: quantiles and the median. */
#include "support.h"

static ct_tensor *numbers(const double *values, int64_t n)
{
    return ct_variable(ct_from_doubles(cx, CT_F64, &n, 1, values, n));
}

static ct_tensor *gradient(ct_tensor *y, ct_tensor *x)
{
    ct_tensor *gx;
    ct_grad(y, NULL, &x, 1, 0, &gx);
    return gx;
}

START_TEST(medians)
{
    ct_tensor *odd = numbers(CT_DOUBLES(5, 1, 9)), *even = numbers(CT_DOUBLES(5, 1, 9, 2));
    expect_values(ct_median(odd), CT_DOUBLES(5), 0);
    expect_values(ct_median(even), CT_DOUBLES(3.5), 0);
    expect_values(gradient(ct_median(odd), odd), CT_DOUBLES(1, 0, 0), 0);
    expect_values(gradient(ct_median(even), even), CT_DOUBLES(0.5, 0, 0, 0.5), 0);
    expect_values(ct_median(numbers(CT_DOUBLES(1.7e308, 1.7e308))), CT_DOUBLES(1.7e308), 0);
    expect_values(ct_median(numbers(CT_DOUBLES(-1.7e308, 1.7e308))), CT_DOUBLES(0), 0);
    expect_values(ct_median(ct_scalar(cx, CT_F32, 3)), CT_DOUBLES(3), 0);
    expect_ok();
}
END_TEST

/* as numpy.quantile has them */
START_TEST(quantiles)
{
    ct_tensor *x = numbers(CT_DOUBLES(7, 1, 3, 10, 4));
    static const double q[] = { 0, 0.1, 0.25, 0.5, 0.6, 0.9, 1 }, want[] = { 1, 1.8, 3, 4, 5.2, 8.8,
                                                                           10 };
    for (int k = 0; k < 7; k++)
        expect_values(ct_quantile(x, q[k]), want + k, 1, 2e-15);
    expect_values(gradient(ct_quantile(x, 0.1), x), CT_DOUBLES(0, 0.6, 0.4, 0, 0), 1e-15);
    expect_values(gradient(ct_quantile(x, 1), x), CT_DOUBLES(0, 0, 0, 1, 0), 0);
    ct_tensor *singles = ct_quantile(ct_cast(x, CT_F32), 0.1);
    ck_assert_int_eq(ct_dtype_of(singles), CT_F32);
    expect_values(singles, CT_DOUBLES(1.8), 2e-7);
}
END_TEST

START_TEST(over_axes)
{
    ct_tensor *x = ct_cast(ct_randperm(cx, 24), CT_F64);
    x = ct_reshape(x, CT_SHAPE(2, 3, 4));
    ct_tensor *y = ct_median_over(x, CT_AXES(0, 2), CT_KEEPDIMS);
    expect_shape(y, CT_SHAPE(1, 3, 1));
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq(ct_at(y, CT_INDEX(0, i, 0)), ct_item(ct_median(ct_select(x, 1, i))));
    y = ct_quantile_over(x, 0, CT_AXES(1), 0);
    expect_close(y, ct_min_over(x, CT_AXES(1), 0), 0);
    expect_close(ct_quantile_over(x, 1, CT_AXES(-1), 0), ct_max_over(x, CT_AXES(2), 0), 0);
    expect_shape(ct_median_over(ct_zeros(cx, CT_F64, CT_SHAPE(0, 3)), CT_AXES(1), 0), CT_SHAPE(0));
    expect_shape(ct_median_over(ct_zeros(cx, CT_F64, CT_SHAPE(0, 0)), CT_AXES(1), CT_KEEPDIMS),
                 CT_SHAPE(0, 1));
    expect_ok();
}
END_TEST

START_TEST(infinities_and_nan)
{
    ct_tensor *x = numbers(CT_DOUBLES(1, NAN, 2));
    expect_values(ct_median(x), CT_DOUBLES(NAN), 0);
    expect_values(ct_quantile(x, 0), CT_DOUBLES(NAN), 0);
    expect_values(gradient(ct_quantile(x, 0), x), CT_DOUBLES(0, 1, 0), 0);
    ct_tensor *far = numbers(CT_DOUBLES(INFINITY, -INFINITY, 0));
    expect_values(ct_quantile(far, 0.25), CT_DOUBLES(-INFINITY), 0);
    expect_values(ct_median(far), CT_DOUBLES(0), 0);
    expect_values(ct_quantile(far, 1), CT_DOUBLES(INFINITY), 0);
    expect_values(ct_median(numbers(CT_DOUBLES(INFINITY, INFINITY))), CT_DOUBLES(INFINITY), 0);
}
END_TEST

/* numpy.quantile(x, [0.5, 0, 0.5, 0.1], axis=1) */
START_TEST(several_quantiles)
{
    ct_tensor *x = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 3),
                                               CT_DOUBLES(3, 1, 2, 10, 30, 20)));
    ct_tensor *y = ct_quantiles_over(x, CT_DOUBLES(0.5, 0, 0.5, 0.1), CT_AXES(1), 0);
    expect_shape(y, CT_SHAPE(4, 2));
    expect_values(y, CT_DOUBLES(2, 20, 1, 10, 2, 20, 1.2, 12), 1e-14);
    ct_tensor *g = ct_from_doubles(cx, CT_F64, CT_SHAPE(4, 2), CT_DOUBLES(1, 2, 3, 4, 5, 6, 7, 8));
    ct_tensor *gx;
    ct_grad(y, g, &x, 1, 0, &gx);
    expect_values(gx, CT_DOUBLES(0, 8.6, 7.4, 10.4, 0, 9.6), 1e-14);
    expect_shape(ct_quantiles_over(x, CT_DOUBLES(1), CT_AXES(0), CT_KEEPDIMS), CT_SHAPE(1, 1, 3));
    expect_shape(ct_quantiles(x, NULL, 0), CT_SHAPE(0));
    ct_tensor *empty = ct_zeros(cx, CT_F32, CT_SHAPE(2, 0));
    expect_shape(ct_quantiles_over(empty, CT_DOUBLES(0, 1), CT_AXES(0), 0), CT_SHAPE(2, 0));
    empty = ct_zeros(cx, CT_F32, CT_SHAPE(0, 0));
    expect_shape(ct_quantiles_over(empty, CT_DOUBLES(0, 1), CT_AXES(0), 0), CT_SHAPE(2, 0));
    expect_values(ct_quantiles(ct_flatten(x, 0, 1), CT_DOUBLES(0, 1)), CT_DOUBLES(1, 30), 0);
    expect_ok();
}
END_TEST

/* of many, with and without ties, as the sorted ones have them */
START_TEST(of_many_elements)
{
    static const double q[] = { 0, 0.1, 0.25, 0.5, 0.9, 1 };
    for (int k = 0; k < 6; k++) {
        int64_t n = k % 2 ? 1001 : 400, range = k < 2 ? 1000000 : k < 4 ? 20 : 2;
        ct_tensor *x = ct_cast(ct_randint(cx, -range, range, CT_SHAPE(3, n)), CT_F64), *sorted;
        ct_sort(x, 1, 0, &sorted, NULL);
        ct_tensor *all = ct_quantiles_over(x, q, 6, CT_AXES(1), 0);
        for (int i = 0; i < 6; i++) {
            double place = q[i] * (double)(n - 1), t = place - floor(place);
            int64_t below = (int64_t)place, above = below < n - 1 ? below + 1 : below;
            ct_tensor *a = ct_select(sorted, 1, below), *b = ct_select(sorted, 1, above);
            ct_tensor *want = ct_add(ct_scale(a, 1 - t), ct_scale(b, t));
            ck_assert(ct_max_difference(ct_quantile_over(x, q[i], CT_AXES(1), 0), want) == 0);
            ck_assert(ct_max_difference(ct_select(all, 0, i), want) == 0);
        }
    }
    expect_ok();
}
END_TEST

static ct_tensor *third(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_quantile_over(x[0], 1 / 3., CT_AXES(0), 0);
}

START_TEST(quantile_passes_the_check)
{
    ct_tensor *x = ct_scale(ct_cast(ct_randperm(cx, 15), CT_F64), 0.3);
    ct_gradcheck_report report;
    ct_gradcheck(cx, third, NULL, CT_TENSORS(ct_reshape(x, CT_SHAPE(5, 3))),
                 &(ct_gradcheck_options){ .order = 2 }, &report);
    ck_assert_msg(report.verdict == CT_GRADCHECK_PASS, "%s", ct_gradcheck_text(cx, &report));
}
END_TEST

START_TEST(wrong_arguments)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2, 0));
    ck_assert_ptr_null(ct_median(x));
    expect_error(CT_ERROR_SHAPE, "median: no elements", "(2,0)", NULL);
    ck_assert_ptr_null(ct_quantile(ct_ones(cx, CT_F32, CT_SHAPE(2)), 1.5));
    expect_error(CT_ERROR_VALUE, "quantile: q must be 0 to 1, got 1.5", NULL);
    ck_assert_ptr_null(ct_quantile(ct_ones(cx, CT_F32, CT_SHAPE(2)), NAN));
    expect_error(CT_ERROR_VALUE, "quantile: q", NULL);
    ck_assert_ptr_null(ct_quantiles(ct_ones(cx, CT_F32, CT_SHAPE(2)), CT_DOUBLES(0, -1)));
    expect_error(CT_ERROR_VALUE, "quantiles: q must be 0 to 1, got -1", NULL);
    ck_assert_ptr_null(ct_quantiles(ct_ones(cx, CT_F32, CT_SHAPE(2)), NULL, 2));
    expect_error(CT_ERROR_NULL, "quantiles: no list of 2 q", NULL);
    ct_tensor *deep = ct_ones(cx, CT_F32, CT_SHAPE(1, 1, 1, 1, 1, 1, 1, 2));
    ck_assert_ptr_null(ct_quantiles_over(deep, CT_DOUBLES(0, 1), CT_AXES(0), CT_KEEPDIMS));
    expect_error(CT_ERROR_SHAPE, "quantiles: the result may have 8 axes", NULL);
    ck_assert_ptr_null(ct_median(ct_range(cx, CT_I64, 3)));
    expect_error(CT_ERROR_DTYPE, "median", "ct_cast", NULL);
    ck_assert_ptr_null(ct_quantiles(ct_range(cx, CT_I64, 3), CT_DOUBLES(0, 1)));
    expect_error(CT_ERROR_DTYPE, "quantiles", "ct_cast", NULL);
    ck_assert_ptr_null(ct_quantile_over(x, 0.5, CT_AXES(0, 0), 0));
    expect_error(CT_ERROR_RANGE, "quantile: axis 0 is given twice", NULL);
    ck_assert_ptr_null(ct_median(NULL));
    expect_ok();
}
END_TEST

Suite *quantile_suite(void);
Suite *quantile_suite(void)
{
    return make_suite("quantile", (const TTest *const[]){
        medians, quantiles, several_quantiles, of_many_elements, over_axes, infinities_and_nan,
        quantile_passes_the_check, wrong_arguments, NULL });
}
