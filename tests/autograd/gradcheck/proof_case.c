/* One case of the proof: its inputs, its check, and what is expected of the report. */
#include "proof.h"

#include <cotangent/op.h>
#include <string.h>

#include "proof_rules.h"

ct_verdict proof_check(ct_context *cx, const proof_case *p, uint64_t seed,
                       ct_gradcheck_report *report)
{
    const ct_gradcheck_options options = { .order = p->order, .seed = seed, .quick = p->quick,
                                           .rtol = p->rtol };
    rule_reset();
    if (p->op)
        return ct_gradcheck_op(cx, p->op, &options, report);
    ct_tensor *x[PROOF_INPUTS];
    ct_seed(cx, seed);
    int n = p->inputs(cx, x, p->user);
    if (p->kind[0] == 'i' && p->user) /* a function that counts its calls */
        *(int *)p->user = 0;
    if (!p->culprit)
        return ct_gradcheck(cx, p->f, p->user, x, n, &options, report);
    for (int i = 0; i < n; i++)
        ct_variable(x[i]);
    return ct_gradcheck_graph(cx, p->f(cx, x, n, p->user), &options, NULL, NULL, report);
}

static int64_t place(const ct_gradcheck_report *r, const proof_case *p)
{
    int64_t k = 0;
    static const int64_t wide[] = { 100, 4 };
    for (int d = 0; d < r->ndim; d++) /* broken entries lie in the first row, or are the last */
        k = k * wide[p->quick ? 0 : 1] + r->index[d];
    return k;
}

bool proof_is_right(const proof_case *p, const ct_gradcheck_report *r, const char **why)
{
    *why = NULL;
    if (r->verdict != p->want)
        *why = "the verdict";
    else if (!strstr(r->diagnosis, p->fragment))
        *why = "the diagnosis";
    else if (p->op && strcmp(r->op, p->op->name) != 0)
        *why = "the operator";
    else if (p->culprit && strcmp(r->op, p->culprit) != 0)
        *why = "the operator of the graph";
    else if (p->entry >= 0 && place(r, p) != p->entry)
        *why = "the index";
    return !*why;
}
