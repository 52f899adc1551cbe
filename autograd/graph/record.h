/* Recording: this header alone decides whether a call goes on the graph, and how.
 *
 * An output is made as the vertex that it will be: with room for its edges and a copy of the
 * attributes. The edges are filled in after `forward` has succeeded. An operator with several
 * outputs gets a hidden vertex behind them (record.c). */
#ifndef COTANGENT_RECORD_H
#define COTANGENT_RECORD_H
#include "graph.h"

/* A call is recorded if one of its inputs requires grad, recording is on, and the operator is one
 * that can have a derivative. */
static CT__INLINE bool ct__is_recorded(const ct_call *call, unsigned requires_grad)
{
    return requires_grad && call->cx->recording &&
           !(call->op->flags & (CT_OP_CONSTANT | CT_OP_UPDATE));
}

/* what an output needs behind its strides */
typedef struct ct__room {
    const ct_op *op; /* the operator of the vertex; NULL: the output will be no vertex */
    uint32_t inputs;
    size_t attributes;
} ct__room;

static CT__INLINE ct__room ct__room_for(const ct_call *call, ct_dtype dtype)
{
    if (!call->recording || !ct__is_float(dtype))
        return (ct__room){ NULL, 0, 0 };
    if (call->outputs > 1)
        return (ct__room){ &ct__output_op, 1, ct__output_op.attributes_size };
    return (ct__room){ call->op, (uint32_t)call->n, call->op->attributes_size };
}

/* Output i is y, made with that room. A NULL y is a failure. */
static CT__INLINE ct_status ct__set_output(ct_call *call, int i, ct_tensor *y,
                                           const ct__room *room)
{
    call->y[i] = y;
    if (!y)
        return CT_ERROR_MEMORY;
    if (!room->op)
        return CT_OK;
    y->op = room->op;
    call->cx->memory.nodes++;
    if (call->outputs > 1) {
        memcpy(ct__attributes(y), &i, sizeof i);
    } else {
        if (room->attributes)
            memcpy(ct__attributes(y), call->attributes, room->attributes);
        call->moved = true;
    }
    return CT_OK;
}

static inline void ct__hold(ct_tensor *x, bool saved)
{
    x->holds++;
    x->saves += saved;
}

static CT__INLINE void ct__record_inputs(const ct_call *call, ct_tensor *vertex)
{
    ct_tensor **inputs = ct__inputs(vertex), *const *given = call->x;
    uint32_t *versions = ct__versions(vertex);
    const ct_op *op = call->op;
    for (uint32_t i = 0, n = (uint32_t)call->n; i < n; i++) {
        ct_tensor *x = given[i];
        inputs[i] = x;
        versions[i] = x->buffer->version;
        ct__hold(x, ct__saves_x(op, i));
    }
    vertex->flags |= CT__REQUIRES_GRAD;
}

/* -- record.c */
ct_status ct__record_aux(ct_call *call, ct_tensor *vertex);
ct_status ct__record_several(ct_call *call);

static CT__INLINE ct_status ct__record_one(ct_call *call)
{
    ct_tensor *y = call->y[0];
    if (y->op != call->op) /* y is no float, and nothing flows back */
        return CT_OK;
    if (call->aux_count > 0 && ct__record_aux(call, y) != CT_OK)
        return CT_ERROR_MEMORY;
    ct__record_inputs(call, y);
    if (call->op->saves & CT_SAVE_Y(0)) {
        ct__versions(y)[call->n] = y->buffer->version;
        y->flags |= CT__SAVES_SELF;
        y->saves++;
    }
    return CT_OK;
}

static CT__INLINE ct_status ct__record(ct_call *call)
{
    return call->outputs > 1 ? ct__record_several(call) : ct__record_one(call);
}
#endif
