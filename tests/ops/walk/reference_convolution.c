/* Convolutions, as sums over all that their formulas name. */
#include "reference.h"
#include "sizes.h"

/* axis d of 3, of which a has the last ones, after two others */
static int64_t size(const array *a, int d)
{
    int own = d - (AXES + 2 - a->ndim);
    return own < 0 ? 1 : a->shape[2 + own];
}

/* element (n, c, i) of a */
static real *image_at(const array *a, int64_t n, int64_t c, const int64_t *i)
{
    int64_t at = n * a->shape[1] + c;
    for (int d = 0; d < AXES; d++)
        at = at * size(a, d) + i[d];
    return a->at + at;
}

/* one more, among so many in each of 3 axes; false after the last */
static bool more(const array *a, int64_t *i)
{
    for (int d = AXES - 1; d >= 0; d--) {
        if (++i[d] < size(a, d))
            return true;
        i[d] = 0;
    }
    return false;
}

/* For all i, k: `to`, one of x, w and y, gets the product of the other two. */
static void add_products(const ct__conv *a, const array *x, const array *w, const array *y,
                         const array *to, int64_t n, int64_t o, int64_t c)
{
    int64_t i[AXES] = { 0 }, j[AXES];
    int64_t part = o / (w->shape[0] / a->groups);
    do {
        int64_t k[AXES] = { 0 };
        do {
            bool inside = true;
            for (int d = 0; d < AXES; d++) {
                j[d] = i[d] * a->stride[d] + k[d] * a->dilation[d] - a->before[d];
                inside = inside && j[d] >= 0 && j[d] < size(x, d);
            }
            real zero = 0, *px = &zero; /* which times infinity is NaN */
            if (inside)
                px = image_at(x, n, part * w->shape[1] + c, j);
            real *pw = image_at(w, o, c, k), *py = image_at(y, n, o, i);
            *(to == x ? px : to == w ? pw : py) +=
                (to == x ? 1 : *px) * (to == w ? 1 : *pw) * (to == y ? 1 : *py);
        } while (more(w, k));
    } while (more(y, i));
}

static void convolve(task *t, const array *x, const array *w, const array *y)
{
    const array *to = &t->y[0];
    int64_t channel = to->n && to->ndim > 2 ? to->n / (to->shape[0] * to->shape[1]) : 1;
    for (int64_t i = 0; i < to->n; i++)
        to->at[i] = t->n > 2 ? t->x[2].at[i / channel % to->shape[1]] : 0;
    for (int64_t n = 0; n < x->shape[0] && x->n && w->n && y->n; n++)
        for (int64_t o = 0; o < w->shape[0]; o++)
            for (int64_t c = 0; c < w->shape[1]; c++)
                add_products(t->attributes, x, w, y, to, n, o, c);
}

static void conv(task *t)
{
    convolve(t, &t->x[0], &t->x[1], &t->y[0]);
}

static void conv_transpose(task *t)
{
    convolve(t, &t->y[0], &t->x[1], &t->x[0]);
}

static void conv_weight(task *t)
{
    convolve(t, &t->x[0], &t->y[0], &t->x[1]);
}

#define R(name) { #name, name }
const reference convolution_references[] = {
    R(conv), R(conv_transpose), R(conv_weight), { NULL, NULL }
};
