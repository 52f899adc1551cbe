/* Elementwise kernels of this machine in every layout that the driver treats in its own way,
 * against the plain ones on contiguous copies: sizes round those of vectors and blocks, stored and
 * added. */
#include "support.h"

enum { ROOM = 3 * 1100 };
static double source[ROOM], weight[ROOM];

typedef ct_tensor *(*unary)(ct_tensor *x);
typedef ct_tensor *(*binary)(ct_tensor *a, ct_tensor *b);
static const unary unaries[] = { ct_neg, ct_exp, ct_expm1, ct_log, ct_log1p, ct_sqrt, ct_square,
                                 ct_reciprocal, ct_abs, ct_sin, ct_erf, ct_tanh, ct_sigmoid,
                                 ct_relu, ct_gelu, ct_silu, ct_softplus };
static const binary binaries[] = { ct_add, ct_sub, ct_mul, ct_div, ct_pow, ct_maximum,
                                   ct_minimum };
enum { UNARIES = sizeof unaries / sizeof *unaries, BINARIES = sizeof binaries / sizeof *binaries };

/* n elements of a matrix of three rows: as they are, off the start, every third, reversed, a
 * column's transpose, one repeated */
static ct_tensor *lay_out(ct_tensor *x, int layout, int n)
{
    switch (layout) {
    case 0: return ct_slice(x, 0, 0, n, 1);
    case 1: return ct_slice(x, 0, 1, n + 1, 1);
    case 2: return ct_slice(x, 0, 0, 3 * n, 3);
    case 3: return ct_slice(x, 0, n - 1, CT_END, -1);
    case 4: return ct_transpose(ct_reshape(ct_slice(x, 0, 0, 3 * n, 1), CT_SHAPE(n, 3)));
    default: return ct_broadcast_to(ct_slice(x, 0, 2, 3, 1), CT_SHAPE(n));
    }
}
enum { LAYOUTS = 6 };

typedef struct outcome {
    double y[ROOM], ga[ROOM], gb[ROOM];
} outcome;

/* y, and the gradients of sum(w y), added to where f's operand is used twice */
static void compute(ct_context *c, ct_dtype dtype, int f, int layout, int n, outcome *out)
{
    bool copies = ct_simd_of(c) == CT_SIMD_PLAIN;
    ct_scope scope = ct_scope_begin(c);
    ct_tensor *a = ct_variable(ct_from_doubles(c, dtype, CT_SHAPE(ROOM), source, ROOM));
    ct_tensor *b = ct_variable(ct_from_doubles(c, dtype, CT_SHAPE(ROOM), weight, ROOM)), *y, *w;
    ct_tensor *u = lay_out(a, layout, n), *v = lay_out(b, n % LAYOUTS, n);
    if (copies)
        u = ct_contiguous(u), v = ct_contiguous(v);
    y = f < UNARIES ? unaries[f](u) : binaries[f - UNARIES](u, v);
    if (f < UNARIES && n % 2) /* used twice: the second cotangent is added to the first */
        y = copies ? ct_scale(y, 2) : ct_add(y, unaries[f](u));
    w = ct_reshape(ct_slice(ct_from_doubles(c, dtype, CT_SHAPE(ROOM), weight, ROOM), 0, 0,
                            ct_count(y), 1), ct_shape(y), ct_ndim(y));
    ck_assert_msg(ct_backward_from(y, w) == CT_OK, "%s", ct_error_text(c));
    memset(out, 0, sizeof *out);
    ct_to_doubles(y, out->y, ROOM);
    ct_to_doubles(ct_gradient(a), out->ga, ROOM);
    if (f >= UNARIES)
        ct_to_doubles(ct_gradient(b), out->gb, ROOM);
    ct_scope_end(c, scope);
}

/* within a few roundings of what is summed there */
static void expect_alike(const double *got, const double *want, double unit, int f, int layout,
                         int n)
{
    for (int i = 0; i < ROOM; i++)
        if (!(fabs(got[i] - want[i]) <= 16 * unit * (1 + fabs(want[i]))))
            ck_abort_msg("function %d, layout %d, %d elements: element %d is %.9g, not %.9g", f,
                         layout, n, i, got[i], want[i]);
}

static void compare(ct_dtype dtype, double unit)
{
    const int sizes[] = { 1, 2, 3, 7, 8, 9, 15, 17, 31, 33, 64, 511, 512, 513, 1025 };
    static outcome got, want;
    ct_context *plain = ct_context_new(&(ct_context_options){ .simd = CT_SIMD_PLAIN });
    for (int f = 0; f < UNARIES + BINARIES; f++)
        for (int layout = 0; layout < LAYOUTS; layout++)
            for (int k = 0; k < (int)(sizeof sizes / sizeof *sizes); k++) {
                if (sizes[k] < 3 && layout == 3)
                    continue;
                compute(plain, dtype, f, layout, sizes[k], &want);
                compute(cx, dtype, f, layout, sizes[k], &got);
                expect_alike(got.y, want.y, unit, f, layout, sizes[k]);
                expect_alike(got.ga, want.ga, unit, f, layout, sizes[k]);
                expect_alike(got.gb, want.gb, unit, f, layout, sizes[k]);
            }
    ct_context_free(plain);
}

static void make_source(void)
{
    for (int i = 0; i < ROOM; i++) {
        source[i] = 0.25 + (double)(ct_random_u64(cx) % 4096) / 1024;
        weight[i] = 0.5 + (double)(ct_random_u64(cx) % 4096) / 2048;
    }
}

START_TEST(as_the_plain_kernels_f32)
{
    make_source();
    compare(CT_F32, 0x1p-24);
}
END_TEST

START_TEST(as_the_plain_kernels_f64)
{
    make_source();
    compare(CT_F64, 0x1p-53);
}
END_TEST

/* what goes past the caches, with an odd end; results are aligned, operands need not be */
START_TEST(what_is_streamed)
{
    enum { N = (9 << 20) + 13 };
    ct_tensor *x = ct_rand(cx, CT_F32, CT_SHAPE(N)), *off = ct_slice(x, 0, 1, N, 1);
    ct_tensor *z = ct_rand(cx, CT_F64, CT_SHAPE(N / 2));
    const float *from = ct_data(x), *y = ct_data(ct_sub(x, ct_scalar(cx, CT_F32, 1)));
    const float *w = ct_data(ct_mul(off, off));
    const double *from64 = ct_data(z), *y64 = ct_data(ct_mul(z, z));
    ct_tensor *rows = ct_reshape(ct_slice(x, 0, 0, 2048 * 4099, 1), CT_SHAPE(2048, 4099));
    const float *v = ct_data(ct_sub(rows, ct_slice(x, 0, 0, 4099, 1)));
    int wrong = 0;
    for (int i = 0; i < 2048 * 4099; i++)
        wrong += v[i] != from[i] - from[i % 4099];
    for (int i = 0; i < N; i++)
        wrong += y[i] != from[i] - 1 || (i > 0 && w[i - 1] != from[i] * from[i]);
    for (int i = 0; i < N / 2; i++)
        wrong += y64[i] != from64[i] * from64[i];
    ck_assert_int_eq(wrong, 0);
}
END_TEST

/* -- Places: a kernel's vectors, and the elements that are left over, round alike */
enum { PLACES = 35 };

/* numbers near those of the sample */
static ct_tensor *spread(ct_tensor *x, ct_dtype dtype)
{
    double some[64], all[PLACES];
    int count = (int)ct_count(x);
    ck_assert_int_le(count, 64);
    ck_assert_int_eq(ct_to_doubles(x, some, count), CT_OK);
    for (int i = 0; i < PLACES; i++)
        all[i] = some[i % count] * (1 - 1e-3 * i / PLACES);
    return ct_variable(ct_from_doubles(cx, dtype, CT_SHAPE(PLACES), all, PLACES));
}

static ct_tensor *element(ct_tensor *x, int at)
{
    return ct_slice(ct_detach(x), 0, at, at + 1, 1);
}

static void expect_bits(const ct_op *op, ct_tensor *all, int at, ct_tensor *one)
{
    size_t size = ct_dtype_size(ct_dtype_of(one));
    ck_assert_msg(memcmp((const char *)ct_data(all) + (size_t)at * size, ct_data(one), size) == 0,
                  "%s: %.17g among others, %.17g alone", op->name, ct_at(all, CT_INDEX(at)),
                  ct_item(one));
}

static void try_places(const ct_op *op, ct_dtype dtype)
{
    ct_tensor *x[8], *g[8], *own[8], *own_g[8];
    uint64_t attributes[64];
    int n = op->sample(cx, 0, x, attributes);
    for (int i = 0; i < n; i++)
        x[i] = spread(x[i], dtype);
    ct_tensor *y = ct_apply(op, attributes, x, n), *gy = spread(y, dtype);
    bool slopes = ct_requires_grad(y) && ct_grad(y, gy, x, n, CT_ZERO_PATH, g) == CT_OK;
    for (int at = 0; at < PLACES; at++) {
        for (int i = 0; i < n; i++)
            own[i] = ct_variable(element(x[i], at));
        ct_tensor *one = ct_apply(op, attributes, own, n);
        expect_bits(op, y, at, one);
        if (slopes)
            ck_assert_int_eq(ct_grad(one, element(gy, at), own, n, CT_ZERO_PATH, own_g), CT_OK);
        for (int i = 0; i < n && slopes; i++)
            expect_bits(op, g[i], at, own_g[i]);
    }
    expect_ok();
}

START_TEST(an_element_is_the_same_in_each_place)
{
    int n, tried = 0;
    const ct_op *const *list = ct_op_list(&n);
    for (int i = 0; i < n; i++)
        for (int d = 0; d < 2 && list[i]->flags & CT_OP_KERNELS && list[i]->sample; d++) {
            ct_scope scope = ct_scope_begin(cx);
            try_places(list[i], d ? CT_F64 : CT_F32);
            ct_scope_end(cx, scope);
            tried++;
        }
    ck_assert_int_ge(tried, 100);
}
END_TEST

Suite *elementwise_suite(void);
Suite *elementwise_suite(void)
{
    return make_suite("elementwise", (const TTest *[]){
        as_the_plain_kernels_f32, as_the_plain_kernels_f64, what_is_streamed,
        an_element_is_the_same_in_each_place, NULL });
}
