/* operator.c, trial.c, combine.c, variant.c and structure.c: operators at their samples, and rules
 * that are wrong in one variant only. */
#include "wrong_sine.h"

START_TEST(the_right_operator_passes)
{
    now = NONE;
    ct_gradcheck_op(cx, &sine_op, &(ct_gradcheck_options){ .order = 2 }, &report);
    expect_report(CT_GRADCHECK_PASS, "PASS");
    ck_assert_str_eq(report.op, "sine");
}
END_TEST

/* what an operator does not take is not held against it */
static ct_status f64_alone(ct_call *call)
{
    if (ct_dtype_of(ct_call_x(call, 0)) != CT_F64)
        return ct_call_fail(call, CT_ERROR_DTYPE, "takes f64");
    return ct_infer_same(call);
}

static ct_status no_f32(ct_call *call)
{
    if (ct_dtype_of(ct_call_x(call, 0)) != CT_F64)
        return ct_call_fail(call, CT_ERROR_VALUE, "is broken");
    return ct_infer_same(call);
}

START_TEST(an_operator_for_f64_alone)
{
    now = NONE;
    ct_op op = sine_op;
    op.infer = f64_alone;
    ct_gradcheck_op(cx, &op, NULL, &report);
    expect_report(CT_GRADCHECK_PASS, "PASS");
    now = SLIGHTLY;
    ct_gradcheck_op(cx, &op, NULL, &report);
    expect_report(CT_GRADCHECK_FAIL, "FAIL");
    now = NONE;
    op.infer = no_f32;
    ct_gradcheck_op(cx, &op, NULL, &report);
    ck_assert_int_eq(report.verdict, CT_GRADCHECK_INVALID);
    expect_error(CT_ERROR_VALUE, "is broken", NULL);
}
END_TEST

START_TEST(wrong_in_one_path_only)
{
    operator_fails(ONLY_BACKWARD, 1, "vjp is right");
    operator_fails(ONLY_VJP, 1, "vjp differs from backward");
    operator_fails(STORES, 1, "added to another");
    operator_fails(CONTIGUOUS_COTANGENT, 1, "not contiguous");
    operator_fails(CONTIGUOUS_COTANGENT_IN_VJP, 1, "vjp differs for inputs or cotangents");
    operator_fails(CONTIGUOUS_INPUT, 1, "not contiguous (x with gaps");
    operator_fails(ONLY_F32, 1, "differs in f32");
}
END_TEST

/* y = x + b, x (m,n), b (n): b's cotangent is the sum over rows */
static ct_status shift_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)call;
    gx[0] = gy[0];
    gx[1] = ct_select(gy[0], 0, 0); /* of the first row only */
    return CT_OK;
}

static ct_status shift(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *b = ct_call_x(call, 1), *y = ct_call_y(call, 0);
    for (int64_t k = 0; k < ct_count(x); k++)
        put(y, k, get(x, k) + get(b, k % ct_size(x, 1)));
    return CT_OK;
}

static int shift_sample(ct_context *c, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = ct_randn(c, CT_F64, CT_SHAPE(3, 2));
    x[1] = ct_randn(c, CT_F64, CT_SHAPE(2));
    return k < 1 ? 2 : 0;
}

START_TEST(a_lost_sum_over_what_was_broadcast)
{
    const ct_op op = { .name = "shift", .infer = ct_infer_broadcast, .forward = shift,
                       .vjp = shift_vjp, .sample = shift_sample };
    ct_gradcheck_op(cx, &op, NULL, &report);
    expect_report(CT_GRADCHECK_FAIL, "input 1");
    ck_assert_int_eq(report.wrong, 2);
    ck_assert_int_eq(report.compared, 8);
}
END_TEST

/* y = a b, whose rule takes for granted that both cotangents are wanted */
static ct_status product(ct_call *call)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    for (int64_t k = 0; k < ct_count(a); k++)
        put(ct_call_y(call, 0), k, get(a, k) * get(b, k));
    return CT_OK;
}

static ct_status product_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    bool both = ct_call_wants(call, 0) && ct_call_wants(call, 1);
    gx[0] = ct_mul(gy[0], ct_call_x(call, 1));
    gx[1] = ct_mul(gy[0], ct_call_x(call, both ? 0 : 1));
    return CT_OK;
}

static int product_sample(ct_context *c, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = ct_randn(c, CT_F64, CT_SHAPE(3));
    x[1] = ct_randn(c, CT_F64, CT_SHAPE(3));
    return k < 1 ? 2 : 0;
}

START_TEST(wrong_if_one_input_alone_requires_grad)
{
    const ct_op op = { .name = "product", .saves = CT_SAVE_ALL_X, .infer = ct_infer_same,
                       .forward = product, .vjp = product_vjp, .sample = product_sample };
    ct_gradcheck_op(cx, &op, NULL, &report);
    expect_report(CT_GRADCHECK_FAIL, "if only one input requires grad");
    ck_assert_int_eq(report.input, 1);
}
END_TEST

/* -- Several outputs: sin x and x cos x, y1 used by the rule where it should use y0 */
static bool swapped;

static ct_status pair_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    for (int i = 0; i < 2; i++)
        if (ct_call_set_y(call, i, ct_dtype_of(x), ct_shape(x), ct_ndim(x)) != CT_OK)
            return CT_ERROR_MEMORY;
    return CT_OK;
}

static ct_status pair(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    for (int64_t k = 0; k < ct_count(x); k++) {
        put(ct_call_y(call, 0), k, sin(get(x, k)));
        put(ct_call_y(call, 1), k, get(x, k) * get(x, k));
    }
    return CT_OK;
}

static ct_status pair_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *x = ct_call_x(call, 0), *g[2] = { gy[swapped], gy[!swapped] };
    ct_tensor *zero = ct_zeros_like(x);
    gx[0] = ct_add(ct_mul(g[0] ? g[0] : zero, ct_cos(x)),
                   ct_mul(g[1] ? g[1] : zero, ct_scale(x, 2)));
    return CT_OK;
}

START_TEST(cotangents_of_two_outputs_swapped)
{
    const ct_op op = { .name = "pair", .outputs = 2, .saves = CT_SAVE_X(0), .infer = pair_infer,
                       .forward = pair, .vjp = pair_vjp, .sample = sine_sample };
    swapped = false;
    ct_gradcheck_op(cx, &op, &(ct_gradcheck_options){ .order = 2 }, &report);
    expect_report(CT_GRADCHECK_PASS, "PASS");
    swapped = true;
    ct_gradcheck_op(cx, &op, &(ct_gradcheck_options){ .order = 2 }, &report);
    expect_report(CT_GRADCHECK_FAIL, "no simple pattern");
}
END_TEST

/* -- Attributes that are not plain: each application takes over its own */
static int alive;

static void free_factor(void *attributes)
{
    free(*(double **)attributes);
    alive--;
}

static ct_status multiply(ct_call *call)
{
    const double *factor = *(double *const *)ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    for (int64_t k = 0; k < ct_count(x); k++)
        put(ct_call_y(call, 0), k, *factor * get(x, k));
    return CT_OK;
}

static ct_status multiply_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    gx[0] = ct_scale(gy[0], **(double *const *)ct_call_attributes(call));
    return CT_OK;
}

static int multiply_sample(ct_context *c, int k, ct_tensor **x, void *attributes)
{
    double *factor = k < 2 ? malloc(sizeof *factor) : NULL;
    if (!factor)
        return 0;
    alive++;
    *factor = k + 3;
    *(double **)attributes = factor;
    x[0] = ct_randn(c, CT_F64, CT_SHAPE(2));
    return 1;
}

START_TEST(attributes_that_are_not_plain)
{
    const ct_op op = { .name = "multiply", .attributes_size = sizeof(double *),
                       .drop = free_factor, .infer = ct_infer_same, .forward = multiply,
                       .vjp = multiply_vjp, .sample = multiply_sample };
    alive = 0;
    ct_gradcheck_op(cx, &op, &(ct_gradcheck_options){ .order = 2 }, &report);
    expect_report(CT_GRADCHECK_PASS, "PASS");
    ck_assert_int_eq(alive, 0);
}
END_TEST

/* -- Operators that cannot be checked */
START_TEST(operators_without_a_derivative_or_samples)
{
    ct_gradcheck_op(cx, ct_op_find("sign"), NULL, &report);
    expect_report(CT_GRADCHECK_INVALID, "no derivative");
    now = NONE;
    ct_op first_order = sine_op;
    first_order.vjp = NULL, first_order.sample = NULL;
    ct_gradcheck_op(cx, &first_order, NULL, &report);
    expect_report(CT_GRADCHECK_INVALID, "no samples");
    first_order.sample = sine_sample;
    ct_gradcheck_op(cx, &first_order, NULL, &report);
    expect_report(CT_GRADCHECK_PASS, "PASS");
    ct_gradcheck_op(cx, &first_order, &(ct_gradcheck_options){ .order = 2 }, &report);
    ck_assert_int_eq(report.verdict, CT_GRADCHECK_INVALID);
    ck_assert_ptr_nonnull(strstr(report.diagnosis, "first derivatives only"));
    expect_error(CT_ERROR_GRAPH, "sine", NULL);
}
END_TEST

Suite *gradcheck_operator_suite(void)
{
    return make_suite("gradcheck_operator", (const TTest *const[]){
        the_right_operator_passes, an_operator_for_f64_alone, wrong_in_one_path_only,
        a_lost_sum_over_what_was_broadcast, wrong_if_one_input_alone_requires_grad,
        cotangents_of_two_outputs_swapped, attributes_that_are_not_plain,
        operators_without_a_derivative_or_samples, NULL });
}
