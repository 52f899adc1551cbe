/* Values and first derivatives of elementwise functions against long double, over all magnitudes of
 * both signs: how many units in the last place they are off, in f32 and f64, on each kind of
 * processor. f64 is skipped where long double is no wider. */
#include "support.h"

#include <float.h>

typedef long double real;
typedef struct function {
    const char *name;
    ct_tensor *(*apply)(ct_tensor *x);
    real (*value)(real x), (*slope)(real x);
    double units[2][2]; /* that value and slope may be off, in f32 and in f64 */
    double square;      /* ... and x^2 times so many more: e^(-x^2) is that of a rounded x^2 */
    double absolute;    /* a slope may be off by so many units of 1 instead: where it is made from a
                           rounded y, or is a sum whose terms cancel somewhere */
    bool times_x;       /* value and slope are x times a factor that may be subnormal */
} function;

#define EXACT(name, expression)                                                                 \
    static real name(real x)                                                                    \
    {                                                                                           \
        return expression;                                                                      \
    }
#define OPERATOR(name, expression)                                                              \
    static ct_tensor *name(ct_tensor *x)                                                        \
    {                                                                                           \
        return expression;                                                                      \
    }
OPERATOR(rdiv, ct_rdiv(3, x))
OPERATOR(to_2_5, ct_power(x, 2.5))
OPERATOR(to_minus_half, ct_power(x, -0.5))
OPERATOR(elu, ct_elu(x, 1.5))
EXACT(three_over, 3 / x)
EXACT(three_over_slope, -3 / x / x)
EXACT(x_2_5, powl(x, 2.5L))
EXACT(x_2_5_slope, 2.5L * powl(x, 1.5L))
EXACT(x_minus_half, powl(x, -0.5L))
EXACT(to_minus_half_slope, -0.5L * powl(x, -1.5L))
EXACT(over, 1 / x)
EXACT(over_1p, 1 / (1 + x))
EXACT(over_slope, -1 / x / x)
EXACT(sqrt_slope, 0.5L / sqrtl(x))
EXACT(x_x, x * x)
EXACT(two_x, 2 * x)
EXACT(minus_sin, -sinl(x))
EXACT(erf_slope, 1.12837916709551257390L * expl(-x * x))
EXACT(erfc_slope, -1.12837916709551257390L * expl(-x * x))
EXACT(cdf, 0.5L * erfcl(-x * 0.70710678118654752440L))
EXACT(pdf, 0.39894228040143267794L * expl(-x * x / 2))
EXACT(pdf_slope, isinf(x) ? 0 : -x * pdf(x))
EXACT(tanh_slope, 1 / coshl(x) / coshl(x))
EXACT(logistic, 1 / (1 + expl(-x)))
EXACT(logistic_slope, logistic(x) * logistic(-x))
EXACT(elu_value, x > 0 ? x : 1.5L * expm1l(x))
EXACT(elu_slope, x > 0 ? 1 : 1.5L * expl(x))
EXACT(gelu, x * cdf(x))
EXACT(gelu_slope, cdf(x) + x * pdf(x))
EXACT(silu, x * logistic(x))
EXACT(silu_slope, logistic(x) * (1 + x * logistic(-x)))
EXACT(softplus, fmaxl(x, 0) + log1pl(expl(-fabsl(x))))

static const function functions[] = {
    { "exp", ct_exp, expl, expl, { { 1.2, 1.7 }, { 1, 1 } }, 0, 0, false },
    { "expm1", ct_expm1, expm1l, expl, { { 1.6, 1.7 }, { 1, 1 } }, 0, 0, false },
    { "log", ct_log, logl, over, { { 1, 1 }, { 1, 1 } }, 0, 0, false },
    { "log1p", ct_log1p, log1pl, over_1p, { { 1, 2 }, { 1, 2 } }, 0, 0, false },
    { "sqrt", ct_sqrt, sqrtl, sqrt_slope, { { 1, 2 }, { 1, 2 } }, 0, 0, false },
    { "square", ct_square, x_x, two_x, { { 1, 1 }, { 1, 1 } }, 0, 0, false },
    { "reciprocal", ct_reciprocal, over, over_slope, { { 1, 3 }, { 1, 3 } }, 0, 0, false },
    { "rdiv", rdiv, three_over, three_over_slope, { { 1, 3 }, { 1, 3 } }, 0, 0, false },
    { "x^2.5", to_2_5, x_2_5, x_2_5_slope, { { 1, 2 }, { 1, 2 } }, 0, 0, false },
    { "x^-0.5", to_minus_half, x_minus_half, to_minus_half_slope, { { 1, 2 }, { 1, 2 } }, 0, 0,
      false },
    { "sin", ct_sin, sinl, cosl, { { 2, 2 }, { 1, 1 } }, 0, 0, false },
    { "cos", ct_cos, cosl, minus_sin, { { 2, 2 }, { 1, 1 } }, 0, 0, false },
    { "erf", ct_erf, erfl, erf_slope, { { 2, 3 }, { 1, 3 } }, 1, 0, false },
    { "erfc", ct_erfc, erfcl, erfc_slope, { { 7, 3 }, { 2, 3 } }, 1, 0, false },
    { "normal_cdf", ct_normal_cdf, cdf, pdf, { { 6, 3 }, { 3, 3 } }, 2, 0, false },
    { "normal_pdf", ct_normal_pdf, pdf, pdf_slope, { { 3, 4 }, { 3, 4 } }, 1, 0, false },
    { "tanh", ct_tanh, tanhl, tanh_slope, { { 1.4, 2 }, { 2, 3 } }, 0, 3, false },
    { "sigmoid", ct_sigmoid, logistic, logistic_slope, { { 2, 3 }, { 2, 3 } }, 0, 1, false },
    { "elu", elu, elu_value, elu_slope, { { 3, 3 }, { 3, 3 } }, 0, 0, false },
    { "gelu", ct_gelu, gelu, gelu_slope, { { 7, 7 }, { 3, 3 } }, 2, 3, true },
    { "silu", ct_silu, silu, silu_slope, { { 3, 5 }, { 3, 5 } }, 0, 3, true },
    { "softplus", ct_softplus, softplus, logistic, { { 1.7, 2 }, { 2, 2 } }, 0, 0, false },
};
enum { FUNCTIONS = sizeof functions / sizeof *functions, POINTS = 8000 };

/* units in the last place of `want`; below the normal numbers, and below `least`, those of it */
static double units_off(double got, real want, real unit, real least)
{
    int exponent;
    frexpl(fmaxl(fabsl(want), least), &exponent);
    return (double)(fabsl((real)got - want) / ldexpl(unit, exponent - 1));
}

/* half of the points spread over all magnitudes, half over those up to 800; both signs */
static void choose_points(double *x, ct_dtype dtype)
{
    int range = dtype == CT_F32 ? 127 : 1023;
    for (int i = 0; i < POINTS; i++) {
        double t = (double)(i / 4) / (POINTS / 4);
        double size = i & 2 ? 800 * t * t * t : pow(2, range * (2 * t - 1));
        x[i] = i & 1 ? -size : size;
        x[i] = dtype == CT_F32 ? (double)(float)x[i] : x[i];
    }
}

/* value and slope at x; nothing is asked where they are not defined, or near to overflow */
static void check(const function *f, ct_dtype dtype, double x, const double got[2])
{
    bool single = dtype == CT_F32;
    real unit = single ? FLT_EPSILON : DBL_EPSILON, most = single ? FLT_MAX : DBL_MAX;
    real least = (single ? FLT_MIN : DBL_MIN) * (f->times_x ? fmaxl(1, fabsl((real)x)) : 1);
    const real want[] = { f->value((real)x), f->slope((real)x) };
    for (int k = 0; k < 2; k++) {
        if (isnan(want[0]) || !(fabsl(want[k]) < most / 4))
            continue;
        double allowed = f->units[dtype == CT_F64][k] + f->square * x * x;
        double off = units_off(got[k], want[k], unit, least);
        bool near = k == 1 && fabsl((real)got[k] - want[k]) <= f->absolute * unit;
        ck_assert_msg(off <= allowed || near, "%s of %.17g, f%d: %s %.17g, not %.17Lg: %g units "
                      "off", f->name, x, single ? 32 : 64, k ? "slope" : "value", got[k], want[k],
                      off);
    }
}

/* values, and slopes */
typedef struct outcome {
    double y[POINTS], slope[POINTS];
} outcome;

static void sweep(const function *f, ct_context *c, ct_dtype dtype, outcome *got)
{
    static double x[POINTS];
    ct_scope scope = ct_scope_begin(c);
    choose_points(x, dtype);
    ct_tensor *leaf = ct_variable(ct_from_doubles(c, dtype, CT_SHAPE(POINTS), x, POINTS)), *gx;
    ct_tensor *result = f->apply(leaf);
    ct_grad(result, ct_ones_like(leaf), &leaf, 1, 0, &gx);
    ct_to_doubles(result, got->y, POINTS);
    ck_assert_int_eq(ct_to_doubles(gx, got->slope, POINTS), CT_OK);
    for (int i = 0; i < POINTS; i++)
        check(f, dtype, x[i], (const double[]){ got->y[i], got->slope[i] });
    ct_scope_end(c, scope);
}

/* AVX-512 gives AVX2's bits: so docs/accuracy.md has one column for both */
static void sweep_all(ct_dtype dtype)
{
    static outcome got[FUNCTIONS], last[FUNCTIONS];
    for (ct_simd simd = CT_SIMD_PLAIN; simd <= ct_simd_of(cx); simd++) {
        ct_context *c = ct_context_new(&(ct_context_options){ .simd = simd });
        memcpy(last, got, sizeof got);
        for (int f = 0; f < FUNCTIONS; f++) {
            sweep(&functions[f], c, dtype, &got[f]);
            ck_assert_msg(simd < CT_SIMD_AVX512 || !memcmp(&got[f], &last[f], sizeof *got),
                          "%s: AVX-512 gives other bits than AVX2", functions[f].name);
        }
        ct_context_free(c);
    }
}

START_TEST(values_and_slopes_f32)
{
    sweep_all(CT_F32);
}
END_TEST

START_TEST(values_and_slopes_f64)
{
    if (has_long_double())
        sweep_all(CT_F64);
}
END_TEST

Suite *accuracy_suite(void);
Suite *accuracy_suite(void)
{
    return make_suite("accuracy", (const TTest *[]){
        values_and_slopes_f32, values_and_slopes_f64, NULL });
}
