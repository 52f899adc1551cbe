/* Every operator in the list is right at its samples. */
#include "support.h"

START_TEST(every_operator_is_right_to_second_order)
{
    int n;
    const ct_op *const *list = ct_op_list(&n);
    ct_gradcheck_report report;
    for (int i = 0; i < n; i++) {
        ct_scope scope = ct_scope_begin(cx);
        bool none = list[i]->flags & (CT_OP_CONSTANT | CT_OP_UPDATE);
        ct_verdict want = none ? CT_GRADCHECK_INVALID : CT_GRADCHECK_PASS;
        ct_verdict verdict = ct_gradcheck_op(cx, list[i], &(ct_gradcheck_options){ .order = 2 },
                                             &report);
        ck_assert_msg(verdict == want, "%s", ct_gradcheck_text(cx, &report));
        ck_assert_msg(!none || strstr(report.diagnosis, "no derivative"), "%s", report.diagnosis);
        expect_ok();
        ct_scope_end(cx, scope);
    }
    ck_assert_int_gt(n, 50);
}
END_TEST

Suite *operators_suite(void)
{
    return make_suite("operators", (const TTest *const[]){
        every_operator_is_right_to_second_order, NULL });
}
