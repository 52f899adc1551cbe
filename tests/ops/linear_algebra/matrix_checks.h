/* Matrices for the tests of linear algebra, and what is expected of their products. */
#ifndef MATRIX_CHECKS_H
#define MATRIX_CHECKS_H
#include "support.h"

/* (rows,columns) numbers of about 1, the same each time; `seed` chooses others */
ct_tensor *random_matrix(ct_dtype dtype, int64_t rows, int64_t columns, uint64_t seed);
/* a product with its transpose, plus the identity times `shift` */
ct_tensor *positive_matrix(ct_dtype dtype, int64_t n, double shift);
ct_tensor *diagonal_matrix(ct_dtype dtype, const double *values, int n);
/* |a b - c| is at most so many roundings, of the sum of products of absolute values or of |c|,
 * computed in long double */
void expect_product(ct_tensor *a, ct_tensor *b, ct_tensor *c, double roundings);
/* the columns of x are orthonormal to so many roundings */
void expect_orthonormal(ct_tensor *x, double roundings);
/* f's derivatives at x are right to second order */
void expect_right(ct_function f, void *user, ct_tensor *x);
/* all elements are NaN, and there are some */
void expect_nan(ct_tensor *x);
/* f of a stack (2,3,m,n) is, matrix by matrix, bit for bit what f makes of each alone */
void expect_matrix_by_matrix(ct_tensor *(*f)(ct_tensor *x), int64_t m, int64_t n);
#endif
