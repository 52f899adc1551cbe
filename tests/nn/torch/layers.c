#include "layers.h"

static ct_module *linear(ct_context *cx)
{
    return ct_linear_new(cx, CT_F32, 5, 3, NULL);
}

static ct_module *mlp(ct_context *cx)
{
    return ct_mlp_new(cx, CT_F32, CT_SIZES(5, 4, 3), CT_TANH, NULL);
}

static ct_module *layer_norm(ct_context *cx)
{
    return ct_layer_norm_new(cx, CT_F32, CT_SHAPE(3, 5), NULL);
}

static ct_module *group_norm(ct_context *cx)
{
    return ct_group_norm_new(cx, CT_F32, 2, 4, NULL);
}

static ct_module *batch_norm(ct_context *cx)
{
    return ct_batch_norm_new(cx, CT_F32, 4, NULL);
}

static ct_module *instance_norm(ct_context *cx)
{
    return ct_instance_norm_new(cx, CT_F32, 4,
                                &(ct_instance_norm_options){ .affine = true, .statistics = true });
}

static ct_module *conv1d(ct_context *cx)
{
    return ct_conv1d_new(cx, CT_F32, 4, 6, 3, NULL);
}

static ct_module *conv2d(ct_context *cx)
{
    return ct_conv2d_new(cx, CT_F32, 4, 6, 3, NULL);
}

static ct_module *conv3d(ct_context *cx)
{
    return ct_conv3d_new(cx, CT_F32, 4, 2, 2, NULL);
}

static ct_module *conv_transpose1d(ct_context *cx)
{
    return ct_conv_transpose1d_new(cx, CT_F32, 4, 2, 3, NULL);
}

static ct_module *conv_transpose2d(ct_context *cx)
{
    return ct_conv_transpose2d_new(cx, CT_F32, 4, 2, 3, NULL);
}

static ct_module *conv_transpose3d(ct_context *cx)
{
    return ct_conv_transpose3d_new(cx, CT_F32, 4, 2, 2, NULL);
}

static ct_module *rnn(ct_context *cx)
{
    return ct_rnn_new(cx, CT_F32, 3, 4, NULL);
}

static ct_module *gru(ct_context *cx)
{
    return ct_gru_new(cx, CT_F32, 3, 4, &(ct_recurrent_options){ .batch_first = true });
}

static ct_module *lstm(ct_context *cx)
{
    return ct_lstm_new(cx, CT_F32, 3, 4,
                       &(ct_recurrent_options){ .levels = 2, .bidirectional = true });
}

static ct_module *weight_norm(ct_context *cx)
{
    return ct_weight_norm_new(linear(cx), NULL, 0);
}

static ct_module *spectral_norm(ct_context *cx)
{
    return ct_spectral_norm_new(linear(cx), NULL, 0, 0);
}

static ct_module *attention(ct_context *cx)
{
    return ct_multi_head_attention_new(cx, CT_F32, 6, 2, NULL);
}

static ct_module *encoder(ct_context *cx)
{
    return ct_transformer_encoder_new(cx, CT_F32, 6, 2, &(ct_transformer_options){
        .hidden = 8, .activation = CT_GELU });
}

static ct_module *decoder(ct_context *cx)
{
    return ct_transformer_decoder_new(cx, CT_F32, 6, 3, &(ct_transformer_options){
        .hidden = 8, .norm_first = true });
}

static ct_module *embedding(ct_context *cx)
{
    return ct_embedding_new(cx, CT_F32, 7, 3, NULL);
}

static ct_module *nested(ct_context *cx)
{
    ct_module *body[] = { ct_conv2d_new(cx, CT_F32, 4, 4, 1, NULL), batch_norm(cx),
                          ct_activation_new(cx, CT_RELU) };
    ct_module *all[] = { ct_sequential_new(cx, body, 3), ct_flatten_new(cx),
                         ct_linear_new(cx, CT_F32, 24, 2, NULL) };
    return ct_sequential_new(cx, all, 3);
}

const torch_layer torch_layers[] = {
    { "linear", linear, { 2, 5 }, false, false },
    { "mlp", mlp, { 2, 5 }, false, false },
    { "layer_norm", layer_norm, { 2, 3, 5 }, false, false },
    { "group_norm", group_norm, { 2, 4, 3 }, false, false },
    { "batch_norm", batch_norm, { 3, 4, 2 }, false, false },
    { "instance_norm", instance_norm, { 2, 4, 5 }, false, false },
    { "conv1d", conv1d, { 2, 4, 7 }, false, false },
    { "conv2d", conv2d, { 2, 4, 5, 6 }, false, false },
    { "conv3d", conv3d, { 1, 4, 3, 3, 4 }, false, false },
    { "conv_transpose1d", conv_transpose1d, { 2, 4, 5 }, false, false },
    { "conv_transpose2d", conv_transpose2d, { 2, 4, 3, 3 }, false, false },
    { "conv_transpose3d", conv_transpose3d, { 1, 4, 2, 3, 2 }, false, false },
    { "rnn", rnn, { 5, 2, 3 }, false, false },
    { "gru", gru, { 2, 5, 3 }, false, false },
    { "lstm", lstm, { 5, 2, 3 }, false, false },
    { "weight_norm", weight_norm, { 2, 5 }, false, false },
    { "spectral_norm", spectral_norm, { 2, 5 }, false, false },
    { "attention", attention, { 2, 4, 6 }, false, false },
    { "encoder", encoder, { 2, 4, 6 }, false, false },
    { "decoder", decoder, { 2, 4, 6 }, false, true },
    { "embedding", embedding, { 2, 3 }, true, false },
    { "nested", nested, { 2, 4, 2, 3 }, false, false },
    { 0 },
};

ct_tensor *torch_layer_forward(ct_module *m, ct_tensor *x, ct_tensor *memory)
{
    return memory ? ct_transformer_forward(m, x, NULL, memory, NULL) : ct_module_forward(m, x);
}
