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

/* x, but no less than -far: so that x times what is 0 there is 0, also for x = -infinity */
INLINE REAL K(above)(REAL x)
{
    REAL least = -(REAL)ct__vector_bounds.far;
    return x < least ? least : x;
}

/* ... and no more than far */
INLINE REAL K(inside)(REAL x)
{
    REAL most = (REAL)ct__vector_bounds.far;
    x = x > most ? most : x;
    return K(above)(x);
}

INLINE REAL K(silu_of)(REAL x)
{
    return K(above)(x) * M(logistic)(x);
}

/* (x s)' = s + x s (1 - s), where s is the logistic function of x, and 1 - s that of -x */
INLINE REAL K(silu_slope)(REAL x)
{
    REAL other, s = M(logistic_pair)(x, &other);
    return s * (1 + K(inside)(x) * other);
}

INLINE REAL K(normal_cdf_of)(REAL x)
{
    REAL density;
    return M(normal)(x, &density);
}

INLINE REAL K(normal_pdf_of)(REAL x)
{
    REAL density;
    (void)M(normal)(x, &density);
    return R(NORMAL_PEAK) * density;
}

INLINE REAL K(gelu_of)(REAL x)
{
    return K(above)(x) * K(normal_cdf_of)(x);
}

/* (x Phi)' = Phi + x phi */
INLINE REAL K(gelu_slope)(REAL x)
{
    REAL density, cdf = M(normal)(x, &density);
    return cdf + K(inside)(x) * (R(NORMAL_PEAK) * density);
}

/* What an operand of maximum or minimum gets: `own` says that it is taken, `other` that the other
 * one is, too; then each gets half */
INLINE REAL K(share)(REAL g, bool own, bool other)
{
    return own ? (other ? g / 2 : g) : 0;
}

/* x^a. The most frequent exponents are products; the compiler takes the choice out of the loop */
INLINE REAL K(power_of)(REAL x, REAL a)
{
    return a == 2 ? x * x : a == 3 ? x * x * x : a == 1 ? x : a == -1 ? 1 / x : F(pow)(x, a);
}

/* are all |x| so small that sin and cos of vector_math.h are right? */
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
    static void K(name)(int64_t n, void *out, void *const *in, const void *given)               \
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
    static void K(name##_back)(int64_t n, void *out, void *const *in, const void *given)        \
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
    static void K(name)(int64_t n, void *out, void *const *in, const void *given)               \
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
    static void K(name)(int64_t n, void *out, void *const *in, const void *given)               \
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

/* L_n = a^b log(a)^n, n >= 1, and 0 at a = 0 <= b: see pow_log in elementwise.c. Per element 3 s
 * bytes, a power, a logarithm and n products */
static void K(pow_log)(int64_t count, void *out, void *const *in, const void *given)
{
    const REAL *left = in[0], *right = in[1];
    const int n = *(const int *)given;
    REAL *y = out;
    for (int64_t i = 0; i < count; i++) {
        REAL a = left[i], b = right[i], log_a = M(log)(a), power = F(pow)(a, b);
        for (int k = 0; k < n; k++)
            power *= log_a;
        y[i] = a == 0 && b >= 0 ? 0 : power;
    }
}
#undef R
#undef M
