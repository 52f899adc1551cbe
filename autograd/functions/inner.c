/* Functions that run inside a rule: their arguments, what they capture, and their derivatives. */
#include <string.h>

#include "inner.h"

ct_tensor **ct__arguments(ct_context *cx, ct_tensor *const *x, int n, bool linked)
{
    ct_tensor **out = (void *)ct__scope_chars(cx, ((size_t)n + 1) * sizeof *out);
    for (int i = 0; out && i < n; i++) {
        bool grad = x[i]->flags & CT__REQUIRES_GRAD;
        out[i] = linked && grad ? ct_broadcast_to(x[i], ct__shape(x[i]), x[i]->ndim)
                                : ct_detach(x[i]);
        if (!out[i])
            return NULL;
        if (!linked && grad)
            ct_variable(out[i]);
    }
    return out;
}

/* -- What a function captures */
/* a list of tensors in the scope's memory */
typedef struct list {
    ct_tensor **x;
    int n, room;
} list;

static ct_status append(ct_context *cx, list *list, ct_tensor *x)
{
    if (list->n == list->room) {
        int room = 2 * list->room + 16;
        ct_tensor **more = (void *)ct__scope_chars(cx, (size_t)room * sizeof *more);
        if (!more)
            return CT_ERROR_MEMORY;
        if (list->n > 0)
            memcpy(more, list->x, (size_t)list->n * sizeof *more);
        list->x = more;
        list->room = room;
    }
    list->x[list->n++] = x;
    return CT_OK;
}

static bool contains(const list *list, int from, const ct_tensor *x)
{
    for (int i = from; i < list->n; i++)
        if (list->x[i] == x)
            return true;
    return false;
}

/* Gives a mark of its own to everything that the scope, and those inside it, have now. */
static uint32_t mark_inside(ct_context *cx, const ct__scope *scope)
{
    const uint32_t inside = ++cx->walks;
    for (const ct__scope *s = cx->scope;; s = s->outer) {
        for (ct_tensor *t = s->tensors; t; t = t->next)
            if (!(t->flags & CT__IN_WALK))
                t->mark = inside;
        if (s == scope)
            return inside;
    }
}

/* The function had a handle on what it captured. What it made itself has a handle in the scope, or
 * has lost all, and stays alive as a vertex only. */
static bool is_captured(const ct_tensor *t, uint32_t inside)
{
    return t->handles > 0 && (!t->op || t->mark != inside);
}

/* Goes depth first from y to what it captured, which is put behind the list. */
static ct_status find_captured(const ct__staged *run, list *list)
{
    ct_context *cx = run->stage->cx;
    const int first = list->n;
    const uint32_t inside = mark_inside(cx, &run->stage->scope), seen = ++cx->walks;
    ct_tensor *top = NULL, *next = run->value;
    for (int i = 0; i < first; i++)
        run->arguments[i]->mark = seen;
    while (next) {
        bool look = next->flags & CT__REQUIRES_GRAD && next->mark != seen;
        bool end = look && is_captured(next, inside);
        if (end && !contains(list, first, next) && append(cx, list, next) != CT_OK)
            return CT_ERROR_MEMORY;
        if (look && !end) {
            next->mark = seen;
            next->pending = 0; /* it counts the inputs looked at */
            next->link = top;
            top = next;
        }
        while (top && top->pending == top->input_count)
            top = top->link;
        next = top ? ct__inputs(top)[top->pending++] : NULL;
    }
    return CT_OK;
}

ct_tensor *ct__apply_captured(const ct_op *op, const void *attributes, const ct__staged *run)
{
    ct_context *cx = run->stage->cx;
    list inputs = { NULL, 0, 0 };
    ct_status status = CT_OK;
    ct_tensor *y = NULL;
    for (int i = 0; i < run->stage->n && status == CT_OK; i++)
        status = append(cx, &inputs, run->x[i]);
    if (status == CT_OK && run->value->flags & CT__REQUIRES_GRAD) {
        status = find_captured(run, &inputs);
        y = status == CT_OK ? ct_apply(op, attributes, inputs.x, inputs.n) : NULL;
    } else if (status == CT_OK) {
        y = ct_detach(run->value);
    }
    if (y)
        ct__handle(y);
    return y;
}

/* -- A walk that ends at its targets */
/* what a walk changes in a tensor, and what makes it more than an end */
typedef struct end {
    uint16_t flags;
    uint32_t mark, pending, input_count;
    ct_tensor *link, *cotangent;
    ct__hook *hooks;
} end;

static void make_end(ct_tensor *t, end *e)
{
    *e = (end){ t->flags, t->mark, t->pending, t->input_count, t->link, t->cotangent,
                t->extra ? t->extra->hooks : NULL };
    t->flags &= (uint16_t) ~(CT__IN_WALK | CT__QUEUED | CT__TARGET);
    t->cotangent = NULL;
    t->input_count = 0;
    if (t->extra)
        t->extra->hooks = NULL;
}

static void put_back(ct_tensor *t, const end *e)
{
    const uint16_t walk = CT__IN_WALK | CT__QUEUED | CT__TARGET;
    t->flags = (uint16_t)((t->flags & ~walk) | (e->flags & walk));
    t->mark = e->mark;
    t->pending = e->pending;
    t->input_count = e->input_count;
    t->link = e->link;
    t->cotangent = e->cotangent;
    if (e->hooks)
        t->extra->hooks = e->hooks;
}

ct_status ct__grad_within(const ct__how *how, ct_tensor *y, ct_tensor *gy, ct_tensor *const *x,
                          int n, ct_tensor **gx)
{
    end *ends = (void *)ct__scope_chars(y->cx, ((size_t)n + 1) * sizeof *ends);
    if (!ends)
        return CT_ERROR_MEMORY;
    for (int i = 0; i < n; i++)
        make_end(x[i], &ends[i]);
    ct__how stops = { how->who, how->flags | CT__STOPS };
    ct_status status = ct__grad_as(&stops, y, gy, x, n, gx);
    for (int i = n - 1; i >= 0; i--) /* if one is there twice, its first state is put back last */
        put_back(x[i], &ends[i]);
    return status;
}

ct_status ct__captured_vjp(const ct_call *call, ct_tensor *y, ct_tensor *gy,
                           ct_tensor *const *arguments, int n, ct_tensor **gx)
{
    ct_context *cx = call->cx;
    const size_t bytes = ((size_t)call->n + 1) * sizeof *gx;
    ct_tensor **x = (void *)ct__scope_chars(cx, bytes), **g = (void *)ct__scope_chars(cx, bytes);
    int wanted = 0;
    if (!x || !g)
        return CT_ERROR_MEMORY;
    for (int i = 0; i < call->n; i++)
        if (ct__wants(call, i))
            x[wanted++] = i < n ? arguments[i] : call->x[i];
    ct__how how = { call->op->name, cx->recording ? CT__RECORDED : CT_ZERO_PATH };
    ct_status status = ct__grad_within(&how, y, gy, x, wanted, g);
    for (int i = call->n - 1; i >= 0 && status == CT_OK; i--)
        if (ct__wants(call, i))
            gx[i] = g[--wanted];
    return status;
}
