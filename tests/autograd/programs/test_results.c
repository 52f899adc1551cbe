/* Programs with several results. */
#include "programs.h"

static ct_tensor *state;

/* y0 and y1 are the same tensor, y2 is a view of it, y3 an argument, y4 a leaf of before, y5 a
 * gradient of w, y6 a number of the text, y7 what no other is */
enum { RESULTS = 8 };
static ct_status several(ct_context *c, ct_tensor *const *x, int n, ct_tensor **y, void *user)
{
    ct_tensor *w = user;
    (void)n;
    ct_zero_grad(w);
    y[0] = y[1] = ct_exp(ct_mul(x[0], w));
    y[2] = ct_transpose(y[0]);
    y[3] = x[0];
    y[4] = state;
    if (ct_backward(ct_sum(y[0])) != CT_OK)
        return ct_error(c);
    y[5] = ct_gradient(w);
    y[6] = ct_full(c, CT_F64, CT_SHAPE(2), 3);
    y[7] = ct_dropout(x[0], 0.5);
    return y[7] ? CT_OK : ct_error(c);
}

START_TEST(all_results)
{
    ct_tensor *w = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(2, 2)));
    ct_program *p = ct_program_new_all(cx, several, RESULTS, w, NULL);
    state = ct_randn(cx, CT_F64, CT_SHAPE(3));
    ct_tensor *kept[RESULTS], *copies[RESULTS];
    for (int run = 0; run < 6; run++) {
        ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(2, 2)), *y[RESULTS], *want[RESULTS];
        ct_stream stream = ct_random_stream(cx);
        ck_assert_int_eq(ct_program_run_all(p, &x, 1, y), CT_OK);
        ct_random_resume(cx, stream);
        ck_assert_int_eq(several(cx, &x, 1, want, w), CT_OK);
        for (int i = 0; i < RESULTS; i++) {
            ck_assert_msg(same_bits(y[i], want[i]), "run %d, result %d", run, i);
            ck_assert(run == 0 || same_bits(kept[i], copies[i])); /* nobody wrote there */
        }
        ck_assert(ct_program_run_all(p, &x, 1, want) == CT_OK && want[5] != ct_gradient(w));
        for (int i = 0; i < RESULTS; i++) {
            kept[i] = y[i];
            copies[i] = ct_scale(ct_detach(y[i]), 1);
        }
        ct_random_resume(cx, stream);
        ck_assert(same_bits(ct_program_run(p, &x, 1), y[0])); /* the first one alone */
    }
    ck_assert_int_eq(replays(p), 17);
    expect_ok();
}
END_TEST

static int failing; /* which result is none */
static ct_status some(ct_context *c, ct_tensor *const *x, int n, ct_tensor **y, void *user)
{
    (void)c, (void)n, (void)user;
    y[0] = failing == 0 ? NULL : ct_exp(x[0]);
    y[1] = failing == 1 ? NULL : ct_sin(x[0]);
    return failing == 2 ? CT_ERROR_VALUE : CT_OK;
}

START_TEST(a_result_that_is_none)
{
    ct_tensor *x = ct_ones(cx, CT_F64, CT_SHAPE(2)), *y[2];
    for (failing = 0; failing < 3; failing++) {
        ct_program *p = ct_program_new_all(cx, some, 2, NULL, NULL);
        y[0] = y[1] = x;
        ck_assert_int_eq(ct_program_run_all(p, &x, 1, y), CT_ERROR_CALLBACK);
        ck_assert(!y[0] && !y[1]);
        expect_error(CT_ERROR_CALLBACK, "failed without saying why", NULL);
        ck_assert_ptr_null(ct_program_run(p, &x, 1));
        ct_error_clear(cx);
    }
    ct_program *p = ct_program_new_all(cx, some, 2, NULL, &(ct_program_options){ .verify = 2 });
    for (int run = 0; run < 6; run++) /* verify compares all */
        ck_assert_int_eq(ct_program_run_all(p, &x, 1, y), CT_OK);
    ck_assert_int_eq(ct_program_run_all(p, &x, 1, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "room for the results", NULL);
    y[0] = x;
    ck_assert_int_eq(ct_program_run_all(p, NULL, 1, y), CT_ERROR_NULL);
    ck_assert_ptr_null(y[0]);
    expect_error(CT_ERROR_NULL, "inputs", NULL);
    ck_assert_int_eq(ct_program_run_all(NULL, &x, 1, y), CT_ERROR_NULL);
    ck_assert_ptr_null(ct_program_new_all(cx, some, 0, NULL, NULL));
    expect_error(CT_ERROR_RANGE, "0 results", NULL);
    ck_assert_ptr_null(ct_program_new_all(cx, NULL, 1, NULL, NULL));
    expect_error(CT_ERROR_NULL, "function", NULL);
    ct_tensor *v = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(2))); /* with its graph */
    ck_assert(ct_requires_grad(ct_program_call(cx, &v, 1, p)));
}
END_TEST

/* A result that is an argument, or a part of it, is over its memory: so it keeps that, and what is
 * written there is found. */
static ct_tensor *part(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n, (void)user;
    return ct_slice(x[0], 0, 1, 3, 1);
}

START_TEST(a_part_of_an_argument)
{
    ct_program *p = ct_program_new(cx, part, NULL, NULL);
    ct_tensor *v = ct_variable(ct_ones(cx, CT_F64, CT_SHAPE(3)));
    for (int run = 0; run < 3; run++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(3)), *loss = ct_sum(ct_mul(v, x));
        ct_tensor *y = ct_program_run(p, &x, 1);
        double want = ct_at(x, CT_INDEX(2));
        ct_retain(y);
        if (run % 2 == 0) {
            ck_assert_int_eq(ct_fill(y, want), CT_OK);
            ck_assert_int_eq(ct_backward(loss), CT_ERROR_STALE);
            expect_error(CT_ERROR_STALE, "fill", NULL);
        }
        ct_scope_end(cx, scope);
        ck_assert(ct_at(y, CT_INDEX(1)) == want);
        ct_release(y);
    }
}
END_TEST

/* -- A gradient that is taken away in the run that makes it lies in the arena. What takes it may
 * leave it another time, or fail, or keep it. */
typedef struct taking {
    ct_tensor *w;
    enum way { TAKES, LEAVES, FAILS, KEEPS } what;
    ct_tensor *got; /* a copy of what it saw, or the gradient that it keeps */
} taking;

static ct_status take(void *object)
{
    taking *t = object;
    ct_tensor *g = ct_gradient(t->w);
    t->got = ct_retain(t->what == KEEPS ? g : ct_neg(ct_neg(g)));
    if (t->what == FAILS)
        return ct_fail(ct_context_of(t->w), CT_ERROR_VALUE, "not today");
    if (t->what != LEAVES)
        ct_zero_grad(t->w);
    return CT_OK;
}

static ct_tensor *taken(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    taking *t = user;
    (void)c, (void)n;
    ct_tensor *y = ct_sum(ct_sin(ct_mul(x[0], t->w)));
    if (ct_backward(y) != CT_OK)
        return NULL;
    y = ct_add(y, ct_sum(ct_softmax(x[0], 0))); /* which must not lie where the gradient does */
    return ct_call_again(c, take, t) == CT_OK ? y : NULL;
}

START_TEST(a_gradient_is_lent)
{
    enum { N = 2000 };
    ct_tensor *w = ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(N)));
    for (int what = LEAVES; what <= KEEPS; what++) {
        taking *t = ct_object_new(cx, sizeof *t, NULL);
        ct_program *p = ct_program_new(cx, taken, t, NULL);
        t->w = w;
        ct_tensor *left = NULL, *copy = NULL;
        for (int run = 0; run < 5; run++) {
            ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(N)), *want = ct_mul(ct_cos(ct_mul(x, w)), x);
            t->what = run == 2 ? (enum way)what : TAKES;
            ck_assert((ct_program_run(p, &x, 1) != NULL) == (t->what != FAILS));
            ct_error_clear(cx);
            ck_assert_msg(same_bits(t->got, want), "%d, run %d", what, run);
            if (run == 2) {
                left = ct_retain(what == KEEPS ? t->got : ct_gradient(w));
                copy = want;
            }
            ct_zero_grad(w);
            ct_release(t->got);
        }
        ck_assert_int_ge(replays(p), 3);
        ct_program_free(p);
        ck_assert_msg(same_bits(left, copy), "%d", what);
        ct_release(left);
    }
}
END_TEST

Suite *results_suite(void);
Suite *results_suite(void)
{
    return make_suite("autograd/results", (const TTest *[]){
        all_results, a_result_that_is_none, a_part_of_an_argument, a_gradient_is_lent, NULL });
}
