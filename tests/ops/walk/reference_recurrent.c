/* Recurrent layers, one sequence, step and unit after another. */
#include "reference.h"
#include "sequence.h"

#include <stdlib.h>

static real logistic(real x)
{
    return 1 / (1 + expl(-x));
}

/* the inputs by their names; the biases and lengths may be NULL */
typedef struct layer {
    const array *x, *w_ih, *w_hh, *b_ih, *b_hh, *lengths;
    int64_t steps, n, units;
    bool reverse;
} layer;

static layer layer_of(const task *t, int states)
{
    const array *at = t->x + 1 + states;
    int more = t->n - states - 3;
    layer l = { .x = &t->x[0], .w_ih = at, .w_hh = at + 1, .steps = t->x[0].shape[0],
                .n = t->x[0].shape[1], .units = t->x[1].shape[1],
                .reverse = ((const ct__sequence *)t->attributes)->reverse };
    if (more >= 2)
        l.b_ih = at + 2, l.b_hh = at + 3;
    if (more % 2)
        l.lengths = at + 1 + more;
    return l;
}

/* element `i` of w v + b */
static real sum_of(const array *w, const real *v, const array *b, int64_t i)
{
    real sum = b ? b->at[i] : 0;
    for (int64_t k = 0; k < w->shape[1]; k++)
        sum += w->at[i * w->shape[1] + k] * v[k];
    return sum;
}

/* a and b are the sums of x and of h for each gate; h and c are changed */
typedef void cell(int64_t units, int64_t j, const real *a, const real *b, real *h, real *c);

static void tanh_cell(int64_t units, int64_t j, const real *a, const real *b, real *h, real *c)
{
    (void)units, (void)c;
    h[j] = tanhl(a[j] + b[j]);
}

static void relu_cell(int64_t units, int64_t j, const real *a, const real *b, real *h, real *c)
{
    real sum = a[j] + b[j];
    (void)units, (void)c;
    h[j] = sum <= 0 ? 0 : sum;
}

static void gru_cell(int64_t units, int64_t j, const real *a, const real *b, real *h, real *c)
{
    real r = logistic(a[j] + b[j]), z = logistic(a[units + j] + b[units + j]);
    real k = tanhl(a[2 * units + j] + r * b[2 * units + j]);
    (void)c;
    h[j] = (1 - z) * k + z * h[j];
}

static void lstm_cell(int64_t units, int64_t j, const real *a, const real *b, real *h, real *c)
{
    real gate[4];
    for (int g = 0; g < 4; g++)
        gate[g] = a[g * units + j] + b[g * units + j];
    c[j] = logistic(gate[1]) * c[j] + logistic(gate[0]) * tanhl(gate[2]);
    h[j] = logistic(gate[3]) * tanhl(c[j]);
}

static void run(task *t, int states, cell *f)
{
    const layer l = layer_of(t, states);
    int64_t wide = l.w_hh->shape[0];
    real *a = calloc((size_t)(2 * wide) + 1, sizeof *a), *b = a + wide;
    for (int k = 0; k < states; k++)
        memcpy(t->y[1 + k].at, t->x[1 + k].at, (size_t)t->y[1 + k].n * sizeof *a);
    memset(t->y[0].at, 0, (size_t)t->y[0].n * sizeof *a);
    for (int64_t i = 0; i < l.n; i++) {
        real *h = t->y[1].at + i * l.units, *c = states > 1 ? t->y[2].at + i * l.units : NULL;
        int64_t length = l.lengths ? (int64_t)l.lengths->at[i] : l.steps;
        for (int64_t s = 0; s < length; s++) {
            int64_t at = (l.reverse ? length - 1 - s : s) * l.n + i;
            for (int64_t g = 0; g < wide; g++) {
                a[g] = sum_of(l.w_ih, l.x->at + at * l.x->shape[2], l.b_ih, g);
                b[g] = sum_of(l.w_hh, h, l.b_hh, g);
            }
            for (int64_t j = 0; j < l.units; j++)
                f(l.units, j, a, b, h, c);
            memcpy(t->y[0].at + at * l.units, h, (size_t)l.units * sizeof *h);
        }
    }
    free(a);
}

static void rnn(task *t)
{
    run(t, 1, ((const ct__sequence *)t->attributes)->relu ? relu_cell : tanh_cell);
}

static void gru(task *t)
{
    run(t, 1, gru_cell);
}

static void lstm(task *t)
{
    run(t, 2, lstm_cell);
}

#define R(name) { #name, name }
const reference recurrent_references[] = { R(rnn), R(gru), R(lstm), { NULL, NULL } };
