/* Entry by entry, or for large inputs along random directions and at a sample of entries: the slope
 * by differences against the derivative as recorded. A direction that fails is halved until an entry
 * is named: of the two halves one must fail too.
 *
 * Values that an entry never moves carry no noise into its slope: a large and a small element of one
 * tensor do not disturb each other. Whether one moves shows only at steps that matter, so steps begin
 * where the noise of all would be harmless. */
#include <float.h>
#include <math.h>

#include "check.h"

enum { DIRECTIONS = 6, BAR = 2 };
#define FIRST_STEP 0.125 /* times the size of the entry */

typedef struct probe {
    ct__check *c;
    int64_t entry, from, to; /* one entry; or entry < 0: those of the direction in [from, to) */
    double rounding;         /* what rounding x may do along a direction, times the slope */
} probe;

/* -- Evaluating on both sides */
static void difference(ct__check *c, double rounding, ct__sides *sides)
{
    double rise = 0, bend = 0, noise = rounding, all = rounding;
    sides->finite = true;
    for (int64_t j = 0; j < c->outputs; j++) {
        double plus = c->plus[j], minus = c->minus[j], w = c->weights[j];
        sides->finite &= isfinite(plus) && isfinite(minus);
        c->moved[j] |= plus != c->y[j] || minus != c->y[j];
        rise += w * (plus - minus);
        bend += w * ((plus - c->y[j]) + (minus - c->y[j]));
        double rounded = DBL_EPSILON * fmax(fabs(plus), fabs(minus));
        double one = 2 * fabs(w) * fmax(rounded, c->noise[j]);
        all += one;
        noise += c->moved[j] ? one : 0;
    }
    sides->rise = rise, sides->bend = bend, sides->noise = noise;
    c->all_noise = all;
}

static bool probe_entry(probe *p, double h, ct__sides *sides)
{
    ct__check *c = p->c;
    const ct__part *part = ct__check_part(c, p->entry);
    double x = c->start[p->entry], plus = x + h / 2, minus = x - h / 2;
    double *place = ct__check_entry(part, p->entry - part->first);
    *place = plus;
    bool done = ct__check_values(c, c->plus);
    *place = minus;
    done = done && ct__check_values(c, c->minus);
    *place = x;
    sides->step = plus - minus;
    return done;
}

static bool probe_direction(probe *p, double h, ct__sides *sides)
{
    ct__check *c = p->c;
    ct__check_move(c, h / 2);
    bool done = ct__check_values(c, c->plus);
    ct__check_move(c, -h / 2);
    done = done && ct__check_values(c, c->minus);
    ct__check_move(c, 0);
    sides->step = h > DBL_EPSILON * FIRST_STEP ? h : 0;
    return done;
}

static bool take_sides(void *user, double h, ct__sides *sides)
{
    probe *p = user;
    bool done = p->entry < 0 ? probe_direction(p, h, sides) : probe_entry(p, h, sides);
    if (done)
        difference(p->c, p->rounding, sides);
    return done;
}

/* -- One slope, judged */
static double tolerance(const ct__check *c, double a, double n)
{
    return c->options.atol + c->options.rtol * fmax(fabs(a), fabs(n));
}

static bool agree(const ct__check *c, double analytic, const ct__slope *s)
{
    double away = s->kind == CT__KINK ? fmax(fmin(s->left, s->right) - analytic,
                                             analytic - fmax(s->left, s->right)) - s->slack
                                      : fabs(analytic - s->value) - BAR * s->bar;
    return away <= tolerance(c, analytic, s->value); /* false for NaN */
}

static ct_verdict judge(const ct__check *c, double analytic, const ct__slope *s)
{
    if (s->kind == CT__NOWHERE)
        return CT_GRADCHECK_INVALID;
    if (c->order == 2 && s->kind == CT__JUMP && isfinite(analytic))
        return CT_GRADCHECK_KINK; /* a jump of the gradient is a kink of f */
    if (!agree(c, analytic, s))
        return s->stuck && isfinite(analytic) ? CT_GRADCHECK_INCONCLUSIVE : CT_GRADCHECK_FAIL;
    if (s->kind == CT__KINK)
        return CT_GRADCHECK_KINK;
    bool sharp = s->bar <= tolerance(c, analytic, s->value);
    return sharp ? CT_GRADCHECK_PASS : CT_GRADCHECK_INCONCLUSIVE;
}

/* the first step: so long that noise is harmless, if one of at most `most` is */
static bool first_step(probe *p, double *h, double most)
{
    for (; *h < most; *h = fmin(16 * *h, most)) {
        ct__sides s = { 0 };
        if (!take_sides(p, *h, &s))
            return false;
        if (!s.finite || !(s.step > 0))
            return true;
        double slope = s.rise / s.step;
        if (s.rise != 0 && p->c->all_noise / s.step <= tolerance(p->c, slope, slope) / 32)
            return true;
    }
    return true;
}

static bool consistent(const ct__slope *a, const ct__slope *b)
{
    return fabs(a->value - b->value) <= BAR * (a->bar + b->bar);
}

/* a mismatch is looked at again with other steps, and a third time if the two looks differ: of three,
 * two that agree are believed; if none do, no bar is to be trusted */
static bool measure(probe *p, double h, double analytic, ct__slope *slope)
{
    ct__check *c = p->c;
    const double tolerances[] = { c->options.atol, c->options.rtol };
    ct__slope look[3];
    memset(c->moved, 0, (size_t)c->outputs * sizeof *c->moved);
    if (p->entry >= 0 && !first_step(p, &h, fmax(h, FIRST_STEP)))
        return false;
    for (int i = 0; i < 3; i++, h *= 0.31) {
        if (!ct__difference(take_sides, p, h, tolerances, &look[i]))
            return false;
        for (int k = 0; k <= i; k++) {
            *slope = look[k];
            if (i == 0 ? judge(c, analytic, slope) != CT_GRADCHECK_FAIL
                       : k < i && consistent(&look[k], &look[i]))
                return true;
        }
    }
    slope->bar = fmax(fabs(look[1].value - look[0].value), fabs(look[2].value - look[0].value));
    slope->kind = CT__ROUGH;
    return true;
}

/* -- What was found */
static void describe(ct__check *c, const probe *p, double analytic, const ct__slope *s)
{
    ct_gradcheck_report *r = c->report;
    r->order = c->order;
    r->analytic = analytic, r->numeric = s->value, r->bar = s->bar;
    r->left = s->left, r->right = s->right, r->step = s->step;
    r->input = -1, r->ndim = 0;
    if (p->entry < 0)
        return;
    const ct__part *part = ct__check_part(c, p->entry);
    int64_t k = p->entry - part->first;
    r->input = part->input, r->ndim = part->x->ndim;
    for (int d = r->ndim - 1; d >= 0; d--) {
        r->index[d] = k % ct__shape(part->x)[d];
        k /= ct__shape(part->x)[d];
    }
}

static bool note(ct__check *c, const probe *p, double analytic, const ct__slope *s)
{
    if (s->kind == CT__NOWHERE)
        return ct__check_invalid(c, "the function is not finite on both sides of the point, however "
                                    "small the step");
    ct_verdict verdict = judge(c, analytic, s);
    double allowed = s->bar + tolerance(c, analytic, s->value);
    double score = verdict == CT_GRADCHECK_INCONCLUSIVE ? s->bar / allowed
                                                        : fabs(analytic - s->value) / allowed;
    if (!(score < INFINITY))
        score = INFINITY;
    c->report->compared++;
    c->report->wrong += verdict == CT_GRADCHECK_FAIL;
    c->report->kinks += verdict == CT_GRADCHECK_KINK;
    if (p->entry >= 0) {
        c->numeric[p->entry] = s->value;
        c->verdicts[p->entry] = (signed char)verdict;
    }
    int now = ct__check_severity(verdict), before = ct__check_severity(c->verdict);
    if (now > before || (now == before && score > c->score)) {
        c->verdict = verdict, c->score = score;
        describe(c, p, analytic, s);
    }
    return true;
}

static bool compare_entry(ct__check *c, int64_t entry)
{
    probe p = { .c = c, .entry = entry };
    ct__slope slope;
    if (c->verdicts[entry] >= 0)
        return true;
    double h = FIRST_STEP * ct__check_size(c, entry);
    return measure(&p, h, c->analytic[entry], &slope) && note(c, &p, c->analytic[entry], &slope);
}

/* -- Directions */
/* the derivative along the direction's entries in [from, to), which it is cut down to */
static double along(probe *p, const double *whole)
{
    ct__check *c = p->c;
    double sum = 0, rounding = 0;
    for (int64_t k = 0; k < c->entries; k++) {
        bool inside = k >= p->from && k < p->to;
        c->direction[k] = inside ? whole[k] : 0;
        if (!inside)
            continue;
        sum += c->analytic[k] * whole[k];
        rounding += fabs(c->analytic[k] * c->start[k]) * DBL_EPSILON;
    }
    p->rounding = rounding;
    return sum;
}

static bool along_and_measure(probe *p, const double *whole, double *analytic, ct__slope *slope)
{
    *analytic = along(p, whole);
    return measure(p, FIRST_STEP, *analytic, slope);
}

static double excess(const ct__check *c, double analytic, const ct__slope *s)
{
    double e = fabs(analytic - s->value) / (s->bar + tolerance(c, analytic, s->value));
    return isnan(e) ? INFINITY : e;
}

static bool bisect(ct__check *c, const double *whole)
{
    probe p = { .c = c, .entry = -1, .from = 0, .to = c->entries };
    while (p.to - p.from > 1) {
        double analytic[2], apart[2];
        probe half[2] = { p, p };
        half[0].to = half[1].from = p.from + (p.to - p.from) / 2;
        for (int i = 0; i < 2; i++) {
            ct__slope slope;
            if (!along_and_measure(&half[i], whole, &analytic[i], &slope))
                return false;
            apart[i] = excess(c, analytic[i], &slope);
        }
        p = half[apart[1] > apart[0]];
    }
    return compare_entry(c, p.from);
}

static bool compare_direction(ct__check *c, double *whole)
{
    probe p = { .c = c, .entry = -1, .from = 0, .to = c->entries };
    ct__slope slope;
    double analytic;
    ct__check_aim(c);
    memcpy(whole, c->direction, (size_t)c->entries * sizeof *whole);
    if (!along_and_measure(&p, whole, &analytic, &slope) || !note(c, &p, analytic, &slope))
        return false;
    return judge(c, analytic, &slope) != CT_GRADCHECK_FAIL || bisect(c, whole);
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
