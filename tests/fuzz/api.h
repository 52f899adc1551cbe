/* Sequences of calls: the bytes say which, one after the other, with the results of earlier ones as
 * operands. */
#ifndef API_H
#define API_H
#include <cotangent/op.h>

#include "fuzz.h"

enum { SLOTS = 12, SCOPES = 6 };

/* a tensor that may be used */
typedef struct api_slot {
    ct_tensor *x;              /* NULL: none */
    int depth;                 /* it lives as long as scopes[depth], ... */
    bool retained;             /* ... or longer, since it was retained */
} api_slot;

typedef struct api {
    fuzz_bytes in;
    ct_context *cx;
    fuzz_memory memory;
    bool pooled;               /* stale handles are seen */
    api_slot slots[SLOTS];
    ct_scope scopes[SCOPES];   /* those that are open; 0 is the context's own */
    int depth;
    ct_module *net;
    ct_optimizer *optimizer;
    ct_program *program;
    bool recorded;             /* a checkpoint in the graph calls it */
} api;

/* what is known of the operators of the list: how many there are, and attributes from samples */
typedef struct api_op {
    const ct_op *op;
    int samples;
    struct {
        int n;                                 /* inputs */
        _Alignas(16) char attributes[1024];
    } sample[8];
} api_op;
const api_op *api_ops(int *n);
/* counts that the operator was applied without an error */
void api_reached(const ct_op *op);

/* a tensor from the slots, perhaps NULL */
ct_tensor *api_pick(api *a);
/* a view that repeats few numbers so often that a walk over it takes minutes */
bool api_is_long(const ct_tensor *x);
/* puts x, which may be NULL, into a slot, unless it is long */
void api_put(api *a, ct_tensor *x);
void api_begin(api *a);
void api_end(api *a);                          /* ends a scope, and with it what lives no longer */

/* -- One call each, or a few */
ct_tensor *api_operator(fuzz_bytes *in, ct_tensor *const *x, int n); /* of the list, with x */
ct_tensor *api_function(fuzz_bytes *in, ct_tensor *const *x, int n); /* a public function, with x */
void api_sample(api *a);       /* an operator of the list, with its sample's inputs */
void api_write(api *a);        /* in place */
void api_walk(api *a);         /* backward, gradients, tangents */
void api_hook(api *a);
void api_ask(api *a);          /* texts, pictures, values */
void api_mode(api *a);         /* modes, the random stream, memory */
void api_stale(api *a);        /* what was freed, in one call after the other */
void api_train(api *a);        /* a network, an optimizer */
void api_transform(api *a);    /* derivatives of a C function: Jacobians, checkpoints, ... */
void api_program(api *a);      /* a C function as a program, on any tensors */
void api_replay(api *a);       /* a C function, run as a program: the same bits as without */
void api_check(api *a);        /* its gradient against finite differences */
#endif
