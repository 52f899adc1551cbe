/* ops/shapes/flip.c, split.c, and what move_axes.c and reshape.c compose: values, gradients,
 * messages. */
#include "moved.h"

START_TEST(flattens)
{
    ct_tensor *x = numbered(CT_SHAPE(2, 3, 4));
    ct_tensor *y = ct_flatten(x, 0, -1);
    expect_shape(y, CT_SHAPE(24));
    ck_assert(shares(y, x));
    expect_shape(ct_flatten(x, 1, 2), CT_SHAPE(2, 12));
    expect_shape(ct_flatten(x, -3, -2), CT_SHAPE(6, 4));
    expect_shape(ct_flatten(x, 1, 1), CT_SHAPE(2, 3, 4));
    expect_shape(ct_flatten(ct_scalar(cx, CT_I64, 7), 0, -1), CT_SHAPE(1));
    y = ct_flatten(ct_transpose(x), 1, 2);
    expect_values(ct_select(y, 0, 0), CT_DOUBLES(1, 5, 9, 2, 6, 10, 3, 7, 11, 4, 8, 12), 0);
    expect_gradient(y, x);
    expect_shape(ct_flatten(ct_zeros(cx, CT_F32, CT_SHAPE(2, 0, 3)), 1, 2), CT_SHAPE(2, 0));
    ck_assert_ptr_null(ct_flatten(x, 2, 1));
    expect_error(CT_ERROR_SHAPE, "flatten: axes 2 to 1 cannot become one: (2,3,4)", NULL);
}
END_TEST

START_TEST(axes_change_places)
{
    ct_tensor *x = numbered(CT_SHAPE(2, 3, 4));
    ct_tensor *y = ct_swap_axes(x, 0, -1);
    expect_shape(y, CT_SHAPE(4, 3, 2));
    ck_assert(shares(y, x));
    ck_assert(ct_at(y, CT_INDEX(3, 1, 0)) == ct_at(x, CT_INDEX(0, 1, 3)));
    expect_gradient(y, x);
    expect_shape(ct_swap_axes(x, 1, 1), CT_SHAPE(2, 3, 4));
    y = ct_move_axis(x, 0, -1);
    expect_shape(y, CT_SHAPE(3, 4, 2));
    ck_assert(ct_at(y, CT_INDEX(2, 3, 1)) == ct_at(x, CT_INDEX(1, 2, 3)));
    expect_gradient(y, x);
    expect_shape(ct_move_axis(x, -1, 0), CT_SHAPE(4, 2, 3));
    expect_shape(ct_move_axis(x, 1, 0), CT_SHAPE(3, 2, 4));
    expect_shape(ct_move_axis(x, 2, 1), CT_SHAPE(2, 4, 3));
    expect_shape(ct_move_axis(x, 1, 1), CT_SHAPE(2, 3, 4));
}
END_TEST

START_TEST(flips)
{
    ct_tensor *x = numbered(CT_SHAPE(2, 3));
    ct_tensor *y = ct_flip(x, CT_AXES(1));
    expect_values(y, CT_DOUBLES(3, 2, 1, 6, 5, 4), 0);
    ck_assert_int_eq(ct_strides(y)[1], -1); /* a view */
    expect_gradient(y, x);
    y = ct_flip(ct_transpose(x), CT_AXES(0, -1));
    expect_values(y, CT_DOUBLES(6, 3, 5, 2, 4, 1), 0);
    expect_gradient(y, x);
    expect_values(ct_flip(x, NULL, 0), CT_DOUBLES(1, 2, 3, 4, 5, 6), 0);
    expect_shape(ct_flip(ct_zeros(cx, CT_BOOL, CT_SHAPE(0, 2)), CT_AXES(0, 1)), CT_SHAPE(0, 2));
    expect_shape(ct_flip(ct_zeros(cx, CT_F32, CT_SHAPE((int64_t)1 << 52, 3, 0)), CT_AXES(0, 1)),
                 CT_SHAPE((int64_t)1 << 52, 3, 0));
    ct_no_grad(cx);
    ck_assert_int_eq(ct_set(ct_flip(x, CT_AXES(0, 1)), CT_INDEX(0, 0), 60), CT_OK);
    ck_assert(ct_at(x, CT_INDEX(1, 2)) == 60);
}
END_TEST

START_TEST(splits)
{
    ct_tensor *x = numbered(CT_SHAPE(2, 5)), *y[4];
    ck_assert_int_eq(ct_split(x, CT_SIZES(2, -1, 0, 1), -1, y), CT_OK);
    expect_values(y[0], CT_DOUBLES(1, 2, 6, 7), 0);
    expect_values(y[1], CT_DOUBLES(3, 4, 8, 9), 0);
    expect_shape(y[2], CT_SHAPE(2, 0));
    expect_values(y[3], CT_DOUBLES(5, 10), 0);
    ck_assert(shares(y[0], x));
    expect_gradient(y[1], x);
    ct_tensor *sum = ct_sum(ct_add(ct_square(y[0]), ct_mul(y[1], y[3]))), *g;
    ck_assert_int_eq(ct_grad(sum, NULL, &x, 1, 0, &g), CT_OK);
    expect_values(g, CT_DOUBLES(2, 4, 5, 5, 7, 12, 14, 10, 10, 17), 0);
    ck_assert_int_eq(ct_split(x, CT_SIZES(2, 3, -1), 1, y), CT_OK); /* nothing is left */
    expect_shape(y[2], CT_SHAPE(2, 0));
    ck_assert_int_eq(ct_split(ct_zeros(cx, CT_F32, CT_SHAPE(0)), NULL, 0, 0, y), CT_OK);
}
END_TEST

START_TEST(unbinds)
{
    ct_tensor *x = numbered(CT_SHAPE(3, 2)), *y[3];
    ck_assert_int_eq(ct_unbind(x, 0, y, 3), CT_OK);
    for (int i = 0; i < 3; i++)
        expect_values(y[i], (double[]){ 2 * i + 1, 2 * i + 2 }, 2, 0);
    expect_gradient(y[2], x);
    ck_assert_int_eq(ct_unbind(x, -1, y, 2), CT_OK);
    expect_values(y[1], CT_DOUBLES(2, 4, 6), 0);
    expect_gradient(ct_stack(CT_TENSORS(y[1], y[0]), 1), x);
}
END_TEST

START_TEST(grids)
{
    ct_tensor *x[] = { numbered(CT_SHAPE(2)), numbered(CT_SHAPE(3)), numbered(NULL, 0) }, *y[3], *g;
    ck_assert_int_eq(ct_meshgrid(x, 3, y), CT_OK);
    for (int i = 0; i < 3; i++)
        expect_shape(y[i], CT_SHAPE(2, 3, 1));
    expect_values(y[0], CT_DOUBLES(1, 1, 1, 2, 2, 2), 0);
    expect_values(y[1], CT_DOUBLES(1, 2, 3, 1, 2, 3), 0);
    expect_values(y[2], CT_DOUBLES(1, 1, 1, 1, 1, 1), 0);
    for (int i = 0; i < 3; i++)
        expect_gradient(y[i], x[i]);
    ck_assert(shares(y[0], x[0]));
    ct_tensor *f = ct_sum(ct_mul(ct_square(y[0]), y[1]));
    ck_assert_int_eq(ct_grad(f, NULL, x, 1, 0, &g), CT_OK);
    expect_values(g, CT_DOUBLES(12, 24), 0);
}
END_TEST

/* on failure all results are NULL */
static void expect_none(ct_tensor **y, int n)
{
    for (int i = 0; i < n; i++) {
        ck_assert_ptr_null(y[i]);
        y[i] = ct_scalar(cx, CT_F64, 1);
    }
}

START_TEST(errors_of_several_results)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), *none = NULL, *y[3] = { x, x, x };
    static const int64_t wrong[][3] = { { 1, 1, 0 }, { 2, 2, -1 }, { -1, -1, 3 }, { -2, 4, 1 },
                                        { 4, 0, -1 }, { INT64_MAX, INT64_MAX, 5 } };
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(ct_split(x, wrong[i], 3, 1, y), CT_ERROR_SHAPE);
        expect_error(CT_ERROR_SHAPE, "split: the sizes must add up to 3: (2,3)", NULL);
        expect_none(y, 3);
    }
    ck_assert_int_eq(ct_split(x, CT_SIZES(1, 1), 2, y), CT_ERROR_RANGE);
    expect_error(CT_ERROR_RANGE, "split: axis 2 of 2 dimensions: (2,3)", NULL);
    expect_none(y, 2);
    ck_assert_int_eq(ct_split(x, NULL, 2, 1, y), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "split: the sizes", NULL);
    expect_none(y, 2);
    ck_assert_int_eq(ct_split(x, CT_SIZES(1, 1), 0, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "split: there is no room for 2 results", NULL);
    ck_assert_int_eq(ct_split(x, (int64_t[]){ 3 }, -1, 1, y), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "split: there is no room for -1", NULL);
    ck_assert_int_eq(ct_split(NULL, CT_SIZES(1, 1), 0, y), CT_ERROR_NULL);
    expect_none(y, 2);
    ck_assert_int_eq(ct_unbind(x, 0, y, 3), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "unbind: axis 0 has 2 elements, and there is room for 3", NULL);
    expect_none(y, 3);
    ck_assert_int_eq(ct_unbind(NULL, 0, y, 3), CT_ERROR_NULL);
    expect_none(y, 3);
    ck_assert_int_eq(ct_unbind(x, -3, y, 3), CT_ERROR_RANGE);
    expect_error(CT_ERROR_RANGE, "unbind: axis -3", NULL);
    ck_assert_int_eq(ct_meshgrid(CT_TENSORS(ct_scalar(cx, CT_F32, 1), x), y), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "meshgrid: operand 2 must have 0 or 1 dimensions: (2,3)", NULL);
    expect_none(y, 2);
    ck_assert_int_eq(ct_meshgrid(CT_TENSORS(NULL, x), y), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "meshgrid: operand 1 is NULL", NULL);
    expect_none(y, 2);
    ck_assert_int_eq(ct_meshgrid(&none, 1, y), CT_ERROR_NULL);
    ck_assert_int_eq(ct_meshgrid(NULL, 1, y), CT_ERROR_NULL);
    expect_none(y, 1);
    expect_ok(); /* there was no context to tell */
    ck_assert_int_eq(ct_meshgrid(&x, 9, (ct_tensor *[9]){ NULL }), CT_ERROR_RANGE);
    expect_error(CT_ERROR_RANGE, "meshgrid: there must be at most 8 inputs, got 9", NULL);
}
END_TEST

START_TEST(errors)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2, 3));
    ck_assert_ptr_null(ct_flatten(x, 1, 0));
    expect_error(CT_ERROR_SHAPE, "flatten: axes 1 to 0 cannot become one: (2,3)", NULL);
    ck_assert_ptr_null(ct_flatten(x, 0, 2));
    expect_error(CT_ERROR_RANGE, "flatten: axis 2 of 2 dimensions: (2,3)", NULL);
    ck_assert_ptr_null(ct_swap_axes(x, 0, 2));
    expect_error(CT_ERROR_RANGE, "swap_axes: axis 2 of 2 dimensions: (2,3)", NULL);
    ck_assert_ptr_null(ct_move_axis(ct_scalar(cx, CT_F32, 1), 0, 0));
    expect_error(CT_ERROR_RANGE, "move_axis: axis 0 of 0 dimensions: ()", NULL);
    ck_assert_ptr_null(ct_flip(x, CT_AXES(0, -2)));
    expect_error(CT_ERROR_RANGE, "flip: axis 0 is given twice: (2,3)", NULL);
    ck_assert_ptr_null(ct_flip(x, CT_AXES(2)));
    expect_error(CT_ERROR_RANGE, "flip: axis 2 of 2 dimensions", NULL);
    ck_assert_ptr_null(ct_flip(x, NULL, 1));
    expect_error(CT_ERROR_NULL, "flip", NULL);
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2, 3))), *y[6];
    ct_tensor *flat = ct_flatten(ct_swap_axes(ct_move_axis(x, 0, 1), 0, 1), 0, -1);
    if (ct_split(ct_flip(flat, CT_AXES(0)), CT_SIZES(2, -1), 0, y) != CT_OK ||
        ct_unbind(flat, 0, y + 2, 2) == CT_OK)
        return;
    ct_error_clear(c);
    if (ct_meshgrid(CT_TENSORS(y[0], y[1]), y + 2) == CT_OK)
        ct_backward(ct_sum(ct_mul(y[2], y[3])));
}

static void use_unbind(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2, 3))), *y[2];
    if (ct_unbind(x, 0, y, 2) == CT_OK)
        ct_backward(ct_sum(ct_mul(y[0], y[1])));
    else
        ck_assert(!y[0] && !y[1]);
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
    for_each_failing_allocation(use_unbind);
}
END_TEST

/* a recorded cotangent is copied into its place, and not added to zeros there */
START_TEST(a_negative_zero_stays_one)
{
    ct_tensor *x = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(3))), *g;
    ct_tensor *gy = ct_variable(ct_full(cx, CT_F64, CT_SHAPE(1), -0.0));
    ct_tensor *y = ct_slice(x, 0, 1, 2, 1);
    ck_assert_int_eq(ct_grad(y, gy, &x, 1, CT_CREATE_GRAPH, &g), CT_OK);
    ck_assert(!signbit(ct_at(g, CT_INDEX(0))) && signbit(ct_at(g, CT_INDEX(1))));
}
END_TEST

Suite *views_suite(void);
Suite *views_suite(void)
{
    return make_suite("views", (const TTest *const[]){
        flattens, axes_change_places, flips, splits, unbinds, grids, errors_of_several_results,
        errors, a_negative_zero_stays_one, out_of_memory, NULL });
}
