/* A rule may read only the data that its operator saves. Other data may have been written over, or
 * be gone, when the rule runs; a rule that reads them then gives a wrong gradient, silently.
 *
 * So each input, output and auxiliary that `saves` does not list is overwritten between `forward`
 * and the rule, without a new version of its data, and the gradient must stay the same. Shapes may
 * be read, and are kept. In these runs the operator saves everything, so that a wrong rule finds
 * data to read where it would otherwise find NULL; its rules do not see that. */
#include <math.h>
#include <stdio.h>

#include "trial.h"

/* an operator that saves everything in place of `real` */
typedef struct generous {
    ct_op op; /* comes first: a call's operator is this one */
    const ct_op *real;
} generous;

static ct_call as_real(const ct_call *call)
{
    ct_call as = *call;
    as.op = ((const generous *)(const void *)call->op)->real;
    return as;
}

static ct_status real_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    const ct_call as = as_real(call);
    return as.op->backward(&as, gy, gx);
}

static ct_status real_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const ct_call as = as_real(call);
    return as.op->vjp(&as, gy, gx);
}

static generous with_everything_saved(const ct_op *real)
{
    generous g = { .op = *real, .real = real };
    g.op.saves = CT_SAVE_ALL_X | CT_SAVE_AUX;
    for (int i = 0; i < CT__TRIAL_OUTPUTS; i++)
        g.op.saves |= CT_SAVE_Y(i);
    return g;
}

static bool is_saved(const ct_op *op, ct__target target)
{
    if (op->flags & CT_OP_VIEW && target.kind != CT__AUXILIARY && target.index == 0)
        return op->saves & (CT_SAVE_X(0) | CT_SAVE_Y(0)); /* they share their data */
    if (target.kind == CT__INPUT)
        return ct__saves_x(op, (uint32_t)target.index);
    return op->saves & (target.kind == CT__OUTPUT ? CT_SAVE_Y(target.index) : CT_SAVE_AUX);
}

static bool compare_target(ct__runs *s, const char *rule, ct__target target)
{
    static const char *const kinds[] = { "nothing", "input", "output", "auxiliary" };
    char wrong[100];
    snprintf(wrong, sizeof wrong, "%s reads %s %d, which `saves` does not list", rule,
             kinds[target.kind], target.index);
    for (target.fill = 0; target.fill < CT__FILLS; target.fill++) {
        const ct__variant v = { .wrong = wrong, .u = s->u, .target = target };
        if (!ct__run(s, &v, s->y2, s->g2))
            return false;
        if (s->skipped) /* there is no such target */
            return true;
        int64_t k = ct__run_differs(&v, s->g2, s->g, s->entries);
        if (k >= 0 && !ct__runs_steady(s))
            return false;
        if (k >= 0)
            return ct__check_fail(s->c, k, s->g2[k], s->g[k], wrong), true;
    }
    return true;
}

static bool is_finite(const ct__runs *s)
{
    bool finite = true;
    for (int64_t k = 0; k < s->entries; k++)
        finite &= isfinite(s->g[k]) != 0;
    return finite;
}

/* op: the trial's, with that rule only, and saving everything */
static bool compare_rule(ct__check *c, const ct__trial *trial, const ct_op *op, const char *rule)
{
    ct__runs s;
    ct__trial with_op = *trial;
    with_op.op = op;
    if (!ct__runs_begin(&s, c, &with_op) || !ct__runs_steady(&s))
        return false;
    bool finite = is_finite(&s);
    const int counts[] = { [CT__INPUT] = c->n, [CT__OUTPUT] = ct__trial_output_count(op),
                           [CT__AUXILIARY] = 8 };
    for (int kind = CT__INPUT; finite && kind <= CT__AUXILIARY; kind++) {
        for (int i = 0; i < counts[kind] && c->verdict != CT_GRADCHECK_FAIL; i++) {
            const ct__target target = { .kind = (ct__kind)kind, .index = i };
            s.skipped = false;
            if (!is_saved(trial->op, target) && !compare_target(&s, rule, target))
                return false;
            if (s.skipped)
                break;
        }
    }
    return true;
}

bool ct__check_unsaved(ct__check *c, const ct__trial *trial)
{
    const ct_op *op = trial->op;
    generous backward = with_everything_saved(op), vjp = backward;
    backward.op.backward = real_backward, backward.op.vjp = NULL;
    vjp.op.vjp = real_vjp, vjp.op.backward = NULL;
    if (c->entries == 0)
        return true;
    if (op->backward && !compare_rule(c, trial, &backward.op, "backward"))
        return false;
    if (!op->vjp || c->verdict == CT_GRADCHECK_FAIL)
        return true;
    return compare_rule(c, trial, &vjp.op, "vjp");
}
