/* Operators that take one element at a time. The limit is a plain loop with as many streams:
 * forward reads the inputs and writes y; with backward, of one input, it also reads gy and x or y and
 * writes gx. (A sum's gradients are gy, twice; a product's need gy and both inputs.) */
#include "bench.h"

typedef struct function {
    const char *name;
    ct_tensor *(*unary)(ct_tensor *x);
    ct_tensor *(*binary)(ct_tensor *a, ct_tensor *b);
    int forward[2], backward[2]; /* arrays read, arrays written */
} function;

static const function functions[] = {
    { "add", NULL, ct_add, { 2, 1 }, { 1, 2 } },
    { "mul", NULL, ct_mul, { 2, 1 }, { 3, 2 } },
    { "relu", ct_relu, NULL, { 1, 1 }, { 2, 1 } },
    { "exp", ct_exp, NULL, { 1, 1 }, { 2, 1 } },
    { "tanh", ct_tanh, NULL, { 1, 1 }, { 2, 1 } },
    { "sigmoid", ct_sigmoid, NULL, { 1, 1 }, { 2, 1 } },
    { "gelu", ct_gelu, NULL, { 1, 1 }, { 2, 1 } },
};
enum { FUNCTIONS = sizeof functions / sizeof *functions, SIZES = 4 };
static const struct {
    int n;
    const char *text;
} sizes[SIZES] = { { 1000, "10^3" }, { 10000, "10^4" }, { 100000, "10^5" }, { 10000000, "10^7" } };

typedef struct work {
    const function *f;
    ct_context *cx;
    ct_tensor *a, *b, *gy;
    bool backward;
} work;

static void run(void *user, int64_t repeats)
{
    const work *w = user;
    for (int64_t r = 0; r < repeats; r++) {
        ct_scope scope = ct_scope_begin(w->cx);
        if (!w->backward)
            ct_no_grad(w->cx);
        ct_tensor *y = w->f->unary ? w->f->unary(w->a) : w->f->binary(w->a, w->b);
        if (w->backward) {
            ct_backward_from(y, w->gy);
            ct_zero_grad(w->a);
            ct_zero_grad(w->b);
        }
        ct_scope_end(w->cx, scope);
    }
}

static bench_case make(work *w, int size, int threads)
{
    int n = sizes[size].n;
    const function *f = w->f;
    bench_case c = { .threads = threads, .unit = n < 1000000 ? "us" : "ms", .run = run, .user = w };
    snprintf(c.name, sizeof c.name, "%s, %s%s", f->name, sizes[size].text,
             w->backward ? ", forward + backward" : "");
    snprintf(c.request, sizeof c.request, "elementwise %s %s %d", f->name,
             w->backward ? "backward" : "forward", n);
    c.limit.passes[0] = (bench_pass){ n, f->forward[0], f->forward[1], false };
    if (w->backward)
        c.limit.passes[1] = (bench_pass){ n, f->backward[0], f->backward[1], false };
    return c;
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "pytorch-installed", "pytorch-tuned", NULL };
    static work works[FUNCTIONS * 2 * (SIZES + 1)];
    static bench_case cases[FUNCTIONS * 2 * (SIZES + 1)];
    ct_context *contexts[2];
    int count = 0, failed;
    for (int t = 0; t < 2; t++) {
        ct_context *cx = contexts[t] = ct_context_new(&(ct_context_options){ .threads = t + 1 });
        for (int s = t == 0 ? 0 : SIZES - 1; s < SIZES; s++) {
            int n = sizes[s].n;
            ct_tensor *a = ct_variable(ct_rand(cx, CT_F32, CT_SHAPE(n)));
            ct_tensor *b = ct_variable(ct_rand(cx, CT_F32, CT_SHAPE(n)));
            ct_tensor *gy = ct_rand(cx, CT_F32, CT_SHAPE(n));
            for (int f = 0; f < FUNCTIONS * 2; f++, count++) {
                works[count] = (work){ &functions[f / 2], cx, a, b, gy, f % 2 };
                cases[count] = make(&works[count], s, t + 1);
            }
        }
    }
    failed = bench_main("elementwise", peers, cases, count, argc, argv);
    return bench_close(contexts[0]) | bench_close(contexts[1]) | failed;
}
