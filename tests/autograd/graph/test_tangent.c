/* tangent.c: the rules that an operator gives for forward mode, and what is wrong with some. */
#include "support.h"

#include <float.h>

typedef enum fault { NONE, SHAPE, DTYPE, FOREIGN, NOTHING, INNER, SILENT, STATUS } fault;

static fault now;
static int calls, lacking; /* of jvp; of those, with a tangent that is zero */
static ct_context *foreign;

/* -- y = a b, broadcast, and z = a + b */
static double get(const ct_tensor *x, int64_t k)
{
    return ct_count(x) == 1 ? ct_item(x) : ((const double *)ct_data(x))[k];
}

static ct_status infer(ct_call *call)
{
    ct_status status = ct_infer_broadcast(call);
    const ct_tensor *y = ct_call_y(call, 0);
    return status != CT_OK || ct_call_op(call)->outputs < 2
               ? status
               : ct_call_set_y(call, 1, ct_dtype_of(y), ct_shape(y), ct_ndim(y));
}

static ct_status forward(ct_call *call)
{
    double *y[2];
    int n = ct_call_op(call)->outputs > 1 ? 2 : 1;
    for (int i = 0; i < n; i++)
        y[i] = ct_data_mutable(ct_call_y(call, i));
    for (int64_t k = 0; k < ct_count(ct_call_y(call, 0)); k++) {
        double a = get(ct_call_x(call, 0), k), b = get(ct_call_x(call, 1), k);
        y[0][k] = a * b;
        if (n > 1)
            y[1][k] = a + b;
    }
    return CT_OK;
}

static ct_tensor *sum(ct_tensor *a, ct_tensor *b)
{
    return a && b ? ct_add(a, b) : a ? a : b;
}

static ct_status vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const bool two = ct_call_op(call)->outputs > 1;
    for (int i = 0; i < 2; i++)
        if (ct_call_wants(call, i))
            gx[i] = sum(gy[0] ? ct_mul(gy[0], ct_call_x(call, 1 - i)) : NULL, two ? gy[1] : NULL);
    return CT_OK;
}

static ct_tensor *like_y(ct_tensor *t, const ct_call *call)
{
    const ct_tensor *y = ct_call_y(call, 0);
    return !t || ct_call_op(call)->outputs > 1 ? t : ct_broadcast_to(t, ct_shape(y), ct_ndim(y));
}

static ct_status jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    calls++;
    lacking += !tx[0] || !tx[1];
    ty[0] = sum(tx[0] ? ct_mul(like_y(tx[0], call), ct_call_x(call, 1)) : NULL,
                tx[1] ? ct_mul(ct_call_x(call, 0), like_y(tx[1], call)) : NULL);
    if (ct_call_op(call)->outputs > 1)
        ty[1] = sum(like_y(tx[0], call), like_y(tx[1], call));
    switch (now) {
    case SHAPE:
        ty[0] = ct_unsqueeze(ty[0], 0);
        break;
    case DTYPE:
        ty[0] = ct_cast(ty[0], CT_F32);
        break;
    case FOREIGN:
        ty[0] = ct_ones(foreign, CT_F64, ct_shape(ty[0]), ct_ndim(ty[0]));
        break;
    case NOTHING:
        ty[0] = NULL;
        break;
    case INNER:
        ty[0] = ct_matmul(ct_call_x(call, 0), ct_zeros(cx, CT_F64, CT_SHAPE(7, 7)));
        break;
    case SILENT:
        return CT_ERROR_VALUE;
    case STATUS:
        return ct_call_fail(call, CT_ERROR_RANGE, "is out of order");
    default:
        break;
    }
    return CT_OK;
}

static const ct_op product_op = { .name = "product", .flags = CT_OP_BROADCAST | CT_OP_CONTIGUOUS,
                                  .saves = CT_SAVE_X(0) | CT_SAVE_X(1), .inputs = 2,
                                  .infer = infer, .forward = forward, .vjp = vjp, .jvp = jvp };
static const ct_op both_op = { .name = "both", .flags = CT_OP_CONTIGUOUS, .outputs = 2,
                               .saves = CT_SAVE_X(0) | CT_SAVE_X(1), .inputs = 2,
                               .infer = infer, .forward = forward, .vjp = vjp, .jvp = jvp };

/* -- Right results */
static ct_tensor *through(const ct_op *op, ct_tensor *const *x)
{
    ct_tensor *y = ct_apply(op, NULL, x, 2);
    return ct_mul(ct_sin(y), y);
}

/* the same four numbers, by this operator */
static void derivatives(const ct_op *op, ct_tensor *const *x, ct_tensor *const *v, double *out)
{
    ct_tensor *y = through(op, x), *weights = ct_add(ct_ones_like(y), ct_square(ct_detach(y))), *g[2];
    out[0] = ct_item(ct_sum(ct_mul(ct_tangent(y, x, v, 2, 0), weights)));
    ct_tensor *t = ct_sum(ct_mul(ct_tangent(y, x, v, 2, CT_CREATE_GRAPH), weights));
    ck_assert_int_eq(ct_grad(t, NULL, x, 2, CT_ZERO_PATH, g), CT_OK);
    out[1] = ct_item(ct_sum(g[0])) + 3 * ct_item(ct_sum(g[1])); /* reverse over forward */
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, x, 2, CT_CREATE_GRAPH, g), CT_OK);
    out[2] = ct_item(ct_sum(ct_tangent(g[0], x, v, 2, 0)));     /* forward over reverse */
    t = ct_tangent(y, x, v, 2, CT_CREATE_GRAPH);
    out[3] = ct_item(ct_sum(ct_tangent(t, x, v, 2, 0)));        /* forward over forward */
}

static ct_tensor *variable(const int64_t *shape, int ndim)
{
    return ct_variable(ct_randn(cx, CT_F64, shape, ndim));
}

START_TEST(a_jvp_gives_what_two_vjps_give)
{
    static ct_op plain;
    plain = product_op;
    plain.jvp = NULL;
    ct_tensor *inputs[][2] = {
        { variable(CT_SHAPE(3)), variable(CT_SHAPE(3)) },
        { variable(CT_SHAPE(2, 3)), variable(NULL, 0) },
        { variable(CT_SHAPE(1)), variable(CT_SHAPE(4, 2, 2)) },
        { variable(CT_SHAPE(2, 0)), variable(NULL, 0) },
    };
    now = NONE;
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        for (int zero = 0; zero < 3; zero++) {
            ct_tensor *const *x = inputs[i], *v[] = { ct_cos(x[0]), ct_cos(x[1]) };
            double by_jvp[4], by_vjps[4];
            if (zero > 0)
                v[zero - 1] = NULL;
            calls = lacking = 0;
            derivatives(&product_op, x, v, by_jvp);
            ck_assert_int_gt(calls, 0);
            ck_assert_int_eq(lacking > 0, zero > 0);
            calls = 0;
            derivatives(&plain, x, v, by_vjps);
            ck_assert_int_eq(calls, 0);
            for (int k = 0; k < 4; k++)
                ck_assert_double_eq_tol(by_jvp[k], by_vjps[k], 1e-12 * (1 + fabs(by_vjps[k])));
        }
    expect_ok();
}
END_TEST

/* for every operator that has a jvp: the same result with it and without it, at each sample, for
 * the tangents of all inputs and of each alone */
static void compare_operator(const ct_op *op, ct_tensor *const *x, int n, const char *attributes)
{
    static ct_op plain;
    ct_tensor *v[8] = { NULL }, *inputs[8], *all[8];
    int count = 0;
    plain = *op;
    plain.jvp = NULL;
    for (int i = 0; i < n; i++)
        if (ct_dtype_of(x[i]) == CT_F64)
            all[count++] = ct_variable(x[i]);
    for (int i = 0; i < n; i++)
        inputs[i] = x[i];
    ct_stream stream = ct_random_stream(cx); /* what one draws the other draws too */
    ct_tensor *a = ct_apply(op, attributes, inputs, n);
    ct_random_resume(cx, stream);
    ct_tensor *b = ct_apply(&plain, attributes, inputs, n);
    for (int alone = -1; alone < count; alone++)
        for (unsigned flags = 0; flags < 2; flags++) {
            for (int i = 0; i < count; i++)
                v[i] = alone < 0 || alone == i ? ct_randn(cx, CT_F64, ct_shape(all[i]),
                                                          ct_ndim(all[i])) : NULL;
            ct_tensor *one = ct_tangent(a, all, v, count, flags);
            ct_tensor *two = ct_tangent(b, all, v, count, flags);
            ck_assert_msg(one && two, "%s: %s", op->name, ct_error_text(cx));
            expect_close(one, two, 500);
        }
}

START_TEST(every_operator_with_a_jvp)
{
    static _Alignas(16) char attributes[4096];
    int n, found = 0;
    const ct_op *const *list = ct_op_list(&n);
    for (int i = 0; i < n; i++)
        for (int k = 0; list[i]->jvp; k++) {
            ct_tensor *x[8] = { NULL };
            ct_scope scope = ct_scope_begin(cx);
            int inputs = list[i]->sample(cx, k, x, attributes);
            if (inputs > 0)
                compare_operator(list[i], x, inputs, attributes);
            ct_scope_end(cx, scope);
            found++;
            if (inputs == 0)
                break;
        }
    expect_ok();
    ck_assert_int_gt(found, 50);
}
END_TEST

START_TEST(several_outputs_and_one_call)
{
    ct_tensor *x[] = { variable(CT_SHAPE(3)), variable(CT_SHAPE(3)) }, *y[2];
    ct_tensor *v[] = { ct_ones_like(x[0]), NULL };
    now = NONE;
    calls = 0;
    ck_assert_int_eq(ct_apply_all(&both_op, NULL, x, 2, y), CT_OK);
    ct_tensor *t = ct_tangent(ct_mul(y[0], y[1]), x, v, 2, 0);
    ck_assert_int_eq(calls, 1);
    /* (a b (a + b))' = b (a + b) + a b */
    expect_close(t, ct_mul(x[1], ct_add(ct_add(x[0], x[1]), x[0])), 4);
    now = NOTHING; /* for the first output, which is not used */
    expect_values(ct_tangent(y[1], x, v, 2, 0), (double[]){ 1, 1, 1 }, 3, 0);
    ck_assert_ptr_null(ct_tangent(y[0], x, v, 2, 0));
    expect_error(CT_ERROR_CALLBACK, "both: its jvp gave no tangent for output 0", NULL);
}
END_TEST

/* -- Wrong ones */
START_TEST(wrong_results_of_a_jvp)
{
    static const struct {
        fault fault;
        ct_status code;
        const char *text;
    } cases[] = {
        { SHAPE, CT_ERROR_SHAPE, "product: its rule gave a tangent f64 (1,3) for an output f64 (3)" },
        { DTYPE, CT_ERROR_SHAPE, "tangent f32 (3) for an output f64 (3)" },
        { FOREIGN, CT_ERROR_CONTEXT, "product: its tangent is of another context" },
        { NOTHING, CT_ERROR_CALLBACK, "product: its jvp gave no tangent for output 0" },
        { INNER, CT_ERROR_SHAPE, "matmul" },
        { SILENT, CT_ERROR_VALUE, "product" },
        { STATUS, CT_ERROR_RANGE, "product: is out of order" },
    };
    ct_tensor *x[] = { variable(CT_SHAPE(3)), variable(CT_SHAPE(3)) };
    ct_tensor *v[] = { ct_ones_like(x[0]), ct_ones_like(x[1]) };
    foreign = ct_context_new(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        now = cases[i].fault;
        ck_assert_ptr_null(ct_tangent(through(&product_op, x), x, v, 2, 0));
        expect_error(cases[i].code, cases[i].text, NULL);
        now = NONE; /* nothing is left behind */
        ck_assert_ptr_nonnull(ct_tangent(through(&product_op, x), x, v, 2, 0));
    }
    ct_context_free(foreign);
}
END_TEST

/* A rule that goes on after a call in it has failed: the status is that of the failure. */
static ct_status careless_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)gy;
    gx[0] = now == INNER ? ct_matmul(ct_call_x(call, 0), ct_zeros(cx, CT_F64, CT_SHAPE(7, 7)))
                         : NULL;
    return CT_OK;
}

static ct_status careless_forward(ct_call *call)
{
    return ct_fill(ct_call_y(call, 0), 1);
}

static ct_tensor *careless_hook(ct_tensor *gy, void *user)
{
    (void)user;
    return ct_reshape(gy, CT_SHAPE(7));
}

START_TEST(the_status_is_that_of_the_failure)
{
    static const ct_op op = { .name = "careless", .saves = CT_SAVE_X(0), .inputs = 1,
                       .infer = ct_infer_same, .forward = careless_forward,
                       .vjp = careless_vjp };
    ct_tensor *x = variable(CT_SHAPE(3)), *y = ct_sum(ct_apply(&op, NULL, &x, 1)), *g;
    ct_tensor *v = ct_ones_like(x);
    now = INNER;
    ck_assert_int_eq(ct_grad(y, NULL, &x, 1, 0, &g), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "matmul", NULL);
    ck_assert_int_eq(ct_backward(y), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "matmul", NULL);
    ck_assert_ptr_null(ct_tangent(y, &x, &v, 1, 0)); /* by two vjps */
    expect_error(CT_ERROR_SHAPE, "matmul", NULL);
    now = NOTHING;
    ck_assert_int_eq(ct_grad(y, NULL, &x, 1, 0, &g), CT_ERROR_CALLBACK);
    expect_error(CT_ERROR_CALLBACK, "careless: its vjp gave no cotangent for input 0", NULL);
    ck_assert_ptr_null(ct_tangent(y, &x, &v, 1, 0));
    expect_error(CT_ERROR_CALLBACK, "careless: its vjp gave no cotangent for input 0", NULL);
    y = ct_square(x);
    ck_assert_int_eq(ct_on_cotangent(y, careless_hook, NULL), CT_OK);
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, &x, 1, 0, &g), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "reshape", NULL);
}
END_TEST

/* -- Memory */
static void tangents(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_from_doubles(c, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(2, 1, 1, 3)));
    ct_tensor *y[2] = { NULL }, *all;
    ct_tensor *label = ct_zeros(c, CT_I64, CT_SHAPE(2));
    now = NONE;
    ct_tensor *h = ct_linear_activation(ct_matmul(x, x), x, ct_select(x, 0, 0), CT_TANH);
    h = ct_layer_norm(h, CT_SHAPE(2), ct_select(x, 0, 0), ct_select(x, 0, 1), 1e-3);
    if (h && ct_apply_all(&both_op, NULL, CT_TENSORS(h, x), y) == CT_OK)
        h = ct_mul(ct_log_softmax(y[0], 1), ct_solve(x, y[1]));
    all = ct_add(ct_cross_entropy(h, label), ct_norm(ct_cumprod(h, 0), 2));
    for (unsigned flags = 0; flags < 2; flags++)
        if (all)
            ct_tangent(all, &x, &x, 1, flags);
}

static void tangents_of_regular(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_from_doubles(c, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(2, 1, 1, 3)));
    ct_tensor *y = ct_matmul(ct_inverse(x), ct_cholesky(x)), *t;
    if (y && (t = ct_tangent(y, &x, &x, 1, CT_CREATE_GRAPH)))
        ct_grad(ct_sum(t), NULL, &x, 1, 0, &y);
}

START_TEST(every_allocation_fails_once)
{
    for_some_failing_allocations(tangents, 3);
    for_some_failing_allocations(tangents_of_regular, 3);
}
END_TEST

static ct_status copy(ct_call *call)
{
    return ct_assign(ct_call_y(call, 0), ct_call_x(call, 0));
}

static ct_status copy_back(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ct_status status = CT_OK;
    for (int i = 0; i < ct_call_inputs(call) && status == CT_OK; i++)
        if (gx[i])
            status = ct_call_adds(call, i) ? ct_assign_add(gx[i], 1, gy[0])
                                           : ct_assign(gx[i], gy[0]);
    return status;
}

START_TEST(a_kernel_backward_is_no_rule_for_tangents)
{
    static const ct_op op = { .name = "kernel_only", .inputs = 1, .infer = ct_infer_same,
                              .forward = copy, .backward = copy_back };
    ct_tensor *x = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(2))), *g;
    ct_tensor *y = ct_apply(&op, NULL, &x, 1);
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, &x, 1, 0, &g), CT_OK);
    ck_assert_ptr_null(ct_tangent(y, &x, &x, 1, 0));
    expect_error(CT_ERROR_GRAPH, "kernel_only", "has a backward only", NULL);
}
END_TEST

/* where J = J^T the kernel makes tangents too, and adds those of 64 inputs at most */
START_TEST(a_kernel_backward_of_many_inputs)
{
    static const ct_op op = { .name = "kernel_only", .inputs = -1, .infer = ct_infer_same,
                              .flags = CT_OP_SYMMETRIC, .forward = copy, .backward = copy_back };
    ct_tensor *x[65], *v = ct_full(cx, CT_F64, CT_SHAPE(2), 3), *of[65];
    for (int i = 0; i < 65; i++) {
        x[i] = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(2)));
        of[i] = v;
    }
    expect_values(ct_tangent(ct_apply(&op, NULL, x, 64), x, of, 64, 0), CT_DOUBLES(192, 192), 0);
    ck_assert_ptr_null(ct_tangent(ct_apply(&op, NULL, x, 65), x, of, 65, 0));
    expect_error(CT_ERROR_GRAPH, "kernel_only", "has a backward only", NULL);
}
END_TEST

Suite *tangent_suite(void);
Suite *tangent_suite(void)
{
    return make_suite("autograd/tangent", (const TTest *[]){
        a_jvp_gives_what_two_vjps_give, every_operator_with_a_jvp, several_outputs_and_one_call,
        wrong_results_of_a_jvp, the_status_is_that_of_the_failure, a_kernel_backward_is_no_rule_for_tangents,
        a_kernel_backward_of_many_inputs, every_allocation_fails_once, NULL });
}
