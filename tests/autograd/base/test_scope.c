/* Scopes, and what outlives them. */
#include "support.h"

static int64_t tensors(void)
{
    ct_memory memory;
    ct_memory_stats(cx, &memory);
    return memory.tensors;
}

static int64_t scopes(void)
{
    ct_memory memory;
    ct_memory_stats(cx, &memory);
    return memory.scopes;
}

START_TEST(the_end_frees)
{
    ct_scope scope = ct_scope_begin(cx);
    for (int i = 0; i < 10; i++)
        ct_add(ct_scalar(cx, CT_F64, i), ct_scalar(cx, CT_F64, 1));
    ck_assert_int_eq(tensors(), 30);
    ct_scope_end(cx, scope);
    ck_assert_int_eq(tensors(), 0);
}
END_TEST

START_TEST(ending_an_outer_one_ends_those_inside)
{
    ct_scope outer = ct_scope_begin(cx), inner = ct_scope_begin(cx);
    ct_no_grad(cx);
    ct_scalar(cx, CT_F64, 1);
    ck_assert_int_eq(scopes(), 2);
    ct_scope_end(cx, outer);
    ck_assert_int_eq(scopes(), 0);
    ck_assert_int_eq(tensors(), 0);
    ck_assert(ct_is_recording(cx));
    ct_scope_end(cx, inner); /* ended already: nothing */
    ct_scope_end(cx, outer);
    ct_scope_end(cx, 0);
    ct_scope_end(NULL, outer);
    expect_ok();
}
END_TEST

START_TEST(of_another_context)
{
    ct_context *other = ct_context_new(NULL);
    ct_scope theirs = ct_scope_begin(other), ours = ct_scope_begin(cx);
    ct_tensor *x = ct_scalar(cx, CT_F64, 1);
    ct_scope_end(cx, theirs);
    ck_assert_double_eq(ct_item(x), 1);
    ck_assert_int_eq(scopes(), 1);
    ck_assert_ptr_null(ct_scope_return(cx, ours, ct_scalar(other, CT_F64, 1)));
    expect_error(CT_ERROR_CONTEXT, "scope_return", NULL);
    ct_context_free(other);
}
END_TEST

START_TEST(returned)
{
    ct_scope outer = ct_scope_begin(cx), scope = ct_scope_begin(cx);
    ct_tensor *x = ct_scalar(cx, CT_F64, 7);
    ct_scope_begin(cx);
    ct_tensor *y = ct_neg(x);
    y = ct_scope_return(cx, scope, y);
    ck_assert_int_eq(tensors(), 1);
    ck_assert_double_eq(ct_item(y), -7);
    ct_scope_end(cx, outer);
    ck_assert_int_eq(tensors(), 0);

    ct_tensor *kept = ct_scalar(cx, CT_F64, 1); /* of an outer scope: it stays there */
    scope = ct_scope_begin(cx);
    ck_assert_ptr_eq(ct_scope_return(cx, scope, kept), kept);
    ck_assert_double_eq(ct_item(kept), 1);
    scope = ct_scope_begin(cx);
    ck_assert_ptr_null(ct_scope_return(cx, scope, NULL));
    ck_assert_int_eq(scopes(), 0);
}
END_TEST

START_TEST(retained)
{
    ct_memory memory;
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *x = ct_retain(ct_retain(ct_scalar(cx, CT_F64, 3)));
    ct_memory_stats(cx, &memory);
    ck_assert_int_eq(memory.retained, 1);
    ct_scope_end(cx, scope);
    ck_assert_double_eq(ct_item(x), 3);
    ct_release(x);
    ck_assert_double_eq(ct_item(x), 3);
    ct_release(x);
    ck_assert_int_eq(tensors(), 0);
    ct_release(NULL);
    ck_assert_ptr_null(ct_retain(NULL));
    x = ct_scalar(cx, CT_F64, 1);
    ct_release(x);
    expect_error(CT_ERROR_VALUE, "release", "not retained", NULL);
    ck_assert_double_eq(ct_item(x), 1);
}
END_TEST

START_TEST(kept_in_a_slot)
{
    ct_tensor *best = NULL;
    for (int i = 0; i < 3; i++) {
        ct_scope scope = ct_scope_begin(cx);
        ck_assert_int_eq(ct_keep(&best, ct_scalar(cx, CT_F64, i)), CT_OK);
        ct_scope_end(cx, scope);
        ck_assert_int_eq(tensors(), 1);
    }
    ck_assert_int_eq(ct_keep(&best, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "keep", NULL);
    ck_assert_double_eq(ct_item(best), 2);
    ck_assert_int_eq(ct_keep(&best, best), CT_OK);
    ck_assert_double_eq(ct_item(best), 2);
    ct_release(best);
}
END_TEST

START_TEST(a_graph_keeps_what_it_needs)
{
    ct_scope outer = ct_scope_begin(cx), scope = ct_scope_begin(cx);
    ct_tensor *x = ct_retain(ct_variable(ct_scalar(cx, CT_F64, 2)));
    ct_tensor *wide = ct_broadcast_to(x, CT_SHAPE(1000));
    ct_tensor *y = ct_scope_return(cx, scope, ct_sum(ct_add(wide, wide)));
    ck_assert_int_eq(ct_backward(y), CT_OK); /* the shapes are there, the data need not be */
    ck_assert_double_eq(ct_item(ct_gradient(x)), 2000);
    ct_scope_end(cx, outer);
    ct_release(x);
    ck_assert_int_eq(tensors(), 0);
}
END_TEST

/* -- From inside a callback */
static ct_scope outside;

static ct_tensor *ends_the_callers(ct_context *context, ct_tensor *const *x, int n, void *user)
{
    (void)n, (void)user;
    ct_scope_end(context, outside);
    ct_scope_begin(context); /* left open: it ends with the callback */
    ct_no_grad(context);
    return ct_sum(x[0]);
}

static ct_tensor *forward(ct_module *self, ct_tensor *x, void *user)
{
    (void)self, (void)user;
    ct_scope_end(cx, outside);
    return ct_square(x);
}

START_TEST(ended_from_inside_a_module)
{
    outside = ct_scope_begin(cx);
    ct_tensor *x = ct_scalar(cx, CT_F64, 3);
    ct_module *m = ct_module_new(cx, "evil", forward, NULL);
    ct_tensor *y = ct_module_forward(m, x);
    expect_error(CT_ERROR_VALUE, "scope_end", "outside this callback", NULL);
    ck_assert_double_eq(ct_item(y), 9);
    ck_assert_int_eq(scopes(), 1);
}
END_TEST

START_TEST(ended_from_inside_a_callback)
{
    outside = ct_scope_begin(cx);
    ct_tensor *x = ct_scalar(cx, CT_F64, 1);
    double g, at = 2;
    ct_value_and_gradient(cx, ends_the_callers, NULL, &at, 1, &g);
    expect_error(CT_ERROR_VALUE, "scope_end", "outside this callback", NULL);
    ck_assert_double_eq(ct_item(x), 1);
    ck_assert_int_eq(scopes(), 1);
    ck_assert(ct_is_recording(cx));
}
END_TEST

START_TEST(texts_go_with_their_scope)
{
    ct_memory before, after;
    ct_tensor *x = ct_ones(cx, CT_F64, CT_SHAPE(100));
    ct_memory_stats(cx, &before);
    ct_scope scope = ct_scope_begin(cx);
    ck_assert_ptr_nonnull(strstr(ct_text(x), "[1, 1, "));
    ct_scope_end(cx, scope);
    ct_memory_stats(cx, &after);
    ck_assert_int_eq(after.live_bytes, before.live_bytes);
}
END_TEST

START_TEST(stale_handles)
{
    ct_context_options options = pooled_options(); /* so that the header is still ours to look at */
    ct_context *other = cx;
    cx = ct_context_new(&options);
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *x = ct_scalar(cx, CT_F64, 1);
    ct_scope_end(cx, scope);
    ck_assert(isnan(ct_item(x)));
    expect_error(CT_ERROR_STALE, "item", "scope has ended", NULL);
    ck_assert_ptr_null(ct_sin(x));
    expect_error(CT_ERROR_STALE, "sin", NULL);

    ct_tensor *v = ct_variable(ct_scalar(cx, CT_F64, 1));
    scope = ct_scope_begin(cx);
    ct_tensor *unsaved = ct_shift(v, 1), *y = ct_retain(ct_shift(unsaved, 1));
    ct_scope_end(cx, scope); /* the vertex lives, its data do not */
    ck_assert_ptr_null(ct_sin(unsaved));
    expect_error(CT_ERROR_STALE, "sin", "data", NULL);
    ck_assert_int_eq(ct_backward(y), CT_OK);
    ct_context_free(cx);
    cx = other;
}
END_TEST

Suite *scope_suite(void);
Suite *scope_suite(void)
{
    return make_suite("autograd/scope", (const TTest *[]){
        the_end_frees, ending_an_outer_one_ends_those_inside, of_another_context, returned,
        retained, kept_in_a_slot, a_graph_keeps_what_it_needs, ended_from_inside_a_callback,
        ended_from_inside_a_module,
        texts_go_with_their_scope, stale_handles, NULL });
}
