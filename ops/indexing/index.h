/* What operators with an index share. An index may be negative, and then counts from the end. */
#ifndef CT__INDEX_H
#define CT__INDEX_H
#include <cotangent/op.h>

/* So many f32 are added up plainly, which is off by at most as many roundings; where more of them
 * go to one place, their sum is kept in f64 */
enum { CT__OFTEN = 256 };

/* -- Checks. The first attribute is the axis, an int that may be negative */
int ct__along_axis(const ct_call *call, const ct_tensor *x); /* 0 or more; -1 and an error */
/* The index x1 must be i64 and have ndim dimensions. Sets *axis to x0's, 0 or more. */
ct_status ct__check_index(const ct_call *call, int ndim, int *axis);
/* Each index must be one of -size ... size - 1: that is the size of the axis. The error names the
 * first one that is not, and its place. */
ct_status ct__check_range(const ct_call *call, const ct_tensor *index, int64_t size, int axis);
/* x2, which goes into x0, must have x0's dtype; and if it is added up, not be bool. */
ct_status ct__check_source(const ct_call *call, bool adds);
ct_status ct__set_size(ct_call *call, int axis, int64_t size); /* y as x0, but for that axis */
ct_status ct__begin_with_x(ct_call *call);                     /* in `forward`: y = x0 */
/* the place that a part of an error names, "(2,0)": where element i lies in row-major order */
#define CT__PLACE_TEXT 192
const char *ct__place_text(const ct_tensor *x, int64_t i, char text[CT__PLACE_TEXT]);

/* For functions that compose others: can both be operands? An error names `who`. */
bool ct__both_usable(const ct_tensor *a, const ct_tensor *b, const char *who);

/* -- Loops */
/* Do more than CT__OFTEN of n indices, which are `stride` apart, point to one place of an axis of
 * that size? It may say so where they do not, but never the other way round. */
bool ct__is_crowded(const int64_t *index, int64_t stride, int64_t n, int64_t size);

/* The operands have one shape, but for `whole`'s size along the axis. In each line along it, for
 * each j in order: */
typedef enum ct__motion {
    CT__TAKE,     /* part[j] = whole[index[j]] */
    CT__SET,      /* whole[index[j]] = part[j]: so the last one stays */
    CT__MAX,      /* whole[index[j]] = max(itself, part[j]), and a NaN wins; not for bool */
    /* whole[index[j]] += part[j]. An element of f32 that is added to r times is off by at most
       CT__OFTEN + 2 roundings of the sum of magnitudes, one of f64 by r; not for bool */
    CT__ADD
} ct__motion;
ct_status ct__move_lines(ct_tensor *whole, ct_tensor *part, ct_tensor *index, int axis,
                         ct__motion motion);
#endif
