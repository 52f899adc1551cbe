/* Forward mode: tangents go through the recorded graph, from the targets to y.
 *
 * For y = f(u, v), u = g(x), v = h(x):  ty = df/du tu + df/dv tv. The pass goes depth first, as the
 * one that discovers (walk.c): a vertex is settled after its inputs, and gets its tangent then. A
 * vertex that depends on a target is IN_WALK from then on, and its `cotangent` is its tangent.
 *
 * How a tangent goes through an operator, in this order:
 * - `jvp` says it.
 * - CT_OP_SYMMETRIC: J = J^T, so that J tx is what the rules make of a cotangent tx. An elementwise
 *   f is so: ty_i = f'(x_i) tx_i.
 * - CT_OP_LINEAR, and a view: ty = f(tx).
 * - Else by two vjps: g(u) = J^T u is linear in u, and its vjp with tx is J tx. */
#include "run.h"
#include "walk.h"

enum { FEW = 8 }; /* inputs */

/* room that a pass uses again and again */
typedef struct tangent {
    ct_call call;
    ct_tensor **tx; /* of the inputs; NULL: zero */
    ct_tensor **gx; /* room for what rules give */
    ct_tensor *few[2 * FEW];
    bool record;
} tangent;

/* -- One operator. A tangent *ty has a handle of ours, on failure too */
/* *ty becomes t, which the scope has; NULL: it failed */
static ct_status replace(ct_tensor **ty, ct_tensor *t)
{
    if (!t)
        return CT_ERROR_CALLBACK;
    ct__handle(t);
    ct__unhandle(*ty);
    *ty = t;
    return CT_OK;
}

/* *sum += part, where both are tangents of the call's output */
static ct_status add_part(ct_tensor **sum, ct_tensor *part)
{
    return replace(sum, *sum && part ? ct_add(*sum, part) : part);
}

static ct_tensor *shaped(ct_tensor *t, const ct_tensor *like)
{
    return ct__same_shape(t, like) ? t : ct_broadcast_to(t, ct__shape(like), like->ndim);
}

/* The part of input i by the kernel, which stores into *ty or adds to it. */
static ct_status by_kernel(tangent *k, int i, ct_tensor *tx, ct_tensor **ty)
{
    ct_call *call = &k->call;
    call->adds = *ty ? (uint64_t)1 << i : 0;
    if (!*ty && !(*ty = ct__tensor_like(call->vertex, 0, 0)))
        return CT_ERROR_MEMORY;
    if (!call->adds)
        ct__handle(*ty);
    k->gx[i] = *ty;
    ct_status status = ct__run_backward(call, &tx, k->gx);
    k->gx[i] = NULL;
    return status;
}

/* Input i alone wants a cotangent. */
static ct_status by_vjp(tangent *k, int i, ct_tensor *tx, ct_tensor **ty)
{
    ct_call *call = &k->call;
    for (int j = 0; j < call->n; j++)
        if (call->x[j] != call->x[i])
            call->x[j]->flags &= (uint16_t)~CT__IN_WALK;
    ct_status status = ct__said(call, call->op->vjp(call, &tx, k->gx), "vjp");
    for (int j = 0; j < call->n; j++)
        if (k->tx[j])
            call->x[j]->flags |= CT__IN_WALK;
    ct_tensor *part = k->gx[i];
    for (int j = 0; j < call->n; j++)
        k->gx[j] = NULL;
    if (status != CT_OK)
        return status;
    if (!part || part->cx != call->cx)
        return ct__no_cotangent(call, i);
    return ct__usable(part, call->op->name) ? add_part(ty, shaped(part, call->vertex))
                                            : CT_ERROR_STALE;
}

static ct_status no_vjp(const ct_call *call)
{
    return ct_fail(call->cx, CT_ERROR_GRAPH,
                   "%s: has a backward only; forward mode needs a vjp or a jvp", call->op->name);
}

static ct_status symmetric(tangent *k, ct_tensor **ty)
{
    const ct_op *op = k->call.op;
    ct_status status = CT_OK;
    for (int i = 0; i < k->call.n && status == CT_OK; i++) {
        ct_tensor *tx = k->tx[i] ? shaped(k->tx[i], k->call.vertex) : NULL;
        if (!k->tx[i])
            continue;
        bool kernel = op->backward && (!k->record || !op->vjp) && i < 64;
        if (!kernel && !op->vjp)
            return no_vjp(&k->call);
        status = !tx ? CT_ERROR_MEMORY
                     : kernel ? by_kernel(k, i, tx, ty) : by_vjp(k, i, tx, ty);
    }
    return status;
}

static ct_status linear(tangent *k, ct_tensor **ty)
{
    ct_call *call = &k->call;
    for (int i = 0; i < call->n; i++) {
        bool is_float = ct__is_float(call->x[i]->dtype);
        k->gx[i] = k->tx[i] ? k->tx[i] : is_float ? ct_call_zero(call, i) : call->x[i];
    }
    return replace(ty, ct_apply(call->op, call->attributes, k->gx, call->n));
}

/* of output `at`, which is like `y` */
static ct_status by_two_vjps(tangent *k, const ct_tensor *y, int at, ct_tensor **ty)
{
    ct_call *call = &k->call;
    ct_tensor *gy[8] = { NULL }, *u = ct_variable(ct_zeros_like(y)), *part;
    if (!call->op->vjp)
        return no_vjp(call);
    gy[at] = u;
    call->cx->recording = true;
    ct_status status = u ? ct__said(call, call->op->vjp(call, gy, k->gx), "vjp") : CT_ERROR_MEMORY;
    call->cx->recording = k->record;
    ct__how how = { call->op->name, CT_ZERO_PATH | CT__STOPS | (k->record ? CT_CREATE_GRAPH : 0) };
    for (int i = 0; i < call->n && status == CT_OK; i++) {
        ct_tensor *g = k->gx[i], *tx = k->tx[i];
        if (tx && (!g || g->cx != call->cx))
            return ct__no_cotangent(call, i);
        if (tx && !ct__usable(g, call->op->name))
            return CT_ERROR_STALE;
        if (!tx || !(g->flags & CT__REQUIRES_GRAD))
            continue;
        tx = shaped(tx, g);
        status = tx ? ct__grad_as(&how, g, tx, &u, 1, &part) : CT_ERROR_MEMORY;
        if (status == CT_OK)
            status = add_part(ty, part);
    }
    return status;
}

/* -- One vertex */
static ct_status no_tangent(const ct_call *call, int at)
{
    ct_fail(call->cx, CT_ERROR_CALLBACK, "%s: its jvp gave no tangent for output %d",
            call->op->name, at);
    return ct_error(call->cx); /* or it says why */
}

static ct_status check_tangent(const ct_call *call, const ct_tensor *y, ct_tensor *ty)
{
    char is[200], wants[200];
    if (!ct__usable(ty, call->op->name))
        return CT_ERROR_STALE;
    if (ty->cx != y->cx)
        return ct_fail(y->cx, CT_ERROR_CONTEXT, "%s: its tangent is of another context",
                       call->op->name);
    if (ty->dtype == y->dtype && ct__same_shape(ty, y))
        return CT_OK;
    ct__tensor_print(is, sizeof is, ty, true);
    ct__tensor_print(wants, sizeof wants, y, true);
    return ct_fail(y->cx, CT_ERROR_SHAPE, "%s: its rule gave a tangent %s for an output %s",
                   call->op->name, is, wants);
}

/* of output `at`, which is t, by an operator that says the tangents of all its outputs. Those of
 * the others wait in the slots of the hidden vertex, until they are asked for. */
static ct_status by_jvp(tangent *k, ct_tensor *t, int at, ct_tensor **ty)
{
    ct_call *call = &k->call;
    ct_tensor *all[8] = { NULL }, **slots = t == call->vertex ? NULL : call->vertex->extra->slots;
    if (slots && slots[at])
        return replace(ty, slots[at]);
    ct_status status = ct__said(call, call->op->jvp(call, k->tx, all), "jvp");
    call->cx->recording = k->record;
    if (status == CT_OK && !all[at])
        return no_tangent(call, at);
    for (int i = 0; slots && i < call->outputs && status == CT_OK; i++)
        if (all[i] && !slots[i] && all[i]->buffer && all[i]->cx == call->cx) {
            ct__handle(all[i]);
            slots[i] = all[i];
        }
    return status == CT_OK ? replace(ty, all[at]) : status;
}

/* The tangent of t, by the rule of its operator, or of the hidden vertex behind it. */
static ct_status find_tangent(tangent *k, ct_tensor *t, ct_tensor **ty)
{
    const ct_op *op = k->call.op;
    const bool hidden = t->op == &ct__output_op;
    int at = 0;
    if (hidden)
        memcpy(&at, ct__attributes(t), sizeof at);
    if (op->jvp)
        return by_jvp(k, t, at, ty);
    if (op->flags & CT_OP_SYMMETRIC && !hidden)
        return symmetric(k, ty);
    if (op->flags & (CT_OP_LINEAR | CT_OP_VIEW) && !hidden && !op->drop)
        return linear(k, ty);
    return by_two_vjps(k, t, at, ty);
}

static ct_status run_rule(ct__walk *w, tangent *k, ct_tensor *t, ct_tensor **ty)
{
    ct_tensor *vertex = t->op == &ct__output_op ? ct__inputs(t)[0] : t;
    const size_t n = vertex->input_count;
    k->tx = n <= FEW ? k->few : (void *)ct__scope_chars(w->cx, 2 * n * sizeof *k->tx);
    ct_status status = k->tx ? ct__see(w, &k->call, vertex) : CT_ERROR_MEMORY;
    if (status != CT_OK)
        return status;
    k->gx = k->tx + n;
    for (size_t i = 0; i < n; i++) {
        k->tx[i] = ct__needs(w, k->call.x[i]) ? k->call.x[i]->cotangent : NULL;
        k->gx[i] = NULL;
    }
    w->cx->writer = k->call.op->name;
    return find_tangent(k, t, ty);
}

/* t->cotangent, which is the target's v if t is one, plus what comes through t's operator */
static ct_status settle_tangent(ct__walk *w, tangent *k, ct_tensor *t)
{
    ct__frame f;
    ct_tensor *ty = NULL;
    ct__enter(w, &f, w->create_graph);
    ct_status status = run_rule(w, k, t, &ty);
    if (status == CT_OK && ty)
        status = check_tangent(&k->call, t, ty);
    w->cx->recording = w->create_graph;
    if (status == CT_OK && ty && t->cotangent)
        status = replace(&ty, ct_add(ty, t->cotangent));
    if (status == CT_OK && ty && !w->create_graph && ty->flags & CT__REQUIRES_GRAD)
        status = replace(&ty, ct_detach(ty));
    if (status == CT_OK && ty) {
        ct__unhandle(t->cotangent);
        t->cotangent = ty;
    } else {
        ct__unhandle(ty);
    }
    ct__leave(w, &f);
    return status == CT_OK || ct_error(w->cx) == CT_OK ? status : ct_error(w->cx);
}

/* Does a tangent come from an input of v? *needed: does an input depend on a target? */
static bool any_tangent(const ct__walk *w, const ct_tensor *v, bool *needed)
{
    bool any = false;
    for (uint32_t i = 0; i < v->input_count; i++)
        if (ct__needs(w, ct__inputs(v)[i])) {
            *needed = true;
            any = any || ct__inputs(v)[i]->cotangent;
        }
    return any;
}

/* The tangents of several outputs come from the inputs of the hidden vertex behind them. */
static ct_status settle(ct__walk *w, tangent *k, ct_tensor *t)
{
    bool needed = t->flags & CT__TARGET, unused, any = any_tangent(w, t, &needed);
    if (ct__is_cut(t))
        return ct__refuse_cut(w);
    if (!needed)
        return CT_OK;
    t->flags |= CT__IN_WALK;
    t->link = w->done;
    w->done = t;
    if (t->op == &ct__output_op)
        any = any_tangent(w, ct__inputs(t)[0], &unused);
    return any && !(t->flags & CT__HIDDEN) ? settle_tangent(w, k, t) : CT_OK;
}

/* -- The pass */
static ct_status visit(const ct__walk *w, ct_tensor *t, ct_tensor **top)
{
    if (!(t->flags & CT__REQUIRES_GRAD) || t->mark == w->mark)
        return CT_OK;
    if (t->flags & CT__IN_WALK)
        return ct_fail(w->cx, CT_ERROR_GRAPH, "%s: a walk is already under way over %s", w->who,
                       t->op ? t->op->name : "this variable");
    t->mark = w->mark;
    t->pending = 0; /* it counts the inputs looked at */
    t->link = *top;
    *top = t;
    return CT_OK;
}

static ct_status go_through(ct__walk *w, tangent *k, ct_tensor *y)
{
    ct_tensor *top = NULL;
    ct_status status = visit(w, y, &top);
    for (ct_tensor *t; (t = top) && status == CT_OK;) {
        if (t->pending < t->input_count) {
            status = visit(w, ct__inputs(t)[t->pending++], &top);
            continue;
        }
        top = t->link;
        status = settle(w, k, t);
    }
    return status;
}

/* v is the tangent of the target x to begin with. Is x there twice, the sum is. */
static ct_status plant(ct__walk *w, ct_tensor *x, ct_tensor *v)
{
    ct__frame f;
    x->flags |= CT__TARGET;
    if (!v)
        return CT_OK;
    ct__enter(w, &f, w->create_graph);
    if (v->flags & CT__REQUIRES_GRAD && !w->create_graph)
        v = ct_detach(v);
    if (v && x->cotangent)
        v = ct_add(x->cotangent, v);
    ct_status status = replace(&x->cotangent, v);
    ct__leave(w, &f);
    return status == CT_OK ? CT_OK : CT_ERROR_MEMORY;
}

static ct_status hand_out(ct_tensor *y, const ct__walk *w, ct_tensor **ty)
{
    *ty = ct__needs(w, y) && y->cotangent ? ct__to_scope(y->cotangent) : ct_zeros_like(y);
    return *ty ? CT_OK : CT_ERROR_MEMORY;
}

static void clean_up(ct__walk *w, const ct__along *a)
{
    for (ct_tensor *t; (t = w->done);) {
        w->done = t->link;
        t->flags &= (uint16_t)~CT__IN_WALK;
        ct__drop_cotangents(t);
    }
    for (int i = 0; i < a->n; i++) {
        if (a->x[i]->flags & CT__TARGET)
            ct__drop_cotangents(a->x[i]);
        a->x[i]->flags &= (uint16_t)~CT__TARGET;
        ct__unhandle(a->x[i]);
    }
}

ct_status ct__tangents(const ct__how *how, ct_tensor *const *y, int m, const ct__along *a,
                       ct_tensor **ty)
{
    if (m == 0)
        return CT_OK;
    ct__walk w = ct__walk_begin(y[0], how->who);
    ct_status status = CT_OK;
    w.create_graph = how->flags & CT_CREATE_GRAPH;
    tangent room;
    room.record = w.create_graph;
    room.call.cx = w.cx;
    room.call.recording = room.call.moved = false;
    room.call.batch = 0;
    for (int i = 0; i < a->n; i++)
        ct__handle(a->x[i]);
    for (int i = 0; i < a->n && status == CT_OK; i++)
        status = plant(&w, a->x[i], a->v[i]);
    for (int k = 0; k < m && status == CT_OK; k++)
        status = go_through(&w, &room, y[k]);
    for (int k = 0; k < m && status == CT_OK; k++)
        status = hand_out(y[k], &w, &ty[k]);
    for (int k = 0; k < m && status != CT_OK; k++)
        ty[k] = NULL;
    clean_up(&w, a);
    ct__unhandle(y[0]);
    return status;
}

/* -- ct_tangent */
static ct_status check_along(const ct_tensor *y, const ct__along *a)
{
    ct_context *cx = y->cx;
    for (int i = 0; i < a->n; i++) {
        const ct_tensor *x = a->x[i], *v = a->v[i];
        if (!x)
            return ct_fail(cx, CT_ERROR_NULL, "tangent: x%d is NULL", i);
        if (!ct__alive(x, "tangent") || (v && !ct__usable(v, "tangent")))
            return CT_ERROR_STALE;
        if (x->cx != cx || (v && v->cx != cx))
            return ct_fail(cx, CT_ERROR_CONTEXT, "tangent: x%d or v%d is of another context", i, i);
        if (v && (v->dtype != x->dtype || !ct__same_shape(v, x)))
            return ct_fail(cx, CT_ERROR_SHAPE, "tangent: v%d is not of x%d's dtype and shape", i,
                           i);
        if (x->flags & CT__IN_WALK)
            return ct_fail(cx, CT_ERROR_GRAPH, "tangent: a walk is already under way over x%d", i);
    }
    return CT_OK;
}

ct_tensor *ct_tangent(ct_tensor *y, ct_tensor *const *x, ct_tensor *const *v, int n,
                      unsigned flags)
{
    ct__along a = { x, v, n };
    ct_tensor *ty = NULL;
    if (!y)
        return NULL;
    if (n < 0 || (n > 0 && (!x || !v)))
        return ct_fail(y->cx, CT_ERROR_NULL, "tangent: x or v is NULL"), NULL;
    if (!ct__alive(y, "tangent") || check_along(y, &a) != CT_OK)
        return NULL;
    if (flags & ~(unsigned)CT_CREATE_GRAPH)
        return ct_fail(y->cx, CT_ERROR_VALUE, "tangent: unknown flags in 0x%x", flags), NULL;
    ct__tangents(&(ct__how){ "tangent", flags }, &y, 1, &a, &ty);
    return ty;
}
