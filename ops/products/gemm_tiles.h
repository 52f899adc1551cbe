/* Part of gemm_kernels.h: products by tiles. */

/* -- A tile: c = a b over k steps, + start. It loads and stores 2 ROWS vectors of C; in each step
 * it loads 2 vectors of B and ROWS numbers of A, for 2 ROWS multiply-adds. */
typedef struct K(tile) {
    const REAL *a, *b, *start; /* start may be NULL: nothing is added */
    REAL *c, *keep;            /* keep: where the panel of B is packed on the way, or NULL */
    int64_t rows, columns, k, a_row, a_col, b_row, c_row, start_row;
    int64_t ahead;             /* bytes from a row of B to the part of it that the next panel
    needs */
} K(tile);

INLINE VECTOR K(load_part)(const REAL *x, int64_t n)
{
    return n == LANES ? LOAD(x) : LOAD_SOME(x, n);
}

static void K(store_part)(REAL *y, VECTOR v, int64_t n)
{
    if (n == LANES)
        STORE(y, v);
    else
        K(store_some)(y, v, n);
}

/* stores a tile at C's right edge, which was computed beside it, COLUMNS wide */
NOINLINE void K(store_columns)(const K(tile) *t, const REAL *beside)
{
    int64_t first = least(t->columns, LANES), more = t->columns - first;
    for (int64_t i = 0; i < t->rows; i++, beside += COLUMNS) {
        REAL *c = t->c + i * t->c_row;
        K(store_part)(c, LOAD(beside), first);
        if (more > 0)
            K(store_part)(c + LANES, LOAD(beside + LANES), more);
    }
}

#if ROWS == 6
#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)
#else
#define EACH_ROW(DO)                                                                            \
    DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#endif
#define BEGIN(i) VECTOR c##i##_0 = SPLAT(0), c##i##_1 = SPLAT(0);
#define STEP(i)                                                                                 \
    if (rows > i) {                                                                             \
        VECTOR x = SPLAT(a[i * a_row]);                                                         \
        c##i##_0 = FMA(x, b0, c##i##_0);                                                        \
        if (vectors > 1)                                                                        \
            c##i##_1 = FMA(x, b1, c##i##_1);                                                    \
    }
#define ADD_START(i)                                                                            \
    if (rows > i) {                                                                             \
        const REAL *at = t->start + i * t->start_row;                                           \
        c##i##_0 = ADD(c##i##_0, vectors > 1 ? LOAD(at) : K(load_part)(at, last));              \
        if (vectors > 1)                                                                        \
            c##i##_1 = ADD(c##i##_1, K(load_part)(at + LANES, last));                           \
    }
#define PUT(i)                                                                                  \
    if (rows > i) {                                                                             \
        STORE(to + i * to_row, c##i##_0);                                                       \
        if (vectors > 1)                                                                        \
            STORE(to + i * to_row + LANES, c##i##_1);                                           \
    }

/* how a tile's operands lie */
enum K(layout) {
    K(ANY),    /* by any strides */
    K(ALONG),  /* the rows of A are contiguous, B is packed */
    K(ACROSS), /* the columns of A are contiguous, or A is packed; B is packed */
    K(KEEPS)   /* by any strides; the panel of B is packed on the way */
};

/* `rows`, `vectors` and `layout` are constants where it is inlined */
INLINE void K(tile_of)(const K(tile) *t, int rows, int vectors, enum K(layout) layout)
{
    const REAL *a = t->a, *b = t->b;
    REAL *keep = t->keep;
    int64_t a_row = layout == K(ACROSS) ? 1 : t->a_row;
    int64_t a_col = layout == K(ALONG) ? 1 : t->a_col;
    int64_t last = t->columns - (vectors - 1) * LANES; /* lanes of the last vector */
    EACH_ROW(BEGIN)
    if ((layout == K(ALONG) || layout == K(ACROSS)) && t->start == t->c && t->c_row > COLUMNS)
        /* C is read at the end, and likely far away: it is fetched while k runs */
        for (int i = 0; i < rows; i++) {
            PREFETCH(t->c, (uintptr_t)(i * t->c_row) * sizeof(REAL));
            PREFETCH(t->c, (uintptr_t)(i * t->c_row + LANES) * sizeof(REAL));
        }
    uintptr_t below = (uintptr_t)(16 * t->b_row) * sizeof *b, next = (uintptr_t)t->ahead;
    int64_t p = t->k;
    if (layout == K(ALONG) || layout == K(ACROSS))
        UNROLL for (; p > 0; p--) {
            VECTOR b0 = LOAD(b), b1 = LOAD(b + LANES);
            EACH_ROW(STEP)
            a += a_col;
            b += COLUMNS;
        }
    for (; p > 0; p--) {
        VECTOR b0 = LOAD(b), b1 = vectors > 1 ? LOAD(b + LANES) : b0;
        if (layout == K(KEEPS)) {
            STORE(keep, b0);
            STORE(keep + LANES, b1);
            PREFETCH(b, below);
            PREFETCH(b, next);
            keep += COLUMNS;
        }
        EACH_ROW(STEP)
        a += a_col;
        b += t->b_row;
    }
    if (t->start) {
        EACH_ROW(ADD_START)
    }
    if (last == LANES) {
        REAL *to = t->c;
        int64_t to_row = t->c_row;
        EACH_ROW(PUT)
    } else {
        REAL to[ROWS * COLUMNS];
        const int64_t to_row = COLUMNS;
        EACH_ROW(PUT)
        K(store_columns)(t, to);
    }
}

#define TILE(rows)                                                                              \
    static void K(narrow_##rows)(const K(tile) *t) { K(tile_of)(t, rows, 1, K(ANY)); }          \
    static void K(wide_##rows)(const K(tile) *t) { K(tile_of)(t, rows, 2, K(ANY)); }
#define FULL_TILE(rows)                                                                         \
    static void K(along_##rows)(const K(tile) *t) { K(tile_of)(t, rows, 2, K(ALONG)); }         \
    static void K(across_##rows)(const K(tile) *t) { K(tile_of)(t, rows, 2, K(ACROSS)); }
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#if ROWS > 6
TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
FULL_TILE(10) FULL_TILE(11) FULL_TILE(12)
#elif UNROLLED
FULL_TILE(4) FULL_TILE(5) FULL_TILE(6)
#endif
#undef TILE
#undef FULL_TILE

static void K(tile_that_keeps)(const K(tile) *t)
{
    K(tile_of)(t, ROWS, 2, K(KEEPS));
}

static void K(run_tile)(const K(tile) *t)
{
    typedef void kernel(const K(tile) *t);
#define TILE(rows) { K(wide_##rows), K(narrow_##rows) }
#if UNROLLED
#define FULL_TILE(rows) { K(along_##rows), K(across_##rows) }
#else
#define FULL_TILE(rows) { K(wide_##rows), K(wide_##rows) }
#endif
    static kernel *const kernels[ROWS][2] = {
        TILE(1), TILE(2), TILE(3), TILE(4), TILE(5), TILE(6),
#if ROWS > 6
        TILE(7), TILE(8), TILE(9), TILE(10), TILE(11), TILE(12),
    }, *const full[3][2] = { FULL_TILE(10), FULL_TILE(11), FULL_TILE(12) };
#else
    }, *const full[3][2] = { FULL_TILE(4), FULL_TILE(5), FULL_TILE(6) };
#endif
#undef TILE
#undef FULL_TILE
    int64_t rows = t->rows;
    bool across = t->a_row == 1, wide = t->columns > LANES;
    if (t->keep)
        K(tile_that_keeps)(t);
    else if (wide && t->b_row == COLUMNS && (across || t->a_col == 1) && rows >= ROWS - 2)
        full[rows - (ROWS - 2)][across](t);
    else
        kernels[rows - 1][!wide](t);
}

/* The rows of the next tile. The last two share what is left: a tile of few rows has too few sums
 * to hide the latency of an addition. */
static int64_t K(rows_of_tile)(int64_t left)
{
    return left <= ROWS ? left : left < 2 * ROWS ? (left + 1) / 2 : ROWS;
}

/* -- Packing: each number is read and written once */
/* Packs rows of A, for each tile column by column. It takes a few columns at a time, so that all
 * their rows stay in L1 even where they lie a power of two apart. */
static void K(pack_a)(ct__matrix from, int64_t m, int64_t k, REAL *to)
{
    for (int64_t p = 0, end; p < k; p = end) {
        end = least(p + 8, k);
        for (int64_t i = 0, rows; i < m; i += rows) {
            rows = K(rows_of_tile)(m - i);
            const REAL *x = (const REAL *)from.data + i * from.row;
            REAL *y = to + i * k;
            if (rows == ROWS && from.row == 1)
                for (int64_t q = p; q < end; q++)
                    memcpy(y + q * ROWS, x + q * from.col, ROWS * sizeof *y);
            else
                for (int64_t q = p; q < end; q++)
                    for (int64_t r = 0; r < rows; r++)
                        y[q * rows + r] = x[q * from.col + r * from.row];
        }
    }
}

/* Copies contiguous rows of A to where they do not lie a power of two apart. */
static void K(copy_a)(ct__matrix from, int64_t m, int64_t k, REAL *to)
{
    for (int64_t i = 0; i < m; i++, to += COPY_ROW(k))
        memcpy(to, (const REAL *)from.data + i * from.row, (size_t)k * sizeof *to);
}

/* Packs contiguous columns of B, square by square; zeros fill up what tiles read of the panel. */
static void K(pack_columns)(ct__matrix from, int64_t k, int64_t columns, REAL *to)
{
    static const REAL zeros[2 * SQUARE];
    const REAL *x = from.data, *column[COLUMNS];
    int64_t p = 0, step = 2 * SQUARE, wide = round_up(columns, LANES); /* step: a cache line */
    for (int64_t i = 0; i < COLUMNS; i++)
        column[i] = i < columns ? x + i * from.col : zeros;
    for (; p + step <= k; p += step) {
        for (int64_t j = 0; j < wide; j += SQUARE) {
            K(square)(column + j, 0, to + p * COLUMNS + j, COLUMNS);
            K(square)(column + j, SQUARE, to + (p + SQUARE) * COLUMNS + j, COLUMNS);
        }
        for (int64_t i = 0; i < columns; i++)
            column[i] += step;
    }
    for (; p < k; p++)
        for (int64_t i = 0; i < wide; i++)
            to[p * COLUMNS + i] = i < columns ? x[p + i * from.col] : 0;
}

static void K(pack_b)(ct__matrix from, int64_t k, int64_t columns, REAL *to)
{
    const REAL *x = from.data;
    int64_t more = columns > LANES ? columns - LANES : 0;
    if (from.row == 1) {
        K(pack_columns)(from, k, columns, to);
    } else if (from.col == 1) {
        for (int64_t p = 0; p < k; p++, x += from.row, to += COLUMNS) {
            STORE(to, LOAD_SOME(x, least(columns, LANES)));
            if (more)
                STORE(to + LANES, LOAD_SOME(x + LANES, more));
        }
    } else {
        for (int64_t p = 0; p < k; p++)
            for (int64_t j = 0; j < round_up(columns, LANES); j++)
                to[p * COLUMNS + j] = j < columns ? x[p * from.row + j * from.col] : 0;
    }
}

/* -- A block: rows i ... i + m - 1 and columns j ... j + n - 1 of C, steps p ... p + k - 1 of k */
typedef struct K(block) {
    const ct__gemm *g;
    int64_t i, m, j, n, p, k;
    ct__matrix a;               /* A from row i and step p on, as tiles read it */
    REAL *a_room, *b_panels, *c; /* c: row i, column j */
    int64_t c_row, panel_row;   /* the panel of column j is at b_panels + j panel_row: k, or 0 if
                                   one room serves all */
    bool packed;                /* the block above has packed the panels */
} K(block);

/* A is packed if its rows are not contiguous and it is read more than a few times; or more than
 * once, where its columns lie so far apart that those of a block are on more pages than a processor
 * has at hand, some 64. It is copied if its rows are contiguous, but lie so far apart that they
 * meet in one set of the cache. */
static bool K(packs_a)(const ct__gemm *g)
{
    bool is_far = g->a.col * (int64_t)sizeof(REAL) > 1024;
    return g->a.col != 1 && g->n > (is_far ? 1 : 4) * COLUMNS;
}

static bool K(copies_a)(const ct__gemm *g)
{
    return g->a.col == 1 && g->n > 8 * COLUMNS && g->m > ROWS &&
           g->a.row * (int64_t)sizeof(REAL) % 1024 == 0;
}

/* Runs all tiles that read the panel of B from column j of the block on. Where the rows of B are
 * contiguous, the first tile packs the panel on its way. Where B has a panel's columns or one
 * vector's, and no more, it is a panel as it lies. */
static void K(run_panel)(const K(block) *w, int64_t j)
{
    const ct__gemm *g = w->g;
    bool packs_a = K(packs_a)(g), first = w->p == 0 && !g->adds;
    int64_t columns = least(w->n - j, COLUMNS);
    const REAL *b = (const REAL *)g->b.data + w->p * g->b.row + (w->j + j) * g->b.col;
    const REAL *bias = g->bias ? (const REAL *)g->bias + w->j + j : NULL;
    REAL *panel = w->b_panels + j * w->panel_row;
    bool is_panel = g->b.col == 1 && g->b.row == columns && columns % LANES == 0 && !g->packed;
    bool in_place = g->b.col == 1 && columns == COLUMNS && !is_panel && !w->packed;
    if (!in_place && !is_panel && !w->packed)
        K(pack_b)((ct__matrix){ b, g->b.row, g->b.col }, w->k, columns, panel);
    for (int64_t i = 0, rows; i < w->m; i += rows) {
        bool keeps = in_place && i == 0 && (w->m > IN_PLACE_ROWS || w->panel_row > 0);
        bool reads = is_panel || keeps || (in_place && w->m <= IN_PLACE_ROWS);
        K(tile) t = { .c = w->c + i * w->c_row + j, .c_row = w->c_row, .columns = columns };
        t.rows = rows = K(rows_of_tile)(w->m - i);
        t.start = first ? bias : t.c;
        t.start_row = first ? 0 : w->c_row;
        t.keep = keeps ? panel : NULL;
        t.ahead = j + 2 * COLUMNS <= w->n ? (2 * COLUMNS - 1) * (int64_t)sizeof *b : 0;
        t.k = w->k;
        t.a = (const REAL *)w->a.data + i * w->a.row;
        t.a_row = packs_a ? 1 : w->a.row;
        t.a_col = packs_a ? rows : w->a.col;
        t.b = reads ? b : panel;
        t.b_row = reads ? g->b.row : COLUMNS;
        K(run_tile)(&t);
    }
}

static int64_t K(depth)(const ct__gemm *g)
{
    return even_part(g->k, DEPTH, 2 * SQUARE);
}

static void K(run_block)(K(block) *w)
{
    const ct__gemm *g = w->g;
    const REAL *a = (const REAL *)g->a.data + w->i * g->a.row + w->p * g->a.col;
    w->a = (ct__matrix){ a, g->a.row, g->a.col };
    if (K(packs_a)(g)) {
        K(pack_a)(w->a, w->m, w->k, w->a_room);
        w->a = (ct__matrix){ w->a_room, w->k, 1 };
    } else if (K(copies_a)(g)) {
        K(copy_a)(w->a, w->m, w->k, w->a_room);
        w->a = (ct__matrix){ w->a_room, COPY_ROW(w->k), 1 };
    }
    for (int64_t j = 0; j < w->n; j += COLUMNS)
        K(run_panel)(w, j);
}

/* Computes up to LANES rows of C from row i on, and up to LANES columns from column j on: they are
 * columns `at` and on of the rows t of the transposed product, to which the bias, or what C holds,
 * is added. */
INLINE void K(turn_square)(const ct__gemm *g, const REAL *const *t, int64_t at, int64_t i,
                           int64_t j)
{
    REAL square[LANES * LANES];
    int64_t n = least(g->n - j, LANES);
    VECTOR bias = g->bias ? LOAD_SOME((const REAL *)g->bias + j, n) : SPLAT(0);
    for (int64_t r = 0; r < LANES; r += SQUARE)
        for (int64_t s = 0; s < LANES; s += SQUARE)
            K(square)(t + r, at + s, square + s * LANES + r, LANES);
    for (int64_t r = 0; r < least(g->m - i, LANES); r++) {
        REAL *y = (REAL *)g->c + (i + r) * g->c_row + j;
        VECTOR v = ADD(LOAD(square + r * LANES), bias);
        if (g->adds)
            v = ADD(v, LOAD_SOME(y, n));
        K(store_part)(y, v, n);
    }
}

/* C = t^T, with the bias or what C holds added: a cache line of each row of t at a time */
static void K(turn_out)(const ct__gemm *g, const REAL *t, int64_t t_row)
{
    static const REAL zeros[2 * LANES];
    for (int64_t i = 0; i < g->m; i += 2 * LANES)
        for (int64_t j = 0; j < g->n; j += LANES) {
            const REAL *row[LANES];
            for (int64_t r = 0; r < LANES; r++)
                row[r] = j + r < g->n ? t + (j + r) * t_row + i : zeros;
            K(turn_square)(g, row, 0, i, j);
            if (i + LANES < g->m)
                K(turn_square)(g, row, LANES, i + LANES, j);
        }
}
