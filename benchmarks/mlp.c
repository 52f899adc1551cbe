/* One training step of an MLP, forward to update, against its floating-point operations at the rate
 * of fused multiply-adds that is measured beside it. For a layer of i inputs and o outputs and a
 * batch of b: 2 b i o operations forward, as many for the weights' gradient, and as many for the
 * input's, which the first layer does not need. */
#include <cotangent.h>
#include <stdio.h>

#include "bench.h"

typedef struct net {
    const char *name;
    int sizes[5], layers, batch;
    ct_activation hidden;
    bool classes; /* cross-entropy; else squared error */
    ct_context *cx;
    ct_module *module;
    ct_optimizer *sgd;
    ct_tensor *x, *y;
} net;

static net nets[] = {
    { .name = "2-16-16-1 relu, batch 100", .sizes = { 2, 16, 16, 1 }, .layers = 3, .batch = 100,
      .hidden = CT_RELU },
    { .name = "64-64-64-1 tanh, batch 32", .sizes = { 64, 64, 64, 1 }, .layers = 3, .batch = 32,
      .hidden = CT_TANH },
    { .name = "784-128-10 relu, batch 64", .sizes = { 784, 128, 10 }, .layers = 2, .batch = 64,
      .hidden = CT_RELU, .classes = true },
    { .name = "784-512-512-10 relu, batch 128", .sizes = { 784, 512, 512, 10 }, .layers = 3,
      .batch = 128, .hidden = CT_RELU, .classes = true },
    { .name = "784-1024-1024-10 relu, batch 512", .sizes = { 784, 1024, 1024, 10 }, .layers = 3,
      .batch = 512, .hidden = CT_RELU, .classes = true },
};
enum { NETS = sizeof nets / sizeof *nets };

static void train(void *user, int64_t repeats)
{
    net *m = user;
    for (int64_t i = 0; i < repeats; i++) {
        ct_scope scope = ct_scope_begin(m->cx);
        ct_tensor *out = ct_module_forward(m->module, m->x);
        ct_backward(m->classes ? ct_cross_entropy(out, m->y) : ct_mse(out, m->y));
        ct_optimizer_step(m->sgd);
        ct_scope_end(m->cx, scope);
    }
}

static void make(net *m)
{
    int64_t sizes[5], outputs = m->sizes[m->layers], batch = m->batch;
    for (int i = 0; i <= m->layers; i++)
        sizes[i] = m->sizes[i];
    m->cx = ct_context_new(&(ct_context_options){ .seed = 1 });
    m->module = ct_mlp_new(m->cx, CT_F32, sizes, m->layers + 1, m->hidden, NULL);
    int n;
    ct_tensor *const *parameters = ct_module_parameters(m->module, &n);
    m->sgd = ct_sgd_new(parameters, n, 1e-3, NULL);
    m->x = ct_rand(m->cx, CT_F32, CT_SHAPE(batch, sizes[0]));
    m->y = m->classes ? ct_randint(m->cx, 0, outputs, CT_SHAPE(batch))
                      : ct_randn(m->cx, CT_F32, CT_SHAPE(batch, outputs));
}

static double operations(const net *m)
{
    double sum = 0;
    for (int i = 0; i < m->layers; i++)
        sum += (i == 0 ? 4.0 : 6.0) * m->batch * m->sizes[i] * m->sizes[i + 1];
    return sum;
}

int main(void)
{
    bench_case cases[NETS] = { { 0 } };
    int failed = 0;
    for (int i = 0; i < NETS; i++) {
        make(&nets[i]);
        cases[i] = (bench_case){ .name = nets[i].name, .threads = 1, .run = train,
                                 .user = &nets[i], .operations = operations(&nets[i]) };
    }
    failed = bench_all("mlp", "us", cases, NETS);
    for (int i = 0; i < NETS; i++) {
        if (ct_error(nets[i].cx) != CT_OK)
            failed = fprintf(stderr, "%s: %s\n", nets[i].name, ct_error_text(nets[i].cx));
        ct_context_free(nets[i].cx);
    }
    return failed != 0;
}
