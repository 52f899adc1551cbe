/* nn/losses/loss.c: values by other formulas, gradients by differences, and logits of 1e4. */
#include "support.h"

/* -- What the losses should be, in plain C */
static double nll_of_softmax(const double *x, int n, int label)
{
    long double most = x[0], sum = 0;
    for (int i = 1; i < n; i++)
        most = fmaxl(most, x[i]);
    for (int i = 0; i < n; i++)
        sum += expl(x[i] - most);
    return (double)(logl(sum) + most - x[label]);
}

static double bernoulli(double x, double t)
{
    long double p = 1 / (1 + expl(-(long double)x)), q = 1 / (1 + expl((long double)x));
    return (double)(-t * logl(p) - (1 - t) * logl(q));
}

static ct_tensor *randn(ct_dtype dtype, int64_t rows, int64_t columns)
{
    return ct_randn(cx, dtype, CT_SHAPE(rows, columns));
}

/* -- Values */
START_TEST(squared_errors)
{
    ct_tensor *y = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(1, 2, 3, 4));
    ct_tensor *t = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(0, 2, 5, 1));
    ck_assert_double_eq(ct_item(ct_mse(y, t)), (1 + 0 + 4 + 9) / 4.0);
    ck_assert_double_eq(ct_item(ct_half_squared_error(y, t)), (1 + 0 + 4 + 9) / 2.0);
}
END_TEST

START_TEST(cross_entropy_values)
{
    ct_tensor *x = randn(CT_F64, 6, 4), *mean;
    ct_tensor *labels = ct_from_ints(cx, CT_SHAPE(6), CT_INTS(0, 3, 1, 2, 3, 0));
    double want[6], sum = 0;
    for (int i = 0; i < 6; i++) {
        want[i] = nll_of_softmax(ct_data_f64(x) + 4 * i, 4, (int)ct_data_i64(labels)[i]);
        sum += want[i];
    }
    expect_values(ct_cross_entropy_each(x, labels), want, 6, 1e-14);
    mean = ct_cross_entropy(x, labels);
    ck_assert_double_eq_tol(ct_item(mean), sum / 6, 1e-14);
    ck_assert_int_eq(ct_ndim(mean), 0);
    /* labels that lie apart in memory */
    ct_tensor *pairs = ct_from_ints(cx, CT_SHAPE(6, 2),
                                    CT_INTS(0, 9, 3, 9, 1, 9, 2, 9, 3, 9, 0, 9));
    expect_values(ct_cross_entropy_each(x, ct_select(pairs, 1, 0)), want, 6, 1e-14);
    ck_assert_double_eq(ct_accuracy(x, ct_select(pairs, 1, 0)), ct_accuracy(x, labels));
}
END_TEST

START_TEST(binary_cross_entropy_values)
{
    const double x[] = { -30, -3, -0.5, 0, 0.5, 3, 30, 2 };
    const double t[] = { 1, 0, 1, 0, 0.25, 1, 0, 0.5 };
    double want[8], sum = 0;
    for (int i = 0; i < 8; i++) {
        want[i] = bernoulli(x[i], t[i]);
        sum += want[i];
    }
    ct_tensor *logits = ct_from_doubles(cx, CT_F64, CT_SHAPE(8), x, 8);
    ct_tensor *targets = ct_from_doubles(cx, CT_F64, CT_SHAPE(8), t, 8);
    expect_values(ct_binary_cross_entropy_each(logits, targets), want, 8, 1e-14);
    ck_assert_double_eq_tol(ct_item(ct_binary_cross_entropy(logits, targets)), sum / 8, 1e-14);
    /* no cancellation: -log sigmoid(40) = e^-40 to every digit */
    ct_tensor *sure = ct_binary_cross_entropy(ct_scalar(cx, CT_F64, 40), ct_scalar(cx, CT_F64, 1));
    ck_assert_double_eq_tol(ct_item(sure) / exp(-40), 1, 1e-14);
}
END_TEST

START_TEST(gaussian_nll_values)
{
    const double m[] = { 0, 1, -2 }, s[] = { 0, 1, -1 }, t[] = { 0.5, -1, -2.25 };
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        double variance = exp(s[i]), d = t[i] - m[i];
        sum -= log(exp(-d * d / (2 * variance)) / sqrt(2 * acos(-1) * variance));
    }
    ct_tensor *mean = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), m, 3);
    ct_tensor *target = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), t, 3);
    ct_tensor *y = ct_gaussian_nll(mean, ct_from_doubles(cx, CT_F64, CT_SHAPE(3), s, 3), target);
    ck_assert_double_eq_tol(ct_item(y), sum / 3, 1e-14);
    y = ct_gaussian_nll(mean, ct_scalar(cx, CT_F64, 0), target); /* one variance for all */
    ck_assert_double_eq_tol(ct_item(y), (0.25 + 4 + 0.0625) / 6 + 0.5 * log(2 * acos(-1)), 1e-14);
}
END_TEST

START_TEST(penalty_leaves_biases_out)
{
    ct_module *net = ct_mlp_new(cx, CT_F64, CT_SIZES(2, 2, 1), CT_TANH,
                                &(ct_layer_options){ .bias_init = CT_LECUN_UNIFORM });
    double l1 = 0, l2 = 0;
    const char *const weights[] = { "0.weight", "2.weight" };
    for (int k = 0; k < 2; k++) {
        const ct_tensor *w = ct_module_parameter(net, weights[k]);
        for (int64_t i = 0; i < ct_count(w); i++) {
            l1 += fabs(ct_data_f64(w)[i]);
            l2 += ct_data_f64(w)[i] * ct_data_f64(w)[i];
        }
    }
    ck_assert_double_eq_tol(ct_item(ct_penalty(net, 0.3, 0)), 0.3 * l1, 1e-14);
    ck_assert_double_eq_tol(ct_item(ct_penalty(net, 0, 0.5)), 0.25 * l2, 1e-14);
    ck_assert_double_eq_tol(ct_item(ct_penalty(net, 1, 2)), l1 + l2, 1e-14);
    ck_assert_double_eq(ct_item(ct_penalty(net, 0, 0)), 0);
    ck_assert_int_eq(ct_dtype_of(ct_penalty(net, 0, 0)), CT_F64); /* so that it can be added */
    ct_backward(ct_penalty(net, 0, 1));
    ct_tensor *w = ct_module_parameter(net, "0.weight");
    ck_assert_double_eq(ct_max_difference(ct_gradient(w), ct_detach(w)), 0); /* lambda w */
    ck_assert_ptr_null(ct_gradient(ct_module_parameter(net, "0.bias")));
}
END_TEST

START_TEST(accuracy_counts_the_first_largest)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F32, CT_SHAPE(4, 2),
                                   CT_DOUBLES(1, 0, 0, 1, 2, 2, -1, -2));
    ct_memory before, after;
    ct_memory_stats(cx, &before);
    ck_assert_double_eq(ct_accuracy(x, ct_from_ints(cx, CT_SHAPE(4), CT_INTS(0, 1, 1, 0))), 0.75);
    ck_assert_double_eq(ct_accuracy(x, ct_from_ints(cx, CT_SHAPE(4), CT_INTS(1, 0, 1, 1))), 0);
    ck_assert(isnan(ct_accuracy(x, ct_from_ints(cx, CT_SHAPE(4), CT_INTS(0, 1, 2, 0)))));
    ct_memory_stats(cx, &after);
    ck_assert_int_eq(after.tensors - before.tensors, 3); /* the labels only */
    expect_error(CT_ERROR_RANGE, "accuracy", "label 2", NULL);
    ck_assert(isnan(ct_accuracy(NULL, NULL)));
}
END_TEST

/* -- Gradients */
typedef struct problem {
    ct_tensor *target;
    int loss;
} problem;

static ct_tensor *loss_of(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const problem *p = user;
    (void)c, (void)n;
    switch (p->loss) {
    case 0:
        return ct_mse(x[0], p->target);
    case 1:
        return ct_half_squared_error(x[0], p->target);
    case 2:
        return ct_cross_entropy(x[0], p->target);
    case 3:
        return ct_cross_entropy_each(x[0], p->target);
    case 4:
        return ct_binary_cross_entropy(x[0], p->target);
    case 5:
        return ct_binary_cross_entropy_each(x[0], p->target);
    default:
        return ct_gaussian_nll(x[0], x[1], p->target);
    }
}

START_TEST(gradients_agree_with_differences_to_second_order)
{
    ct_tensor *labels = ct_from_ints(cx, CT_SHAPE(5), CT_INTS(2, 0, 1, 1, 2));
    ct_tensor *share = ct_rand(cx, CT_F64, CT_SHAPE(5, 3)), *real = randn(CT_F64, 5, 3);
    ct_tensor *const targets[] = { real, real, labels, labels, share, share, real };
    ct_tensor *x[] = { ct_variable(randn(CT_F64, 5, 3)), ct_variable(randn(CT_F64, 5, 3)) };
    for (int loss = 0; loss < 7; loss++) {
        problem p = { targets[loss], loss };
        ct_gradcheck_report report;
        ct_verdict verdict = ct_gradcheck(cx, loss_of, &p, x, loss == 6 ? 2 : 1,
                                          &(ct_gradcheck_options){ .order = 2 }, &report);
        ck_assert_msg(verdict == CT_GRADCHECK_PASS, "loss %d: %s", loss,
                      ct_gradcheck_text(cx, &report));
    }
}
END_TEST

static void expect_finite_gradient(ct_tensor *loss, ct_tensor *x, const double *want, int n)
{
    ct_tensor *gx = NULL;
    ck_assert_int_eq(ct_grad(loss, NULL, &x, 1, 0, &gx), CT_OK);
    expect_values(gx, want, n, 1e-7);
}

START_TEST(logits_of_ten_thousand)
{
    const ct_dtype dtypes[] = { CT_F32, CT_F64 };
    for (int k = 0; k < 2; k++) {
        ct_tensor *x = ct_variable(ct_from_doubles(cx, dtypes[k], CT_SHAPE(2, 3),
                                                   CT_DOUBLES(1e4, -1e4, 0, 1e4, 1e4, -1e4)));
        ct_tensor *y = ct_cross_entropy_each(x, ct_from_ints(cx, CT_SHAPE(2), CT_INTS(1, 0)));
        expect_values(y, CT_DOUBLES(2e4, log(2)), 1e-7);
        expect_finite_gradient(ct_sum(y), x, CT_DOUBLES(1, -1, 0, -0.5, 0.5, 0));
        ct_tensor *z = ct_variable(ct_from_doubles(cx, dtypes[k], CT_SHAPE(5),
                                                   CT_DOUBLES(1e4, 1e4, -1e4, -1e4, 0)));
        ct_tensor *t = ct_from_doubles(cx, dtypes[k], CT_SHAPE(5), CT_DOUBLES(1, 0, 1, 0, 1));
        ct_tensor *each = ct_binary_cross_entropy_each(z, t);
        expect_values(each, CT_DOUBLES(0, 1e4, 1e4, 0, log(2)), 1e-7);
        expect_finite_gradient(ct_sum(each), z, CT_DOUBLES(0, 1, -1, 0, -0.5));
        ct_tensor *m = ct_variable(ct_from_doubles(cx, dtypes[k], CT_SHAPE(2),
                                                   CT_DOUBLES(1e4, -1e4)));
        ct_tensor *zero = ct_zeros(cx, dtypes[k], CT_SHAPE(2));
        ct_tensor *nll = ct_gaussian_nll(m, ct_scalar(cx, dtypes[k], 0), zero);
        ck_assert_double_eq_tol(ct_item(nll) / 5e7, 1, 1e-6);
        expect_finite_gradient(nll, m, CT_DOUBLES(5e3, -5e3));
    }
}
END_TEST

/* the loss, and its gradient by x, by kernels and by rules */
static void expect_limit(ct_tensor *loss, ct_tensor *x, double value, double slope)
{
    expect_values(loss, &value, 1, 0);
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        ct_tensor *gx = NULL;
        ck_assert_int_eq(ct_grad(loss, ct_variable(ct_ones_like(loss)), &x, 1, flags, &gx), CT_OK);
        expect_values(gx, &slope, 1, 0);
    }
}

START_TEST(limits_at_infinity)
{
    static const double binary[][4] = { /* logit, target, loss, gradient */
        { -INFINITY, 0, 0, 0 },         { INFINITY, 1, 0, 0 },
        { -INFINITY, 1, INFINITY, -1 }, { INFINITY, 0, INFINITY, 1 },
        { INFINITY, 0.25, INFINITY, 0.75 },
    };
    static const double gauss[][5] = { /* mean, log variance, loss, gradients; the target is 0 */
        { INFINITY, 0, INFINITY, INFINITY, -INFINITY },
        { -INFINITY, 0, INFINITY, -INFINITY, -INFINITY },
        { 2, INFINITY, INFINITY, 0, 0.5 },
        { 2, -INFINITY, INFINITY, INFINITY, -INFINITY },
    };
    for (ct_dtype dtype = CT_F32; dtype <= CT_F64; dtype++) {
        for (size_t i = 0; i < sizeof binary / sizeof *binary; i++) {
            ct_tensor *x = ct_variable(ct_scalar(cx, dtype, binary[i][0]));
            ct_tensor *t = ct_scalar(cx, dtype, binary[i][1]);
            expect_limit(ct_binary_cross_entropy(x, t), x, binary[i][2], binary[i][3]);
            expect_limit(ct_binary_cross_entropy_each(x, t), x, binary[i][2], binary[i][3]);
        }
        ct_tensor *zero = ct_scalar(cx, dtype, 0);
        for (size_t i = 0; i < sizeof gauss / sizeof *gauss; i++) {
            ct_tensor *m = ct_variable(ct_scalar(cx, dtype, gauss[i][0]));
            ct_tensor *s = ct_variable(ct_scalar(cx, dtype, gauss[i][1]));
            expect_limit(ct_gaussian_nll(m, s, zero), m, gauss[i][2], gauss[i][3]);
            expect_limit(ct_gaussian_nll(m, s, zero), s, gauss[i][2], gauss[i][4]);
        }
        ct_tensor *x = ct_variable(ct_scalar(cx, dtype, -INFINITY));
        expect_limit(ct_mse(x, zero), x, INFINITY, -INFINITY);
        expect_limit(ct_half_squared_error(x, zero), x, INFINITY, -INFINITY);
        ct_tensor *sure = ct_gaussian_nll(zero, x, zero);
        ck_assert_double_eq(ct_item(sure), -INFINITY);
    }
}
END_TEST

/* d2/dx2 = s(x) s(-x), in both tails, of either class */
START_TEST(second_derivative_of_binary_cross_entropy_keeps_its_digits)
{
    static const double at[] = { -80, -40, -1, 0, 1, 20, 40, 80 };
    for (size_t i = 0; i < 2 * sizeof at / sizeof *at; i++) {
        ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, at[i / 2])), *g, *h;
        ct_tensor *y = ct_binary_cross_entropy(x, ct_scalar(cx, CT_F64, (double)(i % 2)));
        ct_grad(y, NULL, &x, 1, CT_CREATE_GRAPH, &g);
        ck_assert_int_eq(ct_grad(g, NULL, &x, 1, 0, &h), CT_OK);
        double want = exp(-fabs(at[i / 2])) / pow(1 + exp(-fabs(at[i / 2])), 2);
        ck_assert_double_eq_tol(ct_item(h) / want, 1, 1e-14);
    }
}
END_TEST

/* -- Errors */
START_TEST(labels_out_of_range_are_named)
{
    ct_tensor *x = randn(CT_F32, 3, 10);
    ck_assert_ptr_null(ct_cross_entropy(x, ct_from_ints(cx, CT_SHAPE(3), CT_INTS(0, 10, 1))));
    expect_error(CT_ERROR_RANGE, "cross_entropy:", "label 10", "example 1", "10 classes", NULL);
    ck_assert_ptr_null(ct_cross_entropy_each(x, ct_from_ints(cx, CT_SHAPE(3), CT_INTS(0, 1, -1))));
    expect_error(CT_ERROR_RANGE, "cross_entropy_each:", "label -1", NULL);
}
END_TEST

START_TEST(shapes_that_do_not_fit_name_the_loss)
{
    ct_tensor *column = randn(CT_F64, 3, 1), *row = ct_randn(cx, CT_F64, CT_SHAPE(3));
    ck_assert_ptr_null(ct_mse(column, row));
    expect_error(CT_ERROR_SHAPE, "mse", "(3,1)", "(3)", NULL);
    ck_assert_ptr_null(ct_mse(row, ct_cast(row, CT_F32)));
    expect_error(CT_ERROR_DTYPE, "mse", "ct_cast", NULL);
    ck_assert_ptr_null(ct_half_squared_error(column, row));
    expect_error(CT_ERROR_SHAPE, "half_squared_error", "(3,1)", NULL);
    ck_assert_ptr_null(ct_binary_cross_entropy(column, row));
    expect_error(CT_ERROR_SHAPE, "binary_cross_entropy", "(3,1)", NULL);
    ck_assert_ptr_null(ct_gaussian_nll(column, column, row));
    expect_error(CT_ERROR_SHAPE, "gaussian_nll", NULL);
    ck_assert_ptr_null(ct_gaussian_nll(column, row, column));
    expect_error(CT_ERROR_SHAPE, "gaussian_nll", "log_variance", NULL);
    ct_tensor *labels = ct_from_ints(cx, CT_SHAPE(2), CT_INTS(0, 0));
    ck_assert_ptr_null(ct_cross_entropy(column, labels));
    expect_error(CT_ERROR_SHAPE, "cross_entropy", "(3,1)", "(2)", NULL);
    ck_assert_ptr_null(ct_cross_entropy(row, labels));
    expect_error(CT_ERROR_SHAPE, "cross_entropy", NULL);
}
END_TEST

START_TEST(values_that_do_not_fit_name_the_loss)
{
    ct_tensor *x = ct_ones(cx, CT_F64, CT_SHAPE(2));
    ck_assert_ptr_null(ct_binary_cross_entropy(x, ct_full(cx, CT_F64, CT_SHAPE(2), 1.5)));
    expect_error(CT_ERROR_RANGE, "binary_cross_entropy", "1.5", NULL);
    ck_assert_ptr_null(ct_binary_cross_entropy(x, ct_full(cx, CT_F64, CT_SHAPE(2), -0.5)));
    expect_error(CT_ERROR_RANGE, "binary_cross_entropy", "-0.5", NULL);
    ck_assert_ptr_null(ct_binary_cross_entropy(x, ct_full(cx, CT_F64, CT_SHAPE(2), NAN)));
    expect_error(CT_ERROR_RANGE, "binary_cross_entropy", NULL);
    ck_assert_ptr_null(ct_cross_entropy(randn(CT_F32, 2, 2), ct_ones(cx, CT_F32, CT_SHAPE(2))));
    expect_error(CT_ERROR_DTYPE, "cross_entropy", "i64", NULL);
    ct_module *net = ct_linear_new(cx, CT_F32, 1, 1, NULL);
    ck_assert_ptr_null(ct_penalty(net, -1, 0));
    expect_error(CT_ERROR_VALUE, "penalty", NULL);
    ck_assert_ptr_null(ct_penalty(net, 0, NAN));
    expect_error(CT_ERROR_VALUE, "penalty", NULL);
    ck_assert_ptr_null(ct_penalty(NULL, 1, 1));
}
END_TEST

START_TEST(nulls_name_the_loss)
{
    ct_tensor *x = randn(CT_F64, 2, 2);
    ck_assert_ptr_null(ct_mse(x, NULL));
    expect_error(CT_ERROR_NULL, "mse", NULL);
    ck_assert_ptr_null(ct_cross_entropy(NULL, ct_zeros(cx, CT_I64, CT_SHAPE(2))));
    expect_error(CT_ERROR_NULL, "cross_entropy", NULL);
    ck_assert_ptr_null(ct_binary_cross_entropy(NULL, x));
    expect_error(CT_ERROR_NULL, "binary_cross_entropy", NULL);
    ck_assert_ptr_null(ct_gaussian_nll(x, NULL, x));
    expect_error(CT_ERROR_NULL, "gaussian_nll", NULL);
    ct_context *other = ct_context_new(NULL);
    ck_assert_ptr_null(ct_cross_entropy(x, ct_zeros(other, CT_I64, CT_SHAPE(2))));
    expect_error(CT_ERROR_CONTEXT, "cross_entropy", NULL);
    ct_context_free(other);
}
END_TEST

Suite *loss_suite(void);
Suite *loss_suite(void)
{
    const TTest *const tests[] = {
        squared_errors,
        cross_entropy_values,
        binary_cross_entropy_values,
        gaussian_nll_values,
        penalty_leaves_biases_out,
        accuracy_counts_the_first_largest,
        gradients_agree_with_differences_to_second_order,
        logits_of_ten_thousand,
        limits_at_infinity,
        second_derivative_of_binary_cross_entropy_keeps_its_digits,
        labels_out_of_range_are_named,
        shapes_that_do_not_fit_name_the_loss,
        values_that_do_not_fit_name_the_loss,
        nulls_name_the_loss,
        NULL,
    };
    return make_suite("nn/loss", tests);
}
