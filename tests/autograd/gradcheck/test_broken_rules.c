/* The gradient checker's own proof: operators with wrong rules, each of which must be found,
 * with the right verdict and, where one entry is to blame, that entry. */
#include "support.h"

/* y = sin x, with whatever is wrong with its rules */
typedef enum fault {
    NONE, NEGATED, DOUBLED, HALVED, ABSOLUTE, ONE_ENTRY, IGNORES_COTANGENT, SQUARES_COTANGENT,
    NOT_FINITE, ZERO, MEAN, TRANSPOSED, STALE, SECOND_ORDER, SECOND_ORDER_BY_COTANGENT, STORES,
    CONTIGUOUS_COTANGENT, CONTIGUOUS_INPUT, ONLY_F32, ONLY_BACKWARD, ONLY_VJP, CONSTANT_TERM,
    SLIGHTLY, AT_NEGATIVE, ABSOLUTE_COTANGENT, CONTIGUOUS_COTANGENT_IN_VJP, TINY_TERM, CLIPS
} fault;

static fault now;
enum { WRONG_ENTRY = 617 };

static double slope(double x, double g, int64_t k, int64_t n)
{
    double right = g * cos(x);
    switch (now) {
    case NEGATED:
        return -right;
    case DOUBLED:
        return 2 * right;
    case HALVED:
        return right / 2;
    case ABSOLUTE:
        return fabs(right);
    case ONE_ENTRY:
        return k == WRONG_ENTRY ? right + 0.01 : right;
    case IGNORES_COTANGENT:
        return cos(x);
    case SQUARES_COTANGENT:
        return g * right;
    case NOT_FINITE:
        return k == n - 1 ? NAN : right;
    case ZERO:
        return 0;
    case MEAN:
        return right / (double)n;
    case STALE:
        return g * cos(x + 0.125);
    case CONSTANT_TERM:
        return right + 1e-4;
    case SLIGHTLY:
        return right * (1 + 1e-5);
    case ABSOLUTE_COTANGENT:
        return fabs(g) * cos(x);
    case TINY_TERM:
        return right + 5e-10;
    case CLIPS:
        return fmin(fmax(g, -1), 1) * cos(x);
    case AT_NEGATIVE:
        return x < 0 ? -right : right;
    default:
        return right;
    }
}

static int64_t offset_of(const ct_tensor *t, int64_t k)
{
    int64_t at = 0;
    for (int d = ct_ndim(t) - 1; d >= 0; k /= ct_size(t, d), d--)
        at += k % ct_size(t, d) * ct_strides(t)[d];
    return at;
}

static double get(const ct_tensor *t, int64_t k)
{
    int64_t at = offset_of(t, k);
    return ct_dtype_of(t) == CT_F32 ? ((const float *)ct_data(t))[at]
                                    : ((const double *)ct_data(t))[at];
}

static void put(ct_tensor *t, int64_t k, double value)
{
    if (ct_dtype_of(t) == CT_F32)
        ((float *)ct_data_mutable(t))[k] = (float)value;
    else
        ((double *)ct_data_mutable(t))[k] = value;
}

static ct_status sine(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    bool flat = now == CONTIGUOUS_INPUT;
    for (int64_t k = 0; k < ct_count(x); k++)
        put(y, k, flat && !ct_is_contiguous(x) ? 0 : sin(get(x, k)));
    return CT_OK;
}

static ct_status sine_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ct_tensor *x = ct_call_x(call, 0);
    int64_t n = ct_count(x);
    for (int64_t k = 0; k < n; k++) {
        int64_t from = k;
        if (now == TRANSPOSED)
            from = k % ct_size(x, 1) * ct_size(x, 1) + k / ct_size(x, 1);
        double g = get(gy[0], from);
        if (now == CONTIGUOUS_COTANGENT && !ct_is_contiguous(gy[0]))
            g = get(gy[0], 0);
        double result = slope(get(x, from), g, k, n);
        if (now == ONLY_BACKWARD || (now == ONLY_F32 && ct_dtype_of(x) == CT_F32))
            result *= 3;
        bool adds = ct_call_adds(call, 0) && now != STORES;
        put(gx[0], k, adds ? result + get(gx[0], k) : result);
    }
    return CT_OK;
}

static ct_status sine_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *x = ct_call_x(call, 0), *g = gy[0];
    if (now == SECOND_ORDER)
        x = ct_detach(x);
    if (now == SECOND_ORDER_BY_COTANGENT)
        g = ct_detach(g);
    gx[0] = ct_mul(g, ct_cos(x));
    if (now == ONLY_VJP || (now == CONTIGUOUS_COTANGENT_IN_VJP && !ct_is_contiguous(g)))
        gx[0] = ct_scale(gx[0], 3);
    return CT_OK;
}

static int64_t shape[2] = { 4, 4 };

static int sine_sample(ct_context *c, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    if (k >= 2)
        return 0;
    x[0] = ct_randn(c, CT_F64, shape, 2);
    return 1;
}

static const ct_op sine_op = { .name = "sine", .saves = CT_SAVE_X(0), .infer = ct_infer_same,
                               .forward = sine, .vjp = sine_vjp, .backward = sine_backward,
                               .sample = sine_sample };

static ct_tensor *sines(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)user;
    return ct_apply(&sine_op, NULL, x, n);
}

/* -- Expectations */
static ct_gradcheck_report report;

static void expect_report(ct_verdict want, const char *fragment)
{
    const char *text = ct_gradcheck_text(cx, &report);
    ck_assert_msg(report.verdict == want, "fault %d: %s instead of %s: %s", (int)now,
                  ct_verdict_text(report.verdict), ct_verdict_text(want), text);
    ck_assert_msg(strstr(text, fragment) != NULL, "fault %d: no \"%s\" in %s", (int)now, fragment,
                  text);
    expect_ok();
}

/* as a function of a (4,4) tensor */
static void function_fails(fault f, const char *fragment)
{
    now = f;
    ct_tensor *x = ct_randn(cx, CT_F64, shape, 2);
    ct_gradcheck(cx, sines, NULL, &x, 1, &(ct_gradcheck_options){ .seed = 5 }, &report);
    expect_report(CT_GRADCHECK_FAIL, fragment);
    ck_assert_int_gt(report.wrong, 0);
    ck_assert_int_eq(report.input, 0);
    ck_assert_int_eq(report.order, 1);
}

static void operator_fails(fault f, int order, const char *fragment)
{
    now = f;
    ct_op op = sine_op;
    if (f == TINY_TERM || f == CLIPS)
        op.vjp = NULL; /* else the two rules differ */
    ct_gradcheck_op(cx, &op, &(ct_gradcheck_options){ .order = order }, &report);
    expect_report(CT_GRADCHECK_FAIL, fragment);
    ck_assert_str_eq(report.op, "sine");
    ck_assert_int_gt(report.wrong, 0);
}

/* -- The proof */
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

START_TEST(wrong_values)
{
    function_fails(NEGATED, "a sign is wrong");
    ck_assert(fabs(report.analytic + report.numeric) < 1e-6);
    function_fails(DOUBLED, "twice the right value");
    function_fails(HALVED, "half the right value");
    function_fails(MEAN, "1/16 of the right value");
    function_fails(ZERO, "zero where it should not be");
    function_fails(NOT_FINITE, "not finite");
    ck_assert_int_eq(report.wrong, 1);
    ck_assert(report.index[0] == 3 && report.index[1] == 3);
    ck_assert(isnan(report.analytic) && !isnan(report.numeric));
    function_fails(ABSOLUTE, "minus the right value"); /* of those that are wrong */
    function_fails(AT_NEGATIVE, "minus the right value");
    function_fails(STALE, "no simple pattern");
    function_fails(SLIGHTLY, "times the right value");
    function_fails(TRANSPOSED, "transposed");
}
END_TEST

START_TEST(wrong_in_the_cotangent)
{
    function_fails(IGNORES_COTANGENT, "it is ignored");
    function_fails(SQUARES_COTANGENT, "not linear in the cotangent");
    function_fails(CONSTANT_TERM, "not linear in the cotangent");
    function_fails(ABSOLUTE_COTANGENT, "minus the right value"); /* where it is negative */
    operator_fails(TINY_TERM, 1, "a cotangent of zero does not give zero");
    operator_fails(CLIPS, 1, "not linear in the cotangent");
}
END_TEST

START_TEST(one_wrong_entry_in_a_thousand)
{
    now = ONE_ENTRY;
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(10, 100));
    ct_gradcheck(cx, sines, NULL, &x, 1, NULL, &report);
    expect_report(CT_GRADCHECK_FAIL, "entry (6,17)");
    ck_assert_int_eq(report.compared, 1000);
    ck_assert_int_eq(report.wrong, 1);
}
END_TEST

START_TEST(a_direction_is_halved_until_the_entry_is_named)
{
    now = ONE_ENTRY;
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(40, 100));
    ct_gradcheck(cx, sines, NULL, &x, 1, &(ct_gradcheck_options){ .quick = true }, &report);
    expect_report(CT_GRADCHECK_FAIL, "entry (6,17)");
    ct_gradcheck(cx, sines, NULL, &x, 1, &(ct_gradcheck_options){ .max_entries = 10 }, &report);
    expect_report(CT_GRADCHECK_FAIL, "entry (6,17)");
    now = NOT_FINITE;
    ct_gradcheck(cx, sines, NULL, &x, 1, &(ct_gradcheck_options){ .quick = true }, &report);
    expect_report(CT_GRADCHECK_FAIL, "entry (39,99)");
}
END_TEST

START_TEST(wrong_at_second_order_only)
{
    now = SECOND_ORDER;
    ct_gradcheck_op(cx, &sine_op, NULL, &report);
    expect_report(CT_GRADCHECK_PASS, "PASS");
    operator_fails(SECOND_ORDER, 2, "zero");
    ck_assert_int_eq(report.order, 2);
    ck_assert_int_eq(report.input, 0);
    operator_fails(SECOND_ORDER_BY_COTANGENT, 2, "zero");
    ck_assert_int_eq(report.order, 2);
    ck_assert_int_eq(report.input, 1); /* the cotangent */
}
END_TEST

START_TEST(wrong_in_one_path_only)
{
    operator_fails(ONLY_BACKWARD, 1, "vjp is right");
    operator_fails(ONLY_VJP, 1, "vjp differs from backward");
    operator_fails(STORES, 1, "added to another");
    operator_fails(CONTIGUOUS_COTANGENT, 1, "not contiguous");
    operator_fails(CONTIGUOUS_COTANGENT_IN_VJP, 1, "vjp differs for inputs or cotangents");
    operator_fails(CONTIGUOUS_INPUT, 1, "not contiguous");
    operator_fails(ONLY_F32, 1, "differs in f32");
}
END_TEST

START_TEST(wrong_in_f32_only)
{
    now = ONLY_F32;
    ct_tensor *x = ct_randn(cx, CT_F32, CT_SHAPE(5));
    ct_gradcheck(cx, sines, NULL, &x, 1, NULL, &report);
    expect_report(CT_GRADCHECK_FAIL, "computed in f32");
    ck_assert_int_eq(report.wrong, 1);
    ck_assert_int_eq(report.ndim, 1);
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

/* -- Functions that cut the graph, and rules that are wrong at a kink */
static ct_tensor *half_cut(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_add(ct_square(x[0]), ct_mul(ct_detach(x[0]), x[1]));
}

static ct_tensor *cut(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_exp(ct_detach(x[0]));
}

START_TEST(a_graph_that_was_cut)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3)), *w = ct_ones(cx, CT_F64, CT_SHAPE(3));
    ct_gradcheck(cx, half_cut, NULL, CT_TENSORS(x, w), NULL, &report);
    expect_report(CT_GRADCHECK_FAIL, "input 0");
    ck_assert_int_eq(report.wrong, 3);
    ct_gradcheck(cx, cut, NULL, &x, 1, NULL, &report);
    expect_report(CT_GRADCHECK_FAIL, "detached");
}
END_TEST

static double at_kink;

static ct_status bent(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    for (int64_t k = 0; k < ct_count(x); k++)
        put(ct_call_y(call, 0), k, fmax(get(x, k), 0));
    return CT_OK;
}

static ct_status bent_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    const ct_tensor *x = ct_call_x(call, 0);
    for (int64_t k = 0; k < ct_count(x); k++) {
        double old = ct_call_adds(call, 0) ? get(gx[0], k) : 0;
        put(gx[0], k, old + get(gy[0], k) * (get(x, k) > 0 ? 1 : get(x, k) < 0 ? 0 : at_kink));
    }
    return CT_OK;
}

static const ct_op bent_op = { .name = "bent", .saves = CT_SAVE_X(0), .infer = ct_infer_same,
                               .forward = bent, .backward = bent_backward };

static ct_tensor *bents(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)user;
    return ct_apply(&bent_op, NULL, x, n);
}

START_TEST(at_a_kink_the_value_lies_between_the_slopes)
{
    static const double values[] = { 0, 0.3, 0.5, 1, -0.01, 1.01, -1, 2, NAN };
    for (int i = 0; i < 9; i++) {
        at_kink = values[i];
        ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(-1, 0, 1));
        ct_gradcheck(cx, bents, NULL, &x, 1, &(ct_gradcheck_options){ .accept_kinks = i % 2 },
                     &report);
        ct_verdict inside = i % 2 ? CT_GRADCHECK_PASS : CT_GRADCHECK_KINK;
        expect_report(i < 4 ? inside : CT_GRADCHECK_FAIL, "");
        ck_assert_int_eq(report.kinks, i < 4);
        ck_assert_int_eq(report.wrong, i >= 4);
        ck_assert_int_eq(report.index[0], 1);
    }
}
END_TEST

/* a wrong rule deep in a network of relus is found at any seed */
static ct_tensor *network(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *h = user;
    for (int i = 0; i < n; i++)
        h = ct_relu(ct_matmul(h, x[i]));
    return ct_sum(ct_apply(&sine_op, NULL, &h, 1) ? sines(c, &h, 1, NULL) : NULL);
}

START_TEST(wrong_networks_fail_at_any_seed)
{
    now = DOUBLED;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_seed(cx, seed);
        ct_tensor *w[3];
        for (int i = 0; i < 3; i++)
            w[i] = ct_scale(ct_randn(cx, CT_F64, CT_SHAPE(12, 12)), 0.5);
        ct_gradcheck(cx, network, ct_randn(cx, CT_F64, CT_SHAPE(4, 12)), w, 3,
                     &(ct_gradcheck_options){ .max_entries = 20, .seed = seed }, &report);
        expect_report(CT_GRADCHECK_FAIL, "twice the right value");
        ct_scope_end(cx, scope);
    }
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
    ct_gradcheck_op(cx, &bent_op, NULL, &report);
    expect_report(CT_GRADCHECK_INVALID, "no samples");
    const ct_op first_order = { .name = "bent", .saves = CT_SAVE_X(0), .infer = ct_infer_same,
                                .forward = bent, .backward = bent_backward,
                                .sample = sine_sample };
    ct_gradcheck_op(cx, &first_order, NULL, &report);
    expect_report(CT_GRADCHECK_PASS, "PASS");
    ct_gradcheck_op(cx, &first_order, &(ct_gradcheck_options){ .order = 2 }, &report);
    ck_assert_int_eq(report.verdict, CT_GRADCHECK_INVALID);
    ck_assert_ptr_nonnull(strstr(report.diagnosis, "first derivatives only"));
    expect_error(CT_ERROR_GRAPH, "bent", NULL);
}
END_TEST

static void check_operator(ct_context *c)
{
    ct_gradcheck_report r;
    now = NONE;
    shape[0] = shape[1] = 1;
    if (ct_gradcheck_op(c, &sine_op, &(ct_gradcheck_options){ .order = 2 }, &r) ==
        CT_GRADCHECK_INVALID)
        return;
    now = ONLY_BACKWARD;
    ct_gradcheck_op(c, &sine_op, NULL, &r);
}

START_TEST(any_allocation_may_fail)
{
    for_each_failing_allocation(check_operator);
}
END_TEST

Suite *gradcheck_broken_suite(void)
{
    return make_suite("gradcheck_broken", (const TTest *const[]){
        the_right_operator_passes, an_operator_for_f64_alone, wrong_values, wrong_in_the_cotangent,
        one_wrong_entry_in_a_thousand, a_direction_is_halved_until_the_entry_is_named,
        wrong_at_second_order_only, wrong_in_one_path_only, wrong_in_f32_only,
        a_lost_sum_over_what_was_broadcast, wrong_if_one_input_alone_requires_grad,
        cotangents_of_two_outputs_swapped,
        a_graph_that_was_cut, at_a_kink_the_value_lies_between_the_slopes,
        wrong_networks_fail_at_any_seed, attributes_that_are_not_plain,
        operators_without_a_derivative_or_samples,
        any_allocation_may_fail, NULL });
}
