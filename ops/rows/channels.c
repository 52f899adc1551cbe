/* Normalization of channels. A set of elements has the statistics m and v, its mean and variance
 * (with divisor n), and each of its channels c has a weight w_c and a bias b_c:
 *
 *   h_j = (x_j - m) r      r = 1 / sqrt(v + epsilon)
 *   y_j = h_j w_c + b_c
 *
 * With g_j = gy_j w_c, and since sum h_j = 0, as in layer_norm.c:
 *
 *   gx_k = r (g_k - mean g - h_k mean (g h)),   gw_c = sum of gy_j h_j,   gb_c = sum of gy_j
 *
 * where the sums are over the elements of the channel. If y is max(0, h w + b), gy counts as 0
 * where that is 0; it is computed again, since x, w and b are read anyway. Where m and v are
 * results too, with the cotangents gm and gv, dm/dx_k = 1 / n and dv/dx_k = 2 (x_k - m) / n =
 * 2 h_k / (n r) add
 *
 *   gm / n + 2 gv h_k / (n r)
 *
 * to gx_k. Where m and v are given, gx_k = r g_k, and since dy/dm = -w r, dy/dv = -w h r^2 / 2,
 *
 *   gm = -r w gb_c,   gv = -r^2 w gw_c / 2.
 *
 * m, r and the unit of a set are kept as layer_norm.c keeps them (Ioffe, Szegedy 2015; Wu, He
 * 2018). */
#include "channels.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "double_math.h"
#include "moments.h"

enum { GRAIN = 16384, PIECE = 1024, AHEAD = 512, MOST_AHEAD = 8 };

/* A set has parts, one for each of its channels. A part has runs of `length` elements that lie one
 * after another. Short runs are worked on in bundles. */
typedef struct sets {
    int64_t count, parts, runs, length, bundle, n;  /* n elements in a set */
    int64_t step, part_step, run_step;              /* from one to the next */
    int64_t channels;
    const void *x, *w, *b, *gy, *mean, *variance;   /* the last two: what is given */
    void *y, *gx, *moments, *mean_out, *variance_out;
    const void *g_mean, *g_variance;                /* cotangents of the results, or NULL */
    double *sums;                                   /* of a part: sum of gy h, sum of gy */
    double epsilon;
    bool adds, relu;
} sets;

/* Elements of a part: n of each of some runs, from place `at` on. Before the first piece all but
 * `first`, the place of the part, is 0. */
typedef struct piece {
    int64_t first, run, from, runs, n, at;
} piece;

static inline bool next_piece(const sets *s, piece *p)
{
    p->from += p->n;
    if (p->from >= s->length) {
        p->from = 0;
        p->run += p->runs;
    }
    if (p->run >= s->runs || s->n == 0)
        return false;
    p->n = s->length - p->from < PIECE ? s->length - p->from : PIECE;
    p->runs = s->runs - p->run < s->bundle ? s->runs - p->run : s->bundle;
    p->at = p->first + p->run * s->run_step + p->from;
    return true;
}

/* A piece where it lies. The processor does not foresee the next runs, so those some way ahead are
 * asked for; few, since runs a power of two apart take each other's place in the first cache. */
static inline strip strip_of(const sets *s, const piece *p)
{
    const int64_t more = AHEAD / s->length, ahead = more < MOST_AHEAD ? more + 1 : MOST_AHEAD;
    return (strip){ p->runs, p->n, s->run_step,
                    p->run + ahead < s->runs ? ahead * s->run_step : 0 };
}

static inline int64_t part_at(const sets *s, int64_t set, int64_t part)
{
    return set * s->step + part * s->part_step;
}

typedef struct ct__channel_kernels {
    void (*forward)(int64_t begin, int64_t end, void *arg);
    void (*backward)(int64_t begin, int64_t end, void *arg);
} ct__channel_kernels;
#define CT_KERNELS     "channels_kernels.h"
#define CT_KERNELS_F32 64
#include <cotangent/kernels.h>

static const ct__channel_kernels *kernels_for(const ct_call *call)
{
    static const ct__channel_kernels *const all[][CT_SIMDS] = CT_KERNEL_TABLE(channel_kernels);
    return CT_KERNEL_OF(all, ct_call_x(call, 0));
}

/* the length of a run: the product of all sizes after the channels; 0 if there are no elements */
static int64_t length_of(const ct_tensor *x)
{
    int64_t length = ct_count(x) > 0;
    for (int d = 2; d < ct_ndim(x); d++)
        length *= ct_shape(x)[d];
    return length;
}

/* -- infer */
static ct_status infer_statistics(ct_call *call, const ct__channels *a, int64_t count)
{
    const ct_tensor *x = ct_call_x(call, 0);
    for (int i = 1; i < 3 && a->groups == 0; i++) {
        ct_status status = ct_call_set_y(call, i, ct_dtype_of(x), &count, 1);
        if (status != CT_OK)
            return status;
    }
    return ct_call_set_aux(call, 0, ct_dtype_of(x), (int64_t[]){ count, 4 }, 2);
}

static ct_status check_inputs(const ct_call *call, const ct__channels *a)
{
    const ct_tensor *x = ct_call_x(call, 0);
    int wanted = 1 + (a->given ? 2 : 0) + a->weight + a->bias;
    if (!(a->epsilon >= 0 && isfinite(a->epsilon)))
        return ct_call_fail(call, CT_ERROR_VALUE, "epsilon must be finite and not negative, got %g",
                            a->epsilon);
    if (ct_call_inputs(call) != wanted)
        return ct_call_fail(call, CT_ERROR_VALUE, "takes %d inputs with these attributes, got %d",
                            wanted, ct_call_inputs(call));
    if (ct_ndim(x) < 2)
        return ct_call_fail(call, CT_ERROR_SHAPE, "x must be (N,C,...)");
    for (int i = 1; i < wanted; i++)
        if (ct_ndim(ct_call_x(call, i)) != 1 || ct_shape(ct_call_x(call, i))[0] != ct_shape(x)[1])
            return ct_call_fail(call, CT_ERROR_SHAPE, "weight, bias, mean and variance must have a "
                                "number for each of the %lld channels", (long long)ct_shape(x)[1]);
    return CT_OK;
}

ct_status ct__channels_infer(ct_call *call)
{
    const ct__channels *a = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    ct_status status = ct_call_check_float(call);
    if (status == CT_OK)
        status = check_inputs(call, a);
    if (status != CT_OK)
        return status;
    const int64_t *shape = ct_shape(x);
    if (a->groups < 0 || (a->groups > 0 && shape[1] % a->groups != 0))
        return ct_call_fail(call, CT_ERROR_VALUE, "the number of groups must divide the %lld "
                            "channels, got %lld", (long long)shape[1], (long long)a->groups);
    if (!a->given && a->groups == 0 && shape[0] * length_of(x) == 1)
        return ct_call_fail(call, CT_ERROR_SHAPE, "each channel must have more than one element: "
                            "the variance of one is no estimate");
    status = ct_call_set_y(call, 0, ct_dtype_of(x), shape, ct_ndim(x));
    if (status != CT_OK || a->given)
        return status;
    if (a->groups == 0)
        return infer_statistics(call, a, shape[1]);
    bool too_many = shape[0] > INT64_MAX / a->groups; /* which infer_statistics says */
    return infer_statistics(call, a, too_many ? INT64_MAX : shape[0] * a->groups);
}

/* -- Forward */
static sets sets_of(const ct_call *call)
{
    const ct__channels *a = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    const int64_t images = ct_shape(x)[0], channels = ct_shape(x)[1], length = length_of(x);
    sets s = { .count = channels, .parts = 1, .runs = images, .length = length, .step = length,
               .run_step = channels * length, .channels = channels, .x = ct_data(x),
               .epsilon = a->epsilon, .relu = a->relu };
    int next = a->given ? 3 : 1;
    if (a->groups > 0) {
        s.count = images * a->groups;
        s.parts = channels / a->groups;
        s.runs = 1;
        s.part_step = length;
        s.step = s.parts * length;
    }
    if (length == 0)
        s.runs = 0; /* there may be more of them than can be counted off */
    s.bundle = length > 0 && length < PIECE ? PIECE / length : 1;
    s.n = s.parts * s.runs * s.length;
    if (a->given) {
        s.mean = ct_data(ct_call_x(call, 1));
        s.variance = ct_data(ct_call_x(call, 2));
    } else {
        s.moments = (void *)(uintptr_t)ct_data(ct_call_aux(call, 0));
    }
    if (a->weight)
        s.w = ct_data(ct_call_x(call, next++));
    if (a->bias)
        s.b = ct_data(ct_call_x(call, next));
    return s;
}

static void run(const ct_call *call, sets *s, void (*body)(int64_t begin, int64_t end, void *arg))
{
    ct_parallel_ranges(ct_call_context(call), s->count, GRAIN / (s->n > 0 ? s->n : 1) + 1, body, s);
}

ct_status ct__channels_forward(ct_call *call)
{
    const ct__channels *a = ct_call_attributes(call);
    sets s = sets_of(call);
    s.y = ct_data_mutable(ct_call_y(call, 0));
    if (s.n == 0)
        s.parts = 0; /* nor are there elements to write */
    if (!a->given && a->groups == 0) {
        s.mean_out = ct_data_mutable(ct_call_y(call, 1));
        s.variance_out = ct_data_mutable(ct_call_y(call, 2));
    }
    run(call, &s, kernels_for(call)->forward);
    return CT_OK;
}

/* -- Backward */
/* the sums of the parts of one channel, in order: which = 0: of gy h; 1: of gy */
static double sum_of(const sets *s, int64_t channel, int which)
{
    double sum = 0;
    for (int64_t part = channel; part < s->count * s->parts; part += s->channels)
        sum += s->sums[2 * part + which];
    return sum;
}

static double number(const ct_tensor *t, int64_t i)
{
    return ct_dtype_of(t) == CT_F32 ? (double)((const float *)ct_data(t))[i]
                                    : ((const double *)ct_data(t))[i];
}

/* what a cotangent of mean (which = 1) or of variance (which = 0) is, but for the factor w */
static double of_statistic(const ct_call *call, const sets *s, int64_t channel, int which)
{
    double r = 1 / sqrt(number(ct_call_x(call, 2), channel) + s->epsilon);
    return which == 1 ? -r * sum_of(s, channel, 1) : -0.5 * r * (r * sum_of(s, channel, 0));
}

static ct_status give_sums(const ct_call *call, const sets *s, ct_tensor *const *gx)
{
    const ct__channels *a = ct_call_attributes(call);
    const int weight = a->given ? 3 : 1, bias = weight + a->weight;
    double *room = ct_call_scratch(call, ((size_t)s->channels + 1) * sizeof *room);
    if (!room)
        return CT_ERROR_MEMORY;
    for (int i = 1; i < ct_call_inputs(call); i++) {
        if (!gx[i])
            continue;
        for (int64_t c = 0; c < s->channels; c++)
            if (i >= weight)
                room[c] = sum_of(s, c, i == bias);
            else
                room[c] = of_statistic(call, s, c, i == 1) *
                          (a->weight ? number(ct_call_x(call, weight), c) : 1);
        ct__give_sums(call, i, gx[i], room);
    }
    return CT_OK;
}

/* gy[0], or zeros where y is not used */
static const void *cotangent_of(const ct_call *call, ct_tensor *const *gy)
{
    const ct_tensor *x = ct_call_x(call, 0);
    if (gy[0])
        return ct_data(gy[0]);
    size_t bytes = (size_t)ct_count(x) * ct_dtype_size(ct_dtype_of(x));
    void *zeros = ct_call_scratch(call, bytes + 1);
    return zeros ? memset(zeros, 0, bytes + 1) : NULL;
}

ct_status ct__channels_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    const ct__channels *a = ct_call_attributes(call);
    sets s = sets_of(call);
    s.gy = cotangent_of(call, gy);
    s.sums = ct_call_scratch(call, (2 * (size_t)(s.count * s.parts) + 1) * sizeof *s.sums);
    if (!s.gy || !s.sums)
        return CT_ERROR_MEMORY;
    if (!a->given && a->groups == 0) {
        s.g_mean = gy[1] ? ct_data(gy[1]) : NULL;
        s.g_variance = gy[2] ? ct_data(gy[2]) : NULL;
    }
    s.gx = gx[0] ? ct_data_mutable(gx[0]) : NULL;
    s.adds = ct_call_adds(call, 0);
    run(call, &s, kernels_for(call)->backward);
    return give_sums(call, &s, gx);
}

ct_tensor *ct__channels_through(const ct_call *call, ct_tensor *t, ct_tensor **sums)
{
    ct_context *cx = ct_call_context(call);
    sets s = sets_of(call);
    ct_tensor *th = t ? ct_empty_like(t) : NULL;
    *sums = ct_empty(cx, CT_F64, CT_SHAPE(s.count * s.parts, 2));
    if (!th || !*sums)
        return NULL;
    s.w = NULL;
    s.relu = false;
    s.gy = ct_data(t);
    s.gx = ct_data_mutable(th);
    s.sums = ct_data_mutable(*sums);
    run(call, &s, kernels_for(call)->backward);
    return th;
}
