/* ops/convolution/: conv and conv_transpose, values and gradients, against one loop over all
 * products in long double, for every kind of shape and option; their errors; PyTorch's figures. */
#include "support.h"

typedef struct shape {
    int axes;
    int64_t images, groups, c, o; /* channels of a group */
    int64_t in[3], kernel[3], stride[3], dilation[3], padding[3], out[3];
} shape;

/* -- The loop */
typedef struct sums {
    long double *sum, *size; /* of the products, and of their absolute values */
    int64_t *terms;
    int64_t n;
} sums;

static sums sums_of(int64_t n)
{
    size_t count = (size_t)n + 1;
    sums s = { calloc(count, sizeof(long double)), calloc(count, sizeof(long double)),
               calloc(count, sizeof(int64_t)), n };
    ck_assert(s.sum && s.size && s.terms);
    return s;
}

static void drop(sums *s)
{
    free(s->sum);
    free(s->size);
    free(s->terms);
}

static void put(sums *s, int64_t at, double a, double b)
{
    s->sum[at] += (long double)a * b;
    s->size[at] += fabsl((long double)a * b);
    s->terms[at]++;
}

typedef struct reference {
    double *x, *w, *g; /* operands: image, weight, and what y is multiplied by */
    sums y, gx, gw;
} reference;

static double *numbers_of(const ct_tensor *t)
{
    double *to = malloc(((size_t)ct_count(t) + 1) * sizeof *to);
    ck_assert(to != NULL);
    ck_assert_int_eq(ct_to_doubles(t, to, ct_count(t)), CT_OK);
    return to;
}

static int64_t product(const int64_t n[3])
{
    return n[0] * n[1] * n[2];
}

/* where element k of the kernel meets x for pixel i; -1: outside */
static int64_t meets(const shape *s, int64_t i, int64_t k)
{
    int64_t at = 0;
    for (int d = 0; d < 3; d++) {
        int64_t below_y = d == 0 ? s->out[1] * s->out[2] : d == 1 ? s->out[2] : 1;
        int64_t below_k = d == 0 ? s->kernel[1] * s->kernel[2] : d == 1 ? s->kernel[2] : 1;
        int64_t here = i / below_y % s->out[d] * s->stride[d] +
                       k / below_k % s->kernel[d] * s->dilation[d] - s->padding[d];
        if (here < 0 || here >= s->in[d])
            return -1;
        at = at * s->in[d] + here;
    }
    return at;
}

static void compute(reference *r, const shape *s)
{
    int64_t in = product(s->in), out = product(s->out), taps = product(s->kernel);
    r->y = sums_of(s->images * s->groups * s->o * out);
    r->gx = sums_of(s->images * s->groups * s->c * in);
    r->gw = sums_of(s->groups * s->o * s->c * taps);
    for (int64_t n = 0; n < s->images * s->groups; n++)
        for (int64_t i = 0; i < out; i++)
            for (int64_t k = 0; k < taps; k++) {
                int64_t meet = meets(s, i, k), group = n % s->groups;
                for (int64_t o = 0; o < s->o && meet >= 0; o++)
                    for (int64_t c = 0; c < s->c; c++) {
                        int64_t y = (n * s->o + o) * out + i, x = (n * s->c + c) * in + meet;
                        int64_t w = ((group * s->o + o) * s->c + c) * taps + k;
                        put(&r->y, y, r->w[w], r->x[x]);
                        put(&r->gx, x, r->w[w], r->g[y]);
                        put(&r->gw, w, r->x[x], r->g[y]);
                    }
            }
}

/* a sum of n products is off by n + 4 roundings of the sum of their sizes, at most */
static void expect_sums(const ct_tensor *t, const sums *want, const char *what, int k)
{
    double eps = ct_dtype_of(t) == CT_F32 ? 0x1p-24 : 0x1p-53, *is = numbers_of(t);
    ck_assert_int_eq(ct_count(t), want->n);
    for (int64_t i = 0; i < want->n; i++) {
        long double off = fabsl(is[i] - want->sum[i]);
        long double most = ((long double)want->terms[i] + 4) * eps * want->size[i];
        ck_assert_msg(off <= most, "case %d, %s: element %lld is %.9g, not %.9Lg", k, what,
                      (long long)i, is[i], want->sum[i]);
    }
    free(is);
}

/* -- Cases */
static int64_t lists(int64_t to[5], int64_t first, int64_t second, const int64_t rest[3], int axes)
{
    to[0] = first, to[1] = second;
    for (int d = 0; d < axes; d++)
        to[2 + d] = rest[3 - axes + d];
    return axes + 2;
}

static ct_conv_options options_of(const shape *s)
{
    ct_conv_options o = { .groups = s->groups };
    for (int d = 0; d < s->axes; d++) {
        int from = d + 3 - s->axes;
        o.strides[d] = s->stride[from];
        o.paddings[d] = s->padding[from];
        o.dilations[d] = s->dilation[from];
        int64_t used = (s->out[from] - 1) * s->stride[from] +
                       s->dilation[from] * (s->kernel[from] - 1) + 1 - 2 * s->padding[from];
        o.output_paddings[d] = s->in[from] - used;
    }
    return o;
}

/* sizes of y; false: the kernel does not fit */
static bool complete(shape *s)
{
    for (int d = 0; d < 3; d++) {
        int64_t room = s->in[d] + 2 * s->padding[d] - s->dilation[d] * (s->kernel[d] - 1) - 1;
        if (room < 0)
            return false;
        s->out[d] = room / s->stride[d] + 1;
    }
    return true;
}

static ct_tensor *drawn(ct_dtype dtype, const int64_t *sizes, int64_t n)
{
    return ct_variable(ct_randn(cx, dtype, sizes, (int)n));
}

/* values and gradients of both, and the bias' */
static void expect_case(const shape *s, ct_dtype dtype, int k)
{
    ct_scope scope = ct_scope_begin(cx);
    int64_t sizes[5], n = lists(sizes, s->images, s->groups * s->c, s->in, s->axes);
    ct_tensor *x = drawn(dtype, sizes, n), *out[3], *y, *t;
    lists(sizes, s->images, s->groups * s->o, s->out, s->axes);
    ct_tensor *g = drawn(dtype, sizes, n);
    lists(sizes, s->groups * s->o, s->c, s->kernel, s->axes);
    ct_tensor *w = drawn(dtype, sizes, n);
    ct_conv_options o = options_of(s), transposed = o;
    memset(o.output_paddings, 0, sizeof o.output_paddings);
    reference r = { numbers_of(x), numbers_of(w), numbers_of(g), { 0 }, { 0 }, { 0 } };
    compute(&r, s);
    y = ct_conv(x, w, NULL, &o);
    expect_ok();
    expect_sums(y, &r.y, "y", k);
    ck_assert_int_eq(ct_grad(y, g, CT_TENSORS(x, w), 0, out), CT_OK);
    expect_sums(out[0], &r.gx, "gx", k);
    expect_sums(out[1], &r.gw, "gw", k);
    t = ct_conv_transpose(g, w, NULL, &transposed);
    expect_ok();
    ck_assert(ct_same_shape(t, x));
    expect_sums(t, &r.gx, "transposed", k);
    ck_assert_int_eq(ct_grad(t, x, CT_TENSORS(g, w), 0, out), CT_OK);
    expect_sums(out[0], &r.y, "gx of transposed", k);
    expect_sums(out[1], &r.gw, "gw of transposed", k);
    drop(&r.y), drop(&r.gx), drop(&r.gw);
    free(r.x), free(r.w), free(r.g);
    ct_scope_end(cx, scope);
}

static int64_t draw(uint64_t *seed, int64_t least, int64_t most)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return least + (int64_t)((*seed >> 33) % (uint64_t)(most - least + 1));
}

START_TEST(small_cases_of_every_kind)
{
    uint64_t seed = 1;
    int cases = 0;
    for (int k = 0; cases < 150; k++) {
        shape s = { .axes = 1 + k % 3, .images = draw(&seed, 1, 3), .groups = draw(&seed, 1, 3),
                    .c = draw(&seed, 1, 3), .o = draw(&seed, 1, 3) };
        for (int d = 0; d < 3; d++) {
            bool used = d >= 3 - s.axes;
            s.in[d] = used ? draw(&seed, 1, s.axes == 3 ? 4 : 8) : 1;
            s.kernel[d] = used ? draw(&seed, 1, 4) : 1;
            s.stride[d] = used ? draw(&seed, 1, 3) : 1;
            s.dilation[d] = used ? draw(&seed, 1, 2) : 1;
            s.padding[d] = used ? draw(&seed, 0, 3) : 0;
        }
        if (!complete(&s))
            continue;
        cases++;
        expect_case(&s, k % 2 ? CT_F32 : CT_F64, k);
    }
}
END_TEST

/* more than one block in an image, several images in a block, several ranges, many channels; of one
 * element, with a stride along the first axis alone, in either dtype */
static const shape large[] = {
    { 2, 3, 1, 5, 7, { 1, 33, 35 }, { 1, 3, 3 }, { 1, 1, 1 }, { 1, 1, 1 }, { 0, 1, 1 }, { 0 } },
    { 2, 19, 1, 20, 6, { 1, 7, 7 }, { 1, 3, 3 }, { 1, 1, 1 }, { 1, 1, 1 }, { 0, 1, 1 }, { 0 } },
    { 2, 3, 1, 9, 13, { 1, 24, 23 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 }, { 0, 0, 0 }, { 0 } },
    { 2, 70, 1, 9, 13, { 1, 4, 4 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 }, { 0, 0, 0 }, { 0 } },
    { 2, 2, 8, 1, 1, { 1, 21, 20 }, { 1, 3, 3 }, { 1, 1, 1 }, { 1, 1, 1 }, { 0, 1, 1 }, { 0 } },
    { 2, 2, 5, 1, 2, { 1, 17, 15 }, { 1, 3, 5 }, { 1, 2, 2 }, { 1, 1, 1 }, { 0, 1, 2 }, { 0 } },
    { 1, 2, 1, 3, 4, { 1, 1, 2000 }, { 1, 1, 9 }, { 1, 1, 2 }, { 1, 1, 3 }, { 0, 0, 7 }, { 0 } },
    { 1, 1, 1, 2, 2, { 1, 1, 700 }, { 1, 1, 600 }, { 1, 1, 1 }, { 1, 1, 1 }, { 0, 0, 2 }, { 0 } },
    { 3, 2, 1, 3, 4, { 6, 9, 11 }, { 3, 3, 3 }, { 1, 2, 1 }, { 1, 1, 2 }, { 1, 1, 2 }, { 0 } },
    { 2, 40, 1, 50, 30, { 1, 4, 4 }, { 1, 3, 3 }, { 1, 2, 2 }, { 1, 1, 1 }, { 0, 1, 1 }, { 0 } },
    { 3, 1, 1, 3, 4, { 5, 6, 7 }, { 1, 1, 1 }, { 2, 1, 1 }, { 1, 1, 1 }, { 0, 0, 0 }, { 0 } },
    { 3, 1, 1, 3, 4, { 5, 6, 7 }, { 1, 1, 1 }, { 2, 1, 1 }, { 1, 1, 1 }, { 0, 0, 0 }, { 0 } },
};

START_TEST(large_cases)
{
    for (int k = 0; k < (int)(sizeof large / sizeof *large); k++) {
        shape s = large[k];
        ck_assert(complete(&s));
        expect_case(&s, k % 2 ? CT_F64 : CT_F32, k);
    }
}
END_TEST

START_TEST(empty_batches_and_images)
{
    for (int k = 0; k < 4; k++) {
        shape s = { 2, k == 0 ? 0 : 2, 1, k == 1 ? 0 : 3, k == 2 ? 0 : 2,
                    { 1, k == 3 ? 0 : 4, 5 }, { 1, 3, 3 }, { 1, 1, 1 }, { 1, 1, 1 }, { 0, 2, 2 },
                    { 0 } };
        ck_assert(complete(&s));
        expect_case(&s, CT_F64, k);
    }
}
END_TEST

/* b is added to every pixel of its channel, where there are no products too; gb is the sum */
START_TEST(biases)
{
    ct_tensor *x = ct_zeros(cx, CT_F32, CT_SHAPE(30, 2, 3, 3)), *gb;
    ct_tensor *b = ct_variable(ct_from_doubles(cx, CT_F32, CT_SHAPE(2), CT_DOUBLES(1, -2)));
    ct_tensor *w = ct_ones(cx, CT_F32, CT_SHAPE(2, 2, 3, 3));
    for (int k = 0; k < 3; k++) {
        ct_conv_options o = { .padding = 1 };
        ct_tensor *images = k == 1 ? ct_zeros(cx, CT_F32, CT_SHAPE(30, 0, 3, 3)) : x;
        ct_tensor *weight = k == 1 ? ct_zeros(cx, CT_F32, CT_SHAPE(2, 0, 3, 3)) : w;
        ct_tensor *y = k == 2 ? ct_conv_transpose(x, w, b, &o) : ct_conv(images, weight, b, &o);
        expect_shape(y, CT_SHAPE(30, 2, 3, 3));
        for (int64_t i = 0; i < ct_count(y); i++)
            ck_assert(ct_data_f32(y)[i] == (i / 9 % 2 ? -2.0f : 1.0f));
        ck_assert_int_eq(ct_grad(ct_sum(ct_mul(y, y)), NULL, &b, 1, 0, &gb), CT_OK);
        expect_values(gb, CT_DOUBLES(540, -1080), 0);
    }
}
END_TEST

/* n numbers: no plain sum of f32 keeps these */
START_TEST(the_gradient_of_a_bias_is_summed_well)
{
    ct_tensor *b = ct_variable(ct_zeros(cx, CT_F32, CT_SHAPE(1))), *gb;
    ct_tensor *x = ct_zeros(cx, CT_F32, CT_SHAPE(3, 1, 100000));
    ct_tensor *y = ct_conv(x, ct_ones(cx, CT_F32, CT_SHAPE(1, 1, 1)), b, NULL);
    ck_assert_int_eq(ct_grad(y, ct_full(cx, CT_F32, CT_SHAPE(3, 1, 100000), 0.1), &b, 1, 0, &gb),
                     CT_OK);
    double is = 3e5 * (double)0.1f;
    ck_assert_double_le(fabs(ct_item(gb) - is), 64 * 0x1p-24 * is);
}
END_TEST

START_TEST(same_keeps_the_size)
{
    for (int64_t k = 1; k < 6; k++)
        for (int64_t d = 1; d < 4; d++) {
            ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(1, 1, 5));
            ct_tensor *w = ct_randn(cx, CT_F64, CT_SHAPE(1, 1, k));
            ct_conv_options o = { .dilation = d, .same = true };
            ct_tensor *y = ct_conv(x, w, NULL, &o);
            expect_shape(y, CT_SHAPE(1, 1, 5));
            int64_t more = d * (k - 1);
            ct_tensor *padded = ct_pad(x, CT_SIZES(0, 0, 0, 0, more / 2, more - more / 2),
                                       CT_PAD_CONSTANT, 0);
            ck_assert_double_eq(ct_max_difference(y, ct_conv(padded, w, NULL,
                                    &(ct_conv_options){ .dilation = d })), 0);
        }
}
END_TEST

START_TEST(views_are_operands)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(4, 5, 2, 3));
    ct_tensor *w = ct_randn(cx, CT_F64, CT_SHAPE(2, 2, 2, 3));
    ct_tensor *v = ct_permute(x, CT_AXES(3, 2, 0, 1)), *u = ct_transpose(w);
    ck_assert_double_eq(ct_max_difference(ct_conv(v, u, NULL, NULL),
                            ct_conv(ct_contiguous(v), ct_contiguous(u), NULL, NULL)), 0);
}
END_TEST

typedef struct fault {
    int64_t x[5], w[5];
    int x_ndim, w_ndim;
    bool transposes;
    ct_conv_options options;
    ct_status status;
    const char *text, *more;
} fault;

static const fault faults[] = {
    { { 1, 1, 5 }, { 1, 1, 6 }, 3, 3, false, { 0 }, CT_ERROR_SHAPE,
      "the kernel must fit into the padded image: it spans 6 elements of 5", "(1,1,5)" },
    { { 1, 1, 5 }, { 1, 1, 3 }, 3, 3, false, { .dilation = 3 }, CT_ERROR_SHAPE,
      "it spans 7 elements of 5", "conv: " },
    { { 1, 1, 5 }, { 1, 1, 3 }, 3, 3, false, { .dilation = 1 << 30 }, CT_ERROR_SHAPE,
      "it spans 2147483649 elements", "of 5" },
    { { 1, 3, 5 }, { 4, 2, 3 }, 3, 3, false, { 0 }, CT_ERROR_SHAPE,
      "the weight must take 3 channels of x in each of 1 groups", "(4,2,3)" },
    { { 1, 3, 5 }, { 4, 3, 3 }, 3, 3, false, { .groups = 2 }, CT_ERROR_SHAPE,
      "groups must divide the channels, which are 3 and 4; got 2 groups", "" },
    { { 1, 3, 5 }, { 4, 3, 3 }, 3, 3, false, { .groups = -1 }, CT_ERROR_VALUE,
      "groups must be positive and at most 1073741824, got -1", "" },
    { { 1, 1, 5 }, { 1, 1, 3 }, 3, 3, false, { .stride = -1 }, CT_ERROR_VALUE,
      "stride must be from 0 to", "got -1" },
    { { 1, 1, 5 }, { 1, 1, 3 }, 3, 3, false, { .dilation = -2 }, CT_ERROR_VALUE, "dilation",
      "got -2" },
    { { 1, 1, 5 }, { 1, 1, 3 }, 3, 3, false, { .padding = INT64_MAX }, CT_ERROR_VALUE, "padding",
      "got 9223372036854775807" },
    { { 1, 1, 5 }, { 1, 1, 0 }, 3, 3, false, { 0 }, CT_ERROR_SHAPE, "the kernel must have elements",
      "" },
    { { 1, 5 }, { 1, 1, 3 }, 2, 3, false, { 0 }, CT_ERROR_SHAPE, "takes images (N,C,...)", "" },
    { { 1, 1, 2, 2 }, { 1, 1, 2 }, 4, 3, false, { 0 }, CT_ERROR_SHAPE, "as many", "" },
    { { 1, 1, 5 }, { 1, 1, 3 }, 3, 3, false, { .stride = 2, .same = true }, CT_ERROR_VALUE,
      "with `same`, the stride must be 1", "got stride 2" },
    { { 1, 1, 5 }, { 1, 1, 3 }, 3, 3, false, { .padding = 2, .same = true }, CT_ERROR_VALUE,
      "no padding", "padding 2" },
    { { 1, 1, 5 }, { 1, 1, 3 }, 3, 3, false, { .output_padding = 1 }, CT_ERROR_VALUE,
      "output_padding is for ct_conv_transpose", "" },
    { { 1, 1, 5 }, { 1, 1, 3 }, 3, 3, false, { .reserved = { 0, 1 } }, CT_ERROR_VALUE, "reserved",
      "" },
    { { 1, 1, 5 }, { 1, 1, 3 }, 3, 3, true, { .same = true }, CT_ERROR_VALUE,
      "`same` is for ct_conv", "conv_transpose: " },
    { { 1, 1, 5 }, { 1, 1, 3 }, 3, 3, true, { .output_padding = 2, .stride = 2 }, CT_ERROR_VALUE,
      "output_padding must be less than the stride or the dilation, got 2", "" },
    { { 1, 1, 1 }, { 1, 1, 3 }, 3, 3, true, { .padding = 2 }, CT_ERROR_SHAPE,
      "the result must have 0 elements or more along an axis, and not -1", "" },
    { { 1, 1, 0 }, { 1, 1, 3 }, 3, 3, true, { 0 }, CT_ERROR_SHAPE, "an image must have elements",
      "" },
    { { 1, 3, 5 }, { 2, 4, 3 }, 3, 3, true, { 0 }, CT_ERROR_SHAPE,
      "the weight must take 3 channels of x", "(2,4,3)" },
};

START_TEST(errors_say_what_is_wanted)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const fault *f = &faults[i];
        ct_tensor *x = ct_zeros(cx, CT_F32, f->x, f->x_ndim);
        ct_tensor *w = ct_zeros(cx, CT_F32, f->w, f->w_ndim);
        ck_assert((f->transposes ? ct_conv_transpose : ct_conv)(x, w, NULL, &f->options) == NULL);
        expect_error(f->status, f->text, f->more, NULL);
    }
    ct_tensor *x = ct_zeros(cx, CT_F32, CT_SHAPE(1, 1, 5));
    ct_tensor *w = ct_zeros(cx, CT_F32, CT_SHAPE(1, 0, (int64_t)1 << 40));
    ck_assert(!ct_conv(x, w, NULL, &(ct_conv_options){ .same = true, .dilation = 1 << 30 }));
    expect_error(CT_ERROR_SHAPE, "the weight must take 1 channels of x", NULL);
    w = ct_zeros(cx, CT_F32, CT_SHAPE(2, 1, 3));
    ck_assert(ct_conv(x, w, ct_zeros(cx, CT_F32, CT_SHAPE(3)), NULL) == NULL);
    expect_error(CT_ERROR_SHAPE, "the bias must have the shape (2)", NULL);
    ck_assert(ct_conv(x, ct_cast(w, CT_F64), NULL, NULL) == NULL);
    expect_error(CT_ERROR_DTYPE, "ct_cast", NULL);
    ck_assert(ct_conv(x, w, ct_add(x, ct_cast(w, CT_F64)), NULL) == NULL);
    expect_error(CT_ERROR_DTYPE, "add", NULL);
    ck_assert(ct_conv(NULL, w, NULL, NULL) == NULL);
    expect_error(CT_ERROR_NULL, "conv", NULL);
}
END_TEST

/* padding beyond the image is none of these errors: the kernel lies outside there */
START_TEST(one_pixel)
{
    ct_tensor *x = ct_full(cx, CT_F64, CT_SHAPE(1, 1, 1, 1), 3);
    ct_tensor *w = ct_from_doubles(cx, CT_F64, CT_SHAPE(1, 1, 1, 3), CT_DOUBLES(1, 2, 3));
    ct_conv_options o = { .paddings = { 0, 3 } };
    expect_values(ct_conv(x, w, NULL, &o), CT_DOUBLES(0, 9, 6, 3, 0), 0);
}
END_TEST

static void train(ct_context *with)
{
    ct_tensor *x = ct_variable(ct_zeros(with, CT_F32, CT_SHAPE(3, 2, 5, 5)));
    ct_tensor *w = ct_variable(ct_zeros(with, CT_F32, CT_SHAPE(4, 2, 3, 3)));
    ct_tensor *b = ct_variable(ct_zeros(with, CT_F32, CT_SHAPE(4)));
    ct_conv_options o = { .stride = 2 };
    ct_backward(ct_sum(ct_conv(x, w, b, &o)));
    ct_backward(ct_sum(ct_conv_transpose(ct_conv(x, w, b, NULL), w, NULL, NULL)));
}

START_TEST(memory_fails)
{
    for_each_failing_allocation(train);
}
END_TEST

/* channels that are shared out one by one: each sum is a whole number */
START_TEST(bias_of_large_images)
{
    ct_context *with = ct_context_new(&(ct_context_options){ .threads = 3 });
    ct_tensor *x = ct_ones(with, CT_F32, CT_SHAPE(2, 1, 180, 200)), *gb;
    ct_tensor *w = ct_from_doubles(with, CT_F32, CT_SHAPE(4, 1, 1, 1), CT_DOUBLES(1, 2, 3, 4));
    ct_tensor *b = ct_variable(ct_zeros(with, CT_F32, CT_SHAPE(4)));
    ct_tensor *y = ct_conv(x, w, b, NULL);
    ck_assert_int_eq(ct_grad(y, y, &b, 1, 0, &gb), CT_OK);
    for (int i = 0; i < 4; i++)
        ck_assert(ct_data_f32(gb)[i] == (float)(72000 * (i + 1)));
    ct_context_free(with);
}
END_TEST

/* y, gx, gw, gb, for any number of threads */
START_TEST(threads_change_no_bit)
{
    for (int k = 0; k < (int)(sizeof large / sizeof *large); k++) {
        ct_tensor *kept[4] = { NULL };
        shape s = large[k];
        ck_assert(complete(&s));
        for (int threads = 1; threads <= 8; threads += k % 2 ? 7 : 2) {
            ct_context *with = ct_context_new(&(ct_context_options){ .threads = threads });
            int64_t sizes[5], n = lists(sizes, s.images, s.groups * s.c, s.in, s.axes);
            ct_seed(with, 7);
            ct_tensor *x = ct_variable(ct_randn(with, CT_F32, sizes, (int)n)), *all[4];
            lists(sizes, s.groups * s.o, s.c, s.kernel, s.axes);
            ct_tensor *w = ct_variable(ct_randn(with, CT_F32, sizes, (int)n));
            ct_tensor *b = ct_variable(ct_randn(with, CT_F32, sizes, 1));
            ct_conv_options o = options_of(&s);
            memset(o.output_paddings, 0, sizeof o.output_paddings);
            all[0] = ct_conv(x, w, b, &o);
            ck_assert_int_eq(ct_grad(ct_sum(ct_square(all[0])), NULL, CT_TENSORS(x, w, b), 0,
                                     all + 1), CT_OK);
            for (int i = 0; i < 4; i++) {
                size_t bytes = (size_t)ct_count(all[i]) * sizeof(float);
                if (!kept[i])
                    kept[i] = ct_from_memory(cx, CT_F32, ct_shape(all[i]), ct_ndim(all[i]),
                                             ct_data(all[i]));
                ck_assert_msg(memcmp(ct_data(kept[i]), ct_data(all[i]), bytes) == 0,
                              "case %d: result %d differs with %d threads", k, i, threads);
            }
            ct_context_free(with);
        }
    }
}
END_TEST

/* A kernel for each channel, where most of a copy with zeros round the image would be zeros: the
 * elements that y has are few, and x is met at its corners or nowhere. */
START_TEST(far_strides_of_a_kernel_for_each_channel)
{
    const int64_t far = (int64_t)1 << 30;
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(1, 2, 1, 1), CT_DOUBLES(3, 5));
    ct_tensor *w = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 1, 1, 1), CT_DOUBLES(2, 7));
    ct_tensor *y = ct_conv(x, w, NULL, &(ct_conv_options){ .stride = far, .padding = far / 2,
                                                           .groups = 2 });
    expect_values(y, CT_DOUBLES(0, 0, 0, 0, 0, 0, 0, 0), 0);
    x = ct_from_doubles(cx, CT_F64, CT_SHAPE(1, 2, 5), CT_DOUBLES(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
    w = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 1, 1), CT_DOUBLES(2, 7));
    y = ct_conv(x, w, NULL, &(ct_conv_options){ .stride = far, .groups = 2 });
    expect_values(y, CT_DOUBLES(2, 42), 0);
    ck_assert_ptr_null(ct_conv_transpose(x, w, NULL, &(ct_conv_options){ .groups = INT64_MAX }));
    expect_error(CT_ERROR_VALUE, "conv_transpose: groups must be positive and at most", NULL);
    ct_memory m;
    ct_memory_stats(cx, &m);
    ck_assert_int_lt(m.peak_bytes, 1 << 28);
}
END_TEST

/* all elements of y are behind what x gives, so that each is met by zeros only */
START_TEST(padding_that_no_element_passes)
{
    ct_conv_options o = { .padding = 2, .output_padding = 4, .dilation = 5, .groups = 2 };
    ct_tensor *in[] = { ct_ones(cx, CT_F64, CT_SHAPE(1, 2, 1)),
                        ct_ones(cx, CT_F64, CT_SHAPE(2, 1, 1)) }, *g[2];
    for (int i = 0; i < 2; i++)
        ct_variable(in[i]);
    ct_tensor *y = ct_conv_transpose(in[0], in[1], NULL, &o);
    expect_shape(y, CT_SHAPE(1, 2, 1));
    expect_values(y, CT_DOUBLES(0, 0), 0);
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, in, 2, 0, g), CT_OK);
    for (int i = 0; i < 2; i++)
        expect_values(g[i], CT_DOUBLES(0, 0), 0);
}
END_TEST

/* What a kernel of 3 x 3 for each channel computes is what convolutions of single channels do. All
 * are called twice, so that gradients are added to. */
static ct_tensor *channel_by_channel(ct_tensor *x, ct_tensor *w, ct_tensor *b)
{
    ct_tensor *y[8];
    const int64_t o = ct_size(w, 0) / ct_size(x, 1);
    for (int64_t c = 0; c < ct_size(x, 1); c++)
        y[c] = ct_conv(ct_slice(x, 1, c, c + 1, 1), ct_slice(w, 0, c * o, (c + 1) * o, 1),
                       ct_slice(b, 0, c * o, (c + 1) * o, 1), &(ct_conv_options){ .padding = 1 });
    return ct_concat(y, (int)ct_size(x, 1), 1);
}

START_TEST(kernels_of_3_x_3_for_each_channel)
{
    static const int64_t widths[] = { 1, 2, 4, 5, 7, 8, 9, 15, 16, 17, 28, 33 };
    for (int k = 0; k < 3 * 12 * 2; k++) {
        ct_context *with = ct_context_new(&(ct_context_options){ .simd = (ct_simd)(k % 3 + 1) });
        ct_dtype dtype = k % 2 ? CT_F32 : CT_F64;
        int64_t w = widths[k / 6], h = 1 + (k / 3 + w) % 5, c = 2 + k % 2, o = 1 + k % 5 / 4;
        ct_tensor *in[] = { ct_variable(ct_randn(with, dtype, CT_SHAPE(17, c, h, w))),
                            ct_variable(ct_randn(with, dtype, CT_SHAPE(c * o, 1, 3, 3))),
                            ct_variable(ct_randn(with, dtype, CT_SHAPE(c * o))) };
        ct_tensor *g = ct_randn(with, dtype, CT_SHAPE(17, c * o, h, w)), *got[3], *want[3];
        const ct_conv_options all = { .padding = 1, .groups = c };
        ct_tensor *y = ct_conv(in[0], in[1], in[2], &all);
        ct_tensor *z = channel_by_channel(in[0], in[1], in[2]);
        const double units = dtype == CT_F32 ? 1e-4 : 1e-12;
        ck_assert_double_le(ct_max_difference(y, z), units);
        y = ct_add(y, ct_conv(in[0], in[1], in[2], &all));
        ck_assert_int_eq(ct_grad(y, g, in, 3, 0, got), CT_OK);
        ck_assert_int_eq(ct_grad(ct_scale(z, 2), g, in, 3, 0, want), CT_OK);
        for (int i = 0; i < 3; i++)
            ck_assert_double_le(ct_max_difference(got[i], want[i]), 4 * units);
        ck_assert_int_eq(ct_error(with), CT_OK);
        ct_context_free(with);
    }
}
END_TEST

/* what is not finite in a row of one image is nowhere else */
START_TEST(no_neighbor_of_an_image_is_read_as_its_own)
{
    for (int64_t w = 3; w < 36; w += 4) {
        ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(3, 2, 3, w)), *y, *gx[2];
        ck_assert_int_eq(ct_fill(ct_select(ct_select(x, 0, 1), 0, 0), INFINITY), CT_OK);
        ct_tensor *in[] = { ct_variable(x), ct_variable(ct_ones(cx, CT_F32, CT_SHAPE(2, 1, 3, 3))) };
        y = ct_conv(in[0], in[1], NULL, &(ct_conv_options){ .padding = 1, .groups = 2 });
        ck_assert_int_eq(ct_grad(y, ct_ones_like(y), in, 2, 0, gx), CT_OK);
        for (int i = 0; i < 6; i++)
            ck_assert(isfinite(ct_item(ct_sum(ct_select(ct_select(y, 0, i / 2), 0, i % 2)))) ==
                      (i != 2));
        ck_assert(!isnan(ct_item(ct_sum(gx[1]))));
        ck_assert(isfinite(ct_item(ct_sum(ct_select(gx[1], 0, 1)))));
    }
}
END_TEST

/* gx at the border has fewer terms, and what is not there is no zero: it meets no infinite weight */
START_TEST(infinite_weights_at_the_border)
{
    const double w[] = { 1, 2, 4, INFINITY, 1, 1 }, want[] = { 3, 7, 6, INFINITY, INFINITY, 2 };
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++)
        for (int groups = 1; groups <= 2; groups++) {
            ct_tensor *x = ct_variable(ct_ones(cx, (ct_dtype)dtype, CT_SHAPE(1, groups, 3)));
            ct_tensor *k = ct_from_doubles(cx, (ct_dtype)dtype, CT_SHAPE(groups, 1, 3),
                                           w + 6 - 3 * groups, 3 * groups);
            ct_backward(ct_sum(ct_conv(x, k, NULL, &(ct_conv_options){ .padding = 1,
                                                                       .groups = groups })));
            expect_values(ct_gradient(x), want + 6 - 3 * groups, 3 * groups, 0);
        }
}
END_TEST

Suite *conv_suite(void)
{
    return make_suite("conv", (const TTest *const[]){
        small_cases_of_every_kind, large_cases, empty_batches_and_images, biases,
        the_gradient_of_a_bias_is_summed_well, same_keeps_the_size, views_are_operands,
        errors_say_what_is_wanted, one_pixel, memory_fails, bias_of_large_images,
        threads_change_no_bit, far_strides_of_a_kernel_for_each_channel,
        padding_that_no_element_passes, kernels_of_3_x_3_for_each_channel,
        no_neighbor_of_an_image_is_read_as_its_own, infinite_weights_at_the_border, NULL });
}
