/* Derivatives of an operator at its samples, and running out of memory in them. */
#include "walk.h"

#include <limits.h>

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

/* -- Faults */
static const ct_op *failing;   /* NULL: the functions */
static int at;                 /* the sample or the function */

static bool failing_sample(sample *s, ct_context *c, void *attributes)
{
    if (failing)
        return sample_of(s, c, failing, at, attributes);
    return at < composed_count && sample_of_function(s, c, at);
}

void walk_ask(const sample *s)
{
    ct_tensor *y[TASK_INPUTS], *targets[TASK_INPUTS], *g[TASK_INPUTS], *h[TASK_INPUTS];
    int n = 0;
    for (int k = 0; k < s->n; k++)
        if (is_float(s->x[k]) && !(s->op && s->op->flags & CT_OP_UPDATE))
            targets[n++] = ct_variable(s->x[k]);
    apply(s, s->x, y);
    if (!is_float(y[0]) || !ct_requires_grad(y[0]))
        return;
    ct_grad(ct_sum(y[0]), NULL, targets, n, CT_ZERO_PATH, g);
    ct_grad(ct_sum(ct_mul(y[0], y[0])), NULL, targets, n, CT_CREATE_GRAPH | CT_ZERO_PATH, g);
    ct_grad(ct_sum(g[0]), NULL, targets, n, CT_ZERO_PATH, h);
    ct_tangent(y[0], targets, targets, n, CT_CREATE_GRAPH);
}

static void use(ct_context *c)
{
    _Alignas(16) char attributes[ATTRIBUTES];
    sample s;
    if (failing_sample(&s, c, attributes))
        walk_ask(&s);
}

/* valgrind would take an hour for all samples, of which AddressSanitizer sees the same */
#if defined(UNDER_VALGRIND)
enum { FAILING = 1 };
#else
enum { FAILING = INT_MAX };
#endif

bool walk_faults(const ct_op *op)
{
    _Alignas(16) char attributes[ATTRIBUTES];
    sample s;
    failing = op;
    for (at = 0; at < FAILING && failing_sample(&s, cx, attributes); at++) {
        use(cx);
        if (ct_error(cx) != CT_OK)
            return wrong(&s, "sample %d: %s", at, ct_error_text(cx));
        const char *fault = fault_of_allocations(use, 1);
        if (fault)
            return wrong(&s, "sample %d: %s", at, fault);
    }
    return true;
}
