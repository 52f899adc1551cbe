/* The rule that can be differentiated again: the steps once more, by public operators, and then the
 * formulas of cells_kernels.h by operators, too. It costs some 20 operators for each step, forward
 * and backward, which is paid only where a graph of the gradients is wanted. */
#include "sequence.h"

#include "activation.h"

/* what a step leaves for the way back */
typedef struct step {
    ct_tensor *h, *c;           /* the state before it */
    ct_tensor *gate[4];
    ct_tensor *shown;           /* of lstm: tanh c; of gru: the candidate's part of b; else y */
    ct_tensor *goes_on;         /* (N,1): for which sequences it is one; NULL: all */
    ct_tensor *e, *er;          /* the cotangents of a and b; the same tensor, but for gru */
} step;

/* what stays the same in all steps, and the state, or its cotangent, on the way */
typedef struct run {
    const ct__cell *cell;
    ct_activation of_rnn;
    int64_t steps, units;
    bool reverse;
    step *at;                   /* by t */
    ct_tensor *w_hh, *b_hh, *lengths, *h, *c;
} run;

static ct_tensor *part(const run *r, ct_tensor *a, int gate)
{
    return ct_slice(a, -1, gate * r->units, (gate + 1) * r->units, 1);
}

/* -- Forward: a = x_t w_ih^T + b_ih and b = h w_hh^T + b_hh */
static void lstm_step(run *r, step *s, ct_tensor *a, ct_tensor *b)
{
    ct_tensor *sum = ct_add(a, b);
    for (int g = 0; g < 4; g++)
        s->gate[g] = (g == 2 ? ct_tanh : ct_sigmoid)(part(r, sum, g));
    r->c = ct_add(ct_mul(s->gate[1], r->c), ct_mul(s->gate[0], s->gate[2]));
    s->shown = ct_tanh(r->c);
    r->h = ct_mul(s->gate[3], s->shown);
}

static void gru_step(run *r, step *s, ct_tensor *a, ct_tensor *b)
{
    s->shown = part(r, b, 2);
    for (int g = 0; g < 2; g++)
        s->gate[g] = ct_sigmoid(ct_add(part(r, a, g), part(r, b, g)));
    s->gate[2] = ct_tanh(ct_add(part(r, a, 2), ct_mul(s->gate[0], s->shown)));
    r->h = ct_add(s->gate[2], ct_mul(s->gate[1], ct_sub(r->h, s->gate[2])));
}

static void take_step(run *r, int64_t t, ct_tensor *a)
{
    step *s = &r->at[t];
    *s = (step){ .h = r->h, .c = r->c };
    ct_tensor *b = ct_linear(r->h, r->w_hh, r->b_hh);
    if (r->lengths)
        s->goes_on = ct_gt(r->lengths, ct_full(ct_context_of(r->lengths), CT_I64, NULL, 0,
                                               (double)t));
    if (r->cell->has_c)
        lstm_step(r, s, a, b);
    else if (r->cell->splits)
        gru_step(r, s, a, b);
    else
        r->h = s->shown = ct_activate(ct_add(a, b), r->of_rnn);
    if (s->goes_on) { /* the others keep their state */
        r->h = ct_where(s->goes_on, r->h, s->h);
        r->c = s->c ? ct_where(s->goes_on, r->c, s->c) : NULL;
    }
}

/* -- Backward: the formulas of cells_kernels.h. g is the cotangent of h after the step */
static void lstm_back(run *r, step *s, ct_tensor *g)
{
    ct_tensor *const *gate = s->gate, *e[4];
    r->c = ct_add(r->c, ct__activation_slope(CT_TANH, ct_mul(g, gate[3]), s->shown));
    e[0] = ct__activation_slope(CT_SIGMOID, ct_mul(r->c, gate[2]), gate[0]);
    e[1] = ct__activation_slope(CT_SIGMOID, ct_mul(r->c, s->c), gate[1]);
    e[2] = ct__activation_slope(CT_TANH, ct_mul(r->c, gate[0]), gate[2]);
    e[3] = ct__activation_slope(CT_SIGMOID, ct_mul(g, s->shown), gate[3]);
    r->c = ct_mul(r->c, gate[1]);
    s->e = s->er = ct_concat(e, 4, -1);
    r->h = ct_matmul(s->e, r->w_hh);
}

static void gru_back(run *r, step *s, ct_tensor *g)
{
    ct_tensor *const *gate = s->gate, *e[3];
    e[2] = ct__activation_slope(CT_TANH, ct_mul(g, ct_rsub(1, gate[1])), gate[2]);
    e[1] = ct__activation_slope(CT_SIGMOID, ct_mul(g, ct_sub(s->h, gate[2])), gate[1]);
    e[0] = ct__activation_slope(CT_SIGMOID, ct_mul(e[2], s->shown), gate[0]);
    s->e = ct_concat(e, 3, -1);
    e[2] = ct_mul(e[2], gate[0]);
    s->er = ct_concat(e, 3, -1);
    r->h = ct_add(ct_mul(g, gate[1]), ct_matmul(s->er, r->w_hh));
}

/* what has ended has no cotangent in this step */
static void leave_out(run *r, step *s, ct_tensor *gh, ct_tensor *gc)
{
    ct_tensor *zero = ct_scalar_like(gh, 0);
    bool same = s->er == s->e;
    s->e = ct_where(s->goes_on, s->e, zero);
    s->er = same ? s->e : ct_where(s->goes_on, s->er, zero);
    r->h = ct_where(s->goes_on, r->h, gh);
    r->c = gc ? ct_where(s->goes_on, r->c, gc) : NULL;
}

static void take_back(run *r, int64_t t, ct_tensor *gy)
{
    step *s = &r->at[t];
    ct_tensor *gh = r->h, *gc = r->c, *g = gy ? ct_add(gh, ct_select(gy, 0, t)) : gh;
    if (r->cell->has_c)
        lstm_back(r, s, g);
    else if (r->cell->splits)
        gru_back(r, s, g);
    else {
        s->e = s->er = ct__activation_slope(r->of_rnn, g, s->shown);
        r->h = ct_matmul(s->e, r->w_hh);
    }
    if (s->goes_on && gh)
        leave_out(r, s, gh, gc);
}

/* -- The whole */
static int64_t time_of(const run *r, int64_t i)
{
    return r->reverse ? r->steps - 1 - i : i;
}

static ct_status take_all(const ct_call *call, const ct__sequence_inputs *in, run *r,
                          ct_tensor *const *gy)
{
    ct_tensor *h0 = r->h, *sums = ct_linear(ct_call_x(call, CT__X), ct_call_x(call, in->w_ih),
                                            ct_call_x(call, in->b_ih));
    if (in->lengths >= 0)
        r->lengths = ct_unsqueeze(ct_call_x(call, in->lengths), 1);
    for (int64_t i = 0; i < r->steps; i++)
        take_step(r, time_of(r, i), ct_select(sums, 0, time_of(r, i)));
    if (!r->h || !sums)
        return ct_error(ct_call_context(call));
    r->h = gy[1] ? gy[1] : ct_zeros_like(h0);
    if (r->cell->has_c)
        r->c = gy[2] ? gy[2] : ct_zeros_like(h0);
    for (int64_t i = r->steps - 1; i >= 0; i--)
        take_back(r, time_of(r, i), gy[0]);
    return r->h ? CT_OK : ct_error(ct_call_context(call));
}

/* one field of all steps, side by side: (T N, ...) */
static ct_tensor *joined(const ct_call *call, const run *r, size_t field)
{
    ct_tensor **all = ct_call_scratch(call, (size_t)r->steps * sizeof *all);
    for (int64_t t = 0; all && t < r->steps; t++)
        all[t] = *(ct_tensor **)((char *)&r->at[t] + field);
    return all ? ct_concat(all, (int)r->steps, 0) : NULL;
}

ct_status ct__sequence_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const ct__sequence_inputs in = ct__sequence_inputs_of(call);
    const ct__sequence *a = ct_call_attributes(call);
    ct_tensor *x = ct_call_x(call, CT__X), *w_hh = ct_call_x(call, in.w_hh);
    run r = { .cell = ct__sequence_cell(call), .of_rnn = a->relu ? CT_RELU : CT_TANH,
              .steps = ct_size(x, 0), .units = ct_size(w_hh, 1), .reverse = a->reverse,
              .w_hh = w_hh, .b_hh = ct_call_x(call, in.b_hh), .h = ct_call_x(call, CT__H0) };
    if (r.cell->has_c)
        r.c = ct_call_x(call, CT__C0);
    r.at = ct_call_scratch(call, (size_t)r.steps * sizeof *r.at);
    ct_status status = r.at ? take_all(call, &in, &r, gy) : CT_ERROR_MEMORY;
    if (status != CT_OK)
        return status;
    ct_tensor *e = joined(call, &r, offsetof(step, e)), *er = joined(call, &r, offsetof(step, er));
    ct_tensor *rows = ct_reshape(x, CT_SHAPE(r.steps * ct_size(x, 1), ct_size(x, 2)));
    gx[CT__X] = ct_reshape(ct_matmul(e, ct_call_x(call, in.w_ih)), ct_shape(x), 3);
    gx[CT__H0] = r.h;
    if (r.cell->has_c)
        gx[CT__C0] = r.c;
    gx[in.w_ih] = ct_matmul(ct_transpose(e), rows);
    gx[in.w_hh] = ct_matmul(ct_transpose(er), joined(call, &r, offsetof(step, h)));
    if (in.b_ih >= 0) {
        const int64_t wide = r.cell->gates * r.units;
        gx[in.b_ih] = ct_sum_to(e, &wide, 1);
        gx[in.b_hh] = ct_sum_to(er, &wide, 1);
    }
    return CT_OK; /* the engine looks for a NULL */
}
