/* Kernels of depthwise.c for 3 x 3 elements that leave the image its size, for one channel. It is
 * taken by strips, one vector wide, row by row from the top: a row of x is read three times, each
 * an element further on, and what it adds to three rows of y stays in registers. Meanwhile the same
 * row of the next image is asked for. Per element of y: 9 multiply-adds, 3 reads, 1 write; for w, 4
 * reads. */
#if defined(__GNUC__)
#include "vectors.h"

/* Where element `at` of all images, and those behind, may be read: if not `safe`, those that are
 * none are 0. */
INLINE K(lanes) K(read)(const REAL *x, int64_t at, int64_t count, bool safe)
{
    if (safe || (at >= 0 && at + LANES <= count))
        return LOAD(x + at);
    REAL room[LANES] = { 0 };
    for (int k = 0; k < LANES; k++)
        if (at + k >= 0 && at + k < count)
            room[k] = x[at + k];
    return LOAD(room);
}

/* Asks for the memory of element `at`, which may lie behind the end: then it does nothing. */
INLINE void K(fetch)(const void *x, int64_t at, bool write)
{
    const void *there = (const void *)((uintptr_t)x + (uintptr_t)at * sizeof(REAL));
    if (write)
        __builtin_prefetch(there, 1);
    else
        __builtin_prefetch(there);
}

INLINE K(lanes) K(masked)(K(lanes) x, K(marks) mask)
{
    return (K(lanes))((K(marks))x & mask);
}

/* which of LANES columns from `from` on are in begin ... end - 1 */
INLINE K(marks) K(inside)(int64_t from, int64_t begin, int64_t end)
{
    static const K(mark) all[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
    K(marks) column;
    memcpy(&column, all, sizeof column);
    column += MARK(from);
    return (column >= MARK(begin)) & (column < MARK(end));
}

typedef struct K(strip) {
    const ct__three *t;
    int64_t x, y;              /* of the first pixel of the image, among all */
    int64_t column, fresh;     /* where the strip begins; columns before `fresh` are done */
    bool safe;                 /* reading and writing a little beyond the image is */
} K(strip);

/* row r of the strip of y is, or if `adds` gets more by, v */
INLINE void K(write)(const K(strip) *s, int64_t r, K(lanes) v, K(marks) fresh)
{
    const ct__three *t = s->t;
    REAL *y = (REAL *)t->y + s->y + r * t->columns + s->column, room[LANES];
    if (s->safe) {
        STORE(y, t->adds ? CHOOSE(fresh, v + LOAD(y), LOAD(y)) : v);
        return;
    }
    STORE(room, v);
    for (int64_t k = s->fresh - s->column; k < LANES && s->column + k < t->columns; k++)
        y[k] = t->adds ? y[k] + room[k] : room[k];
}

INLINE void K(convolve_strip)(const K(strip) *s, const REAL *weight, REAL start)
{
    const ct__three *t = s->t;
    const K(lanes) zero = SPLAT(0); /* what is above and below the image */
    K(lanes) w[9], above = SPLAT(start), here = above;
    K(marks) left = K(inside)(s->column - 1, 0, t->columns);
    K(marks) right = K(inside)(s->column + 1, 0, t->columns);
    K(marks) fresh = K(inside)(s->column, s->fresh, t->columns);
    for (int k = 0; k < 9; k++)
        w[k] = SPLAT(weight[t->mirrored ? 8 - k : k]);
    here += w[0] * zero + w[1] * zero + w[2] * zero; /* NaN, if a weight is not finite */
    for (int64_t r = 0; r < t->rows; r++) {
        int64_t at = s->x + r * t->columns + s->column;
        K(lanes) a = K(masked)(K(read)(t->x, at - 1, t->count, s->safe), left);
        K(lanes) b = K(read)(t->x, at, t->count, s->safe);
        K(lanes) c = K(masked)(K(read)(t->x, at + 1, t->count, s->safe), right);
        K(lanes) below = SPLAT(start) + (a * w[0] + b * w[1] + c * w[2]);
        here += a * w[3] + b * w[4] + c * w[5];
        above += a * w[6] + b * w[7] + c * w[8];
        K(fetch)(t->x, at + t->next, false);
        K(fetch)(t->y, s->y + r * t->columns + s->column + t->next, true);
        if (r > 0)
            K(write)(s, r - 1, above, fresh);
        above = here;
        here = below;
    }
    K(write)(s, t->rows - 1, above + (w[6] * zero + w[7] * zero + w[8] * zero), fresh);
}

/* sums[k] += g times what element k of the kernel meets, lane by lane */
INLINE void K(correlate_strip)(const K(strip) *s, K(lanes) *sums)
{
    const ct__three *t = s->t;
    K(marks) fresh = K(inside)(s->column, s->fresh, t->columns);
    K(marks) left = fresh & K(inside)(s->column - 1, 0, t->columns);
    K(marks) right = fresh & K(inside)(s->column + 1, 0, t->columns);
    int64_t y = s->y + s->column, x = s->x + s->column;
    K(lanes) sum[9], above = SPLAT(0), here;
    memcpy(sum, sums, sizeof sum);
    here = K(masked)(K(read)(t->y, y, t->count_of_y, s->safe), fresh);
    for (int k = 0; k < 3; k++)
        sum[k] += here * SPLAT(0); /* zeros above: NaN, if y is not finite */
    for (int64_t r = 0; r < t->rows; r++, x += t->columns) {
        K(lanes) a = K(masked)(K(read)(t->x, x - 1, t->count, s->safe), left);
        K(lanes) b = K(masked)(K(read)(t->x, x, t->count, s->safe), fresh);
        K(lanes) c = K(masked)(K(read)(t->x, x + 1, t->count, s->safe), right), below = SPLAT(0);
        y += t->columns;
        K(fetch)(t->x, x + t->next, false);
        K(fetch)(t->y, y + t->next, false);
        if (r + 1 < t->rows) {
            below = K(masked)(K(read)(t->y, y, t->count_of_y, s->safe), fresh);
            sum[0] += below * a, sum[1] += below * b, sum[2] += below * c;
        }
        sum[3] += here * a, sum[4] += here * b, sum[5] += here * c;
        if (r > 0)
            sum[6] += above * a, sum[7] += above * b, sum[8] += above * c;
        above = here;
        here = below;
    }
    for (int k = 6; k < 9; k++)
        sum[k] += above * SPLAT(0);
    memcpy(sums, sum, sizeof sum);
}

/* May a vector begin one element before the image, and end behind it? */
static bool K(is_safe)(const ct__three *t, int64_t x, int64_t y)
{
    int64_t n = t->rows * t->columns + LANES + 1;
    return x > 0 && x + n <= t->count && y + n <= t->count_of_y;
}

static void K(convolve_three)(const ct__three *of, int64_t x, int64_t y, const void *w,
                              const void *start)
{
    const ct__three copy = *of, *t = &copy; /* which no writing to y can change */
    K(strip) s = { t, x, y, 0, 0, false };
    REAL first = start ? *(const REAL *)start : 0;
    bool safe = K(is_safe)(t, x, y);
    for (; s.fresh < t->columns; s.fresh = s.column + LANES) {
        s.column = s.fresh;
        if (t->columns > LANES && s.column > t->columns - LANES)
            s.column = t->columns - LANES;
        if (safe) {
            s.safe = true;
            K(convolve_strip)(&s, w, first);
        } else {
            s.safe = false;
            K(convolve_strip)(&s, w, first);
        }
    }
}

static void K(correlate_three)(const ct__three *of, int64_t x, int64_t y, void *sums)
{
    const ct__three copy = *of, *t = &copy;
    K(strip) s = { t, x, y, 0, 0, false };
    bool safe = K(is_safe)(t, x, y);
    for (; s.fresh < t->columns; s.fresh = s.column + LANES) {
        s.column = s.fresh;
        if (t->columns > LANES && s.column > t->columns - LANES)
            s.column = t->columns - LANES;
        if (safe) {
            s.safe = true;
            K(correlate_strip)(&s, sums);
        } else {
            s.safe = false;
            K(correlate_strip)(&s, sums);
        }
    }
}

/* total + rest += sum; rest takes what total rounds off (Knuth's two-sum) */
INLINE void K(take)(REAL *total, REAL *rest, REAL sum)
{
    REAL after = (REAL)(*total + sum), part = (REAL)(after - *total);
    *rest += (REAL)((REAL)(*total - (REAL)(after - part)) + (REAL)(sum - part));
    *total = after;
}

/* adds the lanes of 9 vectors of sums to total, 9 sums and 9 numbers that they round off, and
 * clears them */
static void K(flush_three)(void *room, void *totals)
{
    REAL *sums = room, *total = totals;
    for (int t = 0; t < 9; t++, sums += LANES) {
        REAL sum = 0;
        for (int i = 0; i < LANES; i++)
            sum += sums[i];
        K(take)(total + t, total + 9 + t, sum);
    }
    memset(room, 0, 9 * VECTOR_BYTES);
}

static const ct__three_kernels K(three_kernels) = { K(convolve_three), K(correlate_three),
                                                    K(flush_three), LANES };
#endif
