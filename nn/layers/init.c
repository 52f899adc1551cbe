/* Initial weights are independent, of mean 0, and of the variance that keeps the size of signals
 * from layer to layer. For y = W x with independent x, var(y) = fan_in var(W) var(x), and backward
 * the same holds with fan_out. So
 *   LeCun (1998)            var = 1 / fan_in                    keeps y
 *   Glorot, Bengio (2010)   var = 2 / (fan_in + fan_out)        between keeping y and gx
 *   He et al. (2015)        var = 2 / fan_in                    keeps y behind a relu
 * A uniform distribution on (-a, a) has variance a^2 / 3.
 *
 * Orthogonal (Saxe, McClelland, Ganguli 2014): the Q of a matrix of normal draws, with a positive
 * diagonal of R, is uniform among the orthogonal ones. Truncated normal: Phi^-1 of uniform draws
 * between Phi(-2) and Phi(2), by erfinv: no draw is thrown away, so each takes one. */
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
    case CT_INIT_CONSTANT:
    case CT_TRUNCATED_NORMAL:
    case CT_ORTHOGONAL:
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

/* of standard deviation 1 before it was cut off at -2 and 2 */
static ct_tensor *truncated(const ct_tensor *w)
{
    const double most = 0.95449973610364158560; /* erf(2 / sqrt 2) */
    ct_tensor *u = ct_rand(ct_context_of(w), CT_F64, ct_shape(w), ct_ndim(w));
    u = ct_shift(ct_scale(u, 2 * most), -most);
    return ct_cast(ct_clamp(ct_scale(ct_erfinv(u), sqrt(2)), -2, 2), ct_dtype_of(w));
}

/* the rows are orthonormal, or the columns if these are fewer */
static ct_tensor *orthogonal(const ct_tensor *w)
{
    int64_t rows = ct_size(w, 0), columns = ct_count(w) / rows;
    bool wide = rows < columns;
    ct_tensor *draws = ct_randn(ct_context_of(w), ct_dtype_of(w),
                                CT_SHAPE(wide ? columns : rows, wide ? rows : columns)), *q;
    if (ct_qr(draws, &q, NULL) != CT_OK)
        return NULL;
    return ct_reshape(wide ? ct_transpose(q) : q, ct_shape(w), ct_ndim(w));
}

/* values of that kind, before the gain; NULL and an error */
static ct_tensor *values_of(const ct_tensor *w, ct_init init, double fan_in, double fan_out)
{
    if (init == CT_TRUNCATED_NORMAL)
        return truncated(w);
    if (init == CT_ORTHOGONAL)
        return orthogonal(w);
    double v = variance(init, fan_in, fan_out);
    if (!isnan(v))
        return drawn(w, init, v);
    ct_fail(ct_context_of(w), CT_ERROR_VALUE, "initialize: no such initializer: %d", (int)init);
    return NULL;
}

static ct_status initialize(ct_tensor *w, ct_init init, int64_t fan_in, int64_t fan_out,
                            const ct_init_options *o)
{
    ct_context *cx = ct_context_of(w);
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return ct_error(cx);
    ct_no_grad(cx);
    ct_status status;
    if (init == CT_INIT_ZEROS || init == CT_INIT_CONSTANT) {
        status = ct_fill(w, init == CT_INIT_ZEROS ? 0 : o->value);
    } else {
        ct_tensor *values = values_of(w, init, (double)fan_in, (double)fan_out);
        double by = (o->gain != 0 ? o->gain : 1) *
                    (init == CT_TRUNCATED_NORMAL && o->value != 0 ? o->value : 1);
        values = by == 1 ? values : ct_scale(values, by);
        status = values ? ct_assign(w, values) : ct_error(cx);
    }
    ct_scope_end(cx, scope);
    return status;
}

ct_status ct__initialize(ct_tensor *w, ct_init init, int64_t fan_in, int64_t fan_out)
{
    return initialize(w, init, fan_in, fan_out, &(ct_init_options){ 0 });
}

/* which need no fans */
static bool any_shape(ct_init init)
{
    return init == CT_INIT_ZEROS || init == CT_INIT_CONSTANT || init == CT_TRUNCATED_NORMAL;
}

ct_status ct_initialize_as(ct_tensor *w, ct_init init, const ct_init_options *options)
{
    const ct_init_options o = options ? *options : (ct_init_options){ 0 };
    if (!w)
        return CT_ERROR_NULL;
    if (!ct_usable(w, "initialize"))
        return CT_ERROR_STALE;
    ct_context *cx = ct_context_of(w);
    if (!ct__options_zeroed(cx, "initialize", o.reserved))
        return CT_ERROR_VALUE;
    if (!isfinite(o.gain) || !isfinite(o.value))
        return ct_fail(cx, CT_ERROR_VALUE, "initialize: gain and value must be finite, got %g and "
                       "%g", o.gain, o.value);
    int ndim = ct_ndim(w);
    if (init == CT_INIT_DEFAULT)
        init = ndim < 2 ? CT_INIT_ZEROS : CT_GLOROT_UNIFORM;
    if (any_shape(init) || ct_count(w) == 0)
        return initialize(w, ct_count(w) == 0 ? CT_INIT_ZEROS : init, 1, 1, &o);
    if (ndim < 2)
        return ct_fail(cx, CT_ERROR_SHAPE,
                       "initialize: the shape must be (out,in,...) to have a fan-in, and this "
                       "tensor has %d dimensions", ndim);
    int64_t field = ct_count(w) / (ct_size(w, 0) * ct_size(w, 1)); /* of a kernel: 1 in a matrix */
    return initialize(w, init, ct_size(w, 1) * field, ct_size(w, 0) * field, &o);
}

ct_status ct_initialize(ct_tensor *w, ct_init init)
{
    return ct_initialize_as(w, init, NULL);
}

double ct_gain(ct_activation activation)
{
    switch (activation) {
    case CT_TANH:
        return 5.0 / 3;
    case CT_RELU:
        return sqrt(2);
    case CT_LEAKY_RELU:
        return sqrt(2 / (1 + 0.01 * 0.01));
    default:
        return 1;
    }
}
