/* Walks that meet: hooks that walk, let go, fail or hand on what is not theirs; cotangents that are
 * themselves gradients. */
#include "support.h"

static ct_tensor *variable(double value)
{
    return ct_variable(ct_scalar(cx, CT_F64, value));
}

static double gradient(const ct_tensor *x)
{
    return ct_item(ct_gradient(x));
}

/* -- What a hook may let go */
static ct_tensor *release_it(ct_tensor *gy, void *user)
{
    ct_tensor **slot = user;
    ct_release(*slot);
    *slot = NULL;
    return gy;
}

START_TEST(a_hook_may_release_what_is_walked_over)
{
    ct_tensor *x = variable(3);
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *y = ct_retain(ct_square(x)), *kept = y;
    ct_scope_end(cx, scope);
    ct_on_cotangent(y, release_it, &kept);
    ck_assert_int_eq(ct_backward(y), CT_OK); /* y goes when this returns */
    ck_assert_double_eq(gradient(x), 6);
    ck_assert_ptr_null(kept);
}
END_TEST

START_TEST(a_hook_may_release_a_target)
{
    ct_tensor *x = variable(3), *y = ct_square(x), *gx[2];
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *other = ct_retain(variable(1)), *targets[] = { x, other };
    ct_scope_end(cx, scope);
    ct_on_cotangent(y, release_it, &other);
    ck_assert_int_eq(ct_grad(y, NULL, targets, 2, 0, gx), CT_OK);
    ck_assert_double_eq(ct_item(gx[0]), 6);
    ck_assert_ptr_null(gx[1]);
}
END_TEST

/* -- Walks inside a walk */
static ct_tensor *walk_back(ct_tensor *gy, void *user)
{
    return ct_backward(user) == CT_OK ? gy : NULL;
}

START_TEST(a_target_of_one_walk_is_none_of_another)
{
    ct_tensor *x = variable(3), *z = variable(2), *h = ct_square(z), *top = ct_square(h);
    ct_tensor *y = ct_square(x), *targets[] = { h, x }, *gx[2]; /* y does not depend on h */
    ct_on_cotangent(y, walk_back, top);
    ck_assert_int_eq(ct_grad(y, NULL, targets, 2, 0, gx), CT_OK);
    ck_assert_double_eq(gradient(z), 32);
    ck_assert_ptr_null(ct_gradient(h)); /* no variable */
    ck_assert_ptr_null(gx[0]);
}
END_TEST

static ct_tensor *grad_here(ct_tensor *gy, void *user)
{
    ct_tensor **graph = user, *gx;
    ck_assert_int_eq(ct_grad(graph[0], NULL, &graph[1], 1, 0, &gx), CT_ERROR_GRAPH);
    ck_assert_ptr_null(gx);
    ck_assert_int_eq(ct_backward(graph[0]), CT_ERROR_GRAPH);
    ct_error_clear(ct_context_of(gy));
    return gy;
}

/* the inner walk begins above, at, below and beside what the outer one has yet to visit */
START_TEST(a_clash_does_no_damage)
{
    ct_tensor *x = variable(2), *a = ct_square(x), *b = ct_square(a), *c = ct_square(b);
    ct_tensor *beside = ct_add(ct_square(a), ct_square(x)), *tops[] = { c, b, a, beside };
    for (int k = 0; k < 4; k++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *link = ct_add(b, ct_scalar(cx, CT_F64, 0)), *graph[] = { tops[k], x };
        ct_on_cotangent(link, grad_here, graph);
        for (int twice = 0; twice < 2; twice++) {
            ct_zero_grad(x);
            ck_assert_int_eq(ct_backward(link), CT_OK);
            ck_assert_double_eq(gradient(x), 32);
        }
        ct_scope_end(cx, scope);
    }
    ct_zero_grad(x);
    ck_assert_int_eq(ct_backward(c), CT_OK);
    ck_assert_double_eq(gradient(x), 1024);
    ck_assert_int_eq(ct_backward(beside), CT_OK);
    ck_assert_double_eq(gradient(x), 1024 + 32 + 4);
}
END_TEST

static ct_tensor *fail_it(ct_tensor *gy, void *user)
{
    (void)gy;
    ++*(int *)user;
    return *(int *)user > 1 ? gy : NULL;
}

/* a wide graph in which each vertex in turn fails, with others finished, ready and waiting */
START_TEST(a_failed_walk_can_be_taken_again)
{
    enum { N = 12 };
    for (int bad = 0; bad < N; bad++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *x = variable(1), *w = variable(1), *rows[N], *y = ct_scalar(cx, CT_F64, 0);
        int calls = 0;
        for (int i = 0; i < N; i++) {
            rows[i] = ct_sin(i % 3 ? ct_mul(x, rows[i / 2]) : ct_mul(x, w));
            y = ct_add(y, rows[i]);
        }
        ct_on_cotangent(rows[bad], fail_it, &calls);
        ck_assert_int_eq(ct_backward(y), CT_ERROR_CALLBACK);
        ck_assert_ptr_null(ct_gradient(x));
        ck_assert_ptr_null(ct_gradient(w));
        ct_error_clear(cx);
        ct_tensor *targets[] = { x, w }, *gx[2];
        ck_assert_int_eq(ct_backward(y), CT_OK);
        ck_assert_int_eq(ct_grad(y, NULL, targets, 2, CT_REQUIRE_PATH, gx), CT_OK);
        ck_assert_double_eq(ct_item(gx[0]), gradient(x));
        ck_assert_double_eq(ct_item(gx[1]), gradient(w));
        ct_scope_end(cx, scope);
    }
}
END_TEST

/* -- Cotangents that are gradients: what commit reads, it must not have written */
START_TEST(a_gradient_as_a_cotangent)
{
    ct_tensor *a = variable(1), *b = variable(1), *sum = ct_add(a, b);
    ck_assert_int_eq(ct_backward(sum), CT_OK);
    ck_assert_int_eq(ct_backward_from(sum, ct_gradient(a)), CT_OK);
    ck_assert_double_eq(gradient(a), 2);
    ck_assert_double_eq(gradient(b), 2);
    ck_assert_int_eq(ct_backward_from(sum, ct_detach(ct_gradient(b))), CT_OK);
    ck_assert_double_eq(gradient(a), 4);
    ck_assert_double_eq(gradient(b), 4);
}
END_TEST

static ct_tensor *hand_on_gradient(ct_tensor *gy, void *user)
{
    (void)gy;
    return ct_gradient(user);
}

START_TEST(a_gradient_from_a_hook)
{
    ct_tensor *a = variable(1), *b = variable(1), *sum = ct_add(a, b);
    ct_backward(sum);
    ct_on_cotangent(sum, hand_on_gradient, b);
    ck_assert_int_eq(ct_backward(sum), CT_OK);
    ck_assert_double_eq(gradient(a), 2);
    ck_assert_double_eq(gradient(b), 2);
    ct_zero_grad(a);
    ck_assert_int_eq(ct_backward(sum), CT_OK); /* a's new gradient is not b's old one */
    ck_assert_ptr_ne(ct_gradient(a), ct_gradient(b));
    ck_assert_double_eq(gradient(a), 2);
    ck_assert_double_eq(gradient(b), 4);
}
END_TEST

START_TEST(hooks_in_the_graph_of_a_gradient)
{
    ct_tensor *x = variable(2), *h = ct_square(x), *y = ct_square(h), *g;
    int calls = 1;
    ct_on_cotangent(h, fail_it, &calls);
    ck_assert_int_eq(ct_grad(y, NULL, &x, 1, CT_CREATE_GRAPH, &g), CT_OK); /* 4 x^3 */
    ck_assert_double_eq(ct_item(g), 32);
    ck_assert_int_eq(ct_backward(g), CT_OK); /* 12 x^2, over h again */
    ck_assert_double_eq(gradient(x), 48);
    ck_assert_int_eq(calls, 3);
}
END_TEST

/* -- Hooks called with what the walk brings */
static ct_tensor *other_shape(ct_tensor *gy, void *user)
{
    (void)user;
    return ct_zeros(ct_context_of(gy), CT_F64, CT_SHAPE(2));
}

static ct_tensor *other_dtype(ct_tensor *gy, void *user)
{
    (void)user;
    return ct_zeros(ct_context_of(gy), CT_F32, NULL, 0);
}

static ct_tensor *other_context(ct_tensor *gy, void *user)
{
    (void)gy;
    return ct_scalar(user, CT_F64, 1);
}

START_TEST(what_hooks_may_not_return)
{
    ct_hook wrong[] = { other_shape, other_dtype, other_context };
    ct_context *other = ct_context_new(NULL);
    for (int k = 0; k < 3; k++) {
        ct_tensor *x = variable(2);
        ct_on_cotangent(x, wrong[k], other);
        ck_assert_int_eq(ct_backward(ct_square(x)), CT_ERROR_CALLBACK);
        ck_assert_ptr_null(ct_gradient(x));
        expect_error(CT_ERROR_CALLBACK, "backward", "hook", NULL);
    }
    ct_context_free(other);
}
END_TEST

static ct_tensor *inspect(ct_tensor *gy, void *user)
{
    ck_assert(!ct_is_recording(ct_context_of(gy)));
    ct_scope_begin(ct_context_of(gy)); /* left open */
    return ct_keep(user, gy) == CT_OK ? gy : NULL;
}

START_TEST(a_hook_may_keep_what_it_sees)
{
    ct_tensor *x = variable(3), *seen = NULL;
    ct_on_cotangent(x, inspect, &seen);
    ck_assert_int_eq(ct_backward(ct_square(x)), CT_OK);
    ck_assert_int_eq(ct_backward(ct_square(x)), CT_OK); /* adds into x's gradient */
    ck_assert_double_eq(gradient(x), 12);
    ck_assert_double_eq(ct_item(seen), 6);
    ct_release(seen);
    ck_assert(ct_is_recording(cx));
}
END_TEST

/* what was recorded by a variable that is none any more: nothing goes there, nor past it */
START_TEST(a_constant_that_was_a_variable)
{
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, 3)), *w = ct_variable(ct_scalar(cx, CT_F64, 2));
    ct_tensor *alone = ct_sin(x), *y = ct_add(ct_mul(w, x), alone);
    ct_constant(x);
    ck_assert_int_eq(ct_backward(alone), CT_OK);
    ck_assert_int_eq(ct_backward(y), CT_OK);
    ck_assert_double_eq(gradient(w), 3);
    ck_assert_ptr_null(ct_gradient(x));
    ct_tensor *g[2];
    ck_assert_int_eq(ct_grad(y, NULL, CT_TENSORS(w, x), 0, g), CT_OK);
    ck_assert_ptr_null(g[1]);
    expect_ok();
}
END_TEST

/* -- Errors are found even where on_error clears them at once */
static void clear_it(ct_status code, const char *text, void *user)
{
    (void)code, (void)text;
    ct_error_clear(*(ct_context **)user);
}

START_TEST(an_error_that_is_cleared_at_once)
{
    ct_context *c = NULL;
    c = ct_context_new(&(ct_context_options){ .on_error = clear_it, .user = &c });
    ct_tensor *x = ct_variable(ct_scalar(c, CT_F64, 1));
    ck_assert_ptr_null(ct_broadcast_to(x, CT_SHAPE(-1)));
    ck_assert_ptr_null(ct_zeros(c, CT_F64, CT_SHAPE(-1)));
    ck_assert_int_ne(ct_set(x, CT_INDEX(7), 1), CT_OK);
    ck_assert_int_ne(ct_set(x, CT_INDEX(7, 7), 1), CT_OK);
    ct_context_free(c);
}
END_TEST

Suite *walk_suite(void);
Suite *walk_suite(void)
{
    return make_suite("autograd/walk", (const TTest *[]){
        a_hook_may_release_what_is_walked_over, a_hook_may_release_a_target,
        a_target_of_one_walk_is_none_of_another, a_clash_does_no_damage,
        a_failed_walk_can_be_taken_again, a_gradient_as_a_cotangent, a_gradient_from_a_hook,
        hooks_in_the_graph_of_a_gradient, what_hooks_may_not_return, a_hook_may_keep_what_it_sees,
        a_constant_that_was_a_variable, an_error_that_is_cleared_at_once, NULL });
}
