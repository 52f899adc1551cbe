/* Layer norm with weight and bias over the rows of 1024 x 1000, forward + backward. The limit is
 * the least traffic: x to y; x and gy to gx. */
#include "bench.h"

enum { ROWS = 1024, COLUMNS = 1000, N = ROWS * COLUMNS };

typedef struct work {
    ct_context *cx;
    ct_tensor *x, *weight, *bias, *gy;
} work;

static void run(void *user, int64_t repeats)
{
    const work *w = user;
    for (int64_t r = 0; r < repeats; r++) {
        ct_scope scope = ct_scope_begin(w->cx);
        ct_tensor *y = ct_layer_norm(w->x, CT_SHAPE(COLUMNS), w->weight, w->bias, 1e-5);
        ct_backward_from(y, w->gy);
        ct_zero_grad(w->x);
        ct_zero_grad(w->weight);
        ct_zero_grad(w->bias);
        ct_scope_end(w->cx, scope);
    }
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "pytorch-installed", "pytorch-tuned", NULL };
    work works[2];
    bench_case cases[2];
    for (int t = 0; t < 2; t++) {
        ct_context *cx = ct_context_new(&(ct_context_options){ .threads = t + 1 });
        works[t] = (work){ cx, ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(ROWS, COLUMNS))),
                           ct_variable(ct_ones(cx, CT_F32, CT_SHAPE(COLUMNS))),
                           ct_variable(ct_zeros(cx, CT_F32, CT_SHAPE(COLUMNS))),
                           ct_rand(cx, CT_F32, CT_SHAPE(ROWS, COLUMNS)) };
        cases[t] = (bench_case){ .name = "layer norm, 1024 x 1000", .threads = t + 1, .unit = "us",
                                 .run = run, .user = &works[t],
                                 .request = "softmax layer_norm 1024 1000",
                                 .limit.passes = { { N, 1, 1, false }, { N, 2, 1, false } } };
    }
    int failed = bench_main("normalization", peers, cases, 2, argc, argv);
    return bench_close(works[0].cx) | bench_close(works[1].cx) | failed;
}
