/* Kernels of softmax.c, for one type and one kind of processor: included with REAL, EXP and K
 * defined. A body gets lines of arg's length; data and stride are those of their first elements.
 *
 * Lines that are contiguous are taken one by one: a line of some thousand elements stays in cache
 * between its passes. Lines that lie side by side are taken WIDTH together, so that they are read
 * along memory; and a line of any other strides is one such alone. */
#include "line_kernels.h"

enum { K(WIDTH) = 512 / sizeof(REAL), K(ROWS) = 32 };

/* m lines side by side: their largest elements */
LINE_PART void K(max_rows)(int64_t m, int64_t n, REAL *restrict max, const REAL *restrict x,
                           int64_t row)
{
    for (int64_t j = 0; j < m; j++)
        max[j] = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++)
            max[j] = x[i * row + j] > max[j] ? x[i * row + j] : max[j];
}

static inline void K(exp_row)(int64_t m, REAL *restrict e, REAL *restrict sum,
                              const REAL *restrict x, const REAL *restrict shift)
{
    for (int64_t j = 0; j < m; j++) {
        e[j] = EXP(x[j] - shift[j]);
        sum[j] += e[j];
    }
}

/* ... and sums of e^(x - shift), in blocks of rows; y = e^(x - shift) where it is not NULL */
LINE_PART void K(exp_rows)(int64_t m, int64_t n, double *restrict sum, REAL *y, int64_t y_row,
                           const REAL *x, int64_t x_row, const REAL *shift)
{
    for (int64_t j = 0; j < m; j++)
        sum[j] = 0;
    for (int64_t first = 0; first < n; first += K(ROWS)) {
        REAL part[K(WIDTH)] = { 0 }, e[K(WIDTH)];
        for (int64_t i = first; i < n && i < first + K(ROWS); i++)
            K(exp_row)(m, y ? y + i * y_row : e, part, x + i * x_row, shift);
        for (int64_t j = 0; j < m; j++)
            sum[j] += (double)part[j];
    }
}

/* how many lines from line j on are taken at once */
static int64_t K(together)(int64_t lines, int64_t j, bool side_by_side)
{
    return !side_by_side ? 1 : lines - j < K(WIDTH) ? lines - j : K(WIDTH);
}

LINE_PART void K(scale_rows)(int64_t m, int64_t n, REAL *restrict y, int64_t row,
                             const double *restrict sum)
{
    REAL scale[K(WIDTH)];
    for (int64_t k = 0; k < m; k++)
        scale[k] = (REAL)(1 / sum[k]);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < m; k++)
            y[i * row + k] *= scale[k];
}

LINE_PART void K(scale_line)(REAL *restrict y, int64_t n, REAL scale)
{
    for (int64_t i = 0; i < n; i++)
        y[i] *= scale;
}

/* operands y, x. 3 reads, 2 writes, 1 exponential per element; all but 1 read and 1 write of a
 * line's elements in cache */
static void K(softmax)(int64_t lines, void *const *data, const int64_t *stride, const void *arg)
{
    const line *l = arg;
    int64_t n = l->length, sy = l->stride[0], sx = l->stride[1];
    bool beside = stride[0] == 1 && stride[1] == 1;
    for (int64_t j = 0, m = 1; j < lines; j += m) {
        REAL *y = (REAL *)data[0] + j * stride[0];
        const REAL *x = (const REAL *)data[1] + j * stride[1];
        if (sy == 1 && sx == 1) {
            K(scale_line)(y, n, (REAL)(1 / K(exp_line)(y, x, n, K(line_max)(x, n))));
            continue;
        }
        REAL max[K(WIDTH)];
        double sum[K(WIDTH)];
        m = K(together)(lines, j, beside);
        K(max_rows)(m, n, max, x, sx);
        K(exp_rows)(m, n, sum, y, sy, x, sx, max);
        K(scale_rows)(m, n, y, sy, sum);
    }
}

LINE_PART void K(shift_line)(REAL *restrict y, const REAL *restrict x, int64_t n, REAL max,
                             REAL log_sum)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] - max - log_sum;
}

LINE_PART void K(shift_rows)(int64_t m, int64_t n, REAL *restrict y, int64_t y_row,
                             const REAL *restrict x, int64_t x_row, const REAL *restrict max,
                             const double *restrict sum)
{
    REAL log_sum[K(WIDTH)];
    for (int64_t k = 0; k < m; k++)
        log_sum[k] = (REAL)log(sum[k]);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < m; k++)
            y[i * y_row + k] = x[i * x_row + k] - max[k] - log_sum[k];
}

/* the same, then y = x - max - log sum */
static void K(log_softmax)(int64_t lines, void *const *data, const int64_t *stride,
                           const void *arg)
{
    const line *l = arg;
    int64_t n = l->length, sy = l->stride[0], sx = l->stride[1];
    bool beside = stride[0] == 1 && stride[1] == 1;
    for (int64_t j = 0, m = 1; j < lines; j += m) {
        REAL *y = (REAL *)data[0] + j * stride[0];
        const REAL *x = (const REAL *)data[1] + j * stride[1];
        if (sy == 1 && sx == 1) {
            REAL max = K(line_max)(x, n);
            K(shift_line)(y, x, n, max, (REAL)log(K(exp_line)(NULL, x, n, max)));
            continue;
        }
        REAL max[K(WIDTH)];
        double sum[K(WIDTH)];
        m = K(together)(lines, j, beside);
        K(max_rows)(m, n, max, x, sx);
        K(exp_rows)(m, n, sum, NULL, 0, x, sx, max);
        K(shift_rows)(m, n, y, sy, x, sx, max, sum);
    }
}

/* -- Gradients: operands gx, gy, y. gy of a line may be repeated or lie apart: then a piece at a
 * time is gathered. What is to be added to gx is found in a room of its own first */
LINE_PART const REAL *K(gathered)(REAL *restrict room, const REAL *restrict x, int64_t n,
                                  int64_t stride)
{
    REAL first = *x;
    if (stride == 1)
        return x;
    if (stride == 0) /* as it is where a sum follows */
        for (int64_t i = 0; i < n; i++)
            room[i] = first;
    else
        for (int64_t i = 0; i < n; i++)
            room[i] = x[i * stride];
    return room;
}

LINE_PART void K(softmax_back_piece)(int64_t n, REAL *restrict gx, const REAL *restrict gy,
                                     const REAL *restrict y, REAL dot)
{
    for (int64_t i = 0; i < n; i++)
        gx[i] = y[i] * (gy[i] - dot);
}

LINE_PART void K(log_softmax_back_piece)(int64_t n, REAL *restrict gx, const REAL *restrict gy,
                                         const REAL *restrict y, REAL sum)
{
    for (int64_t i = 0; i < n; i++)
        gx[i] = gy[i] - EXP(y[i]) * sum;
}

/* 2 passes; 2 multiplications and 2 additions per element, or 1 exponential */
LINE_PART void K(back_line)(const line *l, bool logs, REAL *gx, const REAL *gy, const REAL *y)
{
    REAL gathered[K(PIECE)], room[K(PIECE)];
    double total = 0;
    int64_t n = l->length, sg = l->stride[1];
    for (int64_t i = 0; i < n; i += K(PIECE)) {
        int64_t m = K(piece)(n, i);
        const REAL *g = K(gathered)(gathered, gy + i * sg, m, sg);
        total += (double)(logs ? K(piece_sum)(g, m) : K(piece_dot)(g, y + i, m));
    }
    for (int64_t i = 0; i < n; i += K(PIECE)) {
        int64_t m = K(piece)(n, i);
        const REAL *g = K(gathered)(gathered, gy + i * sg, m, sg);
        (logs ? K(log_softmax_back_piece)
              : K(softmax_back_piece))(m, l->adds ? room : gx + i, g, y + i, (REAL)total);
        if (l->adds)
            K(add_piece)(gx + i, room, m);
    }
}

/* sum_j = sum of gy_j, or of gy_j y_j where y is not NULL */
LINE_PART void K(dot_rows)(int64_t m, int64_t n, REAL *restrict sum, const REAL *restrict gy,
                           int64_t g_row, const REAL *restrict y, int64_t y_row)
{
    double total[K(WIDTH)] = { 0 };
    for (int64_t first = 0; first < n; first += K(ROWS)) {
        REAL part[K(WIDTH)] = { 0 };
        for (int64_t i = first; i < n && i < first + K(ROWS); i++)
            if (y)
                for (int64_t j = 0; j < m; j++)
                    part[j] += gy[i * g_row + j] * y[i * y_row + j];
            else
                for (int64_t j = 0; j < m; j++)
                    part[j] += gy[i * g_row + j];
        for (int64_t j = 0; j < m; j++)
            total[j] += (double)part[j];
    }
    for (int64_t j = 0; j < m; j++)
        sum[j] = (REAL)total[j];
}

/* a row of lines side by side */
LINE_PART void K(softmax_back_row)(int64_t m, REAL *restrict gx, const REAL *restrict gy,
                                   const REAL *restrict y, const REAL *restrict dot)
{
    for (int64_t k = 0; k < m; k++)
        gx[k] = y[k] * (gy[k] - dot[k]);
}

LINE_PART void K(log_softmax_back_row)(int64_t m, REAL *restrict gx, const REAL *restrict gy,
                                       const REAL *restrict y, const REAL *restrict sum)
{
    for (int64_t k = 0; k < m; k++)
        gx[k] = gy[k] - EXP(y[k]) * sum[k];
}

static void K(back_rows)(int64_t m, const line *l, bool logs, REAL *gx, const REAL *gy,
                         const REAL *y)
{
    REAL sum[K(WIDTH)], room[K(WIDTH)];
    int64_t n = l->length, sx = l->stride[0], sg = l->stride[1], sy = l->stride[2];
    K(dot_rows)(m, n, sum, gy, sg, logs ? NULL : y, sy);
    for (int64_t i = 0; i < n; i++, gx += sx, gy += sg, y += sy) {
        (logs ? K(log_softmax_back_row)
              : K(softmax_back_row))(m, l->adds ? room : gx, gy, y, sum);
        if (l->adds)
            K(add_piece)(gx, room, m);
    }
}

LINE_PART void K(back)(int64_t lines, void *const *data, const int64_t *stride, const line *l,
                       bool logs)
{
    bool beside = stride[0] == 1 && stride[1] == 1 && stride[2] == 1;
    for (int64_t j = 0, m = 1; j < lines; j += m) {
        REAL *gx = (REAL *)data[0] + j * stride[0];
        const REAL *gy = (const REAL *)data[1] + j * stride[1];
        const REAL *y = (const REAL *)data[2] + j * stride[2];
        if (l->stride[0] == 1 && l->stride[2] == 1) {
            K(back_line)(l, logs, gx, gy, y);
            continue;
        }
        m = K(together)(lines, j, beside);
        K(back_rows)(m, l, logs, gx, gy, y);
    }
}

static void K(softmax_back)(int64_t lines, void *const *data, const int64_t *stride,
                            const void *arg)
{
    K(back)(lines, data, stride, arg, false);
}

static void K(log_softmax_back)(int64_t lines, void *const *data, const int64_t *stride,
                                const void *arg)
{
    K(back)(lines, data, stride, arg, true);
}

/* -- logsumexp as a fold: kept are the largest element so far, and the sum of e^(x - shift) with
 * what was rounded off. Where the largest grows, the sum shrinks with it */
/* what is taken off: the largest, unless it is infinite or NaN */
static REAL K(shift)(REAL max)
{
    return max - max == 0 ? max : 0;
}

static void K(start)(int64_t m, void *kept)
{
    REAL *max = kept, *sum = max + m;
    for (int64_t j = 0; j < m; j++)
        max[j] = -INFINITY, sum[j] = 0, sum[m + j] = 0;
}

/* a sum of e^(x - from) as one of e^(x - to); of nothing, or of -inf alone, it is 0 from any, and
 * beside infinity it does not matter */
static REAL K(scaled)(REAL sum, REAL from, REAL to)
{
    return sum == 0 || to == INFINITY ? sum : sum * EXP(K(shift)(from) - K(shift)(to));
}

/* more elements for result j: the largest, and their sum when that was taken off */
LINE_PART void K(absorb)(int64_t m, int64_t j, REAL *kept, REAL by, REAL part)
{
    REAL *max = kept + j, *sum = max + m, *rest = sum + m, most = by > *max ? by : *max;
    REAL old = K(scaled)(*sum, *max, most), new = K(scaled)(part, by, most);
    REAL total = old + new, gone = total - old;
    *rest = K(scaled)(*rest, *max, most) + ((old - (total - gone)) + (new - gone));
    *sum = total;
    *max = most;
}

/* absorbs n elements whose largest is `max`. From infinity no difference can be taken: the sum is
 * that then, or NaN if there is one */
LINE_PART void K(absorb_sum)(int64_t m, int64_t j, REAL *kept, REAL max, double sum,
                             const REAL *x, int64_t n, int64_t stride)
{
    if (max == INFINITY)
        sum = (double)max;
    for (int64_t i = 0; i < n && max == INFINITY; i++)
        sum = x[i * stride] == x[i * stride] ? sum : (double)NAN;
    K(absorb)(m, j, kept, max, (REAL)sum);
}

static void K(fold)(int64_t m, int64_t n, void *kept, const void *data, int64_t sm, int64_t sn)
{
    const REAL *x = data;
    if (sn == 1) {
        for (int64_t j = 0; j < m; j++) {
            REAL max = K(line_max)(x + j * sm, n);
            double sum = K(exp_line)(NULL, x + j * sm, n, K(shift)(max));
            K(absorb_sum)(m, j, kept, max, sum, x + j * sm, n, 1);
        }
        return;
    }
    for (int64_t j = 0, w; j < m; j += w) {
        REAL max[K(WIDTH)], shift[K(WIDTH)];
        double sum[K(WIDTH)];
        w = K(together)(m, j, sm == 1);
        K(max_rows)(w, n, max, x + j * sm, sn);
        for (int64_t k = 0; k < w; k++)
            shift[k] = K(shift)(max[k]);
        K(exp_rows)(w, n, sum, NULL, 0, x + j * sm, sn, shift);
        for (int64_t k = 0; k < w; k++)
            K(absorb_sum)(m, j + k, kept, max[k], sum[k], x + (j + k) * sm, n, sn);
    }
}

static void K(join_sums)(int64_t m, void *kept, const void *with)
{
    const REAL *max = with, *sum = max + m;
    for (int64_t j = 0; j < m; j++) /* what was rounded off there adds to what is here */
        K(absorb)(m, j, kept, max[j], sum[j] + sum[m + j]);
}

static void K(finish)(int64_t m, const void *kept, void *data, int64_t stride, void *arg)
{
    (void)arg;
    const REAL *max = kept, *sum = max + m;
    REAL *y = data;
    for (int64_t j = 0; j < m; j++) {
        REAL rest = sum[m + j] - sum[m + j] == 0 ? sum[m + j] : 0;
        y[j * stride] = K(shift)(max[j]) + (REAL)log((double)sum[j] + (double)rest);
    }
}

LINE_PART void K(logsumexp_back_piece)(int64_t n, REAL *restrict gx, const REAL *restrict gy,
                                       const REAL *restrict x, const REAL *restrict y)
{
    for (int64_t i = 0; i < n; i++)
        gx[i] = gy[i] * EXP(x[i] - (y[i] == -INFINITY ? 0 : y[i]));
}

/* gx = gy e^(x - y), of operands gx, gy, x, y; where y = -inf every x is, and e^x is 0 */
static void K(logsumexp_back)(int64_t n, void *const *data, const int64_t *stride,
                              const void *arg)
{
    const bool *adds = arg;
    REAL g[K(WIDTH)], x[K(WIDTH)], y[K(WIDTH)], room[K(WIDTH)];
    for (int64_t i = 0, m; i < n; i += m) {
        m = n - i < K(WIDTH) ? n - i : K(WIDTH);
        REAL *gx = (REAL *)data[0] + i * stride[0];
        const REAL *from[3];
        REAL *rooms[3] = { g, x, y };
        for (int k = 0; k < 3; k++)
            from[k] = K(gathered)(rooms[k], (const REAL *)data[k + 1] + i * stride[k + 1], m,
                                  stride[k + 1]);
        K(logsumexp_back_piece)(m, *adds ? room : gx, from[0], from[1], from[2]);
        if (*adds)
            K(add_piece)(gx, room, m);
    }
}

static const softmax_kernels K(kernels) = {
    K(softmax), K(log_softmax), K(softmax_back), K(log_softmax_back), K(logsumexp_back),
    { 3, K(start), K(fold), K(join_sums), K(finish) }
};
