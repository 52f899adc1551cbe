/* Layer normalization as a layer. Of weight and bias it has those that the options leave, as its
 * first entries, the weight before the bias. */
#include <math.h>

#include "layers.h"

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
    if (!ct__options_zeroed(cx, "layer_norm_new", o.reserved))
        return NULL;
    if (!shape || ndim < 1 || ndim > CT_MAX_DIMS)
        return ct_fail(cx, CT_ERROR_RANGE, "layer_norm_new: got %d sizes; the shape must have 1 "
                       "to %d", shape ? ndim : 0, CT_MAX_DIMS), NULL;
    if (!ct__parameters_float(cx, "layer_norm_new", dtype))
        return NULL;
    if (!isfinite(o.epsilon))
        return ct_fail(cx, CT_ERROR_VALUE, "layer_norm_new: epsilon must be finite, got %g",
                       o.epsilon), NULL;
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
