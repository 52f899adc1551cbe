/* Kernels of gemm.c. Only the words for a vector differ between processors. gemm_plain.h,
 * gemm_avx2.h and gemm_avx512.h define them: VECTOR, LANES, ROWS (of a tile: 6 or 12), UNROLLED
 * (tiles of packed operands have code of their own), SQUARE, LOAD, LOAD_SOME, STORE, SPLAT, ADD,
 * FMA, and functions K(store_some) (fewer than LANES), K(square) and K(sum4). */
#if VECTOR_BYTES == 64
#include "gemm_avx512.h"
#elif VECTOR_BYTES == 32
#include "gemm_avx2.h"
#else
#include "gemm_plain.h"
#endif
#define COLUMNS       (2 * LANES)
#define COPY_ROW(k)   ((k) + 64 / (int)sizeof(REAL)) /* a cache line longer */
#define NARROW        1024       /* bytes of a row of C whose sums are kept in registers */
#define IN_PLACE_ROWS (2 * ROWS) /* rows of C for which a panel of B is not worth packing */
#define BLOCK_ROWS    (A_BYTES / DEPTH / (int)sizeof(REAL))

#include "gemm_tiles.h"
#include "gemm_thin.h"

/* Turned, m k numbers are packed and m n are turned, each of which takes twice as long; else k n
 * are packed. */
static bool K(saves_turned)(const ct__gemm *g)
{
    double m = (double)g->m, n = (double)g->n, k = (double)g->k;
    return m * (k + 2 * n) < k * n;
}

static ct__gemm_form K(form_of)(const ct__gemm *g)
{
    bool along_k = g->a.col == 1 && g->b.row == 1;
    if (g->packed)
        return CT__TILES;
    if (g->m == 1 && g->b.col == 1)
        return g->n * (int64_t)sizeof(REAL) <= NARROW ? CT__NARROW_ROW : CT__ROW;
    if (along_k && g->k >= 2 * LANES && (g->m <= 3 || g->n <= COLUMNS * 3 / 4))
        return CT__DOTS;
    return along_k && g->m <= 256 && g->m >= LANES && K(saves_turned)(g) ? CT__TURNED : CT__TILES;
}

/* -- Scratch of a part g: panels of B, a block of A where it is moved, the transposed product. None
 * of these shrinks when m, n or k grows, so the room of the largest part is enough for each. */
static int64_t K(b_room)(const ct__gemm *g)
{
    if (g->packed)
        return 0;
    int64_t columns = g->m > BLOCK_ROWS ? least(g->n, PART_COLUMNS) : COLUMNS;
    return round_up(columns, COLUMNS) * K(depth)(g);
}

static int64_t K(a_room)(const ct__gemm *g)
{
    int64_t block = round_up(least(g->m, BLOCK_ROWS), ROWS);
    return K(packs_a)(g) ? block * DEPTH : K(copies_a)(g) ? block * COPY_ROW(DEPTH) : 0;
}

/* elements from a row of the transposed product to the next: not a power of two */
static int64_t K(t_row)(const ct__gemm *g)
{
    return round_up(g->n, COLUMNS) + COLUMNS;
}

static int64_t K(room)(const ct__gemm *g)
{
    ct__gemm t = *g;
    int64_t own = 0;
    if (g->plan.form == CT__TURNED) {
        t = turned(g);
        own = t.m * K(t_row)(&t);
    }
    return K(b_room)(&t) + K(a_room)(&t) + own;
}

/* Each part packs what it needs. So parts are large enough to use it often, and the side is cut
 * first whose parts pack less twice. */
static void K(cut_tiles)(const ct__gemm *g, int64_t parts, plan *w)
{
    bool moves_a = K(packs_a)(g) || K(copies_a)(g), by_rows = K(packs_a)(g) && g->b.col == 1;
    int64_t down = at_least_1(g->m / (g->b.col == 1 ? 64 : 256));
    int64_t across = at_least_1(g->n / (moves_a ? 256 : 2 * COLUMNS));
    if (by_rows) {
        down = least(down, parts);
        across = least(across, parts / down);
    } else {
        across = least(across, parts);
        down = least(down, parts / across);
    }
    w->rows = even_part(g->m, even(g->m, down), ROWS);
    w->columns = even_part(g->n, even(g->n, across), COLUMNS);
}

static void K(cut)(const ct__gemm *g, int64_t parts, plan *w)
{
    if (w->form == CT__ROW)
        w->columns = even_part(g->n, even(g->n, parts), 2048);
    else if (w->form == CT__DOTS && g->m < g->n)
        w->columns = even_part(g->n, even(g->n, parts), 4);
    else if (w->form == CT__DOTS)
        w->rows = even_part(g->m, even(g->m, parts), 3);
    else if (w->form == CT__TILES)
        K(cut_tiles)(g, parts, w);
    if (w->form != CT__TURNED)
        return;
    ct__gemm t = turned(g);
    plan of_t = *w;
    K(cut_tiles)(&t, parts, &of_t);
    w->rows = of_t.columns, w->columns = of_t.rows;
}

/* The depth of a chunk. A wide row adds its products one after another, dot products have LANES
 * sums, the others add up blocks of DEPTH. */
static int64_t K(chunk_of)(ct__gemm_form form)
{
    switch (form) {
    case CT__ROW:
        return ROW_CHUNK;
    case CT__DOTS:
        return DEPTH * LANES;
    case CT__NARROW_ROW:
    case CT__TILES:
    case CT__TURNED:
        break;
    }
    return CHUNK;
}

static void K(plan)(const ct__gemm *g, plan *w)
{
    double work = (double)g->m * (double)g->n * (double)g->k;
    int parts = work < 8 * GRAIN ? 2 : work < 64 * GRAIN ? 4 : 8;
    int threads = work < GRAIN ? 1 : ct_threads_of(g->cx);
    w->form = K(form_of)(g);
    w->rows = g->m;
    w->columns = g->n;
    w->chunk = K(chunk_of)(w->form);
    if (threads > 1)
        K(cut)(g, least(parts, 2 * threads), w);
    if (w->form == CT__TILES || w->form == CT__TURNED) {
        ct__gemm part = *g;
        part.plan = *w;
        part.m = w->rows, part.n = w->columns, part.k = least(g->k, w->chunk);
        w->room = (size_t)K(room)(&part) * sizeof(REAL);
    }
}

/* where the panel of column j and steps p ... p + k - 1 lies among all panels of B */
static REAL *K(panel_in)(REAL *panels, const ct__gemm *g, int64_t p, int64_t k, int64_t j)
{
    return panels + p * round_up(g->n, COLUMNS) + j * k;
}

static void K(pack)(const ct__gemm *g, void *to)
{
    int64_t depth = K(depth)(g);
    for (int64_t p = 0; p < g->k; p += depth) {
        int64_t k = least(g->k - p, depth);
        for (int64_t j = 0; j < g->n; j += COLUMNS) {
            const REAL *b = (const REAL *)g->b.data + p * g->b.row + j * g->b.col;
            K(pack_b)((ct__matrix){ b, g->b.row, g->b.col }, k, least(g->n - j, COLUMNS),
                      K(panel_in)(to, g, p, k, j));
        }
    }
}

/* Computes columns j ... j + n - 1 of C into c: few enough that their panels of B are kept. */
static void K(run_columns)(const ct__gemm *g, int64_t j, int64_t n, REAL *scratch, REAL *c,
                           int64_t c_row)
{
    int64_t depth = K(depth)(g), step = even_part(g->m, BLOCK_ROWS, ROWS);
    K(block) b = { .g = g, .j = j, .n = n, .c_row = c_row, .b_panels = scratch,
                   .a_room = scratch + K(b_room)(g) };
    for (b.p = 0; b.p == 0 || b.p < g->k; b.p += depth) {
        b.k = least(g->k - b.p, depth);
        b.panel_row = g->m > step || g->packed ? b.k : 0;
        if (g->packed)
            b.b_panels = K(panel_in)((REAL *)(uintptr_t)g->b.data, g, b.p, b.k, j);
        for (b.i = 0; b.i < g->m; b.i += step) {
            b.m = least(g->m - b.i, step);
            b.packed = b.i > 0 || g->packed;
            b.c = c + b.i * c_row;
            K(run_block)(&b);
        }
    }
}

static void K(run_tiles)(const ct__gemm *g, REAL *scratch)
{
    for (int64_t j = 0; j < g->n; j += PART_COLUMNS)
        K(run_columns)(g, j, least(g->n - j, PART_COLUMNS), scratch, (REAL *)g->c + j, g->c_row);
}

static void K(run_turned)(const ct__gemm *g, REAL *scratch)
{
    ct__gemm t = turned(g);
    REAL *result = scratch + K(b_room)(&t) + K(a_room)(&t);
    for (int64_t j = 0; j < t.n; j += PART_COLUMNS)
        K(run_columns)(&t, j, least(t.n - j, PART_COLUMNS), scratch, result + j, K(t_row)(&t));
    K(turn_out)(g, result, K(t_row)(&t));
}

static void K(run)(const ct__gemm *g, void *scratch)
{
    switch (g->plan.form) {
    case CT__TILES:
        K(run_tiles)(g, scratch);
        break;
    case CT__TURNED:
        K(run_turned)(g, scratch);
        break;
    case CT__DOTS:
        K(run_dots)(g);
        break;
    case CT__ROW:
    case CT__NARROW_ROW:
        K(run_row)(g);
        break;
    }
}

/* -- The sum of chunks: C, and in `rest` what its additions rounded off. `rest` and `more` have
 * rows of n elements */
/* C += more. C + rest is exact but for the roundings of `rest` (Knuth 1969, "two-sum"). Per element
 * and chunk, 5 numbers are read or written, and 7 added. */
static void K(absorb)(const ct__gemm *g, void *rest, const void *more)
{
    REAL *restrict c = g->c, *restrict e = rest;
    const REAL *restrict x = more;
    for (int64_t i = 0; i < g->m; i++, c += g->c_row, e += g->n, x += g->n)
        for (int64_t j = 0; j < g->n; j++) {
            REAL sum = (REAL)(c[j] + x[j]), part = (REAL)(sum - c[j]);
            e[j] += (REAL)((REAL)(c[j] - (REAL)(sum - part)) + (REAL)(x[j] - part));
            c[j] = sum;
        }
}

/* C += rest. Where a sum became infinite, the rest is NaN and is left out. */
static void K(settle)(const ct__gemm *g, const void *rest)
{
    REAL *restrict c = g->c;
    const REAL *restrict e = rest;
    for (int64_t i = 0; i < g->m; i++, c += g->c_row, e += g->n)
        for (int64_t j = 0; j < g->n; j++)
            c[j] += (REAL)(e[j] - e[j]) == 0 ? e[j] : 0;
}

static const ct__gemm_kernels K(kernels) = { K(plan), K(run), K(absorb),
                                             K(settle), K(pack) };

#undef VECTOR
#undef LANES
#undef ROWS
#undef UNROLLED
#undef SQUARE
#undef LOAD
#undef LOAD_SOME
#undef STORE
#undef SPLAT
#undef ADD
#undef FMA
#undef COLUMNS
#undef IN_PLACE_ROWS
#undef BLOCK_ROWS
#undef NARROW
#undef EACH_ROW
#undef BEGIN
#undef ADD_START
#undef STEP
#undef PUT
#undef COPY_ROW
