/* Singular values by one-sided Jacobi: A = Q R, and then rotations J from the left make the rows of
 * R orthogonal, J R = diag(s) V^T. So A = (Q J^T) diag(s) V^T. It finds small singular values as
 * exactly as the rows of R determine them (Demmel and Veselic 1992; Drmac and Veselic 2008). */
#include <float.h>
#include <string.h>

#include "factors.h"
#include "lapack.h"
#include "vectors.h"

static void exchange(int64_t n, double *x, double *y)
{
    for (int64_t i = 0; i < n; i++) {
        double element = x[i];
        x[i] = y[i];
        y[i] = element;
    }
}

/* The length of a row, which becomes 0 if it is too short for its direction to be known. */
static double length_of(int64_t n, double *row)
{
    double length = ct__norm(n, row);
    if (length >= DBL_MIN)
        return length;
    memset(row, 0, (size_t)n * sizeof *row);
    return 0;
}

/* The cosine of the angle between rows of these lengths; 0 where one is 0 */
static double cosine_of(int64_t n, const double *x, double of_x, const double *y, double of_y)
{
    double sum = 0;
    for (int64_t i = 0; i < n && of_x > 0 && of_y > 0; i++)
        sum += x[i] / of_x * (y[i] / of_y);
    return sum;
}

/* Makes rows p and q of r orthogonal, the longer one first, by a rotation that j goes through, too.
 * False: they are orthogonal to rounding. t is the tangent of the angle, the smaller root of
 * t^2 + 2 zeta t = 1, where zeta = (q^2 - p^2) / 2 pq. Products of short rows may be too small for
 * a number: such rows are divided by their lengths first. */
static bool turn_pair(double *r, double *j, int64_t n, int64_t p, int64_t q)
{
    const double least_product = 0x1p-900, least = (double)(n > 8 ? n : 8) * DBL_EPSILON / 2;
    double *rp = r + p * n, *rq = r + q * n;
    double pp = ct__dot(n, rp, rp), qq = ct__dot(n, rq, rq);
    double p_length = sqrt(pp), q_length = sqrt(qq), cosine;
    if (pp >= least_product && qq >= least_product) {
        cosine = ct__dot(n, rp, rq) / p_length / q_length;
    } else {
        p_length = length_of(n, rp);
        q_length = length_of(n, rq);
        cosine = cosine_of(n, rp, p_length, rq, q_length);
    }
    if (!(fabs(cosine) > least))
        return false;
    double ratio = q_length / p_length;
    if (ratio > 1) {
        ratio = 1 / ratio;
        exchange(n, rp, rq);
        exchange(n, j + p * n, j + q * n);
    }
    double zeta = (ratio - 1) * (ratio + 1) / (2 * ratio * cosine);
    double t = copysign(1, zeta) / (fabs(zeta) + hypot(zeta, 1));
    double c = 1 / hypot(t, 1), s = c * t;
    ct__rotate(n, c, s, rp, rq);
    ct__rotate(n, c, s, j + p * n, j + q * n);
    return true;
}

/* rows of j, which is the identity at first; a dozen sweeps are many, and the bound only says that
 * the loop ends */
static void make_orthogonal(double *r, double *j, int64_t n)
{
    bool turned = true;
    for (int sweep = 0; sweep < 60 && turned; sweep++) {
        turned = false;
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++)
                turned |= turn_pair(r, j, n, p, q);
    }
}

/* Row i of vt becomes a unit vector that is orthogonal to the rows before it: of all e_k, the one
 * that keeps most when its parts along them are taken off, twice, for rounding. */
static void complete(double *vt, int64_t n, int64_t i)
{
    double *row = vt + i * n, most = -1;
    int64_t best = 0;
    for (int64_t k = 0; k < n; k++) {
        double kept = 1;
        const double *element = vt + k; /* i <= n, which the second condition tells the compiler */
        for (int64_t j = 0; j < i && j < n; j++, element += n)
            kept -= *element * *element;
        if (kept > most)
            most = kept, best = k;
    }
    memset(row, 0, (size_t)n * sizeof *row);
    row[best] = 1;
    for (int twice = 0; twice < 2; twice++)
        for (int64_t j = 0; j < i; j++)
            ct__axpy(n, -ct__dot(n, row, vt + j * n), vt + j * n, row);
    ct__multiply_by(n, 1 / ct__norm(n, row), row);
}

/* s and vt from rows that are orthogonal, longest first; j goes along */
static void take_lengths(double *r, double *j, int64_t n, double *s, double *vt)
{
    for (int64_t i = 0; i < n; i++)
        s[i] = ct__norm(n, r + i * n);
    for (int64_t i = 0; i < n; i++) {
        int64_t longest = i;
        for (int64_t k = i + 1; k < n; k++)
            longest = s[k] > s[longest] ? k : longest;
        if (longest != i) {
            exchange(1, &s[i], &s[longest]);
            exchange(n, r + i * n, r + longest * n);
            exchange(n, j + i * n, j + longest * n);
        }
        for (int64_t c = 0; c < n && s[i] > 0; c++)
            vt[i * n + c] = r[i * n + c] / s[i];
        if (s[i] == 0)
            complete(vt, n, i);
    }
}

/* about 4 n^2 m + 40 n^3 operations */
static void decompose(double *at, int64_t m, int64_t n, double *s, double *ut, double *vt,
                      double *work)
{
    double *r = work, *j = r + n * n, *qt = j + n * n, *tau = qt + n * m, *more = tau + n;
    ct__qr(at, m, n, tau, more);
    ct__qr_basis(at, m, n, tau, qt, more);
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < n; c++) {
            r[i * n + c] = c < i ? 0 : at[c * m + i];
            j[i * n + c] = c == i;
        }
    make_orthogonal(r, j, n);
    take_lengths(r, j, n, s, vt);
    memset(ut, 0, (size_t)(n * m) * sizeof *ut);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++)
            ct__axpy(m, j[i * n + k], qt + k * m, ut + i * m);
}

bool ct__singular_values(double *at, int64_t m, int64_t n, double *s, double *ut, double *vt,
                         double *work)
{
    double unit = ct__unit_of(ct__largest(n * m, at));
    bool converged = true;
    ct__multiply_by(n * m, unit, at);
    if (ct__lapack_takes(m, n))
        converged = ct__lapack_singular(at, m, n, s, ut, vt, work);
    else
        decompose(at, m, n, s, ut, vt, work);
    for (int64_t i = 0; i < n; i++)
        s[i] /= unit;
    return converged;
}

int64_t ct__singular_values_work(int64_t m, int64_t n)
{
    return ct__lapack_takes(m, n) ? 4 * n * n + 11 * n + 1
                                  : 2 * n * n + n * m + n + ct__qr_work(m, n);
}
