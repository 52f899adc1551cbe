/* What operators with an index share: x0 is taken apart, or put together, by x1. */
#ifndef CT__INDEX_H
#define CT__INDEX_H
#include <cotangent/op.h>

/* attributes: the axis, and for those that add y's size along it */
typedef struct ct__along {
    int axis;
    int64_t size;
} ct__along;

int ct__along_axis(const ct_call *call, const ct_tensor *x); /* 0 or more; -1 and an error */
/* is the index i64 and of ndim dimensions? Then *axis is x0's */
ct_status ct__check_index(const ct_call *call, int ndim, int *axis);
ct_status ct__check_range(const ct_call *call, int64_t size);  /* does each index fit that size? */
ct_status ct__set_size(ct_call *call, int axis, int64_t size); /* y as x0, but for that axis */

/* along each line: element j of `part` = element index[j] of `whole`; if it adds, the latter += the
 * former. Operands of one shape, but for the axis */
void ct__each_line(ct_tensor *whole, ct_tensor *part, ct_tensor *index, int axis, bool adds);
#endif
