/* cholesky */
#include "matrix_checks.h"

START_TEST(it_is_the_factor)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F64, CT_SHAPE(3, 3),
                                   CT_DOUBLES(4, 12, -16, 12, 37, -43, -16, -43, 98));
    expect_values(ct_cholesky(a), CT_DOUBLES(2, 0, 0, 6, 1, 0, -8, 5, 3), 1e-14);
    for (int n = 0; n <= 80; n += n < 6 ? 1 : 37) /* by LAPACK from 64 on */
        for (int k = 0; k < 2; k++) {
            ct_tensor *x = positive_matrix(k ? CT_F32 : CT_F64, n, 1), *l = ct_cholesky(x);
            expect_product(l, ct_transpose(l), x, 2 + n);
        }
}
END_TEST

START_TEST(only_the_lower_triangle_is_read)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 2), CT_DOUBLES(4, NAN, 2, 5));
    expect_values(ct_cholesky(a), CT_DOUBLES(2, 0, 1, 2), 0);
    ct_variable(a);
    ck_assert_int_eq(ct_backward(ct_sum(ct_cholesky(a))), CT_OK);
    ck_assert(isfinite(ct_item(ct_sum(ct_gradient(a)))));
}
END_TEST

/* d log det a = <a^-1, da>, and log det a = 2 sum log l_ii: the gradient is a^-1, all of it */
START_TEST(the_gradient_is_symmetric)
{
    ct_tensor *a = ct_variable(positive_matrix(CT_F64, 5, 1)), *g;
    ct_tensor *l = ct_cholesky(a), *diagonal = ct_sum_over(ct_mul(l, ct_eye(cx, CT_F64, 5)),
                                                           CT_AXES(-1), 0);
    ct_tensor *y = ct_scale(ct_sum(ct_log(diagonal)), 2);
    ck_assert_int_eq(ct_grad(y, NULL, &a, 1, 0, &g), CT_OK);
    expect_close(g, ct_inverse(ct_detach(a)), 1e3);
    ck_assert_int_eq(ct_grad(ct_sum(l), NULL, &a, 1, 0, &g), CT_OK);
    ck_assert(ct_max_difference(g, ct_transpose(g)) == 0);
}
END_TEST

static ct_tensor *of_symmetric(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_cholesky(ct_scale(ct_add(x[0], ct_transpose(x[0])), 0.5));
}

START_TEST(its_derivatives_are_those_along_symmetric_matrices)
{
    expect_right(of_symmetric, NULL, positive_matrix(CT_F64, 3, 2));
    expect_right(of_symmetric, NULL, ct_scale(positive_matrix(CT_F64, 2, 1), 1e6));
}
END_TEST

START_TEST(sizes_of_all_kinds)
{
    static const double scales[] = { 1e-300, 1e-150, 1e150, 1e300 };
    for (int k = 0; k < 4; k++) {
        ct_tensor *a = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(4, 2, 2, 5));
        ct_tensor *l = ct_cholesky(ct_scale(a, scales[k]));
        expect_values(ct_scale(l, 1 / sqrt(scales[k])), CT_DOUBLES(2, 0, 1, 2), 1e-14);
    }
    expect_shape(ct_cholesky(ct_zeros(cx, CT_F32, CT_SHAPE(3, 0, 0))), CT_SHAPE(3, 0, 0));
    expect_values(ct_cholesky(ct_full(cx, CT_F64, CT_SHAPE(1, 1), 9)), CT_DOUBLES(3), 0);
}
END_TEST

START_TEST(messages)
{
    ct_tensor *large = ct_eye(cx, CT_F64, 70);
    ct_set(large, CT_INDEX(67, 67), -2);
    ck_assert_ptr_null(ct_cholesky(large));
    expect_error(CT_ERROR_VALUE, "matrix 0 is not positive definite: pivot 67 is -2", NULL);
    ct_tensor *good = positive_matrix(CT_F64, 2, 1);
    ct_tensor *a = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(1, 2, 2, 1));
    ck_assert_ptr_null(ct_cholesky(ct_stack(CT_TENSORS(good, good, a, a), 0)));
    expect_error(CT_ERROR_VALUE, "cholesky: matrix 2 is not positive definite: pivot 1 is -3: "
                                 "(4,2,2)", NULL);
    ck_assert_ptr_null(ct_cholesky(ct_zeros(cx, CT_F32, CT_SHAPE(2, 2))));
    expect_error(CT_ERROR_VALUE, "matrix 0", "pivot 0 is 0", NULL);
    ck_assert_ptr_null(ct_cholesky(ct_ones(cx, CT_F32, CT_SHAPE(2, 3))));
    expect_error(CT_ERROR_SHAPE, "cholesky: the matrices are not square: (2,3)", NULL);
    ck_assert_ptr_null(ct_cholesky(ct_ones(cx, CT_F32, CT_SHAPE(2))));
    expect_error(CT_ERROR_SHAPE, "cholesky: a matrix has two dimensions or more: (2)", NULL);
    ck_assert_ptr_null(ct_cholesky(ct_ones(cx, CT_I64, CT_SHAPE(2, 2))));
    expect_error(CT_ERROR_DTYPE, "cholesky", "ct_cast", NULL);
}
END_TEST

START_TEST(not_finite)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F64, CT_SHAPE(3, 2, 2),
                                   CT_DOUBLES(4, 2, 2, 5, 4, 2, NAN, 5, INFINITY, 0, 0, 1));
    ct_tensor *l = ct_cholesky(a);
    expect_values(ct_select(l, 0, 0), CT_DOUBLES(2, 0, 1, 2), 0);
    expect_nan(ct_slice(l, 0, 1, 3, 1));
    expect_ok();
}
END_TEST

static ct_tensor *factor(ct_tensor *x)
{
    ct_tensor *eye = ct_eye(cx, CT_F64, ct_size(x, -1));
    return ct_cholesky(ct_add(ct_matmul(x, ct_transpose(x)), eye));
}

START_TEST(matrix_by_matrix)
{
    expect_matrix_by_matrix(factor, 3, 3);
}
END_TEST

Suite *cholesky_suite(void);
Suite *cholesky_suite(void)
{
    return make_suite("cholesky", (const TTest *const[]){
        matrix_by_matrix,
        it_is_the_factor, only_the_lower_triangle_is_read, the_gradient_is_symmetric,
        its_derivatives_are_those_along_symmetric_matrices, sizes_of_all_kinds, messages,
        not_finite, NULL });
}
