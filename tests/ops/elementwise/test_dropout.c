/* dropout: the share that is dropped, the mean that stays, one mask for value and gradient. */
#include "support.h"

START_TEST(share_and_mean)
{
    enum { N = 40000 };
    static double y[N];
    static const double all[] = { 0.1, 0.5, 0.9 };
    for (int k = 0; k < 6; k++) {
        double p = all[k % 3], dropped = 0, pairs = 0;
        ct_tensor *x = ct_ones(cx, k < 3 ? CT_F32 : CT_F64, CT_SHAPE(N));
        ck_assert_int_eq(ct_to_doubles(ct_dropout(x, p), y, N), CT_OK);
        for (int i = 0; i < N; i++) {
            ck_assert(y[i] == 0 || fabs(y[i] * (1 - p) - 1) < 1e-6);
            dropped += y[i] == 0;
            pairs += i % 2 && y[i] == 0 && y[i - 1] == 0; /* two of one draw */
        }
        ck_assert_double_le(fabs(dropped / N - p), 4 * sqrt(p * (1 - p) / N));
        ck_assert_double_le(fabs(pairs / (N / 2) - p * p), 4 * sqrt(p * p * (1 - p * p) / (N / 2)));
    }
}
END_TEST

START_TEST(gradient_has_the_mask_of_the_value)
{
    ct_tensor *x = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(7, 9))), *g[2];
    ct_tensor *y = ct_dropout(ct_transpose(x), 0.25), *sum = ct_sum(y);
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(ct_grad(sum, NULL, &x, 1, k ? CT_CREATE_GRAPH : 0, &g[k]), CT_OK);
        ck_assert_double_eq(ct_max_difference(ct_contiguous(ct_transpose(g[k])), y), 0);
    }
    ct_tensor *w = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(40))); /* one adds to the other's */
    ct_tensor *both = ct_add(ct_dropout(w, 0.25), ct_dropout(w, 0.25));
    ck_assert_int_eq(ct_backward(ct_sum(both)), CT_OK);
    ck_assert_double_eq(ct_max_difference(ct_gradient(w), both), 0);
}
END_TEST

START_TEST(follows_the_seed)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(101));
    ct_seed(cx, 5);
    ct_tensor *a = ct_dropout(x, 0.5), *b = ct_dropout(x, 0.5);
    ct_seed(cx, 5);
    ct_tensor *c = ct_dropout(x, 0.5), *d = ct_dropout(ct_slice(x, 0, 0, 100, 1), 0.5);
    ck_assert_double_eq(ct_max_difference(a, c), 0);
    ck_assert_double_eq(ct_max_difference(ct_slice(b, 0, 0, 100, 1), d), 0);
    ck_assert_double_gt(ct_max_difference(a, b), 0);
}
END_TEST

START_TEST(none_and_infinities)
{
    ct_tensor *x = ct_full(cx, CT_F32, CT_SHAPE(64), INFINITY);
    uint64_t next = ct_random_u64(cx);
    ct_seed(cx, 0);
    ck_assert_ptr_eq(ct_dropout(x, 0), x);
    ck_assert_uint_eq(ct_random_u64(cx), next); /* nothing was drawn */
    ct_tensor *y = ct_dropout(x, 0.5);
    for (int i = 0; i < 64; i++)
        ck_assert(!isnan(ct_at(y, CT_INDEX(i))));
    expect_shape(ct_dropout(ct_ones(cx, CT_F32, CT_SHAPE(0)), 0.5), CT_SHAPE(0));
}
END_TEST

START_TEST(errors)
{
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(2));
    static const double wrong[] = { 1, -0.1, 1.5, NAN };
    for (int i = 0; i < 4; i++) {
        ck_assert_ptr_null(ct_dropout(x, wrong[i]));
        expect_error(CT_ERROR_VALUE, "dropout: p = ", "is not in [0, 1)", NULL);
    }
    ck_assert_ptr_null(ct_dropout(ct_range(cx, CT_I64, 2), 0.5));
    expect_error(CT_ERROR_DTYPE, "dropout", NULL);
    ck_assert_ptr_null(ct_dropout(NULL, 0.5));
    expect_ok();
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F32, CT_SHAPE(4, 6)));
    ct_backward(ct_sum(ct_dropout(ct_transpose(x), 0.5)));
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *dropout_suite(void)
{
    const TTest *const tests[] = { share_and_mean, gradient_has_the_mask_of_the_value,
                                   follows_the_seed, none_and_infinities, errors, out_of_memory,
                                   NULL };
    return make_suite("dropout", tests);
}
