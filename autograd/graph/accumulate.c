/* Accumulation: the cotangents that a tensor's uses bring are added up by the engine, not by the
 * rules. The first one is moved. A later one is added in place where nobody else can see the sum;
 * else the sum is a new tensor, which is recorded if the walk is. */
#include "walk.h"

/* *slot = old + g, as an operator. */
static ct_status add_apart(ct__walk *w, ct_tensor **slot, ct_tensor *g, bool recorded)
{
    ct__frame f;
    ct__enter(w, &f, recorded);
    ct_tensor *sum = ct_add(*slot, g);
    if (sum)
        ct__handle(sum);
    ct__leave(w, &f);
    ct__unhandle(g);
    if (!sum)
        return ct_error(w->cx);
    ct__unhandle(*slot);
    *slot = sum;
    return CT_OK;
}

ct_status ct__accumulate(ct__walk *w, ct_tensor **slot, ct_tensor *g)
{
    ct_tensor *old = *slot;
    bool first = !old || old->flags & CT__ZERO;
    if (first || g->flags & CT__ZERO) {
        *slot = first ? g : old;
        ct__unhandle(first ? old : g);
        return CT_OK;
    }
    if (!ct__exclusive(old) && ct__exclusive(g)) { /* add to the one that may be added to */
        *slot = g;
        g = old;
        old = *slot;
    }
    bool recorded = w->create_graph && (old->flags | g->flags) & CT__REQUIRES_GRAD;
    if (recorded || !ct__exclusive(old))
        return add_apart(w, slot, g, recorded);
    ct__add_into(old, g);
    ct__unhandle(g);
    return CT_OK;
}
