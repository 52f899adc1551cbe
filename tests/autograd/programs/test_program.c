/* Programs: what is replayed gives the bits of an eager run, and what cannot be is not. */
#include "programs.h"
#include "system.h"

static int calls; /* of the functions below */

/* -- Functions of the arguments alone */
static ct_tensor *chain(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    calls++;
    return ct_mul(ct_tanh(ct_add(ct_mul(x[0], x[1]), ct_scalar_like(x[0], 2))), ct_sin(x[0]));
}

static ct_tensor *gradient(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *v = ct_variable(ct_detach(x[0])), *g;
    ct_tensor *y = ct_sum(ct_square(chain(c, (ct_tensor *[]){ v, x[1] }, n, user)));
    return ct_grad(y, NULL, &v, 1, 0, &g) == CT_OK ? g : NULL;
}

static ct_tensor *second(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *v = ct_variable(ct_detach(x[0])), *g, *h;
    ct_tensor *y = ct_sum(chain(c, (ct_tensor *[]){ v, x[1] }, n, user));
    if (ct_grad(y, NULL, &v, 1, CT_CREATE_GRAPH, &g) != CT_OK ||
        ct_grad(ct_sum(ct_square(g)), NULL, &v, 1, 0, &h) != CT_OK)
        return NULL;
    return h;
}

static ct_tensor *dropped(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_dropout(ct_mul(x[0], x[1]), 0.5);
}

static ct_tensor *turned(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user; /* a view of a result, which is no row of it */
    return ct_transpose(ct_exp(ct_matmul(ct_transpose(x[0]), x[1])));
}

static ct_tensor *first(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_transpose(x[0]);
}

static ct_tensor *constant(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n, (void)user;
    return ct_broadcast_to(ct_full(c, CT_F64, CT_SHAPE(2, 1), 3), ct_shape(x[0]), ct_ndim(x[0]));
}

static ct_tensor *noise(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n, (void)user;
    ct_tensor *a = ct_rand(c, CT_F64, CT_SHAPE(3)), *b = ct_randn(c, CT_F32, CT_SHAPE(3));
    ct_tensor *k = ct_randint(c, -4, 9, CT_SHAPE(3)), *order = ct_randperm(c, 3);
    ct_tensor *sum = ct_add(ct_add(a, ct_cast(b, CT_F64)), ct_cast(ct_add(k, order), CT_F64));
    return ct_add(ct_cast(x[0], CT_F64), sum);
}

static ct_tensor *in_place(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n, (void)user;
    const ct_dtype dtype = ct_dtype_of(x[0]);
    ct_tensor *y = ct_empty_like(x[0]), *z = ct_ones(c, dtype, CT_SHAPE(3, 3));
    ct_tensor *row = ct_slice(z, 0, 1, 2, 1), *up = ct_slice(z, 0, 0, 2, 1);
    if (ct_assign(y, x[0]) != CT_OK || ct_assign(row, ct_slice(y, 0, 0, 1, 1)) != CT_OK ||
        ct_assign_add(z, 2, ct_transpose(z)) != CT_OK || ct_fill(ct_slice(z, 1, 0, 1, 1), 7) ||
        ct_assign(up, ct_slice(z, 0, 1, 3, 1)) != CT_OK)
        return NULL;
    return ct_add(ct_sum(y), z);
}

static const ct_function functions[] = { chain, gradient, second, dropped, turned, first, constant,
                                         noise, in_place };

START_TEST(the_bits_of_eager_runs)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        for (int dtype = CT_F32; dtype <= CT_F64; dtype++) {
            ct_program *p = ct_program_new(cx, functions[i], NULL, NULL);
            ct_scope scope = ct_scope_begin(cx);
            int runs = 40;
            for (int run = 0; run < runs; run++) {
                int64_t rows = 2 + (run % 5 == 4);
                if (functions[i] == constant && rows == 3)
                    rows = 2;
                ct_tensor *x[] = { ct_randn(cx, (ct_dtype)dtype, CT_SHAPE(rows, 3)),
                                   ct_randn(cx, (ct_dtype)dtype, CT_SHAPE(rows, 3)) };
                ct_stream stream = ct_random_stream(cx);
                ct_tensor *y = ct_program_run(p, x, 2);
                uint64_t after = ct_random_stream(cx).draws;
                ct_random_resume(cx, stream);
                ct_tensor *want = functions[i](cx, x, 2, NULL);
                ck_assert(y && want && same_bits(y, want));
                ck_assert_uint_eq(ct_random_stream(cx).draws, after);
                ck_assert(!ct_requires_grad(y));
            }
            ck_assert_int_eq(replays(p), runs - (functions[i] == constant ? 1 : 2));
            ct_scope_end(cx, scope);
            ct_program_free(p);
        }
    expect_ok();
}
END_TEST

START_TEST(the_function_is_called_in_first_runs_only)
{
    ct_program *p = ct_program_new(cx, chain, NULL, NULL);
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(4)), *kept = NULL;
    calls = 0;
    for (int run = 0; run < 5; run++) {
        ct_tensor *y = ct_program_run(p, CT_TENSORS(x, x)); /* one tensor twice ... */
        ck_assert(same_bits(y, chain(cx, CT_TENSORS(x, x), NULL)));
        x = y;                                              /* ... and a result of a run */
        if (run == 1)
            kept = y;
        if (run == 1)
            ck_assert(ct_retain(ct_add(kept, ct_zeros_like(kept))));
    }
    ck_assert_int_eq(calls, 1 + 5);
    x = ct_randn(cx, CT_F64, CT_SHAPE(4));
    ck_assert(same_bits(ct_program_run(p, CT_TENSORS(x, kept)),
                        chain(cx, CT_TENSORS(x, kept), NULL)));
    ck_assert_int_eq(calls, 1 + 5 + 1);
    ct_no_grad(cx); /* another mode is noted anew */
    ck_assert(ct_program_run(p, CT_TENSORS(x, kept)));
    ck_assert_int_eq(calls, 1 + 5 + 1 + 1);
}
END_TEST

/* -- What stays eager */
static ct_tensor *branch(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_item(ct_sum(x[0])) > 0 ? ct_exp(x[0]) : ct_neg(x[0]);
}

static ct_tensor *count_nonzero(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_nonzero(ct_gt(x[0], ct_scalar_like(x[0], 0)));
}

static ct_tensor *memory(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n;
    *(double *)user += 1;
    return ct_add(x[0], ct_from_doubles(c, CT_F64, CT_SHAPE(1), user, 1));
}

static ct_tensor *twice(ct_tensor *g, void *user)
{
    (void)user;
    return ct_scale(g, 2);
}

static ct_tensor *hooked(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    ct_tensor *v = ct_variable(ct_detach(x[0])), *y = ct_exp(v), *g;
    ct_on_cotangent(y, twice, NULL);
    return ct_grad(ct_sum(y), NULL, &v, 1, 0, &g) == CT_OK ? g : NULL;
}

static ct_tensor *kept_state;
static ct_tensor *keeping(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_keep(&kept_state, ct_add(kept_state, x[0])) == CT_OK ? kept_state : NULL;
}

static ct_tensor *left_behind;
static ct_tensor *leaving(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return left_behind = ct_retain(ct_exp(x[0]));
}

static ct_tensor *printing(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_scale(x[0], (double)strlen(ct_text(x[0])));
}

static ct_tensor *trying(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    ct_tensor *y = ct_matmul(x[0], ct_zeros(c, CT_F64, CT_SHAPE(7, 7)));
    return y ? y : ct_exp(x[0]);
}

static ct_tensor *reading(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    const double *data = ct_data_f64(x[0]);
    return ct_scale(x[0], data[0]);
}

static ct_context *other;
static ct_tensor *sharing(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    ct_tensor *y = ct_sum(ct_share(other, x[0]));
    return ct_scale(x[0], ct_item(y));
}

START_TEST(what_cannot_be_replayed_stays_eager)
{
    static const struct { ct_function f; const char *why; } cases[] = {
        { branch, "item" }, { count_nonzero, "data" },
        { memory, "from_doubles" }, { hooked, "on_cotangent" },
        { keeping, "release" }, { reading, "data_f64" },
        { leaving, "retain" }, { printing, "text" }, { trying, "failed" },
        { sharing, "share" },
    };
    other = ct_context_new(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double user = 1, user_twin = 1;
        ct_program *p = ct_program_new(cx, cases[i].f, &user, NULL);
        ct_keep(&kept_state, ct_zeros(cx, CT_F64, CT_SHAPE(3)));
        ct_tensor *twin = kept_state;
        ct_retain(twin);
        for (int run = 0; run < 4; run++) {
            ct_tensor *x[] = { ct_randn(cx, CT_F64, CT_SHAPE(3)), ct_ones(cx, CT_F64, CT_SHAPE(3)) };
            ct_stream stream = ct_random_stream(cx);
            ct_tensor *y = ct_program_run(p, x, 2), *left = left_behind;
            ct_random_resume(cx, stream);
            ct_error_clear(cx); /* of a call that failed in it */
            ct_tensor *want = cases[i].f == keeping ? NULL : cases[i].f(cx, x, 2, &user_twin);
            if (cases[i].f == keeping)
                ct_keep(&twin, want = ct_add(twin, x[0]));
            ck_assert_msg(y && want && same_bits(y, want), "%s, run %d: %s", cases[i].why, run,
                          ct_error_text(cx));
            ck_assert(cases[i].f != leaving || same_bits(left, want));
            ct_release(left);
            ct_release(left_behind);
            left_behind = NULL;
        }
        ck_assert_msg(strstr(ct_program_text(p), cases[i].why), "%s: %s", cases[i].why,
                      ct_program_text(p));
        ck_assert_int_eq(replays(p), 0);
        ct_error_clear(cx);
        ct_program_free(p);
        ct_release(twin);
    }
    ct_release(kept_state);
    kept_state = NULL;
    ct_context_free(other);
    ct_program *p = ct_program_new(cx, branch, NULL, &(ct_program_options){ .strict = true });
    ct_tensor *x = ct_ones(cx, CT_F64, CT_SHAPE(3));
    ck_assert_ptr_null(ct_program_run(p, &x, 1));
    expect_error(CT_ERROR_UNSUPPORTED, "item", NULL);
    ck_assert_ptr_null(ct_program_run(p, &x, 1));
    expect_error(CT_ERROR_UNSUPPORTED, "item", NULL);
}
END_TEST

/* what failed once may succeed another time */
static ct_tensor *falling_back(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n, (void)user;
    ct_tensor *y = ct_cross_entropy(x[0], x[1]);
    ct_error_clear(c);
    return y ? y : ct_sum(x[0]);
}

START_TEST(a_call_that_failed_may_succeed)
{
    ct_program *p = ct_program_new(cx, falling_back, NULL, NULL);
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(2, 3));
    for (int run = 0; run < 4; run++) {
        ct_tensor *t = ct_from_ints(cx, CT_SHAPE(2), CT_INTS(0, run < 2 ? 3 : 2));
        ck_assert(same_bits(ct_program_run(p, CT_TENSORS(x, t)),
                            falling_back(cx, CT_TENSORS(x, t), NULL)));
    }
    ck_assert(strstr(ct_program_text(p), "eager: a call that failed"));
}
END_TEST

/* -- Leaves */
typedef struct model {
    ct_tensor *w, *b;
} model;

static ct_tensor *affine(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const model *m = user;
    (void)c, (void)n;
    calls++;
    return ct_add(ct_mul(x[0], m->w), ct_transpose(m->b));
}

START_TEST(leaves_are_read_in_each_run)
{
    ct_scope scope = ct_scope_begin(cx);
    model m = { ct_retain(ct_randn(cx, CT_F64, CT_SHAPE(3, 3))),
                ct_retain(ct_randn(cx, CT_F64, CT_SHAPE(3, 3))) };
    ct_scope_end(cx, scope);
    ct_program *p = ct_program_new(cx, affine, &m, NULL);
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3, 3));
    calls = 0;
    for (int run = 0; run < 10; run++) {
        ck_assert(same_bits(ct_program_run(p, &x, 1), affine(cx, &x, 1, &m)));
        ck_assert_int_eq(ct_assign(m.w, ct_randn(cx, CT_F64, CT_SHAPE(3, 3))), CT_OK);
    }
    ck_assert_int_eq(calls, 10 + 1);
    /* one is replaced; the program knows nothing of the slot, but sees the release */
    scope = ct_scope_begin(cx);
    ct_keep(&m.b, ct_randn(cx, CT_F64, CT_SHAPE(3, 3)));
    ct_scope_end(cx, scope);
    ck_assert(same_bits(ct_program_run(p, &x, 1), affine(cx, &x, 1, &m)));
    ck_assert(same_bits(ct_program_run(p, &x, 1), affine(cx, &x, 1, &m)));
    ck_assert_int_eq(calls, 10 + 1 + 2 + 1);
    /* one goes with its scope */
    ct_release(m.w);
    scope = ct_scope_begin(cx);
    m.w = ct_ones(cx, CT_F64, CT_SHAPE(3, 3));
    ck_assert(ct_program_run(p, &x, 1) && ct_program_run(p, &x, 1));
    ck_assert_int_eq(calls, 10 + 1 + 2 + 1 + 1);
    ct_scope_end(cx, scope);
    m.w = ct_full(cx, CT_F64, CT_SHAPE(3, 3), 2);
    ck_assert(same_bits(ct_program_run(p, &x, 1), affine(cx, &x, 1, &m)));
    /* every other time: it is noted anew */
    calls = 0;
    for (int run = 0; run < 12; run++) {
        ct_keep(&m.b, ct_randn(cx, CT_F64, CT_SHAPE(3, 3)));
        ck_assert(ct_program_run(p, &x, 1));
        ck_assert(same_bits(ct_program_run(p, &x, 1), affine(cx, &x, 1, &m)));
    }
    ck_assert_int_eq(calls, 12 * 2);
    /* again and again: it gives up */
    for (int run = 0; run < 12; run++) {
        ct_keep(&m.b, ct_randn(cx, CT_F64, CT_SHAPE(3, 3)));
        ck_assert(same_bits(ct_program_run(p, &x, 1), affine(cx, &x, 1, &m)));
    }
    ct_program_free(p);
    ct_release(m.b);
}
END_TEST

/* -- Writing to what lives on */
static ct_tensor *state;
static ct_tensor *follow(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    if (ct_assign_add(state, 0.5, ct_sub(x[0], state)) != CT_OK || ct_assign(x[1], x[0]) != CT_OK)
        return NULL;
    return ct_scale(state, 2);
}

START_TEST(leaves_and_arguments_are_written)
{
    ct_tensor *mine = ct_zeros(cx, CT_F64, CT_SHAPE(4)), *twin = ct_zeros(cx, CT_F64, CT_SHAPE(4));
    ct_program *p = ct_program_new(cx, follow, NULL, NULL);
    for (int run = 0; run < 8; run++) {
        ct_tensor *long_one = ct_randn(cx, CT_F64, CT_SHAPE(5)), *y[2], *after[2];
        for (int i = 0; i < 2; i++) {
            ct_tensor *a = ct_scale(long_one, 1); /* the arguments overlap */
            ct_tensor *x[] = { ct_slice(a, 0, 0, 4, 1), ct_slice(a, 0, 1, 5, 1) };
            ct_tensor *v = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(4))), *g;
            ct_tensor *saves = ct_sum(ct_mul(v, x[1]));
            state = i ? mine : twin;
            y[i] = i ? ct_program_run(p, x, 2) : follow(cx, x, 2, NULL);
            after[i] = a;
            ck_assert_int_eq(ct_grad(saves, NULL, &v, 1, 0, &g), CT_ERROR_STALE);
            expect_error(CT_ERROR_STALE, "mul", NULL);
        }
        ck_assert(y[1] && same_bits(y[0], y[1]) && same_bits(mine, twin));
        ck_assert(same_bits(after[0], after[1]));
    }
    ck_assert_int_eq(replays(p), 7);
}
END_TEST

/* gradients that f looks at */
static ct_tensor *looking(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    model *m = user;
    ct_tensor *before = ct_gradient(m->w), *y = ct_sum(ct_square(affine(c, x, n, user)));
    if (ct_backward(y) != CT_OK)
        return NULL;
    ct_tensor *g = ct_gradient(m->w);
    if (ct_assign(g, ct_clamp(g, -0.5, 0.5)) != CT_OK)
        return NULL;
    return before ? ct_add(ct_sum(g), ct_sum(before)) : ct_sum(g);
}

static ct_tensor *only_looking(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    return ct_gradient(((model *)user)->w) ? ct_exp(x[0]) : ct_neg(x[0]);
}

START_TEST(whether_there_is_a_gradient)
{
    model m = { ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(3))), NULL };
    ct_program *p = ct_program_new(cx, only_looking, &m, NULL);
    for (int run = 0; run < 8; run++) {
        ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3));
        if (run == 3)
            ck_assert_int_eq(ct_add_gradient(m.w, x), CT_OK);
        else if (run == 5)
            ct_zero_grad(m.w);
        ck_assert(same_bits(ct_program_run(p, &x, 1), only_looking(cx, &x, 1, &m)));
    }
    ck_assert_int_ge(replays(p), 2);
}
END_TEST

START_TEST(a_gradient_that_is_looked_at)
{
    ct_tensor *w = ct_randn(cx, CT_F64, CT_SHAPE(3, 3)), *b = ct_randn(cx, CT_F64, CT_SHAPE(3, 3));
    model m = { ct_variable(ct_detach(w)), b }, twin = { ct_variable(ct_detach(w)), b };
    ct_program *p = ct_program_new(cx, looking, &m, NULL);
    for (int run = 0; run < 12; run++) {
        ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3, 3));
        ck_assert(same_bits(ct_program_run(p, &x, 1), looking(cx, &x, 1, &twin)));
        ck_assert(same_bits(ct_gradient(m.w), ct_gradient(twin.w)));
        if (run % 4 != 3) { /* else the next run finds it */
            ct_zero_grad(m.w);
            ct_zero_grad(twin.w);
        }
    }
    ck_assert_int_eq(replays(p), 10);
}
END_TEST

/* -- ct_backward */
static ct_tensor *walk(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    model *m = user;
    ct_zero_grad(m->w);
    ct_tensor *y = ct_sum(ct_square(affine(c, x, n, user)));
    return ct_backward(y) == CT_OK ? y : NULL;
}

static ct_tensor *walk_on(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *y = ct_sum(ct_square(affine(c, x, n, user)));
    return ct_backward(y) == CT_OK ? y : NULL;
}

static ct_tensor *square_walk(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    ct_tensor *y = ct_sum(ct_square(x[0]));
    return ct_backward(y) == CT_OK ? y : NULL;
}

/* adding to a gradient that an earlier run, or somebody else, has left */
START_TEST(a_gradient_from_before)
{
    model m = { ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(3, 3))),
                ct_randn(cx, CT_F64, CT_SHAPE(3, 3)) };
    model twin = { ct_variable(ct_scale(ct_detach(m.w), 1)), m.b };
    ct_program *p = ct_program_new(cx, walk_on, &m, NULL);
    for (int run = 0; run < 9; run++) {
        ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3, 3));
        if (run == 5) {
            ct_zero_grad(m.w);
            ct_zero_grad(twin.w);
        }
        ct_tensor *before = ct_gradient(m.w); /* it is added to in place, as ever */
        if (run == 7) {
            ct_zero_grad(m.w); /* another tensor */
            ct_add_gradient(m.w, ct_gradient(twin.w));
            before = ct_gradient(m.w);
        }
        ck_assert(ct_program_run(p, &x, 1) && walk_on(cx, &x, 1, &twin));
        ck_assert(!before || run == 5 || ct_gradient(m.w) == before);
        ck_assert(same_bits(ct_gradient(m.w), ct_gradient(twin.w)));
    }
    ck_assert_int_eq(replays(p), 7);
}
END_TEST

/* a variable as an argument is known by itself, and its gradient is its own */
START_TEST(variables_as_arguments)
{
    ct_tensor *w[2], *b = ct_randn(cx, CT_F64, CT_SHAPE(3, 3));
    model m = { NULL, b };
    for (int i = 0; i < 2; i++)
        w[i] = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(3, 3)));
    ct_tensor *other = ct_variable(ct_detach(w[0])); /* another variable over the same data */
    ct_program *p = ct_program_new(cx, square_walk, &m, NULL);
    for (int run = 0; run < 10; run++) {
        ct_tensor *x = w[run % 2];
        ct_zero_grad(x);
        ck_assert(ct_program_run(p, &x, 1));
        ck_assert(same_bits(ct_gradient(x), ct_scale(ct_detach(x), 2)));
        ck_assert(run % 2 || !ct_gradient(w[1]) || ct_gradient(w[1]) != ct_gradient(x));
    }
    ck_assert_int_eq(replays(p), 8);
    ct_zero_grad(w[0]);
    ck_assert(ct_program_run(p, &other, 1) && ct_program_run(p, &w[0], 1));
    ck_assert(ct_gradient(other) && same_bits(ct_gradient(other), ct_gradient(w[0])));
}
END_TEST

static ct_tensor *exponential(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_exp(x[0]);
}

/* a variable that lies where another one lay */
static void reuse_an_address(void)
{
    ct_program *p = ct_program_new(cx, exponential, NULL, NULL);
    ct_tensor *w[] = { ct_ones(cx, CT_F64, CT_SHAPE(30)), ct_zeros(cx, CT_F64, CT_SHAPE(30)) };
    const ct_tensor *place[2];
    for (int i = 0; i < 2; i++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *x = ct_variable(ct_detach(w[i]));
        place[i] = x;
        ck_assert(same_bits(ct_program_run(p, &x, 1), ct_exp(w[i])));
        ct_scope_end(cx, scope);
    }
    ck_assert_ptr_eq(place[0], place[1]);
}

START_TEST(an_address_is_no_identity)
{
    with_pool(reuse_an_address);
}
END_TEST

START_TEST(gradients_are_those_of_eager_runs)
{
    model m = { ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(3, 3))),
                ct_randn(cx, CT_F64, CT_SHAPE(3, 3)) };
    ct_program *p = ct_program_new(cx, walk, &m, NULL), *q = ct_program_new(cx, walk_on, &m, NULL);
    for (int run = 0; run < 10; run++) {
        ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3, 3)), *y = ct_program_run(p, &x, 1);
        ck_assert_ptr_nonnull(ct_gradient(m.w));
        ct_tensor *g = ct_retain(ct_gradient(m.w));
        ct_tensor *want = walk(cx, &x, 1, &m);
        ck_assert(same_bits(y, want) && same_bits(g, ct_gradient(m.w)));
        ct_release(g);
    }
    ck_assert_int_eq(replays(p), 9);
    for (int run = 0; run < 12; run++) { /* with and without a gradient from before */
        ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3, 3));
        if (run % 3 == 0)
            ct_zero_grad(m.w);
        ct_tensor *before = ct_gradient(m.w);
        before = before ? ct_add(before, ct_zeros_like(before)) : NULL;
        ck_assert(ct_program_run(q, &x, 1));
        ct_tensor *g = ct_add(ct_gradient(m.w), ct_scalar_like(x, 0));
        ct_zero_grad(m.w);
        if (before) {
            ck_assert_int_eq(ct_backward_from(m.w, before), CT_OK);
        }
        ck_assert(walk_on(cx, &x, 1, &m) && same_bits(g, ct_gradient(m.w)));
    }
    ck_assert_int_eq(replays(q), 10);
    ct_constant(m.w); /* no variable any more: an error, as in an eager run */
    ck_assert_ptr_null(ct_program_run(p, &m.b, 1));
    expect_error(CT_ERROR_GRAPH, "no variable", NULL);
}
END_TEST

/* a hook that comes after the noting is found */
START_TEST(hooks_that_come_later)
{
    ct_tensor *w = ct_randn(cx, CT_F64, CT_SHAPE(3, 3));
    model m = { ct_variable(ct_detach(w)), ct_randn(cx, CT_F64, CT_SHAPE(3, 3)) };
    ct_program *p = ct_program_new(cx, walk, &m, NULL);
    ct_tensor *g = NULL;
    for (int run = 0; run < 6; run++) {
        if (run == 3) {
            ck_assert_int_eq(ct_on_cotangent(m.w, twice, NULL), CT_OK);
            g = ct_scale(g, 2);
        }
        ck_assert(ct_program_run(p, &m.b, 1) && (!g || same_bits(ct_gradient(m.w), g)));
        ct_keep(&g, ct_gradient(m.w));
    }
    ck_assert(strstr(ct_program_text(p), "a hook"));
    ct_release(g);
}
END_TEST

/* -- Results and their graphs */
static ct_tensor *run_program(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c;
    return ct_program_run(user, x, n);
}

START_TEST(no_walk_goes_through_a_result)
{
    model m = { ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(3, 3))),
                ct_randn(cx, CT_F64, CT_SHAPE(3, 3)) };
    ct_program *p = ct_program_new(cx, affine, &m, NULL), *q = ct_program_new(cx, chain, NULL, NULL);
    ct_tensor *ones = ct_ones(cx, CT_F64, CT_SHAPE(3, 3)), *h = ct_exp(m.w), *g[2], *t;
    for (int run = 0; run < 4; run++) {
        ct_find_nonfinite(cx, run == 3); /* an eager one */
        ct_tensor *both[] = { ct_program_run(p, &m.b, 1), ct_program_run(q, CT_TENSORS(h, m.b)) };
        for (int i = 0; i < 2; i++) {
            ck_assert(ct_requires_grad(both[i]));
            ct_tensor *y = ct_sum(ct_mul(both[i], m.w)); /* part of what depends on w */
            ck_assert_int_eq(ct_backward(y), CT_ERROR_GRAPH);
            expect_error(CT_ERROR_GRAPH, "ct_program_run", NULL);
            ck_assert_ptr_null(ct_gradient(m.w));
            ck_assert_int_eq(ct_grad(y, NULL, &m.w, 1, 0, g), CT_ERROR_GRAPH);
            expect_error(CT_ERROR_GRAPH, "ct_program_run", NULL);
            ck_assert_ptr_null(ct_tangent(y, &m.w, &ones, 1, 0));
            expect_error(CT_ERROR_GRAPH, "ct_program_run", NULL);
            ck_assert_int_eq(ct_backward_from(both[i], ones), CT_ERROR_GRAPH);
            expect_error(CT_ERROR_GRAPH, NULL);
            ck_assert_int_eq(ct_grad(y, NULL, &both[i], 1, 0, g), CT_OK); /* it is the target */
            ck_assert(same_bits(g[0], m.w));
            y = ct_sum(ct_mul(ct_detach(both[i]), m.w));
            ck_assert(ct_grad(y, NULL, &m.w, 1, 0, g) == CT_OK && same_bits(g[0], both[i]));
        }
        /* a function that takes functions */
        ck_assert_int_eq(ct_vjp(cx, run_program, p, &m.b, 1, ones, &t, g), CT_ERROR_GRAPH);
        expect_error(CT_ERROR_GRAPH, NULL);
        ck_assert_int_eq(ct_vjp(cx, ct_program_call, p, &m.b, 1, ones, &t, g), CT_OK);
        ck_assert(same_bits(g[0], ct_detach(m.w)));
    }
    ct_no_grad(cx);
    ck_assert(!ct_requires_grad(ct_program_run(p, &m.b, 1)));
}
END_TEST

/* what happens to a tensor of one program is no matter of another */
START_TEST(programs_are_apart)
{
    model a = { ct_randn(cx, CT_F64, CT_SHAPE(3, 3)), NULL }, b = { a.w, NULL };
    ct_keep(&a.b, a.w);
    ct_keep(&b.b, a.w);
    ct_program *p = ct_program_new(cx, affine, &a, NULL), *q = ct_program_new(cx, affine, &b, NULL);
    for (int run = 0; run < 20; run++) {
        ct_keep(&a.b, ct_randn(cx, CT_F64, CT_SHAPE(3, 3)));
        ck_assert(same_bits(ct_program_run(p, &a.w, 1), affine(cx, &a.w, 1, &a)));
        ck_assert(same_bits(ct_program_run(q, &a.w, 1), affine(cx, &a.w, 1, &b)));
    }
    ck_assert_int_eq(replays(p), 0);
    ck_assert_int_ge(replays(q), 17);
    ct_release(a.b);
    ct_release(b.b);
}
END_TEST

/* -- An operator whose backward asks who is wanted: y = a + 2 b */
static ct_status pair_forward(ct_call *call)
{
    const double *a = ct_data(ct_call_x(call, 0)), *b = ct_data(ct_call_x(call, 1));
    double *y = ct_data_mutable(ct_call_y(call, 0));
    for (int64_t i = 0; i < ct_count(ct_call_y(call, 0)); i++)
        y[i] = a[i] + 2 * b[i];
    return CT_OK;
}

static ct_status pair_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    const double *g = ct_data(gy[0]);
    for (int k = 0; k < 2; k++) {
        double *to = ct_call_wants(call, k) ? ct_data_mutable(gx[k]) : NULL;
        for (int64_t i = 0; to && i < ct_count(gy[0]); i++)
            to[i] = (ct_call_adds(call, k) ? to[i] : 0) + (k + 1) * g[i];
    }
    return CT_OK;
}

static const ct_op pair = { .name = "pair", .inputs = 2, .flags = CT_OP_CONTIGUOUS,
                            .infer = ct_infer_same, .forward = pair_forward,
                            .backward = pair_backward };

static ct_tensor *paired(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *v = ct_variable(ct_detach(x[0])), *g;
    ct_tensor *one = ct_apply(&pair, NULL, (ct_tensor *[]){ v, x[1] }, 2);
    ct_tensor *two = ct_apply(&pair, NULL, (ct_tensor *[]){ ct_transpose(x[1]), v }, 2);
    (void)c, (void)n, (void)user;
    return ct_grad(ct_sum(ct_mul(one, two)), NULL, &v, 1, 0, &g) == CT_OK ? g : NULL;
}

START_TEST(a_backward_is_told_what_it_was_told)
{
    ct_program *p = ct_program_new(cx, paired, NULL, NULL);
    for (int run = 0; run < 5; run++) {
        ct_tensor *x[] = { ct_randn(cx, CT_F64, CT_SHAPE(3, 3)), ct_randn(cx, CT_F64, CT_SHAPE(3, 3)) };
        ck_assert(same_bits(ct_program_run(p, x, 2), paired(cx, x, 2, NULL)));
    }
    ck_assert_int_eq(replays(p), 4);
}
END_TEST

/* -- verify */
static double factor;
static ct_tensor *scaled(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_scale(ct_dropout(x[0], 0.5), factor);
}

static int mode;
static ct_tensor *changing(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n;
    ct_tensor *y = ct_mul(x[0], ct_full(c, CT_F64, CT_SHAPE(1), mode == 1 ? 2 : 3));
    ct_tensor *w = ((ct_tensor **)user)[mode == 2];
    y = mode == 3 ? ct_exp(ct_add(y, w)) : ct_add(y, w);
    return ct_assign_add(((ct_tensor **)user)[2], 1, y) == CT_OK && mode != 4 ? y : ct_sin(y);
}

START_TEST(verify_finds_what_is_no_tensor)
{
    ct_program *p = ct_program_new(cx, scaled, NULL, &(ct_program_options){ .verify = 3 });
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(50));
    factor = 2;
    for (int run = 0; run < 7; run++) {
        ct_stream stream = ct_random_stream(cx);
        ct_tensor *y = ct_program_run(p, &x, 1);
        ct_stream after = ct_random_stream(cx);
        ct_random_resume(cx, stream);
        ck_assert(y && same_bits(y, scaled(cx, &x, 1, NULL)));
        ck_assert_uint_eq(ct_random_stream(cx).draws, after.draws);
    }
    expect_ok();
    ck_assert(strstr(ct_program_text(p), "replayed 6 times"));
    factor = 3;
    int found = 0;
    for (int run = 0; run < 3; run++)
        found += ct_program_run(p, &x, 1) == NULL;
    ck_assert_int_eq(found, 1);
    expect_error(CT_ERROR_VALUE, "first difference: scale", NULL);
    /* with effects, which happen once in each run */
    static const char *const names[] = { NULL, "a constant", "add", "exp", "sin" };
    for (int k = 1; k <= 4; k++) {
        ct_tensor *user[3];
        for (int i = 0; i < 3; i++)
            user[i] = ct_zeros(cx, CT_F64, CT_SHAPE(2));
        x = ct_ones(cx, CT_F64, CT_SHAPE(2));
        p = ct_program_new(cx, changing, user, &(ct_program_options){ .verify = 2 });
        mode = 0;
        for (int run = 0; run < 5; run++)
            ck_assert_ptr_nonnull(ct_program_run(p, &x, 1));
        ck_assert(ct_at(user[2], CT_INDEX(0)) == 5 * 3);
        mode = k;
        ck_assert(!ct_program_run(p, &x, 1) || !ct_program_run(p, &x, 1));
        expect_error(CT_ERROR_VALUE, names[k], NULL);
    }
}
END_TEST

/* elements that are computed in one group of steps */
static ct_tensor *grouped(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    ct_tensor *y = mode == 1 ? ct_cos(x[0]) : ct_sin(mode == 5 ? ct_cumsum(x[0], 0) : x[0]);
    y = ct_scale(y, mode == 2 ? 3 : 2);
    y = mode == 3 ? ct_tanh(ct_neg(y)) : ct_tanh(y);
    if (mode == 6)
        ct_item(ct_sum(y));
    return mode == 4 ? ct_sum(y) : y;
}

START_TEST(verify_names_what_differs_in_a_group)
{
    static const char *const names[] = { NULL, "cos", "scale", "neg", "sum_to", "sin", "item" };
    ct_tensor *x = ct_randn(cx, CT_F32, CT_SHAPE(100, 100));
    for (int k = 1; k <= 6; k++) {
        ct_program *p = ct_program_new(cx, grouped, NULL, &(ct_program_options){ .verify = 2 });
        mode = k == 5 ? 5 : 0;
        for (int run = 0; run < 3; run++)
            ck_assert_ptr_nonnull(ct_program_run(p, &x, 1));
        mode = k == 5 ? 0 : k;
        ck_assert(!ct_program_run(p, &x, 1) || !ct_program_run(p, &x, 1));
        expect_error(CT_ERROR_VALUE, "first difference: ", names[k], NULL);
    }
}
END_TEST

/* -- Calls that fail */
static ct_tensor *fails(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_cross_entropy(x[0], x[1]);
}

START_TEST(errors)
{
    ck_assert_ptr_null(ct_program_new(NULL, chain, NULL, NULL));
    ck_assert_ptr_null(ct_program_new(cx, NULL, NULL, NULL));
    expect_error(CT_ERROR_NULL, "function", NULL);
    ck_assert_ptr_null(ct_program_new(cx, chain, NULL, &(ct_program_options){ .plans = -1 }));
    expect_error(CT_ERROR_VALUE, "plans", NULL);
    for (int i = 0; i < 4; i++) {
        ct_program_options later = { 0 };
        later.reserved[i] = 1;
        ck_assert_ptr_null(ct_program_new(cx, chain, NULL, &later));
        expect_error(CT_ERROR_VALUE, "zeroed", NULL);
    }
    ck_assert_int_eq(ct_call_again(NULL, NULL, NULL), CT_ERROR_NULL);
    ck_assert_ptr_null(ct_program_run(NULL, NULL, 0));
    ck_assert_ptr_null(ct_program_text(NULL));
    ct_program_free(NULL);
    ct_program *p = ct_program_new(cx, fails, NULL, NULL);
    ck_assert_ptr_null(ct_program_run(p, NULL, 2));
    expect_error(CT_ERROR_NULL, "inputs", NULL);
    ck_assert_ptr_null(ct_program_run(p, CT_TENSORS(NULL)));
    expect_error(CT_ERROR_NULL, "x0", NULL);
    ct_tensor *x = ct_randn(cx, CT_F32, CT_SHAPE(2, 3));
    ct_tensor *t = ct_from_ints(cx, CT_SHAPE(2), CT_INTS(0, 2));
    for (int run = 0; run < 3; run++)
        ck_assert_ptr_nonnull(ct_program_run(p, CT_TENSORS(x, t)));
    ck_assert_int_eq(replays(p), 2);
    t = ct_from_ints(cx, CT_SHAPE(2), CT_INTS(0, 3)); /* a kernel finds it, in a replay too */
    ck_assert_ptr_null(ct_program_run(p, CT_TENSORS(x, t)));
    expect_error(CT_ERROR_RANGE, NULL);
    t = ct_from_ints(cx, CT_SHAPE(2), CT_INTS(1, 2));
    ck_assert_ptr_nonnull(ct_program_run(p, CT_TENSORS(x, t)));
    expect_ok();
}
END_TEST

/* -- Allocations that fail: the run fails and says so, or it is an eager one and right */
static void *failing(size_t bytes, size_t alignment, void *user)
{
    long long *left = user;
    void *p = NULL;
    return (*left)-- == 0 || posix_memalign(&p, alignment, bytes) != 0 ? NULL : p;
}

static void give_back(void *p, size_t bytes, void *user)
{
    (void)bytes, (void)user;
    free(p);
}

/* how often an allocation failed */
static int run_three(ct_context *c, int64_t n)
{
    int failed = 0;
    ct_program *p = ct_program_new(c, gradient, NULL, NULL);
    for (int run = 0; p && run < 3; run++) {
        ct_tensor *x = ct_full(c, CT_F64, CT_SHAPE(n), run), *a = ct_full(c, CT_F64, CT_SHAPE(n), 2);
        ct_tensor *y = x && a ? ct_program_run(p, CT_TENSORS(x, a)) : NULL;
        failed += !y;
        ck_assert(y || ct_error(c) == CT_ERROR_MEMORY);
        ct_error_clear(c);
        ct_tensor *want = y ? gradient(c, CT_TENSORS(x, a), NULL) : NULL;
        ck_assert(!want || same_bits(y, want));
    }
    ct_program_free(p);
    return failed + !p;
}

START_TEST(every_allocation_fails_once)
{
    int failed = 0, size = 0;
    static const int64_t sizes[] = { 9, 1100 }; /* what is this large is grouped */
    for (long long n = 0; size < 2; n++) {
        long long left = 1LL << 40;
        ct_context *c = ct_context_new(&(ct_context_options){
            .pool_bytes = -1, .allocator = { failing, give_back, &left } });
        left = n;
        failed += run_three(c, sizes[size]);
        if (left < 0)
            count_fault(FAULT_MEMORY);
        else
            size++, n = -1;
        ct_context_free(c);
    }
    ck_assert_int_gt(failed, 40);
}
END_TEST

Suite *program_suite(void);
Suite *program_suite(void)
{
    return make_suite("autograd/program", (const TTest *[]){
        the_bits_of_eager_runs, the_function_is_called_in_first_runs_only,
        what_cannot_be_replayed_stays_eager, a_call_that_failed_may_succeed, leaves_are_read_in_each_run,
        gradients_are_those_of_eager_runs, a_gradient_from_before, variables_as_arguments,
        an_address_is_no_identity, hooks_that_come_later, no_walk_goes_through_a_result,
        programs_are_apart, leaves_and_arguments_are_written, a_gradient_that_is_looked_at, whether_there_is_a_gradient,
        a_backward_is_told_what_it_was_told, verify_finds_what_is_no_tensor,
        verify_names_what_differs_in_a_group, errors,
        every_allocation_fails_once, NULL });
}
