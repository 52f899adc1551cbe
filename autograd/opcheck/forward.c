/* Forward mode of an operator: the tangents that its `jvp` gives, or that its flags promise, are
 * those that go with its gradient, <u, J v> = <J^T u, v>. This holds for each entry, where nothing
 * is recorded and where the tangents are; in f32, and for other layouts; and at order 2 for the
 * derivatives of both sides. */
#include <math.h>
#include <stdio.h>

#include "trial.h"

enum { MOST = 64 }; /* with more entries, tangents go along one direction only */

static bool compare_entries(ct__runs *s, bool recorded)
{
    const ct__variant v = { .wrong = recorded ? "the tangent is not that of the gradient, recorded"
                                              : "the tangent is not that of the gradient",
                            .result = CT__TANGENTS, .recorded = recorded, .u = s->u };
    if (!ct__run(s, &v, s->y2, s->g2))
        return false;
    int64_t k = s->skipped ? -1 : ct__run_differs(&v, s->g2, s->g, s->entries);
    if (k >= 0)
        ct__check_fail(s->c, k, s->g2[k], s->g[k], v.wrong);
    return true;
}

static bool compare_along(ct__runs *s, const double *direction, ct__form form, int way)
{
    char wrong[128];
    double sum = 0, size = 0;
    const bool f32 = way & 1, recorded = way & 2;
    snprintf(wrong, sizeof wrong, "the tangent is not that of the gradient%s%s (x %s)",
             f32 ? ", in f32" : "", recorded ? ", recorded" : "", ct__form_text(form));
    const ct__variant v = { .wrong = wrong, .result = CT__ALONG, .recorded = recorded, .u = s->u,
                            .v = direction, .x = form, .dtype = f32 ? CT_F32 : 0 };
    for (int64_t k = 0; k < s->entries; k++) {
        sum += s->g[k] * direction[k];
        size += fabs(s->g[k] * direction[k]);
    }
    if (!ct__run(s, &v, s->y2, s->g2))
        return false;
    if (!s->skipped && !(fabs(s->g2[0] - sum) <= (f32 ? 1e-3 : 1e-9) * size))
        ct__check_fail(s->c, 0, s->g2[0], sum, wrong);
    return true;
}

static bool compare_ways(ct__runs *s, const double *direction)
{
    static const ct__form forms[] = { CT__ROWS, CT__GAPS, CT__COLUMNS, CT__REVERSED };
    const int ways = s->t->op->vjp ? 4 : 2;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        for (int way = 0; way < ways && s->c->verdict != CT_GRADCHECK_FAIL; way++)
            if (!compare_along(s, direction, forms[i], way))
                return false;
    return true;
}

static bool compare_second(ct__runs *s, const double *direction)
{
    const ct__variant right = { .wrong = "the gradient has no derivative", .u = s->u,
                                .result = CT__GRADIENT_ALONG, .v = direction };
    const ct__variant v = { .wrong = "the recorded tangent has not the derivative of the gradient",
                            .u = s->u, .result = CT__TANGENT_GRADIENT, .recorded = true,
                            .v = direction };
    if (!ct__run(s, &right, s->y2, s->g3) || !ct__run(s, &v, s->y2, s->g2))
        return false;
    int64_t k = ct__run_differs(&v, s->g2, s->g3, s->entries);
    if (k >= 0)
        ct__check_fail(s->c, k, s->g2[k], s->g3[k], v.wrong);
    return true;
}

/* By two vjps the tangent is right wherever `vjp` is one for any order, which order 2 asks for. */
static bool is_forward(const ct__runs *s)
{
    const ct_op *op = s->t->op;
    const unsigned promised = CT_OP_SYMMETRIC | CT_OP_LINEAR | CT_OP_VIEW;
    return op->jvp || op->flags & promised || (op->vjp && s->c->options.order == 2);
}

bool ct__check_forward(ct__runs *s)
{
    ct__check *c = s->c;
    double *direction = ct__check_room(c, s->entries, sizeof *direction);
    bool done = direction != NULL;
    for (int64_t k = 0; k < s->entries && done; k++) {
        if (!isfinite(s->g[k]))
            return true;
        direction[k] = ct__check_random(c);
    }
    if (!is_forward(s))
        return done;
    for (int recorded = 0; recorded < (s->t->op->vjp ? 2 : 1) && s->entries <= MOST; recorded++)
        done = done && (c->verdict == CT_GRADCHECK_FAIL || compare_entries(s, recorded));
    done = done && (c->verdict == CT_GRADCHECK_FAIL || compare_ways(s, direction));
    if (c->options.order == 2 && s->t->op->vjp && c->verdict != CT_GRADCHECK_FAIL)
        done = done && compare_second(s, direction);
    return done;
}
