/* Kernels of gemm.c for one dtype and one kind of vector: included with REAL, K, VECTOR, LANES,
 * ROWS, SQUARE, LOAD, LOAD_SOME, STORE, SPLAT, ADD, FMA and functions K(store_some), K(square),
 * K(sum4) defined; undefines all the macros. */
#define COLUMNS       (2 * LANES)
#define COPY_ROW(k)   ((k) + 64 / (int)sizeof(REAL)) /* a line of cache more */
#define NARROW        1024
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

/* numbers that blocks of A take, packed or copied */
static int64_t K(a_room)(const ct__gemm *g, int64_t rows)
{
    int64_t block = even_part(rows, BLOCK_ROWS, ROWS), depth = K(depth)(g);
    return K(packs_a)(g) ? block * depth : K(copies_a)(g) ? block * COPY_ROW(depth) : 0;
}

static int64_t K(room)(const plan *w)
{
    const ct__gemm *g = &w->g;
    int64_t turned = w->form == TURNED ? even_part(w->rows, BLOCK_ROWS, ROWS) * w->t_row : 0;
    return COLUMNS * K(depth)(g) + K(a_room)(g, w->rows) + turned;
}

/* so large that what a part of C packs for itself serves it often enough */
static void K(cut)(plan *w, int64_t parts)
{
    const ct__gemm *g = &w->g;
    int64_t least_rows = g->b.col == 1 ? 64 : 256;
    int64_t least_columns = (K(packs_a)(g) ? 16 : 2) * COLUMNS;
    if (w->form == ROW)
        w->columns = even_part(g->n, even(g->n, parts), 2048);
    else if (w->form == DOTS && g->m < g->n)
        w->columns = even_part(g->n, even(g->n, parts), 4);
    else if (w->form == DOTS)
        w->rows = even_part(g->m, even(g->m, parts), 3);
    else {
        int64_t down = at_least_1(least(parts, g->m / least_rows));
        int64_t across = at_least_1(least(parts / down, g->n / least_columns));
        w->rows = even_part(g->m, even(g->m, down), ROWS);
        w->columns = even_part(g->n, even(g->n, across), COLUMNS);
    }
}

static plan K(plan_of)(const ct__gemm *g)
{
    plan w = { .g = *g, .form = K(form_of)(g) };
    double work = (double)g->m * (double)g->n * (double)g->k / GRAIN;
    if (w.form == TURNED)
        turn(&w.g);
    w.rows = w.g.m;
    w.columns = w.g.n;
    if (work >= 2)
        K(cut)(&w, work < 8 ? (int64_t)work : 8);
    if (w.form == TILES || w.form == TURNED) {
        w.t_row = round_up(w.columns, LANES);
        w.room = (size_t)K(room)(&w) * sizeof(REAL);
    }
    return w;
}

static void K(run_tiles)(const plan *w, const ct__gemm *whole, part c, REAL *scratch)
{
    const ct__gemm *g = &w->g;
    int64_t step = even_part(w->rows, BLOCK_ROWS, ROWS), end = c.i + c.m;
    K(block) b = { .g = g, .j = c.j, .n = c.n, .b_panel = scratch, .c_row = g->c_row };
    b.a_room = b.b_panel + COLUMNS * K(depth)(g);
    for (b.i = c.i; b.i < end; b.i += step) {
        b.m = least(end - b.i, step);
        b.c = (REAL *)g->c + b.i * g->c_row + c.j;
        if (w->form == TURNED) {
            b.c = b.a_room + K(a_room)(g, w->rows);
            b.c_row = w->t_row;
        }
        K(run_block)(&b);
        if (w->form == TURNED)
            K(turn_out)(whole, &b);
    }
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
    if (g->activation != CT_IDENTITY)
        for (int64_t i = c.i; i < c.i + c.m; i++)
            ct__activate(g->dtype, g->activation, (REAL *)g->c + i * g->c_row + c.j, c.n);
}

#undef REAL
#undef K
#undef VECTOR
#undef LANES
#undef ROWS
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
#undef END
#undef COPY_ROW
