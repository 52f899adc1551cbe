/* The distinct elements. They depend on the values of x, and so does their number: no operator can
 * say the shape of the result beforehand. So this is a function, whose results have no history. */
#include <cotangent/ops.h>
#include <string.h>

#include "sorting.h"

/* Of n sorted elements, those that differ from the one before them are marked; NaNs, which come
 * last, do not differ. */
static const bool *changes(ct_tensor *sorted, int64_t n)
{
    ct_tensor *a = ct_slice(sorted, 0, 0, n - 1, 1), *b = ct_slice(sorted, 0, 1, n, 1);
    ct_tensor *no = ct_scalar(ct_context_of(sorted), CT_BOOL, 0);
    ct_tensor *mark = ct_where(ct_ne(a, a), no, ct_ne(a, b));
    return mark ? ct_data(mark) : NULL;
}

typedef struct groups {
    ct_tensor *first;          /* where each begins among the sorted elements */
    ct_tensor *inverse;        /* for each element of x its group */
    ct_tensor *counts;
} groups;

static ct_status find_groups(groups *g, ct_context *cx, const int64_t *order, const bool *change,
                             int64_t n)
{
    int64_t found = n > 0, group = 0;
    for (int64_t i = 0; i + 1 < n; i++)
        found += change[i];
    g->first = ct_zeros(cx, CT_I64, CT_SHAPE(found));
    g->counts = ct_zeros(cx, CT_I64, CT_SHAPE(found));
    g->inverse = ct_zeros(cx, CT_I64, CT_SHAPE(n));
    if (!g->first || !g->counts || !g->inverse)
        return ct_error(cx);
    int64_t *first = ct_data_mutable(g->first), *counts = ct_data_mutable(g->counts);
    int64_t *inverse = ct_data_mutable(g->inverse);
    for (int64_t i = 0; i < n; i++) {
        if (i > 0 && change[i - 1])
            first[++group] = i;
        inverse[order[i]] = group;
        counts[group]++;
    }
    return CT_OK;
}

ct_status ct_unique(ct_tensor *x, ct_tensor **values, ct_tensor **inverse, ct_tensor **counts)
{
    ct_tensor **results[] = { values, inverse, counts };
    for (int i = 0; i < 3; i++)
        if (results[i])
            *results[i] = NULL;
    if (!ct_usable(x, "unique"))
        return x ? ct_error(ct_context_of(x)) : CT_ERROR_NULL;
    ct_context *cx = ct_context_of(x);
    int64_t n = ct_count(x);
    ct_tensor *flat = ct_reshape(ct_detach(x), CT_SHAPE(n)), *order = ct__order(flat, false);
    ct_tensor *sorted = ct_gather(flat, 0, order);
    const bool *change = sorted && n > 0 ? changes(sorted, n) : NULL;
    groups g;
    if (!sorted || (n > 0 && !change) ||
        find_groups(&g, cx, ct_data(order), change, n) != CT_OK)
        return ct_error(cx);
    ct_tensor *distinct = ct_index_select(sorted, 0, g.first);
    ct_tensor *shaped = ct_reshape(g.inverse, ct_shape(x), ct_ndim(x));
    if (!distinct || !shaped)
        return ct_error(cx);
    ct_tensor *found[] = { distinct, shaped, g.counts };
    for (int i = 0; i < 3; i++)
        if (results[i])
            *results[i] = found[i];
    return CT_OK;
}
