/* Quantiles: the elements of each result in order, and the two beside each place q (n - 1), which
 * share the result by their distance from it. Weights that add up to 1 are taken, since the
 * difference of the two may overflow. */
#include <cotangent/ops.h>

#include "axes.h"
#include "sorting.h"

/* The elements of lines at these places of the order at[], times the weights, which may be 0. */
static ct_tensor *weighted(ct_tensor *lines, ct_tensor *at, const int64_t *places,
                           const double *weights, int64_t count)
{
    ct_context *cx = ct_context_of(lines);
    ct_tensor *index = ct_from_ints(cx, &count, 1, places, count);
    ct_tensor *by = ct_from_doubles(cx, ct_dtype_of(lines), &count, 1, weights, count);
    return ct_mul_no_nan(by, ct_gather(lines, -1, ct_index_select(at, -1, index)));
}

/* lines, in order at[], near each of the places q (n - 1) along the last axis, whose size becomes
 * `count`. */
static ct_tensor *between(ct_tensor *lines, ct_tensor *at, const double *q, int64_t count)
{
    int64_t last = ct_size(lines, -1) - 1;
    ct_context *cx = ct_context_of(lines);
    ct_tensor *places = ct_empty(cx, CT_I64, CT_SHAPE(2, count));
    ct_tensor *weights = ct_empty(cx, CT_F64, CT_SHAPE(2, count));
    if (!places || !weights)
        return NULL;
    int64_t *below = ct_data_mutable(places), *above = below + count;
    double *keep = ct_data_mutable(weights), *share = keep + count;
    for (int64_t k = 0; k < count; k++) {
        double place = q[k] * (double)last;
        below[k] = (int64_t)place;
        above[k] = below[k] < last ? below[k] + 1 : last;
        share[k] = place - (double)below[k];
        keep[k] = 1 - share[k];
    }
    return ct_add(weighted(lines, at, below, keep, count),
                  weighted(lines, at, above, share, count));
}

static ct_tensor *no_elements(ct_tensor *x, const char *who)
{
    char shape[CT_SHAPE_TEXT];
    ct_fail(ct_context_of(x), CT_ERROR_SHAPE, "%s: no elements to choose from: %s", who,
            ct_shape_text(x, shape));
    return NULL;
}

static ct_tensor *too_many_axes(ct_tensor *x, const char *who)
{
    ct_fail(ct_context_of(x), CT_ERROR_SHAPE, "%s: the result may have %d axes at most", who,
            CT_MAX_DIMS);
    return NULL;
}

static bool is_share(ct_tensor *x, const char *who, double q)
{
    if (q >= 0 && q <= 1)
        return true;
    ct_fail(ct_context_of(x), CT_ERROR_VALUE, "%s: q must be 0 to 1, got %g", who, q);
    return false;
}

/* The results for the count q, along a new first axis, which goes if `one` is true. */
static ct_tensor *quantile(ct_tensor *x, const char *who, ct__reduction r, const double *q,
                           int count, bool one)
{
    int64_t shape[CT_MAX_DIMS + 1] = { count }, n = ct__group(x, r), results = 1;
    int ndim = 1 + ct__reduced_shape(x, r, shape + 1);
    for (int d = 1; d < ndim; d++)
        results *= shape[d];
    if (n == 0 && results > 0)
        return no_elements(x, who);
    if (ndim - one > CT_MAX_DIMS)
        return too_many_axes(x, who);
    if (n == 0)
        return ct_broadcast_to(ct_sum_to(x, shape + 1, ndim - 1), shape + one, ndim - one);
    ct_tensor *lines = ct__merged(x, r.axes), *at = ct__order(lines, false);
    ct_tensor *last = ct_gather(lines, -1, ct_slice(at, -1, n - 1, n, 1)); /* NaN, if any is */
    ct_tensor *y = ct_where(ct_ne(last, last), last, between(lines, at, q, count));
    return ct_reshape(ct_move_axis(y, -1, 0), shape + one, ndim - one);
}

ct_tensor *ct_quantiles_over(ct_tensor *x, const double *q, int count, const int64_t *axes, int n,
                             unsigned flags)
{
    const char *who = "quantiles";
    ct__reduction r;
    if (!ct__reduction_of(&r, x, who, axes, n, flags) || !ct__is_float(x, who))
        return NULL;
    if (count < 0 || (count > 0 && !q))
        return ct_fail(ct_context_of(x), CT_ERROR_NULL, "%s: no list of %d q", who, count), NULL;
    for (int k = 0; k < count; k++)
        if (!is_share(x, who, q[k]))
            return NULL;
    return quantile(x, who, r, q, count, false);
}

ct_tensor *ct_quantiles(ct_tensor *x, const double *q, int count)
{
    return ct_quantiles_over(x, q, count, NULL, 0, 0);
}

ct_tensor *ct_quantile_over(ct_tensor *x, double q, const int64_t *axes, int n, unsigned flags)
{
    const char *who = "quantile";
    ct__reduction r;
    if (!ct__reduction_of(&r, x, who, axes, n, flags) || !ct__is_float(x, who) ||
        !is_share(x, who, q))
        return NULL;
    return quantile(x, who, r, &q, 1, true);
}

ct_tensor *ct_quantile(ct_tensor *x, double q)
{
    return ct_quantile_over(x, q, NULL, 0, 0);
}

ct_tensor *ct_median_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags)
{
    const char *who = "median";
    const double half = 0.5;
    ct__reduction r;
    if (!ct__reduction_of(&r, x, who, axes, n, flags) || !ct__is_float(x, who))
        return NULL;
    return quantile(x, who, r, &half, 1, true);
}

ct_tensor *ct_median(ct_tensor *x)
{
    return ct_median_over(x, NULL, 0, 0);
}
