/* ops/products/matmul.c, batch.c and linear.c: values and gradients against plain sums, NumPy's shapes, messages. */
#include "support.h"

static ct_tensor *numbers(int64_t n, const int64_t *shape, int ndim)
{
    ct_tensor *x = ct_linspace(cx, CT_F64, -1, 0.25 * (double)n, n);
    return ct_reshape(x, shape, ndim);
}

/* sum over the last axis of the product, by operators that are no products: a (...,m,k) against
 * b^T (...,n,k) */
static ct_tensor *by_sums(ct_tensor *a, ct_tensor *b)
{
    ct_tensor *terms = ct_mul(ct_unsqueeze(a, -2), ct_unsqueeze(ct_transpose(b), -3));
    return ct_sum_over(terms, CT_AXES(-1), 0);
}

/* y and z are the same: so are their gradients, by kernels and by rules */
static void check_gradients(ct_tensor *y, ct_tensor *z, ct_tensor *const x[2])
{
    ct_tensor *gy = ct_cos(numbers(ct_count(y), ct_shape(y), ct_ndim(y))), *want[2], *gx[2], *gr[2];
    ck_assert_int_eq(ct_grad(y, gy, x, 2, CT_REQUIRE_PATH, gx), CT_OK);
    ck_assert_int_eq(ct_grad(y, gy, x, 2, CT_CREATE_GRAPH, gr), CT_OK);
    ck_assert_int_eq(ct_grad(z, gy, x, 2, CT_REQUIRE_PATH, want), CT_OK);
    for (int i = 0; i < 2; i++) {
        ck_assert_double_le(ct_max_difference(gx[i], want[i]), 1e-12);
        ck_assert_double_le(ct_max_difference(gr[i], want[i]), 1e-12);
    }
}

START_TEST(leading_axes_broadcast)
{
    static const struct {
        int a_ndim, b_ndim;
        int64_t a[5], b[5];
    } cases[] = {
        { 2, 2, { 3, 4 }, { 4, 5 } },          { 3, 2, { 2, 3, 4 }, { 4, 5 } },
        { 2, 3, { 3, 4 }, { 2, 4, 5 } },       { 3, 3, { 2, 3, 4 }, { 2, 4, 5 } },
        { 4, 3, { 2, 1, 3, 4 }, { 3, 4, 5 } }, { 3, 4, { 3, 3, 4 }, { 2, 1, 4, 5 } },
        { 4, 2, { 2, 2, 1, 4 }, { 4, 1 } },    { 3, 3, { 1, 3, 4 }, { 6, 4, 2 } },
        { 5, 5, { 2, 1, 2, 2, 3 }, { 1, 3, 1, 3, 2 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t n = 1, m = 1;
        for (int d = 0; d < cases[i].a_ndim; d++)
            n *= cases[i].a[d];
        for (int d = 0; d < cases[i].b_ndim; d++)
            m *= cases[i].b[d];
        ct_tensor *x[] = { ct_variable(numbers(n, cases[i].a, cases[i].a_ndim)),
                           ct_variable(numbers(m, cases[i].b, cases[i].b_ndim)) };
        ct_tensor *y = ct_matmul(x[0], x[1]), *z = by_sums(x[0], x[1]);
        ck_assert_double_le(ct_max_difference(y, z), 1e-12);
        check_gradients(y, z, x);
    }
}
END_TEST

START_TEST(views_need_no_copy)
{
    ct_tensor *w = numbers(24, CT_SHAPE(2, 3, 4)), *v = numbers(60, CT_SHAPE(5, 4, 3));
    ct_tensor *x[] = { ct_variable(ct_permute(w, CT_AXES(2, 0, 1))),                 /* (4,2,3) */
                       ct_variable(ct_slice(ct_transpose(v), 2, -1, CT_END, -1)) };  /* (5,3,4) */
    x[1] = ct_variable(ct_detach(ct_select(x[1], 0, 2)));                            /* (3,4) */
    ct_tensor *y = ct_matmul(x[0], x[1]), *z = by_sums(x[0], x[1]);
    ck_assert_double_le(ct_max_difference(y, z), 1e-12);
    check_gradients(y, z, x);
    ct_tensor *row = ct_variable(ct_expand(numbers(3, CT_SHAPE(1, 3)), CT_SHAPE(4, 3)));
    ct_tensor *rows[] = { row, x[1] };
    check_gradients(ct_matmul(row, x[1]), by_sums(row, x[1]), rows);
}
END_TEST

START_TEST(one_dimension)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 3), CT_DOUBLES(1, 2, 3, 4, 5, 6));
    ct_tensor *v = ct_from_doubles(cx, CT_F32, CT_SHAPE(3), CT_DOUBLES(1, 0, -1));
    ct_tensor *u = ct_from_doubles(cx, CT_F32, CT_SHAPE(2), CT_DOUBLES(1, -1));
    ct_tensor *y = ct_matmul(a, v);
    expect_shape(y, CT_SHAPE(2));
    expect_values(y, CT_DOUBLES(-2, -2), 0);
    y = ct_matmul(u, a);
    expect_shape(y, CT_SHAPE(3));
    expect_values(y, CT_DOUBLES(-3, -3, -3), 0);
    y = ct_matmul(v, v);
    ck_assert_int_eq(ct_ndim(y), 0);
    ck_assert(ct_item(y) == 2);
    expect_shape(ct_matmul(ct_ones(cx, CT_F32, CT_SHAPE(4, 2, 3)), v), CT_SHAPE(4, 2));
    expect_shape(ct_matmul(u, ct_ones(cx, CT_F32, CT_SHAPE(4, 2, 3))), CT_SHAPE(4, 3));
    ct_variable(v);
    ck_assert_int_eq(ct_backward(ct_sum(ct_matmul(a, v))), CT_OK);
    expect_values(ct_gradient(v), CT_DOUBLES(5, 7, 9), 0);
}
END_TEST

START_TEST(one_dimension_is_a_row_or_a_column)
{
    ct_tensor *v = ct_variable(numbers(3, CT_SHAPE(3)));
    ct_tensor *left[] = { v, ct_variable(numbers(24, CT_SHAPE(2, 3, 4))) };
    ct_tensor *right[] = { ct_variable(numbers(24, CT_SHAPE(4, 2, 3))), v };
    ct_tensor *row = ct_unsqueeze(v, 0), *column = ct_unsqueeze(v, 1);
    check_gradients(ct_matmul(v, left[1]), ct_squeeze(by_sums(row, left[1]), -2), left);
    check_gradients(ct_matmul(right[0], v), ct_squeeze(by_sums(right[0], column), -1), right);
    ct_tensor *both[] = { v, ct_variable(ct_sin(numbers(3, CT_SHAPE(3)))) };
    check_gradients(ct_matmul(v, both[1]), ct_sum(ct_mul(v, both[1])), both);
    ct_tensor *w = numbers(6, CT_SHAPE(3, 2)), *five = ct_expand(w, CT_SHAPE(5, 3, 2)), *g;
    ck_assert_int_eq(ct_grad(ct_sum(ct_matmul(v, five)), NULL, &v, 1, 0, &g), CT_OK);
    ct_tensor *want = ct_scale(ct_sum_over(w, CT_AXES(1), 0), 5);
    ck_assert_double_le(ct_max_difference(g, want), 1e-13);
}
END_TEST

START_TEST(nothing_to_sum)
{
    ct_tensor *a = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(2, 0)));
    ct_tensor *b = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(0, 3)));
    expect_values(ct_matmul(a, b), (double[6]){ 0 }, 6, 0);
    ck_assert_int_eq(ct_backward(ct_sum(ct_matmul(a, b))), CT_OK);
    expect_shape(ct_gradient(a), CT_SHAPE(2, 0));
    ct_tensor *none = ct_ones(cx, CT_F64, CT_SHAPE(0, 2, 3));
    ct_tensor *w = ct_ones(cx, CT_F64, CT_SHAPE(3, 4));
    expect_shape(ct_matmul(none, w), CT_SHAPE(0, 2, 4));
    ck_assert_int_eq(ct_backward(ct_sum(ct_matmul(none, ct_variable(w)))), CT_OK);
    expect_values(ct_gradient(w), (double[12]){ 0 }, 12, 0); /* zeros, not what was in memory */
}
END_TEST

/* d^2/dA^2 of sum (A B)^2 / 2 in direction V is V B B^T */
START_TEST(second_derivatives)
{
    ct_tensor *a = ct_variable(numbers(6, CT_SHAPE(2, 3))), *ga, *h;
    ct_tensor *b = numbers(12, CT_SHAPE(3, 4));
    ct_tensor *v = ct_sin(numbers(6, CT_SHAPE(2, 3)));
    ct_tensor *y = ct_scale(ct_sum(ct_square(ct_matmul(a, b))), 0.5);
    ck_assert_int_eq(ct_grad(y, NULL, &a, 1, CT_CREATE_GRAPH, &ga), CT_OK);
    ck_assert_int_eq(ct_grad(ga, v, &a, 1, 0, &h), CT_OK);
    ck_assert_double_le(ct_max_difference(h, ct_matmul(ct_matmul(v, b), ct_transpose(b))), 1e-12);
}
END_TEST

/* each product twice: one of the two adds its cotangents to those that are there */
START_TEST(cotangents_add_up)
{
    static const ct_activation all[] = { CT_IDENTITY, CT_RELU };
    for (int k = 0; k < 3; k++) {
        ct_tensor *x = ct_variable(numbers(6, CT_SHAPE(2, 3))), *one[3], *two[3];
        ct_tensor *w = ct_variable(numbers(12, CT_SHAPE(4, 3)));
        ct_tensor *b = ct_variable(numbers(4, CT_SHAPE(4))), *of[] = { x, w, b }, *y[2];
        for (int i = 0; i < 2; i++)
            y[i] = k < 2 ? ct_linear_activation(x, w, b, all[k])
                         : ct_matmul(x, ct_reshape(w, CT_SHAPE(3, 4)));
        ct_tensor *first = ct_sum(ct_square(y[0])), *second = ct_sum(ct_square(y[1]));
        int n = k < 2 ? 3 : 2;
        ck_assert_int_eq(ct_grad(first, NULL, of, n, 0, one), CT_OK);
        ck_assert_int_eq(ct_grad(ct_add(first, second), NULL, of, n, 0, two), CT_OK);
        for (int i = 0; i < n; i++)
            ck_assert_double_le(ct_max_difference(ct_scale(one[i], 2), two[i]), 1e-12);
    }
    ct_tensor *a = ct_variable(numbers(9, CT_SHAPE(3, 3))), *g; /* both operands are one tensor */
    ck_assert_int_eq(ct_grad(ct_sum(ct_matmul(a, a)), NULL, &a, 1, 0, &g), CT_OK);
    ct_tensor *ones = ct_ones_like(a), *t = ct_transpose(a);
    ct_tensor *want = ct_add(ct_matmul(ones, t), ct_matmul(t, ones));
    ck_assert_double_le(ct_max_difference(g, want), 1e-13);
}
END_TEST

/* -- linear */
START_TEST(linear_is_matmul_and_bias)
{
    static const ct_activation all[] = { CT_IDENTITY, CT_RELU, CT_TANH, CT_SIGMOID, CT_GELU,
                                         CT_SILU, CT_SOFTPLUS, CT_ELU, CT_LEAKY_RELU };
    static const int64_t shapes[][3] = { { 2, 3, 4 }, { 6, 4 }, { 4 } };
    for (int i = 0; i < 27; i++) {
        int ndim = 3 - i / 9;
        ct_tensor *x = ct_variable(ct_randn(cx, CT_F64, shapes[i / 9], ndim));
        ct_tensor *w = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(5, 4)));
        ct_tensor *b = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(5))), *g[3], *h[3], *gg[3];
        ct_tensor *all_of[] = { x, w, b };
        ct_tensor *y = ct_linear_activation(x, w, b, all[i % 9]);
        ct_tensor *z = ct_activate(ct_add(ct_matmul(x, ct_transpose(w)), b), all[i % 9]);
        ck_assert_double_le(ct_max_difference(y, z), 1e-13);
        ct_tensor *gy = ct_randn(cx, CT_F64, ct_shape(y), ct_ndim(y));
        ck_assert_int_eq(ct_grad(y, gy, all_of, 3, 0, g), CT_OK);
        ck_assert_int_eq(ct_grad(z, gy, all_of, 3, 0, h), CT_OK);
        ck_assert_int_eq(ct_grad(y, gy, all_of, 3, CT_CREATE_GRAPH, gg), CT_OK);
        for (int k = 0; k < 3; k++) {
            ck_assert_double_le(ct_max_difference(g[k], h[k]), 1e-12);
            ck_assert_double_le(ct_max_difference(g[k], gg[k]), 1e-12);
        }
    }
}
END_TEST

START_TEST(bias_is_optional_but_must_not_have_failed)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), *w = ct_ones(cx, CT_F32, CT_SHAPE(1, 3));
    expect_values(ct_linear(x, w, NULL), CT_DOUBLES(3, 3), 0);
    ct_tensor *b = ct_add(x, ct_ones(cx, CT_F32, CT_SHAPE(7)));
    ck_assert_ptr_null(b);
    ck_assert_ptr_null(ct_linear(x, w, b));
    expect_error(CT_ERROR_SHAPE, "add", NULL);
}
END_TEST

START_TEST(dot_products)
{
    ct_tensor *a = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(1, 2, 3)));
    ct_tensor *y = ct_dot(a, a);
    ck_assert(ct_item(y) == 14);
    ck_assert_int_eq(ct_backward(y), CT_OK);
    expect_values(ct_gradient(a), CT_DOUBLES(2, 4, 6), 0);
    ct_tensor *none = ct_zeros(cx, CT_F32, CT_SHAPE(0));
    ck_assert(ct_item(ct_dot(none, none)) == 0);
}
END_TEST

/* -- Accuracy: x and y are 0.1 in all of very many places. A plain sum of so many is off by
 * thousands of roundings */
static void expect_sum(ct_tensor *sums, double want)
{
    double unit = ct_dtype_of(sums) == CT_F32 ? 0x1p-24 : 0x1p-53;
    ct_tensor *off = ct_abs(ct_shift(ct_cast(sums, CT_F64), -want));
    ck_assert_double_le(ct_item(ct_max(off)), 520 * unit * want);
}

START_TEST(the_error_does_not_grow_with_the_depth)
{
    const int64_t n = 50003;
    for (int k = 0; k < 6; k++) {
        ct_dtype dtype = k % 2 ? CT_F64 : CT_F32;
        ct_context_free(cx);
        cx = ct_context_new(&(ct_context_options){ .simd = (ct_simd)(k / 2 + 1) });
        ct_tensor *x = ct_full(cx, dtype, CT_SHAPE(n, 13), 0.1), *t = ct_transpose(x), *g[2];
        ct_tensor *rows = ct_contiguous(t), *v = ct_contiguous(ct_select(t, 0, 0));
        ct_tensor *row = ct_expand(ct_full(cx, dtype, CT_SHAPE(1, 300), 0.1), CT_SHAPE(n, 300));
        double one = ct_at(v, CT_INDEX(0)), want = (double)n * one * one;
        expect_sum(ct_matmul(t, x), want);
        expect_sum(ct_matmul(rows, x), want);
        expect_sum(ct_matmul(rows, ct_transpose(rows)), want);
        expect_sum(ct_matmul(ct_slice(rows, 0, 0, 3, 1), ct_transpose(rows)), want);
        expect_sum(ct_matmul(t, ct_slice(x, 1, 0, 2, 1)), want);
        expect_sum(ct_matmul(v, x), want);
        expect_sum(ct_matmul(v, row), want);
        expect_sum(ct_matmul(rows, v), want);
        expect_sum(ct_matmul(t, v), want);
        expect_sum(ct_dot(v, v), want);
        expect_sum(ct_dot(ct_select(x, 1, 0), ct_select(x, 1, 1)), want);
        ct_tensor *w = ct_variable(ct_full(cx, dtype, CT_SHAPE(13, 13), 0.1));
        ct_tensor *b = ct_variable(ct_full(cx, dtype, CT_SHAPE(13), 0.1));
        ck_assert_int_eq(ct_grad(ct_linear(x, w, b), x, (ct_tensor *[]){ w, b }, 2, 0, g), CT_OK);
        expect_sum(g[0], want);
        expect_sum(g[1], (double)n * one);
        expect_ok();
    }
}
END_TEST

/* Products are summed over an axis along which they do not lie as one: the sum is off by at most
 * twice the root of their number. */
START_TEST(sums_of_many_products)
{
    const int64_t n = 40000;
    ct_tensor *a = ct_permute(ct_full(cx, CT_F32, CT_SHAPE(3, n, 2, 2), 0.1), CT_AXES(1, 0, 2, 3));
    ct_tensor *b = ct_variable(ct_full(cx, CT_F32, CT_SHAPE(3, 2, 3), 0.1)), *g[2];
    ct_tensor *gy = ct_full(cx, CT_F32, CT_SHAPE(n, 3, 2, 3), 0.1), *y[2];
    for (int i = 0; i < 2; i++)
        y[i] = ct_matmul(a, b);
    double one = ct_at(gy, CT_INDEX(0, 0, 0, 0)), want = 2 * (double)n * one * one;
    ck_assert_int_eq(ct_grad(y[0], gy, &b, 1, 0, &g[0]), CT_OK);
    ck_assert_int_eq(ct_grad(ct_add(y[0], y[1]), gy, &b, 1, 0, &g[1]), CT_OK);
    for (int i = 0; i < 2; i++) {
        ct_tensor *off = ct_abs(ct_shift(ct_cast(g[i], CT_F64), -(i + 1) * want));
        ck_assert_double_le(ct_item(ct_max(off)), 404 * 0x1p-24 * want * (i + 1));
    }
    /* each product another, none of a group's size left over */
    ct_tensor *x[] = { ct_variable(ct_permute(ct_randn(cx, CT_F64, CT_SHAPE(2, 3, 101, 4)),
                                              CT_AXES(2, 0, 1, 3))),
                       ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(2, 4, 2))) };
    ct_tensor *z = ct_matmul(x[0], x[1]);
    check_gradients(z, by_sums(x[0], x[1]), x);
}
END_TEST

/* -- Errors */
START_TEST(messages)
{
    ct_tensor *a = ct_ones(cx, CT_F32, CT_SHAPE(3, 4)), *v = ct_ones(cx, CT_F32, CT_SHAPE(4));
    ct_tensor *w = ct_named(ct_ones(cx, CT_F32, CT_SHAPE(5, 2)), "w1");
    ck_assert_ptr_null(ct_matmul(a, w));
    expect_error(CT_ERROR_SHAPE, "matmul: inner sizes differ: (3,4) x w1 (5,2)", NULL);
    ck_assert_ptr_null(ct_matmul(a, ct_scalar(cx, CT_F32, 1)));
    expect_error(CT_ERROR_SHAPE, "matmul", "no dimensions", "(3,4) x ()", NULL);
    ck_assert_ptr_null(ct_matmul(ct_ones(cx, CT_F32, CT_SHAPE(2, 3, 4)),
                                 ct_ones(cx, CT_F32, CT_SHAPE(3, 4, 2))));
    expect_error(CT_ERROR_SHAPE, "matmul", "do not broadcast", "(2,3,4) x (3,4,2)", NULL);
    ck_assert_ptr_null(ct_matmul(a, ct_ones(cx, CT_F64, CT_SHAPE(4, 2))));
    expect_error(CT_ERROR_DTYPE, "matmul", "ct_cast", "f32", "f64", NULL);
    ck_assert_ptr_null(ct_matmul(ct_range(cx, CT_I64, 3), ct_range(cx, CT_I64, 3)));
    expect_error(CT_ERROR_DTYPE, "matmul", "ct_cast", NULL);
    ck_assert_ptr_null(ct_linear(a, w, NULL));
    expect_error(CT_ERROR_SHAPE, "linear: inner sizes differ: (3,4) x w1 (5,2)", NULL);
    ck_assert_ptr_null(ct_linear(a, a, v));
    expect_error(CT_ERROR_SHAPE, "linear", "bias", "(4)", NULL);
    ck_assert_ptr_null(ct_linear(a, v, NULL));
    expect_error(CT_ERROR_SHAPE, "linear: takes x (...,k), w (n,k) and b (n)", NULL);
    ck_assert_ptr_null(ct_dot(v, a));
    expect_error(CT_ERROR_SHAPE, "dot", "ct_matmul", NULL);
    ck_assert_ptr_null(ct_dot(v, ct_ones(cx, CT_F32, CT_SHAPE(3))));
    expect_error(CT_ERROR_SHAPE, "dot: sizes differ: (4) x (3)", NULL);
    ck_assert_ptr_null(ct_activate(a, (ct_activation)99));
    expect_error(CT_ERROR_VALUE, "activate", "99", NULL);
    ck_assert_ptr_null(ct_linear_activation(a, a, NULL, (ct_activation)99));
    expect_error(CT_ERROR_VALUE, "99", NULL);
    ck_assert_ptr_null(ct_matmul(a, NULL));
    expect_error(CT_ERROR_NULL, "matmul", NULL);
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F32, CT_SHAPE(20, 30)));
    ct_tensor *w = ct_variable(ct_ones(c, CT_F32, CT_SHAPE(40, 30))), *g[2];
    ct_tensor *y = ct_linear_activation(x, w, ct_ones(c, CT_F32, CT_SHAPE(40)), CT_TANH);
    ct_tensor *z = ct_sum(ct_matmul(y, ct_transpose(ct_matmul(x, ct_transpose(w)))));
    ct_backward(z);
    ct_tensor *many = ct_permute(ct_ones(c, CT_F32, CT_SHAPE(2, 3, 70, 4)), CT_AXES(2, 0, 1, 3));
    ct_backward(ct_sum(ct_matmul(many, ct_variable(ct_ones(c, CT_F32, CT_SHAPE(2, 4, 2))))));
    ct_grad(ct_dot(ct_select(x, 0, 0), ct_select(w, 0, 0)), NULL, (ct_tensor *[]){ x, w }, 2,
            CT_CREATE_GRAPH, g);
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

/* many small products and a few large ones are shared out differently */
START_TEST(a_batch_is_its_products)
{
    static const int64_t sizes[][4] = { { 150, 12, 30, 25 }, { 2, 260, 230, 200 },
                                        { 7, 90, 80, 70 } };
    ct_context_free(cx);
    cx = ct_context_new(&(ct_context_options){ .threads = 3, .pool_bytes = -1 });
    for (int k = 0; k < 3; k++) {
        const int64_t *size = sizes[k];
        ct_tensor *a = ct_randn(cx, CT_F32, CT_SHAPE(size[0], 1, size[1], size[2]));
        ct_tensor *b = ct_randn(cx, CT_F32, CT_SHAPE(2, size[2], size[3]));
        ct_tensor *y = ct_matmul(a, b);
        for (int64_t i = 0; i < size[0]; i++)
            for (int64_t j = 0; j < 2; j++) {
                ct_tensor *one = ct_matmul(ct_select(ct_select(a, 0, i), 0, 0), ct_select(b, 0, j));
                ck_assert(ct_max_difference(ct_select(ct_select(y, 0, i), 0, j), one) == 0);
            }
    }
    expect_ok();
}
END_TEST

Suite *matmul_suite(void)
{
    const TTest *const tests[] = {
        leading_axes_broadcast, views_need_no_copy, one_dimension,
        one_dimension_is_a_row_or_a_column, nothing_to_sum,
        second_derivatives, cotangents_add_up, linear_is_matmul_and_bias,
        bias_is_optional_but_must_not_have_failed, dot_products,
        the_error_does_not_grow_with_the_depth, sums_of_many_products, messages, out_of_memory,
        a_batch_is_its_products, NULL
    };
    return make_suite("matmul", tests);
}
