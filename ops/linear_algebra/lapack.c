/* Calls of LAPACK. All arguments are right by construction, so that its xerbla, which prints and
 * stops the process, is never reached; and no matrix holds a NaN, with which it might not end. */
#include "lapack.h"

#if defined(CT_LAPACK)
#include <pthread.h>
#include <string.h>

/* Fortran's: each text has its length as a hidden argument behind the others */
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t);
void dgetrf_(const int *m, const int *n, double *a, const int *lda, int *pivots, int *info);
void dgeqrf_(const int *m, const int *n, double *a, const int *lda, double *tau, double *work,
             const int *lwork, int *info);
void dorgqr_(const int *m, const int *n, const int *k, double *a, const int *lda,
             const double *tau, double *work, const int *lwork, int *info);
void dsyevd_(const char *job, const char *uplo, const int *n, double *a, const int *lda, double *w,
             double *work, const int *lwork, int *iwork, const int *liwork, int *info, size_t,
             size_t);
void dgesdd_(const char *job, const int *m, const int *n, double *a, const int *lda, double *s,
             double *u, const int *ldu, double *vt, const int *ldvt, double *work,
             const int *lwork, int *iwork, int *info, size_t);

/* A LAPACK may rest on a BLAS that gives wrong results when two threads call it at once, as a
 * sequential OpenBLAS mostly does. So the process makes one call at a time. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
#define IN_TURN(call)                                                                           \
    do {                                                                                        \
        pthread_mutex_lock(&turn);                                                              \
        call;                                                                                   \
        pthread_mutex_unlock(&turn);                                                            \
    } while (0)

int64_t ct__lapack_cholesky(double *a, int64_t n)
{
    int size = (int)n, info = 0;
    IN_TURN(dpotrf_("U", &size, a, &size, &info, 1));
    for (int64_t i = 0; i < n && info == 0; i++)
        for (int64_t j = i + 1; j < n; j++)
            a[i * n + j] = 0;
    return info - 1;
}

/* the pivots are ints: they fill the first half of `exchanged`, and are spread out from the end */
int64_t ct__lapack_lu(double *a, int64_t n, int64_t *exchanged)
{
    int size = (int)n, info = 0, *pivots = (int *)(void *)exchanged;
    IN_TURN(dgetrf_(&size, &size, a, &size, pivots, &info));
    for (int64_t k = n - 1; k >= 0; k--)
        exchanged[k] = pivots[k] - 1;
    return info - 1;
}

void ct__lapack_qr(double *at, int64_t m, int64_t n, double *tau, double *work)
{
    int rows = (int)m, columns = (int)n, room = CT__LAPACK_BLOCK * columns, info = 0;
    IN_TURN(dgeqrf_(&rows, &columns, at, &rows, tau, work, &room, &info));
}

void ct__lapack_qr_basis(const double *at, int64_t m, int64_t k, const double *tau, double *qt,
                         double *work)
{
    int rows = (int)m, columns = (int)k, room = CT__LAPACK_BLOCK * columns, info = 0;
    memcpy(qt, at, (size_t)(k * m) * sizeof *qt);
    IN_TURN(dorgqr_(&rows, &columns, &columns, qt, &rows, tau, work, &room, &info));
}

bool ct__lapack_eigen(double *a, int64_t n, double *w, double *vt, double *work)
{
    int size = (int)n, info = 0, room = 1 + 6 * size + 2 * size * size, whole = 3 + 5 * size;
    int *integers = (int *)(void *)(work + room);
    IN_TURN(dsyevd_("V", "U", &size, a, &size, w, work, &room, integers, &whole, &info, 1, 1));
    memcpy(vt, a, (size_t)(n * n) * sizeof *vt);
    return info == 0;
}

bool ct__lapack_singular(double *at, int64_t m, int64_t n, double *s, double *ut, double *vt,
                         double *work)
{
    int rows = (int)m, columns = (int)n, info = 0, room = 4 * columns * columns + 7 * columns;
    int *integers = (int *)(void *)(work + room);
    IN_TURN(dgesdd_("S", &rows, &columns, at, &rows, s, ut, &rows, vt, &columns, work, &room,
                    integers, &info, 1));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) {
            double element = vt[i * n + j];
            vt[i * n + j] = vt[j * n + i];
            vt[j * n + i] = element;
        }
    return info == 0;
}
#else
typedef int no_lapack; /* a file of C declares something */
#endif
