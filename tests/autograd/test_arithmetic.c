/* add, broadcast_to, sum_to: values against index arithmetic, dtypes, errors, accuracy, rules. */
#include "support.h"

START_TEST(add)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 1), CT_DOUBLES(10, 20));
    ct_tensor *b = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(1, 2, 3));
    expect_values(ct_add(a, b), CT_DOUBLES(11, 12, 13, 21, 22, 23), 0);
    expect_values(ct_add(ct_transpose(a), ct_scalar(cx, CT_F64, 1)), CT_DOUBLES(11, 21), 0);
    expect_shape(ct_add(ct_zeros(cx, CT_F32, CT_SHAPE(2, 0)), ct_zeros(cx, CT_F32, CT_SHAPE(1))),
                 CT_SHAPE(2, 0));
    ct_tensor *n = ct_add(ct_from_ints(cx, NULL, 0, CT_INTS(INT64_MAX)),
                          ct_from_ints(cx, NULL, 0, CT_INTS(1)));
    ck_assert(ct_item_int(n) == INT64_MIN); /* wraps as two's complement does */
    ck_assert_double_eq(ct_item(ct_add(ct_scalar(cx, CT_F32, 0x1p24), ct_scalar(cx, CT_F32, 1))),
                        0x1p24);
}
END_TEST

START_TEST(add_errors)
{
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(2));
    ck_assert_ptr_null(ct_add(x, ct_zeros(cx, CT_F32, CT_SHAPE(2))));
    expect_error(CT_ERROR_DTYPE, "add", "f64 (2)", "f32 (2)", "ct_cast", NULL);
    ck_assert_ptr_null(ct_add(x, ct_zeros(cx, CT_F64, CT_SHAPE(4, 3))));
    expect_error(CT_ERROR_SHAPE, "add", "(2) x (4,3)", NULL);
    ct_tensor *truth = ct_ones(cx, CT_BOOL, CT_SHAPE(2));
    ck_assert_ptr_null(ct_add(truth, truth));
    expect_error(CT_ERROR_DTYPE, "add", "bool", NULL);
}
END_TEST

/* both ways against loops, on every way to repeat (2,3) in up to three dimensions */
START_TEST(an_adjoint_pair)
{
    const int64_t from[][2] = { { 2, 3 }, { 1, 3 }, { 2, 1 }, { 1, 1 } };
    double want[4 * 2 * 3], sums[6];
    for (int k = 0; k < 4; k++) {
        int64_t rows = from[k][0], columns = from[k][1];
        ct_tensor *x = ct_randn(cx, CT_F64, from[k], 2);
        ct_tensor *y = ct_broadcast_to(x, CT_SHAPE(4, 2, 3));
        for (int i = 0; i < 24; i++)
            want[i] = ct_at(x, CT_INDEX(i / 3 % 2 % rows, i % 3 % columns));
        expect_values(y, want, 24, 0);
        ck_assert_ptr_eq(ct_data(y), ct_data(x)); /* no copy */
        ct_tensor *g = ct_randn(cx, CT_F64, CT_SHAPE(4, 2, 3));
        memset(sums, 0, sizeof sums);
        for (int i = 0; i < 24; i++)
            sums[i / 3 % 2 % rows * columns + i % 3 % columns] +=
                ct_at(g, CT_INDEX(i / 6, i / 3 % 2, i % 3));
        expect_values(ct_sum_to(g, from[k], 2), sums, (int)(rows * columns), 1e-14);
        ct_tensor *v = ct_variable(ct_detach(x));
        ct_backward_from(ct_broadcast_to(v, CT_SHAPE(4, 2, 3)), g);
        expect_values(ct_gradient(v), sums, (int)(rows * columns), 1e-14);
        ct_tensor *w = ct_variable(ct_detach(g));
        ct_backward_from(ct_sum_to(w, from[k], 2), x);
        expect_values(ct_gradient(w), want, 24, 0);
    }
}
END_TEST

START_TEST(of_nothing)
{
    ct_tensor *none = ct_zeros(cx, CT_F64, CT_SHAPE(0, 3));
    expect_values(ct_sum_to(none, CT_SHAPE(3)), CT_DOUBLES(0, 0, 0), 0);
    expect_values(ct_sum_to(none, CT_SHAPE(1, 1)), CT_DOUBLES(0), 0);
    expect_shape(ct_broadcast_to(ct_zeros(cx, CT_F64, CT_SHAPE(1, 3)), CT_SHAPE(0, 3)),
                 CT_SHAPE(0, 3));
    ct_tensor *x = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(3)));
    ct_tensor *y = ct_broadcast_to(x, CT_SHAPE(0, 3));
    ck_assert_int_eq(ct_backward_from(y, ct_zeros(cx, CT_F64, CT_SHAPE(0, 3))), CT_OK);
    expect_values(ct_gradient(x), CT_DOUBLES(0, 0, 0), 0);
}
END_TEST

START_TEST(cannot_become)
{
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(2, 3));
    ck_assert_ptr_null(ct_broadcast_to(x, CT_SHAPE(4, 3)));
    expect_error(CT_ERROR_SHAPE, "broadcast_to", "(4,3)", "(2,3)", NULL);
    ck_assert_ptr_null(ct_broadcast_to(x, CT_SHAPE(2, 1)));
    expect_error(CT_ERROR_SHAPE, "broadcast_to", "(2,1)", NULL);
    ck_assert_ptr_null(ct_broadcast_to(x, CT_SHAPE(3)));
    expect_error(CT_ERROR_SHAPE, "broadcast_to", "(3)", NULL);
    ck_assert_ptr_null(ct_sum_to(x, CT_SHAPE(2, 2)));
    expect_error(CT_ERROR_SHAPE, "sum_to", "(2,2)", "(2,3)", NULL);
    ck_assert_ptr_null(ct_sum_to(x, CT_SHAPE(1, 2, 3)));
    expect_error(CT_ERROR_SHAPE, "sum_to", "(1,2,3)", NULL);
    ck_assert_ptr_null(ct_sum_to(x, CT_SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1)));
    expect_error(CT_ERROR_RANGE, "sum_to", "9 dimensions", NULL);
    ck_assert_ptr_null(ct_broadcast_to(x, CT_SHAPE(-1, 2, 3)));
    expect_error(CT_ERROR_SHAPE, "broadcast_to", "negative", NULL);
    ck_assert_ptr_null(ct_broadcast_to(x, CT_SHAPE(INT64_MAX / 8, 2, 3)));
    expect_error(CT_ERROR_SHAPE, "broadcast_to", "too many", NULL);
}
END_TEST

/* pairwise: the error of a sum of n numbers grows as log n */
START_TEST(sums_are_accurate)
{
    ct_tensor *x = ct_full(cx, CT_F32, CT_SHAPE(1 << 22), 0.1);
    double exact = (double)0.1f * (1 << 22);
    ck_assert_double_lt(fabs(ct_item(ct_sum_to(x, NULL, 0)) - exact) / exact, 3e-7);
    ct_tensor *rows = ct_sum_to(ct_reshape(x, CT_SHAPE(4, 1 << 20)), CT_SHAPE(4, 1));
    for (int i = 0; i < 4; i++)
        ck_assert_double_lt(fabs(ct_at(rows, CT_INDEX(i, 0)) * 4 - exact) / exact, 3e-7);
    for (int64_t n = 1; n < 600; n++) /* every way a run can end */
        ck_assert_double_eq(ct_item(ct_sum_to(ct_range(cx, CT_F64, n), NULL, 0)),
                            (double)(n * (n - 1) / 2));
    ct_tensor *n = ct_from_ints(cx, CT_SHAPE(2), CT_INTS(INT64_MAX, 1));
    ck_assert(ct_item_int(ct_sum_to(n, NULL, 0)) == INT64_MIN);
    ck_assert_ptr_null(ct_sum_to(ct_ones(cx, CT_BOOL, CT_SHAPE(2)), NULL, 0));
    expect_error(CT_ERROR_DTYPE, "sum_to", "bool", NULL);
}
END_TEST

Suite *arithmetic_suite(void);
Suite *arithmetic_suite(void)
{
    return make_suite("autograd/arithmetic", (const TTest *[]){
        add, add_errors, an_adjoint_pair, of_nothing, cannot_become, sums_are_accurate, NULL });
}
