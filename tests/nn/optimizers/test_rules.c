/* The rules of ct_optimizer_new against PyTorch (tests/nn/torch/optimizers.py), what the options
 * may be, and groups of parameters: ops/updates/rules.c and nn/optimizers/optimizer.c. */
#include "torch/figures.h"

enum { N = 4, STEPS = 100, KEPT = 3 };

static ct_tensor *start(ct_dtype dtype)
{
    double w[N];
    for (int i = 0; i < N; i++)
        w[i] = sin(i + 1);
    return ct_variable(ct_from_doubles(cx, dtype, CT_SHAPE(N), w, N));
}

/* the gradient of step t, by backward */
static void give_gradient(ct_tensor *w, int t)
{
    double g[N];
    for (int i = 0; i < N; i++)
        g[i] = (i + 1) * ct_at(w, CT_INDEX(i)) / 2 + cos(t * (i + 1)) / 3;
    ct_tensor *by = ct_from_doubles(cx, ct_dtype_of(w), CT_SHAPE(N), g, N);
    ck_assert_int_eq(ct_backward(ct_sum(ct_mul(w, by))), CT_OK);
}

typedef struct row {
    const char *name;
    double rate;
    ct_update_options options;
} row;

static const row rows[] = {
    { "sgd", 0.05, { .rule = CT_SGD } },
    { "sgd_nesterov", 0.05, { .rule = CT_SGD, .nesterov = true, .momentum = 0.9,
        .weight_decay = 0.1 } },
    { "adam", 0.05, { .rule = CT_ADAM, .weight_decay = 0.1 } },
    { "adam_amsgrad", 0.05, { .rule = CT_ADAM, .amsgrad = true, .beta1 = 0.8, .beta2 = 0.9,
                              .epsilon = 1e-3 } },
    { "adamw", 0.05, { .rule = CT_ADAM, .decoupled = true, .weight_decay = 0.1 } },
    { "adamw_amsgrad", 0.05, { .rule = CT_ADAM, .decoupled = true, .amsgrad = true,
        .weight_decay = 0.1 } },
    { "rmsprop", 0.02, { .rule = CT_RMSPROP } },
    { "rmsprop_centered", 0.02, { .rule = CT_RMSPROP, .centered = true, .beta2 = 0.9,
                                  .weight_decay = 0.1 } },
    { "rmsprop_momentum", 0.02, { .rule = CT_RMSPROP, .momentum = 0.8, .epsilon = 1e-3 } },
    { "rmsprop_both", 0.02, { .rule = CT_RMSPROP, .centered = true, .momentum = 0.5,
        .beta2 = 0.95 } },
    { "adagrad", 0.3, { .rule = CT_ADAGRAD } },
    { "adagrad_decay", 0.3, { .rule = CT_ADAGRAD, .rate_decay = 0.05, .weight_decay = 0.1,
                              .epsilon = 1e-3 } },
    { "adadelta", 1, { .rule = CT_ADADELTA } },
    { "adadelta_decay", 2, { .rule = CT_ADADELTA, .beta2 = 0.8, .epsilon = 1e-3,
        .weight_decay = 0.1 } },
    { "nadam", 0.05, { .rule = CT_NADAM } },
    { "nadam_decay", 0.05, { .rule = CT_NADAM, .rate_decay = 0.05, .beta1 = 0.8, .beta2 = 0.95,
                             .weight_decay = 0.1 } },
    { "radam", 0.05, { .rule = CT_RADAM } },
    { "radam_decay", 0.05, { .rule = CT_RADAM, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3,
                             .weight_decay = 0.1 } },
    { "adamax", 0.05, { .rule = CT_ADAMAX } },
    { "adamax_decay", 0.05, { .rule = CT_ADAMAX, .beta1 = 0.8, .beta2 = 0.9, .epsilon = 1e-3,
                              .weight_decay = 0.1 } },
    { "lion", 0.01, { .rule = CT_LION } },
    { "lion_decay", 0.02, { .rule = CT_LION, .beta1 = 0.8, .beta2 = 0.95, .weight_decay = 0.1 } },
};
enum { ROWS = sizeof rows / sizeof *rows };

START_TEST(a_hundred_steps_are_those_of_pytorch)
{
    for (int k = 0; k < ROWS; k++) {
        double want[KEPT * N];
        figures("optimizers.txt", rows[k].name, want, KEPT * N);
        ct_tensor *w = start(CT_F64);
        ct_optimizer *o = ct_optimizer_new(&w, 1, rows[k].rate, &rows[k].options);
        ck_assert_msg(o != NULL, "%s: %s", rows[k].name, ct_error_text(cx));
        for (int t = 1, kept = 0; t <= STEPS; t++) {
            ct_scope scope = ct_scope_begin(cx);
            give_gradient(w, t);
            ck_assert_int_eq(ct_optimizer_step(o), CT_OK);
            if (t == 1 || t == 10 || t == STEPS) {
                for (int i = 0; i < N; i++)
                    ck_assert_msg(fabs(ct_at(w, CT_INDEX(i)) - want[kept * N + i]) < 1e-10,
                                  "%s: weight %d after %d steps is %.12g, not %.12g", rows[k].name,
                                  i, t, ct_at(w, CT_INDEX(i)), want[kept * N + i]);
                kept++;
            }
            ct_scope_end(cx, scope);
        }
    }
}
END_TEST

START_TEST(single_precision_stays_near)
{
    for (int k = 0; k < ROWS; k++) {
        ct_tensor *w[] = { start(CT_F32), start(CT_F64) };
        ct_optimizer *o = ct_optimizer_new(w, 2, rows[k].rate, &rows[k].options);
        for (int t = 1; t <= 10; t++) {
            give_gradient(w[0], t);
            give_gradient(w[1], t);
            ck_assert_int_eq(ct_optimizer_step(o), CT_OK);
        }
        ct_tensor *wide = ct_cast(ct_detach(w[0]), CT_F64);
        ck_assert_msg(ct_max_difference(wide, ct_detach(w[1])) < 2e-6, "%s: %g apart",
                      rows[k].name, ct_max_difference(wide, ct_detach(w[1])));
    }
}
END_TEST

/* a parameter that no gradient ever moves, and one whose gradient is not finite */
START_TEST(zero_and_infinite_gradients)
{
    for (int k = 0; k < ROWS; k++) {
        if (rows[k].options.weight_decay > 0)
            continue;
        ct_tensor *w = start(CT_F64), *g = ct_zeros_like(w), *state[CT_UPDATE_STATES];
        int states = ct_update_state(w, &rows[k].options, state);
        for (int t = 0; t < 3; t++)
            ck_assert_int_eq(ct_update(&w, &g, state, 1, 0.1, &rows[k].options), CT_OK);
        ck_assert_double_eq(ct_max_difference(ct_detach(w), ct_detach(start(CT_F64))), 0);
        ct_set(g, CT_INDEX(2), NAN);
        ck_assert_int_eq(ct_update(&w, &g, state, 1, 0.1, &rows[k].options), CT_OK);
        ck_assert_msg(isnan(ct_at(w, CT_INDEX(2))), "%s hides a NaN", rows[k].name);
        ck_assert(ct_at(w, CT_INDEX(1)) == sin(2));
        ck_assert_int_le(states, CT_UPDATE_STATES);
    }
}
END_TEST

/* NAdam's products are not kept, but made anew: at step 1000 as at step 1 */
START_TEST(nadam_goes_on_for_long)
{
    ct_update_options o = { .rule = CT_NADAM };
    ct_tensor *w = ct_scalar(cx, CT_F64, 0), *g = ct_scalar(cx, CT_F64, 1);
    ct_tensor *state[] = { ct_scalar(cx, CT_F64, 0), ct_scalar(cx, CT_F64, 0),
                           ct_scalar(cx, CT_I64, 0) };
    double want = 0, product = 1, m = 0, v = 0;
    for (int t = 1; t <= 1000; t++) {
        double mu = 0.9 * (1 - 0.5 * pow(0.96, t * 0.004));
        double next = 0.9 * (1 - 0.5 * pow(0.96, (t + 1) * 0.004));
        product *= mu, m = 0.9 * m + 0.1, v = 0.999 * v + 0.001;
        want -= 0.1 * ((1 - mu) / (1 - product) + next * m / (1 - product * next)) /
                (sqrt(v / (1 - pow(0.999, t))) + 1e-8);
        ck_assert_int_eq(ct_update(&w, &g, state, 1, 0.1, &o), CT_OK);
    }
    ck_assert_double_eq_tol(ct_item(w), want, 1e-10);
}
END_TEST

START_TEST(options_that_a_rule_does_not_have)
{
    const struct { ct_update_options o; const char *who, *what; } wrong[] = {
        { { .rule = CT_LION, .amsgrad = true }, "update_lion: ", "amsgrad" },
        { { .rule = CT_ADAM, .momentum = 0.9 }, "update_adam: ", "momentum" },
        { { .rule = CT_ADAM, .centered = true }, "update_adam: ", "centered" },
        { { .rule = CT_SGD, .beta1 = 0.9 }, "update_sgd: ", "beta1" },
        { { .rule = CT_SGD, .epsilon = 0.9 }, "update_sgd: ", "epsilon" },
        { { .rule = CT_RMSPROP, .beta1 = 0.9 }, "update_rmsprop: ", "beta1" },
        { { .rule = CT_RMSPROP, .nesterov = true, .momentum = 0.5 }, "update_rmsprop: ",
            "nesterov" },
        { { .rule = CT_ADADELTA, .rate_decay = 0.9 }, "update_adadelta: ", "rate_decay" },
        { { .rule = CT_ADAGRAD, .beta2 = 0.9 }, "update_adagrad: ", "beta2" },
        { { .rule = CT_SGD, .nesterov = true }, "update_sgd: ", "momentum must be positive" },
        { { .rule = CT_RMSPROP, .momentum = 1 }, "update_rmsprop: momentum", "[0, 1)" },
        { { .rule = CT_RADAM, .beta2 = 1 }, "update_radam: beta2", "[0, 1)" },
        { { .rule = CT_ADAMAX, .epsilon = NAN }, "update_adamax: epsilon", "finite" },
        { { .rule = CT_NADAM, .weight_decay = -1 }, "update_nadam: weight_decay", "negative" },
        { { .rule = CT_ADAGRAD, .rate_decay = INFINITY }, "update_adagrad: rate_decay", "finite" },
        { { .rule = CT_LION, .reserved = { 0, 0, 1 } }, "update_lion: ", "reserved" },
        { { 0 }, "update: ", "name a rule, got 0" },
        { { .rule = (ct_update_rule)10 }, "update: ", "name a rule, got 10" },
    };
    ct_tensor *w = start(CT_F64), *g = ct_zeros_like(w), *state[CT_UPDATE_STATES] = { g, g, g, g };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(ct_update(&w, &g, state, 1, 0.1, &wrong[i].o), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, wrong[i].who, wrong[i].what, NULL);
        ck_assert_int_eq(ct_update_state(w, &wrong[i].o, NULL), -1);
        expect_error(CT_ERROR_VALUE, wrong[i].who, wrong[i].what, NULL);
        ck_assert_ptr_null(ct_optimizer_new(&w, 1, 0.1, &wrong[i].o));
        expect_error(CT_ERROR_VALUE, wrong[i].who, wrong[i].what, NULL);
    }
    ck_assert_ptr_null(ct_optimizer_new(&w, 1, 0.1, NULL));
    expect_error(CT_ERROR_VALUE, "name a rule", NULL);
    const double bad[] = { 1, -1 };
    ct_tensor *two[] = { w, ct_zeros_like(w) }, *gradients[] = { g, g };
    ct_update_options o = { .rule = CT_SGD, .factors = bad };
    ck_assert_int_eq(ct_update(two, gradients, NULL, 2, 0.1, &o), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "update_sgd: a factor", "got -1", NULL);
    ck_assert_ptr_null(ct_optimizer_new(&w, 1, 0.1, &o));
    expect_error(CT_ERROR_VALUE, "optimizer_new: factors and decays must be NULL", NULL);
    o = (ct_update_options){ .rule = CT_SGD, .decays = bad };
    ck_assert_int_eq(ct_update(two, gradients, NULL, 2, 0.1, &o), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "update_sgd: a weight decay", "got -1", NULL);
    ck_assert_double_eq(ct_max_difference(ct_detach(w), ct_detach(start(CT_F64))), 0);
}
END_TEST

/* -- Groups. SGD on sums, whose gradient is 1 */
static ct_tensor *one(double value)
{
    return ct_variable(ct_full(cx, CT_F64, CT_SHAPE(1), value));
}

static void step(ct_optimizer *o, ct_tensor *const *w, int n)
{
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(ct_backward(ct_sum(w[i])), CT_OK);
    ck_assert_int_eq(ct_optimizer_step(o), CT_OK);
}

START_TEST(groups_have_their_own_rate_and_decay)
{
    ct_tensor *w[] = { one(1), one(1), one(2) };
    ct_optimizer *o = ct_sgd_new(w, 1, 0.5, &(ct_sgd_options){ .weight_decay = 1 });
    ck_assert_int_eq(ct_optimizer_add_group(o, w + 1, 1, 0.25, 0), CT_OK);
    ck_assert_int_eq(ct_optimizer_add_group(o, w + 2, 1, 1, 0.5), CT_OK);
    step(o, w, 3); /* 0.5 (1 + 1), 0.25, 1 (1 + 1) */
    expect_values(w[0], CT_DOUBLES(0), 0);
    expect_values(w[1], CT_DOUBLES(0.75), 0);
    expect_values(w[2], CT_DOUBLES(0), 0);
    ct_optimizer_set_rate(o, 1); /* twice all rates */
    step(o, w, 3);
    expect_values(w[0], CT_DOUBLES(-1), 0);
    expect_values(w[1], CT_DOUBLES(0.25), 0);
    expect_values(w[2], CT_DOUBLES(-2), 0);
    step(o, w + 1, 1); /* only one of them takes part */
    expect_values(w[0], CT_DOUBLES(-1), 0);
    expect_values(w[1], CT_DOUBLES(-0.25), 0);
    ct_optimizer_free(o);
}
END_TEST

START_TEST(a_group_of_no_parameters_changes_nothing)
{
    ct_tensor *w = one(1);
    ct_optimizer *o = ct_sgd_new(&w, 1, 0.5, NULL);
    ck_assert_int_eq(ct_optimizer_add_group(o, NULL, 0, 0.25, 0), CT_OK);
    step(o, &w, 1);
    step(o, &w, 1);
    expect_values(w, CT_DOUBLES(0), 0);
}
END_TEST

/* a group that was added later, with state: as an optimizer of its own */
START_TEST(groups_keep_their_states)
{
    ct_tensor *a[] = { start(CT_F64), start(CT_F32) }, *b[] = { start(CT_F64), start(CT_F32) };
    ct_optimizer *both = ct_adam_new(a, 1, 0.1, NULL), *first = ct_adam_new(b, 1, 0.1, NULL);
    ct_optimizer *second = ct_adam_new(b + 1, 1, 0.01, &(ct_adam_options){ .weight_decay = 0.3 });
    for (int t = 1; t <= 6; t++) {
        if (t == 3)
            ck_assert_int_eq(ct_optimizer_add_group(both, a + 1, 1, 0.01, 0.3), CT_OK);
        for (int i = 0; i < (t < 3 ? 1 : 2); i++)
            give_gradient(a[i], t), give_gradient(b[i], t);
        ck_assert_int_eq(ct_optimizer_step(both), CT_OK);
        ck_assert_int_eq(ct_optimizer_step(first), CT_OK);
        ck_assert(t < 3 || ct_optimizer_step(second) == CT_OK);
    }
    ck_assert_double_eq(ct_max_difference(ct_detach(a[0]), ct_detach(b[0])), 0);
    ck_assert_double_le(ct_max_difference(ct_detach(a[1]), ct_detach(b[1])), 1e-7);
    ck_assert_double_gt(ct_max_difference(ct_detach(a[1]), ct_detach(start(CT_F32))), 0.01);
}
END_TEST

START_TEST(groups_that_cannot_be)
{
    ct_tensor *w[] = { one(1), one(1), NULL }, *constant = ct_ones(cx, CT_F64, CT_SHAPE(1));
    ct_optimizer *o = ct_sgd_new(w, 1, 0.5, NULL);
    ck_assert_int_eq(ct_optimizer_add_group(o, w, 1, 0.5, 0), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "optimizer_add_group: parameter 0 is in another group", NULL);
    ck_assert_int_eq(ct_optimizer_add_group(o, w + 1, 2, 0.5, 0), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "optimizer_add_group: parameter 1", NULL);
    ck_assert_int_eq(ct_optimizer_add_group(o, &constant, 1, 0.5, 0), CT_ERROR_GRAPH);
    expect_error(CT_ERROR_GRAPH, "optimizer_add_group: parameter 0", NULL);
    ck_assert_int_eq(ct_optimizer_add_group(o, NULL, 1, 0.5, 0), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "optimizer_add_group", NULL);
    ck_assert_int_eq(ct_optimizer_add_group(o, w + 1, -1, 0.5, 0), CT_ERROR_RANGE);
    expect_error(CT_ERROR_RANGE, "optimizer_add_group", NULL);
    ck_assert_int_eq(ct_optimizer_add_group(o, w + 1, 1, NAN, 0), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "optimizer_add_group: the rate", NULL);
    ck_assert_int_eq(ct_optimizer_add_group(o, w + 1, 1, 1, -1), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "optimizer_add_group: the decay", NULL);
    ct_optimizer_set_rate(o, 0);
    ck_assert_int_eq(ct_optimizer_add_group(o, w + 1, 1, 1, 0), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "optimizer_add_group", "ratio", NULL);
    ct_optimizer_set_rate(o, 1e-200);
    ck_assert_int_eq(ct_optimizer_add_group(o, w + 1, 1, 1e200, 0), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "optimizer_add_group: a rate of 1e+200 is too far", NULL);
    ck_assert_int_eq(ct_optimizer_add_group(NULL, w, 1, 1, 0), CT_ERROR_NULL);
    ct_optimizer_set_rate(o, 0.5);
    step(o, w, 1); /* as if nothing had been tried */
    expect_values(w[0], CT_DOUBLES(0.5), 0);
}
END_TEST

START_TEST(biases_and_norms_do_not_decay)
{
    ct_module *children[] = { ct_linear_new(cx, CT_F64, 2, 2, NULL),
                              ct_layer_norm_new(cx, CT_F64, CT_SHAPE(2), NULL) };
    ct_module *net = ct_sequential_new(cx, children, 2);
    int n;
    ct_tensor *const *w = ct_module_parameters(net, &n);
    ck_assert_int_eq(n, 4);
    ct_optimizer *o = ct_sgd_new(w, n, 0.5, &(ct_sgd_options){ .weight_decay = 0.5 });
    ck_assert_int_eq(ct_optimizer_decay_weights_only(o, net), CT_OK);
    for (int i = 0; i < n; i++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_no_grad(cx);
        ct_fill(w[i], 4);
        ct_scope_end(cx, scope);
        ct_backward(ct_sum(w[i]));
    }
    ck_assert_int_eq(ct_optimizer_step(o), CT_OK);
    for (int i = 0; i < n; i++)
        ck_assert_double_eq(ct_item(ct_max(w[i])), i == 0 ? 4 - 0.5 * 3 : 3.5);
    ck_assert_double_eq(ct_item(ct_penalty(net, 0, 2)), 4 * 2.5 * 2.5); /* by the same predicate */
    ck_assert_int_eq(ct_optimizer_decay_weights_only(o, NULL), CT_ERROR_NULL);
    ck_assert_int_eq(ct_optimizer_decay_weights_only(NULL, net), CT_ERROR_NULL);
}
END_TEST

/* k small batches and one step are one large batch */
START_TEST(gradients_accumulate)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(12, 3)), *y = ct_randn(cx, CT_F64, CT_SHAPE(12,
        1));
    ct_tensor *w[] = { ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(3, 1))),
                       ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(3, 1))) };
    ct_optimizer *o[] = { ct_adam_new(w, 1, 0.1, NULL), ct_adam_new(w + 1, 1, 0.1, NULL) };
    for (int t = 0; t < 5; t++) {
        ct_backward(ct_mse(ct_matmul(x, w[0]), y));
        for (int k = 0; k < 3; k++)
            ct_backward(ct_scale(ct_mse(ct_matmul(ct_slice(x, 0, 4 * k, 4 * k + 4, 1), w[1]),
                                        ct_slice(y, 0, 4 * k, 4 * k + 4, 1)), 1.0 / 3));
        ck_assert_int_eq(ct_optimizer_step(o[0]), CT_OK);
        ck_assert_int_eq(ct_optimizer_step(o[1]), CT_OK);
    }
    ck_assert_double_le(ct_max_difference(ct_detach(w[0]), ct_detach(w[1])), 1e-9);
    ck_assert_double_gt(ct_max_difference(ct_detach(w[0]), ct_ones(cx, CT_F64, CT_SHAPE(3, 1))),
                        0.1);
}
END_TEST

static void use_groups(ct_context *c)
{
    ct_tensor *w[] = { ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2))),
                       ct_variable(ct_ones(c, CT_F64, CT_SHAPE(3))) };
    ct_update_options options = { .rule = CT_RMSPROP, .centered = true, .momentum = 0.5 };
    ct_optimizer *o = ct_optimizer_new(w, 1, 0.1, &options);
    if (!o || ct_optimizer_add_group(o, w + 1, 1, 0.2, 0.1) != CT_OK)
        return;
    if (ct_backward(ct_sum(w[0])) == CT_OK && ct_backward(ct_sum(w[1])) == CT_OK)
        ct_optimizer_step(o);
    ct_optimizer_free(o);
}

START_TEST(groups_out_of_memory)
{
    for_each_failing_allocation(use_groups);
}
END_TEST

Suite *rules_suite(void);
Suite *rules_suite(void)
{
    const TTest *const tests[] = {
        a_hundred_steps_are_those_of_pytorch,
        single_precision_stays_near,
        zero_and_infinite_gradients,
        nadam_goes_on_for_long,
        options_that_a_rule_does_not_have,
        groups_have_their_own_rate_and_decay,
        a_group_of_no_parameters_changes_nothing,
        groups_keep_their_states,
        groups_that_cannot_be,
        biases_and_norms_do_not_decay,
        gradients_accumulate,
        groups_out_of_memory,
        NULL,
    };
    return make_suite("nn/rules", tests);
}
