/* Operators that go along an axis and carry something from element to element: cumulative sums,
 * products and extremes. The conventions of all comments are at the top of ops.h. */
#ifndef COTANGENT_OPS_SCANS_H
#define COTANGENT_OPS_SCANS_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* -- Along one axis. y has x's shape, and y_i is made of x_0, ..., x_i. Each line along the
 * axis is the work of one thread */
/* y_i = x_0 + ... + x_i; gx_i = g_i + g_(i+1) + .... i64 as well, which wraps. y and gx are at
   least as accurate as ct_sum */
ct_tensor *ct_cumsum(ct_tensor *x, int axis);
/* y_i = x_0 ... x_i; gx_i = y_(i-1) h_i, h_i = g_i + x_(i+1) h_(i+1). So it is right where x is 0,
   in derivatives of any order. y_i is right wherever it can be represented, even where an earlier
   y_j cannot. gx is right if every y_i whose g_i is not 0 can be represented. y_i is off by at most
   i roundings */
ct_tensor *ct_cumprod(ct_tensor *x, int axis);
/* y_i = log(e^x_0 + ... + e^x_i); gx_i = sum of g_j e^(x_i - y_j) over j >= i. No finite x
   overflows. y_i is -inf where all x up to there are. The error does not grow with the number of
   elements. gx is off by up to |y| roundings, since y is rounded */
ct_tensor *ct_logcumsumexp(ct_tensor *x, int axis);
/* y_i = max(x_0, ..., x_i); gx_i = sum of g_j over all j where y_j was taken from x_i. Any dtype.
   *values is y, and *indices (i64) says from where each was taken: of equal elements from the last
   one, as in PyTorch. A NaN wins. Either may be NULL; on failure both become NULL */
ct_status ct_cummax(ct_tensor *x, int axis, ct_tensor **values, ct_tensor **indices);
/* y_i = min(x_0, ..., x_i); gx_i = sum of g_j over all j where y_j was taken from x_i. All else is
   as in ct_cummax */
ct_status ct_cummin(ct_tensor *x, int axis, ct_tensor **values, ct_tensor **indices);

CT_API_END
#endif
