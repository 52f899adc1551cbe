/* Attention of 16 batches, forward and backward: y, gq, gk and gv. The limit is the operations of
 * the six products of these at the rate of multiply-adds, half of them where it is causal: that
 * there are exponentials, and that scores are computed twice, is ours to hide. And a step of an
 * embedding: rows taken, their gradient, and plain SGD. They are other rows in each step, so the
 * limit is what is read and written of them at the rate of memory that is in no cache. */
#include "bench.h"

enum { BATCH = 16, ROWS = 8192, TABLE = 100000, WIDTH = 64, STEPS = 16, EACH = 4 };

typedef struct work {
    ct_tensor *x[3], *gy;
    ct_attention_options options;
    ct_module *embedding;
    ct_optimizer *optimizer;
    ct_tensor *index[STEPS];
    int step;
} work;

static void attend(void *user, int64_t repeats)
{
    const work *w = user;
    ct_context *cx = ct_context_of(w->gy);
    for (int64_t r = 0; r < repeats; r++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_backward_from(ct_attention(w->x[0], w->x[1], w->x[2], NULL, &w->options), w->gy);
        for (int i = 0; i < 3; i++)
            ct_zero_grad(w->x[i]);
        ct_scope_end(cx, scope);
    }
}

static void embed(void *user, int64_t repeats)
{
    work *w = user;
    ct_context *cx = ct_context_of(w->gy);
    for (int64_t r = 0; r < repeats * EACH; r++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_backward_from(ct_module_forward(w->embedding, w->index[w->step++ % STEPS]), w->gy);
        ct_optimizer_step(w->optimizer);
        ct_scope_end(cx, scope);
    }
}

static bench_case make_attention(work *w, ct_context *cx, int heads, int width, int steps,
                                 bool causal)
{
    for (int i = 0; i < 3; i++)
        w->x[i] = ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(BATCH, heads, steps, width)));
    w->gy = ct_randn(cx, CT_F32, CT_SHAPE(BATCH, heads, steps, width));
    w->options.causal = causal;
    bench_case c = { .threads = 1, .unit = "us", .run = attend, .user = w };
    c.limit.operations = 12.0 * BATCH * heads * steps * steps * width / (causal ? 2 : 1);
    snprintf(c.name, sizeof c.name, "%d heads of %d, %d steps%s", heads, width, steps,
             causal ? ", causal" : "");
    snprintf(c.request, sizeof c.request, "attention %d %d %d %d", heads, width, steps, causal);
    return c;
}

static bench_case make_embedding(work *w, ct_context *cx)
{
    int n;
    w->embedding = ct_embedding_new(cx, CT_F32, TABLE, WIDTH, NULL);
    ct_tensor *const *parameters = ct_module_parameters(w->embedding, &n);
    w->optimizer = ct_sgd_new(parameters, n, 1e-3, NULL);
    for (int i = 0; i < STEPS; i++)
        w->index[i] = ct_randint(cx, 0, TABLE, CT_SHAPE(ROWS));
    w->gy = ct_randn(cx, CT_F32, CT_SHAPE(ROWS, WIDTH));
    bench_case c = { .name = "embedding, 4 times 8,192 rows of 100,000", .threads = 1, .unit = "us",
                     .run = embed, .user = w };
    /* w to y; gy and g to g; g and w to w; zeros to g: 9 rows are read or written */
    c.limit.passes[0] = (bench_pass){ (int64_t)EACH * 9 / 2 * ROWS * WIDTH, 1, 1, false };
    snprintf(c.request, sizeof c.request, "embedding %d %d %d", TABLE, WIDTH, ROWS);
    return c;
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "pytorch-tuned", NULL };
    static work works[6];
    static bench_case cases[6];
    ct_context *cx = ct_context_new(&(ct_context_options){ .threads = 1 });
    int n = 0;
    for (int causal = 0; causal < 2; causal++, n += 2) {
        cases[n] = make_attention(&works[n], cx, 4, 32, 128, causal);
        cases[n + 1] = make_attention(&works[n + 1], cx, 4, 32, 512, causal);
    }
    cases[n] = make_attention(&works[n], cx, 2, 64, 256, false);
    n++;
    cases[n] = make_embedding(&works[n], cx);
    n++;
    int failed = bench_main("attention", peers, cases, n, argc, argv);
    return bench_close(cx) | failed;
}
