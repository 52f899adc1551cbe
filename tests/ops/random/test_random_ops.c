/* ops/random: frequencies against probabilities, exact relations, the same draws for a seed, errors.
 * A frequency of n draws may be 5 standard deviations off, which happens once in a million seeds; the
 * seed is fixed. */
#include "support.h"

enum { N = 40000 };

static void check_mean(ct_tensor *y, double mean, double deviation)
{
    double got = ct_item(ct_mean(ct_cast(y, CT_F64)));
    double most = 5 * deviation / sqrt((double)ct_count(y));
    expect_ok();
    ck_assert_msg(fabs(got - mean) <= most, "the mean is %g, not %g +- %g", got, mean, most);
}

START_TEST(bernoulli)
{
    static const double p[] = { 0, 0.1, 0.5, 0.93, 1 };
    for (int k = 0; k < 5; k++)
        for (ct_dtype dtype = CT_F32; dtype <= CT_F64; dtype++) {
            ct_tensor *y = ct_bernoulli(ct_full(cx, dtype, CT_SHAPE(N), p[k]));
            ck_assert(ct_dtype_of(y) == dtype && !ct_requires_grad(y));
            check_mean(y, p[k], sqrt(p[k] * (1 - p[k])));
            ck_assert(ct_max_difference(ct_square(y), y) == 0);
        }
}
END_TEST

START_TEST(exponential)
{
    ct_tensor *rate = ct_variable(ct_full(cx, CT_F64, CT_SHAPE(N), 2.5)), *g;
    ct_tensor *y = ct_exponential(rate);
    check_mean(y, 1 / 2.5, 1 / 2.5);
    check_mean(ct_square(y), 2 / 6.25, sqrt(20) / 6.25);
    check_mean(ct_gt(y, ct_scalar_like(y, 1)), exp(-2.5), sqrt(exp(-2.5)));
    ck_assert_double_gt(ct_item(ct_min(y)), 0);
    ct_grad(ct_sum(y), NULL, &rate, 1, 0, &g);
    ck_assert_double_le(ct_max_difference(g, ct_scale(y, -1 / 2.5)), 1e-15);
}
END_TEST

/* how often each of `classes` indices occurs */
static void check_frequencies(ct_tensor *index, const double *probability, int classes)
{
    for (int i = 0; i < classes; i++)
        check_mean(ct_eq(index, ct_full(cx, CT_I64, NULL, 0, i)), probability[i],
                   sqrt(probability[i]));
}

START_TEST(multinomial)
{
    static const double weights[] = { 2, 0, 1, 5, 0 };
    ct_tensor *w = ct_from_doubles(cx, CT_F64, CT_SHAPE(5), weights, 5);
    check_frequencies(ct_multinomial(w, N, true), (double[]){ 0.25, 0, 0.125, 0.625, 0 }, 5);
    ct_tensor *rows = ct_expand(w, CT_SHAPE(N, 5)), *y = ct_multinomial(rows, 3, false);
    expect_shape(y, CT_SHAPE(N, 3));
    check_frequencies(ct_select(y, 1, 0), (double[]){ 0.25, 0, 0.125, 0.625, 0 }, 5);
    /* an index comes second with the chance of each other first, and then its own share of the rest */
    check_frequencies(ct_select(y, 1, 1), (double[]){ 1 / 8.0 * 2 / 7 + 5 / 8.0 * 2 / 3, 0,
                                                      2 / 8.0 / 6 + 5 / 8.0 / 3,
                                                      2 / 8.0 * 5 / 6 + 1 / 8.0 * 5 / 7, 0 }, 5);
    ct_tensor *sum = ct_sum_over(y, CT_AXES(1), 0); /* all three that can be drawn, once each */
    ck_assert(ct_item_int(ct_min(sum)) == 5 && ct_item_int(ct_max(sum)) == 5);
    expect_shape(ct_multinomial(ct_cast(rows, CT_F32), 0, false), CT_SHAPE(N, 0));
}
END_TEST

START_TEST(gumbel_softmax)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(0, log(3), log(4)));
    ct_tensor *many = ct_variable(ct_contiguous(ct_expand(x, CT_SHAPE(N, 3))));
    ct_seed(cx, 3);
    ct_tensor *soft = ct_gumbel_softmax(many, 0.7, false, -1), *g[2];
    ct_seed(cx, 3);
    ct_tensor *hard = ct_gumbel_softmax(many, 0.7, true, -1);
    ck_assert_double_le(ct_max_difference(ct_sum_over(soft, CT_AXES(1), 0),
                                          ct_ones(cx, CT_F64, CT_SHAPE(N))), 1e-14);
    check_frequencies(ct_argmax(hard, 1), (double[]){ 1 / 8.0, 3 / 8.0, 4 / 8.0 }, 3);
    ck_assert(ct_max_difference(ct_square(hard), hard) == 0);
    ck_assert(ct_max_difference(ct_sum_over(hard, CT_AXES(1), 0),
                                ct_ones(cx, CT_F64, CT_SHAPE(N))) == 0);
    ck_assert(ct_max_difference(ct_argmax(hard, 1), ct_argmax(soft, 1)) == 0);
    ct_tensor *gy = ct_randn(cx, CT_F64, CT_SHAPE(N, 3));
    ct_grad(soft, gy, &many, 1, 0, &g[0]);
    ct_grad(hard, gy, &many, 1, 0, &g[1]);
    ck_assert_double_le(ct_max_difference(g[0], g[1]), 0);
}
END_TEST

START_TEST(the_same_for_a_seed)
{
    ct_tensor *p = ct_full(cx, CT_F64, CT_SHAPE(1000), 0.5), *first[5], *second[5];
    for (int k = 0; k < 2; k++) {
        ct_tensor **y = k ? second : first;
        ct_seed(cx, 17);
        y[0] = ct_bernoulli(p), y[1] = ct_exponential(p);
        y[2] = ct_multinomial(p, 5, false), y[3] = ct_gumbel_softmax(p, 1, false, 0);
        y[4] = ct_gamma(p);
    }
    for (int i = 0; i < 5; i++)
        ck_assert(ct_max_difference(first[i], second[i]) == 0);
    ck_assert(ct_max_difference(ct_exponential(p), second[1]) > 0);
}
END_TEST

START_TEST(messages)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(0.5, 0, 1.5));
    ck_assert_ptr_null(ct_bernoulli(x));
    expect_error(CT_ERROR_VALUE, "bernoulli", "[0, 1]", "element 2 is 1.5", NULL);
    ck_assert_ptr_null(ct_bernoulli(ct_full(cx, CT_F32, CT_SHAPE(2), NAN)));
    expect_error(CT_ERROR_VALUE, "element 0 is nan", NULL);
    ck_assert_ptr_null(ct_exponential(x));
    expect_error(CT_ERROR_VALUE, "exponential", "positive", "element 1 is 0", NULL);
    ck_assert_ptr_null(ct_exponential(ct_full(cx, CT_F64, NULL, 0, INFINITY)));
    expect_error(CT_ERROR_VALUE, "finite", NULL);
    ck_assert_ptr_null(ct_bernoulli(ct_zeros(cx, CT_I64, CT_SHAPE(2))));
    expect_error(CT_ERROR_DTYPE, "ct_cast", NULL);
    ck_assert_ptr_null(ct_multinomial(x, 3, false));
    expect_error(CT_ERROR_VALUE, "multinomial", "2 positive weights", "3", NULL);
    ck_assert_ptr_null(ct_multinomial(ct_neg(x), 1, true));
    expect_error(CT_ERROR_VALUE, "not negative", "weight 0 of row 0 is -0.5", NULL);
    ck_assert_ptr_null(ct_multinomial(ct_zeros(cx, CT_F64, CT_SHAPE(2, 2)), 1, true));
    expect_error(CT_ERROR_VALUE, "row 0 has 0 positive", NULL);
    ck_assert_ptr_null(ct_multinomial(ct_full(cx, CT_F64, CT_SHAPE(2), 1e308), 1, true));
    expect_error(CT_ERROR_VALUE, "infinite", NULL);
    ck_assert_ptr_null(ct_multinomial(x, -1, true));
    expect_error(CT_ERROR_VALUE, "n must not be negative", NULL);
    ck_assert_ptr_null(ct_multinomial(ct_scalar(cx, CT_F64, 1), 1, true));
    expect_error(CT_ERROR_SHAPE, "dimension", NULL);
    ck_assert_ptr_null(ct_gumbel_softmax(x, 0, false, 0));
    expect_error(CT_ERROR_VALUE, "gumbel_softmax", "tau", NULL);
    ck_assert_ptr_null(ct_gumbel_softmax(x, 1, false, 1));
    expect_error(CT_ERROR_RANGE, "gumbel_softmax", "axis 1", NULL);
    ck_assert_ptr_null(ct_gumbel_softmax(ct_zeros(cx, CT_I64, CT_SHAPE(2)), 1, false, 0));
    expect_error(CT_ERROR_DTYPE, "gumbel_softmax", NULL);
}
END_TEST

static void use_all(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2, 3)));
    ct_backward(ct_sum(ct_exponential(x)));
    ct_backward(ct_sum(ct_gumbel_softmax(x, 1, true, 1)));
    ct_tensor *g;
    if (ct_grad(ct_sum(ct_gamma(x)), NULL, &x, 1, CT_CREATE_GRAPH, &g) == CT_OK)
        ct_backward(ct_sum(g));
    ct_bernoulli(x);
    ct_multinomial(x, 2, false);
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *random_ops_suite(void);
Suite *random_ops_suite(void)
{
    return make_suite("random_ops", (const TTest *const[]){
        bernoulli, exponential, multinomial, gumbel_softmax, the_same_for_a_seed, messages,
        out_of_memory, NULL });
}
