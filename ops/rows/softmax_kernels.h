/* Kernels of softmax.c. A body gets lines (lines.h) of arg's length; data and stride are those of
 * their first elements.
 *
 * A line whose elements lie one after another is a row. Rows are taken one by one: a row of some
 * thousand elements stays in the cache between the passes over it. Lines whose first elements lie
 * one after another are columns. WIDTH columns are taken together, so that memory is read along
 * its rows. A line with any other strides is taken as a single column. */
#include "row_kernels.h"

enum { K(WIDTH) = 512 / sizeof(REAL), K(ROWS) = 32 };

/* The largest element of each of m columns. */
NOT_INLINED void K(max_columns)(int64_t m, int64_t n, REAL *restrict max, const REAL *restrict x,
                                int64_t row)
{
    for (int64_t j = 0; j < m; j++)
        max[j] = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++)
            max[j] = x[i * row + j] > max[j] ? x[i * row + j] : max[j];
}

static inline void K(exp_across)(int64_t m, REAL *restrict e, REAL *restrict sum,
                                 const REAL *restrict x, const REAL *restrict shift)
{
    for (int64_t j = 0; j < m; j++) {
        e[j] = EXP(x[j] - shift[j]);
        sum[j] += e[j];
    }
}

/* As sum_but_one, for those of m columns whose sum has_one. e has `rows` rows of terms. */
NOT_INLINED void K(sum_columns_but_one)(int64_t m, int64_t rows, REAL *restrict sum,
                                        REAL *restrict ones, const REAL *restrict e)
{
    REAL rest[K(WIDTH)] = { 0 };
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < m; j++)
            rest[j] += e[i * K(WIDTH) + j] == 1 ? 0 : e[i * K(WIDTH) + j];
    for (int64_t j = 0; j < m; j++)
        if (K(has_one)(sum[j])) {
            ones[j] += sum[j] - rest[j] > (REAL)0.5;
            sum[j] = rest[j];
        }
}

static bool K(have_one)(int64_t m, const REAL *sum)
{
    bool some = false;
    for (int64_t j = 0; j < m; j++)
        some |= K(has_one)(sum[j]);
    return some;
}

/* As exp_row, for m columns at once, in blocks of ROWS rows. */
NOT_INLINED void K(exp_columns)(int64_t m, int64_t n, double *restrict sum, REAL *y, int64_t y_row,
                                const REAL *x, int64_t x_row, const REAL *shift)
{
    REAL ones[K(WIDTH)] = { 0 }, room[K(ROWS) * K(WIDTH)];
    for (int64_t j = 0; j < m; j++)
        sum[j] = 0;
    for (int64_t first = 0; first < n; first += K(ROWS)) {
        int64_t rows = n - first < K(ROWS) ? n - first : K(ROWS);
        REAL part[K(WIDTH)] = { 0 };
        for (int64_t i = 0; i < rows; i++)
            K(exp_across)(m, y ? y + (first + i) * y_row : room + i * K(WIDTH), part,
                       x + (first + i) * x_row, shift);
        if (!y && K(have_one)(m, part))
            K(sum_columns_but_one)(m, rows, part, ones, room);
        for (int64_t j = 0; j < m; j++)
            sum[j] += (double)part[j];
    }
    for (int64_t j = 0; j < m; j++)
        sum[j] += (double)(ones[j] - 1);
}

/* How many lines are taken at once, from line j on? */
static int64_t K(together)(int64_t rows, int64_t j, bool side_by_side)
{
    return !side_by_side ? 1 : rows - j < K(WIDTH) ? rows - j : K(WIDTH);
}

NOT_INLINED void K(scale_columns)(int64_t m, int64_t n, REAL *restrict y, int64_t row,
                                  const double *restrict rest)
{
    REAL scale[K(WIDTH)];
    for (int64_t k = 0; k < m; k++)
        scale[k] = (REAL)(1 / (1 + rest[k]));
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < m; k++)
            y[i * row + k] *= scale[k];
}

NOT_INLINED void K(scale_row)(REAL *restrict y, int64_t n, REAL scale)
{
    for (int64_t i = 0; i < n; i++)
        y[i] *= scale;
}

/* The operands are y and x. Each element takes 3 reads, 2 writes and 1 exponential; 1 read and 1
 * write of them go to memory, the others to the cache. */
static void K(softmax)(int64_t rows, void *const *data, const int64_t *stride, const void *arg)
{
    const row *r = arg;
    int64_t n = r->length, sy = r->stride[0], sx = r->stride[1];
    bool beside = stride[0] == 1 && stride[1] == 1;
    for (int64_t j = 0, m = 1; j < rows; j += m) {
        REAL *y = (REAL *)data[0] + j * stride[0];
        const REAL *x = (const REAL *)data[1] + j * stride[1];
        if (sy == 1 && sx == 1) {
            K(scale_row)(y, n, (REAL)(1 / (1 + K(exp_row)(y, x, n, K(row_max)(x, n)))));
            continue;
        }
        REAL max[K(WIDTH)];
        double sum[K(WIDTH)];
        m = K(together)(rows, j, beside);
        K(max_columns)(m, n, max, x, sx);
        K(exp_columns)(m, n, sum, y, sy, x, sx, max);
        K(scale_columns)(m, n, y, sy, sum);
    }
}

NOT_INLINED void K(shift_row)(REAL *restrict y, const REAL *restrict x, int64_t n, REAL max,
                              REAL log_sum)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] - max - log_sum;
}

NOT_INLINED void K(shift_columns)(int64_t m, int64_t n, REAL *restrict y, int64_t y_row,
                                  const REAL *restrict x, int64_t x_row, const REAL *restrict max,
                                  const double *restrict rest)
{
    REAL log_sum[K(WIDTH)];
    for (int64_t k = 0; k < m; k++)
        log_sum[k] = (REAL)log_of_one_and(rest[k]);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < m; k++)
            y[i * y_row + k] = x[i * x_row + k] - max[k] - log_sum[k];
}

/* y = x - max - log sum; the operands and the counts are the same as of softmax. */
static void K(log_softmax)(int64_t rows, void *const *data, const int64_t *stride,
                           const void *arg)
{
    const row *r = arg;
    int64_t n = r->length, sy = r->stride[0], sx = r->stride[1];
    bool beside = stride[0] == 1 && stride[1] == 1;
    for (int64_t j = 0, m = 1; j < rows; j += m) {
        REAL *y = (REAL *)data[0] + j * stride[0];
        const REAL *x = (const REAL *)data[1] + j * stride[1];
        if (sy == 1 && sx == 1) {
            REAL max = K(row_max)(x, n);
            double rest = K(exp_row)(NULL, x, n, max);
            K(shift_row)(y, x, n, max, (REAL)log_of_one_and(rest));
            continue;
        }
        REAL max[K(WIDTH)];
        double sum[K(WIDTH)];
        m = K(together)(rows, j, beside);
        K(max_columns)(m, n, max, x, sx);
        K(exp_columns)(m, n, sum, NULL, 0, x, sx, max);
        K(shift_columns)(m, n, y, sy, x, sx, max, sum);
    }
}

/* -- Gradients. The operands are gx, gy, y. Where the elements of gy lie apart, or are one element
 * that is repeated, a piece of them is copied to a room at a time. A gradient that is to be added
 * to gx goes to a room first. */
NOT_INLINED const REAL *K(gathered)(REAL *restrict room, const REAL *restrict x, int64_t n,
                                    int64_t stride)
{
    REAL first = *x;
    if (stride == 1)
        return x;
    if (stride == 0) /* as where the result is summed */
        for (int64_t i = 0; i < n; i++)
            room[i] = first;
    else
        for (int64_t i = 0; i < n; i++)
            room[i] = x[i * stride];
    return room;
}

NOT_INLINED void K(softmax_back_piece)(int64_t n, REAL *restrict gx, const REAL *restrict gy,
                                       const REAL *restrict y, REAL dot)
{
    for (int64_t i = 0; i < n; i++)
        gx[i] = y[i] * (gy[i] - dot);
}

/* Orders numbers z <= 0: the nearer z is to 0, the smaller is its distance. So one minimum per
 * element finds out whether any z is near 0. In f64 each exponential is a call, and looking for
 * near elements in a pass of its own is cheaper: there every element counts as near. */
static inline uint32_t K(distance)(REAL z)
{
#if IS_F32
    return vector_bits(z);
#else
    (void)z;
    return 0;
#endif
}

static inline bool K(is_near)(uint32_t distance)
{
    return distance < vector_bits(NEAR);
}

/* e^z - 1, for NEAR < z <= 0. */
static inline REAL K(near_expm1)(REAL z)
{
#if IS_F32
    return vector_small_expm1(z);
#else
    return expm1(z);
#endif
}

/* Corrects the gradient gy - e^z sum where z > NEAR, that is, where e^z is near 1. If gy is the
 * only cotangent, sum is gy and the digits cancel; in gy (1 - e^z) - e^z (sum - gy) they do not. A
 * row has at most one such element, so most blocks are only searched. */
NOT_INLINED void K(log_softmax_back_near)(int64_t n, REAL *restrict gx, const REAL *restrict gy,
                                          const REAL *restrict z, const REAL *restrict sum,
                                          int64_t step)
{
    for (int64_t first = 0; first < n; first += K(WIDTH)) {
        int64_t end = n - first < K(WIDTH) ? n : first + K(WIDTH);
        bool some = K(row_max)(z + first, end - first) > NEAR;
        for (int64_t i = first; some && i < end; i++) {
            REAL low = z[i] > NEAR ? K(near_expm1)(z[i]) : 0;
            REAL exact = -gy[i] * low - (1 + low) * (sum[i * step] - gy[i]);
            gx[i] = z[i] > NEAR ? exact : gx[i];
        }
    }
}

NOT_INLINED void K(log_softmax_back_piece)(int64_t n, REAL *restrict gx, const REAL *restrict gy,
                                           const REAL *restrict z, REAL sum)
{
    uint32_t least = UINT32_MAX;
    for (int64_t i = 0; i < n; i++) {
        gx[i] = gy[i] - EXP(z[i]) * sum;
        least = K(distance)(z[i]) < least ? K(distance)(z[i]) : least;
    }
    if (K(is_near)(least))
        K(log_softmax_back_near)(n, gx, gy, z, &sum, 0);
}

/* Two passes. Each element takes 2 multiplications and 2 additions, or 1 exponential. */
NOT_INLINED void K(back_row)(const row *r, bool logs, REAL *gx, const REAL *gy, const REAL *y)
{
    REAL gathered[K(PIECE)], room[K(PIECE)];
    double total = 0;
    int64_t n = r->length, sg = r->stride[1];
    for (int64_t i = 0; i < n; i += K(PIECE)) {
        int64_t m = K(piece)(n, i);
        const REAL *g = K(gathered)(gathered, gy + i * sg, m, sg);
        total += (double)(logs ? K(piece_sum)(g, m) : K(piece_dot)(g, y + i, m));
    }
    for (int64_t i = 0; i < n; i += K(PIECE)) {
        int64_t m = K(piece)(n, i);
        const REAL *g = K(gathered)(gathered, gy + i * sg, m, sg);
        (logs ? K(log_softmax_back_piece)
              : K(softmax_back_piece))(m, r->adds ? room : gx + i, g, y + i, (REAL)total);
        if (r->adds)
            K(add_piece)(gx + i, room, m);
    }
}

/* For each of m columns, the sum of gy, or of gy y if y is not NULL. */
NOT_INLINED void K(dot_columns)(int64_t m, int64_t n, REAL *restrict sum, const REAL *restrict gy,
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

/* One row of m columns. */
NOT_INLINED void K(softmax_back_across)(int64_t m, REAL *restrict gx, const REAL *restrict gy,
                                        const REAL *restrict y, const REAL *restrict dot)
{
    for (int64_t k = 0; k < m; k++)
        gx[k] = y[k] * (gy[k] - dot[k]);
}

NOT_INLINED void K(log_softmax_back_across)(int64_t m, REAL *restrict gx, const REAL *restrict gy,
                                            const REAL *restrict z, const REAL *restrict sum)
{
    uint32_t least = UINT32_MAX;
    for (int64_t k = 0; k < m; k++) {
        gx[k] = gy[k] - EXP(z[k]) * sum[k];
        least = K(distance)(z[k]) < least ? K(distance)(z[k]) : least;
    }
    if (K(is_near)(least))
        K(log_softmax_back_near)(m, gx, gy, z, sum, 1);
}

static void K(back_columns)(int64_t m, const row *r, bool logs, REAL *gx, const REAL *gy,
                            const REAL *y)
{
    REAL sum[K(WIDTH)], room[K(WIDTH)];
    int64_t n = r->length, sx = r->stride[0], sg = r->stride[1], sy = r->stride[2];
    K(dot_columns)(m, n, sum, gy, sg, logs ? NULL : y, sy);
    for (int64_t i = 0; i < n; i++, gx += sx, gy += sg, y += sy) {
        (logs ? K(log_softmax_back_across)
              : K(softmax_back_across))(m, r->adds ? room : gx, gy, y, sum);
        if (r->adds)
            K(add_piece)(gx, room, m);
    }
}

NOT_INLINED void K(back)(int64_t rows, void *const *data, const int64_t *stride, const row *r,
                         bool logs)
{
    bool beside = stride[0] == 1 && stride[1] == 1 && stride[2] == 1;
    for (int64_t j = 0, m = 1; j < rows; j += m) {
        REAL *gx = (REAL *)data[0] + j * stride[0];
        const REAL *gy = (const REAL *)data[1] + j * stride[1];
        const REAL *y = (const REAL *)data[2] + j * stride[2];
        if (r->stride[0] == 1 && r->stride[2] == 1) {
            K(back_row)(r, logs, gx, gy, y);
            continue;
        }
        m = K(together)(rows, j, beside);
        K(back_columns)(m, r, logs, gx, gy, y);
    }
}

static void K(softmax_back)(int64_t rows, void *const *data, const int64_t *stride,
                            const void *arg)
{
    K(back)(rows, data, stride, arg, false);
}

static void K(log_softmax_back)(int64_t rows, void *const *data, const int64_t *stride,
                                const void *arg)
{
    K(back)(rows, data, stride, arg, true);
}

/* -- logsumexp as a fold (op.h: ct_fold). It keeps three numbers for each result: the largest
 * element so far; the sum of e^(x - largest), minus 1, which is the sum of the terms beside the
 * largest; and what was rounded off that sum. */
/* What is subtracted from x: the largest element, or 0 if that is infinite or NaN. */
static REAL K(shift)(REAL max)
{
    return max - max == 0 ? max : 0;
}

/* Turns a sum of e^(x - from) into one of e^(x - to). A sum that is 0 stays 0 (there are no
 * elements, or all are -inf). If `to` is infinite, the sum does not matter. */
static REAL K(scaled)(REAL sum, REAL from, REAL to)
{
    return sum == 0 || to == INFINITY ? sum : sum * EXP(K(shift)(from) - K(shift)(to));
}

/* Adds more elements to result j: `by` is the largest of them, `rest` the sum of their terms beside
 * it. The sum on the side of the larger maximum is kept, and the whole sum of the other side is
 * added to it. Beside an infinite sum the rounding error is NaN; it becomes 0. */
NOT_INLINED void K(absorb)(int64_t m, int64_t j, REAL *kept, REAL by, REAL rest)
{
    REAL *max = kept + j, *sum = max + m, *low = sum + m;
    bool grows = by > *max;
    REAL most = grows ? by : *max, base = grows ? rest : *sum;
    REAL add = grows ? K(scaled)(1 + *sum + *low, *max, most) : K(scaled)(1 + rest, by, most);
    REAL total = base + add, gone = total - base;
    REAL lost = (grows ? 0 : *low) + ((base - (total - gone)) + (add - gone));
    *low = lost - lost == 0 ? lost : 0;
    *sum = total;
    *max = most;
}

/* Absorbs n elements whose largest is `max`. If that is infinite, no difference from it makes
 * sense: the sum is infinite too, or NaN if one of the elements is. */
NOT_INLINED void K(absorb_sum)(int64_t m, int64_t j, REAL *kept, REAL max, double rest,
                               const REAL *x, int64_t n, int64_t stride)
{
    if (max == INFINITY)
        rest = (double)max;
    for (int64_t i = 0; i < n && max == INFINITY; i++)
        rest = x[i * stride] == x[i * stride] ? rest : (double)NAN;
    K(absorb)(m, j, kept, max, (REAL)rest);
}

static void K(start)(int64_t m, void *kept)
{
    REAL *max = kept, *sum = max + m;
    for (int64_t j = 0; j < m; j++)
        max[j] = -INFINITY, sum[j] = -1, sum[m + j] = 0;
}

static void K(fold)(int64_t m, int64_t n, void *kept, const void *data, int64_t sm, int64_t sn)
{
    const REAL *x = data;
    if (sn == 1) {
        for (int64_t j = 0; j < m; j++) {
            REAL max = K(row_max)(x + j * sm, n);
            double rest = K(exp_row)(NULL, x + j * sm, n, K(shift)(max));
            K(absorb_sum)(m, j, kept, max, rest, x + j * sm, n, 1);
        }
        return;
    }
    for (int64_t j = 0, w; j < m; j += w) {
        REAL max[K(WIDTH)], shift[K(WIDTH)];
        double rest[K(WIDTH)];
        w = K(together)(m, j, sm == 1);
        K(max_columns)(w, n, max, x + j * sm, sn);
        for (int64_t k = 0; k < w; k++)
            shift[k] = K(shift)(max[k]);
        K(exp_columns)(w, n, rest, NULL, 0, x + j * sm, sn, shift);
        for (int64_t k = 0; k < w; k++)
            K(absorb_sum)(m, j + k, kept, max[k], rest[k], x + (j + k) * sm, n, sn);
    }
}

static void K(join_sums)(int64_t m, void *kept, const void *with)
{
    const REAL *max = with, *sum = max + m;
    for (int64_t j = 0; j < m; j++) /* both numbers of the other sum */
        K(absorb)(m, j, kept, max[j], sum[j] + sum[m + j]);
}

/* y = max + log(1 + sum). If arg is not NULL, what was rounded off y goes to arg->low, to the place
 * that y has among the results. */
static void K(finish)(int64_t m, const void *kept, void *data, int64_t stride, void *arg)
{
    const remainders *to = arg;
    const REAL *max = kept, *sum = max + m;
    REAL *y = data, *low = to ? (REAL *)to->low + (y - (const REAL *)to->y) : NULL;
    for (int64_t j = 0; j < m; j++) {
        double shift = (double)K(shift)(max[j]);
        double log_sum = log_of_one_and((double)sum[j] + (double)sum[m + j]);
        REAL total = (REAL)(shift + log_sum);
        double added = (double)total - shift;
        double gone = (shift - ((double)total - added)) + (log_sum - added);
        y[j * stride] = total;
        if (low)
            low[j * stride] = gone - gone == 0 ? (REAL)gone : 0;
    }
}

NOT_INLINED void K(logsumexp_back_piece)(int64_t n, REAL *restrict gx, const REAL *restrict gy,
                                         const REAL *restrict x, const REAL *restrict y,
                                         const REAL *restrict low)
{
    for (int64_t i = 0; i < n; i++)
        gx[i] = gy[i] * EXP((x[i] - (y[i] == -INFINITY ? 0 : y[i])) - low[i]);
}

/* gx = gy e^(x - y). The operands are gx, gy, x, y, and what was rounded off y. If y is -inf, every
 * x is, and e^x is taken, which is 0. */
static void K(logsumexp_back)(int64_t n, void *const *data, const int64_t *stride,
                              const void *arg)
{
    const bool *adds = arg;
    REAL rooms[4][K(WIDTH)], room[K(WIDTH)];
    const REAL *from[4] = { 0 };
    for (int64_t i = 0, m; i < n; i += m) {
        m = n - i < K(WIDTH) ? n - i : K(WIDTH);
        REAL *gx = (REAL *)data[0] + i * stride[0];
        for (int k = 0; k < 4; k++) /* a repeated element is copied once */
            if (i == 0 || stride[k + 1] != 0)
                from[k] = K(gathered)(rooms[k], (const REAL *)data[k + 1] + i * stride[k + 1], m,
                                      stride[k + 1]);
        K(logsumexp_back_piece)(m, *adds ? room : gx, from[0], from[1], from[2], from[3]);
        if (*adds)
            K(add_piece)(gx, room, m);
    }
}

static const softmax_kernels K(kernels) = {
    K(softmax), K(log_softmax), K(softmax_back), K(log_softmax_back), K(logsumexp_back),
    { 3, K(start), K(fold), K(join_sums), K(finish) }
};
