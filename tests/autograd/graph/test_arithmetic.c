/* add, broadcast_to, sum_to: values against index arithmetic, dtypes, errors, accuracy, rules. */
#include "support.h"

START_TEST(add)
{
    ct_tensor *a = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 1), CT_DOUBLES(10, 20));
    ct_tensor *b = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(1, 2, 3));
    expect_values(ct_add(a, b), CT_DOUBLES(11, 12, 13, 21, 22, 23), 0);
    expect_values(ct_add(ct_transpose(a), ct_scalar(cx, CT_F64, 1)), CT_DOUBLES(11, 21), 0);
    expect_shape(ct_add(ct_zeros(cx, CT_F32, CT_SHAPE(2, 0)), ct_zeros(cx, CT_F32, CT_SHAPE(1))),
                 CT_SHAPE(2, 0));
    ct_tensor *n = ct_add(ct_from_ints(cx, NULL, 0, CT_INTS(INT64_MAX)),
                          ct_from_ints(cx, NULL, 0, CT_INTS(1)));
    ck_assert(ct_item_int(n) == INT64_MIN); /* wraps as two's complement does */
    ck_assert_double_eq(ct_item(ct_add(ct_scalar(cx, CT_F32, 0x1p24), ct_scalar(cx, CT_F32, 1))),
                        0x1p24);
}
END_TEST

START_TEST(add_errors)
{
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(2));
    ck_assert_ptr_null(ct_add(x, ct_zeros(cx, CT_F32, CT_SHAPE(2))));
    expect_error(CT_ERROR_DTYPE, "add", "f64 (2)", "f32 (2)", "ct_cast", NULL);
    ck_assert_ptr_null(ct_add(x, ct_zeros(cx, CT_F64, CT_SHAPE(4, 3))));
    expect_error(CT_ERROR_SHAPE, "add", "(2) x (4,3)", NULL);
    ct_tensor *truth = ct_ones(cx, CT_BOOL, CT_SHAPE(2));
    ck_assert_ptr_null(ct_add(truth, truth));
    expect_error(CT_ERROR_DTYPE, "add", "bool", NULL);
}
END_TEST

/* both ways against loops, on every way to repeat (2,3) in up to three dimensions */
START_TEST(an_adjoint_pair)
{
    const int64_t from[][2] = { { 2, 3 }, { 1, 3 }, { 2, 1 }, { 1, 1 } };
    double want[4 * 2 * 3], sums[6];
    for (int k = 0; k < 4; k++) {
        int64_t rows = from[k][0], columns = from[k][1];
        ct_tensor *x = ct_randn(cx, CT_F64, from[k], 2);
        ct_tensor *y = ct_broadcast_to(x, CT_SHAPE(4, 2, 3));
        for (int i = 0; i < 24; i++)
            want[i] = ct_at(x, CT_INDEX(i / 3 % 2 % rows, i % 3 % columns));
        expect_values(y, want, 24, 0);
        ck_assert_ptr_eq(ct_data(y), ct_data(x)); /* no copy */
        ct_tensor *g = ct_randn(cx, CT_F64, CT_SHAPE(4, 2, 3));
        memset(sums, 0, sizeof sums);
        for (int i = 0; i < 24; i++)
            sums[i / 3 % 2 % rows * columns + i % 3 % columns] +=
                ct_at(g, CT_INDEX(i / 6, i / 3 % 2, i % 3));
        expect_values(ct_sum_to(g, from[k], 2), sums, (int)(rows * columns), 1e-14);
        ct_tensor *v = ct_variable(ct_detach(x));
        ct_backward_from(ct_broadcast_to(v, CT_SHAPE(4, 2, 3)), g);
        expect_values(ct_gradient(v), sums, (int)(rows * columns), 1e-14);
        ct_tensor *w = ct_variable(ct_detach(g));
        ct_backward_from(ct_sum_to(w, from[k], 2), x);
        expect_values(ct_gradient(w), want, 24, 0);
    }
}
END_TEST

START_TEST(of_nothing)
{
    ct_tensor *none = ct_zeros(cx, CT_F64, CT_SHAPE(0, 3));
    expect_values(ct_sum_to(none, CT_SHAPE(3)), CT_DOUBLES(0, 0, 0), 0);
    expect_values(ct_sum_to(none, CT_SHAPE(1, 1)), CT_DOUBLES(0), 0);
    expect_shape(ct_broadcast_to(ct_zeros(cx, CT_F64, CT_SHAPE(1, 3)), CT_SHAPE(0, 3)),
                 CT_SHAPE(0, 3));
    ct_tensor *x = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(3)));
    ct_tensor *y = ct_broadcast_to(x, CT_SHAPE(0, 3));
    ck_assert_int_eq(ct_backward_from(y, ct_zeros(cx, CT_F64, CT_SHAPE(0, 3))), CT_OK);
    expect_values(ct_gradient(x), CT_DOUBLES(0, 0, 0), 0);
}
END_TEST

START_TEST(cannot_become)
{
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(2, 3));
    ck_assert_ptr_null(ct_broadcast_to(x, CT_SHAPE(4, 3)));
    expect_error(CT_ERROR_SHAPE, "broadcast_to", "(4,3)", "(2,3)", NULL);
    ck_assert_ptr_null(ct_broadcast_to(x, CT_SHAPE(2, 1)));
    expect_error(CT_ERROR_SHAPE, "broadcast_to", "(2,1)", NULL);
    ck_assert_ptr_null(ct_broadcast_to(x, CT_SHAPE(3)));
    expect_error(CT_ERROR_SHAPE, "broadcast_to", "(3)", NULL);
    ck_assert_ptr_null(ct_sum_to(x, CT_SHAPE(2, 2)));
    expect_error(CT_ERROR_SHAPE, "sum_to", "(2,2)", "(2,3)", NULL);
    ck_assert_ptr_null(ct_sum_to(x, CT_SHAPE(1, 2, 3)));
    expect_error(CT_ERROR_SHAPE, "sum_to", "(1,2,3)", NULL);
    ck_assert_ptr_null(ct_sum_to(x, CT_SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1)));
    expect_error(CT_ERROR_RANGE, "sum_to", "9 dimensions", NULL);
    ck_assert_ptr_null(ct_broadcast_to(x, CT_SHAPE(-1, 2, 3)));
    expect_error(CT_ERROR_SHAPE, "broadcast_to", "negative", NULL);
    ck_assert_ptr_null(ct_broadcast_to(x, CT_SHAPE(INT64_MAX / 8, 2, 3)));
    expect_error(CT_ERROR_SHAPE, "broadcast_to", "too large", NULL);
}
END_TEST

/* the error of a sum does not grow with the count of its terms */
START_TEST(sums_are_accurate)
{
    ct_tensor *x = ct_full(cx, CT_F32, CT_SHAPE(1 << 22), 0.1);
    double exact = (double)0.1f * (1 << 22);
    ck_assert_double_lt(fabs(ct_item(ct_sum_to(x, NULL, 0)) - exact) / exact, 3e-7);
    ct_tensor *rows = ct_sum_to(ct_reshape(x, CT_SHAPE(4, 1 << 20)), CT_SHAPE(4, 1));
    for (int i = 0; i < 4; i++)
        ck_assert_double_lt(fabs(ct_at(rows, CT_INDEX(i, 0)) * 4 - exact) / exact, 3e-7);
    for (int64_t n = 1; n < 600; n++) /* every way a run can end */
        ck_assert_double_eq(ct_item(ct_sum_to(ct_range(cx, CT_F64, n), NULL, 0)),
                            (double)(n * (n - 1) / 2));
    ct_tensor *n = ct_from_ints(cx, CT_SHAPE(2), CT_INTS(INT64_MAX, 1));
    ck_assert(ct_item_int(ct_sum_to(n, NULL, 0)) == INT64_MIN);
    ck_assert_ptr_null(ct_sum_to(ct_ones(cx, CT_BOOL, CT_SHAPE(2)), NULL, 0));
    expect_error(CT_ERROR_DTYPE, "sum_to", "bool", NULL);
}
END_TEST

/* one after another in f32, 2^20 equal rows end 1 % off */
START_TEST(sums_over_many_rows_are_accurate)
{
    enum { N = 1 << 20 };
    double exact = (double)0.1f * N;
    ct_tensor *rows = ct_full(cx, CT_F32, CT_SHAPE(N, 3), 0.1);
    expect_values(ct_sum_to(rows, CT_SHAPE(3)), CT_DOUBLES(exact, exact, exact), 3e-7 * exact);
    ct_tensor *middle = ct_reshape(rows, CT_SHAPE(3, N / 4, 4)), *y;
    y = ct_sum_to(middle, CT_SHAPE(1, 4)); /* outer and middle axes */
    for (int i = 0; i < 4; i++)
        ck_assert_double_lt(fabs(ct_at(y, CT_INDEX(0, i)) / exact * 4 / 3 - 1), 3e-7);
    y = ct_sum_to(ct_permute(middle, CT_AXES(1, 0, 2)), CT_SHAPE(3, 1));
    for (int i = 0; i < 3; i++)
        ck_assert_double_lt(fabs(ct_at(y, CT_INDEX(i, 0)) / exact - 1), 3e-7);
    y = ct_sum_to(ct_permute(ct_reshape(rows, CT_SHAPE(N, 1, 3)), CT_AXES(2, 1, 0)),
                  CT_SHAPE(3, 1, 1));
    for (int i = 0; i < 3; i++)
        ck_assert_double_lt(fabs(ct_at(y, CT_INDEX(i, 0, 0)) / exact - 1), 3e-7);
    ct_tensor *far = ct_full(cx, CT_F64, CT_SHAPE(N), 1e-16);
    ct_set(far, CT_INDEX(0), 1); /* each term alone is rounded off */
    ck_assert_double_eq_tol(ct_item(ct_sum_to(far, NULL, 0)), 1 + (N - 1) * 1e-16, 1e-14);
}
END_TEST

START_TEST(sums_beyond_all_numbers)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(3, 200));
    ct_set(x, CT_INDEX(0, 70), INFINITY);
    ct_set(x, CT_INDEX(1, 0), INFINITY), ct_set(x, CT_INDEX(1, 199), -INFINITY);
    ct_set(x, CT_INDEX(2, 5), NAN);
    expect_values(ct_sum_to(x, CT_SHAPE(3, 1)), CT_DOUBLES(INFINITY, NAN, NAN), 0);
    expect_values(ct_sum_to(ct_transpose(x), CT_SHAPE(1, 3)), CT_DOUBLES(INFINITY, NAN, NAN), 0);
}
END_TEST

/* sums over every set of axes of a view of x: sizes that are no multiple of anything, from an odd
 * place on, as it lies, backwards, with gaps and transposed */
static void sums_of_views(ct_context *c, ct_tensor *x, ct_tensor **y)
{
    static const int64_t layouts[][4] = { { 1, 1085, 35, 1 }, { 9764, -1085, -35, -1 },
                                          { 3, 2170, 70, 2 }, { 2, 1, 9, 315 }, { 0, 0, 35, 1 } };
    static const int64_t shape[] = { 9, 31, 35 };
    int n = 0;
    for (int k = 0; k < 5; k++) {
        size_t first = (size_t)layouts[k][0] * (ct_dtype_of(x) == CT_F32 ? 4 : 8);
        ct_tensor *view = ct_borrow(c, ct_dtype_of(x), shape, 3,
                                    (char *)(uintptr_t)ct_data(x) + first,
                                    &(ct_borrow_options){ .strides = layouts[k] + 1 });
        for (int axes = 0; axes < 8; axes++)
            y[n++] = ct_sum_to(view, CT_SHAPE(axes & 1 ? 1 : 9, axes & 2 ? 1 : 31,
                                              axes & 4 ? 1 : 35));
    }
}

static void plain_sum(const ct_tensor *x, const ct_tensor *y, int axes)
{
    double *sums = calloc((size_t)ct_count(y), sizeof *sums), *sizes = calloc(
        (size_t)ct_count(y), sizeof *sizes);
    int64_t i = 0;
    for (int64_t a = 0; a < 9; a++)
        for (int64_t b = 0; b < 31; b++)
            for (int64_t c = 0; c < 35; c++, i++) {
                int64_t at = axes & 1 ? 0 : a;
                at = at * (axes & 2 ? 1 : 31) + (axes & 2 ? 0 : b);
                at = at * (axes & 4 ? 1 : 35) + (axes & 4 ? 0 : c);
                double v = ct_at(x, CT_INDEX(a, b, c));
                sums[at] += v, sizes[at] += fabs(v);
            }
    double *have = calloc((size_t)ct_count(y), sizeof *have);
    ct_to_doubles(y, have, ct_count(y));
    for (i = 0; i < ct_count(y); i++)
        ck_assert_double_le(fabs(have[i] - sums[i]),
                            (ct_dtype_of(x) == CT_F32 ? 3e-7 : 2e-15) * sizes[i]);
    free(sums), free(sizes), free(have);
}

START_TEST(the_same_sums_from_any_kernel_and_threads)
{
    enum { ROOM = 2 * 9765 + 8, SUMS = 40 };
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++) {
        ct_tensor *x = ct_randn(cx, (ct_dtype)dtype, CT_SHAPE(ROOM)), *y[SUMS], *z[SUMS];
        sums_of_views(cx, x, y);
        for (int simd = CT_SIMD_PLAIN; simd <= CT_SIMD_AVX512; simd++) {
            ct_context *c = ct_context_new(&(ct_context_options){ .simd = (ct_simd)simd,
                                                                  .threads = 3 });
            sums_of_views(c, ct_share(c, x), z);
            for (int i = 0; i < SUMS; i++)
                ck_assert_double_eq(ct_max_difference(y[i], ct_share(cx, z[i])), 0);
            ct_context_free(c);
        }
        ct_tensor *first = ct_slice(x, 0, 1, 9766, 1);
        for (int axes = 0; axes < 8; axes++)
            plain_sum(ct_reshape(first, CT_SHAPE(9, 31, 35)), y[axes], axes);
    }
    expect_ok();
}
END_TEST

/* large enough to be shared out: rows, columns, all, and few results of far elements */
START_TEST(large_sums_are_those_of_one_thread)
{
    static const int64_t to[][3] = { { 17, 1, 300 }, { 17, 200, 1 }, { 1, 1, 1 }, { 1, 1, 300 },
                                     { 17, 1, 1 }, { 1, 200, 1 } };
    ct_tensor *x = ct_randn(cx, CT_F32, CT_SHAPE(17, 200, 300));
    for (int k = 0; k < 6; k++)
        for (int threads = 2; threads <= 4; threads++) {
            ct_context *c = ct_context_new(&(ct_context_options){ .threads = threads });
            ct_tensor *y = ct_sum_to(ct_share(c, x), to[k], 3);
            ck_assert_double_eq(ct_max_difference(ct_sum_to(x, to[k], 3), ct_share(cx, y)), 0);
            ct_context_free(c);
        }
}
END_TEST

Suite *arithmetic_suite(void);
Suite *arithmetic_suite(void)
{
    return make_suite("autograd/arithmetic", (const TTest *[]){
        add, add_errors, an_adjoint_pair, of_nothing, cannot_become, sums_are_accurate,
        sums_over_many_rows_are_accurate, sums_beyond_all_numbers,
        the_same_sums_from_any_kernel_and_threads, large_sums_are_those_of_one_thread, NULL });
}
