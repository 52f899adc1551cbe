/* What losses and metrics check of their operands. Each is true, or false and an error that begins
 * with `who`. */
#ifndef COTANGENT_LOSSES_H
#define COTANGENT_LOSSES_H
#include "module.h"

/* y and t have one shape and one dtype: a silent broadcast of (n,1) with (n) is the classic
   mistake */
bool ct__losses_alike(const char *who, const ct_tensor *y, const ct_tensor *t);
/* logits (n,c) and i64 labels (n) */
bool ct__labels_alike(const char *who, const ct_tensor *logits, const ct_tensor *labels);
/* and each label is one of 0 ... c - 1 */
bool ct__labels_fit(const char *who, const ct_tensor *logits, const ct_tensor *labels);
#endif
