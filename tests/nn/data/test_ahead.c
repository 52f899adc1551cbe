/* nn/data/runner.c, and batches.c with it: batches that are made ahead are the same, and the thread
 * never outlives them. ./run tests looks here for races, by ThreadSanitizer. */
#define _GNU_SOURCE
#include <cotangent/io.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "support.h"
#include "system.h"

static ct_tensor *images(int64_t n)
{
    return ct_reshape(ct_range(cx, CT_F32, n * 12), CT_SHAPE(n, 3, 4));
}

static ct_tensor *targets(int64_t n)
{
    ct_tensor *class = ct_remainder(ct_range(cx, CT_F64, n), ct_scalar(cx, CT_F64, 3));
    return ct_one_hot(ct_cast(class, CT_I64), 3, CT_F64);
}

static bool number_and_row(const ct_example *e, void *user)
{
    (void)user;
    ((float *)e->x)[0] = (float)e->row;
    ((float *)e->x)[1] = (float)(e->random >> 40);
    return true;
}

static const ct_transform changes[] = { { .kind = CT_RANDOM_CROP, .height = 3, .width = 2, .pixels = 1 },
                                        { .kind = CT_RANDOM_FLIP }, { .kind = CT_NOISE, .deviation = 1 },
                                        { .kind = CT_MIXUP, .alpha = 0.4 } };

/* everything that `epochs` epochs give, in one list; draws of the caller's lie between */
static double *given_by(ct_batches *b, int epochs, int64_t *n)
{
    enum { ROOM = 100000 };
    double *all = calloc(ROOM, sizeof *all);
    ct_tensor *x, *y;
    *n = 0;
    for (int e = 0; e < epochs; e++) {
        while (ct_batches_next(b, &x, &y)) {
            ck_assert_int_lt(*n + ct_count(x) + ct_count(y) + 1, ROOM);
            ct_to_doubles(x, all + *n, ct_count(x));
            *n += ct_count(x);
            ct_to_doubles(y, all + *n, ct_count(y));
            *n += ct_count(y);
            all[(*n)++] = (double)(ct_random_u64(cx) >> 11);
        }
        all[(*n)++] = (double)(ct_random_u64(cx) >> 11);
    }
    expect_ok();
    return all;
}

static void expect_same(ct_batches_options o, int64_t rows, int64_t size)
{
    double *all[2];
    int64_t n[2];
    for (int ahead = 0; ahead < 2; ahead++) {
        o.ahead = ahead == 1;
        ct_seed(cx, 11);
        ct_batches *b = ct_batches_new(images(rows), targets(rows), size, &o);
        all[ahead] = given_by(b, 3, &n[ahead]);
        ct_batches_free(b);
    }
    ck_assert_int_eq(n[0], n[1]);
    ck_assert_mem_eq(all[0], all[1], (size_t)n[0] * sizeof *all[0]);
    free(all[0]);
    free(all[1]);
}

START_TEST(the_same_bits_as_without)
{
    const int64_t sizes[] = { 1, 3, 4, 8, 20 };
    ct_tensor *rows = ct_from_ints(cx, CT_SHAPE(5), CT_INTS(3, 1, 4, 1, 5));
    ct_tensor *weights = ct_from_doubles(cx, CT_F64, CT_SHAPE(8), CT_DOUBLES(1, 2, 3, 4, 5, 0, 1, 2));
    for (int i = 0; i < 5; i++) {
        expect_same((ct_batches_options){ .in_order = true }, 8, sizes[i]);
        expect_same((ct_batches_options){ .drop_last = sizes[i] <= 8 }, 8, sizes[i]);
        expect_same((ct_batches_options){ .rows = rows }, 8, sizes[i]);
        expect_same((ct_batches_options){ .weights = weights }, 8, sizes[i]);
        expect_same((ct_batches_options){ .transforms = changes, .count = 4 }, 8, sizes[i]);
        expect_same((ct_batches_options){ .transforms = changes, .count = 2,
                                          .each = number_and_row }, 8, sizes[i]);
    }
}
END_TEST

START_TEST(each_example_is_passed_to_the_caller)
{
    for (int ahead = 0; ahead < 2; ahead++) {
        ct_tensor *x;
        float drawn[2];
        ct_batches *b = ct_batches_new(images(6), NULL, 4, &(ct_batches_options){
            .ahead = ahead == 1, .in_order = true, .each = number_and_row });
        for (int k = 0; k < 2; k++) {
            ck_assert(ct_batches_next(b, &x, NULL));
            const float *data = ct_data_f32(x);
            for (int i = 0; i < ct_size(x, 0); i++)
                ck_assert_float_eq(data[12 * i], (float)(4 * k + i));
            drawn[k] = data[1];
        }
        ck_assert_float_ne(drawn[0], drawn[1]);
        ck_assert(!ct_batches_next(b, &x, NULL));
    }
}
END_TEST

/* the tensors stay as they are until the next call, and a graph that needs them later says so */
START_TEST(what_is_given_out_stays_until_the_next_call)
{
    ct_tensor *x, *first;
    ct_batches *b = ct_batches_new(images(6), NULL, 2, &(ct_batches_options){ .ahead = true,
                                                                             .in_order = true });
    const struct timespec moment = { 0, 5000000 };
    ck_assert(ct_batches_next(b, &first, NULL));
    ct_tensor *w = ct_variable(ct_ones(cx, CT_F32, CT_SHAPE(3, 4)));
    ct_tensor *y = ct_sum(ct_mul(first, w));
    nanosleep(&moment, NULL); /* the thread is done with the next batch */
    for (int i = 0; i < 24; i++)
        ck_assert_float_eq(ct_data_f32(first)[i], (float)i);
    ck_assert_int_eq(ct_backward(y), CT_OK);
    y = ct_sum(ct_mul(first, w));
    ck_assert(ct_batches_next(b, &x, NULL));
    ck_assert_int_eq(ct_backward(y), CT_ERROR_STALE);
    expect_error(CT_ERROR_STALE, "mul", NULL);
}
END_TEST

static bool slow(const ct_example *e, void *user)
{
    const struct timespec moment = { 0, 1000000 };
    nanosleep(&moment, NULL);
    ((float *)e->x)[0] += *(const float *)user;
    return true;
}

/* the thread is at work in all of these */
START_TEST(freeing_waits_for_the_thread)
{
    float *one = malloc(sizeof *one); /* a sanitizer sees who uses it too late */
    *one = 1;
    for (int way = 0; way < 3; way++) {
        ct_context *own = ct_context_new(NULL), *before = cx;
        cx = own;
        ct_tensor *x;
        ct_batches *b = ct_batches_new(images(40), NULL, 10, &(ct_batches_options){
            .ahead = true, .each = slow, .user = one, .transforms = changes, .count = 2 });
        for (int k = 0; k < way; k++)
            ck_assert(ct_batches_next(b, &x, NULL));
        if (way < 2)
            ct_batches_free(b);
        expect_ok();
        ct_context_free(own); /* of the last one, with the thread at work */
        cx = before;
    }
    free(one);
}
END_TEST

static bool fail_at(const ct_example *e, void *user)
{
    return e->row != *(const int64_t *)user;
}

START_TEST(an_error_in_the_thread_arrives_at_the_caller)
{
    for (int ahead = 0; ahead < 2; ahead++) {
        int64_t bad = 5;
        ct_tensor *x, *y = images(1);
        ct_batches *b = ct_batches_new(images(8), NULL, 2, &(ct_batches_options){
            .ahead = ahead == 1, .in_order = true, .each = fail_at, .user = &bad });
        ck_assert(ct_batches_next(b, &x, &y));
        ck_assert_ptr_null(y);
        ck_assert(ct_batches_next(b, &x, NULL)); /* the third is being made */
        expect_ok();
        ck_assert(!ct_batches_next(b, &x, NULL));
        ck_assert_ptr_null(x);
        expect_error(CT_ERROR_CALLBACK, "batches_next: `each` failed for row 5", NULL);
        ck_assert(!ct_batches_next(b, &x, NULL)); /* it is tried again */
        expect_error(CT_ERROR_CALLBACK, "row 5", NULL);
        bad = -1;
        ck_assert(ct_batches_next(b, &x, NULL));
        ck_assert_float_eq(ct_data_f32(x)[0], 48);
        ck_assert(ct_batches_next(b, &x, NULL));
        ck_assert(!ct_batches_next(b, &x, NULL));
        expect_ok();
    }
}
END_TEST

START_TEST(a_pending_error_stops_the_loop)
{
    ct_tensor *x;
    ct_batches *b = ct_batches_new(images(4), NULL, 2, &(ct_batches_options){ .ahead = true,
                                                                             .in_order = true });
    ck_assert(ct_batches_next(b, &x, NULL));
    ct_fail(cx, CT_ERROR_VALUE, "mine");
    ck_assert(!ct_batches_next(b, &x, NULL));
    ct_error_clear(cx);
    ck_assert(ct_batches_next(b, &x, NULL)); /* where it stopped */
    ck_assert_float_eq(ct_data_f32(x)[0], 24);
    ck_assert(!ct_batches_next(b, &x, NULL));
}
END_TEST

/* the system refuses the thread, or its locks */
START_TEST(the_same_without_a_thread)
{
    for (int k = 0; k < 3; k++) {
        system_call call = k == 0 ? SYSTEM_THREAD : SYSTEM_LOCK;
        system_refuses(call, k == 2 ? 2 : 1, true);
        expect_same((ct_batches_options){ .transforms = changes, .count = 4 }, 8, 3);
        ck_assert_int_gt(system_asked(call), 0);
        system_refuses(call, 0, false);
    }
}
END_TEST

/* a child has the object and not the thread; it goes on, and ends, by itself */
START_TEST(a_child_after_fork_goes_on)
{
    ct_tensor *x;
    ct_batches *b = ct_batches_new(images(8), NULL, 2, &(ct_batches_options){
        .ahead = true, .in_order = true });
    ck_assert(ct_batches_next(b, &x, NULL));
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        bool good = true;
        for (int k = 1; k < 4; k++)
            good = good && ct_batches_next(b, &x, NULL) && ct_data_f32(x)[0] == (float)(24 * k);
        good = good && !ct_batches_next(b, &x, NULL) && ct_error(cx) == CT_OK;
        ct_batches_free(b);
        _exit(good ? 0 : 1);
    }
    ck_assert_int_eq(wait_for(child), 0);
    for (int k = 1; k < 4; k++)
        ck_assert(ct_batches_next(b, &x, NULL));
    ct_batches_free(b);
}
END_TEST

/* two runs from the same file give the same, whatever the thread had begun before */
START_TEST(a_run_that_was_cut_off_goes_on)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/cotangent-ahead-%ld", (long)getpid());
    ct_batches *b = ct_batches_new(images(9), targets(9), 2, &(ct_batches_options){
        .ahead = true, .transforms = changes, .count = 4 });
    ct_training run = { .module = ct_linear_new(cx, CT_F32, 1, 1, NULL), .batches = b };
    double *all[2];
    int64_t n[2];
    ct_tensor *x;
    for (int k = 0; k < 3; k++)
        ck_assert(ct_batches_next(b, &x, NULL));
    ck_assert_int_eq(ct_training_save(&run, path), CT_OK);
    for (int k = 0; k < 2; k++) {
        if (ct_training_load(&run, path) != CT_OK) {
            expect_error(CT_ERROR_UNSUPPORTED, "jansson", NULL);
            unlink(path);
            skip("this build has no jansson");
            return;
        }
        all[k] = given_by(b, 2, &n[k]);
        ck_assert(ct_batches_next(b, &x, NULL)); /* leaves the thread with a batch of its own */
    }
    ck_assert_int_eq(n[0], n[1]);
    ck_assert_mem_eq(all[0], all[1], (size_t)n[0] * sizeof *all[0]);
    free(all[0]);
    free(all[1]);
    unlink(path);
}
END_TEST

START_TEST(epochs_after_the_first_allocate_nothing)
{
    ct_memory before, after;
    int64_t n;
    ct_batches *b = ct_batches_new(images(9), targets(9), 2, &(ct_batches_options){
        .ahead = true, .transforms = changes, .count = 4 });
    free(given_by(b, 1, &n));
    ct_memory_stats(cx, &before);
    free(given_by(b, 5, &n));
    ct_memory_stats(cx, &after);
    ck_assert_int_eq(after.allocations, before.allocations);
}
END_TEST

static void two_epochs(ct_context *c)
{
    ct_tensor *x = ct_ones(c, CT_F32, CT_SHAPE(5, 2, 2)), *bx;
    ct_batches *b = ct_batches_new(x, ct_ones(c, CT_F32, CT_SHAPE(5)), 2, &(ct_batches_options){
        .ahead = true, .transforms = changes + 1, .count = 3 });
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

Suite *ahead_suite(void);
Suite *ahead_suite(void)
{
    const TTest *const tests[] = {
        the_same_bits_as_without,
        each_example_is_passed_to_the_caller,
        what_is_given_out_stays_until_the_next_call,
        freeing_waits_for_the_thread,
        an_error_in_the_thread_arrives_at_the_caller,
        a_pending_error_stops_the_loop,
        the_same_without_a_thread,
        a_child_after_fork_goes_on,
        a_run_that_was_cut_off_goes_on,
        epochs_after_the_first_allocate_nothing,
        every_allocation_may_fail,
        NULL,
    };
    return make_suite("nn/ahead", tests);
}
