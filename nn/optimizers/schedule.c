/* Schedules: the rate at a step, computed from the number of the step alone. t is the step, n
 * `steps`; the formulas are at ct_schedule. */
#include <cotangent/nn.h>
#include <math.h>

/* from a at x = 0 to b at x = 1, along half a cosine */
static double half_cosine(double a, double b, double x)
{
    const double pi = 3.14159265358979323846;
    return b + (a - b) * (1 + cos(pi * x)) / 2;
}

static double milestones(const ct_schedule *s, int64_t t)
{
    double rate = s->rate;
    for (int i = 0; i < s->count; i++)
        rate *= t >= s->milestones[i] ? s->factor : 1;
    return rate;
}

/* the cycles have n, n k, n k^2, ... steps */
static double restarts(const ct_schedule *s, int64_t t)
{
    double at = (double)t, length = (double)s->steps;
    double growth = s->growth > 0 ? (double)s->growth : 1;
    if (growth == 1) {
        at = fmod(at, length);
    } else {
        for (; at >= length; length *= growth)
            at -= length;
    }
    return half_cosine(s->rate, s->end, at / length);
}

/* A share of a step or less puts the top before step 0 or onto it: then the rate only falls. */
static double one_cycle(const ct_schedule *s, int64_t t)
{
    double begin = s->begin > 0 ? s->begin : s->rate / 25;
    double end = s->end > 0 ? s->end : begin / 1e4;
    double last = (double)s->steps - 1, at = fmin((double)t, last);
    double top = (s->share > 0 ? s->share : 0.3) * (double)s->steps - 1;
    if (at == top)
        return s->rate;
    return at < top ? half_cosine(begin, s->rate, at / top)
                    : half_cosine(s->rate, end, (at - top) / (last - top));
}

static int64_t length_of(const ct_schedule *s)
{
    return s->length > 0 ? s->length : s->steps;
}

static double rate_at(const ct_schedule *s, int64_t t)
{
    double n = (double)s->steps, share = fmin((double)t / n, 1);
    switch (s->kind) {
    case CT_CONSTANT:
        return s->rate;
    case CT_STEPS:
        return s->rate * pow(s->factor, floor((double)t / n));
    case CT_MILESTONES:
        return milestones(s, t);
    case CT_EXPONENTIAL:
        return s->rate * pow(s->factor, (double)t);
    case CT_COSINE:
        return half_cosine(s->rate, s->end, (double)t / n);
    case CT_COSINE_RESTARTS:
        return restarts(s, t);
    case CT_WARM_UP:
        return s->rate - (s->rate - s->begin) * (1 - share);
    case CT_ONE_CYCLE:
        return one_cycle(s, t);
    case CT_POLYNOMIAL:
        return s->end + (s->rate - s->end) * pow(1 - share, s->power > 0 ? s->power : 1);
    case CT_JOINED:
        break;
    }
    return NAN;
}

/* n, the factor and the lists are there where the kind needs them */
static bool is_complete(const ct_schedule *s)
{
    bool factor = s->factor > 0 && isfinite(s->factor);
    switch (s->kind) {
    case CT_CONSTANT:
        return true;
    case CT_STEPS:
        return s->steps > 0 && factor;
    case CT_MILESTONES:
        return factor && (s->milestones || s->count == 0);
    case CT_EXPONENTIAL:
        return factor;
    case CT_COSINE:
    case CT_COSINE_RESTARTS:
    case CT_WARM_UP:
    case CT_POLYNOMIAL:
        return s->steps > 0;
    case CT_ONE_CYCLE:
        return s->steps > 0 && s->share <= 1;
    case CT_JOINED:
        return false;
    }
    return false;
}

static bool is_zeroed(const ct_schedule *s)
{
    return !(s->reserved[0] | s->reserved[1] | s->reserved[2] | s->reserved[3]);
}

double ct_schedule_rate(const ct_schedule *schedule, int64_t step)
{
    const ct_schedule *s = schedule;
    for (int depth = 0; s && s->kind == CT_JOINED && depth < 8; depth++) {
        if (!is_zeroed(s) || !s->parts || s->count < 1)
            return NAN;
        const ct_schedule *part = s->parts, *last = part + s->count - 1;
        for (; part < last && length_of(part) > 0 && step >= length_of(part); part++)
            step -= length_of(part);
        if (part < last && length_of(part) <= 0)
            return NAN;
        s = part;
    }
    if (!s || step < 0 || !is_zeroed(s))
        return NAN;
    return is_complete(s) ? rate_at(s, step) : NAN;
}

/* -- Plateau */
double ct_plateau_rate(ct_plateau *p, double rate, double metric)
{
    if (!p)
        return NAN;
    double factor = p->factor > 0 ? p->factor : 0.1, threshold = p->threshold > 0 ? p->threshold
                                                                 : p->threshold < 0 ? 0 : 1e-4;
    int64_t patience = p->patience > 0 ? p->patience : p->patience < 0 ? 0 : 10;
    double bound = p->maximize ? p->best * (1 + threshold) : p->best * (1 - threshold);
    bool better = p->maximize ? metric > bound : metric < bound;
    if (!p->begun ? !isnan(metric) : better) {
        p->best = metric;
        p->begun = true;
        p->bad = 0;
    } else {
        p->bad++;
    }
    if (p->rest > 0) {
        p->rest--;
        p->bad = 0;
    }
    if (p->bad <= patience)
        return rate;
    p->bad = 0;
    p->rest = p->cooldown;
    double lower = fmax(rate * factor, p->least_rate);
    return rate - lower > 1e-8 ? lower : rate;
}
