/* GMRES with restarts (Saad and Schultz, SIAM J. Sci. Stat. Comput. 7, 1986). The columns of V are
 * an orthonormal basis of r, A r, A^2 r, ..., with A V = V H. The y that minimizes |b - A (x + V
 * y)| is a least-squares problem of the small matrix H, which rotations make triangular. */
#include <math.h>

#include "gmres.h"

enum { COLUMNS = 30, RESTARTS = 40 };

typedef struct basis {
    int64_t n;
    int columns;
    double *v;                     /* columns + 1 vectors */
    double h[COLUMNS][COLUMNS + 1]; /* h[j]: column j */
    double c[COLUMNS], s[COLUMNS]; /* rotations */
    double g[COLUMNS + 1];         /* the rotated right side; the last one is the residual */
} basis;

static double dot(int64_t n, const double *a, const double *b)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void add(int64_t n, double *y, double scale, const double *x)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += scale * x[i];
}

/* Makes w = v_(j+1) orthogonal to the others, twice, since once may leave errors. */
static void orthogonalize(basis *k, int j)
{
    double *w = k->v + (j + 1) * k->n;
    for (int i = 0; i <= j; i++)
        k->h[j][i] = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i <= j; i++) {
            double part = dot(k->n, k->v + i * k->n, w);
            k->h[j][i] += part;
            add(k->n, w, -part, k->v + i * k->n);
        }
    double norm = sqrt(dot(k->n, w, w));
    k->h[j][j + 1] = norm;
    for (int64_t i = 0; norm > 0 && i < k->n; i++)
        w[i] /= norm;
}

/* Applies the rotations so far to column j, and a new one that makes its last element 0. */
static void rotate(basis *k, int j)
{
    double *h = k->h[j];
    for (int i = 0; i < j; i++) {
        double upper = k->c[i] * h[i] + k->s[i] * h[i + 1];
        h[i + 1] = k->c[i] * h[i + 1] - k->s[i] * h[i];
        h[i] = upper;
    }
    double r = hypot(h[j], h[j + 1]);
    k->c[j] = r > 0 ? h[j] / r : 1;
    k->s[j] = r > 0 ? h[j + 1] / r : 0;
    h[j] = r;
    k->g[j + 1] = -k->s[j] * k->g[j];
    k->g[j] *= k->c[j];
}

/* x += V y, where the upper triangle of H times y is g */
static void advance(basis *k, int columns, double *x)
{
    for (int j = columns - 1; j >= 0; j--) {
        double y = k->h[j][j] != 0 ? k->g[j] / k->h[j][j] : 0;
        for (int i = 0; i < j; i++)
            k->g[i] -= y * k->h[j][i];
        add(k->n, x, y, k->v + j * k->n);
    }
}

/* One cycle from the residual v_0, which has that norm. */
static ct_status cycle(ct__system *system, basis *k, double norm, double enough, double *x)
{
    int j = 0;
    for (int64_t i = 0; i < k->n; i++)
        k->v[i] /= norm;
    k->g[0] = norm;
    while (j < k->columns && fabs(k->g[j]) > enough) {
        ct_status status = system->apply(system->arg, k->v + j * k->n, k->v + (j + 1) * k->n);
        system->products++;
        if (status != CT_OK)
            return status;
        orthogonalize(k, j);
        rotate(k, j++);
    }
    advance(k, j, x);
    return CT_OK;
}

ct_status ct__gmres(ct__system *system, const double *b, double *x)
{
    const int64_t n = system->n;
    basis *k = ct__scope_room(system->cx, sizeof *k);
    if (!k)
        return CT_ERROR_MEMORY;
    k->n = n;
    k->columns = n < COLUMNS ? (int)n : COLUMNS;
    k->v = ct__scope_room(system->cx, (size_t)(k->columns + 1) * (size_t)n * sizeof(double));
    if (!k->v)
        return CT_ERROR_MEMORY;
    const double size = sqrt(dot(n, b, b));
    double before = INFINITY;
    for (int64_t i = 0; i < n; i++)
        x[i] = 0;
    system->residual = 0;
    for (int i = 0; i < RESTARTS && size > 0; i++) {
        ct_status status = system->apply(system->arg, x, k->v);
        system->products++;
        if (status != CT_OK)
            return status;
        for (int64_t e = 0; e < n; e++)
            k->v[e] = b[e] - k->v[e];
        double norm = sqrt(dot(n, k->v, k->v));
        system->residual = norm / size;
        bool better = norm < 0.99 * before;
        if (!better || system->residual <= system->tolerance)
            return status;
        before = norm;
        status = cycle(system, k, norm, system->tolerance * size / 2, x);
        if (status != CT_OK)
            return status;
    }
    return CT_OK;
}
