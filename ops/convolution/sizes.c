/* Options, shapes, and their errors. */
#include "sizes.h"

static const int64_t MOST = 1 << 30; /* of a number in the options: no sum overflows */

/* -- Options */
typedef ct__numbers numbers;

bool ct__read_numbers(ct_context *cx, const char *who, int64_t to[AXES], const numbers *from,
                      int axes)
{
    for (int d = 0; d < AXES; d++) {
        int axis = d - (AXES - axes);
        int64_t n = axis < 0 ? 0 : from->each[axis] ? from->each[axis] : from->one;
        if (n < 0 || n > MOST)
            return ct_fail(cx, CT_ERROR_VALUE, "%s: %s must be from 0 to %lld, got %lld", who,
                           from->name, (long long)MOST, (long long)n), false;
        to[d] = n ? n : from->if_zero;
    }
    return true;
}

/* y has the size of x: dilation (kernel - 1) more elements make up for what the kernel takes */
static bool pad_to_same(ct__conv *a, const char *who, const ct_tensor *w, int axes)
{
    for (int d = AXES - axes; d < AXES; d++) {
        int64_t kernel = ct_size(w, d - AXES);
        if (a->stride[d] != 1 || a->before[d] != 0)
            return ct_fail(ct_context_of(w), CT_ERROR_VALUE, "%s: with `same`, the stride must be "
                           "1 and no padding given; got stride %lld, padding %lld", who,
                           (long long)a->stride[d], (long long)a->before[d]), false;
        if (kernel < 1 || kernel > MOST)
            continue; /* an error of `infer` */
        int64_t more = a->dilation[d] * (kernel - 1);
        a->before[d] = more / 2;
        a->after[d] = more - more / 2;
    }
    return true;
}

static bool read_output_padding(ct__conv *a, const char *who, const ct_conv_options *o,
                                const ct_tensor *x, int axes)
{
    ct_context *cx = ct_context_of(x);
    int64_t more[AXES];
    if (!ct__read_numbers(cx, who, more, &(numbers){ "output_padding", o->output_padding,
                                                     o->output_paddings, 0 }, axes))
        return false;
    for (int d = 0; d < AXES; d++) {
        if (more[d] && more[d] >= a->stride[d] && more[d] >= a->dilation[d])
            return ct_fail(cx, CT_ERROR_VALUE, "%s: output_padding must be less than the stride "
                           "or the dilation, got %lld", who, (long long)more[d]), false;
        a->after[d] -= more[d];
    }
    return true;
}

bool ct__conv_read(ct__conv *a, const ct_conv_options *options, const ct_tensor *x,
                   const ct_tensor *w, bool transposes)
{
    static const ct_conv_options defaults;
    const char *who = transposes ? "conv_transpose" : "conv";
    const ct_conv_options *o = options ? options : &defaults;
    ct_context *cx = ct_context_of(x);
    int axes = ct_ndim(x) - 2;
    if (axes < 1 || axes > AXES || ct_ndim(w) != ct_ndim(x))
        axes = 0; /* an error of `infer` */
    *a = (ct__conv){ .groups = o->groups ? o->groups : 1 };
    for (int i = 0; i < 4; i++)
        if (o->reserved[i] != 0)
            return ct_fail(cx, CT_ERROR_VALUE, "%s: the reserved fields of the options must be 0",
                           who), false;
    const numbers stride = { "stride", o->stride, o->strides, 1 };
    const numbers dilation = { "dilation", o->dilation, o->dilations, 1 };
    const numbers padding = { "padding", o->padding, o->paddings, 0 };
    if (!ct__read_numbers(cx, who, a->stride, &stride, axes) ||
        !ct__read_numbers(cx, who, a->dilation, &dilation, axes) ||
        !ct__read_numbers(cx, who, a->before, &padding, axes))
        return false;
    for (int d = 0; d < AXES; d++)
        a->after[d] = a->before[d];
    if (transposes && o->same)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: `same` is for ct_conv", who), false;
    if (!transposes && (o->output_padding || o->output_paddings[0] || o->output_paddings[1] ||
                        o->output_paddings[2]))
        return ct_fail(cx, CT_ERROR_VALUE, "%s: output_padding is for ct_conv_transpose", who),
               false;
    return transposes ? read_output_padding(a, who, o, x, axes)
                      : !o->same || pad_to_same(a, who, w, axes);
}

/* -- Shapes */
/* the operands that both have, each of (.,.,...) with 1 to AXES axes after the first two */
static ct_status check_operands(const ct_call *call)
{
    const ct__conv *a = ct_call_attributes(call);
    const ct_tensor *first = ct_call_x(call, 0), *second = ct_call_x(call, 1);
    ct_status status = ct_call_check_float(call);
    if (status != CT_OK)
        return status;
    if (ct_call_inputs(call) > 3)
        return ct_call_fail(call, CT_ERROR_VALUE, "takes 2 or 3 inputs, got %d",
                            ct_call_inputs(call));
    if (ct_ndim(first) < 3 || ct_ndim(first) > 2 + AXES || ct_ndim(second) != ct_ndim(first))
        return ct_call_fail(call, CT_ERROR_SHAPE, "takes images (N,C,...) with 1 to 3 axes after "
                            "the channels, and a weight with as many");
    if (a->groups < 1 || a->groups > MOST)
        return ct_call_fail(call, CT_ERROR_VALUE, "groups must be positive and at most %lld, got "
                            "%lld", (long long)MOST, (long long)a->groups);
    return CT_OK;
}

/* the channels of x and y */
static ct_status check_groups(const ct_call *call, int64_t c, int64_t o)
{
    int64_t groups = ((const ct__conv *)ct_call_attributes(call))->groups;
    if (c % groups == 0 && o % groups == 0)
        return CT_OK;
    return ct_call_fail(call, CT_ERROR_SHAPE, "groups must divide the channels, which are %lld "
                        "and %lld; got %lld groups", (long long)c, (long long)o,
                        (long long)groups);
}

static ct_status check_bias(const ct_call *call, int64_t channels)
{
    const ct_tensor *b = ct_call_x(call, 2);
    if (!b || (ct_ndim(b) == 1 && ct_size(b, 0) == channels))
        return CT_OK;
    return ct_call_fail(call, CT_ERROR_SHAPE, "the bias must have the shape (%lld)",
                        (long long)channels);
}

/* the size of y along axis d of AXES */
static ct_status size_of_y(const ct_call *call, int d, int64_t in, int64_t kernel, int64_t *out)
{
    const ct__conv *a = ct_call_attributes(call);
    int64_t padded = in + a->before[d] + a->after[d];
    double spans = (double)a->dilation[d] * (double)(kernel - 1) + 1;
    if (kernel < 1)
        return ct_call_fail(call, CT_ERROR_SHAPE, "the kernel must have elements");
    if (spans > (double)padded)
        return ct_call_fail(call, CT_ERROR_SHAPE, "the kernel must fit into the padded image: it "
                            "spans %.0f elements of %lld", spans, (long long)padded);
    *out = (padded - a->dilation[d] * (kernel - 1) - 1) / a->stride[d] + 1;
    return CT_OK;
}

static ct_status size_of_x(const ct_call *call, int d, int64_t out, int64_t kernel, int64_t *in)
{
    const ct__conv *a = ct_call_attributes(call);
    double size = (double)(out - 1) * (double)a->stride[d] +
                  (double)a->dilation[d] * (double)(kernel - 1) + 1 -
                  (double)(a->before[d] + a->after[d]);
    if (kernel < 1 || out < 1)
        return ct_call_fail(call, CT_ERROR_SHAPE, "%s must have elements",
                            kernel < 1 ? "the kernel" : "an image");
    if (size < 0 || size > 0x1p60)
        return ct_call_fail(call, CT_ERROR_SHAPE, "the result must have 0 elements or more along "
                            "an axis, and not %.0f", size);
    *in = (out - 1) * a->stride[d] + a->dilation[d] * (kernel - 1) + 1 - a->before[d] - a->after[d];
    return CT_OK;
}

ct_status ct__conv_infer_y(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0), *w = ct_call_x(call, 1);
    int64_t shape[2 + AXES], groups = ((const ct__conv *)ct_call_attributes(call))->groups;
    int axes = ct_ndim(x) - 2;
    ct_status status = check_operands(call);
    if (status == CT_OK)
        status = check_groups(call, ct_size(x, 1), ct_size(w, 0));
    if (status == CT_OK && ct_size(w, 1) != ct_size(x, 1) / groups)
        status = ct_call_fail(call, CT_ERROR_SHAPE, "the weight must take %lld channels of x in "
                              "each of %lld groups", (long long)(ct_size(x, 1) / groups),
                              (long long)groups);
    if (status == CT_OK)
        status = check_bias(call, ct_size(w, 0));
    for (int d = 0; d < axes && status == CT_OK; d++)
        status = size_of_y(call, d + AXES - axes, ct_size(x, d + 2), ct_size(w, d + 2),
                           &shape[d + 2]);
    if (status != CT_OK)
        return status;
    shape[0] = ct_size(x, 0);
    shape[1] = ct_size(w, 0);
    return ct_call_set_y(call, 0, ct_dtype_of(x), shape, ct_ndim(x));
}

ct_status ct__conv_infer_x(ct_call *call)
{
    const ct_tensor *y = ct_call_x(call, 0), *w = ct_call_x(call, 1);
    int64_t shape[2 + AXES];
    int axes = ct_ndim(y) - 2;
    ct_status status = check_operands(call);
    if (status != CT_OK)
        return status;
    shape[0] = ct_size(y, 0);
    shape[1] = ct_size(w, 1) * ((const ct__conv *)ct_call_attributes(call))->groups;
    status = check_groups(call, ct_size(y, 1), shape[1]);
    if (status == CT_OK && ct_size(w, 0) != ct_size(y, 1))
        status = ct_call_fail(call, CT_ERROR_SHAPE, "the weight must take %lld channels of x",
                              (long long)ct_size(y, 1));
    if (status == CT_OK)
        status = check_bias(call, shape[1]);
    for (int d = 0; d < axes && status == CT_OK; d++)
        status = size_of_x(call, d + AXES - axes, ct_size(y, d + 2), ct_size(w, d + 2),
                           &shape[d + 2]);
    return status == CT_OK ? ct_call_set_y(call, 0, ct_dtype_of(y), shape, ct_ndim(y)) : status;
}

ct_status ct__conv_infer_w(ct_call *call)
{
    const ct__conv *a = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0), *y = ct_call_x(call, 1);
    int64_t shape[2 + AXES], out = 0;
    int axes = ct_ndim(x) - 2;
    ct_status status = check_operands(call);
    if (status == CT_OK)
        status = check_groups(call, ct_size(x, 1), ct_size(y, 1));
    for (int d = 0; d < axes && status == CT_OK; d++) {
        shape[d + 2] = a->kernel[d + AXES - axes];
        status = size_of_y(call, d + AXES - axes, ct_size(x, d + 2), shape[d + 2], &out);
        if (status == CT_OK && (out != ct_size(y, d + 2) || ct_size(x, 0) != ct_size(y, 0)))
            status = ct_call_fail(call, CT_ERROR_SHAPE, "the images do not fit");
    }
    if (status != CT_OK)
        return status;
    shape[0] = ct_size(y, 1);
    shape[1] = ct_size(x, 1) / a->groups;
    return ct_call_set_y(call, 0, ct_dtype_of(x), shape, ct_ndim(x));
}

/* -- For the kernels */
void ct__image_sizes(int64_t to[AXES], const ct_tensor *t)
{
    int axes = ct_ndim(t) - 2;
    for (int d = 0; d < AXES; d++)
        to[d] = d < AXES - axes ? 1 : ct_size(t, d - AXES);
}

ct__conv_sizes ct__conv_sizes_of(const ct__conv *a, const ct_tensor *x, const ct_tensor *w,
                                 const ct_tensor *y)
{
    ct__conv_sizes s = { .images = ct_size(x, 0), .groups = a->groups,
                         .c = ct_size(x, 1) / a->groups, .o = ct_size(y, 1) / a->groups };
    ct__image_sizes(s.in, x);
    ct__image_sizes(s.out, y);
    ct__image_sizes(s.kernel, w);
    for (int d = 0; d < AXES; d++) {
        s.stride[d] = a->stride[d];
        s.dilation[d] = a->dilation[d];
        s.before[d] = a->before[d];
    }
    return s;
}

int64_t ct__product(const int64_t sizes[AXES])
{
    return sizes[0] * sizes[1] * sizes[2];
}
