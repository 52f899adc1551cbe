/* Reductions, against plain loops over every set of axes. */
#include "support.h"

enum { COUNT = 24 };
static const int64_t shape[] = { 2, 3, 4 };
static double memory[2 * COUNT];

/* (2,3,4) with the given strides over `memory`: values without order, some of them equal */
static ct_tensor *input(ct_dtype dtype, int64_t start, const int64_t *strides)
{
    static float singles[2 * COUNT];
    for (int i = 0; i < 2 * COUNT; i++) {
        memory[i] = 0.25 * (i * 7 % 13) - 1.5;
        singles[i] = (float)memory[i];
    }
    void *first = dtype == CT_F32 ? (void *)(singles + start) : (void *)(memory + start);
    return ct_borrow(cx, dtype, shape, 3, first, &(ct_borrow_options){ .strides = strides });
}

/* -- The plain loops: values of one group, and what becomes of it */
typedef double (*fold)(const double *x, int n);

static double plain_sum(const double *x, int n)
{
    double y = 0;
    for (int i = 0; i < n; i++)
        y += x[i];
    return y;
}

static double plain_mean(const double *x, int n)
{
    return plain_sum(x, n) / n;
}

static double squares(const double *x, int n)
{
    double mean = plain_mean(x, n), y = 0;
    for (int i = 0; i < n; i++)
        y += (x[i] - mean) * (x[i] - mean);
    return y;
}

static double plain_var(const double *x, int n)
{
    return squares(x, n) / n;
}

static double plain_unbiased(const double *x, int n)
{
    return squares(x, n) / (n - 1);
}

static double plain_std(const double *x, int n)
{
    return sqrt(plain_var(x, n));
}

static double plain_unbiased_std(const double *x, int n)
{
    return sqrt(plain_unbiased(x, n));
}

static double plain_norm(const double *x, int n)
{
    double y = 0;
    for (int i = 0; i < n; i++)
        y += x[i] * x[i];
    return sqrt(y);
}

static double plain_norm_3(const double *x, int n)
{
    double y = 0;
    for (int i = 0; i < n; i++)
        y += fabs(x[i] * x[i] * x[i]);
    return cbrt(y);
}

static double plain_max(const double *x, int n)
{
    double y = x[0];
    for (int i = 1; i < n; i++)
        y = fmax(y, x[i]);
    return y;
}

static double plain_min(const double *x, int n)
{
    double y = x[0];
    for (int i = 1; i < n; i++)
        y = fmin(y, x[i]);
    return y;
}

static double plain_logsumexp(const double *x, int n)
{
    double y = 0;
    for (int i = 0; i < n; i++)
        y += exp(x[i]);
    return log(y);
}

static ct_tensor *norm(ct_tensor *x, const int64_t *axes, int n, unsigned flags)
{
    return ct_norm_over(x, 2, axes, n, flags);
}

static ct_tensor *norm_3(ct_tensor *x, const int64_t *axes, int n, unsigned flags)
{
    return ct_norm_over(x, 3, axes, n, flags);
}

static const struct {
    const char *name;
    ct_tensor *(*over)(ct_tensor *x, const int64_t *axes, int n, unsigned flags);
    unsigned flags;
    fold plain;
} table[] = {
    { "sum", ct_sum_over, 0, plain_sum },
    { "mean", ct_mean_over, 0, plain_mean },
    { "var", ct_var_over, 0, plain_var },
    { "unbiased var", ct_var_over, CT_UNBIASED, plain_unbiased },
    { "max", ct_max_over, 0, plain_max },
    { "min", ct_min_over, 0, plain_min },
    { "logsumexp", ct_logsumexp_over, 0, plain_logsumexp },
    { "std", ct_std_over, 0, plain_std },
    { "unbiased std", ct_std_over, CT_UNBIASED, plain_unbiased_std },
    { "norm", norm, 0, plain_norm },
    { "norm, p = 3", norm_3, 0, plain_norm_3 },
};
enum { ROWS = sizeof table / sizeof *table };

/* which group element i of (2,3,4) belongs to, in row-major order of what is left */
static int group_of(int i, unsigned axes)
{
    int index[] = { i / 12, i / 4 % 3, i % 4 }, at = 0;
    for (int d = 0; d < 3; d++)
        if (!(axes >> d & 1))
            at = at * (int)shape[d] + index[d];
    return at;
}

static int groups_of(unsigned axes)
{
    return group_of(COUNT - 1, axes) + 1;
}

static void check_axes(int row, ct_tensor *x, unsigned axes, unsigned keep)
{
    double values[COUNT], group[COUNT], want[COUNT];
    int64_t list[3], left[3];
    int n = 0, ndim = 0, groups = groups_of(axes);
    for (int d = 0; d < 3; d++) {
        if (axes >> d & 1)
            list[n++] = d - (d == 1 ? 3 : 0); /* one of them from the end */
        if (!(axes >> d & 1) || keep)
            left[ndim++] = axes >> d & 1 ? 1 : shape[d];
    }
    ct_to_doubles(x, values, COUNT);
    for (int g = 0; g < groups; g++) {
        int size = 0;
        for (int i = 0; i < COUNT; i++)
            if (group_of(i, axes) == g)
                group[size++] = values[i];
        want[g] = table[row].plain(group, size);
    }
    ct_tensor *y = table[row].over(x, list, n, table[row].flags | keep);
    expect_shape(y, left, ndim);
    expect_values(y, want, groups, ct_dtype_of(x) == CT_F32 ? 4e-6 : 4e-15);
    ck_assert_int_eq(ct_dtype_of(y), ct_dtype_of(x));
}

START_TEST(every_set_of_axes_and_any_strides)
{
    static const int64_t layouts[][4] = { { 0, 12, 4, 1 }, { 0, 1, 2, 6 }, { 0, 24, 8, 2 },
                                          { 47, -12, -4, -1 }, { 3, 0, 4, 1 }, { 0, 4, 8, 1 } };
    for (int row = 0; row < ROWS; row++)
        for (int k = 0; k < 12; k++)
            for (unsigned axes = 1; axes < 8; axes++) {
                const int64_t *l = layouts[k / 2];
                ct_tensor *x = input(k % 2 ? CT_F32 : CT_F64, l[0], l + 1);
                check_axes(row, x, axes, 0);
                check_axes(row, x, axes, CT_KEEPDIMS);
            }
}
END_TEST

START_TEST(no_axes_are_all_axes)
{
    ct_tensor *x = input(CT_F64, 0, NULL);
    ct_tensor *(*const all[ROWS])(ct_tensor *) = { ct_sum, ct_mean, ct_var, NULL,
                                                   ct_max, ct_min, ct_logsumexp, ct_std };
    for (int row = 0; row < ROWS; row++) {
        double want = table[row].plain(memory, COUNT);
        ct_tensor *y = table[row].over(x, NULL, 0, table[row].flags | CT_KEEPDIMS);
        expect_shape(y, CT_SHAPE(1, 1, 1));
        expect_values(y, &want, 1, 1e-14);
        if (all[row])
            expect_values(all[row](x), &want, 1, 1e-14);
    }
    expect_values(ct_max(ct_scalar(cx, CT_F32, 3)), CT_DOUBLES(3), 0);
}
END_TEST

START_TEST(of_nothing)
{
    ct_tensor *x = ct_variable(ct_zeros(cx, CT_F64, CT_SHAPE(0, 3))), *gx;
    expect_values(ct_sum(x), CT_DOUBLES(0), 0);
    expect_values(ct_sum_over(x, CT_AXES(0), 0), CT_DOUBLES(0, 0, 0), 0);
    expect_values(ct_mean(x), CT_DOUBLES(NAN), 0);
    expect_values(ct_var(x), CT_DOUBLES(NAN), 0);
    expect_values(ct_var_over(x, NULL, 0, CT_UNBIASED), CT_DOUBLES(NAN), 0);
    expect_values(ct_logsumexp(x), CT_DOUBLES(-INFINITY), 0);
    expect_shape(ct_max_over(x, CT_AXES(1), 0), CT_SHAPE(0)); /* of three, no times */
    expect_shape(ct_max_over(ct_reshape(x, CT_SHAPE(0, 0)), CT_AXES(1), 0), CT_SHAPE(0));
    expect_shape(ct_argmax(x, 1), CT_SHAPE(0));
    ct_grad(ct_mean(x), NULL, &x, 1, 0, &gx);
    expect_shape(gx, CT_SHAPE(0, 3));
    expect_ok();
    ck_assert_ptr_null(ct_max_over(x, CT_AXES(0), 0));
    expect_error(CT_ERROR_SHAPE, "max", "no elements", "(0,3)", NULL);
    ck_assert_ptr_null(ct_min(x));
    expect_error(CT_ERROR_SHAPE, "min", "(0,3)", NULL);
    ck_assert_ptr_null(ct_argmin(x, 0));
    expect_error(CT_ERROR_SHAPE, "argmin", "(0,3)", NULL);
}
END_TEST

/* -- Mean and variance */
START_TEST(mean_of_equal_numbers_is_that_number)
{
    ck_assert_double_eq(ct_item(ct_mean(ct_full(cx, CT_F64, CT_SHAPE(49), 1))), 1);
    ck_assert_double_eq(ct_item(ct_mean(ct_full(cx, CT_F64, CT_SHAPE(7, 7), 3))), 3);
}
END_TEST

START_TEST(var_far_from_zero)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(4), CT_DOUBLES(1e8 + 4, 1e8 + 7, 1e8 + 13,
                                                                      1e8 + 16));
    expect_values(ct_var(x), CT_DOUBLES(22.5), 1e-12);
    expect_values(ct_var_over(x, NULL, 0, CT_UNBIASED), CT_DOUBLES(30), 1e-12);
    expect_values(ct_var(ct_scalar(cx, CT_F64, 5)), CT_DOUBLES(0), 0);
    expect_values(ct_var_over(ct_scalar(cx, CT_F64, 5), NULL, 0, CT_UNBIASED), CT_DOUBLES(NAN), 0);
}
END_TEST

/* of numbers that are as near to each other as their mean is to what it is rounded to; tiny ones;
 * large ones */
START_TEST(var_is_right_to_rounding)
{
    static const double means[] = { 1e4, 0, 0, -300 }, spreads[] = { 1e-3, 1e-15, 1e15, 1e-4 };
    enum { N = 1000 };
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++)
        for (int k = 0; k < 4; k++) {
            double values[N], tolerance = dtype == CT_F32 ? 3e-6 : 1e-14, far[N];
            ct_tensor *x = ct_scale(ct_randn(cx, (ct_dtype)dtype, CT_SHAPE(N)), spreads[k]), *g;
            x = ct_variable(ct_detach(ct_shift(x, means[k])));
            ct_to_doubles(x, values, N);
            long double mean = 0, var = 0;
            for (int i = 0; i < N; i++) /* a shift changes nothing, and keeps digits */
                mean += ((long double)values[i] - means[k]) / N;
            for (int i = 0; i < N; i++)
                var += (values[i] - means[k] - mean) * (values[i] - means[k] - mean) / N;
            ck_assert_double_le(fabs(ct_item(ct_var(x)) / (double)var - 1), tolerance);
            ct_grad(ct_var(x), NULL, &x, 1, 0, &g);
            for (int i = 0; i < N; i++)
                far[i] = (double)(2 * (values[i] - means[k] - mean) / N);
            expect_values(g, far, N, tolerance * sqrt((double)var) / N);
        }
}
END_TEST

START_TEST(var_has_its_gradient)
{
    ct_tensor *x = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(1, 2, 6)));
    ct_tensor *g, *h;
    ct_grad(ct_var(x), NULL, &x, 1, CT_CREATE_GRAPH, &g); /* 2 (x - mean) / n */
    expect_values(g, CT_DOUBLES(-4 / 3., -2 / 3., 2), 1e-15);
    ct_grad(ct_sum(ct_mul(g, ct_range(cx, CT_F64, 3))), NULL, &x, 1, 0, &h);
    expect_values(h, CT_DOUBLES(-2 / 3., 0, 2 / 3.), 1e-15); /* 2 (v - mean v) / n */
}
END_TEST

/* -- Places */
START_TEST(places)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 4),
                                   CT_DOUBLES(1, 3, 3, 0, 2, NAN, 9, NAN));
    ct_tensor *y = ct_argmax(x, 1);
    ck_assert_int_eq(ct_dtype_of(y), CT_I64);
    expect_shape(y, CT_SHAPE(2));
    expect_values(y, CT_DOUBLES(1, 1), 0); /* the first of equals, the first NaN */
    expect_values(ct_argmin(x, -1), CT_DOUBLES(3, 1), 0);
    expect_values(ct_argmax(x, 0), CT_DOUBLES(1, 1, 1, 1), 0);
    expect_values(ct_argmin(x, 0), CT_DOUBLES(0, 1, 0, 1), 0);
    ck_assert(!ct_requires_grad(ct_argmax(ct_variable(x), 0)));
}
END_TEST

START_TEST(places_along_any_axis_of_any_strides)
{
    static const int64_t layouts[][3] = { { 12, 4, 1 }, { 1, 2, 6 }, { 24, 8, 2 } };
    for (int k = 0; k < 3; k++)
        for (int axis = 0; axis < 3; axis++) {
            ct_tensor *x = input(k ? CT_F32 : CT_F64, 0, layouts[k]);
            double values[COUNT], best[COUNT], want[COUNT];
            ct_to_doubles(x, values, COUNT);
            for (int i = 0; i < COUNT; i++)
                best[i] = -INFINITY;
            for (int i = 0; i < COUNT; i++) {
                int g = group_of(i, 1u << axis), index[] = { i / 12, i / 4 % 3, i % 4 };
                if (values[i] > best[g]) {
                    best[g] = values[i];
                    want[g] = index[axis];
                }
            }
            expect_values(ct_argmax(x, axis), want, groups_of(1u << axis), 0);
            expect_values(ct_argmin(ct_neg(x), axis - 3), want, groups_of(1u << axis), 0);
        }
}
END_TEST

/* -- Kernels */
/* every reduction with a kernel, and its gradient, of views of x: from an odd place on, backwards,
 * with gaps, transposed, repeated; of sizes that are no multiple of anything */
static int of_views(ct_context *c, ct_tensor *x, ct_tensor **y)
{
    static const int64_t layouts[][4] = { { 1, 1085, 35, 1 }, { 9764, -1085, -35, -1 },
                                          { 3, 2170, 70, 2 }, { 2, 1, 9, 315 }, { 0, 0, 35, 1 } };
    ct_tensor *(*const over[])(ct_tensor *, const int64_t *, int, unsigned) = {
        ct_max_over, ct_min_over, ct_logsumexp_over
    };
    int n = 0;
    for (int k = 0; k < 5; k++) {
        int64_t size = ct_dtype_of(x) == CT_F32 ? 4 : 8;
        char *first = (char *)(uintptr_t)ct_data(x) + layouts[k][0] * size;
        ct_tensor *v = ct_variable(ct_borrow(c, ct_dtype_of(x), CT_SHAPE(9, 31, 35), first,
                                             &(ct_borrow_options){ .strides = layouts[k] + 1 }));
        for (int axes = 1; axes < 8; axes++)
            for (int f = 0; f < 3; f++) {
                int64_t list[3];
                int count = 0;
                for (int d = 0; d < 3; d++)
                    if (axes >> d & 1)
                        list[count++] = d;
                y[n++] = over[f](v, list, count, 0);
                ct_grad(ct_sum(ct_square(y[n - 1])), NULL, &v, 1, 0, &y[n]);
                n++;
            }
        for (int axis = 0; axis < 3; axis++) {
            y[n++] = ct_argmax(v, axis);
            y[n++] = ct_argmin(v, axis);
        }
    }
    return n;
}

START_TEST(the_same_from_any_kernel_and_threads)
{
    enum { ROOM = 2 * 9765 + 8, MOST = 300 };
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++) {
        ct_tensor *y[MOST], *z[MOST];
        ct_tensor *x = ct_cast(ct_randint(cx, -400, 400, CT_SHAPE(ROOM)), (ct_dtype)dtype);
        x = ct_scale(x, 0.01); /* so there are ties */
        int n = of_views(cx, x, y);
        for (int simd = CT_SIMD_PLAIN; simd <= CT_SIMD_AVX512; simd++) {
            ct_context *c = ct_context_new(&(ct_context_options){ .simd = (ct_simd)simd,
                                                                  .threads = 3 });
            ct_tensor *copy = ct_share(c, x);
            ck_assert_int_eq(of_views(c, copy, z), n);
            ck_assert_msg(ct_error(c) == CT_OK, "%s", ct_error_text(c));
            for (int i = 0; i < n; i++) {
                bool rounds = i % 48 < 42 && i % 6 >= 4; /* logsumexp */
                expect_close(y[i], ct_share(cx, z[i]), rounds ? 8 : 0);
            }
            ct_context_free(c);
        }
    }
    expect_ok();
}
END_TEST

/* -- Errors */
START_TEST(wrong_axes)
{
    ct_tensor *x = ct_named(ct_ones(cx, CT_F32, CT_SHAPE(2, 3)), "w1");
    ck_assert_ptr_null(ct_sum_over(x, CT_AXES(2), 0));
    expect_error(CT_ERROR_RANGE, "sum: axis 2 is out of range: w1 (2,3)", NULL);
    ck_assert_ptr_null(ct_mean_over(x, CT_AXES(0, -3), 0));
    expect_error(CT_ERROR_RANGE, "mean", "axis -3", "(2,3)", NULL);
    ck_assert_ptr_null(ct_max_over(x, CT_AXES(1, -1), 0));
    expect_error(CT_ERROR_RANGE, "max: axis -1 is given twice", "(2,3)", NULL);
    ck_assert_ptr_null(ct_logsumexp_over(x, NULL, 2, 0));
    expect_error(CT_ERROR_NULL, "logsumexp", NULL);
    ck_assert_ptr_null(ct_argmax(x, 2));
    expect_error(CT_ERROR_RANGE, "argmax", "axis 2", "w1 (2,3)", NULL);
    ck_assert_ptr_null(ct_argmin(ct_scalar(cx, CT_F32, 1), 0));
    expect_error(CT_ERROR_RANGE, "argmin", "axis 0", NULL);
}
END_TEST

START_TEST(wrong_dtypes_and_flags)
{
    ct_tensor *i64 = ct_range(cx, CT_I64, 3), *truth = ct_ones(cx, CT_BOOL, CT_SHAPE(3));
    ck_assert_ptr_null(ct_mean(i64));
    expect_error(CT_ERROR_DTYPE, "mean", "ct_cast", NULL);
    ck_assert_ptr_null(ct_var(i64));
    expect_error(CT_ERROR_DTYPE, "var", "ct_cast", NULL);
    ck_assert_ptr_null(ct_logsumexp(i64));
    expect_error(CT_ERROR_DTYPE, "logsumexp", "i64", "ct_cast", NULL);
    ck_assert_ptr_null(ct_max(truth));
    expect_error(CT_ERROR_DTYPE, "max", "bool", "ct_cast", NULL);
    ck_assert_ptr_null(ct_argmax(truth, 0));
    expect_error(CT_ERROR_DTYPE, "argmax", "bool", "ct_cast", NULL);
    ck_assert_ptr_null(ct_sum_over(i64, NULL, 0, CT_UNBIASED));
    expect_error(CT_ERROR_VALUE, "sum", "flags", NULL);
    ck_assert_ptr_null(ct_sum(NULL));
    ck_assert_ptr_null(ct_var_over(NULL, CT_AXES(0), 0));
    expect_ok();
}
END_TEST

Suite *reduce_suite(void)
{
    const TTest *const tests[] = {
        every_set_of_axes_and_any_strides, no_axes_are_all_axes, of_nothing,
        mean_of_equal_numbers_is_that_number, var_far_from_zero, var_is_right_to_rounding,
        var_has_its_gradient, places, places_along_any_axis_of_any_strides,
        the_same_from_any_kernel_and_threads, wrong_axes, wrong_dtypes_and_flags, NULL
    };
    return make_suite("reduce", tests);
}
