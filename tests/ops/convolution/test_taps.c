/* ops/convolution/taps.c: y, x and w by taps, against one loop over all products; what is not finite;
 * other images and threads. */
#include "products.h"

/* strides, also such that classes of pixels meet no element, or differ along the axes; dilations;
 * one channel; a kernel larger than the image; pixels of x that no kernel meets; several images in a
 * block, and several blocks in an image */
static const conv_shape shapes[] = {
    { { 5, 5 }, { 1, 1 }, { 1, 1 }, 3, 1, 20, 9, 8, { 0, 0 } },
    { { 3, 3 }, { 2, 2 }, { 1, 1 }, 5, 16, 32, 7, 6, { 1, 1 } },
    { { 5, 2 }, { 2, 1 }, { 1, 2 }, 2, 10, 13, 8, 9, { 2, 1 } },
    { { 3, 2 }, { 4, 3 }, { 1, 1 }, 2, 12, 17, 11, 13, { 0, 1 } },
    { { 3, 3 }, { 2, 2 }, { 2, 2 }, 2, 11, 10, 9, 10, { 2, 2 } },
    { { 7, 7 }, { 2, 2 }, { 1, 1 }, 1, 3, 33, 5, 4, { 3, 3 } },
    { { 1, 3 }, { 1, 2 }, { 1, 1 }, 9, 17, 16, 1, 5, { 0, 1 } },
    { { 3, 3 }, { 1, 1 }, { 3, 1 }, 1, 15, 48, 70, 41, { 1, 2 } },
    { { 4, 4 }, { 2, 2 }, { 1, 1 }, 17, 16, 16, 4, 4, { 1, 1 } },
};
enum { SHAPES = sizeof shapes / sizeof *shapes, LARGE = 7 };

START_TEST(all_shapes_by_all_kernels)
{
    for (int k = 0; k < SHAPES; k++)
        for (int simd = CT_SIMD_PLAIN; simd <= CT_SIMD_AVX512; simd++)
            if (simd == CT_SIMD_AVX512 || k != LARGE)
                expect_products(&shapes[k], (ct_simd)simd);
}
END_TEST

START_TEST(a_bias_is_added)
{
    ct_tensor *x = ct_randn(cx, CT_F32, CT_SHAPE(2, 10, 7, 5)), *b = ct_randn(cx, CT_F32, CT_SHAPE(13));
    ct_tensor *w = ct_randn(cx, CT_F32, CT_SHAPE(13, 10, 3, 3)), *c = ct_randn(cx, CT_F32, CT_SHAPE(10));
    ct_conv_options o = { .padding = 1, .stride = 2 };
    ct_tensor *y = ct_conv(x, w, NULL, &o);
    expect_close(ct_conv(x, w, b, &o), ct_add(y, ct_reshape(b, CT_SHAPE(13, 1, 1))), 1);
    expect_close(ct_conv_transpose(y, w, c, &o),
                 ct_add(ct_conv_transpose(y, w, NULL, &o), ct_reshape(c, CT_SHAPE(10, 1, 1))), 1);
}
END_TEST

START_TEST(what_is_not_finite_reaches_what_reads_it)
{
    for (int which = 0; which < 3; which++)
        for (int64_t at = 0; at < 44; at += 11) {
            expect_spread(&shapes[1], which, at, (double)INFINITY);
            expect_spread(&shapes[2], which, at, -(double)INFINITY);
            expect_spread(&shapes[1], which, at, (double)NAN);
        }
}
END_TEST

START_TEST(an_image_does_not_depend_on_others)
{
    for (int k = 0; k < SHAPES; k++)
        if (k != LARGE)
            expect_images_apart(&shapes[k]);
}
END_TEST

/* images in parts, and parts of one image */
START_TEST(threads_change_no_bit)
{
    static const conv_shape of[] = {
        { { 3, 3 }, { 2, 2 }, { 1, 1 }, 64, 16, 32, 14, 14, { 1, 1 } },
        { { 5, 5 }, { 1, 1 }, { 1, 1 }, 3, 1, 20, 60, 60, { 0, 0 } },
    };
    for (int k = 0; k < 2; k++)
        expect_threads_alike(&of[k], 3);
}
END_TEST

START_TEST(memory_fails)
{
    expect_memory_may_fail(&(conv_shape){ { 3, 3 }, { 2, 2 }, { 1, 1 }, 2, 16, 16, 5, 5, { 0, 0 } });
}
END_TEST

Suite *conv_taps_suite(void)
{
    return make_suite("conv_taps", (const TTest *const[]){
        all_shapes_by_all_kernels, a_bias_is_added, what_is_not_finite_reaches_what_reads_it,
        an_image_does_not_depend_on_others, threads_change_no_bit, memory_fails, NULL });
}
