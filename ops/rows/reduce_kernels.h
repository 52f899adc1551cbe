/* Kernels of reduce.c: the largest or the smallest, for one type and one kind of processor.
 * Included with TYPE, INDEX (a signed integer of its size), IS_NAN, UNORDERED (is one of two a
 * NaN?), BYTES (of a vector), K, BEATS(a, b) and WORST defined. A NaN beats any number, so it comes
 * out. */

enum { K(LANES) = 4 * BYTES / sizeof(TYPE), K(FEW) = K(LANES) / 4 };

static inline TYPE K(better)(TYPE x, TYPE best)
{
    return BEATS(x, best) ? x : best;
}

/* 3 operations: where best is a NaN, nothing is better */
static inline TYPE K(pick)(TYPE x, TYPE best)
{
    TYPE most = K(better)(x, best);
    return IS_NAN(x) ? x : most;
}

/* best against x[0], x[step], x[2 step], x[3 step]: 6 operations, since one comparison finds the
 * NaN among two elements */
static inline TYPE K(pick_four)(const TYPE *x, int64_t step, TYPE best)
{
    TYPE a = x[0], b = x[step], c = x[2 * step], d = x[3 * step];
    TYPE most = K(better)(K(better)(a, b), K(better)(c, d));
    most = K(better)(most, best);
    return UNORDERED(a, b) || UNORDERED(c, d) ? a + b + c + d : most;
}

/* without branches, which no processor could foresee */
static inline TYPE K(join_lanes)(const TYPE *lane)
{
    TYPE best = lane[0], all = lane[0];
    INDEX nan = 0;
    for (int k = 0; k < K(FEW); k++)
        nan |= IS_NAN(lane[k]);
    for (int k = 1; k < K(FEW); k++)
        best = K(better)(lane[k], best);
    for (int k = 1; nan && k < K(FEW); k++)
        all += lane[k];
    return nan ? all : best;
}

/* of a run of 4 LANES or more: 1 read, 2 operations per element, in LANES independent chains. What
 * is left over is within the last 4 LANES, where it does no harm to look at some twice */
static TYPE K(long_run)(const TYPE *restrict x, int64_t n)
{
    TYPE lane[K(LANES)];
    for (int k = 0; k < K(LANES); k++)
        lane[k] = WORST;
    for (int64_t i = 0; i + 4 * K(LANES) <= n; i += 4 * K(LANES)) {
        fetch_ahead(x + i, 4 * sizeof lane);
        for (int k = 0; k < K(LANES); k++)
            lane[k] = K(pick_four)(x + i + k, K(LANES), lane[k]);
    }
    for (int k = 0; k < K(LANES); k++)
        lane[k] = K(pick_four)(x + n - 4 * K(LANES) + k, K(LANES), lane[k]);
    for (int k = 0; k < K(FEW); k++)
        lane[k] = K(pick)(K(pick)(lane[k], lane[k + K(FEW)]),
                          K(pick)(lane[k + 2 * K(FEW)], lane[k + 3 * K(FEW)]));
    return K(join_lanes)(lane);
}

APART TYPE K(run)(const TYPE *restrict x, int64_t n)
{
    TYPE best = WORST, lane[K(FEW)];
    if (n >= 4 * K(LANES))
        return K(long_run)(x, n);
    if (n < 2 * K(FEW)) { /* two chains; joining lanes would take longer */
        TYPE odd = WORST;
        for (int64_t i = 0; i + 2 <= n; i += 2) {
            best = K(pick)(x[i], best);
            odd = K(pick)(x[i + 1], odd);
        }
        return K(pick)(n % 2 ? K(pick)(x[n - 1], odd) : odd, best);
    }
    for (int k = 0; k < K(FEW); k++)
        lane[k] = x[n - K(FEW) + k];
    for (int64_t i = 0; i + K(FEW) <= n; i += K(FEW))
        AS_LOOP for (int k = 0; k < K(FEW); k++)
            lane[k] = K(pick)(x[i + k], lane[k]);
    return K(join_lanes)(lane);
}

static TYPE K(apart)(const TYPE *x, int64_t n, int64_t stride)
{
    TYPE best = WORST;
    for (int64_t i = 0; i < n; i++)
        best = K(pick)(x[i * stride], best);
    return best;
}

/* best_j against x_j of n rows, four at a time */
APART void K(rows)(int64_t m, int64_t n, TYPE *restrict best, const TYPE *restrict x, int64_t row)
{
    for (; n >= 4; n -= 4, x += 4 * row)
        for (int64_t j = 0; j < m; j++)
            best[j] = K(pick_four)(x + j, row, best[j]);
    for (; n > 0; n--, x += row)
        for (int64_t j = 0; j < m; j++)
            best[j] = K(pick)(x[j], best[j]);
}

/* -- As folds. The one that counts keeps beside each result how many elements equal it */
static void K(start)(int64_t m, void *kept)
{
    TYPE *best = kept;
    for (int64_t j = 0; j < m; j++)
        best[j] = WORST;
}

static void K(fold)(int64_t m, int64_t n, void *kept, const void *data, int64_t sm, int64_t sn)
{
    TYPE *best = kept;
    const TYPE *x = data;
    if (sm == 1 && sn != 1)
        K(rows)(m, n, best, x, sn);
    else if (sn == 1)
        for (int64_t j = 0; j < m; j++)
            best[j] = K(pick)(K(run)(x + j * sm, n), best[j]);
    else
        for (int64_t j = 0; j < m; j++)
            best[j] = K(pick)(K(apart)(x + j * sm, n, sn), best[j]);
}

static void K(join)(int64_t m, void *kept, const void *with)
{
    K(rows)(m, 1, kept, with, 0);
}

APART void K(finish)(int64_t m, const void *kept, void *data, int64_t stride, void *arg)
{
    (void)arg;
    const TYPE *best = kept;
    TYPE *y = data;
    for (int64_t j = 0; j < m; j++)
        y[j * stride] = best[j];
}

static void K(start_counted)(int64_t m, void *kept)
{
    K(start)(m, kept);
    for (int64_t j = 0; j < m; j++)
        ((TYPE *)kept)[m + j] = 0;
}

/* best = new, and what was counted holds if it did not change */
APART void K(change)(int64_t m, TYPE *restrict best, TYPE *restrict count,
                      const TYPE *restrict new)
{
    for (int64_t j = 0; j < m; j++) {
        TYPE pick = K(pick)(new[j], best[j]);
        count[j] = pick == best[j] ? count[j] : 0;
        best[j] = pick;
    }
}

APART TYPE K(equal)(const TYPE *x, int64_t n, int64_t stride, TYPE to)
{
    INDEX count = 0;
    for (int64_t i = 0; i < n; i++)
        count += x[i * stride] == to;
    return (TYPE)count;
}

/* a second look at the block, which is in cache: where one result is of many elements, only if it
 * has one that counts */
static void K(fold_counted)(int64_t m, int64_t n, void *kept, const void *data, int64_t sm,
                            int64_t sn)
{
    TYPE new[CT_FOLD_WIDTH], *restrict best = kept, *restrict count = best + m;
    const TYPE *restrict x = data;
    K(start)(m, new);
    K(fold)(m, n, new, data, sm, sn);
    K(change)(m, best, count, new);
    if (sm == 1 && sn != 1) {
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < m; j++)
                count[j] += x[i * sn + j] == best[j] ? (TYPE)1 : (TYPE)0;
        return;
    }
    for (int64_t j = 0; j < m; j++)
        if (new[j] == best[j])
            count[j] += sn == 1 ? K(equal)(x + j * sm, n, 1, best[j])
                                : K(equal)(x + j * sm, n, sn, best[j]);
}

static void K(join_counted)(int64_t m, void *kept, const void *with)
{
    TYPE *best = kept, *count = best + m;
    const TYPE *new = with;
    K(change)(m, best, count, new);
    for (int64_t j = 0; j < m; j++)
        count[j] += new[j] == best[j] ? new[m + j] : 0;
}

/* the counts go where the results would, had they begun at arg's */
static void K(finish_counted)(int64_t m, const void *kept, void *data, int64_t stride, void *arg)
{
    const ties *to = arg;
    TYPE *counts = (TYPE *)to->counts + ((TYPE *)data - (TYPE *)to->y);
    K(finish)(m, kept, data, stride, NULL);
    K(finish)(m, (const TYPE *)kept + m, counts, stride, NULL);
}

static const ct_fold K(folds)[2] = {
    { 1, K(start), K(fold), K(join), K(finish) },
    { 2, K(start_counted), K(fold_counted), K(join_counted), K(finish_counted) },
};

/* -- Places */
/* the first of n elements that is `best`, or NaN if that is; there is one. 64 at a time */
static int64_t K(first)(const TYPE *x, int64_t n, TYPE best)
{
    int64_t i = 0;
    if (IS_NAN(best)) {
        while (!IS_NAN(x[i]))
            i++;
        return i;
    }
    while (i + 64 <= n && K(equal)(x + i, 64, 1, best) == 0)
        i += 64;
    while (x[i] != best)
        i++;
    return i;
}

/* runs of 4096: only one of them is looked at again, in cache */
static int64_t K(place_run)(const TYPE *x, int64_t n)
{
    enum { RUN = 4096 };
    int64_t at = 0;
    TYPE best = K(run)(x, n < RUN ? n : RUN);
    for (int64_t i = RUN; i < n && !IS_NAN(best); i += RUN) {
        TYPE found = K(run)(x + i, n - i < RUN ? n - i : RUN);
        if (BEATS(found, best) || IS_NAN(found)) {
            best = found;
            at = i;
        }
    }
    return at + K(first)(x + at, n - at < RUN ? n - at : RUN, best);
}

static int64_t K(place_apart)(const TYPE *x, int64_t n, int64_t stride)
{
    int64_t at = 0;
    for (int64_t i = 1; i < n; i++)
        if (BEATS(x[i * stride], x[at * stride]) ||
            (IS_NAN(x[i * stride]) && !IS_NAN(x[at * stride])))
            at = i;
    return at;
}

/* of m lines side by side, m <= 256 */
APART void K(place_rows)(int64_t m, int64_t n, int64_t *y, int64_t stride,
                          const TYPE *restrict x, int64_t row)
{
    TYPE best[256];
    INDEX at[256];
    for (int64_t j = 0; j < m; j++) {
        best[j] = x[j];
        at[j] = 0;
    }
    for (INDEX i = 1; i < (INDEX)n; i++)
        for (int64_t j = 0; j < m; j++) {
            TYPE v = x[i * row + j];
            bool better = BEATS(v, best[j]) | (IS_NAN(v) & !IS_NAN(best[j]));
            best[j] = better ? v : best[j];
            at[j] = better ? i : at[j];
        }
    for (int64_t j = 0; j < m; j++)
        y[j * stride] = at[j];
}

/* operands y (i64), x: the first elements of n lines */
static void K(place)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const line *l = arg;
    int64_t *y = data[0];
    const TYPE *x = data[1];
    if (stride[1] == 1 && l->stride != 1 && l->length <= INT32_MAX) {
        for (int64_t j = 0; j < n; j += 256)
            K(place_rows)(n - j < 256 ? n - j : 256, l->length, y + j * stride[0], stride[0], x + j,
                          l->stride);
        return;
    }
    for (int64_t j = 0; j < n; j++)
        y[j * stride[0]] = l->stride == 1 ? K(place_run)(x + j * stride[1], l->length)
                                          : K(place_apart)(x + j * stride[1], l->length, l->stride);
}

/* -- Gradient: operands gx, gy, x, y, count. 1 read, 1 write per element of x */
static void K(back)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const bool *adds = arg;
    TYPE *restrict gx = data[0];
    const TYPE *gy = data[1], *restrict x = data[2], *y = data[3], *count = data[4];
    if (stride[0] == 1 && stride[1] == 0 && stride[2] == 1 && stride[3] == 0) {
        TYPE best = *y, share = *gy / *count;
        for (int64_t i = 0; i < n; i++) {
            TYPE v = x[i] == best ? share : 0;
            gx[i] = *adds ? gx[i] + v : v;
        }
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        bool is_y = x[i * stride[2]] == y[i * stride[3]];
        TYPE v = is_y ? gy[i * stride[1]] / count[i * stride[4]] : 0;
        gx[i * stride[0]] = *adds ? gx[i * stride[0]] + v : v;
    }
}

static const kernels K(kernels) = { K(folds), K(place), K(back) };
