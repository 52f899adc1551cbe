/* solve_triangular, solve, inverse */
#include "matrix_checks.h"

/* -- solve_triangular */
/* T as a full matrix */
static ct_tensor *triangle_of(ct_tensor *a, unsigned flags)
{
    int64_t n = ct_size(a, 0);
    ct_tensor *t = ct_zeros_like(a);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            bool inside = flags & CT_UPPER ? j >= i : j <= i;
            bool one = i == j && flags & CT_UNIT_DIAGONAL;
            int64_t r = flags & CT_TRANSPOSED ? j : i, c = flags & CT_TRANSPOSED ? i : j;
            if (inside)
                ct_set(t, CT_INDEX(r, c), one ? 1 : ct_at(a, CT_INDEX(i, j)));
        }
    return t;
}

/* what is not of the triangle is NaN, and the result does not know of it */
static void spoil(ct_tensor *a, unsigned flags)
{
    int64_t n = ct_size(a, 0);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            if ((flags & CT_UPPER ? j < i : j > i) || (i == j && flags & CT_UNIT_DIAGONAL))
                ct_set(a, CT_INDEX(i, j), NAN);
}

START_TEST(triangles_of_all_kinds)
{
    for (unsigned flags = 0; flags < 16; flags++)
        for (int64_t n = 0; n < 12; n += n < 3 ? 1 : 4)
            for (int64_t k = 1; k < 4; k += 2) {
                ct_dtype dtype = n % 2 ? CT_F64 : CT_F32;
                ct_tensor *a = ct_scale(random_matrix(dtype, n, n, 1), 0.3);
                a = ct_add(a, ct_scale(ct_eye(cx, dtype, n), 2));
                ct_tensor *t = triangle_of(a, flags);
                ct_tensor *b = flags & CT_RIGHT ? random_matrix(dtype, k, n, 2)
                                                : random_matrix(dtype, n, k, 2);
                spoil(a, flags);
                ct_tensor *x = ct_solve_triangular(a, b, flags);
                if (flags & CT_RIGHT)
                    expect_product(x, t, b, 30);
                else
                    expect_product(t, x, b, 30);
            }
}
END_TEST

START_TEST(one_column_or_row)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(2, 7, 1, 4));
    ct_tensor *b = ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(2, 9));
    ct_tensor *stack = ct_stack(CT_TENSORS(a, a, a), 0), *x = ct_solve_triangular(a, b, 0);
    expect_shape(x, CT_SHAPE(2));
    expect_values(x, CT_DOUBLES(1, 2), 0);
    expect_values(ct_solve_triangular(a, b, CT_RIGHT), CT_DOUBLES(-0.125, 2.25), 0);
    expect_shape(ct_solve_triangular(stack, b, CT_RIGHT), CT_SHAPE(3, 2));
    expect_shape(ct_solve_triangular(stack, b, CT_UPPER), CT_SHAPE(3, 2));
    expect_shape(ct_solve(stack, b), CT_SHAPE(3, 2));
    expect_values(ct_solve(a, b), CT_DOUBLES(-55, 16), 1e-12);
}
END_TEST

START_TEST(messages_of_solve_triangular)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(1, 0, 2, 0));
    ct_tensor *b = ct_ones(cx, CT_F64, CT_SHAPE(2, 1)), *good = ct_eye(cx, CT_F64, 2);
    ck_assert_ptr_null(ct_solve_triangular(ct_stack(CT_TENSORS(good, a), 0), b, 0));
    expect_error(CT_ERROR_VALUE, "solve_triangular: matrix 1 is singular: pivot 1 is 0: "
                                 "(2,2,2) x (2,1)", NULL);
    expect_values(ct_solve_triangular(a, b, CT_UNIT_DIAGONAL), CT_DOUBLES(1, -1), 0);
    ck_assert_ptr_null(ct_solve_triangular(a, b, 16));
    expect_error(CT_ERROR_VALUE, "flags 0x10 mean nothing here", NULL);
    ck_assert_ptr_null(ct_solve_triangular(a, ct_ones(cx, CT_F64, CT_SHAPE(3, 1)), 0));
    expect_error(CT_ERROR_SHAPE, "solve_triangular: takes a (...,n,n) and b (...,n,k)", NULL);
    ck_assert_ptr_null(ct_solve_triangular(a, b, CT_RIGHT));
    expect_error(CT_ERROR_SHAPE, "b (...,k,n)", NULL);
    ck_assert_ptr_null(ct_solve_triangular(a, ct_scalar(cx, CT_F64, 1), 0));
    expect_error(CT_ERROR_SHAPE, "solve_triangular", NULL);
    ck_assert_ptr_null(ct_solve_triangular(a, ct_ones(cx, CT_F32, CT_SHAPE(2, 1)), 0));
    expect_error(CT_ERROR_DTYPE, "solve_triangular", "ct_cast", NULL);
}
END_TEST

/* -- solve and inverse */
START_TEST(solutions)
{
    for (int64_t n = 0; n <= 80; n += n < 4 ? 1 : 38) /* by LAPACK from 64 on */
        for (int k = 0; k < 2; k++) {
            ct_dtype dtype = k ? CT_F32 : CT_F64;
            ct_tensor *a = random_matrix(dtype, n, n, 5), *b = random_matrix(dtype, n, 3, 6);
            expect_product(a, ct_solve(a, b), b, 20 + (double)n);
            if (n > 0)
                expect_product(a, ct_inverse(a), ct_eye(cx, dtype, n), 20 + (double)n);
        }
    ct_tensor *swap = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(0, 2, 4, 0));
    expect_values(ct_inverse(swap), CT_DOUBLES(0, 0.25, 0.5, 0), 0);
}
END_TEST

/* without the largest pivot, 1e-20 as the first one would leave nothing of the rest */
START_TEST(pivots_are_chosen)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(1e-20, 1, 1, 1));
    ct_tensor *b = ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(1, 2));
    expect_values(ct_solve(a, b), CT_DOUBLES(1, 1), 1e-15);
    ct_tensor *huge = ct_scale(a, 1e300), *tiny = ct_scale(a, 1e-280);
    expect_values(ct_scale(ct_solve(huge, b), 1e300), CT_DOUBLES(1, 1), 1e-15);
    expect_values(ct_scale(ct_solve(tiny, b), 1e-280), CT_DOUBLES(1, 1), 1e-15);
}
END_TEST

/* each matrix with each right-hand side is as they are alone, whatever broadcasts */
START_TEST(leading_axes_broadcast)
{
    ct_tensor *a = ct_randn(cx, CT_F64, CT_SHAPE(3, 1, 4, 4));
    ct_tensor *b = ct_randn(cx, CT_F64, CT_SHAPE(5, 4, 2)), *x = ct_solve(a, b);
    expect_shape(x, CT_SHAPE(3, 5, 4, 2));
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 5; j++) {
            ct_tensor *one = ct_solve(ct_select(ct_select(a, 0, i), 0, 0), ct_select(b, 0, j));
            ck_assert(ct_max_difference(ct_select(ct_select(x, 0, i), 0, j), one) == 0);
        }
}
END_TEST

START_TEST(messages)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 2), CT_DOUBLES(1, 2, 2, 4));
    ct_tensor *good = ct_eye(cx, CT_F32, 2), *b = ct_ones(cx, CT_F32, CT_SHAPE(2, 1));
    ct_tensor *both = ct_reshape(ct_stack(CT_TENSORS(good, good, good, a), 0),
                                 CT_SHAPE(2, 2, 2, 2));
    ck_assert_ptr_null(ct_solve(both, b));
    expect_error(CT_ERROR_VALUE, "solve: matrix 3 is singular: pivot 1 is 0: (2,2,2,2) x (2,1)",
                 NULL);
    ct_tensor *large = ct_eye(cx, CT_F64, 70);
    ct_set(large, CT_INDEX(67, 67), 0);
    ck_assert_ptr_null(ct_inverse(large));
    expect_error(CT_ERROR_VALUE, "matrix 0 is singular: pivot 67 is 0", NULL);
    ck_assert_ptr_null(ct_inverse(a));
    expect_error(CT_ERROR_VALUE, "inverse: matrix 0 is singular: pivot 1 is 0: (2,2)", NULL);
    ck_assert_ptr_null(ct_inverse(b));
    expect_error(CT_ERROR_SHAPE, "inverse: the matrices are not square: (2,1)", NULL);
    ck_assert_ptr_null(ct_solve(b, b));
    expect_error(CT_ERROR_SHAPE, "solve: the matrices are not square", NULL);
    ck_assert_ptr_null(ct_solve(a, ct_ones(cx, CT_F32, CT_SHAPE(3))));
    expect_error(CT_ERROR_SHAPE, "solve: takes a (...,n,n) and b (...,n,k)", NULL);
    ck_assert_ptr_null(ct_solve(both, ct_ones(cx, CT_F32, CT_SHAPE(3, 2, 1))));
    expect_error(CT_ERROR_SHAPE, "solve: leading sizes do not broadcast", NULL);
    ck_assert_ptr_null(ct_solve(ct_ones(cx, CT_F32, CT_SHAPE(2)), b));
    expect_error(CT_ERROR_SHAPE, "solve: a matrix has two dimensions", NULL);
}
END_TEST

START_TEST(not_finite)
{
    ct_tensor *a = ct_eye(cx, CT_F64, 2), *b = ct_ones(cx, CT_F64, CT_SHAPE(2, 2));
    ct_set(b, CT_INDEX(0, 0), NAN);
    ct_tensor *x = ct_solve(a, b);
    expect_values(ct_select(x, 1, 1), CT_DOUBLES(1, 1), 0); /* the other column is as it was */
    ck_assert(isnan(ct_at(x, CT_INDEX(0, 0))));
    ct_set(a, CT_INDEX(0, 1), INFINITY);
    expect_nan(ct_solve(a, b));
    expect_nan(ct_inverse(a));
    expect_nan(ct_solve_triangular(a, b, CT_UPPER));
    expect_values(ct_select(ct_solve_triangular(a, b, 0), 1, 1), CT_DOUBLES(1, 1), 0);
    expect_ok();
}
END_TEST

/* of which there may be any number */
START_TEST(no_right_hand_sides)
{
    const int64_t many = (int64_t)1 << 40;
    ct_tensor *a = ct_eye(cx, CT_F64, 2), *b = ct_zeros(cx, CT_F64, CT_SHAPE(many, 2, 0));
    expect_shape(ct_solve(a, b), CT_SHAPE(many, 2, 0));
    expect_shape(ct_solve_triangular(a, b, 0), CT_SHAPE(many, 2, 0));
    expect_shape(ct_lstsq(a, b), CT_SHAPE(many, 2, 0));
    expect_shape(ct_solve(ct_zeros(cx, CT_F64, CT_SHAPE(2, 2)), b), CT_SHAPE(many, 2, 0));
    expect_ok();
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *a = ct_variable(ct_eye(c, CT_F32, 2)), *b = ct_ones(c, CT_F32, CT_SHAPE(2));
    ct_backward(ct_sum(ct_solve_triangular(a, ct_variable(b), 0)));
    ct_backward(ct_sum(ct_solve(a, b)));
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

START_TEST(matrix_by_matrix)
{
    expect_matrix_by_matrix(ct_inverse, 3, 3);
}
END_TEST

Suite *solve_suite(void);
Suite *solve_suite(void)
{
    return make_suite("solve", (const TTest *const[]){
        matrix_by_matrix,
        triangles_of_all_kinds, one_column_or_row, messages_of_solve_triangular, solutions,
        pivots_are_chosen, leading_axes_broadcast, messages, not_finite,
        no_right_hand_sides, out_of_memory, NULL });
}
