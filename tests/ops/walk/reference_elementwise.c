/* Elementwise operators that exact.def lacks, and draws. */
#include "reference.h"

#define OF(name, expression)                                                                    \
    static real name##_of(const real *x, const void *attributes)                                \
    {                                                                                           \
        (void)attributes;                                                                       \
        return expression;                                                                      \
    }                                                                                           \
    static void name(task *t)                                                                   \
    {                                                                                           \
        elementwise(t, name##_of);                                                              \
    }
OF(add, x[0] + x[1])
OF(eq, x[0] == x[1])
OF(ne, x[0] != x[1])
OF(lt, x[0] < x[1])
OF(le, x[0] <= x[1])
OF(gt, x[0] > x[1])
OF(ge, x[0] >= x[1])
OF(logical_and, x[0] != 0 && x[1] != 0)
OF(logical_or, x[0] != 0 || x[1] != 0)
OF(logical_xor, (x[0] != 0) != (x[1] != 0))
OF(logical_not, x[0] == 0)
OF(is_nan, isnan(x[0]) != 0)
OF(is_inf, isinf(x[0]) != 0)
OF(is_finite, isfinite(x[0]) != 0)
OF(where, x[0] != 0 ? x[1] : x[2])
OF(lerp, isinf(x[2])   ? x[0] + x[2] * (x[1] - x[0])
         : x[2] == 0 ? x[0]
         : x[2] == 1 ? x[1]
                     : x[0] * (1 - x[2]) + x[1] * x[2])
OF(relu6, isnan(x[0]) ? x[0] : fminl(fmaxl(x[0], 0), 6))

/* Truncated towards 0 for i64; bool is whether x is not 0. A cast to f32 rounds. */
static real cast_of(const real *x, const void *attributes)
{
    switch (*(const ct_dtype *)attributes) {
    case CT_F32:
        return (real)(float)x[0];
    case CT_I64:
        return truncl(x[0]);
    case CT_BOOL:
        return x[0] != 0;
    default:
        return x[0];
    }
}

static void cast(task *t)
{
    elementwise(t, cast_of);
}

/* (-1)^(n+1) n! sum of (x + k)^-(n+1) over k >= 0: many terms, and then an integral with two terms
 * of Euler and Maclaurin. For n = 0 the sum does not converge: log, and less by each term */
static real polygamma_of(const real *x, const void *attributes)
{
    int n = *(const int *)attributes;
    if (x[0] == -INFINITY)
        return NAN;
    real sum = 0, factorial = 1, end = x[0] + 2000;
    for (int k = 0; k < 2000; k++)
        sum += powl(k == 0 ? x[0] : x[0] + k, -(n + 1)); /* -0 remains */
    for (int k = 2; k <= n; k++)
        factorial *= k;
    real tail = powl(end, -(n + 1)) / 2 + (n + 1) * powl(end, -(n + 2)) / 12;
    if (n == 0)
        return logl(end) - sum - tail;
    return (n % 2 ? 1 : -1) * factorial * (sum + powl(end, -n) / n + tail);
}

static void polygamma(task *t)
{
    elementwise(t, polygamma_of);
}

static real activate_of(const real *x, const void *attributes)
{
    switch (*(const ct_activation *)attributes) {
    case CT_TANH:
        return tanhl(x[0]);
    case CT_SIGMOID:
        return 1 / (1 + expl(-x[0]));
    case CT_RELU:
        return x[0] < 0 ? 0 : x[0];
    default:
        return x[0];
    }
}

static void activate(task *t)
{
    elementwise(t, activate_of);
}

/* -- Draws: element i takes draw number i. */
static void bernoulli(task *t)
{
    for (int64_t i = 0; i < t->y[0].n; i++)
        t->y[0].at[i] = ldexpl((real)(bits_of(t, i) >> 11), -53) < t->x[0].at[i];
}

static real uniform(const task *t, int64_t i)
{
    return ((real)(bits_of(t, i) >> 12) + 0.5L) / 0x1p52L;
}

static void exponential(task *t)
{
    for (int64_t i = 0; i < t->y[0].n; i++)
        t->y[0].at[i] = -logl(1 - uniform(t, i)) / t->x[0].at[i];
}

/* P(a, x), by its series */
static real gamma_below(real a, real x)
{
    real sum = 0, term = 1;
    for (int k = 1; term > 1e-22L * sum; k++) {
        sum += term;
        term *= x / (a + k);
    }
    return sum * expl(a * logl(x) - x - lgammal(a + 1));
}

/* by halving; not where y is too small for that */
static void gamma_draw(task *t)
{
    for (int64_t i = 0; i < t->y[0].n; i++) {
        real a = t->x[0].at[i], low = 0, high = 100 + 4 * a;
        for (int k = 0; k < 200 && a > 0.01L; k++) {
            real middle = (low + high) / 2;
            *(gamma_below(a, middle) < uniform(t, i) ? &low : &high) = middle;
        }
        t->y[0].at[i] = a > 0.01L ? low : t->y[0].at[i];
    }
}

/* P(a, x) and a constant: where P is near 1, -(1 - P), by Legendre's continued fraction */
static real gamma_part(real a, real x, bool below)
{
    real f = x + 1200;
    for (int k = 500; k > 0; k--)
        f = x + 2 * k - 1 - a - k * (k - a) / f;
    return below ? gamma_below(a, x) : -expl(a * logl(x) - x - lgammal(a)) / f;
}

/* the n-th difference of P by a, n 1 or 2, over h^n */
static real gamma_difference(int n, real a, real x, real h)
{
    bool below = x < a + 1;
    real up = gamma_part(a + h, x, below), down = gamma_part(a - h, x, below);
    return n == 1 ? (up - down) / (2 * h)
                  : (up - 2 * gamma_part(a, x, below) + down) / (h * h);
}

/* -P_n / p, by differences extrapolated twice; only where a and x are not tiny */
static real gamma_slope_of(const real *x, const void *attributes)
{
    int n = *(const int *)attributes;
    real d[3], h = 0.016L;
    for (int k = 0; k < 3; k++, h /= 2)
        d[k] = gamma_difference(n, x[0], x[1], h);
    real once[] = { (4 * d[1] - d[0]) / 3, (4 * d[2] - d[1]) / 3 };
    real density = expl((x[0] - 1) * logl(x[1]) - x[1] - lgammal(x[0]));
    return -((16 * once[1] - once[0]) / 15) / density;
}

static void gamma_slope(task *t)
{
    for (int64_t i = 0; i < t->y[0].n; i++) {
        const real x[] = { t->x[0].at[i], t->x[1].at[i] };
        if (x[0] > 0.02L && x[1] > 0.01L && isfinite(x[0]) && isfinite(x[1]))
            t->y[0].at[i] = gamma_slope_of(x, t->attributes);
    }
}

/* half a draw each, the lower half first: dropped where it is below p */
static void dropout(task *t)
{
    double p = *(const double *)t->attributes;
    for (int64_t i = 0; i < t->y[0].n; i++) {
        uint64_t half = bits_of(t, i / 2) >> (i % 2 * 32) & 0xffffffff;
        t->y[0].at[i] = half < (uint64_t)(p * 0x1p32) ? 0 : t->x[0].at[i] / (1 - p);
    }
}

/* Again: the first index whose partial sum is above a share of the sum. Once: the earliest times. */
static void multinomial(task *t)
{
    const struct { int64_t n; bool replace; } *a = t->attributes;
    const array *w = &t->x[0];
    int64_t classes = w->shape[w->ndim - 1], rows = a->n ? t->y[0].n / a->n : 0;
    real time[64];
    for (int64_t row = 0; row < rows; row++) {
        const real *weight = w->at + row * classes;
        real sum = 0;
        for (int64_t c = 0; c < classes; c++) {
            sum += weight[c];
            real late = -logl(uniform(t, row * classes + c)) / weight[c];
            time[c] = weight[c] > 0 ? late : INFINITY;
        }
        for (int64_t k = 0; k < a->n; k++) {
            int64_t at = 0;
            real below = weight[0], share = uniform(t, row * a->n + k) * sum;
            for (int64_t c = 1; c < classes && !a->replace; c++)
                at = time[c] < time[at] ? c : at;
            while (a->replace && below <= share)
                below += weight[++at];
            time[at] = INFINITY;
            t->y[0].at[row * a->n + k] = at;
        }
    }
}

/* softmax of twice x - log e along the last axis, with e as above */
static void gumbel_softmax(task *t)
{
    const array *x = &t->x[0];
    int64_t n = x->shape[x->ndim - 1];
    for (int64_t i = 0; i < x->n; i++) {
        real sum = 0, mine = 0;
        for (int64_t k = i / n * n; k < i / n * n + n; k++) {
            real e = expl(2 * (x->at[k] - logl(-logl(1 - uniform(t, k)))));
            sum += e;
            mine = k == i ? e : mine;
        }
        t->y[0].at[i] = isfinite(sum) ? mine / sum : NAN;
    }
}

const reference elementwise_references[] = {
    { "add", add }, { "eq", eq }, { "ne", ne }, { "lt", lt }, { "le", le }, { "gt", gt },
    { "ge", ge }, { "logical_and", logical_and }, { "logical_or", logical_or },
    { "logical_xor", logical_xor }, { "logical_not", logical_not }, { "isnan", is_nan },
    { "isinf", is_inf }, { "isfinite", is_finite }, { "where", where }, { "lerp", lerp },
    { "relu6", relu6 }, { "cast", cast }, { "polygamma", polygamma }, { "activate", activate },
    { "bernoulli", bernoulli }, { "exponential", exponential }, { "dropout", dropout },
    { "multinomial", multinomial },
    { "gamma", gamma_draw }, { "gamma_slope", gamma_slope },
    { "gumbel_softmax", gumbel_softmax }, { NULL, NULL }
};
