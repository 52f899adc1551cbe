/* The graph and the walk backward over it. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <pthread.h>

static ct_tensor *variable(double value)
{
    return ct_variable(ct_scalar(cx, CT_F64, value));
}

static double gradient(const ct_tensor *x)
{
    return ct_item(ct_gradient(x));
}

/* -- Values */
START_TEST(product_rule)
{
    ct_tensor *x = variable(3), *y = ct_mul(x, ct_sin(x));
    ck_assert_int_eq(ct_backward(y), CT_OK);
    ck_assert_double_eq_tol(gradient(x), sin(3) + 3 * cos(3), 1e-15);
}
END_TEST

START_TEST(one_tensor_twice)
{
    ct_tensor *x = variable(3);
    ct_backward(ct_mul(x, x));
    ck_assert_double_eq(gradient(x), 6);
    ct_zero_grad(x);
    ct_backward(ct_add(x, x));
    ck_assert_double_eq(gradient(x), 2);
}
END_TEST

START_TEST(diamonds)
{
    ct_tensor *a = variable(1), *b = ct_add(a, a), *c = ct_add(b, b);
    ct_backward(c);
    ck_assert_double_eq(gradient(a), 4);
    ct_zero_grad(a);
    for (int i = 0; i < 60; i++) /* 2^60 paths, 60 visits */
        c = i ? ct_add(c, c) : a;
    ct_backward(c);
    ck_assert_double_eq(gradient(a), 0x1p59);
}
END_TEST

START_TEST(used_a_thousand_times)
{
    ct_tensor *x = variable(2), *sum = ct_scalar(cx, CT_F64, 0);
    for (int i = 0; i < 1000; i++)
        sum = ct_add(sum, ct_mul(x, x));
    ct_backward(sum);
    ck_assert_double_eq(gradient(x), 4000);
}
END_TEST

START_TEST(sin_four_times_round)
{
    ct_tensor *x = variable(0.3), *y = ct_sin(x);
    const double want[] = { cos(0.3), -sin(0.3), -cos(0.3), sin(0.3) };
    for (int k = 0; k < 4; k++) {
        ck_assert_int_eq(ct_grad(y, NULL, &x, 1, CT_CREATE_GRAPH, &y), CT_OK);
        ck_assert_double_eq_tol(ct_item(y), want[k], 1e-15);
    }
    ck_assert_ptr_null(ct_gradient(x)); /* ct_grad accumulates nothing */
}
END_TEST

START_TEST(twice_through_the_same_graph)
{
    ct_tensor *x = variable(0.5), *y = ct_tanh(x);
    ct_backward(y);
    double once = gradient(x);
    ct_backward(y);
    ck_assert_double_eq(gradient(x), 2 * once);
    ct_zero_grad(x);
    ck_assert_ptr_null(ct_gradient(x));
}
END_TEST

/* two variables get one cotangent, the caller's: each must have a gradient of its own */
START_TEST(gradients_are_not_shared)
{
    ct_tensor *a = variable(1), *b = variable(2), *y = ct_add(a, b);
    ct_tensor *gy = ct_scalar(cx, CT_F64, 3);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(ct_backward_from(y, gy), CT_OK);
    ck_assert_double_eq(gradient(a), 6);
    ck_assert_double_eq(gradient(b), 6);
    ck_assert_double_eq(ct_item(gy), 3);
    ck_assert_ptr_ne(ct_data(ct_gradient(a)), ct_data(ct_gradient(b)));
}
END_TEST

/* -- ct_grad and its flags */
START_TEST(unreachable)
{
    ct_tensor *x = variable(2), *z = ct_named(variable(3), "z"), *y = ct_square(x);
    ct_tensor *xs[] = { x, z }, *gx[2];
    ck_assert_int_eq(ct_grad(y, NULL, xs, 2, 0, gx), CT_OK);
    ck_assert_double_eq(ct_item(gx[0]), 4);
    ck_assert_ptr_null(gx[1]);
    ck_assert_int_eq(ct_grad(y, NULL, xs, 2, CT_ZERO_PATH, gx), CT_OK);
    ck_assert_double_eq(ct_item(gx[1]), 0);
    ck_assert_int_eq(ct_grad(y, NULL, xs, 2, 8 | CT_ZERO_PATH, gx), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "unknown flags in 0xc", NULL);
    ck_assert(!gx[0] && !gx[1]);
    ck_assert_int_eq(ct_grad(y, NULL, xs, 2, CT_REQUIRE_PATH, gx), CT_ERROR_GRAPH);
    ck_assert_ptr_null(gx[0]);
    expect_error(CT_ERROR_GRAPH, "grad", "x1", "z", NULL);
}
END_TEST

START_TEST(inner_targets)
{
    ct_tensor *x = variable(2), *h = ct_square(x), *y = ct_square(h);
    ct_tensor *xs[] = { h, x, y, h }, *gx[4];
    ck_assert_int_eq(ct_grad(y, NULL, xs, 4, 0, gx), CT_OK);
    ck_assert_double_eq(ct_item(gx[0]), 8);
    ck_assert_double_eq(ct_item(gx[1]), 32);
    ck_assert_double_eq(ct_item(gx[2]), 1);
    ck_assert_ptr_eq(gx[3], gx[0]);
}
END_TEST

static int visits;

static ct_tensor *count_visit(ct_tensor *gy, void *user)
{
    (void)user;
    visits++;
    return gy;
}

START_TEST(goes_no_further_than_needed)
{
    ct_tensor *w = variable(2), *side = ct_square(w), *x = variable(3);
    ct_on_cotangent(side, count_visit, NULL);
    ct_tensor *y = ct_mul(side, x), *gx;
    visits = 0;
    ck_assert_int_eq(ct_grad(y, NULL, &x, 1, 0, &gx), CT_OK);
    ck_assert_double_eq(ct_item(gx), 4);
    ck_assert_int_eq(visits, 0);
}
END_TEST

START_TEST(given_cotangents)
{
    ct_tensor *x = ct_variable(ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(1, 2, 3)));
    ct_tensor *y = ct_square(x);
    ct_tensor *gy = ct_from_doubles(cx, CT_F64, CT_SHAPE(3), CT_DOUBLES(1, 0, -1));
    ck_assert_int_eq(ct_backward_from(y, gy), CT_OK);
    expect_values(ct_gradient(x), CT_DOUBLES(2, 0, -6), 0);
    ck_assert_int_eq(ct_backward(y), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "backward", "(3)", "cotangent", NULL);
    ck_assert_int_eq(ct_backward_from(y, ct_zeros(cx, CT_F64, CT_SHAPE(2))), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "backward_from", "(2)", "(3)", NULL);
    ck_assert_int_eq(ct_backward_from(y, ct_zeros(cx, CT_F32, CT_SHAPE(3))), CT_ERROR_DTYPE);
    expect_error(CT_ERROR_DTYPE, "f32", "f64", NULL);
    ck_assert_int_eq(ct_backward_from(y, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "cotangent", NULL);
    expect_values(ct_gradient(x), CT_DOUBLES(2, 0, -6), 0);
}
END_TEST

START_TEST(nothing_to_differentiate)
{
    ck_assert_int_eq(ct_backward(ct_scalar(cx, CT_F64, 1)), CT_ERROR_GRAPH);
    expect_error(CT_ERROR_GRAPH, "no variable", NULL);
    ck_assert_int_eq(ct_backward(NULL), CT_ERROR_NULL);
    ct_tensor *x = variable(1), *gx = x;
    ck_assert_int_eq(ct_grad(NULL, NULL, &x, 1, 0, &gx), CT_ERROR_NULL);
    ck_assert_ptr_null(gx);
    expect_error(CT_ERROR_NULL, "grad", NULL);
    ct_tensor *none = NULL;
    ck_assert_int_eq(ct_grad(ct_sin(x), NULL, &none, 1, 0, &gx), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "x0", NULL);
}
END_TEST

START_TEST(pending_error_and_default_cotangent)
{
    ct_tensor *x = variable(1), *y = ct_sin(x), *gx;
    ct_tensor *failed = ct_add(x, ct_zeros(cx, CT_F32, CT_SHAPE(1)));
    ck_assert_ptr_null(failed);
    ck_assert_int_eq(ct_grad(y, failed, &x, 1, 0, &gx), CT_ERROR_DTYPE);
    ck_assert_ptr_null(gx);
    expect_error(CT_ERROR_DTYPE, "add", NULL);
    ck_assert_int_eq(ct_grad(y, NULL, &x, 1, 0, &gx), CT_OK);
}
END_TEST

/* -- Recording */
START_TEST(no_grad_ends_with_its_scope)
{
    ct_tensor *x = variable(2);
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    ck_assert(!ct_is_recording(cx));
    ck_assert(!ct_requires_grad(ct_square(x)));
    ct_scope_end(cx, scope);
    ck_assert(ct_is_recording(cx));
    ck_assert(ct_requires_grad(ct_square(x)));
    ck_assert(!ct_requires_grad(ct_detach(ct_square(x))));
    ck_assert_double_eq(ct_item(ct_detach(ct_square(x))), 4);
}
END_TEST

START_TEST(variables_are_float_leaves)
{
    ck_assert_ptr_null(ct_variable(ct_range(cx, CT_I64, 3)));
    expect_error(CT_ERROR_DTYPE, "variable", "i64", NULL);
    ck_assert_ptr_null(ct_variable(ct_sin(variable(1))));
    expect_error(CT_ERROR_GRAPH, "variable", "sin", "ct_detach", NULL);
}
END_TEST

/* -- Lifetime */
START_TEST(a_result_that_saves_itself_is_no_cycle)
{
    ct_memory before, after;
    ct_tensor *x = variable(0.5);
    ct_memory_stats(cx, &before);
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *y = x;
    for (int i = 0; i < 10; i++)
        y = ct_tanh(y);
    ct_backward(y);
    ct_zero_grad(x);
    ct_scope_end(cx, scope);
    ct_memory_stats(cx, &after);
    ck_assert_int_eq(after.nodes, before.nodes);
    ck_assert_int_eq(after.tensors, before.tensors);
}
END_TEST

START_TEST(temporaries_may_go_before_backward)
{
    ct_tensor *x = variable(0.5);
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *y = ct_exp(ct_sin(ct_square(x)));
    y = ct_scope_return(cx, scope, y);
    ck_assert_int_eq(ct_backward(y), CT_OK);
    ck_assert_double_eq_tol(gradient(x), exp(sin(0.25)) * cos(0.25) * 1.0, 1e-15);
}
END_TEST

START_TEST(a_result_that_saves_itself_keeps_its_data)
{
    ct_tensor *x = variable(0.5);
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *y = ct_scope_return(cx, scope, ct_shift(ct_tanh(x), 1));
    ck_assert_int_eq(ct_backward(y), CT_OK);
    ck_assert_double_eq_tol(gradient(x), 1 - tanh(0.5) * tanh(0.5), 1e-15);
}
END_TEST

START_TEST(data_go_with_the_last_that_saved_them)
{
    ct_memory with, without;
    ct_tensor *x = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(10000)));
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *h = ct_shift(x, 1), *saver = ct_retain(ct_square(h)), *y = ct_retain(ct_shift(h, 1));
    ct_scope_end(cx, scope);
    ct_memory_stats(cx, &with);
    ct_release(saver); /* h's vertex is still needed by y, its data are not */
    ct_memory_stats(cx, &without);
    ck_assert_int_ge(with.live_bytes - without.live_bytes, 2 * 80000);
    ck_assert_int_eq(ct_backward(ct_sum(y)), CT_OK);
    ct_release(y);
}
END_TEST

static void *long_chain(void *result)
{
    enum { LENGTH = 1000000 };
    ct_context *c = ct_context_new(NULL);
    ct_tensor *x = ct_variable(ct_scalar(c, CT_F64, 1));
    ct_scope scope = ct_scope_begin(c);
    ct_tensor *y = x;
    for (int i = 0; i < LENGTH; i++)
        y = i % 2 ? ct_neg(y) : ct_scale(y, -1);
    ct_retain(y);
    ct_scope_end(c, scope); /* now the chain hangs on its end alone, and is freed from there */
    bool good = ct_backward(y) == CT_OK && ct_item(ct_gradient(x)) == 1;
    ct_release(y);
    ct_memory memory;
    ct_memory_stats(c, &memory);
    *(bool *)result = good && memory.nodes == 0 && ct_error(c) == CT_OK;
    ct_context_free(c);
    return NULL;
}

START_TEST(a_million_vertices_in_a_small_stack)
{
    bool good = false;
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, 256 * 1024), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, long_chain, &good), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    ck_assert(good);
}
END_TEST

/* -- Writing in place */
START_TEST(written_after_it_was_saved)
{
    ct_tensor *x = variable(2), *w = ct_named(ct_scalar(cx, CT_F64, 3), "w");
    ct_tensor *y = ct_mul(x, w);
    ck_assert_int_eq(ct_fill(w, 5), CT_OK);
    ck_assert_int_eq(ct_backward(y), CT_ERROR_STALE);
    ck_assert_ptr_null(ct_gradient(x));
    expect_error(CT_ERROR_STALE, "mul saved w", "fill", NULL);
    y = ct_named(ct_exp(x), "y"); /* which saves its result */
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    ck_assert_int_eq(ct_fill(y, 5), CT_OK);
    ct_scope_end(cx, scope);
    ck_assert_int_eq(ct_backward(y), CT_ERROR_STALE);
    ck_assert_ptr_null(ct_gradient(x));
    expect_error(CT_ERROR_STALE, "exp saved y", "fill", NULL);
}
END_TEST

START_TEST(written_while_recording)
{
    ct_tensor *x = ct_named(variable(2), "x");
    ck_assert_int_eq(ct_assign(x, ct_scalar(cx, CT_F64, 1)), CT_ERROR_GRAPH);
    expect_error(CT_ERROR_GRAPH, "assign", "x", "requires grad", NULL);
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    ck_assert_int_eq(ct_assign(x, ct_scalar(cx, CT_F64, 1)), CT_OK);
    ct_scope_end(cx, scope);
    ck_assert_double_eq(ct_item(x), 1);
}
END_TEST

/* -- Hooks, and walks inside walks */
static ct_tensor *double_it(ct_tensor *gy, void *user)
{
    (void)user;
    return ct_scale(gy, 2);
}

static ct_tensor *fail_it(ct_tensor *gy, void *user)
{
    (void)gy, (void)user;
    return NULL;
}

START_TEST(hooks)
{
    ct_tensor *x = variable(3), *h = ct_square(x);
    ck_assert_int_eq(ct_on_cotangent(h, double_it, NULL), CT_OK);
    ck_assert_int_eq(ct_on_cotangent(x, double_it, NULL), CT_OK);
    ct_backward(ct_add(h, h)); /* the total cotangent: once, not per use */
    ck_assert_double_eq(gradient(x), 2 * 2 * 2 * 6);
    ck_assert_int_eq(ct_on_cotangent(h, fail_it, NULL), CT_OK);
    ck_assert_int_eq(ct_backward(h), CT_ERROR_CALLBACK);
    expect_error(CT_ERROR_CALLBACK, "hook", NULL);
    ck_assert_double_eq(gradient(x), 48); /* a failed walk changes nothing */
    ck_assert_int_eq(ct_on_cotangent(ct_detach(h), double_it, NULL), CT_ERROR_GRAPH);
    expect_error(CT_ERROR_GRAPH, "require grad", NULL);
}
END_TEST

/* nothing is recorded inside a hook, but what was recorded before may be walked over */
static ct_tensor *walk_elsewhere(ct_tensor *gy, void *user)
{
    ct_tensor **other = user, *slope;
    if (ct_grad(other[1], NULL, &other[0], 1, 0, &slope) != CT_OK)
        return NULL;
    return ct_scale(gy, ct_item(slope));
}

static ct_status inner_status;

static ct_tensor *walk_here(ct_tensor *gy, void *user)
{
    inner_status = ct_backward(user);
    ct_error_clear(ct_context_of(gy));
    return gy;
}

START_TEST(walks_inside_walks)
{
    ct_tensor *x = variable(1), *h = ct_square(x), *y = ct_sin(h);
    ct_tensor *other[] = { variable(3), NULL };
    other[1] = ct_square(other[0]);
    ct_on_cotangent(h, walk_elsewhere, other);
    ck_assert_int_eq(ct_backward(y), CT_OK);
    ck_assert_double_eq_tol(gradient(x), 6 * 2 * cos(1), 1e-14);
    ct_zero_grad(x);
    ct_on_cotangent(h, walk_here, y);
    ck_assert_int_eq(ct_backward(y), CT_OK);
    ck_assert_int_eq(inner_status, CT_ERROR_GRAPH);
    ck_assert_double_eq_tol(gradient(x), 6 * 2 * cos(1), 1e-14);
}
END_TEST

/* -- Looking in */
START_TEST(finds_the_first_nonfinite)
{
    ct_find_nonfinite(cx, true);
    ct_tensor *x = variable(0);
    ck_assert_ptr_null(ct_sin(ct_log(x)));
    expect_error(CT_ERROR_VALUE, "log", NULL);
    ct_tensor *y = ct_sqrt(x);
    ck_assert_int_eq(ct_backward(y), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "sqrt", "backward", NULL);
    /* a number that a view repeats is looked at once, however often */
    ck_assert_ptr_nonnull(ct_broadcast_to(ct_scalar_like(x, 2), CT_SHAPE((int64_t)1 << 40, 3)));
    ck_assert_ptr_null(ct_broadcast_to(ct_scalar_like(x, INFINITY), CT_SHAPE(5, 3)));
}
END_TEST

/* A y that requires no grad: most often CT_CREATE_GRAPH was forgotten. */
START_TEST(by_what_requires_no_grad)
{
    ct_tensor *x = variable(3), *g, *h = x;
    ck_assert_int_eq(ct_grad(ct_square(x), NULL, &x, 1, 0, &g), CT_OK);
    ck_assert_int_eq(ct_grad(g, NULL, &x, 1, 0, &h), CT_ERROR_GRAPH);
    ck_assert_ptr_null(h);
    expect_error(CT_ERROR_GRAPH, "grad", "CT_CREATE_GRAPH", NULL);
    ck_assert_int_eq(ct_grad(g, NULL, &x, 1, CT_REQUIRE_PATH, &h), CT_ERROR_GRAPH);
    expect_error(CT_ERROR_GRAPH, "CT_CREATE_GRAPH", NULL);
    ck_assert_int_eq(ct_grad(g, NULL, &x, 1, CT_ZERO_PATH | CT_REQUIRE_PATH, &h), CT_ERROR_GRAPH);
    expect_error(CT_ERROR_GRAPH, "CT_CREATE_GRAPH", NULL);
    ck_assert_int_eq(ct_grad(g, NULL, &x, 1, CT_ZERO_PATH, &h), CT_OK);
    expect_values(h, (double[]){ 0 }, 1, 0);
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    ct_tensor *y = ct_square(x);
    ck_assert_int_eq(ct_grad(y, NULL, &x, 1, 0, &h), CT_ERROR_GRAPH);
    expect_error(CT_ERROR_GRAPH, "ct_no_grad", NULL);
    ct_scope_end(cx, scope);
}
END_TEST

START_TEST(gradients_from_elsewhere)
{
    ct_tensor *x = variable(3), *g = ct_scalar(cx, CT_F64, 2), *y = ct_square(x);
    ck_assert_int_eq(ct_add_gradient(x, g), CT_OK);
    ct_fill(g, 5); /* x has a copy */
    ck_assert_double_eq(gradient(x), 2);
    ck_assert_int_eq(ct_add_gradient(x, g), CT_OK);
    ck_assert_int_eq(ct_backward(y), CT_OK);
    ck_assert_double_eq(gradient(x), 2 + 5 + 6);
    ct_zero_grad(x);
    ck_assert_ptr_null(ct_gradient(x));
    ck_assert_int_eq(ct_add_gradient(x, ct_sum_to(ct_ones(cx, CT_F64, CT_SHAPE(3)), NULL, 0)),
                     CT_OK);
    ck_assert_double_eq(gradient(x), 3);
    ck_assert_int_eq(ct_add_gradient(y, g), CT_ERROR_GRAPH);
    expect_error(CT_ERROR_GRAPH, "add_gradient: ", "must be a variable", NULL);
    ck_assert_int_eq(ct_add_gradient(ct_scalar(cx, CT_F64, 1), g), CT_ERROR_GRAPH);
    expect_error(CT_ERROR_GRAPH, "must be a variable", NULL);
    ck_assert_int_eq(ct_add_gradient(x, ct_ones(cx, CT_F64, CT_SHAPE(1))), CT_ERROR_SHAPE);
    expect_error(CT_ERROR_SHAPE, "must be of f64 (), and is f64 (1)", NULL);
    ck_assert_int_eq(ct_add_gradient(x, ct_scalar(cx, CT_F32, 1)), CT_ERROR_DTYPE);
    expect_error(CT_ERROR_DTYPE, "and is f32 ()", NULL);
    ct_context *other = ct_context_new(NULL);
    ck_assert_int_eq(ct_add_gradient(x, ct_scalar(other, CT_F64, 1)), CT_ERROR_CONTEXT);
    expect_error(CT_ERROR_CONTEXT, "another context", NULL);
    ct_context_free(other);
    ck_assert_int_eq(ct_add_gradient(x, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "the gradient is NULL", NULL);
    ck_assert_int_eq(ct_add_gradient(NULL, g), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "the variable is NULL", NULL);
    ck_assert_double_eq(gradient(x), 3);
}
END_TEST

/* a gradient that has a list of rows is dense after that */
START_TEST(gradients_from_elsewhere_are_dense)
{
    ct_tensor *w = ct_variable(ct_zeros(cx, CT_F64, CT_SHAPE(40, 1)));
    ct_tensor *rows = ct_from_ints(cx, CT_SHAPE(1), CT_INTS(7));
    for (int i = 0; i < 2; i++) {
        ct_backward(ct_sum(ct_embedding(rows, w)));
        ck_assert_ptr_nonnull(ct_touched_rows(ct_gradient(w)));
        ck_assert_int_eq(ct_add_gradient(w, ct_ones(cx, CT_F64, CT_SHAPE(40, 1))), CT_OK);
        ck_assert_double_eq(ct_item(ct_sum(ct_gradient(w))), 41);
        ct_zero_grad(w);
    }
}
END_TEST

START_TEST(graph_as_text)
{
    ct_tensor *x = ct_named(variable(1), "x");
    const char *text = ct_graph_text(ct_mul(ct_sin(x), x));
    ck_assert_str_eq(text, "#0 mul -> f64 (): #1 [variable x f64 ()]\n"
                           "#1 sin -> f64 (): [variable x f64 ()]\n");
}
END_TEST

static void everything(ct_context *c)
{
    ct_tensor *x = ct_variable(ct_scalar(c, CT_F64, 0.5)), *g, *h;
    ct_on_cotangent(x, double_it, NULL);
    ct_tensor *y = ct_mul(ct_tanh(x), ct_exp(ct_mul(x, x)));
    ct_add_gradient(x, y);
    ct_backward(y);
    if (ct_grad(y, NULL, &x, 1, CT_CREATE_GRAPH, &g) == CT_OK)
        ct_grad(g, NULL, &x, 1, CT_CREATE_GRAPH, &h);
    ct_graph_text(y);
}

START_TEST(every_allocation_fails_once)
{
    for_each_failing_allocation(everything);
}
END_TEST

START_TEST(the_text_of_many_inputs)
{
    ct_tensor *x[18];
    for (int i = 0; i < 18; i++)
        x[i] = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(1)));
    const char *text = ct_graph_text(ct_concat(x, 18, 0));
    ck_assert_ptr_nonnull(strstr(text, " ... (2 inputs more)\n"));
    ck_assert_ptr_null(strstr(ct_graph_text(ct_concat(x, 16, 0)), "more"));
}
END_TEST

Suite *tape_suite(void);
Suite *tape_suite(void)
{
    return make_suite("autograd/tape", (const TTest *[]){
        product_rule, one_tensor_twice, diamonds, used_a_thousand_times, sin_four_times_round,
        twice_through_the_same_graph, gradients_are_not_shared, unreachable, inner_targets,
        goes_no_further_than_needed,
        given_cotangents, nothing_to_differentiate, pending_error_and_default_cotangent,
        no_grad_ends_with_its_scope, variables_are_float_leaves,
        a_result_that_saves_itself_is_no_cycle, temporaries_may_go_before_backward,
        a_result_that_saves_itself_keeps_its_data, data_go_with_the_last_that_saved_them,
        a_million_vertices_in_a_small_stack, written_after_it_was_saved, written_while_recording,
        hooks, walks_inside_walks, finds_the_first_nonfinite, by_what_requires_no_grad,
        gradients_from_elsewhere, gradients_from_elsewhere_are_dense, graph_as_text,
        every_allocation_fails_once, the_text_of_many_inputs, NULL });
}
