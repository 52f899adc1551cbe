#define _POSIX_C_SOURCE 200809L
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peers.h"
#include "report.h"

static double read_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double bench_now(void) { return read_clock(CLOCK_MONOTONIC); }

int bench_close(ct_context *cx)
{
    int failed = ct_error(cx) != CT_OK;
    if (failed)
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return failed;
}

/* -- One measurement: what is short enough is run often, after one time that is not counted */
static const double enough = 5e6; /* ns */

static double run_ours(const bench_case *c, int64_t repeats)
{
    if (c->value)
        return c->value(c->user);
    if (repeats > 1)
        c->run(c->user, 1);
    clockid_t clock = c->processor_time ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
    double start = read_clock(clock);
    c->run(c->user, repeats);
    return read_clock(clock) - start;
}

/* how often: the first time is slow, it makes and fills what the work needs */
static int64_t repeats_for(double once)
{
    return once <= 0 || once >= enough ? 1 : (int64_t)(enough / once) + 1;
}

static int64_t calibrate_ours(const bench_case *c)
{
    if (c->value)
        return 1;
    if (run_ours(c, 1) > 20 * enough)
        return 1;
    int64_t some = repeats_for(10 * run_ours(c, 1));
    return repeats_for(run_ours(c, some) / (double)some);
}

/* does the peer compute what we compute? */
static bool agrees(const bench_case *c, bench_peer *peer)
{
    char request[80];
    double ours = c->check(c->user);
    snprintf(request, sizeof request, "check %s", c->request);
    double theirs = peer_ask(peer, 1, request);
    if (theirs != 0 && !(fabs(theirs - ours) <= 1e-9 * fabs(ours)))
        fprintf(stderr, "%s, %s: left out: its value is %.15g, and ours %.15g\n", peer->name,
                c->name, theirs, ours);
    return fabs(theirs - ours) <= 1e-9 * fabs(ours);
}

static int64_t calibrate_peer(const bench_case *c, bench_peer *peer)
{
    if (c->check && !agrees(c, peer))
        return 0;
    if (c->value)
        return peer_ask(peer, 1, c->request) > 0;
    double once = peer_ask(peer, 1, c->request);
    if (once > 0 && once < enough)
        once = peer_ask(peer, 2, c->request) / 2;
    return once > 0 ? repeats_for(once) : 0;
}

static void measure(const bench_case *c, bench_result *r, bench_peer *peers, int round)
{
    double items = c->items > 0 ? c->items : 1, theirs = c->peer_items > 0 ? c->peer_items : items;
    r->ours[round] = run_ours(c, r->repeats) / ((double)r->repeats * items);
    r->limit[round] = limit_measure(&c->limit, c->threads);
    for (int k = 0; k < BENCH_PEERS; k++)
        if (r->peer_repeats[k] > 0)
            r->peers[k][round] = peer_ask(&peers[k * 2 + c->threads - 1], r->peer_repeats[k],
                                          c->request) / ((double)r->peer_repeats[k] * theirs);
}

/* -- All of them */
typedef struct selection {
    bool alone;
    int rounds, parts;
    const char *part[20];
} selection;

static selection read_arguments(int argc, char **argv)
{
    selection s = { .rounds = 9 };
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--alone") == 0)
            s.alone = true;
        else if (strncmp(argv[i], "--rounds=", 9) == 0)
            s.rounds = atoi(argv[i] + 9);
        else if (strncmp(argv[i], "--case=", 7) == 0 && s.parts < 20)
            s.part[s.parts++] = argv[i] + 7;
    if (s.rounds < 1 || s.rounds > BENCH_ROUNDS)
        s.rounds = BENCH_ROUNDS;
    return s;
}

static bool selected(const selection *s, const char *name)
{
    for (int i = 0; i < s->parts; i++)
        if (strstr(name, s->part[i]))
            return true;
    return s->parts == 0;
}

/* peers[2 k + t - 1] is peer k with t threads; all start side by side */
static void start_peers(bench_peer *peers, bench_report *report)
{
    bool wanted[2] = { false, false };
    for (int i = 0; i < report->n; i++)
        if (report->cases[i].request[0])
            wanted[report->cases[i].threads - 1] = true;
    for (int k = 0; report->peers[k]; k++)
        for (int t = 0; t < 2; t++)
            if (wanted[t])
                peer_start(&peers[2 * k + t], report->peers[k], t + 1);
    for (int k = 0; report->peers[k]; k++)
        for (int t = 0; t < 2; t++)
            if (wanted[t] && !peer_is_ready(&peers[2 * k + t]))
                printf("%s: skipped, not installed\n", report->peers[k]);
            else if (wanted[t])
                report->versions[k] = peers[2 * k + t].version;
}

static void run_rounds(bench_report *report, bench_peer *peers)
{
    for (int i = 0; i < report->n; i++) {
        const bench_case *c = &report->cases[i];
        report->results[i].repeats = calibrate_ours(c);
        for (int k = 0; c->request[0] && report->peers[k]; k++)
            report->results[i].peer_repeats[k] =
                calibrate_peer(c, &peers[2 * k + c->threads - 1]);
    }
    for (int round = 0; round < report->rounds; round++) {
        for (int t = 0; t < 2; t++) {
            report->multiply_adds[t][round] = limit_multiply_add_rate(t + 1);
            report->copy[t][round] = limit_copy_rate(t + 1);
        }
        for (int i = 0; i < report->n; i++)
            measure(&report->cases[i], &report->results[i], peers, round);
    }
}

int bench_main(const char *name, const char *const *peers, bench_case *cases, int n, int argc,
               char **argv)
{
    static const char *const none[] = { NULL };
    bench_peer running[2 * BENCH_PEERS] = { { 0 } };
    selection s = read_arguments(argc, argv);
    bench_report report = { .name = name, .peers = s.alone || !peers ? none : peers,
                            .cases = cases, .rounds = s.rounds };
    for (int i = 0; i < n; i++)
        if (selected(&s, cases[i].name))
            cases[report.n++] = cases[i];
    report.results = calloc((size_t)n, sizeof *report.results);
    if (!report.results)
        return 1;
    start_peers(running, &report);
    run_rounds(&report, running);
    int failed = bench_print(&report);
    for (int k = 0; k < 2 * BENCH_PEERS; k++)
        peer_stop(&running[k]);
    free(report.results);
    return failed;
}
