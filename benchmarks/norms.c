/* Normalizations, forward and backward: layer norm of the rows of 1024 x 1000, and of images
 * 32 x 64 x 28 x 28 batch norm, group norm in 8 groups, and RMS norm of each 28 x 28; with weights
 * (and biases). The limit is the least traffic: x to y; x and gy to gx. */
#include "bench.h"

enum { ROWS = 1024, COLUMNS = 1000, IMAGES = 32, CHANNELS = 64, SIDE = 28, CASES = 8 };

typedef enum kind { LAYER, BATCH, GROUP, RMS } kind;

typedef struct work {
    ct_context *cx;
    kind kind;
    ct_tensor *x, *weight, *bias, *gy;
} work;

static ct_tensor *forward(const work *w)
{
    ct_tensor *results[3] = { NULL };
    switch (w->kind) {
    case LAYER:
        return ct_layer_norm(w->x, CT_SHAPE(COLUMNS), w->weight, w->bias, 1e-5);
    case GROUP:
        return ct_group_norm(w->x, 8, w->weight, w->bias, 1e-5);
    case RMS:
        return ct_rms_norm(w->x, CT_SHAPE(SIDE, SIDE), w->weight, 1e-5);
    default:
        ct_batch_norm_train(w->x, w->weight, w->bias, 1e-5, results);
        return results[0];
    }
}

static void run(void *user, int64_t repeats)
{
    const work *w = user;
    for (int64_t r = 0; r < repeats; r++) {
        ct_scope scope = ct_scope_begin(w->cx);
        ct_backward_from(forward(w), w->gy);
        ct_zero_grad(w->x);
        ct_zero_grad(w->weight);
        ct_zero_grad(w->bias);
        ct_scope_end(w->cx, scope);
    }
}

static bench_case make(work *w, ct_context *cx, kind kind, int threads)
{
    static const char *const names[] = { "layer norm, 1024 x 1000", "batch norm, 32 x 64 x 28 x 28",
                                         "group norm, 32 x 64 x 28 x 28",
                                         "rms norm, 32 x 64 x 28 x 28" };
    static const char *const requests[] = { "softmax layer_norm 1024 1000", "norm batch 64 28",
                                            "norm group 64 28", "norm rms 64 28" };
    const int64_t rows[] = { ROWS, COLUMNS }, images[] = { IMAGES, CHANNELS, SIDE, SIDE };
    const int64_t *shape = kind == LAYER ? rows : images, channels = CHANNELS;
    const int ndim = kind == LAYER ? 2 : 4;
    const int64_t *own = kind == LAYER ? rows + 1 : kind == RMS ? images + 2 : &channels;
    const int own_ndim = kind == RMS ? 2 : 1;
    *w = (work){ cx, kind, ct_variable(ct_randn(cx, CT_F32, shape, ndim)),
                 ct_variable(ct_ones(cx, CT_F32, own, own_ndim)),
                 ct_variable(ct_zeros(cx, CT_F32, own, own_ndim)),
                 ct_rand(cx, CT_F32, shape, ndim) };
    const int64_t n = ct_count(w->x);
    bench_case c = { .threads = threads, .unit = "us", .run = run, .user = w,
                     .limit.passes = { { n, 1, 1, false }, { n, 2, 1, false } } };
    snprintf(c.name, sizeof c.name, "%s", names[kind]);
    snprintf(c.request, sizeof c.request, "%s", requests[kind]);
    return c;
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "pytorch-installed", "pytorch-tuned", NULL };
    work works[CASES];
    bench_case cases[CASES];
    ct_context *contexts[2];
    for (int t = 0; t < 2; t++) {
        contexts[t] = ct_context_new(&(ct_context_options){ .threads = t + 1 });
        for (int k = LAYER; k <= RMS; k++)
            cases[2 * k + t] = make(&works[2 * k + t], contexts[t], (kind)k, t + 1);
    }
    int failed = bench_main("norms", peers, cases, CASES, argc, argv);
    return bench_close(contexts[0]) | bench_close(contexts[1]) | failed;
}
