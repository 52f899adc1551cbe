/* A run of a plan. */
#include <string.h>

#include "programs.h"
#include "run.h"

bool ct__has_effects(const ct__plan *p)
{
    bool some = p->calls || p->grades;
    for (int i = 0; i < p->outer_count; i++)
        some = some || (p->outer[i]->written && p->outer[i]->kind != CT__FRESH);
    return some;
}

void ct__slot_point(ct__slot *s, ct__buffer *buffer, char *data)
{
    for (ct_tensor *h = s->headers; h; h = h->link) {
        h->buffer = buffer;
        h->data = data + ct__place_of(h)->offset;
    }
    if (s->patched == data) /* the pool often gives what it had got back */
        return;
    s->patched = data;
    for (const ct__patch *patch = s->patches; patch; patch = patch->next)
        *patch->at = data + patch->offset;
}

/* the new tensor of a slot, with a handle of ours */
static ct_tensor *fresh(ct__plan *p, ct__slot *s)
{
    ct_tensor *t = ct__shows_all(s->as, s)
                       ? ct__tensor_like(s->as, 0, 0)
                       : ct__tensor_new(p->cx, &(ct__layout){ .dtype = CT_BOOL, .ndim = 1,
                                                              .shape = &s->bytes });
    if (t)
        ct__handle(t);
    return t;
}

ct_tensor *ct__lend(ct_context *cx, const ct__slot *s)
{
    ct__borrow *borrow = ct__take(cx, sizeof *borrow);
    ct_tensor *t = !borrow ? NULL
                           : ct__tensor_around(cx, &(ct__layout){ .dtype = s->as->dtype,
                                                   .ndim = s->as->ndim,
                                                   .shape = ct__shape(s->as) }, s->as->data);
    if (!t) {
        ct__give_back(cx, borrow, sizeof *borrow);
        return NULL;
    }
    *borrow = (ct__borrow){ 0 };
    t->buffer->borrow = borrow;
    t->buffer->bytes = s->bytes;
    ct__handle(t);
    return t;
}

/* What was lent is still somebody's, as after a step that failed: it moves out of the arena. Where
 * memory lacks for that, its variable has no gradient, and for others the tensor is stale. */
static bool move_out(const ct__plan *p, ct_tensor *t)
{
    ct__buffer *b = t->buffer;
    void *data = ct__take(p->cx, ((size_t)b->bytes + 63) / 64 * 64);
    if (data) {
        t->data = b->data = memcpy(data, b->data, (size_t)b->bytes);
        ct__give_back(p->cx, b->borrow, sizeof *b->borrow);
        b->borrow = NULL;
        return true;
    }
    for (const ct__graded *g = p->graded; g; g = g->next)
        if (g->x->extra->grad == t) {
            g->x->extra->grad = NULL;
            ct__unhandle(t);
        }
    t->buffer = NULL;
    t->data = NULL;
    ct__buffer_drop(p->cx, b);
    return false;
}

static ct_status begin(ct__plan *p, ct_tensor *const *x)
{
    for (int i = 0; i < p->outer_count; i++) {
        ct__slot *s = p->outer[i];
        if (s->kind == CT__ARGUMENT) {
            char *data = x[s->argument]->data;
            s->own->data = data;
            s->own->read_only = x[s->argument]->buffer->read_only;
            ct__slot_point(s, s->own, data);
        } else if (s->kind == CT__FRESH) {
            s->now = fresh(p, s);
            if (!s->now)
                return CT_ERROR_MEMORY;
            ct__slot_point(s, s->now->buffer, s->now->data);
        } else if (s->kind == CT__LENT) {
            s->now = ct__lend(p->cx, s);
            if (!s->now)
                return CT_ERROR_MEMORY;
        } else if (s->kind == CT__HELD) {
            ct_tensor *g = s->as->extra->grad;
            s->now = g; /* it lives as long as the run, even if the variable lets go of it */
            ct__handle(g);
            ct__slot_point(s, g->buffer, g->data);
            g->buffer->version += s->written; /* a list of rows is in doubt by that */
        }
    }
    return CT_OK;
}

static ct_status set_gradient(const ct__step *s)
{
    ct_tensor *g = s->slot->now;
    if (s->x->extra->grad)
        return ct_fail(s->x->cx, CT_ERROR_STALE, "program: a gradient was set in the run");
    g->buffer->gradient = true;
    ct__handle(g);
    s->x->extra->grad = g;
    return CT_OK;
}

static ct_status run(ct__step *s, ct_context *cx)
{
    cx->writer = s->call.op->name;
    cx->spare = s->spare;
    cx->spare_bytes = s->spare_bytes;
    ct_status status = ct__run_kernel(&s->call, s->gy, s->gx);
    cx->spare_bytes = 0;
    return status;
}

static ct_status take_step(ct__step *s, ct_context *cx)
{
    switch ((ct__act)s->act) {
    case CT__GROUP:
        return ct__run_group(s, cx);
    case CT__RUN:
        return run(s, cx);
    case CT__LOAD:
    case CT__HAND:
        memcpy(s->to, s->from, s->bytes);
        return CT_OK;
    case CT__ZERO_GRAD:
        ct_zero_grad(s->x);
        return CT_OK;
    case CT__SET_GRAD:
        return set_gradient(s);
    case CT__FILL:
        return s->fill(s->y, s->x, s->attributes);
    case CT__KEEP_STREAM:
        s->stream->now = cx->draws;
        return CT_OK;
    case CT__TAKE_STREAM:
        cx->draws = s->stream->now;
        return CT_OK;
    case CT__AGAIN:
        cx->recording = s->recording;
        ct_status status = s->again(s->user);
        cx->recording = false;
        return status;
    default: /* CT__KERNEL: take_all */
        return CT_OK;
    }
}

/* over the caller's argument, a leaf, or a new tensor; with a handle of ours */
static ct_tensor *result_of(const ct__plan *p, const ct_tensor *h, ct_tensor *const *x)
{
    const ct__slot *s = ct__place_of(h)->slot;
    bool alone = s->now && s->now->handles == 1 && !s->graded; /* or it is another result, too */
    ct_tensor *t = alone && s->as == h && ct__shows_all(h, s) ? s->now : NULL;
    if (!t) {
        t = ct__tensor_over(p->cx, &(ct__layout){ .dtype = h->dtype, .ndim = h->ndim,
                                                  .shape = ct__shape(h),
                                                  .strides = ct__strides(h) });
        if (!t)
            return NULL;
        t->buffer = s->kind == CT__ARGUMENT ? x[s->argument]->buffer : h->buffer;
        t->buffer->refs++;
        t->data = h->data;
    }
    t->flags |= h->flags & (CT__READ_ONLY | CT__ZERO | CT__REQUIRES_GRAD);
    ct__handle(t);
    return t;
}

static ct_status take_all(ct__plan *p, ct__scope *scope)
{
    ct_context *cx = p->cx;
    ct_status status = CT_OK;
    cx->recording = false;
    for (ct__step *s = p->steps; status == CT_OK; s = s->next) {
        for (; s && s->act == CT__KERNEL; s = s->next)
            s->kernel(s->n, s->data[0], s->data + 1, s->arg);
        if (!s)
            break;
        status = take_step(s, cx);
        if (cx->scope != scope || scope->tensors || scope->texts)
            ct__scope_empty(cx, scope);
    }
    return status;
}

bool ct__hand_results(ct_tensor **y, int n, bool good)
{
    for (int i = 0; i < n; i++) {
        if (good)
            ct__to_scope(y[i]);
        ct__unhandle(y[i]);
        if (!good)
            y[i] = NULL;
    }
    return good;
}

bool ct__replay(ct__plan *p, ct_tensor *const *x, ct_tensor **y)
{
    ct_context *cx = p->cx;
    const char *writer = cx->writer;
    ct__scope scope;
    ct__scope_push(cx, &scope);
    bool good = begin(p, x) == CT_OK;
    memset(y, 0, (size_t)p->result_count * sizeof *y);
    for (int i = 0; i < p->result_count && good; i++) /* before something is written that stays */
        good = (y[i] = result_of(p, p->results[i], x)) != NULL;
    good = good && take_all(p, &scope) == CT_OK;
    ct__scope_pop(cx, &scope);
    cx->writer = writer;
    for (int i = 0; i < p->outer_count; i++) {
        ct__slot *s = p->outer[i];
        if (s->kind == CT__ARGUMENT && s->written)
            x[s->argument]->buffer->version++;
        if (s->kind == CT__LENT && s->now && s->now->handles > 1)
            good = move_out(p, s->now) && good;
        ct__unhandle(s->now);
        s->now = NULL;
    }
    p->runs += good;
    return ct__hand_results(y, p->result_count, good);
}
