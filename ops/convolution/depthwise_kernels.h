/* Kernels of depthwise.c, for one channel, from a copy of it (ct__plane). Per element of y and tap:
 * 1 read, 1 multiply-add; with few taps what bounds them is reading x and writing y. */
#include "vectors.h"

/* x into the copy, whose zeros round it are there: row by row, each cut into its phases */
static void K(copy_plane)(const ct__plane *p, const void *from, void *to)
{
    for (int64_t z = p->begin[0]; z < p->end[0]; z++)
        for (int64_t r = p->begin[1]; r < p->end[1]; r++) {
            const REAL *x = (const REAL *)from +
                            ((z - p->before[0]) * p->in[1] + r - p->before[1]) * p->in[2] -
                            p->before[2];
            REAL *y = (REAL *)to + (z * p->rows + r) * p->row;
            if (p->phases == 1)
                memcpy(y + p->begin[2], x + p->begin[2],
                       (size_t)(p->end[2] - p->begin[2]) * sizeof *y);
            else
                for (int64_t f = 0; f < p->phases; f++) {
                    int64_t k = (p->begin[2] - f + p->phases - 1) / p->phases;
                    REAL *to_phase = y + f * p->phase;
                    for (int64_t i = k * p->phases + f; i < p->end[2]; i += p->phases)
                        to_phase[k++] = x[i];
                }
        }
}

/* `vectors` vectors of y, of which n elements are stored: sums over the taps. `vectors` and, if it
 * is not 0, `taps` are constants where this is inlined. */
INLINE void K(convolve)(const ct__plane *p, const REAL *x, const REAL *w, REAL *y, REAL start,
                        int64_t n, int vectors, int64_t taps, bool adds)
{
    K(lanes) sum[4] = { SPLAT(start), SPLAT(start), SPLAT(start), SPLAT(start) };
    for (int64_t t = 0; t < (taps ? taps : p->taps); t++)
        for (int v = 0; v < vectors; v++)
            sum[v] += SPLAT(w[t]) * LOAD(x + p->tap[t] + v * LANES);
    for (int v = 0; v < vectors; v++, y += LANES, n -= LANES) {
        REAL last[LANES];
        if (n >= LANES) {
            if (adds)
                sum[v] += LOAD(y);
            STORE(y, sum[v]);
            continue;
        }
        STORE(last, sum[v]);
        for (int64_t i = 0; i < n; i++)
            y[i] = adds ? y[i] + last[i] : last[i];
    }
}

INLINE void K(convolve_row)(const ct__plane *p, const REAL *x, const REAL *w, REAL *y, REAL start,
                            int64_t taps, bool adds)
{
    for (int64_t i = 0, n = p->out[2]; i < n;) {
        if (n - i > 2 * LANES) {
            K(convolve)(p, x + i, w, y + i, start, n - i, 4, taps, adds);
            i += 4 * LANES;
        } else {
            K(convolve)(p, x + i, w, y + i, start, n - i, 2, taps, adds);
            i += 2 * LANES;
        }
    }
}

/* y, or += if `adds`, from the copy x; `start` is the bias, or NULL */
static void K(convolve_plane)(const ct__plane *p, const void *x, const void *w, void *y,
                              const void *start, bool adds)
{
    REAL *to = y, first = start ? *(const REAL *)start : 0;
    for (int64_t z = 0; z < p->out[0]; z++)
        for (int64_t r = 0; r < p->out[1]; r++, to += p->out[2]) {
            const REAL *from = (const REAL *)x + (z * p->step[0] + r * p->step[1]);
            if (p->taps == 9 && !adds)
                K(convolve_row)(p, from, w, to, first, 9, false);
            else
                K(convolve_row)(p, from, w, to, first, 0, adds);
        }
}

/* total + rest += sum; rest takes what total rounds off (Knuth's two-sum) */
INLINE void K(absorb)(REAL *total, REAL *rest, REAL sum)
{
    REAL after = (REAL)(*total + sum), part = (REAL)(after - *total);
    *rest += (REAL)((REAL)(*total - (REAL)(after - part)) + (REAL)(sum - part));
    *total = after;
}

/* the first n of the lanes of x; the others, which may hold anything, become 0 */
INLINE K(lanes) K(some)(const REAL *x, int64_t n)
{
#if defined(__GNUC__)
    static const REAL index[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    typedef __typeof__((K(lanes)){ 0 } < (K(lanes)){ 0 }) mask;
    return (K(lanes))((mask)LOAD(x) & (LOAD(index) < SPLAT((REAL)n)));
#else
    return n > 0 ? *x : 0;
#endif
}

/* Products of a row of g and what `some` taps from t on meet, summed lane by lane. Behind the sums
 * is the vector that the row ends with, with zeros behind its end. */
INLINE void K(correlate)(const ct__plane *p, const REAL *x, const REAL *g, int64_t t, int some,
                         K(lanes) *sums)
{
    K(lanes) sum[3];
    int64_t i = 0, n = p->out[2];
    for (int k = 0; k < some; k++)
        sum[k] = sums[t + k];
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < some; k++)
            sum[k] += LOAD(g + i) * LOAD(x + p->tap[t + k] + i);
    for (int k = 0; k < some && i < n; k++)
        sum[k] += sums[p->taps] * K(some)(x + p->tap[t + k] + i, n - i);
    for (int k = 0; k < some; k++)
        sums[t + k] = sum[k];
}

static void K(flush)(const ct__plane *p, K(lanes) *sums, REAL *total)
{
    for (int64_t t = 0; t < p->taps; t++) {
        REAL lanes[LANES], sum = 0;
        STORE(lanes, sums[t]);
        for (int i = 0; i < LANES; i++)
            sum += lanes[i];
        K(absorb)(total + t, total + p->taps + t, sum);
        sums[t] = SPLAT(0);
    }
}

/* Adds the sums over y of g times the copy x to total: `taps` sums, and then as many numbers that
 * they round off. `room` has a vector for each tap, and one more. */
static void K(correlate_plane)(const ct__plane *p, const void *x, const void *g, void *room,
                               void *total)
{
    K(lanes) *sums = room;
    const REAL *from = g;
    int64_t summed = 0;
    for (int64_t t = 0; t < p->taps; t++)
        sums[t] = SPLAT(0);
    for (int64_t z = 0; z < p->out[0]; z++)
        for (int64_t r = 0; r < p->out[1]; r++, from += p->out[2]) {
            const REAL *at = (const REAL *)x + (z * p->step[0] + r * p->step[1]);
            REAL last[LANES] = { 0 };
            int64_t t = 0, whole = p->out[2] / LANES * LANES;
            for (int64_t i = whole; i < p->out[2]; i++)
                last[i - whole] = from[i];
            sums[p->taps] = LOAD(last);
            for (; t + 3 <= p->taps; t += 3)
                K(correlate)(p, at, from, t, 3, sums);
            for (; t < p->taps; t++)
                K(correlate)(p, at, from, t, 1, sums);
            summed += p->out[2] / LANES + 1;
            if (summed >= 256) {
                K(flush)(p, sums, total);
                summed = 0;
            }
        }
    K(flush)(p, sums, total);
}

static void K(settle)(const ct__plane *p, const void *total, void *w, bool adds)
{
    const REAL *sum = total, *rest = sum + p->taps;
    for (int64_t t = 0; t < p->taps; t++) {
        REAL all = sum[t] + ((REAL)(rest[t] - rest[t]) == 0 ? rest[t] : 0);
        ((REAL *)w)[t] = adds ? ((REAL *)w)[t] + all : all;
    }
}

static const ct__plane_kernels K(plane_kernels) = { K(copy_plane), K(convolve_plane),
                                                    K(correlate_plane), K(settle) };
