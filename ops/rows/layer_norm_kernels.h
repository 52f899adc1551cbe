/* Kernels of layer_norm.c: ranges of rows. A row of some thousand elements stays in cache between
 * the passes over it, so that memory sees 1 read and 1 write per element forward, 2 reads and 1
 * write backward. */
#include "moments_kernels.h"

enum { K(ROWS) = 32 }; /* so many rows are added to gw and gb in REAL, then to sums in double */

/* The mean of x^2: the mean that is taken off is 0. */
static double K(find_square)(const rows *r, const REAL *x, REAL *y, REAL unit)
{
    REAL room[K(PIECE)];
    double sum[2] = { 0, 0 };
    for (int64_t j = 0; j < r->n; j += K(PIECE)) {
        int64_t m = K(piece)(r->n, j);
        K(add_spread)(&(strip){ 1, m, 0, r->n }, K(in_unit)(room, x + j, m, unit), y + j, 0, sum);
    }
    return sum[1] / (double)r->n;
}

/* The mean is high + low, where high is first the sum of x over n, rounded. With d = x - high, low
 * is the mean of d, and the variance mean d^2 - low^2. If that cancels, high was more than a
 * rounding off, and high + low takes its place. Returns the variance */
static double K(find_mean)(const rows *r, const REAL *x, REAL *y, REAL unit, K(moments) *to,
                           double *low)
{
    REAL room[K(PIECE)];
    double n = (double)r->n, total = 0, sum[2];
    *low = 0;
    if (r->rms)
        return K(find_square)(r, x, y, unit);
    for (int64_t j = 0; j < r->n; j += K(PIECE)) {
        int64_t m = K(piece)(r->n, j);
        total += (double)K(piece_sum)(K(in_unit)(room, x + j, m, unit), m);
    }
    to->high = (REAL)(total / n);
    for (int turn = 0; turn < 2; turn++) {
        sum[0] = sum[1] = 0;
        for (int64_t j = 0; j < r->n; j += K(PIECE)) {
            int64_t m = K(piece)(r->n, j);
            K(add_spread)(&(strip){ 1, m, 0, r->n }, K(in_unit)(room, x + j, m, unit), y + j,
                          to->high, sum);
        }
        *low = sum[0] / n;
        if (turn == 1 || !(4 * *low * *low > sum[1] / n))
            break;
        to->high = (REAL)((double)to->high + *low);
    }
    double variance = sum[1] / n - *low * *low;
    return variance < 0 ? 0 : variance;
}

static K(moments) K(moments_of)(const rows *r, const REAL *x, REAL *y)
{
    K(moments) to = { .unit = 1 };
    double low, epsilon = r->epsilon, variance = K(find_mean)(r, x, y, 1, &to, &low);
    if (!K(is_normal)(variance, epsilon)) {
        to.unit = K(unit_for)(K(find_largest)(x, r->n, sqrt(epsilon)));
        epsilon = epsilon * (double)to.unit * (double)to.unit;
        if (to.unit != 1)
            variance = K(find_mean)(r, x, y, to.unit, &to, &low);
    }
    K(set_scale)(&to, low, variance, epsilon);
    return to;
}

/* y = h; the next function has weight and bias: y = h w + b. */
NOT_INLINED void K(normalize)(int64_t n, REAL *restrict y, const REAL *restrict x, K(moments) of)
{
    for (int64_t j = 0; j < n; j++)
        y[j] = (x[j] - of.high) * of.scale - of.shift;
}

NOT_INLINED void K(normalize_all)(int64_t n, REAL *restrict y, const REAL *restrict x,
                                  K(moments) of, const REAL *restrict w, const REAL *restrict b)
{
    for (int64_t j = 0; j < n; j++)
        y[j] = ((x[j] - of.high) * of.scale - of.shift) * w[j] + b[j];
}

NOT_INLINED void K(multiply)(int64_t n, REAL *restrict y, const REAL *restrict w)
{
    for (int64_t j = 0; j < n; j++)
        y[j] *= w[j];
}

static void K(find_y)(const rows *r, const REAL *x, REAL *y, K(moments) of)
{
    REAL room[K(PIECE)];
    for (int64_t j = 0; j < r->n; j += K(PIECE)) {
        int64_t m = K(piece)(r->n, j);
        const REAL *in = K(in_unit)(room, x + j, m, of.unit);
        const REAL *w = r->w ? (const REAL *)r->w + j : NULL;
        const REAL *b = r->b ? (const REAL *)r->b + j : NULL;
        if (w && b) {
            K(normalize_all)(m, y + j, in, of, w, b);
            continue;
        }
        K(normalize)(m, y + j, in, of);
        if (w)
            K(multiply)(m, y + j, w);
        if (b)
            K(add_piece)(y + j, b, m);
    }
}

static void K(forward)(int64_t begin, int64_t end, void *arg)
{
    const rows *r = arg;
    for (int64_t i = begin; i < end; i++) {
        const REAL *x = (const REAL *)r->x + i * r->n;
        REAL *y = (REAL *)r->y + i * r->n;
        K(moments) of = K(moments_of)(r, x, y);
        ((K(moments) *)r->moments)[i] = of;
        K(find_y)(r, x, y, of);
    }
}

/* What the gradients of a row are made of: gx = factor (g - mean g - h mean(g h)), where g = gy w
 * and factor = scale unit. */
typedef struct K(row) {
    K(moments) of;
    REAL factor, mean_g, mean_gh;
    double sum_g, sum_gh;
} K(row);

/* Adds the sums of g and g h over a piece. Meanwhile it asks for the memory of gx. */
NOT_INLINED void K(sums)(int64_t n, const REAL *x, const REAL *gy, const REAL *w, REAL *gx,
                         K(row) *r)
{
    K(vector) a = { 0 }, b = a, c = a, d = a;
    const K(moments) of = r->of;
    REAL g = 0, gh = 0;
    int64_t i = 0;
    for (; i + 2 * K(WIDE) <= n; i += 2 * K(WIDE)) {
        K(vector) u = K(load)(gy + i), v = K(load)(gy + i + K(WIDE));
        K(fetch_to_write)(gx + i, 2 * K(WIDE));
        if (w) {
            u *= K(load)(w + i);
            v *= K(load)(w + i + K(WIDE));
        }
        a += u;
        b += v;
        c += u * K(load_h)(x + i, &of);
        d += v * K(load_h)(x + i + K(WIDE), &of);
    }
    if (i + K(WIDE) <= n) {
        K(vector) u = w ? K(load)(gy + i) * K(load)(w + i) : K(load)(gy + i);
        a += u;
        c += u * K(load_h)(x + i, &of);
        i += K(WIDE);
    }
    for (int k = 1; k < K(WIDE) && i < n; k++, i++) {
        REAL one = w ? gy[i] * w[i] : gy[i];
        g += one;
        gh += one * ((x[i] - of.high) * of.scale - of.shift);
    }
    r->sum_g += (double)(K(join)(a + b) + g);
    r->sum_gh += (double)(K(join)(c + d) + gh);
}

/* With a weight and without it a loop of its own: a compiler that fuses g = gy w with what follows
 * then does as in find_all, and gx does not depend on which gradients are wanted. */
NOT_INLINED void K(find_gx)(int64_t n, REAL *restrict gx, const REAL *restrict x,
                            const REAL *restrict gy, const REAL *restrict w, const K(row) *r)
{
    const K(moments) of = r->of;
    REAL factor = r->factor, mean_g = r->mean_g, mean_gh = r->mean_gh;
    for (int64_t j = 0; j < n && w; j++) {
        REAL h = (x[j] - of.high) * of.scale - of.shift;
        gx[j] = ((gy[j] * w[j] - mean_g) - h * mean_gh) * factor;
    }
    for (int64_t j = 0; j < n && !w; j++) {
        REAL h = (x[j] - of.high) * of.scale - of.shift;
        gx[j] = ((gy[j] - mean_g) - h * mean_gh) * factor;
    }
}

/* gw += gy h and gb += gy, for a piece. */
NOT_INLINED void K(find_sums)(int64_t n, REAL *restrict gw, REAL *restrict gb,
                              const REAL *restrict x, const REAL *restrict gy, const K(row) *r)
{
    const K(moments) of = r->of;
    for (int64_t j = 0; j < n; j++) {
        gw[j] += gy[j] * ((x[j] - of.high) * of.scale - of.shift);
        gb[j] += gy[j];
    }
}

/* A piece of a row of n elements: its operands, and its parts of gw and gb. */
typedef struct K(place) {
    int64_t n;
    REAL *gx, *gw, *gb;
    const REAL *x, *gy, *w;
} K(place);

/* find_gx and find_sums in one pass over a piece of m elements: what training a layer takes. */
NOT_INLINED void K(find_all)(int64_t m, const K(place) *at, const K(row) *r)
{
    const K(moments) of = r->of;
    REAL factor = r->factor, mean_g = r->mean_g, mean_gh = r->mean_gh;
    REAL *gx = at->gx, *gw = at->gw, *gb = at->gb;
    const REAL *x = at->x, *gy = at->gy, *w = at->w;
    int64_t i = 0, n = at->n;
    while (i + K(WIDE) <= m) {
        K(fetch)(x + i, n, 2 * K(WIDE));
        K(fetch)(gy + i, n, 2 * K(WIDE));
        for (int k = 0; k < 2 && i + K(WIDE) <= m; k++, i += K(WIDE)) {
            K(vector) h = K(load_h)(x + i, &of), v = K(load)(gy + i);
            K(store)(gw + i, K(load)(gw + i) + v * h);
            K(store)(gb + i, K(load)(gb + i) + v);
            K(store)(gx + i, ((v * K(load)(w + i) - mean_g) - h * mean_gh) * factor);
        }
    }
    for (int k = 1; k < K(WIDE) && i < m; k++, i++) {
        REAL h = (x[i] - of.high) * of.scale - of.shift;
        gw[i] += gy[i] * h;
        gb[i] += gy[i];
        gx[i] = ((gy[i] * w[i] - mean_g) - h * mean_gh) * factor;
    }
}

static void K(find_factors)(const rows *r, const REAL *x, const REAL *gy, REAL *gx, K(row) *row)
{
    const REAL *w = r->w;
    REAL room[K(PIECE)];
    for (int64_t j = 0; j < r->n; j += K(PIECE)) {
        int64_t m = K(piece)(r->n, j);
        const REAL *in = K(in_unit)(room, x + j, m, row->of.unit);
        K(sums)(m, in, gy + j, w ? w + j : NULL, gx + j, row);
    }
    row->mean_g = r->rms ? 0 : (REAL)(row->sum_g / (double)r->n);
    row->mean_gh = (REAL)(row->sum_gh / (double)r->n);
    row->factor = row->of.scale * row->of.unit;
}

/* The gradients of row i. If `part` is not NULL, it holds gw and gb, to which the row is added. */
static void K(back_row)(const rows *r, int64_t i, REAL *part)
{
    int64_t n = r->n;
    const REAL *x = (const REAL *)r->x + i * n, *gy = (const REAL *)r->gy + i * n, *w = r->w;
    REAL *gx = r->gx ? (REAL *)r->gx + i * n : NULL, scaled[K(PIECE)], room[K(PIECE)];
    K(row) row = { .of = ((const K(moments) *)r->moments)[i] };
    if (gx)
        K(find_factors)(r, x, gy, gx, &row);
    for (int64_t j = 0; j < n; j += K(PIECE)) {
        int64_t m = K(piece)(n, j);
        const REAL *in = K(in_unit)(scaled, x + j, m, row.of.unit);
        if (gx && part && w && !r->adds) {
            K(find_all)(m, &(K(place)){ n, gx + j, part + j, part + n + j, in, gy + j, w + j },
                        &row);
            continue;
        }
        if (gx)
            K(find_gx)(m, r->adds ? room : gx + j, in, gy + j, w ? w + j : NULL, &row);
        if (gx && r->adds)
            K(add_piece)(gx + j, room, m);
        if (part)
            K(find_sums)(m, part + j, part + n + j, in, gy + j, &row);
    }
}

/* total += part; part = 0. */
NOT_INLINED void K(flush)(int64_t n, double *restrict total, REAL *restrict part)
{
    for (int64_t j = 0; j < n; j++) {
        total[j] += (double)part[j];
        part[j] = 0;
    }
}

static void K(backward)(int64_t begin, int64_t end, void *arg)
{
    const rows *r = arg;
    char *room = r->room ? r->room + (size_t)(begin / r->grain) * room_of_range(r) : NULL;
    double *total = (double *)(void *)room;
    REAL *part = room ? (REAL *)(void *)(total + 2 * r->n) : NULL;
    if (room)
        memset(room, 0, 2 * (size_t)r->n * (sizeof *total + sizeof *part));
    for (int64_t i = begin; i < end; i++) {
        K(back_row)(r, i, part);
        if (room && ((i + 1 - begin) % K(ROWS) == 0 || i + 1 == end))
            K(flush)(2 * r->n, total, part);
    }
}

static const layer_norm_kernels K(kernels) = { K(forward), K(backward) };
