/* A vertex' rule, applied in a walk: the cotangents of its inputs, by its vjp or its backward
 * kernel, checked, fitted to their shapes, and accumulated. */
#include <string.h>

#include "graph.h"

void ct__enter(const ct__walk *w, ct__frame *f, bool record)
{
    ct__scope_push(w->cx, &f->scope);
    f->writer = w->cx->writer;
    w->cx->recording = record;
}

void ct__leave(const ct__walk *w, ct__frame *f)
{
    w->cx->writer = f->writer;
    ct__scope_pop(w->cx, &f->scope);
}

/* -- Accumulation */
/* nobody else can see it, so it may be added to in place */
bool ct__exclusive(const ct_tensor *g)
{
    return g->handles == 1 && g->holds == 0 && g->saves == 0 && g->retains == 0 &&
           g->buffer->refs == 1 && !g->buffer->borrow && g->flags & CT__CONTIGUOUS &&
           !(g->flags & (CT__READ_ONLY | CT__REQUIRES_GRAD | CT__IN_SCOPE));
}

/* *slot += g; takes the handle on g, on failure too */
static ct_status accumulate(ct__walk *w, ct_tensor **slot, ct_tensor *g)
{
    ct_tensor *old = *slot;
    if (!old || old->flags & CT__ZERO || g->flags & CT__ZERO) {
        bool first = !old || old->flags & CT__ZERO;
        *slot = first ? g : old;
        ct__unhandle(first ? old : g);
        return CT_OK;
    }
    if (!ct__exclusive(old) && ct__exclusive(g)) {
        *slot = g;
        g = old;
        old = *slot;
    }
    bool recorded = w->create_graph && (old->flags | g->flags) & CT__REQUIRES_GRAD;
    if (!recorded && ct__exclusive(old)) {
        ct__add_into(old, g);
        ct__unhandle(g);
        return CT_OK;
    }
    ct__frame f;
    ct__enter(w, &f, recorded);
    ct_tensor *sum = ct_add(old, g);
    if (sum)
        ct__handle(sum);
    ct__leave(w, &f);
    ct__unhandle(g);
    if (!sum)
        return ct_error(w->cx);
    ct__unhandle(old);
    *slot = sum;
    return CT_OK;
}

/* -- Rules */
static ct_status stale(const ct__walk *w, const ct_tensor *vertex, const ct_tensor *x)
{
    char text[200];
    ct__tensor_print(text, sizeof text, x, false);
    return ct_fail(w->cx, CT_ERROR_STALE, "%s: %s saved %s, which %s has written since", w->who,
                   vertex->op->name, text, x->buffer->writer ? x->buffer->writer : "somebody");
}

/* was anything that t saved written since? */
static inline ct_status check_versions(const ct__walk *w, const ct_tensor *t)
{
    ct_tensor **x = ct__inputs(t);
    const uint32_t *versions = ct__versions(t);
    uint32_t n = t->input_count;
    for (uint32_t i = 0; i < n; i++)
        if (ct__saves_x(t->op, i) && x[i]->buffer->version != versions[i])
            return stale(w, t, x[i]);
    if (t->flags & CT__SAVES_SELF && t->buffer->version != versions[n])
        return stale(w, t, t);
    return CT_OK;
}

/* output i of a hidden vertex anew, so that it is one though nothing kept the first */
static ct_tensor *output_anew(ct_tensor *t, int i)
{
    ct_tensor *kept = t->extra->kept[i];
    if (!ct__is_float(kept->dtype)) /* nothing flows back to it */
        return ct_detach(kept);
    ct_tensor *y = ct__tensor_over(t->cx, &(ct__layout){
        .dtype = kept->dtype, .ndim = kept->ndim, .shape = ct__shape(kept),
        .strides = ct__strides(kept), .inputs = 1,
        .attributes = ct__output_op.attributes_size });
    if (!y)
        return NULL;
    y->op = &ct__output_op;
    t->cx->memory.nodes++;
    memcpy(ct__attributes(y), &i, sizeof i);
    ct__inputs(y)[0] = t;
    t->holds++;
    y->buffer = kept->buffer;
    y->buffer->refs++;
    y->data = kept->data;
    y->flags |= CT__REQUIRES_GRAD;
    return ct__to_scope(y);
}

/* the outputs and auxiliaries as a rule sees them */
static ct_status see_hidden(const ct__walk *w, ct_call *call, ct_tensor *t)
{
    call->outputs = t->extra->outputs;
    for (int i = 0; i < call->outputs; i++) {
        const ct_tensor *kept = t->extra->kept[i];
        call->y[i] = NULL;
        if (!kept)
            continue;
        if (kept->buffer->version != t->extra->kept_version[i])
            return stale(w, t, kept);
        call->y[i] = output_anew(t, i);
        if (!call->y[i])
            return CT_ERROR_MEMORY;
    }
    return CT_OK;
}

static ct_status see_outputs(const ct__walk *w, ct_call *call, ct_tensor *t)
{
    call->outputs = 1;
    call->y[0] = t;
    call->aux_count = 0;
    if (!t->extra)
        return CT_OK;
    for (int i = 0; i < t->extra->aux_count; i++)
        call->aux[call->aux_count++] = t->extra->aux[i];
    return t->flags & CT__HIDDEN ? see_hidden(w, call, t) : CT_OK;
}

/* does the rule have anything to be differentiated through? */
static bool any_requires_grad(const ct_call *call, ct_tensor *const *gy)
{
    for (int i = 0; i < call->outputs; i++)
        if (gy[i] && gy[i]->flags & CT__REQUIRES_GRAD)
            return true;
    for (int i = 0; i < call->n; i++)
        if (ct__saves_x(call->op, (uint32_t)i) && call->x[i]->flags & CT__REQUIRES_GRAD)
            return true;
    return call->vertex->flags & (CT__SAVES_SELF | CT__HIDDEN); /* which may save its outputs */
}

static bool seen_before(const ct_call *call, int i)
{
    for (int k = 0; k < i; k++)
        if (call->x[k] == call->x[i])
            return true;
    return false;
}

/* the input whose cotangent y's may become, in place: the last one that is wanted, since nobody
 * reads gy after it; -1: none */
static inline int turns(const ct__walk *w, const ct_call *call)
{
    const ct_tensor *vertex = call->vertex, *gy = vertex->cotangent;
    int i = call->n - 1;
    if ((call->op->flags & (CT_OP_IN_PLACE | CT_OP_CONTIGUOUS)) != CT_OP_IN_PLACE || !gy ||
        !call->op->backward || w->create_graph || w->cx->find_nonfinite ||
        vertex->flags & (CT__TARGET | CT__HIDDEN))
        return -1;
    while (i > 0 && !ct__wants(call, i))
        i--;
    const ct_tensor *x = call->x[i];
    bool may = !x->cotangent && gy->dtype == x->dtype && ct__exclusive(gy) &&
               ct__same_shape(gy, x);
    return may ? i : -1;
}

static bool is_first_wanted(const ct_call *call, int i)
{
    for (int k = 0; k < i; k++)
        if (ct__wants(call, k))
            return false;
    return true;
}

/* the whole rule, where that input is the only one */
static ct_status turn(ct_call *call, int i, ct_tensor **gx)
{
    ct_tensor **gy = &call->vertex->cotangent;
    gx[i] = *gy;
    call->cx->recording = false;
    call->cx->writer = call->op->name;
    ct_status status = ct__said(call, call->op->backward(call, gy, gx), "backward");
    if (status == CT_OK) { /* our handle goes along */
        call->x[i]->cotangent = *gy;
        *gy = NULL;
    }
    return status;
}

/* the tensors that `backward` fills: new, gy itself, or a pending cotangent to add to */
static ct_status provide(ct_call *call, int turned, ct_tensor **gx)
{
    bool like_y = call->op->flags & CT_OP_BROADCAST && !(call->vertex->flags & CT__HIDDEN);
    for (int i = 0; i < call->n; i++) {
        ct_tensor *x = call->x[i], *like = like_y ? call->vertex : x, *old = x->cotangent;
        if (!ct__wants(call, i))
            continue;
        if (i == turned) {
            gx[i] = call->vertex->cotangent;
            continue;
        }
        bool reuse = old && i < 64 && ct__exclusive(old) && ct__same_shape(like, x) &&
                     !seen_before(call, i) && !call->cx->find_nonfinite;
        if (reuse) {
            call->adds |= (uint64_t)1 << i;
            gx[i] = old;
            continue;
        }
        gx[i] = ct__tensor_like(like, 0, 0);
        if (!gx[i])
            return CT_ERROR_MEMORY;
        ct__handle(gx[i]);
    }
    return CT_OK;
}

/* gx from `backward`; each with a handle of ours, but those that were added to */
static ct_status by_kernel(ct_call *call, int turned, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *const *given = call->x;
    call->cx->writer = call->op->name;
    ct_status status = provide(call, turned, gx);
    if (status == CT_OK && call->op->flags & CT_OP_CONTIGUOUS) {
        gy = ct__contiguous_all(call->cx, gy, call->outputs);
        call->x = ct__contiguous_all(call->cx, given, call->n);
        if (!gy || !call->x)
            status = CT_ERROR_MEMORY;
    }
    if (status == CT_OK)
        status = ct__said(call, call->op->backward(call, gy, gx), "backward");
    call->x = given;
    if (turned >= 0 && status == CT_OK)
        call->vertex->cotangent = NULL; /* our handle on it goes along */
    else if (turned >= 0)
        gx[turned] = NULL;
    for (int i = 0; call->adds && i < call->n; i++)
        if (call->adds >> (i & 63) & 1 && i < 64)
            gx[i] = NULL;
    return status;
}

static ct_status by_rule(ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_status status = ct__said(call, call->op->vjp(call, gy, gx), "vjp");
    for (int i = 0; i < call->n; i++) {
        bool good = ct__wants(call, i) && gx[i] && gx[i]->cx == call->cx &&
                    ct__usable(gx[i], call->op->name);
        if (good)
            ct__handle(gx[i]);
        else
            gx[i] = NULL;
    }
    return status;
}

/* a rule's result for x_i: of its dtype, and of its shape or to be summed to it */
static ct_status fit(const ct__walk *w, const ct_call *call, int i, ct_tensor **gx)
{
    const ct_tensor *x = call->x[i];
    ct_tensor *g = *gx;
    bool may_sum = call->op->flags & CT_OP_BROADCAST;
    char is[200], wants[200];
    if (g->dtype != x->dtype || (!ct__same_shape(g, x) && !may_sum)) {
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
    if (!cut && ct__same_shape(g, x))
        return CT_OK;
    ct_tensor *fitted = cut ? ct_detach(g) : g;
    if (!ct__same_shape(g, x))
        fitted = ct_sum_to(fitted, ct__shape(x), x->ndim);
    if (!fitted)
        return ct_error(w->cx);
    ct__handle(fitted);
    ct__unhandle(g);
    *gx = fitted;
    return CT_OK;
}

static ct_status fit_all(const ct__walk *w, const ct_call *call, ct_tensor **gx)
{
    ct_status status = CT_OK;
    for (int i = 0; i < call->n && status == CT_OK; i++)
        if (gx[i])
            status = fit(w, call, i, &gx[i]);
    return status;
}

static ct_status check_given(const ct_call *call, ct_tensor *const *gx)
{
    for (int i = 0; i < call->n; i++)
        if (ct__wants(call, i) && !gx[i])
            return ct_fail(call->cx, CT_ERROR_CALLBACK,
                           "%s: its rule gave no cotangent for input %d (zero is ct_call_zero)",
                           call->op->name, i);
    return CT_OK;
}

static ct_status by_rule_fitted(ct__walk *w, ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_status status = by_rule(call, gy, gx);
    if (status == CT_OK)
        status = check_given(call, gx);
    return status == CT_OK ? fit_all(w, call, gx) : status;
}

/* the products: gx of the inputs that are wanted, each with a handle of ours */
static ct_status apply_rule(ct__walk *w, ct_call *call, int turned, ct_tensor *const *gy,
                            ct_tensor **gx)
{
    const ct_op *op = call->op;
    bool recorded = w->create_graph && any_requires_grad(call, gy);
    if (recorded && !op->vjp)
        return ct_fail(w->cx, CT_ERROR_GRAPH, "%s: has first derivatives only", op->name);
    w->cx->recording = recorded;
    if (recorded || !op->backward)
        return by_rule_fitted(w, call, gy, gx);
    ct_status status = by_kernel(call, turned, gy, gx);
    bool fits = !(op->flags & CT_OP_BROADCAST) && !w->cx->find_nonfinite;
    return status == CT_OK && !fits ? fit_all(w, call, gx) : status;
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

/* gx has room for the inputs of t */
static CT__INLINE ct_status reverse_with(ct__walk *w, ct_call *call, ct_tensor *t, ct_tensor **gx)
{
    call->op = t->op;
    call->attributes = ct__attributes(t);
    call->x = ct__inputs(t);
    call->n = (int)t->input_count;
    call->adds = 0;
    call->vertex = t;
    ct_status status = check_versions(w, t);
    if (status == CT_OK)
        status = see_outputs(w, call, t);
    for (int i = 0; i < call->n; i++)
        gx[i] = NULL;
    int turned = status == CT_OK ? turns(w, call) : -1;
    if (turned >= 0 && is_first_wanted(call, turned))
        return turn(call, turned, gx);
    if (status == CT_OK)
        status = apply_rule(w, call, turned, cotangents_of(t), gx);
    for (int i = 0; i < call->n; i++) {
        ct_tensor *g = gx[i], **slot = &call->x[i]->cotangent;
        if (g && status == CT_OK && !*slot)
            *slot = g;
        else if (g && status == CT_OK)
            status = accumulate(w, slot, g);
        else
            ct__unhandle(g);
    }
    return status;
}

/* an output of several: its cotangent waits in the hidden vertex' slot */
static ct_status fill_slot(ct__walk *w, ct_tensor *t)
{
    int i;
    memcpy(&i, ct__attributes(t), sizeof i);
    ct__handle(t->cotangent);
    return accumulate(w, &ct__inputs(t)[0]->extra->slots[i], t->cotangent);
}

ct_status ct__reverse_vertex(ct__walk *w, ct_call *call, ct_tensor *t)
{
    ct_tensor *few[8], **gx = few;
    size_t bytes = t->input_count * sizeof *gx;
    if (!t->cotangent && !has_cotangent(t)) /* nothing came: nothing goes on */
        return CT_OK;
    if (t->op == &ct__output_op)
        return fill_slot(w, t);
    if (bytes > sizeof few)
        gx = ct__take(w->cx, bytes);
    ct_status status = gx ? reverse_with(w, call, t, gx) : CT_ERROR_MEMORY;
    if (gx != few)
        ct__give_back(w->cx, gx, bytes);
    return status;
}
