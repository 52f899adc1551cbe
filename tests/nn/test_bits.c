/* Each layer and each loss in a program: the bits of eager runs in a context of their own, with the
 * same seed. Values, first and second derivatives, draws, and what a layer keeps. */
#include "ways.h"

#include "programs.h"

enum { RUNS = EXHAUSTIVE ? 100 : 4, MOST = 20 };

/* -- Layers */
typedef struct shape {
    int ndim, batch; /* which axis that of examples is */
    int64_t sizes[5];
    int64_t numbers; /* not 0: x are numbers below it */
} shape;

/* layer k, and what it takes; NULL: there are no more */
static ct_module *layer_new(ct_context *c, ct_dtype t, int k, shape *s)
{
    const shape rows = { 2, 0, { 3, 6 }, 0 }, maps = { 4, 0, { 2, 4, 5, 6 }, 0 };
    const shape line = { 3, 0, { 2, 4, 7 }, 0 }, room = { 5, 0, { 2, 2, 3, 4, 3 }, 0 };
    const shape steps = { 3, 1, { 5, 2, 4 }, 0 }, words = { 2, 0, { 2, 3 }, 9 };
    const shape looks = { 3, 0, { 2, 5, 8 }, 0 };
    *s = k < 15 ? rows : k < 26 ? maps : k < 28 ? line : k < 30 ? room : k < 33 ? steps
                : k < 35 ? words : looks;
    switch (k) {
    case 0: return ct_linear_new(c, t, 6, 4, NULL);
    case 1: return ct_activation_new(c, CT_GELU);
    case 2: return ct_dropout_new(c, 0.4);
    case 3: return ct_layer_norm_new(c, t, CT_SHAPE(6), NULL);
    case 4: return ct_rms_norm_new(c, t, CT_SHAPE(6), NULL);
    case 5: return ct_batch_norm_new(c, t, 6, NULL);
    case 6: return ct_batch_norm_new(c, t, 6, &(ct_batch_norm_options){ .cumulative = true });
    case 7: return ct_batch_norm_new(c, t, 6, &(ct_batch_norm_options){ .no_statistics = true });
    case 8: return ct_mlp_new(c, t, CT_SIZES(6, 5, 3), CT_TANH, NULL);
    case 9: return ct_weight_norm_new(ct_linear_new(c, t, 6, 4, NULL), NULL, 0);
    case 10: return ct_spectral_norm_new(ct_linear_new(c, t, 6, 4, NULL), NULL, 0, 2);
    case 11: return ct_function_new(c, "selu", ct_selu);
    case 12: return ct_function_of_number_new(c, "celu", ct_celu, 1.5);
    case 13: return ct_function_along_new(c, "softmax", ct_softmax, -1);
    case 14: return ct_residual_new(c, ct_linear_new(c, t, 6, 6, NULL), NULL);
    case 15: return ct_conv2d_new(c, t, 4, 3, 3, NULL);
    case 16: return ct_conv_transpose2d_new(c, t, 4, 3, 2, NULL);
    case 17: return ct_max_pool_new(c, &(ct_pool_options){ .kernel = 2 });
    case 18: return ct_avg_pool_new(c, &(ct_pool_options){ .kernel = 2 });
    case 19: return ct_adaptive_max_pool_new(c, CT_SIZES(2, 2));
    case 20: return ct_adaptive_avg_pool_new(c, CT_SIZES(2, 2));
    case 21: return ct_upsample_new(c, 2, CT_LINEAR);
    case 22: return ct_pixel_shuffle_new(c, 2);
    case 23: return ct_group_norm_new(c, t, 2, 4, NULL);
    case 24: return ct_instance_norm_new(c, t, 4, &(ct_instance_norm_options){ .affine = true,
                                                                             .statistics = true });
    case 25: return ct_channel_dropout_new(c, 0.4);
    case 26: return ct_conv1d_new(c, t, 4, 3, 3, NULL);
    case 27: return ct_conv_transpose1d_new(c, t, 4, 3, 3, NULL);
    case 28: return ct_conv3d_new(c, t, 2, 3, 2, NULL);
    case 29: return ct_conv_transpose3d_new(c, t, 2, 3, 2, NULL);
    case 30: return ct_rnn_new(c, t, 4, 3, NULL);
    case 31: return ct_gru_new(c, t, 4, 3, &(ct_recurrent_options){ .bidirectional = true });
    case 32: return ct_lstm_new(c, t, 4, 3, &(ct_recurrent_options){ .levels = 2, .dropout = 0.3 });
    case 33: return ct_embedding_new(c, t, 9, 4, NULL);
    case 34: return ct_embedding_new(c, t, 9, 4, &(ct_embedding_options){ true, 3, { 0 } });
    case 35: return ct_multi_head_attention_new(c, t, 8, 2, &(ct_multi_head_options){ .dropout = 0.2 });
    case 36: return ct_transformer_encoder_new(c, t, 8, 2, &(ct_transformer_options){ .dropout = 0.2 });
    case 37: return ct_parallel_new(c, CT_MODULES(ct_linear_new(c, t, 8, 2, NULL),
                                                  ct_linear_new(c, t, 8, 3, NULL)), -1);
    default: return NULL;
    }
}

static ct_tensor *draw(ct_context *c, ct_dtype t, shape s, int run)
{
    s.sizes[s.batch] += run % 3 == 2;
    return s.numbers ? ct_randint(c, 0, s.numbers, s.sizes, s.ndim) : ct_randn(c, t, s.sizes, s.ndim);
}

/* -- Values and derivatives of y by what is wanted */
typedef struct work {
    ct_module *m;
    ct_tensor *(*loss)(ct_tensor *const *x);
    int order, results;
} work;

static bool is_float(const ct_tensor *x)
{
    return ct_dtype_of(x) == CT_F32 || ct_dtype_of(x) == CT_F64;
}

/* y[0] is the value; then come the derivatives by each parameter, and by x[0] if it is floats */
static ct_status derive(ct_context *c, ct_tensor *const *x, int n, ct_tensor **y, void *user)
{
    const work *w = user;
    ct_tensor *targets[MOST], *all[4];
    int count = 0;
    ct_tensor *const *parameters = w->m ? ct_module_parameters(w->m, &count) : NULL;
    for (int i = 0; i < count; i++)
        targets[i] = parameters[i];
    for (int i = 0; i < n; i++)
        all[i] = x[i];
    if (is_float(x[0]))
        targets[count++] = all[0] = ct_variable(ct_detach(x[0]));
    y[0] = w->m ? ct_module_forward(w->m, all[0]) : w->loss(all);
    ct_tensor *loss = ct_mean(ct_square(y[0])), *again = NULL;
    unsigned flags = CT_ZERO_PATH | (w->order > 1 ? CT_CREATE_GRAPH : 0);
    if (!loss || ct_grad(loss, NULL, targets, count, flags, y + 1) != CT_OK)
        return ct_error(c);
    for (int i = 0; w->order > 1 && i < count; i++) {
        ct_tensor *one = ct_sum(ct_square(y[1 + i]));
        again = again ? ct_add(again, one) : one;
    }
    return again ? ct_grad(again, NULL, targets, count, CT_ZERO_PATH, y + 1) : ct_error(c);
}

typedef struct side {
    ct_context *c;
    work w;
    ct_program *p; /* NULL: eager */
} side;

/* the results of one run on each side */
static void compare_run(side *s, ct_tensor *x[2][4], int n, const char *what, int run)
{
    ct_tensor *y[2][MOST + 2];
    ck_assert_msg(derive(s[0].c, x[0], n, y[0], &s[0].w) == CT_OK, "%s: %s", what,
                  ct_error_text(s[0].c));
    ck_assert_msg(ct_program_run_all(s[1].p, x[1], n, y[1]) == CT_OK, "%s, run %d: %s", what, run,
                  ct_error_text(s[1].c));
    for (int i = 0; i < s[0].w.results; i++)
        ck_assert_msg(same_bits(y[0][i], y[1][i]), "%s, order %d, run %d, result %d", what,
                      s[0].w.order, run, i);
    ck_assert(ct_random_stream(s[0].c).draws == ct_random_stream(s[1].c).draws);
}

static ct_context *context_new(int k)
{
    int threads = EXHAUSTIVE ? 1 + k % 8 : k % 5 ? 1 : 3;
    return ct_context_new(&(ct_context_options){ .seed = 7, .threads = threads });
}

/* Their second derivatives read which places, and which draws, those of the first were. */
static bool stays_eager(int k, int order)
{
    return order > 1 && (k == 17 || k == 19 || k == 35 || k == 36);
}

/* false: there is no such layer */
static bool compare_layer(int k, ct_dtype t, int order)
{
    side s[2];
    shape shape;
    char what[80];
    for (int i = 0; i < 2; i++) {
        ct_context *c = context_new(i ? k : 0);
        s[i] = (side){ c, { .m = layer_new(c, t, k, &shape), .order = order }, NULL };
        if (!s[i].w.m) {
            ck_assert_msg(ct_error(c) == CT_OK, "layer %d: %s", k, ct_error_text(c));
            ct_context_free(c);
            if (i)
                ct_context_free(s[0].c);
            return false;
        }
        int n;
        ct_module_parameters(s[i].w.m, &n);
        s[i].w.results = 1 + n + !shape.numbers;
    }
    snprintf(what, sizeof what, "layer %d", k);
    s[1].p = ct_program_new_all(s[1].c, derive, s[1].w.results, &s[1].w,
                                &(ct_program_options){ .strict = !stays_eager(k, order) });
    ct_tensor *x[2][4], *y[2][MOST + 2];
    x[0][0] = draw(s[0].c, t, shape, 0);
    bool possible = derive(s[0].c, x[0], 1, y[0], &s[0].w) == CT_OK;
    ck_assert_msg(possible || (order > 1 && ct_error(s[0].c) == CT_ERROR_GRAPH), "%s: %s", what,
                  ct_error_text(s[0].c));
    x[1][0] = draw(s[1].c, t, shape, 0);
    if (possible)
        ck_assert_msg(ct_program_run_all(s[1].p, x[1], 1, y[1]) == CT_OK, "%s: %s", what,
                      ct_error_text(s[1].c));
    for (int run = 0; run < RUNS && possible; run++) {
        ct_scope scopes[2];
        for (int i = 0; i < 2; i++) {
            scopes[i] = ct_scope_begin(s[i].c);
            x[i][0] = draw(s[i].c, t, shape, run);
        }
        compare_run(s, x, 1, what, run);
        for (int i = 0; i < 2; i++)
            ct_scope_end(s[i].c, scopes[i]);
    }
    ck_assert(!possible || replays(s[1].p) == (stays_eager(k, order) ? 0 : RUNS - 1));
    ct_stream stream = ct_random_stream(s[0].c);
    for (int i = 0; i < 2; i++) {
        if (possible) { /* with what the layer keeps */
            ct_inference(s[i].c);
            ct_random_resume(s[i].c, stream);
            y[i][0] = ct_module_forward(s[i].w.m, draw(s[i].c, t, shape, 0));
        }
    }
    ck_assert_msg(!possible || same_bits(y[0][0], y[1][0]), "%s keeps something else", what);
    ct_context_free(s[0].c);
    ct_context_free(s[1].c);
    return true;
}

static void compare_layers(ct_dtype t)
{
    int k = 0;
    for (; compare_layer(k, t, 1); k++)
        if (k % 2 == (t == CT_F32) || EXHAUSTIVE)
            compare_layer(k, t, 2);
    ck_assert_int_eq(k, 38);
}

START_TEST(layers_f32)
{
    compare_layers(CT_F32);
}
END_TEST

START_TEST(layers_f64)
{
    compare_layers(CT_F64);
}
END_TEST

/* -- Losses: of floats x0; x1 are floats, x2 numbers from 0 to 4 in rows, x3 from 0 to 1 */
enum { N = 4, CLASSES = 5 };
#define LOSS(name, expression)                                                                  \
    static ct_tensor *name(ct_tensor *const *x)                                                 \
    {                                                                                           \
        return expression;                                                                      \
    }
LOSS(mse, ct_mse(x[0], x[1]))
LOSS(half, ct_half_squared_error(x[0], x[1]))
LOSS(entropy, ct_cross_entropy(x[0], x[2]))
LOSS(entropy_each, ct_cross_entropy_each(x[0], x[2]))
LOSS(binary, ct_binary_cross_entropy(x[0], x[3]))
LOSS(gaussian, ct_gaussian_nll(x[0], x[1], x[3]))
LOSS(classes, ct_class_loss(x[0], x[2], &(ct_class_options){ .smoothing = 0.1, .ignore = true,
                                                             .ignored = 1 }))
LOSS(nll, ct_nll(ct_log_softmax(x[0], 1), x[2], NULL))
LOSS(huber, ct_huber(x[0], x[1], 0.5))
LOSS(smooth, ct_smooth_l1(x[0], x[1], 0.5))
LOSS(divergence, ct_kl_divergence(ct_log_softmax(x[0], 1), x[3]))
LOSS(hinge, ct_hinge(x[0], ct_sign(x[1])))
LOSS(poisson, ct_poisson_nll(x[0], x[3]))
LOSS(cosine, ct_cosine_loss(x[0], x[1], ct_sign(ct_select(x[1], 1, 0)), 0.1))
LOSS(triplet, ct_triplet(x[0], x[1], x[3], 0.5))
static ct_tensor *whole(ct_tensor *x, double value, int ndim)
{
    return ct_full(ct_context_of(x), CT_I64, (int64_t[]){ 1, 1 }, ndim, value);
}
LOSS(ctc, ct_ctc(ct_log_softmax(ct_unsqueeze(x[0], 1), 2), whole(x[0], 2, 2),
                 whole(x[0], (double)ct_size(x[0], 0), 1), whole(x[0], 1, 1), 0))
static ct_tensor *(*const losses[])(ct_tensor *const *x) = {
    mse, half, entropy, entropy_each, binary, gaussian, classes, nll, huber, smooth, divergence,
    hinge, poisson, cosine, triplet, ctc
};

static void compare_loss(int k, ct_dtype t, int order)
{
    side s[2];
    char what[80];
    snprintf(what, sizeof what, "loss %d", k);
    for (int i = 0; i < 2; i++)
        s[i] = (side){ context_new(i ? k : 0), { NULL, losses[k], order, 2 }, NULL };
    bool eager = losses[k] == ctc; /* it reads its labels */
    s[1].p = ct_program_new_all(s[1].c, derive, 2, &s[1].w, &(ct_program_options){ .strict = !eager });
    for (int run = 0; run < RUNS; run++) {
        ct_tensor *x[2][4];
        int64_t n = N + (run % 3 == 2);
        for (int i = 0; i < 2; i++) {
            x[i][0] = ct_randn(s[i].c, t, CT_SHAPE(n, CLASSES));
            x[i][1] = ct_randn(s[i].c, t, CT_SHAPE(n, CLASSES));
            x[i][2] = ct_randint(s[i].c, 0, CLASSES, CT_SHAPE(n));
            x[i][3] = ct_rand(s[i].c, t, CT_SHAPE(n, CLASSES));
        }
        compare_run(s, x, 4, what, run);
    }
    ck_assert_int_eq(replays(s[1].p), eager ? 0 : RUNS - 2);
    ck_assert_msg(!eager || strstr(ct_program_text(s[1].p), "eager: data\n"), "%s",
                  ct_program_text(s[1].p));
    ct_context_free(s[0].c);
    ct_context_free(s[1].c);
}

START_TEST(all_losses)
{
    for (int k = 0; k < (int)(sizeof losses / sizeof *losses); k++)
        for (int dtype = CT_F32; dtype <= CT_F64; dtype++)
            compare_loss(k, (ct_dtype)dtype, 1 + (dtype == CT_F64));
}
END_TEST

/* values that a loss must not be given are errors in a replay, too */
START_TEST(values_that_are_refused)
{
    static const struct { ct_tensor *(*loss)(ct_tensor *const *x); int which; double value; } all[] = {
        { entropy, 2, 5 }, { entropy, 2, -1 }, { classes, 2, 5 }, { nll, 2, -1 }, { binary, 3, 1.5 },
        { binary, 3, NAN },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        work w = { NULL, all[i].loss, 1, 2 };
        ct_program *p = ct_program_new_all(cx, derive, 2, &w, NULL);
        ct_tensor *x[4] = { ct_randn(cx, CT_F64, CT_SHAPE(N, CLASSES)), NULL, NULL, NULL }, *y[2];
        x[1] = x[0];
        x[2] = ct_randint(cx, 0, CLASSES, CT_SHAPE(N));
        x[3] = ct_rand(cx, CT_F64, CT_SHAPE(N, CLASSES));
        for (int run = 0; run < 3; run++)
            ck_assert_int_eq(ct_program_run_all(p, x, 4, y), CT_OK);
        ck_assert_int_eq(ct_fill(ct_slice(x[all[i].which], 0, 1, 2, 1), all[i].value), CT_OK);
        ck_assert_int_eq(ct_program_run_all(p, x, 4, y), CT_ERROR_RANGE);
        expect_error(CT_ERROR_RANGE, NULL);
        ck_assert_int_eq(replays(p), 2);
    }
}
END_TEST

Suite *bits_suite(void);
Suite *bits_suite(void)
{
    return make_suite("nn/bits", (const TTest *[]){ layers_f32, layers_f64, all_losses,
                                                     values_that_are_refused, NULL });
}
