/* Finds one slope by differences, of an entry or along a direction, and judges the derivative by
 * it.
 *
 * Only values that moved add noise to a slope, so that a large and a small element of one tensor
 * do not disturb each other. Whether a value moves at all is seen only at steps that are long
 * enough, so the first step is one at which the noise of all values would be harmless.
 *
 * The first look (difference.c) takes few evaluations, and is right about functions that are smooth
 * on the scale of its steps, or kinked. Whatever it does not find right is looked at closely: where
 * values are not noisy, two pairs of steps, as short as can still tell, confirm that a derivative
 * is wrong; else all steps are scanned (scan.c). */
#include <float.h>
#include <math.h>

#include "checker.h"

enum { BAR = 2, PATIENCE = 4 };
#define FIRST_STEP 0.125 /* in units of the entry's size */
#define LONGER 13.7      /* no step may end at 0, which is special */

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
    sides->rise = rise, sides->bend = bend, sides->noise = noise, sides->all = all;
    c->all_noise = all;
}

/* the entry, or the point along the direction, at t from where it is */
static bool values_at(const probe *p, double t, double *out)
{
    ct__check *c = p->c;
    if (p->entry < 0) {
        ct__check_move(c, t);
        bool done = ct__check_values(c, out);
        ct__check_move(c, 0);
        return done;
    }
    const ct__part *part = ct__check_part(c, p->entry);
    double *place = ct__check_entry(part, p->entry - part->first);
    *place = c->start[p->entry] + t;
    bool done = ct__check_values(c, out);
    *place = c->start[p->entry];
    return done;
}

static bool take_sides(void *user, double h, ct__sides *sides)
{
    probe *p = user;
    ct__check *c = p->c;
    double x = p->entry < 0 ? 0 : c->start[p->entry], t = (x + h / 2) - x;
    bool done = values_at(p, t, c->plus) && values_at(p, -t, c->minus);
    sides->step = (x + t) - (x - t);
    if (p->entry < 0 && h <= DBL_EPSILON * FIRST_STEP)
        sides->step = 0;
    if (done)
        difference(p, sides);
    return done;
}

static bool take_rise(void *user, double t, double h, double *rise)
{
    probe *p = user;
    ct__check *c = p->c;
    bool done = values_at(p, t + h, c->plus) && values_at(p, t, c->minus);
    *rise = 0;
    for (int64_t j = 0; j < c->outputs; j++)
        *rise += c->weights[j] * (c->plus[j] - c->minus[j]);
    return done;
}

/* -- Judging */
double ct__check_tolerance(const ct__check *c, const ct__finding *found)
{
    double a = fabs(found->analytic), n = fabs(found->slope.value);
    return found->atol + c->options.rtol * (isfinite(a) ? fmax(a, n) : n);
}

static bool agree(const ct__check *c, const ct__finding *found)
{
    const ct__slope *s = &found->slope;
    double a = found->analytic;
    double away = s->kind == CT__KINK ? fmax(fmin(s->left, s->right) - a,
                                             a - fmax(s->left, s->right)) - s->slack
                                      : fabs(a - s->value) - BAR * s->bar;
    return isfinite(a) && away <= ct__check_tolerance(c, found); /* false for NaN */
}

/* Is the bar as narrow as it must be? It may be wider where no slope of this input is seen at all,
 * or all are far larger than it, and it is small by any measure. */
static bool is_sharp(const ct__check *c, const ct__finding *found)
{
    double bar = found->slope.bar, largest = found->largest;
    bool unseen = largest <= bar || largest * found->size <= 128 * c->all_noise;
    bool small = bar <= c->options.atol && (bar <= largest / 1000 || unseen);
    return bar <= ct__check_tolerance(c, found) || small;
}

static ct_verdict judge(const ct__check *c, const ct__finding *found)
{
    const ct__slope *s = &found->slope;
    if (s->kind == CT__NOWHERE)
        return CT_GRADCHECK_INVALID;
    bool endless = isinf(found->analytic) && (s->kind == CT__JUMP || s->kind == CT__ROUGH);
    if (endless && found->analytic * s->value > 0)
        return CT_GRADCHECK_INCONCLUSIVE; /* f may be as steep as that */
    if (c->order == 2 && s->kind == CT__JUMP && isfinite(found->analytic))
        return CT_GRADCHECK_KINK; /* a jump of the gradient is a kink of f */
    if (!agree(c, found))
        return s->stuck && isfinite(found->analytic) ? CT_GRADCHECK_INCONCLUSIVE
                                                     : CT_GRADCHECK_FAIL;
    if (s->kind == CT__KINK)
        return CT_GRADCHECK_KINK;
    return is_sharp(c, found) ? CT_GRADCHECK_PASS : CT_GRADCHECK_INCONCLUSIVE;
}

/* -- The first look */
/* lengthens the first step until noise is harmless; it stays at `most` or below */
static bool first_step(probe *p, const ct__finding *found, double *h, double most)
{
    for (; *h < most; *h = fmin(LONGER * *h, most)) {
        ct__sides s = { 0 };
        if (!take_sides(p, *h, &s))
            return false;
        if (!s.finite || !(s.step > 0))
            return true;
        ct__finding now = *found;
        now.slope.value = s.rise / s.step;
        if (s.rise != 0 && p->c->all_noise / s.step <= ct__check_tolerance(p->c, &now) / 32)
            return true;
    }
    return true;
}

/* cuts the direction down to the entries in [from, to); returns the derivative along it */
static double along(probe *p, const ct__aim *aim, ct__finding *found)
{
    ct__check *c = p->c;
    double sum = 0;
    p->rounding = 0;
    for (int64_t k = 0; k < c->entries; k++) {
        bool inside = k >= aim->from && k < aim->to;
        c->direction[k] = inside ? aim->whole[k] : 0;
        if (!inside)
            continue;
        double term = c->analytic[k] * aim->whole[k];
        sum += term;
        found->largest = fmax(found->largest, fabs(term));
        p->rounding += fabs(DBL_EPSILON * c->analytic[k] * c->start[k]);
    }
    if (!isfinite(p->rounding))
        p->rounding = 0; /* such a derivative is wrong in any case */
    return sum;
}

static probe aim_at(ct__check *c, const ct__aim *aim, ct__finding *found, double *h)
{
    probe p = { .c = c, .entry = aim->entry };
    bool entry = aim->entry >= 0;
    *found = (ct__finding){ .slope.kind = CT__NOWHERE };
    found->analytic = entry ? c->analytic[aim->entry] : along(&p, aim, found);
    if (entry)
        found->largest = ct__check_part(c, aim->entry)->largest;
    found->atol = c->options.atol * (c->absolute ? 1 : fmin(1, found->largest));
    found->size = entry ? ct__check_size(c, aim->entry) : 1;
    *h = FIRST_STEP * found->size;
    return p;
}

bool ct__check_look(ct__check *c, const ct__aim *aim, ct__finding *found)
{
    double h;
    probe p = aim_at(c, aim, found, &h);
    const double tolerances[] = { found->atol, c->options.rtol };
    memset(c->moved, 0, (size_t)c->outputs * sizeof *c->moved);
    if (p.entry >= 0 && !first_step(&p, found, &h, fmax(h, FIRST_STEP)))
        return false;
    found->start = h;
    if (!ct__difference(take_sides, &p, h, tolerances, &found->slope))
        return false;
    found->verdict = judge(c, found);
    return true;
}

/* -- Closely */
/* The step of a small entry is short. Beside other entries of ordinary size it may lie within one
 * tread of what rounding makes, so longer steps are asked too. */
static double longest(const ct__finding *found)
{
    return fmax(found->start, FIRST_STEP);
}

/* Two pairs of steps, at which noise can just not hide the difference, exclude the derivative too:
 * then no finer steps can be asked, and none are needed. */
static bool confirm(probe *p, const ct__finding *found, bool *sure)
{
    ct__check *c = p->c;
    double apart = fabs(found->analytic - found->slope.value), h = 32 * c->all_noise / apart;
    *sure = !c->noisy && found->slope.kind == CT__SMOOTH && isfinite(h) && h < found->slope.step &&
            found->slope.step > 0.05 * longest(found);
    h = fmax(h, 1e-12 * found->slope.step);
    for (int i = 0; i < 2 && *sure; i++, h *= 7.3) {
        ct__sides s = { 0 };
        if (!take_sides(p, h, &s))
            return false;
        double away = fabs(s.rise / s.step - found->slope.value), gap = fabs(s.bend / s.step);
        *sure = s.finite && s.step > 0 && 2 * gap + away <= apart / 2;
    }
    return true;
}

static bool scan(probe *p, double h, ct__finding *found)
{
    const double tolerances[] = { found->atol, p->c->options.rtol };
    double x = p->entry < 0 ? 1 : fabs(p->c->start[p->entry]);
    const ct__line line = { take_sides, take_rise, p, 4 * DBL_EPSILON * x };
    p->close = true;
    return ct__scan(&line, h, found->analytic, tolerances, &found->slope, &found->verdict);
}

bool ct__check_look_closely(ct__check *c, const ct__aim *aim, ct__finding *found)
{
    double h;
    bool sure = false;
    if (!ct__check_look(c, aim, found))
        return false;
    ct_verdict verdict = found->verdict;
    bool unclear = verdict == CT_GRADCHECK_INCONCLUSIVE;
    if (isnan(found->analytic) || !(unclear || verdict == CT_GRADCHECK_FAIL) ||
        (unclear && c->unclear >= PATIENCE))
        return true;
    ct__finding again;
    probe p = aim_at(c, aim, &again, &h);
    if (verdict == CT_GRADCHECK_FAIL && !confirm(&p, found, &sure))
        return false;
    found->sure = sure;
    if (!sure && !scan(&p, longest(found), found))
        return false;
    c->unclear = found->verdict == CT_GRADCHECK_INCONCLUSIVE ? c->unclear + 1 : 0;
    return true;
}
