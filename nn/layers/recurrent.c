/* Recurrent layers of several levels, in one direction or both. The entries are the parameters,
 * level by level: of each direction w_ih, w_hh and, unless there are none, b_ih and b_hh, named as
 * in PyTorch. */
#include <math.h>
#include <stdio.h>

#include "layers.h"

typedef enum kind { RNN, GRU, LSTM } kind;

typedef struct recurrent {
    kind kind;
    int64_t hidden, levels, directions;
    bool batch_first, no_bias, relu;
    double dropout;
} recurrent;

/* -- Forward */
/* what one run has beside the module: the state goes in, and comes out, level by level */
typedef struct run {
    const recurrent *a;
    ct_tensor *lengths, *h, *c;     /* h and c may be NULL: zeros */
    ct_tensor **last_h, **last_c;   /* of each direction of each level */
} run;

static ct_status apply(const run *r, ct_tensor *x, ct_recurrent *in, int64_t at, ct_tensor **y)
{
    ct_tensor **h = &r->last_h[at];
    in->lengths = r->lengths;
    in->relu = r->a->relu;
    in->h0 = r->h ? ct_select(r->h, 0, at) : NULL;
    in->c0 = r->c ? ct_select(r->c, 0, at) : NULL;
    if ((r->h && !in->h0) || (r->c && !in->c0))
        return CT_ERROR_MEMORY;
    switch (r->a->kind) {
    case RNN:
        return ct_rnn(x, in, y, h);
    case GRU:
        return ct_gru(x, in, y, h);
    case LSTM:
        break;
    }
    return ct_lstm(x, in, y, h, &r->last_c[at]);
}

/* the y of a level, from *e on, which is left behind the level's last parameter */
static ct_tensor *run_level(const run *r, int64_t level, ct_tensor *x, const ct__entry **e)
{
    ct_tensor *y[2] = { NULL };
    for (int64_t d = 0; d < r->a->directions; d++) {
        ct_tensor *w[4] = { NULL };
        for (int i = 0; i < (r->a->no_bias ? 2 : 4); i++, *e = ct__table_next(*e))
            w[i] = (*e)->tensor;
        ct_recurrent in = { .w_ih = w[0], .w_hh = w[1], .b_ih = w[2], .b_hh = w[3],
                            .reverse = d > 0 };
        if (apply(r, x, &in, level * r->a->directions + d, &y[d]) != CT_OK)
            return NULL;
    }
    return r->a->directions > 1 ? ct_concat(y, 2, -1) : y[0];
}

static ct_tensor *run_levels(ct_module *m, const run *r, ct_tensor *x)
{
    const ct__entry *e = m->entries;
    const recurrent *a = r->a;
    if (ct_ndim(x) != 3)
        return ct_fail(m->cx, CT_ERROR_SHAPE, "%s: x must be %s, and has %d dimensions", m->kind,
                       a->batch_first ? "(N,T,inputs)" : "(T,N,inputs)", ct_ndim(x)), NULL;
    x = a->batch_first ? ct_swap_axes(x, 0, 1) : x;
    for (int64_t level = 0; level < a->levels && x; level++) {
        if (level > 0 && a->dropout > 0 && !ct_is_inference(m->cx))
            x = ct_dropout(x, a->dropout);
        x = x ? run_level(r, level, x, &e) : NULL;
    }
    return a->batch_first ? ct_swap_axes(x, 0, 1) : x;
}

/* room for the last states of all levels; NULL and an error */
static bool make_room(ct_module *m, run *r)
{
    int64_t n = r->a->levels * r->a->directions;
    r->last_h = ct_object_new(m->cx, 2 * (size_t)n * sizeof *r->last_h, NULL);
    r->last_c = r->last_h ? r->last_h + n : NULL;
    return r->last_h != NULL;
}

static ct_tensor *recurrent_forward(ct_module *self, ct_tensor *x, void *user)
{
    run r = { .a = user };
    ct_tensor *y = make_room(self, &r) ? run_levels(self, &r, x) : NULL;
    ct_object_free(r.last_h);
    return y;
}

/* a state is (levels directions,N,hidden), or is not given */
static bool state_fits(const ct_module *m, const recurrent *a, const ct_tensor *x, ct_tensor *state,
                       const char *name)
{
    int64_t n = ct_ndim(x) == 3 ? ct_size(x, a->batch_first ? 0 : 1) : 0;
    int64_t levels = a->levels * a->directions;
    if (!state || (ct_ndim(state) == 3 && ct_size(state, 0) == levels && ct_size(state, 1) == n &&
                   ct_size(state, 2) == a->hidden))
        return true;
    return ct_fail(m->cx, CT_ERROR_SHAPE, "recurrent_forward: %s must be (%lld,%lld,%lld): levels "
                   "and directions, sequences, hidden units", name, (long long)levels,
                   (long long)n, (long long)a->hidden), false;
}

static bool arguments_fit(const ct_module *m, const ct_tensor *x, ct_tensor *lengths,
                          ct_tensor **h, ct_tensor **c)
{
    const char *who = "recurrent_forward";
    const ct_tensor *all[] = { x, lengths, h ? *h : NULL, c ? *c : NULL };
    if (!ct__none_stale(who, all, 4))
        return false;
    if (!m || !x)
        return ct_fail(m ? m->cx : ct_context_of(x), CT_ERROR_NULL, "%s: the %s is NULL", who,
                       m ? "input" : "module"), false;
    if (!ct__module_alive(m, who))
        return false;
    if (m->forward != recurrent_forward)
        return ct_fail(m->cx, CT_ERROR_VALUE, "%s: this %s is no rnn, gru or lstm", who, m->kind),
               false;
    const recurrent *a = m->user;
    if (c && a->kind != LSTM)
        return ct_fail(m->cx, CT_ERROR_VALUE, "%s: c is for an lstm, and this is a %s", who,
                       m->kind), false;
    return state_fits(m, a, x, h ? *h : NULL, "h") && state_fits(m, a, x, c ? *c : NULL, "c");
}

ct_tensor *ct_recurrent_forward(ct_module *m, ct_tensor *x, ct_tensor *lengths, ct_tensor **h,
                                ct_tensor **c)
{
    if (!arguments_fit(m, x, lengths, h, c))
        return NULL;
    run r = { .a = m->user, .lengths = lengths, .h = h ? *h : NULL, .c = c ? *c : NULL };
    int n = (int)(r.a->levels * r.a->directions);
    ct_tensor *y = make_room(m, &r) ? run_levels(m, &r, x) : NULL, *last_h = NULL, *last_c = NULL;
    if (y && h)
        last_h = ct_stack(r.last_h, n, 0);
    if (y && c)
        last_c = ct_stack(r.last_c, n, 0);
    ct_object_free(r.last_h);
    if (!y || (h && !last_h) || (c && !last_c))
        return NULL;
    if (h)
        *h = last_h;
    if (c)
        *c = last_c;
    return y;
}

/* -- Constructors */
static const struct {
    const char *kind, *who;
    int gates;
} kinds[] = { { "rnn", "rnn_new", 1 }, { "gru", "gru_new", 3 }, { "lstm", "lstm_new", 4 } };

/* PyTorch draws all parameters from (-u, u), u = 1 / sqrt(hidden). That is LeCun's rule for as many
 * as 3 hidden inputs, since (-u, u) has variance u^2 / 3 */
static bool add(ct_module *m, const char *name, ct_tensor *w, ct_init init)
{
    const recurrent *a = m->user;
    if (!w)
        return false;
    ct_status status = init ? ct__initialize(w, init, ct_size(w, -1), a->hidden)
                            : ct__initialize(w, CT_LECUN_UNIFORM, 3 * a->hidden, a->hidden);
    return status == CT_OK && ct_module_add_parameter(m, name, w);
}

static bool add_direction(ct_module *m, ct_dtype dtype, int64_t inputs, int64_t level, int64_t d,
                          const ct_layer_options *o)
{
    static const char *const names[] = { "weight_ih", "weight_hh", "bias_ih", "bias_hh" };
    const recurrent *a = m->user;
    int64_t rows = kinds[a->kind].gates * a->hidden;
    bool whole = true;
    for (int i = 0; i < (a->no_bias ? 2 : 4) && whole; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_l%lld%s", names[i], (long long)level,
                 d ? "_reverse" : "");
        const int64_t shape[] = { rows, i == 0 ? inputs : a->hidden };
        whole = add(m, name, ct_empty(m->cx, dtype, shape, i < 2 ? 2 : 1),
                    i < 2 ? o->weight_init : o->bias_init);
    }
    return whole;
}

static bool sizes_fit(ct_context *cx, const char *who, int64_t inputs, int64_t hidden,
                      const ct_recurrent_options *o)
{
    double wide = 8.0 * (double)hidden, below = 2.0 * (double)hidden;
    if (inputs < 1 || hidden < 1)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: got %lld inputs and %lld hidden units; both must "
                       "be 1 or more", who, (long long)inputs, (long long)hidden), false;
    if (o->levels < 0 || o->levels > 1000)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: there must be 1 to 1000 levels, got %lld", who,
                       (long long)o->levels), false;
    if (!(o->dropout >= 0 && o->dropout < 1))
        return ct_fail(cx, CT_ERROR_VALUE, "%s: the dropout must be in [0, 1), got %g", who,
                       o->dropout), false;
    if (wide * fmax((double)inputs, below) > 0x1p59)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: %lld inputs and %lld hidden units are more weights "
                       "than any memory holds", who, (long long)inputs, (long long)hidden), false;
    return true;
}

static ct_module *make(ct_context *cx, kind kind, ct_dtype dtype, const int64_t sizes[2],
                       const ct_recurrent_options *options)
{
    const ct_recurrent_options o = options ? *options : (ct_recurrent_options){ 0 };
    const char *who = kinds[kind].who;
    if (!ct__options_zeroed(cx, who, o.reserved) ||
        !ct__options_zeroed(cx, who, o.layer.reserved) ||
        !sizes_fit(cx, who, sizes[0], sizes[1], &o) || !ct__parameters_float(cx, who, dtype))
        return NULL;
    if (o.relu && kind != RNN)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: relu is for rnn_new", who), NULL;
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NULL;
    const recurrent a = { kind, sizes[1], o.levels ? o.levels : 1, o.bidirectional ? 2 : 1,
                          o.batch_first, o.layer.no_bias, o.relu, o.dropout };
    ct_module *m = ct__module_with(cx, kinds[kind].kind, recurrent_forward, &a, sizeof a);
    bool whole = m != NULL;
    for (int64_t i = 0; i < a.levels * a.directions && whole; i++)
        whole = add_direction(m, dtype, i < a.directions ? sizes[0] : a.directions * a.hidden,
                              i / a.directions, i % a.directions, &o.layer);
    if (!whole) {
        ct_module_free(m);
        m = NULL;
    }
    ct_scope_end(cx, scope);
    return m;
}

ct_module *ct_rnn_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t hidden,
                      const ct_recurrent_options *options)
{
    return make(cx, RNN, dtype, (int64_t[]){ inputs, hidden }, options);
}

ct_module *ct_gru_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t hidden,
                      const ct_recurrent_options *options)
{
    return make(cx, GRU, dtype, (int64_t[]){ inputs, hidden }, options);
}

ct_module *ct_lstm_new(ct_context *cx, ct_dtype dtype, int64_t inputs, int64_t hidden,
                       const ct_recurrent_options *options)
{
    return make(cx, LSTM, dtype, (int64_t[]){ inputs, hidden }, options);
}
