/* ct_custom: y = f(x) with a rule of the caller's. f runs without a graph, and the vertex has the
 * rule. */
#include "inner.h"

typedef struct custom {
    ct_tensor *value; /* while it is applied: f's value; later it is gone */
    ct_rule rule;
    void *user;
} custom;

static ct_status custom_infer(ct_call *call)
{
    const ct_tensor *y = ((const custom *)call->attributes)->value;
    return ct_call_set_y(call, 0, y->dtype, ct__shape(y), y->ndim);
}

static ct_status custom_forward(ct_call *call)
{
    ct__copy_out(call->y[0]->data, ((const custom *)call->attributes)->value);
    return CT_OK;
}

static ct_status custom_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const custom *a = call->attributes;
    ct_custom_call c = { call->cx, call->x, call->n, call->y[0], gy[0], a->user };
    return a->rule(&c, gx);
}

static const ct_op custom_op = {
    .name = "custom",
    .formula = "y = f(x)",
    .derivative = "gx as the rule says",
    .flags = CT__OP_COPIES,
    .saves = CT_SAVE_ALL_X | CT_SAVE_Y(0),
    .attributes_size = sizeof(custom),
    .infer = custom_infer,
    .forward = custom_forward,
    .vjp = custom_vjp,
};

ct_tensor *ct_custom(ct_context *cx, ct_function f, ct_rule rule, void *user, ct_tensor *const *x,
                     int n)
{
    ct__stage s = { .cx = cx, .n = n, .who = custom_op.name };
    if (ct__check_arguments(&s, f, x, NULL) != CT_OK)
        return NULL;
    if (!rule || n == 0)
        return ct_fail(cx, CT_ERROR_NULL, "custom: %s", rule ? "there are no inputs"
                                                             : "the rule is NULL"), NULL;
    custom a = { .rule = rule, .user = user };
    ct__scope outer;
    ct__scope_push(cx, &outer);
    a.value = ct__stage_begin(&s, f, user, x, false);
    cx->recording = outer.recording;
    ct_tensor *y = a.value ? ct_apply(&custom_op, &a, x, n) : NULL;
    if (y)
        ct__handle(y);
    ct__stage_end(&s);
    ct__scope_pop(cx, &outer);
    ct__hand_over(CT_OK, &y, 1);
    return y;
}
