/* Operators, and what calls of them are in C: `h` are the headers. */
#include <stdio.h>

#include "emission.h"
#include "run.h"

/* -- Names */
static const ct_op *const engines[] = { &ct_add_op, &ct_broadcast_to_op, &ct_sum_to_op,
                                        &ct__copy_op };
enum { ENGINES = sizeof engines / sizeof *engines };

bool ct__emit_name(ct__emission *e, const ct_op *op, char name[CT__OP_NAME])
{
    for (int i = 0; i < ENGINES; i++)
        if (engines[i] == op) {
            snprintf(name, CT__OP_NAME, op == &ct__copy_op ? "ct__%s_op" : "ct_%s_op", op->name);
            return true;
        }
    if (e->find(op->name) != op)
        return ct__emit_fail(e, CT_ERROR_UNSUPPORTED, "the operator '%.60s' has no name in C",
                             op->name);
    snprintf(name, CT__OP_NAME, "ct__%s_op", op->name);
    return true;
}

/* -- Calls */
static void put_tensors(ct__emission *e, const char *before, ct_tensor *const *t, int n)
{
    ct__emit(e, CT__STEPS, "%s{ ", before);
    for (int i = 0; i < n; i++) {
        int header = t[i] && !e->failed ? ct__emit_header(e, t[i]) : -1;
        ct__emit(e, CT__STEPS, i > 0 ? ", " : "");
        if (header >= 0)
            ct__emit(e, CT__STEPS, "h[%d]", header);
        else
            ct__emit(e, CT__STEPS, "NULL");
    }
    ct__emit(e, CT__STEPS, n > 0 ? " }" : "NULL }");
}

void ct__emit_call_value(ct__emission *e, const ct_call *call)
{
    char name[CT__OP_NAME];
    size_t bytes = call->op->attributes_size;
    if (!ct__emit_name(e, call->op, name))
        return;
    ct__emit(e, CT__STEPS, "{ .op = &%s, .n = %d, .outputs = %d, .aux_count = %d,\n"
             "            .recording = %d, .adds = %lluu", name, call->n, call->outputs,
             call->aux_count, call->recording, (unsigned long long)call->adds);
    if (bytes > 0)
        ct__emit(e, CT__STEPS, ", .attributes = emitted_a%d",
                 ct__emit_array(e, call->attributes, bytes));
    put_tensors(e, ",\n            .x = (ct_tensor *[])", call->x, call->n);
    if (call->outputs > 0)
        put_tensors(e, ", .y = ", call->y, call->outputs);
    if (call->aux_count > 0)
        put_tensors(e, ", .aux = ", call->aux, call->aux_count);
    ct__emit(e, CT__STEPS, " }");
}

void ct__emit_call(ct__emission *e, const ct_call *call, ct_tensor *const *gy,
                   ct_tensor *const *gx)
{
    ct__emit(e, CT__STEPS, "    if (!ct__emitted_call(e, &(ct_call)");
    ct__emit_call_value(e, call);
    if (gx) {
        put_tensors(e, ",\n            (ct_tensor *[])", gy, call->outputs);
        put_tensors(e, ", (ct_tensor *[])", gx, call->n);
    } else {
        ct__emit(e, CT__STEPS, ", NULL, NULL");
    }
    ct__emit(e, CT__STEPS, "))\n        return ct_error(e->cx);\n");
}
