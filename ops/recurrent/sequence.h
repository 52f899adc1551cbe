/* One direction of one recurrent layer over whole sequences: what its operators share. */
#ifndef CT__SEQUENCE_H
#define CT__SEQUENCE_H
#include <cotangent/ops.h>

#include "cells.h"

/* attributes of the operators */
typedef struct ct__sequence {
    bool reverse;           /* from the last step to the first */
    bool relu;              /* of rnn, instead of tanh */
} ct__sequence;

/* The inputs: x (T,N,K), h0 (N,H), of lstm c0 (N,H), w_ih (gates H,K), w_hh (gates H,H), then b_ih
 * and b_hh (gates H) or neither, then lengths (N), i64, or none. The auxiliaries: if there are
 * several gates, these (T,N,gates H), and what the cell keeps (T,N,H). The outputs: y (T,N,H), h
 * (N,H), of lstm c (N,H). */
enum { CT__X, CT__H0, CT__C0 };
typedef struct ct__sequence_inputs {
    int w_ih, w_hh, b_ih, b_hh, lengths; /* which inputs these are; -1: there is none */
} ct__sequence_inputs;
/* -- sequence_infer.c */
ct__sequence_inputs ct__sequence_inputs_of(const ct_call *call);
const ct__cell *ct__sequence_cell(const ct_call *call);

ct_status ct__sequence_infer(ct_call *call);
/* -- sequence.c */
ct_status ct__sequence_forward(ct_call *call);
/* -- sequence_back.c */
ct_status ct__sequence_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx);
/* -- sequence_rule.c */
ct_status ct__sequence_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx);
#endif
