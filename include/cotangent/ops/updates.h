/* Updates of parameters, in place. The conventions of all comments are at the top of ops.h. */
#ifndef COTANGENT_OPS_UPDATES_H
#define COTANGENT_OPS_UPDATES_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* -- Updates of n parameters w by their gradients g. They write in place and are not recorded. The
 * optimizers of nn.h are made of these. Each w is f32 or f64; its gradient and its state have its
 * dtype and shape. Everything is checked first: an error changes nothing. rate and the numbers of
 * the options are finite and not negative */
typedef struct ct_sgd_options {
    double momentum, weight_decay;              /* momentum in [0, 1) */
    bool nesterov, keep_gradients;              /* keep_gradients: for ct_optimizer_step */
    uint64_t reserved[4];
} ct_sgd_options;
typedef struct ct_adam_options {
    double beta1, beta2, epsilon, weight_decay; /* defaults 0.9, 0.999, 1e-8, 0; negative: zero */
    bool decoupled, keep_gradients;             /* decoupled: AdamW */
    uint64_t reserved[4];
} ct_adam_options;
/* h = g + weight_decay w; velocity = momentum velocity + h; w -= rate velocity; derivative: none.
   With nesterov, w -= rate (h + momentum velocity). velocity is n tensors, zeros at first; NULL
   without momentum */
ct_status ct_update_sgd(ct_tensor *const *w, ct_tensor *const *g, ct_tensor *const *velocity,
                        int n, double rate, const ct_sgd_options *options);
/* h = g + weight_decay w; m = beta1 m + (1 - beta1) h; v = beta2 v + (1 - beta2) h^2;
   w -= rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon); derivative: none.
   If decoupled, h = g, and w -= rate weight_decay w comes first. moments is 3 n tensors, zeros at
   first: n m's, n v's and n step counts t, each one i64 that is counted up here */
ct_status ct_update_adam(ct_tensor *const *w, ct_tensor *const *g, ct_tensor *const *moments,
                         int n, double rate, const ct_adam_options *options);
/* g *= min(1, max_norm / norm), norm = sqrt of the sum of all g^2; derivative: none.
   The n gradients count as one vector; if norm is not finite, they stay as they are. *norm gets the
   norm they had, 0 if n is 0; the pointer may be NULL. No square overflows or vanishes on the way.
   max_norm must be positive */
ct_status ct_update_clip(ct_tensor *const *g, int n, double max_norm, double *norm);

CT_API_END
#endif
