/* The three products (product.h) for f32 and kernels of one element that meet every pixel: products
 * of the weights and an image, whose pixels are multiplied where they lie. */
#ifndef CT__POINTWISE_H
#define CT__POINTWISE_H
#include "product.h"

/* y or x: c, of m rows, = or += a b, of which b has k rows, all of n pixels */
typedef struct ct__pixels {
    int64_t m, k, n;
    const float *a;            /* in the order that `pack` makes */
    const float *b, *bias;     /* bias: of m rows, or NULL */
    float *c;
    int64_t row;               /* from a row of b or c to the next */
    bool adds;
} ct__pixels;

/* w, of m rows and k columns: the sum over images and pixels of y_i x_j is added to `sums`, in the
 * order of tiles; these have room for rows and columns in whole 8s */
typedef struct ct__pixel_sums {
    int64_t m, k, images, begin, end; /* pixels from begin to end; end is at least 16 */
    const float *y, *x;               /* of the first image */
    int64_t row;                      /* pixels of an image */
    float *sums;
} ct__pixel_sums;

typedef struct ct__pointwise_kernels {
    /* element (i, k) of a is from[i row + k column]; `to` has room for m in whole 8s, and k */
    void (*pack)(int64_t m, int64_t k, const float *from, int64_t row, int64_t column, float *to);
    void (*multiply)(const ct__pixels *p);
    void (*sum)(const ct__pixel_sums *s);
    void (*put_sums)(int64_t m, int64_t k, const float *sums, float *w, bool adds);
} ct__pointwise_kernels;

/* Does it compute p? That depends on the dtype, the kernel, the channels and the sizes, and not on
 * how many images there are. */
bool ct__is_pointwise(const ct__conv_product *p, const ct__conv_sizes *s);
ct_status ct__pointwise_multiply(const ct_call *call, const ct__conv_product *p,
                                 const ct__conv_sizes *s);
#endif
