/* ops/indexing/nonzero.c, labels.c and search.c: what looks for elements and counts them. */
#include "support.h"

static ct_tensor *ints(const int64_t *values, int n)
{
    return ct_from_ints(cx, CT_SHAPE(n), values, n);
}

START_TEST(finds_what_is_not_0)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F32, CT_SHAPE(2, 3),
                                   CT_DOUBLES(0, NAN, -0.0, 4, 0, 1e-45));
    ct_tensor *y = ct_nonzero(x);
    expect_shape(y, CT_SHAPE(3, 2));
    expect_values(y, CT_DOUBLES(0, 1, 1, 0, 1, 2), 0);
    expect_values(ct_nonzero(ct_transpose(x)), CT_DOUBLES(0, 1, 1, 0, 2, 1), 0);
    expect_values(ct_nonzero(ct_slice(x, 1, -1, CT_END, -2)), CT_DOUBLES(1, 0, 1, 1), 0);
    expect_shape(ct_nonzero(ct_scalar(cx, CT_I64, 7)), CT_SHAPE(1, 0));
    expect_shape(ct_nonzero(ct_scalar(cx, CT_I64, 0)), CT_SHAPE(0, 0));
    expect_shape(ct_nonzero(ct_zeros(cx, CT_F64, CT_SHAPE(0, 2))), CT_SHAPE(0, 2));
    expect_values(ct_nonzero(ct_ones(cx, CT_BOOL, CT_SHAPE(2))), CT_DOUBLES(0, 1), 0);
    ck_assert(!ct_requires_grad(ct_nonzero(ct_variable(x))));
}
END_TEST

/* a count that does not fit is found: the values have changed since they were counted */
START_TEST(a_wrong_count)
{
    struct {
        int64_t count;
        bool flat;
    } wrong = { 2, true };
    ct_tensor *x = ct_ones(cx, CT_F64, CT_SHAPE(3));
    ck_assert_ptr_null(ct_apply(ct_op_find("nonzero"), &wrong, &x, 1));
    expect_error(CT_ERROR_VALUE, "nonzero: there must be 2 elements that are not 0: (3)", NULL);
}
END_TEST

START_TEST(selects_under_a_mask)
{
    ct_tensor *x = ct_variable(ct_reshape(ct_range(cx, CT_F64, 6), CT_SHAPE(2, 3))), *g, *gg;
    ct_tensor *y = ct_masked_select(x, ct_gt(x, ct_scalar(cx, CT_F64, 2.5)));
    expect_values(y, CT_DOUBLES(3, 4, 5), 0);
    ck_assert_int_eq(ct_grad(ct_sum(ct_square(y)), NULL, &x, 1, CT_CREATE_GRAPH, &g), CT_OK);
    expect_values(g, CT_DOUBLES(0, 0, 0, 6, 8, 10), 0);
    ck_assert_int_eq(ct_grad(ct_sum(g), NULL, &x, 1, 0, &gg), CT_OK);
    expect_values(gg, CT_DOUBLES(0, 0, 0, 2, 2, 2), 0);
    ct_tensor *column = ct_gt(ct_from_doubles(cx, CT_F64, CT_SHAPE(3, 1), CT_DOUBLES(1, 0, 1)),
                              ct_scalar(cx, CT_F64, 0)); /* (3,1) x (2,1,3) -> (2,3,3) */
    y = ct_masked_select(ct_unsqueeze(x, 1), column);
    expect_values(y, CT_DOUBLES(0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5), 0);
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, &x, 1, 0, &g), CT_OK);
    expect_values(g, CT_DOUBLES(2, 2, 2, 2, 2, 2), 0);
    y = ct_masked_select(ct_transpose(x), ct_zeros(cx, CT_BOOL, NULL, 0));
    expect_shape(y, CT_SHAPE(0));
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, &x, 1, 0, &g), CT_OK);
    expect_values(g, CT_DOUBLES(0, 0, 0, 0, 0, 0), 0);
    expect_values(ct_masked_select(ct_scalar(cx, CT_I64, 7), ct_ones(cx, CT_BOOL, NULL, 0)),
                  CT_DOUBLES(7), 0);
}
END_TEST

START_TEST(writes_one_hot)
{
    ct_tensor *index = ct_transpose(ct_from_ints(cx, CT_SHAPE(2, 2), CT_INTS(0, 2, 1, 0)));
    for (int dtype = CT_F32; dtype <= CT_BOOL; dtype++) {
        ct_tensor *y = ct_one_hot(index, 3, (ct_dtype)dtype);
        ck_assert_int_eq(ct_dtype_of(y), dtype);
        expect_shape(y, CT_SHAPE(2, 2, 3));
        expect_values(y, CT_DOUBLES(1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0), 0);
    }
    expect_values(ct_one_hot(ct_zeros(cx, CT_I64, NULL, 0), 2, CT_F32), CT_DOUBLES(1, 0), 0);
    expect_shape(ct_one_hot(ints(NULL, 0), 0, CT_F32), CT_SHAPE(0, 0));
}
END_TEST

START_TEST(embeds)
{
    ct_tensor *w = ct_variable(ct_reshape(ct_range(cx, CT_F64, 6), CT_SHAPE(3, 2))), *g;
    ct_tensor *index = ct_from_ints(cx, CT_SHAPE(2, 2), CT_INTS(2, 0, -1, 2));
    ct_tensor *y = ct_embedding(index, w);
    expect_shape(y, CT_SHAPE(2, 2, 2));
    expect_values(y, CT_DOUBLES(4, 5, 0, 1, 4, 5, 4, 5), 0);
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, &w, 1, 0, &g), CT_OK);
    expect_values(g, CT_DOUBLES(1, 1, 0, 0, 3, 3), 0);
    expect_values(ct_embedding(ct_transpose(index), w), CT_DOUBLES(4, 5, 4, 5, 0, 1, 4, 5), 0);
    expect_values(ct_embedding(ct_scalar(cx, CT_I64, 1), w), CT_DOUBLES(2, 3), 0);
    expect_shape(ct_embedding(ct_zeros(cx, CT_I64, CT_SHAPE(0, 4)), w), CT_SHAPE(0, 4, 2));
    expect_values(ct_embedding(index, ct_select(w, 1, 0)), CT_DOUBLES(4, 0, 4, 4), 0);
}
END_TEST

START_TEST(counts_bins)
{
    ct_tensor *index = ints(CT_INTS(3, 0, 3, 1));
    expect_values(ct_bincount(index, NULL, 0), CT_DOUBLES(1, 1, 0, 2), 0);
    expect_values(ct_bincount(index, NULL, 6), CT_DOUBLES(1, 1, 0, 2, 0, 0), 0);
    expect_shape(ct_bincount(ints(NULL, 0), NULL, 0), CT_SHAPE(0));
    expect_values(ct_bincount(ints(NULL, 0), NULL, 2), CT_DOUBLES(0, 0), 0);
    ct_tensor *w = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(4), CT_DOUBLES(1, 2, 4, 8))),
              *g;
    ct_tensor *y = ct_bincount(index, w, 0);
    expect_values(y, CT_DOUBLES(2, 8, 0, 5), 0);
    ck_assert_int_eq(ct_grad(y, ct_range(cx, CT_F64, 4), &w, 1, 0, &g), CT_OK);
    expect_values(g, CT_DOUBLES(3, 0, 3, 1), 0);
    expect_values(ct_bincount(ct_flip(index, CT_AXES(0)), w, 0), CT_DOUBLES(4, 1, 0, 10), 0);
}
END_TEST

/* every list of up to 5 of a few values, a NaN among them, and every x: by counting */
START_TEST(searches_sorted_lists)
{
    const double values[] = { -INFINITY, -1, -0.0, 0, 1, 1, INFINITY, NAN };
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(8), values, 8);
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++)
        for (int bits = 0; bits < 256; bits++) {
            double list[8];
            int n = 0;
            for (int i = 0; i < 8; i++)
                if (bits >> i & 1)
                    list[n++] = values[i];
            ct_tensor *sorted = ct_from_doubles(cx, (ct_dtype)dtype, CT_SHAPE(n), list, n);
            for (int right = 0; right < 2; right++) {
                ct_tensor *y = ct_searchsorted(sorted, ct_cast(x, (ct_dtype)dtype), right);
                double want[8] = { 0 };
                for (int i = 0; i < 8; i++)
                    for (int k = 0; k < n; k++) {
                        bool same = list[k] == values[i] || (isnan(list[k]) && isnan(values[i]));
                        bool less = list[k] < values[i] || (isnan(values[i]) && !isnan(list[k]));
                        want[i] += less || (right && same);
                    }
                expect_values(y, want, 8, 0);
            }
        }
    ct_tensor *backward = ints(CT_INTS(9, 4, INT64_MIN)); /* as a flipped view */
    ct_tensor *y = ct_searchsorted(ct_flip(backward, CT_AXES(0)),
                                   ct_transpose(ct_from_ints(cx, CT_SHAPE(2, 1), CT_INTS(4, 10))),
                                   0);
    expect_shape(y, CT_SHAPE(1, 2));
    expect_values(y, CT_DOUBLES(1, 3), 0);
}
END_TEST

START_TEST(counts_in_a_histogram)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 5),
                                   CT_DOUBLES(0, 0.25, 1, 0.5, -1, NAN, 1.5, 0.75, 0.49, INFINITY));
    ct_tensor *y = ct_histogram(x, ct_linspace(cx, CT_F64, 0, 1, 3));
    ck_assert_int_eq(ct_dtype_of(y), CT_I64);
    expect_values(y, CT_DOUBLES(3, 3), 0);
    expect_values(ct_histogram(ct_transpose(x), ct_linspace(cx, CT_F64, 0, 1, 3)), CT_DOUBLES(3, 3),
                  0);
    ct_tensor *all = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(-INFINITY, 0, INFINITY));
    expect_values(ct_histogram(x, all), CT_DOUBLES(1, 8), 0);
    ct_tensor *twice = ints(CT_INTS(0, 1, 1));
    expect_values(ct_histogram(ints(CT_INTS(0, 0, 1, 2)), twice), CT_DOUBLES(2, 1), 0);
    expect_values(ct_histogram(ct_zeros(cx, CT_F32, CT_SHAPE(0)), ct_linspace(cx, CT_F32, 0, 1, 3)),
                  CT_DOUBLES(0, 0), 0);
}
END_TEST

START_TEST(errors)
{
    ct_tensor *x = ct_named(ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), "w1"), *one = ints(CT_INTS(0));
    ck_assert_ptr_null(ct_masked_select(x, x));
    expect_error(CT_ERROR_DTYPE, "masked_select: the mask must be bool; ct_cast it", NULL);
    ck_assert_ptr_null(ct_masked_select(x, ct_ones(cx, CT_BOOL, CT_SHAPE(2))));
    expect_error(CT_ERROR_SHAPE, "masked_select: shapes do not broadcast: (2,3) x (2)", NULL);
    ck_assert_ptr_null(ct_masked_select(x, NULL));
    expect_error(CT_ERROR_NULL, "masked_select: operand 2 is NULL", NULL);
    ck_assert_ptr_null(
        ct_one_hot(ct_reshape(ints(CT_INTS(0, 1, 3, 2)), CT_SHAPE(2, 2)), 3, CT_F32));
    expect_error(CT_ERROR_RANGE, "one_hot: index 3 at (1,0) is out of range for 3 classes: (2,2)",
                 NULL);
    ck_assert_ptr_null(ct_one_hot(ints(CT_INTS(0, -1)), 3, CT_F32));
    expect_error(CT_ERROR_RANGE, "one_hot: index -1 at (1)", NULL);
    ck_assert_ptr_null(ct_one_hot(one, -1, CT_F32));
    expect_error(CT_ERROR_VALUE, "one_hot: classes must not be negative, got -1", NULL);
    ck_assert_ptr_null(ct_one_hot(x, 3, CT_F32));
    expect_error(CT_ERROR_DTYPE, "one_hot: the index must be i64; ct_cast it", NULL);
    ck_assert_ptr_null(ct_one_hot(one, 3, (ct_dtype)0));
    expect_error(CT_ERROR_DTYPE, "one_hot", NULL);
    ck_assert_ptr_null(ct_embedding(one, ct_scalar(cx, CT_F32, 1)));
    expect_error(CT_ERROR_SHAPE, "embedding: the weight must have 1 to 8 dimensions, got 0", NULL);
    ck_assert_ptr_null(ct_embedding(NULL, x));
    expect_error(CT_ERROR_NULL, "embedding: operand 1 is NULL", NULL);
    ck_assert_ptr_null(ct_bincount(ints(CT_INTS(4, -2)), NULL, 0));
    expect_error(CT_ERROR_RANGE, "bincount: index -2 at (1) must not be negative", NULL);
    ck_assert_ptr_null(ct_bincount(one, NULL, -1));
    expect_error(CT_ERROR_VALUE, "bincount: at_least must not be negative, got -1", NULL);
    ck_assert_ptr_null(ct_bincount(one, x, 0));
    expect_error(CT_ERROR_SHAPE,
                 "bincount: the index must be 1-d, and the weights as many: (1) x (2,3)", NULL);
    ck_assert_ptr_null(ct_bincount(x, NULL, 0));
    expect_error(CT_ERROR_DTYPE, "bincount: the index must be i64", NULL);
    ck_assert_ptr_null(ct_bincount(ints(CT_INTS(INT64_MAX)), NULL, 0));
    expect_error(CT_ERROR_SHAPE, "bincount: too many bins", NULL);
    ck_assert_ptr_null(ct_searchsorted(x, x, false));
    expect_error(CT_ERROR_SHAPE, "searchsorted: the sorted list must have 1 dimension, got 2",
                 NULL);
    ck_assert_ptr_null(ct_searchsorted(one, x, false));
    expect_error(CT_ERROR_DTYPE, "searchsorted: dtypes differ; ct_cast one", NULL);
    ct_tensor *bools = ct_ones(cx, CT_BOOL, CT_SHAPE(2));
    ck_assert_ptr_null(ct_searchsorted(bools, bools, false));
    expect_error(CT_ERROR_DTYPE, "searchsorted: bool has no order", NULL);
    ck_assert_ptr_null(ct_histogram(one, ints(CT_INTS(0, 2, 1))));
    expect_error(CT_ERROR_VALUE,
                 "histogram: the edges must be sorted, and edge 1 is larger than the next", NULL);
    ck_assert_ptr_null(ct_histogram(one, ints(CT_INTS(1, 0, 2))));
    expect_error(CT_ERROR_VALUE, "edge 0 is larger than the next", NULL);
    ck_assert_ptr_null(ct_histogram(one, one));
    expect_error(CT_ERROR_SHAPE, "histogram: there must be at least 2 edges, got 1", NULL);
}
END_TEST

START_TEST(checks_a_range)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(0, 0.5, 1)), *g;
    ct_tensor *y = ct_in_range(ct_variable(x), 0, 1, "shares");
    expect_values(y, CT_DOUBLES(0, 0.5, 1), 0);
    ck_assert_int_eq(ct_grad(ct_sum(ct_mul(y, x)), NULL, &x, 1, 0, &g), CT_OK);
    expect_values(g, CT_DOUBLES(0, 1, 2), 0);
    ck_assert_ptr_null(ct_in_range(x, 0, 0.75, "shares"));
    expect_error(CT_ERROR_RANGE, "shares: element (2) is 1, and must be in [0, 0.75]", NULL);
    ck_assert_ptr_null(ct_in_range(ct_scalar(cx, CT_F32, NAN), -INFINITY, INFINITY, NULL));
    expect_error(CT_ERROR_RANGE, "in_range: element () is nan", NULL);
    ck_assert_ptr_null(ct_in_range(ct_from_ints(cx, CT_SHAPE(2), CT_INTS(3, -1)), 0, 3, "label"));
    expect_error(CT_ERROR_RANGE, "label: element (1) is -1", NULL);
    ck_assert_ptr_null(ct_in_range(ct_zeros(cx, CT_BOOL, CT_SHAPE(2)), 0, 1, NULL));
    expect_error(CT_ERROR_DTYPE, "in_range: bool", NULL);
    expect_shape(ct_in_range(ct_zeros(cx, CT_F32, CT_SHAPE(0, 2)), 3, 2, NULL), CT_SHAPE(0, 2));
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2, 3)));
    ct_tensor *index = ct_from_ints(c, CT_SHAPE(2), CT_INTS(1, 0));
    ct_tensor *y = ct_masked_select(ct_embedding(index, x), ct_gt(x, ct_scalar(c, CT_F64, 0)));
    ct_histogram(y, ct_linspace(c, CT_F64, 0, 2, 3));
    ct_searchsorted(ct_detach(y), x, true);
    ct_nonzero(ct_one_hot(index, 3, CT_F32));
    ct_bincount(ct_in_range(index, 0, 1, NULL), NULL, 3);
    ct_backward(ct_sum(ct_square(y)));
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *search_suite(void);
Suite *search_suite(void)
{
    return make_suite("search", (const TTest *const[]){
                                    finds_what_is_not_0, a_wrong_count, selects_under_a_mask,
                                    writes_one_hot, checks_a_range, embeds, counts_bins, searches_sorted_lists,
                                    counts_in_a_histogram, errors, out_of_memory, NULL });
}
