/* ops/rows/channels.c: batch norm and group norm against the formulas in double, for every kernel,
 * sizes short and long, and numbers of any size. */
#include "support.h"

typedef struct inputs {
    ct_tensor *x, *w, *b, *gy;
    int64_t groups;         /* 0: batch norm */
} inputs;

static inputs inputs_of(ct_context *c, ct_dtype dtype, const int64_t *shape, int ndim,
                        int64_t groups)
{
    const int64_t channels = shape[1];
    inputs in = { ct_variable(ct_shift(ct_randn(c, dtype, shape, ndim), 3)),
                  ct_variable(ct_randn(c, dtype, &channels, 1)),
                  ct_variable(ct_randn(c, dtype, &channels, 1)), ct_randn(c, dtype, shape, ndim),
                  groups };
    return in;
}

static ct_tensor *normalized(const inputs *in, double epsilon)
{
    ct_tensor *results[3] = { NULL };
    if (in->groups > 0)
        return ct_group_norm(in->x, in->groups, in->w, in->b, epsilon);
    ct_batch_norm_train(in->x, in->w, in->b, epsilon, results);
    return results[0];
}

/* the same by parts, in f64: x as (N,S,P,L) */
static ct_tensor *composed(const inputs *in, ct_tensor *const *v, double epsilon)
{
    const int64_t n = ct_size(in->x, 0), c = ct_size(in->x, 1), s = in->groups ? in->groups : c;
    const int64_t shape[] = { n, s, c / s, ct_count(in->x) / (n * c) }, axes[] = { 2, 3, 0 };
    const int count = in->groups ? 2 : 3;
    ct_tensor *x = ct_reshape(v[0], shape, 4);
    ct_tensor *far = ct_sub(x, ct_mean_over(x, axes, count, CT_KEEPDIMS));
    ct_tensor *variance = ct_mean_over(ct_square(far), axes, count, CT_KEEPDIMS);
    ct_tensor *y = ct_div(far, ct_sqrt(ct_shift(variance, epsilon)));
    y = ct_mul(y, ct_reshape(v[1], CT_SHAPE(s, c / s, 1)));
    y = ct_add(y, ct_reshape(v[2], CT_SHAPE(s, c / s, 1)));
    return ct_reshape(y, ct_shape(in->x), ct_ndim(in->x));
}

static void expect_composed(const int64_t *shape, int ndim, int64_t groups, double units)
{
    ct_scope scope = ct_scope_begin(cx);
    inputs in = inputs_of(cx, CT_F32, shape, ndim, groups);
    ct_tensor *v[] = { in.x, in.w, in.b }, *d[3], *g[3], *h[3];
    for (int i = 0; i < 3; i++)
        d[i] = ct_variable(ct_cast(ct_detach(v[i]), CT_F64));
    ct_tensor *y = normalized(&in, 0.1), *z = composed(&in, d, 0.1);
    expect_close(y, ct_cast(z, CT_F32), units);
    ct_grad(z, ct_cast(in.gy, CT_F64), d, 3, 0, h);
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_grad(y, in.gy, v, 3, flags, g);
        for (int i = 0; i < 3; i++)
            expect_close(g[i], ct_cast(h[i], CT_F32), 4 * units);
    }
    expect_ok();
    ct_scope_end(cx, scope);
}

START_TEST(is_what_it_is_made_of)
{
    for (int64_t length = 1; length < 2200; length += length < 70 ? 3 : 211) {
        expect_composed(CT_SHAPE(length < 70 ? 37 : 3, 3, length), 0, 16);
        expect_composed(CT_SHAPE(2, 6, length, 2), 2, 16);
        expect_composed(CT_SHAPE(3, 4, length), 1, 16);
    }
    expect_composed(CT_SHAPE(1500, 5), 0, 16); /* more rows than one piece has */
    expect_composed(CT_SHAPE(70, 2, 31), 0, 16);
    expect_composed(CT_SHAPE(2, 3, 2, 3, 2), 3, 16);
}
END_TEST

START_TEST(statistics_are_results_with_derivatives)
{
    for (int k = 0; k < 2; k++) {
        ct_tensor *x = ct_variable(ct_randn(cx, CT_F64, k ? (int64_t[]){ 3, 2, 40 }
                                                          : (int64_t[]){ 3, 2, 5 }, 3));
        ct_tensor *results[3], *u[] = { ct_randn(cx, CT_F64, CT_SHAPE(2)),
                                        ct_randn(cx, CT_F64, CT_SHAPE(2)) }, *got, *want;
        ck_assert_int_eq(ct_batch_norm_train(x, NULL, NULL, 1e-3, results), CT_OK);
        ct_tensor *mean = ct_mean_over(x, CT_AXES(0, 2), 0);
        ct_tensor *variance = ct_var_over(x, CT_AXES(0, 2), 0);
        expect_close(results[1], mean, 4);
        expect_close(results[2], variance, 8);
        for (int part = 1; part < 4; part++) { /* of the mean, of the variance, of both */
            ct_tensor *y = ct_scalar(cx, CT_F64, 0), *z = y;
            for (int i = 0; i < 2; i++)
                if (part & (1 << i)) {
                    y = ct_add(y, ct_sum(ct_mul(u[i], results[1 + i])));
                    z = ct_add(z, ct_sum(ct_mul(u[i], i ? variance : mean)));
                }
            ct_grad(z, NULL, &x, 1, 0, &want);
            for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
                ct_grad(y, NULL, &x, 1, flags, &got);
                expect_close(got, want, 32);
            }
        }
    }
    expect_ok();
}
END_TEST

/* x is exact; so are y, gx, mean and variance of 4 elements up to the tolerance */
static void expect_scaled(ct_dtype dtype, double scale, double mean)
{
    const double x[] = { -3, 1, 0, 2 }, g[] = { 1, 0, -2, 3 }, r = 1 / sqrt(3.5);
    double in[4], y[4], gx[4], tolerance = dtype == CT_F32 ? 1e-6 : 1e-14;
    ct_tensor *results[3], *got, *v;
    double sum = 0, with_h = 0;
    for (int i = 0; i < 4; i++) {
        in[i] = mean + scale * x[i];
        y[i] = x[i] * r;
        sum += g[i] / 4;
        with_h += g[i] * y[i] / 4;
    }
    for (int i = 0; i < 4; i++)
        gx[i] = r * (g[i] - sum - y[i] * with_h);
    v = ct_variable(ct_from_doubles(cx, dtype, CT_SHAPE(2, 1, 2), in, 4));
    ck_assert_int_eq(ct_batch_norm_train(v, NULL, NULL, 0, results), CT_OK);
    expect_values(results[0], y, 4, tolerance);
    expect_values(results[1], CT_DOUBLES(mean), tolerance * (fabs(mean) + scale));
    if (dtype == CT_F64 ? isfinite(scale * scale) : fabs(log2(scale)) < 60)
        expect_values(results[2], CT_DOUBLES(3.5 * scale * scale), 8 * tolerance * scale * scale);
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_grad(results[0], ct_from_doubles(cx, dtype, CT_SHAPE(2, 1, 2), g, 4), &v, 1, flags,
                &got);
        for (int i = 0; i < 4; i++) {
            double is = ct_at(ct_reshape(got, CT_SHAPE(4)), CT_INDEX(i)) * scale;
            ck_assert_msg(fabs(is - gx[i]) <= 4 * tolerance, "%g at %g: %.17g, not %.17g", scale,
                          mean, is, gx[i]);
        }
    }
    expect_ok();
}

START_TEST(elements_of_any_size)
{
    static const double f32[][2] = { { 1, 0 }, { 1, 8192 }, { 0x1p-10, -1 }, { 0x1p100, 0 },
                                     { 0x1p-100, 0 }, { 0x1p125, 0 }, { 0x1p-120, 0 } };
    static const double f64[][2] = { { 1, 0x1p45 }, { 0x1p1000, 0 }, { 0x1p-1000, 0 },
                                     { 0x1p-30, 1 } };
    for (size_t i = 0; i < sizeof f32 / sizeof *f32; i++)
        expect_scaled(CT_F32, f32[i][0], f32[i][1]);
    for (size_t i = 0; i < sizeof f64 / sizeof *f64; i++)
        expect_scaled(CT_F64, f64[i][0], f64[i][1]);
}
END_TEST

/* runs of any length of elements that are worked on in units: 2^100 changes h only by roundings */
START_TEST(runs_of_large_elements)
{
    for (int64_t length = 5; length < 2000; length += length < 60 ? 9 : 600) {
        inputs in = inputs_of(cx, CT_F32, CT_SHAPE(5, 2, length), 0), large = in;
        large.x = ct_variable(ct_scale(ct_detach(in.x), 0x1p100));
        ct_tensor *v[] = { in.x, in.w }, *u[] = { large.x, in.w }, *g[2], *h[2];
        ct_tensor *y = normalized(&in, 0), *z = normalized(&large, 0);
        expect_close(z, y, 8);
        ct_grad(y, in.gy, v, 2, 0, g);
        ct_grad(z, in.gy, u, 2, 0, h);
        expect_close(ct_scale(h[0], 0x1p100), g[0], 32);
        expect_close(h[1], g[1], 64);
    }
}
END_TEST

/* What is summed first does not tell the mean of the rest. Each difference to the mean takes part in at
 * most 80 roundings (row_kernels.h), and the mean is rounded once more. */
START_TEST(the_first_piece_may_be_far_from_the_others)
{
    for (int simd = CT_SIMD_PLAIN; simd <= CT_SIMD_AVX512; simd++) {
        ct_context_free(cx);
        cx = ct_context_new(&(ct_context_options){ .simd = (ct_simd)simd });
        ct_tensor *first = ct_full(cx, CT_F32, CT_SHAPE(1, 1, 1000), 1e4), *results[3];
        ct_tensor *rest = ct_rand(cx, CT_F32, CT_SHAPE(63, 1, 1000));
        ct_tensor *x = ct_concat(CT_TENSORS(first, rest), 0), *d = ct_cast(x, CT_F64);
        ct_batch_norm_train(x, NULL, NULL, 0, results);
        ct_tensor *mean = ct_mean(d), *variance = ct_var(d), *off = ct_sub(d, mean);
        double spread = ct_item(ct_mean(ct_abs(off)));
        ck_assert_double_eq_tol(ct_item(results[1]), ct_item(mean),
                                0x1p-24 * (80 * spread + ct_item(mean)));
        ck_assert_double_eq_tol(ct_item(results[2]) / ct_item(variance), 1, 2e-6);
        ct_tensor *h = ct_div(off, ct_sqrt(variance));
        ck_assert_double_le(ct_max_difference(ct_cast(results[0], CT_F64), h), 4e-6);
    }
}
END_TEST

/* the first mean is off by more than the elements differ: all are alike, and one is the next
 * number */
START_TEST(a_sum_that_rounds_by_more_than_the_spread)
{
    const int64_t n = 2553;
    ct_tensor *x = ct_full(cx, CT_F32, CT_SHAPE(1, 1, n), 0.4806);
    float *data = ct_data_mutable(x);
    data[7] = nextafterf(data[7], 1);
    ct_tensor *y = ct_group_norm(x, 1, NULL, NULL, 0);
    ck_assert_double_eq_tol(ct_at(y, CT_INDEX(0, 0, 8)), -1 / sqrt((double)n - 1), 1e-7);
    ck_assert_double_eq_tol(ct_at(y, CT_INDEX(0, 0, 7)), sqrt((double)n - 1), 2e-5);
}
END_TEST

START_TEST(given_statistics_get_gradients)
{
    const double m[] = { 1, -2 }, variance[] = { 4, 0.25 }, w[] = { 3, -1 }, b[] = { 0.5, 0 };
    ct_tensor *v[] = { ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(3, 2, 7))),
                       ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2), m, 2)),
                       ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2), variance, 2)),
                       ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2), w, 2)),
                       ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2), b, 2)) };
    ct_tensor *c[5], *g[5], *h[5], *gy = ct_randn(cx, CT_F64, CT_SHAPE(3, 2, 7));
    for (int i = 1; i < 5; i++)
        c[i] = ct_unsqueeze(v[i], 1);
    ct_tensor *y = ct_batch_norm(v[0], v[1], v[2], v[3], v[4], 0.01);
    ct_tensor *z = ct_div(ct_sub(v[0], c[1]), ct_sqrt(ct_shift(c[2], 0.01)));
    z = ct_add(ct_mul(z, c[3]), c[4]);
    expect_close(y, z, 8);
    ct_grad(z, gy, v, 5, 0, h);
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_grad(y, gy, v, 5, flags, g);
        for (int i = 0; i < 5; i++)
            expect_close(g[i], h[i], 16);
    }
}
END_TEST

START_TEST(adds_to_other_uses)
{
    for (int64_t groups = 0; groups < 3; groups++)
        for (int64_t length = 3; length < 50; length += 40) {
            inputs in = inputs_of(cx, CT_F64, CT_SHAPE(4, 2, length), groups);
            ct_tensor *v[] = { in.x, in.w, in.b }, *alone[3], *both[3];
            ct_tensor *y = ct_sum(ct_mul(in.gy, normalized(&in, 1e-5)));
            ct_grad(y, NULL, v, 3, 0, alone);
            for (int i = 0; i < 3; i++)
                y = ct_add(y, ct_sum(ct_scale(v[i], 3)));
            ct_grad(y, NULL, v, 3, 0, both);
            for (int i = 0; i < 3; i++)
                expect_close(both[i], ct_shift(alone[i], 3), 4);
        }
}
END_TEST

/* batch norm and a ReLU in one call have the bits of both, in backward to a few roundings */
static void expect_relu_of(ct_context *c, ct_dtype dtype, int64_t length)
{
    inputs in = inputs_of(c, dtype, CT_SHAPE(13, 3, length), 0);
    ct_tensor *v[] = { in.x, in.w, in.b }, *one[3], *two[3], *g[3], *h[3];
    ck_assert_int_eq(ct_batch_norm_relu_train(in.x, in.w, in.b, 0.1, one), CT_OK);
    ck_assert_int_eq(ct_batch_norm_train(in.x, in.w, in.b, 0.1, two), CT_OK);
    two[0] = ct_relu(two[0]);
    for (int i = 0; i < 3; i++)
        expect_close(one[i], two[i], 0);
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_grad(one[0], in.gy, v, 3, flags, g);
        ct_grad(two[0], in.gy, v, 3, flags, h);
        for (int i = 0; i < 3; i++)
            expect_close(g[i], h[i], flags ? 0 : 8);
    }
    ct_tensor *t[] = { in.gy, ct_ones_like(in.w), ct_ones_like(in.b) };
    expect_close(ct_tangent(one[0], v, t, 3, 0), ct_tangent(two[0], v, t, 3, 0), 0);
    ck_assert_int_eq(ct_error(c), CT_OK);
}

START_TEST(a_relu_in_the_same_call)
{
    for (int simd = CT_SIMD_PLAIN; simd <= CT_SIMD_AVX512; simd++)
        for (int64_t length = 1; length < 1200; length = length * 5 / 3 + 1) {
            ct_context *c = ct_context_new(&(ct_context_options){ .simd = (ct_simd)simd });
            expect_relu_of(c, CT_F32, length);
            expect_relu_of(c, CT_F64, length);
            ct_context_free(c);
        }
}
END_TEST

/* the bits do not depend on the number of threads */
START_TEST(the_same_from_any_number_of_threads)
{
    static double want[3][2 * 64 * 16 * 49];
    static double is[2 * 64 * 16 * 49];
    for (int64_t groups = 0; groups < 5; groups += 4)
        for (int threads = 1; threads <= 8; threads++) {
            ct_context *c = ct_context_new(&(ct_context_options){ .threads = threads, .seed = 7 });
            inputs in = inputs_of(c, CT_F32, CT_SHAPE(64, 16, 49), groups);
            ct_tensor *v[] = { in.x, in.w, in.b }, *g[3];
            ct_tensor *y = normalized(&in, 1e-5);
            ct_grad(y, in.gy, v, 3, 0, g);
            for (int i = 0; i < 4; i++) {
                ct_tensor *t = i == 3 ? y : g[i];
                int64_t n = ct_count(t);
                double *to = threads > 1 ? is : i == 3 ? want[0] + 64 * 16 * 49 : want[i];
                ct_to_doubles(t, to, n);
                const double *from = i == 3 ? want[0] + 64 * 16 * 49 : want[i];
                ck_assert_msg(threads == 1 || memcmp(is, from, (size_t)n * sizeof *is) == 0,
                              "%d threads, %d groups: result %d differs", threads, (int)groups, i);
            }
            ck_assert_int_eq(ct_error(c), CT_OK);
            ct_context_free(c);
        }
}
END_TEST

START_TEST(what_cannot_be_is_an_error)
{
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(2, 4, 3)), *w = ct_ones(cx, CT_F64, CT_SHAPE(4));
    ct_tensor *three = ct_ones(cx, CT_F64, CT_SHAPE(3)), *results[3];
    ct_tensor *one = ct_zeros(cx, CT_F64, CT_SHAPE(1, 4));
    ck_assert_ptr_null(ct_group_norm(x, 3, NULL, NULL, 1e-5));
    expect_error(CT_ERROR_VALUE, "group_norm: the number of groups must divide the 4 channels",
                 "got 3", "(2,4,3)", NULL);
    ck_assert_ptr_null(ct_group_norm(x, 0, NULL, NULL, 1e-5));
    expect_error(CT_ERROR_VALUE, "group_norm: the number of groups must be positive, got 0", NULL);
    ck_assert_ptr_null(ct_group_norm(x, 2, three, NULL, 1e-5));
    expect_error(CT_ERROR_SHAPE, "group_norm", "each of the 4 channels", "(3)", NULL);
    ck_assert_ptr_null(ct_group_norm(x, 2, NULL, NULL, -1));
    expect_error(CT_ERROR_VALUE, "epsilon must be finite and not negative, got -1", NULL);
    ck_assert_ptr_null(ct_group_norm(three, 1, NULL, NULL, 0));
    expect_error(CT_ERROR_SHAPE, "x must be (N,C,...)", NULL);
    ck_assert_int_ne(ct_batch_norm_train(one, NULL, NULL, 1e-5, results), CT_OK);
    expect_error(CT_ERROR_SHAPE, "batch_norm_train", "more than one element", NULL);
    ck_assert(!results[0] && !results[1] && !results[2]);
    ck_assert_ptr_nonnull(ct_batch_norm(one, w, w, NULL, NULL, 1e-5));
    ck_assert_ptr_nonnull(ct_group_norm(one, 4, NULL, w, 1e-5));
    ck_assert_ptr_null(ct_batch_norm(x, w, NULL, w, NULL, 1e-5));
    ck_assert_int_ne(ct_error(cx), CT_OK);
    ct_error_clear(cx);
    ck_assert_ptr_null(ct_batch_norm(x, w, ct_cast(w, CT_F32), w, NULL, 1e-5));
    expect_error(CT_ERROR_DTYPE, "batch_norm", NULL);
}
END_TEST

Suite *channels_suite(void)
{
    return make_suite("channels", (const TTest *const[]){
        is_what_it_is_made_of, statistics_are_results_with_derivatives, elements_of_any_size,
        runs_of_large_elements, the_first_piece_may_be_far_from_the_others,
        a_sum_that_rounds_by_more_than_the_spread,
        given_statistics_get_gradients, adds_to_other_uses, a_relu_in_the_same_call,
        the_same_from_any_number_of_threads, what_cannot_be_is_an_error, NULL });
}
