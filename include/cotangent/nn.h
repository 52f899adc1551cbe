/* Networks: modules, losses, optimizers, batches. Built from ops.h alone. */
#ifndef COTANGENT_NN_H
#define COTANGENT_NN_H
#include <cotangent/ops.h>
#ifdef __cplusplus
extern "C" {
#endif

/* -- Modules: named parameters, named children, and a way to compute forward. A module owns its
 * children and retains its parameters; constructors return NULL on failure and take NULL children
 * for failure. */
typedef struct ct_module ct_module;
typedef ct_tensor *(*ct_forward)(ct_module *self, ct_tensor *x, void *user);
ct_module *ct_module_new(ct_context *cx, const char *kind, ct_forward forward, void *user);
void ct_module_free(ct_module *m);             /* early; else the context does it */
ct_tensor *ct_module_forward(ct_module *m, ct_tensor *x);
/* retained, made a variable; returns x */
ct_tensor *ct_module_add_parameter(ct_module *m, const char *name, ct_tensor *x);
/* saved, not trained */
ct_tensor *ct_module_add_buffer(ct_module *m, const char *name, ct_tensor *x);
/* takes it; returns child */
ct_module *ct_module_add(ct_module *m, const char *name, ct_module *child);
/* "layers.0.weight"; NULL and an error if none */
ct_tensor *ct_module_parameter(const ct_module *m, const char *path);
ct_module *ct_module_child(const ct_module *m, const char *path);
/* all, in order of adding, children's after; names by ct_name; valid until a parameter is added */
ct_tensor *const *ct_module_parameters(ct_module *m, int *n);
int64_t ct_module_count(const ct_module *m);                   /* numbers in all parameters */
ct_status ct_module_cast(ct_module *m, ct_dtype dtype);        /* in place; gradients are dropped */
ct_module *ct_module_clone(const ct_module *m, ct_dtype dtype); /* 0: the same dtype */
void ct_module_zero_grad(ct_module *m);
const char *ct_module_text(const ct_module *m); /* a line per module, sizes and counts; scope's */

typedef enum ct_activation {
    CT_IDENTITY = 0, CT_RELU, CT_TANH, CT_SIGMOID, CT_GELU, CT_SILU, CT_SOFTPLUS, CT_ELU,
    CT_LEAKY_RELU
} ct_activation;
typedef enum ct_init {
    CT_INIT_DEFAULT = 0, CT_GLOROT_UNIFORM, CT_GLOROT_NORMAL, CT_HE_UNIFORM, CT_HE_NORMAL,
    CT_LECUN_UNIFORM, CT_LECUN_NORMAL, CT_INIT_ZEROS
} ct_init;
typedef struct ct_layer_options {
    bool no_bias;
    /* defaults: He uniform before relu, Glorot uniform else; zeros */
    ct_init weight_init, bias_init;
    uint64_t reserved[4];
} ct_layer_options;
ct_module *ct_linear_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t outputs,
                         const ct_layer_options *options);
ct_module *ct_activation_new(ct_context *cx, ct_activation activation);
ct_module *ct_dropout_new(ct_context *cx, double p);           /* passes x on under ct_inference */
/* takes them, also on failure */
ct_module *ct_sequential_new(ct_context *cx, ct_module *const *children, int n);
/* ct_mlp_new(cx, CT_F32, CT_SIZES(784, 128, 10), CT_RELU, 0) */
ct_module *ct_mlp_new(ct_context *cx, ct_dtype dtype, const int64_t *sizes, int n,
                      ct_activation hidden, const ct_layer_options *options);
#define CT_MODULES(...) CT_LIST(ct_module *, __VA_ARGS__)
ct_tensor *ct_activate(ct_tensor *x, ct_activation activation);
/* fan-in and fan-out as of a (out, in) weight */
ct_status ct_initialize(ct_tensor *w, ct_init init);

/* -- Losses: one number, the mean over examples, unless _each (one per example) or said. Stable
 * for any logit */
ct_tensor *ct_mse(ct_tensor *y, ct_tensor *target); /* mean (y - t)^2 over all elements */
ct_tensor *ct_half_squared_error(ct_tensor *y, ct_tensor *target);        /* 1/2 sum (y - t)^2 */
/* (n,c), i64 (n), 0 <= label < c */
ct_tensor *ct_cross_entropy(ct_tensor *logits, ct_tensor *labels);
ct_tensor *ct_cross_entropy_each(ct_tensor *logits, ct_tensor *labels);
/* target in [0, 1], float, of logits' shape */
ct_tensor *ct_binary_cross_entropy(ct_tensor *logits, ct_tensor *target);
ct_tensor *ct_binary_cross_entropy_each(ct_tensor *logits, ct_tensor *target);
ct_tensor *ct_gaussian_nll(ct_tensor *mean, ct_tensor *log_variance, ct_tensor *target);
/* l1 sum |w| + l2/2 sum w^2, biases left out */
ct_tensor *ct_penalty(ct_module *m, double l1, double l2);
double ct_accuracy(ct_tensor *logits, ct_tensor *labels); /* share right; NaN on failure */

/* -- Optimizers: ct_optimizer_step moves every parameter that has a gradient, then zeroes the
 * gradients. Several ct_backward before one step therefore add up, and nothing has to be zeroed
 * by hand. */
typedef struct ct_optimizer ct_optimizer;
ct_optimizer *ct_sgd_new(ct_tensor *const *parameters, int n, double rate,
                         const ct_sgd_options *options);
ct_optimizer *ct_adam_new(ct_tensor *const *parameters, int n, double rate,
                          const ct_adam_options *options);
void ct_optimizer_free(ct_optimizer *o);       /* early; else the context does it */
/* refuses, changing nothing, if no parameter has a gradient */
ct_status ct_optimizer_step(ct_optimizer *o);
double ct_optimizer_rate(const ct_optimizer *o);
void ct_optimizer_set_rate(ct_optimizer *o, double rate);
/* returns the norm before */
double ct_clip_gradients(ct_tensor *const *parameters, int n, double max_norm);

/* -- Batches: rows of x and y together. The tensors given out belong to the iterator and hold
 * until the next call: they may be taken outside the scope of a step */
typedef struct ct_batches ct_batches;
typedef struct ct_batches_options {
    /* default: shuffled anew each epoch by the context's stream; short last one */
    bool in_order, drop_last;
    uint64_t reserved[4];
} ct_batches_options;
ct_batches *ct_batches_new(ct_tensor *x, ct_tensor *y, int64_t size, /* retains both */
                           const ct_batches_options *options);
/* false at the end of an epoch, on failure, and while an error is pending; the call after the end
   begins the next epoch */
bool ct_batches_next(ct_batches *b, ct_tensor **x, ct_tensor **y);
int64_t ct_batches_count(const ct_batches *b); /* batches per epoch */
void ct_batches_free(ct_batches *b);

#ifdef __cplusplus
}
#endif
#endif
