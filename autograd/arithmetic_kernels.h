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

/* Pairwise: blocks of up to 256 in eight partial sums, joined as a tree; the error grows with
 * log n, not with n (Higham 1993). One read and one operation per element. */
static REAL K(sum_run)(const REAL *x, int64_t n, int64_t stride)
{
    if (n > 256) {
        int64_t half = n / 16 * 8;
        return (REAL)(K(sum_run)(x, half, stride) +
                      K(sum_run)(x + half * stride, n - half, stride));
    }
    REAL part[8] = { 0 };
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            part[k] = (REAL)(part[k] + x[(i + k) * stride]);
    for (int k = 0; i < n; i++, k++)
        part[k] = (REAL)(part[k] + x[i * stride]);
    return (REAL)(((part[0] + part[1]) + (part[2] + part[3])) +
                  ((part[4] + part[5]) + (part[6] + part[7])));
}

/* y += x, where a stride of 0 makes y the sum of the run */
static void K(sum)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    (void)arg;
    REAL *y = data[0];
    const REAL *x = data[1];
    if (stride[0] == 0) {
        *y = (REAL)(*y + K(sum_run)(x, n, stride[1]));
        return;
    }
    for (int64_t i = 0; i < n; i++)
        y[i * stride[0]] = (REAL)(y[i * stride[0]] + x[i * stride[1]]);
}
