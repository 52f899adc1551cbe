/* Operators that are products of matrices. The conventions of all comments are at the top of
 * ops.h. */
#ifndef COTANGENT_OPS_PRODUCTS_H
#define COTANGENT_OPS_PRODUCTS_H
#include <cotangent/ops/elementwise.h>
CT_API_BEGIN

/* -- Products. An element is off by at most 520 eps sum |a b|, however many products it sums, and
 * by at most (k + 2) eps sum |a b| if it sums k; eps is 2^-24 for f32, 2^-53 for f64. So are
 * gradients, whose sums run over rows; where r products are summed that do not lie as one, along
 * leading axes that were repeated, 2 sqrt(r) + 64 is added to the 520. A build with a BLAS keeps to
 * its own order within 10,240 products, which may be as many eps off */
/* y_ij = sum_k a_ik b_kj; ga = g b^T, gb = a^T g. Both are summed over leading axes that were
   repeated. (...,m,k) x (...,k,n) -> (...,m,n): leading axes broadcast. As in NumPy, a 1-d a is a
   row (1,k) and a 1-d b a column (k,1), and y lacks that axis. A 0-d operand is an error: use
   ct_mul */
ct_tensor *ct_matmul(ct_tensor *a, ct_tensor *b);
/* y = x w^T + b; gx = g w, gw = g^T x, gb = sum of the rows of g.
   (...,k) x (n,k) + (n) -> (...,n). b may be NULL, which means no bias */
ct_tensor *ct_linear(ct_tensor *x, ct_tensor *w, ct_tensor *b);
/* y = f(x w^T + b); gx = e w, gw = e^T x, gb = sum of the rows of e,
   e = g f'(x w^T + b). f is the activation. Shapes are those of ct_linear. The identity, relu, tanh
   and sigmoid are computed within the product, which saves a pass each way */
ct_tensor *ct_linear_activation(ct_tensor *x, ct_tensor *w, ct_tensor *b,
                                ct_activation activation);
/* y = sum a b; ga = g b, gb = g a. (n) x (n) -> () */
ct_tensor *ct_dot(ct_tensor *a, ct_tensor *b);

CT_API_END
#endif
