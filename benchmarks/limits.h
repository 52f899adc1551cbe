/* What the machine can do: loops that do nothing but multiply-adds, or nothing but move memory. */
#ifndef LIMITS_H
#define LIMITS_H
#include <stdbool.h>
#include <stdint.h>

/* one pass over arrays of n floats: so many are read and so many written. In place: those that are
 * written are among those that are read */
typedef struct bench_pass {
    int64_t n;
    int reads, writes;
    bool in_place;
} bench_pass;

/* the least that a piece of work has to do; its limit is the sum of what each part takes */
typedef struct bench_limit {
    double operations;     /* f32 operations, as multiply-adds of two */
    double exponentials;   /* 0.35 ns each: 8 in 7 cycles at 2.5 GHz */
    bench_pass passes[2];
    double budget;         /* where nothing of the above counts: what was aimed at; ns or bytes */
} bench_limit;

/* ns, measured now, on that many threads that share the work evenly */
double limit_measure(const bench_limit *limit, int threads);
double limit_multiply_add_rate(int threads); /* operations per ns, all threads together */
double limit_copy_rate(int threads);         /* bytes per ns, read and written, past all caches */
#endif
