/* What the kernels of softmax, cross-entropy and layer norm do along a line that is contiguous:
 * included with REAL, EXP and K defined, for one type and one kind of processor. Sums are taken in
 * LANES chains over pieces of a line, and of these in double: so no term meets more than some 20
 * roundings of REAL. */

enum { K(LANES) = 128 / sizeof(REAL), K(PIECE) = 512 };

static inline int64_t K(piece)(int64_t n, int64_t i)
{
    return n - i < K(PIECE) ? n - i : K(PIECE);
}

static inline REAL K(join_lanes)(REAL *lane)
{
    for (int k = 0; k < K(LANES) / 2; k++)
        lane[k] += lane[k + K(LANES) / 2];
    for (int k = 0; k < K(LANES) / 4; k++)
        lane[k] += lane[k + K(LANES) / 4];
    REAL sum = 0;
    for (int k = 0; k < K(LANES) / 4; k++)
        sum += lane[k];
    return sum;
}

/* 1 read, 1 addition per element */
static inline REAL K(piece_sum)(const REAL *restrict x, int64_t n)
{
    REAL lane[K(LANES)] = { 0 };
    int64_t i = 0;
    for (; i + K(LANES) <= n; i += K(LANES))
        for (int k = 0; k < K(LANES); k++)
            lane[k] += x[i + k];
    for (int k = 0; i < n; i++, k++)
        lane[k] += x[i];
    return K(join_lanes)(lane);
}

static inline REAL K(piece_dot)(const REAL *restrict a, const REAL *restrict b, int64_t n)
{
    REAL lane[K(LANES)] = { 0 };
    int64_t i = 0;
    for (; i + K(LANES) <= n; i += K(LANES))
        for (int k = 0; k < K(LANES); k++)
            lane[k] += a[i + k] * b[i + k];
    for (int k = 0; i < n; i++, k++)
        lane[k] += a[i] * b[i];
    return K(join_lanes)(lane);
}

static inline double K(line_sum)(const REAL *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i += K(PIECE))
        sum += (double)K(piece_sum)(x + i, K(piece)(n, i));
    return sum;
}

/* the largest, of no elements -inf; a NaN may be passed over. 1 read, 1 operation per element */
static inline REAL K(line_max)(const REAL *restrict x, int64_t n)
{
    REAL max = -INFINITY, lane[K(LANES)];
    if (n < K(LANES)) {
        for (int64_t i = 0; i < n; i++)
            max = x[i] > max ? x[i] : max;
        return max;
    }
    for (int k = 0; k < K(LANES); k++)
        lane[k] = -INFINITY;
    for (int64_t i = 0; i < n; i += K(LANES)) {
        const REAL *at = x + (i + K(LANES) <= n ? i : n - K(LANES)); /* some twice */
        for (int k = 0; k < K(LANES); k++)
            lane[k] = at[k] > lane[k] ? at[k] : lane[k];
    }
    for (int k = 0; k < K(LANES); k++)
        max = lane[k] > max ? lane[k] : max;
    return max;
}

/* y = e^(x - shift), where y is not NULL; returns the sum. 1 exponential per element */
static inline double K(exp_line)(REAL *restrict y, const REAL *restrict x, int64_t n, REAL shift)
{
    REAL room[K(PIECE)];
    double sum = 0;
    for (int64_t i = 0; i < n; i += K(PIECE)) {
        int64_t m = K(piece)(n, i);
        REAL *restrict to = y ? y + i : room;
        for (int64_t k = 0; k < m; k++)
            to[k] = EXP(x[i + k] - shift);
        sum += K(piece_sum)(to, m);
    }
    return sum;
}
