/* Linear layers: y = x w^T + b. The first entry is the weight, the second the bias; `user` is a
 * bool that says that there is no bias. */
#include "layers.h"

ct_tensor *ct__linear_activated(ct_module *self, ct_tensor *x, ct_activation activation)
{
    const ct__entry *weight = self->entries;
    bool no_bias = *(const bool *)self->user;
    return ct_linear_activation(x, weight->tensor,
                                no_bias ? NULL : ct__table_next(weight)->tensor, activation);
}

ct_tensor *ct__linear_forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)user;
    return ct__linear_activated(self, x, CT_IDENTITY);
}

/* makes w a parameter of m, with values drawn for a fan-in of sizes[0] and a fan-out of sizes[1];
   false and an error */
static bool add_drawn(ct_module *m, const char *name, ct_tensor *w, ct_init init,
                      const int64_t *sizes)
{
    return w && ct__initialize(w, init, sizes[0], sizes[1]) == CT_OK &&
           ct_module_add_parameter(m, name, w);
}

static bool sizes_fit(ct_context *cx, int64_t inputs, int64_t outputs)
{
    if (inputs < 1 || outputs < 1)
        return ct_fail(cx, CT_ERROR_RANGE, "linear_new: got %lld inputs and %lld outputs; both "
                       "must be 1 or more", (long long)inputs, (long long)outputs), false;
    if (inputs > INT64_MAX / (int64_t)sizeof(double) / outputs)
        return ct_fail(cx, CT_ERROR_RANGE, "linear_new: %lld times %lld weights are more than any "
                       "memory holds", (long long)inputs, (long long)outputs), false;
    return true;
}

ct_module *ct_linear_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t outputs,
                         const ct_layer_options *options)
{
    const ct_layer_options o = options ? *options : (ct_layer_options){ 0 };
    if (!ct__options_zeroed(cx, "linear_new", o.reserved) || !sizes_fit(cx, inputs, outputs) ||
        !ct__parameters_float(cx, "linear_new", dtype))
        return NULL;
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NULL;
    const int64_t fans[] = { inputs, outputs };
    ct_module *m = ct__module_with(cx, "linear", ct__linear_forward, &o.no_bias,
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
