/* Kernels of one element: with an image as a matrix of channels and pixels,
 *
 *   Y = W X,   X = W^T Y,   W = sum over images of Y X^T.
 *
 * Nothing is moved but the weights, which are put into the order in which tiles read them. For W
 * both matrices are read by rows, and the product of two rows is a sum of vectors. With many
 * channels the packed matrices of gemm.c are worth what they cost. With a stride, the pixels of x
 * that meet one of y are moved to where they lie side by side, or from there, and all others of X
 * are 0.
 *
 * Pixels do not depend on each other. W is summed in ranges of blocks, in order. */
#include "pointwise.h"

#include <string.h>
#ifdef CT_SIMD_X86
#include <immintrin.h>
#endif

#include "columns.h"

enum {
    LEAST_PIXELS = 16,     /* the widest vector */
    WHOLE = 8,             /* rows and columns of a tile are at most so many */
    MOST_PAIRS = 1 << 14,  /* channels of x times those of y, and for w: */
    MOST_OF_W = 48 * 48,
    PIXELS = 960,          /* in an item, or one image: whole tiles */
    BLOCK = 24 << 10,      /* numbers that a block of W reads */
    RANGES = 8
};
#define GRAIN 1e6 /* multiply-adds: fewer are left to one thread */
#define GRAIN_OF_MOVES (1 << 16)

#if defined(__GNUC__)
#define CT_KERNELS     "pointwise_kernels.h"
#define CT_KERNELS_F32 64
#define CT_KERNELS_F64 0
#include <cotangent/kernels.h>

static const ct__pointwise_kernels *kernels_for(const ct_tensor *x)
{
    static const ct__pointwise_kernels *const all[][CT_SIMDS] = CT_KERNEL_TABLE(pointwise_kernels);
    return CT_KERNEL_OF(all, x);
}
#else
static const ct__pointwise_kernels *kernels_for(const ct_tensor *x)
{
    return (void)x, NULL;
}
#endif

typedef struct job {
    const ct__conv_product *p;
    const ct__pointwise_kernels *with;
    int64_t images, pixels, in, out;   /* channels that are read and written; for w of x and y */
    const float *from, *other;         /* for w: x and y */
    float *to, *packed, *sums;
    int64_t each, per_image;           /* pixels of an item, or a block of w; so many in an image */
    int64_t block_images, blocks, ranges;
    int64_t weights;                   /* in whole tiles */
    const ct__conv_sizes *s;
    float *x, *thin;                   /* with strides: all of x, and the pixels that count, */
    int32_t *places;                   /* which lie there in an image of x */
} job;

static bool has_strides(const ct__conv_sizes *s)
{
    return s->stride[0] > 1 || s->stride[1] > 1 || s->stride[2] > 1;
}

bool ct__is_pointwise(const ct__conv_product *p, const ct__conv_sizes *s)
{
    int64_t most = p->result == CT__CONV_W ? MOST_OF_W : MOST_PAIRS;
    bool fits = ct_dtype_of(p->x) == CT_F32 && s->groups == 1 && s->c * s->o <= most &&
                ct__product(s->out) >= LEAST_PIXELS && ct__product(s->in) <= INT32_MAX &&
                !(p->result == CT__CONV_X && p->bias && has_strides(s));
    for (int d = 0; d < AXES; d++)
        fits = fits && s->kernel[d] == 1 && s->before[d] == 0 &&
               (s->out[d] - 1) * s->stride[d] < s->in[d];
    return fits && kernels_for(p->x);
}

/* of the block that begins with that pixel: the last of an image has what is left, too */
static int64_t end_of(const job *j, int64_t begin)
{
    return begin / j->each + 1 < j->per_image ? begin + j->each : j->pixels;
}

/* -- Strides */
/* where in an image of x the pixels are that meet one of y */
static void find_places(const ct__conv_sizes *s, int32_t *to)
{
    for (int64_t i = 0; i < s->out[0]; i++)
        for (int64_t j = 0; j < s->out[1]; j++)
            for (int64_t k = 0; k < s->out[2]; k++)
                *to++ = (int32_t)(((i * s->stride[0] * s->in[1]) + j * s->stride[1]) * s->in[2] +
                                  k * s->stride[2]);
}

/* these pixels of some channels of x to `thin`, or from there for X */
static void move_pixels(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    const int64_t all = ct__product(j->s->in), n = j->pixels;
    for (int64_t c = begin; c < end; c++) {
        float *restrict thin = j->thin + c * n, *restrict x = j->x + c * all;
        if (j->p->result != CT__CONV_X) {
            for (int64_t i = 0; i < n; i++)
                thin[i] = x[j->places[i]];
            continue;
        }
        if (!j->p->adds)
            memset(x, 0, (size_t)all * sizeof *x);
        for (int64_t i = 0; i < n; i++)
            x[j->places[i]] += thin[i];
    }
}

/* -- y and x: an item is an image or some of its pixels */
static void run_pixels(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    for (int64_t i = begin; i < end; i++) {
        int64_t image = i / j->per_image, at = i % j->per_image * j->each;
        j->with->multiply(&(ct__pixels){
            .m = j->out, .k = j->in, .n = end_of(j, at) - at, .a = j->packed,
            .b = j->from + image * j->in * j->pixels + at,
            .bias = j->p->bias ? ct_data(j->p->bias) : NULL,
            .c = j->to + image * j->out * j->pixels + at, .row = j->pixels,
            .adds = j->p->adds && j->to != j->thin });
    }
}

/* -- w: an item is a range of blocks, and these are some images or some pixels of one */
static void run_ranges(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    int64_t each = ct__even(j->blocks, j->ranges);
    for (int64_t i = begin; i < end; i++) {
        ct__pixel_sums s = { .m = j->out, .k = j->in, .row = j->pixels,
                             .sums = j->sums + i * j->weights };
        memset(s.sums, 0, (size_t)j->weights * sizeof *s.sums);
        for (int64_t b = i * each; b < ct__least((i + 1) * each, j->blocks); b++) {
            int64_t image = b / j->per_image * j->block_images;
            s.images = ct__least(j->block_images, j->images - image);
            s.begin = b % j->per_image * j->each;
            s.end = end_of(j, s.begin);
            s.x = j->from + image * j->in * j->pixels;
            s.y = j->other + image * j->out * j->pixels;
            j->with->sum(&s);
        }
    }
}

static void put_w(const job *j)
{
    const ct__columns *move = ct__columns_for(j->p->w);
    for (int64_t i = 1; i < j->ranges; i++)
        move->add(j->sums, j->sums + i * j->weights, j->weights);
    j->with->put_sums(j->out, j->in, j->sums, j->to, j->p->adds);
}

/* -- The whole */
static job job_of(const ct__conv_product *p, const ct__conv_sizes *s)
{
    bool is_x = p->result == CT__CONV_X, is_w = p->result == CT__CONV_W;
    ct_tensor *from = is_x ? p->y : p->x, *to = is_x ? p->x : is_w ? p->w : p->y;
    job j = { .p = p, .with = kernels_for(p->x), .images = s->images, .pixels = ct__product(s->out),
              .in = is_x ? s->o : s->c, .out = is_x ? s->c : s->o, .from = ct_data(from),
              .other = is_w ? ct_data(p->y) : NULL, .to = ct_data_mutable(to), .s = s };
    int64_t most = is_w ? ct__even(BLOCK / (s->c + s->o), LEAST_PIXELS) * LEAST_PIXELS : PIXELS;
    j.each = ct__least(most, j.pixels);
    j.per_image = j.pixels / j.each;
    j.block_images = is_w && j.per_image == 1 && most > j.pixels ? most / j.pixels : 1;
    j.blocks = j.per_image * ct__even(j.images, j.block_images);
    j.weights = ct__even(j.out, WHOLE) * ct__even(j.in, WHOLE) * WHOLE * WHOLE;
    j.ranges = is_w ? ct__even(j.blocks, ct__even(j.blocks, RANGES)) : 0;
    return j;
}

ct_status ct__pointwise_multiply(const ct_call *call, const ct__conv_product *p,
                                 const ct__conv_sizes *s)
{
    job j = job_of(p, s);
    ct_context *cx = ct_call_context(call);
    bool is_x = p->result == CT__CONV_X;
    double work = (double)(j.in * j.out) * (double)(j.images * j.pixels);
    int64_t n = j.ranges > 0 ? j.ranges : 1, channels = s->images * s->c;
    size_t end = 0, sums = ct__take(&end, n * j.weights, sizeof *j.sums);
    size_t thin = ct__take(&end, has_strides(s) ? channels * j.pixels : 0, sizeof *j.thin);
    size_t places = ct__take(&end, has_strides(s) ? j.pixels : 0, sizeof *j.places);
    char *scratch = ct_call_scratch(call, end);
    if (!scratch)
        return CT_ERROR_MEMORY;
    j.packed = j.sums = (void *)(scratch + sums);
    if (has_strides(s)) {
        j.x = is_x ? j.to : (void *)(uintptr_t)j.from;
        j.thin = (void *)(scratch + thin);
        j.places = (void *)(scratch + places);
        find_places(s, j.places);
        if (is_x)
            j.to = j.thin;
        else
            j.from = j.thin;
    }
    if (j.thin && !is_x)
        ct_parallel_ranges(cx, channels, GRAIN_OF_MOVES / j.pixels + 1, move_pixels, &j);
    if (j.ranges == 0)
        j.with->pack(j.out, j.in, ct_data(p->w), is_x ? 1 : s->c, is_x ? s->c : 1, j.packed);
    n = j.ranges > 0 ? j.ranges : j.blocks;
    ct_parallel_ranges(cx, n, work < GRAIN ? n : 1 + (int64_t)(GRAIN * (double)n / work),
                       j.ranges > 0 ? run_ranges : run_pixels, &j);
    if (j.ranges > 0)
        put_w(&j);
    if (j.thin && is_x)
        ct_parallel_ranges(cx, channels, GRAIN_OF_MOVES / j.pixels + 1, move_pixels, &j);
    return CT_OK;
}
