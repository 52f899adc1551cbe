/* Operators that take elements by their indices. The conventions of all comments are at the top of
 * ops.h. */
#ifndef COTANGENT_OPS_INDEXING_H
#define COTANGENT_OPS_INDEXING_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* -- Indices are i64 tensors. A value is in -size ... size - 1, and a negative one counts from the
 * end; any other is an error. x has any dtype. The sum of many cotangents is off by at most 260 eps
 * sum |g| in f32 (eps = 2^-24), and by n eps sum |g| for n of them in f64 (eps = 2^-53) */
/* y[j] = x[index[j]]; gx[i] = sum of g[j] over all j with index[j] = i. These are slabs along the
   axis; index is 1-d, and y has its size there */
ct_tensor *ct_index_select(ct_tensor *x, int axis, ct_tensor *index);
/* y[i][j] = x[i][index[i][j]]; gx[i][k] = sum of g[i][j] over all j with index[i][j] = k. This is
   for the last axis; other axes are alike, as in NumPy's take_along_axis. index has the shape of x
   except along the axis, and y has that of index */
ct_tensor *ct_gather(ct_tensor *x, int axis, ct_tensor *index);

CT_API_END
#endif
