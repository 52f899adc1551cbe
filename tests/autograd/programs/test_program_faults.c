/* Memory that is lacking, at every place: while a run is noted, planned, replayed and verified, in
 * clones, and with several results. A run is right, or fails and says so; a parameter is that of
 * before the step or of after it. */
#define _POSIX_C_SOURCE 200809L
#include "programs.h"
#include "system.h"

/* -- Contexts whose n-th allocation fails */
typedef struct fault {
    long long live, left;
    bool for_ever, failed;
} fault;

static void *allocate(size_t bytes, size_t alignment, void *user)
{
    fault *f = user;
    void *p = NULL;
    if (f->left-- == 0 || (f->for_ever && f->left < 0)) {
        f->failed = true;
        return NULL;
    }
    f->live++;
    return posix_memalign(&p, alignment, bytes) == 0 ? p : NULL;
}

static void deallocate(void *p, size_t bytes, void *user)
{
    (void)bytes;
    ((fault *)user)->live--;
    free(p);
}

static ct_context *context_of(fault *f)
{
    return ct_context_new(&(ct_context_options){ .pool_bytes = -1, .seed = 1,
                                                 .allocator = { allocate, deallocate, f } });
}

enum { STEPS = 3 };

typedef struct trial {
    ct_context *c, *other; /* of the program; of its clone, if there is one */
    fault *on;             /* where allocations fail */
    long long n;
    bool late;             /* only when the plans are there */
} trial;

static void begin(const trial *t)
{
    t->on->left = t->n;
}

/* -- A step of training, whose parameters are known for each number of steps */
typedef struct model {
    ct_tensor *w;
    ct_optimizer *rule;
} model;

static ct_status step(ct_context *c, ct_tensor *const *x, int n, ct_tensor **y, void *user)
{
    const model *m = user;
    (void)n;
    ct_zero_grad(m->w);
    y[0] = ct_sum(ct_square(ct_sub(ct_tanh(ct_mul(x[0], m->w)), x[1])));
    y[1] = ct_exp(ct_transpose(x[0]));
    if (ct_backward(y[0]) != CT_OK || ct_clip_gradient_norm(&m->w, 1, 0.5) != CT_OK ||
        ct_optimizer_step(m->rule) != CT_OK)
        return ct_error(c);
    return y[1] ? CT_OK : ct_error(c);
}

static bool model_new(ct_context *c, model *m, ct_tensor **x)
{
    m->w = ct_full(c, CT_F64, CT_SHAPE(3, 3), 0.3);
    m->w = m->w ? ct_variable(m->w) : NULL;
    m->rule = m->w ? ct_adam_new(&m->w, 1, 0.1, NULL) : NULL;
    x[0] = ct_full(c, CT_F64, CT_SHAPE(3, 3), 2);
    x[1] = ct_full(c, CT_F64, CT_SHAPE(3, 3), 1);
    return m->rule && x[0] && x[1];
}

static double after[STEPS + 3]; /* an element of w */

static double element(const ct_tensor *w)
{
    const double *data = ct_data(w);
    return data ? data[4] : NAN;
}

static void train(const trial *t, const ct_program_options *options)
{
    model m;
    ct_tensor *x[2], *y[2];
    ck_assert(model_new(t->c, &m, x));
    if (!t->late)
        begin(t);
    ct_program *p = ct_program_new_all(t->c, step, 2, &m, options);
    int done = 0;
    for (int run = 0; p && run < STEPS + 2; run++) {
        if (t->late && run == 2)
            begin(t);
        ct_scope scope = ct_scope_begin(t->c);
        bool good = scope && ct_program_run_all(p, x, 2, y) == CT_OK;
        ck_assert_msg(good || ct_error(t->c) == CT_ERROR_MEMORY, "%s", ct_error_text(t->c));
        ck_assert(good || !scope || (!y[0] && !y[1]));
        ct_error_clear(t->c);
        bool eager = !t->late || options; /* f was done, and then memory for a result was lacking */
        done += good || (eager && element(m.w) == after[done + 1]);
        ck_assert_msg(element(m.w) == after[done], "allocation %lld, run %d of %d: %g, not %g", t->n,
                      run, done, element(m.w), after[done]);
        ct_scope_end(t->c, scope);
    }
    ck_assert(p || ct_error(t->c) == CT_ERROR_MEMORY);
    ct_error_clear(t->c);
}

static void plainly(const trial *t)
{
    train(t, NULL);
}

static void verified(const trial *t)
{
    train(t, &(ct_program_options){ .verify = 2 });
}

/* -- A gradient that lies in the arena, and that the call which takes it keeps. When the program is
 * freed, it is right, or stale, if memory lacked to move it. */
typedef struct keeper {
    ct_tensor *w, *kept;
} keeper;

static int stale;

static ct_status keep(void *object)
{
    keeper *k = object;
    k->kept = ct_retain(ct_gradient(k->w));
    ct_zero_grad(k->w);
    return CT_OK;
}

static ct_tensor *walk(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *y = ct_sum(ct_mul(x[0], ((keeper *)user)->w));
    (void)n;
    return ct_backward(y) == CT_OK && ct_call_again(c, keep, user) == CT_OK ? y : NULL;
}

static void keeping(const trial *t)
{
    keeper *k = ct_object_new(t->c, sizeof *k, NULL);
    ct_tensor *x = ct_full(t->c, CT_F64, CT_SHAPE(200), 2), *kept[STEPS + 2] = { NULL };
    k->w = ct_variable(ct_full(t->c, CT_F64, CT_SHAPE(200), 3));
    if (!t->late)
        begin(t);
    ct_program *p = ct_program_new(t->c, walk, k, NULL);
    for (int run = 0; p && run < STEPS + 2; run++) {
        if (t->late && run == 2)
            begin(t);
        k->kept = NULL;
        ct_tensor *y = ct_program_run(p, &x, 1);
        ck_assert_msg(y || ct_error(t->c) == CT_ERROR_MEMORY, "%s", ct_error_text(t->c));
        ct_error_clear(t->c);
        kept[run] = k->kept;
    }
    ct_error_clear(t->c);
    ct_program_free(p);
    for (int run = 0; run < STEPS + 2; run++) {
        double value = kept[run] ? ct_at(kept[run], CT_INDEX(7)) : 2;
        ck_assert_msg(value == 2 || ct_error(t->c) == CT_ERROR_STALE, "allocation %lld, run %d: %g, %s",
                      t->n, run, value, ct_error_text(t->c));
        stale += value != 2;
        ct_error_clear(t->c);
        ct_release(kept[run]);
        ct_error_clear(t->c);
    }
}

/* -- Functions without effects: values that are known; a program and its clone, and verify */
static ct_tensor *wave(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *v = ct_variable(ct_detach(x[0])), *g;
    (void)c, (void)n;
    return ct_grad(ct_sum(ct_sin(ct_mul(v, user))), NULL, &v, 1, 0, &g) == CT_OK ? g : NULL;
}

static void run_pure(ct_program *p, ct_context *c, ct_tensor *x)
{
    ct_scope scope = ct_scope_begin(c);
    ct_tensor *y = scope && p ? ct_program_run(p, &x, 1) : NULL;
    ck_assert(!y || fabs(element(y) - 2 * cos(2 * 0.5)) < 1e-12);
    ck_assert_msg(y || ct_error(c) == CT_ERROR_MEMORY || ct_error(c) == CT_ERROR_UNSUPPORTED, "%s",
                  ct_error_text(c));
    ct_error_clear(c);
    ct_scope_end(c, scope);
}

static void cloned(const trial *t)
{
    ct_tensor *w = ct_full(t->c, CT_F64, CT_SHAPE(5), 2);
    ct_tensor *x = ct_full(t->c, CT_F64, CT_SHAPE(5), 0.5);
    ct_tensor *mine = ct_full(t->other, CT_F64, CT_SHAPE(5), 0.5);
    if (!t->late)
        begin(t);
    ct_program *p = ct_program_new(t->c, wave, w, NULL);
    ct_program *clone = p ? ct_program_clone(p, t->other) : NULL;
    ct_error_clear(t->c);
    ct_error_clear(t->other);
    for (int run = 0; run < 4; run++) {
        if (t->late && run == 2)
            begin(t);
        if (p)
            run_pure(p, t->c, x);
        if (clone)
            run_pure(clone, t->other, mine);
    }
    ct_program_free(t->n % 3 ? p : clone); /* the other one goes with its context */
}

static void verified_bits(const trial *t)
{
    ct_tensor *w = ct_full(t->c, CT_F64, CT_SHAPE(5), 2);
    ct_tensor *x = ct_full(t->c, CT_F64, CT_SHAPE(5), 0.5);
    if (!t->late)
        begin(t);
    ct_program *p = ct_program_new(t->c, wave, w, &(ct_program_options){ .verify = 1 });
    ct_error_clear(t->c);
    for (int run = 0; p && run < 4; run++) {
        if (t->late && run == 2)
            begin(t);
        run_pure(p, t->c, x);
    }
}

/* -- All of them */
static void fail_everywhere(void (*body)(const trial *t), bool clones, bool on_clone)
{
    int failed = 0;
    for (int way = 0; way < 4; way++)
        for (long long n = 0;; n++) {
            fault own = { .left = 1LL << 60 }, others = own;
            trial t = { .n = n, .late = way & 1, .on = on_clone ? &others : &own };
            t.on->for_ever = way & 2;
            t.c = context_of(&own);
            t.other = clones ? context_of(&others) : NULL;
            body(&t);
            t.on->for_ever = false;
            t.on->left = 1LL << 60;
            bool over = !t.on->failed;
            failed += !over;
            if (!over)
                count_fault(FAULT_MEMORY);
            ct_context_free(n % 2 || !clones ? t.c : t.other);
            if (clones)
                ct_context_free(n % 2 ? t.other : t.c);
            ck_assert_msg(own.live == 0 && others.live == 0, "allocation %lld: %lld leaked", n,
                          own.live + others.live);
            if (over)
                break;
        }
    ck_assert_int_gt(failed, 40);
}

START_TEST(steps)
{
    model m;
    ct_tensor *x[2], *y[2];
    ck_assert(model_new(cx, &m, x));
    for (int i = 0; i < STEPS + 3; i++) {
        after[i] = element(m.w);
        ck_assert_int_eq(step(cx, x, 2, y, &m), CT_OK);
    }
    fail_everywhere(plainly, false, false);
    fail_everywhere(verified, false, false);
}
END_TEST

START_TEST(a_gradient_that_is_kept)
{
    fail_everywhere(keeping, false, false);
    ck_assert_int_gt(stale, 0);
}
END_TEST

START_TEST(clones)
{
    fail_everywhere(cloned, true, false);
    fail_everywhere(cloned, true, true);
}
END_TEST

START_TEST(verify)
{
    fail_everywhere(verified_bits, false, false);
}
END_TEST

Suite *program_faults_suite(void);
Suite *program_faults_suite(void)
{
    return make_suite("autograd/program_faults", (const TTest *[]){
        steps, a_gradient_that_is_kept, clones, verify, NULL });
}
