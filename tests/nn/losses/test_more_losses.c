/* nn/losses/classes.c and distances.c against PyTorch (tests/nn/torch/losses.py), and by the checker
 * to second order. */
#include "torch/figures.h"

enum { MOST = 3 }; /* inputs */

/* the inputs of losses.py */
static ct_tensor *input(int k, int64_t rows, int64_t columns)
{
    double x[96];
    for (int i = 0; i < rows * columns; i++)
        x[i] = 2 * sin(1.3 * i + k);
    return ct_from_doubles(cx, CT_F64, CT_SHAPE(rows, columns), x, rows * columns);
}

static ct_tensor *labels(void)
{
    return ct_from_ints(cx, CT_SHAPE(5), CT_INTS(2, 0, 1, 2, 1));
}

static ct_tensor *some(void)
{
    return ct_from_ints(cx, CT_SHAPE(5), CT_INTS(2, -100, 1, -100, 0));
}

static ct_tensor *weights(void)
{
    return ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(0.5, 2, 1.25));
}

static ct_tensor *sides(void)
{
    return ct_from_doubles(cx, CT_F64, CT_SHAPE(4), CT_DOUBLES(1, -1, -1, 1));
}

static ct_tensor *loss_of(int kind, ct_tensor *const *x)
{
    const ct_class_options smooth = { .smoothing = 0.2 }, weighted = { .weights = weights() };
    const ct_class_options ignored = { .ignore = true, .ignored = -100 };
    const ct_class_options all = { .smoothing = 0.3, .weights = weights(), .ignore = true,
                                   .ignored = -100 };
    const ct_class_options both = { .weights = weights(), .ignore = true, .ignored = -100 };
    switch (kind) {
    case 0:
        return ct_class_loss(x[0], labels(), NULL);
    case 1:
        return ct_class_loss(x[0], labels(), &smooth);
    case 2:
        return ct_class_loss(x[0], labels(), &weighted);
    case 3:
        return ct_class_loss(x[0], some(), &ignored);
    case 4:
        return ct_class_loss(x[0], some(), &all);
    case 5:
        return ct_nll(x[0], some(), &both);
    case 6:
        return ct_huber(x[0], x[1], 0.7);
    case 7:
        return ct_smooth_l1(x[0], x[1], 0.7);
    case 8:
        return ct_smooth_l1(x[0], x[1], 0);
    case 9:
        return ct_kl_divergence(ct_log_softmax(x[0], 1), ct_softmax(input(1, 4, 3), 1));
    case 10:
        return ct_poisson_nll(x[0], ct_abs(input(1, 4, 3)));
    case 11:
        return ct_cosine_loss(x[0], x[1], sides(), 0.1);
    case 12:
        return ct_triplet(x[0], x[1], x[2], 2);
    default:
        return ct_hinge(x[0], ct_contiguous(ct_expand(ct_unsqueeze(sides(), 1), CT_SHAPE(4, 3))));
    }
}

static const struct {
    const char *name;
    int inputs;
} all[] = {
    { "class_loss", 1 }, { "class_loss_smoothed", 1 }, { "class_loss_weighted", 1 },
    { "class_loss_ignored", 1 }, { "class_loss_all", 1 }, { "nll", 1 }, { "huber", 2 },
    { "smooth_l1", 2 }, { "smooth_l1_0", 2 }, { "kl", 1 }, { "poisson", 1 }, { "cosine", 2 },
    { "triplet", 3 }, { "hinge", 1 },
};
enum { LOSSES = sizeof all / sizeof *all };

static int64_t rows_of(int kind)
{
    return kind < 6 ? 5 : 4;
}

START_TEST(values_and_gradients_are_those_of_pytorch)
{
    for (int kind = 0; kind < LOSSES; kind++) {
        ct_tensor *x[MOST] = { NULL };
        int64_t n = rows_of(kind) * 3;
        for (int i = 0; i < all[kind].inputs; i++)
            x[i] = ct_variable(input(i, rows_of(kind), 3));
        double want[64];
        figures("losses.txt", all[kind].name, want, (int)(1 + n * all[kind].inputs));
        ct_tensor *loss = loss_of(kind, x);
        ck_assert_msg(loss != NULL, "%s: %s", all[kind].name, ct_error_text(cx));
        ck_assert_msg(fabs(ct_item(loss) - want[0]) < 1e-10, "%s: %.14g, not %.14g",
                      all[kind].name, ct_item(loss), want[0]);
        ck_assert_int_eq(ct_backward(loss), CT_OK);
        for (int i = 0; i < all[kind].inputs; i++) {
            ck_assert_msg(ct_gradient(x[i]) != NULL, "%s: no gradient %d", all[kind].name, i);
            expect_values(ct_gradient(x[i]), want + 1 + i * n, (int)n, 1e-10);
        }
    }
}
END_TEST

static int checked_kind;

static ct_tensor *checked(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return loss_of(checked_kind, x);
}

START_TEST(the_checker_agrees)
{
    for (checked_kind = 0; checked_kind < LOSSES; checked_kind++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *x[MOST] = { NULL };
        for (int i = 0; i < all[checked_kind].inputs; i++)
            x[i] = input(i, rows_of(checked_kind), 3);
        ct_gradcheck_report report;
        ct_verdict verdict = ct_gradcheck(cx, checked, NULL, x, all[checked_kind].inputs, NULL,
                                          &report);
        ck_assert_msg(verdict == CT_GRADCHECK_PASS, "%s: %s", all[checked_kind].name,
                      ct_verdict_text(verdict));
        ct_scope_end(cx, scope);
    }
}
END_TEST

static ct_tensor *ctc_of(ct_tensor *x)
{
    ct_tensor *sequences = ct_from_ints(cx, CT_SHAPE(3, 3), CT_INTS(1, 2, 2, 3, 1, 1, 0, 0, 0));
    ct_tensor *steps = ct_from_ints(cx, CT_SHAPE(3), CT_INTS(7, 5, 4));
    ct_tensor *counts = ct_from_ints(cx, CT_SHAPE(3), CT_INTS(3, 2, 0));
    return ct_ctc(ct_log_softmax(x, 2), sequences, steps, counts, 0);
}

static ct_tensor *checked_ctc(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ctc_of(x[0]);
}

START_TEST(ctc_is_that_of_pytorch)
{
    double want[85];
    figures("losses.txt", "ctc", want, 85);
    ct_tensor *x = ct_variable(ct_reshape(input(0, 21, 4), CT_SHAPE(7, 3, 4)));
    ct_tensor *loss = ctc_of(x);
    expect_values(loss, want, 1, 1e-10);
    ck_assert_int_eq(ct_backward(loss), CT_OK);
    expect_values(ct_gradient(x), want + 1, 84, 1e-10);
    ct_tensor *plain = ct_reshape(input(0, 21, 4), CT_SHAPE(7, 3, 4));
    ck_assert_int_eq(ct_gradcheck(cx, checked_ctc, NULL, &plain, 1, NULL, NULL), CT_GRADCHECK_PASS);
}
END_TEST

START_TEST(ctc_errors)
{
    ct_tensor *p = ct_zeros(cx, CT_F64, CT_SHAPE(2, 1, 3)), *one = ct_ones(cx, CT_I64, CT_SHAPE(1));
    ct_tensor *label = ct_ones(cx, CT_I64, CT_SHAPE(1, 1)), *three = ct_add(one, ct_add(one, one));
    ck_assert_ptr_null(ct_ctc(p, label, three, one, 0));
    expect_error(CT_ERROR_RANGE, "ctc: sequence 0 has 3 steps", NULL);
    ck_assert_ptr_null(ct_ctc(p, label, one, three, 0));
    expect_error(CT_ERROR_RANGE, "ctc: sequence 0 has 1 steps and 3 labels", NULL);
    ck_assert_ptr_null(ct_ctc(p, label, one, one, 1));
    expect_error(CT_ERROR_RANGE, "ctc: label 0 of sequence 0", "not the blank, got 1", NULL);
    ck_assert_ptr_null(ct_ctc(p, label, one, one, 3));
    expect_error(CT_ERROR_RANGE, "ctc: the blank", NULL);
    ck_assert_ptr_null(ct_ctc(p, one, one, one, 0));
    expect_error(CT_ERROR_SHAPE, "ctc: the shapes", NULL);
    ck_assert_ptr_null(ct_ctc(p, label, one, NULL, 0));
    expect_error(CT_ERROR_NULL, "ctc", NULL);
    ct_tensor *none = ct_zeros(cx, CT_I64, CT_SHAPE(1, 0)); /* of no labels there is one alignment */
    ct_tensor *two = ct_add(one, one), *zero = ct_zeros(cx, CT_I64, CT_SHAPE(1));
    ck_assert_double_eq_tol(ct_item(ct_ctc(ct_log_softmax(p, 2), none, two, zero, 0)), 2 * log(3),
                            1e-14);
}
END_TEST

START_TEST(extremes)
{
    ct_tensor *far = ct_variable(ct_full(cx, CT_F64, CT_SHAPE(1), 1e200));
    ct_tensor *zero = ct_zeros(cx, CT_F64, CT_SHAPE(1));
    ct_tensor *loss = ct_huber(far, zero, 2);
    ck_assert_double_eq_tol(ct_item(loss) / 2e200, 1, 1e-14); /* its square would be infinite */
    ct_backward(loss);
    expect_values(ct_gradient(far), CT_DOUBLES(2), 0);
    ct_tensor *log_q = ct_from_doubles(cx, CT_F64, CT_SHAPE(1, 2), CT_DOUBLES(0, -INFINITY));
    ct_tensor *t = ct_from_doubles(cx, CT_F64, CT_SHAPE(1, 2), CT_DOUBLES(1, 0));
    ck_assert_double_eq(ct_item(ct_kl_divergence(log_q, t)), 0);
    ct_tensor *at = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(1, 2)));
    ct_tensor *same = ct_ones(cx, CT_F64, CT_SHAPE(1, 2));
    ct_backward(ct_triplet(at, same, ct_zeros(cx, CT_F64, CT_SHAPE(1, 2)), 2));
    expect_values(ct_gradient(at), CT_DOUBLES(-sqrt(0.5), -sqrt(0.5)), 1e-15); /* no NaN of |0| */
    ct_tensor *logits = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(1e4, -1e4, 3, 1));
    ct_tensor *hidden = ct_from_ints(cx, CT_SHAPE(2), CT_INTS(1, 1));
    const ct_class_options one = { .weights = ct_from_doubles(cx, CT_F64, CT_SHAPE(2),
                                                              CT_DOUBLES(1, 0)) };
    ck_assert(isnan(ct_item(ct_class_loss(logits, hidden, &one)))); /* no example counts */
}
END_TEST

START_TEST(operands_that_do_not_fit)
{
    ct_tensor *x = input(0, 5, 3), *y = input(0, 4, 3), *out;
    const ct_class_options wrong[] = {
        { .smoothing = -0.1 }, { .smoothing = 1.1 }, { .smoothing = NAN },
        { .weights = sides() }, { .weights = ct_cast(weights(), CT_F32) }, { .reserved = { 1 } },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        out = ct_class_loss(x, labels(), &wrong[i]);
        ck_assert_ptr_null(out);
        ck_assert_msg(strncmp(ct_error_text(cx), "class_loss: ", 12) == 0, "%s", ct_error_text(cx));
        ct_error_clear(cx);
    }
    ck_assert_ptr_null(ct_class_loss(x, some(), NULL));
    expect_error(CT_ERROR_RANGE, "class_loss: labels: element (1) is -100", NULL);
    ck_assert_ptr_null(ct_nll(x, sides(), NULL));
    expect_error(CT_ERROR_DTYPE, "nll: labels", NULL);
    ck_assert_ptr_null(ct_huber(x, y, 1));
    expect_error(CT_ERROR_SHAPE, "huber", NULL);
    const double bad[] = { 0, -1, NAN, INFINITY };
    for (int i = 0; i < 4; i++) {
        ck_assert_ptr_null(ct_huber(x, x, bad[i]));
        expect_error(CT_ERROR_VALUE, "huber: delta must be positive", NULL);
        ck_assert(i == 0 || !ct_smooth_l1(x, x, bad[i]));
        ct_error_clear(cx);
    }
    ck_assert_ptr_null(ct_cosine_loss(y, y, labels(), 0));
    expect_error(CT_ERROR_SHAPE, "cosine_loss", NULL);
    ck_assert_ptr_null(ct_cosine_loss(y, y, NULL, 0));
    expect_error(CT_ERROR_NULL, "cosine_loss", NULL);
    ck_assert_ptr_null(ct_triplet(y, y, x, 1));
    expect_error(CT_ERROR_SHAPE, "triplet", NULL);
    ct_tensor *single = ct_scalar(cx, CT_F64, 1);
    ck_assert_ptr_null(ct_triplet(single, single, single, 1));
    expect_error(CT_ERROR_SHAPE, "triplet: there must be an axis of features", NULL);
    ck_assert_ptr_null(ct_hinge(x, NULL));
    expect_error(CT_ERROR_NULL, "hinge", NULL);
    ck_assert_ptr_null(ct_poisson_nll(x, ct_cast(x, CT_F32)));
    expect_error(CT_ERROR_DTYPE, "poisson_nll", NULL);
    ck_assert_ptr_null(ct_kl_divergence(ct_scalar(cx, CT_F64, 1), ct_scalar(cx, CT_F64, 1)));
    expect_error(CT_ERROR_SHAPE, "kl_divergence", NULL);
}
END_TEST

static void use_all(ct_context *c)
{
    ct_context *other = cx;
    cx = c;
    ct_tensor *x[MOST];
    for (int i = 0; i < MOST; i++)
        x[i] = ct_variable(input(i, 5, 3));
    ct_backward(loss_of(4, x));
    ctc_of(ct_ones(c, CT_F64, CT_SHAPE(7, 3, 4)));
    cx = other;
}

START_TEST(out_of_memory)
{
    for_each_failing_allocation(use_all);
}
END_TEST

Suite *more_losses_suite(void);
Suite *more_losses_suite(void)
{
    const TTest *const tests[] = {
        values_and_gradients_are_those_of_pytorch, the_checker_agrees, ctc_is_that_of_pytorch,
        ctc_errors, extremes, operands_that_do_not_fit, out_of_memory, NULL };
    return make_suite("nn/more_losses", tests);
}
