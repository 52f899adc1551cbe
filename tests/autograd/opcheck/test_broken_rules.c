/* report.c and compare.c: the checker's own proof. Each of these rules is wrong in its own way, and
 * must be found with the right verdict and, where one entry is to blame, at that entry. */
#include "wrong_sine.h"

START_TEST(wrong_values)
{
    function_fails(NEGATED, "a sign is wrong");
    ck_assert(fabs(report.analytic + report.numeric) < 1e-6);
    function_fails(DOUBLED, "twice the right value");
    function_fails(HALVED, "half the right value");
    function_fails(MEAN, "1/16 of the right value");
    function_fails(ZERO, "zero where it should not be");
    function_fails(NOT_FINITE, "not finite");
    ck_assert_int_eq(report.wrong, 1);
    ck_assert(report.index[0] == 3 && report.index[1] == 3);
    ck_assert(isnan(report.analytic) && !isnan(report.numeric));
    function_fails(ABSOLUTE, "minus the right value"); /* of those that are wrong */
    function_fails(AT_NEGATIVE, "minus the right value");
    function_fails(STALE, "no simple pattern");
    function_fails(SLIGHTLY, "times the right value");
    function_fails(TRANSPOSED, "transposed");
}
END_TEST

START_TEST(wrong_in_the_cotangent)
{
    function_fails(IGNORES_COTANGENT, "it is ignored");
    function_fails(SQUARES_COTANGENT, "not linear in the cotangent");
    function_fails(CONSTANT_TERM, "not linear in the cotangent");
    function_fails(ABSOLUTE_COTANGENT, "minus the right value"); /* where it is negative */
    operator_fails(TINY_TERM, 1, "a cotangent of zero does not give zero");
    operator_fails(CLIPS, 1, "not linear in the cotangent");
}
END_TEST

START_TEST(one_wrong_entry_in_a_thousand)
{
    now = ONE_ENTRY;
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(10, 100));
    ct_gradcheck(cx, sines, NULL, &x, 1, NULL, &report);
    expect_report(CT_GRADCHECK_FAIL, "entry (6,17)");
    ck_assert_int_eq(report.compared, 1000);
    ck_assert_int_eq(report.wrong, 1);
}
END_TEST

START_TEST(a_direction_is_halved_until_the_entry_is_named)
{
    now = ONE_ENTRY;
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(40, 100));
    ct_gradcheck(cx, sines, NULL, &x, 1, &(ct_gradcheck_options){ .quick = true }, &report);
    expect_report(CT_GRADCHECK_FAIL, "entry (6,17)");
    ct_gradcheck(cx, sines, NULL, &x, 1, &(ct_gradcheck_options){ .max_entries = 10 }, &report);
    expect_report(CT_GRADCHECK_FAIL, "entry (6,17)");
    now = NOT_FINITE;
    ct_gradcheck(cx, sines, NULL, &x, 1, &(ct_gradcheck_options){ .quick = true }, &report);
    expect_report(CT_GRADCHECK_FAIL, "entry (39,99)");
}
END_TEST

START_TEST(wrong_at_second_order_only)
{
    now = SECOND_ORDER;
    ct_gradcheck_op(cx, &sine_op, NULL, &report);
    expect_report(CT_GRADCHECK_PASS, "PASS");
    operator_fails(SECOND_ORDER, 2, "zero");
    ck_assert_int_eq(report.order, 2);
    ck_assert_int_eq(report.input, 0);
    operator_fails(SECOND_ORDER_BY_COTANGENT, 2, "zero");
    ck_assert_int_eq(report.order, 2);
    ck_assert_int_eq(report.input, 1); /* the cotangent */
}
END_TEST

START_TEST(wrong_in_f32_only)
{
    now = ONLY_F32;
    ct_tensor *x = ct_randn(cx, CT_F32, CT_SHAPE(5));
    ct_gradcheck(cx, sines, NULL, &x, 1, NULL, &report);
    expect_report(CT_GRADCHECK_FAIL, "computed in f32");
    ck_assert_int_eq(report.wrong, 1);
    ck_assert_int_eq(report.ndim, 1);
}
END_TEST

/* -- Functions that cut the graph, and rules that are wrong at a kink */
static ct_tensor *half_cut(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_add(ct_square(x[0]), ct_mul(ct_detach(x[0]), x[1]));
}

static ct_tensor *cut(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_exp(ct_detach(x[0]));
}

START_TEST(a_graph_that_was_cut)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3)), *w = ct_ones(cx, CT_F64, CT_SHAPE(3));
    ct_gradcheck(cx, half_cut, NULL, CT_TENSORS(x, w), NULL, &report);
    expect_report(CT_GRADCHECK_FAIL, "input 0");
    ck_assert_int_eq(report.wrong, 3);
    ct_gradcheck(cx, cut, NULL, &x, 1, NULL, &report);
    expect_report(CT_GRADCHECK_FAIL, "detached");
}
END_TEST

static double at_kink;

static ct_status bent(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    for (int64_t k = 0; k < ct_count(x); k++)
        put(ct_call_y(call, 0), k, fmax(get(x, k), 0));
    return CT_OK;
}

static ct_status bent_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    const ct_tensor *x = ct_call_x(call, 0);
    for (int64_t k = 0; k < ct_count(x); k++) {
        double old = ct_call_adds(call, 0) ? get(gx[0], k) : 0;
        put(gx[0], k, old + get(gy[0], k) * (get(x, k) > 0 ? 1 : get(x, k) < 0 ? 0 : at_kink));
    }
    return CT_OK;
}

static const ct_op bent_op = { .name = "bent", .saves = CT_SAVE_X(0), .infer = ct_infer_same,
                               .forward = bent, .backward = bent_backward };

static ct_tensor *bents(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)user;
    return ct_apply(&bent_op, NULL, x, n);
}

START_TEST(at_a_kink_the_value_lies_between_the_slopes)
{
    static const double values[] = { 0, 0.3, 0.5, 1, -0.01, 1.01, -1, 2, NAN };
    for (int i = 0; i < 9; i++) {
        at_kink = values[i];
        ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(-1, 0, 1));
        ct_gradcheck(cx, bents, NULL, &x, 1, &(ct_gradcheck_options){ .accept_kinks = i % 2 },
                     &report);
        ct_verdict inside = i % 2 ? CT_GRADCHECK_PASS : CT_GRADCHECK_KINK;
        expect_report(i < 4 ? inside : CT_GRADCHECK_FAIL, "gradcheck");
        ck_assert_int_eq(report.kinks, i < 4);
        ck_assert_int_eq(report.wrong, i >= 4);
        ck_assert_int_eq(report.index[0], 1);
    }
}
END_TEST

/* a wrong rule deep in a network of relus is found at any seed */
static ct_tensor *network(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *h = user;
    for (int i = 0; i < n; i++)
        h = ct_relu(ct_matmul(h, x[i]));
    return ct_sum(ct_apply(&sine_op, NULL, &h, 1) ? sines(c, &h, 1, NULL) : NULL);
}

START_TEST(wrong_networks_fail_at_any_seed)
{
    now = DOUBLED;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_seed(cx, seed);
        ct_tensor *w[3];
        for (int i = 0; i < 3; i++)
            w[i] = ct_scale(ct_randn(cx, CT_F64, CT_SHAPE(12, 12)), 0.5);
        ct_gradcheck(cx, network, ct_randn(cx, CT_F64, CT_SHAPE(4, 12)), w, 3,
                     &(ct_gradcheck_options){ .max_entries = 20, .seed = seed }, &report);
        expect_report(CT_GRADCHECK_FAIL, "twice the right value");
        ct_scope_end(cx, scope);
    }
}
END_TEST

Suite *gradcheck_broken_suite(void)
{
    return make_suite("gradcheck_broken", (const TTest *const[]){
        wrong_values, wrong_in_the_cotangent, one_wrong_entry_in_a_thousand,
        a_direction_is_halved_until_the_entry_is_named, wrong_at_second_order_only,
        wrong_in_f32_only, a_graph_that_was_cut, at_a_kink_the_value_lies_between_the_slopes,
        wrong_networks_fail_at_any_seed, NULL });
}
