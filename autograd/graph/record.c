/* Recording what only some calls have: auxiliaries, and several outputs.

   A vertex has one output as a rule: itself. Where there are several, a hidden vertex without data
   stands behind them: it has the operator, the edges to the inputs and a slot for the cotangent of
   each output. Each output is a vertex of its own, of the operator "output", whose one edge goes to
   the hidden vertex. The hidden vertex keeps the outputs that its rule reads as leaves over the
   same data, since an edge to the outputs themselves would be a cycle. */
#include "record.h"

const ct_op ct__output_op = { .name = "output", .inputs = 1, .attributes_size = sizeof(int) };

ct_status ct__record_aux(ct_call *call, ct_tensor *vertex)
{
    if (!(call->op->saves & CT_SAVE_AUX))
        return CT_OK;
    ct__extra *extra = ct__extra_of(vertex);
    if (!extra)
        return CT_ERROR_MEMORY;
    for (int i = 0; i < call->aux_count; i++) {
        extra->aux[i] = call->aux[i];
        ct__hold(call->aux[i], true);
        call->aux[i] = NULL;
    }
    extra->aux_count = call->aux_count;
    return CT_OK;
}

static ct_status keep_outputs(const ct_call *call, ct__extra *extra)
{
    for (int i = 0; i < call->outputs; i++) {
        extra->outputs = i + 1;
        if (!(call->op->saves & CT_SAVE_Y(i)))
            continue;
        extra->kept[i] = ct__alias(call->y[i]);
        if (!extra->kept[i])
            return CT_ERROR_MEMORY;
        ct__hold(extra->kept[i], true);
        extra->kept_version[i] = call->y[i]->buffer->version;
    }
    return CT_OK;
}

static void connect_outputs(const ct_call *call, ct_tensor *hidden)
{
    for (int i = 0; i < call->outputs; i++) {
        ct_tensor *y = call->y[i];
        if (y->op != &ct__output_op) /* y is no float, and nothing flows back */
            continue;
        ct__inputs(y)[0] = hidden;
        ct__hold(hidden, false);
        y->flags |= CT__REQUIRES_GRAD;
    }
}

ct_status ct__record_several(ct_call *call)
{
    ct_tensor *hidden = ct__tensor_over(call->cx, &(ct__layout){
        .dtype = call->x[0]->dtype, .inputs = (uint32_t)call->n,
        .attributes = call->op->attributes_size });
    if (!hidden)
        return CT_ERROR_MEMORY;
    hidden->op = call->op;
    hidden->flags |= CT__HIDDEN;
    call->cx->memory.nodes++;
    if (call->op->attributes_size)
        memcpy(ct__attributes(hidden), call->attributes, call->op->attributes_size);
    call->moved = true;
    ct__handle(hidden);
    ct__extra *extra = ct__extra_of(hidden);
    ct_status status = extra ? ct__record_aux(call, hidden) : CT_ERROR_MEMORY;
    if (status == CT_OK)
        status = keep_outputs(call, extra);
    if (status == CT_OK) {
        ct__record_inputs(call, hidden);
        connect_outputs(call, hidden);
    }
    ct__unhandle(hidden);
    return status;
}
