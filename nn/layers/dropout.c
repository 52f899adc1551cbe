/* Dropout as layers: of elements and of channels, except under ct_inference. */
#include "layers.h"

static ct_tensor *dropout_forward(ct_module *self, ct_tensor *x, void *user)
{
    return ct_is_inference(self->cx) ? x : ct_dropout(x, *(const double *)user);
}

/* every channel has one number, which ct_dropout keeps or drops */
static ct_tensor *channels_forward(ct_module *self, ct_tensor *x, void *user)
{
    int64_t shape[CT_MAX_DIMS] = { 0 };
    if (ct_is_inference(self->cx))
        return x;
    if (ct_ndim(x) < 2)
        return ct_fail(self->cx, CT_ERROR_SHAPE, "channel_dropout: x must be (n,channels,...), and "
                       "has %d dimensions", ct_ndim(x)), NULL;
    for (int i = 0; i < ct_ndim(x); i++)
        shape[i] = i < 2 ? ct_size(x, i) : 1;
    ct_tensor *ones = ct_ones(self->cx, ct_dtype_of(x), shape, ct_ndim(x));
    return ct_mul(x, ct_dropout(ones, *(const double *)user));
}

ct_module *ct_channel_dropout_new(ct_context *cx, double p)
{
    if (!(p >= 0 && p < 1))
        return ct_fail(cx, CT_ERROR_VALUE, "channel_dropout_new: p must be in [0, 1), got %g", p),
               NULL;
    return ct__module_with(cx, "channel_dropout", channels_forward, &p, sizeof p);
}

ct_module *ct_dropout_new(ct_context *cx, double p)
{
    if (!(p >= 0 && p < 1))
        return ct_fail(cx, CT_ERROR_VALUE, "dropout_new: p must be in [0, 1), got %g", p), NULL;
    return ct__module_with(cx, "dropout", dropout_forward, &p, sizeof p);
}
