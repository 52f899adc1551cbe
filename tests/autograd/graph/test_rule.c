/* Rules: what the engine does with what they give, and what they may ask. */
#include "support.h"

static ct_tensor *variable(double value)
{
    return ct_variable(ct_scalar(cx, CT_F64, value));
}

static ct_tensor *two(void)
{
    return ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(1, 2)));
}

static ct_status copy_forward(ct_call *call)
{
    return ct_assign(ct_call_y(call, 0), ct_call_x(call, 0));
}

/* -- Zero, for free */
static ct_status zero_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)gy;
    gx[0] = ct_call_zero(call, 0);
    return CT_OK;
}

static const ct_op stop = { .name = "stop", .infer = ct_infer_same, .forward = copy_forward,
                            .vjp = zero_vjp };

START_TEST(a_zero_stays_zero)
{
    ct_tensor *x = variable(3), *y = ct_apply(&stop, NULL, &x, 1), *g;
    ck_assert_int_eq(ct_backward(ct_add(y, ct_add(ct_square(x), y))), CT_OK);
    ck_assert_double_eq(ct_item(ct_gradient(x)), 6);
    ck_assert_int_eq(ct_grad(y, NULL, &x, 1, 0, &g), CT_OK);
    ck_assert_double_eq(ct_item(g), 0);
    /* the engine knows it to be zero: so nobody may write another value there */
    ck_assert_int_eq(ct_fill(g, 5), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "read-only", NULL);
    ck_assert_int_eq(ct_fill(ct_detach(g), 5), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "read-only", NULL);
    ct_zero_grad(x);
    ck_assert_int_eq(ct_backward(y), CT_OK); /* a gradient is x's own, to be written */
    ck_assert_int_eq(ct_fill(ct_gradient(x), 5), CT_OK);
    ck_assert_int_eq(ct_backward_from(ct_add(x, x), ct_gradient(x)), CT_OK);
    ck_assert_double_eq(ct_item(ct_gradient(x)), 15);
}
END_TEST

/* -- y0 = x, y1 = 2, an integer that the rule reads: gx = y1 gy0 x */
static ct_status counted_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    ct_status status = ct_call_set_y(call, 0, ct_dtype_of(x), ct_shape(x), ct_ndim(x));
    return status ? status : ct_call_set_y(call, 1, CT_I64, NULL, 0);
}

static ct_status counted_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0);
    ct_status status = ct_fill(ct_call_y(call, 1), 2);
    return status ? status : ct_assign(ct_call_y(call, 0), ct_square(x));
}

static ct_status counted_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ck_assert_ptr_null(gy[1]);
    ck_assert(!ct_requires_grad(ct_call_y(call, 1)));
    ct_tensor *factor = ct_cast(ct_call_y(call, 1), CT_F64);
    gx[0] = ct_mul(ct_mul(gy[0], factor), ct_call_x(call, 0));
    return CT_OK;
}

static const ct_op counted = { .name = "counted", .outputs = 2,
                               .saves = CT_SAVE_X(0) | CT_SAVE_Y(1), .infer = counted_infer,
                               .forward = counted_forward, .vjp = counted_vjp };

START_TEST(an_integer_among_the_outputs)
{
    ct_tensor *x = variable(3), *y[2], *g, *h;
    ck_assert_int_eq(ct_apply_all(&counted, NULL, &x, 1, y), CT_OK);
    ck_assert(ct_requires_grad(y[0]) && !ct_requires_grad(y[1]));
    ck_assert_int_eq(ct_grad(y[0], NULL, &x, 1, CT_CREATE_GRAPH, &g), CT_OK);
    ck_assert_double_eq(ct_item(g), 6);
    ck_assert_int_eq(ct_grad(g, NULL, &x, 1, 0, &h), CT_OK);
    ck_assert_double_eq(ct_item(h), 2);
}
END_TEST

/* -- A kernel that makes infinities */
static ct_status burst_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    (void)gy, (void)call;
    return ct_fill(gx[0], INFINITY);
}

static const ct_op burst = { .name = "burst", .infer = ct_infer_same, .forward = copy_forward,
                             .backward = burst_backward };

START_TEST(nonfinite_is_found_where_it_is_made)
{
    for (int first = 0; first < 2; first++) { /* stored, or added to what is there */
        ct_tensor *x = variable(3), *a = ct_square(x), *b = ct_square(x);
        ct_tensor *bad = ct_apply(&burst, NULL, &x, 1);
        ct_tensor *y = first ? ct_add(bad, ct_add(a, b)) : ct_add(ct_add(a, b), bad);
        ct_find_nonfinite(cx, true);
        ck_assert_int_eq(ct_backward(y), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "burst", "backward", NULL);
        ct_find_nonfinite(cx, false);
    }
}
END_TEST

/* -- Shapes: a broadcast is summed back where the operator says that it broadcasts */
static ct_status like_y_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    for (int i = 0; i < ct_call_inputs(call); i++)
        gx[i] = gy[0];
    return CT_OK;
}

static ct_status sum_forward(ct_call *call)
{
    return ct_assign(ct_call_y(call, 0), ct_add(ct_call_x(call, 0), ct_call_x(call, 1)));
}

static ct_status like_y_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ck_assert(!gx[0] || gx[0] != gx[1]); /* one tensor twice: still a place for each */
    for (int i = 0; i < ct_call_inputs(call); i++) {
        if (!gx[i])
            continue;
        ck_assert(ct_is_contiguous(gx[i]));
        ct_status status = ct_call_adds(call, i) ? ct_assign_add(gx[i], 1, gy[0])
                                                 : ct_assign(gx[i], gy[0]);
        if (status != CT_OK)
            return status;
    }
    return CT_OK;
}

static const ct_op sums[] = {
    { .name = "sum_a", .flags = CT_OP_BROADCAST, .infer = ct_infer_broadcast,
      .forward = sum_forward, .vjp = like_y_vjp },
    { .name = "sum_b", .flags = CT_OP_BROADCAST, .infer = ct_infer_broadcast,
      .forward = sum_forward, .backward = like_y_backward },
    { .name = "sum_c", .infer = ct_infer_broadcast, .forward = sum_forward, .vjp = like_y_vjp }
};

START_TEST(summed_back_only_where_it_is_said)
{
    for (int k = 0; k < 3; k++) {
        ct_tensor *x[] = { two(), ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(3, 1))) };
        ct_tensor *y = ct_apply(&sums[k], NULL, x, 2);
        ct_status status = ct_backward_from(y, ct_ones_like(y));
        if (k == 2) {
            ck_assert_int_eq(status, CT_ERROR_SHAPE);
            expect_error(CT_ERROR_SHAPE, "sum_c", "(3,2)", "input 0", "(2)", NULL);
            continue;
        }
        expect_values(ct_gradient(x[0]), CT_DOUBLES(3, 3), 0);
        expect_values(ct_gradient(x[1]), CT_DOUBLES(2, 2, 2), 0);
        ct_tensor *v = two(), *twice[] = { v, v }; /* with a cotangent pending, and without */
        ct_tensor *z = ct_apply(&sums[k], NULL, twice, 2), *square = ct_square(v);
        ck_assert_int_eq(ct_backward_from(ct_add(z, square), ct_ones_like(z)), CT_OK);
        expect_values(ct_gradient(v), CT_DOUBLES(4, 6), 0);
        ct_zero_grad(v);
        ck_assert_int_eq(ct_backward_from(ct_add(square, z), ct_ones_like(z)), CT_OK);
        expect_values(ct_gradient(v), CT_DOUBLES(4, 6), 0);
    }
}
END_TEST

/* -- What is wanted */
static int wanted[3];

static ct_status product_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    for (int i = 0; i < 3; i++)
        wanted[i] = ct_call_wants(call, i);
    ck_assert(!ct_call_wants(call, -1) && !ct_call_wants(call, 3));
    gx[0] = gy[0]; /* given though perhaps not wanted: it goes nowhere */
    gx[1] = ct_call_wants(call, 1) ? gy[0] : NULL;
    gx[2] = ct_call_wants(call, 2) ? gy[0] : NULL;
    return CT_OK;
}

static ct_status first_forward(ct_call *call)
{
    ck_assert(!ct_call_wants(call, 0) && !ct_is_recording(ct_call_context(call)));
    return copy_forward(call);
}

static const ct_op picky = { .name = "picky", .infer = ct_infer_same, .forward = first_forward,
                             .vjp = product_vjp };

START_TEST(only_what_is_wanted)
{
    ct_tensor *x[] = { ct_scalar(cx, CT_F64, 1), variable(2), ct_square(variable(3)) }, *g;
    ct_tensor *y = ct_apply(&picky, NULL, x, 3);
    ck_assert_int_eq(ct_grad(y, NULL, &x[1], 1, 0, &g), CT_OK);
    ck_assert(!wanted[0] && wanted[1] && !wanted[2]);
    ck_assert_int_eq(ct_backward(y), CT_OK);
    ck_assert(!wanted[0] && wanted[1] && wanted[2]);
    ck_assert_ptr_null(ct_gradient(x[0]));
}
END_TEST

/* -- A rule that reads what it did not save; one that walks; one that writes modes */
static ct_status greedy_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ck_assert_int_eq(ct_count(ct_call_x(call, 0)), 1); /* the shape is there */
    gx[0] = ct_mul(gy[0], ct_call_x(call, 0));
    return gx[0] ? CT_OK : CT_ERROR_STALE;
}

static const ct_op greedy = { .name = "greedy", .infer = ct_infer_same, .forward = copy_forward,
                              .vjp = greedy_vjp };

START_TEST(data_that_were_not_saved)
{
    ct_tensor *x = variable(3);
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *h = ct_square(x);
    ct_tensor *y = ct_scope_return(cx, scope, ct_apply(&greedy, NULL, &h, 1));
    ck_assert_int_eq(ct_backward(y), CT_ERROR_STALE);
    expect_error(CT_ERROR_STALE, "mul", "no operator saved it", NULL);
}
END_TEST

static ct_status walking_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    double at = 3, slope;
    (void)call;
    ct_no_grad(ct_context_of(gy[0])); /* ends with the rule */
    ct_value_and_gradient(ct_context_of(gy[0]), (ct_function)NULL, NULL, &at, 1, &slope);
    ct_error_clear(ct_context_of(gy[0]));
    ct_tensor *v = ct_variable(ct_scalar(ct_context_of(gy[0]), CT_F64, at));
    if (ct_backward_from(v, gy[0]) != CT_OK)
        return CT_ERROR_GRAPH;
    gx[0] = ct_gradient(v);
    return CT_OK;
}

static const ct_op walking = { .name = "walking", .infer = ct_infer_same,
                               .forward = copy_forward, .vjp = walking_vjp };

START_TEST(a_rule_that_walks)
{
    ct_tensor *x = variable(3);
    ck_assert_int_eq(ct_backward(ct_square(ct_apply(&walking, NULL, &x, 1))), CT_OK);
    ck_assert_double_eq(ct_item(ct_gradient(x)), 6);
    ck_assert(ct_is_recording(cx));
}
END_TEST

/* -- Many inputs: past what an operator's masks and the engine's arrays have room for */
static ct_status total_forward(ct_call *call)
{
    double total = 0;
    for (int i = 0; i < ct_call_inputs(call); i++)
        total += ct_item(ct_call_x(call, i));
    return ct_fill(ct_call_y(call, 0), total);
}

static const ct_op totals[] = {
    { .name = "total_a", .infer = ct_infer_scalar, .forward = total_forward, .vjp = like_y_vjp },
    { .name = "total_b", .infer = ct_infer_scalar, .forward = total_forward,
      .backward = like_y_backward }
};

START_TEST(many_inputs)
{
    enum { N = 100 };
    for (int k = 0; k < 2; k++) {
        ct_tensor *x[N], *shared = variable(1);
        for (int i = 0; i < N; i++)
            x[i] = i % 2 ? shared : variable(i);
        ct_tensor *y = ct_add(ct_apply(&totals[k], NULL, x, N), ct_square(shared));
        ck_assert_int_eq(ct_backward(y), CT_OK);
        ck_assert_double_eq(ct_item(ct_gradient(shared)), N / 2 + 2);
        ck_assert_double_eq(ct_item(ct_gradient(x[98])), 1);
    }
}
END_TEST

/* -- Attributes, dropped on every path */
static int drops;

static void count_drop(void *attributes)
{
    (void)attributes;
    drops++;
}

static const ct_op dropping = { .name = "dropping", .drop = count_drop, .infer = ct_infer_same,
                                .forward = copy_forward, .vjp = like_y_vjp };

START_TEST(dropped_once)
{
    ct_tensor *x = two();
    ct_scope scope = ct_scope_begin(cx);
    ck_assert_ptr_nonnull(ct_apply(&dropping, NULL, &x, 1));
    ct_scope_end(cx, scope);
    ck_assert_int_eq(drops, 1);
    ck_assert_ptr_null(ct_apply(&dropping, NULL, NULL, 1));
    ck_assert_int_eq(drops, 2);
    ck_assert_int_ne(ct_apply_all(&dropping, NULL, &x, -1, NULL), CT_OK);
    ck_assert_int_eq(drops, 3);
    ck_assert_ptr_null(ct_apply(&dropping, NULL, NULL, 0));
    ck_assert_int_eq(drops, 4);
}
END_TEST

/* -- A cotangent that nobody else sees is turned in place */
static int turned, calls_of_triple;

static ct_status triple_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    calls_of_triple++;
    turned += gx[0] == gy[0];
    const double *from = ct_data(gy[0]);
    double *to = ct_data_mutable(gx[0]);
    for (int64_t i = 0, s = ct_strides(gy[0])[0]; i < ct_count(gx[0]); i++)
        to[i] = 3 * from[i * s] + (ct_call_adds(call, 0) ? to[i] : 0);
    return CT_OK;
}

static ct_status triple_forward(ct_call *call)
{
    return ct_assign(ct_call_y(call, 0), ct_scale(ct_call_x(call, 0), 3));
}

static const ct_op triple = { .name = "triple", .flags = CT_OP_IN_PLACE, .infer = ct_infer_same,
                              .forward = triple_forward, .backward = triple_backward };

static ct_tensor *triple_of(ct_tensor *x)
{
    return ct_apply(&triple, NULL, &x, 1);
}

static void expect_turned(int of, int want)
{
    expect_ok();
    ck_assert_int_eq(calls_of_triple, of);
    ck_assert_int_eq(turned, want);
    turned = calls_of_triple = 0;
}

static ct_tensor *retain_it(ct_tensor *g, void *kept)
{
    *(ct_tensor **)kept = ct_retain(g);
    return g;
}

START_TEST(a_cotangent_of_nobody_turns_in_place)
{
    ct_tensor *x = two(), *ones = ct_ones(cx, CT_F64, CT_SHAPE(2)), *g[2], *kept = NULL;
    ct_tensor *y = triple_of(triple_of(triple_of(x)));
    ck_assert_int_eq(ct_backward_from(y, ones), CT_OK); /* the caller's own stays as it is */
    expect_values(ct_gradient(x), CT_DOUBLES(27, 27), 0);
    expect_values(ones, CT_DOUBLES(1, 1), 0);
    expect_turned(3, 2);

    ct_zero_grad(x); /* two uses of one: the second adds, the sum turns */
    ct_tensor *u = triple_of(x);
    ct_backward_from(ct_add(triple_of(u), triple_of(u)), ones);
    expect_values(ct_gradient(x), CT_DOUBLES(18, 18), 0);
    expect_turned(3, 1);

    ct_tensor *v = triple_of(x), *z = triple_of(triple_of(v)); /* a target's is handed out */
    ct_grad(z, ones, (ct_tensor *[]){ v, x }, 2, 0, g);
    expect_values(g[0], CT_DOUBLES(9, 9), 0);
    expect_values(g[1], CT_DOUBLES(27, 27), 0);
    expect_turned(3, 1);

    ct_on_cotangent(v, retain_it, &kept); /* a hook may keep it */
    ct_grad(z, ones, &x, 1, 0, g);
    expect_values(kept, CT_DOUBLES(9, 9), 0);
    expect_values(g[0], CT_DOUBLES(27, 27), 0);
    expect_turned(3, 1);
    ct_release(kept);
}
END_TEST

/* -- The same with two inputs, y = 2 a + 3 b: the last cotangent that is wanted is gy itself */
static int turned_of[2], failing;

static ct_status weigh_forward(ct_call *call)
{
    return ct_assign(ct_call_y(call, 0), ct_add(ct_scale(ct_call_x(call, 0), 2),
                                                ct_scale(ct_call_x(call, 1), 3)));
}

static ct_status weigh_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    for (int i = 0; i < 2; i++) {
        if (!gx[i])
            continue;
        turned_of[i] += gx[i] == gy[0];
        ct_tensor *g = ct_scale(gy[0], 2 + i);
        if (ct_call_adds(call, i) ? ct_assign_add(gx[i], 1, g) : ct_assign(gx[i], g))
            return ct_error(cx);
    }
    return failing && --failing == 0 ? CT_ERROR_VALUE : CT_OK;
}

static ct_tensor *weigh(ct_tensor *a, ct_tensor *b)
{
    static const ct_op op = { .name = "weigh", .infer = ct_infer_broadcast,
                              .flags = CT_OP_IN_PLACE | CT_OP_BROADCAST,
                              .forward = weigh_forward, .backward = weigh_backward };
    return ct_apply(&op, NULL, CT_TENSORS(a, b));
}

static void expect_both(int first, int second)
{
    expect_ok();
    ck_assert_int_eq(turned_of[0], first);
    ck_assert_int_eq(turned_of[1], second);
    turned_of[0] = turned_of[1] = 0;
}

START_TEST(the_last_cotangent_turns_in_place)
{
    ct_tensor *a = two(), *b = two(), *c = two(), *row = variable(1), *g[3];
    ct_tensor *constant = ct_ones(cx, CT_F64, CT_SHAPE(2)), *all[] = { a, b, c };
    ct_tensor *y = weigh(weigh(a, b), c), *ones = ct_ones(cx, CT_F64, CT_SHAPE(2));
    /* gy of weigh(a, b) is nobody else's; sum's is a view */
    ct_grad(ct_sum(y), NULL, all, 3, 0, g);
    expect_values(g[0], CT_DOUBLES(4, 4), 0);
    expect_values(g[1], CT_DOUBLES(6, 6), 0);
    expect_values(g[2], CT_DOUBLES(3, 3), 0);
    expect_both(0, 1);

    ct_grad(weigh(weigh(a, constant), c), ones, all, 1, 0, g); /* the first, where it alone is */
    expect_values(g[0], CT_DOUBLES(4, 4), 0);
    expect_values(ones, CT_DOUBLES(1, 1), 0);
    expect_both(1, 0);

    ct_grad(weigh(weigh(a, row), c), ones, CT_TENSORS(a, row), 0, g); /* another shape: no */
    expect_values(g[0], CT_DOUBLES(4, 4), 0);
    expect_values(g[1], CT_DOUBLES(12), 0);
    expect_both(0, 0);

    ct_grad(weigh(weigh(a, a), c), ones, all, 1, 0, g); /* both are a's: summed */
    expect_values(g[0], CT_DOUBLES(10, 10), 0);
    expect_both(0, 1);

    ct_tensor *u = weigh(a, b); /* a pending cotangent is added to */
    ct_grad(weigh(weigh(a, u), u), ones, CT_TENSORS(a, b), 0, g);
    expect_values(g[0], CT_DOUBLES(4 + 2 * (6 + 3), 4 + 2 * (6 + 3)), 0);
    expect_values(g[1], CT_DOUBLES(3 * (6 + 3), 3 * (6 + 3)), 0);

    turned_of[0] = turned_of[1] = 0;
    failing = 2; /* in the second rule, which has turned one */
    ck_assert_int_ne(ct_grad(weigh(weigh(a, b), c), ones, all, 2, 0, g), CT_OK);
    expect_error(CT_ERROR_VALUE, "weigh", NULL);
}
END_TEST

/* -- Messages about operands of which some are not there */
START_TEST(foreign_and_missing_operands)
{
    ct_context *other = ct_context_new(NULL);
    ct_tensor *x[] = { two(), ct_scalar(other, CT_F64, 1), NULL };
    ck_assert_ptr_null(ct_apply(&picky, NULL, x, 3));
    ck_assert_int_ne(ct_error(cx), CT_OK);
    expect_error(ct_error(cx), "picky", NULL);
    ct_context_free(other);
}
END_TEST

Suite *rule_suite(void);
Suite *rule_suite(void)
{
    return make_suite("autograd/rule", (const TTest *[]){
        a_zero_stays_zero, an_integer_among_the_outputs, nonfinite_is_found_where_it_is_made,
        summed_back_only_where_it_is_said, only_what_is_wanted, data_that_were_not_saved,
        a_rule_that_walks, many_inputs, dropped_once, a_cotangent_of_nobody_turns_in_place,
        the_last_cotangent_turns_in_place, foreign_and_missing_operands, NULL });
}
