/* ops/shapes/pad.c, repeat.c, and roll of flip.c: copies of elements in other places. */
#include "moved.h"

START_TEST(rolls)
{
    ct_tensor *x = numbered(CT_SHAPE(2, 3));
    expect_values(ct_roll(x, 1, 1), CT_DOUBLES(3, 1, 2, 6, 4, 5), 0);
    expect_values(ct_roll(x, -1, -1), CT_DOUBLES(2, 3, 1, 5, 6, 4), 0);
    expect_values(ct_roll(x, 3, 0), CT_DOUBLES(4, 5, 6, 1, 2, 3), 0);
    for (int64_t shift = -7; shift < 8; shift++) {
        ct_tensor *y = ct_roll(ct_transpose(x), shift, 0);
        ck_assert(ct_at(y, CT_INDEX(((shift + 1) % 3 + 3) % 3, 1)) == 5);
        expect_gradient(y, x);
    }
    ck_assert(ct_at(ct_roll(x, INT64_MIN, 0), CT_INDEX(0, 0)) == 1);
    expect_gradient(ct_roll(x, INT64_MIN, 1), x);
    expect_shape(ct_roll(ct_zeros(cx, CT_BOOL, CT_SHAPE(0, 2)), 5, 0), CT_SHAPE(0, 2));
    expect_shape(ct_roll(ct_zeros(cx, CT_BOOL, CT_SHAPE(0, 2)), 5, 1), CT_SHAPE(0, 2));
    ck_assert_ptr_null(ct_roll(x, 1, 2));
    expect_error(CT_ERROR_RANGE, "roll: axis 2 of 2 dimensions: (2,3)", NULL);
}
END_TEST

START_TEST(repeats)
{
    ct_tensor *x = numbered(CT_SHAPE(2, 2));
    expect_values(ct_repeat(x, 2, 1), CT_DOUBLES(1, 1, 2, 2, 3, 3, 4, 4), 0);
    expect_values(ct_repeat(x, 2, -2), CT_DOUBLES(1, 2, 1, 2, 3, 4, 3, 4), 0);
    expect_gradient(ct_repeat(x, 3, 0), x);
    expect_gradient(ct_repeat(ct_transpose(x), 3, 1), x);
    ck_assert(shares(ct_repeat(x, 1, 0), x));
    expect_shape(ct_repeat(x, 0, 1), CT_SHAPE(2, 0));
    expect_gradient(ct_repeat(x, 0, 1), x);
    expect_shape(ct_repeat(ct_zeros(cx, CT_F32, CT_SHAPE(0, 2)), 3, 1), CT_SHAPE(0, 6));
    ct_tensor *most = numbered(CT_SHAPE(1, 2, 1, 2, 1, 2, 1, 2));
    ct_tensor *y = ct_repeat(most, 2, 3);
    expect_shape(y, CT_SHAPE(1, 2, 1, 4, 1, 2, 1, 2));
    ck_assert(ct_at(y, CT_INDEX(0, 1, 0, 3, 0, 1, 0, 0)) == 15);
    expect_gradient(y, most);
}
END_TEST

START_TEST(tiles)
{
    ct_tensor *x = numbered(CT_SHAPE(2, 2));
    expect_values(ct_tile(x, CT_SIZES(2)), CT_DOUBLES(1, 2, 1, 2, 3, 4, 3, 4), 0);
    expect_values(ct_tile(x, CT_SIZES(2, 1)), CT_DOUBLES(1, 2, 3, 4, 1, 2, 3, 4), 0);
    ct_tensor *y = ct_tile(x, CT_SIZES(2, 1, 3));
    expect_shape(y, CT_SHAPE(2, 2, 6));
    for (int64_t i = 0; i < 24; i++)
        ck_assert(ct_at(y, CT_INDEX(i / 12, i / 6 % 2, i % 6)) ==
                  ct_at(x, CT_INDEX(i / 6 % 2, i % 2)));
    expect_gradient(y, x);
    expect_gradient(ct_tile(ct_transpose(x), CT_SIZES(2, 3)), x);
    expect_values(ct_tile(ct_scalar(cx, CT_I64, 7), CT_SIZES(2, 2)), CT_DOUBLES(7, 7, 7, 7), 0);
    ck_assert(ct_item(ct_tile(ct_scalar(cx, CT_I64, 7), NULL, 0)) == 7);
    ck_assert(shares(ct_tile(x, CT_SIZES(1, 1, 1)), x));
    expect_shape(ct_tile(x, CT_SIZES(0, 3)), CT_SHAPE(0, 6));
    ct_tensor *most = numbered(CT_SHAPE(1, 2, 1, 2, 1, 2, 1, 2));
    expect_gradient(ct_tile(most, CT_SIZES(2, 1, 2, 1, 2, 1, 2, 2)), most);
}
END_TEST

START_TEST(repeat_errors)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2, 3));
    ck_assert_ptr_null(ct_repeat(x, -1, 0));
    expect_error(CT_ERROR_VALUE, "repeat: times must not be negative, got -1", NULL);
    ck_assert_ptr_null(ct_repeat(x, INT64_MAX, 0));
    expect_error(CT_ERROR_SHAPE, "repeat: too many elements", "(2,3)", NULL);
    ck_assert_ptr_null(ct_repeat(x, 1, 2));
    expect_error(CT_ERROR_RANGE, "repeat: axis 2 of 2 dimensions", NULL);
    ck_assert_ptr_null(ct_tile(x, CT_SIZES(2, -3)));
    expect_error(CT_ERROR_VALUE, "tile: times must not be negative, got -3", NULL);
    ck_assert_ptr_null(ct_tile(x, CT_SIZES(INT64_MAX, 1)));
    expect_error(CT_ERROR_SHAPE, "tile: too many elements", NULL);
    ck_assert_ptr_null(ct_tile(x, NULL, 2));
    expect_error(CT_ERROR_NULL, "tile", NULL);
    ck_assert_ptr_null(ct_tile(x, CT_SIZES(1, 1, 1, 1, 1, 1, 1, 1, 1)));
    expect_error(CT_ERROR_RANGE, "tile: there must be 0 to 8 dimensions, got 9", NULL);
}
END_TEST

/* -- pad */
START_TEST(pads_by_a_constant)
{
    ct_tensor *x = numbered(CT_SHAPE(2, 2)), *g;
    ct_tensor *y = ct_pad(x, CT_SIZES(1, 0, 0, 2), CT_PAD_CONSTANT, 0);
    expect_values(y, CT_DOUBLES(0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0), 0);
    expect_gradient(y, x);
    y = ct_pad(x, CT_SIZES(0, 1, 1, 0), CT_PAD_CONSTANT, NAN);
    expect_values(y, CT_DOUBLES(NAN, 1, 2, NAN, 3, 4, NAN, NAN, NAN), 0);
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, &x, 1, 0, &g), CT_OK);
    expect_values(g, CT_DOUBLES(1, 1, 1, 1), 0);
    for (int64_t before = -4; before < 4; before++)
        for (int64_t after = -4; after < 4; after++) {
            ct_tensor *z = before + after >= -2
                               ? ct_pad(ct_transpose(x), CT_SIZES(1, -1, before, after),
                                        CT_PAD_CONSTANT, 0)
                               : NULL;
            for (int64_t j = 0; z && j < 2 + before + after; j++) {
                int64_t i = j - before;
                ck_assert(ct_at(z, CT_INDEX(1, j)) == (i < 0 || i > 1 ? 0 : i == 0 ? 1 : 3));
            }
            if (z)
                expect_gradient(z, x);
        }
    ct_tensor *ints = ct_from_ints(cx, CT_SHAPE(2), CT_INTS(5, INT64_MAX));
    y = ct_pad(ints, CT_SIZES(1, 1), CT_PAD_CONSTANT, -3);
    ck_assert_int_eq(ct_item_int(ct_select(y, 0, 2)), INT64_MAX);
    ck_assert_int_eq(ct_item_int(ct_select(y, 0, 3)), -3);
    y = ct_pad(ct_zeros(cx, CT_BOOL, CT_SHAPE(1)), CT_SIZES(1, 1), CT_PAD_CONSTANT, 2);
    expect_values(y, CT_DOUBLES(1, 0, 1), 0);
    ck_assert(ct_item(ct_pad(ct_scalar(cx, CT_F32, 7), NULL, 0, CT_PAD_CONSTANT, 0)) == 7);
    y = ct_pad(ct_zeros(cx, CT_F32, CT_SHAPE(0)), CT_SIZES(1, 1), CT_PAD_CONSTANT, 6);
    expect_values(y, CT_DOUBLES(6, 6), 0);
}
END_TEST

/* what NumPy's reflect, edge and wrap make of 1, 2, 3, 4, walked step by step */
static double expected(int64_t i, ct_padding mode)
{
    const int64_t n = 4;
    while (i < 0 || i >= n)
        if (mode == CT_PAD_CIRCULAR)
            i += i < 0 ? n : -n;
        else if (mode == CT_PAD_REFLECT)
            i = i < 0 ? -i : 2 * (n - 1) - i;
        else
            i = i < 0 ? 0 : n - 1;
    return (double)(i + 1);
}

START_TEST(pads_by_elements)
{
    ct_tensor *x = numbered(CT_SHAPE(4)), *m = numbered(CT_SHAPE(2, 3));
    for (int k = 0; k < 3 * 14 * 14; k++) {
        ct_padding mode = (ct_padding)(k % 3 + 1);
        int64_t before = k / 3 % 14 - 2, after = k / 42 - 2;
        ct_tensor *y = ct_pad(x, CT_SIZES(before, after), mode, 9);
        ck_assert_int_eq(ct_count(y), 4 + before + after);
        for (int64_t j = 0; j < ct_count(y); j++)
            ck_assert(ct_at(y, CT_INDEX(j)) == expected(j - before, mode));
        expect_gradient(y, x);
    }
    ct_tensor *y = ct_pad(m, CT_SIZES(1, 1, 2, 0), CT_PAD_REFLECT, 0);
    expect_values(ct_select(y, 0, 0), CT_DOUBLES(6, 5, 4, 5, 6), 0);
    expect_values(ct_select(y, 0, 3), CT_DOUBLES(3, 2, 1, 2, 3), 0);
    expect_gradient(y, m);
    y = ct_pad(ct_transpose(m), CT_SIZES(0, 0, 1, 1), CT_PAD_CIRCULAR, 0);
    expect_values(ct_select(y, 0, 0), CT_DOUBLES(4, 1, 4, 1), 0);
    expect_gradient(y, m);
    y = ct_pad(ct_ones(cx, CT_I64, CT_SHAPE(1)), CT_SIZES(3, 3), CT_PAD_REFLECT, 0);
    expect_values(y, CT_DOUBLES(1, 1, 1, 1, 1, 1, 1), 0);
    y = ct_pad(ct_ones(cx, CT_F32, CT_SHAPE(0, 2)), CT_SIZES(0, 0, 1, 1), CT_PAD_REPLICATE, 0);
    expect_shape(y, CT_SHAPE(0, 4));
}
END_TEST

START_TEST(pad_errors)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2, 3));
    for (int mode = 0; mode < 4; mode++) {
        ck_assert_ptr_null(ct_pad(x, CT_SIZES(1, 1), (ct_padding)mode, 0));
        expect_error(CT_ERROR_SHAPE, "pad: there must be 4 widths, 2 for each axis, got 2: (2,3)",
                     NULL);
        ck_assert_ptr_null(ct_pad(x, CT_SIZES(0, 0, -2, -2), (ct_padding)mode, 0));
        expect_error(CT_ERROR_SHAPE, "pad: widths -2 and -2 do not fit axis 1: (2,3)", NULL);
        ck_assert_ptr_null(ct_pad(x, CT_SIZES(INT64_MIN, INT64_MAX, 0, 0), (ct_padding)mode, 0));
        expect_error(CT_ERROR_SHAPE, "pad: widths", "do not fit axis 0", NULL);
        ck_assert_ptr_null(ct_pad(x, NULL, 4, (ct_padding)mode, 0));
        expect_error(CT_ERROR_NULL, "pad", "NULL", NULL);
    }
    ck_assert_ptr_null(ct_pad(x, CT_SIZES(1, 1, 0, 0), (ct_padding)4, 0));
    expect_error(CT_ERROR_VALUE, "pad: there is no mode 4", NULL);
    ct_tensor *empty = ct_zeros(cx, CT_F32, CT_SHAPE(0)), *ints = ct_ones(cx, CT_I64, CT_SHAPE(1));
    ck_assert_ptr_null(ct_pad(empty, CT_SIZES(1, 0), CT_PAD_CIRCULAR, 0));
    expect_error(CT_ERROR_SHAPE, "pad: axis 0 has no elements to repeat", NULL);
    const double wrong[] = { 0.5, NAN, INFINITY, 0x1p63 };
    for (int i = 0; i < 4; i++) {
        ck_assert_ptr_null(ct_pad(ints, CT_SIZES(1, 0), CT_PAD_CONSTANT, wrong[i]));
        expect_error(CT_ERROR_VALUE, "pad: the value must be a whole number of i64, got", NULL);
    }
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2, 2))), *g;
    ct_tensor *y = ct_pad(ct_roll(x, 1, 0), CT_SIZES(1, 0, 1, 1), CT_PAD_REFLECT, 0);
    y = ct_tile(ct_repeat(y, 2, 0), CT_SIZES(2, 1));
    y = ct_pad(y, CT_SIZES(0, 1, -1, 0), CT_PAD_CONSTANT, 1);
    ct_grad(ct_sum(ct_square(y)), NULL, &x, 1, CT_CREATE_GRAPH, &g);
    ct_backward(ct_sum(y));
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *pad_suite(void);
Suite *pad_suite(void)
{
    return make_suite("pad", (const TTest *const[]){
        rolls, repeats, tiles, repeat_errors, pads_by_a_constant, pads_by_elements, pad_errors,
        out_of_memory, NULL });
}
