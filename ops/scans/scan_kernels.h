/* Kernels of scan.c. The operands are y and what it is made of. Per element of a sum: 1 read, 1
 * write, 1 addition (6 in f64, which keeps what is rounded off); of a recurrence: 2 reads, 1 write,
 * 2 operations. f32 is added up in f64. */
#if IS_F32
#define SUM double
#else
#define SUM REAL
#endif

/* Adds x to sum + low, and returns the new sum. */
static inline REAL K(absorb)(SUM *sum, SUM *low, REAL x)
{
#if IS_FLOAT && !IS_F32
    REAL total = (REAL)(*sum + x), part = (REAL)(total - *sum);
    *low = (REAL)(*low + (REAL)((REAL)(*sum - (REAL)(total - part)) + (REAL)(x - part)));
    *sum = total;
    return (REAL)(total + ((REAL)(*low - *low) == 0 ? *low : 0)); /* NaN beside an infinity */
#else
    (void)low;
    *sum = *sum + x;
    return (REAL)*sum;
#endif
}

static void K(cumsum)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const ct__path *p = arg;
    for (int64_t j = 0; j < n; j++) {
        REAL *y = (REAL *)data[0] + p->first[0] + j * stride[0];
        const REAL *x = (const REAL *)data[1] + p->first[1] + j * stride[1];
        SUM sum = 0, low = 0;
        for (int64_t i = 0; i < p->length; i++)
            y[i * p->step[0]] = K(absorb)(&sum, &low, x[i * p->step[1]]);
    }
}
#undef SUM

/* The factor of the first element does not matter. */
static void K(recurrence)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const ct__path *p = arg;
    for (int64_t j = 0; j < n; j++) {
        REAL *y = (REAL *)data[0] + p->first[0] + j * stride[0];
        const REAL *a = (const REAL *)data[1] + p->first[1] + j * stride[1];
        const REAL *b = (const REAL *)data[2] + p->first[2] + j * stride[2];
        double last = 0;
        for (int64_t i = 0; i < p->length; i++) {
            double add = (double)b[i * p->step[2]];
            last = i == 0 ? add : (double)a[i * p->step[1]] * last + add;
            y[i * p->step[0]] = (REAL)last;
        }
    }
}
