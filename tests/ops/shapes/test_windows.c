/* ops/shapes/windows.c: windows of every size and step against the definition, and their fold. */
#include "moved.h"

START_TEST(windows_of_any_size)
{
    for (int k = 0; k < 2 * 7 * 8; k++) {
        int axis = k % 2;
        int64_t size = k / 2 % 7 + 1, step = k / 14 + 1, n = 7;
        ct_tensor *x = numbered(axis ? (int64_t[]){ 2, n } : (int64_t[]){ n, 2 }, 2);
        ct_tensor *y = ct_windows(x, axis - 2, size, step);
        int64_t count = (n - size) / step + 1;
        expect_shape(y, (int64_t[]){ axis ? 2 : count, axis ? count : 2, size }, 3);
        for (int64_t i = 0; i < count; i++)
            for (int64_t j = 0; j < size; j++) {
                const int64_t to[] = { axis ? 1 : i, axis ? i : 1, j }, k0 = i * step + j;
                const int64_t at[] = { axis ? 1 : k0, axis ? k0 : 1 };
                ck_assert(ct_at(y, to, 3) == ct_at(x, at, 2));
            }
        expect_gradient(y, x);
    }
}
END_TEST

START_TEST(windows_lie_in_x)
{
    ct_tensor *x = ct_zeros(cx, CT_I64, CT_SHAPE(6));
    ck_assert_int_eq(ct_fill(ct_windows(x, 0, 3, 3), 1), CT_OK);
    ct_tensor *y = ct_windows(x, 0, 3, 2);
    ck_assert(shares(y, x));
    ck_assert_int_eq(ct_fill(y, 1), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "fill", "read-only", NULL);
    ck_assert_int_eq(ct_fill(ct_select(y, 0, 0), 1), CT_ERROR_VALUE); /* a part of them too */
    ct_error_clear(cx);
    expect_shape(ct_windows(ct_zeros(cx, CT_F32, CT_SHAPE(0, 5)), 1, 2, 2), CT_SHAPE(0, 2, 2));
    expect_shape(ct_windows(x, 0, 2, INT64_MAX), CT_SHAPE(1, 2));
    /* a convolution */
    ct_tensor *w = ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(1, -1));
    ct_tensor *v = ct_variable(ct_square(ct_range(cx, CT_F64, 5))), *g;
    ct_tensor *c = ct_matmul(ct_windows(v, 0, 2, 1), w);
    expect_values(c, CT_DOUBLES(-1, -3, -5, -7), 0);
    ck_assert_int_eq(ct_grad(ct_sum(ct_square(c)), NULL, &v, 1, CT_CREATE_GRAPH, &g), CT_OK);
    expect_values(g, CT_DOUBLES(-2, -4, -4, -4, 14), 0);
}
END_TEST

/* folded windows of ones count how many windows an element lies in; of any numbers, <fold x, v> =
 * <x, windows v> */
START_TEST(folds)
{
    ct_tensor *x = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(3, 3)));
    expect_values(ct_fold_windows(x, 0, 7, 2), CT_DOUBLES(1, 1, 2, 1, 2, 1, 1), 0);
    expect_values(ct_fold_windows(x, 0, 9, 2), CT_DOUBLES(1, 1, 2, 1, 2, 1, 1, 0, 0), 0);
    expect_values(ct_fold_windows(x, 0, 5, 1), CT_DOUBLES(1, 2, 3, 2, 1), 0);
    expect_values(ct_fold_windows(x, 0, 11, 4), CT_DOUBLES(1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1), 0);
    for (int64_t step = 1; step < 6; step++)
        for (int64_t size = 1; size < 6; size++) {
            int64_t n = 3 * step + size;
            ct_tensor *v = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(2, n, 3))), *gx, *gv;
            ct_tensor *u = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(2, 4, 3, size)));
            ct_tensor *a = ct_sum(ct_mul(ct_fold_windows(u, 1, n, step), v));
            ct_tensor *b = ct_sum(ct_mul(u, ct_windows(v, 1, size, step)));
            ck_assert_double_le(fabs(ct_item(a) - ct_item(b)), 1e-13);
            ck_assert_int_eq(ct_grad(a, NULL, &u, 1, 0, &gx), CT_OK);
            ck_assert_double_le(ct_max_difference(gx, ct_windows(v, 1, size, step)), 0);
            ck_assert_int_eq(ct_grad(b, NULL, &v, 1, 0, &gv), CT_OK);
            ck_assert_double_le(ct_max_difference(gv, ct_fold_windows(u, 1, n, step)), 0);
        }
}
END_TEST

/* 1,000 f32 in one place: a plain sum of them is off by some 100 roundings */
START_TEST(folds_many)
{
    ct_tensor *x = ct_full(cx, CT_F32, CT_SHAPE(1000, 1000), 0.1);
    double is = ct_at(ct_fold_windows(x, 0, 1999, 1), CT_INDEX(999));
    ck_assert_double_le(fabs(is - 1000 * (double)0.1f), 0x1p-24 * 100);
    ct_tensor *many = ct_full(cx, CT_I64, CT_SHAPE(3, 2), 0x1p62);
    expect_values(ct_fold_windows(many, 0, 4, 1), CT_DOUBLES(0x1p62, -0x1p63, -0x1p63, 0x1p62), 0);
    ct_tensor *empty = ct_zeros(cx, CT_F32, CT_SHAPE(2, 0));
    expect_values(ct_fold_windows(empty, 0, 3, 1), CT_DOUBLES(0, 0, 0), 0);
    ct_tensor *none = ct_variable(ct_zeros(cx, CT_F64, CT_SHAPE(0, 2))), *g;
    ck_assert_int_eq(ct_grad(ct_sum(ct_fold_windows(none, 0, 3, 1)), NULL, &none, 1, 0, &g), CT_OK);
    expect_shape(g, CT_SHAPE(0, 2));
}
END_TEST

START_TEST(errors)
{
    ct_tensor *x = ct_named(ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), "w1");
    ck_assert_ptr_null(ct_windows(x, 1, 4, 1));
    expect_error(CT_ERROR_VALUE, "windows: size must be positive and at most 3, got 4: w1 (2,3)",
                 NULL);
    ck_assert_ptr_null(ct_windows(x, 1, 0, 1));
    expect_error(CT_ERROR_VALUE, "windows: size must be positive", "got 0", NULL);
    ck_assert_ptr_null(ct_windows(x, 1, 2, 0));
    expect_error(CT_ERROR_VALUE, "windows: step must be positive, got 0", NULL);
    ck_assert_ptr_null(ct_windows(x, 2, 2, 1));
    expect_error(CT_ERROR_RANGE, "windows: axis 2", NULL);
    ct_tensor *most = ct_ones(cx, CT_F32, CT_SHAPE(1, 1, 1, 1, 1, 1, 1, 2));
    ck_assert_ptr_null(ct_windows(most, 7, 2, 1));
    expect_error(CT_ERROR_RANGE, "windows: 9 dimensions", NULL);
    ck_assert_ptr_null(ct_fold_windows(x, 0, 3, 1));
    expect_error(CT_ERROR_SHAPE,
                 "fold_windows: 2 windows of 3 elements do not fit into 3 at step 1: w1 (2,3)",
                 NULL);
    ck_assert_ptr_null(ct_fold_windows(x, 0, -1, 1));
    expect_error(CT_ERROR_SHAPE, "fold_windows", NULL);
    ck_assert_ptr_null(ct_fold_windows(x, 0, 100, INT64_MAX));
    expect_error(CT_ERROR_SHAPE, "fold_windows", NULL);
    ck_assert_ptr_null(ct_fold_windows(x, 0, 9, -1));
    expect_error(CT_ERROR_VALUE, "fold_windows: step must be positive, got -1", NULL);
    ck_assert_ptr_null(ct_fold_windows(x, 1, 9, 1));
    expect_error(CT_ERROR_RANGE, "fold_windows: axis 1 of 1 dimension", NULL);
    ck_assert_ptr_null(ct_fold_windows(ct_ones(cx, CT_F32, CT_SHAPE(3)), 0, 9, 1));
    expect_error(CT_ERROR_SHAPE, "fold_windows: x must have two dimensions", NULL);
    ck_assert_ptr_null(ct_fold_windows(ct_ones(cx, CT_BOOL, CT_SHAPE(2, 2)), 0, 9, 1));
    expect_error(CT_ERROR_DTYPE, "fold_windows: bool has no sums", NULL);
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(5))), *g;
    ct_tensor *y = ct_fold_windows(ct_windows(x, 0, 2, 1), 0, 6, 1);
    ct_grad(ct_sum(ct_square(y)), NULL, &x, 1, CT_CREATE_GRAPH, &g);
    ct_backward(ct_sum(y));
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *windows_suite(void);
Suite *windows_suite(void)
{
    return make_suite("windows", (const TTest *const[]){
        windows_of_any_size, windows_lie_in_x, folds, folds_many, errors, out_of_memory, NULL });
}
