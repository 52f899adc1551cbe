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

/* -- Other products: they are made of the operators above and of ct_mul */
/* y = the sum of the products of all x over the labels that are not in the output; gx_k = the sum
   of the products of g and all other x over the labels that x_k lacks.

   Each axis has a letter, A to Z or a to z: ct_einsum("bij,bjk->bik", CT_TENSORS(a, b)) is a
   product of matrices for each b, "ii->i" a diagonal, "ij->j" the sums of columns, "i,j->ij" an
   outer product. "..." stands for all axes that a term has no letter for; they are broadcast, and
   summed where the output has no "...". Without "->", the output has the axes of "..." and then, in
   order of the alphabet with capitals first, the letters that occur once.

   Axes with one letter have one size, or 1, which is repeated. There are 1 to 64 operands. They are
   contracted two at a time, in the order that takes the fewest multiplications among up to 8 of
   them (the cheapest pair comes first while there are more).

   A contraction with a sum is one ct_matmul, and its error is that of ct_matmul. An error: products
   on the way with more than 8 axes. y may be a view of an operand, or one itself */
ct_tensor *ct_einsum(const char *text, ct_tensor *const *x, int n);
/* y = the sum of a b over pairs of axes; ga = the sum of g b over the axes of g that are b's, gb =
   the sum of g a over those that are a's. Axis axes_a[i] of a and axis axes_b[i] of b are a pair
   and have one size. y has the other axes of a, and then those of b. n = 0 is an outer product:
   ct_tensordot(a, b, (int64_t[]){ 2, 1 }, (int64_t[]){ 0, 1 }, 2) sums over two pairs */
ct_tensor *ct_tensordot(ct_tensor *a, ct_tensor *b, const int64_t *axes_a, const int64_t *axes_b,
                        int n);
/* y_ij = a_i b_j; ga = g b, gb = g^T a. (m) x (n) -> (m,n) */
ct_tensor *ct_outer(ct_tensor *a, ct_tensor *b);
/* y = the Kronecker product of a and b; ga_ij = sum of g b over block (i,j), gb = sum of g_block
   a_ij over all blocks. (m,n) x (p,q) -> (m p, n q): block (i,j) of y, which has b's shape, is a_ij
   b. There may be up to 4 dimensions, and the operand with fewer gets sizes of 1 in front */
ct_tensor *ct_kron(ct_tensor *a, ct_tensor *b);
/* y = a x b, the cross product; ga = b x g, gb = g x a. Both have size 3 along the axis, and as
   many dimensions, which are broadcast: y_0 = a_1 b_2 - a_2 b_1, and so on */
ct_tensor *ct_cross(ct_tensor *a, ct_tensor *b, int axis);
/* y = sum x_ii; gx_ij = g [i = j]. It is over the last two axes: (...,m,n) -> (...) */
ct_tensor *ct_trace(ct_tensor *x);
/* y_k = sum_ij a_i weight_kij b_j + bias_k; ga_i = sum_kj g_k weight_kij b_j, gb_j = sum_ki g_k
   weight_kij a_i, gweight_kij = sum g_k a_i b_j, gbias_k = sum g_k. The last two sums are over the
   leading axes. (...,i) x (...,j) -> (...,k); bias may be NULL, which means none */
ct_tensor *ct_bilinear(ct_tensor *a, ct_tensor *b, ct_tensor *weight, ct_tensor *bias);

CT_API_END
#endif
