/* What was measured, as a table and as JSON. */
#ifndef REPORT_H
#define REPORT_H
#include "bench.h"

enum { BENCH_ROUNDS = 15, BENCH_PEERS = 4 }; /* at most */

typedef struct bench_result {
    int64_t repeats, peer_repeats[BENCH_PEERS];   /* 0: the peer has no such work */
    double ours[BENCH_ROUNDS], limit[BENCH_ROUNDS], peers[BENCH_PEERS][BENCH_ROUNDS];
} bench_result;

typedef struct bench_report {
    const char *name;
    const char *const *peers;                     /* NULL at the end */
    const char *versions[BENCH_PEERS];
    const bench_case *cases;
    bench_result *results;
    int n, rounds;
    double multiply_adds[2][BENCH_ROUNDS], copy[2][BENCH_ROUNDS]; /* of one thread, and of two */
} bench_report;

int bench_print(const bench_report *report);      /* 0 if the JSON is written */
#endif
