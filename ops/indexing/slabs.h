/* A slab is all elements at one position along an axis. */
#ifndef CT__SLABS_H
#define CT__SLABS_H
#include "index.h"

typedef struct ct__slabs {
    ct_tensor *whole, *part, *index; /* of one shape but for the axis; the index is 1-d */
    int axis;
    ct__motion motion;               /* CT__TAKE, CT__SET or CT__ADD */
} ct__slabs;

/* Moves slab j of `part` from or to slab index[j] of `whole`, for each j in order. The indices have
 * been checked. */
ct_status ct__move_slabs(const ct_call *call, const ct__slabs *s);
#endif
