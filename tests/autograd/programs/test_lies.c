/* What other systems that record once go wrong about, without a word: each is noted anew, done in
 * each run, or makes the run eager. docs/replay.md has the table; test_program.c has more of it. */
#define _POSIX_C_SOURCE 200809L
#include "programs.h"

#include <cotangent/op.h>
#include <unistd.h>

/* -- What is noted anew */
static int calls;

static ct_tensor *plain(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    calls++;
    return ct_is_inference(c) ? ct_exp(x[0]) : ct_dropout(ct_sin(x[0]), 0.5);
}

static void expect_calls(ct_program *p, ct_tensor *x, int more)
{
    int before = calls;
    for (int run = 0; run < 3; run++) {
        ct_stream stream = ct_random_stream(cx);
        ct_tensor *y = ct_program_run(p, &x, 1);
        ct_random_resume(cx, stream);
        int called = calls;
        ck_assert(y && same_bits(y, plain(cx, &x, 1, NULL)));
        calls = called;
    }
    ck_assert_int_eq(calls - before, more);
}

START_TEST(another_form_is_noted_anew)
{
    ct_program *p = ct_program_new(cx, plain, NULL, NULL);
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3, 3)), *v = ct_variable(ct_detach(x));
    expect_calls(p, x, 1);
    expect_calls(p, ct_cast(x, CT_F32), 1);                   /* a dtype */
    expect_calls(p, ct_randn(cx, CT_F64, CT_SHAPE(2, 3)), 1); /* a shape */
    expect_calls(p, ct_randn(cx, CT_F64, CT_SHAPE(9)), 1);    /* other dimensions */
    expect_calls(p, ct_transpose(x), 1);                      /* a layout */
    expect_calls(p, v, 1);                                    /* a variable */
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    expect_calls(p, x, 1);
    ct_scope_end(cx, scope);
    scope = ct_scope_begin(cx);
    ct_inference(cx);
    expect_calls(p, x, 1);                                    /* the eighth */
    ct_scope_end(cx, scope);
    expect_calls(p, ct_randn(cx, CT_F64, CT_SHAPE(5)), 3);    /* no more are kept */
    expect_calls(p, x, 0);
    p = ct_program_new(cx, plain, NULL, &(ct_program_options){ .plans = 1 });
    expect_calls(p, x, 1);
    expect_calls(p, v, 3);
    expect_calls(p, x, 0);
    p = ct_program_new(cx, plain, NULL, NULL);
    expect_calls(p, ct_randn(cx, CT_F64, CT_SHAPE(9)), 1);
    expect_calls(p, ct_randn(cx, CT_F64, CT_SHAPE(9, 1)), 1); /* a dimension more, of one element */
    for (int n = 2; n > 0; n--) { /* so many inputs, of which it takes one */
        int before = calls;
        p = n == 2 ? ct_program_new(cx, plain, NULL, NULL) : p;
        ck_assert(ct_program_run(p, CT_TENSORS(x, x)) && ct_program_run(p, &x, 1));
        ck_assert(ct_program_run(p, (ct_tensor *[]){ x, x, x }, 3));
        ck_assert_int_eq(calls - before, n == 2 ? 3 : 0);
    }
    p = ct_program_new(cx, plain, NULL, &(ct_program_options){ .plans = 1, .strict = true });
    expect_calls(p, x, 1);
    ck_assert_ptr_null(ct_program_run(p, &v, 1));
    expect_error(CT_ERROR_UNSUPPORTED, "as many plans as may be kept", NULL);
}
END_TEST

/* -- Values that are read on the way, and what else stays eager: the run is right, and says why */
typedef enum act {
    AT, ITEM_INT, TO_DOUBLES, TO_MEMORY, ACCURACY, GRADIENT, DRAW, SELECT, MUTABLE, SET, BORROW,
    INTS, SEED, STREAM, CONSTANT, ROOT, UPDATE, DIFFERENCE, CLIP, ACTS
} act;

static ct_tensor *identity(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_sub(x[0], x[1]);
}

static ct_tensor *acting(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    double some[3] = { 0 }, number = 1;
    ct_tensor *v = ct_variable(ct_detach(x[0])), *y = ct_exp(x[0]), *t;
    int64_t label[] = { 1 };
    (void)n;
    switch (*(const act *)user) {
    case AT: number = ct_at(y, CT_INDEX(1)); break;
    case ITEM_INT: number = (double)ct_item_int(ct_argmax(y, 0)); break;
    case TO_DOUBLES: ct_to_doubles(y, some, 3); break;
    case TO_MEMORY: ct_to_memory(y, some, sizeof some); break;
    case ACCURACY: number = ct_accuracy(ct_reshape(y, CT_SHAPE(1, 3)), ct_argmax(ct_reshape(y,
                                        CT_SHAPE(1, 3)), 1)); break;
    case GRADIENT:
        ct_backward(ct_sum(ct_square(v)));
        number = ct_data_f64(ct_gradient(v))[0];
        break;
    case DRAW: number = (double)(ct_random_u64(c) % 7); break;
    case SELECT: y = ct_masked_select(y, ct_gt(x[0], ct_scalar_like(x[0], 0))); break;
    case MUTABLE: ((double *)ct_data_mutable(y))[0] = 5; break;
    case SET: ct_set(y, CT_INDEX(0), 5); break;
    case BORROW: y = ct_add(y, ct_borrow_const(c, CT_F64, CT_SHAPE(1), &number)); break;
    case INTS: y = ct_index_select(y, 0, ct_from_ints(c, CT_SHAPE(1), label, 1)); break;
    case SEED: ct_seed(c, 5); y = ct_dropout(y, 0.5); break;
    case STREAM: number = (double)(ct_random_stream(c).draws % 5); break;
    case CONSTANT: ct_constant(v); break;
    case ROOT: y = ct_root(c, identity, NULL, ct_scale(x[0], 1), x, 1); break;
    case UPDATE:
        t = ct_scale(x[0], 1);
        ct_update(&t, x, NULL, 1, 0.5, &(ct_update_options){ .rule = CT_SGD });
        y = t;
        break;
    case DIFFERENCE: number = ct_max_difference(x[0], y); break;
    case CLIP:
        ct_backward(ct_sum(ct_square(v)));
        number = ct_clip_gradients(&v, 1, 1);
        break;
    default: return NULL;
    }
    return ct_scale(y, number + some[0]);
}

START_TEST(what_stays_eager_says_why)
{
    static const char *const why[ACTS] = {
        "at", "item_int", "to_doubles", "to_memory", "data", "data", "a draw", "data",
        "data_mutable", "set", "borrow", "from_ints", "seed", "random_stream", "constant", "root",
        "update_sgd", "max_difference", "clip"
    };
    for (act a = 0; a < ACTS; a++) {
        ct_program *p = ct_program_new(cx, acting, &a, NULL);
        for (int run = 0; run < 3; run++) {
            ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3));
            ct_stream stream = ct_random_stream(cx);
            ct_tensor *y = ct_program_run(p, &x, 1);
            ct_random_resume(cx, stream);
            ct_tensor *want = acting(cx, &x, 1, &a);
            ck_assert_msg(y && want && same_bits(y, want), "%s: %s", why[a], ct_error_text(cx));
        }
        const char *text = ct_program_text(p), *at = strstr(text, "eager: ");
        ck_assert_msg(at && strstr(at, why[a]), "%s: %s", why[a], text);
    }
    expect_ok();
}
END_TEST

/* -- An operator of the caller's, whose kernel has an effect: it is called in each run */
static int kernels;

static ct_status counting_forward(ct_call *call)
{
    const double *x = ct_data(ct_call_x(call, 0));
    double *y = ct_data_mutable(ct_call_y(call, 0));
    kernels++;
    for (int64_t i = 0; i < ct_count(ct_call_x(call, 0)); i++)
        y[i] = x[i] + kernels;
    return CT_OK;
}

static ct_tensor *counted(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    static const ct_op op = { .name = "counting", .inputs = 1, .flags = CT_OP_CONTIGUOUS,
                              .infer = ct_infer_same, .forward = counting_forward };
    (void)c, (void)n, (void)user;
    ct_apply(&op, NULL, x, 1); /* nobody reads this one */
    return ct_scale(ct_apply(&op, NULL, x, 1), 2);
}

START_TEST(kernels_with_effects_are_called)
{
    ct_program *p = ct_program_new(cx, counted, NULL, NULL);
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(2));
    for (int run = 1; run <= 5; run++)
        ck_assert(ct_at(ct_program_run(p, &x, 1), CT_INDEX(1)) == 4 * run);
    ck_assert_int_eq(kernels, 10);
    ck_assert_int_eq(replays(p), 4);
}
END_TEST

/* -- What is there from before */
static ct_tensor *old_graph(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor **v = user, *g;
    (void)c, (void)n;
    return ct_grad(v[1], NULL, v, 1, 0, &g) == CT_OK ? ct_mul(g, x[0]) : NULL;
}

/* a graph of before the run, of which something saved is overwritten later: an error then */
START_TEST(a_graph_from_before)
{
    ct_tensor *v[] = { ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(3))), NULL };
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3));
    v[1] = ct_sum(ct_exp(ct_mul(v[0], v[0])));
    ct_program *p = ct_program_new(cx, old_graph, v, NULL);
    for (int run = 0; run < 3; run++)
        ck_assert(same_bits(ct_program_run(p, &x, 1), old_graph(cx, &x, 1, v)));
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    ck_assert_int_eq(ct_fill(v[0], 2), CT_OK);
    ct_scope_end(cx, scope);
    ck_assert_ptr_null(ct_program_run(p, &x, 1));
    expect_error(CT_ERROR_STALE, "fill", NULL);
}
END_TEST

static ct_tensor *beside_a_leaf(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    return ct_mul(x[0], user);
}

static ct_tensor *slot;
static ct_tensor *old_slot(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    return ct_mul(x[0], *(ct_tensor **)user);
}

/* more programs than a tensor can count */
START_TEST(many_programs_of_one_leaf)
{
    ct_tensor *w = ct_randn(cx, CT_F64, CT_SHAPE(3)), *x = ct_randn(cx, CT_F64, CT_SHAPE(3));
    ct_tensor *want = ct_mul(x, w);
    ct_program *p = NULL;
    for (int k = 0; k < 300; k++) {
        p = ct_program_new(cx, beside_a_leaf, w, NULL);
        for (int run = 0; run < 2; run++)
            ck_assert(same_bits(ct_program_run(p, &x, 1), want));
    }
    ck_assert(strstr(ct_program_text(p), "eager: a tensor that too many programs read"));
}
END_TEST

/* exchanged for each run: it is no use to note that */
START_TEST(a_leaf_that_never_stays)
{
    ct_program *p = ct_program_new(cx, old_slot, &slot, &(ct_program_options){ .strict = true });
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3)), *y = x;
    int runs = 0;
    for (; y && runs < 100; runs++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_keep(&slot, ct_randn(cx, CT_F64, CT_SHAPE(3)));
        ct_scope_end(cx, scope);
        y = ct_program_run(p, &x, 1);
    }
    ck_assert_int_lt(runs, 100);
    expect_error(CT_ERROR_UNSUPPORTED, "released again and again", NULL);
    ct_release(slot);
}
END_TEST

static ct_tensor *unwritten(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_exp(ct_mul(ct_empty_like(x[0]), x[0]));
}

static ct_tensor *trying(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *y = ct_cross_entropy(x[0], x[1]);
    (void)c, (void)n, (void)user;
    return y ? y : ct_sum(x[0]);
}

/* while an error is pending, a call that fails says nothing more */
START_TEST(an_error_from_before)
{
    ct_program *p = ct_program_new(cx, trying, NULL, NULL);
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(1, 3)), *good = ct_zeros(cx, CT_I64, CT_SHAPE(1));
    ct_tensor *bad = ct_full(cx, CT_I64, CT_SHAPE(1), 7);
    ct_fail(cx, CT_ERROR_VALUE, "pending");
    ck_assert(same_bits(ct_program_run(p, CT_TENSORS(x, bad)), ct_sum(x)));
    expect_error(CT_ERROR_VALUE, "pending", NULL);
    ck_assert(same_bits(ct_program_run(p, CT_TENSORS(x, good)), ct_cross_entropy(x, good)));
}
END_TEST

static int asked;
static ct_status sometimes(void *object)
{
    (void)object;
    return ++asked == 1 ? CT_ERROR_VALUE : CT_OK;
}

static bool recorded;
static ct_status recording(void *object)
{
    recorded = ct_requires_grad(ct_exp(*(ct_tensor **)object));
    asked++;
    return CT_OK;
}

/* it calls something again, or it leaves a gradient */
static ct_tensor *effects(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n;
    if (ct_size(x[0], 0) == 2)
        ct_call_again(c, recording, user);
    else
        ct_backward(ct_sum(ct_mul(x[0], *(ct_tensor **)user)));
    return ct_exp(x[0]);
}

/* verify does them once in each run, and they find the mode that they found at first */
START_TEST(effects_that_are_verified)
{
    ct_tensor **v = ct_object_new(cx, sizeof *v, NULL);
    *v = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(1)));
    for (int way = 0; way < 3; way++) { /* the last: a gradient that is there is zeroed before */
        ct_program *p = ct_program_new(cx, effects, v, &(ct_program_options){ .verify = way > 0 });
        asked = 0;
        ct_zero_grad(*v);
        for (int run = 0; run < 4; run++) {
            ct_tensor *x[] = { ct_ones(cx, CT_F64, CT_SHAPE(2)), ct_ones(cx, CT_F64, CT_SHAPE(1)) };
            recorded = false;
            if (way == 2)
                ct_zero_grad(*v);
            ck_assert(ct_program_run(p, &x[0], 1) && ct_program_run(p, &x[1], 1));
            ck_assert(recorded);
        }
        ck_assert_int_eq(asked, 4);
        ck_assert(ct_item(ct_gradient(*v)) == (way == 2 ? 1 : 4));
    }
}
END_TEST

static int counts[2];
static ct_status count(void *object)
{
    counts[*(int *)object]++;
    return CT_OK;
}

static ct_tensor *counting(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n;
    return ct_call_again(c, count, *(void **)user) == CT_OK ? ct_exp(x[0]) : NULL;
}

START_TEST(an_object_that_is_exchanged)
{
    int *objects[] = { ct_object_new(cx, sizeof(int), NULL), ct_object_new(cx, sizeof(int), NULL) };
    ct_tensor *x = ct_ones(cx, CT_F64, CT_SHAPE(2));
    void *now = objects[0];
    *objects[0] = 0, *objects[1] = 1;
    ct_program *p = ct_program_new(cx, counting, &now, NULL);
    for (int run = 0; run < 6; run++) {
        if (run == 3) {
            now = objects[1];
            ct_object_free(objects[0]);
        }
        ck_assert(ct_program_run(p, &x, 1));
    }
    ck_assert_int_eq(counts[0], 3);
    ck_assert_int_eq(counts[1], 3);
}
END_TEST

static ct_tensor *logarithm(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_log(x[0]);
}

/* where it is asked for, infinities are looked for */
START_TEST(values_are_looked_at)
{
    ct_program *p = ct_program_new(cx, logarithm, NULL, NULL);
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(3));
    for (int run = 0; run < 3; run++)
        ck_assert(ct_program_run(p, &x, 1));
    ct_find_nonfinite(cx, true);
    ck_assert_ptr_null(ct_program_run(p, &x, 1));
    expect_error(CT_ERROR_VALUE, "log", NULL);
    ct_find_nonfinite(cx, false);
    ck_assert(ct_program_run(p, &x, 1));
}
END_TEST

/* -- An operator whose attributes are not plain */
static void held_drop(void *attributes)
{
    free(*(void **)attributes);
}

static ct_status held_forward(ct_call *call)
{
    const double *factor = *(double *const *)ct_call_attributes(call), *x = ct_data(ct_call_x(call, 0));
    double *y = ct_data_mutable(ct_call_y(call, 0));
    for (int64_t i = 0; i < ct_count(ct_call_y(call, 0)); i++)
        y[i] = *factor * x[i];
    return CT_OK;
}

static ct_tensor *holding(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    static const ct_op op = { .name = "held", .inputs = 1, .flags = CT_OP_CONTIGUOUS,
                              .attributes_size = sizeof(void *), .drop = held_drop,
                              .infer = ct_infer_same, .forward = held_forward };
    double *factor = malloc(sizeof *factor);
    (void)c, (void)n, (void)user;
    *factor = 3;
    return ct_apply(&op, &factor, x, 1);
}

START_TEST(attributes_that_are_not_plain)
{
    ct_program *p = ct_program_new(cx, holding, NULL, NULL);
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3));
    for (int run = 0; run < 3; run++)
        ck_assert(same_bits(ct_program_run(p, &x, 1), ct_scale(x, 3)));
    ck_assert_msg(strstr(ct_program_text(p), "eager: held"), "%s", ct_program_text(p));
}
END_TEST

static ct_tensor *asking(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n;
    ct_call_again(c, sometimes, user);
    return ct_exp(x[0]);
}

START_TEST(what_nobody_wrote_and_what_failed_once)
{
    ct_program *p = ct_program_new(cx, unwritten, NULL, NULL);
    ct_tensor *x = ct_zeros(cx, CT_F64, CT_SHAPE(3));
    ck_assert(ct_program_run(p, &x, 1));
    ck_assert(strstr(ct_program_text(p), "eager: a tensor that no operator wrote"));
    p = ct_program_new(cx, asking, ct_object_new(cx, 8, NULL), NULL);
    asked = 0;
    for (int run = 0; run < 4; run++)
        ck_assert(ct_program_run(p, &x, 1));
    ck_assert_int_eq(asked, 4);
}
END_TEST

/* -- A variable that is exchanged, and whose gradient is all that is touched */
static ct_tensor *zeroing(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    ct_zero_grad(*(ct_tensor **)user);
    return ct_exp(x[0]);
}

START_TEST(a_variable_of_which_the_gradient_is_used)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_tensor *w = ct_retain(ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(3))));
    ct_scope_end(cx, scope);
    ct_program *p = ct_program_new(cx, zeroing, &w, NULL);
    for (int run = 0; run < 6; run++) {
        scope = ct_scope_begin(cx);
        ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3));
        if (run == 3)
            ct_keep(&w, ct_variable(ct_zeros(cx, CT_F64, CT_SHAPE(3))));
        ck_assert_int_eq(ct_add_gradient(w, x), CT_OK);
        ck_assert(ct_program_run(p, &x, 1) && !ct_gradient(w));
        ct_scope_end(cx, scope);
    }
    ck_assert_int_eq(replays(p), 2);
    ct_release(w);
}
END_TEST

/* -- Modules whose tensors are exchanged, or written elsewhere */
static ct_tensor *through(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_module *m = user;
    (void)c, (void)n;
    ct_tensor *w = ct_module_parameter(m, "weight");
    return ct_module_forward(m, ct_cast(x[0], ct_dtype_of(w)));
}

START_TEST(modules_change)
{
    ct_module *m = ct_linear_new(cx, CT_F32, 3, 2, NULL);
    ct_program *p = ct_program_new(cx, through, m, NULL);
    char path[] = "/tmp/cotangent-lies-XXXXXX";
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
    bool saves = ct_module_save(m, path) == CT_OK;
#if !HAVE_JANSSON
    saves = false; /* it could not be loaded */
#endif
    ct_error_clear(cx);
    for (int run = 0; run < 10; run++) {
        ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(4, 3));
        if (run == 2)
            ck_assert_int_eq(ct_module_cast(m, CT_F64), CT_OK);
        ct_scope scope = ct_scope_begin(cx);
        ct_no_grad(cx);
        if (run == 4)
            ck_assert_int_eq(ct_fill(ct_module_parameter(m, "bias"), 1), CT_OK);
        if (run == 5)
            ck_assert_int_eq(ct_module_cast(m, CT_F32), CT_OK);
        if (run == 7 && saves)
            ck_assert_int_eq(ct_module_load(m, path, 0), CT_OK);
        if (run == 8) /* by C */
            ((float *)ct_data_mutable(ct_module_parameter(m, "weight")))[1] = 3;
        ct_scope_end(cx, scope);
        ct_tensor *y = ct_program_run(p, &x, 1), *want = through(cx, &x, 1, m);
        ck_assert_msg(y && want && same_bits(y, want), "run %d: %s", run, ct_error_text(cx));
    }
    unlink(path);
    ck_assert_int_ge(replays(p), 3);
}
END_TEST

Suite *lies_suite(void);
Suite *lies_suite(void)
{
    return make_suite("autograd/lies", (const TTest *[]){
        another_form_is_noted_anew, what_stays_eager_says_why, kernels_with_effects_are_called,
        a_graph_from_before, many_programs_of_one_leaf, a_leaf_that_never_stays, an_error_from_before, what_nobody_wrote_and_what_failed_once,
        effects_that_are_verified, an_object_that_is_exchanged, values_are_looked_at, attributes_that_are_not_plain,
        a_variable_of_which_the_gradient_is_used, modules_change, NULL });
}
