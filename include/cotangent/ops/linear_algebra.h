/* Operators of linear algebra. The conventions of all comments are at the top of ops.h. */
#ifndef COTANGENT_OPS_LINEAR_ALGEBRA_H
#define COTANGENT_OPS_LINEAR_ALGEBRA_H
#include <cotangent/autograd.h>
CT_API_BEGIN

/* -- Factorizations, systems, determinants. Matrices are the last two axes, and leading axes say
 * which matrix: (...,n,n) stands for square matrices. Each matrix is computed by itself, in f64
 * whatever the dtype is, and the results are rounded to the dtype at the end. Sizes may be 0.
 * Shapes that do not fit are CT_ERROR_SHAPE. A matrix that is singular or not positive definite,
 * where the function needs one that is not, is CT_ERROR_VALUE; the message names the matrix,
 * counted along the leading axes from 0, and the pivot that shows it. If an element that is read is
 * NaN or infinite, all results of that matrix are NaN, which is no error. Where the results have no
 * elements, as those of a system without right-hand sides, no matrix is read, and none is at fault.
 *
 * Functions of a symmetric matrix read its diagonal and lower triangle, as in NumPy and PyTorch,
 * and not what lies above. As in PyTorch, their gradient is the one along symmetric matrices, and
 * is symmetric itself: a_ij and a_ji each get half of what it brings to move both. So a check by
 * finite differences must move both: it passes for f((x + x^T) / 2), and not for f(x) */
/* y = L, a = L L^T; ga = (s + s^T) / 2, s = L^-T tri(L^T g) L^-1. L is lower triangular with a
   positive diagonal; tri takes the lower triangle and half the diagonal. a is symmetric (...,n,n).
   If a is not positive definite, that is an error */
ct_tensor *ct_cholesky(ct_tensor *a);

/* Flags of ct_solve_triangular. Without them, T is the lower triangle of a, on the left of y */
enum {
    CT_UPPER = 1,                               /* T is the upper triangle of a */
    CT_TRANSPOSED = 2,                          /* T is that triangle, transposed */
    CT_UNIT_DIAGONAL = 4,                       /* T has ones on its diagonal, whatever a has */
    CT_RIGHT = 8                                /* y T = b, in place of T y = b */
};
/* y = T^-1 b; gb = T^-T g, ga = -gb y^T within the triangle. T is a triangle of a (...,n,n), as the
   flags say. What lies outside of it is not read, and gets a gradient of 0. b is (...,n,k), or
   (...,k,n) with CT_RIGHT; leading axes broadcast. A 1-d b is one column, or one row with CT_RIGHT,
   and then y is 1-d for each matrix. A 0 on the diagonal is an error */
ct_tensor *ct_solve_triangular(ct_tensor *a, ct_tensor *b, unsigned flags);
/* y = a^-1 b; gb = a^-T g, ga = -gb y^T. It solves a y = b by LU with partial pivoting. a is
   (...,n,n) and b is (...,n,k); leading axes broadcast. A 1-d b is one column, and then y lacks the
   last axis. A pivot of exactly 0 is an error. If a is nearly singular, y is as wrong as a rounding
   of a makes it */
ct_tensor *ct_solve(ct_tensor *a, ct_tensor *b);
/* y = a^-1; ga = -y^T g y^T. A pivot of exactly 0 is an error. ct_solve is quicker and more
   accurate than the product with an inverse */
ct_tensor *ct_inverse(ct_tensor *a);
/* y = det a; ga = g c, c_ij = det of a with row i replaced by row j of the identity. c is the
   matrix of cofactors: y a^-T where a has an inverse. y lacks the last two axes. The determinant of
   a 0 x 0 matrix is 1. If a is singular, derivatives of any order are right, whatever its rank is.
   If it is nearly singular, the first keeps its digits, and those of higher order lose as many as
   the condition number has */
ct_tensor *ct_det(ct_tensor *a);
/* sign = sign det a, log = log |det a|; ga = glog a^-T. Both lack the last two axes. They are
   right, too, where the determinant is too large or too small for a float. For a singular matrix
   they are 0 and -inf, and to ask for a gradient is an error. sign has a gradient of 0 */
ct_status ct_slogdet(ct_tensor *a, ct_tensor **sign, ct_tensor **log);

/* y = I + a + a^2 / 2 + a^3 / 6 + ...; ga = the integral of e^(t a^T) g e^((1-t) a^T) for t from 0
   to 1. a is (...,n,n). Elements that are too large for a float are infinite or NaN. A derivative
   costs about 8 times as much as what it is the derivative of */
ct_tensor *ct_matrix_exp(ct_tensor *a);

/* -- Several results: any of the pointers may be NULL. On failure all results are NULL */
/* a = q r, q^T q = I; ga = (gq + q c) r^-T, c = tri + tri^T - diagonal of r gr^T - gq^T q. r is
   upper triangular, and no number on its diagonal is negative: so q and r are unique if a has full
   rank. (...,m,n) = (...,m,k) x (...,k,n), where k is the smaller of m and n. tri is the lower
   triangle with the diagonal.

   The formula is for m >= n; for m < n it holds for the first m columns of a, and gq then includes
   q v gv^T, where v is r's other columns; these columns of a get q gv. The gradient needs full
   rank: a 0 on the diagonal of r is then an error */
ct_status ct_qr(ct_tensor *a, ct_tensor **q, ct_tensor **r);
/* a = v diag(w) v^T, v^T v = I; ga = v (diag(gw) + k) v^T, k_ij = (v_i gv_j - gv_i v_j) / (2 (w_j -
   w_i)). w (...,n) is ascending, and column j of v (...,n,n) is the eigenvector v_j of w_j. Its
   sign is such that its first element which is at least 0.7 times as large as the largest is
   positive. a is symmetric (...,n,n).

   Where w_i = w_j up to rounding, the values still have a gradient, and their vectors have none:
   there k_ij is NaN, or 0 if v_i gv_j and gv_i v_j are both 0, as they are for a function of other
   vectors. So second derivatives of equal values are NaN */
ct_status ct_eigh(ct_tensor *a, ct_tensor **w, ct_tensor **v);
/* a = u diag(s) vt, u^T u = vt vt^T = I; ga = u (diag(gs) + k) vt + what gu and gv have outside. s
   (...,k) is descending, where k is the smaller of m and n; a is (...,m,n), u is (...,m,k), and vt
   (...,k,n) is v^T. Columns of u have the sign that those of ct_eigh have, and rows of vt go with
   them.

   With p = u^T gu and q = v^T gv, each minus its transpose, k_ij = (p_ij + q_ij) / (2 (s_j - s_i))
   + (p_ij - q_ij) / (2 (s_j + s_i)). What gu has outside of the columns of u is divided by s and
   multiplied by vt, and likewise for gv.

   Where a divisor is 0 up to rounding, since two values are equal or vanish, the values still have
   a gradient, and their vectors have none: there it is NaN, or 0 if the cotangents are 0, as in
   ct_eigh. Where s_i is 0, gs_i counts as 0, as at the kink of abs */
ct_status ct_svd(ct_tensor *a, ct_tensor **u, ct_tensor **s, ct_tensor **vt);

/* -- Least squares */
/* y = the y with the least |a y - b|^2; gb = a^+T g, ga = -gb y^T + r (a^+ gb)^T + (a^+T y) (g -
   a^T gb)^T, r = b - a y. a^+ is the pseudoinverse. If a (...,m,n) has m < n, y is the shortest
   solution of a y = b. b is (...,m,k) and y is (...,n,k); leading axes broadcast. A 1-d b is one
   column, and then y lacks the last axis. a must have full rank: it is an error if a pivot of its
   QR factorization is 0, up to rounding of the largest element of r */
ct_tensor *ct_lstsq(ct_tensor *a, ct_tensor *b);

CT_API_END
#endif
