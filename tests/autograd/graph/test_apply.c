/* Operators as users define them: the contract of op.h, kept and broken. */
#include "support.h"

/* -- An operator whose parts can be made to go wrong: y = a x, with an auxiliary 2x */
enum { RIGHT, NO_OUTPUT, FAILS, FAILS_SILENTLY, WRONG_SHAPE, NO_COTANGENT, FOREIGN };

typedef struct knobs {
    double a;
    int *drops;
    int how;
} knobs;

static ct_context *foreign;

static ct_status knob_infer(ct_call *call)
{
    const knobs *k = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    if (k->how == NO_OUTPUT)
        return CT_OK;
    ct_status status = ct_infer_same(call);
    return status ? status : ct_call_set_aux(call, 0, CT_F64, ct_shape(x), ct_ndim(x));
}

static ct_status knob_forward(ct_call *call)
{
    const knobs *k = ct_call_attributes(call);
    const double *x = ct_data(ct_call_x(call, 0));
    double *y = ct_data_mutable(ct_call_y(call, 0)), *aux = ct_data_mutable(ct_call_aux(call, 0));
    double *scratch = ct_call_scratch(call, 100);
    if (!scratch)
        return CT_ERROR_MEMORY;
    ck_assert_int_eq((int)((uintptr_t)scratch % 64), 0);
    scratch[12] = 1;
    for (int64_t i = 0; i < ct_count(ct_call_x(call, 0)); i++)
        y[i] = k->a * x[i], aux[i] = 2 * x[i];
    if (k->how == FAILS)
        return ct_call_fail(call, CT_ERROR_VALUE, "as it was told");
    return k->how == FAILS_SILENTLY ? CT_ERROR_VALUE : CT_OK;
}

static ct_status knob_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const knobs *k = ct_call_attributes(call);
    ck_assert_double_eq(ct_at(ct_call_aux(call, 0), CT_INDEX(0)), 2 * 3);
    gx[0] = k->how == WRONG_SHAPE    ? ct_scalar_like(gy[0], 1)
            : k->how == NO_COTANGENT ? NULL
            : k->how == FOREIGN      ? ct_zeros(foreign, CT_F64, CT_SHAPE(2))
                                     : ct_scale(gy[0], k->a);
    return CT_OK;
}

static void knob_drop(void *attributes)
{
    ++*((knobs *)attributes)->drops;
}

static const ct_op knob = { .name = "knob", .flags = CT_OP_CONTIGUOUS, .saves = CT_SAVE_AUX,
                            .attributes_size = sizeof(knobs), .drop = knob_drop,
                            .infer = knob_infer, .forward = knob_forward, .vjp = knob_vjp };

static ct_tensor *pair(void)
{
    return ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(3, 4));
}

START_TEST(attributes_are_dropped_once)
{
    for (int how = RIGHT; how <= FAILS_SILENTLY; how++)
        for (int recorded = 0; recorded < 2; recorded++) {
            int drops = 0;
            ct_scope scope = ct_scope_begin(cx);
            ct_tensor *x = recorded ? ct_variable(pair()) : pair();
            ct_tensor *y = ct_apply(&knob, &(knobs){ 5, &drops, how }, &x, 1);
            ck_assert((y != NULL) == (how == RIGHT));
            ck_assert_int_eq(drops, y && recorded ? 0 : 1);
            ct_scope_end(cx, scope);
            ck_assert_int_eq(drops, 1);
            ct_error_clear(cx);
        }
    int drops = 0;
    ct_tensor *none = NULL;
    ck_assert_ptr_null(ct_apply(&knob, &(knobs){ 5, &drops, RIGHT }, &none, 1));
    ck_assert_int_eq(drops, 1);
}
END_TEST

static void expect_failure(int how, ct_status code, const char *fragment)
{
    static int drops;
    ct_tensor *x = ct_variable(pair());
    ct_tensor *y = ct_apply(&knob, &(knobs){ 5, &drops, how }, &x, 1);
    if (y)
        ck_assert_int_ne(ct_backward_from(y, pair()), CT_OK);
    ck_assert_ptr_null(ct_gradient(x));
    expect_error(code, "knob", fragment, NULL);
}

START_TEST(broken_contracts)
{
    expect_failure(NO_OUTPUT, CT_ERROR_CALLBACK, "did not set output 0");
    expect_failure(FAILS, CT_ERROR_VALUE, "as it was told: (2)");
    expect_failure(FAILS_SILENTLY, CT_ERROR_VALUE, "forward failed without saying why");
    expect_failure(WRONG_SHAPE, CT_ERROR_SHAPE, "cotangent f64 () for input 0, which is f64 (2)");
    expect_failure(NO_COTANGENT, CT_ERROR_CALLBACK, "no cotangent for input 0");
    foreign = ct_context_new(NULL);
    expect_failure(FOREIGN, CT_ERROR_CALLBACK, "no cotangent");
    ct_context_free(foreign);
}
END_TEST

START_TEST(inputs_made_contiguous)
{
    static int drops; /* the graph lives until the context goes */
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 2), CT_DOUBLES(3, 4, 5, 6));
    ct_tensor *v = ct_variable(ct_detach(ct_select(x, 1, 0)));
    ct_tensor *y = ct_apply(&knob, &(knobs){ 2, &drops, RIGHT }, &v, 1);
    expect_values(y, CT_DOUBLES(6, 10), 0);
    ck_assert_int_eq(ct_backward_from(y, ct_select(x, 1, 1)), CT_OK);
    expect_values(ct_gradient(v), CT_DOUBLES(8, 12), 0);
}
END_TEST

/* -- First order only, and no derivative at all */
static ct_status third_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0);
    return ct_assign(ct_call_y(call, 0), ct_scale(x, 3));
}

static ct_status third_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    if (ct_call_adds(call, 0))
        return ct_assign_add(gx[0], 3, gy[0]);
    return ct_assign(gx[0], ct_scale(gy[0], 3));
}

static const ct_op third = { .name = "third", .infer = ct_infer_same, .forward = third_forward,
                             .saves = CT_SAVE_X(0), .backward = third_backward };
static const ct_op no_rule = { .name = "no_rule", .infer = ct_infer_same,
                               .forward = third_forward };

START_TEST(first_order_only)
{
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, 2)), *g;
    ct_tensor *y = ct_apply(&third, NULL, &x, 1);
    ct_tensor *twice = ct_add(y, ct_add(ct_apply(&third, NULL, &x, 1), x));
    ck_assert_int_eq(ct_backward(twice), CT_OK); /* stores, and adds */
    ck_assert_double_eq(ct_item(ct_gradient(x)), 7);
    ck_assert_int_eq(ct_grad(y, NULL, &x, 1, CT_CREATE_GRAPH, &g), CT_ERROR_GRAPH);
    expect_error(CT_ERROR_GRAPH, "third", "first derivatives only", NULL);
    ck_assert_ptr_null(ct_apply(&no_rule, NULL, &x, 1));
    expect_error(CT_ERROR_GRAPH, "no_rule", "no derivative", NULL);
    ck_assert_double_eq(ct_item(ct_apply(&no_rule, NULL, CT_TENSORS(ct_detach(x)))), 6);
}
END_TEST

/* -- Several outputs: sin x and cos x, each derivative the other output */
static ct_status circle_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    for (int i = 0; i < 2; i++)
        if (ct_call_set_y(call, i, ct_dtype_of(x), ct_shape(x), ct_ndim(x)) != CT_OK)
            return CT_ERROR_MEMORY;
    return CT_OK;
}

static ct_status circle_forward(ct_call *call)
{
    const double *x = ct_data(ct_call_x(call, 0));
    *(double *)ct_data_mutable(ct_call_y(call, 0)) = sin(*x);
    *(double *)ct_data_mutable(ct_call_y(call, 1)) = cos(*x);
    return CT_OK;
}

static ct_status circle_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *by_sin = gy[0] ? ct_mul(gy[0], ct_call_y(call, 1)) : NULL;
    ct_tensor *by_cos = gy[1] ? ct_neg(ct_mul(gy[1], ct_call_y(call, 0))) : NULL;
    gx[0] = gy[0] && gy[1] ? ct_add(by_sin, by_cos) : gy[0] ? by_sin : by_cos;
    return CT_OK;
}

static const ct_op circle = { .name = "circle", .flags = CT_OP_CONTIGUOUS, .outputs = 2,
                              .saves = CT_SAVE_Y(0) | CT_SAVE_Y(1), .infer = circle_infer,
                              .forward = circle_forward, .vjp = circle_vjp };

START_TEST(several_outputs)
{
    ct_memory before, after;
    ct_memory_stats(cx, &before);
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, 0.3)), *y[2], *g = NULL;
    ck_assert_int_eq(ct_apply_all(&circle, NULL, &x, 1, y), CT_OK);
    ct_backward(ct_mul(y[0], y[1])); /* (sin cos)' = cos 2x */
    ck_assert_double_eq_tol(ct_item(ct_gradient(x)), cos(0.6), 1e-15);
    g = y[0]; /* one used, one not; four times round */
    const double want[] = { cos(0.3), -sin(0.3), -cos(0.3), sin(0.3) };
    for (int k = 0; k < 4; k++) {
        ck_assert_int_eq(ct_grad(g, NULL, &x, 1, CT_CREATE_GRAPH, &g), CT_OK);
        ck_assert_double_eq_tol(ct_item(g), want[k], 1e-15);
    }
    ct_scope_end(cx, scope);
    ct_memory_stats(cx, &after);
    ck_assert_int_eq(after.tensors, before.tensors);
    ck_assert_int_eq(after.nodes, before.nodes);
}
END_TEST

START_TEST(an_output_may_outlive_the_others)
{
    ct_scope outer = ct_scope_begin(cx), scope = ct_scope_begin(cx);
    ct_tensor *x = ct_retain(ct_variable(ct_scalar(cx, CT_F64, 0.3))), *y[2];
    ct_apply_all(&circle, NULL, &x, 1, y);
    ct_tensor *sine = ct_scope_return(cx, scope, y[0]);
    ck_assert_int_eq(ct_backward(sine), CT_OK);
    ck_assert_double_eq_tol(ct_item(ct_gradient(x)), cos(0.3), 1e-15);
    ck_assert_int_eq(ct_fill(ct_detach(sine), 7), CT_OK);
    ck_assert_int_eq(ct_backward(sine), CT_ERROR_STALE);
    expect_error(CT_ERROR_STALE, "circle", "fill", NULL);
    ct_scope_end(cx, outer);
    ct_release(x);
}
END_TEST

/* -- Views lie within what they are views of */
static ct_status window_infer(ct_call *call)
{
    const int64_t *w = ct_call_attributes(call); /* size, stride, offset */
    return ct_view(call, w, w + 1, 1, w[2]) ? CT_OK : ct_error(ct_call_context(call));
}

static const ct_op window = { .name = "window", .flags = CT_OP_VIEW,
                              .attributes_size = 3 * sizeof(int64_t), .infer = window_infer };

START_TEST(views_are_bounded)
{
    const int64_t good[][3] = { { 3, 1, 1 }, { 2, 3, 0 }, { 4, -1, 3 }, { 9, 0, 2 }, { 0, 1, 99 } };
    const int64_t bad[][3] = { { 3, 1, 2 }, { 2, 4, 0 }, { 4, -1, 2 }, { 1, 1, 4 }, { 1, 1, -1 } };
    ct_tensor *x = ct_range(cx, CT_F64, 4);
    for (int i = 0; i < 5; i++) {
        ck_assert_ptr_nonnull(ct_apply(&window, good[i], &x, 1));
        ck_assert_ptr_null(ct_apply(&window, bad[i], &x, 1));
        expect_error(CT_ERROR_RANGE, "window", "outside", NULL);
    }
    expect_values(ct_apply(&window, good[2], &x, 1), CT_DOUBLES(3, 2, 1, 0), 0);
    ck_assert_int_eq(ct_fill(ct_apply(&window, good[3], &x, 1), 1), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "read-only", NULL);
}
END_TEST

/* -- Operands */
START_TEST(operands)
{
    ct_context *other = ct_context_new(NULL);
    ct_tensor *x = ct_scalar(cx, CT_F64, 1), *theirs = ct_scalar(other, CT_F64, 1);
    ck_assert_ptr_null(ct_add(x, theirs));
    expect_error(CT_ERROR_CONTEXT, "add", "different contexts", NULL);
    ck_assert_ptr_null(ct_add(x, NULL));
    expect_error(CT_ERROR_NULL, "add", "operand 2", NULL);
    ck_assert_ptr_null(ct_add(NULL, NULL));
    expect_ok();
    ck_assert_ptr_null(ct_apply(NULL, NULL, &x, 1));
    ct_context_free(other);
}
END_TEST

static ct_status do_nothing(ct_call *call)
{
    (void)call;
    return CT_OK;
}

/* An update has no output: nothing is made for one, which would leak. */
START_TEST(inference_of_an_update_checks_shapes)
{
    static const ct_op update = { .name = "update", .inputs = 2, .flags = CT_OP_UPDATE,
                                  .infer = ct_infer_same, .forward = do_nothing };
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(2, 3)), *z = ct_zeros(cx, CT_F64, CT_SHAPE(3));
    ck_assert_int_eq(ct_apply_all(&update, NULL, (ct_tensor *[]){ x, x }, 2, NULL), CT_OK);
    ck_assert_int_eq(ct_apply_all(&update, NULL, (ct_tensor *[]){ x, z }, 2, NULL),
                     CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "update", "shapes differ", NULL);
}
END_TEST

static void apply_all(ct_context *c)
{
    static int drops;
    ct_tensor *x = ct_variable(ct_scalar(c, CT_F64, 3)), *y[2] = { NULL, NULL }, *g;
    ct_apply_all(&circle, NULL, &x, 1, y);
    if (ct_grad(ct_mul(y[0], y[1]), NULL, &x, 1, CT_CREATE_GRAPH, &g) == CT_OK)
        ct_backward(g);
    ct_tensor *v = ct_variable(ct_full(c, CT_F64, CT_SHAPE(1), 3));
    ct_tensor *z = ct_apply(&knob, &(knobs){ 5, &drops, RIGHT }, &v, 1);
    if (z)
        ct_backward(z);
}

START_TEST(every_allocation_fails_once)
{
    for_each_failing_allocation(apply_all);
}
END_TEST

Suite *apply_suite(void);
Suite *apply_suite(void)
{
    return make_suite("autograd/apply", (const TTest *[]){
        attributes_are_dropped_once, broken_contracts, inputs_made_contiguous, first_order_only,
        several_outputs, an_output_may_outlive_the_others, views_are_bounded, operands,
        inference_of_an_update_checks_shapes, every_allocation_fails_once, NULL });
}
