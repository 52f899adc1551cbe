/* Linear algebra: each matrix by itself, by elimination and other plain loops. */
#include "reference.h"

#include <stdlib.h>

enum { MOST = 16 }; /* rows and columns */

typedef struct matrix {
    int64_t rows, columns;
    real at[MOST][MOST];
} matrix;

static bool finite_in(const matrix *a)
{
    for (int64_t i = 0; i < a->rows; i++)
        for (int64_t j = 0; j < a->columns; j++)
            if (!isfinite(a->at[i][j]))
                return false;
    return true;
}

static matrix product(const matrix *a, const matrix *b)
{
    matrix y = { a->rows, b->columns, { { 0 } } };
    for (int64_t i = 0; i < y.rows; i++)
        for (int64_t j = 0; j < y.columns; j++)
            for (int64_t k = 0; k < a->columns; k++)
                y.at[i][j] += a->at[i][k] * b->at[k][j];
    return y;
}

static matrix transposed(const matrix *a)
{
    matrix y = { a->columns, a->rows, { { 0 } } };
    for (int64_t i = 0; i < y.rows; i++)
        for (int64_t j = 0; j < y.columns; j++)
            y.at[i][j] = a->at[j][i];
    return y;
}

static matrix identity(int64_t n)
{
    matrix y = { n, n, { { 0 } } };
    for (int64_t i = 0; i < n; i++)
        y.at[i][i] = 1;
    return y;
}

/* b becomes a^-1 b by elimination with the largest pivots; det a */
static real solve_in_place(matrix a, matrix *b)
{
    real det = 1;
    int64_t n = a.rows;
    for (int64_t k = 0; k < n; k++) {
        int64_t p = k;
        for (int64_t i = k; i < n; i++)
            p = fabsl(a.at[i][k]) > fabsl(a.at[p][k]) ? i : p;
        for (int64_t j = 0; j < MOST && p != k; j++) {
            real x = a.at[k][j], y = b->at[k][j];
            a.at[k][j] = a.at[p][j], a.at[p][j] = x;
            b->at[k][j] = b->at[p][j], b->at[p][j] = y;
        }
        det *= p == k ? a.at[k][k] : -a.at[k][k];
        for (int64_t i = 0; i < n && a.at[k][k] != 0; i++) {
            real factor = a.at[i][k] / a.at[k][k];
            for (int64_t j = 0; j < MOST && i != k; j++) {
                a.at[i][j] -= factor * a.at[k][j];
                b->at[i][j] -= factor * b->at[k][j];
            }
        }
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < b->columns; j++)
            b->at[i][j] /= a.at[i][i];
    return det;
}

/* -- Matrices of the arrays. Output k has matrix number i in its place */
static int tail_of(const array *a)
{
    return a->ndim < 2 ? a->ndim : 2;
}

static matrix get(const array *a, const array *y, int tail, int64_t i)
{
    matrix m = { 1, 1, { { 0 } } };
    const real *at = matrix_of(a, y, tail, i);
    m.rows = a->ndim < 2 ? a->shape[0] : a->shape[a->ndim - 2];
    m.columns = a->ndim < 2 ? 1 : a->shape[a->ndim - 1];
    for (int64_t k = 0; k < m.rows * m.columns; k++)
        m.at[k / m.columns][k % m.columns] = at[k];
    return m;
}

/* matrix i of y; `tail` axes of y are of it */
static void put(array *y, int64_t i, const matrix *m)
{
    for (int64_t k = 0; k < m->rows * m->columns; k++)
        y->at[i * m->rows * m->columns + k] = m->at[k / m->columns][k % m->columns];
}

static void put_nan(array *y, int64_t i, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        y->at[i * n + k] = NAN;
}

static int64_t count(const array *a)
{
    int64_t n = 1;
    for (int d = 0; d < a->ndim - tail_of(a); d++)
        n *= a->shape[d];
    return n;
}

/* f(matrix i of x0, task, i) for all i, or NaN for all where an element is not finite */
static void each_matrix(task *t, bool symmetric, void (*f)(task *t, int64_t i, matrix *a))
{
    const array *x = &t->x[0];
    int64_t n = count(x);
    for (int64_t i = 0; i < n; i++) {
        matrix a = get(x, x, 2, i);
        for (int64_t r = 0; r < a.rows && symmetric; r++)
            for (int64_t c = r + 1; c < a.columns; c++)
                a.at[r][c] = a.at[c][r];
        if (finite_in(&a))
            f(t, i, &a);
        for (int k = 0; k < t->outputs && !finite_in(&a); k++)
            put_nan(&t->y[k], i, t->y[k].n / n);
    }
}

/* 1: the lower triangle is read, and mirrored; 0: the mean of both triangles */
static void mirror(const task *t, matrix *a, const matrix *whole)
{
    for (int64_t i = 0; i < a->rows && !*(const bool *)t->attributes; i++)
        for (int64_t j = 0; j < a->columns; j++)
            a->at[i][j] = (whole->at[i][j] + whole->at[j][i]) / 2;
}

static void cholesky_of(task *t, int64_t b, matrix *a)
{
    matrix l = { a->rows, a->rows, { { 0 } } };
    for (int64_t i = 0; i < a->rows; i++)
        for (int64_t j = 0; j <= i; j++) {
            real sum = a->at[i][j];
            for (int64_t k = 0; k < j; k++)
                sum -= l.at[i][k] * l.at[j][k];
            l.at[i][j] = i == j ? sqrtl(sum) : sum / l.at[j][j];
        }
    put(&t->y[0], b, &l);
}

static void cholesky_read(task *t, int64_t b, matrix *a)
{
    matrix whole = get(&t->x[0], &t->x[0], 2, b);
    mirror(t, a, &whole);
    cholesky_of(t, b, a);
}

static void cholesky(task *t)
{
    each_matrix(t, *(const bool *)t->attributes, cholesky_read);
}

static void det_of(task *t, int64_t b, matrix *a)
{
    matrix none = *a;
    t->y[0].at[b] = solve_in_place(*a, &none);
}

static void det(task *t)
{
    each_matrix(t, false, det_of);
}

static void slogdet_of(task *t, int64_t b, matrix *a)
{
    matrix none = *a;
    real value = solve_in_place(*a, &none);
    if (value == 0) {
        t->singular = true;
        return;
    }
    t->y[0].at[b] = value > 0 ? 1 : -1;
    t->y[1].at[b] = logl(fabsl(value));
}

static void slogdet(task *t)
{
    each_matrix(t, false, slogdet_of);
}

static void inverse_of(task *t, int64_t i, matrix *a)
{
    matrix y = identity(a->rows);
    solve_in_place(*a, &y);
    if (finite_in(&y))
        put(&t->y[0], i, &y);
    else
        t->singular = true;
}

static void inverse(task *t)
{
    each_matrix(t, false, inverse_of);
}

/* the series of a / 2^20, squared 20 times */
static void matrix_exp_of(task *t, int64_t b, matrix *a)
{
    matrix y = identity(a->rows), term = y;
    for (int64_t i = 0; i < a->rows * a->rows; i++)
        a->at[i / a->rows][i % a->rows] /= 1 << 20;
    for (int k = 1; k < 12; k++) {
        term = product(&term, a);
        for (int64_t i = 0; i < a->rows * a->rows; i++) {
            term.at[i / a->rows][i % a->rows] /= k;
            y.at[i / a->rows][i % a->rows] += term.at[i / a->rows][i % a->rows];
        }
    }
    for (int k = 0; k < 20; k++)
        y = product(&y, &y);
    put(&t->y[0], b, &y);
}

static void matrix_exp(task *t)
{
    each_matrix(t, false, matrix_exp_of);
}

/* -- Orthogonal factors */
/* Gram and Schmidt, twice each, for the first columns */
static void qr_of(task *t, int64_t b, matrix *a)
{
    int64_t k = a->rows < a->columns ? a->rows : a->columns;
    matrix q = { a->rows, k, { { 0 } } }, r = { k, a->columns, { { 0 } } };
    for (int64_t j = 0; j < a->columns; j++) {
        real v[MOST], size = 0;
        for (int64_t i = 0; i < a->rows; i++)
            v[i] = a->at[i][j];
        for (int64_t c = 0; c < 2 * k; c++) {
            real along = 0;
            for (int64_t i = 0; i < a->rows && c % k < j; i++)
                along += q.at[i][c % k] * v[i];
            for (int64_t i = 0; i < a->rows && c % k < j; i++)
                v[i] -= q.at[i][c % k] * along;
            r.at[c % k][j] += along;
        }
        for (int64_t i = 0; i < a->rows; i++)
            size += v[i] * v[i];
        if (j < k && size < 1e-24L)
            return; /* not of full rank: not determined */
        for (int64_t i = 0; i < a->rows && j < k; i++)
            q.at[i][j] = v[i] / sqrtl(size);
        if (j < k)
            r.at[j][j] = sqrtl(size);
    }
    put(&t->y[0], b, &q);
    put(&t->y[1], b, &r);
}

static void qr(task *t)
{
    each_matrix(t, false, qr_of);
}

/* Jacobi: a becomes diagonal, v has the vectors in its columns; then by order, ascending */
static void jacobi(matrix *a, matrix *v)
{
    int64_t n = a->rows;
    *v = identity(n);
    for (int sweep = 0; sweep < 60; sweep++)
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) {
                real angle = atan2l(2 * a->at[p][q], a->at[q][q] - a->at[p][p]) / 2;
                matrix turn = identity(n);
                turn.at[p][p] = turn.at[q][q] = cosl(angle);
                turn.at[p][q] = sinl(angle), turn.at[q][p] = -sinl(angle);
                matrix back = transposed(&turn), turned = product(a, &turn);
                *a = product(&back, &turned);
                *v = product(v, &turn);
            }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j + 1 < n; j++)
            if (a->at[j][j] > a->at[j + 1][j + 1]) {
                real w = a->at[j][j];
                a->at[j][j] = a->at[j + 1][j + 1], a->at[j + 1][j + 1] = w;
                for (int64_t r = 0; r < n; r++) {
                    w = v->at[r][j];
                    v->at[r][j] = v->at[r][j + 1], v->at[r][j + 1] = w;
                }
            }
}

/* the sign of column j: its first element of 0.7 of the largest is positive */
static real sign_of(const matrix *v, int64_t j)
{
    real largest = 0;
    for (int64_t i = 0; i < v->rows; i++)
        largest = fmaxl(largest, fabsl(v->at[i][j]));
    for (int64_t i = 0; i < v->rows; i++)
        if (fabsl(v->at[i][j]) >= 0.7L * largest)
            return v->at[i][j] < 0 ? -1 : 1;
    return 1;
}

static void eigh_of(task *t, int64_t b, matrix *a)
{
    matrix v, whole = get(&t->x[0], &t->x[0], 2, b);
    mirror(t, a, &whole);
    jacobi(a, &v);
    for (int64_t j = 0; j < a->rows; j++) {
        real sign = sign_of(&v, j);
        t->y[0].at[b * a->rows + j] = a->at[j][j];
        for (int64_t i = 0; i < a->rows; i++)
            v.at[i][j] *= sign;
    }
    put(&t->y[1], b, &v);
}

static void eigh(task *t)
{
    each_matrix(t, *(const bool *)t->attributes, eigh_of);
}

/* Of a^T a, or a a^T if that is smaller: one factor; the other is a times it, over the values. */
static void svd_of(task *t, int64_t b, matrix *a)
{
    bool wide = a->rows < a->columns;
    matrix at = transposed(a), square = wide ? product(a, &at) : product(&at, a), first;
    int64_t k = square.rows;
    bool determined = true; /* the vectors: no value is 0 */
    jacobi(&square, &first);
    matrix vectors = { k, k, { { 0 } } };
    for (int64_t j = 0; j < k; j++)
        for (int64_t i = 0; i < k; i++)
            vectors.at[i][j] = first.at[i][k - 1 - j];
    matrix other = wide ? product(&at, &vectors) : product(a, &vectors);
    matrix *u = wide ? &vectors : &other, *v = wide ? &other : &vectors;
    for (int64_t j = 0; j < k; j++) {
        real s = sqrtl(fmaxl(square.at[k - 1 - j][k - 1 - j], 0));
        determined = determined && s > 1e-8L;
        t->y[1].at[b * k + j] = s > 1e-8L ? s : 0;
        for (int64_t i = 0; i < other.rows; i++)
            other.at[i][j] /= s;
        real sign = sign_of(u, j);
        for (int64_t i = 0; i < MOST; i++)
            u->at[i][j] *= sign, v->at[i][j] *= sign;
    }
    matrix vt = transposed(v);
    if (!determined)
        return;
    put(&t->y[0], b, u);
    put(&t->y[2], b, &vt);
}

static void svd(task *t)
{
    each_matrix(t, false, svd_of);
}

/* -- Systems: x0 is a, x1 is b, whose leading axes broadcast */
/* What is not finite in b, in which column or row, makes some of that not finite in y: which of it
 * is left open. If a is not finite, all of y is NaN. */
static void put_system(array *y, int64_t i, const matrix *b, bool finite)
{
    matrix have = { b->rows, b->columns, { { 0 } } };
    for (int64_t k = 0; k < b->rows * b->columns; k++) {
        real was = y->at[i * b->rows * b->columns + k], *to;
        to = &have.at[k / b->columns][k % b->columns];
        *to = !finite ? NAN : b->at[k / b->columns][k % b->columns];
        *to = finite && !isfinite(*to) ? was : *to;
    }
    put(y, i, &have);
}

static void each_system(task *t, bool (*f)(const task *t, matrix *a, matrix *b))
{
    int tail = t->x[1].ndim == 1 ? 1 : 2;
    array *y = &t->y[0];
    int64_t n = 1;
    for (int d = 0; d < y->ndim - tail; d++)
        n *= y->shape[d];
    for (int64_t i = 0; i < n; i++) {
        matrix a = get(&t->x[0], y, tail, i), b = get(&t->x[1], y, tail, i);
        bool given = finite_in(&b), finite = f(t, &a, &b);
        if (given && finite && !finite_in(&b))
            t->singular = true; /* all of y is left open, as it came */
        else
            put_system(y, i, &b, finite);
    }
}

static bool solve_one(const task *t, matrix *a, matrix *b)
{
    (void)t;
    solve_in_place(*a, b);
    return finite_in(a);
}

static void solve(task *t)
{
    each_system(t, solve_one);
}

/* a becomes its triangle, transposed as the flags say; y T = b is T^T y^T = b^T */
static bool triangular_one(const task *t, matrix *a, matrix *b)
{
    unsigned flags = *(const unsigned *)t->attributes;
    for (int64_t i = 0; i < a->rows; i++)
        for (int64_t j = 0; j < a->rows; j++)
            if (i == j ? flags & CT_UNIT_DIAGONAL : (i < j) == !(flags & CT_UPPER))
                a->at[i][j] = i == j;
    bool right = flags & CT_RIGHT, row = right && t->x[1].ndim == 1;
    if (!(flags & CT_TRANSPOSED) != !right)
        *a = transposed(a);
    if (right && !row)
        *b = transposed(b);
    solve_in_place(*a, b);
    if (right && !row)
        *b = transposed(b);
    return finite_in(a);
}

/* what lies outside of the triangle is not read, and may be anything */
static void solve_triangular(task *t)
{
    each_system(t, triangular_one);
}

/* normal equations, in more digits than they cost; the shortest y is a^T z */
static bool lstsq_one(const task *t, matrix *a, matrix *b)
{
    matrix at = transposed(a), square = a->rows < a->columns ? product(a, &at) : product(&at, a);
    matrix right = a->rows < a->columns ? *b : product(&at, b);
    (void)t;
    solve_in_place(square, &right);
    *b = a->rows < a->columns ? product(&at, &right) : right;
    return finite_in(a);
}

static void lstsq(task *t)
{
    each_system(t, lstsq_one);
}

#define R(name) { #name, name }
const reference matrix_references[] = {
    R(cholesky), R(det), R(slogdet), R(inverse), R(matrix_exp), R(qr), R(eigh), R(svd), R(solve),
    R(solve_triangular), R(lstsq), { NULL, NULL }
};
