/* nn/optimizers/optimizer.c: trajectories against the textbook's recursions, worked out in plain C. */
#include "support.h"

enum { STEPS = 20 };
static const double curvature[] = { 1, 4 };

/* one step on 1/2 sum a w^2, whose gradient is a w */
static void step(ct_optimizer *o, ct_tensor *w)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *a = ct_from_doubles(cx, ct_dtype_of(w), CT_SHAPE(2), curvature, 2);
    ck_assert_int_eq(ct_backward(ct_scale(ct_sum(ct_mul(a, ct_square(w))), 0.5)), CT_OK);
    ck_assert_int_eq(ct_optimizer_step(o), CT_OK);
    ct_scope_end(cx, scope);
}

static ct_tensor *start(ct_dtype dtype)
{
    return ct_variable(ct_from_doubles(cx, dtype, CT_SHAPE(2), CT_DOUBLES(1, -2)));
}

/* Sutskever et al. 2013 as PyTorch writes it: v <- m v + g, w <- w - rate (v, or g + m v) */
static void sgd_by_hand(double *w, const ct_sgd_options *o, double rate)
{
    for (int i = 0; i < 2; i++) {
        double v = 0;
        for (int t = 0; t < STEPS; t++) {
            double g = curvature[i] * w[i] + o->weight_decay * w[i];
            v = o->momentum * v + g;
            w[i] -= rate * (o->nesterov ? g + o->momentum * v : v);
        }
    }
}

START_TEST(sgd_follows_its_recursion)
{
    const ct_sgd_options all[] = {
        { .momentum = 0 },
        { .weight_decay = 0.1 },
        { .momentum = 0.9 },
        { .momentum = 0.9, .nesterov = true },
        { .momentum = 0.5, .weight_decay = 0.2, .nesterov = true },
    };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        ct_tensor *w = start(CT_F64);
        ct_optimizer *o = ct_sgd_new(&w, 1, 0.05, &all[k]);
        for (int t = 0; t < STEPS; t++)
            step(o, w);
        double want[] = { 1, -2 };
        sgd_by_hand(want, &all[k], 0.05);
        expect_values(w, want, 2, 1e-14);
    }
}
END_TEST

/* Kingma, Ba 2015; decoupled decay: Loshchilov, Hutter 2019 */
static void adam_by_hand(double *w, const ct_adam_options *o, double rate)
{
    double b1 = o->beta1 != 0 ? fmax(o->beta1, 0) : 0.9;
    double b2 = o->beta2 != 0 ? fmax(o->beta2, 0) : 0.999;
    double epsilon = o->epsilon != 0 ? fmax(o->epsilon, 0) : 1e-8;
    for (int i = 0; i < 2; i++) {
        double m = 0, v = 0;
        for (int t = 1; t <= STEPS; t++) {
            double g = curvature[i] * w[i] + (o->decoupled ? 0 : o->weight_decay * w[i]);
            m = b1 * m + (1 - b1) * g;
            v = b2 * v + (1 - b2) * g * g;
            double move = m / (1 - pow(b1, t)) / (sqrt(v / (1 - pow(b2, t))) + epsilon);
            w[i] -= rate * (move + (o->decoupled ? o->weight_decay * w[i] : 0));
        }
    }
}

START_TEST(adam_follows_its_recursion)
{
    const ct_adam_options all[] = {
        { .beta1 = 0 },
        { .weight_decay = 0.3 },
        { .weight_decay = 0.3, .decoupled = true },
        { .beta1 = 0.5, .beta2 = 0.9, .epsilon = 0.01 },
        { .beta1 = -1, .beta2 = 0.5 },
    };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        ct_tensor *w = start(CT_F64);
        ct_optimizer *o = ct_adam_new(&w, 1, 0.05, k == 0 ? NULL : &all[k]);
        for (int t = 0; t < STEPS; t++)
            step(o, w);
        double want[] = { 1, -2 };
        adam_by_hand(want, &all[k], 0.05);
        expect_values(w, want, 2, 1e-13);
    }
}
END_TEST

START_TEST(single_precision_stays_close)
{
    ct_tensor *w[] = { start(CT_F32), start(CT_F64) };
    ct_optimizer *both = ct_adam_new(w, 2, 0.05, NULL);
    for (int t = 0; t < STEPS; t++) {
        ct_scope scope = ct_scope_begin(cx);
        for (int i = 0; i < 2; i++)
            ct_backward(ct_sum(ct_square(w[i])));
        ck_assert_int_eq(ct_optimizer_step(both), CT_OK);
        ct_scope_end(cx, scope);
    }
    ck_assert_double_le(ct_max_difference(ct_cast(ct_detach(w[0]), CT_F64), ct_detach(w[1])), 1e-6);
}
END_TEST

START_TEST(a_step_consumes_gradients_unless_told_to_keep_them)
{
    ct_tensor *w = start(CT_F64);
    ct_optimizer *o = ct_sgd_new(&w, 1, 0.5, NULL);
    ct_backward(ct_sum(w));
    ct_backward(ct_sum(w)); /* they add up: g = 2 */
    ck_assert_int_eq(ct_optimizer_step(o), CT_OK);
    expect_values(w, CT_DOUBLES(0, -3), 0);
    ck_assert_ptr_null(ct_gradient(w));
    ct_optimizer *keeping = ct_sgd_new(&w, 1, 0.5, &(ct_sgd_options){ .keep_gradients = true });
    ct_backward(ct_sum(w));
    ck_assert_int_eq(ct_optimizer_step(keeping), CT_OK);
    ck_assert_int_eq(ct_optimizer_step(keeping), CT_OK);
    expect_values(w, CT_DOUBLES(-1, -4), 0);
    ck_assert_ptr_nonnull(ct_gradient(w));
}
END_TEST

START_TEST(parameters_without_gradient_are_passed_over)
{
    ct_tensor *w[] = { start(CT_F64), start(CT_F64) };
    ct_optimizer *o = ct_adam_new(w, 2, 0.1, NULL);
    ck_assert_int_ne(ct_optimizer_step(o), CT_OK);
    expect_error(CT_ERROR_GRAPH, "optimizer_step", "gradient", NULL);
    expect_values(w[0], CT_DOUBLES(1, -2), 0);
    for (int t = 0; t < 3; t++) {
        ct_backward(ct_sum(w[0]));
        ck_assert_int_eq(ct_optimizer_step(o), CT_OK);
    }
    expect_values(w[1], CT_DOUBLES(1, -2), 0);
    ct_backward(ct_sum(w[1]));
    ct_optimizer_step(o); /* its own first step: by rate, whatever the others have done */
    expect_values(w[1], CT_DOUBLES(0.9, -2.1), 1e-8);
    expect_values(w[0], CT_DOUBLES(0.7, -2.3), 1e-7);
}
END_TEST

START_TEST(the_rate_may_change)
{
    ct_tensor *w = start(CT_F64);
    ct_optimizer *o = ct_sgd_new(&w, 1, 1, NULL);
    ct_optimizer_set_rate(o, 0.25);
    ck_assert_double_eq(ct_optimizer_rate(o), 0.25);
    ct_backward(ct_sum(w));
    ct_optimizer_step(o);
    expect_values(w, CT_DOUBLES(0.75, -2.25), 0);
    const double wrong[] = { -1, NAN, INFINITY };
    for (int i = 0; i < 3; i++) {
        ct_optimizer_set_rate(o, wrong[i]);
        expect_error(CT_ERROR_VALUE, "rate", NULL);
        ck_assert_ptr_null(ct_sgd_new(&w, 1, wrong[i], NULL));
        expect_error(CT_ERROR_VALUE, "sgd_new", "rate", NULL);
        ck_assert_ptr_null(ct_adam_new(&w, 1, wrong[i], NULL));
        expect_error(CT_ERROR_VALUE, "adam_new", "rate", NULL);
    }
    ck_assert_double_eq(ct_optimizer_rate(o), 0.25);
    ck_assert(isnan(ct_optimizer_rate(NULL)));
    ct_optimizer_set_rate(NULL, 1);
    ct_optimizer_free(NULL);
    ck_assert_int_eq(ct_optimizer_step(NULL), CT_ERROR_NULL);
}
END_TEST

START_TEST(bad_parameters_and_options_are_refused)
{
    ct_tensor *w = start(CT_F64), *constant = ct_ones(cx, CT_F64, CT_SHAPE(2));
    ck_assert_ptr_null(ct_sgd_new(CT_TENSORS(w, constant), 0.1, NULL));
    expect_error(CT_ERROR_GRAPH, "sgd_new", "parameter 1", NULL);
    ck_assert_ptr_null(ct_sgd_new(CT_TENSORS(w, w), 0.1, NULL));
    expect_error(CT_ERROR_VALUE, "sgd_new", "parameter 1", NULL);
    ck_assert_ptr_null(ct_adam_new(CT_TENSORS(w, NULL), 0.1, NULL));
    expect_error(CT_ERROR_NULL, "adam_new", "parameter 1", NULL);
    ck_assert_ptr_null(ct_sgd_new(NULL, 0, 0.1, NULL));
    ck_assert_ptr_null(ct_sgd_new(&w, -1, 0.1, NULL));
    expect_error(CT_ERROR_RANGE, "sgd_new: -1 parameters", NULL);
    ck_assert_ptr_null(ct_adam_new(&w, -2, 0.1, NULL));
    expect_error(CT_ERROR_RANGE, "adam_new: -2 parameters", NULL);
    ct_context *other = ct_context_new(NULL);
    ct_tensor *foreign = ct_variable(ct_ones(other, CT_F64, CT_SHAPE(2)));
    ck_assert_ptr_null(ct_sgd_new(CT_TENSORS(w, foreign), 0.1, NULL));
    expect_error(CT_ERROR_CONTEXT, "sgd_new", "parameter 1", NULL);
    ct_context_free(other);
    const ct_sgd_options sgd[] = { { .momentum = -0.1 }, { .momentum = NAN }, { .momentum = 1 },
                                   { .weight_decay = -1 }, { .nesterov = true },
                                   { .reserved = { 1 } } };
    for (size_t i = 0; i < sizeof sgd / sizeof *sgd; i++) {
        ck_assert_ptr_null(ct_sgd_new(&w, 1, 0.1, &sgd[i]));
        expect_error(CT_ERROR_VALUE, "sgd", NULL);
    }
    const ct_adam_options adam[] = { { .beta1 = 1 }, { .beta2 = 1 }, { .beta1 = NAN },
                                     { .epsilon = NAN }, { .weight_decay = NAN },
                                     { .reserved = { 1 } } };
    for (size_t i = 0; i < sizeof adam / sizeof *adam; i++) {
        ck_assert_ptr_null(ct_adam_new(&w, 1, 0.1, &adam[i]));
        expect_error(CT_ERROR_VALUE, "adam", NULL);
    }
}
END_TEST

START_TEST(optimizers_keep_their_parameters)
{
    ct_memory before, after;
    ct_memory_stats(cx, &before);
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *w = start(CT_F32);
    ct_optimizer *o = ct_adam_new(&w, 1, 0.1, NULL);
    step(o, w);
    ct_scope_end(cx, scope);
    step(o, w);
    ct_optimizer_free(o);
    ct_memory_stats(cx, &after);
    ck_assert_int_eq(after.live_bytes, before.live_bytes);
}
END_TEST

static void step_again(ct_context *c)
{
    ct_tensor *w = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2)));
    ct_optimizer *o = ct_adam_new(&w, 1, 0.1, NULL);
    if (ct_backward(ct_sum(w)) != CT_OK || !o || ct_optimizer_step(o) == CT_OK)
        return;
    ct_error_clear(c);
    if (ct_optimizer_step(o) != CT_OK) /* no memory again, and nothing else */
        ck_assert_int_eq(ct_error(c), CT_ERROR_MEMORY);
    else
        ck_assert_double_eq_tol(ct_at(w, CT_INDEX(0)), 0.9, 1e-8);
    ct_fail(c, CT_ERROR_MEMORY, "the first step");
}

START_TEST(a_step_that_failed_can_be_repeated)
{
    for_each_failing_allocation(step_again);
}
END_TEST

/* y = x A, 8 equations with the exact solution A */
static double distance_after(ct_optimizer *(*make)(ct_tensor *w), int steps)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(8, 3)), *a = ct_randn(cx, CT_F64, CT_SHAPE(3, 2));
    ct_tensor *y = ct_matmul(x, a), *w = ct_variable(ct_zeros(cx, CT_F64, CT_SHAPE(3, 2)));
    ct_optimizer *o = make(w);
    for (int t = 0; t < steps; t++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_backward(ct_mse(ct_matmul(x, w), y));
        ck_assert_int_eq(ct_optimizer_step(o), CT_OK);
        ct_scope_end(cx, scope);
    }
    return ct_max_difference(ct_detach(w), a);
}

static ct_optimizer *momentum(ct_tensor *w)
{
    return ct_sgd_new(&w, 1, 0.1, &(ct_sgd_options){ .momentum = 0.9 });
}

static ct_optimizer *adam(ct_tensor *w)
{
    return ct_adam_new(&w, 1, 0.02, NULL);
}

START_TEST(least_squares_are_solved)
{
    ck_assert_double_le(distance_after(momentum, 2000), 1e-9);
    ck_assert_double_le(distance_after(adam, 3000), 1e-6);
}
END_TEST

START_TEST(clipping_scales_all_by_one_number)
{
    ct_tensor *w[] = { start(CT_F64), ct_variable(ct_zeros(cx, CT_F32, CT_SHAPE(2, 1))),
                       start(CT_F64) };
    ck_assert_double_eq(ct_clip_gradients(w, 3, 1), 0); /* none has one */
    ct_backward(ct_scale(ct_sum(w[0]), 3));
    ct_backward(ct_scale(ct_sum(w[1]), 4));
    ck_assert_double_eq_tol(ct_clip_gradients(w, 3, 100), sqrt(50), 1e-12);
    expect_values(ct_gradient(w[0]), CT_DOUBLES(3, 3), 0); /* it was small enough */
    ck_assert_double_eq_tol(ct_clip_gradients(w, 3, 1), sqrt(50), 1e-12);
    expect_values(ct_gradient(w[0]), CT_DOUBLES(3 / sqrt(50), 3 / sqrt(50)), 1e-15);
    expect_values(ct_gradient(w[1]), CT_DOUBLES(4 / sqrt(50), 4 / sqrt(50)), 1e-7);
    ck_assert_ptr_null(ct_gradient(w[2]));
    ck_assert_double_eq_tol(ct_clip_gradients(w, 3, 5), 1, 1e-7);
    ck_assert(ct_is_recording(cx));
}
END_TEST

START_TEST(clipping_that_cannot_be)
{
    ct_tensor *w = ct_variable(ct_zeros(cx, CT_F32, CT_SHAPE(2)));
    ct_backward(ct_scale(ct_sum(w), 1e30)); /* squares overflow in f32 */
    ck_assert_double_eq_tol(ct_clip_gradients(&w, 1, 1) / 1e30, sqrt(2), 1e-6);
    expect_values(ct_gradient(w), CT_DOUBLES(sqrt(0.5), sqrt(0.5)), 1e-7);
    ct_backward(ct_scale(ct_sum(w), INFINITY));
    ck_assert(isnan(ct_clip_gradients(&w, 1, 1)));
    expect_error(CT_ERROR_VALUE, "clip_gradients", "finite", NULL);
    const double wrong[] = { 0, -1, NAN };
    for (int i = 0; i < 3; i++) {
        ck_assert(isnan(ct_clip_gradients(&w, 1, wrong[i])));
        expect_error(CT_ERROR_VALUE, "clip_gradients", NULL);
    }
    ck_assert(isnan(ct_clip_gradients(&w, -3, 1)));
    expect_error(CT_ERROR_RANGE, "clip_gradients: n must not be negative, got -3", NULL);
    ck_assert(isnan(ct_clip_gradients(NULL, 1, 1)));
    ck_assert(isnan(ct_clip_gradients(CT_TENSORS(w, NULL), 1)));
    expect_error(CT_ERROR_NULL, "clip_gradients", "parameter 1", NULL);
}
END_TEST

static void use_a_freed_optimizer(void)
{
    ct_tensor *w = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(2)));
    ct_optimizer *o = ct_sgd_new(&w, 1, 0.1, NULL);
    ct_backward(ct_sum(w));
    ct_optimizer_free(o);
    expect_ok();
    ct_optimizer_free(o);
    expect_error(CT_ERROR_STALE, "optimizer_free", NULL);
    ck_assert_int_eq(ct_optimizer_step(o), CT_ERROR_STALE);
    expect_error(CT_ERROR_STALE, "optimizer_step", NULL);
    ck_assert(isnan(ct_optimizer_rate(o)));
    expect_error(CT_ERROR_STALE, "optimizer_rate", NULL);
    ct_optimizer_set_rate(o, 1);
    expect_error(CT_ERROR_STALE, "optimizer_set_rate", NULL);
    expect_values(w, CT_DOUBLES(1, 1), 0);
}

START_TEST(a_freed_optimizer_is_stale)
{
    with_pool(use_a_freed_optimizer);
}
END_TEST

/* so a state that was saved by hand goes on: three steps are three steps */
START_TEST(states_are_read_set_and_forgotten)
{
    ct_tensor *a = start(CT_F64), *b = start(CT_F64), *s[CT_UPDATE_STATES], *t[CT_UPDATE_STATES];
    ct_optimizer *one = ct_adam_new(&a, 1, 0.1, NULL), *other = ct_adam_new(&b, 1, 0.1, NULL);
    ck_assert_int_eq(ct_optimizer_states(one, b, s), 0);
    ck_assert_ptr_null(s[0]);
    ck_assert_int_eq(ct_optimizer_states(one, a, NULL), 3);
    ck_assert_int_eq(ct_optimizer_states(one, a, s), 3);
    expect_values(s[0], CT_DOUBLES(0, 0), 0);
    ck_assert_ptr_null(s[3]);
    ck_assert_int_eq(ct_optimizer_states(one, s[0], NULL), 0); /* a state is no parameter */
    for (int i = 0; i < 3; i++)
        step(one, a);
    ck_assert_int_eq(ct_optimizer_states(other, b, t), 3);
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    ct_assign(b, a);
    for (int k = 0; k < 3; k++)
        ct_assign(t[k], s[k]);
    ct_scope_end(cx, scope);
    step(one, a);
    step(other, b);
    ck_assert(ct_max_difference(a, b) == 0);
    ck_assert_int_eq(ct_optimizer_forget(one, b), CT_OK); /* it is none of one's */
    ck_assert_int_eq(ct_optimizer_forget(one, a), CT_OK);
    ck_assert_int_eq(ct_optimizer_forget(one, a), CT_OK);
    step(one, a);
    step(other, b);
    ck_assert(ct_max_difference(a, b) > 0);
    ck_assert_int_eq(ct_optimizer_states(one, a, s), 3);
    ck_assert_int_eq(ct_item_int(s[2]), 1);
    ck_assert_int_eq(ct_optimizer_states(NULL, a, s), -1);
    ck_assert_int_eq(ct_optimizer_forget(NULL, a), CT_ERROR_NULL);
    expect_ok();
}
END_TEST

Suite *optimizer_suite(void);
Suite *optimizer_suite(void)
{
    const TTest *const tests[] = {
        sgd_follows_its_recursion,
        adam_follows_its_recursion,
        single_precision_stays_close,
        a_step_consumes_gradients_unless_told_to_keep_them,
        parameters_without_gradient_are_passed_over,
        the_rate_may_change,
        bad_parameters_and_options_are_refused,
        optimizers_keep_their_parameters,
        a_step_that_failed_can_be_repeated,
        least_squares_are_solved,
        clipping_scales_all_by_one_number,
        clipping_that_cannot_be,
        a_freed_optimizer_is_stale,
        states_are_read_set_and_forgotten,
        NULL,
    };
    return make_suite("nn/optimizer", tests);
}
