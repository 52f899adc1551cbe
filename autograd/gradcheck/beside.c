/* Where kinks meet, a right derivative may differ from every slope: of |x| - |-x|, say, whose two
 * kinks cancel. So a derivative that seems wrong is looked at nearby too.
 *
 * First the rest of the point is moved a little, which parts kinks that merely met; then the entry
 * as well. A derivative that is wrong there too is wrong. If it is right beside, and the slope at
 * the point has a kink, that is enough. If it has none, then what is wrong at this point alone must
 * be explained: numbers that tie are moved together, which is smooth, and the derivatives must add
 * up to that slope; or else each operator behind the value must be right by itself.
 *
 * A derivative that is itself rounded as far as it seems to be off cannot be called wrong. */
#include <float.h>
#include <math.h>

#include "checker.h"

enum { POINTS = 3, CLOSELY = 8 };
#define ASIDE 1e-4 /* how far the point is moved, in units of its entries' sizes */

/* -- At another point */
static bool look_there(ct__check *c, const ct__aim *aim, ct__finding *found, bool all)
{
    int64_t n = c->entries, m = c->outputs;
    if (!c->aside && !(c->aside = ct__check_room(c, 2 * n + m, sizeof *c->aside)))
        return false;
    double *start = c->aside, *analytic = start + n, *y = analytic + n;
    memcpy(start, c->start, (size_t)n * sizeof *start);
    memcpy(analytic, c->analytic, (size_t)n * sizeof *analytic);
    memcpy(y, c->y, (size_t)m * sizeof *y);
    ct__check_aim(c, false);
    for (int64_t k = 0; k < n; k++)
        c->start[k] += k == aim->entry && !all ? 0 : ASIDE * c->direction[k];
    ct__check_move(c, 0);
    bool done = ct__check_values(c, c->y) && ct__check_derive(c) &&
                ct__check_look_closely(c, aim, found);
    memcpy(c->start, start, (size_t)n * sizeof *start);
    memcpy(c->analytic, analytic, (size_t)n * sizeof *analytic);
    memcpy(c->y, y, (size_t)m * sizeof *y);
    ct__check_move(c, 0);
    return done;
}

/* -- Is there anything special about the point? Random numbers are not special. */
static bool is_short(double x)
{
    return x == 0 || (fabs(x) < 1e6 && x * 1024 == floor(x * 1024));
}

static bool ties(const ct__check *c, int64_t a, int64_t b)
{
    return fabs(c->start[a]) == fabs(c->start[b]);
}

static bool is_special(const ct__check *c, int64_t entry)
{
    if (entry < 0 || is_short(c->start[entry]))
        return true;
    for (int64_t k = 0; k < c->entries; k++)
        if (k != entry && ties(c, k, entry))
            return true;
    return false;
}

/* -- Ties */
/* into `whole`: the entry and all that are equal to it, moving together; returns how many */
static int64_t together(const ct__check *c, int64_t entry, double *whole)
{
    int64_t count = 0;
    for (int64_t k = 0; k < c->entries; k++) {
        bool moves = c->start[k] == c->start[entry];
        whole[k] = moves ? ct__check_size(c, entry) : 0;
        count += moves;
    }
    return count;
}

/* do the derivatives of what ties add up? *smooth: it is known */
static bool add_up(ct__check *c, int64_t entry, ct__finding *found, bool *smooth)
{
    double *whole = ct__check_room(c, c->entries, sizeof *whole);
    const ct__aim aim = { .entry = -1, .to = c->entries, .whole = whole };
    *smooth = false;
    if (!whole || together(c, entry, whole) < 2)
        return whole != NULL;
    if (!ct__check_look_closely(c, &aim, found))
        return false;
    *smooth = found->verdict == CT_GRADCHECK_PASS || found->verdict == CT_GRADCHECK_FAIL;
    return true;
}

static bool explain(ct__check *c, int64_t entry, ct__finding *found)
{
    bool smooth = false, kinks = false;
    ct__finding tied;
    if (entry >= 0 && !add_up(c, entry, &tied, &smooth))
        return false;
    if (smooth && tied.verdict == CT_GRADCHECK_PASS) {
        found->verdict = CT_GRADCHECK_KINK;
        return true;
    }
    if (c->explained == CT__UNKNOWN && c->explain && !c->explain(c, &kinks))
        return false;
    if (c->explained == CT__UNKNOWN)
        c->explained = kinks ? CT__KINKS : CT__NO_KINKS;
    if (c->explained == CT__KINKS)
        found->verdict = CT_GRADCHECK_KINK;
    return true;
}

/* -- All of it */
static bool is_rounded_away(ct__check *c, const ct__aim *aim, ct__finding *found)
{
    double most = 0;
    if (isfinite(found->analytic) && !ct__check_wobble(c, found->sure ? 1 : CT__WOBBLES))
        return false;
    for (int64_t k = 0; k < c->entries && isfinite(found->analytic); k++)
        if (aim->entry < 0 ? k >= aim->from && k < aim->to : k == aim->entry)
            most += c->again[k] * (aim->entry < 0 ? fabs(aim->whole[k]) : 1);
    if (fabs(found->analytic - found->slope.value) <= 8 * most)
        found->verdict = CT_GRADCHECK_INCONCLUSIVE;
    return true;
}

/* Rounding can look like a slope, though hardly at several points in succession. So a derivative
 * that only a scan found wrong must be wrong at another point too. Where a point does not tell, the
 * next is asked. */
static bool confirm_beside(ct__check *c, const ct__aim *aim, ct__finding *found)
{
    ct_verdict verdict = CT_GRADCHECK_INCONCLUSIVE;
    for (int i = 0; i < POINTS && verdict == CT_GRADCHECK_INCONCLUSIVE; i++) {
        ct__finding beside;
        if (!look_there(c, aim, &beside, true))
            return false;
        verdict = beside.verdict;
    }
    if (verdict != CT_GRADCHECK_FAIL)
        found->verdict = CT_GRADCHECK_INCONCLUSIVE;
    return true;
}

static bool wrong_beside(ct__check *c, const ct__aim *aim, ct__finding *found)
{
    ct__finding beside;
    bool kinked = found->slope.kind == CT__KINK, smooth = found->slope.kind == CT__SMOOTH;
    if (smooth && !is_special(c, aim->entry))
        return found->sure || confirm_beside(c, aim, found);
    if (!look_there(c, aim, &beside, false))
        return false;
    if (beside.verdict != CT_GRADCHECK_FAIL && kinked) {
        found->verdict = CT_GRADCHECK_KINK;
        return true;
    }
    if (beside.verdict == CT_GRADCHECK_FAIL && !look_there(c, aim, &beside, true))
        return false;
    return beside.verdict == CT_GRADCHECK_FAIL || explain(c, aim->entry, found);
}

bool ct__check_one(ct__check *c, const ct__aim *aim, ct__finding *found)
{
    if (c->named)
        return c->closely++ < CLOSELY ? ct__check_look_closely(c, aim, found)
                                      : ct__check_look(c, aim, found);
    if (!ct__check_look_closely(c, aim, found))
        return false;
    bool kinked = aim->entry < 0 && found->slope.kind == CT__KINK;
    if (kinked && found->verdict == CT_GRADCHECK_KINK) { /* a right one may lie outside, too */
        ct__finding beside;
        if (!look_there(c, aim, &beside, false))
            return false;
        if (beside.verdict == CT_GRADCHECK_FAIL)
            *found = beside;
        return true;
    }
    if (found->verdict == CT_GRADCHECK_FAIL && !is_rounded_away(c, aim, found))
        return false;
    if (found->verdict != CT_GRADCHECK_FAIL || !isfinite(found->analytic))
        return true;
    return wrong_beside(c, aim, found);
}
