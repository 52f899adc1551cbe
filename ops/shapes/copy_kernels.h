/* Kernels of copy.c for one dtype: included with TYPE and K defined. With s the size of TYPE, 2 s
 * bytes per element to copy, 3 s and one operation to add. */
static void K(copy)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    TYPE *y = data[0];
    const TYPE *x = data[1];
    TYPE first = n > 0 ? *x : 0;
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
    TYPE *restrict y = data[0];
    const TYPE *x = data[1];
    (void)arg;
    if (stride[0] == 1 && stride[1] == 1)
        for (int64_t i = 0; i < n; i++)
            y[i] = (TYPE)(y[i] + x[i]);
    else
        for (int64_t i = 0; i < n; i++)
            y[i * stride[0]] = (TYPE)(y[i * stride[0]] + x[i * stride[1]]);
}
