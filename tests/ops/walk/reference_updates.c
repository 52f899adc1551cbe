/* Updates: lists of w, g and what is kept, one after the other. */
#include "reference.h"

enum { SLOTS = 3 };

/* the attributes of all rules */
typedef struct update {
    double rate;
    ct_update_options options;
} update;

/* one step for one element: w and what is kept for it change. h is g, plus the decay of w where
 * that is not decoupled; t counts the steps from 1 */
typedef struct step {
    const ct_update_options *o;
    real rate, t, h, *w, *slot[SLOTS];
} step;

/* NaN if either is NaN */
static real larger(real a, real b)
{
    return isnan(a) || isnan(b) ? NAN : fmaxl(a, b);
}

/* slots: how many there are; counts: a number of steps is behind them */
static void step_all(task *t, int slots, bool counts, void (*rule)(const step *s))
{
    const update *u = t->attributes;
    const ct_update_options *o = &u->options;
    int n = t->n / (2 + slots + counts);
    for (int k = 0; k < t->n; k++)
        memcpy(t->y[k].at, t->x[k].at, (size_t)t->x[k].n * sizeof(real));
    for (int k = 0; k < n; k++) {
        real steps = counts ? t->y[(2 + slots) * n + k].at[0] += 1 : 0;
        for (int64_t i = 0; i < t->x[k].n; i++) {
            real *w = &t->y[k].at[i], decay = o->decoupled ? 0 : o->weight_decay;
            step s = { .o = o, .rate = u->rate, .t = steps, .w = w };
            s.h = t->x[n + k].at[i] + decay * *w; /* 0 w is NaN where w is infinite */
            *w -= o->decoupled ? u->rate * o->weight_decay * *w : 0;
            for (int j = 0; j < slots; j++)
                s.slot[j] = &t->y[(2 + j) * n + k].at[i];
            rule(&s);
        }
    }
}

static const ct_update_options *options_of(const task *t)
{
    return &((const update *)t->attributes)->options;
}

/* m = beta m + (1 - beta) h */
static real average(real *m, double beta, real h)
{
    return *m = beta * *m + (1 - (real)beta) * h;
}

/* -- The rules, as updates.h states them */
static void sgd_step(const step *s)
{
    real h = s->h, *velocity = s->slot[0];
    if (s->o->momentum > 0) {
        *velocity = s->o->momentum * *velocity + h;
        h = s->o->nesterov ? h + s->o->momentum * *velocity : *velocity;
    }
    *s->w -= s->rate * h;
}

static void update_sgd(task *t)
{
    step_all(t, options_of(t)->momentum > 0, false, sgd_step);
}

static void adam_step(const step *s)
{
    const ct_update_options *o = s->o;
    real m = average(s->slot[0], o->beta1, s->h), v = average(s->slot[1], o->beta2, s->h * s->h);
    if (o->amsgrad)
        v = *s->slot[2] = larger(*s->slot[2], v);
    *s->w -= s->rate * (m / (1 - powl(o->beta1, s->t))) /
             (sqrtl(v / (1 - powl(o->beta2, s->t))) + o->epsilon);
}

static void update_adam(task *t)
{
    step_all(t, 2 + options_of(t)->amsgrad, true, adam_step);
}

static void rmsprop_step(const step *s)
{
    const ct_update_options *o = s->o;
    real v = average(s->slot[0], o->beta2, s->h * s->h), *b = s->slot[o->centered ? 2 : 1];
    if (o->centered) {
        real m = average(s->slot[1], o->beta2, s->h);
        v = larger(v - m * m, 0);
    }
    real h = s->h / (sqrtl(v) + o->epsilon);
    if (o->momentum > 0)
        h = *b = o->momentum * *b + h;
    *s->w -= s->rate * h;
}

static void update_rmsprop(task *t)
{
    const ct_update_options *o = options_of(t);
    step_all(t, 1 + o->centered + (o->momentum > 0), false, rmsprop_step);
}

static void adagrad_step(const step *s)
{
    *s->slot[0] += s->h * s->h;
    *s->w -= s->rate / (1 + (s->t - 1) * s->o->rate_decay) * s->h /
             (sqrtl(*s->slot[0]) + s->o->epsilon);
}

static void update_adagrad(task *t)
{
    step_all(t, 1, true, adagrad_step);
}

static void adadelta_step(const step *s)
{
    real epsilon = s->o->epsilon, v = average(s->slot[0], s->o->beta2, s->h * s->h);
    real d = s->h * sqrtl(*s->slot[1] + epsilon) / sqrtl(v + epsilon);
    average(s->slot[1], s->o->beta2, d * d);
    *s->w -= s->rate * d;
}

static void update_adadelta(task *t)
{
    step_all(t, 2, false, adadelta_step);
}

static real mu(const step *s, real t)
{
    return s->o->beta1 * (1 - powl(0.96L, t * s->o->rate_decay) / 2);
}

static void nadam_step(const step *s)
{
    real m = average(s->slot[0], s->o->beta1, s->h), product = 1;
    real v = average(s->slot[1], s->o->beta2, s->h * s->h);
    for (real i = 1; i <= s->t; i++)
        product *= mu(s, i);
    real next = mu(s, s->t + 1);
    *s->w -= s->rate * (s->h * (1 - mu(s, s->t)) / (1 - product) + m * next / (1 - product * next)) /
             (sqrtl(v / (1 - powl(s->o->beta2, s->t))) + s->o->epsilon);
}

static void update_nadam(task *t)
{
    step_all(t, 2, true, nadam_step);
}

static void radam_step(const step *s)
{
    const ct_update_options *o = s->o;
    real m = average(s->slot[0], o->beta1, s->h), v = average(s->slot[1], o->beta2, s->h * s->h);
    real power = powl(o->beta2, s->t), z = 2 / (1 - (real)o->beta2) - 1, by = 1;
    real length = z - 2 * s->t * power / (1 - power);
    if (length > 5)
        by = sqrtl((length - 4) * (length - 2) * z / ((z - 4) * (z - 2) * length)) /
             ((sqrtl(v) + o->epsilon) / sqrtl(1 - power));
    *s->w -= s->rate * by * m / (1 - powl(o->beta1, s->t));
}

static void update_radam(task *t)
{
    step_all(t, 2, true, radam_step);
}

static void adamax_step(const step *s)
{
    const ct_update_options *o = s->o;
    real m = average(s->slot[0], o->beta1, s->h);
    *s->slot[1] = larger(o->beta2 * *s->slot[1], fabsl(s->h) + o->epsilon);
    *s->w -= s->rate * (m / (1 - powl(o->beta1, s->t))) / *s->slot[1];
}

static void update_adamax(task *t)
{
    step_all(t, 2, true, adamax_step);
}

static void lion_step(const step *s)
{
    real c = s->o->beta1 * *s->slot[0] + (1 - (real)s->o->beta1) * s->h;
    average(s->slot[0], s->o->beta2, s->h);
    *s->w -= s->rate * (c > 0 ? 1 : c < 0 ? -1 : c);
}

static void update_lion(task *t)
{
    step_all(t, 1, false, lion_step);
}

static void update_clip(task *t)
{
    double max_norm = *(const double *)t->attributes;
    real sum = 0;
    for (int k = 0; k < t->n; k++)
        for (int64_t i = 0; i < t->x[k].n; i++)
            sum += t->x[k].at[i] * t->x[k].at[i];
    for (int k = 0; k < t->n; k++)
        for (int64_t i = 0; i < t->x[k].n; i++)
            t->y[k].at[i] = t->x[k].at[i] *
                            (isfinite(sum) && sum > 0 ? fminl(1, max_norm / sqrtl(sum)) : 1);
}

#define R(name) { #name, name }
const reference update_references[] = {
    R(update_sgd), R(update_adam), R(update_rmsprop), R(update_adagrad), R(update_adadelta),
    R(update_nadam), R(update_radam), R(update_adamax), R(update_lion), R(update_clip),
    { NULL, NULL }
};
