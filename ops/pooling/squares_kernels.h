/* Kernels of squares.c. Per element of the image: 1 read or write, and for `max` 1 or 2
 * comparisons, for `mean` 1 multiplication and addition; per window: 1 write or read, and a byte
 * for `max`. */
#if defined(__GNUC__)
#include "pairs.h"

/* -- LANES windows, whose rows begin at p and q */
INLINE void K(max_block)(const REAL *p, const REAL *q, REAL *y, char *at)
{
    K(lanes) a = K(evens)(LOAD(p), LOAD(p + LANES)), b = K(odds)(LOAD(p), LOAD(p + LANES));
    K(lanes) c = K(evens)(LOAD(q), LOAD(q + LANES)), d = K(odds)(LOAD(q), LOAD(q + LANES));
    K(marks) top = (b > a) | (b != b), low = (d > c) | (d != d);
    a = CHOOSE(top, b, a);
    c = CHOOSE(low, d, c);
    K(marks) more = (c > a) | (c != c);
    STORE(y, K(in_order)(CHOOSE(more, c, a)));
    if (at)
        K(put_bytes)(at, K(marks_in_order)(((2 - low) & more) | (-top & ~more)));
}

INLINE void K(put_block)(const char *at, const REAL *gy, REAL *p, REAL *q)
{
    K(marks) number = K(get_bytes)(at), g = (K(marks))LOAD(gy);
    for (int r = 0; r < 2; r++) {
        K(lanes) even = (K(lanes))(g & (number == MARK(2 * r)));
        K(lanes) odd = (K(lanes))(g & (number == MARK(2 * r + 1)));
        STORE(r ? q : p, K(low_pairs)(even, odd));
        STORE((r ? q : p) + LANES, K(high_pairs)(even, odd));
    }
}

INLINE void K(mean_block)(const REAL *p, const REAL *q, REAL *y, REAL scale)
{
    K(lanes) sum = LOAD(p) * SPLAT(scale) + LOAD(q) * SPLAT(scale);
    K(lanes) more = LOAD(p + LANES) * SPLAT(scale) + LOAD(q + LANES) * SPLAT(scale);
    STORE(y, K(in_order)(K(evens)(sum, more) + K(odds)(sum, more)));
}

INLINE void K(spread_block)(const REAL *y, REAL *p, REAL *q, REAL scale)
{
    K(lanes) v = LOAD(y) * SPLAT(scale), low = K(low_pairs)(v, v), high = K(high_pairs)(v, v);
    STORE(p, low);
    STORE(p + LANES, high);
    STORE(q, low);
    STORE(q + LANES, high);
}

/* -- All windows. x: the image, or its gradient; y: an element for each window */
enum { K(MAX), K(VALUE), K(PUT), K(MEAN), K(SPREAD) };

INLINE void K(square_block)(int what, REAL scale, REAL *x, int64_t row, REAL *y, char *at)
{
    if (what == K(MAX) || what == K(VALUE))
        K(max_block)(x, x + row, y, what == K(MAX) ? at : NULL);
    else if (what == K(PUT))
        K(put_block)(at, y, x, x + row);
    else if (what == K(MEAN))
        K(mean_block)(x, x + row, y, scale);
    else
        K(spread_block)(y, x, x + row, scale);
}

/* n windows, at most LANES, behind which there may be no room */
INLINE void K(last_block)(int what, REAL scale, REAL *x, int64_t row, REAL *y, char *at, int64_t n)
{
    REAL pairs[4 * LANES] = { 0 }, windows[LANES] = { 0 };
    char numbers[LANES] = { 0 };
    const size_t wide = (size_t)(2 * n) * sizeof(REAL), narrow = (size_t)n * sizeof(REAL);
    const bool reads = what != K(PUT) && what != K(SPREAD);
    memcpy(reads ? pairs : windows, reads ? x : y, reads ? wide : narrow);
    if (reads)
        memcpy(pairs + 2 * LANES, x + row, wide);
    if (what == K(PUT))
        memcpy(numbers, at, (size_t)n);
    K(square_block)(what, scale, pairs, 2 * LANES, windows, numbers);
    memcpy(reads ? y : x, reads ? windows : pairs, reads ? narrow : wide);
    if (!reads)
        memcpy(x + row, pairs + 2 * LANES, wide);
    if (what == K(MAX))
        memcpy(at, numbers, (size_t)n);
}

/* how many rows of windows can be taken by whole vectors, without going behind the end */
INLINE int64_t K(safe_rows)(const ct__squares *s)
{
    const int64_t more = LANES > s->n ? LANES - s->n : 0, row = 2 * s->row;
    int64_t behind = (more + s->n - 1) / s->n, rows = s->rows - behind;
    while (rows > 0 && (rows - 1) * row + s->row + 2 * (s->n + more) > s->count)
        rows--;
    return rows > 0 ? rows : 0;
}

INLINE void K(squares)(int what, const ct__squares *s, REAL *x, REAL *y, char *at)
{
    const int64_t n = s->n, row = s->row, safe = K(safe_rows)(s), last = n > LANES ? n - LANES : 0;
    const REAL scale = (REAL)s->scale;
    for (int64_t i = 0; i < safe; i++, x += 2 * row, y += n, at += n) {
        for (int64_t k = 0; k < last; k += LANES)
            K(square_block)(what, scale, x + 2 * k, row, y + k, at + k);
        K(square_block)(what, scale, x + 2 * last, row, y + last, at + last);
    }
    for (int64_t i = safe; i < s->rows; i++, x += 2 * row, y += n, at += n)
        K(last_block)(what, scale, x, row, y, at, n);
}

static void K(max_squares)(const ct__squares *s, const void *x, void *y, void *at)
{
    if (at)
        K(squares)(K(MAX), s, (REAL *)(uintptr_t)x, y, at);
    else
        K(squares)(K(VALUE), s, (REAL *)(uintptr_t)x, y, y);
}

static void K(put_squares)(const ct__squares *s, const void *at, const void *gy, void *gx)
{
    K(squares)(K(PUT), s, gx, (REAL *)(uintptr_t)gy, (char *)(uintptr_t)at);
}

static void K(mean_squares)(const ct__squares *s, const void *x, void *y)
{
    K(squares)(K(MEAN), s, (REAL *)(uintptr_t)x, y, y);
}

static void K(spread_squares)(const ct__squares *s, const void *y, void *x)
{
    K(squares)(K(SPREAD), s, x, (REAL *)(uintptr_t)y, x);
}

static const ct__square_kernels K(square_kernels) = { K(max_squares), K(put_squares),
                                                      K(mean_squares), K(spread_squares) };
#endif
