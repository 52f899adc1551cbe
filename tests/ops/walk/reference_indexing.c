/* Elements by their indices. */
#include "reference.h"

static int axis_in(const task *t)
{
    return axis_of(*(const int *)t->attributes, t->x[0].ndim);
}

static void copy(task *t)
{
    memcpy(t->y[0].at, t->x[0].at, (size_t)t->x[0].n * sizeof(real));
}

/* the place in x that index i of `along` names, whose axis has indices of x0 as x1 says: one for
 * each slab, or one for each element */
static real *named(const task *t, const array *x, const int64_t *i, bool each)
{
    int64_t at[CT_MAX_DIMS];
    int axis = axis_in(t);
    memcpy(at, i, sizeof at);
    real index = each ? *element(&t->x[1], i) : t->x[1].at[i[axis]];
    at[axis] = index_of(index, x->shape[axis]);
    return element(x, at);
}

static void index_select(task *t)
{
    EACH(&t->y[0], i)
        *element(&t->y[0], i) = *named(t, &t->x[0], i, false);
}

static void gather(task *t)
{
    EACH(&t->y[0], i)
        *element(&t->y[0], i) = *named(t, &t->x[0], i, true);
}

static void index_add(task *t)
{
    copy(t);
    EACH(&t->x[2], i)
        *named(t, &t->y[0], i, false) += *element(&t->x[2], i);
}

static void scatter(task *t)
{
    copy(t);
    EACH(&t->x[2], i)
        *named(t, &t->y[0], i, true) = *element(&t->x[2], i);
}

static void scatter_add(task *t)
{
    copy(t);
    EACH(&t->x[2], i)
        *named(t, &t->y[0], i, true) += *element(&t->x[2], i);
}

static void scatter_max(task *t)
{
    copy(t);
    EACH(&t->x[2], i) {
        real *y = named(t, &t->y[0], i, true), source = *element(&t->x[2], i);
        *y = isnan(source) || source > *y ? source : *y;
    }
}

/* the element of x at the indices x[first], ... and then the rest of index i, which begins with one
 * of the shape that they broadcast to */
static real *at_indices(const task *t, const array *x, int first, const int64_t *i, int ndim)
{
    int64_t at[CT_MAX_DIMS];
    int n = t->n - first, own = ndim - (x->ndim - n);
    for (int d = 0; d < x->ndim; d++)
        at[d] = d < n ? index_of(*broadcast(&t->x[first + d], i, own), x->shape[d]) : i[own + d - n];
    return element(x, at);
}

static void index(task *t)
{
    EACH(&t->y[0], i)
        *element(&t->y[0], i) = *at_indices(t, &t->x[0], 1, i, t->y[0].ndim);
}

static void index_put(task *t)
{
    const bool add = *(const bool *)t->attributes;
    array taken = { .ndim = 0, .n = 1 };
    for (int k = 2; k < t->n; k++)
        ct_broadcast_shape(taken.shape, &taken.ndim, t->x[k].shape, t->x[k].ndim);
    for (int d = t->n - 2; d < t->x[0].ndim; d++)
        taken.shape[taken.ndim++] = t->x[0].shape[d];
    for (int d = 0; d < taken.ndim; d++)
        taken.n *= taken.shape[d];
    copy(t);
    EACH(&taken, i) {
        real *y = at_indices(t, &t->y[0], 2, i, taken.ndim);
        *y = *broadcast(&t->x[1], i, taken.ndim) + (add ? *y : 0);
    }
}

/* rows of x1 by x0 */
static void embedding(task *t)
{
    int64_t width = t->x[1].n / t->x[1].shape[0];
    for (int64_t j = 0; j < t->y[0].n; j++) {
        int64_t row = index_of(t->x[0].at[j / width], t->x[1].shape[0]);
        t->y[0].at[j] = t->x[1].at[row * width + j % width];
    }
}

static void masked_select(task *t)
{
    int64_t n = 0;
    EACH(&t->x[0], i)
        if (*broadcast(&t->x[1], i, t->x[0].ndim) != 0)
            t->y[0].at[n++] = *element(&t->x[0], i);
}

static void masked_fill(task *t)
{
    EACH(&t->y[0], i)
        *element(&t->y[0], i) = *broadcast(&t->x[1], i, t->y[0].ndim) != 0
                                    ? 2.5L : *broadcast(&t->x[0], i, t->y[0].ndim);
}

static void nonzero(task *t)
{
    const struct { int64_t count; bool flat; } *f = t->attributes;
    int64_t n = 0, at = 0;
    EACH(&t->x[0], i) {
        for (int d = 0; d < t->x[0].ndim && *element(&t->x[0], i) != 0 && !f->flat; d++)
            t->y[0].at[n++] = i[d];
        if (f->flat && *element(&t->x[0], i) != 0)
            t->y[0].at[n++] = at;
        at++;
    }
}

static void one_hot(task *t)
{
    int64_t classes = *(const int64_t *)t->attributes;
    for (int64_t j = 0; j < t->y[0].n; j++)
        t->y[0].at[j] = t->x[0].at[j / classes] == j % classes;
}

static void in_range(task *t)
{
    for (int64_t j = 0; j < t->y[0].n; j++)
        t->y[0].at[j] = t->x[0].at[j];
}

/* NaN is larger than all else */
static bool below(real a, real b, bool or_equal)
{
    return isnan(a) ? or_equal && isnan(b) : isnan(b) || a < b || (or_equal && a == b);
}

static void searchsorted(task *t)
{
    bool right = *(const bool *)t->attributes;
    for (int64_t k = 1; k < t->x[0].n; k++)
        if (!below(t->x[0].at[k - 1], t->x[0].at[k], true))
            return; /* not in order: any result is right */
    for (int64_t j = 0; j < t->y[0].n; j++) {
        int64_t n = 0;
        for (int64_t k = 0; k < t->x[0].n; k++)
            n += below(t->x[0].at[k], t->x[1].at[j], right);
        t->y[0].at[j] = n;
    }
}

static void histogram(task *t)
{
    const real *edge = t->x[1].at;
    int64_t bins = t->y[0].n;
    for (int64_t k = 0; k < bins; k++) {
        t->y[0].at[k] = 0;
        for (int64_t j = 0; j < t->x[0].n; j++) {
            real x = t->x[0].at[j];
            t->y[0].at[k] += x >= edge[k] && (x < edge[k + 1] || (k == bins - 1 && x == edge[k + 1]));
        }
    }
}

static void bincount(task *t)
{
    memset(t->y[0].at, 0, (size_t)t->y[0].n * sizeof(real));
    for (int64_t j = 0; j < t->x[0].n; j++)
        t->y[0].at[(int64_t)t->x[0].at[j]] += t->x[1].at[j];
}

#define R(name) { #name, name }
const reference index_references[] = {
    R(index_select), R(gather), R(index_add), R(scatter), R(scatter_add), R(scatter_max), R(index),
    R(index_put), R(embedding), R(masked_select), R(masked_fill), R(nonzero), R(one_hot),
    R(in_range),
    R(searchsorted), R(histogram), R(bincount), { NULL, NULL }
};
