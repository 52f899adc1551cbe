/* Applying an operator: check the inputs, infer the outputs, compute them, record the call. */
#include "record.h"
#include "run.h"

/* The error of an operator that is applied to too few or too many inputs, or without attributes. */
CT__COLD static ct_status refuse_call(const ct_call *call)
{
    const ct_op *op = call->op;
    int least = op->inputs < 0 ? -op->inputs : op->inputs;
    if (op->outputs > 8)
        return ct_fail(call->cx, CT_ERROR_VALUE, "%s: has %d outputs; 8 are possible", op->name,
                       op->outputs);
    if (op->inputs > 0 ? call->n != least : call->n < least)
        return ct_fail(call->cx, CT_ERROR_VALUE, "%s: takes %d input%s%s, got %d", op->name, least,
                       least == 1 ? "" : "s", op->inputs < 0 ? " or more" : "", call->n);
    return ct_fail(call->cx, CT_ERROR_NULL, "%s: the attributes are NULL", op->name);
}

static CT__INLINE bool is_complete(const ct_call *call)
{
    const ct_op *op = call->op;
    bool enough = op->inputs > 0 ? call->n == op->inputs : call->n >= -op->inputs;
    return enough && (call->attributes || op->attributes_size == 0) && op->outputs <= 8;
}

/* The error of the first input that cannot be used. */
CT__COLD static ct_status refuse_inputs(ct_call *call)
{
    call->cx = NULL;
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

/* Finds the context, and whether the call is recorded: then it must have a derivative. */
static CT__INLINE ct_status check_inputs(ct_call *call)
{
    const ct_context *cx = call->x[0] ? call->x[0]->cx : NULL;
    unsigned flags = 0;
    for (int i = 0; i < call->n; i++) {
        const ct_tensor *x = call->x[i];
        if (!x || !x->buffer || x->cx != cx)
            return refuse_inputs(call);
        flags |= x->flags;
    }
    call->cx = call->x[0]->cx;
    if (!is_complete(call))
        return refuse_call(call);
    call->recording = ct__is_recorded(call, flags & CT__REQUIRES_GRAD);
    if (call->recording && !call->op->vjp && !call->op->backward)
        return ct_call_fail(call, CT_ERROR_GRAPH,
                            "no derivative is defined, and an input requires grad");
    return CT_OK;
}

CT__COLD static ct_status no_output(const ct_call *call, int i)
{
    ct_call_fail(call, CT_ERROR_CALLBACK, "infer did not set output %d", i);
    return ct_error(call->cx); /* or what is pending says why */
}

static inline ct_status check_outputs(ct_call *call)
{
    for (int i = 0; i < call->outputs; i++)
        if (!call->y[i])
            return no_output(call, i);
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
    if (op->flags & CT_OP_CONTIGUOUS &&
        !(call->x = ct__contiguous_all(cx, given, call->n)))
        call->x = given, status = CT_ERROR_MEMORY;
    if (status == CT_OK && op->infer)
        status = ct__said(call, op->infer(call), "infer");
    if (status == CT_OK)
        status = check_outputs(call);
    if (status == CT_OK)
        status = ct__run(call, NULL, NULL);
    call->x = given;
    cx->writer = writer;
    ct__scope_pop(cx, &scope);
    return status;
}

/* -- All steps together */
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
        status = ct__record(call);
    for (int i = 0; i < call->aux_count; i++)
        if (call->aux[i])
            ct__drop(call->aux[i]);
    if (op->drop && !call->moved && (call->attributes || op->attributes_size == 0))
        ct__drop_attributes(call->cx, op, (void *)(uintptr_t)call->attributes);
    if (status != CT_OK)
        return undo(call, status);
    for (int i = 0; i < call->outputs; i++)
        ct__to_scope(call->y[i]);
    return CT_OK;
}

static CT__INLINE ct_status apply(ct_call *call, const ct_op *op, const void *attributes,
                                  ct_tensor *const *x, int n)
{
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
    ct_status status = CT_ERROR_NULL;
    if (n > 0 && x)
        status = check_inputs(call);
    else
        call->cx = NULL;
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
