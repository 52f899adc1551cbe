/* A step along d that satisfies the strong Wolfe conditions (Nocedal and Wright, Numerical
 * Optimization, 2nd edition, algorithms 3.5 and 3.6). With phi(a) = f(x + a d) these are
 *     phi(a) <= phi(0) + c1 a phi'(0)     and     |phi'(a)| <= c2 |phi'(0)|.
 * First steps grow until an interval is known to hold such a step. Then it shrinks: a cubic through
 * the values and slopes at both ends says where to look next. A value that is not finite is treated
 * as too large. */
#include <float.h>
#include <math.h>

#include "line.h"

static const double c1 = 1e-4, c2 = 0.9;
enum { TRIES = 60 };

typedef struct point {
    double step, value, slope;
} point;

double ct__dot(int64_t n, const double *a, const double *b)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

double ct__largest(int64_t n, const double *a)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(a[i]) <= most))
            most = fabs(a[i]);
    return most;
}

/* Looks at x + step d, which is then in `next`. */
static ct_status look(ct__descent *s, double step, point *p)
{
    for (int64_t i = 0; i < s->f.n; i++)
        s->next[i] = s->x[i] + step * s->d[i];
    *p = (point){ step, INFINITY, NAN };
    double value = NAN;
    s->report.evaluations++;
    ct_status status = ct__value_of(&s->f, s->next, &(ct__wanted){ .gx = s->next_g }, &value);
    double slope = status == CT_OK ? ct__dot(s->f.n, s->next_g, s->d) : (double)NAN;
    if (isfinite(value) && isfinite(slope))
        *p = (point){ step, value, slope };
    return status;
}

/* where the cubic through both points is least, but well inside; the middle if it has none */
static double between(const point *a, const point *b)
{
    double width = b->step - a->step, middle = a->step + width / 2;
    double u = a->slope + b->slope - 3 * (b->value - a->value) / width;
    double root = sqrt(u * u - a->slope * b->slope);
    root = width < 0 ? -root : root;
    double step = b->step - width * (b->slope + root - u) / (b->slope - a->slope + 2 * root);
    double from = (step - a->step) / width;
    return from > 0.1 && from < 0.9 ? step : middle; /* a NaN is not */
}

static bool enough(const point *start, const point *p)
{
    return p->value <= start->value + c1 * p->step * start->slope;
}

static bool flat(const point *start, const point *p)
{
    return fabs(p->slope) <= -c2 * start->slope;
}

/* Is the fall that the slope promises lost in the value's rounding? Then the value may not fall,
 * and whether the slope has become flatter decides alone (Hager and Zhang, 2005). */
static bool rounded(const point *start, const point *p)
{
    double noise = 8 * DBL_EPSILON * fmax(fabs(start->value), DBL_MIN);
    return p->value <= start->value + noise && -start->slope * p->step <= 1e3 * noise;
}

static bool satisfies(const point *start, const point *p)
{
    return (enough(start, p) || rounded(start, p)) && flat(start, p);
}

/* Shrinks the interval between low, the best step so far, and high. */
static ct_status zoom(ct__descent *s, const point *start, point low, point high, point *p)
{
    for (int i = 0; i < TRIES; i++) {
        ct_status status = look(s, between(&low, &high), p);
        if (status != CT_OK || satisfies(start, p))
            return status;
        if (!enough(start, p) || p->value >= low.value) {
            high = *p;
        } else {
            if (p->slope * (high.step - low.step) >= 0)
                high = low;
            low = *p;
        }
    }
    return low.step > 0 ? look(s, low.step, p) : CT_OK; /* it fell, if not by the conditions */
}

static ct_status search(ct__descent *s, const point *start, double step, point *p)
{
    point before = *start;
    for (int i = 0; i < TRIES; i++, step *= 2) {
        ct_status status = look(s, step, p);
        if (status != CT_OK || satisfies(start, p))
            return status;
        if (!enough(start, p) || (i > 0 && p->value >= before.value))
            return zoom(s, start, before, *p, p);
        if (p->slope >= 0)
            return zoom(s, start, *p, before, p);
        before = *p;
    }
    return CT_OK; /* it falls, and falls */
}

ct_status ct__line_search(ct__descent *s, double *step, double *value)
{
    point start = { 0, s->report.value, ct__dot(s->f.n, s->g, s->d) }, p;
    ct_status status = search(s, &start, *step, &p);
    const double noise = 1e4 * DBL_EPSILON * fmax(fabs(start.value), DBL_MIN);
    *value = p.value;
    if (status != CT_OK)
        return status;
    bool good = p.value < start.value || (satisfies(&start, &p) && p.step > 0);
    if (!good && -start.slope * *step > noise)
        return ct_fail(s->f.cx, CT_ERROR_VALUE,
                       "%s: the value, %g, does not fall along a direction in which its slope is "
                       "%g: is the gradient right? ct_gradcheck can tell",
                       s->f.who, start.value, start.slope);
    *step = good ? p.step : 0;
    return CT_OK;
}
