/* A stage: a scope in which a C function runs on variables that share the memory of its inputs.
 * Derivatives are taken there, and the results leave it without their history. */
#ifndef COTANGENT_STAGE_H
#define COTANGENT_STAGE_H
#include <cotangent/functions.h>

#include "walk.h"

enum { CT__RECORDED = CT_CREATE_GRAPH | CT_ZERO_PATH };

/* what the caller gave for an input */
typedef struct ct__own {
    ct_tensor *x;
    uint32_t holds; /* how many edges led to it before f ran */
    bool marked;    /* it requires grad while f runs, and at no other time */
} ct__own;

enum { CT__FEW = 4 };
typedef struct ct__stage {
    ct_context *cx;
    const char *who; /* the call that the user made, for messages */
    int n;
    ct_tensor **x;   /* f's inputs: variables where they are floats */
    ct__own *own;    /* n of them while f runs; else NULL */
    ct__scope scope;
    ct_tensor *few[CT__FEW]; /* room for x and own, if there are no more inputs */
    ct__own few_own[CT__FEW];
} ct__stage;

ct_status ct__check_arguments(const ct__stage *s, ct_function f, ct_tensor *const *x,
                              ct_tensor *const *v);
/* Returns f's value, or NULL and an error. The caller ends the stage in any case. */
ct_tensor *ct__stage_begin(ct__stage *s, ct_function f, void *user, ct_tensor *const *x,
                           bool record);
void ct__stage_end(ct__stage *s);
ct_tensor **ct__stage_room(const ct__stage *s); /* for a tensor per input; the scope frees it */
/* Runs f. Its value must be a usable tensor of cx; else NULL and an error. */
ct_tensor *ct__evaluate(ct_context *cx, const char *who, ct_function f, void *user,
                   ct_tensor *const *x, int n);
ct_status ct__one_number(const ct__stage *s, const ct_tensor *y); /* an error if it is not one */

/* the error that is pending, or CT_ERROR_CALLBACK */
ct_status ct__failed(const ct_context *cx);
void ct__set_null(ct_tensor **out, int n);
/* Puts a result, without its history, into the caller's slot, which may be NULL. It has a handle of
 * ours until ct__hand_over, which gives it to the scope or, after a failure, drops it. */
ct_status ct__put_result(ct_tensor **slot, ct_tensor *t);
void ct__hand_over(ct_status status, ct_tensor **out, int n);
#endif
