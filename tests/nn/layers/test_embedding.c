/* nn/layers/embedding.c: PyTorch's figures, padding, initial values, training, errors. */
#include "support.h"
#include "torch/figures.h"

#include <cotangent/op.h>

START_TEST(is_that_of_pytorch)
{
    double want[12 + 15];
    figures("attention.txt", "embedding", want, 27);
    for (int64_t padding = 1; padding >= -4; padding -= 5) {
        ct_module *m = ct_embedding_new(cx, CT_F64, 5, 3, &(ct_embedding_options){
            .pads = true, .padding = padding });
        ct_tensor *w = ct_module_parameter(m, "weight"), *g = ct_empty(cx, CT_F64, CT_SHAPE(2, 2, 3));
        for (int64_t i = 0; i < 15; i++)
            ((double *)ct_data_mutable(ct_detach(w)))[i] = sin(1.3 * (double)i) / 2;
        for (int64_t i = 0; i < 12; i++)
            ((double *)ct_data_mutable(g))[i] = 2 * sin(1.3 * (double)i + 9);
        ct_tensor *y = ct_module_forward(m, ct_from_ints(cx, CT_SHAPE(2, 2), CT_INTS(4, 1, 0, 4)));
        expect_shape(y, CT_SHAPE(2, 2, 3));
        expect_values(y, want, 12, 1e-12);
        ck_assert_int_eq(ct_backward_from(y, g), CT_OK);
        expect_values(ct_gradient(w), want + 12, 15, 1e-12);
        ct_tensor *gx;
        ck_assert_int_eq(ct_grad(y, g, &w, 1, CT_CREATE_GRAPH, &gx), CT_OK);
        expect_values(gx, want + 12, 15, 1e-12);
    }
    expect_ok();
}
END_TEST

START_TEST(begins_as_standard_normal)
{
    ct_module *m = ct_embedding_new(cx, CT_F32, 100, 50, &(ct_embedding_options){ .pads = true });
    ct_tensor *w = ct_module_parameter(m, "weight");
    ck_assert_double_lt(fabs(ct_item(ct_mean(w))), 0.05);
    ck_assert_double_lt(fabs(ct_item(ct_var(w)) - 1), 0.1);
    ck_assert(ct_item(ct_sum(ct_abs(ct_select(w, 0, 0)))) == 0);
    m = ct_embedding_new(cx, CT_F32, 100, 50, NULL);
    ck_assert(ct_item(ct_sum(ct_abs(ct_select(ct_module_parameter(m, "weight"), 0, 0)))) > 1);
}
END_TEST

/* the rows that are taken learn what they are for, the others stay */
START_TEST(learns_by_rows)
{
    ct_module *m = ct_embedding_new(cx, CT_F64, 50, 2, NULL);
    ct_tensor *w = ct_module_parameter(m, "weight");
    ct_tensor *before = ct_add(ct_detach(w), ct_zeros(cx, CT_F64, NULL, 0));
    ct_tensor *x = ct_from_ints(cx, CT_SHAPE(3), CT_INTS(5, 8, 5));
    ct_tensor *want = ct_from_doubles(cx, CT_F64, CT_SHAPE(3, 1), CT_DOUBLES(1, 2, 1));
    int n;
    ct_tensor *const *p = ct_module_parameters(m, &n);
    ct_optimizer *o = ct_sgd_new(p, n, 0.3, NULL);
    for (int step = 0; step < 100; step++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_backward(ct_sum(ct_square(ct_sub(ct_module_forward(m, x), want))));
        ck_assert_int_eq(ct_count(ct_touched_rows(ct_gradient(w))), 2);
        ck_assert_int_eq(ct_optimizer_step(o), CT_OK);
        ct_scope_end(cx, scope);
    }
    for (int64_t i = 0; i < 50; i++)
        ck_assert_double_eq_tol(ct_at(w, CT_INDEX(i, 1)),
                                i == 5 ? 1 : i == 8 ? 2 : ct_at(before, CT_INDEX(i, 1)), 1e-9);
    expect_ok();
}
END_TEST

/* One table gets gradients that tell their rows, the other one dense copies of them. */
static void expect_alike(const ct_update_options *options)
{
    ct_module *m = ct_embedding_new(cx, CT_F32, 50, 4, NULL), *twin = ct_module_clone(m, CT_F32);
    ct_tensor *w = ct_module_parameter(m, "weight"), *dense = ct_module_parameter(twin, "weight");
    ct_optimizer *o = ct_optimizer_new(&w, 1, 0.1, options);
    ct_optimizer *by_all = ct_optimizer_new(&dense, 1, 0.1, options);
    for (int64_t step = 0; step < 6; step++) {
        ct_tensor *x = ct_from_ints(cx, CT_SHAPE(3), CT_INTS(step, 8, step));
        ct_backward(ct_sum(ct_square(ct_shift(ct_module_forward(m, x), 1))));
        ck_assert_ptr_nonnull(ct_touched_rows(ct_gradient(w)));
        ct_add_gradient(dense, ct_add(ct_gradient(w), ct_zeros(cx, CT_F32, NULL, 0)));
        ck_assert_ptr_null(ct_touched_rows(ct_gradient(dense)));
        ck_assert_int_eq(ct_optimizer_step(o), CT_OK);
        ck_assert_int_eq(ct_optimizer_step(by_all), CT_OK);
    }
    ck_assert_msg(ct_max_difference(ct_detach(w), ct_detach(dense)) == 0,
                  "rule %d, momentum %g, decay %g: rows make a difference", options->rule,
                  options->momentum, options->weight_decay);
    expect_ok();
}

/* only SGD without momentum and decay may leave other rows alone; what the others do to these rows
 * is what they do with a dense gradient, which tests/nn/optimizers compares with PyTorch */
START_TEST(rows_and_dense_gradients_move_the_same)
{
    for (ct_update_rule rule = CT_SGD; rule <= CT_LION; rule++)
        for (int more = 0; more < 3; more++) {
            ct_update_options options = { .rule = rule, .weight_decay = more == 1 ? 0.1 : 0 };
            if (more == 2 && rule != CT_SGD)
                continue;
            options.momentum = more == 2 ? 0.9 : 0;
            expect_alike(&options);
        }
}
END_TEST

static void use(ct_context *c)
{
    ct_module *m = ct_embedding_new(c, CT_F32, 20, 2, &(ct_embedding_options){ .pads = true });
    ct_tensor *x = ct_from_ints(c, CT_SHAPE(2), CT_INTS(0, 3));
    ct_tensor *y = m && x ? ct_module_forward(m, x) : NULL;
    if (y)
        ct_backward(ct_sum(y));
}

START_TEST(every_allocation_may_fail)
{
    for_each_failing_allocation(use);
}
END_TEST

START_TEST(errors_say_what_is_wanted)
{
    ck_assert(!ct_embedding_new(cx, CT_F32, 0, 3, NULL));
    expect_error(CT_ERROR_RANGE, "embedding_new: the table", "got 0 and 3", NULL);
    ck_assert(!ct_embedding_new(cx, CT_F32, INT64_MAX / 4, 3, NULL));
    expect_error(CT_ERROR_RANGE, "fit into memory", NULL);
    ck_assert(!ct_embedding_new(cx, CT_I64, 2, 3, NULL));
    expect_error(CT_ERROR_DTYPE, "f32 or f64", NULL);
    ck_assert(!ct_embedding_new(cx, CT_F32, 2, 3, &(ct_embedding_options){ .pads = true,
                                                                           .padding = 2 }));
    expect_error(CT_ERROR_RANGE, "the padding must be one of 2 rows, got 2", NULL);
    ck_assert(!ct_embedding_new(cx, CT_F32, 2, 3, &(ct_embedding_options){ .reserved = { 1 } }));
    expect_error(CT_ERROR_VALUE, "reserved", NULL);
    ct_module *m = ct_embedding_new(cx, CT_F32, 2, 3, NULL);
    ck_assert(!ct_module_forward(m, ct_from_ints(cx, CT_SHAPE(1), CT_INTS(2))));
    expect_error(CT_ERROR_RANGE, "2", NULL);
    ck_assert(!ct_module_forward(m, ct_ones(cx, CT_F32, CT_SHAPE(1))));
    expect_error(CT_ERROR_DTYPE, "i64", NULL);
}
END_TEST

Suite *embedding_suite(void)
{
    return make_suite("embedding", (const TTest *const[]){
        is_that_of_pytorch, begins_as_standard_normal, learns_by_rows,
        rows_and_dense_gradients_move_the_same, every_allocation_may_fail,
        errors_say_what_is_wanted, NULL });
}
