/* The gradient checker on right functions: whatever they are like, none is called wrong, and the
 * verdict is the one that is due. Wrong ones are in test_gradcheck_broken.c. */
#include "support.h"

static ct_gradcheck_report report;

static ct_verdict check(ct_function f, void *user, ct_tensor *const *x, int n,
                        const ct_gradcheck_options *options)
{
    return ct_gradcheck(cx, f, user, x, n, options, &report);
}

/* the pending error, if the verdict shall come with one, is cleared */
static void expect_verdict(ct_verdict have, ct_verdict want, const char *fragment)
{
    const char *text = ct_gradcheck_text(cx, &report);
    ck_assert_msg(have == want, "%s instead of %s: %s", ct_verdict_text(have),
                  ct_verdict_text(want), text);
    ck_assert_int_eq(report.verdict, want);
    ck_assert_msg(!fragment || strstr(text, fragment), "no \"%s\" in %s", fragment, text);
}

static void expect_pass(ct_function f, ct_tensor *x, int order)
{
    expect_verdict(check(f, NULL, &x, 1, &(ct_gradcheck_options){ .order = order }),
                   CT_GRADCHECK_PASS, NULL);
    expect_ok();
    ck_assert_int_gt(report.compared, 0);
    ck_assert_int_eq(report.wrong, 0);
}

static ct_tensor *numbers(int n, const double *values)
{
    return ct_from_doubles(cx, CT_F64, CT_SHAPE(n), values, n);
}

/* -- Functions */
#define FUNCTION(name, expression)                                                              \
    static ct_tensor *name(ct_context *c, ct_tensor *const *xs, int n, void *user)              \
    {                                                                                           \
        ct_tensor *x = xs[0];                                                                   \
        (void)c, (void)n, (void)user;                                                           \
        return expression;                                                                      \
    }
FUNCTION(sines, ct_sin(x))
FUNCTION(identity, x)
FUNCTION(logs, ct_log(x))
FUNCTION(roots, ct_sqrt(x))
FUNCTION(relus, ct_relu(x))
FUNCTION(softmaxes, ct_softmax(x, 0))
FUNCTION(shrunk, ct_scale(ct_exp(x), 1e-8))
FUNCTION(blown_up, ct_scale(ct_exp(x), 1e8))
FUNCTION(fine_grained, ct_sin(ct_scale(x, 1e8)))
FUNCTION(coarse, ct_sin(ct_scale(x, 1e-8)))
FUNCTION(sharp, ct_sqrt(ct_shift(ct_square(x), 1e-8)))
FUNCTION(sum_of_abs, ct_sum(ct_abs(x)))
FUNCTION(dropped, ct_dropout(ct_square(x), 0.5))
FUNCTION(outer, ct_mul(ct_unsqueeze(x, 0), ct_unsqueeze(ct_exp(x), 1)))
FUNCTION(steps, ct_mul(ct_cast(ct_cast(ct_gt(x, ct_scalar_like(x, 0)), CT_F64), CT_F64),
                       ct_shift(x, 1)))
FUNCTION(swallowed, ct_shift(ct_shift(ct_sin(x), 1e9), -1e9))
FUNCTION(on_top, ct_shift(ct_sin(x), 1e4))
FUNCTION(in_f32, ct_cast(ct_sin(ct_cast(x, CT_F32)), CT_F64))
FUNCTION(nothing, ct_ones_like(x))
FUNCTION(integers, ct_argmax(x, 0))

static void smooth(int order)
{
    expect_pass(sines, numbers(5, (double[]){ -3, -0.1, 0, 1.5, 40 }), order);
    expect_pass(identity, numbers(2, (double[]){ 1, -2 }), order);
    expect_pass(softmaxes, numbers(4, (double[]){ 1, -2, 0.5, 0 }), order);
    expect_pass(outer, numbers(3, (double[]){ 0.5, -1, 2 }), order);
    expect_pass(sharp, numbers(3, (double[]){ 0, 1e-5, -0.5 }), order);
}

START_TEST(right_functions_pass)
{
    smooth(1);
    smooth(2);
}
END_TEST

START_TEST(scale_does_not_matter)
{
    double values[] = { 0.3, -1, 2 }, tiny[] = { 3e-9, -1e-8, 2.2e-8 }, huge[] = { 3e8, -1e8, 2e8 };
    expect_pass(shrunk, numbers(3, values), 2);
    expect_pass(blown_up, numbers(3, values), 2);
    expect_pass(fine_grained, numbers(3, tiny), 1);
    expect_pass(coarse, numbers(3, huge), 1);
}
END_TEST

/* one tensor with elements of all sizes: the large ones' roundoff is not the small ones' */
START_TEST(large_and_small_elements_side_by_side)
{
    expect_pass(blown_up, numbers(4, (double[]){ 0, -30, -60, 10 }), 1);
    expect_pass(logs, numbers(4, (double[]){ 1, 1e-12, 1e6, 1e-300 }), 1);
}
END_TEST

/* the first step is of the size of x, where that is not too noisy */
START_TEST(steps_grow_where_small_ones_are_noise)
{
    expect_pass(on_top, ct_scalar(cx, CT_F64, 1e-7), 1);
}
END_TEST

START_TEST(smooth_functions_take_few_evaluations)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(100));
    expect_pass(sines, x, 1);
    ck_assert_int_lt(report.evaluations, 22 + 100 * 9);
}
END_TEST

START_TEST(steps_stay_inside_the_domain)
{
    expect_pass(logs, numbers(2, (double[]){ 1e-9, 1e-300 }), 1);
    expect_pass(roots, numbers(2, (double[]){ 1e-300, 1e-6 }), 1);
}
END_TEST

START_TEST(an_edge_of_the_domain_is_invalid)
{
    ct_tensor *x = numbers(2, (double[]){ 1, 0 });
    expect_verdict(check(roots, NULL, &x, 1, NULL), CT_GRADCHECK_INVALID, "both sides");
    expect_verdict(check(logs, NULL, &x, 1, NULL), CT_GRADCHECK_INVALID, "value is not finite");
    ct_tensor *infinite = ct_full(cx, CT_F64, NULL, 0, INFINITY);
    expect_verdict(check(sines, NULL, &infinite, 1, NULL), CT_GRADCHECK_INVALID,
                   "input 0 is not finite");
    expect_ok();
}
END_TEST

/* -- Kinks */
START_TEST(an_entry_on_a_kink_is_counted_apart)
{
    ct_tensor *x = numbers(4, (double[]){ -1, 0, 2, 1e-4 });
    expect_verdict(check(relus, NULL, &x, 1, NULL), CT_GRADCHECK_KINK, NULL);
    ck_assert_int_eq(report.kinks, 1);
    ck_assert_int_eq(report.compared, 4);
    ck_assert_int_eq(report.wrong, 0);
    ck_assert_int_eq(report.index[0], 1);
    ck_assert(fmin(fabs(report.left), fabs(report.right)) < 1e-12);
    ck_assert(fmax(fabs(report.left), fabs(report.right)) >= 0.25 - 1e-9);
    expect_verdict(check(sum_of_abs, NULL, &x, 1, NULL), CT_GRADCHECK_KINK, NULL);
    ct_gradcheck_options accept = { .accept_kinks = true, .order = 2 };
    expect_verdict(check(relus, NULL, &x, 1, &accept), CT_GRADCHECK_PASS, NULL);
    ck_assert_int_ge(report.kinks, 1);
}
END_TEST

START_TEST(near_a_kink_the_step_shrinks)
{
    expect_pass(relus, numbers(5, (double[]){ -1e-3, 1e-5, 1e-7, -1e-9, 1e-12 }), 1);
    ck_assert_int_eq(report.kinks, 0);
}
END_TEST

START_TEST(kinks_along_directions_are_counted_too)
{
    ct_tensor *x = numbers(4, (double[]){ -1, 0, 2, 1e-4 });
    ct_gradcheck_options quick = { .quick = true };
    expect_verdict(check(relus, NULL, &x, 1, &quick), CT_GRADCHECK_KINK, NULL);
    ck_assert_int_eq(report.input, -1);
    ck_assert_int_gt(report.kinks, 0);
}
END_TEST

typedef struct network {
    ct_module *net;
    ct_tensor *x, *labels;
} network;

static ct_tensor *loss(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const network *p = user;
    (void)c, (void)x, (void)n; /* the parameters are the module's own */
    return ct_cross_entropy(ct_module_forward(p->net, p->x), p->labels);
}

START_TEST(deep_relu_networks_pass_at_any_seed)
{
    for (uint64_t seed = 1; seed <= 100; seed++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_seed(cx, seed);
        network p = { ct_mlp_new(cx, CT_F64, CT_SIZES(10, 16, 16, 16, 16, 4), CT_RELU, NULL),
                      ct_randn(cx, CT_F64, CT_SHAPE(6, 10)),
                      ct_randint(cx, 0, 4, CT_SHAPE(6)) };
        int n;
        ct_tensor *const *parameters = ct_module_parameters(p.net, &n);
        ct_gradcheck_options options = { .max_entries = 40, .seed = seed };
        ct_verdict verdict = check(loss, &p, parameters, n, &options);
        expect_verdict(verdict, CT_GRADCHECK_PASS, NULL);
        ct_module_free(p.net);
        ct_scope_end(cx, scope);
    }
}
END_TEST

/* with zeros in and biases of zero, every unit is on its kink: along directions, and for an entry
 * that many units see, 0 need not lie between the slopes */
START_TEST(where_many_kinks_meet)
{
    network p = { ct_mlp_new(cx, CT_F64, CT_SIZES(9, 20, 5), CT_RELU, NULL),
                  ct_zeros(cx, CT_F64, CT_SHAPE(4, 9)), ct_randint(cx, 0, 5, CT_SHAPE(4)) };
    int n;
    ct_tensor *const *parameters = ct_module_parameters(p.net, &n);
    for (uint64_t seed = 1; seed <= 10; seed++) {
        ct_gradcheck_options options = { .max_entries = 20, .seed = seed, .order = 2 };
        ct_verdict verdict = check(loss, &p, parameters, n, &options);
        expect_verdict(verdict, CT_GRADCHECK_KINK, NULL);
        verdict = check(loss, &p, &p.x, 1, &(ct_gradcheck_options){ .seed = seed });
        expect_verdict(verdict, CT_GRADCHECK_KINK, NULL);
        ck_assert_int_eq(report.compared, 36);
        ck_assert_int_eq(report.kinks, 36);
    }
    ct_module_free(p.net);
}
END_TEST

/* -- Other verdicts */
START_TEST(what_is_too_noisy_is_inconclusive)
{
    ct_tensor *x = numbers(3, (double[]){ 0.3, 1, -0.7 });
    expect_verdict(check(in_f32, NULL, &x, 1, NULL), CT_GRADCHECK_INCONCLUSIVE, NULL);
    ct_gradcheck_options loose = { .rtol = 1e-3 };
    expect_verdict(check(in_f32, NULL, &x, 1, &loose), CT_GRADCHECK_PASS, NULL);
}
END_TEST

/* whatever the roundings happen to be, they are not taken for a wrong gradient */
START_TEST(noise_is_never_called_wrong)
{
    for (int i = 0; i < 20; i++) {
        ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(40));
        expect_verdict(check(swallowed, NULL, &x, 1, NULL), CT_GRADCHECK_INCONCLUSIVE, NULL);
        expect_verdict(check(in_f32, NULL, &x, 1, NULL), CT_GRADCHECK_INCONCLUSIVE, NULL);
        ck_assert_int_eq(report.wrong, 0);
    }
}
END_TEST

START_TEST(a_jump_is_not_called_a_kink)
{
    ct_tensor *x = numbers(2, (double[]){ 0, 1 });
    ct_verdict verdict = check(steps, NULL, &x, 1, NULL);
    ck_assert(verdict == CT_GRADCHECK_INCONCLUSIVE || verdict == CT_GRADCHECK_FAIL);
    expect_pass(steps, numbers(2, (double[]){ 1e-6, -1e-6 }), 1);
}
END_TEST

START_TEST(nothing_to_compare_is_invalid)
{
    ct_tensor *none = ct_zeros(cx, CT_F64, CT_SHAPE(0, 3));
    ct_tensor *whole = ct_randint(cx, 0, 9, CT_SHAPE(3));
    ct_tensor *x = numbers(1, (double[]){ 1 });
    expect_verdict(check(sines, NULL, &none, 1, NULL), CT_GRADCHECK_INVALID, "nothing to compare");
    ck_assert_int_eq(report.compared, 0);
    expect_verdict(check(nothing, NULL, &whole, 1, NULL), CT_GRADCHECK_INVALID,
                   "nothing to compare");
    expect_verdict(check(nothing, NULL, &x, 1, NULL), CT_GRADCHECK_INVALID, "does not depend");
    expect_verdict(check(integers, NULL, &x, 1, NULL), CT_GRADCHECK_INVALID, "not f32 or f64");
    expect_ok();
}
END_TEST

static ct_tensor *counts_calls(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    return ct_scale(x[0], 1 + 1e-12 * ++*(int *)user);
}

static ct_tensor *writes(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n, (void)user;
    ct_scope scope = ct_scope_begin(c);
    ct_no_grad(c);
    ct_set(x[0], CT_INDEX(0), 5);
    ct_scope_end(c, scope);
    return ct_square(x[0]);
}

static ct_tensor *fails(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)x, (void)n;
    if (user)
        ct_fail(c, CT_ERROR_VALUE, "%s", (const char *)user);
    return NULL;
}

static ct_tensor *grows(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    int *calls = user;
    (void)c, (void)n;
    return ++*calls % 2 ? x[0] : ct_stack(CT_TENSORS(x[0], x[0]), 0);
}

START_TEST(what_is_no_function_is_invalid)
{
    int calls = 0;
    ct_tensor *x = numbers(2, (double[]){ 1, 2 });
    expect_verdict(check(counts_calls, &calls, &x, 1, NULL), CT_GRADCHECK_INVALID,
                   "not deterministic");
    expect_verdict(check(grows, &calls, &x, 1, NULL), CT_GRADCHECK_INVALID, "changes in shape");
    expect_verdict(check(writes, NULL, &x, 1, NULL), CT_GRADCHECK_INVALID, "writes into input 0");
    expect_ok();
    expect_verdict(check(fails, NULL, &x, 1, NULL), CT_GRADCHECK_INVALID, "without saying why");
    expect_error(CT_ERROR_CALLBACK, "gradcheck", NULL);
    expect_verdict(check(fails, "no luck", &x, 1, NULL), CT_GRADCHECK_INVALID, "no luck");
    expect_error(CT_ERROR_VALUE, "no luck", NULL);
}
END_TEST

START_TEST(inputs_that_share_memory_are_invalid)
{
    ct_tensor *x = numbers(4, (double[]){ 1, 2, 3, 4 }), *part = ct_slice(x, 0, 1, 3, 1);
    expect_verdict(check(sines, NULL, CT_TENSORS(x, x), NULL), CT_GRADCHECK_INVALID,
                   "share memory");
    expect_verdict(check(sines, NULL, CT_TENSORS(part, x), NULL), CT_GRADCHECK_INVALID,
                   "share memory");
    ct_tensor *apart = ct_slice(x, 0, 0, 1, 1);
    expect_verdict(check(sines, NULL, CT_TENSORS(part, apart), NULL), CT_GRADCHECK_PASS, NULL);
}
END_TEST

START_TEST(bad_arguments)
{
    ct_tensor *x = numbers(1, (double[]){ 1 }), *no = NULL;
    expect_verdict(check(NULL, NULL, &x, 1, NULL), CT_GRADCHECK_INVALID, "NULL");
    expect_error(CT_ERROR_NULL, "gradcheck", NULL);
    expect_verdict(check(sines, NULL, NULL, 1, NULL), CT_GRADCHECK_INVALID, "NULL");
    expect_error(CT_ERROR_NULL, "gradcheck", NULL);
    expect_verdict(check(sines, NULL, &no, 1, NULL), CT_GRADCHECK_INVALID, "input 0 is NULL");
    expect_error(CT_ERROR_NULL, "input 0", NULL);
    ct_gradcheck_options options = { .order = 3 };
    expect_verdict(check(sines, NULL, &x, 1, &options), CT_GRADCHECK_INVALID, "order 3");
    expect_error(CT_ERROR_VALUE, "order 3", NULL);
    memset(&options, 0xa5, sizeof options);
    expect_verdict(check(sines, NULL, &x, 1, &options), CT_GRADCHECK_INVALID, "not zeroed");
    expect_error(CT_ERROR_VALUE, "not zeroed", NULL);
    ck_assert_int_eq(ct_gradcheck(NULL, sines, NULL, &x, 1, NULL, &report), CT_GRADCHECK_INVALID);
    ck_assert_int_eq(ct_gradcheck(cx, sines, NULL, &x, 1, NULL, NULL), CT_GRADCHECK_PASS);
    expect_verdict(ct_gradcheck_op(cx, NULL, NULL, &report), CT_GRADCHECK_INVALID, "NULL");
    expect_error(CT_ERROR_NULL, "gradcheck_op", NULL);
    ck_assert_ptr_nonnull(ct_gradcheck_text(cx, NULL));
    expect_error(CT_ERROR_NULL, "gradcheck_text", NULL);
}
END_TEST

/* -- f32, read-only, not contiguous */
static ct_tensor *scaled_by(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    return ct_mul(user, user == x[0] ? x[0] : ct_sin(x[0]));
}

static ct_tensor *by_closure(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)x;
    return ct_square(user);
}

START_TEST(f32_inputs_go_in_as_copies)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F32, CT_SHAPE(3), CT_DOUBLES(1, -2, 0.5));
    expect_pass(sines, x, 2);
    expect_pass(softmaxes, x, 1);
    ct_tensor *half = ct_scalar(cx, CT_F32, 0.5);
    expect_verdict(check(scaled_by, half, &x, 1, NULL), CT_GRADCHECK_INVALID, "ct_cast");
    ct_error_clear(cx);
    expect_verdict(check(by_closure, x, &x, 1, NULL), CT_GRADCHECK_INVALID, "arguments only");
    expect_ok();
}
END_TEST

START_TEST(f64_inputs_may_be_reached_by_a_closure)
{
    ct_tensor *x = numbers(3, (double[]){ 1, -2, 0.5 });
    expect_verdict(check(by_closure, x, &x, 1, &(ct_gradcheck_options){ .order = 2 }),
                   CT_GRADCHECK_PASS, NULL);
    ck_assert(!ct_requires_grad(x));
}
END_TEST

START_TEST(any_layout_can_be_checked)
{
    static const double constants[] = { 1, -2, 0.5, 3, 0.1, 7 };
    ct_tensor *x = ct_borrow_const(cx, CT_F64, CT_SHAPE(6), constants);
    expect_pass(sines, x, 1);
    ct_tensor *y = ct_randn(cx, CT_F64, CT_SHAPE(4, 3)), *same = ct_contiguous(ct_transpose(y));
    expect_pass(sines, ct_transpose(y), 2);
    expect_values(ct_sub(ct_transpose(y), same), (double[12]){ 0 }, 12, 0);
    expect_pass(sines, ct_select(y, 1, 1), 1);
}
END_TEST

/* -- Everything is left as it was */
START_TEST(nothing_of_the_callers_is_changed)
{
    ct_tensor *x = ct_variable(numbers(4, (double[]){ 0.1, 1.0 / 3, 1e-300, -0.0 }));
    unsigned char before[4 * sizeof(double)], after[sizeof before];
    ct_to_memory(x, before, sizeof before);
    ct_tensor *kept = ct_square(x); /* a graph of the caller's, over x */
    ct_backward(ct_sum(x));
    ct_seed(cx, 7);
    uint64_t next = ct_random_u64(cx);
    ct_seed(cx, 7);
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    ct_fail(cx, CT_ERROR_VALUE, "mine");
    ct_memory was, is;
    ct_memory_stats(cx, &was);
    expect_verdict(check(dropped, NULL, &x, 1, &(ct_gradcheck_options){ .order = 2 }),
                   CT_GRADCHECK_PASS, NULL);
    ct_scope_end(cx, scope);
    ct_memory_stats(cx, &is);
    expect_error(CT_ERROR_VALUE, "mine", NULL);
    ck_assert_int_eq(is.tensors, was.tensors);
    ck_assert_int_eq(is.nodes, was.nodes);
    ck_assert(ct_random_u64(cx) == next);
    ck_assert(ct_is_recording(cx));
    ck_assert(ct_requires_grad(x));
    expect_values(ct_gradient(x), (double[]){ 1, 1, 1, 1 }, 4, 0);
    ct_to_memory(x, after, sizeof after);
    ck_assert_mem_eq(before, after, sizeof before);
    ck_assert_int_eq(ct_backward(ct_sum(kept)), CT_OK); /* what it saved was not written, it says */
}
END_TEST

START_TEST(steps_may_make_what_is_not_finite_though_that_is_looked_for)
{
    ct_find_nonfinite(cx, true);
    expect_pass(logs, numbers(2, (double[]){ 1, 1e-9 }), 1);
    ck_assert_ptr_null(ct_log(ct_scalar(cx, CT_F64, 0))); /* it still is */
    expect_error(CT_ERROR_VALUE, "log", NULL);
}
END_TEST

START_TEST(a_report_is_complete)
{
    ct_tensor *x = ct_full(cx, CT_F64, CT_SHAPE(2, 3), 0.5);
    expect_verdict(check(sines, NULL, &x, 1, &(ct_gradcheck_options){ .seed = 42 }),
                   CT_GRADCHECK_PASS, NULL);
    ck_assert_int_eq(report.compared, 6);
    ck_assert_uint_eq(report.seed, 42);
    ck_assert_int_eq(report.ndim, 2);
    ck_assert_int_eq(report.order, 1);
    ck_assert_int_eq(report.input, 0);
    ck_assert_int_gt(report.evaluations, 12);
    ck_assert(report.bar > 0 && report.bar < 1e-6 && report.step > 0);
    ck_assert(fabs(fabs(report.analytic / cos(0.5)) - 0.625) <= 0.375);
    const char *text = ct_gradcheck_text(cx, &report);
    ck_assert_ptr_nonnull(strstr(text, "compared 6, wrong 0"));
    ck_assert_ptr_nonnull(strstr(text, "seed 42"));
}
END_TEST

START_TEST(large_inputs_get_directions_and_a_sample)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(60, 50));
    expect_verdict(check(sines, NULL, &x, 1, &(ct_gradcheck_options){ .max_entries = 20 }),
                   CT_GRADCHECK_PASS, NULL);
    ck_assert_int_gt(report.compared, 15);
    ck_assert_int_le(report.compared, 26);
    expect_verdict(check(sines, NULL, &x, 1, &(ct_gradcheck_options){ .quick = true }),
                   CT_GRADCHECK_PASS, NULL);
    ck_assert_int_eq(report.compared, 6);
}
END_TEST

static void whole_check(ct_context *c)
{
    ct_gradcheck_report r;
    ct_tensor *x = ct_from_doubles(c, CT_F64, CT_SHAPE(2), CT_DOUBLES(0.5, 1));
    ct_tensor *s = ct_from_doubles(c, CT_F32, CT_SHAPE(1), CT_DOUBLES(0.5));
    if (ct_gradcheck(c, sines, NULL, &x, 1, &(ct_gradcheck_options){ .order = 2 }, &r) !=
        CT_GRADCHECK_PASS)
        return;
    ct_gradcheck(c, sines, NULL, &s, 1, NULL, &r);
    ct_gradcheck(c, sines, NULL, &x, 1, &(ct_gradcheck_options){ .quick = true }, &r);
    ct_gradcheck_text(c, &r);
}

START_TEST(any_allocation_may_fail)
{
    for_each_failing_allocation(whole_check);
}
END_TEST

Suite *gradcheck_suite(void)
{
    return make_suite("gradcheck", (const TTest *const[]){
        right_functions_pass, scale_does_not_matter, large_and_small_elements_side_by_side,
        steps_grow_where_small_ones_are_noise, smooth_functions_take_few_evaluations,
        steps_stay_inside_the_domain, an_edge_of_the_domain_is_invalid,
        an_entry_on_a_kink_is_counted_apart, near_a_kink_the_step_shrinks,
        kinks_along_directions_are_counted_too, deep_relu_networks_pass_at_any_seed,
        where_many_kinks_meet, what_is_too_noisy_is_inconclusive, noise_is_never_called_wrong,
        a_jump_is_not_called_a_kink,
        nothing_to_compare_is_invalid, what_is_no_function_is_invalid,
        inputs_that_share_memory_are_invalid, bad_arguments, f32_inputs_go_in_as_copies,
        f64_inputs_may_be_reached_by_a_closure, any_layout_can_be_checked,
        nothing_of_the_callers_is_changed,
        steps_may_make_what_is_not_finite_though_that_is_looked_for, a_report_is_complete,
        large_inputs_get_directions_and_a_sample, any_allocation_may_fail, NULL });
}
