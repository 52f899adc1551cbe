/* Included for each dtype, with REAL, K(name), SCALE (a factor's type) and IS_FLOAT defined. */

/* y = a + b: 2 reads, 1 write, 1 operation per element, bound by memory. Floats have a flat kernel,
 * so that a large y is stored past the caches; integers have a loop's body. */
#if IS_FLOAT
static void K(add)(int64_t n, void *to, void *const *in, const void *attributes)
{
    REAL *y = to;
    const REAL *a = in[0], *b = in[1];
    (void)attributes;
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}
#else
static void K(add)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    REAL *y = data[0];
    const REAL *a = data[1], *b = data[2];
    (void)arg;
    for (int64_t i = 0; i < n; i++)
        y[i * stride[0]] = a[i * stride[1]] + b[i * stride[2]];
}
#endif

/* y += s x */
static void K(add_scaled)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    REAL *y = data[0], s = (REAL)*(const SCALE *)arg;
    const REAL *x = data[1];
    if (stride[0] == 1 && stride[1] == 1) {
        for (int64_t i = 0; i < n; i++)
            y[i] = (REAL)(y[i] + s * x[i]);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        y[i * stride[0]] = (REAL)(y[i * stride[0]] + s * x[i * stride[1]]);
}
