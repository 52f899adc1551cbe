/* ops/convolution/ against PyTorch: tests/ops/torch/convolution.txt has the figures, and the
 * program beside it, which wrote them, says what its lines mean. */
#include "support.h"

static FILE *file;

static int64_t next_number(void)
{
    int n = -1;
    ck_assert(fscanf(file, "%d", &n) == 1);
    return n;
}

static void next_numbers(int64_t *to, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = next_number();
}

static ct_tensor *numbers(const int64_t *shape, int ndim, int64_t seed, int64_t modulus)
{
    ct_tensor *x = ct_empty(cx, CT_F64, shape, ndim);
    double *to = ct_data_mutable(x);
    for (int64_t i = 0; i < ct_count(x); i++)
        to[i] = (double)((i * 7919 + seed * 104729) % modulus - modulus / 2) / 64;
    return x;
}

static ct_tensor *input(const int64_t *shape, int ndim, int64_t seed, int64_t modulus)
{
    return ct_variable(numbers(shape, ndim, seed, modulus));
}

/* the next line of the file is t */
static void expect_line(const ct_tensor *t, const char *name, const char *head)
{
    char is[8] = "";
    expect_ok();
    ck_assert(t != NULL);
    ck_assert_int_eq(fscanf(file, "%7s", is), 1);
    ck_assert_str_eq(is, name);
    for (int d = 0; d < ct_ndim(t); d++)
        ck_assert_msg(next_number() == ct_shape(t)[d], "%s %s: size %d is not %lld", head, name, d,
                      (long long)ct_shape(t)[d]);
    ck_assert_int_eq(fscanf(file, " %1[:]", is), 1);
    double *values = malloc((size_t)ct_count(t) * sizeof *values), want;
    ck_assert_int_eq(ct_to_doubles(t, values, ct_count(t)), CT_OK);
    for (int64_t i = 0; i < ct_count(t); i++) {
        ck_assert_int_eq(fscanf(file, "%lf", &want), 1);
        ck_assert_msg(fabs(values[i] - want) <= 1e-12 * (100 + fabs(want)),
                      "%s: %s[%lld] is %.17g, PyTorch has %.17g", head, name, (long long)i,
                      values[i], want);
    }
    free(values);
}

static void expect_case(const char *head, ct_tensor *y, ct_tensor *const *x, int n)
{
    static const char *const names[] = { "gx", "gw", "gb" };
    ct_tensor *gx[3];
    expect_line(y, "y", head);
    ct_tensor *g = numbers(ct_shape(y), ct_ndim(y), 3, 1009);
    for (int with_graph = 0; with_graph < 2; with_graph++) {
        long at = ftell(file);
        ck_assert_int_eq(ct_grad(y, g, x, n, with_graph ? CT_CREATE_GRAPH : 0, gx), CT_OK);
        for (int i = 0; i < n; i++)
            expect_line(gx[i], names[i], head);
        if (!with_graph)
            fseek(file, at, SEEK_SET);
    }
}

static void run_conv(const char *kind)
{
    int axes = (int)next_number();
    int64_t n[5], size[3], kernel[3], shape[5], output_padding[3];
    ct_conv_options o = { .same = strcmp(kind, "same") == 0 };
    bool transposed = strcmp(kind, "transposed") == 0;
    next_numbers(n, 5); /* images, channels, out, groups, bias */
    next_numbers(size, axes);
    next_numbers(kernel, axes);
    next_numbers(o.strides, axes);
    next_numbers(o.paddings, axes);
    next_numbers(o.dilations, axes);
    next_numbers(transposed ? o.output_paddings : output_padding, axes);
    o.groups = n[3];
    shape[0] = n[0], shape[1] = n[1];
    memcpy(shape + 2, size, sizeof size);
    ct_tensor *x = input(shape, 2 + axes, 1, 1009);
    shape[0] = transposed ? n[1] : n[2];
    shape[1] = (transposed ? n[2] : n[1]) / n[3];
    memcpy(shape + 2, kernel, sizeof kernel);
    ct_tensor *w = input(shape, 2 + axes, 2, 1009);
    ct_tensor *b = n[4] ? input(CT_SHAPE(n[2]), 4, 1009) : NULL;
    ct_tensor *y = (transposed ? ct_conv_transpose : ct_conv)(x, w, b, &o);
    expect_case(kind, y, (ct_tensor *[]){ x, w, b }, b ? 3 : 2);
}

static void run_pool(const char *kind)
{
    int axes = (int)next_number();
    int64_t n[4], shape[5];
    ct_pool_options o = { 0 };
    next_numbers(n, 4); /* images, channels, ceil, exclude */
    shape[0] = n[0], shape[1] = n[1];
    next_numbers(shape + 2, axes);
    next_numbers(o.kernels, axes);
    next_numbers(o.strides, axes);
    next_numbers(o.paddings, axes);
    next_numbers(o.dilations, axes);
    o.ceil = n[2] != 0, o.exclude_padding = n[3] != 0;
    ct_tensor *x = input(shape, 2 + axes, 1, 11);
    expect_case(kind, (strcmp(kind, "max") == 0 ? ct_max_pool : ct_avg_pool)(x, &o), &x, 1);
}

static void run_resize(const char *kind)
{
    int axes = (int)next_number();
    int64_t shape[5], to[3];
    next_numbers(shape, 2 + axes);
    next_numbers(to, axes);
    ct_tensor *x = input(shape, 2 + axes, 1, 11), *y;
    if (strcmp(kind, "adaptive_max") == 0)
        y = ct_adaptive_max_pool(x, to, axes);
    else if (strcmp(kind, "adaptive_avg") == 0)
        y = ct_adaptive_avg_pool(x, to, axes);
    else
        y = ct_upsample(x, to, axes, strcmp(kind, "nearest") == 0  ? CT_NEAREST
                                     : strcmp(kind, "linear") == 0 ? CT_LINEAR
                                                                   : CT_LINEAR_CORNERS);
    expect_case(kind, y, &x, 1);
}

static void run_shuffle(const char *kind)
{
    int64_t r = next_number();
    bool back = strcmp(kind, "unshuffle") == 0;
    ct_tensor *x = back ? input(CT_SHAPE(1, 2, 4, 6), 1, 1009)
                        : input(CT_SHAPE(1, 8, 2, 3), 1, 1009);
    expect_case(kind, (back ? ct_pixel_unshuffle : ct_pixel_shuffle)(x, r), &x, 1);
}

START_TEST(values_and_gradients_are_those_of_pytorch)
{
    char op[20], kind[20];
    int cases = 0;
    file = fopen(CT_SOURCE_ROOT "/tests/ops/torch/convolution.txt", "r");
    ck_assert(file != NULL);
    for (; fscanf(file, "%19s %19s", op, kind) == 2; cases++) {
        ct_scope scope = ct_scope_begin(cx);
        if (strcmp(op, "conv") == 0)
            run_conv(kind);
        else if (strcmp(op, "pool") == 0)
            run_pool(kind);
        else if (strcmp(op, "resize") == 0)
            run_resize(kind);
        else
            run_shuffle(kind);
        ct_scope_end(cx, scope);
    }
    fclose(file);
    ck_assert_int_eq(cases, 40);
}
END_TEST

Suite *conv_torch_suite(void)
{
    return make_suite("conv_torch", (const TTest *const[]){
        values_and_gradients_are_those_of_pytorch, NULL });
}
