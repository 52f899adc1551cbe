/* How many inputs operators take. ops/walk/ has other inputs that are odd. */
#include "support.h"

static bool right_number(const ct_op *op, int n)
{
    return n > 0 && (op->inputs > 0 ? n == op->inputs : n >= -op->inputs);
}

START_TEST(each_operator_states_how_many)
{
    int n;
    const ct_op *const *list = ct_op_list(&n);
    for (int i = 0; i < n; i++) {
        char attributes[512] = { 0 };
        ct_tensor *x[8];
        ck_assert_msg(list[i]->inputs != 0, "%s takes any number of inputs", list[i]->name);
        ck_assert_uint_le(list[i]->attributes_size, sizeof attributes);
        for (int k = 0, inputs; (inputs = list[i]->sample(cx, k, x, attributes)) > 0; k++)
            ck_assert_msg(right_number(list[i], inputs), "%s: sample %d has %d inputs",
                          list[i]->name, k, inputs);
    }
}
END_TEST

START_TEST(messages)
{
    ct_tensor *x = ct_ones(cx, CT_F64, CT_SHAPE(2)), *all[3] = { x, x, x };
    ck_assert_ptr_null(ct_apply(&ct_add_op, NULL, all, 1));
    expect_error(CT_ERROR_VALUE, "add: takes 2 inputs, got 1", NULL);
    ck_assert_ptr_null(ct_apply(&ct_add_op, NULL, all, 3));
    expect_error(CT_ERROR_VALUE, "add: takes 2 inputs, got 3", NULL);
    ck_assert_ptr_null(ct_apply(&ct_sum_to_op, NULL, all, 2));
    expect_error(CT_ERROR_VALUE, "sum_to: takes 1 input, got 2", NULL);
    ck_assert_ptr_null(ct_apply(&ct_sum_to_op, NULL, all, 1));
    expect_error(CT_ERROR_NULL, "sum_to: the attributes are NULL", NULL);
    ck_assert_ptr_null(ct_apply(ct_op_find("linear"), &(int){ 0 }, all, 1));
    expect_error(CT_ERROR_VALUE, "linear: takes 2 inputs or more, got 1", NULL);
    ct_op many = *ct_op_find("exp");
    many.outputs = 9;
    ck_assert_ptr_null(ct_apply(&many, NULL, all, 1));
    expect_error(CT_ERROR_VALUE, "exp: has 9 outputs; 8 are possible", NULL);
}
END_TEST

Suite *inputs_suite(void);
Suite *inputs_suite(void)
{
    return make_suite("autograd/inputs", (const TTest *[]){
        each_operator_states_how_many, messages, NULL });
}
