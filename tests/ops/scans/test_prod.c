/* ops/scans/prod.c and cumprod.c: zeros, and products that leave the range of numbers on the way.
 */
#include "support.h"

static ct_tensor *variable(const double *values, int n)
{
    return ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(n), values, n));
}

/* the gradient by y of sum of v * (the gradient of prod) too: from the products of all but two */
static void expect_prod(const double *values, int n)
{
    double y = 1, first[8], second[8];
    for (int i = 0; i < n; i++) {
        y *= values[i];
        first[i] = 1, second[i] = 0;
        for (int j = 0; j < n; j++)
            first[i] *= j == i ? 1 : values[j];
        for (int k = 0; k < n; k++) {
            double others = k == i ? 0 : k + 1;
            for (int j = 0; j < n; j++)
                others *= j == i || j == k ? 1 : values[j];
            second[i] += others;
        }
    }
    ct_tensor *x = variable(values, n), *g, *h, *v = ct_shift(ct_range(cx, CT_F64, n), 1);
    ct_tensor *p = ct_prod(x);
    expect_values(p, &y, 1, 1e-14);
    ct_grad(p, NULL, &x, 1, 0, &g);
    expect_values(g, first, n, 1e-14);
    ct_grad(p, NULL, &x, 1, CT_CREATE_GRAPH, &g);
    expect_values(g, first, n, 1e-14);
    ct_grad(ct_sum(ct_mul(g, v)), NULL, &x, 1, 0, &h);
    expect_values(h, second, n, 1e-13);
}

START_TEST(any_number_of_zeros)
{
    double x[5] = { 2, -3, 0.5, 4, -1.5 };
    for (int zeros = 0; zeros < 32; zeros++) {
        double with[5];
        for (int i = 0; i < 5; i++)
            with[i] = zeros >> i & 1 ? 0 : x[i];
        expect_prod(with, 5);
    }
    expect_prod(x, 1);
    expect_prod(x, 2);
    expect_ok();
}
END_TEST

/* the products of all but one, beyond the range of f64 on the way */
START_TEST(products_out_of_range_on_the_way)
{
    if (!has_long_double())
        return;
    static const double x[][4] = { { 1e200, 1e200, 1e-200, 1e-200 },
                                   { 1e-200, 1e-200, 1e200, 1e200 },
                                   { 1e-200, 1e200, 1e-150, 1e150 },
                                   { 5e-324, 0x1p800, 0x1p100, 3 } };
    for (unsigned k = 0; k < 8; k++) {
        long double y = 1;
        double relative[4];
        ct_tensor *v = variable(x[k / 2], 4), *g, *p = ct_prod(v);
        for (int i = 0; i < 4; i++)
            y *= x[k / 2][i];
        ck_assert_double_le(fabs(ct_item(p) / (double)y - 1), 1e-15);
        ct_grad(p, NULL, &v, 1, k % 2 * CT_CREATE_GRAPH, &g);
        for (int i = 0; i < 4; i++)
            relative[i] = ct_at(g, CT_INDEX(i)) / (double)(y / x[k / 2][i]);
        for (int i = 0; i < 4; i++)
            ck_assert_double_le(fabs(relative[i] - 1), 1e-15);
    }
    expect_ok();
}
END_TEST

/* y is 0 or infinite, and the products of all but one are not */
START_TEST(gradients_beyond_the_range_of_y)
{
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_tensor *low = variable(CT_DOUBLES(1e-200, 1e-150)), *g;
        ct_tensor *high = variable(CT_DOUBLES(1e200, -1e150));
        expect_values(ct_prod(low), CT_DOUBLES(0), 0);
        ct_grad(ct_prod(low), NULL, &low, 1, flags, &g);
        ck_assert(ct_at(g, CT_INDEX(0)) == 1e-150 && ct_at(g, CT_INDEX(1)) == 1e-200);
        expect_values(ct_prod(high), CT_DOUBLES(-INFINITY), 0);
        ct_grad(ct_prod(high), NULL, &high, 1, flags, &g);
        ck_assert(ct_at(g, CT_INDEX(0)) == -1e150 && ct_at(g, CT_INDEX(1)) == 1e200);
    }
}
END_TEST

START_TEST(products_of_many_in_f32)
{
    enum { N = 200000 };
    ct_tensor *half = ct_full(cx, CT_F32, CT_SHAPE(N), 1e-30), *g;
    ct_tensor *x = ct_concat(CT_TENSORS(half, ct_full(cx, CT_F32, CT_SHAPE(N), 0x1p99)), 0);
    ct_tensor *twice = ct_concat(CT_TENSORS(x, ct_reciprocal(x)), 0);
    double y = ct_item(ct_prod(ct_cast(twice, CT_F64)));
    ck_assert_double_eq(ct_item(ct_prod(x)), 0);
    ck_assert_double_le(fabs(ct_item(ct_prod(twice)) / y - 1), 2e-4);
    ct_tensor *some = ct_variable(ct_detach(ct_slice(twice, 0, N - 50, N + 50, 1)));
    ct_grad(ct_prod(some), NULL, &some, 1, 0, &g);
    double of_first = ct_item(ct_prod(ct_slice(some, 0, 1, CT_END, 1)));
    ck_assert_double_le(fabs(ct_at(g, CT_INDEX(0)) / of_first - 1), 1e-5);
    expect_ok();
}
END_TEST

START_TEST(prod_over_axes)
{
    ct_tensor *x = ct_shift(ct_reshape(ct_range(cx, CT_F64, 12), CT_SHAPE(2, 3, 2)), 1), *g;
    x = ct_variable(ct_detach(x));
    ct_tensor *y = ct_prod_over(x, CT_AXES(0, 2), CT_KEEPDIMS);
    expect_shape(y, CT_SHAPE(1, 3, 1));
    expect_values(y, CT_DOUBLES(1 * 2 * 7 * 8, 3 * 4 * 9 * 10, 5 * 6 * 11 * 12), 0);
    ct_grad(ct_sum(y), NULL, &x, 1, 0, &g);
    expect_values(ct_select(g, 1, 0), CT_DOUBLES(112, 56, 16, 14), 0);
    expect_values(ct_prod(ct_zeros(cx, CT_F32, CT_SHAPE(0))), CT_DOUBLES(1), 0);
    expect_values(ct_prod_over(ct_zeros(cx, CT_F32, CT_SHAPE(2, 0)), CT_AXES(1), 0),
                  CT_DOUBLES(1, 1), 0);
    expect_values(ct_prod(variable(CT_DOUBLES(2, INFINITY))), CT_DOUBLES(INFINITY), 0);
    expect_values(ct_prod(variable(CT_DOUBLES(0, INFINITY))), CT_DOUBLES(NAN), 0);
    expect_values(ct_prod(variable(CT_DOUBLES(1e300, -1e300))), CT_DOUBLES(-INFINITY), 0);
    expect_values(ct_prod(variable(CT_DOUBLES(1e-300, -1e-300))), CT_DOUBLES(0), 0);
    expect_values(ct_prod(variable(CT_DOUBLES(NAN, 0))), CT_DOUBLES(NAN), 0);
    ck_assert_ptr_null(ct_prod(ct_range(cx, CT_I64, 3)));
    expect_error(CT_ERROR_DTYPE, "prod", "ct_cast", NULL);
    ck_assert_ptr_null(ct_prod_over(x, CT_AXES(3), 0));
    expect_error(CT_ERROR_RANGE, "prod: axis 3", NULL);
}
END_TEST

/* -- cumprod: the gradient of the sum of v_i y_i */
static void expect_cumprod(const double *values, int n)
{
    double y[8], g[8] = { 0 };
    for (int i = 0; i < n; i++)
        y[i] = (i > 0 ? y[i - 1] : 1) * values[i];
    for (int i = 0; i < n; i++)
        for (int j = i; j < n; j++) {
            double others = j + 1;
            for (int k = 0; k <= j; k++)
                others *= k == i ? 1 : values[k];
            g[i] += others;
        }
    ct_tensor *x = variable(values, n), *v = ct_shift(ct_range(cx, CT_F64, n), 1), *gx;
    ct_tensor *p = ct_cumprod(x, 0);
    expect_values(p, y, n, 1e-14);
    ct_grad(p, v, &x, 1, 0, &gx);
    expect_values(gx, g, n, 1e-13);
}

START_TEST(cumulative_products_with_zeros)
{
    double x[5] = { 2, -3, 0.5, 4, -1.5 };
    for (int zeros = 0; zeros < 32; zeros++) {
        double with[5];
        for (int i = 0; i < 5; i++)
            with[i] = zeros >> i & 1 ? 0 : x[i];
        expect_cumprod(with, 5);
    }
    expect_ok();
}
END_TEST

START_TEST(cumulative_products_out_of_range_on_the_way)
{
    ct_tensor *x = variable(CT_DOUBLES(1e200, 1e200, 1e-200, 1e-200)), *g, *y = ct_cumprod(x, 0);
    expect_values(y, CT_DOUBLES(1e200, INFINITY, 1e200, 1), 1e186);
    ck_assert_double_le(fabs(ct_at(y, CT_INDEX(3)) - 1), 1e-15);
    ct_grad(ct_select(y, 0, 3), NULL, &x, 1, 0, &g); /* 1 / x */
    expect_values(ct_mul(g, x), CT_DOUBLES(1, 1, 1, 1), 1e-14);
    expect_ok();
}
END_TEST

Suite *prod_suite(void);
Suite *prod_suite(void)
{
    return make_suite("prod", (const TTest *const[]){
        any_number_of_zeros, products_out_of_range_on_the_way,
        gradients_beyond_the_range_of_y, products_of_many_in_f32, prod_over_axes, cumulative_products_with_zeros,
        cumulative_products_out_of_range_on_the_way, NULL });
}
