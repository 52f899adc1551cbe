/* The benchmarks' harness. Every figure is a median of rounds; a round measures each case once, in
 * turn, and the machine's rate of multiply-adds, so that what the machine does meanwhile falls on
 * all of them alike. Times are by the monotonic clock. */
#ifndef BENCH_H
#define BENCH_H
#include <stdint.h>

enum { BENCH_ROUNDS = 9 };

typedef struct bench_case {
    const char *name;
    int threads;
    void (*run)(void *user, int64_t repeats); /* the work, that many times */
    void *user;
    double items;      /* times are per item: the work of one repeat is this many, at least 1 */
    double operations; /* f32 operations per item, which take `limit` at that rate; 0: no limit */
    int64_t repeats;   /* 0: as many as take 20 ms */
    double limit, samples[BENCH_ROUNDS]; /* found: ns per item */
} bench_case;

/* measures all, prints a table in `unit` ("ns", "us", "ms") and writes build/bench/NAME.json */
int bench_all(const char *name, const char *unit, bench_case *cases, int n);
#endif
