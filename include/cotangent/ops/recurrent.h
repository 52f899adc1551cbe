/* Recurrent layers: operators on sequences. The conventions of all comments are at the top of
 * ops.h. */
#ifndef COTANGENT_OPS_RECURRENT_H
#define COTANGENT_OPS_RECURRENT_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* -- Layers over time. A call is one direction of one layer, over all T steps of N sequences: x is
 * (T,N,K), the steps y are (T,N,H), and a state is (N,H). Weights, the order of their gates, and
 * both biases are those of PyTorch's RNN, GRU and LSTM. s is the logistic function. nn/layers.h has
 * layers of these, with several levels and both directions. */
typedef struct ct_recurrent {
    ct_tensor *w_ih, *w_hh;     /* (gates H,K) and (gates H,H), the gates one below the other */
    ct_tensor *b_ih, *b_hh;     /* (gates H) each, or both NULL: no bias */
    ct_tensor *h0, *c0;         /* (N,H), the state before the first step; NULL: zeros. c0 is for
                                   ct_lstm */
    ct_tensor *lengths;         /* (N), i64, from 1 to T: sequence i has the steps before
                                   lengths[i]. Behind them y is 0, x may be any finite numbers, and
                                   h and c are those of the last step. NULL: all have T steps */
    bool reverse;               /* from the last step of each sequence to its first; y_t and x_t
                                   remain in one place */
    bool relu;                  /* of ct_rnn: relu instead of tanh */
    uint64_t reserved[4];
} ct_recurrent;
/* y_t = h_t = tanh(x_t w_ih^T + b_ih + h_{t-1} w_hh^T + b_hh); gx_t = e_t w_ih,
   gw_ih = sum_t e_t^T x_t, gw_hh = sum_t e_t^T h_{t-1}, gb_ih = gb_hh = the sum of the rows of all
   e_t, where e_t is the cotangent of the sum in tanh, (gy_t + e_{t+1} w_hh) (1 - y_t^2). h is the
   state after the last step. y and h may be NULL, if they are not wanted. T must be 1 or more */
ct_status ct_rnn(ct_tensor *x, const ct_recurrent *a, ct_tensor **y, ct_tensor **h);
/* y_t = h_t = (1 - z) k + z h_{t-1} with r = s(a_r + b_r), z = s(a_z + b_z), k = tanh(a_k + r b_k),
   where (a_r, a_z, a_k) = x_t w_ih^T + b_ih and (b_r, b_z, b_k) = h_{t-1} w_hh^T + b_hh;
   gx_t = e_t w_ih, gw_ih = sum_t e_t^T x_t, gw_hh = sum_t f_t^T h_{t-1}, gb_ih = the sum of the
   rows of all e_t, gb_hh = that of all f_t, where e_t and f_t are the cotangents of (a_r, a_z, a_k)
   and (b_r, b_z, b_k). Cho et al. 2014, with the reset gate behind the product, as PyTorch and
   cuDNN have it. All else is as in ct_rnn */
ct_status ct_gru(ct_tensor *x, const ct_recurrent *a, ct_tensor **y, ct_tensor **h);
/* y_t = h_t = s(o) tanh c_t with c_t = s(f) c_{t-1} + s(i) tanh k, where
   (i, f, k, o) = x_t w_ih^T + b_ih + h_{t-1} w_hh^T + b_hh; gx_t = e_t w_ih,
   gw_ih = sum_t e_t^T x_t, gw_hh = sum_t e_t^T h_{t-1}, gb_ih = gb_hh = the sum of the rows of all
   e_t, where e_t is the cotangent of (i, f, k, o). Hochreiter, Schmidhuber 1997; Gers et al. 2000.
   h and c are the state after the last step. All else is as in ct_rnn */
ct_status ct_lstm(ct_tensor *x, const ct_recurrent *a, ct_tensor **y, ct_tensor **h, ct_tensor **c);

CT_API_END
#endif
