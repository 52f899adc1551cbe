/* Windows of 2 x 2 that lie side by side, the most common of pooling: their largest elements, their
 * means, and the derivatives of both, for one channel of an image. */
#ifndef CT__SQUARES_H
#define CT__SQUARES_H
#include "sizes.h"

/* Windows, rows x n; window (i, j) begins at element 2 i row + 2 j of the `count` of the image */
typedef struct ct__squares {
    int64_t rows, n, row, count;
    double scale;              /* of mean and spread */
} ct__squares;

/* `put` and `spread` write all of the image, which has to be covered: row is 2 n, count 4 rows n */
typedef struct ct__square_kernels {
    /* y: the largest elements; at: their numbers, 0 to 3, if it is not NULL. The first of equal
       ones; a NaN is larger than all, and the last one counts */
    void (*max)(const ct__squares *s, const void *x, void *y, void *at);
    void (*put)(const ct__squares *s, const void *at, const void *gy, void *gx);
    void (*mean)(const ct__squares *s, const void *x, void *y); /* the sum times `scale` */
    void (*spread)(const ct__squares *s, const void *y, void *x); /* y times `scale` */
} ct__square_kernels;

/* If the windows cover the image, n images in succession have the windows of one image with n times
 * as many rows, and *s becomes that image. Returns the number of images that *s then is of. */
static inline int64_t ct__many_squares(ct__squares *s, int64_t n)
{
    if (s->row != 2 * s->n || s->count != 4 * s->rows * s->n)
        return 1;
    s->rows *= n;
    s->count *= n;
    return n;
}

/* NULL: there are none for rows of n windows */
const ct__square_kernels *ct__squares_for(const ct_tensor *x, int64_t n);
#endif
