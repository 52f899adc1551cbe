/* What the operator `attention` is called with, and what it computes. */
#ifndef CT__ATTENTION_H
#define CT__ATTENTION_H
#include <cotangent/op.h>

typedef struct ct__attention {
    double scale;
    bool causal;
} ct__attention;

/* -- tiles.c */
ct_status ct__attention_forward(ct_call *call);
ct_status ct__attention_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx);
#endif
