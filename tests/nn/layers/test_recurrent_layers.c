/* nn/layers/recurrent.c: parameters, initial values, dropout, the state, errors. That values and
 * gradients are PyTorch's is tested in test_recurrent_torch.c. */
#include "support.h"

typedef ct_module *constructor(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t hidden,
                               const ct_recurrent_options *options);
static constructor *const all[] = { ct_rnn_new, ct_gru_new, ct_lstm_new };

START_TEST(parameters_have_the_names_and_values_of_pytorch)
{
    static const char *const names[] = {
        "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l0_reverse",
        "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse", "weight_ih_l1",
        "weight_hh_l1", "bias_ih_l1", "bias_hh_l1", "weight_ih_l1_reverse",
        "weight_hh_l1_reverse", "bias_ih_l1_reverse", "bias_hh_l1_reverse" };
    static const int gates[] = { 1, 3, 4 };
    for (int k = 0; k < 3; k++) {
        ct_module *m = all[k](cx, CT_F32, 5, 25, &(ct_recurrent_options){
            .levels = 2, .bidirectional = true });
        int n;
        ct_tensor *const *p = ct_module_parameters(m, &n);
        ck_assert_int_eq(n, 16);
        for (int i = 0; i < n; i++) {
            ck_assert_str_eq(ct_name(p[i]), names[i]);
            expect_shape(p[i], (int64_t[]){ 25 * gates[k], i % 4 == 1 ? 25 : i < 8 ? 5 : 50 },
                         i % 4 < 2 ? 2 : 1);
            double most = ct_item(ct_max(ct_abs(p[i]))); /* of uniform numbers below 1/5 */
            ck_assert_double_le(most, 0.2);
            ck_assert_double_ge(most, 0.17);
        }
        ct_module_free(m);
    }
    const ct_recurrent_options o = { .layer = { .no_bias = true, .weight_init = CT_ORTHOGONAL } };
    ct_module *m = ct_rnn_new(cx, CT_F64, 4, 4, &o);
    int n;
    ct_tensor *const *p = ct_module_parameters(m, &n);
    ck_assert_int_eq(n, 2);
    ct_tensor *square = ct_matmul(p[1], ct_transpose(p[1]));
    ck_assert_double_le(ct_max_difference(square, ct_eye(cx, CT_F64, 4)), 1e-14);
}
END_TEST

/* without graphs, levels one by one are the same; with dropout they are so under ct_inference */
START_TEST(levels_run_one_above_the_other)
{
    for (int k = 0; k < 3; k++) {
        ct_module *m = all[k](cx, CT_F64, 3, 4, &(ct_recurrent_options){ .levels = 2,
                                                                         .dropout = 0.5 });
        ct_module *first = all[k](cx, CT_F64, 3, 4, NULL), *second = all[k](cx, CT_F64, 4, 4, NULL);
        int n;
        ct_tensor *const *p = ct_module_parameters(m, &n);
        ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(5, 2, 3));
        ct_scope scope = ct_scope_begin(cx);
        ct_no_grad(cx);
        for (int i = 0; i < 8; i++) {
            int count;
            ct_tensor *const *q = ct_module_parameters(i < 4 ? first : second, &count);
            ck_assert_int_eq(ct_assign(q[i % 4], p[i]), CT_OK);
        }
        ct_tensor *want = ct_module_forward(second, ct_module_forward(first, x));
        ck_assert_double_gt(ct_max_difference(ct_module_forward(m, x), want), 1e-3);
        ct_inference(cx);
        ck_assert_double_eq(ct_max_difference(ct_module_forward(m, x), want), 0);
        ct_module *copy = ct_module_clone(m, CT_F32);
        ck_assert_double_le(ct_max_difference(ct_cast(ct_module_forward(copy, ct_cast(x, CT_F32)),
                                                      CT_F64), want), 1e-5);
        ct_scope_end(cx, scope);
    }
}
END_TEST

START_TEST(the_state_is_carried_over)
{
    for (int k = 0; k < 3; k++) {
        ct_module *m = all[k](cx, CT_F64, 3, 4, &(ct_recurrent_options){ .levels = 2 });
        ct_tensor *x = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(5, 2, 3)));
        ct_tensor *h = NULL, *c = NULL, **pc = k == 2 ? &c : NULL;
        ct_tensor *want = ct_module_forward(m, x);
        ct_tensor *a = ct_recurrent_forward(m, ct_slice(x, 0, 0, 2, 1), NULL, &h, pc);
        expect_shape(h, CT_SHAPE(2, 2, 4));
        ct_tensor *carried = h, *begins = ct_detach(h);
        ct_tensor *b = ct_recurrent_forward(m, ct_slice(x, 0, 2, 5, 1), NULL, &carried, pc);
        ck_assert_double_le(ct_max_difference(ct_concat(CT_TENSORS(a, b), 0), want), 1e-15);
        ct_tensor *g, *of_slice = ct_slice(x, 0, 2, 5, 1);
        ck_assert_int_eq(ct_grad(ct_sum(b), NULL, &x, 1, 0, &g), CT_OK); /* through the state */
        ck_assert_double_gt(ct_item(ct_max(ct_abs(ct_slice(g, 0, 0, 2, 1)))), 1e-6);
        c = c ? ct_detach(c) : NULL;
        b = ct_recurrent_forward(m, of_slice, NULL, &begins, pc);
        ck_assert_int_eq(ct_grad(ct_sum(b), NULL, &x, 1, 0, &g), CT_OK);
        ck_assert_double_eq(ct_item(ct_max(ct_abs(ct_slice(g, 0, 0, 2, 1)))), 0);
    }
}
END_TEST

static void expect_text(const char *text)
{
    ck_assert_msg(strstr(ct_error_text(cx), text) != NULL, "\"%s\" does not say \"%s\"",
                  ct_error_text(cx), text);
    ct_error_clear(cx);
}

START_TEST(what_does_not_fit_is_refused)
{
    ct_recurrent_options o = { .levels = -1 };
    ck_assert(!ct_lstm_new(cx, CT_F32, 3, 4, &o));
    expect_text("lstm_new: there must be 1 to 1000 levels, got -1");
    o = (ct_recurrent_options){ .dropout = 1 };
    ck_assert(!ct_gru_new(cx, CT_F32, 3, 4, &o));
    expect_text("gru_new: the dropout must be in [0, 1), got 1");
    o = (ct_recurrent_options){ .relu = true };
    ck_assert(!ct_gru_new(cx, CT_F32, 3, 4, &o));
    expect_text("gru_new: relu is for rnn_new");
    ck_assert(!ct_rnn_new(cx, CT_F32, 0, 4, NULL));
    expect_text("rnn_new: got 0 inputs and 4 hidden units");
    ck_assert(!ct_rnn_new(cx, CT_I64, 3, 4, NULL));
    expect_text("rnn_new: parameters must be f32 or f64");
    ck_assert(!ct_rnn_new(cx, CT_F32, INT64_MAX / 2, INT64_MAX / 2, NULL));
    expect_text("more weights than any memory holds");
    o = (ct_recurrent_options){ .reserved = { 1 } };
    ck_assert(!ct_rnn_new(cx, CT_F32, 3, 4, &o));
    expect_text("rnn_new: the options must be zeroed");
    ct_module *m = ct_gru_new(cx, CT_F32, 3, 4, NULL);
    ct_tensor *x = ct_zeros(cx, CT_F32, CT_SHAPE(5, 2, 3)), *h = x;
    ck_assert(!ct_recurrent_forward(m, x, NULL, &h, NULL));
    expect_text("recurrent_forward: h must be (1,2,4)");
    ck_assert(h == x);
    ck_assert(!ct_recurrent_forward(m, x, NULL, NULL, &h));
    expect_text("c is for an lstm, and this is a gru");
    ck_assert(!ct_module_forward(m, ct_zeros(cx, CT_F32, CT_SHAPE(5, 3))));
    expect_text("gru: x must be (T,N,inputs), and has 2 dimensions");
    ck_assert(!ct_recurrent_forward(ct_flatten_new(cx), x, NULL, NULL, NULL));
    expect_text("recurrent_forward: this flatten is no rnn, gru or lstm");
}
END_TEST

static void use_each(ct_context *c)
{
    ct_module *m = ct_lstm_new(c, CT_F64, 2, 2, &(ct_recurrent_options){
        .levels = 2, .bidirectional = true, .batch_first = true });
    ct_tensor *x = ct_zeros(c, CT_F64, CT_SHAPE(1, 2, 2)), *h = NULL, *s = NULL, *y = NULL;
    ct_tensor *lengths = ct_ones(c, CT_I64, CT_SHAPE(1));
    if (m && x && lengths)
        y = ct_recurrent_forward(m, x, lengths, &h, &s);
    ck_assert((y != NULL) == (h != NULL) && (y != NULL) == (s != NULL));
    if (y)
        ct_backward(ct_sum(ct_add(ct_sum(y), ct_sum(ct_mul(h, s)))));
}

START_TEST(running_out_of_memory_is_an_error)
{
    for_each_failing_allocation(use_each);
}
END_TEST

Suite *recurrent_layers_suite(void)
{
    return make_suite("recurrent_layers", (const TTest *const[]){
        parameters_have_the_names_and_values_of_pytorch, levels_run_one_above_the_other,
        the_state_is_carried_over, what_does_not_fit_is_refused,
        running_out_of_memory_is_an_error, NULL });
}
