/* ops/convolution/winograd.c: y, x and w of 3 x 3 and 5 x 5 elements by points, against one loop over all
 * products in long double; what is not finite; other images and threads. */
#include "support.h"

typedef struct shape {
    int64_t kernel, images, c, o, rows, columns, padding[2];
} shape;

/* one tile, parts of tiles, many rows of tiles, channels that are no whole vectors, pixels of x that
 * no kernel meets */
static const shape shapes[] = {
    { 3, 3, 16, 16, 4, 4, { 1, 1 } },   { 3, 1, 16, 17, 3, 5, { 1, 0 } },
    { 3, 2, 19, 33, 7, 5, { 1, 1 } },   { 5, 2, 16, 33, 7, 6, { 2, 1 } },
    { 5, 3, 17, 16, 6, 7, { 0, 0 } },   { 3, 5, 24, 16, 6, 9, { 2, 0 } },
    { 3, 1, 17, 16, 2, 2, { 2, 2 } },   { 3, 1, 32, 20, 41, 11, { 1, 1 } },
    { 3, 1, 16, 16, 8, 70, { 0, 2 } },  { 3, 9, 16, 16, 5, 5, { 1, 1 } },
    { 5, 1, 16, 20, 31, 11, { 2, 4 } }, { 5, 5, 20, 50, 12, 12, { 0, 0 } },
    { 5, 1, 16, 16, 5, 5, { 0, 1 } },
};
enum { SHAPES = sizeof shapes / sizeof *shapes, FEW = 5, THREE = 2, FIVE = 3 };

static ct_conv_options options_of(const shape *s)
{
    return (ct_conv_options){ .paddings = { s->padding[0], s->padding[1] } };
}

/* x, w, y: drawn */
static void draw(ct_context *with, const shape *s, ct_tensor *t[3])
{
    const int64_t k = s->kernel;
    const int64_t rows = s->rows + 2 * s->padding[0] - k + 1;
    const int64_t columns = s->columns + 2 * s->padding[1] - k + 1;
    t[0] = ct_variable(ct_randn(with, CT_F32, CT_SHAPE(s->images, s->c, s->rows, s->columns)));
    t[1] = ct_variable(ct_randn(with, CT_F32, CT_SHAPE(s->o, s->c, k, k)));
    t[2] = ct_variable(ct_randn(with, CT_F32, CT_SHAPE(s->images, s->o, rows, columns)));
}

/* -- The loop. `result` is the tensor of x, w, y that is computed from the others */
typedef struct sums {
    long double *sum, *size;
} sums;

static sums sums_of(ct_tensor *const t[3], const shape *s, int result)
{
    size_t n = (size_t)ct_count(t[result]);
    sums to = { calloc(n, sizeof *to.sum), calloc(n, sizeof *to.size) };
    const float *x = ct_data_f32(t[0]), *w = ct_data_f32(t[1]), *y = ct_data_f32(t[2]);
    const int64_t rows = ct_size(t[2], 2), columns = ct_size(t[2], 3);
    const int64_t taps = s->kernel * s->kernel;
    ck_assert(to.sum && to.size);
    for (int64_t i = 0; i < ct_count(t[2]); i++)
        for (int64_t k = 0; k < taps * s->c; k++) {
            int64_t c = k / taps, o = i / (rows * columns) % s->o;
            int64_t r = i / columns % rows + k / s->kernel % s->kernel - s->padding[0];
            int64_t q = i % columns + k % s->kernel - s->padding[1];
            int64_t image = i / (rows * columns * s->o);
            if (r < 0 || r >= s->rows || q < 0 || q >= s->columns)
                continue;
            int64_t at[3] = { ((image * s->c + c) * s->rows + r) * s->columns + q,
                              o * s->c * taps + k, i };
            long double product = result == 0   ? (long double)w[at[1]] * y[i]
                                  : result == 1 ? (long double)x[at[0]] * y[i]
                                                : (long double)x[at[0]] * w[at[1]];
            to.sum[at[result]] += product;
            to.size[at[result]] += fabsl(product);
        }
    return to;
}

/* Where all numbers are of about one size, the error is some 10 roundings of the sum of all sizes;
 * those of a tile are mixed, so that an element which has few products has the others' roundings.
 * is: what was computed, `times` times the sums. */
static void expect_sums(const ct_tensor *is, ct_tensor *const t[3], const shape *s, int result,
                        double times)
{
    sums want = sums_of(t, s, result);
    long double most = 0;
    for (int64_t i = 0; i < ct_count(is); i++)
        most = want.size[i] > most ? want.size[i] : most;
    for (int64_t i = 0; i < ct_count(is); i++)
        ck_assert_msg(fabsl(ct_data_f32(is)[i] - times * want.sum[i]) <= 16 * 0x1p-24 * times * most,
                      "shape %d, result %d: element %lld is %.9g, not %.9Lg", (int)(s - shapes),
                      result, (long long)i, (double)ct_data_f32(is)[i], times * want.sum[i]);
    free(want.sum);
    free(want.size);
}

/* values, and gradients that are added to others */
static void expect_shape_of(const shape *s, ct_simd simd)
{
    ct_context *with = ct_context_new(&(ct_context_options){ .simd = simd });
    ct_conv_options o = options_of(s);
    ct_tensor *t[3], *g[2];
    draw(with, s, t);
    ct_tensor *y = ct_conv(t[0], t[1], NULL, &o), *x = ct_conv_transpose(t[2], t[1], NULL, &o);
    expect_sums(y, t, s, 2, 1);
    if (ct_same_shape(x, t[0]))
        expect_sums(x, t, s, 0, 1);
    y = ct_add(y, ct_conv(t[0], t[1], NULL, &o));
    ck_assert_int_eq(ct_grad(y, t[2], CT_TENSORS(t[0], t[1]), 0, g), CT_OK);
    expect_sums(g[0], t, s, 0, 2);
    expect_sums(g[1], t, s, 1, 2);
    ck_assert_int_eq(ct_error(with), CT_OK);
    ct_context_free(with);
}

START_TEST(all_shapes_by_all_kernels)
{
    for (int k = 0; k < SHAPES; k++)
        for (int simd = CT_SIMD_PLAIN; simd <= CT_SIMD_AVX512; simd++)
            if (simd == CT_SIMD_AVX512 || k < FEW)
                expect_shape_of(&shapes[k], (ct_simd)simd);
}
END_TEST

START_TEST(a_bias_is_added)
{
    ct_tensor *t[3], *b = ct_randn(cx, CT_F32, CT_SHAPE(33)), *c = ct_randn(cx, CT_F32, CT_SHAPE(19));
    ct_conv_options o = options_of(&shapes[THREE]);
    draw(cx, &shapes[THREE], t);
    expect_close(ct_conv(t[0], t[1], b, &o),
                 ct_add(ct_conv(t[0], t[1], NULL, &o), ct_reshape(b, CT_SHAPE(33, 1, 1))), 1);
    expect_close(ct_conv_transpose(t[2], t[1], c, &o),
                 ct_add(ct_conv_transpose(t[2], t[1], NULL, &o), ct_reshape(c, CT_SHAPE(19, 1, 1))),
                 1);
}
END_TEST

/* -- What is not finite. In f64 there are no points, and the same products */
static void expect_kinds(const ct_tensor *a, const ct_tensor *b, const char *what)
{
    double *of = malloc((size_t)ct_count(b) * sizeof *of);
    ck_assert(of != NULL);
    ck_assert_int_eq(ct_to_doubles(b, of, ct_count(b)), CT_OK);
    for (int64_t i = 0; i < ct_count(a); i++) {
        double is = ct_data_f32(a)[i];
        ck_assert_msg(isnan(is) ? isnan(of[i])
                      : isinf(is) ? is == of[i]
                                  : isfinite(of[i]) && fabs(is - of[i]) <= 1e-4 * (1 + fabs(of[i])),
                      "%s: element %lld is %g, not %g", what, (long long)i, is, of[i]);
    }
    free(of);
}

static ct_tensor *widened(ct_tensor *t)
{
    return ct_variable(ct_cast(ct_detach(t), CT_F64));
}

/* with `value` in element `at` of tensor `which`, x, w or y */
static void expect_spread(const shape *s, int which, int64_t at, double value)
{
    ct_tensor *t[3], *u[3], *g[2], *h[2];
    ct_conv_options o = options_of(s);
    ct_scope scope = ct_scope_begin(cx);
    ct_seed(cx, 3);
    draw(cx, s, t);
    ((float *)ct_data_mutable(ct_detach(t[which])))[at] = (float)value;
    for (int i = 0; i < 3; i++)
        u[i] = widened(t[i]);
    expect_kinds(ct_conv(t[0], t[1], NULL, &o), ct_conv(u[0], u[1], NULL, &o), "y");
    ck_assert_int_eq(ct_grad(ct_conv(t[0], t[1], NULL, &o), t[2], CT_TENSORS(t[0], t[1]), 0, g),
                     CT_OK);
    ck_assert_int_eq(ct_grad(ct_conv(u[0], u[1], NULL, &o), u[2], CT_TENSORS(u[0], u[1]), 0, h),
                     CT_OK);
    expect_kinds(g[0], h[0], "gx");
    expect_kinds(g[1], h[1], "gw");
    expect_ok();
    ct_scope_end(cx, scope);
}

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

/* -- Bits */
static void expect_same_bits(const ct_tensor *a, const ct_tensor *b, const char *what, int k)
{
    ck_assert(ct_same_shape(a, b));
    ck_assert_msg(memcmp(ct_data(a), ct_data(b), (size_t)ct_count(a) * sizeof(float)) == 0,
                  "shape %d: %s", k, what);
}

START_TEST(an_image_does_not_depend_on_others)
{
    for (int k = 0; k < SHAPES; k++) {
        ct_tensor *t[3], *y, *g, *of_one;
        ct_conv_options o = options_of(&shapes[k]);
        draw(cx, &shapes[k], t);
        y = ct_conv(t[0], t[1], NULL, &o);
        ck_assert_int_eq(ct_grad(y, t[2], &t[0], 1, 0, &g), CT_OK);
        for (int64_t i = 0; i < shapes[k].images; i++) {
            ct_tensor *x = ct_variable(ct_contiguous(ct_detach(ct_slice(t[0], 0, i, i + 1, 1))));
            ct_tensor *one = ct_conv(x, t[1], NULL, &o);
            ck_assert_int_eq(ct_grad(one, ct_slice(t[2], 0, i, i + 1, 1), &x, 1, 0, &of_one), CT_OK);
            expect_same_bits(one, ct_contiguous(ct_slice(y, 0, i, i + 1, 1)), "y", k);
            expect_same_bits(of_one, ct_contiguous(ct_slice(g, 0, i, i + 1, 1)), "gx", k);
        }
    }
}
END_TEST

/* one block, several, several ranges: 9 x 16 and 5 x 289 tiles */
START_TEST(threads_change_no_bit)
{
    static const shape of[] = { { 3, 9, 48, 48, 15, 14, { 1, 1 } }, { 3, 5, 16, 16, 66, 66, { 1, 1 } },
                                { 3, 1, 96, 96, 8, 16, { 1, 1 } }, { 5, 9, 20, 50, 12, 12, { 0, 0 } } };
    for (int k = 0; k < 4; k++) {
        ct_tensor *kept[3] = { NULL };
        for (int threads = 1; threads <= 8; threads += k == 1 ? 7 : 3) {
            ct_context *with = ct_context_new(&(ct_context_options){ .threads = threads, .seed = 7 });
            ct_conv_options o = options_of(&of[k]);
            ct_tensor *t[3], *is[3];
            draw(with, &of[k], t);
            is[0] = ct_conv(t[0], t[1], NULL, &o);
            ck_assert_int_eq(ct_grad(is[0], t[2], CT_TENSORS(t[0], t[1]), 0, is + 1), CT_OK);
            for (int i = 0; i < 3; i++)
                if (kept[i])
                    expect_same_bits(kept[i], is[i], "threads", k);
                else
                    kept[i] = ct_from_memory(cx, CT_F32, ct_shape(is[i]), ct_ndim(is[i]),
                                             ct_data(is[i]));
            ct_context_free(with);
        }
    }
}
END_TEST

static void train(ct_context *with)
{
    ct_tensor *x = ct_variable(ct_zeros(with, CT_F32, CT_SHAPE(8, 16, 5, 5)));
    ct_tensor *w = ct_variable(ct_zeros(with, CT_F32, CT_SHAPE(16, 16, 3, 3)));
    ct_backward(ct_sum(ct_conv(x, w, NULL, NULL)));
}

START_TEST(memory_fails)
{
    for_each_failing_allocation(train);
}
END_TEST

Suite *conv_winograd_suite(void)
{
    return make_suite("conv_winograd", (const TTest *const[]){
        all_shapes_by_all_kernels, a_bias_is_added, what_is_not_finite_reaches_what_reads_it,
        large_numbers_do_not_overflow, an_image_does_not_depend_on_others, threads_change_no_bit,
        memory_fails, NULL });
}
