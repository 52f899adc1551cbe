/* What must hold of an operator's rules beside the derivative being right at its samples: they give
 * the same gradient by either rule, for any layout, for each input alone, whether it is added or
 * stored, and in f32; and they are linear in the cotangent. */
#include <stdio.h>

#include "trial.h"

static void fail_by_value(ct__check *c, const char *wrong)
{
    ct_gradcheck_report *r = c->report;
    c->verdict = CT_GRADCHECK_FAIL;
    r->compared++, r->wrong++;
    snprintf(r->diagnosis, sizeof r->diagnosis, "%s: the value itself", wrong);
}

/* compares the variant's gradient with `count` entries of the plain one, from entry `first` on */
static bool compare(ct__runs *s, const ct__variant *v, int64_t first, int64_t count)
{
    if (s->c->verdict == CT_GRADCHECK_FAIL)
        return true;
    if (!ct__run(s, v, s->y2, s->g2))
        return false;
    if (s->skipped)
        return true;
    int64_t k = ct__run_differs(v, s->g2, s->g + first, count);
    if (k >= 0)
        ct__check_fail(s->c, first + k, s->g2[k], s->g[first + k] * (v->twice ? 2 : 1), v->wrong);
    else if (!v->twice && ct__run_differs(v, s->y2, s->y, s->outputs) >= 0)
        fail_by_value(s->c, v->wrong);
    return true;
}

/* a gradient g(u) must be linear: g(u + 2 w) = g(u) + 2 g(w), and g(0) = 0 exactly */
static bool compare_linear(ct__runs *s)
{
    double *w = ct__check_room(s->c, s->outputs, sizeof *w);
    double *g = ct__check_room(s->c, s->entries, sizeof *g);
    if (!w || !g)
        return false;
    const ct__variant zero = { .wrong = "a cotangent of zero does not give zero", .u = w };
    if (!ct__run(s, &zero, s->y2, s->g2))
        return false;
    for (int64_t k = 0; k < s->entries; k++)
        if (s->g2[k] != 0)
            return ct__check_fail(s->c, k, s->g2[k], 0, zero.wrong), true;
    for (int64_t j = 0; j < s->outputs; j++)
        w[j] = ct__check_random(s->c);
    const ct__variant v = { .wrong = "the rule is not linear in the cotangent", .u = w,
                            .absolute = 1e-9 };
    if (!ct__run(s, &v, s->y2, g))
        return false;
    for (int64_t j = 0; j < s->outputs; j++)
        w[j] = s->u[j] + 2 * w[j];
    for (int64_t k = 0; k < s->entries; k++)
        g[k] = s->g[k] + 2 * g[k];
    if (!ct__run(s, &v, s->y2, s->g2))
        return false;
    int64_t k = ct__run_differs(&v, s->g2, g, s->entries);
    if (k >= 0)
        ct__check_fail(s->c, k, s->g2[k], g[k], v.wrong);
    return true;
}

static bool compare_all(ct__runs *s)
{
    ct__check *c = s->c;
    ct_op composed = *s->t->op;
    const double *u = s->u;
    composed.backward = NULL;
    bool both = s->t->op->vjp && s->t->op->backward, done = true;
    const ct__variant variants[] = {
        { .wrong = "vjp differs from backward", .op = both ? &composed : NULL, .u = u },
        { .wrong = "a cotangent that is added to another is added wrongly", .u = u,
          .twice = true },
        { .wrong = "the result differs for inputs or cotangents that are not contiguous",
          .strided = true, .u = u },
        { .wrong = "vjp differs for inputs or cotangents that are not contiguous", .strided = true,
          .op = both ? &composed : NULL, .u = u },
        { .wrong = "the result differs in f32", .dtype = CT_F32, .relative = 1e-3,
          .absolute = 1e-4, .u = u },
    };
    for (size_t i = 0; i < sizeof variants / sizeof *variants && done; i++)
        done = compare(s, &variants[i], 0, s->entries);
    for (int i = 0; i < c->inputs && done; i++) {
        const ct__part *part = &c->parts[i];
        const ct__variant alone = { .wrong = "the result differs if only one input requires grad",
                                    .only = part->input + 1, .u = u };
        done = compare(s, &alone, part->first, part->count);
    }
    return done && (c->verdict == CT_GRADCHECK_FAIL || compare_linear(s));
}

bool ct__check_structure(ct__check *c, const ct__trial *trial)
{
    ct__runs s;
    return c->inputs == 0 || (ct__runs_begin(&s, c, trial) && compare_all(&s));
}
