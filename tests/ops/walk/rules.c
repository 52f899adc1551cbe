/* Derivatives of an operator at its samples, and running out of memory in them. */
#include "walk.h"

bool walk_derivatives(const ct_op *op)
{
    const sample s = { .name = op->name };
    ct_gradcheck_report report;
    bool none = op->flags & (CT_OP_CONSTANT | CT_OP_UPDATE);
    ct_verdict want = none ? CT_GRADCHECK_INVALID : CT_GRADCHECK_PASS;
    ct_verdict verdict = ct_gradcheck_op(cx, op, &(ct_gradcheck_options){ .order = 2 }, &report);
    if (verdict != want || (none && !strstr(report.diagnosis, "no derivative")))
        return wrong(&s, "%s", ct_gradcheck_text(cx, &report));
    return true;
}

/* -- Faults: forward, backward by kernel, backward by rule, and twice, at the first sample */
static const ct_op *failing;

static void use(ct_context *c)
{
    _Alignas(16) char attributes[ATTRIBUTES];
    ct_tensor *y[8] = { NULL }, *targets[TASK_INPUTS], *g[TASK_INPUTS], *h[TASK_INPUTS];
    sample s;
    int n = 0;
    sample_of(&s, c, failing, 0, attributes);
    for (int k = 0; k < s.n; k++)
        if (is_float(s.x[k]) && !(failing->flags & CT_OP_UPDATE))
            targets[n++] = ct_variable(s.x[k]);
    ct_apply_all(failing, attributes, s.x, s.n, y);
    if (!is_float(y[0]) || !ct_requires_grad(y[0]))
        return;
    ct_grad(ct_sum(y[0]), NULL, targets, n, CT_ZERO_PATH, g);
    ct_grad(ct_sum(ct_mul(y[0], y[0])), NULL, targets, n, CT_CREATE_GRAPH | CT_ZERO_PATH, g);
    ct_grad(ct_sum(g[0]), NULL, targets, n, CT_ZERO_PATH, h);
}

bool walk_faults(const ct_op *op)
{
    const sample s = { .name = op->name };
    const char *fault;
    failing = op;
    use(cx);
    if (ct_error(cx) != CT_OK)
        return wrong(&s, "%s", ct_error_text(cx));
    fault = fault_of_allocations(use, 1);
    return !fault || wrong(&s, "%s", fault);
}
