/* Products of matrices. 2 m n k operations on m k + k n + m n numbers: what counts is how often a
 * number is used once it has come near. After Goto and van de Geijn ("Anatomy of high-performance
 * matrix multiplication", ACM TOMS 34, 2008), with L1, L2 of 32 and 512 KiB in mind:
 *
 * - a tile of C, ROWS x 2 vectors, stays in registers while k runs. 6 rows and 16 registers: 12
 *   sums, 2 vectors of B, one number of A. A step loads 8 for 12 multiply-adds; two of these and
 *   two or three loads begin in a cycle, so the loads are hidden, and instructions that only count
 *   are saved by unrolling.
 * - DEPTH steps: the panel of B that a tile reads, 320 x 64 bytes = 20 KiB, and the rows of A, 8
 *   (f32) or 15 KiB (f64), stay in L1 or near it; the 24 loads and stores of C go with 3840
 *   multiply-adds.
 * - a block of A, 256 KiB, stays in L2. All its tiles read a panel of B before the next is put
 *   together: one panel is all the room that B takes.
 *
 * A panel of B whose rows lie side by side is put together by the first tile that reads it, and
 * what the next panel needs is fetched ahead; columns that lie along k are transposed on the way
 * by squares. Where both operands lie along k (a layer's X W^T), that is a matter of m k or of k n
 * numbers: so where m is the less, C^T = B^T A^T is computed, and turned. A is read in place, but
 * for rows a power of two apart, which would meet in one set of the cache, and columns.
 *
 * Products with few rows or columns are sums of rows of B or dot products (gemm_thin.h), at the
 * speed of reading the larger operand once.
 *
 * Threads: C is cut into parts, each computed with a room of its own, and packs for itself what it
 * needs: so there is one where one thread does it, and few for a few. k is never cut: each element
 * is summed in an order that does not depend on the cut. */
#include "gemm.h"

#include <string.h>

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))
#define PREFETCH(p, offset) __builtin_prefetch((const void *)((uintptr_t)(p) + (offset)))
#else
#define PREFETCH(p, offset) ((void)(p))
#define INLINE static inline
#define NOINLINE static
#endif

/* a step takes fewer instructions when the next is at a known distance */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll_count(4)")
#elif defined(__GNUC__)
#define UNROLL _Pragma("GCC unroll 4")
#else
#define UNROLL
#endif

enum { DEPTH = 320, A_BYTES = 256 << 10 };
#define GRAIN 1e6 /* multiply-adds, some 20 us, below which one thread does it */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t at_least_1(int64_t n)
{
    return n > 1 ? n : 1;
}

static int64_t round_up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

/* n / parts, rounded up */
static int64_t even(int64_t n, int64_t parts)
{
    return (n + parts - 1) / parts;
}

/* n cut into as few equal parts of at most `most` as there can be: the size of one, a multiple of
 * `to` */
static int64_t even_part(int64_t n, int64_t most, int64_t to)
{
    return n > 0 ? round_up(even(n, even(n, most)), to) : to;
}

typedef enum form { TILES, TURNED, DOTS, ROW } form;

/* how a product is computed: C is cut into parts of `rows` x `columns` */
typedef struct plan {
    ct__gemm g; /* what is computed: TURNED the transposed product, without the rest */
    form form;
    int64_t rows, columns, t_row;
    size_t room; /* bytes of scratch of each part */
} plan;

typedef struct part {
    int64_t i, m, j, n;
} part;

static void turn(ct__gemm *g)
{
    ct__gemm t = *g;
    g->m = t.n, g->n = t.m;
    g->a = (ct__matrix){ t.b.data, t.b.col, t.b.row };
    g->b = (ct__matrix){ t.a.data, t.a.col, t.a.row };
    g->bias = NULL;
    g->adds = false;
    g->activation = CT_IDENTITY;
}

#if defined(CT_SIMD_X86)
#include <immintrin.h>
CT_SIMD_BEGIN_AVX2
#include "gemm_avx2.h"
CT_SIMD_END
CT_SIMD_BEGIN_AVX512
#include "gemm_avx512.h"
CT_SIMD_END
#endif
#include "gemm_plain.h"
#if defined(CT_BLAS)
#include "gemm_blas.h"
#endif

/* -- The choice of kernels: when it runs, by the processor it runs on */
typedef struct kernels {
    plan (*plan_of)(const ct__gemm *g);
    void (*run_part)(const plan *w, const ct__gemm *g, part c, void *scratch);
} kernels;

#define KERNELS(target)                                                                         \
    { { plan_of_f32_##target, run_part_f32_##target },                                          \
      { plan_of_f64_##target, run_part_f64_##target } }

static const kernels *kernels_for(const ct__gemm *g)
{
    static const kernels plain[2] = KERNELS(plain);
#if defined(CT_BLAS)
    static const kernels blas = { plan_of_blas, run_part_blas };
    if (blas_takes(g))
        return &blas;
#endif
#if defined(CT_SIMD_X86)
    static const kernels avx2[2] = KERNELS(avx2), avx512[2] = KERNELS(avx512);
    if (g->simd >= CT_SIMD_AVX512)
        return &avx512[g->dtype == CT_F64];
    if (g->simd == CT_SIMD_AVX2)
        return &avx2[g->dtype == CT_F64];
#endif
    return &plain[g->dtype == CT_F64];
}

/* one column is one row of the transposed product; its bias is put down first */
static ct__gemm straight(const ct__gemm *g)
{
    ct__gemm t = *g;
    if (g->n == 1 && g->m > 1 && g->c_row == 1) {
        turn(&t);
        t.adds = g->adds || g->bias;
        t.activation = g->activation;
    }
    return t;
}

static int64_t parts_of(const plan *w)
{
    bool whole = w->rows >= w->g.m && w->columns >= w->g.n;
    return whole ? 1 : even(w->g.m, w->rows) * even(w->g.n, w->columns);
}

size_t ct__gemm_scratch(const ct__gemm *g)
{
    ct__gemm t = straight(g);
    if (g->m <= 0 || g->n <= 0)
        return 0;
    plan w = kernels_for(&t)->plan_of(&t);
    return w.room * (size_t)parts_of(&w);
}

typedef struct job {
    ct__gemm g;
    plan w;
    const kernels *kernels;
    char *scratch;
} job;

static void run_part(int64_t at, void *arg)
{
    const job *j = arg;
    int64_t down = even(j->w.g.m, j->w.rows);
    part c = { .i = at % down * j->w.rows, .j = at / down * j->w.columns };
    c.m = least(j->w.g.m - c.i, j->w.rows);
    c.n = least(j->w.g.n - c.j, j->w.columns);
    j->kernels->run_part(&j->w, &j->g, c, j->scratch + (size_t)at * j->w.room);
}

void ct__gemm_run(const ct__gemm *g, void *scratch)
{
    size_t size = g->dtype == CT_F32 ? sizeof(float) : sizeof(double);
    if (g->m <= 0 || g->n <= 0)
        return;
    job j = { .g = straight(g), .kernels = kernels_for(g), .scratch = scratch };
    for (int64_t i = 0; j.g.m != g->m && g->bias && i < g->m; i++)
        memcpy((char *)g->c + (size_t)i * size, g->bias, size);
    j.w = j.kernels->plan_of(&j.g);
    int64_t parts = parts_of(&j.w);
    if (parts == 1)
        j.kernels->run_part(&j.w, &j.g, (part){ 0, j.w.g.m, 0, j.w.g.n }, scratch);
    else if (g->cx)
        ct_parallel_for(g->cx, parts, run_part, &j);
    else
        for (int64_t i = 0; i < parts; i++)
            run_part(i, &j);
}
