/* Optimizers: which parameters have a gradient, the state that goes with each, and one call of the
 * update operator over all of them. What the rules are, ct_update knows: here they are options.
 *
 * Groups of parameters are objects of their own, and each releases its own tensors only: so
 * ct_context_free may free optimizers and groups in any order. */
#include "optimizer.h"

#include <cotangent/program.h>
#include <math.h>

static void finish(void *optimizer)
{
    (void)optimizer;
}

static void finish_group(void *object)
{
    const ct__group *group = object;
    for (int i = 0; i < group->n; i++) {
        ct_release(group->w[i]);
        for (int k = 0; k < CT_UPDATE_STATES; k++)
            ct_release(group->states[k][i]);
    }
}

bool ct__optimizer_alive(const ct_optimizer *o, const char *who)
{
    return ct_object_alive(o, finish, who);
}

void ct_optimizer_free(ct_optimizer *o)
{
    if (!ct__optimizer_alive(o, "optimizer_free"))
        return;
    for (ct__group *group = o->groups, *next; group; group = next) {
        next = group->next;
        ct_object_free(group);
    }
    ct_object_free(o);
}

/* -- Checks */
ct_context *ct__context_of(const char *who, ct_tensor *const *w, int n)
{
    if (w && !ct__none_stale(who, (const ct_tensor *const *)w, n < 0 ? 1 : n))
        return NULL;
    ct_context *cx = w && n < 0 ? ct_context_of(w[0]) : NULL;
    for (int i = 0; w && i < n && !cx; i++)
        cx = ct_context_of(w[i]);
    return cx;
}

/* parameter i is none of those before it, in the list and in the groups */
static bool is_new(ct_context *cx, const char *who, const ct__group *groups, ct_tensor *const *w,
                   int i)
{
    for (int j = 0; j < i; j++)
        if (w[j] == w[i])
            return ct_fail(cx, CT_ERROR_VALUE, "%s: parameter %d is the same as parameter %d", who,
                           i, j), false;
    for (; groups; groups = groups->next)
        for (int j = 0; j < groups->n; j++)
            if (groups->w[j] == w[i])
                return ct_fail(cx, CT_ERROR_VALUE, "%s: parameter %d is in another group", who,
                               i), false;
    return true;
}

static bool parameters_fit(ct_context *cx, const char *who, const ct__group *groups,
                           ct_tensor *const *w, int n)
{
    if (n < 0)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: %d parameters are too few", who, n), false;
    for (int i = 0; i < n; i++) {
        if (!w[i])
            ct_fail(cx, CT_ERROR_NULL, "%s: parameter %d is NULL", who, i);
        else if (ct_context_of(w[i]) != cx)
            ct_fail(cx, CT_ERROR_CONTEXT, "%s: parameter %d is of another context", who, i);
        else if (!ct_requires_grad(w[i]))
            ct_fail(cx, CT_ERROR_GRAPH, "%s: parameter %d must be a variable (ct_variable)", who,
                    i);
        else if (is_new(cx, who, groups, w, i))
            continue;
        return false;
    }
    return true;
}

static bool number_fits(ct_context *cx, const char *who, const char *what, double value)
{
    if (value >= 0 && isfinite(value))
        return true;
    ct_fail(cx, CT_ERROR_VALUE, "%s: the %s must be finite and not negative, got %g", who, what,
            value);
    return false;
}

/* -- Groups */
/* a group with room for n parameters, and for a step of `all`; NULL and an error */
static ct__group *group_new(ct_context *cx, int n, int all)
{
    size_t pointers = (size_t)n * (1 + CT_UPDATE_STATES) + (size_t)all * (2 + CT_UPDATE_STATES);
    size_t numbers = (size_t)n + (size_t)all * 2;
    ct__group *group = ct_object_new(cx, sizeof *group + pointers * sizeof group->room[0] +
                                             numbers * sizeof(double), finish_group);
    if (!group)
        return NULL;
    group->w = group->room;
    for (int k = 0; k < CT_UPDATE_STATES; k++)
        group->states[k] = group->w + (k + 1) * n;
    group->step = group->w + (CT_UPDATE_STATES + 1) * n;
    group->decays = (double *)(void *)(group->room + pointers);
    group->step_factors = group->decays + n;
    group->step_decays = group->step_factors + all;
    return group;
}

/* makes the group of these parameters the last one; false and an error for lack of memory */
static bool append_group(ct_optimizer *o, ct_tensor *const *w, int n, double factor, double decay)
{
    ct__group *group = group_new(o->cx, n, o->n + n);
    if (!group)
        return false;
    group->factor = factor, group->decay = decay;
    for (; group->n < n; group->n++) {
        group->w[group->n] = ct_retain(w[group->n]);
        group->decays[group->n] = decay;
    }
    if (o->last)
        o->last->next = group;
    else
        o->groups = group;
    o->last = group;
    o->n += n;
    return true;
}

static ct_optimizer *optimizer_new(const char *who, ct_tensor *const *w, int n, double rate,
                                   const ct_update_options *options)
{
    ct_context *cx = ct__context_of(who, w, n);
    if (!cx || !number_fits(cx, who, "rate", rate) || !parameters_fit(cx, who, NULL, w, n))
        return NULL;
    int states = ct_update_state(w[0], options, NULL);
    if (states < 0)
        return NULL;
    if (options->factors || options->decays)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: factors and decays must be NULL; groups have them",
                       who), NULL;
    ct_optimizer *o = ct_object_new(cx, sizeof *o, finish);
    if (!o)
        return NULL;
    *o = (ct_optimizer){ .cx = cx, .options = *options, .rate = rate, .states = states };
    if (append_group(o, w, n, 1, options->weight_decay))
        return o;
    ct_object_free(o);
    return NULL;
}

ct_optimizer *ct_optimizer_new(ct_tensor *const *parameters, int n, double rate,
                               const ct_update_options *options)
{
    return optimizer_new("optimizer_new", parameters, n, rate, options);
}

ct_optimizer *ct_sgd_new(ct_tensor *const *parameters, int n, double rate,
                         const ct_sgd_options *options)
{
    const ct_update_options o = ct_sgd_rule(options);
    return optimizer_new("sgd_new", parameters, n, rate, &o);
}

ct_optimizer *ct_adam_new(ct_tensor *const *parameters, int n, double rate,
                          const ct_adam_options *options)
{
    const ct_update_options o = ct_adam_rule(options);
    return optimizer_new("adam_new", parameters, n, rate, &o);
}

ct_status ct_optimizer_add_group(ct_optimizer *o, ct_tensor *const *parameters, int n, double rate,
                                 double decay)
{
    const char *who = "optimizer_add_group";
    if (parameters && n > 0 && !ct__none_stale(who, (const ct_tensor *const *)parameters, n))
        return CT_ERROR_STALE;
    if (!ct__optimizer_alive(o, who))
        return o ? CT_ERROR_STALE : CT_ERROR_NULL;
    ct_call_once(o->cx, who);
    if (n > 0 && !parameters)
        return ct_fail(o->cx, CT_ERROR_NULL, "%s: the list of parameters is NULL", who);
    if (!parameters_fit(o->cx, who, o->groups, parameters, n) ||
        !number_fits(o->cx, who, "rate", rate) || !number_fits(o->cx, who, "decay", decay))
        return ct_error(o->cx);
    if (o->rate == 0 && rate != 0)
        return ct_fail(o->cx, CT_ERROR_VALUE, "%s: the optimizer's own rate is 0 now, so a rate of "
                       "%g has no ratio to it", who, rate);
    double factor = rate == 0 ? 0 : rate / o->rate;
    if (!isfinite(factor))
        return ct_fail(o->cx, CT_ERROR_VALUE, "%s: a rate of %g is too far from the optimizer's "
                       "own, %g", who, rate, o->rate);
    return append_group(o, parameters, n, factor, decay) ? CT_OK : ct_error(o->cx);
}

ct_status ct_optimizer_decay_weights_only(ct_optimizer *o, const ct_module *m)
{
    const char *who = "optimizer_decay_weights_only";
    if (!ct__optimizer_alive(o, who) || !ct__module_alive(m, who))
        return o && m ? CT_ERROR_STALE : CT_ERROR_NULL;
    ct_call_once(o->cx, who);
    for (ct__group *group = o->groups; group; group = group->next)
        for (int i = 0; i < group->n; i++) {
            ct__entries at = ct__entries_find(m, group->w[i]);
            if (at.entry && !ct__entry_decays(&at))
                group->decays[i] = 0;
        }
    return CT_OK;
}

/* -- The rate */
double ct_optimizer_rate(const ct_optimizer *o)
{
    if (!ct__optimizer_alive(o, "optimizer_rate"))
        return NAN;
    ct_call_once(o->cx, "optimizer_rate");
    return o->rate;
}

void ct_optimizer_set_rate(ct_optimizer *o, double rate)
{
    if (!ct__optimizer_alive(o, "optimizer_set_rate") ||
        !number_fits(o->cx, "optimizer_set_rate", "rate", rate))
        return;
    ct_call_once(o->cx, "optimizer_set_rate");
    o->rate = rate;
}

/* -- Stepping */
/* makes the states of parameter i, zeros, where they are missing; false and an error for lack of
   memory. All of them are there, or none */
static bool has_states(ct_optimizer *o, ct__group *group, int i)
{
    if (o->states == 0 || group->states[0][i])
        return true;
    ct_tensor *state[CT_UPDATE_STATES];
    ct_scope scope = ct_scope_begin(o->cx);
    bool made = scope && ct_update_state(group->w[i], &o->options, state) == o->states;
    for (int k = 0; k < o->states && made; k++)
        group->states[k][i] = ct_retain(state[k]);
    ct_scope_end(o->cx, scope);
    return made;
}

ct_status ct__optimizer_complete(ct_optimizer *o)
{
    for (ct__group *group = o->groups; group; group = group->next)
        for (int i = 0; i < group->n; i++)
            if (!has_states(o, group, i))
                return ct_error(o->cx);
    return CT_OK;
}

/* the group that has w, and its number there; NULL: none */
static ct__group *group_of(const ct_optimizer *o, const ct_tensor *w, int *i)
{
    for (ct__group *group = o->groups; group; group = group->next)
        for (*i = 0; *i < group->n; ++*i)
            if (group->w[*i] == w)
                return group;
    return NULL;
}

int ct_optimizer_states(ct_optimizer *o, const ct_tensor *w, ct_tensor **states)
{
    int i;
    const char *who = "optimizer_states";
    for (int k = 0; states && k < CT_UPDATE_STATES; k++)
        states[k] = NULL;
    if (!ct__none_stale(who, &w, 1) || !ct__optimizer_alive(o, who))
        return -1;
    ct__group *group = group_of(o, w, &i);
    if (!group)
        return 0;
    if (states && !has_states(o, group, i))
        return -1;
    for (int k = 0; states && k < o->states; k++)
        states[k] = group->states[k][i];
    return o->states;
}

ct_status ct_optimizer_forget(ct_optimizer *o, const ct_tensor *w)
{
    int i;
    const char *who = "optimizer_forget";
    if (!ct__none_stale(who, &w, 1) || !ct__optimizer_alive(o, who))
        return o ? CT_ERROR_STALE : CT_ERROR_NULL;
    ct__group *group = group_of(o, w, &i);
    for (int k = 0; group && k < o->states; k++) {
        ct_release(group->states[k][i]);
        group->states[k][i] = NULL;
    }
    return CT_OK;
}

/* how many parameters have a gradient, or -1 and an error for lack of memory */
static int count_ready(ct_optimizer *o)
{
    int n = 0;
    for (ct__group *group = o->groups; group; group = group->next)
        for (int i = 0; i < group->n; i++)
            if (ct_gradient(group->w[i])) {
                if (!has_states(o, group, i))
                    return -1;
                n++;
            }
    return n;
}

/* Do all parameters have the rate and the decay of the options? Then a step needs no lists of them,
 * and ct_program_emit can write it. */
static bool are_alike(const ct_optimizer *o)
{
    for (const ct__group *group = o->groups; group; group = group->next)
        for (int i = 0; i < group->n; i++)
            if (group->factor != 1 || group->decays[i] != o->options.weight_decay)
                return false;
    return true;
}

/* fills the lists of a step with the n parameters that take part */
static void gather(const ct_optimizer *o, int n)
{
    ct__group *all = o->last;
    int at = 0;
    for (const ct__group *group = o->groups; group; group = group->next)
        for (int i = 0; i < group->n; i++) {
            ct_tensor *g = ct_gradient(group->w[i]);
            if (!g)
                continue;
            all->step[at] = group->w[i];
            all->step[n + at] = g;
            for (int k = 0; k < o->states; k++)
                all->step[(2 + k) * n + at] = group->states[k][i];
            all->step_factors[at] = group->factor;
            all->step_decays[at] = group->decays[i];
            at++;
        }
}

static ct_status step_now(void *optimizer)
{
    ct_optimizer *o = optimizer;
    if (!ct__optimizer_alive(o, "optimizer_step")) /* in a replay it may be gone */
        return CT_ERROR_STALE;
    int n = count_ready(o);
    if (n < 0)
        return ct_error(o->cx);
    if (n == 0)
        return ct_fail(o->cx, CT_ERROR_GRAPH,
                       "optimizer_step: no parameter has a gradient; ct_backward makes them");
    gather(o, n);
    ct_update_options options = o->options;
    ct_tensor **step = o->last->step;
    bool alike = are_alike(o);
    options.factors = alike ? NULL : o->last->step_factors;
    options.decays = alike ? NULL : o->last->step_decays;
    ct_status status = ct_update(step, step + n, step + 2 * n, n, o->rate, &options);
    for (int i = 0; i < n && status == CT_OK && !options.keep_gradients; i++)
        ct_zero_grad(step[i]);
    return status;
}

/* In a replay, too, it is called: it reads the rate of then. */
ct_status ct_optimizer_step(ct_optimizer *o)
{
    if (!ct__optimizer_alive(o, "optimizer_step"))
        return o ? CT_ERROR_STALE : CT_ERROR_NULL;
    return ct_call_again(o->cx, step_now, o);
}
