/* Compares slopes with the derivative: at each entry, or for large inputs along random directions
 * and at a sample of entries. A direction that fails is halved until one entry is left: where the
 * whole is wrong, one of its halves is wrong too. */
#include <math.h>

#include "checker.h"

enum { DIRECTIONS = 6 };

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
    double allowed = f->slope.bar + ct__check_tolerance(c, f->analytic, f->slope.value);
    double apart = f->verdict == CT_GRADCHECK_INCONCLUSIVE ? f->slope.bar
                                                           : fabs(f->analytic - f->slope.value);
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
        c->numeric[aim->entry] = found->slope.value;
        c->verdicts[aim->entry] = (signed char)verdict;
    }
    int now = severity(verdict), before = severity(c->verdict);
    bool names = verdict == CT_GRADCHECK_FAIL && aim->entry >= 0 && c->report->input < 0;
    if (now > before || (now == before && (score > c->score || names))) {
        c->verdict = verdict, c->score = score;
        describe(c, aim, found);
    }
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

static bool bisect(ct__check *c, ct__aim aim)
{
    while (aim.to - aim.from > 1) {
        ct__finding found[2];
        ct__aim half[2] = { aim, aim };
        half[0].to = half[1].from = aim.from + (aim.to - aim.from) / 2;
        if (!ct__check_one(c, &half[0], &found[0]) || !ct__check_one(c, &half[1], &found[1]))
            return false;
        aim = half[excess(c, &found[1]) > excess(c, &found[0])];
    }
    return compare_entry(c, aim.from);
}

static bool compare_direction(ct__check *c, double *whole)
{
    const ct__aim aim = { .entry = -1, .to = c->entries, .whole = whole };
    ct__finding found;
    ct__check_aim(c);
    memcpy(whole, c->direction, (size_t)c->entries * sizeof *whole);
    if (!ct__check_one(c, &aim, &found) || !note(c, &aim, &found))
        return false;
    return found.verdict != CT_GRADCHECK_FAIL || bisect(c, aim);
}

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

bool ct__check_entries(ct__check *c)
{
    bool all = c->options.max_entries < 0 || c->entries <= c->options.max_entries;
    bool done = true;
    if (all && !c->options.quick) {
        for (int64_t k = 0; k < c->entries && done; k++)
            done = compare_entry(c, k);
        return done;
    }
    double *whole = ct__check_room(c, c->entries, sizeof *whole);
    for (int i = 0; i < DIRECTIONS && whole && done; i++)
        done = compare_direction(c, whole);
    return whole && done && (c->options.quick || compare_sample(c));
}
