/* Says in words what the wrong entries have in common. */
#include <math.h>
#include <stdio.h>

#include "checker.h"

static void say(ct__check *c, const char *text)
{
    snprintf(c->report->diagnosis, sizeof c->report->diagnosis, "%s", text);
}

static bool is_wrong(const ct__check *c, int64_t k)
{
    return c->verdicts[k] == CT_GRADCHECK_FAIL;
}

static bool within(double a, double b, double relative)
{
    return fabs(a - b) <= relative * fmax(fabs(a), fabs(b));
}

static bool close_to(double a, double b)
{
    return within(a, b, 1e-5);
}

/* how far the slope that was seen at entry k may be from the right one, relatively */
static double doubt(const ct__check *c, int64_t k)
{
    return 1e-5 + fmin(2 * c->bars[k] / fabs(c->numeric[k]), 0.02);
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

/* One entry is wrong, and enough others are right; or it accounts for all that is wrong along a
 * direction, and so no others were looked at. */
static bool is_alone(const ct__check *c)
{
    int64_t wrong = 0, compared = 0;
    for (int64_t k = 0; k < c->entries; k++) {
        wrong += is_wrong(c, k);
        compared += c->verdicts[k] >= 0;
    }
    return wrong == 1 && c->entries > 1 && (compared == 1 || compared >= 8);
}

static bool find_alone(ct__check *c)
{
    if (is_alone(c))
        snprintf(c->report->diagnosis, sizeof c->report->diagnosis,
                 "this entry alone is wrong, by %.6g; the other %lld are right",
                 c->report->analytic - c->report->numeric, (long long)c->entries - 1);
    return is_alone(c);
}

static void scale_cotangent(ct__check *c, double by)
{
    for (int64_t j = 0; j < c->u->count; j++)
        ((double *)(void *)c->u->data)[j] *= by;
}

/* how does the gradient change when the cotangent shrinks? */
static bool find_ignored(ct__check *c)
{
    int64_t n = c->entries;
    bool same = true, linear = true;
    double *was = c->direction;
    if (c->order != 1 || c->u->dtype != CT_F64 || is_alone(c))
        return false;
    memcpy(was, c->analytic, (size_t)n * sizeof *was);
    scale_cotangent(c, 1.0 / 64);
    bool done = ct__check_derive(c);
    scale_cotangent(c, 64);
    for (int64_t k = 0; k < n && done; k++) {
        same &= !is_wrong(c, k) || close_to(c->analytic[k], was[k]);
        linear &= !is_wrong(c, k) || close_to(64 * c->analytic[k], was[k]);
    }
    memcpy(c->analytic, was, (size_t)n * sizeof *was);
    if (done && same)
        say(c, "the same whatever the cotangent: it is ignored");
    else if (done && !linear)
        say(c, "not linear in the cotangent");
    return done && (same || !linear);
}

/* unsure: how far the ratio may be off, relatively */
static const char *reading(const ct__check *c, double ratio, double unsure, char *text,
                           size_t room)
{
    double size = fabs(ratio) >= 1 ? ratio : 1 / ratio;
    if (within(ratio, -1, unsure))
        return "minus the right value: a sign is wrong";
    if (within(ratio, 2, unsure))
        return "twice the right value: is a cotangent added once too often?";
    if (within(ratio, 0.5, unsure))
        return "half the right value: is one of two contributions lost?";
    bool counts = false;
    for (int i = 0; i < c->part_count; i++) {
        const ct_tensor *x = c->parts[i].x;
        counts |= close_to(size, (double)x->count);
        for (int d = 0; d < x->ndim; d++)
            counts |= close_to(size, (double)ct__shape(x)[d]);
    }
    const char *format = "%g times the right value";
    if (counts && size == ratio)
        format = "%g times the right value, a number of elements: a sum for a mean?";
    else if (counts)
        format = "1/%g of the right value, a number of elements: a mean for a sum?";
    snprintf(text, room, format, counts ? size : ratio);
    return text;
}

/* the entry of those that are wrong whose slope was seen best; -1: none is wrong */
static int64_t sharpest(const ct__check *c)
{
    int64_t best = -1;
    for (int64_t k = 0; k < c->entries; k++)
        if (is_wrong(c, k) && (best < 0 || doubt(c, k) < doubt(c, best)))
            best = k;
    return best;
}

static bool find_ratio(ct__check *c)
{
    int64_t best = sharpest(c), wrong = 0;
    double ratio = c->analytic[best] / c->numeric[best], unsure = doubt(c, best);
    for (int64_t k = 0; k < c->entries; k++) {
        if (!is_wrong(c, k))
            continue;
        wrong++;
        if (k != best && !within(c->analytic[k], ratio * c->numeric[k], unsure + doubt(c, k)))
            return false;
    }
    char text[100];
    bool telling = wrong > 1 || within(fabs(ratio), 1, unsure) || within(ratio, 2, unsure);
    if (telling && isfinite(ratio))
        say(c, reading(c, ratio, unsure, text, sizeof text));
    return telling && isfinite(ratio);
}

/* the matrix' shape is (m,n), and what was computed has the shape (n,m) */
static bool find_transposed(ct__check *c)
{
    for (int i = 0; i < c->part_count; i++) {
        const ct__part *part = &c->parts[i];
        if (part->x->ndim != 2)
            continue;
        int64_t m = part->x->dims[0], n = part->x->dims[1], wrong = 0;
        bool fits = true;
        for (int64_t k = part->first; k < part->first + part->count; k++) {
            int64_t at = k - part->first, other = part->first + at % m * n + at / m;
            wrong += is_wrong(c, k);
            fits &= c->verdicts[k] >= 0 &&
                    (c->analytic[k] == c->numeric[other] ||
                     within(c->analytic[k], c->numeric[other], doubt(c, other)));
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
    else if (!find_values(c) && !find_ignored(c) && !find_ratio(c) && !find_transposed(c) &&
             !find_alone(c))
        snprintf(r->diagnosis, sizeof r->diagnosis,
                 "no simple pattern: %lld of the %lld compared are wrong", (long long)r->wrong,
                 (long long)r->compared);
}
