/* nn/layers/layers.c against the formulas written out. */
#include "support.h"

START_TEST(linear_is_x_w_transposed_plus_b)
{
    ct_module *m = ct_linear_new(cx, CT_F64, 3, 2, NULL);
    ct_no_grad(cx);
    const double w[] = { 1, 2, 3, -1, 0, 4 }, b[] = { 10, 20 };
    ct_assign(ct_module_parameter(m, "weight"), ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 3), w, 6));
    ct_assign(ct_module_parameter(m, "bias"), ct_from_doubles(cx, CT_F64, CT_SHAPE(2), b, 2));
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 3), CT_DOUBLES(1, 1, 1, 0, 2, -1));
    ct_tensor *y = ct_module_forward(m, x);
    expect_values(y, CT_DOUBLES(16, 23, 11, 16), 0);
    ck_assert_int_eq(ct_size(y, 0), 2);
    ct_tensor *cube = ct_ones(cx, CT_F64, CT_SHAPE(4, 5, 3));
    ck_assert_int_eq(ct_ndim(ct_module_forward(m, cube)), 3);
    expect_ok();
}
END_TEST

START_TEST(linear_without_bias)
{
    ct_module *m = ct_linear_new(cx, CT_F32, 2, 2, &(ct_layer_options){ .no_bias = true });
    int n;
    ct_module_parameters(m, &n);
    ck_assert_int_eq(n, 1);
    ct_module_add_parameter(m, "not_a_bias", ct_ones(cx, CT_F32, CT_SHAPE(2)));
    ct_tensor *y = ct_module_forward(m, ct_zeros(cx, CT_F32, CT_SHAPE(1, 2)));
    expect_values(y, CT_DOUBLES(0, 0), 0);
}
END_TEST

START_TEST(linear_says_what_does_not_fit)
{
    ct_module *m = ct_mlp_new(cx, CT_F32, CT_SIZES(3, 2), CT_RELU, NULL);
    ck_assert_ptr_null(ct_module_forward(m, ct_ones(cx, CT_F32, CT_SHAPE(4, 5))));
    expect_error(CT_ERROR_SHAPE, "linear", "(4,5)", "0.weight (2,3)", NULL);
    ck_assert_ptr_null(ct_module_forward(m, ct_ones(cx, CT_F64, CT_SHAPE(4, 3))));
    expect_error(CT_ERROR_DTYPE, "linear", NULL);
}
END_TEST

START_TEST(layer_norm_has_the_parameters_it_is_told)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3, 2, 4)), *y;
    ct_tensor *w = ct_rand(cx, CT_F64, CT_SHAPE(2, 4)), *b = ct_rand(cx, CT_F64, CT_SHAPE(2, 4));
    for (int k = 0; k < 4; k++) {
        ct_layer_norm_options o = { .no_weight = k & 1, .no_bias = k & 2, .epsilon = k ? 0.5 : 0 };
        ct_module *m = ct_layer_norm_new(cx, CT_F64, CT_SHAPE(2, 4), &o);
        ct_tensor *weight = k & 1 ? NULL : ct_module_parameter(m, "weight");
        ct_tensor *bias = k & 2 ? NULL : ct_module_parameter(m, "bias");
        ct_scope scope = ct_scope_begin(cx);
        ct_no_grad(cx);
        double epsilon = k ? 0.5 : 1e-5;
        y = ct_layer_norm(x, CT_SHAPE(2, 4), NULL, NULL, epsilon); /* ones and zeros at first */
        ck_assert_double_eq(ct_max_difference(ct_module_forward(m, x), y), 0);
        if (weight)
            ct_assign(weight, w);
        if (bias)
            ct_assign(bias, b);
        y = ct_layer_norm(x, CT_SHAPE(2, 4), k & 1 ? NULL : w, k & 2 ? NULL : b, epsilon);
        ck_assert_double_eq(ct_max_difference(ct_module_forward(m, x), y), 0);
        ct_scope_end(cx, scope);
        int n;
        ct_module_parameters(m, &n);
        ck_assert_int_eq(n, (k & 1 ? 0 : 1) + (k & 2 ? 0 : 1));
        ck_assert_int_eq(ct_module_count(m), 8 * n);
    }
    expect_ok();
}
END_TEST

START_TEST(layer_norm_refuses)
{
    ck_assert_ptr_null(ct_layer_norm_new(cx, CT_F32, NULL, 0, NULL));
    expect_error(CT_ERROR_RANGE, "layer_norm_new", "0 sizes", NULL);
    ck_assert_ptr_null(ct_layer_norm_new(cx, CT_I64, CT_SHAPE(3), NULL));
    expect_error(CT_ERROR_DTYPE, "layer_norm_new", NULL);
    ck_assert_ptr_null(ct_layer_norm_new(cx, CT_F32, CT_SHAPE(-3), NULL));
    expect_error(CT_ERROR_SHAPE, "negative", NULL);
    ck_assert_ptr_null(ct_layer_norm_new(cx, CT_F32, CT_SHAPE(3),
                                         &(ct_layer_norm_options){ .epsilon = NAN }));
    expect_error(CT_ERROR_VALUE, "layer_norm_new", "epsilon", NULL);
    ck_assert_ptr_null(ct_layer_norm_new(cx, CT_F32, CT_SHAPE(3),
                                         &(ct_layer_norm_options){ .reserved = { 1 } }));
    expect_error(CT_ERROR_VALUE, "zeroed", NULL);
}
END_TEST

START_TEST(bad_sizes_and_options_are_refused)
{
    ck_assert_ptr_null(ct_linear_new(cx, CT_F32, 0, 2, NULL));
    expect_error(CT_ERROR_RANGE, "0 inputs", NULL);
    ck_assert_ptr_null(ct_linear_new(cx, CT_F32, 2, -1, NULL));
    expect_error(CT_ERROR_RANGE, "-1 outputs", NULL);
    ck_assert_ptr_null(ct_linear_new(cx, CT_I64, 2, 2, NULL));
    expect_error(CT_ERROR_DTYPE, "linear_new", NULL);
    ck_assert_ptr_null(ct_linear_new(cx, CT_F32, INT64_MAX / 2, 4, NULL));
    ck_assert_int_ne(ct_error(cx), CT_OK);
    ct_error_clear(cx);
    ck_assert_ptr_null(ct_linear_new(cx, CT_F32, 2, 2,
                                     &(ct_layer_options){ .weight_init = (ct_init)99 }));
    expect_error(CT_ERROR_VALUE, "initializer", "99", NULL);
    ck_assert_ptr_null(ct_linear_new(cx, CT_F32, 2, 2, &(ct_layer_options){ .reserved = { 1 } }));
    expect_error(CT_ERROR_VALUE, "zeroed", NULL);
    ck_assert_ptr_null(ct_mlp_new(cx, CT_F32, CT_SIZES(3), CT_RELU, NULL));
    expect_error(CT_ERROR_VALUE, "two sizes", NULL);
    ck_assert_ptr_null(ct_mlp_new(cx, CT_F32, CT_SIZES(3, 0, 1), CT_RELU, NULL));
    expect_error(CT_ERROR_RANGE, "0 outputs", NULL);
    ck_assert_ptr_null(ct_mlp_new(cx, CT_F32, CT_SIZES(3, 1), (ct_activation)77, NULL));
    expect_error(CT_ERROR_VALUE, "mlp_new: no such activation: 77", NULL);
    ck_assert_ptr_null(ct_linear_new(cx, CT_F32, INT64_MAX / 4, 5, NULL));
    expect_error(CT_ERROR_RANGE, "linear_new", "weights", NULL);
    ck_assert_ptr_null(ct_activation_new(cx, (ct_activation)77));
    expect_error(CT_ERROR_VALUE, "77", NULL);
    ck_assert_ptr_null(ct_activate(ct_scalar(cx, CT_F32, 1), (ct_activation)77));
    expect_error(CT_ERROR_VALUE, "77", NULL);
    const double p[] = { -0.1, 1, 2, NAN };
    for (int i = 0; i < 4; i++) {
        ck_assert_ptr_null(ct_dropout_new(cx, p[i]));
        expect_error(CT_ERROR_VALUE, "dropout_new", NULL);
    }
    ck_assert_ptr_null(ct_linear_new(NULL, CT_F32, 1, 1, NULL));
}
END_TEST

START_TEST(activations_are_their_formulas)
{
    const double x = -0.7;
    const double want[] = { x, 0, tanh(x), 1 / (1 + exp(-x)), x * 0.5 * (1 + erf(x / sqrt(2))),
                            x / (1 + exp(-x)), log1p(exp(x)), expm1(x), 0.01 * x };
    for (int i = CT_IDENTITY; i <= CT_LEAKY_RELU; i++) {
        ct_module *m = ct_activation_new(cx, (ct_activation)i);
        ct_tensor *y = ct_module_forward(m, ct_scalar(cx, CT_F64, x));
        ck_assert_double_eq_tol(ct_item(y), want[i], 1e-14);
    }
    ck_assert_double_eq(ct_item(ct_activate(ct_scalar(cx, CT_F64, 2), CT_RELU)), 2);
}
END_TEST

START_TEST(dropout_drops_in_training_only)
{
    ct_module *m = ct_dropout_new(cx, 0.5);
    ct_tensor *x = ct_ones(cx, CT_F64, CT_SHAPE(10000));
    ct_tensor *y = ct_module_forward(m, x);
    double zeros = 10000 - ct_item(ct_sum(ct_cast(ct_gt(y, ct_scalar_like(y, 0)), CT_F64)));
    ck_assert_double_eq_tol(zeros, 5000, 250); /* five standard deviations */
    ck_assert_double_eq(ct_item(ct_max(y)), 2);
    ct_scope scope = ct_scope_begin(cx);
    ct_inference(cx);
    ck_assert_ptr_eq(ct_module_forward(m, x), x);
    ct_scope_end(cx, scope);
    ck_assert_ptr_ne(ct_module_forward(m, x), x);
}
END_TEST

/* the network's output, layer by layer, for comparison with what sequential fuses */
static ct_tensor *unfused(ct_module *net, ct_tensor *x, ct_activation activation)
{
    ct_tensor *h = ct_linear(x, ct_module_parameter(net, "0.weight"),
                             ct_module_parameter(net, "0.bias"));
    return ct_linear(ct_activate(h, activation), ct_module_parameter(net, "2.weight"),
                     ct_module_parameter(net, "2.bias"));
}

START_TEST(mlp_is_its_layers_one_after_the_other)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(7, 4));
    for (int i = CT_IDENTITY; i <= CT_LEAKY_RELU; i++) {
        ct_module *net = ct_mlp_new(cx, CT_F64, CT_SIZES(4, 5, 3), (ct_activation)i, NULL);
        ct_tensor *w = ct_module_parameter(net, "0.weight"), *g[2];
        ct_tensor *a = ct_module_forward(net, x), *b = unfused(net, x, (ct_activation)i);
        ck_assert_double_le(ct_max_difference(a, b), 1e-14);
        ct_grad(ct_sum(ct_square(a)), NULL, &w, 1, 0, &g[0]);
        ct_grad(ct_sum(ct_square(b)), NULL, &w, 1, 0, &g[1]);
        ck_assert_double_le(ct_max_difference(g[0], g[1]), 1e-13);
    }
    expect_ok();
}
END_TEST

START_TEST(mlp_names_are_those_of_pytorch)
{
    int n;
    ct_module *net = ct_mlp_new(cx, CT_F32, CT_SIZES(4, 8, 8, 2), CT_TANH, NULL);
    ct_tensor *const *p = ct_module_parameters(net, &n);
    const char *const want[] = { "0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias" };
    ck_assert_int_eq(n, 6);
    for (int i = 0; i < n; i++)
        ck_assert_str_eq(ct_name(p[i]), want[i]);
}
END_TEST

START_TEST(sequential_takes_its_children_also_on_failure)
{
    ct_memory before, after;
    ct_memory_stats(cx, &before);
    ct_module *relu = ct_activation_new(cx, CT_RELU);
    ck_assert_ptr_null(ct_sequential_new(cx, CT_MODULES(relu, NULL)));
    expect_error(CT_ERROR_NULL, "child 1", NULL);
    relu = ct_activation_new(cx, CT_RELU);
    ck_assert_ptr_null(ct_sequential_new(cx, CT_MODULES(relu, relu)));
    expect_error(CT_ERROR_VALUE, "child 1", NULL);
    ck_assert_ptr_null(ct_sequential_new(cx, NULL, 2));
    expect_error(CT_ERROR_NULL, "sequential_new", NULL);
    ct_memory_stats(cx, &after);
    ck_assert_int_eq(after.live_bytes, before.live_bytes);
}
END_TEST

START_TEST(sequential_passes_on_what_is_no_layer)
{
    ct_tensor *x = ct_scalar(cx, CT_F32, 1);
    ct_module *m = ct_sequential_new(cx, NULL, 0);
    ck_assert_ptr_eq(ct_module_forward(m, x), x);
    ct_module_add_buffer(m, "scale", ct_scalar(cx, CT_F32, 2)); /* which is no layer */
    ct_module_add(m, "0", ct_activation_new(cx, CT_TANH));
    expect_values(ct_module_forward(m, x), CT_DOUBLES(tanh(1)), 1e-6);
}
END_TEST

static void build_and_run(ct_context *c)
{
    ct_module *net = ct_mlp_new(c, CT_F32, CT_SIZES(3, 4, 2), CT_RELU, NULL);
    ct_module *all = ct_sequential_new(c, CT_MODULES(net, ct_dropout_new(c, 0.5)));
    ct_module_forward(all, ct_ones(c, CT_F32, CT_SHAPE(2, 3)));
}

START_TEST(every_allocation_may_fail)
{
    for_each_failing_allocation(build_and_run);
}
END_TEST

Suite *layers_suite(void);
Suite *layers_suite(void)
{
    const TTest *const tests[] = {
        linear_is_x_w_transposed_plus_b,
        linear_without_bias,
        linear_says_what_does_not_fit,
        layer_norm_has_the_parameters_it_is_told, layer_norm_refuses,
        bad_sizes_and_options_are_refused,
        activations_are_their_formulas,
        dropout_drops_in_training_only,
        mlp_is_its_layers_one_after_the_other,
        mlp_names_are_those_of_pytorch,
        sequential_takes_its_children_also_on_failure,
        sequential_passes_on_what_is_no_layer,
        every_allocation_may_fail,
        NULL,
    };
    return make_suite("nn/layers", tests);
}
