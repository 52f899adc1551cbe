/* report.c: a report as text, whatever its fields hold. */
#include "support.h"

#include <limits.h>

static const char *text_of(const ct_gradcheck_report *r)
{
    const char *text = ct_gradcheck_text(cx, r);
    ck_assert_ptr_nonnull(text);
    ck_assert_int_lt((int)strlen(text), 1500);
    return text;
}

static void expect_in(const char *text, const char *fragment)
{
    ck_assert_msg(strstr(text, fragment) != NULL, "no \"%s\" in \"%s\"", fragment, text);
}

START_TEST(a_report_that_is_all_zero)
{
    ct_gradcheck_report r = { 0 };
    ck_assert_str_eq(text_of(&r), "gradcheck: INVALID");
    r.compared = 1;
    expect_in(text_of(&r), "input 0, entry ()");
    expect_ok();
}
END_TEST

START_TEST(fields_that_are_out_of_range)
{
    const int ndims[] = { INT_MIN, -1, CT_MAX_DIMS + 1, INT_MAX };
    for (int i = 0; i < 4; i++) {
        ct_gradcheck_report r = { .verdict = (ct_verdict)77, .compared = INT64_MAX,
                                  .wrong = INT64_MIN, .kinks = -1, .input = INT_MAX,
                                  .order = INT_MIN, .ndim = ndims[i], .seed = UINT64_MAX,
                                  .analytic = -1.7976931348623157e308, .numeric = INFINITY };
        for (int d = 0; d < CT_MAX_DIMS; d++)
            r.index[d] = INT64_MIN;
        memset(r.diagnosis, 'd', sizeof r.diagnosis); /* it has no end, */
        r.formula = "f";                              /* and something follows it */
        const char *text = text_of(&r), *diagnosis = strstr(text, "ddd");
        expect_in(text, "unknown");
        ck_assert_uint_eq(strspn(diagnosis, "d"), sizeof r.diagnosis);
        ck_assert_uint_eq(strlen(diagnosis), sizeof r.diagnosis);
        expect_in(text, i < 2 ? "entry ()" : ",-9223372036854775808)");
    }
    expect_ok();
}
END_TEST

START_TEST(numbers_that_are_not)
{
    ct_gradcheck_report r = { .compared = 1, .analytic = -NAN, .numeric = -NAN, .bar = -NAN,
                              .left = -NAN, .right = -NAN, .step = -NAN };
    const char *text = text_of(&r);
    expect_in(text, "analytic nan, numeric nan +- nan, ratio nan");
    ck_assert_ptr_null(strstr(text, "-nan"));
}
END_TEST

START_TEST(an_operators_formula_is_shown)
{
    ct_gradcheck_report r = { .op = "tanh", .verdict = CT_GRADCHECK_PASS,
                              .formula = "y = tanh x", .derivative = "gx = g (1 - y^2)" };
    ck_assert_str_eq(text_of(&r), "gradcheck tanh: PASS\n  y = tanh x\n  gx = g (1 - y^2)");
    ct_op op = *ct_op_find("tanh");
    op.formula = "F", op.derivative = "D";
    ck_assert_int_eq(ct_gradcheck_op(cx, &op, NULL, &r), CT_GRADCHECK_PASS);
    ck_assert_str_eq(r.formula, "F");
    ck_assert_str_eq(r.derivative, "D");
    op.name = op.formula = op.derivative = NULL;
    ck_assert_int_eq(ct_gradcheck_op(cx, &op, NULL, &r), CT_GRADCHECK_PASS);
    ck_assert_str_eq(r.op, "");
    ck_assert_ptr_null(r.formula);
    ck_assert_ptr_null(r.derivative);
}
END_TEST

START_TEST(every_verdict_has_a_name)
{
    static const char *const names[] = { "INVALID", "PASS", "FAIL", "KINK", "INCONCLUSIVE" };
    for (int i = 0; i < 5; i++)
        ck_assert_str_eq(ct_verdict_text((ct_verdict)i), names[i]);
    ck_assert_str_eq(ct_verdict_text((ct_verdict)5), "unknown");
    ck_assert_str_eq(ct_verdict_text((ct_verdict)-1), "unknown");
}
END_TEST

START_TEST(no_report_and_no_context)
{
    ct_gradcheck_report r = { 0 };
    ck_assert_str_eq(text_of(NULL), "(null)");
    expect_error(CT_ERROR_NULL, "gradcheck_text", NULL);
    ck_assert_str_eq(ct_gradcheck_text(NULL, &r), "(null)");
    ck_assert_str_eq(ct_gradcheck_text(NULL, NULL), "(null)");
    expect_ok();
}
END_TEST

static void print_report(ct_context *c)
{
    const ct_gradcheck_report r = { .compared = 1, .ndim = 2 };
    const char *text = ct_gradcheck_text(c, &r);
    ck_assert(ct_error(c) ? text == NULL : text != NULL);
}

START_TEST(any_allocation_may_fail)
{
    for_each_failing_allocation(print_report);
}
END_TEST

Suite *gradcheck_report_suite(void)
{
    return make_suite("gradcheck_report", (const TTest *const[]){
        a_report_that_is_all_zero, fields_that_are_out_of_range, numbers_that_are_not,
        an_operators_formula_is_shown, every_verdict_has_a_name, no_report_and_no_context,
        any_allocation_may_fail, NULL });
}
