/* nn/data/batches.c */
#include "support.h"

/* rows 0..n-1: x (n,2) = (i, -i), y (n) = 10 i */
static ct_batches *numbered(int64_t n, int64_t size, const ct_batches_options *options)
{
    ct_tensor *i = ct_range(cx, CT_F32, n);
    ct_tensor *x = ct_stack(CT_TENSORS(i, ct_neg(i)), 1);
    ct_tensor *y = ct_cast(ct_scale(i, 10), CT_I64);
    return ct_batches_new(x, y, size, options);
}

/* one epoch: which rows came, in order; their number */
static int64_t epoch(ct_batches *b, int64_t *rows)
{
    int64_t n = 0;
    ct_tensor *x, *y;
    while (ct_batches_next(b, &x, &y))
        for (int64_t i = 0; i < ct_size(x, 0); i++) {
            double row = ct_at(x, CT_INDEX(i, 0));
            ck_assert_double_eq(ct_at(x, CT_INDEX(i, 1)), -row);
            ck_assert_double_eq(ct_at(y, CT_INDEX(i)), 10 * row);
            rows[n++] = (int64_t)row;
        }
    ck_assert_ptr_null(x);
    ck_assert_ptr_null(y);
    return n;
}

START_TEST(an_epoch_gives_each_row_once_and_shuffled_anew)
{
    enum { N = 103 };
    int64_t rows[2][N], moved = 0, changed = 0;
    ct_batches *b = numbered(N, 10, NULL);
    ck_assert_int_eq(ct_batches_count(b), 11);
    for (int e = 0; e < 2; e++) {
        bool seen[N] = { false };
        ck_assert_int_eq(epoch(b, rows[e]), N);
        for (int i = 0; i < N; i++) {
            ck_assert(!seen[rows[e][i]]);
            seen[rows[e][i]] = true;
            moved += rows[e][i] != i;
            changed += e == 1 && rows[1][i] != rows[0][i];
        }
    }
    ck_assert_int_gt(moved, N);
    ck_assert_int_gt(changed, N / 2);
}
END_TEST

START_TEST(the_seed_decides_the_order)
{
    int64_t rows[2][20];
    ct_batches *b = numbered(20, 7, NULL);
    for (int e = 0; e < 2; e++) {
        ct_seed(cx, 5);
        epoch(b, rows[e]);
    }
    ck_assert_mem_eq(rows[0], rows[1], sizeof rows[0]);
}
END_TEST

static bool double_it(const ct_example *e, void *user)
{
    (void)user;
    ((float *)e->x)[1] *= (float)(1 + e->random % 3);
    return true;
}

/* the parts of all ranks, one after another, are the batches of one rank, and no draw of others
   matters */
START_TEST(ranks_share_each_batch)
{
    enum { N = 23, SIZE = 5, MOST = 7 };
    for (int ranks = 1; ranks <= MOST; ranks++)
        for (int ahead = 0; ahead < 2; ahead++) {
            ct_batches *b[MOST + 1];
            ct_tensor *x, *y, *all, *labels, *i = ct_range(cx, CT_F32, N);
            x = ct_stack(CT_TENSORS(i, ct_neg(i)), 1);
            for (int r = 0; r <= ranks; r++)
                b[r] = ct_batches_new(x, i, SIZE, &(ct_batches_options){ .ahead = ahead,
                    .seed = 3, .rank = r < ranks ? r : 0, .ranks = r < ranks ? ranks : 1,
                    .each = double_it });
            for (int k = 0; k < 2 * 6; k++) {
                bool more = ct_batches_next(b[ranks], &all, &labels);
                ck_assert_int_eq(more, k % 6 != 5);
                int64_t n = more ? ct_size(all, 0) : 0, at = 0;
                for (int r = 0; r < ranks; r++) {
                    ct_random_u64(cx);
                    ck_assert_int_eq(ct_batches_next(b[r], &x, &y), more);
                    ck_assert_int_eq(ct_batches_count(b[r]), 5);
                    for (int64_t j = 0; more && j < ct_size(x, 0); j++, at++) {
                        ck_assert_double_eq(ct_at(x, CT_INDEX(j, 0)), ct_at(all, CT_INDEX(at, 0)));
                        ck_assert_double_eq(ct_at(x, CT_INDEX(j, 1)), ct_at(all, CT_INDEX(at, 1)));
                        ck_assert_double_eq(ct_at(y, CT_INDEX(j)), ct_at(labels, CT_INDEX(at)));
                    }
                }
                ck_assert_int_eq(at, n);
            }
            for (int r = 0; r <= ranks; r++)
                ct_batches_free(b[r]);
        }
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(4));
    const int bad[][2] = { { 1, 0 }, { -1, 2 }, { 2, 2 }, { 0, -1 } };
    for (int k = 0; k < 4; k++) {
        ck_assert_ptr_null(ct_batches_new(x, NULL, 2, &(ct_batches_options){
            .rank = bad[k][0], .ranks = bad[k][1] }));
        expect_error(CT_ERROR_RANGE, "there can be no rank", NULL);
    }
}
END_TEST

START_TEST(mixup_of_a_part_without_examples)
{
    const ct_transform mix = { .kind = CT_MIXUP, .alpha = 1 };
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(1, 2));
    ct_batches *b = ct_batches_new(x, ct_ones(cx, CT_F32, CT_SHAPE(1)), 1, &(ct_batches_options){
        .rank = 0, .ranks = 2, .transforms = &mix, .count = 1 });
    ck_assert(ct_batches_next(b, &x, NULL));
    ck_assert_int_eq(ct_size(x, 0), 0);
    ct_batches_free(b);
}
END_TEST

START_TEST(all_orders_are_equally_likely)
{
    int count[6] = { 0 };
    ct_batches *b = numbered(3, 3, NULL);
    for (int e = 0; e < 6000; e++) {
        int64_t r[3];
        epoch(b, r);
        count[r[0] * 2 + (r[1] > r[2])]++;
    }
    double chi = 0;
    for (int i = 0; i < 6; i++)
        chi += (count[i] - 1000.0) * (count[i] - 1000.0) / 1000;
    ck_assert_double_lt(chi, 25.7); /* 5 degrees of freedom: one seed in 10,000 is beyond */
}
END_TEST

START_TEST(in_order_and_drop_last)
{
    int64_t rows[10];
    ct_batches *b = numbered(10, 4, &(ct_batches_options){ .in_order = true });
    ck_assert_int_eq(ct_batches_count(b), 3);
    ck_assert_int_eq(epoch(b, rows), 10);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(rows[i], i);
    b = numbered(10, 4, &(ct_batches_options){ .in_order = true, .drop_last = true });
    ck_assert_int_eq(ct_batches_count(b), 2);
    ck_assert_int_eq(epoch(b, rows), 8);
    ck_assert_int_eq(epoch(b, rows), 8);
    b = numbered(8, 4, NULL);
    ck_assert_int_eq(ct_batches_count(b), 2);
    ck_assert_int_eq(epoch(b, rows), 8);
    b = numbered(3, 100, NULL);
    ck_assert_int_eq(ct_batches_count(b), 1);
    ck_assert_int_eq(epoch(b, rows), 3);
}
END_TEST

START_TEST(every_dtype_and_layout_comes_through)
{
    const ct_dtype dtypes[] = { CT_F32, CT_F64, CT_I64, CT_BOOL };
    for (int k = 0; k < 4; k++) {
        ct_tensor *x = ct_from_doubles(cx, dtypes[k], CT_SHAPE(2, 1, 3),
                                       CT_DOUBLES(1, 0, 1, 0, 0, 1));
        ct_tensor *turned = ct_permute(x, CT_AXES(2, 1, 0)), *bx;
        ct_batches *b = ct_batches_new(turned, NULL, 2, &(ct_batches_options){ .in_order = true });
        ck_assert(ct_batches_next(b, &bx, NULL));
        expect_values(bx, CT_DOUBLES(1, 0, 0, 0), 0);
        ck_assert(ct_batches_next(b, &bx, NULL));
        expect_values(bx, CT_DOUBLES(1, 1), 0);
        ck_assert_int_eq(ct_dtype_of(bx), dtypes[k]);
        ck_assert(!ct_batches_next(b, &bx, NULL));
    }
    ct_tensor *none, *rows = ct_zeros(cx, CT_F32, CT_SHAPE(3, 0));
    ct_batches *b = ct_batches_new(rows, NULL, 2, NULL);
    ck_assert(ct_batches_next(b, &none, NULL));
    ck_assert_int_eq(ct_size(none, 0), 2);
    expect_ok();
}
END_TEST

START_TEST(batches_outlive_scopes_and_are_overwritten)
{
    ct_tensor *x, *first;
    ct_scope scope = ct_scope_begin(cx);
    ct_batches *b = numbered(4, 2, &(ct_batches_options){ .in_order = true });
    ck_assert(ct_batches_next(b, &first, NULL));
    ct_scope_end(cx, scope);
    expect_values(first, CT_DOUBLES(0, 0, 1, -1), 0);
    ck_assert(ct_batches_next(b, &x, NULL));
    expect_values(first, CT_DOUBLES(2, -2, 3, -3), 0);
    /* a graph that still needs the batch before says so */
    ct_tensor *w = ct_variable(ct_ones(cx, CT_F32, CT_SHAPE(2)));
    ct_tensor *y = ct_sum(ct_mul(x, w));
    ct_batches_next(b, &x, NULL);
    ck_assert(ct_batches_next(b, &x, NULL));
    ck_assert_int_eq(ct_backward(y), CT_ERROR_STALE);
    expect_error(CT_ERROR_STALE, "mul", NULL);
}
END_TEST

START_TEST(epochs_after_the_first_allocate_nothing)
{
    int64_t rows[50];
    ct_memory first, before, after;
    ct_batches *b = numbered(50, 16, NULL);
    ct_memory_stats(cx, &first);
    epoch(b, rows);
    ct_memory_stats(cx, &before);
    ck_assert_int_eq(before.scopes, first.scopes);
    for (int e = 0; e < 10; e++)
        epoch(b, rows);
    ct_memory_stats(cx, &after);
    ck_assert_int_eq(after.allocations, before.allocations);
    ck_assert_int_eq(after.live_bytes, before.live_bytes);
}
END_TEST

START_TEST(a_pending_error_stops_the_loop)
{
    ct_tensor *x;
    ct_batches *b = numbered(4, 2, NULL);
    ck_assert(ct_batches_next(b, &x, NULL));
    ct_fail(cx, CT_ERROR_VALUE, "mine");
    ck_assert(!ct_batches_next(b, &x, NULL));
    ct_error_clear(cx);
    ck_assert(ct_batches_next(b, &x, NULL)); /* where it stopped */
    ck_assert(!ct_batches_next(b, &x, NULL));
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(4, 2)), *y = ct_ones(cx, CT_F32, CT_SHAPE(3));
    ck_assert_ptr_null(ct_batches_new(x, y, 2, NULL));
    expect_error(CT_ERROR_SHAPE, "batches_new", "(4,2)", "(3)", NULL);
    const int64_t sizes[] = { 0, -1 };
    for (int i = 0; i < 2; i++) {
        ck_assert_ptr_null(ct_batches_new(x, NULL, sizes[i], NULL));
        expect_error(CT_ERROR_RANGE, "batches_new", "4 rows", NULL);
    }
    ck_assert_ptr_null(ct_batches_new(x, NULL, 5, &(ct_batches_options){ .drop_last = true }));
    expect_error(CT_ERROR_RANGE, "dropped", NULL);
    ck_assert_ptr_null(ct_batches_new(ct_zeros(cx, CT_F32, CT_SHAPE(0, 2)), NULL, 2, NULL));
    expect_error(CT_ERROR_RANGE, "0 rows", NULL);
    ck_assert_ptr_null(ct_batches_new(ct_scalar(cx, CT_F32, 1), NULL, 2, NULL));
    expect_error(CT_ERROR_SHAPE, "0-d", NULL);
    ck_assert_ptr_null(ct_batches_new(NULL, y, 2, NULL));
    expect_error(CT_ERROR_NULL, "batches_new", NULL);
    ck_assert_ptr_null(ct_batches_new(x, NULL, 2, &(ct_batches_options){ .reserved = { 3 } }));
    expect_error(CT_ERROR_VALUE, "zeroed", NULL);
    ck_assert_ptr_null(ct_batches_new(ct_variable(ct_ones_like(x)), NULL, 2, NULL));
    expect_error(CT_ERROR_GRAPH, "requires grad", NULL);
    ct_context *other = ct_context_new(NULL);
    ck_assert_ptr_null(ct_batches_new(x, ct_ones(other, CT_F32, CT_SHAPE(4)), 2, NULL));
    expect_error(CT_ERROR_CONTEXT, "batches_new", NULL);
    ct_context_free(other);
    ct_fail(cx, CT_ERROR_FILE, "no labels");
    ck_assert_ptr_null(ct_batches_new(x, NULL, 2, NULL)); /* that NULL is a failed result */
    expect_error(CT_ERROR_FILE, "no labels", NULL);
    ct_tensor *vast = ct_zeros(cx, CT_F32, CT_SHAPE((int64_t)1 << 50, 0));
    ck_assert_ptr_null(ct_batches_new(vast, NULL, 1, NULL));
    expect_error(CT_ERROR_MEMORY, "out of memory", NULL);
    ck_assert_int_eq(ct_batches_count(NULL), -1);
    ck_assert(!ct_batches_next(NULL, &x, &y));
    ck_assert_ptr_null(x);
    ct_batches_free(NULL);
}
END_TEST

static void use_freed_batches(void)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(5, 2)), *bx = x, *by = x;
    ct_batches *b = ct_batches_new(x, NULL, 2, NULL);
    ct_batches_free(b);
    expect_ok();
    ct_batches_free(b);
    expect_error(CT_ERROR_STALE, "batches_free", NULL);
    ck_assert(!ct_batches_next(b, &bx, &by));
    expect_error(CT_ERROR_STALE, "batches_next", NULL);
    ck_assert(!bx && !by);
    ck_assert_int_eq(ct_batches_count(b), -1);
    expect_error(CT_ERROR_STALE, "batches_count", NULL);
}

START_TEST(freed_batches_are_stale)
{
    with_pool(use_freed_batches);
}
END_TEST

static void two_epochs(ct_context *c)
{
    ct_tensor *x = ct_ones(c, CT_F32, CT_SHAPE(5, 2)), *bx;
    ct_batches *b = ct_batches_new(ct_transpose(x), ct_ones(c, CT_I64, CT_SHAPE(2)), 1, NULL);
    for (int e = 0; e < 2; e++)
        while (ct_batches_next(b, &bx, NULL))
            continue;
    ct_batches_free(b);
}

START_TEST(every_allocation_may_fail)
{
    for_each_failing_allocation(two_epochs);
}
END_TEST

Suite *data_suite(void);
Suite *data_suite(void)
{
    const TTest *const tests[] = {
        an_epoch_gives_each_row_once_and_shuffled_anew,
        the_seed_decides_the_order,
        ranks_share_each_batch,
        mixup_of_a_part_without_examples,
        all_orders_are_equally_likely,
        in_order_and_drop_last,
        every_dtype_and_layout_comes_through,
        batches_outlive_scopes_and_are_overwritten,
        epochs_after_the_first_allocate_nothing,
        a_pending_error_stops_the_loop,
        bad_arguments_are_refused,
        freed_batches_are_stale,
        every_allocation_may_fail,
        NULL,
    };
    return make_suite("nn/data", tests);
}
