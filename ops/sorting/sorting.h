/* Sorting: what the operators of this room share. */
#ifndef CT__SORTING_H
#define CT__SORTING_H
#include <cotangent/op.h>

/* The indices (i64) that sort x along its last axis. Equal elements keep their order. A NaN is
 * larger than any number. */
ct_tensor *ct__order(ct_tensor *x, bool descending);
/* The first `count` of them. */
ct_tensor *ct__first_of_order(ct_tensor *x, bool descending, int64_t count);
#endif
