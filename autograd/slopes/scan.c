/* Looks at a slope at all scales, from long steps down to the rounding of x, where a first look did
 * not find the derivative a.
 *
 * At each scale h the function is taken at PAIRS points on either side. Half the difference of a
 * pair is odd in t, half its sum is even:
 *
 *   (f(t) - f(-t)) / 2 = s t + c t^3          (f(t) + f(-t)) / 2 - f(0) = k |t| + b t^2
 *
 * Least squares give the slope s and the kink k, and what the fit leaves over is noise, or
 * structure that is finer than h. Either makes the slope uncertain at this scale, and nothing need
 * be known about the noise of f beforehand. A scale excludes a if a is neither s, by far more than
 * this uncertainty, nor between the slopes on the left and on the right; it is for a if a is
 * there, and the slope is sharp. Finer scales know better: a is wrong if the two finest ones that
 * say anything exclude it and agree with each other, and right if the finest one is for it. */
#include <float.h>
#include <math.h>

#include "scan.h"

enum { SCALES = 56, PAIRS = 6, SURE = 8 };
#define SHRINK 3.1
#define SPREAD 3.2 /* the slope's standard deviation, in units of that of values, by h */
static const double places[PAIRS] = { 1, 0.83, 0.66, 0.5, 0.34, 0.17 };

typedef struct scale {
    double h, slope, kink, gap; /* gap: how far the slope on one side may be from `slope` */
    double left_over, noise, rounding;
    double all;                 /* the rounding of all values, moved or not */
    double range;               /* how far f moves */
    bool flat;                  /* f is the same to the last bit at all points */
} scale;

typedef struct scales {
    const ct__line *line;
    double analytic, tolerance[2]; /* atol, rtol */
    scale at[SCALES];
    int count;
} scales;

/* -- One scale */
/* the least squares fit z = (*u) p + (*v) q; returns the rms of what is left over */
static double fit(const double *p, const double *q, const double *z, double *u, double *v)
{
    double pp = 0, pq = 0, qq = 0, pz = 0, qz = 0, rest = 0;
    for (int j = 0; j < PAIRS; j++) {
        pp += p[j] * p[j], pq += p[j] * q[j], qq += q[j] * q[j];
        pz += p[j] * z[j], qz += q[j] * z[j];
    }
    double all = pp * qq - pq * pq;
    *u = (pz * qq - qz * pq) / all, *v = (qz * pp - pz * pq) / all;
    for (int j = 0; j < PAIRS; j++) {
        double left = z[j] - *u * p[j] - *v * q[j];
        rest += left * left / (PAIRS - 2);
    }
    return sqrt(rest);
}

/* false: stop the check. *good: the scale exists, and f is finite there */
static bool look(const ct__line *line, double h, scale *s, bool *good)
{
    double t[PAIRS], squares[PAIRS], cubes[PAIRS], odd[PAIRS], even[PAIRS], rounding = 0, unused;
    double largest = 0;
    *s = (scale){ .h = h, .flat = true };
    *good = true;
    for (int j = 0; j < PAIRS && *good; j++) {
        ct__sides sides = { 0 };
        if (!line->probe(line->user, h * places[j], &sides))
            return false;
        *good = sides.finite && sides.step > 0;
        t[j] = sides.step / h / 2, squares[j] = t[j] * t[j], cubes[j] = squares[j] * t[j];
        odd[j] = sides.rise / 2, even[j] = sides.bend / 2;
        s->flat &= sides.rise == 0 && sides.bend == 0;
        s->gap = fmax(s->gap, fabs(even[j]) / (t[j] * h));
        rounding = fmax(rounding, sides.noise);
        s->all = fmax(s->all, sides.all);
        largest = fmax(largest, fmax(fabs(odd[j]), fabs(even[j])));
    }
    if (!*good || s->flat)
        return true;
    for (int j = 0; j < PAIRS; j++) /* so that squares neither overflow nor vanish */
        odd[j] /= largest, even[j] /= largest;
    double left = fit(t, cubes, odd, &s->slope, &unused);
    s->left_over = largest * fmax(left, fit(t, squares, even, &s->kink, &unused));
    s->slope *= largest / h, s->kink *= largest / h;
    s->rounding = rounding, s->range = largest;
    return true;
}

static bool look_at_all(scales *all, double h)
{
    for (bool good; all->count < SCALES && h * places[PAIRS - 1] >= all->line->least;
         h /= SHRINK) {
        scale *s = &all->at[all->count];
        if (!look(all->line, h, s, &good))
            return false;
        all->count += good;
    }
    return true;
}

/* -- Flat to the last bit: is the slope 0, or is f rounded more coarsely than it moves? Where f
 * does move, farther out, it must be seen to move by less than a flat step would make it. */
static bool prove_flat(scales *all, int first)
{
    double h = all->at[first].h, moved = 0, away = all->at[first - 1].h / 2;
    for (int side = -1; side <= 1; side += 2)
        for (int j = 1; j <= 3; j++) {
            double rise;
            if (!all->line->rise(all->line->user, side * away * (1 + j * 0.07), h / 64, &rise))
                return false;
            moved = fmax(moved, fabs(rise));
        }
    double whole = fabs(all->at[first - 1].slope) + all->at[first - 1].gap;
    bool fine = moved > 0 && moved <= whole * h / 4;
    for (int i = first; i < all->count; i++)
        if (all->at[i].flat)
            all->at[i].noise = fine ? 0 : whole * h;
    return true;
}

/* What is left over is a bad estimate at one scale, since few points make it: the neighbors' count
 * too, as noise is the same at all scales. */
static bool estimate_noise(scales *all)
{
    for (int i = 0; i < all->count; i++) {
        scale *s = &all->at[i];
        double left = s->left_over;
        if (i > 0 && s[-1].left_over < 100 * left)
            left = fmax(left, s[-1].left_over);
        if (i + 1 < all->count)
            left = fmax(left, s[1].left_over);
        s->noise = s->flat ? s->all : fmax(left, s->rounding / 4);
    }
    for (int i = 1; i < all->count; i++)
        if (all->at[i].flat && !all->at[i - 1].flat)
            return prove_flat(all, i);
    return true;
}

/* -- What the scales say */
/* the larger of a and the slope; an infinite a does not count: its tolerance would be infinite */
static double size(const scales *all, const scale *s)
{
    double a = fabs(all->analytic), slope = fabs(s->slope);
    return isinf(a) ? slope : fmax(a, slope);
}

static double tolerance(const scales *all, const scale *s)
{
    return all->tolerance[0] + all->tolerance[1] * size(all, s);
}

static double uncertain(const scale *s)
{
    return SPREAD * s->noise / s->h;
}

static bool excludes(const scales *all, const scale *s)
{
    return !(fabs(all->analytic - s->slope) <=
             s->gap + SURE * uncertain(s) + tolerance(all, s));
}

static bool is_for(const scales *all, const scale *s)
{
    double most = fmax(tolerance(all, s), 0.01 * size(all, s));
    return !excludes(all, s) && SURE * uncertain(s) <= most;
}

/* the next coarser scale than i that says anything; -1: none */
static int coarser(const scales *all, int i)
{
    do
        i--;
    while (i >= 0 && !excludes(all, &all->at[i]) && !is_for(all, &all->at[i]));
    return i;
}

static bool agree(const scales *all, const scale *a, const scale *b)
{
    double apart = fabs(a->slope - b->slope);
    return apart <= a->gap + b->gap + SURE * (uncertain(a) + uncertain(b)) + tolerance(all, a) &&
           apart <= fabs(all->analytic - a->slope) / 2;
}

/* How far scale i may be from the slope, judged by the next coarser scale. The error of long steps
 * shrinks by SHRINK^3 or more from scale to scale, and so do the distances between neighbors. Where
 * these do not shrink, rounding makes them, and a finer scale is no better than its neighbor. */
static double truncation(const scales *all, int i)
{
    const scale *s = &all->at[i];
    double near = fabs(s->slope - s[-1].slope);
    bool shrinks = i < 2 || SHRINK * near <= fabs(s[-1].slope - s[-2].slope);
    return s->flat ? 0 : shrinks ? near / (SHRINK * SHRINK * SHRINK) : near;
}

/* The sharpest slope that `finest` and the coarser scales like it have. Its bar covers its
 * neighbor's slope. Returns the number of its scale. */
static int sharpest(const scales *all, int finest, ct__slope *slope)
{
    const scale *fine = &all->at[finest];
    int best = finest;
    *slope = (ct__slope){ .value = all->at[finest].slope, .bar = INFINITY, .kind = CT__ROUGH };
    for (int i = finest; i > 0; i--) {
        const scale *s = &all->at[i];
        double bar = 2 * uncertain(s) + truncation(all, i);
        if (fabs(s->slope - fine->slope) > s->gap + fine->gap +
                                           SURE * (uncertain(s) + uncertain(fine)))
            break; /* another slope */
        if (bar >= slope->bar)
            continue;
        best = i;
        *slope = (ct__slope){ .value = s->slope, .bar = bar, .kind = CT__SMOOTH,
                              .left = s->slope - s->kink, .right = s->slope + s->kink,
                              .step = s->h };
    }
    return best;
}

static bool is_kink(const scales *all, int i)
{
    const scale *s = &all->at[i], *next = s - 1;
    return i > 0 && fabs(s->kink) > SURE * uncertain(s) + tolerance(all, s) &&
           fabs(s->kink - next->kink) <= 0.2 * fabs(s->kink);
}

/* Between two jumps that rounding makes, f may be smooth and have any slope. Longer steps see the
 * jumps as noise that is the same from scale to scale, and f as smooth beside it; and a is wrong at
 * the finest scales by no more than such noise. */
static bool is_within_jumps(const scales *all, const scale *s, const scale *fine)
{
    bool lasts = s + 1 < fine && 4 * s[1].left_over >= s->left_over && s->noise <= s->range / 5;
    return lasts && !excludes(all, s) &&
           fabs(all->analytic - fine->slope) * fine->h / 2 <= 1.5 * s->noise;
}

/* Longer steps see another slope, or two of them in succession see a, and what f does at the finest
 * ones is little beside what it does at longer ones: it may be structure or coarse rounding, and
 * which slope is meant cannot be told. */
static bool is_disputed(const scales *all, int finest)
{
    const scale *fine = &all->at[finest];
    double range = 0;
    bool other = false, jumps = false;
    if (fine->noise == 0) /* it is flat, and is known to be */
        return false;
    double least = 4 * fine->noise; /* the longest steps of the fine ones see no more noise */
    while (fine > all->at && fine[-1].noise <= fmax(least, 0.02 * fine[-1].range))
        fine--;
    for (const scale *s = all->at; s < fine; s++) {
        double unsure = SURE * (uncertain(s) + uncertain(fine)) + s->gap + fine->gap;
        range = fmax(range, s->range);
        jumps |= is_within_jumps(all, s, fine);
        other |= unsure <= fabs(s->slope - fine->slope) / 4 ||
                 (s > all->at && is_for(all, s) && is_for(all, s - 1));
    }
    return jumps || (other && fine->range < 1e-3 * range);
}

/* What a scale leaves over is no rounding, and as large as all that f does: then f has structure at
 * all scales, and none of them shows its slope. */
static bool is_chaos(const scales *all, const scale *s)
{
    double range = 0, values = s->all / (2 * DBL_EPSILON);
    for (int i = 0; i < all->count; i++)
        range = fmax(range, all->at[i].range);
    return s->noise > 0.02 * range && s->noise > 1e-3 * values;
}

/* the next coarser scale than i that excludes a; NULL: none */
static const scale *excluding(const scales *all, int i)
{
    while (--i >= 0)
        if (excludes(all, &all->at[i]))
            return &all->at[i];
    return NULL;
}

/* The finest scale that says anything. One that is for a only because it is blunt, where the next
 * coarser one that excludes a sees the same slope, says nothing. */
static int finest_of(const scales *all)
{
    int finest = coarser(all, all->count);
    for (; finest >= 0 && is_for(all, &all->at[finest]); finest = coarser(all, finest)) {
        const scale *s = &all->at[finest], *t = excluding(all, finest);
        if (!t || uncertain(t) > uncertain(s) ||
            fabs(s->slope - t->slope) > SURE * (uncertain(s) + uncertain(t)) + s->gap + t->gap)
            break;
    }
    return finest;
}

static ct_verdict conclude(const scales *all, ct__slope *slope)
{
    int finest = finest_of(all);
    if (finest < 0)
        return CT_GRADCHECK_INCONCLUSIVE;
    const scale *s = &all->at[finest];
    bool kinked = is_kink(all, sharpest(all, finest, slope));
    if (kinked)
        slope->kind = CT__KINK;
    if (excludes(all, s)) {
        int next = coarser(all, finest);
        bool sure = next >= 0 && excludes(all, &all->at[next]) && agree(all, s, &all->at[next]) &&
                    !is_disputed(all, finest) && !is_chaos(all, s);
        return sure ? CT_GRADCHECK_FAIL : CT_GRADCHECK_INCONCLUSIVE;
    }
    if (kinked)
        return CT_GRADCHECK_KINK;
    double tol = tolerance(all, s);
    bool near = fabs(all->analytic - slope->value) <= 2 * slope->bar + tol;
    return near && slope->bar <= tol ? CT_GRADCHECK_PASS : CT_GRADCHECK_INCONCLUSIVE;
}

bool ct__scan(const ct__line *line, double h, double analytic, const double tolerance_of[2],
              ct__slope *slope, ct_verdict *verdict)
{
    scales all = { .line = line, .analytic = analytic,
                   .tolerance = { tolerance_of[0], tolerance_of[1] } };
    if (!look_at_all(&all, h) || !estimate_noise(&all))
        return false;
    *verdict = conclude(&all, slope);
    return true;
}
