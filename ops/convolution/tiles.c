#include "tiles.h"

#include <string.h>

enum {
    CELLS = 80 << 10,    /* numbers at all points of a block, and of these tiles: */
    LEAST_TILES = 24,
    GAP = 16              /* between points: a power of two would put them into one set */
};

typedef ct__tiles job;
typedef ct__tiles_image image;
typedef ct__tiles_part part;

/* -- Blocks */
static int64_t tiles_of(const job *j)
{
    return j->block_images * j->block_rows * j->across;
}

void ct__tiles_cut(ct__tiles *j)
{
    int64_t tiles = j->down * j->across;
    int64_t most = CELLS / (CT__POINTS * (j->from.lanes + j->to.lanes));
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
/* with scratch NULL: only *bytes is of use, but for gemm.c's */
static part part_of(const job *j, char *scratch, size_t *bytes)
{
    size_t end = 0, f = sizeof(float);
    (void)ct__take(&end, 1, sizeof(part));
    int64_t wide = band_pixels(j, &j->from), most = band_pixels(j, &j->to);
    most = most > wide ? most : wide;
    size_t from = ct__take(&end, j->block_images * band_pixels(j, &j->from) * j->from.lanes, f);
    size_t to = ct__take(&end, j->block_images * band_pixels(j, &j->to) * j->to.lanes, f);
    size_t from_points = ct__take(&end, CT__POINTS * point_of(j, &j->from), f);
    size_t to_points = ct__take(&end, CT__POINTS * point_of(j, &j->to), f);
    size_t w_points = ct__take(&end, j->makes_w ? CT__POINTS * j->w_point : 0, f);
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

ct__tiles_part ct__tiles_part_of(const ct__tiles *j, char *scratch)
{
    size_t bytes;
    return part_of(j, scratch, &bytes);
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
    bool last = t->row + t->rows == j->down; /* rows that another block adds to stay */
    int64_t beyond = j->spreads && m->edge > j->tile && !last ? 0 : m->edge - j->tile;
    int64_t end = ct__least(above + j->tile * t->rows + beyond, m->rows);
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
    if (!out && !t->cleared)
        memset(room, 0, (size_t)(j->block_images * band_pixels(j, m) * m->lanes) * sizeof *room);
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
    ct__spots s = { j->tile, room, points, row, m->lanes, CT__EDGE * point, point,
                    { t->images, t->rows, j->across },
                    { band_pixels(j, m) * m->lanes, j->tile * row, j->tile * m->lanes },
                    { t->rows * j->across * m->lanes, j->across * m->lanes, m->lanes },
                    m->lanes, t->wrong };
    if (step == CT__FROM_POINTS || step == CT__FROM_POINTS_ADJOINT)
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
                     .inside = { 0, CT__EDGE, 0, CT__EDGE } };
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

/* the same, of y's pixels over x's. A zero beyond the edge is no pixel of y */
static void spread_direct(const part *t, int64_t k)
{
    const job *j = t->j;
    int64_t image = k / (t->rows * j->across), lanes = j->to.lanes, inside = j->tile * j->tile;
    int64_t row = j->tile * (k / j->across % t->rows), column = j->tile * (k % j->across);
    for (int64_t n = 0; n < inside * j->taps; n++) {
        int64_t r = row + n / j->taps / j->tile, c = column + n / j->taps % j->tile;
        int64_t tap = n % j->taps;
        int64_t at = (r + tap / j->kernel) * band_columns(j, &j->to) + c + tap % j->kernel;
        float *to = t->to + (image * band_pixels(j, &j->to) + at) * lanes;
        const float *from = t->from + (image * band_pixels(j, &j->from) +
                                       r * band_columns(j, &j->from) + c) * j->from.lanes;
        bool is_pixel = j->tile * t->row + r < j->from.rows && c < j->from.columns;
        for (int64_t o = 0; o < j->from.channels && is_pixel; o++)
            for (int64_t i = 0; i < lanes; i++)
                to[i] += from[o] * j->w[(o * j->taps + tap) * lanes + i];
    }
}

static void spread_block(const part *t)
{
    const job *j = t->j;
    int64_t row = band_columns(j, &j->to) * j->to.lanes, all = band_pixels(j, &j->to) * j->to.lanes;
    int64_t kept = t->row > 0 ? (CT__EDGE - j->tile) * row : 0;
    memset(t->to + kept, 0, (size_t)(t->images * all - kept) * sizeof *t->to);
    run_tiles(t, CT__FROM_POINTS_ADJOINT, &j->to, t->to, t->to_points);
    for (int64_t k = 0; k < t->images * t->rows * j->across; k++)
        if (t->wrong[k])
            spread_direct(t, k);
    move(t, &j->to, t->to, true);
    if (t->row + t->rows < j->down) /* the last rows get more from the next block */
        memmove(t->to, t->to + j->tile * t->rows * row,
                (size_t)((CT__EDGE - j->tile) * row) * sizeof *t->to);
}

/* -- Products at the points */
ct__gemm ct__tiles_product(const ct__tiles *j, int64_t tiles)
{
    const image *from = &j->from, *to = &j->to;
    if (j->makes_w)
        return (ct__gemm){ .dtype = CT_F32, .simd = j->simd, .cx = j->cx, .m = from->channels,
                           .n = to->lanes, .k = tiles, .a.row = 1, .a.col = from->lanes,
                           .b.row = to->lanes, .b.col = 1, .c_row = to->lanes };
    return (ct__gemm){ .dtype = CT_F32, .simd = j->simd, .cx = j->cx, .m = tiles > 4 ? tiles : 4,
                       .n = to->lanes, .k = from->channels, .a.row = from->lanes, .a.col = 1,
                       .b.row = to->lanes, .b.col = 1, .c_row = to->lanes,
                       .packed = j->packs };
}

size_t ct__tiles_room(const ct__tiles *j)
{
    size_t bytes;
    ct__gemm all = ct__tiles_product(j, tiles_of(j));
    int64_t last_images = j->images - (ct__even(j->images, j->block_images) - 1) * j->block_images;
    int64_t last_rows = j->down - (j->per_image - 1) * j->block_rows;
    ct__gemm last = ct__tiles_product(j, last_images * last_rows * j->across);
    size_t a = ct__gemm_plan_for(&all), b = ct__gemm_plan_for(&last);
    part_of(j, NULL, &bytes);
    return bytes + ((a > b ? a : b) + 63) / 64 * 64;
}

static void run_products(const part *t, bool adds)
{
    const job *j = t->j;
    int64_t tiles = t->images * t->rows * j->across;
    int64_t from = point_of(j, &j->from), to = point_of(j, &j->to);
    ct__gemm g = ct__tiles_product(j, tiles);
    g.adds = adds;
    ct__gemm_plan_for(&g);
    for (int64_t p = 0; p < CT__POINTS; p++) {
        g.a.data = t->from_points + p * from;
        g.b.data = j->makes_w ? (void *)(t->to_points + p * to)
                   : j->packs ? (void *)((char *)j->packed + (size_t)p * j->pack_bytes)
                              : (void *)(j->points + p * j->w_point);
        g.c = j->makes_w ? t->w_points + p * j->w_point : t->to_points + p * to;
        ct__gemm_run(&g, t->gemm);
    }
}

void ct__tiles_run(ct__tiles_part *t, int64_t i, bool adds)
{
    const job *j = t->j;
    find_block(t, i);
    move(t, &j->from, t->from, false);
    run_tiles(t, j->spreads ? CT__TO_POINTS_ADJOINT : CT__TO_POINTS, &j->from, t->from,
              t->from_points);
    if (j->makes_w) {
        move(t, &j->to, t->to, false);
        t->cleared = j->per_image == 1;
        run_tiles(t, CT__TO_POINTS_ADJOINT, &j->to, t->to, t->to_points);
        run_products(t, adds);
        return;
    }
    t->cleared = j->per_image == 1;
    run_products(t, false);
    if (j->spreads) {
        spread_block(t);
        return;
    }
    run_tiles(t, CT__FROM_POINTS, &j->to, t->to, t->to_points);
    for (int64_t k = 0; k < t->images * t->rows * j->across; k++)
        if (t->wrong[k])
            run_direct(t, k);
    move(t, &j->to, t->to, true);
}
