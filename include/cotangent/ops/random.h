/* Operators that draw from the context's random stream (ct_seed restarts it). The draws are the
 * same for any number of threads. The conventions of all comments are at the top of ops.h. */
#ifndef COTANGENT_OPS_RANDOM_H
#define COTANGENT_OPS_RANDOM_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* y = 1 with probability p, else 0; derivative: none. y has p's shape and dtype. A p outside of
   [0, 1] is an error */
ct_tensor *ct_bernoulli(ct_tensor *p);
/* y = e / rate, e from the exponential distribution of mean 1; grate = -g y / rate. y has the
   rate's shape. e is -log(1 - u), with u on a grid of 2^52 points between 0 and 1: so e lies
   between 1e-16 and 37. A rate that is not positive and finite is an error */
ct_tensor *ct_exponential(ct_tensor *rate);
/* P(alpha, y) = u, u uniform on 0 to 1; galpha = -g (dP/dalpha) / p(alpha, y). This is a draw from
   the gamma distribution of shape alpha and rate 1: for another rate, divide by it.

   P(alpha, y) is the integral of p(alpha, t) = t^(alpha - 1) e^-t / Gamma(alpha) for t from 0 to y.
   u is on a grid of 2^52 points. y is off by at most 1e-13 y, and by what a change of u by 2e-16
   makes. With small alpha it may be too small for its dtype: then y is 0, and so is its gradient.

   There are derivatives up to order 8; the first keeps its digits, and the others lose about as
   many as alpha has before the point. An alpha that is not positive and finite is an error */
ct_tensor *ct_gamma(ct_tensor *alpha);
/* y = n indices for each row of weights; derivative: none. (...,c) -> (...,n), i64. Index i has
   probability weight_i / sum of the weights. If `replace` is false, no index occurs twice in a row:
   each is drawn from those that are left. A weight that is negative or not finite is an error, and
   so are rows with no positive weight, or, without `replace`, with fewer than n of them */
ct_tensor *ct_multinomial(ct_tensor *weights, int64_t n, bool replace);
/* y = softmax((x + G) / tau) along the axis; gx = s (g - sum g s) / tau, s = softmax((x + G) /
   tau). The G are draws from the standard Gumbel distribution (Jang, Gu, Poole, ICLR 2017). If
   `hard`, y is 1 at the largest s and 0 elsewhere, and the gradient is the same. tau must be
   positive */
ct_tensor *ct_gumbel_softmax(ct_tensor *x, double tau, bool hard, int axis);

CT_API_END
#endif
