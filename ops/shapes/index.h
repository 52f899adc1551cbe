/* What operators with an index share: x0 is taken apart, or put together, by x1. */
#ifndef CT__INDEX_H
#define CT__INDEX_H
#include <cotangent/op.h>

/* So many f32 are added up plainly, which is off by at most as many roundings; where more of them
 * go to one place, their sum is kept in f64 */
enum { CT__OFTEN = 256 };

/* the attributes */
typedef struct ct__along {
    int axis;     /* may be negative */
    int64_t size; /* y's along the axis, for operators that add; else 0 */
} ct__along;

int ct__along_axis(const ct_call *call, const ct_tensor *x); /* 0 or more; -1 and an error */
/* The index must be i64 and have ndim dimensions. Sets *axis to x0's, 0 or more. */
ct_status ct__check_index(const ct_call *call, int ndim, int *axis);
/* Each index must be one of -size ... size - 1. */
ct_status ct__check_range(const ct_call *call, int64_t size);
ct_status ct__set_size(ct_call *call, int axis, int64_t size); /* y as x0, but for that axis */

/* The operands have one shape, but for `whole`'s size along the axis. In each line along it: */
/* part[j] = whole[index[j]] */
void ct__take_lines(ct_tensor *whole, ct_tensor *part, ct_tensor *index, int axis);
/* whole[index[j]] += part[j]. An element of f32 that is added to r times is off by at most
 * CT__OFTEN + 2 roundings of the sum of magnitudes, one of f64 by r; not for bool */
ct_status ct__add_lines(ct_tensor *whole, ct_tensor *part, ct_tensor *index, int axis);
#endif
