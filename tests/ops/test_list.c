/* The list of operators. */
#include "support.h"

START_TEST(found_by_name)
{
    int n;
    const ct_op *const *list = ct_op_list(&n);
    for (int i = 0; i < n; i++)
        ck_assert_ptr_eq(ct_op_find(list[i]->name), list[i]); /* so no name is used twice */
    ck_assert_str_eq(ct_op_find("tanh")->name, "tanh");
    ck_assert_str_eq(ct_op_find("pow")->name, "pow");
    ck_assert_str_eq(ct_op_find("where")->name, "where");
    ck_assert_ptr_null(ct_op_find("no such operator"));
    ck_assert_ptr_null(ct_op_find(NULL));
}
END_TEST

Suite *list_suite(void)
{
    return make_suite("list", (const TTest *const[]){ found_by_name, NULL });
}
