/* vertices.c: ct_gradcheck_graph names the first operator in a graph whose rule is wrong. */
#include "wrong_sine.h"

/* sum of exp(sine(x w)), whose sine may be wrong, and cos(sine) beside it */
static ct_tensor *graph(ct_tensor *x, ct_tensor *w)
{
    ct_tensor *h = ct_matmul(x, w);
    ct_tensor *s = ct_named(sines(cx, &h, 1, NULL), "hidden");
    return ct_sum(ct_add(ct_exp(s), ct_cos(s)));
}

static ct_tensor *variable(ct_dtype dtype)
{
    return ct_variable(ct_randn(cx, dtype, shape, 2));
}

typedef struct seen {
    int vertices, failed;
    char ops[400];
} seen;

static void note(const ct_gradcheck_report *r, void *user)
{
    seen *s = user;
    ck_assert_int_eq(r->vertex, s->vertices++);
    s->failed += r->verdict == CT_GRADCHECK_FAIL;
    strncat(s->ops, r->op, sizeof s->ops - strlen(s->ops) - 1);
    strncat(s->ops, " ", sizeof s->ops - strlen(s->ops) - 1);
}

START_TEST(the_operator_that_is_wrong_is_named)
{
    seen s = { 0 };
    ct_tensor *y = graph(variable(CT_F64), variable(CT_F64));
    now = DOUBLED;
    ck_assert_int_eq(ct_gradcheck_graph(cx, y, NULL, note, &s, &report), CT_GRADCHECK_FAIL);
    expect_report(CT_GRADCHECK_FAIL, "twice the right value");
    ck_assert_str_eq(report.op, "sine");
    ck_assert_str_eq(report.name, "hidden");
    ck_assert_str_eq(s.ops, "matmul sine exp cos add sum_to ");
    ck_assert(s.failed == 1 && report.vertex == 1 && report.input == 0);
    now = NONE;
    s = (seen){ 0 };
    ck_assert_int_eq(ct_gradcheck_graph(cx, y, NULL, note, &s, NULL), CT_GRADCHECK_PASS);
    ck_assert_int_eq(s.vertices, 6);
}
END_TEST

START_TEST(the_check_ends_at_the_first_failure)
{
    now = NEGATED;
    ct_tensor *x = variable(CT_F32), *y = graph(x, ct_detach(x));
    ck_assert_int_eq(ct_gradcheck_graph(cx, y, NULL, NULL, NULL, &report), CT_GRADCHECK_FAIL);
    expect_report(CT_GRADCHECK_FAIL, "a sign is wrong");
    ck_assert_int_eq(report.vertex, 1);
    now = NONE;
    ck_assert_int_eq(ct_gradcheck_graph(cx, y, NULL, NULL, NULL, &report), CT_GRADCHECK_PASS);
    ck_assert_int_eq(ct_backward(y), CT_OK); /* the graph is what it was */
}
END_TEST

START_TEST(inputs_are_numbered_as_the_operator_takes_them)
{
    now = NONE;
    ct_tensor *a = ct_ones(cx, CT_F64, CT_SHAPE(3));
    ct_tensor *b = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(3)));
    ct_tensor *twice = ct_mul(b, b), *y = ct_sum(ct_mul(a, twice));
    ck_assert_int_eq(ct_gradcheck_graph(cx, y, NULL, NULL, NULL, &report), CT_GRADCHECK_PASS);
    expect_ok();
}
END_TEST

START_TEST(integers_stay_what_they_are)
{
    ct_tensor *x = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(2, 3)));
    ct_tensor *y = ct_cross_entropy(x, ct_from_ints(cx, CT_SHAPE(2), CT_INTS(2, 0)));
    ck_assert_int_eq(ct_gradcheck_graph(cx, y, NULL, NULL, NULL, &report), CT_GRADCHECK_PASS);
    expect_ok();
}
END_TEST

START_TEST(data_that_are_gone)
{
    ct_tensor *x = variable(CT_F64);
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *y = ct_scope_return(cx, scope, ct_add(ct_scale(x, 2), ct_scale(x, 3)));
    ck_assert_int_eq(ct_gradcheck_graph(cx, y, NULL, NULL, NULL, &report), CT_GRADCHECK_INVALID);
    expect_report(CT_GRADCHECK_INVALID, "the data of an input are gone: keep the scope open");
    ck_assert_str_eq(report.op, "add");
}
END_TEST

START_TEST(what_has_no_graph)
{
    ct_tensor *x = variable(CT_F64);
    ck_assert_int_eq(ct_gradcheck_graph(cx, x, NULL, NULL, NULL, &report), CT_GRADCHECK_INVALID);
    expect_error(CT_ERROR_GRAPH, "gradcheck_graph: nothing is recorded", NULL);
    ck_assert_int_eq(ct_gradcheck_graph(cx, NULL, NULL, NULL, NULL, &report),
                     CT_GRADCHECK_INVALID);
    expect_error(CT_ERROR_NULL, "gradcheck_graph", NULL);
    ck_assert_int_eq(ct_gradcheck_graph(NULL, x, NULL, NULL, NULL, &report),
                     CT_GRADCHECK_INVALID);
    expect_ok();
}
END_TEST

static void check_graph(ct_context *c)
{
    ct_gradcheck_report r;
    ct_tensor *x = ct_variable(ct_scalar(c, CT_F64, 0.5)), *y = ct_exp(ct_mul(x, x));
    if (!y)
        return;
    ct_verdict verdict = ct_gradcheck_graph(c, y, NULL, NULL, NULL, &r);
    ck_assert(verdict == (ct_error(c) ? CT_GRADCHECK_INVALID : CT_GRADCHECK_PASS));
}

START_TEST(any_allocation_may_fail)
{
    for_each_failing_allocation(check_graph);
}
END_TEST

Suite *gradcheck_graph_suite(void)
{
    return make_suite("gradcheck_graph", (const TTest *const[]){
        the_operator_that_is_wrong_is_named, the_check_ends_at_the_first_failure,
        inputs_are_numbered_as_the_operator_takes_them, integers_stay_what_they_are,
        data_that_are_gone, what_has_no_graph, any_allocation_may_fail, NULL });
}
