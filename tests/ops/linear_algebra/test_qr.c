/* qr and lstsq */
#include "matrix_checks.h"

static const int64_t sizes[][2] = { { 1, 1 }, { 3, 3 }, { 5, 2 }, { 2, 5 },
                                    { 40, 13 }, { 13, 40 }, { 90, 70 }, { 70, 90 } };
enum { SIZES = sizeof sizes / sizeof *sizes };

static void expect_triangle(ct_tensor *r)
{
    for (int64_t i = 0; i < ct_size(r, 0); i++)
        for (int64_t j = 0; j <= i; j++) {
            double element = ct_at(r, CT_INDEX(i, j));
            ck_assert(i == j ? element >= 0 : element == 0);
        }
}

START_TEST(factors)
{
    for (int k = 0; k < 2 * SIZES; k++) {
        const int64_t *size = sizes[k / 2];
        ct_tensor *a = random_matrix(k % 2 ? CT_F32 : CT_F64, size[0], size[1], 4), *q, *r;
        ck_assert_int_eq(ct_qr(a, &q, &r), CT_OK);
        expect_orthonormal(q, 30);
        expect_triangle(r);
        expect_product(q, r, a, 30);
    }
}
END_TEST

/* columns of 0, and those that others make up; of sizes whose squares no float can be */
START_TEST(any_matrix_has_factors)
{
    static const double scales[] = { 1, 1e-300, 1e300 };
    for (int k = 0; k < 3; k++) {
        ct_tensor *a = ct_scale(ct_from_doubles(cx, CT_F64, CT_SHAPE(3, 3),
                                                CT_DOUBLES(1, 0, 2, 2, 0, 4, -2, 0, -4)),
                                scales[k]), *q, *r;
        ck_assert_int_eq(ct_qr(a, &q, &r), CT_OK);
        expect_orthonormal(q, 10);
        expect_triangle(r);
        ct_tensor *one = ct_scale(r, 1 / scales[k]);
        expect_values(ct_select(one, 0, 0), CT_DOUBLES(3, 0, 6), 1e-14);
    }
    ct_tensor *q, *r;
    /* numbers near 0 have few bits, but columns of them have a direction */
    const double few[] = { 1, 0, 0, 5e-322, 0, 3e-322, 0, -4e-322 };
    ck_assert_int_eq(ct_qr(ct_from_doubles(cx, CT_F64, CT_SHAPE(4, 2), few, 8), &q, &r), CT_OK);
    expect_orthonormal(q, 10);
    ck_assert_int_eq(ct_qr(ct_zeros(cx, CT_F32, CT_SHAPE(2, 3, 0)), &q, &r), CT_OK);
    expect_shape(q, CT_SHAPE(2, 3, 0));
    expect_shape(r, CT_SHAPE(2, 0, 0));
}
END_TEST

static ct_tensor *only_q(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *q = NULL, *r = NULL;
    (void)c, (void)n;
    ct_qr(x[0], user ? NULL : &q, &r);
    return user ? r : q;
}

START_TEST(one_result_alone)
{
    for (int k = 1; k < 4; k++) {
        ct_tensor *a = random_matrix(CT_F64, sizes[k][0], sizes[k][1], 7);
        expect_right(only_q, NULL, a);
        expect_right(only_q, cx, a);
    }
}
END_TEST

START_TEST(messages)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(3)), *q = x, *r = x, *g;
    ck_assert_int_eq(ct_qr(x, &q, &r), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "qr: a matrix has two dimensions or more: (3)", NULL);
    ck_assert(!q && !r);
    ct_tensor *a = ct_variable(ct_zeros(cx, CT_F64, CT_SHAPE(2, 2)));
    ck_assert_int_eq(ct_qr(a, &q, NULL), CT_OK);
    ck_assert_int_ne(ct_grad(ct_sum(q), NULL, &a, 1, 0, &g), CT_OK);
    expect_error(CT_ERROR_VALUE, "matrix 0 is singular: pivot", NULL);
    a = ct_full(cx, CT_F64, CT_SHAPE(2, 2), NAN);
    ck_assert_int_eq(ct_qr(a, &q, &r), CT_OK);
    expect_nan(q);
    expect_nan(r);
}
END_TEST

/* -- lstsq: the residual is orthogonal to a's columns, or y to a's null space */
START_TEST(least_squares)
{
    for (int k = 0; k < 2 * SIZES; k++) {
        const int64_t *size = sizes[k / 2];
        ct_dtype dtype = k % 2 ? CT_F32 : CT_F64;
        double unit = dtype == CT_F32 ? 0x1p-24 : 0x1p-53;
        ct_tensor *a = random_matrix(dtype, size[0], size[1], 4);
        ct_tensor *b = random_matrix(dtype, size[0], 2, 5), *y = ct_lstsq(a, b);
        ct_tensor *rest = ct_sub(b, ct_matmul(a, y));
        if (size[0] >= size[1])
            rest = ct_matmul(ct_transpose(a), rest);
        else
            expect_close(ct_matmul(ct_transpose(a), ct_lstsq(ct_transpose(a), y)), y, 1e3);
        ck_assert_double_le(ct_item(ct_max(ct_abs(rest))), 1e3 * unit);
    }
    ct_tensor *line = ct_from_doubles(cx, CT_F64, CT_SHAPE(3, 2), CT_DOUBLES(1, 0, 1, 1, 1, 2));
    ct_tensor *b = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(1, 3, 5));
    expect_values(ct_lstsq(line, b), CT_DOUBLES(1, 2), 1e-14);
    ct_tensor *row = ct_ones(cx, CT_F64, CT_SHAPE(1, 4));
    ct_tensor *eight = ct_full(cx, CT_F64, CT_SHAPE(1), 8);
    expect_values(ct_lstsq(row, eight), CT_DOUBLES(2, 2, 2, 2), 1e-14);
}
END_TEST

START_TEST(messages_of_lstsq)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F32, CT_SHAPE(3, 2), CT_DOUBLES(1, 2, 2, 4, 3, 6));
    ct_tensor *b = ct_ones(cx, CT_F32, CT_SHAPE(3)), *wide = ct_transpose(a);
    ck_assert_ptr_null(ct_lstsq(a, b));
    expect_error(CT_ERROR_VALUE, "lstsq: matrix 0 does not have full rank: pivot 1 is ", NULL);
    ck_assert_ptr_null(ct_lstsq(wide, ct_ones(cx, CT_F32, CT_SHAPE(2))));
    expect_error(CT_ERROR_VALUE, "lstsq: matrix 0 does not have full rank", NULL);
    ck_assert_ptr_null(ct_lstsq(wide, b));
    expect_error(CT_ERROR_SHAPE, "lstsq: takes a (...,m,n) and b (...,m,k)", NULL);
    expect_values(ct_lstsq(ct_zeros(cx, CT_F32, CT_SHAPE(0, 2)), ct_zeros(cx, CT_F32, CT_SHAPE(0))),
                  CT_DOUBLES(0, 0), 0);
    ct_set(a, CT_INDEX(2, 1), NAN);
    expect_nan(ct_lstsq(a, b));
}
END_TEST

static ct_tensor *q_of(ct_tensor *x)
{
    ct_tensor *q = NULL;
    ct_qr(x, &q, NULL);
    return q;
}

static ct_tensor *r_of(ct_tensor *x)
{
    ct_tensor *r = NULL;
    ct_qr(x, NULL, &r);
    return r;
}

START_TEST(matrix_by_matrix)
{
    for (int64_t n = 2; n < 5; n++) {
        expect_matrix_by_matrix(q_of, 3, n);
        expect_matrix_by_matrix(r_of, 3, n);
    }
}
END_TEST

Suite *qr_suite(void);
Suite *qr_suite(void)
{
    return make_suite("qr", (const TTest *const[]){
        matrix_by_matrix,
        factors, any_matrix_has_factors, one_result_alone, messages, least_squares,
        messages_of_lstsq, NULL });
}
