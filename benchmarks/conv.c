/* Convolutions of 32 images, as many channels out as in, forward and backward: y, gx and gw. The
 * limit is the operations of these three at the rate of multiply-adds; for depthwise kernels and
 * pooling it is the least traffic: x to y; x and gy to gx. oneDNN works in layouts of its own here,
 * and coming to these and back, which is a part of PyTorch's time, is not counted. */
#include "bench.h"

enum { IMAGES = 32, CASES = 3 * 4 * 2 + 6 };

typedef struct work {
    ct_tensor *x, *w, *gy;     /* w: NULL for pooling */
    ct_conv_options conv;
    ct_pool_options pool;
    bool averages;
} work;

static ct_tensor *forward(const work *w)
{
    if (w->w)
        return ct_conv(w->x, w->w, NULL, &w->conv);
    return (w->averages ? ct_avg_pool : ct_max_pool)(w->x, &w->pool);
}

static void run(void *user, int64_t repeats)
{
    const work *w = user;
    ct_context *cx = ct_context_of(w->x);
    for (int64_t r = 0; r < repeats; r++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_backward_from(forward(w), w->gy);
        ct_zero_grad(w->x);
        if (w->w)
            ct_zero_grad(w->w);
        ct_scope_end(cx, scope);
    }
}

/* images of so many channels, size x size, and a gy of y's shape */
static bench_case make(work *w, ct_context *cx, int channels, int size)
{
    ct_scope scope = ct_scope_begin(cx);
    w->x = ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(IMAGES, channels, size, size)));
    ct_tensor *y = forward(w);
    ct_retain(w->x);
    w->gy = ct_scope_return(cx, scope, ct_randn(cx, CT_F32, ct_shape(y), ct_ndim(y)));
    return (bench_case){ .threads = 1, .unit = "us", .run = run, .user = w };
}

static bench_case make_conv(work *w, ct_context *cx, int kernel, int channels, int size)
{
    w->w = ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(channels, channels, kernel, kernel)));
    w->conv = (ct_conv_options){ .padding = kernel / 2 };
    bench_case c = make(w, cx, channels, size);
    c.limit.operations = 6.0 * IMAGES * channels * channels * kernel * kernel * size * size;
    snprintf(c.name, sizeof c.name, "%d x %d, %d channels, %d x %d", kernel, kernel, channels, size,
             size);
    snprintf(c.request, sizeof c.request, "conv %d %d %d 1", kernel, channels, size);
    return c;
}

static bench_case make_depthwise(work *w, ct_context *cx, int channels, int size)
{
    int64_t n = (int64_t)IMAGES * channels * size * size;
    w->w = ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(channels, 1, 3, 3)));
    w->conv = (ct_conv_options){ .padding = 1, .groups = channels };
    bench_case c = make(w, cx, channels, size);
    c.limit = (bench_limit){ .passes = { { n, 1, 1, false }, { n, 2, 1, false } } };
    snprintf(c.name, sizeof c.name, "depthwise 3 x 3, %d channels, %d x %d", channels, size, size);
    snprintf(c.request, sizeof c.request, "conv 3 %d %d %d", channels, size, channels);
    return c;
}

static bench_case make_pool(work *w, ct_context *cx, const char *kind, int channels, int size)
{
    int64_t n = (int64_t)IMAGES * channels * size * size;
    w->averages = kind[0] == 'a';
    w->pool = (ct_pool_options){ .kernel = 2 };
    bench_case c = make(w, cx, channels, size);
    c.limit = (bench_limit){ .passes = { { n, 1, 1, false }, { n / 4, 1, 1, false } } };
    snprintf(c.name, sizeof c.name, "%s pool 2 x 2, %d channels, %d x %d", kind, channels, size,
             size);
    snprintf(c.request, sizeof c.request, "pool %s %d %d", kind, channels, size);
    return c;
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "pytorch-tuned", "libtorch-tuned", "onednn-conv", NULL };
    static const int channels[] = { 16, 64, 128 }, sizes[] = { 7, 14, 28, 56 };
    static work works[CASES];
    static bench_case cases[CASES];
    ct_context *cx = ct_context_new(&(ct_context_options){ .threads = 1 });
    int n = 0;
    for (int kernel = 3; kernel > 0; kernel -= 2)
        for (int i = 0; i < 12; i++, n++)
            cases[n] = make_conv(&works[n], cx, kernel, channels[i / 4], sizes[i % 4]);
    for (int i = 1; i < 3; i++, n += 3) {
        int size = 28 * i;
        cases[n] = make_depthwise(&works[n], cx, 64, size);
        cases[n + 1] = make_pool(&works[n + 1], cx, "max", 64, size);
        cases[n + 2] = make_pool(&works[n + 2], cx, "avg", 64, size);
    }
    int failed = bench_main("conv", peers, cases, n, argc, argv);
    return bench_close(cx) | failed;
}
