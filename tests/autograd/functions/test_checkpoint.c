/* ct_checkpoint: the same derivatives as without it, and less memory. */
#include "support.h"

enum { STEPS = 10000, PART = 100 };

typedef struct layer {
    ct_tensor *w, *middle;
    int runs;
    double drop;
} layer;

/* sum of w sin(x0 w) + x1: w is captured */
static ct_tensor *waves(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    layer *l = user;
    (void)c;
    l->runs++;
    ct_tensor *y = ct_mul(ct_sin(ct_mul(x[0], l->w)), l->w);
    y = l->middle ? ct_mul(y, l->middle) : y;
    y = l->drop > 0 ? ct_dropout(y, l->drop) : y;
    return n > 1 ? ct_add(y, x[1]) : y;
}

static ct_tensor *vector(double a, double b)
{
    return ct_from_doubles(cx, CT_F64, CT_SHAPE(2), CT_DOUBLES(a, b));
}

START_TEST(gradients_are_those_of_the_function)
{
    layer l = { .w = ct_variable(vector(0.5, -2)) };
    ct_tensor *x[] = { ct_variable(vector(1, 2)), ct_variable(ct_scalar(cx, CT_F64, 3)) };
    l.middle = ct_exp(x[0]); /* a result that was made before, and depends on x too */
    ct_tensor *all[] = { x[0], x[1], l.w }, *want[3], *got[3];
    ct_tensor *plain = waves(cx, x, 2, &l), *y = ct_checkpoint(cx, waves, &l, x, 2);
    ck_assert_double_eq(ct_max_difference(plain, y), 0);
    ck_assert_int_eq(ct_grad(ct_sum(plain), NULL, all, 3, 0, want), CT_OK);
    ck_assert_int_eq(l.runs, 2);
    for (int i = 0; i < 2; i++) { /* twice over the same graph */
        ck_assert_int_eq(ct_grad(ct_sum(y), NULL, all, 3, CT_REQUIRE_PATH, got), CT_OK);
        for (int k = 0; k < 3; k++)
            expect_close(got[k], want[k], 2);
    }
    ck_assert_int_eq(l.runs, 4);
    ct_backward(ct_sum(ct_checkpoint(cx, waves, &l, x, 2)));
    for (int k = 0; k < 3; k++)
        expect_close(ct_gradient(all[k]), want[k], 2);
    ck_assert(strstr(ct_graph_text(y), "checkpoint -> f64 (2)"));
}
END_TEST

static ct_tensor *checked(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    layer *l = user;
    (void)n;
    l->w = x[1];
    l->middle = ct_sin(x[2]);
    return ct_sum(ct_square(ct_checkpoint(c, waves, l, x, 1)));
}

START_TEST(second_order)
{
    layer l = { 0 };
    ct_tensor *x[] = { vector(1, 2), vector(0.5, -0.7), vector(0.3, 0.4) };
    ct_gradcheck_report report;
    ct_verdict verdict = ct_gradcheck(cx, checked, &l, x, 3, &(ct_gradcheck_options){ .order = 2 },
                                      &report);
    ck_assert_msg(verdict == CT_GRADCHECK_PASS, "%s", ct_gradcheck_text(cx, &report));
    expect_ok();
}
END_TEST

static ct_tensor *nested(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *y = ct_checkpoint(c, waves, user, x, n);
    return ct_checkpoint(c, waves, user, CT_TENSORS(ct_sin(y)));
}

START_TEST(checkpoints_in_a_checkpoint)
{
    layer l = { .w = ct_variable(vector(0.5, -2)), .drop = 0.5 };
    ct_tensor *x = ct_variable(vector(1, 2)), *all[] = { x, l.w }, *want[2], *got[2];
    ct_seed(cx, 5);
    ct_tensor *y = waves(cx, &x, 1, &l);
    y = ct_sin(y);
    ct_grad(ct_sum(waves(cx, &y, 1, &l)), NULL, all, 2, 0, want);
    ct_seed(cx, 5);
    y = ct_checkpoint(cx, nested, &l, &x, 1);
    uint64_t draw = ct_random_u64(cx);
    ct_seed(cx, 5);
    y = ct_checkpoint(cx, nested, &l, &x, 1);
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, all, 2, 0, got), CT_OK);
    ck_assert(ct_random_u64(cx) == draw); /* the stream goes on as if nothing had run again */
    expect_close(got[0], want[0], 2);
    expect_close(got[1], want[1], 2);
}
END_TEST

START_TEST(dropout_repeats)
{
    layer l = { .w = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(64))), .drop = 0.5 };
    ct_tensor *x = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(64))), *g;
    ct_tensor *y = ct_checkpoint(cx, waves, &l, &x, 1);
    ct_seed(cx, 99); /* whatever the caller does with the stream */
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, &x, 1, 0, &g), CT_OK);
    /* both are 0 where the element was dropped */
    ck_assert_double_lt(ct_max_difference(ct_scale(y, cos(1) / sin(1)), g), 1e-12);
    ck_assert_double_gt(ct_item(ct_sum(ct_cast(ct_eq(g, ct_scalar_like(g, 0)), CT_F64))), 10);
}
END_TEST

static ct_tensor *run_module(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    return ct_module_forward(user, x[0]);
}

START_TEST(a_module_and_inference)
{
    ct_module *net = ct_mlp_new(cx, CT_F64, CT_SIZES(2, 8, 2), CT_TANH, NULL);
    int n;
    ct_tensor *const *p = ct_module_parameters(net, &n), *want[4], *got[4];
    ct_tensor *x = vector(1, 2);
    ct_grad(ct_sum(ct_module_forward(net, x)), NULL, p, n, 0, want);
    ck_assert_int_eq(n, 4);
    ct_tensor *y = ct_checkpoint(cx, run_module, net, &x, 1);
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, p, n, CT_REQUIRE_PATH, got), CT_OK);
    for (int i = 0; i < n; i++)
        ck_assert_double_eq(ct_max_difference(got[i], want[i]), 0);
    ct_scope scope = ct_scope_begin(cx);
    ct_inference(cx);
    ck_assert(!ct_requires_grad(ct_checkpoint(cx, waves, &(layer){ .w = p[3] }, &x, 1)));
    ct_scope_end(cx, scope);
}
END_TEST

/* x + w0^2 + w1^2 + ... */
static ct_tensor *squares(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *y = x[0], **w = user;
    (void)c, (void)n;
    for (; *w; w++)
        y = ct_add(y, ct_square(*w));
    return y;
}

START_TEST(many_tensors_are_captured)
{
    enum { MANY = 40 };
    ct_tensor *x = ct_scalar(cx, CT_F64, 1), *w[MANY + 1] = { NULL }, *g[MANY];
    for (int i = 0; i < MANY; i++)
        w[i] = ct_variable(ct_scalar(cx, CT_F64, i));
    ct_tensor *y = ct_checkpoint(cx, squares, w, &x, 1);
    ck_assert_int_eq(ct_grad(y, NULL, w, MANY, CT_REQUIRE_PATH, g), CT_OK);
    for (int i = 0; i < MANY; i++)
        ck_assert_double_eq(ct_item(g[i]), 2 * i);
}
END_TEST

static ct_tensor *count_calls(ct_tensor *gy, void *user)
{
    ++*(int *)user;
    return gy;
}

/* the walk inside runs no hook of a captured tensor, and the one outside runs it once */
START_TEST(hooks_of_a_captured_tensor)
{
    int calls = 0;
    layer l = { .w = ct_variable(vector(0.5, -2)) };
    ct_tensor *x = vector(1, 2);
    ck_assert_int_eq(ct_on_cotangent(l.w, count_calls, &calls), CT_OK);
    ct_tensor *y = ct_sum(ct_checkpoint(cx, waves, &l, &x, 1));
    for (int i = 1; i <= 2; i++) {
        ck_assert_int_eq(ct_backward(y), CT_OK);
        ck_assert_int_eq(calls, i);
    }
}
END_TEST

/* -- Memory */
static ct_tensor *step(ct_tensor *x)
{
    return ct_sin(ct_scale(x, 1.01));
}

static ct_tensor *part(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *y = x[0];
    (void)c, (void)n, (void)user;
    for (int i = 0; i < PART; i++) {
        y = step(y);
    }
    return y;
}

/* the peak, beyond what was there before, of the chain's gradient */
static int64_t peak(ct_context *c, bool checkpoints, int steps, double *gradient)
{
    ct_memory before, after;
    ct_tensor *x = ct_variable(ct_full(c, CT_F64, CT_SHAPE(1000), 0.5)), *y = x;
    ct_memory_stats(c, &before);
    for (int i = 0; i < steps / PART; i++) {
        ct_scope scope = ct_scope_begin(c);
        y = checkpoints ? ct_checkpoint(c, part, NULL, &y, 1) : part(c, &y, 1, NULL);
        y = ct_scope_return(c, scope, y);
    }
    ct_backward(ct_sum(y));
    *gradient = ct_item(ct_sum(ct_gradient(x)));
    ct_memory_stats(c, &after);
    return after.peak_bytes - before.live_bytes;
}

START_TEST(a_chain_in_the_root_of_its_memory)
{
    double want, got;
    ct_context *a = ct_context_new(NULL), *b = ct_context_new(NULL);
    int64_t kept = peak(a, false, STEPS / 10, &want) * 10, most = peak(b, true, STEPS, &got);
    /* 10^4 steps, two operators each, of 8 kB: 100 checkpoints and one part of 100 steps are alive
       at once, of 20,000 tensors */
    ck_assert_int_lt(most, 450 * 10000);
    ck_assert_int_gt(kept, 10000 * 8000);
    ct_context_free(a), ct_context_free(b);
    a = ct_context_new(NULL), b = ct_context_new(NULL);
    peak(a, false, STEPS / 10, &want), peak(b, true, STEPS / 10, &got);
    ck_assert_double_eq(want, got);
    ct_context_free(a), ct_context_free(b);
}
END_TEST

/* -- Failures */
static ct_tensor *moody(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    int *runs = user;
    (void)n;
    ++*runs;
    if (*runs == 2)
        return ct_select(x[0], 0, 0);
    return *runs < 4 ? ct_square(x[0]) : (ct_fail(c, CT_ERROR_VALUE, "bad mood"), NULL);
}

START_TEST(failures)
{
    int runs = 0;
    ct_tensor *x = ct_variable(vector(1, 2)), *y = ct_checkpoint(cx, moody, &runs, &x, 1), *g;
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, &x, 1, 0, &g), CT_ERROR_CALLBACK);
    expect_error(CT_ERROR_CALLBACK, "checkpoint: run again", "f64 (), and gave f64 (2)", NULL);
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, &x, 1, 0, &g), CT_OK);
    expect_values(g, (double[]){ 2, 4 }, 2, 0);
    ck_assert_int_eq(ct_grad(ct_sum(y), NULL, &x, 1, 0, &g), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "bad mood", NULL);
    ck_assert_ptr_null(ct_checkpoint(cx, moody, &runs, &x, 1));
    expect_error(CT_ERROR_VALUE, "bad mood", NULL);
    ck_assert_ptr_null(ct_checkpoint(cx, NULL, NULL, &x, 1));
    expect_error(CT_ERROR_NULL, "checkpoint: the function", NULL);

    layer l = { .w = ct_variable(vector(3, 4)) };
    y = ct_checkpoint(cx, waves, &l, &x, 1);
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    ct_fill(l.w, 1);
    ct_scope_end(cx, scope);
    ck_assert_int_eq(ct_backward(ct_sum(y)), CT_ERROR_STALE);
    expect_error(CT_ERROR_STALE, "checkpoint saved", "fill", NULL);
}
END_TEST

START_TEST(without_gradients)
{
    layer l = { .w = vector(1, 2) };
    ct_tensor *x = vector(1, 2), *y = ct_checkpoint(cx, waves, &l, &x, 1);
    ck_assert(!ct_requires_grad(y));
    expect_values(y, (double[]){ sin(1), 2 * sin(4) }, 2, 1e-15);
    l.w = ct_variable(l.w);
    ct_no_grad(cx);
    ck_assert(!ct_requires_grad(ct_checkpoint(cx, waves, &l, &x, 1)));
}
END_TEST

static void both_passes(ct_context *c)
{
    layer l = { .w = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2))) };
    ct_tensor *x = ct_variable(ct_ones(c, CT_F64, CT_SHAPE(2))), *g[2];
    ct_tensor *y = ct_sum(ct_checkpoint(c, nested, &l, &x, 1));
    if (ct_grad(y, NULL, CT_TENSORS(x, l.w), CT_CREATE_GRAPH, g) == CT_OK)
        ct_grad(ct_sum(g[0]), NULL, CT_TENSORS(x, l.w), 0, g);
}

START_TEST(every_allocation_fails_once)
{
    for_each_failing_allocation(both_passes);
}
END_TEST

Suite *checkpoint_suite(void);
Suite *checkpoint_suite(void)
{
    return make_suite("autograd/checkpoint", (const TTest *[]){
        gradients_are_those_of_the_function, second_order, checkpoints_in_a_checkpoint,
        dropout_repeats, a_module_and_inference, many_tensors_are_captured,
        hooks_of_a_captured_tensor, a_chain_in_the_root_of_its_memory, failures,
        without_gradients, every_allocation_fails_once, NULL });
}
