/* What an operator costs beside its arithmetic: chains of one-element operators, recorded, reversed
 * and freed. */
#include <cotangent.h>
#include <stdio.h>

#include "bench.h"

typedef struct chain {
    ct_context *cx;
    ct_tensor *x;
    int length;
} chain;

static void run_chain(void *user, int64_t repeats)
{
    const chain *c = user;
    for (int64_t r = 0; r < repeats; r++) {
        ct_scope scope = ct_scope_begin(c->cx);
        ct_tensor *y = c->x;
        for (int i = 0; i < c->length; i++)
            y = ct_sin(y);
        ct_backward(y);
        ct_zero_grad(c->x);
        ct_scope_end(c->cx, scope);
    }
}

/* the same without a graph: what is left is forward alone */
static void run_forward(void *user, int64_t repeats)
{
    const chain *c = user;
    for (int64_t r = 0; r < repeats; r++) {
        ct_scope scope = ct_scope_begin(c->cx);
        ct_no_grad(c->cx);
        ct_tensor *y = c->x;
        for (int i = 0; i < c->length; i++)
            y = ct_sin(y);
        ct_scope_end(c->cx, scope);
    }
}

int main(void)
{
    ct_context *cx = ct_context_new(NULL);
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F32, 0.5));
    chain chains[] = { { cx, x, 1000 }, { cx, x, 1000000 } };
    bench_case cases[] = {
        { .name = "sin: forward + backward + free, 1,000", .threads = 1, .run = run_chain,
          .user = &chains[0], .items = 1000 },
        { .name = "sin: forward + backward + free, 1,000,000", .threads = 1, .run = run_chain,
          .user = &chains[1], .items = 1e6, .repeats = 1 },
        { .name = "sin: forward alone, 1,000", .threads = 1, .run = run_forward,
          .user = &chains[0], .items = 1000 },
    };
    int failed = bench_all("nodes", "ns", cases, sizeof cases / sizeof *cases);
    if (ct_error(cx) != CT_OK)
        failed = fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return failed != 0;
}
