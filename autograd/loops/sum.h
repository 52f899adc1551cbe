/* The sum as a fold, for ct_reduce. */
#ifndef CT__SUM_H
#define CT__SUM_H
#include <cotangent/op.h>

const ct_fold *ct__sum_fold(const ct_context *cx, ct_dtype dtype);

#endif
