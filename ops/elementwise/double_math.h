/* Elementary functions of one f64. They are made as those of vector_math.h are: they have no
 * branches, so that the compiler makes a loop over vectors of a loop that calls one. NaN in is NaN
 * out; overflow gives an infinity, underflow a subnormal number or 0.
 *
 * Where one double cannot hold a step as exactly as the result must be, the step is kept as the sum
 * of two, of which the second holds what the first has rounded off. What is said to be exact is so
 * with and without fused multiply-adds. Factors that must have an exact product are cut to 26 bits
 * by a mask, since a compiler that contracts a b - c undoes the usual way of cutting them.
 *
 * The largest errors found, in units in the last place (ULP), with and without fused multiply-adds:
 * exp 0.72, exp2 0.72, expm1 0.88, log 0.84, log1p 0.83, log2 0.98, log10 0.92, sin and cos 0.79
 * (for |x| <= 1e6), tanh 0.78, softplus 1.1; logistic 0.88 with and 1.3 without, silu 0.98 and
 * 1.6. tests/ops/elementwise/test_double_math.c checks them. The polynomials are minimax fits of
 * the relative error, found by Remez' algorithm. Each function takes 25 to 80 operations. */
#ifndef CT__DOUBLE_MATH_H
#define CT__DOUBLE_MATH_H
#include "vector_math.h"

VECTOR_INLINE double double_at_most(double x, double most)
{
    return x > most ? most : x;
}

VECTOR_INLINE double double_at_least(double x, double least)
{
    return x < least ? least : x;
}

VECTOR_INLINE uint64_t double_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

VECTOR_INLINE double double_of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* the first 26 bits of x */
VECTOR_INLINE double double_top(double x)
{
    return double_of_bits(double_bits(x) & 0xfffffffff8000000u);
}

/* a + b x + c x^2 + d x^3 for z = x^2, in fewer steps one after another than Horner's rule has */
VECTOR_INLINE double double_cubic(double a, double b, double c, double d, double x, double z)
{
    return (a + b * x) + (c + d * x) * z;
}

/* 2^k for -1022 <= k <= 1023. Only the low 12 bits of k are read */
VECTOR_INLINE double double_power_of_2(uint64_t k)
{
    return double_of_bits((k << 52) + 0x3ff0000000000000u);
}

/* x = k ln 2 + the result + *rest, |their sum| <= ln 2 / 2. Adding 1.5 2^52 rounds to an integer,
 * which then lies in the low 51 bits. ln 2 is split in two, so that k times its first part is
 * exact, and so is the result */
VECTOR_INLINE double double_cut(double x, uint64_t *k, double *rest)
{
    double shifted = x * 1.4426950408889634 + 0x1.8p52, n = shifted - 0x1.8p52;
    *k = double_bits(shifted);
    *rest = n * 1.7239444525614835e-13;
    return x - n * 0.6931471805601177;
}

/* x = k ln 2 + r + *low, where r is the rounded sum of both parts */
VECTOR_INLINE double double_reduce(double x, uint64_t *k, double *low)
{
    double rest, most = double_cut(x, k, &rest), r = most + rest;
    *low = (most - r) + rest;
    return r;
}

/* e^r - 1 - r, |r| <= 0.3466 */
VECTOR_INLINE double double_exp_rest(double r)
{
    double z = r * r;
    double low = double_cubic(0.16666666666666677, 0.04166666666666658, 0.00833333333332216,
                              0.0013888888888942618, r, z);
    double end = double_cubic(2.755724529597647e-06, 2.755738674510123e-07, 2.510868573706623e-08,
                              2.0879039596917603e-09, r, z);
    double high = (0.00019841269884941445 + 2.480158719843186e-05 * r) + end * z;
    return (low + high * (z * z)) * (z * r) + 0.5 * z;
}

/* e^(r + low), as a sum of two: 1 + r and the rest */
VECTOR_INLINE double double_exp_of_rest(double r, double low, double *rest)
{
    double most = 1 + r;
    *rest = (r - (most - 1)) + (double_exp_rest(r) + low);
    return most;
}

/* the same, where the second is no more than what rounding the sum to the first loses */
VECTOR_INLINE double double_exp_parts(double r, double low, double *lost)
{
    double rest, most = double_exp_of_rest(r, low, &rest), sum = most + rest;
    *lost = rest - (sum - most);
    return sum;
}

/* 2^k y in two steps, since 2^k alone may overflow; k is what double_reduce returns */
VECTOR_INLINE double double_scale(double y, uint64_t k)
{
    uint64_t half = k >> 1;
    return y * double_power_of_2(half) * double_power_of_2(k - half);
}

/* e^x: infinite for x >= 709.79, 0 for x <= -746 */
VECTOR_INLINE double double_exp(double x)
{
    uint64_t k;
    double low, rest;
    x = double_at_most(x, ct__vector_bounds.f64_exp_most);
    x = double_at_least(x, ct__vector_bounds.f64_exp_least);
    double r = double_reduce(x, &k, &low), most = double_exp_of_rest(r, low, &rest);
    return double_scale(most + rest, k);
}

/* 2^x. x less the nearest integer, times ln 2, is r + low */
VECTOR_INLINE double double_exp2(double x)
{
    x = double_at_most(x, ct__vector_bounds.f64_exp2_most);
    x = double_at_least(x, ct__vector_bounds.f64_exp2_least);
    double shifted = x + 0x1.8p52, off = x - (shifted - 0x1.8p52), top = double_top(off), rest;
    double r = off * 0.6931471805599453;
    double low = (top * 0.6931471824645996 - r) + (off - top) * 0.6931471824645996;
    double most = double_exp_of_rest(r, low - off * 1.904654299957768e-09, &rest);
    return double_scale(most + rest, double_bits(shifted));
}

/* e^x for x <= 709, and 0 where that is less than 2^-1022: see vector_exp_normal */
VECTOR_INLINE double double_exp_normal(double x)
{
    uint64_t k;
    double low, r = double_reduce(x, &k, &low);
    double y = (1 + (r + (low + double_exp_rest(r)))) * double_power_of_2(k);
    return x < -708.396 ? 0 : y;
}

/* e^x - 1 = 2^k (e^r - 1) + (2^k - 1). For x > 80 the half of it is computed, since 2^k may
 * overflow. The first sum of two is what rounding 2^k - 1 loses, the second that of the result */
VECTOR_INLINE double double_expm1(double x)
{
    uint64_t k, halved = x > 80 ? 1 : 0;
    double low, within = double_at_most(x < -40 ? -40 : x, ct__vector_bounds.f64_exp_most);
    double r = double_reduce(within, &k, &low), scale = double_power_of_2(k - halved);
    double less = scale - 1, moved = less - scale;
    double lost = (scale - (less - moved)) - (1 + moved);
    double part = r * scale, sum = less + part;
    double rest = (part - (sum - less)) + (double_exp_rest(r) + low) * scale;
    double y = sum + (rest + lost);
    return copysign(x > 80 ? y + y : y, x);
}

/* x = 2^k (1 + f) for a normal number x; 1 + f in [sqrt(1/2), sqrt(2)) */
VECTOR_INLINE double double_log_part(double x, double *k)
{
    uint64_t bits = double_bits(x) - 0x3fe6a09e667f3bcdu; /* of sqrt(1/2) */
    *k = double_of_bits((bits + 0x4000000000000000u) >> 52 | 0x4330000000000000u) -
         (0x1p52 + 1024);
    return double_of_bits((bits & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu) - 1;
}

/* log(1 + f) - f, where with s = f / (2 + f), log(1 + f) = 2 s + s^3 p(s^2), and 2 s = f - s f */
VECTOR_INLINE double double_log_rest(double f)
{
    double s = f / (2 + f), z = s * s, half = 0.5 * f * f, p = 0.14796162189243067;
    p = p * z + 0.1531403049771596;
    p = p * z + 0.18183565056575893;
    p = p * z + 0.2222219856036249;
    p = p * z + 0.28571428742497185;
    p = p * z + 0.3999999999941429;
    p = p * z + 0.6666666666666734;
    return s * (half + p * z) - half;
}

/* log(2^k (1 + f)) + low, as a sum of two */
VECTOR_INLINE double double_log_of_parts(double k, double f, double low, double *rest)
{
    double base = k * 0.6931471805601177, sum = base + f;
    *rest = (f - (sum - base)) + (double_log_rest(f) + (low - k * 1.7239444525614835e-13));
    return sum;
}

/* log x where x is infinite, 0, negative, or NaN; else y */
VECTOR_INLINE double double_log_or(double x, double y)
{
    y = x == 0 ? -INFINITY : x < 0 ? NAN : y;
    return x <= 1.7976931348623157e308 ? y : x;
}

/* f, and k, of any x > 0 */
VECTOR_INLINE double double_log_part_of(double x, double *k)
{
    double f = double_log_part(x < 0x1p-1022 ? x * 0x1p54 : x, k);
    *k -= x < 0x1p-1022 ? 54 : 0;
    return f;
}

VECTOR_INLINE double double_log(double x)
{
    double k, rest, f = double_log_part_of(x, &k), sum = double_log_of_parts(k, f, 0, &rest);
    return double_log_or(x, sum + rest);
}

/* k unit + log(1 + f) / log b, where 1 / log b = c + d, c has 26 bits, and unit = u + v is log 2 /
 * log b */
VECTOR_INLINE double double_log_by(double x, double c, double d, double u, double v)
{
    double k, f = double_log_part_of(x, &k), top = double_top(f), base = k * u;
    double most = top * c, sum = base + most;
    double rest = (f - top) * c + (f * d + (double_log_rest(f) * (c + d) + k * v));
    return double_log_or(x, sum + ((most - (sum - base)) + rest));
}

VECTOR_INLINE double double_log2(double x)
{
    return double_log_by(x, 1.4426950514316559, -1.0542692476429138e-08, 1, 0);
}

VECTOR_INLINE double double_log10(double x)
{
    return double_log_by(x, 0.4342944845557213, -2.6524694553078553e-09, 0.3010299956640665,
                         -8.532344317057107e-14);
}

/* log(1 + x + low), as a sum of two, for x > -1: see vector_log1p_within */
VECTOR_INLINE double double_log1p_parts(double x, double low, double *rest)
{
    double k, u = 1 + x, f = double_log_part(u, &k);
    double lost = ((x - (u - 1)) + low) * double_power_of_2(double_bits(0x1.8p52 - k));
    lost = x > 0x1p60 ? 0 : lost;
    return double_log_of_parts(k, f, lost - lost * (f - f * f), rest);
}

VECTOR_INLINE double double_log1p(double x)
{
    double rest, sum = double_log1p_parts(x, 0, &rest);
    return copysign(double_log_or(1 + x, sum + rest), x);
}

/* sin(x + added pi/2) for |x| <= 1e6. x is k pi/2 + r + low, |r| <= 0.8, with pi/2 split in four: k
 * times any of the first three is exact, and so is what rounding the differences loses, since both
 * of their operands are multiples of a number that is not much smaller. With z = r^2, the low bit
 * of k + added chooses sin r = r + r z p(z) or cos r = 1 - z/2 + z^2 p(z), the next bit its sign.
 * `small` says that |x| <= 0.78: then k is 0 */
VECTOR_INLINE double double_wave(double x, uint64_t added, bool small)
{
    double shifted = x * 0.6366197723675814 + 0x1.8p52, n = shifted - 0x1.8p52;
    uint64_t quarter = small ? added : double_bits(shifted) + added, choice = 0 - (quarter & 1);
    double a = x - n * 1.5707963267341256;
    double b = a - n * 6.077100506303966e-11, b_low = (a - b) - n * 6.077100506303966e-11;
    double c = b - n * 2.0222662487111665e-21, c_low = (b - c) - n * 2.0222662487111665e-21;
    double less = n * 8.4784276603689e-32 - (b_low + c_low);
    double r = small ? x : c - less, low = small ? 0 : (c - r) - less;
    double z = r * r, half = 0.5 * z, top = 1 - half;
    double square = z * z;
    double s = (-0.16666666666666632 + 0.008333333333322403 * z) +
               ((-0.00019841269829798183 + 2.755731368833398e-06 * z) +
                (-2.5050757524200195e-08 + 1.589675992920527e-10 * z) * square) * square;
    double t = (0.0416666666666666 - 0.0013888888888874112 * z) +
               ((2.4801587289473894e-05 - 2.75573143498135e-07 * z) +
                (2.087572291520171e-09 - 1.1359628501586195e-11 * z) * square) * square;
    s = r + (s * (z * r) + (low - low * half));
    t = top + (((1 - top) - half) + (t * square - r * low));
    uint64_t chosen = (double_bits(t) & choice) | (double_bits(s) & ~choice);
    return double_of_bits(chosen ^ (quarter & 2) << 62);
}

VECTOR_INLINE double double_sin(double x, bool small)
{
    return x == 0 ? x : double_wave(x, 0, small);
}

VECTOR_INLINE double double_cos(double x, bool small)
{
    return double_wave(x, 1, small);
}

/* (h + l) / (d + e), where l and e are small beside h and d: a first part of 26 bits, and *rest.
 * Products with the first part are exact once d is cut in two */
VECTOR_INLINE double double_quotient(double h, double l, double d, double e, double *rest)
{
    double over = 1 / d, q = double_top(h * over), top = double_top(d);
    *rest = (((h - q * top) - q * (d - top)) + (l - q * e)) * over;
    return q;
}

/* With m + l = e^2|x| - 1, (m + l) / (m + 2 + l), which is 1 from |x| = 20 on */
VECTOR_INLINE double double_tanh(double x)
{
    uint64_t k;
    double within = double_at_most(fabs(x), ct__vector_bounds.f64_tanh_most), low, rest;
    double r = double_reduce(2 * within, &k, &low), scale = double_power_of_2(k);
    double less = scale - 1, part = r * scale, sum = less + part;
    double l = (part - (sum - less)) + (double_exp_rest(r) + low) * scale;
    double m = sum + l, d = m + 2, moved = d - m;
    l -= m - sum;
    double q = double_quotient(m, l, d, (m - (d - moved)) + (2 - moved) + l, &rest);
    return copysign(q + rest, x);
}

/* top / (1 + e^-x) for -753 <= x <= 600, below which it is 0, and above which it is top. With
 * e^-x = 2^k + 2^k s, the sum is (1 + 2^k) + 2^k s, whose roundings are put right, and so is that
 * of the quotient, which a fused multiply-add finds. (What rounding 1 + 2^k loses is not found
 * below 2^-53, where it is next to nothing.) The sum is taken 2^-64 times, so that it does not
 * overflow */
VECTOR_INLINE double double_over_logistic(double top, double x)
{
    uint64_t k;
    double rest, cut = double_cut(-x, &k, &rest), s = cut + (rest + double_exp_rest(cut + rest));
    double scale = double_power_of_2(k - 64), part = s * scale;
    double most = 0x1p-64 + scale, sum = most + part;
    double lost = (0x1p-64 - (most - scale)) + (part - (sum - most));
    double over = 1 / sum, y = top * over;
    return (y + over * ((top - sum * y) - lost * y)) * 0x1p-64;
}

VECTOR_INLINE double double_logistic(double x)
{
    x = double_at_least(x, ct__vector_bounds.f64_logistic_least);
    return double_over_logistic(1, double_at_most(x, ct__vector_bounds.f64_logistic_most));
}

/* x times its logistic function. The quotient overflows, and becomes NaN, from 2^960 on. It is at
 * most x, or where x < 0, at most -0: so the lesser of the two, which is no NaN unless x is */
VECTOR_INLINE double double_silu(double x)
{
    double top = double_at_least(x, ct__vector_bounds.f64_logistic_least);
    double most = double_at_least(x, ct__vector_bounds.f64_minus_zero);
    double y = double_over_logistic(top, double_at_most(top, ct__vector_bounds.f64_logistic_most));
    return double_at_most(most, y);
}

/* the logistic function of x, and in *other that of -x: see vector_logistic_pair */
VECTOR_INLINE double double_logistic_pair(double x, double *other)
{
    double e = double_exp(-fabs(x)), large = 1 / (1 + e), small = e * large;
    *other = x < 0 ? large : small;
    return x < 0 ? small : large;
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), which is x above 40 and e^x below -36.8 */
VECTOR_INLINE double double_softplus(double x)
{
    uint64_t k;
    double low, l, rest, base = x < 0 ? 0 : x;
    double r = double_reduce(double_at_least(-fabs(x), ct__vector_bounds.f64_exp_least), &k, &low);
    double h = double_exp_parts(r, low, &l), e = double_scale(h, k);
    double more = double_log1p_parts(e, double_scale(l, k), &rest), sum = base + more;
    double moved = sum - base, lost = (base - (sum - moved)) + (more - moved);
    sum += lost + rest;
    return x > 40 ? x : x < -36.8 ? e : sum;
}
#endif
