/* Variables, their gradients and hooks. */
#include "rows.h"

CT__COLD static ct_tensor *refuse(const ct_tensor *x, const char *who)
{
    char text[200];
    ct__tensor_print(text, sizeof text, x, true);
    if (!ct__is_float(x->dtype))
        ct_fail(x->cx, CT_ERROR_DTYPE, "%s: %s is not f32 or f64", who, text);
    else
        ct_fail(x->cx, CT_ERROR_GRAPH, "%s: %s is the result of %s, not a leaf; ct_detach it first",
                who, text, x->op->name);
    return NULL;
}

ct_tensor *ct_variable(ct_tensor *x)
{
    if (!ct__usable(x, "variable"))
        return NULL;
    if (!ct__is_float(x->dtype) || x->op)
        return refuse(x, "variable");
    if (!(x->flags & CT__REQUIRES_GRAD) && !x->cx->listener)
        ct__tell_changed(x);
    x->flags |= CT__REQUIRES_GRAD;
    return x;
}

ct_tensor *ct_constant(ct_tensor *x)
{
    if (!ct__usable(x, "constant"))
        return NULL;
    if (x->op)
        return refuse(x, "constant");
    ct__tell(x->cx, "constant");
    ct__tell_changed(x);
    ct_zero_grad(x);
    ct__rows_forget(x);
    x->flags &= (uint16_t)~CT__REQUIRES_GRAD;
    return x;
}

bool ct_requires_grad(const ct_tensor *x)
{
    return ct__alive(x, "requires_grad") && x->flags & CT__REQUIRES_GRAD;
}

ct_tensor *ct_detach(ct_tensor *x)
{
    return ct__usable(x, "detach") ? ct__to_scope(ct__alias(x)) : NULL;
}

ct_tensor *ct_gradient(const ct_tensor *x)
{
    if (!ct__alive(x, "gradient"))
        return NULL;
    ct__tell_asked(x);
    return x->extra ? x->extra->grad : NULL;
}

void ct_zero_grad(ct_tensor *x)
{
    if (!ct__alive(x, "zero_grad"))
        return;
    ct__tell_graded(x, NULL);
    if (!x->extra)
        return;
    ct_tensor *grad = x->extra->grad;
    x->extra->grad = NULL;
    ct__rows_zero(x, grad);
}

ct_status ct_on_cotangent(ct_tensor *y, ct_hook call, void *user)
{
    if (!y || !call)
        return ct_fail(y ? y->cx : NULL, CT_ERROR_NULL, "on_cotangent: %s is NULL",
                       y ? "the hook" : "the tensor");
    if (!ct__alive(y, "on_cotangent"))
        return CT_ERROR_STALE;
    if (!(y->flags & CT__REQUIRES_GRAD))
        return ct_fail(y->cx, CT_ERROR_GRAPH,
                       "on_cotangent: the tensor does not require grad: nothing will come");
    ct__tell(y->cx, "on_cotangent");
    ct__tell_changed(y);
    ct__extra *extra = ct__extra_of(y);
    ct__hook *hook = extra ? ct__take(y->cx, sizeof *hook) : NULL;
    if (!hook)
        return CT_ERROR_MEMORY;
    *hook = (ct__hook){ call, user, NULL };
    ct__hook **end = &extra->hooks;
    while (*end)
        end = &(*end)->next;
    *end = hook;
    return CT_OK;
}
