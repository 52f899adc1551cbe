/* Compiled for the machine that compiles it (-march=native): vectors are as wide as it has. */
#include "limits.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#ifdef __AVX512F__
enum { LANES = 16 };
#else
enum { LANES = 8 };
#endif
typedef float vector __attribute__((vector_size(LANES * sizeof(float))));
enum { ARRAYS = 7, CHAINS = 10, MOST_THREADS = 16 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* -- Multiply-adds, in chains enough to hide the latency of each */
static vector multiply_add(int64_t n)
{
    vector sum[CHAINS], x = (vector){ 0 } + 0.999f, y = (vector){ 0 } + 1e-3f;
    for (int k = 0; k < CHAINS; k++)
        sum[k] = y * (float)k;
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < CHAINS; k++)
            sum[k] = sum[k] * x + y;
    for (int k = 1; k < CHAINS; k++)
        sum[0] += sum[k];
    return sum[0];
}

/* -- Passes over memory. n counts vectors */
static vector read_only(int64_t n, vector *const *x)
{
    vector sum[8] = { { 0 } };
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            sum[k] += x[0][i + k];
    for (; i < n; i++)
        sum[0] += x[0][i];
    for (int k = 1; k < 8; k++)
        sum[0] += sum[k];
    return sum[0];
}

/* reads and writes are constants where this is inlined */
static inline __attribute__((always_inline)) void streams(int64_t n, vector *const *x, int reads,
                                                          vector *const *y, int writes)
{
    const vector *from[4];
    vector *to[3];
    for (int k = 0; k < reads; k++)
        from[k] = x[k];
    for (int k = 0; k < writes; k++)
        to[k] = y[k];
    for (int64_t i = 0; i < n; i++) {
        vector v = from[0][i] * 0.5f;
        for (int k = 1; k < reads; k++)
            v += from[k][i];
        for (int k = 0; k < writes; k++)
            to[k][i] = v + (float)k;
    }
}

static vector pass(const bench_pass *p, int64_t n, vector *const *x, vector *const *y)
{
    switch (p->reads * 10 + p->writes) {
    case 10: return read_only(n, x);
    case 11: streams(n, x, 1, y, 1); break;
    case 12: streams(n, x, 1, y, 2); break;
    case 21: streams(n, x, 2, y, 1); break;
    case 32: streams(n, x, 3, y, 2); break;
    case 43: streams(n, x, 4, y, 3); break;
    default: abort();
    }
    return y[0][0];
}

/* -- One piece of work on several threads that start together */
typedef struct work {
    const bench_pass *pass;   /* NULL: multiply-adds */
    int64_t n, repeats;       /* each thread's */
    vector *x[4], *y[3];
    pthread_barrier_t *start;
    double began, ended;
} work;

static volatile float sink;   /* so that nothing is optimized away */

static void *labor(void *argument)
{
    work *w = argument;
    vector sum = { 0 };
    pthread_barrier_wait(w->start);
    w->began = now();
    if (w->pass)
        for (int64_t r = 0; r < w->repeats; r++)
            sum += pass(w->pass, w->n, w->x, w->y);
    else
        sum = multiply_add(w->n);
    w->ended = now();
    sink = sum[0];
    return NULL;
}

/* ns from the first to begin to the last to end */
static double together(work *works, int threads)
{
    pthread_t others[MOST_THREADS];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, (unsigned)threads);
    for (int t = 0; t < threads; t++) {
        works[t].start = &start;
        if (t > 0 && pthread_create(&others[t], NULL, labor, &works[t]) != 0)
            abort();
    }
    labor(&works[0]);
    double began = works[0].began, ended = works[0].ended;
    for (int t = 1; t < threads; t++) {
        pthread_join(others[t], NULL);
        began = works[t].began < began ? works[t].began : began;
        ended = works[t].ended > ended ? works[t].ended : ended;
    }
    pthread_barrier_destroy(&start);
    return ended - began;
}

double limit_multiply_add_rate(int threads)
{
    enum { N = 400000 };
    work works[MOST_THREADS] = { { 0 } };
    for (int t = 0; t < threads; t++)
        works[t].n = N;
    return 2.0 * LANES * CHAINS * N * threads / together(works, threads);
}

/* array k of at least n vectors; each begins at another place within a page */
static vector *array(int k, int64_t n)
{
    static vector *memory;
    static int64_t room;
    const int64_t gap = 4096 / (int64_t)sizeof(vector) + 8;
    if (n + gap > room) {
        free(memory);
        room = n + gap;
        memory = aligned_alloc(64, (size_t)(ARRAYS * room) * sizeof *memory);
        if (!memory)
            abort();
        for (int64_t i = 0; i < ARRAYS * room; i++)
            memory[i] = (vector){ 0 } + 1;
    }
    return memory + k * (n + gap);
}

static double pass_measure(const bench_pass *p, int threads)
{
    work works[MOST_THREADS] = { { 0 } };
    int64_t all = p->n / LANES;
    array(0, all);
    for (int t = 0; t < threads; t++) {
        work *w = &works[t];
        int64_t begin = all * t / threads, end = all * (t + 1) / threads;
        *w = (work){ .pass = p, .n = end - begin, .repeats = 1 };
        for (int k = 0; k < 4; k++)
            w->x[k] = array(k, all) + begin;
        for (int k = 0; k < 3; k++)
            w->y[k] = array(p->in_place ? k : 4 + k, all) + begin;
    }
    if (p->n > 2000000)
        return together(works, threads);
    double once = together(works, threads); /* fills the caches, too */
    int64_t repeats = 1 + (int64_t)(1e6 / (once + 1));
    for (int t = 0; t < threads; t++)
        works[t].repeats = repeats;
    return together(works, threads) / (double)repeats;
}

double limit_copy_rate(int threads)
{
    bench_pass copy = { 10000000, 1, 1, false };
    return 8.0 * (double)copy.n / pass_measure(&copy, threads);
}

double limit_measure(const bench_limit *limit, int threads)
{
    double ns = limit->budget + 0.35 * limit->exponentials / threads;
    if (limit->operations > 0)
        ns += limit->operations / limit_multiply_add_rate(threads);
    for (int i = 0; i < 2; i++)
        if (limit->passes[i].n > 0)
            ns += pass_measure(&limit->passes[i], threads);
    return ns;
}
