/* The random stream: Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy
 * as 1, 2, 3", SC 2011). Draw i of a seed is a function of seed and i alone, so any thread may
 * compute any of them. Normals use IEEE arithmetic only, no libm and no contraction to fused
 * multiply-adds, so that every machine makes the same ones. */
#include <math.h>

#include "tensors.h"
#ifdef CT_SIMD_X86
#include <immintrin.h>
#endif

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

uint64_t ct_random_at(uint64_t seed, uint64_t i)
{
    uint32_t c[4] = { (uint32_t)(i / 2), (uint32_t)(i / 2 >> 32), 0, 0 };
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c[1] ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
        c[0] = n0, c[1] = (uint32_t)p1, c[2] = n2, c[3] = (uint32_t)p0;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    return i % 2 ? (uint64_t)c[3] << 32 | c[2] : (uint64_t)c[1] << 32 | c[0];
}

/* -- In groups of draws, which is several times as fast */
enum { LANES = 32, DRAWS = 2 * LANES }; /* blocks of a group; each gives two draws */

static inline uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* k as a double, exactly, for k < 2^52: k is put into the last places of 2^52. Compilers do not
 * vectorize a plain conversion. */
static inline double small(uint64_t k)
{
    return double_of(0x4330000000000000u | k) - 0x1p52;
}

/* k / 2^53, where k is the upper 53 bits */
static inline double uniform(uint64_t bits)
{
    return (small(bits >> 32) * 0x1p21 + small(bits >> 11 & 0x1FFFFF)) * 0x1p-53;
}

/* of f64 alone: numbers of f32 are made of these */
#define CT_KERNELS     "random_kernels.h"
#define CT_KERNELS_F32 0
#include <cotangent/kernels.h>
typedef void draw_bits(uint64_t seed, uint64_t block, uint64_t out[DRAWS]);
typedef void make_numbers(const uint64_t bits[DRAWS], double out[DRAWS]);
static draw_bits *const draws[][CT_SIMDS] = CT_KERNEL_TABLE(draws);
static make_numbers *const uniforms[][CT_SIMDS] = CT_KERNEL_TABLE(uniforms);
static make_numbers *const normals[][CT_SIMDS] = CT_KERNEL_TABLE(normals); /* one for each draw */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void ct_random_fill(const ct_context *cx, uint64_t seed, uint64_t start, uint64_t *out, int64_t n)
{
    draw_bits *draw = draws[CT_F64][cx->simd];
    uint64_t room[DRAWS];
    for (int64_t m; n > 0; start += (uint64_t)m, out += m, n -= m) {
        int64_t odd = (int64_t)(start % 2);
        m = least(n, DRAWS - odd);
        draw(seed, start / 2, m == DRAWS ? out : room);
        if (m < DRAWS)
            memcpy(out, room + odd, (size_t)m * sizeof *out);
    }
}

void ct_seed(ct_context *cx, uint64_t seed)
{
    if (!cx)
        return;
    ct__tell(cx, "seed");
    cx->seed = seed;
    cx->draws = 0;
}

ct_stream ct_random_stream(const ct_context *cx)
{
    ct__tell(cx, "random_stream");
    return cx ? (ct_stream){ cx->seed, cx->draws } : (ct_stream){ 0, 0 };
}

void ct_random_resume(ct_context *cx, ct_stream stream)
{
    ct_seed(cx, stream.seed);
    if (cx)
        cx->draws = stream.draws;
}

uint64_t ct__draw(ct_context *cx, int64_t n)
{
    uint64_t start = cx->draws;
    ct__tell(cx, "a draw of random numbers that is no operator's");
    cx->draws += (uint64_t)n;
    return start;
}

uint64_t ct_random_u64(ct_context *cx)
{
    return cx ? ct_random_at(cx->seed, ct__draw(cx, 1)) : 0;
}

/* -- Tensors of random numbers, which threads fill in ranges */
enum { GRAIN = 64 * DRAWS };

typedef struct job {
    ct_tensor *y;
    uint64_t start;
    bool normal;
} job;

/* 24 bits of each draw, so that rounding to f32 never gives 1 */
static void few_bits(const uint64_t *bits, float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)(int32_t)(bits[i] >> 40) * 0x1p-24f;
}

static void fill_range(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    const ct_context *cx = j->y->cx;
    make_numbers *make = (j->normal ? normals : uniforms)[CT_F64][cx->simd];
    bool f32 = j->y->dtype == CT_F32;
    float *as_f32 = (float *)(void *)j->y->data;
    double *as_f64 = (double *)(void *)j->y->data, values[DRAWS];
    uint64_t bits[DRAWS];
    for (int64_t i = begin, n; i < end; i += n) {
        n = least(end - i, DRAWS);
        ct_random_fill(cx, cx->seed, j->start + (uint64_t)i, bits, DRAWS);
        if (f32 && !j->normal) {
            few_bits(bits, as_f32 + i, n);
            continue;
        }
        make(bits, values);
        for (int64_t e = 0; e < n; e++)
            if (f32)
                as_f32[i + e] = (float)values[e];
            else
                as_f64[i + e] = values[e];
    }
}

static ct_status fill_now(ct_tensor *y, ct_tensor *x, const void *attributes)
{
    const bool normal = *(const bool *)attributes;
    ct_context *cx = y->cx;
    int64_t odd = (int64_t)(cx->draws & 1); /* two draws make two normals: from a whole block on */
    uint64_t start = normal ? (ct__draw(cx, odd + (y->count + 1) / 2 * 2) + 1) / 2 * 2
                            : ct__draw(cx, y->count);
    (void)x;
    ct_parallel_ranges(cx, y->count, GRAIN, fill_range, &(job){ y, start, normal });
    return CT_OK;
}

static ct_tensor *fill(ct_context *cx, const char *who, const ct__layout *layout, bool normal)
{
    if (!cx || ct__shape_count(cx, who, layout->dtype, layout->shape, layout->ndim) < 0)
        return NULL;
    if (!ct__is_float(layout->dtype)) {
        ct_fail(cx, CT_ERROR_DTYPE, "%s: dtype is %s, not f32 or f64", who,
                ct__dtype_text(layout->dtype));
        return NULL;
    }
    ct_tensor *y = ct__to_scope(ct__tensor_new(cx, layout));
    if (y)
        ct__filled(fill_now, y, NULL, &normal, sizeof normal);
    return y;
}

ct_tensor *ct_rand(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim)
{
    return fill(cx, "rand", &(ct__layout){ .dtype = dtype, .ndim = ndim, .shape = shape }, false);
}

ct_tensor *ct_randn(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim)
{
    return fill(cx, "randn", &(ct__layout){ .dtype = dtype, .ndim = ndim, .shape = shape }, true);
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

static ct_status integers_now(ct_tensor *y, ct_tensor *x, const void *attributes)
{
    const int64_t *range = attributes; /* the first, and the one after the last */
    uint64_t start = ct__draw(y->cx, y->count), span = (uint64_t)range[1] - (uint64_t)range[0];
    (void)x;
    for (int64_t i = 0; i < y->count; i++)
        ((int64_t *)(void *)y->data)[i] =
            (int64_t)((uint64_t)range[0] + below(y->cx->seed, start + (uint64_t)i, span));
    return CT_OK;
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
    if (y)
        ct__filled(integers_now, y, NULL, (int64_t[]){ low, high }, 2 * sizeof low);
    return y;
}

static ct_status permute_now(ct_tensor *y, ct_tensor *x, const void *attributes)
{
    int64_t *a = (int64_t *)(void *)y->data;
    uint64_t start = ct__draw(y->cx, y->count);
    (void)x, (void)attributes;
    for (int64_t i = 0; i < y->count; i++)
        a[i] = i;
    for (int64_t i = y->count - 1; i > 0; i--) { /* Fisher and Yates */
        int64_t j = (int64_t)below(y->cx->seed, start + (uint64_t)i, (uint64_t)i + 1), t = a[i];
        a[i] = a[j];
        a[j] = t;
    }
    return CT_OK;
}

ct_tensor *ct_randperm(ct_context *cx, int64_t n)
{
    ct_tensor *y = !cx || ct__shape_count(cx, "randperm", CT_I64, &n, 1) < 0 ? NULL
                   : ct__to_scope(ct__tensor_new(cx, &(ct__layout){ .dtype = CT_I64, .ndim = 1,
                                                                   .shape = &n }));
    if (y)
        ct__filled(permute_now, y, NULL, NULL, 0);
    return y;
}
