/* Networks: modules, losses, optimizers, batches. Built from ops.h alone.
 *
 *   ct_module *net = ct_mlp_new(cx, CT_F32, CT_SIZES(784, 128, 10), CT_RELU, NULL);
 *   int n;
 *   ct_tensor *const *parameters = ct_module_parameters(net, &n);
 *   ct_optimizer *sgd = ct_sgd_new(parameters, n, 0.1, NULL);
 *   ct_backward(ct_cross_entropy(ct_module_forward(net, x), labels));
 *   ct_optimizer_step(sgd); */
#ifndef COTANGENT_NN_H
#define COTANGENT_NN_H
#include <cotangent/ops.h>
CT_API_BEGIN

/* -- Modules: named parameters, named children, and a way to compute forward. A module owns its
 * children and retains its parameters; constructors return NULL on failure and take NULL children
 * for failure. A name is unique in its module: printable ASCII without . " and \. The path from a
 * module to what lies below it is names joined by dots, "layers.0.weight", shorter than 255
 * characters, as PyTorch's state_dict has it. */
typedef struct ct_module ct_module;
/* takes x, returns y, or NULL on failure. The library opens a scope round each call. `user` is the
   one of ct_module_new */
typedef ct_tensor *(*ct_forward)(ct_module *self, ct_tensor *x, void *user);
/* `kind` ("linear") is copied, and used in texts and messages. forward NULL makes a group of
   parameters that cannot be run. `user` stays yours and must outlive the module (memory from
   ct_object_new does) */
ct_module *ct_module_new(ct_context *cx, const char *kind, ct_forward forward, void *user);
/* frees the module and all below it, and takes it out of its parent. What is not freed goes with
   the context. A module may free itself in its forward. A module that was freed is an error
   (CT_ERROR_STALE) in every call here; when that can be seen is said at ct_object_alive */
void ct_module_free(ct_module *m);
ct_tensor *ct_module_forward(ct_module *m, ct_tensor *x);
/* retains x, makes it a variable, and returns it. x must be a leaf, f32 or f64. Its ct_name becomes
   its path from the outermost module, and changes when that is added to another. One tensor may be
   a parameter in several places: it is then listed, counted and trained once */
ct_tensor *ct_module_add_parameter(ct_module *m, const char *name, ct_tensor *x);
/* the same for a tensor of any dtype that is saved but not trained */
ct_tensor *ct_module_add_buffer(ct_module *m, const char *name, ct_tensor *x);
/* makes `child` part of m, and returns it. On failure the child is freed, unless it has a parent
   already or would hold itself */
ct_module *ct_module_add(ct_module *m, const char *name, ct_module *child);
/* a parameter or buffer by its path from m; NULL and an error if there is none */
ct_tensor *ct_module_parameter(const ct_module *m, const char *path);
ct_module *ct_module_child(const ct_module *m, const char *path);
/* all parameters in order of adding, those of children after m's own; ct_name tells their names.
   The list is valid until something is added, freed or cast below m */
ct_tensor *const *ct_module_parameters(ct_module *m, int *n);
int64_t ct_module_count(const ct_module *m); /* how many numbers all parameters have together */
/* converts parameters and float buffers to f32 or f64. The parameters that change are new tensors
   without gradients, so make optimizers afterwards. On failure nothing changes */
ct_status ct_module_cast(ct_module *m, ct_dtype dtype);
/* a module with copies of all parameters and buffers, floats in that dtype; dtype 0 keeps theirs.
   Modules of yours share their `user` with the clone */
ct_module *ct_module_clone(const ct_module *m, ct_dtype dtype);
void ct_module_zero_grad(ct_module *m);
/* a line for each module, with shapes and counts; the scope's. NULL out of memory */
const char *ct_module_text(const ct_module *m);

/* Values are independent, of mean 0, and of variance 2 / (in + out) (Glorot, Bengio 2010), 2 / in
   (He et al. 2015) or 1 / in (LeCun et al. 1998), where in and out are the fans. They come from the
   context's random stream */
typedef enum ct_init {
    CT_INIT_DEFAULT = 0, CT_GLOROT_UNIFORM, CT_GLOROT_NORMAL, CT_HE_UNIFORM, CT_HE_NORMAL,
    CT_LECUN_UNIFORM, CT_LECUN_NORMAL, CT_INIT_ZEROS
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
ct_module *ct_activation_new(ct_context *cx, ct_activation activation);
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
/* runs the children one after the other, which are named "0", "1", ...; without children y is x. On
   failure the children are freed. A linear layer and the activation behind it are computed as one
   call */
ct_module *ct_sequential_new(ct_context *cx, ct_module *const *children, int n);
/* a sequential of linear layers with `hidden` between them, none after the last:
   ct_mlp_new(cx, CT_F32, CT_SIZES(784, 128, 10), CT_RELU, 0) has 0.weight, 0.bias, 2.weight,
   2.bias. The options are those of every layer */
ct_module *ct_mlp_new(ct_context *cx, ct_dtype dtype, const int64_t *sizes, int n,
                      ct_activation hidden, const ct_layer_options *options);
#define CT_MODULES(...) CT_LIST(ct_module *, __VA_ARGS__)
/* writes initial values into w, also if it is a variable. The fans are those of a weight (out, in,
   ...): the first two sizes, each times the product of the sizes after them. With fewer than two
   dimensions there are no fans, and CT_INIT_ZEROS alone is possible. The default is Glorot uniform,
   or zeros where there are no fans */
ct_status ct_initialize(ct_tensor *w, ct_init init);

/* -- Losses: one number, the mean over examples, unless _each (one per example) or said. Stable
 * for any logit. y and target have one shape and one dtype: nothing is broadcast */
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
/* l1 sum |w| + l2/2 sum w^2 over all parameters except those with "bias" in their name */
ct_tensor *ct_penalty(ct_module *m, double l1, double l2);
/* of logits (n,c) and i64 labels (n): the share of rows whose largest element is at the label; NaN
   on failure, and of no rows */
double ct_accuracy(ct_tensor *logits, ct_tensor *labels);

/* -- Optimizers: ct_optimizer_step moves every parameter that has a gradient, then zeroes the
 * gradients. Several ct_backward before one step therefore add up, and nothing has to be zeroed
 * by hand. The rules are those of ct_update_sgd and ct_update_adam (ops.h); their state begins at
 * zero and is made at a parameter's first step. Parameters are retained, may be of both dtypes,
 * each is given once. */
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

/* -- Batches: rows (along axis 0) of x and y together. The tensors given out belong to the iterator
 * and stay as they are until the next call, which overwrites them. Scopes do not matter to them */
typedef struct ct_batches ct_batches;
typedef struct ct_batches_options {
    bool in_order;             /* default: shuffled anew each epoch, by the context's stream */
    bool drop_last;            /* default: the last batch of an epoch may be short */
    uint64_t reserved[4];
} ct_batches_options;
/* retains x and y, or a copy of one that is not contiguous. y NULL: there are no targets */
ct_batches *ct_batches_new(ct_tensor *x, ct_tensor *y, int64_t size,
                           const ct_batches_options *options);
/* false at the end of an epoch, on failure, and while an error is pending (then *x and *y are
   NULL); the call after the end begins the next epoch. x or y may be NULL where not wanted */
bool ct_batches_next(ct_batches *b, ct_tensor **x, ct_tensor **y);
int64_t ct_batches_count(const ct_batches *b); /* batches per epoch */
/* what is not freed goes with the context. Freed ones are CT_ERROR_STALE, as for modules */
void ct_batches_free(ct_batches *b);

CT_API_END
#endif
