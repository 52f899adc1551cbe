/* ct_module_lbfgs: networks that are trained by it, its report, and what goes wrong. */
#include "support.h"

typedef struct problem {
    ct_tensor *x, *t;
    int calls, fails_at; /* 0: never */
    enum { RIGHT, NOTHING, VECTOR, FOREIGN, APART } kind;
    ct_context *other;
} problem;

static ct_tensor *loss(ct_module *m, void *user)
{
    problem *p = user;
    p->calls++;
    if (p->calls == p->fails_at)
        return ct_fail(cx, CT_ERROR_RANGE, "the data are gone"), NULL;
    switch (p->kind) {
    case NOTHING:
        return NULL;
    case VECTOR:
        return ct_module_forward(m, p->x);
    case FOREIGN:
        return ct_scalar(p->other, CT_F64, 1);
    case APART:
        return ct_scalar(cx, CT_F64, 1);
    default:
        return ct_mse(ct_module_forward(m, p->x), p->t);
    }
}

/* sin x at 40 places in [-3, 3] */
static ct_module *sine(problem *p, ct_context *c, ct_dtype dtype)
{
    *p = (problem){ .x = ct_reshape(ct_linspace(c, dtype, -3, 3, 40), CT_SHAPE(40, 1)) };
    p->t = ct_sin(p->x);
    return ct_mlp_new(c, dtype, CT_SIZES(1, 10, 1), CT_TANH, NULL);
}

static double loss_of(ct_module *m, problem *p)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_inference(cx);
    double value = ct_item(ct_mse(ct_module_forward(m, p->x), p->t));
    ct_scope_end(cx, scope);
    return value;
}

START_TEST(it_trains_a_network)
{
    problem p;
    ct_minimize_report report;
    ct_module *net = sine(&p, cx, CT_F64);
    ct_tensor *weight = ct_module_parameter(net, "0.weight");
    ck_assert_int_eq(ct_backward(ct_sum(weight)), CT_OK); /* a gradient, which stays */
    ck_assert_int_eq(ct_module_lbfgs(net, loss, &p, NULL, &report), CT_OK);
    ck_assert_double_lt(report.value, 1e-4);
    ck_assert_double_eq(loss_of(net, &p), report.value);
    ck_assert_int_eq(report.evaluations, p.calls);
    ck_assert_int_gt(report.iterations, 10);
    ck_assert_double_eq(ct_item(ct_max(ct_gradient(weight))), 1);
    ck_assert(ct_requires_grad(weight) && ct_is_recording(cx));
    expect_ok();
}
END_TEST

START_TEST(in_f32)
{
    problem p;
    ct_minimize_report report;
    ct_module *net = sine(&p, cx, CT_F32);
    const ct_minimize_options options = { .value_tolerance = 1e-7 };
    ck_assert_int_eq(ct_module_lbfgs(net, loss, &p, &options, &report), CT_OK);
    ck_assert_double_lt(report.value, 1e-3);
    ck_assert_double_eq(loss_of(net, &p), report.value);
    expect_ok();
}
END_TEST

START_TEST(its_limits)
{
    problem p;
    ct_minimize_report report;
    ct_module *net = sine(&p, cx, CT_F64);
    double before = loss_of(net, &p);
    const ct_minimize_options three = { .max_iterations = 3 };
    ck_assert_int_eq(ct_module_lbfgs(net, loss, &p, &three, &report), CT_OK);
    ck_assert_int_eq(report.end, CT_MINIMIZE_ITERATIONS);
    ck_assert_int_eq(report.iterations, 3);
    ck_assert_double_lt(report.value, before);
    const ct_minimize_options wrong = { .max_iterations = -1 };
    ck_assert_int_eq(ct_module_lbfgs(net, loss, &p, &wrong, NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "a limit in the options is negative", NULL);
    p.kind = APART; /* a loss that no parameter changes */
    ck_assert_int_eq(ct_module_lbfgs(net, loss, &p, NULL, &report), CT_ERROR_GRAPH);
    expect_error(CT_ERROR_GRAPH, "module_lbfgs: the loss depends on no variable", NULL);
}
END_TEST

START_TEST(on_failure_the_best_point_stays)
{
    problem p;
    ct_minimize_report report;
    ct_module *net = sine(&p, cx, CT_F64);
    double before = loss_of(net, &p);
    ct_tensor *first = ct_neg(ct_neg(ct_module_parameter(net, "0.weight")));
    p.fails_at = 1;
    ck_assert_int_eq(ct_module_lbfgs(net, loss, &p, NULL, &report), CT_ERROR_RANGE);
    expect_error(CT_ERROR_RANGE, "the data are gone", NULL);
    ck_assert_double_eq(ct_max_difference(first, ct_module_parameter(net, "0.weight")), 0);
    p.calls = 0, p.fails_at = 20;
    ck_assert_int_eq(ct_module_lbfgs(net, loss, &p, NULL, &report), CT_ERROR_RANGE);
    expect_error(CT_ERROR_RANGE, "the data are gone", NULL);
    ck_assert_int_eq(report.end, CT_MINIMIZE_NONE);
    ck_assert_double_lt(report.value, before / 2);
    ck_assert_double_eq(loss_of(net, &p), report.value);
}
END_TEST

START_TEST(what_is_refused)
{
    problem p;
    ct_module *net = sine(&p, cx, CT_F64);
    ct_module *empty = ct_activation_new(cx, CT_TANH);
    ck_assert_int_eq(ct_module_lbfgs(NULL, loss, &p, NULL, NULL), CT_ERROR_NULL);
    ck_assert_int_eq(ct_module_lbfgs(net, NULL, &p, NULL, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "module_lbfgs: the loss is NULL", NULL);
    ck_assert_int_eq(ct_module_lbfgs(empty, loss, &p, NULL, NULL), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "module_lbfgs: this", "has no parameters", NULL);
    p.kind = NOTHING;
    ck_assert_int_eq(ct_module_lbfgs(net, loss, &p, NULL, NULL), CT_ERROR_CALLBACK);
    expect_error(CT_ERROR_CALLBACK, "module_lbfgs: the loss failed", NULL);
    p.kind = VECTOR;
    ck_assert_int_eq(ct_module_lbfgs(net, loss, &p, NULL, NULL), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "must be one number", "(40,1)", NULL);
    p.kind = FOREIGN;
    p.other = ct_context_new(NULL);
    ck_assert_int_eq(ct_module_lbfgs(net, loss, &p, NULL, NULL), CT_ERROR_CONTEXT);
    expect_error(CT_ERROR_CONTEXT, "another context", NULL);
    ct_context_free(p.other);
}
END_TEST

static void train(ct_context *c)
{
    problem p;
    ct_context *outer = cx;
    ct_minimize_report report;
    cx = c;
    ct_module *net = sine(&p, c, CT_F64);
    if (net && p.t) {
        ct_tensor *before = ct_neg(ct_neg(ct_module_parameter(net, "2.weight")));
        ct_status status = ct_module_lbfgs(net, loss, &p,
                                           &(ct_minimize_options){ .max_iterations = 2 }, &report);
        if (status != CT_OK && before && report.iterations == 0) /* nothing found: nothing moved */
            ck_assert_double_eq(
                ct_max_difference(before, ct_module_parameter(net, "2.weight")), 0);
    }
    ct_module_free(net);
    cx = outer;
}

START_TEST(every_allocation_fails_once)
{
    for_some_failing_allocations(train, 5);
}
END_TEST

Suite *module_lbfgs_suite(void);
Suite *module_lbfgs_suite(void)
{
    return make_suite("module_lbfgs", (const TTest *[]){
        it_trains_a_network, in_f32, its_limits,
        on_failure_the_best_point_stays, what_is_refused, every_allocation_fails_once, NULL });
}
