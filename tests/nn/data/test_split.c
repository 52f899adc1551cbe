/* nn/data/split.c, order.c: which rows there are, and how often they come */
#include "support.h"

static ct_tensor *labels_of(int64_t n, int64_t classes)
{
    ct_tensor *labels = ct_zeros(cx, CT_I64, CT_SHAPE(n)); /* class c is i mod 2^c == 0 ... */
    int64_t *data = ct_data_mutable(labels);
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c + 1 < classes && (i >> c & 1) == 0; c++)
            data[i] = c + 1;
    return labels;
}

/* both are ascending, and together all of 0 ... n - 1 */
static void expect_parts(ct_tensor *first, ct_tensor *rest, int64_t n, int64_t taken)
{
    const int64_t *a = ct_data_i64(first), *b = ct_data_i64(rest);
    int64_t i = 0, j = 0;
    ck_assert_int_eq(ct_count(first), taken);
    ck_assert_int_eq(ct_count(rest), n - taken);
    for (int64_t k = 0; k < n; k++)
        if (i < taken && a[i] == k)
            i++;
        else
            ck_assert(j < n - taken && b[j++] == k);
}

START_TEST(random_splits)
{
    const struct { int64_t n, taken; double share; } all[] = {
        { 10, 7, 0.7 }, { 10, 0, 0 }, { 10, 10, 1 }, { 3, 2, 0.5 }, { 0, 0, 0.5 }, { 1, 1, 0.5 },
        { 1000, 900, 0.9 } };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        ct_tensor *a, *b;
        ck_assert_int_eq(ct_random_split(cx, all[i].n, all[i].share, &a, &b), CT_OK);
        expect_parts(a, b, all[i].n, all[i].taken);
    }
    int counts[10] = { 0 };
    for (int round = 0; round < 1000; round++) {
        ct_tensor *a;
        ck_assert_int_eq(ct_random_split(cx, 10, 0.3, &a, NULL), CT_OK);
        for (int k = 0; k < 3; k++)
            counts[ct_data_i64(a)[k]]++;
    }
    for (int i = 0; i < 10; i++)
        ck_assert(counts[i] > 230 && counts[i] < 370);
    ct_tensor *once, *again;
    ct_seed(cx, 4);
    ct_random_split(cx, 100, 0.5, &once, NULL);
    ct_seed(cx, 4);
    ct_random_split(cx, 100, 0.5, NULL, &again);
    ck_assert_int_eq(ct_count(once), 50);
    ct_seed(cx, 4);
    ct_random_split(cx, 100, 0.5, &again, NULL);
    ck_assert_double_eq(ct_max_difference(once, again), 0);
}
END_TEST

START_TEST(stratified_splits)
{
    ct_tensor *labels = labels_of(64, 4), *a, *b; /* 32, 16, 8, 8 */
    ck_assert_int_eq(ct_stratified_split(labels, 0.25, &a, &b), CT_OK);
    expect_parts(a, b, 64, 16);
    expect_values(ct_bincount(ct_index_select(labels, 0, a), NULL, 4), CT_DOUBLES(8, 4, 2, 2), 0);
    ck_assert_int_eq(ct_stratified_split(ct_slice(labels, 0, -1, CT_END, -1), 0.25, &a, NULL),
                     CT_OK);
    ck_assert_int_eq(ct_count(a), 16);
    ck_assert_int_eq(ct_stratified_split(ct_zeros(cx, CT_I64, CT_SHAPE(0)), 0.25, &a, &b), CT_OK);
    ck_assert_int_eq(ct_count(a) + ct_count(b), 0);
}
END_TEST

START_TEST(bad_splits_are_refused)
{
    ct_tensor *a = NULL, *b = NULL, *labels = labels_of(4, 2);
    const double shares[] = { -0.1, 1.1, NAN };
    for (int i = 0; i < 3; i++) {
        a = b = labels;
        ck_assert_int_eq(ct_random_split(cx, 4, shares[i], &a, &b), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "random_split", "share", NULL);
        ck_assert(!a && !b);
        ck_assert_int_eq(ct_stratified_split(labels, shares[i], &a, &b), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "stratified_split", "share", NULL);
    }
    ck_assert_int_eq(ct_random_split(cx, -1, 0.5, &a, &b), CT_ERROR_RANGE);
    expect_error(CT_ERROR_RANGE, "-1", NULL);
    ck_assert_int_eq(ct_random_split(cx, INT64_MAX, 0.5, &a, &b), CT_ERROR_MEMORY);
    expect_error(CT_ERROR_MEMORY, NULL);
    ck_assert_int_eq(ct_random_split(NULL, 4, 0.5, &a, &b), CT_ERROR_NULL);
    ck_assert_int_eq(ct_stratified_split(NULL, 0.5, &a, &b), CT_ERROR_NULL);
    const int64_t wrong[] = { -1, INT64_MAX };
    for (int i = 0; i < 2; i++) {
        ct_tensor *bad = ct_from_ints(cx, CT_SHAPE(2), (const int64_t[]){ 0, wrong[i] }, 2);
        ck_assert_int_eq(ct_stratified_split(bad, 0.5, &a, &b), CT_ERROR_RANGE);
        expect_error(CT_ERROR_RANGE, "element 1", NULL);
        ck_assert_ptr_null(ct_balanced_weights(bad));
        expect_error(CT_ERROR_RANGE, "balanced_weights", "element 1", NULL);
    }
    ck_assert_ptr_null(ct_balanced_weights(ct_ones(cx, CT_F32, CT_SHAPE(2))));
    expect_error(CT_ERROR_DTYPE, "balanced_weights", NULL);
    ck_assert_ptr_null(ct_balanced_weights(ct_zeros(cx, CT_I64, CT_SHAPE(2, 2))));
    expect_error(CT_ERROR_SHAPE, "(2,2)", NULL);
}
END_TEST

/* how often each of n rows comes in that many epochs */
static void count_rows(ct_batches *b, int epochs, int *counts)
{
    ct_tensor *x;
    for (int e = 0; e < epochs; e++)
        while (ct_batches_next(b, &x, NULL))
            for (int64_t i = 0; i < ct_size(x, 0); i++)
                counts[(int)ct_at(x, CT_INDEX(i))]++;
    expect_ok();
}

START_TEST(batches_of_some_rows)
{
    int counts[10] = { 0 };
    ct_tensor *x = ct_range(cx, CT_F32, 10), *rows = ct_from_ints(cx, CT_SHAPE(4), CT_INTS(7, 2, 2, 9));
    ct_batches *b = ct_batches_new(x, NULL, 3, &(ct_batches_options){ .rows = rows });
    ck_assert_int_eq(ct_batches_count(b), 2);
    count_rows(b, 3, counts);
    const int want[] = { 0, 0, 6, 0, 0, 0, 0, 3, 0, 3 };
    ck_assert_mem_eq(counts, want, sizeof want);
    b = ct_batches_new(x, NULL, 4, &(ct_batches_options){ .rows = rows, .in_order = true });
    ck_assert(ct_batches_next(b, &x, NULL));
    expect_values(x, CT_DOUBLES(7, 2, 2, 9), 0);
}
END_TEST

START_TEST(batches_by_weights)
{
    int counts[5] = { 0 };
    ct_tensor *x = ct_range(cx, CT_F32, 5);
    ct_tensor *weights = ct_from_doubles(cx, CT_F32, CT_SHAPE(5), CT_DOUBLES(0, 1, 0, 3, 0));
    ct_batches *b = ct_batches_new(x, NULL, 2, &(ct_batches_options){ .weights = weights });
    ck_assert_int_eq(ct_batches_count(b), 3);
    count_rows(b, 800, counts);
    ck_assert_int_eq(counts[1] + counts[3], 4000);
    ck_assert(counts[1] > 900 && counts[1] < 1100);
    int few[5] = { 0 }; /* weights are those of the chosen rows */
    ct_tensor *rows = ct_from_ints(cx, CT_SHAPE(2), CT_INTS(4, 0));
    weights = ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(2, 0));
    b = ct_batches_new(x, NULL, 2, &(ct_batches_options){ .rows = rows, .weights = weights });
    count_rows(b, 10, few);
    ck_assert_int_eq(few[4], 20);
}
END_TEST

START_TEST(balanced_classes)
{
    int counts[64] = { 0 }, of_class[4] = { 0 };
    ct_tensor *labels = labels_of(64, 4), *weights = ct_balanced_weights(labels);
    ck_assert_int_eq(ct_dtype_of(weights), CT_F64);
    const int64_t *label = ct_data_i64(labels);
    const double want[] = { 1 / 32.0, 1 / 16.0, 1 / 8.0, 1 / 8.0 };
    for (int i = 0; i < 64; i++)
        ck_assert_double_eq(ct_at(weights, CT_INDEX(i)), want[label[i]]);
    count_rows(ct_batches_new(ct_range(cx, CT_F32, 64), NULL, 64,
                              &(ct_batches_options){ .weights = weights }), 100, counts);
    for (int i = 0; i < 64; i++)
        of_class[label[i]] += counts[i];
    for (int c = 0; c < 4; c++)
        ck_assert(of_class[c] > 1450 && of_class[c] < 1750);
    ck_assert_int_eq(ct_count(ct_balanced_weights(ct_zeros(cx, CT_I64, CT_SHAPE(0)))), 0);
}
END_TEST

static void expect_refused(ct_batches_options o, ct_status code, const char *why)
{
    ck_assert_ptr_null(ct_batches_new(ct_range(cx, CT_F32, 3), NULL, 2, &o));
    expect_error(code, "batches_new", why, NULL);
}

START_TEST(bad_rows_and_weights_are_refused)
{
    ct_tensor *ones = ct_ones(cx, CT_F64, CT_SHAPE(3));
    ct_context *other = ct_context_new(NULL);
    expect_refused((ct_batches_options){ .rows = ones }, CT_ERROR_DTYPE, "i64");
    expect_refused((ct_batches_options){ .rows = ct_full(cx, CT_I64, CT_SHAPE(2), 3) },
                   CT_ERROR_RANGE, "element 0 is 3");
    expect_refused((ct_batches_options){ .rows = ct_full(cx, CT_I64, CT_SHAPE(2), -1) },
                   CT_ERROR_RANGE, "-1");
    expect_refused((ct_batches_options){ .rows = ct_zeros(cx, CT_I64, CT_SHAPE(2, 1)) },
                   CT_ERROR_SHAPE, "rows must be 1-d");
    expect_refused((ct_batches_options){ .rows = ct_zeros(cx, CT_I64, CT_SHAPE(0)) },
                   CT_ERROR_RANGE, "0 rows");
    expect_refused((ct_batches_options){ .rows = ct_zeros(cx, CT_I64, CT_SHAPE(1)),
                                         .drop_last = true }, CT_ERROR_RANGE, "1 rows");
    expect_refused((ct_batches_options){ .weights = ones, .in_order = true }, CT_ERROR_VALUE,
                   "in order");
    expect_refused((ct_batches_options){ .weights = ct_ones(cx, CT_F64, CT_SHAPE(2)) },
                   CT_ERROR_SHAPE, "3 rows, and there are 2");
    expect_refused((ct_batches_options){ .weights = ct_zeros_like(ones) }, CT_ERROR_VALUE, "sum");
    expect_refused((ct_batches_options){ .weights = ct_full(cx, CT_F64, CT_SHAPE(3), 1e308) },
                   CT_ERROR_VALUE, "finite");
    const double wrong[] = { -1, NAN };
    for (int i = 0; i < 2; i++)
        expect_refused((ct_batches_options){ .weights = ct_full(cx, CT_F64, CT_SHAPE(3), wrong[i]) },
                       CT_ERROR_VALUE, "element 0");
    expect_refused((ct_batches_options){ .weights = ct_ones(other, CT_F64, CT_SHAPE(3)) },
                   CT_ERROR_CONTEXT, "weights");
    ct_context_free(other);
    ct_fail(cx, CT_ERROR_FILE, "no weights"); /* a NULL may be what could not be made */
    ck_assert_ptr_null(ct_batches_new(ones, ones, 2, &(ct_batches_options){ .weights = NULL }));
    expect_error(CT_ERROR_FILE, "no weights", NULL);
}
END_TEST

static void split_and_draw(ct_context *c)
{
    ct_tensor *a, *b, *x, *labels = ct_zeros(c, CT_I64, CT_SHAPE(6));
    ct_random_split(c, 6, 0.5, &a, &b);
    ct_stratified_split(labels, 0.5, &a, &b);
    ct_tensor *weights = ct_balanced_weights(labels);
    ct_batches *all = ct_batches_new(ct_ones(c, CT_F32, CT_SHAPE(6)), NULL, 4,
                                     &(ct_batches_options){ .weights = weights, .rows = labels });
    ck_assert_int_eq(all == NULL, ct_error(c) != CT_OK);
    while (ct_batches_next(all, &x, NULL))
        continue;
    ct_batches_free(all);
}

START_TEST(every_allocation_may_fail)
{
    for_each_failing_allocation(split_and_draw);
}
END_TEST

Suite *split_suite(void);
Suite *split_suite(void)
{
    const TTest *const tests[] = {
        random_splits,
        stratified_splits,
        bad_splits_are_refused,
        batches_of_some_rows,
        batches_by_weights,
        balanced_classes,
        bad_rows_and_weights_are_refused,
        every_allocation_may_fail,
        NULL,
    };
    return make_suite("nn/split", tests);
}
