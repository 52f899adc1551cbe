/* The matrix of which a convolution is a product: a row for each element of the kernel and channel
 * of x, a column for each pixel of y, and in it the element of x that the two bring together, or 0
 * outside of the image. It is made block by block, each small enough for the cache. */
#ifndef CT__COLUMNS_H
#define CT__COLUMNS_H
#include "sizes.h"

/* a block of pixels of y: n of them from `pixel` on in one image, or all of some images */
typedef struct ct__block {
    int64_t image, images, pixel, n;
} ct__block;

/* Those elements of a row that lie in the image, as runs: n of them from `place` in the row on,
 * which are in the channel of x from `at` on, r->step apart. Where the step is 1, a run may go on
 * over elements of the row that do not lie in the image, and as many of x: these are gaps. */
typedef struct ct__run {
    int64_t at, place, n;
} ct__run;

typedef struct ct__runs {
    ct__run *runs, *gaps;      /* room for as many as the block has pixels */
    int64_t count, step;
    int64_t gap_count;         /* gaps have `place` and n; what is in no run is in one, too */
    int64_t n;                 /* elements in the row */
} ct__runs;

/* the runs of the row for an element of the kernel, numbered in row-major order */
void ct__find_runs(ct__runs *r, const ct__conv_sizes *s, const ct__block *b, int64_t tap);

/* x: the channel of the first image of the block */
typedef struct ct__columns {
    void (*gather)(const ct__runs *r, const void *x, void *row);
    void (*scatter)(const ct__runs *r, void *x, void *row); /* adds the row to x; gaps become 0 */
    void (*fill)(void *to, const void *value, int64_t n); /* value NULL: zeros */
    void (*add)(void *to, const void *from, int64_t n);
    /* adds n numbers to *sum, and what that rounds off to *rest; then y = or += both */
    void (*sum)(const void *x, int64_t n, void *sum, void *rest);
    void (*put_sum)(void *y, const void *sum, const void *rest, bool adds);
} ct__columns;

const ct__columns *ct__columns_for(const ct_tensor *x);
#endif
