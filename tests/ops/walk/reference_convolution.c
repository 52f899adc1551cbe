/* Convolutions, as sums over all that their formulas name. */
#include "reference.h"
#include "resample.h"

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

/* -- Pooling and resampling */
/* window i of m over n elements */
static int64_t part_begin(int64_t i, int64_t n, int64_t m)
{
    return i * n / m;
}

static int64_t part_end(int64_t i, int64_t n, int64_t m)
{
    return ((i + 1) * n + m - 1) / m;
}

typedef struct pool {
    bool adaptive;
    int64_t in[AXES], out[AXES], kernel[AXES], stride[AXES], padding[AXES], dilation[AXES];
} pool;

/* is j in window i along axis d? */
static bool in_window(const pool *p, int d, int64_t i, int64_t j)
{
    if (p->adaptive)
        return j >= part_begin(i, p->in[d], p->out[d]) && j < part_end(i, p->in[d], p->out[d]);
    int64_t from = j - i * p->stride[d] + p->padding[d];
    return from >= 0 && from % p->dilation[d] == 0 && from / p->dilation[d] < p->kernel[d];
}

static void max_pool(task *t)
{
    const array *x = &t->x[0], *y = &t->y[0];
    for (int64_t c = 0; c < y->shape[0] * y->shape[1]; c++) {
        int64_t i[AXES] = { 0 };
        do {
            int64_t j[AXES] = { 0 };
            real max = -INFINITY;
            do {
                bool inside = true;
                for (int d = 0; d < AXES; d++)
                    inside = inside && in_window(t->attributes, d, i[d], j[d]);
                real at = *image_at(x, 0, c, j);
                max = inside && (isnan(at) || at > max) ? at : max;
            } while (more(x, j));
            *image_at(y, 0, c, i) = max;
        } while (more(y, i));
    }
}

/* how much of element j of x is in element i of y; NaN: none, not even 0 times it */
static real share(const ct__resample *a, int d, int64_t i, int64_t j)
{
    int64_t n = a->in[d], m = a->out[d], begin = part_begin(i, n, m), end = part_end(i, n, m);
    real at = m > 1 ? (real)i * (n - 1) / (m - 1) : 0, divisor;
    switch (a->kind) {
    case CT__AVERAGE:
        begin = i * a->stride[d] - a->padding[d], end = begin + a->kernel[d];
        end = end < n + a->padding[d] ? end : n + a->padding[d];
        divisor = end - begin;
        if (a->exclude_padding)
            divisor = (end < n ? end : n) - (begin > 0 ? begin : 0);
        return j >= begin && j < end ? 1 / divisor : NAN;
    case CT__ADAPTIVE:
        return j >= begin && j < end ? 1 / (real)(end - begin) : NAN;
    case CT__NEAREST:
        return j == begin ? 1 : NAN;
    case CT__LINEAR:
        at = fmaxl((i + 0.5L) * n / m - 0.5L, 0);
        /* fall through */
    default:
        begin = (int64_t)at < n - 1 ? (int64_t)at : n - 1;
        return j == begin ? (begin < n - 1 ? 1 - (at - begin) : 1) : j == begin + 1 ? at - begin : NAN;
    }
}

static void resample(task *t)
{
    const ct__resample *a = t->attributes;
    const array *x = a->transposed ? &t->y[0] : &t->x[0], *y = a->transposed ? &t->x[0] : &t->y[0];
    memset(t->y[0].at, 0, (size_t)t->y[0].n * sizeof(real));
    for (int64_t c = 0; c < y->shape[0] * y->shape[1]; c++) {
        int64_t i[AXES] = { 0 };
        do {
            int64_t j[AXES] = { 0 };
            do {
                real weight = 1;
                for (int d = 0; d < AXES; d++)
                    weight *= share(a, d, i[d], j[d]);
                if (!isnan(weight) && a->transposed)
                    *image_at(x, 0, c, j) += weight * *image_at(y, 0, c, i);
                else if (!isnan(weight))
                    *image_at(y, 0, c, i) += weight * *image_at(x, 0, c, j);
            } while (more(x, j));
        } while (more(y, i));
    }
}

/* of blocks of 2 by 2; `large` has them in rows and columns, and `small` in channels */
static void shuffle(const array *small, const array *large, bool back)
{
    EACH(large, i) {
        int64_t c = (i[1] * 2 + i[2] % 2) * 2 + i[3] % 2;
        const int64_t at[] = { i[0], c, i[2] / 2, i[3] / 2 };
        *(back ? element(small, at) : element(large, i)) =
            *(back ? element(large, i) : element(small, at));
    }
}

static void pixel_shuffle(task *t)
{
    shuffle(&t->x[0], &t->y[0], false);
}

static void pixel_unshuffle(task *t)
{
    shuffle(&t->y[0], &t->x[0], true);
}

#define R(name) { #name, name }
const reference convolution_references[] = {
    R(conv), R(conv_transpose), R(conv_weight), R(max_pool), R(resample), R(pixel_shuffle),
    R(pixel_unshuffle), { "adaptive_max_pool", max_pool }, { "avg_pool", resample },
    { "adaptive_avg_pool", resample }, { "upsample", resample }, { NULL, NULL }
};
