/* Optimizers, and what belongs to them: groups, clipping, moving averages, schedules.
 *
 *   ct_optimizer *o = ct_optimizer_new(parameters, n, 1e-3, &(ct_update_options){
 *       .rule = CT_RMSPROP, .centered = true, .momentum = 0.9 });
 *
 * ct_optimizer_step moves every parameter that has a gradient, then zeroes the gradients. Nothing
 * has to be zeroed by hand. Several ct_backward before one step add up: so a batch that is too
 * large for memory is k small ones, each with ct_backward(ct_scale(loss, 1.0 / k)), and then one
 * step. Parameters are retained, may be of both dtypes, and each is given once. A state begins at
 * zero and is made at a parameter's first step. The rules, with formulas and defaults, are at
 * ct_update_rule (ops/updates.h); in PyTorch they are torch.optim's
 *
 *   CT_SGD          SGD       momentum nesterov             Sutskever et al. 2013
 *   CT_ADAM         Adam      amsgrad; decoupled: AdamW     Kingma, Ba 2015 (Loshchilov 2019)
 *   CT_RMSPROP      RMSprop   beta2 is alpha; centered      Tieleman, Hinton 2012; Graves 2013
 *   CT_ADAGRAD      Adagrad   rate_decay is lr_decay        Duchi, Hazan, Singer 2011
 *   CT_ADADELTA     Adadelta  beta2 is rho                  Zeiler 2012
 *   CT_NADAM        NAdam     rate_decay is momentum_decay  Dozat 2016
 *   CT_RADAM        RAdam                                   Liu et al. 2020
 *   CT_ADAMAX       Adamax                                  Kingma, Ba 2015
 *   CT_LION         (none)                                  Chen et al. 2023 */
#ifndef COTANGENT_NN_OPTIMIZERS_H
#define COTANGENT_NN_OPTIMIZERS_H
#include <cotangent/minimize.h>
#include <cotangent/nn/module.h>
CT_API_BEGIN

/* what updates parameters: their rule, its state, and the rate */
typedef struct ct_optimizer ct_optimizer;
/* An optimizer of these n parameters, with any rule. options->factors and ->decays must be NULL:
   groups have them */
ct_optimizer *ct_optimizer_new(ct_tensor *const *parameters, int n, double rate,
                               const ct_update_options *options);
/* stochastic gradient descent; options may be NULL */
ct_optimizer *ct_sgd_new(ct_tensor *const *parameters, int n, double rate,
                         const ct_sgd_options *options);
/* Adam, or with `decoupled` AdamW; options may be NULL */
ct_optimizer *ct_adam_new(ct_tensor *const *parameters, int n, double rate,
                          const ct_adam_options *options);
/* frees the optimizer. What is not freed goes with the context. A freed one is CT_ERROR_STALE, as
   for modules */
void ct_optimizer_free(ct_optimizer *o);
/* More parameters, with a rate and a weight decay of their own. The ratio of `rate` to the rate
   that the optimizer has now stays: ct_optimizer_set_rate scales all groups. On failure nothing
   changes */
ct_status ct_optimizer_add_group(ct_optimizer *o, ct_tensor *const *parameters, int n, double rate,
                                 double decay);
/* no weight decay for those parameters of m that ct_penalty passes over: biases, and parameters of
   normalization layers. It holds for the parameters that o has now */
ct_status ct_optimizer_decay_weights_only(ct_optimizer *o, const ct_module *m);
/* steps the parameters that have a gradient; an error that changes nothing if none has one */
ct_status ct_optimizer_step(ct_optimizer *o);
/* The tensors that the rule keeps for parameter w, in ct_update_state's order: you may read and set
   them. They are made if w has not stepped yet, unless `states` is NULL, which else has room for
   CT_UPDATE_STATES. Returns how many there are, 0 if w is none of o's parameters, -1 on failure */
int ct_optimizer_states(ct_optimizer *o, const ct_tensor *w, ct_tensor **states);
/* frees the states of w, which then is as before its first step; without any it does nothing */
ct_status ct_optimizer_forget(ct_optimizer *o, const ct_tensor *w);
double ct_optimizer_rate(const ct_optimizer *o);               /* the rate; NaN on failure */
void ct_optimizer_set_rate(ct_optimizer *o, double rate);      /* rate is finite, not negative */

/* -- Clipping */
/* Multiplies all gradients by max_norm / norm where norm, the root of the sum of all their squares,
   is larger than max_norm; returns the norm before. It is right for gradients of any size: f64 of
   1e200 or 1e-160 too. Returns NaN, and scales nothing, on failure or if the norm is not finite */
double ct_clip_gradients(ct_tensor *const *parameters, int n, double max_norm);
/* The same, without telling the norm, so that it can be replayed (program.h). A norm that is not
   finite is CT_ERROR_VALUE */
ct_status ct_clip_gradient_norm(ct_tensor *const *parameters, int n, double max_norm);
/* every element of every gradient becomes min(max(g, -limit), limit); NaN stays. limit must be
   positive */
ct_status ct_clip_gradient_values(ct_tensor *const *parameters, int n, double limit);

/* -- Moving averages of weights: mean = decay mean + (1 - decay) w at each update, and mean = w at
 * first. To evaluate with them, swap, evaluate, and swap back */
typedef struct ct_average ct_average;               /* the averages of some parameters */
/* averages of these parameters, which begin as their values; 0 <= decay < 1 */
ct_average *ct_average_new(ct_tensor *const *parameters, int n, double decay);
/* frees the averages; what is not freed goes with the context */
void ct_average_free(ct_average *a);
/* moves the averages toward the values: to be called after each step of the optimizer */
ct_status ct_average_update(ct_average *a);
ct_status ct_average_swap(ct_average *a);           /* parameters and averages change places */
ct_tensor *ct_average_of(const ct_average *a, int i); /* that of parameter i; a owns it */

/* -- Schedules: the rate as a function of the number of the step, which begins at 0. A schedule is
 * plain data and never changes: so a run that goes on at step t has the right rate.
 *
 *   ct_optimizer_set_rate(o, ct_schedule_rate(&schedule, step));
 */
/* The kinds of schedules. With n = steps, r = rate, f = factor, e = end, b = begin
 * (torch.optim.lr_scheduler's name):
 *
 *   CT_CONSTANT         r
 *   CT_STEPS            r f^floor(t / n)                       (StepLR)
 *   CT_MILESTONES       r f^(number of milestones <= t)        (MultiStepLR)
 *   CT_EXPONENTIAL      r f^t                                  (ExponentialLR)
 *   CT_COSINE           e + (r - e) (1 + cos(pi t / n)) / 2    (CosineAnnealingLR)
 *   CT_COSINE_RESTARTS  the same in cycles of n, n growth, n growth^2, ... steps, each from r to e
 *                       (CosineAnnealingWarmRestarts; Loshchilov, Hutter 2017)
 *   CT_WARM_UP          b + (r - b) min(t / n, 1)              (LinearLR, b = r start_factor)
 *   CT_ONE_CYCLE        half cosines from b [r / 25] to r, which is reached at share [0.3] n - 1,
 *                       and on to e [b / 10^4] at n - 1; where share n < 1, the rate falls from the
 *                       first step on                          (OneCycleLR; Smith, Topin 2019)
 *   CT_POLYNOMIAL       e + (r - e) (1 - min(t / n, 1))^power [1]  (PolynomialLR)
 *   CT_JOINED           `count` parts one after the other, each from its own step 0, for its
 *                       `length` [n] steps; the last has no end  (SequentialLR) */
typedef enum ct_schedule_kind {
    CT_CONSTANT = 1, CT_STEPS, CT_MILESTONES, CT_EXPONENTIAL, CT_COSINE, CT_COSINE_RESTARTS,
    CT_WARM_UP, CT_ONE_CYCLE, CT_POLYNOMIAL, CT_JOINED
} ct_schedule_kind;
/* a schedule, with the numbers that its kind needs */
typedef struct ct_schedule {
    ct_schedule_kind kind;
    int64_t steps, length;
    double rate, begin, end, factor, power, share;
    int64_t growth;                            /* default 1 */
    const int64_t *milestones;                 /* `count` of them, ascending */
    const struct ct_schedule *parts;           /* `count` of them */
    int count;
    uint64_t reserved[4];
} ct_schedule;
/* the rate of a step. NaN, which ct_optimizer_set_rate refuses, if step is negative or the schedule
   lacks what its kind needs */
double ct_schedule_rate(const ct_schedule *schedule, int64_t step);
/* The rate falls when a metric no longer improves (ReduceLROnPlateau). The caller owns the struct;
   the first five lines are options, and the rest begins as zeros */
typedef struct ct_plateau {
    bool maximize;                             /* the metric is to grow */
    double factor;                             /* of the rate; default 0.1 */
    int64_t patience, cooldown;                /* default 10, negative: 0; 0 */
    double threshold;                          /* the least relative gain; default 1e-4 */
    double least_rate;                         /* default 0 */
    bool begun;                                /* there is a best metric */
    double best;
    int64_t bad, rest;                         /* calls without a gain; calls left to cool down */
} ct_plateau;
/* the rate after another value of the metric, usually one an epoch: `rate`, or factor rate after
   more than `patience` calls without a gain. A fall of 1e-8 or less is not made */
double ct_plateau_rate(ct_plateau *p, double rate, double metric);

/* a loss for ct_module_lbfgs: it runs m, and returns one number */
typedef ct_tensor *(*ct_module_loss)(ct_module *m, void *user);
/* Minimizes a loss over all parameters of m, from their values on, by ct_lbfgs, whose options and
   report these are (minimize.h): for small networks and whole data sets, where it needs far fewer
   steps than an optimizer.

   `loss` runs m, and returns one number; it must be the same function each time, so without dropout
   and without batches drawn anew.

   The parameters become the best point found, on failure too. Those in f32 are rounded, and the
   loss falls no further than that allows: give a value_tolerance. The gradients that parameters
   hold stay as they are. It is an error if m has no parameters or the loss depends on none. options
   and report may be NULL

     static ct_tensor *loss(ct_module *m, void *user)
     {
         ct_tensor *const *data = user;
         return ct_mse(ct_module_forward(m, data[0]), data[1]);
     }
     ct_module_lbfgs(net, loss, (ct_tensor *[]){ x, t }, NULL, NULL); */
ct_status ct_module_lbfgs(ct_module *m, ct_module_loss loss, void *user,
                          const ct_minimize_options *options, ct_minimize_report *report);

CT_API_END
#endif
