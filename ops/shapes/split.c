/* split and unbind take a tensor apart along an axis, and meshgrid spreads lists over a grid. Their
 * results are views: slices, selections and expansions of the inputs. */
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <string.h>

#include "move_axes.h"

/* Makes all results NULL. false and an error of x's context: there is no room for them. */
static bool clear_results(const ct_tensor *x, ct_tensor **y, int n, const char *who)
{
    for (int i = 0; y && i < n; i++)
        y[i] = NULL;
    if (!y || n < 0)
        ct_fail(ct_context_of(x), CT_ERROR_NULL, "%s: there is no room for %d results", who, n);
    return y && n >= 0;
}

/* If one is missing, they all are: the status. */
static ct_status all_or_none(const ct_tensor *x, ct_tensor **y, int n)
{
    for (int i = 0; i < n; i++)
        if (!y[i]) {
            memset(y, 0, (size_t)n * sizeof *y);
            return ct_error(ct_context_of(x));
        }
    return CT_OK;
}

/* The size that -1 stands for, or 0 if there is none; -1 and an error: they do not make up n. */
static int64_t open_size(const ct_tensor *x, int axis, const int64_t *sizes, int n)
{
    int64_t rest = ct_shape(x)[axis];
    char shape[CT_SHAPE_TEXT];
    bool open = false, fits = true;
    for (int i = 0; i < n && fits; i++) {
        fits = sizes[i] >= (open ? 0 : -1) && sizes[i] <= rest;
        open = open || sizes[i] == -1;
        rest -= sizes[i] > 0 ? sizes[i] : 0;
    }
    if (fits && (open || rest == 0))
        return rest;
    ct_fail(ct_context_of(x), CT_ERROR_SHAPE, "split: the sizes must add up to %lld: %s",
            (long long)ct_shape(x)[axis], ct_shape_text(x, shape));
    return -1;
}

ct_status ct_split(ct_tensor *x, const int64_t *sizes, int n, int axis, ct_tensor **y)
{
    bool room = clear_results(x, y, n, "split");
    int at = ct__axis_of(x, axis, "split");
    if (!x)
        return CT_ERROR_NULL;
    if (!room || at < 0)
        return ct_error(ct_context_of(x));
    if (!sizes && n > 0)
        return ct_fail(ct_context_of(x), CT_ERROR_NULL, "split: the sizes must not be NULL");
    int64_t open = open_size(x, at, sizes, n);
    if (open < 0)
        return CT_ERROR_SHAPE;
    for (int64_t i = 0, start = 0, stop; i < n; i++, start = stop) {
        stop = start + (sizes[i] == -1 ? open : sizes[i]);
        y[i] = ct_slice(x, at, start, stop, 1);
    }
    return all_or_none(x, y, n);
}

ct_status ct_unbind(ct_tensor *x, int axis, ct_tensor **y, int n)
{
    char shape[CT_SHAPE_TEXT];
    bool room = clear_results(x, y, n, "unbind");
    int at = ct__axis_of(x, axis, "unbind");
    if (!x)
        return CT_ERROR_NULL;
    if (!room || at < 0)
        return ct_error(ct_context_of(x));
    if (n != ct_shape(x)[at])
        return ct_fail(ct_context_of(x), CT_ERROR_SHAPE,
                       "unbind: axis %d has %lld elements, and there is room for %d: %s", at,
                       (long long)ct_shape(x)[at], n, ct_shape_text(x, shape));
    for (int i = 0; i < n; i++)
        y[i] = ct_select(x, at, i);
    return all_or_none(x, y, n);
}

/* Sets shape to the grid's. */
static ct_status check_grid(ct_context *cx, ct_tensor *const *x, int n, int64_t *shape)
{
    char text[CT_SHAPE_TEXT];
    if (n > CT_MAX_DIMS)
        return ct_fail(cx, CT_ERROR_RANGE, "meshgrid: there must be at most %d inputs, got %d",
                       CT_MAX_DIMS, n);
    for (int i = 0; i < n; i++) {
        if (!x[i])
            return ct_fail(cx, CT_ERROR_NULL, "meshgrid: operand %d is NULL", i + 1);
        if (!ct_usable(x[i], "meshgrid"))
            return CT_ERROR_STALE;
        if (ct_ndim(x[i]) > 1)
            return ct_fail(cx, CT_ERROR_SHAPE,
                           "meshgrid: operand %d must have 0 or 1 dimensions: %s", i + 1,
                           ct_shape_text(x[i], text));
        shape[i] = ct_count(x[i]);
    }
    return CT_OK;
}

ct_status ct_meshgrid(ct_tensor *const *x, int n, ct_tensor **y)
{
    const ct_tensor *first = NULL;
    int64_t shape[CT_MAX_DIMS];
    for (int i = 0; i < n && x && !first; i++)
        first = x[i];
    bool room = clear_results(first, y, n, "meshgrid");
    if (!first)
        return CT_ERROR_NULL;
    if (!ct_usable(first, "meshgrid"))
        return CT_ERROR_STALE;
    if (!room)
        return CT_ERROR_NULL;
    ct_status status = check_grid(ct_context_of(first), x, n, shape);
    for (int i = 0; i < n && status == CT_OK; i++) {
        int64_t own[CT_MAX_DIMS];
        for (int d = 0; d < n; d++)
            own[d] = d == i ? shape[d] : 1;
        y[i] = ct_expand(ct_reshape(x[i], own, n), shape, n);
    }
    return status == CT_OK ? all_or_none(first, y, n) : status;
}
