/* Contractions: sums of products of two tensors whose axes have labels. */
#ifndef CT__CONTRACT_H
#define CT__CONTRACT_H
#include <cotangent/ops.h>

/* A tensor whose axes have labels, numbers from 0 to 63. All labels of one tensor differ. */
typedef struct ct__labeled {
    ct_tensor *t;                        /* NULL after an error */
    unsigned char label[CT_MAX_DIMS];    /* of each axis */
} ct__labeled;

/* The labels as a set: bit l for label l. */
uint64_t ct__labels(ct__labeled x);
/* The sum of x over the axes whose labels are not in `keep`. */
ct__labeled ct__sum_others(ct__labeled x, uint64_t keep);
/* The sum of a times b over the labels that are not in `keep`. A label that both have must have one
   size in both. */
ct__labeled ct__contract(ct__labeled a, ct__labeled b, uint64_t keep);
/* x with its axes in the order of `label`, which has each of x's labels once. */
ct_tensor *ct__arrange(ct__labeled x, const unsigned char *label);
#endif
