/* Kernels of channels.c: ranges of sets. Memory sees 1 read and 1 write per element forward, and 2
 * reads and 1 write backward, if a set stays in cache between the two passes over it. */
#include "moments_kernels.h"

/* Is a piece worked on where it lies? Otherwise its elements, times their unit, are moved to where
 * they lie one after another: those of runs shorter than a vector are. */
static inline bool K(stays)(const piece *p, REAL unit, bool adds)
{
    return unit == 1 && !adds && (p->runs == 1 || p->n >= K(WIDE));
}

static inline strip K(strip_for)(const sets *s, const piece *p, bool stays)
{
    return stays ? strip_of(s, p) : (strip){ 1, p->runs * p->n, 0, 0 };
}

static inline const REAL *K(piece_in)(const sets *s, const piece *p, bool stays,
                                      REAL *restrict room, const REAL *restrict x, REAL unit)
{
    x += p->at;
    for (int64_t r = 0; r < p->runs && !stays; r++)
        for (int64_t i = 0; i < p->n; i++)
            room[r * p->n + i] = x[r * s->run_step + i] * unit;
    return stays ? x : room;
}

static inline void K(piece_out)(const sets *s, const piece *p, bool stays,
                                const REAL *restrict room, REAL *restrict y, bool adds)
{
    y += p->at;
    for (int64_t r = 0; r < p->runs && !stays; r++)
        for (int64_t i = 0; i < p->n; i++)
            y[r * s->run_step + i] = (adds ? y[r * s->run_step + i] : 0) + room[r * p->n + i];
}

static void K(add_spread_of)(const sets *s, const piece *p, REAL unit, REAL high, double *sum)
{
    REAL room[PIECE];
    bool stays = K(stays)(p, unit, false);
    strip all = K(strip_for)(s, p, stays);
    K(add_spread)(&all, K(piece_in)(s, p, stays, room, s->x, unit),
                  stays ? (REAL *)s->y + p->at : room, high, sum);
}

/* The mean is high + low. high is first the mean of the first piece, rounded. With d = x - high,
 * low is the mean of d, and the variance mean d^2 - low^2. If that cancels, high + low takes the
 * place of high: it is near the mean, because the first piece is no small part of the set. Returns
 * the variance. */
static double K(find_spread)(const sets *s, int64_t set, REAL unit, K(moments) *to, double *low)
{
    double n = (double)s->n, sum[2] = { 0, 0 };
    piece first = { .first = part_at(s, set, 0) };
    if (next_piece(s, &first)) {
        K(add_spread_of)(s, &first, unit, 0, sum);
        to->high = (REAL)(sum[0] / (double)(first.runs * first.n));
    }
    for (int turn = 0; turn < 2; turn++) {
        sum[0] = sum[1] = 0;
        for (int64_t k = 0; k < s->parts; k++)
            for (piece p = { .first = part_at(s, set, k) }; next_piece(s, &p);)
                K(add_spread_of)(s, &p, unit, to->high, sum);
        *low = sum[0] / n;
        if (turn == 1 || !(4 * *low * *low > sum[1] / n))
            break;
        to->high = (REAL)((double)to->high + *low);
    }
    double variance = sum[1] / n - *low * *low;
    return variance < 0 ? 0 : variance;
}

static REAL K(unit_of_set)(const sets *s, int64_t set)
{
    double largest = sqrt(s->epsilon);
    for (int64_t k = 0; k < s->parts; k++)
        for (int64_t r = 0; r < s->runs; r++)
            largest = K(find_largest)((const REAL *)s->x + part_at(s, set, k) + r * s->run_step,
                                      s->length, largest);
    return K(unit_for)(largest);
}

/* the mean of a set that has elements which are not finite: an infinity, or NaN */
static double K(mean_not_finite)(const sets *s, int64_t set)
{
    double sum = 0;
    for (int64_t k = 0; k < s->parts; k++)
        for (int64_t r = 0; r < s->runs; r++)
            sum += K(row_sum)((const REAL *)s->x + part_at(s, set, k) + r * s->run_step,
                              s->length);
    return sum / (double)s->n;
}

static K(moments) K(find_moments)(const sets *s, int64_t set)
{
    K(moments) to = { .unit = 1 };
    double low, epsilon = s->epsilon, variance = K(find_spread)(s, set, 1, &to, &low);
    if (!K(is_normal)(variance, epsilon)) {
        to.unit = K(unit_of_set)(s, set);
        epsilon = epsilon * (double)to.unit * (double)to.unit;
        if (to.unit != 1)
            variance = K(find_spread)(s, set, to.unit, &to, &low);
    }
    K(set_scale)(&to, low, variance, epsilon);
    if (s->mean_out) {
        double unit = (double)to.unit, mean = ((double)to.high + low) / unit;
        ((REAL *)s->mean_out)[set] = (REAL)(isfinite(mean) ? mean : K(mean_not_finite)(s, set));
        ((REAL *)s->variance_out)[set] = (REAL)(variance / unit / unit);
    }
    ((K(moments) *)s->moments)[set] = to;
    return to;
}

/* the moments that are given, or were kept */
static K(moments) K(moments_at)(const sets *s, int64_t set)
{
    if (s->moments)
        return ((const K(moments) *)s->moments)[set];
    K(moments) to = { .high = ((const REAL *)s->mean)[set], .unit = 1 };
    to.scale = (REAL)(1 / sqrt((double)((const REAL *)s->variance)[set] + s->epsilon));
    return to;
}

/* what a channel's h is multiplied by, what is added, and the least that y may be: 0 or NaN, which
 * nothing is less than */
typedef struct K(line) {
    REAL w, b, least;
} K(line);

static K(line) K(line_of)(const sets *s, int64_t part)
{
    const int64_t c = part % s->channels;
    return (K(line)){ s->w ? ((const REAL *)s->w)[c] : 1, s->b ? ((const REAL *)s->b)[c] : 0,
                      s->relu ? 0 : (REAL)NAN };
}

NOT_INLINED void K(affine)(const strip *s, REAL *restrict y, const REAL *restrict x, K(moments) of,
                           K(line) by)
{
    for (int64_t r = 0; r < s->runs; r++, x += s->step, y += s->step)
        for (int64_t j = 0; j < s->n; j++) {
            REAL sum = ((x[j] - of.high) * of.scale - of.shift) * by.w + by.b;
            y[j] = sum <= by.least ? by.least : sum;
        }
}

static void K(forward)(int64_t begin, int64_t end, void *arg)
{
    const sets *s = arg;
    REAL room[PIECE], result[PIECE], *y = s->y;
    for (int64_t i = begin; i < end; i++) {
        K(moments) of = s->moments ? K(find_moments)(s, i) : K(moments_at)(s, i);
        for (int64_t k = 0; k < s->parts; k++) {
            K(line) by = K(line_of)(s, i * s->parts + k);
            for (piece p = { .first = part_at(s, i, k) }; next_piece(s, &p);) {
                bool stays = K(stays)(&p, of.unit, false);
                strip all = K(strip_for)(s, &p, stays);
                K(affine)(&all, stays ? y + p.at : result,
                          K(piece_in)(s, &p, stays, room, s->x, of.unit), of, by);
                K(piece_out)(s, &p, stays, result, y, false);
            }
        }
    }
}

/* g, or 0 where y is no more than the least */
static inline K(vector) K(passed)(K(vector) g, K(vector) h, const K(line) *by)
{
    const K(vector) y = h * by->w + by->b;
#if defined(__GNUC__)
    const __typeof__(y <= y) stopped = y <= (K(vector)){ 0 } + by->least;
    return (K(vector))((__typeof__(y <= y))g & ~stopped);
#else
    return y <= by->least ? 0 : g;
#endif
}

/* Adds the sums of g h and of g over a strip to sum[0] and sum[1]. Meanwhile it asks for the memory
 * of gx, and for what is read next. */
NOT_INLINED void K(add_sums)(const strip *s, const REAL *const in[2], REAL *gx, K(moments) of,
                             K(line) by, double *sum)
{
    const REAL *x = in[0], *g = in[1];
    K(vector) a = { 0 }, b = a, c = a, d = a;
    for (int64_t r = 0; r < s->runs; r++, x += s->step, g += s->step, gx += s->step) {
        REAL one = 0, with_h = 0;
        int64_t i = 0;
        for (; i + 2 * K(WIDE) <= s->n; i += 2 * K(WIDE)) {
            K(vector) p = K(load_h)(x + i, &of), q = K(load_h)(x + i + K(WIDE), &of);
            K(vector) u = K(passed)(K(load)(g + i), p, &by);
            K(vector) v = K(passed)(K(load)(g + i + K(WIDE)), q, &by);
            K(fetch_to_write)(gx + i, 2 * K(WIDE));
            K(fetch)(x + i, s->next, 2 * K(WIDE));
            K(fetch)(g + i, s->next, 2 * K(WIDE));
            a += u;
            b += v;
            c += u * p;
            d += v * q;
        }
        for (; i + K(WIDE) <= s->n; i += K(WIDE)) {
            K(vector) p = K(load_h)(x + i, &of), u = K(passed)(K(load)(g + i), p, &by);
            K(fetch_to_write)(gx + i, K(WIDE));
            K(fetch)(x + i, s->next, K(WIDE));
            K(fetch)(g + i, s->next, K(WIDE));
            a += u;
            c += u * p;
        }
        for (int k = 1; k < K(WIDE) && i < s->n; k++, i++) {
            REAL h = (x[i] - of.high) * of.scale - of.shift;
            REAL passed = h * by.w + by.b <= by.least ? 0 : g[i];
            one += passed;
            with_h += passed * h;
        }
        sum[0] += (double)with_h;
        sum[1] += (double)one;
    }
    sum[0] += (double)K(join)(c + d);
    sum[1] += (double)K(join)(a + b);
}

/* What the gradient of a part is made of: gx = (g w - mean_g - h mean_gh) factor, to which what the
 * statistics pass on is added, by_mean + h by_variance. */
typedef struct K(slopes) {
    K(moments) of;
    K(line) by;
    REAL mean_g, mean_gh, factor, by_mean, by_variance;
} K(slopes);

NOT_INLINED void K(find_gx)(const strip *all, REAL *restrict gx, const REAL *restrict x,
                            const REAL *restrict g, const K(slopes) *by)
{
    const K(slopes) s = *by;
    for (int64_t r = 0; r < all->runs; r++, x += all->step, g += all->step, gx += all->step)
        for (int64_t j = 0; j < all->n; j++) {
            REAL h = (x[j] - s.of.high) * s.of.scale - s.of.shift;
            REAL passed = h * s.by.w + s.by.b <= s.by.least ? 0 : g[j];
            gx[j] = ((passed * s.by.w - s.mean_g) - h * s.mean_gh) * s.factor;
        }
}

NOT_INLINED void K(add_by_statistics)(const strip *all, REAL *restrict gx, const REAL *restrict x,
                                      const K(slopes) *by)
{
    for (int64_t r = 0; r < all->runs; r++, x += all->step, gx += all->step)
        for (int64_t j = 0; j < all->n; j++)
            gx[j] += by->by_mean + ((x[j] - by->of.high) * by->of.scale - by->of.shift) *
                                       by->by_variance;
}

NOT_INLINED void K(find_gx_of_given)(const strip *all, REAL *restrict gx, const REAL *restrict g,
                                     const K(slopes) *by)
{
    REAL w = by->by.w, factor = by->factor;
    for (int64_t r = 0; r < all->runs; r++, g += all->step, gx += all->step)
        for (int64_t j = 0; j < all->n; j++)
            gx[j] = g[j] * w * factor;
}

static void K(sum_part)(const sets *s, int64_t first, K(moments) of, K(line) by, double *sum)
{
    REAL room[PIECE], room_g[PIECE];
    sum[0] = sum[1] = 0;
    for (piece p = { .first = first }; next_piece(s, &p);) {
        bool stays = K(stays)(&p, of.unit, false);
        strip all = K(strip_for)(s, &p, stays);
        const REAL *in = K(piece_in)(s, &p, stays, room, s->x, of.unit);
        const REAL *g = K(piece_in)(s, &p, stays, room_g, s->gy, 1);
        REAL *gx = stays && s->gx ? (REAL *)s->gx + p.at : room;
        K(add_sums)(&all, (const REAL *[]){ in, g }, gx, of, by, sum);
    }
}

static K(slopes) K(slopes_of)(const sets *s, int64_t set, K(moments) of)
{
    K(slopes) to = { .of = of, .factor = of.scale * of.unit };
    double g = 0, gh = 0, n = (double)s->n;
    if (!s->moments)
        return to;
    const REAL *w = s->w; /* with it and without it a loop of its own, so that all compilers fuse */
    for (int64_t k = set * s->parts; k < (set + 1) * s->parts && w; k++) {
        gh += (double)w[k % s->channels] * s->sums[2 * k];
        g += (double)w[k % s->channels] * s->sums[2 * k + 1];
    }
    for (int64_t k = set * s->parts; k < (set + 1) * s->parts && !w; k++) {
        gh += s->sums[2 * k];
        g += s->sums[2 * k + 1];
    }
    to.mean_g = (REAL)(g / n);
    to.mean_gh = (REAL)(gh / n);
    if (s->g_mean)
        to.by_mean = (REAL)((double)((const REAL *)s->g_mean)[set] / n);
    if (s->g_variance)
        to.by_variance = (REAL)(2 * (double)((const REAL *)s->g_variance)[set] / n /
                                (double)to.factor);
    return to;
}

static void K(back_part)(const sets *s, int64_t first, const K(slopes) *by)
{
    REAL room[PIECE], room_g[PIECE], result[PIECE], *gx = s->gx;
    for (piece p = { .first = first }; next_piece(s, &p);) {
        bool stays = K(stays)(&p, by->of.unit, s->adds);
        strip all = K(strip_for)(s, &p, stays);
        const REAL *g = K(piece_in)(s, &p, stays, room_g, s->gy, 1), *in;
        REAL *to = stays ? gx + p.at : result;
        if (s->moments) {
            in = K(piece_in)(s, &p, stays, room, s->x, by->of.unit);
            K(find_gx)(&all, to, in, g, by);
            if (s->g_mean || s->g_variance)
                K(add_by_statistics)(&all, to, in, by);
        } else {
            K(find_gx_of_given)(&all, to, g, by);
        }
        K(piece_out)(s, &p, stays, result, gx, s->adds);
    }
}

static void K(backward)(int64_t begin, int64_t end, void *arg)
{
    const sets *s = arg;
    for (int64_t i = begin; i < end; i++) {
        K(moments) of = K(moments_at)(s, i);
        for (int64_t k = 0; k < s->parts; k++)
            K(sum_part)(s, part_at(s, i, k), of, K(line_of)(s, i * s->parts + k),
                        s->sums + 2 * (i * s->parts + k));
        K(slopes) by = K(slopes_of)(s, i, of);
        for (int64_t k = 0; k < s->parts && s->gx; k++) {
            by.by = K(line_of)(s, i * s->parts + k);
            K(back_part)(s, part_at(s, i, k), &by);
        }
    }
}

static const ct__channel_kernels K(channel_kernels) = { K(forward), K(backward) };
