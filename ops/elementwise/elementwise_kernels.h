/* Kernels of unary.def and binary.def. R(c) is a constant, F(name) a function of libm, M(name) one
 * of ours for f32 (vector_math.h).
 *
 * A row becomes a flat loop, y[i] = f(in[0][i], in[1][i], ...), which the compiler vectorizes;
 * ct_loop_kernel brings any other layout to it. Per element, with s the size of REAL: unary
 * 2 s bytes forward, 3 s backward (4 s where it adds); binary 3 s forward, 3 s to 6 s for each
 * cotangent; one evaluation of the row each. y may be in[0]: element i is read before it is
 * written, and no other, which is what VECTORIZE says. */
#define R(c) ((REAL)(c))
#if IS_F32
#define M(name) vector_##name
#else
#define M(name) double_##name
#endif

/* (x s)' = s + x s (1 - s), with s the logistic function of x */
INLINE REAL K(silu_slope)(REAL x)
{
    REAL s = M(logistic)(x);
    return s * (1 + x * (1 - s));
}

INLINE REAL K(gelu_of)(REAL x)
{
    REAL density;
    return x * M(normal)(x, &density);
}

/* (x Phi)' = Phi + x phi */
INLINE REAL K(gelu_slope)(REAL x)
{
    REAL density, cdf = M(normal)(x, &density);
    return cdf + x * (R(NORMAL_PEAK) * density);
}

/* what is asked for most, as products: the choice is made outside the loop */
INLINE REAL K(power_of)(REAL x, REAL a)
{
    return a == 2 ? x * x : a == 3 ? x * x * x : a == 1 ? x : a == -1 ? 1 / x : F(pow)(x, a);
}

/* is vector_math.h good for all? */
INLINE bool K(all_near)(int64_t n, const REAL *x)
{
    int far = 0;
    for (int64_t i = 0; i < n; i++)
        far |= F(fabs)(x[i]) > R(1e6);
    return !far;
}

#define LOOP(function, expression)                                                              \
    function(int64_t n, REAL *y, const REAL *gy, const REAL *from)                              \
    {                                                                                           \
        VECTORIZE                                                                               \
        for (int64_t i = 0; i < n; i++) {                                                       \
            REAL x = from[i], g = gy[i];                                                        \
            (void)g;                                                                            \
            y[i] = expression;                                                                  \
        }                                                                                       \
    }
#define WAVE(name, formula, derivative, value, far_value, fused, far_fused, composed)           \
    INLINE void LOOP(K(name##_near), value)                                                     \
    APART void LOOP(K(name##_far), far_value)                                                   \
    INLINE void LOOP(K(name##_back_near), fused)                                                \
    APART void LOOP(K(name##_back_far), far_fused)                                              \
    static void K(name)(int64_t n, void *out, void *const *in, const void *given)               \
    {                                                                                           \
        (void)given;                                                                            \
        if (K(all_near)(n, in[0]))                                                              \
            K(name##_near)(n, out, in[0], in[0]);                                               \
        else                                                                                    \
            K(name##_far)(n, out, in[0], in[0]);                                                \
    }                                                                                           \
    static void K(name##_back)(int64_t n, void *out, void *const *in, const void *given)        \
    {                                                                                           \
        (void)given;                                                                            \
        if (K(all_near)(n, in[1]))                                                              \
            K(name##_back_near)(n, out, in[0], in[1]);                                          \
        else                                                                                    \
            K(name##_back_far)(n, out, in[0], in[1]);                                           \
    }
#define ROW(name, formula, derivative, parameters, N, A, B, saved, value, fused, composed, low, \
            high)                                                                               \
    static void K(name)(int64_t n, void *out, void *const *in, const void *given)             \
    {                                                                                           \
        const double *p = given;                                                                \
        const REAL *from = in[0], a = N > 0 ? (REAL)p[0] : 0, b = N > 1 ? (REAL)p[1] : 0;       \
        REAL *y = out;                                                                          \
        (void)a, (void)b, (void)p;                                                              \
        VECTORIZE                                                                               \
        for (int64_t i = 0; i < n; i++) {                                                       \
            REAL x = from[i];                                                                   \
            y[i] = value;                                                                       \
        }                                                                                       \
    }                                                                                           \
    static void K(name##_back)(int64_t n, void *out, void *const *in, const void *given)      \
    {                                                                                           \
        const double *p = given;                                                                \
        const REAL *gy = in[0], *kept = in[1];                                                  \
        const REAL a = N > 0 ? (REAL)p[0] : 0, b = N > 1 ? (REAL)p[1] : 0;                      \
        REAL *gx = out;                                                                         \
        (void)a, (void)b, (void)p;                                                              \
        VECTORIZE                                                                               \
        for (int64_t i = 0; i < n; i++) {                                                       \
            REAL g = gy[i], saved = kept[i];                                                    \
            (void)g, (void)saved;                                                               \
            gx[i] = fused;                                                                      \
        }                                                                                       \
    }
#include "unary.def"
#undef LOOP

#define COTANGENT(name, expression)                                                             \
    static void K(name)(int64_t n, void *out, void *const *in, const void *given)             \
    {                                                                                           \
        const REAL *gy = in[0], *left = in[1], *right = in[2], *kept = in[3];                   \
        REAL *to = out;                                                                         \
        (void)given;                                                                            \
        VECTORIZE                                                                               \
        for (int64_t i = 0; i < n; i++) {                                                       \
            REAL g = gy[i], a = left[i], b = right[i], y = kept[i];                             \
            (void)g, (void)a, (void)b, (void)y;                                                 \
            to[i] = expression;                                                                 \
        }                                                                                       \
    }
#define BINARY(name, formula, derivative, saves, value, ga, gb, composed_a, composed_b, a0, a1, \
               b0, b1)                                                                          \
    static void K(name)(int64_t n, void *out, void *const *in, const void *given)             \
    {                                                                                           \
        const REAL *left = in[0], *right = in[1];                                               \
        REAL *y = out;                                                                          \
        (void)given;                                                                            \
        VECTORIZE                                                                               \
        for (int64_t i = 0; i < n; i++) {                                                       \
            REAL a = left[i], b = right[i];                                                     \
            y[i] = value;                                                                       \
        }                                                                                       \
    }                                                                                           \
    COTANGENT(name##_ga, ga)                                                                    \
    COTANGENT(name##_gb, gb)
#include "binary.def"
#undef COTANGENT
#undef R
#undef M
