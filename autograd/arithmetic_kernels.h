/* Kernels of the chain rule's operators, stamped per dtype: REAL, K(name), and SCALE, the type
 * of a factor. */

/* y = a + b; 2 reads, 1 write, 1 operation per element: bound by memory */
static void K(add)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    (void)arg;
    REAL *y = data[0];
    const REAL *a = data[1], *b = data[2];
    int64_t sa = stride[1], sb = stride[2];
    if (stride[0] == 1 && sa == 1 && sb == 1) {
        for (int64_t i = 0; i < n; i++)
            y[i] = (REAL)(a[i] + b[i]);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        y[i * stride[0]] = (REAL)(a[i * sa] + b[i * sb]);
}

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
