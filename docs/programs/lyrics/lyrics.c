/* A recurrent network learns to write, one character after the other. See lyrics.md. */
#include "show.h"
#define RATE 4e-3
static double passes[MOMENTS + 1], bits[MOMENTS + 1];

static ct_module *net_new(program *p)
{
    int64_t size = program_size(p, 64, 64, 16), units = program_size(p, 192, 192, 48);
    ct_module *net = ct_module_new(p->cx, "writer", NULL, NULL);
    ct_module_add(net, "embedding", ct_embedding_new(p->cx, CT_F32, kinds, size, NULL));
    ct_module_add(net, "lstm", ct_lstm_new(p->cx, CT_F32, size, units, NULL));
    ct_module_add(net, "out", ct_linear_new(p->cx, CT_F32, units, kinds, NULL));
    return net;
}

/* what the units say, (T,N,units), of characters, (T,N); the state goes on */
static ct_tensor *units_of(ct_module *net, ct_tensor *x, ct_tensor **state)
{
    ct_tensor *e = ct_module_forward(ct_module_child(net, "embedding"), x);
    return ct_recurrent_forward(ct_module_child(net, "lstm"), e, NULL, &state[0], &state[1]);
}

/* of the next character, (T N,kinds) */
static ct_tensor *logits_of(ct_module *net, ct_tensor *y)
{
    return ct_reshape(ct_module_forward(ct_module_child(net, "out"), y), CT_SHAPE(-1, kinds));
}

/* data: characters, those behind them, and the state */
static ct_tensor *loss(ct_module *net, void *data)
{
    ct_tensor **d = data, *state[] = { d[2], d[3] };
    ct_tensor *z = logits_of(net, units_of(net, d[0], state));
    d[4] = state[0], d[5] = state[1];
    return ct_cross_entropy(z, ct_reshape(d[1], CT_SHAPE(-1)));
}

/* the loss of T steps of x from t on; the state is kept, and its past is not */
static ct_tensor *loss_at(ct_module *net, ct_tensor *x, int64_t t, int64_t T, ct_tensor **state)
{
    ct_tensor *d[6] = { ct_slice(x, 0, t, t + T, 1), ct_slice(x, 0, t + 1, t + T + 1, 1),
                        state[0], state[1] };
    ct_tensor *j = loss(net, d);
    ct_keep(&state[0], ct_detach(d[4])), ct_keep(&state[1], ct_detach(d[5]));
    return j;
}

static double bits_of(program *p, ct_module *net, ct_tensor *x)
{
    ct_tensor *state[2] = { NULL, NULL };
    double sum = 0;
    int64_t n = ct_size(x, 0) - 1;
    for (int64_t t = 0, T; t < n && !ct_error(p->cx); t += T) {
        ct_scope scope = ct_scope_begin(p->cx);
        ct_inference(p->cx);
        T = n - t < 100 ? n - t : 100;
        sum += ct_item(loss_at(net, x, t, T, state)) * (double)T;
        ct_scope_end(p->cx, scope);
    }
    ct_release(state[0]), ct_release(state[1]);
    return sum / (double)n / log(2);
}

/* n lines of text, side by side; each character is drawn from softmax(logits / warmth) */
static void write_lines(program *p, ct_module *net, int n, const double *warmth, int size, int *to)
{
    ct_tensor *x = ct_full(p->cx, CT_I64, CT_SHAPE(1, n), number_of['\n']), *state[2] = { NULL };
    for (int t = 0; t < size && !ct_error(p->cx); t++) {
        ct_scope scope = ct_scope_begin(p->cx);
        ct_inference(p->cx);
        ct_tensor *now[] = { state[0], state[1] }, *z = logits_of(net, units_of(net, x, now));
        z = ct_div(z, ct_from_doubles(p->cx, CT_F32, CT_SHAPE(n, 1), warmth, n));
        x = ct_reshape(ct_multinomial(ct_softmax(z, 1), 1, true), CT_SHAPE(1, n));
        for (int i = 0; i < n; i++)
            to[i * size + t] = (int)ct_at(x, CT_INDEX(0, i));
        ct_keep(&state[0], now[0]), ct_keep(&state[1], now[1]);
        x = ct_scope_return(p->cx, scope, x);
    }
    ct_release(state[0]), ct_release(state[1]);
}

/* 3.2 passes over the text; the rate falls to 0 over the second half */
static void train(program *p, ct_module *net, int64_t learn)
{
    int n;
    int64_t wide = program_size(p, 64, 64, 8), T = program_size(p, 64, 64, 16), step = 0;
    ct_tensor *const *w = ct_module_parameters(net, &n), *state[2] = { NULL };
    ct_tensor *x = streams(p->cx, 0, learn, wide), *test = streams(p->cx, learn, length, ASIDE);
    int64_t pass = (ct_size(x, 0) - 1) / T, each = program_size(p, pass / 5, 25, 5);
    ct_optimizer *adam = ct_adam_new(w, n, RATE, NULL);
    for (int k = 0; k <= MOMENTS; k++) {
        for (int64_t i = 0; k && i < each && !p->stopped; i++, step++) {
            ct_scope scope = ct_scope_begin(p->cx);
            double share = (double)step / (double)(MOMENTS * each);
            if (step % pass == 0)
                ct_release(state[0]), ct_release(state[1]), state[0] = state[1] = NULL;
            ct_backward(loss_at(net, x, step % pass * T, T, state));
            ct_clip_gradients(w, n, 1);
            ct_optimizer_set_rate(adam, RATE * fmin(1, 2 - 2 * share));
            ct_optimizer_step(adam);
            ct_scope_end(p->cx, scope);
            program_progress(p, 0.05 + 0.9 * share, "%.2f bits before", bits[k - 1]);
        }
        passes[k] = (double)step / (double)pass, bits[k] = bits_of(p, net, test);
        write_lines(p, net, WARMTHS, warmths, VERSE, verses[k][0]);
        if (!p->tiny)
            program_say(p, "after %.1f passes: %.3f bits per character", passes[k], bits[k]);
    }
}

/* what the network sees in held-out text, for the report */
static void read_on(program *p, ct_module *net, int64_t from)
{
    static double surprise[SEEN], units[SEEN * 192];
    ct_inference(p->cx);
    ct_tensor *state[2] = { NULL }, *next = streams(p->cx, from + 1, from + 1 + SEEN, 1);
    ct_tensor *y = units_of(net, streams(p->cx, from, from + SEEN, 1), state), *j;
    j = ct_cross_entropy_each(logits_of(net, y), ct_reshape(next, CT_SHAPE(-1)));
    ct_to_doubles(ct_scale(j, 1 / log(2)), surprise, SEEN);
    ct_to_doubles(y, units, ct_count(y));
    show_reading(p, text + from, surprise, units, (int)ct_size(y, 2));
}

int main(int argc, char **argv)
{
    program p = { .name = "lyrics", .title = "A network that writes", .minutes = 5,
                  .does = "learns from a text, character by character, to write more of it",
                  .options = text_option, .option_count = 1 };
    if (!program_begin(&p, argc, argv))
        return p.status;
    read_text(&p, p.tiny ? 20000 : 1000000);
    int64_t learn = length - length / 20;
    ct_module *net = net_new(&p);
    ct_tensor *few[6] = { streams(p.cx, 0, 12, 2), streams(p.cx, 1, 13, 2), NULL, NULL };
    if (!count(&p, learn) || !program_check(&p, net, loss, few))
        return program_end(&p, NULL);
    train(&p, net, learn);
    write_lines(&p, net, LINES, hot, LENGTH, lines[0]);
    show_figures(&p, passes, bits, learn);
    show_verses(&p, passes);
    double copied = show_copied(&p, learn);
    read_on(&p, net, learn);
    double end = bits[MOMENTS], order3 = counted[3], order5 = counted[5];
    const char *less = "%.3f bits after %.1f passes, fewer than by counts behind %d, %.3f";
    program_target(&p, bits[5] < order3, less, bits[5], passes[5], 3, order3);
    program_target(&p, end < order5, less, end, passes[MOMENTS], 5, order5);
    return program_end(&p, "%.3f bits per character (counts: %.3f and %.3f); %.1f %% of its runs "
                       "of %d are copied", end, order3, order5, 100 * copied, RUN);
}
