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

#include <cotangent/kernels.h>
#include <string.h>
#ifdef CT_SIMD_X86
#include <immintrin.h>
#endif

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

enum { DEPTH = 320, CHUNK = 32 * DEPTH, ROW_CHUNK = 512, A_BYTES = 256 << 10, PART_COLUMNS = 1024 };
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

typedef ct__gemm_plan plan;

static size_t size_of(const ct__gemm *g)
{
    return g->dtype == CT_F32 ? sizeof(float) : sizeof(double);
}

/* the transposed product, without the rest */
static ct__gemm turned(const ct__gemm *g)
{
    ct__gemm t = *g;
    t.m = g->n, t.n = g->m;
    t.a = (ct__matrix){ g->b.data, g->b.col, g->b.row };
    t.b = (ct__matrix){ g->a.data, g->a.col, g->a.row };
    t.bias = NULL;
    t.adds = false;
    t.activation = CT_IDENTITY;
    return t;
}

/* of one column, whose bias is put down first */
static ct__gemm as_row(const ct__gemm *g)
{
    ct__gemm t = turned(g);
    t.adds = g->adds || g->bias;
    t.activation = g->activation;
    return t;
}

/* -- Kernels, and the choice of them */
typedef struct ct__gemm_kernels {
    void (*plan)(const ct__gemm *g, plan *w); /* fills in what is not set */
    void (*run)(const ct__gemm *g, void *scratch); /* without the activation; k <= plan.chunk */
    void (*absorb)(const ct__gemm *g, void *rest, const void *more);
    void (*settle)(const ct__gemm *g, const void *rest);
} ct__gemm_kernels;

#define CT_KERNELS     "gemm_kernels.h"
#define CT_KERNELS_F32 64
#define CT_KERNELS_F64 64
#include <cotangent/kernels.h>
#if defined(CT_BLAS)
#include "gemm_blas.h"
#endif

static const ct__gemm_kernels *kernels_for(const ct__gemm *g)
{
    static const ct__gemm_kernels *const all[][CT_SIMDS] = CT_KERNEL_TABLE(kernels);
#if defined(CT_BLAS)
    static const ct__gemm_kernels blas_f32 = { plan_blas, run_blas, absorb_f32, settle_f32 };
    static const ct__gemm_kernels blas_f64 = { plan_blas, run_blas, absorb_f64, settle_f64 };
    if (blas_takes(g))
        return g->dtype == CT_F32 ? &blas_f32 : &blas_f64;
#endif
    return all[g->dtype][g->simd];
}

/* -- Parts of C, each a product of its own */
/* bytes, 64-byte aligned, for a number to each element of a part that is computed in one piece */
static size_t plane_of(const ct__gemm *g, int64_t m, int64_t n)
{
    int64_t columns = g->plan.form == CT__TILES ? least(n, PART_COLUMNS) : n;
    return ((size_t)(m * columns) * size_of(g) + 63) / 64 * 64;
}

size_t ct__gemm_plan_for(ct__gemm *g)
{
    ct__gemm row;
    const ct__gemm *what = g;
    plan *w = &g->plan;
    *w = (plan){ .is_column = g->n == 1 && g->m > 1 && g->c_row == 1 };
    if (g->m <= 0 || g->n <= 0)
        return 0;
    if (w->is_column) {
        row = as_row(g);
        what = &row;
    }
    w->kernels = kernels_for(what);
    w->kernels->plan(what, w);
    w->parts = even(what->m, w->rows) * even(what->n, w->columns);
    if (g->k > w->chunk)
        w->room += 2 * plane_of(g, w->rows, w->columns);
    w->room = (w->room + 63) / 64 * 64;
    return w->room * (size_t)w->parts;
}

static const void *ahead(const void *data, int64_t elements, size_t size)
{
    return (const char *)data + elements * (int64_t)size;
}

/* rows i ... i + m and columns j ... j + n of C */
static ct__gemm part_of(const ct__gemm *g, int64_t i, int64_t m, int64_t j, int64_t n)
{
    size_t size = size_of(g);
    ct__gemm p = *g;
    p.m = m, p.n = n;
    p.a.data = ahead(g->a.data, i * g->a.row, size);
    p.b.data = ahead(g->b.data, j * g->b.col, size);
    p.c = (char *)g->c + (i * g->c_row + j) * (int64_t)size;
    if (g->bias)
        p.bias = ahead(g->bias, j, size);
    return p;
}

/* the first chunk goes into C, each of the others is added to it */
static void run_chunks(const ct__gemm *g, char *scratch)
{
    const ct__gemm_kernels *kernels = g->plan.kernels;
    size_t size = size_of(g), plane = plane_of(g, g->m, g->n);
    char *rest = scratch, *more = scratch + plane;
    ct__gemm chunk = *g;
    chunk.k = g->plan.chunk;
    kernels->run(&chunk, scratch + 2 * plane);
    memset(rest, 0, plane);
    chunk.c = more, chunk.c_row = g->n, chunk.adds = false, chunk.bias = NULL;
    for (int64_t p = chunk.k; p < g->k; p += g->plan.chunk) {
        chunk.a.data = ahead(g->a.data, p * g->a.col, size);
        chunk.b.data = ahead(g->b.data, p * g->b.row, size);
        chunk.k = least(g->k - p, g->plan.chunk);
        kernels->run(&chunk, scratch + 2 * plane);
        kernels->absorb(g, rest, more);
    }
    kernels->settle(g, rest);
}

static void activate(const ct__gemm *g)
{
    bool flat = g->n == g->c_row; /* all rows are one */
    int64_t rows = flat ? 1 : g->m, n = flat ? g->m * g->n : g->n;
    for (int64_t i = 0; i < rows && g->activation != CT_IDENTITY; i++)
        ct__activate(g->simd, g->dtype, g->activation,
                     (char *)g->c + (size_t)(i * g->c_row) * size_of(g), n);
}

static void run_product(const ct__gemm *g, char *scratch)
{
    int64_t columns = g->plan.form == CT__TILES ? PART_COLUMNS : g->n;
    if (g->k <= g->plan.chunk)
        g->plan.kernels->run(g, scratch);
    else
        for (int64_t j = 0; j < g->n; j += columns) {
            ct__gemm part = part_of(g, 0, g->m, j, least(g->n - j, columns));
            run_chunks(&part, scratch);
        }
    activate(g);
}

typedef struct job {
    const ct__gemm *g;
    char *scratch;
} job;

static void run_part(int64_t at, void *arg)
{
    const job *work = arg;
    const ct__gemm *g = work->g;
    const plan *w = &g->plan;
    int64_t down = even(g->m, w->rows), i = at % down * w->rows, j = at / down * w->columns;
    ct__gemm part = part_of(g, i, least(g->m - i, w->rows), j, least(g->n - j, w->columns));
    run_product(&part, work->scratch + (size_t)at * w->room);
}

/* of a column: one number */
static void put_bias(const ct__gemm *g)
{
    if (g->dtype == CT_F32)
        for (int64_t i = 0; i < g->m; i++)
            ((float *)g->c)[i] = *(const float *)g->bias;
    else
        for (int64_t i = 0; i < g->m; i++)
            ((double *)g->c)[i] = *(const double *)g->bias;
}

void ct__gemm_run(const ct__gemm *g, void *scratch)
{
    ct__gemm row;
    if (g->plan.is_column) {
        if (g->bias)
            put_bias(g);
        row = as_row(g);
        g = &row;
    }
    if (g->plan.parts == 1)
        run_product(g, scratch);
    else if (g->cx)
        ct_parallel_for(g->cx, g->plan.parts, run_part, &(job){ g, scratch });
    else
        for (int64_t i = 0; i < g->plan.parts; i++)
            run_part(i, &(job){ g, scratch });
}

ct_status ct__gemm_call(const ct_call *call, ct__gemm *g)
{
    g->cx = ct_call_context(call);
    g->simd = ct_simd_of(g->cx);
    size_t bytes = ct__gemm_plan_for(g);
    void *scratch = bytes > 0 ? ct_call_scratch(call, bytes) : NULL;
    if (bytes > 0 && !scratch)
        return CT_ERROR_MEMORY;
    ct__gemm_run(g, scratch);
    return CT_OK;
}
