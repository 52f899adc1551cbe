/* Minimizing by steps along lines: what L-BFGS and Newton-CG share. */
#include <math.h>
#include <string.h>

#include "line.h"

static ct_status check(ct__descent *s, const double *x)
{
    static const uint64_t none[8];
    ct_context *cx = s->f.cx;
    const ct_minimize_options *o = &s->options;
    if (!s->f.f || (s->f.n > 0 && !x))
        return ct_fail(cx, CT_ERROR_NULL, "%s: %s is NULL", s->f.who,
                       s->f.f ? "x" : "the function");
    if (memcmp(o->reserved, none, sizeof none) != 0)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: the options are not zeroed", s->f.who);
    if (o->memory < 0 || o->max_iterations < 0 || o->max_evaluations < 0)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: a limit in the options is negative", s->f.who);
    return ct__shape_count(cx, s->f.who, CT_F64, &s->f.n, 1) < 0 ? ct__failed(cx) : CT_OK;
}

static ct_status begin(ct__descent *s, const double *x)
{
    const int64_t n = s->f.n;
    double *room = ct__scope_room(s->f.cx, ((size_t)n * 5 + 1) * sizeof *room);
    if (!room)
        return CT_ERROR_MEMORY;
    s->x = room, s->g = room + n, s->d = room + 2 * n;
    s->next = room + 3 * n, s->next_g = room + 4 * n;
    for (int64_t i = 0; i < n; i++)
        s->x[i] = x[i];
    s->report.evaluations = 1;
    ct_status status = ct__value_of(&s->f, s->x, &(ct__wanted){ .gx = s->g }, &s->report.value);
    s->report.gradient = status == CT_OK ? ct__largest(n, s->g) : (double)NAN;
    if (status == CT_OK && !(isfinite(s->report.value) && isfinite(s->report.gradient)))
        return ct_fail(s->f.cx, CT_ERROR_VALUE,
                       "%s: at the start the value is %g and the largest |gx_i| is %g: both must "
                       "be finite", s->f.who, s->report.value, s->report.gradient);
    return status;
}

static ct_minimize_end reached(const ct__descent *s)
{
    const ct_minimize_options *o = &s->options;
    const ct_minimize_report *r = &s->report;
    double tolerance = o->gradient_tolerance != 0 ? o->gradient_tolerance : 1e-8;
    int iterations = o->max_iterations ? o->max_iterations : 1000;
    if (r->gradient <= tolerance || r->gradient == 0)
        return CT_MINIMIZE_CONVERGED;
    if (r->iterations > 0 && o->value_tolerance > 0 &&
        s->fell <= o->value_tolerance * fmax(fabs(r->value), 1))
        return CT_MINIMIZE_FLAT;
    if (r->iterations >= iterations)
        return CT_MINIMIZE_ITERATIONS;
    if (o->max_evaluations > 0 && r->evaluations >= o->max_evaluations)
        return CT_MINIMIZE_EVALUATIONS;
    return CT_MINIMIZE_NONE;
}

static void swap(double **a, double **b)
{
    double *t = *a;
    *a = *b;
    *b = t;
}

/* The first step goes about as far as 1 / |g|: nothing is known of the scale yet. Later the
 * direction has the right length. */
static double first_step(const ct__descent *s)
{
    double size = sqrt(ct__dot(s->f.n, s->d, s->d));
    return s->report.iterations == 0 && size > 1 ? 1 / size : 1;
}

static ct_status iterate(ct__descent *s, ct__direction direction, ct__learn learn, void *user)
{
    ct_status status = direction(s, user);
    if (status != CT_OK)
        return status;
    for (int64_t i = 0; !(ct__dot(s->f.n, s->g, s->d) < 0) && i < s->f.n; i++)
        s->d[i] = -s->g[i]; /* it was no way down */
    double step = first_step(s), value;
    status = ct__line_search(s, &step, &value);
    if (status != CT_OK)
        return status;
    if (step == 0) {
        s->report.end = CT_MINIMIZE_FLAT;
        return CT_OK;
    }
    if (learn)
        learn(s, user);
    swap(&s->x, &s->next), swap(&s->g, &s->next_g);
    s->fell = s->report.value - value;
    s->report.value = value;
    s->report.gradient = ct__largest(s->f.n, s->g);
    s->report.iterations++;
    return CT_OK;
}

ct_status ct__descend(ct__descent *s, double *x, ct__direction direction, ct__learn learn,
                      void *user)
{
    ct_status status = check(s, x);
    if (status != CT_OK)
        return status;
    status = begin(s, x);
    while (status == CT_OK && s->report.end == CT_MINIMIZE_NONE) {
        s->report.end = reached(s);
        if (s->report.end == CT_MINIMIZE_NONE)
            status = iterate(s, direction, learn, user);
    }
    for (int64_t i = 0; s->x && i < s->f.n; i++)
        x[i] = s->x[i];
    return status;
}

ct_status ct__minimize(ct__descent *s, double *x, const ct_minimize_options *options,
                       ct_minimize_report *report, ct_status (*method)(ct__descent *s, double *x))
{
    ct_context *cx = s->f.cx;
    ct__scope scope;
    if (report)
        *report = (ct_minimize_report){ 0 };
    if (!cx)
        return CT_ERROR_NULL;
    if (options)
        s->options = *options;
    ct__scope_push(cx, &scope);
    ct_status status = method(s, x);
    ct__scope_pop(cx, &scope);
    if (report)
        *report = s->report;
    return status;
}
