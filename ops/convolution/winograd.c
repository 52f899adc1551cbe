/* A product with a kernel of 3 x 3 elements, y_i = sum_k w_k x_(i + k - before), in tiles of 4 x 4
 * pixels of y, each made of 6 x 6 pixels of x, by Winograd's minimal filtering: with the matrices
 * of points.c along both axes, 36 products at points take the place of 144. A kernel of 5 x 5
 * elements makes tiles of 2 x 2 pixels of as many pixels of x, and 36 products take the place of
 * 100. For all channels and tiles they are 36 products of matrices,
 *
 *   (tiles x channels of y) = (tiles x channels of x) (channels of x x channels of y).
 *
 * x from y is the same with the kernel mirrored. For w, with A y for the points of a tile of y,
 *
 *   w = G^T (sum over tiles of (A y) (B^T x)).
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
 * y does not depend on other images, or on threads. w is summed in ranges of blocks, in order. */
#include "winograd.h"

#include <string.h>

#include "columns.h"
#include "gemm.h"
#include "points.h"

enum {
    EDGE = 6,
    POINTS = EDGE * EDGE,
    CHANNELS = 16,        /* fewer are not worth it; counts are rounded up to multiples of it */
    MOST_PAIRS = 1 << 17, /* channels of x times those of y */
    CELLS = 160 << 10,    /* numbers at all points of a block, and of these tiles: */
    LEAST_TILES = 24,
    GAP = 16,             /* between points: a power of two would put them into one set */
    PACKED = 32,          /* tiles for which weights are not worth packing */
    LEAST_OF_W = 8,       /* tiles for which w is worth it */
    RANGE = 256,          /* tiles in a range of w, or more: */
    RANGES = 8,
    MOST_ROOM = 64 << 20  /* bytes of scratch of all parts but one */
};
#define GRAIN 1e6 /* multiply-adds: fewer are left to one thread */

/* one of the two images: `from`, of which tiles have EDGE x EDGE pixels, or `to`, of which they
 * have tile x tile */
typedef struct image {
    float *data;
    int64_t channels, lanes;
    int64_t rows, columns;     /* in the tensor */
    int64_t before, left;      /* row r is row r + before of the first tiles, and so columns */
    int64_t edge;              /* of a tile: EDGE or job.tile */
} image;

typedef struct job {
    const ct__conv_product *p;
    const ct__point_kernels *with;
    ct_context *cx;            /* whose threads help in one product, or NULL */
    ct_simd simd;
    int64_t kernel, taps, tile;        /* rows and elements of a kernel; rows of a tile of `to` */
    int64_t images, down, across;      /* tiles of an image */
    image from, to;
    int64_t block_images, block_rows;  /* in a block: images, rows of tiles of an image */
    int64_t per_image, blocks, items, ranges, parts;
    float *w, *sums;           /* weights, channels last; sums of ranges */
    float *points, *packed;    /* weights at the points, and for gemm.c if there are many tiles */
    bool packs;
    int64_t w_point;
    size_t pack_bytes, room;
    char *scratch;
} job;

/* EDGE pixels meet a kernel at so many places */
static int64_t tile_of(int64_t kernel)
{
    return EDGE + 1 - kernel;
}

bool ct__is_winograd(const ct__conv_product *p, const ct__conv_sizes *s)
{
    int64_t kernel = s->kernel[1], tile = tile_of(kernel);
    const int64_t *to = p->result == CT__CONV_X ? s->in : s->out;
    bool fits = ct_dtype_of(p->x) == CT_F32 && (kernel == 3 || kernel == 5) && s->groups == 1 &&
                s->c >= CHANNELS && s->o >= CHANNELS && s->c * s->o <= MOST_PAIRS &&
                s->kernel[0] == 1 && s->in[0] == 1 && s->out[0] == 1 && s->before[0] == 0;
    for (int d = 1; d < AXES; d++)
        fits = fits && s->kernel[d] == kernel && s->stride[d] == 1 && s->dilation[d] == 1 &&
               s->before[d] < kernel && s->in[d] < 1 << 15 && s->out[d] < 1 << 15;
    if (!fits || !ct__points_for(p->x))
        return false;
    int64_t tiles = ct__even(to[1], tile) * ct__even(to[2], tile);
    return 2 * POINTS * tiles <= kernel * kernel * s->out[1] * s->out[2] &&
           (p->result != CT__CONV_W || s->images * tiles >= LEAST_OF_W);
}

/* -- Blocks */
static int64_t tiles_of(const job *j)
{
    return j->block_images * j->block_rows * j->across;
}

static void cut(job *j)
{
    int64_t most = CELLS / (POINTS * (j->from.lanes + j->to.lanes)), tiles = j->down * j->across;
    most = most > LEAST_TILES ? most : LEAST_TILES;
    j->per_image = 1;
    j->block_images = 1;
    j->block_rows = j->down;
    if (tiles <= most) {
        j->block_images = ct__even(j->images, ct__even(j->images, most / tiles));
    } else {
        int64_t rows = most > j->across ? most / j->across : 1;
        j->block_rows = ct__even(j->down, ct__even(j->down, rows));
        j->per_image = ct__even(j->down, j->block_rows);
    }
    j->blocks = j->per_image * ct__even(j->images, j->block_images);
}

/* of an image in a block */
static int64_t band_columns(const job *j, const image *m)
{
    return j->tile * j->across + m->edge - j->tile;
}

/* behind the pixels there is room for one that no tile has */
static int64_t band_pixels(const job *j, const image *m)
{
    return (j->tile * j->block_rows + m->edge - j->tile) * band_columns(j, m) + 1;
}

/* numbers from a point to the next */
static int64_t point_of(const job *j, const image *m)
{
    int64_t tiles = tiles_of(j);
    return (tiles > 4 ? tiles : 4) * m->lanes + GAP;
}

/* -- A part, and where its scratch lies */
typedef struct part {
    const job *j;
    int64_t image, images, row, rows;  /* of the block: in rows of tiles */
    float *from, *to;                  /* channels last */
    float *from_points, *to_points, *w_points;
    int32_t *places;
    bool *wrong;
    char *gemm;
} part;

static bool makes_w(const job *j)
{
    return j->p->result == CT__CONV_W;
}

/* with scratch NULL: only *bytes is of use */
static part part_of(const job *j, char *scratch, size_t *bytes)
{
    size_t end = 0, f = sizeof(float);
    int64_t most = band_pixels(j, &j->from);
    size_t from = ct__take(&end, j->block_images * band_pixels(j, &j->from) * j->from.lanes, f);
    size_t to = ct__take(&end, j->block_images * band_pixels(j, &j->to) * j->to.lanes, f);
    size_t from_points = ct__take(&end, POINTS * point_of(j, &j->from), f);
    size_t to_points = ct__take(&end, POINTS * point_of(j, &j->to), f);
    size_t w_points = ct__take(&end, makes_w(j) ? POINTS * j->w_point : 0, f);
    size_t places = ct__take(&end, most, sizeof(int32_t)), wrong = ct__take(&end, tiles_of(j), 1);
    *bytes = end;
    if (!scratch)
        return (part){ .j = j };
    return (part){ .j = j, .from = (void *)(scratch + from), .to = (void *)(scratch + to),
                   .from_points = (void *)(scratch + from_points),
                   .to_points = (void *)(scratch + to_points),
                   .w_points = (void *)(scratch + w_points), .places = (void *)(scratch + places),
                   .wrong = (void *)(scratch + wrong), .gemm = scratch + end };
}

static void find_block(part *t, int64_t i)
{
    const job *j = t->j;
    t->image = i / j->per_image * j->block_images;
    t->images = ct__least(j->block_images, j->images - t->image);
    t->row = i % j->per_image * j->block_rows;
    t->rows = ct__least(j->block_rows, j->down - t->row);
}

/* -- Moving images */
/* The rows of the tensor that the block has pixels of; *first is the first of them. Their pixels'
 * places in the block */
static int64_t find_places(const part *t, const image *m, int64_t *first)
{
    const job *j = t->j;
    int64_t above = j->tile * t->row - m->before, columns = band_columns(j, m);
    int64_t begin = above > 0 ? above : 0;
    int64_t end = ct__least(above + j->tile * t->rows + m->edge - j->tile, m->rows);
    int32_t *place = t->places;
    for (int64_t r = begin; r < end; r++)
        for (int64_t c = 0; c < m->columns; c++)
            *place++ = (int32_t)(c + m->left < columns ? (r - above) * columns + c + m->left
                                                       : band_pixels(j, m) - 1);
    *first = begin;
    return end > begin ? end - begin : 0;
}

/* pixels between the tensor and `room`, channels last */
static void move(const part *t, const image *m, float *room, bool out)
{
    const job *j = t->j;
    int64_t first, rows = find_places(t, m, &first), all = m->rows * m->columns;
    ct__turn turn = { m->channels, all, rows * m->columns, m->lanes, t->places,
                      out && j->p->bias ? ct_data(j->p->bias) : NULL, out && j->p->adds };
    if (!out)
        memset(room, 0, (size_t)(t->images * band_pixels(j, m) * m->lanes) * sizeof *room);
    for (int64_t i = 0; i < t->images; i++, room += band_pixels(j, m) * m->lanes) {
        float *data = m->data + (t->image + i) * m->channels * all + first * m->columns;
        if (out)
            j->with->channels_first(&turn, room, data);
        else
            j->with->channels_last(&turn, data, room);
    }
}

/* between pixels in `room` and points, of which there are `point` numbers each */
static void run_tiles(const part *t, ct__point_step step, const image *m, float *room,
                      float *points)
{
    const job *j = t->j;
    int64_t row = band_columns(j, m) * m->lanes, point = point_of(j, m);
    ct__spots s = { j->tile, room, points, row, m->lanes, EDGE * point, point,
                    { t->images, t->rows, j->across },
                    { band_pixels(j, m) * m->lanes, j->tile * row, j->tile * m->lanes },
                    { t->rows * j->across * m->lanes, j->across * m->lanes, m->lanes },
                    m->lanes, t->wrong };
    if (step == CT__FROM_POINTS)
        s = (ct__spots){ j->tile, points, room, s.to_row, s.to_column, s.from_row, s.from_column,
                         { t->images, t->rows, j->across },
                         { s.to_step[0], s.to_step[1], s.to_step[2] },
                         { s.from_step[0], s.from_step[1], s.from_step[2] }, m->lanes, t->wrong };
    j->with->run(step, &s);
}

/* tile k of the block without points */
static void run_direct(const part *t, int64_t k)
{
    const job *j = t->j;
    int64_t image = k / (t->rows * j->across);
    int64_t row = k / j->across % t->rows, column = k % j->across;
    int64_t from_row = band_columns(j, &j->from) * j->from.lanes;
    int64_t to_row = band_columns(j, &j->to) * j->to.lanes;
    bool mirrored = j->p->result == CT__CONV_X;
    ct__direct d = { .kernel = j->kernel, .tile = j->tile, .from_row = from_row, .to_row = to_row,
                     .in = j->from.channels,
                     .in_lanes = j->from.lanes, .out_lanes = j->to.lanes,
                     .w = j->w + (mirrored ? (j->taps - 1) * j->to.lanes : 0),
                     .tap = mirrored ? -j->to.lanes : j->to.lanes,
                     .inside = { 0, EDGE, 0, EDGE } };
    d.from = t->from + image * band_pixels(j, &j->from) * j->from.lanes +
             j->tile * (row * from_row + column * j->from.lanes);
    d.to = t->to + image * band_pixels(j, &j->to) * j->to.lanes +
           j->tile * (row * to_row + column * j->to.lanes);
    if (mirrored) { /* a zero beyond the edge is no pixel of y, and meets no infinite weight */
        d.inside[0] = j->from.before - j->tile * (t->row + row);
        d.inside[1] = d.inside[0] + j->from.rows;
        d.inside[2] = j->from.left - j->tile * column;
        d.inside[3] = d.inside[2] + j->from.columns;
    }
    j->with->direct(&d);
}

/* -- Products at the points */
static ct__gemm product_of(const job *j, int64_t tiles)
{
    const image *from = &j->from, *to = &j->to;
    if (makes_w(j))
        return (ct__gemm){ .dtype = CT_F32, .simd = j->simd, .cx = j->cx, .m = from->channels,
                           .n = to->lanes, .k = tiles, .a.row = 1, .a.col = from->lanes,
                           .b.row = to->lanes, .b.col = 1, .c_row = to->lanes };
    return (ct__gemm){ .dtype = CT_F32, .simd = j->simd, .cx = j->cx, .m = tiles > 4 ? tiles : 4,
                       .n = to->lanes, .k = from->channels, .a.row = from->lanes, .a.col = 1,
                       .b.row = to->lanes, .b.col = 1, .c_row = to->lanes,
                       .packed = j->packs };
}

static size_t gemm_room(const job *j)
{
    ct__gemm all = product_of(j, tiles_of(j));
    int64_t last_images = j->images - (ct__even(j->images, j->block_images) - 1) * j->block_images;
    int64_t last_rows = j->down - (j->per_image - 1) * j->block_rows;
    ct__gemm last = product_of(j, last_images * last_rows * j->across);
    size_t a = ct__gemm_plan_for(&all), b = ct__gemm_plan_for(&last);
    return ((a > b ? a : b) + 63) / 64 * 64;
}

static void run_products(const part *t, bool adds)
{
    const job *j = t->j;
    int64_t tiles = t->images * t->rows * j->across;
    int64_t from = point_of(j, &j->from), to = point_of(j, &j->to);
    ct__gemm g = product_of(j, tiles);
    g.adds = adds;
    ct__gemm_plan_for(&g);
    for (int64_t p = 0; p < POINTS; p++) {
        g.a.data = t->from_points + p * from;
        g.b.data = makes_w(j) ? (void *)(t->to_points + p * to)
                   : j->packs ? (void *)((char *)j->packed + (size_t)p * j->pack_bytes)
                              : (void *)(j->points + p * j->w_point);
        g.c = makes_w(j) ? t->w_points + p * j->w_point : t->to_points + p * to;
        ct__gemm_run(&g, t->gemm);
    }
}

static void run_block(part *t, bool adds)
{
    const job *j = t->j;
    move(t, &j->from, t->from, false);
    run_tiles(t, CT__TO_POINTS, &j->from, t->from, t->from_points);
    if (makes_w(j)) {
        move(t, &j->to, t->to, false);
        run_tiles(t, CT__TO_POINTS_ADJOINT, &j->to, t->to, t->to_points);
        run_products(t, adds);
        return;
    }
    run_products(t, false);
    run_tiles(t, CT__FROM_POINTS, &j->to, t->to, t->to_points);
    for (int64_t k = 0; k < t->images * t->rows * j->across; k++)
        if (t->wrong[k])
            run_direct(t, k);
    move(t, &j->to, t->to, true);
}

/* -- Weights, and w */
static ct__spots spots_of_w(const job *j, float *w, float *points, int64_t count)
{
    int64_t lanes = j->to.lanes;
    return (ct__spots){ j->kernel, w, points, j->kernel * lanes, lanes, EDGE * j->w_point,
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
    bool mirrored = j->p->result == CT__CONV_X;
    ct__spots s = spots_of_w(j, to, j->points + begin * lanes, n);
    ct__turn turn = { j->to.channels, mirrored ? taps : taps * j->from.channels,
                      mirrored ? taps : taps * n, lanes, NULL, NULL, false };
    if (mirrored) {
        for (int64_t i = 0; i < n; i++)
            j->with->channels_last(&turn, w + (begin + i) * taps * j->to.channels,
                                   to + i * taps * lanes);
        s.from = to + (taps - 1) * lanes;
        s.from_row *= -1;
        s.from_column *= -1;
    } else {
        j->with->channels_last(&turn, w + begin * taps, to);
    }
    j->with->run(CT__WEIGHTS, &s);
}

static void pack(int64_t begin, int64_t end, void *arg)
{
    const job *j = arg;
    for (int64_t p = begin; p < end; p++) {
        ct__gemm g = product_of(j, 4);
        g.cx = NULL;
        g.b.data = j->points + p * j->w_point;
        ct__gemm_pack(&g, (char *)j->packed + (size_t)p * j->pack_bytes);
    }
}

/* -- Parts */
static void run_item(part *t, int64_t i)
{
    const job *j = t->j;
    int64_t each = ct__even(j->blocks, j->items), lanes = j->to.lanes;
    for (int64_t b = i * each; b < ct__least((i + 1) * each, j->blocks); b++) {
        find_block(t, b);
        run_block(t, b > i * each);
    }
    if (makes_w(j)) {
        float *sums = j->sums + i * j->from.channels * j->taps * lanes;
        ct__spots s = spots_of_w(j, sums, t->w_points, j->from.channels);
        s = (ct__spots){ j->kernel, s.to, sums, s.to_row, s.to_column, s.from_row, s.from_column,
                         { 1, 1, s.count[2] }, { 0, 0, lanes }, { 0, 0, j->taps * lanes }, lanes,
                         NULL };
        j->with->run(CT__WEIGHTS_ADJOINT, &s);
    }
}

static void run_part(int64_t i, void *arg)
{
    const job *j = arg;
    size_t bytes;
    part t = part_of(j, j->scratch + (size_t)i * j->room, &bytes);
    for (int64_t k = i * j->items / j->parts; k < (i + 1) * j->items / j->parts; k++)
        run_item(&t, k);
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
    bool mirrored = p->result == CT__CONV_X;
    image x = image_of(p->x, s->in, mirrored);
    image y = image_of(p->y, s->out, p->result == CT__CONV_Y);
    job j = { .p = p, .with = ct__points_for(p->x), .simd = ct_simd_of(ct_call_context(call)),
              .kernel = s->kernel[1], .images = s->images, .from = mirrored ? y : x,
              .to = mirrored ? x : y };
    j.taps = j.kernel * j.kernel;
    j.tile = j.to.edge = tile_of(j.kernel);
    j.from.edge = EDGE;
    j.from.before = mirrored ? j.kernel - 1 - s->before[1] : s->before[1];
    j.from.left = mirrored ? j.kernel - 1 - s->before[2] : s->before[2];
    j.down = ct__even(j.to.rows, j.tile);
    j.across = ct__even(j.to.columns, j.tile);
    j.w_point = j.from.channels * j.to.lanes + GAP;
    cut(&j);
    int64_t tiles = s->images * j.down * j.across, ranges = ct__least(tiles / RANGE + 1, RANGES);
    j.packs = !makes_w(&j) && tiles > PACKED;
    j.ranges = makes_w(&j) ? ct__even(j.blocks, ct__even(j.blocks, ranges)) : 0;
    j.items = makes_w(&j) ? j.ranges : j.blocks;
    return j;
}

static void find_room(job *j, int threads)
{
    part_of(j, NULL, &j->room);
    j->room += gemm_room(j);
    j->parts = ct__least(j->items, ct__least(threads > 1 ? 2 * threads : 1,
                                     1 + MOST_ROOM / (int64_t)(j->room + 1)));
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
    find_room(&j, threads);
    if (j.parts == 1 && threads > 1) {
        j.cx = cx;
        find_room(&j, threads);
    }
    ct__gemm g = product_of(&j, 4);
    j.pack_bytes = (ct__gemm_pack_bytes(&g) + 63) / 64 * 64;
    w = ct__take(&end, makes_w(&j) ? 0 : weights, f);
    packed = ct__take(&end, j.packs ? POINTS : 0, j.pack_bytes);
    sums = ct__take(&end, j.ranges * weights, f);
    size_t parts = end; /* once they are packed, the weights at the points may be written over */
    points = ct__take(&end, makes_w(&j) ? 0 : POINTS * j.w_point, f);
    parts = j.packs ? parts : end;
    size_t all = parts + (size_t)j.parts * j.room;
    char *scratch = ct_call_scratch(call, all > end ? all : end);
    if (!scratch)
        return CT_ERROR_MEMORY;
    j.w = (void *)(scratch + w), j.points = (void *)(scratch + points), j.scratch = scratch + parts;
    j.packed = (void *)(scratch + packed), j.sums = (void *)(scratch + sums);
    if (!makes_w(&j)) {
        int64_t some = threads > 1 ? CHANNELS : MOST_PAIRS;
        ct_parallel_ranges(cx, j.from.channels, some, prepare, &j);
        ct_parallel_ranges(cx, j.packs ? POINTS : 0, some, pack, &j);
    }
    ct_parallel_for(cx, j.parts, run_part, &j);
    *done = !makes_w(&j) || put_w(&j);
    return CT_OK;
}
