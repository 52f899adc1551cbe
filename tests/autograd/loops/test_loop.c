/* Strided loops against index arithmetic. */
#include "support.h"

/* y[i] += 10 a[i] + b[i], whatever the strides */
static void accumulate(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    double *y = data[0];
    const double *a = data[1], *b = data[2];
    ck_assert_ptr_eq(arg, cx);
    for (int64_t i = 0; i < n; i++)
        y[i * stride[0]] += 10 * a[i * stride[1]] + b[i * stride[2]];
}

static int64_t draw(int64_t n)
{
    return (int64_t)(ct_random_u64(cx) % (uint64_t)n);
}

START_TEST(random_strides)
{
    enum { ROOM = 4096 };
    static double memory[3][ROOM], want[ROOM];
    for (int trial = 0; trial < 2000; trial++) {
        int ndim = (int)draw(9);
        int64_t shape[8], strides[3][8], count = 1, index[8] = { 0 };
        for (int d = 0; d < ndim; d++) {
            shape[d] = draw(30) == 0 ? 0 : 1 + draw(ndim > 5 ? 2 : 3);
            count *= shape[d];
            for (int k = 0; k < 3; k++)
                strides[k][d] = draw(4) == 0 ? 0 : draw(101) - 50;
        }
        for (int i = 0; i < ROOM; i++) {
            memory[0][i] = want[i] = i;
            memory[1][i] = 1 + i % 97, memory[2][i] = i % 89;
        }
        ct_operand operands[3];
        for (int k = 0; k < 3; k++)
            operands[k] = (ct_operand){ memory[k] + ROOM / 2, sizeof(double), strides[k] };
        for (int64_t i = 0; i < count; i++) {
            int64_t at[3] = { ROOM / 2, ROOM / 2, ROOM / 2 };
            for (int k = 0; k < 3; k++)
                for (int d = 0; d < ndim; d++)
                    at[k] += index[d] * strides[k][d];
            want[at[0]] += 10 * memory[1][at[1]] + memory[2][at[2]];
            for (int d = ndim - 1; d >= 0 && ++index[d] == shape[d]; d--)
                index[d] = 0;
        }
        ct_loop_over(shape, ndim, operands, 3, accumulate, cx);
        ck_assert_int_eq(memcmp(memory[0], want, sizeof want), 0);
    }
}
END_TEST

static void add_seven(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    (void)arg;
    for (int k = 1; k < 8; k++)
        for (int64_t i = 0; i < n; i++)
            ((double *)data[0])[i * stride[0]] += ((double *)data[k])[i * stride[k]];
}

START_TEST(eight_operands)
{
    ct_tensor *t[8] = { ct_zeros(cx, CT_F64, CT_SHAPE(2, 3, 4)) };
    ct_tensor *want = t[0];
    for (int k = 1; k < 8; k++) {
        t[k] = k % 2 ? ct_transpose(ct_randn(cx, CT_F64, CT_SHAPE(2, 4, 3)))
                     : ct_randn(cx, CT_F64, CT_SHAPE(3, 1));
        want = ct_add(want, t[k]);
    }
    ct_loop(t, 8, add_seven, NULL);
    ck_assert_double_eq(ct_max_difference(t[0], want), 0);
}
END_TEST

static int runs;
static int64_t longest;

static void count_runs(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    (void)data, (void)stride, (void)arg;
    runs++;
    longest = n > longest ? n : longest;
}

static void expect_runs(ct_tensor *a, ct_tensor *b, int want, int64_t length)
{
    runs = 0, longest = 0;
    ct_loop(CT_TENSORS(a, b), count_runs, NULL);
    ck_assert_int_eq(runs, want);
    ck_assert_int_eq(longest, length);
}

START_TEST(dimensions_are_merged)
{
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(2, 3, 4));
    expect_runs(x, x, 1, 24);
    expect_runs(x, ct_scalar(cx, CT_F64, 1), 1, 24);
    expect_runs(x, ct_zeros(cx, CT_F64, CT_SHAPE(4)), 1, 24); /* lines too short to be runs */
    expect_runs(x, ct_zeros(cx, CT_F64, CT_SHAPE(3, 4)), 1, 24);
    expect_runs(ct_zeros(cx, CT_F64, CT_SHAPE(2, 3, 300)), ct_zeros(cx, CT_F64, CT_SHAPE(300)), 6,
                300);
    expect_runs(ct_transpose(x), ct_transpose(x), 8, 3);
    expect_runs(ct_slice(x, 0, 0, 1, 1), ct_slice(x, 0, 1, 2, 1), 1, 12);
    expect_runs(ct_zeros(cx, CT_F64, CT_SHAPE(2, 0)), ct_zeros(cx, CT_F64, CT_SHAPE(1)), 0, 0);
    ct_tensor *eight = ct_zeros(cx, CT_F64, CT_SHAPE(1, 2, 1, 2, 1, 2, 1, 2));
    expect_runs(eight, eight, 1, 16);
}
END_TEST

static void twice(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    double *y = data[0];
    const double *a = data[1];
    (void)arg;
    for (int64_t i = 0; i < n; i++)
        y[i * stride[0]] = 2 * a[i * stride[1]] + 1;
}

START_TEST(large_loops_are_shared_out)
{
    const int64_t shapes[][3] = { { 1, 1, 100003 }, { 7, 50, 301 }, { 40000, 3, 1 },
                                  { 3, 33000, 2 }, { 1, 2, 70000 } };
    ct_context_free(cx);
    cx = ct_context_new(&(ct_context_options){ .threads = 3 });
    for (int k = 0; k < 5; k++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *a = ct_rand(cx, CT_F64, shapes[k], 3);
        ct_tensor *views[] = { a, ct_transpose(a), ct_slice(a, 2, 0, -1, 2),
                               ct_broadcast_to(ct_slice(a, 0, 0, 1, 1), shapes[k], 3) };
        for (int v = 0; v < 4; v++) {
            ct_tensor *y = ct_zeros(cx, CT_F64, ct_shape(views[v]), 3);
            ct_tensor *want = ct_shift(ct_add(views[v], views[v]), 1);
            ct_loop(CT_TENSORS(y, views[v]), twice, NULL);
            ck_assert(ct_max_difference(y, want) == 0);
        }
        ct_scope_end(cx, scope);
    }
    expect_ok();
}
END_TEST

static void note_range(int64_t begin, int64_t end, void *arg)
{
    for (int64_t i = begin; i < end; i++)
        ((int *)arg)[i] += (int)(end - begin);
}

START_TEST(ranges_are_cut_by_size_alone)
{
    for (int threads = 1; threads < 4; threads++) {
        int counts[100] = { 0 };
        ct_context *c = ct_context_new(&(ct_context_options){ .threads = threads });
        ct_parallel_ranges(c, 23, 10, note_range, counts);
        ct_parallel_ranges(c, 0, 10, note_range, counts + 23);
        ct_parallel_ranges(c, 3, 0, note_range, counts + 50);
        for (int i = 0; i < 100; i++)
            ck_assert_int_eq(counts[i], i < 20 ? 10 : i < 23 ? 3 : i >= 50 && i < 53 ? 1 : 0);
        ct_context_free(c);
    }
}
END_TEST

/* y = weight x0 + x1, a flat kernel; the level that was chosen goes to `chosen` */
static int chosen;

#define WEIGHTED(name, real, level)                                                             \
    static void name(int64_t n, void *y, void *const *in, const void *attributes)               \
    {                                                                                           \
        const real *a = in[0], *b = in[1];                                                      \
        const double *weight = attributes;                                                      \
        chosen = level;                                                                         \
        for (int64_t i = 0; i < n; i++)                                                         \
            ((real *)y)[i] = (real)*weight * a[i] + b[i];                                       \
    }
WEIGHTED(plain_f32, float, CT_SIMD_PLAIN)
WEIGHTED(avx2_f32, float, CT_SIMD_AVX2)
WEIGHTED(plain_f64, double, CT_SIMD_PLAIN)
WEIGHTED(avx2_f64, double, CT_SIMD_AVX2)

static ct_status weighted_forward(ct_call *call)
{
    static const ct_kernels kernels = { { [CT_F32] = { 0, plain_f32, avx2_f32, avx2_f32 },
                                          [CT_F64] = { 0, plain_f64, avx2_f64, avx2_f64 } }, true };
    ct_tensor *y = ct_call_y(call, 0);
    ct_tensor *operands[] = { y, ct_call_x(call, 0), ct_call_x(call, 1) };
    ct_loop_kernel(call, operands, 3, &kernels, false); /* twice: once stored, once added */
    ct_loop_kernel(call, operands, 3, &kernels, true);
    return CT_OK;
}

static void expect_weighted(ct_tensor *a, ct_tensor *b)
{
    static const ct_op op = { .name = "weighted", .attributes_size = sizeof(double),
                              .infer = ct_infer_broadcast, .forward = weighted_forward };
    ct_tensor *y = ct_apply(&op, &(double){ 3 }, CT_TENSORS(a, b));
    ct_tensor *want = ct_scale(ct_add(ct_scale(a, 3), b), 2);
    ck_assert_double_le(ct_max_difference(y, want), ct_dtype_of(y) == CT_F32 ? 1e-5 : 1e-14);
    expect_ok();
}

START_TEST(flat_kernels_serve_any_layout)
{
    for (ct_dtype dtype = CT_F32; dtype <= CT_F64; dtype++) {
        ct_tensor *x = ct_randn(cx, dtype, CT_SHAPE(37, 41));
        ct_tensor *row = ct_randn(cx, dtype, CT_SHAPE(41));
        ct_tensor *line = ct_randn(cx, dtype, CT_SHAPE(3000));
        expect_weighted(x, ct_scale(x, 2));
        expect_weighted(x, row);
        expect_weighted(row, x);
        expect_weighted(ct_transpose(ct_randn(cx, dtype, CT_SHAPE(41, 37))), x);
        expect_weighted(line, ct_slice(ct_randn(cx, dtype, CT_SHAPE(6000)), 0, 0, 6000, 2));
        expect_weighted(ct_randn(cx, dtype, NULL, 0), line);
        expect_weighted(ct_slice(line, 0, 5, 5, 1), ct_slice(line, 0, 7, 7, 1));
        expect_weighted(ct_randn(cx, dtype, CT_SHAPE(300, 301)),
                        ct_randn(cx, dtype, CT_SHAPE(300, 1)));
        ck_assert_int_eq(chosen, ct_simd_of(cx) > CT_SIMD_AVX2 ? CT_SIMD_AVX2 : ct_simd_of(cx));
    }
}
END_TEST

/* as few as make the stored results go past the caches */
START_TEST(large_results_may_be_streamed)
{
    ct_tensor *x = ct_randn(cx, CT_F32, CT_SHAPE((8 << 20) + 3));
    expect_weighted(x, ct_scalar(cx, CT_F32, 2));
    expect_weighted(x, x);
}
END_TEST

/* -- Operands that lie across the runs, against index arithmetic */
static void draw_order(int64_t *order, int ndim)
{
    for (int d = 0; d < ndim; d++) {
        int64_t k = draw(d + 1);
        order[d] = order[k];
        order[k] = d;
    }
}

/* 0, 1, 2, ... of that shape, laid out in another order of dimensions */
static ct_tensor *counting(ct_dtype dtype, const int64_t *shape, int ndim)
{
    int64_t order[8], back[8], count = 1;
    draw_order(order, ndim);
    for (int d = 0; d < ndim; d++) {
        back[order[d]] = d;
        count *= shape[d];
    }
    ct_tensor *flat = ct_cast(ct_range(cx, CT_I64, count), dtype);
    ct_tensor *laid_out = ct_contiguous(ct_permute(ct_reshape(flat, shape, ndim), order, ndim));
    ck_assert_ptr_nonnull(laid_out);
    return ct_permute(laid_out, back, ndim);
}

static void expect_counting(const ct_tensor *t, double factor, bool truth)
{
    int64_t count = ct_count(t), n = 0;
    double *values = malloc((size_t)count * sizeof *values);
    ck_assert_int_eq(ct_to_doubles(t, values, count), CT_OK);
    while (n < count && values[n] == (truth ? (double)(n > 0) : factor * (double)n))
        n++;
    free(values);
    ck_assert_int_eq(n, count);
    expect_ok();
}

START_TEST(whatever_the_layouts)
{
    for (int trial = 0; trial < 400; trial++) {
        ct_scope scope = ct_scope_begin(cx);
        int ndim = 1 + (int)draw(4);
        int64_t shape[4];
        for (int d = 0; d < ndim; d++)
            shape[d] = 1 + draw(ndim > 3 ? 12 : ndim > 2 ? 30 : 90);
        ct_tensor *all[4], *y;
        for (ct_dtype dtype = CT_F32; dtype <= CT_BOOL; dtype++) {
            expect_counting(ct_contiguous(counting(dtype, shape, ndim)), 1, dtype == CT_BOOL);
            y = counting(dtype, shape, ndim);
            ck_assert_int_eq(ct_fill(y, 1), CT_OK);
            ck_assert_int_eq(ct_assign(y, counting(dtype, shape, ndim)), CT_OK);
            expect_counting(y, 1, dtype == CT_BOOL);
        }
        for (int k = 0; k < 4; k++)
            all[k] = counting(k < 2 ? CT_F64 : CT_F32, shape, ndim);
        expect_counting(ct_add(all[0], ct_scale(all[1], 2)), 3, false);
        expect_counting(ct_sub(ct_scale(all[2], 4), all[3]), 3, false);
        expect_counting(ct_where(ct_gt(all[0], all[1]), all[1], all[0]), 1, false);
        ct_scope_end(cx, scope);
    }
}
END_TEST

/* -- Short lines of operands that repeat or lie anyhow, against loops that fetch nothing */
/* counting, with some sizes 1 and some dimensions cut out of larger ones */
static ct_tensor *some_of(ct_dtype dtype, const int64_t *shape, int ndim)
{
    int64_t own[4] = { 0 };
    for (int d = 0; d < ndim; d++)
        own[d] = draw(3) == 0 ? 1 : shape[d] + (draw(4) == 0);
    ct_tensor *t = counting(dtype, own, ndim);
    for (int d = 0; d < ndim; d++)
        if (own[d] > shape[d])
            t = own[d] == 2 ? ct_slice(t, d, 0, 1, 1) : ct_slice(t, d, 1, own[d], 1);
    return ct_broadcast_to(t, shape, ndim);
}

static double *doubles(const ct_tensor *t)
{
    double *values = malloc((size_t)(ct_count(t) + 1) * sizeof *values);
    ck_assert_int_eq(ct_to_doubles(t, values, ct_count(t)), CT_OK);
    return values;
}

static void expect_difference(const ct_tensor *y, const ct_tensor *a, const ct_tensor *b)
{
    double *of_y = doubles(y), *of_a = doubles(a), *of_b = doubles(b);
    int64_t n = 0;
    while (n < ct_count(y) && of_y[n] == of_a[n] - of_b[n])
        n++;
    free(of_y), free(of_a), free(of_b);
    ck_assert_int_eq(n, ct_count(y));
    expect_ok();
}

START_TEST(short_lines)
{
    ct_context_free(cx);
    cx = ct_context_new(&(ct_context_options){ .threads = 2 });
    for (int trial = 0; trial < 150; trial++) {
        ct_scope scope = ct_scope_begin(cx);
        int ndim = 2 + (int)draw(3);
        int64_t shape[4];
        for (int d = 0; d < ndim; d++)
            shape[d] = 1 + draw(d < ndim - 1 ? (ndim > 2 ? 12 : 1000) : draw(4) > 0 ? 35 : 300);
        for (ct_dtype dtype = CT_F32; dtype <= CT_BOOL; dtype++) {
            ct_tensor *x = some_of(dtype, shape, ndim), *zero = ct_zeros(cx, CT_F64, shape, ndim);
            expect_difference(ct_contiguous(x), x, zero);
        }
        ct_tensor *a = some_of(CT_F64, shape, ndim), *b = some_of(CT_F64, shape, ndim);
        ct_tensor *condition = some_of(CT_BOOL, shape, ndim);
        expect_difference(ct_sub(a, b), a, b);
        ct_tensor *one = ct_cast(condition, CT_F64);
        expect_difference(ct_where(condition, a, b), ct_add(ct_mul(a, one), b), ct_mul(b, one));
        ct_scope_end(cx, scope);
    }
}
END_TEST

/* groups of 512 lines, 32 to a range: the second range, which is another thread's, begins with the
 * short group that ends the first half, and goes on with whole ones */
START_TEST(repeated_lines_serve_all_groups)
{
    ct_context_free(cx);
    cx = ct_context_new(&(ct_context_options){ .threads = 3 });
    const int64_t shape[] = { 2, 33 * 512 - 5, 2 };
    ct_tensor *pairs = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 1, 2), CT_DOUBLES(1, 2, 3, 4));
    ct_tensor *pair = ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(5, 6));
    ct_tensor *a = ct_broadcast_to(pairs, shape, 3), *b = ct_broadcast_to(pair, shape, 3);
    for (int i = 0; i < 20; i++)
        expect_difference(ct_sub(a, b), a, b);
}
END_TEST

Suite *loop_suite(void);
Suite *loop_suite(void)
{
    return make_suite("autograd/loop", (const TTest *[]){
        random_strides, eight_operands, dimensions_are_merged, large_loops_are_shared_out,
        ranges_are_cut_by_size_alone, flat_kernels_serve_any_layout,
        large_results_may_be_streamed, whatever_the_layouts, short_lines,
        repeated_lines_serve_all_groups, NULL });
}
