/* Kernels of clip.c. With s the size of REAL, per element: s bytes and 2 operations for the
 * norm, 2 s and 1 to scale. */
enum { K(LANES) = 16 };

static double K(square_sum)(int64_t n, const void *data)
{
    const REAL *x = data;
    double lane[K(LANES)] = { 0 }, sum = 0;
    int64_t i = 0;
    for (; i + K(LANES) <= n; i += K(LANES))
        for (int k = 0; k < K(LANES); k++)
            lane[k] += (double)x[i + k] * (double)x[i + k];
    for (int k = 0; i < n; i++, k++)
        lane[k] += (double)x[i] * (double)x[i];
    for (int k = 0; k < K(LANES); k++)
        sum += lane[k];
    return sum;
}

static void K(scale)(int64_t n, void *const *data, const int64_t *stride, const void *factor)
{
    REAL *x = data[0], by = (REAL) * (const double *)factor;
    if (stride[0] == 1)
        for (int64_t i = 0; i < n; i++)
            x[i] *= by;
    else
        for (int64_t i = 0; i < n; i++)
            x[i * stride[0]] *= by;
}
