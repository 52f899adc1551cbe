/* QR by Householder's reflections, on columns that are stored as rows. */
#include <string.h>

#include "factors.h"
#include "lapack.h"
#include "vectors.h"

/* Makes x the vector of the reflection that takes it to beta e_1: v = x - beta e_1, divided by its
 * first element, which leaves 1 there; beta has the sign that adds to x_1. x[0] becomes beta.
 * Returns tau. Numbers of which few bits are left, near 0, are made larger meanwhile. */
static double reflect(int64_t n, double *x)
{
    double norm = ct__norm(n, x), unit = 1;
    if (ct__largest(n - 1, x + 1) == 0)
        return 0;
    if (norm < 1e-280) {
        unit = ct__unit_of(ct__largest(n, x));
        ct__multiply_by(n, unit, x);
        norm = ct__norm(n, x);
    }
    double first = x[0], beta = first > 0 ? -norm : norm;
    for (int64_t i = 1; i < n; i++)
        x[i] /= first - beta;
    x[0] = beta / unit;
    return (beta - first) / beta;
}

/* y becomes (I - tau v v^T) y, with v as in `reflect` */
static void apply(int64_t n, double tau, const double *v, double *y)
{
    double along = tau * (y[0] + ct__dot(n - 1, v + 1, y + 1));
    y[0] -= along;
    ct__axpy(n - 1, -along, v + 1, y + 1);
}

/* 2 n^2 (m - n / 3) operations for m >= n */
void ct__qr(double *at, int64_t m, int64_t n, double *tau, double *work)
{
    if (ct__lapack_takes(m, n)) {
        ct__lapack_qr(at, m, n, tau, work);
        return;
    }
    for (int64_t j = 0; j < m && j < n; j++) {
        double *column = at + j * m + j;
        tau[j] = reflect(m - j, column);
        for (int64_t c = j + 1; c < n && tau[j] != 0; c++)
            apply(m - j, tau[j], column, at + c * m + j);
    }
}

int64_t ct__qr_work(int64_t m, int64_t n)
{
    return ct__lapack_takes(m, n) ? CT__LAPACK_BLOCK * n : 0;
}

void ct__qr_basis(const double *at, int64_t m, int64_t k, const double *tau, double *qt,
                  double *work)
{
    if (ct__lapack_takes(m, k)) {
        ct__lapack_qr_basis(at, m, k, tau, qt, work);
        return;
    }
    memset(qt, 0, (size_t)(k * m) * sizeof *qt);
    for (int64_t i = 0; i < k; i++) {
        qt[i * m + i] = 1;
        for (int64_t j = i; j >= 0; j--)
            apply(m - j, tau[j], at + j * m + j, qt + i * m + j);
    }
}

double ct__turn(int64_t n, const double *x)
{
    double enough = 0.7 * ct__largest(n, x);
    for (int64_t i = 0; i < n; i++)
        if (fabs(x[i]) >= enough)
            return x[i] < 0 ? -1 : 1;
    return 1;
}
