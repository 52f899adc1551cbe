/* nn/layers/attention.c and transformer.c: PyTorch's figures, masks, dropout, clones, errors. */
#include "support.h"
#include "torch/figures.h"

static ct_tensor *numbers(int k, double size, const int64_t *shape, int ndim)
{
    ct_tensor *x = ct_empty(cx, CT_F64, shape, ndim);
    for (int64_t i = 0; i < ct_count(x); i++)
        ((double *)ct_data_mutable(x))[i] = size * sin(1.3 * (double)i + k);
    return x;
}

static ct_tensor *padded(void) /* 2 and 1 of 2 keys */
{
    return ct_padding_mask(ct_from_ints(cx, CT_SHAPE(2), CT_INTS(2, 1)), 2);
}

static ct_module *prepared(ct_module *m)
{
    int n;
    ct_tensor *const *p = ct_module_parameters(m, &n);
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    for (int k = 0; k < n; k++)
        ck_assert_int_eq(ct_assign(p[k], numbers(k, 0.5, ct_shape(p[k]), ct_ndim(p[k]))), CT_OK);
    ct_scope_end(cx, scope);
    return m;
}

/* y and the gradients by the n inputs and by m's parameters are those of the row */
static void expect_row(const char *row, ct_module *m, ct_tensor *y, ct_tensor *const *x, int n)
{
    enum { MOST = 700 };
    double want[MOST], *next = want;
    int count;
    ct_tensor *const *p = ct_module_parameters(m, &count), *by[30], *gx[30];
    expect_ok();
    int64_t all = ct_count(y) + ct_module_count(m);
    for (int i = 0; i < n; i++)
        all += ct_count(x[i]);
    ck_assert_int_lt(all, MOST);
    figures("attention.txt", row, want, (int)all);
    expect_values(y, next, (int)ct_count(y), 1e-10);
    next += ct_count(y);
    for (int i = 0; i < n + count; i++)
        by[i] = i < n ? x[i] : p[i - n];
    ct_tensor *g = numbers(9, 2, ct_shape(y), ct_ndim(y));
    for (unsigned flags = 0; flags <= CT_CREATE_GRAPH; flags += CT_CREATE_GRAPH) {
        double *at = next;
        ck_assert_int_eq(ct_grad(y, g, by, n + count, flags, gx), CT_OK);
        for (int i = 0; i < n + count; at += ct_count(gx[i++]))
            expect_values(gx[i], at, (int)ct_count(gx[i]), 1e-10);
    }
}

static void inputs(ct_tensor **x)
{
    x[0] = ct_variable(numbers(0, 2, CT_SHAPE(2, 3, 4)));
    x[1] = ct_variable(numbers(1, 2, CT_SHAPE(2, 2, 4)));
    x[2] = ct_variable(numbers(2, 2, CT_SHAPE(2, 2, 4)));
}

START_TEST(attention_is_that_of_pytorch)
{
    ct_tensor *x[3];
    inputs(x);
    ct_module *m = prepared(ct_multi_head_attention_new(cx, CT_F64, 4, 2, NULL));
    expect_row("itself", m, ct_module_forward(m, x[0]), x, 1);
    expect_row("itself", m, ct_module_attend(m, x[0], x[0], x[0], NULL), x, 1);
    expect_row("cross", m, ct_module_attend(m, x[0], x[1], x[2], padded()), x, 3);
    ct_tensor *more = numbers(5, 2, CT_SHAPE(3, 2));
    expect_row("cross_added", m, ct_module_attend(m, x[0], x[1], x[1], more), x, 2);
    m = prepared(ct_multi_head_attention_new(cx, CT_F64, 4, 2,
                                             &(ct_multi_head_options){ .causal = true }));
    expect_row("itself_causal", m, ct_module_forward(m, x[0]), x, 1);
    m = prepared(ct_multi_head_attention_new(cx, CT_F64, 4, 4,
                                             &(ct_multi_head_options){ .no_bias = true }));
    expect_row("no_bias", m, ct_module_forward(m, x[0]), x, 1);
    ck_assert(ct_module_parameter(m, "out_proj.weight") != NULL);
}
END_TEST

START_TEST(blocks_are_those_of_pytorch)
{
    const ct_transformer_options last = { .hidden = 6 }, causal = { .hidden = 6, .causal = true };
    const ct_transformer_options first = { .hidden = 6, .norm_first = true, .epsilon = 0.1,
                                           .activation = CT_GELU };
    ct_tensor *x[3], *triangle = ct_tril(ct_ones(cx, CT_BOOL, CT_SHAPE(3, 3)), 0);
    inputs(x);
    ct_module *m = prepared(ct_transformer_encoder_new(cx, CT_F64, 4, 2, &last));
    expect_row("encoder", m, ct_module_forward(m, x[0]), x, 1);
    m = prepared(ct_transformer_encoder_new(cx, CT_F64, 4, 2, &first));
    expect_row("encoder_first", m, ct_transformer_forward(m, x[0], triangle, NULL, NULL), x, 1);
    m = prepared(ct_transformer_decoder_new(cx, CT_F64, 4, 2, &causal));
    expect_row("decoder", m, ct_transformer_forward(m, x[0], NULL, x[1], padded()), x, 2);
    m = prepared(ct_transformer_decoder_new(cx, CT_F64, 4, 2, &last));
    expect_row("decoder", m, ct_transformer_forward(m, x[0], triangle, x[1], padded()), x, 2);
    m = prepared(ct_transformer_decoder_new(cx, CT_F64, 4, 2, &first));
    expect_row("decoder_first", m, ct_transformer_forward(m, x[0], NULL, x[1], NULL), x, 2);
    ck_assert_str_eq(ct_name(ct_module_parameter(m, "multihead_attn.out_proj.bias")),
                     "multihead_attn.out_proj.bias");
}
END_TEST

/* a sequence alone, one step, no step, no sequence */
START_TEST(sequences_of_any_length)
{
    ct_module *m = ct_transformer_encoder_new(cx, CT_F32, 6, 3, NULL);
    ct_tensor *x = ct_randn(cx, CT_F32, CT_SHAPE(2, 5, 6));
    ct_tensor *y = ct_module_forward(m, x);
    expect_close(ct_module_forward(m, ct_select(x, 0, 1)), ct_select(y, 0, 1), 16);
    for (int64_t t = 0; t < 2; t++)
        for (int64_t n = 0; n < 2; n++) {
            x = ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(n, t, 6)));
            y = ct_module_forward(m, x);
            ck_assert(y && ct_same_shape(x, y));
            ck_assert_int_eq(ct_backward_from(y, ct_ones_like(y)), CT_OK);
            ck_assert(ct_same_shape(ct_gradient(x), x));
        }
    expect_ok();
}
END_TEST

/* what is padding changes nothing */
START_TEST(padding_is_not_seen)
{
    ct_module *m = ct_transformer_encoder_new(cx, CT_F64, 4, 2, NULL);
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(2, 5, 4)), *other = ct_add(x, ct_zeros_like(x));
    ct_tensor *mask = ct_padding_mask(ct_from_ints(cx, CT_SHAPE(2), CT_INTS(3, 5)), 5);
    ct_assign(ct_slice(ct_select(other, 0, 0), 0, 3, CT_END, 1), ct_scalar(cx, CT_F64, 7));
    ct_tensor *a = ct_transformer_forward(m, x, mask, NULL, NULL);
    ct_tensor *b = ct_transformer_forward(m, other, mask, NULL, NULL);
    ck_assert(ct_max_difference(ct_select(a, 0, 1), ct_select(b, 0, 1)) == 0);
    ck_assert(ct_max_difference(ct_slice(ct_select(a, 0, 0), 0, 0, 3, 1),
                                ct_slice(ct_select(b, 0, 0), 0, 0, 3, 1)) == 0);
    ck_assert(ct_max_difference(a, b) > 0.1);
    ck_assert(ct_max_difference(ct_transformer_forward(m, x, NULL, NULL, NULL), a) > 1e-3);
    expect_ok();
}
END_TEST

START_TEST(dropout_is_for_training)
{
    ct_module *m = ct_transformer_encoder_new(cx, CT_F64, 4, 2,
                                              &(ct_transformer_options){ .dropout = 0.5 });
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(2, 3, 4));
    ck_assert(ct_max_difference(ct_module_forward(m, x), ct_module_forward(m, x)) > 0);
    uint64_t before = ct_random_stream(cx).draws;
    /* half a draw for each of 2 x 3 x (4 + 16 + 4) elements, and in 2 heads two for 3 weights */
    ct_module_forward(m, x);
    ck_assert_int_eq((int)(ct_random_stream(cx).draws - before), 72 + 2 * 2 * 3 * 2);
    ct_inference(cx);
    ck_assert(ct_max_difference(ct_module_forward(m, x), ct_module_forward(m, x)) == 0);
    ct_module *copy = ct_module_clone(m, 0);
    ck_assert(ct_max_difference(ct_module_forward(m, x), ct_module_forward(copy, x)) == 0);
    expect_ok();
}
END_TEST

static ct_tensor *checked(ct_context *c, ct_tensor *const *x, int n, void *user)
{
    (void)c, (void)n;
    return ct_transformer_forward(user, x[0], NULL, x[1], NULL);
}

/* weights of keys are dropped as ct_attention does */
START_TEST(attention_drops_weights_in_training)
{
    ct_module *m = ct_multi_head_attention_new(cx, CT_F64, 4, 1, &(ct_multi_head_options){
        .dropout = 0.5 });
    ct_tensor *x = ct_randn(cx, CT_F64, CT_SHAPE(5, 4)), *w = ct_eye(cx, CT_F64, 4);
    ct_scope scope = ct_scope_begin(cx);
    ct_no_grad(cx);
    ct_assign(ct_module_parameter(m, "in_proj_weight"), ct_concat(CT_TENSORS(w, w, w), 0));
    ct_assign(ct_module_parameter(m, "out_proj.weight"), w);
    ct_scope_end(cx, scope);
    ct_seed(cx, 3);
    ct_tensor *y = ct_module_forward(m, x);
    ct_seed(cx, 3);
    const ct_attention_options half = { .dropout = 0.5 };
    ck_assert_double_lt(ct_max_difference(y, ct_attention(x, x, x, NULL, &half)), 1e-14);
    ct_inference(cx);
    ck_assert_double_lt(ct_max_difference(ct_module_forward(m, x),
                                          ct_attention(x, x, x, NULL, NULL)), 1e-14);
    expect_ok();
    ck_assert(!ct_multi_head_attention_new(cx, CT_F64, 4, 2, &(ct_multi_head_options){
        .dropout = -0.5 }));
    expect_error(CT_ERROR_VALUE, "multi_head_attention_new: dropout must be in [0, 1), got -0.5",
                 NULL);
}
END_TEST

START_TEST(the_checker_agrees)
{
    ct_module *m = ct_transformer_decoder_new(cx, CT_F64, 4, 2, &(ct_transformer_options){
        .hidden = 3, .activation = CT_TANH, .causal = true });
    ct_tensor *x[] = { ct_randn(cx, CT_F64, CT_SHAPE(3, 4)), ct_randn(cx, CT_F64, CT_SHAPE(2, 4)) };
    ct_gradcheck_report report;
    ck_assert_msg(ct_gradcheck(cx, checked, m, x, 2, &(ct_gradcheck_options){ .order = 2 },
                               &report) == CT_GRADCHECK_PASS, "%s", ct_gradcheck_text(cx, &report));
}
END_TEST

START_TEST(positions_are_sines_and_cosines)
{
    ct_tensor *p = ct_positions(cx, CT_F64, 3, 5);
    expect_shape(p, CT_SHAPE(3, 5));
    for (int64_t i = 0; i < 3; i++)
        for (int64_t j = 0; j < 5; j++) {
            double angle = (double)i / pow(10000, (double)(j / 2 * 2) / 5);
            ck_assert_double_eq_tol(ct_at(p, CT_INDEX(i, j)), j % 2 ? cos(angle) : sin(angle),
                                    1e-15);
        }
    ck_assert(ct_max_difference(ct_cast(p, CT_F32), ct_positions(cx, CT_F32, 3, 5)) == 0);
    expect_shape(ct_positions(cx, CT_F32, 0, 4), CT_SHAPE(0, 4));
    ck_assert(!ct_positions(cx, CT_I64, 1, 1));
    expect_error(CT_ERROR_DTYPE, "positions:", NULL);
    ck_assert(!ct_positions(cx, CT_F64, -1, 1));
    expect_error(CT_ERROR_RANGE, "positions: sizes must not be negative, got -1 and 1", NULL);
}
END_TEST

static void use(ct_context *c)
{
    ct_module *m = ct_transformer_decoder_new(c, CT_F32, 4, 2, &(ct_transformer_options){
        .hidden = 3, .dropout = 0.1 });
    ct_tensor *x = ct_ones(c, CT_F32, CT_SHAPE(2, 4)), *lengths = ct_from_ints(c, CT_SHAPE(1), CT_INTS(1));
    ct_tensor *mask = ct_reshape(ct_padding_mask(lengths, 2), CT_SHAPE(1, 2));
    ct_tensor *p = ct_positions(c, CT_F32, 2, 4);
    ct_tensor *y = mask && p ? ct_transformer_forward(m, ct_add(x, p), mask, x, mask) : NULL;
    if (y)
        ct_backward(ct_sum(y));
}

START_TEST(every_allocation_may_fail)
{
    for_some_failing_allocations(use, 7);
}
END_TEST

START_TEST(errors_say_what_is_wanted)
{
    ct_module *m = ct_multi_head_attention_new(cx, CT_F64, 4, 2, NULL);
    ct_module *encoder = ct_transformer_encoder_new(cx, CT_F64, 4, 2, NULL);
    ct_module *decoder = ct_transformer_decoder_new(cx, CT_F64, 4, 2, NULL);
    ct_tensor *x = ct_ones(cx, CT_F64, CT_SHAPE(2, 3, 4)), *wide = ct_ones(cx, CT_F64, CT_SHAPE(2, 5));
    ck_assert(!ct_multi_head_attention_new(cx, CT_F64, 4, 3, NULL));
    expect_error(CT_ERROR_RANGE, "multi_head_attention_new: the size", "got 4 and 3", NULL);
    ck_assert(!ct_transformer_encoder_new(cx, CT_F64, 0, 1, NULL));
    expect_error(CT_ERROR_RANGE, "got 0 and 1", NULL);
    ck_assert(!ct_transformer_decoder_new(cx, CT_I64, 4, 2, NULL));
    expect_error(CT_ERROR_DTYPE, "f32 or f64", NULL);
    ck_assert(!ct_transformer_encoder_new(cx, CT_F64, 4, 2,
                                          &(ct_transformer_options){ .dropout = 1 }));
    expect_error(CT_ERROR_VALUE, "transformer_encoder_new: dropout must be in [0, 1), got 1", NULL);
    ck_assert(!ct_transformer_encoder_new(cx, CT_F64, 4, 2,
                                          &(ct_transformer_options){ .reserved = { 1 } }));
    expect_error(CT_ERROR_VALUE, "reserved", NULL);
    ck_assert(!ct_transformer_encoder_new(cx, CT_F64, 4, 2, &(ct_transformer_options){
                                              .activation = (ct_activation)99 }));
    expect_error(CT_ERROR_VALUE, "no such activation: 99", NULL);
    ck_assert(!ct_module_forward(m, wide));
    expect_error(CT_ERROR_SHAPE, "multi_head_attention: x must be (...,t,4), got (2,5)", NULL);
    ck_assert(!ct_module_attend(encoder, x, x, x, NULL));
    expect_error(CT_ERROR_VALUE, "transformer_encoder is no multi_head_attention", NULL);
    ck_assert(!ct_module_attend(m, x, NULL, x, NULL));
    expect_error(CT_ERROR_NULL, "module_attend: the input is NULL", NULL);
    ck_assert(!ct_module_attend(NULL, x, x, x, NULL));
    expect_error(CT_ERROR_NULL, "module_attend: the module is NULL", NULL);
    ck_assert(!ct_module_forward(decoder, x));
    expect_error(CT_ERROR_NULL, "ct_transformer_forward", NULL);
    ck_assert(!ct_transformer_forward(decoder, x, NULL, NULL, NULL));
    expect_error(CT_ERROR_NULL, "a decoder needs a memory", NULL);
    ck_assert(!ct_transformer_forward(encoder, x, NULL, x, NULL));
    expect_error(CT_ERROR_VALUE, "an encoder has none", NULL);
    ck_assert(!ct_transformer_forward(m, x, NULL, NULL, NULL));
    expect_error(CT_ERROR_VALUE, "is no block of a transformer", NULL);
    ck_assert(!ct_transformer_forward(encoder, NULL, NULL, NULL, NULL));
    expect_error(CT_ERROR_NULL, "transformer_forward: the input is NULL", NULL);
    ct_module_free(ct_module_child(encoder, "norm2"));
    ck_assert(!ct_module_forward(encoder, x));
    expect_error(CT_ERROR_VALUE, "has no child 'norm2'", NULL);
    ck_assert(!ct_padding_mask(wide, 3));
    expect_error(CT_ERROR_VALUE, "padding_mask: takes lengths (n) of i64", NULL);
    ck_assert(!ct_padding_mask(ct_zeros(cx, CT_I64, CT_SHAPE(2, 1)), 3));
    expect_error(CT_ERROR_VALUE, "padding_mask: takes lengths (n) of i64", NULL);
    ck_assert(!ct_padding_mask(ct_zeros(cx, CT_I64, CT_SHAPE(2)), -1));
    expect_error(CT_ERROR_VALUE, "padding_mask", "a size that is not negative", NULL);
}
END_TEST

Suite *attention_layers_suite(void)
{
    return make_suite("attention_layers", (const TTest *const[]){
        attention_is_that_of_pytorch, blocks_are_those_of_pytorch, sequences_of_any_length,
        padding_is_not_seen, dropout_is_for_training,
        attention_drops_weights_in_training, the_checker_agrees,
        positions_are_sines_and_cosines, every_allocation_may_fail, errors_say_what_is_wanted,
        NULL });
}
