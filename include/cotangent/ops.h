/* Operators. All return a new tensor, differentiable to any order unless said, and broadcast as
 * in NumPy. dtypes of operands agree (else the error names ct_cast). `axis` may be negative.
 * Numbers take the tensor's dtype. */
#ifndef COTANGENT_OPS_H
#define COTANGENT_OPS_H
#include <cotangent/autograd.h>
#ifdef __cplusplus
extern "C" {
#endif

/* -- Arithmetic */
/* ct_add, a + b, is in autograd.h: the chain rule adds cotangents with it */
ct_tensor *ct_sub(ct_tensor *a, ct_tensor *b);                 /* a - b */
ct_tensor *ct_mul(ct_tensor *a, ct_tensor *b);                 /* a b, elementwise */
ct_tensor *ct_div(ct_tensor *a, ct_tensor *b);                 /* a / b */
ct_tensor *ct_pow(ct_tensor *a, ct_tensor *b);                 /* a^b */
ct_tensor *ct_maximum(ct_tensor *a, ct_tensor *b);             /* at a tie each takes half */
ct_tensor *ct_minimum(ct_tensor *a, ct_tensor *b);
ct_tensor *ct_neg(ct_tensor *x);                               /* -x */

/* -- ... with a number. In all else: ct_scalar_like(x, c) */
ct_tensor *ct_scale(ct_tensor *x, double c);                   /* c x */
ct_tensor *ct_shift(ct_tensor *x, double c);                   /* x + c */
ct_tensor *ct_rsub(double c, ct_tensor *x);                    /* c - x */
ct_tensor *ct_rdiv(double c, ct_tensor *x);                    /* c / x */
ct_tensor *ct_power(ct_tensor *x, double c);                   /* x^c */
/* gradient 1 on [low, high], 0 outside */
ct_tensor *ct_clamp(ct_tensor *x, double low, double high);

/* -- Elementwise functions */
ct_tensor *ct_exp(ct_tensor *x);
ct_tensor *ct_expm1(ct_tensor *x);
ct_tensor *ct_log(ct_tensor *x);
ct_tensor *ct_log1p(ct_tensor *x);
ct_tensor *ct_sqrt(ct_tensor *x);
ct_tensor *ct_square(ct_tensor *x);
ct_tensor *ct_reciprocal(ct_tensor *x);
ct_tensor *ct_abs(ct_tensor *x);                               /* gradient 0 at 0 */
ct_tensor *ct_sign(ct_tensor *x);                              /* gradient 0 */
ct_tensor *ct_sin(ct_tensor *x);
ct_tensor *ct_cos(ct_tensor *x);
ct_tensor *ct_erf(ct_tensor *x);                               /* 2/sqrt(pi) int_0^x e^(-t^2) dt */
ct_tensor *ct_tanh(ct_tensor *x);
ct_tensor *ct_sigmoid(ct_tensor *x);                           /* 1 / (1 + e^-x) */
ct_tensor *ct_relu(ct_tensor *x);                              /* max(0, x); gradient 0 at 0 */
ct_tensor *ct_leaky_relu(ct_tensor *x, double slope);
ct_tensor *ct_elu(ct_tensor *x, double alpha);
ct_tensor *ct_gelu(ct_tensor *x);                              /* x Phi(x), exact */
ct_tensor *ct_silu(ct_tensor *x);                              /* x sigmoid(x) */
ct_tensor *ct_softplus(ct_tensor *x);                          /* log(1 + e^x), for any x */

/* -- Choice: bool tensors out of comparisons, no gradient through them */
ct_tensor *ct_eq(ct_tensor *a, ct_tensor *b);
ct_tensor *ct_ne(ct_tensor *a, ct_tensor *b);
ct_tensor *ct_lt(ct_tensor *a, ct_tensor *b);
ct_tensor *ct_le(ct_tensor *a, ct_tensor *b);
ct_tensor *ct_gt(ct_tensor *a, ct_tensor *b);
ct_tensor *ct_ge(ct_tensor *a, ct_tensor *b);
/* no NaN from the branch not taken */
ct_tensor *ct_where(ct_tensor *condition, ct_tensor *a, ct_tensor *b);

/* -- Reductions: to one number, or over axes: ct_sum_over(x, CT_AXES(0, 1), CT_KEEPDIMS) */
enum { CT_KEEPDIMS = 1, CT_UNBIASED = 2 }; /* sizes become 1 instead of going; variance by n - 1 */
ct_tensor *ct_sum(ct_tensor *x);
ct_tensor *ct_mean(ct_tensor *x);
ct_tensor *ct_max(ct_tensor *x);                               /* ties share the gradient */
ct_tensor *ct_min(ct_tensor *x);
ct_tensor *ct_var(ct_tensor *x); /* mean (x - mean x)^2: divides by n, as NumPy */
ct_tensor *ct_logsumexp(ct_tensor *x);                         /* log sum e^x, stable */
ct_tensor *ct_sum_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_mean_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_max_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_min_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_var_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_logsumexp_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_argmax(ct_tensor *x, int axis);                  /* i64, the first of equals */
ct_tensor *ct_argmin(ct_tensor *x, int axis);
ct_tensor *ct_softmax(ct_tensor *x, int axis);                 /* e^x / sum e^x */
ct_tensor *ct_log_softmax(ct_tensor *x, int axis);

/* -- Products */
/* (...,m,k) x (...,k,n) -> (...,m,n); 1-d as in NumPy */
ct_tensor *ct_matmul(ct_tensor *a, ct_tensor *b);
/* x w^T + b: (...,k) x (n,k) + (n) -> (...,n) */
ct_tensor *ct_linear(ct_tensor *x, ct_tensor *w, ct_tensor *b);
ct_tensor *ct_dot(ct_tensor *a, ct_tensor *b);                 /* sum a b: (n) x (n) -> () */

/* -- Shape: views where possible, copies where not */
ct_tensor *ct_reshape(ct_tensor *x, const int64_t *shape, int ndim); /* one size may be -1 */
ct_tensor *ct_transpose(ct_tensor *x); /* the last two axes; 0-d and 1-d are errors */
ct_tensor *ct_permute(ct_tensor *x, const int64_t *axes, int n);
ct_tensor *ct_squeeze(ct_tensor *x, int axis);
ct_tensor *ct_unsqueeze(ct_tensor *x, int axis);               /* a new axis of size 1, there */
/* sizes 1 grow; a view, read-only */
ct_tensor *ct_expand(ct_tensor *x, const int64_t *shape, int ndim);
ct_tensor *ct_contiguous(ct_tensor *x);
/* x[start:stop:step], CT_END */
ct_tensor *ct_slice(ct_tensor *x, int axis, int64_t start, int64_t stop, int64_t step);
/* x[index], the axis goes: ct_select(v, 0, 2) is v[2] */
ct_tensor *ct_select(ct_tensor *x, int axis, int64_t index);
ct_tensor *ct_concat(ct_tensor *const *x, int n, int axis);    /* ct_concat(CT_TENSORS(a, b), 0) */
ct_tensor *ct_stack(ct_tensor *const *x, int n, int axis);

/* -- Indices: i64 tensors; out of range is an error */
ct_tensor *ct_index_select(ct_tensor *x, int axis, ct_tensor *index); /* index 1-d */
ct_tensor *ct_gather(ct_tensor *x, int axis, ct_tensor *index);       /* as take_along_axis */

/* -- Others */
ct_tensor *ct_cast(ct_tensor *x, ct_dtype dtype); /* between f32 and f64: differentiable */
ct_tensor *ct_dropout(ct_tensor *x, double p); /* always drops: the module knows about training */

/* -- Updates of parameters, in place and unrecorded; nn.h's optimizers are made of these */
typedef struct ct_sgd_options {
    double momentum, weight_decay;
    bool nesterov, keep_gradients;
    uint64_t reserved[4];
} ct_sgd_options;
typedef struct ct_adam_options {
    double beta1, beta2, epsilon, weight_decay; /* defaults 0.9, 0.999, 1e-8, 0; negative: zero */
    bool decoupled, keep_gradients;             /* decoupled: AdamW */
    uint64_t reserved[4];
} ct_adam_options;
ct_status ct_update_sgd(ct_tensor *const *w, ct_tensor *const *g, ct_tensor *const *velocity,
                        int n, double rate, const ct_sgd_options *options);
ct_status ct_update_adam(ct_tensor *const *w, ct_tensor *const *g, ct_tensor *const *moments,
                         int n, double rate, const ct_adam_options *options);

/* -- The list of all of them, for tests and tools */
struct ct_op;
const struct ct_op *ct_op_find(const char *name);
const struct ct_op *const *ct_op_list(int *n);

#ifdef __cplusplus
}
#endif
#endif
