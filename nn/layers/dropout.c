/* Dropout as a layer: ct_dropout, except under ct_inference. */
#include "layers.h"

static ct_tensor *dropout_forward(ct_module *self, ct_tensor *x, void *user)
{
    return ct_is_inference(self->cx) ? x : ct_dropout(x, *(const double *)user);
}

ct_module *ct_dropout_new(ct_context *cx, double p)
{
    if (!(p >= 0 && p < 1))
        return ct_fail(cx, CT_ERROR_VALUE, "dropout_new: p must be in [0, 1), got %g", p), NULL;
    return ct__module_with(cx, "dropout", dropout_forward, &p, sizeof p);
}
