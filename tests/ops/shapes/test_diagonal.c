/* ops/shapes/diagonal.c and triangle.c: every offset and pair of axes against the definition, and
 * messages. */
#include "moved.h"

/* of x (2,3,4,5) every pair of axes, every offset that finds something and some that do not */
START_TEST(diagonals_of_any_axes)
{
    const int64_t sizes[] = { 2, 3, 4, 5 };
    ct_tensor *x = numbered(sizes, 4);
    for (int k = 0; k < 16 * 13; k++) {
        int a = k / 4 % 4, b = k % 4;
        int64_t offset = k / 16 - 6, at[4], n = 0;
        if (a == b)
            continue;
        ct_tensor *y = ct_diagonal(x, offset, a - 4, b);
        while (n - (offset < 0 ? offset : 0) < sizes[a] && n + (offset > 0 ? offset : 0) < sizes[b])
            n++;
        ck_assert_int_eq(ct_ndim(y), 3);
        ck_assert_int_eq(ct_size(y, 2), n);
        for (int64_t i = 0; i < ct_count(y); i++) {
            const int64_t to[] = { i / n / ct_size(y, 1), i / n % ct_size(y, 1), i % n };
            for (int d = 0, own = 0; d < 4; d++)
                at[d] = d == a   ? to[2] - (offset < 0 ? offset : 0)
                        : d == b ? to[2] + (offset > 0 ? offset : 0)
                                 : to[own++];
            ck_assert(ct_at(y, to, 3) == ct_at(x, at, 4));
        }
        expect_gradient(y, x);
    }
}
END_TEST

START_TEST(a_diagonal_is_a_view)
{
    ct_tensor *x = ct_zeros(cx, CT_I64, CT_SHAPE(2, 3));
    ck_assert_int_eq(ct_fill(ct_diagonal(x, 1, 0, 1), 7), CT_OK);
    expect_values(x, CT_DOUBLES(0, 7, 0, 0, 0, 7), 0);
    ct_tensor *vast = ct_zeros(cx, CT_F32, CT_SHAPE(1 << 27, 1 << 27, 0));
    expect_shape(ct_diagonal(vast, -7, 0, 1), CT_SHAPE(0, (1 << 27) - 7));
    expect_shape(ct_diagonal(x, INT64_MIN, 0, 1), CT_SHAPE(0));
    expect_shape(ct_diagonal(x, INT64_MAX, 0, 1), CT_SHAPE(0));
}
END_TEST

START_TEST(embeds)
{
    ct_tensor *x = numbered(CT_SHAPE(2, 2));
    ct_tensor *y = ct_diag_embed(x, 0, -2, -1);
    expect_shape(y, CT_SHAPE(2, 2, 2));
    expect_values(y, CT_DOUBLES(1, 0, 0, 2, 3, 0, 0, 4), 0);
    expect_gradient(y, x);
    y = ct_diag_embed(x, 1, 0, 1); /* (3,3,2) */
    expect_values(ct_diagonal(y, 1, 0, 1), CT_DOUBLES(1, 2, 3, 4), 0);
    ck_assert(ct_item(ct_sum(y)) == 10);
    expect_gradient(y, x);
    y = ct_diag_embed(x, -1, 2, 0);
    expect_shape(y, CT_SHAPE(3, 2, 3));
    ck_assert(ct_at(y, CT_INDEX(1, 1, 2)) == 4); /* the rows are along axis 2 */
    expect_gradient(y, x);
    expect_shape(ct_diag_embed(ct_zeros(cx, CT_F32, CT_SHAPE(0)), 2, 0, 1), CT_SHAPE(2, 2));
    ct_tensor *truth = ct_ones(cx, CT_BOOL, CT_SHAPE(2));
    expect_values(ct_diag_embed(truth, 0, 0, 1), CT_DOUBLES(1, 0, 0, 1), 0);
}
END_TEST

START_TEST(diags)
{
    ct_tensor *x = numbered(CT_SHAPE(2)), *m = numbered(CT_SHAPE(2, 3));
    expect_values(ct_diag(x, -1), CT_DOUBLES(0, 0, 0, 1, 0, 0, 0, 2, 0), 0);
    expect_gradient(ct_diag(x, -1), x);
    expect_values(ct_diag(m, 1), CT_DOUBLES(2, 6), 0);
    expect_gradient(ct_diag(m, 1), m);
}
END_TEST

/* tall and wide, one and several, as they lie and transposed, every offset */
START_TEST(triangles)
{
    static const int64_t shapes[][3] = { { 2, 3, 4 }, { 3, 5, 2 }, { 1, 4, 4 }, { 2, 1, 6 } };
    for (int k = 0; k < 4 * 2 * 15; k++) {
        ct_tensor *x = numbered(shapes[k % 4], 3), *t = k / 4 % 2 ? ct_transpose(x) : x;
        int64_t offset = k / 8 - 7, rows = ct_size(t, 1), columns = ct_size(t, 2);
        ct_tensor *lower = ct_tril(t, offset), *upper = ct_triu(t, offset);
        for (int64_t i = 0; i < ct_count(t); i++) {
            const int64_t at[] = { i / columns / rows, i / columns % rows, i % columns };
            double is = ct_at(t, at, 3);
            ck_assert(ct_at(lower, at, 3) == (at[2] <= at[1] + offset ? is : 0));
            ck_assert(ct_at(upper, at, 3) == (at[2] >= at[1] + offset ? is : 0));
        }
        expect_gradient(lower, x);
        expect_gradient(upper, x);
    }
}
END_TEST

START_TEST(triangles_of_anything)
{
    ct_tensor *x = ct_full(cx, CT_F32, CT_SHAPE(2, 2), INFINITY);
    expect_values(ct_tril(x, -1), CT_DOUBLES(0, 0, INFINITY, 0), 0);
    x = ct_full(cx, CT_F64, CT_SHAPE(2, 2), NAN);
    expect_values(ct_triu(x, 1), CT_DOUBLES(0, NAN, 0, 0), 0);
    expect_values(ct_triu(ct_ones(cx, CT_BOOL, CT_SHAPE(2, 2)), 1), CT_DOUBLES(0, 1, 0, 0), 0);
    x = ct_ones(cx, CT_I64, CT_SHAPE(2, 2));
    expect_values(ct_tril(x, INT64_MIN), CT_DOUBLES(0, 0, 0, 0), 0);
    expect_values(ct_tril(x, INT64_MAX), CT_DOUBLES(1, 1, 1, 1), 0);
    expect_values(ct_triu(x, INT64_MIN), CT_DOUBLES(1, 1, 1, 1), 0);
    expect_values(ct_triu(x, INT64_MAX), CT_DOUBLES(0, 0, 0, 0), 0);
    expect_shape(ct_triu(ct_zeros(cx, CT_F32, CT_SHAPE(0, 3, 0)), 0), CT_SHAPE(0, 3, 0));
    ct_tensor *y = ct_tril(ct_expand(ct_ones(cx, CT_F32, CT_SHAPE(1)), CT_SHAPE(2, 2)), 0);
    expect_values(y, CT_DOUBLES(1, 0, 1, 1), 0);
}
END_TEST

START_TEST(errors)
{
    ct_tensor *x = ct_named(ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), "w1");
    ct_tensor *one = ct_ones(cx, CT_F32, CT_SHAPE(3)), *none = ct_scalar(cx, CT_F32, 1);
    ck_assert_ptr_null(ct_diagonal(x, 0, 1, -1));
    expect_error(CT_ERROR_RANGE, "diagonal: axis 1 is given twice: w1 (2,3)", NULL);
    ck_assert_ptr_null(ct_diagonal(one, 0, 0, 1));
    expect_error(CT_ERROR_RANGE, "diagonal: axis 1 of 1 dimension: (3)", NULL);
    ck_assert_ptr_null(ct_diag_embed(none, 0, 0, 1));
    expect_error(CT_ERROR_SHAPE, "diag_embed: x must have at least one dimension", NULL);
    ck_assert_ptr_null(ct_diag_embed(one, 0, 0, 2));
    expect_error(CT_ERROR_RANGE, "diag_embed: axis 2 of 2 dimensions: (3)", NULL);
    ck_assert_ptr_null(ct_diag_embed(one, INT64_MIN, 0, 1));
    expect_error(CT_ERROR_SHAPE, "diag_embed: too many elements: (3)", NULL);
    ck_assert_ptr_null(ct_diag_embed(one, INT64_MAX - 3, 0, 1));
    expect_error(CT_ERROR_SHAPE, "diag_embed", NULL);
    ct_tensor *most = ct_ones(cx, CT_F32, CT_SHAPE(1, 1, 1, 1, 1, 1, 1, 2));
    ck_assert_ptr_null(ct_diag_embed(most, 0, 0, 1));
    expect_error(CT_ERROR_RANGE, "diag_embed: 9 dimensions", NULL);
    ck_assert_ptr_null(ct_diag(most, 0));
    expect_error(CT_ERROR_SHAPE, "diag: x must have 1 or 2 dimensions, got 8", NULL);
    ck_assert_ptr_null(ct_tril(one, 0));
    expect_error(CT_ERROR_SHAPE, "tril: x must have two dimensions or more: (3)", NULL);
    ck_assert_ptr_null(ct_triu(none, 0));
    expect_error(CT_ERROR_SHAPE, "triu: x must have two dimensions or more", NULL);
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(3, 4))), *g;
    ct_tensor *y = ct_diag(ct_diag(ct_triu(ct_tril(x, 2), -1), 1), 1);
    ct_grad(ct_sum(ct_square(y)), NULL, &x, 1, CT_CREATE_GRAPH, &g);
    ct_backward(ct_sum(y));
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *diagonal_suite(void);
Suite *diagonal_suite(void)
{
    return make_suite("diagonal", (const TTest *const[]){
        diagonals_of_any_axes, a_diagonal_is_a_view, embeds, diags, triangles,
        triangles_of_anything, errors, out_of_memory, NULL });
}
