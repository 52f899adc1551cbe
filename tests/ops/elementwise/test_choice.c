/* Comparisons and where. */
#include "support.h"

static ct_tensor *doubles(ct_dtype dtype, const double *values, int64_t n)
{
    return ct_from_doubles(cx, dtype, CT_SHAPE(n), values, n);
}

static ct_tensor *(*const comparisons[])(ct_tensor *, ct_tensor *) = { ct_eq, ct_ne, ct_lt,
                                                                       ct_le, ct_gt, ct_ge };

START_TEST(comparisons_of_every_dtype)
{
    static const double a[] = { -3, 1, 1, -2, -3 }, b[] = { -3, -1, 1, 3, -1 };
    static const double want[6][5] = { { 1, 0, 1, 0, 0 }, { 0, 1, 0, 1, 1 }, { 0, 0, 0, 1, 1 },
                                       { 1, 0, 1, 1, 1 }, { 0, 1, 0, 0, 0 }, { 1, 1, 1, 0, 0 } };
    for (int dtype = CT_F32; dtype <= CT_I64; dtype++)
        for (int i = 0; i < 6; i++) {
            ct_tensor *y = comparisons[i](doubles((ct_dtype)dtype, a, 5),
                                          doubles((ct_dtype)dtype, b, 5));
            expect_values(y, want[i], 5, 0);
            ck_assert_int_eq(ct_dtype_of(y), CT_BOOL);
        }
    ct_tensor *p = doubles(CT_BOOL, CT_DOUBLES(0, 0, 1, 1)), *q;
    q = doubles(CT_BOOL, CT_DOUBLES(0, 1, 0, 1));
    expect_values(ct_eq(p, q), CT_DOUBLES(1, 0, 0, 1), 0);
    expect_values(ct_gt(p, q), CT_DOUBLES(0, 0, 1, 0), 0);
}
END_TEST

START_TEST(nan_differs_from_everything)
{
    for (int i = 0; i < 6; i++)
        for (int dtype = CT_F32; dtype <= CT_F64; dtype++) {
            ct_tensor *x = doubles((ct_dtype)dtype, CT_DOUBLES(NAN, NAN, 1));
            ct_tensor *y = doubles((ct_dtype)dtype, CT_DOUBLES(NAN, 1, NAN));
            double is_ne = comparisons[i] == ct_ne;
            expect_values(comparisons[i](x, y), CT_DOUBLES(is_ne, is_ne, is_ne), 0);
        }
}
END_TEST

START_TEST(large_integers_are_told_apart)
{
    const int64_t big = (int64_t)1 << 60;
    ct_tensor *x = ct_from_ints(cx, CT_SHAPE(2), CT_INTS(big, big));
    ct_tensor *y = ct_from_ints(cx, CT_SHAPE(2), CT_INTS(big, big + 1));
    expect_values(ct_lt(x, y), CT_DOUBLES(0, 1), 0);
    ct_tensor *picked = ct_where(ct_lt(x, y), y, x);
    ck_assert(ct_data_i64(picked)[0] == big && ct_data_i64(picked)[1] == big + 1);
}
END_TEST

START_TEST(comparisons_broadcast_and_stride)
{
    static double memory[] = { 0, 1, 2, 3, 4, 5 };
    ct_tensor *column = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 1), CT_DOUBLES(1, 4));
    ct_tensor *row = doubles(CT_F64, CT_DOUBLES(0, 2, 5));
    expect_values(ct_ge(column, row), CT_DOUBLES(1, 0, 0, 1, 1, 0), 0);
    ct_tensor *transposed = ct_borrow(cx, CT_F64, CT_SHAPE(3, 2), memory,
                                      &(ct_borrow_options){ .strides = (int64_t[]){ 1, 3 } });
    expect_values(ct_lt(transposed, ct_scalar(cx, CT_F64, 3)), CT_DOUBLES(1, 0, 1, 0, 1, 0), 0);
    ct_tensor *none = ct_lt(ct_zeros(cx, CT_F32, CT_SHAPE(0, 3)), ct_scalar(cx, CT_F32, 1));
    expect_shape(none, CT_SHAPE(0, 3));
    ct_tensor *eight = ct_ones(cx, CT_F32, CT_SHAPE(2, 1, 1, 1, 1, 1, 1, 1));
    expect_shape(ct_eq(eight, ct_ones(cx, CT_F32, CT_SHAPE(3, 1, 2))),
                 CT_SHAPE(2, 1, 1, 1, 1, 3, 1, 2));
}
END_TEST

START_TEST(comparisons_are_constants)
{
    ct_tensor *x = ct_variable(doubles(CT_F32, CT_DOUBLES(1, 2)));
    ck_assert(!ct_requires_grad(ct_lt(x, x)));
    ct_memory before, after;
    ct_memory_stats(cx, &before);
    ct_eq(x, x);
    ct_memory_stats(cx, &after);
    ck_assert_int_eq(before.nodes, after.nodes);
    expect_ok();
}
END_TEST

START_TEST(comparisons_refuse)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2, 3));
    ck_assert_ptr_null(ct_lt(x, ct_ones(cx, CT_F32, CT_SHAPE(2))));
    expect_error(CT_ERROR_SHAPE, "lt", "(2,3)", "(2)", NULL);
    ck_assert_ptr_null(ct_eq(x, ct_ones(cx, CT_I64, CT_SHAPE(3))));
    expect_error(CT_ERROR_DTYPE, "eq", "f32", "i64", "ct_cast", NULL);
    ck_assert_ptr_null(ct_ge(NULL, x));
    expect_error(CT_ERROR_NULL, "ge", NULL);
}
END_TEST

/* -- where */
START_TEST(where_of_every_dtype)
{
    ct_tensor *c = doubles(CT_BOOL, CT_DOUBLES(1, 0, 0, 1));
    for (int dtype = CT_F32; dtype <= CT_BOOL; dtype++) {
        ct_tensor *a = doubles((ct_dtype)dtype, CT_DOUBLES(1, 1, 0, 0));
        ct_tensor *b = doubles((ct_dtype)dtype, CT_DOUBLES(0, 0, 1, 1));
        ct_tensor *y = ct_where(c, a, b);
        expect_values(y, CT_DOUBLES(1, 0, 1, 0), 0);
        ck_assert_int_eq(ct_dtype_of(y), dtype);
    }
}
END_TEST

START_TEST(where_broadcasts_all_three)
{
    static double memory[] = { 1, 2, 3, 4, 5, 6 };
    ct_tensor *c = ct_from_doubles(cx, CT_BOOL, CT_SHAPE(2, 1), CT_DOUBLES(1, 0));
    ct_tensor *a = ct_variable(doubles(CT_F64, CT_DOUBLES(10, 20, 30)));
    ct_tensor *b = ct_variable(ct_scalar(cx, CT_F64, 7)), *g[2];
    ct_tensor *y = ct_where(c, a, b);
    expect_values(y, CT_DOUBLES(10, 20, 30, 7, 7, 7), 0);
    ct_tensor *gy = ct_borrow(cx, CT_F64, CT_SHAPE(2, 3), memory,
                              &(ct_borrow_options){ .strides = (int64_t[]){ 1, 2 } });
    ct_variable(gy); /* else there is nothing to record, and the kernel is taken both times */
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_grad(y, gy, CT_TENSORS(a, b), flags, g);
        expect_values(g[0], CT_DOUBLES(1, 3, 5), 0);
        expect_values(g[1], CT_DOUBLES(2 + 4 + 6), 0);
    }
}
END_TEST

/* the cotangent of the branch not taken is 0 even where its values, or gy, are not finite */
START_TEST(where_lets_nothing_through)
{
    ct_tensor *c = doubles(CT_BOOL, CT_DOUBLES(1, 0, 1));
    ct_tensor *a = ct_variable(doubles(CT_F32, CT_DOUBLES(1, NAN, 2)));
    ct_tensor *b = ct_variable(doubles(CT_F32, CT_DOUBLES(INFINITY, 3, NAN))), *g[2];
    ct_tensor *y = ct_where(c, a, b);
    ct_tensor *gy = ct_variable(doubles(CT_F32, CT_DOUBLES(INFINITY, NAN, 1)));
    expect_values(y, CT_DOUBLES(1, 3, 2), 0);
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_grad(y, gy, CT_TENSORS(a, b), flags, g);
        expect_values(g[0], CT_DOUBLES(INFINITY, 0, 1), 0);
        expect_values(g[1], CT_DOUBLES(0, NAN, 0), 0);
    }
}
END_TEST

/* the pattern that ops.h gives: sqrt |x|, flat at 0, with a gradient of 0 there and not NaN */
START_TEST(where_twice)
{
    ct_tensor *x = ct_variable(doubles(CT_F64, CT_DOUBLES(0, 4))), *gx;
    ct_tensor *is_zero = ct_eq(x, ct_scalar(cx, CT_F64, 0)), *one = ct_scalar(cx, CT_F64, 1);
    ct_tensor *root = ct_sqrt(ct_abs(ct_where(is_zero, one, x)));
    ct_grad(ct_sum(ct_where(is_zero, ct_scalar(cx, CT_F64, 0), root)), NULL, &x, 1, 0, &gx);
    expect_values(gx, CT_DOUBLES(0, 0.25), 0);
}
END_TEST

START_TEST(where_adds_to_other_uses)
{
    ct_tensor *x = ct_variable(doubles(CT_F64, CT_DOUBLES(1, 2, 3))), *gx;
    ct_tensor *c = doubles(CT_BOOL, CT_DOUBLES(1, 0, 1));
    ct_tensor *y = ct_add(ct_square(x), ct_add(ct_where(c, x, ct_neg(x)), ct_where(c, x, x)));
    ct_grad(ct_sum(y), NULL, &x, 1, 0, &gx);
    expect_values(gx, CT_DOUBLES(2 + 1 + 1, 4 - 1 + 1, 6 + 1 + 1), 0);
}
END_TEST

START_TEST(where_refuses)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2)), *c = ct_ones(cx, CT_BOOL, CT_SHAPE(2));
    ck_assert_ptr_null(ct_where(x, x, x));
    expect_error(CT_ERROR_DTYPE, "where", "bool", "f32", NULL);
    ck_assert_ptr_null(ct_where(c, x, ct_ones(cx, CT_F64, CT_SHAPE(2))));
    expect_error(CT_ERROR_DTYPE, "where", "f64", "ct_cast", NULL);
    ck_assert_ptr_null(ct_where(ct_ones(cx, CT_BOOL, CT_SHAPE(3)), x, x));
    expect_error(CT_ERROR_SHAPE, "where", "(3)", "(2)", NULL);
    ck_assert_ptr_null(ct_where(c, NULL, x));
    expect_error(CT_ERROR_NULL, "where", NULL);
}
END_TEST

Suite *choice_suite(void)
{
    const TTest *const tests[] = {
        comparisons_of_every_dtype, nan_differs_from_everything, large_integers_are_told_apart,
        comparisons_broadcast_and_stride, comparisons_are_constants, comparisons_refuse,
        where_of_every_dtype, where_broadcasts_all_three, where_lets_nothing_through, where_twice,
        where_adds_to_other_uses, where_refuses, NULL
    };
    return make_suite("choice", tests);
}
