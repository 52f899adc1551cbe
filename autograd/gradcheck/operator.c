/* ct_gradcheck_op: an operator at each of its samples. */
#include <stdio.h>

#include "checker.h"

/* one number or one tensor, of all outputs that are floats */
static ct_tensor *outputs_together(ct_context *cx, const ct__trial *t, ct_tensor **y, int n)
{
    int floats = 0;
    int64_t count = 0;
    for (int i = 0; i < n; i++)
        if (ct__is_float(y[i]->dtype)) {
            count += y[i]->count;
            y[floats++] = y[i];
        }
    if (floats == 1)
        return y[0];
    if (floats == 0)
        return ct_fail(cx, CT_ERROR_DTYPE, "%s: no output is f32 or f64", t->op->name), NULL;
    double *w = (double *)(void *)ct__scope_chars(cx, ((size_t)count + 1) * sizeof *w);
    for (int64_t k = 0; w && k < count; k++)
        w[k] = (double)(ct_random_at(t->seed, (uint64_t)k) >> 44) * 0x1p-19 - 1;
    return w ? ct__combine(y, floats, w) : NULL;
}

/* the inputs and attributes of the trial's sample, always the same ones; how many inputs */
static int draw_sample(ct_context *cx, const ct__trial *t, ct_tensor **x, void *attributes)
{
    cx->seed = t->seed, cx->draws = (uint64_t)t->sample << 32;
    return t->op->sample(cx, t->sample, x, attributes);
}

/* attributes that were not given to an application */
static void drop(const ct__trial *t, void *attributes, int n)
{
    if (t->op->drop && n > 0)
        t->op->drop(attributes);
}

/* the attributes are made anew for each application, which takes them over */
ct_tensor *ct__trial_apply(ct_context *cx, ct_tensor *const *x, int n, void *trial)
{
    const ct__trial *t = trial;
    uint64_t seed = cx->seed, draws = cx->draws;
    ct_tensor *unused[16] = { NULL }, *y[8] = { NULL };
    void *attributes = ct__scope_chars(cx, t->op->attributes_size + 1);
    if (!attributes)
        return NULL;
    memset(attributes, 0, t->op->attributes_size);
    int drawn = draw_sample(cx, t, unused, attributes);
    cx->seed = seed, cx->draws = draws;
    if (ct_error(cx) != CT_OK)
        return drop(t, attributes, drawn), NULL;
    if (ct_apply_all(t->op, attributes, x, n, y) != CT_OK)
        return NULL;
    return outputs_together(cx, t, y, t->op->outputs > 1 ? t->op->outputs : 1);
}

/* false: INVALID. *n: its inputs; 0: there is no such sample */
static bool check_sample(ct__check *c, ct__trial *t, int *n)
{
    ct__scope scope;
    ct__scope_push(c->cx, &scope);
    ct_tensor *x[16] = { NULL };
    void *attributes = ct__check_room(c, (int64_t)t->op->attributes_size, 1);
    *n = attributes ? draw_sample(c->cx, t, x, attributes) : 0;
    drop(t, attributes, *n);
    bool done = attributes != NULL;
    if (done && (*n < 0 || *n > 16 || ct_error(c->cx) != CT_OK))
        done = ct__check_invalid(c, "sample %d failed: %s", t->sample, ct_error_text(c->cx));
    if (done && *n > 0) {
        done = ct__check_begin(c, x, *n) && ct__check_all(c);
        if (done && c->verdict != CT_GRADCHECK_FAIL)
            done = ct__check_structure(c, t);
        ct__check_end(c);
    }
    ct__scope_pop(c->cx, &scope);
    return done;
}

/* is the fused path alone wrong? */
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
    if (ct__check_close(&again) != CT_GRADCHECK_PASS)
        return;
    size_t length = strlen(c->report->diagnosis);
    snprintf(c->report->diagnosis + length, sizeof c->report->diagnosis - length,
             " (backward; vjp is right)");
}

ct_verdict ct_gradcheck_op(ct_context *cx, const ct_op *op, const ct_gradcheck_options *options,
                           ct_gradcheck_report *report)
{
    ct_gradcheck_report unseen;
    ct__check c;
    if (!ct__check_open(&c, cx, options, report ? report : &unseen))
        return ct__check_close(&c);
    c.report->op = op ? op->name : "";
    if (!op)
        ct_fail(cx, CT_ERROR_NULL, "gradcheck_op: the operator is NULL"),
            ct__check_invalid(&c, "the operator is NULL");
    else if (!op->sample)
        ct__check_invalid(&c, "the operator has no samples");
    else if (op->flags & (CT_OP_CONSTANT | CT_OP_UPDATE))
        ct__check_invalid(&c, "nothing to compare: the operator has no derivative");
    ct__trial t = { .op = op, .seed = c.options.seed };
    c.f = ct__trial_apply, c.user = &t;
    for (int n = 1; n > 0 && c.verdict != CT_GRADCHECK_INVALID; t.sample++) {
        bool done = check_sample(&c, &t, &n);
        if (done && c.verdict == CT_GRADCHECK_FAIL)
            blame(&c, &t);
        if (!done || c.verdict == CT_GRADCHECK_FAIL)
            break;
    }
    return ct__check_close(&c);
}
