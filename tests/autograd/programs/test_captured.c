/* What a program captures beside plain operators: functions that run again in backward, matrices of
 * derivatives, gradients by rows and those from before the run, and clipping. */
#include "programs.h"

#include <cotangent/op.h>

/* -- Functions of the arguments alone: y, or a gradient, with draws */
static ct_tensor *noisy(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    ct_tensor *h = ct_dropout(ct_tanh(ct_mul(x[0], x[1])), 0.5);
    return ct_add(ct_dropout(ct_square(h), 0.25), x[0]);
}

static ct_tensor *nested(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *h = ct_checkpoint(c, noisy, user, x, n);
    return ct_mul(ct_dropout(h, 0.5), ct_checkpoint(c, noisy, user, CT_TENSORS(h, x[1])));
}

static ct_tensor *gradient_of(ct_context *c, ct_function f, ct_tensor *const *x, void *user,
                              bool twice)
{
    ct_tensor *v[] = { ct_variable(ct_detach(x[0])), ct_variable(ct_detach(x[1])) }, *g[2];
    ct_tensor *noise = ct_randn(c, ct_dtype_of(x[0]), ct_shape(x[0]), 2);
    ct_tensor *y = ct_checkpoint(c, f, user, v, 2);
    y = ct_sum(ct_mul(ct_checkpoint(c, f, user, CT_TENSORS(y, v[1])), noise));
    if (ct_grad(y, NULL, v, 2, twice ? CT_CREATE_GRAPH : 0, g) != CT_OK)
        return NULL;
    ct_tensor *z = ct_sum(ct_square(ct_add(g[0], g[1])));
    if (twice && ct_grad(z, NULL, v, 2, 0, g) != CT_OK)
        return NULL;
    return ct_add(ct_add(g[0], g[1]), ct_randn(c, ct_dtype_of(x[0]), ct_shape(x[0]), 2));
}

static ct_tensor *checkpointed(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n;
    return gradient_of(c, noisy, x, user, false);
}

static ct_tensor *checkpointed_twice(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n;
    return gradient_of(c, nested, x, user, true);
}

static ct_status halved(const ct_custom_call *call, ct_tensor **gx)
{
    gx[0] = ct_scale(ct_mul(call->gy, call->y), 0.5);
    gx[1] = ct_mul(call->gy, call->x[0]);
    return CT_OK;
}

static ct_tensor *custom(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *v[] = { ct_variable(ct_detach(x[0])), ct_variable(ct_detach(x[1])) }, *g[2];
    ct_tensor *y = ct_custom(c, noisy, halved, user, v, n);
    y = ct_custom(c, noisy, halved, user, CT_TENSORS(y, ct_transpose(v[1])));
    if (ct_grad(ct_sum(y), NULL, v, 2, CT_CREATE_GRAPH, g) != CT_OK ||
        ct_grad(ct_sum(ct_mul(g[0], g[1])), NULL, v, 2, 0, g) != CT_OK)
        return NULL;
    return ct_sub(g[0], g[1]);
}

/* -- Matrices */
static ct_tensor *many(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    ct_tensor *row = ct_slice(x[0], 0, 0, 1, 1);
    return ct_mul(ct_sin(x[0]), ct_square(row));
}

static ct_tensor *one(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    return ct_sum(ct_mul(x[0], many(c, x, n, user)));
}

static ct_tensor *matrices(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *sum = ct_sum(ct_hessian(c, one, user, x[0]));
    (void)n;
    for (int direction = CT_BY_SIZES; direction <= CT_BY_COLUMNS; direction++) {
        ct_tensor *j = ct_jacobian_by(c, many, user, x[0], (ct_direction)direction);
        sum = ct_add(ct_scale(sum, 3), ct_sum(ct_mul(j, ct_exp(j))));
    }
    return ct_add(sum, ct_jacobian(c, one, user, x[1]));
}

static void expect_replays(ct_function f, ct_dtype dtype)
{
    enum { RUNS = 6 };
    ct_program *p = ct_program_new(cx, f, NULL, &(ct_program_options){ .strict = true });
    for (int run = 0; run < RUNS; run++) {
        int64_t n = run == RUNS - 1 ? 4 : 3;
        ct_tensor *x[] = { ct_randn(cx, dtype, CT_SHAPE(n, n)), ct_randn(cx, dtype, CT_SHAPE(n, n)) };
        ct_stream stream = ct_random_stream(cx);
        ct_tensor *y = ct_program_run(p, x, 2);
        uint64_t after = ct_random_stream(cx).draws;
        ct_random_resume(cx, stream);
        ct_tensor *want = f(cx, x, 2, NULL);
        ck_assert_msg(y && want && same_bits(y, want), "run %d: %s", run, ct_error_text(cx));
        ck_assert_uint_eq(ct_random_stream(cx).draws, after);
    }
    ck_assert_int_eq(replays(p), RUNS - 2);
}

START_TEST(functions_that_run_again)
{
    const ct_function all[] = { checkpointed, checkpointed_twice, custom, matrices };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (int dtype = CT_F32; dtype <= CT_F64; dtype++)
            expect_replays(all[i], (ct_dtype)dtype);
}
END_TEST

/* a checkpoint of before the run, whose draws the run does not know */
static ct_tensor *old_loss;
static ct_tensor *walk_over_the_old(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *g;
    (void)c, (void)n;
    return ct_grad(old_loss, NULL, user, 1, 0, &g) == CT_OK ? ct_mul(g, x[0]) : NULL;
}

START_TEST(a_checkpoint_from_before)
{
    ct_tensor *v = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(3, 3)));
    old_loss = ct_sum(ct_checkpoint(cx, noisy, NULL, CT_TENSORS(v, v)));
    ct_program *p = ct_program_new(cx, walk_over_the_old, &v, NULL);
    for (int run = 0; run < 4; run++) {
        ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3, 3));
        ck_assert(same_bits(ct_program_run(p, &x, 1), walk_over_the_old(cx, &x, 1, &v)));
    }
    ck_assert_msg(strstr(ct_program_text(p), "eager: "), "%s", ct_program_text(p));
}
END_TEST

/* a function of ct_custom that has side effects, and says so */
static int effects;
static ct_tensor *counting(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_call_once(c, "a counter");
    effects++;
    return noisy(c, x, n, user);
}

static ct_tensor *custom_counting(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    return ct_custom(c, counting, halved, user, x, n);
}

START_TEST(side_effects_are_said)
{
    ct_program *p = ct_program_new(cx, custom_counting, NULL, NULL);
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3, 3));
    for (int run = 0; run < 4; run++)
        ck_assert(ct_program_run(p, CT_TENSORS(x, x)));
    ck_assert_int_eq(effects, 4);
    ck_assert(strstr(ct_program_text(p), "eager: a counter"));
}
END_TEST

/* -- Training steps */
typedef struct steps {
    ct_tensor *w;          /* an embedding */
    ct_optimizer *rule;
    int walks, clip;       /* walks before a step; 1: by norm, 2: by value */
} steps;

static ct_tensor *learn(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const steps *s = user;
    ct_tensor *loss = NULL;
    (void)c, (void)n;
    for (int i = 0; i < s->walks; i++) {
        loss = ct_mean(ct_square(ct_sub(ct_embedding(x[0], s->w), x[1])));
        if (ct_backward(loss) != CT_OK)
            return NULL;
    }
    if ((s->clip == 1 && ct_clip_gradient_norm(&s->w, 1, 0.01) != CT_OK) ||
        (s->clip == 2 && ct_clip_gradient_values(&s->w, 1, 0.01) != CT_OK) ||
        (s->rule && ct_optimizer_step(s->rule) != CT_OK))
        return NULL;
    return loss;
}

/* gradients by rows, added to, zeroed and kept; `apart`: the caller steps */
static void compare_steps(int walks, int clip, bool apart, bool adam)
{
    enum { ROWS = 40 };
    steps s[2];
    ct_tensor *w = ct_randn(cx, CT_F32, CT_SHAPE(ROWS, 3));
    for (int k = 0; k < 2; k++) {
        s[k] = (steps){ ct_variable(ct_scale(w, 1)), NULL, walks, clip };
        s[k].rule = adam ? ct_adam_new(&s[k].w, 1, 0.1, NULL) : ct_sgd_new(&s[k].w, 1, 0.1, NULL);
    }
    ct_optimizer *rules[] = { s[0].rule, s[1].rule };
    if (apart)
        s[0].rule = s[1].rule = NULL;
    ct_program *p = ct_program_new(cx, learn, &s[1], &(ct_program_options){ .strict = true });
    for (int run = 0; run < 8; run++) {
        ct_tensor *x[] = { ct_randint(cx, 0, ROWS, CT_SHAPE(5)), ct_randn(cx, CT_F32, CT_SHAPE(5, 3)) };
        ct_tensor *want = learn(cx, x, 2, &s[0]), *y = ct_program_run(p, x, 2);
        ck_assert_msg(y && want && same_bits(y, want), "%s", ct_error_text(cx));
        for (int k = 0; k < 2 && apart && run % 3 == 2; k++)
            ck_assert_int_eq(ct_optimizer_step(rules[k]), CT_OK);
        for (int k = 0; k < 2 && run == 4; k++) { /* a step of its own, by rows */
            ct_tensor *loss = learn(cx, x, 2, &s[k]);
            ck_assert(loss != NULL);
        }
        ct_tensor *g = ct_gradient(s[0].w), *h = ct_gradient(s[1].w);
        ck_assert(!g == !h && (!g || same_bits(g, h)) && same_bits(s[0].w, s[1].w));
    }
    ck_assert_int_ge(replays(p), 6);
}

START_TEST(steps_by_rows)
{
    for (int adam = 0; adam < 2; adam++)
        for (int clip = 0; clip < 3; clip++)
            for (int walks = 1; walks <= 2; walks++)
                for (int apart = 0; apart < 2; apart++)
                    compare_steps(walks, clip, apart, adam);
    expect_ok();
}
END_TEST

/* the first run finds a gradient, one by rows, which it adds to; a later one finds none */
START_TEST(gradients_of_walks_outside)
{
    enum { ROWS = 40 };
    ct_tensor *w = ct_randn(cx, CT_F32, CT_SHAPE(ROWS, 3));
    steps s[2];
    ct_optimizer *rules[2];
    for (int k = 0; k < 2; k++) {
        s[k] = (steps){ ct_variable(ct_scale(w, 1)), NULL, 1, 0 };
        rules[k] = ct_sgd_new(&s[k].w, 1, 0.1, NULL);
    }
    ct_program *p = ct_program_new(cx, learn, &s[1], &(ct_program_options){ .strict = true });
    for (int run = 0; run < 6; run++) {
        ct_tensor *before[] = { ct_randint(cx, 0, ROWS, CT_SHAPE(5)), ct_randn(cx, CT_F32, CT_SHAPE(5, 3)) };
        ct_tensor *x[] = { ct_randint(cx, 0, ROWS, CT_SHAPE(5)), ct_randn(cx, CT_F32, CT_SHAPE(5, 3)) };
        for (int k = 0; k < 2 && run != 3; k++)
            ck_assert(learn(cx, before, 2, &s[k]) && ct_touched_rows(ct_gradient(s[k].w)));
        ck_assert(learn(cx, x, 2, &s[0]) && ct_program_run(p, x, 2));
        ck_assert(same_bits(ct_gradient(s[0].w), ct_gradient(s[1].w)));
        for (int k = 0; k < 2; k++)
            ck_assert_int_eq(ct_optimizer_step(rules[k]), CT_OK);
        ck_assert(same_bits(s[0].w, s[1].w));
    }
    ck_assert_int_eq(replays(p), 4);
}
END_TEST

/* a norm that is not finite fails in a replay, too, and nothing is changed */
START_TEST(clipping_finds_what_is_not_finite)
{
    steps s = { .w = ct_variable(ct_ones(cx, CT_F32, CT_SHAPE(4, 3))), .walks = 1, .clip = 1 };
    s.rule = ct_sgd_new(&s.w, 1, 0.1, NULL);
    ct_program *p = ct_program_new(cx, learn, &s, NULL);
    ct_tensor *x = ct_from_ints(cx, CT_SHAPE(1), CT_INTS(2)), *t = ct_zeros(cx, CT_F32, CT_SHAPE(3));
    for (int run = 0; run < 3; run++)
        ck_assert(ct_program_run(p, CT_TENSORS(x, t)));
    ct_tensor *before = ct_scale(ct_detach(s.w), 1);
    t = ct_full(cx, CT_F32, CT_SHAPE(3), INFINITY);
    ck_assert_ptr_null(ct_program_run(p, CT_TENSORS(x, t)));
    expect_error(CT_ERROR_VALUE, "norm is not finite", NULL);
    ck_assert(same_bits(before, ct_detach(s.w)));
    ck_assert_int_eq(replays(p), 2);
    ct_zero_grad(s.w);
    ck_assert_int_eq(ct_clip_gradient_norm(&s.w, -1, 1), CT_ERROR_RANGE);
    expect_error(CT_ERROR_RANGE, "clip_gradient_norm", NULL);
    ck_assert_int_eq(ct_clip_gradient_norm(&s.w, 1, 0), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "max_norm", NULL);
    ck_assert_int_eq(ct_clip_gradient_norm(&s.w, 1, 1), CT_OK); /* there are no gradients */
}
END_TEST

/* -- Gradients that a function which is called again writes, or takes away */
typedef struct caller {
    ct_context *c;
    ct_tensor *v;
    ct_optimizer *optimizer;
    int how;
} caller;

static ct_status doubles_it(void *user)
{
    ct_tensor *g = ct_gradient(((caller *)user)->v);
    return ct_assign_add(g, 1, g);
}

/* half of the gradient is cheap to make again, but of another gradient */
static ct_tensor *halving(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    caller *s = user;
    (void)n;
    ct_zero_grad(s->v);
    if (ct_backward(ct_sum(ct_mul(ct_sin(s->v), x[0]))) != CT_OK)
        return NULL;
    ct_tensor *g = ct_gradient(s->v), *half = ct_scale(g, 0.5), *sum = ct_sum(ct_sin(half));
    if (ct_call_again(c, doubles_it, s) != CT_OK)
        return NULL;
    return ct_sin(ct_add(ct_mul(half, sum), g));
}

static ct_status takes_it(void *user)
{
    caller *s = user;
    if (s->how == 1)
        ct_zero_grad(s->v);
    ct_status status = s->how == 2 ? ct_optimizer_step(s->optimizer) : CT_OK;
    for (int i = 0; i < 8; i++) /* takes the memory that is free now */
        ct_full(s->c, CT_F64, CT_SHAPE(60, 60), 2);
    return status;
}

/* The gradient is one of before the run. */
static ct_tensor *taking(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    caller *s = user;
    ct_tensor *g = ct_detach(ct_gradient(s->v));
    (void)n;
    if (s->how == 0)
        ct_zero_grad(s->v);
    return ct_call_again(c, takes_it, s) == CT_OK ? ct_sin(ct_add(g, x[0])) : NULL;
}

static caller *caller_new(ct_context *c, int how)
{
    caller *s = ct_object_new(c, sizeof *s, NULL);
    *s = (caller){ c, ct_variable(ct_randn(c, CT_F64, CT_SHAPE(60, 60))), NULL, how };
    s->optimizer = ct_sgd_new(&s->v, 1, 0.5, NULL);
    return s;
}

START_TEST(gradients_that_calls_change)
{
    static const ct_function functions[] = { taking, taking, taking, halving };
    for (int how = 0; how < 4; how++) {
        ct_context *other = ct_context_new(&(ct_context_options){ .seed = 5 });
        ct_seed(cx, 5);
        caller *s = caller_new(cx, how), *t = caller_new(other, how);
        ct_program *p = ct_program_new(cx, functions[how], s, NULL);
        for (int run = 0; run < 3; run++) {
            ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(60, 60));
            ct_tensor *y = ct_randn(other, CT_F64, CT_SHAPE(60, 60));
            ck_assert_int_eq(ct_backward(ct_sum(ct_sin(s->v))), CT_OK);
            ck_assert_int_eq(ct_backward(ct_sum(ct_sin(t->v))), CT_OK);
            ct_tensor *got = ct_program_run(p, &x, 1), *want = functions[how](other, &y, 1, t);
            ck_assert_msg(got && want, "%d: %s", how, ct_error_text(cx));
            ck_assert_msg(same_bits(got, want) && same_bits(s->v, t->v), "%d, run %d", how, run);
        }
        ck_assert_int_eq(replays(p), 2);
        ct_context_free(other);
        expect_ok();
    }
}
END_TEST

/* A gradient without elements has the dtype and the shape of its variable. */
static ct_tensor *walking(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    ct_tensor *y = ct_sum(ct_mul(user, x[0]));
    return ct_backward(y) == CT_OK ? y : NULL;
}

/* made by a product, and by a sum over a row */
START_TEST(gradients_without_elements)
{
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(0, 3));
    for (int columns = 1; columns <= 3; columns += 2) {
        ct_tensor *v = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(0, columns)));
        ct_program *p = ct_program_new(cx, walking, v, NULL);
        for (int run = 0; run < 3; run++) {
            ck_assert(ct_program_run(p, &x, 1));
            ck_assert(same_bits(ct_gradient(v), v));
            ct_zero_grad(v);
        }
        ck_assert_int_eq(replays(p), 2);
    }
    expect_ok();
}
END_TEST

Suite *captured_suite(void);
Suite *captured_suite(void)
{
    return make_suite("autograd/captured", (const TTest *[]){
        functions_that_run_again, a_checkpoint_from_before, side_effects_are_said, steps_by_rows,
        gradients_of_walks_outside,
        clipping_finds_what_is_not_finite, gradients_that_calls_change,
        gradients_without_elements, NULL });
}
