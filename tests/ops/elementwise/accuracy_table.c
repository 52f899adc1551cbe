/* Prints docs/accuracy.md: for each elementwise function of one tensor, each dtype and each kind of
 * processor, the largest error that was found, and where.
 *
 *   accuracy-table [EVERY]      looks at every EVERY-th float; 1: at all of them; default 997
 *
 * f32 is compared with our f64, which is rounded 2^29 times finer, and the worst point that this
 * finds with MPFR, whose number is the one that is printed; f64 is compared with MPFR at random
 * points, spread over all magnitudes and over those from 2^-8 to 2^8. */
#include <cotangent.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact.h"

enum { BLOCK = 1 << 15, RANDOM = 2000 };

typedef struct worst {
    double off, at;
} worst;

static double x[BLOCK], got[BLOCK], finer[BLOCK];
static long double want[BLOCK];

/* y = f(x), n of them, in a dtype; where f has no value for a point, it is NaN */
static bool apply(ct_context *c, const exact *f, ct_dtype dtype, int n, double *y)
{
    _Alignas(16) double attributes[64] = { f->parameters[0], f->parameters[1], f->parameters[2] };
    ct_scope scope = ct_scope_begin(c);
    ct_tensor *t = ct_from_doubles(c, dtype, CT_SHAPE(n), x, n);
    ct_tensor *result = ct_apply(ct_op_find(f->name), attributes, &t, 1);
    bool done = result && ct_to_doubles(result, y, n) == CT_OK;
    ct_scope_end(c, scope);
    return done;
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

/* A unit is at least epsilon / 2 of the number: so most points are seen to be no worse at once */
static void compare(worst *w, int n, bool single)
{
    const double least = single ? FLT_EPSILON / 2 : DBL_EPSILON / 2;
    for (int i = 0; i < n; i++) {
        double about = (double)want[i];
        if (fabs(got[i] - about) < 0.99 * least * w->off * fabs(about))
            continue;
        double off = units_off(got[i], want[i], single);
        if (off > w->off)
            *w = (worst){ off, x[i] };
    }
}

static long double exact_value(const exact *f, double at, bool single)
{
    long double result[3];
    exact_derivatives(f, (const double[]){ at, 0 }, 0, single, result);
    return result[0];
}

/* puts in place of w->off what MPFR says of that point */
static bool confirm(ct_context *c, const exact *f, worst *w)
{
    x[0] = w->at;
    bool done = apply(c, f, CT_F32, 1, got);
    w->off = units_off(got[0], exact_value(f, w->at, true), true);
    return done;
}

static bool sweep_f32(ct_context *const *contexts, int kinds, const exact *f, uint64_t every,
                      worst *w)
{
    bool done = true;
    for (uint64_t bits = 0; done && bits < (uint64_t)1 << 32;) {
        int n = 0;
        for (; n < BLOCK && bits < (uint64_t)1 << 32; bits += every, n++) {
            uint32_t pattern = (uint32_t)bits;
            float number;
            memcpy(&number, &pattern, sizeof number);
            x[n] = (double)number;
        }
        done = apply(contexts[0], f, CT_F64, n, finer);
        for (int i = 0; i < n; i++)
            want[i] = finer[i];
        for (int k = 0; done && k < kinds; k++) {
            done = apply(contexts[k], f, CT_F32, n, got);
            compare(&w[k], n, true);
        }
    }
    for (int k = 0; done && k < kinds; k++)
        done = confirm(contexts[k], f, &w[k]);
    return done;
}

static bool sweep_f64(ct_context *const *contexts, int kinds, const exact *f, worst *w)
{
    bool done = true;
    for (int i = 0; i < RANDOM; i++) {
        uint64_t draw = ct_random_u64(contexts[0]), place = draw >> 12 & 0xffff;
        double size = i % 2 ? 8 * ((double)place / 32768 - 1) : 1020 * ((double)place / 32768 - 1);
        x[i] = exp2(size) * (1 + (double)(draw >> 28) / 0x1p36) * (draw & 1 ? -1 : 1);
        want[i] = exact_value(f, x[i], false);
    }
    for (int k = 0; done && k < kinds; k++) {
        done = apply(contexts[k], f, CT_F64, RANDOM, got);
        compare(&w[k], RANDOM, false);
    }
    return done;
}

static void print_row(const char *name, const char *dtype, const worst *w, int kinds)
{
    printf("| %s | %s |", name, dtype);
    for (int k = 0; k < kinds; k++)
        printf(" %.2f at %.9g |", w[k].off, w[k].at);
    printf("\n");
    fflush(stdout);
}

static void print_head(int kinds, uint64_t every)
{
    static const char *const names[] = { "", "plain", "AVX2", "AVX-512" };
    printf("# How exact elementwise functions are\n\n"
           "The largest error of each function of one tensor that was found, in units in the last\n"
           "place (0.50 is a result that is rounded once), and where. Below the normal numbers the\n"
           "unit is that of the smallest normal one.\n\n"
           "- `f32`: every %llu%s of the 2^32 numbers, against our own `f64`; the worst one is\n"
           "  then measured by MPFR;\n"
           "- `f64`: %d random numbers, against MPFR.\n\n"
           "`./run accuracy 1` makes this page from all numbers, in some hours. Bounds for first and\n"
           "second derivatives, and for functions of two tensors, are in\n"
           "`tests/ops/elementwise/exact.def`; the tests hold them.\n\n| function | dtype |",
           (unsigned long long)every, every == 1 ? "st" : "th", RANDOM);
    for (int k = 0; k < kinds; k++)
        printf(" %s |", names[k + CT_SIMD_PLAIN]);
    printf("\n|---|---|%.*s\n", 4 * kinds, "---|---|---|");
}

int main(int argc, char **argv)
{
    ct_context *contexts[CT_SIMDS];
    uint64_t every = argc > 1 ? strtoull(argv[1], NULL, 10) : 997;
    bool done = every > 0;
    int kinds = 0;
    for (int simd = CT_SIMD_PLAIN; simd <= CT_SIMD_AVX2; simd++) { /* vectors of 32 bytes at most */
        contexts[kinds] = ct_context_new(&(ct_context_options){ .simd = (ct_simd)simd });
        kinds += (int)ct_simd_of(contexts[kinds]) == simd;
    }
    print_head(kinds, every);
    for (int i = 0; done && i < exact_count; i++) {
        const exact *f = &exact_functions[i];
        worst single[CT_SIMDS] = { { 0 } }, wide[CT_SIMDS] = { { 0 } };
        if (f->inputs != 1)
            continue;
        done = sweep_f32(contexts, kinds, f, every, single) &&
               sweep_f64(contexts, kinds, f, wide);
        print_row(f->name, "f32", single, kinds);
        print_row(f->name, "f64", wide, kinds);
    }
    for (int k = 0; k < kinds; k++)
        ct_context_free(contexts[k]);
    return done ? 0 : 1;
}
