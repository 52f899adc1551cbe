/* A product with a kernel of 3 x 3 elements, y_i = sum_k w_k x_(i + k - before), in tiles of 4 x 4
 * pixels of y, each made of 6 x 6 pixels of x, by Winograd's minimal filtering: with the matrices
 * of points.c along both axes, 36 products at points take the place of 144. A kernel of 5 x 5
 * elements makes tiles of 2 x 2 pixels of as many pixels of x, and 36 products take the place of
 * 100. For all channels and tiles they are 36 products of matrices,
 *
 *   (tiles x channels of y) = (tiles x channels of x) (channels of x x channels of y).
 *
 * x from y is the same with the kernel mirrored. Where x has more tiles than y, as without padding,
 * x is computed by the adjoint instead, with A y for the points of a tile of y:
 *
 *   x = sum over tiles of B ((A y) (G w)),   w = G^T (sum over tiles of (A y) (B^T x)).
 *
 * These tiles of x overlap, and are added in order: blocks of an image are computed one after the
 * other, and the last rows of a block are the first of the next.
 *
 * Images are moved to where the channels of a pixel lie side by side, so that vectors hold channels
 * and no tile's place matters; beyond the edges there are zeros. In a block of tiles all of this
 * stays in the second cache. For each pixel and channel, some 25 numbers are moved and 30
 * operations done, beside 2.25 multiply-adds, instead of 9, for each channel of the other side.
 * With 5 x 5 elements these are 60 numbers, 80 operations, and 9 multiply-adds instead of 25.
 *
 * An infinity or NaN, or what overflows at a point, spreads over a tile. So a tile that is not
 * finite is summed anew without points, and so is all of w (product.c). A finite result is off by
 * some 10 roundings of the largest sum of sizes in its tile.
 *
 * An image's tiles are cut by its size alone, and rows of a product do not depend on each other: so
 * y and x do not depend on other images, or on threads. w is summed in ranges of blocks, in
 * order. */
#include "winograd.h"

#include "columns.h"
#include "tiles.h"

enum {
    CHANNELS = 16,        /* fewer are not worth it; counts are rounded up to multiples of it */
    MOST_PAIRS = 1 << 17, /* channels of x times those of y */
    GAP = 16,             /* between points: a power of two would put them into one set */
    PACKED = 32,          /* tiles for which weights are not worth packing */
    LEAST_OF_W = 8,       /* tiles for which w is worth it */
    RANGE = 256,          /* tiles in a range of w, or more: */
    RANGES = 8
};
#define GRAIN 1e6 /* multiply-adds: fewer are left to one thread */

typedef ct__tiles job;
typedef ct__tiles_image image;

/* CT__EDGE pixels meet a kernel at so many places */
static int64_t tile_of(int64_t kernel)
{
    return CT__EDGE + 1 - kernel;
}

static int64_t count_tiles(const int64_t sizes[AXES], int64_t tile)
{
    return ct__even(sizes[1], tile) * ct__even(sizes[2], tile);
}

/* is x better computed as the adjoint of tiles of y? */
static bool spreads(const ct__conv_product *p, const ct__conv_sizes *s)
{
    int64_t tile = tile_of(s->kernel[1]);
    bool covers = true; /* every pixel of x meets one of y's, inside or not */
    for (int d = 1; d < AXES; d++)
        covers = covers && s->in[d] + s->before[d] < s->out[d] + s->kernel[d];
    return covers && p->result == CT__CONV_X &&
           count_tiles(s->out, tile) < count_tiles(s->in, tile);
}

bool ct__is_winograd(const ct__conv_product *p, const ct__conv_sizes *s)
{
    int64_t kernel = s->kernel[1], tile = tile_of(kernel);
    bool fits = ct_dtype_of(p->x) == CT_F32 && (kernel == 3 || kernel == 5) && s->groups == 1 &&
                s->c >= CHANNELS && s->o >= CHANNELS && s->c * s->o <= MOST_PAIRS &&
                s->kernel[0] == 1 && s->in[0] == 1 && s->out[0] == 1 && s->before[0] == 0;
    for (int d = 1; d < AXES; d++)
        fits = fits && s->kernel[d] == kernel && s->stride[d] == 1 && s->dilation[d] == 1 &&
               s->before[d] < kernel && s->in[d] < 1 << 15 && s->out[d] < 1 << 15;
    if (!fits || !ct__points_for(p->x))
        return false;
    int64_t tiles = count_tiles(p->result == CT__CONV_X && !spreads(p, s) ? s->in : s->out, tile);
    return 2 * CT__POINTS * tiles <= kernel * kernel * s->out[1] * s->out[2] &&
           (p->result != CT__CONV_W || s->images * tiles >= LEAST_OF_W);
}

/* -- Weights, and w */
static ct__spots spots_of_w(const job *j, float *w, float *points, int64_t count)
{
    int64_t lanes = j->to.lanes;
    return (ct__spots){ j->kernel, w, points, j->kernel * lanes, lanes, CT__EDGE * j->w_point,
                        j->w_point, { 1, 1, count }, { 0, 0, j->taps * lanes }, { 0, 0, lanes },
                        lanes, NULL };
}

/* weights of some channels of `from` at the points */
static void prepare(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    const float *w = ct_data(j->p->w);
    int64_t lanes = j->to.lanes, taps = j->taps, n = end - begin;
    float *to = j->w + begin * taps * lanes;
    bool is_x = j->p->result == CT__CONV_X;
    ct__spots s = spots_of_w(j, to, j->points + begin * lanes, n);
    ct__turn turn = { j->to.channels, is_x ? taps : taps * j->from.channels,
                      is_x ? taps : taps * n, lanes, NULL, NULL, false };
    for (int64_t i = 0; i < n && is_x; i++)
        j->with->channels_last(&turn, w + (begin + i) * taps * j->to.channels,
                               to + i * taps * lanes);
    if (!is_x)
        j->with->channels_last(&turn, w + begin * taps, to);
    if (is_x && !j->spreads) { /* mirrored */
        s.from = to + (taps - 1) * lanes;
        s.from_row *= -1;
        s.from_column *= -1;
    }
    j->with->run(CT__WEIGHTS, &s);
}

static void pack(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    for (int64_t p = begin; p < end; p++) {
        ct__gemm g = ct__tiles_product(j, 4);
        g.cx = NULL;
        g.b.data = j->points + p * j->w_point;
        ct__gemm_pack(&g, (char *)j->packed + (size_t)p * j->pack_bytes);
    }
}

/* -- Items. Each slot's room begins with its part */
static ct__tiles_part *part_at(const job *j, int64_t slot)
{
    return (ct__tiles_part *)(void *)(j->scratch + (size_t)slot * j->room);
}

static void run_item(int64_t i, int64_t slot, void *arg)
{
    const job *j = arg;
    ct__tiles_part *t = part_at(j, slot);
    int64_t each = ct__even(j->blocks, j->items), lanes = j->to.lanes;
    for (int64_t b = i * each; b < ct__least((i + 1) * each, j->blocks); b++)
        ct__tiles_run(t, b, b > i * each);
    if (j->makes_w) {
        float *sums = j->sums + i * j->from.channels * j->taps * lanes;
        ct__spots s = spots_of_w(j, sums, t->w_points, j->from.channels);
        s = (ct__spots){ j->kernel, s.to, sums, s.to_row, s.to_column, s.from_row, s.from_column,
                         { 1, 1, s.count[2] }, { 0, 0, lanes }, { 0, 0, j->taps * lanes }, lanes,
                         NULL };
        j->with->run(CT__WEIGHTS_ADJOINT, &s);
    }
}

/* w = or += the ranges' sums, if that is finite */
static bool put_w(const job *j)
{
    const ct__columns *move = ct__columns_for(j->p->w);
    int64_t pixels = j->from.channels * j->taps, n = pixels * j->to.lanes;
    for (int64_t i = 1; i < j->ranges; i++)
        move->add(j->sums, j->sums + i * n, n);
    if (!ct__is_finite(j->sums, n))
        return false;
    ct__turn turn = { j->to.channels, pixels, pixels, j->to.lanes, NULL, NULL, j->p->adds };
    j->with->channels_first(&turn, j->sums, ct_data_mutable(j->p->w));
    return true;
}

/* -- The whole */
static image image_of(ct_tensor *t, const int64_t sizes[AXES], bool written)
{
    return (image){ .data = written ? ct_data_mutable(t) : (void *)(uintptr_t)ct_data(t),
                    .channels = ct_size(t, 1),
                    .lanes = ct__even(ct_size(t, 1), CHANNELS) * CHANNELS,
                    .rows = sizes[1], .columns = sizes[2] };
}

static job job_of(const ct_call *call, const ct__conv_product *p, const ct__conv_sizes *s)
{
    bool is_x = p->result == CT__CONV_X;
    image x = image_of(p->x, s->in, is_x), y = image_of(p->y, s->out, p->result == CT__CONV_Y);
    job j = { .p = p, .with = ct__points_for(p->x), .simd = ct_simd_of(ct_call_context(call)),
              .makes_w = p->result == CT__CONV_W, .spreads = spreads(p, s),
              .kernel = s->kernel[1], .images = s->images,
              .from = is_x ? y : x, .to = is_x ? x : y };
    image *wide = j.spreads ? &j.to : &j.from, *narrow = j.spreads ? &j.from : &j.to;
    j.taps = j.kernel * j.kernel;
    j.tile = narrow->edge = tile_of(j.kernel);
    wide->edge = CT__EDGE;
    wide->before = is_x && !j.spreads ? j.kernel - 1 - s->before[1] : s->before[1];
    wide->left = is_x && !j.spreads ? j.kernel - 1 - s->before[2] : s->before[2];
    j.down = ct__even(narrow->rows, j.tile);
    j.across = ct__even(narrow->columns, j.tile);
    j.w_point = j.from.channels * j.to.lanes + GAP;
    ct__tiles_cut(&j);
    int64_t tiles = s->images * j.down * j.across, ranges = ct__least(tiles / RANGE + 1, RANGES);
    j.packs = !j.makes_w && tiles > PACKED;
    j.ranges = j.makes_w ? ct__even(j.blocks, ct__even(j.blocks, ranges)) : 0;
    j.items = j.makes_w ? j.ranges : j.spreads ? j.blocks / j.per_image : j.blocks;
    return j;
}

ct_status ct__winograd_multiply(const ct_call *call, const ct__conv_product *p,
                                const ct__conv_sizes *s, bool *done)
{
    job j = job_of(call, p, s);
    ct_context *cx = ct_call_context(call);
    double work = (double)(j.taps * s->c * s->o) * (double)(s->images * j.to.rows * j.to.columns);
    int threads = work < GRAIN ? 1 : ct_threads_of(cx);
    int64_t weights = j.from.channels * j.taps * j.to.lanes;
    size_t end = 0, f = sizeof(float), w, points, packed, sums;
    j.room = ct__tiles_room(&j);
    j.slots = threads > 1 ? ct_slots_of(cx, j.items, j.room) : 1;
    if (j.slots == 1 && threads > 1) {
        j.cx = cx;
        j.room = ct__tiles_room(&j);
    }
    ct__gemm g = ct__tiles_product(&j, 4);
    j.pack_bytes = (ct__gemm_pack_bytes(&g) + 63) / 64 * 64;
    w = ct__take(&end, j.makes_w ? 0 : weights, f);
    packed = ct__take(&end, j.packs ? CT__POINTS : 0, j.pack_bytes);
    sums = ct__take(&end, j.ranges * weights, f);
    size_t slots = end; /* once they are packed, the weights at the points may be written over */
    points = ct__take(&end, j.makes_w ? 0 : CT__POINTS * j.w_point, f);
    slots = j.packs ? slots : end;
    size_t all = slots + (size_t)j.slots * j.room;
    char *scratch = ct_call_scratch(call, all > end ? all : end);
    if (!scratch)
        return CT_ERROR_MEMORY;
    j.w = (void *)(scratch + w), j.points = (void *)(scratch + points), j.scratch = scratch + slots;
    j.packed = (void *)(scratch + packed), j.sums = (void *)(scratch + sums);
    if (!j.makes_w) {
        int64_t some = threads > 1 ? CHANNELS : MOST_PAIRS;
        ct_parallel_ranges(cx, j.from.channels, some, prepare, &j);
        ct_parallel_ranges(cx, j.packs ? CT__POINTS : 0, some, pack, &j);
    }
    for (int64_t i = 0; i < j.slots; i++)
        *part_at(&j, i) = ct__tiles_part_of(&j, (char *)part_at(&j, i));
    ct_parallel_slots(cx, j.items, j.slots, run_item, &j);
    *done = !j.makes_w || put_w(&j);
    return CT_OK;
}
