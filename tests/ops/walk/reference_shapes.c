/* Elements in another arrangement, and elements by their indices. */
#include "reference.h"

#include "move_axes.h"

/* -- Shapes */
static void same_order(task *t)
{
    memcpy(t->y[0].at, t->x[0].at, (size_t)t->x[0].n * sizeof(real));
}

static void repeated(task *t)
{
    EACH(&t->y[0], i)
        *element(&t->y[0], i) = *broadcast(&t->x[0], i, t->y[0].ndim);
}

static void zero(array *y)
{
    memset(y->at, 0, (size_t)y->n * sizeof(real));
}

static void sum_to(task *t)
{
    zero(&t->y[0]);
    EACH(&t->x[0], i)
        *broadcast(&t->y[0], i, t->x[0].ndim) += *element(&t->x[0], i);
}

static void permuted(task *t, const int64_t *axes)
{
    int64_t from[CT_MAX_DIMS];
    EACH(&t->y[0], i) {
        for (int d = 0; d < t->y[0].ndim; d++)
            from[axis_of(axes[d], t->y[0].ndim)] = i[d];
        *element(&t->y[0], i) = *element(&t->x[0], from);
    }
}

static void permute(task *t)
{
    permuted(t, ((const ct__list *)t->attributes)->values);
}

/* axis `from` takes the place `to`: moved there, or exchanged with the one that is there */
static void moved(task *t, int from, int to, bool exchanged)
{
    int64_t axes[CT_MAX_DIMS];
    int ndim = t->x[0].ndim, n = 0;
    from = axis_of(from, ndim), to = axis_of(to, ndim);
    for (int d = 0; d < ndim; d++)
        if (exchanged)
            axes[d] = d == from ? to : d == to ? from : d;
        else if (d != from)
            axes[n++] = d;
    for (int d = ndim - 1; d > to && !exchanged; d--)
        axes[d] = axes[d - 1];
    if (!exchanged)
        axes[to] = from;
    permuted(t, axes);
}

static void transpose(task *t)
{
    moved(t, -2, -1, true);
}

static void swap_axes(task *t)
{
    moved(t, 0, -1, true);
}

static void move_axis(task *t)
{
    moved(t, 0, -1, false);
}

/* a position as in Python, brought to where a slice in this direction may begin and end */
static int64_t position(int64_t at, int64_t n, int64_t step)
{
    if (at == CT_END)
        return step > 0 ? n : -1;
    at += at < 0 ? n : 0;
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
    return at < low ? low : at > high ? high : at;
}

typedef struct span {
    int axis;
    int64_t start, stop, step;
} span;

static void slice(task *t)
{
    const span *s = t->attributes;
    int axis = axis_of(s->axis, t->x[0].ndim);
    int64_t start = position(s->start, t->x[0].shape[axis], s->step), from[CT_MAX_DIMS];
    EACH(&t->y[0], i) {
        memcpy(from, i, sizeof from);
        from[axis] = start + i[axis] * s->step;
        *element(&t->y[0], i) = *element(&t->x[0], from);
    }
}

static void embed(task *t)
{
    const span *s = t->attributes;
    array x = t->x[0];
    int axis = axis_of(s->axis, t->y[0].ndim);
    int64_t start = position(s->start, t->y[0].shape[axis], s->step), to[CT_MAX_DIMS];
    zero(&t->y[0]);
    if (x.ndim < t->y[0].ndim) { /* x lacks the axis, along which it is one element */
        for (int d = x.ndim++; d > axis; d--)
            x.shape[d] = x.shape[d - 1];
        x.shape[axis] = 1;
    }
    EACH(&x, i) {
        memcpy(to, i, sizeof to);
        to[axis] = start + i[axis] * s->step;
        *element(&t->y[0], to) = *element(&x, i);
    }
}

/* y without the axis, from `index` of x */
static void select_from(const array *x, array *y, int axis, int64_t index, bool back)
{
    int64_t from[CT_MAX_DIMS];
    EACH(y, i) {
        for (int d = 0; d < x->ndim; d++)
            from[d] = d == axis ? index : i[d - (d > axis)];
        *(back ? element(x, from) : element(y, i)) = *(back ? element(y, i) : element(x, from));
    }
}

static void select(task *t)
{
    const struct { int axis; int64_t index; } *p = t->attributes;
    int axis = axis_of(p->axis, t->x[0].ndim);
    select_from(&t->x[0], &t->y[0], axis, index_of(p->index, t->x[0].shape[axis]), false);
}

static void stack(task *t)
{
    int axis = axis_of(*(const int *)t->attributes, t->y[0].ndim);
    for (int k = 0; k < t->n; k++)
        select_from(&t->y[0], &t->x[k], axis, k, true);
}

static void unbind(task *t)
{
    for (int k = 0; k < t->outputs; k++)
        select_from(&t->x[0], &t->y[k], 0, k, false);
}

static void concat(task *t)
{
    int axis = axis_of(*(const int *)t->attributes, t->y[0].ndim);
    int64_t begin = 0, to[CT_MAX_DIMS];
    for (int k = 0; k < t->n; k++) {
        EACH(&t->x[k], i) {
            memcpy(to, i, sizeof to);
            to[axis] += begin;
            *element(&t->y[0], to) = *element(&t->x[k], i);
        }
        begin += t->x[k].shape[axis];
    }
}

/* along the first axis, parts one after the other */
static void split(task *t)
{
    const real *from = t->x[0].at;
    for (int k = 0; k < t->outputs; k++) {
        memcpy(t->y[k].at, from, (size_t)t->y[k].n * sizeof *from);
        from += t->y[k].n;
    }
}

static void meshgrid(task *t)
{
    for (int k = 0; k < t->n; k++)
        EACH(&t->y[k], i)
            *element(&t->y[k], i) = t->x[k].at[t->x[k].ndim ? i[k] : 0];
}

static void flip(task *t)
{
    const ct__list *l = t->attributes;
    int64_t from[CT_MAX_DIMS];
    EACH(&t->y[0], i) {
        memcpy(from, i, sizeof from);
        for (int k = 0; k < l->n; k++) {
            int d = axis_of(l->values[k], t->x[0].ndim);
            from[d] = t->x[0].shape[d] - 1 - i[d];
        }
        *element(&t->y[0], i) = *element(&t->x[0], from);
    }
}

static void roll(task *t)
{
    const struct { int64_t shift; int axis; } *a = t->attributes;
    int axis = axis_of(a->axis, t->x[0].ndim);
    int64_t n = t->x[0].shape[axis], to[CT_MAX_DIMS];
    EACH(&t->x[0], i) {
        memcpy(to, i, sizeof to);
        to[axis] = ((i[axis] + a->shift) % n + n) % n;
        *element(&t->y[0], to) = *element(&t->x[0], i);
    }
}

/* twice along the first axis: each element, or the whole */
static void repeat(task *t)
{
    int64_t m = t->x[0].n / (t->x[0].shape[0] + (t->x[0].shape[0] == 0));
    for (int64_t j = 0; j < t->y[0].n; j++)
        t->y[0].at[j] = t->x[0].at[j / m / 2 * m + j % m];
}

static void tile(task *t)
{
    int64_t from[CT_MAX_DIMS] = { 0 };
    EACH(&t->y[0], i) {
        int more = t->y[0].ndim - t->x[0].ndim;
        for (int d = 0; d < t->x[0].ndim; d++)
            from[d] = i[d + more] % t->x[0].shape[d];
        *element(&t->y[0], i) = *element(&t->x[0], from);
    }
}

static void pad(task *t)
{
    const struct { int n; int64_t widths[2 * CT_MAX_DIMS]; double value; } *p = t->attributes;
    EACH(&t->y[0], i) {
        int64_t from[CT_MAX_DIMS] = { 0 };
        bool inside = true;
        for (int d = 0; d < t->x[0].ndim; d++) {
            from[d] = i[d] - p->widths[2 * d];
            inside = inside && from[d] >= 0 && from[d] < t->x[0].shape[d];
        }
        *element(&t->y[0], i) = inside ? *element(&t->x[0], from) : (real)p->value;
    }
}

/* -- Diagonals and triangles */
typedef struct diagonals {
    int64_t offset;
    int axis1, axis2;
} diagonals;

/* between `large`, and `small`, which has the diagonals along its last axis */
static void diagonal_of(const diagonals *a, array *large, array *small, bool back)
{
    int axis1 = axis_of(a->axis1, large->ndim), axis2 = axis_of(a->axis2, large->ndim);
    int64_t at[CT_MAX_DIMS];
    EACH(small, i) {
        for (int d = 0, own = 0; d < large->ndim; d++)
            at[d] = d == axis1   ? i[small->ndim - 1] + (a->offset < 0 ? -a->offset : 0)
                    : d == axis2 ? i[small->ndim - 1] + (a->offset > 0 ? a->offset : 0)
                                 : i[own++];
        *(back ? element(large, at) : element(small, i)) =
            *(back ? element(small, i) : element(large, at));
    }
}

static void diagonal(task *t)
{
    diagonal_of(t->attributes, &t->x[0], &t->y[0], false);
}

static void diag_embed(task *t)
{
    zero(&t->y[0]);
    diagonal_of(t->attributes, &t->y[0], &t->x[0], true);
}

static void diag(task *t)
{
    const diagonals main = { 0, 0, 1 };
    task with = *t;
    with.attributes = &main;
    (t->x[0].ndim == 1 ? diag_embed : diagonal)(&with);
}

static void triangle(task *t, bool lower)
{
    int64_t offset = *(const int64_t *)t->attributes;
    EACH(&t->y[0], i) {
        const int64_t *last = i + t->y[0].ndim - 2;
        bool in = lower ? last[1] <= last[0] + offset : last[1] >= last[0] + offset;
        *element(&t->y[0], i) = in ? *element(&t->x[0], i) : 0;
    }
}

static void tril(task *t)
{
    triangle(t, true);
}

static void triu(task *t)
{
    triangle(t, false);
}

/* -- Windows */
static void window(task *t, array *whole, array *parts, bool back)
{
    const struct { int axis; int64_t size, step; } *c = t->attributes;
    int axis = axis_of(c->axis, whole->ndim);
    int64_t at[CT_MAX_DIMS];
    EACH(parts, i) {
        memcpy(at, i, sizeof at);
        at[axis] = i[axis] * c->step + i[whole->ndim];
        if (back)
            *element(whole, at) += *element(parts, i);
        else
            *element(parts, i) = *element(whole, at);
    }
}

static void windows(task *t)
{
    window(t, &t->x[0], &t->y[0], false);
}

static void fold_windows(task *t)
{
    zero(&t->y[0]);
    window(t, &t->y[0], &t->x[0], true);
}

#define R(name) { #name, name }
const reference shape_references[] = {
    { "contiguous", same_order }, { "reshape", same_order }, { "squeeze", same_order },
    { "unsqueeze", same_order }, { "flatten", same_order }, { "broadcast_to", repeated },
    { "expand", repeated }, R(sum_to), R(permute), R(transpose), R(swap_axes), R(move_axis),
    R(slice), R(embed), R(select), R(stack), R(unbind), R(concat), R(split), R(meshgrid), R(flip),
    R(roll), R(repeat), R(tile), R(pad), R(diagonal), R(diag_embed), R(diag), R(tril), R(triu),
    R(windows), R(fold_windows), { NULL, NULL }
};
