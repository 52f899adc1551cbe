/* slope.c, difference.c, prepare.c and compare.c: right functions, whatever they are like, are not
 * called wrong, and the verdict is the one that is due. Wrong ones are in test_broken_rules.c. */
#include "checked.h"

FUNCTION(identity, x)
FUNCTION(roots, ct_sqrt(x))
FUNCTION(relus, ct_relu(x))
FUNCTION(shrunk, ct_scale(ct_exp(x), 1e-8))
FUNCTION(blown_up, ct_scale(ct_exp(x), 1e8))
FUNCTION(fine_grained, ct_sin(ct_scale(x, 1e8)))
FUNCTION(coarse, ct_sin(ct_scale(x, 1e-8)))
FUNCTION(sharp, ct_sqrt(ct_shift(ct_square(x), 1e-8)))
FUNCTION(sum_of_abs, ct_sum(ct_abs(x)))
FUNCTION(outer, ct_mul(ct_unsqueeze(x, 0), ct_unsqueeze(ct_exp(x), 1)))
FUNCTION(steps, ct_mul(ct_cast(ct_cast(ct_gt(x, ct_scalar_like(x, 0)), CT_F64), CT_F64),
                       ct_shift(x, 1)))
FUNCTION(swallowed, ct_shift(ct_shift(ct_sin(x), 1e9), -1e9))
FUNCTION(on_top, ct_shift(ct_sin(x), 1e4))
FUNCTION(in_f32, ct_cast(ct_sin(ct_cast(x, CT_F32)), CT_F64))

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
    ct_tensor *x = numbers(4, (double[]){ 1e200, 3e199, 2e200, 5e199 }); /* along directions */
    expect_verdict(check(logs, NULL, &x, 1, &(ct_gradcheck_options){ .max_entries = 1 }),
                   CT_GRADCHECK_PASS, NULL);
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
    ct_tensor *zero = numbers(1, (double[]){ 0 });
    expect_verdict(check(logs, NULL, &zero, 1, NULL), CT_GRADCHECK_INVALID, "value is not finite");
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

static ct_tensor *squares(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_square(x[0]);
}

/* a derivative of 0 where two numbers are equal: that of x, or (second_order) that of 2 x */
static ct_status rule_of_squares(const ct_custom_call *c, ct_tensor **gx)
{
    ct_tensor *x = c->x[0];
    bool equal = ct_at(x, CT_INDEX(0)) == ct_at(x, CT_INDEX(1));
    bool second_order = *(const bool *)c->user;
    ct_tensor *slope = ct_scale(equal && second_order ? ct_detach(x) : x, 2);
    gx[0] = ct_mul(equal && !second_order ? ct_scale(slope, 0) : slope, c->gy);
    return CT_OK;
}

static ct_tensor *wrong_where_equal(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    return ct_custom(c, squares, rule_of_squares, user, x, n);
}

/* without a kink, derivatives of numbers that are equal must add up */
START_TEST(what_ties_must_add_up)
{
    ct_tensor *x[] = { numbers(2, (double[]){ 0.37, 0.37 }), numbers(2, (double[]){ 0.37, 0.73 }) };
    for (int order = 1; order <= 2; order++) {
        ct_gradcheck_options options = { .order = order };
        bool second = order == 2;
        expect_verdict(check(wrong_where_equal, &second, &x[0], 1, &options), CT_GRADCHECK_FAIL,
                       order == 1 ? "order 1" : "order 2");
        expect_verdict(check(wrong_where_equal, &second, &x[1], 1, &options), CT_GRADCHECK_PASS,
                       NULL);
    }
}
END_TEST

/* x0 + x1 + relu(x2); of two numbers that are equal the first gets both derivatives */
static ct_tensor *sum_and_relu(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    ct_tensor *last = ct_slice(x[0], 0, 2, 3, 1);
    return ct_add(ct_sum(ct_slice(x[0], 0, 0, 2, 1)), ct_sum(ct_relu(last)));
}

static ct_status first_gets_both(const ct_custom_call *c, ct_tensor **gx)
{
    const double *x = ct_data_f64(c->x[0]);
    bool equal = x[0] == x[1];
    gx[0] = ct_mul(numbers(3, (double[]){ equal ? 2 : 1, equal ? 0 : 1, x[2] > 0 }), c->gy);
    return CT_OK;
}
FUNCTION(of_equal_ones, ct_custom(c, sum_and_relu, first_gets_both, NULL, &x, 1))

START_TEST(what_does_not_tie_stays_where_it_is)
{
    ct_tensor *x = numbers(3, (double[]){ 0.37, 0.37, 0 });
    expect_verdict(check(of_equal_ones, NULL, &x, 1, NULL), CT_GRADCHECK_KINK, NULL);
    ck_assert_int_eq(report.kinks, 3);
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
        ck_assert_int_lt(report.evaluations, 40 * 200); /* it is given up soon */
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

/* -- Two kinks at the same distance on both sides of the point */
static double distance;
FUNCTION(between, ct_clamp(x, -distance, distance))
FUNCTION(past_threshold, ct_sub(ct_relu(ct_shift(x, -distance)),
                                ct_relu(ct_shift(ct_neg(x), -distance))))
FUNCTION(bent_twice, ct_add(ct_sin(x), past_threshold(c, &x, 1, NULL)))
FUNCTION(cut_between, ct_sub(ct_add(between(c, &x, 1, NULL), ct_detach(ct_scale(x, 0.1))),
                             ct_scale(x, 0.1)))

FUNCTION(cut_in_f32, ct_add(ct_detach(in_f32(c, &x, 1, NULL)), ct_scale(x, 0)))

/* close to the point, a function that rounds its values to f32 is flat; its derivative is not 0 */
START_TEST(flat_steps_prove_nothing)
{
    ct_tensor *x = numbers(3, (double[]){ 0.3, 1, -0.7 });
    ct_gradcheck_options loose = { .atol = 1e-5 };
    expect_verdict(check(cut_in_f32, NULL, &x, 1, &loose), CT_GRADCHECK_FAIL, "zero where");
    ck_assert_int_eq(report.wrong, 3);
}
END_TEST

FUNCTION(relus_of_slope_1, ct_add(ct_detach(ct_relu(x)), ct_sub(x, ct_detach(x))))

/* a function that is 0 as far as a kink nearby has the derivative 0 */
START_TEST(flat_parts_are_flat)
{
    for (double away = 1e-1; away > 1e-11; away /= 1000) {
        ct_tensor *x = numbers(2, (double[]){ 1, -away });
        expect_verdict(check(relus_of_slope_1, NULL, &x, 1, NULL), CT_GRADCHECK_FAIL, NULL);
        ck_assert_int_eq(report.wrong, 1);
    }
}
END_TEST

START_TEST(kinks_on_both_sides)
{
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(1));
    for (distance = 1e-3; distance > 1e-14; distance /= 10) {
        expect_pass(between, x, 1);
        expect_pass(bent_twice, x, 1);
        expect_verdict(check(cut_between, NULL, &x, 1, NULL), CT_GRADCHECK_FAIL, NULL);
    }
}
END_TEST

Suite *gradcheck_slope_suite(void)
{
    return make_suite("gradcheck_slope", (const TTest *const[]){
        right_functions_pass, scale_does_not_matter, large_and_small_elements_side_by_side,
        steps_grow_where_small_ones_are_noise, smooth_functions_take_few_evaluations,
        steps_stay_inside_the_domain, an_edge_of_the_domain_is_invalid,
        an_entry_on_a_kink_is_counted_apart, near_a_kink_the_step_shrinks,
        kinks_along_directions_are_counted_too, deep_relu_networks_pass_at_any_seed,
        where_many_kinks_meet, what_ties_must_add_up, what_does_not_tie_stays_where_it_is,
        what_is_too_noisy_is_inconclusive, noise_is_never_called_wrong,
        a_jump_is_not_called_a_kink, flat_steps_prove_nothing, flat_parts_are_flat,
        kinks_on_both_sides, NULL });
}
