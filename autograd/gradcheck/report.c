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

/* -- Diagnosis: what do the wrong entries have in common? */
static void say(ct__check *c, const char *text)
{
    snprintf(c->report->diagnosis, sizeof c->report->diagnosis, "%s", text);
}

static bool is_wrong(const ct__check *c, int64_t k)
{
    return c->verdicts[k] == CT_GRADCHECK_FAIL;
}

static bool close_to(double a, double b)
{
    return fabs(a - b) <= 1e-5 * fmax(fabs(a), fabs(b));
}

static bool find_values(ct__check *c)
{
    bool zero = true, finite = true;
    for (int64_t k = 0; k < c->entries; k++) {
        zero &= !is_wrong(c, k) || c->analytic[k] == 0;
        finite &= !is_wrong(c, k) || isfinite(c->analytic[k]);
    }
    if (!finite)
        say(c, "not finite, where the function is");
    else if (zero && !c->connected)
        say(c, "zero: as recorded, the value does not depend on it (detached? without recording?)");
    else if (zero)
        say(c, "zero where it should not be: is a contribution lost, or the graph cut?");
    return !finite || zero;
}

/* how does the gradient change when the cotangent is doubled? */
static bool find_ignored(ct__check *c)
{
    int64_t n = c->entries;
    bool same = true, linear = true;
    double *was = c->direction;
    if (c->order != 1 || c->u->dtype != CT_F64)
        return false;
    memcpy(was, c->analytic, (size_t)n * sizeof *was);
    for (int64_t j = 0; j < c->u->count; j++)
        ((double *)(void *)c->u->data)[j] *= 2;
    bool done = ct__check_derive(c);
    for (int64_t k = 0; k < n && done; k++) {
        same &= close_to(c->analytic[k], was[k]);
        linear &= close_to(c->analytic[k], 2 * was[k]);
    }
    memcpy(c->analytic, was, (size_t)n * sizeof *was);
    if (done && same)
        say(c, "the same whatever the cotangent: it is ignored");
    else if (done && !linear)
        say(c, "not linear in the cotangent");
    return done && (same || !linear);
}

static const char *reading(const ct__check *c, double ratio, char *text, size_t room)
{
    const ct__part *part = NULL;
    for (int i = 0; i < c->part_count; i++)
        part = c->parts[i].input == c->report->input ? &c->parts[i] : part;
    double size = fabs(ratio) >= 1 ? ratio : 1 / ratio;
    if (close_to(ratio, -1))
        return "minus the right value: a sign is wrong";
    if (close_to(ratio, 2))
        return "twice the right value: is a cotangent added once too often?";
    if (close_to(ratio, 0.5))
        return "half the right value: is one of two contributions lost?";
    bool counts = part && close_to(size, (double)part->count);
    for (int d = 0; part && d < part->x->ndim; d++)
        counts |= close_to(size, (double)ct__shape(part->x)[d]);
    const char *format = "%g times the right value";
    if (counts && size == ratio)
        format = "%g times the right value, a number of elements: a sum for a mean?";
    else if (counts)
        format = "1/%g of the right value, a number of elements: a mean for a sum?";
    snprintf(text, room, format, counts ? size : ratio);
    return text;
}

static bool find_ratio(ct__check *c)
{
    double ratio = NAN;
    int64_t wrong = 0;
    for (int64_t k = 0; k < c->entries; k++) {
        if (!is_wrong(c, k))
            continue;
        if (wrong++ == 0)
            ratio = c->analytic[k] / c->numeric[k];
        if (!close_to(c->analytic[k], ratio * c->numeric[k]))
            return false;
    }
    char text[100];
    bool telling = wrong > 1 || close_to(fabs(ratio), 1) || close_to(ratio, 2);
    if (telling && isfinite(ratio))
        say(c, reading(c, ratio, text, sizeof text));
    return telling && isfinite(ratio);
}

static bool find_transposed(ct__check *c)
{
    for (int i = 0; i < c->part_count; i++) {
        const ct__part *part = &c->parts[i];
        if (part->x->ndim != 2 || part->x->dims[0] != part->x->dims[1])
            continue;
        int64_t n = part->x->dims[0], wrong = 0;
        bool fits = true;
        for (int64_t k = part->first; k < part->first + part->count; k++) {
            int64_t at = k - part->first, other = part->first + at % n * n + at / n;
            wrong += is_wrong(c, k);
            fits &= c->verdicts[k] >= 0 && (c->analytic[k] == c->numeric[other] ||
                                            close_to(c->analytic[k], c->numeric[other]));
        }
        if (fits && wrong > 1)
            return say(c, "transposed: entry (i,j) has the value of (j,i)"), true;
    }
    return false;
}

void ct__check_diagnose(ct__check *c)
{
    ct_gradcheck_report *r = c->report;
    bool named = false;
    for (int64_t k = 0; k < c->entries; k++)
        named |= is_wrong(c, k);
    if (!named)
        say(c, "wrong along a direction, though at no single entry that was compared");
    else if (!find_values(c) && !find_ignored(c) && !find_ratio(c) && !find_transposed(c))
        snprintf(r->diagnosis, sizeof r->diagnosis,
                 "no simple pattern: %lld of the %lld compared are wrong", (long long)r->wrong,
                 (long long)r->compared);
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
    char worst[1024] = "";
    if (!cx || !r)
        return ct_fail(cx, CT_ERROR_NULL, "gradcheck_text: the report is NULL"), "(null)";
    const char *op = r->op ? r->op : "", *formula = r->formula ? r->formula : "";
    const char *derivative = r->derivative ? r->derivative : "";
    if (r->compared > 0)
        print_worst(worst, sizeof worst, r);
    return ct__scope_text(
        cx, "gradcheck%s%s: %s%s%s%s%s%s%s%.*s", op[0] ? " " : "", op,
        ct_verdict_text(r->verdict), formula[0] ? "\n  " : "", formula,
        derivative[0] ? "\n  " : "", derivative, worst, r->diagnosis[0] ? "\n  " : "",
        (int)sizeof r->diagnosis, r->diagnosis);
}
