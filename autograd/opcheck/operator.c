/* ct_gradcheck_op: checks an operator at each of its samples. */
#include <stdio.h>

#include "trial.h"

/* what its rules read comes first, since a rule that reads what is not there may do anything */
static bool check_at(ct__check *c, ct_tensor *const *x, int n, const ct__trial *t)
{
    bool done = ct__check_begin(c, x, n) && ct__check_unsaved(c, t);
    if (done && c->verdict != CT_GRADCHECK_FAIL)
        done = ct__check_orders(c);
    if (done && c->verdict != CT_GRADCHECK_FAIL)
        done = ct__check_structure(c, t);
    ct__check_end(c);
    return done;
}

/* *n: the number of its inputs; 0: there is no such sample */
static bool check_sample(ct__check *c, const ct__trial *t, int *n)
{
    ct__scope scope;
    ct__scope_push(c->cx, &scope);
    ct_tensor *x[CT__TRIAL_INPUTS] = { NULL };
    void *attributes = ct__check_room(c, (int64_t)t->op->attributes_size, 1);
    bool done = attributes != NULL;
    *n = done ? ct__trial_draw(c->cx, t, x, attributes) : 0;
    ct__trial_drop(t, attributes, *n);
    if (done && (*n < 0 || *n > CT__TRIAL_INPUTS || ct_error(c->cx) != CT_OK))
        done = ct__check_invalid(c, "sample %d failed: %s", t->sample, ct_error_text(c->cx));
    if (done && *n > 0)
        done = check_at(c, x, *n, t);
    ct__scope_pop(c->cx, &scope);
    return done;
}

/* adds to the diagnosis that `backward` alone is wrong, where vjp passes at this sample */
static void blame(ct__check *c, const ct__trial *t)
{
    if (c->verdict != CT_GRADCHECK_FAIL || c->report->order != 1 || !t->op->vjp || !t->op->backward)
        return;
    ct_op composed = *t->op;
    composed.backward = NULL;
    ct_gradcheck_report report;
    ct__check again;
    ct__trial trial = *t;
    trial.op = &composed;
    int n;
    if (ct__check_open(&again, c->cx, &c->options, &report)) {
        again.f = ct__trial_apply, again.user = &trial;
        again.options = c->options;
        again.options.order = 1;
        check_sample(&again, &trial, &n);
    }
    ct_verdict verdict = ct__check_close(&again);
    if (ct_error(c->cx) != CT_ERROR_MEMORY) /* it is an error of vjp, and c has its verdict */
        ct_error_clear(c->cx);
    if (verdict != CT_GRADCHECK_PASS)
        return;
    size_t length = strlen(c->report->diagnosis);
    snprintf(c->report->diagnosis + length, sizeof c->report->diagnosis - length,
             " (backward is wrong, vjp is right)");
}

static bool can_be_checked(ct__check *c, const ct_op *op)
{
    if (!op) {
        ct_fail(c->cx, CT_ERROR_NULL, "gradcheck_op: the operator is NULL");
        return ct__check_invalid(c, "the operator is NULL");
    }
    if (!op->sample)
        return ct__check_invalid(c, "the operator has no samples");
    if (op->flags & (CT_OP_CONSTANT | CT_OP_UPDATE))
        return ct__check_invalid(c, "nothing to compare: the operator has no derivative");
    return true;
}

static void check_samples(ct__check *c, ct__trial *t)
{
    c->f = ct__trial_apply, c->user = t;
    for (int n = 1; n > 0; t->sample++) {
        if (!check_sample(c, t, &n))
            return;
        if (c->verdict == CT_GRADCHECK_FAIL) {
            blame(c, t);
            return;
        }
    }
}

ct_verdict ct_gradcheck_op(ct_context *cx, const ct_op *op, const ct_gradcheck_options *options,
                           ct_gradcheck_report *report)
{
    ct_gradcheck_report unseen;
    ct__check c;
    if (!ct__check_open(&c, cx, options, report ? report : &unseen))
        return ct__check_close(&c);
    if (op) {
        c.report->op = op->name ? op->name : "";
        c.report->formula = op->formula, c.report->derivative = op->derivative;
    }
    ct__trial t = { .op = op, .seed = c.options.seed };
    if (can_be_checked(&c, op))
        check_samples(&c, &t);
    return ct__check_close(&c);
}
