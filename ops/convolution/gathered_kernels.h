/* Kernels of gathered.c. A tile of c is ROWS rows of one or two vectors, whose sums stay in
 * registers. For each k it reads the vectors of b, and for each row an offset and a number of x,
 * which is multiplied by all lanes: with 12 rows of two vectors 27 reads beside 24 multiply-adds,
 * which bind where a processor reads three times in the time of two of these. */
#if defined(__GNUC__)
#include "vectors.h"

#undef ROWS
#define ROWS (VECTOR_BYTES == 64 ? 12 : VECTOR_BYTES == 32 ? 6 : 4)

/* `wide` vectors of n rows from i on, of which only `some` are there; the last stands for others */
INLINE void K(tile)(const ct__gathered *g, int64_t i, int n, int64_t some, int64_t at, int wide)
{
    K(lanes) sum[12][2];
    const REAL *x = g->x, *b = (const REAL *)g->b + at;
    int64_t row[12];
#pragma GCC unroll 12
    for (int r = 0; r < n; r++) {
        row[r] = g->rows[i + (r < some ? r : some - 1)];
        for (int v = 0; v < wide; v++)
            sum[r][v] = SPLAT(0);
    }
    for (int64_t k = 0; k < g->k; k++, b += g->n) {
        const REAL *here = x + g->columns[k];
        K(lanes) w[2];
        for (int v = 0; v < wide; v++)
            w[v] = LOAD(b + v * LANES);
#pragma GCC unroll 12
        for (int r = 0; r < n; r++)
            for (int v = 0; v < wide; v++)
                sum[r][v] += SPLAT(here[row[r]]) * w[v];
    }
#pragma GCC unroll 12
    for (int r = 0; r < n; r++)
        for (int v = 0; v < wide; v++) {
            REAL *c = (REAL *)g->c + (i + r) * g->n + at + v * LANES;
            if (r >= some)
                continue;
            if (g->adds)
                sum[r][v] += LOAD(c);
            STORE(c, sum[r][v]);
        }
}

INLINE void K(tiles)(const ct__gathered *g, int64_t at, int wide)
{
    int64_t i = 0;
    for (; i + ROWS <= g->m; i += ROWS)
        K(tile)(g, i, ROWS, ROWS, at, wide);
    for (; i < g->m; i += 4)
        K(tile)(g, i, 4, g->m - i < 4 ? g->m - i : 4, at, wide);
}

static void K(multiply)(const ct__gathered *g)
{
    int64_t at = 0;
    for (; at + 2 * LANES <= g->n; at += 2 * LANES)
        K(tiles)(g, at, 2);
    for (; at < g->n; at += LANES)
        K(tiles)(g, at, 1);
}

static const ct__gathered_kernels K(gathered_kernels) = { K(multiply) };
#endif
