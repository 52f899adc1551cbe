/* One training step of a recurrent layer, forward to update, against its floating-point operations.
 * With g gates, i inputs, h units, and b sequences of t steps: 2 b t g h (i + h) operations forward,
 * as many for the gradients of the weights, and 2 b t g h h back through the states. x has no
 * gradient. Inference is forward alone. */
#include <string.h>

#include "bench.h"

typedef struct net {
    const char *kind;
    int gates, inputs, hidden, steps, batch;
    bool infer;
} net;

static const net nets[] = {
    { "lstm", 4, 128, 128, 32, 32, false }, { "gru", 3, 128, 128, 32, 32, false },
    { "rnn", 1, 128, 128, 32, 32, false },  { "lstm", 4, 64, 64, 100, 1, false },
    { "gru", 3, 64, 64, 100, 1, false },    { "lstm", 4, 64, 64, 100, 1, true },
    { "lstm", 4, 256, 256, 64, 64, false },
};
enum { NETS = sizeof nets / sizeof *nets };

typedef struct work {
    const net *net;
    ct_context *cx;
    ct_module *module;
    ct_optimizer *rule;
    ct_tensor *x, *y;
} work;

static void train(void *user, int64_t repeats)
{
    const work *w = user;
    for (int64_t i = 0; i < repeats; i++) {
        ct_scope scope = ct_scope_begin(w->cx);
        ct_backward(ct_mse(ct_module_forward(w->module, w->x), w->y));
        ct_optimizer_step(w->rule);
        ct_scope_end(w->cx, scope);
    }
}

static void infer(void *user, int64_t repeats)
{
    const work *w = user;
    for (int64_t i = 0; i < repeats; i++) {
        ct_scope scope = ct_scope_begin(w->cx);
        ct_inference(w->cx);
        ct_module_forward(w->module, w->x);
        ct_scope_end(w->cx, scope);
    }
}

static work make_work(const net *net, int threads)
{
    int count;
    ct_context *cx = ct_context_new(&(ct_context_options){ .seed = 1, .threads = threads });
    work w = { .net = net, .cx = cx };
    w.module = (net->gates == 4 ? ct_lstm_new : net->gates == 3 ? ct_gru_new : ct_rnn_new)(
        cx, CT_F32, net->inputs, net->hidden, NULL);
    ct_tensor *const *parameters = ct_module_parameters(w.module, &count);
    w.rule = ct_sgd_new(parameters, count, 1e-3, NULL);
    w.x = ct_randn(cx, CT_F32, CT_SHAPE(net->steps, net->batch, net->inputs));
    w.y = ct_rand(cx, CT_F32, CT_SHAPE(net->steps, net->batch, net->hidden));
    return w;
}

static double operations_of(const net *net)
{
    double each = 2.0 * net->batch * net->steps * net->gates * net->hidden;
    double forward = each * (net->inputs + net->hidden);
    return net->infer ? forward : 2 * forward + each * net->hidden;
}

static bench_case make_case(work *w, int threads)
{
    const net *net = w->net;
    bench_case c = { .threads = threads, .unit = "us", .user = w,
                     .limit = { .operations = operations_of(net) } };
    c.run = net->infer ? infer : train;
    snprintf(c.name, sizeof c.name, "%s %d, %d steps, batch %d%s", net->kind, net->hidden,
             net->steps, net->batch, net->infer ? ", inference" : "");
    snprintf(c.request, sizeof c.request, "recurrent %s %d %d %d %d %s", net->kind, net->inputs,
             net->hidden, net->steps, net->batch, net->infer ? "infer" : "train");
    return c;
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "pytorch-installed", "pytorch-tuned", "libtorch-tuned",
                                         NULL };
    static work works[2 * NETS];
    static bench_case cases[2 * NETS];
    int count = 0;
    for (int t = 1; t <= 2; t++)
        for (int i = 0; i < NETS; i++)
            if (t == 1 || nets[i].batch > 1) {
                works[count] = make_work(&nets[i], t);
                cases[count] = make_case(&works[count], t);
                count++;
            }
    int failed = bench_main("recurrent", peers, cases, count, argc, argv);
    for (int i = 0; i < count; i++)
        failed |= bench_close(works[i].cx);
    return failed;
}
