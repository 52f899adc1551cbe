/* Reductions over any axes: in which order the elements are visited, how they are shared out among
 * threads, and how the partial results are joined. What is done to the elements is the caller's
 * fold (op.h: ct_fold).
 *
 * Neighboring axes that are both kept or both reduced are merged where strides allow it. A block
 * has two sides: the kept axis and the reduced axis along which x has the smallest strides. So a
 * fold gets m results of n elements each, and reads along memory, whether rows or columns are
 * reduced. The other axes are visited block by block.
 *
 * The results are cut into tiles. Where there are few tiles, the elements of each are cut into
 * parts as well, whose results are joined in order. Both cuts depend on x's layout alone, so the
 * bits of the result do not depend on the number of threads. */
#include <stdlib.h>

#include "loops.h"

enum {
    GRAIN = 32768, /* so many elements are worth a thread: some 5 us of work */
    RUN = CT__MADE, /* elements per result in a block, at most, where they lie along memory */
    ROWS = 64,     /* the same, where they lie across memory */
    FEW = 16,      /* if there are fewer tiles, their elements are cut into parts */
    MOST = 32      /* parts of a tile, at most */
};

/* Some axes: their sizes, and the strides of x and y along them, in elements. */
typedef struct axes {
    int n;
    int64_t size[CT_MAX_DIMS], x[CT_MAX_DIMS], y[CT_MAX_DIMS];
} axes;

typedef struct plan {
    const ct_fold *fold;
    void *arg;
    ct__folder *make; /* or NULL: x's elements are there */
    const char *x;
    char *y, *parts;
    size_t size;                      /* bytes of an element */
    axes kept, reduced;               /* the axes outside the block */
    int64_t m, x_m, y_m, n, x_n;      /* results and elements of the block side; strides */
    int64_t tile, tiles;              /* results in a tile; tiles along m */
    int64_t run, runs;                /* elements in a fold; folds along n */
    int64_t blocks, per_part;         /* folds for a tile; for a part of one */
    int64_t parts_n;                  /* parts of a tile */
} plan;

static void add_axis(axes *a, int64_t size, int64_t x, int64_t y)
{
    int last = a->n - 1;
    if (last >= 0 && a->x[last] == size * x && a->y[last] == size * y) {
        a->size[last] *= size;
        a->x[last] = x, a->y[last] = y;
        return;
    }
    a->size[a->n] = size;
    a->x[a->n] = x, a->y[a->n++] = y;
}

/* The axis along which x has the smallest stride; one of stride 0 only if there is no other; -1 if
 * there are no axes. */
static int densest(const axes *a)
{
    int best = -1;
    for (int d = 0; d < a->n; d++)
        if (best < 0 || a->x[best] == 0 || (a->x[d] != 0 && llabs(a->x[d]) < llabs(a->x[best])))
            best = d;
    return best;
}

/* Removes that axis from the list. If there is none, the result is an axis of size 1. */
static void take_densest(axes *a, int64_t *size, int64_t *x, int64_t *y)
{
    int d = densest(a);
    *size = 1, *x = 0, *y = 0;
    if (d < 0)
        return;
    *size = a->size[d], *x = a->x[d], *y = a->y[d];
    a->n--;
    for (; d < a->n; d++)
        a->size[d] = a->size[d + 1], a->x[d] = a->x[d + 1], a->y[d] = a->y[d + 1];
}

static int64_t count_of(const axes *a)
{
    int64_t count = 1;
    for (int d = 0; d < a->n; d++)
        count *= a->size[d];
    return count;
}

static void find_offsets(const axes *a, int64_t index, int64_t *x, int64_t *y)
{
    for (int d = a->n - 1; d >= 0 && index > 0; d--) {
        int64_t at = index % a->size[d];
        index /= a->size[d];
        *x += at * a->x[d], *y += at * a->y[d];
    }
}

static int64_t ceiling(int64_t a, int64_t b)
{
    return a / b + (a % b != 0);
}

static int64_t between(int64_t low, int64_t value, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static void cut(plan *p)
{
    int64_t y_n, outer;
    take_densest(&p->kept, &p->m, &p->x_m, &p->y_m);
    take_densest(&p->reduced, &p->n, &p->x_n, &y_n);
    outer = count_of(&p->reduced);
    bool along = p->x_m == 0 || (p->x_n != 0 && llabs(p->x_n) < llabs(p->x_m));
    p->run = along ? RUN : ROWS;
    p->runs = ceiling(p->n, p->run);
    p->blocks = outer * p->runs;
    int64_t enough = along ? GRAIN / between(1, p->n * outer, GRAIN) : CT_FOLD_WIDTH;
    p->tile = between(1, between(1, enough, CT_FOLD_WIDTH), p->m);
    if (p->make) /* whether a tile has parts does not depend on that */
        p->tile = between(1, RUN / between(1, p->n, RUN), p->tile);
    p->tiles = ceiling(p->m, p->tile);
    p->per_part = between(1, p->blocks, INT64_MAX);
    if (p->tiles * count_of(&p->kept) < FEW) {
        int64_t block = p->tile * between(1, p->n, p->run);
        p->per_part = between(ceiling(GRAIN, block), ceiling(p->blocks, MOST), INT64_MAX);
    }
    p->parts_n = between(1, ceiling(p->blocks, p->per_part), MOST);
}

/* Returns how many results a tile has; *x and *y become the offsets of its first elements. */
static int64_t find_tile(const plan *p, int64_t tile, int64_t *x, int64_t *y)
{
    int64_t first = tile % p->tiles * p->tile;
    *x = first * p->x_m, *y = first * p->y_m;
    find_offsets(&p->kept, tile / p->tiles, x, y);
    return between(0, p->m - first, p->tile);
}

static size_t part_bytes(const plan *p)
{
    return (size_t)(p->fold->planes * p->tile) * p->size;
}

static void fold_blocks(const plan *p, int64_t m, int64_t begin, int64_t end, int64_t first,
                        void *kept)
{
    p->fold->start(m, kept);
    for (int64_t block = begin; block < end; block++) {
        int64_t at = block % p->runs * p->run, x = first + at * p->x_n, y = 0;
        find_offsets(&p->reduced, block / p->runs, &x, &y);
        int64_t n = between(0, p->n - at, p->run);
        if (p->make)
            p->make(p->fold, m, n, kept, x, p->arg);
        else
            p->fold->fold(m, n, kept, p->x + x * (int64_t)p->size, p->x_m, p->x_n);
    }
}

static void some_parts(int64_t begin, int64_t end, void *arg)
{
    const plan *p = arg;
    _Alignas(64) char room[CT_FOLD_PLANES * CT_FOLD_WIDTH * sizeof(double)];
    for (int64_t i = begin; i < end; i++) {
        int64_t tile = i / p->parts_n, part = i % p->parts_n, x, y;
        int64_t m = find_tile(p, tile, &x, &y), from = part * p->per_part;
        void *kept = p->parts ? p->parts + (size_t)i * part_bytes(p) : room;
        fold_blocks(p, m, from, between(from, from + p->per_part, p->blocks), x, kept);
        if (!p->parts)
            p->fold->finish(m, kept, p->y + y * (int64_t)p->size, p->y_m, p->arg);
    }
}

static void join_parts(const plan *p, int64_t tiles)
{
    for (int64_t tile = 0; tile < tiles; tile++) {
        int64_t x, y, m = find_tile(p, tile, &x, &y);
        char *kept = p->parts + (size_t)(tile * p->parts_n) * part_bytes(p);
        for (int64_t part = 1; part < p->parts_n; part++)
            p->fold->join(m, kept, kept + (size_t)part * part_bytes(p));
        p->fold->finish(m, kept, p->y + y * (int64_t)p->size, p->y_m, p->arg);
    }
}

/* Sorts the axes of x0, which has elements, into kept and reduced ones. */
static void sort_axes(plan *p, const ct_tensor *x, unsigned reduced)
{
    const int64_t *shape = ct__shape(x), *stride = ct__strides(x);
    int64_t y[CT_MAX_DIMS], step = 1;
    for (int d = x->ndim - 1; d >= 0; d--) { /* y is row-major */
        y[d] = step;
        step *= reduced >> d & 1 ? 1 : shape[d];
    }
    for (int d = 0; d < x->ndim; d++)
        if (shape[d] != 1 && reduced >> d & 1)
            add_axis(&p->reduced, shape[d], stride[d], 0);
        else if (shape[d] != 1)
            add_axis(&p->kept, shape[d], stride[d], y[d]);
}

/* Reduces one contiguous block to one number, for which no plan is needed. */
static void fold_all(const ct_tensor *x, ct_tensor *y, const ct_fold *fold, void *arg)
{
    double kept[CT_FOLD_PLANES];
    fold->start(1, kept);
    if (x->count > 0)
        fold->fold(1, x->count, kept, x->data, 1, 1);
    fold->finish(1, kept, y->data, 1, arg);
}

static ct_status reduce(const ct_tensor *x, ct_tensor *y, unsigned reduced, plan p)
{
    p.x = x->data;
    p.y = y->data;
    p.size = ct__dtype_size(y->dtype);
    sort_axes(&p, x, reduced);
    cut(&p);
    int64_t tiles = p.tiles * count_of(&p.kept);
    if (p.parts_n > 1) {
        p.parts = ct__scope_room(x->cx, (size_t)(tiles * p.parts_n) * part_bytes(&p));
        if (!p.parts)
            return CT_ERROR_MEMORY;
    }
    int64_t work = p.tile * between(1, p.per_part * between(1, p.n, p.run), GRAIN);
    ct_parallel_ranges(x->cx, tiles * p.parts_n, ceiling(GRAIN, work), some_parts, &p);
    if (p.parts)
        join_parts(&p, tiles);
    return CT_OK;
}

ct_status ct__reduce(const ct_tensor *x, ct_tensor *y, unsigned reduced, const ct_fold *fold,
                     void *arg)
{
    if (y->count == 0)
        return CT_OK;
    if (y->count > 1 || x->count > RUN || !(x->flags & CT__CONTIGUOUS))
        return reduce(x, y, reduced, (plan){ .fold = fold, .arg = arg });
    fold_all(x, y, fold, arg);
    return CT_OK;
}

bool ct__reduces_rows(const ct_tensor *x, unsigned reduced)
{
    plan p = { 0 };
    if (x->count == 0 || !(x->flags & CT__CONTIGUOUS))
        return false;
    sort_axes(&p, x, reduced);
    return p.reduced.n == 1 && p.reduced.x[0] == 1 && p.kept.n < 2;
}

ct_status ct__reduce_made(const ct_tensor *x, ct_tensor *y, unsigned reduced, const ct_fold *fold,
                          ct__folder *make, void *arg)
{
    return reduce(x, y, reduced, (plan){ .fold = fold, .arg = arg, .make = make });
}
