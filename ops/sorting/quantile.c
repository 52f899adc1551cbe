/* Quantiles: the elements of each result in order, and the two beside the place q (n - 1), which
 * share the result by their distance from it. Weights that add up to 1 are taken, since the
 * difference of the two may overflow. */
#include <cotangent/ops.h>
#include <math.h>

#include "axes.h"
#include "sorting.h"

/* lines, in order at[], near place q (n - 1) along the last axis, which stays with size 1. */
static ct_tensor *between(ct_tensor *lines, ct_tensor *at, double q)
{
    double place = q * (double)(ct_size(lines, -1) - 1), below = floor(place), t = place - below;
    int64_t first = (int64_t)below;
    if (t == 0)
        return ct_gather(lines, -1, ct_slice(at, -1, first, first + 1, 1));
    ct_tensor *pair = ct_gather(lines, -1, ct_slice(at, -1, first, first + 2, 1));
    ct_tensor *weights = ct_from_doubles(ct_context_of(lines), ct_dtype_of(lines), CT_SHAPE(2),
                                         CT_DOUBLES(1 - t, t));
    return ct_sum_over(ct_mul(pair, weights), CT_AXES(-1), CT_KEEPDIMS);
}

static ct_tensor *no_elements(ct_tensor *x, const char *who)
{
    char shape[CT_SHAPE_TEXT];
    ct_fail(ct_context_of(x), CT_ERROR_SHAPE, "%s: no elements to choose from: %s", who,
            ct_shape_text(x, shape));
    return NULL;
}

static ct_tensor *quantile(ct_tensor *x, const char *who, double q, ct__reduction r)
{
    int64_t shape[CT_MAX_DIMS], n = ct__group(x, r), results = 1;
    int ndim = ct__reduced_shape(x, r, shape);
    for (int d = 0; d < ndim; d++)
        results *= shape[d];
    if (n == 0 && results > 0)
        return no_elements(x, who);
    if (n == 0)
        return ct_sum_to(x, shape, ndim);
    ct_tensor *lines = ct__merged(x, r.axes), *at = ct__order(lines, false);
    ct_tensor *last = ct_gather(lines, -1, ct_slice(at, -1, n - 1, n, 1)); /* NaN, if any is */
    ct_tensor *y = ct_where(ct_ne(last, last), last, between(lines, at, q));
    return ct_reshape(y, shape, ndim);
}

ct_tensor *ct_quantile_over(ct_tensor *x, double q, const int64_t *axes, int n, unsigned flags)
{
    const char *who = "quantile";
    ct__reduction r;
    if (!ct__reduction_of(&r, x, who, axes, n, flags) || !ct__is_float(x, who))
        return NULL;
    if (!(q >= 0 && q <= 1)) {
        ct_fail(ct_context_of(x), CT_ERROR_VALUE, "quantile: q must be 0 to 1, got %g", q);
        return NULL;
    }
    return quantile(x, who, q, r);
}

ct_tensor *ct_quantile(ct_tensor *x, double q)
{
    return ct_quantile_over(x, q, NULL, 0, 0);
}

ct_tensor *ct_median_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags)
{
    const char *who = "median";
    ct__reduction r;
    if (!ct__reduction_of(&r, x, who, axes, n, flags) || !ct__is_float(x, who))
        return NULL;
    return quantile(x, who, 0.5, r);
}

ct_tensor *ct_median(ct_tensor *x)
{
    return ct_median_over(x, NULL, 0, 0);
}
