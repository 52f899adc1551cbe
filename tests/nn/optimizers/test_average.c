/* nn/optimizers/average.c, clipping by value (clip.c), and freezing (nn/modules/entries.c). */
#include "support.h"

static ct_tensor *one(ct_dtype dtype, double value)
{
    return ct_variable(ct_full(cx, dtype, CT_SHAPE(2), value));
}

static void put(ct_tensor *w, double value)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    ck_assert_int_eq(ct_fill(w, value), CT_OK);
    ct_scope_end(cx, scope);
}

START_TEST(averages_follow_and_swap)
{
    ct_tensor *w[] = { one(CT_F64, 1), one(CT_F32, 4) };
    ct_average *a = ct_average_new(w, 2, 0.75);
    double want = 1;
    for (int t = 0; t < 5; t++) {
        put(w[0], t);
        want = 0.75 * want + 0.25 * t;
        ck_assert_int_eq(ct_average_update(a), CT_OK);
        expect_values(ct_average_of(a, 0), CT_DOUBLES(want, want), 1e-15);
        expect_values(ct_average_of(a, 1), CT_DOUBLES(4, 4), 0);
    }
    ck_assert_int_eq(ct_average_swap(a), CT_OK);
    expect_values(w[0], CT_DOUBLES(want, want), 1e-15);
    expect_values(ct_average_of(a, 0), CT_DOUBLES(4, 4), 0);
    ck_assert_int_eq(ct_average_swap(a), CT_OK);
    expect_values(w[0], CT_DOUBLES(4, 4), 0);
    ck_assert(ct_is_recording(cx));
    ct_average_free(a);
}
END_TEST

/* without decay the mean is w, to the last bit, and nothing is computed */
START_TEST(without_decay_averages_are_copies)
{
    ct_tensor *w = ct_variable(ct_full(cx, CT_F32, CT_SHAPE(1000), 0.1));
    ct_average *a = ct_average_new(&w, 1, 0);
    ct_memory before, after;
    put(w, INFINITY);
    ct_memory_stats(cx, &before);
    ck_assert_int_eq(ct_average_update(a), CT_OK);
    ct_memory_stats(cx, &after);
    ck_assert_double_eq(ct_item(ct_max(ct_average_of(a, 0))), INFINITY);
    ck_assert_int_lt(after.peak_bytes, before.peak_bytes + 1000);
    put(w, 1 / 3.);
    ck_assert_int_eq(ct_average_update(a), CT_OK);
    ck_assert_double_eq(ct_item(ct_max(ct_average_of(a, 0))), 1 / 3.f);
    ct_average_free(a);
}
END_TEST

START_TEST(averages_that_cannot_be)
{
    ct_tensor *w = one(CT_F64, 1), *whole = ct_ones(cx, CT_I64, CT_SHAPE(2));
    const double wrong[] = { -0.1, 1, NAN };
    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_null(ct_average_new(&w, 1, wrong[i]));
        expect_error(CT_ERROR_VALUE, "average_new: decay must be in [0, 1)", NULL);
    }
    ck_assert_ptr_null(ct_average_new(CT_TENSORS(w, NULL), 0.5));
    expect_error(CT_ERROR_NULL, "average_new: parameter 1", NULL);
    ck_assert_ptr_null(ct_average_new(CT_TENSORS(w, whole), 0.5));
    expect_error(CT_ERROR_DTYPE, "average_new: parameter 1", NULL);
    ck_assert_ptr_null(ct_average_new(&w, -1, 0.5));
    expect_error(CT_ERROR_RANGE, "average_new", NULL);
    ct_average *a = ct_average_new(&w, 1, 0);
    ck_assert_ptr_null(ct_average_of(a, 1));
    expect_error(CT_ERROR_RANGE, "average_of", NULL);
    ck_assert_ptr_null(ct_average_of(NULL, 0));
    ck_assert_int_eq(ct_average_update(NULL), CT_ERROR_NULL);
    ck_assert_int_eq(ct_average_swap(NULL), CT_ERROR_NULL);
    ct_average_free(NULL);
}
END_TEST

static void use_a_freed_average(void)
{
    ct_tensor *w = one(CT_F64, 1);
    ct_average *a = ct_average_new(&w, 1, 0.5);
    ct_average_free(a);
    expect_ok();
    ck_assert_int_eq(ct_average_update(a), CT_ERROR_STALE);
    expect_error(CT_ERROR_STALE, "average_update", NULL);
    ck_assert_int_eq(ct_average_swap(a), CT_ERROR_STALE);
    expect_error(CT_ERROR_STALE, "average_swap", NULL);
    ck_assert_ptr_null(ct_average_of(a, 0));
    expect_error(CT_ERROR_STALE, "average_of", NULL);
    ct_average_free(a);
    expect_error(CT_ERROR_STALE, "average_free", NULL);
}

START_TEST(a_freed_average_is_stale)
{
    with_pool(use_a_freed_average);
}
END_TEST

/* -- Clipping by value */
START_TEST(every_element_is_clipped_by_itself)
{
    ct_tensor *w[] = { one(CT_F64, 0), one(CT_F32, 0), one(CT_F64, 0) };
    ct_tensor *by = ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(-5, 0.25));
    ct_backward(ct_sum(ct_mul(w[0], by)));
    ct_backward(ct_scale(ct_sum(w[1]), INFINITY));
    ck_assert_int_eq(ct_clip_gradient_values(w, 3, 2), CT_OK);
    expect_values(ct_gradient(w[0]), CT_DOUBLES(-2, 0.25), 0);
    expect_values(ct_gradient(w[1]), CT_DOUBLES(2, 2), 0);
    ck_assert_ptr_null(ct_gradient(w[2]));
    ck_assert(ct_is_recording(cx));
    const double wrong[] = { 0, -1, NAN };
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(ct_clip_gradient_values(w, 3, wrong[i]), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "clip_gradient_values: limit must be positive", NULL);
    }
    ck_assert_int_eq(ct_clip_gradient_values(w, -3, 1), CT_ERROR_RANGE);
    expect_error(CT_ERROR_RANGE, "clip_gradient_values", NULL);
    ck_assert_int_eq(ct_clip_gradient_values(NULL, 1, 1), CT_ERROR_NULL);
    ck_assert_int_eq(ct_clip_gradient_values(CT_TENSORS(w[0], NULL), 1), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "clip_gradient_values: parameter 1", NULL);
}
END_TEST

static void clip_a_stale_one(void)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *w = one(CT_F64, 0);
    ct_scope_end(cx, scope);
    ck_assert_int_eq(ct_clip_gradient_values(&w, 1, 2), CT_ERROR_STALE);
    expect_error(CT_ERROR_STALE, "clip_gradient_values", NULL);
}

START_TEST(a_stale_parameter_is_not_clipped)
{
    with_pool(clip_a_stale_one);
}
END_TEST

/* -- Freezing */
START_TEST(what_is_frozen_is_not_trained)
{
    ct_module *net = ct_mlp_new(cx, CT_F64, CT_SIZES(2, 3, 1), CT_TANH, NULL);
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(4, 2));
    int n;
    ct_tensor *const *all = ct_module_parameters(net, &n);
    ct_tensor *first = ct_module_parameter(net, "0.weight"), *last = all[3];
    ct_optimizer *o = ct_sgd_new(all, n, 0.5, NULL);
    ct_backward(ct_sum(ct_module_forward(net, x)));
    ck_assert_ptr_nonnull(ct_gradient(first));
    ck_assert_int_eq(ct_module_freeze(net, "0", true), CT_OK);
    ck_assert_ptr_null(ct_gradient(first));
    ck_assert(!ct_requires_grad(first) && ct_requires_grad(last));
    all = ct_module_parameters(net, &n);
    ck_assert_int_eq(n, 2);
    ck_assert_ptr_eq(all[1], last);
    ck_assert_int_eq(ct_module_count(net), 13);
    ct_tensor *hidden = ct_module_forward(ct_module_child(net, "0"), x);
    ck_assert(!ct_requires_grad(hidden)); /* nothing is recorded up to the first that is trained */
    ct_tensor *before = ct_mul(ct_detach(first), ct_scalar_like(first, 1));
    ct_backward(ct_sum(ct_module_forward(net, x)));
    ck_assert_int_eq(ct_optimizer_step(o), CT_OK);
    ck_assert_double_eq(ct_max_difference(first, before), 0);
    ct_module *twin = ct_module_clone(net, 0);
    ck_assert(!ct_requires_grad(ct_module_parameter(twin, "0.bias")));
    ck_assert(ct_requires_grad(ct_module_parameter(twin, "2.bias")));
    ck_assert_int_eq(ct_module_cast(twin, CT_F32), CT_OK);
    ck_assert(!ct_requires_grad(ct_module_parameter(twin, "0.bias")));
    ck_assert_int_eq(ct_module_freeze(net, "0.bias", false), CT_OK);
    ct_module_parameters(net, &n);
    ck_assert_int_eq(n, 3);
    ck_assert_int_eq(ct_module_freeze(net, NULL, true), CT_OK);
    ct_module_parameters(net, &n);
    ck_assert_int_eq(n, 0);
    ck_assert_int_eq(ct_module_freeze(net, NULL, false), CT_OK);
    ct_backward(ct_sum(ct_module_forward(net, x)));
    ck_assert_int_eq(ct_optimizer_step(o), CT_OK);
    ck_assert_double_gt(ct_max_difference(ct_detach(first), before), 0);
}
END_TEST

START_TEST(freezing_that_cannot_be)
{
    ct_module *net = ct_mlp_new(cx, CT_F64, CT_SIZES(2, 3, 1), CT_TANH, NULL);
    ct_module_add_buffer(net, "steps", ct_zeros(cx, CT_I64, NULL, 0));
    ck_assert_int_eq(ct_module_freeze(net, "1.weight", true), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "module_freeze", "1.weight", NULL);
    ck_assert_int_eq(ct_module_freeze(net, "steps", true), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "module_freeze", "buffer", NULL);
    ck_assert_int_eq(ct_module_freeze(NULL, "0", true), CT_ERROR_NULL);
    ck_assert_int_eq(ct_module_freeze(net, NULL, true), CT_OK); /* buffers stay as they are */
    ct_tensor *y = ct_square(ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(2))));
    ck_assert_ptr_null(ct_constant(y));
    expect_error(CT_ERROR_GRAPH, "constant", "square", NULL);
    ck_assert_ptr_null(ct_constant(NULL));
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *w = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2)));
    ct_average *a = ct_average_new(&w, 1, 0.5);
    if (!a || ct_average_update(a) != CT_OK || ct_average_swap(a) != CT_OK)
        return;
    ct_average_free(a);
    if (ct_backward(ct_sum(w)) == CT_OK)
        ct_clip_gradient_values(&w, 1, 0.5);
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *average_suite(void);
Suite *average_suite(void)
{
    const TTest *const tests[] = {
        averages_follow_and_swap, without_decay_averages_are_copies, averages_that_cannot_be,
        a_freed_average_is_stale, every_element_is_clipped_by_itself,
        a_stale_parameter_is_not_clipped, what_is_frozen_is_not_trained, freezing_that_cannot_be, out_of_memory, NULL };
    return make_suite("nn/average", tests);
}
