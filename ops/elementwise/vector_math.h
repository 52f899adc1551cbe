/* Elementary functions of one f32, without branches, so that a loop over one becomes a loop over
 * vectors: each is inlined into the loop that calls it, for whatever kind of processor that is
 * compiled for. NaN in is NaN out; overflow gives an infinity, underflow a subnormal or 0.
 *
 * Errors at most, in units in the last place (ULP), with or without fused multiply-adds, as
 * tests/ops/elementwise/test_vector_math.c has it: exp 1.1, expm1 1.6, log 1, log1p 1, sin and cos
 * 1.9 (of |x| <= 1e6), tanh 1.4, logistic 1.7, softplus 1.6, erf 1.9, the normal distribution
 * function 6. Polynomials are minimax fits of relative error, their constants found by iteratively
 * reweighted least squares. About 15 to 40 operations each. */
#ifndef CT__VECTOR_MATH_H
#define CT__VECTOR_MATH_H
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define VECTOR_INLINE static inline __attribute__((always_inline))
#else
#define VECTOR_INLINE static inline
#endif

/* Beyond these, arguments make no difference. They are not written where they are used, since gcc
 * makes a minimum of x > most ? most : x only where it does not know `most`: of a constant, a
 * comparison and a choice, or two results to choose from */
extern const struct ct__vector_bounds {
    float exp_least, exp_most, tanh_most, normal_most;
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

/* 2^k, -126 <= k <= 127; of k the low 9 bits count */
VECTOR_INLINE float vector_power_of_2(uint32_t k)
{
    return vector_float((k << 23) + 0x3f800000u);
}

/* x = k ln 2 + r, |r| <= ln 2 / 2. Adding 1.5 2^23 rounds to an integer, which is then in the low
 * bits (22 of them); ln 2 is split so that k times its first part is exact */
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

/* 2^k y, in two steps, as 2^k may be no float; k as vector_reduce has it */
VECTOR_INLINE float vector_scale(float y, uint32_t k)
{
    uint32_t half = (uint32_t)((int32_t)k >> 1);
    return y * vector_power_of_2(half) * vector_power_of_2(k - half);
}

/* |r| <= 0.36 */
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

/* what is larger becomes infinite, what is smaller 0 */
VECTOR_INLINE float vector_exp(float x)
{
    uint32_t k;
    x = vector_at_most(x, ct__vector_bounds.exp_most);
    x = vector_at_least(x, ct__vector_bounds.exp_least);
    float r = vector_reduce(x, &k);
    return vector_scale(vector_exp_of_rest(r), k);
}

/* 2^k e^r for k <= 63: one of the two steps is the same for all */
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

/* e^x, x <= 88, 0 where it would be less than 2^-126: of differences from the largest, beside a sum
 * of 1 or more, nothing is lost, and 7 operations are saved */
VECTOR_INLINE float vector_exp_normal(float x)
{
    uint32_t k;
    float r = vector_reduce(x, &k), y = vector_exp_of_rest(r) * vector_power_of_2(k);
    return x < -87.3365f ? 0 : y;
}

/* 2^k (e^r - 1) + (2^k - 1); of what is large the half of it, since 2^k may be no float */
VECTOR_INLINE float vector_expm1(float x)
{
    uint32_t k, large = x > 80.0f;
    float within = vector_at_most(x < -20.0f ? -20.0f : x, ct__vector_bounds.exp_most);
    float r = vector_reduce(within, &k), scale = vector_power_of_2(k - large);
    float y = vector_small_expm1(r) * scale + (scale - 1);
    return large ? y + y : y;
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

/* of infinity, 0, what is below, and NaN */
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

/* x > -1: 1 + x, rounded, is short of x - ((1 + x) - 1), and 1 + f of `low`, 2^-k times that, which
 * for large k is nothing. log(1 + f + low) = log(1 + f) + low / (1 + f), 1 / (1 + f) is about
 * 1 - f + f^2 */
VECTOR_INLINE float vector_log1p_within(float x)
{
    int32_t k;
    float u = 1 + x, f = vector_log_part(u, &k);
    float low = (x - (u - 1)) * vector_power_of_2((uint32_t)-(k > 100 ? 100 : k));
    return vector_log_of_parts((float)k, f, low - low * (f - f * f));
}

VECTOR_INLINE float vector_log1p(float x)
{
    return vector_log_or(1 + x, vector_log1p_within(x));
}

/* sin(x + a quarter of a turn each that is `added`), |x| <= 1e6. x = k pi/2 + r, |r| <= 0.8, in f64
 * with pi/2 split so that k times its first part is exact; then sin r = r + r z p(z) or cos r =
 * 1 - z/2 + z^2 p(z), z = r^2, by the low bit of k, and its sign by the next */
VECTOR_INLINE float vector_wave(float x, uint32_t added)
{
    float shifted = x * 0.636619772f + 12582912.0f, n = shifted - 12582912.0f;
    uint32_t quarter = vector_bits(shifted) + added;
    float r = (float)(((double)x - (double)n * 1.57079632673412561417) -
                      (double)n * 6.07710050650619224932e-11);
    float z = r * r, s = -0.000195087414f, c = 2.44256807e-05f;
    s = s * z + 0.00833211280f;
    s = s * z - 0.166666538f;
    s = s * (z * r) + r;
    c = c * z - 0.00138872513f;
    c = c * z + 0.0416666456f;
    c = c * (z * z) + (1 - 0.5f * z);
    return vector_float(vector_bits(quarter & 1 ? c : s) ^ (quarter & 2) << 30);
}

VECTOR_INLINE float vector_sin(float x)
{
    return vector_wave(x, 0);
}

VECTOR_INLINE float vector_cos(float x)
{
    return vector_wave(x, 1);
}

/* x + x z q(z), z = x^2, near 0; else sign(x) (1 - 2 / (e^2|x| + 1)), 1 from |x| = 10 on. e^2|x| is
 * taken as 2^k e^2h, |x| = k ln(2)/2 + h: as a part of 1 it need not be as exact as vector_exp */
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

/* 1 / (1 + e^-x), by the exponential that cannot overflow. What 1 + e lost is put right: of 1 / sum
 * it is lost / sum^2, and 1 / sum is y for x >= 0, else 1 - y */
VECTOR_INLINE float vector_logistic(float x)
{
    float e = vector_exp_down(-fabsf(x)), sum = 1 + e, lost = e - (sum - 1);
    float y = (x < 0 ? e : 1) / sum;
    return y - lost * y * (x < 0 ? 1 - y : y);
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|) */
VECTOR_INLINE float vector_softplus(float x)
{
    return (x < 0 ? 0 : x) + vector_log1p_within(vector_exp_down(-fabsf(x)));
}

/* The normal distribution function at -z, z >= 0: e^(-z^2/2) p(z) / q(z), with all coefficients
 * positive. z^2 is taken apart as s^2 + (z - s)(z + s), where s has so few bits that s^2 is exact.
 * `density` is e^(-z^2/2) */
VECTOR_INLINE float vector_normal_tail(float z, float *density)
{
    float within = vector_at_most(z, ct__vector_bounds.normal_most);
    float s = vector_float(vector_bits(within) & 0xfffff000u);
    float p = 0.00411629956f, q = 0.0103179133f;
    uint32_t k;
    float r = vector_reduce(-0.5f * (s * s), &k) - 0.5f * ((within - s) * (within + s));
    *density = vector_exp_of_parts_down(k, r);
    p = p * within + 0.0406331643f;
    p = p * within + 0.183234945f;
    p = p * within + 0.438294709f;
    p = p * within + 0.5f;
    q = q * within + 0.101858683f;
    q = q * within + 0.469470143f;
    q = q * within + 1.20250237f;
    q = q * within + 1.67447436f;
    q = q * within + 1;
    return *density * (p / q);
}

/* the normal distribution function, and e^(-x^2/2) */
VECTOR_INLINE float vector_normal(float x, float *density)
{
    float tail = vector_normal_tail(fabsf(x), density);
    return x > 0 ? 1 - tail : tail;
}

/* x + x p(x^2) near 0; else by the tail of the normal distribution */
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
#endif
