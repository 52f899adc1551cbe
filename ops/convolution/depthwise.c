/* A kernel for each channel. There are so few products that reading x and writing y takes as long:
 * so each channel of an image is copied once, with zeros round it, to where it stays in the first
 * cache, and all sums read the copy without asking where the image ends. With a stride s, a row of
 * the copy is cut into s phases, elements i, i + s, i + 2 s, ... for i < s: then neighbors in y
 * always meet neighbors in the copy, and the loops are those for a stride of 1.
 *
 * gx_j = sum_k w_k gy_(j + before - k dilation), where strides are 1, is this with the kernel
 * mirrored, and so with taps in the opposite order, and dilation (kernel - 1) - before zeros in
 * front. gw_k = sum_i gy_i x_(...) sums a row of y times the copy for each tap, over images in
 * order. */
#include "depthwise.h"

#include <string.h>

typedef struct ct__plane {
    int64_t in[AXES], out[AXES];       /* of what is copied; of the result */
    int64_t before[AXES];              /* element i of what is copied is i + before in the copy */
    int64_t begin[AXES], end[AXES];    /* of the copy: what is not zeros round it */
    int64_t rows, row;                 /* rows in a plane, elements in a row */
    int64_t phases, phase;             /* in a row; elements in each */
    int64_t step[2];                   /* elements of the copy from plane to plane, row to row of
                                          the result */
    int64_t taps, count;               /* elements of the kernel, and of the copy */
    int64_t *tap;                      /* where each of them is in the copy, from the first on */
} ct__plane;

typedef struct ct__plane_kernels {
    void (*copy)(const ct__plane *p, const void *x, void *copy);
    void (*convolve)(const ct__plane *p, const void *copy, const void *w, void *y,
                     const void *start, bool adds);
    void (*correlate)(const ct__plane *p, const void *copy, const void *g, void *room, void *total);
    void (*settle)(const ct__plane *p, const void *total, void *w, bool adds);
} ct__plane_kernels;

#define CT_KERNELS "depthwise_kernels.h"
#include <cotangent/kernels.h>
static const ct__plane_kernels *const kernels[][CT_SIMDS] = CT_KERNEL_TABLE(plane_kernels);

/* -- 3 x 3 elements, and as many zeros round the image as leave it its size: without a copy */
typedef struct ct__three {
    int64_t rows, columns;             /* of an image */
    const void *x;                     /* of all images */
    void *y;                           /* the result, or what x is summed with */
    int64_t count, count_of_y;         /* elements of x; of y, which may be used by this range */
    int64_t next;                      /* elements of x and of y to the image that comes next */
    bool mirrored, adds;
} ct__three;

typedef struct ct__three_kernels {
    void (*convolve)(const ct__three *t, int64_t x, int64_t y, const void *w, const void *start);
    void (*correlate)(const ct__three *t, int64_t x, int64_t y, void *sums);
    void (*flush)(void *sums, void *total);
    int lanes;
} ct__three_kernels;

#define CT_KERNELS     "three_kernels.h"
#define CT_KERNELS_F32 64
#include <cotangent/kernels.h>

enum {
    SLACK = 32,         /* elements that are read behind the copy, at most: 4 vectors */
    RANGES = 16,        /* parts of the work, at most */
    MOST_CELLS = 1 << 20, /* elements of a copy, at most: each part has one */
    VECTOR = 64,        /* bytes of a vector, at most */
    SUMMED = 256        /* numbers that are added by REAL, at most */
};

typedef struct job {
    const ct__plane_kernels *kernels;
    ct__plane p;
    int64_t images, groups, o;     /* o: channels of y for each of x */
    const char *bias;
    char *x, *w, *y, *scratch;
    size_t size, room;             /* bytes of an element, and of a range's scratch */
    int64_t grain;
    bool adds;
    const ct__three_kernels *three; /* NULL: other kernels */
    ct__three t;
} job;

/* Is a copy no larger than a few times the image? Where strides or padding are large, it is. */
static bool is_worth_copying(const ct__conv_sizes *s, bool mirrored)
{
    double cells = 1;
    for (int d = 0; d < AXES; d++)
        cells *= (double)((mirrored ? s->in[d] : s->out[d]) - 1) * (double)s->stride[d] +
                 (double)s->dilation[d] * (double)(s->kernel[d] - 1) + (double)s->stride[d];
    return cells <= MOST_CELLS &&
           cells <= 1024 + 4 * (double)(ct__product(s->in) + ct__product(s->out));
}

/* The zeros round a copy of gy are no elements of gy: an infinite weight must not meet them. */
static bool is_finite(const ct_tensor *w)
{
    double sum = 0;
    for (int64_t i = 0; i < ct_count(w); i++)
        sum += 0 * (ct_dtype_of(w) == CT_F32 ? (double)ct_data_f32(w)[i] : ct_data_f64(w)[i]);
    return sum == 0;
}

bool ct__is_depthwise(const ct__conv_product *p, const ct__conv_sizes *s)
{
    return s->c == 1 && s->groups > 1 && is_worth_copying(s, p->result == CT__CONV_X) &&
           (p->result != CT__CONV_X || (s->stride[0] == 1 && s->stride[1] == 1 &&
                                        s->stride[2] == 1 && is_finite(p->w)));
}

/* -- The copy. `mirrored`: of y, to compute x */
static void lay_out(ct__plane *p, const ct__conv_sizes *s, bool mirrored)
{
    int64_t size[AXES];
    for (int d = 0; d < AXES; d++) {
        int64_t reach = s->dilation[d] * (s->kernel[d] - 1);
        p->in[d] = mirrored ? s->out[d] : s->in[d];
        p->out[d] = mirrored ? s->in[d] : s->out[d];
        p->before[d] = mirrored ? reach - s->before[d] : s->before[d];
        size[d] = (p->out[d] - 1) * s->stride[d] + reach + 1;
        p->begin[d] = p->before[d] > 0 ? p->before[d] : 0;
        p->end[d] = p->in[d] + p->before[d] < size[d] ? p->in[d] + p->before[d] : size[d];
        if (p->end[d] < p->begin[d])
            p->end[d] = p->begin[d];
    }
    p->rows = size[1];
    p->phases = s->stride[2];
    p->phase = (size[2] + p->phases - 1) / p->phases;
    p->row = p->phases * p->phase;
    p->step[0] = s->stride[0] * p->rows * p->row;
    p->step[1] = s->stride[1] * p->row;
    p->count = size[0] * p->rows * p->row + SLACK;
    p->taps = ct__product(s->kernel);
}

static void find_taps(ct__plane *p, const ct__conv_sizes *s, bool mirrored)
{
    for (int64_t t = 0; t < p->taps; t++) {
        int64_t z = t / (s->kernel[1] * s->kernel[2]) * s->dilation[0];
        int64_t r = t / s->kernel[2] % s->kernel[1] * s->dilation[1];
        int64_t x = t % s->kernel[2] * s->dilation[2];
        p->tap[mirrored ? p->taps - 1 - t : t] =
            (z * p->rows + r) * p->row + x % p->phases * p->phase + x / p->phases;
    }
}

/* -- Work on the channels begin ... end - 1: of all images for x and y; of an image for w */
static char *at(const job *j, char *data, int64_t plane, int64_t elements)
{
    return data + (size_t)(plane * elements) * j->size;
}

static char *scratch_of(const job *j, int64_t begin)
{
    char *copy = j->scratch + (size_t)(begin / j->grain) * j->room;
    memset(copy, 0, j->room);
    return copy;
}

static void run_y(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    int64_t in = ct__product(j->p.in), out = ct__product(j->p.out);
    char *copy = scratch_of(j, begin);
    for (int64_t i = begin; i < end; i++) {
        j->kernels->copy(&j->p, at(j, j->x, i, in), copy);
        for (int64_t o = 0; o < j->o; o++) {
            int64_t channel = i % j->groups * j->o + o;
            const char *start = j->bias ? j->bias + (size_t)channel * j->size : NULL;
            j->kernels->convolve(&j->p, copy, at(j, j->w, channel, j->p.taps),
                                 at(j, j->y, i * j->o + o, out), start, j->adds);
        }
    }
}

static void run_x(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    int64_t out = ct__product(j->p.in), in = ct__product(j->p.out);
    char *copy = scratch_of(j, begin);
    for (int64_t i = begin; i < end; i++)
        for (int64_t o = 0; o < j->o; o++) {
            int64_t group = i % j->groups;
            const char *start = j->bias && o == 0 ? j->bias + (size_t)group * j->size : NULL;
            j->kernels->copy(&j->p, at(j, j->y, i * j->o + o, out), copy);
            j->kernels->convolve(&j->p, copy, at(j, j->w, group * j->o + o, j->p.taps),
                                 at(j, j->x, i, in), start, j->adds || o > 0);
        }
}

static void run_w(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    int64_t in = ct__product(j->p.in), out = ct__product(j->p.out);
    size_t sums = (size_t)(2 * j->p.taps) * j->size;
    char *copy = scratch_of(j, begin), *room = copy + (size_t)j->p.count * j->size;
    char *total = room + (size_t)(j->p.taps + 1) * VECTOR;
    for (int64_t g = begin; g < end; g++) {
        memset(total, 0, sums * (size_t)j->o);
        for (int64_t n = 0; n < j->images; n++) {
            j->kernels->copy(&j->p, at(j, j->x, n * j->groups + g, in), copy);
            for (int64_t o = 0; o < j->o; o++)
                j->kernels->correlate(&j->p, copy,
                                      at(j, j->y, (n * j->groups + g) * j->o + o, out), room,
                                      total + (size_t)o * sums);
        }
        for (int64_t o = 0; o < j->o; o++)
            j->kernels->settle(&j->p, total + (size_t)o * sums,
                               at(j, j->w, g * j->o + o, j->p.taps), j->adds);
    }
}

/* -- The same, without copies */
static void run_y_three(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    ct__three t = j->t;
    int64_t n = t.rows * t.columns;
    t.count_of_y = end * j->o * n;
    for (int64_t i = begin * j->o; i < end * j->o; i++) {
        int64_t channel = i % (j->groups * j->o);
        j->three->convolve(&t, i / j->o * n, i * n, at(j, j->w, channel, 9),
                           j->bias ? j->bias + (size_t)channel * j->size : NULL);
    }
}

static void run_x_three(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    ct__three t = j->t;
    int64_t n = t.rows * t.columns;
    t.count_of_y = end * n;
    for (int64_t i = begin; i < end; i++)
        for (int64_t o = 0; o < j->o; o++) {
            int64_t group = i % j->groups;
            t.adds = j->adds || o > 0;
            j->three->convolve(&t, (i * j->o + o) * n, i * n, at(j, j->w, group * j->o + o, 9),
                               j->bias && o == 0 ? j->bias + (size_t)group * j->size : NULL);
        }
}

static void run_w_three(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    const ct__three *t = &j->t;
    char *sums = scratch_of(j, begin), *total = sums + 9 * VECTOR;
    int64_t n = t->rows * t->columns, each = (t->columns / j->three->lanes + 1) * t->rows;
    for (int64_t i = begin * j->o; i < end * j->o; i++) {
        int64_t summed = 0;
        memset(total, 0, 18 * j->size);
        for (int64_t k = 0; k < j->images; k++) {
            int64_t y = k * j->groups * j->o + i;
            j->three->correlate(t, y / j->o * n, y * n, sums);
            summed += each;
            if (summed + each > SUMMED || k + 1 == j->images) {
                j->three->flush(sums, total);
                summed = 0;
            }
        }
        j->kernels->settle(&j->p, total, at(j, j->w, i, 9), j->adds);
    }
}

/* Have the kernels 3 x 3 elements, and leave the image its size? */
static bool has_three(const ct__conv_sizes *s)
{
    bool has = s->kernel[0] == 1 && s->in[0] == 1 && s->out[0] == 1 && s->before[0] == 0;
    for (int d = 1; d < AXES; d++)
        has = has && s->kernel[d] == 3 && s->stride[d] == 1 && s->dilation[d] == 1 &&
              s->before[d] == 1 && s->in[d] == s->out[d];
    return has;
}

static void find_three(job *j, const ct__conv_product *p, const ct__conv_sizes *s)
{
#if defined(__GNUC__)
    static const ct__three_kernels *const all[][CT_SIMDS] = CT_KERNEL_TABLE(three_kernels);
    int64_t n = s->in[1] * s->in[2];
    bool mirrored = p->result == CT__CONV_X;
    if (!has_three(s))
        return;
    j->three = CT_KERNEL_OF(all, p->x);
    j->t = (ct__three){ s->in[1], s->in[2], mirrored ? j->y : j->x, mirrored ? j->x : j->y,
                        ct_count(mirrored ? p->y : p->x), ct_count(mirrored ? p->x : p->y),
                        p->result == CT__CONV_W ? s->groups * n : n, mirrored, j->adds };
#else
    (void)j, (void)p, (void)s;
#endif
}

ct_status ct__depthwise_multiply(const ct_call *call, const ct__conv_product *p,
                                 const ct__conv_sizes *s)
{
    static void (*const runs[][3])(int64_t, int64_t, void *) = {
        { run_y, run_x, run_w }, { run_y_three, run_x_three, run_w_three } };
    bool mirrored = p->result == CT__CONV_X;
    job j = { .kernels = CT_KERNEL_OF(kernels, p->x), .images = s->images, .groups = s->groups,
              .o = s->o, .bias = p->bias ? ct_data(p->bias) : NULL, .adds = p->adds,
              .x = (char *)(uintptr_t)ct_data(p->x), .w = (char *)(uintptr_t)ct_data(p->w),
              .y = (char *)(uintptr_t)ct_data(p->y), .size = ct_dtype_size(ct_dtype_of(p->x)) };
    lay_out(&j.p, s, mirrored);
    find_three(&j, p, s);
    int64_t items = p->result == CT__CONV_W ? s->groups : s->images * s->groups;
    double work = (double)ct_count(p->y) * (double)j.p.taps / (double)items; /* of an item */
    j.grain = (items + RANGES - 1) / RANGES;
    if (work * (double)j.grain < 1e5)
        j.grain = (int64_t)(1e5 / work) + 1;
    j.room = (size_t)j.p.count * j.size + (size_t)(j.p.taps + 1) * VECTOR +
             (size_t)(2 * j.p.taps * j.o) * j.size;
    j.room = (j.room + 63) / 64 * 64;
    j.p.tap = ct_call_scratch(call, (size_t)j.p.taps * sizeof *j.p.tap);
    j.scratch = ct_call_scratch(call, (size_t)((items - 1) / j.grain + 1) * j.room);
    if (!j.p.tap || !j.scratch)
        return CT_ERROR_MEMORY;
    find_taps(&j.p, s, mirrored);
    ct_parallel_ranges(ct_call_context(call), items, j.grain,
                       runs[j.three != NULL][p->result], &j);
    return CT_OK;
}
