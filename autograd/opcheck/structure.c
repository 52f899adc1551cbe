/* What must hold of an operator's rules beside the derivative being right at its samples: they give
 * the same gradient in whatever way they are called (product.c), if two inputs are the same tensor,
 * and if an output is not used; the value is the same whether it is recorded or not; the rules are
 * linear in the cotangent; and tangents go with them (forward.c). */
#include <math.h>
#include <stdio.h>

#include "trial.h"

/* compares the variant's gradient with that of another variant, which is right */
static bool compare_with(ct__runs *s, const ct__variant *v, const ct__variant *right)
{
    if (!ct__run(s, right, NULL, s->g3))
        return false;
    if (s->skipped || !ct__run(s, v, NULL, s->g2))
        return s->skipped;
    if (s->skipped)
        return true;
    int64_t k = ct__run_differs(v, s->g2, s->g3, s->entries);
    if (k >= 0)
        ct__check_fail(s->c, k, s->g2[k], s->g3[k], v->wrong);
    return true;
}

static bool compare_unrecorded(ct__runs *s, ct_dtype dtype)
{
    const ct__variant v = { .wrong = "the value differs where nothing is recorded", .u = s->u,
                            .quiet = true, .dtype = dtype, .relative = dtype ? 1e-3 : 0,
                            .absolute = dtype ? 1e-4 : 0 };
    if (!ct__run(s, &v, s->y2, NULL))
        return false;
    if (!s->skipped && ct__run_differs(&v, s->y2, s->y, s->outputs) >= 0)
        ct__check_fail_value(s->c, v.wrong);
    return true;
}

/* -- The same tensor twice: x_j is x_i. Its cotangent is the sum of those of two equal tensors */
static bool are_alike(const ct_tensor *a, const ct_tensor *b)
{
    return ct__is_float(a->dtype) && a->dtype == b->dtype && ct__same_shape(a, b);
}

/* op: the operator, or NULL for the trial's */
static bool compare_pair(ct__runs *s, int i, int j, const ct_op *op)
{
    char wrong[80];
    snprintf(wrong, sizeof wrong, "%s differs if inputs %d and %d are the same tensor",
             op ? "vjp" : "the result", i, j);
    ct__variant v = { .wrong = wrong, .op = op, .u = s->u, .same = j + 1, .as = i }, right = v;
    right.flat = true;
    if (!ct__run(s, &right, NULL, s->g3))
        return false;
    if (s->skipped || !ct__run(s, &v, NULL, s->g2))
        return s->skipped;
    const ct__part *a = NULL, *b = NULL;
    for (int k = 0; k < s->c->inputs; k++) {
        a = s->c->parts[k].input == i ? &s->c->parts[k] : a;
        b = s->c->parts[k].input == j ? &s->c->parts[k] : b;
    }
    for (int64_t k = 0; k < a->count; k++) {
        s->g3[a->first + k] += s->g3[b->first + k];
        if (!isfinite(s->g3[a->first + k])) /* equal inputs do not belong into this operator */
            return true;
    }
    int64_t k = s->skipped ? -1 : ct__run_differs(&v, s->g2 + a->first, s->g3 + a->first, a->count);
    if (k >= 0)
        ct__check_fail(s->c, a->first + k, s->g2[a->first + k], s->g3[a->first + k], wrong);
    return true;
}

static bool compare_same(ct__runs *s)
{
    ct__check *c = s->c;
    ct_op composed = *s->t->op;
    const ct_op *const rules[] = { NULL, composed.vjp && composed.backward ? &composed : NULL };
    composed.backward = NULL;
    for (int i = 0; i < c->n; i++)
        for (int j = i + 1; j < c->n; j++)
            for (int k = 0; k < (rules[1] ? 2 : 1) && c->verdict != CT_GRADCHECK_FAIL; k++)
                if (are_alike(c->given[i], c->given[j]) && !compare_pair(s, i, j, rules[k]))
                    return false;
    return true;
}

/* -- An output that is not used has a cotangent that is NULL, which must do what zeros do */
static bool compare_unused(ct__runs *s)
{
    ct_op composed = *s->t->op;
    bool both = composed.vjp && composed.backward;
    composed.backward = NULL;
    for (int i = 0; i < ct__trial_output_count(s->t->op); i++)
        for (int by_vjp = 0; by_vjp <= both && s->c->verdict != CT_GRADCHECK_FAIL; by_vjp++) {
            char wrong[80];
            snprintf(wrong, sizeof wrong, "%s differs if output %d alone is used",
                     by_vjp ? "vjp" : "the result", i);
            ct__variant v = { .wrong = wrong, .u = s->u, .used = i + 1,
                              .op = by_vjp ? &composed : NULL }, right = v;
            right.flat = true;
            if (!compare_with(s, &v, &right))
                return false;
        }
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

static bool compare_value(ct__runs *s)
{
    return compare_unrecorded(s, (ct_dtype)0) &&
           (s->c->verdict == CT_GRADCHECK_FAIL || compare_unrecorded(s, CT_F32));
}

static bool compare_all(ct__runs *s)
{
    ct__check *c = s->c;
    bool (*const each[])(ct__runs *) = { ct__check_product, compare_value, compare_same,
                                         compare_linear, ct__check_forward };
    for (size_t i = 0; i < sizeof each / sizeof *each && c->verdict != CT_GRADCHECK_FAIL; i++)
        if (!each[i](s))
            return false;
    bool several = ct__trial_output_count(s->t->op) > 1 && s->outputs == 1;
    return !several || c->verdict == CT_GRADCHECK_FAIL || compare_unused(s);
}

bool ct__check_structure(ct__check *c, const ct__trial *trial)
{
    ct__runs s;
    return c->inputs == 0 || (ct__runs_begin(&s, c, trial) && compare_all(&s));
}
