/* Training steps as programs: the same bits as without, for all rules of optimizers, with groups,
 * clipping, moving averages, masks, a rate that a schedule changes, and batches of three sizes. */
#include "ways.h"

#include "programs.h"

enum { MLP, IMAGES, SEQUENCE, NORMALIZED, LOOKS, KINDS };

/* how to train */
typedef struct how {
    int kind;
    ct_dtype dtype;
    ct_update_options rule;
    int threads, clip;     /* clip: 1: by norm, 2: by value */
    bool groups, averaged;
    ct_schedule_kind schedule;
} how;

typedef struct model {
    how how;
    ct_module *net;
    ct_optimizer *optimizer;
    ct_average *average;
    ct_tensor *const *w;
    int n;
} model;

/* x: the input, labels, and of LOOKS how many steps each sequence has; label 0 does not count */
static ct_tensor *loss_of(const model *m, ct_tensor *const *x)
{
    if (m->how.kind != LOOKS)
        return ct_cross_entropy(ct_module_forward(m->net, x[0]), x[1]);
    ct_tensor *mask = ct_padding_mask(x[2], ct_size(x[0], 1));
    ct_tensor *y = ct_module_attend(ct_module_child(m->net, "0"), x[0], x[0], x[0], mask);
    y = ct_module_forward(ct_module_child(m->net, "1"), ct_select(y, 1, 0));
    return ct_class_loss(y, x[1], &(ct_class_options){ .ignore = true, .ignored = 0 });
}

static ct_tensor *step(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const model *m = user;
    const how *h = &m->how;
    (void)c, (void)n;
    ct_tensor *loss = loss_of(m, x);
    if (!loss || ct_backward(loss) != CT_OK ||
        (h->clip == 1 && ct_clip_gradient_norm(m->w, m->n, 0.1) != CT_OK) ||
        (h->clip == 2 && ct_clip_gradient_values(m->w, m->n, 0.01) != CT_OK) ||
        ct_optimizer_step(m->optimizer) != CT_OK ||
        (m->average && ct_average_update(m->average) != CT_OK))
        return NULL;
    return loss;
}

static ct_module *net_of(ct_context *c, int kind, ct_dtype t)
{
    ct_module *m[8];
    switch (kind) {
    case MLP:
        m[0] = ct_mlp_new(c, t, CT_SIZES(12, 9, 5), CT_TANH, NULL);
        m[1] = ct_dropout_new(c, 0.25);
        m[2] = ct_layer_norm_new(c, t, CT_SHAPE(5), NULL);
        m[3] = ct_linear_new(c, t, 5, 3, NULL);
        return ct_sequential_new(c, m, 4);
    case IMAGES:
        m[0] = ct_conv2d_new(c, t, 1, 4, 2, NULL);
        m[1] = ct_activation_new(c, CT_RELU);
        m[2] = ct_flatten_new(c);
        m[3] = ct_linear_new(c, t, 4 * 2 * 3, 3, NULL);
        return ct_sequential_new(c, m, 4);
    case SEQUENCE:
        m[0] = ct_lstm_new(c, t, 4, 6, NULL);
        m[1] = ct_flatten_new(c);
        m[2] = ct_linear_new(c, t, 18, 3, NULL);
        return ct_sequential_new(c, m, 3);
    case LOOKS:
        m[0] = ct_multi_head_attention_new(c, t, 4, 2, &(ct_multi_head_options){ .dropout = 0.2 });
        m[1] = ct_linear_new(c, t, 4, 3, NULL);
        return ct_sequential_new(c, m, 2);
    default:
        m[0] = ct_linear_new(c, t, 12, 6, NULL);
        m[1] = ct_batch_norm_new(c, t, 6, NULL);
        m[2] = ct_linear_new(c, t, 6, 3, NULL);
        return ct_sequential_new(c, m, 3);
    }
}

static ct_tensor *inputs(ct_context *c, int kind, ct_dtype t, int64_t rows)
{
    return kind == IMAGES                      ? ct_randn(c, t, CT_SHAPE(rows, 1, 3, 4))
           : kind == SEQUENCE || kind == LOOKS ? ct_randn(c, t, CT_SHAPE(rows, 3, 4))
                                               : ct_randn(c, t, CT_SHAPE(rows, 12));
}

/* with groups, all but the first parameter have a rate and a decay of their own */
static void begin(model *m, ct_context *c, const how *h)
{
    *m = (model){ .how = *h, .net = net_of(c, h->kind, h->dtype) };
    m->w = m->net ? ct_module_parameters(m->net, &m->n) : NULL;
    ck_assert_msg(m->w, "%s", ct_error_text(c));
    m->optimizer = ct_optimizer_new(m->w, h->groups ? 1 : m->n, 0.01, &h->rule);
    if (h->groups)
        ck_assert_int_eq(ct_optimizer_add_group(m->optimizer, m->w + 1, m->n - 1, 0.03, 0.2), CT_OK);
    m->average = h->averaged ? ct_average_new(m->w, m->n, 0.9) : NULL;
}

static double rate_at(const how *h, int t)
{
    static const int64_t milestones[] = { 3, 5 };
    static const ct_schedule parts[] = { { .kind = CT_WARM_UP, .rate = 0.01, .steps = 4 },
                                         { .kind = CT_EXPONENTIAL, .rate = 0.01, .factor = 0.9 } };
    ct_schedule s = { .kind = h->schedule, .rate = 0.01, .factor = 0.8, .steps = 4, .power = 2 };
    s.count = 2;
    if (s.kind == CT_MILESTONES)
        s.milestones = milestones;
    else if (s.kind == CT_JOINED)
        s.parts = parts;
    else if (s.kind == CT_ONE_CYCLE)
        s.steps = 1000;
    return ct_schedule_rate(&s, t);
}

enum { STEPS = EXHAUSTIVE ? 100 : 12, SIZES = 3 };

static size_t put(ct_tensor *x, double *to)
{
    ck_assert_int_eq(ct_to_doubles(x, to, ct_count(x)), CT_OK);
    return (size_t)ct_count(x);
}

/* the losses, and all parameters and averages at the end */
static size_t train(const how *h, bool replayed, double *to)
{
    static const int64_t sizes[] = { 8, 8, 3, 8, 5 };
    ct_context *c = ct_context_new(&(ct_context_options){ .seed = 3, .threads = h->threads });
    model m;
    begin(&m, c, h);
    ct_program *p = replayed ? ct_program_new(c, step, &m, &(ct_program_options){ .strict = true })
                             : NULL;
    size_t at = 0;
    for (int t = 0; t < STEPS; t++) {
        ct_scope scope = ct_scope_begin(c);
        int64_t rows = sizes[t % 5];
        ct_tensor *x[] = { inputs(c, h->kind, h->dtype, rows), ct_randint(c, 0, 3, &rows, 1),
                           ct_randint(c, 1, 4, &rows, 1) };
        int n = h->kind == LOOKS ? 3 : 2;
        ct_optimizer_set_rate(m.optimizer, rate_at(h, t));
        ct_tensor *loss = p ? ct_program_run(p, x, n) : step(c, x, n, &m);
        ck_assert_msg(loss, "%s", ct_error_text(c));
        to[at++] = ct_item(loss);
        ct_scope_end(c, scope);
    }
    for (int i = 0; i < m.n; i++) {
        at += put(m.w[i], to + at);
        at += m.average ? put(ct_average_of(m.average, i), to + at) : 0;
    }
    if (p)
        ck_assert_int_eq(replays(p), STEPS - SIZES);
    ck_assert_msg(ct_error(c) == CT_OK, "%s", ct_error_text(c));
    ct_context_free(c);
    return at;
}

static void compare(const how *h)
{
    static double eager[4000], replayed[4000];
    size_t n = train(h, false, eager), m = train(h, true, replayed);
    ck_assert_uint_eq(n, m);
    ck_assert_msg(memcmp(eager, replayed, n * sizeof *eager) == 0,
                  "kind %d, dtype %d, rule %d, clip %d, groups %d, threads %d", h->kind,
                  (int)h->dtype, (int)h->rule.rule, h->clip, h->groups, h->threads);
}

static const ct_update_options rules[] = {
    { .rule = CT_SGD }, { .rule = CT_SGD, .momentum = 0.9, .weight_decay = 0.1 },
    { .rule = CT_SGD, .momentum = 0.9, .nesterov = true }, { .rule = CT_ADAM },
    { .rule = CT_ADAM, .amsgrad = true }, { .rule = CT_ADAM, .decoupled = true, .weight_decay = 0.1 },
    { .rule = CT_RMSPROP }, { .rule = CT_RMSPROP, .centered = true, .momentum = 0.5 },
    { .rule = CT_ADAGRAD, .rate_decay = 0.05 }, { .rule = CT_ADADELTA }, { .rule = CT_NADAM },
    { .rule = CT_RADAM }, { .rule = CT_ADAMAX }, { .rule = CT_LION }
};
enum { RULES = sizeof rules / sizeof *rules };

/* with each rule: how gradients are clipped, groups, averages, schedules, and threads, by turns, or
 * all of it */
START_TEST(every_rule)
{
    how h = { .kind = MLP, .averaged = true };
    for (int k = 0; k < RULES; k++)
        for (int dtype = CT_F32; dtype <= CT_F64; dtype++)
            for (h.clip = 0; h.clip < 3; h.clip++)
                for (int groups = 0; groups < 2; groups++) {
                    if (!EXHAUSTIVE && (k + h.clip) % 2 != groups)
                        continue;
                    h.rule = rules[k];
                    h.dtype = (ct_dtype)dtype;
                    h.groups = groups;
                    h.schedule = (ct_schedule_kind)(1 + (k + h.clip) % CT_JOINED);
                    h.threads = EXHAUSTIVE ? 1 + (k + h.clip) % 8 : 0;
                    compare(&h);
                }
}
END_TEST

START_TEST(every_kind)
{
    how h = { .rule = { .rule = CT_ADAM }, .schedule = CT_COSINE_RESTARTS };
    for (h.kind = 0; h.kind < KINDS; h.kind++)
        for (int dtype = CT_F32; dtype <= CT_F64; dtype++)
            for (h.threads = 1; h.threads <= (EXHAUSTIVE ? 8 : 3); h.threads += EXHAUSTIVE ? 1 : 2) {
                h.dtype = (ct_dtype)dtype;
                compare(&h);
            }
}
END_TEST

/* -- What is no tensor */
typedef struct pair {
    ct_tensor *w;
    ct_optimizer *optimizer;
    ct_average *average;
    int rate; /* 1: f sets it; 2: f reads it */
} pair;

static ct_tensor *descend(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    const pair *m = user;
    (void)c, (void)n;
    ct_tensor *loss = ct_sum(ct_square(ct_mul(x[0], m->w)));
    if (m->rate == 1)
        ct_optimizer_set_rate(m->optimizer, 0.05);
    if (m->rate == 2)
        loss = ct_scale(loss, ct_optimizer_rate(m->optimizer));
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

/* an optimizer that is freed, and another one in its place; and a rate that f sets or reads */
static void exchange(ct_context *c, int rate)
{
    pair m[2] = { pair_new(c), pair_new(c) };
    ct_program *p = ct_program_new(c, descend, &m[1], NULL);
    m[0].rate = m[1].rate = rate;
    for (int t = 0; t < 12; t++) {
        ct_scope scope = ct_scope_begin(c);
        for (int i = 0; i < 2 && t == 6; i++) {
            ct_optimizer *old = m[i].optimizer; /* so that the new one lies elsewhere */
            m[i].optimizer = ct_adam_new(&m[i].w, 1, 0.5, NULL);
            ct_optimizer_free(old);
        }
        for (int i = 0; i < 2; i++)
            ct_optimizer_set_rate(m[i].optimizer, 0.1 + 0.01 * t);
        ct_tensor *x = ct_randn(c, CT_F64, CT_SHAPE(3));
        ct_tensor *want = descend(c, &x, 1, &m[0]), *y = ct_program_run(p, &x, 1);
        ck_assert_msg(want && y && ct_item(want) == ct_item(y), "step %d: %s", t, ct_error_text(c));
        ck_assert(ct_max_difference(m[0].w, m[1].w) == 0);
        ck_assert(ct_max_difference(ct_average_of(m[0].average, 0),
                                    ct_average_of(m[1].average, 0)) == 0);
        ct_scope_end(c, scope);
    }
    const char *text = ct_program_text(p);
    ck_assert_msg(strstr(text, rate == 1   ? "eager: optimizer_set_rate"
                               : rate == 2 ? "eager: optimizer_rate"
                                           : "replayed 5 times"), "%s", text);
}

START_TEST(what_is_no_tensor)
{
    ct_context *c = ct_context_new(NULL);
    for (int rate = 0; rate < 3; rate++)
        exchange(c, rate);
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
