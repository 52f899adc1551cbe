/* Every elementwise operator against MPFR: value, first and second derivative, at ordinary points
 * and at extreme ones, in f32 and f64, on the plainest and the widest kind of processor. exact.def
 * has the formulas and the bounds; an operator that it lacks fails. */
#include "support.h"

#ifndef HAVE_MPFR
START_TEST(every_operator_against_mpfr)
{
    skip("there is no MPFR to compare with");
}
END_TEST

Suite *reference_suite(void);
Suite *reference_suite(void)
{
    return make_suite("reference", (const TTest *[]){ every_operator_against_mpfr, NULL });
}
#else
#include <float.h>

#include "exact.h"

static const double magnitudes[] = {
    0, 1e-310, 1e-160, 1e-40, 1e-20, 1e-8, 1e-3, 0.1, 0.25, 0.4, 0.5, 0.62, 0.7, 0.9, 0.99,
    0.99999994, 1, 1.1, 1.25, 1.4616321, 1.5, 2, 2.5, 3, 3.3, 4.5, 5, 7, 10, 20, 30, 50, 88, 100,
    170.6, 300, 700, 745, 1e4, 1e5, 1e10, 1e20, 1e38, 1e160, 1e300, INFINITY
};
static const double for_two[] = { 0, 1e-310, 1e-30, 0.3, 1, 1.5, 7.1, 700, 1e30, 1e300,
                                  INFINITY };
enum {
    MAGNITUDES = sizeof magnitudes / sizeof *magnitudes, FOR_TWO = sizeof for_two / sizeof *for_two,
    MOST = 4 * FOR_TWO * FOR_TWO > 2 * MAGNITUDES ? 4 * FOR_TWO * FOR_TWO : 2 * MAGNITUDES
};

/* the points of a function, in the dtype, and what came out there: value, then first and second
 * derivatives by each operand */
static double at[2][MOST], got[2][3][MOST];

static int choose_points(int inputs, ct_dtype dtype)
{
    const double *from = inputs == 1 ? magnitudes : for_two;
    const int count = 2 * (inputs == 1 ? MAGNITUDES : FOR_TWO);
    int n = 0;
    for (int i = 0; i < (inputs == 1 ? count : count * count); i++) {
        bool fits = true;
        for (int k = 0; k < inputs; k++) {
            int which = k == 0 ? i % count : i / count;
            double x = which % 2 ? -from[which / 2] : from[which / 2];
            at[k][n] = dtype == CT_F32 ? (double)(float)x : x;
            fits = fits && (at[k][n] == 0) == (x == 0) && isinf(at[k][n]) == isinf(x);
        }
        n += fits;
    }
    return n;
}

static void compute(ct_context *c, const exact *f, ct_dtype dtype, int n)
{
    ct_scope scope = ct_scope_begin(c);
    ct_tensor *x[2], *g[2], *h[2];
    const ct_op *op = ct_op_find(f->name);
    ck_assert_msg(op != NULL, "there is no operator %s", f->name);
    for (int k = 0; k < f->inputs; k++)
        x[k] = ct_variable(ct_from_doubles(c, dtype, CT_SHAPE(n), at[k], n));
    _Alignas(16) double attributes[64] = { f->parameters[0], f->parameters[1], f->parameters[2] };
    ct_tensor *y = ct_apply(op, attributes, x, f->inputs);
    memset(got, 0, sizeof got);
    ck_assert_int_eq(ct_to_doubles(y, got[0][0], n), CT_OK);
    memcpy(got[1][0], got[0][0], sizeof got[0][0]);
    if (ct_requires_grad(y))
        ct_grad(y, ct_ones_like(y), x, f->inputs, CT_ZERO_PATH, g);
    for (int k = 0; k < f->inputs && ct_requires_grad(y); k++)
        ck_assert_int_eq(ct_to_doubles(g[k], got[k][1], n), CT_OK);
    if (ct_requires_grad(y))
        ct_grad(y, ct_ones_like(y), x, f->inputs, CT_CREATE_GRAPH | CT_ZERO_PATH, g);
    for (int k = 0; k < f->inputs && ct_requires_grad(y); k++)
        if (ct_requires_grad(g[k])) {
            ct_grad(g[k], ct_ones_like(y), &x[k], 1, CT_ZERO_PATH, &h[k]);
            ck_assert_int_eq(ct_to_doubles(h[k], got[k][2], n), CT_OK);
        }
    ct_scope_end(c, scope);
}

/* units in the last place of `want`; below the normal numbers, those of the smallest one, as many as
 * x is large: x times a subnormal factor, as in silu, is no better */
static double units_off(double have, long double want, bool single, double x)
{
    int exponent;
    long double least = (single ? (long double)FLT_MIN : DBL_MIN) * fminl(fmaxl(1, fabsl(x)), 1000);
    frexpl(fmaxl(fabsl(want), least), &exponent);
    return (double)(fabsl((long double)have - want) /
                    ldexpl(single ? FLT_EPSILON : DBL_EPSILON, exponent - 1));
}

static void check(const exact *f, ct_dtype dtype, int i, int k, const long double want[3],
                  const char *where)
{
    static const char *const what[] = { "value", "first derivative", "second derivative" };
    const bool single = dtype == CT_F32;
    long double most = single ? (long double)FLT_MAX : DBL_MAX;
    for (int order = 0; order < 3; order++) {
        double have = got[k][order][i], allowed = f->units[!single][order];
        if (allowed > 0 && f->square > 0)
            allowed += f->square * at[0][i] * at[0][i];
        double unit = single ? FLT_EPSILON : DBL_EPSILON;
        bool skipped = isnan(want[order]) ? order > 0 || isinf(at[0][i]) || isinf(at[1][i])
                                          : fabsl(want[order]) > most / 4;
        if (skipped || allowed == 0 || (isnan(want[order]) && isnan(have)))
            continue;
        double off = units_off(have, want[order], single, at[0][i]);
        bool near = fabsl((long double)have - want[order]) <= f->near * unit;
        ck_assert_msg(off <= allowed || near, "%s, f%d %s, %s by operand %d at (%.17g, %.17g): "
                      "%.17g, not %.17Lg: %g units off", f->name, single ? 32 : 64, where,
                      what[order], k, at[0][i], at[1][i], have, want[order], off);
    }
}

static void compare(ct_context *c, const exact *f, ct_dtype dtype, const char *where)
{
    static long double want[2][MOST][3]; /* the same for both contexts, of which the plain is first */
    int n = choose_points(f->inputs, dtype);
    compute(c, f, dtype, n);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < f->inputs; k++) {
            if (c != cx)
                exact_derivatives(f, (const double[]){ at[0][i], at[1][i] }, k,
                                  dtype == CT_F32, want[k][i]);
            check(f, dtype, i, k, want[k][i], where);
        }
}

START_TEST(every_operator_against_mpfr)
{
    if (!has_long_double())
        return;
    ct_context *plain = ct_context_new(&(ct_context_options){ .simd = CT_SIMD_PLAIN });
    for (int f = 0; f < exact_count; f++)
        for (ct_dtype dtype = CT_F32; dtype <= CT_F64; dtype++) {
            compare(plain, &exact_functions[f], dtype, "plain");
            compare(cx, &exact_functions[f], dtype, "in vectors");
        }
    ct_context_free(plain);
}
END_TEST

static void expect_row(const char *name)
{
    for (int f = 0; f < exact_count; f++)
        if (strcmp(exact_functions[f].name, name) == 0)
            return;
    ck_abort_msg("exact.def lacks %s", name);
}

START_TEST(every_operator_is_compared)
{
#define ROW(name, ...) expect_row(#name);
#define BINARY(name, ...) expect_row(#name);
#include "binary.def"
#include "unary.def"
#define ROW(name, ...) expect_row(#name);
#define BINARY(name, ...) expect_row(#name);
#include "functions.def"
#include "functions_of_two.def"
    expect_row("sinc");
}
END_TEST

Suite *reference_suite(void);
Suite *reference_suite(void)
{
    return make_suite("reference", (const TTest *[]){
        every_operator_against_mpfr, every_operator_is_compared, NULL });
}
#endif
