/* Kernels of layer_norm.c, for one type and one kind of processor: ranges of rows. A row of some
 * thousand elements stays in cache between the passes over it, so that memory sees 1 read and 1
 * write per element forward, 2 reads and 1 write backward. */
#include "line_kernels.h"

enum { K(ROWS) = 32 }; /* whose gw and gb are added up in REAL */

static inline K(vector) K(square)(K(vector) v)
{
    return v * v;
}

/* sum of (x - mean)^2 of a piece; meanwhile the next row comes in, and room for y */
LINE_PART REAL K(squares)(int64_t m, const REAL *x, REAL *y, int64_t n, REAL mean)
{
    K(vector) a = { 0 }, b = a, c = a, d = a;
    REAL rest = 0;
    int64_t i = 0;
    for (; i + 4 * K(WIDE) <= m; i += 4 * K(WIDE)) {
        K(fetch)(x + i, n, 4 * K(WIDE));
        K(fetch_to_write)(y + i, 4 * K(WIDE));
        a += K(square)(K(load)(x + i) - mean);
        b += K(square)(K(load)(x + i + K(WIDE)) - mean);
        c += K(square)(K(load)(x + i + 2 * K(WIDE)) - mean);
        d += K(square)(K(load)(x + i + 3 * K(WIDE)) - mean);
    }
    for (; i + K(WIDE) <= m; i += K(WIDE))
        a += K(square)(K(load)(x + i) - mean);
    for (int k = 1; k < K(WIDE) && i < m; k++, i++)
        rest += (x[i] - mean) * (x[i] - mean);
    return K(join)((a + b) + (c + d)) + rest;
}

/* y = h, and with weight and bias h w + b */
LINE_PART void K(normalize)(int64_t n, REAL *restrict y, const REAL *restrict x, REAL mean,
                            REAL scale)
{
    for (int64_t j = 0; j < n; j++)
        y[j] = (x[j] - mean) * scale;
}

LINE_PART void K(normalize_all)(int64_t n, REAL *restrict y, const REAL *restrict x, REAL mean,
                                REAL scale, const REAL *restrict w, const REAL *restrict b)
{
    for (int64_t j = 0; j < n; j++)
        y[j] = (x[j] - mean) * scale * w[j] + b[j];
}

LINE_PART void K(multiply)(int64_t n, REAL *restrict y, const REAL *restrict w)
{
    for (int64_t j = 0; j < n; j++)
        y[j] *= w[j];
}

static void K(find_y)(const rows *r, const REAL *x, REAL *y, REAL mean, REAL scale)
{
    if (r->w && r->b) {
        K(normalize_all)(r->n, y, x, mean, scale, r->w, r->b);
        return;
    }
    K(normalize)(r->n, y, x, mean, scale);
    if (r->w)
        K(multiply)(r->n, y, r->w);
    if (r->b)
        K(add_piece)(y, r->b, r->n);
}

static void K(forward)(int64_t begin, int64_t end, void *arg)
{
    const rows *r = arg;
    int64_t n = r->n;
    for (int64_t i = begin; i < end; i++) {
        const REAL *x = (const REAL *)r->x + i * n;
        REAL *y = (REAL *)r->y + i * n, mean = (REAL)(K(line_sum)(x, n) / (double)n);
        double sum = 0;
        for (int64_t j = 0; j < n; j += K(PIECE))
            sum += (double)K(squares)(K(piece)(n, j), x + j, y + j, n, mean);
        REAL scale = (REAL)(1 / sqrt(sum / (double)n + r->epsilon));
        ((REAL *)r->mean)[i] = mean;
        ((REAL *)r->scale)[i] = scale;
        K(find_y)(r, x, y, mean, scale);
    }
}

/* what a row's gradients are made of: h = (x - mean) scale, and
 * gx = scale (g - mean g - h mean (g h)) = scale g - c - (x - mean) d, g = gy w */
typedef struct K(row) {
    REAL mean, scale, c, d;
    double sum_g, sum_gh;
} K(row);

/* adds a piece's sums of g and g h; meanwhile room for gx comes in */
LINE_PART void K(sums)(int64_t n, const REAL *x, const REAL *gy, const REAL *w, REAL *gx,
                       K(row) *r)
{
    K(vector) a = { 0 }, b = a, c = a, d = a;
    REAL mean = r->mean, g = 0, gh = 0;
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
        c += u * (K(load)(x + i) - mean);
        d += v * (K(load)(x + i + K(WIDE)) - mean);
    }
    if (i + K(WIDE) <= n) {
        K(vector) u = w ? K(load)(gy + i) * K(load)(w + i) : K(load)(gy + i);
        a += u;
        c += u * (K(load)(x + i) - mean);
        i += K(WIDE);
    }
    for (int k = 1; k < K(WIDE) && i < n; k++, i++) {
        REAL one = w ? gy[i] * w[i] : gy[i];
        g += one;
        gh += one * (x[i] - mean);
    }
    r->sum_g += (double)(K(join)(a + b) + g);
    r->sum_gh += (double)(K(join)(c + d) + gh) * (double)r->scale;
}

LINE_PART void K(find_gx)(int64_t n, REAL *restrict gx, const REAL *restrict x,
                          const REAL *restrict gy, const REAL *restrict w, const K(row) *r)
{
    REAL mean = r->mean, scale = r->scale, c = r->c, d = r->d;
    for (int64_t j = 0; w && j < n; j++)
        gx[j] = gy[j] * scale * w[j] - c - (x[j] - mean) * d;
    for (int64_t j = 0; !w && j < n; j++)
        gx[j] = gy[j] * scale - c - (x[j] - mean) * d;
}

/* gw += gy h, gb += gy */
LINE_PART void K(find_sums)(int64_t n, REAL *restrict gw, REAL *restrict gb,
                            const REAL *restrict x, const REAL *restrict gy, const K(row) *r)
{
    REAL mean = r->mean, scale = r->scale;
    for (int64_t j = 0; j < n; j++) {
        gw[j] += gy[j] * scale * (x[j] - mean);
        gb[j] += gy[j];
    }
}

/* both at once: what training a layer takes */
LINE_PART void K(find_all)(int64_t n, REAL *gx, REAL *gw, REAL *gb, const REAL *x, const REAL *gy,
                           const REAL *w, const K(row) *r)
{
    REAL mean = r->mean, scale = r->scale, c = r->c, d = r->d;
    int64_t i = 0;
    while (i + K(WIDE) <= n) {
        K(fetch)(x + i, n, 2 * K(WIDE));
        K(fetch)(gy + i, n, 2 * K(WIDE));
        for (int k = 0; k < 2 && i + K(WIDE) <= n; k++, i += K(WIDE)) {
            K(vector) far = K(load)(x + i) - mean, v = K(load)(gy + i), g = v * scale;
            K(store)(gw + i, K(load)(gw + i) + g * far);
            K(store)(gb + i, K(load)(gb + i) + v);
            K(store)(gx + i, g * K(load)(w + i) - c - far * d);
        }
    }
    for (int k = 1; k < K(WIDE) && i < n; k++, i++) {
        REAL far = x[i] - mean, g = gy[i] * scale;
        gw[i] += g * far;
        gb[i] += gy[i];
        gx[i] = g * w[i] - c - far * d;
    }
}

static void K(find_factors)(const rows *r, const REAL *x, const REAL *gy, REAL *gx, K(row) *row)
{
    const REAL *w = r->w;
    double n = (double)r->n, scale = (double)row->scale;
    for (int64_t j = 0; j < r->n; j += K(PIECE))
        K(sums)(K(piece)(r->n, j), x + j, gy + j, w ? w + j : NULL, gx + j, row);
    row->c = (REAL)(row->sum_g / n * scale);
    row->d = (REAL)(row->sum_gh / n * scale * scale);
}

/* row i; its part of gw and gb is added to `part`, where that is not NULL */
static void K(back_row)(const rows *r, int64_t i, REAL *part)
{
    int64_t n = r->n;
    const REAL *x = (const REAL *)r->x + i * n, *gy = (const REAL *)r->gy + i * n, *w = r->w;
    REAL *gx = r->gx ? (REAL *)r->gx + i * n : NULL, room[K(PIECE)];
    K(row) row = { .mean = ((const REAL *)r->mean)[i], .scale = ((const REAL *)r->scale)[i] };
    if (gx)
        K(find_factors)(r, x, gy, gx, &row);
    if (gx && part && w && !r->adds) {
        K(find_all)(n, gx, part, part + n, x, gy, w, &row);
        return;
    }
    for (int64_t j = 0; gx && j < n; j += K(PIECE)) {
        int64_t m = K(piece)(n, j);
        K(find_gx)(m, r->adds ? room : gx + j, x + j, gy + j, w ? w + j : NULL, &row);
        if (r->adds)
            K(add_piece)(gx + j, room, m);
    }
    if (part)
        K(find_sums)(n, part, part + n, x, gy, &row);
}

/* total += part, which is 0 then */
LINE_PART void K(flush)(int64_t n, double *restrict total, REAL *restrict part)
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
