/* Kernels of reduce.c, for one type: included with TYPE, K, LOWEST, HIGHEST and IS_NAN defined. */

/* a NaN beats any number: so it comes out, and the first one is found */
static bool K(more)(TYPE x, TYPE than)
{
    return x > than || (IS_NAN(x) && !IS_NAN(than));
}

static bool K(less)(TYPE x, TYPE than)
{
    return x < than || (IS_NAN(x) && !IS_NAN(than));
}

/* operands y, x; y may stand still. 1 read and 2 comparisons per element */
#define EXTREME(name, better)                                                                   \
    static void K(name)(int64_t n, void *const *data, const int64_t *stride, const void *arg)   \
    {                                                                                           \
        (void)arg;                                                                              \
        TYPE *y = data[0];                                                                      \
        const TYPE *x = data[1];                                                                \
        for (int64_t i = 0; i < n; i++)                                                         \
            if (better(x[i * stride[1]], y[i * stride[0]]))                                     \
                y[i * stride[0]] = x[i * stride[1]];                                            \
    }                                                                                           \
    /* operands y (i64), x: the first elements of n lines */                                    \
    static void K(arg##name)(int64_t n, void *const *data, const int64_t *stride,               \
                             const void *arg)                                                   \
    {                                                                                           \
        const line *l = arg;                                                                    \
        for (int64_t j = 0; j < n; j++) {                                                       \
            const TYPE *x = (const TYPE *)data[1] + j * stride[1];                              \
            int64_t best = 0;                                                                   \
            for (int64_t i = 1; i < l->length; i++)                                             \
                if (better(x[i * l->stride], x[best * l->stride]))                              \
                    best = i;                                                                   \
            ((int64_t *)data[0])[j * stride[0]] = best;                                         \
        }                                                                                       \
    }
EXTREME(max, K(more))
EXTREME(min, K(less))
#undef EXTREME

static void K(fill)(void *y, int64_t n, bool lowest)
{
    for (int64_t i = 0; i < n; i++)
        ((TYPE *)y)[i] = lowest ? LOWEST : HIGHEST;
}
