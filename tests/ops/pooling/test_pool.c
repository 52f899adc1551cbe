/* ops/pooling/pool.c, resample.c and upsample.c: what PyTorch's figures (test_torch.c) do not
 * show: NaN, infinities, f32, empty batches, views, threads, errors. */
#include "support.h"

/* -- Maxima */
START_TEST(the_first_of_equal_elements_gets_the_cotangent)
{
    ct_tensor *x = ct_variable(ct_ones(cx, CT_F32, CT_SHAPE(1, 1, 3, 3))), *gx;
    ct_tensor *y = ct_max_pool(x, &(ct_pool_options){ .kernel = 2, .stride = 1 });
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, &x, 1, 0, &gx), CT_OK);
    expect_values(gx, CT_DOUBLES(1, 1, 0, 1, 1, 0, 0, 0, 0), 0);
}
END_TEST

START_TEST(maxima_of_nan_and_infinities)
{
    ct_tensor *x = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(1, 2, 4),
        CT_DOUBLES(NAN, 9, NAN, 1, -INFINITY, -INFINITY, INFINITY, 5))), *gx;
    ct_tensor *y = ct_max_pool(x, &(ct_pool_options){ .kernel = 2 });
    expect_values(y, CT_DOUBLES(NAN, NAN, -INFINITY, INFINITY), 0);
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, &x, 1, 0, &gx), CT_OK);
    expect_values(gx, CT_DOUBLES(1, 0, 1, 0, 1, 0, 1, 0), 0);
    y = ct_max_pool(x, &(ct_pool_options){ .kernel = 4 }); /* the last NaN */
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, &x, 1, 0, &gx), CT_OK);
    expect_values(gx, CT_DOUBLES(0, 0, 1, 0, 0, 0, 1, 0), 0);
}
END_TEST

/* one element is the largest of several windows */
START_TEST(windows_that_overlap_add)
{
    ct_tensor *x = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(1, 1, 5),
                                               CT_DOUBLES(0, 1, 9, 2, 3))), *gx;
    ct_tensor *y = ct_max_pool(x, &(ct_pool_options){ .kernel = 3, .stride = 1 });
    ck_assert_int_eq(ct_backward_from(y, ct_from_doubles(cx, CT_F64, CT_SHAPE(1, 1, 3),
                                                         CT_DOUBLES(1, 10, 100))), CT_OK);
    ck_assert_int_eq(ct_backward(ct_sum(y)), CT_OK);
    gx = ct_gradient(x);
    expect_values(gx, CT_DOUBLES(0, 0, 114, 0, 0), 0);
}
END_TEST

/* rows of more windows than are looked at side by side, at the edges too, against a plain loop */
START_TEST(maxima_of_wide_images)
{
    for (int k = 0; k < 12; k++) {
        ct_dtype dtype = k % 2 ? CT_F32 : CT_F64;
        int64_t stride = k % 3 + 1, padding = k / 6, n = 200;
        ct_pool_options o = { .kernel = 3, .stride = stride, .padding = padding };
        ct_tensor *x = ct_variable(ct_round(ct_scale(ct_randn(cx, dtype, CT_SHAPE(1, 2, n)), 2)));
        ct_tensor *y = ct_max_pool(x, &o), *gx;
        ck_assert_int_eq(ct_grad(ct_sum(y), NULL, &x, 1, 0, &gx), CT_OK);
        double want[400] = { 0 };
        for (int64_t i = 0; i < ct_count(y); i++) {
            int64_t row = i / ct_size(y, 2) * n, first = i % ct_size(y, 2) * stride - padding;
            int64_t best = first < 0 ? 0 : first;
            for (int64_t j = best; j < first + 3 && j < n; j++)
                if (ct_at(x, CT_INDEX(0, row / n, j)) > ct_at(x, CT_INDEX(0, row / n, best)))
                    best = j;
            ck_assert(ct_at(y, CT_INDEX(0, row / n, i % ct_size(y, 2))) ==
                      ct_at(x, CT_INDEX(0, row / n, best)));
            want[row + best]++;
        }
        expect_values(gx, want, 400, 0);
    }
}
END_TEST

/* Windows of 2 x 2: what y and gx are, for images of so many rows and columns. Not all of them need
 * be in a window. With NaNs in some places; the last of a window counts. */
static void want_squares(const double *x, const double *gy, int rows, int columns, double *y,
                         double *gx, double *mean)
{
    memset(gx, 0, (size_t)(2 * rows * columns) * sizeof *gx);
    for (int w = 0; w < 2 * (rows / 2) * (columns / 2); w++) {
        int j = w / (columns / 2), k = w % (columns / 2), best = -1;
        int first = (j / (rows / 2) * rows + j % (rows / 2) * 2) * columns + 2 * k;
        mean[w] = 0;
        for (int i = 0; i < 4; i++) {
            int at = first + i / 2 * columns + i % 2;
            best = best < 0 || x[at] > x[best] || isnan(x[at]) ? at : best;
            mean[w] += x[at] / 4;
        }
        y[w] = x[best];
        gx[best] = gy[w];
    }
}

START_TEST(squares_of_any_number)
{
    static double x[2 * 9 * 80], gy[2 * 9 * 80], y[2 * 9 * 80], gx[2 * 9 * 80], mean[2 * 9 * 80];
    const ct_pool_options two = { .kernel = 2 };
    for (int k = 0; k < 3 * 38; k++) {
        int columns = k / 3 + 2, rows = columns % 7 + 2, half = columns / 2;
        ct_context *with = ct_context_new(&(ct_context_options){ .simd = (ct_simd)(k % 3 + 1) });
        ct_dtype dtype = k % 2 ? CT_F32 : CT_F64;
        const int64_t shape[] = { 1, 2, rows, columns };
        ct_tensor *values = ct_scale(ct_round(ct_scale(ct_randn(with, CT_F64, shape, 4), 2)), 0.25);
        ct_tensor *g = ct_round(ct_randn(with, dtype, CT_SHAPE(1, 2, rows / 2, half))), *to;
        ck_assert_int_eq(ct_to_doubles(values, x, 2 * rows * columns), CT_OK);
        ck_assert_int_eq(ct_to_doubles(g, gy, ct_count(g)), CT_OK);
        for (int pass = 0; pass < 2; pass++) {
            ct_tensor *images = ct_variable(ct_from_doubles(with, dtype, shape, 4, x, 2 * rows * columns));
            want_squares(x, gy, rows, columns, y, gx, mean);
            ct_tensor *largest = ct_max_pool(images, &two);
            expect_values(largest, y, (int)ct_count(g), 0);
            ck_assert_int_eq(ct_grad(largest, g, &images, 1, 0, &to), CT_OK);
            expect_values(to, gx, 2 * rows * columns, 0);
            if (pass == 0) /* numbers of few bits, whose sums are exact */
                expect_values(ct_avg_pool(images, &two), mean, (int)ct_count(g), 0);
            for (int i = 0; i < 2 * rows * columns; i += 5 + i % 7)
                x[i] = NAN;
        }
        ck_assert_int_eq(ct_error(with), CT_OK);
        ct_context_free(with);
    }
}
END_TEST

/* -- Averages */
/* means over windows that cover the image, and the same number for all of a window */
START_TEST(averages_and_neighbors_of_whole_factors)
{
    static const int64_t sizes[][3] = { { 1, 2, 2 }, { 1, 3, 3 }, { 2, 2, 2 }, { 4, 1, 1 },
                                           { 1, 1, 9 }, { 4, 6, 36 }, { 1, 2, 4 }, { 1, 1, 2 } };
    for (int k = 0; k < 16; k++) {
        const int64_t *size = sizes[k / 2];
        ct_dtype dtype = k % 2 ? CT_F32 : CT_F64;
        ct_tensor *x = ct_variable(ct_randn(cx, dtype, CT_SHAPE(2, 3, 4, 6, 36))), *gx;
        const int64_t m[] = { 4 / size[0], 6 / size[1], 36 / size[2] };
        ct_tensor *y = ct_avg_pool(x, &(ct_pool_options){ .kernels = { size[0], size[1], size[2] } });
        ct_tensor *blocks = ct_reshape(x, CT_SHAPE(6, m[0], size[0], m[1], size[1], m[2], size[2]));
        ct_tensor *mean = ct_mean_over(blocks, CT_AXES(2, 4, 6), CT_KEEPDIMS);
        expect_close(ct_reshape(y, CT_SHAPE(6, m[0], 1, m[1], 1, m[2], 1)), mean, 8);
        ck_assert_double_eq(ct_max_difference(ct_adaptive_avg_pool(x, m, 3), y), 0);
        ct_tensor *g = ct_randn(cx, dtype, ct_shape(y), 5);
        ck_assert_int_eq(ct_grad(y, g, &x, 1, 0, &gx), CT_OK);
        ct_tensor *wide = ct_reshape(ct_broadcast_to(ct_reshape(g, ct_shape(mean), 7),
                                                     ct_shape(blocks), 7), ct_shape(x), 5);
        expect_close(gx, ct_scale(wide, 1 / (double)(size[0] * size[1] * size[2])), 2);
        ck_assert_double_eq(ct_max_difference(ct_upsample(g, CT_SIZES(4, 6, 36), CT_NEAREST), wide),
                            0);
    }
}
END_TEST

/* the mean of the elements in each window, which are few, or all */
START_TEST(averages_of_any_window)
{
    ct_tensor *x = ct_randn(cx, CT_F32, CT_SHAPE(2, 3, 9, 11));
    for (int64_t m = 1; m < 13; m++) {
        ct_tensor *y = ct_adaptive_avg_pool(x, CT_SIZES(1, m));
        expect_shape(y, CT_SHAPE(2, 3, 1, m));
        for (int64_t i = 0; i < m; i++) {
            int64_t a = i * 11 / m, b = ((i + 1) * 11 + m - 1) / m;
            ct_tensor *mean = ct_mean_over(ct_slice(x, 3, a, b, 1), CT_AXES(2, 3), 0);
            expect_close(ct_select(ct_select(y, 3, i), 2, 0), mean, 4);
        }
    }
}
END_TEST

START_TEST(interpolation_reproduces_lines)
{
    ct_tensor *x = ct_reshape(ct_range(cx, CT_F64, 6), CT_SHAPE(1, 1, 2, 3)); /* 3 i + j */
    ct_tensor *y = ct_upsample(x, CT_SIZES(4, 5), CT_LINEAR_CORNERS);
    for (int64_t i = 0; i < 4; i++)
        for (int64_t j = 0; j < 5; j++)
            ck_assert_double_eq_tol(ct_at(y, CT_INDEX(0, 0, i, j)),
                                    (double)i + (double)j / 2, 1e-15);
    expect_values(ct_upsample(x, CT_SIZES(2), CT_NEAREST), CT_DOUBLES(0, 1, 3, 4), 0);
    expect_values(ct_upsample(ct_select(x, 2, 0), CT_SIZES(6), CT_LINEAR),
                  CT_DOUBLES(0, 0.25, 0.75, 1.25, 1.75, 2), 0);
}
END_TEST

START_TEST(the_same_size_changes_nothing)
{
    ct_tensor *x = ct_randn(cx, CT_F32, CT_SHAPE(2, 2, 3, 4));
    for (int mode = 0; mode < 3; mode++)
        ck_assert_double_eq(ct_max_difference(
            ct_upsample(x, CT_SIZES(3, 4), (ct_upsampling)mode), x), 0);
    ck_assert_double_eq(ct_max_difference(ct_adaptive_avg_pool(x, CT_SIZES(3, 4)), x), 0);
    ck_assert_double_eq(ct_max_difference(ct_pixel_shuffle(x, 1), x), 0);
}
END_TEST

/* -- All of them */
static ct_tensor *apply(int k, ct_tensor *x)
{
    const ct_pool_options o = { .kernel = 3, .stride = 2, .padding = 1 };
    switch (k) {
    case 0:
        return ct_max_pool(x, &o);
    case 1:
        return ct_avg_pool(x, &o);
    case 2:
        return ct_adaptive_max_pool(x, CT_SIZES(3));
    case 3:
        return ct_adaptive_avg_pool(x, CT_SIZES(5, 3));
    case 4:
        return ct_upsample(x, CT_SIZES(9, 17), CT_NEAREST);
    case 5:
        return ct_upsample(x, CT_SIZES(7, 30), CT_LINEAR);
    case 6:
        return ct_pixel_shuffle(x, 2);
    default:
        return ct_pixel_unshuffle(x, 2);
    }
}

START_TEST(views_and_empty_batches)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(10, 12, 8, 2));
    ct_tensor *v = ct_permute(x, CT_AXES(3, 2, 0, 1));
    ct_tensor *empty = ct_variable(ct_zeros(cx, CT_F32, CT_SHAPE(0, 4, 6, 6))), *gx;
    for (int k = 0; k < 8; k++) {
        ck_assert_double_eq(ct_max_difference(apply(k, v), apply(k, ct_contiguous(v))), 0);
        ct_tensor *y = apply(k, empty);
        ck_assert_int_eq(ct_count(y), 0);
        ck_assert_int_eq(ct_grad(ct_sum(y), NULL, &empty, 1, 0, &gx), CT_OK);
        ck_assert(ct_same_shape(gx, empty));
    }
}
END_TEST

START_TEST(threads_change_no_bit)
{
    for (int k = 0; k < 6; k++) {
        ct_tensor *kept[2] = { NULL };
        for (int threads = 1; threads <= 8; threads += threads < 3 ? 1 : 5) {
            ct_context *with = ct_context_new(&(ct_context_options){ .threads = threads });
            ct_seed(with, 7);
            ct_tensor *x = ct_variable(ct_randn(with, CT_F32, CT_SHAPE(9, 32, 12, 14))), *out[2];
            out[0] = apply(k, x);
            ck_assert_int_eq(ct_grad(ct_sum(ct_square(out[0])), NULL, &x, 1, 0, out + 1), CT_OK);
            for (int i = 0; i < 2; i++) {
                if (!kept[i])
                    kept[i] = ct_from_memory(cx, CT_F32, ct_shape(out[i]), 4, ct_data(out[i]));
                ck_assert_msg(memcmp(ct_data(kept[i]), ct_data(out[i]),
                                     (size_t)ct_count(out[i]) * sizeof(float)) == 0,
                              "operator %d, result %d, %d threads", k, i, threads);
            }
            ct_context_free(with);
        }
    }
}
END_TEST

/* between its two steps an image of 512 x 1 that becomes one of 1 x 512 is one of 512 x 512 */
START_TEST(resampling_bounds_its_scratch)
{
    ct_context *c = ct_context_new(&(ct_context_options){ .max_bytes = 100 << 20 });
    ct_tensor *x = ct_ones(c, CT_F64, CT_SHAPE(1056, 1, 512, 1));
    ct_tensor *y = ct_upsample(x, CT_SIZES(1, 512), CT_LINEAR);
    ck_assert_msg(y != NULL, "%s", ct_error_text(c));
    ck_assert_double_eq(ct_item(ct_mean(y)), 1);
    ct_context_free(c);
}
END_TEST

static void use_all(ct_context *with)
{
    for (int k = 0; k < 8; k++)
        ct_backward(ct_sum(apply(k, ct_variable(ct_ones(with, CT_F32, CT_SHAPE(1, 4, 6, 6))))));
}

START_TEST(memory_fails)
{
    for_each_failing_allocation(use_all);
}
END_TEST

typedef struct fault {
    ct_pool_options options;
    ct_status status;
    const char *text, *more;
} fault;

START_TEST(pooling_says_what_is_wanted)
{
    static const fault faults[] = {
        { { 0 }, CT_ERROR_VALUE, "the kernel must have a size along each axis", "pool: " },
        { { .kernel = 3, .padding = 2 }, CT_ERROR_VALUE,
          "padding must be at most half the kernel, which is 3; got 2", "" },
        { { .kernel = 6 }, CT_ERROR_SHAPE,
          "the kernel must fit into the padded image: it spans 6 elements of 5", "" },
        { { .kernel = -1 }, CT_ERROR_VALUE, "kernel must be from 0 to", "got -1" },
        { { .kernel = 2, .stride = -1 }, CT_ERROR_VALUE, "stride must be from 0 to", "got -1" },
        { { .kernel = 2, .reserved = { 1 } }, CT_ERROR_VALUE, "reserved", "" },
    };
    ct_tensor *x = ct_zeros(cx, CT_F32, CT_SHAPE(1, 1, 5, 5));
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        for (int k = 0; k < 2; k++) {
            ck_assert((k ? ct_max_pool : ct_avg_pool)(x, &faults[i].options) == NULL);
            expect_error(faults[i].status, faults[i].text, faults[i].more, NULL);
        }
    ck_assert(ct_max_pool(x, NULL) == NULL);
    expect_error(CT_ERROR_NULL, "max_pool: the options are NULL", NULL);
    ck_assert(ct_avg_pool(x, &(ct_pool_options){ .kernel = 2, .dilation = 2 }) == NULL);
    expect_error(CT_ERROR_VALUE, "avg_pool: has no dilation", NULL);
    ck_assert(ct_max_pool(x, &(ct_pool_options){ .kernel = 2, .exclude_padding = true }) == NULL);
    expect_error(CT_ERROR_VALUE, "exclude_padding is for ct_avg_pool", NULL);
    ct_tensor *small = ct_zeros(cx, CT_F32, CT_SHAPE(1, 1, 2));
    ck_assert(ct_max_pool(small, &(ct_pool_options){ .kernel = 2, .padding = 1, .dilation = 3 })
              == NULL);
    expect_error(CT_ERROR_SHAPE, "each window must have an element in the image", NULL);
    ck_assert(ct_avg_pool(ct_zeros(cx, CT_F32, CT_SHAPE(2, 2)), &(ct_pool_options){ .kernel = 1 })
              == NULL);
    expect_error(CT_ERROR_SHAPE, "takes images (N,C,...)", "got (2,2)", NULL);
    const ct_pool_options one = { .kernel = 1 };
    ck_assert(ct_max_pool(ct_zeros(cx, CT_F32, CT_SHAPE(1, 1, 0)), &one) == NULL);
    expect_error(CT_ERROR_SHAPE, "an image must have elements", NULL);
    ck_assert(ct_max_pool(ct_zeros(cx, CT_I64, CT_SHAPE(1, 1, 1)), &one) == NULL);
    expect_error(CT_ERROR_DTYPE, "max_pool", "ct_cast", NULL);
}
END_TEST

START_TEST(resampling_says_what_is_wanted)
{
    ct_tensor *x = ct_zeros(cx, CT_F32, CT_SHAPE(1, 6, 5, 5));
    ck_assert(ct_upsample(x, CT_SIZES(1, 2, 3), CT_LINEAR) == NULL);
    expect_error(CT_ERROR_VALUE, "upsample: takes 1 size or 2, got 3", NULL);
    ck_assert(ct_upsample(x, NULL, 1, CT_LINEAR) == NULL);
    expect_error(CT_ERROR_VALUE, "got 0", NULL);
    ck_assert(ct_adaptive_avg_pool(x, CT_SIZES(0)) == NULL);
    expect_error(CT_ERROR_VALUE, "a size must be from 1 to 1073741824, got 0", NULL);
    ck_assert(ct_upsample(x, CT_SIZES(2), (ct_upsampling)7) == NULL);
    expect_error(CT_ERROR_VALUE, "there is no mode 7", NULL);
    ck_assert(ct_pixel_shuffle(x, 2) == NULL);
    expect_error(CT_ERROR_SHAPE, "the number of channels must be a multiple of 4", "(1,6,5,5)",
                 NULL);
    ck_assert(ct_pixel_unshuffle(x, 2) == NULL);
    expect_error(CT_ERROR_SHAPE, "height and width must be a multiple of 2", NULL);
    ck_assert(ct_pixel_shuffle(x, 0) == NULL);
    expect_error(CT_ERROR_VALUE, "the factor must be from 1 to 32768, got 0", NULL);
    ck_assert(ct_pixel_shuffle(ct_select(x, 0, 0), 1) == NULL);
    expect_error(CT_ERROR_SHAPE, "takes images (N,C,H,W), got 3 dimensions", NULL);
}
END_TEST

Suite *pool_suite(void)
{
    return make_suite("pool", (const TTest *const[]){
        the_first_of_equal_elements_gets_the_cotangent, maxima_of_nan_and_infinities,
        windows_that_overlap_add, maxima_of_wide_images, squares_of_any_number,
        averages_and_neighbors_of_whole_factors, averages_of_any_window,
        interpolation_reproduces_lines, the_same_size_changes_nothing, views_and_empty_batches,
        threads_change_no_bit, resampling_bounds_its_scratch, memory_fails,
        pooling_says_what_is_wanted, resampling_says_what_is_wanted, NULL });
}
