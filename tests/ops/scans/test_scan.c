/* Scans, against plain loops, along each axis of any layout; long ones; infinities and NaN. */
#include "support.h"

enum { COUNT = 24 };
static const int64_t shape[] = { 2, 3, 4 };

/* -- The plain loops: y_i of x_0, ..., x_i */
static double plain_cumsum(const double *x, int i)
{
    return (i > 0 ? plain_cumsum(x, i - 1) : 0) + x[i];
}

static double plain_cumprod(const double *x, int i)
{
    return (i > 0 ? plain_cumprod(x, i - 1) : 1) * x[i];
}

static double plain_logcumsumexp(const double *x, int i)
{
    return log((i > 0 ? exp(plain_logcumsumexp(x, i - 1)) : 0) + exp(x[i]));
}

static double plain_cummax(const double *x, int i)
{
    return i > 0 ? fmax(plain_cummax(x, i - 1), x[i]) : x[i];
}

static double plain_cummin(const double *x, int i)
{
    return i > 0 ? fmin(plain_cummin(x, i - 1), x[i]) : x[i];
}

static ct_tensor *cummax(ct_tensor *x, int axis)
{
    ct_tensor *y;
    ct_cummax(x, axis, &y, NULL);
    return y;
}

static ct_tensor *cummin(ct_tensor *x, int axis)
{
    ct_tensor *y, *at;
    ct_cummin(x, axis, &y, &at);
    expect_close(y, ct_gather(x, axis, at), 0);
    return y;
}

static const struct {
    const char *name;
    ct_tensor *(*run)(ct_tensor *x, int axis);
    double (*plain)(const double *x, int i);
} table[] = {
    { "cumsum", ct_cumsum, plain_cumsum },
    { "cumprod", ct_cumprod, plain_cumprod },
    { "logcumsumexp", ct_logcumsumexp, plain_logcumsumexp },
    { "cummax", cummax, plain_cummax },
    { "cummin", cummin, plain_cummin },
};
enum { ROWS = sizeof table / sizeof *table };

static void check_axis(int row, ct_tensor *x, int axis)
{
    static const int steps[] = { 12, 4, 1 };
    double values[COUNT], line[4], want[COUNT];
    ct_to_doubles(x, values, COUNT);
    for (int i = 0; i < COUNT; i++) {
        int at = i / steps[axis] % (int)shape[axis];
        for (int k = 0; k <= at; k++)
            line[k] = values[i - (at - k) * steps[axis]];
        want[i] = table[row].plain(line, at);
    }
    ct_tensor *y = table[row].run(x, axis);
    expect_shape(y, shape, 3);
    expect_values(y, want, COUNT, ct_dtype_of(x) == CT_F32 ? 2e-6 : 2e-15);
    expect_close(table[row].run(x, axis - 3), y, 0);
}

START_TEST(every_axis_of_any_strides)
{
    static const int64_t layouts[][4] = { { 0, 12, 4, 1 }, { 0, 1, 2, 6 }, { 0, 24, 8, 2 },
                                          { 47, -12, -4, -1 }, { 3, 0, 4, 1 }, { 0, 4, 8, 1 } };
    static double memory[2 * COUNT];
    static float singles[2 * COUNT];
    for (int i = 0; i < 2 * COUNT; i++) {
        memory[i] = 0.25 * (i * 7 % 13) - 1.5;
        singles[i] = (float)memory[i];
    }
    for (int k = 0; k < 12; k++) {
        const int64_t *l = layouts[k / 2];
        void *first = k % 2 ? (void *)(singles + l[0]) : (void *)(memory + l[0]);
        ct_tensor *x = ct_borrow(cx, k % 2 ? CT_F32 : CT_F64, shape, 3, first,
                                 &(ct_borrow_options){ .strides = l + 1 });
        for (int row = 0; row < ROWS; row++)
            for (int axis = 0; axis < 3; axis++)
                check_axis(row, x, axis);
    }
    expect_ok();
}
END_TEST

/* lines side by side and one after another */
START_TEST(many_lines)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(50, 21));
    for (int row = 0; row < ROWS; row++) {
        ct_tensor *rows = table[row].run(x, 1);
        ct_tensor *columns = table[row].run(ct_contiguous(ct_transpose(x)), 0);
        expect_close(ct_transpose(columns), rows, 0);
        for (int i = 0; i < 50; i += 7)
            expect_close(table[row].run(ct_select(x, 0, i), 0), ct_select(rows, 0, i), 0);
    }
}
END_TEST

START_TEST(integers_and_bools)
{
    ct_tensor *x = ct_from_ints(cx, CT_SHAPE(4), CT_INTS(5, INT64_MAX, 1, INT64_MIN)), *y, *at;
    const int64_t *sums = ct_data_i64(ct_cumsum(x, 0));
    ck_assert(sums[0] == 5 && sums[1] == INT64_MIN + 4 && sums[2] == INT64_MIN + 5 && sums[3] == 5);
    ct_cummax(x, 0, &y, &at);
    ck_assert(ct_data_i64(y)[0] == 5 && ct_data_i64(y)[3] == INT64_MAX);
    expect_values(at, CT_DOUBLES(0, 1, 1, 1), 0);
    ct_cummin(ct_from_doubles(cx, CT_BOOL, CT_SHAPE(3), CT_DOUBLES(1, 0, 1)), 0, &y, &at);
    expect_values(y, CT_DOUBLES(1, 0, 0), 0);
    expect_values(at, CT_DOUBLES(0, 1, 1), 0);
    expect_ok();
}
END_TEST

/* -- Extremes */
START_TEST(ties_and_nan)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(6), CT_DOUBLES(1, 1, 0, 1, 2, 0)), *y, *at;
    x = ct_variable(x);
    ck_assert_int_eq(ct_cummax(x, 0, &y, &at), CT_OK);
    expect_values(at, CT_DOUBLES(0, 1, 1, 3, 4, 4), 0);
    ck_assert(ct_requires_grad(y) && !ct_requires_grad(at));
    ct_tensor *g, *gy = ct_shift(ct_range(cx, CT_F64, 6), 1);
    ct_grad(y, gy, &x, 1, 0, &g);
    expect_values(g, CT_DOUBLES(1, 2 + 3, 0, 4, 5 + 6, 0), 0);
    x = ct_from_doubles(cx, CT_F32, CT_SHAPE(5), CT_DOUBLES(1, NAN, 3, NAN, INFINITY));
    ct_cummin(x, 0, &y, &at);
    expect_values(y, CT_DOUBLES(1, NAN, NAN, NAN, NAN), 0);
    expect_values(at, CT_DOUBLES(0, 1, 1, 3, 3), 0);
    ct_cummax(ct_full(cx, CT_F64, CT_SHAPE(2), -INFINITY), 0, NULL, &at);
    expect_values(at, CT_DOUBLES(0, 1), 0);
    expect_ok();
}
END_TEST

/* -- Long scans */
START_TEST(long_sums)
{
    if (!has_long_double())
        return;
    enum { N = 200000 };
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++) {
        ct_tensor *whole = ct_randint(cx, 1, (int64_t)1 << 40, CT_SHAPE(N)), *g;
        ct_tensor *x = ct_scale(ct_cast(whole, (ct_dtype)dtype), 0x1p-40);
        x = ct_variable(ct_detach(x)); /* so that the sum below is exact */
        double *values = malloc(N * sizeof *values), *y = malloc(N * sizeof *y);
        double eps = dtype == CT_F32 ? 0x1p-24 : 0x1p-53;
        long double sum = 0;
        ct_to_doubles(x, values, N);
        ct_to_doubles(ct_cumsum(x, 0), y, N);
        for (int i = 0; i < N; i++) {
            sum += values[i];
            if (!(fabsl(y[i] / sum - 1) <= 1.01 * eps))
                ck_abort_msg("cumsum %d: %g, should be %Lg", i, y[i], sum);
        }
        ct_grad(ct_cumsum(x, 0), ct_detach(x), &x, 1, 0, &g);
        ck_assert_double_le(fabs(ct_at(g, CT_INDEX(0)) / (double)sum - 1), eps);
        ct_tensor *logs = ct_logcumsumexp(ct_log(ct_detach(x)), 0);
        ck_assert_double_le(fabs(ct_at(logs, CT_INDEX(N - 1)) - log((double)sum)), 17 * eps);
        free(values), free(y);
    }
}
END_TEST

/* x grows by a little from each to the next: so does the shift. Sum of e^(i/s) as a geometric sum
 */
START_TEST(logcumsumexp_of_growing_numbers)
{
    enum { N = 30000 };
    ct_tensor *x = ct_linspace(cx, CT_F64, 0, 600, N + 1), *y = ct_logcumsumexp(x, 0);
    double s = 600. / N, want = 600 - log(-expm1(-s)) + log(-expm1(-s * (N + 1)));
    ck_assert_double_le(fabs(ct_at(y, CT_INDEX(N)) - want), 3e-13);
}
END_TEST

/* gx_0 = sum of e^(x_0 - y_j) = sum of 1 / (j + 1), for equal x */
START_TEST(logcumsumexp_has_its_gradient)
{
    enum { N = 100000 };
    double sum = 0;
    for (int j = N; j > 0; j--)
        sum += 1. / j;
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++) {
        ct_tensor *x = ct_variable(ct_full(cx, (ct_dtype)dtype, CT_SHAPE(N), -1000)), *g;
        ct_grad(ct_sum(ct_logcumsumexp(x, 0)), NULL, &x, 1, 0, &g);
        double eps = dtype == CT_F32 ? 0x1p-24 : 0x1p-53;
        ck_assert_double_le(fabs(ct_at(g, CT_INDEX(0)) / sum - 1), 1000 * eps);
    }
}
END_TEST

START_TEST(infinities)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(4), CT_DOUBLES(-INFINITY, -INFINITY, 1, 1));
    x = ct_variable(x);
    double e = log(2) + 1;
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_tensor *y = ct_logcumsumexp(x, 0), *g;
        expect_values(y, CT_DOUBLES(-INFINITY, -INFINITY, 1, e), 1e-15);
        ct_grad(ct_sum(y), NULL, &x, 1, flags, &g);
        expect_values(g, CT_DOUBLES(0, 0, 1.5, 0.5), 1e-15);
        ct_tensor *far = ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(1, INFINITY));
        far = ct_variable(far);
        ct_grad(ct_sum(ct_logcumsumexp(far, 0)), NULL, &far, 1, flags, &g);
        expect_values(g, CT_DOUBLES(1, NAN), 1e-15);
    }
    x = ct_from_doubles(cx, CT_F64, CT_SHAPE(4), CT_DOUBLES(1, INFINITY, -INFINITY, NAN));
    expect_values(ct_logcumsumexp(x, 0), CT_DOUBLES(1, INFINITY, INFINITY, NAN), 0);
    expect_values(ct_cumsum(x, 0), CT_DOUBLES(1, INFINITY, NAN, NAN), 0);
    x = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(1e308, 1e308, -1e308));
    expect_values(ct_logcumsumexp(x, 0), CT_DOUBLES(1e308, 1e308, 1e308), 0);
    expect_values(ct_cumsum(ct_neg(x), 0), CT_DOUBLES(-1e308, -INFINITY, -INFINITY), 0);
    x = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(-1000, 0, 1000)));
    ct_tensor *g;
    ct_grad(ct_sum(ct_logcumsumexp(x, 0)), NULL, &x, 1, 0, &g);
    expect_values(g, CT_DOUBLES(1, 1, 1), 1e-15);
    expect_ok();
}
END_TEST

/* -- Errors */
START_TEST(of_nothing)
{
    ct_tensor *x = ct_variable(ct_zeros(cx, CT_F64, CT_SHAPE(2, 0)));
    for (int row = 0; row < ROWS; row++)
        for (int axis = 0; axis < 2; axis++) {
            ct_tensor *y = table[row].run(x, axis), *g;
            expect_shape(y, CT_SHAPE(2, 0));
            ct_grad(ct_sum(y), NULL, &x, 1, 0, &g);
            expect_shape(g, CT_SHAPE(2, 0));
        }
    expect_ok();
}
END_TEST

START_TEST(wrong_arguments)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), *y = x, *at = x;
    ck_assert_ptr_null(ct_cumsum(x, 2));
    expect_error(CT_ERROR_RANGE, "cumsum", "axis 2", "(2,3)", NULL);
    ck_assert_ptr_null(ct_cumprod(ct_scalar(cx, CT_F32, 1), 0));
    expect_error(CT_ERROR_RANGE, "cumprod", "axis 0", NULL);
    ck_assert_int_eq(ct_cummax(x, -3, &y, &at), CT_ERROR_RANGE);
    ck_assert(!y && !at);
    expect_error(CT_ERROR_RANGE, "cummax: axis -3", "(2,3)", NULL);
    y = at = x;
    ck_assert_int_eq(ct_cummin(NULL, 0, &y, &at), CT_ERROR_NULL);
    ck_assert(!y && !at);
    ck_assert_int_eq(ct_cummin(x, 0, NULL, NULL), CT_OK);
    expect_ok();
    ck_assert_ptr_null(ct_logcumsumexp(ct_range(cx, CT_I64, 3), 0));
    expect_error(CT_ERROR_DTYPE, "logcumsumexp", "ct_cast", NULL);
    ck_assert_ptr_null(ct_cumsum(ct_ones(cx, CT_BOOL, CT_SHAPE(3)), 0));
    expect_error(CT_ERROR_DTYPE, "cumsum", "ct_cast", NULL);
}
END_TEST

static void scan_all(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2, 3))), *y = x, *at = x, *g;
    if (ct_cummax(x, 1, &y, &at) != CT_OK)
        ck_assert(!y && !at);
    ct_grad(ct_sum(y), NULL, &x, 1, 0, &g);
}

START_TEST(when_memory_fails)
{
    for_each_failing_allocation(scan_all);
}
END_TEST

Suite *scan_suite(void);
Suite *scan_suite(void)
{
    return make_suite("scan", (const TTest *const[]){
        every_axis_of_any_strides, many_lines, integers_and_bools, ties_and_nan, long_sums,
        logcumsumexp_of_growing_numbers, logcumsumexp_has_its_gradient, infinities, of_nothing,
        wrong_arguments, when_memory_fails, NULL });
}
