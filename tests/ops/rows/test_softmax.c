/* softmax, log_softmax and logsumexp, against plain loops in double without a shift. */
#include "support.h"

enum { COUNT = 24 };
static const int64_t shape[] = { 2, 3, 4 }, row_major[] = { 12, 4, 1 };
static double memory[2 * COUNT];

static ct_tensor *input(ct_dtype dtype, const int64_t *strides)
{
    static float singles[2 * COUNT];
    for (int i = 0; i < 2 * COUNT; i++) {
        memory[i] = 0.25 * (i * 7 % 13) - 1.5;
        singles[i] = (float)memory[i];
    }
    void *first = dtype == CT_F32 ? (void *)singles : (void *)memory;
    return ct_borrow(cx, dtype, shape, 3, first, &(ct_borrow_options){ .strides = strides });
}

/* is j on the same line along `axis` as i? */
static bool in_line(int i, int j, int axis)
{
    int64_t inner = row_major[axis];
    return i % inner == j % inner && i / (inner * shape[axis]) == j / (inner * shape[axis]);
}

static void plain_softmax(const double *x, int axis, double *y)
{
    for (int i = 0; i < COUNT; i++) {
        double sum = 0;
        for (int j = 0; j < COUNT; j++)
            sum += in_line(i, j, axis) ? exp(x[j]) : 0;
        y[i] = exp(x[i]) / sum;
    }
}

/* gx_k = sum_i gy_i dy_i/dx_k, entry by entry of the Jacobian */
static void plain_gradients(const double *y, const double *gy, int axis, double *soft, double *log)
{
    for (int k = 0; k < COUNT; k++) {
        soft[k] = log[k] = 0;
        for (int i = 0; i < COUNT; i++) {
            double by = in_line(i, k, axis) ? (i == k) - y[k] : 0;
            soft[k] += gy[i] * y[i] * by;
            log[k] += gy[i] * by;
        }
    }
}

static void check_axis(ct_dtype dtype, const int64_t *strides, int axis)
{
    static const int64_t across[] = { 1, 2, 6 };
    double x[COUNT], y[COUNT], z[COUNT], gy[COUNT], soft[COUNT], log_soft[COUNT];
    double tolerance = dtype == CT_F32 ? 3e-6 : 2e-15;
    ct_tensor *t = ct_variable(input(dtype, strides)), *g = input(dtype, across), *gx;
    ct_to_doubles(t, x, COUNT);
    ct_to_doubles(g, gy, COUNT);
    plain_softmax(x, axis, y);
    plain_gradients(y, gy, axis, soft, log_soft);
    for (int i = 0; i < COUNT; i++)
        z[i] = log(y[i]);
    expect_values(ct_softmax(t, axis), y, COUNT, tolerance);
    expect_values(ct_log_softmax(t, axis - 3), z, COUNT, tolerance);
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_grad(ct_softmax(t, axis), g, &t, 1, flags, &gx);
        expect_values(gx, soft, COUNT, tolerance);
        ct_grad(ct_log_softmax(t, axis), g, &t, 1, flags, &gx);
        expect_values(gx, log_soft, COUNT, 2 * tolerance);
    }
}

START_TEST(any_axis_and_any_strides)
{
    static const int64_t layouts[][3] = { { 12, 4, 1 }, { 1, 2, 6 }, { 24, 8, 2 }, { 0, 4, 1 } };
    for (int k = 0; k < 4; k++)
        for (int axis = 0; axis < 3; axis++) {
            check_axis(CT_F64, layouts[k], axis);
            check_axis(CT_F32, layouts[k], axis);
        }
}
END_TEST

START_TEST(adds_to_other_uses)
{
    ct_tensor *x = ct_variable(input(CT_F64, NULL)), *gy = ct_randn(cx, CT_F64, shape, 3);
    ct_tensor *(*const f[])(ct_tensor *, int) = { ct_softmax, ct_log_softmax };
    for (int k = 0; k < 2; k++) {
        ct_tensor *alone, *both;
        ct_grad(f[k](x, 1), gy, &x, 1, 0, &alone);
        ct_grad(ct_add(f[k](x, 1), ct_scale(x, 2)), gy, &x, 1, 0, &both);
        expect_close(both, ct_add(alone, ct_scale(gy, 2)), 4);
    }
}
END_TEST

START_TEST(far_out)
{
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++) {
        ct_tensor *x = ct_variable(ct_from_doubles(cx, (ct_dtype)dtype, CT_SHAPE(2, 3),
                                                   CT_DOUBLES(1e4, 0, -1e4, -1e4, -1e4, -1e4)));
        ct_tensor *gx, *gy = ct_from_doubles(cx, (ct_dtype)dtype, CT_SHAPE(2, 3),
                                             CT_DOUBLES(0, 0, 1, 0, 0, 0));
        double third = 1 / 3.;
        expect_values(ct_softmax(x, 1), CT_DOUBLES(1, 0, 0, third, third, third), 1e-7);
        expect_values(ct_log_softmax(x, 1),
                      CT_DOUBLES(0, -1e4, -2e4, -log(3), -log(3), -log(3)), 1e-7);
        expect_values(ct_logsumexp_over(x, CT_AXES(1), 0), CT_DOUBLES(1e4, log(3) - 1e4), 1e-3);
        ct_grad(ct_log_softmax(x, 1), gy, &x, 1, 0, &gx);
        expect_values(gx, CT_DOUBLES(-1, 0, 1, 0, 0, 0), 0);
    }
}
END_TEST

/* an entry of -inf is one that is left out: attention masks are made so */
START_TEST(left_out_entries)
{
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++) {
        ct_tensor *x = ct_variable(ct_from_doubles(cx, (ct_dtype)dtype, CT_SHAPE(3),
                                                   CT_DOUBLES(0, -INFINITY, 0)));
        ct_tensor *gx, *gy = ct_from_doubles(cx, (ct_dtype)dtype, CT_SHAPE(3), CT_DOUBLES(1, 5, 0));
        expect_values(ct_log_softmax(x, 0), CT_DOUBLES(-log(2), -INFINITY, -log(2)), 1e-7);
        for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
            ct_grad(ct_softmax(x, 0), gy, &x, 1, flags, &gx);
            expect_values(gx, CT_DOUBLES(0.25, 0, -0.25), 1e-7);
            ct_grad(ct_logsumexp(x), NULL, &x, 1, flags, &gx);
            expect_values(gx, CT_DOUBLES(0.5, 0, 0.5), 1e-7);
        }
    }
}
END_TEST

START_TEST(logsumexp_of_infinities)
{
    ct_tensor *x = ct_variable(ct_from_doubles(
        cx, CT_F64, CT_SHAPE(4, 2),
        CT_DOUBLES(-INFINITY, -INFINITY, INFINITY, 1, INFINITY, -INFINITY, NAN, 1)));
    ct_tensor *y = ct_logsumexp_over(x, CT_AXES(1), 0), *gx;
    expect_values(y, CT_DOUBLES(-INFINITY, INFINITY, INFINITY, NAN), 0);
    y = ct_logsumexp_over(ct_slice(x, 0, 0, 1, 1), CT_AXES(1), 0);
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_grad(y, NULL, &x, 1, flags, &gx);
        expect_values(gx, CT_DOUBLES(0, 0, 0, 0, 0, 0, 0, 0), 0);
    }
}
END_TEST

/* an infinity beside elements whose exponentials overflow, in lines of several blocks; a NaN */
START_TEST(logsumexp_beside_infinity)
{
    enum { N = 9000 };
    double values[3 * N], want[] = { INFINITY, INFINITY, NAN };
    for (int i = 0; i < 3 * N; i++)
        values[i] = i % 7 == 0 ? 300 : -300;
    values[10] = values[N + 8000] = values[2 * N + 10] = INFINITY;
    values[2 * N + 5000] = NAN;
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++) {
        ct_tensor *x = ct_from_doubles(cx, (ct_dtype)dtype, CT_SHAPE(3, N), values, 3 * N);
        expect_values(ct_logsumexp_over(x, CT_AXES(1), 0), want, 3, 0);
        x = ct_contiguous(ct_transpose(x));
        expect_values(ct_logsumexp_over(x, CT_AXES(0), 0), want, 3, 0);
    }
}
END_TEST

START_TEST(logsumexp_has_softmax_as_gradient)
{
    static const int64_t strides[] = { 1, 2, 6 };
    for (int axis = 0; axis < 3; axis++)
        for (unsigned keep = 0; keep <= CT_KEEPDIMS; keep++) {
            double x[COUNT], y[COUNT];
            ct_tensor *t = ct_variable(input(CT_F64, strides)), *gx, *both;
            ct_to_doubles(t, x, COUNT);
            plain_softmax(x, axis, y);
            ct_tensor *sum = ct_sum(ct_logsumexp_over(t, CT_AXES(axis), keep));
            ct_grad(sum, NULL, &t, 1, 0, &gx);
            expect_values(gx, y, COUNT, 1e-15);
            ct_grad(ct_add(sum, ct_sum(ct_scale(t, 3))), NULL, &t, 1, 0, &both);
            expect_close(both, ct_shift(gx, 3), 4);
        }
}
END_TEST

/* added one by one in f32, 100,000 equal terms end 0.1 % off; in blocks, within a few roundings */
START_TEST(long_sums_keep_their_digits)
{
    enum { N = 100000 };
    ct_tensor *x = ct_variable(ct_full(cx, CT_F32, CT_SHAPE(N), 0.1)), *gx;
    ct_tensor *column = ct_full(cx, CT_F32, CT_SHAPE(N, 1), 0.1);
    ck_assert_double_eq_tol(ct_at(ct_softmax(x, 0), CT_INDEX(0)) * N, 1, 1e-6);
    ck_assert_double_eq_tol(ct_item(ct_logsumexp(x)), 0.1 + log(N), 2e-6);
    expect_values(ct_logsumexp_over(column, CT_AXES(0), 0), CT_DOUBLES(0.1 + log(N)), 2e-6);
    ct_tensor *exact = ct_full(cx, CT_F64, CT_SHAPE(N), -0.1);
    ct_set(exact, CT_INDEX(0), 0);
    ck_assert_double_eq_tol(ct_item(ct_logsumexp(exact)), log(1 + (N - 1) * exp(-0.1)), 4e-15);
    ct_tensor *gy = ct_full(cx, CT_F32, CT_SHAPE(N), 0.3);
    ct_grad(ct_softmax(x, 0), gy, &x, 1, 0, &gx);
    ck_assert_double_eq_tol(ct_at(gx, CT_INDEX(0)) * N, 0, 1e-6);
    ct_grad(ct_log_softmax(x, 0), gy, &x, 1, 0, &gx);
    ck_assert_double_eq_tol(ct_at(gx, CT_INDEX(0)), 0, 1e-6);
}
END_TEST

/* one line is far longer than a block; its strides are those of a column */
START_TEST(long_columns)
{
    enum { N = 1000 };
    ct_tensor *x = ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(N, 2))), *g, *h;
    ct_tensor *gy = ct_randn(cx, CT_F32, CT_SHAPE(N, 2)), *gt = ct_contiguous(ct_transpose(gy));
    ct_set(ct_detach(x), CT_INDEX(-1, 0), 500);
    ct_tensor *t = ct_variable(ct_detach(ct_contiguous(ct_transpose(x))));
    ct_tensor *(*const f[])(ct_tensor *, int) = { ct_softmax, ct_log_softmax };
    for (int k = 0; k < 2; k++) {
        ct_tensor *y = f[k](x, 0), *z = f[k](t, 1);
        expect_close(ct_transpose(y), z, 4);
        ct_grad(y, gy, &x, 1, 0, &g);
        ct_grad(z, gt, &t, 1, 0, &h);
        expect_close(ct_transpose(g), h, 32);
    }
    ct_tensor *y = ct_logsumexp_over(x, CT_AXES(0), 0);
    ck_assert_double_eq(ct_at(y, CT_INDEX(0)), 500);
    expect_close(y, ct_logsumexp_over(t, CT_AXES(1), 0), 4);
}
END_TEST

/* -- One element that is far larger than all others. What these add up to is what the logarithm of
 * the sum, and 1 less the largest probability, consist of: rounded sums have lost it */
enum { MANY = 1500 };

static void expect_relative(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * fabs(want)))
        ck_abort_msg("%.17g, should be %.17g", got, want);
}

/* the row lies along `axis` of (1,n) or (n,3); the first and second derivatives by its largest */
static void expect_digits(ct_tensor *x, int axis, int at, double rest, double tolerance)
{
    ct_tensor *g, *h, *label = ct_full(cx, CT_I64, CT_SHAPE(ct_size(x, 1 - axis)), at);
    double second = rest / ((1 + rest) * (1 + rest));
    for (int k = 0; k < 3; k++) {
        ct_variable(x);
        ct_tensor *z = ct_select(ct_log_softmax(x, axis), axis, at);
        ct_tensor *y = k == 0   ? ct_sum(ct_logsumexp_over(x, CT_AXES(axis), 0))
                       : k == 1 ? ct_neg(ct_sum(z))
                                : ct_sum(ct_cross_entropy_each(axis ? x : ct_transpose(x), label));
        double count = (double)ct_count(z), sign = k == 0 ? 1 : -1;
        expect_relative(ct_item(y) / count, log1p(rest), tolerance);
        for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
            ct_grad(y, NULL, &x, 1, flags, &g);
            g = ct_sum(ct_select(g, axis, at));
            expect_relative(ct_item(g) / count, k == 0 ? 1 / (1 + rest) : sign * rest / (1 + rest),
                            tolerance);
        }
        for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
            ct_grad(g, NULL, &x, 1, flags, &h);
            expect_relative(ct_item(ct_sum(ct_select(h, axis, at))) / count, second, tolerance);
        }
    }
}

START_TEST(beside_one_that_is_far_larger)
{
    if (!has_long_double())
        return;
    static const int lengths[] = { 2, 10, 33, 130, MANY };
    static const double gaps[] = { 3, 17, 40, 80, 300, 700 };
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++)
        for (int k = 0; k < 30; k++) {
            int n = lengths[k % 5], at = k * 7 % n;
            double gap = gaps[k / 5], values[MANY];
            long double rest = 0;
            if (dtype == CT_F32 && gap > 80)
                continue;
            ct_scope scope = ct_scope_begin(cx);
            for (int i = 0; i < n; i++)
                values[i] = i == at ? 0 : -gap - i % 3;
            for (int i = 0; i < n; i++)
                rest += i == at ? 0 : expl(values[i]);
            ct_tensor *row = ct_from_doubles(cx, (ct_dtype)dtype, CT_SHAPE(1, n), values, n);
            ct_tensor *columns = ct_contiguous(ct_transpose(ct_expand(row, CT_SHAPE(3, n))));
            /* second derivatives read e^z, and z is as large as the gap, and rounded */
            double tolerance = (dtype == CT_F32 ? 1e-7 : 2e-16) * (16 + gap);
            expect_digits(ct_detach(row), 1, at, (double)rest, tolerance);
            expect_digits(ct_detach(columns), 0, at, (double)rest, tolerance);
            ct_scope_end(cx, scope);
        }
    expect_ok();
}
END_TEST

/* y is rounded by more than what the gradient is to be exact to: what was rounded off is kept */
START_TEST(logsumexp_of_large_numbers_has_its_gradient)
{
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++) {
        double large = dtype == CT_F32 ? 1e7 : 1e300;
        ct_tensor *x = ct_variable(ct_full(cx, (ct_dtype)dtype, CT_SHAPE(3, 2, 2), large)), *gx;
        for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
            ct_grad(ct_sum(ct_logsumexp_over(x, CT_AXES(0, 2), 0)), NULL, &x, 1, flags, &gx);
            double sixth = 1 / 6.;
            ck_assert_double_eq_tol(ct_item(ct_max(gx)), sixth, 1e-7);
            ck_assert_double_eq_tol(ct_item(ct_min(gx)), sixth, 1e-7);
        }
    }
}
END_TEST

/* -- Kernels */
/* values and gradients along each axis of views of x (contiguous, transposed, with gaps) under
 * cotangents that lie as x does, otherwise, and repeat */
static int of_views(ct_context *c, ct_tensor *x, ct_tensor **y)
{
    static const int64_t layouts[][3] = { { 2211, 67, 1 }, { 1, 33, 5 * 33 }, { 4422, 134, 2 } };
    static const int64_t across[][3] = { { 2211, 67, 1 }, { 1, 335, 5 }, { 0, 0, 0 } };
    ct_tensor *(*const f[])(ct_tensor *, int) = { ct_softmax, ct_log_softmax };
    int n = 0;
    for (int k = 0; k < 3; k++) {
        ct_tensor *v = ct_variable(ct_borrow(c, ct_dtype_of(x), CT_SHAPE(5, 33, 67),
                                             (void *)(uintptr_t)ct_data(x),
                                             &(ct_borrow_options){ .strides = layouts[k] }));
        for (int g = 0; g < 3; g++) {
            ct_tensor *gy = ct_borrow(c, ct_dtype_of(x), CT_SHAPE(5, 33, 67),
                                      (void *)(uintptr_t)ct_data(x),
                                      &(ct_borrow_options){ .strides = across[g] });
            for (int axis = 0; axis < 3; axis++)
                for (int i = 0; i < 2; i++) {
                    y[n++] = f[i](v, axis);
                    ct_grad(y[n - 1], gy, &v, 1, 0, &y[n]);
                    n++;
                }
        }
    }
    return n;
}

START_TEST(the_same_from_any_kernel_and_threads)
{
    enum { MOST = 108 };
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++) {
        ct_tensor *x = ct_randn(cx, (ct_dtype)dtype, CT_SHAPE(2 * 5 * 33 * 67)), *y[MOST], *z[MOST];
        ck_assert_int_eq(of_views(cx, x, y), MOST);
        for (int simd = CT_SIMD_PLAIN; simd <= CT_SIMD_AVX512; simd++) {
            ct_context *c = ct_context_new(&(ct_context_options){ .simd = (ct_simd)simd,
                                                                  .threads = 3 });
            of_views(c, ct_share(c, x), z);
            ck_assert_msg(ct_error(c) == CT_OK, "%s", ct_error_text(c));
            bool alike = ct_simd_of(c) == ct_simd_of(cx);
            for (int i = 0; i < MOST; i++) {
                ct_tensor *w = ct_share(cx, z[i]);
                if (i % 2 && !alike) /* what a gradient sums up may cancel: it is of size 1 */
                    expect_close(ct_shift(y[i], 1), ct_shift(w, 1), 16);
                else
                    expect_close(y[i], w, alike ? 0 : 4);
            }
            ct_context_free(c);
        }
    }
    expect_ok();
}
END_TEST

/* rows of every length against rows of double */
START_TEST(rows_of_every_length)
{
    for (int64_t n = 1; n < 1100; n += n < 140 ? 1 : 97) {
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *x = ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(3, n))), *gx, *gd;
        ct_tensor *gy = ct_randn(cx, CT_F32, CT_SHAPE(3, n)), *d = ct_cast(ct_detach(x), CT_F64);
        ct_tensor *(*const f[])(ct_tensor *, int) = { ct_softmax, ct_log_softmax };
        ct_variable(d);
        for (int i = 0; i < 2; i++) {
            ct_tensor *y = f[i](x, 1), *exact = f[i](d, 1);
            expect_close(y, ct_cast(exact, CT_F32), 4);
            ct_grad(y, gy, &x, 1, 0, &gx);
            ct_grad(exact, ct_cast(gy, CT_F64), &d, 1, 0, &gd);
            expect_close(gx, ct_cast(gd, CT_F32), 16);
        }
        expect_close(ct_logsumexp_over(x, CT_AXES(1), 0),
                     ct_cast(ct_logsumexp_over(d, CT_AXES(1), 0), CT_F32), 4);
        ct_scope_end(cx, scope);
    }
    expect_ok();
}
END_TEST

START_TEST(small_shapes)
{
    expect_values(ct_softmax(ct_ones(cx, CT_F32, CT_SHAPE(1)), -1), CT_DOUBLES(1), 0);
    expect_shape(ct_softmax(ct_ones(cx, CT_F32, CT_SHAPE(2, 0)), 1), CT_SHAPE(2, 0));
    expect_shape(ct_log_softmax(ct_ones(cx, CT_F32, CT_SHAPE(0, 2)), 1), CT_SHAPE(0, 2));
    expect_ok();
}
END_TEST

START_TEST(what_is_wrong)
{
    ct_tensor *x = ct_named(ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), "logits");
    ck_assert_ptr_null(ct_softmax(x, 2));
    expect_error(CT_ERROR_RANGE, "softmax", "axis 2", "logits (2,3)", NULL);
    ck_assert_ptr_null(ct_log_softmax(x, -3));
    expect_error(CT_ERROR_RANGE, "log_softmax", "axis -3", "(2,3)", NULL);
    ck_assert_ptr_null(ct_softmax(ct_scalar(cx, CT_F64, 3), 0));
    expect_error(CT_ERROR_RANGE, "softmax", "axis 0", NULL);
    ck_assert_ptr_null(ct_softmax(ct_range(cx, CT_I64, 3), 0));
    expect_error(CT_ERROR_DTYPE, "softmax", "i64", "ct_cast", NULL);
    ck_assert_ptr_null(ct_softmax(NULL, 0));
    expect_ok();
}
END_TEST

/* of columns, whose cotangent is one number that is repeated: it is laid out first */
static void use_columns(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(3, 4)));
    ct_backward(ct_sum(ct_softmax(x, 0)));
    ct_backward(ct_sum(ct_log_softmax(x, 0)));
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_columns);
}
END_TEST

Suite *softmax_suite(void)
{
    const TTest *const tests[] = {
        any_axis_and_any_strides, adds_to_other_uses, far_out, left_out_entries,
        logsumexp_of_infinities, logsumexp_beside_infinity, logsumexp_has_softmax_as_gradient,
        long_sums_keep_their_digits, long_columns, beside_one_that_is_far_larger,
        logsumexp_of_large_numbers_has_its_gradient, the_same_from_any_kernel_and_threads,
        rows_of_every_length, small_shapes, what_is_wrong, out_of_memory, NULL
    };
    return make_suite("softmax", tests);
}
