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
/* mark a leaf as one to differentiate by; returns x. f32 or f64 only; the result of a recorded
   operator is an error (ct_detach it first) */
ct_tensor *ct_variable(ct_tensor *x);
bool ct_requires_grad(const ct_tensor *x);     /* x is a variable, or depends on one */
ct_tensor *ct_detach(ct_tensor *x);            /* the same buffer, a leaf without history */
/* sum of what backward brought; NULL: nothing came (not an error). Of x's shape and dtype, without
   history, owned by x until the next zeroing: retain or copy it to have it longer */
ct_tensor *ct_gradient(const ct_tensor *x);
void ct_zero_grad(ct_tensor *x);               /* forget it: ct_gradient(x) is NULL again */

/* -- Recording, off until the innermost open scope ends */
void ct_no_grad(ct_context *cx);
bool ct_is_recording(const ct_context *cx);
/* until the innermost open scope ends: no recording, and layers behave as in use, not in training
   (dropout off, running statistics used) */
void ct_inference(ct_context *cx);
bool ct_is_inference(const ct_context *cx);

/* -- The operators that the chain rule itself needs; all others are in ops.h */
/* a + b, broadcast as in NumPy; f32, f64, or i64, which wraps */
ct_tensor *ct_add(ct_tensor *a, ct_tensor *b);
/* the adjoint pair: x repeated to `shape` (a view, read-only), and x summed over what such a
   repetition repeated: leading axes that `shape` lacks, and axes where it has size 1. Over
   any axes the error is at most some 70 roundings of the sum of magnitudes, however many elements:
   blocks are added up, and of their sums what was rounded off is kept */
ct_tensor *ct_broadcast_to(ct_tensor *x, const int64_t *shape, int ndim);
ct_tensor *ct_sum_to(ct_tensor *x, const int64_t *shape, int ndim);

/* -- Backward: one walk from y to what it depends on, each operator visited once, after all its
 * uses. y has one element unless gy, of y's shape and dtype, is given. The graph stays: a second
 * walk over it gives the same again. A walk that fails changes no gradient. It fails where y
 * depends on no variable, where a tensor that an operator saved was written since (the message
 * names both), where an operator has no rule of that order, and where a rule or hook fails */
ct_status ct_backward(ct_tensor *y); /* add dy/dx to the gradient of every variable x */
ct_status ct_backward_from(ct_tensor *y, ct_tensor *gy); /* add gy . dy/dx; gy is not optional */
enum {
    CT_CREATE_GRAPH = 1,       /* the results can be differentiated again */
    CT_REQUIRE_PATH = 2,       /* an x that y does not depend on is an error, which names it */
    CT_ZERO_PATH = 4           /* an x that y does not depend on gets zeros instead of NULL */
};
/* gx[i] = gy . dy/dx[i]. The gradients are returned, and none is accumulated. A NULL gy means one.
   x may be any tensors of the graph, leaves or not, and the same one twice; the walk goes no
   further than they need. An x that y does not depend on gets NULL, unless a flag above says
   otherwise. A y that requires no grad depends on nothing: that is CT_ERROR_GRAPH, since it most
   often means that y is a gradient taken without CT_CREATE_GRAPH, or was made under ct_no_grad.
   With CT_ZERO_PATH it is no error, and every gx is zeros. The scope owns the results. On failure
   every gx is NULL */
ct_status ct_grad(ct_tensor *y, ct_tensor *gy, ct_tensor *const *x, int n, unsigned flags,
                  ct_tensor **gx);

/* -- Functions as values. f gets its n inputs (variables over the caller's data, recording on
 * whatever the caller's mode), and must use these and constants only. Results have no history */
typedef ct_tensor *(*ct_function)(ct_context *cx, ct_tensor *const *x, int n, void *user);
/* plain arrays in and out, f64, one input of shape (n); gx may be NULL. NaN on failure. Leaves
   nothing behind: made for optimizers' callbacks */
double ct_value_and_gradient(ct_context *cx, ct_function f, void *user, const double *x, int64_t n,
                             double *gx);
/* gx = gy . J; jv = J v (about three times the cost of f); hv = H v, y a scalar. y, and gx of
   ct_hvp, may be NULL where they are not wanted. On failure every output is NULL */
ct_status ct_vjp(ct_context *cx, ct_function f, void *user, ct_tensor *const *x, int n,
                 ct_tensor *gy, ct_tensor **y, ct_tensor **gx);
ct_status ct_jvp(ct_context *cx, ct_function f, void *user, ct_tensor *const *x,
                 ct_tensor *const *v, int n, ct_tensor **y, ct_tensor **jv);
ct_status ct_hvp(ct_context *cx, ct_function f, void *user, ct_tensor *const *x,
                 ct_tensor *const *v, int n, ct_tensor **gx, ct_tensor **hv);
/* shape(y) + shape(x) */
ct_tensor *ct_jacobian(ct_context *cx, ct_function f, void *user, ct_tensor *x);
/* shape(x) + shape(x); y a scalar */
ct_tensor *ct_hessian(ct_context *cx, ct_function f, void *user, ct_tensor *x);

/* -- Looking in */
/* Called in every walk over y with its total cotangent, once all uses have brought theirs. Return
   gy, or what to pass on instead, of its shape and dtype; NULL: failure. Nothing is recorded
   inside, but under CT_CREATE_GRAPH. Other graphs may be walked over inside, this one not */
typedef ct_tensor *(*ct_hook)(ct_tensor *gy, void *user);
ct_status ct_on_cotangent(ct_tensor *y, ct_hook hook, void *user); /* goes with y */
/* the first operator, forward or backward, that makes a NaN or infinity fails, with its name;
   costs a pass each */
void ct_find_nonfinite(ct_context *cx, bool on);
const char *ct_graph_text(const ct_tensor *y); /* one line per operator behind y; scope's */

CT_API_END
#endif
