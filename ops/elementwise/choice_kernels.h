/* Kernels of choice.c */

/* 2 reads of REAL and 1 byte written per element */
#define COMPARISON(name, expression)                                                            \
    static void K(name)(int64_t n, void *const *data, const int64_t *stride, const void *arg)   \
    {                                                                                           \
        (void)arg;                                                                              \
        unsigned char *restrict y = data[0];                                                    \
        const REAL *p = data[1], *q = data[2];                                                  \
        if (stride[0] == 1 && stride[1] == 1 && stride[2] == 1)                                 \
            for (int64_t i = 0; i < n; i++) {                                                   \
                REAL a = p[i], b = q[i];                                                        \
                y[i] = expression;                                                              \
            }                                                                                   \
        else                                                                                    \
            for (int64_t i = 0; i < n; i++) {                                                   \
                REAL a = p[i * stride[1]], b = q[i * stride[2]];                                \
                y[i * stride[0]] = expression;                                                  \
            }                                                                                   \
    }
COMPARISONS
#undef COMPARISON

/* 1 read of REAL and 1 byte written per element */
#define TEST(name, formula, expression)                                                         \
    static void K(name)(int64_t n, void *const *data, const int64_t *stride, const void *arg)   \
    {                                                                                           \
        (void)arg;                                                                              \
        unsigned char *restrict y = data[0];                                                    \
        const REAL *from = data[1];                                                             \
        for (int64_t i = 0; i < n; i++) {                                                       \
            REAL x = from[i * stride[1]];                                                       \
            (void)x;                                                                            \
            y[i * stride[0]] = expression;                                                      \
        }                                                                                       \
    }
TESTS
#undef TEST

/* 1 byte and 2 TYPEs read, 1 written: both are read, so that it vectorizes */
static void K(where)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    (void)arg;
    REAL *restrict y = data[0];
    const unsigned char *c = data[1];
    const REAL *p = data[2], *q = data[3];
    if (stride[0] == 1 && stride[1] == 1 && stride[2] == 1 && stride[3] == 1)
        for (int64_t i = 0; i < n; i++) {
            REAL a = p[i], b = q[i];
            y[i] = c[i] ? a : b;
        }
    else
        for (int64_t i = 0; i < n; i++)
            y[i * stride[0]] = c[i * stride[1]] ? p[i * stride[2]] : q[i * stride[3]];
}

/* operands gx, c, gy: gy where the condition is what `arg` says, else 0 */
static void K(where_back)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const branch *b = arg;
    REAL *restrict gx = data[0];
    const unsigned char *c = data[1], off = !b->condition;
    const REAL *gy = data[2];
    bool adds = b->adds;
    if (stride[0] == 1 && stride[1] == 1 && stride[2] == 1)
        for (int64_t i = 0; i < n; i++) {
            REAL g = gy[i], v = c[i] == off ? 0 : g;
            gx[i] = adds ? (REAL)(gx[i] + v) : v;
        }
    else
        for (int64_t i = 0; i < n; i++) {
            REAL v = c[i * stride[1]] == off ? 0 : gy[i * stride[2]], *to = gx + i * stride[0];
            *to = adds ? (REAL)(*to + v) : v;
        }
}
