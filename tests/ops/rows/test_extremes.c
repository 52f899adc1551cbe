/* ops/rows/reduce.c: max, min, argmax and argmin. */
#include "support.h"

START_TEST(ties_share)
{
    ct_tensor *x = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 3),
                                               CT_DOUBLES(5, 1, 5, 2, 2, 2)));
    ct_tensor *gx, *gy = ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(1, 6));
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_grad(ct_max_over(x, CT_AXES(1), 0), gy, &x, 1, flags, &gx);
        expect_values(gx, CT_DOUBLES(0.5, 0, 0.5, 2, 2, 2), 0);
        ct_grad(ct_min_over(x, CT_AXES(-1), 0), gy, &x, 1, flags, &gx);
        expect_values(gx, CT_DOUBLES(0, 1, 0, 2, 2, 2), 0);
        ct_grad(ct_max(x), NULL, &x, 1, flags, &gx);
        expect_values(gx, CT_DOUBLES(0.5, 0, 0.5, 0, 0, 0), 0);
    }
}
END_TEST

START_TEST(nan_and_infinities)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 3),
                                   CT_DOUBLES(1, NAN, 2, -INFINITY, 3, INFINITY));
    expect_values(ct_max_over(x, CT_AXES(1), 0), CT_DOUBLES(NAN, INFINITY), 0);
    expect_values(ct_min_over(x, CT_AXES(1), 0), CT_DOUBLES(NAN, -INFINITY), 0);
    expect_values(ct_max_over(x, CT_AXES(0), 0), CT_DOUBLES(1, NAN, INFINITY), 0);
    ct_tensor *low = ct_full(cx, CT_F64, CT_SHAPE(3), -INFINITY);
    expect_values(ct_max(low), CT_DOUBLES(-INFINITY), 0);
    expect_values(ct_argmax(low, 0), CT_DOUBLES(0), 0);
}
END_TEST

/* among n elements, in rows, columns and neither; in blocks and parts of their own */
static void expect_shared_by_nans(ct_dtype dtype, int64_t n, int64_t first, int64_t second)
{
    ct_tensor *all = ct_ones(cx, dtype, CT_SHAPE(2, n, 3)), *gx;
    ct_tensor *(*const over[])(ct_tensor *, const int64_t *, int, unsigned) = { ct_max_over,
                                                                              ct_min_over };
    ct_set(all, CT_INDEX(1, first, 1), NAN), ct_set(all, CT_INDEX(1, second, 1), NAN);
    ct_tensor *layouts[] = { all, ct_contiguous(ct_permute(all, CT_AXES(0, 2, 1))),
                             ct_slice(all, 2, 1, 2, 1) };
    for (int k = 0; k < 12; k++) {
        bool rows = k / 4 == 1, alone = k / 4 == 2;
        ct_tensor *x = ct_variable(ct_detach(layouts[k / 4]));
        ct_tensor *y = ct_sum(over[k % 2](x, CT_AXES(rows ? 2 : 1), 0));
        ct_grad(y, NULL, &x, 1, k / 2 % 2 ? CT_CREATE_GRAPH : 0, &gx);
        gx = rows ? gx : ct_permute(gx, CT_AXES(0, 2, 1)); /* (2,columns,n) */
        int64_t column = alone ? 0 : 1;
        ct_tensor *nans = ct_select(ct_select(gx, 0, 1), 0, column);
        for (int64_t i = 0; i < n; i += i + 1 == first || i + 1 == second ? 1 : n / 7 + 1) {
            double want = first == second ? i == first : (i == first || i == second) / 2.;
            ck_assert_double_eq(ct_at(nans, CT_INDEX(i)), want);
        }
        ck_assert_double_eq(ct_at(nans, CT_INDEX(first)), first == second ? 1 : 0.5);
        ck_assert_double_eq(ct_at(nans, CT_INDEX(second)), first == second ? 1 : 0.5);
        ck_assert_double_eq(ct_at(gx, CT_INDEX(0, column, 0)), (double)(float)(1. / (double)n));
    }
}

START_TEST(nans_share)
{
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++) {
        expect_shared_by_nans((ct_dtype)dtype, 4, 1, 2);
        expect_shared_by_nans((ct_dtype)dtype, 64, 5, 5);
        expect_shared_by_nans((ct_dtype)dtype, 8192, 0, 8191);
        expect_shared_by_nans((ct_dtype)dtype, 65536, 4095, 4096);
    }
    expect_ok();
}
END_TEST

START_TEST(integers)
{
    ct_tensor *x = ct_from_ints(cx, CT_SHAPE(2, 2), CT_INTS(INT64_MIN, 3, INT64_MAX, -4));
    ct_tensor *y = ct_max_over(x, CT_AXES(1), 0);
    ck_assert(ct_data_i64(y)[0] == 3 && ct_data_i64(y)[1] == INT64_MAX);
    y = ct_min_over(x, CT_AXES(0), 0);
    ck_assert(ct_data_i64(y)[0] == INT64_MIN && ct_data_i64(y)[1] == -4);
    expect_values(ct_argmax(x, 1), CT_DOUBLES(1, 0), 0);
    expect_values(ct_sum(ct_range(cx, CT_I64, 5)), CT_DOUBLES(10), 0);
}
END_TEST

/* -- Kernels: runs of every length, with what is looked for at its ends and in the middle, along
 * memory (rows), across it (columns), and neither */
static void expect_found(ct_tensor *x, int64_t n, int64_t at, double value)
{
    ct_tensor *column = ct_reshape(x, CT_SHAPE(n, 3)), *row = ct_transpose(column);
    int64_t places[] = { at * 3, at * 3 + 1, at * 3 + 2 };
    for (int k = 0; k < 3; k++)
        ct_set(x, CT_INDEX(places[k]), value);
    ct_tensor *apart = ct_slice(row, 0, 1, 2, 1), *line = ct_reshape(ct_contiguous(apart),
                                                                      CT_SHAPE(n));
    ct_tensor *(*const extreme)(ct_tensor *) = value < 0 ? ct_min : ct_max;
    ct_tensor *(*const over)(ct_tensor *, const int64_t *, int, unsigned) =
        value < 0 ? ct_min_over : ct_max_over;
    ct_tensor *(*const place)(ct_tensor *, int) = value < 0 ? ct_argmin : ct_argmax;
    double values[] = { value, value, value }, wheres[] = { (double)at, (double)at, (double)at };
    expect_values(extreme(line), values, 1, 0);
    expect_values(over(column, CT_AXES(0), 0), values, 3, 0);
    expect_values(over(apart, CT_AXES(1), 0), values, 1, 0);
    expect_values(place(line, 0), wheres, 1, 0);
    expect_values(place(column, 0), wheres, 3, 0);
    expect_values(place(apart, 1), wheres, 1, 0);
    for (int k = 0; k < 3; k++)
        ct_set(x, CT_INDEX(places[k]), 0);
}

START_TEST(wherever_it_is)
{
    static const double sought[] = { 3, -3, NAN };
    for (int dtype = CT_F32; dtype <= CT_I64; dtype++)
        for (int64_t n = 1; n < 300; n += n < 40 ? 1 : 13) {
            ct_scope scope = ct_scope_begin(cx);
            ct_tensor *x = ct_zeros(cx, (ct_dtype)dtype, CT_SHAPE(3 * n));
            for (int k = 0; k < (dtype == CT_I64 ? 2 : 3); k++)
                for (int64_t at = 0; at < n; at += n < 40 ? 1 : 11)
                    expect_found(x, n, at, sought[k]);
            expect_found(x, n, n - 1, 3);
            ct_scope_end(cx, scope);
        }
    expect_ok();
}
END_TEST

START_TEST(places_in_long_runs)
{
    enum { N = 10000 };
    ct_tensor *x = ct_zeros(cx, CT_F32, CT_SHAPE(N));
    static const int64_t places[] = { 0, 4095, 4096, 5000, 8192, N - 1 };
    for (int k = 0; k < 6; k++) {
        ct_set(x, CT_INDEX(places[k]), 1);
        expect_values(ct_argmax(x, 0), CT_DOUBLES((double)places[k]), 0);
        ct_set(x, CT_INDEX(N - 1), 1); /* the first of equals */
        expect_values(ct_argmax(x, 0), CT_DOUBLES((double)places[k]), 0);
        ct_set(x, CT_INDEX(places[k]), NAN);
        expect_values(ct_argmin(x, 0), CT_DOUBLES((double)places[k]), 0);
        ct_set(x, CT_INDEX(places[k]), 0), ct_set(x, CT_INDEX(N - 1), 0);
    }
}
END_TEST

/* many more than a block, in rows, columns and blocks of both */
START_TEST(many_ties_share)
{
    ct_tensor *x = ct_variable(ct_full(cx, CT_F32, CT_SHAPE(3, 100, 200), 2)), *gx;
    static const int64_t axes[][3] = { { 0, 1, 2 }, { 2 }, { 1 }, { 0 }, { 0, 1 }, { 0, 2 } };
    static const int count[] = { 3, 1, 1, 1, 2, 2 }, ties[] = { 60000, 200, 100, 3, 300, 600 };
    for (int k = 0; k < 6; k++)
        for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
            ct_grad(ct_sum(ct_max_over(x, axes[k], count[k], 0)), NULL, &x, 1, flags, &gx);
            ck_assert_double_eq(ct_item(ct_max(gx)), (double)(float)(1. / ties[k]));
            ck_assert_double_eq(ct_item(ct_min(gx)), (double)(float)(1. / ties[k]));
        }
    ct_set(ct_detach(x), CT_INDEX(2, 99, 5), 3); /* the last block has a larger one */
    ct_grad(ct_max(x), NULL, &x, 1, 0, &gx);
    ck_assert_double_eq(ct_at(gx, CT_INDEX(2, 99, 5)), 1);
    ck_assert_double_eq(ct_item(ct_sum(gx)), 1);
}
END_TEST

START_TEST(extremes_add_to_other_uses)
{
    ct_tensor *x = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(5, 7))), *alone, *both;
    for (int axis = 0; axis < 2; axis++) {
        ct_tensor *y = ct_sum(ct_max_over(x, CT_AXES(axis), 0));
        ct_grad(y, NULL, &x, 1, 0, &alone);
        ct_grad(ct_add(y, ct_sum(ct_scale(x, 2))), NULL, &x, 1, 0, &both);
        expect_close(both, ct_shift(alone, 2), 1);
    }
}
END_TEST

Suite *extremes_suite(void);
Suite *extremes_suite(void)
{
    return make_suite("extremes", (const TTest *const[]){
        ties_share, nan_and_infinities, nans_share, integers, wherever_it_is, places_in_long_runs,
        many_ties_share, extremes_add_to_other_uses, NULL });
}
