/* What references are made of. */
#include "reference.h"

#include <cotangent/op.h>
#include <stdlib.h>

const reference *reference_of(const char *name)
{
    static const reference *const all[] = {
        elementwise_references, row_references, shape_references, index_references,
        product_references, matrix_references, update_references, convolution_references,
        recurrent_references
    };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        for (const reference *r = all[k]; r->name; r++)
            if (strcmp(r->name, name) == 0)
                return r;
    return NULL;
}

void advance(const array *a, int64_t *index)
{
    for (int d = a->ndim - 1; d >= 0; d--) {
        if (++index[d] < a->shape[d])
            return;
        index[d] = 0;
    }
}

real *broadcast(const array *a, const int64_t *index, int ndim)
{
    int64_t at = 0;
    for (int d = 0; d < a->ndim; d++)
        at = at * a->shape[d] + (a->shape[d] == 1 ? 0 : index[ndim - a->ndim + d]);
    return a->at + at;
}

real *element(const array *a, const int64_t *index)
{
    return broadcast(a, index, a->ndim);
}

int axis_of(int64_t axis, int ndim)
{
    return (int)(axis < 0 ? axis + ndim : axis);
}

int64_t index_of(real index, int64_t n)
{
    return (int64_t)index + (index < 0 ? n : 0);
}

uint64_t bits_of(const task *t, int64_t i)
{
    return ct_random_at(t->seed, (uint64_t)i);
}

void elementwise(task *t, real (*f)(const real *x, const void *attributes))
{
    real x[TASK_INPUTS];
    EACH(&t->y[0], i) {
        for (int k = 0; k < t->n; k++)
            x[k] = *broadcast(&t->x[k], i, t->y[0].ndim);
        *element(&t->y[0], i) = f(x, t->attributes);
    }
}

static real *room(int64_t n)
{
    return calloc((size_t)n + 1, sizeof(real));
}

void along(task *t, int axis, void (*f)(const line *l))
{
    const array *x = &t->x[0];
    int64_t outer = 1, inner = 1, n;
    if (x->ndim == 0)
        return;
    axis = axis_of(axis, x->ndim);
    n = x->shape[axis];
    for (int d = 0; d < x->ndim; d++)
        *(d < axis ? &outer : &inner) *= d == axis ? 1 : x->shape[d];
    line l = { .n = n, .x = room(n), .attributes = t->attributes };
    l.m = outer * inner == 0 ? 0 : t->y[0].n / (outer * inner);
    for (int k = 0; k < t->outputs; k++)
        l.y[k] = room(l.m);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < inner; k++) {
            for (int64_t i = 0; i < n; i++)
                l.x[i] = x->at[(o * n + i) * inner + k];
            for (int out = 0; out < t->outputs; out++)
                for (int64_t i = 0; i < l.m; i++)
                    l.y[out][i] = t->y[out].at[(o * l.m + i) * inner + k];
            f(&l);
            for (int out = 0; out < t->outputs; out++)
                for (int64_t i = 0; i < l.m; i++)
                    t->y[out].at[(o * l.m + i) * inner + k] = l.y[out][i];
        }
    for (int k = 0; k < t->outputs; k++)
        free(l.y[k]);
    free(l.x);
}

void reduce(task *t, unsigned axes, real (*f)(int64_t n, real *x, const void *attributes))
{
    const array *x = &t->x[0];
    real *group = room(x->n);
    for (int64_t j = 0; j < t->y[0].n; j++) {
        int64_t n = 0;
        EACH(x, i) {
            int64_t to = 0;
            for (int d = 0; d < x->ndim; d++)
                to = axes >> d & 1 ? to : to * x->shape[d] + i[d];
            if (to == j)
                group[n++] = *element(x, i);
        }
        t->y[0].at[j] = f(n, group, t->attributes);
    }
    free(group);
}

real *matrix_of(const array *a, const array *y, int tail, int64_t i)
{
    int own = a->ndim > 2 ? a->ndim - 2 : 0, leading = y->ndim - tail;
    int64_t at = 0, size = 1, index[CT_MAX_DIMS];
    for (int d = leading - 1; d >= 0; d--) {
        index[d] = i % y->shape[d];
        i /= y->shape[d];
    }
    for (int d = 0; d < own; d++)
        at = at * a->shape[d] + (a->shape[d] == 1 ? 0 : index[leading - own + d]);
    for (int d = own; d < a->ndim; d++)
        size *= a->shape[d];
    return a->at + at * size;
}
