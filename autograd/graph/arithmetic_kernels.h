/* Kernels of arithmetic.c */

/* y = a + b: 2 reads, 1 write, 1 operation per element, bound by memory. */
static void K(add)(int64_t n, void *to, void *const *in, const void *attributes)
{
    REAL *y = to;
    const REAL *a = in[0], *b = in[1];
    (void)attributes;
    CT__NO_OVERLAP /* but that y may be a */
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

/* y += s x. An integer s is one that a double can hold: 2 reads, 1 write, 2 operations */
static void K(add_scaled)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const double by = *(const double *)arg;
    REAL *y = data[0], s = IS_FLOAT ? (REAL)by : (REAL)(int64_t)by;
    const REAL *x = data[1];
    if (stride[0] == 1 && stride[1] == 1) {
        for (int64_t i = 0; i < n; i++)
            y[i] = (REAL)(y[i] + s * x[i]);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        y[i * stride[0]] = (REAL)(y[i * stride[0]] + s * x[i * stride[1]]);
}
