/* Columns of the table are ratios: our time to the limit; our time on one thread to that on two; a
 * peer's time to ours. A peer that is there as installed and tuned counts by the better; `best` is
 * the best of all. */
#define _POSIX_C_SOURCE 200809L
#include "report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* -- Statistics */
typedef struct spread {
    double median, min, max;
} spread;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static spread spread_of(const double *samples, int n)
{
    double sorted[BENCH_ROUNDS];
    memcpy(sorted, samples, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    return (spread){ (sorted[n / 2] + sorted[(n - 1) / 2]) / 2, sorted[0], sorted[n - 1] };
}

static spread ours_of(const bench_report *r, int i)
{
    return spread_of(r->results[i].ours, r->rounds);
}

/* a peer's group: "pytorch" of "pytorch-tuned" */
static bool same_group(const char *a, const char *b)
{
    size_t n = strcspn(a, "-");
    return n == strcspn(b, "-") && strncmp(a, b, n) == 0;
}

/* the peer of the group (NULL: of all) with the least median for case i; -1: none has it */
static int best_peer(const bench_report *r, int i, const char *group)
{
    int best = -1;
    for (int k = 0; r->peers[k]; k++)
        if (r->results[i].peer_repeats[k] > 0 && (!group || same_group(r->peers[k], group)))
            if (best < 0 || spread_of(r->results[i].peers[k], r->rounds).median <
                                spread_of(r->results[i].peers[best], r->rounds).median)
                best = k;
    return best;
}

/* its time to ours; 0 for peer -1 */
static double peer_ratio(const bench_report *r, int i, int peer)
{
    return peer < 0 ? 0 : spread_of(r->results[i].peers[peer], r->rounds).median /
                              ours_of(r, i).median;
}

/* the same work on one thread; -1 if this is it */
static int on_one_thread(const bench_report *r, int i)
{
    for (int j = 0; r->cases[i].threads > 1 && j < r->n; j++)
        if (r->cases[j].threads == 1 && strcmp(r->cases[j].name, r->cases[i].name) == 0)
            return j;
    return -1;
}

static double scale_of(const char *unit)
{
    return strcmp(unit, "ms") == 0 || strcmp(unit, "MB") == 0 ? 1e-6
           : strcmp(unit, "us") == 0                          ? 1e-3
                                                              : 1;
}

/* -- Where it ran */
static void first_line(char *text, int size, const char *command)
{
    FILE *in = popen(command, "r");
    if (!in || !fgets(text, size, in))
        snprintf(text, (size_t)size, "unknown");
    text[strcspn(text, "\n")] = 0;
    if (in)
        pclose(in);
}

#ifdef __clang__
static const char compiler[] = "clang " __clang_version__;
#else
static const char compiler[] = "gcc " __VERSION__;
#endif

typedef struct place {
    char machine[120], commit[60];
} place;

static place where(void)
{
    place at;
    first_line(at.machine, sizeof at.machine,
               "sed -n 's/^model name\\s*: //p' /proc/cpuinfo 2>/dev/null | tr -d '\"\\\\'");
    first_line(at.commit, sizeof at.commit,
               "git describe --always --dirty --exclude='*' 2>/dev/null");
    return at;
}

/* -- The table */
static void print_head(const bench_report *r)
{
    place at = where();
    double rate = spread_of(r->multiply_adds[0], r->rounds).median;
    double copy = spread_of(r->copy[0], r->rounds).median;
    printf("%s: %s, %s, commit %s, medians of %d rounds\n", r->name, at.machine, compiler,
           at.commit, r->rounds);
    printf("one plain thread: multiply-adds %.0f GFLOP/s, copy %.1f GB/s; two together: %.2f and "
           "%.2f times that\n", rate, copy,
           spread_of(r->multiply_adds[1], r->rounds).median / rate,
           spread_of(r->copy[1], r->rounds).median / copy);
    for (int k = 0; r->peers[k]; k++)
        if (r->versions[k])
            printf("%s: %s\n", r->peers[k], r->versions[k]);
}

/* a column for each group, and one for each of its variants */
static bool heads_group(const bench_report *r, int k)
{
    return k == 0 || !same_group(r->peers[k], r->peers[k - 1]);
}

static bool is_variant(const bench_report *r, int k)
{
    return strstr(r->peers[k], "-installed") != NULL;
}

static void print_ratio(double ratio)
{
    if (ratio > 0)
        printf(" %9.*f", ratio < 99.5 ? 2 : 0, ratio);
    else
        printf(" %9s", "");
}

static void print_row(const bench_report *r, int i)
{
    const bench_case *c = &r->cases[i];
    spread ours = ours_of(r, i), limit = spread_of(r->results[i].limit, r->rounds);
    double scale = scale_of(c->unit);
    int one = on_one_thread(r, i);
    printf("%-42s %d %9.4g %9.4g %9.4g %-4s", c->name, c->threads, ours.median * scale,
           ours.min * scale, ours.max * scale, c->unit);
    print_ratio(limit.median > 0 ? ours.median / limit.median : 0);
    print_ratio(one >= 0 ? ours_of(r, one).median / ours.median : 0);
    for (int k = 0; r->peers[k]; k++) {
        if (heads_group(r, k))
            print_ratio(peer_ratio(r, i, best_peer(r, i, r->peers[k])));
        if (is_variant(r, k))
            print_ratio(peer_ratio(r, i, r->results[i].peer_repeats[k] > 0 ? k : -1));
    }
    if (r->peers[0])
        print_ratio(peer_ratio(r, i, best_peer(r, i, NULL)));
    printf("\n");
}

static void print_table(const bench_report *r)
{
    printf("\n%-42s t %9s %9s %9s %-4s %9s %9s", "", "ours", "min", "max", "", "ours/lim", "1t/2t");
    for (int k = 0; r->peers[k]; k++) {
        if (heads_group(r, k))
            printf(" %9.*s", (int)strcspn(r->peers[k], "-"), r->peers[k]);
        if (is_variant(r, k))
            printf(" %9s", "installed");
    }
    printf(" %9s\n", r->peers[0] ? "best" : "");
    for (int i = 0; i < r->n; i++)
        print_row(r, i);
}

/* -- What follows from it */
static void print_mean(const bench_report *r)
{
    double sum = 0;
    int count = 0, worst = -1;
    for (int i = 0; i < r->n; i++) {
        int best = best_peer(r, i, NULL);
        if (best < 0)
            continue;
        sum += log(peer_ratio(r, i, best));
        count++;
        if (worst < 0 || peer_ratio(r, i, best) < peer_ratio(r, worst, best_peer(r, worst, NULL)))
            worst = i;
    }
    if (count > 1)
        printf("best peer: geometric mean %.2f over %d lines, least %.2f (%s)\n",
               exp(sum / count), count, peer_ratio(r, worst, best_peer(r, worst, NULL)),
               r->cases[worst].name);
}

static double least(const bench_report *r, int i, int j, const char *group)
{
    int a = best_peer(r, i, group), b = best_peer(r, j, group);
    if (a < 0 || b < 0)
        return 0;
    return fmin(spread_of(r->results[i].peers[a], r->rounds).median,
                spread_of(r->results[j].peers[b], r->rounds).median);
}

/* each with as many threads as serve it best */
static void print_best_threads(const bench_report *r)
{
    for (int i = 0; i < r->n; i++) {
        int one = on_one_thread(r, i);
        if (one < 0 || least(r, i, one, NULL) <= 0)
            continue;
        double ours = fmin(ours_of(r, i).median, ours_of(r, one).median);
        printf("best threads of each: %-42s", r->cases[i].name);
        for (int k = 0; r->peers[k]; k++)
            if (heads_group(r, k) && least(r, i, one, r->peers[k]) > 0)
                printf(" %.*s %.2f", (int)strcspn(r->peers[k], "-"), r->peers[k],
                       least(r, i, one, r->peers[k]) / ours);
        printf("\n");
    }
}

/* derivatives as multiples of what they are derivatives of, each library's by itself */
static void print_multiples(const bench_report *r)
{
    for (int i = 1; i < r->n; i++) {
        if (!r->cases[i].derivative)
            continue;
        printf("multiple of the line before: %-36s ours %.1f", r->cases[i].name,
               ours_of(r, i).median / ours_of(r, i - 1).median);
        for (int k = 0; r->peers[k]; k++)
            if (r->results[i].peer_repeats[k] > 0 && r->results[i - 1].peer_repeats[k] > 0)
                printf(", %s %.1f", r->peers[k],
                       spread_of(r->results[i].peers[k], r->rounds).median /
                           spread_of(r->results[i - 1].peers[k], r->rounds).median);
        printf("\n");
    }
}

/* -- JSON */
static void write_spread(FILE *file, const char *name, spread s, double scale)
{
    fprintf(file, "\"%s\": [%.6g, %.6g]", name, s.min * scale, s.max * scale);
}

static void write_peers(FILE *file, const bench_report *r, int i, double scale)
{
    const char *comma = "";
    fprintf(file, "\"peers\": {");
    for (int k = 0; r->peers[k]; k++) {
        int best = best_peer(r, i, r->peers[k]);
        if (best >= 0 && heads_group(r, k)) {
            fprintf(file, "%s\"%.*s\": %.6g", comma, (int)strcspn(r->peers[k], "-"), r->peers[k],
                    spread_of(r->results[i].peers[best], r->rounds).median * scale);
            comma = ", ";
        }
        if (strchr(r->peers[k], '-') && r->results[i].peer_repeats[k] > 0)
            fprintf(file, ", \"%s\": %.6g", r->peers[k],
                    spread_of(r->results[i].peers[k], r->rounds).median * scale);
    }
    fprintf(file, "}, ");
}

static void write_row(FILE *file, const bench_report *r, int i, const place *at)
{
    const bench_case *c = &r->cases[i];
    spread ours = ours_of(r, i), limit = spread_of(r->results[i].limit, r->rounds);
    double scale = scale_of(c->unit);
    fprintf(file, "{\"name\": \"%s\", \"threads\": %d, \"unit\": \"%s\", \"ours\": %.6g, ", c->name,
            c->threads, c->unit, ours.median * scale);
    if (limit.median > 0)
        fprintf(file, "\"limit\": %.6g, ", limit.median * scale);
    else
        fprintf(file, "\"limit\": null, ");
    write_peers(file, r, i, scale);
    fprintf(file, "\"rounds\": %d, \"min\": %.6g, \"max\": %.6g, \"ranges\": {", r->rounds,
            ours.min * scale, ours.max * scale);
    write_spread(file, "limit", limit, scale);
    for (int k = 0; r->peers[k]; k++)
        if (r->results[i].peer_repeats[k] > 0) {
            fprintf(file, ", ");
            write_spread(file, r->peers[k], spread_of(r->results[i].peers[k], r->rounds), scale);
        }
    fprintf(file, "}, \"two_plain_threads\": {\"multiply_adds\": %.3g, \"copy\": %.3g}, ",
            spread_of(r->multiply_adds[1], r->rounds).median /
                spread_of(r->multiply_adds[0], r->rounds).median,
            spread_of(r->copy[1], r->rounds).median / spread_of(r->copy[0], r->rounds).median);
    fprintf(file, "\"machine\": \"%s\", \"compiler\": \"%s\", \"commit\": \"%s\"}", at->machine,
            compiler, at->commit);
}

static int write_json(const bench_report *r)
{
    char path[300];
    place at = where();
    snprintf(path, sizeof path, "build/bench/%s.json", r->name);
    mkdir("build", 0777);
    mkdir("build/bench", 0777);
    FILE *file = fopen(path, "w");
    if (!file)
        return fprintf(stderr, "%s: %s\n", path, strerror(errno)), 1;
    fprintf(file, "[");
    for (int i = 0; i < r->n; i++) {
        fprintf(file, "%s\n", i ? "," : "");
        write_row(file, r, i, &at);
    }
    fprintf(file, "\n]\n");
    printf("written: %s\n\n", path);
    return fclose(file) != 0;
}

int bench_print(const bench_report *report)
{
    print_head(report);
    print_table(report);
    print_mean(report);
    print_best_threads(report);
    print_multiples(report);
    return write_json(report);
}
