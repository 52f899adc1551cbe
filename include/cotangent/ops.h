/* Operators. All return a new tensor, differentiable to any order unless said, and broadcast as
 * in NumPy: shapes are aligned at their last axes, and a size 1 is repeated. dtypes of operands
 * agree, f32 or f64 unless said (else the error names ct_cast). `axis` may be negative. Numbers
 * take the tensor's dtype. NaN in is NaN out. In the formulas y is the result, g its cotangent and
 * gx that of x.
 *
 * At infinities, values and gradients are the limits where those exist. Elementwise functions and
 * their gradients are right to a few roundings of the result, relative, over all of f32 and f64,
 * except where said below and where a factor of the result underflows (silu below -87 in f32 and
 * -708 in f64). Gradients that are recorded (CT_CREATE_GRAPH) are the same to a few roundings.
 *
 * Where a piece of a function does not depend on x (relu below 0, clamp outside), and at the kink of
 * abs, gx is 0, also if g is infinite or NaN. Where x is NaN, relu, leaky_relu and clamp give it g, maximum and
 * minimum give g to the NaN, and functions that are not linear make NaN of it.
 *
 * Where NumPy and PyTorch disagree:
 *                           NumPy            PyTorch            here
 *   var, divisor            n                n - 1              n; CT_UNBIASED: n - 1
 *   axes: an empty list     reduces none     reduces all        reduces all
 *   max over axes, ties     (no gradient)    max: to one,       shared equally
 *                                            amax: shared
 *   i64 / i64               f64              f32                error: ct_cast
 *   operands' dtypes differ promoted         promoted           error: ct_cast
 *   transpose, no axes said reverses all     (error)            swaps the last two
 *   gather, index below 0   from the end     error              from the end
 *   slice, step below 0     walks backward   error              walks backward
 *   float to i64, too large undefined        undefined          error */
#ifndef COTANGENT_OPS_H
#define COTANGENT_OPS_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* -- Arithmetic */
/* ct_add, a + b, is in autograd.h: the chain rule adds cotangents with it */
ct_tensor *ct_sub(ct_tensor *a, ct_tensor *b);                 /* a - b */
ct_tensor *ct_mul(ct_tensor *a, ct_tensor *b);                 /* a b, elementwise */
ct_tensor *ct_div(ct_tensor *a, ct_tensor *b);                 /* a / b; x/0 is infinite, 0/0 NaN */
/* a b, but 0 where a = 0, also if b is infinite or NaN: for weights and masks. ga = g b; gb = g a,
   and 0 where a = 0, whatever g is */
ct_tensor *ct_mul_no_nan(ct_tensor *a, ct_tensor *b);
/* a^b; NaN for a < 0 unless b is a whole number. ga = g b a^(b-1), 0 where b = 0; gb = g y log a,
   NaN where a < 0. At a = 0 <= b, a^b counts as constant in b: gb, and all further derivatives in
   which b occurs, are 0 there. Mixed derivatives do not depend on the order */
ct_tensor *ct_pow(ct_tensor *a, ct_tensor *b);
/* The larger one, the smaller one; a NaN is taken before any number. The one taken gets g. Of two
   equal ones, or two NaNs, each gets g / 2 */
ct_tensor *ct_maximum(ct_tensor *a, ct_tensor *b);
ct_tensor *ct_minimum(ct_tensor *a, ct_tensor *b);
ct_tensor *ct_neg(ct_tensor *x);                               /* -x */

/* -- ... with a number. In all else: ct_scalar_like(x, c) */
ct_tensor *ct_scale(ct_tensor *x, double c);                   /* c x */
ct_tensor *ct_shift(ct_tensor *x, double c);                   /* x + c */
ct_tensor *ct_rsub(double c, ct_tensor *x);                    /* c - x */
ct_tensor *ct_rdiv(double c, ct_tensor *x);                    /* c / x */
/* x^c; NaN for x < 0 unless c is a whole number. gx = g c x^(c-1). x^0 is 1 for any x, NaN too, and
   has gradient 0 */
ct_tensor *ct_power(ct_tensor *x, double c);
/* min(max(x, low), high); gx = g on [low, high], ends included, 0 outside */
ct_tensor *ct_clamp(ct_tensor *x, double low, double high);

/* -- Elementwise functions */
ct_tensor *ct_exp(ct_tensor *x);
ct_tensor *ct_expm1(ct_tensor *x); /* e^x - 1, exact near 0; gx = g e^x, for any x */
ct_tensor *ct_log(ct_tensor *x);                               /* 0: -inf, x < 0: NaN */
ct_tensor *ct_log1p(ct_tensor *x);                             /* log(1 + x), exact near 0 */
ct_tensor *ct_sqrt(ct_tensor *x); /* x < 0: NaN; the slope at 0 is infinite */
ct_tensor *ct_square(ct_tensor *x);
ct_tensor *ct_reciprocal(ct_tensor *x);                        /* 1 / x */
ct_tensor *ct_abs(ct_tensor *x);                               /* gradient 0 at 0 */
ct_tensor *ct_sign(ct_tensor *x);                              /* -1, 0, 1; no gradient */
ct_tensor *ct_sin(ct_tensor *x);                               /* radians */
ct_tensor *ct_cos(ct_tensor *x);
/* 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x; gx = g 2 / sqrt(pi) e^(-x^2), which is
   off by up to x^2 roundings, since x^2 is rounded */
ct_tensor *ct_erf(ct_tensor *x);
/* 1 - erf x, and keeps its digits for large x; gx = -g 2 / sqrt(pi) e^(-x^2), likewise */
ct_tensor *ct_erfc(ct_tensor *x);
/* the normal distribution function, erfc(-x / sqrt 2) / 2; gx = g normal_pdf(x). In f64 these two,
   and gelu, are off by up to 2 x^2 roundings, since x / sqrt 2 and x^2 are rounded */
ct_tensor *ct_normal_cdf(ct_tensor *x);
/* its density, e^(-x^2/2) / sqrt(2 pi); gx = -g x y */
ct_tensor *ct_normal_pdf(ct_tensor *x);
/* gx = g (1 - y) (1 + y), which is made from y alone, and loses digits as |y| comes near 1: it is
   off by up to e^(2|x|) / 2 roundings, and 0 from about |x| = 9 on in f32, 19 in f64. So are
   derivatives of higher order */
ct_tensor *ct_tanh(ct_tensor *x);
/* 1 / (1 + e^-x), for any x. gx = g y (1 - y), which keeps its digits for x < 0 and loses them as y
   comes near 1: it is off by up to e^x roundings, and 0 from about x = 17 on in f32, 37 in f64. So
   are derivatives of higher order. Those of softplus and silu keep their digits for any x */
ct_tensor *ct_sigmoid(ct_tensor *x);
ct_tensor *ct_relu(ct_tensor *x);                              /* max(0, x); gradient 0 at 0 */
/* x, or slope x where x <= 0 (so the gradient at 0 is slope g) */
ct_tensor *ct_leaky_relu(ct_tensor *x, double slope);
/* x, or alpha (e^x - 1) where x <= 0; there gx = g alpha e^x */
ct_tensor *ct_elu(ct_tensor *x, double alpha);
/* x normal_cdf(x), and not the approximation by tanh; gx = g (normal_cdf(x) + x normal_pdf(x)) */
ct_tensor *ct_gelu(ct_tensor *x);
/* x sigmoid(x); gx = g sigmoid(x) (1 + x sigmoid(-x)) */
ct_tensor *ct_silu(ct_tensor *x);
ct_tensor *ct_softplus(ct_tensor *x); /* log(1 + e^x), for any x; gx = g sigmoid(x) */

/* -- Choice. Comparisons, of any dtype, make bool tensors, through which there is no gradient; NaN
 * differs from everything, itself included */
ct_tensor *ct_eq(ct_tensor *a, ct_tensor *b);
ct_tensor *ct_ne(ct_tensor *a, ct_tensor *b);
ct_tensor *ct_lt(ct_tensor *a, ct_tensor *b);
ct_tensor *ct_le(ct_tensor *a, ct_tensor *b);
ct_tensor *ct_gt(ct_tensor *a, ct_tensor *b);
ct_tensor *ct_ge(ct_tensor *a, ct_tensor *b);
/* a where the bool condition holds, else b, of any dtype, all three broadcast. The one not taken
   gets cotangent 0 exactly, but what made it may turn that 0 into NaN (0 times an infinite slope):
   then choose its argument as well, log(where(x > 0, x, 1)) */
ct_tensor *ct_where(ct_tensor *condition, ct_tensor *a, ct_tensor *b);

/* -- Reductions: to one number, ct_sum(x), or over axes, ct_sum_over(x, CT_AXES(0, 1),
 * CT_KEEPDIMS). No axes (NULL, 0) are all axes. Errors: an axis out of range or given twice */
enum { CT_KEEPDIMS = 1, CT_UNBIASED = 2 }; /* sizes become 1 instead of going; variance by n - 1 */
ct_tensor *ct_sum(ct_tensor *x); /* i64 as well; of nothing: 0; as accurate as ct_sum_to */
ct_tensor *ct_mean(ct_tensor *x);
/* i64 as well; k equal ones get g / k each; of nothing: an error. A NaN wins */
ct_tensor *ct_max(ct_tensor *x);
ct_tensor *ct_min(ct_tensor *x);
ct_tensor *ct_var(ct_tensor *x); /* mean (x - mean x)^2; CT_UNBIASED: NaN of a single one */
/* log sum e^x, for any x; -inf where all are, or there are none; gx = g e^(x - y) */
ct_tensor *ct_logsumexp(ct_tensor *x);
ct_tensor *ct_sum_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_mean_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_max_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_min_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_var_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_logsumexp_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
/* where the largest is along the axis, which goes: i64, the first of equals, the first NaN if there
   is one; i64 x as well; along nothing: an error; no gradient */
ct_tensor *ct_argmax(ct_tensor *x, int axis);
ct_tensor *ct_argmin(ct_tensor *x, int axis);
/* e^x / sum e^x along the axis, for any finite x; an x of -inf gets 0; where all are, NaN.
   gx = y (g - sum g y) */
ct_tensor *ct_softmax(ct_tensor *x, int axis);
ct_tensor *ct_log_softmax(ct_tensor *x, int axis); /* x - log sum e^x; gx = g - e^y sum g */
/* -log softmax(logits)[label]: (n,c), i64 (n), 0 <= label < c; the mean over n examples, or (_each)
   each. For any finite logits; gx = g / n (softmax(logits) - 1 at the label) */
ct_tensor *ct_cross_entropy(ct_tensor *logits, ct_tensor *labels);
ct_tensor *ct_cross_entropy_each(ct_tensor *logits, ct_tensor *labels);

/* (x - mean x) / sqrt(var x + epsilon) weight + bias: mean and variance (divisor n) over the last
   axes, whose sizes are `shape`, CT_SHAPE(512) say. weight and bias have that shape; either may be
   NULL. epsilon is usually 1e-5. With h the normalized x and g' = g weight:
   gx = (g' - mean g' - h mean(g' h)) / sqrt(var x + epsilon), gw = sum g h, gb = sum g */
ct_tensor *ct_layer_norm(ct_tensor *x, const int64_t *shape, int ndim, ct_tensor *weight,
                         ct_tensor *bias, double epsilon);

/* -- Activations by name, as layers are told them: elu with alpha 1, leaky_relu with slope 0.01 */
typedef enum ct_activation {
    CT_IDENTITY = 0, CT_RELU, CT_TANH, CT_SIGMOID, CT_GELU, CT_SILU, CT_SOFTPLUS, CT_ELU,
    CT_LEAKY_RELU
} ct_activation;
ct_tensor *ct_activate(ct_tensor *x, ct_activation activation); /* CT_IDENTITY: x itself */

/* -- Products. An element is off by at most 520 eps sum |a b|, however many products it sums, and
 * by at most (k + 2) eps sum |a b| if it sums k; eps is 2^-24 for f32, 2^-53 for f64. So are
 * gradients, whose sums run over rows; where r products are summed that do not lie as one, along
 * leading axes that were repeated, 2 sqrt(r) + 64 is added to the 520. A build with a BLAS keeps to
 * its own order within 10,240 products, which may be as many eps off */
/* y_ij = sum_k a_ik b_kj: (...,m,k) x (...,k,n) -> (...,m,n), leading axes broadcast. 1-d as in
   NumPy: a as a row (1,k), b as a column (k,1), and that axis goes from y. 0-d is an error.
   ga = g b^T, gb = a^T g, summed over leading axes that were repeated */
ct_tensor *ct_matmul(ct_tensor *a, ct_tensor *b);
/* x w^T + b: (...,k) x (n,k) + (n) -> (...,n). b may be NULL: no bias. gx = g w, gw = g^T x,
   gb = sum of g's rows */
ct_tensor *ct_linear(ct_tensor *x, ct_tensor *w, ct_tensor *b);
/* f(x w^T + b); identity, relu, tanh and sigmoid within the product, which saves passes each way */
ct_tensor *ct_linear_activation(ct_tensor *x, ct_tensor *w, ct_tensor *b,
                                ct_activation activation);
ct_tensor *ct_dot(ct_tensor *a, ct_tensor *b);                 /* sum a b: (n) x (n) -> () */

/* -- Shape, of any dtype. All but contiguous, concat and stack are views of x: they share its
 * memory and lie there as ct_strides says */
/* the same elements in row-major order; one size may be -1: what is left. Where no strides give
   that shape (a transposed x made flat), a copy */
ct_tensor *ct_reshape(ct_tensor *x, const int64_t *shape, int ndim);
ct_tensor *ct_transpose(ct_tensor *x); /* the last two axes; 0-d and 1-d are errors */
/* y's axis d is x's axis axes[d]; each axis once */
ct_tensor *ct_permute(ct_tensor *x, const int64_t *axes, int n);
ct_tensor *ct_squeeze(ct_tensor *x, int axis);                 /* that axis, of size 1, goes */
ct_tensor *ct_unsqueeze(ct_tensor *x, int axis);               /* a new axis of size 1, there */
/* broadcast_to, where a size of -1 stays as it is; a view, read-only */
ct_tensor *ct_expand(ct_tensor *x, const int64_t *shape, int ndim);
ct_tensor *ct_contiguous(ct_tensor *x); /* x itself where it is row-major; else a copy that is */
/* x[start:stop:step] as in Python: negative positions count from the end, positions outside are
   brought in, step may be negative but not 0. CT_END as stop: all that is left in the direction of
   step, so ct_slice(x, 0, -1, CT_END, -1) is x reversed */
ct_tensor *ct_slice(ct_tensor *x, int axis, int64_t start, int64_t stop, int64_t step);
/* x[index], the axis goes: ct_select(v, 0, 2) is v[2] */
ct_tensor *ct_select(ct_tensor *x, int axis, int64_t index);
/* one behind another; sizes differ along axis only: ct_concat(CT_TENSORS(a, b), 0) */
ct_tensor *ct_concat(ct_tensor *const *x, int n, int axis);
/* along a new axis of size n; all of one shape */
ct_tensor *ct_stack(ct_tensor *const *x, int n, int axis);

/* -- Indices: i64 tensors, values from -size to size - 1, negative from the end; another value is
 * an error. An element taken twice gets both cotangents; the sum of many is off by at most 260 eps
 * sum |g| in f32 (eps = 2^-24), by n eps sum |g| for n of them in f64 (2^-53). x of any dtype */
/* slabs of x: y[j] = x[index[j]] along the axis; index 1-d */
ct_tensor *ct_index_select(ct_tensor *x, int axis, ct_tensor *index);
/* as take_along_axis: y[i][j] = x[i][index[i][j]] for the last axis. y has the shape of index,
   which is that of x but for the axis */
ct_tensor *ct_gather(ct_tensor *x, int axis, ct_tensor *index);

/* -- Others */
/* between any dtypes; x itself if it has that one. Float to i64 cuts off the fraction (a NaN or
   what i64 cannot hold is an error), to bool 0 is false. Differentiable between f32 and f64 */
ct_tensor *ct_cast(ct_tensor *x, ct_dtype dtype);
/* each element 0 with probability p, else x / (1 - p), by the context's random stream; 0 <= p < 1,
   and 0 is x itself. Always drops: ct_dropout_new knows about training */
ct_tensor *ct_dropout(ct_tensor *x, double p);

/* -- Updates of n parameters w by gradients g, in place and unrecorded; nn.h's optimizers are made
 * of these. Each w is f32 or f64, its g and state of its dtype and shape. All is checked first: an
 * error changes nothing. rate and the numbers in options are finite and not negative */
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
/* g += weight_decay w;  velocity = momentum velocity + g;  w -= rate velocity, with nesterov
   w -= rate (g + momentum velocity). velocity: n tensors, zeros at first; NULL without momentum */
ct_status ct_update_sgd(ct_tensor *const *w, ct_tensor *const *g, ct_tensor *const *velocity,
                        int n, double rate, const ct_sgd_options *options);
/* g += weight_decay w;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
   w -= rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon). decoupled: instead of the
   first, w -= rate weight_decay w. moments: 3 n tensors, n m's, n v's and n step counts t (i64, one
   element, counted up here), zeros at first */
ct_status ct_update_adam(ct_tensor *const *w, ct_tensor *const *g, ct_tensor *const *moments,
                         int n, double rate, const ct_adam_options *options);
/* Multiplies n gradients by max_norm / norm where norm, the root of the sum of all their squares,
   is larger than max_norm and finite. *norm (or NULL) becomes what it was before; of no gradients
   it is 0. No square overflows or vanishes on the way. An error: max_norm is not positive */
ct_status ct_update_clip(ct_tensor *const *g, int n, double max_norm, double *norm);

/* -- The list of all of them, for tests and tools */
struct ct_op;
const struct ct_op *ct_op_find(const char *name);
const struct ct_op *const *ct_op_list(int *n);

CT_API_END
#endif
