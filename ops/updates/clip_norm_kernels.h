/* Kernels of clip_norm.c. With s the size of REAL, per element: s bytes and 2 operations for the
 * norm, 2 s bytes and 1 operation to scale. */
enum { K(LANES) = 16, K(BLOCK) = 1024 };

static double K(sum_block)(int64_t n, const REAL *x)
{
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

static double K(square_sum)(int64_t n, const void *data)
{
    const REAL *x = data;
    double sum = 0;
    for (int64_t i = 0; i < n; i += K(BLOCK))
        sum += K(sum_block)(n - i < K(BLOCK) ? n - i : K(BLOCK), x + i);
    return sum;
}

/* in the tensor's own dtype, but for factors so small that f32 would lose bits of them */
static void K(scale)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const factors f = *(const factors *)arg;
    REAL *x = data[0], by = (REAL)f.first;
    if (stride[0] == 1 && f.first >= 0x1p-100)
        for (int64_t i = 0; i < n; i++)
            x[i] *= by;
    else
        for (int64_t i = 0; i < n; i++)
            x[i * stride[0]] = (REAL)((double)x[i * stride[0]] * f.first * f.second);
}
