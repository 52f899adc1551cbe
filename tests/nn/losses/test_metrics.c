/* nn/losses/metrics.c, by hand. */
#include "support.h"

static ct_tensor *logits(void)
{
    return ct_from_doubles(cx, CT_F32, CT_SHAPE(5, 3), CT_DOUBLES(3, 1, 2, 0, 0, 0, 1, 5, 2,
                                                                  2, 1, 9, -1, 0, 4));
}

static ct_tensor *labels(void)
{
    return ct_from_ints(cx, CT_SHAPE(5), CT_INTS(0, 2, 1, 0, 1));
}

START_TEST(top_k)
{
    /* ranks 0, 2, 0, 1, 1; of equal logits the first is the best, as in ct_argmax */
    const double want[] = { 0.4, 0.8, 1, 1 };
    for (int k = 1; k <= 4; k++)
        ck_assert_double_eq(ct_top_k_accuracy(logits(), labels(), k), want[k - 1]);
    ck_assert_double_eq(ct_top_k_accuracy(logits(), labels(), 1), ct_accuracy(logits(), labels()));
    ck_assert(isnan(ct_top_k_accuracy(logits(), labels(), 0)));
    expect_error(CT_ERROR_RANGE, "top_k_accuracy: k", NULL);
    ck_assert(isnan(ct_top_k_accuracy(logits(), NULL, 1)));
    expect_error(CT_ERROR_NULL, "top_k_accuracy", NULL);
    ck_assert(isnan(ct_top_k_accuracy(ct_zeros(cx, CT_F64, CT_SHAPE(0, 3)),
                                      ct_zeros(cx, CT_I64, CT_SHAPE(0)), 1)));
    ct_tensor *nan = ct_from_doubles(cx, CT_F64, CT_SHAPE(1, 3), CT_DOUBLES(0, NAN, NAN));
    for (int label = 0; label < 3; label++) /* NaN is the largest: ranks 2, 0, 1 */
        for (int k = 1; k <= 3; k++)
            ck_assert_double_eq(ct_top_k_accuracy(nan, ct_from_ints(cx, CT_SHAPE(1),
                                                                    CT_INTS(label)), k),
                                (label + 2) % 3 < k);
}
END_TEST

START_TEST(confusion)
{
    ct_tensor *m = ct_confusion_matrix(logits(), labels()), *precision, *recall, *f1;
    expect_values(m, CT_DOUBLES(1, 0, 1, 0, 1, 1, 1, 0, 0), 0);
    ck_assert_int_eq(ct_class_scores(m, &precision, &recall, &f1), CT_OK);
    expect_values(precision, CT_DOUBLES(0.5, 1, 0), 0);
    expect_values(recall, CT_DOUBLES(0.5, 0.5, 0), 0);
    expect_values(f1, CT_DOUBLES(0.5, 2.0 / 3, 0), 1e-15);
    ck_assert_int_eq(ct_class_scores(ct_transpose(m), &recall, NULL, NULL), CT_OK);
    expect_values(recall, CT_DOUBLES(0.5, 0.5, 0), 0); /* the precision of the transpose */
    ct_tensor *empty = ct_zeros(cx, CT_I64, CT_SHAPE(2, 2));
    ck_assert_int_eq(ct_class_scores(empty, &precision, NULL, &f1), CT_OK);
    expect_values(f1, CT_DOUBLES(0, 0), 0);
    ck_assert_int_eq(ct_class_scores(logits(), &precision, NULL, NULL), CT_ERROR_SHAPE);
    ck_assert_ptr_null(precision);
    expect_error(CT_ERROR_SHAPE, "class_scores", NULL);
    ck_assert_int_eq(ct_class_scores(NULL, &precision, NULL, NULL), CT_ERROR_NULL);
    ct_tensor *nan = ct_full(cx, CT_F64, CT_SHAPE(1, 3), NAN);
    m = ct_confusion_matrix(nan, ct_zeros(cx, CT_I64, CT_SHAPE(1)));
    expect_values(m, CT_DOUBLES(1, 0, 0, 0, 0, 0, 0, 0, 0), 0);
    ck_assert_int_eq(ct_class_scores(ct_zeros(cx, CT_I64, NULL, 0), NULL, NULL, NULL),
                     CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "class_scores: the matrix must be square", NULL);
}
END_TEST

/* pairs by hand, and all pairs of many with ties */
START_TEST(area_under_the_curve)
{
    ct_tensor *scores = ct_from_doubles(cx, CT_F64, CT_SHAPE(4), CT_DOUBLES(0.1, 0.4, 0.35, 0.8));
    ct_tensor *classes = ct_from_ints(cx, CT_SHAPE(4), CT_INTS(0, 0, 1, 1));
    ck_assert_double_eq(ct_auc(scores, classes), 0.75);
    enum { N = 60 };
    double x[N], right = 0, pairs = 0;
    int64_t y[N];
    for (int i = 0; i < N; i++)
        x[i] = floor(5 * sin(i)), y[i] = i * i % 7 < 3;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            if (y[i] && !y[j])
                pairs++, right += x[i] > x[j] ? 1 : x[i] == x[j] ? 0.5 : 0;
    ct_tensor *many = ct_from_doubles(cx, CT_F64, CT_SHAPE(N), x, N);
    ck_assert_double_eq_tol(ct_auc(many, ct_from_ints(cx, CT_SHAPE(N), y, N)), right / pairs, 1e-15);
    ck_assert(isnan(ct_auc(scores, ct_ones(cx, CT_I64, CT_SHAPE(4)))));
    expect_ok();
    ck_assert(isnan(ct_auc(ct_full(cx, CT_F64, CT_SHAPE(4), NAN), classes)));
    expect_error(CT_ERROR_VALUE, "auc", "NaN", NULL);
    ck_assert(isnan(ct_auc(scores, many)));
    expect_error(CT_ERROR_SHAPE, "auc", NULL);
    ck_assert(isnan(ct_auc(NULL, scores)));
    expect_error(CT_ERROR_NULL, "auc", NULL);
}
END_TEST

START_TEST(perplexity)
{
    ct_tensor *even = ct_variable(ct_zeros(cx, CT_F64, CT_SHAPE(5, 8)));
    ck_assert_double_eq_tol(ct_perplexity(even, labels()), 8, 1e-14);
    ck_assert(ct_is_recording(cx));
    ck_assert(isnan(ct_perplexity(even, NULL)));
    expect_error(CT_ERROR_NULL, "perplexity", NULL);
}
END_TEST

static void use_all(ct_context *c)
{
    ct_context *other = cx;
    cx = c;
    ct_tensor *x = logits(), *y = labels(), *f1;
    ct_top_k_accuracy(x, y, 2);
    ct_class_scores(ct_confusion_matrix(x, y), NULL, NULL, &f1);
    ct_auc(y, y);
    ct_perplexity(x, y);
    cx = other;
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *metrics_suite(void);
Suite *metrics_suite(void)
{
    const TTest *const tests[] = { top_k, confusion, area_under_the_curve, perplexity,
                                   out_of_memory, NULL };
    return make_suite("nn/metrics", tests);
}
