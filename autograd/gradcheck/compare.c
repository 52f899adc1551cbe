/* Compares slopes with the derivative: at each entry, or for large inputs along random directions
 * and at a sample of entries.
 *
 * If one entry alone is wrong, two directions name it: the error along d is e_k d_k, and along the
 * direction with entries (k + 1) d_k it is k + 1 times as much. If that names no wrong entry, the
 * direction is halved until one entry is left: where the whole is wrong, one of its halves is wrong
 * too. */
#include <math.h>
#include <stdio.h>

#include "checker.h"

enum { DIRECTIONS = 6, PATTERN = 8, GROUPS = 8 };

/* -- What was found */
/* the worse of two verdicts counts */
static int severity(ct_verdict verdict)
{
    static const ct_verdict order[] = { CT_GRADCHECK_PASS, CT_GRADCHECK_KINK,
                                        CT_GRADCHECK_INCONCLUSIVE, CT_GRADCHECK_FAIL };
    int k = 0;
    while (k < 4 && order[k] != verdict)
        k++;
    return k;
}

static void describe(ct__check *c, const ct__aim *aim, const ct__finding *found)
{
    const ct__slope *s = &found->slope;
    ct_gradcheck_report *r = c->report;
    r->order = c->order;
    r->analytic = found->analytic, r->numeric = s->value, r->bar = s->bar;
    r->left = s->left, r->right = s->right, r->step = s->step;
    r->input = -1, r->ndim = 0;
    if (aim->entry >= 0)
        ct__check_place(c, aim->entry);
}

/* how far the two are apart, in units of what is allowed */
static double excess(const ct__check *c, const ct__finding *f)
{
    double allowed = f->slope.bar + ct__check_tolerance(c, f);
    double apart = f->verdict == CT_GRADCHECK_INCONCLUSIVE ? f->slope.bar
                                                           : fabs(f->analytic - f->slope.value);
    if (apart == 0)
        return 0;
    return apart / allowed < INFINITY ? apart / allowed : INFINITY;
}

static bool note(ct__check *c, const ct__aim *aim, const ct__finding *found)
{
    ct_verdict verdict = found->verdict;
    if (verdict == CT_GRADCHECK_INVALID)
        return ct__check_invalid(c, "the function is not finite on both sides of the point, "
                                    "however small the step");
    double score = excess(c, found);
    c->report->compared++;
    c->report->wrong += verdict == CT_GRADCHECK_FAIL;
    c->report->kinks += verdict == CT_GRADCHECK_KINK;
    if (aim->entry >= 0) {
        c->numeric[aim->entry] = found->slope.value, c->bars[aim->entry] = found->slope.bar;
        c->verdicts[aim->entry] = (signed char)verdict;
    }
    if (c->named) /* the report describes an entry that is wrong beyond doubt */
        return true;
    int now = severity(verdict), before = severity(c->verdict);
    bool names = verdict == CT_GRADCHECK_FAIL && aim->entry >= 0;
    if (now > before || (now == before && (score > c->score || names))) {
        c->verdict = verdict, c->score = score;
        describe(c, aim, found);
    }
    c->named = names;
    return true;
}

static bool compare_entry(ct__check *c, int64_t entry)
{
    const ct__aim aim = { .entry = entry };
    ct__finding found;
    if (c->verdicts[entry] >= 0)
        return true;
    return ct__check_one(c, &aim, &found) && note(c, &aim, &found);
}

/* -- From a direction to an entry */
/* whole is left as it is */
static int64_t candidate(ct__check *c, double *whole, const ct__finding *found)
{
    int64_t n = c->entries;
    const ct__aim aim = { .entry = -1, .to = n, .whole = whole };
    ct__finding slanted;
    for (int64_t k = 0; k < n; k++)
        whole[k] *= (double)(k + 1);
    bool done = ct__check_look(c, &aim, &slanted);
    for (int64_t k = 0; k < n; k++)
        whole[k] /= (double)(k + 1);
    double place = (slanted.analytic - slanted.slope.value) /
                   (found->analytic - found->slope.value);
    if (!done)
        return -2;
    return place >= 0.5 && place < (double)n + 0.5 ? (int64_t)(place + 0.5) - 1 : -1;
}

static bool bisect(ct__check *c, ct__aim aim)
{
    while (aim.to - aim.from > 1) {
        ct__finding found[2];
        ct__aim half[2] = { aim, aim };
        half[0].to = half[1].from = aim.from + (aim.to - aim.from) / 2;
        if (!ct__check_look(c, &half[0], &found[0]) || !ct__check_look(c, &half[1], &found[1]))
            return false;
        aim = half[excess(c, &found[1]) > excess(c, &found[0])];
    }
    return compare_entry(c, aim.from);
}

/* is the rest of the direction right? then the entry alone is wrong */
static bool is_alone(const ct__check *c, const double *whole, const ct__finding *found, int64_t k)
{
    double one = (c->analytic[k] - c->numeric[k]) * whole[k];
    double all = found->analytic - found->slope.value;
    return fabs(all - one) <= 1e-3 * fabs(one);
}

/* other entries, for a pattern */
static bool compare_some(ct__check *c)
{
    for (int64_t k = 0; k < PATTERN && k < c->entries; k++)
        if (!compare_entry(c, k * (c->entries / PATTERN > 0 ? c->entries / PATTERN : 1)))
            return false;
    return true;
}

static bool name(ct__check *c, double *whole, const ct__finding *found)
{
    const ct__aim aim = { .entry = -1, .to = c->entries, .whole = whole };
    int64_t k = isfinite(found->analytic) ? candidate(c, whole, found) : -1;
    if (k == -2 || (k >= 0 && !compare_entry(c, k)))
        return false;
    if (!c->named && !bisect(c, aim))
        return false;
    bool alone = c->named && k >= 0 && is_alone(c, whole, found, k);
    return !c->named || alone || compare_some(c);
}

static bool compare_direction(ct__check *c, double *whole)
{
    const ct__aim aim = { .entry = -1, .to = c->entries, .whole = whole };
    ct__finding found;
    ct__check_aim(c, true);
    memcpy(whole, c->direction, (size_t)c->entries * sizeof *whole);
    if (!ct__check_look(c, &aim, &found))
        return false;
    if (found.verdict == CT_GRADCHECK_FAIL && !name(c, whole, &found))
        return false;
    if (!c->named && found.verdict != CT_GRADCHECK_PASS && !ct__check_one(c, &aim, &found))
        return false;
    return note(c, &aim, &found);
}

/* -- Ties. Where entries tie for a maximum, each is on a kink, and any number between 0 and 1 may
 * be right for it. The line on which all of them move together is smooth: there they must add up.
 */
static bool compare_tie(ct__check *c, int64_t first, double *whole)
{
    int64_t count = 0;
    for (int64_t k = 0; k < c->entries; k++) {
        bool tied = c->verdicts[k] == CT_GRADCHECK_KINK && c->start[k] == c->start[first];
        whole[k] = tied ? ct__check_size(c, first) : 0;
        count += tied;
    }
    const ct__aim aim = { .entry = -1, .to = c->entries, .whole = whole };
    ct__finding found;
    if (count < 2)
        return true;
    if (!ct__check_look_closely(c, &aim, &found))
        return false;
    if (found.verdict != CT_GRADCHECK_FAIL || found.slope.kind != CT__SMOOTH)
        return true;
    found.analytic /= whole[first], found.slope.value /= whole[first];
    found.slope.bar /= whole[first], found.slope.left /= whole[first];
    found.slope.right /= whole[first];
    const ct__aim entry = { .entry = first };
    snprintf(c->report->diagnosis, sizeof c->report->diagnosis,
             "%lld equal numbers share a maximum, or another kink: their gradients add up to %g "
             "times the right sum", (long long)count, found.analytic / found.slope.value);
    return note(c, &entry, &found);
}

static bool compare_ties(ct__check *c)
{
    double *whole = ct__check_room(c, c->entries, sizeof *whole);
    int groups = 0;
    if (!whole)
        return false;
    for (int64_t k = 0; k < c->entries && groups < GROUPS && !c->named; k++) {
        bool seen = c->verdicts[k] != CT_GRADCHECK_KINK;
        for (int64_t j = 0; j < k && !seen; j++)
            seen = c->verdicts[j] == CT_GRADCHECK_KINK && c->start[j] == c->start[k];
        groups += !seen;
        if (!seen && !compare_tie(c, k, whole))
            return false;
    }
    return true;
}

/* -- All */
static bool compare_sample(ct__check *c)
{
    for (int64_t k = 0; k < c->options.max_entries; k++) {
        const ct__part *part = &c->parts[k % c->part_count];
        uint64_t any = ct_random_at(c->options.seed, c->drawn++);
        if (part->count > 0 &&
            !compare_entry(c, part->first + (int64_t)(any % (uint64_t)part->count)))
            return false;
    }
    return true;
}

static bool compare_directions(ct__check *c)
{
    double *whole = ct__check_room(c, c->entries, sizeof *whole);
    for (int i = 0; i < DIRECTIONS && whole && !c->named; i++)
        if (!compare_direction(c, whole))
            return false;
    return whole != NULL;
}

bool ct__check_entries(ct__check *c)
{
    bool all = c->options.max_entries < 0 || c->entries <= c->options.max_entries;
    if (all && !c->options.quick) {
        for (int64_t k = 0; k < c->entries; k++)
            if (!compare_entry(c, k))
                return false;
    } else if (!compare_directions(c) ||
               (!c->options.quick && !c->named && !compare_sample(c))) {
        return false;
    }
    bool ties = c->order == 1 && c->report->kinks > 1 && !c->named;
    return !ties || compare_ties(c);
}
