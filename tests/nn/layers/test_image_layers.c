/* nn/layers/conv.c and pool.c: parameters, values, initial weights, errors, a network that
 * learns. */
#include "support.h"

typedef ct_module *constructor(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t outputs,
                               int64_t kernel, const ct_conv_layer_options *options);
static constructor *const all[] = { ct_conv1d_new, ct_conv2d_new, ct_conv3d_new,
                                    ct_conv_transpose1d_new, ct_conv_transpose2d_new,
                                    ct_conv_transpose3d_new };

START_TEST(a_layer_is_its_operator)
{
    static const char *const kinds[] = { "conv1d", "conv2d", "conv3d", "conv_transpose1d",
                                         "conv_transpose2d", "conv_transpose3d" };
    ct_conv_layer_options o = { .conv = { .stride = 2, .padding = 1, .groups = 2 },
                                .kernels = { 2 }, .layer = { .bias_init = CT_HE_NORMAL } };
    for (int k = 0; k < 6; k++) {
        int axes = k % 3 + 1;
        bool transposes = k >= 3;
        ct_module *m = all[k](cx, CT_F64, 4, 6, 3, &o);
        ct_tensor *w = ct_module_parameter(m, "weight"), *b = ct_module_parameter(m, "bias");
        expect_shape(w, (int64_t[]){ transposes ? 4 : 6, transposes ? 3 : 2, 2, 3, 3 }, 2 + axes);
        expect_shape(b, CT_SHAPE(6));
        ct_tensor *x = ct_randn(cx, CT_F64, (int64_t[]){ 2, 4, 4, 3, 5 }, 2 + axes);
        ct_tensor *y = ct_module_forward(m, x);
        ck_assert_double_eq(ct_max_difference(y, (transposes ? ct_conv_transpose : ct_conv)(
                                x, w, b, &o.conv)), 0);
        ck_assert(strstr(ct_module_text(m), kinds[k]) != NULL);
        ct_module *copy = ct_module_clone(m, CT_F32);
        ck_assert_double_le(ct_max_difference(ct_cast(ct_module_forward(copy, ct_cast(x, CT_F32)),
                                                      CT_F64), y), 1e-5);
    }
    o.layer.no_bias = true;
    ct_module *m = ct_conv2d_new(cx, CT_F32, 2, 2, 1, &o);
    int n;
    ct_module_parameters(m, &n);
    ck_assert_int_eq(n, 1);
    ck_assert(ct_module_forward(m, ct_zeros(cx, CT_F32, CT_SHAPE(1, 2, 3, 3))) != NULL);
}
END_TEST

/* the largest of the values tells the bound: Glorot's sqrt(6 / (in + out)), He's sqrt(6 / in) */
START_TEST(weights_begin_by_their_fans)
{
    for (int k = 0; k < 4; k++) {
        ct_conv_layer_options o = { .conv = { .groups = k % 2 ? 8 : 1 } };
        if (k == 2)
            o.layer.weight_init = CT_HE_UNIFORM;
        constructor *make = k == 3 ? ct_conv_transpose2d_new : ct_conv2d_new;
        ct_module *m = make(cx, CT_F64, 16, 64, 5, &o);
        double in = 16 * 25 / (k % 2 ? 8 : 1), out = 64 * 25 / (k % 2 ? 8 : 1);
        double bound = sqrt(k == 2 ? 6 / in : 6 / (in + out));
        double most = ct_item(ct_max(ct_abs(ct_module_parameter(m, "weight"))));
        ck_assert_double_le(most, bound);
        ck_assert_double_ge(most, 0.99 * bound);
        ck_assert_double_eq(ct_item(ct_sum(ct_abs(ct_module_parameter(m, "bias")))), 0);
    }
}
END_TEST

START_TEST(pools_and_others_are_their_operators)
{
    const ct_pool_options o = { .kernel = 3, .stride = 2, .padding = 1 };
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(2, 4, 6, 7));
    ct_module *m[] = { ct_max_pool_new(cx, &o), ct_avg_pool_new(cx, &o),
                       ct_adaptive_max_pool_new(cx, CT_SIZES(3)),
                       ct_adaptive_avg_pool_new(cx, CT_SIZES(2, 1)),
                       ct_upsample_new(cx, 3, CT_LINEAR), ct_pixel_shuffle_new(cx, 2),
                       ct_flatten_new(cx) };
    ct_tensor *want[] = { ct_max_pool(x, &o), ct_avg_pool(x, &o),
                          ct_adaptive_max_pool(x, CT_SIZES(3)),
                          ct_adaptive_avg_pool(x, CT_SIZES(2, 1)),
                          ct_upsample(x, CT_SIZES(18, 21), CT_LINEAR), ct_pixel_shuffle(x, 2),
                          ct_reshape(x, CT_SHAPE(2, 168)) };
    for (int k = 0; k < 7; k++)
        ck_assert_double_eq(ct_max_difference(ct_module_forward(m[k], x), want[k]), 0);
    ck_assert(ct_module_forward(m[4], ct_zeros(cx, CT_F32, CT_SHAPE(3))) == NULL);
    expect_error(CT_ERROR_SHAPE, "upsample: takes images (N,C,...)", NULL);
}
END_TEST

static ct_module *network(ct_context *with)
{
    ct_conv_layer_options same = { .conv = { .same = true } };
    return ct_sequential_new(with, CT_MODULES(
        ct_conv2d_new(with, CT_F32, 1, 4, 3, &same), ct_activation_new(with, CT_RELU),
        ct_max_pool_new(with, &(ct_pool_options){ .kernel = 2 }),
        ct_conv2d_new(with, CT_F32, 4, 8, 3, NULL), ct_activation_new(with, CT_RELU),
        ct_adaptive_avg_pool_new(with, CT_SIZES(1)), ct_flatten_new(with),
        ct_linear_new(with, CT_F32, 8, 2, NULL)));
}

/* are the stripes across or down? */
static void expect_relu_and(ct_module *pool, ct_tensor *want, ct_tensor *x)
{
    ct_module *m = ct_sequential_new(cx, CT_MODULES(ct_activation_new(cx, CT_RELU), pool));
    ct_tensor *y = ct_module_forward(m, x), *g[2];
    ct_tensor *gy = ct_randn(cx, CT_F32, ct_shape(want), ct_ndim(want));
    double values[4 * 3 * 9 * 8];
    ck_assert_int_eq(ct_grad(want, gy, &x, 1, 0, &g[0]), CT_OK);
    ck_assert_int_eq(ct_grad(y, gy, &x, 1, 0, &g[1]), CT_OK);
    ck_assert_int_eq(ct_to_doubles(want, values, ct_count(want)), CT_OK);
    expect_values(y, values, (int)ct_count(want), 0);
    ck_assert_int_eq(ct_to_doubles(g[0], values, ct_count(x)), CT_OK);
    expect_values(g[1], values, (int)ct_count(x), 0);
    expect_ok();
}

/* with windows that are negative, have equal elements, zeros, infinities and NaN */
START_TEST(max_pooling_goes_before_relu)
{
    const ct_pool_options o = { .kernel = 3, .stride = 2, .padding = 1 };
    const float special[] = { -0.0f, INFINITY, -INFINITY, NAN };
    ct_tensor *x = ct_round(ct_shift(ct_randn(cx, CT_F32, CT_SHAPE(4, 3, 9, 8)), -0.75));
    memcpy((float *)ct_data_mutable(x) + 300, special, sizeof special);
    x = ct_variable(x);
    expect_relu_and(ct_max_pool_new(cx, &o), ct_max_pool(ct_relu(x), &o), x);
    expect_relu_and(ct_avg_pool_new(cx, &o), ct_avg_pool(ct_relu(x), &o), x);
}
END_TEST

START_TEST(a_network_learns)
{
    ct_seed(cx, 1);
    ct_module *net = network(cx);
    ct_tensor *x = ct_empty(cx, CT_F32, CT_SHAPE(32, 1, 8, 8));
    ct_tensor *labels = ct_empty(cx, CT_I64, CT_SHAPE(32));
    for (int64_t i = 0; i < 32 * 64; i++)
        ((float *)ct_data_mutable(x))[i] =
            ((i / 64 % 2 ? i / 8 : i) + i / 128) % 4 < 2 ? 1.0f : 0.0f;
    for (int64_t i = 0; i < 32; i++)
        ((int64_t *)ct_data_mutable(labels))[i] = i % 2;
    int n;
    ct_tensor *const *parameters = ct_module_parameters(net, &n);
    ck_assert_int_eq(n, 6);
    ck_assert_str_eq(ct_name(parameters[2]), "3.weight");
    ct_optimizer *adam = ct_adam_new(parameters, n, 0.02, NULL);
    double loss = 0;
    for (int step = 0; step < 60; step++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *y = ct_cross_entropy(ct_module_forward(net, x), labels);
        ck_assert_int_eq(ct_backward(y), CT_OK);
        ck_assert_int_eq(ct_optimizer_step(adam), CT_OK);
        loss = ct_item(y);
        ct_scope_end(cx, scope);
    }
    ck_assert_double_lt(loss, 0.05);
}
END_TEST

START_TEST(errors_say_what_is_wanted)
{
    const struct {
        int64_t inputs, outputs, kernel;
        ct_conv_layer_options options;
        ct_status status;
        const char *text;
    } faults[] = {
        { 0, 1, 1, { .kernels = { 0 } }, CT_ERROR_RANGE, "got 0 input and 1 output channels" },
        { 1, 1, 0, { .kernels = { 0 } }, CT_ERROR_RANGE,
          "the kernel must be 1 or more along each axis, got 0" },
        { 3, 4, 1, { .conv = { .groups = 2 } }, CT_ERROR_RANGE,
          "groups must divide 3 and 4 channels, got 2" },
        { 1 << 30, 1 << 30, 1 << 30, { .kernels = { 0 } }, CT_ERROR_RANGE, "more than any memory" },
        { 1, 1, 1, { .conv = { .reserved = { 1 } } }, CT_ERROR_VALUE, "reserved" },
        { 1, 1, 1, { .layer = { .reserved = { 1 } } }, CT_ERROR_VALUE, "reserved" },
        { 1, 1, 1, { .layer = { .weight_init = (ct_init)99 } }, CT_ERROR_VALUE, "initializer" },
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        ck_assert(ct_conv2d_new(cx, CT_F32, faults[i].inputs, faults[i].outputs, faults[i].kernel,
                                &faults[i].options) == NULL);
        expect_error(faults[i].status, faults[i].text, NULL);
    }
    ck_assert(ct_conv1d_new(cx, CT_I64, 1, 1, 1, NULL) == NULL);
    expect_error(CT_ERROR_DTYPE, "conv1d_new", NULL);
    ck_assert(ct_max_pool_new(cx, NULL) == NULL);
    expect_error(CT_ERROR_NULL, "max_pool_new: the options are NULL", NULL);
    ck_assert(ct_adaptive_avg_pool_new(cx, CT_SIZES(1, 2, 3, 4)) == NULL);
    expect_error(CT_ERROR_RANGE, "adaptive_avg_pool_new: takes 1 to 3 sizes, got 4", NULL);
    ck_assert(ct_upsample_new(cx, 0, CT_NEAREST) == NULL);
    expect_error(CT_ERROR_RANGE, "the factor must be from 1 to", "got 0", NULL);
}
END_TEST

static void build(ct_context *with)
{
    ct_module *net = network(with);
    ct_module *up = ct_upsample_new(with, 2, CT_NEAREST);
    ct_backward(ct_sum(ct_module_forward(net, ct_ones(with, CT_F32, CT_SHAPE(1, 1, 6, 6)))));
    ct_module_forward(up, ct_ones(with, CT_F32, CT_SHAPE(1, 1, 2)));
    ct_module_free(net);
    ct_module_free(up);
}

START_TEST(memory_fails)
{
    for_each_failing_allocation(build);
}
END_TEST

Suite *image_layers_suite(void)
{
    return make_suite("image_layers", (const TTest *const[]){
        a_layer_is_its_operator, weights_begin_by_their_fans, pools_and_others_are_their_operators,
        max_pooling_goes_before_relu,
        a_network_learns, errors_say_what_is_wanted, memory_fails, NULL });
}
