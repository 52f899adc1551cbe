#include "nets.h"

#include "step.h"

static ct_module *relu(ct_context *cx)
{
    return ct_activation_new(cx, CT_RELU);
}

static ct_module *linear(ct_context *cx, int64_t inputs, int64_t outputs)
{
    return ct_linear_new(cx, CT_F32, inputs, outputs, NULL);
}

/* -- LeNet 5 */
static ct_module *lenet(ct_context *cx)
{
    const ct_pool_options half = { .kernel = 2 };
    return ct_sequential_new(
        cx, CT_MODULES(ct_conv2d_new(cx, CT_F32, 1, 20, 5, NULL), relu(cx),
                       ct_max_pool_new(cx, &half), ct_conv2d_new(cx, CT_F32, 20, 50, 5, NULL),
                       relu(cx), ct_max_pool_new(cx, &half), ct_flatten_new(cx),
                       linear(cx, 800, 500), relu(cx), linear(cx, 500, 10)));
}

/* -- A residual network */
static ct_module *conv(ct_context *cx, int64_t inputs, int64_t outputs, int64_t kernel,
                       int64_t stride)
{
    return ct_conv2d_new(cx, CT_F32, inputs, outputs, kernel, &(ct_conv_layer_options){
        .conv = { .stride = stride, .padding = kernel / 2 },
        .layer = { .no_bias = true, .weight_init = CT_HE_NORMAL } });
}

static ct_module *norm(ct_context *cx, int64_t channels)
{
    return ct_batch_norm_new(cx, CT_F32, channels, NULL);
}

/* two convolutions beside a way that is none, or one of 1 x 1 where the size changes */
static ct_module *block(ct_context *cx, int64_t inputs, int64_t outputs, int64_t stride)
{
    ct_module *around = NULL;
    ct_module *body = ct_sequential_new(
        cx, CT_MODULES(conv(cx, inputs, outputs, 3, stride), norm(cx, outputs), relu(cx),
                       conv(cx, outputs, outputs, 3, 1), norm(cx, outputs)));
    if (inputs != outputs)
        around = ct_sequential_new(cx, CT_MODULES(conv(cx, inputs, outputs, 1, stride),
                                                  norm(cx, outputs)));
    return ct_residual_new(cx, body, around);
}

ct_module *net_residual(ct_context *cx, ct_module *before)
{
    ct_module *m = before ? before : ct_sequential_new(cx, NULL, 0);
    return ct_sequential_new(
        cx, CT_MODULES(m, conv(cx, 1, 16, 5, 2), norm(cx, 16), relu(cx), block(cx, 16, 16, 1),
                       relu(cx), block(cx, 16, 32, 2), relu(cx), block(cx, 32, 64, 2), relu(cx),
                       ct_adaptive_avg_pool_new(cx, CT_SIZES(1)), ct_flatten_new(cx),
                       linear(cx, 64, 10)));
}

/* -- By name */
const char *const net_names[NETS] = { "lenet", "residual", "mlp", "lstm", "attention" };

static ct_module *module_of(ct_context *cx, net_kind kind)
{
    switch (kind) {
    case NET_LENET: return lenet(cx);
    case NET_RESIDUAL: return net_residual(cx, NULL);
    case NET_MLP: return ct_mlp_new(cx, CT_F32, CT_SIZES(784, 512, 512, 10), CT_RELU, NULL);
    case NET_LSTM: return ct_lstm_new(cx, CT_F32, 128, 128, NULL);
    default: return ct_multi_head_attention_new(cx, CT_F32, 128, 4, NULL);
    }
}

static ct_optimizer *rule_of(net_kind kind, ct_tensor *const *w, int n)
{
    static const ct_sgd_options nesterov = { .momentum = 0.9, .nesterov = true,
                                             .weight_decay = 5e-4 };
    if (kind == NET_MLP)
        return ct_adam_new(w, n, 1e-3, NULL);
    return ct_sgd_new(w, n, 1e-3, kind == NET_RESIDUAL ? &nesterov : NULL);
}

net net_new(ct_context *cx, net_kind kind)
{
    static const int64_t shapes[NETS][4] = { { 64, 1, 28, 28 }, { 128, 1, 28, 28 }, { 128, 784 },
                                             { 32, 32, 128 }, { 16, 128, 128 } };
    static const int ndim[NETS] = { 4, 4, 2, 3, 3 };
    int n;
    ct_module *m = module_of(cx, kind);
    ct_tensor *const *w = ct_module_parameters(m, &n);
    ct_tensor *x = ct_rand(cx, CT_F32, shapes[kind], ndim[kind]);
    return (net){ cx, m, rule_of(kind, w, n), x,
                  kind <= NET_MLP ? ct_randint(cx, 0, 10, shapes[kind], 1)
                                  : ct_rand(cx, CT_F32, shapes[kind], ndim[kind]) };
}

static ct_tensor *step(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    const net *a = user;
    ct_tensor *out = ct_module_forward(a->module, x[0]);
    ct_tensor *loss = ct_dtype_of(x[1]) == CT_I64 ? ct_cross_entropy(out, x[1]) : ct_mse(out, x[1]);
    (void)cx, (void)n;
    return ct_backward(loss) == CT_OK && ct_optimizer_step(a->rule) == CT_OK ? loss : NULL;
}

void net_step(net *a)
{
    ct_scope scope = ct_scope_begin(a->cx);
    step_run(a->cx, step, a, CT_TENSORS(a->x, a->y));
    ct_scope_end(a->cx, scope);
}
