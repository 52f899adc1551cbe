/* Networks: modules, losses, optimizers, batches, training. Built from ops.h alone.
 *
 *   ct_module *net = ct_mlp_new(cx, CT_F32, CT_SIZES(784, 128, 10), CT_RELU, NULL);
 *   int n;
 *   ct_tensor *const *parameters = ct_module_parameters(net, &n);
 *   ct_optimizer *sgd = ct_sgd_new(parameters, n, 0.1, NULL);
 *   ct_backward(ct_cross_entropy(ct_module_forward(net, x), labels));
 *   ct_optimizer_step(sgd);
 *
 * THE TABLES: what there is, its name in PyTorch (torch.nn), what it computes, who proposed it.
 * Shapes, options and errors are stated at each function. Initial weights (torch.nn.init) are in
 * the table of nn/layers.h, optimizers and schedules (torch.optim) in those of nn/optimizers.h,
 * transforms of images (torchvision) in that of nn/data.h.
 *
 * Layers: nn/layers.h; modules of your own are made by ct_module_new
 *   ct_linear_new                 Linear                  x w^T + b
 *   ct_activation_new             ReLU, Tanh, ...         f(x), elementwise: CT_RELU (Nair, Hinton
 *                                                         2010), CT_TANH, CT_SIGMOID, CT_GELU
 *                                                         (Hendrycks, Gimpel 2016), CT_SILU
 *                                                         (Elfwing et al. 2018), CT_SOFTPLUS
 *                                                         (Dugas et al. 2001), CT_ELU (Clevert et
 *                                                         al. 2016), CT_LEAKY_RELU (Maas et al.
 *                                                         2013)
 *   ct_function_new               Mish, SELU, ...         f(x), f any operator of one tensor
 *   ct_function_of_number_new     CELU, ...               f(x, c)
 *   ct_function_along_new         Softmax, ...            f(x, axis)
 *   ct_dropout_new                Dropout                 x b / (1 - p); b is 0 with probability
 *                                                         p, else 1 (Srivastava et al. 2014)
 *   ct_channel_dropout_new        Dropout1d, 2d, 3d       the same, one b for each channel of an
 *                                                         example (Tompson et al. 2015)
 *   ct_layer_norm_new             LayerNorm               (x - mean) / sqrt(var + epsilon) w + b
 *                                                         over the last axes (Ba, Kiros, Hinton
 *                                                         2016)
 *   ct_batch_norm_new             BatchNorm1d, 2d, 3d     the same of each channel over all
 *                                                         examples (Ioffe, Szegedy 2015)
 *   ct_group_norm_new             GroupNorm               the same of each group of channels of an
 *                                                         example (Wu, He 2018)
 *   ct_instance_norm_new          InstanceNorm1d, 2d, 3d  the same of each channel of an example
 *                                                         (Ulyanov et al. 2016)
 *   ct_rms_norm_new               RMSNorm                 x / sqrt(mean x^2 + epsilon) w over the
 *                                                         last axes (Zhang, Sennrich 2019)
 *   ct_weight_norm_new            utils.weight_norm       a layer with the weight g v / |v|
 *                                                         (Salimans, Kingma 2016)
 *   ct_spectral_norm_new          utils.spectral_norm     a layer with the weight w / sigma, sigma
 *                                                         the norm of the matrix w (Miyato et al.
 *                                                         2018)
 *   ct_conv1d_new                 Conv1d                  sum over c, k of w[o][c][k] x[c][stride
 *                                                         i + k], + b[o] (Fukushima 1980; LeCun et
 *                                                         al. 1989)
 *   ct_conv2d_new                 Conv2d                  the same along two axes
 *   ct_conv3d_new                 Conv3d                  the same along three axes
 *   ct_conv_transpose1d_new       ConvTranspose1d         its adjoint, + b (Zeiler et al. 2010)
 *   ct_conv_transpose2d_new       ConvTranspose2d         the same along two axes
 *   ct_conv_transpose3d_new       ConvTranspose3d         the same along three axes
 *   ct_max_pool_new               MaxPool1d, 2d, 3d       the maximum of each window (Riesenhuber,
 *                                                         Poggio 1999)
 *   ct_avg_pool_new               AvgPool1d, 2d, 3d       the mean of each window (LeCun et al.
 *                                                         1989)
 *   ct_adaptive_max_pool_new      AdaptiveMaxPool1d, ...  the same for as many windows as asked
 *                                                         for
 *   ct_adaptive_avg_pool_new      AdaptiveAvgPool1d, ...  the same; CT_SIZES(1) is global pooling
 *                                                         (Lin et al. 2014)
 *   ct_upsample_new               Upsample                x[i / factor], or between its neighbors
 *   ct_pixel_shuffle_new          PixelShuffle            (c f^2,h,w) -> (c,f h,f w) (Shi et al.
 *                                                         2016)
 *   ct_flatten_new                Flatten                 (n,...) -> (n,count)
 *   ct_embedding_new              Embedding               w[x], rows of w (Bengio et al. 2003)
 *   ct_rnn_new                    RNN                     h = tanh(w x + u h + b) (Elman 1990)
 *   ct_gru_new                    GRU                     h = (1 - z) n + z h, with gates z and r
 *                                                         (Cho et al. 2014)
 *   ct_lstm_new                   LSTM                    c = f c + i g, h = o tanh(c), with gates
 *                                                         i, f, o (Hochreiter, Schmidhuber 1997;
 *                                                         Gers et al. 2000)
 *   ct_multi_head_attention_new   MultiheadAttention      softmax(q k^T / sqrt d) v for each head
 *                                                         (Vaswani et al. 2017)
 *   ct_transformer_encoder_new    TransformerEncoderLayer
 *                                                         attention and two linear layers, each
 *                                                         with a residual and a norm (Vaswani et
 *                                                         al. 2017)
 *   ct_transformer_decoder_new    TransformerDecoderLayer
 *                                                         the same, with attention to a memory
 *                                                         between
 *   ct_sequential_new             Sequential              f_n(... f_1(x))
 *   ct_mlp_new                    (none)                  linear layers, an activation between two
 *                                                         (Rumelhart, Hinton, Williams 1986)
 *   ct_residual_new               (none)                  f(x) + x (He et al. 2016)
 *   ct_parallel_new               (none)                  f_1(x), f_2(x), ... joined along an axis
 *                                                         (Szegedy et al. 2015)
 *
 * Losses: nn/losses.h, and ct_cross_entropy of ops/reductions.h; y is the network's, t the target
 *   ct_cross_entropy              CrossEntropyLoss        mean of -log p[t], p = softmax(y)
 *   ct_class_loss                 CrossEntropyLoss        the same with smoothing (Szegedy et al.
 *                                                         2016), weights of classes, and a label
 *                                                         that does not count
 *   ct_nll                        NLLLoss                 the same, where y is log p
 *   ct_mse                        MSELoss                 mean of (y - t)^2
 *   ct_half_squared_error         (none)                  1/2 sum of (y - t)^2
 *   ct_binary_cross_entropy       BCEWithLogitsLoss       mean of -t log p - (1 - t) log(1 - p), p
 *                                                         = sigmoid(y)
 *   ct_binary_cross_entropy_each  ..., reduction none     each of these
 *   ct_gaussian_nll               GaussianNLLLoss         mean of 1/2 (log v + (t - y)^2 / v + log
 *                                                         2 pi) (Nix, Weigend 1994)
 *   ct_poisson_nll                PoissonNLLLoss          mean of e^y - t y
 *   ct_kl_divergence              KLDivLoss               sum of t (log t - y) / n (Kullback,
 *                                                         Leibler 1951)
 *   ct_huber                      HuberLoss               mean of r^2 / 2, or d (|r| - d / 2)
 *                                                         where |r| > d; r = y - t (Huber 1964)
 *   ct_smooth_l1                  SmoothL1Loss            the same, divided by d (Girshick 2015)
 *   ct_hinge                      (none)                  mean of max(0, 1 - t y) (Cortes, Vapnik
 *                                                         1995)
 *   ct_cosine_loss                CosineEmbeddingLoss     mean of 1 - cos(a, b), or max(0, cos(a,
 *                                                         b) - m)
 *   ct_triplet                    TripletMarginLoss       mean of max(0, |a - p| - |a - n| + m)
 *                                                         (Schroff et al. 2015)
 *   ct_ctc                        CTCLoss                 -log of the sum over all alignments
 *                                                         (Graves et al. 2006)
 *   ct_penalty                    (none)                  l1 sum |w| + l2/2 sum w^2 (Tibshirani
 *                                                         1996; Hoerl, Kennard 1970)
 *
 * Metrics: nn/losses.h, with the names of scikit-learn
 *   ct_accuracy                   accuracy_score          the share of rows whose largest element
 *                                                         is at t
 *   ct_top_k_accuracy             top_k_accuracy_score    ... that have t among the k largest
 *   ct_confusion_matrix           confusion_matrix        how many of class i were taken for class
 *                                                         j
 *   ct_class_scores               precision_recall_fscore_support
 *                                                         right / taken for it; right / those
 *                                                         there are; their harmonic mean
 *   ct_auc                        roc_auc_score           the share of pairs in order (Hanley,
 *                                                         McNeil 1982)
 *   ct_perplexity                 (none)                  e^cross-entropy (Jelinek et al. 1977)
 *
 * Training: nn/optimizers.h, nn/data.h, nn/train.h
 *   ct_optimizer_new              optim                   any rule of the table in nn/optimizers.h
 *   ct_sgd_new                    SGD                     w -= rate b, b = momentum b + gw
 *                                                         (Robbins, Monro 1951; Polyak 1964)
 *   ct_adam_new                   Adam, AdamW             w -= rate m / (sqrt v + epsilon), means
 *                                                         of gw and gw^2 (Kingma, Ba 2015)
 *   ct_module_lbfgs               LBFGS                   quasi-Newton steps (Liu, Nocedal 1989)
 *   ct_clip_gradients             clip_grad_norm_         gw min(1, max / |gw|) (Pascanu et al.
 *                                                         2013)
 *   ct_clip_gradient_values       clip_grad_value_        min(max(gw, -limit), limit)
 *   ct_average_new                AveragedModel           mean = decay mean + (1 - decay) w
 *                                                         (Polyak, Juditsky 1992)
 *   ct_batches_new                DataLoader              rows in batches, shuffled, weighted,
 *                                                         transformed
 *   ct_random_split               random_split            two parts of a data set
 *   ct_fit                        (none)                  the loop */
#ifndef COTANGENT_NN_H
#define COTANGENT_NN_H
#include <cotangent/nn/module.h>
#include <cotangent/nn/layers.h>
#include <cotangent/nn/losses.h>
#include <cotangent/nn/optimizers.h>
#include <cotangent/nn/data.h>
#include <cotangent/nn/train.h>
#endif
