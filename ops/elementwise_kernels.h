/* Kernels of unary.def and binary.def, for one dtype: included with REAL, R, F and K defined.
 *
 * A row becomes small functions of numbers; the loops are written once and take such a function,
 * which is inlined, so that each row gets loops of its own that the compiler can vectorize. Per
 * element, with s the size of REAL: unary 2 s bytes forward, 3 s backward (4 s where it adds);
 * binary 3 s forward, 3 s to 6 s for each cotangent; one evaluation of the row each. */

/* -- Functions that rows name */
/* 1 / (1 + e^-x), by the exponential that cannot overflow */
INLINE REAL K(logistic)(REAL x)
{
    REAL e = F(exp)(-F(fabs)(x));
    return (x < 0 ? e : 1) / (1 + e);
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|) */
INLINE REAL K(softplus_of)(REAL x)
{
    return (x > 0 ? x : 0) + F(log1p)(F(exp)(-F(fabs)(x)));
}

/* (x s)' = s + x s (1 - s), with s the logistic function of x */
INLINE REAL K(silu_slope)(REAL x)
{
    REAL s = K(logistic)(x);
    return s * (1 + x * (1 - s));
}

/* the normal distribution function; by erfc, which keeps its digits in the lower tail */
INLINE REAL K(normal)(REAL x)
{
    return R(0.5) * F(erfc)(-x * R(SQRT_HALF));
}

/* (x Phi)' = Phi + x phi */
INLINE REAL K(gelu_slope)(REAL x)
{
    return K(normal)(x) + x * (R(NORMAL_PEAK) * F(exp)(R(-0.5) * x * x));
}

/* -- Loops */
INLINE void K(map)(int64_t n, void *const *data, const int64_t *stride, const void *arg,
                   REAL (*f)(REAL, REAL, REAL))
{
    REAL *restrict y = data[0];
    const REAL *x = data[1];
    const numbers *p = arg;
    REAL a = (REAL)p->a, b = (REAL)p->b;
    if (stride[0] == 1 && stride[1] == 1)
        for (int64_t i = 0; i < n; i++)
            y[i] = f(x[i], a, b);
    else
        for (int64_t i = 0; i < n; i++)
            y[i * stride[0]] = f(x[i * stride[1]], a, b);
}

/* a cotangent that repeats (stride 0) is what a sum sends back */
INLINE void K(map_back)(int64_t n, void *const *data, const int64_t *stride, const void *arg,
                        REAL (*f)(REAL, REAL, REAL, REAL))
{
    REAL *restrict gx = data[0];
    const REAL *gy = data[1], *saved = data[2];
    const numbers *p = arg;
    REAL a = (REAL)p->a, b = (REAL)p->b, g = gy[0];
    bool flat = stride[0] == 1 && stride[2] == 1, adds = p->adds;
    if (flat && stride[1] == 1)
        for (int64_t i = 0; i < n; i++) {
            REAL v = f(gy[i], saved[i], a, b);
            gx[i] = adds ? gx[i] + v : v;
        }
    else if (flat && stride[1] == 0)
        for (int64_t i = 0; i < n; i++) {
            REAL v = f(g, saved[i], a, b);
            gx[i] = adds ? gx[i] + v : v;
        }
    else
        for (int64_t i = 0; i < n; i++) {
            REAL v = f(gy[i * stride[1]], saved[i * stride[2]], a, b), *to = gx + i * stride[0];
            *to = adds ? *to + v : v;
        }
}

INLINE void K(map2)(int64_t n, void *const *data, const int64_t *stride, REAL (*f)(REAL, REAL))
{
    REAL *restrict y = data[0];
    const REAL *a = data[1], *b = data[2];
    REAL a0 = a[0], b0 = b[0];
    if (stride[0] == 1 && stride[1] == 1 && stride[2] == 1)
        for (int64_t i = 0; i < n; i++)
            y[i] = f(a[i], b[i]);
    else if (stride[0] == 1 && stride[1] == 1 && stride[2] == 0)
        for (int64_t i = 0; i < n; i++)
            y[i] = f(a[i], b0);
    else if (stride[0] == 1 && stride[1] == 0 && stride[2] == 1)
        for (int64_t i = 0; i < n; i++)
            y[i] = f(a0, b[i]);
    else
        for (int64_t i = 0; i < n; i++)
            y[i * stride[0]] = f(a[i * stride[1]], b[i * stride[2]]);
}

/* operands gx, gy, a, b, y; an operand that is not saved is gy once more, and not looked at */
INLINE void K(map2_back)(int64_t n, void *const *data, const int64_t *stride, const void *arg,
                         REAL (*f)(REAL, REAL, REAL, REAL))
{
    REAL *restrict gx = data[0];
    const REAL *gy = data[1], *a = data[2], *b = data[3], *y = data[4];
    bool flat = true, adds = *(const bool *)arg;
    for (int k = 0; k < 5; k++)
        flat = flat && stride[k] == 1;
    if (flat)
        for (int64_t i = 0; i < n; i++) {
            REAL v = f(gy[i], a[i], b[i], y[i]);
            gx[i] = adds ? gx[i] + v : v;
        }
    else
        for (int64_t i = 0; i < n; i++) {
            REAL *to = gx + i * stride[0];
            REAL v = f(gy[i * stride[1]], a[i * stride[2]], b[i * stride[3]], y[i * stride[4]]);
            *to = adds ? *to + v : v;
        }
}

/* -- Rows */
#define ROW(name, parameters, N, A, B, saved, value, fused, composed, low, high)                \
    INLINE REAL K(name##_value)(REAL x, REAL a, REAL b)                                         \
    {                                                                                           \
        (void)a, (void)b;                                                                       \
        return value;                                                                           \
    }                                                                                           \
    INLINE REAL K(name##_fused)(REAL g, REAL saved, REAL a, REAL b)                             \
    {                                                                                           \
        (void)g, (void)saved, (void)a, (void)b;                                                 \
        return fused;                                                                           \
    }                                                                                           \
    static void K(name)(int64_t n, void *const *data, const int64_t *stride, const void *arg)   \
    {                                                                                           \
        K(map)(n, data, stride, arg, K(name##_value));                                          \
    }                                                                                           \
    static void K(name##_back)(int64_t n, void *const *data, const int64_t *stride,             \
                               const void *arg)                                                 \
    {                                                                                           \
        K(map_back)(n, data, stride, arg, K(name##_fused));                                     \
    }
#include "unary.def"

#define COTANGENT(name, expression)                                                             \
    INLINE REAL K(name##_fused)(REAL g, REAL a, REAL b, REAL y)                                 \
    {                                                                                           \
        (void)g, (void)a, (void)b, (void)y;                                                     \
        return expression;                                                                      \
    }                                                                                           \
    static void K(name)(int64_t n, void *const *data, const int64_t *stride, const void *arg)   \
    {                                                                                           \
        K(map2_back)(n, data, stride, arg, K(name##_fused));                                    \
    }
#define BINARY(name, saves, value, ga, gb, composed_a, composed_b, a0, a1, b0, b1)              \
    INLINE REAL K(name##_value)(REAL a, REAL b)                                                 \
    {                                                                                           \
        return value;                                                                           \
    }                                                                                           \
    static void K(name)(int64_t n, void *const *data, const int64_t *stride, const void *arg)   \
    {                                                                                           \
        (void)arg;                                                                              \
        K(map2)(n, data, stride, K(name##_value));                                              \
    }                                                                                           \
    COTANGENT(name##_ga, ga)                                                                    \
    COTANGENT(name##_gb, gb)
#include "binary.def"
#undef COTANGENT
