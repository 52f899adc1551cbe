/* What tests of ways to compute a convolution's y, x and w share: one loop over all products in long
 * double, numbers that are not finite, and bits. */
#ifndef TEST_PRODUCTS_H
#define TEST_PRODUCTS_H
#include "support.h"

typedef struct conv_shape {
    int64_t kernel[2], stride[2], dilation[2], images, c, o, rows, columns, padding[2];
} conv_shape;

/* drawn x, w and y of the shape: values, and gradients that are added to others, are the loop's */
void expect_products(const conv_shape *s, ct_simd simd);
/* with `value` in element `at` of tensor `which`, x, w or y, all is finite that is so in f64 */
void expect_spread(const conv_shape *s, int which, int64_t at, double value);
/* y and the gradient of x of an image have the bits that they have without the other images */
void expect_images_apart(const conv_shape *s);
/* 1, 1 + step ... threads give the same bits */
void expect_threads_alike(const conv_shape *s, int step);
/* every allocation of y and the gradients fails */
void expect_memory_may_fail(const conv_shape *s);
#endif
