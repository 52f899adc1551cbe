/* The functions of vector_math.h against libm in double, over all of f32: how many units in the
 * last place they are off. */
#include "support.h"

#include <float.h>

#include "vector_math.h"

enum { FUNCTIONS = 18 };
typedef void (*loop)(float *restrict y, const float *restrict x, int n);
typedef loop loops[FUNCTIONS];
#define CT_KERNELS     "vector_loops.h"
#define CT_KERNELS_F32 64
#define CT_KERNELS_F64 0
#include <cotangent/kernels.h>
static const loops *const all[][CT_SIMDS] = CT_KERNEL_TABLE(all);

static double exp_normal_of(double x)
{
    return x < (double)-87.3365f ? 0 : exp(x > 88 ? 88 : x);
}

static double logistic_of(double x)
{
    return 1 / (1 + exp(-x));
}

static double other_of(double x)
{
    return 1 / (1 + exp(x));
}

static double gate_of(double x)
{
    return x < -87 ? 0 : logistic_of(x);
}

static double softplus_of(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

static double normal_of(double x)
{
    return 0.5 * erfc(-x * 0.70710678118654752440);
}

static double density_of(double x)
{
    return exp(-0.5 * x * x);
}

static const struct {
    const char *name;
    double (*exact)(double x);
    double most; /* units in the last place */
    float within; /* |x| for which it holds; 0: all */
} functions[FUNCTIONS] = {
    { "exp", exp, 1.2, 0 }, { "exp_normal", exp_normal_of, 1.2, 0 }, { "expm1", expm1, 1.6, 0 },
    { "log", log, 1, 0 }, { "log1p", log1p, 1, 0 }, { "sin", sin, 1.9, 1e6f },
    { "cos", cos, 1.9, 1e6f }, { "tanh", tanh, 1.4, 0 }, { "logistic", logistic_of, 2, 0 },
    { "softplus", softplus_of, 1.7, 0 }, { "erf", erf, 1.9, 0 }, { "normal", normal_of, 6, 0 },
    { "density", density_of, 1.5, 0 }, { "logistic_pair", logistic_of, 2.6, 0 },
    { "logistic_other", other_of, 2.6, 0 }, { "erfc", erfc, 7, 0 },
    { "gate", gate_of, 2.5, 0 }, { "gate_tanh", tanh, 2.5, 0 },
};

/* the distance from a float to the next, away from 0 */
static double unit(float x)
{
    float a = fabsf(x), next = nextafterf(a, INFINITY);
    return isinf(next) ? (double)a - (double)nextafterf(a, 0) : (double)next - (double)a;
}

static double units_off(float got, double want)
{
    float rounded = (float)want;
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (got == rounded) /* and of zeros the sign too */
        return !signbit(got) == !signbit(rounded) ? 0 : INFINITY;
    return isinf(rounded) ? INFINITY : fabs((double)got - want) / unit(rounded);
}

/* y = f(x), as the loop has it, against the exact values */
static void expect_accurate(int f, const float *x, const float *y, int n)
{
    int worst = 0;
    double most = -1;
    for (int i = 0; i < n; i++) {
        if (functions[f].within > 0 && fabsf(x[i]) > functions[f].within)
            continue;
        double off = units_off(y[i], functions[f].exact((double)x[i]));
        if (off > most)
            most = off, worst = i;
    }
    ck_assert_msg(most <= functions[f].most, "%s(%.9g) = %.9g is %g units off", functions[f].name,
                  (double)x[worst], (double)y[worst], most);
}

static void sweep(int f, loop run, uint64_t step)
{
    enum { N = 1023 }; /* odd, so that vectors have a remainder */
    static float x[N], y[N];
    for (uint64_t bits = 0; bits < (uint64_t)1 << 32; bits += N * step) {
        for (int i = 0; i < N; i++)
            x[i] = vector_float((uint32_t)(bits + (uint64_t)i * step));
        run(y, x, N);
        expect_accurate(f, x, y, N);
    }
}

/* the loop over function f for each kind of processor that this one is; NULL: no more */
static loop loop_of(int f, int kind)
{
    int simd = CT_SIMD_PLAIN + kind;
    return simd <= (int)ct_simd_of(cx) ? (*all[CT_F32][simd])[f] : NULL;
}

START_TEST(a_sample_of_all_floats)
{
    for (int f = 0; f < FUNCTIONS; f++)
        for (int kind = 0; kind < 3 && loop_of(f, kind); kind++)
            sweep(f, loop_of(f, kind), 9973);
}
END_TEST

START_TEST(around_special_values)
{
    const float special[] = { 0.0f, -0.0f, INFINITY, -INFINITY, NAN, FLT_MIN, -FLT_MIN, FLT_MAX,
                              -FLT_MAX, 1.0f, -1.0f, 0x1p-149f, -0x1p-149f, 88.72284f, -87.33655f,
                              -87.3365f, 88,
                              -103.97208f, -103.9721f, 0.85f, 0.625f, 0.7f, 20, -20, 80, 89, 15 };
    for (int f = 0; f < FUNCTIONS; f++)
        for (int k = 0; k < (int)(sizeof special / sizeof *special); k++) {
            enum { N = 19 }; /* as vectors, and what is left over */
            float x[N], y[N];
            for (int i = 0; i < N; i++)
                x[i] = i % 3 == 0 ? special[k]
                                  : nextafterf(special[k], i % 3 == 1 ? INFINITY : -INFINITY);
            for (int kind = 0; kind < 3 && loop_of(f, kind); kind++) {
                loop_of(f, kind)(y, x, N);
                expect_accurate(f, x, y, N);
            }
        }
}
END_TEST

Suite *vector_math_suite(void);
Suite *vector_math_suite(void)
{
    return make_suite("vector_math", (const TTest *[]){
        a_sample_of_all_floats, around_special_values, NULL });
}
