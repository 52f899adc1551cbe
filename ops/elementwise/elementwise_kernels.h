/* Kernels of unary.def and binary.def. R(c) is a constant, F(name) a function of libm, M(name) one
 * of ours: vector_math.h has them for f32, double_math.h and double_normal.h for f64.
 *
 * The file is stamped twice: with CURVES for the words that rows use, and the rows CURVE; and then
 * for the other rows. */
#define NUMBER REAL
#define R(c) ((REAL)(c))
#if IS_F32
#define M(name) vector_##name
#else
#define M(name) double_##name
#endif

#if CURVES
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
    return M(gelu)(K(above)(x));
}

/* Where a sum has two products, the compiler makes a fused multiply-add of either one: in a loop's
 * vectors not always of the same one as in the elements that are left over. So the next two slopes
 * have no such sum. */

/* (x Phi)' = Phi + x phi. Phi is never below 0: that question makes a choice of the product */
INLINE REAL K(gelu_slope)(REAL x)
{
    REAL density, cdf = M(normal)(x, &density);
    return (cdf < 0 ? 0 : cdf) + K(inside)(x) * (R(NORMAL_PEAK) * density);
}

/* (x t)' = t + x (1 - t^2) s, where t = tanh(log(1 + e^x)) and s is the logistic function of x.
 * With o = 1 - s, that of -x: t = s (1 + o) / (1 + o^2), 1 - t^2 = (2 o / (1 + o^2))^2. The slope
 * takes s / (1 + o^2) out of both. Below -60, t and s are both e^x */
INLINE REAL K(mish_of)(REAL x)
{
    REAL o, s = M(logistic_pair)(x, &o), least = K(above)(x), tail = M(silu)(x);
    return x < -60 ? tail : least * (s * (1 + o) / (1 + o * o));
}

INLINE REAL K(mish_slope)(REAL x)
{
    REAL o, s = M(logistic_pair)(x, &o), q = 1 / (1 + o * o), root = 2 * o * q;
    return s * (q * ((1 + o) + K(inside)(x) * (2 * o * root))); /* s may have few bits */
}

/* x / (1 + |x|): beyond 1e30 it is 1, also at infinity */
INLINE REAL K(softsign_of)(REAL x)
{
    x = x > R(1e30) ? R(1e30) : x < R(-1e30) ? R(-1e30) : x;
    return x / (1 + F(fabs)(x));
}

/* What an operand of maximum or minimum gets: `own` says that it is taken, `other` that the other
 * one is, too; then each gets half */
INLINE REAL K(share)(REAL g, bool own, bool other)
{
    return own ? (other ? g / 2 : g) : 0;
}

INLINE bool K(is_infinite)(REAL x)
{
    return F(fabs)(x) > R(IS_F32 ? FLT_MAX : DBL_MAX);
}

/* c, which if it is finite remains so */
INLINE REAL K(finite)(double c)
{
    const double most = IS_F32 ? FLT_MAX : DBL_MAX;
    return (REAL)(isinf(c) ? c : c > most ? most : c < -most ? -most : c);
}

/* x^a. The most frequent exponents are products; the compiler takes the choice out of the loop */
INLINE REAL K(power_of)(REAL x, REAL a)
{
    return a == 2 ? x * x : a == 3 ? x * x * x : a == 1 ? x : a == -1 ? 1 / x : F(pow)(x, a);
}

/* In f32 as well these are computed in f64, and rounded once */
INLINE REAL K(exp2_of)(REAL x)
{
    return (REAL)double_exp2((double)x);
}

INLINE REAL K(log2_of)(REAL x)
{
    return (REAL)double_log2((double)x);
}

INLINE REAL K(log10_of)(REAL x)
{
    return (REAL)double_log10((double)x);
}

/* c g / x */
INLINE REAL K(per_log)(REAL g, REAL x, double c)
{
    return (REAL)((double)g / (double)x * c);
}

#define ROW(...)
#define WIDE_ROW UNARY_KERNELS
#include "unary.def"

#else
/* is |x| too large for our sin and cos? Infinities are */
INLINE bool K(is_far)(REAL x)
{
    return F(fabs)(x) > R(1e6);
}

/* so that sin and cos take nothing off? */
INLINE bool K(is_small)(REAL x)
{
    return F(fabs)(x) <= R(0.78);
}

INLINE bool K(some_far)(int64_t n, const REAL *x)
{
    int far = 0;
    for (int64_t i = 0; i < n; i++)
        far |= K(is_far)(x[i]);
    return far;
}

#define LOOP(function, all_small, expression)                                                   \
    function(int64_t n, REAL *y, const REAL *gy, const REAL *from)                              \
    {                                                                                           \
        const bool small = all_small;                                                           \
        VECTORIZE                                                                               \
        for (int64_t i = 0; i < n; i++) {                                                       \
            REAL x = from[i], g = gy[i];                                                        \
            (void)g;                                                                            \
            y[i] = expression;                                                                  \
        }                                                                                       \
    }
/* A block with some far x chooses for each element, so that the bits of a result depend on its x
 * alone */
#define IN_BLOCKS(name, at, small, near, far)                                                   \
    APART void K(name##_blocks)(int64_t n, REAL *y, const REAL *gy, const REAL *x)              \
    {                                                                                           \
        for (int64_t i = 0, m; i < n; i += m) {                                                 \
            m = n - i < 256 ? n - i : 256;                                                      \
            if (K(some_far)(m, x + i))                                                          \
                far(m, y + i, gy + i, x + i);                                                   \
            else                                                                                \
                near(m, y + i, gy + i, x + i);                                                  \
        }                                                                                       \
    }                                                                                           \
    static void K(name)(int64_t n, void *out, void *const *in, const void *given)               \
    {                                                                                           \
        const REAL *x = in[at];                                                                 \
        (void)given;                                                                            \
        if (n == 1 && K(is_small)(x[0])) /* one number takes no room on the stack */            \
            small(1, out, in[0], x);                                                            \
        else if (n == 1 && !K(is_far)(x[0]))                                                    \
            near(1, out, in[0], x);                                                             \
        else                                                                                    \
            K(name##_blocks)(n, out, in[0], x);                                                 \
    }
#define WAVE(name, formula, derivative, value, far_value, fused, far_fused, composed)           \
    INLINE void LOOP(K(name##_small), true, value)                                              \
    INLINE void LOOP(K(name##_near), false, value)                                              \
    APART void LOOP(K(name##_far), false, K(is_far)(x) ? (far_value) : (value))                 \
    INLINE void LOOP(K(name##_back_small), true, fused)                                         \
    INLINE void LOOP(K(name##_back_near), false, fused)                                         \
    APART void LOOP(K(name##_back_far), false, K(is_far)(x) ? (far_fused) : (fused))            \
    IN_BLOCKS(name, 0, K(name##_small), K(name##_near), K(name##_far))                          \
    IN_BLOCKS(name##_back, 1, K(name##_back_small), K(name##_back_near), K(name##_back_far))
#define ROW UNARY_KERNELS
#define WIDE_ROW(...)
#include "unary.def"
#undef LOOP
#undef IN_BLOCKS

#define BINARY BINARY_KERNELS
#include "binary.def"

/* L_n = a^b log(a)^n, n >= 1, and 0 at a = 0 <= b and where a^b is 0: see pow_log in elementwise.c.
 * Per element 3 s bytes, a power, a logarithm and n products */
static void K(pow_log)(int64_t count, void *out, void *const *in, const void *given)
{
    const REAL *left = in[0], *right = in[1];
    const int n = *(const int *)given;
    REAL *y = out;
    for (int64_t i = 0; i < count; i++) {
        REAL a = left[i], b = right[i], log_a = M(log)(a), power = F(pow)(a, b);
        const bool none = power == 0;
        for (int k = 0; k < n; k++)
            power *= log_a;
        y[i] = none || (a == 0 && b >= 0) ? 0 : power;
    }
}

/* 2 s bytes and 3 operations */
static void K(one_less_square)(int64_t n, void *out, void *const *in, const void *given)
{
    const REAL *x = in[0];
    REAL *y = out;
    (void)given;
    VECTORIZE
    for (int64_t i = 0; i < n; i++)
        y[i] = (1 - x[i]) * (1 + x[i]);
}
#endif
#undef NUMBER
#undef R
#undef M
