/* Elementary functions of one f32. They have no branches, so that the compiler makes a loop over
 * vectors of a loop that calls one: each is inlined there, and compiled for that loop's processor.
 * NaN in is NaN out; overflow gives an infinity, underflow a subnormal number or 0.
 *
 * The largest errors in units in the last place (ULP), with and without fused multiply-adds: exp
 * 1.2, expm1 1.6, log 1, log1p 1, sin and cos 1.9 (for |x| <= 1e6), tanh 1.4, logistic 2 (with
 * that of -x, 2.6), softplus 1.7, erf 1.9, erfc 7, normal distribution function 6, its density 1.5,
 * gate and gate_tanh 2.5.
 * tests/ops/elementwise/test_vector_math.c checks them. The polynomials are minimax fits of the
 * relative error, found by iteratively reweighted least squares. Each function takes 15 to 40
 * operations. */
#ifndef CT__VECTOR_MATH_H
#define CT__VECTOR_MATH_H
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define VECTOR_INLINE static inline __attribute__((always_inline))
#else
#define VECTOR_INLINE static inline
#endif

/* Arguments beyond these make no difference; far is beyond all of them, for f64 as well. They are
 * variables, since gcc makes one minimum instruction of x > most ? most : x only where it does not
 * know `most`; where that is a constant, it makes a comparison and a choice */
extern const struct ct__vector_bounds {
    float exp_least, exp_most, tanh_most, normal_most, far, gate_most;
    double f64_exp_least, f64_exp_most, f64_exp2_least, f64_exp2_most, f64_tanh_most;
    double f64_normal_most, f64_erfc_most, f64_logistic_least, f64_logistic_most;
    double f64_minus_zero;
} ct__vector_bounds;

VECTOR_INLINE float vector_at_most(float x, float most)
{
    return x > most ? most : x;
}

VECTOR_INLINE float vector_at_least(float x, float least)
{
    return x < least ? least : x;
}

VECTOR_INLINE uint32_t vector_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

VECTOR_INLINE float vector_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2^k for -126 <= k <= 127. Only the low 9 bits of k are read */
VECTOR_INLINE float vector_power_of_2(uint32_t k)
{
    return vector_float((k << 23) + 0x3f800000u);
}

/* Returns r of x = k ln 2 + r, |r| <= ln 2 / 2. Adding 1.5 2^23 rounds to an integer, which then
 * lies in the low 22 bits. ln 2 is split in two, so that k times its first part is exact */
VECTOR_INLINE float vector_reduce(float x, uint32_t *k)
{
    float shifted = x * 1.44269504f + 12582912.0f, n = shifted - 12582912.0f;
    *k = vector_bits(shifted);
    return (x - n * 0.693359375f) + n * 2.12194440e-4f;
}

/* e^r - 1 = r + r^2 p(r), |r| <= 0.4 */
VECTOR_INLINE float vector_small_expm1(float r)
{
    float p = 0.00019768317f;
    p = p * r + 0.00139664835f;
    p = p * r + 0.00833365694f;
    p = p * r + 0.0416659489f;
    p = p * r + 0.166666642f;
    p = p * r + 0.5f;
    return p * (r * r) + r;
}

/* 2^k y in two steps, since 2^k alone may overflow; k is what vector_reduce returns */
VECTOR_INLINE float vector_scale(float y, uint32_t k)
{
    uint32_t half = (uint32_t)((int32_t)k >> 1);
    return y * vector_power_of_2(half) * vector_power_of_2(k - half);
}

/* e^r for |r| <= 0.36 */
VECTOR_INLINE float vector_exp_of_rest(float r)
{
    float p = 0.00138088479f;
    p = p * r + 0.00837149564f;
    p = p * r + 0.0416686684f;
    p = p * r + 0.166664973f;
    p = p * r + 0.499999911f;
    p = p * r + 1;
    return p * r + 1;
}

/* e^x: infinite for x >= 88.73, 0 for x <= -104 */
VECTOR_INLINE float vector_exp(float x)
{
    uint32_t k;
    x = vector_at_most(x, ct__vector_bounds.exp_most);
    x = vector_at_least(x, ct__vector_bounds.exp_least);
    float r = vector_reduce(x, &k);
    return vector_scale(vector_exp_of_rest(r), k);
}

/* 2^k e^r for k <= 63, in two steps, of which one is the same for all k */
VECTOR_INLINE float vector_exp_of_parts_down(uint32_t k, float r)
{
    return vector_exp_of_rest(r) * vector_power_of_2(k + 64) * 5.42101086e-20f; /* 2^-64 */
}

/* e^x for x <= 0 */
VECTOR_INLINE float vector_exp_down(float x)
{
    uint32_t k;
    float r = vector_reduce(vector_at_least(x, ct__vector_bounds.exp_least), &k);
    return vector_exp_of_parts_down(k, r);
}

/* e^x for x <= 88, and 0 where that is less than 2^-126. It is for terms of a sum of 1 or more,
 * where nothing is lost by that, and takes 7 operations less */
VECTOR_INLINE float vector_exp_normal(float x)
{
    uint32_t k;
    float r = vector_reduce(x, &k), y = vector_exp_of_rest(r) * vector_power_of_2(k);
    return x < -87.3365f ? 0 : y;
}

/* e^x - 1 = 2^k (e^r - 1) + (2^k - 1), and x itself where x is 0, of either sign. For x > 80 the
 * half of it is computed, since 2^k may overflow */
VECTOR_INLINE float vector_expm1(float x)
{
    uint32_t k, large = x > 80.0f;
    float within = vector_at_most(x < -20.0f ? -20.0f : x, ct__vector_bounds.exp_most);
    float r = vector_reduce(within, &k), scale = vector_power_of_2(k - large);
    float y = vector_small_expm1(r) * scale + (scale - 1);
    y = large ? y + y : y;
    return x == 0 ? x : y;
}

/* k ln 2 + log(1 + f) + little, 1 + f in [sqrt(1/2), sqrt(2)); log(1 + f) = f - f^2/2 + f^3 p(f) */
VECTOR_INLINE float vector_log_of_parts(float k, float f, float little)
{
    float z = f * f, p = 0.0674663857f;
    p = p * f - 0.116756514f;
    p = p * f + 0.118881628f;
    p = p * f - 0.124055892f;
    p = p * f + 0.142195523f;
    p = p * f - 0.166679963f;
    p = p * f + 0.200021192f;
    p = p * f - 0.250000089f;
    p = p * f + 0.333333135f;
    float tail = (p * (z * f) - 0.5f * z) + (little - k * 2.12194440e-4f);
    return (f + tail) + k * 0.693359375f;
}

/* x = 2^k (1 + f), a normal number */
VECTOR_INLINE float vector_log_part(float x, int32_t *k)
{
    uint32_t bits = vector_bits(x) - 0x3f3504f3u; /* of sqrt(1/2) */
    *k = (int32_t)bits >> 23;
    return vector_float((bits & 0x007fffffu) + 0x3f3504f3u) - 1;
}

/* log x where x is infinite, 0, negative, or NaN; else y */
VECTOR_INLINE float vector_log_or(float x, float y)
{
    y = x == 0 ? -INFINITY : x < 0 ? NAN : y;
    return x <= 3.40282347e38f ? y : x;
}

VECTOR_INLINE float vector_log(float x)
{
    int32_t k;
    float f = vector_log_part(x < 1.17549435e-38f ? x * 8388608.0f : x, &k);
    float to_normal = x < 1.17549435e-38f ? 23 : 0;
    return vector_log_or(x, vector_log_of_parts((float)k - to_normal, f, 0));
}

/* log(1 + x) for x > -1. Rounding 1 + x to u = 2^k (1 + f) loses x - (u - 1); `low` is 2^-k times
 * that, and for large k nothing. log(1 + f + low) is log(1 + f) + low / (1 + f), where 1 / (1 + f)
 * is about 1 - f + f^2 */
VECTOR_INLINE float vector_log1p_within(float x)
{
    int32_t k;
    float u = 1 + x, f = vector_log_part(u, &k);
    float low = (x - (u - 1)) * vector_power_of_2((uint32_t)-(k > 100 ? 100 : k));
    return vector_log_of_parts((float)k, f, low - low * (f - f * f));
}

VECTOR_INLINE float vector_log1p(float x)
{
    float y = vector_log_or(1 + x, vector_log1p_within(x));
    return x == 0 ? x : y; /* the sign of 0 */
}

/* sin(x + added pi/2) for |x| <= 1e6. x is k pi/2 + r, |r| <= 0.8, found in f64 with pi/2 split in
 * two, so that k times its first part is exact. With z = r^2, the low bit of k + added chooses
 * sin r = r + r z p(z) or cos r = 1 - z/2 + z^2 p(z), and the next bit its sign. `small` says that
 * |x| <= 0.78: then k is 0 */
VECTOR_INLINE float vector_wave(float x, uint32_t added, bool small)
{
    float shifted = x * 0.636619772f + 12582912.0f, n = shifted - 12582912.0f;
    uint32_t quarter = small ? added : vector_bits(shifted) + added;
    float rest = (float)(((double)x - (double)n * 1.57079632673412561417) -
                         (double)n * 6.07710050650619224932e-11), r = small ? x : rest;
    float z = r * r, s = -0.000195087414f, c = 2.44256807e-05f;
    s = s * z + 0.00833211280f;
    s = s * z - 0.166666538f;
    s = s * (z * r) + r;
    c = c * z - 0.00138872513f;
    c = c * z + 0.0416666456f;
    c = c * (z * z) + (1 - 0.5f * z);
    return vector_float(vector_bits(quarter & 1 ? c : s) ^ (quarter & 2) << 30);
}

VECTOR_INLINE float vector_sin(float x, bool small)
{
    float y = vector_wave(x, 0, small);
    return x == 0 ? x : y; /* the sign of 0 */
}

VECTOR_INLINE float vector_cos(float x, bool small)
{
    return vector_wave(x, 1, small);
}

/* Near 0, x + x z q(z) with z = x^2; else sign(x) (1 - 2 / (e^2|x| + 1)), which is 1 from |x| = 10
 * on. e^2|x| is 2^k e^2h, where |x| = k ln(2)/2 + h; it need not be as exact as vector_exp, since
 * the quotient is a part of 1 */
VECTOR_INLINE float vector_tanh(float x)
{
    float a = fabsf(x), within = vector_at_most(a, ct__vector_bounds.tanh_most);
    float z = x * x, q = -0.0057170451f;
    q = q * z + 0.020650587f;
    q = q * z - 0.053743498f;
    q = q * z + 0.13331491f;
    q = q * z - 0.33333284f;
    float shifted = within * 2.88539008f + 12582912.0f, n = shifted - 12582912.0f;
    float h = within - n * 0.34657359f, p = 0.0883766266f;
    p = p * h + 0.26788786f;
    p = p * h + 0.666698694f;
    p = p * h + 1.33331978f;
    p = p * h + 1.99999964f;
    p = p * h + 2;
    p = p * h + 1;
    float large = 1 - 2 / (p * vector_power_of_2(vector_bits(shifted)) + 1);
    return copysignf(a < 0.625f ? q * z * a + a : large, x);
}

/* The logistic function of x, and in *other that of -x. With e = e^-|x|, the larger one is
 * 1 / (1 + e), and the smaller one e times that */
VECTOR_INLINE float vector_logistic_pair(float x, float *other)
{
    float e = vector_exp_down(-fabsf(x)), large = 1 / (1 + e), small = e * large;
    *other = x < 0 ? large : small;
    return x < 0 ? small : large;
}

/* 1 / (1 + e^-x), by e^-|x|, which cannot overflow. What rounding 1 + e lost is put right: it makes
 * lost / sum^2 of 1 / sum, which is y for x >= 0, else 1 - y. *large becomes 2^64 e^-|x|, which is
 * no subnormal number */
VECTOR_INLINE float vector_logistic_and(float x, float *large)
{
    uint32_t k;
    float r = vector_reduce(vector_at_least(-fabsf(x), ct__vector_bounds.exp_least), &k);
    *large = vector_exp_of_rest(r) * vector_power_of_2(k + 64);
    float e = *large * 5.42101086e-20f, sum = 1 + e, lost = e - (sum - 1);
    float y = (x < 0 ? e : 1) / sum;
    return y - lost * y * (x < 0 ? 1 - y : y);
}

VECTOR_INLINE float vector_logistic(float x)
{
    float large;
    return vector_logistic_and(x, &large);
}

/* The logistic function for gates of recurrent cells: where it is less than e^-87, it is 0. It
 * takes 7 operations less than vector_logistic */
VECTOR_INLINE float vector_gate(float x)
{
    uint32_t k;
    float a = fabsf(x), r = vector_reduce(-a, &k);
    float e = a > ct__vector_bounds.gate_most ? 0 : vector_exp_of_rest(r) * vector_power_of_2(k);
    return (x < 0 ? e : 1) / (1 + e);
}

/* tanh for recurrent cells, in 5 operations less than vector_tanh. With t = e^2|x| - 1, it is
 * sign(x) t / (t + 2), and t keeps its digits near 0 */
VECTOR_INLINE float vector_gate_tanh(float x)
{
    uint32_t k;
    float a = vector_at_most(fabsf(x), ct__vector_bounds.tanh_most), r = vector_reduce(a + a, &k);
    float scale = vector_power_of_2(k), t = vector_small_expm1(r) * scale + (scale - 1);
    return copysignf(t / (t + 2), x);
}

/* x times its logistic function. Where that is e^x, x is multiplied by 2^64 e^x, so that no bits
 * are lost to a subnormal factor */
VECTOR_INLINE float vector_silu(float x)
{
    x = vector_at_least(x, -ct__vector_bounds.far);
    float large, y = vector_logistic_and(x, &large);
    return x < -60 ? x * large * 5.42101086e-20f : x * y;
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|) */
VECTOR_INLINE float vector_softplus(float x)
{
    return (x < 0 ? 0 : x) + vector_log1p_within(vector_exp_down(-fabsf(x)));
}

/* e^(-c z^2) for c z^2 <= 113. z^2 is split into s^2 + (z - s)(z + s), where s has so few bits that
 * s^2 is exact */
VECTOR_INLINE float vector_gauss(float z, float c)
{
    float s = vector_float(vector_bits(z) & 0xfffff000u);
    uint32_t k;
    float r = vector_reduce(-c * (s * s), &k) - c * ((z - s) * (z + s));
    return vector_exp_of_parts_down(k, r);
}

/* The normal distribution function at -z, divided by e^(-z^2/2), for 0 <= z <= 15: p(z) / q(z).
 * All coefficients are positive, so that nothing cancels */
VECTOR_INLINE float vector_normal_ratio(float z)
{
    float p = 0.00411629956f, q = 0.0103179133f;
    p = p * z + 0.0406331643f;
    p = p * z + 0.183234945f;
    p = p * z + 0.438294709f;
    p = p * z + 0.5f;
    q = q * z + 0.101858683f;
    q = q * z + 0.469470143f;
    q = q * z + 1.20250237f;
    q = q * z + 1.67447436f;
    q = q * z + 1;
    return p / q;
}

/* the normal distribution function at -z, z >= 0; `density` is e^(-z^2/2) */
VECTOR_INLINE float vector_normal_tail(float z, float *density)
{
    float within = vector_at_most(z, ct__vector_bounds.normal_most);
    *density = vector_gauss(within, 0.5f);
    return *density * vector_normal_ratio(within);
}

/* the normal distribution function, and e^(-x^2/2) */
VECTOR_INLINE float vector_normal(float x, float *density)
{
    float tail = vector_normal_tail(fabsf(x), density);
    return x > 0 ? 1 - tail : tail;
}

/* x times the normal distribution function */
VECTOR_INLINE float vector_gelu(float x)
{
    float density;
    return x * vector_normal(x, &density);
}

/* Near 0, x + x p(x^2); else 1 less twice the tail of the normal distribution */
VECTOR_INLINE float vector_erf(float x)
{
    float a = fabsf(x), z = x * x, p = 8.83625689e-05f, density;
    p = p * z - 0.000824429153f;
    p = p * z + 0.0052092988f;
    p = p * z - 0.0268624816f;
    p = p * z + 0.112837471f;
    p = p * z - 0.376126379f;
    p = p * z + 0.128379166f;
    float large = 1 - 2 * vector_normal_tail(a * 1.41421356f, &density);
    return a < 0.85f ? p * x + x : x < 0 ? -large : large;
}

/* 1 - erf x, by the tail of the normal distribution at sqrt(2) |x| */
VECTOR_INLINE float vector_erfc(float x)
{
    float a = vector_at_most(fabsf(x), ct__vector_bounds.normal_most * 0.7071067f);
    float tail = 2 * (vector_gauss(a, 1) * vector_normal_ratio(a * 1.41421356f));
    return x < 0 ? 2 - tail : tail;
}
#endif
