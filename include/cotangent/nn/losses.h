/* Losses: one number, the mean over examples, unless _each (one per example) or said. Stable
 * for any logit. y and target have one shape and one dtype: nothing is broadcast */
#ifndef COTANGENT_NN_LOSSES_H
#define COTANGENT_NN_LOSSES_H
#include <cotangent/nn/module.h>
CT_API_BEGIN

ct_tensor *ct_mse(ct_tensor *y, ct_tensor *target); /* mean (y - t)^2 over all elements */
ct_tensor *ct_half_squared_error(ct_tensor *y, ct_tensor *target);        /* 1/2 sum (y - t)^2 */
/* ct_cross_entropy and ct_cross_entropy_each, of logits (n,c) and labels (n), are in ops.h */
/* -t log p - (1-t) log(1-p) with p = sigmoid(x), as t softplus(-x) + (1-t) softplus(x); target in
   [0, 1], float, of the logits' shape; the mean over all elements, or (_each) each. gx = p - t per
   element. A logit of -inf with target 0, or of inf with target 1, has loss and gradient 0 */
ct_tensor *ct_binary_cross_entropy(ct_tensor *logits, ct_tensor *target);
ct_tensor *ct_binary_cross_entropy_each(ct_tensor *logits, ct_tensor *target);
/* mean of 1/2 (s + (t - mean)^2 e^-s + log 2 pi) over all elements, s = log_variance, of mean's
   shape or 0-d. Finite wherever (t - mean)^2 e^-s and e^-s are. For s = -inf it is inf, or, where
   mean = t, -inf; there the gradient of s is NaN */
ct_tensor *ct_gaussian_nll(ct_tensor *mean, ct_tensor *log_variance, ct_tensor *target);
/* l1 sum |w| + l2/2 sum w^2 over all parameters except those with "bias" in their name, and those of
   normalization layers (ct_module_new's kind is layer_norm, batch_norm, ...) */
ct_tensor *ct_penalty(ct_module *m, double l1, double l2);
/* of logits (n,c) and i64 labels (n): the share of rows whose largest element is at the label; NaN
   on failure, and of no rows */
double ct_accuracy(ct_tensor *logits, ct_tensor *labels);

CT_API_END
#endif
