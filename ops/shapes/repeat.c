/* repeat and tile lay slabs down several times along an axis. They are compositions: the axis is
 * split off by a reshape, repeated by an expand beside it, and joined again by a reshape, which
 * copies. So the cotangent is summed over the repetitions. */
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <string.h>

#include "move_axes.h"

/* Each slab along the axis `times` times: in a row if `each`, or else after all others. */
static ct_tensor *repeated(ct_tensor *x, int axis, int64_t times, bool each)
{
    int64_t shape[CT_MAX_DIMS], n = ct_shape(x)[axis], outer = 1, inner = 1;
    int ndim = ct_ndim(x);
    if (times == 0)
        return ct_slice(x, axis, 0, 0, 1);
    memcpy(shape, ct_shape(x), (size_t)ndim * sizeof *shape);
    shape[axis] *= times;
    if (ct_count(x) == 0)
        return ct_reshape(x, shape, ndim);
    for (int d = 0; d < ndim; d++) {
        outer *= d < axis ? shape[d] : 1;
        inner *= d > axis ? shape[d] : 1;
    }
    const int64_t apart[] = { outer, each ? n : 1, each ? 1 : n, inner };
    const int64_t wide[] = { outer, each ? n : times, each ? times : n, inner };
    return ct_reshape(ct_expand(ct_reshape(x, apart, 4), wide, 4), shape, ndim);
}

/* Can slabs be laid down so many times? */
static bool check_times(const ct_tensor *x, int64_t n, int64_t times, const char *who)
{
    char shape[CT_SHAPE_TEXT];
    ct_context *cx = ct_context_of(x);
    if (times < 0)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: times must not be negative, got %lld", who,
                       (long long)times), false;
    if (n > 0 && times > INT64_MAX / n)
        return ct_fail(cx, CT_ERROR_SHAPE, "%s: too many elements: %lld times %s", who,
                       (long long)times, ct_shape_text(x, shape)), false;
    return true;
}

ct_tensor *ct_repeat(ct_tensor *x, int64_t times, int axis)
{
    int at = ct__axis_of(x, axis, "repeat");
    if (at < 0 || !check_times(x, ct_shape(x)[at], times, "repeat"))
        return NULL;
    return repeated(x, at, times, true);
}

/* x with leading axes of size 1, so that it has ndim axes at least */
static ct_tensor *with_axes(ct_tensor *x, int ndim)
{
    int64_t shape[CT_MAX_DIMS];
    int more = ndim - ct_ndim(x);
    if (more <= 0)
        return x;
    for (int d = 0; d < ndim; d++)
        shape[d] = d < more ? 1 : ct_shape(x)[d - more];
    return ct_reshape(x, shape, ndim);
}

ct_tensor *ct_tile(ct_tensor *x, const int64_t *times, int n)
{
    if (!ct_usable(x, "tile"))
        return NULL;
    ct_context *cx = ct_context_of(x);
    if (n < 0 || (n > 0 && !times))
        return ct_fail(cx, CT_ERROR_NULL,
                       "tile: the list must not be NULL, nor its length negative"), NULL;
    if (n > CT_MAX_DIMS)
        return ct_fail(cx, CT_ERROR_RANGE, "tile: there must be 0 to %d dimensions, got %d",
                       CT_MAX_DIMS, n), NULL;
    ct_tensor *y = with_axes(x, n);
    for (int k = n - 1; y && k >= 0; k--) {
        int axis = k + ct_ndim(y) - n;
        if (!check_times(y, ct_shape(y)[axis], times[k], "tile"))
            return NULL;
        if (times[k] != 1)
            y = repeated(y, axis, times[k], false);
    }
    return y;
}
