/* Networks of which whole training steps are measured, in time and in memory. */
#ifndef NETS_H
#define NETS_H
#include <cotangent.h>

typedef enum net_kind {
    NET_LENET,                 /* LeNet 5 with 20 and 50 maps and 500 units, batch 64, SGD */
    NET_RESIDUAL,              /* net_residual, batch 128, SGD with Nesterov's momentum */
    NET_MLP,                   /* 784-512-512-10 relu, batch 128, Adam */
    NET_LSTM,                  /* 128 units, 32 steps of 128 numbers, batch 32, SGD */
    NET_ATTENTION,             /* 4 heads of 32 look at 128 steps, batch 16, SGD */
    NETS
} net_kind;

typedef struct net {
    ct_context *cx;
    ct_module *module;
    ct_optimizer *rule;
    ct_tensor *x, *y;          /* a batch, and its labels (i64) or what is wanted of it (f32) */
} net;

extern const char *const net_names[NETS];
net net_new(ct_context *cx, net_kind kind);
void net_step(net *a);         /* forward to update; see step.h */

/* a residual network for images (N,1,28,28), of 78,010 parameters and 10 outputs. `before` (or
   NULL) is run first */
ct_module *net_residual(ct_context *cx, ct_module *before);
#endif
