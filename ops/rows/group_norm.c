/* Group normalization: batch_norm.c with statistics of groups of channels of each image. */
#include "channels.h"

#include <cotangent/ops.h>

static int sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const struct {
        int ndim;
        int64_t shape[4];
        ct__channels a;
    } cases[] = {
        { 4, { 2, 4, 2, 2 }, { 2, 1e-5, false, true, true, false } },
        { 2, { 2, 6 }, { 2, 0.1, false, true, false, false } },
        { 3, { 2, 2, 35 }, { 2, 0, false, false, true, false } },
        { 3, { 2, 3, 2 }, { 1, 1e-3, false, false, false, false } },
        { 3, { 0, 2, 3 }, { 1, 1e-5, false, true, true, false } },
    };
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    const ct__channels *a = attributes;
    int n = 1;
    *(ct__channels *)attributes = cases[k].a;
    x[0] = ct_randn(cx, CT_F64, cases[k].shape, cases[k].ndim);
    if (a->weight)
        x[n++] = ct_randn(cx, CT_F64, &cases[k].shape[1], 1);
    if (a->bias)
        x[n++] = ct_randn(cx, CT_F64, &cases[k].shape[1], 1);
    return n;
}

extern const ct_op ct__group_norm_op;
const ct_op ct__group_norm_op = {
    .name = "group_norm",
    .formula = "y = h weight + bias, h = (x - mean x) / sqrt(var x + epsilon)",
    .derivative = "gx = (e - mean e - h mean(e h)) / sqrt(var x + epsilon), e = g weight, "
                  "gweight = sum g h, gbias = sum g",
    .inputs = -1,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1) | CT_SAVE_AUX,
    .attributes_size = sizeof(ct__channels),
    .infer = ct__channels_infer,
    .forward = ct__channels_forward,
    .vjp = ct__channels_vjp,
    .jvp = ct__channels_jvp,
    .backward = ct__channels_backward,
    .sample = sample,
};

static ct_tensor *apply(ct__channels *a, const char *who, ct_tensor *x, ct_tensor *weight,
                        ct_tensor *bias)
{
    ct_tensor *parameters[] = { NULL, NULL, weight, bias }, *all[5] = { x };
    int n = ct__channels_inputs(a, who, parameters, all);
    if (n > 0 && a->groups < 1)
        return ct_fail(ct_context_of(x), CT_ERROR_VALUE, "%s: the number of groups must be "
                       "positive, got %lld", who, (long long)a->groups), NULL;
    return n > 0 ? ct_apply(&ct__group_norm_op, a, all, n) : NULL;
}

ct_tensor *ct_group_norm(ct_tensor *x, int64_t groups, ct_tensor *weight, ct_tensor *bias,
                         double epsilon)
{
    return apply(&(ct__channels){ .groups = groups, .epsilon = epsilon }, "group_norm", x, weight,
                 bias);
}

ct_tensor *ct_instance_norm(ct_tensor *x, ct_tensor *weight, ct_tensor *bias, double epsilon)
{
    char room[CT_SHAPE_TEXT];
    int64_t length = 1;
    ct_tensor *const all[] = { x, weight, bias };
    for (int i = 0; i < 3; i++)
        if (all[i] && !ct_usable(all[i], "instance_norm"))
            return NULL;
    for (int d = 2; x && d < ct_ndim(x); d++)
        length *= ct_size(x, d);
    if (x && length == 1)
        return ct_fail(ct_context_of(x), CT_ERROR_SHAPE, "instance_norm: x must be (N,C,...) with "
                       "more than one element in each channel, got %s", ct_shape_text(x, room)),
               NULL;
    int64_t groups = x && ct_size(x, 1) > 0 ? ct_size(x, 1) : 1;
    return apply(&(ct__channels){ .groups = groups, .epsilon = epsilon }, "instance_norm", x,
                 weight, bias);
}
