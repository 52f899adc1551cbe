/* Prints docs/accuracy.md: for each elementwise function of one tensor, each dtype and each kind of
 * processor, the largest error that was found, and where.
 *
 *   accuracy-table [EVERY [NAME ...]]   looks at every EVERY-th float; 1: at all of them; default
 *                                       997; NAME: prints the rows of these functions only
 *
 * f32 is compared with our f64, which is rounded 2^29 times finer, and the worst point that this
 * finds with MPFR, whose number is the one that is printed; f64 is compared with MPFR at random
 * points, spread over all magnitudes and over those from 2^-8 to 2^8. Where f32 is nothing but f64
 * rounded, at every 997th float, there is nothing to compare: it is looked at no further. */
#include <cotangent.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact.h"

enum { BLOCK = 1 << 14, RANDOM = 2000, COARSE = 997 };

typedef struct worst {
    double off, at;
    bool rounded; /* f32 is f64, rounded */
} worst;

static float x[BLOCK];
static double wide_x[BLOCK], want[BLOCK];

/* the result is the caller's scope's; NULL: it failed */
static const void *apply(ct_context *c, const exact *f, ct_dtype dtype, const void *at, int n)
{
    _Alignas(16) double attributes[64] = { f->parameters[0], f->parameters[1], f->parameters[2] };
    ct_tensor *t = ct_empty(c, dtype, CT_SHAPE(n));
    if (t)
        memcpy(ct_data_mutable(t), at, (size_t)n * ct_dtype_size(dtype));
    ct_tensor *y = ct_apply(ct_op_find(f->name), attributes, &t, 1);
    return y ? ct_data(y) : NULL;
}

/* units in the last place of `exactly`; infinite where the dtype has a number and `have` is none */
static double units_off(double have, long double exactly, bool single)
{
    int exponent;
    long double least = single ? (long double)FLT_MIN : DBL_MIN;
    if (isnan(exactly) || fabsl(exactly) > (single ? (long double)FLT_MAX : DBL_MAX))
        return 0;
    frexpl(fmaxl(fabsl(exactly), least), &exponent);
    long double unit = ldexpl(single ? FLT_EPSILON : DBL_EPSILON, exponent - 1);
    double off = (double)(fabsl(have - exactly) / unit);
    return isnan(off) ? INFINITY : off;
}

static void take(worst *w, double off, double at)
{
    if (off > w->off)
        w->off = off, w->at = at;
}

/* Is any of these farther off than `off` units? A unit is at least epsilon / 2 of the number: so it
 * can be told without looking for the unit, up to a factor of 2 at which the answer may be yes
 * although it is no. */
static bool any_worse(const float *got, int n, double off)
{
    const double limit = 0.99 * off * FLT_EPSILON / 2;
    int64_t worse = 0;
    for (int i = 0; i < n; i++) {
        double size = fabs(want[i]);
        double allowed = limit * (size > (double)FLT_MIN ? size : (double)FLT_MIN);
        worse |= (size <= (double)FLT_MAX) & !(fabs((double)got[i] - want[i]) <= allowed);
    }
    return worse != 0;
}

static long double exact_value(const exact *f, double at, bool single)
{
    long double result[3];
    exact_derivatives(f, (const double[]){ at, 0 }, 0, single, result);
    return result[0];
}

/* puts in place of w->off the number that MPFR gives for that point */
static bool confirm(ct_context *c, const exact *f, worst *w)
{
    float at = (float)w->at;
    const float *got = apply(c, f, CT_F32, &at, 1);
    w->off = got ? units_off((double)*got, exact_value(f, w->at, true), true) : 0;
    return got;
}

static bool is_rounded(const float *got, int n)
{
    for (int i = 0; i < n; i++)
        if (got[i] != (float)want[i] && !(isnan(got[i]) && isnan(want[i])))
            return false;
    return true;
}

static bool sweep_block(ct_context *const *contexts, int kinds, const exact *f, int n, worst *w)
{
    const double *finer = apply(contexts[kinds - 1], f, CT_F64, wide_x, n);
    if (!finer)
        return false;
    memcpy(want, finer, (size_t)n * sizeof *want);
    for (int k = 0; k < kinds; k++) {
        const float *got = apply(contexts[k], f, CT_F32, x, n);
        if (!got)
            return false;
        bool worse = any_worse(got, n, w[k].off);
        w[k].rounded = w[k].rounded && is_rounded(got, n);
        for (int i = 0; worse && i < n; i++)
            take(&w[k], units_off((double)got[i], want[i], true), wide_x[i]);
    }
    return true;
}

static bool sweep_f32(ct_context *const *contexts, int kinds, const exact *f, uint64_t every,
                      worst *w)
{
    bool done = true;
    for (uint64_t bits = 0; done && bits < (uint64_t)1 << 32;) {
        int n = 0;
        for (; n < BLOCK && bits < (uint64_t)1 << 32; bits += every, n++) {
            uint32_t pattern = (uint32_t)bits;
            memcpy(&x[n], &pattern, sizeof *x);
            wide_x[n] = (double)x[n];
        }
        ct_scope scopes[CT_SIMDS];
        for (int k = 0; k < kinds; k++)
            scopes[k] = ct_scope_begin(contexts[k]);
        done = sweep_block(contexts, kinds, f, n, w);
        for (int k = 0; k < kinds; k++)
            ct_scope_end(contexts[k], scopes[k]);
    }
    return done;
}

static bool find_f32(ct_context *const *contexts, int kinds, const exact *f, uint64_t every,
                     worst *w)
{
    bool rounded = true;
    for (int k = 0; k < kinds; k++)
        w[k].rounded = true;
    bool done = sweep_f32(contexts, kinds, f, every > COARSE ? every : COARSE, w);
    for (int k = 0; k < kinds; k++)
        rounded = rounded && w[k].rounded;
    if (done && every < COARSE && !rounded)
        done = sweep_f32(contexts, kinds, f, every, w);
    for (int k = 0; done && k < kinds; k++)
        done = confirm(contexts[k], f, &w[k]);
    return done;
}

static bool sweep_f64(ct_context *const *contexts, int kinds, const exact *f, worst *w)
{
    static long double exactly[RANDOM];
    for (int i = 0; i < RANDOM; i++) {
        uint64_t draw = ct_random_u64(contexts[0]), place = draw >> 12 & 0xffff;
        double size = i % 2 ? 8 * ((double)place / 32768 - 1) : 1020 * ((double)place / 32768 - 1);
        wide_x[i] = exp2(size) * (1 + (double)(draw >> 28) / 0x1p36) * (draw & 1 ? -1 : 1);
        exactly[i] = exact_value(f, wide_x[i], false);
    }
    for (int k = 0; k < kinds; k++) {
        const double *got = apply(contexts[k], f, CT_F64, wide_x, RANDOM);
        for (int i = 0; got && i < RANDOM; i++)
            take(&w[k], units_off(got[i], exactly[i], false), wide_x[i]);
        if (!got)
            return false;
    }
    return true;
}

static void print_row(const char *name, const char *dtype, const worst *w, int kinds)
{
    printf("| %s | %s |", name, dtype);
    for (int k = 0; k < kinds; k++)
        printf(" %.2f%s at %.9g |", w[k].off, w[k].rounded ? " (r)" : "", w[k].at);
    printf("\n");
    fflush(stdout);
}

static void print_head(int kinds, uint64_t every)
{
    static const char *const names[] = { "", "plain", "AVX2", "AVX-512" };
    char which[40] = "all";
    if (every > 1)
        snprintf(which, sizeof which, "every %lluth", (unsigned long long)every);
    printf("# How exact elementwise functions are\n\n"
           "The largest error of each function of one tensor that was found, in units in the last\n"
           "place (0.50 is a result that is rounded once), and where. Below the normal numbers the\n"
           "unit is that of the smallest normal one.\n\n"
           "- `f32`: %s of the 2^32 numbers, against our own `f64`; the worst one is\n"
           "  then measured by MPFR; (r): the `f32` is the `f64` that is rounded, which was seen at\n"
           "  every %dth number, and so no more was looked at;\n"
           "- `f64`: %d random numbers, against MPFR.\n\n"
           "`./run accuracy 1` makes this page from all numbers, in an hour or two. Bounds for first and\n"
           "second derivatives, and for functions of two tensors, are in\n"
           "`tests/ops/elementwise/exact.def`; the tests hold them.\n\n| function | dtype |",
           which, COARSE, RANDOM);
    for (int k = 0; k < kinds; k++)
        printf(" %s |", names[k + CT_SIMD_PLAIN]);
    printf("\n|---|---|%.*s\n", 4 * kinds, "---|---|---|");
}

/* is it among these names, or are there none? */
static bool is_wanted(const char *name, char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return n == 0;
}

int main(int argc, char **argv)
{
    ct_context *contexts[CT_SIMDS];
    uint64_t every = argc > 1 ? strtoull(argv[1], NULL, 10) : 997;
    bool done = every > 0;
    int kinds = 0;
    /* AVX-512 gives AVX2's bits: see test_accuracy.c */
    for (int simd = CT_SIMD_PLAIN; simd <= CT_SIMD_AVX2; simd++) {
        contexts[kinds] = ct_context_new(&(ct_context_options){ .simd = (ct_simd)simd });
        kinds += (int)ct_simd_of(contexts[kinds]) == simd;
    }
    if (argc <= 2)
        print_head(kinds, every);
    for (int i = 0; done && i < exact_count; i++) {
        const exact *f = &exact_functions[i];
        worst single[CT_SIMDS] = { { 0 } }, wide[CT_SIMDS] = { { 0 } };
        if (f->inputs != 1 || !is_wanted(f->name, argv + 2, argc > 2 ? argc - 2 : 0))
            continue;
        done = find_f32(contexts, kinds, f, every, single) &&
               sweep_f64(contexts, kinds, f, wide);
        print_row(f->name, "f32", single, kinds);
        print_row(f->name, "f64", wide, kinds);
    }
    for (int k = 0; k < kinds; k++)
        ct_context_free(contexts[k]);
    return done ? 0 : 1;
}
