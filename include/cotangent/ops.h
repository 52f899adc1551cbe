/* Operators. Each returns a new tensor and is differentiable to any order, unless its comment says
 * otherwise. They broadcast as NumPy does: shapes are aligned at their last axes, and a size 1 is
 * repeated; the cotangent of what was repeated is the sum over it. The operands of one call have
 * the same dtype, f32 or f64 unless the comment allows others; else the error names ct_cast. A
 * negative `axis` counts from the end. Numbers take the tensor's dtype. NaN in is NaN out.
 *
 * Each comment states the value y and the derivative. g is the cotangent of y, gx that of x, ga and
 * gb those of a and b. [p] is 1 where p holds and 0 elsewhere, and g [p] is 0 where p does not
 * hold, even if g is infinite. log is the natural logarithm, and Phi and phi are the distribution
 * function and the density of the standard normal distribution. "derivative: none" means that y
 * never requires grad.
 *
 * Both texts are in the operator too: ct_op_find("tanh")->formula and ->derivative (see op.h). The
 * C functions of most operators are made by macros from the row of a table, so a search for ct_tanh
 * finds no definition. `grep -rn '(tanh,' ops` finds the row, here UNARY(tanh, ...) in
 * ops/elementwise/unary.def; `grep -rn '"softmax"' ops` finds an operator that has no row.
 *
 * At infinities, values and gradients are the limits where those exist. Elementwise functions and
 * their gradients are right to a few roundings of the result, relative, over all of f32 and f64,
 * except where said below and where a factor of the result underflows (silu below -87 in f32 and
 * -708 in f64). Gradients that are recorded (CT_CREATE_GRAPH) are the same to a few roundings.
 *
 * Where a piece of a function does not depend on x (relu below 0, clamp outside), and at the kink
 * of abs, gx is 0, even if g is infinite or NaN. Where x is NaN, relu, leaky_relu and clamp give it
 * g, maximum and minimum give g to the NaN, and functions that are not linear make NaN of it.
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

/* -- Arithmetic. ct_add, y = a + b, is in autograd.h: the chain rule adds cotangents with it */
ct_tensor *ct_sub(ct_tensor *a, ct_tensor *b);  /* y = a - b; ga = g, gb = -g */
ct_tensor *ct_mul(ct_tensor *a, ct_tensor *b);  /* y = a b; ga = g b, gb = g a */
/* y = a / b; ga = g / b, gb = -g y / b. a / 0 is infinite, and 0 / 0 is NaN */
ct_tensor *ct_div(ct_tensor *a, ct_tensor *b);
/* y = a b where a != 0, else 0; ga = g b, gb = g a where a != 0, else 0. So a weight or mask of 0
   takes out what is infinite or NaN */
ct_tensor *ct_mul_no_nan(ct_tensor *a, ct_tensor *b);
/* y = a^b; ga = g b a^(b-1), gb = g y log a. y is NaN for a < 0 unless b is a whole number. ga is 0
   where b = 0, and gb is NaN where a < 0. Where a = 0 <= b, y counts as constant in b: gb, and all
   further derivatives in which b occurs, are 0. Mixed derivatives do not depend on the order */
ct_tensor *ct_pow(ct_tensor *a, ct_tensor *b);
/* y = max(a, b); ga = g ([a > b] + [a = b] / 2), gb = g ([b > a] + [a = b] / 2). A NaN
   wins, and gets g; two NaNs count as equal */
ct_tensor *ct_maximum(ct_tensor *a, ct_tensor *b);
/* y = min(a, b); ga = g ([a < b] + [a = b] / 2), gb = g ([b < a] + [a = b] / 2). A NaN
   wins, and gets g; two NaNs count as equal */
ct_tensor *ct_minimum(ct_tensor *a, ct_tensor *b);
ct_tensor *ct_neg(ct_tensor *x);                /* y = -x; gx = -g */

/* -- ... with a number c. For all other operators, make a tensor of it: ct_scalar_like(x, c) */
ct_tensor *ct_scale(ct_tensor *x, double c);    /* y = c x; gx = c g */
ct_tensor *ct_shift(ct_tensor *x, double c);    /* y = x + c; gx = g */
ct_tensor *ct_rsub(double c, ct_tensor *x);     /* y = c - x; gx = -g */
ct_tensor *ct_rdiv(double c, ct_tensor *x);     /* y = c / x; gx = -g y / x */
/* y = x^c; gx = g c x^(c-1). y is NaN for x < 0 unless c is a whole number. x^0 is 1 for any x, NaN
   too, and its gradient is 0 */
ct_tensor *ct_power(ct_tensor *x, double c);
/* y = min(max(x, low), high); gx = g [low <= x <= high] */
ct_tensor *ct_clamp(ct_tensor *x, double low, double high);

/* -- Elementwise functions: y has x's shape. No e^x on the way overflows where y is finite */
ct_tensor *ct_exp(ct_tensor *x);                /* y = e^x; gx = g y */
ct_tensor *ct_expm1(ct_tensor *x);              /* y = e^x - 1; gx = g e^x. Exact near 0 */
ct_tensor *ct_log(ct_tensor *x);                /* y = log x; gx = g / x. -inf at 0, NaN below */
ct_tensor *ct_log1p(ct_tensor *x);              /* y = log(1 + x); gx = g / (1 + x). Exact near 0 */
ct_tensor *ct_sqrt(ct_tensor *x);               /* y = sqrt x; gx = g / (2 y). NaN below 0 */
ct_tensor *ct_square(ct_tensor *x);             /* y = x^2; gx = 2 g x */
ct_tensor *ct_reciprocal(ct_tensor *x);         /* y = 1 / x; gx = -g y^2 */
ct_tensor *ct_abs(ct_tensor *x);                /* y = |x|; gx = g sign x. sign 0 is 0 */
ct_tensor *ct_sign(ct_tensor *x);               /* y = sign x; derivative: none. -1, 0 or 1 */
ct_tensor *ct_sin(ct_tensor *x);                /* y = sin x; gx = g cos x. x is in radians */
ct_tensor *ct_cos(ct_tensor *x);                /* y = cos x; gx = -g sin x. x is in radians */
/* y = erf x; gx = g 2 / sqrt(pi) e^(-x^2). erf x is 2 / sqrt(pi) times the integral of e^(-t^2) for
   t from 0 to x. gx is off by up to x^2 roundings, since x^2 is rounded */
ct_tensor *ct_erf(ct_tensor *x);
/* y = 1 - erf x; gx = -g 2 / sqrt(pi) e^(-x^2). y keeps its digits for large x; gx is
   as exact as that of ct_erf */
ct_tensor *ct_erfc(ct_tensor *x);
/* y = Phi(x); gx = g phi(x). In f64 these two and gelu are off by up to 2 x^2 roundings, since
   x / sqrt 2 and x^2 are rounded */
ct_tensor *ct_normal_cdf(ct_tensor *x);
ct_tensor *ct_normal_pdf(ct_tensor *x);         /* y = phi(x); gx = -g x y */
/* y = tanh x; gx = g (1 - y^2). gx is made from y alone, and loses digits as |y| comes near 1: it
   is off by up to e^(2|x|) / 2 roundings, and 0 from about |x| = 9 on in f32, 19 in f64. So are
   derivatives of higher order */
ct_tensor *ct_tanh(ct_tensor *x);
/* y = 1 / (1 + e^-x); gx = g y (1 - y). gx keeps its digits for x < 0 and loses them as y comes
   near 1: it is off by up to e^x roundings, and 0 from about x = 17 on in f32, 37 in f64. So are
   derivatives of higher order. Those of softplus and silu keep their digits for any x */
ct_tensor *ct_sigmoid(ct_tensor *x);
ct_tensor *ct_relu(ct_tensor *x);               /* y = max(0, x); gx = g [x > 0] */
/* y = x where x > 0, else slope x; gx = g where x > 0, else slope g */
ct_tensor *ct_leaky_relu(ct_tensor *x, double slope);
/* y = x where x > 0, else alpha (e^x - 1); gx = g where x > 0, else g alpha e^x */
ct_tensor *ct_elu(ct_tensor *x, double alpha);
/* y = x Phi(x); gx = g (Phi(x) + x phi(x)). It is not the approximation by tanh */
ct_tensor *ct_gelu(ct_tensor *x);
/* y = x s, s = 1 / (1 + e^-x); gx = g s (1 + x (1 - s)) */
ct_tensor *ct_silu(ct_tensor *x);
ct_tensor *ct_softplus(ct_tensor *x);           /* y = log(1 + e^x); gx = g / (1 + e^-x) */

/* -- Choice, for any dtype. Comparisons make bool tensors. NaN differs from everything, itself
 * included */
ct_tensor *ct_eq(ct_tensor *a, ct_tensor *b);   /* y = a == b; derivative: none */
ct_tensor *ct_ne(ct_tensor *a, ct_tensor *b);   /* y = a != b; derivative: none */
ct_tensor *ct_lt(ct_tensor *a, ct_tensor *b);   /* y = a < b; derivative: none */
ct_tensor *ct_le(ct_tensor *a, ct_tensor *b);   /* y = a <= b; derivative: none */
ct_tensor *ct_gt(ct_tensor *a, ct_tensor *b);   /* y = a > b; derivative: none */
ct_tensor *ct_ge(ct_tensor *a, ct_tensor *b);   /* y = a >= b; derivative: none */
/* y = a where the condition holds, else b; ga = g where the condition holds, else 0, gb = 0 where
   it holds, else g. The condition is bool, a and b have one dtype, and all three are broadcast.
   What was not taken gets a cotangent of exactly 0, but the operators that made it may turn that 0
   into NaN: 0 times an infinite slope. Then choose their argument too: log(where(x > 0, x, 1)) */
ct_tensor *ct_where(ct_tensor *condition, ct_tensor *a, ct_tensor *b);

/* -- Reductions. ct_sum(x) reduces all axes to one number; ct_sum_over(x, CT_AXES(0, 1),
 * CT_KEEPDIMS) reduces those of a list, and its formulas are the same. An empty list (NULL, 0)
 * means all axes; an axis that is out of range or given twice is an error. In the formulas sum,
 * mean, max, min and the number n of elements are those of one result */
enum {
    CT_KEEPDIMS = 1,                            /* reduced axes stay, with size 1 */
    CT_UNBIASED = 2                             /* variance only: divide by n - 1 */
};
/* y = sum x; gx = g. i64 as well. Of no elements it is 0. It is as accurate as ct_sum_to */
ct_tensor *ct_sum(ct_tensor *x);
/* y = sum x / n; gx = g / n. It is infinite where the sum is, as in NumPy and PyTorch */
ct_tensor *ct_mean(ct_tensor *x);
/* y = max x; gx = g [x = y] / k where k elements equal y. i64 as well. A NaN wins: then y is NaN,
   and the NaNs are the k elements. Of no elements it is an error */
ct_tensor *ct_max(ct_tensor *x);
/* y = min x; gx = g [x = y] / k where k elements equal y. All else is as in ct_max */
ct_tensor *ct_min(ct_tensor *x);
/* y = sum (x - mean x)^2 / n; gx = 2 g (x - mean x) / n. CT_UNBIASED puts n - 1 in place of both n;
   then the variance of a single element is NaN. It is as exact for numbers that are nearly equal as
   for others, and infinite where the sum of squares is */
ct_tensor *ct_var(ct_tensor *x);
/* y = log sum e^x; gx = g e^(x - y). No finite x overflows. y is -inf where all x are, or where
   there are none. If one x is far above all others, what the others add to it keeps its digits, and
   so does 1 - gx / g in second derivatives. In f32, an x that lies 87 or more below the largest
   counts as 0 */
ct_tensor *ct_logsumexp(ct_tensor *x);
ct_tensor *ct_sum_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_mean_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_max_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_min_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_var_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
ct_tensor *ct_logsumexp_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags);

/* -- Along one axis. Sums are over that axis */
/* y = index of max x along the axis; derivative: none. y is i64 and lacks the axis. Of equal
   elements it is the first one; a NaN wins. x may be i64. An axis of size 0 is an error */
ct_tensor *ct_argmax(ct_tensor *x, int axis);
/* y = index of min x along the axis; derivative: none. All else is as in ct_argmax */
ct_tensor *ct_argmin(ct_tensor *x, int axis);
/* y = e^x / sum e^x; gx = y (g - sum g y). No finite x overflows. An x of -inf gets 0; where all
   are -inf, y is NaN. gx is off by a rounding of g: if one x lies 17 above all others in f32 (37 in
   f64), y is 1 there and gx is 0, while log_softmax keeps the digits */
ct_tensor *ct_softmax(ct_tensor *x, int axis);
/* y = x - log sum e^x; gx = g - e^y sum g. Both keep their digits where e^y is near 1 */
ct_tensor *ct_log_softmax(ct_tensor *x, int axis);
/* y = mean of (log sum e^x - x[label]) over the examples;
   gx = g (softmax(x) - [class = label]) / n. x are the logits (n,c) of n examples in c classes, and
   labels (n) are i64 with 0 <= label < c; any other is an error. No finite logit overflows. Both
   y and gx keep their digits, however near to 0 they are */
ct_tensor *ct_cross_entropy(ct_tensor *logits, ct_tensor *labels);
/* y = log sum e^x - x[label]; gx = g (softmax(x) - [class = label]). y is (n), a number for each
   example; all else is as above */
ct_tensor *ct_cross_entropy_each(ct_tensor *logits, ct_tensor *labels);

/* y = h weight + bias, h = (x - mean x) / sqrt(var x + epsilon);
   gx = (e - mean e - h mean(e h)) / sqrt(var x + epsilon), e = g weight, gweight = sum g h,
   gbias = sum g. mean and var (with divisor n) are over the last axes, whose sizes are `shape`, for
   example CT_SHAPE(512); the sums are over the axes before these. weight and bias have that shape,
   and either may be NULL. epsilon is not negative, and usually 1e-5. The result is right to
   rounding for rows of any size (1e30 and 1e-30 in f32) and of numbers that are nearly equal */
ct_tensor *ct_layer_norm(ct_tensor *x, const int64_t *shape, int ndim, ct_tensor *weight,
                         ct_tensor *bias, double epsilon);

/* -- Activations by name, as layers are told them: elu with alpha 1, leaky_relu with slope 0.01 */
typedef enum ct_activation {
    CT_IDENTITY = 0, CT_RELU, CT_TANH, CT_SIGMOID, CT_GELU, CT_SILU, CT_SOFTPLUS, CT_ELU,
    CT_LEAKY_RELU
} ct_activation;
/* y = f(x); gx = g f'(x). f is the activation. CT_IDENTITY returns x itself; a number that names no
   activation is an error */
ct_tensor *ct_activate(ct_tensor *x, ct_activation activation);

/* -- Products. An element is off by at most 520 eps sum |a b|, however many products it sums, and
 * by at most (k + 2) eps sum |a b| if it sums k; eps is 2^-24 for f32, 2^-53 for f64. So are
 * gradients, whose sums run over rows; where r products are summed that do not lie as one, along
 * leading axes that were repeated, 2 sqrt(r) + 64 is added to the 520. A build with a BLAS keeps to
 * its own order within 10,240 products, which may be as many eps off */
/* y_ij = sum_k a_ik b_kj; ga = g b^T, gb = a^T g. Both are summed over leading axes that were
   repeated. (...,m,k) x (...,k,n) -> (...,m,n): leading axes broadcast. As in NumPy, a 1-d a is a
   row (1,k) and a 1-d b a column (k,1), and y lacks that axis. A 0-d operand is an error: use
   ct_mul */
ct_tensor *ct_matmul(ct_tensor *a, ct_tensor *b);
/* y = x w^T + b; gx = g w, gw = g^T x, gb = sum of the rows of g.
   (...,k) x (n,k) + (n) -> (...,n). b may be NULL, which means no bias */
ct_tensor *ct_linear(ct_tensor *x, ct_tensor *w, ct_tensor *b);
/* y = f(x w^T + b); gx = e w, gw = e^T x, gb = sum of the rows of e,
   e = g f'(x w^T + b). f is the activation. Shapes are those of ct_linear. The identity, relu, tanh
   and sigmoid are computed within the product, which saves a pass each way */
ct_tensor *ct_linear_activation(ct_tensor *x, ct_tensor *w, ct_tensor *b,
                                ct_activation activation);
/* y = sum a b; ga = g b, gb = g a. (n) x (n) -> () */
ct_tensor *ct_dot(ct_tensor *a, ct_tensor *b);

/* -- Shape, for any dtype. All but contiguous, concat and stack return views: y shares the memory
 * of x, and ct_strides says how it lies there */
/* y = x in another shape; gx = g in x's shape. The elements keep their row-major order. One size
   may be -1: it is computed from the others. Where no strides describe the result, as for a
   transposed x made flat, y is a copy. Another number of elements is an error */
ct_tensor *ct_reshape(ct_tensor *x, const int64_t *shape, int ndim);
/* y_ij = x_ji; gx_ij = g_ji. The last two axes change places; 0-d and 1-d are errors */
ct_tensor *ct_transpose(ct_tensor *x);
/* y = x with its axes reordered; gx = g with its axes moved back. Axis d of y is axis axes[d] of x;
   each of the n axes is given once */
ct_tensor *ct_permute(ct_tensor *x, const int64_t *axes, int n);
/* y = x without an axis of size 1; gx = g with that axis. Another size is an error */
ct_tensor *ct_squeeze(ct_tensor *x, int axis);
/* y = x with a new axis of size 1; gx = g without that axis. `axis` is its place in y */
ct_tensor *ct_unsqueeze(ct_tensor *x, int axis);
/* y = x repeated to shape; gx = g summed to the shape of x. This is ct_broadcast_to, except that a
   size of -1 means x's own. y is read-only */
ct_tensor *ct_expand(ct_tensor *x, const int64_t *shape, int ndim);
/* y = x; gx = g. y is x itself if x is row-major in memory, else a copy that is */
ct_tensor *ct_contiguous(ct_tensor *x);
/* y = x[start:stop:step]; gx = 0 except gx[start:stop:step] = g. Along the axis, as in Python:
   negative positions count from the end, positions outside are brought in, and step may be
   negative but not 0. CT_END as stop takes all that is left in the direction of step, so
   ct_slice(x, 0, -1, CT_END, -1) is x reversed */
ct_tensor *ct_slice(ct_tensor *x, int axis, int64_t start, int64_t stop, int64_t step);
/* y = x[index]; gx = 0 except gx[index] = g. Along the axis, which goes: ct_select(v, 0, 2) is
   v[2]. index is in -size ... size - 1 */
ct_tensor *ct_select(ct_tensor *x, int axis, int64_t index);
/* y = x_0, x_1, ... along the axis; gx_i = the part of g where y has x_i. Sizes differ along the
   axis only: ct_concat(CT_TENSORS(a, b), 0) */
ct_tensor *ct_concat(ct_tensor *const *x, int n, int axis);
/* y[i] = x_i along a new axis; gx_i = g[i]. The new axis has size n, and all x have one shape */
ct_tensor *ct_stack(ct_tensor *const *x, int n, int axis);

/* -- Indices are i64 tensors. A value is in -size ... size - 1, and a negative one counts from the
 * end; any other is an error. x has any dtype. The sum of many cotangents is off by at most 260 eps
 * sum |g| in f32 (eps = 2^-24), and by n eps sum |g| for n of them in f64 (eps = 2^-53) */
/* y[j] = x[index[j]]; gx[i] = sum of g[j] over all j with index[j] = i. These are slabs along the
   axis; index is 1-d, and y has its size there */
ct_tensor *ct_index_select(ct_tensor *x, int axis, ct_tensor *index);
/* y[i][j] = x[i][index[i][j]]; gx[i][k] = sum of g[i][j] over all j with index[i][j] = k. This is
   for the last axis; other axes are alike, as in NumPy's take_along_axis. index has the shape of x
   except along the axis, and y has that of index */
ct_tensor *ct_gather(ct_tensor *x, int axis, ct_tensor *index);

/* -- Others */
/* y = x as dtype; gx = g as the dtype of x. Only casts between f32 and f64 have a derivative; any
   other y requires no grad. y is x itself if it has that dtype. To i64, the fraction of a float is
   cut off, and a NaN or what i64 cannot hold is an error. To bool, 0 is false, all else is true */
ct_tensor *ct_cast(ct_tensor *x, ct_dtype dtype);
/* y = m x / (1 - p), m = 0 with probability p, else 1; gx = m g / (1 - p). m comes from the
   context's random stream. 0 <= p < 1, and with p = 0 y is x itself. It always drops: the module of
   ct_dropout_new knows about training */
ct_tensor *ct_dropout(ct_tensor *x, double p);

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

/* -- The list of all operators, for tests and tools */
struct ct_op;
const struct ct_op *ct_op_find(const char *name);       /* "tanh", without ct_; NULL: none */
const struct ct_op *const *ct_op_list(int *n);          /* *n of them; n may be NULL */

CT_API_END
#endif
