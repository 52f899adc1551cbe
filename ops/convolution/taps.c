/* Products by taps: y_i = the sum over taps (a channel of x and an element of the kernel) of an
 * element of x, at an offset of the pixel plus one of the tap, times the tap's weights of all
 * channels of y. So it is a product of matrices (gathered.h) of which the first, that of columns.h,
 * is read where x lies:
 *
 *   y    pixels of y x taps            times   taps x channels of y          (the weights)
 *   w    taps x pixels of y            times   pixels of y x channels of y   (y itself)
 *   x    pixels of x x taps of y       times   taps of y x channels of x     (the weights)
 *
 * For x the taps are a channel of y and an element of the kernel. At a stride of s, the pixels of x
 * whose rows and columns leave the same remainders meet the same elements of the kernel, one behind
 * another in y: such a class of pixels is a product of its own.
 *
 * The image that is read is moved to a band that has zeros beyond its edges. The channels of the
 * other one are moved to lie side by side, or back (points.h). Nothing else is moved, while
 * columns.h moves a number for each tap and pixel. The sums for x and y do not depend on other
 * images or blocks, and w is summed in ranges of blocks, in order.
 *
 * A zero beyond the edge of y is no pixel, and may not meet an infinite weight. So x is left to
 * columns.h where a weight is not finite. */
#include "taps.h"

#include <string.h>

#include "columns.h"
#include "gathered.h"
#include "points.h"

enum {
    LANES = 16,             /* channels that lie side by side are rounded up to a multiple */
    CELLS = 24 << 10,       /* numbers of a block with the channels side by side */
    BAND_CELLS = 48 << 10,  /* and of its band, if it has several images */
    MOST_NUMBERS = 1 << 30, /* of a band */
    MOST_STRIDE = 4,
    MOST_WEIGHTS = 1 << 18,
    RANGES = 8
};
#define MOST_WASTE 1.75 /* this is about so much quicker for small images */
#define GRAIN 1e6 /* multiply-adds: fewer are left to one thread */

/* an image by rows and columns */
typedef struct image {
    float *data;
    int64_t channels, size[2];
} image;

typedef struct job {
    const ct__conv_product *p;
    const ct__conv_sizes *s;
    const ct__point_kernels *with;
    const ct__gathered_kernels *by;
    image from, to;             /* `from` is read; the channels of `to` lie side by side */
    int64_t lanes;              /* of to.channels */
    int64_t kernel[2], stride[2], dilation[2], before[2];
    int64_t taps;               /* elements of a kernel */
    bool makes_x, makes_w;
    int64_t block_images, block_rows, per_image, blocks, items, ranges, slots;
    int64_t band[2];            /* rows of a block's band at most, and its columns */
    float *w, *sums;
    size_t room;
    char *scratch;
} job;

static int64_t floored(int64_t n, int64_t by)
{
    return n >= 0 ? n / by : -ct__even(-n, by);
}

/* -- Along one axis d: 0 for rows, 1 for columns */
/* how many classes of pixels of `to` there are: their numbers leave different remainders */
static int64_t classes_of(const job *j, int d)
{
    return j->makes_x ? j->stride[d] : 1;
}

/* does the class meet element k of the kernel? */
static bool meets(const job *j, int d, int64_t class, int64_t k)
{
    return (class + j->before[d] - k * j->dilation[d]) % classes_of(j, d) == 0;
}

/* Pixel r of `to`, of that class, and element k meet in this row of `from`: the sum of both */
static int64_t row_of_pixel(const job *j, int d, int64_t r)
{
    return j->makes_x ? r / j->stride[d] : r * j->stride[d];
}

static int64_t row_of_tap(const job *j, int d, int64_t class, int64_t k)
{
    int64_t at = k * j->dilation[d] - j->before[d];
    return j->makes_x ? (class - at) / j->stride[d] : at;
}

/* the first row of `from` that pixels from `begin` on meet, and how many those before `end` do */
static int64_t first_row(const job *j, int d, int64_t begin)
{
    int64_t reach = (j->kernel[d] - 1) * j->dilation[d];
    return j->makes_x ? floored(begin + j->before[d] - reach, j->stride[d])
                      : begin * j->stride[d] - j->before[d];
}

static int64_t count_rows(const job *j, int d, int64_t begin, int64_t end)
{
    int64_t reach = (j->kernel[d] - 1) * j->dilation[d];
    int64_t last = j->makes_x ? floored(end - 1 + j->before[d], j->stride[d])
                              : (end - 1) * j->stride[d] - j->before[d] + reach;
    return last - first_row(j, d, begin) + 1;
}

/* -- Blocks: rows of an image, or some images */
static void cut(job *j)
{
    int64_t row = j->to.size[1] * j->lanes, rows = CELLS / row;
    rows = rows < 1 ? 1 : ct__least(rows, j->to.size[0]);
    j->per_image = ct__even(j->to.size[0], rows);
    j->block_rows = ct__even(j->to.size[0], j->per_image);
    j->per_image = ct__even(j->to.size[0], j->block_rows);
    /* a block that begins anywhere among the strides meets at most one row more */
    j->band[0] = count_rows(j, 0, 0, j->block_rows) + 1;
    j->band[1] = count_rows(j, 1, 0, j->to.size[1]);
    int64_t band = j->from.channels * j->band[0] * j->band[1];
    int64_t images = ct__least(CELLS / (j->block_rows * row), BAND_CELLS / band);
    j->block_images = 1;
    if (j->per_image == 1 && images > 1)
        j->block_images = ct__even(j->s->images, ct__even(j->s->images, images));
    j->blocks = j->per_image * ct__even(j->s->images, j->block_images);
}

typedef struct part {
    const job *j;
    int64_t image, images, begin, end;  /* rows of `to` in the block */
    float *band, *pixels;       /* of `from`; of `to`, channels last */
    int32_t *rows, *columns, *places;   /* of one class after the other, */
    int64_t class_pixels[MOST_STRIDE * MOST_STRIDE], class_taps[MOST_STRIDE * MOST_STRIDE];
    int64_t made_for;           /* images of the block that they are of, or 0 */
    bool cleared;               /* what is beyond the edges is 0, and no block writes there */
} part;

static int64_t band_of(const job *j)
{
    return j->from.channels * j->band[0] * j->band[1];
}

/* with scratch NULL: only *bytes is of use */
static part part_of(const job *j, char *scratch, size_t *bytes)
{
    size_t end = 0, i = sizeof(int32_t);
    (void)ct__take(&end, 1, sizeof(part));
    int64_t pixels = j->block_images * j->block_rows * j->to.size[1];
    size_t band = ct__take(&end, j->block_images * band_of(j), sizeof(float));
    size_t to = ct__take(&end, pixels * j->lanes, sizeof(float));
    size_t rows = ct__take(&end, pixels, i), places = ct__take(&end, pixels, i);
    size_t columns = ct__take(&end, j->from.channels * j->taps, i);
    *bytes = end;
    if (!scratch)
        return (part){ .j = j };
    return (part){ .j = j, .band = (void *)(scratch + band), .pixels = (void *)(scratch + to),
                   .rows = (void *)(scratch + rows), .columns = (void *)(scratch + columns),
                   .places = (void *)(scratch + places) };
}

static void find_block(part *t, int64_t i)
{
    const job *j = t->j;
    t->image = i / j->per_image * j->block_images;
    t->images = ct__least(j->block_images, j->s->images - t->image);
    t->begin = i % j->per_image * j->block_rows;
    t->end = ct__least(t->begin + j->block_rows, j->to.size[0]);
}

/* pixels of one image in the block */
static int64_t count_pixels(const part *t)
{
    return (t->end - t->begin) * t->j->to.size[1];
}

/* -- Moving images */
/* rows are often short: a call for each would take longer than the moves */
static void copy_row(float *to, const float *from, int64_t n)
{
    enum { SOME = 4 };
    for (int64_t i = 0; i < n && n < SOME; i++)
        to[i] = from[i];
    for (int64_t i = 0; i < n && n >= SOME; i += SOME) { /* the last may overlap the one before */
        int64_t at = ct__least(i, n - SOME);
        memcpy(to + at, from + at, SOME * sizeof *to);
    }
}

static void fill_band(part *t)
{
    const job *j = t->j;
    const image *m = &j->from;
    int64_t above = first_row(j, 0, t->begin), left = first_row(j, 1, 0);
    int64_t first = left > 0 ? left : 0, end = ct__least(left + j->band[1], m->size[1]);
    const float *from = m->data + t->image * m->channels * m->size[0] * m->size[1];
    int64_t top = above > 0 ? above : 0, bottom = ct__least(above + j->band[0], m->size[0]);
    float *to = t->band;
    if (!t->cleared)
        memset(to, 0, (size_t)(j->block_images * band_of(j)) * sizeof *to);
    t->cleared = j->per_image == 1;
    for (int64_t c = 0; c < t->images * m->channels; c++, to += j->band[0] * j->band[1])
        for (int64_t r = top; r < bottom; r++)
            copy_row(to + (r - above) * j->band[1] + first - left,
                     from + (c * m->size[0] + r) * m->size[1] + first, end - first);
}

/* the block's pixels of `to`; of image i they are at their places, or in order */
static void move_pixels(const part *t, bool out)
{
    const job *j = t->j;
    const image *m = &j->to;
    int64_t all = m->size[0] * m->size[1], n = count_pixels(t);
    for (int64_t i = 0; i < t->images; i++) {
        float *data = m->data + (t->image + i) * m->channels * all + t->begin * m->size[1];
        ct__turn turn = { m->channels, all, n, j->lanes, out ? t->places + i * n : NULL,
                          out && j->p->bias ? ct_data(j->p->bias) : NULL, out && j->p->adds };
        if (out)
            j->with->channels_first(&turn, t->pixels, data);
        else
            j->with->channels_last(&turn, data, t->pixels + i * n * j->lanes);
    }
}

/* -- Tables */
/* The class's pixels in the block: rows get their offsets in the band, and t->places where their
 * sums are, from `done` on. Returns how many there are. */
static int64_t find_pixels(const part *t, const int64_t class[2], int64_t done)
{
    const job *j = t->j;
    int64_t down = classes_of(j, 0), across = classes_of(j, 1), above = first_row(j, 0, t->begin);
    int64_t first = ((class[0] - t->begin) % down + down) % down, n = done;
    for (int64_t i = 0; i < t->images; i++)
        for (int64_t r = first; r < t->end - t->begin; r += down)
            for (int64_t q = class[1]; q < j->to.size[1]; q += across, n++) {
                int64_t row = row_of_pixel(j, 0, t->begin + r) - above;
                t->rows[n] = (int32_t)(i * band_of(j) + row * j->band[1] + row_of_pixel(j, 1, q));
                t->places[i * count_pixels(t) + r * j->to.size[1] + q] = (int32_t)n;
            }
    return n - done;
}

/* the offsets of the class's taps, to `columns`; returns how many there are */
static int64_t find_taps(const part *t, const int64_t class[2], int32_t *columns)
{
    const job *j = t->j;
    int64_t left = first_row(j, 1, 0), n = 0, all;
    for (int64_t a = 0; a < j->kernel[0]; a++)
        for (int64_t b = 0; b < j->kernel[1]; b++)
            if (meets(j, 0, class[0], a) && meets(j, 1, class[1], b))
                columns[n++] = (int32_t)(row_of_tap(j, 0, class[0], a) * j->band[1] +
                                         row_of_tap(j, 1, class[1], b) - left);
    all = n * j->from.channels;
    for (int64_t k = n; k < all; k++) /* the same in the next channel */
        columns[k] = columns[k - n] + (int32_t)(j->band[0] * j->band[1]);
    return all;
}

/* of all classes; blocks of as many whole images have the same */
static void find_tables(part *t)
{
    const job *j = t->j;
    int64_t class[2], k = 0, pixels = 0, taps = 0;
    if (j->per_image == 1 && t->made_for == t->images)
        return;
    t->made_for = t->images;
    for (class[0] = 0; class[0] < classes_of(j, 0); class[0]++)
        for (class[1] = 0; class[1] < classes_of(j, 1); class[1]++, k++) {
            t->class_pixels[k] = find_pixels(t, class, pixels);
            t->class_taps[k] = find_taps(t, class, t->columns + taps);
            pixels += t->class_pixels[k];
            taps += t->class_taps[k];
        }
}

/* -- Products */
static void sum_pixels(const part *t)
{
    const job *j = t->j;
    ct__gathered g = { .x = t->band, .rows = t->rows, .columns = t->columns, .n = j->lanes,
                       .b = j->w, .c = t->pixels };
    for (int64_t k = 0; k < classes_of(j, 0) * classes_of(j, 1); k++) {
        g.m = t->class_pixels[k];
        g.k = t->class_taps[k];
        j->by->multiply(&g);
        g.rows += g.m;
        g.columns += g.k;
        g.b += g.k * j->lanes;
        g.c += g.m * j->lanes;
    }
    move_pixels(t, true);
}

static void sum_w(const part *t, float *sums, bool adds)
{
    const job *j = t->j;
    ct__gathered g = { .x = t->band, .rows = t->columns, .columns = t->rows, .n = j->lanes,
                       .m = t->class_taps[0], .k = t->class_pixels[0], .b = t->pixels, .c = sums,
                       .adds = adds };
    move_pixels(t, false);
    j->by->multiply(&g);
}

/* -- Items: blocks, or for w ranges of blocks. Each slot's room begins with its part */
static part *part_at(const job *j, int64_t slot)
{
    return (part *)(void *)(j->scratch + (size_t)slot * j->room);
}

static void run_item(int64_t i, int64_t slot, void *arg)
{
    const job *j = arg;
    part *t = part_at(j, slot);
    int64_t each = ct__even(j->blocks, j->items);
    for (int64_t b = i * each; b < ct__least((i + 1) * each, j->blocks); b++) {
        find_block(t, b);
        fill_band(t);
        find_tables(t);
        if (j->makes_w)
            sum_w(t, j->sums + i * j->from.channels * j->taps * j->lanes, b > i * each);
        else
            sum_pixels(t);
    }
}

/* -- Weights, and w */
static ct__turn turn_of_w(const job *j)
{
    int64_t taps = j->makes_x ? j->taps : j->from.channels * j->taps;
    return (ct__turn){ j->to.channels, taps, taps, j->lanes, NULL, NULL, j->p->adds };
}

/* The weights, channels of `to` last, class by class, and in a class in the order of find_taps */
static void prepare(const job *j, int32_t *places)
{
    const float *w = ct_data(j->p->w);
    ct__turn turn = turn_of_w(j);
    if (!j->makes_x) {
        j->with->channels_last(&turn, w, j->w);
        return;
    }
    turn.places = places;
    for (int64_t c = 0; c < j->from.channels; c++) {
        int64_t before = 0, class[2];
        for (class[0] = 0; class[0] < j->stride[0]; class[0]++)
            for (class[1] = 0; class[1] < j->stride[1]; class[1]++) {
                int64_t n = 0;
                for (int64_t k = 0; k < j->taps; k++)
                    n += meets(j, 0, class[0], k / j->kernel[1]) &&
                         meets(j, 1, class[1], k % j->kernel[1]);
                int64_t at = before * j->from.channels + c * n;
                for (int64_t k = 0; k < j->taps; k++)
                    if (meets(j, 0, class[0], k / j->kernel[1]) &&
                        meets(j, 1, class[1], k % j->kernel[1]))
                        places[k] = (int32_t)at++;
                before += n;
            }
        j->with->channels_last(&turn, w + c * j->to.channels * j->taps, j->w);
    }
}

/* w = or += the ranges' sums */
static void put_w(const job *j)
{
    const ct__columns *move = ct__columns_for(j->p->w);
    int64_t n = j->from.channels * j->taps * j->lanes;
    ct__turn turn = turn_of_w(j);
    for (int64_t i = 1; i < j->ranges; i++)
        move->add(j->sums, j->sums + i * n, n);
    j->with->channels_first(&turn, j->sums, ct_data_mutable(j->p->w));
}

/* -- The whole */
static image image_of(ct_tensor *t, const int64_t sizes[AXES], bool written)
{
    return (image){ .data = written ? ct_data_mutable(t) : (void *)(uintptr_t)ct_data(t),
                    .channels = ct_size(t, 1), .size = { sizes[1], sizes[2] } };
}

static job job_of(const ct__conv_product *p, const ct__conv_sizes *s)
{
    bool makes_x = p->result == CT__CONV_X, makes_w = p->result == CT__CONV_W;
    image x = image_of(p->x, s->in, makes_x), y = image_of(p->y, s->out, !makes_x && !makes_w);
    job j = { .p = p, .s = s, .with = ct__points_for(p->x), .by = ct__gathered_for(p->x),
              .from = makes_x ? y : x, .to = makes_x ? x : y, .makes_x = makes_x,
              .makes_w = makes_w };
    for (int d = 0; d < 2; d++) {
        j.kernel[d] = s->kernel[d + 1];
        j.stride[d] = s->stride[d + 1];
        j.dilation[d] = s->dilation[d + 1];
        j.before[d] = s->before[d + 1];
    }
    j.taps = j.kernel[0] * j.kernel[1];
    j.lanes = ct__even(j.to.channels, LANES) * LANES;
    cut(&j);
    j.ranges = makes_w ? ct__even(j.blocks, ct__even(j.blocks, RANGES)) : 0;
    j.items = makes_w ? j.ranges : j.blocks;
    return j;
}

/* Multiply-adds here to those of columns.h: lanes that no channel has, and for x pixels that no or
 * few elements of the kernel lead to */
static double waste(const ct__conv_product *p, const ct__conv_sizes *s)
{
    int64_t channels = p->result == CT__CONV_X ? s->c : s->o;
    double more = (double)(ct__even(channels, LANES) * LANES) / (double)channels;
    for (int d = 1; d < AXES && p->result == CT__CONV_X; d++)
        more *= (double)s->in[d] / (double)(s->out[d] * s->stride[d]);
    return more;
}

bool ct__is_by_taps(const ct__conv_product *p, const ct__conv_sizes *s)
{
    int64_t taps = ct__product(s->kernel);
    bool fits = ct_dtype_of(p->x) == CT_F32 && s->groups == 1 && s->kernel[0] == 1 &&
                s->in[0] == 1 && s->out[0] == 1 && s->before[0] == 0 && taps > 1 &&
                taps * s->c * s->o <= MOST_WEIGHTS && waste(p, s) <= MOST_WASTE;
    double numbers = 1;
    for (int d = 1; d < AXES; d++) {
        fits = fits && s->in[d] < 1 << 15 && s->out[d] < 1 << 15 && s->stride[d] <= MOST_STRIDE;
        numbers *= (double)(s->in[d] + s->out[d] + s->kernel[d] * s->dilation[d]);
    }
    fits = fits && numbers * (double)(s->c + s->o) < MOST_NUMBERS && ct__points_for(p->x);
    return fits;
}

ct_status ct__taps_multiply(const ct_call *call, const ct__conv_product *p,
                            const ct__conv_sizes *s, bool *done)
{
    job j = job_of(p, s);
    ct_context *cx = ct_call_context(call);
    int64_t weights = j.from.channels * j.taps * j.lanes;
    double work = (double)weights * (double)(s->images * ct__product(s->out));
    size_t end = 0, f = sizeof(float);
    *done = !j.makes_x || ct__is_finite(ct_data(p->w), ct_count(p->w));
    if (!*done)
        return CT_OK;
    part_of(&j, NULL, &j.room);
    j.slots = work < GRAIN ? 1 : ct_slots_of(cx, j.items, j.room);
    size_t w = ct__take(&end, j.makes_w ? 0 : weights, f);
    size_t sums = ct__take(&end, j.ranges * weights, f);
    size_t places = ct__take(&end, j.taps, sizeof(int32_t));
    char *scratch = ct_call_scratch(call, end + (size_t)j.slots * j.room);
    if (!scratch)
        return CT_ERROR_MEMORY;
    j.w = (void *)(scratch + w), j.sums = (void *)(scratch + sums), j.scratch = scratch + end;
    if (!j.makes_w)
        prepare(&j, (void *)(scratch + places));
    for (int64_t i = 0; i < j.slots; i++)
        *part_at(&j, i) = part_of(&j, (char *)part_at(&j, i), &j.room);
    ct_parallel_slots(cx, j.items, j.slots, run_item, &j);
    if (j.makes_w)
        put_w(&j);
    return CT_OK;
}
