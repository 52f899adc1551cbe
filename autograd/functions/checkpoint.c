/* ct_checkpoint: y = f(x), where backward runs f again instead of keeping its graph.
 *
 * The vertex has x as its inputs, and what f captured: parameters that it reaches through modules,
 * and results made before. To find these f runs with its graph, which is freed at once. The rule
 * runs f again, with the random numbers of the first time, and takes the vjp of that graph. If the
 * walk is recorded, the graph stays, linked to x, and can be differentiated again. */
#include "inner.h"

typedef struct checkpoint {
    ct_tensor *value;     /* while it is applied: f's value; later it is gone */
    ct_function f;
    void *user;
    int n;
    bool inference;
    uint64_t seed, draws; /* where the random stream stood */
} checkpoint;

static ct_status checkpoint_infer(ct_call *call)
{
    const ct_tensor *y = ((const checkpoint *)call->attributes)->value;
    return ct_call_set_y(call, 0, y->dtype, ct__shape(y), y->ndim);
}

static ct_status checkpoint_forward(ct_call *call)
{
    ct__copy_out(call->y[0]->data, ((const checkpoint *)call->attributes)->value);
    return CT_OK;
}

/* f's value once more. What it draws is what it drew first; the stream is left where it is now. */
static ct_tensor *run_again(const ct_call *call, ct_tensor *const *arguments)
{
    ct_context *cx = call->cx;
    const checkpoint *a = call->attributes;
    const bool recording = cx->recording, inference = cx->inference, repeating = cx->repeating;
    const uint64_t seed = cx->seed, draws = cx->draws;
    ct__tell_stream(cx, false);
    cx->seed = a->seed;
    cx->draws = a->draws;
    ct__tell_stream(cx, true);
    cx->recording = true;
    cx->inference = a->inference;
    cx->repeating = true;
    ct_tensor *y = ct__evaluate(cx, call->op->name, a->f, a->user, arguments, a->n);
    cx->seed = seed;
    cx->draws = draws;
    ct__tell_stream(cx, true);
    cx->recording = recording;
    cx->inference = inference;
    cx->repeating = repeating;
    return y;
}

static ct_status checkpoint_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const checkpoint *a = call->attributes;
    char was[200], is[200];
    ct_tensor **arguments = ct__arguments(call->cx, call->x, a->n, call->cx->recording);
    ct_tensor *y = arguments ? run_again(call, arguments) : NULL;
    if (!y)
        return ct__failed(call->cx);
    if (y->dtype != gy[0]->dtype || !ct__same_shape(y, gy[0])) {
        ct__tensor_print(was, sizeof was, gy[0], true);
        ct__tensor_print(is, sizeof is, y, true);
        return ct_fail(call->cx, CT_ERROR_CALLBACK,
                       "%s: run again, the function gives %s, and gave %s first", call->op->name,
                       is, was);
    }
    return ct__captured_vjp(call, y, gy[0], arguments, a->n, gx);
}

static const ct_op checkpoint_op = {
    .name = "checkpoint",
    .formula = "y = f(x)",
    .derivative = "gx = g dy/dx",
    .flags = CT__OP_COPIES,
    .saves = CT_SAVE_ALL_X,
    .attributes_size = sizeof(checkpoint),
    .infer = checkpoint_infer,
    .forward = checkpoint_forward,
    .vjp = checkpoint_vjp,
};

ct_tensor *ct_checkpoint(ct_context *cx, ct_function f, void *user, ct_tensor *const *x, int n)
{
    ct__stage s = { .cx = cx, .n = n, .who = checkpoint_op.name };
    if (ct__check_arguments(&s, f, x, NULL) != CT_OK)
        return NULL;
    checkpoint a = { .f = f, .user = user, .n = n, .inference = cx->inference, .seed = cx->seed,
                     .draws = cx->draws };
    const bool recording = cx->recording;
    ct__tell_stream(cx, false);
    ct__scope_push(cx, &s.scope);
    ct_tensor **arguments = ct__arguments(cx, x, n, false), *y = NULL;
    a.value = arguments ? ct__evaluate(cx, s.who, f, user, arguments, n) : NULL;
    cx->recording = recording;
    if (a.value)
        y = ct__apply_captured(&checkpoint_op, &a, &(ct__staged){ &s, x, arguments, a.value });
    ct__stage_end(&s);
    ct__hand_over(CT_OK, &y, 1);
    return y;
}
