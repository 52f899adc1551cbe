/* Trains three small networks for many steps. Each is trained twice: without a break, and with the
 * whole context freed every few thousand steps, after which another one goes on from the file. Both
 * must end with the same bits; and after its first epochs a run without breaks holds as many bytes as
 * before, and asks the allocator for nothing more.
 *
 *     soak STEPS FOLDER
 *
 * The last line is "3 passed, 0 failed, 0 skipped". ./run slow soak takes 1,000,000 steps. */
#include <cotangent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 1024, BATCH = 8, TENSORS = 32, BREAK = 29993, SHORT = 300 };

/* -- The networks, for (n,1,6,6) pictures with targets (n,2) */
static ct_tensor *flat(ct_tensor *x)
{
    return ct_reshape(x, CT_SHAPE(-1, 36));
}

static ct_tensor *rows(ct_tensor *x) /* six steps of a sequence, each with six numbers */
{
    return ct_swap_axes(ct_reshape(x, CT_SHAPE(-1, 6, 6)), 0, 1);
}

static ct_tensor *last(ct_tensor *y)
{
    return ct_select(y, 0, -1);
}

static ct_module *perceptron(ct_context *cx)
{
    return ct_sequential_new(cx, CT_MODULES(ct_function_new(cx, "flat", flat),
        ct_mlp_new(cx, CT_F32, CT_SIZES(36, 8, 2), CT_TANH, NULL)));
}

static ct_module *convolution(ct_context *cx)
{
    return ct_sequential_new(cx, CT_MODULES(ct_conv2d_new(cx, CT_F32, 1, 3, 3, NULL),
        ct_batch_norm_new(cx, CT_F32, 3, NULL), ct_activation_new(cx, CT_RELU),
        ct_dropout_new(cx, 0.2), ct_flatten_new(cx), ct_linear_new(cx, CT_F32, 48, 2, NULL)));
}

static ct_module *recurrent(ct_context *cx)
{
    return ct_sequential_new(cx, CT_MODULES(ct_function_new(cx, "rows", rows),
        ct_gru_new(cx, CT_F64, 6, 4, NULL), ct_function_new(cx, "last", last),
        ct_linear_new(cx, CT_F64, 4, 2, NULL)));
}

static const struct network {
    const char *name;
    ct_dtype dtype;
    ct_module *(*make)(ct_context *cx);
    ct_update_options rule;
} networks[] = {
    { "a perceptron, Adam", CT_F32, perceptron, { .rule = CT_ADAM } },
    { "a convolution, momentum", CT_F32, convolution, { .rule = CT_SGD, .momentum = 0.9 } },
    { "a GRU, RMSprop", CT_F64, recurrent, { .rule = CT_RMSPROP } },
};

/* -- A run */
typedef struct run {
    const struct network *network;
    int64_t steps, left;           /* in all; until a break */
    const char *checkpoint;
    ct_context *cx;
    ct_training training;
    int64_t bytes, allocations;    /* after the first epochs */
    bool flat;                     /* the same at the end of each later one */
} run;

static ct_tensor *loss(ct_tensor *y, ct_tensor *target, void *user)
{
    (void)user;
    return ct_mean(ct_square(ct_sub(y, target)));
}

static bool on_step(const ct_fit_report *report, void *user)
{
    run *r = user;
    return --r->left > 0 && report->step < r->steps;
}

static bool on_epoch(const ct_fit_report *report, void *user)
{
    run *r = user;
    ct_memory now;
    ct_memory_stats(r->cx, &now);
    if (report->epoch == 4) {
        r->bytes = now.live_bytes;
        r->allocations = now.allocations;
    }
    r->flat = r->flat && (report->epoch <= 4 || (now.live_bytes == r->bytes &&
                                                  now.allocations == r->allocations));
    return true;
}

/* everything anew, as another process would make it */
static bool begin(run *r)
{
    const struct network *n = r->network;
    ct_tensor *w[TENSORS];
    /* with a pool everywhere, so that what is asked for can be counted */
    r->cx = ct_context_new(&(ct_context_options){ .seed = 7, .pool_bytes = 64 << 20 });
    ct_context *cx = r->cx;
    ct_tensor *x = ct_randn(cx, n->dtype, CT_SHAPE(ROWS, 1, 6, 6));
    ct_tensor *y = ct_slice(ct_sin(ct_reshape(x, CT_SHAPE(ROWS, 36))), 1, 0, 2, 1);
    ct_module *m = n->make(cx);
    int count = ct_module_tensors(m, w, TENSORS), variables = 0;
    for (int i = 0; i < count; i++)
        if (ct_requires_grad(w[i]))
            w[variables++] = w[i];
    r->training = (ct_training){
        .module = m, .optimizer = ct_optimizer_new(w, variables, 1e-3, &n->rule),
        .batches = ct_batches_new(x, y, BATCH, NULL) };
    return ct_error(cx) == CT_OK;
}

static bool go_on(run *r, int64_t steps)
{
    r->left = steps;
    return ct_fit(&r->training, &(ct_fit_options){
        .epochs = 1 + r->steps / (ROWS / BATCH), .loss = loss, .on_step = on_step,
        .on_epoch = on_epoch, .checkpoint = r->checkpoint, .user = r }) == CT_OK;
}

/* Trains until all steps are done; `pause` steps in one context. */
static bool train(run *r, int64_t pause)
{
    bool good = begin(r);
    for (good = good && go_on(r, pause); good && r->training.step < r->steps;) {
        ct_context_free(r->cx);
        good = begin(r) && go_on(r, pause);
    }
    if (!good)
        printf("%s\n", ct_error_text(r->cx));
    return good;
}

static bool same_bits(const run *a, const run *b)
{
    ct_tensor *of_a[TENSORS], *of_b[TENSORS];
    int n = ct_module_tensors(a->training.module, of_a, TENSORS);
    bool same = n > 0 && n == ct_module_tensors(b->training.module, of_b, TENSORS);
    for (int i = 0; same && i < n; i++)
        same = ct_same_shape(of_a[i], of_b[i]) &&
               memcmp(ct_data(of_a[i]), ct_data(of_b[i]),
                      (size_t)ct_count(of_a[i]) * ct_dtype_size(ct_dtype_of(of_a[i]))) == 0;
    return same;
}

static bool soak(const struct network *n, int64_t steps, const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/soak.safetensors", folder);
    remove(path);
    run whole = { .network = n, .steps = steps, .flat = true }, parts = whole;
    parts.checkpoint = path;
    bool trained = train(&whole, steps) && train(&parts, steps < BREAK ? SHORT : BREAK);
    bool same = trained && same_bits(&whole, &parts);
    printf("%s: %lld steps, %lld bytes, %lld allocations; memory %s, bits %s\n", n->name,
           (long long)whole.training.step, (long long)whole.bytes, (long long)whole.allocations,
           whole.flat ? "flat" : "NOT FLAT", same ? "the same" : "NOT THE SAME");
    fflush(stdout);
    ct_context_free(whole.cx);
    ct_context_free(parts.cx);
    remove(path);
    return same && whole.flat;
}

int main(int argc, char **argv)
{
    enum { COUNT = sizeof networks / sizeof *networks };
    int passed = 0;
    int64_t steps = argc == 3 ? strtoll(argv[1], NULL, 10) : 0;
    if (steps < 1)
        return fprintf(stderr, "usage: soak STEPS FOLDER\n"), 2;
    for (int i = 0; i < COUNT; i++)
        passed += soak(&networks[i], steps, argv[2]);
    printf("%d passed, %d failed, 0 skipped\n", passed, COUNT - passed);
    return passed == COUNT ? 0 : 1;
}
