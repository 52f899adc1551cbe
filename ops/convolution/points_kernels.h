/* Kernels of points.c. A vector holds LANES channels of one pixel or point; there is room for
 * whole vectors of channels everywhere, and those behind the last channel are zeros. */
#if defined(__GNUC__)
#include "pairs.h"

/* -- Channels last, and back, by squares of LANES channels and LANES pixels: a number is read and
 * written once, and shuffled log2(LANES) times */
INLINE void K(turn_square)(K(lanes) v[LANES])
{
    for (int round = 1; round < LANES; round *= 2) {
        K(lanes) next[LANES];
#pragma GCC unroll 16
        for (int i = 0; i < LANES / 2; i++) {
            next[2 * i] = K(low_pairs)(v[i], v[i + LANES / 2]);
            next[2 * i + 1] = K(high_pairs)(v[i], v[i + LANES / 2]);
        }
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            v[i] = next[i];
    }
}

/* n numbers, at most LANES, and zeros; and back */
#if VECTOR_BYTES == 64
INLINE K(lanes) K(load_some)(const REAL *x, int64_t n)
{
    return (K(lanes))_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), x);
}

INLINE void K(store_some)(REAL *y, K(lanes) v, int64_t n)
{
    _mm512_mask_storeu_ps(y, (__mmask16)((1u << n) - 1), (__m512)v);
}
#else
INLINE K(lanes) K(load_some)(const REAL *x, int64_t n)
{
    REAL room[LANES] = { 0 };
    if (n == LANES)
        return LOAD(x);
    for (int64_t i = 0; i < n; i++)
        room[i] = x[i];
    return LOAD(room);
}

INLINE void K(store_some)(REAL *y, K(lanes) v, int64_t n)
{
    REAL room[LANES];
    if (n == LANES) {
        STORE(y, v);
        return;
    }
    STORE(room, v);
    for (int64_t i = 0; i < n; i++)
        y[i] = room[i];
}
#endif

static int64_t K(place)(const ct__turn *t, int64_t pixel)
{
    return t->lanes * (t->places ? t->places[pixel] : pixel);
}

static void K(channels_last)(const ct__turn *t, const void *from, void *to)
{
    const uintptr_t next = (uintptr_t)(t->channels * t->channel) * sizeof(REAL);
    for (int64_t c = 0; c < t->lanes; c += LANES)
        for (int64_t p = 0, n; p < t->pixels; p += n) {
            K(lanes) v[LANES];
            n = t->pixels - p < LANES ? t->pixels - p : LANES;
            for (int i = 0; i < LANES; i++) {
                v[i] = SPLAT(0);
                if (c + i < t->channels) {
                    const REAL *x = (const REAL *)from + (c + i) * t->channel + p;
                    v[i] = K(load_some)(x, n);
                    __builtin_prefetch((const void *)((uintptr_t)x + next));
                }
            }
            K(turn_square)(v);
            for (int64_t i = 0; i < n; i++)
                STORE((REAL *)to + K(place)(t, p + i) + c, v[i]);
        }
}

/* at most LANES pixels of at most LANES channels, of which v has a vector for each pixel */
INLINE void K(put_square)(const ct__turn *t, K(lanes) v[LANES], REAL *to, int64_t channels,
                          int64_t n)
{
    K(turn_square)(v);
    for (int64_t i = 0; i < channels; i++, to += t->channel) {
        if (t->adds)
            v[i] += K(load_some)(to, n);
        K(store_some)(to, v[i], n);
    }
}

static void K(channels_first)(const ct__turn *t, const void *from, void *to)
{
    for (int64_t c = 0, channels; c < t->channels; c += LANES) {
        channels = t->channels - c < LANES ? t->channels - c : LANES;
        K(lanes) bias = SPLAT(0);
        if (t->bias)
            bias = K(load_some)((const REAL *)t->bias + c, channels);
        for (int64_t p = 0, n; p < t->pixels; p += n) {
            K(lanes) v[LANES];
            n = t->pixels - p < LANES ? t->pixels - p : LANES;
            for (int64_t i = 0; i < LANES; i++) {
                v[i] = bias;
                if (i < n)
                    v[i] += LOAD((const REAL *)from + K(place)(t, p + i) + c);
            }
            K(put_square)(t, v, (REAL *)to + c * t->channel + p, channels, n);
        }
    }
}

/* -- From pixels to points and back, along one axis; the matrices are in points.c. 6 numbers take
 * some 12 operations */
INLINE void K(both)(K(lanes) *y, K(lanes) even, K(lanes) odd)
{
    y[0] = even + odd;
    y[1] = even - odd;
}

/* n numbers as the coefficients of a polynomial: its values at the points. Those at a and -a are
 * multiplied by `first`, and those at b and -b by `second` */
INLINE void K(evaluate)(int n, REAL first, REAL second, const K(lanes) *x, K(lanes) *y)
{
    const REAL squares[2] = { (REAL)0.5, 2 }, roots[2] = { (REAL)ROOT_HALF, (REAL)ROOT_TWO };
    const REAL by[2] = { first, second };
    for (int k = 0; k < 2; k++) {
        K(lanes) even = x[0], odd = x[1];
        if (n > 2)
            even += SPLAT(squares[k]) * x[2];
        if (n > 3)
            odd += SPLAT(squares[k]) * x[3];
        if (n > 4)
            even += SPLAT(squares[k] * squares[k]) * x[4];
        K(both)(y + 1 + 2 * k, SPLAT(by[k]) * even, SPLAT(by[k] * roots[k]) * odd);
    }
    y[0] = x[0];
    y[5] = x[n - 1];
}

/* the transpose of that */
INLINE void K(collect)(int n, REAL first, REAL second, const K(lanes) *x, K(lanes) *y)
{
    const K(lanes) half = SPLAT((REAL)0.5), two = SPLAT(2);
    K(lanes) p = SPLAT(first) * (x[1] + x[2]), r = SPLAT(second) * (x[3] + x[4]);
    K(lanes) q = SPLAT(first * (REAL)ROOT_HALF) * (x[1] - x[2]);
    K(lanes) s = SPLAT(second * (REAL)ROOT_TWO) * (x[3] - x[4]);
    y[0] = x[0] + p + r;
    y[1] = q + s;
    if (n > 2)
        y[2] = half * p + two * r;
    if (n > 3)
        y[3] = half * q + two * s;
    if (n > 4)
        y[4] = half * half * p + two * two * r;
    y[n - 1] += x[5];
}

INLINE void K(along)(ct__point_step step, int n, const K(lanes) *x, K(lanes) *y)
{
    const K(lanes) half = SPLAT((REAL)0.5), two = SPLAT(2), more = SPLAT((REAL)2.5);
    const K(lanes) a = SPLAT((REAL)ROOT_HALF), b = SPLAT((REAL)ROOT_TWO);
    const REAL first = (REAL)(-2.0 / 3), second = (REAL)(1.0 / 6);
    switch (step) {
    case CT__TO_POINTS:
        y[0] = x[0] + x[4] - more * x[2];
        K(both)(y + 1, x[4] - two * x[2], a * (x[3] - two * x[1]));
        K(both)(y + 3, x[4] - half * x[2], b * (x[3] - half * x[1]));
        y[5] = x[1] + x[5] - more * x[3];
        break;
    case CT__FROM_POINTS:
        K(collect)(n, 1, 1, x, y);
        break;
    case CT__TO_POINTS_ADJOINT:
        K(evaluate)(n, 1, 1, x, y);
        break;
    case CT__FROM_POINTS_ADJOINT: {
        K(lanes) p = x[1] + x[2], q = a * (x[1] - x[2]), r = x[3] + x[4], s = b * (x[3] - x[4]);
        y[0] = x[0];
        y[1] = x[5] - two * q - half * s;
        y[2] = -more * x[0] - two * p - half * r;
        y[3] = q + s - more * x[5];
        y[4] = x[0] + p + r;
        y[5] = x[5];
        break;
    }
    case CT__WEIGHTS:
        K(evaluate)(n, first, second, x, y);
        break;
    case CT__WEIGHTS_ADJOINT:
        K(collect)(n, first, second, x, y);
        break;
    }
}

/* the same along both axes. From points, it returns zeros, or NaN where a result is not finite */
INLINE K(lanes) K(square)(ct__point_step step, int count, const ct__spots *s, const REAL *x,
                          REAL *y)
{
    const int n = step == CT__WEIGHTS || step == CT__TO_POINTS_ADJOINT ? count : 6;
    const int m = step == CT__WEIGHTS_ADJOINT || step == CT__FROM_POINTS ? count : 6;
    K(lanes) half[6][6], in[6], out[6], sum = SPLAT(0);
    for (int j = 0; j < n; j++) {
        for (int i = 0; i < n; i++)
            in[i] = LOAD(x + i * s->from_row + j * s->from_column);
        K(along)(step, count, in, out);
        for (int i = 0; i < m; i++)
            half[i][j] = out[i];
    }
    for (int i = 0; i < m; i++) {
        K(along)(step, count, half[i], out);
        for (int j = 0; j < m; j++) {
            REAL *to = y + i * s->to_row + j * s->to_column;
            if (step == CT__FROM_POINTS_ADJOINT)
                out[j] += LOAD(to);
            STORE(to, out[j]);
            if (step == CT__FROM_POINTS)
                sum += out[j] * SPLAT(0);
        }
    }
    return sum;
}

INLINE bool K(has_nan)(K(lanes) v)
{
    REAL room[LANES], sum = 0;
    STORE(room, v);
    for (int i = 0; i < LANES; i++)
        sum += room[i];
    return sum != sum;
}

/* May what CT__FROM_POINTS_ADJOINT makes of a vector of channels not be finite? It is at most
 * GROWTH times the largest number. Returns zeros, or NaN where it may. */
INLINE K(lanes) K(doubt)(const ct__spots *s, const REAL *x)
{
    K(lanes) sum = SPLAT(0);
    for (int j = 0; j < 6; j++)
        for (int i = 0; i < 6; i++)
            sum += SPLAT(0) * (SPLAT(GROWTH) * LOAD(x + i * s->from_row + j * s->from_column));
    return sum;
}

INLINE bool K(may_add)(const ct__spots *s, const REAL *x)
{
    K(lanes) sum = SPLAT(0);
    for (int64_t c = 0; c < s->lanes; c += LANES)
        sum += K(doubt)(s, x + c);
    return !K(has_nan)(sum);
}

INLINE void K(squares_of)(ct__point_step step, int n, const ct__spots *s)
{
    bool *wrong = s->wrong;
    for (int64_t i = 0; i < s->count[0]; i++)
        for (int64_t j = 0; j < s->count[1]; j++)
            for (int64_t k = 0; k < s->count[2]; k++) {
                const REAL *x = s->from;
                REAL *y = s->to;
                K(lanes) sum = SPLAT(0);
                x += i * s->from_step[0] + j * s->from_step[1] + k * s->from_step[2];
                y += i * s->to_step[0] + j * s->to_step[1] + k * s->to_step[2];
                if (step == CT__FROM_POINTS_ADJOINT && (*wrong++ = !K(may_add)(s, x)))
                    continue;
                for (int64_t c = 0; c < s->lanes; c += LANES)
                    sum += K(square)(step, n, s, x + c, y + c);
                if (step == CT__FROM_POINTS)
                    *wrong++ = K(has_nan)(sum);
            }
}

static void K(run)(ct__point_step step, const ct__spots *s)
{
    switch (step) {
    case CT__TO_POINTS:
        K(squares_of)(CT__TO_POINTS, 6, s);
        break;
    case CT__FROM_POINTS:
        if (s->n == 4)
            K(squares_of)(CT__FROM_POINTS, 4, s);
        else
            K(squares_of)(CT__FROM_POINTS, 2, s);
        break;
    case CT__TO_POINTS_ADJOINT:
        if (s->n == 4)
            K(squares_of)(CT__TO_POINTS_ADJOINT, 4, s);
        else
            K(squares_of)(CT__TO_POINTS_ADJOINT, 2, s);
        break;
    case CT__FROM_POINTS_ADJOINT:
        K(squares_of)(CT__FROM_POINTS_ADJOINT, 6, s);
        break;
    case CT__WEIGHTS:
        if (s->n == 3)
            K(squares_of)(CT__WEIGHTS, 3, s);
        else
            K(squares_of)(CT__WEIGHTS, 5, s);
        break;
    case CT__WEIGHTS_ADJOINT:
        if (s->n == 3)
            K(squares_of)(CT__WEIGHTS_ADJOINT, 3, s);
        else
            K(squares_of)(CT__WEIGHTS_ADJOINT, 5, s);
        break;
    }
}

/* -- A tile without points: for each channel, sums of a product for each element of the kernel.
 * Pixels that are outside of `inside` are left out */
static void K(direct)(const ct__direct *d)
{
    const int64_t taps = d->kernel * d->kernel;
    for (int64_t p = 0; p < d->tile * d->tile; p++)
        for (int64_t o = 0; o < d->out_lanes; o += LANES) {
            int64_t i = p / d->tile, j = p % d->tile;
            K(lanes) sum = SPLAT(0);
            for (int64_t k = 0; k < taps; k++) {
                int64_t y = i + k / d->kernel, x = j + k % d->kernel;
                const REAL *from = (const REAL *)d->from + y * d->from_row + x * d->in_lanes;
                const REAL *w = (const REAL *)d->w + k * d->tap + o;
                bool inside = y >= d->inside[0] && y < d->inside[1] && x >= d->inside[2] &&
                              x < d->inside[3];
                for (int64_t c = 0; c < d->in && inside; c++)
                    sum += SPLAT(from[c]) * LOAD(w + c * taps * d->out_lanes);
            }
            STORE((REAL *)d->to + i * d->to_row + j * d->out_lanes + o, sum);
        }
}

static const ct__point_kernels K(point_kernels) = { K(channels_last), K(channels_first),
                                                          K(run), K(direct) };
#endif
