/* autograd/graph/rows.c: the rows of a gradient that were touched, what puts them in doubt, and
 * gradients that are kept for the next walk; and plain SGD, which goes by rows. */
#include "support.h"

#include <cotangent/op.h>

enum { N = 40, D = 3 };

static ct_tensor *table(void)
{
    return ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(N, D)));
}

static ct_tensor *indices(int64_t a, int64_t b, int64_t c)
{
    return ct_from_ints(cx, CT_SHAPE(3), CT_INTS(a, b, c));
}

static ct_tensor *loss_of(ct_tensor *w, ct_tensor *index)
{
    return ct_sum(ct_square(ct_embedding(index, w)));
}

/* the gradient of the sum of w_i^2 over these rows, by a product with how often each is taken */
static ct_tensor *wanted(ct_tensor *w, ct_tensor *index)
{
    ct_tensor *often = ct_sum_over(ct_one_hot(index, N, CT_F64), CT_AXES(0), 0);
    return ct_detach(ct_scale(ct_mul(ct_unsqueeze(often, -1), w), 2));
}

static void expect_gradient(ct_tensor *w, ct_tensor *want)
{
    ck_assert(ct_gradient(w) != NULL);
    ck_assert(ct_max_difference(ct_gradient(w), want) < 1e-14);
    expect_ok();
}

static void expect_rows(const ct_tensor *g, const int64_t *rows, int n)
{
    ct_tensor *is = ct_touched_rows(g);
    ck_assert(is != NULL);
    ck_assert(ct_max_difference(is, ct_from_ints(cx, CT_SHAPE(n), rows, n)) == 0);
}

START_TEST(a_gradient_lists_its_rows)
{
    ct_tensor *w = table();
    ck_assert_int_eq(ct_backward(loss_of(w, indices(7, -1, 7))), CT_OK);
    expect_gradient(w, wanted(w, indices(7, 39, 7)));
    expect_rows(ct_gradient(w), CT_INTS(7, 39));
    ck_assert(ct_touched_rows(w) == NULL);
    ct_tensor *g;
    ck_assert_int_eq(ct_grad(loss_of(w, indices(1, 1, 1)), NULL, &w, 1, 0, &g), CT_OK);
    expect_rows(g, CT_INTS(1));
    ct_tensor *none = ct_embedding(ct_from_ints(cx, CT_SHAPE(0), NULL, 0), w);
    ck_assert_int_eq(ct_grad(ct_sum(none), NULL, &w, 1, 0, &g), CT_OK);
    expect_rows(g, NULL, 0);
    expect_ok();
}
END_TEST

/* the same memory again, which is zeros but for the rows of each walk */
START_TEST(a_zeroed_gradient_is_kept)
{
    ct_tensor *w = table();
    const void *data = NULL;
    for (int64_t step = 0; step < 5; step++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *index = indices(step, 2 * step, 38);
        ck_assert_int_eq(ct_backward(loss_of(w, index)), CT_OK);
        expect_gradient(w, wanted(w, index));
        ck_assert(ct_touched_rows(ct_gradient(w)) != NULL);
        ck_assert(!data || data == ct_data(ct_gradient(w)));
        data = ct_data(ct_gradient(w));
        ct_zero_grad(w);
        ck_assert(ct_gradient(w) == NULL);
        ct_scope_end(cx, scope);
    }
}
END_TEST

START_TEST(two_uses_are_one_list)
{
    ct_tensor *w = table(), *a = indices(3, 4, 5), *b = indices(5, 6, 5);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ct_backward(ct_add(loss_of(w, a), loss_of(w, b))), CT_OK);
        expect_gradient(w, ct_add(wanted(w, a), wanted(w, b)));
        ck_assert_int_eq(ct_count(ct_touched_rows(ct_gradient(w))), 4);
        ct_zero_grad(w);
    }
}
END_TEST

/* -- In doubt there is no list */
START_TEST(more_than_few_rows_are_all)
{
    ct_tensor *w = table(), *many = ct_range(cx, CT_I64, N / 4 + 1);
    ck_assert_int_eq(ct_backward(loss_of(w, many)), CT_OK);
    expect_gradient(w, wanted(w, many));
    ck_assert(!ct_touched_rows(ct_gradient(w)));
    ct_zero_grad(w);
    ck_assert_int_eq(ct_backward(loss_of(w, indices(1, 2, 3))), CT_OK);
    ct_zero_grad(w);
    ck_assert_int_eq(ct_backward(loss_of(w, many)), CT_OK); /* into what was kept */
    expect_gradient(w, wanted(w, many));
    ck_assert(!ct_touched_rows(ct_gradient(w)));
}
END_TEST

START_TEST(two_walks_are_in_doubt)
{
    ct_tensor *w = table(), *a = indices(3, 4, 5), *b = indices(5, 6, 5);
    for (int i = 0; i < 2; i++) {
        ct_backward(loss_of(w, a));
        ct_backward(loss_of(w, b));
        expect_gradient(w, ct_add(wanted(w, a), wanted(w, b)));
        ck_assert(!ct_touched_rows(ct_gradient(w)));
        ct_zero_grad(w);
    }
}
END_TEST

/* a use of the whole table whose gradient a kernel adds, or one that the engine adds */
static ct_tensor *whole_of(ct_tensor *w, bool by_kernel)
{
    ct_tensor *ones = ct_ones(cx, CT_F64, CT_SHAPE(D, 1));
    return ct_sum(ct_square(by_kernel ? ct_matmul(w, ones) : ct_flip(w, CT_AXES(0))));
}

/* the same table as rows and as a whole, in both orders, and with a gradient that was kept */
START_TEST(other_uses_are_in_doubt)
{
    ct_tensor *w = table(), *a = indices(3, 4, 5);
    for (int i = 0; i < 8; i++) {
        ct_tensor *whole = whole_of(w, i < 4), *want;
        ct_grad(whole, NULL, &w, 1, 0, &want);
        want = ct_add(want, wanted(w, a));
        if (i % 4 > 1) {
            ct_backward(loss_of(w, indices(1, 2, 3)));
            ct_zero_grad(w);
        }
        ct_backward(i % 2 ? ct_add(loss_of(w, a), whole) : ct_add(whole, loss_of(w, a)));
        expect_gradient(w, want);
        ck_assert(!ct_touched_rows(ct_gradient(w)));
        ct_zero_grad(w);
        ct_backward(loss_of(ct_scale(w, 1), a)); /* rows of what is no variable */
        expect_gradient(w, wanted(w, a));
        ck_assert(!ct_touched_rows(ct_gradient(w)));
        ct_zero_grad(w);
    }
}
END_TEST

START_TEST(a_write_is_in_doubt)
{
    ct_tensor *w = table(), *a = indices(3, 4, 5);
    for (int kind = 0; kind < 3; kind++) {
        ct_backward(loss_of(w, a));
        ct_tensor *g = ct_gradient(w);
        if (kind == 0)
            ct_fill(g, 1);
        if (kind < 2) /* it is retained: nobody may clear it */
            ct_retain(g);
        ct_zero_grad(w);
        if (kind == 2)
            ct_fill(g, 1); /* through a handle that has ended */
        ct_error_clear(cx);
        ct_backward(loss_of(w, a));
        expect_gradient(w, wanted(w, a));
        if (kind == 1)
            ck_assert(ct_max_difference(g, wanted(w, a)) < 1e-14);
        ct_zero_grad(w);
        if (kind < 2)
            ct_release(g);
    }
}
END_TEST

static ct_tensor *refuse(ct_tensor *gy, void *user)
{
    (void)gy, (void)user;
    return NULL;
}

/* a walk that fails after it wrote into what was kept; derivatives of second order; no variable */
START_TEST(what_was_kept_stays_zeros)
{
    ct_tensor *w = table(), *a = indices(3, 4, 5), *g, *x = ct_variable(ct_ones(cx, CT_F64, NULL, 0));
    ct_backward(loss_of(w, a));
    ct_zero_grad(w);
    ct_tensor *y = ct_mul(loss_of(w, indices(8, 9, 9)), ct_scale(x, 1));
    ct_on_cotangent(w, refuse, NULL);
    ck_assert_int_ne(ct_backward(y), CT_OK);
    ct_error_clear(cx);
    ct_tensor *other = table();
    ct_backward(loss_of(other, a));
    ct_zero_grad(other);
    ck_assert_int_eq(ct_grad(loss_of(other, a), NULL, &other, 1, CT_CREATE_GRAPH, &g), CT_OK);
    ck_assert_int_eq(ct_backward(ct_sum(g)), CT_OK);
    ck_assert_double_eq_tol(ct_item(ct_sum(ct_gradient(other))), 2 * 3 * D, 1e-12);
    ct_zero_grad(other);
    ct_constant(other);
    ct_variable(other);
    ck_assert_int_eq(ct_backward(loss_of(other, a)), CT_OK);
    expect_gradient(other, wanted(other, a));
}
END_TEST

/* -- Updates */
START_TEST(plain_sgd_goes_by_rows)
{
    for (int kind = 0; kind < 3; kind++) { /* plain, with momentum, with decay */
        ct_tensor *w = table(), *a = indices(3, -2, 3);
        ct_set(ct_detach(w), CT_INDEX(20, 0), INFINITY); /* by 0 times it, a pass makes NaN */
        ct_tensor *before = ct_add(ct_detach(w), ct_zeros(cx, CT_F64, NULL, 0));
        ct_optimizer *o = ct_sgd_new(&w, 1, 0.1, &(ct_sgd_options){
            .momentum = kind == 1 ? 0.5 : 0, .weight_decay = kind == 2 ? 0.01 : 0 });
        ck_assert_int_eq(ct_backward(loss_of(w, a)), CT_OK);
        ct_tensor *g = ct_add(ct_gradient(w), ct_zeros(cx, CT_F64, NULL, 0));
        ck_assert_int_eq(ct_optimizer_step(o), CT_OK);
        ck_assert_int_eq(isnan(ct_at(w, CT_INDEX(20, 0))), kind > 0);
        ct_tensor *want = ct_sub(before, ct_scale(g, 0.1));
        if (kind == 0)
            ck_assert(ct_max_difference(ct_slice(ct_detach(w), 0, 0, 20, 1),
                                        ct_slice(want, 0, 0, 20, 1)) < 1e-15 &&
                      ct_max_difference(ct_slice(ct_detach(w), 0, 21, CT_END, 1),
                                        ct_slice(want, 0, 21, CT_END, 1)) < 1e-15);
        ck_assert(ct_gradient(w) == NULL);
        expect_ok();
    }
}
END_TEST

/* rows or not, many steps are the same */
START_TEST(a_run_is_that_without_lists)
{
    ct_tensor *w[2] = { table(), NULL };
    w[1] = ct_variable(ct_add(ct_detach(w[0]), ct_zeros(cx, CT_F64, NULL, 0)));
    ct_optimizer *o[] = { ct_sgd_new(&w[0], 1, 0.1, NULL), ct_sgd_new(&w[1], 1, 0.1, NULL) };
    for (int step = 0; step < 20; step++)
        for (int i = 0; i < 2; i++) {
            ct_scope scope = ct_scope_begin(cx);
            ct_backward(loss_of(w[i], indices(step % 7, step * 3 % 11, 39 - step)));
            if (i == 1)
                ct_data_mutable(ct_gradient(w[i]));
            ck_assert_int_eq(ct_touched_rows(ct_gradient(w[i])) != NULL, i == 0);
            ck_assert_int_eq(ct_optimizer_step(o[i]), CT_OK);
            ct_scope_end(cx, scope);
        }
    ck_assert(ct_max_difference(w[0], w[1]) == 0);
}
END_TEST

static void use(ct_context *c)
{
    ct_tensor *w = ct_variable(ct_ones(c, CT_F32, CT_SHAPE(N, D)));
    ct_tensor *index = ct_from_ints(c, CT_SHAPE(2), CT_INTS(3, 3));
    ct_optimizer *o = ct_sgd_new(&w, 1, 0.25, NULL);
    for (int step = 0; o && index && step < 2; step++)
        if (ct_backward(ct_sum(ct_embedding(index, w))) == CT_OK)
            ct_optimizer_step(o);
    if (ct_error(c) == CT_OK)
        ck_assert(ct_at(w, CT_INDEX(3, 0)) == 0);
}

START_TEST(every_allocation_may_fail)
{
    for_each_failing_allocation(use);
}
END_TEST

Suite *rows_suite(void)
{
    return make_suite("rows", (const TTest *const[]){
        a_gradient_lists_its_rows, a_zeroed_gradient_is_kept, two_uses_are_one_list,
        more_than_few_rows_are_all, two_walks_are_in_doubt, other_uses_are_in_doubt,
        a_write_is_in_doubt, what_was_kept_stays_zeros, plain_sgd_goes_by_rows,
        a_run_is_that_without_lists, every_allocation_may_fail, NULL });
}
