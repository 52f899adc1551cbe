/* Convolutions as layers, of 1 to 3 axes, and transposed. The first entry is the weight, the second
 * the bias if there is one. */
#include "layers.h"

typedef struct conv {
    ct_conv_options options;
    bool no_bias, transposes;
} conv;

static ct_tensor *conv_forward(ct_module *self, ct_tensor *x, void *user)
{
    const conv *a = user;
    const ct__entry *weight = self->entries;
    ct_tensor *bias = a->no_bias ? NULL : ct__table_next(weight)->tensor;
    return (a->transposes ? ct_conv_transpose : ct_conv)(x, weight->tensor, bias, &a->options);
}

/* what a constructor is given, and what follows from that */
typedef struct layer {
    const char *kind, *who; /* "conv2d"; "conv2d_new" for messages */
    int axes;
    bool transposes;
    ct_dtype dtype;
    int64_t inputs, outputs, kernel;
    const ct_conv_layer_options *options;
} layer;

static int64_t kernel_of(const layer *l, int d)
{
    int64_t own = l->options ? l->options->kernels[d] : 0;
    return own ? own : l->kernel;
}

/* inputs, outputs and kernel are positive, groups divide, and the weight has a size that can be */
static bool sizes_fit(ct_context *cx, const layer *l, int64_t groups)
{
    double count = (double)l->inputs * (double)l->outputs;
    if (l->inputs < 1 || l->outputs < 1)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: got %lld input and %lld output channels; both "
                       "must be 1 or more", l->who, (long long)l->inputs, (long long)l->outputs),
               false;
    if (groups < 1 || l->inputs % groups != 0 || l->outputs % groups != 0)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: groups must divide %lld and %lld channels, got "
                       "%lld", l->who, (long long)l->inputs, (long long)l->outputs,
                       (long long)groups), false;
    for (int d = 0; d < l->axes; d++) {
        if (kernel_of(l, d) < 1)
            return ct_fail(cx, CT_ERROR_RANGE, "%s: the kernel must be 1 or more along each axis, "
                           "got %lld", l->who, (long long)kernel_of(l, d)), false;
        count *= (double)kernel_of(l, d);
    }
    if (count > 0x1p59)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: %g weights are more than any memory holds",
                       l->who, count), false;
    return true;
}

/* values for a sum of `fans` elements, and of as many terms in which an element of x is */
static bool add_drawn(ct_module *m, const char *name, ct_tensor *w, ct_init init,
                      const int64_t fans[2])
{
    return w && ct__initialize(w, init, fans[0], fans[1]) == CT_OK &&
           ct_module_add_parameter(m, name, w);
}

static bool add_parameters(ct_module *m, const layer *l, int64_t groups, ct_layer_options o)
{
    int64_t shape[5] = { l->outputs, l->inputs / groups }, field = 1;
    if (l->transposes)
        shape[0] = l->inputs, shape[1] = l->outputs / groups;
    for (int d = 0; d < l->axes; d++)
        field *= shape[2 + d] = kernel_of(l, d);
    const int64_t fans[] = { l->inputs / groups * field, l->outputs / groups * field };
    return add_drawn(m, "weight", ct_empty(m->cx, l->dtype, shape, 2 + l->axes),
                     o.weight_init ? o.weight_init : CT_GLOROT_UNIFORM, fans) &&
           (o.no_bias || add_drawn(m, "bias", ct_empty(m->cx, l->dtype, CT_SHAPE(l->outputs)),
                                   o.bias_init ? o.bias_init : CT_INIT_ZEROS, fans));
}

static ct_module *make(ct_context *cx, const layer *l)
{
    const ct_conv_layer_options o = l->options ? *l->options : (ct_conv_layer_options){ 0 };
    int64_t groups = o.conv.groups ? o.conv.groups : 1;
    if (!ct__options_zeroed(cx, l->who, o.conv.reserved) ||
        !ct__options_zeroed(cx, l->who, o.layer.reserved) || !sizes_fit(cx, l, groups) ||
        !ct__parameters_float(cx, l->who, l->dtype))
        return NULL;
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NULL;
    const conv a = { o.conv, o.layer.no_bias, l->transposes };
    ct_module *m = ct__module_with(cx, l->kind, conv_forward, &a, sizeof a);
    if (m && !add_parameters(m, l, groups, o.layer)) {
        ct_module_free(m);
        m = NULL;
    }
    ct_scope_end(cx, scope);
    return m;
}

#define CONSTRUCTOR(name, axes, transposes)                                                     \
    ct_module *ct_##name##_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t outputs, \
                               int64_t kernel, const ct_conv_layer_options *options)            \
    {                                                                                           \
        return make(cx, &(layer){ #name, #name "_new", axes, transposes, dtype, inputs, outputs, \
                                  kernel, options });                                           \
    }
CONSTRUCTOR(conv1d, 1, false)
CONSTRUCTOR(conv2d, 2, false)
CONSTRUCTOR(conv3d, 3, false)
CONSTRUCTOR(conv_transpose1d, 1, true)
CONSTRUCTOR(conv_transpose2d, 2, true)
CONSTRUCTOR(conv_transpose3d, 3, true)
