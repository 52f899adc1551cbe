/* Optimizers: ct_optimizer_step moves every parameter that has a gradient, then zeroes the
 * gradients. Several ct_backward before one step therefore add up, and nothing has to be zeroed
 * by hand. The rules are those of ct_update_sgd and ct_update_adam (ops.h); their state begins at
 * zero and is made at a parameter's first step. Parameters are retained, may be of both dtypes,
 * each is given once. */
#ifndef COTANGENT_NN_OPTIMIZERS_H
#define COTANGENT_NN_OPTIMIZERS_H
#include <cotangent/minimize.h>
#include <cotangent/nn/module.h>
CT_API_BEGIN

typedef struct ct_optimizer ct_optimizer;
ct_optimizer *ct_sgd_new(ct_tensor *const *parameters, int n, double rate,
                         const ct_sgd_options *options);
ct_optimizer *ct_adam_new(ct_tensor *const *parameters, int n, double rate,
                          const ct_adam_options *options);
/* what is not freed goes with the context. A freed one is CT_ERROR_STALE, as for modules */
void ct_optimizer_free(ct_optimizer *o);
/* steps the parameters that have a gradient; an error that changes nothing if none has one */
ct_status ct_optimizer_step(ct_optimizer *o);
double ct_optimizer_rate(const ct_optimizer *o);               /* NaN on failure */
void ct_optimizer_set_rate(ct_optimizer *o, double rate);      /* 0 <= rate, finite; or an error */
/* Multiplies all gradients by max_norm / norm where norm, the root of the sum of all their squares,
   is larger than max_norm; returns the norm before. It is right for gradients of any size: f64 of
   1e200 or 1e-160 too. Returns NaN, and scales nothing, on failure or if the norm is not finite */
double ct_clip_gradients(ct_tensor *const *parameters, int n, double max_norm);

/* Minimizes a loss over all parameters of m, from their values on, by ct_lbfgs, whose options and
   report these are (minimize.h): for small networks and whole data sets, where it needs far fewer
   steps than the optimizers above. `loss` runs m, and returns one number; it must be the same
   function each time, so without dropout and without batches drawn anew. The parameters become the
   best point found, on failure too. Those in f32 are rounded, and the loss falls no further than
   that allows: give a value_tolerance. The gradients that parameters hold stay as they are. It is
   an error if m has no parameters or the loss depends on none. options and report may be NULL

     static ct_tensor *loss(ct_module *m, void *user)
     {
         ct_tensor *const *data = user;
         return ct_mse(ct_module_forward(m, data[0]), data[1]);
     }
     ct_module_lbfgs(net, loss, (ct_tensor *[]){ x, t }, NULL, NULL); */
typedef ct_tensor *(*ct_module_loss)(ct_module *m, void *user);
ct_status ct_module_lbfgs(ct_module *m, ct_module_loss loss, void *user,
                          const ct_minimize_options *options, ct_minimize_report *report);

CT_API_END
#endif
