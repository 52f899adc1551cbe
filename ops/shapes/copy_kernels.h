/* Kernels of copy.c. With s the size of REAL, 2 s bytes per element to copy, 3 s and one
 * operation to add. */
static void K(copy)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    REAL *y = data[0];
    const REAL *x = data[1];
    REAL first = n > 0 ? *x : 0;
    (void)arg;
    if (stride[0] == 1 && stride[1] == 1)
        memcpy(y, x, (size_t)n * sizeof *y);
    else if (stride[0] == 1 && stride[1] == 0)
        for (int64_t i = 0; i < n; i++)
            y[i] = first;
    else
        for (int64_t i = 0; i < n; i++)
            y[i * stride[0]] = x[i * stride[1]];
}

static void K(add)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    REAL *restrict y = data[0];
    const REAL *x = data[1];
    (void)arg;
    if (stride[0] == 1 && stride[1] == 1)
        for (int64_t i = 0; i < n; i++)
            y[i] = (REAL)(y[i] + x[i]);
    else
        for (int64_t i = 0; i < n; i++)
            y[i * stride[0]] = (REAL)(y[i * stride[0]] + x[i * stride[1]]);
}
