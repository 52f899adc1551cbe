/* The layers: small modules over operators, and those that put modules in a row. */
#include <math.h>
#include <stdio.h>

#include "module.h"

/* -- Linear: the first entry is the weight, the second the bias, unless `user` says: none */
static ct_tensor *linear_activated(ct_module *m, ct_tensor *x, ct_activation activation)
{
    const ct__entry *weight = m->entries;
    bool no_bias = *(const bool *)m->user;
    return ct_linear_activation(x, weight->tensor,
                                no_bias ? NULL : ct__table_next(weight)->tensor, activation);
}

static ct_tensor *linear_forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)user;
    return linear_activated(self, x, CT_IDENTITY);
}

/* a parameter of m with values drawn for the fans; false and an error */
static bool add_drawn(ct_module *m, const char *name, ct_tensor *w, ct_init init,
                      const int64_t *sizes)
{
    return w && ct__initialize(w, init, sizes[0], sizes[1]) == CT_OK &&
           ct_module_add_parameter(m, name, w);
}

ct_module *ct_linear_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t outputs,
                         const ct_layer_options *options)
{
    const ct_layer_options o = options ? *options : (ct_layer_options){ 0 };
    if (!ct__zeroed(o.reserved, 4))
        return ct_fail(cx, CT_ERROR_VALUE, "linear_new: the options were not zeroed"), NULL;
    if (inputs < 1 || outputs < 1)
        return ct_fail(cx, CT_ERROR_RANGE, "linear_new: %lld inputs and %lld outputs; both are 1 "
                       "or more", (long long)inputs, (long long)outputs), NULL;
    if (inputs > INT64_MAX / (int64_t)sizeof(double) / outputs)
        return ct_fail(cx, CT_ERROR_RANGE, "linear_new: no memory holds %lld times %lld weights",
                       (long long)inputs, (long long)outputs), NULL;
    if (dtype != CT_F32 && dtype != CT_F64)
        return ct_fail(cx, CT_ERROR_DTYPE, "linear_new: parameters are f32 or f64"), NULL;
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NULL;
    const int64_t fans[] = { inputs, outputs };
    ct_module *m = ct__module_with(cx, "linear", linear_forward, &o.no_bias,
                                   sizeof o.no_bias);
    bool whole = m && add_drawn(m, "weight", ct_empty(cx, dtype, CT_SHAPE(outputs, inputs)),
                                o.weight_init ? o.weight_init : CT_GLOROT_UNIFORM, fans);
    if (whole && !o.no_bias)
        whole = add_drawn(m, "bias", ct_empty(cx, dtype, CT_SHAPE(outputs)),
                          o.bias_init ? o.bias_init : CT_INIT_ZEROS, fans);
    if (!whole) {
        ct_module_free(m);
        m = NULL;
    }
    ct_scope_end(cx, scope);
    return m;
}

/* -- Activation */
static ct_tensor *activation_forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)self;
    return ct_activate(x, *(const ct_activation *)user);
}

static const char *const kinds[] = { "identity", "relu",     "tanh", "sigmoid",   "gelu",
                                     "silu",     "softplus", "elu",  "leaky_relu" };

static bool is_activation(ct_context *cx, const char *who, ct_activation activation)
{
    if ((int)activation >= 0 && (size_t)activation < sizeof kinds / sizeof *kinds)
        return true;
    ct_fail(cx, CT_ERROR_VALUE, "%s: no such activation: %d", who, (int)activation);
    return false;
}

ct_module *ct_activation_new(ct_context *cx, ct_activation activation)
{
    if (!is_activation(cx, "activation_new", activation))
        return NULL;
    return ct__module_with(cx, kinds[activation], activation_forward, &activation,
                           sizeof activation);
}

/* -- Dropout */
static ct_tensor *dropout_forward(ct_module *self, ct_tensor *x, void *user)
{
    return ct_is_inference(self->cx) ? x : ct_dropout(x, *(const double *)user);
}

ct_module *ct_dropout_new(ct_context *cx, double p)
{
    if (!(p >= 0 && p < 1))
        return ct_fail(cx, CT_ERROR_VALUE, "dropout_new: p = %g is not in [0, 1)", p), NULL;
    return ct__module_with(cx, "dropout", dropout_forward, &p, sizeof p);
}

/* -- Layer norm: the parameters that there are, in order, are weight and bias */
typedef struct layer_norm {
    int ndim;
    int64_t shape[CT_MAX_DIMS];
    double epsilon;
    bool no_weight, no_bias;
} layer_norm;

static ct_tensor *layer_norm_forward(ct_module *self, ct_tensor *x, void *user)
{
    const layer_norm *a = user;
    const ct__entry *weight = a->no_weight ? NULL : self->entries;
    const ct__entry *bias = a->no_bias ? NULL : weight ? ct__table_next(weight) : self->entries;
    return ct_layer_norm(x, a->shape, a->ndim, weight ? weight->tensor : NULL,
                         bias ? bias->tensor : NULL, a->epsilon);
}

ct_module *ct_layer_norm_new(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim,
                             const ct_layer_norm_options *options)
{
    const ct_layer_norm_options o = options ? *options : (ct_layer_norm_options){ 0 };
    if (!ct__zeroed(o.reserved, 4))
        return ct_fail(cx, CT_ERROR_VALUE, "layer_norm_new: the options were not zeroed"), NULL;
    if (!shape || ndim < 1 || ndim > CT_MAX_DIMS)
        return ct_fail(cx, CT_ERROR_RANGE, "layer_norm_new: %d sizes; it takes 1 to %d", ndim,
                       CT_MAX_DIMS), NULL;
    if (dtype != CT_F32 && dtype != CT_F64)
        return ct_fail(cx, CT_ERROR_DTYPE, "layer_norm_new: parameters are f32 or f64"), NULL;
    if (!isfinite(o.epsilon))
        return ct_fail(cx, CT_ERROR_VALUE, "layer_norm_new: epsilon is %g", o.epsilon), NULL;
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NULL;
    layer_norm a = { ndim, { 0 }, o.epsilon > 0 ? o.epsilon : o.epsilon < 0 ? 0 : 1e-5,
                     o.no_weight, o.no_bias };
    memcpy(a.shape, shape, (size_t)ndim * sizeof *shape);
    ct_module *m = ct__module_with(cx, "layer_norm", layer_norm_forward, &a, sizeof a);
    bool whole = m && (o.no_weight || ct_module_add_parameter(m, "weight",
                                                              ct_ones(cx, dtype, shape, ndim)));
    whole = whole && (o.no_bias || ct_module_add_parameter(m, "bias",
                                                           ct_zeros(cx, dtype, shape, ndim)));
    if (!whole) {
        ct_module_free(m);
        m = NULL;
    }
    ct_scope_end(cx, scope);
    return m;
}

/* -- Sequential. A linear layer and the activation behind it are one call: fused, it saves a pass
 * over the layer's output each way, while names and modules stay those of PyTorch */
static ct_tensor *sequential_forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)user;
    const ct__entry *next;
    unsigned removals = self->removals;
    for (const ct__entry *e = self->entries; x && e; e = next) {
        next = ct__table_next(e);
        if (!e->child)
            continue;
        const ct_module *behind = next ? next->child : NULL;
        if (e->child->forward == linear_forward && behind &&
            behind->forward == activation_forward) {
            x = linear_activated(e->child, x, *(const ct_activation *)behind->user);
            next = ct__table_next(next);
        } else {
            x = ct_module_forward(e->child, x);
        }
        if (self->removals != removals)
            return ct_fail(self->cx, CT_ERROR_STALE, "sequential: layers were freed while it ran"),
                   NULL;
    }
    return x;
}

static bool append(ct_module *m, int i, ct_module *child)
{
    char name[16];
    snprintf(name, sizeof name, "%d", i);
    return ct_module_add(m, name, child) != NULL;
}

static bool given_before(ct_module *const *children, int i)
{
    int j = 0;
    while (children[j] != children[i])
        j++;
    return j < i;
}

ct_module *ct_sequential_new(ct_context *cx, ct_module *const *children, int n)
{
    if (n < 0 || (n > 0 && !children))
        return ct_fail(cx, CT_ERROR_NULL, "sequential_new: no children are given"), NULL;
    ct_module *m = ct__module_with(cx, "sequential", sequential_forward, NULL, 0);
    bool whole = m != NULL;
    for (int i = 0; i < n; i++) {
        if (!children[i] || given_before(children, i)) {
            ct_fail(cx, children[i] ? CT_ERROR_VALUE : CT_ERROR_NULL,
                    "sequential_new: child %d is %s", i,
                    children[i] ? "one of those before it" : "NULL");
            whole = false;
        } else {
            whole = append(m, i, children[i]) && whole; /* or frees it */
        }
    }
    if (whole)
        return m;
    ct_module_free(m);
    return NULL;
}

ct_module *ct_mlp_new(ct_context *cx, ct_dtype dtype, const int64_t *sizes, int n,
                      ct_activation hidden, const ct_layer_options *options)
{
    if (!sizes || n < 2)
        return ct_fail(cx, CT_ERROR_VALUE, "mlp_new: it takes two sizes or more"), NULL;
    if (!is_activation(cx, "mlp_new", hidden))
        return NULL;
    ct_layer_options last = options ? *options : (ct_layer_options){ 0 }, inner = last;
    if (!inner.weight_init && (hidden == CT_RELU || hidden == CT_LEAKY_RELU))
        inner.weight_init = CT_HE_UNIFORM;
    ct_module *m = ct_sequential_new(cx, NULL, 0);
    bool whole = m != NULL;
    for (int i = 0; whole && i < n - 1; i++) {
        bool is_last = i == n - 2;
        whole = append(m, 2 * i, ct_linear_new(cx, dtype, sizes[i], sizes[i + 1],
                                               is_last ? &last : &inner)) &&
                (is_last || append(m, 2 * i + 1, ct_activation_new(cx, hidden)));
    }
    if (whole)
        return m;
    ct_module_free(m);
    return NULL;
}
