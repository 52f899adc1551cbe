/* Kernels of gemm.c for one dtype and one kind of vector: included with REAL, K, TARGET, VECTOR,
 * LANES, LOAD, STORE, SPLAT, FMA and a function K(transpose) defined; undefines all but TARGET. */
#define COLUMNS (2 * LANES)
#define A_ROWS  (A_BYTES / DEPTH / (int)sizeof(REAL) / ROWS * ROWS)
#define B_COLUMNS (B_BYTES / DEPTH / (int)sizeof(REAL))

/* -- A tile: c = start + a b, over `k` steps. 12 loads and stores of a vector of C; per step 2
 * loads of B and up to 6 of A for up to 12 multiply-adds */
typedef struct K(tile) {
    const REAL *a, *b, *start; /* start NULL: zeros */
    REAL *c;
    int64_t k, a_row, a_col, b_row, c_row, start_row;
} K(tile);

#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5)
#define BEGIN(i)                                                                                \
    VECTOR c##i##0 = SPLAT(0), c##i##1 = SPLAT(0);                                              \
    if (rows > i && t->start) {                                                                 \
        c##i##0 = LOAD(t->start + i * t->start_row);                                            \
        c##i##1 = LOAD(t->start + i * t->start_row + LANES);                                    \
    }
#define STEP(i)                                                                                 \
    if (rows > i) {                                                                             \
        VECTOR x = SPLAT(a[i * a_row]);                                                         \
        c##i##0 = FMA(x, b0, c##i##0);                                                          \
        c##i##1 = FMA(x, b1, c##i##1);                                                          \
    }
#define END(i)                                                                                  \
    if (rows > i) {                                                                             \
        STORE(t->c + i * t->c_row, c##i##0);                                                    \
        STORE(t->c + i * t->c_row + LANES, c##i##1);                                            \
    }

/* `rows` and `packed` are constants where it is inlined */
INLINE TARGET void K(tile_of)(const K(tile) *t, int rows, bool packed)
{
    const REAL *a = t->a, *b = t->b;
    int64_t a_row = packed ? 1 : t->a_row, a_col = packed ? ROWS : t->a_col, b_row = t->b_row;
    EACH_ROW(BEGIN)
    for (int64_t p = t->k; p > 0; p--) {
        VECTOR b0 = LOAD(b), b1 = LOAD(b + LANES);
        EACH_ROW(STEP)
        a += a_col;
        b += b_row;
    }
    EACH_ROW(END)
}

static TARGET void K(tile_packed)(const K(tile) *t, int64_t rows)
{
    switch (rows) {
    case 1: K(tile_of)(t, 1, true); return;
    case 2: K(tile_of)(t, 2, true); return;
    case 3: K(tile_of)(t, 3, true); return;
    case 4: K(tile_of)(t, 4, true); return;
    case 5: K(tile_of)(t, 5, true); return;
    default: K(tile_of)(t, 6, true);
    }
}

static TARGET void K(tile_in_place)(const K(tile) *t, int64_t rows)
{
    switch (rows) {
    case 1: K(tile_of)(t, 1, false); return;
    case 2: K(tile_of)(t, 2, false); return;
    case 3: K(tile_of)(t, 3, false); return;
    case 4: K(tile_of)(t, 4, false); return;
    case 5: K(tile_of)(t, 5, false); return;
    default: K(tile_of)(t, 6, false);
    }
}

/* a tile at C's right edge is computed beside it, at full width */
static void K(tile_at_edge)(const K(tile) *t, int64_t rows, int64_t columns,
                            void (*tile)(const K(tile) *, int64_t))
{
    REAL beside[ROWS * COLUMNS] = { 0 };
    K(tile) wide = *t;
    for (int64_t i = 0; t->start && i < rows; i++)
        memcpy(beside + i * COLUMNS, t->start + i * t->start_row, (size_t)columns * sizeof(REAL));
    wide.start = wide.c = beside;
    wide.start_row = wide.c_row = COLUMNS;
    tile(&wide, rows);
    for (int64_t i = 0; i < rows; i++)
        memcpy(t->c + i * t->c_row, beside + i * COLUMNS, (size_t)columns * sizeof(REAL));
}

/* -- Packing: n rows of x, k long, into panels of `width` rows, column by column: reads and writes
 * each number once. What a panel lacks in rows is zeros */
INLINE TARGET void K(pack_panel)(ct__matrix from, int64_t n, int64_t k, int64_t width, REAL *to)
{
    const REAL *x = from.data;
    int64_t p = 0;
    if (from.row == 1 && n == width) {
        for (; p < k; p++)
            for (int64_t i = 0; i < width; i++)
                to[p * width + i] = x[p * from.col + i];
    } else if (from.col == 1 && n == COLUMNS && width == COLUMNS) {
        for (; p + LANES <= k; p += LANES) {
            K(transpose)(x + p, from.row, to + p * COLUMNS);
            K(transpose)(x + p + LANES * from.row, from.row, to + p * COLUMNS + LANES);
        }
    }
    for (; p < k; p++)
        for (int64_t i = 0; i < width; i++)
            to[p * width + i] = i < n ? x[p * from.col + i * from.row] : 0;
}

INLINE TARGET void K(pack)(ct__matrix from, int64_t n, int64_t k, int64_t width, REAL *to)
{
    const REAL *x = from.data;
    for (int64_t i = 0; i < n && k > 0; i += width) {
        from.data = x + i * from.row;
        K(pack_panel)(from, least(n - i, width), k, width, to + i * k);
    }
}

/* packing repays itself when a panel of A serves some tiles along a row, one of B some along a
 * column; what is not side by side has to be packed in B, and in A where it is read often */
static bool K(packs_a)(const ct__gemm *g)
{
    return g->a.col != 1 && g->n > 4 * COLUMNS;
}

static bool K(packs_b)(const ct__gemm *g)
{
    return g->b.col != 1 || g->m > 2 * ROWS;
}

/* -- Blocks: C's columns from j on, and the steps from p on */
typedef struct K(block) {
    const ct__gemm *g;
    int64_t j, n, p, k;
    REAL *a_panels, *b_panels;
} K(block);

static K(tile) K(tile_at)(const K(block) *w, int64_t i, int64_t j)
{
    const ct__gemm *g = w->g;
    K(tile) t = { .c = (REAL *)g->c + i * g->c_row + w->j + j, .k = w->k, .c_row = g->c_row };
    if (w->p > 0 || g->adds) {
        t.start = t.c;
        t.start_row = g->c_row;
    } else if (g->bias) {
        t.start = (const REAL *)g->bias + w->j + j;
    }
    return t;
}

/* `m` rows of the block of C from row i on: every tile of them */
static TARGET void K(strip)(const K(block) *w, int64_t i, int64_t m)
{
    const ct__gemm *g = w->g;
    const REAL *a = (const REAL *)g->a.data + i * g->a.row + w->p * g->a.col;
    const REAL *b = (const REAL *)g->b.data + w->p * g->b.row + w->j * g->b.col;
    bool packs_a = K(packs_a)(g), packs_b = K(packs_b)(g);
    void (*tile)(const K(tile) *, int64_t) = packs_a ? K(tile_packed) : K(tile_in_place);
    if (packs_a)
        K(pack)((ct__matrix){ a, g->a.row, g->a.col }, m, w->k, ROWS, w->a_panels);
    for (int64_t j = 0; j < w->n; j += COLUMNS) {
        int64_t columns = least(w->n - j, COLUMNS);
        bool in_place = !packs_b && columns == COLUMNS;
        for (int64_t r = 0; r < m; r += ROWS) {
            K(tile) t = K(tile_at)(w, i + r, j);
            t.a = packs_a ? w->a_panels + r * w->k : a + r * g->a.row;
            t.a_row = g->a.row;
            t.a_col = g->a.col;
            t.b = in_place ? b + j : w->b_panels + (packs_b ? j * w->k : 0);
            t.b_row = in_place ? g->b.row : COLUMNS;
            if (columns == COLUMNS)
                tile(&t, least(m - r, ROWS));
            else
                K(tile_at_edge)(&t, least(m - r, ROWS), columns, tile);
        }
    }
    if (w->p + w->k >= g->k && g->activation != CT_IDENTITY)
        for (int64_t r = i; r < i + m; r++)
            ct__activate(g->dtype, g->activation, (REAL *)g->c + r * g->c_row + w->j, w->n);
}

static TARGET void K(run_block)(const K(block) *w)
{
    const ct__gemm *g = w->g;
    const REAL *b = (const REAL *)g->b.data + w->p * g->b.row + w->j * g->b.col;
    int64_t from = K(packs_b)(g) ? 0 : w->n / COLUMNS * COLUMNS; /* else only what is not whole */
    ct__matrix rest = { b + from * g->b.col, g->b.col, g->b.row }; /* its columns are the rows */
    K(pack)(rest, w->n - from, w->k, COLUMNS, w->b_panels);
    for (int64_t i = 0; i < g->m; i += A_ROWS)
        K(strip)(w, i, least(g->m - i, A_ROWS));
}

/* -- One row: c += a B. B is read once, 2 operations to a number */
/* rows of B side by side: four to a sweep over c, which stays in L1 */
static TARGET void K(sum_rows)(const ct__gemm *g, const REAL *a, REAL *c)
{
    const REAL *b = g->b.data;
    int64_t p = 0;
    for (; p + 4 <= g->k; p += 4) {
        const REAL *b0 = b + p * g->b.row, *b1 = b0 + g->b.row, *b2 = b1 + g->b.row;
        const REAL *b3 = b2 + g->b.row, *x = a + p * g->a.col;
        REAL x0 = x[0], x1 = x[g->a.col], x2 = x[2 * g->a.col], x3 = x[3 * g->a.col];
        VECTOR v0 = SPLAT(x0), v1 = SPLAT(x1), v2 = SPLAT(x2), v3 = SPLAT(x3);
        int64_t j = 0;
        for (; j + LANES <= g->n; j += LANES) {
            VECTOR y = FMA(v0, LOAD(b0 + j), LOAD(c + j));
            y = FMA(v1, LOAD(b1 + j), y);
            y = FMA(v2, LOAD(b2 + j), y);
            STORE(c + j, FMA(v3, LOAD(b3 + j), y));
        }
        for (; j < g->n; j++)
            c[j] += x0 * b0[j] + x1 * b1[j] + x2 * b2[j] + x3 * b3[j];
    }
    for (; p < g->k; p++)
        for (int64_t j = 0; j < g->n; j++)
            c[j] += a[p * g->a.col] * b[p * g->b.row + j];
}

static TARGET REAL K(sum_of)(VECTOR v)
{
    REAL lanes[LANES], sum = 0;
    STORE(lanes, v);
    for (int i = 0; i < LANES; i++)
        sum += lanes[i];
    return sum;
}

/* columns of B, and a, side by side: dot products, four at once to read a less often */
static TARGET void K(dot_columns)(const ct__gemm *g, const REAL *a, REAL *c)
{
    int64_t k = g->k / (2 * LANES) * (2 * LANES);
    for (int64_t j = 0; j < g->n; j += 4) {
        const REAL *b[4];
        VECTOR even[4], odd[4];
        for (int i = 0; i < 4; i++) {
            b[i] = (const REAL *)g->b.data + least(j + i, g->n - 1) * g->b.col;
            even[i] = odd[i] = SPLAT(0);
        }
        for (int64_t p = 0; p < k; p += 2 * LANES) {
            VECTOR x = LOAD(a + p), z = LOAD(a + p + LANES);
            for (int i = 0; i < 4; i++) {
                even[i] = FMA(x, LOAD(b[i] + p), even[i]);
                odd[i] = FMA(z, LOAD(b[i] + p + LANES), odd[i]);
            }
        }
        for (int i = 0; i < 4 && j + i < g->n; i++) {
            REAL sum = K(sum_of)(even[i]) + K(sum_of)(odd[i]);
            for (int64_t p = k; p < g->k; p++)
                sum += a[p] * b[i][p];
            c[j + i] += sum;
        }
    }
}

/* a few rows, and operands that one of these can read */
static bool K(is_thin)(const ct__gemm *g)
{
    bool dots = g->a.col == 1 && g->b.row == 1;
    return dots ? g->m <= 4 : g->m == 1 && g->b.col == 1;
}

static TARGET void K(run_thin)(const ct__gemm *g)
{
    for (int64_t i = 0; i < g->m; i++) {
        const REAL *a = (const REAL *)g->a.data + i * g->a.row;
        REAL *c = (REAL *)g->c + i * g->c_row;
        if (g->bias)
            memcpy(c, g->bias, (size_t)g->n * sizeof *c);
        else if (!g->adds)
            memset(c, 0, (size_t)g->n * sizeof *c);
        if (g->b.col == 1)
            K(sum_rows)(g, a, c);
        else
            K(dot_columns)(g, a, c);
        ct__activate(g->dtype, g->activation, c, g->n);
    }
}

/* -- All of it. Scratch: the panels of A, then those of B */
static int64_t K(a_room)(const ct__gemm *g)
{
    return K(packs_a)(g) ? round_up(least(g->m, A_ROWS), ROWS) * least(g->k, DEPTH) : 0;
}

static int64_t K(b_room)(const ct__gemm *g)
{
    int64_t columns = K(packs_b)(g) ? least(g->n, B_COLUMNS) : g->n % COLUMNS;
    return round_up(columns, COLUMNS) * least(g->k, DEPTH);
}

static size_t K(scratch)(const ct__gemm *g)
{
    return K(is_thin)(g) ? 0 : (size_t)(K(a_room)(g) + K(b_room)(g)) * sizeof(REAL);
}

static void K(run)(const ct__gemm *g, void *scratch)
{
    int64_t a_room = K(a_room)(g);
    REAL nothing; /* without scratch, panels are pointed to but not looked at */
    REAL *panels = scratch ? scratch : &nothing;
    K(block) w = { .g = g, .a_panels = panels, .b_panels = panels };
    if (K(is_thin)(g)) {
        K(run_thin)(g);
        return;
    }
    w.b_panels += a_room;
    for (w.j = 0; w.j < g->n; w.j += B_COLUMNS) {
        w.n = least(g->n - w.j, B_COLUMNS);
        for (w.p = 0; w.p == 0 || w.p < g->k; w.p += DEPTH) {
            w.k = least(g->k - w.p, DEPTH);
            K(run_block)(&w);
        }
    }
}

#undef REAL
#undef K
#undef VECTOR
#undef LANES
#undef LOAD
#undef STORE
#undef SPLAT
#undef FMA
#undef COLUMNS
#undef A_ROWS
#undef B_COLUMNS
#undef EACH_ROW
#undef BEGIN
#undef STEP
#undef END
