#define _POSIX_C_SOURCE 200809L
#include "ways.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

bool in_share(int64_t number)
{
    int share = 0, shares = 1;
    const char *text = getenv("TEST_SHARE");
    if (text)
        ck_assert(sscanf(text, "%d/%d", &share, &shares) == 2 && shares > 0);
    return number % shares == share;
}

/* -- The host's pool */
enum { HANDS = 3 };

typedef struct hand {
    pthread_t id;
    int64_t first; /* this index, and each HANDS before it */
    void (*body)(int64_t i, void *);
    void *arg;
} hand;

static void *lend(void *at)
{
    const hand *h = at;
    for (int64_t i = h->first; i >= 0; i -= HANDS)
        h->body(i, h->arg);
    return NULL;
}

static void host(int64_t n, void (*body)(int64_t i, void *), void *arg, void *user)
{
    hand hands[HANDS];
    ++*(int *)user;
    for (int k = 0; k < HANDS; k++) {
        hands[k] = (hand){ .first = n - 1 - k, .body = body, .arg = arg };
        ck_assert_int_eq(pthread_create(&hands[k].id, NULL, lend, &hands[k]), 0);
    }
    for (int k = 0; k < HANDS; k++)
        pthread_join(hands[k].id, NULL);
}

static int jobs;
static const int threads[WAYS] = {
#if SLOW
    1, 3, 0
#else
    1, 2, 3, 8, 0
#endif
};

int threads_of_way(int way)
{
    return threads[way];
}

int jobs_of_host(void)
{
    return jobs;
}

ct_context *context_of_way(int way)
{
    ct_context_options options = { .seed = 5, .threads = threads[way],
                                   .max_bytes = (int64_t)1 << 28, .user = &jobs };
    if (threads[way] == 0)
        options.parallel_for = host;
    return ct_context_new(&options);
}

uint64_t hash_of(ct_tensor *x)
{
    x = ct_contiguous(x);
    ck_assert_ptr_nonnull(x);
    ct_dtype dtype = ct_dtype_of(x);
    size_t size = dtype == CT_BOOL ? 1 : dtype == CT_F32 ? 4 : 8;
    size_t bytes = (size_t)ct_count(x) * size, step;
    const unsigned char *at = ct_data(x);
    uint64_t hash = 14695981039346656037u; /* FNV-1a, of words instead of bytes */
    for (; bytes > 0; at += step, bytes -= step) {
        uint64_t word = 0;
        step = bytes < sizeof word ? bytes : sizeof word;
        memcpy(&word, at, step);
        hash = (hash ^ word) * 1099511628211u;
        hash ^= hash >> 32; /* a product carries upwards only */
    }
    return hash;
}

/* returns when three threads are in it: then they have all started */
static void meet(int64_t i, void *come)
{
    (void)i;
    atomic_fetch_add((atomic_int *)come, 1);
    while (atomic_load((atomic_int *)come) < 3)
        sched_yield();
}

static void start_threads(ct_context *c)
{
    atomic_int come = 0;
    ct_parallel_for(c, 3, meet, &come);
}

pid_t fork_with_threads(ct_context *c)
{
    start_threads(c); /* AddressSanitizer's own locks do not survive a fork while a thread starts */
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
#if defined(__SANITIZE_THREAD__) || defined(UNDER_QEMU)
        _exit(0);
#endif
        alarm(60); /* without the threads this call would never return */
        start_threads(c);
        alarm(0);
    }
    return child;
}
