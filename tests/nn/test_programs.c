/* Training steps as programs: the same bits as without, for all rules of optimizers, with random
 * masks, a rate that changes, and a last batch that is short. */
#include "support.h"

typedef struct model {
    ct_module *net;
    ct_optimizer *optimizer;
} model;

static ct_tensor *step(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const model *m = user;
    (void)c, (void)n;
    ct_tensor *loss = ct_cross_entropy(ct_module_forward(m->net, x[0]), x[1]);
    if (!loss || ct_backward(loss) != CT_OK || ct_optimizer_step(m->optimizer) != CT_OK)
        return NULL;
    return loss;
}

enum { MLP, IMAGES, SEQUENCE, NORMALIZED, KINDS };

static ct_module *net_of(ct_context *c, int kind)
{
    ct_module *m[8];
    switch (kind) {
    case MLP:
        m[0] = ct_mlp_new(c, CT_F32, CT_SIZES(12, 9, 5), CT_TANH, NULL);
        m[1] = ct_dropout_new(c, 0.25);
        m[2] = ct_layer_norm_new(c, CT_F32, CT_SHAPE(5), NULL);
        m[3] = ct_linear_new(c, CT_F32, 5, 3, NULL);
        return ct_sequential_new(c, m, 4);
    case IMAGES:
        m[0] = ct_conv2d_new(c, CT_F32, 1, 4, 2, NULL);
        m[1] = ct_activation_new(c, CT_RELU);
        m[2] = ct_flatten_new(c);
        m[3] = ct_linear_new(c, CT_F32, 4 * 2 * 3, 3, NULL);
        return ct_sequential_new(c, m, 4);
    case SEQUENCE:
        m[0] = ct_lstm_new(c, CT_F64, 4, 6, NULL);
        m[1] = ct_flatten_new(c);
        m[2] = ct_linear_new(c, CT_F64, 18, 3, NULL);
        return ct_sequential_new(c, m, 3);
    default:
        m[0] = ct_linear_new(c, CT_F32, 12, 6, NULL);
        m[1] = ct_batch_norm_new(c, CT_F32, 6, NULL);
        m[2] = ct_linear_new(c, CT_F32, 6, 3, NULL);
        return ct_sequential_new(c, m, 3);
    }
}

static ct_tensor *inputs(ct_context *c, int kind, int64_t rows)
{
    return kind == IMAGES     ? ct_randn(c, CT_F32, CT_SHAPE(rows, 1, 3, 4))
           : kind == SEQUENCE ? ct_randn(c, CT_F64, CT_SHAPE(rows, 3, 4))
                              : ct_randn(c, CT_F32, CT_SHAPE(rows, 12));
}

enum { STEPS = 12 };

/* the losses, and all parameters at the end */
static size_t train(int kind, const ct_update_options *rule, int threads, bool replayed,
                    double *to, int *replays)
{
    ct_context *c = ct_context_new(&(ct_context_options){ .seed = 3, .threads = threads });
    model m = { net_of(c, kind), NULL };
    int n;
    ct_tensor *const *w = m.net ? ct_module_parameters(m.net, &n) : NULL;
    ck_assert_msg(w, "%s", ct_error_text(c));
    m.optimizer = ct_optimizer_new(w, n, 0.01, rule);
    ct_program *p = replayed ? ct_program_new(c, step, &m, NULL) : NULL;
    double *at = to;
    for (int t = 0; t < STEPS; t++) {
        ct_scope scope = ct_scope_begin(c);
        int64_t rows = t % 4 == 3 ? 5 : 8;
        ct_tensor *x[] = { inputs(c, kind, rows), ct_randint(c, 0, 3, &rows, 1) };
        ct_optimizer_set_rate(m.optimizer, 0.01 / (1 + t));
        ct_tensor *loss = p ? ct_program_run(p, x, 2) : step(c, x, 2, &m);
        ck_assert_msg(loss, "%s", ct_error_text(c));
        *at++ = ct_item(loss);
        ct_scope_end(c, scope);
    }
    for (int i = 0; i < n; at += ct_count(w[i++]))
        ck_assert_int_eq(ct_to_doubles(w[i], at, ct_count(w[i])), CT_OK);
    const char *text = p ? ct_program_text(p) : "";
    *replays = 0;
    for (int k; (text = strstr(text, "replayed ")); text++)
        if (sscanf(text, "replayed %d", &k) == 1)
            *replays += k;
    ck_assert_msg(ct_error(c) == CT_OK, "%s", ct_error_text(c));
    ct_context_free(c);
    return (size_t)(at - to);
}

static void compare(int kind, const ct_update_options *rule, int threads)
{
    static double eager[4000], replayed[4000];
    int replays;
    size_t n = train(kind, rule, threads, false, eager, &replays);
    size_t m = train(kind, rule, threads, true, replayed, &replays);
    ck_assert_uint_eq(n, m);
    ck_assert_msg(memcmp(eager, replayed, n * sizeof *eager) == 0, "kind %d, rule %d", kind,
                  (int)rule->rule);
    ck_assert_int_eq(replays, STEPS - 2);
}

START_TEST(every_rule)
{
    for (ct_update_rule rule = CT_SGD; rule <= CT_LION; rule++)
        compare(MLP, &(ct_update_options){ .rule = rule }, 0);
    compare(MLP, &(ct_update_options){ .rule = CT_SGD, .momentum = 0.9, .weight_decay = 0.1 }, 0);
}
END_TEST

START_TEST(every_kind)
{
    for (int kind = 0; kind < KINDS; kind++)
        for (int threads = 0; threads <= 3; threads += 3)
            compare(kind, &(ct_update_options){ .rule = CT_ADAM }, threads);
}
END_TEST

/* -- What is no tensor */
typedef struct pair {
    ct_tensor *w;
    ct_optimizer *optimizer;
    ct_average *average;
    bool sets_rate;
} pair;

static ct_tensor *descend(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const pair *m = user;
    (void)c, (void)n;
    ct_tensor *loss = ct_sum(ct_square(ct_mul(x[0], m->w)));
    if (m->sets_rate)
        ct_optimizer_set_rate(m->optimizer, 0.9 * ct_optimizer_rate(m->optimizer));
    return ct_backward(loss) == CT_OK && ct_optimizer_step(m->optimizer) == CT_OK &&
                   ct_average_update(m->average) == CT_OK
               ? loss : NULL;
}

static ct_tensor *step_only(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const pair *m = user;
    (void)c, (void)n;
    return ct_optimizer_step(m->optimizer) == CT_OK ? x[0] : NULL;
}

static pair pair_new(ct_context *c)
{
    pair m = { .w = ct_retain(ct_variable(ct_ones(c, CT_F64, CT_SHAPE(3)))) };
    m.optimizer = ct_adam_new(&m.w, 1, 0.1, NULL);
    m.average = ct_average_new(&m.w, 1, 0.9);
    return m;
}

/* an optimizer that is freed, and another one in its place; and a rate that f itself sets */
static void exchange(ct_context *c, bool sets_rate)
{
    pair m[2] = { pair_new(c), pair_new(c) };
    ct_program *p = ct_program_new(c, descend, &m[1], NULL);
    m[0].sets_rate = m[1].sets_rate = sets_rate;
    for (int t = 0; t < 12; t++) {
        ct_scope scope = ct_scope_begin(c);
        for (int i = 0; i < 2 && t == 6; i++) {
            ct_optimizer_free(m[i].optimizer);
            m[i].optimizer = ct_adam_new(&m[i].w, 1, 0.5, NULL);
        }
        ct_tensor *x = ct_randn(c, CT_F64, CT_SHAPE(3));
        ct_tensor *want = descend(c, &x, 1, &m[0]), *y = ct_program_run(p, &x, 1);
        ck_assert_msg(want && y && ct_item(want) == ct_item(y), "step %d: %s", t, ct_error_text(c));
        ck_assert(ct_max_difference(m[0].w, m[1].w) == 0);
        ck_assert(ct_max_difference(ct_average_of(m[0].average, 0),
                                    ct_average_of(m[1].average, 0)) == 0);
        ct_scope_end(c, scope);
    }
    const char *text = ct_program_text(p);
    ck_assert_msg(strstr(text, sets_rate ? "eager: optimizer_" : "replayed 5 times"), "%s", text);
}

START_TEST(what_is_no_tensor)
{
    ct_context *c = ct_context_new(NULL);
    exchange(c, false);
    exchange(c, true);
    pair m = pair_new(c);
    ct_program *p = ct_program_new(c, step_only, &m, NULL);
    for (int t = 0; t < 6; t++) {
        if (t == 3) {
            ct_optimizer_free(m.optimizer);
            m.optimizer = ct_sgd_new(&m.w, 1, 1, NULL);
        }
        ct_tensor *x = ct_ones(c, CT_F64, CT_SHAPE(3));
        ck_assert_int_eq(ct_add_gradient(m.w, x), CT_OK);
        double before = ct_at(m.w, CT_INDEX(0));
        ck_assert_ptr_nonnull(ct_program_run(p, &x, 1));
        ck_assert(t < 3 || ct_at(m.w, CT_INDEX(0)) == before - 1);
    }
    ct_context_free(c);
}
END_TEST

Suite *programs_suite(void);
Suite *programs_suite(void)
{
    return make_suite("nn/programs", (const TTest *[]){ every_rule, every_kind,
                                                         what_is_no_tensor, NULL });
}
