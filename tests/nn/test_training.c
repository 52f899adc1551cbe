/* All of nn/ together: networks that learn, and what that costs. */
#include <pthread.h>

#include "support.h"

/* two half circles that reach into each other, with noise */
static ct_tensor *moons(ct_context *c, int64_t n, ct_tensor **labels)
{
    ct_tensor *x = ct_scale(ct_randn(c, CT_F32, CT_SHAPE(n, 2)), 0.1);
    *labels = ct_empty(c, CT_I64, CT_SHAPE(n));
    float *at = ct_data_mutable(x);
    int64_t *label = ct_data_mutable(*labels);
    if (!at || !label)
        return NULL;
    for (int64_t i = 0; i < n; i++) {
        double angle = acos(-1) * (double)(i / 2) / ((double)n / 2);
        label[i] = i % 2;
        at[2 * i] += (float)(label[i] ? 1 - cos(angle) : cos(angle));
        at[2 * i + 1] += (float)(label[i] ? 0.5 - sin(angle) : sin(angle));
    }
    return x;
}

typedef struct training {
    ct_module *net;
    ct_optimizer *rule;
} training;

static ct_tensor *step(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const training *t = user;
    ct_tensor *loss = ct_cross_entropy(ct_module_forward(t->net, x[0]), x[1]);
    (void)c, (void)n;
    return ct_backward(loss) == CT_OK && ct_optimizer_step(t->rule) == CT_OK ? loss : NULL;
}

/* one epoch; the sum of the losses, NaN on failure */
static double train(ct_context *c, training *t, ct_batches *b)
{
    double sum = 0;
    ct_tensor *x, *labels;
    while (ct_batches_next(b, &x, &labels)) {
        ct_scope scope = ct_scope_begin(c);
        ct_tensor *loss = step_run(c, step, t, CT_TENSORS(x, labels));
        sum += loss ? ct_item(loss) : NAN;
        ct_scope_end(c, scope);
    }
    return sum;
}

/* share of moons told apart after training */
static double moons_accuracy(ct_context *c, ct_module *net, int epochs)
{
    int n;
    ct_tensor *labels, *x = moons(c, 500, &labels), *test_labels, *test_x;
    ct_tensor *const *parameters = ct_module_parameters(net, &n);
    training t = { net, ct_adam_new(parameters, n, 0.01, NULL) };
    ct_batches *b = ct_batches_new(x, labels, 32, NULL);
    for (int e = 0; e < epochs; e++)
        train(c, &t, b);
    step_forget(c);
    test_x = moons(c, 1000, &test_labels);
    ct_inference(c);
    return ct_accuracy(ct_module_forward(net, test_x), test_labels);
}

static ct_tensor *xor_step(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const training *t = user;
    ct_tensor *loss = ct_binary_cross_entropy(ct_module_forward(t->net, x[0]), x[1]);
    (void)c, (void)n;
    return ct_backward(loss) == CT_OK && ct_optimizer_step(t->rule) == CT_OK ? loss : NULL;
}

START_TEST(xor_is_learned)
{
    ct_tensor *x = ct_from_doubles(cx, CT_F64, CT_SHAPE(4, 2), CT_DOUBLES(0, 0, 0, 1, 1, 0, 1, 1));
    ct_tensor *t = ct_from_doubles(cx, CT_F64, CT_SHAPE(4, 1), CT_DOUBLES(0, 1, 1, 0));
    ct_module *net = ct_mlp_new(cx, CT_F64, CT_SIZES(2, 8, 1), CT_TANH, NULL);
    int n;
    ct_tensor *const *parameters = ct_module_parameters(net, &n);
    training net_and_rule = { net, ct_adam_new(parameters, n, 0.05, NULL) };
    double first = NAN, last = NAN;
    for (int i = 0; i < 500; i++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *loss = step_run(cx, xor_step, &net_and_rule, CT_TENSORS(x, t));
        ck_assert_msg(loss != NULL, "%s", ct_error_text(cx));
        last = ct_item(loss);
        first = i == 0 ? last : first;
        ct_scope_end(cx, scope);
    }
    ck_assert_double_gt(first, 0.3);
    ck_assert_double_lt(last, 0.01);
}
END_TEST

START_TEST(moons_need_a_hidden_layer)
{
    ct_scope scope = ct_scope_begin(cx);
    ct_module *mlp = ct_mlp_new(cx, CT_F32, CT_SIZES(2, 16, 16, 2), CT_RELU, NULL);
    ck_assert_double_ge(moons_accuracy(cx, mlp, 40), 0.98);
    ct_scope_end(cx, scope);
    ct_module *linear = ct_mlp_new(cx, CT_F32, CT_SIZES(2, 2), CT_RELU, NULL);
    ck_assert_double_le(moons_accuracy(cx, linear, 40), 0.93);
    expect_ok();
}
END_TEST

static ct_tensor *penalized(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const training *t = user;
    int count;
    ct_tensor *const *parameters = ct_module_parameters(t->net, &count);
    ct_tensor *loss = ct_cross_entropy(ct_module_forward(t->net, x[0]), x[1]);
    (void)c, (void)n;
    return ct_backward(ct_add(loss, ct_penalty(t->net, 1e-5, 1e-4))) == CT_OK &&
                   ct_clip_gradient_norm(parameters, count, 1) == CT_OK &&
                   ct_optimizer_step(t->rule) == CT_OK
               ? loss : NULL;
}

START_TEST(dropout_and_penalty_join_in)
{
    ct_module *net = ct_sequential_new(
        cx, CT_MODULES(ct_linear_new(cx, CT_F32, 2, 32, NULL), ct_activation_new(cx, CT_GELU),
                       ct_dropout_new(cx, 0.2), ct_linear_new(cx, CT_F32, 32, 2, NULL)));
    int n;
    ct_tensor *const *parameters = ct_module_parameters(net, &n);
    training t = { net, ct_sgd_new(parameters, n, 0.3, &(ct_sgd_options){ .momentum = 0.9 }) };
    ct_tensor *labels, *x = moons(cx, 200, &labels);
    for (int i = 0; i < 600; i++) {
        ct_scope scope = ct_scope_begin(cx);
        ck_assert(step_run(cx, penalized, &t, CT_TENSORS(x, labels)) != NULL);
        ct_scope_end(cx, scope);
    }
    ct_inference(cx);
    ck_assert_double_ge(ct_accuracy(ct_module_forward(net, x), labels), 0.97);
}
END_TEST

/* with the pool on, whatever the build */
static ct_context *pooled(uint64_t seed)
{
    ct_context_options options = { .seed = seed, .pool_bytes = 1 << 26 };
    return ct_context_new(&options);
}

START_TEST(no_allocation_once_each_shape_was_seen)
{
    ct_context *c = pooled(1);
    ct_module *net = ct_mlp_new(c, CT_F32, CT_SIZES(2, 16, 16, 2), CT_RELU, NULL);
    int n;
    ct_tensor *const *parameters = ct_module_parameters(net, &n);
    ct_optimizer *optimizers[] = { ct_sgd_new(parameters, n, 0.1, NULL),
                                   ct_adam_new(parameters, n, 0.01, NULL) };
    ct_tensor *labels, *x = moons(c, 100, &labels);
    ct_batches *b = ct_batches_new(x, labels, 32, NULL); /* the last one has 4 */
    for (int k = 0; k < 2; k++) {
        ct_memory before, after;
        training t = { net, optimizers[k] };
        step_forget(c);
        for (int e = 0; e < 2; e++)
            train(c, &t, b);
        ct_memory_stats(c, &before);
        for (int e = 0; e < 2500; e++) /* 10,000 steps */
            train(c, &t, b);
        ct_memory_stats(c, &after);
        ck_assert_int_eq(after.allocations, before.allocations);
        ck_assert_int_eq(after.deallocations, before.deallocations);
        ck_assert_int_eq(after.live_bytes, before.live_bytes);
        ck_assert_int_eq(after.tensors, before.tensors);
        ck_assert_int_eq(after.nodes, before.nodes);
    }
    ck_assert_msg(!ct_error(c), "%s", ct_error_text(c));
    ct_context_free(c);
}
END_TEST

/* 784-128-10, batches of 64, beyond the data: parameters and their gradients are 0.8 MB of it, a
 * step's activations and its weights turned and packed most of the rest */
START_TEST(memory_of_training)
{
    ct_context *c = pooled(1);
    static float images[64 * 784];
    ct_tensor *labels = ct_randint(c, 0, 10, CT_SHAPE(64));
    ct_module *net = ct_mlp_new(c, CT_F32, CT_SIZES(784, 128, 10), CT_RELU, NULL);
    int n;
    ct_tensor *const *parameters = ct_module_parameters(net, &n);
    training t = { net, ct_sgd_new(parameters, n, 0.1, NULL) };
    for (int i = 0; i < 50; i++) {
        ct_scope scope = ct_scope_begin(c);
        ct_tensor *x = ct_borrow_const(c, CT_F32, CT_SHAPE(64, 784), images);
        step_run(c, step, &t, CT_TENSORS(x, labels));
        ct_scope_end(c, scope);
        if (i == 0 && step_options()) /* what the first run took, and no replay takes */
            ct_memory_trim(c);
    }
    ct_memory m;
    ct_memory_stats(c, &m);
    ck_assert_msg(!ct_error(c), "%s", ct_error_text(c));
    ck_assert_int_gt(m.peak_bytes, 2 * 4 * ct_module_count(net));
    ck_assert_int_le(m.peak_bytes, 2000000);
    ck_assert_int_le(m.live_bytes + m.pool_bytes, 3000000); /* all that the allocator gave */
    ct_context_free(c);
}
END_TEST

typedef struct work {
    uint64_t seed;
    double accuracy;
    double weights[2 * 16];
} work;

static void *learn(void *argument)
{
    work *w = argument;
    ct_context *c = pooled(w->seed);
    ct_module *net = ct_mlp_new(c, CT_F32, CT_SIZES(2, 16, 2), CT_TANH, NULL);
    w->accuracy = moons_accuracy(c, net, 30);
    ct_to_doubles(ct_module_parameter(net, "0.weight"), w->weights, 2 * 16);
    ct_context_free(c);
    return NULL;
}

START_TEST(two_contexts_in_two_threads)
{
    work alone[] = { { .seed = 1 }, { .seed = 2 } }, together[] = { { .seed = 1 }, { .seed = 2 } };
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        learn(&alone[i]);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, learn, &together[i]), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_double_ge(together[i].accuracy, 0.9);
        ck_assert_mem_eq(together[i].weights, alone[i].weights, sizeof alone[i].weights);
    }
    ck_assert_mem_ne(alone[0].weights, alone[1].weights, sizeof alone[0].weights);
}
END_TEST

START_TEST(a_failure_is_found_at_the_end_of_the_loop)
{
    ct_module *net = ct_mlp_new(cx, CT_F32, CT_SIZES(3, 2), CT_RELU, NULL); /* data has 2 columns */
    int n;
    ct_tensor *const *parameters = ct_module_parameters(net, &n);
    training t = { net, ct_sgd_new(parameters, n, 0.1, NULL) };
    ct_tensor *labels, *x = moons(cx, 20, &labels);
    ck_assert(isnan(train(cx, &t, ct_batches_new(x, labels, 5, NULL))));
    expect_error(CT_ERROR_SHAPE, "linear", "0.weight", NULL);
}
END_TEST

static void build_train_use(ct_context *c)
{
    ct_module *net = ct_mlp_new(c, CT_F32, CT_SIZES(2, 3, 2), CT_RELU, NULL);
    int n;
    ct_tensor *const *parameters = ct_module_parameters(net, &n);
    training adam = { net, ct_adam_new(parameters, n, 0.01, NULL) };
    ct_optimizer *sgd = ct_sgd_new(parameters, n, 0.1, &(ct_sgd_options){ .momentum = 0.5 });
    ct_tensor *labels, *x = moons(c, 3, &labels);
    ct_batches *b = ct_batches_new(x, labels, 2, NULL);
    train(c, &adam, b);
    train(c, &(training){ net, sgd }, b);
    ct_backward(ct_penalty(net, 0.1, 0.1));
    ct_clip_gradients(parameters, n, 1e-3);
    ct_inference(c);
    ct_accuracy(ct_module_forward(net, x), labels);
    ct_optimizer_free(adam.rule);
    ct_module_free(net);
}

START_TEST(every_allocation_may_fail)
{
    for_each_failing_allocation(build_train_use);
}
END_TEST

Suite *training_suite(void);
Suite *training_suite(void)
{
    const TTest *const tests[] = {
        xor_is_learned,
        moons_need_a_hidden_layer,
        dropout_and_penalty_join_in,
        no_allocation_once_each_shape_was_seen,
        memory_of_training,
        two_contexts_in_two_threads,
        a_failure_is_found_at_the_end_of_the_loop,
        every_allocation_may_fail,
        NULL,
    };
    return make_suite("nn/training", tests);
}
