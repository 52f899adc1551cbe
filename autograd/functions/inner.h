/* Running a C function inside a rule, in the middle of a walk, and taking derivatives there.
 *
 * A rule that runs a function again (ct_checkpoint, ct_implicit) meets tensors that the walk around
 * it has in hand: the inputs of its vertex, and what the function reaches by itself, as a layer
 * reaches its parameters. A walk of its own must end at these. */
#ifndef COTANGENT_INNER_H
#define COTANGENT_INNER_H
#include "stage.h"

/* f's n arguments over x, in the scope. If `linked`, they depend on x on the graph, so that what is
 * computed from them can be differentiated by x. Else they are variables, where x requires grad.
 * NULL and an error out of memory. */
ct_tensor **ct__arguments(ct_context *cx, ct_tensor *const *x, int n, bool linked);

/* A function that ran in a stage's scope: on these arguments over x, with this value. */
typedef struct ct__staged {
    ct__stage *stage;
    ct_tensor *const *x, *const *arguments;
    ct_tensor *value;
} ct__staged;
/* Applies op over x, and over what the value depends on beside the arguments: variables, and
 * results that were made before the scope began. (A result that was retained since counts too,
 * which is right as well.) Where nothing requires grad, the result is the value itself. It has a
 * handle of ours. NULL: it failed. */
ct_tensor *ct__apply_captured(const ct_op *op, const void *attributes, const ct__staged *run);

/* ct__grad_as, with the targets x as the ends of the graph: what they depend on is not looked at,
 * and they may be in another walk. Their hooks do not run. */
ct_status ct__grad_within(const ct__how *how, ct_tensor *y, ct_tensor *gy, ct_tensor *const *x,
                          int n, ct_tensor **gx);
/* The rule of an operator whose first n inputs became these arguments of a function with the value
 * y, and whose other inputs are what that captured: gx for the wanted inputs of the call. */
ct_status ct__captured_vjp(const ct_call *call, ct_tensor *y, ct_tensor *gy,
                           ct_tensor *const *arguments, int n, ct_tensor **gx);
#endif
