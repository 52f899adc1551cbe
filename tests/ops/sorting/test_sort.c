/* ops/sorting: sort, argsort, topk and unique. */
#include "support.h"

/* the places of x[0], x[step], ... in sorted order, by plain insertion */
static void plain_order(const double *x, int n, int step, bool descending, double *order)
{
    for (int i = 0; i < n; i++) {
        int k = i;
        for (; k > 0; k--) {
            double a = x[(int)order[k - 1] * step], b = x[i * step];
            bool after = descending ? b > a || (isnan(b) && !isnan(a))
                                    : a > b || (isnan(a) && !isnan(b));
            if (!after)
                break;
            order[k] = order[k - 1];
        }
        order[k] = i;
    }
}

static void expect_sorted(ct_tensor *x, const double *values, int n, int step, bool descending)
{
    double *order = malloc((size_t)n * sizeof *order), *want = malloc((size_t)n * sizeof *want);
    unsigned flags = descending ? CT_DESCENDING : 0;
    plain_order(values, n, step, descending, order);
    for (int i = 0; i < n; i++)
        want[i] = values[(int)order[i] * step];
    ct_tensor *y, *at;
    ck_assert_int_eq(ct_sort(x, 0, flags, &y, &at), CT_OK);
    expect_values(at, order, n, 0);
    expect_values(y, want, n, 0);
    expect_values(ct_argsort(x, -1, flags), order, n, 0);
    ck_assert_int_eq(ct_dtype_of(y), ct_dtype_of(x));
    for (int part = 3; part < 7; part++) {
        int k = part == 6 ? 1 : n / part;
        ck_assert_int_eq(ct_topk(x, k, 0, descending ? 0 : CT_SMALLEST, &y, &at), CT_OK);
        expect_values(at, order, k, 0);
        expect_values(y, want, k, 0);
    }
    free(order), free(want);
}

/* of few and many elements, of each dtype, with ties, in steps */
START_TEST(of_each_dtype)
{
    static const int lengths[] = { 1, 2, 5, 128, 129, 300, 1001 };
    for (int dtype = CT_F32; dtype <= CT_BOOL; dtype++)
        for (int k = 0; k < 14; k++) {
            int n = lengths[k / 2], step = k % 2 + 1;
            double values[2002];
            ct_tensor *x = ct_cast(ct_randint(cx, -n, n, CT_SHAPE(n * step)), (ct_dtype)dtype);
            ct_to_doubles(x, values, n * step);
            for (int descending = 0; descending < 2; descending++)
                expect_sorted(ct_slice(x, 0, 0, CT_END, step), values, n, step, descending);
        }
    expect_ok();
}
END_TEST

START_TEST(of_any_float)
{
    static const double odd[] = { NAN, -0., 0, INFINITY, -INFINITY, 5e-324, -5e-324, 1.7e308,
                                  -1.7e308, 1, -1, 1.0000000000000002, -NAN };
    for (int k = 0; k < 2; k++) {
        enum { N = 130 };
        double values[N];
        for (int i = 0; i < N; i++)
            values[i] = odd[i * 7 % 13];
        ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(N), values, N);
        expect_sorted(ct_slice(x, 0, 0, k ? N : 13, 1), values, k ? N : 13, 1, false);
        expect_sorted(ct_slice(x, 0, 0, k ? N : 13, 1), values, k ? N : 13, 1, true);
        ct_tensor *f32 = ct_cast(x, CT_F32);
        ct_to_doubles(f32, values, N);
        expect_sorted(f32, values, N, 1, k);
    }
    ct_tensor *ends = ct_from_ints(cx, CT_SHAPE(4), CT_INTS(INT64_MAX, 0, INT64_MIN, -1));
    expect_values(ct_argsort(ends, 0, 0), CT_DOUBLES(2, 3, 1, 0), 0);
    expect_values(ct_argsort(ends, 0, CT_DESCENDING), CT_DOUBLES(0, 1, 3, 2), 0);
}
END_TEST

START_TEST(along_each_axis)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(5, 6, 7)), *y, *at, *z;
    for (int axis = 0; axis < 3; axis++) {
        ct_sort(x, axis, 0, &y, &at);
        expect_shape(y, CT_SHAPE(5, 6, 7));
        expect_close(ct_gather(x, axis, at), y, 0);
        int64_t n = ct_size(x, axis);
        ct_tensor *low = ct_slice(y, axis, 0, n - 1, 1), *high = ct_slice(y, axis, 1, n, 1);
        expect_values(ct_all(ct_le(low, high)), CT_DOUBLES(1), 0);
        ct_topk(x, 2, axis - 3, 0, &y, &at);
        ck_assert_int_eq(ct_size(y, axis), 2);
        z = ct_slice(y, axis, 0, 1, 1);
        expect_close(z, ct_max_over(x, CT_AXES(axis), CT_KEEPDIMS), 0);
        ct_topk(x, n, axis, CT_SMALLEST, NULL, &at);
        expect_close(at, ct_argsort(x, axis, 0), 0);
    }
    ct_topk(x, 0, 1, 0, &y, &at);
    expect_shape(y, CT_SHAPE(5, 0, 7));
    expect_shape(at, CT_SHAPE(5, 0, 7));
    ct_sort(ct_zeros(cx, CT_F32, CT_SHAPE(0, 2)), 0, 0, &y, NULL);
    expect_shape(y, CT_SHAPE(0, 2));
    ct_sort(ct_zeros(cx, CT_F32, CT_SHAPE(0, 2)), 1, 0, &y, NULL);
    expect_shape(y, CT_SHAPE(0, 2));
    expect_ok();
}
END_TEST

START_TEST(cotangents_go_back_to_their_places)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(4), CT_DOUBLES(3, 1, 2, 1)), *y, *at, *g;
    ct_tensor *gy = ct_from_doubles(cx, CT_F64, CT_SHAPE(4), CT_DOUBLES(10, 20, 30, 40));
    x = ct_variable(x);
    ct_sort(x, 0, 0, &y, &at);
    ck_assert(ct_requires_grad(y) && !ct_requires_grad(at));
    ct_grad(y, gy, &x, 1, 0, &g);
    expect_values(g, CT_DOUBLES(40, 10, 30, 20), 0);
    ct_topk(x, 2, 0, 0, &y, NULL);
    ct_grad(y, ct_slice(gy, 0, 0, 2, 1), &x, 1, 0, &g);
    expect_values(g, CT_DOUBLES(10, 0, 20, 0), 0);
    expect_ok();
}
END_TEST

/* -- Distinct elements */
START_TEST(distinct)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 4),
                                   CT_DOUBLES(3, NAN, -1, 3, 0, -0., NAN, 3));
    ct_tensor *y, *inverse, *counts;
    ck_assert_int_eq(ct_unique(ct_variable(x), &y, &inverse, &counts), CT_OK);
    expect_values(y, CT_DOUBLES(-1, 0, 3, NAN), 0);
    expect_shape(inverse, CT_SHAPE(2, 4));
    expect_values(inverse, CT_DOUBLES(2, 3, 0, 2, 1, 1, 3, 2), 0);
    expect_values(counts, CT_DOUBLES(1, 2, 3, 2), 0);
    ck_assert(!ct_requires_grad(y));
    for (int dtype = CT_F32; dtype <= CT_BOOL; dtype++) {
        ct_tensor *some = ct_from_doubles(cx, (ct_dtype)dtype, CT_SHAPE(3), CT_DOUBLES(1, 0, 1));
        ct_unique(some, &y, NULL, &counts);
        expect_values(y, CT_DOUBLES(0, 1), 0);
        expect_values(counts, CT_DOUBLES(1, 2), 0);
        ck_assert_int_eq(ct_dtype_of(y), (ct_dtype)dtype);
    }
    ct_unique(ct_transpose(x), NULL, &inverse, NULL);
    expect_values(inverse, CT_DOUBLES(2, 1, 3, 1, 0, 3, 2, 2), 0);
    expect_ok();
}
END_TEST

START_TEST(distinct_of_few)
{
    ct_tensor *y, *inverse, *counts;
    ct_unique(ct_scalar(cx, CT_F32, 5), &y, &inverse, &counts);
    expect_values(y, CT_DOUBLES(5), 0);
    expect_shape(y, CT_SHAPE(1));
    expect_shape(inverse, NULL, 0);
    ct_unique(ct_zeros(cx, CT_I64, CT_SHAPE(2, 0)), &y, &inverse, &counts);
    expect_shape(y, CT_SHAPE(0));
    expect_shape(inverse, CT_SHAPE(2, 0));
    expect_shape(counts, CT_SHAPE(0));
    inverse = counts = y;
    ck_assert_int_eq(ct_unique(NULL, &y, &inverse, &counts), CT_ERROR_NULL);
    ck_assert(!y && !inverse && !counts);
    expect_ok();
}
END_TEST

/* -- The same for any number of threads */
START_TEST(the_same_with_threads)
{
    ct_context *c = ct_context_new(&(ct_context_options){ .threads = 3 });
    ct_tensor *x = ct_randn(cx, CT_F32, CT_SHAPE(7, 3000)), *copy = ct_share(c, x);
    for (int axis = 0; axis < 2; axis++)
        expect_close(ct_argsort(x, axis, 0), ct_share(cx, ct_argsort(copy, axis, 0)), 0);
    ct_context_free(c);
    expect_ok();
}
END_TEST

/* -- Errors */
START_TEST(wrong_arguments)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), *y = x, *at = x;
    ck_assert_int_eq(ct_sort(x, 2, 0, &y, &at), CT_ERROR_RANGE);
    ck_assert(!y && !at);
    expect_error(CT_ERROR_RANGE, "sort: axis 2", "(2,3)", NULL);
    ck_assert_ptr_null(ct_argsort(x, 0, CT_SMALLEST));
    expect_error(CT_ERROR_VALUE, "argsort: flags 0x2", NULL);
    y = at = x;
    ck_assert_int_eq(ct_topk(x, 4, 1, 0, &y, &at), CT_ERROR_RANGE);
    ck_assert(!y && !at);
    expect_error(CT_ERROR_RANGE, "topk: k must be 0 to 3, got 4", NULL);
    ck_assert_int_eq(ct_topk(x, -1, 1, 0, NULL, NULL), CT_ERROR_RANGE);
    expect_error(CT_ERROR_RANGE, "topk", "-1", NULL);
    ck_assert_int_eq(ct_topk(x, 1, 1, CT_DESCENDING, NULL, NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "topk: flags", NULL);
    ck_assert_int_eq(ct_sort(ct_scalar(cx, CT_F32, 1), 0, 0, &y, &at), CT_ERROR_RANGE);
    expect_error(CT_ERROR_RANGE, "sort: axis 0", NULL);
    y = x;
    ck_assert_int_eq(ct_sort(NULL, 0, 0, &y, NULL), CT_ERROR_NULL);
    ck_assert_ptr_null(y);
    ck_assert_int_eq(ct_topk(NULL, 0, 0, 0, NULL, NULL), CT_ERROR_NULL);
    ck_assert_ptr_null(ct_argsort(NULL, 0, 0));
    expect_ok();
}
END_TEST

static void sort_all(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_rand(c, CT_F64, CT_SHAPE(3, 2))), *y = x, *at = x, *counts = x;
    if (ct_sort(x, 0, 0, &y, &at) != CT_OK)
        ck_assert(!y && !at);
    if (ct_topk(x, 1, 0, 0, &y, &at) != CT_OK)
        ck_assert(!y && !at);
    if (ct_unique(x, &y, &at, &counts) != CT_OK)
        ck_assert(!y && !at && !counts);
    ct_quantile_over(x, 0.3, CT_AXES(1), 0);
}

START_TEST(when_memory_fails)
{
    for_each_failing_allocation(sort_all);
}
END_TEST

/* few of many are selected before they are sorted */
START_TEST(few_of_many)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(500)), *y, *at, *all, *order;
    for (int64_t k = 0; k < 8; k++) {
        ck_assert_int_eq(ct_topk(x, k, 0, CT_SMALLEST, &y, &at), CT_OK);
        ck_assert_int_eq(ct_sort(x, 0, 0, &all, &order), CT_OK);
        ck_assert(k == 0 || ct_max_difference(y, ct_slice(all, 0, 0, k, 1)) == 0);
        ck_assert(k == 0 || ct_max_difference(at, ct_slice(order, 0, 0, k, 1)) == 0);
        expect_shape(y, CT_SHAPE(k));
    }
}
END_TEST

Suite *sort_suite(void);
Suite *sort_suite(void)
{
    return make_suite("sort", (const TTest *const[]){
        of_each_dtype, of_any_float, along_each_axis, cotangents_go_back_to_their_places, distinct,
        distinct_of_few, few_of_many, the_same_with_threads, wrong_arguments, when_memory_fails, NULL });
}
