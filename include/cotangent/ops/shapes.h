/* Operators that move elements and compute nothing: views, and copies in another arrangement. The
 * conventions of all comments are at the top of ops.h. */
#ifndef COTANGENT_OPS_SHAPES_H
#define COTANGENT_OPS_SHAPES_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* -- Shape, for any dtype. These return views: y shares the memory of x, and ct_strides says how it
 * lies there */
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
/* y = x[start:stop:step]; gx = 0 except gx[start:stop:step] = g. Along the axis, as in Python:
   negative positions count from the end, positions outside are brought in, and step may be
   negative but not 0. CT_END as stop takes all that is left in the direction of step, so
   ct_slice(x, 0, -1, CT_END, -1) is x reversed */
ct_tensor *ct_slice(ct_tensor *x, int axis, int64_t start, int64_t stop, int64_t step);
/* y = x[index]; gx = 0 except gx[index] = g. Along the axis, which goes: ct_select(v, 0, 2) is
   v[2]. index is in -size ... size - 1 */
ct_tensor *ct_select(ct_tensor *x, int axis, int64_t index);
/* y = x with axes first to last as one; gx = g in x's shape. ct_flatten(x, 0, -1) makes any x 1-d.
   It is a reshape, and copies where that does */
ct_tensor *ct_flatten(ct_tensor *x, int first, int last);
/* y = x with two axes exchanged; gx = g with them exchanged back */
ct_tensor *ct_swap_axes(ct_tensor *x, int axis1, int axis2);
/* y = x with axis `from` moved to place `to`; gx = g with it moved back. The other axes keep their
   order */
ct_tensor *ct_move_axis(ct_tensor *x, int from, int to);
/* y[j] = x[n-1-j] along each of the axes; gx[i] = g[n-1-i]. An empty list of axes reverses nothing
   */
ct_tensor *ct_flip(ct_tensor *x, const int64_t *axes, int n);
/* y[i] = x[i][i + offset]; gx = 0 except gx[i][i + offset] = g[i]. The rows are along axis1, the
   columns along axis2; a negative offset means that the diagonal begins as many rows below. y lacks
   both axes and has a new one at the end, which is empty if the diagonal lies outside of x.
   (...,r,c) -> (...,n) for the axes -2 and -1 */
ct_tensor *ct_diagonal(ct_tensor *x, int64_t offset, int axis1, int axis2);
/* y[i][k] = x[i step + k]; gx[j] = sum of g[i][k] over all i, k with i step + k = j. y has as many
   windows of `size` elements as lie in x along the axis, and the elements of each are along a new
   axis at the end: (...,n,...) -> (...,(n - size) / step + 1,...,size). It is PyTorch's unfold.
   size is 1 to n, and step is positive. Where windows overlap, y is read-only */
ct_tensor *ct_windows(ct_tensor *x, int axis, int64_t size, int64_t step);

/* -- Several views at once. y has room for n tensors; on failure all of them are NULL */
/* y_i = x[start_i:start_i + size_i] along the axis; gx = 0 except gx[start_i:start_i + size_i] =
   g_i. The n parts follow each other, and their sizes add up to that of x. One size may be -1: it
   is what the others leave. ct_split(x, CT_SIZES(2, 3, -1), 0, y) */
ct_status ct_split(ct_tensor *x, const int64_t *sizes, int n, int axis, ct_tensor **y);
/* y_i = x[i] along the axis, which goes; gx[i] = g_i. n must be the size of that axis */
ct_status ct_unbind(ct_tensor *x, int axis, ct_tensor **y, int n);
/* y_i = x_i repeated along all axes but axis i; gx_i = g_i summed over these. The n inputs are 1-d
   or 0-d, axis i of every y has the size of x_i, and every y is read-only where it is repeated */
ct_status ct_meshgrid(ct_tensor *const *x, int n, ct_tensor **y);

/* -- Copies, for any dtype */
/* y = x; gx = g. y is x itself if x is row-major in memory, else a copy that is */
ct_tensor *ct_contiguous(ct_tensor *x);
/* y = x_0, x_1, ... along the axis; gx_i = the part of g where y has x_i. Sizes differ along the
   axis only: ct_concat(CT_TENSORS(a, b), 0) */
ct_tensor *ct_concat(ct_tensor *const *x, int n, int axis);
/* y[i] = x_i along a new axis; gx_i = g[i]. The new axis has size n, and all x have one shape */
ct_tensor *ct_stack(ct_tensor *const *x, int n, int axis);
/* y[(i + shift) mod n] = x[i]; gx[i] = g[(i + shift) mod n]. This is along the axis, whose size is
   n: with shift 1 the last slab comes first */
ct_tensor *ct_roll(ct_tensor *x, int64_t shift, int axis);
/* y[i times + k] = x[i], 0 <= k < times; gx[i] = sum of g[i times + k] over all k. These are slabs
   along the axis. With times 1 y is a view */
ct_tensor *ct_repeat(ct_tensor *x, int64_t times, int axis);
/* y[j] = x[j mod n]; gx[i] = sum of g[j] over all j with j mod n = i. This is along each axis: y
   has times_d n_d elements where x has n_d. The list is for the last axes; if it is longer than x
   has axes, y has more. Where all times are 1, y is x or a view of it */
ct_tensor *ct_tile(ct_tensor *x, const int64_t *times, int n);
/* How ct_pad makes elements outside of x. As NumPy's modes: constant, reflect, edge, wrap */
typedef enum ct_padding {
    CT_PAD_CONSTANT = 0,                        /* 0 0 | a b c d | 0 0  by the value 0 */
    CT_PAD_REFLECT,                             /* c b | a b c d | c b */
    CT_PAD_REPLICATE,                           /* a a | a b c d | d d */
    CT_PAD_CIRCULAR                             /* c d | a b c d | a b */
} ct_padding;
/* y[j] = x[j - before], or the value outside of x; gx[i] = g[i + before]. The n widths are before
   and after, for each axis: ct_pad(x, CT_SIZES(1, 1, 0, 2), CT_PAD_CONSTANT, 0) puts a row above a
   matrix, one below, and two columns at the right. A negative width cuts off as many elements,
   whose gx is 0. In the other modes y[j] = x[m(j)], and gx[i] is the sum of g[j] over all j with
   m(j) = i. A width may be larger than x: the pattern goes on. But an empty axis can be padded by a
   constant only. i64 needs a whole number as value */
ct_tensor *ct_pad(ct_tensor *x, const int64_t *widths, int n, ct_padding mode, double value);
/* y = 0 except y[i][i + offset] = x[i]; gx[i] = g[i][i + offset]. Each line of x along its last
   axis becomes the diagonal of a square matrix, whose axes in y are axis1 and axis2; the other axes
   keep their order. (...,n) -> (...,m,m) for the axes -2 and -1, with m = n + |offset| */
ct_tensor *ct_diag_embed(ct_tensor *x, int64_t offset, int axis1, int axis2);
/* y = the matrix with x on its diagonal, or the diagonal of a matrix x; gx = the diagonal of g, or
   the matrix with g on its diagonal. This is ct_diag_embed for a 1-d x and ct_diagonal (a view) for
   a 2-d x, with the axes 0 and 1 */
ct_tensor *ct_diag(ct_tensor *x, int64_t offset);
/* y_ij = x_ij [j <= i + offset]; gx_ij = g_ij [j <= i + offset]. i and j are along the last two
   axes: (...,r,c) -> (...,r,c). What is left out is 0, even where x or g is not finite */
ct_tensor *ct_tril(ct_tensor *x, int64_t offset);
/* y_ij = x_ij [j >= i + offset]; gx_ij = g_ij [j >= i + offset]. All else is as in ct_tril */
ct_tensor *ct_triu(ct_tensor *x, int64_t offset);
/* y[j] = sum of x[i][k] over all i, k with i step + k = j; gx[i][k] = g[i step + k]. This is the
   adjoint of ct_windows: windows along the last axis of x are added up along the axis, which gets n
   elements; those in no window are 0. (...,count,...,size) -> (...,n,...), where n must be at least
   (count - 1) step + size. x is f32 or f64, and each sum is made in f64; or it is i64, which wraps
   */
ct_tensor *ct_fold_windows(ct_tensor *x, int axis, int64_t n, int64_t step);

CT_API_END
#endif
