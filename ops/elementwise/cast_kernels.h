/* Kernels of cast.c, from REAL. Reads and writes each element once. */
#if IS_FLOAT
#define HOLDS(x) ((x) >= -0x1p63f && (x) < 0x1p63f) /* can an i64 hold it? */
#else
#define HOLDS(x) true
#endif
static void K(to_f32)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    float *y = data[0];
    const REAL *x = data[1];
    (void)arg;
    for (int64_t i = 0; i < n; i++)
        y[i * stride[0]] = (float)x[i * stride[1]];
}

static void K(to_f64)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    double *y = data[0];
    const REAL *x = data[1];
    (void)arg;
    for (int64_t i = 0; i < n; i++)
        y[i * stride[0]] = (double)x[i * stride[1]];
}

static void K(to_i64)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    int64_t *y = data[0];
    const REAL *x = data[1];
    bool *failed = *(bool *const *)arg;
    for (int64_t i = 0; i < n; i++) {
        REAL value = x[i * stride[1]];
        if (HOLDS(value))
            y[i * stride[0]] = (int64_t)value;
        else
            *failed = true;
    }
}

static void K(to_bool)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    unsigned char *y = data[0];
    const REAL *x = data[1];
    (void)arg;
    for (int64_t i = 0; i < n; i++)
        y[i * stride[0]] = x[i * stride[1]] != 0;
}
#undef HOLDS
