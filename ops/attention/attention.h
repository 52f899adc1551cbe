/* What the operator `attention` is called with, and what it computes. */
#ifndef CT__ATTENTION_H
#define CT__ATTENTION_H
#include <cotangent/op.h>

typedef struct ct__attention {
    double scale;
    bool causal;
    double dropout;
} ct__attention;

/* half a draw for each weight, and a row of these begins with a whole one */
static inline int64_t ct__attention_draws(int64_t keys)
{
    return keys / 2 + keys % 2;
}

/* the bits below which a half is dropped */
static inline uint32_t ct__attention_below(double dropout)
{
    return (uint32_t)(dropout * 0x1p32);
}

/* -- tiles.c */
ct_status ct__attention_forward(ct_call *call);
ct_status ct__attention_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx);
#endif
