/* Derivatives of functions as values, against closed forms. */
#include "support.h"

/* x0^2 x1 + sin x1 */
static ct_tensor *mixed(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_add(ct_mul(ct_square(x[0]), x[1]), ct_sin(x[1]));
}

/* (x0 x1, x0 + x1^2) of a vector x */
static ct_tensor *to_plane(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    ct_tensor *a = ct_select(x[0], 0, 0), *b = ct_select(x[0], 0, 1);
    return ct_stack(CT_TENSORS(ct_mul(a, b), ct_add(a, ct_square(b))), 0);
}

static ct_tensor *cubes(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_sum(ct_power(x[0], 3));
}

static ct_tensor *constant(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)x, (void)n, (void)user;
    return ct_scalar(c, CT_F64, 4);
}

static ct_tensor *failing(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)x, (void)n;
    if (user)
        ct_fail(c, CT_ERROR_VALUE, "out of luck");
    return NULL;
}

static ct_tensor *vector(double a, double b)
{
    return ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(a, b));
}

static ct_tensor *unrecorded(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n, (void)user;
    ct_no_grad(c);
    return ct_square(x[0]);
}

/* A function whose value depends on nothing has derivatives of zero, in every direction. */
START_TEST(of_a_constant)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(1, 2)), *y, *g;
    ck_assert_int_eq(ct_jvp(cx, unrecorded, NULL, &x, &x, 1, &y, &g), CT_OK);
    expect_values(y, (double[]){ 1, 4 }, 2, 0);
    expect_values(g, (double[]){ 0, 0 }, 2, 0);
    ck_assert_int_eq(ct_vjp(cx, unrecorded, NULL, &x, 1, x, NULL, &g), CT_OK);
    expect_values(g, (double[]){ 0, 0 }, 2, 0);
    expect_values(ct_jacobian(cx, unrecorded, NULL, x), (double[]){ 0, 0, 0, 0 }, 4, 0);
    x = ct_scalar(cx, CT_F64, 3);
    ck_assert_int_eq(ct_hvp(cx, unrecorded, NULL, &x, &x, 1, NULL, &g), CT_OK);
    expect_values(g, (double[]){ 0 }, 1, 0);
    expect_values(ct_hessian(cx, unrecorded, NULL, x), (double[]){ 0 }, 1, 0);
}
END_TEST

START_TEST(plain_arrays)
{
    double x[] = { 1, 2 }, g[2] = { 9, 9 };
    ct_memory before, after;
    ct_memory_stats(cx, &before);
    ck_assert_double_eq(ct_value_and_gradient(cx, cubes, NULL, x, 2, g), 9);
    ck_assert_double_eq(g[1], 12);
    ck_assert_double_eq(ct_value_and_gradient(cx, cubes, NULL, x, 2, NULL), 9);
    ck_assert_double_eq(ct_value_and_gradient(cx, constant, NULL, x, 2, g), 4);
    ck_assert_double_eq(g[0], 0);
    ct_no_grad(cx); /* whatever the caller's mode */
    ck_assert_double_eq(ct_value_and_gradient(cx, cubes, NULL, x, 2, g), 9);
    ck_assert_double_eq(g[0], 3);
    ct_memory_stats(cx, &after);
    ck_assert_int_eq(after.live_bytes, before.live_bytes);

    ck_assert(isnan(ct_value_and_gradient(cx, to_plane, NULL, x, 2, g)));
    expect_error(CT_ERROR_SHAPE, "value_and_gradient", "2 elements", NULL);
    ck_assert(isnan(ct_value_and_gradient(cx, failing, NULL, x, 2, g)));
    expect_error(CT_ERROR_CALLBACK, "value_and_gradient", "without saying why", NULL);
    ck_assert(isnan(ct_value_and_gradient(cx, failing, x, x, 2, g)));
    expect_error(CT_ERROR_VALUE, "out of luck", NULL);
    ck_assert(isnan(ct_value_and_gradient(cx, NULL, NULL, x, 2, g)));
    expect_error(CT_ERROR_NULL, "function", NULL);
    ck_assert(isnan(ct_value_and_gradient(cx, cubes, NULL, NULL, 2, g)));
    expect_error(CT_ERROR_NULL, NULL);
    ck_assert(isnan(ct_value_and_gradient(NULL, cubes, NULL, x, 2, g)));
}
END_TEST

START_TEST(products)
{
    ct_tensor *x[] = { ct_scalar(cx, CT_F64, 3), ct_scalar(cx, CT_F64, 2) };
    ct_tensor *v[] = { ct_scalar(cx, CT_F64, 0.5), ct_scalar(cx, CT_F64, -1) };
    ct_tensor *y, *gx[2], *jv, *hv[2];
    ck_assert_int_eq(ct_vjp(cx, mixed, NULL, x, 2, ct_scalar(cx, CT_F64, 2), &y, gx), CT_OK);
    ck_assert_double_eq_tol(ct_item(y), 18 + sin(2), 1e-14);
    ck_assert_double_eq_tol(ct_item(gx[0]), 24, 1e-14);
    ck_assert_double_eq_tol(ct_item(gx[1]), 2 * (9 + cos(2)), 1e-14);
    ck_assert(!ct_requires_grad(gx[0]) && !ct_requires_grad(y));
    ck_assert_int_eq(ct_jvp(cx, mixed, NULL, x, v, 2, NULL, &jv), CT_OK);
    ck_assert_double_eq_tol(ct_item(jv), 0.5 * 12 - (9 + cos(2)), 1e-14);
    ck_assert_int_eq(ct_hvp(cx, mixed, NULL, x, v, 2, gx, hv), CT_OK);
    ck_assert_double_eq_tol(ct_item(gx[0]), 12, 1e-14);
    ck_assert_double_eq_tol(ct_item(hv[0]), 0.5 * 4 - 6, 1e-14);
    ck_assert_double_eq_tol(ct_item(hv[1]), 0.5 * 6 + sin(2), 1e-14);
}
END_TEST

START_TEST(matrices)
{
    ct_tensor *x = vector(3, 2), *j = ct_jacobian(cx, to_plane, NULL, x);
    expect_shape(j, CT_SHAPE(2, 2));
    expect_values(j, CT_DOUBLES(2, 3, 1, 4), 0);
    ct_tensor *h = ct_hessian(cx, cubes, NULL, x);
    expect_values(h, CT_DOUBLES(18, 0, 0, 12), 1e-14);
    expect_values(ct_jacobian(cx, constant, NULL, x), CT_DOUBLES(0, 0), 0);
    expect_values(ct_hessian(cx, constant, NULL, x), CT_DOUBLES(0, 0, 0, 0), 0);
    ct_tensor *jv, *v = vector(1, -1); /* <u, J v> = <J^T u, v> */
    ck_assert_int_eq(ct_jvp(cx, to_plane, NULL, &x, &v, 1, NULL, &jv), CT_OK);
    expect_values(jv, CT_DOUBLES(-1, -3), 0);
}
END_TEST

START_TEST(failures)
{
    ct_tensor *x = vector(1, 2), *y = x, *gx = x, *three = ct_zeros(cx, CT_F64, CT_SHAPE(3));
    ck_assert_int_ne(ct_vjp(cx, failing, x, &x, 1, NULL, &y, &gx), CT_OK);
    ck_assert(!y && !gx);
    expect_error(CT_ERROR_VALUE, "out of luck", NULL);
    ck_assert_int_eq(ct_jvp(cx, cubes, NULL, &x, &three, 1, NULL, &y), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "jvp", "v0", NULL);
    ck_assert_int_eq(ct_hvp(cx, cubes, NULL, &x, NULL, 1, NULL, &y), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "hvp", NULL);
    ct_tensor *two[2] = { x, x };
    ck_assert_int_eq(ct_vjp(cx, cubes, NULL, &x, 1, NULL, two, two), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "vjp: one array for two results", NULL);
    ck_assert_int_eq(ct_hvp(cx, cubes, NULL, &x, &x, 1, two, two), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "hvp: one array for two results", NULL);
    ck_assert_ptr_null(two[0]);
    ck_assert_ptr_null(ct_jacobian(cx, cubes, NULL, NULL));
    expect_error(CT_ERROR_NULL, "jacobian", "x0", NULL);
    ck_assert_ptr_null(ct_hessian(cx, to_plane, NULL, x));
    expect_error(CT_ERROR_SHAPE, "hessian: f64 (2) has 2 elements", NULL);
    ct_tensor *deep = ct_zeros(cx, CT_F64, CT_SHAPE(1, 1, 1, 1, 1, 1, 1));
    ck_assert_ptr_null(ct_hessian(cx, cubes, NULL, deep));
    expect_error(CT_ERROR_RANGE, "hessian", "14 dimensions", NULL);
    ct_memory memory;
    ct_memory_stats(cx, &memory);
    ck_assert_int_eq(memory.scopes, 0);
}
END_TEST

static void transform_all(ct_context *c)
{
    double at[] = { 1, 2 }, g[2];
    ct_tensor *x[] = { ct_scalar(c, CT_F64, 3), ct_scalar(c, CT_F64, 2) }, *y, *gx[2];
    ct_tensor *z = ct_from_doubles(c, CT_F64, CT_SHAPE(2), at, 2);
    ct_value_and_gradient(c, cubes, NULL, at, 2, g);
    ct_vjp(c, mixed, NULL, x, 2, NULL, &y, gx);
    ct_jvp(c, mixed, NULL, x, x, 2, &y, gx);
    ct_hvp(c, mixed, NULL, x, x, 2, NULL, gx);
    ct_jacobian(c, to_plane, NULL, z);
    ct_hessian(c, cubes, NULL, z);
}

START_TEST(every_allocation_fails_once)
{
    for_each_failing_allocation(transform_all);
}
END_TEST

Suite *transforms_suite(void);
Suite *transforms_suite(void)
{
    return make_suite("autograd/transforms", (const TTest *[]){
        of_a_constant,
        plain_arrays, products, matrices, failures, every_allocation_fails_once, NULL });
}
