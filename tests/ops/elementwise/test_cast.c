/* cast: from each dtype to each, and what can be differentiated. */
#include "support.h"

START_TEST(all_pairs)
{
    static const ct_dtype all[] = { CT_F32, CT_F64, CT_I64, CT_BOOL };
    ct_tensor *x[] = {
        ct_from_doubles(cx, CT_F32, CT_SHAPE(4), CT_DOUBLES(-1.75, 0, 0.5, 3)),
        ct_from_doubles(cx, CT_F64, CT_SHAPE(4), CT_DOUBLES(-1.75, 0, 0.5, 3)),
        ct_from_ints(cx, CT_SHAPE(4), CT_INTS(-1, 0, 0, 3)),
        ct_from_doubles(cx, CT_BOOL, CT_SHAPE(4), CT_DOUBLES(1, 0, 1, 1)),
    };
    static const double exact[] = { -1.75, 0, 0.5, 3 }, cut[] = { -1, 0, 0, 3 };
    static const double truth[] = { 1, 0, 1, 1 }, truth_of_cut[] = { 1, 0, 0, 1 };
    static const double *const want[4][4] = { { exact, exact, cut, truth },
                                              { exact, exact, cut, truth },
                                              { cut, cut, cut, truth_of_cut },
                                              { truth, truth, truth, truth } };
    for (int from = 0; from < 4; from++)
        for (int to = 0; to < 4; to++) {
            ct_tensor *y = ct_cast(x[from], all[to]);
            ck_assert_int_eq(ct_dtype_of(y), all[to]);
            expect_values(y, want[from][to], 4, 0);
            ck_assert_int_eq(y == x[from], from == to);
        }
}
END_TEST

START_TEST(strides_and_no_dimensions)
{
    ct_tensor *x = ct_reshape(ct_range(cx, CT_F32, 6), CT_SHAPE(2, 3));
    expect_values(ct_cast(ct_transpose(x), CT_I64), CT_DOUBLES(0, 3, 1, 4, 2, 5), 0);
    expect_values(ct_cast(ct_scalar(cx, CT_F64, 2.5), CT_F32), CT_DOUBLES(2.5), 0);
    expect_shape(ct_cast(ct_zeros(cx, CT_I64, CT_SHAPE(0, 2)), CT_BOOL), CT_SHAPE(0, 2));
}
END_TEST

START_TEST(extremes)
{
    double big = 1e300, least = -0x1p63;
    expect_values(ct_cast(ct_scalar(cx, CT_F64, big), CT_F32), CT_DOUBLES(INFINITY), 0);
    ck_assert_int_eq(ct_item_int(ct_cast(ct_scalar(cx, CT_F64, least), CT_I64)), INT64_MIN);
    expect_values(ct_cast(ct_scalar(cx, CT_F64, NAN), CT_BOOL), CT_DOUBLES(1), 0);
    static const double none[] = { NAN, INFINITY, 0x1p63, -0x1.0000000000001p63 };
    for (int i = 0; i < 4; i++) {
        ck_assert_ptr_null(ct_cast(ct_scalar(cx, CT_F64, none[i]), CT_I64));
        expect_error(CT_ERROR_VALUE, "cast", "i64", NULL);
        double single = i == 3 ? -0x1.000002p63 : none[i];
        ck_assert_ptr_null(ct_cast(ct_scalar(cx, CT_F32, single), CT_I64));
        expect_error(CT_ERROR_VALUE, "cast", "i64", NULL);
    }
}
END_TEST

START_TEST(gradient_goes_through_floats_only)
{
    ct_tensor *x = ct_variable(ct_from_doubles(cx, CT_F32, CT_SHAPE(2), CT_DOUBLES(1.5, 2)));
    ct_tensor *y = ct_cast(x, CT_F64), *g, *gg;
    ck_assert_int_eq(ct_grad(ct_sum(ct_mul(y, ct_square(y))), NULL, &x, 1, CT_CREATE_GRAPH, &g),
                     CT_OK);
    ck_assert_int_eq(ct_dtype_of(g), CT_F32);
    expect_values(g, CT_DOUBLES(6.75, 12), 0);
    ck_assert_int_eq(ct_grad(ct_sum(g), NULL, &x, 1, 0, &gg), CT_OK);
    expect_values(gg, CT_DOUBLES(9, 12), 0);
    ck_assert(!ct_requires_grad(ct_cast(x, CT_I64)));
    ck_assert(!ct_requires_grad(ct_cast(ct_cast(x, CT_I64), CT_F32)));
}
END_TEST

START_TEST(errors)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2));
    ck_assert_ptr_null(ct_cast(x, (ct_dtype)0));
    expect_error(CT_ERROR_DTYPE, "cast: 0 is not a dtype", NULL);
    ck_assert_ptr_null(ct_cast(x, (ct_dtype)9));
    expect_error(CT_ERROR_DTYPE, "cast: 9 is not a dtype", NULL);
    ck_assert_ptr_null(ct_cast(NULL, CT_F32));
    expect_ok();
}
END_TEST

Suite *cast_suite(void)
{
    const TTest *const tests[] = { all_pairs, strides_and_no_dimensions, extremes,
                                   gradient_goes_through_floats_only, errors, NULL };
    return make_suite("cast", tests);
}
