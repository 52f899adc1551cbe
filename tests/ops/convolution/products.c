#include "products.h"

static ct_conv_options options_of(const conv_shape *s)
{
    return (ct_conv_options){ .paddings = { s->padding[0], s->padding[1] },
                              .strides = { s->stride[0], s->stride[1] },
                              .dilations = { s->dilation[0], s->dilation[1] } };
}

/* x, w, y: drawn */
static void draw(ct_context *with, const conv_shape *s, ct_tensor *t[3])
{
    const int64_t *k = s->kernel, rows = s->rows + 2 * s->padding[0] - s->dilation[0] * (k[0] - 1);
    const int64_t columns = s->columns + 2 * s->padding[1] - s->dilation[1] * (k[1] - 1);
    t[0] = ct_variable(ct_randn(with, CT_F32, CT_SHAPE(s->images, s->c, s->rows, s->columns)));
    t[1] = ct_variable(ct_randn(with, CT_F32, CT_SHAPE(s->o, s->c, k[0], k[1])));
    t[2] = ct_variable(ct_randn(with, CT_F32, CT_SHAPE(s->images, s->o, (rows - 1) / s->stride[0] + 1,
                                                      (columns - 1) / s->stride[1] + 1)));
}

/* -- The loop. `result` is the tensor of x, w, y that is computed from the others */
typedef struct sums {
    long double *sum, *size;
} sums;

static sums sums_of(ct_tensor *const t[3], const conv_shape *s, int result)
{
    size_t n = (size_t)ct_count(t[result]);
    sums to = { calloc(n, sizeof *to.sum), calloc(n, sizeof *to.size) };
    const float *x = ct_data_f32(t[0]), *w = ct_data_f32(t[1]), *y = ct_data_f32(t[2]);
    const int64_t rows = ct_size(t[2], 2), columns = ct_size(t[2], 3);
    const int64_t taps = s->kernel[0] * s->kernel[1];
    ck_assert(to.sum && to.size);
    for (int64_t i = 0; i < ct_count(t[2]); i++)
        for (int64_t k = 0; k < taps * s->c; k++) {
            int64_t c = k / taps, o = i / (rows * columns) % s->o;
            int64_t r = i / columns % rows * s->stride[0] - s->padding[0] +
                        k / s->kernel[1] % s->kernel[0] * s->dilation[0];
            int64_t q = i % columns * s->stride[1] - s->padding[1] +
                        k % s->kernel[1] * s->dilation[1];
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
static void expect_sums(const ct_tensor *is, ct_tensor *const t[3], const conv_shape *s, int result,
                        double times)
{
    sums want = sums_of(t, s, result);
    long double most = 0;
    for (int64_t i = 0; i < ct_count(is); i++)
        most = want.size[i] > most ? want.size[i] : most;
    for (int64_t i = 0; i < ct_count(is); i++)
        ck_assert_msg(fabsl(ct_data_f32(is)[i] - times * want.sum[i]) <= 16 * 0x1p-24 * times * most,
                      "%lld x %lld, result %d: element %lld is %.9g, not %.9Lg",
                      (long long)s->rows, (long long)s->columns, result, (long long)i, (double)ct_data_f32(is)[i], times * want.sum[i]);
    free(want.sum);
    free(want.size);
}

void expect_products(const conv_shape *s, ct_simd simd)
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

void expect_spread(const conv_shape *s, int which, int64_t at, double value)
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

/* -- Bits */
static void expect_same_bits(const ct_tensor *a, const ct_tensor *b, const char *what)
{
    ck_assert(ct_same_shape(a, b));
    ck_assert_msg(memcmp(ct_data(a), ct_data(b), (size_t)ct_count(a) * sizeof(float)) == 0,
                  "other bits: %s", what);
}

void expect_images_apart(const conv_shape *s)
{
    ct_tensor *t[3], *y, *g, *of_one;
    ct_conv_options o = options_of(s);
    draw(cx, s, t);
    y = ct_conv(t[0], t[1], NULL, &o);
    ck_assert_int_eq(ct_grad(y, t[2], &t[0], 1, 0, &g), CT_OK);
    for (int64_t i = 0; i < s->images; i++) {
        ct_tensor *x = ct_variable(ct_contiguous(ct_detach(ct_slice(t[0], 0, i, i + 1, 1))));
        ct_tensor *one = ct_conv(x, t[1], NULL, &o);
        ck_assert_int_eq(ct_grad(one, ct_slice(t[2], 0, i, i + 1, 1), &x, 1, 0, &of_one), CT_OK);
        expect_same_bits(one, ct_contiguous(ct_slice(y, 0, i, i + 1, 1)), "y of an image by itself");
        expect_same_bits(of_one, ct_contiguous(ct_slice(g, 0, i, i + 1, 1)), "gx of an image");
    }
}

void expect_threads_alike(const conv_shape *s, int step)
{
    ct_tensor *kept[3] = { NULL };
    for (int threads = 1; threads <= 8; threads += step) {
        ct_context *with = ct_context_new(&(ct_context_options){ .threads = threads, .seed = 7 });
        ct_conv_options o = options_of(s);
        ct_tensor *t[3], *is[3];
        draw(with, s, t);
        is[0] = ct_conv(t[0], t[1], NULL, &o);
        ck_assert_int_eq(ct_grad(is[0], t[2], CT_TENSORS(t[0], t[1]), 0, is + 1), CT_OK);
        for (int i = 0; i < 3; i++)
            if (kept[i])
                expect_same_bits(kept[i], is[i], "threads");
            else
                kept[i] = ct_from_memory(cx, CT_F32, ct_shape(is[i]), ct_ndim(is[i]),
                                         ct_data(is[i]));
        ct_context_free(with);
    }
}

/* -- Memory */
static const conv_shape *trained;

static void train(ct_context *with)
{
    ct_conv_options o = options_of(trained);
    const int64_t *k = trained->kernel;
    ct_tensor *x = ct_variable(ct_zeros(with, CT_F32, CT_SHAPE(trained->images, trained->c,
                                                               trained->rows, trained->columns)));
    ct_tensor *w = ct_variable(ct_zeros(with, CT_F32, CT_SHAPE(trained->o, trained->c, k[0], k[1])));
    ct_backward(ct_sum(ct_conv(x, w, NULL, &o)));
}

void expect_memory_may_fail(const conv_shape *s)
{
    trained = s;
    for_each_failing_allocation(train);
}
