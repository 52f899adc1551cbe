/* Kernels of sum_to: the sum as a fold. It keeps two numbers for each result, the sum and what was
 * rounded off it: m sums, then m errors. Each element takes 1 read and 1 addition, so memory sets
 * the speed. */

typedef REAL K(vector) VECTOR_OF(REAL);
enum { K(WIDE) = sizeof(K(vector)) / sizeof(REAL) };

/* Adds x to s + e. Only the addition to e is rounded (Knuth 1969: "two-sum"). */
static inline void K(absorb)(REAL *restrict s, REAL *restrict e, REAL x)
{
    REAL sum = (REAL)(*s + x), part = (REAL)(sum - *s);
    *e = (REAL)(*e + (REAL)((REAL)(*s - (REAL)(sum - part)) + (REAL)(x - part)));
    *s = sum;
}

static inline REAL K(sum_few)(const REAL *x, int64_t n, int64_t stride)
{
    REAL lane[8] = { 0 };
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            lane[k] = (REAL)(lane[k] + x[(i + k) * stride]);
    for (int k = 0; i < n; i++, k++)
        lane[k] = (REAL)(lane[k] + x[i * stride]);
    return (REAL)(((lane[0] + lane[4]) + (lane[1] + lane[5])) +
                  ((lane[2] + lane[6]) + (lane[3] + lane[7])));
}

/* The sum of a row of less than 8 WIDE numbers. The processor works on several rows at once, which
 * hides the latency of an addition. */
static inline REAL K(sum_short)(const REAL *x, int64_t n)
{
    K(vector) a = { 0 }, b = { 0 };
    REAL part[K(WIDE)], rest = 0;
    int64_t i = 0;
    const K(vector) *at = (const K(vector) *)x;
    for (; i + 2 * K(WIDE) <= n; i += 2 * K(WIDE), at += 2) {
        a += at[0];
        b += at[1];
    }
    if (i + K(WIDE) <= n) {
        a += *at;
        i += K(WIDE);
    }
    for (int k = 1; k < K(WIDE) && i < n; k++, i++)
        rest = (REAL)(rest + x[i]);
    if (n < K(WIDE))
        return rest;
    a += b;
    memcpy(part, &a, sizeof part);
    for (int half = K(WIDE) / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++)
            part[k] = (REAL)(part[k] + part[k + half]);
    return (REAL)(part[0] + rest);
}

/* The sum of a longer row: pairs of vectors are added to eight vectors, which hides the latency of
 * an addition, and these are joined as a tree. An element takes part in n / (16 WIDE) + log2(16
 * WIDE) roundings. The last loop has a second condition, by which the compiler sees that it is
 * short and makes no vectors of it. */
NOT_INLINED REAL K(sum_run)(const REAL *x, int64_t n)
{
    K(vector) s[8];
    REAL part[K(WIDE)], rest = 0;
    int64_t i = 0;
    for (int k = 0; k < 8; k++)
        s[k] = (K(vector)){ 0 };
    const K(vector) *at = (const K(vector) *)x;
    for (; i + 16 * K(WIDE) <= n; i += 16 * K(WIDE), at += 16)
        for (int k = 0; k < 8; k++)
            s[k] += at[k] + at[k + 8];
    for (; i + 4 * K(WIDE) <= n; i += 4 * K(WIDE), at += 4)
        for (int k = 0; k < 4; k++)
            s[k] += at[k];
    for (; i + K(WIDE) <= n; i += K(WIDE), at++)
        s[7] += *at;
    for (int k = 1; k < K(WIDE) && i < n; k++, i++)
        rest = (REAL)(rest + x[i]);
    s[0] = ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
    memcpy(part, s, sizeof part);
    for (int half = K(WIDE) / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++)
            part[k] = (REAL)(part[k] + part[k + half]);
    return (REAL)(part[0] + rest);
}

/* Adds n rows of m elements to m sums, eight rows at a time: the sums are read and written n / 8
 * times only. */
NOT_INLINED void K(sum_rows)(int64_t m, int64_t n, REAL *restrict sum, const REAL *restrict x,
                             int64_t row)
{
    for (; n >= 8; n -= 8, x += 8 * row)
        for (int64_t j = 0; j < m; j++) {
            const REAL *p = x + j;
            REAL a = (REAL)((p[0] + p[row]) + (p[2 * row] + p[3 * row]));
            REAL b = (REAL)((p[4 * row] + p[5 * row]) + (p[6 * row] + p[7 * row]));
            sum[j] = (REAL)(sum[j] + (REAL)(a + b));
        }
    for (; n > 0; n--, x += row)
        for (int64_t j = 0; j < m; j++)
            sum[j] = (REAL)(sum[j] + x[j]);
}

static void K(sum)(int64_t m, int64_t n, void *kept, const void *data, int64_t sm, int64_t sn)
{
    REAL *restrict s = kept, *restrict e = s + m;
    const REAL *x = data;
    if (sm == 1 && sn != 1) {
        REAL sum[CT_FOLD_WIDTH];
        for (int64_t j = 0; j < m; j++)
            sum[j] = 0;
        K(sum_rows)(m, n, sum, x, sn);
        for (int64_t j = 0; j < m; j++)
            K(absorb)(s + j, e + j, sum[j]);
        return;
    }
    for (int64_t j = 0; j < m && sn == 1 && n >= 8 * K(WIDE); j++)
        K(absorb)(s + j, e + j, K(sum_run)(x + j * sm, n));
    for (int64_t j = 0; j < m && sn == 1 && n < 8 * K(WIDE); j++)
        K(absorb)(s + j, e + j, K(sum_short)(x + j * sm, n));
    for (int64_t j = 0; j < m && sn != 1; j++)
        K(absorb)(s + j, e + j, K(sum_few)(x + j * sm, n, sn));
}

static void K(sum_start)(int64_t m, void *kept)
{
    memset(kept, 0, 2 * (size_t)m * sizeof(REAL));
}

static void K(sum_join)(int64_t m, void *kept, const void *with)
{
    REAL *restrict s = kept, *restrict e = s + m;
    const REAL *restrict t = with;
    for (int64_t j = 0; j < m; j++) {
        K(absorb)(s + j, e + j, t[j]);
        e[j] = (REAL)(e[j] + t[m + j]);
    }
}

/* Beside an infinite sum the error is NaN; then it is left out. */
static void K(sum_finish)(int64_t m, const void *kept, void *data, int64_t stride, void *arg)
{
    (void)arg;
    const REAL *s = kept, *e = s + m;
    REAL *y = data;
    for (int64_t j = 0; j < m; j++)
        y[j * stride] = (REAL)(s[j] + ((REAL)(e[j] - e[j]) == 0 ? e[j] : 0));
}

static const ct_fold K(sum_fold) = {
    2, K(sum_start), K(sum), K(sum_join), K(sum_finish)
};
