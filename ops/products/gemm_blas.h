/* Products by a BLAS, where the build has one (meson -Dblas=...): part of gemm.c. A part of C is
 * one call of sgemm or dgemm, on the thread that runs it. These take matrices stored by columns, so
 * they are asked for C^T = B^T A^T.
 *
 * A BLAS with threads of its own is not called at all, since their number is for the host to set.
 * Nor is any BLAS called where a context asks for plain kernels. */
#include <limits.h>

void sgemm_(const char *ta, const char *tb, const int *m, const int *n, const int *k,
            const float *alpha, const float *a, const int *lda, const float *b, const int *ldb,
            const float *beta, float *c, const int *ldc);
void dgemm_(const char *ta, const char *tb, const int *m, const int *n, const int *k,
            const double *alpha, const double *a, const int *lda, const double *b, const int *ldb,
            const double *beta, double *c, const int *ldc);

/* A sequential OpenBLAS is mostly built without locks (its USE_LOCKING), and gives wrong results
 * when two threads call it at once. So the process makes one call at a time, and C is not cut. */
#if defined(CT_BLAS_OPENBLAS)
#include <pthread.h>
int openblas_get_parallel(void); /* 0: sequential */
#define IS_SEQUENTIAL (openblas_get_parallel() == 0)
enum { BLAS_EDGE = INT_MAX, BLAS_SMALL = 0 };
static pthread_mutex_t blas_turn = PTHREAD_MUTEX_INITIALIZER;
#define BEGIN_TURN pthread_mutex_lock(&blas_turn)
#define END_TURN   pthread_mutex_unlock(&blas_turn)
#else
#if defined(CT_BLAS_BLIS)
long bli_info_get_enable_threading(void); /* 0: sequential */
#define IS_SEQUENTIAL (bli_info_get_enable_threading() == 0)
#else
#define IS_SEQUENTIAL true /* Accelerate's threads belong to the system */
#endif
/* BLIS adds all products of a small C one after the other, if its sizes are odd: a C of at most
 * BLAS_SMALL rows and columns gets the chunks of a row, which are added in the cache. */
enum { BLAS_EDGE = 512, BLAS_SMALL = 256 };
#define BEGIN_TURN ((void)0)
#define END_TURN   ((void)0)
#endif

/* So many multiply-adds are left to the BLAS: at 1024 x 4096 x 4096 OpenBLAS was 1 to 9 % faster
 * than the built-in kernels on Zen 3. */
#ifndef CT_BLAS_FROM
#define CT_BLAS_FROM 8e9
#endif

enum { BLAS_LEAST = 8 };

/* What to tell the BLAS of a matrix: 'N' if its rows are contiguous, 'T' if its columns are, and
 * how far they lie apart; 0 if neither, or if that does not fit an int. */
static char blas_form(const ct__matrix *a, int64_t rows, int64_t columns, int *apart)
{
    bool by_row = a->col == 1 && a->row >= columns, by_column = a->row == 1 && a->col >= rows;
    int64_t stride = by_row ? a->row : a->col;
    if ((!by_row && !by_column) || stride > INT_MAX)
        return 0;
    *apart = (int)stride;
    return by_row ? 'N' : 'T';
}

static bool blas_takes(const ct__gemm *g)
{
    int apart;
    return g->m >= BLAS_LEAST && g->n >= BLAS_LEAST && g->k >= BLAS_LEAST && g->m <= INT_MAX &&
           g->n <= INT_MAX && g->k <= INT_MAX &&
           (double)g->m * (double)g->n * (double)g->k >= CT_BLAS_FROM && g->c_row >= g->n &&
           g->c_row <= INT_MAX && g->simd > CT_SIMD_PLAIN &&
           blas_form(&g->a, g->m, g->k, &apart) && blas_form(&g->b, g->k, g->n, &apart) &&
           IS_SEQUENTIAL;
}

static void plan_blas(const ct__gemm *g, plan *w)
{
    w->form = CT__TILES;
    w->rows = least(g->m, BLAS_EDGE);
    w->columns = least(g->n, BLAS_EDGE);
    w->chunk = w->rows <= BLAS_SMALL && w->columns <= BLAS_SMALL ? ROW_CHUNK : CHUNK;
}

static void run_blas(const ct__gemm *g, void *scratch)
{
    size_t size = ct_dtype_size(g->dtype);
    int lda = 1, ldb = 1, ldc = (int)g->c_row, m = (int)g->m, n = (int)g->n, k = (int)g->k;
    char ta = blas_form(&g->a, g->m, g->k, &lda), tb = blas_form(&g->b, g->k, g->n, &ldb);
    bool adds = g->adds || g->bias;
    (void)scratch;
    for (int64_t i = 0; g->bias && i < g->m; i++)
        memcpy((char *)g->c + (size_t)(i * g->c_row) * size, g->bias, (size_t)g->n * size);
    BEGIN_TURN;
    if (g->dtype == CT_F32)
        sgemm_(&tb, &ta, &n, &m, &k, &(float){ 1 }, g->b.data, &ldb, g->a.data, &lda,
               &(float){ adds ? 1 : 0 }, g->c, &ldc);
    else
        dgemm_(&tb, &ta, &n, &m, &k, &(double){ 1 }, g->b.data, &ldb, g->a.data, &lda,
               &(double){ adds ? 1 : 0 }, g->c, &ldc);
    END_TURN;
}
