/* nn/layers/init.c: bounds and moments of what is drawn. */
#include "support.h"

enum { OUT = 200, IN = 300 };

static void expect_moments(const ct_tensor *w, double variance, bool uniform)
{
    const double *x = ct_data_f64(w);
    double n = (double)ct_count(w), mean = 0, square = 0, most = 0;
    for (int64_t i = 0; i < ct_count(w); i++) {
        mean += x[i] / n;
        square += x[i] * x[i] / n;
        most = fmax(most, fabs(x[i]));
    }
    ck_assert_double_le(fabs(mean), 5 * sqrt(variance / n));
    ck_assert_double_eq_tol(square / variance, 1, 5 * sqrt(2 / n));
    if (uniform) {
        ck_assert_double_le(most, sqrt(3 * variance));
        ck_assert_double_ge(most, 0.999 * sqrt(3 * variance));
    } else {
        ck_assert_double_ge(most, 3.5 * sqrt(variance)); /* surely, among 60,000 */
    }
}

START_TEST(variances_are_those_of_the_papers)
{
    const struct { ct_init init; double variance; bool uniform; } all[] = {
        { CT_INIT_DEFAULT, 2.0 / (IN + OUT), true }, { CT_GLOROT_UNIFORM, 2.0 / (IN + OUT), true },
        { CT_GLOROT_NORMAL, 2.0 / (IN + OUT), false }, { CT_HE_UNIFORM, 2.0 / IN, true },
        { CT_HE_NORMAL, 2.0 / IN, false }, { CT_LECUN_UNIFORM, 1.0 / IN, true },
        { CT_LECUN_NORMAL, 1.0 / IN, false },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        ct_tensor *w = ct_empty(cx, CT_F64, CT_SHAPE(OUT, IN));
        ck_assert_int_eq(ct_initialize(w, all[i].init), CT_OK);
        expect_moments(w, all[i].variance, all[i].uniform);
    }
    ct_tensor *kernels = ct_empty(cx, CT_F64, CT_SHAPE(40, 30, 5, 5));
    ct_initialize(kernels, CT_HE_UNIFORM);
    expect_moments(kernels, 2.0 / (30 * 25), true);
}
END_TEST

START_TEST(layers_choose_by_what_follows)
{
    ct_module *net = ct_mlp_new(cx, CT_F64, CT_SIZES(IN, OUT, IN), CT_RELU, NULL);
    expect_moments(ct_module_parameter(net, "0.weight"), 2.0 / IN, true);
    expect_moments(ct_module_parameter(net, "2.weight"), 2.0 / (IN + OUT), true);
    ck_assert_double_eq(ct_item(ct_max(ct_abs(ct_module_parameter(net, "0.bias")))), 0);
    net = ct_mlp_new(cx, CT_F64, CT_SIZES(IN, OUT, IN), CT_TANH, NULL);
    expect_moments(ct_module_parameter(net, "0.weight"), 2.0 / (IN + OUT), true);
    ct_layer_options options = { .weight_init = CT_LECUN_NORMAL, .bias_init = CT_LECUN_UNIFORM };
    ct_module *layer = ct_linear_new(cx, CT_F64, IN, OUT, &options);
    expect_moments(ct_module_parameter(layer, "weight"), 1.0 / IN, false);
    double most = ct_item(ct_max(ct_abs(ct_module_parameter(layer, "bias"))));
    ck_assert_double_le(most, sqrt(3.0 / IN)); /* the fans of its weight */
    ck_assert_double_ge(most, 0.9 * sqrt(3.0 / IN));
}
END_TEST

START_TEST(the_seed_decides)
{
    ct_tensor *w[3];
    for (int i = 0; i < 3; i++) {
        ct_seed(cx, i == 2 ? 2 : 1);
        w[i] = ct_module_parameter(ct_linear_new(cx, CT_F32, 5, 5, NULL), "weight");
    }
    ck_assert_double_eq(ct_max_difference(w[0], w[1]), 0);
    ck_assert_double_gt(ct_max_difference(w[0], w[2]), 0);
}
END_TEST

START_TEST(variables_are_initialized_in_place_while_recording)
{
    ct_tensor *w = ct_variable(ct_zeros(cx, CT_F32, CT_SHAPE(3, 3)));
    ck_assert_int_eq(ct_initialize(w, CT_HE_NORMAL), CT_OK);
    ck_assert_double_gt(ct_item(ct_max(ct_abs(w))), 0);
    ck_assert_int_eq(ct_initialize(w, CT_INIT_ZEROS), CT_OK);
    ck_assert_double_eq(ct_item(ct_max(ct_abs(w))), 0);
    ck_assert(ct_is_recording(cx));
}
END_TEST

START_TEST(tensors_without_fans)
{
    ct_tensor *b = ct_ones(cx, CT_F32, CT_SHAPE(3));
    ck_assert_int_eq(ct_initialize(b, CT_HE_NORMAL), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "initialize", "1 dimensions", NULL);
    ck_assert_int_eq(ct_initialize(b, CT_INIT_DEFAULT), CT_OK);
    expect_values(b, CT_DOUBLES(0, 0, 0), 0);
    ck_assert_int_eq(ct_initialize(ct_empty(cx, CT_F32, CT_SHAPE(0, 3)), CT_HE_NORMAL), CT_OK);
    ck_assert_int_eq(ct_initialize(NULL, CT_HE_NORMAL), CT_ERROR_NULL);
    ck_assert_int_eq(ct_initialize(ct_ones(cx, CT_F32, CT_SHAPE(2, 2)), (ct_init)50),
                     CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "initialize", "50", NULL);
}
END_TEST

START_TEST(orthogonal_rows_or_columns)
{
    const int64_t shapes[][3] = { { 4, 7, 1 }, { 9, 3, 1 }, { 5, 5, 1 }, { 6, 2, 5 } };
    for (int i = 0; i < 4; i++) {
        ct_tensor *w = ct_empty(cx, CT_F64, shapes[i], i < 3 ? 2 : 3);
        ck_assert_int_eq(ct_initialize_as(w, CT_ORTHOGONAL, &(ct_init_options){ .gain = 2 }), CT_OK);
        ct_tensor *m = ct_reshape(w, CT_SHAPE(shapes[i][0], -1));
        int64_t rows = ct_size(m, 0), columns = ct_size(m, 1);
        ct_tensor *by = rows < columns ? ct_matmul(m, ct_transpose(m))
                                       : ct_matmul(ct_transpose(m), m);
        ct_tensor *want = ct_scale(ct_eye(cx, CT_F64, rows < columns ? rows : columns), 4);
        ck_assert_double_le(ct_max_difference(by, want), 1e-13);
    }
}
END_TEST

/* phi cut off at 2: variance 1 - 4 phi(2) / (2 Phi(2) - 1) */
START_TEST(truncated_normals_and_constants)
{
    ct_tensor *w = ct_empty(cx, CT_F64, CT_SHAPE(60000));
    ck_assert_int_eq(ct_initialize(w, CT_TRUNCATED_NORMAL), CT_OK);
    double most = ct_item(ct_max(ct_abs(w))), square = ct_item(ct_mean(ct_square(w)));
    ck_assert(most <= 2 && most > 1.99);
    ck_assert_double_le(fabs(ct_item(ct_mean(w))), 0.02);
    ck_assert_double_eq_tol(square, 1 - 4 * 0.05399096651318806 / 0.9544997361036416, 0.02);
    ct_tensor *narrow = ct_empty(cx, CT_F32, CT_SHAPE(10, 10));
    ct_init_options o = { .value = 0.02 };
    ck_assert_int_eq(ct_initialize_as(narrow, CT_TRUNCATED_NORMAL, &o), CT_OK);
    most = ct_item(ct_max(ct_abs(narrow)));
    ck_assert(most <= 0.04000001 && most > 0.02);
    ck_assert_int_eq(ct_initialize_as(narrow, CT_INIT_CONSTANT, &o), CT_OK);
    ck_assert_double_eq(ct_item(ct_max(narrow)), (float)0.02);
    ck_assert_double_eq(ct_item(ct_min(narrow)), (float)0.02);
    o = (ct_init_options){ .gain = 3 };
    ck_assert_int_eq(ct_initialize_as(narrow, CT_GLOROT_UNIFORM, &o), CT_OK);
    most = ct_item(ct_max(ct_abs(narrow)));
    ck_assert(most <= 3 * sqrt(6.0 / 20) && most > 2 * sqrt(6.0 / 20));
    o.gain = INFINITY;
    ck_assert_int_eq(ct_initialize_as(narrow, CT_HE_NORMAL, &o), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "initialize: gain", NULL);
    o = (ct_init_options){ .reserved = { 1 } };
    ck_assert_int_eq(ct_initialize_as(narrow, CT_HE_NORMAL, &o), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "initialize", NULL);
    ck_assert_int_eq(ct_initialize(ct_empty(cx, CT_F32, CT_SHAPE(3)), CT_ORTHOGONAL),
                     CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "initialize", NULL);
    ck_assert_int_eq(ct_initialize(ct_empty(cx, CT_F32, CT_SHAPE(0, 4)), CT_ORTHOGONAL), CT_OK);
}
END_TEST

START_TEST(gains_are_those_of_pytorch)
{
    ck_assert_double_eq(ct_gain(CT_TANH), 5.0 / 3);
    ck_assert_double_eq_tol(ct_gain(CT_RELU), 1.4142135623730951, 1e-15);
    ck_assert_double_eq_tol(ct_gain(CT_LEAKY_RELU), 1.4141428569978354, 1e-15);
    ck_assert_double_eq(ct_gain(CT_SIGMOID), 1);
    ck_assert_double_eq(ct_gain(CT_IDENTITY), 1);
}
END_TEST

Suite *init_suite(void);
Suite *init_suite(void)
{
    const TTest *const tests[] = {
        variances_are_those_of_the_papers,
        layers_choose_by_what_follows,
        the_seed_decides,
        variables_are_initialized_in_place_while_recording,
        tensors_without_fans,
        orthogonal_rows_or_columns, truncated_normals_and_constants,
        gains_are_those_of_pytorch, NULL,
    };
    return make_suite("nn/init", tests);
}
