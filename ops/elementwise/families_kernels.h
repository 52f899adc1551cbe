/* Kernels of families.c: per element, with s the size of REAL, 2 s bytes forward and 3 s backward,
 * and one evaluation in f64. */
#define FAMILY_KERNELS(name)                                                                    \
    static void K(name)(int64_t n, void *out, void *const *in, const void *given)               \
    {                                                                                           \
        const int order = *(const int *)given;                                                  \
        const REAL *x = in[0];                                                                  \
        REAL *y = out;                                                                          \
        for (int64_t i = 0; i < n; i++)                                                         \
            y[i] = (REAL)ct__##name(order, x[i]);                                               \
    }                                                                                           \
    static void K(name##_back)(int64_t n, void *out, void *const *in, const void *given)        \
    {                                                                                           \
        const int order = *(const int *)given;                                                  \
        const REAL *gy = in[0], *x = in[1];                                                     \
        REAL *gx = out;                                                                         \
        for (int64_t i = 0; i < n; i++)                                                         \
            gx[i] = gy[i] * (REAL)ct__##name(order + 1, x[i]);                                  \
    }
FAMILY_KERNELS(polygamma)
FAMILY_KERNELS(sinc)
#undef FAMILY_KERNELS
