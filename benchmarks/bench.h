/* The benchmarks' harness. A program is a table of cases; bench_main measures them in rounds. A
 * round takes each case in turn: our work, the same work in each peer (a process of its own, see
 * peers/), and what the machine itself can do (limits.h), so that what else happens on the machine
 * falls on all of them alike. Figures are medians over the rounds; only their ratios mean much. */
#ifndef BENCH_H
#define BENCH_H
#include <cotangent.h>
#include <stdio.h>

#include "limits.h"

typedef struct bench_case {
    char name[64];
    int threads;
    const char *unit;                /* "ns", "us", "ms", "MB", or any other word */
    /* the work, `repeats` times; `items` (0: 1) is how many of what is reported one repeat does */
    void (*run)(void *user, int64_t repeats);
    double items;
    double (*value)(void *user);     /* instead of run: measures by itself; ns, or bytes for MB */
    void *user;
    bench_limit limit;               /* of one item */
    char request[64];                /* the same work as peers call it; "": they have none */
    double peer_items;               /* in one of its repeats; 0: as many as ours */
    /* or NULL: a number that the work gives. A peer is asked for "check REQUEST" too, and is left out
       where its number is not the same to 1e-9 */
    double (*check)(void *user);
    bool processor_time;             /* not what the clock says: peers measure so too */
    bool derivative;                 /* of the case before, as a multiple of which it is printed */
} bench_case;

/* `peers` as peers/start knows them, NULL at the end. Arguments: --alone (no peers), --rounds=N, and
 * --case=PART, perhaps several: only cases whose names contain one of these. Prints a table and
 * writes build/bench/NAME.json; 0 if all went well */
int bench_main(const char *name, const char *const *peers, bench_case *cases, int n, int argc,
               char **argv);
/* says what went wrong in cx, if anything, and frees it; 0 if nothing had */
int bench_close(ct_context *cx);
double bench_now(void);              /* ns */
#endif
