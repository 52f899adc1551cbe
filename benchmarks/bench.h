/* The benchmarks' harness. Every figure is a median of rounds; a round measures each case once, in
 * turn, so that what the machine does meanwhile falls on all of them alike. Times are of the whole
 * process' thread, by the monotonic clock. */
#ifndef BENCH_H
#define BENCH_H
#include <stdint.h>

enum { BENCH_ROUNDS = 9, BENCH_CASES = 64 };

typedef struct bench_case {
    const char *name;
    int threads;
    void (*run)(void *user, int64_t repeats); /* the work, that many times */
    void *user;
    double items;                /* a time is per item: the work of one repeat is this many */
    double limit;                /* ns per item that the machine could do it in; 0: none stated */
    int64_t repeats;             /* 0: as many as take 20 ms */
    double samples[BENCH_ROUNDS]; /* ns per item */
} bench_case;

/* measures all, prints a table in `unit` ("ns", "us", "ms") and writes build/bench/NAME.json */
int bench_all(const char *name, const char *unit, bench_case *cases, int n);
double bench_median(const double *samples, int n);
double bench_now(void); /* ns */
/* floating-point operations per ns that one thread reaches with f32 fused multiply-adds, measured
   now: the best of several tries */
double bench_flops(void);
#endif
