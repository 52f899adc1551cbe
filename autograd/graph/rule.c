/* A vertex' rule, applied in a walk. Its vjp or its backward kernel gives the cotangents of its
 * inputs. These are checked, fitted to the inputs' shapes, and accumulated. */
#include <string.h>

#include "reuse.h"

/* An error if something that t saved was written since. */
static inline ct_status check_versions(const ct__walk *w, const ct_tensor *t)
{
    ct_tensor **x = ct__inputs(t);
    const uint32_t *versions = ct__versions(t);
    uint32_t n = t->input_count;
    for (uint32_t i = 0; i < n; i++)
        if (ct__saves_x(t->op, i) && x[i]->buffer->version != versions[i])
            return ct__written_since(w, t, x[i]);
    if (t->flags & CT__SAVES_SELF && t->buffer->version != versions[n])
        return ct__written_since(w, t, t);
    return CT_OK;
}

/* -- By kernel */
/* gx from `backward`. We have a handle on each, except on those that were added to. */
static ct_status by_kernel(ct_call *call, int in_place, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_status status = provide(call, in_place, gx);
    if (status == CT_OK)
        status = ct__run_backward(call, gy, gx);
    if (in_place >= 0 && status == CT_OK)
        call->vertex->cotangent = NULL; /* our handle on it goes along */
    else if (in_place >= 0)
        gx[in_place] = NULL;
    for (int i = 0; call->adds && i < call->n && i < 64; i++)
        if (call->adds >> i & 1)
            gx[i] = NULL;
    return status;
}

/* -- By vjp */
CT__COLD ct_status ct__no_cotangent(const ct_call *call, int i)
{
    ct_fail(call->cx, CT_ERROR_CALLBACK,
            "%s: its vjp gave no cotangent for input %d (ct_call_zero says zero)", call->op->name,
            i);
    return ct_error(call->cx); /* or it says why */
}

/* gx from `vjp`, each with a handle of ours. */
static ct_status by_vjp(ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    bool recording = call->cx->recording;
    ct_status status = ct__said(call, call->op->vjp(call, gy, gx), "vjp");
    call->cx->recording = recording; /* whatever vjp has set: the rest is not its own */
    for (int i = 0; i < call->n; i++) {
        bool good = ct__wants(call, i) && gx[i] && ct__usable(gx[i], call->op->name) &&
                    gx[i]->cx == call->cx;
        if (good)
            ct__handle(gx[i]);
        else
            gx[i] = NULL;
    }
    for (int i = 0; i < call->n && status == CT_OK; i++)
        if (ct__wants(call, i) && !gx[i])
            return ct__no_cotangent(call, i);
    return status;
}

CT__COLD static ct_status refuse_cotangent(const ct_call *call, int i, const ct_tensor *g)
{
    char is[200], wants[200];
    ct__tensor_print(is, sizeof is, g, true);
    ct__tensor_print(wants, sizeof wants, call->x[i], true);
    return ct_fail(call->cx, CT_ERROR_SHAPE,
                   "%s: its rule gave a cotangent %s for input %d, which is %s", call->op->name,
                   is, i, wants);
}

/* -- Fitting */
/* Has g the shape that gx[i] must have? */
static bool has_gx_shape(const ct_call *call, int i, const ct_tensor *g)
{
    int64_t shape[CT_MAX_DIMS];
    if (!call->batch)
        return ct__same_shape(g, call->x[i]);
    int ndim = ct_call_gx_shape(call, i, shape);
    return g->ndim == ndim && memcmp(ct__shape(g), shape, g->ndim * sizeof *shape) == 0;
}

/* Makes *gx a cotangent of x_i: of its dtype, of the shape that it must have (summed to it where
 * the operator broadcasts), and without a graph where none is asked for. */
static ct_status fit(const ct__walk *w, const ct_call *call, int i, ct_tensor **gx)
{
    const ct_tensor *x = call->x[i];
    ct_tensor *g = *gx;
    bool same = has_gx_shape(call, i, g);
    if (g->dtype != x->dtype || (!same && !(call->op->flags & CT_OP_BROADCAST)))
        return refuse_cotangent(call, i, g);
    if (w->cx->find_nonfinite && !ct__all_finite(g))
        return ct_fail(w->cx, CT_ERROR_VALUE, "%s, backward: made a NaN or an infinity",
                       call->op->name);
    bool cut = !w->create_graph && g->flags & CT__REQUIRES_GRAD;
    if (!cut && same)
        return CT_OK;
    ct_tensor *fitted = cut ? ct_detach(g) : g;
    if (!same)
        fitted = ct_call_sum(call, i, fitted);
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

/* -- One vertex */
/* Is there anything in the rule to be differentiated through? */
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

/* gx of the inputs that want one, each with a handle of ours. */
static ct_status apply_rule(ct__walk *w, ct_call *call, int in_place, ct_tensor *const *gy,
                            ct_tensor **gx)
{
    const ct_op *op = call->op;
    bool recorded = w->create_graph && any_requires_grad(call, gy);
    if (recorded && !op->vjp)
        return ct_fail(w->cx, CT_ERROR_GRAPH, "%s: has first derivatives only", op->name);
    w->cx->recording = recorded;
    bool kernel = op->backward && !recorded && !w->batch;
    call->cx->writer = call->op->name;
    ct_status status = kernel ? by_kernel(call, in_place, gy, gx) : by_vjp(call, gy, gx);
    bool fits = kernel && !(op->flags & CT_OP_BROADCAST) && !w->cx->find_nonfinite;
    return status == CT_OK && !fits ? fit_all(w, call, gx) : status;
}

ct_status ct__see(const ct__walk *w, ct_call *call, ct_tensor *t)
{
    call->op = t->op;
    call->attributes = ct__attributes(t);
    call->x = ct__inputs(t);
    call->n = (int)t->input_count;
    call->adds = 0;
    call->vertex = t;
    ct_status status = check_versions(w, t);
    return status == CT_OK ? ct__see_outputs(w, call, t) : status;
}

/* gx has room for the inputs of t. */
static CT__INLINE ct_status reverse_with(ct__walk *w, ct_call *call, ct_tensor *t, ct_tensor **gx)
{
    ct_status status = ct__see(w, call, t);
    for (int i = 0; i < call->n; i++)
        gx[i] = NULL;
    int in_place = status == CT_OK ? input_in_place(w, call) : -1;
    if (in_place >= 0 && is_first_wanted(call, in_place))
        return reverse_in_place(call, in_place, gx);
    if (status == CT_OK)
        status = apply_rule(w, call, in_place, ct__cotangents_of(t), gx);
    for (int i = 0; w->watch && i < call->n && status == CT_OK; i++)
        if (gx[i])
            status = w->watch->brought(w->watch, t, i, gx[i]);
    for (int i = 0; i < call->n; i++) {
        ct_tensor *g = gx[i], **slot = &call->x[i]->cotangent;
        if (g && status == CT_OK && !*slot)
            *slot = g;
        else if (g && status == CT_OK)
            status = ct__accumulate(w, slot, g);
        else
            ct__unhandle(g);
    }
    return status;
}

ct_status ct__reverse_vertex(ct__walk *w, ct_call *call, ct_tensor *t)
{
    ct_tensor *few[8], **gx = few;
    size_t bytes = t->input_count * sizeof *gx;
    if (!t->cotangent && !ct__has_cotangent(t)) /* nothing came: nothing goes on */
        return CT_OK;
    if (t->op == &ct__output_op)
        return ct__fill_slot(w, t);
    if (bytes > sizeof few)
        gx = ct__take(w->cx, bytes);
    ct_status status = gx ? reverse_with(w, call, t, gx) : CT_ERROR_MEMORY;
    if (gx != few)
        ct__give_back(w->cx, gx, bytes);
    return status;
}
