/* What layer norm and the normalizations of channels share. */
#ifndef CT__MOMENTS_H
#define CT__MOMENTS_H
#include <cotangent/op.h>

/* -- layer_norm.c: gx of that input is `sum`, or is added to, as `backward` is told */
void ct__give_sums(const ct_call *call, int input, ct_tensor *gx, const double *sum);
#endif
