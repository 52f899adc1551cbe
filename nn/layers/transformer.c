/* Blocks of transformers (Vaswani et al. 2017; norm_first: Xiong et al. 2020), with the children
 * and names of PyTorch's TransformerEncoderLayer and TransformerDecoderLayer; and the positions
 * that are added to their input. */
#include <math.h>
#include <stdio.h>

#include "layers.h"

typedef struct block {
    bool decodes, norm_first;
    ct_activation activation;
    double dropout;
} block;

/* what one part of a block makes of x */
typedef struct inputs {
    ct_tensor *mask, *memory, *memory_mask;
} inputs;
typedef ct_tensor *part(ct_module *self, ct_tensor *x, const inputs *in);

static ct_tensor *dropped(ct_module *self, ct_tensor *x)
{
    double p = ((const block *)self->user)->dropout;
    return p == 0 || ct_is_inference(self->cx) ? x : ct_dropout(x, p);
}

static ct_tensor *attend(ct_module *self, const char *name, ct_tensor *const *x, ct_tensor *mask)
{
    ct_module *child = ct_module_child(self, name);
    return child && x[0] && x[1] ? dropped(self, ct__attend(child, x, mask)) : NULL;
}

static ct_tensor *look_at_itself(ct_module *self, ct_tensor *x, const inputs *in)
{
    return attend(self, "self_attn", (ct_tensor *[]){ x, x, x }, in->mask);
}

static ct_tensor *look_at_memory(ct_module *self, ct_tensor *x, const inputs *in)
{
    return attend(self, "multihead_attn", (ct_tensor *[]){ x, in->memory, in->memory },
                  in->memory_mask);
}

static ct_tensor *feed_forward(ct_module *self, ct_tensor *x, const inputs *in)
{
    (void)in;
    ct_module *first = ct_module_child(self, "linear1"), *last = ct_module_child(self, "linear2");
    if (!first || !last || !x)
        return NULL;
    ct_tensor *y = ct__linear_activated(first, x, ((const block *)self->user)->activation);
    return dropped(self, ct_module_forward(last, dropped(self, y)));
}

/* x + part(norm(x)), or norm(x + part(x)) */
static ct_tensor *with_norm(ct_module *self, int number, part *f, ct_tensor *x, const inputs *in)
{
    char name[16];
    snprintf(name, sizeof name, "norm%d", number);
    ct_module *norm = ct_module_child(self, name);
    if (!norm || !x)
        return NULL;
    if (((const block *)self->user)->norm_first)
        return ct_add(x, f(self, ct_module_forward(norm, x), in));
    return ct_module_forward(norm, ct_add(x, f(self, x, in)));
}

static ct_tensor *transform(ct_module *self, ct_tensor *x, const inputs *in)
{
    int number = 1;
    x = with_norm(self, number++, look_at_itself, x, in);
    if (in->memory)
        x = with_norm(self, number++, look_at_memory, x, in);
    return with_norm(self, number, feed_forward, x, in);
}

static ct_tensor *encoder_forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)user;
    return transform(self, x, &(inputs){ NULL, NULL, NULL });
}

static ct_tensor *decoder_forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)x, (void)user;
    return ct_fail(self->cx, CT_ERROR_NULL, "transformer_decoder: it needs a memory: call "
                   "ct_transformer_forward"), NULL;
}

ct_tensor *ct_transformer_forward(ct_module *m, ct_tensor *x, ct_tensor *mask, ct_tensor *memory,
                                  ct_tensor *memory_mask)
{
    const char *who = "transformer_forward";
    const inputs in = { mask, memory, memory_mask };
    if (!ct__none_stale(who, (const ct_tensor *[]){ x, mask, memory, memory_mask }, 4))
        return NULL;
    if (!m || !x)
        return ct_fail(m ? m->cx : ct_context_of(x), CT_ERROR_NULL, "%s: the %s is NULL", who,
                       m ? "input" : "module"), NULL;
    if (!ct__module_alive(m, who) || ct_error(m->cx) != CT_OK)
        return NULL;
    if (m->forward != encoder_forward && m->forward != decoder_forward)
        return ct_fail(m->cx, CT_ERROR_VALUE, "%s: this %s is no block of a transformer", who,
                       m->kind), NULL;
    if (m->forward == decoder_forward ? !memory : memory || memory_mask)
        return ct_fail(m->cx, memory ? CT_ERROR_VALUE : CT_ERROR_NULL, "%s: a decoder needs a "
                       "memory, and an encoder has none", who), NULL;
    ct_scope scope = ct_scope_begin(m->cx);
    return scope ? ct_scope_return(m->cx, scope, transform(m, x, &in)) : NULL;
}

/* -- Constructors */
static bool add_norms(ct_module *m, ct_dtype dtype, int64_t size, double epsilon)
{
    char name[16];
    bool whole = true;
    for (int i = 1; whole && i <= (((const block *)m->user)->decodes ? 3 : 2); i++) {
        snprintf(name, sizeof name, "norm%d", i);
        whole = ct_module_add(m, name, ct_layer_norm_new(m->cx, dtype, &size, 1,
                                  &(ct_layer_norm_options){ .epsilon = epsilon }));
    }
    return whole;
}

static bool add_children(ct_module *m, ct_dtype dtype, int64_t size, int64_t heads,
                         const ct_transformer_options *o)
{
    ct_context *cx = m->cx;
    int64_t hidden = o->hidden ? o->hidden : 4 * size;
    const ct_multi_head_options memory = { .dropout = o->dropout };
    const ct_multi_head_options itself = { .dropout = o->dropout, .causal = o->causal };
    return ct_module_add(m, "self_attn",
                         ct_multi_head_attention_new(cx, dtype, size, heads, &itself)) &&
           (!((const block *)m->user)->decodes ||
            ct_module_add(m, "multihead_attn",
                          ct_multi_head_attention_new(cx, dtype, size, heads, &memory))) &&
           ct_module_add(m, "linear1", ct_linear_new(cx, dtype, size, hidden, NULL)) &&
           ct_module_add(m, "linear2", ct_linear_new(cx, dtype, hidden, size, NULL)) &&
           add_norms(m, dtype, size, o->epsilon);
}

static ct_module *make(ct_context *cx, bool decodes, ct_dtype dtype, int64_t size, int64_t heads,
                       const ct_transformer_options *options)
{
    const char *who = decodes ? "transformer_decoder_new" : "transformer_encoder_new";
    const ct_transformer_options o = options ? *options : (ct_transformer_options){ 0 };
    const block b = { decodes, o.norm_first, o.activation ? o.activation : CT_RELU, o.dropout };
    if (!ct__options_zeroed(cx, who, o.reserved) || !ct__is_activation(cx, who, b.activation))
        return NULL;
    if (!(o.dropout >= 0 && o.dropout < 1))
        return ct_fail(cx, CT_ERROR_VALUE, "%s: dropout must be in [0, 1), got %g", who,
                       o.dropout), NULL;
    ct_module *m = ct__module_with(cx, decodes ? "transformer_decoder" : "transformer_encoder",
                                   decodes ? decoder_forward : encoder_forward, &b, sizeof b);
    if (m && add_children(m, dtype, size, heads, &o))
        return m;
    ct_module_free(m);
    return NULL;
}

ct_module *ct_transformer_encoder_new(ct_context *cx, ct_dtype dtype, int64_t size, int64_t heads,
                                      const ct_transformer_options *options)
{
    return make(cx, false, dtype, size, heads, options);
}

ct_module *ct_transformer_decoder_new(ct_context *cx, ct_dtype dtype, int64_t size, int64_t heads,
                                      const ct_transformer_options *options)
{
    return make(cx, true, dtype, size, heads, options);
}

/* -- Positions */
ct_tensor *ct_positions(ct_context *cx, ct_dtype dtype, int64_t n, int64_t size)
{
    if (!ct__parameters_float(cx, "positions", dtype))
        return NULL;
    if (n < 0 || size < 0)
        return ct_fail(cx, CT_ERROR_RANGE, "positions: sizes must not be negative, got %lld and "
                       "%lld", (long long)n, (long long)size), NULL;
    ct_tensor *y = ct_empty(cx, dtype, CT_SHAPE(n, size));
    void *to = y ? ct_data_mutable(y) : NULL;
    for (int64_t i = 0; to && i < n; i++)
        for (int64_t j = 0; j < size; j++) {
            double angle = (double)i * pow(10000, -(double)(j - j % 2) / (double)size);
            double value = j % 2 ? cos(angle) : sin(angle);
            if (dtype == CT_F64)
                ((double *)to)[i * size + j] = value;
            else
                ((float *)to)[i * size + j] = (float)value;
        }
    return y;
}
