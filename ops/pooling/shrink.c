/* Where windows of equal sizes lie side by side, one for each element of the smaller image, each
 * element of the larger image is read or written once, and nothing is kept between axes. An element
 * of the smaller image is a sum over its window, times `scale`; an element of the larger one is the
 * element of the smaller one whose window it is in, times `scale`. */
#include "shrink.h"

#include <string.h>

#include "squares.h"

typedef struct ct__tiles {
    int64_t count[AXES], size[AXES], row; /* windows, and their sizes; elements of a large row */
    double scale;
} ct__tiles;

enum { ROOM = 1024 };           /* elements of the large image that are summed at a time */

typedef struct ct__tile_kernels {
    void (*shrink)(const ct__tiles *t, const void *large, void *small);
    void (*spread)(const ct__tiles *t, const void *small, void *large);
} ct__tile_kernels;
#define CT_KERNELS "shrink_kernels.h"
#include <cotangent/kernels.h>
static const ct__tile_kernels *const kernels[][CT_SIMDS] = CT_KERNEL_TABLE(tile_kernels);

/* does the matrix as it is, not transposed, make images larger? */
static bool grows(const ct__resample *a)
{
    return a->kind == CT__NEAREST;
}

bool ct__has_tiles(const ct__resample *a)
{
    const int64_t *large = grows(a) ? a->out : a->in, *small = grows(a) ? a->in : a->out;
    if (a->kind > CT__NEAREST || large[2] / small[2] > ROOM)
        return false;
    for (int d = 0; d < AXES; d++) {
        if (large[d] % small[d] != 0)
            return false;
        if (a->kind == CT__AVERAGE &&
            (a->padding[d] != 0 || a->kernel[d] * small[d] != large[d] ||
             (small[d] > 1 && a->stride[d] != a->kernel[d])))
            return false;
    }
    return true;
}

typedef struct work {
    ct__tiles t;
    void (*kernel)(const ct__tiles *t, const void *from, void *to);
    const char *x;
    char *y;
    size_t in, out;             /* bytes of an image of one channel */
    ct__squares s;
    void (*square)(const ct__squares *s, const void *from, void *to); /* NULL: other windows */
} work;

static void run_planes(int64_t begin, int64_t end, void *arg)
{
    const work *w = arg;
    ct__squares s = w->s;
    for (int64_t i = begin, n; i < end; i += n) {
        n = w->square ? ct__many_squares(&s, end - begin) : 1;
        if (w->square)
            w->square(&s, w->x + (size_t)i * w->in, w->y + (size_t)i * w->out);
        else
            w->kernel(&w->t, w->x + (size_t)i * w->in, w->y + (size_t)i * w->out);
    }
}

static void find_squares(work *w, const ct_tensor *x, bool shrinks)
{
    const ct__tiles *t = &w->t;
    const ct__square_kernels *with = ct__squares_for(x, t->count[2]);
    if (!with || t->size[0] != 1 || t->size[1] != 2 || t->size[2] != 2)
        return;
    int64_t rows = t->count[0] * t->count[1];
    w->s = (ct__squares){ rows, t->count[2], t->row, 2 * rows * t->row, t->scale };
    w->square = shrinks ? with->mean : with->spread;
}

void ct__run_tiles(ct_call *call, const ct__resample *a)
{
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    const ct__tile_kernels *with = CT_KERNEL_OF(kernels, x);
    const int64_t *large = grows(a) ? a->out : a->in, *small = grows(a) ? a->in : a->out;
    int64_t in = ct__product(a->transposed ? a->out : a->in);
    int64_t out = ct__product(a->transposed ? a->in : a->out);
    size_t size = ct_dtype_size(ct_dtype_of(x));
    work w = { .t = { .row = large[2], .scale = 1 }, .x = ct_data(x), .y = ct_data_mutable(y),
               .kernel = grows(a) == a->transposed ? with->shrink : with->spread,
               .in = (size_t)in * size, .out = (size_t)out * size };
    for (int d = 0; d < AXES; d++) {
        w.t.count[d] = small[d];
        w.t.size[d] = large[d] / small[d];
        w.t.scale /= grows(a) ? 1 : (double)w.t.size[d];
    }
    find_squares(&w, x, grows(a) == a->transposed);
    ct_parallel_ranges(ct_call_context(call), ct_size(x, 0) * ct_size(x, 1),
                       (1 << 15) / (in + out) + 1, run_planes, &w);
}
