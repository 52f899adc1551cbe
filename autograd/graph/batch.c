/* Batches: B cotangents of y in one walk.
 *
 * For gx = gy J the rows of gy do not mix, so that B of them can go through a rule at once: gy is
 * then of shape (B, shape of y) and gx of shape (B, shape of x), while what the rule has saved is
 * as it was. Shapes are aligned at their last axes when they are broadcast, so a rule that is a
 * product with something of y's shape needs no change for it. CT_OP_BATCHED says that an operator's
 * `vjp` takes such a gy. The overhead of an operator, and what a rule computes of saved values
 * alone, is paid once for all rows. Nothing is recorded in such a walk. */
#include <string.h>

#include "walk.h"

enum { LARGEST = 1 << 18, ROWS = 64 }; /* elements of a tensor in a batch, and its rows, at most */

/* -- What a batch can do */
/* A rule may need one axis more for its own work. */
static bool takes_batches(const ct_tensor *t)
{
    return (!t->op || t->op == &ct__output_op || t->op->flags & CT_OP_BATCHED) &&
           (!t->extra || !t->extra->hooks) && t->ndim < CT_MAX_DIMS - 1;
}

/* Goes down from y over what the walk needs, and takes it out of the walk. */
static bool all_take_batches(const ct__walk *w, ct_tensor *y, int64_t *largest)
{
    bool all = true;
    ct_tensor *top = y;
    y->link = NULL;
    for (ct_tensor *t; (t = top);) {
        top = t->link;
        t->flags &= (uint16_t) ~(CT__IN_WALK | CT__QUEUED);
        all = all && takes_batches(t);
        *largest = t->count > *largest ? t->count : *largest;
        for (uint32_t i = 0; i < t->input_count; i++) {
            ct_tensor *x = ct__inputs(t)[i];
            if (!ct__needs(w, x) || x->flags & CT__QUEUED)
                continue;
            x->flags |= CT__QUEUED;
            x->link = top;
            top = x;
        }
    }
    return all;
}

int64_t ct__batch_limit(const char *who, ct_tensor *y, ct_tensor *x)
{
    int64_t largest = 1;
    ct__walk w = ct__walk_begin(y, who);
    x->flags |= CT__TARGET;
    bool all = y->flags & CT__REQUIRES_GRAD && ct__discover(&w, y) == CT_OK && ct__needs(&w, y) &&
               all_take_batches(&w, y, &largest);
    x->flags &= (uint16_t)~CT__TARGET;
    ct__walk_end(&w, y);
    int64_t rows = all ? LARGEST / largest : 0;
    return rows < 2 ? 0 : rows < ROWS ? rows : ROWS;
}

/* -- Shapes in a batch */
int ct_call_gx_shape(const ct_call *call, int i, int64_t shape[CT_MAX_DIMS])
{
    const ct_tensor *x = ct_call_x(call, i);
    int more = call->vertex && call->batch;
    if (!x)
        return 0;
    shape[0] = call->batch;
    memcpy(shape + more, ct__shape(x), x->ndim * sizeof *shape);
    return x->ndim + more;
}

bool ct__fits_batch(const ct_call *call, int i, const ct_tensor *g)
{
    const ct_tensor *x = call->x[i];
    return g->ndim == x->ndim + 1 && ct__shape(g)[0] == call->batch &&
           memcmp(ct__shape(g) + 1, ct__shape(x), x->ndim * sizeof(int64_t)) == 0;
}

/* g's elements in other places; nothing is recorded */
static ct_tensor *seen_as(ct_tensor *g, const ct__layout *layout)
{
    ct_tensor *t = g ? ct__tensor_over(g->cx, layout) : NULL;
    if (!t)
        return NULL;
    t->buffer = g->buffer;
    t->buffer->refs++;
    t->data = g->data;
    t->flags |= CT__READ_ONLY;
    return ct__to_scope(t);
}

ct_tensor *ct_call_sum(const ct_call *call, int i, ct_tensor *g)
{
    int64_t shape[CT_MAX_DIMS], apart[CT_MAX_DIMS];
    const ct_tensor *x = ct_call_x(call, i);
    if (!x || !g || !ct__usable(g, call->op->name))
        return NULL;
    int ndim = ct_call_gx_shape(call, i, shape), more = g->ndim - ndim;
    if (more == 0 && memcmp(shape, ct__shape(g), g->ndim * sizeof *shape) == 0)
        return g;
    if (ndim == x->ndim || more <= 0)
        return ct_sum_to(g, shape, ndim);
    for (int d = 0; d < g->ndim; d++) /* axes of size 1 behind the first */
        apart[d] = d == 0 ? shape[0] : d <= more ? 1 : shape[d - more];
    ct_tensor *sum = ct_sum_to(g, apart, g->ndim);
    return seen_as(sum, &(ct__layout){ .dtype = g->dtype, .ndim = ndim, .shape = shape });
}

ct_tensor *ct__batch_repeat(const ct_call *call, int i, ct_tensor *g)
{
    int64_t shape[CT_MAX_DIMS], strides[CT_MAX_DIMS];
    int ndim = ct_call_gx_shape(call, i, shape), more = ndim - g->ndim;
    for (int d = 0; d < ndim; d++) {
        int own = d == 0 ? 0 : d - more;
        strides[d] = d > 0 && (own < 1 || ct__shape(g)[own] == 1) ? 0 : ct__strides(g)[own];
    }
    return seen_as(g, &(ct__layout){ .dtype = g->dtype, .ndim = ndim, .shape = shape,
                                     .strides = strides });
}
