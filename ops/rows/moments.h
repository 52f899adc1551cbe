/* What layer norm and the normalizations of channels share. */
#ifndef CT__MOMENTS_H
#define CT__MOMENTS_H
#include <cotangent/op.h>

/* n elements of each of some runs, `step` from one to the next; those read soon lie `next` after */
typedef struct strip {
    int64_t runs, n, step, next;
} strip;

/* -- layer_norm.c: gx of that input is `sum`, or is added to, as `backward` is told */
void ct__give_sums(const ct_call *call, int input, ct_tensor *gx, const double *sum);
#endif
