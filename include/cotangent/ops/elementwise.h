/* Operators, element by element: arithmetic, functions, activations, choice, casts, dropout. The
 * conventions of all comments are at the top of ops.h. */
#ifndef COTANGENT_OPS_ELEMENTWISE_H
#define COTANGENT_OPS_ELEMENTWISE_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* -- Arithmetic. ct_add, y = a + b, is in autograd.h: the chain rule adds cotangents with it */
ct_tensor *ct_sub(ct_tensor *a, ct_tensor *b);  /* y = a - b; ga = g, gb = -g */
ct_tensor *ct_mul(ct_tensor *a, ct_tensor *b);  /* y = a b; ga = g b, gb = g a */
/* y = a / b; ga = g / b, gb = -g y / b. a / 0 is infinite, and 0 / 0 is NaN */
ct_tensor *ct_div(ct_tensor *a, ct_tensor *b);
/* y = a b where a != 0, else 0; ga = g b, gb = g a where a != 0, else 0. So a weight or mask of 0
   takes out what is infinite or NaN */
ct_tensor *ct_mul_no_nan(ct_tensor *a, ct_tensor *b);
/* y = a^b; ga = g b a^(b-1), gb = g y log a. y is NaN for a < 0 unless b is a whole number. ga is 0
   where b = 0, and gb is NaN where a < 0. Where a = 0 <= b, y counts as constant in b: gb, and all
   further derivatives in which b occurs, are 0. Mixed derivatives do not depend on the order */
ct_tensor *ct_pow(ct_tensor *a, ct_tensor *b);
/* y = max(a, b); ga = g ([a > b] + [a = b] / 2), gb = g ([b > a] + [a = b] / 2). A NaN
   wins, and gets g; two NaNs count as equal */
ct_tensor *ct_maximum(ct_tensor *a, ct_tensor *b);
/* y = min(a, b); ga = g ([a < b] + [a = b] / 2), gb = g ([b < a] + [a = b] / 2). A NaN
   wins, and gets g; two NaNs count as equal */
ct_tensor *ct_minimum(ct_tensor *a, ct_tensor *b);
/* y = a - b trunc(a / b); ga = g, gb = -g trunc(a / b). y has the sign of a, as C's fmod has it.
   NaN where b = 0 or a is infinite. At the jumps, where a / b is a whole number, gb is that of y */
ct_tensor *ct_fmod(ct_tensor *a, ct_tensor *b);
/* y = a - b floor(a / b); ga = g, gb = -g floor(a / b). y has the sign of b, as Python's % has it.
   Otherwise as ct_fmod */
ct_tensor *ct_remainder(ct_tensor *a, ct_tensor *b);
/* y = a + w (b - a); ga = g (1 - w), gb = g w, gw = g (b - a). y is a where w = 0, and b where
   w = 1 */
ct_tensor *ct_lerp(ct_tensor *a, ct_tensor *b, ct_tensor *w);
/* y = |a| with the sign of b; ga = g sign(a) sign(b), gb = 0. 0 and NaN have a sign as b. ga is 0
   where a = 0 */
ct_tensor *ct_copysign(ct_tensor *a, ct_tensor *b);
/* y = 0 where a < 0, 1 where a > 0, b where a = 0; ga = 0, gb = g [a = 0]. NaN where a is */
ct_tensor *ct_heaviside(ct_tensor *a, ct_tensor *b);
ct_tensor *ct_neg(ct_tensor *x);                /* y = -x; gx = -g */

/* -- Arithmetic with a number c. For all other operators, make a tensor of it: ct_scalar_like(x, c)
 */
ct_tensor *ct_scale(ct_tensor *x, double c);    /* y = c x; gx = c g */
ct_tensor *ct_shift(ct_tensor *x, double c);    /* y = x + c; gx = g */
ct_tensor *ct_rsub(double c, ct_tensor *x);     /* y = c - x; gx = -g */
ct_tensor *ct_rdiv(double c, ct_tensor *x);     /* y = c / x; gx = -g y / x */
/* y = x^c; gx = g c x^(c-1). y is NaN for x < 0 unless c is a whole number. x^0 is 1 for any x, NaN
   too, and its gradient is 0 */
ct_tensor *ct_power(ct_tensor *x, double c);
/* y = min(max(x, low), high); gx = g [low <= x <= high] */
ct_tensor *ct_clamp(ct_tensor *x, double low, double high);

/* -- Functions of two tensors */
/* y = the angle of the point (b, a); ga = g b / (a^2 + b^2), gb = -g a / (a^2 + b^2). y is from -pi
   to pi. At the origin all derivatives are 0 */
ct_tensor *ct_atan2(ct_tensor *a, ct_tensor *b);
/* y = sqrt(a^2 + b^2); ga = g a / y, gb = g b / y. Neither square overflows or underflows. At the
   origin all derivatives are 0. y is infinite where a or b is, also where the other is NaN */
ct_tensor *ct_hypot(ct_tensor *a, ct_tensor *b);
/* y = a log b where a != 0, else 0; ga = g log b, gb = g a / b. Where a = 0 >= b, all derivatives
   are 0. y is NaN where b is */
ct_tensor *ct_xlogy(ct_tensor *a, ct_tensor *b);
/* y = log(e^a + e^b); ga = g / (1 + e^(b - a)), gb = g / (1 + e^(a - b)). Neither e^a nor e^b
   overflows. Two equal infinities get g / 2 each. y is off by roundings of max(a, b), which is more
   than of y near y = 0 */
ct_tensor *ct_logaddexp(ct_tensor *a, ct_tensor *b);

/* -- Elementwise functions: y has x's shape. No e^x on the way overflows where y is finite */
ct_tensor *ct_exp(ct_tensor *x);                /* y = e^x; gx = g y */
ct_tensor *ct_expm1(ct_tensor *x);              /* y = e^x - 1; gx = g e^x. Exact near 0 */
ct_tensor *ct_log(ct_tensor *x);                /* y = log x; gx = g / x. -inf at 0, NaN below */
ct_tensor *ct_log1p(ct_tensor *x);              /* y = log(1 + x); gx = g / (1 + x). Exact near 0 */
/* y = log(1 - e^x); gx = -g e^x / (1 - e^x). Exact near 0 and far below. -inf at 0, NaN above */
ct_tensor *ct_log1mexp(ct_tensor *x);
ct_tensor *ct_exp2(ct_tensor *x);               /* y = 2^x; gx = g y log 2 */
ct_tensor *ct_log2(ct_tensor *x);               /* y = log2 x; gx = g / (x log 2) */
ct_tensor *ct_log10(ct_tensor *x);              /* y = log10 x; gx = g / (x log 10) */
ct_tensor *ct_cbrt(ct_tensor *x);               /* y = x^(1/3); gx = g / (3 y^2). Odd: -2 at -8 */
/* y = 1 / sqrt x; gx = -g y^3 / 2. Infinite at 0, NaN below */
ct_tensor *ct_rsqrt(ct_tensor *x);
ct_tensor *ct_sqrt(ct_tensor *x);               /* y = sqrt x; gx = g / (2 y). NaN below 0 */
ct_tensor *ct_square(ct_tensor *x);             /* y = x^2; gx = 2 g x */
ct_tensor *ct_reciprocal(ct_tensor *x);         /* y = 1 / x; gx = -g y^2 */
ct_tensor *ct_abs(ct_tensor *x);                /* y = |x|; gx = g sign x. sign 0 is 0 */
ct_tensor *ct_sign(ct_tensor *x);               /* y = sign x; derivative: none. -1, 0 or 1 */
/* y = the largest whole number <= x; derivative: none */
ct_tensor *ct_floor(ct_tensor *x);
/* y = the smallest whole number >= x; derivative: none */
ct_tensor *ct_ceil(ct_tensor *x);
/* y = the nearest whole number to x; derivative: none. Of two, the even one: 2 at 2.5 */
ct_tensor *ct_round(ct_tensor *x);
/* y = the next whole number to x toward 0; derivative: none */
ct_tensor *ct_trunc(ct_tensor *x);
/* y = nan for NaN, high for inf, low for -inf, else x; gx = g where x is finite, else 0. A finite
   `high` or `low` that is too large for x's dtype is the largest number of it: so DBL_MAX, -DBL_MAX
   make what NumPy makes by default */
ct_tensor *ct_nan_to_num(ct_tensor *x, double nan, double high, double low);
ct_tensor *ct_sin(ct_tensor *x);                /* y = sin x; gx = g cos x. x is in radians */
ct_tensor *ct_cos(ct_tensor *x);                /* y = cos x; gx = -g sin x. x is in radians */
ct_tensor *ct_tan(ct_tensor *x);                /* y = tan x; gx = g (1 + y^2) */
/* y = arcsin x; gx = g / sqrt(1 - x^2). In -pi/2 to pi/2. NaN where |x| > 1 */
ct_tensor *ct_asin(ct_tensor *x);
/* y = arccos x; gx = -g / sqrt(1 - x^2). In 0 to pi. NaN where |x| > 1 */
ct_tensor *ct_acos(ct_tensor *x);
ct_tensor *ct_atan(ct_tensor *x);               /* y = arctan x; gx = g / (1 + x^2) */
ct_tensor *ct_sinh(ct_tensor *x);               /* y = (e^x - e^-x) / 2; gx = g cosh x */
ct_tensor *ct_cosh(ct_tensor *x);               /* y = (e^x + e^-x) / 2; gx = g sinh x */
/* y = arsinh x; gx = g / sqrt(1 + x^2). It is log(x + sqrt(x^2 + 1)), exact for any x */
ct_tensor *ct_asinh(ct_tensor *x);
/* y = arcosh x; gx = g / sqrt(x^2 - 1). NaN where x < 1 */
ct_tensor *ct_acosh(ct_tensor *x);
/* y = artanh x; gx = g / (1 - x^2). Infinite at -1 and 1, and NaN beyond */
ct_tensor *ct_atanh(ct_tensor *x);
/* y = sin(pi x) / (pi x); gx = g (cos(pi x) - y) / x. It is NumPy's sinc: 1 at 0, and 0 at all
   other whole numbers. Derivatives of any order are found without cancellation near 0 */
ct_tensor *ct_sinc(ct_tensor *x);
/* y = erf x; gx = g 2 / sqrt(pi) e^(-x^2). erf x is 2 / sqrt(pi) times the integral of e^(-t^2) for
   t from 0 to x. gx is off by up to x^2 roundings, since x^2 is rounded */
ct_tensor *ct_erf(ct_tensor *x);
/* y = 1 - erf x; gx = -g 2 / sqrt(pi) e^(-x^2). y keeps its digits for large x; gx is
   as exact as that of ct_erf */
ct_tensor *ct_erfc(ct_tensor *x);
/* y = the number of which erf y = x; gx = g sqrt(pi) / 2 e^(y^2). Infinite at -1 and 1, and NaN
   beyond. gx is off by up to 2 y^2 roundings, since y is rounded */
ct_tensor *ct_erfinv(ct_tensor *x);
/* y = log |Gamma(x)|; gx = g digamma(x). Infinite at 0, -1, -2, ... For x < 0 y may be off by some
   roundings of 1 where it is near 0 */
ct_tensor *ct_lgamma(ct_tensor *x);
/* y = Gamma'(x) / Gamma(x); gx = g polygamma(1, x). NaN at -1, -2, ..., and at 0 infinite, with the
   sign that x does not have. For x < 0 it is off by roundings of digamma(1 - x) and of
   pi / tan(pi x), of which it is the difference */
ct_tensor *ct_digamma(ct_tensor *x);
/* y = the n-th derivative of digamma at x; gx = g polygamma(n + 1, x). n is from 0 to 1000. At 0,
   -1, -2, ... y is infinite for odd n, and as digamma is for even n */
ct_tensor *ct_polygamma(int n, ct_tensor *x);
/* y = Phi(x); gx = g phi(x). y keeps its digits far below 0 */
ct_tensor *ct_normal_cdf(ct_tensor *x);
ct_tensor *ct_normal_pdf(ct_tensor *x);         /* y = phi(x); gx = -g x y */
/* y = tanh x; gx = g (1 - y^2). gx is made from y alone, and loses digits as |y| comes near 1: it
   is off by up to e^(2|x|) / 2 roundings, and 0 from about |x| = 9 on in f32, 19 in f64. So are
   derivatives of higher order, which keep their digits near 0 */
ct_tensor *ct_tanh(ct_tensor *x);
/* y = 1 / (1 + e^-x); gx = g y (1 - y). gx keeps its digits for x < 0 and loses them as y comes
   near 1: it is off by up to e^x roundings, and 0 from about x = 17 on in f32, 37 in f64. So are
   derivatives of higher order; the second, which is 0 at x = 0, is off by half a rounding of 1
   there, since y is 1/2. Those of softplus and silu keep their digits for any x */
ct_tensor *ct_sigmoid(ct_tensor *x);
ct_tensor *ct_relu(ct_tensor *x);               /* y = max(0, x); gx = g [x > 0] */
/* y = x where x > 0, else slope x; gx = g where x > 0, else slope g */
ct_tensor *ct_leaky_relu(ct_tensor *x, double slope);
/* y = x where x > 0, else alpha (e^x - 1); gx = g where x > 0, else g alpha e^x */
ct_tensor *ct_elu(ct_tensor *x, double alpha);
/* y = x where x > 0, else alpha (e^(x / alpha) - 1); gx = g where x > 0, else g e^(x / alpha). gx
   is off by up to |x / alpha| roundings, since x / alpha is rounded */
ct_tensor *ct_celu(ct_tensor *x, double alpha);
/* y = scale x where x > 0, else scale alpha (e^x - 1); gx = scale g where x > 0, else
   scale alpha g e^x. scale is 1.0507009873554805, and alpha 1.6732632423543772 */
ct_tensor *ct_selu(ct_tensor *x);
/* y = min(max(x, low), high); gx = g [low < x < high]. At the ends gx is 0, where that of ct_clamp
   is g */
ct_tensor *ct_hardtanh(ct_tensor *x, double low, double high);
ct_tensor *ct_relu6(ct_tensor *x);              /* y = min(max(x, 0), 6); gx = g [0 < x < 6] */
/* y = min(max((x + 3) / 6, 0), 1); gx = g / 6 [-3 < x < 3] */
ct_tensor *ct_hardsigmoid(ct_tensor *x);
/* y = x min(max(x + 3, 0), 6) / 6; gx = g where x >= 3, 0 where x <= -3, else g (2 x + 3) / 6 */
ct_tensor *ct_hardswish(ct_tensor *x);
ct_tensor *ct_softsign(ct_tensor *x);           /* y = x / (1 + |x|); gx = g / (1 + |x|)^2 */
/* y = x - c where x > c, x + c where x < -c, else 0; gx = g where |x| > c, else 0. For c >= 0 */
ct_tensor *ct_softshrink(ct_tensor *x, double c);
/* y = x Phi(x); gx = g (Phi(x) + x phi(x)). It is not the approximation by tanh */
ct_tensor *ct_gelu(ct_tensor *x);
/* y = x s, s = 1 / (1 + e^-x); gx = g s (1 + x (1 - s)) */
ct_tensor *ct_silu(ct_tensor *x);
/* y = x tanh(log(1 + e^x)); gx = g (t + x (1 - t^2) / (1 + e^-x)), t = y / x */
ct_tensor *ct_mish(ct_tensor *x);
/* y = -log(1 + e^-x); gx = g / (1 + e^x). It is log sigmoid x, exact for any x */
ct_tensor *ct_log_sigmoid(ct_tensor *x);
ct_tensor *ct_softplus(ct_tensor *x);           /* y = log(1 + e^x); gx = g / (1 + e^-x) */

/* -- Activations by name, as layers are told them: elu with alpha 1, leaky_relu with slope 0.01 */
/* the activations */
typedef enum ct_activation {
    CT_IDENTITY = 0, CT_RELU, CT_TANH, CT_SIGMOID, CT_GELU, CT_SILU, CT_SOFTPLUS, CT_ELU,
    CT_LEAKY_RELU
} ct_activation;
/* y = f(x); gx = g f'(x). f is the activation. CT_IDENTITY returns x itself; a number that names no
   activation is an error */
ct_tensor *ct_activate(ct_tensor *x, ct_activation activation);

/* -- Choice, for any dtype. Comparisons and the like make bool tensors. NaN differs from
 * everything, itself included */
ct_tensor *ct_eq(ct_tensor *a, ct_tensor *b);   /* y = a == b; derivative: none */
ct_tensor *ct_ne(ct_tensor *a, ct_tensor *b);   /* y = a != b; derivative: none */
ct_tensor *ct_lt(ct_tensor *a, ct_tensor *b);   /* y = a < b; derivative: none */
ct_tensor *ct_le(ct_tensor *a, ct_tensor *b);   /* y = a <= b; derivative: none */
ct_tensor *ct_gt(ct_tensor *a, ct_tensor *b);   /* y = a > b; derivative: none */
ct_tensor *ct_ge(ct_tensor *a, ct_tensor *b);   /* y = a >= b; derivative: none */
/* Logic: what is not 0 is true, NaN too */
/* y = (a != 0) & (b != 0); derivative: none */
ct_tensor *ct_logical_and(ct_tensor *a, ct_tensor *b);
/* y = (a != 0) | (b != 0); derivative: none */
ct_tensor *ct_logical_or(ct_tensor *a, ct_tensor *b);
/* y = (a != 0) != (b != 0); derivative: none */
ct_tensor *ct_logical_xor(ct_tensor *a, ct_tensor *b);
ct_tensor *ct_logical_not(ct_tensor *x);        /* y = x == 0; derivative: none */
ct_tensor *ct_isnan(ct_tensor *x);              /* y = x is NaN; derivative: none */
ct_tensor *ct_isinf(ct_tensor *x);              /* y = x is infinite; derivative: none */
/* y = x is finite; derivative: none. NaN is not */
ct_tensor *ct_isfinite(ct_tensor *x);
/* y = a where the condition holds, else b; ga = g where the condition holds, else 0, gb = 0 where
   it holds, else g. The condition is bool, a and b have one dtype, and all three are broadcast.
   What was not taken gets a cotangent of exactly 0, but the operators that made it may turn that 0
   into NaN: 0 times an infinite slope. Then choose their argument too: log(where(x > 0, x, 1)) */
ct_tensor *ct_where(ct_tensor *condition, ct_tensor *a, ct_tensor *b);
/* y = value where the mask is true, else x; gx = 0 where the mask is true, else g. The mask is
   bool, and both are broadcast */
ct_tensor *ct_masked_fill(ct_tensor *x, ct_tensor *mask, double value);

/* -- Others */
/* y = x as dtype; gx = g as the dtype of x. Only casts between f32 and f64 have a derivative; any
   other y requires no grad. y is x itself if it has that dtype. To i64, the fraction of a float is
   cut off, and a NaN or what i64 cannot hold is an error. To bool, 0 is false, all else is true */
ct_tensor *ct_cast(ct_tensor *x, ct_dtype dtype);
/* y = m x / (1 - p), m = 0 with probability p, else 1; gx = m g / (1 - p). m comes from the
   context's random stream. 0 <= p < 1, and with p = 0 y is x itself. It always drops: the module of
   ct_dropout_new knows about training */
ct_tensor *ct_dropout(ct_tensor *x, double p);

CT_API_END
#endif
