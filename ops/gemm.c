/* Products of matrices. 2 m n k operations on m k + k n + m n numbers: what counts is how often a
 * number is used once it has come near. Three sizes, after Goto and van de Geijn ("Anatomy of
 * high-performance matrix multiplication", ACM TOMS 34, 2008):
 *
 * - a tile of C, ROWS x COLUMNS = 6 x 2 vectors, stays in registers while k runs: 12 sums, 2
 *   vectors of B, one number of A, 15 of 16 registers. A step loads 8 for 12 multiply-adds; two
 *   of these and two or three loads begin in a cycle, so the loads are hidden.
 * - DEPTH = 256 steps: the panel of B that a tile reads, 256 x 64 bytes = 16 KiB, and that of A,
 *   6 KiB (f32) or 12 KiB (f64), stay in an L1 cache of 32 KiB; the 12 loads and stores of C go
 *   with 3072 multiply-adds.
 * - a block of A, 144 KiB, stays in an L2 cache of 512 KiB, with room for the panels of B that pass
 *   by: one is loaded for every 24 (f32) or 12 (f64) tiles. The block of B, 1 MiB, is in L3.
 *
 * Panels are packed, so that a tile reads them in sequence, where they are used often enough to
 * repay it. Small products, and an A that is read along its rows anyway, are read in place. One
 * row or column is a sum of rows or a set of dot products, at the speed of reading B once.
 *
 * Sums run over k in the same order whatever is packed, and C is cut by its shape alone. */
#include "gemm.h"

#include <string.h>

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

enum { ROWS = 6, DEPTH = 256, A_BYTES = 144 << 10, B_BYTES = 1 << 20 };

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t round_up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

/* -- AVX2 and FMA: 8 floats or 4 doubles */
#if defined(__GNUC__) && defined(__x86_64__)
#define HAVE_AVX2
#include <immintrin.h>
#define TARGET __attribute__((target("avx2,fma")))

/* y_ij = x_ji, 8 x 8: rows of x lie x_row apart, those of y 16 */
INLINE TARGET void transpose_f32_avx2(const float *x, int64_t x_row, float *y)
{
    __m256 r[8], s[8];
    for (int i = 0; i < 8; i++)
        r[i] = _mm256_loadu_ps(x + i * x_row);
    for (int i = 0; i < 8; i += 2) {
        s[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        s[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        r[i] = _mm256_shuffle_ps(s[i], s[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(s[i], s[i + 2], 0xee);
        r[i + 2] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(y + i * 16, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(y + (i + 4) * 16, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}

/* the same, 4 x 4 into rows 8 apart */
INLINE TARGET void transpose_f64_avx2(const double *x, int64_t x_row, double *y)
{
    __m256d r[4], s[4];
    for (int i = 0; i < 4; i++)
        r[i] = _mm256_loadu_pd(x + i * x_row);
    for (int i = 0; i < 4; i += 2) {
        s[i] = _mm256_unpacklo_pd(r[i], r[i + 1]);
        s[i + 1] = _mm256_unpackhi_pd(r[i], r[i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        _mm256_storeu_pd(y + i * 8, _mm256_permute2f128_pd(s[i], s[i + 2], 0x20));
        _mm256_storeu_pd(y + (i + 2) * 8, _mm256_permute2f128_pd(s[i], s[i + 2], 0x31));
    }
}

#define REAL         float
#define K(name)      name##_f32_avx2
#define VECTOR       __m256
#define LANES        8
#define LOAD(p)      _mm256_loadu_ps(p)
#define STORE(p, v)  _mm256_storeu_ps(p, v)
#define SPLAT(x)     _mm256_set1_ps(x)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#include "gemm_kernels.h"

#define REAL         double
#define K(name)      name##_f64_avx2
#define VECTOR       __m256d
#define LANES        4
#define LOAD(p)      _mm256_loadu_pd(p)
#define STORE(p, v)  _mm256_storeu_pd(p, v)
#define SPLAT(x)     _mm256_set1_pd(x)
#define FMA(a, b, c) _mm256_fmadd_pd(a, b, c)
#include "gemm_kernels.h"
#undef TARGET
#endif

/* -- Any machine: 16 bytes, or without vector types one number */
#define TARGET
#if defined(__GNUC__)
enum { F32_LANES = 4, F64_LANES = 2 };
typedef float f32_vector __attribute__((vector_size(16), aligned(4), may_alias));
typedef double f64_vector __attribute__((vector_size(16), aligned(8), may_alias));
#define F32_SPLAT(x) ((f32_vector){ x, x, x, x })
#define F64_SPLAT(x) ((f64_vector){ x, x })
#else
enum { F32_LANES = 1, F64_LANES = 1 };
typedef float f32_vector;
typedef double f64_vector;
#define F32_SPLAT(x) (x)
#define F64_SPLAT(x) (x)
#endif

INLINE void transpose_f32_any(const float *x, int64_t x_row, float *y)
{
    for (int i = 0; i < F32_LANES; i++)
        for (int j = 0; j < F32_LANES; j++)
            y[i * 2 * F32_LANES + j] = x[j * x_row + i];
}

INLINE void transpose_f64_any(const double *x, int64_t x_row, double *y)
{
    for (int i = 0; i < F64_LANES; i++)
        for (int j = 0; j < F64_LANES; j++)
            y[i * 2 * F64_LANES + j] = x[j * x_row + i];
}

#define REAL         float
#define K(name)      name##_f32_any
#define VECTOR       f32_vector
#define LANES        F32_LANES
#define LOAD(p)      (*(const f32_vector *)(p))
#define STORE(p, v)  (*(f32_vector *)(p) = (v))
#define SPLAT(x)     F32_SPLAT(x)
#define FMA(a, b, c) ((a) * (b) + (c))
#include "gemm_kernels.h"

#define REAL         double
#define K(name)      name##_f64_any
#define VECTOR       f64_vector
#define LANES        F64_LANES
#define LOAD(p)      (*(const f64_vector *)(p))
#define STORE(p, v)  (*(f64_vector *)(p) = (v))
#define SPLAT(x)     F64_SPLAT(x)
#define FMA(a, b, c) ((a) * (b) + (c))
#include "gemm_kernels.h"

/* -- The choice of kernels: when it runs, by the processor it runs on */
typedef struct kernels {
    size_t (*scratch)(const ct__gemm *g);
    void (*run)(const ct__gemm *g, void *scratch);
} kernels;

static kernels kernels_for(const ct__gemm *g)
{
    bool f32 = g->dtype == CT_F32;
#ifdef HAVE_AVX2
    if (!g->portable && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return f32 ? (kernels){ scratch_f32_avx2, run_f32_avx2 }
                   : (kernels){ scratch_f64_avx2, run_f64_avx2 };
#endif
    return f32 ? (kernels){ scratch_f32_any, run_f32_any }
               : (kernels){ scratch_f64_any, run_f64_any };
}

/* one column is one row of the transposed product; its bias is put down first */
static bool turns(const ct__gemm *g)
{
    return g->n == 1 && g->m > 1 && g->c_row == 1;
}

static ct__gemm turned(const ct__gemm *g)
{
    ct__gemm t = *g;
    t.m = 1, t.n = g->m;
    t.a = (ct__matrix){ g->b.data, g->b.col, g->b.row };
    t.b = (ct__matrix){ g->a.data, g->a.col, g->a.row };
    t.bias = NULL;
    t.adds = g->adds || g->bias;
    return t;
}

size_t ct__gemm_scratch(const ct__gemm *g)
{
    ct__gemm t = turns(g) ? turned(g) : *g;
    return kernels_for(&t).scratch(&t);
}

void ct__gemm_run(const ct__gemm *g, void *scratch)
{
    ct__gemm t = turns(g) ? turned(g) : *g;
    size_t size = g->dtype == CT_F32 ? sizeof(float) : sizeof(double);
    if (g->m <= 0 || g->n <= 0)
        return;
    for (int64_t i = 0; turns(g) && g->bias && i < g->m; i++)
        memcpy((char *)g->c + (size_t)i * size, g->bias, size);
    kernels_for(&t).run(&t, scratch);
}
