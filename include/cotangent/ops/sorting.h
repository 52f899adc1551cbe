/* Operators that put elements in order: sorting, quantiles, distinct elements. The conventions of
 * all comments are at the top of ops.h. */
#ifndef COTANGENT_OPS_SORTING_H
#define COTANGENT_OPS_SORTING_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* -- Along one axis, for any dtype. Equal elements keep their order, and -0 equals 0. A NaN is
 * larger than any number, so it comes last in ascending order. *values and *indices (i64) have x's
 * shape, where ct_topk makes k the size of the axis. They are views unless the axis is the last.
 * Either may be NULL; on failure both become NULL */
/* Flags of ct_sort, ct_argsort and ct_topk */
enum {
    CT_DESCENDING = 1,                          /* ct_sort, ct_argsort: the largest comes first */
    CT_SMALLEST = 2                             /* ct_topk: the smallest, in ascending order */
};
/* y = x sorted along the axis; gx = g at the places from which the elements were taken. *values is
   y, and *indices are these places */
ct_status ct_sort(ct_tensor *x, int axis, unsigned flags, ct_tensor **values, ct_tensor **indices);
/* y = indices that sort x along the axis; derivative: none. They are the *indices of ct_sort */
ct_tensor *ct_argsort(ct_tensor *x, int axis, unsigned flags);
/* y = the k largest x along the axis; gx = g at the places from which they were taken, else 0. The
   largest comes first. *values is y, and *indices are these places. k is 0 to the axis' size */
ct_status ct_topk(ct_tensor *x, int64_t k, int axis, unsigned flags, ct_tensor **values,
                  ct_tensor **indices);

/* -- Quantiles. _over and an empty list of axes are as in reductions.h. n is the number of elements
 * of one result, of which there must be one */
/* y = x in the middle of the sorted x, or the mean of the two there; gx = g at that element, or g /
   2 at both. If any x is NaN, so is y, and that NaN gets g */
ct_tensor *ct_median(ct_tensor *x);
/* y = (1 - t) a + t b; gx = g (1 - t) at a, g t at b. a and b are those of the sorted x at the
   places floor p and floor p + 1, where p = q (n - 1) and t = p - floor p. 0 <= q <= 1. NaN is as
   in ct_median */
ct_tensor *ct_quantile(ct_tensor *x, double q);
/* y_k = the quantile of x for q_k; gx = the sum over k of what quantile makes of g_k. The count
   results are along a new first axis: ct_quantiles(x, CT_DOUBLES(0.25, 0.75)). x is sorted once */
ct_tensor *ct_quantiles(ct_tensor *x, const double *q, int count);
/* ct_median, ct_quantile and ct_quantiles over the n axes of a list, or over all axes if n is 0.
   The only flag is CT_KEEPDIMS. ct_quantile_over also takes q, and ct_quantiles_over a list of them
   */
ct_tensor *ct_median_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_quantile_over(ct_tensor *x, double q, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_quantiles_over(ct_tensor *x, const double *q, int count, const int64_t *axes, int n,
                             unsigned flags);

/* -- Distinct elements, of any dtype */
/* y = distinct elements of all x, in ascending order; derivative: none. There is none, because a
   change of one of two equal elements changes the number of results. *values is y (k), *inverse
   (i64, x's shape) says which of them each x is, and *counts (k) are i64 and say how often each
   occurs. All NaNs count as one. Any may be NULL; on failure all become NULL */
ct_status ct_unique(ct_tensor *x, ct_tensor **values, ct_tensor **inverse, ct_tensor **counts);

CT_API_END
#endif
