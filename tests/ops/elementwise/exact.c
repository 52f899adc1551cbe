/* Numbers are taken from a ring, so that formulas can be written as they are read: a number lives
 * until RING more were made. */
#include "exact.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

typedef mpfr_ptr num;
enum { RING = 128 };

static num next(void)
{
    static mpfr_t ring[RING];
    static int made, at;
    at = (at + 1) % RING;
    if (made < RING)
        mpfr_init(ring[at]), made++;
    mpfr_set_prec(ring[at], mpfr_get_default_prec());
    return ring[at];
}

static num c(double value)
{
    num y = next();
    mpfr_set_d(y, value, MPFR_RNDN);
    return y;
}

static num pi(void)
{
    num y = next();
    mpfr_const_pi(y, MPFR_RNDN);
    return y;
}

#define ONE(name, of)                                                                           \
    static num name(num x)                                                                      \
    {                                                                                           \
        num y = next();                                                                         \
        of(y, x, MPFR_RNDN);                                                                    \
        return y;                                                                               \
    }
#define TWO(name, of)                                                                           \
    static num name(num a, num b)                                                               \
    {                                                                                           \
        num y = next();                                                                         \
        of(y, a, b, MPFR_RNDN);                                                                 \
        return y;                                                                               \
    }
ONE(Neg, mpfr_neg) ONE(Abs, mpfr_abs) ONE(Sqr, mpfr_sqr) ONE(Sqrt, mpfr_sqrt)
ONE(Rsqrt, mpfr_rec_sqrt) ONE(Cbrt, mpfr_cbrt) ONE(Exp, mpfr_exp) ONE(Expm1, mpfr_expm1)
ONE(Exp2, mpfr_exp2) ONE(Log, mpfr_log) ONE(Log1p, mpfr_log1p) ONE(Log2, mpfr_log2)
ONE(Log10, mpfr_log10) ONE(Sin, mpfr_sin) ONE(Cos, mpfr_cos) ONE(Tan, mpfr_tan)
ONE(Asin, mpfr_asin) ONE(Acos, mpfr_acos) ONE(Atan, mpfr_atan) ONE(Sinh, mpfr_sinh)
ONE(Cosh, mpfr_cosh) ONE(Tanh, mpfr_tanh) ONE(Asinh, mpfr_asinh) ONE(Acosh, mpfr_acosh)
ONE(Atanh, mpfr_atanh) ONE(Erf, mpfr_erf) ONE(Erfc, mpfr_erfc) ONE(Digamma, mpfr_digamma)
ONE(Round, mpfr_rint_roundeven) ONE(Floor, mpfr_rint_floor) ONE(Ceil, mpfr_rint_ceil)
ONE(Trunc, mpfr_rint_trunc)
TWO(Add, mpfr_add) TWO(Sub, mpfr_sub) TWO(Mul, mpfr_mul) TWO(Div, mpfr_div) TWO(Pow, mpfr_pow)
TWO(Atan2, mpfr_atan2) TWO(Hypot, mpfr_hypot) TWO(Fmod, mpfr_fmod) TWO(Copysign, mpfr_copysign)

static int sign(num x)
{
    return mpfr_sgn(x);
}

static bool less(num a, num b)
{
    return mpfr_less_p(a, b);
}

static num Lgamma(num x)
{
    num y = next();
    int s;
    mpfr_lgamma(y, &s, x, MPFR_RNDN);
    return y;
}

static num logistic(num x)
{
    num e = Exp(Neg(Abs(x)));
    return Div(sign(x) < 0 ? e : c(1), Add(c(1), e));
}

static num softplus(num x)
{
    return Add(sign(x) > 0 ? x : c(0), Log1p(Exp(Neg(Abs(x)))));
}

static num cdf(num x)
{
    return Div(Erfc(Neg(Div(x, Sqrt(c(2))))), c(2));
}

static num pdf(num x)
{
    return Div(Exp(Div(Sqr(x), c(-2))), Sqrt(Mul(c(2), pi())));
}

static num sinc(num x)
{
    num z = Mul(pi(), x);
    return sign(x) == 0 ? c(1) : mpfr_inf_p(x) ? c(0) : Div(Sin(z), z);
}

/* by Newton's method from the first guess of the double */
static num erfinv(num x)
{
    double guess = mpfr_get_d(x, MPFR_RNDN), l = log1p(-guess * guess), t = 4.33 + l / 2;
    if (mpfr_cmpabs(x, c(1)) >= 0 || mpfr_nan_p(x))
        return mpfr_cmpabs(x, c(1)) == 0 ? Div(x, c(0)) : Div(c(0), c(0));
    double square = sqrt(t * t - l / 0.147) - t;
    num y = square > 1e-6 ? c(copysign(sqrt(square), guess)) : Mul(x, Div(Sqrt(pi()), c(2)));
    for (int i = 0; i < 14; i++) {
        num slope = Div(Mul(c(2), Exp(Neg(Sqr(y)))), Sqrt(pi()));
        num off = sign(x) > 0 ? Sub(Sub(c(1), x), Erfc(y)) : Sub(Erfc(Neg(y)), Add(c(1), x));
        y = Sub(y, Div(mpfr_cmpabs(x, c(0.5)) < 0 ? Sub(Erf(y), x) : off, slope));
    }
    return y;
}

static num remainder_of(num a, num b)
{
    num r = Fmod(a, b);
    return sign(r) != 0 && (sign(r) < 0) != (sign(b) < 0) ? Add(r, b) : r;
}

#define EXACT(id, formula, ...)                                                                 \
    static num exact_##id(num a, num b)                                                         \
    {                                                                                           \
        num x = a;                                                                              \
        (void)x, (void)b;                                                                       \
        return formula;                                                                         \
    }
#define EXACT_OF_TWO EXACT
#include "exact.def"

const exact exact_functions[] = {
#define EXACT(id, formula, p0, p1, p2, v32, s32, t32, v64, s64, t64, near, square, waves)       \
    { #id, 1, { p0, p1, p2 }, exact_##id, { { v32, s32, t32 }, { v64, s64, t64 } }, near, square, \
      waves },
#define EXACT_OF_TWO(id, formula, v32, s32, t32, v64, s64, t64, near)                           \
    { #id, 2, { 0 }, exact_##id, { { v32, s32, t32 }, { v64, s64, t64 } }, near, 0, false },
#include "exact.def"
};
const int exact_count = sizeof exact_functions / sizeof *exact_functions;

/* enough that 1 and the smallest number are still apart, and 1 and x^3 2^-260, and x and 1 in waves */
static mpfr_prec_t bits_for(const exact *f, const double *x, bool single)
{
    mpfr_prec_t bits = single ? 600 : 1500;
    for (int k = 0; k < f->inputs; k++) {
        int exponent = 0;
        frexp(x[k], &exponent);
        bits += f->inputs == 2 ? 2 * abs(exponent)
                : exponent < 0 ? -3 * exponent
                : f->waves     ? 2 * exponent
                               : 0;
    }
    return bits;
}

/* the difference of values over h, and 0 where it is no more than their rounding */
static void divide(mpfr_ptr difference, mpfr_ptr size, mpfr_ptr h)
{
    mpfr_prec_t bits = mpfr_get_default_prec();
    bool noise = mpfr_zero_p(difference) || (mpfr_regular_p(size) && mpfr_regular_p(difference) &&
                 mpfr_get_exp(difference) < mpfr_get_exp(size) - (mpfr_exp_t)bits + 30);
    if (noise)
        mpfr_set_zero(difference, 1);
    mpfr_div(difference, difference, h, MPFR_RNDN);
}

/* at 0: does the second derivative jump there? */
static bool bends(const exact *f, num h)
{
    num at0 = f->value(c(0), c(0)), gap = c(0);
    for (int side = -1; side <= 1; side += 2) {
        num one = Mul(c(side), h), two = Mul(c(2 * side), h);
        num bend = Add(Sub(f->value(two, c(0)), Mul(c(2), f->value(one, c(0)))), at0);
        gap = Add(gap, Mul(c(side), Div(bend, Sqr(h))));
    }
    return fabs(mpfr_get_d(gap, MPFR_RNDN)) > 1e-10;
}

/* the step is small beside each operand */
static double step_of(const exact *f, const double *x, int k)
{
    double size = fabs(x[k]), other = f->inputs == 2 ? fabs(x[1 - k]) : 0;
    if (f->waves && size > 1)
        size = 1;
    if (other > 0 && (size == 0 || other < size))
        size = other;
    return size == 0 ? 1 : size;
}

void exact_derivatives(const exact *f, const double *x, int k, bool single, long double result[3])
{
    mpfr_set_default_prec(bits_for(f, x, single));
    mpfr_t values[3], h, a, b, slope, bend;
    mpfr_inits(values[0], values[1], values[2], h, a, b, slope, bend, (mpfr_ptr)NULL);
    mpfr_set_d(h, step_of(f, x, k), MPFR_RNDN);
    mpfr_mul_2si(h, h, -130, MPFR_RNDN);
    for (int i = 0; i < 3; i++) {
        mpfr_set_d(a, x[0], MPFR_RNDN);
        mpfr_set_d(b, x[1], MPFR_RNDN);
        mpfr_ptr moved = k == 0 ? a : b;
        if (i != 1)
            (i == 0 ? mpfr_sub : mpfr_add)(moved, moved, h, MPFR_RNDN);
        mpfr_set(values[i], f->value(a, b), MPFR_RNDN);
    }
    mpfr_sub(slope, values[2], values[0], MPFR_RNDN);
    divide(slope, values[1], h);
    mpfr_add(bend, values[2], values[0], MPFR_RNDN);
    mpfr_sub(bend, bend, values[1], MPFR_RNDN);
    mpfr_sub(bend, bend, values[1], MPFR_RNDN);
    divide(bend, values[1], h);
    long double gap = mpfr_get_ld(bend, MPFR_RNDN); /* of the one-sided slopes */
    mpfr_div(bend, bend, h, MPFR_RNDN);
    result[0] = mpfr_get_ld(values[1], MPFR_RNDN);
    result[1] = mpfr_get_ld(slope, MPFR_RNDN) / 2;
    result[2] = mpfr_get_ld(bend, MPFR_RNDN);
    long double least = fminl(1, fabsl(result[0]) / step_of(f, x, k)) * 1e-10L;
    bool kink = !(fabsl(gap) <= 1e-25L * fmaxl(least, fabsl(result[1])));
    if (kink || (x[k] == 0 && fabsl(result[1]) > 1e20L))
        result[1] = result[2] = NAN;
    if (f->inputs == 1 && x[0] == 0 && bends(f, h))
        result[2] = NAN;
    mpfr_clears(values[0], values[1], values[2], h, a, b, slope, bend, (mpfr_ptr)NULL);
}
