/* All of nn/modules: the tree, its names, who owns what, copies, and texts. */
#include <stdio.h>

#include "support.h"

static ct_tensor *twice(ct_module *self, ct_tensor *x, void *user)
{
    (void)self, (void)user;
    return ct_scale(x, 2);
}

static ct_tensor *silent_failure(ct_module *self, ct_tensor *x, void *user)
{
    (void)self, (void)x, (void)user;
    return NULL;
}

static ct_tensor *scaled_by_user(ct_module *self, ct_tensor *x, void *user)
{
    return ct_mul(ct_scale(x, *(double *)user), ct_module_parameter(self, "w"));
}

/* a group: w (2,3), then child "a" with w (4) and buffer "steps", then b (3) */
static ct_module *group(void)
{
    ct_module *m = ct_module_new(cx, "group", NULL, NULL);
    ct_module_add_parameter(m, "w", ct_ones(cx, CT_F32, CT_SHAPE(2, 3)));
    ct_module *a = ct_module_add(m, "a", ct_module_new(cx, "inner", NULL, NULL));
    ct_module_add_parameter(a, "w", ct_full(cx, CT_F32, CT_SHAPE(4), 2));
    ct_module_add_buffer(a, "steps", ct_from_ints(cx, CT_SHAPE(1), CT_INTS(7)));
    ct_module_add_parameter(m, "b", ct_zeros(cx, CT_F32, CT_SHAPE(3)));
    ck_assert_ptr_nonnull(m);
    expect_ok();
    return m;
}

START_TEST(parameters_are_listed_in_order_and_named_by_path)
{
    int n = 0;
    ct_module *m = group();
    ct_tensor *const *p = ct_module_parameters(m, &n);
    ck_assert_int_eq(n, 3);
    ck_assert_str_eq(ct_name(p[0]), "w");
    ck_assert_str_eq(ct_name(p[1]), "b");
    ck_assert_str_eq(ct_name(p[2]), "a.w");
    ck_assert(ct_requires_grad(p[2]));
    ck_assert(!ct_requires_grad(ct_module_parameter(m, "a.steps")));
    ck_assert_int_eq(ct_module_count(m), 13);
    ck_assert_ptr_eq(ct_module_parameters(m, &n), p); /* the same list until it changes */
}
END_TEST

START_TEST(all_tensors_are_listed_once)
{
    ct_module *m = group();
    ct_tensor *all[6] = { NULL };
    ct_module_add_parameter(m, "tied", ct_module_parameter(m, "w"));
    ct_module_freeze(m, "b", true);
    ck_assert_int_eq(ct_module_tensors(m, NULL, 0), 4);
    ck_assert_int_eq(ct_module_tensors(m, all, 3), 4);
    ck_assert_ptr_null(all[3]);
    ck_assert_int_eq(ct_module_tensors(m, all, 6), 4);
    ck_assert_ptr_null(all[4]);
    const char *const paths[] = { "w", "b", "a.w", "a.steps" };
    for (int i = 0; i < 4; i++)
        ck_assert_ptr_eq(all[i], ct_module_parameter(m, paths[i]));
    ck_assert_int_eq(ct_module_tensors(NULL, all, 6), -1);
}
END_TEST

START_TEST(gradients_are_cleared_below)
{
    ct_module *m = group();
    ct_tensor *own = ct_module_parameter(m, "w"), *below = ct_module_parameter(m, "a.w");
    ck_assert_int_eq(ct_backward(ct_add(ct_sum(own), ct_sum(below))), CT_OK);
    ck_assert(ct_gradient(own) && ct_gradient(below));
    ct_module_zero_grad(m);
    ck_assert(!ct_gradient(own) && !ct_gradient(below));
}
END_TEST

START_TEST(lists_follow_what_is_added_and_freed_below)
{
    int n = 0;
    ct_module *m = group();
    ct_module_parameters(m, &n);
    ct_module_add_parameter(ct_module_child(m, "a"), "late", ct_ones(cx, CT_F32, CT_SHAPE(5)));
    ck_assert_str_eq(ct_name(ct_module_parameters(m, &n)[3]), "a.late");
    ck_assert_int_eq(n, 4);
    ct_module_free(ct_module_child(m, "a"));
    ct_module_parameters(m, &n);
    ck_assert_int_eq(n, 2);
    ck_assert_ptr_null(ct_module_child(m, "a"));
    expect_error(CT_ERROR_VALUE, "'a'", "group", NULL);
    ct_module_add(m, "a", ct_linear_new(cx, CT_F32, 1, 1, NULL)); /* the name is free again */
    ct_module_parameters(m, &n);
    ck_assert_int_eq(n, 4);
}
END_TEST

START_TEST(names_follow_the_outermost_module)
{
    ct_module *outer = ct_module_new(cx, "outer", NULL, NULL);
    ct_module *m = ct_module_add(outer, "body", group());
    ck_assert_str_eq(ct_name(ct_module_parameter(m, "a.w")), "body.a.w");
    ck_assert_ptr_eq(ct_module_parameter(outer, "body.a.w"), ct_module_parameter(m, "a.w"));
}
END_TEST

START_TEST(lookups_that_fail_say_what_was_looked_for)
{
    ct_module *m = group();
    const char *const wrong[] = { "x", "a", "a.", ".w", "", "w.w", "a.x", "a.w.x" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_ptr_null(ct_module_parameter(m, wrong[i]));
        expect_error(CT_ERROR_VALUE, "module_parameter", wrong[i], "group", NULL);
    }
    ck_assert_ptr_null(ct_module_child(m, "w"));
    expect_error(CT_ERROR_VALUE, "module_child", "'w'", NULL);
    ck_assert_ptr_null(ct_module_parameter(m, NULL));
    expect_error(CT_ERROR_NULL, "path", NULL);
}
END_TEST

START_TEST(bad_names_are_refused)
{
    ct_module *m = group();
    const char *const wrong[] = { "", "a.b", "quo\"te", "back\\slash", "new\nline", "\xc3\xa4" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_ptr_null(ct_module_add_parameter(m, wrong[i], ct_scalar(cx, CT_F32, 1)));
        expect_error(CT_ERROR_VALUE, "module_add_parameter", "no name", NULL);
    }
    const char *const taken[] = { "w", "a", "b" };
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        ck_assert_ptr_null(ct_module_add_buffer(m, taken[i], ct_scalar(cx, CT_F32, 1)));
        expect_error(CT_ERROR_VALUE, taken[i], "already", NULL);
        ck_assert_ptr_null(ct_module_add(m, taken[i], ct_activation_new(cx, CT_RELU)));
        expect_error(CT_ERROR_VALUE, taken[i], "already", NULL);
    }
    ck_assert_ptr_null(ct_module_add(m, NULL, ct_activation_new(cx, CT_RELU)));
    expect_error(CT_ERROR_NULL, "name", NULL);
    ck_assert_int_eq(ct_module_count(m), 13);
}
END_TEST

START_TEST(what_is_no_parameter_is_refused)
{
    ct_module *m = group();
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, 1));
    ck_assert_ptr_null(ct_module_add_parameter(m, "y", ct_scale(x, 2)));
    expect_error(CT_ERROR_GRAPH, NULL);
    ck_assert_ptr_null(ct_module_add_parameter(m, "i", ct_from_ints(cx, CT_SHAPE(1), CT_INTS(1))));
    expect_error(CT_ERROR_DTYPE, NULL);
    ck_assert_ptr_null(ct_module_add_buffer(m, "x", x));
    expect_error(CT_ERROR_GRAPH, "'x'", "buffer", NULL);
    ck_assert_ptr_null(ct_module_add_parameter(m, "n", NULL));
    expect_error(CT_ERROR_NULL, "tensor is NULL", NULL);
    ck_assert_ptr_null(ct_module_add_parameter(NULL, "n", x));
    expect_error(CT_ERROR_NULL, "module is NULL", NULL);
    ct_context *other = ct_context_new(NULL);
    ck_assert_ptr_null(ct_module_add_parameter(m, "o", ct_scalar(other, CT_F32, 1)));
    expect_error(CT_ERROR_CONTEXT, NULL);
    ct_context_free(other);
    ck_assert_int_eq(ct_module_count(m), 13);
}
END_TEST

START_TEST(a_child_has_one_parent_and_never_holds_itself)
{
    ct_module *m = group(), *a = ct_module_child(m, "a"), *other = group();
    ck_assert_ptr_null(ct_module_add(other, "a2", a));
    expect_error(CT_ERROR_VALUE, "inner", "child already", NULL);
    ck_assert_ptr_null(ct_module_add(a, "up", m));
    expect_error(CT_ERROR_VALUE, "group", "hold itself", NULL);
    ck_assert_ptr_null(ct_module_add(m, "self", m));
    expect_error(CT_ERROR_VALUE, "hold itself", NULL);
    ck_assert_ptr_eq(ct_module_child(m, "a"), a); /* it was not taken */
    ck_assert_int_eq(ct_module_count(m), 13);
}
END_TEST

START_TEST(children_are_taken_also_on_failure)
{
    ct_memory before, after;
    ct_memory_stats(cx, &before);
    ck_assert_ptr_null(ct_module_add(NULL, "a", ct_activation_new(cx, CT_RELU)));
    expect_error(CT_ERROR_NULL, "module is NULL", NULL);
    ct_context *other = ct_context_new(NULL);
    ct_module *foreign = ct_module_new(other, "foreign", NULL, NULL);
    ck_assert_ptr_null(ct_module_add(foreign, "a", ct_activation_new(cx, CT_RELU)));
    ck_assert_int_eq(ct_error(other), CT_ERROR_CONTEXT);
    ct_context_free(other);
    ct_memory_stats(cx, &after);
    ck_assert_int_eq(after.live_bytes, before.live_bytes);
}
END_TEST

START_TEST(paths_have_a_bound)
{
    char name[101];
    memset(name, 'n', 100);
    name[100] = '\0';
    ct_module *top = ct_module_new(cx, "m", NULL, NULL), *m = top;
    for (int i = 0; i < 2; i++)
        m = ct_module_add(m, name, ct_module_new(cx, "m", NULL, NULL));
    ck_assert_ptr_null(ct_module_add_parameter(m, name, ct_scalar(cx, CT_F32, 1)));
    expect_error(CT_ERROR_VALUE, "characters", NULL);
    ck_assert_ptr_null(ct_module_add(m, name, ct_module_new(cx, "m", NULL, NULL)));
    expect_error(CT_ERROR_VALUE, "characters", NULL);
    ct_module *child = ct_module_new(cx, "m", NULL, NULL);
    ct_module_add_parameter(child, name, ct_scalar(cx, CT_F32, 1));
    ck_assert_ptr_null(ct_module_add(m, "c", child)); /* too long below the child */
    expect_error(CT_ERROR_VALUE, "characters", NULL);
    ck_assert_int_eq(ct_module_count(top), 0);
    ck_assert_ptr_nonnull(ct_module_add_parameter(m, "w", ct_scalar(cx, CT_F32, 1)));
}
END_TEST

START_TEST(forward_calls_back_and_reports)
{
    ct_tensor *x = ct_scalar(cx, CT_F64, 3);
    expect_values(ct_module_forward(ct_module_new(cx, "twice", twice, NULL), x), CT_DOUBLES(6), 0);
    ck_assert_ptr_null(ct_module_forward(ct_module_new(cx, "mute", silent_failure, NULL), x));
    expect_error(CT_ERROR_CALLBACK, "mute", NULL);
    ck_assert_ptr_null(ct_module_forward(ct_module_new(cx, "group", NULL, NULL), x));
    expect_error(CT_ERROR_NULL, "group", "forward", NULL);
    ck_assert_ptr_null(ct_module_forward(NULL, x));
    expect_error(CT_ERROR_NULL, "module is NULL", NULL);
    ck_assert_ptr_null(ct_module_forward(group(), NULL));
    expect_error(CT_ERROR_NULL, "input is NULL", NULL);
    ck_assert_ptr_null(ct_module_new(cx, NULL, twice, NULL));
    expect_error(CT_ERROR_NULL, "kind", NULL);
}
END_TEST

/* 2 x, by way of two more tensors */
static ct_tensor *roundabout(ct_module *self, ct_tensor *x, void *user)
{
    (void)user;
    return twice(self, ct_scale(ct_scale(x, 2), 0.5), NULL);
}

START_TEST(forward_leaves_only_its_result)
{
    ct_memory before, after;
    ct_module *m = ct_module_new(cx, "mine", roundabout, NULL);
    ct_tensor *x = ct_scalar(cx, CT_F64, 3);
    ct_memory_stats(cx, &before);
    ck_assert_double_eq(ct_item(ct_module_forward(m, x)), 6);
    ct_memory_stats(cx, &after);
    ck_assert_int_eq(after.tensors, before.tensors + 1);
    ck_assert_int_eq(after.scopes, before.scopes);
}
END_TEST

START_TEST(the_kind_is_copied)
{
    char kind[] = "mine";
    ct_module *m = ct_module_new(cx, kind, NULL, NULL);
    kind[0] = 'n';
    ck_assert_str_eq(ct_module_text(m), "mine\n");
}
END_TEST

START_TEST(null_modules_are_harmless)
{
    int n = 5;
    ck_assert_ptr_null(ct_module_parameters(NULL, &n));
    ck_assert_int_eq(n, 0);
    ck_assert_int_eq(ct_module_count(NULL), -1);
    ck_assert_ptr_null(ct_module_clone(NULL, CT_F32));
    ck_assert_int_eq(ct_module_cast(NULL, CT_F32), CT_ERROR_NULL);
    ck_assert_ptr_null(ct_module_parameter(NULL, "w"));
    ck_assert_ptr_null(ct_module_add(NULL, "a", NULL));
    ck_assert_str_eq(ct_module_text(NULL), "(null)");
    ct_module_zero_grad(NULL);
    ct_module_free(NULL);
    expect_ok();
    ck_assert_ptr_null(ct_module_add(group(), "c", NULL));
    expect_error(CT_ERROR_NULL, "child is NULL", NULL);
}
END_TEST

START_TEST(tied_parameters_are_one)
{
    int n;
    ct_module *m = group();
    ct_tensor *w = ct_module_parameter(m, "w");
    ct_module_add_parameter(ct_module_child(m, "a"), "tied", w);
    ct_module_parameters(m, &n);
    ck_assert_int_eq(n, 3);
    ck_assert_int_eq(ct_module_count(m), 13);
    ct_module *copy = ct_module_clone(m, 0);
    ck_assert_ptr_eq(ct_module_parameter(copy, "w"), ct_module_parameter(copy, "a.tied"));
    ck_assert_ptr_ne(ct_module_parameter(copy, "w"), w);
    ck_assert_int_eq(ct_module_cast(m, CT_F64), CT_OK);
    ck_assert_ptr_eq(ct_module_parameter(m, "w"), ct_module_parameter(m, "a.tied"));
}
END_TEST

START_TEST(cast_replaces_floats_only)
{
    ct_module *m = group();
    ct_backward(ct_sum(ct_module_parameter(m, "w")));
    int n;
    ct_module_parameters(m, &n);
    ck_assert_int_eq(ct_module_cast(m, CT_F64), CT_OK);
    ct_tensor *const *p = ct_module_parameters(m, &n);
    for (int i = 0; i < n; i++) {
        ck_assert_int_eq(ct_dtype_of(p[i]), CT_F64);
        ck_assert(ct_requires_grad(p[i]));
        ck_assert_ptr_null(ct_gradient(p[i]));
    }
    ck_assert_str_eq(ct_name(p[2]), "a.w");
    expect_values(p[2], CT_DOUBLES(2, 2, 2, 2), 0);
    ck_assert_int_eq(ct_dtype_of(ct_module_parameter(m, "a.steps")), CT_I64);
    ck_assert_int_eq(ct_module_cast(m, CT_I64), CT_ERROR_DTYPE);
    expect_error(CT_ERROR_DTYPE, "module_cast", NULL);
    ck_assert_ptr_null(ct_module_clone(m, CT_BOOL));
    expect_error(CT_ERROR_DTYPE, "module_clone", NULL);
}
END_TEST

START_TEST(clones_share_nothing_but_user)
{
    double factor = 10;
    ct_module *m = ct_sequential_new(cx, NULL, 0);
    ct_module_add(m, "mine", ct_module_new(cx, "scaled", scaled_by_user, &factor));
    ct_module_add_parameter(ct_module_child(m, "mine"), "w", ct_full(cx, CT_F32, NULL, 0, 3));
    ct_module_add(m, "drop", ct_dropout_new(cx, 0));
    ct_module *copy = ct_module_clone(m, CT_F64);
    ct_fill(ct_detach(ct_module_parameter(m, "mine.w")), 5);
    expect_values(ct_module_forward(copy, ct_scalar(cx, CT_F64, 1)), CT_DOUBLES(30), 0);
    factor = 100;
    expect_values(ct_module_forward(copy, ct_scalar(cx, CT_F64, 1)), CT_DOUBLES(300), 0);
    expect_values(ct_module_forward(m, ct_scalar(cx, CT_F32, 1)), CT_DOUBLES(500), 0);
    ck_assert(ct_requires_grad(ct_module_parameter(copy, "mine.w")));
}
END_TEST

START_TEST(text_has_a_line_per_module)
{
    ck_assert_str_eq(ct_module_text(group()),
                     "group: w (2,3), b (3); 13 parameters\n"
                     "  a inner: w (4), steps (1) buffer; 4 parameters\n");
    ct_module *net = ct_mlp_new(cx, CT_F32, CT_SIZES(784, 128, 10), CT_RELU, NULL);
    ck_assert_str_eq(ct_module_text(net),
                     "sequential; 101770 parameters\n"
                     "  0 linear: weight (128,784), bias (128); 100480 parameters\n"
                     "  1 relu\n"
                     "  2 linear: weight (10,128), bias (10); 1290 parameters\n");
}
END_TEST

START_TEST(freeing_gives_everything_back)
{
    ct_memory before, after;
    ct_memory_stats(cx, &before);
    ct_scope scope = ct_scope_begin(cx);
    ct_module *m = group();
    for (int i = 0; i < 100; i++) { /* enough for the table to grow */
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        ct_module_add_parameter(m, name, ct_scalar(cx, CT_F32, i));
    }
    ck_assert_double_eq(ct_item(ct_module_parameter(m, "p63")), 63);
    int n;
    ct_module_parameters(m, &n);
    ck_assert_int_eq(n, 103);
    ct_scope_end(cx, scope); /* the module keeps its parameters */
    ck_assert_double_eq(ct_item(ct_module_parameter(m, "p99")), 99);
    ct_module_free(m);
    ct_memory_stats(cx, &after);
    ck_assert_int_eq(after.live_bytes, before.live_bytes);
    ck_assert_int_eq(after.retained, before.retained);
}
END_TEST

/* a layer that frees a module, itself among others, and goes on */
static ct_tensor *free_one(ct_module *self, ct_tensor *x, void *victim)
{
    ct_module_free(victim ? *(ct_module **)victim : self);
    return ct_scale(x, 2);
}

START_TEST(a_module_freed_while_it_runs)
{
    ct_memory before, after;
    ct_memory_stats(cx, &before);
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *x = ct_ones(cx, CT_F32, CT_SHAPE(1));
    ct_module *m = ct_module_new(cx, "phoenix", free_one, NULL), *victim;
    ck_assert_double_eq(ct_item(ct_module_forward(m, x)), 2);
    for (int k = 0; k < 3; k++) { /* a layer frees itself, the next one, all */
        ct_module *layers[] = { ct_module_new(cx, "layer", free_one, k > 0 ? &victim : NULL),
                                ct_activation_new(cx, CT_RELU) };
        m = ct_sequential_new(cx, layers, 2);
        victim = k == 1 ? layers[1] : m;
        ck_assert_ptr_null(ct_module_forward(m, x));
        expect_error(CT_ERROR_STALE, "sequential", "freed while it ran", NULL);
        if (k < 2)
            ct_module_free(m);
    }
    ct_scope_end(cx, scope);
    ct_memory_stats(cx, &after);
    ck_assert_int_eq(after.live_bytes, before.live_bytes);
}
END_TEST

/* every call that takes a module, with one that was freed */
static void use_a_freed_module(void)
{
    int n = 5;
    ct_tensor *x = ct_scalar(cx, CT_F32, 1);
    ct_module *m = group(), *alive = group(), *child = ct_module_child(m, "a");
    ct_module *relu = ct_activation_new(cx, CT_RELU);
    ct_module_free(m);
    expect_ok();
#define STALE(call, who)                                                                       \
    do {                                                                                       \
        ck_assert(call);                                                                       \
        expect_error(CT_ERROR_STALE, who, "freed", NULL);                                      \
    } while (0)
    STALE((ct_module_free(m), true), "module_free");
    STALE((ct_module_free(child), true), "module_free");
    STALE(!ct_module_forward(m, x), "module_forward");
    STALE(!ct_module_add_parameter(m, "p", x), "module_add_parameter");
    STALE(!ct_module_add_buffer(m, "p", x), "module_add_buffer");
    STALE(!ct_module_add(m, "c", relu), "module_add");
    STALE(!ct_module_add(m, "c", NULL), "module_add");
    STALE(!ct_module_add(alive, "c", m), "module_add");
    STALE(!ct_module_parameter(m, "w"), "module_parameter");
    STALE(!ct_module_child(m, "a"), "module_child");
    STALE(!ct_module_parameters(m, &n) && n == 0, "module_parameters");
    STALE(ct_module_count(m) == -1, "module_count");
    STALE(ct_module_cast(m, CT_F64) == CT_ERROR_STALE, "module_cast");
    STALE(!ct_module_clone(m, 0), "module_clone");
    STALE((ct_module_zero_grad(m), true), "module_zero_grad");
    STALE(strcmp(ct_module_text(m), "(gone)") == 0, "module_text");
    STALE(ct_module_save(m, "/nowhere/net") == CT_ERROR_STALE, "module_save");
    STALE(ct_module_save_with(m, "/nowhere/net", NULL) == CT_ERROR_STALE, "module_save_with");
    STALE(ct_module_load(m, "/nowhere/net", 0) == CT_ERROR_STALE, "module_load");
    STALE(!ct_penalty(m, 1, 1), "penalty");
    STALE(!ct_sequential_new(cx, CT_MODULES(m)), "sequential_new");
    STALE(!ct_sequential_new(cx, CT_MODULES(alive, child)), "sequential_new");
#undef STALE
}

START_TEST(a_freed_module_is_stale)
{
    with_pool(use_a_freed_module);
}
END_TEST

static void text_only(ct_context *c)
{
    ct_module *m = ct_module_new(c, "group", NULL, NULL);
    if (ct_error(c))
        return;
    const char *text = ct_module_text(m);
    ck_assert(ct_error(c) ? text == NULL : strcmp(text, "group\n") == 0);
}

START_TEST(a_text_without_memory_is_null)
{
    for_each_failing_allocation(text_only);
}
END_TEST

static void build_cast_clone(ct_context *c)
{
    ct_module *m = ct_module_new(c, "group", NULL, NULL);
    ct_module_add_parameter(m, "w", ct_ones(c, CT_F32, CT_SHAPE(2)));
    ct_module *a = ct_module_add(m, "a", ct_module_new(c, "inner", NULL, NULL));
    ct_module_add_parameter(a, "w", ct_ones(c, CT_F32, CT_SHAPE(2)));
    ct_module_add_buffer(a, "i", ct_from_ints(c, CT_SHAPE(1), CT_INTS(1)));
    if (!ct_error(c) && ct_module_cast(m, CT_F64) != CT_OK) { /* then nothing has changed */
        ck_assert_int_eq(ct_dtype_of(ct_module_parameter(m, "w")), CT_F32);
        ck_assert_int_eq(ct_dtype_of(ct_module_parameter(m, "a.w")), CT_F32);
    }
    ct_module *copy = ct_module_clone(m, 0);
    ct_module_text(copy);
    ct_module_free(m);
}

START_TEST(every_allocation_may_fail)
{
    for_each_failing_allocation(build_cast_clone);
}
END_TEST

Suite *module_suite(void);
Suite *module_suite(void)
{
    const TTest *const tests[] = {
        parameters_are_listed_in_order_and_named_by_path,
        all_tensors_are_listed_once, gradients_are_cleared_below,
        lists_follow_what_is_added_and_freed_below,
        names_follow_the_outermost_module,
        lookups_that_fail_say_what_was_looked_for,
        bad_names_are_refused,
        what_is_no_parameter_is_refused,
        a_child_has_one_parent_and_never_holds_itself,
        children_are_taken_also_on_failure,
        paths_have_a_bound,
        forward_calls_back_and_reports,
        forward_leaves_only_its_result,
        the_kind_is_copied,
        null_modules_are_harmless,
        tied_parameters_are_one,
        cast_replaces_floats_only,
        clones_share_nothing_but_user,
        text_has_a_line_per_module,
        freeing_gives_everything_back,
        a_module_freed_while_it_runs,
        a_freed_module_is_stale,
        a_text_without_memory_is_null,
        every_allocation_may_fail,
        NULL,
    };
    return make_suite("nn/module", tests);
}
