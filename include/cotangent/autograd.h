/* What to differentiate.
 *
 *   ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, 3));
 *   ct_tensor *y = ct_mul(x, ct_sin(x));
 *   ct_backward(y);
 *   ct_item(ct_gradient(x))                    sin 3 + 3 cos 3
 *
 * An operator records itself when an input requires grad and recording is on. The record lives as
 * long as its tensors: backward may run twice over it; the scope's end frees it. */
#ifndef COTANGENT_AUTOGRAD_H
#define COTANGENT_AUTOGRAD_H
#include <cotangent/tensor.h>
CT_API_BEGIN

/* -- Variables and their gradients */
/* Marks a leaf as one to differentiate by, and returns it. It must be f32 or f64. The result of a
   recorded operator is an error: ct_detach it first. */
ct_tensor *ct_variable(ct_tensor *x);
/* Makes a variable an ordinary leaf again, without a gradient, and returns it: nothing is recorded
   for it any more, and walks over what was recorded bring it nothing. The result of a recorded
   operator is an error. */
ct_tensor *ct_constant(ct_tensor *x);
bool ct_requires_grad(const ct_tensor *x);     /* x is a variable, or depends on one */
ct_tensor *ct_detach(ct_tensor *x);            /* a leaf over the same data */
/* The sum of what backward brought. NULL means that nothing came, and is no error. The gradient has
   x's shape and dtype and no history. x owns it until the next zeroing: retain or copy it to have
   it longer. */
ct_tensor *ct_gradient(const ct_tensor *x);
void ct_zero_grad(ct_tensor *x);               /* ct_gradient(x) is NULL again */
/* Adds g to the gradient of the variable x, as backward does; where x has none, a copy of g becomes
   it. g has x's shape and dtype. It is for gradients that come from elsewhere, such as other
   processes. On failure nothing changes; where x has a gradient already, no memory is needed. */
ct_status ct_add_gradient(ct_tensor *x, ct_tensor *g);

/* -- Recording */
/* Switches recording off until the innermost open scope ends. */
void ct_no_grad(ct_context *cx);
bool ct_is_recording(const ct_context *cx);    /* operators are recorded now */
/* Until the innermost open scope ends, layers behave as in use, not as in training: dropout is off,
   and running statistics are used. Operators are recorded as before: this is for gradients of a
   network in use, such as those by its inputs, and for training on with fixed statistics. */
void ct_evaluation(ct_context *cx);
void ct_inference(ct_context *cx);             /* ct_evaluation and ct_no_grad */
bool ct_is_inference(const ct_context *cx);    /* layers behave as in use now */
/* True while the library runs a function again that has run before: in the backward of
   ct_checkpoint and ct_fixed_point, and in gradient checks. What a function keeps from one run to
   the next, such as running statistics, must not change then. */
bool ct_is_repeating(const ct_context *cx);

/* -- The operators that the chain rule itself needs. All others are in ops.h */
/* y = a + b; ga = g, gb = g. a and b are broadcast as in NumPy, and their cotangents are summed
   over what was repeated. They have one dtype: f32, f64, or i64, which wraps */
ct_tensor *ct_add(ct_tensor *a, ct_tensor *b);
/* y = x repeated to shape; gx = g summed to the shape of x. This and ct_sum_to are adjoints of each
   other. x has any dtype. y is a view and read-only */
ct_tensor *ct_broadcast_to(ct_tensor *x, const int64_t *shape, int ndim);
/* y = x summed to shape; gx = g repeated to the shape of x. The sum is over what ct_broadcast_to
   repeats: leading axes that `shape` lacks, and axes where it has size 1. x is f32, f64, or i64,
   which wraps. The error is at most 70 eps sum |x|, however many elements there are: blocks are
   added up plainly, and when their sums are added, what is rounded off is kept and added too */
ct_tensor *ct_sum_to(ct_tensor *x, const int64_t *shape, int ndim);

/* -- Backward: one walk from y to everything it depends on. Each operator is visited once, after
 * all its uses. y must have one element, unless gy is given, of y's shape and dtype. The graph
 * stays: a second walk over it gives the same again. A walk that fails changes no gradient. It
 * fails if y depends on no variable, if a tensor that an operator saved was written since (the
 * message names both), if an operator has no rule of that order, or if a rule or hook fails. */
/* Adds dy/dx to the gradient of every variable x. */
ct_status ct_backward(ct_tensor *y);
/* Adds gy . dy/dx to the gradient of every variable x. A NULL gy is an error. */
ct_status ct_backward_from(ct_tensor *y, ct_tensor *gy);
/* Flags of ct_grad and ct_tangent. */
enum {
    CT_CREATE_GRAPH = 1,       /* the results can be differentiated again */
    CT_REQUIRE_PATH = 2,       /* an x that y does not depend on is an error, which names it */
    CT_ZERO_PATH = 4           /* an x that y does not depend on gets zeros instead of NULL */
};
/* gx[i] = gy . dy/dx[i]. The gradients are returned, and none is accumulated. A NULL gy means one.

   x may be any tensors of the graph, leaves or not, and the same one twice; the walk goes no
   further than they need. An x that y does not depend on gets NULL, unless a flag says otherwise. A
   y that requires no grad depends on nothing: that is CT_ERROR_GRAPH, since it most often means
   that y is a gradient taken without CT_CREATE_GRAPH, or was made under ct_no_grad. With
   CT_ZERO_PATH it is no error, and every gx is zeros. The scope owns the results.

   On failure every gx is NULL */
ct_status ct_grad(ct_tensor *y, ct_tensor *gy, ct_tensor *const *x, int n, unsigned flags,
                  ct_tensor **gx);

/* dy/dx v, summed over the n inputs: the derivative of y along v, the forward twin of ct_grad. It
   goes over the recorded graph from x to y. v[i] has x[i]'s dtype and shape, and may be NULL, which
   is zero. With CT_CREATE_GRAPH the result can be differentiated again. If y does not depend on any
   x, the result is zeros. The scope owns it. NULL on failure */
ct_tensor *ct_tangent(ct_tensor *y, ct_tensor *const *x, ct_tensor *const *v, int n,
                      unsigned flags);

/* -- Derivatives of C functions. f gets n inputs, which are variables over the caller's data, and
 * must use these. Whatever else it uses is a constant, variables too. If its value depends on one
 * of the caller's own x, and not on the input that stands for it, that is CT_ERROR_GRAPH, which
 * names that x. Recording is on in f, whatever the caller's mode is. The results have no history.
 */
/* A function of n tensors. It returns its value, one tensor, or NULL if it fails. */
typedef ct_tensor *(*ct_function)(ct_context *cx, ct_tensor *const *x, int n, void *user);
/* The value and gradient of a scalar function of n numbers, with plain arrays in and out: f gets
   one f64 input of shape (n). gx may be NULL. The value is NaN on failure. Nothing is left behind,
   so that an optimizer's callback can call this. */
double ct_value_and_gradient(ct_context *cx, ct_function f, void *user, const double *x, int64_t n,
                             double *gx);
/* With J the Jacobian dy/dx and H the Hessian of a scalar y: ct_vjp makes gx = gy . J, ct_jvp makes
   jv = J v, and ct_hvp makes hv = H v. y, and gx of ct_hvp, may be NULL if they are not wanted. On
   failure every output is NULL.

   In instructions (callgrind), as multiples of f's without recording, they cost:

                                                  vjp    jvp    hvp
     sin of one number                            4.3    4.1    9.3
     11 elementwise operators, on 4 numbers       3.0    2.9   10.4
     the same, on 10,000 numbers                  2.3    2.2    5.1
     a 32-64-64 tanh network, squared             1.9    2.2    5.9

   The network's Jacobian before the sum, of 64 outputs by 32 inputs, takes 26 f; its Hessian by the
   32 inputs 36 f; that of Rosenbrock's function of 50 numbers 35 f; the Jacobian of a 3-64-64-3
   tanh network 2.8 f. A call costs about 1,700 instructions beside. Without these, a jvp through a
   function of one number or a linear operator takes 1.6 to 3 times that operator; a product or a
   convolution 2, or 3 if both operands have tangents; rows of a few numbers 3 to 8. More than that
   take small normalizations and recurrent cells, whose tangents are made of many operators, and
   factorizations: Cholesky's has n^3 / 6 multiply-adds, and its tangent n^3 for two triangular
   systems, and a product. */
ct_status ct_vjp(ct_context *cx, ct_function f, void *user, ct_tensor *const *x, int n,
                 ct_tensor *gy, ct_tensor **y, ct_tensor **gx);
ct_status ct_jvp(ct_context *cx, ct_function f, void *user, ct_tensor *const *x,
                 ct_tensor *const *v, int n, ct_tensor **y, ct_tensor **jv);
ct_status ct_hvp(ct_context *cx, ct_function f, void *user, ct_tensor *const *x,
                 ct_tensor *const *v, int n, ct_tensor **gx, ct_tensor **hv);
/* dy/dx, of shape(y) + shape(x): one jvp for each element of x if x has fewer elements than y, and
   else one vjp for each element of y.

   Five vjps or more go together in batches, where all operators on the way allow it (CT_OP_BATCHED;
   elementwise ones, views, sums, products and softmax do), no hook is there, and ct_find_nonfinite
   is off: up to 64 in one walk, and so few that no tensor in it has more than 2^18 elements. Where
   16 or more go together, jvps are taken only if y has more than 4 times as many elements as x.
   Batches differ from single vjps by rounding */
ct_tensor *ct_jacobian(ct_context *cx, ct_function f, void *user, ct_tensor *x);
/* How ct_jacobian_by finds a Jacobian. */
typedef enum ct_direction { CT_BY_SIZES = 0, CT_BY_ROWS = 1, CT_BY_COLUMNS = 2 } ct_direction;
/* ct_jacobian by vjps (CT_BY_ROWS) or by jvps (CT_BY_COLUMNS), whatever the sizes are */
ct_tensor *ct_jacobian_by(ct_context *cx, ct_function f, void *user, ct_tensor *x,
                          ct_direction direction);
/* d2y/dx2 of a scalar y, of shape(x) + shape(x): the Jacobian of the gradient, by rows */
ct_tensor *ct_hessian(ct_context *cx, ct_function f, void *user, ct_tensor *x);

/* -- Looking in */
/* A hook is called in every walk over y with y's total cotangent, after all uses have brought
   theirs. It returns gy, or another tensor of its shape and dtype to be passed on instead; NULL
   means that it failed. Nothing is recorded inside, except under CT_CREATE_GRAPH. A hook may walk
   over other graphs, but not over this one. */
typedef ct_tensor *(*ct_hook)(ct_tensor *gy, void *user);
/* Adds a hook to y, which lives as long as y does. */
ct_status ct_on_cotangent(ct_tensor *y, ct_hook hook, void *user);
/* While this is on, the first operator that makes a NaN or an infinity fails, forward or backward,
   and the error names it. It costs one pass over each result. */
void ct_find_nonfinite(ct_context *cx, bool on);
/* One line per operator behind y, at most 1,000: then the last line says that there are more. The
   scope owns the text. Pictures of the graph, with values and cotangents, are in graph.h. */
const char *ct_graph_text(const ct_tensor *y);

CT_API_END
#endif
