/* The words of gemm_kernels.h for AVX-512: vectors of 16 floats or 8 doubles, 32 registers: a tile
 * has 12 rows, 24 sums. AVX2's smaller squares, stamped before, make up the large ones. */
#define ROWS     12
#define UNROLLED 1
#define FIRST(n) ((1u << (n)) - 1)

#if IS_F32
#define VECTOR          __m512
#define LANES           16
#define SQUARE          8
#define LOAD(p)         _mm512_loadu_ps(p)
#define LOAD_SOME(p, n) _mm512_maskz_loadu_ps((__mmask16)FIRST(n), p)
#define STORE(p, v)     _mm512_storeu_ps(p, v)
#define SPLAT(x)        _mm512_set1_ps(x)
#define ADD(a, b)       _mm512_add_ps(a, b)
#define FMA(a, b, c)    _mm512_fmadd_ps(a, b, c)

INLINE void K(store_some)(float *y, __m512 v, int64_t n)
{
    _mm512_mask_storeu_ps(y, (__mmask16)FIRST(n), v);
}

INLINE void K(square)(const float *const *x, int64_t at, float *y, int64_t y_row)
{
    square_f32_avx2(x, at, y, y_row);
}

INLINE __m256 K(half)(__m512 v)
{
    return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
}

INLINE void K(sum4)(const __m512 *v, float *sums)
{
    const __m256 half[4] = { K(half)(v[0]), K(half)(v[1]), K(half)(v[2]), K(half)(v[3]) };
    sum4_f32_avx2(half, sums);
}

#else
#define VECTOR          __m512d
#define LANES           8
#define SQUARE          4
#define LOAD(p)         _mm512_loadu_pd(p)
#define LOAD_SOME(p, n) _mm512_maskz_loadu_pd((__mmask8)FIRST(n), p)
#define STORE(p, v)     _mm512_storeu_pd(p, v)
#define SPLAT(x)        _mm512_set1_pd(x)
#define ADD(a, b)       _mm512_add_pd(a, b)
#define FMA(a, b, c)    _mm512_fmadd_pd(a, b, c)

INLINE void K(store_some)(double *y, __m512d v, int64_t n)
{
    _mm512_mask_storeu_pd(y, (__mmask8)FIRST(n), v);
}

INLINE void K(square)(const double *const *x, int64_t at, double *y, int64_t y_row)
{
    square_f64_avx2(x, at, y, y_row);
}

INLINE __m256d K(half)(__m512d v)
{
    return _mm256_add_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd(v, 1));
}

INLINE void K(sum4)(const __m512d *v, double *sums)
{
    const __m256d half[4] = { K(half)(v[0]), K(half)(v[1]), K(half)(v[2]), K(half)(v[3]) };
    sum4_f64_avx2(half, sums);
}
#endif
