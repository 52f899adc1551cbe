/* Functions with derivatives of a special kind: run again in backward (ct_checkpoint), given by you
 * (ct_custom), or those of an equation's solution (ct_fixed_point, ct_root).
 *
 * Each takes a C function f, n inputs x, and gives one tensor, which is recorded as one operator.
 * `user` is passed to f, and must live as long as the graph does. */
#ifndef COTANGENT_FUNCTIONS_H
#define COTANGENT_FUNCTIONS_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* y = f(x), without keeping f's graph: only the inputs are kept, and backward runs f again, which
   costs one more f. So a chain of n steps, cut into sqrt(n) checkpoints of sqrt(n) steps each,
   takes memory for 2 sqrt(n) steps. f's random numbers are the same when it runs again, and so is
   ct_is_inference. Variables that f reaches by itself, as through a module, and results made
   before, get their gradients. Checkpoints may lie inside each other. Derivatives of any order are
   right, but a graph that is recorded in backward (CT_CREATE_GRAPH) is kept whole. f must do the
   same each time. It must not walk over the graph of what it captures */
ct_tensor *ct_checkpoint(ct_context *cx, ct_function f, void *user, ct_tensor *const *x, int n);

/* what the rule of ct_custom gets: the inputs, the value, and its cotangent gy */
typedef struct ct_custom_call {
    ct_context *cx;
    ct_tensor *const *x;
    int n;
    ct_tensor *y, *gy;
    void *user;
} ct_custom_call;
/* a derivative for ct_custom: it sets gx[i] for every x[i] that requires grad */
typedef ct_status (*ct_rule)(const ct_custom_call *call, ct_tensor **gx);
/* y = f(x), with a derivative that you give. f runs with recording off. In backward `rule` sets
   gx[i] for every x[i] that requires grad. It is made of operators if it is to be differentiated
   again. An example: the identity forward, and the cotangent clipped backward.

     static ct_status clip(const ct_custom_call *c, ct_tensor **gx)
     {
         gx[0] = ct_clamp(c->gy, -1, 1);
         return CT_OK;
     }
     ct_tensor *y = ct_custom(cx, identity, clip, NULL, CT_TENSORS(x));

   An operator (op.h) does more: several outputs, kernels, attributes of its own, samples for the
   gradient check, and inputs that need not be kept */
ct_tensor *ct_custom(ct_context *cx, ct_function f, ct_rule rule, void *user, ct_tensor *const *x,
                     int n);

/* x as a function of w, where x = g(x, w) for ct_fixed_point, and 0 = f(x, w) for ct_root, by the
   implicit function theorem. You find x, in any way, and give it; g or f gets the n + 1 inputs x,
   w[0], ..., w[n-1]. The result has x's value, and derivatives by w and by what the function
   captures, of any order:

     ct_fixed_point:  gw = (dg/dw)^T v  with  v - (dg/dx)^T v = gx
     ct_root:         gw = (df/dw)^T v  with  -(df/dx)^T v = gx

   where v is found by GMRES (Saad, Schultz, 1986), each of whose steps is a vjp. A system that it
   cannot solve to 1e-6 (f32: 1e-3) of gx is CT_ERROR_VALUE in backward: then x may be no isolated
   solution. The gradient is wrong by about as much, relatively, as x is as a solution. The value of
   the function has x's dtype and shape */
ct_tensor *ct_fixed_point(ct_context *cx, ct_function g, void *user, ct_tensor *x,
                          ct_tensor *const *w, int n);
ct_tensor *ct_root(ct_context *cx, ct_function f, void *user, ct_tensor *x, ct_tensor *const *w,
                   int n);

CT_API_END
#endif
