/* The words of gemm_kernels.h for any machine: vectors of 16 bytes, or without vector types of one
 * number. */
#if defined(__GNUC__)
#define LANES          (16 / (int)sizeof(REAL))
typedef REAL K(vector) __attribute__((vector_size(16), aligned(sizeof(REAL)), may_alias));
#define SPLAT(x)       ((K(vector))((x) - (K(vector)){ 0 }))
#else
#define LANES          1
typedef REAL K(vector);
#define SPLAT(x)       (x)
#endif
#define ROWS           6
#if defined(__aarch64__)
#define UNROLLED       1 /* numbers of A are loaded in pairs: a fifth fewer instructions */
#else
#define UNROLLED       0
#endif
#define VECTOR         K(vector)
#define SQUARE         LANES
#define LOAD(p)        ((K(vector))*(const K(vector) *)(p))
#define LOAD_SOME(p, n) K(load_some)(p, n)
#define STORE(p, v)    (*(K(vector) *)(p) = (v))
#define ADD(a, b)      ((a) + (b))
#define FMA(a, b, c)   ((a) * (b) + (c))

INLINE VECTOR K(load_some)(const REAL *x, int64_t n)
{
    REAL lanes[LANES] = { 0 };
    for (int64_t i = 0; i < n; i++)
        lanes[i] = x[i];
    return LOAD(lanes);
}

INLINE void K(store_some)(REAL *y, VECTOR v, int64_t n)
{
    REAL lanes[LANES];
    STORE(lanes, v);
    for (int64_t i = 0; i < n; i++)
        y[i] = lanes[i];
}

INLINE void K(square)(const REAL *const *x, int64_t at, REAL *y, int64_t y_row)
{
    for (int i = 0; i < LANES; i++)
        for (int j = 0; j < LANES; j++)
            y[i * y_row + j] = x[j][at + i];
}

INLINE void K(sum4)(const VECTOR *v, REAL *sums)
{
    REAL lanes[LANES];
    for (int i = 0; i < 4; i++) {
        STORE(lanes, v[i]);
        sums[i] = 0;
        for (int j = 0; j < LANES; j++)
            sums[i] += lanes[j];
    }
}
