/* Layers whose weight is made of other parameters: weight norm and spectral norm. The module holds
 * these parameters, and the layer as its child "module". The weight's entry in the layer stays, in
 * its place, without a tensor, and so is passed over by all that looks at parameters; it gets the
 * weight while the layer runs. */
#include "layers.h"

typedef struct reparametrized {
    int axis;           /* from 0 on */
    int64_t iterations; /* spectral norm's */
} reparametrized;

/* the entry of the layer that waits for its weight */
static ct__entry *open_place(const ct_module *layer)
{
    ct__entry *entry = layer->entries;
    while (entry && (entry->tensor || entry->child))
        entry = ct__table_next(entry);
    return entry;
}

static ct_tensor *entry_of(const ct_module *m, const char *name)
{
    const ct__entry *entry = ct__table_find(m->entries, name, strlen(name));
    return entry ? entry->tensor : NULL;
}

static ct_tensor *run(const ct_module *self, ct_tensor *x, ct_tensor *w)
{
    const ct__entry *child = ct__table_find(self->entries, "module", strlen("module"));
    ct__entry *place = child ? open_place(child->child) : NULL;
    const unsigned removals = self->removals;
    if (!w)
        return NULL;
    if (!place)
        return ct_fail(self->cx, CT_ERROR_STALE, "%s: its module was freed, or has its weight "
                       "already", self->kind), NULL;
    place->tensor = w;
    ct_tensor *y = ct_module_forward(child->child, x);
    if (self->removals == removals)
        place->tensor = NULL;
    return y;
}

/* -- weight = g v / |v|, where |v| is over all axes but one */
static ct_tensor *norm_of(ct_tensor *v, int axis)
{
    int64_t axes[CT_MAX_DIMS] = { 0 };
    int n = 0;
    for (int d = 0; d < ct_ndim(v); d++)
        if (d != axis)
            axes[n++] = d;
    return ct_norm_over(v, 2, axes, n, CT_KEEPDIMS);
}

static ct_tensor *weight_norm_forward(ct_module *self, ct_tensor *x, void *user)
{
    const reparametrized *a = user;
    ct_tensor *g = entry_of(self, "weight_g"), *v = entry_of(self, "weight_v");
    return run(self, x, ct_mul(v, ct_div(g, norm_of(v, a->axis))));
}

/* -- weight = w / sigma, sigma = u . W v, with W = w as a matrix whose rows go along the axis */
static ct_tensor *matrix_of(ct_tensor *w, int axis)
{
    ct_tensor *front = ct_move_axis(w, axis, 0);
    return ct_reshape(front, CT_SHAPE(ct_size(w, axis), ct_count(w) / ct_size(w, axis)));
}

static ct_tensor *unit(ct_tensor *x)
{
    return ct_div(x, ct_maximum(ct_norm(x, 2), ct_scalar_like(x, 1e-12)));
}

/* v = W^T u and u = W v, both made units; the buffers keep them */
static ct_status iterate(ct_tensor *w, int64_t times, ct_tensor *u, ct_tensor *v)
{
    ct_scope scope = ct_scope_begin(ct_context_of(w));
    ct_no_grad(ct_context_of(w));
    ct_tensor *left = u, *right = v;
    for (int64_t i = 0; i < times; i++) {
        right = unit(ct_matmul(ct_transpose(w), left));
        left = unit(ct_matmul(w, right));
    }
    ct_status status = left && right ? ct_assign(u, left) : CT_ERROR_MEMORY;
    status = status == CT_OK ? ct_assign(v, right) : status;
    ct_scope_end(ct_context_of(w), scope);
    return status;
}

static ct_tensor *spectral_norm_forward(ct_module *self, ct_tensor *x, void *user)
{
    const reparametrized *a = user;
    ct_tensor *w = entry_of(self, "weight_orig"), *matrix = matrix_of(w, a->axis);
    ct_tensor *u = entry_of(self, "weight_u"), *v = entry_of(self, "weight_v");
    bool trains = !ct_is_inference(self->cx) && !ct_is_repeating(self->cx);
    if (!matrix || (trains && iterate(matrix, a->iterations, u, v) != CT_OK))
        return NULL;
    u = ct_scale(u, 1); /* copies, since the next call writes into the buffers */
    v = ct_scale(v, 1);
    return run(self, x, ct_div(w, ct_sum(ct_mul(u, ct_matmul(matrix, v)))));
}

/* -- Making them */
/* the weight's entry, or an error; *axis becomes a number from 0 on */
static ct__entry *find_weight(const ct_module *layer, const char *who, const char *name, int *axis)
{
    ct__entry *entry = ct__table_find(layer->entries, name, strlen(name));
    if (!entry || !entry->tensor || !entry->trained)
        return ct_fail(layer->cx, CT_ERROR_VALUE, "%s: this %s must have a parameter '%s'", who,
                       layer->kind, name), NULL;
    int ndim = ct_ndim(entry->tensor), from_start = *axis < 0 ? *axis + ndim : *axis;
    if (ndim < 2 || from_start < 0 || from_start >= ndim)
        return ct_fail(layer->cx, CT_ERROR_RANGE, "%s: '%s' must have 2 dimensions or more, and "
                       "the axis must be one of them, got %d dimensions and axis %d", who, name,
                       ndim, *axis), NULL;
    *axis = from_start;
    return entry;
}

static bool add_weight_norm(ct_module *m, ct_tensor *w, int axis)
{
    ct_tensor *g = ct_detach(norm_of(w, axis));
    return ct_module_add_parameter(m, "weight_g", g) && ct_module_add_parameter(m, "weight_v", w);
}

static bool add_spectral_norm(ct_module *m, ct_tensor *w, int axis)
{
    const int64_t h = ct_size(w, axis), rest = ct_count(w) / (h > 0 ? h : 1);
    ct_tensor *u = unit(ct_randn(m->cx, ct_dtype_of(w), &h, 1));
    ct_tensor *v = unit(ct_randn(m->cx, ct_dtype_of(w), &rest, 1));
    return ct_module_add_parameter(m, "weight_orig", w) &&
           ct_module_add_buffer(m, "weight_u", u) && ct_module_add_buffer(m, "weight_v", v);
}

/* the layer, whose weight becomes the parameter of a module m; on failure both are freed */
static ct_module *wrap(ct_module *layer, const char *name, const char *who, ct_module *m,
                       bool (*add)(ct_module *m, ct_tensor *w, int axis))
{
    reparametrized *a = m ? m->user : NULL;
    if (layer->parent) {
        ct_module_free(m);
        return ct_fail(layer->cx, CT_ERROR_VALUE, "%s: this %s is a child already, and can have "
                       "one parent only", who, layer->kind), NULL;
    }
    ct__entry *entry = m ? find_weight(layer, who, name, &a->axis) : NULL;
    ct_scope scope = entry ? ct_scope_begin(layer->cx) : 0;
    bool added = false;
    if (scope) {
        ct_no_grad(layer->cx);
        added = add(m, entry->tensor, a->axis);
        ct_scope_end(layer->cx, scope);
    }
    if (!added) {
        ct_module_free(m);
        ct_module_free(layer);
        return NULL;
    }
    ct_release(entry->tensor);
    entry->tensor = NULL;
    entry->trained = false;
    ct__module_forget_lists(layer);
    if (ct_module_add(m, "module", layer))
        return m;
    ct_module_free(m);
    return NULL;
}

ct_module *ct_weight_norm_new(ct_module *layer, const char *name, int axis)
{
    const reparametrized a = { .axis = axis };
    if (!ct__module_alive(layer, "weight_norm_new"))
        return NULL;
    ct_module *m = ct__module_with(layer->cx, "weight_norm", weight_norm_forward, &a, sizeof a);
    return wrap(layer, name ? name : "weight", "weight_norm_new", m, add_weight_norm);
}

ct_module *ct_spectral_norm_new(ct_module *layer, const char *name, int axis, int64_t iterations)
{
    const reparametrized a = { axis, iterations > 0 ? iterations : 1 };
    if (!ct__module_alive(layer, "spectral_norm_new"))
        return NULL;
    ct_module *m = ct__module_with(layer->cx, "spectral_norm", spectral_norm_forward, &a, sizeof a);
    return wrap(layer, name ? name : "weight", "spectral_norm_new", m, add_spectral_norm);
}
