/* Factorizations by LAPACK, where the build has it (meson -Dlapack=...), of matrices that are large
 * enough to gain from it. They do what those of factors.h do. LAPACK sees the transpose of what is
 * row-major. */
#ifndef CT__LAPACK_H
#define CT__LAPACK_H
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* smaller matrices are left to the plain code; the tests of a build may say 1 */
#ifndef CT_LAPACK_FROM
#define CT_LAPACK_FROM 64
#endif

/* Is LAPACK to factorize matrices of this size? */
#if defined(CT_LAPACK)
static inline bool ct__lapack_takes(int64_t m, int64_t n)
{
    int64_t least = m < n ? m : n, most = m < n ? n : m;
    return least >= CT_LAPACK_FROM && most <= INT_MAX / 64 && least * least <= INT_MAX / 8;
}
#else
#define ct__lapack_takes(m, n) (sizeof((m) + (n)) == 0) /* no: a constant, so calls vanish */
#endif

enum { CT__LAPACK_BLOCK = 32 }; /* doubles of work for each column, in QR */

int64_t ct__lapack_cholesky(double *a, int64_t n);
int64_t ct__lapack_lu(double *a, int64_t n, int64_t *exchanged);
/* work has CT__LAPACK_BLOCK n doubles */
void ct__lapack_qr(double *at, int64_t m, int64_t n, double *tau, double *work);
void ct__lapack_qr_basis(const double *at, int64_t m, int64_t k, const double *tau, double *qt,
                         double *work);
/* false: it did not converge. work has 2 n^2 + 9 n + 4 doubles */
bool ct__lapack_eigen(double *a, int64_t n, double *w, double *vt, double *work);
/* false: it did not converge. work has 4 n^2 + 11 n + 1 doubles */
bool ct__lapack_singular(double *at, int64_t m, int64_t n, double *s, double *ut, double *vt,
                         double *work);
#endif
