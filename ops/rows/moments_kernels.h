/* Mean and variance of rows, for layer_norm.c and channels.c, whose files of kernels include this
 * one.
 *
 * In REAL, the mean of numbers that are nearly equal is as far off as they are apart. So it is a
 * sum of two numbers, high and low, of which x - high is exact there. Rows whose squares would
 * overflow or underflow are multiplied by a power of 2 first, their unit; all others have unit 1
 * and are read where they lie. */
#include "row_kernels.h"

/* What is kept of a row x. Its h is (x unit - high) scale - shift, and shift is low scale. */
typedef struct K(moments) {
    REAL high, shift, scale, unit;
} K(moments);

/* A piece of a row times its unit: x itself if the unit is 1. */
static inline const REAL *K(in_unit)(REAL *restrict room, const REAL *restrict x, int64_t n,
                                     REAL unit)
{
    if (unit == 1)
        return x;
    for (int64_t i = 0; i < n; i++)
        room[i] = x[i] * unit;
    return room;
}

static inline K(vector) K(square)(K(vector) v)
{
    return v * v;
}

/* Adds the sums of x - high and of its square over a strip to sum[0] and sum[1]. Meanwhile it asks
 * for what is read next and for the memory of y. */
NOT_INLINED void K(add_spread)(const strip *s, const REAL *x, REAL *y, REAL high, double *sum)
{
    K(vector) a = { 0 }, b = a, c = a, d = a, e = a, f = a;
    for (int64_t r = 0; r < s->runs; r++, x += s->step, y += s->step) {
        REAL rest = 0, rest_squares = 0;
        int64_t i = 0;
        for (; i + 4 * K(WIDE) <= s->n; i += 4 * K(WIDE)) {
            K(vector) p = K(load)(x + i) - high, q = K(load)(x + i + K(WIDE)) - high;
            K(vector) u = K(load)(x + i + 2 * K(WIDE)) - high;
            K(vector) v = K(load)(x + i + 3 * K(WIDE)) - high;
            K(fetch)(x + i, s->next, 4 * K(WIDE));
            K(fetch_to_write)(y + i, 4 * K(WIDE));
            a += K(square)(p);
            b += K(square)(q);
            c += K(square)(u);
            d += K(square)(v);
            e += p + q;
            f += u + v;
        }
        for (; i + K(WIDE) <= s->n; i += K(WIDE)) {
            K(vector) p = K(load)(x + i) - high;
            K(fetch)(x + i, s->next, K(WIDE));
            K(fetch_to_write)(y + i, K(WIDE));
            a += K(square)(p);
            e += p;
        }
        for (int k = 1; k < K(WIDE) && i < s->n; k++, i++) {
            rest += x[i] - high;
            rest_squares += (x[i] - high) * (x[i] - high);
        }
        sum[0] += (double)rest;
        sum[1] += (double)rest_squares;
    }
    sum[0] += (double)K(join)(e + f);
    sum[1] += (double)K(join)((a + b) + (c + d));
}

/* the largest of |x| and of `largest` */
static double K(find_largest)(const REAL *x, int64_t n, double largest)
{
    for (int64_t j = 0; j < n; j++)
        if (!(fabs((double)x[j]) <= largest))
            largest = fabs((double)x[j]);
    return largest;
}

/* the power of 2 by which `largest` becomes about 1; 1 where it is 0 or not finite */
static REAL K(unit_for)(double largest)
{
    enum { LIMIT = sizeof(REAL) == sizeof(float) ? 126 : 1022 };
    int exponent;
    if (largest == 0 || !isfinite(largest))
        return 1;
    frexp(largest, &exponent);
    return (REAL)ldexp(1, exponent > LIMIT ? -LIMIT : exponent < -LIMIT ? LIMIT : -exponent);
}

/* a variance (plus epsilon) whose digits are all there, in which case the unit is 1 */
static inline bool K(is_normal)(double variance, double epsilon)
{
    const double least = sizeof(REAL) == sizeof(float) ? 0x1p-80 : 0x1p-900;
    return variance + epsilon >= least && variance <= DBL_MAX;
}

static inline void K(set_scale)(K(moments) *to, double low, double variance, double epsilon)
{
    double scale = 1 / sqrt(variance + epsilon);
    to->scale = (REAL)scale;
    to->shift = (REAL)(low * scale);
}

static inline K(vector) K(load_h)(const REAL *x, const K(moments) *of)
{
    return (K(load)(x) - of->high) * of->scale - of->shift;
}
