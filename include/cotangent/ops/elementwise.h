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
ct_tensor *ct_neg(ct_tensor *x);                /* y = -x; gx = -g */

/* -- ... with a number c. For all other operators, make a tensor of it: ct_scalar_like(x, c) */
ct_tensor *ct_scale(ct_tensor *x, double c);    /* y = c x; gx = c g */
ct_tensor *ct_shift(ct_tensor *x, double c);    /* y = x + c; gx = g */
ct_tensor *ct_rsub(double c, ct_tensor *x);     /* y = c - x; gx = -g */
ct_tensor *ct_rdiv(double c, ct_tensor *x);     /* y = c / x; gx = -g y / x */
/* y = x^c; gx = g c x^(c-1). y is NaN for x < 0 unless c is a whole number. x^0 is 1 for any x, NaN
   too, and its gradient is 0 */
ct_tensor *ct_power(ct_tensor *x, double c);
/* y = min(max(x, low), high); gx = g [low <= x <= high] */
ct_tensor *ct_clamp(ct_tensor *x, double low, double high);

/* -- Elementwise functions: y has x's shape. No e^x on the way overflows where y is finite */
ct_tensor *ct_exp(ct_tensor *x);                /* y = e^x; gx = g y */
ct_tensor *ct_expm1(ct_tensor *x);              /* y = e^x - 1; gx = g e^x. Exact near 0 */
ct_tensor *ct_log(ct_tensor *x);                /* y = log x; gx = g / x. -inf at 0, NaN below */
ct_tensor *ct_log1p(ct_tensor *x);              /* y = log(1 + x); gx = g / (1 + x). Exact near 0 */
ct_tensor *ct_sqrt(ct_tensor *x);               /* y = sqrt x; gx = g / (2 y). NaN below 0 */
ct_tensor *ct_square(ct_tensor *x);             /* y = x^2; gx = 2 g x */
ct_tensor *ct_reciprocal(ct_tensor *x);         /* y = 1 / x; gx = -g y^2 */
ct_tensor *ct_abs(ct_tensor *x);                /* y = |x|; gx = g sign x. sign 0 is 0 */
ct_tensor *ct_sign(ct_tensor *x);               /* y = sign x; derivative: none. -1, 0 or 1 */
ct_tensor *ct_sin(ct_tensor *x);                /* y = sin x; gx = g cos x. x is in radians */
ct_tensor *ct_cos(ct_tensor *x);                /* y = cos x; gx = -g sin x. x is in radians */
/* y = erf x; gx = g 2 / sqrt(pi) e^(-x^2). erf x is 2 / sqrt(pi) times the integral of e^(-t^2) for
   t from 0 to x. gx is off by up to x^2 roundings, since x^2 is rounded */
ct_tensor *ct_erf(ct_tensor *x);
/* y = 1 - erf x; gx = -g 2 / sqrt(pi) e^(-x^2). y keeps its digits for large x; gx is
   as exact as that of ct_erf */
ct_tensor *ct_erfc(ct_tensor *x);
/* y = Phi(x); gx = g phi(x). In f64 these two and gelu are off by up to 2 x^2 roundings, since
   x / sqrt 2 and x^2 are rounded */
ct_tensor *ct_normal_cdf(ct_tensor *x);
ct_tensor *ct_normal_pdf(ct_tensor *x);         /* y = phi(x); gx = -g x y */
/* y = tanh x; gx = g (1 - y^2). gx is made from y alone, and loses digits as |y| comes near 1: it
   is off by up to e^(2|x|) / 2 roundings, and 0 from about |x| = 9 on in f32, 19 in f64. So are
   derivatives of higher order */
ct_tensor *ct_tanh(ct_tensor *x);
/* y = 1 / (1 + e^-x); gx = g y (1 - y). gx keeps its digits for x < 0 and loses them as y comes
   near 1: it is off by up to e^x roundings, and 0 from about x = 17 on in f32, 37 in f64. So are
   derivatives of higher order. Those of softplus and silu keep their digits for any x */
ct_tensor *ct_sigmoid(ct_tensor *x);
ct_tensor *ct_relu(ct_tensor *x);               /* y = max(0, x); gx = g [x > 0] */
/* y = x where x > 0, else slope x; gx = g where x > 0, else slope g */
ct_tensor *ct_leaky_relu(ct_tensor *x, double slope);
/* y = x where x > 0, else alpha (e^x - 1); gx = g where x > 0, else g alpha e^x */
ct_tensor *ct_elu(ct_tensor *x, double alpha);
/* y = x Phi(x); gx = g (Phi(x) + x phi(x)). It is not the approximation by tanh */
ct_tensor *ct_gelu(ct_tensor *x);
/* y = x s, s = 1 / (1 + e^-x); gx = g s (1 + x (1 - s)) */
ct_tensor *ct_silu(ct_tensor *x);
ct_tensor *ct_softplus(ct_tensor *x);           /* y = log(1 + e^x); gx = g / (1 + e^-x) */

/* -- Activations by name, as layers are told them: elu with alpha 1, leaky_relu with slope 0.01 */
typedef enum ct_activation {
    CT_IDENTITY = 0, CT_RELU, CT_TANH, CT_SIGMOID, CT_GELU, CT_SILU, CT_SOFTPLUS, CT_ELU,
    CT_LEAKY_RELU
} ct_activation;
/* y = f(x); gx = g f'(x). f is the activation. CT_IDENTITY returns x itself; a number that names no
   activation is an error */
ct_tensor *ct_activate(ct_tensor *x, ct_activation activation);

/* -- Choice, for any dtype. Comparisons make bool tensors. NaN differs from everything, itself
 * included */
ct_tensor *ct_eq(ct_tensor *a, ct_tensor *b);   /* y = a == b; derivative: none */
ct_tensor *ct_ne(ct_tensor *a, ct_tensor *b);   /* y = a != b; derivative: none */
ct_tensor *ct_lt(ct_tensor *a, ct_tensor *b);   /* y = a < b; derivative: none */
ct_tensor *ct_le(ct_tensor *a, ct_tensor *b);   /* y = a <= b; derivative: none */
ct_tensor *ct_gt(ct_tensor *a, ct_tensor *b);   /* y = a > b; derivative: none */
ct_tensor *ct_ge(ct_tensor *a, ct_tensor *b);   /* y = a >= b; derivative: none */
/* y = a where the condition holds, else b; ga = g where the condition holds, else 0, gb = 0 where
   it holds, else g. The condition is bool, a and b have one dtype, and all three are broadcast.
   What was not taken gets a cotangent of exactly 0, but the operators that made it may turn that 0
   into NaN: 0 times an infinite slope. Then choose their argument too: log(where(x > 0, x, 1)) */
ct_tensor *ct_where(ct_tensor *condition, ct_tensor *a, ct_tensor *b);

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
