/* nn/train/state.c: a run that is cut off and goes on, bit for bit; and files that are damaged. */
#include "files.h"

enum { ROWS = 20, BATCH = 6 };

typedef struct run {
    ct_training t;
    ct_plateau plateau;
} run;

static ct_batches_options how; /* the batches are made */

/* dropout draws from the stream, the batches are shuffled by it */
static void make_run(run *r, ct_context *c, ct_update_rule rule)
{
    double x[ROWS * 3];
    int64_t y[ROWS];
    for (int i = 0; i < ROWS * 3; i++)
        x[i] = sin(i * i);
    for (int i = 0; i < ROWS; i++)
        y[i] = i % 4;
    ct_module *layers[] = { ct_linear_new(c, CT_F32, 3, 8, NULL), ct_dropout_new(c, 0.3),
                            ct_activation_new(c, CT_TANH), ct_linear_new(c, CT_F32, 8, 4, NULL) };
    *r = (run){ .plateau = { .patience = 1 } };
    r->t.module = ct_sequential_new(c, layers, 4);
    int n;
    ct_tensor *const *w = ct_module_parameters(r->t.module, &n);
    r->t.optimizer = ct_optimizer_new(w, 2, 0.05, &(ct_update_options){ .rule = rule });
    ck_assert_int_eq(ct_optimizer_add_group(r->t.optimizer, w + 2, n - 2, 0.01, 0.1), CT_OK);
    r->t.average = ct_average_new(w, n, 0.9);
    r->t.plateau = &r->plateau;
    r->t.batches = ct_batches_new(ct_from_doubles(c, CT_F32, CT_SHAPE(ROWS, 3), x, ROWS * 3),
                                  ct_from_ints(c, CT_SHAPE(ROWS), y, ROWS), BATCH, &how);
}

/* n batches; at the end of an epoch the plateau is asked */
static void train(run *r, int n)
{
    ct_context *c = cx;
    for (int i = 0; i < n; i++) {
        ct_tensor *x, *y;
        if (!ct_batches_next(r->t.batches, &x, &y)) {
            double rate = ct_plateau_rate(&r->plateau, ct_optimizer_rate(r->t.optimizer), 1);
            ct_optimizer_set_rate(r->t.optimizer, rate);
            r->t.epoch++;
            continue;
        }
        ct_scope scope = ct_scope_begin(c);
        ct_backward(ct_cross_entropy(ct_module_forward(r->t.module, x), y));
        ck_assert_int_eq(ct_optimizer_step(r->t.optimizer), CT_OK);
        ck_assert_int_eq(ct_average_update(r->t.average), CT_OK);
        r->t.step++;
        ct_scope_end(c, scope);
    }
}

static void expect_same(const run *a, const run *b)
{
    int n;
    ct_tensor *const *w = ct_module_parameters(a->t.module, &n);
    ct_tensor *const *v = ct_module_parameters(b->t.module, &n);
    for (int i = 0; i < n; i++) {
        ck_assert_mem_eq(ct_data(w[i]), ct_data(v[i]), (size_t)ct_count(w[i]) * sizeof(float));
        ck_assert_mem_eq(ct_data(ct_average_of(a->t.average, i)),
                         ct_data(ct_average_of(b->t.average, i)),
                         (size_t)ct_count(w[i]) * sizeof(float));
    }
    ck_assert_double_eq(ct_optimizer_rate(a->t.optimizer), ct_optimizer_rate(b->t.optimizer));
    ck_assert_int_eq(a->t.step, b->t.step);
    ck_assert_int_eq(a->t.epoch, b->t.epoch);
}

static bool can_load(void)
{
    ct_module *m = ct_linear_new(cx, CT_F32, 2, 1, NULL);
    ck_assert_int_eq(ct_module_save(m, path), CT_OK);
    if (ct_module_load(m, path, 0) == CT_OK)
        return true;
    expect_error(CT_ERROR_UNSUPPORTED, "jansson", NULL);
    skip("this build has no jansson");
    return false;
}

/* The run is killed after `before` batches: what follows, and its context, are lost. Another one
   that was made in the same way, whose stream is elsewhere, goes on from the file. */
static void kill_and_resume(ct_update_rule rule, int before)
{
    run whole, other;
    ct_seed(cx, 3);
    make_run(&whole, cx, rule);
    train(&whole, before);
    ck_assert_int_eq(ct_training_save(&whole.t, path), CT_OK);
    train(&whole, 9);
    ct_context *lost = cx;
    cx = ct_context_new(&(ct_context_options){ .seed = 77 });
    make_run(&other, cx, rule);
    train(&other, 2);
    ck_assert_int_eq(ct_training_load(&other.t, path), CT_OK);
    train(&other, 9);
    expect_same(&whole, &other);
    ct_context_free(cx);
    cx = lost;
}

START_TEST(a_run_that_was_cut_off_goes_on_bit_for_bit)
{
    make_folder();
    if (can_load())
        for (int rule = CT_SGD; rule <= CT_LION; rule++) /* in an epoch, at its end, before any */
            kill_and_resume((ct_update_rule)rule, rule % 3 == 0 ? 0 : rule % 3 == 1 ? 7 : 5);
    how = (ct_batches_options){ .rank = 1, .ranks = 2, .seed = 9 };
    for (int before = 0; can_load() && before < 7; before++) /* epochs have 4 batches */
        kill_and_resume(CT_SGD, before);
    how = (ct_batches_options){ 0 };
    remove_folder();
}
END_TEST

/* the file's bytes, cut or changed */
static size_t read_file(char *bytes, size_t room)
{
    FILE *f = fopen(path, "rb");
    size_t n = fread(bytes, 1, room, f);
    fclose(f);
    return n;
}

static void expect_refused(run *r, const run *like, const char *what)
{
    ct_stream stream = ct_random_stream(cx);
    ck_assert_msg(ct_training_load(&r->t, path) != CT_OK, "%s was taken", what);
    ck_assert_msg(strncmp(ct_error_text(cx), "training_load: ", 15) == 0, "%s: %s", what,
                  ct_error_text(cx));
    ct_error_clear(cx);
    ck_assert_uint_eq(stream.draws, ct_random_stream(cx).draws);
    expect_same(r, like);
}

/* one digit, letter or brace of the header after another becomes a '!', and every tensor is cut */
START_TEST(damaged_files_change_nothing)
{
    make_folder();
    if (can_load()) {
        run a, b, like;
        ct_seed(cx, 3);
        make_run(&a, cx, CT_ADAM);
        ct_seed(cx, 3);
        make_run(&b, cx, CT_ADAM);
        ct_seed(cx, 3);
        make_run(&like, cx, CT_ADAM);
        train(&a, 3);
        ck_assert_int_eq(ct_training_save(&a.t, path), CT_OK);
        static char bytes[20000], damaged[20000];
        size_t n = read_file(bytes, sizeof bytes);
        for (size_t i = 0; i < 900; i += 7) {
            memcpy(damaged, bytes, n);
            damaged[i] = (char)(damaged[i] == '!' ? '?' : '!');
            write_file(damaged, n);
            expect_refused(&b, &like, "a changed header");
        }
        for (size_t cut = 0; cut < n; cut += 331) {
            write_file(bytes, cut);
            expect_refused(&b, &like, "a cut file");
        }
        char *version = strstr(bytes + 8, "training 1");
        ck_assert_ptr_nonnull(version);
        version[9] = '2';
        write_file(bytes, n);
        ck_assert_int_eq(ct_training_load(&b.t, path), CT_ERROR_FORMAT);
        expect_error(CT_ERROR_FORMAT, "training_load", "version 'training 1'", "'training 2'", NULL);
        version[9] = '1';
        write_file(bytes, n);
        ck_assert_int_eq(ct_training_load(&b.t, path), CT_OK);
        expect_same(&a, &b);
    }
    remove_folder();
}
END_TEST

START_TEST(runs_of_other_things_are_refused)
{
    make_folder();
    if (can_load()) {
        run a, b;
        make_run(&a, cx, CT_ADAM);
        ck_assert_int_eq(ct_training_save(&a.t, path), CT_OK);
        make_run(&b, cx, CT_RADAM); /* the same states */
        ck_assert_int_eq(ct_training_load(&b.t, path), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "training_load", "another optimizer", NULL);
        make_run(&b, cx, CT_LION);
        ck_assert_int_ne(ct_training_load(&b.t, path), CT_OK);
        expect_error(CT_ERROR_VALUE, "training_load", "another optimizer", NULL);
        make_run(&b, cx, CT_ADAM);
        b.t.average = NULL;
        ck_assert_int_ne(ct_training_load(&b.t, path), CT_OK);
        expect_error(CT_ERROR_VALUE, "training_load", "average.0", NULL);
        make_run(&b, cx, CT_ADAM);
        b.t.batches = NULL;
        ck_assert_int_ne(ct_training_load(&b.t, path), CT_OK);
        expect_error(CT_ERROR_VALUE, "training_load", "number of rows", NULL);
        make_run(&b, cx, CT_ADAM);
        b.t.plateau = NULL;
        ck_assert_int_ne(ct_training_load(&b.t, path), CT_OK);
        expect_error(CT_ERROR_VALUE, "training_load", "of a run with a plateau", NULL);
        ck_assert_int_eq(ct_training_save(&b.t, path), CT_OK);
        ck_assert_int_ne(ct_training_load(&a.t, path), CT_OK);
        expect_error(CT_ERROR_VALUE, "training_load", "of a run without a plateau", NULL);
        ck_assert_int_eq(ct_module_save(a.t.module, path), CT_OK);
        ck_assert_int_eq(ct_training_load(&a.t, path), CT_ERROR_FORMAT);
        expect_error(CT_ERROR_FORMAT, "training_load", "must say 'cotangent'", NULL);
        ck_assert_int_eq(ct_training_load(&a.t, NULL), CT_ERROR_NULL);
        expect_error(CT_ERROR_NULL, "training_load: the path is NULL", NULL);
        ck_assert_int_eq(ct_training_save(NULL, path), CT_ERROR_NULL);
        ck_assert_int_eq(ct_training_load(&(ct_training){ .epoch = 1 }, path), CT_ERROR_NULL);
        ck_assert_int_eq(ct_training_load(&a.t, "/nowhere/at/all"), CT_ERROR_FILE);
        expect_error(CT_ERROR_FILE, "training_load: /nowhere/at/all", NULL);
        a.t.reserved[2] = 1;
        ck_assert_int_eq(ct_training_save(&a.t, path), CT_ERROR_VALUE);
        expect_error(CT_ERROR_VALUE, "training_save", "zeroed", NULL);
    }
    remove_folder();
}
END_TEST

static void use_freed_parts(void)
{
    run a;
    make_run(&a, cx, CT_ADAM);
    ct_average_free(a.t.average);
    ck_assert_int_eq(ct_training_save(&a.t, "/nowhere/at/all"), CT_ERROR_STALE);
    expect_error(CT_ERROR_STALE, "training_save", "freed before", NULL);
    a.t.average = NULL;
    ct_batches_free(a.t.batches);
    ck_assert_int_eq(ct_fit(&a.t, NULL), CT_ERROR_STALE);
    expect_error(CT_ERROR_STALE, "fit", "freed before", NULL);
}

START_TEST(freed_parts_are_stale)
{
    with_pool(use_freed_parts);
}
END_TEST

static void save_and_load(ct_context *c)
{
    ct_tensor *w = ct_variable(ct_ones(c, CT_F32, CT_SHAPE(2)));
    ct_module *m = ct_module_new(c, "group", NULL, NULL);
    if (!ct_module_add_parameter(m, "w", w))
        return;
    ct_training t = { .module = m, .optimizer = ct_adam_new(&w, 1, 0.1, NULL),
                      .average = ct_average_new(&w, 1, 0.5),
                      .batches = ct_batches_new(w ? ct_ones(c, CT_F32, CT_SHAPE(3, 1)) : NULL,
                                                NULL, 2, NULL) };
    if (!t.optimizer || !t.average || !t.batches)
        return;
    if (ct_training_save(&t, path) == CT_OK)
        ct_training_load(&t, path);
}

START_TEST(out_of_memory)
{
    make_folder();
    if (can_load())
        for_each_failing_allocation(save_and_load);
    remove_folder();
}
END_TEST

Suite *state_suite(void);
Suite *state_suite(void)
{
    const TTest *const tests[] = { a_run_that_was_cut_off_goes_on_bit_for_bit,
                                   damaged_files_change_nothing, runs_of_other_things_are_refused,
                                   freed_parts_are_stale, out_of_memory, NULL };
    return make_suite("nn/state", tests);
}
