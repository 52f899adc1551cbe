/* Attention of several heads (Vaswani et al. 2017): q, k and v are made of the inputs by a third of
 * "in_proj_weight" each, cut into heads, and what ct_attention makes of these, side by side, goes
 * through "out_proj". Names are those of PyTorch's MultiheadAttention. */
#include "layers.h"

typedef struct attention {
    int64_t size, heads;
    bool no_bias, causal;
    double dropout;
} attention;

/* (...,t,size) as (...,heads,t,size / heads) */
static ct_tensor *in_heads(ct_tensor *x, int64_t heads)
{
    int64_t shape[CT_MAX_DIMS + 1];
    if (!x)
        return NULL;
    int ndim = ct_ndim(x);
    memcpy(shape, ct_shape(x), (size_t)ndim * sizeof *shape);
    shape[ndim] = shape[ndim - 1] / heads;
    shape[ndim - 1] = heads;
    return ct_swap_axes(ct_reshape(x, shape, ndim + 1), -2, -3);
}

/* heads of x times the part of the weight that makes q (0), k (1) or v (2) */
static ct_tensor *projected(ct_module *self, const attention *a, ct_tensor *x, int part)
{
    int64_t from = part * a->size, to = from + a->size;
    ct_tensor *w = ct_slice(ct_module_parameter(self, "in_proj_weight"), 0, from, to, 1), *b = NULL;
    if (!a->no_bias)
        b = ct_slice(ct_module_parameter(self, "in_proj_bias"), 0, from, to, 1);
    return in_heads(w && (b || a->no_bias) ? ct_linear(x, w, b) : NULL, a->heads);
}

static bool input_fits(ct_module *self, const attention *a, const ct_tensor *x)
{
    char room[CT_SHAPE_TEXT];
    if (ct_ndim(x) >= 2 && ct_ndim(x) < CT_MAX_DIMS && ct_size(x, -1) == a->size)
        return true;
    ct_fail(self->cx, CT_ERROR_SHAPE, "multi_head_attention: x must be (...,t,%lld), got %s",
            (long long)a->size, ct_shape_text(x, room));
    return false;
}

ct_tensor *ct__attend(ct_module *self, ct_tensor *const *x, ct_tensor *mask)
{
    const attention *a = self->user;
    const ct_attention_options options = { .causal = a->causal, .dropout =
                                           ct_is_inference(self->cx) ? 0 : a->dropout };
    ct_tensor *heads[3];
    for (int i = 0; i < 3; i++)
        if (!input_fits(self, a, x[i]))
            return NULL;
    for (int i = 0; i < 3; i++)
        heads[i] = projected(self, a, x[i], i);
    ct_tensor *y = ct_swap_axes(ct_attention(heads[0], heads[1], heads[2], mask, &options), -2, -3);
    return ct_module_forward(ct_module_child(self, "out_proj"), y ? ct_flatten(y, -2, -1) : NULL);
}

static ct_tensor *attention_forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)user;
    return ct__attend(self, (ct_tensor *[]){ x, x, x }, NULL);
}

ct_tensor *ct_module_attend(ct_module *m, ct_tensor *q, ct_tensor *k, ct_tensor *v,
                            ct_tensor *mask)
{
    const char *who = "module_attend";
    ct_tensor *x[] = { q, k, v, mask };
    if (!ct__none_stale(who, (const ct_tensor *const *)x, 4))
        return NULL;
    if (!m || !q || !k || !v)
        return ct_fail(m ? m->cx : q ? ct_context_of(q) : NULL, CT_ERROR_NULL, "%s: the %s is NULL",
                       who, m ? "input" : "module"), NULL;
    if (!ct__module_alive(m, who) || (!mask && ct_error(m->cx) != CT_OK))
        return NULL;
    if (m->forward != attention_forward)
        return ct_fail(m->cx, CT_ERROR_VALUE, "%s: this %s is no multi_head_attention", who,
                       m->kind), NULL;
    ct_scope scope = ct_scope_begin(m->cx);
    return scope ? ct_scope_return(m->cx, scope, ct__attend(m, x, mask)) : NULL;
}

static bool add_parameters(ct_module *m, ct_dtype dtype, const attention *a)
{
    ct_tensor *w = ct_empty(m->cx, dtype, CT_SHAPE(3 * a->size, a->size));
    return w && ct__initialize(w, CT_GLOROT_UNIFORM, a->size, 3 * a->size) == CT_OK &&
           ct_module_add_parameter(m, "in_proj_weight", w) &&
           (a->no_bias || ct_module_add_parameter(m, "in_proj_bias",
                                                  ct_zeros(m->cx, dtype, CT_SHAPE(3 * a->size)))) &&
           ct_module_add(m, "out_proj",
                         ct_linear_new(m->cx, dtype, a->size, a->size,
                                       &(ct_layer_options){ .no_bias = a->no_bias }));
}

ct_module *ct_multi_head_attention_new(ct_context *cx, ct_dtype dtype, int64_t size, int64_t heads,
                                       const ct_multi_head_options *options)
{
    const char *who = "multi_head_attention_new";
    const ct_multi_head_options o = options ? *options : (ct_multi_head_options){ 0 };
    const attention a = { size, heads, o.no_bias, o.causal, o.dropout };
    if (!ct__options_zeroed(cx, who, o.reserved) || !ct__parameters_float(cx, who, dtype))
        return NULL;
    if (size < 1 || size > 1 << 24 || heads < 1 || size % heads != 0)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: the size must be positive and a multiple of the "
                       "number of heads, got %lld and %lld", who, (long long)size,
                       (long long)heads), NULL;
    if (!(o.dropout >= 0 && o.dropout < 1))
        return ct_fail(cx, CT_ERROR_VALUE, "%s: dropout must be in [0, 1), got %g", who,
                       o.dropout), NULL;
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NULL;
    ct_module *m = ct__module_with(cx, "multi_head_attention", attention_forward, &a, sizeof a);
    if (m && !add_parameters(m, dtype, &a)) {
        ct_module_free(m);
        m = NULL;
    }
    ct_scope_end(cx, scope);
    return m;
}
