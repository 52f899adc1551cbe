#define _POSIX_C_SOURCE 200809L
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double bench_median(const double *samples, int n)
{
    double sorted[BENCH_ROUNDS];
    memcpy(sorted, samples, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* -- The limit: multiply-adds in ten independent chains, which hide the latency of each */
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
__attribute__((target("avx2,fma"))) static float multiply_add_avx2(int64_t n)
{
    __m256 sum[10], x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(1e-3f);
    for (int k = 0; k < 10; k++)
        sum[k] = _mm256_set1_ps((float)k);
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < 10; k++)
            sum[k] = _mm256_fmadd_ps(sum[k], x, y);
    for (int k = 1; k < 10; k++)
        sum[0] = _mm256_add_ps(sum[0], sum[k]);
    return _mm256_cvtss_f32(sum[0]);
}
#endif

static float multiply_add_plain(int64_t n)
{
    float sum[80] = { 0 };
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < 80; k++)
            sum[k] = sum[k] * 0.999f + 1e-3f;
    for (int k = 1; k < 80; k++)
        sum[0] += sum[k];
    return sum[0];
}

/* floating-point operations per ns, on one thread */
static double multiply_add_rate(void)
{
    enum { N = 200000 };
    volatile float sink = 0;
    double start = bench_now();
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        sink = sink + multiply_add_avx2(N);
    else
#endif
        sink = sink + multiply_add_plain(N);
    return 2.0 * 80 * N / (bench_now() - start);
}

/* -- Measuring */
static double once(bench_case *c, int64_t repeats)
{
    double start = bench_now();
    c->run(c->user, repeats);
    return bench_now() - start;
}

static void calibrate(bench_case *c)
{
    if (c->items <= 0)
        c->items = 1;
    if (c->repeats > 0) {
        once(c, 1); /* warm */
        return;
    }
    c->repeats = 1;
    while (once(c, c->repeats) < 2e7 && c->repeats < (int64_t)1 << 40)
        c->repeats *= 2;
}

/* -- Reporting */
static double scale_of(const char *unit)
{
    return strcmp(unit, "ms") == 0 ? 1e-6 : strcmp(unit, "us") == 0 ? 1e-3 : 1;
}

static double extreme(const bench_case *c, int sign)
{
    double best = c->samples[0];
    for (int i = 1; i < BENCH_ROUNDS; i++)
        if (sign * (c->samples[i] - best) > 0)
            best = c->samples[i];
    return best;
}

static void print_table(const char *unit, const bench_case *cases, int n)
{
    double scale = scale_of(unit);
    printf("%-44s %7s %10s %10s %10s %10s %8s\n", "", "threads", unit, "min", "max", "limit",
           "ratio");
    for (int i = 0; i < n; i++) {
        const bench_case *c = &cases[i];
        double ours = bench_median(c->samples, BENCH_ROUNDS);
        printf("%-44s %7d %10.4g %10.4g %10.4g", c->name, c->threads, ours * scale,
               extreme(c, -1) * scale, extreme(c, 1) * scale);
        if (c->limit > 0)
            printf(" %10.4g %8.2f", c->limit * scale, ours / c->limit);
        printf("\n");
    }
}

static const char *machine(void)
{
    static char text[200] = "unknown";
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[300];
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "model name : %199[^\n\"\\]", text) == 1)
            break;
    if (file)
        fclose(file);
    return text;
}

static const char *commit(void)
{
    static char text[64] = "unknown";
    FILE *git = popen("git rev-parse --short HEAD 2>/dev/null", "r");
    if (git && fscanf(git, "%63s", text) != 1)
        strcpy(text, "unknown");
    if (git)
        pclose(git);
    return text;
}

static int write_json(const char *name, const char *unit, const bench_case *cases, int n)
{
    char path[300];
    double scale = scale_of(unit);
    snprintf(path, sizeof path, "build/bench/%s.json", name);
    mkdir("build", 0777);
    mkdir("build/bench", 0777);
    FILE *file = fopen(path, "w");
    if (!file)
        return fprintf(stderr, "%s: %s\n", path, strerror(errno)), 1;
    const char *on = machine(), *at = commit();
    fprintf(file, "[");
    for (int i = 0; i < n; i++) {
        const bench_case *c = &cases[i];
        fprintf(file, "%s\n{\"name\": \"%s\", \"threads\": %d, \"unit\": \"%s\", \"ours\": %.6g, ",
                i ? "," : "", c->name, c->threads, unit,
                bench_median(c->samples, BENCH_ROUNDS) * scale);
        if (c->limit > 0)
            fprintf(file, "\"limit\": %.6g, ", c->limit * scale);
        else
            fprintf(file, "\"limit\": null, ");
        fprintf(file, "\"peers\": {}, \"rounds\": %d, \"min\": %.6g, \"max\": %.6g, "
                "\"machine\": \"%s\", \"compiler\": \"%s\", \"commit\": \"%s\"}",
                BENCH_ROUNDS, extreme(c, -1) * scale, extreme(c, 1) * scale, on, __VERSION__, at);
    }
    fprintf(file, "\n]\n");
    printf("written: %s\n", path);
    return fclose(file) != 0;
}

int bench_all(const char *name, const char *unit, bench_case *cases, int n)
{
    double rates[BENCH_ROUNDS];
    for (int i = 0; i < n; i++)
        calibrate(&cases[i]);
    for (int round = 0; round < BENCH_ROUNDS; round++) {
        rates[round] = multiply_add_rate();
        for (int i = 0; i < n; i++)
            cases[i].samples[round] = once(&cases[i], cases[i].repeats) /
                                      ((double)cases[i].repeats * cases[i].items);
    }
    double rate = bench_median(rates, BENCH_ROUNDS);
    for (int i = 0; i < n; i++)
        cases[i].limit = cases[i].operations / rate;
    printf("%s: %s, commit %s, median of %d rounds, f32 multiply-adds at %.0f GFLOP/s\n", name,
           machine(), commit(), BENCH_ROUNDS, rate);
    print_table(unit, cases, n);
    return write_json(name, unit, cases, n);
}
