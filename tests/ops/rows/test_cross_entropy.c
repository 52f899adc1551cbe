/* ops/rows/cross_entropy.c: against what it is made of, for every kernel. */
#include "support.h"

static ct_tensor *composed(ct_tensor *x, ct_tensor *labels)
{
    return ct_neg(ct_squeeze(ct_gather(ct_log_softmax(x, 1), 1, ct_unsqueeze(labels, 1)), 1));
}

START_TEST(is_what_it_is_made_of)
{
    for (int dtype = CT_F32; dtype <= CT_F64; dtype++)
        for (int64_t c = 1; c < 1100; c += c < 70 ? 1 : 211) {
            ct_scope scope = ct_scope_begin(cx);
            ct_tensor *x = ct_variable(ct_randn(cx, (ct_dtype)dtype, CT_SHAPE(7, c))), *g, *h;
            ct_tensor *labels = ct_randint(cx, 0, c, CT_SHAPE(7));
            ct_tensor *gy = ct_randn(cx, (ct_dtype)dtype, CT_SHAPE(7));
            ct_tensor *y = ct_cross_entropy_each(x, labels), *z = composed(x, labels);
            expect_close(y, z, 8);
            for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
                ct_grad(y, gy, &x, 1, flags, &g);
                ct_grad(z, gy, &x, 1, flags, &h);
                expect_close(g, h, 16);
                ct_grad(ct_cross_entropy(x, labels), NULL, &x, 1, flags, &g);
                ct_grad(ct_mean(z), NULL, &x, 1, flags, &h);
                expect_close(g, h, 16);
            }
            expect_close(ct_cross_entropy(x, labels), ct_mean(z), 8);
            ct_scope_end(cx, scope);
        }
    expect_ok();
}
END_TEST

START_TEST(of_any_strides)
{
    ct_tensor *t = ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(9, 6))), *g, *h;
    ct_tensor *pairs = ct_randint(cx, 0, 9, CT_SHAPE(6, 2)), *labels = ct_select(pairs, 1, 1);
    ct_tensor *y = ct_cross_entropy(ct_transpose(t), labels);
    ct_tensor *z = ct_cross_entropy(ct_contiguous(ct_transpose(t)), ct_contiguous(labels));
    ck_assert_double_eq(ct_item(y), ct_item(z));
    ct_grad(y, NULL, &t, 1, 0, &g);
    ct_grad(z, NULL, &t, 1, 0, &h);
    ck_assert_double_eq(ct_max_difference(g, h), 0);
    ct_tensor *each = ct_cross_entropy_each(ct_transpose(t), labels);
    ct_grad(each, ct_expand(ct_scalar(cx, CT_F32, 2. / 6), CT_SHAPE(6)), &t, 1, 0, &h);
    expect_close(ct_scale(g, 2), h, 2);
}
END_TEST

START_TEST(adds_to_other_uses)
{
    ct_tensor *x = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(4, 5))), *alone, *both;
    ct_tensor *labels = ct_from_ints(cx, CT_SHAPE(4), CT_INTS(4, 0, 2, 2));
    ct_grad(ct_cross_entropy(x, labels), NULL, &x, 1, 0, &alone);
    ct_grad(ct_add(ct_cross_entropy(x, labels), ct_sum(ct_scale(x, 3))), NULL, &x, 1, 0, &both);
    expect_close(both, ct_shift(alone, 3), 2);
}
END_TEST

/* rows enough to be shared out */
START_TEST(the_same_from_any_kernel_and_threads)
{
    ct_tensor *x = ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(301, 211))), *g, *h;
    ct_tensor *labels = ct_randint(cx, 0, 211, CT_SHAPE(301)), *y = ct_cross_entropy(x, labels);
    ct_grad(y, NULL, &x, 1, 0, &g);
    for (int simd = CT_SIMD_PLAIN; simd <= CT_SIMD_AVX512; simd++)
        for (int threads = 1; threads <= 4; threads++) {
            ct_context *c = ct_context_new(&(ct_context_options){ .simd = (ct_simd)simd,
                                                                  .threads = threads });
            ct_tensor *v = ct_variable(ct_share(c, ct_detach(x)));
            ct_tensor *z = ct_cross_entropy(v, ct_share(c, labels));
            ct_grad(z, NULL, &v, 1, 0, &h);
            double units = ct_simd_of(c) == ct_simd_of(cx) ? 0 : 4;
            expect_close(y, ct_share(cx, ct_detach(z)), units);
            expect_close(g, ct_share(cx, h), units);
            ct_context_free(c);
        }
    expect_ok();
}
END_TEST

START_TEST(of_no_examples)
{
    ct_tensor *x = ct_variable(ct_zeros(cx, CT_F32, CT_SHAPE(0, 3))), *g;
    ct_tensor *labels = ct_zeros(cx, CT_I64, CT_SHAPE(0)), *y = ct_cross_entropy(x, labels);
    ck_assert(isnan(ct_item(y)));
    expect_shape(ct_cross_entropy_each(x, labels), CT_SHAPE(0));
    ct_grad(y, NULL, &x, 1, 0, &g);
    expect_shape(g, CT_SHAPE(0, 3));
    expect_ok();
}
END_TEST

START_TEST(what_is_wrong)
{
    ct_tensor *labels = ct_zeros(cx, CT_I64, CT_SHAPE(2));
    ck_assert_ptr_null(ct_cross_entropy(ct_zeros(cx, CT_F32, CT_SHAPE(2, 0)), labels));
    expect_error(CT_ERROR_RANGE, "cross_entropy: label 0 of example 0", "0 classes", NULL);
    ck_assert_ptr_null(ct_cross_entropy_each(ct_zeros(cx, CT_I64, CT_SHAPE(2, 3)), labels));
    expect_error(CT_ERROR_DTYPE, "cross_entropy_each", "ct_cast", "i64 (2,3)", NULL);
    ck_assert_ptr_null(ct_cross_entropy(NULL, NULL));
    expect_ok();
}
END_TEST

Suite *cross_entropy_suite(void);
Suite *cross_entropy_suite(void)
{
    return make_suite("cross_entropy", (const TTest *const[]){
        is_what_it_is_made_of, of_any_strides, adds_to_other_uses,
        the_same_from_any_kernel_and_threads, of_no_examples, what_is_wrong, NULL });
}
