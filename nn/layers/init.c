/* Initial weights are independent, of mean 0, and of the variance that keeps the size of signals
 * from layer to layer. For y = W x with independent x, var(y) = fan_in var(W) var(x), and backward
 * the same holds with fan_out. So
 *   LeCun (1998)            var = 1 / fan_in                    keeps y
 *   Glorot, Bengio (2010)   var = 2 / (fan_in + fan_out)        between keeping y and gx
 *   He et al. (2015)        var = 2 / fan_in                    keeps y behind a relu
 * A uniform distribution on (-a, a) has variance a^2 / 3. */
#include <math.h>

#include "layers.h"

static double variance(ct_init init, double fan_in, double fan_out)
{
    switch (init) {
    case CT_GLOROT_UNIFORM:
    case CT_GLOROT_NORMAL:
        return 2 / (fan_in + fan_out);
    case CT_HE_UNIFORM:
    case CT_HE_NORMAL:
        return 2 / fan_in;
    case CT_LECUN_UNIFORM:
    case CT_LECUN_NORMAL:
        return 1 / fan_in;
    case CT_INIT_DEFAULT:
    case CT_INIT_ZEROS:
        break;
    }
    return NAN;
}

static ct_tensor *drawn(const ct_tensor *w, ct_init init, double variance)
{
    ct_context *cx = ct_context_of(w);
    double a = sqrt(3 * variance);
    if (init == CT_GLOROT_NORMAL || init == CT_HE_NORMAL || init == CT_LECUN_NORMAL)
        return ct_scale(ct_randn(cx, ct_dtype_of(w), ct_shape(w), ct_ndim(w)), sqrt(variance));
    return ct_shift(ct_scale(ct_rand(cx, ct_dtype_of(w), ct_shape(w), ct_ndim(w)), 2 * a), -a);
}

ct_status ct__initialize(ct_tensor *w, ct_init init, int64_t fan_in, int64_t fan_out)
{
    ct_context *cx = ct_context_of(w);
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return ct_error(cx);
    ct_no_grad(cx);
    double v = variance(init, (double)fan_in, (double)fan_out);
    ct_status status;
    if (init == CT_INIT_ZEROS) {
        status = ct_fill(w, 0);
    } else if (isnan(v)) {
        status = ct_fail(cx, CT_ERROR_VALUE, "initialize: no such initializer: %d", (int)init);
    } else {
        ct_tensor *values = drawn(w, init, v);
        status = values ? ct_assign(w, values) : ct_error(cx);
    }
    ct_scope_end(cx, scope);
    return status;
}

ct_status ct_initialize(ct_tensor *w, ct_init init)
{
    if (!w)
        return CT_ERROR_NULL;
    if (!ct_usable(w, "initialize"))
        return CT_ERROR_STALE;
    int ndim = ct_ndim(w);
    if (init == CT_INIT_DEFAULT)
        init = ndim < 2 ? CT_INIT_ZEROS : CT_GLOROT_UNIFORM;
    if (init == CT_INIT_ZEROS || ct_count(w) == 0)
        return ct__initialize(w, CT_INIT_ZEROS, 1, 1);
    if (ndim < 2)
        return ct_fail(ct_context_of(w), CT_ERROR_SHAPE,
                       "initialize: the shape must be (out,in,...) to have a fan-in, and this "
                       "tensor has %d dimensions", ndim);
    int64_t field = ct_count(w) / (ct_size(w, 0) * ct_size(w, 1)); /* of a kernel: 1 in a matrix */
    return ct__initialize(w, init, ct_size(w, 1) * field, ct_size(w, 0) * field);
}
