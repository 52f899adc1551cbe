/* Normalization layers: PyTorch's values, gradients and running statistics; when these move and
 * when they do not; errors. */
#include "support.h"
#include "torch/figures.h"

/* -- The figures of torch/norms.txt, whose inputs `numbers` makes as norms.py does */
static ct_tensor *numbers(const int64_t *shape, int ndim, int seed)
{
    ct_tensor *x = ct_empty(cx, CT_F64, shape, ndim);
    double *to = ct_data_mutable(x);
    for (int64_t i = 0; i < ct_count(x); i++)
        to[i] = (double)((i * 7919 + seed * 104729) % 1009 - 504) / 64;
    return x;
}

static void expect_figures(const char *name, const char *key, const ct_tensor *t)
{
    char row[64];
    double want[72], is[72];
    snprintf(row, sizeof row, "%s.%s", name, key);
    int n = (int)ct_count(t);
    ck_assert_int_le(n, 72);
    figures("norms.txt", row, want, n);
    ct_to_doubles(t, is, n);
    for (int i = 0; i < n; i++)
        ck_assert_msg(fabs(is[i] - want[i]) <= 1e-10 * fmax(1, fabs(want[i])),
                      "%s[%d] is %.17g, and PyTorch's %.17g", row, i, is[i], want[i]);
}

static ct_tensor *forward(ct_context *c, ct_tensor *const *x, int n, void *module)
{
    (void)c, (void)n;
    return ct_module_forward(module, x[0]);
}

static void compare_use(const char *name, ct_module *m, ct_tensor *x)
{
    static const char *const buffers[] = { "running_mean", "running_var", "num_batches_tracked" };
    ct_tensor *y, *gx;
    ct_scope scope = ct_scope_begin(cx);
    for (int i = 0; i < 3; i++)
        expect_figures(name, buffers[i], ct_module_parameter(m, buffers[i]));
    ct_inference(cx);
    ct_vjp(cx, forward, m, &x, 1, numbers(ct_shape(x), ct_ndim(x), 3), &y, &gx);
    expect_figures(name, "y", y);
    expect_figures(name, "gx", gx);
    ct_scope_end(cx, scope);

    scope = ct_scope_begin(cx);
    ct_evaluation(cx);
    ct_tensor *input = ct_variable(ct_detach(x));
    y = ct_module_forward(m, input);
    expect_figures(name, "y", y);
    ct_grad(y, numbers(ct_shape(x), ct_ndim(x), 3), &input, 1, 0, &gx);
    expect_figures(name, "gx", gx);
    ct_scope_end(cx, scope);
    for (int i = 0; i < 3; i++)
        expect_figures(name, buffers[i], ct_module_parameter(m, buffers[i]));
}

static void compare_training(const char *name, ct_tensor *y, ct_tensor *const *all, int n)
{
    ct_tensor *g[3], *gy = numbers(ct_shape(y), ct_ndim(y), 3);
    expect_figures(name, "y", y);
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ck_assert_int_eq(ct_grad(y, gy, all, n, flags, g), CT_OK);
        expect_figures(name, "gx", g[0]);
        if (n > 1)
            expect_figures(name, "gweight", g[1]);
        if (n > 2)
            expect_figures(name, "gbias", g[2]);
    }
}

/* as `module` of norms.py does */
static void compare(const char *name, ct_module *m, const int64_t *shape, int ndim, int batches)
{
    ct_tensor *y = NULL, *all[3], *const *parameters;
    int n;
    parameters = ct_module_parameters(m, &n);
    for (int i = 0; i < n; i++) {
        all[1 + i] = parameters[i];
        ct_scope scope = ct_scope_begin(cx);
        ct_no_grad(cx);
        ct_assign_add(all[1 + i], 1.0 / 16, numbers(ct_shape(all[1 + i]), 1, 20 + i));
        ct_scope_end(cx, scope);
    }
    for (int i = 0; i < batches; i++) {
        all[0] = ct_variable(numbers(shape, ndim, 1 + i));
        y = ct_module_forward(m, all[0]);
    }
    if (strstr(ct_module_text(m), "running"))
        compare_use(name, m, numbers(shape, ndim, 1 + batches));
    else
        compare_training(name, y, all, 1 + n);
}

#define BATCH(c, ...) ct_batch_norm_new(cx, CT_F64, c, &(ct_batch_norm_options){ __VA_ARGS__ })

START_TEST(batch_norm_is_that_of_pytorch)
{
    compare("batch1", ct_batch_norm_new(cx, CT_F64, 3, NULL), CT_SHAPE(4, 3), 3);
    compare("batch1_train", BATCH(3, .no_statistics = true), CT_SHAPE(4, 3), 1);
    compare("batch2", BATCH(2, .momentum = 0.3), CT_SHAPE(2, 2, 5), 2);
    compare("batch3", BATCH(3, .cumulative = true), CT_SHAPE(2, 3, 3, 2), 3);
    compare("batch3_train", BATCH(3, .epsilon = 0.1, .no_statistics = true),
            CT_SHAPE(2, 3, 3, 2), 1);
    compare("batch4", BATCH(2, .no_weight = true, .no_bias = true), CT_SHAPE(2, 2, 2, 1, 3), 2);
    compare("batch4_train", BATCH(2, .no_weight = true, .no_bias = true, .no_statistics = true),
            CT_SHAPE(2, 2, 2, 1, 3), 1);
    expect_ok();
}
END_TEST

/* the variance of all examples, `user` of them, is estimated with another divisor */
static int64_t of_others(ct_tensor *x, ct_tensor *weight, ct_tensor *bias, double epsilon,
                         ct_tensor **results, void *user)
{
    const int n = *(int *)user;
    if (n < 0 || ct_batch_norm_train(x, weight, bias, epsilon, results) != CT_OK)
        return -1;
    return n;
}

START_TEST(batch_norm_by_moments_of_others)
{
    int n = 4;
    ct_module *m = BATCH(2, .momentum = 1, .train = of_others, .user = &n);
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(1, 2, 3, 6));
    ct_tensor *y = ct_module_forward(ct_module_clone(m, 0), x);
    ck_assert(ct_max_difference(y, ct_module_forward(BATCH(2, .momentum = 1), x)) == 0);
    ck_assert(ct_max_difference(y, ct_module_forward(m, x)) == 0);
    expect_values(ct_module_parameter(m, "running_mean"), CT_DOUBLES(2, 4), 1e-12);
    expect_values(ct_module_parameter(m, "running_var"), CT_DOUBLES(4.0 / 3, 16.0 / 3), 1e-12);
    n = 2;
    ck_assert(ct_module_forward(m, x));
    expect_values(ct_module_parameter(m, "running_var"), CT_DOUBLES(2, 8), 1e-12);
    for (n = 1; n >= -1; n--) { /* of one or none nothing follows, and -1 is a failure */
        ck_assert_int_eq(ct_module_forward(m, ct_scale(x, 2)) != NULL, n >= 0);
        expect_values(ct_module_parameter(m, "running_mean"), CT_DOUBLES(2, 4), 1e-12);
        expect_values(ct_module_parameter(m, "running_var"), CT_DOUBLES(2, 8), 1e-12);
    }
}
END_TEST

START_TEST(group_norm_is_that_of_pytorch)
{
    const ct_layer_norm_options plain = { .no_weight = true, .no_bias = true };
    compare("group1", ct_group_norm_new(cx, CT_F64, 2, 6, NULL), CT_SHAPE(2, 6), 1);
    compare("group2", ct_group_norm_new(cx, CT_F64, 3, 6,
                                        &(ct_layer_norm_options){ .epsilon = 0.1 }),
            CT_SHAPE(2, 6, 3, 2), 1);
    compare("group3", ct_group_norm_new(cx, CT_F64, 1, 3, &plain), CT_SHAPE(2, 3, 4), 1);
    expect_ok();
}
END_TEST

#define INSTANCE(c, ...) \
    ct_instance_norm_new(cx, CT_F64, c, &(ct_instance_norm_options){ __VA_ARGS__ })

START_TEST(instance_norm_is_that_of_pytorch)
{
    compare("instance1", ct_instance_norm_new(cx, CT_F64, 3, NULL), CT_SHAPE(2, 3, 5), 1);
    compare("instance2", INSTANCE(2, .affine = true, .epsilon = 0.1), CT_SHAPE(2, 2, 3, 2), 1);
    compare("instance3", INSTANCE(2, .affine = true, .statistics = true), CT_SHAPE(3, 2, 2, 3), 2);
    compare("instance4", INSTANCE(2, .momentum = 0.5, .statistics = true),
            CT_SHAPE(2, 2, 2, 1, 3), 3);
    expect_ok();
}
END_TEST

/* PyTorch 1.13 has no RMS norm: norms.py has its formula */
START_TEST(rms_norm_is_its_formula)
{
    const ct_layer_norm_options plain = { .epsilon = 0.1, .no_weight = true };
    compare("rms1", ct_rms_norm_new(cx, CT_F64, CT_SHAPE(6), NULL), CT_SHAPE(3, 6), 1);
    compare("rms2", ct_rms_norm_new(cx, CT_F64, CT_SHAPE(3, 2), &plain), CT_SHAPE(2, 3, 2), 1);
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++) { /* what epsilon is when nothing is said */
        ct_module *m = ct_rms_norm_new(cx, (ct_dtype)dtype, CT_SHAPE(2), NULL);
        double epsilon = dtype == CT_F32 ? 0x1p-23 : 0x1p-52;
        ct_tensor *x = ct_full(cx, (ct_dtype)dtype, CT_SHAPE(1, 2), sqrt(epsilon));
        expect_values(ct_module_forward(m, x), CT_DOUBLES(sqrt(0.5), sqrt(0.5)), 1e-7);
    }
    expect_ok();
}
END_TEST

/* -- When the statistics move */
static double batches_of(ct_module *m)
{
    return ct_item(ct_module_parameter(m, "num_batches_tracked"));
}

static double mean_of(ct_module *m)
{
    return ct_at(ct_module_parameter(m, "running_mean"), CT_INDEX(0));
}

START_TEST(a_checkpoint_moves_statistics_once)
{
    ct_module *m = BATCH(2, .momentum = 0.5);
    ct_tensor *x = ct_variable(ct_shift(ct_randn(cx, CT_F64, CT_SHAPE(5, 2)), 4));
    double mean = ct_at(ct_mean_over(x, CT_AXES(0), 0), CT_INDEX(0));
    ct_tensor *y = ct_checkpoint(cx, forward, m, &x, 1);
    ck_assert_double_eq_tol(mean_of(m), mean / 2, 1e-14);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(ct_backward(ct_sum(ct_square(y))), CT_OK);
    ck_assert_double_eq_tol(mean_of(m), mean / 2, 1e-14);
    ck_assert_double_eq(batches_of(m), 1);
    ck_assert(!ct_is_repeating(cx));
    ct_module_forward(m, x);
    ck_assert_double_eq(batches_of(m), 2);
}
END_TEST

/* Behind a sequential's batch norm a ReLU is in the same call, unless moments are those of others:
 * values, gradients and statistics are those of both, in training and in use. */
START_TEST(a_relu_behind_it_changes_nothing_else)
{
    int n = 40;
    for (int k = 0; k < 4; k++) {
        ct_module *m = k == 0   ? BATCH(3, .momentum = 0.5)
                       : k == 1 ? BATCH(3, .no_weight = true, .no_statistics = true)
                       : k == 2 ? BATCH(3, .train = of_others, .user = &n)
                                : ct_instance_norm_new(cx, CT_F64, 3, NULL);
        ct_module *other = ct_module_clone(m, 0);
        ct_module *both = ct_sequential_new(cx, CT_MODULES(m, ct_activation_new(cx, CT_RELU)));
        ct_tensor *x = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(4, 3, 5))), *g, *h;
        for (int use = 0; use < 2; use++) {
            ct_scope scope = ct_scope_begin(cx);
            if (use)
                ct_evaluation(cx);
            ct_tensor *y = ct_module_forward(both, x), *z = ct_relu(ct_module_forward(other, x));
            expect_close(y, z, 0);
            ck_assert_int_eq(ct_grad(ct_sum(ct_square(y)), NULL, &x, 1, 0, &g), CT_OK);
            ck_assert_int_eq(ct_grad(ct_sum(ct_square(z)), NULL, &x, 1, 0, &h), CT_OK);
            expect_close(g, h, 8);
            ct_scope_end(cx, scope);
        }
        if (k == 0 || k == 2) {
            ck_assert_double_eq(batches_of(m), 1);
            ck_assert_double_eq(mean_of(m), mean_of(other));
            ck_assert(ct_max_difference(ct_module_parameter(m, "running_var"),
                                        ct_module_parameter(other, "running_var")) == 0);
        }
    }
    expect_ok();
}
END_TEST

static ct_tensor *loss(ct_context *c, ct_tensor *const *x, int n, void *module)
{
    return ct_sum(ct_mul(ct_square(forward(c, x, n, module)), x[1]));
}

START_TEST(the_gradient_check_does_not_move_them)
{
    ct_module *m = BATCH(2, .momentum = 0.5);
    ct_gradcheck_report report;
    ct_tensor *x[] = { ct_randn(cx, CT_F64, CT_SHAPE(4, 2)), ct_randn(cx, CT_F64, CT_SHAPE(4, 2)) };
    ct_verdict verdict = ct_gradcheck(cx, loss, m, x, 2, &(ct_gradcheck_options){ .order = 2 },
                                      &report);
    ck_assert_msg(verdict == CT_GRADCHECK_PASS, "%s", ct_gradcheck_text(cx, &report));
    ck_assert_double_eq(batches_of(m), 0);
    ck_assert_double_eq(mean_of(m), 0);
    ck_assert(!ct_is_repeating(cx));
    ct_module_forward(m, x[0]);
    ck_assert_double_eq(batches_of(m), 1);
}
END_TEST

START_TEST(forward_mode_moves_them_once)
{
    ct_module *m = BATCH(2, .momentum = 0.5);
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(4, 2)), *v = ct_randn(cx, CT_F64, CT_SHAPE(4, 2));
    ct_tensor *y, *jv, *gx;
    ck_assert_int_eq(ct_jvp(cx, forward, m, &x, &v, 1, &y, &jv), CT_OK);
    ck_assert_double_eq(batches_of(m), 1);
    ck_assert_int_eq(ct_vjp(cx, forward, m, &x, 1, v, &y, &gx), CT_OK);
    ck_assert_double_eq(batches_of(m), 2);
    ck_assert_double_eq_tol(ct_item(ct_sum(ct_mul(jv, v))), ct_item(ct_sum(ct_mul(gx, v))), 1e-12);
}
END_TEST

START_TEST(in_use_nothing_moves)
{
    ct_module *m = ct_batch_norm_new(cx, CT_F32, 2, NULL);
    ct_inference(cx);
    ct_tensor *x = ct_randn(cx, CT_F32, CT_SHAPE(1, 2)); /* one example is enough */
    ck_assert_double_le(ct_max_difference(ct_module_forward(m, x), x), 1e-4);
    ck_assert_double_eq(batches_of(m), 0);
}
END_TEST

START_TEST(an_empty_batch_is_counted_only)
{
    ct_module *m = ct_batch_norm_new(cx, CT_F64, 2, NULL);
    ct_tensor *x = ct_variable(ct_zeros(cx, CT_F64, CT_SHAPE(0, 2, 3)));
    ct_tensor *y = ct_module_forward(m, x);
    expect_shape(y, CT_SHAPE(0, 2, 3));
    ck_assert_int_eq(ct_backward(ct_sum(y)), CT_OK);
    expect_values(ct_gradient(ct_module_parameter(m, "weight")), CT_DOUBLES(0, 0), 0);
    expect_values(ct_module_parameter(m, "running_mean"), CT_DOUBLES(0, 0), 0);
    expect_values(ct_module_parameter(m, "running_var"), CT_DOUBLES(1, 1), 0);
    ck_assert_double_eq(batches_of(m), 1);
}
END_TEST

/* -- As a module */
START_TEST(entries_are_those_of_pytorch)
{
    static const char *const names[] = { "weight", "bias", "running_mean", "running_var",
                                         "num_batches_tracked" };
    for (int k = 0; k < 8; k++) {
        ct_module *m = BATCH(3, .no_weight = k & 1, .no_bias = k & 2, .no_statistics = k & 4);
        const char *text = ct_module_text(m);
        for (int i = 0; i < 5; i++) {
            bool has = i == 0 ? !(k & 1) : i == 1 ? !(k & 2) : !(k & 4);
            ck_assert_msg(has == (strstr(text, names[i]) != NULL), "%d: %s", k, text);
        }
        ct_module *copy = ct_module_clone(m, CT_F32);
        ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(4, 3, 2));
        ct_tensor *y = ct_module_forward(copy, ct_cast(x, CT_F32));
        ck_assert_double_le(ct_max_difference(ct_cast(y, CT_F64), ct_module_forward(m, x)), 1e-5);
        ck_assert_double_eq(ct_item(ct_penalty(m, 1, 1)), 0); /* norms do not decay */
    }
    expect_ok();
}
END_TEST

START_TEST(batch_norm_refuses)
{
    ck_assert_ptr_null(ct_batch_norm_new(cx, CT_F32, 0, NULL));
    expect_error(CT_ERROR_RANGE, "batch_norm_new: there must be 1 channel or more, got 0", NULL);
    ck_assert_ptr_null(ct_batch_norm_new(cx, CT_I64, 2, NULL));
    expect_error(CT_ERROR_DTYPE, "batch_norm_new", NULL);
    ck_assert_ptr_null(BATCH(2, .epsilon = INFINITY));
    expect_error(CT_ERROR_VALUE, "epsilon must be finite, got inf", NULL);
    ck_assert_ptr_null(BATCH(2, .momentum = 1.5));
    expect_error(CT_ERROR_VALUE, "momentum must be from 0 to 1, got 1.5", NULL);
    ck_assert_ptr_null(BATCH(2, .momentum = 0.1, .cumulative = true));
    expect_error(CT_ERROR_VALUE, "no momentum, got 0.1", NULL);
    ck_assert_ptr_null(BATCH(2, .reserved = { 1 }));
    expect_error(CT_ERROR_VALUE, "zeroed", NULL);
    ct_module *m = ct_batch_norm_new(cx, CT_F64, 2, NULL);
    ck_assert_ptr_null(ct_module_forward(m, ct_zeros(cx, CT_F64, CT_SHAPE(1, 2, 1))));
    expect_error(CT_ERROR_SHAPE, "batch_norm_train: each channel must have more than one element",
                 "(1,2,1)", NULL);
    ck_assert_ptr_null(ct_module_forward(m, ct_zeros(cx, CT_F64, CT_SHAPE(4, 3))));
    expect_error(CT_ERROR_SHAPE, "for each of the 3 channels", NULL);
    ck_assert_double_eq(batches_of(m), 0);
}
END_TEST

START_TEST(the_others_refuse)
{
    ck_assert_ptr_null(ct_group_norm_new(cx, CT_F32, 3, 4, NULL));
    expect_error(CT_ERROR_RANGE, "group_norm_new", "3 groups of 4 channels", NULL);
    ck_assert_ptr_null(ct_group_norm_new(cx, CT_F32, 0, 4, NULL));
    expect_error(CT_ERROR_RANGE, "group_norm_new", "0 groups", NULL);
    ck_assert_ptr_null(ct_rms_norm_new(cx, CT_F32, NULL, 0, NULL));
    expect_error(CT_ERROR_RANGE, "rms_norm_new: got 0 sizes", NULL);
    ck_assert_ptr_null(ct_rms_norm_new(cx, CT_I64, CT_SHAPE(3), NULL));
    expect_error(CT_ERROR_DTYPE, "rms_norm_new", NULL);
    ck_assert_ptr_null(INSTANCE(0, .affine = true));
    expect_error(CT_ERROR_RANGE, "instance_norm_new: there must be 1 channel or more", NULL);
    ck_assert_ptr_null(INSTANCE(2, .momentum = -1));
    expect_error(CT_ERROR_VALUE, "instance_norm_new: momentum", "got -1", NULL);
    ck_assert_ptr_null(INSTANCE(2, .reserved = { 1 }));
    expect_error(CT_ERROR_VALUE, "instance_norm_new", "zeroed", NULL);
    ct_module *m = INSTANCE(2, .statistics = true);
    ck_assert_ptr_null(ct_module_forward(m, ct_zeros(cx, CT_F64, CT_SHAPE(4, 2, 1))));
    expect_error(CT_ERROR_SHAPE, "instance_norm: x must be (N,C,...) with more than one element",
                 "(4,2,1)", NULL);
    expect_values(ct_module_parameter(m, "running_mean"), CT_DOUBLES(0, 0), 0);
}
END_TEST

static void some_steps(ct_context *c)
{
    ct_module *m = ct_batch_norm_new(c, CT_F32, 2, NULL);
    ct_tensor *x = ct_zeros(c, CT_F32, CT_SHAPE(3, 2));
    ct_tensor *y = ct_module_forward(m, x);
    ct_backward(ct_sum(y));
    ct_module *others[] = { ct_group_norm_new(c, CT_F32, 1, 2, NULL),
                            ct_rms_norm_new(c, CT_F32, CT_SHAPE(2), NULL) };
    for (int i = 0; i < 2; i++)
        ct_backward(ct_sum(ct_module_forward(others[i], x)));
    ct_module *instance = ct_instance_norm_new(c, CT_F32, 2, &(ct_instance_norm_options){
        .affine = true, .statistics = true });
    ct_backward(ct_sum(ct_module_forward(instance, ct_zeros(c, CT_F32, CT_SHAPE(1, 2, 3)))));
    ct_inference(c);
    ct_module_forward(m, x);
}

START_TEST(every_allocation_may_fail)
{
    for_each_failing_allocation(some_steps);
}
END_TEST

Suite *norms_suite(void)
{
    return make_suite("norms", (const TTest *const[]){
        batch_norm_is_that_of_pytorch, batch_norm_by_moments_of_others,
        group_norm_is_that_of_pytorch,
        instance_norm_is_that_of_pytorch, rms_norm_is_its_formula,
        a_checkpoint_moves_statistics_once, a_relu_behind_it_changes_nothing_else,
        the_gradient_check_does_not_move_them, forward_mode_moves_them_once, in_use_nothing_moves,
        an_empty_batch_is_counted_only, entries_are_those_of_pytorch, batch_norm_refuses,
        the_others_refuse,
        every_allocation_may_fail, NULL });
}
