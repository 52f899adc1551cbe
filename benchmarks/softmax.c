/* Softmax and what is made of it, along the rows of 1024 x 1000, forward + backward. The limit:
 * each exponential that cannot be avoided, and the least traffic.
 *   softmax         forward n exponentials, x to y; backward y and gy to gx
 *   log-softmax     n exponentials each way, for y holds none
 *   cross-entropy   n exponentials, if forward keeps them for backward: x to p, p to gx */
#include "bench.h"

enum { ROWS = 1024, COLUMNS = 1000, N = ROWS * COLUMNS };

typedef struct work {
    ct_context *cx;
    ct_tensor *x, *gy, *labels;
    int kind;
} work;

static void run(void *user, int64_t repeats)
{
    const work *w = user;
    for (int64_t r = 0; r < repeats; r++) {
        ct_scope scope = ct_scope_begin(w->cx);
        if (w->kind == 2)
            ct_backward(ct_cross_entropy(w->x, w->labels));
        else
            ct_backward_from(w->kind ? ct_log_softmax(w->x, 1) : ct_softmax(w->x, 1), w->gy);
        ct_zero_grad(w->x);
        ct_scope_end(w->cx, scope);
    }
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "pytorch-installed", "pytorch-tuned", NULL };
    static const char *const names[] = { "softmax", "log_softmax", "cross_entropy" };
    static const double exponentials[] = { N, 2 * N, N };
    work works[6];
    bench_case cases[6];
    ct_context *contexts[2];
    for (int t = 0, i = 0; t < 2; t++) {
        ct_context *cx = contexts[t] = ct_context_new(&(ct_context_options){ .threads = t + 1 });
        ct_tensor *x = ct_variable(ct_randn(cx, CT_F32, CT_SHAPE(ROWS, COLUMNS)));
        ct_tensor *gy = ct_rand(cx, CT_F32, CT_SHAPE(ROWS, COLUMNS));
        ct_tensor *labels = ct_randint(cx, 0, COLUMNS, CT_SHAPE(ROWS));
        for (int k = 0; k < 3; k++, i++) {
            works[i] = (work){ cx, x, gy, labels, k };
            cases[i] = (bench_case){ .threads = t + 1, .unit = "us", .run = run };
            cases[i].user = &works[i];
            cases[i].limit = (bench_limit){ .exponentials = exponentials[k],
                                            .passes = { { N, 1, 1, false },
                                                        { N, k == 2 ? 1 : 2, 1, false } } };
            snprintf(cases[i].name, sizeof cases[i].name, "%s, 1024 x 1000", names[k]);
            snprintf(cases[i].request, sizeof cases[i].request, "softmax %s 1024 1000", names[k]);
        }
    }
    int failed = bench_main("softmax", peers, cases, 6, argc, argv);
    return bench_close(contexts[0]) | bench_close(contexts[1]) | failed;
}
