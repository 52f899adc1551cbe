/* The functions of double_math.h and double_normal.h against MPFR: how many units in the last place
 * they are off. */
#include "support.h"

#ifndef HAVE_MPFR
START_TEST(a_sample_of_all_magnitudes)
{
    skip("there is no MPFR to compare with");
}
END_TEST

Suite *double_math_suite(void);
Suite *double_math_suite(void)
{
    return make_suite("double_math", (const TTest *[]){ a_sample_of_all_magnitudes, NULL });
}
#else
#include <float.h>
#include <mpfr.h>

#include "double_normal.h"

/* FUNCTION(name, the exact value y of x, units that it may be off, from, to): x is looked at within
 * [from, to] only */
#define DOUBLE_FUNCTIONS                                                                        \
    FUNCTION(exp, mpfr_exp(y, x, R), 0.75, -INFINITY, INFINITY)                                 \
    FUNCTION(exp_normal, exact_exp_normal(y, x), 0.85, -INFINITY, 709)                          \
    FUNCTION(exp2, mpfr_exp2(y, x, R), 0.75, -INFINITY, INFINITY)                               \
    FUNCTION(expm1, mpfr_expm1(y, x, R), 0.9, -INFINITY, INFINITY)                              \
    FUNCTION(log, mpfr_log(y, x, R), 0.9, -INFINITY, INFINITY)                                  \
    FUNCTION(log2, mpfr_log2(y, x, R), 1, -INFINITY, INFINITY)                                  \
    FUNCTION(log10, mpfr_log10(y, x, R), 0.95, -INFINITY, INFINITY)                             \
    FUNCTION(log1p, mpfr_log1p(y, x, R), 0.9, -INFINITY, INFINITY)                              \
    FUNCTION(sin, mpfr_sin(y, x, R), 0.8, -1e6, 1e6)                                            \
    FUNCTION(cos, mpfr_cos(y, x, R), 0.8, -1e6, 1e6)                                            \
    FUNCTION(tanh, mpfr_tanh(y, x, R), 0.8, -INFINITY, INFINITY)                                \
    FUNCTION(logistic, exact_logistic(y, x, 1), 1.1, -INFINITY, INFINITY)                      \
    FUNCTION(silu, exact_times(y, x, exact_logistic(y, x, 1)), 1.7, -DBL_MAX, DBL_MAX)         \
    FUNCTION(softplus, exact_softplus(y, x), 1.2, -INFINITY, INFINITY)                          \
    FUNCTION(erf, mpfr_erf(y, x, R), 1, -INFINITY, INFINITY)                                    \
    FUNCTION(erfc, mpfr_erfc(y, x, R), 1.9, -INFINITY, INFINITY)                                \
    FUNCTION(gelu, exact_times(y, x, exact_normal(y, x)), 1.9, -1000, DBL_MAX)                  \
    FUNCTION_OF_PAIR(normal, exact_normal(y, x), 1.9, -INFINITY, INFINITY)                      \
    FUNCTION_OF_PAIR(density, exact_density(y, x), 0.75, -INFINITY, INFINITY)                   \
    FUNCTION_OF_PAIR(logistic_pair, exact_logistic(y, x, 1), 2.6, -INFINITY, INFINITY)          \
    FUNCTION_OF_PAIR(logistic_other, exact_logistic(y, x, -1), 2.6, -INFINITY, INFINITY)

typedef void (*loop)(double *restrict y, const double *restrict x, int n);
#define FUNCTION_OF_PAIR FUNCTION
#define FUNCTION(f, ...) + 1
enum { FUNCTIONS = DOUBLE_FUNCTIONS };
#define R MPFR_RNDN
#undef FUNCTION
#undef FUNCTION_OF_PAIR
typedef loop loops[FUNCTIONS];
#define CT_KERNELS     "double_loops.h"
#define CT_KERNELS_F32 0
#define CT_KERNELS_F64 64
#include <cotangent/kernels.h>
static const loops *const all[][CT_SIMDS] = CT_KERNEL_TABLE(all);

/* -- Exact values. x is a number that MPFR holds exactly, y may be any */
static void exact_exp_normal(mpfr_ptr y, mpfr_srcptr x)
{
    mpfr_exp(y, x, R);
    if (mpfr_cmp_d(x, -708.396) < 0)
        mpfr_set_zero(y, 1);
}

static void exact_logistic(mpfr_ptr y, mpfr_srcptr x, int sign)
{
    mpfr_mul_si(y, x, -sign, R);
    mpfr_exp(y, y, R);
    mpfr_add_ui(y, y, 1, R);
    mpfr_ui_div(y, 1, y, R);
}

static void exact_softplus(mpfr_ptr y, mpfr_srcptr x)
{
    mpfr_t e;
    mpfr_init(e);
    mpfr_abs(e, x, R);
    mpfr_neg(e, e, R);
    mpfr_exp(e, e, R);
    mpfr_log1p(e, e, R);
    if (mpfr_sgn(x) > 0)
        mpfr_add(y, e, x, R);
    else
        mpfr_set(y, e, R);
    mpfr_clear(e);
}

static void exact_normal(mpfr_ptr y, mpfr_srcptr x)
{
    mpfr_sqrt_ui(y, 2, R);
    mpfr_div(y, x, y, R);
    mpfr_neg(y, y, R);
    mpfr_erfc(y, y, R);
    mpfr_div_ui(y, y, 2, R);
}

static void exact_density(mpfr_ptr y, mpfr_srcptr x)
{
    mpfr_sqr(y, x, R);
    mpfr_div_si(y, y, -2, R);
    mpfr_exp(y, y, R);
}

#define exact_times(y, x, function) (function, mpfr_mul(y, y, x, R))
#define FUNCTION_OF_PAIR FUNCTION
#define FUNCTION(f, value, ...)                                                                 \
    static void exact_value_##f(mpfr_ptr y, mpfr_srcptr x)                                      \
    {                                                                                           \
        value;                                                                                  \
    }
DOUBLE_FUNCTIONS
#undef FUNCTION
static const struct {
    const char *name;
    void (*exact)(mpfr_ptr y, mpfr_srcptr x);
    double most, from, to;
} functions[FUNCTIONS] = {
#define FUNCTION(f, value, most, from, to) { #f, exact_value_##f, most, from, to },
    DOUBLE_FUNCTIONS
};

/* units in the last place of `want`, below the normal numbers those of the smallest one */
static double units_off(double got, mpfr_ptr want)
{
    double rounded = mpfr_get_d(want, R);
    int exponent;
    if (isnan(rounded) || isnan(got))
        return isnan(rounded) && isnan(got) ? 0 : INFINITY;
    if (isinf(rounded) || isinf(got))
        return rounded == got ? 0 : INFINITY;
    frexp(fmax(fabs(rounded), DBL_MIN), &exponent);
    mpfr_sub_d(want, want, got, R);
    mpfr_mul_2si(want, want, DBL_MANT_DIG - exponent, R);
    return fabs(mpfr_get_d(want, R));
}

/* the loop over function f for each kind of processor that this one is; NULL: no more */
static loop loop_of(int f, int kind)
{
    int simd = CT_SIMD_PLAIN + kind;
    return simd <= (int)ct_simd_of(cx) ? (*all[CT_F64][simd])[f] : NULL;
}

static void expect_accurate(int f, const double *x, int n)
{
    enum { MOST = 4096 };
    static double y[3][MOST];
    mpfr_t exactly, want, of;
    mpfr_inits2(200, exactly, want, of, (mpfr_ptr)NULL);
    for (int kind = 0; kind < 3 && loop_of(f, kind); kind++)
        loop_of(f, kind)(y[kind], x, n);
    for (int i = 0; i < n; i++) {
        if (x[i] < functions[f].from || x[i] > functions[f].to)
            continue;
        mpfr_set_d(of, x[i], R);
        functions[f].exact(exactly, of);
        for (int kind = 0; kind < 3 && loop_of(f, kind); kind++) {
            mpfr_set(want, exactly, R);
            double off = units_off(y[kind][i], want);
            ck_assert_msg(off <= functions[f].most, "%s(%.17g) = %.17g is %g units off, kind %d",
                          functions[f].name, x[i], y[kind][i], off, kind);
        }
    }
    mpfr_clears(exactly, want, of, (mpfr_ptr)NULL);
}

/* of all magnitudes, of those up to 750, and up to 4, in turn */
START_TEST(a_sample_of_all_magnitudes)
{
    enum { N = 1023 }; /* odd, so that vectors have a remainder */
    static double x[N];
    for (int i = 0; i < N; i++) {
        double part = (double)(ct_random_u64(cx) >> 11) * 0x1p-52 - 1;
        x[i] = i % 3 == 0 ? double_of_bits(ct_random_u64(cx)) : part * (i % 3 == 1 ? 750 : 4);
    }
    for (int f = 0; f < FUNCTIONS; f++)
        expect_accurate(f, x, N);
}
END_TEST

START_TEST(around_special_values)
{
    static const double special[] = {
        0, INFINITY, NAN, DBL_MIN, DBL_MAX, DBL_TRUE_MIN, 1, 709.78271289338397, 709, 708.396,
        745.13321910194122, 744.4400719213812, 753, 1024, 1022, 1074, 1075, 1e6, 40, 36.8, 36.7, 20,
        80, 0.34657359027997264, 0.70710678118654752, 1.4142135623730951, 1.0397207708399179,
        0.41421356237309505, 0.29289321881345248, 0.8, 27.3, 38.5, 1.5707963267948966,
        3.1415926535897931, 355, 710, 573204, 0x1p60, 0x1p-53, 0x1p53
    };
    enum { SPECIAL = sizeof special / sizeof *special, N = 14 };
    static double x[SPECIAL * N];
    for (int i = 0; i < SPECIAL; i++)
        for (int k = 0; k < N; k++) {
            double at = special[i];
            for (int step = 0; step < k % 7 / 2; step++)
                at = nextafter(at, k % 2 ? INFINITY : -INFINITY);
            x[i * N + k] = k < N / 2 ? at : -at;
        }
    for (int f = 0; f < FUNCTIONS; f++)
        expect_accurate(f, x, SPECIAL * N);
}
END_TEST

/* a result is the same in each lane of a vector, and among the last ones, which fill none */
START_TEST(bits_do_not_depend_on_the_place)
{
    enum { N = 29 };
    double x[N], y[N];
    for (int f = 0; f < FUNCTIONS; f++)
        for (int kind = 0; kind < 3 && loop_of(f, kind); kind++)
            for (int k = 0; k < 40; k++) {
                double at = k < 20 ? 0.11 * (k - 10) : 37.7 * (k - 30);
                for (int i = 0; i < N; i++)
                    x[i] = at;
                loop_of(f, kind)(y, x, N);
                for (int i = 1; i < N; i++)
                    ck_assert_msg(memcmp(&y[i], &y[0], sizeof *y) == 0, "%s(%g), kind %d, at %d",
                                  functions[f].name, at, kind, i);
            }
}
END_TEST

START_TEST(zeros_keep_their_signs)
{
    static const char *const odd[] = { "expm1", "log1p", "sin", "tanh", "silu", "erf", "gelu" };
    const double x[] = { -0.0, 0.0 };
    double y[2];
    for (int f = 0; f < FUNCTIONS; f++)
        for (size_t k = 0; k < sizeof odd / sizeof *odd; k++)
            for (int kind = 0; kind < 3 && loop_of(f, kind); kind++)
                if (strcmp(functions[f].name, odd[k]) == 0) {
                    loop_of(f, kind)(y, x, 2);
                    ck_assert_msg(y[0] == 0 && signbit(y[0]) && !signbit(y[1]), "%s, kind %d",
                                  odd[k], kind);
                }
}
END_TEST

/* sin and cos of numbers past 1e6 are libm's, those of the others beside them remain ours */
START_TEST(far_numbers_do_not_change_others)
{
    enum { N = 700 };
    static double x[N], far[N], y[2][N];
    ct_tensor *(*const functions_of[])(ct_tensor *) = { ct_sin, ct_cos };
    for (int i = 0; i < N; i++) {
        x[i] = 0.37 * i - 100;
        far[i] = i % 50 == 7 ? 1e10 : x[i];
    }
    for (ct_dtype dtype = CT_F32; dtype <= CT_F64; dtype++)
        for (int f = 0; f < 2; f++) {
            ct_tensor *t[] = { ct_from_doubles(cx, dtype, CT_SHAPE(N), x, N),
                               ct_from_doubles(cx, dtype, CT_SHAPE(N), far, N) };
            for (int k = 0; k < 2; k++)
                ck_assert_int_eq(ct_to_doubles(functions_of[f](t[k]), y[k], N), CT_OK);
            for (int i = 0; i < N; i++)
                ck_assert_msg(i % 50 == 7 || memcmp(&y[0][i], &y[1][i], sizeof **y) == 0,
                              "f%d, function %d, at %d", dtype == CT_F32 ? 32 : 64, f, i);
        }
}
END_TEST

Suite *double_math_suite(void);
Suite *double_math_suite(void)
{
    return make_suite("double_math", (const TTest *[]){
        a_sample_of_all_magnitudes, around_special_values, bits_do_not_depend_on_the_place,
        zeros_keep_their_signs, far_numbers_do_not_change_others, NULL });
}
#endif
