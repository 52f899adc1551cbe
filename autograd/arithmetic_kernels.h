/* y += s x: included for each dtype, with REAL, K(name), and SCALE, the type of s, defined */
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
