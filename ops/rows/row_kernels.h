/* What softmax, cross-entropy and layer norm do along a row, that is, along elements that lie one
 * after another. Their files of kernels include this one.
 *
 * A sum is taken over pieces of a row, in four vectors, and the sums of the pieces are added in
 * double. So a term takes part in at most some 80 roundings of REAL, however long the row is. The
 * loops over the last few elements have a second condition, by which the compiler sees that they
 * are short and does not make vectors of them. */
#ifndef NOT_INLINED
/* These functions run long enough for a call; inlining them would only make the library larger. */
#if defined(__clang__)
#define NOT_INLINED static __attribute__((noinline, unused))
#elif defined(__GNUC__)
#define NOT_INLINED static __attribute__((noinline, noclone, unused))
#else
#define NOT_INLINED static
#endif

/* Sums are written with the compiler's vectors, because gcc moves arrays of lanes through memory
 * before and after each loop. For compilers that have no vectors, a vector is one number. */
#if defined(__GNUC__)
#define VECTOR_OF(bytes) __attribute__((vector_size(bytes)))
#else
#define VECTOR_OF(bytes)
#endif

/* log(1 + rest). log is quicker than log1p, and loses no digits from 0.5 on. */
static inline double log_of_one_and(double rest)
{
    return rest < 0.5 ? log1p(rest) : log(1 + rest);
}
#endif

#undef EXP
#if IS_F32
#define EXP(x) vector_exp_normal(x)
#else
#define EXP(x) double_exp_normal(x)
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

/* The sum of the lanes, taken as a tree because the next pass over the row waits for it. */
static inline REAL K(join)(K(vector) v)
{
    REAL part[K(WIDE)];
    memcpy(part, &v, sizeof part);
    enum { HALF = (K(WIDE) + 1) / 2, FOURTH = (HALF + 1) / 2, EIGHTH = (FOURTH + 1) / 2 };
    for (int k = 0; k < HALF && HALF > 1; k++) /* constant bounds keep the numbers in registers */
        part[k] += part[k + HALF];
    for (int k = 0; k < FOURTH && FOURTH > 1; k++)
        part[k] += part[k + FOURTH];
    for (int k = 0; k < EIGHTH && EIGHTH > 1; k++)
        part[k] += part[k + EIGHTH];
    return K(WIDE) > 1 ? part[0] + part[1] : part[0];
}

/* Each element takes 1 read and 1 addition. */
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

/* The largest element, or -inf if n is 0. NaNs may be ignored. Each element takes 1 read and 1
 * operation. */
NOT_INLINED REAL K(row_max)(const REAL *restrict x, int64_t n)
{
    REAL max = -INFINITY, lane[K(LANES)];
    if (n < K(LANES)) {
        for (int64_t i = 0; i < n; i++)
            max = x[i] > max ? x[i] : max;
        return max;
    }
    for (int k = 0; k < K(LANES); k++)
        lane[k] = x[n - K(LANES) + k]; /* with those that the loop below leaves over */
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

/* Asks for m elements that lie n after x, in the next row: they arrive from memory while this row
 * is worked on. If there is no next row, this does nothing. */
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

/* The same for elements that will be written soon. */
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

/* y = e^(x - shift) for one piece. The last vector may overlap the one before it, which saves code
 * for the elements that are left over. */
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

/* May one of the terms of this sum be e^0 = 1, and the others be small beside it? Then the sum has
 * lost digits of the others. */
static inline bool K(has_one)(REAL sum)
{
    return sum >= 1 && sum < (REAL)1.125;
}

/* Sums the terms e of a piece again, without the term that is 1. `sum` is their sum with it, for
 * which has_one holds; so there is at most one such term. *ones counts it. Destroys e. */
NOT_INLINED REAL K(sum_but_one)(REAL *restrict e, int64_t n, REAL sum, double *ones)
{
    for (int64_t i = 0; i < n; i++)
        e[i] = e[i] == 1 ? 0 : e[i];
    REAL rest = K(piece_sum)(e, n);
    *ones += sum - rest > (REAL)0.5;
    return rest;
}

/* Returns the sum of e^(x - shift), minus 1. If `shift` is the largest x, that is the sum of the
 * terms beside the largest. If y is not NULL, it gets the terms; if it is NULL, the result has all
 * digits, even where it is near 0. Each element takes 1 exponential. */
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

/* Returns the sum of e^(x - shift) over all elements except x[but], whose term goes to *own. If y
 * is not NULL, it gets the terms, and y[but] = 0. */
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
