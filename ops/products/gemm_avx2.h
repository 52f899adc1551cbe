/* The words of gemm_kernels.h for AVX2 and FMA: vectors of 8 floats or 4 doubles, 16 registers. */
#define ROWS     6
#define UNROLLED 1

#if IS_F32
#define VECTOR          __m256
#define LANES           8
#define SQUARE          8
#define LOAD(p)         _mm256_loadu_ps(p)
#define LOAD_SOME(p, n) _mm256_maskload_ps(p, mask_avx2(n))
#define STORE(p, v)     _mm256_storeu_ps(p, v)
#define SPLAT(x)        _mm256_set1_ps(x)
#define ADD(a, b)       _mm256_add_ps(a, b)
#define FMA(a, b, c)    _mm256_fmadd_ps(a, b, c)

/* the first n lanes; n * the size of a lane in 4 bytes is counted off here */
static const int32_t lanes_avx2[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };

INLINE __m256i mask_avx2(int64_t n)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)(lanes_avx2 + 8 - n));
}

/* a masked store takes a dozen cycles on some processors */
INLINE void K(store_some)(float *y, __m256 v, int64_t n)
{
    __m128 x = _mm256_castps256_ps128(v);
    if (n & 4) {
        _mm_storeu_ps(y, x);
        x = _mm256_extractf128_ps(v, 1);
        y += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)(void *)y, x);
        x = _mm_movehl_ps(x, x);
        y += 2;
    }
    if (n & 1)
        _mm_store_ss(y, x);
}

INLINE __m256 K(halves)(const float *low, const float *high)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
}

/* y_ij = x_ji, 8 x 8: what comes in halves need not change them later */
INLINE void K(square)(const float *const *x, int64_t at, float *y, int64_t y_row)
{
    for (int h = 0; h < 8; h += 4, at += 4) {
        __m256 a = K(halves)(x[0] + at, x[4] + at), b = K(halves)(x[1] + at, x[5] + at);
        __m256 c = K(halves)(x[2] + at, x[6] + at), d = K(halves)(x[3] + at, x[7] + at);
        __m256 ab = _mm256_unpacklo_ps(a, b), cd = _mm256_unpacklo_ps(c, d);
        _mm256_storeu_ps(y + h * y_row, _mm256_shuffle_ps(ab, cd, 0x44));
        _mm256_storeu_ps(y + (h + 1) * y_row, _mm256_shuffle_ps(ab, cd, 0xee));
        ab = _mm256_unpackhi_ps(a, b), cd = _mm256_unpackhi_ps(c, d);
        _mm256_storeu_ps(y + (h + 2) * y_row, _mm256_shuffle_ps(ab, cd, 0x44));
        _mm256_storeu_ps(y + (h + 3) * y_row, _mm256_shuffle_ps(ab, cd, 0xee));
    }
}

INLINE void K(sum4)(const __m256 *v, float *sums)
{
    __m256 s = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    _mm_storeu_ps(sums, _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1)));
}

#else
#define VECTOR          __m256d
#define LANES           4
#define SQUARE          4
#define LOAD(p)         _mm256_loadu_pd(p)
#define LOAD_SOME(p, n) _mm256_maskload_pd(p, mask_avx2(2 * (n)))
#define STORE(p, v)     _mm256_storeu_pd(p, v)
#define SPLAT(x)        _mm256_set1_pd(x)
#define ADD(a, b)       _mm256_add_pd(a, b)
#define FMA(a, b, c)    _mm256_fmadd_pd(a, b, c)

INLINE void K(store_some)(double *y, __m256d v, int64_t n)
{
    __m128d x = _mm256_castpd256_pd128(v);
    if (n & 2) {
        _mm_storeu_pd(y, x);
        x = _mm256_extractf128_pd(v, 1);
        y += 2;
    }
    if (n & 1)
        _mm_store_sd(y, x);
}

INLINE __m256d K(halves)(const double *low, const double *high)
{
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(low)), _mm_loadu_pd(high), 1);
}

/* the same, 4 x 4 */
INLINE void K(square)(const double *const *x, int64_t at, double *y, int64_t y_row)
{
    for (int h = 0; h < 4; h += 2, at += 2) {
        __m256d a = K(halves)(x[0] + at, x[2] + at);
        __m256d b = K(halves)(x[1] + at, x[3] + at);
        _mm256_storeu_pd(y + h * y_row, _mm256_unpacklo_pd(a, b));
        _mm256_storeu_pd(y + (h + 1) * y_row, _mm256_unpackhi_pd(a, b));
    }
}

INLINE void K(sum4)(const __m256d *v, double *sums)
{
    __m256d s = _mm256_hadd_pd(v[0], v[1]), t = _mm256_hadd_pd(v[2], v[3]);
    _mm256_storeu_pd(sums, _mm256_add_pd(_mm256_permute2f128_pd(s, t, 0x20),
                                         _mm256_permute2f128_pd(s, t, 0x31)));
}
#endif
