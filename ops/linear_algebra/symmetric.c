/* Eigenvalues and eigenvectors of a symmetric matrix: Householder's reflections make it
 * tridiagonal, A = Q T Q^T, and the QL iteration with implicit shifts makes T diagonal (Golub and
 * Van Loan, Matrix Computations, 8.3). Each rotation of two columns of the eigenvectors is one of
 * two rows of their transpose, which follow each other in memory. */
#include <float.h>
#include <string.h>

#include "factors.h"
#include "lapack.h"
#include "vectors.h"

/* -- A = Q T Q^T. Step k takes x, the part of row k behind its diagonal, to beta e_1 by
 * H = I - tau v v^T, and the rest B of the matrix to H B H = B - v q^T - q v^T with p = tau B v,
 * q = p - tau (p . v) v / 2. d and e become T's diagonal and what stands beside it; row k keeps v,
 * and its diagonal tau */
static void take_off_both(double *b, int64_t n, int64_t size, const double *v, const double *q)
{
    for (int64_t i = 0; i < size; i++) {
        ct__axpy(size, -v[i], q, b + i * n);
        ct__axpy(size, -q[i], v, b + i * n);
    }
}

static void make_tridiagonal(double *a, int64_t n, double *d, double *e, double *q)
{
    for (int64_t k = 0; k < n; k++) {
        int64_t size = n - k - 1;
        double *v = a + k * n + k + 1, *b = v + n;
        d[k] = v[-1];
        v[-1] = 0;
        if (size == 0)
            break;
        double norm = ct__norm(size, v), first = v[0], beta = first > 0 ? -norm : norm;
        e[k] = first;
        if (ct__largest(size - 1, v + 1) == 0)
            continue;
        e[k] = beta;
        for (int64_t i = 1; i < size; i++)
            v[i] /= first - beta;
        v[0] = 1;
        double tau = v[-1] = (beta - first) / beta;
        for (int64_t i = 0; i < size; i++)
            q[i] = tau * ct__dot(size, b + i * n, v);
        ct__axpy(size, -tau / 2 * ct__dot(size, q, v), v, q);
        take_off_both(b, n, size, v, q);
    }
}

/* vt = Q^T = H_last ... H_0, made from the last one on: its rows are reflected one by one */
static void collect(const double *a, int64_t n, double *vt)
{
    memset(vt, 0, (size_t)(n * n) * sizeof *vt);
    for (int64_t k = n - 1; k >= 0; k--) {
        const double *v = a + k * n + k + 1;
        vt[k * n + k] = 1;
        for (int64_t i = k + 1; i < n && v[-1] != 0; i++) {
            double *row = vt + i * n + k + 1;
            ct__axpy(n - k - 1, -v[-1] * ct__dot(n - k - 1, row, v), v, row);
        }
    }
}

/* -- QL. One step on rows first..last of T, none of whose e is 0: the shift is the eigenvalue of
 * the leading 2 x 2 that is nearer to d[first]. Rotations from the end on chase what stands out */
static void step(double *d, double *e, int64_t first, int64_t last, double *vt, int64_t n)
{
    double half = (d[first + 1] - d[first]) / (2 * e[first]);
    double shift = d[first] - e[first] / (half + copysign(hypot(half, 1), half));
    double c = 1, s = 1, taken = 0, g = d[last] - shift;
    for (int64_t i = last - 1; i >= first; i--) {
        double f = s * e[i], b = c * e[i], r = hypot(f, g);
        e[i + 1] = r;
        if (r == 0) { /* T has come apart here */
            d[i + 1] -= taken;
            e[last] = 0;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - taken;
        r = (d[i] - g) * s + 2 * c * b;
        taken = s * r;
        d[i + 1] = g + taken;
        g = c * r - b;
        ct__rotate(n, c, s, vt + i * n, vt + (i + 1) * n);
    }
    d[first] -= taken;
    e[first] = g;
    e[last] = 0;
}

/* the last row of the part of T that begins at `first` and does not come apart */
static int64_t end_of_part(const double *d, const double *e, int64_t first, int64_t n)
{
    int64_t last = first;
    while (last < n - 1 && fabs(e[last]) > DBL_EPSILON * (fabs(d[last]) + fabs(d[last + 1])) &&
           fabs(e[last]) > DBL_MIN)
        last++;
    return last;
}

/* each value takes about two steps; the bound only says that the loop ends */
static void make_diagonal(double *d, double *e, int64_t n, double *vt)
{
    int64_t steps = 60 * n;
    for (int64_t first = 0; first < n; first++)
        for (int64_t last; steps > 0 && (last = end_of_part(d, e, first, n)) > first; steps--)
            step(d, e, first, last, vt, n);
}

static void sort(double *w, int64_t n, double *vt)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t least = i;
        for (int64_t j = i + 1; j < n; j++)
            least = w[j] < w[least] ? j : least;
        double value = w[i];
        w[i] = w[least];
        w[least] = value;
        for (int64_t c = 0; c < n && least != i; c++) {
            double element = vt[i * n + c];
            vt[i * n + c] = vt[least * n + c];
            vt[least * n + c] = element;
        }
    }
}

/* about 9 n^3 operations */
bool ct__symmetric_eigen(double *a, int64_t n, double *w, double *vt, double *work)
{
    double unit = ct__unit_of(ct__largest(n * n, a)), *e = work;
    bool converged = true;
    ct__multiply_by(n * n, unit, a);
    if (ct__lapack_takes(n, n)) {
        converged = ct__lapack_eigen(a, n, w, vt, work);
    } else {
        make_tridiagonal(a, n, w, e, work + n);
        collect(a, n, vt);
        make_diagonal(w, e, n, vt);
        sort(w, n, vt);
    }
    for (int64_t i = 0; i < n; i++)
        w[i] /= unit;
    return converged;
}

int64_t ct__symmetric_eigen_work(int64_t n)
{
    return ct__lapack_takes(n, n) ? 2 * n * n + 9 * n + 4 : 2 * n;
}
