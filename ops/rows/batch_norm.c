/* Batch normalization, and the derivatives of all normalizations of channels as compositions.
 * channels.c has the formulas. */
#include "channels.h"

#include <cotangent/ops.h>
#include <string.h>

/* -- The rule. x, its statistics and the parameters are looked at as (N,S,P,L) for S P channels:
 * there the axes of a set are the last two, and for batch norm, whose P is 1, the first too */
typedef struct parts {
    int64_t shape[4], statistics[4];
    int64_t axes[3];
    int n;
    ct_tensor *far;       /* x u - mean(x u), where u is the unit, a power of 2 */
    ct_tensor *u, *r, *h; /* u is NULL if the statistics are given */
} parts;

static parts shapes_of(const ct_call *call)
{
    const ct__channels *a = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    const int64_t sets = a->groups > 0 ? a->groups : ct_shape(x)[1];
    parts p = { .shape = { ct_shape(x)[0], sets, sets > 0 ? ct_shape(x)[1] / sets : 1, 1 },
                .axes = { 2, 3, 0 }, .n = a->groups > 0 ? 2 : 3 };
    for (int d = 2; d < ct_ndim(x); d++)
        p.shape[3] *= ct_shape(x)[d];
    p.statistics[0] = a->groups > 0 ? p.shape[0] : 1;
    p.statistics[1] = sets;
    p.statistics[2] = p.statistics[3] = 1;
    return p;
}

static ct_tensor *mean_of_set(const parts *p, ct_tensor *t)
{
    return ct_mean_over(t, p->axes, p->n, CT_KEEPDIMS);
}

static ct_tensor *centered(const parts *p, ct_tensor *t)
{
    return ct_sub(t, mean_of_set(p, t));
}

/* a parameter, or a gradient of one, with the axes of the channels */
static ct_tensor *of_channels(const parts *p, ct_tensor *w)
{
    return ct_reshape(w, CT_SHAPE(p->shape[1], p->shape[2], 1));
}

/* x u is centered twice: the second time takes off what was rounded off the mean the first time */
static void normalize(parts *p, const ct_call *call)
{
    const ct__channels *a = ct_call_attributes(call);
    ct_tensor *x = ct_reshape(ct_call_x(call, 0), p->shape, 4);
    if (a->given) {
        p->far = ct_sub(x, of_channels(p, ct_call_x(call, 1)));
        p->r = ct_rsqrt(ct_shift(of_channels(p, ct_call_x(call, 2)), a->epsilon));
    } else {
        p->u = ct_reshape(ct_select(ct_call_aux(call, 0), -1, 3), p->statistics, 4);
        p->far = centered(p, centered(p, ct_mul(x, p->u)));
        ct_tensor *epsilon = ct_mul(ct_scale(p->u, a->epsilon), p->u);
        p->r = ct_rsqrt(ct_add(mean_of_set(p, ct_square(p->far)), epsilon));
    }
    p->h = ct_mul(p->far, p->r);
}

/* what the cotangents of the results mean and variance add to gx: gm / n + 2 gv (x - m) / n */
static ct_tensor *by_statistics(const parts *p, ct_tensor *const *gy, ct_tensor *gx)
{
    const double n = (double)p->shape[0] * (double)p->shape[3];
    if (gy[1])
        gx = ct_add(gx, ct_scale(of_channels(p, gy[1]), 1 / n));
    if (gy[2])
        gx = ct_add(gx, ct_mul(ct_scale(of_channels(p, gy[2]), 2 / n), ct_div(p->far, p->u)));
    return gx;
}

/* the mean of t w over each set, as the mean of its channels' sums: as the kernel takes it, so that
 * both are not finite alike */
static ct_tensor *weighted_mean(const parts *p, ct_tensor *t, ct_tensor *w)
{
    const double n = (double)(p->n == 3 ? p->shape[0] : p->shape[2]) * (double)p->shape[3];
    ct_tensor *sum = ct_sum_over(t, p->axes + 1, p->n - 1, CT_KEEPDIMS);
    sum = ct_sum_over(w ? ct_mul(sum, w) : sum, p->axes, 1, CT_KEEPDIMS);
    return ct_scale(sum, 1 / n);
}

/* e dh/dx = r u (e - mean e - h mean(e h)) with e = g w, or, if the statistics are given, r e */
static ct_tensor *through(const parts *p, ct_tensor *g, ct_tensor *w)
{
    ct_tensor *e = w ? ct_mul(g, w) : g;
    if (!p->u)
        return ct_mul(e, p->r);
    ct_tensor *part = ct_mul(p->h, weighted_mean(p, ct_mul(g, p->h), w));
    return ct_mul(ct_mul(p->r, p->u), ct_sub(ct_sub(e, weighted_mean(p, g, w)), part));
}

/* the sum over all axes but those of the channels */
static ct_tensor *sum_of_channels(const parts *p, ct_tensor *t)
{
    const int64_t channels = p->shape[1] * p->shape[2];
    return ct_reshape(ct_sum_to(t, CT_SHAPE(p->shape[1], p->shape[2], 1)), &channels, 1);
}

/* the cotangents of parameters and of given statistics, from the sums of g and of g h */
static void give_sums(const ct_call *call, const parts *p, ct_tensor *g, ct_tensor **gx)
{
    const ct__channels *a = ct_call_attributes(call);
    const int weight = a->given ? 3 : 1, bias = weight + a->weight;
    const bool mean = a->given && ct_call_wants(call, 1);
    const bool variance = a->given && ct_call_wants(call, 2);
    const bool has_weight = a->weight && ct_call_wants(call, weight);
    const bool has_bias = a->bias && ct_call_wants(call, bias);
    ct_tensor *sum = mean || has_bias ? sum_of_channels(p, g) : NULL;
    ct_tensor *with_h = variance || has_weight ? sum_of_channels(p, ct_mul(g, p->h)) : NULL, *r;
    if (has_weight)
        gx[weight] = with_h;
    if (has_bias)
        gx[bias] = sum;
    if (!mean && !variance)
        return;
    r = ct_reshape(p->r, CT_SHAPE(p->shape[1]));
    if (mean)
        gx[1] = ct_neg(ct_mul(sum, r));
    if (variance)
        gx[2] = ct_scale(ct_mul(ct_mul(with_h, r), r), -0.5);
    for (int i = 1; i < 3 && a->weight; i++)
        if (ct_call_wants(call, i))
            gx[i] = ct_mul(gx[i], ct_call_x(call, weight));
}

/* where y, as the kernels compute it, is 0 because of the ReLU; it has the shape of x */
static ct_tensor *stopped(const ct_call *call)
{
    ct_tensor *x[3], *results[3];
    const int n = ct_call_inputs(call);
    for (int i = 0; i < n; i++)
        x[i] = ct_detach(ct_call_x(call, i));
    ct_apply_all(ct_call_op(call), ct_call_attributes(call), x, n, results);
    return ct_le(results[0], ct_scalar_like(results[0], 0));
}

ct_status ct__channels_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const ct__channels *a = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    parts p = shapes_of(call);
    normalize(&p, call);
    ct_tensor *passed = gy[0] && a->relu ? ct_masked_fill(gy[0], stopped(call), 0) : gy[0];
    ct_tensor *g = gy[0] ? ct_reshape(passed, p.shape, 4) : ct_zeros_like(p.h), *w = NULL;
    give_sums(call, &p, g, gx);
    if (!ct_call_wants(call, 0))
        return CT_OK;
    if (a->weight)
        w = of_channels(&p, ct_call_x(call, a->given ? 3 : 1));
    g = through(&p, g, w);
    if (!a->given && a->groups == 0)
        g = by_statistics(&p, gy, g);
    gx[0] = ct_reshape(g, ct_shape(x), ct_ndim(x));
    return CT_OK;
}

/* -- Forward mode: ty = th w + h tw + tb */
/* Adds h tw + tb to th w, and gives it the shape of y, which is that of x. */
static ct_tensor *with_parameters(const ct_call *call, const parts *p, ct_tensor *const *tx,
                                  ct_tensor *sum)
{
    const ct__channels *a = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    const int weight = a->given ? 3 : 1;
    ct_tensor *tw = a->weight ? tx[weight] : NULL, *tb = a->bias ? tx[weight + a->weight] : NULL;
    if (tw) {
        tw = ct_mul(p->h, of_channels(p, tw));
        sum = sum ? ct_add(sum, tw) : tw;
    }
    if (tb) {
        tb = of_channels(p, tb);
        sum = sum ? ct_add(sum, tb) : ct_broadcast_to(tb, p->shape, 4);
    }
    return ct_reshape(sum, ct_shape(x), ct_ndim(x));
}

/* th = (tx - tm) r - h tv r^2 / 2 */
static ct_status given_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    const ct__channels *a = ct_call_attributes(call);
    parts p = shapes_of(call);
    normalize(&p, call);
    ct_tensor *t = tx[0] ? ct_reshape(tx[0], p.shape, 4) : NULL, *sum = NULL, *by;
    ct_tensor *slope = a->weight ? ct_mul(p.r, of_channels(&p, ct_call_x(call, 3))) : p.r;
    if (tx[1])
        t = t ? ct_sub(t, of_channels(&p, tx[1]))
              : ct_broadcast_to(ct_neg(of_channels(&p, tx[1])), p.shape, 4);
    if (t)
        sum = ct_mul(t, slope);
    if (tx[2]) {
        by = ct_mul(ct_scale(of_channels(&p, tx[2]), -0.5), ct_mul(slope, p.r));
        by = ct_mul(p.h, by);
        sum = sum ? ct_add(sum, by) : by;
    }
    ty[0] = with_parameters(call, &p, tx, sum);
    return CT_OK;
}

/* Returns th = dh/dx t, and, for batch norm, ty[1] = mean t and ty[2] = 2 mean(t (x - m)). */
static ct_tensor *by_operators(const parts *p, ct_tensor *t, ct_tensor **ty)
{
    const int64_t sets = p->shape[1];
    t = ct_reshape(t, p->shape, 4);
    if (p->n == 3) {
        ty[1] = ct_reshape(mean_of_set(p, t), &sets, 1);
        ct_tensor *with_far = mean_of_set(p, ct_mul(t, p->far));
        ty[2] = ct_reshape(ct_scale(ct_div(with_far, p->u), 2), &sets, 1);
    }
    return through(p, t, NULL);
}

/* the same by the kernel of backward, whose sums of t h have x - m = h / (r u) */
static ct_tensor *by_kernel(const ct_call *call, const parts *p, ct_tensor *t, ct_tensor **ty)
{
    ct_tensor *sums, *th = ct__channels_through(call, ct_contiguous(t), &sums);
    if (p->n == 3) {
        ct_tensor *kept = ct_call_aux(call, 0);
        const double n = (double)(p->shape[0] * p->shape[3]);
        ct_tensor *ru = ct_mul(ct_select(kept, 1, 2), ct_select(kept, 1, 3));
        sums = ct_cast(ct_scale(sums, 1 / n), ct_dtype_of(t));
        ty[1] = ct_select(sums, 1, 1);
        ty[2] = ct_scale(ct_div(ct_select(sums, 1, 0), ru), 2);
    }
    return ct_reshape(th, p->shape, 4);
}

/* h by the operator itself, without weight and bias */
static ct_tensor *normalized(const ct_call *call)
{
    ct__channels plain = *(const ct__channels *)ct_call_attributes(call);
    plain.weight = plain.bias = plain.relu = false;
    return ct_apply(ct_call_op(call), &plain, CT_TENSORS(ct_call_x(call, 0)));
}

ct_status ct__channels_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    const ct__channels *a = ct_call_attributes(call);
    ct_tensor *x = ct_call_x(call, 0), *th = NULL;
    if (a->given)
        return given_jvp(call, tx, ty);
    parts p = shapes_of(call);
    bool kernel = !ct_is_recording(ct_call_context(call)) && ct_is_contiguous(x);
    if (!kernel)
        normalize(&p, call);
    if (tx[0])
        th = kernel ? by_kernel(call, &p, tx[0], ty) : by_operators(&p, tx[0], ty);
    for (int i = 1; i < 3 && !tx[0] && p.n == 3; i++)
        ty[i] = ct_zeros(ct_call_context(call), ct_dtype_of(x), CT_SHAPE(p.shape[1]));
    if (th && a->weight)
        th = ct_mul(th, of_channels(&p, ct_call_x(call, 1)));
    if (kernel && a->weight && tx[1])
        p.h = ct_reshape(normalized(call), p.shape, 4);
    ty[0] = with_parameters(call, &p, tx, th);
    if (a->relu)
        ty[0] = ct_masked_fill(ty[0], stopped(call), 0);
    return CT_OK;
}

/* -- The operators */
static int sample_inputs(ct_context *cx, const ct__channels *a, ct_tensor **x)
{
    const int64_t channels = ct_size(x[0], 1);
    int n = 1;
    for (int i = 0; i < 4; i++) {
        bool has = i < 2 ? a->given : i == 2 ? a->weight : a->bias;
        if (has)
            x[n++] = i == 1 ? ct_shift(ct_rand(cx, CT_F64, &channels, 1), 0.5)
                            : ct_randn(cx, CT_F64, &channels, 1);
    }
    return n;
}

static int sample(ct_context *cx, int k, ct_tensor **x, void *attributes, bool given)
{
    static const struct {
        int ndim;
        int64_t shape[4];
        ct__channels a;
    } cases[] = {
        { 4, { 2, 3, 2, 2 }, { 0, 1e-5, false, true, true, false } },
        { 2, { 4, 3 }, { 0, 0.1, false, true, false, false } },
        { 3, { 1, 2, 34 }, { 0, 0, false, false, false, false } },
        { 3, { 2, 1, 3 }, { 0, 1e-3, false, false, true, false } },
        { 3, { 0, 2, 3 }, { 0, 1e-5, false, true, true, false } },
    };
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    ct__channels a = cases[k].a;
    a.given = given;
    *(ct__channels *)attributes = a;
    x[0] = ct_randn(cx, CT_F64, cases[k].shape, cases[k].ndim);
    return sample_inputs(cx, &a, x);
}

static int sample_given(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    return sample(cx, k, x, attributes, true);
}

static int sample_train(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    return k == 4 ? 0 : sample(cx, k, x, attributes, false); /* no elements have no mean */
}

static int sample_relu(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    int n = sample_train(cx, k, x, attributes);
    ((ct__channels *)attributes)->relu = true;
    return n;
}

extern const ct_op ct__batch_norm_op, ct__batch_norm_train_op, ct__batch_norm_relu_train_op;
const ct_op ct__batch_norm_op = {
    .name = "batch_norm",
    .formula = "y = h weight + bias, h = (x - mean) / sqrt(variance + epsilon)",
    .derivative = "gx = g weight / sqrt(variance + epsilon), gmean = -sum gx, "
                  "gvariance = -sum (gx h) / (2 sqrt(variance + epsilon)), gweight = sum g h, "
                  "gbias = sum g",
    .inputs = -3,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1) | CT_SAVE_X(2) | CT_SAVE_X(3),
    .attributes_size = sizeof(ct__channels),
    .infer = ct__channels_infer,
    .forward = ct__channels_forward,
    .vjp = ct__channels_vjp,
    .jvp = ct__channels_jvp,
    .backward = ct__channels_backward,
    .sample = sample_given,
};

const ct_op ct__batch_norm_train_op = {
    .name = "batch_norm_train",
    .formula = "y = h weight + bias, h = (x - mean x) / sqrt(var x + epsilon)",
    .derivative = "gx = (e - mean e - h mean(e h)) / sqrt(var x + epsilon), e = g weight, "
                  "gweight = sum g h, gbias = sum g",
    .inputs = -1,
    .outputs = 3,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1) | CT_SAVE_AUX,
    .attributes_size = sizeof(ct__channels),
    .infer = ct__channels_infer,
    .forward = ct__channels_forward,
    .vjp = ct__channels_vjp,
    .jvp = ct__channels_jvp,
    .backward = ct__channels_backward,
    .sample = sample_train,
};

const ct_op ct__batch_norm_relu_train_op = {
    .name = "batch_norm_relu_train",
    .formula = "y = max(0, h weight + bias), h = (x - mean x) / sqrt(var x + epsilon)",
    .derivative = "gx = (e - mean e - h mean(e h)) / sqrt(var x + epsilon), "
                  "e = g [y > 0] weight, gweight = sum g [y > 0] h, gbias = sum g [y > 0]",
    .inputs = -1,
    .outputs = 3,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1) | CT_SAVE_X(2) | CT_SAVE_AUX,
    .attributes_size = sizeof(ct__channels),
    .infer = ct__channels_infer,
    .forward = ct__channels_forward,
    .vjp = ct__channels_vjp,
    .jvp = ct__channels_jvp,
    .backward = ct__channels_backward,
    .sample = sample_relu,
};

int ct__channels_inputs(ct__channels *a, const char *who, ct_tensor *const *parameters,
                        ct_tensor **all)
{
    int n = 1;
    if (!all[0] || !ct_usable(all[0], who))
        return 0;
    bool pending = ct_error(ct_context_of(all[0])) != CT_OK;
    a->weight = parameters[2] || pending; /* a NULL is then one that failed */
    a->bias = parameters[3] || pending;
    for (int i = a->given ? 0 : 2; i < 4; i++)
        if (i < 2 || (i == 2 ? a->weight : a->bias))
            all[n++] = parameters[i];
    return n;
}

ct_tensor *ct_batch_norm(ct_tensor *x, ct_tensor *mean, ct_tensor *variance, ct_tensor *weight,
                         ct_tensor *bias, double epsilon)
{
    ct__channels a = { .epsilon = epsilon, .given = true };
    ct_tensor *parameters[] = { mean, variance, weight, bias }, *all[5] = { x };
    int n = ct__channels_inputs(&a, "batch_norm", parameters, all);
    return n > 0 ? ct_apply(&ct__batch_norm_op, &a, all, n) : NULL;
}

static ct_status train(const ct_op *op, ct__channels *a, ct_tensor *const *parameters, ct_tensor *x,
                       ct_tensor **results)
{
    ct_tensor *all[5] = { x };
    memset(results, 0, 3 * sizeof *results);
    int n = ct__channels_inputs(a, op->name, parameters, all);
    if (n == 0)
        return x ? CT_ERROR_STALE : CT_ERROR_NULL;
    return ct_apply_all(op, a, all, n, results);
}

ct_status ct_batch_norm_train(ct_tensor *x, ct_tensor *weight, ct_tensor *bias, double epsilon,
                              ct_tensor **results)
{
    return train(&ct__batch_norm_train_op, &(ct__channels){ .epsilon = epsilon },
                 (ct_tensor *[]){ NULL, NULL, weight, bias }, x, results);
}

ct_status ct_batch_norm_relu_train(ct_tensor *x, ct_tensor *weight, ct_tensor *bias,
                                   double epsilon, ct_tensor **results)
{
    return train(&ct__batch_norm_relu_train_op, &(ct__channels){ .epsilon = epsilon, .relu = true },
                 (ct_tensor *[]){ NULL, NULL, weight, bias }, x, results);
}
