/* nn/data/transforms.c, draws.c */
#include "support.h"

/* n pictures of c channels; pixel (i,j) of channel k is 100 k + 10 i + j + 1 */
static ct_tensor *pictures(ct_dtype dtype, int64_t n, int64_t c, int64_t h, int64_t w)
{
    ct_tensor *k = ct_reshape(ct_scale(ct_range(cx, CT_F64, c), 100), CT_SHAPE(c, 1, 1));
    ct_tensor *i = ct_reshape(ct_scale(ct_range(cx, CT_F64, h), 10), CT_SHAPE(h, 1));
    ct_tensor *j = ct_add(ct_range(cx, CT_F64, w), ct_scalar(cx, CT_F64, 1));
    ct_tensor *one = ct_add(ct_add(k, i), j);
    return ct_cast(ct_contiguous(ct_expand(one, CT_SHAPE(n, c, h, w))), dtype);
}

static ct_tensor *transformed(ct_tensor *x, ct_transform t)
{
    ct_tensor *y = ct_transform_images(x, &t, 1);
    expect_ok();
    return y;
}

/* whether y[n] is x[n] moved so that its pixel (0,0) is that of x at (top,left) */
static bool is_moved(ct_tensor *x, ct_tensor *y, int64_t n, int64_t top, int64_t left, double fill)
{
    for (int64_t c = 0; c < ct_size(y, 1); c++)
        for (int64_t i = 0; i < ct_size(y, 2); i++)
            for (int64_t j = 0; j < ct_size(y, 3); j++) {
                int64_t a = i + top, b = j + left;
                bool inside = a >= 0 && a < ct_size(x, 2) && b >= 0 && b < ct_size(x, 3);
                double want = inside ? ct_at(x, CT_INDEX(n, c, a, b)) : fill;
                if (ct_at(y, CT_INDEX(n, c, i, j)) != want)
                    return false;
            }
    return true;
}

/* counts[top - low][left - low], for the one place that fits each picture */
static void count_places(ct_tensor *x, ct_tensor *y, int64_t low, int64_t high, double fill,
                         int *counts)
{
    const int64_t range = high - low + 1;
    for (int64_t n = 0; n < ct_size(x, 0); n++) {
        int found = 0;
        for (int64_t p = 0; p < range * range; p++)
            if (is_moved(x, y, n, low + p / range, low + p % range, fill)) {
                counts[p]++;
                found++;
            }
        ck_assert_int_eq(found, 1);
    }
}

START_TEST(shifts)
{
    const ct_dtype dtypes[] = { CT_F32, CT_F64 };
    for (int d = 0; d < 2; d++) {
        int counts[9] = { 0 };
        ct_tensor *x = pictures(dtypes[d], 450, 2, 4, 3);
        ct_tensor *y = transformed(x, (ct_transform){ .kind = CT_RANDOM_SHIFT, .pixels = 1, .fill = -7 });
        ck_assert_int_eq(ct_dtype_of(y), dtypes[d]);
        count_places(x, y, -1, 1, -7, counts);
        double chi = 0;
        for (int i = 0; i < 9; i++)
            chi += (counts[i] - 50.0) * (counts[i] - 50.0) / 50;
        ck_assert_double_lt(chi, 31.8); /* 8 degrees of freedom: one seed in 10,000 is beyond */
    }
}
END_TEST

START_TEST(crops)
{
    int counts[16] = { 0 };
    ct_tensor *x = pictures(CT_F32, 480, 1, 4, 4);
    ct_transform t = { .kind = CT_RANDOM_CROP, .height = 3, .width = 3, .pixels = 1 };
    ct_tensor *y = transformed(x, t);
    expect_shape(y, CT_SHAPE(480, 1, 3, 3));
    count_places(x, y, -1, 2, 0, counts);
    double chi = 0;
    for (int i = 0; i < 16; i++)
        chi += (counts[i] - 30.0) * (counts[i] - 30.0) / 30;
    ck_assert_double_lt(chi, 44.3); /* 15 degrees of freedom */
    t.pixels = 0;
    t.height = 4;
    t.width = 4;
    ck_assert_double_eq(ct_max_difference(transformed(x, t), x), 0);
}
END_TEST

/* the places are those of torchvision, int(round((h - 3) / 2)): half to even */
START_TEST(center_crops)
{
    const int64_t want[] = { 0, 0, 1, 2, 2, 2, 3 };
    for (int64_t h = 3; h <= 9; h++) {
        ct_tensor *x = pictures(CT_F64, 1, 1, h, 3);
        const ct_transform t = { .kind = CT_CENTER_CROP, .height = 3, .width = 2 };
        ck_assert(is_moved(x, transformed(x, t), 0, want[h - 3], 0, 0));
    }
}
END_TEST

START_TEST(flips)
{
    ct_tensor *x = pictures(CT_F32, 400, 2, 2, 3);
    for (int axis = -2; axis < 0; axis++) {
        ct_transform t = { .kind = axis == -1 ? CT_RANDOM_FLIP : CT_RANDOM_VERTICAL_FLIP, .p = 1 };
        ct_tensor *turned = ct_flip(x, CT_AXES(axis));
        ck_assert_double_eq(ct_max_difference(transformed(x, t), turned), 0);
        t.p = 0; /* a half */
        ct_tensor *y = transformed(x, t);
        int flipped = 0;
        for (int64_t n = 0; n < 400; n++) {
            ct_tensor *one = ct_select(y, 0, n);
            bool is = ct_max_difference(one, ct_select(turned, 0, n)) == 0;
            ck_assert(is || ct_max_difference(one, ct_select(x, 0, n)) == 0);
            flipped += is;
        }
        ck_assert(flipped > 150 && flipped < 250);
    }
}
END_TEST

/* The two channels are the row and the column of each pixel, from the middle, which bilinear
 * interpolation keeps exact: so the result says where each pixel came from. */
START_TEST(rotations)
{
    enum { N = 40, H = 9, W = 7 };
    double row[H * W], column[H * W], least = 0, most = 0;
    for (int k = 0; k < H * W; k++) {
        row[k] = k / W - (H - 1) / 2.0;
        column[k] = k % W - (W - 1) / 2.0;
    }
    ct_tensor *one = ct_stack(CT_TENSORS(ct_from_doubles(cx, CT_F64, CT_SHAPE(H, W), row, H * W),
                                         ct_from_doubles(cx, CT_F64, CT_SHAPE(H, W), column, H * W)),
                              0);
    ct_tensor *x = ct_contiguous(ct_expand(one, CT_SHAPE(N, 2, H, W)));
    ct_tensor *y = transformed(x, (ct_transform){ .kind = CT_RANDOM_ROTATION, .degrees = 60, .fill = 99 });
    int outside = 0;
    for (int n = 0; n < N; n++) {
        const double up = ct_at(y, CT_INDEX(n, 0, 3, 3)), left = ct_at(y, CT_INDEX(n, 1, 3, 3));
        const double angle = atan2(left, -up); /* (-1, 0) was at (-cos, sin) */
        ck_assert_double_eq_tol(hypot(up, left), 1, 1e-12);
        least = fmin(least, angle), most = fmax(most, angle);
        for (int k = 0; k < H * W; k++) {
            double a = row[k] * cos(angle) + column[k] * sin(angle);
            double b = column[k] * cos(angle) - row[k] * sin(angle);
            bool inside = fabs(a) <= (H - 1) / 2.0 && fabs(b) <= (W - 1) / 2.0;
            bool far = fabs(a) >= (H + 1) / 2.0 || fabs(b) >= (W + 1) / 2.0;
            if (inside || far) {
                ck_assert_double_eq_tol(ct_at(y, CT_INDEX(n, 0, k / W, k % W)), far ? 99 : a, 1e-9);
                ck_assert_double_eq_tol(ct_at(y, CT_INDEX(n, 1, k / W, k % W)), far ? 99 : b, 1e-9);
            }
            outside += far;
        }
    }
    const double limit = 60 * 3.14159265358979 / 180;
    ck_assert(least >= -limit && least < -0.7 * limit && most <= limit && most > 0.7 * limit);
    ck_assert_int_gt(outside, N);
    x = pictures(CT_F32, 2, 1, 4, 5);
    ck_assert_double_eq(
        ct_max_difference(transformed(x, (ct_transform){ .kind = CT_RANDOM_ROTATION }), x), 0);
}
END_TEST

/* a picture is halved by half a turn of half a pixel: weights of 1/2 at its edge to `fill` */
START_TEST(rotations_mix_the_edge_with_what_is_outside)
{
    ct_tensor *x = ct_ones(cx, CT_F64, CT_SHAPE(50, 6, 6)), *ones = x;
    ct_tensor *y = transformed(x, (ct_transform){ .kind = CT_RANDOM_ROTATION, .degrees = 45, .fill = 0 });
    ct_tensor *z = transformed(x, (ct_transform){ .kind = CT_RANDOM_ROTATION, .degrees = 45, .fill = 1 });
    ck_assert_double_le(ct_max_difference(z, ones), 1e-15);
    ck_assert(ct_item(ct_min(y)) >= 0 && ct_item(ct_max(y)) <= 1 + 1e-15);
    int between = 0;
    const double *data = ct_data_f64(y);
    for (int i = 0; i < 50 * 36; i++)
        between += data[i] > 0.01 && data[i] < 0.99;
    ck_assert_int_gt(between, 200);
}
END_TEST

START_TEST(noise)
{
    const ct_dtype dtypes[] = { CT_F32, CT_F64 };
    for (int d = 0; d < 2; d++) {
        ct_tensor *x = ct_full(cx, dtypes[d], CT_SHAPE(200, 100), 3);
        ct_tensor *y = transformed(x, (ct_transform){ .kind = CT_NOISE, .deviation = 2 });
        ct_tensor *e = ct_cast(ct_sub(y, x), CT_F64);
        ck_assert_double_eq_tol(ct_item(ct_mean(e)), 0, 0.06);
        ck_assert_double_eq_tol(ct_item(ct_mean(ct_square(e))), 4, 0.2);
        ck_assert_double_eq_tol(ct_item(ct_mean(ct_square(ct_square(e)))), 48, 5);
        ct_tensor *next = ct_roll(e, 1, 0); /* rows are independent */
        ck_assert_double_eq_tol(ct_item(ct_mean(ct_mul(e, next))), 0, 0.15);
        ck_assert_double_eq(
            ct_max_difference(transformed(x, (ct_transform){ .kind = CT_NOISE, .deviation = 0 }), x), 0);
    }
}
END_TEST

START_TEST(normalizing)
{
    const double mean[] = { 1, 101 }, std[] = { 2, 0.5 };
    ct_tensor *x = pictures(CT_F64, 1, 2, 1, 2);
    ct_tensor *y = transformed(x, (ct_transform){ .kind = CT_NORMALIZE, .mean = mean, .std = std,
                                                  .channels = 2 });
    expect_values(y, CT_DOUBLES(0, 0.5, 0, 2), 0);
    y = transformed(ct_cast(x, CT_F32), (ct_transform){ .kind = CT_NORMALIZE, .mean = mean, .std = std,
                                                        .channels = 1 });
    expect_values(y, CT_DOUBLES(0, 0.5, 50, 50.5), 0);
}
END_TEST

START_TEST(one_after_the_other)
{
    const double mean = 5, std = 3;
    const ct_transform all[] = {
        { .kind = CT_RANDOM_CROP, .height = 5, .width = 4, .pixels = 2 },
        { .kind = CT_NORMALIZE, .mean = &mean, .std = &std, .channels = 1 },
        { .kind = CT_RANDOM_FLIP, .p = 1 },
        { .kind = CT_CENTER_CROP, .height = 2, .width = 3 } };
    ct_tensor *x = pictures(CT_F64, 20, 3, 4, 6);
    ct_seed(cx, 3);
    ct_tensor *y = ct_transform_images(x, all, 4);
    ct_seed(cx, 3);
    ct_tensor *want = transformed(x, all[0]);
    want = ct_div(ct_sub(want, ct_scalar(cx, CT_F64, 5)), ct_scalar(cx, CT_F64, 3));
    want = transformed(ct_flip(want, CT_AXES(-1)), all[3]);
    expect_shape(y, CT_SHAPE(20, 3, 2, 3));
    ck_assert_double_eq(ct_max_difference(y, want), 0);
    ck_assert_double_gt(ct_max_difference(ct_transform_images(x, all, 4), y), 0);
    ck_assert_double_eq(ct_max_difference(ct_transform_images(x, NULL, 0), x), 0);
}
END_TEST

START_TEST(other_shapes_and_layouts)
{
    const ct_transform t = { .kind = CT_RANDOM_FLIP, .p = 1 };
    ct_tensor *x = pictures(CT_F32, 2, 6, 2, 3);
    ct_tensor *flat = ct_reshape(x, CT_SHAPE(12, 2, 3));
    ct_tensor *deep = ct_reshape(x, CT_SHAPE(2, 2, 3, 2, 3));
    ck_assert_double_eq(ct_max_difference(transformed(flat, t), ct_flip(flat, CT_AXES(-1))), 0);
    ck_assert_double_eq(ct_max_difference(transformed(deep, t), ct_flip(deep, CT_AXES(-1))), 0);
    ct_tensor *turned = ct_transpose(x);
    ck_assert_double_eq(ct_max_difference(transformed(turned, t), ct_flip(turned, CT_AXES(-1))), 0);
    const int64_t shapes[][4] = { { 0, 1, 2, 3 }, { 2, 0, 2, 3 }, { 2, 1, 0, 3 } };
    for (int i = 0; i < 3; i++) {
        ct_tensor *none = ct_zeros(cx, CT_F32, shapes[i], 4);
        expect_shape(transformed(none, t), shapes[i], 4);
    }
    ct_tensor *crop = transformed(ct_zeros(cx, CT_F32, CT_SHAPE(0, 5, 5)),
                                  (ct_transform){ .kind = CT_CENTER_CROP, .height = 2, .width = 3 });
    expect_shape(crop, CT_SHAPE(0, 2, 3));
}
END_TEST

/* one batch: x_i = (i, 10 i), targets one-hot. Returns the share, and checks every row by it */
static double share_of(ct_batches *b)
{
    ct_tensor *x, *y;
    ck_assert(ct_batches_next(b, &x, &y));
    const int64_t n = ct_size(x, 0);
    const double share = ct_at(y, CT_INDEX(0, 0));
    for (int64_t i = 0; i < n; i++) {
        int64_t before = (i + n - 1) % n;
        double want = share * (double)i + (1 - share) * (double)before;
        ck_assert_double_eq_tol(ct_at(x, CT_INDEX(i, 0)), want, 1e-12);
        ck_assert_double_eq_tol(ct_at(x, CT_INDEX(i, 1)), 10 * want, 1e-11);
        for (int64_t k = 0; k < n; k++)
            ck_assert_double_eq_tol(ct_at(y, CT_INDEX(i, k)),
                                    k == i ? share : k == before ? 1 - share : 0, 1e-15);
    }
    ck_assert(!ct_batches_next(b, &x, &y));
    return share;
}

START_TEST(mixup_mixes_inputs_and_targets_alike)
{
    const double alphas[] = { 0.2, 1, 4 };
    for (int a = 0; a < 3; a++) {
        enum { ROUNDS = 400 };
        const ct_transform t = { .kind = CT_MIXUP, .alpha = alphas[a] };
        ct_tensor *i = ct_range(cx, CT_F64, 4), *x = ct_stack(CT_TENSORS(i, ct_scale(i, 10)), 1);
        ct_batches *b = ct_batches_new(x, ct_one_hot(ct_range(cx, CT_I64, 4), 4, CT_F64), 4,
                                       &(ct_batches_options){ .in_order = true, .transforms = &t,
                                                              .count = 1 });
        double sum = 0, squares = 0, variance = 1 / (4 * (2 * alphas[a] + 1));
        for (int k = 0; k < ROUNDS; k++) {
            double share = share_of(b) - 0.5;
            sum += share, squares += share * share;
        }
        ck_assert_double_eq_tol(sum / ROUNDS, 0, 4 * sqrt(variance / ROUNDS));
        ck_assert_double_eq_tol(squares / ROUNDS, variance, 0.2 * variance);
    }
}
END_TEST

START_TEST(mixup_with_extreme_alphas)
{
    const double alphas[] = { 1e-300, 1e-3, 1e6, 1e300 };
    for (int a = 0; a < 4; a++) {
        const ct_transform t = { .kind = CT_MIXUP, .alpha = alphas[a] };
        ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(3, 2)), *bx;
        ct_batches *b = ct_batches_new(x, NULL, 3, &(ct_batches_options){ .transforms = &t,
                                                                         .count = 1 });
        for (int k = 0; k < 50; k++, ct_batches_next(b, &bx, NULL)) {
            ck_assert(ct_batches_next(b, &bx, NULL));
            ck_assert_double_le(ct_max_difference(bx, x), 1e-6);
        }
    }
}
END_TEST

static void expect_refused(ct_tensor *x, ct_transform t, ct_status code, const char *why)
{
    ck_assert_ptr_null(ct_transform_images(x, &t, 1));
    expect_error(code, "transform_images", why, NULL);
    if (t.kind != CT_MIXUP) {
        ck_assert_ptr_null(ct_batches_new(x, NULL, 1, &(ct_batches_options){ .transforms = &t,
                                                                            .count = 1 }));
        expect_error(code, "batches_new", why, NULL);
    }
}

START_TEST(bad_arguments_are_refused)
{
    ct_tensor *x = pictures(CT_F32, 2, 3, 4, 5), *flat = ct_ones(cx, CT_F32, CT_SHAPE(2, 3));
    const double three[] = { 1, 2, 3 };
    expect_refused(x, (ct_transform){ 0 }, CT_ERROR_VALUE, "kind");
    expect_refused(x, (ct_transform){ .kind = (ct_transform_kind)99 }, CT_ERROR_VALUE, "99");
    expect_refused(flat, (ct_transform){ .kind = CT_RANDOM_FLIP }, CT_ERROR_SHAPE, "(2,3)");
    expect_refused(x, (ct_transform){ .kind = CT_RANDOM_SHIFT, .pixels = -1 }, CT_ERROR_VALUE, "-1");
    expect_refused(x, (ct_transform){ .kind = CT_RANDOM_SHIFT, .pixels = INT64_MAX }, CT_ERROR_VALUE,
                   "pixels");
    expect_refused(x, (ct_transform){ .kind = CT_RANDOM_CROP, .pixels = INT64_MAX }, CT_ERROR_VALUE,
                   "pixels");
    expect_refused(x, (ct_transform){ .kind = CT_RANDOM_CROP, .height = 5, .width = 5 }, CT_ERROR_SHAPE,
                   "5 x 5 of 4 x 5");
    expect_refused(x, (ct_transform){ .kind = CT_CENTER_CROP, .height = 4 }, CT_ERROR_SHAPE, "4 x 0");
    expect_refused(x, (ct_transform){ .kind = CT_CENTER_CROP, .height = 5, .width = 5, .pixels = 9 },
                   CT_ERROR_SHAPE, "5 x 5");
    expect_refused(x, (ct_transform){ .kind = CT_RANDOM_CROP, .pixels = 1 << 30, .height = INT32_MAX,
                                      .width = INT32_MAX }, CT_ERROR_SHAPE, "crop");
    expect_refused(x, (ct_transform){ .kind = CT_RANDOM_FLIP, .p = 1.5 }, CT_ERROR_VALUE, "p must be");
    expect_refused(x, (ct_transform){ .kind = CT_RANDOM_FLIP, .p = NAN }, CT_ERROR_VALUE, "p must be");
    expect_refused(x, (ct_transform){ .kind = CT_RANDOM_ROTATION, .degrees = -1 }, CT_ERROR_VALUE, "-1");
    expect_refused(x, (ct_transform){ .kind = CT_NOISE, .deviation = INFINITY }, CT_ERROR_VALUE, "finite");
    expect_refused(x, (ct_transform){ .kind = CT_NORMALIZE, .mean = three, .channels = 3 }, CT_ERROR_NULL,
                   "std");
    expect_refused(x, (ct_transform){ .kind = CT_NORMALIZE, .mean = three, .std = three }, CT_ERROR_NULL,
                   "channels");
    expect_refused(x, (ct_transform){ .kind = CT_NORMALIZE, .mean = three, .std = three, .channels = 2 },
                   CT_ERROR_SHAPE, "got 2 for (2,3,4,5)");
    expect_refused(x, (ct_transform){ .kind = CT_RANDOM_FLIP, .reserved = { 1 } }, CT_ERROR_VALUE, "zeroed");
    expect_refused(x, (ct_transform){ .kind = CT_MIXUP, .alpha = 1 }, CT_ERROR_VALUE, "mixup");
    expect_refused(ct_cast(x, CT_I64), (ct_transform){ .kind = CT_RANDOM_FLIP }, CT_ERROR_DTYPE, "f64");
    expect_refused(ct_variable(x), (ct_transform){ .kind = CT_RANDOM_FLIP }, CT_ERROR_GRAPH, "grad");
    ck_assert_ptr_null(ct_transform_images(flat, NULL, 2));
    expect_error(CT_ERROR_NULL, "transform_images", NULL);
    ck_assert_ptr_null(ct_transform_images(ct_scalar(cx, CT_F32, 1), NULL, 0));
    expect_error(CT_ERROR_SHAPE, "0-d", NULL);
    ct_tensor *huge = ct_zeros(cx, CT_F32, CT_SHAPE(2, 0, 1 << 26, 1 << 26));
    expect_refused(huge, (ct_transform){ .kind = CT_RANDOM_FLIP }, CT_ERROR_SHAPE, "2^48");
}
END_TEST

START_TEST(bad_mixup_is_refused)
{
    const ct_transform early[] = { { .kind = CT_MIXUP, .alpha = 1 }, { .kind = CT_NOISE, .deviation = 1 } };
    const ct_transform none[] = { { .kind = CT_MIXUP, .alpha = 0 } };
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), *labels = ct_zeros(cx, CT_I64, CT_SHAPE(2));
    ck_assert_ptr_null(ct_batches_new(x, NULL, 1, &(ct_batches_options){ .transforms = early,
                                                                        .count = 2 }));
    expect_error(CT_ERROR_VALUE, "last", NULL);
    ck_assert_ptr_null(ct_batches_new(x, NULL, 1, &(ct_batches_options){ .transforms = none,
                                                                        .count = 1 }));
    expect_error(CT_ERROR_VALUE, "alpha", NULL);
    ck_assert_ptr_null(ct_batches_new(x, labels, 1, &(ct_batches_options){ .transforms = early,
                                                                          .count = 1 }));
    expect_error(CT_ERROR_DTYPE, "ct_one_hot", NULL);
}
END_TEST

static void transform_and_batch(ct_context *c)
{
    const double one = 1;
    const ct_transform all[] = { { .kind = CT_RANDOM_CROP, .height = 2, .width = 2, .pixels = 1 },
                                 { .kind = CT_NORMALIZE, .mean = &one, .std = &one, .channels = 1 },
                                 { .kind = CT_MIXUP, .alpha = 1 } };
    ct_tensor *x = ct_ones(c, CT_F32, CT_SHAPE(3, 3, 3)), *bx, *by;
    ct_transform_images(x, all, 2);
    ct_batches *b = ct_batches_new(x, ct_ones(c, CT_F64, CT_SHAPE(3, 2)), 2,
                                   &(ct_batches_options){ .transforms = all, .count = 3 });
    while (ct_batches_next(b, &bx, &by))
        continue;
    ct_batches_free(b);
}

START_TEST(every_allocation_may_fail)
{
    for_each_failing_allocation(transform_and_batch);
}
END_TEST

Suite *image_transforms_suite(void);
Suite *image_transforms_suite(void)
{
    const TTest *const tests[] = {
        shifts,
        crops,
        center_crops,
        flips,
        rotations,
        rotations_mix_the_edge_with_what_is_outside,
        noise,
        normalizing,
        one_after_the_other,
        other_shapes_and_layouts,
        mixup_mixes_inputs_and_targets_alike,
        mixup_with_extreme_alphas,
        bad_arguments_are_refused,
        bad_mixup_is_refused,
        every_allocation_may_fail,
        NULL,
    };
    return make_suite("nn/transforms", tests);
}
