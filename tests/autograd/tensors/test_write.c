/* Writing in place, and the caller's memory. */
#include "support.h"

START_TEST(assign_broadcasts)
{
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(2, 3));
    ct_tensor *row = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(1, 2, 3));
    ck_assert_int_eq(ct_assign(x, row), CT_OK);
    expect_values(x, CT_DOUBLES(1, 2, 3, 1, 2, 3), 0);
    ck_assert_int_eq(ct_assign_add(x, -2, row), CT_OK);
    expect_values(x, CT_DOUBLES(-1, -2, -3, -1, -2, -3), 0);
    ck_assert_int_eq(ct_assign(row, x), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "assign", "(3)", "(2,3)", NULL);
    ck_assert_int_eq(ct_assign(x, ct_zeros(cx, CT_F32, CT_SHAPE(3))), CT_ERROR_DTYPE);
    expect_error(CT_ERROR_DTYPE, "assign", "f64", "f32", "ct_cast", NULL);
}
END_TEST

START_TEST(assign_overlapping)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(1, 2, 3, 4));
    ck_assert_int_eq(ct_assign(x, ct_transpose(x)), CT_OK);
    expect_values(x, CT_DOUBLES(1, 3, 2, 4), 0);
    ck_assert_int_eq(ct_assign_add(x, 1, ct_transpose(x)), CT_OK);
    expect_values(x, CT_DOUBLES(2, 5, 5, 8), 0);
    ct_tensor *line = ct_range(cx, CT_F64, 5);
    ck_assert_int_eq(ct_assign(ct_slice(line, 0, 1, 5, 1), ct_slice(line, 0, 0, 4, 1)), CT_OK);
    expect_values(line, CT_DOUBLES(0, 0, 1, 2, 3), 0);
}
END_TEST

START_TEST(into_views)
{
    ct_tensor *x = ct_zeros(cx, CT_F32, CT_SHAPE(3, 3));
    ct_tensor *column = ct_select(x, 1, 1);
    ck_assert_int_eq(ct_fill(column, 2), CT_OK);
    ck_assert_int_eq(ct_set(x, CT_INDEX(-1, -1), 7), CT_OK);
    expect_values(x, CT_DOUBLES(0, 2, 0, 0, 2, 0, 0, 2, 7), 0);
    ck_assert_int_eq(ct_fill(ct_expand(ct_scalar(cx, CT_F32, 1), CT_SHAPE(4)), 2), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "fill", "read-only", NULL);
}
END_TEST

START_TEST(integers)
{
    ct_tensor *n = ct_range(cx, CT_I64, 3);
    ck_assert_int_eq(ct_assign_add(n, 3, ct_from_ints(cx, CT_SHAPE(1), CT_INTS(2))), CT_OK);
    expect_values(n, CT_DOUBLES(6, 7, 8), 0);
    ck_assert_int_eq(ct_assign_add(n, 0.5, n), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "0.5", NULL);
    ck_assert_int_eq(ct_fill(n, NAN), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "i64", "nan", NULL);
    ck_assert_int_eq(ct_set(n, CT_INDEX(0), 1e19), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "set", NULL);
    ck_assert_int_eq(ct_set(n, CT_INDEX(3), 1), CT_ERROR_RANGE);
    expect_error(CT_ERROR_RANGE, "set", "index 3", "(3)", NULL);
    ck_assert_int_eq(ct_set(n, CT_INDEX(0, 0), 1), CT_ERROR_RANGE);
    expect_error(CT_ERROR_RANGE, "2 indices", NULL);
    expect_values(n, CT_DOUBLES(6, 7, 8), 0);
}
END_TEST

START_TEST(mutable_data_bump_the_version)
{
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, 2)), *c = ct_scalar(cx, CT_F64, 3);
    ct_tensor *y = ct_mul(x, c);
    *(double *)ct_data_mutable(c) = 4;
    ck_assert_int_eq(ct_backward(y), CT_ERROR_STALE);
    expect_error(CT_ERROR_STALE, "data_mutable", NULL);
    ck_assert_ptr_null(ct_data_mutable(x));
    expect_error(CT_ERROR_GRAPH, "ct_no_grad", NULL);
    ck_assert_ptr_null(ct_data_mutable(NULL));
}
END_TEST

START_TEST(nulls)
{
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(2));
    ck_assert_int_eq(ct_assign(x, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "assign", NULL);
    ck_assert_int_eq(ct_assign_add(NULL, 1, x), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "assign_add", NULL);
    ck_assert_int_eq(ct_fill(NULL, 1), CT_ERROR_NULL);
    ck_assert_int_eq(ct_set(NULL, NULL, 0, 1), CT_ERROR_NULL);
}
END_TEST

/* -- The caller's memory */
Suite *write_suite(void);
Suite *write_suite(void)
{
    return make_suite("autograd/write", (const TTest *[]){
        assign_broadcasts, assign_overlapping, into_views, integers, mutable_data_bump_the_version,
        nulls, NULL });
}
