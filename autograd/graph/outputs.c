/* Operators with several outputs, in a walk: what the rule of the hidden vertex behind them sees,
 * and the cotangents that wait there (record.c says how it was recorded). */
#include "walk.h"

/* Output i of the hidden vertex t, made again: nothing may have kept the first one. */
static ct_tensor *output_again(ct_tensor *t, int i)
{
    ct_tensor *kept = t->extra->kept[i];
    if (!ct__is_float(kept->dtype)) /* nothing flows back to it */
        return ct_detach(kept);
    ct_tensor *y = ct__tensor_over(t->cx, &(ct__layout){
        .dtype = kept->dtype, .ndim = kept->ndim, .shape = ct__shape(kept),
        .strides = ct__strides(kept), .inputs = 1,
        .attributes = ct__output_op.attributes_size });
    if (!y)
        return NULL;
    y->op = &ct__output_op;
    t->cx->memory.nodes++;
    memcpy(ct__attributes(y), &i, sizeof i);
    ct__inputs(y)[0] = t;
    t->holds++;
    y->buffer = kept->buffer;
    y->buffer->refs++;
    y->data = kept->data;
    y->flags |= CT__REQUIRES_GRAD;
    return ct__to_scope(y);
}

static ct_status see_kept(const ct__walk *w, ct_call *call, ct_tensor *t)
{
    call->outputs = t->extra->outputs;
    for (int i = 0; i < call->outputs; i++) {
        const ct_tensor *kept = t->extra->kept[i];
        call->y[i] = NULL;
        if (!kept)
            continue;
        if (kept->buffer->version != t->extra->kept_version[i])
            return ct__written_since(w, t, kept);
        call->y[i] = output_again(t, i);
        if (!call->y[i])
            return CT_ERROR_MEMORY;
    }
    return CT_OK;
}

ct_status ct__see_more(const ct__walk *w, ct_call *call, ct_tensor *t)
{
    for (int i = 0; i < t->extra->aux_count; i++)
        call->aux[call->aux_count++] = t->extra->aux[i];
    return t->flags & CT__HIDDEN ? see_kept(w, call, t) : CT_OK;
}

bool ct__has_cotangent(ct_tensor *t)
{
    ct_tensor *const *gy = ct__cotangents_of(t);
    for (int i = 0; i < (t->flags & CT__HIDDEN ? t->extra->outputs : 1); i++)
        if (gy[i])
            return true;
    return false;
}

/* The cotangent of one of several outputs waits in its slot until the hidden vertex is ready. */
ct_status ct__fill_slot(ct__walk *w, ct_tensor *t)
{
    int i;
    memcpy(&i, ct__attributes(t), sizeof i);
    ct__handle(t->cotangent);
    return ct__accumulate(w, &ct__inputs(t)[0]->extra->slots[i], t->cotangent);
}

void ct__drop_cotangents(ct_tensor *t)
{
    ct__unhandle(t->cotangent);
    t->cotangent = NULL;
    for (int i = 0; t->flags & CT__HIDDEN && i < t->extra->outputs; i++) {
        ct__unhandle(t->extra->slots[i]);
        t->extra->slots[i] = NULL;
    }
}
