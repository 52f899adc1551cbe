/* The walk backward: two passes over everything that y depends on. Neither recurses or allocates:
 * their stacks are lists through the vertices' own fields.
 *
 * 1. discover: a vertex is needed if it is a target or if one of its inputs is needed. Needed
 *    vertices are marked IN_WALK, and count the uses that will bring them a cotangent. If every
 *    variable is a target, everything that requires grad is needed, and one visit each is enough.
 *    Else the pass goes depth first, and settles a vertex after all its inputs.
 * 2. reverse: a stack of vertices whose cotangent is complete. Each vertex applies its rule once
 * and
 *    hands the results to its inputs. An input is complete after its last use.
 *
 * For y = f(u, v), u = g(x), v = h(x):  gx = gu . dg/dx + gv . dh/dx: the sum over uses is the
 * engine's, the products are the rules'. */
#include "walk.h"

static bool is_target(const ct__walk *w, const ct_tensor *t)
{
    return t->flags & CT__TARGET || (w->leaves && !t->op);
}

static void push(ct_tensor **stack, ct_tensor *t)
{
    t->link = *stack;
    *stack = t;
}

/* All inputs of t are settled: is t needed too? Each input that is needed gets one more use. */
static void settle(const ct__walk *w, ct_tensor *t)
{
    ct_tensor **x = ct__inputs(t);
    bool needed = is_target(w, t);
    t->pending = 0;
    for (uint32_t i = 0; i < t->input_count; i++)
        if (ct__needs(w, x[i])) {
            needed = true;
            x[i]->pending++;
        }
    if (needed)
        t->flags |= CT__IN_WALK;
}

/* Puts t into the walk. False: another walk has it. Then it is left alone, so that ct__walk_end
 * touches only what is ours. */
static bool join(const ct__walk *w, ct_tensor *t, uint16_t flag, ct_tensor **stack)
{
    if (t->flags & CT__IN_WALK)
        return false;
    t->flags |= flag;
    t->mark = w->mark;
    t->pending = 0;
    push(stack, t);
    return true;
}

/* Returns a vertex that another walk has, or that is cut, if it meets one; else NULL. */
static const ct_tensor *discover_all(ct__walk *w, ct_tensor *top)
{
    const ct_tensor *clash = NULL;
    for (ct_tensor *t; (t = top);) {
        ct_tensor **x = ct__inputs(t);
        bool leads_on = !t->op;
        top = t->link;
        if (ct__is_cut(t))
            clash = t;
        for (uint32_t i = 0; i < t->input_count; i++) {
            if (!(x[i]->flags & CT__REQUIRES_GRAD))
                continue;
            leads_on = true;
            if (x[i]->mark == w->mark || join(w, x[i], CT__IN_WALK, &top))
                x[i]->pending++;
            else
                clash = x[i];
        }
        w->ends = w->ends || !leads_on;
    }
    return clash;
}

static const ct_tensor *discover_some(const ct__walk *w, ct_tensor *top)
{
    const ct_tensor *clash = NULL;
    while (top) {
        ct_tensor *t = top;
        if (t->pending == t->input_count) { /* in this pass `pending` counts the inputs looked at */
            top = t->link;
            if (ct__is_cut(t))
                clash = t;
            settle(w, t);
            continue;
        }
        ct_tensor *x = ct__inputs(t)[t->pending++];
        if (x->flags & CT__REQUIRES_GRAD && x->mark != w->mark && !join(w, x, 0, &top) && !w->stops)
            clash = x;
    }
    return clash;
}

ct_status ct__refuse_cut(const ct__walk *w)
{
    return ct_fail(w->cx, CT_ERROR_GRAPH, "%s: y depends on the result of ct_program_run, which "
                   "has no graph: walk in the program's function, or ct_detach the result", w->who);
}

ct_status ct__discover(ct__walk *w, ct_tensor *y)
{
    ct_tensor *top = NULL;
    const ct_tensor *clash = y;
    if (join(w, y, w->leaves ? CT__IN_WALK : 0, &top))
        clash = w->leaves ? discover_all(w, top) : discover_some(w, top);
    if (!clash)
        return CT_OK;
    if (ct__is_cut(clash))
        return ct__refuse_cut(w);
    return ct_fail(w->cx, CT_ERROR_GRAPH, "%s: a walk is already under way over %s", w->who,
                   clash->op ? clash->op->name : "this variable");
}

/* Takes t out of the walk, with what it still has of it. */
static void take_out(ct_tensor *t)
{
    t->flags &= (uint16_t) ~(CT__IN_WALK | CT__QUEUED);
    ct__drop_cotangents(t);
}

/* Takes out all vertices that are still in the walk, finished or not. An unfinished one has an
 * unfinished use above it, up to one on the stack: so going down from the stack finds all. */
static void take_out_all(ct__walk *w)
{
    for (ct_tensor *t; (t = w->ready);) {
        w->ready = t->link;
        take_out(t);
        for (uint32_t i = 0; i < t->input_count; i++) {
            ct_tensor *x = ct__inputs(t)[i];
            if (ct__needs(w, x) && !(x->flags & CT__QUEUED)) {
                x->flags |= CT__QUEUED;
                push(&w->ready, x);
            }
        }
    }
    for (ct_tensor *t; (t = w->done);) {
        w->done = t->link;
        take_out(t);
    }
}

/* One of t's uses is finished. With the last one t's cotangent is complete (perhaps it is none). */
static void finish_use(ct__walk *w, ct_tensor *t)
{
    if (--t->pending == 0) {
        t->flags |= CT__QUEUED;
        push(&w->ready, t);
    }
}

static bool needs_rule(const ct__walk *w, const ct_tensor *t)
{
    for (uint32_t i = 0; i < t->input_count; i++)
        if (ct__needs(w, ct__inputs(t)[i]))
            return true;
    return false;
}

static ct_status run_hooks(ct__walk *w, ct_tensor *t)
{
    for (ct__hook *hook = t->extra->hooks; hook && t->cotangent; hook = hook->next) {
        ct__frame f;
        ct__enter(w, &f, w->create_graph);
        ct__tell(w->cx, "a hook");
        ct_tensor *g = hook->call(t->cotangent, hook->user);
        bool fits = g && ct__usable(g, "hook") && g->cx == w->cx && g->dtype == t->dtype &&
                    ct__same_shape(g, t);
        if (fits && !w->create_graph && g->flags & CT__REQUIRES_GRAD)
            g = ct_detach(g);
        if (fits && g) {
            ct__handle(g);
            ct__unhandle(t->cotangent);
            t->cotangent = g;
        }
        ct__leave(w, &f);
        if (fits && g)
            continue;
        ct_fail(w->cx, CT_ERROR_CALLBACK, "%s: a hook %s", w->who,
                g ? "returned a cotangent of another shape or dtype" : "failed");
        return ct_error(w->cx);
    }
    return CT_OK;
}

/* Runs t's hooks, and its rule if an input waits for what it gives; `last` says that perhaps none
 * does. */
static inline ct_status pass_on(ct__walk *w, ct_call *call, ct_tensor *t, bool last)
{
    ct_status status = CT_OK;
    if (w->watch)
        status = w->watch->complete(w->watch, t);
    else if (t->extra && t->extra->hooks)
        status = run_hooks(w, t);
    if (status != CT_OK || (last && !needs_rule(w, t)))
        return status;
    return ct__reverse_vertex(w, call, t);
}

/* Frees a rule's temporaries, and takes back the modes that it may have set. */
static inline void clear(const ct__walk *w, ct__frame *f)
{
    ct_context *cx = w->cx;
    if (cx->scope != &f->scope || f->scope.tensors || f->scope.texts)
        ct__scope_empty(cx, &f->scope);
    cx->recording = w->create_graph;
    cx->inference = f->scope.inference;
}

static ct_status reverse_all(ct__walk *w, ct__frame *f)
{
    ct_call call;
    call.cx = w->cx;
    call.recording = call.moved = false;
    call.batch = w->batch;
    call.apart = w->watch != NULL;
    for (ct_tensor *t; (t = w->ready);) {
        bool target = is_target(w, t);
        ct_status status = pass_on(w, &call, t, target || w->ends);
        clear(w, f);
        if (status != CT_OK)
            return status; /* t is still on the stack: ct__walk_end starts there */
        w->ready = t->link;
        ct_tensor **x = ct__inputs(t);
        for (uint32_t i = 0; i < t->input_count; i++)
            if (ct__needs(w, x[i]))
                finish_use(w, x[i]);
        if (target) { /* it stays in the walk to the end, since others may need its fields */
            push(&w->done, t);
            continue;
        }
        t->flags &= (uint16_t) ~(CT__IN_WALK | CT__QUEUED);
        if (t->cotangent || t->flags & CT__HIDDEN)
            ct__drop_cotangents(t);
    }
    return CT_OK;
}

static ct_status reverse(ct__walk *w)
{
    ct__frame f;
    ct__enter(w, &f, w->create_graph);
    ct_status status = reverse_all(w, &f);
    ct__leave(w, &f);
    return status;
}

/* The cotangent that the walk starts with: gy, or one. The walk has a handle of its own on it. */
static ct_tensor *first_cotangent(const ct__walk *w, ct_tensor *y, ct_tensor *gy)
{
    if (gy) {
        bool cut = gy->flags & CT__REQUIRES_GRAD && !w->create_graph;
        ct_tensor *g = cut ? ct__alias(gy) : gy;
        if (g)
            ct__handle(g);
        return g;
    }
    ct_tensor *one = ct__tensor_new(w->cx, &(ct__layout){ .dtype = y->dtype, .ndim = y->ndim,
                                                          .shape = ct__shape(y) });
    if (!one)
        return NULL;
    ct__store(one->data, y->dtype, 1);
    ct__handle(one);
    return ct__tell_made(one);
}

ct__walk ct__walk_begin(ct_tensor *y, const char *who)
{
    ct_context *cx = y->cx;
    if (++cx->walks == 0) /* 0 is the mark of vertices that no walk has seen */
        cx->walks = 1;
    ct__handle(y); /* a hook may release it */
    return (ct__walk){ .cx = cx, .who = who, .mark = cx->walks,
                      .reuses = !cx->find_nonfinite };
}

ct_status ct__reverse(ct__walk *w, ct_tensor *y, ct_tensor *gy)
{
    if (!ct__needs(w, y))
        return CT_OK;
    y->flags |= CT__QUEUED;
    push(&w->ready, y);
    y->cotangent = first_cotangent(w, y, gy);
    return y->cotangent ? reverse(w) : CT_ERROR_MEMORY;
}

void ct__walk_end(ct__walk *w, ct_tensor *y)
{
    if (!w->ready && !w->done && ct__needs(w, y)) { /* it failed before it began */
        y->flags |= CT__QUEUED;
        push(&w->ready, y);
    }
    take_out_all(w);
    ct__unhandle(y);
}
