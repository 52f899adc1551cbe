/* Optimizers: which parameters have a gradient, the state that goes with each, and one call of the
 * update operator over all of them. */
#include <math.h>

#include "checks.h"

/* What is kept for a parameter: for SGD with momentum its velocity; for Adam its first moment, its
 * second moment and its number of steps */
enum { STATES = 3 };

struct ct_optimizer {
    ct_context *cx;
    bool is_adam;
    ct_sgd_options sgd;         /* used if is_adam is false */
    ct_adam_options adam;       /* used if it is true */
    double rate;
    int n;
    ct_tensor **w;              /* retained, as the states are */
    ct_tensor **states[STATES]; /* n of each, NULL before a parameter's first step */
    ct_tensor **step;           /* what takes part in a step: all w, then all g, then the states */
    ct_tensor *room[];          /* where the lists above lie */
};

static void finish(void *object)
{
    ct_optimizer *o = object;
    for (int i = 0; i < o->n; i++) {
        ct_release(o->w[i]);
        for (int k = 0; k < STATES; k++)
            ct_release(o->states[k][i]);
    }
}

/* -- Making */
/* the context of the first parameter that is not NULL; where n is negative, of the first one, so
   that the error has a context */
static ct_context *context_of(const char *who, ct_tensor *const *w, int n)
{
    if (w && !ct__none_stale(who, (const ct_tensor *const *)w, n < 0 ? 1 : n))
        return NULL;
    ct_context *cx = w && n < 0 ? ct_context_of(w[0]) : NULL;
    for (int i = 0; w && i < n && !cx; i++)
        cx = ct_context_of(w[i]);
    return cx;
}

static bool parameter_fits(ct_context *cx, const char *who, ct_tensor *const *w, int i)
{
    if (!w[i])
        ct_fail(cx, CT_ERROR_NULL, "%s: parameter %d is NULL", who, i);
    else if (ct_context_of(w[i]) != cx)
        ct_fail(cx, CT_ERROR_CONTEXT, "%s: parameter %d is of another context", who, i);
    else if (!ct_requires_grad(w[i]))
        ct_fail(cx, CT_ERROR_GRAPH, "%s: parameter %d must be a variable (ct_variable)", who, i);
    else {
        for (int j = 0; j < i; j++)
            if (w[j] == w[i])
                return ct_fail(cx, CT_ERROR_VALUE, "%s: parameter %d is the same as parameter "
                               "%d", who, i, j), false;
        return true;
    }
    return false;
}

static bool rate_fits(ct_context *cx, const char *who, double rate)
{
    if (rate >= 0 && isfinite(rate))
        return true;
    ct_fail(cx, CT_ERROR_VALUE, "%s: the rate must be finite and not negative, got %g", who, rate);
    return false;
}

static ct_optimizer *optimizer_new(const char *who, ct_tensor *const *w, int n, double rate)
{
    ct_context *cx = context_of(who, w, n);
    if (!cx || !rate_fits(cx, who, rate))
        return NULL;
    if (n < 0)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: %d parameters are too few", who, n), NULL;
    for (int i = 0; i < n; i++)
        if (!parameter_fits(cx, who, w, i))
            return NULL;
    const size_t lists = 1 + STATES + 2 + STATES;
    ct_optimizer *o = ct_object_new(cx, sizeof *o + lists * (size_t)n * sizeof o->room[0], finish);
    if (!o)
        return NULL;
    o->cx = cx;
    o->rate = rate;
    o->w = o->room;
    for (int k = 0; k < STATES; k++)
        o->states[k] = o->w + (k + 1) * n;
    o->step = o->w + (STATES + 1) * n;
    for (; o->n < n; o->n++)
        o->w[o->n] = ct_retain(w[o->n]);
    return o;
}

static bool sgd_fits(ct_context *cx, const ct_sgd_options *o)
{
    if (!ct__options_zeroed(cx, "sgd_new", o->reserved))
        return false;
    if (!(o->momentum >= 0 && o->momentum < 1))
        ct_fail(cx, CT_ERROR_VALUE, "sgd_new: momentum must be in [0, 1), got %g", o->momentum);
    else if (!(o->weight_decay >= 0) || isinf(o->weight_decay))
        ct_fail(cx, CT_ERROR_VALUE, "sgd_new: weight_decay must be finite and not negative, got %g",
                o->weight_decay);
    else if (o->nesterov && o->momentum == 0)
        ct_fail(cx, CT_ERROR_VALUE, "sgd_new: nesterov needs a momentum above 0");
    else
        return true;
    return false;
}

static bool adam_fits(ct_context *cx, const ct_adam_options *o)
{
    if (!ct__options_zeroed(cx, "adam_new", o->reserved))
        return false;
    if (!(o->beta1 < 1 && o->beta2 < 1))
        ct_fail(cx, CT_ERROR_VALUE, "adam_new: beta1 and beta2 must be below 1, got %g and %g",
                o->beta1, o->beta2);
    else if (!isfinite(o->epsilon) || !isfinite(o->weight_decay))
        ct_fail(cx, CT_ERROR_VALUE, "adam_new: epsilon and weight_decay must be finite, got %g, %g",
                o->epsilon, o->weight_decay);
    else
        return true;
    return false;
}

ct_optimizer *ct_sgd_new(ct_tensor *const *parameters, int n, double rate,
                         const ct_sgd_options *options)
{
    ct_optimizer *o = optimizer_new("sgd_new", parameters, n, rate);
    if (o && options)
        o->sgd = *options;
    if (!o || sgd_fits(o->cx, &o->sgd))
        return o;
    ct_object_free(o);
    return NULL;
}

ct_optimizer *ct_adam_new(ct_tensor *const *parameters, int n, double rate,
                          const ct_adam_options *options)
{
    ct_optimizer *o = optimizer_new("adam_new", parameters, n, rate);
    if (!o)
        return NULL;
    o->is_adam = true;
    if (options)
        o->adam = *options;
    if (adam_fits(o->cx, &o->adam))
        return o;
    ct_object_free(o);
    return NULL;
}

static bool is_alive(const ct_optimizer *o, const char *who)
{
    return ct_object_alive(o, finish, who);
}

void ct_optimizer_free(ct_optimizer *o)
{
    if (is_alive(o, "optimizer_free"))
        ct_object_free(o);
}

/* -- The rate */
double ct_optimizer_rate(const ct_optimizer *o)
{
    return is_alive(o, "optimizer_rate") ? o->rate : NAN;
}

void ct_optimizer_set_rate(ct_optimizer *o, double rate)
{
    if (is_alive(o, "optimizer_set_rate") && rate_fits(o->cx, "optimizer_set_rate", rate))
        o->rate = rate;
}

/* -- Stepping */
static int states_of(const ct_optimizer *o)
{
    return o->is_adam ? STATES : o->sgd.momentum > 0 ? 1 : 0;
}

/* makes the states of parameter i, zeros, where they are missing; false and an error for lack of
   memory. Each state is made only after the one before it: if the last is there, all are */
static bool has_states(ct_optimizer *o, int i)
{
    int n = states_of(o);
    if (n == 0 || o->states[n - 1][i])
        return true;
    ct_scope scope = ct_scope_begin(o->cx);
    if (!scope)
        return false;
    for (int k = 0; k < n && (k == 0 || o->states[k - 1][i]); k++)
        if (!o->states[k][i])
            o->states[k][i] = ct_retain(k < 2 ? ct_zeros_like(o->w[i])
                                              : ct_zeros(o->cx, CT_I64, NULL, 0));
    ct_scope_end(o->cx, scope);
    return o->states[n - 1][i] != NULL;
}

/* fills o->step; returns how many parameters take part, or -1 and an error for lack of memory */
static int gather(ct_optimizer *o)
{
    int n = 0, at = 0;
    for (int i = 0; i < o->n; i++)
        if (ct_gradient(o->w[i])) {
            if (!has_states(o, i))
                return -1;
            n++;
        }
    for (int i = 0; i < o->n; i++) {
        ct_tensor *g = ct_gradient(o->w[i]);
        if (!g)
            continue;
        o->step[at] = o->w[i];
        o->step[n + at] = g;
        for (int k = 0; k < states_of(o); k++)
            o->step[(2 + k) * n + at] = o->states[k][i];
        at++;
    }
    return n;
}

ct_status ct_optimizer_step(ct_optimizer *o)
{
    if (!is_alive(o, "optimizer_step"))
        return o ? CT_ERROR_STALE : CT_ERROR_NULL;
    int n = gather(o);
    if (n < 0)
        return ct_error(o->cx);
    if (n == 0)
        return ct_fail(o->cx, CT_ERROR_GRAPH,
                       "optimizer_step: no parameter has a gradient; ct_backward makes them");
    ct_tensor **w = o->step, **g = w + n, **states = g + n;
    ct_status status = o->is_adam ? ct_update_adam(w, g, states, n, o->rate, &o->adam)
                                  : ct_update_sgd(w, g, states, n, o->rate, &o->sgd);
    bool keep = o->is_adam ? o->adam.keep_gradients : o->sgd.keep_gradients;
    for (int i = 0; i < n && status == CT_OK && !keep; i++)
        ct_zero_grad(w[i]);
    return status;
}

/* -- Clipping */
/* writes the gradients that there are to g; returns how many, or -1 and an error if a parameter is
   NULL */
static int gradients_of(ct_context *cx, ct_tensor *const *w, int n, ct_tensor **g)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        if (!w[i])
            return ct_fail(cx, CT_ERROR_NULL, "clip_gradients: parameter %d is NULL", i), -1;
        g[count] = ct_gradient(w[i]);
        count += g[count] != NULL;
    }
    return count;
}

double ct_clip_gradients(ct_tensor *const *parameters, int n, double max_norm)
{
    ct_context *cx = context_of("clip_gradients", parameters, n);
    if (!cx)
        return NAN;
    if (n < 0)
        return ct_fail(cx, CT_ERROR_RANGE, "clip_gradients: n must not be negative, got %d", n),
               NAN;
    if (!(max_norm > 0))
        return ct_fail(cx, CT_ERROR_VALUE, "clip_gradients: max_norm must be positive, got %g",
                       max_norm), NAN;
    ct_tensor **g = ct_object_new(cx, (size_t)(n + 1) * sizeof *g, NULL);
    int count = g ? gradients_of(cx, parameters, n, g) : -1;
    double norm = NAN;
    bool done = count >= 0 && ct_update_clip(g, count, max_norm, &norm) == CT_OK;
    ct_object_free(g);
    if (done && !isfinite(norm))
        ct_fail(cx, CT_ERROR_VALUE, "clip_gradients: the gradients must be finite");
    return done && isfinite(norm) ? norm : NAN;
}
