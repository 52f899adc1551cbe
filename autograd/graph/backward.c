/* ct_backward and ct_grad: where a walk starts, and what becomes of the cotangents it brings. */
#include "graph.h"

static ct_status check_start(const char *who, ct_tensor *y, ct_tensor *gy)
{
    char is[200], wants[200];
    if (!ct__alive(y, who) || (gy && !ct__usable(gy, who)))
        return CT_ERROR_STALE;
    if (!gy && y->count == 1)
        return CT_OK;
    ct__tensor_print(wants, sizeof wants, y, true);
    if (!gy)
        return ct_fail(y->cx, CT_ERROR_SHAPE,
                       "%s: %s has %lld elements, not one: a cotangent must be given", who, wants,
                       (long long)y->count);
    if (gy->cx != y->cx)
        return ct_fail(y->cx, CT_ERROR_CONTEXT, "%s: the cotangent is of another context", who);
    if (gy->dtype == y->dtype && ct__same_shape(gy, y))
        return CT_OK;
    ct__tensor_print(is, sizeof is, gy, true);
    return ct_fail(y->cx, gy->dtype == y->dtype ? CT_ERROR_SHAPE : CT_ERROR_DTYPE,
                   "%s: the cotangent is %s for %s", who, is, wants);
}

/* -- ct_backward: into the gradients of variables, all or none */
/* what can fail: a buffer of our own, where there is no gradient yet or the cotangent is one */
static ct_status prepare(ct__walk *w)
{
    for (ct_tensor *t = w->done; t; t = t->link) {
        ct_tensor *g = t->cotangent;
        if (!g)
            continue;
        if (!ct__extra_of(t))
            return CT_ERROR_MEMORY;
        if (ct__exclusive(g) || (t->extra->grad && !g->buffer->gradient))
            continue;
        ct_tensor *own = ct__tensor_new(w->cx, &(ct__layout){ .dtype = g->dtype, .ndim = g->ndim,
                                                              .shape = ct__shape(g) });
        if (!own)
            return CT_ERROR_MEMORY;
        ct__copy_out(own->data, g);
        ct__handle(own);
        ct__unhandle(g);
        t->cotangent = own;
    }
    return CT_OK;
}

static void commit(ct__walk *w)
{
    for (ct_tensor *t = w->done; t; t = t->link) {
        ct_tensor *g = t->cotangent, *grad = g ? t->extra->grad : NULL;
        if (!g)
            continue;
        if (!grad) {
            g->buffer->gradient = true;
            t->extra->grad = g;
            t->cotangent = NULL;
            continue;
        }
        ct__add_into(grad, g);
        grad->buffer->version++;
        grad->buffer->writer = w->who;
    }
}

static ct_status backward(ct_tensor *y, ct_tensor *gy, const char *who)
{
    ct_status status = check_start(who, y, gy);
    if (status != CT_OK)
        return status;
    if (!(y->flags & CT__REQUIRES_GRAD))
        return ct_fail(y->cx, CT_ERROR_GRAPH, "%s: the tensor depends on no variable", who);
    ct__walk w = ct__walk_begin(y, who);
    w.leaves = true;
    status = ct__discover(&w, y);
    if (status == CT_OK)
        status = ct__reverse(&w, y, gy);
    if (status == CT_OK)
        status = prepare(&w);
    if (status == CT_OK)
        commit(&w);
    ct__walk_end(&w, y);
    return status;
}

ct_status ct_backward(ct_tensor *y)
{
    return y ? backward(y, NULL, "backward") : CT_ERROR_NULL;
}

ct_status ct_backward_from(ct_tensor *y, ct_tensor *gy)
{
    if (!y || !gy)
        return ct_fail(y ? y->cx : gy ? gy->cx : NULL, CT_ERROR_NULL, "backward_from: %s is NULL",
                       y ? "the cotangent" : "the tensor");
    return backward(y, gy, "backward_from");
}

/* -- ct_grad: the targets' cotangents are handed out */
static ct_status check_targets(ct_tensor *y, ct_tensor *const *x, int n)
{
    if (n < 0 || (n > 0 && !x))
        return ct_fail(y->cx, CT_ERROR_NULL, "grad: no tensors to differentiate by");
    for (int i = 0; i < n; i++) {
        if (!x[i])
            return ct_fail(y->cx, CT_ERROR_NULL, "grad: x%d is NULL", i);
        if (!ct__alive(x[i], "grad"))
            return CT_ERROR_STALE;
        if (x[i]->cx != y->cx)
            return ct_fail(y->cx, CT_ERROR_CONTEXT, "grad: x%d is of another context", i);
        if (x[i]->flags & CT__IN_WALK)
            return ct_fail(y->cx, CT_ERROR_GRAPH, "grad: a walk is already under way over x%d", i);
    }
    return CT_OK;
}

static ct_status check_paths(const ct__walk *w, ct_tensor *const *x, int n, unsigned flags)
{
    char text[200];
    for (int i = 0; i < n && flags & CT_REQUIRE_PATH; i++)
        if (!ct__needs(w, x[i])) {
            ct__tensor_print(text, sizeof text, x[i], false);
            return ct_fail(w->cx, CT_ERROR_GRAPH, "grad: y does not depend on x%d, %s", i, text);
        }
    return CT_OK;
}

static ct_status hand_out(ct_tensor *const *x, int n, unsigned flags, ct_tensor **gx)
{
    for (int i = 0; i < n; i++) {
        gx[i] = x[i]->cotangent;
        if (!gx[i] && flags & CT_ZERO_PATH) {
            gx[i] = ct_zeros_like(x[i]);
            if (!gx[i])
                return CT_ERROR_MEMORY;
        }
    }
    for (int i = 0; i < n; i++)
        ct__to_scope(gx[i]);
    return CT_OK;
}

ct_status ct__grad(ct_tensor *y, ct_tensor *gy, ct_tensor *const *x, int n, unsigned flags,
                   ct_tensor **gx)
{
    for (int i = 0; i < n; i++)
        gx[i] = NULL;
    ct_status status = check_start("grad", y, gy);
    if (status == CT_OK)
        status = check_targets(y, x, n);
    if (status != CT_OK)
        return status;
    ct__walk w = ct__walk_begin(y, "grad");
    w.create_graph = flags & CT_CREATE_GRAPH;
    for (int i = 0; i < n; i++) {
        ct__handle(x[i]); /* a hook may release it */
        x[i]->flags |= CT__TARGET;
    }
    if (y->flags & CT__REQUIRES_GRAD)
        status = ct__discover(&w, y);
    for (int i = 0; i < n; i++)
        if (!ct__needs(&w, x[i])) /* nor is it the target of a walk inside this one */
            x[i]->flags &= (uint16_t)~CT__TARGET;
    if (status == CT_OK)
        status = check_paths(&w, x, n, flags);
    if (status == CT_OK)
        status = ct__reverse(&w, y, gy);
    if (status == CT_OK)
        status = hand_out(x, n, flags, gx);
    ct__walk_end(&w, y);
    for (int i = 0; i < n; i++) {
        x[i]->flags &= (uint16_t)~CT__TARGET;
        ct__unhandle(x[i]);
        if (status != CT_OK)
            gx[i] = NULL;
    }
    return status;
}

ct_status ct_grad(ct_tensor *y, ct_tensor *gy, ct_tensor *const *x, int n, unsigned flags,
                  ct_tensor **gx)
{
    for (int i = 0; gx && i < n; i++)
        gx[i] = NULL;
    if (!y || (n > 0 && !gx))
        return ct_fail(y ? y->cx : n > 0 && x && x[0] ? x[0]->cx : NULL, CT_ERROR_NULL,
                       "grad: %s is NULL", y ? "the room for the results" : "y");
    if (flags & ~(unsigned)(CT_CREATE_GRAPH | CT_REQUIRE_PATH | CT_ZERO_PATH))
        return ct_fail(y->cx, CT_ERROR_VALUE, "grad: unknown flags in 0x%x", flags);
    if (!gy && ct_error(y->cx) != CT_OK) /* it failed: it is not the default */
        return ct_error(y->cx);
    return ct__grad(y, gy, x, n, flags, gx);
}
