/* ops/convolution/pointwise.c: y, x and w of kernels of one element, against one loop over all
 * products; what is not finite; other images and threads. */
#include "products.h"

#define ONE          { 1, 1 }, { 1, 1 }, { 1, 1 }
#define BY(down, across) { 1, 1 }, { down, across }, { 1, 1 }

/* one vector of pixels; whole vectors, and some pixels of one more; channels that are no whole tiles,
 * one channel; several images in a block of w; an image that is several items, and several blocks;
 * strides, with pixels behind the last that counts and without; few channels and many */
static const conv_shape shapes[] = {
    { ONE, 2, 8, 8, 4, 4, { 0, 0 } },    { ONE, 3, 5, 7, 4, 5, { 0, 0 } },
    { ONE, 7, 16, 16, 7, 7, { 0, 0 } },  { ONE, 2, 13, 1, 9, 11, { 0, 0 } },
    { ONE, 2, 1, 9, 1, 34, { 0, 0 } },   { ONE, 1, 48, 48, 10, 10, { 0, 0 } },
    { ONE, 2, 3, 6, 61, 47, { 0, 0 } },  { ONE, 1, 100, 50, 7, 9, { 0, 0 } },
    { BY(2, 2), 3, 16, 32, 14, 14, { 0, 0 } }, { BY(3, 1), 2, 5, 7, 10, 5, { 0, 0 } },
    { BY(1, 4), 5, 3, 2, 6, 13, { 0, 0 } },    { BY(2, 2), 1, 9, 20, 121, 63, { 0, 0 } },
    { ONE, 2, 2, 120, 5, 4, { 0, 0 } },
};
enum { SHAPES = sizeof shapes / sizeof *shapes, SMALL = 1 };

START_TEST(all_shapes_by_all_kernels)
{
    for (int k = 0; k < SHAPES; k++)
        for (int simd = CT_SIMD_PLAIN; simd <= CT_SIMD_AVX512; simd++)
            expect_products(&shapes[k], (ct_simd)simd);
}
END_TEST

START_TEST(a_bias_is_added)
{
    ct_tensor *x = ct_randn(cx, CT_F32, CT_SHAPE(2, 9, 7, 5)), *b = ct_randn(cx, CT_F32, CT_SHAPE(11));
    ct_tensor *w = ct_randn(cx, CT_F32, CT_SHAPE(11, 9, 1, 1)), *c = ct_randn(cx, CT_F32, CT_SHAPE(9));
    ct_tensor *y = ct_conv(x, w, NULL, NULL);
    expect_close(ct_conv(x, w, b, NULL), ct_add(y, ct_reshape(b, CT_SHAPE(11, 1, 1))), 1);
    for (int stride = 1; stride < 3; stride++) {
        const ct_conv_options o = { .stride = stride };
        ct_tensor *all = ct_conv_transpose(y, w, NULL, &o);
        expect_close(ct_conv_transpose(y, w, c, &o),
                     ct_add(all, ct_reshape(c, CT_SHAPE(9, 1, 1))), 1);
    }
}
END_TEST

/* pixels beside those that are read twice, too */
START_TEST(what_is_not_finite_reaches_what_reads_it)
{
    static const conv_shape by_two = { BY(2, 2), 2, 5, 7, 8, 9, { 0, 0 } };
    for (int which = 0; which < 3; which++)
        for (int64_t at = 0; at < 35; at++) {
            expect_spread(&by_two, which, at, (double)INFINITY);
            expect_spread(&shapes[SMALL], which, at, (double)INFINITY);
            expect_spread(&shapes[SMALL], which, at, (double)NAN);
        }
}
END_TEST

START_TEST(an_image_does_not_depend_on_others)
{
    for (int k = 0; k < SHAPES; k++)
        expect_images_apart(&shapes[k]);
}
END_TEST

/* several images, several items of an image, several ranges */
START_TEST(threads_change_no_bit)
{
    static const conv_shape of[] = {
        { ONE, 40, 32, 32, 7, 7, { 0, 0 } }, { ONE, 3, 16, 24, 61, 47, { 0, 0 } },
        { ONE, 9, 128, 100, 5, 5, { 0, 0 } }, { BY(2, 2), 40, 32, 32, 28, 28, { 0, 0 } },
    };
    for (int k = 0; k < 4; k++)
        expect_threads_alike(&of[k], 3);
}
END_TEST

START_TEST(memory_fails)
{
    expect_memory_may_fail(&(conv_shape){ ONE, 8, 16, 16, 5, 5, { 0, 0 } });
    expect_memory_may_fail(&(conv_shape){ BY(2, 2), 3, 4, 8, 9, 9, { 0, 0 } });
}
END_TEST

Suite *conv_pointwise_suite(void)
{
    return make_suite("conv_pointwise", (const TTest *const[]){
        all_shapes_by_all_kernels, a_bias_is_added, what_is_not_finite_reaches_what_reads_it,
        an_image_does_not_depend_on_others, threads_change_no_bit, memory_fails, NULL });
}
