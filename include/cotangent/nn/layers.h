/* Layers: modules that are ready to use, and their initial weights. */
#ifndef COTANGENT_NN_LAYERS_H
#define COTANGENT_NN_LAYERS_H
#include <cotangent/nn/module.h>
CT_API_BEGIN

/* -- Linear layers, activations, normalization */
/* Initial values of weights. They are independent and of mean 0; in and out are the fans. They come
   from the context's random stream. In torch.nn.init they are called:
     CT_GLOROT_UNIFORM    xavier_uniform_           uniform, of variance 2 / (in + out); Glorot,
                                                    Bengio 2010
     CT_GLOROT_NORMAL     xavier_normal_            normal, of the same variance
     CT_HE_UNIFORM        kaiming_uniform_          uniform, 2 / in; He et al. 2015
     CT_HE_NORMAL         kaiming_normal_           normal, the same
     CT_LECUN_UNIFORM     kaiming_uniform_, linear  uniform, 1 / in; LeCun et al. 1998
     CT_LECUN_NORMAL      kaiming_normal_, linear   normal, the same
     CT_TRUNCATED_NORMAL  trunc_normal_             normal, of standard deviation `value` [1],
                                                    without what is beyond 2 of these
     CT_ORTHOGONAL        orthogonal_               w (out,in) has orthonormal rows, or columns if
                                                    these are fewer; Saxe et al. 2014
     CT_INIT_ZEROS        zeros_                    all are 0
     CT_INIT_CONSTANT     constant_                 all are `value` */
typedef enum ct_init {
    CT_INIT_DEFAULT = 0, CT_GLOROT_UNIFORM, CT_GLOROT_NORMAL, CT_HE_UNIFORM, CT_HE_NORMAL,
    CT_LECUN_UNIFORM, CT_LECUN_NORMAL, CT_INIT_ZEROS, CT_INIT_CONSTANT, CT_TRUNCATED_NORMAL,
    CT_ORTHOGONAL
} ct_init;
typedef struct ct_layer_options {
    bool no_bias;
    /* default of weight_init: Glorot uniform, but He uniform in ct_mlp_new before relu and leaky
       relu; of bias_init: zeros. A bias has the fans of its weight */
    ct_init weight_init, bias_init;
    uint64_t reserved[4];
} ct_layer_options;
/* x w^T + b: (...,inputs) -> (...,outputs); "weight" (outputs,inputs) and "bias" (outputs) */
ct_module *ct_linear_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t outputs,
                         const ct_layer_options *options);
ct_module *ct_activation_new(ct_context *cx, ct_activation activation); /* y = f(x) */
/* ct_dropout with 0 <= p < 1; under ct_inference y is x */
ct_module *ct_dropout_new(ct_context *cx, double p);
typedef struct ct_layer_norm_options {
    double epsilon;             /* default 1e-5; negative: zero */
    bool no_weight, no_bias;
    uint64_t reserved[4];
} ct_layer_norm_options;
/* ct_layer_norm over the last axes, whose sizes are `shape`. "weight" begins as ones and "bias" as
   zeros, both of that shape */
ct_module *ct_layer_norm_new(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim,
                             const ct_layer_norm_options *options);
/* ct_rms_norm over the last axes: "weight" begins as ones, and there is no bias. The default of
   epsilon is that of PyTorch: the distance from 1 to the next number, 2^-23 in f32, 2^-52 in f64 */
ct_module *ct_rms_norm_new(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim,
                           const ct_layer_norm_options *options);
/* ct_group_norm: (N,channels,...), with any number of axes after the channels; "weight" and "bias"
   (channels) begin as ones and zeros */
ct_module *ct_group_norm_new(ct_context *cx, ct_dtype dtype, int64_t groups, int64_t channels,
                             const ct_layer_norm_options *options);
/* ct_batch_norm_train by the mean and variance of more examples than those in x (mpi.h). It returns
   how many elements each channel has there; -1 on failure. After fewer than two, the running
   statistics stay as they are */
typedef int64_t (*ct_normalize)(ct_tensor *x, ct_tensor *weight, ct_tensor *bias, double epsilon,
                                ct_tensor **results, void *user);
typedef struct ct_batch_norm_options {
    double epsilon;             /* default 1e-5; negative: zero */
    double momentum;            /* share of a new batch in the running statistics; default 0.1 */
    bool cumulative;            /* they are means over all batches: PyTorch's momentum None */
    bool no_weight, no_bias;    /* both: PyTorch's affine False */
    bool no_statistics;         /* none are kept: PyTorch's track_running_stats False */
    ct_normalize train;         /* default ct_batch_norm_train */
    void *user;                 /* passed to train; it must outlive the module */
    uint64_t reserved[4];
} ct_batch_norm_options;
/* ct_batch_norm_train, or, under ct_inference, ct_batch_norm by the running statistics
   (BatchNorm1d, 2d, 3d): (N,channels,...), with any number of axes after the channels. "weight"
   begins as ones and "bias" as zeros.

   Each call in training moves the buffers "running_mean" (zeros at first) and "running_var" (ones)
   toward the batch's mean and variance, whose divisor is n - 1 here, and counts
   "num_batches_tracked" (i64) up, but not where ct_is_repeating: in checkpoints that run again, and
   in gradient checks. In training, a channel of one element is an error */
ct_module *ct_batch_norm_new(ct_context *cx, ct_dtype dtype, int64_t channels,
                             const ct_batch_norm_options *options);
typedef struct ct_instance_norm_options {
    double epsilon;             /* default 1e-5; negative: zero */
    double momentum;            /* of the running statistics; default 0.1 */
    bool affine;                /* "weight" and "bias" (channels) */
    bool statistics;            /* running ones are kept: PyTorch's track_running_stats */
    uint64_t reserved[4];
} ct_instance_norm_options;
/* ct_instance_norm (InstanceNorm1d, 2d, 3d): (N,channels,...). With statistics, each call in
   training moves "running_mean" and "running_var" toward the means of the N means and variances
   (whose divisor is n - 1 here), and under ct_inference it is ct_batch_norm by these. As PyTorch's
   it does not count "num_batches_tracked" */
ct_module *ct_instance_norm_new(ct_context *cx, ct_dtype dtype, int64_t channels,
                                const ct_instance_norm_options *options);
/* -- Images: (N,C,...) with 1 to 3 axes after the channels, as in ops/convolution.h. Names of
 * layers and parameters are PyTorch's */
typedef struct ct_conv_layer_options {
    ct_conv_options conv;       /* stride, padding, dilation, groups, ... */
    int64_t kernels[3];         /* for each axis, where it is not 0: instead of `kernel` */
    ct_layer_options layer;     /* no_bias, weight_init, bias_init */
} ct_conv_layer_options;
/* ct_conv with `outputs` kernels: (N,inputs,...) -> (N,outputs,...). "weight" is (outputs, inputs /
   groups, kernel, ...) and "bias" (outputs). With f elements in a kernel, the fans are f inputs /
   groups and f outputs / groups. ct_conv2d_new(cx, CT_F32, 3, 16, 5, NULL) has 5 x 5 kernels */
ct_module *ct_conv1d_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t outputs,
                         int64_t kernel, const ct_conv_layer_options *options);
ct_module *ct_conv2d_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t outputs,
                         int64_t kernel, const ct_conv_layer_options *options);
ct_module *ct_conv3d_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t outputs,
                         int64_t kernel, const ct_conv_layer_options *options);
/* ct_conv_transpose with `outputs` kernels, as ct_conv1d_new has them, but "weight" is (inputs,
   outputs / groups, kernel, ...) */
ct_module *ct_conv_transpose1d_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t outputs,
                                   int64_t kernel, const ct_conv_layer_options *options);
ct_module *ct_conv_transpose2d_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t outputs,
                                   int64_t kernel, const ct_conv_layer_options *options);
ct_module *ct_conv_transpose3d_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t outputs,
                                   int64_t kernel, const ct_conv_layer_options *options);
/* ct_max_pool and ct_avg_pool. The options are copied, and checked when x is known */
ct_module *ct_max_pool_new(ct_context *cx, const ct_pool_options *options);
ct_module *ct_avg_pool_new(ct_context *cx, const ct_pool_options *options);
/* ct_adaptive_max_pool and ct_adaptive_avg_pool; CT_SIZES(1) is global pooling */
ct_module *ct_adaptive_max_pool_new(ct_context *cx, const int64_t *sizes, int n);
ct_module *ct_adaptive_avg_pool_new(ct_context *cx, const int64_t *sizes, int n);
/* ct_upsample to `factor` times the size along each axis */
ct_module *ct_upsample_new(ct_context *cx, int64_t factor, ct_upsampling mode);
/* ct_pixel_shuffle by the factor */
ct_module *ct_pixel_shuffle_new(ct_context *cx, int64_t factor);
/* each example as one row: (N,...) -> (N,count) */
ct_module *ct_flatten_new(ct_context *cx);
/* -- Recurrent layers. In PyTorch these are RNN, GRU and LSTM, and parameters have the same names,
 * shapes and initial values: "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", then,
 * where there are both directions, the same with "_reverse" behind them, then those of level 1, and
 * so on. What a level computes is said at ct_rnn, ct_gru and ct_lstm (ops/recurrent.h) */
typedef struct ct_recurrent_options {
    int64_t levels;             /* PyTorch's num_layers: each runs over the y of the one below;
                                   default 1 */
    bool bidirectional;         /* each level also runs from the end of the sequences to their
                                   beginning; its y has first the units of one, then of the other */
    bool batch_first;           /* x is (N,T,inputs), and y (N,T,...) */
    bool relu;                  /* ct_rnn_new: relu instead of tanh */
    double dropout;             /* of the y between levels, in [0, 1); off under ct_inference */
    ct_layer_options layer;     /* the default of both initial values is uniform between
                                   -1 / sqrt(hidden) and 1 / sqrt(hidden); else out is hidden */
    uint64_t reserved[4];
} ct_recurrent_options;
/* Recurrent layers: (T,N,inputs) -> (T,N,hidden), or (T,N,2 hidden): y of the last level, for T
   steps of N sequences whose state begins as zeros */
ct_module *ct_rnn_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t hidden,
                      const ct_recurrent_options *options);
ct_module *ct_gru_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t hidden,
                      const ct_recurrent_options *options);
ct_module *ct_lstm_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t hidden,
                       const ct_recurrent_options *options);
/* Runs a module of ct_rnn_new, ct_gru_new or ct_lstm_new with lengths and a state. lengths (N),
   i64, says how many steps each sequence has, 1 to T, as PyTorch's packed sequences do (their order
   is free); NULL: all have T. *h, and *c of an lstm, are the state before the first step, (levels
   directions,N,hidden), or NULL for zeros; afterwards they are the state after the last step, which
   the scope owns.

   It carries its graph: ct_detach(h) begins the next stretch of a long sequence without it
   (truncated backpropagation through time). h and c may be NULL. On failure the result is NULL, and
   *h and *c are unchanged */
ct_tensor *ct_recurrent_forward(ct_module *m, ct_tensor *x, ct_tensor *lengths, ct_tensor **h,
                                ct_tensor **c);

/* -- Networks, and initial values */
/* A module that runs the children one after the other, which are named "0", "1", ...; without
   children y is x. On failure the children are freed. A linear layer and the activation behind it
   are one call, so are batch norm and a ReLU, and max pooling goes before a ReLU: same results */
ct_module *ct_sequential_new(ct_context *cx, ct_module *const *children, int n);
/* a sequential of linear layers with `hidden` between them, none after the last:
   ct_mlp_new(cx, CT_F32, CT_SIZES(784, 128, 10), CT_RELU, NULL) has 0.weight, 0.bias, 2.weight,
   2.bias. The options are those of every layer */
ct_module *ct_mlp_new(ct_context *cx, ct_dtype dtype, const int64_t *sizes, int n,
                      ct_activation hidden, const ct_layer_options *options);
/* a list of modules, written as both arguments: CT_MODULES(a, b) */
#define CT_MODULES(...) CT_LIST(ct_module *, __VA_ARGS__)
/* writes initial values into w, also if it is a variable. The fans are those of a weight (out, in,
   ...): the first two sizes, each times the product of the sizes after them. With fewer than two
   dimensions there are no fans, and zeros, a constant and the truncated normal alone are possible.
   The default is Glorot uniform, or zeros where there are no fans */
ct_status ct_initialize(ct_tensor *w, ct_init init);
/* for ct_initialize_as */
typedef struct ct_init_options {
    double gain;                /* multiplies what is drawn; default 1 */
    double value;               /* of CT_INIT_CONSTANT, CT_TRUNCATED_NORMAL */
    uint64_t reserved[4];
} ct_init_options;
/* ct_initialize with options, which may be NULL */
ct_status ct_initialize_as(ct_tensor *w, ct_init init, const ct_init_options *options);
/* the gain that keeps the size of signals before that activation, as torch.nn.init.calculate_gain
   has it: 5/3 for tanh, sqrt 2 for relu, sqrt(2 / (1 + slope^2)) for leaky relu, and else 1.
   CT_HE_... has that of relu in it already */
double ct_gain(ct_activation activation);

/* -- Modules of functions and of other modules */
/* A layer whose weight is g v / |v|, where |v| is the length of v over all axes but one: each row
   of a linear layer has its length g and its direction v (torch.nn.utils.weight_norm, dim = axis;
   Salimans, Kingma 2016). `name` is that of the parameter, NULL: "weight". In its place there are
   "weight_g" and "weight_v", which begin so that the weight is as before. The layer becomes the
   child "module", and can be run by this module only. On failure the layer is freed, unless it has
   a parent already */
ct_module *ct_weight_norm_new(ct_module *layer, const char *name, int axis);
/* A layer whose weight is w / sigma, where sigma estimates the largest singular value of w as a
   matrix whose rows go along the axis: sigma = u . W v (torch.nn.utils.spectral_norm, dim = axis;
   Miyato et al. 2018).

   Each call in training first makes v = W^T u and u = W v, both of length 1, so many times
   (`iterations`, 0: once); under ct_inference and where ct_is_repeating it does not. The parameter
   is "weight_orig", and "weight_u" and "weight_v" are buffers, random at first. All else is as in
   ct_weight_norm_new */
ct_module *ct_spectral_norm_new(ct_module *layer, const char *name, int axis, int64_t iterations);
/* f as a module, for every operator of one tensor: ct_function_new(cx, "selu", ct_selu) */
ct_module *ct_function_new(ct_context *cx, const char *kind, ct_tensor *(*f)(ct_tensor *x));
/* f as a module, for operators that also take a number: ct_function_of_number_new(cx, "celu",
   ct_celu, 1.0) */
ct_module *ct_function_of_number_new(ct_context *cx, const char *kind,
                                     ct_tensor *(*f)(ct_tensor *x, double c), double c);
/* f as a module, for operators that also take an axis: ct_function_along_new(cx, "softmax",
   ct_softmax, -1) */
ct_module *ct_function_along_new(ct_context *cx, const char *kind,
                                 ct_tensor *(*f)(ct_tensor *x, int axis), int axis);
/* y = body(x) + shortcut(x): children "body" and "shortcut"; a NULL shortcut is x itself, unless an
   error is pending. On failure both are freed */
ct_module *ct_residual_new(ct_context *cx, ct_module *body, ct_module *shortcut);
/* the outputs of all children for the same x, joined along the axis; children "0", "1", .... On
   failure they are freed */
ct_module *ct_parallel_new(ct_context *cx, ct_module *const *children, int n, int axis);
/* dropout of whole channels: all of x[i][c] is 0 with probability p, else divided by 1 - p; x has
   two dimensions or more (Dropout1d, Dropout2d; Tompson et al. 2015). Under ct_inference y is x */
ct_module *ct_channel_dropout_new(ct_context *cx, double p);

/* -- Attention: x is (...,t,size), t steps of `size` numbers (PyTorch's batch_first). Names of
 * children and parameters are PyTorch's. Masks are those of ct_attention for scores
 * (...,heads,t,s): true where a key takes part, which PyTorch's modules have as false.
 * ct_padding_mask makes one of the lengths of sequences */
typedef struct ct_multi_head_options {
    bool no_bias, causal;
    double dropout;             /* of the weights of keys, in [0, 1); off under ct_inference */
    uint64_t reserved[4];
} ct_multi_head_options;
/* MultiheadAttention, of `heads` heads of size / heads numbers each: x is looked at by itself.
   "in_proj_weight" (3 size,size) makes q, k and v of it, of heads that lie side by side, and
   "out_proj" y of what ct_attention makes of these; "in_proj_bias" (3 size) */
ct_module *ct_multi_head_attention_new(ct_context *cx, ct_dtype dtype, int64_t size, int64_t heads,
                                       const ct_multi_head_options *options);
/* y of a module of ct_multi_head_attention_new for other keys and values, (...,s,size), and with a
   mask, which may be NULL */
ct_tensor *ct_module_attend(ct_module *m, ct_tensor *q, ct_tensor *k, ct_tensor *v,
                            ct_tensor *mask);
typedef struct ct_transformer_options {
    int64_t hidden;             /* outputs of "linear1"; default 4 size (PyTorch's is 2048) */
    ct_activation activation;   /* behind it; default CT_RELU */
    double dropout;             /* of what is added to x, of what is hidden, and of the weights of
                                   keys; off under ct_inference */
    double epsilon;             /* of norms; default 1e-5 */
    bool norm_first, causal;    /* causal: no step of x looks at later ones */
    uint64_t reserved[4];
} ct_transformer_options;
/* TransformerEncoderLayer: x = norm1(x + self_attn(x)); y = norm2(x + linear2(f(linear1(x)))). With
   norm_first, x + self_attn(norm1(x)), and so on. Several are a ct_sequential_new, if no mask is
   needed */
ct_module *ct_transformer_encoder_new(ct_context *cx, ct_dtype dtype, int64_t size, int64_t heads,
                                      const ct_transformer_options *options);
/* TransformerDecoderLayer: as ct_transformer_encoder_new, but between the two steps there is x =
   norm2(x + multihead_attn(x, memory, memory)); the last norm is "norm3" */
ct_module *ct_transformer_decoder_new(ct_context *cx, ct_dtype dtype, int64_t size, int64_t heads,
                                      const ct_transformer_options *options);
/* what a block of ct_transformer_encoder_new or ct_transformer_decoder_new makes of x, with masks
   for self_attn and multihead_attn, which may be NULL. A decoder has a memory (...,s,size), and an
   encoder none, which is NULL */
ct_tensor *ct_transformer_forward(ct_module *m, ct_tensor *x, ct_tensor *mask, ct_tensor *memory,
                                  ct_tensor *memory_mask);

/* -- Embeddings */
typedef struct ct_embedding_options {
    bool pads;                  /* row `padding` begins as zeros and gets no gradient */
    int64_t padding;
    uint64_t reserved[4];
} ct_embedding_options;
/* ct_embedding: rows of "weight" (n,size), by numbers of i64: (...) -> (...,size). The weight
   begins as standard normal. Its gradient is a tensor of its size with a list of the rows that are
   not 0, if these are few: zeroing it, and a step of plain SGD (no momentum, no decay), touch these
   rows alone. Other rules pass over all, as PyTorch's do for gradients that are not sparse */
ct_module *ct_embedding_new(ct_context *cx, ct_dtype dtype, int64_t n, int64_t size,
                            const ct_embedding_options *options);
/* positions of steps, (n,size), to be added to x: for step i, sin(i / 10000^(j / size)) at even j,
   and the cosine of the same angle at j + 1 (Vaswani et al. 2017). For positions that are learned,
   take an embedding */
ct_tensor *ct_positions(ct_context *cx, ct_dtype dtype, int64_t n, int64_t size);

CT_API_END
#endif
