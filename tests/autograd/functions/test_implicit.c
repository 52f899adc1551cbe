/* ct_fixed_point and ct_root: derivatives of solutions, against closed forms and differences. */
#include "support.h"

typedef struct layer {
    ct_tensor *w; /* captured */
    int runs;
} layer;

/* x = tanh(w x) / 2 + b, a contraction */
static ct_tensor *step(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    layer *l = user;
    (void)c, (void)n;
    l->runs++;
    return ct_add(ct_scale(ct_tanh(ct_matmul(l->w, x[0])), 0.5), x[1]);
}

/* the same as a root, with an invertible Jacobian that is no contraction */
static ct_tensor *residual(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    return ct_scale(ct_sub(step(c, x, n, user), x[0]), 3);
}

static ct_tensor *iterate(ct_context *c, ct_tensor *b, layer *l)
{
    ct_scope scope = ct_scope_begin(c);
    ct_no_grad(c);
    ct_tensor *x = ct_zeros_like(b);
    for (int i = 0; i < 200; i++)
        x = step(c, CT_TENSORS(x, b), l);
    return ct_scope_return(c, scope, x);
}

static ct_tensor *solved(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    layer *l = user;
    (void)n;
    l->w = x[1];
    ct_tensor *y = iterate(c, x[0], l);
    y = l->runs < 0 ? ct_root(c, residual, l, y, x, 1) : ct_fixed_point(c, step, l, y, x, 1);
    return ct_sum(ct_power(y, 3));
}

START_TEST(to_second_order)
{
    ct_tensor *x[] = { ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(0.3, -0.2, 0.9)),
                       ct_scale(ct_randn(cx, CT_F64, CT_SHAPE(3, 3)), 0.5) };
    for (int root = 0; root < 2; root++) {
        layer l = { .runs = root ? -1000000000 : 0 };
        ct_gradcheck_report report;
        ct_verdict verdict = ct_gradcheck(cx, solved, &l, x, 2,
                                          &(ct_gradcheck_options){ .order = 2 }, &report);
        ck_assert_msg(verdict == CT_GRADCHECK_PASS, "%s", ct_gradcheck_text(cx, &report));
    }
}
END_TEST

/* x = sqrt w: x^2 - w = 0; derivatives of sqrt */
static ct_tensor *square_less(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_sub(ct_square(x[0]), x[1]);
}

START_TEST(any_order)
{
    ct_tensor *w = ct_variable(ct_scalar(cx, CT_F64, 4)), *x = ct_scalar(cx, CT_F64, 2);
    ct_tensor *y = ct_root(cx, square_less, NULL, x, &w, 1);
    const double want[] = { 2, 1. / 4, -1. / 32, 3. / 256, -15. / 2048 };
    for (int i = 0; i < 5; i++) {
        ck_assert_double_eq_tol(ct_item(y), want[i], 1e-13);
        if (i < 4)
            ck_assert_int_eq(ct_grad(y, NULL, &w, 1, CT_CREATE_GRAPH, &y), CT_OK);
    }
    ck_assert_double_eq(ct_item(ct_tangent(ct_root(cx, square_less, NULL, x, &w, 1), &w, &x, 1, 0)),
                        0.5);
    ct_tensor *w32 = ct_variable(ct_scalar(cx, CT_F32, 4)), *g;
    y = ct_root(cx, square_less, NULL, ct_scalar(cx, CT_F32, 2), &w32, 1);
    ck_assert_int_eq(ct_grad(y, NULL, &w32, 1, 0, &g), CT_OK);
    ck_assert_double_eq_tol(ct_item(g), 0.25, 1e-6);
}
END_TEST

/* a system that is larger than a cycle of GMRES, and far from the identity */
static ct_tensor *diagonal(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    return ct_sub(ct_mul(x[0], (ct_tensor *)user), x[1]);
}

START_TEST(a_large_system)
{
    enum { N = 100 };
    ct_tensor *d = ct_linspace(cx, CT_F64, 1, 20, N), *one = ct_ones_like(d), *g;
    ct_tensor *w = ct_variable(ct_linspace(cx, CT_F64, 1, 2, N));
    ct_tensor *y = ct_root(cx, diagonal, d, ct_div(w, d), &w, 1);
    ck_assert_int_eq(ct_grad(y, one, &w, 1, 0, &g), CT_OK);
    ck_assert_double_le(ct_max_difference(g, ct_div(one, d)), 1e-12);
}
END_TEST

START_TEST(failures)
{
    ct_tensor *w = ct_variable(ct_scalar(cx, CT_F64, 0)), *x = ct_scalar(cx, CT_F64, 0), *g;
    ct_tensor *y = ct_root(cx, square_less, NULL, x, &w, 1);
    ck_assert_int_eq(ct_grad(y, NULL, &w, 1, 0, &g), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "root: backward cannot solve", "singular", NULL);
    ck_assert_ptr_null(ct_root(cx, square_less, NULL, NULL, &w, 1));
    expect_error(CT_ERROR_NULL, "root: x is NULL", NULL);
    ck_assert_ptr_null(ct_fixed_point(cx, NULL, NULL, x, &w, 1));
    expect_error(CT_ERROR_NULL, "fixed_point: the function", NULL);
    w = ct_ones(cx, CT_F64, CT_SHAPE(2));
    ck_assert_ptr_null(ct_fixed_point(cx, square_less, NULL, x, &w, 1));
    expect_error(CT_ERROR_SHAPE, "fixed_point: the function must give f64 (), as x is",
                 "f64 (2)", NULL);
    ck_assert_ptr_null(ct_root(cx, square_less, NULL, ct_scalar(cx, CT_I64, 1), &w, 1));
    expect_error(CT_ERROR_DTYPE, "root: x must be", NULL);
    ct_no_grad(cx);
    ck_assert(!ct_requires_grad(ct_root(cx, square_less, NULL, x, &w, 1)));
}
END_TEST

static void both_orders(ct_context *c)
{
    ct_tensor *w = ct_variable(ct_scalar(c, CT_F64, 4)), *x = ct_scalar(c, CT_F64, 2), *g;
    ct_tensor *y = ct_root(c, square_less, NULL, x, &w, 1);
    if (y && ct_grad(y, NULL, &w, 1, CT_CREATE_GRAPH, &g) == CT_OK)
        ct_grad(g, NULL, &w, 1, 0, &g);
}

START_TEST(every_allocation_fails_once)
{
    for_each_failing_allocation(both_orders);
}
END_TEST

Suite *implicit_suite(void);
Suite *implicit_suite(void)
{
    return make_suite("autograd/implicit", (const TTest *[]){
        to_second_order, any_order, a_large_system, failures, every_allocation_fails_once, NULL });
}
