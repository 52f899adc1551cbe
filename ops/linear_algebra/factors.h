/* Factorizations of one matrix, in f64, row-major: plain C, or LAPACK where the build has it. */
#ifndef CT__FACTORS_H
#define CT__FACTORS_H
#include <stdbool.h>
#include <stdint.h>

/* A = L L^T. a (n,n) is symmetric, and becomes L, with zeros above the diagonal. Returns -1; or the
 * first pivot that is not positive, whose value is then in its place. */
int64_t ct__cholesky(double *a, int64_t n);

/* A = L U P: L is lower triangular, U upper triangular with ones on its diagonal, and P exchanges
 * columns k and exchanged[k], for k = n-1 down to 0, so that each pivot of L is the largest of its
 * row. a becomes L and U, without U's diagonal. Returns -1; or the first pivot that is 0, where it
 * stops. */
int64_t ct__lu(double *a, int64_t n, int64_t *exchanged);
/* x (n,k) becomes A^-1 x, with the results of ct__lu */
void ct__lu_solve(const double *a, const int64_t *exchanged, int64_t n, double *x, int64_t k);

/* x (n,k) becomes op(T)^-1 x. T is the triangle of t (n,n) that the flags CT_UPPER, CT_TRANSPOSED
 * and CT_UNIT_DIAGONAL name; the other triangle is not read. */
void ct__solve_triangle(const double *t, int64_t n, unsigned flags, double *x, int64_t k);

/* A = Q R for A (m,n). at (n,m) has A's columns as its rows. Its row j becomes column j of R, as
 * far as it goes, and behind it the vector v of Q's reflection I - tau v v^T, without its first
 * element, which is 1; tau has k = min(m,n) numbers. */
void ct__qr(double *at, int64_t m, int64_t n, double *tau, double *work);
/* qt (k,m): the first k columns of Q as rows, from the results of ct__qr */
void ct__qr_basis(const double *at, int64_t m, int64_t k, const double *tau, double *qt,
                  double *work);
/* how many doubles of work both need */
int64_t ct__qr_work(int64_t m, int64_t n);

/* A = V diag(w) V^T, with w ascending. a (n,n) is symmetric and is destroyed, and vt gets the
 * eigenvectors as its rows. False: it did not converge, which only LAPACK may say. */
bool ct__symmetric_eigen(double *a, int64_t n, double *w, double *vt, double *work);
int64_t ct__symmetric_eigen_work(int64_t n);

/* A = U diag(s) V^T for A (m,n), m >= n, with s descending. at (n,m) has A's columns as its rows,
 * and is destroyed. ut (n,m) and vt (n,n) get the singular vectors as rows. False: it did not
 * converge, which only LAPACK may say. */
bool ct__singular_values(double *at, int64_t m, int64_t n, double *s, double *ut, double *vt,
                         double *work);
int64_t ct__singular_values_work(int64_t m, int64_t n);

/* Settles the sign of a vector: 1, or -1 if x is to be turned, so that its first element that is at
 * least 0.7 times as large as the largest is positive. (It is not the largest element itself: two
 * are often equally large, if a matrix has symmetries, and then rounding would choose.) */
double ct__turn(int64_t n, const double *x);
#endif
