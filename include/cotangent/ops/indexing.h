/* Operators that take elements by their indices, put them there, or look for them. The conventions
 * of all comments are at the top of ops.h. */
#ifndef COTANGENT_OPS_INDEXING_H
#define COTANGENT_OPS_INDEXING_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* -- Taking elements. Indices are i64 tensors. A value is in -size ... size - 1, and a negative one
 * counts from the end; any other is an error, which names the value, its place and the size. x has
 * any dtype, and a source or value has that of x. The sum of many elements that go to one place is
 * off by at most 260 eps sum |g| in f32 (eps = 2^-24), and by n eps sum |g| for n of them in f64
 * (eps = 2^-53); this holds for cotangents too. Results do not depend on the number of threads */
/* y[j] = x[index[j]]; gx[i] = sum of g[j] over all j with index[j] = i. These are slabs along the
   axis; index is 1-d, and y has its size there */
ct_tensor *ct_index_select(ct_tensor *x, int axis, ct_tensor *index);
/* y[i][j] = x[i][index[i][j]]; gx[i][k] = sum of g[i][j] over all j with index[i][j] = k. This is
   for the last axis; other axes are alike, as in NumPy's take_along_axis. index has the shape of x
   except along the axis, and y has that of index */
ct_tensor *ct_gather(ct_tensor *x, int axis, ct_tensor *index);
/* y[k] = x[i[k], j[k], ...]; gx[a, b, ...] = sum of g[k] over all k with i[k] = a, j[k] = b, ....
   The n indices i, j, ... broadcast to one shape, and k runs over it. They are for the first n axes
   of x, and the other axes follow behind: x (5,6,7) with indices (2,1) and (3) gives (2,3,7). This
   is x[i, j] in NumPy and PyTorch: ct_index(x, CT_TENSORS(i, j)) */
ct_tensor *ct_index(ct_tensor *x, ct_tensor *const *index, int n);
/* y = weight[index]; gweight[i] = sum of g[j] over all j with index[j] = i. index has any shape,
   and y has that shape with the axes of weight behind the first: (...) x (n,d) -> (...,d) */
ct_tensor *ct_embedding(ct_tensor *index, ct_tensor *weight);
/* y = x where the mask holds, as a list; gx = 0 except that its elements under the mask are those
   of g. x and the mask, which is bool, are broadcast. y is 1-d, and the elements keep their
   row-major order */
ct_tensor *ct_masked_select(ct_tensor *x, ct_tensor *mask);

/* -- Putting elements into x: y is a copy of x with other elements */
/* y[i] = x[i] + sum of source[j] over all j with index[j] = i; gx = g, gsource[j] = g[index[j]].
   These are slabs along the axis; index is 1-d, and the source has a slab of x for each index. x is
   f32, f64, or i64, which wraps */
ct_tensor *ct_index_add(ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source);
/* y = x except y[i][index[i][j]] = source[i][j]; gx = g except gx[i][index[i][j]] = 0,
   gsource[i][j] = g[i][index[i][j]]. This is for the last axis; other axes are alike. index and
   source have the shape of x except along the axis. Where several elements go to one place, the one
   with the largest j stays, and the gsource of the others is 0 */
ct_tensor *ct_scatter(ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source);
/* y[i][k] = x[i][k] + sum of source[i][j] over all j with index[i][j] = k;
   gx = g, gsource[i][j] = g[i][index[i][j]]. Shapes are those of ct_scatter. x is f32, f64, or
   i64, which wraps */
ct_tensor *ct_scatter_add(ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source);
/* y[i][k] = max of x[i][k] and all source[i][j] with index[i][j] = k; gx[i][k] = g[i][k] [x[i][k] =
   y[i][k]] / m, gsource[i][j] = g[i][k] [source[i][j] = y[i][k]] / m with k = index[i][j]. m is the
   number of these elements that equal y[i][k]: they share g equally, as in ct_max. A NaN wins, and
   equals a NaN. Shapes are those of ct_scatter. x is f32, f64 or i64 */
ct_tensor *ct_scatter_max(ct_tensor *x, int axis, ct_tensor *index, ct_tensor *source);
/* y = x except y[i[k], j[k], ...] = value[k]; gx = g except gx[i[k], j[k], ...] = 0, gvalue[k] =
   g[i[k], j[k], ...]. The n indices are those of ct_index, and the value is broadcast to the shape
   of x[i, j, ...]. Where several elements go to one place, the last one in row-major order stays,
   and the gvalue of the others is 0. To accumulate means y[i[k], j[k], ...] += value[k], and then
   gx = g. This is x[i, j] = value: ct_index_put(x, CT_TENSORS(i, j), value, false) */
ct_tensor *ct_index_put(ct_tensor *x, ct_tensor *const *index, int n, ct_tensor *value,
                        bool accumulate);

/* -- Looking and counting. All these results are i64, except where said */
/* y[k] = the index of the k-th element with x != 0; derivative: none. y is (count,ndim), in
   row-major order. x has any dtype, and a NaN is not 0 */
ct_tensor *ct_nonzero(ct_tensor *x);
/* y[i][k] = [index[i] = k]; derivative: none. (...) -> (...,classes), of the given dtype. 0 <=
   index < classes; any other is an error */
ct_tensor *ct_one_hot(ct_tensor *index, int64_t classes, ct_dtype dtype);
/* y = x; gx = g. Any element that is not in [low, high], and any NaN, is CT_ERROR_RANGE, whose text
   begins with `what`, a string that stays. x is f32, f64 or i64. It is for values that a function
   must not be given: where a program (program.h) replays it, it checks them, too */
ct_tensor *ct_in_range(ct_tensor *x, double low, double high, const char *what);
/* y = the number of elements of `sorted` that are < x; derivative: none. With `right` it is the
   number of those <= x. So y is where x can be inserted, before or behind what equals it. `sorted`
   is 1-d and must not decrease, which is not checked. y has the shape of x. Both have one dtype:
   f32, f64 or i64. A NaN counts as larger than all else */
ct_tensor *ct_searchsorted(ct_tensor *sorted, ct_tensor *x, bool right);
/* y[i] = sum of weights[j] over all j with index[j] = i; gweights[j] = g[index[j]]. index is 1-d
   and not negative, and the weights are as many. Without weights (NULL), y[i] is how many j there
   are, in i64. y has as many elements as the largest index needs, and at least `at_least` */
ct_tensor *ct_bincount(ct_tensor *index, ct_tensor *weights, int64_t at_least);
/* y[k] = the number of elements with edges[k] <= x < edges[k + 1]; derivative: none. The last edge
   belongs to the last bin. Elements outside of all bins, and NaNs, are not counted. The n + 1 edges
   of n bins are 1-d and must not decrease: for bins of one width, ct_linspace(cx, dtype, low, high,
   n + 1). x and edges have one dtype: f32, f64 or i64 */
ct_tensor *ct_histogram(ct_tensor *x, ct_tensor *edges);

CT_API_END
#endif
