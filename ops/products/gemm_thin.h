/* Part of gemm_kernels.h: products with few rows or columns. They read the larger operand once, and
 * do 2 or a few times 2 operations with each number: so they run at the speed of reading it. */

/* -- C is one row, and the rows of B are contiguous: c += a B */
/* a few vectors of columns, whose sums stay in registers until the end */
INLINE void K(sum_narrow)(const ct__gemm *g, int64_t j, int vectors)
{
    const REAL *a = g->a.data, *b = (const REAL *)g->b.data + j;
    REAL *c = (REAL *)g->c + j;
    VECTOR sum[8];
    for (int v = 0; v < vectors; v++)
        sum[v] = SPLAT(0);
    for (int64_t p = 0; p < g->k; p++, a += g->a.col, b += g->b.row) {
        VECTOR x = SPLAT(*a);
        for (int v = 0; v < vectors; v++)
            sum[v] = FMA(x, LOAD(b + v * LANES), sum[v]);
    }
    for (int v = 0; v < vectors; v++)
        STORE(c + v * LANES, ADD(LOAD(c + v * LANES), sum[v]));
}

/* One vector or less. Two sums, of every other row, hide half of the latency of an addition. */
static void K(sum_last)(const ct__gemm *g, int64_t j, int64_t n)
{
    const REAL *a = g->a.data, *b = (const REAL *)g->b.data + j;
    REAL *c = (REAL *)g->c + j;
    VECTOR even = SPLAT(0), odd = SPLAT(0);
    int64_t p = 0;
    for (; p + 2 <= g->k; p += 2, a += 2 * g->a.col, b += 2 * g->b.row) {
        even = FMA(SPLAT(a[0]), LOAD_SOME(b, n), even);
        odd = FMA(SPLAT(a[g->a.col]), LOAD_SOME(b + g->b.row, n), odd);
    }
    if (p < g->k)
        even = FMA(SPLAT(*a), LOAD_SOME(b, n), even);
    K(store_part)(c, ADD(LOAD_SOME(c, n), ADD(even, odd)), n);
}

/* c += x0 b0 + x1 b1 + x2 b2 + x3 b3, in this order */
INLINE VECTOR K(sum_of)(VECTOR c, const VECTOR *x, const VECTOR *b)
{
    return FMA(x[3], b[3], FMA(x[2], b[2], FMA(x[1], b[1], FMA(x[0], b[0], c))));
}

/* adds four rows of B to c, which stays in L1 */
static void K(sweep)(const REAL *const *b, const REAL *a, REAL *c, int64_t n)
{
    const VECTOR x[4] = { SPLAT(a[0]), SPLAT(a[1]), SPLAT(a[2]), SPLAT(a[3]) };
    const REAL *b0 = b[0], *b1 = b[1], *b2 = b[2], *b3 = b[3];
    int64_t j = 0, some = n % LANES;
    for (; j + LANES <= n; j += LANES) {
        const VECTOR y[4] = { LOAD(b0 + j), LOAD(b1 + j), LOAD(b2 + j), LOAD(b3 + j) };
        STORE(c + j, K(sum_of)(LOAD(c + j), x, y));
    }
    if (some) {
        const VECTOR y[4] = { LOAD_SOME(b0 + j, some), LOAD_SOME(b1 + j, some),
                              LOAD_SOME(b2 + j, some), LOAD_SOME(b3 + j, some) };
        K(store_some)(c + j, K(sum_of)(LOAD_SOME(c + j, some), x, y), some);
    }
}

static void K(sum_rows)(const ct__gemm *g)
{
    REAL *c = g->c;
    const REAL *a = g->a.data, *b = g->b.data;
    int64_t p = 0;
    for (; p + 4 <= g->k; p += 4, a += 4 * g->a.col, b += 4 * g->b.row) {
        const REAL *rows[] = { b, b + g->b.row, b + 2 * g->b.row, b + 3 * g->b.row };
        const REAL x[] = { a[0], a[g->a.col], a[2 * g->a.col], a[3 * g->a.col] };
        K(sweep)(rows, x, c, g->n);
    }
    for (; p < g->k; p++, a += g->a.col, b += g->b.row)
        for (int64_t i = 0; i < g->n; i++)
            c[i] += *a * b[i];
}

/* in blocks of DEPTH rows of B, as tiles have them */
static void K(sum_columns)(const ct__gemm *g)
{
    ct__gemm b = *g;
    for (int64_t p = 0; p < g->k; p += DEPTH) {
        int64_t j = 0, n = g->n;
        b.k = least(g->k - p, DEPTH);
        b.a.data = (const REAL *)g->a.data + p * g->a.col;
        b.b.data = (const REAL *)g->b.data + p * g->b.row;
        for (; n >= 8 * LANES; j += 8 * LANES, n -= 8 * LANES)
            K(sum_narrow)(&b, j, 8);
        for (; n >= 2 * LANES; j += 2 * LANES, n -= 2 * LANES)
            K(sum_narrow)(&b, j, 2);
        for (; n > 0; j += LANES, n -= LANES)
            K(sum_last)(&b, j, least(n, LANES));
    }
}

/* the bias, or zeros, are put into C first; the sum is added to it */
static void K(run_row)(const ct__gemm *g)
{
    size_t bytes = (size_t)g->n * sizeof(REAL);
    if (g->bias)
        memcpy(g->c, g->bias, bytes);
    else if (!g->adds)
        memset(g->c, 0, bytes);
    if (g->plan.form == CT__NARROW_ROW)
        K(sum_columns)(g);
    else
        K(sum_rows)(g);
}

/* -- The rows of A and the columns of B are contiguous: dot products. */
/* The products of a few rows and columns at once: `rows` (1 or 3) and `columns` (1, 2 or 4) are
 * constants where this is inlined. One row takes two sums for each column, so that there are eight
 * chains of multiply-adds, which hide the latency of each. */
INLINE void K(dots_of)(const REAL *a, int64_t a_row, const REAL *b, int64_t b_col, int64_t k,
                       int rows, int columns, REAL (*sums)[4])
{
    int halves = rows == 1 ? 2 : 1;
    VECTOR sum[3][4] = { { SPLAT(0), SPLAT(0), SPLAT(0), SPLAT(0) },
                         { SPLAT(0), SPLAT(0), SPLAT(0), SPLAT(0) },
                         { SPLAT(0), SPLAT(0), SPLAT(0), SPLAT(0) } };
    int64_t p = 0, step = halves * LANES;
    for (; p + step <= k; p += step)
        for (int h = 0; h < halves; h++)
            for (int j = 0; j < columns; j++) {
                VECTOR y = LOAD(b + j * b_col + p + h * LANES);
                for (int i = 0; i < rows; i++)
                    sum[i + h][j] = FMA(LOAD(a + i * a_row + p + h * LANES), y, sum[i + h][j]);
            }
    for (int64_t some; p < k; p += some) {
        some = least(k - p, LANES);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                sum[i][j] = FMA(LOAD_SOME(a + i * a_row + p, some),
                                LOAD_SOME(b + j * b_col + p, some), sum[i][j]);
    }
    if (halves == 2) {
        sum[0][0] = ADD(sum[0][0], sum[1][0]);
        sum[0][1] = ADD(sum[0][1], sum[1][1]);
        sum[0][2] = ADD(sum[0][2], sum[1][2]);
        sum[0][3] = ADD(sum[0][3], sum[1][3]);
    }
    K(sum4)(sum[0], sums[0]);
    if (rows == 3) {
        K(sum4)(sum[1], sums[1]);
        K(sum4)(sum[2], sums[2]);
    }
}

#define DOTS(rows, columns) K(dots_of)(a, a_row, b, b_col, k, rows, columns, sums); break
static void K(few_dots)(const REAL *a, int64_t a_row, const REAL *b, int64_t b_col, int64_t k,
                        int64_t rows, int64_t columns, REAL (*sums)[4])
{
    switch (rows * 4 + columns) {
    case 5: DOTS(1, 1);
    case 6: DOTS(1, 2);
    case 8: DOTS(1, 4);
    case 13: DOTS(3, 1);
    case 14: DOTS(3, 2);
    default: DOTS(3, 4);
    }
}
#undef DOTS

static void K(run_dots)(const ct__gemm *g)
{
    const REAL *bias = g->bias;
    for (int64_t i = 0, rows; i < g->m; i += rows) {
        const REAL *a = (const REAL *)g->a.data + i * g->a.row;
        rows = g->m - i < 3 ? 1 : 3;
        for (int64_t q = 0, columns; q < g->n; q += columns) {
            int64_t left = g->n - q;
            REAL sums[3][4];
            columns = left < 2 ? 1 : left < 4 ? 2 : 4;
            K(few_dots)(a, g->a.row, (const REAL *)g->b.data + q * g->b.col, g->b.col, g->k, rows,
                        columns, sums);
            for (int64_t r = 0; r < rows; r++)
                for (int64_t s = 0; s < columns; s++) {
                    REAL *y = (REAL *)g->c + (i + r) * g->c_row + q + s;
                    *y = sums[r][s] + (g->adds ? *y : bias ? bias[q + s] : 0);
                }
        }
    }
}
