/* Activations as layers: ct_activate, with the ct_activation as `user`. */
#include "layers.h"

ct_tensor *ct__activation_forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)self;
    return ct_activate(x, *(const ct_activation *)user);
}

static const char *const kinds[] = { "identity", "relu",     "tanh", "sigmoid",   "gelu",
                                     "silu",     "softplus", "elu",  "leaky_relu" };

bool ct__is_activation(ct_context *cx, const char *who, ct_activation activation)
{
    if ((int)activation >= 0 && (size_t)activation < sizeof kinds / sizeof *kinds)
        return true;
    ct_fail(cx, CT_ERROR_VALUE, "%s: no such activation: %d", who, (int)activation);
    return false;
}

ct_module *ct_activation_new(ct_context *cx, ct_activation activation)
{
    if (!ct__is_activation(cx, "activation_new", activation))
        return NULL;
    return ct__module_with(cx, kinds[activation], ct__activation_forward, &activation,
                           sizeof activation);
}
