/* Updates of parameters, in place. The conventions of all comments are at the top of ops.h. */
#ifndef COTANGENT_OPS_UPDATES_H
#define COTANGENT_OPS_UPDATES_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* -- Updates of n parameters w by their gradients g. They write in place and are not recorded. The
 * optimizers of nn.h are made of these. Each w is f32 or f64; its gradient and its state have its
 * dtype and shape. Everything is checked first: an error changes nothing. rate and the numbers of
 * the options are finite and not negative.
 *
 * In the rules h is g + weight_decay w; if decoupled, h is g, and w -= rate weight_decay w comes
 * first (Loshchilov, Hutter, ICLR 2019). t counts the steps of a parameter from 1. The state begins
 * as zeros. Defaults are in brackets. A rule computes what PyTorch's optimizer does. */
/* the rules */
typedef enum ct_update_rule {
    CT_SGD = 1,                                 /* that of ct_update_sgd */
    CT_ADAM = 2,                                /* that of ct_update_adam */
    /* v = beta2 v + (1 - beta2) h^2; w -= rate h / (sqrt v + epsilon); derivative: none. If
       centered, m = beta2 m + (1 - beta2) h, and v - m^2 stands in place of v behind the root. With
       momentum, b = momentum b + h / (...), and w -= rate b. beta2 [0.99] is PyTorch's alpha, and
       epsilon is [1e-8]. State: v; m if centered; b with momentum. Tieleman, Hinton 2012; Graves
       2013 */
    CT_RMSPROP = 3,
    /* v = v + h^2; w -= rate / (1 + (t - 1) rate_decay) h / (sqrt v + epsilon); derivative: none.
       rate_decay [0] is PyTorch's lr_decay, and epsilon is [1e-10]. State: v, t. Duchi, Hazan,
       Singer 2011 */
    CT_ADAGRAD = 4,
    /* v = beta2 v + (1 - beta2) h^2; d = h sqrt(u + epsilon) / sqrt(v + epsilon);
       u = beta2 u + (1 - beta2) d^2; w -= rate d; derivative: none. beta2 [0.9] is PyTorch's rho,
       and epsilon is [1e-6]. rate is usually 1. State: v, u. Zeiler 2012 */
    CT_ADADELTA = 5,
    /* w -= rate (h (1 - mu_t) / (1 - mu_1 ... mu_t) + m mu_(t+1) / (1 - mu_1 ... mu_(t+1))) /
       (sqrt(v / (1 - beta2^t)) + epsilon), mu_t = beta1 (1 - 0.96^(t rate_decay) / 2); derivative:
       none. m, v and the defaults are those of Adam; rate_decay [0.004] is PyTorch's
       momentum_decay. State: m, v, t. Dozat 2016 */
    CT_NADAM = 6,
    /* w -= rate r (m / (1 - beta1^t)) / ((sqrt v + epsilon) / sqrt(1 - beta2^t)),
       r^2 = (s - 4) (s - 2) z / ((z - 4) (z - 2) s); derivative: none. m, v and the defaults are
       those of Adam; z = 2 / (1 - beta2) - 1, s = z - 2 t beta2^t / (1 - beta2^t). While s <= 5,
       w -= rate m / (1 - beta1^t). State: m, v, t. Liu et al. 2020 */
    CT_RADAM = 7,
    /* m = beta1 m + (1 - beta1) h; u = max(beta2 u, |h| + epsilon);
       w -= rate (m / (1 - beta1^t)) / u; derivative: none. The defaults are those of Adam. State:
       m, u, t. Kingma, Ba 2015 */
    CT_ADAMAX = 8,
    /* w -= rate sign(beta1 m + (1 - beta1) g); m = beta2 m + (1 - beta2) g; derivative: none. The
       decay is always decoupled. beta1 is [0.9], beta2 [0.99]. State: m. Chen et al. 2023 */
    CT_LION = 9
} ct_update_rule;
/* what ct_update and ct_optimizer_new are told. An option that the rule does not have is an error
   */
typedef struct ct_update_options {
    ct_update_rule rule;                        /* there is no default */
    bool nesterov, amsgrad, centered, decoupled, keep_gradients; /* the last: ct_optimizer_step */
    double momentum, weight_decay;              /* defaults 0 */
    double beta1, beta2, epsilon, rate_decay;   /* defaults of the rule; negative: zero */
    /* NULL, or a number for each parameter: its factor of rate, and its own weight_decay */
    const double *factors, *decays;
    uint64_t reserved[4];
} ct_update_options;
/* w, state = those after one step of options->rule; derivative: none. state is k n tensors, the
   first of each parameter, then the second of each, and so on, for the k that ct_update_state
   returns. n step counts t, each one i64 that is counted up here, are the last of them */
ct_status ct_update(ct_tensor *const *w, ct_tensor *const *g, ct_tensor *const *state, int n,
                    double rate, const ct_update_options *options);
enum { CT_UPDATE_STATES = 4 };                  /* no k of ct_update_state is larger */
/* Puts the state that a rule begins with for w, k tensors, into `state`, and returns k. `state` may
   be NULL: then the options are checked, and nothing is made. -1 on failure */
int ct_update_state(ct_tensor *w, const ct_update_options *options, ct_tensor **state);

/* -- The two that are used most, by options of their own */
/* zeros are the defaults */
typedef struct ct_sgd_options {
    double momentum, weight_decay;              /* momentum in [0, 1) */
    bool nesterov, keep_gradients;              /* keep_gradients: for ct_optimizer_step */
    uint64_t reserved[4];
} ct_sgd_options;
/* zeros are the defaults */
typedef struct ct_adam_options {
    double beta1, beta2, epsilon, weight_decay; /* defaults 0.9, 0.999, 1e-8, 0; negative: zero */
    bool decoupled, keep_gradients;             /* decoupled: AdamW */
    bool amsgrad;                               /* the largest v so far stands under the root */
    uint64_t reserved[4];
} ct_adam_options;
/* h = g + weight_decay w; velocity = momentum velocity + h; w -= rate velocity; derivative: none.
   With nesterov, w -= rate (h + momentum velocity). velocity is n tensors, zeros at first; NULL
   without momentum. Sutskever et al. 2013 */
ct_status ct_update_sgd(ct_tensor *const *w, ct_tensor *const *g, ct_tensor *const *velocity,
                        int n, double rate, const ct_sgd_options *options);
/* h = g + weight_decay w; m = beta1 m + (1 - beta1) h; v = beta2 v + (1 - beta2) h^2;
   w -= rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon); derivative: none.
   If decoupled, h = g, and w -= rate weight_decay w comes first. moments is 3 n tensors, zeros at
   first: n m's, n v's and n step counts t, each one i64 that is counted up here. With amsgrad it is
   4 n: n largest v's come before the counts (Reddi et al. 2018). Kingma, Ba 2015 */
ct_status ct_update_adam(ct_tensor *const *w, ct_tensor *const *g, ct_tensor *const *moments,
                         int n, double rate, const ct_adam_options *options);
/* ct_sgd_rule and ct_adam_rule make options for ct_update and ct_optimizer_new of these. NULL: the
   defaults */
ct_update_options ct_sgd_rule(const ct_sgd_options *options);
ct_update_options ct_adam_rule(const ct_adam_options *options);
/* g *= min(1, max_norm / norm), norm = sqrt of the sum of all g^2; derivative: none.
   The n gradients count as one vector; if norm is not finite, they stay as they are. *norm gets the
   norm they had, 0 if n is 0, and a program (program.h) in which that is asked for stays eager. The
   pointer may be NULL: then a norm that is not finite is CT_ERROR_VALUE. No square overflows or
   vanishes on the way. max_norm must be positive */
ct_status ct_update_clip(ct_tensor *const *g, int n, double max_norm, double *norm);

CT_API_END
#endif
