/* NULL anywhere: nothing happens, and where a context can be reached, it says what was NULL. */
#include "support.h"

static ct_tensor *identity(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return x[0];
}

static ct_tensor *pass(ct_tensor *gy, void *user)
{
    (void)user;
    return gy;
}

START_TEST(no_context_to_make_in)
{
    double one = 1;
    ct_tensor *x = ct_scalar(cx, CT_F64, 1), *out = x;
    ck_assert_ptr_null(ct_scalar(NULL, CT_F64, 1));
    ck_assert_ptr_null(ct_ones(NULL, CT_F64, CT_SHAPE(1)));
    ck_assert_ptr_null(ct_full(NULL, CT_F64, CT_SHAPE(1), 1));
    ck_assert_ptr_null(ct_empty(NULL, CT_F64, CT_SHAPE(1)));
    ck_assert_ptr_null(ct_eye(NULL, CT_F64, 1));
    ck_assert_ptr_null(ct_range(NULL, CT_F64, 1));
    ck_assert_ptr_null(ct_linspace(NULL, CT_F64, 0, 1, 2));
    ck_assert_ptr_null(ct_randn(NULL, CT_F64, CT_SHAPE(1)));
    ck_assert_ptr_null(ct_randint(NULL, 0, 1, CT_SHAPE(1)));
    ck_assert_ptr_null(ct_randperm(NULL, 1));
    ck_assert_ptr_null(ct_from_ints(NULL, NULL, 0, CT_INTS(1)));
    ck_assert_ptr_null(ct_from_memory(NULL, CT_F64, NULL, 0, &one));
    ck_assert_ptr_null(ct_borrow(NULL, CT_F64, NULL, 0, &one, NULL));
    ck_assert_ptr_null(ct_borrow_const(NULL, CT_F64, NULL, 0, &one));
    ck_assert_ptr_null(ct_share(NULL, x));
    ck_assert_ptr_null(ct_share(cx, NULL));
    expect_error(CT_ERROR_NULL, "share", NULL);
    ck_assert_ptr_null(ct_jacobian(NULL, identity, NULL, x));
    ck_assert_ptr_null(ct_hessian(NULL, identity, NULL, x));
    ck_assert_int_eq(ct_vjp(NULL, identity, NULL, &x, 1, NULL, &out, NULL), CT_ERROR_NULL);
    ck_assert_ptr_null(out);
    ck_assert_int_eq(ct_jvp(NULL, identity, NULL, &x, &x, 1, NULL, NULL), CT_ERROR_NULL);
    ck_assert_int_eq(ct_hvp(NULL, identity, NULL, &x, &x, 1, NULL, NULL), CT_ERROR_NULL);
    ct_scope scope = ct_scope_begin(cx);
    ck_assert_ptr_eq(ct_scope_return(NULL, scope, x), x); /* nothing ends */
    expect_ok();
}
END_TEST

START_TEST(no_tensor)
{
    ck_assert_ptr_null(ct_scalar_like(NULL, 1));
    ck_assert_ptr_null(ct_zeros_like(NULL));
    ck_assert_ptr_null(ct_ones_like(NULL));
    ck_assert_ptr_null(ct_empty_like(NULL));
    ck_assert_ptr_null(ct_strides(NULL));
    ck_assert(!ct_is_contiguous(NULL));
    ck_assert(!ct_same_shape(NULL, NULL));
    ck_assert(isnan(ct_item(NULL)));
    ck_assert_int_eq(ct_item_int(NULL), -1);
    ck_assert(isnan(ct_at(NULL, CT_INDEX(0))));
    ck_assert_int_eq(ct_to_memory(NULL, NULL, 0), CT_ERROR_NULL);
    ck_assert_ptr_null(ct_data(NULL));
    ck_assert_ptr_null(ct_data_f32(NULL));
    ck_assert_ptr_null(ct_data_f64(NULL));
    ck_assert_ptr_null(ct_data_i64(NULL));
    ck_assert(isnan(ct_max_difference(NULL, NULL)));
    ck_assert_int_eq(ct_assign(NULL, NULL), CT_ERROR_NULL);
    ck_assert_int_eq(ct_assign_add(NULL, 1, NULL), CT_ERROR_NULL);
    ck_assert_ptr_null(ct_named(NULL, "x"));
    ck_assert_int_eq(ct_keep(NULL, NULL), CT_ERROR_NULL);
    ck_assert_ptr_null(ct_variable(NULL));
    ck_assert_ptr_null(ct_detach(NULL));
    ck_assert_ptr_null(ct_gradient(NULL));
    ct_zero_grad(NULL);
    ck_assert_ptr_null(ct_broadcast_to(NULL, CT_SHAPE(1)));
    ck_assert_ptr_null(ct_sum_to(NULL, CT_SHAPE(1)));
    ck_assert_int_eq(ct_backward_from(NULL, NULL), CT_ERROR_NULL);
    ck_assert_int_eq(ct_grad(NULL, NULL, NULL, 0, 0, NULL), CT_ERROR_NULL);
    ck_assert_int_eq(ct_on_cotangent(NULL, pass, NULL), CT_ERROR_NULL);
    ck_assert_ptr_null(ct_graph_text(NULL));
    ct_tensor *none = NULL;
    ck_assert_ptr_null(ct_apply(&ct_add_op, NULL, &none, 1));
    ck_assert_int_eq(ct_apply_all(NULL, NULL, &none, 1, &none), CT_ERROR_NULL);
    expect_ok(); /* there was no context to tell */
}
END_TEST

/* one operand is there: so its context is told */
START_TEST(the_other_operand)
{
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, 1)), *slot = NULL;
    ck_assert_int_eq(ct_keep(NULL, x), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "keep", "slot", NULL);
    slot = x;
    ck_assert_int_eq(ct_keep(&slot, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "keep", "tensor", NULL);
    ck_assert_ptr_eq(slot, x);
    ck_assert_int_eq(ct_assign(NULL, x), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "assign", NULL);
    ck_assert_int_eq(ct_backward_from(NULL, x), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "backward_from", "tensor", NULL);
    ck_assert_int_eq(ct_grad(x, NULL, &x, 1, 0, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "grad", "room", NULL);
    ck_assert_int_eq(ct_grad(x, NULL, NULL, 1, 0, &slot), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "grad", NULL);
    ck_assert_int_eq(ct_on_cotangent(x, NULL, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "on_cotangent", "hook", NULL);
    ck_assert_int_eq(ct_to_doubles(x, NULL, 1), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "to_doubles", NULL);
    ck_assert_int_eq(ct_to_memory(x, NULL, 8), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "to_memory", NULL);
    ck_assert_ptr_null(ct_broadcast_to(x, NULL, 2));
    expect_error(CT_ERROR_NULL, "broadcast_to", "shape", NULL);
    ck_assert_ptr_null(ct_sum_to(x, NULL, 2));
    expect_error(CT_ERROR_NULL, "sum_to", "shape", NULL);
    ck_assert(isnan(ct_at(x, NULL, 1)));
    expect_error(CT_ERROR_RANGE, "at", NULL);
}
END_TEST

START_TEST(functions)
{
    ct_tensor *x = ct_scalar(cx, CT_F64, 1), *none = NULL, *y = x, *gx = x;
    ck_assert_int_eq(ct_vjp(cx, NULL, NULL, &x, 1, NULL, &y, &gx), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "vjp", "function", NULL);
    ck_assert(!y && !gx);
    ck_assert_int_eq(ct_vjp(cx, identity, NULL, NULL, 1, NULL, &y, &gx), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "vjp", "inputs", NULL);
    ck_assert_int_eq(ct_vjp(cx, identity, NULL, &none, 1, NULL, &y, &gx), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "vjp", "x0", NULL);
    ck_assert_int_eq(ct_jvp(cx, identity, NULL, &x, &none, 1, &y, &gx), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "jvp", "v0", NULL);
    ck_assert_int_eq(ct_jvp(cx, identity, NULL, &x, NULL, 1, &y, &gx), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "jvp", "v is NULL", NULL);
    ck_assert_int_eq(ct_hvp(cx, identity, NULL, &x, &none, 1, NULL, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "hvp", "v0", NULL);
    ck_assert_ptr_null(ct_hessian(cx, NULL, NULL, x));
    expect_error(CT_ERROR_NULL, "hessian", "function", NULL);
    /* what is not wanted may be NULL */
    ck_assert_int_eq(ct_vjp(cx, identity, NULL, &x, 1, NULL, NULL, &gx), CT_OK);
    ck_assert_double_eq(ct_item(gx), 1);
    ck_assert_int_eq(ct_vjp(cx, identity, NULL, &x, 1, NULL, &y, NULL), CT_OK);
    ck_assert_double_eq(ct_item(y), 1);
    ck_assert_int_eq(ct_jvp(cx, identity, NULL, &x, &x, 1, NULL, &y), CT_OK);
    ck_assert_double_eq(ct_item(y), 1);
    ck_assert_int_eq(ct_hvp(cx, identity, NULL, &x, &x, 1, NULL, &y), CT_OK);
    ck_assert_double_eq(ct_item(y), 0);
}
END_TEST

/* a NULL that stands for a default, where an error is pending: it is what failed */
START_TEST(no_default_while_an_error_is_pending)
{
    ct_tensor *x = ct_scalar(cx, CT_F64, 1), *y, *gx;
    ct_tensor *gy = ct_add(x, ct_zeros(cx, CT_F32, CT_SHAPE(1)));
    ck_assert_int_eq(ct_vjp(cx, identity, NULL, &x, 1, gy, &y, &gx), CT_ERROR_DTYPE);
    ck_assert(!y && !gx);
    expect_error(CT_ERROR_DTYPE, "add", NULL);
}
END_TEST

Suite *null_suite(void);
Suite *null_suite(void)
{
    return make_suite("autograd/null", (const TTest *[]){
        no_context_to_make_in, no_tensor, the_other_operand, functions,
        no_default_while_an_error_is_pending, NULL });
}
