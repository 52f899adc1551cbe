/* svd */
#include "matrix_checks.h"

static void expect_decomposition(ct_tensor *a, double roundings)
{
    ct_tensor *u, *s, *vt;
    double unit = ct_dtype_of(a) == CT_F32 ? 0x1p-24 : 0x1p-53;
    /* about 6 n rotations work on a row. c and s of each are rounded, so c^2 + s^2 is off by a unit */
    double orthonormal = fmax(roundings, 6.0 * fmin((double)ct_size(a, 0), (double)ct_size(a, 1)));
    ck_assert_int_eq(ct_svd(a, &u, &s, &vt), CT_OK);
    expect_orthonormal(u, orthonormal);
    expect_orthonormal(ct_transpose(vt), orthonormal);
    ct_tensor *again = ct_matmul(ct_mul(u, ct_unsqueeze(s, 0)), vt);
    ck_assert_double_le(ct_max_difference(again, a), roundings * unit * ct_at(s, CT_INDEX(0)));
    for (int64_t j = 0; j < ct_count(s); j++) {
        ck_assert(ct_at(s, CT_INDEX(j)) >= 0);
        ck_assert(j == 0 || ct_at(s, CT_INDEX(j - 1)) >= ct_at(s, CT_INDEX(j)));
        double most = ct_item(ct_max(ct_abs(ct_select(u, 1, j))));
        int64_t i = 0;
        while (fabs(ct_at(u, CT_INDEX(i, j))) < 0.7 * most)
            i++;
        ck_assert(ct_at(u, CT_INDEX(i, j)) > 0);
    }
}

START_TEST(decompositions)
{
    static const int64_t sizes[][2] = { { 1, 1 }, { 2, 2 }, { 5, 2 },   { 2, 5 },  { 1, 4 },
                                        { 4, 1 }, { 7, 7 }, { 40, 25 }, { 9, 30 },
                                        { 70, 66 }, { 65, 80 } };
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        ct_tensor *a = random_matrix(CT_F64, sizes[k][0], sizes[k][1], k);
        expect_decomposition(a, 100);
        expect_decomposition(ct_cast(a, CT_F32), 100);
        expect_decomposition(ct_scale(a, 1e300), 100);
        expect_decomposition(ct_scale(a, 1e-300), 100);
        expect_decomposition(ct_zeros_like(a), 10);
        expect_decomposition(ct_ones_like(a), 100); /* of rank 1 */
    }
    expect_decomposition(ct_matmul(random_matrix(CT_F64, 8, 3, 1), random_matrix(CT_F64, 3, 6, 2)),
                         50);
    /* rows whose products are too small for a number, beside a large one */
    const double small[] = { 1, 0, 0, 0, 1e-200, 1e-200, 0, 0, 1e-200 };
    expect_decomposition(ct_from_doubles(cx, CT_F64, CT_SHAPE(3, 3), small, 9), 100);
}
END_TEST

START_TEST(known_values)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(3, 0, 4, 5)), *s, *u, *vt;
    ck_assert_int_eq(ct_svd(a, NULL, &s, NULL), CT_OK);
    expect_values(s, CT_DOUBLES(3 * sqrt(5), sqrt(5)), 1e-14);
    double values[] = { -1e-200, 3, 1e-5 };
    ck_assert_int_eq(ct_svd(diagonal_matrix(CT_F64, values, 3), &u, &s, &vt), CT_OK);
    ck_assert(ct_at(s, CT_INDEX(0)) == 3 && ct_at(s, CT_INDEX(1)) == 1e-5);
    ck_assert_double_le(fabs(ct_at(s, CT_INDEX(2)) - 1e-200), 1e-214);
    ck_assert_int_eq(ct_svd(ct_zeros(cx, CT_F32, CT_SHAPE(2, 3, 0)), &u, &s, &vt), CT_OK);
    expect_shape(u, CT_SHAPE(2, 3, 0));
    expect_shape(s, CT_SHAPE(2, 0));
    expect_shape(vt, CT_SHAPE(2, 0, 0));
}
END_TEST

static ct_tensor *one_result(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const int *which = user;
    ct_tensor *y[3] = { NULL };
    (void)c, (void)n;
    ct_svd(x[0], *which == 0 ? y : NULL, *which == 1 ? y + 1 : NULL, *which == 2 ? y + 2 : NULL);
    return y[*which];
}

START_TEST(one_result_alone)
{
    double values[] = { 1, 3 };
    for (int64_t rows = 2; rows < 4; rows++)
        for (int which = 0; which < 3; which++) {
            ct_tensor *a = ct_scale(random_matrix(CT_F64, rows, 2, 4), 0.5);
            ct_tensor *d = diagonal_matrix(CT_F64, values, 2);
            a = ct_add(a, ct_slice(ct_concat(CT_TENSORS(d, d), 0), 0, 0, rows, 1));
            expect_right(one_result, &which, a);
            expect_right(one_result, &which, ct_contiguous(ct_transpose(a)));
        }
}
END_TEST

/* -- Where there is no derivative: 3, 3, 1 */
START_TEST(equal_values)
{
    double values[] = { 3, 1, 3 };
    ct_tensor *a = ct_variable(diagonal_matrix(CT_F64, values, 3)), *u, *s, *vt, *g;
    ck_assert_int_eq(ct_svd(a, &u, &s, &vt), CT_OK);
    ck_assert_int_eq(ct_grad(ct_sum(ct_square(s)), NULL, &a, 1, 0, &g), CT_OK); /* sum a_ij^2 */
    expect_close(g, ct_scale(ct_detach(a), 2), 10);
    ck_assert_int_eq(ct_grad(ct_sum(ct_select(u, 1, 0)), NULL, &a, 1, 0, &g), CT_OK);
    expect_nan(g);
    ck_assert_int_eq(ct_grad(ct_sum(ct_select(vt, 0, 1)), NULL, &a, 1, 0, &g), CT_OK);
    expect_nan(g);
    ck_assert_int_eq(ct_grad(ct_sum(ct_select(u, 1, 2)), NULL, &a, 1, 0, &g), CT_OK);
    ck_assert(isfinite(ct_item(ct_sum(g)))); /* of the vector of 1 */
}
END_TEST

/* the sum of the values at a matrix of rank 1 has a kink; its gradient there is u_1 v_1^T */
START_TEST(values_that_vanish)
{
    ct_tensor *a = ct_zeros(cx, CT_F64, CT_SHAPE(3, 2)), *u, *s, *vt, *g;
    ct_set(a, CT_INDEX(1, 0), -2);
    ct_variable(a);
    ck_assert_int_eq(ct_svd(a, &u, &s, &vt), CT_OK);
    ck_assert_int_eq(ct_grad(ct_sum(s), NULL, &a, 1, 0, &g), CT_OK);
    expect_values(g, CT_DOUBLES(0, 0, -1, 0, 0, 0), 1e-15);
    ck_assert_int_eq(ct_grad(ct_sum(ct_select(u, 1, 1)), NULL, &a, 1, 0, &g), CT_OK);
    ck_assert(isnan(ct_item(ct_sum(g))));
    ck_assert_int_eq(ct_grad(ct_sum(ct_select(u, 1, 0)), NULL, &a, 1, 0, &g), CT_OK);
    ck_assert(isfinite(ct_item(ct_sum(g))));
}
END_TEST

START_TEST(messages)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2)), *u = x, *s = x, *vt = x;
    ck_assert_int_eq(ct_svd(x, &u, &s, &vt), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "svd: a matrix has two dimensions or more: (2)", NULL);
    ck_assert(!u && !s && !vt);
    x = ct_full(cx, CT_F32, CT_SHAPE(2, 3), NAN);
    ck_assert_int_eq(ct_svd(x, &u, &s, &vt), CT_OK);
    expect_nan(u);
    expect_nan(s);
    expect_nan(vt);
}
END_TEST

static ct_tensor *u_of(ct_tensor *x)
{
    ct_tensor *u = NULL;
    ct_svd(x, &u, NULL, NULL);
    return u;
}

static ct_tensor *v_of(ct_tensor *x)
{
    ct_tensor *vt = NULL;
    ct_svd(x, NULL, NULL, &vt);
    return vt;
}

START_TEST(matrix_by_matrix)
{
    for (int64_t n = 2; n < 5; n++) {
        expect_matrix_by_matrix(u_of, 3, n);
        expect_matrix_by_matrix(v_of, 3, n);
    }
}
END_TEST

Suite *svd_suite(void);
Suite *svd_suite(void)
{
    return make_suite("svd", (const TTest *const[]){
        matrix_by_matrix,
        decompositions, known_values, one_result_alone, equal_values, values_that_vanish, messages,
        NULL });
}
