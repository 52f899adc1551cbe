/* The walk backward: two passes over what y depends on, both iterative, threaded through the
 * vertices' own fields, so that neither allocates.
 *
 * 1. discover: depth first; a vertex is needed if it is a target or one of its inputs is needed.
 *    Needed vertices are marked IN_WALK, and count the uses that will bring them a cotangent.
 * 2. reverse: a stack of vertices whose cotangent is complete. Each applies its rule once and hands
 *    the results to its inputs, which become ready with their last use.
 *
 * For y = f(u, v), u = g(x), v = h(x):  gx = gu . dg/dx + gv . dh/dx: the sum over uses is the
 * engine's, the products are the rules'. */
#include <string.h>

#include "node.h"

typedef struct walk {
    ct_context *cx;
    const char *who;
    uint32_t mark;
    bool leaves; /* every variable is a target (ct_backward); else those flagged */
    bool create_graph;
    ct_tensor *ready; /* stack, through link */
    ct_tensor *done;  /* variables reached, through link */
} walk;

static bool needs(const walk *w, const ct_tensor *t)
{
    return t->flags & CT__IN_WALK && t->mark == w->mark;
}

static bool is_target(const walk *w, const ct_tensor *t)
{
    return t->flags & CT__TARGET || (w->leaves && !t->op);
}

static void push(ct_tensor **stack, ct_tensor *t)
{
    t->link = *stack;
    *stack = t;
}

/* ended with t: is it needed, and by which of its inputs? */
static void settle(const walk *w, ct_tensor *t)
{
    const ct__edge *edges = ct__edges(t);
    bool needed = is_target(w, t);
    t->pending = 0;
    for (uint32_t i = 0; i < ct__inputs(t); i++)
        if (needs(w, edges[i].x)) {
            needed = true;
            edges[i].x->pending++;
        }
    if (needed)
        t->flags |= CT__IN_WALK;
}

static ct_status discover(walk *w, ct_tensor *y)
{
    const ct_tensor *clash = NULL;
    ct_tensor *top = NULL;
    if (y->flags & CT__IN_WALK)
        clash = y;
    else
        y->mark = w->mark, y->pending = 0, push(&top, y);
    while (top) {
        ct_tensor *t = top;
        if (t->pending == ct__inputs(t)) { /* here `pending` counts the edges looked at */
            top = t->link;
            settle(w, t);
            continue;
        }
        ct_tensor *x = ct__edges(t)[t->pending++].x;
        if (!(x->flags & CT__REQUIRES_GRAD) || x->mark == w->mark)
            continue;
        if (x->flags & CT__IN_WALK) { /* left out, so that cleaning up finds only what is ours */
            clash = x;
            continue;
        }
        x->mark = w->mark, x->pending = 0, push(&top, x);
    }
    if (!clash)
        return CT_OK;
    return ct_fail(w->cx, CT_ERROR_GRAPH, "%s: a walk is already under way over %s", w->who,
                   clash->op ? clash->op->name : "this variable");
}

static void drop_cotangents(ct_tensor *t)
{
    ct__unhandle(t->cotangent);
    t->cotangent = NULL;
    for (int i = 0; t->flags & CT__HIDDEN && i < t->extra->outputs; i++) {
        ct__unhandle(t->extra->slots[i]);
        t->extra->slots[i] = NULL;
    }
}

/* Whatever is unfinished has an unfinished use above it, up to one on the stack: so a walk down from
 * the stack over unfinished vertices finds all. */
static void abandon(walk *w)
{
    for (ct_tensor *t; (t = w->ready);) {
        w->ready = t->link;
        t->flags &= (uint16_t) ~(CT__IN_WALK | CT__QUEUED);
        drop_cotangents(t);
        for (uint32_t i = 0; i < ct__inputs(t); i++) {
            ct_tensor *x = ct__edges(t)[i].x;
            if (needs(w, x) && !(x->flags & CT__QUEUED)) {
                x->flags |= CT__QUEUED;
                push(&w->ready, x);
            }
        }
    }
    for (ct_tensor *t; (t = w->done);) {
        w->done = t->link;
        t->flags &= (uint16_t) ~(CT__IN_WALK | CT__QUEUED);
        drop_cotangents(t);
    }
}

/* a context's mode while a rule or hook of this walk runs */
typedef struct frame {
    ct__scope scope;
    const char *writer;
} frame;

static void enter(const walk *w, frame *f, bool record)
{
    ct__scope_push(w->cx, &f->scope);
    f->writer = w->cx->writer;
    w->cx->recording = record;
}

static void leave(const walk *w, frame *f)
{
    w->cx->writer = f->writer;
    ct__scope_pop(w->cx, &f->scope);
}

/* -- Accumulation */
/* nobody else can see it, so it may be added to in place */
static bool exclusive(const ct_tensor *g)
{
    return g->handles == 1 && g->holds == 0 && g->saves == 0 && g->retains == 0 &&
           g->buffer->refs == 1 && !g->buffer->borrow && g->flags & CT__CONTIGUOUS &&
           !(g->flags & (CT__READ_ONLY | CT__REQUIRES_GRAD | CT__IN_SCOPE));
}

/* *slot += g; takes the handle on g, on failure too */
static ct_status accumulate(walk *w, ct_tensor **slot, ct_tensor *g)
{
    ct_tensor *old = *slot;
    if (!old || old->flags & CT__ZERO || g->flags & CT__ZERO) {
        bool first = !old || old->flags & CT__ZERO;
        *slot = first ? g : old;
        ct__unhandle(first ? old : g);
        return CT_OK;
    }
    if (!exclusive(old) && exclusive(g)) {
        *slot = g;
        g = old;
        old = *slot;
    }
    bool recorded = w->create_graph && (old->flags | g->flags) & CT__REQUIRES_GRAD;
    if (!recorded && exclusive(old)) {
        ct__add_into(old, g);
        ct__unhandle(g);
        return CT_OK;
    }
    frame f;
    enter(w, &f, recorded);
    ct_tensor *sum = ct_add(old, g);
    if (sum)
        ct__handle(sum);
    leave(w, &f);
    ct__unhandle(g);
    if (!sum)
        return ct_error(w->cx);
    ct__unhandle(old);
    *slot = sum;
    return CT_OK;
}

/* t has all it will get, perhaps nothing */
static void one_use_less(walk *w, ct_tensor *t)
{
    if (--t->pending == 0) {
        t->flags |= CT__QUEUED;
        push(&w->ready, t);
    }
}

/* -- Rules */
static ct_status stale(const walk *w, const ct_tensor *vertex, const ct_tensor *x)
{
    char text[200];
    ct__tensor_print(text, sizeof text, x, false);
    return ct_fail(w->cx, CT_ERROR_STALE, "%s: %s saved %s, which %s has written since", w->who,
                   vertex->op->name, text, x->buffer->writer ? x->buffer->writer : "somebody");
}

static ct_status check_versions(const walk *w, const ct_tensor *t)
{
    const ct__edge *edges = ct__edges(t);
    for (uint32_t i = 0; i < t->edge_count; i++) {
        const ct_tensor *x = edges[i].x ? edges[i].x : t;
        if (edges[i].saved && x->buffer->version != edges[i].version)
            return stale(w, t, x);
    }
    for (int k = 0; t->flags & CT__HIDDEN && k < t->extra->outputs; k++) {
        const ct_tensor *y = t->extra->kept[k];
        if (y && y->buffer->version != t->extra->kept_version[k])
            return stale(w, t, y);
    }
    return CT_OK;
}

/* the outputs as a rule sees them; a hidden vertex makes its own anew, so that they are outputs of
 * that vertex though nothing kept the first ones */
static ct_status see_outputs(ct_call *call, ct_tensor *t)
{
    if (!(t->flags & CT__HIDDEN)) {
        call->outputs = 1;
        call->y[0] = t;
        return CT_OK;
    }
    call->outputs = t->extra->outputs;
    for (int i = 0; i < call->outputs; i++) {
        ct_tensor *kept = t->extra->kept[i];
        call->y[i] = NULL;
        if (!kept)
            continue;
        ct_tensor *y = ct__tensor_over(t->cx, &(ct__layout){
            .dtype = kept->dtype, .ndim = kept->ndim, .shape = ct__shape(kept),
            .strides = ct__strides(kept), .edges = 1,
            .attributes = ct__output_op.attributes_size });
        if (!y)
            return CT_ERROR_MEMORY;
        y->op = &ct__output_op;
        t->cx->memory.nodes++;
        memcpy(ct__attributes(y), &i, sizeof i);
        ct__edges(y)[0] = (ct__edge){ t, 0, false };
        t->holds++;
        y->buffer = kept->buffer;
        y->buffer->refs++;
        y->data = kept->data;
        y->flags |= CT__REQUIRES_GRAD;
        call->y[i] = ct__to_scope(y);
    }
    return CT_OK;
}

/* does the rule have anything to be differentiated through? */
static bool any_requires_grad(const ct_call *call, ct_tensor *const *gy)
{
    for (int i = 0; i < call->outputs; i++)
        if (gy[i] && gy[i]->flags & CT__REQUIRES_GRAD)
            return true;
    const ct__edge *edges = ct__edges(call->vertex);
    for (uint32_t i = 0; i < call->vertex->edge_count; i++)
        if (edges[i].saved && (!edges[i].x || edges[i].x->flags & CT__REQUIRES_GRAD))
            return true;
    return call->vertex->flags & CT__HIDDEN; /* it may have saved its outputs */
}

static bool seen_before(const ct_call *call, int i)
{
    for (int k = 0; k < i; k++)
        if (call->x[k] == call->x[i])
            return true;
    return false;
}

/* the tensors that `backward` fills: new, or a pending cotangent to add to */
static ct_status provide(ct_call *call, ct_tensor **gx)
{
    bool like_y = call->op->flags & CT_OP_BROADCAST && !(call->vertex->flags & CT__HIDDEN);
    for (int i = 0; i < call->n; i++) {
        ct_tensor *x = call->x[i], *like = like_y ? call->vertex : x, *old = x->cotangent;
        if (!ct_call_wants(call, i))
            continue;
        bool reuse = old && i < 64 && exclusive(old) && ct_same_shape(like, x) &&
                     !seen_before(call, i);
        if (reuse) {
            call->adds |= (uint64_t)1 << i;
            gx[i] = old;
            continue;
        }
        gx[i] = ct__tensor_new(call->cx, &(ct__layout){ .dtype = x->dtype, .ndim = like->ndim,
                                                        .shape = ct__shape(like) });
        if (!gx[i])
            return CT_ERROR_MEMORY;
        ct__handle(gx[i]);
    }
    return CT_OK;
}

static ct_status said(const ct_call *call, ct_status status, const char *callback)
{
    if (status != CT_OK && ct_error(call->cx) == CT_OK)
        return ct_fail(call->cx, status, "%s: %s failed without saying why", call->op->name,
                       callback);
    return status;
}

/* gx from `backward`; each with a handle of ours, but those that were added to */
static ct_status by_kernel(ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *const *given = call->x;
    ct_status status = provide(call, gx);
    call->cx->writer = call->op->name;
    if (status == CT_OK && call->op->flags & CT_OP_CONTIGUOUS) {
        gy = ct__contiguous_all(call->cx, gy, call->outputs);
        call->x = ct__contiguous_all(call->cx, given, call->n);
        if (!gy || !call->x)
            status = CT_ERROR_MEMORY;
    }
    if (status == CT_OK)
        status = said(call, call->op->backward(call, gy, gx), "backward");
    call->x = given;
    for (int i = 0; i < call->n; i++)
        if (call->adds >> (i & 63) & 1 && i < 64)
            gx[i] = NULL;
    return status;
}

static ct_status by_rule(ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_status status = said(call, call->op->vjp(call, gy, gx), "vjp");
    for (int i = 0; i < call->n; i++) {
        bool good = ct_call_wants(call, i) && gx[i] && gx[i]->cx == call->cx &&
                    ct__usable(gx[i], call->op->name);
        if (good)
            ct__handle(gx[i]);
        else
            gx[i] = NULL;
    }
    return status;
}

/* a rule's result for x_i: of its dtype, and of its shape or to be summed to it */
static ct_status fit(const walk *w, const ct_call *call, int i, ct_tensor **gx)
{
    const ct_tensor *x = call->x[i];
    ct_tensor *g = *gx;
    bool may_sum = call->op->flags & CT_OP_BROADCAST;
    char is[200], wants[200];
    if (g->dtype != x->dtype || (!ct_same_shape(g, x) && !may_sum)) {
        ct__tensor_print(is, sizeof is, g, true);
        ct__tensor_print(wants, sizeof wants, x, true);
        return ct_fail(w->cx, CT_ERROR_SHAPE,
                       "%s: its rule gave a cotangent %s for input %d, which is %s",
                       call->op->name, is, i, wants);
    }
    if (w->cx->find_nonfinite && !ct__all_finite(g))
        return ct_fail(w->cx, CT_ERROR_VALUE, "%s, backward: made a NaN or an infinity",
                       call->op->name);
    bool cut = !w->create_graph && g->flags & CT__REQUIRES_GRAD;
    if (!cut && ct_same_shape(g, x))
        return CT_OK;
    ct_tensor *fitted = cut ? ct_detach(g) : g;
    if (!ct_same_shape(g, x))
        fitted = ct_sum_to(fitted, ct__shape(x), x->ndim);
    if (!fitted)
        return ct_error(w->cx);
    ct__handle(fitted);
    ct__unhandle(g);
    *gx = fitted;
    return CT_OK;
}

static ct_status check_given(const ct_call *call, ct_tensor *const *gx, bool rule)
{
    for (int i = 0; rule && i < call->n; i++)
        if (ct_call_wants(call, i) && !gx[i])
            return ct_fail(call->cx, CT_ERROR_CALLBACK,
                           "%s: its rule gave no cotangent for input %d (zero is ct_call_zero)",
                           call->op->name, i);
    return CT_OK;
}

/* the products: gx of the inputs that are wanted, each with a handle of ours */
static ct_status apply_rule(walk *w, ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *t = call->vertex;
    ct_status status = check_versions(w, t);
    if (status == CT_OK)
        status = see_outputs(call, t);
    if (status != CT_OK)
        return status;
    bool recorded = w->create_graph && any_requires_grad(call, gy);
    bool rule = call->op->vjp && (recorded || !call->op->backward);
    if (recorded && !rule)
        return ct_fail(w->cx, CT_ERROR_GRAPH, "%s: has first derivatives only", call->op->name);
    w->cx->recording = recorded;
    status = rule ? by_rule(call, gy, gx) : by_kernel(call, gy, gx);
    if (status == CT_OK)
        status = check_given(call, gx, rule);
    for (int i = 0; i < call->n && status == CT_OK; i++)
        if (gx[i])
            status = fit(w, call, i, &gx[i]);
    return status;
}

/* where a vertex' cotangents are: its own field, or a slot per output */
static ct_tensor *const *cotangents_of(ct_tensor *t)
{
    return t->flags & CT__HIDDEN ? t->extra->slots : &t->cotangent;
}

static bool has_cotangent(ct_tensor *t)
{
    ct_tensor *const *gy = cotangents_of(t);
    for (int i = 0; i < (t->flags & CT__HIDDEN ? t->extra->outputs : 1); i++)
        if (gy[i])
            return true;
    return false;
}

/* x and gx have room for the inputs of t */
static ct_status reverse_with(walk *w, ct_tensor *t, ct_tensor **x, ct_tensor **gx)
{
    ct_call call;
    int n = (int)ct__inputs(t);
    for (int i = 0; i < n; i++) {
        x[i] = ct__edges(t)[i].x;
        gx[i] = NULL;
    }
    call.cx = w->cx, call.op = t->op, call.attributes = ct__attributes(t);
    call.x = x, call.n = n, call.adds = 0, call.vertex = t;
    call.recording = call.moved = false;
    call.aux_count = t->extra ? t->extra->aux_count : 0;
    for (int i = 0; i < call.aux_count; i++)
        call.aux[i] = t->extra->aux[i];
    frame f;
    enter(w, &f, w->create_graph);
    ct_status status = apply_rule(w, &call, cotangents_of(t), gx);
    leave(w, &f);
    for (int i = 0; i < n; i++) {
        if (gx[i] && status == CT_OK)
            status = accumulate(w, &x[i]->cotangent, gx[i]);
        else
            ct__unhandle(gx[i]);
    }
    return status;
}

static ct_status reverse_vertex(walk *w, ct_tensor *t)
{
    ct_tensor *few[2][8];
    size_t n = ct__inputs(t), bytes = 2 * n * sizeof(ct_tensor *);
    if (n <= 8)
        return reverse_with(w, t, few[0], few[1]);
    ct_tensor **many = ct__take(w->cx, bytes);
    if (!many)
        return CT_ERROR_MEMORY;
    ct_status status = reverse_with(w, t, many, many + n);
    ct__give_back(w->cx, many, bytes);
    return status;
}

/* an output of several: its cotangent waits in the hidden vertex' slot */
static ct_status fill_slot(walk *w, ct_tensor *t)
{
    int i;
    memcpy(&i, ct__attributes(t), sizeof i);
    ct__handle(t->cotangent);
    return accumulate(w, &ct__edges(t)[0].x->extra->slots[i], t->cotangent);
}

static bool needs_rule(const walk *w, const ct_tensor *t)
{
    for (uint32_t i = 0; i < ct__inputs(t); i++)
        if (needs(w, ct__edges(t)[i].x))
            return true;
    return false;
}

static ct_status run_hooks(walk *w, ct_tensor *t)
{
    for (ct__hook *hook = t->extra ? t->extra->hooks : NULL; hook && t->cotangent;
         hook = hook->next) {
        frame f;
        enter(w, &f, w->create_graph);
        ct_tensor *g = hook->call(t->cotangent, hook->user);
        bool fits = g && ct__usable(g, "hook") && g->cx == w->cx && g->dtype == t->dtype &&
                    ct_same_shape(g, t);
        if (fits && !w->create_graph && g->flags & CT__REQUIRES_GRAD)
            g = ct_detach(g);
        if (fits && g) {
            ct__handle(g);
            ct__unhandle(t->cotangent);
            t->cotangent = g;
        }
        leave(w, &f);
        if (!fits || !g)
            return ct_fail(w->cx, CT_ERROR_CALLBACK, "%s: a hook %s", w->who,
                           g ? "returned a cotangent of another shape or dtype" : "failed");
    }
    return CT_OK;
}

static ct_status reverse(walk *w)
{
    for (ct_tensor *t; (t = w->ready);) {
        ct_status status = run_hooks(w, t);
        if (status == CT_OK && t->op && needs_rule(w, t) && has_cotangent(t))
            status = t->op == &ct__output_op ? fill_slot(w, t) : reverse_vertex(w, t);
        if (status != CT_OK)
            return status; /* with t still on the stack: abandon starts there */
        w->ready = t->link;
        for (uint32_t i = 0; i < ct__inputs(t); i++)
            if (needs(w, ct__edges(t)[i].x))
                one_use_less(w, ct__edges(t)[i].x);
        if (is_target(w, t)) { /* stays in the walk, which needs its fields, to the end */
            push(&w->done, t);
            continue;
        }
        t->flags &= (uint16_t) ~(CT__IN_WALK | CT__QUEUED);
        drop_cotangents(t);
    }
    return CT_OK;
}

/* the walk's own handle on the cotangent it starts with: gy, or one */
static ct_tensor *first_cotangent(const walk *w, ct_tensor *y, ct_tensor *gy)
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
    return one;
}

static ct_status check_start(const char *who, ct_tensor *y, ct_tensor *gy)
{
    char is[200], wants[200];
    if (!ct__alive(y, who) || (gy && !ct__usable(gy, who)))
        return CT_ERROR_STALE;
    ct__tensor_print(wants, sizeof wants, y, true);
    if (!gy && y->count != 1)
        return ct_fail(y->cx, CT_ERROR_SHAPE,
                       "%s: %s has %lld elements, not one: a cotangent must be given", who, wants,
                       (long long)y->count);
    if (!gy)
        return CT_OK;
    if (gy->cx != y->cx)
        return ct_fail(y->cx, CT_ERROR_CONTEXT, "%s: the cotangent is of another context", who);
    if (gy->dtype == y->dtype && ct_same_shape(gy, y))
        return CT_OK;
    ct__tensor_print(is, sizeof is, gy, true);
    return ct_fail(y->cx, gy->dtype == y->dtype ? CT_ERROR_SHAPE : CT_ERROR_DTYPE,
                   "%s: the cotangent is %s for %s", who, is, wants);
}

static walk begin(ct_tensor *y, const char *who)
{
    return (walk){ .cx = y->cx, .who = who, .mark = ++y->cx->walks };
}

/* both passes; on success the targets' cotangents are in place, the targets on the list `done` */
static ct_status go(walk *w, ct_tensor *y, ct_tensor *gy)
{
    if (!needs(w, y))
        return CT_OK;
    y->flags |= CT__QUEUED;
    push(&w->ready, y);
    y->cotangent = first_cotangent(w, y, gy);
    return y->cotangent ? reverse(w) : CT_ERROR_MEMORY;
}

static void clean_up(walk *w, ct_tensor *y)
{
    if (!w->ready && !w->done && needs(w, y)) { /* failed before it began */
        y->flags |= CT__QUEUED;
        push(&w->ready, y);
    }
    abandon(w);
}

/* -- ct_backward: into the gradients of variables, all or none */
/* what can fail: a buffer of our own where there is no gradient yet */
static ct_status prepare(walk *w)
{
    for (ct_tensor *t = w->done; t; t = t->link) {
        ct_tensor *g = t->cotangent;
        if (!g)
            continue;
        if (!ct__extra_of(t))
            return CT_ERROR_MEMORY;
        if (t->extra->grad || exclusive(g))
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

static void commit(walk *w)
{
    for (ct_tensor *t = w->done; t; t = t->link) {
        ct_tensor *g = t->cotangent, *grad = g ? t->extra->grad : NULL;
        if (!g)
            continue;
        if (!grad) {
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
    walk w = begin(y, who);
    w.leaves = true;
    status = discover(&w, y);
    if (status == CT_OK)
        status = go(&w, y, gy);
    if (status == CT_OK)
        status = prepare(&w);
    if (status == CT_OK)
        commit(&w);
    clean_up(&w, y);
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

static ct_status check_paths(const walk *w, ct_tensor *const *x, int n, unsigned flags)
{
    char text[200];
    for (int i = 0; i < n && flags & CT_REQUIRE_PATH; i++)
        if (!needs(w, x[i])) {
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

ct_status ct_grad(ct_tensor *y, ct_tensor *gy, ct_tensor *const *x, int n, unsigned flags,
                  ct_tensor **gx)
{
    for (int i = 0; gx && i < n; i++)
        gx[i] = NULL;
    if (!y || (n > 0 && !gx))
        return ct_fail(y ? y->cx : n > 0 && x && x[0] ? x[0]->cx : NULL, CT_ERROR_NULL,
                       "grad: %s is NULL", y ? "the room for the results" : "y");
    if (!gy && ct_error(y->cx) != CT_OK && y->count != 1)
        return ct_error(y->cx); /* a failed cotangent, not a default */
    ct_status status = check_start("grad", y, gy);
    if (status == CT_OK)
        status = check_targets(y, x, n);
    if (status != CT_OK)
        return status;
    walk w = begin(y, "grad");
    w.create_graph = flags & CT_CREATE_GRAPH;
    for (int i = 0; i < n; i++)
        x[i]->flags |= CT__TARGET;
    if (y->flags & CT__REQUIRES_GRAD)
        status = discover(&w, y);
    if (status == CT_OK)
        status = check_paths(&w, x, n, flags);
    if (status == CT_OK)
        status = go(&w, y, gy);
    if (status == CT_OK)
        status = hand_out(x, n, flags, gx);
    clean_up(&w, y);
    for (int i = 0; i < n; i++) {
        x[i]->flags &= (uint16_t)~CT__TARGET;
        if (status != CT_OK)
            gx[i] = NULL;
    }
    return status;
}
