/* Says in words what a check found. */
#include <math.h>
#include <stdio.h>

#include "checker.h"

const char *ct_verdict_text(ct_verdict verdict)
{
    switch (verdict) {
    case CT_GRADCHECK_INVALID:
        return "INVALID";
    case CT_GRADCHECK_PASS:
        return "PASS";
    case CT_GRADCHECK_FAIL:
        return "FAIL";
    case CT_GRADCHECK_KINK:
        return "KINK";
    case CT_GRADCHECK_INCONCLUSIVE:
        return "INCONCLUSIVE";
    }
    return "unknown";
}

/* -- Text: the report is the caller's, so nothing in it is taken for granted */
/* without the sign of a NaN, which means nothing */
static double plain(double x)
{
    return isnan(x) ? fabs(x) : x;
}

static void print_place(char *out, size_t room, const ct_gradcheck_report *r)
{
    int n = snprintf(out, room, "input %d, entry (", r->input);
    if (r->input < 0) {
        snprintf(out, room, "along a random direction");
        return;
    }
    for (int d = 0; d < r->ndim && d < CT_MAX_DIMS; d++)
        n += snprintf(out + n, room - (size_t)n, "%s%lld", d ? "," : "", (long long)r->index[d]);
    snprintf(out + n, room - (size_t)n, ")");
}

static void print_worst(char *out, size_t room, const ct_gradcheck_report *r)
{
    char where[48 + 21 * CT_MAX_DIMS]; /* an index has at most 20 characters */
    print_place(where, sizeof where, r);
    snprintf(out, room,
             "\n  worst: %s, derivative of order %d"
             "\n  analytic %.15g, numeric %.15g +- %.1e, ratio %.6g"
             "\n  slopes left %.9g, right %.9g, with a step of %.1e"
             "\n  compared %lld, wrong %lld, on a kink %lld; %lld evaluations, seed %llu",
             where, r->order, plain(r->analytic), plain(r->numeric), plain(r->bar),
             plain(r->analytic / r->numeric), plain(r->left), plain(r->right), plain(r->step),
             (long long)r->compared, (long long)r->wrong, (long long)r->kinks,
             (long long)r->evaluations, (unsigned long long)r->seed);
}

const char *ct_gradcheck_text(ct_context *cx, const ct_gradcheck_report *r)
{
    char worst[1024] = "", vertex[80] = "";
    if (!cx || !r)
        return ct_fail(cx, CT_ERROR_NULL, "gradcheck_text: the report is NULL"), "(null)";
    const char *op = r->op ? r->op : "", *formula = r->formula ? r->formula : "";
    const char *derivative = r->derivative ? r->derivative : "";
    if (r->compared > 0)
        print_worst(worst, sizeof worst, r);
    if (r->name)
        snprintf(vertex, sizeof vertex, "\n  vertex %lld %.50s", (long long)r->vertex, r->name);
    return ct__scope_text(
        cx, "gradcheck%s%s: %s%s%s%s%s%s%s%s%.*s", op[0] ? " " : "", op,
        ct_verdict_text(r->verdict), vertex, formula[0] ? "\n  " : "", formula,
        derivative[0] ? "\n  " : "", derivative, worst, r->diagnosis[0] ? "\n  " : "",
        (int)sizeof r->diagnosis, r->diagnosis);
}
