/* ct_custom: a function with a rule of the caller's. */
#include "support.h"

static ct_tensor *cube(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_power(x[0], 3);
}

static ct_status cube_rule(const ct_custom_call *c, ct_tensor **gx)
{
    gx[0] = ct_mul(c->gy, ct_scale(ct_square(c->x[0]), 3));
    return CT_OK;
}

/* y = a b, and the rule reads y */
static ct_tensor *product(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n, (void)user;
    ck_assert(!ct_is_recording(c));
    return ct_mul(x[0], x[1]);
}

static ct_status product_rule(const ct_custom_call *c, ct_tensor **gx)
{
    ck_assert_int_eq(c->n, 2);
    gx[0] = ct_mul(c->gy, ct_div(c->y, c->x[0]));
    gx[1] = ct_mul(c->gy, ct_div(c->y, c->x[1]));
    return CT_OK;
}

static ct_status silent(const ct_custom_call *c, ct_tensor **gx)
{
    (void)gx;
    return c->user ? ct_fail(c->cx, CT_ERROR_VALUE, "out of luck") : CT_OK;
}

static ct_tensor *checked(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)user;
    ct_tensor *y = ct_custom(c, product, product_rule, NULL, x, n);
    return ct_custom(c, cube, cube_rule, NULL, &y, 1);
}

START_TEST(to_second_order)
{
    ct_tensor *x[] = { ct_linspace(cx, CT_F64, 0.5, 2, 4), ct_linspace(cx, CT_F64, 2, 1, 4) };
    ct_gradcheck_report report;
    ct_verdict verdict = ct_gradcheck(cx, checked, NULL, x, 2,
                                      &(ct_gradcheck_options){ .order = 2 }, &report);
    ck_assert_msg(verdict == CT_GRADCHECK_PASS, "%s", ct_gradcheck_text(cx, &report));
}
END_TEST

START_TEST(failures)
{
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, 2)), *g;
    ct_tensor *y = ct_custom(cx, cube, silent, NULL, &x, 1);
    ck_assert_double_eq(ct_item(y), 8);
    ck_assert_int_eq(ct_grad(y, NULL, &x, 1, 0, &g), CT_ERROR_CALLBACK);
    expect_error(CT_ERROR_CALLBACK, "custom", "no cotangent for input 0", NULL);
    y = ct_custom(cx, cube, silent, x, &x, 1);
    ck_assert_int_eq(ct_grad(y, NULL, &x, 1, 0, &g), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "out of luck", NULL);
    ck_assert_ptr_null(ct_custom(cx, cube, NULL, NULL, &x, 1));
    expect_error(CT_ERROR_NULL, "custom: the rule", NULL);
    ck_assert_ptr_null(ct_custom(cx, cube, cube_rule, NULL, NULL, 0));
    expect_error(CT_ERROR_NULL, "custom: there are no inputs", NULL);
    ct_no_grad(cx);
    ck_assert(!ct_requires_grad(ct_custom(cx, cube, cube_rule, NULL, &x, 1)));
}
END_TEST

START_TEST(a_value_that_the_rule_reads_must_not_be_written)
{
    ct_tensor *x[] = { ct_variable(ct_scalar(cx, CT_F64, 2)), ct_variable(ct_scalar(cx, CT_F64, 3)) };
    ct_tensor *y = ct_custom(cx, product, product_rule, NULL, x, 2);
    ck_assert_int_eq(ct_set(ct_detach(y), NULL, 0, 7), CT_OK);
    ck_assert_int_eq(ct_backward(y), CT_ERROR_STALE);
    expect_error(CT_ERROR_STALE, "custom", "saved", "written since", NULL);
}
END_TEST

static void both_passes(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_full(c, CT_F64, CT_SHAPE(2), 2)), *g;
    if (ct_grad(ct_sum(ct_custom(c, cube, cube_rule, NULL, &x, 1)), NULL, &x, 1, 0, &g) == CT_OK)
        ct_item(ct_sum(g));
}

START_TEST(every_allocation_fails_once)
{
    for_each_failing_allocation(both_passes);
}
END_TEST

Suite *custom_suite(void);
Suite *custom_suite(void)
{
    return make_suite("autograd/custom", (const TTest *[]){
        to_second_order, failures, a_value_that_the_rule_reads_must_not_be_written,
        every_allocation_fails_once, NULL });
}
