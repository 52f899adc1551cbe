/* gradcheck.c, f32.c and values.c: what ct_gradcheck refuses, how inputs of each kind go in, and
 * that everything is left as it was. */
#include "checked.h"

FUNCTION(dropped, ct_dropout(ct_square(x), 0.5))
FUNCTION(nothing, ct_ones_like(x))
FUNCTION(integers, ct_argmax(x, 0))

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
    for (int i = 0; i < 2; i++) {
        options = (ct_gradcheck_options){ .rtol = i ? 1 : (double)NAN, .atol = (double)NAN };
        expect_verdict(check(sines, NULL, &x, 1, &options), CT_GRADCHECK_INVALID, "got nan");
        expect_error(CT_ERROR_VALUE, "rtol and atol must be numbers", NULL);
    }
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

/* -- What f does with f32 inputs alone */
static ct_tensor *integers_of_f32(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_dtype_of(x[0]) == CT_F32 ? ct_argmax(x[0], 0) : ct_square(x[0]);
}

static ct_tensor *cast_to_f64(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_square(ct_cast(x[0], CT_F64));
}

START_TEST(the_value_of_f32_inputs)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F32, CT_SHAPE(3), CT_DOUBLES(1, -2, 0.5));
    expect_verdict(check(integers_of_f32, NULL, &x, 1, NULL), CT_GRADCHECK_INVALID,
                   "not f32 or f64");
    expect_ok();
    expect_pass(cast_to_f64, x, 2);
}
END_TEST

Suite *gradcheck_suite(void)
{
    return make_suite("gradcheck", (const TTest *const[]){
        nothing_to_compare_is_invalid, what_is_no_function_is_invalid,
        inputs_that_share_memory_are_invalid, bad_arguments, f32_inputs_go_in_as_copies,
        f64_inputs_may_be_reached_by_a_closure, any_layout_can_be_checked,
        nothing_of_the_callers_is_changed,
        steps_may_make_what_is_not_finite_though_that_is_looked_for, a_report_is_complete,
        large_inputs_get_directions_and_a_sample, the_value_of_f32_inputs, NULL });
}
