/* A recurrent network learns to write, one character after the other. See lyrics.md. */
#include "show.h"
#include "writer.h"
#define RATE 4e-3
static double passes[MOMENTS + 1], bits[MOMENTS + 1];

/* of T steps of x from t on: the state is kept, and its past is not */
#define PART(x, t, T) ct_slice(x, 0, t, (t) + (T), 1), ct_slice(x, 0, (t) + 1, (t) + (T) + 1, 1)
static void keep(ct_tensor **state, ct_tensor **now)
{
    ct_keep(&state[0], ct_detach(now[0])), ct_keep(&state[1], ct_detach(now[1]));
}

/* x: data of a loss. y: the loss, and the state */
static ct_status step(ct_context *cx, ct_tensor *const *x, int n, ct_tensor **y, void *user)
{
    const learner *l = user;
    ct_tensor *d[6] = { x[0], x[1], n > 2 ? x[2] : NULL, n > 2 ? x[3] : NULL };
    y[0] = loss(l->net, d), y[1] = d[4], y[2] = d[5];
    ct_backward(y[0]);
    ct_tensor *const *w = ct_module_parameters(l->net, &n);
    ct_clip_gradient_norm(w, n, 1);
    ct_optimizer_step(l->optimizer);
    return ct_error(cx);
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
        ct_tensor *d[6] = { PART(x, t, T), state[0], state[1] };
        sum += ct_item(loss(net, d)) * (double)T;
        keep(state, &d[4]);
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
    int64_t wide = program_size(p, 64, 64, 8), T = program_size(p, 64, 64, 16), done = 0;
    ct_tensor *const *w = ct_module_parameters(net, &n), *state[2] = { NULL };
    ct_tensor *x = streams(p->cx, 0, learn, wide), *test = streams(p->cx, learn, length, ASIDE);
    int64_t pass = (ct_size(x, 0) - 1) / T, each = program_size(p, pass / 5, 25, 5);
    ct_optimizer *adam = ct_adam_new(w, n, RATE, NULL);
    for (int k = 0; k <= MOMENTS; k++) {
        for (int64_t i = 0; k && i < each && !p->stopped; i++, done++) {
            ct_scope scope = ct_scope_begin(p->cx);
            double share = (double)done / (double)(MOMENTS * each);
            if (done % pass == 0)
                ct_release(state[0]), ct_release(state[1]), state[0] = state[1] = NULL;
            ct_tensor *d[] = { PART(x, done % pass * T, T), state[0], state[1] }, *y[3];
            ct_optimizer_set_rate(adam, RATE * fmin(1, 2 - 2 * share));
            if (program_step_by(p, step, 3, (learner){ net, adam }, d, state[0] ? 4 : 2, y))
                keep(state, &y[1]);
            ct_scope_end(p->cx, scope);
            program_progress(p, 0.05 + 0.9 * share, "%.2f bits before", bits[k - 1]);
        }
        passes[k] = (double)done / (double)pass, bits[k] = bits_of(p, net, test);
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
