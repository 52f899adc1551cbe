/* ct_backward and ct_grad: where a walk starts, and where the cotangents that it brings go. */
#include "walk.h"

/* The error of a gy that does not fit y; a NULL gy does not fit because y is not one number. */
CT__COLD static ct_status refuse_start(const char *who, const ct_tensor *y, const ct_tensor *gy)
{
    char is[200], wants[200];
    ct__tensor_print(wants, sizeof wants, y, true);
    if (!gy)
        return ct_fail(y->cx, CT_ERROR_SHAPE,
                       "%s: %s has %lld elements, not one: a cotangent must be given", who, wants,
                       (long long)y->count);
    if (gy->cx != y->cx)
        return ct_fail(y->cx, CT_ERROR_CONTEXT, "%s: the cotangent is of another context", who);
    ct__tensor_print(is, sizeof is, gy, true);
    return ct_fail(y->cx, gy->dtype == y->dtype ? CT_ERROR_SHAPE : CT_ERROR_DTYPE,
                   "%s: the cotangent must be of %s, and is %s", who, wants, is);
}

static ct_status check_start(const char *who, const ct_tensor *y, const ct_tensor *gy)
{
    if (!ct__alive(y, who) || (gy && !ct__usable(gy, who)))
        return CT_ERROR_STALE;
    bool fits = gy ? gy->cx == y->cx && gy->dtype == y->dtype && ct__same_shape(gy, y)
                   : y->count == 1;
    return fits ? CT_OK : refuse_start(who, y, gy);
}

/* -- ct_backward: into the gradients of variables, all or none */
/* Does what can fail. A cotangent that becomes the gradient, or that is one already, needs a buffer
 * of its own. */
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
        ct_tensor *own = ct__copy(g);
        if (!own)
            return CT_ERROR_MEMORY;
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
            ct__tell_graded(t, g);
            continue;
        }
        ct__tell_asked(t);
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

ct_status ct__watch_backward(const char *who, ct_tensor *y, ct_tensor *gy, ct__watch *watch)
{
    ct_status status = check_start(who, y, gy);
    if (status != CT_OK)
        return status;
    ct__walk w = ct__walk_begin(y, who);
    w.leaves = true;
    w.reuses = false;
    w.watch = watch;
    status = ct__discover(&w, y);
    if (status == CT_OK)
        status = ct__reverse(&w, y, gy);
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

static ct_status check_addition(const ct_tensor *x, const ct_tensor *g)
{
    const char *who = "add_gradient";
    char is[200], wants[200];
    if (!x || !g)
        return ct_fail(x ? x->cx : g ? g->cx : NULL, CT_ERROR_NULL, "%s: %s is NULL", who,
                       x ? "the gradient" : "the variable");
    if (!ct__alive(x, who) || !ct__usable(g, who))
        return CT_ERROR_STALE;
    if (g->cx != x->cx)
        return ct_fail(x->cx, CT_ERROR_CONTEXT, "%s: the gradient is of another context", who);
    ct__tensor_print(wants, sizeof wants, x, true);
    if (x->op || !(x->flags & CT__REQUIRES_GRAD))
        return ct_fail(x->cx, CT_ERROR_GRAPH, "%s: %s must be a variable", who, wants);
    ct__tensor_print(is, sizeof is, g, true);
    if (g->dtype != x->dtype || !ct__same_shape(g, x))
        return ct_fail(x->cx, g->dtype == x->dtype ? CT_ERROR_SHAPE : CT_ERROR_DTYPE,
                       "%s: the gradient must be of %s, and is %s", who, wants, is);
    return CT_OK;
}

ct_status ct_add_gradient(ct_tensor *x, ct_tensor *g)
{
    ct_status status = check_addition(x, g);
    if (status != CT_OK)
        return status;
    ct__extra *extra = ct__extra_of(x);
    if (!extra)
        return CT_ERROR_MEMORY;
    ct_tensor *grad = extra->grad;
    if (grad) {
        ct__tell_asked(x);
        ct__add_into(grad, g);
        grad->buffer->version++;
        grad->buffer->writer = "add_gradient";
        return CT_OK;
    }
    grad = ct__copy(g);
    if (!grad)
        return CT_ERROR_MEMORY;
    ct__handle(grad);
    grad->buffer->gradient = true;
    extra->grad = grad;
    ct__tell_graded(x, grad);
    return CT_OK;
}

/* -- ct_grad: the targets' cotangents are handed out */
static ct_status check_targets(const char *who, ct_tensor *y, ct_tensor *const *x, int n)
{
    if (n < 0 || (n > 0 && !x))
        return ct_fail(y->cx, CT_ERROR_NULL, "%s: no tensors to differentiate by", who);
    for (int i = 0; i < n; i++) {
        if (!x[i])
            return ct_fail(y->cx, CT_ERROR_NULL, "%s: x%d is NULL", who, i);
        if (!ct__alive(x[i], who))
            return CT_ERROR_STALE;
        if (x[i]->cx != y->cx)
            return ct_fail(y->cx, CT_ERROR_CONTEXT, "%s: x%d is of another context", who, i);
        if (x[i]->flags & CT__IN_WALK)
            return ct_fail(y->cx, CT_ERROR_GRAPH, "%s: a walk is already under way over x%d", who,
                           i);
    }
    return CT_OK;
}

static ct_status check_paths(const ct__walk *w, ct_tensor *const *x, int n, unsigned flags)
{
    char text[200];
    for (int i = 0; i < n && flags & CT_REQUIRE_PATH; i++)
        if (!ct__needs(w, x[i])) {
            ct__tensor_print(text, sizeof text, x[i], false);
            return ct_fail(w->cx, CT_ERROR_GRAPH, "%s: y does not depend on x%d, %s", w->who, i,
                           text);
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

/* A y that depends on no variable is an error: most often CT_CREATE_GRAPH was forgotten. */
static ct_status check_depends(const ct__how *how, const ct_tensor *y)
{
    bool zeros = (how->flags & (CT_ZERO_PATH | CT_REQUIRE_PATH)) == CT_ZERO_PATH;
    if (y->flags & CT__REQUIRES_GRAD || zeros)
        return CT_OK;
    return ct_fail(y->cx, CT_ERROR_GRAPH,
                   "%s: y requires no grad: it depends on no variable, or was made under "
                   "ct_no_grad, or is a gradient that was taken without CT_CREATE_GRAPH "
                   "(CT_ZERO_PATH gives zeros)", how->who);
}

ct_status ct__grad_as(const ct__how *how, ct_tensor *y, ct_tensor *gy, ct_tensor *const *x, int n,
                      ct_tensor **gx)
{
    unsigned flags = how->flags;
    for (int i = 0; i < n; i++)
        gx[i] = NULL;
    ct_status status = how->flags & CT__BATCH ? CT_OK : check_start(how->who, y, gy);
    if (status == CT_OK)
        status = check_targets(how->who, y, x, n);
    if (status == CT_OK)
        status = check_depends(how, y);
    if (status != CT_OK)
        return status;
    ct__walk w = ct__walk_begin(y, how->who);
    w.create_graph = flags & CT_CREATE_GRAPH;
    w.batch = flags & CT__BATCH ? ct__shape(gy)[0] : 0;
    w.reuses = w.reuses && !w.create_graph && !w.batch;
    w.stops = flags & CT__STOPS;
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
