/* Products, as sums over all indices. */
#include "reference.h"

#include "attention.h"

/* The sum over all letters that the result lacks: "bij,bjk->bik", one letter for each axis. */
static void summed(const char *text, const array *x, int n, array *y)
{
    const char *result = strstr(text, "->") + 2;
    char letters[27] = "";
    array all = { .ndim = 0, .n = 1 };
    int64_t at[CT_MAX_DIMS];
    const char *axis = text;
    for (int k = 0, d = 0; *axis != '-'; axis++, d++) {
        if (*axis == ',') {
            k++, d = -1;
        } else if (!strchr(letters, *axis)) {
            letters[all.ndim] = *axis;
            all.shape[all.ndim++] = x[k].shape[d];
            all.n *= x[k].shape[d];
        }
    }
    memset(y->at, 0, (size_t)y->n * sizeof(real));
    EACH(&all, i) {
        real product = 1;
        axis = text;
        for (int k = 0; k < n; k++, axis++) {
            for (int d = 0; *axis != ',' && *axis != '-'; axis++)
                at[d++] = i[strchr(letters, *axis) - letters];
            product *= *element(&x[k], at);
        }
        for (int d = 0; result[d]; d++)
            at[d] = i[strchr(letters, result[d]) - letters];
        *element(y, at) += product;
    }
}

#define SUMMED(name, text)                                                                      \
    static void name(task *t)                                                                   \
    {                                                                                           \
        summed(text, t->x, t->n, &t->y[0]);                                                     \
    }
SUMMED(einsum, "ijk,kl,jj->il")
SUMMED(dot, "i,i->")
SUMMED(outer, "i,j->ij")
SUMMED(trace, "ii->")
SUMMED(tensordot, "ij,jk->ik")

/* (2,3) x (2,2): the result is (4,6), and in other words (2,2,3,2) */
static void kron(task *t)
{
    array y = t->y[0];
    y.ndim = 4;
    for (int d = 0; d < 4; d++)
        y.shape[d] = t->x[d % 2].shape[d / 2];
    summed("ij,kl->ikjl", t->x, 2, &y);
}

static void bilinear(task *t)
{
    const array x[] = { t->x[0], t->x[2], t->x[1] };
    summed("bi,oij,bj->bo", x, 3, &t->y[0]);
    EACH(&t->y[0], i)
        *element(&t->y[0], i) += t->x[3].at[i[1]];
}

static void cross(task *t)
{
    const real *a = t->x[0].at, *b = t->x[1].at;
    for (int64_t r = 0; r < t->y[0].n; r++) {
        int64_t row = r / 3 * 3, j = row + (r + 1 - row) % 3, k = row + (r + 2 - row) % 3;
        t->y[0].at[r] = a[j] * b[k] - a[k] * b[j];
    }
}

/* a 1-d operand is a row, or a column, which the result lacks */
static void matmul(task *t)
{
    const array *a = &t->x[0], *b = &t->x[1];
    array *y = &t->y[0];
    bool row = a->ndim == 1, column = b->ndim == 1;
    int64_t m = row ? 1 : a->shape[a->ndim - 2], k = a->shape[a->ndim - 1];
    int64_t n = column ? 1 : b->shape[b->ndim - 1];
    for (int64_t c = 0; c * m * n < y->n; c++) {
        const real *p = matrix_of(a, y, 2 - row - column, c);
        const real *q = matrix_of(b, y, 2 - row - column, c);
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++) {
                real sum = 0;
                for (int64_t l = 0; l < k; l++)
                    sum += p[i * k + l] * q[l * n + j];
                y->at[(c * m + i) * n + j] = sum;
            }
    }
}

static void linear_activation(task *t)
{
    int64_t n = t->x[1].shape[0], k = t->x[1].shape[1];
    for (int64_t i = 0; i < t->y[0].n; i++) {
        real z = t->n > 2 ? t->x[2].at[i % n] : 0;
        for (int64_t l = 0; l < k; l++)
            z += t->x[0].at[i / n * k + l] * t->x[1].at[i % n * k + l];
        switch (*(const ct_activation *)t->attributes) {
        case CT_TANH:
            z = tanhl(z);
            break;
        case CT_SIGMOID:
            z = 1 / (1 + expl(-z));
            break;
        case CT_RELU:
            z = z < 0 ? 0 : z;
            break;
        default:
            break;
        }
        t->y[0].at[i] = z;
    }
}

/* score of query i of all leading indices together, and key j; -inf: it is masked */
static real score(const task *t, int64_t i, int64_t j)
{
    const ct__attention *a = t->attributes;
    const array *q = &t->x[0], *k = &t->x[1], *mask = &t->x[3];
    int64_t queries = q->shape[q->ndim - 2], d = q->shape[q->ndim - 1];
    int64_t keys = k->shape[k->ndim - 2];
    real s = 0;
    for (int64_t l = 0; l < d; l++)
        s += q->at[i * d + l] * k->at[(i / queries * keys + j) * d + l];
    s *= a->scale;
    if (t->n > 3 && mask->dtype == CT_BOOL)
        s = mask->at[i * keys + j] != 0 ? s : -INFINITY;
    else if (t->n > 3)
        s += mask->at[i * keys + j];
    return a->causal && j > i % queries ? -INFINITY : s;
}

/* what dropout makes of 1, by half a draw: 0, or 1 / (1 - p) */
static real kept(const task *t, int64_t draw, int64_t half)
{
    double p = ((const ct__attention *)t->attributes)->dropout;
    uint64_t bits = ct_random_at(t->seed, (uint64_t)draw) >> half * 32 & 0xffffffff;
    return bits < (uint64_t)(p * 0x1p32) ? 0 : 1 / (1 - (real)p);
}

static void attention(task *t)
{
    const array *q = &t->x[0], *v = &t->x[2];
    int64_t queries = q->shape[q->ndim - 2], keys = v->shape[v->ndim - 2];
    int64_t e = v->shape[v->ndim - 1];
    for (int64_t i = 0; e > 0 && i < t->y[0].n / e; i++) {
        real max = -INFINITY, sum = 0, *y = t->y[0].at + i * e;
        for (int64_t j = 0; j < keys; j++)
            max = score(t, i, j) > max ? score(t, i, j) : max;
        memset(y, 0, (size_t)e * sizeof *y);
        for (int64_t j = 0; j < keys; j++) {
            real weight = expl(score(t, i, j) - (max == -INFINITY ? 0 : max));
            sum += weight;
            weight *= kept(t, i * (keys / 2 + keys % 2) + j / 2, j % 2);
            for (int64_t l = 0; l < e; l++)
                y[l] += weight * v->at[(i / queries * keys + j) * e + l];
        }
        for (int64_t l = 0; l < e; l++)
            y[l] = sum == 0 ? 0 : y[l] / sum;
    }
}

static void padding_mask(task *t)
{
    EACH(&t->y[0], i)
        *element(&t->y[0], i) = i[3] < t->x[0].at[i[0]];
}

#define R(name) { #name, name }
const reference product_references[] = {
    R(einsum), R(dot), R(outer), R(trace), R(tensordot), R(kron), R(bilinear), R(cross), R(matmul),
    R(attention), R(padding_mask),
    { "linear", linear_activation }, R(linear_activation), { NULL, NULL }
};
