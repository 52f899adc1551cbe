/* Operators that move elements and compute nothing. The conventions of all comments are at the top
 * of ops.h. */
#ifndef COTANGENT_OPS_SHAPES_H
#define COTANGENT_OPS_SHAPES_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* -- Shape, for any dtype. All but contiguous, concat and stack return views: y shares the memory
 * of x, and ct_strides says how it lies there */
/* y = x in another shape; gx = g in x's shape. The elements keep their row-major order. One size
   may be -1: it is computed from the others. Where no strides describe the result, as for a
   transposed x made flat, y is a copy. Another number of elements is an error */
ct_tensor *ct_reshape(ct_tensor *x, const int64_t *shape, int ndim);
/* y_ij = x_ji; gx_ij = g_ji. The last two axes change places; 0-d and 1-d are errors */
ct_tensor *ct_transpose(ct_tensor *x);
/* y = x with its axes reordered; gx = g with its axes moved back. Axis d of y is axis axes[d] of x;
   each of the n axes is given once */
ct_tensor *ct_permute(ct_tensor *x, const int64_t *axes, int n);
/* y = x without an axis of size 1; gx = g with that axis. Another size is an error */
ct_tensor *ct_squeeze(ct_tensor *x, int axis);
/* y = x with a new axis of size 1; gx = g without that axis. `axis` is its place in y */
ct_tensor *ct_unsqueeze(ct_tensor *x, int axis);
/* y = x repeated to shape; gx = g summed to the shape of x. This is ct_broadcast_to, except that a
   size of -1 means x's own. y is read-only */
ct_tensor *ct_expand(ct_tensor *x, const int64_t *shape, int ndim);
/* y = x; gx = g. y is x itself if x is row-major in memory, else a copy that is */
ct_tensor *ct_contiguous(ct_tensor *x);
/* y = x[start:stop:step]; gx = 0 except gx[start:stop:step] = g. Along the axis, as in Python:
   negative positions count from the end, positions outside are brought in, and step may be
   negative but not 0. CT_END as stop takes all that is left in the direction of step, so
   ct_slice(x, 0, -1, CT_END, -1) is x reversed */
ct_tensor *ct_slice(ct_tensor *x, int axis, int64_t start, int64_t stop, int64_t step);
/* y = x[index]; gx = 0 except gx[index] = g. Along the axis, which goes: ct_select(v, 0, 2) is
   v[2]. index is in -size ... size - 1 */
ct_tensor *ct_select(ct_tensor *x, int axis, int64_t index);
/* y = x_0, x_1, ... along the axis; gx_i = the part of g where y has x_i. Sizes differ along the
   axis only: ct_concat(CT_TENSORS(a, b), 0) */
ct_tensor *ct_concat(ct_tensor *const *x, int n, int axis);
/* y[i] = x_i along a new axis; gx_i = g[i]. The new axis has size n, and all x have one shape */
ct_tensor *ct_stack(ct_tensor *const *x, int n, int axis);

CT_API_END
#endif
