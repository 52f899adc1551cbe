/* nn/layers/function.c: functions as modules, residual, parallel; channel dropout. */
#include "support.h"

static ct_tensor *input(void)
{
    return ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 3), CT_DOUBLES(-2, -0.5, 0, 0.25, 1, 3));
}

static void expect_same(ct_tensor *a, ct_tensor *b)
{
    ck_assert_msg(a && b, "%s", ct_error_text(cx));
    ck_assert_double_eq(ct_max_difference(a, b), 0);
}

START_TEST(functions_are_modules)
{
    ct_tensor *x = input();
    ct_tensor *(*const functions[])(ct_tensor *) = { ct_selu, ct_relu6, ct_hardsigmoid,
                                                     ct_hardswish, ct_softsign, ct_mish,
                                                     ct_log_sigmoid };
    for (int i = 0; i < 7; i++) {
        ct_module *m = ct_function_new(cx, "f", functions[i]);
        expect_same(ct_module_forward(m, x), functions[i](x));
    }
    ct_module *celu = ct_function_of_number_new(cx, "celu", ct_celu, 0.5);
    expect_same(ct_module_forward(celu, x), ct_celu(x, 0.5));
    ct_module *softmax = ct_function_along_new(cx, "softmax", ct_softmax, 0);
    expect_same(ct_module_forward(softmax, x), ct_softmax(x, 0));
    expect_same(ct_module_forward(ct_module_clone(softmax, 0), x), ct_softmax(x, 0));
    ck_assert_str_eq(ct_module_text(celu), "celu\n");
    ck_assert_ptr_null(ct_function_new(cx, "f", NULL));
    expect_error(CT_ERROR_NULL, "function_new: the function is NULL", NULL);
    ck_assert_ptr_null(ct_function_of_number_new(cx, NULL, ct_celu, 1));
    expect_error(CT_ERROR_NULL, "function_of_number_new: the kind is NULL", NULL);
    ck_assert_ptr_null(ct_function_along_new(cx, "f", NULL, 1));
    expect_error(CT_ERROR_NULL, "function_along_new", NULL);
}
END_TEST

START_TEST(residuals)
{
    ct_tensor *x = input();
    ct_module *body = ct_linear_new(cx, CT_F64, 3, 3, NULL);
    ct_module *m = ct_residual_new(cx, body, NULL);
    expect_same(ct_module_forward(m, x), ct_add(ct_module_forward(body, x), x));
    ck_assert_ptr_nonnull(ct_module_parameter(m, "body.weight"));
    ct_module *shortcut = ct_linear_new(cx, CT_F64, 3, 2, NULL);
    body = ct_linear_new(cx, CT_F64, 3, 2, NULL);
    m = ct_residual_new(cx, body, shortcut);
    expect_same(ct_module_forward(m, x), ct_add(ct_module_forward(body, x),
                                                ct_module_forward(shortcut, x)));
    expect_same(ct_module_forward(ct_module_clone(m, 0), x), ct_module_forward(m, x));
    ck_assert_ptr_null(ct_residual_new(cx, body, NULL)); /* it has a parent */
    expect_error(CT_ERROR_VALUE, "module_add", NULL);
    ck_assert_ptr_null(ct_residual_new(cx, NULL, ct_activation_new(cx, CT_TANH)));
    expect_error(CT_ERROR_NULL, "residual_new: the body is NULL", NULL);
    body = ct_activation_new(cx, CT_TANH);
    ck_assert_ptr_null(ct_residual_new(cx, body, body));
    expect_error(CT_ERROR_VALUE, "residual_new: the body is the shortcut too", NULL);
    ck_assert_ptr_null(ct_residual_new(cx, ct_activation_new(cx, CT_TANH),
                                       ct_linear_new(cx, CT_I64, 1, 1, NULL)));
    expect_error(CT_ERROR_DTYPE, "linear_new", NULL); /* a NULL that has failed is no identity */
}
END_TEST

START_TEST(parallels)
{
    ct_tensor *x = input();
    ct_module *a = ct_linear_new(cx, CT_F64, 3, 2, NULL), *b = ct_activation_new(cx, CT_TANH);
    ct_module *m = ct_parallel_new(cx, CT_MODULES(a, b), 1);
    ct_tensor *y[] = { ct_module_forward(a, x), ct_tanh(x), ct_tanh(x) };
    expect_same(ct_module_forward(m, x), ct_concat(y, 2, 1));
    ck_assert_ptr_nonnull(ct_module_parameter(m, "0.weight"));
    ct_module_add_buffer(m, "scale", ct_scalar(cx, CT_F64, 2)); /* which is no child */
    ct_module_add(m, "2", ct_activation_new(cx, CT_TANH));
    expect_same(ct_module_forward(m, x), ct_concat(y, 3, 1));
    ck_assert_ptr_null(ct_parallel_new(cx, NULL, 0, 1));
    expect_error(CT_ERROR_NULL, "parallel_new", NULL);
    ck_assert_ptr_null(ct_parallel_new(cx, CT_MODULES(ct_activation_new(cx, CT_TANH), NULL), 1));
    expect_error(CT_ERROR_NULL, "parallel_new: child 1 is NULL", NULL);
    m = ct_parallel_new(cx, CT_MODULES(ct_linear_new(cx, CT_F64, 3, 2, NULL)), 5);
    ck_assert_ptr_null(ct_module_forward(m, x));
    expect_error(CT_ERROR_RANGE, "concat", NULL);
}
END_TEST

START_TEST(channels_are_dropped_as_a_whole)
{
    ct_tensor *x = ct_ones(cx, CT_F64, CT_SHAPE(20, 30, 2, 3)), *y;
    ct_module *m = ct_channel_dropout_new(cx, 0.25);
    y = ct_reshape(ct_module_forward(m, x), CT_SHAPE(600, 6));
    int dropped = 0;
    for (int i = 0; i < 600; i++) {
        double first = ct_at(y, CT_INDEX(i, 0));
        ck_assert(first == 0 || first == 1 / 0.75);
        for (int k = 1; k < 6; k++)
            ck_assert_double_eq(ct_at(y, CT_INDEX(i, k)), first);
        dropped += first == 0;
    }
    ck_assert(dropped > 100 && dropped < 200);
    ct_inference(cx);
    ck_assert_ptr_eq(ct_module_forward(m, x), x);
    const double wrong[] = { -0.1, 1, NAN };
    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_null(ct_channel_dropout_new(cx, wrong[i]));
        expect_error(CT_ERROR_VALUE, "channel_dropout_new", NULL);
    }
}
END_TEST

START_TEST(channels_need_two_axes)
{
    ct_module *m = ct_channel_dropout_new(cx, 0.25);
    ck_assert_ptr_null(ct_module_forward(m, ct_ones(cx, CT_F64, CT_SHAPE(3))));
    expect_error(CT_ERROR_SHAPE, "channel_dropout", NULL);
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *x = ct_ones(c, CT_F64, CT_SHAPE(2, 3));
    ct_module *m = ct_residual_new(c, ct_function_new(c, "selu", ct_selu), NULL);
    m = ct_parallel_new(c, CT_MODULES(m, ct_flatten_new(c)), 1);
    ct_module_forward(m, x);
    ct_initialize(x, CT_ORTHOGONAL);
    ct_initialize(x, CT_TRUNCATED_NORMAL);
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *function_modules_suite(void);
Suite *function_modules_suite(void)
{
    const TTest *const tests[] = {
        functions_are_modules, residuals, parallels, channels_are_dropped_as_a_whole,
        channels_need_two_axes, out_of_memory, NULL };
    return make_suite("nn/function_modules", tests);
}
