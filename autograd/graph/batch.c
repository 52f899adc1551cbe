/* Batches: B cotangents of y in one walk.
 *
 * For gx = gy J the rows of gy do not mix, so that B of them can go through a rule at once: gy is
 * then of shape (B, shape of y) and gx of shape (B, shape of x), while what the rule has saved is
 * as it was. Shapes are aligned at their last axes when they are broadcast, so a rule that is a
 * product with something of y's shape needs no change for it. CT_OP_BATCHED says that an operator's
 * `vjp` takes such a gy. The overhead of an operator, and what a rule computes of saved values
 * alone, is paid once for all rows. Nothing is recorded in such a walk. */
#include "walk.h"

enum { LARGEST = 1 << 18, ROWS = 64 }; /* elements of a tensor in a batch, and its rows, at most */

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
