/* Kernels of pointwise.c. A tile is ROWS rows of up to three vectors of pixels, whose sums stay in
 * registers: with 8 rows, 11 reads beside 24 multiply-adds. For w it is LANES sums, each a vector
 * of products of a row of y and one of x: with 16 of them, 8 reads beside 16 multiply-adds. */
#if defined(__GNUC__)
#include "pairs.h"

#undef ROWS
#undef DOWN
#undef ACROSS
#define ROWS   (VECTOR_BYTES == 64 ? 8 : 4)
#define DOWN   (LANES == 4 ? 2 : 4)   /* rows of y and of x in a tile of w */
#define ACROSS (LANES / DOWN)

/* ROWS rows after one another, for each k one behind the other; those that are none are 0 */
static void K(pack)(int64_t m, int64_t k, const float *from, int64_t row, int64_t column, float *to)
{
    for (int64_t i = 0; i < m; i += ROWS)
        for (int64_t j = 0; j < k; j++)
            for (int64_t r = i; r < i + ROWS; r++)
                *to++ = r < m ? from[r * row + j * column] : 0;
}

/* which lanes from the first-th on are set */
INLINE K(marks) K(lanes_from)(int64_t first)
{
    static const K(mark) all[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
    K(marks) v;
    memcpy(&v, all, sizeof v);
    return v >= MARK(first);
}

/* -- Rows of pixels */
/* `wide` vectors of rows from i on, at pixel `at`; the pixels behind these are asked for. Of one
 * vector the first `done` pixels were computed before, and are not added again. */
INLINE void K(tile)(const ct__pixels *p, int64_t i, int64_t at, int wide, int64_t done)
{
    K(lanes) sum[ROWS][3];
    const REAL *a = p->a + i * p->k, *b = p->b + at;
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < wide; v++)
            sum[r][v] = SPLAT(0);
    for (int64_t k = 0; k < p->k; k++, a += ROWS, b += p->row) {
        K(lanes) x[3];
        for (int v = 0; v < wide; v++) {
            x[v] = LOAD(b + v * LANES);
            __builtin_prefetch((const void *)((uintptr_t)(b + v * LANES) + sizeof x));
        }
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++)
            for (int v = 0; v < wide; v++)
                sum[r][v] += SPLAT(a[r]) * x[v];
    }
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
        if (i + r >= p->m)
            continue;
        for (int v = 0; v < wide; v++) {
            REAL *c = p->c + (i + r) * p->row + at + v * LANES;
            if (p->bias)
                sum[r][v] += SPLAT(p->bias[i + r]);
            if (wide == 1 && p->adds && done > 0)
                sum[r][v] = CHOOSE(K(lanes_from)(done), LOAD(c) + sum[r][v], LOAD(c));
            else if (p->adds)
                sum[r][v] += LOAD(c);
            STORE(c, sum[r][v]);
        }
    }
}

static void K(multiply)(const ct__pixels *p)
{
    int64_t at = 0;
    for (; at + 3 * LANES <= p->n; at += 3 * LANES)
        for (int64_t i = 0; i < p->m; i += ROWS)
            K(tile)(p, i, at, 3, 0);
    for (; at < p->n; at += LANES) {
        int64_t done = at + LANES > p->n ? at + LANES - p->n : 0;
        for (int64_t i = 0; i < p->m; i += ROWS)
            K(tile)(p, i, at - done, 1, done);
    }
}

/* -- Sums over pixels */
INLINE K(lanes) K(masked)(K(lanes) x, K(marks) mask)
{
    return (K(lanes))((K(marks))x & mask);
}

/* v[k] becomes lane k of the result: its lanes' sum */
INLINE K(lanes) K(sums_of_lanes)(K(lanes) v[LANES])
{
#pragma GCC unroll 4
    for (int n = LANES / 2; n > 0; n /= 2)
#pragma GCC unroll 8
        for (int k = 0; k < n; k++)
            v[k] = K(low_pairs)(v[k], v[k + n]) + K(high_pairs)(v[k], v[k + n]);
    return v[0];
}

/* `masks`: only some of the pixels count. A number that does not is 0 on both sides */
INLINE void K(add_products)(K(lanes) *sum, const REAL *const *y, const REAL *const *x, int64_t at,
                            bool masks, K(marks) mask)
{
    K(lanes) row[DOWN], other;
#pragma GCC unroll 4
    for (int r = 0; r < DOWN; r++) {
        row[r] = LOAD(y[r] + at);
        if (masks)
            row[r] = K(masked)(row[r], mask);
    }
#pragma GCC unroll 4
    for (int q = 0; q < ACROSS; q++) {
        other = LOAD(x[q] + at);
        if (masks)
            other = K(masked)(other, mask);
#pragma GCC unroll 4
        for (int r = 0; r < DOWN; r++)
            sum[r * ACROSS + q] += row[r] * other;
    }
}

INLINE void K(square_of_w)(const ct__pixel_sums *s, int64_t i, int64_t j, REAL *to)
{
    K(lanes) sum[LANES];
    const REAL *y[DOWN], *x[ACROSS];
    const K(marks) mask = K(lanes_from)(LANES - (s->end - s->begin) % LANES);
    for (int r = 0; r < DOWN; r++)
        y[r] = s->y + (i + r < s->m ? i + r : s->m - 1) * s->row;
    for (int q = 0; q < ACROSS; q++)
        x[q] = s->x + (j + q < s->k ? j + q : s->k - 1) * s->row;
#pragma GCC unroll 16
    for (int k = 0; k < LANES; k++)
        sum[k] = SPLAT(0);
    for (int64_t image = 0; image < s->images; image++) {
        int64_t at = s->begin;
        for (; at + LANES <= s->end; at += LANES)
            K(add_products)(sum, y, x, at, false, mask);
        if (at < s->end)
            K(add_products)(sum, y, x, s->end - LANES, true, mask);
        for (int r = 0; r < DOWN; r++)
            y[r] += s->m * s->row;
        for (int q = 0; q < ACROSS; q++)
            x[q] += s->k * s->row;
    }
    STORE(to, LOAD(to) + K(sums_of_lanes)(sum));
}

static void K(sum_pixels)(const ct__pixel_sums *s)
{
    REAL *to = s->sums;
    for (int64_t i = 0; i < s->m; i += DOWN)
        for (int64_t j = 0; j < s->k; j += ACROSS, to += LANES)
            K(square_of_w)(s, i, j, to);
}

/* the sums of tiles, or what lies in their place, by rows and columns */
static void K(put_sums)(int64_t m, int64_t k, const float *sums, float *w, bool adds)
{
    for (int64_t i = 0; i < m; i += DOWN)
        for (int64_t j = 0; j < k; j += ACROSS, sums += LANES)
            for (int64_t r = i; r < i + DOWN && r < m; r++)
                for (int64_t q = j; q < j + ACROSS && q < k; q++) {
                    REAL sum = sums[(r - i) * ACROSS + q - j];
                    w[r * k + q] = adds ? w[r * k + q] + sum : sum;
                }
}

static const ct__pointwise_kernels K(pointwise_kernels) = { K(pack), K(multiply), K(sum_pixels),
                                                              K(put_sums) };
#endif
