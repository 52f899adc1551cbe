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

/* 3 inputs, 6 outputs: row i of the Jacobian is (2 x_i, x_i, ...) scattered on the diagonal */
static ct_tensor *to_more(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    *(int *)user += 1;
    return ct_stack(CT_TENSORS(ct_square(x[0]), ct_scale(x[0], 3)), 0);
}

START_TEST(directions)
{
    int runs = 0;
    const double want[] = { 2, 0, 0, 0, 4, 0, 0, 0, 6, 3, 0, 0, 0, 3, 0, 0, 0, 3 };
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(1, 2, 3));
    for (int i = 0; i < 3; i++) {
        ct_tensor *j = ct_jacobian_by(cx, to_more, &runs, x, (ct_direction)i);
        expect_shape(j, CT_SHAPE(2, 3, 3));
        expect_values(j, want, 18, 0);
    }
    ck_assert_int_eq(runs, 3);
    ct_tensor *wide = ct_jacobian_by(cx, to_more, &runs, ct_cast(x, CT_F32), CT_BY_COLUMNS);
    ck_assert_int_eq(ct_dtype_of(wide), CT_F32);
    expect_values(wide, want, 18, 0);
    expect_values(ct_jacobian_by(cx, constant, NULL, x, CT_BY_COLUMNS), CT_DOUBLES(0, 0, 0), 0);
    ck_assert_ptr_null(ct_jacobian_by(cx, to_more, &runs, x, (ct_direction)3));
    expect_error(CT_ERROR_VALUE, "jacobian: 3 is no direction", NULL);
}
END_TEST

/* how many nodes a Jacobian of 2 inputs and 100 outputs walks over tells its direction */
static ct_tensor *tall(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n;
    ct_on_cotangent(x[0], user ? *(ct_hook *)user : NULL, c);
    return ct_mul(ct_reshape(x[0], CT_SHAPE(2, 1)), ct_ones(c, CT_F64, CT_SHAPE(2, 50)));
}

static int walks;
static ct_tensor *count_walk(ct_tensor *gy, void *user)
{
    (void)user;
    walks++;
    return gy;
}

START_TEST(sizes_choose_the_direction)
{
    ct_hook hook = count_walk;
    walks = 0;
    ct_jacobian(cx, tall, &hook, vector(1, 2));
    ck_assert_int_le(walks, 2); /* 2 columns, and not 100 rows */
    expect_ok();
    ct_jacobian_by(cx, tall, &hook, vector(1, 2), CT_BY_ROWS);
    ck_assert_int_ge(walks, 100);
}
END_TEST

/* -- A function that uses the caller's tensors and not its arguments */
typedef struct captured {
    ct_tensor *x, *other;
    int kind;
} captured;

static ct_tensor *capturing(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const captured *k = user;
    (void)c, (void)n;
    switch (k->kind) {
    case 0:
        return ct_sum(ct_square(k->x));
    case 1:
        return k->x;
    case 2: /* through another argument only */
        return ct_sum(ct_mul(k->x, x[1]));
    case 3: /* both: the caller's counts as a constant */
        return ct_sum(ct_mul(k->x, x[0]));
    case 4: /* another variable is a constant */
        return ct_sum(ct_mul(k->other, x[0]));
    case 5:
        return ct_sum(ct_square(ct_detach(k->x)));
    default: /* it is used, but the value does not depend on it */
        return ct_square(k->x) ? ct_sum(x[0]) : NULL;
    }
}

START_TEST(a_function_that_goes_past_its_argument)
{
    ct_tensor *x[] = { ct_named(vector(1, 2), "first"), vector(3, 4) }, *gx[2], *g;
    captured c = { x[0], ct_variable(vector(5, 6)), 0 };
    for (int variable = 0; variable < 2; variable++) {
        for (c.kind = 0; c.kind < 3; c.kind++) {
            ck_assert_int_ne(ct_vjp(cx, capturing, &c, x, 2, c.kind == 1 ? x[0] : NULL, NULL, gx),
                             CT_OK);
            ck_assert_ptr_null(gx[0]);
            expect_error(CT_ERROR_GRAPH, "vjp: ", "the caller's x0, first", "x[0]", NULL);
        }
        c.kind = 0;
        ck_assert_int_ne(ct_jvp(cx, capturing, &c, x, x, 2, NULL, &g), CT_OK);
        expect_error(CT_ERROR_GRAPH, "jvp: ", "x0", NULL);
        ck_assert_int_ne(ct_hvp(cx, capturing, &c, x, x, 2, NULL, gx), CT_OK);
        expect_error(CT_ERROR_GRAPH, "hvp: ", "x0", NULL);
        ck_assert_ptr_null(ct_hessian(cx, capturing, &c, x[0]));
        expect_error(CT_ERROR_GRAPH, "hessian: ", "x0", NULL);
        const double first[][2] = { { 1, 2 }, { 5, 6 }, { 0, 0 }, { 1, 1 } };
        for (c.kind = 3; c.kind < 7; c.kind++) {
            ck_assert_int_eq(ct_vjp(cx, capturing, &c, x, 2, NULL, NULL, gx), CT_OK);
            expect_values(gx[0], first[c.kind - 3], 2, 0);
        }
        ck_assert_int_eq(ct_requires_grad(x[0]), variable); /* it is as it was */
        ct_variable(x[0]);
    }
}
END_TEST

static ct_tensor *to_f32(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_cast(x[0], CT_F32);
}

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
    ck_assert_ptr_null(ct_jacobian(cx, to_f32, NULL, x));
    expect_error(CT_ERROR_DTYPE, "jacobian: x is f64, y is f32", NULL);
    ck_assert_ptr_null(ct_hessian(cx, to_plane, NULL, x));
    expect_error(CT_ERROR_SHAPE, "hessian: the function's value", "2 elements: f64 (2)", NULL);
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
    ct_jacobian_by(c, to_plane, NULL, z, CT_BY_COLUMNS);
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
        plain_arrays, products, matrices, directions, sizes_choose_the_direction,
        a_function_that_goes_past_its_argument, failures, every_allocation_fails_once, NULL });
}
