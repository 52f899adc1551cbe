/* Training, with dropout, Adam and clipping, ends with the same bits for any number of threads, for
 * a pool of the host's, and in both processes after a fork. Of these sizes products and updates are
 * really shared out. */
#define _POSIX_C_SOURCE 200809L
#include "ways.h"

#include <unistd.h>

enum { STEPS = SLOW ? 10 : 200, BATCH = 64, INPUT = 300, HIDDEN = 128, CLASSES = 10 };

typedef struct training {
    ct_context *c;
    ct_module *net;
    ct_tensor *const *parameters;
    ct_tensor *x, *labels;
    ct_optimizer *adam;
    int n;
} training;

static training training_new(int way)
{
    ct_context *c = context_of_way(way);
    training t = { .c = c };
    t.net = ct_sequential_new(c, CT_MODULES(
        ct_linear_new(c, CT_F32, INPUT, HIDDEN, NULL), ct_activation_new(c, CT_RELU),
        ct_dropout_new(c, 0.3), ct_linear_new(c, CT_F32, HIDDEN, CLASSES, NULL)));
    t.parameters = ct_module_parameters(t.net, &t.n);
    t.adam = ct_adam_new(t.parameters, t.n, 1e-3, NULL);
    t.x = ct_randn(c, CT_F32, CT_SHAPE(BATCH, INPUT));
    t.labels = ct_randint(c, 0, CLASSES, CT_SHAPE(BATCH));
    return t;
}

static ct_tensor *step(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const training *t = user;
    ct_tensor *loss = ct_cross_entropy(ct_module_forward(t->net, x[0]), x[1]);
    (void)c, (void)n;
    return ct_backward(loss) == CT_OK &&
                   ct_clip_gradient_norm(t->parameters, t->n, 0.5) == CT_OK &&
                   ct_optimizer_step(t->adam) == CT_OK
               ? loss : NULL;
}

static void train(training *t, int steps)
{
    for (int i = 0; i < steps; i++) {
        ct_scope scope = ct_scope_begin(t->c);
        step_run(t->c, step, t, CT_TENSORS(t->x, t->labels));
        ct_scope_end(t->c, scope);
    }
}

/* the parameters; 0: something failed */
static uint64_t trained(const training *t)
{
    uint64_t hash = ct_error(t->c) == CT_OK;
    for (int i = 0; i < t->n && hash; i++)
        hash = hash * 31 + hash_of(t->parameters[i]);
    return hash;
}

static uint64_t train_alone(void)
{
    training t = training_new(0);
    train(&t, STEPS);
    uint64_t hash = trained(&t);
    ct_context_free(t.c);
    ck_assert_uint_ne(hash, 0);
    return hash;
}

START_TEST(a_training_run)
{
    uint64_t want = train_alone();
    for (int way = 1; way < WAYS; way++) {
        training t = training_new(way);
        train(&t, STEPS);
        ck_assert_msg(ct_error(t.c) == CT_OK, "%s", ct_error_text(t.c));
        ck_assert_msg(trained(&t) == want, "differs with %d threads", threads_of_way(way));
        ct_context_free(t.c);
    }
}
END_TEST

START_TEST(a_fork_in_the_middle)
{
    uint64_t want = train_alone();
    training t = training_new(SLOW ? 1 : 2); /* three threads of its own */
    train(&t, STEPS / 2);
    pid_t child = fork_with_threads(t.c);
    train(&t, STEPS / 2);
    bool same = trained(&t) == want;
    ct_context_free(t.c);
    if (child == 0)
        _exit(same ? 0 : 1);
    ck_assert_int_eq(wait_for(child), 0);
    ck_assert(same);
}
END_TEST

Suite *repeatable_suite(void);
Suite *repeatable_suite(void)
{
    return make_suite("nn/repeatable", (const TTest *const[]){
        a_training_run, a_fork_in_the_middle, NULL });
}
