/* Numerical slopes with a bound of their error.
 *
 * The central difference D(h) = (f(h/2) - f(-h/2)) / h is off by c2 h^2 + c4 h^4 + ...; the odd
 * powers cancel. Shortening h and extrapolating to h = 0 removes one power after the other
 * (Richardson, in Ridders' tableau; Adv. Eng. Software 4, 1982):
 *
 *   A[j][0] = D(h_j),  A[j][m] = A[j][m-1] + (A[j][m-1] - A[j-1][m-1]) / ((h_(j-m) / h_j)^2 - 1)
 *
 * The error of an entry is taken to be its distance from its two parents, plus roundoff, which
 * grows as 1/h. The sum is the bar, and the entry with the smallest bar is the result.
 *
 * That is right where f is smooth on the scale of h. The one-sided slopes, which need no further
 * evaluation, tell whether it is: their gap, (f(h/2) - 2 f(0) + f(-h/2)) / (h/2), shrinks with h
 * where f is smooth, stays where f has a kink at 0, and grows as 1/h where f jumps. A kink beside
 * 0 but within the step makes a gap too. So the gap is part of the bar until it shrinks, which
 * makes the step go below such a kink. A gap that stays is followed in longer strides, down to
 * where roundoff hides it. */
#include <math.h>

#include "difference.h"

enum { COLUMNS = 6, PROBES = 100 };
/* These are not whole numbers, since steps that are multiples of one another could all be multiples
 * of a period, and would make a fast oscillation look slow */
#define STRIDE 2.2
#define LONG_STRIDE 4.7     /* while there is a kink */
#define OUTSIDE_STRIDE 17.3 /* while f is not finite */

typedef struct search {
    double atol, rtol;
    double row[COLUMNS];     /* the last row of the tableau */
    double steps[COLUMNS];   /* the steps of the last rows, the last one first */
    int rows;                /* rows since the tableau was begun */
    double gap, left, right; /* of the last row */
    int same;                /* how many rows in succession had a gap that stayed */
    int grown;               /* how many rows in succession had a gap that grew as 1/h */
    bool moved;              /* f moved in some row */
    double slack;            /* error of the best pair of one-sided slopes at a kink */
    ct__slope best;
} search;

static double tolerance_of(const search *s, double slope)
{
    return s->atol + s->rtol * fabs(slope);
}

/* adds a row to the tableau; returns the best of its entries, and how far that may be off */
static double extrapolate(search *s, const ct__sides *now, double *error)
{
    double value = now->rise / now->step, old = s->row[0], best = value;
    *error = INFINITY;
    for (int m = COLUMNS - 1; m > 0; m--)
        s->steps[m] = s->steps[m - 1];
    s->steps[0] = now->step;
    s->row[0] = value;
    for (int m = 1; m < COLUMNS && m <= s->rows; m++) {
        double ratio = s->steps[m] / s->steps[0];
        double next = value + (value - old) / (ratio * ratio - 1);
        double moved = fmax(fabs(next - value), fabs(next - old));
        if (moved < *error) {
            *error = moved;
            best = next;
        }
        old = s->row[m];
        s->row[m] = value = next;
    }
    s->rows++;
    return best;
}

static void note_kink(search *s, double left, double right, double noise, double step)
{
    double slack = 2 * fmax(fabs(left - s->left), fabs(right - s->right)) + 4 * noise;
    if (slack >= s->slack)
        return;
    s->slack = slack;
    s->best.left = left, s->best.right = right, s->best.step = step;
}

/* takes a row into account; true when no further row can help */
static bool take(search *s, const ct__sides *now)
{
    double noise = now->noise / now->step, error;
    double left = (now->rise - now->bend) / now->step, right = (now->rise + now->bend) / now->step;
    double gap = fabs(right - left), value = extrapolate(s, now, &error);
    double small = tolerance_of(s, value) / 8 + 8 * noise;
    bool shrinks = s->rows > 2 && (gap <= 0.7 * s->gap || gap <= small);
    bool stays = s->rows > 1 && gap > small && fabs(gap - s->gap) <= gap / 16 + 8 * noise;
    bool grows = s->rows > 1 && gap > small && gap > 0.8 * STRIDE * s->gap;
    s->same = stays ? s->same + 1 : 0;
    s->grown = grows ? s->grown + 1 : 0;
    double bar = error + 3 * noise + (shrinks ? 0 : gap);
    bool flat = now->rise == 0 && now->bend == 0;
    s->moved |= !flat;
    if (s->same >= 2)
        note_kink(s, left, right, noise, now->step);
    if (bar < s->best.bar) {
        s->best.value = value, s->best.bar = bar;
        s->best.kind = shrinks ? CT__SMOOTH : CT__ROUGH;
        s->best.stuck = flat && s->moved;
        if (s->slack == INFINITY)
            s->best.left = left, s->best.right = right, s->best.step = now->step;
    }
    s->gap = gap, s->left = left, s->right = right;
    return s->rows > 2 &&
           (s->best.bar <= tolerance_of(s, s->best.value) / 8 || noise > s->best.bar);
}

static void conclude(search *s)
{
    bool enough = s->best.kind == CT__SMOOTH && s->best.bar <= tolerance_of(s, s->best.value);
    s->best.slack = s->slack;
    if (!enough && s->slack < INFINITY)
        s->best.kind = CT__KINK;
    else if (!enough && s->grown >= 4)
        s->best.kind = CT__JUMP;
}

bool ct__difference(ct__probe probe, void *user, double h, const double tolerance[2],
                    ct__slope *slope)
{
    search s = { .atol = tolerance[0], .rtol = tolerance[1], .slack = INFINITY };
    s.best = (ct__slope){ .bar = INFINITY, .value = NAN, .kind = CT__NOWHERE };
    for (int probes = 0, outside = 0; probes < PROBES && outside < 4 * PROBES && h > 0;) {
        ct__sides now = { 0 };
        if (!probe(user, h, &now))
            return false;
        if (!(now.step > 0))
            break;
        if (!now.finite) {
            s.rows = 0, outside++;
            h /= OUTSIDE_STRIDE;
            continue;
        }
        probes++;
        if (take(&s, &now))
            break;
        h /= s.same >= 2 ? LONG_STRIDE : STRIDE;
    }
    conclude(&s);
    *slope = s.best;
    return true;
}
