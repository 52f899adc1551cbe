/* ops/shapes/move_axes.c, reshape.c, slice.c and concat.c: views and copies, values, gradients,
 * messages. */
#include "support.h"

static ct_tensor *counted(const int64_t *shape, int ndim) /* 0, 1, 2, ... */
{
    int64_t n = 1;
    for (int d = 0; d < ndim; d++)
        n *= shape[d];
    return ct_reshape(ct_range(cx, CT_F64, n), shape, ndim);
}

static bool shares(const ct_tensor *y, const ct_tensor *x)
{
    return ct_data(y) == ct_data(x);
}

/* the gradient of sum y * (0, 1, 2, ...): entry i tells which y_j took x_i */
static const ct_tensor *places(ct_tensor *y, ct_tensor *x)
{
    ct_zero_grad(x);
    ck_assert_int_eq(ct_backward(ct_sum(ct_mul(y, counted(ct_shape(y), ct_ndim(y))))), CT_OK);
    return ct_gradient(x);
}

/* -- reshape, contiguous */
START_TEST(reshape_views)
{
    ct_tensor *x = ct_variable(counted(CT_SHAPE(2, 6)));
    ct_tensor *y = ct_reshape(x, CT_SHAPE(3, -1, 2));
    ck_assert(shares(y, x));
    expect_shape(y, CT_SHAPE(3, 2, 2));
    expect_values(y, CT_DOUBLES(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), 0);
    expect_values(places(y, x), CT_DOUBLES(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), 0);
    y = ct_reshape(x, CT_SHAPE(1, 1, 12, 1, 1, 1, 1, 1));
    expect_shape(y, CT_SHAPE(1, 1, 12, 1, 1, 1, 1, 1));
    ck_assert_int_eq(ct_ndim(ct_reshape(ct_ones(cx, CT_F32, CT_SHAPE(1, 1)), NULL, 0)), 0);
    expect_shape(ct_reshape(ct_zeros(cx, CT_F32, CT_SHAPE(0, 3)), CT_SHAPE(-1, 3)), CT_SHAPE(0, 3));
    expect_shape(ct_reshape(ct_zeros(cx, CT_F32, CT_SHAPE(0, 3)), CT_SHAPE(7, 0)), CT_SHAPE(7, 0));
    y = ct_reshape(ct_zeros(cx, CT_F32, CT_SHAPE(0, 3)), CT_SHAPE(7, 0)); /* any strides, but set */
    ck_assert(ct_strides(y)[0] == 1 && ct_strides(y)[1] == 1);
}
END_TEST

/* where strides allow it also what is not contiguous stays in place */
START_TEST(reshape_of_what_is_not_contiguous)
{
    ct_tensor *x = ct_variable(counted(CT_SHAPE(4, 6)));
    ct_tensor *part = ct_slice(x, 1, 1, 5, 1); /* (4,4) of rows 6 apart */
    ct_tensor *y = ct_reshape(part, CT_SHAPE(2, 2, 2, 2));
    ck_assert(shares(y, part));
    expect_values(ct_select(ct_select(y, 0, 1), 0, 1), CT_DOUBLES(19, 20, 21, 22), 0);
    ct_tensor *flat = ct_reshape(part, CT_SHAPE(-1));
    ck_assert(!shares(flat, part));
    expect_values(flat, CT_DOUBLES(1, 2, 3, 4, 7, 8, 9, 10, 13, 14, 15, 16, 19, 20, 21, 22), 0);
    ct_tensor *t = ct_reshape(ct_transpose(part), CT_SHAPE(8, 2));
    expect_values(ct_select(t, 0, 1), CT_DOUBLES(13, 19), 0);
    const ct_tensor *g = places(t, x);
    ck_assert(ct_at(g, CT_INDEX(2, 1)) == 2 && ct_at(g, CT_INDEX(0, 0)) == 0);
    ct_tensor *same = ct_expand(ct_ones(cx, CT_F32, CT_SHAPE(1)), CT_SHAPE(2, 3));
    expect_values(ct_reshape(same, CT_SHAPE(3, 2)), CT_DOUBLES(1, 1, 1, 1, 1, 1), 0);
}
END_TEST

START_TEST(reshape_errors)
{
    ct_tensor *x = ct_named(ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), "h");
    ck_assert_ptr_null(ct_reshape(x, CT_SHAPE(4, 2)));
    expect_error(CT_ERROR_SHAPE, "reshape", "6 elements", "h (2,3)", NULL);
    static const int64_t wrong[][3] = { { 2, 1, 1 }, { -1, -1, 1 }, { -2, -3, 1 }, { -1, 4, 1 },
                                        { 0, -1, 1 }, { 6, INT64_MAX, INT64_MAX } };
    for (int i = 0; i < 6; i++) {
        ck_assert_ptr_null(ct_reshape(x, wrong[i], 3));
        expect_error(CT_ERROR_SHAPE, "reshape: the sizes must multiply to 6", NULL);
    }
    ck_assert_ptr_null(ct_reshape(ct_zeros(cx, CT_F32, CT_SHAPE(0, 3)), CT_SHAPE(0, -1)));
    expect_error(CT_ERROR_SHAPE, "reshape: the sizes must multiply to 0", NULL);
    ck_assert_ptr_null(ct_reshape(x, CT_SHAPE(1, 1, 1, 1, 1, 1, 1, 2, 3)));
    expect_error(CT_ERROR_RANGE, "reshape: there must be 0 to 8 dimensions, got 9", NULL);
    ck_assert_ptr_null(ct_reshape(x, NULL, 2));
    expect_error(CT_ERROR_NULL, "reshape", NULL);
    ck_assert_ptr_null(ct_reshape(x, (int64_t[]){ 6 }, -1));
    expect_error(CT_ERROR_NULL, "reshape", NULL);
    ck_assert_ptr_null(ct_reshape(NULL, CT_SHAPE(6)));
    expect_ok();
}
END_TEST

START_TEST(contiguous_copies_only_at_need)
{
    ct_tensor *x = ct_variable(counted(CT_SHAPE(2, 3)));
    ck_assert_ptr_eq(ct_contiguous(x), x);
    ct_tensor *y = ct_contiguous(ct_transpose(x));
    ck_assert(ct_is_contiguous(y) && !shares(y, x));
    expect_values(y, CT_DOUBLES(0, 3, 1, 4, 2, 5), 0);
    expect_values(places(y, x), CT_DOUBLES(0, 2, 4, 1, 3, 5), 0);
    ct_tensor *mask = ct_transpose(ct_gt(x, ct_scalar(cx, CT_F64, 2)));
    expect_values(ct_contiguous(mask), CT_DOUBLES(0, 1, 0, 1, 0, 1), 0);
}
END_TEST

/* -- permute, transpose, squeeze, unsqueeze, expand */
START_TEST(axes_move)
{
    ct_tensor *x = ct_variable(counted(CT_SHAPE(2, 1, 3)));
    ct_tensor *y = ct_permute(x, CT_AXES(-1, 0, 1));
    ck_assert(shares(y, x));
    expect_shape(y, CT_SHAPE(3, 2, 1));
    expect_values(y, CT_DOUBLES(0, 3, 1, 4, 2, 5), 0);
    expect_values(places(y, x), CT_DOUBLES(0, 2, 4, 1, 3, 5), 0);
    y = ct_transpose(x);
    expect_shape(y, CT_SHAPE(2, 3, 1));
    y = ct_squeeze(x, -2);
    expect_shape(y, CT_SHAPE(2, 3));
    expect_values(places(y, x), CT_DOUBLES(0, 1, 2, 3, 4, 5), 0);
    expect_shape(ct_unsqueeze(y, 0), CT_SHAPE(1, 2, 3));
    expect_shape(ct_unsqueeze(y, 2), CT_SHAPE(2, 3, 1));
    expect_shape(ct_unsqueeze(y, -1), CT_SHAPE(2, 3, 1));
    y = ct_expand(x, CT_SHAPE(4, -1, 2, -1));
    expect_shape(y, CT_SHAPE(4, 2, 2, 3));
    ck_assert(shares(y, x));
    ck_assert_int_eq(ct_fill(ct_detach(y), 1), CT_ERROR_VALUE);
    ct_error_clear(cx);
    ck_assert_int_eq(ct_backward(ct_sum(ct_transpose(y))), CT_OK);
    ck_assert(ct_at(ct_gradient(x), CT_INDEX(1, 0, 2)) == 5 + 8);
    ck_assert_int_eq(ct_ndim(ct_permute(ct_scalar(cx, CT_F32, 1), NULL, 0)), 0);
}
END_TEST

START_TEST(eight_dimensions)
{
    ct_tensor *x = counted(CT_SHAPE(2, 1, 2, 1, 2, 1, 2, 1));
    ct_tensor *y = ct_permute(x, CT_AXES(7, 6, 5, 4, 3, 2, 1, 0));
    expect_values(y, CT_DOUBLES(0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), 0);
    ck_assert_ptr_null(ct_unsqueeze(x, 0));
    expect_error(CT_ERROR_RANGE, "unsqueeze: 9 dimensions; 8 are possible", NULL);
    ck_assert_ptr_null(ct_stack(CT_TENSORS(x, x), 0));
    expect_error(CT_ERROR_RANGE, "stack", "9 dimensions", NULL);
}
END_TEST

START_TEST(axes_errors)
{
    ct_tensor *x = ct_named(ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), "w1");
    ck_assert_ptr_null(ct_permute(x, CT_AXES(0)));
    expect_error(CT_ERROR_RANGE, "permute: there must be 2 axes, got 1: w1 (2,3)", NULL);
    ck_assert_ptr_null(ct_permute(x, CT_AXES(0, 2)));
    expect_error(CT_ERROR_RANGE, "permute: axis 2 of 2 dimensions: w1 (2,3)", NULL);
    ck_assert_ptr_null(ct_permute(x, CT_AXES(1, -1)));
    expect_error(CT_ERROR_RANGE, "permute: axis 1 is given twice", NULL);
    ck_assert_ptr_null(ct_permute(x, NULL, 2));
    expect_error(CT_ERROR_NULL, "permute", NULL);
    ck_assert_ptr_null(ct_transpose(ct_ones(cx, CT_F32, CT_SHAPE(3))));
    expect_error(CT_ERROR_SHAPE, "transpose", "(3)", NULL);
    ck_assert_ptr_null(ct_squeeze(x, 1));
    expect_error(CT_ERROR_SHAPE, "squeeze: axis 1 must have size 1, got 3: w1 (2,3)", NULL);
    ck_assert_ptr_null(ct_squeeze(x, 2));
    expect_error(CT_ERROR_RANGE, "squeeze", "axis 2", NULL);
    ck_assert_ptr_null(ct_unsqueeze(x, 3));
    expect_error(CT_ERROR_RANGE, "unsqueeze", "axis 3", NULL);
    ck_assert_ptr_null(ct_expand(x, CT_SHAPE(2, 4)));
    expect_error(CT_ERROR_SHAPE, "expand: cannot become (2,4): w1 (2,3)", NULL);
    ck_assert_ptr_null(ct_expand(x, CT_SHAPE(-1, 2, 3)));
    expect_error(CT_ERROR_SHAPE, "expand: negative", NULL);
    ck_assert_ptr_null(ct_expand(x, NULL, 2));
    expect_error(CT_ERROR_NULL, "expand", NULL);
    ck_assert_ptr_null(ct_transpose(NULL));
    ck_assert_ptr_null(ct_expand(NULL, CT_SHAPE(2)));
    expect_ok();
}
END_TEST

/* -- slice, select */
/* all start, stop and step that matter for 4 elements, against the rule written out: walk from
 * start, as long as stop is not reached and the position is inside */
START_TEST(slices_as_python)
{
    ct_tensor *x = counted(CT_SHAPE(4));
    for (int start = -6; start <= 6; start++)
        for (int stop = -6; stop <= 6; stop++)
            for (int step = -5; step <= 5; step++) {
                double want[8];
                int n = 0, low = step > 0 ? 0 : -1, high = step > 0 ? 4 : 3;
                int i = start < 0 ? start + 4 : start, end = stop < 0 ? stop + 4 : stop;
                i = i < low ? low : i > high ? high : i;
                end = end < low ? low : end > high ? high : end;
                for (; step > 0 ? i < end : step < 0 && i > end; i += step)
                    want[n++] = i;
                ct_tensor *y = step ? ct_slice(x, 0, start, stop, step) : x;
                if (step)
                    expect_values(y, want, n, 0);
            }
}
END_TEST

START_TEST(slices_to_the_end)
{
    ct_tensor *x = ct_variable(counted(CT_SHAPE(2, 4)));
    ct_tensor *y = ct_slice(x, 1, 1, CT_END, 2);
    ck_assert(!ct_is_contiguous(y));
    expect_values(y, CT_DOUBLES(1, 3, 5, 7), 0);
    expect_values(places(y, x), CT_DOUBLES(0, 0, 0, 1, 0, 2, 0, 3), 0);
    y = ct_slice(x, -1, -1, CT_END, -1);
    expect_values(y, CT_DOUBLES(3, 2, 1, 0, 7, 6, 5, 4), 0);
    expect_values(places(y, x), CT_DOUBLES(3, 2, 1, 0, 7, 6, 5, 4), 0);
    expect_shape(ct_slice(x, 0, 0, CT_END, INT64_MAX), CT_SHAPE(1, 4));
    ct_tensor *long_rows = ct_zeros(cx, CT_BOOL, CT_SHAPE(0, CT_MAX_BYTES));
    expect_shape(ct_slice(long_rows, 1, 0, CT_END, INT64_MAX), CT_SHAPE(0, 1));
    expect_shape(ct_slice(long_rows, 1, -1, CT_END, INT64_MIN), CT_SHAPE(0, 1));
    expect_values(ct_slice(x, 0, -1, CT_END, INT64_MIN), CT_DOUBLES(4, 5, 6, 7), 0);
    expect_shape(ct_slice(x, 0, INT64_MIN, INT64_MAX, 1), CT_SHAPE(2, 4));
    y = ct_slice(x, 0, 2, CT_END, 1);
    expect_shape(y, CT_SHAPE(0, 4));
    expect_values(places(y, x), (double[8]){ 0 }, 8, 0);
}
END_TEST

START_TEST(selects)
{
    ct_tensor *x = ct_variable(counted(CT_SHAPE(2, 3)));
    expect_values(ct_select(x, 0, 1), CT_DOUBLES(3, 4, 5), 0);
    ct_tensor *y = ct_select(x, 1, -1);
    expect_values(y, CT_DOUBLES(2, 5), 0);
    expect_values(places(y, x), CT_DOUBLES(0, 0, 0, 0, 0, 1), 0);
    y = ct_select(ct_select(x, 0, 1), 0, 2);
    ck_assert(ct_item(y) == 5);
    ck_assert_int_eq(ct_ndim(y), 0);
}
END_TEST

/* x_i taken by several slices gets the sum, in the walk and, when it is recorded, from the rule */
START_TEST(parts_add_up)
{
    ct_tensor *x = ct_variable(counted(CT_SHAPE(3, 2))), *g[2], *gg;
    ct_tensor *sum = ct_add(ct_slice(x, 0, 0, 2, 1), ct_slice(x, 0, 1, 3, 1));
    ct_tensor *y = ct_sum(ct_square(ct_add(sum, ct_select(x, 0, -1))));
    double want[] = { 12, 18, 32, 44, 52, 70 };
    ck_assert_int_eq(ct_grad(y, NULL, &x, 1, 0, &g[0]), CT_OK);
    ck_assert_int_eq(ct_grad(y, NULL, &x, 1, CT_CREATE_GRAPH, &g[1]), CT_OK);
    expect_values(g[0], want, 6, 0);
    expect_values(g[1], want, 6, 0);
    ck_assert_int_eq(ct_grad(ct_sum(g[1]), NULL, &x, 1, 0, &gg), CT_OK);
    expect_values(gg, CT_DOUBLES(6, 6, 12, 12, 18, 18), 0);
}
END_TEST

START_TEST(slice_errors)
{
    ct_tensor *x = ct_named(ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), "w1");
    ck_assert_ptr_null(ct_slice(x, 0, 0, 2, 0));
    expect_error(CT_ERROR_VALUE, "slice: step must not be 0: w1 (2,3)", NULL);
    ck_assert_ptr_null(ct_slice(x, 2, 0, 2, 1));
    expect_error(CT_ERROR_RANGE, "slice: axis 2", NULL);
    ck_assert_ptr_null(ct_select(x, 1, 3));
    expect_error(CT_ERROR_RANGE, "select: index 3 is out of range for size 3 of axis 1: w1 (2,3)", NULL);
    ck_assert_ptr_null(ct_select(x, 1, -4));
    expect_error(CT_ERROR_RANGE, "select: index -4 is out of range for size 3", NULL);
    ck_assert_ptr_null(ct_select(ct_scalar(cx, CT_F32, 1), 0, 0));
    expect_error(CT_ERROR_RANGE, "select", "axis 0", NULL);
    ck_assert_ptr_null(ct_slice(NULL, 0, 0, 1, 1));
    expect_ok();
}
END_TEST

/* -- concat, stack */
START_TEST(concats)
{
    ct_tensor *a = ct_variable(counted(CT_SHAPE(2, 2))), *b = ct_variable(counted(CT_SHAPE(2, 1)));
    ct_tensor *none = ct_zeros(cx, CT_F64, CT_SHAPE(2, 0));
    ct_tensor *y = ct_concat(CT_TENSORS(a, none, b, ct_transpose(a)), -1);
    expect_shape(y, CT_SHAPE(2, 5));
    expect_values(y, CT_DOUBLES(0, 1, 0, 0, 2, 2, 3, 1, 1, 3), 0);
    expect_values(places(y, b), CT_DOUBLES(2, 7), 0);
    expect_values(places(y, a), CT_DOUBLES(0 + 3, 1 + 8, 5 + 4, 6 + 9), 0);
    ct_tensor *many[20];
    for (int i = 0; i < 20; i++)
        many[i] = i % 2 ? a : b;
    expect_shape(ct_concat(many, 20, 1), CT_SHAPE(2, 30));
    ck_assert_int_eq(ct_backward(ct_sum(ct_concat(many, 20, 1))), CT_OK);
    ct_tensor *ints = ct_range(cx, CT_I64, 2);
    expect_values(ct_concat(CT_TENSORS(ints, ints), 0), CT_DOUBLES(0, 1, 0, 1), 0);
}
END_TEST

START_TEST(stacks)
{
    ct_tensor *a = ct_variable(counted(CT_SHAPE(2, 2))), *b = ct_transpose(a);
    ct_tensor *y = ct_stack(CT_TENSORS(a, b), 0);
    expect_shape(y, CT_SHAPE(2, 2, 2));
    expect_values(y, CT_DOUBLES(0, 1, 2, 3, 0, 2, 1, 3), 0);
    y = ct_stack(CT_TENSORS(a, b), -1);
    expect_values(y, CT_DOUBLES(0, 0, 1, 2, 2, 1, 3, 3), 0);
    expect_values(places(y, a), CT_DOUBLES(0 + 1, 2 + 5, 4 + 3, 6 + 7), 0);
    expect_shape(ct_stack(CT_TENSORS(ct_scalar(cx, CT_F32, 1), ct_scalar(cx, CT_F32, 2)), 0),
                 CT_SHAPE(2));
}
END_TEST

START_TEST(concat_errors)
{
    ct_tensor *a = ct_ones(cx, CT_F32, CT_SHAPE(2, 2)), *b = ct_ones(cx, CT_F32, CT_SHAPE(3, 1));
    ck_assert_ptr_null(ct_concat(CT_TENSORS(a, b), 1));
    expect_error(CT_ERROR_SHAPE, "concat: input 2 does not fit the first: (2,2) x (3,1)", NULL);
    ck_assert_ptr_null(ct_concat(CT_TENSORS(a, ct_ones(cx, CT_F32, CT_SHAPE(2))), 0));
    expect_error(CT_ERROR_SHAPE, "concat", NULL);
    ck_assert_ptr_null(ct_concat(CT_TENSORS(a, ct_ones(cx, CT_F64, CT_SHAPE(2, 2))), 0));
    expect_error(CT_ERROR_DTYPE, "concat", "ct_cast", NULL);
    ck_assert_ptr_null(ct_concat(CT_TENSORS(a, a), 2));
    expect_error(CT_ERROR_RANGE, "concat", "axis 2", NULL);
    ck_assert_ptr_null(ct_stack(CT_TENSORS(a, b), 0));
    expect_error(CT_ERROR_SHAPE, "stack", NULL);
    ck_assert_ptr_null(ct_stack(CT_TENSORS(a, a), 3));
    expect_error(CT_ERROR_RANGE, "stack", "axis 3", NULL);
    ck_assert_ptr_null(ct_concat(CT_TENSORS(a, NULL), 0));
    expect_error(CT_ERROR_NULL, "concat: operand 2 is NULL", NULL);
    ck_assert_ptr_null(ct_concat(NULL, 0, 0));
    expect_ok();
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(4, 6)));
    ct_tensor *flat = ct_reshape(ct_permute(x, CT_AXES(1, 0)), CT_SHAPE(-1));
    ct_tensor *wide = ct_expand(ct_unsqueeze(flat, 0), CT_SHAPE(2, -1));
    ct_tensor *part = ct_contiguous(ct_slice(ct_transpose(wide), 0, -1, CT_END, -2));
    ct_tensor *y = ct_stack(CT_TENSORS(part, part), 1);
    ct_backward(ct_sum(ct_concat(CT_TENSORS(ct_select(y, 1, 0), part), 0)));
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *shape_suite(void)
{
    const TTest *const tests[] = {
        reshape_views, reshape_of_what_is_not_contiguous, reshape_errors,
        contiguous_copies_only_at_need, axes_move, eight_dimensions, axes_errors, slices_as_python,
        slices_to_the_end, selects, parts_add_up, slice_errors, concats, stacks, concat_errors,
        out_of_memory, NULL
    };
    return make_suite("shape", tests);
}
