/* What the kernels of softmax, cross-entropy and layer norm, whose files include this one, do along
 * a line that is contiguous. Sums are taken in four vectors over pieces of a line, and of these in
 * double: so no term meets more than some 80 roundings of REAL. The loops over the last terms have
 * two ends, so that no compiler makes more of them. */
#ifndef NOT_INLINED
/* once in the library, and not wherever it is called: it takes long enough */
#if defined(__clang__)
#define NOT_INLINED static __attribute__((noinline, unused))
#elif defined(__GNUC__)
#define NOT_INLINED static __attribute__((noinline, noclone, unused))
#else
#define NOT_INLINED static
#endif

/* A sum over a line is written with the compiler's vectors: from arrays of lanes gcc makes code
 * that goes through memory before and behind each loop. Elsewhere a vector is one number */
#if defined(__GNUC__)
#define VECTOR_OF(bytes) __attribute__((vector_size(bytes)))
#else
#define VECTOR_OF(bytes)
#endif

/* log(1 + rest), by the quicker function where it keeps the digits */
static inline double log_of_one_and(double rest)
{
    return rest < 0.5 ? log1p(rest) : log(1 + rest);
}
#endif

#undef EXP
#if IS_F32
#define EXP(x) vector_exp_normal(x)
#else
#define EXP(x) exp(x)
#endif

typedef REAL K(vector) VECTOR_OF(VECTOR_BYTES);
enum { K(WIDE) = sizeof(K(vector)) / sizeof(REAL), K(LANES) = 128 / sizeof(REAL), K(PIECE) = 1024 };

static inline int64_t K(piece)(int64_t n, int64_t i)
{
    return n - i < K(PIECE) ? n - i : K(PIECE);
}

static inline K(vector) K(load)(const REAL *x)
{
    K(vector) v;
    memcpy(&v, x, sizeof v);
    return v;
}

static inline void K(store)(REAL *y, K(vector) v)
{
    memcpy(y, &v, sizeof v);
}

/* as a tree: the next pass over a line waits for it */
static inline REAL K(join)(K(vector) v)
{
    REAL part[K(WIDE)];
    memcpy(part, &v, sizeof part);
    for (int half = K(WIDE) / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++)
            part[k] += part[k + half];
    return part[0];
}

/* 1 read, 1 addition per element */
NOT_INLINED REAL K(piece_sum)(const REAL *x, int64_t n)
{
    K(vector) a = { 0 }, b = a, c = a, d = a;
    REAL rest = 0;
    int64_t i = 0;
    for (; i + 4 * K(WIDE) <= n; i += 4 * K(WIDE)) {
        a += K(load)(x + i);
        b += K(load)(x + i + K(WIDE));
        c += K(load)(x + i + 2 * K(WIDE));
        d += K(load)(x + i + 3 * K(WIDE));
    }
    for (; i + K(WIDE) <= n; i += K(WIDE))
        a += K(load)(x + i);
    for (int k = 1; k < K(WIDE) && i < n; k++, i++)
        rest += x[i];
    return K(join)((a + b) + (c + d)) + rest;
}

NOT_INLINED REAL K(piece_dot)(const REAL *x, const REAL *y, int64_t n)
{
    K(vector) a = { 0 }, b = a, c = a, d = a;
    REAL rest = 0;
    int64_t i = 0;
    for (; i + 4 * K(WIDE) <= n; i += 4 * K(WIDE)) {
        a += K(load)(x + i) * K(load)(y + i);
        b += K(load)(x + i + K(WIDE)) * K(load)(y + i + K(WIDE));
        c += K(load)(x + i + 2 * K(WIDE)) * K(load)(y + i + 2 * K(WIDE));
        d += K(load)(x + i + 3 * K(WIDE)) * K(load)(y + i + 3 * K(WIDE));
    }
    for (; i + K(WIDE) <= n; i += K(WIDE))
        a += K(load)(x + i) * K(load)(y + i);
    for (int k = 1; k < K(WIDE) && i < n; k++, i++)
        rest += x[i] * y[i];
    return K(join)((a + b) + (c + d)) + rest;
}

static inline double K(row_sum)(const REAL *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i += K(PIECE))
        sum += (double)K(piece_sum)(x + i, K(piece)(n, i));
    return sum;
}

NOT_INLINED void K(add_piece)(REAL *restrict y, const REAL *restrict x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += x[i];
}

/* the largest, of no elements -inf; a NaN may be passed over. 1 read, 1 operation per element */
NOT_INLINED REAL K(row_max)(const REAL *restrict x, int64_t n)
{
    REAL max = -INFINITY, lane[K(LANES)];
    if (n < K(LANES)) {
        for (int64_t i = 0; i < n; i++)
            max = x[i] > max ? x[i] : max;
        return max;
    }
    for (int k = 0; k < K(LANES); k++)
        lane[k] = x[n - K(LANES) + k]; /* what is left over; some twice */
    for (int64_t i = 0; i + K(LANES) <= n; i += K(LANES))
        for (int k = 0; k < K(LANES); k++)
            lane[k] = x[i + k] > lane[k] ? x[i + k] : lane[k];
    for (int k = 0; k < K(LANES) / 2; k++)
        lane[k] = lane[k + K(LANES) / 2] > lane[k] ? lane[k + K(LANES) / 2] : lane[k];
    for (int k = 0; k < K(LANES) / 4; k++)
        lane[k] = lane[k + K(LANES) / 4] > lane[k] ? lane[k + K(LANES) / 4] : lane[k];
    for (int k = 0; k < K(LANES) / 8; k++)
        lane[k] = lane[k + K(LANES) / 8] > lane[k] ? lane[k + K(LANES) / 8] : lane[k];
    for (int k = 0; k < K(LANES) / 8; k++)
        max = lane[k] > max ? lane[k] : max;
    return max;
}

/* m elements that lie n behind x, in the next line, will be read soon: they come in from memory
 * while this line is worked on in cache. There may be no next one: no harm is done */
static inline void K(fetch)(const REAL *x, int64_t n, int64_t m)
{
#if defined(__GNUC__)
    enum { STEP = 64 / sizeof(REAL) };
    for (int64_t i = n; i < n + m; i += STEP)
        __builtin_prefetch((const void *)((uintptr_t)x + (uintptr_t)i * sizeof(REAL)));
#else
    (void)x, (void)n, (void)m;
#endif
}

/* the same of what will soon be written */
static inline void K(fetch_to_write)(REAL *y, int64_t m)
{
#if defined(__GNUC__)
    enum { STEP = 64 / sizeof(REAL) };
    for (int64_t i = 0; i < m; i += STEP)
        __builtin_prefetch(y + i, 1);
#else
    (void)y, (void)m;
#endif
}

/* whole vectors, of which the last may take some elements again: there is code for little else */
static inline void K(exp_piece)(REAL *restrict y, const REAL *restrict x, int64_t n, REAL shift)
{
    enum { FEW = K(LANES) / 4 };
    int64_t i = 0;
    for (; i + 2 * FEW <= n; i += 2 * FEW)
        for (int k = 0; k < 2 * FEW; k++)
            y[i + k] = EXP(x[i + k] - shift);
    for (; i < n && n >= FEW; i += FEW) {
        int64_t at = i < n - FEW ? i : n - FEW;
        for (int k = 0; k < FEW; k++)
            y[at + k] = EXP(x[at + k] - shift);
    }
    for (int k = 1; k < FEW && i < n; k++, i++)
        y[i] = EXP(x[i] - shift);
}

/* Is e^0 the largest of these terms by far? Then a sum of them says little about the others */
static inline bool K(has_one)(REAL sum)
{
    return sum >= 1 && sum < (REAL)1.125;
}

/* e of at most PIECE terms that add up to `sum`: what they add up to without a term e^0 that is by
 * far the largest, of which there is one at most; *ones counts it */
NOT_INLINED REAL K(sum_but_one)(REAL *restrict e, int64_t n, REAL sum, double *ones)
{
    for (int64_t i = 0; i < n; i++)
        e[i] = e[i] == 1 ? 0 : e[i];
    REAL rest = K(piece_sum)(e, n);
    *ones += sum - rest > (REAL)0.5;
    return rest;
}

/* The sum of e^(x - shift), less 1: what the terms beside the largest add up to where `shift` is
 * the largest x. y = e^(x - shift) where y is not NULL; where it is, the result keeps its digits
 * however near to 0 it is. 1 exponential per element */
NOT_INLINED double K(exp_row)(REAL *y, const REAL *x, int64_t n, REAL shift)
{
    REAL room[K(PIECE)];
    double sum = 0, ones = 0;
    for (int64_t i = 0; i < n; i += K(PIECE)) {
        int64_t m = K(piece)(n, i);
        REAL *to = y ? y + i : room;
        K(fetch)(x + i, n, m);
        K(exp_piece)(to, x + i, m, shift);
        REAL part = K(piece_sum)(to, m);
        sum += (double)(!y && K(has_one)(part) ? K(sum_but_one)(to, m, part, &ones) : part);
    }
    return sum + (ones - 1);
}

/* the sum of e^(x - shift) over all elements but one, whose term goes to *own. y as above; the
 * element's own place in it gets 0 */
NOT_INLINED double K(exp_row_but)(REAL *y, const REAL *x, int64_t n, REAL shift, int64_t but,
                                 REAL *own)
{
    REAL room[K(PIECE)];
    double sum = 0;
    for (int64_t i = 0; i < n; i += K(PIECE)) {
        int64_t m = K(piece)(n, i);
        REAL *to = y ? y + i : room;
        K(fetch)(x + i, n, m);
        K(exp_piece)(to, x + i, m, shift);
        if (but >= i && but - i < m) {
            *own = to[but - i];
            to[but - i] = 0;
        }
        sum += (double)K(piece_sum)(to, m);
    }
    return sum;
}
