/* Normalizations without statistics as layers: of the last axes, and of groups of channels. Of
 * weight and bias a layer has those that the options leave, as its first entries, the weight before
 * the bias. */
#include <float.h>
#include <math.h>

#include "layers.h"

typedef struct norm {
    int ndim;
    int64_t shape[CT_MAX_DIMS]; /* of weight and bias */
    int64_t groups;
    double epsilon;
    bool no_weight, no_bias;
} norm;

static void parameters_of(const ct_module *m, const norm *a, ct_tensor **weight, ct_tensor **bias)
{
    const ct__entry *first = a->no_weight ? NULL : m->entries;
    const ct__entry *second = a->no_bias ? NULL : first ? ct__table_next(first) : m->entries;
    *weight = first ? first->tensor : NULL;
    *bias = second ? second->tensor : NULL;
}

static ct_tensor *layer_norm_forward(ct_module *self, ct_tensor *x, void *user)
{
    const norm *a = user;
    ct_tensor *weight, *bias;
    parameters_of(self, a, &weight, &bias);
    return ct_layer_norm(x, a->shape, a->ndim, weight, bias, a->epsilon);
}

static ct_tensor *rms_norm_forward(ct_module *self, ct_tensor *x, void *user)
{
    const norm *a = user;
    ct_tensor *weight, *bias;
    parameters_of(self, a, &weight, &bias);
    return ct_rms_norm(x, a->shape, a->ndim, weight, a->epsilon);
}

static ct_tensor *group_norm_forward(ct_module *self, ct_tensor *x, void *user)
{
    const norm *a = user;
    ct_tensor *weight, *bias;
    parameters_of(self, a, &weight, &bias);
    return ct_group_norm(x, a->groups, weight, bias, a->epsilon);
}

static bool add_parameters(ct_module *m, ct_dtype dtype, const norm *a)
{
    return (a->no_weight || ct_module_add_parameter(m, "weight", ct_ones(m->cx, dtype, a->shape,
                                                                         a->ndim))) &&
           (a->no_bias || ct_module_add_parameter(m, "bias", ct_zeros(m->cx, dtype, a->shape,
                                                                      a->ndim)));
}

/* a->epsilon is the default; `who` is the kind and "_new" */
static ct_module *make(ct_context *cx, const char *who, ct_forward forward, ct_dtype dtype,
                       const norm *a, const ct_layer_norm_options *options)
{
    const ct_layer_norm_options o = options ? *options : (ct_layer_norm_options){ 0 };
    norm n = *a;
    char kind[16];
    snprintf(kind, sizeof kind, "%.*s", (int)strlen(who) - 4, who);
    if (!ct__options_zeroed(cx, who, o.reserved) || !ct__parameters_float(cx, who, dtype))
        return NULL;
    if (!isfinite(o.epsilon))
        return ct_fail(cx, CT_ERROR_VALUE, "%s: epsilon must be finite, got %g", who, o.epsilon),
               NULL;
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NULL;
    n.epsilon = o.epsilon > 0 ? o.epsilon : o.epsilon < 0 ? 0 : a->epsilon;
    n.no_weight = o.no_weight;
    n.no_bias = o.no_bias || a->no_bias;
    ct_module *m = ct__module_with(cx, kind, forward, &n, sizeof n);
    if (m && !add_parameters(m, dtype, &n)) {
        ct_module_free(m);
        m = NULL;
    }
    ct_scope_end(cx, scope);
    return m;
}

static bool read_shape(ct_context *cx, const char *who, const int64_t *shape, int ndim, norm *a)
{
    if (!shape || ndim < 1 || ndim > CT_MAX_DIMS)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: got %d sizes; the shape must have 1 to %d", who,
                       shape ? ndim : 0, CT_MAX_DIMS), false;
    a->ndim = ndim;
    memcpy(a->shape, shape, (size_t)ndim * sizeof *shape);
    return true;
}

ct_module *ct_layer_norm_new(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim,
                             const ct_layer_norm_options *options)
{
    norm a = { .epsilon = 1e-5 };
    if (!read_shape(cx, "layer_norm_new", shape, ndim, &a))
        return NULL;
    return make(cx, "layer_norm_new", layer_norm_forward, dtype, &a, options);
}

ct_module *ct_rms_norm_new(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim,
                           const ct_layer_norm_options *options)
{
    norm a = { .epsilon = dtype == CT_F32 ? (double)FLT_EPSILON : DBL_EPSILON, .no_bias = true };
    if (!read_shape(cx, "rms_norm_new", shape, ndim, &a))
        return NULL;
    return make(cx, "rms_norm_new", rms_norm_forward, dtype, &a, options);
}

ct_module *ct_group_norm_new(ct_context *cx, ct_dtype dtype, int64_t groups, int64_t channels,
                             const ct_layer_norm_options *options)
{
    const norm a = { .ndim = 1, .shape = { channels }, .groups = groups, .epsilon = 1e-5 };
    if (groups < 1 || channels < 1 || channels % groups != 0)
        return ct_fail(cx, CT_ERROR_RANGE, "group_norm_new: a positive number of groups must "
                       "divide the channels, got %lld groups of %lld channels", (long long)groups,
                       (long long)channels), NULL;
    return make(cx, "group_norm_new", group_norm_forward, dtype, &a, options);
}
