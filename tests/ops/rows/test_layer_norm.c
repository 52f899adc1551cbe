/* ops/rows/layer_norm.c against the formulas in double, and its parts, for every kernel. */
#include "support.h"

static ct_tensor *composed(ct_tensor *x, ct_tensor *w, ct_tensor *b, double epsilon)
{
    ct_tensor *centered = ct_sub(x, ct_mean_over(x, CT_AXES(-1), CT_KEEPDIMS));
    ct_tensor *variance = ct_mean_over(ct_square(centered), CT_AXES(-1), CT_KEEPDIMS);
    ct_tensor *y = ct_div(centered, ct_sqrt(ct_shift(variance, epsilon)));
    y = w ? ct_mul(y, w) : y;
    return b ? ct_add(y, b) : y;
}

/* results and gradients by `f` of rows of n, with what there is of weight and bias */
static void expect_same(int64_t rows, int64_t n, int parts, double units)
{
    ct_tensor *x = ct_variable(ct_shift(ct_randn(cx, CT_F32, CT_SHAPE(rows, n)), 3));
    ct_tensor *w = parts & 1 ? ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(n))) : NULL;
    ct_tensor *b = parts & 2 ? ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(n))) : NULL;
    ct_tensor *gy = ct_randn(cx, CT_F32, CT_SHAPE(rows, n)), *v[3] = { x }, *d[3], *g[3], *h[3];
    int count = 1;
    if (w)
        v[count++] = w;
    if (b)
        v[count++] = b;
    for (int i = 0; i < count; i++)
        d[i] = ct_variable(ct_cast(ct_detach(v[i]), CT_F64));
    ct_tensor *y = ct_layer_norm(x, CT_SHAPE(n), w, b, 0.1);
    ct_tensor *z = composed(d[0], w ? d[1] : NULL, b ? d[count - 1] : NULL, 0.1);
    expect_close(y, ct_cast(z, CT_F32), units);
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_grad(y, gy, v, count, flags, g);
        ct_grad(z, ct_cast(gy, CT_F64), d, count, 0, h);
        for (int i = 0; i < count; i++)
            expect_close(g[i], ct_cast(h[i], CT_F32), 4 * units);
    }
}

START_TEST(is_what_it_is_made_of)
{
    for (int64_t n = 2; n < 1200; n += n < 70 ? 1 : 109) {
        ct_scope scope = ct_scope_begin(cx);
        for (int parts = 0; parts < 4; parts++)
            expect_same(n < 70 ? 5 : 40, n, parts, 8);
        ct_scope_end(cx, scope);
    }
    expect_ok();
}
END_TEST

START_TEST(over_several_axes_of_any_strides)
{
    ct_tensor *t = ct_randn(cx, CT_F64, CT_SHAPE(4, 3, 2)), *x = ct_permute(t, CT_AXES(2, 0, 1));
    ct_tensor *w = ct_transpose(ct_randn(cx, CT_F64, CT_SHAPE(3, 4)));
    ct_tensor *b = ct_expand(ct_scalar(cx, CT_F64, 2), CT_SHAPE(4, 3));
    ct_tensor *y = ct_layer_norm(x, CT_SHAPE(4, 3), w, b, 1e-5);
    ct_tensor *flat = ct_reshape(x, CT_SHAPE(2, 12));
    ct_tensor *z = composed(flat, ct_reshape(w, CT_SHAPE(12)), ct_reshape(b, CT_SHAPE(12)), 1e-5);
    expect_shape(y, CT_SHAPE(2, 4, 3));
    expect_close(ct_reshape(y, CT_SHAPE(2, 12)), z, 4);
    y = ct_layer_norm(x, CT_SHAPE(2, 4, 3), NULL, NULL, 0); /* all of them */
    ck_assert_double_eq_tol(ct_item(ct_mean(y)), 0, 1e-15);
    ck_assert_double_eq_tol(ct_item(ct_var(y)), 1, 1e-14);
}
END_TEST

/* far from zero: the variance is that of the differences, not a difference of squares */
START_TEST(far_from_zero)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F32, CT_SHAPE(1, 4), CT_DOUBLES(8191, 8192, 8193, 8192));
    double r = sqrt(2);
    expect_values(ct_layer_norm(x, CT_SHAPE(4), NULL, NULL, 0), CT_DOUBLES(-r, 0, r, 0), 1e-6);
    ct_tensor *equal = ct_full(cx, CT_F32, CT_SHAPE(2, 300), 0.1); /* a rounding of 0.1, over r */
    ck_assert_double_lt(ct_item(ct_max(ct_abs(ct_layer_norm(equal, CT_SHAPE(300), NULL, NULL,
                                                            1e-5)))), 1e-5);
}
END_TEST

/* the sum is off by more than the elements differ: all are alike, and one is the next number */
START_TEST(a_sum_that_rounds_by_more_than_the_spread)
{
    const int64_t n = 2553;
    ct_tensor *x = ct_full(cx, CT_F32, CT_SHAPE(1, n), 0.4806);
    float *data = ct_data_mutable(x);
    data[7] = nextafterf(data[7], 1);
    ct_tensor *y = ct_layer_norm(x, CT_SHAPE(n), NULL, NULL, 0);
    ck_assert_double_eq_tol(ct_at(y, CT_INDEX(0, 8)), -1 / sqrt((double)n - 1), 1e-7);
    ck_assert_double_eq_tol(ct_at(y, CT_INDEX(0, 7)), sqrt((double)n - 1), 2e-5);
}
END_TEST

/* -- Rows whose mean, when it is rounded, or whose squares, lose what matters */
enum { MOST = 1500 };

/* y and gx, with exponents and digits to spare: x is taken from its first element on */
static void exactly(const double *x, const double *gy, int n, double *y, double *gx)
{
    static long double far[MOST];
    long double mean = 0, var = 0, g = 0, gh = 0;
    for (int i = 0; i < n; i++)
        mean += ((long double)x[i] - x[0]) / n;
    for (int i = 0; i < n; i++) {
        far[i] = (long double)x[i] - x[0] - mean;
        var += far[i] * far[i] / n;
    }
    long double r = 1 / sqrtl(var);
    for (int i = 0; i < n; i++) {
        y[i] = (double)(far[i] * r);
        g += (long double)gy[i] / n;
        gh += gy[i] * far[i] * r / n;
    }
    for (int i = 0; i < n; i++)
        gx[i] = (double)(r * (gy[i] - g - far[i] * r * gh));
}

/* x is exact in its dtype; the result may be `tolerance` off, relative to its largest */
static void expect_exact(ct_tensor *x, double tolerance)
{
    static double in[MOST], gy[MOST], y[MOST], gx[MOST];
    int n = (int)ct_size(x, 1);
    ct_tensor *g = ct_randn(cx, ct_dtype_of(x), CT_SHAPE(1, n)), *got;
    ct_variable(x);
    ct_to_doubles(x, in, n);
    ct_to_doubles(g, gy, n);
    exactly(in, gy, n, y, gx);
    double most = 0;
    for (int i = 0; i < n; i++)
        most = fmax(most, fabs(gx[i]));
    ct_tensor *z = ct_layer_norm(x, CT_SHAPE(n), NULL, NULL, 0);
    expect_values(z, y, n, tolerance * sqrt(n));
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_grad(z, g, &x, 1, flags, &got);
        expect_values(got, gx, n, tolerance * most);
    }
}

START_TEST(right_to_rounding_wherever_the_row_lies)
{
    if (!has_long_double())
        return;
    static const double scales[] = { 1, 1e-3, 1e-3, 1e30, 1e-30, 1e38, 1e-36, 1e19 };
    static const double means[] = { 0, 1e4, -1, 0, 0, 0, 0, 1e23 };
    static const int lengths[] = { 4, 37, 1025, MOST };
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++)
        for (int k = 0; k < 32; k++) {
            double by = scales[k / 4], tolerance = dtype == CT_F32 ? 3e-6 : 1e-14;
            ct_tensor *x = ct_rand(cx, (ct_dtype)dtype, CT_SHAPE(1, lengths[k % 4]));
            x = ct_shift(ct_scale(ct_shift(x, -0.5), by), means[k / 4]);
            expect_exact(ct_detach(x), tolerance);
            if (dtype == CT_F64) /* 1e300; 1e-300 */
                expect_exact(ct_detach(ct_scale(x, by > 1 ? 1e262 : 1e-264)), tolerance);
        }
    expect_exact(ct_from_doubles(cx, CT_F32, CT_SHAPE(1, 4), CT_DOUBLES(1e30, -1e30, 2e30, 0)),
                 1e-6);
}
END_TEST

START_TEST(epsilon_beside_tiny_rows)
{
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++) {
        double small = dtype == CT_F32 ? 1e-30 : 1e-150, epsilon = small * small;
        ct_tensor *x = ct_from_doubles(cx, (ct_dtype)dtype, CT_SHAPE(1, 2),
                                       CT_DOUBLES(-small, small));
        ct_tensor *y = ct_layer_norm(x, CT_SHAPE(2), NULL, NULL, epsilon);
        expect_values(y, CT_DOUBLES(-sqrt(0.5), sqrt(0.5)), 1e-6);
        y = ct_layer_norm(x, CT_SHAPE(2), NULL, NULL, 1e-5);
        expect_values(ct_scale(y, 1 / small), CT_DOUBLES(-sqrt(1e5), sqrt(1e5)), 1e-3);
    }
}
END_TEST

/* added one by one in f32, 2^20 equal terms end 1 % off */
START_TEST(sums_over_many_rows_keep_their_digits)
{
    enum { N = 1 << 20 };
    ct_tensor *x = ct_reshape(ct_expand(ct_from_doubles(cx, CT_F32, CT_SHAPE(2), CT_DOUBLES(-1, 1)),
                                        CT_SHAPE(N, 2)), CT_SHAPE(N, 2)), *g[2];
    ct_tensor *p[] = { ct_variable(ct_ones(cx, CT_F32, CT_SHAPE(2))),
                       ct_variable(ct_zeros(cx, CT_F32, CT_SHAPE(2))) };
    ct_tensor *gy = ct_expand(ct_scalar(cx, CT_F32, 0.1), CT_SHAPE(N, 2));
    ct_grad(ct_layer_norm(x, CT_SHAPE(2), p[0], p[1], 0), gy, p, 2, 0, g);
    double sum = N * (double)0.1f;
    expect_values(g[0], CT_DOUBLES(-sum, sum), 5e-7 * sum);
    expect_values(g[1], CT_DOUBLES(sum, sum), 5e-7 * sum);
}
END_TEST

START_TEST(adds_to_other_uses)
{
    ct_tensor *v[] = { ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(4, 5))),
                       ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(5))),
                       ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(5))) };
    ct_tensor *gy = ct_randn(cx, CT_F64, CT_SHAPE(4, 5)), *alone[3], *both[3];
    ct_tensor *y = ct_sum(ct_mul(gy, ct_layer_norm(v[0], CT_SHAPE(5), v[1], v[2], 1e-5)));
    ct_grad(y, NULL, v, 3, 0, alone);
    for (int i = 0; i < 3; i++)
        y = ct_add(y, ct_sum(ct_scale(v[i], 3)));
    ct_grad(y, NULL, v, 3, 0, both);
    for (int i = 0; i < 3; i++)
        expect_close(both[i], ct_shift(alone[i], 3), 4);
}
END_TEST

START_TEST(the_same_from_any_kernel_and_threads)
{
    ct_tensor *v[] = { ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(513, 101))),
                       ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(101))),
                       ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(101))) };
    ct_tensor *gy = ct_randn(cx, CT_F32, CT_SHAPE(513, 101)), *g[3], *h[3], *u[3];
    ct_tensor *y = ct_layer_norm(v[0], CT_SHAPE(101), v[1], v[2], 1e-5);
    ct_grad(y, gy, v, 3, 0, g);
    for (int simd = CT_SIMD_PLAIN; simd <= CT_SIMD_AVX512; simd++)
        for (int threads = 1; threads <= 4; threads++) {
            ct_context *c = ct_context_new(&(ct_context_options){ .simd = (ct_simd)simd,
                                                                  .threads = threads });
            for (int i = 0; i < 3; i++)
                u[i] = ct_variable(ct_share(c, ct_detach(v[i])));
            ct_tensor *z = ct_layer_norm(u[0], CT_SHAPE(101), u[1], u[2], 1e-5);
            ct_grad(z, ct_share(c, gy), u, 3, 0, h);
            double units = ct_simd_of(c) == ct_simd_of(cx) ? 0 : 8;
            expect_close(y, ct_share(cx, ct_detach(z)), units);
            for (int i = 0; i < 3; i++)
                expect_close(g[i], ct_share(cx, h[i]), units);
            ct_context_free(c);
        }
    expect_ok();
}
END_TEST

START_TEST(some_gradients_only)
{
    ct_tensor *x = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(3, 4))), *all[3], *one;
    ct_tensor *w = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(4)));
    ct_tensor *b = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(4))), *v[] = { x, w, b };
    ct_tensor *y = ct_sum(ct_square(ct_layer_norm(x, CT_SHAPE(4), w, b, 1e-5)));
    ct_grad(y, NULL, v, 3, 0, all);
    for (int i = 0; i < 3; i++) {
        ct_grad(y, NULL, &v[i], 1, 0, &one);
        expect_close(one, all[i], 2);
    }
}
END_TEST

START_TEST(what_is_wrong)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), *w = ct_ones(cx, CT_F32, CT_SHAPE(3));
    ck_assert_ptr_null(ct_layer_norm(x, CT_SHAPE(4), NULL, NULL, 1e-5));
    expect_error(CT_ERROR_SHAPE, "layer_norm", "(2,3)", NULL);
    ck_assert_ptr_null(ct_layer_norm(x, CT_SHAPE(1, 2, 3), NULL, NULL, 1e-5));
    expect_error(CT_ERROR_SHAPE, "layer_norm", "3 axes", NULL);
    ck_assert_ptr_null(ct_layer_norm(x, CT_SHAPE(2, 3), w, NULL, 1e-5));
    expect_error(CT_ERROR_SHAPE, "layer_norm", "weight", "(2,3) x (3)", NULL);
    ck_assert_ptr_null(ct_layer_norm(x, NULL, 0, NULL, NULL, 1e-5));
    expect_error(CT_ERROR_NULL, "layer_norm", NULL);
    ck_assert_ptr_null(ct_layer_norm(x, CT_SHAPE(3), w, w, -1));
    expect_error(CT_ERROR_VALUE, "layer_norm", "epsilon is -1", NULL);
    ck_assert_ptr_null(ct_layer_norm(x, CT_SHAPE(3), ct_cast(w, CT_F64), NULL, 1e-5));
    expect_error(CT_ERROR_DTYPE, "layer_norm", "ct_cast", NULL);
    ck_assert_ptr_null(ct_layer_norm(x, CT_SHAPE(3), w, ct_reshape(w, CT_SHAPE(4)), 1e-5));
    expect_error(CT_ERROR_SHAPE, "reshape", NULL); /* the bias failed: none is not what was meant */
    ck_assert_ptr_null(ct_layer_norm(NULL, CT_SHAPE(3), w, NULL, 1e-5));
    expect_error(CT_ERROR_NULL, "layer_norm", NULL);
}
END_TEST

/* rms_norm: rows of any size, in pieces, and its parts */
START_TEST(without_the_mean)
{
    static const double scales[] = { 1, 0x1p100, 0x1p-100, 0x1p126 };
    for (int k = 0; k < 4; k++)
        for (int64_t n = 3; n < 3000; n = 3 * n + 1) {
            ct_tensor *x = ct_shift(ct_rand(cx, CT_F32, CT_SHAPE(4, n)), 0.1), *g[2], *h[2];
            ct_tensor *v[] = { ct_variable(ct_detach(ct_scale(x, scales[k]))),
                               ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(n))) };
            ct_tensor *d[] = { ct_variable(ct_cast(x, CT_F64)),
                               ct_variable(ct_cast(ct_detach(v[1]), CT_F64)) };
            ct_tensor *gy = ct_randn(cx, CT_F32, CT_SHAPE(4, n));
            ct_tensor *z = ct_mean_over(ct_square(d[0]), CT_AXES(-1), CT_KEEPDIMS);
            z = ct_mul(ct_div(d[0], ct_sqrt(z)), d[1]);
            ct_grad(z, ct_cast(gy, CT_F64), d, 2, 0, h);
            ct_tensor *y = ct_rms_norm(v[0], CT_SHAPE(n), v[1], 0);
            expect_close(y, ct_cast(z, CT_F32), 8);
            for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
                ct_grad(y, gy, v, 2, flags, g);
                expect_close(ct_scale(g[0], scales[k]), ct_cast(h[0], CT_F32), 32);
                expect_close(g[1], ct_cast(h[1], CT_F32), 32);
            }
        }
    expect_ok();
}
END_TEST

Suite *layer_norm_suite(void);
Suite *layer_norm_suite(void)
{
    return make_suite("layer_norm", (const TTest *const[]){
        is_what_it_is_made_of, over_several_axes_of_any_strides, far_from_zero,
        a_sum_that_rounds_by_more_than_the_spread,
        right_to_rounding_wherever_the_row_lies, epsilon_beside_tiny_rows,
        sums_over_many_rows_keep_their_digits, adds_to_other_uses,
        the_same_from_any_kernel_and_threads, some_gradients_only, what_is_wrong,
        without_the_mean, NULL });
}
