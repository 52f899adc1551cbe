/* What operators y = f(a) b share, which solve a system of equations for each matrix of a: the
 * leading axes of a and b broadcast, and a 1-d b is one column or row. */
#ifndef CT__SYSTEMS_H
#define CT__SYSTEMS_H
#include "matrices.h"

/* Sets y to (...,rows,columns), with the leading axes of a and b broadcast. */
ct_status ct__infer_system(ct_call *call, int64_t rows, int64_t columns);
/* Begins a job with x = { a, b } and y. */
void ct__system_begin(ct__job *job, const ct_call *call);
/* Applies op to a and b. A 1-d b gets an axis of size 1, at `axis`, which y loses again. */
ct_tensor *ct__system_apply(const ct_op *op, const void *attributes, ct_tensor *a, ct_tensor *b,
                            int axis);
/* g, which has leading axes that were broadcast, summed to the shape of x */
ct_tensor *ct__system_sum_to(ct_tensor *g, const ct_tensor *x);
#endif
