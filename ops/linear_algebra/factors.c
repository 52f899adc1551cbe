/* Cholesky, LU and triangular systems, by rows: the inner loops run over elements that follow each
 * other. */
#include "factors.h"

#include <cotangent/ops/linear_algebra.h>

#include "lapack.h"
#include "vectors.h"

/* -- Cholesky. Row i of A = L L^T is a_ij = sum of l_ik l_jk for k <= j: so l_ij follows from what
 * is left of a_ij, and the diagonal from what is left of it. n^3 / 3 operations */
int64_t ct__cholesky(double *a, int64_t n)
{
    if (ct__lapack_takes(n, n))
        return ct__lapack_cholesky(a, n);
    for (int64_t i = 0; i < n; i++) {
        double *row = a + i * n;
        for (int64_t j = 0; j < i; j++)
            row[j] = (row[j] - ct__dot(j, row, a + j * n)) / a[j * n + j];
        row[i] -= ct__dot(i, row, row);
        if (!(row[i] > 0))
            return i;
        row[i] = sqrt(row[i]);
        for (int64_t j = i + 1; j < n; j++)
            row[j] = 0;
    }
    return -1;
}

/* -- LU. 2 n^3 / 3 operations */
static void exchange_columns(double *a, int64_t n, int64_t j, int64_t k)
{
    for (int64_t i = 0; i < n; i++) {
        double element = a[i * n + j];
        a[i * n + j] = a[i * n + k];
        a[i * n + k] = element;
    }
}

int64_t ct__lu(double *a, int64_t n, int64_t *exchanged)
{
    if (ct__lapack_takes(n, n))
        return ct__lapack_lu(a, n, exchanged);
    for (int64_t k = 0; k < n; k++) {
        double *row = a + k * n;
        int64_t best = k;
        for (int64_t j = k + 1; j < n; j++)
            best = fabs(row[j]) > fabs(row[best]) ? j : best;
        exchanged[k] = best;
        if (row[best] == 0)
            return k;
        if (best != k)
            exchange_columns(a, n, k, best);
        for (int64_t j = k + 1; j < n; j++)
            row[j] /= row[k];
        for (int64_t i = k + 1; i < n; i++)
            ct__axpy(n - k - 1, -a[i * n + k], row + k + 1, a + i * n + k + 1);
    }
    return -1;
}

static void exchange_rows(double *x, int64_t k, int64_t i, int64_t j)
{
    for (int64_t c = 0; c < k; c++) {
        double element = x[i * k + c];
        x[i * k + c] = x[j * k + c];
        x[j * k + c] = element;
    }
}

void ct__lu_solve(const double *a, const int64_t *exchanged, int64_t n, double *x, int64_t k)
{
    ct__solve_triangle(a, n, 0, x, k);
    ct__solve_triangle(a, n, CT_UPPER | CT_UNIT_DIAGONAL, x, k);
    for (int64_t i = n - 1; i >= 0; i--)
        if (exchanged[i] != i)
            exchange_rows(x, k, i, exchanged[i]);
}

/* -- Triangles. Each row of T is used once: to finish x_i with rows of x that are done, or, if T
 * is transposed, to take x_i off the rows of x that are not. n^2 k operations */
static void take_off(const double *row, int64_t n, const double *x, double *xi, int64_t k)
{
    if (k == 1) {
        *xi -= ct__dot(n, row, x);
        return;
    }
    for (int64_t j = 0; j < n; j++)
        ct__axpy(k, -row[j], x + j * k, xi);
}

static void take_off_all(const double *row, int64_t n, double *x, const double *xi, int64_t k)
{
    if (k == 1) {
        ct__axpy(n, -*xi, row, x);
        return;
    }
    for (int64_t j = 0; j < n; j++)
        ct__axpy(k, -row[j], xi, x + j * k);
}

void ct__solve_triangle(const double *t, int64_t n, unsigned flags, double *x, int64_t k)
{
    bool upper = flags & CT_UPPER, transposed = flags & CT_TRANSPOSED;
    for (int64_t step = 0; step < n; step++) {
        int64_t i = upper == transposed ? step : n - 1 - step;
        int64_t first = upper ? i + 1 : 0, count = upper ? n - i - 1 : i;
        const double *row = t + i * n + first;
        double *xi = x + i * k, *others = x + first * k;
        if (!transposed)
            take_off(row, count, others, xi, k);
        for (int64_t c = 0; c < k && !(flags & CT_UNIT_DIAGONAL); c++)
            xi[c] /= t[i * n + i];
        if (transposed)
            take_off_all(row, count, others, xi, k);
    }
}
