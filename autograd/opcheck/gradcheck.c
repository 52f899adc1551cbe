/* ct_gradcheck: one function at one point. ct_gradcheck_graph: the operators of a graph. */
#include "graph_check.h"

ct_verdict ct_gradcheck(ct_context *cx, ct_function f, void *user, ct_tensor *const *x, int n,
                        const ct_gradcheck_options *options, ct_gradcheck_report *report)
{
    ct_gradcheck_report unseen;
    ct__check c;
    if (!ct__check_open(&c, cx, options, report ? report : &unseen))
        return ct__check_close(&c);
    if (!f || n < 0 || (n > 0 && !x)) {
        ct_fail(cx, CT_ERROR_NULL, "gradcheck: the function or its inputs are NULL");
        ct__check_invalid(&c, "%s", ct_error_text(cx));
        return ct__check_close(&c);
    }
    c.f = f, c.user = user, c.explain = ct__check_explain;
    if (ct__check_begin(&c, x, n))
        ct__check_orders(&c);
    ct__check_end(&c);
    return ct__check_close(&c);
}

ct_verdict ct_gradcheck_graph(ct_context *cx, ct_tensor *y, const ct_gradcheck_options *options,
                              ct_gradcheck_each each, void *user, ct_gradcheck_report *report)
{
    ct_gradcheck_report unseen;
    const ct__vertex_seen seen = { each, user };
    ct__check c;
    bool open = ct__check_open(&c, cx, options, report ? report : &unseen);
    const char *why = NULL;
    if (open && (!y || !ct__alive(y, "gradcheck_graph") || y->cx != cx))
        why = y ? "y is of another context, or stale" : "y is NULL";
    else if (open && !(y->flags & CT__REQUIRES_GRAD && y->op))
        why = "nothing is recorded: y depends on no variable";
    if (why && ct_error(cx) == CT_OK)
        ct_fail(cx, y ? CT_ERROR_GRAPH : CT_ERROR_NULL, "gradcheck_graph: %s", why);
    if (why)
        ct__check_invalid(&c, "%s", ct_error_text(cx));
    if (open && !why) {
        ct__scope scope;
        ct__scope_push(cx, &scope);
        c.verdict = ct__check_graph(cx, y, options, &seen, c.report);
        ct__scope_pop(cx, &scope);
    }
    return ct__check_close(&c);
}
