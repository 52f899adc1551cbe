/* Noting: an ordinary run, to which a plan listens. Nothing is kept alive by it, so the run takes
 * what an eager one takes, and the engine decides as it would. */
#include <string.h>

#include "programs.h"
#include "rows.h"
#include "run.h"

/* A step of that act, no longer than it must be: these are most of those that are not called. */
static ct__step *step_new(ct__plan *p, ct__act act)
{
    size_t bytes = act == CT__SET_GRAD || act == CT__ZERO_GRAD
                       ? offsetof(ct__step, x) + sizeof(ct_tensor *)
                   : act == CT__LOAD ? offsetof(ct__step, y)
                                     : offsetof(ct__step, recording) + sizeof(bool);
    return ct__step_new(p, act, bytes);
}

/* with a copy of the call, whose operands are still those of the run */
static ct__step *step_for(ct__plan *p, const ct_call *call)
{
    size_t bytes = call->aux_count > 0
                       ? offsetof(ct_call, aux) + (size_t)call->aux_count * sizeof call->aux[0]
                       : offsetof(ct_call, y) + (size_t)call->outputs * sizeof call->y[0];
    size_t size = call->op->attributes_size;
    ct__step *s = ct__step_new(p, CT__RUN, offsetof(ct__step, call) + bytes);
    void *attributes = s ? ct__plan_take(p, size) : NULL;
    if (!attributes)
        return NULL;
    ct__mix(p, (uint64_t)(uintptr_t)call->op);
    ct__mix(p, call->adds ^ (uint64_t)call->recording);
    ct__mix_bytes(p, &p->step_hash, call->attributes, size);
    memcpy(&s->call, call, bytes);
    if (size > 0)
        memcpy(attributes, call->attributes, size);
    s->call.attributes = attributes;
    s->call.cx = p->cx;
    s->call.vertex = NULL;
    s->call.moved = s->call.apart = false;
    s->call.batch = 0;
    return s;
}

/* What a kernel needed for itself, if it was much, lies in the arena in a replay. */
static void note_scratch(ct__plan *p, ct__step *s)
{
    size_t bytes = p->from->scratched;
    ct__slot *slot = bytes >= 4096 ? ct__slot_new(p, CT__ARENA, (int64_t)bytes) : NULL;
    if (!slot)
        return;
    slot->written = true;
    s->spare = slot;
    s->spare_bytes = bytes;
}

static ct_tensor *operand(ct__plan *p, const ct_tensor *t, int use, bool wanted)
{
    if (!t || ct__is_over(p))
        return NULL;
    ct__slot *s = t->buffer ? ct__slot_of(p, t, use) : NULL; /* or there is a shape alone */
    return s || !t->buffer ? ct__plan_header(p, s, t, wanted) : NULL;
}

static ct_tensor **operands(ct__plan *p, ct_tensor *const *t, int n, int use)
{
    ct_tensor **all = ct__plan_take(p, (size_t)(n + 1) * sizeof(ct_tensor *));
    for (int i = 0; all && i < n; i++)
        all[i] = operand(p, t[i], use, false);
    return all;
}

static void forward(ct__plan *p, ct__step *s, const ct_call *call)
{
    int use = call->outputs > 0 ? CT__READ : CT__READ | CT__WRITTEN;
    s->call.x = operands(p, call->x, call->n, use);
    for (int i = 0; i < call->outputs; i++)
        s->call.y[i] = operand(p, call->y[i], CT__WRITTEN, false);
    for (int i = 0; i < call->aux_count; i++)
        s->call.aux[i] = operand(p, call->aux[i], CT__WRITTEN, false);
}

static void backward(ct__plan *p, ct__step *s, const ct_call *call, ct_tensor *const *gy,
                     ct_tensor *const *gx)
{
    ct_tensor **x = ct__plan_take(p, (size_t)(call->n + 1) * sizeof(ct_tensor *));
    for (int i = 0; x && i < call->n; i++)
        x[i] = operand(p, call->x[i], CT__READ, ct__wants(call, i));
    s->call.x = x;
    s->call.vertex = p->vertex;
    for (int i = 0; i < call->outputs; i++)
        s->call.y[i] = operand(p, call->y[i], CT__READ, false);
    for (int i = 0; i < call->aux_count; i++)
        s->call.aux[i] = operand(p, call->aux[i], CT__READ, false);
    s->gy = operands(p, gy, call->outputs, CT__READ);
    for (int i = 0; i < call->n && i < 64; i++)
        if (gx[i] && call->adds >> i & 1)
            operand(p, gx[i], CT__READ, false);
    for (int i = 0; i < call->n; i++)
        if (gx[i]) /* it is an ordinary gradient in a replay */
            ct__rows_drop(gx[i]);
    s->gx = operands(p, gx, call->n, CT__WRITTEN);
}

static void called(ct__plan *p, const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ct__step *s = step_for(p, call);
    if (!s)
        return;
    note_scratch(p, s);
    if (gx)
        backward(p, s, call, gy, gx);
    else
        forward(p, s, call);
}

static CT__APART void copied(ct__plan *p, const ct_call *call)
{
    ct_call copy = { .cx = p->cx, .op = &ct__copy_op, .n = 1, .outputs = 1 };
    copy.x = call->attributes;
    copy.y[0] = call->y[0];
    called(p, &copy, NULL, NULL);
}

static void ran(ct__listener *l, const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx,
                const ct__kernel_list *list)
{
    ct__plan *p = ((ct__noting *)l)->plan;
    const ct_op *op = call->op;
    if (ct__is_over(p))
        return;
    if (!gx && !op->forward) { /* a view */
        ct__slot_of(p, call->x[0], CT__READ);
        return;
    }
    if (!gx && op->flags & CT__OP_COPIES)
        copied(p, call);
    else if (op->drop)
        ct__stay_eager(p, op->name);
    else if (!ct__note_kernels(p, call, gy, gx, list))
        called(p, call, gy, gx);
}

static void made(ct__listener *l, ct_tensor *t)
{
    ct__plan *p = ((ct__noting *)l)->plan;
    size_t bytes = (size_t)t->count * ct__dtype_size(t->dtype);
    ct__slot *s = ct__is_over(p) ? NULL : ct__slot_known(p, t->buffer);
    if (ct__is_over(p))
        return;
    if (!s) {
        ct__step *step = step_new(p, CT__LOAD);
        s = step ? ct__slot_for(p, CT__CONSTANT, t->buffer) : NULL;
        if (!s)
            return;
        step->slot = s;
        s->content = ct__plan_take(p, bytes > 16 ? bytes + 63 : 16);
        if (bytes > 16)
            s->content = (void *)(((uintptr_t)s->content + 63) / 64 * 64);
        step->from = s->content;
        step->bytes = (size_t)s->bytes;
    }
    if (s->kind != CT__CONSTANT)
        ct__stay_eager(p, "a tensor that was made twice");
    else if (s->content)
        memcpy(s->content, t->data, bytes);
    ct__mix_bytes(p, &p->made, t->data, bytes);
}

static void filled(ct__listener *l, ct__fill *fill, ct_tensor *y, ct_tensor *x,
                   const void *attributes, size_t bytes)
{
    ct__plan *p = ((ct__noting *)l)->plan;
    ct__step *s = step_new(p, CT__FILL);
    void *copy = s ? ct__plan_take(p, bytes) : NULL;
    if (!copy)
        return;
    if (bytes > 0)
        memcpy(copy, attributes, bytes);
    ct__mix_bytes(p, &p->step_hash, attributes, bytes);
    ct__mix(p, (uint64_t)(uintptr_t)fill);
    s->attributes = copy;
    s->fill = fill;
    s->bytes = bytes;
    s->x = operand(p, x, CT__READ, false);
    s->y = operand(p, y, CT__WRITTEN, false); /* a part of it may stay what it was */
}

/* -- Gradients of variables */
static ct__graded *graded_of(ct__plan *p, ct_tensor *x)
{
    for (ct__graded *g = p->graded; g; g = g->next)
        if (g->x == x)
            return g;
    ct__graded *g = ct__is_over(p) ? NULL : ct__plan_take(p, sizeof *g);
    if (!g)
        return NULL;
    *g = (ct__graded){ .next = p->graded, .x = x };
    p->graded = g;
    ct__handle(x);
    x->handles += CT__PROGRAM - 1;
    return g;
}

static void graded(ct__listener *l, ct_tensor *x, ct_tensor *gradient)
{
    ct__plan *p = ((ct__noting *)l)->plan;
    ct__step *s = step_new(p, gradient ? CT__SET_GRAD : CT__ZERO_GRAD);
    ct__graded *g = s ? graded_of(p, x) : NULL;
    if (!g)
        return;
    s->x = x;
    ct__mix(p, (uint64_t)(uintptr_t)x);
    p->grades = true;
    g->first_set = g->first_set || (gradient && !g->set);
    g->set = true;
    ct__slot *slot = gradient ? ct__slot_of(p, gradient, CT__READ) : NULL;
    if (!slot)
        return;
    ct_tensor *header = ct__plan_header(p, slot, gradient, false);
    if (slot->kind != CT__ARENA && slot->kind != CT__CONSTANT && slot->kind != CT__FRESH)
        ct__stay_eager(p, "a gradient that is not the run's own");
    slot->kind = CT__FRESH;
    slot->graded = true;
    slot->as = slot->as ? slot->as : header;
    s->slot = slot;
    ct__mix_place(p, slot, 0);
}

/* x has a gradient from before the run */
static void held(ct__plan *p, ct__graded *g, const ct_tensor *gradient)
{
    if (g->set || !ct__whole(gradient)) {
        ct__stay_eager(p, "a gradient that is not the run's own");
        return;
    }
    ct__slot *s = ct__is_over(p) ? NULL : ct__slot_for(p, CT__HELD, gradient->buffer);
    if (s)
        s->as = g->x;
    g->held = true;
}

/* f looked at x's gradient: there is one of the run's own, or one from before, or there is none. */
static void asked(ct__listener *l, ct_tensor *x)
{
    ct__plan *p = ((ct__noting *)l)->plan;
    const ct_tensor *gradient = x->extra ? x->extra->grad : NULL;
    ct__graded *g = graded_of(p, x);
    if (g && gradient && !ct__slot_known(p, gradient->buffer))
        held(p, g, gradient);
    else if (g && !gradient && !g->set)
        g->first_set = true;
}

/* What is made in the run may be retained for a while in it. */
static void retained(ct__listener *l, const ct_tensor *t, int by)
{
    ct__noting *note = (ct__noting *)l;
    const ct__slot *s = t->buffer ? ct__slot_known(note->plan, t->buffer) : NULL;
    if (!ct__is_over(note->plan) && (!s || s->kind == CT__LEAF))
        ct__stay_eager(note->plan, by > 0 ? "retain" : "release");
    note->retained += by;
}

static void again(ct__listener *l, ct_status (*call)(void *user), void *user)
{
    ct__plan *p = ((ct__noting *)l)->plan;
    ct__step *s = step_new(p, CT__AGAIN);
    if (!s)
        return;
    s->again = call;
    s->user = user;
    ct__gathered_forget(p, NULL);
    ct__mix(p, (uint64_t)(uintptr_t)call);
    ct__mix(p, (uint64_t)(uintptr_t)user);
    p->calls = true;
    ct__object_called(user);
    s->recording = p->cx->recording;
}

static void streamed(ct__listener *l, bool back)
{
    ct__plan *p = ((ct__noting *)l)->plan;
    ct__stream *at = p->streams;
    while (at && (at->draws != p->from->draws || at->seed != p->from->seed))
        at = at->next;
    if (back && !at)
        ct__stay_eager(p, "checkpoint"); /* of before the run */
    if (at && !back) /* how much is drawn depends on shapes alone */
        return;
    ct__step *s = step_new(p, back ? CT__TAKE_STREAM : CT__KEEP_STREAM);
    if (s && !at && (at = ct__plan_take(p, sizeof *at))) {
        *at = (ct__stream){ p->streams, p->from->seed, p->from->draws, 0 };
        p->streams = at;
    }
    if (s)
        s->stream = at;
}

static void other(ct__listener *l, const char *who)
{
    ct__stay_eager(((ct__noting *)l)->plan, who);
}

/* -- Before and after a run */
ct__noting ct__noting_begin(ct__plan *p)
{
    return (ct__noting){ { ran, made, filled, asked, graded, retained, again, streamed, other },
                         p, 0 };
}

void ct__note_arguments(ct__plan *p, ct_tensor *const *x, ct_tensor *const *in, int n)
{
    for (int i = 0; i < n; i++) {
        ct__slot *s = in[i] == x[i] ? NULL : ct__slot_for(p, CT__ARGUMENT, in[i]->buffer);
        if (s)
            s->argument = i;
    }
}

static void note_result(ct__plan *p, ct_tensor *y)
{
    ct__slot *s = ct__slot_of(p, y, CT__READ);
    ct_tensor *header = s ? ct__plan_header(p, s, y, false) : NULL;
    if (!header)
        return;
    p->results[p->result_count++] = header;
    if (s->kind == CT__ARENA || s->kind == CT__CONSTANT)
        s->kind = CT__FRESH;
    s->kept = true;
    if (s->kind == CT__FRESH && !s->as)
        s->as = header;
}

void ct__note_results(ct__plan *p, ct_tensor *const *y, int n)
{
    ct__step_close(p);
    p->results = ct__plan_take(p, (size_t)n * sizeof *p->results);
    for (int i = 0; i < n && !ct__is_over(p); i++)
        note_result(p, y[i]);
    ct__step_close(p);
}
