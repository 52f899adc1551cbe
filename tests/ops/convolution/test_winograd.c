/* ops/convolution/winograd.c: y, x and w of 3 x 3 and 5 x 5 elements by points, against one loop over
 * all products; what is not finite; other images and threads. */
#include "products.h"

#define KERNEL(k) { k, k }, { 1, 1 }, { 1, 1 }

/* one tile, parts of tiles, many rows of tiles, channels that are no whole vectors, pixels of x that
 * no kernel meets; at the end, x by tiles that overlap: of two blocks, of one tile, of 3 x 3 */
static const conv_shape shapes[] = {
    { KERNEL(3), 3, 16, 16, 4, 4, { 1, 1 } },   { KERNEL(3), 1, 16, 17, 3, 5, { 1, 0 } },
    { KERNEL(3), 2, 19, 33, 7, 5, { 1, 1 } },   { KERNEL(5), 2, 16, 33, 7, 6, { 2, 1 } },
    { KERNEL(5), 3, 17, 16, 6, 7, { 0, 0 } },   { KERNEL(3), 5, 24, 16, 6, 9, { 2, 0 } },
    { KERNEL(3), 1, 17, 16, 2, 2, { 2, 2 } },   { KERNEL(3), 1, 32, 20, 41, 11, { 1, 1 } },
    { KERNEL(3), 1, 16, 16, 8, 70, { 0, 2 } },  { KERNEL(3), 9, 16, 16, 5, 5, { 1, 1 } },
    { KERNEL(5), 1, 16, 20, 31, 11, { 2, 4 } }, { KERNEL(5), 5, 20, 50, 12, 12, { 0, 0 } },
    { KERNEL(5), 1, 16, 128, 12, 20, { 1, 0 } }, { KERNEL(3), 3, 33, 17, 6, 6, { 0, 0 } },
    { KERNEL(3), 2, 17, 33, 14, 13, { 0, 1 } },
};
enum { SHAPES = sizeof shapes / sizeof *shapes, FEW = 5, THREE = 2, FIVE = 3 };

START_TEST(all_shapes_by_all_kernels)
{
    for (int k = 0; k < SHAPES; k++)
        for (int simd = CT_SIMD_PLAIN; simd <= CT_SIMD_AVX512; simd++)
            if (simd == CT_SIMD_AVX512 || k < FEW)
                expect_products(&shapes[k], (ct_simd)simd);
}
END_TEST

START_TEST(a_bias_is_added)
{
    ct_tensor *x = ct_randn(cx, CT_F32, CT_SHAPE(2, 19, 7, 5)), *b = ct_randn(cx, CT_F32, CT_SHAPE(33));
    ct_tensor *w = ct_randn(cx, CT_F32, CT_SHAPE(33, 19, 3, 3)), *c = ct_randn(cx, CT_F32, CT_SHAPE(19));
    ct_conv_options o = { .padding = 1 };
    ct_tensor *y = ct_conv(x, w, NULL, &o);
    expect_close(ct_conv(x, w, b, &o), ct_add(y, ct_reshape(b, CT_SHAPE(33, 1, 1))), 1);
    expect_close(ct_conv_transpose(y, w, c, &o),
                 ct_add(ct_conv_transpose(y, w, NULL, &o), ct_reshape(c, CT_SHAPE(19, 1, 1))), 1);
}
END_TEST

START_TEST(what_is_not_finite_reaches_what_reads_it)
{
    for (int which = 0; which < 3; which++)
        for (int64_t at = 0; at < 44; at += 11) {
            expect_spread(&shapes[THREE], which, at, (double)INFINITY);
            expect_spread(&shapes[FIVE], which, at, (double)INFINITY);
            expect_spread(&shapes[FIVE], which, at, -(double)INFINITY);
            expect_spread(&shapes[THREE], which, at, (double)NAN);
        }
}
END_TEST

/* sums at the points are infinite, those of products are not */
START_TEST(large_numbers_do_not_overflow)
{
    ct_tensor *x = ct_full(cx, CT_F32, CT_SHAPE(1, 16, 5, 5), 0x1p120);
    ct_tensor *w = ct_full(cx, CT_F32, CT_SHAPE(16, 16, 3, 3), 0x1p-3);
    float first = (float)(16 * 9 * 0x1p117);
    ct_tensor *y = ct_conv(x, w, NULL, NULL);
    ck_assert(isfinite(first));
    x = ct_full(cx, CT_F32, CT_SHAPE(1, 16, 5, 5), 0x1p127);
    w = ct_full(cx, CT_F32, CT_SHAPE(16, 16, 3, 3), 0x1p-8);
    for (int i = 0; i < 9; i++)
        ck_assert_double_eq_tol((double)ct_data_f32(y)[i], (double)first, 1e-5 * (double)first);
    y = ct_conv(x, w, NULL, NULL);
    for (int i = 0; i < 9; i++)
        ck_assert(ct_data_f32(y)[i] == (float)(16 * 9 * 0x1p119));
}
END_TEST

/* the same where tiles of x are added: 6 x 6 pixels, of which 4 x 4 of y meet 1 to 9 weights */
START_TEST(large_numbers_that_are_added_do_not_overflow)
{
    ct_tensor *w = ct_full(cx, CT_F32, CT_SHAPE(16, 16, 3, 3), 0x1p-8);
    for (int exponent = 118; exponent < 128; exponent++) {
        double number = ldexp(1, exponent);
        ct_tensor *y = ct_full(cx, CT_F32, CT_SHAPE(1, 16, 4, 4), number);
        ct_tensor *x = ct_conv_transpose(y, w, NULL, NULL);
        for (int i = 0; i < 36; i++) {
            int down = i / 6 < 3 ? i / 6 : 5 - i / 6, across = i % 6 < 3 ? i % 6 : 5 - i % 6;
            double want = 16 * (down + 1) * (across + 1) * 0x1p-8 * number;
            ck_assert_double_eq_tol((double)ct_data_f32(x)[i], want, 1e-5 * want);
        }
    }
}
END_TEST

START_TEST(an_image_does_not_depend_on_others)
{
    for (int k = 0; k < SHAPES; k++)
        expect_images_apart(&shapes[k]);
}
END_TEST

/* one block, several, several ranges: 9 x 16 and 5 x 289 tiles */
START_TEST(threads_change_no_bit)
{
    static const conv_shape of[] = {
        { KERNEL(3), 9, 48, 48, 15, 14, { 1, 1 } }, { KERNEL(3), 5, 16, 16, 66, 66, { 1, 1 } },
        { KERNEL(3), 1, 96, 96, 8, 16, { 1, 1 } }, { KERNEL(5), 9, 20, 50, 12, 12, { 0, 0 } },
        { KERNEL(5), 3, 16, 128, 12, 20, { 1, 0 } },
    };
    for (int k = 0; k < 5; k++)
        expect_threads_alike(&of[k], k == 1 ? 7 : 3);
}
END_TEST

START_TEST(memory_fails)
{
    expect_memory_may_fail(&(conv_shape){ KERNEL(3), 8, 16, 16, 5, 5, { 0, 0 } });
}
END_TEST

Suite *conv_winograd_suite(void)
{
    return make_suite("conv_winograd", (const TTest *const[]){
        all_shapes_by_all_kernels, a_bias_is_added, what_is_not_finite_reaches_what_reads_it,
        large_numbers_do_not_overflow, large_numbers_that_are_added_do_not_overflow,
        an_image_does_not_depend_on_others, threads_change_no_bit, memory_fails, NULL });
}
