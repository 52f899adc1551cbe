/* The random stream: Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy
 * as 1, 2, 3", SC 2011). Draw i of a seed is a function of seed and i alone, so any thread may
 * compute any of them. Normals use IEEE arithmetic only, no libm and no contraction to fused
 * multiply-adds, so that every machine makes the same ones. */
#include <math.h>

#include "node.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

static void philox(uint64_t seed, uint64_t block, uint32_t out[4])
{
    uint32_t c[4] = { (uint32_t)block, (uint32_t)(block >> 32), 0, 0 };
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c[1] ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
        c[0] = n0, c[1] = (uint32_t)p1, c[2] = n2, c[3] = (uint32_t)p0;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < 4; i++)
        out[i] = c[i];
}

static uint64_t pair(const uint32_t block[4], uint64_t i)
{
    return (uint64_t)block[2 * i + 1] << 32 | block[2 * i];
}

uint64_t ct_random_at(uint64_t seed, uint64_t i)
{
    uint32_t block[4];
    philox(seed, i / 2, block);
    return pair(block, i % 2);
}

/* the draws of LANES blocks at once, in a loop that vectorizes: a third of the instructions. Of
 * fewer lanes gcc unrolls it instead */
enum { LANES = 32, DRAWS = 2 * LANES };

static void lanes(uint64_t seed, uint64_t block, uint64_t out[DRAWS])
{
    uint32_t c0[LANES], c1[LANES], c2[LANES] = { 0 }, c3[LANES] = { 0 };
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int i = 0; i < LANES; i++) {
        c0[i] = (uint32_t)(block + (uint64_t)i);
        c1[i] = (uint32_t)((block + (uint64_t)i) >> 32);
    }
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < LANES; i++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0[i], p1 = (uint64_t)0xCD9E8D57u * c2[i];
            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            c1[i] = (uint32_t)p1;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c3[i] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < LANES; i++) {
        out[2 * i] = (uint64_t)c1[i] << 32 | c0[i];
        out[2 * i + 1] = (uint64_t)c3[i] << 32 | c2[i];
    }
}

/* n draws from `start` on */
static void draw_all(uint64_t seed, uint64_t start, uint64_t *out, int64_t n)
{
    int64_t i = 0;
    if (start % 2 == 1 && n > 0)
        out[i++] = ct_random_at(seed, start);
    for (; i + DRAWS <= n; i += DRAWS)
        lanes(seed, (start + (uint64_t)i) / 2, out + i);
    for (; i < n; i++)
        out[i] = ct_random_at(seed, start + (uint64_t)i);
}

void ct_seed(ct_context *cx, uint64_t seed)
{
    if (!cx)
        return;
    cx->seed = seed;
    cx->draws = 0;
}

uint64_t ct__draw(ct_context *cx, int64_t n)
{
    uint64_t start = cx->draws;
    cx->draws += (uint64_t)n;
    return start;
}

uint64_t ct_random_u64(ct_context *cx)
{
    return cx ? ct_random_at(cx->seed, ct__draw(cx, 1)) : 0;
}

/* 53 bits: k / 2^53, k < 2^53 */
static double uniform(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

/* log x for 0 < x <= 1: x = 2^e m, m in [sqrt 1/2, sqrt 2); log m = 2 artanh s, s = (m-1)/(m+1),
 * |s| < 0.172, a series of s^2 < 0.0295: twelve terms leave less than 1e-18 */
static double natural_log(double x)
{
    int e;
    double m = frexp(x, &e);
    if (m < 0.70710678118654752)
        m *= 2, e--;
    double s = (m - 1) / (m + 1), s2 = s * s, sum = 0;
    for (int k = 23; k >= 3; k -= 2)
        sum = (sum + 1.0 / k) * s2;
    return e * 0.69314718055994530942 + 2 * s * (1 + sum);
}

/* sin and cos of 2 pi u, 0 <= u < 1: to an eighth of a turn by symmetry, then the power series */
static void turn(double u, double *sine, double *cosine)
{
    int quarter = (int)(u * 4 + 0.5);
    double a = (u - quarter * 0.25) * 6.28318530717958647693, a2 = a * a, s = 1, c = 1;
    for (int k = 18; k >= 2; k -= 2) {
        s = 1 - s * a2 / (k * (k + 1));
        c = 1 - c * a2 / (k * (k - 1));
    }
    s *= a;
    switch (quarter % 4) {
    case 0:
        *sine = s, *cosine = c;
        return;
    case 1:
        *sine = c, *cosine = -s;
        return;
    case 2:
        *sine = -s, *cosine = -c;
        return;
    default:
        *sine = -c, *cosine = s;
    }
}

/* Box and Muller (1958): sqrt(-2 log u) cos 2 pi v and ... sin, u in (0, 1] */
static void normals(uint64_t seed, uint64_t block, double out[2])
{
    uint32_t bits[4];
    double sine, cosine;
    philox(seed, block, bits);
    double radius = sqrt(-2 * natural_log(1 - uniform(pair(bits, 0))));
    turn(uniform(pair(bits, 1)), &sine, &cosine);
    out[0] = radius * cosine;
    out[1] = radius * sine;
}

static ct_tensor *new_float(ct_context *cx, const char *who, const ct__layout *layout)
{
    if (!cx || ct__shape_count(cx, who, layout->dtype, layout->shape, layout->ndim) < 0)
        return NULL;
    if (!ct__is_float(layout->dtype)) {
        ct_fail(cx, CT_ERROR_DTYPE, "%s: dtype is %s, not f32 or f64", who,
                ct__dtype_text(layout->dtype));
        return NULL;
    }
    return ct__to_scope(ct__tensor_new(cx, layout));
}

ct_tensor *ct_rand(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim)
{
    ct_tensor *y = new_float(cx, "rand", &(ct__layout){ .dtype = dtype, .ndim = ndim,
                                                        .shape = shape });
    if (!y)
        return NULL;
    uint64_t start = ct__draw(cx, y->count), bits[4 * DRAWS];
    for (int64_t i = 0, n; i < y->count; i += n) {
        n = y->count - i < 4 * DRAWS ? y->count - i : 4 * DRAWS;
        draw_all(cx->seed, start + (uint64_t)i, bits, n);
        for (int64_t k = 0; k < n; k++)
            if (dtype == CT_F32) /* 24 bits, so that rounding cannot reach 1 */
                ((float *)(void *)y->data)[i + k] = (float)(int32_t)(bits[k] >> 40) * 0x1p-24f;
            else
                ((double *)(void *)y->data)[i + k] = uniform(bits[k]);
    }
    return y;
}

ct_tensor *ct_randn(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim)
{
    ct_tensor *y = new_float(cx, "randn", &(ct__layout){ .dtype = dtype, .ndim = ndim,
                                                         .shape = shape });
    if (!y)
        return NULL;
    /* two draws make two normals: start at a whole block */
    uint64_t block = (ct__draw(cx, (int64_t)(cx->draws & 1) + (y->count + 1) / 2 * 2) + 1) / 2;
    double two[2];
    for (int64_t i = 0; i < y->count; i++) {
        if (i % 2 == 0)
            normals(cx->seed, block + (uint64_t)i / 2, two);
        ct__store(y->data + (size_t)i * ct__dtype_size(dtype), dtype, two[i % 2]);
    }
    return y;
}

/* uniform on [0, n) without bias: the top of 2^64 that n does not divide is drawn again
 * (from a stream of its own, so that the count of draws stays what was said) */
static uint64_t below(uint64_t seed, uint64_t i, uint64_t n)
{
    uint64_t bits = ct_random_at(seed, i);
    for (uint64_t again = 1; bits >= UINT64_MAX - UINT64_MAX % n; again++)
        bits = ct_random_at(seed ^ again * 0x9E3779B97F4A7C15u, i);
    return bits % n;
}

ct_tensor *ct_randint(ct_context *cx, int64_t low, int64_t high, const int64_t *shape, int ndim)
{
    if (!cx || ct__shape_count(cx, "randint", CT_I64, shape, ndim) < 0)
        return NULL;
    if (low >= high) {
        ct_fail(cx, CT_ERROR_RANGE, "randint: nothing in [%lld, %lld)", (long long)low,
                (long long)high);
        return NULL;
    }
    ct_tensor *y = ct__to_scope(ct__tensor_new(cx, &(ct__layout){ .dtype = CT_I64, .ndim = ndim,
                                                                  .shape = shape }));
    if (!y)
        return NULL;
    uint64_t start = ct__draw(cx, y->count), span = (uint64_t)high - (uint64_t)low;
    for (int64_t i = 0; i < y->count; i++)
        ((int64_t *)(void *)y->data)[i] =
            (int64_t)((uint64_t)low + below(cx->seed, start + (uint64_t)i, span));
    return y;
}

ct_tensor *ct_randperm(ct_context *cx, int64_t n)
{
    ct_tensor *y = ct__shape_count(cx, "randperm", CT_I64, &n, 1) < 0 ? NULL
                                                                      : ct_range(cx, CT_I64, n);
    if (!y)
        return NULL;
    int64_t *a = (int64_t *)(void *)y->data;
    uint64_t start = ct__draw(cx, n);
    for (int64_t i = n - 1; i > 0; i--) { /* Fisher and Yates */
        int64_t j = (int64_t)below(cx->seed, start + (uint64_t)i, (uint64_t)i + 1), t = a[i];
        a[i] = a[j];
        a[j] = t;
    }
    return y;
}
