/* What operators on shapes share: lists of sizes and axes. */
#ifndef CT__MOVE_AXES_H
#define CT__MOVE_AXES_H
#include <cotangent/op.h>

/* sizes or axes as the caller gave them; n is -1 if the list was NULL */
typedef struct ct__list {
    int n;
    int64_t values[CT_MAX_DIMS];
} ct__list;
ct__list ct__list_of(const int64_t *values, int n);
ct_status ct__check_list(const ct_call *call, const ct__list *l);
/* The axes as bits. -1 and an error: one is out of range or given twice. */
int ct__axis_bits(const ct_call *call, const ct__list *axes, int ndim);
/* The axis counted from the end, -ndim to -1: so it is the same one behind the axis of several
 * cotangents (CT_OP_BATCHED). */
static inline int ct__from_end(int64_t axis, int ndim)
{
    return (int)(axis < 0 ? axis : axis - ndim);
}
/* The axis as a number from 0 to ndim - 1. -1 and an error that names `who`: it is out of range, or
 * x cannot be used. This is for functions that compose others. */
int ct__axis_of(const ct_tensor *x, int64_t axis, const char *who);

/* Makes y, in `infer`, a view of x0 that begins with its first element. */
ct_status ct__set_view(ct_call *call, const int64_t *shape, const int64_t *strides, int ndim);
#endif
