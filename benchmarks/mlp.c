/* One training step of an MLP, forward to update, against its floating-point operations. For a
 * layer of i inputs and o outputs and a batch of b: 2 b i o operations forward, as many for the weights'
 * gradient, and as many for the input's, which the first layer does not need. Inference of one row
 * has to read each weight once. */
#include <string.h>

#include "bench.h"

typedef struct net {
    const char *sizes;
    int batch;
    ct_activation hidden;
    bool adam, infer;
} net;

static const net nets[] = {
    { "2-16-16-1", 100, CT_RELU, false, false },
    { "64-64-64-1", 32, CT_TANH, false, false },
    { "784-128-10", 64, CT_RELU, false, false },
    { "784-512-512-10", 128, CT_RELU, false, false },
    { "784-512-512-10", 128, CT_RELU, true, false },
    { "784-1024-1024-10", 512, CT_RELU, false, false },
    { "784-128-10", 1, CT_RELU, false, true },
};
enum { NETS = sizeof nets / sizeof *nets };

typedef struct work {
    const net *net;
    ct_context *cx;
    ct_module *module;
    ct_optimizer *rule;
    ct_tensor *x, *y;
    bool classes; /* cross-entropy; else squared error */
} work;

static void train(void *user, int64_t repeats)
{
    const work *w = user;
    for (int64_t i = 0; i < repeats; i++) {
        ct_scope scope = ct_scope_begin(w->cx);
        ct_tensor *out = ct_module_forward(w->module, w->x);
        ct_backward(w->classes ? ct_cross_entropy(out, w->y) : ct_mse(out, w->y));
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

/* "784-128-10": its numbers; how many */
static int read_sizes(const char *text, int64_t *sizes)
{
    int n = 0, used;
    for (int size; sscanf(text, "%d%n", &size, &used) == 1; text += used + (text[used] == '-'))
        sizes[n++] = size;
    return n;
}

static work make_work(const net *net, int threads)
{
    int64_t sizes[8];
    int n = read_sizes(net->sizes, sizes), count;
    ct_context *cx = ct_context_new(&(ct_context_options){ .seed = 1, .threads = threads });
    work w = { .net = net, .cx = cx };
    w.module = ct_mlp_new(cx, CT_F32, sizes, n, net->hidden, NULL);
    ct_tensor *const *parameters = ct_module_parameters(w.module, &count);
    w.rule = net->adam ? ct_adam_new(parameters, count, 1e-3, NULL)
                       : ct_sgd_new(parameters, count, 1e-3, NULL);
    w.classes = sizes[n - 1] > 1;
    w.x = ct_rand(cx, CT_F32, CT_SHAPE(net->batch, sizes[0]));
    w.y = w.classes ? ct_randint(cx, 0, sizes[n - 1], CT_SHAPE(net->batch))
                    : ct_randn(cx, CT_F32, CT_SHAPE(net->batch, sizes[n - 1]));
    return w;
}

static bench_limit limit_of(const net *net)
{
    int64_t sizes[8];
    int n = read_sizes(net->sizes, sizes);
    bench_limit limit = { 0 };
    int64_t weights = 0;
    for (int i = 0; i + 1 < n; weights += sizes[i] * sizes[i + 1], i++)
        limit.operations += (i ? 6.0 : 4.0) * net->batch * (double)(sizes[i] * sizes[i + 1]);
    if (net->infer)
        limit = (bench_limit){ .passes = { { weights, 1, 0, false } } };
    return limit;
}

static bench_case make_case(work *w, int threads)
{
    const net *net = w->net;
    const char *hidden = net->hidden == CT_TANH ? "tanh" : "relu";
    const char *rule = net->adam ? "adam" : "sgd";
    bench_case c = { .threads = threads, .unit = "us", .user = w, .limit = limit_of(net) };
    c.run = net->infer ? infer : train;
    if (net->infer) {
        snprintf(c.name, sizeof c.name, "%s inference, one row", net->sizes);
        snprintf(c.request, sizeof c.request, "infer %s", net->sizes);
    } else {
        int batch = net->batch;
        snprintf(c.name, sizeof c.name, "%s %s, batch %d, %s", net->sizes, hidden, batch, rule);
        snprintf(c.request, sizeof c.request, "train %s %s %d %s", net->sizes, hidden, batch, rule);
    }
    return c;
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "pytorch-installed", "pytorch-tuned",
                                         "libtorch-installed", "libtorch-tuned", NULL };
    static work works[2 * NETS];
    static bench_case cases[2 * NETS];
    int count = 0;
    for (int t = 1; t <= 2; t++)
        for (int i = 0; i < NETS; i++)
            if (t == 1 || limit_of(&nets[i]).operations > 1e6) {
                works[count] = make_work(&nets[i], t);
                cases[count] = make_case(&works[count], t);
                count++;
            }
    int failed = bench_main("mlp", peers, cases, count, argc, argv);
    for (int i = 0; i < count; i++)
        failed |= bench_close(works[i].cx);
    return failed;
}
