/* Kernels of attention.c: what happens to a tile of scores, row by row. The tile stays in the
 * cache. A row of it ends at its limit: where the causal mask begins, or the tile ends. */
#include "row_kernels.h"

static inline REAL *K(row_of)(const void *data, int64_t i, int64_t row)
{
    return data ? (REAL *)(uintptr_t)data + i * row : NULL; /* NULL: it has no elements */
}

/* Asks for what goes with row i of the tile. It comes into the second cache: in the first one it
 * would be in the way of the tile. */
static inline void K(fetch_next)(const tile *t, int64_t i)
{
#if defined(__GNUC__)
    for (int k = 0; k < t->nexts; k++) {
        const next_rows *x = &t->next[k];
        uintptr_t row = (uintptr_t)x->data + (uintptr_t)(i * x->row) * sizeof(REAL);
        uintptr_t bytes = i < x->rows ? (uintptr_t)x->n * sizeof(REAL) : 0;
        for (uintptr_t at = 0; at < bytes; at += 64)
            __builtin_prefetch((const void *)(row + at), 0, 2);
    }
#else
    (void)t, (void)i;
#endif
}

/* s = scale s, and the mask. 1 multiplication, and with a mask 1 read and 1 operation */
NOT_INLINED void K(score_row)(REAL *restrict s, int64_t n, const tile *t, int64_t i)
{
    REAL scale = (REAL)t->scale;
    for (int64_t j = 0; j < n; j++)
        s[j] *= scale;
    if (!t->mask)
        return;
    const unsigned char *allowed = t->mask;
    const REAL *more = t->mask;
    int64_t at = i * t->mask_row, step = t->mask_column;
    if (t->mask_chooses)
        for (int64_t j = 0; j < n; j++)
            s[j] = allowed[at + j * step] ? s[j] : -INFINITY;
    else
        for (int64_t j = 0; j < n; j++)
            s[j] += more[at + j * step];
}

static inline int64_t K(limit)(const tile *t, int64_t i)
{
    int64_t n = i + t->diagonal + 1;
    return n < 0 ? 0 : n < t->columns ? n : t->columns;
}

/* s = e^(s - shift), and 0 from n on */
NOT_INLINED void K(exp_to_end)(REAL *s, int64_t n, int64_t end, REAL shift)
{
    for (int64_t j = 0; j < n; j++)
        s[j] = EXP(s[j] - shift);
    for (int64_t j = n; j < end; j++)
        s[j] = 0;
}

static void K(begin)(const tile *t)
{
    for (int64_t i = 0; i < t->rows; i++) {
        *K(row_of)(t->max, i, 1) = -INFINITY;
        t->sum[i] = 0;
    }
}

/* s = e^(s - max), with the largest score so far; what was summed with another max, sum and y, is
 * brought to this one. 1 exponential and 4 operations */
static void K(weigh)(const tile *t)
{
    for (int64_t i = 0; i < t->rows; i++) {
        REAL *s = K(row_of)(t->s, i, t->pitch), *y = K(row_of)(t->y, i, t->e);
        REAL *max = K(row_of)(t->max, i, 1), before = *max;
        int64_t n = K(limit)(t, i);
        K(fetch_next)(t, i);
        K(score_row)(s, n, t, i);
        REAL here = K(row_max)(s, n);
        *max = here > before ? here : before;
        REAL shift = *max == -INFINITY ? 0 : *max;
        REAL factor = t->is_later ? EXP(before - shift) : 0;
        t->sum[i] *= (double)factor;
        K(exp_to_end)(s, n, t->columns, shift);
        t->sum[i] += (double)K(piece_sum)(s, n);
        for (int64_t j = 0; t->is_later && factor != 1 && j < t->e; j++)
            y[j] *= factor;
    }
}

/* y = y / sum, log_sum = max + log sum. Where the sum is 0, the row has no key: y is 0, and log_sum
 * is infinite, so that weights are 0 when they are computed again */
static void K(finish)(const tile *t)
{
    for (int64_t i = 0; i < t->rows; i++) {
        REAL *y = K(row_of)(t->y, i, t->e), factor = (REAL)(1 / t->sum[i]);
        REAL max = *K(row_of)(t->max, i, 1);
        bool none = t->sum[i] == 0;
        for (int64_t j = 0; j < t->e; j++)
            y[j] = none ? 0 : y[j] * factor;
        if (t->log_sum)
            *K(row_of)(t->log_sum, i, 1) = none ? INFINITY : (REAL)((double)max + log(t->sum[i]));
    }
}

/* s = e^(s - log_sum): the weights again. 1 exponential and 2 operations */
static void K(weigh_again)(const tile *t)
{
    for (int64_t i = 0; i < t->rows; i++) {
        REAL *s = K(row_of)(t->s, i, t->pitch);
        int64_t n = K(limit)(t, i);
        K(fetch_next)(t, i);
        K(score_row)(s, n, t, i);
        K(exp_to_end)(s, n, t->columns, *K(row_of)(t->log_sum, i, 1));
    }
}

/* dot_i = sum_j gy_ij y_ij. 2 reads, 2 operations */
static void K(dot_rows)(const tile *t, const void *gy, int64_t row, int64_t column)
{
    for (int64_t i = 0; i < t->rows; i++) {
        const REAL *g = K(row_of)(gy, i, row), *y = K(row_of)(t->y, i, t->e);
        double sum = 0;
        for (int64_t j = 0; j < t->e && column != 1; j++)
            sum += (double)g[j * column] * (double)y[j];
        for (int64_t j = 0; j < t->e && column == 1; j += K(PIECE))
            sum += (double)K(piece_dot)(g + j, y + j, K(piece)(t->e, j));
        *K(row_of)(t->dot, i, 1) = (REAL)sum;
    }
}

/* gs = s (gs - dot), which is the cotangent of the mask; then times the scale. 2 reads, 1 write, 3
 * operations */
static void K(slope)(const tile *t, void *gmask, int64_t gmask_row)
{
    REAL scale = (REAL)t->scale;
    for (int64_t i = 0; i < t->rows; i++) {
        const REAL *restrict s = K(row_of)(t->s, i, t->pitch);
        REAL *restrict gs = K(row_of)(t->gs, i, t->pitch), dot = *K(row_of)(t->dot, i, 1);
        REAL *restrict gm = K(row_of)(gmask, i, gmask_row);
        for (int64_t j = 0; gmask && j < t->columns; j++)
            gm[j] += s[j] * (gs[j] - dot);
        for (int64_t j = 0; j < t->columns; j++)
            gs[j] = s[j] * (gs[j] - dot) * scale;
    }
}

/* n numbers of a row: those of weights that are dropped are 0, and the others divided by 1 - p. 1
 * read, 1 write, 1 multiplication */
NOT_INLINED void K(drop)(const tile *t, void *row, const uint64_t *bits)
{
    REAL *restrict s = row, factor = (REAL)t->factor;
    for (int64_t j = 0; j < t->columns; j++)
        s[j] = (uint32_t)(bits[j / 2] >> j % 2 * 32) < t->below ? 0 : s[j] * factor;
}

static const attention_kernels K(kernels) = { K(begin), K(weigh), K(finish), K(weigh_again),
                                              K(dot_rows), K(slope), K(drop) };
