/* Clones: replays of one program in several contexts and threads at the same time. */
#include <pthread.h>

#include "programs.h"

#include <cotangent/op.h>

enum { CLONES = 3, RUNS = 30 };

typedef struct model {
    ct_tensor *w, *b;
    int calls;
} model;

/* y = x, whose kernel looks at x through a view of it */
static ct_status viewing_forward(ct_call *call)
{
    const double *x = ct_data(ct_reshape(ct_call_x(call, 0), CT_SHAPE(2, 2)));
    double *y = ct_data_mutable(ct_call_y(call, 0));
    for (int i = 0; i < 4; i++)
        y[i] = x[i];
    return CT_OK;
}

static ct_tensor *viewed(ct_tensor *x)
{
    static const ct_op op = { .name = "viewing", .inputs = 1, .flags = CT_OP_CONTIGUOUS,
                              .infer = ct_infer_same, .forward = viewing_forward };
    return ct_apply(&op, NULL, &x, 1);
}

/* the value and the gradient by x of a small network with draws, constants and a checkpoint */
static ct_tensor *layer(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const model *m = user;
    (void)c, (void)n;
    return ct_dropout(ct_tanh(ct_add(ct_matmul(x[0], m->w), m->b)), 0.25);
}

static ct_status network(ct_context *c, ct_tensor *const *x, int n, ct_tensor **y, void *user)
{
    model *m = user;
    m->calls++;
    (void)n;
    ct_tensor *v = ct_variable(ct_detach(x[0])), *h = ct_checkpoint(c, layer, m, &v, 1);
    y[0] = ct_add(ct_matmul(h, ct_transpose(m->w)), ct_mul(viewed(m->b), ct_full(c, CT_F64, CT_SHAPE(4), 3)));
    return ct_grad(ct_sum(ct_square(y[0])), NULL, &v, 1, 0, &y[1]);
}

static model model_new(ct_context *c)
{
    return (model){ ct_randn(c, CT_F64, CT_SHAPE(4, 4)), ct_randn(c, CT_F64, CT_SHAPE(4)), 0 };
}

typedef struct worker {
    ct_context *c;
    ct_program *p;
    double sums[RUNS][2];
    pthread_t id;
} worker;

/* inputs that depend on the run alone */
static ct_tensor *input(ct_context *c, int run)
{
    return ct_sin(ct_reshape(ct_shift(ct_range(c, CT_F64, 12 + 4 * (run % 2)), run),
                             CT_SHAPE(-1, 4)));
}

static void *work(void *at)
{
    worker *w = at;
    for (int run = 0; run < RUNS; run++) {
        ct_scope scope = ct_scope_begin(w->c);
        ct_tensor *x = input(w->c, run), *y[2];
        ct_seed(w->c, (uint64_t)run);
        for (int i = 0; i < 2; i++)
            w->sums[run][i] = NAN;
        if (ct_program_run_all(w->p, &x, 1, y) == CT_OK)
            for (int i = 0; i < 2; i++)
                w->sums[run][i] = ct_item(ct_sum(ct_exp(ct_scale(y[i], 1e-3))));
        ct_scope_end(w->c, scope);
    }
    return NULL;
}


START_TEST(several_threads)
{
    model m = model_new(cx);
    worker own = { cx, ct_program_new_all(cx, network, 2, &m, NULL), { { 0 } }, 0 }, w[CLONES];
    ct_tensor *x = input(cx, 0), *y[2];
    ck_assert_int_eq(ct_program_run_all(own.p, &x, 1, y), CT_OK); /* it is noted anew */
    for (int k = 0; k < CLONES; k++) {
        w[k].c = ct_context_new(&(ct_context_options){ .threads = 1 + k % 2 });
        w[k].p = ct_program_clone(own.p, w[k].c);
        ck_assert_ptr_nonnull(w[k].p);
    }
    work(&own);
    int calls = m.calls;
    ck_assert_int_eq(calls, 3);
    double sums[RUNS][2];
    memcpy(sums, own.sums, sizeof sums);
    for (int k = 0; k < CLONES; k++)
        ck_assert_int_eq(pthread_create(&w[k].id, NULL, work, &w[k]), 0);
    work(&own); /* it goes on meanwhile */
    for (int k = 0; k < CLONES; k++) {
        ck_assert_int_eq(pthread_join(w[k].id, NULL), 0);
        ck_assert_msg(ct_error(w[k].c) == CT_OK, "%s", ct_error_text(w[k].c));
        ck_assert(memcmp(w[k].sums, sums, sizeof sums) == 0);
        ck_assert_int_eq(replays(w[k].p), RUNS);
    }
    ck_assert(memcmp(own.sums, sums, sizeof sums) == 0);
    for (int run = 0; run < RUNS; run++) { /* and what f itself gives */
        ct_seed(cx, (uint64_t)run);
        x = input(cx, run);
        ck_assert_int_eq(network(cx, &x, 1, y, &m), CT_OK);
        for (int i = 0; i < 2; i++)
            ck_assert(sums[run][i] == ct_item(ct_sum(ct_exp(ct_scale(y[i], 1e-3)))));
    }
    ck_assert_int_eq(m.calls, calls + RUNS);
    for (int k = 0; k < CLONES; k++)
        ct_context_free(w[k].c);
    work(&own);
    ck_assert(memcmp(own.sums, sums, sizeof sums) == 0);
    expect_ok();
}
END_TEST

/* -- What a clone cannot do */
static void expect_refused(ct_program *clone, ct_tensor *x, const char *why)
{
    ct_context *c = ct_context_of(x);
    ck_assert_ptr_null(ct_program_run(clone, &x, 1));
    ck_assert_msg(ct_error(c) == CT_ERROR_UNSUPPORTED && strstr(ct_error_text(c), why), "%s: %s",
                  why, ct_error_text(c));
    ct_error_clear(c);
}

static ct_tensor *through(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const model *m = user;
    (void)c, (void)n;
    return ct_add(x[0], m->b);
}

static ct_tensor *writes_leaf(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const model *m = user;
    (void)c, (void)n;
    return ct_assign_add(m->b, 1, x[0]) == CT_OK ? ct_scale(m->b, 2) : NULL;
}

static ct_tensor *returns_leaf(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)x;
    return ((const model *)user)->b;
}

static ct_tensor *sets_gradient(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const model *m = user;
    (void)c, (void)n;
    ct_zero_grad(m->w);
    ct_tensor *y = ct_sum(ct_mul(m->w, x[0]));
    return ct_backward(y) == CT_OK ? y : NULL;
}

static ct_tensor *looks(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    return ct_gradient(((const model *)user)->w) ? ct_exp(x[0]) : ct_sin(x[0]);
}

static ct_tensor *reads(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_scale(x[0], ct_item(ct_sum(x[0])));
}

START_TEST(what_a_clone_cannot_do)
{
    static const struct { ct_function f; const char *why; } cases[] = {
        { writes_leaf, "it writes to a tensor" }, { returns_leaf, "a result is a tensor" },
        { sets_gradient, "it sets a gradient" }, { looks, "it looks at a gradient" },
        { reads, "item" },
    };
    ct_context *other = ct_context_new(NULL);
    model m = model_new(cx);
    ct_retain(m.b);
    m.w = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(4)));
    ct_tensor *x = ct_ones(cx, CT_F64, CT_SHAPE(4)), *mine = ct_ones(other, CT_F64, CT_SHAPE(4));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ct_program *p = ct_program_new(cx, cases[i].f, &m, NULL);
        ct_program *clone = ct_program_clone(p, other);
        expect_refused(clone, mine, "has noted no run like this");
        ck_assert(ct_program_run(p, &x, 1) && ct_program_run(p, &x, 1));
        expect_refused(clone, mine, cases[i].why);
    }
    ct_program *p = ct_program_new(cx, through, &m, &(ct_program_options){ .plans = 2 });
    ct_program *clone = ct_program_clone(p, other);
    ck_assert_ptr_nonnull(ct_program_run(p, &x, 1));
    ck_assert_ptr_nonnull(ct_program_run(p, &m.w, 1));
    ck_assert_ptr_nonnull(ct_program_run(clone, &mine, 1));
    ct_scope scope = ct_scope_begin(other);
    ct_no_grad(other); /* another mode */
    expect_refused(clone, mine, "has noted no run like this");
    ct_scope_end(other, scope);
    ck_assert_ptr_null(ct_program_run(clone, &x, 1));
    ck_assert_int_eq(ct_error(other), CT_ERROR_CONTEXT);
    ct_error_clear(other);
    ck_assert_ptr_null(ct_program_clone(clone, cx));
    expect_error(CT_ERROR_UNSUPPORTED, "is a clone itself", NULL);
    ck_assert_ptr_null(ct_program_clone(p, cx));
    expect_error(CT_ERROR_CONTEXT, "another context", NULL);
    ck_assert_ptr_null(ct_program_clone(p, NULL));
    expect_error(CT_ERROR_CONTEXT, "another context", NULL);
    ck_assert_ptr_null(ct_program_clone(NULL, cx));
    /* a leaf is exchanged: p notes anew, and the clone with it */
    ct_keep(&m.b, ct_full(cx, CT_F64, CT_SHAPE(4), 7));
    ck_assert_ptr_nonnull(ct_program_run(p, &x, 1));
    ck_assert_double_eq(ct_at(ct_program_run(clone, &mine, 1), CT_INDEX(2)), 8);
    /* a variable of the program's context as an argument */
    ck_assert_ptr_nonnull(ct_program_run(p, &m.w, 1));
    expect_refused(clone, ct_variable(ct_ones(other, CT_F64, CT_SHAPE(4))), "");
    ct_program_free(p);
    expect_refused(clone, mine, "is gone");
    ct_program_free(clone);
    ct_context_free(other);
    ct_release(m.b);
}
END_TEST

/* whichever of the contexts is freed first */
START_TEST(contexts_end_in_any_order)
{
    for (int first = 0; first < 2; first++) {
        ct_context *c[] = { ct_context_new(NULL), ct_context_new(NULL) };
        model m = model_new(c[0]);
        ct_program *p = ct_program_new(c[0], through, &m, NULL), *clone = ct_program_clone(p, c[1]);
        ct_tensor *x = ct_ones(c[0], CT_F64, CT_SHAPE(4)), *mine = ct_ones(c[1], CT_F64, CT_SHAPE(4));
        ck_assert(ct_program_run(p, &x, 1) && ct_program_run(clone, &mine, 1));
        ct_context_free(c[first]);
        if (first == 0)
            expect_refused(clone, mine, "is gone");
        else
            ck_assert_ptr_nonnull(ct_program_run(p, &x, 1));
        ct_context_free(c[1 - first]);
    }
}
END_TEST

/* -- Contexts with other kernels */
static ct_tensor *by_kernels(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *v = ct_variable(ct_detach(x[0])), *g;
    (void)c, (void)n, (void)user;
    ct_tensor *y = ct_mul(ct_lerp(ct_exp(v), ct_sin(v), v), ct_softmax(ct_erf(v), 1));
    return ct_grad(ct_sum(ct_square(y)), NULL, &v, 1, 0, &g) == CT_OK ? g : NULL;
}

START_TEST(the_kernels_are_those_of_its_context)
{
    ct_context *plain = ct_context_new(&(ct_context_options){ .seed = 3, .simd = CT_SIMD_PLAIN });
    ct_program *p = ct_program_new(cx, by_kernels, NULL, NULL), *clone = ct_program_clone(p, plain);
    ct_tensor *x = ct_randn(plain, CT_F32, CT_SHAPE(60, 70));
    ct_tensor *first = ct_randn(cx, CT_F32, CT_SHAPE(60, 70));
    ck_assert(ct_program_run(p, &first, 1));
    ct_tensor *got = ct_program_run(clone, &x, 1), *want = by_kernels(plain, &x, 1, NULL);
    ck_assert_msg(got && want && same_bits(got, want), "%s", ct_error_text(plain));
    ct_context_free(plain);
    expect_ok();
}
END_TEST

Suite *clone_suite(void);
Suite *clone_suite(void)
{
    return make_suite("autograd/clone", (const TTest *[]){
        several_threads, what_a_clone_cannot_do, contexts_end_in_any_order,
        the_kernels_are_those_of_its_context, NULL });
}
