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
#define COPY_ROW(k)   ((k) + 64 / (int)sizeof(REAL)) /* a line of cache more */
#define NARROW        1024       /* bytes of C that are summed in registers */
#define PART_COLUMNS  1024
#define IN_PLACE_ROWS (2 * ROWS) /* rows of C for which a panel of B is not worth packing */
#define BLOCK_ROWS    (A_BYTES / DEPTH / (int)sizeof(REAL))

#include "gemm_tiles.h"
#include "gemm_thin.h"

static ct__gemm_form K(form_of)(const ct__gemm *g)
{
    bool along_k = g->a.col == 1 && g->b.row == 1;
    if (g->m == 1 && g->b.col == 1)
        return CT__ROW;
    if (along_k && g->k >= 2 * LANES && (g->m <= 3 || g->n <= COLUMNS * 3 / 4))
        return CT__DOTS;
    return along_k && g->m < g->n && g->m <= 256 && g->m >= LANES ? CT__TURNED : CT__TILES;
}

/* -- Scratch of a part: panels of B, a block of A where it is moved, the transposed product */
static int64_t K(b_room)(const ct__gemm *g, const plan *w)
{
    int64_t columns = w->rows > BLOCK_ROWS ? least(w->columns, PART_COLUMNS) : COLUMNS;
    return round_up(columns, COLUMNS) * K(depth)(g);
}

static int64_t K(a_room)(const ct__gemm *g, const plan *w)
{
    int64_t block = even_part(w->rows, BLOCK_ROWS, ROWS), depth = K(depth)(g);
    return K(packs_a)(g) ? block * depth : K(copies_a)(g) ? block * COPY_ROW(depth) : 0;
}

/* between rows of the transposed product: no power of two */
static int64_t K(t_row)(const plan *w)
{
    return round_up(w->columns, COLUMNS) + COLUMNS;
}

static int64_t K(room)(const ct__gemm *g, const plan *w)
{
    int64_t t = w->form == CT__TURNED ? w->rows * K(t_row)(w) : 0;
    return K(b_room)(g, w) + K(a_room)(g, w) + t;
}

/* columns or rows first, whichever costs less where each part packs its own; parts so large that
 * what they pack serves them often enough */
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
    else
        K(cut_tiles)(g, parts, w);
    w->parts = even(g->m, w->rows) * even(g->n, w->columns);
}

static void K(plan)(const ct__gemm *g, plan *w)
{
    ct__gemm transposed;
    double work = (double)g->m * (double)g->n * (double)g->k;
    int parts = work < 8 * GRAIN ? 2 : work < 64 * GRAIN ? 4 : 8;
    int threads = work < GRAIN ? 1 : ct_threads_of(g->cx);
    w->form = K(form_of)(g);
    if (w->form == CT__TURNED) {
        transposed = turned(g);
        g = &transposed;
    }
    w->rows = g->m;
    w->columns = g->n;
    if (threads > 1)
        K(cut)(g, least(parts, 2 * threads), w);
    if (w->form == CT__TILES || w->form == CT__TURNED)
        w->room = (size_t)K(room)(g, w) * sizeof(REAL);
}

/* the columns c.j ... of a part, few enough for their panels to be kept */
static void K(run_columns)(const ct__gemm *g, const ct__gemm *whole, part c, REAL *scratch)
{
    const plan *w = &whole->plan;
    int64_t depth = K(depth)(g), step = even_part(w->rows, BLOCK_ROWS, ROWS);
    REAL *a_room = scratch + K(b_room)(g, w), *result = a_room + K(a_room)(g, w);
    K(block) b = { .g = g, .j = c.j, .n = c.n, .b_panels = scratch, .a_room = a_room };
    b.c_row = w->form == CT__TURNED ? K(t_row)(w) : g->c_row;
    for (b.p = 0; b.p == 0 || b.p < g->k; b.p += depth) {
        b.k = least(g->k - b.p, depth);
        b.panel_row = c.m > step ? b.k : 0;
        for (b.i = c.i; b.i < c.i + c.m; b.i += step) {
            b.m = least(c.i + c.m - b.i, step);
            b.packed = b.i > c.i;
            b.c = w->form == CT__TURNED ? result + (b.i - c.i) * b.c_row
                                    : (REAL *)g->c + b.i * g->c_row + c.j;
            K(run_block)(&b);
        }
    }
    if (w->form == CT__TURNED) {
        b.i = c.i, b.m = c.m, b.c = result;
        K(turn_out)(whole, &b);
    }
}

static void K(run_tiles)(const ct__gemm *g, const ct__gemm *whole, part c, REAL *scratch)
{
    for (int64_t j = 0; j < c.n; j += PART_COLUMNS)
        K(run_columns)(g, whole, (part){ c.i, c.m, c.j + j, least(c.n - j, PART_COLUMNS) },
                       scratch);
}

static void K(activate)(const ct__gemm *g, part c)
{
    REAL *y = (REAL *)g->c + c.i * g->c_row + c.j;
    bool flat = c.n == g->c_row; /* all rows are one */
    int64_t rows = flat ? 1 : c.m, n = flat ? c.m * c.n : c.n;
    if (g->activation != CT_IDENTITY)
        for (int64_t i = 0; i < rows; i++)
            ct__activate(g->simd, g->dtype, g->activation, y + i * g->c_row, n);
}

static void K(run_part)(const ct__gemm *tiles, const ct__gemm *g, part c, void *scratch)
{
    ct__gemm_form form = g->plan.form;
    if (form == CT__ROW)
        K(run_row)(g, c.j, c.n);
    else if (form == CT__DOTS)
        K(dot_columns)(g, c);
    else
        K(run_tiles)(tiles, g, c, scratch);
    if (form == CT__TURNED) /* its rows are columns */
        c = (part){ c.j, c.n, c.i, c.m };
    K(activate)(g, c);
}

static const ct__gemm_kernels K(kernels) = { K(plan), K(run_part) };

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
#undef STEP
#undef PUT
#undef COPY_ROW
#undef PART_COLUMNS
