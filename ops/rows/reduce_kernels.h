/* Kernels of reduce.c for one extreme: BEATS(a, b), defined where this file is included, says
 * whether a is a better result than b. A NaN beats every number. */
#if IS_F32
#define INDEX int32_t /* a signed integer of the size of REAL */
#else
#define INDEX int64_t
#endif
#if IS_FLOAT
#define WORST           (BEATS(1, 0) ? -INFINITY : INFINITY)
#define IS_NAN(x)       ((x) != (x))
#define UNORDERED(x, y) (isunordered(x, y) != 0) /* is one of them a NaN? */
#else
#define WORST           (BEATS(1, 0) ? INT64_MIN : INT64_MAX)
#define IS_NAN(x)       false
#define UNORDERED(x, y) false
#endif

enum { K(LANES) = 4 * VECTOR_BYTES / sizeof(REAL), K(FEW) = K(LANES) / 4 };

static inline REAL K(better)(REAL x, REAL best)
{
    return BEATS(x, best) ? x : best;
}

/* The better of the two, by 3 operations. A NaN in `best` stays, since no comparison with it
 * holds. */
static inline REAL K(pick)(REAL x, REAL best)
{
    REAL most = K(better)(x, best);
    return IS_NAN(x) ? x : most;
}

/* The best of `best` and the four elements x[0], x[step], x[2 step], x[3 step]. This takes 6
 * operations, because one comparison tells whether one of two elements is a NaN. */
static inline REAL K(pick_four)(const REAL *x, int64_t step, REAL best)
{
    REAL a = x[0], b = x[step], c = x[2 * step], d = x[3 * step];
    REAL most = K(better)(K(better)(a, b), K(better)(c, d));
    most = K(better)(most, best);
    return UNORDERED(a, b) || UNORDERED(c, d) ? a + b + c + d : most;
}

/* The best of FEW lanes. It has no branches, because a processor could not predict them. */
static inline REAL K(join_lanes)(const REAL *lane)
{
    REAL best = lane[0], all = lane[0];
    INDEX nan = 0;
    for (int k = 0; k < K(FEW); k++)
        nan |= IS_NAN(lane[k]);
    for (int k = 1; k < K(FEW); k++)
        best = K(better)(lane[k], best);
    for (int k = 1; nan && k < K(FEW); k++)
        all += lane[k];
    return nan ? all : best;
}

/* The best of a run of at least 4 LANES elements. Each element takes 1 read and 2 operations, in
 * LANES independent chains. The last step covers the last 4 LANES elements, so it may look at some
 * of them a second time, which changes nothing. */
static REAL K(long_run)(const REAL *restrict x, int64_t n)
{
    REAL lane[K(LANES)];
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

NOT_INLINED REAL K(run)(const REAL *restrict x, int64_t n)
{
    REAL best = WORST, lane[K(FEW)];
    if (n >= 4 * K(LANES))
        return K(long_run)(x, n);
    if (n < 2 * K(FEW)) { /* two chains are quicker here than lanes, which must be joined */
        REAL odd = WORST;
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

static REAL K(apart)(const REAL *x, int64_t n, int64_t stride)
{
    REAL best = WORST;
    for (int64_t i = 0; i < n; i++)
        best = K(pick)(x[i * stride], best);
    return best;
}

/* Updates the best of each of m columns side by side with n more rows, four rows at a time. */
NOT_INLINED void K(columns)(int64_t m, int64_t n, REAL *restrict best,
                            const REAL *restrict x, int64_t row)
{
    for (; n >= 4; n -= 4, x += 4 * row)
        for (int64_t j = 0; j < m; j++)
            best[j] = K(pick_four)(x + j, row, best[j]);
    for (; n > 0; n--, x += row)
        for (int64_t j = 0; j < m; j++)
            best[j] = K(pick)(x[j], best[j]);
}

/* -- Folds (op.h: ct_fold). The second one also counts the elements that equal each result. */
static void K(start)(int64_t m, void *kept)
{
    REAL *best = kept;
    for (int64_t j = 0; j < m; j++)
        best[j] = WORST;
}

static void K(fold)(int64_t m, int64_t n, void *kept, const void *data, int64_t sm, int64_t sn)
{
    REAL *best = kept;
    const REAL *x = data;
    if (sm == 1 && sn != 1)
        K(columns)(m, n, best, x, sn);
    else if (sn == 1)
        for (int64_t j = 0; j < m; j++)
            best[j] = K(pick)(K(run)(x + j * sm, n), best[j]);
    else
        for (int64_t j = 0; j < m; j++)
            best[j] = K(pick)(K(apart)(x + j * sm, n, sn), best[j]);
}

static void K(join)(int64_t m, void *kept, const void *with)
{
    K(columns)(m, 1, kept, with, 0);
}

NOT_INLINED void K(finish)(int64_t m, const void *kept, void *data, int64_t stride, void *arg)
{
    (void)arg;
    const REAL *best = kept;
    REAL *y = data;
    for (int64_t j = 0; j < m; j++)
        y[j * stride] = best[j];
}

static void K(start_counted)(int64_t m, void *kept)
{
    K(start)(m, kept);
    for (int64_t j = 0; j < m; j++)
        ((REAL *)kept)[m + j] = 0;
}

/* Are these the same result? Two NaNs are. */
static inline bool K(same)(REAL a, REAL b)
{
    return (a == b) | (IS_NAN(a) & IS_NAN(b));
}

/* Makes `best` the better of `new` and itself. Where that changes it, its count becomes 0. */
NOT_INLINED void K(change)(int64_t m, REAL *restrict best, REAL *restrict count,
                           const REAL *restrict new)
{
    for (int64_t j = 0; j < m; j++) {
        REAL pick = K(pick)(new[j], best[j]);
        count[j] = K(same)(pick, best[j]) ? count[j] : 0;
        best[j] = pick;
    }
}

NOT_INLINED REAL K(equal)(const REAL *x, int64_t n, int64_t stride, REAL to)
{
    INDEX count = 0;
    for (int64_t i = 0; i < n; i++)
        count += x[i * stride] == to;
    return (REAL)count;
}

NOT_INLINED REAL K(nans)(const REAL *x, int64_t n, int64_t stride)
{
    INDEX count = 0;
    for (int64_t i = 0; i < n; i++)
        count += x[i * stride] == x[i * stride] ? 0 : 1;
    return (REAL)count;
}

/* Looks at the block, which is in the cache now, a second time and counts. A row is skipped if its
 * own best is not the best so far. NaNs equal nothing, so they have a loop of their own. */
static void K(fold_counted)(int64_t m, int64_t n, void *kept, const void *data, int64_t sm,
                            int64_t sn)
{
    REAL new[CT_FOLD_WIDTH], *restrict best = kept, *restrict count = best + m;
    const REAL *restrict x = data;
    bool rows = sm == 1 && sn != 1;
    K(start)(m, new);
    K(fold)(m, n, new, data, sm, sn);
    K(change)(m, best, count, new);
    for (int64_t i = 0; rows && i < n; i++)
        for (int64_t j = 0; j < m; j++)
            count[j] += x[i * sn + j] == best[j] ? (REAL)1 : (REAL)0;
    for (int64_t j = 0; !rows && j < m; j++)
        if (new[j] == best[j])
            count[j] += sn == 1 ? K(equal)(x + j * sm, n, 1, best[j])
                                : K(equal)(x + j * sm, n, sn, best[j]);
    for (int64_t j = 0; j < m; j++)
        if (IS_NAN(best[j]))
            count[j] += K(nans)(x + j * sm, n, sn);
}

static void K(join_counted)(int64_t m, void *kept, const void *with)
{
    REAL *best = kept, *count = best + m;
    const REAL *new = with;
    K(change)(m, best, count, new);
    for (int64_t j = 0; j < m; j++)
        count[j] += K(same)(new[j], best[j]) ? new[m + j] : 0;
}

/* Each count takes the place among the counts that its result takes among the results. */
static void K(finish_counted)(int64_t m, const void *kept, void *data, int64_t stride, void *arg)
{
    const ties *to = arg;
    REAL *counts = (REAL *)to->counts + ((REAL *)data - (REAL *)to->y);
    K(finish)(m, kept, data, stride, NULL);
    K(finish)(m, (const REAL *)kept + m, counts, stride, NULL);
}

static const ct_fold K(folds)[2] = {
    { 1, K(start), K(fold), K(join), K(finish) },
    { 2, K(start_counted), K(fold_counted), K(join_counted), K(finish_counted) },
};

/* -- Places */
/* The position of the first element that equals `best`, or is NaN if `best` is. There must be one.
 * The search takes 64 elements at a time. */
static int64_t K(first)(const REAL *x, int64_t n, REAL best)
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

/* Only the run of 4096 that holds the best is searched, while it is in the cache. */
static int64_t K(place_run)(const REAL *x, int64_t n)
{
    enum { RUN = 4096 };
    int64_t at = 0;
    REAL best = K(run)(x, n < RUN ? n : RUN);
    for (int64_t i = RUN; i < n && !IS_NAN(best); i += RUN) {
        REAL found = K(run)(x + i, n - i < RUN ? n - i : RUN);
        if (BEATS(found, best) || IS_NAN(found)) {
            best = found;
            at = i;
        }
    }
    return at + K(first)(x + at, n - at < RUN ? n - at : RUN, best);
}

static int64_t K(place_apart)(const REAL *x, int64_t n, int64_t stride)
{
    int64_t at = 0;
    for (int64_t i = 1; i < n; i++)
        if (BEATS(x[i * stride], x[at * stride]) ||
            (IS_NAN(x[i * stride]) && !IS_NAN(x[at * stride])))
            at = i;
    return at;
}

/* The positions in m columns side by side, m <= 256. */
NOT_INLINED void K(place_columns)(int64_t m, int64_t n, int64_t *y, int64_t stride,
                                  const REAL *restrict x, int64_t row)
{
    REAL best[256];
    INDEX at[256];
    for (int64_t j = 0; j < m; j++) {
        best[j] = x[j];
        at[j] = 0;
    }
    for (INDEX i = 1; i < (INDEX)n; i++)
        for (int64_t j = 0; j < m; j++) {
            REAL v = x[i * row + j];
            bool better = BEATS(v, best[j]) | (IS_NAN(v) & !IS_NAN(best[j]));
            best[j] = better ? v : best[j];
            at[j] = better ? i : at[j];
        }
    for (int64_t j = 0; j < m; j++)
        y[j * stride] = at[j];
}

/* The operands are y (i64) and x; data are the first elements of n lines (lines.h). */
static void K(place)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const row *r = arg;
    int64_t *y = data[0];
    const REAL *x = data[1];
    if (stride[1] == 1 && r->stride != 1 && r->length <= INT32_MAX) {
        for (int64_t j = 0; j < n; j += 256)
            K(place_columns)(n - j < 256 ? n - j : 256, r->length, y + j * stride[0], stride[0],
                             x + j, r->stride);
        return;
    }
    for (int64_t j = 0; j < n; j++)
        y[j * stride[0]] = r->stride == 1 ? K(place_run)(x + j * stride[1], r->length)
                                          : K(place_apart)(x + j * stride[1], r->length, r->stride);
}

/* -- Gradient. The operands are gx, gy, x, y, count. Each element of x takes 1 read and 1 write. A
 * NaN wins, so an x that is NaN shares in the cotangent. */
/* A row has one y. */
static void K(back_row)(int64_t n, REAL *restrict gx, const REAL *restrict x, REAL y, REAL share,
                        bool adds)
{
    for (int64_t i = 0; !IS_NAN(y) && i < n; i++) {
        REAL v = x[i] == y ? share : 0;
        gx[i] = adds ? gx[i] + v : v;
    }
    for (int64_t i = 0; IS_NAN(y) && i < n; i++) {
        REAL v = IS_NAN(x[i]) ? share : 0;
        gx[i] = adds ? gx[i] + v : v;
    }
}

/* Columns side by side: each x of a run has a y of its own. If `each` is false, gy[0] is the
 * cotangent of all. */
static void K(back_columns)(int64_t n, REAL *restrict gx, void *const *data, bool each, bool adds)
{
    const REAL *restrict gy = data[1], *restrict x = data[2], *restrict y = data[3];
    const REAL *restrict count = data[4], first = *gy;
    for (int64_t i = 0; i < n; i++) {
        REAL share = (each ? gy[i] : first) / count[i], v = x[i] == y[i] ? share : 0;
        v = IS_NAN(x[i]) ? share : v;
        gx[i] = adds ? gx[i] + v : v;
    }
}

static void K(back)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const bool *adds = arg;
    REAL *restrict gx = data[0];
    const REAL *gy = data[1], *restrict x = data[2], *y = data[3], *count = data[4];
    bool along = stride[0] == 1 && stride[2] == 1;
    if (along && stride[1] == 0 && stride[3] == 0) {
        K(back_row)(n, gx, x, *y, *gy / *count, *adds);
        return;
    }
    if (along && (stride[1] == 0 || stride[1] == 1) && stride[3] == 1 && stride[4] == 1) {
        K(back_columns)(n, gx, data, stride[1] == 1, *adds);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        bool is_y = (x[i * stride[2]] == y[i * stride[3]]) | IS_NAN(x[i * stride[2]]);
        REAL v = is_y ? gy[i * stride[1]] / count[i * stride[4]] : 0;
        gx[i * stride[0]] = *adds ? gx[i * stride[0]] + v : v;
    }
}

static const extreme_kernels K(kernels) = { K(folds), K(place), K(back) };
#undef INDEX
#undef WORST
#undef IS_NAN
#undef UNORDERED
