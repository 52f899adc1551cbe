/* nn/train/fit.c and progress.c. */
#define _POSIX_C_SOURCE 200809L
#include "files.h"

enum { ROWS = 24, BATCH = 5 };

static ct_training run_of(ct_context *c, double rate)
{
    double x[ROWS * 2];
    int64_t y[ROWS];
    for (int i = 0; i < ROWS * 2; i++)
        x[i] = sin(i * i + 1);
    for (int i = 0; i < ROWS; i++)
        y[i] = x[2 * i] > x[2 * i + 1];
    ct_training t = { .module = ct_mlp_new(c, CT_F64, CT_SIZES(2, 6, 2), CT_TANH, NULL) };
    int n;
    ct_tensor *const *w = ct_module_parameters(t.module, &n);
    t.optimizer = ct_adam_new(w, n, rate, NULL);
    t.batches = ct_batches_new(ct_from_doubles(c, CT_F64, CT_SHAPE(ROWS, 2), x, ROWS * 2),
                               ct_from_ints(c, CT_SHAPE(ROWS), y, ROWS), BATCH, NULL);
    return t;
}

static double difference(const ct_training *a, const ct_training *b)
{
    double most = 0;
    int n;
    ct_tensor *const *w = ct_module_parameters(a->module, &n);
    ct_tensor *const *v = ct_module_parameters(b->module, &n);
    for (int i = 0; i < n; i++)
        most = fmax(most, ct_max_difference(ct_detach(w[i]), ct_detach(v[i])));
    return most;
}

static ct_tensor *step(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const ct_training *t = user;
    ct_tensor *loss = ct_cross_entropy(ct_module_forward(t->module, x[0]), x[1]);
    (void)c, (void)n;
    return ct_backward(loss) == CT_OK && ct_optimizer_step(t->optimizer) == CT_OK ? loss : NULL;
}

/* the loop by hand */
static void by_hand(ct_training *t, int epochs, const ct_schedule *s)
{
    for (int epoch = 0; epoch < epochs; epoch++) {
        ct_tensor *x, *y;
        while (ct_batches_next(t->batches, &x, &y)) {
            ct_scope scope = ct_scope_begin(cx);
            ct_optimizer_set_rate(t->optimizer, ct_schedule_rate(s, t->step++));
            step_run(cx, step, t, CT_TENSORS(x, y));
            ct_scope_end(cx, scope);
        }
    }
}

START_TEST(it_is_the_loop_by_hand)
{
    const ct_schedule s = { .kind = CT_COSINE, .rate = 0.1, .steps = 20 };
    ct_seed(cx, 5);
    ct_training a = run_of(cx, 0.1);
    by_hand(&a, 3, &s);
    ct_seed(cx, 5);
    ct_training b = run_of(cx, 0.1);
    ck_assert_int_eq(ct_fit(&b, &(ct_fit_options){ .epochs = 3, .schedule = &s }), CT_OK);
    ck_assert_double_eq(difference(&a, &b), 0);
    ck_assert_int_eq(b.epoch, 3);
    ck_assert_int_eq(b.step, 15);
    ck_assert_int_eq(ct_fit(&b, &(ct_fit_options){ .epochs = 3, .schedule = &s }), CT_OK);
    ck_assert_double_eq(difference(&a, &b), 0); /* all epochs were complete */
}
END_TEST

START_TEST(it_learns)
{
    ct_training t = run_of(cx, 0.05);
    ck_assert_int_eq(ct_fit(&t, &(ct_fit_options){ .epochs = 60, .max_norm = 5, .max_value = 2,
                                                   .accumulate = 2 }), CT_OK);
    ck_assert_int_eq(t.step, 60 * 3); /* 5 batches: 2, 2 and 1 */
    ct_tensor *x, *y;
    double right = 0;
    while (ct_batches_next(t.batches, &x, &y))
        right += ct_accuracy(ct_module_forward(t.module, x), y) * (double)ct_size(x, 0) / ROWS;
    ck_assert_double_ge(right, 0.95);
}
END_TEST

/* -- Callbacks */
typedef struct seen {
    int steps, epochs, best, stop_after;
    double metric[8];
    ct_fit_report last;
} seen;

static bool on_step(const ct_fit_report *r, void *user)
{
    seen *s = user;
    ck_assert(r->batch > 0 && r->loss > 0); /* from the first batch on */
    s->steps++;
    s->last = *r;
    return s->steps != s->stop_after;
}

static bool on_epoch(const ct_fit_report *r, void *user)
{
    seen *s = user;
    ck_assert(r->epoch_ended);
    s->epochs++;
    s->best += r->best;
    s->last = *r;
    return true;
}

static double metric(ct_module *m, void *user)
{
    const seen *s = user;
    ck_assert(ct_is_inference(ct_context_of(ct_module_parameter(m, "0.bias"))));
    return s->metric[s->epochs];
}

START_TEST(callbacks_see_where_it_is)
{
    seen s = { .metric = { 3, 2, 4 } };
    ct_training t = run_of(cx, 0.1);
    ck_assert_int_eq(ct_fit(&t, &(ct_fit_options){ .epochs = 3, .on_step = on_step, .metric = metric,
                                                   .on_epoch = on_epoch, .user = &s }), CT_OK);
    ck_assert_int_eq(s.steps, 15);
    ck_assert_int_eq(s.epochs, 3);
    ck_assert_int_eq(s.best, 2);
    ck_assert_int_eq(s.last.epoch, 3);
    ck_assert_int_eq(s.last.batches, 5);
    ck_assert_double_eq(s.last.metric, 4);
    ck_assert_double_eq(s.last.rate, 0.1);
    ck_assert(s.last.loss > 0 && s.last.examples_per_second > 0 && s.last.seconds_left == 0);
}
END_TEST

/* the metric is that of the average, and the training goes on without it */
static double bias_of(ct_module *m, void *user)
{
    seen *s = user;
    s->metric[s->epochs++] = ct_at(ct_module_parameter(m, "2.bias"), CT_INDEX(0));
    return 0;
}

START_TEST(the_metric_sees_the_average)
{
    seen s = { .steps = 0 };
    ct_seed(cx, 8);
    ct_training t = run_of(cx, 0.1), twin;
    ct_tensor *bias = ct_module_parameter(t.module, "2.bias");
    t.average = ct_average_new(&bias, 1, 0.5);
    ck_assert_int_eq(ct_fit(&t, &(ct_fit_options){ .epochs = 1, .metric = bias_of, .user = &s }),
                     CT_OK);
    ck_assert_double_eq(s.metric[0], ct_at(ct_average_of(t.average, 0), CT_INDEX(0)));
    ck_assert_double_ne(s.metric[0], ct_at(bias, CT_INDEX(0)));
    ct_seed(cx, 8);
    twin = run_of(cx, 0.1);
    ck_assert_int_eq(ct_fit(&twin, &(ct_fit_options){ .epochs = 1 }), CT_OK);
    ck_assert_double_eq(difference(&t, &twin), 0);
}
END_TEST

static bool before_two(const ct_fit_report *r, void *user)
{
    (void)user;
    return r->epoch < 2;
}

START_TEST(on_epoch_may_end_it)
{
    ct_training t = run_of(cx, 0.1);
    ck_assert_int_eq(ct_fit(&t, &(ct_fit_options){ .epochs = 5, .on_epoch = before_two }), CT_OK);
    ck_assert_int_eq(t.epoch, 2);
}
END_TEST

/* what it has learned after each epoch, by a twin */
START_TEST(the_best_weights_are_kept)
{
    seen s = { .metric = { 3, 2, 4, 5, 1 } };
    ct_seed(cx, 8);
    ct_training t = run_of(cx, 0.1), twin;
    ck_assert_int_eq(ct_fit(&t, &(ct_fit_options){ .epochs = 8, .metric = metric, .user = &s,
                                                   .on_epoch = on_epoch, .keep_best = true,
                                                   .patience = 2 }), CT_OK);
    ck_assert_int_eq(t.epoch, 4); /* two after the best, the second */
    ck_assert_int_eq(t.waited, 2);
    ct_seed(cx, 8);
    twin = run_of(cx, 0.1);
    ck_assert_int_eq(ct_fit(&twin, &(ct_fit_options){ .epochs = 2 }), CT_OK);
    ck_assert_double_eq(difference(&t, &twin), 0);
    s = (seen){ .metric = { 3, 2, 4, 5, 1 } };
    ct_seed(cx, 8);
    t = run_of(cx, 0.1);
    ck_assert_int_eq(ct_fit(&t, &(ct_fit_options){ .epochs = 3, .metric = metric, .user = &s,
                                                   .on_epoch = on_epoch, .keep_best = true,
                                                   .maximize = true }), CT_OK);
    ct_seed(cx, 8);
    twin = run_of(cx, 0.1);
    ck_assert_int_eq(ct_fit(&twin, &(ct_fit_options){ .epochs = 3 }), CT_OK);
    ck_assert_double_eq(difference(&t, &twin), 0); /* 4 is the largest */
}
END_TEST

START_TEST(a_plateau_lowers_the_rate)
{
    seen s = { .metric = { 3, 3, 3, 3 } };
    ct_plateau plateau = { .patience = -1, .factor = 0.5 };
    ct_training t = run_of(cx, 0.8);
    t.plateau = &plateau;
    ck_assert_int_eq(ct_fit(&t, &(ct_fit_options){ .epochs = 4, .metric = metric, .user = &s,
                                                   .on_epoch = on_epoch }), CT_OK);
    ck_assert_double_eq(ct_optimizer_rate(t.optimizer), 0.1);
}
END_TEST

/* -- Stopping, and going on from the file */
START_TEST(a_call_that_was_ended_goes_on)
{
    make_folder();
    const ct_schedule s = { .kind = CT_ONE_CYCLE, .rate = 0.1, .steps = 20 };
    ct_seed(cx, 5);
    ct_training whole = run_of(cx, 0.1), part;
    whole.average = ct_average_new(CT_TENSORS(ct_module_parameter(whole.module, "0.weight")), 0.5);
    ct_fit_options o = { .epochs = 4, .schedule = &s, .keep_best = true };
    ck_assert_int_eq(ct_fit(&whole, &o), CT_OK);
    o.checkpoint = path;
    o.on_step = on_step;
    int calls = 0;
    do {
        seen seen = { .stop_after = 7 };
        o.user = &seen;
        ct_seed(cx, calls == 0 ? 5 : 100); /* as in a new process */
        part = run_of(cx, 0.1);
        part.average = ct_average_new(CT_TENSORS(ct_module_parameter(part.module, "0.weight")),
                                      0.5);
        ct_status status = ct_fit(&part, &o);
        if (status == CT_ERROR_UNSUPPORTED) {
            ct_error_clear(cx);
            skip("this build has no jansson");
            remove_folder();
            return;
        }
        ck_assert_int_eq(status, CT_OK);
        ck_assert_int_eq(part.step, calls < 2 ? 7 * (calls + 1) : 20);
    } while (part.epoch < 4 && ++calls < 5);
    ck_assert_int_eq(calls, 2);
    ck_assert_double_eq(difference(&whole, &part), 0);
    ck_assert_double_eq(whole.best_value, part.best_value);
    remove_folder();
}
END_TEST

START_TEST(a_flag_ends_the_call)
{
    volatile sig_atomic_t stop = 1;
    ct_training t = run_of(cx, 0.1);
    ck_assert_int_eq(ct_fit(&t, &(ct_fit_options){ .epochs = 4, .stop = &stop }), CT_OK);
    ck_assert_int_eq(t.step, 1);
    stop = 0;
    ck_assert_int_eq(ct_fit(&t, &(ct_fit_options){ .epochs = 4, .stop = &stop }), CT_OK);
    ck_assert_int_eq(t.step, 20);
}
END_TEST

/* -- What is printed */
START_TEST(a_file_gets_a_line_for_each_epoch)
{
    FILE *f = tmpfile();
    ct_training t = run_of(cx, 0.1);
    ck_assert_int_eq(ct_fit(&t, &(ct_fit_options){ .epochs = 3, .bar = f }), CT_OK);
    rewind(f);
    char line[200];
    int lines = 0;
    for (; fgets(line, sizeof line, f); lines++) {
        char begin[32];
        snprintf(begin, sizeof begin, "epoch %d/3 loss ", lines + 1);
        ck_assert_msg(strncmp(line, begin, strlen(begin)) == 0, "%s", line);
        ck_assert(strstr(line, " rate 0.1 ") && strstr(line, "/s left 0:0") && !strchr(line, '\r'));
    }
    ck_assert_int_eq(lines, 3);
    fclose(f);
}
END_TEST

START_TEST(the_text_of_a_report)
{
    char room[CT_FIT_TEXT];
    ct_fit_report r = { .epoch = 1, .epochs = 10, .batch = 30, .batches = 60, .loss = 0.25,
                        .metric = NAN, .rate = 0.001, .examples_per_second = 1234,
                        .seconds_left = 3725 };
    ck_assert_str_eq(ct_fit_text(&r, room), "epoch 2/10 [==========          ] loss 0.25 rate 0.001 "
                                            "1234/s left 1:02:05");
    r = (ct_fit_report){ .epoch = 2, .epochs = 10, .epoch_ended = true, .best = true, .loss = NAN,
                         .metric = 0.5, .rate = 1, .examples_per_second = NAN,
                         .seconds_left = 59.5 };
    ck_assert_str_eq(ct_fit_text(&r, room), "epoch 2/10 loss nan metric 0.5 (best) rate 1 "
                                            "left 1:00");
    ck_assert_str_eq(ct_fit_text(NULL, room), "(null)");
}
END_TEST

/* -- Failures */
static ct_tensor *failing_loss(ct_tensor *y, ct_tensor *target, void *user)
{
    (void)y, (void)target, (void)user;
    return NULL;
}

static double failing_metric(ct_module *m, void *user)
{
    (void)user;
    ct_fail(ct_context_of(ct_module_parameter(m, "0.bias")), CT_ERROR_CALLBACK, "no metric");
    return NAN;
}

START_TEST(failures_are_reported)
{
    ct_training t = run_of(cx, 0.1), none = { .module = NULL };
    const ct_schedule bad = { .rate = 1 }, good = { .kind = CT_CONSTANT, .rate = 1 };
    const struct { ct_fit_options o; ct_status status; const char *text; } wrong[] = {
        { { .loss = failing_loss }, CT_ERROR_CALLBACK, "fit: the loss failed" },
        { { .metric = failing_metric }, CT_ERROR_CALLBACK, "no metric" },
        { { .schedule = &bad }, CT_ERROR_VALUE, "fit: the schedule's rate at step" },
        { { .epochs = -1 }, CT_ERROR_RANGE, "fit: epochs" },
        { { .max_norm = NAN }, CT_ERROR_VALUE, "fit: max_norm" },
        { { .reserved = { 1 } }, CT_ERROR_VALUE, "fit: the options must be zeroed" },
        { { .checkpoint = "/nowhere/at/all" }, CT_ERROR_FILE, "training_save: /nowhere" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        t = run_of(cx, 0.1);
        ck_assert_msg(ct_fit(&t, &wrong[i].o) == wrong[i].status, "%d: %s", (int)i,
                      ct_error_text(cx));
        expect_error(wrong[i].status, wrong[i].text, NULL);
        ck_assert(ct_is_recording(cx) && !ct_is_inference(cx));
    }
    ck_assert_int_eq(ct_fit(NULL, NULL), CT_ERROR_NULL);
    ck_assert_int_eq(ct_fit(&none, NULL), CT_ERROR_NULL);
    t = run_of(cx, 0.1);
    t.optimizer = NULL;
    ck_assert_int_eq(ct_fit(&t, NULL), CT_ERROR_NULL);
    expect_error(CT_ERROR_NULL, "fit: the run must have an optimizer", NULL);
    ct_plateau plateau = { .patience = 1 };
    t = run_of(cx, 0.1);
    t.plateau = &plateau;
    ck_assert_int_eq(ct_fit(&t, &(ct_fit_options){ .schedule = &good }), CT_ERROR_VALUE);
    expect_error(CT_ERROR_VALUE, "fit: a run with a plateau", NULL);
}
END_TEST

/* no epoch is the best where no metric is a number: what was learned stays */
START_TEST(without_a_best_epoch_the_last_weights_stay)
{
    seen s = { .metric = { NAN, NAN } };
    ct_seed(cx, 8);
    ct_training t = run_of(cx, 0.1), twin;
    ck_assert_int_eq(ct_fit(&t, &(ct_fit_options){ .epochs = 2, .metric = metric, .user = &s,
                                                   .on_epoch = on_epoch, .keep_best = true }),
                     CT_OK);
    ct_seed(cx, 8);
    twin = run_of(cx, 0.1);
    ck_assert_int_eq(ct_fit(&twin, &(ct_fit_options){ .epochs = 2 }), CT_OK);
    ck_assert_double_eq(difference(&t, &twin), 0);
    s = (seen){ .metric = { 9, 8 } }; /* worse than an epoch whose weights were not kept */
    t = twin;
    t.best_value = 1;
    ck_assert_int_eq(ct_fit(&t, &(ct_fit_options){ .epochs = 4, .metric = metric, .user = &s,
                                                   .on_epoch = on_epoch, .keep_best = true }),
                     CT_OK);
    ck_assert_double_eq(t.best_value, 8);
}
END_TEST

START_TEST(an_endless_run_and_parts_of_another_context)
{
    seen s = { .stop_after = 3 };
    ct_training t = run_of(cx, 0.1);
    ck_assert_int_eq(ct_fit(&t, &(ct_fit_options){ .epochs = INT64_MAX, .on_step = on_step,
                                                   .user = &s }), CT_OK);
    ck_assert(s.last.seconds_left > 0);
    ct_context *other = ct_context_new(NULL);
    t.optimizer = run_of(other, 0.1).optimizer;
    ck_assert_int_eq(ct_fit(&t, NULL), CT_ERROR_CONTEXT);
    expect_error(CT_ERROR_CONTEXT, "fit: the parts of a run must be of one context", NULL);
    t = run_of(cx, 0.1);
    t.batches = run_of(other, 0.1).batches;
    ck_assert_int_eq(ct_fit(&t, NULL), CT_ERROR_CONTEXT);
    expect_error(CT_ERROR_CONTEXT, "fit: the parts of a run must be of one context", NULL);
    ct_context_free(other);
}
END_TEST

static void fit_all(ct_context *c)
{
    ct_tensor *x = ct_ones(c, CT_F64, CT_SHAPE(3, 1));
    ct_training t = { .module = ct_linear_new(c, CT_F64, 1, 2, NULL) };
    int n;
    ct_tensor *const *w = ct_module_parameters(t.module, &n);
    t.optimizer = w ? ct_sgd_new(w, n, 0.1, NULL) : NULL;
    t.batches = ct_batches_new(x, ct_zeros(c, CT_I64, CT_SHAPE(3)), 2, NULL);
    t.average = w ? ct_average_new(w, n, 0.5) : NULL;
    if (t.module && t.optimizer && t.batches && t.average)
        ct_fit(&t, &(ct_fit_options){ .epochs = 1, .keep_best = true, .max_value = 1 });
}

START_TEST(out_of_memory)
{
    for_some_failing_allocations(fit_all, 2);
}
END_TEST

Suite *fit_suite(void);
Suite *fit_suite(void)
{
    const TTest *const tests[] = {
        it_is_the_loop_by_hand, it_learns, callbacks_see_where_it_is, the_metric_sees_the_average,
        on_epoch_may_end_it,
        the_best_weights_are_kept,
        a_plateau_lowers_the_rate, a_call_that_was_ended_goes_on, a_flag_ends_the_call,
        a_file_gets_a_line_for_each_epoch, the_text_of_a_report, failures_are_reported,
        without_a_best_epoch_the_last_weights_stay, an_endless_run_and_parts_of_another_context,
        out_of_memory, NULL };
    return make_suite("nn/fit", tests);
}
