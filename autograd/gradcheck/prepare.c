/* Finds out about a function before anything is compared: is it a function at all, are its values
 * finite, and how noisy are they?
 *
 * The noise is measured, since it cannot be known. Along a line through the point that is 1e-7 of
 * x long, f is straight to within rounding, or bent once where it has a kink. So its slope changes
 * in one direction only, and the second differences have one sign. Where their magnitudes sum to
 * more than the magnitude of their sum, the excess is noise. A value that is rounded by up to q/2
 * has an excess of 2 q if the rounding flips once on the line, and more if it flips more often. A
 * quarter of the excess is therefore taken beside eps |y|, which is the noise of a value that is
 * rounded correctly. Two spacings are tried, since one of them may be in step with the rounding.
 * At order 2 a gradient may jump, where f has a kink; that is no noise. */
#include <float.h>
#include <math.h>

#include "checker.h"

enum { NOISE_POINTS = 7 };

/* -- Noise */
/* takes the values at points `spacing` apart; an excess (see the top) raises a value's noise */
static bool measure(ct__check *c, double spacing)
{
    double *last = c->plus, *slope = c->minus, *now = c->work;
    double *sum = c->work + c->outputs, *net = c->work + 2 * c->outputs;
    bool done = true;
    for (int point = 0; point < NOISE_POINTS && done; point++) {
        const int from_middle = point - NOISE_POINTS / 2;
        double t = spacing * from_middle;
        ct__check_move(c, t);
        done = ct__check_values(c, now);
        for (int64_t j = 0; j < c->outputs && done; j++) {
            double rise = now[j] - last[j], bend = rise - slope[j];
            sum[j] = point < 2 ? 0 : sum[j] + fabs(bend);
            net[j] = point < 2 ? 0 : net[j] + bend;
            last[j] = now[j], slope[j] = rise;
        }
    }
    for (int64_t j = 0; j < c->outputs && done; j++) {
        double excess = (sum[j] - fabs(net[j])) / 4;
        bool jumps = c->order == 2 && excess > 1e-3 * fmax(fabs(last[j]), fabs(c->y[j]));
        if (excess > c->noise[j] && !jumps) /* false for a NaN: the line left f's domain */
            c->noise[j] = excess;
    }
    return done;
}

static bool measure_along(ct__check *c)
{
    ct__check_aim(c, false);
    for (int64_t j = 0; j < c->outputs; j++)
        c->noise[j] = DBL_EPSILON * fabs(c->y[j]);
    bool done = measure(c, 3.8e-7) && measure(c, 2.35e-7);
    ct__check_move(c, 0);
    return done;
}

static bool is_noisy(const ct__check *c)
{
    bool noisy = false;
    for (int64_t j = 0; j < c->outputs; j++)
        noisy |= c->noise[j] > 100 * DBL_EPSILON * fabs(c->y[j]);
    return noisy;
}

static double middle(double a, double b, double c)
{
    return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

/* Much noise is measured again along two other lines, since two kinks may have lain on the first,
 * and a line may be in step with the rounding. The noise in the middle counts. */
static bool measure_noise(ct__check *c)
{
    double *first = c->work + 3 * c->outputs, *second = c->work + 4 * c->outputs;
    size_t bytes = (size_t)c->outputs * sizeof *first;
    if (!measure_along(c))
        return false;
    if (is_noisy(c)) {
        memcpy(first, c->noise, bytes);
        if (!measure_along(c))
            return false;
        memcpy(second, c->noise, bytes);
        if (!measure_along(c))
            return false;
        for (int64_t j = 0; j < c->outputs; j++)
            c->noise[j] = middle(first[j], second[j], c->noise[j]);
    }
    c->noisy = is_noisy(c);
    return true;
}

/* -- Is it a function, and is it finite? */
/* the root of the mean of n squares, which neither overflow nor vanish on the way */
static double root_mean_square(const double *x, int64_t n)
{
    double largest = 0, sum = 0;
    for (int64_t k = 0; k < n; k++)
        largest = fmax(largest, fabs(x[k]));
    for (int64_t k = 0; k < n && largest > 0; k++)
        sum += x[k] / largest * (x[k] / largest) / (double)n;
    return largest * sqrt(sum);
}

static bool remember_start(ct__check *c)
{
    for (int i = 0; i < c->part_count; i++) {
        ct__part *part = &c->parts[i];
        double *start = c->start + part->first;
        ct_to_doubles(part->x, start, part->count);
        for (int64_t k = 0; k < part->count; k++)
            if (!isfinite(start[k]))
                return ct__check_invalid(c, "input %d is not finite", part->input);
        part->scale = root_mean_square(start, part->count);
    }
    c->remembered = true;
    return true;
}

static bool check_pure(ct__check *c)
{
    if (!ct__check_values(c, c->y) || !ct__check_untouched(c, "the function") ||
        !ct__check_values(c, c->plus) || !ct__check_untouched(c, "the function"))
        return false;
    for (int64_t j = 0; j < c->outputs; j++)
        if (!isfinite(c->y[j]))
            return ct__check_invalid(c, "the function's %s is not finite at this point",
                                     c->order == 2 ? "gradient" : "value");
    return ct__same_bits(c->y, c->plus, c->outputs) ||
           ct__check_invalid(c, "the function is not deterministic: two evaluations at one point "
                               "differ");
}

static bool make_cotangent(ct__check *c)
{
    int64_t shape[CT_MAX_DIMS];
    ct__scope scope;
    ct__scope_push(c->cx, &scope);
    ct_tensor *y = ct__check_run(c);
    int ndim = y ? y->ndim : 0;
    ct_dtype dtype = y ? (ct_dtype)y->dtype : CT_F64;
    if (y)
        memcpy(shape, ct__shape(y), (size_t)ndim * sizeof *shape);
    ct__scope_pop(c->cx, &scope);
    if (!y)
        return false;
    c->u = ct_zeros(c->cx, dtype, shape, ndim);
    if (!c->u)
        return ct__check_invalid(c, "out of memory");
    size_t size = ct__dtype_size(dtype);
    for (int64_t j = 0; j < c->u->count; j++)
        ct__store(c->u->data + (size_t)j * size, dtype, ct__check_random(c));
    return true;
}

static bool make_weights(ct__check *c)
{
    if (c->order == 1)
        return ct_to_doubles(c->u, c->weights, c->outputs) == CT_OK;
    for (int i = 0; i < c->inputs; i++) {
        const ct__part *part = &c->parts[i];
        c->v[i] = ct_zeros_like(part->x);
        if (!c->v[i])
            return ct__check_invalid(c, "out of memory");
        for (int64_t k = 0; k < part->count; k++) {
            double w = c->weights[part->first + k] = ct__check_random(c);
            memcpy(c->v[i]->data + (size_t)k * sizeof w, &w, sizeof w);
        }
    }
    return true;
}

bool ct__check_prepare(ct__check *c)
{
    if (!remember_start(c) || (c->order == 1 && !make_cotangent(c)))
        return false;
    const ct__part *last = &c->parts[c->inputs - 1];
    c->outputs = c->order == 1 ? c->u->count : last->first + last->count;
    int64_t m = c->outputs;
    c->y = ct__check_room(c, 10 * m, sizeof *c->y);
    c->moved = ct__check_room(c, m, sizeof *c->moved);
    if (!c->y || !c->moved)
        return false;
    c->weights = c->y + m, c->noise = c->y + 2 * m, c->plus = c->y + 3 * m;
    c->minus = c->y + 4 * m, c->work = c->y + 5 * m;
    return make_weights(c) && check_pure(c) && measure_noise(c);
}
