/* Strange functions, at strange inputs: each in a context of its own as it is, and in another one as
 * a program. Results, errors, what was written, gradients and draws are the same. */
#include "programs.h"

/* what a function reaches by itself */
typedef struct world {
    ct_context *c;
    int64_t rows;          /* of inputs: few, or so many that there are groups */
    ct_tensor *w, *state;  /* a variable (3); (rows,3) */
    ct_program *inner;
    ct_program *program;   /* NULL: on the eager side */
} world;

/* -- Functions of x0, x1: (r,3) */
static ct_tensor *chain(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const world *t = user;
    (void)c, (void)n;
    return ct_mul(ct_tanh(ct_add(x[0], t->w)), ct_dropout(x[1], 0.5));
}

/* views of inputs, and of what is made, are written in place */
static ct_tensor *writing_views(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const world *t = user;
    ct_tensor *row = ct_slice(x[0], 0, 0, 1, 1), *column = ct_select(x[0], 1, 2);
    ct_tensor *y = ct_mul(x[0], x[1]), *turned = ct_transpose(y);
    (void)c, (void)n;
    if (ct_assign_add(row, 2, ct_slice(x[1], 0, 0, 1, 1)) != CT_OK ||
        ct_fill(column, 0.25) != CT_OK || ct_assign(turned, ct_transpose(x[0])) != CT_OK ||
        ct_assign_add(ct_slice(t->state, 0, 1, 2, 1), 1, row) != CT_OK)
        return NULL;
    return ct_add(y, ct_sum(t->state));
}

/* a walk over a graph that saved what is overwritten then: an error, each time */
static ct_tensor *overwriting(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const world *t = user;
    ct_tensor *y = ct_sum(ct_mul(x[0], t->w));
    (void)c, (void)n;
    if (ct_fill(x[0], 1) != CT_OK)
        return NULL;
    return ct_backward(y) == CT_OK ? y : NULL;
}

static ct_tensor *checkpointed(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const world *t = user;
    ct_tensor *y = ct_sum(ct_checkpoint(c, chain, user, x, n));
    return ct_backward(ct_add(y, ct_sum(ct_checkpoint(c, chain, user, CT_TENSORS(x[0], t->w))))) ==
                   CT_OK ? y : NULL;
}

/* a program in a program, and in a checkpoint */
static ct_tensor *nested(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const world *t = user;
    ct_tensor *y = ct_detach(ct_program_call(c, x, n, t->inner));
    ct_tensor *z = ct_checkpoint(c, ct_program_call, t->inner, CT_TENSORS(ct_mul(x[0], t->w), x[1]));
    return ct_backward(ct_sum(ct_mul(y, z))) == CT_OK ? ct_add(y, z) : NULL;
}

static ct_tensor *itself(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const world *t = user;
    if (ct_size(x[0], 1) == 1)
        return ct_exp(x[0]);
    ct_tensor *less[] = { ct_slice(x[0], 1, 1, CT_END, 1), x[1] };
    ct_tensor *y = t->program ? ct_program_run(t->program, less, n) : itself(c, less, n, user);
    return ct_concat(CT_TENSORS(ct_slice(x[0], 1, 0, 1, 1), y), 1);
}

/* it tries to free the program that runs it */
static ct_tensor *freeing(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const world *t = user;
    ct_program_free(t->program);
    if (!t->program)
        ct_fail(c, CT_ERROR_VALUE, "program_free: the program runs");
    (void)n;
    return ct_exp(x[0]);
}

/* it leaves a scope open, and closes none */
static ct_tensor *leaving_open(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n, (void)user;
    ct_scope_begin(c);
    ct_tensor *y = ct_exp(x[0]);
    ct_scope_begin(c);
    return ct_mul(y, x[1]);
}

static ct_tensor *scoped(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const world *t = user;
    ct_scope scope = ct_scope_begin(c);
    ct_no_grad(c);
    (void)n;
    ct_tensor *y = ct_scope_return(c, scope, ct_mul(x[0], t->w));
    ct_tensor *z = ct_sum(ct_mul(y, t->w));
    return ct_backward(z) == CT_OK ? y : NULL;
}

/* what it returns is an input, or a view of one, or of a leaf, or the variable */
static ct_tensor *aliases(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const world *t = user;
    (void)c, (void)n;
    switch (ct_size(x[0], 0) % 4) {
    case 0: return x[1];
    case 1: return ct_slice(x[0], 0, 0, 1, 1);
    case 2: return ct_transpose(t->state);
    default: return t->w;
    }
}

/* a gradient that is an input, or a part of one, or of a leaf */
static ct_tensor *given(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const world *t = user;
    ct_tensor *row = ct_slice(ct_size(x[0], 0) > 0 ? x[0] : t->state, 0, 0, 1, 1);
    (void)c, (void)n;
    if (ct_backward_from(t->w, ct_reshape(row, CT_SHAPE(-1))) != CT_OK)
        return NULL;
    return ct_add(x[0], ct_gradient(t->w));
}

/* of a variable of this run alone */
static ct_tensor *own_gradient(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *v = ct_variable(ct_scale(x[0], 2));
    (void)c, (void)n, (void)user;
    return ct_backward(ct_sum(ct_square(ct_mul(v, x[1])))) == CT_OK ? ct_neg(ct_gradient(v)) : NULL;
}

/* it fails in the middle, for one kind of labels */
static ct_tensor *failing(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const world *t = user;
    ct_tensor *at = ct_cast(ct_gt(ct_slice(x[0], 0, 0, 1, 1), ct_scalar_like(x[0], 1)), CT_I64);
    (void)n;
    at = ct_add(ct_sum(at), ct_full(c, CT_I64, CT_SHAPE(1), 2)); /* out of range if one is large */
    if (ct_assign_add(t->state, 1, ct_scalar_like(x[0], 1)) != CT_OK)
        return NULL;
    ct_tensor *y = ct_index_select(ct_mul(x[0], t->w), 1, at);
    return y && ct_backward(ct_sum(y)) == CT_OK ? y : NULL;
}

/* an object, and a variable, of this run alone */
static ct_tensor *own_objects(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n, (void)user;
    ct_tensor *v = ct_variable(ct_scale(x[0], 2));
    ct_optimizer *o = ct_sgd_new(&v, 1, 0.5, NULL);
    if (ct_backward(ct_sum(ct_square(ct_mul(v, x[1])))) != CT_OK || ct_optimizer_step(o) != CT_OK)
        return NULL;
    (void)c;
    return ct_detach(v);
}

static ct_tensor *integers(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)n, (void)user;
    ct_tensor *less = ct_lt(x[0], x[1]), *k = ct_cast(ct_scale(x[0], 4), CT_I64);
    ct_tensor *drawn = ct_randint(c, 0, 5, ct_shape(k), ct_ndim(k));
    return ct_where(less, ct_add(k, drawn), ct_scalar(c, CT_I64, 7));
}

static ct_tensor *nothing(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)x, (void)n;
    return ct_exp(((world *)user)->w);
}

static ct_tensor *hooked_grad(ct_tensor *g, void *user)
{
    ++*(int *)user;
    return ct_scale(g, *(int *)user);
}

static ct_tensor *hooks(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const world *t = user;
    static int counts[2];
    int *count = &counts[t->program != NULL];
    ct_tensor *y = ct_mul(x[0], t->w);
    (void)c, (void)n;
    ct_on_cotangent(y, hooked_grad, count);
    return ct_backward(ct_sum(ct_exp(y))) == CT_OK ? y : NULL;
}

/* -- Inputs: x1, and what x0 is */
enum { PLAIN, SHORT, TURNED, EXPANDED, TWICE, OVERLAP, EMPTY, READ_ONLY, RESULT, BACKWARDS, SINGLE,
       F32, LEAF, PART_OF_LEAF, READ_ONLY_PART, KINDS, MANY = 600 };

static void inputs(const world *t, int kind, ct_tensor **x)
{
    static const double numbers[3 * MANY + 3] = { 1, 2, 3, -4, 5, -6 };
    ct_context *c = t->c;
    const int64_t n = t->rows, rows = kind == SHORT ? n - 1 : kind == EMPTY ? 0 : n;
    ct_tensor *all = ct_randn(c, CT_F64, CT_SHAPE(2 * n + 1, 3));
    x[0] = ct_randn(c, kind == F32 ? CT_F32 : CT_F64, CT_SHAPE(rows, 3));
    x[1] = ct_randn(c, kind == F32 ? CT_F32 : CT_F64, CT_SHAPE(rows, 3));
    switch (kind) {
    case TURNED: x[0] = ct_transpose(ct_randn(c, CT_F64, CT_SHAPE(3, n))); break;
    case EXPANDED: x[0] = ct_expand(ct_randn(c, CT_F64, CT_SHAPE(1, 3)), CT_SHAPE(n, 3)); break;
    case TWICE: x[1] = x[0]; break;
    case OVERLAP: x[0] = ct_slice(all, 0, 0, n, 1), x[1] = ct_slice(all, 0, 2, n + 2, 1); break;
    case READ_ONLY: x[0] = ct_borrow_const(c, CT_F64, CT_SHAPE(n, 3), numbers); break;
    case READ_ONLY_PART:
        x[0] = ct_slice(ct_borrow_const(c, CT_F64, CT_SHAPE(n + 1, 3), numbers), 0, 0, n, 1);
        break;
    case RESULT: /* which is a constant in a program */
        x[0] = ct_mul(x[0], t->w);
        x[0] = t->program ? x[0] : ct_detach(x[0]);
        break;
    case BACKWARDS: x[0] = ct_flip(ct_slice(all, 0, 0, 2 * n, 2), CT_AXES(0)); break;
    case SINGLE: x[0] = ct_slice(all, 1, 0, 1, 1), x[1] = ct_slice(all, 1, 1, 2, 1); break;
    case LEAF: x[0] = t->state; break;
    case PART_OF_LEAF: x[1] = ct_flip(t->state, CT_AXES(0)); break;
    default: break;
    }
}

static world world_new(int64_t rows)
{
    world t = { .c = ct_context_new(&(ct_context_options){ .seed = 9, .pool_bytes = -1 }) };
    t.rows = rows;
    t.w = ct_variable(ct_randn(t.c, CT_F64, CT_SHAPE(3)));
    t.state = ct_randn(t.c, CT_F64, CT_SHAPE(rows, 3));
    return t;
}

static bool same(const ct_tensor *a, const ct_tensor *b)
{
    return !a == !b && (!a || same_bits(a, b));
}

/* one run on each side, at x; y gets the results */
static void compare_run(world *t, ct_function f, ct_tensor *x[2][2], ct_tensor **y, const char *what,
                        int run)
{
    ct_status status[2];
    for (int i = 0; i < 2; i++) {
        y[i] = i ? ct_program_run(t[i].program, x[i], 2) : f(t[i].c, x[i], 2, &t[i]);
        status[i] = ct_error(t[i].c);
        ck_assert_msg(i == 0 || status[0] == status[1], "%s, run %d: %d, and not %d: %s", what, run,
                      (int)status[1], (int)status[0], ct_error_text(t[1].c));
        ct_error_clear(t[i].c);
    }
    const char *text = ct_program_text(t[1].program);
    ck_assert_msg(same(y[0], y[1]), "%s, run %d: the result; %s", what, run, text);
    ck_assert_msg(same(x[0][0], x[1][0]) && same(x[0][1], x[1][1]), "%s, run %d: x", what, run);
    ck_assert_msg(same(t[0].state, t[1].state), "%s, run %d: the state", what, run);
    ck_assert_msg(same(ct_gradient(t[0].w), ct_gradient(t[1].w)), "%s, run %d: the gradient; %s",
                  what, run, text);
    ck_assert_msg(ct_random_stream(t[0].c).draws == ct_random_stream(t[1].c).draws,
                  "%s, run %d: draws", what, run);
}

static void compare_kind(world *t, const char *name, ct_function f, int kind)
{
    char what[80];
    snprintf(what, sizeof what, "%s, inputs %d", name, kind);
    for (int run = 0; run < 4; run++) {
        ct_tensor *x[2][2], *y[2];
        ct_scope scopes[2];
        for (int i = 0; i < 2; i++) {
            scopes[i] = ct_scope_begin(t[i].c);
            inputs(&t[i], kind, x[i]);
        }
        compare_run(t, f, x, y, what, run);
        for (int i = 0; i < 2; i++) {
            if (run % 2)
                ct_zero_grad(t[i].w);
            ct_scope_end(t[i].c, scopes[i]);
        }
    }
}

static const struct { const char *name; ct_function f; bool eager; } strange[] = {
    { "chain", chain, false },
    { "writing views", writing_views, false },
    { "overwriting", overwriting, true },
    { "checkpointed", checkpointed, false },
    { "nested", nested, false },
    { "itself", itself, false },
    { "freeing", freeing, true },
    { "leaving open", leaving_open, false },
    { "scoped", scoped, false },
    { "aliases", aliases, false },
    { "given", given, false },
    { "own gradient", own_gradient, true },
    { "failing", failing, false },
    { "own objects", own_objects, true },
    { "integers", integers, false },
    { "nothing", nothing, false },
    { "hooks", hooks, true },
};

static void compare_all(int64_t rows)
{
    for (size_t k = 0; k < sizeof strange / sizeof *strange; k++) {
        world t[2] = { world_new(rows), world_new(rows) };
        for (int i = 0; i < 2; i++)
            t[i].inner = ct_program_new(t[i].c, chain, &t[i], NULL);
        t[1].program = ct_program_new(t[1].c, strange[k].f, &t[1],
                                      &(ct_program_options){ .plans = 40 });
        for (int round = 0; round < 2; round++)
            for (int kind = 0; kind < KINDS; kind++)
                compare_kind(t, strange[k].name, strange[k].f, kind);
        ck_assert_msg(strange[k].eager == (replays(t[1].program) == 0), "%s: %s", strange[k].name,
                      ct_program_text(t[1].program));
        for (int i = 0; i < 2; i++)
            ct_context_free(t[i].c);
    }
}

START_TEST(strange_functions)
{
    compare_all(4);
}
END_TEST

START_TEST(strange_functions_of_many_elements)
{
    compare_all(MANY);
}
END_TEST

/* -- What may happen between two runs */
static ct_tensor *learning(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const world *t = user;
    ct_tensor *y = ct_mul(ct_dropout(ct_tanh(ct_add(x[0], t->w)), 0.3), ct_mul(t->state, x[1]));
    (void)n;
    if (ct_requires_grad(y) && ct_backward(ct_mean(y)) != CT_OK)
        return NULL;
    return ct_is_inference(c) ? ct_neg(y) : y;
}

enum { NOTHING, INFERENCE, NO_GRAD, SEED, BY_C, ZERO, REPLACED, CHECKED, RESULT_WRITTEN, VARIABLE_GIVEN,
       STATE_GIVEN, RESULT_GIVEN, OTHER_VARIABLE, CONSTANT, VARIABLE, ADDED, ADDED_ROW, ZERO_BACK, ONES_BACK, FREED, EVENTS };

static void happen(world *t, int event, ct_tensor **x, ct_tensor *last)
{
    ct_context *c = t->c;
    switch (event) {
    case INFERENCE: ct_inference(c); break;
    case NO_GRAD: ct_no_grad(c); break;
    case SEED: ct_seed(c, 3); break;
    case BY_C: ((double *)ct_data_mutable(t->state))[4] += 1; break;
    case ZERO: ct_zero_grad(t->w); break;
    case REPLACED: ct_keep(&t->state, ct_randn(c, CT_F64, CT_SHAPE(t->rows, 3))); break;
    case CHECKED: ct_find_nonfinite(c, true); break;
    case RESULT_WRITTEN:
        ct_no_grad(c);
        ct_fill(last, 7);
        break;
    case VARIABLE_GIVEN: x[0] = t->w; break;
    case STATE_GIVEN: x[0] = x[1] = t->state; break;
    case RESULT_GIVEN: x[0] = x[1] = ct_detach(last); break;
    case OTHER_VARIABLE: ct_keep(&t->w, ct_variable(ct_scale(ct_detach(t->w), 2))); break;
    case CONSTANT: ct_constant(t->w); break;
    case VARIABLE: ct_variable(t->w); break;
    case ADDED: ct_add_gradient(t->w, ct_ones(c, CT_F64, CT_SHAPE(3))); break;
    case ADDED_ROW: ct_add_gradient(t->w, ct_expand(ct_scalar(c, CT_F64, 2), CT_SHAPE(3))); break;
    case ZERO_BACK: /* gradients of an own form, perhaps */
    case ONES_BACK:
        ct_zero_grad(t->w);
        if (ct_requires_grad(t->w))
            ct_backward(ct_sum(event == ZERO_BACK ? ct_sign(t->w) : t->w));
        break;
    case FREED: /* and made anew */
        if (t->program) {
            ct_program_free(t->program);
            t->program = ct_program_new(c, learning, t, NULL);
        }
        break;
    default: break;
    }
}

static void compare_events(int64_t rows)
{
    world t[2] = { world_new(rows), world_new(rows) };
    ct_tensor *last[2] = { NULL, NULL };
    uint32_t chance = 1;
    int replayed = 0;
    for (int i = 0; i < 2; i++) {
        ct_retain(t[i].w);
        ct_retain(t[i].state);
    }
    t[1].program = ct_program_new(t[1].c, learning, &t[1], NULL);
    for (int run = 0; run < 400; run++) {
        ct_tensor *x[2][2], *y[2];
        ct_scope scopes[2];
        chance = chance * 1664525u + 1013904223u;
        int event = run < EVENTS ? run : run % 3 ? NOTHING : (int)((chance >> 16) % EVENTS);
        if (event == FREED)
            replayed += replays(t[1].program);
        for (int i = 0; i < 2; i++) {
            scopes[i] = ct_scope_begin(t[i].c);
            inputs(&t[i], run % 7 == 6 ? TURNED : PLAIN, x[i]);
            happen(&t[i], event, x[i], last[i]);
        }
        char what[80];
        snprintf(what, sizeof what, "event %d", event);
        compare_run(t, learning, x, y, what, run);
        for (int i = 0; i < 2; i++) {
            ct_find_nonfinite(t[i].c, false);
            ct_keep(&last[i], y[i]);
            ct_scope_end(t[i].c, scopes[i]);
        }
    }
    ck_assert_int_gt(replayed + replays(t[1].program), 60);
    for (int i = 0; i < 2; i++)
        ct_context_free(t[i].c);
}

START_TEST(events_between_runs)
{
    compare_events(4);
    compare_events(MANY);
}
END_TEST

Suite *strange_suite(void);
Suite *strange_suite(void)
{
    return make_suite("autograd/strange", (const TTest *[]){
        strange_functions, strange_functions_of_many_elements, events_between_runs, NULL });
}
