/* AVX-512 for gemm_kernels.h: vectors of 16 floats or 8 doubles, 32 registers: a tile has 12 rows,
 * 24 sums. Part of gemm.c, compiled for that target, behind gemm_avx2.h, whose smaller squares make
 * up the large ones. */
#define FIRST(n) ((1u << (n)) - 1)

INLINE void store_some_f32_avx512(float *y, __m512 v, int64_t n)
{
    _mm512_mask_storeu_ps(y, (__mmask16)FIRST(n), v);
}

INLINE void store_some_f64_avx512(double *y, __m512d v, int64_t n)
{
    _mm512_mask_storeu_pd(y, (__mmask8)FIRST(n), v);
}

#define square_f32_avx512 square_f32_avx2
#define square_f64_avx512 square_f64_avx2

INLINE __m256 half_f32_avx512(__m512 v)
{
    return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
}

INLINE void sum4_f32_avx512(const __m512 *v, float *sums)
{
    const __m256 half[4] = { half_f32_avx512(v[0]), half_f32_avx512(v[1]), half_f32_avx512(v[2]),
                              half_f32_avx512(v[3]) };
    sum4_f32_avx2(half, sums);
}

INLINE __m256d half_f64_avx512(__m512d v)
{
    return _mm256_add_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd(v, 1));
}

INLINE void sum4_f64_avx512(const __m512d *v, double *sums)
{
    const __m256d half[4] = { half_f64_avx512(v[0]), half_f64_avx512(v[1]), half_f64_avx512(v[2]),
                              half_f64_avx512(v[3]) };
    sum4_f64_avx2(half, sums);
}

#define ROWS            12
#define UNROLLED        1
#define REAL            float
#define K(name)         name##_f32_avx512
#define VECTOR          __m512
#define LANES           16
#define SQUARE          8
#define LOAD(p)         _mm512_loadu_ps(p)
#define LOAD_SOME(p, n) _mm512_maskz_loadu_ps((__mmask16)FIRST(n), p)
#define STORE(p, v)     _mm512_storeu_ps(p, v)
#define SPLAT(x)        _mm512_set1_ps(x)
#define ADD(a, b)       _mm512_add_ps(a, b)
#define FMA(a, b, c)    _mm512_fmadd_ps(a, b, c)
#include "gemm_kernels.h"

#define ROWS            12
#define UNROLLED        1
#define REAL            double
#define K(name)         name##_f64_avx512
#define VECTOR          __m512d
#define LANES           8
#define SQUARE          4
#define LOAD(p)         _mm512_loadu_pd(p)
#define LOAD_SOME(p, n) _mm512_maskz_loadu_pd((__mmask8)FIRST(n), p)
#define STORE(p, v)     _mm512_storeu_pd(p, v)
#define SPLAT(x)        _mm512_set1_pd(x)
#define ADD(a, b)       _mm512_add_pd(a, b)
#define FMA(a, b, c)    _mm512_fmadd_pd(a, b, c)
#include "gemm_kernels.h"
#undef FIRST
#undef square_f32_avx512
#undef square_f64_avx512
