/* The operators of recurrent layers, which differ by their cell alone. */
#include <string.h>

#include "sequence.h"

extern const ct_op ct__rnn_op, ct__gru_op, ct__lstm_op;

/* -- Samples */
typedef struct sample {
    int64_t t, n, k, h;
    bool biased, reverse, relu;
    int64_t lengths[3];         /* zeros: none */
} sample;

static const sample samples[] = {
    { 2, 2, 3, 2, true, false, false, { 0 } },
    { 3, 2, 2, 3, true, true, false, { 0 } },
    { 3, 3, 1, 2, true, false, true, { 2, 3, 1 } },
    { 3, 3, 2, 1, false, true, false, { 1, 3, 2 } },
    { 1, 1, 2, 2, false, false, true, { 0 } },
    { 2, 0, 2, 2, true, false, false, { 0 } },
};

static int make_sample(ct_context *cx, int k, ct_tensor **x, ct__sequence *a, int gates,
                       bool has_c)
{
    if (k >= (int)(sizeof samples / sizeof *samples))
        return 0;
    const sample *s = &samples[k];
    int n = 0;
    *a = (ct__sequence){ s->reverse, s->relu && gates == 1 };
    x[n++] = ct_randn(cx, CT_F64, CT_SHAPE(s->t, s->n, s->k));
    for (int i = 0; i < (has_c ? 2 : 1); i++)
        x[n++] = ct_randn(cx, CT_F64, CT_SHAPE(s->n, s->h));
    x[n++] = ct_randn(cx, CT_F64, CT_SHAPE(gates * s->h, s->k));
    x[n++] = ct_randn(cx, CT_F64, CT_SHAPE(gates * s->h, s->h));
    for (int i = 0; i < 2 && s->biased; i++)
        x[n++] = ct_randn(cx, CT_F64, CT_SHAPE(gates * s->h));
    if (s->lengths[0] > 0)
        x[n++] = ct_from_ints(cx, CT_SHAPE(s->n), s->lengths, s->n);
    return n;
}

static int rnn_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    return make_sample(cx, k, x, attributes, 1, false);
}

static int gru_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    return make_sample(cx, k, x, attributes, 3, false);
}

static int lstm_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    return make_sample(cx, k, x, attributes, 4, true);
}

/* -- The operators; `user` are the cells without and with ct__sequence.relu */
static const ct__cell *const rnn_cells[] = { &ct__cell_tanh, &ct__cell_relu };
static const ct__cell *const gru_cells[] = { &ct__cell_gru, &ct__cell_gru };
static const ct__cell *const lstm_cells[] = { &ct__cell_lstm, &ct__cell_lstm };

#define E_DERIVATIVES                                                                           \
    "gx_t = e_t w_ih, gw_ih = sum_t e_t^T x_t, gw_hh = sum_t e_t^T h_{t-1}, "                    \
    "gb_ih = gb_hh = the sum of the rows of all e_t, where e_t is the cotangent of "

const ct_op ct__rnn_op = {
    .name = "rnn",
    .formula = "y_t = h_t = tanh(x_t w_ih^T + b_ih + h_{t-1} w_hh^T + b_hh)",
    .derivative = E_DERIVATIVES "the sum in tanh, (gy_t + e_{t+1} w_hh) (1 - y_t^2)",
    .inputs = -4,
    .outputs = 2,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_ALL_X | CT_SAVE_Y(0),
    .attributes_size = sizeof(ct__sequence),
    .infer = ct__sequence_infer,
    .forward = ct__sequence_forward,
    .vjp = ct__sequence_vjp,
    .backward = ct__sequence_backward,
    .sample = rnn_sample,
    .user = rnn_cells,
};
const ct_op ct__gru_op = {
    .name = "gru",
    .formula = "y_t = h_t = (1 - z) k + z h_{t-1} with r = s(a_r + b_r), z = s(a_z + b_z), "
               "k = tanh(a_k + r b_k), where (a_r, a_z, a_k) = x_t w_ih^T + b_ih and "
               "(b_r, b_z, b_k) = h_{t-1} w_hh^T + b_hh",
    .derivative = "gx_t = e_t w_ih, gw_ih = sum_t e_t^T x_t, gw_hh = sum_t f_t^T h_{t-1}, "
                  "gb_ih = the sum of the rows of all e_t, gb_hh = that of all f_t, where e_t and "
                  "f_t are the cotangents of (a_r, a_z, a_k) and (b_r, b_z, b_k)",
    .inputs = -4,
    .outputs = 2,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_ALL_X | CT_SAVE_Y(0) | CT_SAVE_AUX,
    .attributes_size = sizeof(ct__sequence),
    .infer = ct__sequence_infer,
    .forward = ct__sequence_forward,
    .vjp = ct__sequence_vjp,
    .backward = ct__sequence_backward,
    .sample = gru_sample,
    .user = gru_cells,
};
const ct_op ct__lstm_op = {
    .name = "lstm",
    .formula = "y_t = h_t = s(o) tanh c_t with c_t = s(f) c_{t-1} + s(i) tanh k, where "
               "(i, f, k, o) = x_t w_ih^T + b_ih + h_{t-1} w_hh^T + b_hh",
    .derivative = E_DERIVATIVES "(i, f, k, o)",
    .inputs = -5,
    .outputs = 3,
    .flags = CT_OP_CONTIGUOUS,
    .saves = CT_SAVE_ALL_X | CT_SAVE_Y(0) | CT_SAVE_AUX,
    .attributes_size = sizeof(ct__sequence),
    .infer = ct__sequence_infer,
    .forward = ct__sequence_forward,
    .vjp = ct__sequence_vjp,
    .backward = ct__sequence_backward,
    .sample = lstm_sample,
    .user = lstm_cells,
};

/* -- The functions */
/* the state before the first step: x's, or zeros */
static ct_tensor *state_of(ct_tensor *x, ct_tensor *state, const ct_tensor *w_hh)
{
    if (state || ct_ndim(x) < 2 || ct_ndim(w_hh) != 2 || ct_error(ct_context_of(x)))
        return state; /* NULL is then reported where the operator is applied */
    return ct_zeros(ct_context_of(x), ct_dtype_of(x),
                    CT_SHAPE(ct_size(x, 1), ct_size(w_hh, 1)));
}

static bool all_usable(ct_tensor *x, const ct_recurrent *a, const char *who)
{
    ct_tensor *all[] = { x, a->w_ih, a->w_hh, a->b_ih, a->b_hh, a->h0, a->c0, a->lengths };
    for (int i = 0; i < 8; i++)
        if (all[i] && !ct_usable(all[i], who))
            return false;
    for (int i = 0; i < 3; i++)
        if (!all[i]) {
            for (int k = 0; k < 8; k++)
                if (all[k])
                    return ct_fail(ct_context_of(all[k]), CT_ERROR_NULL, "%s: %s is NULL", who,
                                   i == 0 ? "x" : i == 1 ? "w_ih" : "w_hh"), false;
            return false;
        }
    return true;
}

static bool fields_fit(ct_tensor *x, const ct_recurrent *a, const char *who)
{
    ct_context *cx = ct_context_of(x);
    if ((a->reserved[0] | a->reserved[1] | a->reserved[2] | a->reserved[3]) != 0)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: the struct must be zeroed before it is filled in, "
                       "and `reserved` must stay zero", who), false;
    if (!a->b_ih != !a->b_hh)
        return ct_fail(cx, CT_ERROR_NULL, "%s: there must be both biases or neither, and %s is "
                       "NULL", who, a->b_ih ? "b_hh" : "b_ih"), false;
    return true;
}

static ct_status run(const ct_op *op, ct_tensor *x, const ct_recurrent *a, ct_tensor **results[3])
{
    bool has_c = op == &ct__lstm_op;
    ct_tensor *in[8], *out[8] = { NULL };
    int n = 0;
    for (int i = 0; i < 3; i++)
        if (results[i])
            *results[i] = NULL;
    if (!a || !all_usable(x, a, op->name) || !fields_fit(x, a, op->name))
        return x && ct_error(ct_context_of(x)) ? ct_error(ct_context_of(x)) : CT_ERROR_NULL;
    in[n++] = x;
    in[n++] = state_of(x, a->h0, a->w_hh);
    if (has_c)
        in[n++] = state_of(x, a->c0, a->w_hh);
    in[n++] = a->w_ih;
    in[n++] = a->w_hh;
    if (a->b_ih)
        in[n++] = a->b_ih, in[n++] = a->b_hh;
    if (a->lengths)
        in[n++] = a->lengths;
    ct_status status = ct_apply_all(op, &(ct__sequence){ a->reverse, a->relu }, in, n, out);
    for (int i = 0; i < 3; i++)
        if (results[i] && status == CT_OK)
            *results[i] = out[i];
    return status;
}

ct_status ct_rnn(ct_tensor *x, const ct_recurrent *a, ct_tensor **y, ct_tensor **h)
{
    return run(&ct__rnn_op, x, a, (ct_tensor **[]){ y, h, NULL });
}

ct_status ct_gru(ct_tensor *x, const ct_recurrent *a, ct_tensor **y, ct_tensor **h)
{
    return run(&ct__gru_op, x, a, (ct_tensor **[]){ y, h, NULL });
}

ct_status ct_lstm(ct_tensor *x, const ct_recurrent *a, ct_tensor **y, ct_tensor **h, ct_tensor **c)
{
    return run(&ct__lstm_op, x, a, (ct_tensor **[]){ y, h, c });
}
