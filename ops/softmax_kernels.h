/* Kernels of softmax.c, for one dtype: included with REAL, F and K defined. A body gets n lines
 * of arg's length; data and stride are those of their first elements. */

/* Pairwise: the error grows with log n, not with n. 1 read, 1 addition per element */
static REAL K(line_sum)(const REAL *x, int64_t n, int64_t stride)
{
    if (n > 128) {
        int64_t half = n / 2;
        return K(line_sum)(x, half, stride) + K(line_sum)(x + half * stride, n - half, stride);
    }
    REAL sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i * stride];
    return sum;
}

static REAL K(line_dot)(const REAL *a, int64_t sa, const REAL *b, int64_t sb, int64_t n)
{
    if (n > 128) {
        int64_t half = n / 2;
        return K(line_dot)(a, sa, b, sb, half)
               + K(line_dot)(a + half * sa, sa, b + half * sb, sb, n - half);
    }
    REAL sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i * sa] * b[i * sb];
    return sum;
}

/* the largest; NaN if there is one comes out of e^(x - max) */
static REAL K(line_max)(const REAL *x, int64_t n, int64_t stride)
{
    REAL max = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        max = x[i * stride] > max ? x[i * stride] : max;
    return max;
}

/* operands y, x: 3 passes over the line (in cache), 1 exponential per element */
static void K(softmax)(int64_t lines, void *const *data, const int64_t *stride, const void *arg)
{
    const line *l = arg;
    int64_t n = l->length, sy = l->stride[0], sx = l->stride[1];
    for (int64_t j = 0; j < lines; j++) {
        REAL *y = (REAL *)data[0] + j * stride[0];
        const REAL *x = (const REAL *)data[1] + j * stride[1];
        REAL max = K(line_max)(x, n, sx);
        for (int64_t i = 0; i < n; i++)
            y[i * sy] = F(exp)(x[i * sx] - max);
        REAL sum = K(line_sum)(y, n, sy);
        for (int64_t i = 0; i < n; i++)
            y[i * sy] /= sum;
    }
}

/* the same, then y = x - max - log sum */
static void K(log_softmax)(int64_t lines, void *const *data, const int64_t *stride,
                           const void *arg)
{
    const line *l = arg;
    int64_t n = l->length, sy = l->stride[0], sx = l->stride[1];
    for (int64_t j = 0; j < lines; j++) {
        REAL *y = (REAL *)data[0] + j * stride[0];
        const REAL *x = (const REAL *)data[1] + j * stride[1];
        REAL max = K(line_max)(x, n, sx);
        for (int64_t i = 0; i < n; i++)
            y[i * sy] = F(exp)(x[i * sx] - max);
        REAL log_sum = F(log)(K(line_sum)(y, n, sy));
        for (int64_t i = 0; i < n; i++)
            y[i * sy] = x[i * sx] - max - log_sum;
    }
}

/* operands gx, gy, y: 2 passes, 2 multiplications and 2 additions per element */
static void K(softmax_back)(int64_t lines, void *const *data, const int64_t *stride,
                            const void *arg)
{
    const line *l = arg;
    int64_t n = l->length, sx = l->stride[0], sg = l->stride[1], sy = l->stride[2];
    for (int64_t j = 0; j < lines; j++) {
        REAL *gx = (REAL *)data[0] + j * stride[0];
        const REAL *gy = (const REAL *)data[1] + j * stride[1];
        const REAL *y = (const REAL *)data[2] + j * stride[2];
        REAL dot = K(line_dot)(gy, sg, y, sy, n);
        for (int64_t i = 0; i < n; i++) {
            REAL v = y[i * sy] * (gy[i * sg] - dot);
            gx[i * sx] = l->adds ? gx[i * sx] + v : v;
        }
    }
}

/* 2 passes, 1 exponential per element */
static void K(log_softmax_back)(int64_t lines, void *const *data, const int64_t *stride,
                                const void *arg)
{
    const line *l = arg;
    int64_t n = l->length, sx = l->stride[0], sg = l->stride[1], sy = l->stride[2];
    for (int64_t j = 0; j < lines; j++) {
        REAL *gx = (REAL *)data[0] + j * stride[0];
        const REAL *gy = (const REAL *)data[1] + j * stride[1];
        const REAL *y = (const REAL *)data[2] + j * stride[2];
        REAL sum = K(line_sum)(gy, n, sg);
        for (int64_t i = 0; i < n; i++) {
            REAL v = gy[i * sg] - F(exp)(y[i * sy]) * sum;
            gx[i * sx] = l->adds ? gx[i * sx] + v : v;
        }
    }
}

/* -- logsumexp: operands y, the sums, x */
/* what is taken off: the largest, unless it is infinite or NaN */
static REAL K(shift)(REAL max)
{
    return isfinite(max) ? max : 0;
}

static double K(exp_sum)(const REAL *x, int64_t n, int64_t stride, REAL shift)
{
    if (n > 128) {
        int64_t half = n / 2;
        return K(exp_sum)(x, half, stride, shift)
               + K(exp_sum)(x + half * stride, n - half, stride, shift);
    }
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += F(exp)(x[i * stride] - shift);
    return sum;
}

/* sums += e^(x - shift): 1 read, 1 exponential per element */
static void K(add_exp)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    (void)arg;
    const REAL *y = data[0], *x = data[2];
    double *sum = data[1];
    if (stride[0] == 0)
        *sum += K(exp_sum)(x, n, stride[2], K(shift)(*y));
    else
        for (int64_t i = 0; i < n; i++)
            sum[i * stride[1]] += F(exp)(x[i * stride[2]] - K(shift)(y[i * stride[0]]));
}

/* y = max x: 1 read, 1 comparison per element. A NaN comes out of the exponential */
static void K(add_max)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    (void)arg;
    REAL *y = data[0];
    const REAL *x = data[2];
    for (int64_t i = 0; i < n; i++)
        if (x[i * stride[2]] > y[i * stride[0]])
            y[i * stride[0]] = x[i * stride[2]];
}

static void K(start)(void *y, double *sum, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        ((REAL *)y)[i] = -INFINITY;
        sum[i] = 0;
    }
}

static void K(finish)(void *data, const double *sum, int64_t n)
{
    REAL *y = data;
    for (int64_t i = 0; i < n; i++)
        y[i] = K(shift)(y[i]) + (REAL)log(sum[i]);
}

/* gx = gy e^(x - y), of operands gx, gy, x, y; where y = -inf every x is, and gx is 0 */
static void K(logsumexp_back)(int64_t n, void *const *data, const int64_t *stride,
                              const void *arg)
{
    const bool *adds = arg;
    REAL *gx = data[0];
    const REAL *gy = data[1], *x = data[2], *y = data[3];
    for (int64_t i = 0; i < n; i++) {
        REAL total = y[i * stride[3]], *to = gx + i * stride[0];
        REAL v = total == -INFINITY ? 0 : gy[i * stride[1]] * F(exp)(x[i * stride[2]] - total);
        *to = *adds ? *to + v : v;
    }
}
