/* Reductions, rows, scans and sorting. */
#include "reference.h"

#include <stdlib.h>

#include "axes.h"
#include "channels.h"
#include "scan.h"

/* -- What becomes of a group of n elements */
static int64_t first_nan(int64_t n, const real *x)
{
    for (int64_t i = 0; i < n; i++)
        if (isnan(x[i]))
            return i;
    return -1;
}

/* where the largest of sign * x is: the first one; a NaN wins */
static int64_t place(int64_t n, const real *x, real sign)
{
    int64_t at = first_nan(n, x);
    if (at >= 0)
        return at;
    at = 0;
    for (int64_t i = 1; i < n; i++)
        at = sign * x[i] > sign * x[at] ? i : at;
    return at;
}

#define GROUP(name) static real name##_of(int64_t n, real *x, const void *attributes)
#define FOLD(name, start, expression)                                                           \
    GROUP(name)                                                                                 \
    {                                                                                           \
        real y = start;                                                                         \
        (void)attributes;                                                                       \
        for (int64_t i = 0; i < n; i++)                                                         \
            y = expression;                                                                     \
        return y;                                                                               \
    }
FOLD(sum, 0, y + x[i])
FOLD(prod, 1, y * x[i])
FOLD(count_nonzero, 0, y + (x[i] != 0))
FOLD(any, 0, y != 0 || x[i] != 0)
FOLD(all, 1, y != 0 && x[i] != 0)

GROUP(mean)
{
    return sum_of(n, x, attributes) / n;
}

GROUP(var)
{
    real mean = mean_of(n, x, attributes), sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sum / n;
}

GROUP(std)
{
    return sqrtl(var_of(n, x, attributes));
}

GROUP(max)
{
    (void)attributes;
    return x[place(n, x, 1)];
}

GROUP(min)
{
    (void)attributes;
    return x[place(n, x, -1)];
}

GROUP(logsumexp)
{
    real max = n ? max_of(n, x, attributes) : -INFINITY, sum = 0;
    if (isinf(max) || isnan(max))
        return max;
    for (int64_t i = 0; i < n; i++)
        sum += expl(x[i] - max);
    return max + logl(sum);
}

static int compare(const void *a, const void *b)
{
    real x = *(const real *)a, y = *(const real *)b;
    return isnan(x) || isnan(y) ? isnan(x) - isnan(y) : (x > y) - (x < y);
}

static real quantile_at(int64_t n, real *x, real q)
{
    qsort(x, (size_t)n, sizeof *x, compare);
    if (n == 0 || isnan(x[n - 1]))
        return NAN;
    int64_t below = (int64_t)floorl(q * (n - 1));
    real rest = q * (n - 1) - below;
    return rest > 0 ? x[below] * (1 - rest) + x[below + 1] * rest : x[below];
}

GROUP(median)
{
    (void)attributes;
    return quantile_at(n, x, 0.5L);
}

GROUP(quantile)
{
    (void)attributes;
    return quantile_at(n, x, 0.3);
}

static void quantiles(task *t)
{
    for (int k = 0; k < 2; k++)
        t->y[0].at[k] = quantile_at(t->x[0].n, t->x[0].at, k == 0 ? 0.25L : 0.75L);
}

/* the sum is of powers of x / max */
GROUP(norm)
{
    const struct { ct__reduction r; double p; } *a = attributes;
    real size = 0, sum = 0;
    for (int64_t i = 0; i < n; i++)
        size = isnan(x[i]) || fabsl(x[i]) > size ? fabsl(x[i]) : size;
    if (n > 0 && first_nan(n, x) >= 0)
        return NAN;
    if (size == 0 || isinf(size))
        return size;
    for (int64_t i = 0; i < n; i++)
        sum += powl(fabsl(x[i]) / size, a->p);
    return size * powl(sum, 1 / (real)a->p);
}

/* by attributes, or of all */
#define BY_AXES(name)                                                                           \
    static void name(task *t)                                                                   \
    {                                                                                           \
        reduce(t, ((const ct__reduction *)t->attributes)->axes, name##_of);                     \
    }
#define OF_ALL(name)                                                                            \
    static void name(task *t)                                                                   \
    {                                                                                           \
        reduce(t, ~0u, name##_of);                                                              \
    }
BY_AXES(prod)
BY_AXES(max)
BY_AXES(min)
BY_AXES(logsumexp)
BY_AXES(norm)
OF_ALL(sum)
OF_ALL(mean)
OF_ALL(var)
OF_ALL(std)
OF_ALL(count_nonzero)
OF_ALL(any)
OF_ALL(all)
OF_ALL(median)
OF_ALL(quantile)

/* -- Lines along an axis */
#define LINE(name, axis)                                                                        \
    static void name##_line(const line *l);                                                     \
    static void name(task *t)                                                                   \
    {                                                                                           \
        along(t, axis, name##_line);                                                            \
    }                                                                                           \
    static void name##_line(const line *l)
#define AXIS_64 (int)*(const int64_t *)t->attributes
#define AXIS_SCAN ((const ct__scan *)t->attributes)->axis

LINE(argmax, AXIS_64)
{
    l->y[0][0] = place(l->n, l->x, 1);
}

LINE(argmin, AXIS_64)
{
    l->y[0][0] = place(l->n, l->x, -1);
}

LINE(log_softmax, AXIS_64)
{
    real sum = logsumexp_of(l->n, l->x, NULL);
    for (int64_t i = 0; i < l->n; i++)
        l->y[0][i] = isfinite(sum) ? l->x[i] - sum : NAN;
}

LINE(softmax, AXIS_64)
{
    log_softmax_line(l);
    for (int64_t i = 0; i < l->n; i++)
        l->y[0][i] = expl(l->y[0][i]);
}

/* element i of the scan's way */
static int64_t way(const line *l, int64_t i)
{
    return ((const ct__scan *)l->attributes)->reverse ? l->n - 1 - i : i;
}

LINE(cumsum, AXIS_SCAN)
{
    real sum = 0;
    for (int64_t i = 0; i < l->n; i++)
        l->y[0][way(l, i)] = sum += l->x[way(l, i)];
}

LINE(cumprod, AXIS_SCAN)
{
    real product = 1;
    for (int64_t i = 0; i < l->n; i++)
        l->y[0][way(l, i)] = product *= l->x[way(l, i)];
}

LINE(logcumsumexp, AXIS_SCAN)
{
    real *seen = calloc((size_t)l->n + 1, sizeof *seen);
    for (int64_t i = 0; i < l->n; i++) {
        seen[i] = l->x[way(l, i)];
        l->y[0][way(l, i)] = logsumexp_of(i + 1, seen, NULL);
    }
    free(seen);
}

/* of equal ones the last; a NaN stays, and the last of them too */
static void extremes(const line *l, real sign)
{
    int64_t at = 0;
    for (int64_t i = 0; i < l->n; i++) {
        real x = l->x[i], best = l->x[at];
        at = isnan(best) ? (isnan(x) ? i : at) : isnan(x) || sign * x >= sign * best ? i : at;
        l->y[0][i] = at;
    }
}

LINE(cummax_places, AXIS_SCAN)
{
    extremes(l, 1);
}

LINE(cummin_places, AXIS_SCAN)
{
    extremes(l, -1);
}

/* values, and places */
LINE(cummax, 0)
{
    extremes(l, 1);
    for (int64_t i = 0; i < l->n; i++) {
        l->y[1][i] = l->y[0][i];
        l->y[0][i] = l->x[(int64_t)l->y[1][i]];
    }
}

LINE(cummin, 0)
{
    extremes(l, -1);
    for (int64_t i = 0; i < l->n; i++) {
        l->y[1][i] = l->y[0][i];
        l->y[0][i] = l->x[(int64_t)l->y[1][i]];
    }
}

/* the first m places in sorted order: stable; NaN is larger than all else */
static void places(const line *l, bool descending, real *y)
{
    for (int64_t i = 0; i < l->n; i++) {
        int64_t before = 0;
        for (int64_t k = 0; k < l->n; k++) {
            int order = compare(&l->x[k], &l->x[i]) * (descending ? -1 : 1);
            before += order < 0 || (order == 0 && k < i);
        }
        if (before < l->m)
            y[before] = i;
    }
}

LINE(argsort, -1)
{
    places(l, *(const bool *)l->attributes, l->y[0]);
}

static void taken(const line *l, bool descending)
{
    real *order = calloc((size_t)l->n + 1, sizeof *order);
    places(l, descending, order);
    for (int64_t i = 0; i < l->m; i++) {
        l->y[0][i] = l->x[(int64_t)order[i]];
        l->y[1][i] = order[i];
    }
    free(order);
}

LINE(sort, 0)
{
    taken(l, false);
}

LINE(topk, -1)
{
    taken(l, true);
}

/* y_0 = b_0, y_i = a_i y_(i-1) + b_i: x0 is a, x1 is b, of one shape */
static void recurrence(task *t)
{
    const ct__scan *s = t->attributes;
    const array *a = &t->x[0], *b = &t->x[1];
    int axis = axis_of(s->axis, a->ndim);
    for (int64_t k = 0; a->ndim > 0 && k < a->shape[axis]; k++) {
        int64_t now = s->reverse ? a->shape[axis] - 1 - k : k;
        EACH(a, i) {
            if (i[axis] != now)
                continue;
            real *y = element(&t->y[0], i);
            int64_t stride = 1;
            for (int d = axis + 1; d < a->ndim; d++)
                stride *= a->shape[d];
            real before = k == 0 ? 0 : y[s->reverse ? stride : -stride];
            *y = (k == 0 ? 0 : *element(a, i) * before) + *element(b, i);
        }
    }
}

/* Its results are powers of 2 of its own choice, which keep products near 1: y1 y2 is 1 over the
 * product of all scales so far. */
LINE(balance, AXIS_SCAN)
{
    real product = 1, scales = 1;
    for (int64_t i = 0; i < l->n; i++) {
        int64_t at = way(l, i);
        if (l->x[at] != 0 && fabsl(l->x[at]) < 1.2e-38L)
            return; /* a subnormal number is not brought so near */
        real x = isfinite(l->x[at]) && l->x[at] != 0 ? l->x[at] : 1, scale = l->y[0][at];
        product *= fabsl(x) * scale;
        scales *= scale;
        bool near = product >= 0.5L && product <= 1;
        l->y[0][at] = near ? scale : NAN;
        l->y[1][at] = l->y[1][at] * l->y[2][at] * scales == 1 ? l->y[1][at] : NAN;
    }
}

/* -- Rows with labels; normalized rows */
static void cross_entropy_each(task *t)
{
    const array *x = &t->x[0];
    for (int64_t i = 0, c = x->shape[1]; i < x->shape[0]; i++) {
        real sum = logsumexp_of(c, x->at + i * c, NULL);
        t->y[0].at[i] = isfinite(sum) ? sum - x->at[i * c + (int64_t)t->x[1].at[i]] : NAN;
    }
}

static void cross_entropy(task *t)
{
    real sum = 0;
    task each = *t;
    each.y[0].at = calloc((size_t)t->x[1].n + 1, sizeof(real));
    cross_entropy_each(&each);
    for (int64_t i = 0; i < t->x[1].n; i++)
        sum += each.y[0].at[i];
    free(each.y[0].at);
    t->y[0].at[0] = sum / t->x[1].n;
}

static void layer_norm(task *t)
{
    const struct {
        int ndim;
        int64_t shape[CT_MAX_DIMS];
        double epsilon;
        bool weight, bias, rms;
    } *a = t->attributes;
    int64_t n = 1;
    for (int d = 0; d < a->ndim; d++)
        n *= a->shape[d];
    for (int64_t i = 0; i < t->y[0].n; i++) {
        real *row = t->x[0].at + i / n * n;
        real mean = a->rms ? 0 : mean_of(n, row, NULL), sum = 0;
        for (int64_t j = 0; j < n; j++)
            sum += (row[j] - mean) * (row[j] - mean);
        real h = (row[i % n] - mean) / sqrtl(sum / n + a->epsilon);
        h *= a->weight ? t->x[1].at[i % n] : 1;
        t->y[0].at[i] = h + (a->bias ? t->x[1 + a->weight].at[i % n] : 0);
    }
}

/* -- Channels */
static void mean_and_var(const task *t, int64_t groups, const int64_t *at, real *mean, real *var)
{
    const array *x = &t->x[0];
    int64_t each = groups > 0 ? x->shape[1] / groups : 1, n = 0;
    *mean = *var = 0;
    for (int turn = 0; turn < 2; turn++) {
        n = 0;
        EACH(x, i) {
            if (i[1] / each != at[1] / each || (groups > 0 && i[0] != at[0]))
                continue;
            real far = *element(x, i) - *mean;
            *var += turn == 0 ? far : far * far;
            n++;
        }
        if (turn == 0)
            *mean = *var / n, *var = 0;
    }
    *var /= n;
}

static void channels(task *t)
{
    const ct__channels *a = t->attributes;
    int next = a->given ? 3 : 1;
    const real *w = a->weight ? t->x[next++].at : NULL, *b = a->bias ? t->x[next].at : NULL;
    EACH(&t->y[0], i) {
        real mean, var, *y = element(&t->y[0], i);
        if (a->given)
            mean = t->x[1].at[i[1]], var = t->x[2].at[i[1]];
        else
            mean_and_var(t, a->groups, i, &mean, &var);
        *y = (*element(&t->x[0], i) - mean) / sqrtl(var + a->epsilon);
        *y = *y * (w ? w[i[1]] : 1) + (b ? b[i[1]] : 0);
        if (a->relu && *y < 0)
            *y = 0;
        if (t->outputs == 3)
            t->y[1].at[i[1]] = mean, t->y[2].at[i[1]] = var;
    }
}

/* along the first axis, epsilon 0.01 */
static void cosine_similarity(task *t)
{
    int64_t m = t->y[0].n, n = m ? t->x[0].n / m : 0;
    for (int64_t j = 0; j < m; j++) {
        real ab = 0, aa = 0, bb = 0;
        for (int64_t i = 0; i < n; i++) {
            real a = t->x[0].at[i * m + j], b = t->x[1].at[i * m + j];
            ab += a * b, aa += a * a, bb += b * b;
        }
        t->y[0].at[j] = ab / (fmaxl(sqrtl(aa), 0.01) * fmaxl(sqrtl(bb), 0.01));
    }
}

/* of x made flat: values, which value each x is, how often each occurs */
static void unique(task *t)
{
    const array *x = &t->x[0];
    real *sorted = calloc((size_t)x->n + 1, sizeof *sorted);
    int64_t n = 0;
    memcpy(sorted, x->at, (size_t)x->n * sizeof *sorted);
    qsort(sorted, (size_t)x->n, sizeof *sorted, compare);
    for (int64_t i = 0; i < x->n; i++) {
        bool next = i == 0 || compare(&sorted[i], &sorted[i - 1]) != 0;
        n += next;
        t->y[0].at[n - 1] = sorted[i];
        t->y[2].at[n - 1] = next ? 1 : t->y[2].at[n - 1] + 1;
        for (int64_t k = 0; k < x->n; k++)
            if (compare(&x->at[k], &sorted[i]) == 0)
                t->y[1].at[k] = n - 1;
    }
    free(sorted);
}

#define R(name) { #name, name }
const reference row_references[] = {
    R(sum), R(mean), R(var), R(std), R(prod), R(max), R(min), R(logsumexp), R(norm),
    R(count_nonzero), R(any), R(all), R(median), R(quantile),
    R(quantiles), R(argmax), R(argmin), R(softmax),
    R(log_softmax), R(cumsum), R(cumprod), R(logcumsumexp), R(cummax_places), R(cummin_places),
    R(cummax), R(cummin), R(argsort), R(sort), R(topk), R(recurrence), R(balance),
    R(cross_entropy), R(cross_entropy_each), R(layer_norm), { "rms_norm", layer_norm },
    { "batch_norm", channels }, { "instance_norm", channels },
    { "batch_norm_train", channels }, { "batch_norm_relu_train", channels },
    { "group_norm", channels }, R(cosine_similarity), R(unique),
    { NULL, NULL }
};
