/* Finds one slope by differences, of an entry or along a direction, and judges the derivative by
 * it.
 *
 * Only values that moved add noise to a slope, so that a large and a small element of one tensor
 * do not disturb each other. Whether a value moves at all is seen only at steps that are long
 * enough, so the first step is one at which the noise of all values would be harmless.
 *
 * At a kink the derivative must lie between the slopes on the left and on the right. Where several
 * kinks meet (all units of a layer that sees only zeros) a right derivative may lie outside, and
 * so may one along a direction. Then the rest of the point is moved a little, which parts kinks
 * that merely met: a derivative that lies outside is wrong if it is wrong there too. */
#include <float.h>
#include <math.h>

#include "checker.h"

enum { BAR = 2, LOOKS = 3, CLOSE_LOOKS = 2 };
#define FIRST_STEP 0.125 /* in units of the entry's size */
#define ASIDE 1e-4       /* at a kink, the rest of the point is moved this far, in these units */
#define CLOSER 1e-5      /* the first step of each close look, in units of the last one's */

typedef struct probe {
    ct__check *c;
    int64_t entry;
    double rounding; /* how far the rounding of x may move the value along a direction */
    bool close;      /* the values' measured noise does not count, only their rounding */
} probe;

/* -- Evaluating on both sides */
static void difference(const probe *p, ct__sides *sides)
{
    ct__check *c = p->c;
    double rise = 0, bend = 0, noise = p->rounding, all = p->rounding;
    sides->finite = true;
    for (int64_t j = 0; j < c->outputs; j++) {
        double plus = c->plus[j], minus = c->minus[j], w = c->weights[j];
        sides->finite &= isfinite(plus) && isfinite(minus);
        c->moved[j] |= plus != c->y[j] || minus != c->y[j];
        rise += w * (plus - minus);
        bend += w * ((plus - c->y[j]) + (minus - c->y[j]));
        double rounded = DBL_EPSILON * fmax(fabs(plus), fabs(minus));
        double one = 2 * fabs(w) * (p->close ? rounded : fmax(rounded, c->noise[j]));
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
        difference(p, sides);
    return done;
}

/* -- One slope, judged */
double ct__check_tolerance(const ct__check *c, double a, double n)
{
    return c->options.atol + c->options.rtol * fmax(fabs(a), fabs(n));
}

static bool agree(const ct__check *c, double analytic, const ct__slope *s)
{
    double away = s->kind == CT__KINK ? fmax(fmin(s->left, s->right) - analytic,
                                             analytic - fmax(s->left, s->right)) - s->slack
                                      : fabs(analytic - s->value) - BAR * s->bar;
    return away <= ct__check_tolerance(c, analytic, s->value); /* false for NaN */
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
    bool sharp = s->bar <= ct__check_tolerance(c, analytic, s->value);
    return sharp ? CT_GRADCHECK_PASS : CT_GRADCHECK_INCONCLUSIVE;
}

/* lengthens the first step until noise is harmless; it stays at `most` or below */
static bool first_step(probe *p, double *h, double most)
{
    for (; *h < most; *h = fmin(16 * *h, most)) {
        ct__sides s = { 0 };
        if (!take_sides(p, *h, &s))
            return false;
        if (!s.finite || !(s.step > 0))
            return true;
        double slope = s.rise / s.step;
        if (s.rise != 0 && p->c->all_noise / s.step <= ct__check_tolerance(p->c, slope, slope) / 32)
            return true;
    }
    return true;
}

static bool consistent(const ct__slope *a, const ct__slope *b)
{
    return fabs(a->value - b->value) <= BAR * (a->bar + b->bar);
}

/* A mismatch is looked at again with other steps, and a third time if the two looks differ. Two
 * looks that agree are believed. If no two agree, no bar can be trusted */
static bool measure(probe *p, double h, double analytic, ct__slope *slope)
{
    ct__check *c = p->c;
    const double tolerances[] = { c->options.atol, c->options.rtol };
    ct__slope look[LOOKS];
    memset(c->moved, 0, (size_t)c->outputs * sizeof *c->moved);
    if (p->entry >= 0 && !first_step(p, &h, fmax(h, FIRST_STEP)))
        return false;
    for (int i = 0; i < LOOKS; i++, h *= 0.31) {
        if (!ct__difference(take_sides, p, h, tolerances, &look[i]))
            return false;
        *slope = look[i];
        if (i == 0 && judge(c, analytic, slope) != CT_GRADCHECK_FAIL)
            return true;
        if (slope->kind == CT__NOWHERE) {
            *slope = look[0];
            return true;
        }
        for (int k = 0; k < i; k++)
            if (consistent(&look[k], &look[i])) {
                *slope = look[k];
                return true;
            }
    }
    slope->bar = fmax(fabs(look[1].value - look[0].value), fabs(look[2].value - look[0].value));
    slope->kind = CT__ROUGH;
    return true;
}

/* Two kinks that lie symmetrically about the point hide from long steps, since their bends cancel,
 * and look like noise. So a derivative that seems wrong is compared once more with slopes at far
 * shorter steps; each look finds kinks down to about 1e-6 of its first step. A slope of 0 proves
 * nothing there: f may round its values more coarsely than the step moves them. */
static bool look_closely(probe *p, double h, double analytic, ct__finding *found)
{
    const double tolerances[] = { p->c->options.atol, p->c->options.rtol };
    p->close = true;
    for (int i = 0; i < CLOSE_LOOKS && found->verdict == CT_GRADCHECK_FAIL; i++) {
        ct__slope slope;
        h *= CLOSER;
        if (!ct__difference(take_sides, p, h, tolerances, &slope))
            return false;
        bool moves = fabs(slope.value) > ct__check_tolerance(p->c, slope.value, 0);
        if (moves && judge(p->c, analytic, &slope) == CT_GRADCHECK_PASS)
            found->slope = slope, found->verdict = CT_GRADCHECK_PASS;
    }
    return true;
}

/* cuts the direction down to the entries in [from, to); returns the derivative along it */
static double along(probe *p, const ct__aim *aim)
{
    ct__check *c = p->c;
    double sum = 0;
    p->rounding = 0;
    for (int64_t k = 0; k < c->entries; k++) {
        bool inside = k >= aim->from && k < aim->to;
        c->direction[k] = inside ? aim->whole[k] : 0;
        if (!inside)
            continue;
        sum += c->analytic[k] * aim->whole[k];
        p->rounding += fabs(c->analytic[k] * c->start[k]) * DBL_EPSILON;
    }
    if (!isfinite(p->rounding))
        p->rounding = 0; /* such a derivative is wrong in any case */
    return sum;
}

static bool look_here(ct__check *c, const ct__aim *aim, ct__finding *found)
{
    probe p = { .c = c, .entry = aim->entry };
    bool entry = aim->entry >= 0;
    found->analytic = entry ? c->analytic[aim->entry] : along(&p, aim);
    double h = FIRST_STEP * (entry ? ct__check_size(c, aim->entry) : 1);
    if (!measure(&p, h, found->analytic, &found->slope))
        return false;
    found->verdict = judge(c, found->analytic, &found->slope);
    return look_closely(&p, h, found->analytic, found);
}

/* -- Beside a kink */
static bool look_beside(ct__check *c, const ct__aim *aim, ct__finding *found)
{
    int64_t n = c->entries, m = c->outputs;
    if (!c->aside && !(c->aside = ct__check_room(c, 2 * n + m, sizeof *c->aside)))
        return false;
    double *start = c->aside, *analytic = start + n, *y = analytic + n;
    memcpy(start, c->start, (size_t)n * sizeof *start);
    memcpy(analytic, c->analytic, (size_t)n * sizeof *analytic);
    memcpy(y, c->y, (size_t)m * sizeof *y);
    ct__check_aim(c);
    for (int64_t k = 0; k < n; k++)
        c->start[k] += k == aim->entry ? 0 : ASIDE * c->direction[k];
    ct__check_move(c, 0);
    bool done = ct__check_values(c, c->y) && ct__check_derive(c) && look_here(c, aim, found);
    memcpy(c->start, start, (size_t)n * sizeof *start);
    memcpy(c->analytic, analytic, (size_t)n * sizeof *analytic);
    memcpy(c->y, y, (size_t)m * sizeof *y);
    ct__check_move(c, 0);
    return done;
}

bool ct__check_one(ct__check *c, const ct__aim *aim, ct__finding *found)
{
    if (!look_here(c, aim, found))
        return false;
    bool outside = found->verdict == CT_GRADCHECK_FAIL || aim->entry < 0;
    if (found->slope.kind != CT__KINK || !outside || isnan(found->analytic))
        return true;
    ct__finding beside;
    if (!look_beside(c, aim, &beside))
        return false;
    if (beside.verdict == CT_GRADCHECK_FAIL)
        *found = beside;
    else
        found->verdict = CT_GRADCHECK_KINK;
    return true;
}
