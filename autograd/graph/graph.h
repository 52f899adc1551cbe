/* A call of an operator, as the engine sees it: what the callbacks ask for through op.h. */
#ifndef COTANGENT_GRAPH_H
#define COTANGENT_GRAPH_H
#include "tensors.h"

CT__COLD ct_status ct_call_fail(const ct_call *call, ct_status code, const char *format, ...);

struct ct_call {
    ct_context *cx;
    const ct_op *op;
    const void *attributes;
    ct_tensor *const *x; /* the inputs, made contiguous where the operator asks for it */
    int n, outputs, aux_count;
    bool recording; /* the call will be on the graph */
    bool moved;     /* a vertex owns the attributes now, and will drop them */
    bool apart;     /* in a walk: nobody adds to a gx before it has been looked at */
    uint64_t adds;  /* bit i: `backward` adds to gx[i] instead of storing */
    ct_tensor *vertex; /* in a walk: the vertex whose rule runs; else NULL */
    int64_t batch;     /* in a walk: how many cotangents go through it at once; 0: one, as it is */
    ct_tensor *y[8], *aux[8];
};

/* In a rule: does the walk want the cotangent of input i? */
static inline bool ct__wants(const ct_call *call, int i)
{
    const ct_tensor *x = call->x[i];
    return x->flags & CT__IN_WALK && x->mark == call->vertex->mark;
}

/* Is t a program's result, whose graph nobody has? (No other vertex is without inputs.) A walk may
 * end there only if it is a target. */
static inline bool ct__is_cut(const ct_tensor *t)
{
    return t->op && t->input_count == 0 && !(t->flags & CT__TARGET);
}

/* -- call.c */
/* Passes on the status of a callback. If it failed and left no error, an error is made here. */
CT__COLD ct_status ct__said_nothing(const ct_call *call, ct_status status, const char *callback);
static inline ct_status ct__said(const ct_call *call, ct_status status, const char *callback)
{
    return status == CT_OK ? status : ct__said_nothing(call, status, callback);
}
/* In `infer`: y0 is all inputs broadcast together, of x0's dtype. */
ct_status ct__set_y_broadcast(ct_call *call);

/* -- record.c */
extern const ct_op ct__output_op; /* of each of several outputs: its input is the hidden vertex */

/* -- run.c */
ct_tensor *ct__copy(ct_tensor *x); /* new, row-major, and without a handle; NULL and an error */
ct_tensor *ct__contiguous(ct_tensor *x); /* x where it is contiguous, else a copy in the scope */
/* Copies what is not contiguous. The array that is returned lies in the scope's memory. */
ct_tensor *const *ct__make_contiguous(ct_context *cx, ct_tensor *const *x, int n);
static inline ct_tensor *const *ct__contiguous_all(ct_context *cx, ct_tensor *const *x, int n)
{
    for (int i = 0; i < n; i++)
        if (x[i] && !(x[i]->flags & CT__CONTIGUOUS) && x[i]->buffer)
            return ct__make_contiguous(cx, x, n);
    return x;
}

/* -- arithmetic.c */
extern const ct_kernels ct__sum_in_place;      /* y = y + x */
void ct__add_into(ct_tensor *y, ct_tensor *x); /* y += x, of one float dtype and shape */
unsigned ct__summed_axes(const ct_call *call); /* of ct_sum_to's call: a bit for each */
/* y += scale x, of one dtype; x is broadcast to y */
void ct__add_scaled(ct_tensor *y, ct_tensor *x, double scale);
#endif
