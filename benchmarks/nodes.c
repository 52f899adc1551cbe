/* What an operator costs beside its arithmetic: chains of operators on one number, recorded,
 * reversed and freed. A chain of a million does not fit in the caches; PyTorch is asked for one of
 * a tenth of that, which takes it a second. Where valgrind is installed its callgrind counts the
 * instructions of an operator: those of 200 chains less those of 100. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>

#include "bench.h"

typedef struct chain {
    ct_context *cx;
    ct_tensor *x;
    int length;
    bool product, forward; /* y x, or sin y; without a graph */
    const char *program;   /* this one's file */
} chain;

static void run(void *user, int64_t repeats)
{
    const chain *c = user;
    for (int64_t r = 0; r < repeats; r++) {
        ct_scope scope = ct_scope_begin(c->cx);
        if (c->forward)
            ct_no_grad(c->cx);
        ct_tensor *y = c->x;
        for (int i = 0; i < c->length; i++)
            y = c->product ? ct_mul(y, c->x) : ct_sin(y);
        if (!c->forward) {
            ct_backward(y);
            ct_zero_grad(c->x);
        }
        ct_scope_end(c->cx, scope);
    }
}

static double instructions_of(const chain *c, int chains)
{
    char command[600], line[200];
    double count = 0;
    snprintf(command, sizeof command,
             "valgrind --tool=callgrind --callgrind-out-file=/dev/null %s --count %d 2>&1",
             c->program, chains);
    FILE *in = popen(command, "r");
    while (in && fgets(line, sizeof line, in))
        if (strstr(line, "Collected : "))
            sscanf(strstr(line, "Collected : "), "Collected : %lf", &count);
    if (in)
        pclose(in);
    return count;
}

static double instructions(void *user)
{
    static double found = -1; /* the same every time */
    const chain *c = user;
    if (found < 0)
        found = (instructions_of(c, 200) - instructions_of(c, 100)) / 100 / c->length;
    return found;
}

int main(int argc, char **argv)
{
    static const char *const peers[] = { "pytorch-installed", "pytorch-tuned",
                                         "libtorch-installed", "libtorch-tuned", NULL };
    ct_context *cx = ct_context_new(NULL);
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F32, 0.5));
    chain short_one = { cx, x, 1000, false, false, argv[0] };
    chain product = { cx, x, 1000, true, false, NULL };
    chain forward = { cx, x, 1000, false, true, NULL };
    chain long_one = { cx, x, 1000000, false, false, NULL };
    bench_case cases[] = {
        { "sin, chain of 1,000", 1, "ns", run, 1000, .user = &short_one, .limit.budget = 100,
          .request = "chain sin 1000" },
        { "mul, chain of 1,000", 1, "ns", run, 1000, .user = &product, .limit.budget = 100,
          .request = "chain mul 1000" },
        { "sin, chain of 1,000: forward alone", 1, "ns", run, 1000, .user = &forward },
        { "sin, chain of 1,000,000", 1, "ns", run, 1e6, .user = &long_one, .limit.budget = 130,
          .request = "chain sin 100000", .peer_items = 1e5 },
        { "sin, chain of 1,000: instructions", 1, "", .value = instructions, .user = &short_one,
          .limit.budget = 650 },
    };
    int chains;
    if (argc == 3 && strcmp(argv[1], "--count") == 0 && sscanf(argv[2], "%d", &chains) == 1)
        run(&short_one, chains);
    else
        return bench_main("nodes", peers, cases, sizeof cases / sizeof *cases, argc, argv) |
               bench_close(cx);
    return bench_close(cx);
}
