/* The funnel: every kernel that an operator has runs here, forward and backward, and so do the
 * engine's own: copies (run.c) and the sums of cotangents (arithmetic.c) are operators without a
 * vertex. */
#ifndef COTANGENT_RUN_H
#define COTANGENT_RUN_H
#include "graph.h"

CT__COLD ct_status ct__run_watched(ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx);

/* the kernel alone */
static CT__INLINE ct_status ct__run_kernel(ct_call *call, ct_tensor *const *gy,
                                           ct_tensor *const *gx)
{
    if (gx)
        return ct__said(call, call->op->backward(call, gy, gx), "backward");
    return call->op->forward ? ct__said(call, call->op->forward(call), "forward") : CT_OK;
}

/* Runs `backward` or, where gx is NULL, `forward`, if there is one. */
static CT__INLINE ct_status ct__run(ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    return call->cx->watched ? ct__run_watched(call, gy, gx) : ct__run_kernel(call, gy, gx);
}

/* Runs `backward`, with inputs and cotangents made contiguous where the operator asks for it. */
static inline ct_status ct__run_backward(ct_call *call, ct_tensor *const *gy,
                                         ct_tensor *const *gx)
{
    ct_tensor *const *given = call->x;
    if (call->op->flags & CT_OP_CONTIGUOUS) {
        gy = ct__contiguous_all(call->cx, gy, call->outputs);
        call->x = ct__contiguous_all(call->cx, given, call->n);
    }
    ct_status status = gy && call->x ? ct__run(call, gy, gx) : CT_ERROR_MEMORY;
    call->x = given;
    return status;
}

extern const ct_op ct__copy_op; /* y = x */

/* Runs the forward kernel of an operator of the engine's own, which has at most one result, y. */
ct_status ct__run_own(const ct_op *op, ct_tensor *const *x, int n, ct_tensor *y);

#endif
