/* C functions that consist of a few calls out of the data, and what the library does with such
 * functions: derivatives, checkpoints, programs, the gradient check. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"

enum { STEPS = 6, KEPT = 8 };

/* The value of a function of n tensors: each step takes operands among the inputs and the earlier
 * results. A step that fails is left out. It does the same each time. */
typedef struct body {
    fuzz_bytes in;
    bool failed;               /* in the last run a step failed, ... */
    bool stairs;               /* ... or rounded: to f32, or as ct_floor and a cast to whole numbers
                                  do, which are not recorded */
} body;

static ct_tensor *run(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    body *b = user;
    fuzz_bytes in = b->in;
    b->failed = b->stairs = false;
    ct_tensor *all[KEPT + STEPS], *last = x[0];
    int count = n < KEPT ? n : KEPT;
    memcpy(all, x, (size_t)count * sizeof *x);
    for (int k = 0; k < STEPS; k++) {
        ct_tensor *given[3] = { all[count - 1], all[fuzz_take(&in, count)],
                                all[fuzz_take(&in, count)] };
        ct_tensor *y = fuzz_take(&in, 2) ? api_operator(&in, given, 3)
                                         : api_function(&in, given, 3);
        if (y && !api_is_long(y))
            all[count++] = y;
        b->failed = b->failed || ct_error(cx) != CT_OK;
        b->stairs = b->stairs || (y && (ct_dtype_of(y) == CT_F32 || !ct_requires_grad(y)));
        ct_error_clear(cx);
        if (y && !api_is_long(y) && (ct_dtype_of(y) == CT_F64 || ct_dtype_of(y) == CT_F32))
            last = y;
    }
    return last;
}

static ct_status rule(const ct_custom_call *c, ct_tensor **gx)
{
    for (int i = 0; i < c->n; i++)
        gx[i] = ct_zeros_like(c->x[i]);
    return CT_OK;
}

/* a function out of the next bytes; it stays as long as a context does */
static body *keep(const api *a)
{
    static body bodies[64];
    static int made;
    body *kept = &bodies[made++ % 64];
    *kept = (body){ .in = a->in };
    return kept;
}

void api_transform(api *a)
{
    body *kept = keep(a);
    ct_tensor *x[2] = { api_pick(a), api_pick(a) }, *y = NULL, *out[2] = { 0 }, *gx[2];
    switch (fuzz_take(&a->in, 9)) {
    case 0: ct_vjp(a->cx, run, kept, x, 2, NULL, &y, out); break;
    case 1: ct_jvp(a->cx, run, kept, x, x, 2, &y, out); break;
    case 2: ct_hvp(a->cx, run, kept, x, x, 2, gx, out); break;
    case 3: y = ct_jacobian(a->cx, run, kept, x[0]); break;
    case 4: y = ct_hessian(a->cx, run, kept, x[0]); break;
    case 5: y = ct_checkpoint(a->cx, run, kept, x, 2); break;
    case 6: y = ct_custom(a->cx, run, rule, kept, x, 2); break;
    case 7: y = ct_fixed_point(a->cx, run, kept, x[0], x + 1, 1); break;
    default: y = ct_root(a->cx, run, kept, x[0], x + 1, 1);
    }
    api_put(a, y);
    api_put(a, out[0]);
}

/* -- Programs */
static bool same_bits(ct_tensor *a, ct_tensor *b)
{
    if (!a || !b)
        return a == b;
    if (!ct_same_shape(a, b) || ct_dtype_of(a) != ct_dtype_of(b))
        return false;
    size_t bytes = (size_t)ct_count(a) * ct_dtype_size(ct_dtype_of(a));
    char *room = malloc(2 * bytes + 1);
    MUST(room && ct_to_memory(a, room, bytes) == CT_OK);
    MUST(ct_to_memory(b, room + bytes, bytes) == CT_OK);
    bool same = memcmp(room, room + bytes, bytes) == 0;
    free(room);
    return same;
}

void api_program(api *a)
{
    ct_tensor *x[2] = { api_pick(a), api_pick(a) };
    switch (fuzz_take(&a->in, 8)) {
    case 0:
        if (!a->recorded)
            ct_program_free(a->program);
        a->program = NULL;
        a->recorded = false;
        break;
    case 1: ct_program_text(a->program); break;
    case 2:
        if (!a->program)
            a->program = ct_program_new(a->cx, run, keep(a), &(ct_program_options){ .plans = 2 });
        break;
    case 3:
        a->recorded |= a->program != NULL; /* the walk calls it, so it is there until the end */
        if (a->program)
            api_put(a, ct_checkpoint(a->cx, ct_program_call, a->program, x, 2));
        break;
    default:
        if (!a->program)
            a->program = ct_program_new(a->cx, run, keep(a), &(ct_program_options){ .verify = 3 });
        api_put(a, a->program ? ct_program_run(a->program, x, 2) : NULL);
    }
}

/* f and its gradients */
static ct_tensor *with_gradient(ct_context *cx, ct_tensor *const *x, int n, void *user)
{
    ct_tensor *v = ct_variable(ct_detach(x[0])), *g = NULL;
    ct_tensor *y = run(cx, (ct_tensor *[]){ v, x[n - 1] }, 2, user);
    if (!y || ct_dtype_of(y) != ct_dtype_of(v) ||
        ct_grad(ct_sum(y), NULL, &v, 1, CT_ZERO_PATH, &g) != CT_OK) {
        ((body *)user)->failed |= ct_error(cx) != CT_OK;
        ct_error_clear(cx);
        return y;
    }
    return ct_add(ct_sum(g), ct_sum(y));
}

/* Three runs each, eager and as a program, that begin at the same place of the random stream, with
 * other inputs each time. */
void api_replay(api *a)
{
    body b = { .in = a->in };
    ct_context *cx = ct_context_new(&(ct_context_options){ .max_bytes = 1 << 30 });
    ct_function f = fuzz_take(&a->in, 2) ? run : with_gradient;
    ct_program *p = ct_program_new(cx, f, &b, NULL);
    MUST(cx && p);
    b.in = a->in;
    for (int k = 0; k < 3; k++) {
        ct_scope scope = ct_scope_begin(cx);
        ct_tensor *x[2] = { ct_randn(cx, CT_F64, CT_SHAPE(3, 4)),
                            ct_randn(cx, CT_F64, CT_SHAPE(3, 4)) };
        ct_stream stream = ct_random_stream(cx);
        ct_tensor *eager = f(cx, x, 2, &b);
        ct_status error = ct_error(cx);
        bool failed = b.failed || error != CT_OK;
        ct_error_clear(cx);
        ct_random_resume(cx, stream);
        ct_tensor *again = ct_program_run(p, x, 2);
        /* one of the two may need more than max_bytes where the other does not */
        if (error != CT_ERROR_MEMORY && ct_error(cx) != CT_ERROR_MEMORY)
            MUST(failed && ct_error(cx) != CT_OK ? !again : same_bits(eager, again));
        ct_error_clear(cx);
        ct_scope_end(cx, scope);
    }
    ct_program_free(p);
    ct_context_free(cx);
}

void api_check(api *a)
{
    body b = { .in = a->in };
    ct_context *cx = ct_context_new(&(ct_context_options){ .max_bytes = 1 << 24 });
    ct_tensor *x[2] = { ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(3, 4))),
                        ct_variable(ct_randn(cx, CT_F64, CT_SHAPE(3, 4))) };
    ct_gradcheck_report report;
    ct_gradcheck(cx, run, &b, x, 2, &(ct_gradcheck_options){ .quick = true, .atol = 1e-12 },
                 &report);
    /* a slope below atol is that of a saturated softmax, say, and was lost in rounding; an infinity on
       the way makes 0 inf = NaN of a slope, though the value may be finite */
    if (report.verdict == CT_GRADCHECK_FAIL && isfinite(report.analytic)) {
        ct_tensor *y = run(cx, x, 2, &b);
        if (!b.stairs)
            fprintf(stderr, "%s\n%s\n", ct_gradcheck_text(cx, &report), ct_graph_text(y));
        MUST(b.stairs);
    }
    ct_context_free(cx);
}
