/* Operators along axes: reductions, softmax, cross-entropy. The conventions of all comments are at
 * the top of ops.h. */
#ifndef COTANGENT_OPS_REDUCTIONS_H
#define COTANGENT_OPS_REDUCTIONS_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* -- Reductions. ct_sum(x) reduces all axes to one number; ct_sum_over(x, CT_AXES(0, 1),
 * CT_KEEPDIMS) reduces those of a list, and its formulas are the same. An empty list (NULL, 0)
 * means all axes; an axis that is out of range or given twice is an error. In the formulas sum,
 * mean, max, min and the number n of elements are those of one result */
/* Flags of the functions whose names end in _over */
enum {
    CT_KEEPDIMS = 1,                            /* reduced axes stay, with size 1 */
    CT_UNBIASED = 2                             /* var and std only: divide by n - 1 */
};
/* y = sum x; gx = g. i64 as well. Of no elements it is 0. It is as accurate as ct_sum_to */
ct_tensor *ct_sum(ct_tensor *x);
/* y = sum x / n; gx = g / n. It is infinite where the sum is, as in NumPy and PyTorch */
ct_tensor *ct_mean(ct_tensor *x);
/* y = product of all x; gx = g times the product of all other x. So it is right where x is 0, in
   derivatives of any order. Of no elements it is 1. No product on the way overflows or vanishes.
   y is off by at most n roundings */
ct_tensor *ct_prod(ct_tensor *x);
/* y = max x; gx = g [x = y] / k where k elements equal y. i64 as well. A NaN wins: then y is NaN,
   and the NaNs are the k elements. Of no elements it is an error */
ct_tensor *ct_max(ct_tensor *x);
/* y = min x; gx = g [x = y] / k where k elements equal y. All else is as in ct_max */
ct_tensor *ct_min(ct_tensor *x);
/* y = sum (x - mean x)^2 / n; gx = 2 g (x - mean x) / n. CT_UNBIASED puts n - 1 in place of both n;
   then the variance of a single element is NaN. It is as exact for numbers that are nearly equal as
   for others, and infinite where the sum of squares is */
ct_tensor *ct_var(ct_tensor *x);
/* y = sqrt(sum (x - mean x)^2 / n); gx = g (x - mean x) / (n y). CT_UNBIASED puts n - 1 in place of
   both n. Where all x are equal, y and gx are 0. No square overflows: x may be 1e200 or 1e-200 in
   f64. In all else it is as ct_var */
ct_tensor *ct_std(ct_tensor *x);
/* y = (sum |x|^p)^(1/p); gx = g sign(x) |x / y|^(p - 1). p is positive: 1 is the sum of magnitudes,
   2 the length of a vector (over two axes: the Frobenius norm of a matrix), INFINITY the largest
   magnitude, with the gradient of ct_max. Where x is 0, gx is 0: at y = 0 it is the subgradient of
   least norm. No power of x overflows or vanishes: x may be as large or as small as its dtype
   allows, and gx is right even where y is infinite */
ct_tensor *ct_norm(ct_tensor *x, double p);
/* y = log sum e^x; gx = g e^(x - y). No finite x overflows. y is -inf where all x are, or where
   there are none. If one x is far above all others, what the others add to it keeps its digits, and
   so does 1 - gx / g in second derivatives. In f32, an x that lies 87 or more below the largest
   counts as 0 */
ct_tensor *ct_logsumexp(ct_tensor *x);
/* ct_sum, ct_mean and so on over the n axes of a list, or over all axes if n is 0. The flags are
   CT_KEEPDIMS and, for ct_var_over and ct_std_over, CT_UNBIASED. ct_norm_over also takes p */
ct_tensor *ct_sum_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_mean_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_max_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_min_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_var_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_logsumexp_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_std_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_prod_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_norm_over(ct_tensor *x, double p, const int64_t *axes, int n, unsigned flags);

/* -- Reductions of any dtype. NaN is not 0 */
/* y = number of elements that are not 0; derivative: none. y is i64 */
ct_tensor *ct_count_nonzero(ct_tensor *x);
/* y = whether any element is not 0; derivative: none. y is bool, and false if there are no elements
   */
ct_tensor *ct_any(ct_tensor *x);
/* y = whether all elements are not 0; derivative: none. y is bool, and true if there are no
   elements */
ct_tensor *ct_all(ct_tensor *x);
/* ct_count_nonzero, ct_any and ct_all over the n axes of a list, or over all axes if n is 0. The
   only flag is CT_KEEPDIMS */
ct_tensor *ct_count_nonzero_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_any_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_all_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);

/* -- Along one axis. Sums are over that axis */
/* y = index of max x along the axis; derivative: none. y is i64 and lacks the axis. Of equal
   elements it is the first one; a NaN wins. x may be i64. An axis of size 0 is an error */
ct_tensor *ct_argmax(ct_tensor *x, int axis);
/* y = index of min x along the axis; derivative: none. All else is as in ct_argmax */
ct_tensor *ct_argmin(ct_tensor *x, int axis);
/* y = sum of u v, u = a / max(|a|, epsilon), v = b / max(|b|, epsilon);
   ga = g (v - u sum of u v) / |a|, gb = g (u - v sum of u v) / |b|. It is the cosine of the angle
   between vectors along the axis, which y lacks. |a| is the norm of a. Where it is below epsilon,
   ga is g v / epsilon; likewise gb. a and b are broadcast, and the axis is that of the result.
   epsilon is not negative, and usually 1e-8 */
ct_tensor *ct_cosine_similarity(ct_tensor *a, ct_tensor *b, int axis, double epsilon);
/* y = e^x / sum e^x; gx = y (g - sum g y). No finite x overflows. An x of -inf gets 0; where all
   are -inf, y is NaN. gx is off by a rounding of g: if one x lies 17 above all others in f32 (37 in
   f64), y is 1 there and gx is 0, while log_softmax keeps the digits */
ct_tensor *ct_softmax(ct_tensor *x, int axis);
/* y = x - log sum e^x; gx = g - e^y sum g. Both keep their digits where e^y is near 1 */
ct_tensor *ct_log_softmax(ct_tensor *x, int axis);
/* y = mean of (log sum e^x - x[label]) over the examples;
   gx = g (softmax(x) - [class = label]) / n. x are the logits (n,c) of n examples in c classes, and
   labels (n) are i64 with 0 <= label < c; any other is an error. No finite logit overflows. Both
   y and gx keep their digits, however near to 0 they are */
ct_tensor *ct_cross_entropy(ct_tensor *logits, ct_tensor *labels);
/* y = log sum e^x - x[label]; gx = g (softmax(x) - [class = label]). y is (n), a number for each
   example; all else is as in ct_cross_entropy */
ct_tensor *ct_cross_entropy_each(ct_tensor *logits, ct_tensor *labels);

CT_API_END
#endif
