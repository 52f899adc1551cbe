/* Linear maps of images that act on each axis by itself: averages of windows, and interpolation. */
#ifndef CT__RESAMPLE_H
#define CT__RESAMPLE_H
#include "sizes.h"

typedef enum ct__resampling {
    CT__AVERAGE,     /* of windows, by kernel, stride and padding */
    CT__ADAPTIVE,    /* of windows that divide x evenly */
    CT__NEAREST, CT__LINEAR, CT__CORNERS
} ct__resampling;

/* The attributes: from images of size `in` to images of size `out`, or back if `transposed` */
typedef struct ct__resample {
    ct__resampling kind;
    bool exclude_padding, transposed;
    int64_t in[AXES], out[AXES], kernel[AXES], stride[AXES], padding[AXES];
} ct__resample;

ct_tensor *ct__resample_image(ct_tensor *x, const ct__resample *a);
/* window i of m over n elements, in equal parts */
int64_t ct__window_begin(int64_t i, int64_t n, int64_t m);
int64_t ct__window_end(int64_t i, int64_t n, int64_t m);

/* -- pool.c */
/* x has images; else false and an error that names `who` */
bool ct__is_image(const ct_tensor *x, const char *who);
/* one size for all axes, or one for each, none of them negative; else false and an error */
bool ct__read_image_sizes(int64_t to[AXES], const ct_tensor *x, const char *who,
                          const int64_t *sizes, int n);
#endif
