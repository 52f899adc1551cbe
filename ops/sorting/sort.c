/* Sorting along an axis: the order as indices, and then the elements by ct_gather, which brings
 * each cotangent back to the element that it belongs to. The axis is moved to the end for this. */
#include <cotangent/ops.h>

#include "axes.h"
#include "sorting.h"

/* y, whose last axis is to be axis number `axis`. */
static ct_tensor *moved_back(ct_tensor *y, int axis)
{
    int64_t order[CT_MAX_DIMS];
    int ndim = y ? ct_ndim(y) : 0;
    if (!y || axis == ndim - 1)
        return y;
    for (int d = 0; d < ndim; d++)
        order[d] = d < axis ? d : d == axis ? ndim - 1 : d - 1;
    return ct_permute(y, order, ndim);
}

typedef struct sorting {
    bool descending;
    int axis;          /* 0 or more */
    int64_t count;     /* how many are wanted */
    ct_tensor *lines;  /* x with the axis last */
} sorting;

/* False, with an error where x is not NULL, if the arguments are wrong. */
static bool begin(sorting *s, ct_tensor *x, const char *who, int axis, unsigned flags, unsigned own)
{
    ct__reduction r;
    int64_t along = axis;
    *s = (sorting){ .count = 0 };
    if (!ct__reduction_of(&r, x, who, &along, 1, 0))
        return false;
    if (flags & ~own) {
        ct_fail(ct_context_of(x), CT_ERROR_VALUE, "%s: flags %#x mean nothing here", who, flags);
        return false;
    }
    s->axis = axis < 0 ? axis + ct_ndim(x) : axis;
    s->count = ct_size(x, axis);
    s->lines = ct__merged(x, r.axes);
    return s->lines;
}

/* The results, either of which may be NULL. */
static ct_status finish(const sorting *s, ct_context *cx, ct_tensor **values, ct_tensor **indices)
{
    ct_tensor *at = ct__first_of_order(s->lines, s->descending, s->count);
    ct_tensor *y = values ? moved_back(ct_gather(s->lines, -1, at), s->axis) : at;
    at = moved_back(at, s->axis);
    if (!y || !at)
        return ct_error(cx);
    if (values)
        *values = y;
    if (indices)
        *indices = at;
    return CT_OK;
}

static void clear(ct_tensor **values, ct_tensor **indices)
{
    if (values)
        *values = NULL;
    if (indices)
        *indices = NULL;
}

ct_status ct_sort(ct_tensor *x, int axis, unsigned flags, ct_tensor **values, ct_tensor **indices)
{
    sorting s;
    clear(values, indices);
    if (!begin(&s, x, "sort", axis, flags, CT_DESCENDING))
        return x ? ct_error(ct_context_of(x)) : CT_ERROR_NULL;
    s.descending = flags & CT_DESCENDING;
    return finish(&s, ct_context_of(x), values, indices);
}

ct_tensor *ct_argsort(ct_tensor *x, int axis, unsigned flags)
{
    sorting s;
    if (!begin(&s, x, "argsort", axis, flags, CT_DESCENDING))
        return NULL;
    return moved_back(ct__order(s.lines, flags & CT_DESCENDING), s.axis);
}

ct_status ct_topk(ct_tensor *x, int64_t k, int axis, unsigned flags, ct_tensor **values,
                  ct_tensor **indices)
{
    sorting s;
    clear(values, indices);
    if (!begin(&s, x, "topk", axis, flags, CT_SMALLEST))
        return x ? ct_error(ct_context_of(x)) : CT_ERROR_NULL;
    if (k < 0 || k > s.count)
        return ct_fail(ct_context_of(x), CT_ERROR_RANGE, "topk: k must be 0 to %lld, got %lld",
                       (long long)s.count, (long long)k);
    s.descending = !(flags & CT_SMALLEST);
    s.count = k;
    return finish(&s, ct_context_of(x), values, indices);
}
