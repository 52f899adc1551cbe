/* Kernels of gemm.c for one dtype and one kind of vector: included with REAL, K, VECTOR, LANES,
 * ROWS (of a tile: 6 or 12), UNROLLED (tiles of packed operands have code of their own), SQUARE,
 * LOAD, LOAD_SOME, STORE, SPLAT, ADD, FMA and functions K(store_some) (fewer than LANES), K(square)
 * and K(sum4) defined; undefines all the macros. */
#define COLUMNS       (2 * LANES)
#define COPY_ROW(k)   ((k) + 64 / (int)sizeof(REAL)) /* a line of cache more */
#define NARROW        1024       /* bytes of C that are summed in registers */
#define PART_COLUMNS  1024
#define IN_PLACE_ROWS (2 * ROWS) /* rows of C for which a panel of B is not worth packing */
#define BLOCK_ROWS    (A_BYTES / DEPTH / (int)sizeof(REAL))

#include "gemm_tiles.h"
#include "gemm_thin.h"

static form K(form_of)(const ct__gemm *g)
{
    bool along_k = g->a.col == 1 && g->b.row == 1;
    if (g->m == 1 && g->b.col == 1)
        return ROW;
    if (along_k && g->k >= 2 * LANES && (g->m <= 3 || g->n <= COLUMNS * 3 / 4))
        return DOTS;
    return along_k && g->m < g->n && g->m <= 256 && g->m >= LANES ? TURNED : TILES;
}

/* -- Scratch of a part: panels of B, a block of A where it is moved, the transposed product */
static int64_t K(b_room)(const plan *w)
{
    int64_t columns = w->rows > BLOCK_ROWS ? least(w->columns, PART_COLUMNS) : COLUMNS;
    return round_up(columns, COLUMNS) * K(depth)(&w->g);
}

static int64_t K(a_room)(const plan *w)
{
    const ct__gemm *g = &w->g;
    int64_t block = even_part(w->rows, BLOCK_ROWS, ROWS), depth = K(depth)(g);
    return K(packs_a)(g) ? block * depth : K(copies_a)(g) ? block * COPY_ROW(depth) : 0;
}

static int64_t K(room)(const plan *w)
{
    return K(b_room)(w) + K(a_room)(w) + (w->form == TURNED ? w->rows * w->t_row : 0);
}

/* columns or rows first, whichever costs less where each part packs its own; parts so large that
 * what they pack serves them often enough */
static void K(cut_tiles)(plan *w, int64_t parts)
{
    const ct__gemm *g = &w->g;
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

static void K(cut)(plan *w, int64_t parts)
{
    const ct__gemm *g = &w->g;
    if (w->form == ROW)
        w->columns = even_part(g->n, even(g->n, parts), 2048);
    else if (w->form == DOTS && g->m < g->n)
        w->columns = even_part(g->n, even(g->n, parts), 4);
    else if (w->form == DOTS)
        w->rows = even_part(g->m, even(g->m, parts), 3);
    else
        K(cut_tiles)(w, parts);
}

static plan K(plan_of)(const ct__gemm *g)
{
    plan w = { .g = *g, .form = K(form_of)(g) };
    double work = (double)g->m * (double)g->n * (double)g->k;
    int parts = work < 8 * GRAIN ? 2 : work < 64 * GRAIN ? 4 : 8;
    int threads = ct_threads_of(g->cx);
    if (w.form == TURNED)
        turn(&w.g);
    w.rows = w.g.m;
    w.columns = w.g.n;
    if (threads > 1 && work >= GRAIN)
        K(cut)(&w, least(parts, 2 * threads));
    if (w.form == TILES || w.form == TURNED) {
        w.t_row = round_up(w.columns, COLUMNS) + COLUMNS; /* no power of two */
        w.room = (size_t)K(room)(&w) * sizeof(REAL);
    }
    return w;
}

/* the columns c.j ... of a part, few enough for their panels to be kept */
static void K(run_columns)(const plan *w, const ct__gemm *whole, part c, REAL *scratch)
{
    const ct__gemm *g = &w->g;
    int64_t depth = K(depth)(g), step = even_part(w->rows, BLOCK_ROWS, ROWS);
    REAL *turned = scratch + K(b_room)(w) + K(a_room)(w);
    K(block) b = { .g = g, .j = c.j, .n = c.n, .b_panels = scratch, .c_row = g->c_row };
    b.a_room = scratch + K(b_room)(w);
    if (w->form == TURNED)
        b.c_row = w->t_row;
    for (b.p = 0; b.p == 0 || b.p < g->k; b.p += depth) {
        b.k = least(g->k - b.p, depth);
        b.panel_row = c.m > step ? b.k : 0;
        for (b.i = c.i; b.i < c.i + c.m; b.i += step) {
            b.m = least(c.i + c.m - b.i, step);
            b.packed = b.i > c.i;
            b.c = w->form == TURNED ? turned + (b.i - c.i) * w->t_row
                                    : (REAL *)g->c + b.i * g->c_row + c.j;
            K(run_block)(&b);
        }
    }
    if (w->form == TURNED) {
        b.i = c.i, b.m = c.m, b.c = turned;
        K(turn_out)(whole, &b);
    }
}

static void K(run_tiles)(const plan *w, const ct__gemm *whole, part c, REAL *scratch)
{
    for (int64_t j = 0; j < c.n; j += PART_COLUMNS)
        K(run_columns)(w, whole, (part){ c.i, c.m, c.j + j, least(c.n - j, PART_COLUMNS) },
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

static void K(run_part)(const plan *w, const ct__gemm *g, part c, void *scratch)
{
    if (w->form == ROW)
        K(run_row)(g, c.j, c.n);
    else if (w->form == DOTS)
        K(dot_columns)(g, c);
    else
        K(run_tiles)(w, g, c, scratch);
    if (w->form == TURNED) /* its rows are columns */
        c = (part){ c.j, c.n, c.i, c.m };
    K(activate)(g, c);
}

#undef REAL
#undef K
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
