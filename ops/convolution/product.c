/* The three products, block by block of y's pixels. With X the block's columns (columns.h), a row
 * for each tap (channel of x and element of the kernel), and Y its pixels, a row for each channel:
 *
 *   Y = W X         X is made of x; multiplied by W it is a part of y
 *   X = W^T Y       its rows are added to x, where they came from
 *   W += Y X^T      the sum over all blocks
 *
 * That is 2 o taps operations for each pixel, with 2 taps moves of a number on top, which stays in
 * the second cache: a block has about CELLS elements of X, and so many channels that their taps
 * are not more than the depth of a block in gemm.c, or one channel. Where the kernel has one
 * element, nothing is moved, and X is x itself.
 *
 * A block never holds a part of an image and another image, so that x is computed image by image.
 * W is summed in RANGES of the blocks, and their sums are added in order. All of this is cut by
 * shapes alone, so the bits do not depend on the number of threads. */
#include "product.h"

#include <string.h>

#include "columns.h"
#include "depthwise.h"
#include "gemm.h"
#include "pointwise.h"
#include "taps.h"
#include "winograd.h"

enum {
    CELLS = 96 << 10,     /* elements of X in a block, and of these columns: */
    LEAST_COLUMNS = 64, MOST_COLUMNS = 512,
    DEPTH = 320,          /* taps in a block, unless one channel has more */
    GAP = 16,             /* between rows of X: a power of two would put them into one set */
    RANGES = 8,
    MOST_PARTIAL = 4 << 20 /* bytes of all partial sums of W */
};
#define GRAIN 1e6 /* multiply-adds: fewer are left to one thread */
#define SUM_GRAIN (1 << 16) /* numbers that are worth a thread */

typedef struct job {
    const ct__conv_product *p;
    ct__conv_sizes s;
    const ct__columns *move;
    ct_context *cx;             /* whose threads help in one product, or NULL */
    ct_dtype dtype;
    ct_simd simd;
    size_t size;                /* of an element */
    int64_t taps, in, out;      /* elements of a kernel, and of an image of x and of y */
    int64_t channels;           /* of x in a block */
    int64_t columns, row;       /* pixels in a block; elements from a row of X to the next */
    int64_t per_image, images;  /* blocks in an image; images in a block */
    int64_t blocks, ranges;
    bool moves_x, moves_y;      /* else they are read and written where they are */
    char *x, *w, *y;
    const char *bias;           /* or NULL */
    char *scratch, *partial;    /* partial: the sums of the ranges, or NULL */
    size_t room;                /* of a slot */
    int64_t slots, items;
} job;

static char *ahead(const job *j, char *data, int64_t elements)
{
    return data + elements * (int64_t)j->size;
}

/* -- Blocks */
static void cut(job *j)
{
    const ct__conv_sizes *s = &j->s;
    int64_t most = DEPTH / j->taps;
    j->channels = ct__even(s->c, ct__even(s->c, most > 0 ? most : 1));
    int64_t columns = CELLS / (j->channels * j->taps) * (int64_t)sizeof(float) / (int64_t)j->size;
    columns = columns < LEAST_COLUMNS ? LEAST_COLUMNS : ct__least(columns, MOST_COLUMNS);
    j->per_image = ct__even(j->out, columns);
    j->images = j->per_image > 1 ? 1 : ct__least(columns / j->out, s->images);
    j->columns = ct__even(ct__even(j->out * j->images, j->per_image), 32) * 32;
    j->per_image = ct__even(j->out, j->columns);
    j->blocks = j->per_image > 1 ? j->per_image * s->images : ct__even(s->images, j->images);
    if (j->per_image == 1)
        j->columns = j->out * j->images;
    j->row = j->columns + GAP;
}

static ct__block block_of(const job *j, int64_t i)
{
    int64_t image = i / j->per_image, pixel = i % j->per_image * j->columns;
    if (j->per_image > 1)
        return (ct__block){ image, 1, pixel, ct__least(j->out - pixel, j->columns) };
    image = i * j->images;
    int64_t images = ct__least(j->s.images - image, j->images);
    return (ct__block){ image, images, 0, images * j->out };
}

/* -- Products of a block */
/* the product without its data, for n pixels and so many channels of x */
static ct__gemm product_of(const job *j, int64_t n, int64_t channels)
{
    int64_t taps = channels * j->taps, w_row = j->s.c * j->taps;
    int64_t x_row = j->moves_x ? j->row : j->in, y_row = j->moves_y ? j->row : j->out;
    ct__gemm g = { .dtype = j->dtype, .simd = j->simd, .cx = j->cx };
    switch (j->p->result) {
    case CT__CONV_Y:
        g.m = j->s.o, g.n = n, g.k = taps;
        g.a.row = w_row, g.a.col = 1, g.b.row = x_row, g.b.col = 1, g.c_row = y_row;
        break;
    case CT__CONV_X:
        g.m = taps, g.n = n, g.k = j->s.o;
        g.a.row = 1, g.a.col = w_row, g.b.row = y_row, g.b.col = 1, g.c_row = x_row;
        g.adds = !j->moves_x && (j->bias || j->p->adds);
        break;
    case CT__CONV_W:
        g.m = j->s.o, g.n = taps, g.k = n;
        g.a.row = y_row, g.a.col = 1, g.b.row = 1, g.b.col = x_row, g.c_row = w_row;
        break;
    }
    return g;
}

/* bytes of scratch for the largest of them */
static size_t gemm_room(const job *j)
{
    ct__block last = block_of(j, j->blocks - 1);
    const int64_t n[] = { j->columns, last.n };
    const int64_t channels[] = { j->channels, j->s.c % j->channels };
    size_t most = 0;
    for (int i = 0; i < 4; i++) {
        ct__gemm g = product_of(j, n[i / 2], channels[i % 2]);
        for (int adds = 0; adds < 2; adds++) {
            g.adds = adds;
            size_t bytes = ct__gemm_plan_for(&g);
            most = bytes > most ? bytes : most;
        }
    }
    return most;
}

/* what a part works with */
typedef struct part {
    const job *j;
    ct__block b;
    int64_t group;
    char *x, *y, *w;       /* of the block and group: X and Y, moved or in place, and W */
    char *columns, *image, *gemm;
    ct__runs runs;
    bool adds;             /* to W */
} part;

static size_t columns_bytes(const job *j)
{
    return j->moves_x ? (size_t)(j->channels * j->taps * j->row) * j->size : 0;
}

static size_t image_bytes(const job *j)
{
    return j->moves_y ? (size_t)(j->s.o * j->row) * j->size : 0;
}

static size_t whole_lines(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static size_t room_of(const job *j)
{
    return whole_lines(columns_bytes(j)) + whole_lines(image_bytes(j)) +
           whole_lines((2 * (size_t)j->columns + 1) * sizeof(ct__run)) + gemm_room(j);
}

static part part_of(const job *j, int64_t slot)
{
    part t = { .j = j, .columns = j->scratch + (size_t)slot * j->room };
    t.image = t.columns + whole_lines(columns_bytes(j));
    char *runs = t.image + whole_lines(image_bytes(j));
    t.runs.runs = (ct__run *)(void *)runs;
    t.runs.gaps = t.runs.runs + j->columns;
    t.gemm = runs + whole_lines((2 * (size_t)j->columns + 1) * sizeof(ct__run));
    return t;
}

/* channel c of the part's group, in the first image of the block */
static char *channel_of_x(const part *t, int64_t c)
{
    const job *j = t->j;
    return ahead(j, j->x, ((t->b.image * j->s.groups + t->group) * j->s.c + c) * j->in);
}

/* X from x, or its sums into x */
static void move_columns(part *t, int64_t first, int64_t channels)
{
    const job *j = t->j;
    for (int64_t tap = 0; tap < j->taps; tap++) {
        ct__find_runs(&t->runs, &j->s, &t->b, tap);
        for (int64_t c = 0; c < channels; c++) {
            char *x = channel_of_x(t, first + c);
            char *row = ahead(j, t->columns, (c * j->taps + tap) * j->row);
            if (j->p->result == CT__CONV_X)
                j->move->scatter(&t->runs, x, row);
            else
                j->move->gather(&t->runs, x, row);
        }
    }
}

static void run_channels(part *t, int64_t first, int64_t channels)
{
    const job *j = t->j;
    ct__gemm g = product_of(j, t->b.n, channels);
    int64_t row_of_w = t->group * j->s.o;
    char *w = ahead(j, t->w, (row_of_w * j->s.c + first) * j->taps);
    char *x = j->moves_x ? t->columns : ahead(j, channel_of_x(t, first), t->b.pixel);
    if (j->moves_x && j->p->result != CT__CONV_X)
        move_columns(t, first, channels);
    switch (j->p->result) {
    case CT__CONV_Y:
        g.a.data = w, g.b.data = x, g.c = t->y;
        g.adds = first > 0 || j->bias || j->p->adds;
        break;
    case CT__CONV_X:
        g.a.data = w, g.b.data = t->y, g.c = x;
        break;
    case CT__CONV_W:
        g.a.data = t->y, g.b.data = x, g.c = w;
        g.adds = t->adds;
        break;
    }
    ct__gemm_plan_for(&g);
    ct__gemm_run(&g, t->gemm);
    if (j->moves_x && j->p->result == CT__CONV_X)
        move_columns(t, first, channels);
}

/* Y from y, or into y */
static void move_image(const part *t, bool out)
{
    const job *j = t->j;
    size_t bytes = (size_t)j->out * j->size;
    for (int64_t i = 0; i < t->b.images; i++)
        for (int64_t o = 0; o < j->s.o; o++) {
            int64_t row = ((t->b.image + i) * j->s.groups + t->group) * j->s.o + o;
            char *y = ahead(j, j->y, row * j->out);
            char *room = ahead(j, t->image, o * j->row + i * j->out);
            memcpy(out ? y : room, out ? room : y, bytes);
        }
}

static void put_bias(const part *t)
{
    const job *j = t->j;
    int64_t row = j->moves_y ? j->row : j->out;
    for (int64_t o = 0; o < j->s.o; o++)
        j->move->fill(ahead(j, t->y, o * row),
                      j->bias + (size_t)(t->group * j->s.o + o) * j->size, t->b.n);
}

static void run_group(part *t)
{
    const job *j = t->j;
    bool makes_y = j->p->result == CT__CONV_Y;
    int64_t row = (t->b.image * j->s.groups + t->group) * j->s.o;
    t->y = j->moves_y ? t->image : ahead(j, j->y, row * j->out + t->b.pixel);
    if (j->moves_y && (!makes_y || j->p->adds))
        move_image(t, false);
    if (makes_y && j->bias)
        put_bias(t);
    for (int64_t c = 0; c < j->s.c; c += j->channels)
        run_channels(t, c, ct__least(j->s.c - c, j->channels));
    if (j->moves_y && makes_y)
        move_image(t, true);
}

static void run_block(part *t, int64_t i)
{
    t->b = block_of(t->j, i);
    for (t->group = 0; t->group < t->j->s.groups; t->group++)
        run_group(t);
}

/* -- Items: an item is a block for y, an image or more for x, and a range of blocks for w */
static size_t bytes_of_w(const job *j)
{
    return whole_lines((size_t)(j->s.groups * j->s.o * j->s.c * j->taps) * j->size);
}

static void run_item(int64_t i, int64_t slot, void *arg)
{
    const job *j = arg;
    part t = part_of(j, slot);
    int64_t each = j->blocks / j->items + (j->blocks % j->items > 0);
    t.w = j->partial ? j->partial + (size_t)i * bytes_of_w(j) : j->w;
    t.adds = !j->partial && j->p->adds;
    for (int64_t b = i * each; b < ct__least((i + 1) * each, j->blocks); b++) {
        run_block(&t, b);
        t.adds = true;
    }
}

static void add_ranges(const job *j)
{
    int64_t n = j->s.groups * j->s.o * j->s.c * j->taps;
    for (int64_t i = 1; i < j->ranges; i++)
        j->move->add(j->partial, j->partial + (size_t)i * bytes_of_w(j), n);
    if (j->p->adds)
        j->move->add(j->w, j->partial, n);
    else
        memcpy(j->w, j->partial, (size_t)n * j->size);
}

/* -- The whole */
/* into how many ranges the sum over blocks is cut, if memory allows, as equal as blocks allow */
static int64_t ranges_of(const job *j)
{
    int64_t most = MOST_PARTIAL / (int64_t)bytes_of_w(j);
    return j->p->result == CT__CONV_W && most > 1
               ? ct__even(j->blocks, ct__even(j->blocks, ct__least(RANGES, most)))
               : 1;
}

static void plan(const ct_call *call, job *j)
{
    const ct__conv_sizes *s = &j->s;
    ct_context *cx = ct_call_context(call);
    double work = (double)(s->images * j->out) * (double)(s->groups * s->o) *
                  (double)(s->c * j->taps);
    int64_t threads = work < GRAIN ? 1 : ct_threads_of(cx);
    bool one = j->taps == 1;
    for (int d = 0; d < AXES; d++)
        one = one && s->stride[d] == 1 && s->before[d] == 0 && s->in[d] == s->out[d];
    cut(j);
    j->moves_y = j->images > 1;
    j->moves_x = j->moves_y || !one;
    j->ranges = ranges_of(j);
    j->items = j->p->result == CT__CONV_W   ? j->ranges
               : j->p->result == CT__CONV_X ? j->blocks / j->per_image
                                            : j->blocks;
    j->room = whole_lines(room_of(j));
    j->slots = threads > 1 ? ct_slots_of(cx, j->items, j->room) : 1;
    if (j->slots == 1 && threads > 1) {
        j->cx = cx;
        j->room = whole_lines(room_of(j));
    }
}

/* the result as a sum of no products: zeros, or its bias */
static void begin(const job *j)
{
    bool is_x = j->p->result == CT__CONV_X, is_w = j->p->result == CT__CONV_W;
    int64_t channels = is_w ? 1 : j->s.groups * (is_x ? j->s.c : j->s.o);
    int64_t n = is_x ? j->in : is_w ? ct_count(j->p->w) : j->out;
    char *to = is_x ? j->x : is_w ? j->w : j->y;
    for (int64_t i = 0; i < (is_w ? 1 : j->s.images * channels); i++)
        j->move->fill(ahead(j, to, i * n),
                      j->bias ? j->bias + (size_t)(i % channels) * j->size : NULL, n);
}

static ct_status run(const ct_call *call, job *j)
{
    plan(call, j);
    if (j->p->result == CT__CONV_X && !j->p->adds && (j->moves_x || j->bias))
        begin(j);
    size_t partial = j->ranges > 1 ? (size_t)j->ranges * bytes_of_w(j) : 0;
    char *scratch = ct_call_scratch(call, (size_t)j->slots * j->room + partial);
    if (!scratch)
        return CT_ERROR_MEMORY;
    j->partial = partial > 0 ? scratch : NULL;
    j->scratch = scratch + partial;
    ct_parallel_slots(ct_call_context(call), j->items, j->slots, run_item, j);
    if (partial > 0)
        add_ranges(j);
    return CT_OK;
}

static void *data_of(ct_tensor *t, bool written)
{
    return written ? ct_data_mutable(t) : (void *)(uintptr_t)ct_data(t);
}

ct_status ct__conv_multiply(const ct_call *call, const ct__conv_product *p)
{
    job j = { .p = p, .s = ct__conv_sizes_of(ct_call_attributes(call), p->x, p->w, p->y),
              .dtype = ct_dtype_of(p->x), .simd = ct_simd_of(ct_call_context(call)),
              .size = ct_dtype_size(ct_dtype_of(p->x)),
              .move = ct__columns_for(p->x),
              .x = data_of(p->x, p->result == CT__CONV_X),
              .w = data_of(p->w, p->result == CT__CONV_W),
              .y = data_of(p->y, p->result == CT__CONV_Y),
              .bias = p->bias ? ct_data(p->bias) : NULL };
    j.taps = ct__product(j.s.kernel);
    j.in = ct__product(j.s.in);
    j.out = ct__product(j.s.out);
    bool empty = ct_count(p->x) == 0 || ct_count(p->w) == 0 || ct_count(p->y) == 0;
    if (empty && !p->adds)
        begin(&j);
    if (!empty && ct__is_depthwise(p, &j.s))
        return ct__depthwise_multiply(call, p, &j.s);
    if (!empty && ct__is_pointwise(p, &j.s))
        return ct__pointwise_multiply(call, p, &j.s);
    if (!empty && ct__is_winograd(p, &j.s)) {
        bool done;
        ct_status status = ct__winograd_multiply(call, p, &j.s, &done);
        if (status != CT_OK || done)
            return status;
    }
    if (!empty && ct__is_by_taps(p, &j.s)) {
        bool done;
        ct_status status = ct__taps_multiply(call, p, &j.s, &done);
        if (status != CT_OK || done)
            return status;
    }
    return empty ? CT_OK : run(call, &j);
}

/* -- The sums of images and pixels */
typedef struct sums {
    const ct__columns *move;
    const char *from;
    char *to;
    int64_t channels, images, n; /* n: pixels */
    size_t size;
    bool adds;
} sums;

static void sum_channels(int64_t begin, int64_t end, void *arg)
{
    const sums *s = arg;
    const size_t row = (size_t)s->n * s->size;
    for (int64_t c = begin; c < end; c++) {
        union { double d; float f; } sum = { 0 }, rest = { 0 };
        for (int64_t i = 0; i < s->images; i++)
            s->move->sum(s->from + (size_t)(i * s->channels + c) * row, s->n, &sum, &rest);
        s->move->put_sum(s->to + (size_t)c * s->size, &sum, &rest, s->adds);
    }
}

void ct__conv_sum(ct_tensor *gb, const ct_tensor *y, bool adds)
{
    sums s = { ct__columns_for(y), ct_data(y), ct_data_mutable(gb), ct_count(gb), ct_size(y, 0), 0,
               ct_dtype_size(ct_dtype_of(y)), adds };
    if (s.images * s.channels > 0)
        s.n = ct_count(y) / (s.images * s.channels);
    ct_parallel_ranges(ct_context_of(y), s.channels, SUM_GRAIN / (s.images * s.n + 1) + 1,
                       sum_channels, &s);
}
