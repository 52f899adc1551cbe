/* Contexts in threads of the host's, and threads of a context's own. */
#define _POSIX_C_SOURCE 200809L
#include "system.h"
#include "ways.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

/* -- Two contexts know nothing of each other */
static void *work(void *seed)
{
    ct_context *c = ct_context_new(&(ct_context_options){ .seed = *(uint64_t *)seed });
    ct_tensor *x = ct_variable(ct_randn(c, CT_F64, CT_SHAPE(20)));
    for (int i = 0; i < 200; i++) {
        ct_scope scope = ct_scope_begin(c);
        ct_backward(ct_sum(ct_square(ct_sin(x))));
        ct_no_grad(c);
        ct_assign_add(x, -0.1, ct_gradient(x));
        ct_zero_grad(x);
        ct_scope_end(c, scope);
        if (i % 50 == 0)
            ct_add(x, ct_zeros(c, CT_F32, CT_SHAPE(1))); /* an error, of this context alone */
        ct_error_clear(c);
    }
    double worst = ct_item(ct_max(ct_abs(ct_sin(x))));
    ct_context_free(c);
    *(uint64_t *)seed = worst < 1e-3;
    return NULL;
}

START_TEST(contexts_in_threads)
{
    uint64_t seeds[4] = { 1, 2, 3, 4 };
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &seeds[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq((int)seeds[i], 1);
    }
}
END_TEST

/* -- ct_parallel_for */
enum { N = 1000 };

static void count(int64_t i, void *arg)
{
    ((int *)arg)[i]++;
}

/* jobs of 0, 1, 2, ... indices: index i takes part in those that are longer */
static void check_counts(ct_context *c, int jobs)
{
    int counts[N] = { 0 };
    for (int n = 0; n < jobs; n++)
        ct_parallel_for(c, n, count, counts);
    for (int i = 0; i < N; i++)
        ck_assert_int_eq(counts[i], i < jobs ? jobs - 1 - i : 0);
}

START_TEST(each_once)
{
    for (int threads = 0; threads < 5; threads++) {
        ct_context *c = ct_context_new(&(ct_context_options){ .threads = threads });
        check_counts(c, N);
        ct_context_free(c);
    }
    ct_context *all = ct_context_new(&(ct_context_options){ .threads = -1 });
    check_counts(all, 10);
    ct_context_free(all);
    ct_parallel_for(NULL, 3, count, NULL);
    ct_parallel_for(cx, 0, count, NULL);
}
END_TEST

enum { SLOTS = 3 };

typedef struct uses {
    atomic_int busy[SLOTS], shared;
    int counts[N];
} uses;

static void use(int64_t i, int64_t slot, void *arg)
{
    uses *u = arg;
    if (slot < 0 || slot >= SLOTS || atomic_fetch_add(&u->busy[slot], 1) > 0)
        atomic_fetch_add(&u->shared, 1);
    u->counts[i]++;
    sched_yield();
    atomic_fetch_sub(&u->busy[slot], 1);
}

static void check_slots(ct_context *c, int n, int slots)
{
    uses u = { 0 };
    ct_parallel_slots(c, n, slots, use, &u);
    ck_assert_int_eq(u.shared, 0);
    for (int i = 0; i < N; i++)
        ck_assert_int_eq(u.counts[i], i < n && slots > 0);
}

START_TEST(slots_are_apart)
{
    for (int threads = 0; threads < 6; threads++) {
        ct_context *c = ct_context_new(&(ct_context_options){ .threads = threads });
        for (int n = 0; n <= N; n += 1 + n / 2)
            for (int slots = 0; slots <= SLOTS; slots++)
                check_slots(c, n, slots);
        int own = ct_threads_of(c);
        ck_assert_int_eq((int)ct_slots_of(c, N, 100), own);
        ck_assert_int_eq((int)ct_slots_of(c, 2, 100), own > 1 ? 2 : 1);
        ck_assert_int_eq((int)ct_slots_of(c, 0, 0), 1);
        ck_assert_int_eq((int)ct_slots_of(c, N, SIZE_MAX / 2), 1);
        ck_assert_int_eq((int)ct_slots_of(c, N, (32 << 20) - 1), own < 3 ? own : 3);
        ct_context_free(c);
    }
    ct_parallel_slots(cx, 3, 1, NULL, NULL);
    ck_assert_int_eq((int)ct_slots_of(NULL, 3, 1), 1);
}
END_TEST

/* the system refuses threads, or locks: those that are there do all of it */
START_TEST(with_fewer_threads)
{
    for (int k = 0; k < 4 * 2 * 2; k++) {
        long long blocks = 0;
        ct_context *c = ct_context_new(&(ct_context_options){
            .threads = 4, .allocator = counting_allocator(&blocks) });
        system_call call = k & 1 ? SYSTEM_THREAD : SYSTEM_LOCK;
        system_refuses(call, 1 + k / 4, k & 2);
        check_counts(c, 50);
        ck_assert_int_gt(system_asked(call), 0);
        system_refuses(call, 0, false);
        ct_context_free(c);
        ck_assert_int_eq(blocks, 0);
    }
}
END_TEST

static int host_calls;

static void host(int64_t n, void (*body)(int64_t i, void *), void *arg, void *user)
{
    host_calls += user != NULL;
    for (int64_t i = n - 1; i >= 0; i--)
        body(i, arg);
}

START_TEST(the_hosts_pool)
{
    ct_context *c = ct_context_new(&(ct_context_options){ .parallel_for = host, .user = cx });
    int counts[8] = { 0 };
    ct_parallel_for(c, 8, count, counts);
    ck_assert_int_eq(host_calls, 1);
    ck_assert_int_eq(counts[7], 1);
    ck_assert_int_eq(ct_threads_of(c), 64); /* how many they are is not known */
    ct_context_free(c);
    for (int threads = 1; threads < 4; threads++) {
        c = ct_context_new(&(ct_context_options){ .threads = threads, .parallel_for = host });
        ck_assert_int_eq(ct_threads_of(c), threads);
        ct_context_free(c);
    }
}
END_TEST

/* the threads' memory is no tensor's */
START_TEST(live_bytes_return_to_zero)
{
    for (int64_t pool = -1; pool <= 0; pool++) {
        long long blocks = 0;
        ct_context *c = ct_context_new(&(ct_context_options){
            .threads = 3, .pool_bytes = pool, .allocator = counting_allocator(&blocks) });
        ct_memory memory;
        ct_scope scope = ct_scope_begin(c);
        ct_exp(ct_ones(c, CT_F64, CT_SHAPE(200000)));
        ct_memory_stats(c, &memory);
        ck_assert_int_gt(memory.live_bytes, 2 * 200000 * 8);
        ct_scope_end(c, scope);
        ct_memory_stats(c, &memory);
        ck_assert_int_eq(memory.live_bytes, 0);
        ct_memory_trim(c);
        ct_memory_stats(c, &memory);
        ck_assert_int_eq(memory.pool_bytes, 0);
        ct_context_free(c);
        ck_assert_int_eq(blocks, 0);
    }
}
END_TEST

START_TEST(across_a_fork)
{
    ct_context *c = ct_context_new(&(ct_context_options){ .threads = 3 });
    int counts[100] = { 0 };
    ct_parallel_for(c, 100, count, counts);
    pid_t child = fork_with_threads(c);
    ct_parallel_for(c, 100, count, counts);
    bool good = counts[0] == 2 && counts[99] == 2;
    ct_context_free(c);
    if (child == 0)
        _exit(good ? 0 : 1);
    ck_assert_int_eq(wait_for(child), 0);
    ck_assert(good);
}
END_TEST

Suite *threads_suite(void);
Suite *threads_suite(void)
{
    return make_suite("autograd/threads", (const TTest *[]){
        contexts_in_threads, each_once, slots_are_apart, with_fewer_threads, the_hosts_pool,
        live_bytes_return_to_zero,
        across_a_fork, NULL });
}
