/* Losses: one number, the mean over examples, unless _each (one per example) or said. Stable
 * for any logit. y and target have one shape and one dtype: nothing is broadcast */
#ifndef COTANGENT_NN_LOSSES_H
#define COTANGENT_NN_LOSSES_H
#include <cotangent/nn/module.h>
CT_API_BEGIN

/* -- Numbers and probabilities */
ct_tensor *ct_mse(ct_tensor *y, ct_tensor *target); /* mean (y - t)^2 over all elements */
ct_tensor *ct_half_squared_error(ct_tensor *y, ct_tensor *target);        /* 1/2 sum (y - t)^2 */
/* ct_cross_entropy and ct_cross_entropy_each, of logits (n,c) and labels (n), are in ops.h */
/* Binary cross-entropy: -t log p - (1-t) log(1-p) with p = sigmoid(x), as t softplus(-x) + (1-t)
   softplus(x); target in [0, 1], float, of the logits' shape; the mean over all elements, or
   (_each) each. gx = p - t per element. A logit of -inf with target 0, or of inf with target 1, has
   loss and gradient 0 */
ct_tensor *ct_binary_cross_entropy(ct_tensor *logits, ct_tensor *target);
ct_tensor *ct_binary_cross_entropy_each(ct_tensor *logits, ct_tensor *target);
/* mean of 1/2 (s + (t - mean)^2 e^-s + log 2 pi) over all elements, s = log_variance, of mean's
   shape or 0-d. Finite wherever (t - mean)^2 e^-s and e^-s are. For s = -inf it is inf, or, where
   mean = t, -inf; there the gradient of s is NaN */
ct_tensor *ct_gaussian_nll(ct_tensor *mean, ct_tensor *log_variance, ct_tensor *target);
/* A penalty for large weights: l1 sum |w| + l2/2 sum w^2 over all parameters except those with
   "bias" in their name, and those of normalization layers (ct_module_new's kind is layer_norm,
   batch_norm, ...) */
ct_tensor *ct_penalty(ct_module *m, double l1, double l2);

/* -- Classes: cross-entropy with more than ct_cross_entropy has (torch's CrossEntropyLoss) */
/* zeros are the defaults */
typedef struct ct_class_options {
    double smoothing;          /* this share s of every label goes to all classes equally; 0 to 1 */
    ct_tensor *weights;        /* (c), of the logits' dtype; NULL: 1 */
    bool ignore;               /* examples with the label `ignored` do not count */
    int64_t ignored;
    uint64_t reserved[4];
} ct_class_options;
/* sum of ((1 - s) w_y (-log p_y) + s / C sum of w_c (-log p_c)) / sum of w_y, p = softmax(logits):
   (n,c) and i64 (n). NaN where no example counts */
ct_tensor *ct_class_loss(ct_tensor *logits, ct_tensor *labels, const ct_class_options *options);
/* ct_class_loss where log p is given (NLLLoss) */
ct_tensor *ct_nll(ct_tensor *log_p, ct_tensor *labels, const ct_class_options *options);

/* -- Distances and margins; in brackets PyTorch's class */
/* mean of r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2), r = y - t [HuberLoss; Huber
   1964] */
ct_tensor *ct_huber(ct_tensor *y, ct_tensor *target, double delta);
/* mean of r^2 / (2 beta) where |r| <= beta, else |r| - beta / 2; mean |r| for beta 0 [SmoothL1Loss]
   */
ct_tensor *ct_smooth_l1(ct_tensor *y, ct_tensor *target, double beta);
/* sum of t (log t - log q) over all elements, divided by the first size [KLDivLoss, batchmean].
   Where t is 0 it is 0 */
ct_tensor *ct_kl_divergence(ct_tensor *log_q, ct_tensor *target);
ct_tensor *ct_hinge(ct_tensor *y, ct_tensor *target); /* mean of max(0, 1 - t y), t -1 or 1 */
/* mean of e^x - t x, x = log_rate: without log t!, which does not depend on x [PoissonNLLLoss] */
ct_tensor *ct_poisson_nll(ct_tensor *log_rate, ct_tensor *target);
/* mean of 1 - cos(a, b) where the target (n) is positive, else max(0, cos(a, b) - margin); a and b
   (n,d) [CosineEmbeddingLoss] */
ct_tensor *ct_cosine_loss(ct_tensor *a, ct_tensor *b, ct_tensor *target, double margin);
/* mean of max(0, |a - p| - |a - n| + margin), lengths along the last axis [TripletMarginLoss with
   eps 0; Schroff et al. 2015] */
ct_tensor *ct_triplet(ct_tensor *anchor, ct_tensor *positive, ct_tensor *negative, double margin);
/* minus the mean of log(probability of the labels) / number of labels [CTCLoss]: over all
   alignments in which each label, and a blank between two, lasts for one step or more. log_p
   (t,n,c) is a log_softmax; labels (n,s), of sequence i the first counts[i]; steps (n) says how
   many of the t steps it has. The last three are i64. Infinite where no alignment is short enough;
   then gradients are NaN. Graves et al. 2006 */
ct_tensor *ct_ctc(ct_tensor *log_p, ct_tensor *labels, ct_tensor *steps, ct_tensor *counts,
                  int64_t blank);

/* -- Metrics: not differentiable; NaN or NULL on failure */
/* the share of rows whose largest element is at the label, of logits (n,c) and i64 labels (n); NaN
   on failure, and of no rows */
double ct_accuracy(ct_tensor *logits, ct_tensor *labels);

/* the share of rows whose label is among the k largest; of equal elements the first is the larger
   */
double ct_top_k_accuracy(ct_tensor *logits, ct_tensor *labels, int64_t k);
/* i64 (c,c): how many examples of class i (row) were taken for class j (column) */
ct_tensor *ct_confusion_matrix(ct_tensor *logits, ct_tensor *labels);
/* of a confusion matrix, f64 (c), of each class: right / taken for it, right / those there are, and
   2 right / (both together); 0 where that divides by 0. Any may be NULL; on failure all are NULL */
ct_status ct_class_scores(ct_tensor *matrix, ct_tensor **precision, ct_tensor **recall,
                          ct_tensor **f1);
/* the area under the receiver's curve: the share of pairs, one with label 0 and one with another,
   that the scores put in order, a tie being half. NaN if there is no pair */
double ct_auc(ct_tensor *scores, ct_tensor *labels);
double ct_perplexity(ct_tensor *logits, ct_tensor *labels); /* e^cross-entropy */

CT_API_END
#endif
