/* What the kernels of softmax, cross-entropy and layer norm do along a line that is contiguous:
 * included with REAL and K defined, for one type and one kind of processor. Sums are taken in
 * LANES chains over blocks of 4096, and of the blocks in double. */

enum { K(LANES) = 128 / sizeof(REAL), K(BLOCK) = 4096 };

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
static REAL K(block_sum)(const REAL *restrict x, int64_t n)
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

static REAL K(block_dot)(const REAL *restrict a, const REAL *restrict b, int64_t n)
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

static inline int64_t K(block)(int64_t n)
{
    return n < K(BLOCK) ? n : K(BLOCK);
}

/* the largest, of no elements -inf; a NaN may be passed over. 1 read, 1 operation per element */
static REAL K(line_max)(const REAL *restrict x, int64_t n)
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
