/* Updates of 10^7 parameters, whose gradients are kept. The limit is a plain loop with as many
 * streams, in place: the rule reads w, g and its state, and writes all but g. */
#include "bench.h"

enum { N = 10000000, RULES = 3 };
static const char *const names[RULES] = { "sgd", "momentum", "adam" };

static void run(void *user, int64_t repeats)
{
    for (int64_t r = 0; r < repeats; r++)
        ct_optimizer_step(user);
}

static ct_optimizer *make(ct_context *cx, int rule)
{
    ct_tensor *w = ct_variable(ct_rand(cx, CT_F32, CT_SHAPE(N)));
    ct_scope scope = ct_scope_begin(cx);
    ct_backward(ct_mean(ct_square(w)));
    ct_scope_end(cx, scope);
    if (rule == 2)
        return ct_adam_new(&w, 1, 1e-3, &(ct_adam_options){ .keep_gradients = true });
    return ct_sgd_new(&w, 1, 1e-3, &(ct_sgd_options){ .momentum = rule ? 0.9 : 0,
                                                      .keep_gradients = true });
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "pytorch-installed", "pytorch-tuned", NULL };
    ct_context *contexts[2];
    bench_case cases[2 * RULES];
    for (int t = 0, i = 0; t < 2; t++) {
        contexts[t] = ct_context_new(&(ct_context_options){ .threads = t + 1 });
        for (int rule = 0; rule < RULES; rule++, i++) {
            cases[i] = (bench_case){ .threads = t + 1, .unit = "ms", .run = run,
                                     .user = make(contexts[t], rule),
                                     .limit.passes = { { N, 2 + rule, 1 + rule, true } } };
            snprintf(cases[i].name, sizeof cases[i].name, "%s, 10^7 parameters", names[rule]);
            snprintf(cases[i].request, sizeof cases[i].request, "update %s %d", names[rule], N);
        }
    }
    int failed = bench_main("optimizers", peers, cases, 2 * RULES, argc, argv);
    return bench_close(contexts[0]) | bench_close(contexts[1]) | failed;
}
