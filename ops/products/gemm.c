/* Products of matrices: 2 m n k operations on m k + k n + m n numbers. The speed is decided by how
 * often a number is used after it was brought near. The method is that of Goto and van de Geijn
 * ("Anatomy of high-performance matrix multiplication", ACM TOMS 34, 2008), for caches L1 and L2 of
 * 32 and 512 KiB:
 *
 * - A tile of C, ROWS x 2 vectors, stays in registers while k runs. With 16 registers it has 6
 *   rows: 12 sums, 2 vectors of B, one number of A. A step takes 8 loads for 12 multiply-adds. A
 *   processor begins two multiply-adds and two or three loads in each cycle, so the loads are
 *   hidden. Instructions that only count are saved by unrolling.
 * - k is cut into blocks of DEPTH steps. The panel of B that a tile reads, 320 x 64 bytes = 20 KiB,
 *   and the rows of A, 8 (f32) or 15 KiB (f64), stay in L1 or near it. The 24 loads and stores of C
 *   come with 3840 multiply-adds.
 * - A block of A, 256 KiB, stays in L2. All its tiles read a panel of B before the next panel is
 *   packed, so that B needs room for one panel only.
 *
 * Packing: where the rows of B are contiguous, the first tile that reads a panel also packs it, and
 * fetches ahead what the next panel needs. Where its columns are, squares of it are transposed.
 * That costs as much as k n numbers, or m k and m n if the product is turned, C^T = B^T A^T: so it
 * is turned where m is the smaller by far (a layer's X W^T). A is read in place, unless its rows
 * lie a power of two apart, which would put them into one set of the cache, or its columns are
 * contiguous.
 *
 * Products with few rows or columns are sums of rows of B, or dot products (gemm_thin.h). They run
 * at the speed of reading the larger operand once.
 *
 * Accuracy: each block of DEPTH products is summed alone, from 0, and then added to C. Every CHUNK
 * products (thin forms: fewer) C is set aside: the chunks are computed one by one, and what adding
 * them to C rounds off is kept, and added at the end. So an element is off by at most DEPTH + CHUNK
 * / DEPTH + 3 roundings in tiles, and ROW_CHUNK + 4 in a row, of sum |a b|, whatever k is.
 *
 * Threads: C is cut into parts, each a product with scratch of its own. k is never cut for threads,
 * so an element is summed in an order that does not depend on their number. */
#include "gemm.h"

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

/* unrolled, a step takes fewer instructions: the operands of the next lie at known distances */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll_count(4)")
#elif defined(__GNUC__)
#define UNROLL _Pragma("GCC unroll 4")
#else
#define UNROLL
#endif

enum {
    DEPTH = 320,          /* steps of k in a block: so many products are summed in registers */
    CHUNK = 32 * DEPTH,   /* steps in a chunk, but for dot products and wide rows */
    ROW_CHUNK = 512,      /* steps in a chunk of a row too wide for registers */
    A_BYTES = 256 << 10,  /* a block of A */
    PART_COLUMNS = 1024   /* columns of C whose panels of B are kept for all blocks of A */
};
#define GRAIN 1e6 /* multiply-adds, about 20 us: fewer are left to one thread */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t at_least_1(int64_t n)
{
    return n > 1 ? n : 1;
}

INLINE int64_t round_up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

/* n / parts, rounded up */
static int64_t even(int64_t n, int64_t parts)
{
    return (n + parts - 1) / parts;
}

/* Cuts n into as few equal parts of at most `most` as there can be; returns the size of a part,
 * rounded up to a multiple of `to`. A small product is as short as a few divisions: so a constant
 * `to` is multiplied, and one part takes none. */
INLINE int64_t even_part(int64_t n, int64_t most, int64_t to)
{
    return n <= 0 ? to : round_up(n <= most ? n : even(n, even(n, most)), to);
}

typedef ct__gemm_plan plan;

/* C^T = B^T A^T, without bias and activation */
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

/* C, of one column, as a row; ct__gemm_run has put the bias into C before */
static ct__gemm as_row(const ct__gemm *g)
{
    ct__gemm t = turned(g);
    t.adds = g->adds || g->bias;
    t.activation = g->activation;
    return t;
}

/* -- Kernels, and the choice of them */
typedef struct ct__gemm_kernels {
    void (*plan)(const ct__gemm *g, plan *w);      /* sets form, rows, columns, chunk, room */
    void (*run)(const ct__gemm *g, void *scratch); /* k <= plan.chunk; without the activation */
    /* C += more; rest += what that rounds off */
    void (*absorb)(const ct__gemm *g, void *rest, const void *more);
    void (*settle)(const ct__gemm *g, const void *rest); /* C += rest */
    void (*pack)(const ct__gemm *g, void *to);           /* all panels of B */
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
    static const ct__gemm_kernels blas_f32 = { plan_blas, run_blas, absorb_f32, settle_f32,
                                               NULL };
    static const ct__gemm_kernels blas_f64 = { plan_blas, run_blas, absorb_f64, settle_f64,
                                               NULL };
    if (!g->packed && blas_takes(g))
        return g->dtype == CT_F32 ? &blas_f32 : &blas_f64;
#endif
    return all[g->dtype][g->simd];
}

/* -- Parts of C, each a product of its own */
/* bytes for as many numbers as a part of C has, rounded up to 64; run_product cuts wide ones */
static size_t plane_of(const ct__gemm *g, int64_t m, int64_t n)
{
    int64_t columns = g->plan.form == CT__TILES ? least(n, PART_COLUMNS) : n;
    return ((size_t)(m * columns) * ct_dtype_size(g->dtype) + 63) / 64 * 64;
}

size_t ct__gemm_plan_for(ct__gemm *g)
{
    ct__gemm row;
    const ct__gemm *what = g;
    plan *w = &g->plan;
    *w = (plan){ .is_column = g->n == 1 && g->m > 1 && g->c_row == 1 && !g->packed };
    if (g->m <= 0 || g->n <= 0)
        return 0;
    if (w->is_column) {
        row = as_row(g);
        what = &row;
    }
    w->kernels = kernels_for(what);
    w->kernels->plan(what, w);
    bool whole = w->rows == what->m && w->columns == what->n;
    w->parts = whole ? 1 : even(what->m, w->rows) * even(what->n, w->columns);
    if (g->k > w->chunk)
        w->room += 2 * plane_of(g, w->rows, w->columns);
    w->room = (w->room + 63) / 64 * 64;
    return w->room * (size_t)w->parts;
}

bool ct__gemm_packs(const ct__gemm *g)
{
    return g->m >= 4 && g->k <= CHUNK;
}

size_t ct__gemm_pack_bytes(const ct__gemm *g)
{
    return (size_t)(round_up(g->n, 64) * g->k) * ct_dtype_size(g->dtype);
}

void ct__gemm_pack(ct__gemm *g, void *to)
{
    g->packed = true;
    kernels_for(g)->pack(g, to);
    g->b.data = to;
}

static const void *ahead(const void *data, int64_t elements, size_t size)
{
    return (const char *)data + elements * (int64_t)size;
}

/* the product that computes rows i ... i + m - 1 and columns j ... j + n - 1 of C */
static ct__gemm part_of(const ct__gemm *g, int64_t i, int64_t m, int64_t j, int64_t n)
{
    size_t size = ct_dtype_size(g->dtype);
    ct__gemm p = *g;
    p.m = m, p.n = n;
    p.a.data = ahead(g->a.data, i * g->a.row, size);
    p.b.data = ahead(g->b.data, j * g->b.col, size);
    p.c = (char *)g->c + (i * g->c_row + j) * (int64_t)size;
    if (g->bias)
        p.bias = ahead(g->bias, j, size);
    return p;
}

/* The first chunk is computed into C, the others into scratch, from where they are added. */
static void run_chunks(const ct__gemm *g, char *scratch)
{
    const ct__gemm_kernels *kernels = g->plan.kernels;
    size_t size = ct_dtype_size(g->dtype), plane = plane_of(g, g->m, g->n);
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
    bool flat = g->n == g->c_row; /* then all rows are one */
    int64_t rows = flat ? 1 : g->m, n = flat ? g->m * g->n : g->n;
    for (int64_t i = 0; i < rows && g->activation != CT_IDENTITY; i++)
        ct__activate(g->simd, g->dtype, g->activation,
                     (char *)g->c + (size_t)(i * g->c_row) * ct_dtype_size(g->dtype), n);
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

/* C has one column, so the bias is one number */
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
