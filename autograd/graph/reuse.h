/* Where `backward` writes: into memory that is at hand already, where that is allowed.
 *
 * A rule is asked for gx = gy J. If J is diagonal (CT_OP_IN_PLACE), gx may take the memory of gy,
 * which nobody reads afterwards. If x has a cotangent from another use already, the kernel adds to
 * that one, and no tensor for gx is needed. Else gx is a new tensor. */
#ifndef COTANGENT_REUSE_H
#define COTANGENT_REUSE_H
#include "rows.h"
#include "run.h"
#include "walk.h"

/* Is x_i the same tensor as an input before it? */
static bool is_repeated(const ct_call *call, int i)
{
    for (int k = 0; k < i; k++)
        if (call->x[k] == call->x[i])
            return true;
    return false;
}

/* The input whose cotangent may be made of the output's, in place; -1: none. */
static CT__INLINE int input_in_place(const ct__walk *w, const ct_call *call)
{
    const ct_tensor *vertex = call->vertex, *gy = vertex->cotangent;
    int i = call->n - 1;
    if ((call->op->flags & (CT_OP_IN_PLACE | CT_OP_CONTIGUOUS)) != CT_OP_IN_PLACE || !gy ||
        !call->op->backward || !w->reuses ||
        vertex->flags & (CT__TARGET | CT__HIDDEN))
        return -1;
    while (i > 0 && !ct__wants(call, i)) /* the last one wanted: nobody reads gy after it */
        i--;
    const ct_tensor *x = call->x[i];
    bool may = !x->cotangent && gy->dtype == x->dtype && ct__exclusive(gy) &&
               ct__same_shape(gy, x);
    return may ? i : -1;
}

/* Does no input before i want a cotangent? */
static inline bool is_first_wanted(const ct_call *call, int i)
{
    for (int k = 0; k < i; k++)
        if (ct__wants(call, k))
            return false;
    return true;
}

/* The whole rule, where input i alone wants a cotangent, and gets it in place. All of gx is NULL
 * before. */
static CT__INLINE ct_status reverse_in_place(ct_call *call, int i, ct_tensor **gx)
{
    ct_tensor **gy = &call->vertex->cotangent;
    gx[i] = *gy;
    call->cx->writer = call->op->name;
    ct_status status = ct__run(call, gy, gx);
    if (status == CT_OK) { /* our handle goes along */
        call->x[i]->cotangent = *gy;
        *gy = NULL;
    }
    return status;
}

/* gx[i] for each wanted input: y's cotangent for the one `in_place`; a pending cotangent to add to
 * (then its bit is set in call->adds); or a new tensor, on which we have a handle. */
static ct_status provide(ct_call *call, int in_place, ct_tensor **gx)
{
    bool like_y = call->op->flags & CT_OP_BROADCAST && !(call->vertex->flags & CT__HIDDEN);
    for (int i = 0; i < call->n; i++) {
        ct_tensor *x = call->x[i], *like = like_y ? call->vertex : x, *old = x->cotangent;
        if (!ct__wants(call, i))
            continue;
        if (i == in_place) {
            gx[i] = call->vertex->cotangent;
            continue;
        }
        bool may_add = i < 64 && !call->apart && ct__same_shape(like, x) && !is_repeated(call, i) &&
                       !call->cx->find_nonfinite;
        if (!old && may_add && x->extra)
            old = x->cotangent = ct__rows_take(x);
        if (old && may_add && ct__exclusive(old)) {
            call->adds |= (uint64_t)1 << i;
            ct__rows_open(old);
            gx[i] = old;
            continue;
        }
        gx[i] = ct__tensor_like(like, 0, 0);
        if (!gx[i])
            return CT_ERROR_MEMORY;
        ct__handle(gx[i]);
    }
    return CT_OK;
}
#endif
