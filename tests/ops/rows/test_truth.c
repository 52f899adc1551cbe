/* ops/rows/truth.c: any, all and count_nonzero, of each dtype. */
#include "support.h"

START_TEST(of_each_dtype)
{
    for (int dtype = CT_F32; dtype <= CT_BOOL; dtype++) {
        ct_tensor *x = ct_from_doubles(cx, (ct_dtype)dtype, CT_SHAPE(3, 2),
                                       CT_DOUBLES(0, 0, 1, 0, 1, 1));
        ct_tensor *y = ct_count_nonzero_over(x, CT_AXES(1), 0);
        ck_assert_int_eq(ct_dtype_of(y), CT_I64);
        expect_values(y, CT_DOUBLES(0, 1, 2), 0);
        expect_values(ct_count_nonzero_over(x, CT_AXES(0), CT_KEEPDIMS), CT_DOUBLES(2, 1), 0);
        expect_values(ct_count_nonzero(x), CT_DOUBLES(3), 0);
        y = ct_any_over(x, CT_AXES(-1), CT_KEEPDIMS);
        ck_assert_int_eq(ct_dtype_of(y), CT_BOOL);
        expect_shape(y, CT_SHAPE(3, 1));
        expect_values(y, CT_DOUBLES(0, 1, 1), 0);
        y = ct_all_over(x, CT_AXES(1), 0);
        ck_assert_int_eq(ct_dtype_of(y), CT_BOOL);
        expect_values(y, CT_DOUBLES(0, 0, 1), 0);
        expect_values(ct_any(x), CT_DOUBLES(1), 0);
        expect_values(ct_all(x), CT_DOUBLES(0), 0);
    }
    expect_ok();
}
END_TEST

START_TEST(of_nan_and_small_numbers)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(4), CT_DOUBLES(NAN, 5e-324, -0., INFINITY));
    expect_values(ct_count_nonzero(x), CT_DOUBLES(3), 0);
    expect_values(ct_any(ct_slice(x, 0, 0, 1, 1)), CT_DOUBLES(1), 0);
    expect_values(ct_all(ct_slice(x, 0, 0, 2, 1)), CT_DOUBLES(1), 0);
    expect_values(ct_any(ct_slice(x, 0, 2, 3, 1)), CT_DOUBLES(0), 0);
    ck_assert(!ct_requires_grad(ct_any(ct_variable(x))));
    ck_assert(!ct_requires_grad(ct_count_nonzero(x)));
}
END_TEST

START_TEST(of_nothing)
{
    ct_tensor *x = ct_zeros(cx, CT_F32, CT_SHAPE(2, 0));
    expect_values(ct_any_over(x, CT_AXES(1), 0), CT_DOUBLES(0, 0), 0);
    expect_values(ct_all_over(x, CT_AXES(1), 0), CT_DOUBLES(1, 1), 0);
    expect_values(ct_count_nonzero(x), CT_DOUBLES(0), 0);
    expect_shape(ct_all_over(x, CT_AXES(0), 0), CT_SHAPE(0));
}
END_TEST

START_TEST(wrong_arguments)
{
    ct_tensor *x = ct_zeros(cx, CT_BOOL, CT_SHAPE(2));
    ck_assert_ptr_null(ct_any_over(x, CT_AXES(1), 0));
    expect_error(CT_ERROR_RANGE, "any: axis 1", NULL);
    ck_assert_ptr_null(ct_all_over(x, CT_AXES(0), CT_UNBIASED));
    expect_error(CT_ERROR_VALUE, "all: flags", NULL);
    ck_assert_ptr_null(ct_count_nonzero_over(x, CT_AXES(-2), 0));
    expect_error(CT_ERROR_RANGE, "count_nonzero: axis -2", NULL);
    ck_assert_ptr_null(ct_all(NULL));
    expect_ok();
}
END_TEST

Suite *truth_suite(void);
Suite *truth_suite(void)
{
    return make_suite("truth", (const TTest *const[]){
        of_each_dtype, of_nan_and_small_numbers, of_nothing, wrong_arguments, NULL });
}
