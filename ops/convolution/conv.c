/* Convolutions. With <.,.> for the sum of the products of all elements, the number
 *
 *   <g, w * x> = sum over n, o, c, i, k of g[n,o,i] w[o,c,k] x[n,c,i stride + k dilation - padding]
 *
 * is linear in each of g, w and x. So y = w * x has gx = what stands before x, which is the
 * transposed convolution of g, and gw = what stands before w. Each of these three is computed from
 * the other two by product.c, and each is the derivative of the others: the rules below name one
 * another, and so there are derivatives of any order. */
#include <string.h>

#include "product.h"

/* gb = the sum over images and pixels, for each channel */
static ct_tensor *sum_of_channels(ct_tensor *g)
{
    const int64_t channels = ct_size(g, 1), shape[] = { 1, channels, 1, 1, 1 };
    return ct_reshape(ct_sum_to(g, shape, ct_ndim(g)), &channels, 1);
}

extern const ct_op ct__conv_op, ct__conv_transpose_op, ct__conv_weight_op;

/* -- What the rules are made of: the three operators with the strides, ... of the call */
static ct_tensor *y_of(const ct_call *call, ct_tensor *x, ct_tensor *w)
{
    return ct_apply(&ct__conv_op, ct_call_attributes(call), CT_TENSORS(x, w));
}

/* The tangent of what is linear in each of its first two inputs, and in a third one, the bias:
 * ty = f(ta, b, tc) + f(a, tb). The bias goes along with one of these. */
static ct_status jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1), *all[2];
    ct_tensor *tc = ct_call_inputs(call) > 2 ? tx[2] : NULL;
    const void *attributes = ct_call_attributes(call);
    int n = 0;
    for (int i = 0; i < 2; i++)
        if (tx[i]) {
            ct_tensor *in[] = { i == 0 ? tx[0] : a, i == 1 ? tx[1] : b, n == 0 ? tc : NULL };
            all[n++] = ct_apply(ct_call_op(call), attributes, in, in[2] ? 3 : 2);
        }
    if (n == 0) {
        const ct_tensor *y = ct_call_y(call, 0);
        int64_t shape[2 + AXES] = { ct_size(tc, 0), 1, 1, 1 };
        tc = ct_reshape(tc, shape, ct_ndim(y) - 1);
        all[n++] = ct_broadcast_to(tc, ct_shape(y), ct_ndim(y));
    }
    ty[0] = n > 1 ? ct_add(all[0], all[1]) : all[0];
    return CT_OK;
}

/* of the shape of `like`, whose last elements no kernel may have met */
static ct_tensor *x_of(const ct_call *call, ct_tensor *y, ct_tensor *w, const ct_tensor *like)
{
    ct__conv a = *(const ct__conv *)ct_call_attributes(call);
    for (int axis = 2; w && axis < ct_ndim(w); axis++) {
        int d = axis + AXES - ct_ndim(w);
        a.after[d] = (ct_size(y, axis) - 1) * a.stride[d] +
                     a.dilation[d] * (ct_size(w, axis) - 1) + 1 - a.before[d] -
                     ct_size(like, axis);
    }
    return ct_apply(&ct__conv_transpose_op, &a, CT_TENSORS(y, w));
}

static ct_tensor *w_of(const ct_call *call, ct_tensor *x, ct_tensor *y, const ct_tensor *like)
{
    ct__conv a = *(const ct__conv *)ct_call_attributes(call);
    for (int d = 0; d < AXES; d++)
        a.kernel[d] = d < AXES + 2 - ct_ndim(like) ? 1 : ct_size(like, d - AXES);
    return ct_apply(&ct__conv_weight_op, &a, CT_TENSORS(x, y));
}

/* -- y = w * x */
static ct_status conv_forward(ct_call *call)
{
    return ct__conv_multiply(call, &(ct__conv_product){
        .result = CT__CONV_Y, .x = ct_call_x(call, 0), .w = ct_call_x(call, 1),
        .y = ct_call_y(call, 0), .bias = ct_call_x(call, 2) });
}

static ct_status conv_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    if (ct_call_wants(call, 0))
        gx[0] = x_of(call, gy[0], ct_call_x(call, 1), ct_call_x(call, 0));
    if (ct_call_wants(call, 1))
        gx[1] = w_of(call, ct_call_x(call, 0), gy[0], ct_call_x(call, 1));
    if (ct_call_wants(call, 2))
        gx[2] = sum_of_channels(gy[0]);
    return CT_OK;
}

static ct_status conv_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ct_status status = CT_OK;
    if (gx[0])
        status = ct__conv_multiply(call, &(ct__conv_product){
            .result = CT__CONV_X, .x = gx[0], .w = ct_call_x(call, 1), .y = gy[0],
            .adds = ct_call_adds(call, 0) });
    if (gx[1] && status == CT_OK)
        status = ct__conv_multiply(call, &(ct__conv_product){
            .result = CT__CONV_W, .x = ct_call_x(call, 0), .w = gx[1], .y = gy[0],
            .adds = ct_call_adds(call, 1) });
    if (ct_call_inputs(call) > 2 && gx[2] && status == CT_OK)
        ct__conv_sum(gx[2], gy[0], ct_call_adds(call, 2));
    return status;
}

/* -- x = the adjoint of w *, applied to y */
static ct_status transpose_forward(ct_call *call)
{
    return ct__conv_multiply(call, &(ct__conv_product){
        .result = CT__CONV_X, .x = ct_call_y(call, 0), .w = ct_call_x(call, 1),
        .y = ct_call_x(call, 0), .bias = ct_call_x(call, 2) });
}

static ct_status transpose_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    if (ct_call_wants(call, 0))
        gx[0] = y_of(call, gy[0], ct_call_x(call, 1));
    if (ct_call_wants(call, 1))
        gx[1] = w_of(call, gy[0], ct_call_x(call, 0), ct_call_x(call, 1));
    if (ct_call_wants(call, 2))
        gx[2] = sum_of_channels(gy[0]);
    return CT_OK;
}

static ct_status transpose_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ct_status status = CT_OK;
    if (gx[0])
        status = ct__conv_multiply(call, &(ct__conv_product){
            .result = CT__CONV_Y, .x = gy[0], .w = ct_call_x(call, 1), .y = gx[0],
            .adds = ct_call_adds(call, 0) });
    if (gx[1] && status == CT_OK)
        status = ct__conv_multiply(call, &(ct__conv_product){
            .result = CT__CONV_W, .x = gy[0], .w = gx[1], .y = ct_call_x(call, 0),
            .adds = ct_call_adds(call, 1) });
    if (ct_call_inputs(call) > 2 && gx[2] && status == CT_OK)
        ct__conv_sum(gx[2], gy[0], ct_call_adds(call, 2));
    return status;
}

/* -- w = the adjoint of * x, applied to y */
static ct_status weight_forward(ct_call *call)
{
    return ct__conv_multiply(call, &(ct__conv_product){
        .result = CT__CONV_W, .x = ct_call_x(call, 0), .w = ct_call_y(call, 0),
        .y = ct_call_x(call, 1) });
}

static ct_status weight_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    if (ct_call_wants(call, 0))
        gx[0] = x_of(call, ct_call_x(call, 1), gy[0], ct_call_x(call, 0));
    if (ct_call_wants(call, 1))
        gx[1] = y_of(call, ct_call_x(call, 0), gy[0]);
    return CT_OK;
}

/* -- Samples */
typedef struct sample {
    int axes;
    int64_t images, c, o, in[AXES], kernel[AXES];
    bool bias;
    ct_conv_options options;
} sample;

static const sample samples[] = {
    { 2, 2, 2, 3, { 4, 5 }, { 3, 2 }, true, { .padding = 1 } },
    { 2, 1, 4, 2, { 5, 4 }, { 2, 3 }, true, { .strides = { 2, 1 }, .paddings = { 0, 1 },
                                              .groups = 2 } },
    { 1, 2, 2, 2, { 7 }, { 3 }, false, { .stride = 3, .dilation = 2, .padding = 2 } },
    { 3, 1, 1, 2, { 2, 3, 2 }, { 2, 2, 1 }, true, { .strides = { 1, 2, 1 },
                                                       .paddings = { 1, 0, 0 } } },
    { 2, 2, 3, 3, { 3, 3 }, { 3, 3 }, false, { .padding = 1, .groups = 3 } },
    { 2, 1, 2, 2, { 1, 1 }, { 1, 1 }, true, { 0 } },
    { 2, 2, 2, 1, { 3, 2 }, { 1, 1 }, true, { 0 } },
    { 1, 1, 1, 1, { 5 }, { 1 }, false, { .stride = 3 } },
    { 2, 0, 1, 2, { 3, 3 }, { 2, 2 }, true, { 0 } },
};

/* `kind` says which operator: its inputs are put into x */
static int make_sample(ct_context *cx, int k, ct_tensor **x, ct__conv *a, ct__conv_result kind)
{
    int64_t shape[2 + AXES], weight[2 + AXES], result[2 + AXES];
    if (k >= (int)(sizeof samples / sizeof *samples))
        return 0;
    const sample *s = &samples[k];
    shape[0] = result[0] = s->images;
    shape[1] = s->c;
    result[1] = weight[0] = s->o;
    weight[1] = s->c / (s->options.groups ? s->options.groups : 1);
    memcpy(shape + 2, s->in, sizeof s->in);
    memcpy(weight + 2, s->kernel, sizeof s->kernel);
    ct_tensor *image = ct_randn(cx, CT_F64, shape, 2 + s->axes);
    ct_tensor *w = ct_randn(cx, CT_F64, weight, 2 + s->axes);
    if (!image || !w || !ct__conv_read(a, &s->options, image, w, kind == CT__CONV_X))
        return 0;
    for (int d = 0; d < s->axes; d++) {
        int at = d + AXES - s->axes;
        a->kernel[at] = s->kernel[d];
        result[2 + d] = (s->in[d] + a->before[at] + a->after[at] -
                         a->dilation[at] * (s->kernel[d] - 1) - 1) / a->stride[at] + 1;
    }
    for (int d = 0; d < AXES - s->axes; d++)
        a->kernel[d] = 1;
    ct_tensor *y = ct_randn(cx, CT_F64, result, 2 + s->axes);
    x[0] = kind == CT__CONV_X ? y : image;
    x[1] = kind == CT__CONV_W ? y : w;
    if (kind == CT__CONV_W || !s->bias)
        return 2;
    x[2] = ct_randn(cx, CT_F64, CT_SHAPE(kind == CT__CONV_X ? s->c : s->o));
    return 3;
}

static int conv_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    return make_sample(cx, k, x, attributes, CT__CONV_Y);
}

static int transpose_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    return make_sample(cx, k, x, attributes, CT__CONV_X);
}

static int weight_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    return make_sample(cx, k, x, attributes, CT__CONV_W);
}

/* -- The operators */
const ct_op ct__conv_op = {
    .name = "conv",
    .formula = "y[n,o,i] = b[o] + sum_ck w[o,c,k] x[n,c,i stride + k dilation - padding]",
    .derivative = "gx[n,c,j] = sum of g[n,o,i] w[o,c,k] over all o, i, k with "
                  "i stride + k dilation - padding = j, "
                  "gw[o,c,k] = sum_ni g[n,o,i] x[n,c,i stride + k dilation - padding], "
                  "gb[o] = sum_ni g[n,o,i]",
    .inputs = -2,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1),
    .attributes_size = sizeof(ct__conv),
    .infer = ct__conv_infer_y,
    .forward = conv_forward,
    .vjp = conv_vjp,
    .jvp = jvp,
    .backward = conv_backward,
    .sample = conv_sample,
};
const ct_op ct__conv_transpose_op = {
    .name = "conv_transpose",
    .formula = "y[n,o,j] = b[o] + sum of x[n,c,i] w[c,o,k] over all c, i, k with "
               "i stride + k dilation - padding = j",
    .derivative = "gx[n,c,i] = sum_ok w[c,o,k] g[n,o,i stride + k dilation - padding], "
                  "gw[c,o,k] = sum_ni x[n,c,i] g[n,o,i stride + k dilation - padding], "
                  "gb[o] = sum_nj g[n,o,j]",
    .inputs = -2,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1),
    .attributes_size = sizeof(ct__conv),
    .infer = ct__conv_infer_x,
    .forward = transpose_forward,
    .vjp = transpose_vjp,
    .jvp = jvp,
    .backward = transpose_backward,
    .sample = transpose_sample,
};
const ct_op ct__conv_weight_op = {
    .name = "conv_weight",
    .formula = "w[o,c,k] = sum_ni y[n,o,i] x[n,c,i stride + k dilation - padding]",
    .derivative = "gx = conv_transpose(y, g), gy = conv(x, g)",
    .inputs = 2,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1),
    .attributes_size = sizeof(ct__conv),
    .infer = ct__conv_infer_w,
    .forward = weight_forward,
    .vjp = weight_vjp,
    .jvp = jvp,
    .sample = weight_sample,
};

/* b may be NULL if there is no bias, but not if it failed: then an error is pending. */
static ct_tensor *convolve(const ct_op *op, ct_tensor *x, ct_tensor *w, ct_tensor *b,
                           const ct_conv_options *options)
{
    ct_tensor *all[] = { x, w, b };
    ct__conv a = { 0 };
    for (int i = 0; i < 3; i++)
        if (all[i] && !ct_usable(all[i], op->name))
            return NULL;
    if (x && w && !ct__conv_read(&a, options, x, w, op == &ct__conv_transpose_op))
        return NULL;
    bool failed = !b && x && ct_error(ct_context_of(x));
    return ct_apply(op, &a, all, b || failed ? 3 : 2);
}

ct_tensor *ct_conv(ct_tensor *x, ct_tensor *w, ct_tensor *b, const ct_conv_options *options)
{
    return convolve(&ct__conv_op, x, w, b, options);
}

ct_tensor *ct_conv_transpose(ct_tensor *x, ct_tensor *w, ct_tensor *b,
                             const ct_conv_options *options)
{
    return convolve(&ct__conv_transpose_op, x, w, b, options);
}
