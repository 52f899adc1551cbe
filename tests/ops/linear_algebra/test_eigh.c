/* eigh */
#include "matrix_checks.h"

/* a v = v diag(w), v orthonormal, w ascending, signs settled */
static void expect_decomposition(ct_tensor *a, double roundings)
{
    ct_tensor *w, *v;
    int64_t n = ct_size(a, 0);
    double unit = ct_dtype_of(a) == CT_F32 ? 0x1p-24 : 0x1p-53;
    ck_assert_int_eq(ct_eigh(a, &w, &v), CT_OK);
    expect_orthonormal(v, roundings);
    ct_tensor *off = ct_sub(ct_matmul(a, v), ct_mul(v, ct_unsqueeze(w, 0)));
    double largest = fmax(fabs(ct_at(w, CT_INDEX(0))), fabs(ct_at(w, CT_INDEX(-1))));
    ck_assert_double_le(ct_item(ct_max(ct_abs(off))), roundings * unit * largest);
    for (int64_t j = 0; j < n; j++) {
        double most = ct_item(ct_max(ct_abs(ct_select(v, 1, j))));
        ck_assert(j == 0 || ct_at(w, CT_INDEX(j - 1)) <= ct_at(w, CT_INDEX(j)));
        int64_t i = 0;
        while (fabs(ct_at(v, CT_INDEX(i, j))) < 0.7 * most)
            i++;
        ck_assert(ct_at(v, CT_INDEX(i, j)) > 0);
    }
}

START_TEST(decompositions)
{
    for (int64_t n = 1; n <= 80; n += n < 6 ? 1 : 37) { /* by LAPACK from 64 on */
        ct_tensor *x = random_matrix(CT_F64, n, n, 8), *a = ct_add(x, ct_transpose(x));
        expect_decomposition(a, 60);
        expect_decomposition(ct_cast(a, CT_F32), 60);
        expect_decomposition(ct_scale(a, 1e300), 60);
        expect_decomposition(ct_scale(a, 1e-300), 60);
        expect_decomposition(ct_matmul(x, ct_transpose(x)), 60);
    }
    expect_decomposition(ct_eye(cx, CT_F64, 5), 1);
    expect_decomposition(ct_ones(cx, CT_F64, CT_SHAPE(7, 7)), 30); /* one value of 7, six of 0 */
    expect_decomposition(ct_zeros(cx, CT_F32, CT_SHAPE(3, 3)), 1);
}
END_TEST

/* 2 on the diagonal and -1 beside it: 2 - 2 cos(k pi / (n + 1)) */
START_TEST(known_values)
{
    enum { N = 30 };
    double want[N];
    ct_tensor *a = ct_scale(ct_eye(cx, CT_F64, N), 2), *w;
    for (int i = 0; i < N; i++) {
        want[i] = 2 - 2 * cos((i + 1) * acos(-1) / (N + 1));
        if (i > 0)
            ct_set(a, CT_INDEX(i, i - 1), -1);
        if (i > 0)
            ct_set(a, CT_INDEX(i - 1, i), NAN); /* which is not read */
    }
    ck_assert_int_eq(ct_eigh(a, &w, NULL), CT_OK);
    expect_values(w, want, N, 1e-14);
    ct_tensor *swap = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(0, 1, 1, 0)), *v;
    ck_assert_int_eq(ct_eigh(swap, &w, &v), CT_OK);
    expect_values(w, CT_DOUBLES(-1, 1), 1e-15);
    double r = sqrt(0.5);
    expect_values(v, CT_DOUBLES(r, r, -r, r), 1e-15);
}
END_TEST

static ct_tensor *symmetric(ct_tensor *x)
{
    return ct_scale(ct_add(x, ct_transpose(x)), 0.5);
}

static ct_tensor *one_result(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *w = NULL, *v = NULL;
    (void)c, (void)n;
    ct_eigh(symmetric(x[0]), user ? &w : NULL, user ? NULL : &v);
    return user ? w : v;
}

START_TEST(derivatives_along_symmetric_matrices)
{
    double diagonal[] = { 0, 2, 5 };
    ct_tensor *a = ct_add(diagonal_matrix(CT_F64, diagonal, 3), random_matrix(CT_F64, 3, 3, 1));
    expect_right(one_result, NULL, a);
    expect_right(one_result, cx, a);
}
END_TEST

/* -- Equal values: 2, 2, 5, and any vectors of the first two */
static ct_tensor *degenerate(ct_tensor **w, ct_tensor **v)
{
    double values[] = { 2, 2, 5 };
    ct_tensor *q, *a;
    ck_assert_int_eq(ct_qr(random_matrix(CT_F64, 3, 3, 2), &q, NULL), CT_OK);
    a = ct_matmul(ct_matmul(q, diagonal_matrix(CT_F64, values, 3)), ct_transpose(q));
    a = ct_variable(ct_detach(symmetric(a)));
    ck_assert_int_eq(ct_eigh(a, w, v), CT_OK);
    return a;
}

START_TEST(equal_values_have_a_gradient)
{
    ct_tensor *w, *v, *g, *a = degenerate(&w, &v);
    ct_tensor *both = ct_slice(w, 0, 0, 2, 1), *square = ct_sum(ct_square(w));
    ck_assert_int_eq(ct_grad(square, NULL, &a, 1, 0, &g), CT_OK); /* = sum a_ij^2 */
    expect_close(g, ct_scale(ct_detach(a), 2), 50);
    ct_tensor *top = ct_slice(ct_detach(v), 1, 2, 3, 1);
    ck_assert_int_eq(ct_grad(ct_sum(both), NULL, &a, 1, 0, &g), CT_OK); /* I less the third one */
    ct_tensor *want = ct_sub(ct_eye(cx, CT_F64, 3), ct_matmul(top, ct_transpose(top)));
    ck_assert_double_le(ct_max_difference(g, want), 1e-14);
}
END_TEST

START_TEST(vectors_of_equal_values_have_none)
{
    ct_tensor *w, *v, *g, *gg, *a = degenerate(&w, &v);
    ck_assert_int_eq(ct_grad(ct_sum(ct_select(v, 1, 0)), NULL, &a, 1, 0, &g), CT_OK);
    expect_nan(g);
    ck_assert_int_eq(ct_grad(ct_sum(w), NULL, &a, 1, CT_CREATE_GRAPH, &g), CT_OK);
    ck_assert_int_eq(ct_grad(ct_sum(ct_square(g)), NULL, &a, 1, 0, &gg), CT_OK);
    expect_nan(gg);
    ct_tensor *far = ct_variable(ct_eye(cx, CT_F64, 3)); /* no rounding: exactly equal */
    ck_assert_int_eq(ct_eigh(far, NULL, &v), CT_OK);
    ck_assert_int_eq(ct_grad(ct_sum(v), NULL, &far, 1, 0, &g), CT_OK);
    expect_nan(g);
}
END_TEST

static ct_tensor *top_vector(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *v = NULL;
    (void)c, (void)n, (void)user;
    ct_eigh(symmetric(x[0]), NULL, &v);
    return ct_select(v, 1, 2);
}

START_TEST(other_vectors_keep_theirs)
{
    ct_tensor *w, *v, *a = degenerate(&w, &v);
    ct_verdict verdict = ct_gradcheck(cx, top_vector, NULL, CT_TENSORS(ct_detach(a)), NULL, NULL);
    ck_assert_int_eq(verdict, CT_GRADCHECK_PASS);
}
END_TEST

START_TEST(messages)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), *w = x, *v = x, *g;
    ck_assert_int_eq(ct_eigh(x, &w, &v), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "eigh: the matrices are not square: (2,3)", NULL);
    ck_assert(!w && !v);
    ct_tensor *a = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2, 2),
                                               CT_DOUBLES(1, 0, 0, 2, 1, 0, INFINITY, 1)));
    ck_assert_int_eq(ct_eigh(a, &w, &v), CT_OK);
    expect_values(ct_select(w, 0, 0), CT_DOUBLES(1, 2), 0);
    expect_nan(ct_select(v, 0, 1));
    ck_assert_int_eq(ct_grad(ct_add(ct_sum(w), ct_sum(v)), NULL, &a, 1, 0, &g), CT_OK);
    expect_nan(ct_select(g, 0, 1));
    ck_assert(isfinite(ct_item(ct_sum(ct_select(g, 0, 0)))));
}
END_TEST

static ct_tensor *values_of(ct_tensor *x)
{
    ct_tensor *w = NULL;
    ct_eigh(x, &w, NULL);
    return w;
}

static ct_tensor *vectors_of(ct_tensor *x)
{
    ct_tensor *v = NULL;
    ct_eigh(x, NULL, &v);
    return v;
}

START_TEST(matrix_by_matrix)
{
    expect_matrix_by_matrix(values_of, 3, 3);
    expect_matrix_by_matrix(vectors_of, 3, 3);
}
END_TEST

Suite *eigh_suite(void);
Suite *eigh_suite(void)
{
    return make_suite("eigh", (const TTest *const[]){
        matrix_by_matrix,
        decompositions, known_values, derivatives_along_symmetric_matrices,
        equal_values_have_a_gradient, vectors_of_equal_values_have_none,
        other_vectors_keep_theirs, messages, NULL });
}
