/* Applying an operator: check, infer, forward, record. The graph is what this leaves behind. */
#include <string.h>

#include "graph.h"

/* marks an output of an operator that has several; backward.c knows it */
const ct_op ct__output_op = { .name = "output", .attributes_size = sizeof(int) };

/* which of the inputs will not do, and why */
CT__COLD static ct_status refuse_inputs(ct_call *call)
{
    for (int i = 0; i < call->n && !call->cx; i++)
        if (call->x[i])
            call->cx = call->x[i]->cx;
    for (int i = 0; i < call->n && call->cx; i++) {
        if (!call->x[i])
            return ct_fail(call->cx, CT_ERROR_NULL, "%s: operand %d is NULL", call->op->name,
                           i + 1);
        if (!ct__usable(call->x[i], call->op->name))
            return CT_ERROR_STALE;
    }
    return call->cx ? ct_call_fail(call, CT_ERROR_CONTEXT, "operands of different contexts")
                    : CT_ERROR_NULL;
}

/* finds the context, and whether the call goes on the graph: then it must have a derivative */
static CT__INLINE ct_status check_inputs(ct_call *call)
{
    const ct_op *op = call->op;
    const ct_context *cx = call->x[0] ? call->x[0]->cx : NULL;
    unsigned flags = 0;
    for (int i = 0; i < call->n; i++) {
        const ct_tensor *x = call->x[i];
        if (!x || !x->buffer || x->cx != cx)
            return refuse_inputs(call);
        flags |= x->flags;
    }
    call->cx = call->x[0]->cx;
    if (!(flags & CT__REQUIRES_GRAD) || !cx->recording ||
        op->flags & (CT_OP_CONSTANT | CT_OP_UPDATE))
        return CT_OK;
    call->recording = true;
    if (!op->vjp && !op->backward)
        return ct_call_fail(call, CT_ERROR_GRAPH,
                            "no derivative is defined, and an input requires grad");
    return CT_OK;
}

ct_tensor *const *ct__make_contiguous(ct_context *cx, ct_tensor *const *x, int n)
{
    ct_tensor **all = (void *)ct__scope_chars(cx, (size_t)n * sizeof *all);
    for (int i = 0; all && i < n; i++) {
        all[i] = x[i] && x[i]->buffer ? ct__contiguous(x[i]) : x[i];
        if (x[i] && !all[i])
            return NULL;
    }
    return all;
}

static inline ct_status check_outputs(ct_call *call)
{
    for (int i = 0; i < call->outputs; i++)
        if (!call->y[i])
            return ct_call_fail(call, CT_ERROR_CALLBACK, "infer did not set output %d", i);
    return CT_OK;
}

static ct_status check_finite(ct_call *call)
{
    for (int i = 0; i < call->outputs; i++)
        if (!ct__all_finite(call->y[i]))
            return ct_call_fail(call, CT_ERROR_VALUE, "made a NaN or an infinity");
    return CT_OK;
}

static CT__INLINE ct_status compute(ct_call *call)
{
    const ct_op *op = call->op;
    ct_context *cx = call->cx;
    ct_tensor *const *given = call->x;
    const char *writer = cx->writer;
    ct__scope scope;
    ct__scope_push(cx, &scope);
    cx->recording = false;
    cx->writer = op->name;
    ct_status status = CT_OK;
    if (op->flags & CT_OP_CONTIGUOUS)
        call->x = ct__contiguous_all(cx, given, call->n);
    if (!call->x)
        call->x = given, status = CT_ERROR_MEMORY;
    if (status == CT_OK && op->infer)
        status = ct__said(call, op->infer(call), "infer");
    if (status == CT_OK)
        status = check_outputs(call);
    if (status == CT_OK && op->forward)
        status = ct__said(call, op->forward(call), "forward");
    if (status == CT_OK && cx->find_nonfinite)
        status = check_finite(call);
    call->x = given;
    cx->writer = writer;
    ct__scope_pop(cx, &scope);
    return status;
}

/* -- Recording */
static inline void hold(ct_tensor *x, bool saved)
{
    x->holds++;
    x->saves += saved;
}

static inline void record_inputs(const ct_call *call, ct_tensor *vertex)
{
    ct_tensor **inputs = ct__inputs(vertex), *const *given = call->x;
    uint32_t *versions = ct__versions(vertex);
    const ct_op *op = call->op;
    for (uint32_t i = 0, n = (uint32_t)call->n; i < n; i++) {
        ct_tensor *x = given[i];
        inputs[i] = x;
        versions[i] = x->buffer->version;
        hold(x, ct__saves_x(op, i));
    }
    vertex->flags |= CT__REQUIRES_GRAD;
}

static ct_status record_aux(ct_call *call, ct_tensor *vertex)
{
    if (!(call->op->saves & CT_SAVE_AUX))
        return CT_OK;
    ct__extra *extra = ct__extra_of(vertex);
    if (!extra)
        return CT_ERROR_MEMORY;
    for (int i = 0; i < call->aux_count; i++) {
        extra->aux[i] = call->aux[i];
        hold(call->aux[i], true);
        call->aux[i] = NULL;
    }
    extra->aux_count = call->aux_count;
    return CT_OK;
}

static CT__INLINE ct_status record_one(ct_call *call)
{
    ct_tensor *y = call->y[0];
    if (y->op != call->op) /* not a float: nothing flows back */
        return CT_OK;
    if (call->aux_count > 0 && record_aux(call, y) != CT_OK)
        return CT_ERROR_MEMORY;
    record_inputs(call, y);
    if (call->op->saves & CT_SAVE_Y(0)) {
        ct__versions(y)[call->n] = y->buffer->version;
        y->flags |= CT__SAVES_SELF;
        y->saves++;
    }
    return CT_OK;
}

/* the vertex behind several outputs; it keeps those it saves as leaves over the same data, since an
 * edge to them would be a cycle */
static CT__APART ct_status record_several(ct_call *call)
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
    ct_status status = extra ? record_aux(call, hidden) : CT_ERROR_MEMORY;
    for (int i = 0; i < call->outputs && status == CT_OK; i++) {
        extra->outputs = i + 1;
        if (!(call->op->saves & CT_SAVE_Y(i)))
            continue;
        extra->kept[i] = ct__alias(call->y[i]);
        if (!extra->kept[i]) {
            status = CT_ERROR_MEMORY;
            break;
        }
        hold(extra->kept[i], true);
        extra->kept_version[i] = call->y[i]->buffer->version;
    }
    if (status == CT_OK)
        record_inputs(call, hidden);
    for (int i = 0; i < call->outputs && status == CT_OK; i++) {
        if (call->y[i]->op != &ct__output_op)
            continue;
        ct__inputs(call->y[i])[0] = hidden;
        hold(hidden, false);
        call->y[i]->flags |= CT__REQUIRES_GRAD;
    }
    ct__unhandle(hidden);
    return status;
}

/* -- The whole of it */
CT__COLD static ct_status undo(ct_call *call, ct_status status)
{
    for (int i = 0; i < call->outputs; i++)
        if (call->y[i])
            ct__drop(call->y[i]);
    return status;
}

static CT__INLINE ct_status finish(ct_call *call, ct_status status)
{
    const ct_op *op = call->op;
    if (status == CT_OK && call->recording)
        status = call->outputs > 1 ? record_several(call) : record_one(call);
    for (int i = 0; i < call->aux_count; i++)
        if (call->aux[i])
            ct__drop(call->aux[i]);
    if (op->drop && !call->moved)
        op->drop((void *)(uintptr_t)call->attributes);
    if (status != CT_OK)
        return undo(call, status);
    for (int i = 0; i < call->outputs; i++)
        ct__to_scope(call->y[i]);
    return CT_OK;
}

static CT__INLINE ct_status apply(ct_call *call, const ct_op *op, const void *attributes,
                                  ct_tensor *const *x, int n)
{
    call->cx = NULL;
    call->op = op;
    call->attributes = attributes;
    call->x = x;
    call->n = n;
    call->outputs = op->outputs > 1 ? op->outputs : op->flags & CT_OP_UPDATE ? 0 : 1;
    if (call->outputs > 8)
        call->outputs = 8;
    call->aux_count = 0;
    call->recording = call->moved = false;
    call->vertex = NULL;
    call->adds = 0;
    call->y[0] = NULL;
    for (int i = 1; i < call->outputs; i++)
        call->y[i] = NULL;
    ct_status status = n > 0 && x ? check_inputs(call) : CT_ERROR_NULL;
    if (status == CT_OK)
        status = compute(call);
    return finish(call, status);
}

ct_status ct_apply_all(const ct_op *op, const void *attributes, ct_tensor *const *x, int n,
                       ct_tensor **y)
{
    ct_call call;
    if (!op)
        return CT_ERROR_NULL;
    ct_status status = apply(&call, op, attributes, x, n);
    for (int i = 0; y && i < call.outputs; i++)
        y[i] = status == CT_OK ? call.y[i] : NULL;
    return status;
}

ct_tensor *ct_apply(const ct_op *op, const void *attributes, ct_tensor *const *x, int n)
{
    ct_call call;
    if (!op)
        return NULL;
    bool good = apply(&call, op, attributes, x, n) == CT_OK && call.outputs > 0;
    return good ? call.y[0] : NULL;
}
