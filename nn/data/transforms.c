/* Transforms of examples. Shifts, crops and flips are one kernel: each element of the result comes
 * from a place in the source, or from outside of it. */
#include <math.h>
#include <string.h>

#include "checks.h"
#include "transforms.h"

typedef void transform_move(const ct__step *s, const ct__move *m, const void *in, void *out);
typedef void transform_values(const ct__step *s, ct__draws *draws, const void *in, void *out);
typedef struct transform_kernels {
    transform_move *move, *rotate;
    transform_values *noise, *normalize;
    void (*mix)(void *rows, int64_t n, int64_t count, double share, void *room);
} transform_kernels;

#define CT_KERNELS "transforms_kernels.h"
#define CT_KERNELS_F32 16
#define CT_KERNELS_F64 16
#include <cotangent/kernels.h>
static const transform_kernels *const kernels[][CT_SIMDS] = CT_KERNEL_TABLE(transforms);

/* -- Checks */
static const int64_t MOST = (int64_t)1 << 48; /* no example has so many elements */

static bool crop_fits(const ct__step *s, int64_t padding)
{
    const int64_t height = s->t.height, width = s->t.width;
    return height >= 1 && width >= 1 && height <= s->height + padding &&
           width <= s->width + padding && height <= MOST / width / (s->channels + 1);
}

static bool sizes_fit(ct_context *cx, const char *who, const ct__step *s)
{
    const int64_t most = 1 << 30;
    const ct_transform *t = &s->t;
    const bool pads = t->kind == CT_RANDOM_CROP && t->pixels >= 0 && t->pixels <= most;
    const int64_t padding = pads ? 2 * t->pixels : 0;
    if (t->pixels < 0 || t->pixels > most)
        ct_fail(cx, CT_ERROR_VALUE, "%s: pixels must be from 0 to 2^30, got %lld", who,
                (long long)t->pixels);
    else if ((t->kind == CT_RANDOM_CROP || t->kind == CT_CENTER_CROP) && !crop_fits(s, padding))
        ct_fail(cx, CT_ERROR_SHAPE, "%s: a crop must lie in its picture: %lld x %lld of %lld x "
                "%lld pixels, with %lld more on each side", who, (long long)t->height,
                (long long)t->width, (long long)s->height, (long long)s->width,
                (long long)padding / 2);
    else
        return true;
    return false;
}

static bool numbers_fit(ct_context *cx, const char *who, const ct_transform *t)
{
    const bool statistics = t->mean && t->std && t->channels > 0;
    if (!(t->p >= 0 && t->p <= 1))
        ct_fail(cx, CT_ERROR_VALUE, "%s: p must be in [0, 1], got %g", who, t->p);
    else if (!(t->degrees >= 0 && t->deviation >= 0 && t->alpha >= 0) ||
             isinf(t->degrees + t->deviation + t->alpha))
        ct_fail(cx, CT_ERROR_VALUE, "%s: degrees, deviation and alpha must not be negative, and be "
                "finite, got %g, %g and %g", who, t->degrees, t->deviation, t->alpha);
    else if (t->kind == CT_NORMALIZE && !statistics)
        ct_fail(cx, CT_ERROR_NULL, "%s: to normalize there must be a mean and a std for each of "
                "the channels", who);
    else if (t->kind == CT_MIXUP && t->alpha == 0)
        ct_fail(cx, CT_ERROR_VALUE, "%s: the alpha of mixup must be positive", who);
    else
        return ct__options_zeroed(cx, who, t->reserved);
    return false;
}

/* the i-th of n, which gets a picture of these sizes */
static bool fits(const char *who, const ct_tensor *x, const ct__step *s, bool last)
{
    ct_context *cx = ct_context_of(x);
    const ct_transform *t = &s->t;
    char shape[CT_SHAPE_TEXT];
    const bool pictures = t->kind != CT_NOISE && t->kind != CT_MIXUP;
    if (t->kind < CT_RANDOM_SHIFT || t->kind > CT_MIXUP)
        ct_fail(cx, CT_ERROR_VALUE, "%s: no such kind of a transform: %d", who, (int)t->kind);
    else if (pictures && ct_ndim(x) < 3)
        ct_fail(cx, CT_ERROR_SHAPE, "%s: pictures must be (n,height,width) or (n,c,height,width), "
                "got %s", who, ct_shape_text(x, shape));
    else if (t->kind == CT_NORMALIZE && t->channels > 1 && t->channels != s->channels)
        ct_fail(cx, CT_ERROR_SHAPE, "%s: there must be as many means as channels, got %d for %s",
                who, t->channels, ct_shape_text(x, shape));
    else if (t->kind == CT_MIXUP && !last)
        ct_fail(cx, CT_ERROR_VALUE, "%s: mixup must be the last transform", who);
    else
        return numbers_fit(cx, who, t) && sizes_fit(cx, who, s);
    return false;
}

/* -- The list */
static ct__step first_step(const ct_tensor *x)
{
    const int ndim = ct_ndim(x);
    ct__step s = { .channels = 1, .height = 1, .width = 1 };
    for (int i = 1; i < ndim; i++)
        *(ndim < 3 || i == ndim - 1 ? &s.width : i == ndim - 2 ? &s.height : &s.channels) *=
            ct_size(x, i);
    return s;
}

/* of the axes behind the first; they may have no elements, and be long */
static bool is_small(const ct_tensor *x)
{
    int64_t left = MOST;
    for (int i = 1; i < ct_ndim(x); i++)
        left /= ct_size(x, i) > 0 ? ct_size(x, i) : 1;
    return left > 0;
}

static void keep_statistics(ct__step *s, double **room)
{
    const size_t bytes = (size_t)s->t.channels * sizeof **room;
    if (s->t.kind != CT_NORMALIZE)
        return;
    s->t.mean = memcpy(*room, s->t.mean, bytes);
    s->t.std = memcpy(*room + s->t.channels, s->t.std, bytes);
    *room += 2 * s->t.channels;
}

static bool add_steps(ct__transforms *all, const char *who, const ct_tensor *x,
                      const ct_transform *t, double *room)
{
    ct__step s = first_step(x);
    for (int i = 0; i < all->n; i++) {
        s.t = t[i];
        if (!fits(who, x, &s, i == all->n - 1))
            return false;
        s.out_height = s.height, s.out_width = s.width;
        if (t[i].kind == CT_RANDOM_CROP || t[i].kind == CT_CENTER_CROP)
            s.out_height = t[i].height, s.out_width = t[i].width;
        all->steps[i] = s;
        keep_statistics(&all->steps[i], &room);
        all->random = all->random || (t[i].kind != CT_CENTER_CROP && t[i].kind != CT_NORMALIZE);
        all->alpha = t[i].kind == CT_MIXUP ? t[i].alpha : 0;
        s.height = s.out_height, s.width = s.out_width;
        all->out = s.channels * s.height * s.width;
        all->most = all->out > all->most ? all->out : all->most;
    }
    if (all->most > PTRDIFF_MAX / 32)
        return ct_fail(ct_context_of(x), CT_ERROR_MEMORY, "%s: out of memory: %lld elements", who,
                       (long long)all->most), false;
    all->height = s.height, all->width = s.width;
    all->n -= all->alpha > 0; /* it is for batches, not for examples */
    return true;
}

ct__transforms *ct__transforms_new(const char *who, const ct_tensor *x, const ct_tensor *y,
                                   const ct_transform *t, int n)
{
    ct_context *cx = ct_context_of(x);
    const ct_dtype dtype = ct_dtype_of(x);
    const int64_t rows = ct_size(x, 0);
    size_t numbers = 0;
    if (n < 0 || (n > 0 && !t))
        return ct_fail(cx, CT_ERROR_NULL, "%s: there must be %d transforms, and there is no list",
                       who, n), NULL;
    if (n > 0 && dtype != CT_F32 && dtype != CT_F64)
        return ct_fail(cx, CT_ERROR_DTYPE, "%s: what is transformed must be f32 or f64", who), NULL;
    if (n > 0 && !is_small(x))
        return ct_fail(cx, CT_ERROR_SHAPE, "%s: an example must have fewer than 2^48 elements",
                       who), NULL;
    for (int i = 0; i < n; i++)
        numbers += t[i].kind == CT_NORMALIZE && t[i].channels > 0 ? 2 * (size_t)t[i].channels : 0;
    size_t bytes = sizeof(ct__transforms) + (size_t)n * sizeof(ct__step);
    ct__transforms *all = ct_object_new(cx, bytes + numbers * sizeof(double), NULL);
    if (!all)
        return NULL;
    all->dtype = dtype;
    all->n = n;
    all->in = all->out = all->most = rows > 0 ? ct_count(x) / rows : 0;
    bool good = n == 0 || add_steps(all, who, x, t, (double *)(void *)((char *)all + bytes));
    if (good && all->alpha > 0 && y && ct_dtype_of(y) != CT_F32 && ct_dtype_of(y) != CT_F64) {
        ct_fail(cx, CT_ERROR_DTYPE, "%s: mixup needs targets that are f32 or f64: for labels, "
                "ct_one_hot makes them", who);
        good = false;
    }
    if (good)
        return all;
    ct_object_free(all);
    return NULL;
}

void ct__transforms_shape(const ct__transforms *t, const ct_tensor *x, int64_t n, int64_t *shape)
{
    const int ndim = ct_ndim(x);
    for (int i = 0; i < ndim; i++)
        shape[i] = i == 0 ? n : ct_size(x, i);
    if (ndim >= 3 && t->height > 0)
        shape[ndim - 2] = t->height, shape[ndim - 1] = t->width;
}

/* -- Running them */
/* CenterCrop rounds half of the difference to even */
static int64_t half(int64_t difference)
{
    return difference / 2 + (difference % 4 == 3);
}

static ct__move drawn_move(const ct__step *s, ct__draws *d)
{
    const ct_transform *t = &s->t;
    const double pi = 3.141592653589793;
    ct__move m = { .top = 0 };
    switch (t->kind) {
    case CT_RANDOM_SHIFT:
        m.top = ct__draw_below(d, 2 * t->pixels + 1) - t->pixels;
        m.left = ct__draw_below(d, 2 * t->pixels + 1) - t->pixels;
        break;
    case CT_RANDOM_CROP:
        m.top = ct__draw_below(d, s->height + 2 * t->pixels - s->out_height + 1) - t->pixels;
        m.left = ct__draw_below(d, s->width + 2 * t->pixels - s->out_width + 1) - t->pixels;
        break;
    case CT_CENTER_CROP:
        m.top = half(s->height - s->out_height);
        m.left = half(s->width - s->out_width);
        break;
    case CT_RANDOM_FLIP:
        m.flip = ct__draw_unit(d) < (t->p > 0 ? t->p : 0.5);
        break;
    case CT_RANDOM_VERTICAL_FLIP:
        m.flip_vertical = ct__draw_unit(d) < (t->p > 0 ? t->p : 0.5);
        break;
    default:
        m.angle = (2 * ct__draw_unit(d) - 1) * t->degrees * pi / 180;
    }
    return m;
}

static void run_step(const ct__step *s, const transform_kernels *k, const void *in, void *out,
                     ct__draws *d)
{
    if (s->t.kind == CT_NOISE || s->t.kind == CT_NORMALIZE) {
        (s->t.kind == CT_NOISE ? k->noise : k->normalize)(s, d, in, out);
        return;
    }
    const ct__move m = drawn_move(s, d);
    (s->t.kind == CT_RANDOM_ROTATION ? k->rotate : k->move)(s, &m, in, out);
}

void ct__transforms_run(const ct__transforms *t, const void *in, void *out, void *room,
                        ct__draws *draws)
{
    const size_t element = ct_dtype_size(t->dtype);
    char *rooms[2] = { room, (char *)room + (size_t)t->most * element };
    const transform_kernels *k = t->n > 0 ? kernels[t->dtype][CT_SIMD_PLAIN] : NULL;
    for (int i = 0; i < t->n; i++) {
        void *to = i == t->n - 1 ? out : rooms[i % 2];
        run_step(&t->steps[i], k, in, to, draws);
        in = to;
    }
    if (t->n == 0)
        memcpy(out, in, (size_t)t->in * element);
}

void ct__mix(ct_dtype dtype, void *rows, int64_t n, int64_t count, double share, void *room)
{
    kernels[dtype][CT_SIMD_PLAIN]->mix(rows, n, count, share, room);
}

/* -- Alone */
static ct_tensor *changed(ct_tensor *x, const ct__transforms *t, void *room)
{
    const int64_t n = ct_size(x, 0);
    const size_t element = ct_dtype_size(t->dtype);
    const uint64_t key = t->random ? ct_random_u64(ct_context_of(x)) : 0;
    int64_t shape[CT_MAX_DIMS];
    ct__transforms_shape(t, x, n, shape);
    ct_tensor *plain = ct_contiguous(x);
    ct_tensor *y = ct_empty(ct_context_of(x), t->dtype, shape, ct_ndim(x));
    const char *in = plain && y ? ct_data(plain) : NULL;
    char *out = in ? ct_data_mutable(y) : NULL;
    for (int64_t i = 0; out && i < n; i++) {
        ct__draws draws = ct__draws_of(key, (uint64_t)i);
        ct__transforms_run(t, in + (size_t)(i * t->in) * element,
                           out + (size_t)(i * t->out) * element, room, &draws);
    }
    return out ? y : NULL;
}

ct_tensor *ct_transform_images(ct_tensor *x, const ct_transform *transforms, int n)
{
    const char *who = "transform_images";
    if (!ct_usable(x, who))
        return NULL;
    ct_context *cx = ct_context_of(x);
    if (ct_ndim(x) < 1)
        return ct_fail(cx, CT_ERROR_SHAPE, "%s: x must have rows; a 0-d tensor has none", who),
               NULL;
    if (ct_requires_grad(x))
        return ct_fail(cx, CT_ERROR_GRAPH, "%s: x requires grad, and must not: nothing is recorded",
                       who), NULL;
    if (n > 0 && transforms && transforms[n - 1].kind == CT_MIXUP)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: mixup is for batches with their targets", who),
               NULL;
    ct_scope scope = ct_scope_begin(cx);
    ct__transforms *t = scope ? ct__transforms_new(who, x, NULL, transforms, n) : NULL;
    void *room = t ? ct_object_new(cx, (size_t)(2 * t->most) * sizeof(double), NULL) : NULL;
    ct_tensor *y = room ? changed(x, t, room) : NULL;
    ct_object_free(room);
    ct_object_free(t);
    return scope ? ct_scope_return(cx, scope, y) : NULL;
}
