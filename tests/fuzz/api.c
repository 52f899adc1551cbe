/* The sequence: which call comes next, and the slots. */
#include "api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- Counts. At the end of the process they are added to the file that FUZZ_COUNTS names, a line
 * each: "NUMBER NAME" */
static struct {
    long long sequences, calls, succeeded;
    long long reached[1024];   /* by the operators' places in the list */
} counts;

static void write_counts(void)
{
    int n;
    const ct_op *const *list = ct_op_list(&n);
    const char *path = getenv("FUZZ_COUNTS");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file)
        return;
    fprintf(file, "%lld -sequences\n%lld -calls\n%lld -succeeded\n", counts.sequences,
            counts.calls, counts.succeeded);
    for (int i = 0; i < n; i++)
        fprintf(file, "%lld %s\n", counts.reached[i], list[i]->name);
    fclose(file);
}

void api_reached(const ct_op *op)
{
    int n;
    const ct_op *const *list = ct_op_list(&n);
    for (int i = 0; i < n; i++)
        if (list[i] == op)
            counts.reached[i]++;
}

const api_op *api_ops(int *n)
{
    static api_op *ops;
    const ct_op *const *list = ct_op_list(n);
    if (ops)
        return ops;
    ct_context *cx = ct_context_new(NULL);
    ops = calloc((size_t)*n, sizeof *ops);
    MUST(cx && ops && *n <= 1024);
    atexit(write_counts);
    for (int i = 0; i < *n; i++) {
        ct_tensor *x[8] = { 0 };
        ops[i].op = list[i];
        MUST(list[i]->attributes_size <= sizeof ops[i].sample[0].attributes);
        for (int k = 0; k < 8; k++) {
            int inputs = list[i]->sample(cx, k, x, ops[i].sample[k].attributes);
            if (inputs == 0)
                break;
            ops[i].sample[k].n = inputs;
            ops[i].samples++;
        }
        MUST(ops[i].samples > 0);
    }
    ct_context_free(cx);
    return ops;
}

/* -- Slots */
ct_tensor *api_pick(api *a)
{
    int first = fuzz_take(&a->in, SLOTS);
    for (int k = 0; k < SLOTS; k++)
        if (a->slots[(first + k) % SLOTS].x)
            return a->slots[(first + k) % SLOTS].x;
    return NULL;
}

bool api_is_long(const ct_tensor *x)
{
    return ct_count(x) > 1 << 10;
}

static void drop(api_slot *s)
{
    if (s->retained)
        ct_release(s->x);
    *s = (api_slot){ 0 };
}

void api_put(api *a, ct_tensor *x)
{
    api_slot *s = &a->slots[fuzz_take(&a->in, SLOTS)];
    bool retained = x && !api_is_long(x) && fuzz_take(&a->in, 2) && ct_retain(x);
    if (!x || api_is_long(x))
        return;
    for (int k = 0; k < SLOTS; k++)
        if (a->slots[k].x == x) { /* a view may be its operand itself, which that slot holds */
            if (retained)
                ct_release(x);
            return;
        }
    drop(s);
    *s = (api_slot){ x, a->depth, retained };
}

void api_begin(api *a)
{
    if (a->depth + 1 == SCOPES)
        return;
    ct_scope scope = ct_scope_begin(a->cx);
    if (scope)
        a->scopes[++a->depth] = scope;
}

void api_end(api *a)
{
    if (a->depth == 0)
        return;
    int depth = 1 + fuzz_take(&a->in, a->depth); /* those inside it end too */
    ct_tensor *kept = fuzz_take(&a->in, 2) ? api_pick(a) : NULL;
    if (kept)
        kept = ct_scope_return(a->cx, a->scopes[depth], kept);
    else
        ct_scope_end(a->cx, a->scopes[depth]);
    for (int k = 0; k < SLOTS; k++)
        if (a->slots[k].x == kept && a->slots[k].depth >= depth)
            a->slots[k].depth = depth - 1;
        else if (a->slots[k].depth >= depth && !a->slots[k].retained)
            a->slots[k] = (api_slot){ 0 };
        else if (a->slots[k].depth >= depth)
            a->slots[k].depth = depth - 1;
    a->depth = depth - 1;
}

/* -- The sequence */
static void failing(api *a)
{
    a->memory.fails_after = fuzz_take(&a->in, 32);
    a->memory.fails = fuzz_take(&a->in, 3) - 1; /* one, none, or all */
}

static void call(api *a)
{
    ct_tensor *x[3] = { api_pick(a), api_pick(a), api_pick(a) };
    int what = fuzz_take(&a->in, 36);
    if (what < 8)
        api_sample(a);
    else if (what < 13)
        api_put(a, api_operator(&a->in, x, 3));
    else if (what < 18)
        api_put(a, api_function(&a->in, x, 3));
    else if (what < 20)
        api_write(a);
    else if (what < 23)
        api_walk(a);
    else {
        static void (*const others[])(api *a) = { api_hook,  api_ask,   api_mode, api_stale,
                                                  api_begin, api_end,   api_train, failing,
                                                  api_transform, api_program, api_program,
                                                  api_program, api_program };
        others[what - 23](a);
    }
    counts.calls++;
    counts.succeeded += ct_error(a->cx) == CT_OK;
    ct_error_clear(a->cx);
    if (a->memory.fails_after == 0 && fuzz_take(&a->in, 4) == 0)
        a->memory.fails_after = -1;
}

static void inputs(api *a)
{
    static const int64_t shapes[][3] = { { 3, 4 }, { 4, 3 }, { 1, 4 }, { 3, 1 }, { 3, 3 } };
    for (int k = 0; k < 5; k++) {
        ct_dtype dtype = fuzz_take(&a->in, 4) ? CT_F64 : CT_F32;
        ct_tensor *x = ct_randn(a->cx, dtype, shapes[k], 2);
        api_put(a, fuzz_take(&a->in, 4) ? ct_variable(x) : x);
    }
    api_put(a, ct_randint(a->cx, -3, 3, shapes[0], 2));
}

static void on_error(ct_status code, const char *text, void *user)
{
    MUST(code != CT_OK && text && user);
}

static ct_context *make(api *a)
{
    ct_context_options options = { .allocator = fuzz_allocator(&a->memory),
                                   .on_error = on_error, .user = a,
                                   .seed = (uint64_t)fuzz_take(&a->in, 256) };
    a->pooled = fuzz_take(&a->in, 2);
    options.pool_bytes = a->pooled ? 1 << 22 : -1;
    options.max_bytes = fuzz_take(&a->in, 8) ? 200000 : 20000; /* else most time goes into loops */
    options.simd = (ct_simd)fuzz_take(&a->in, 3); /* 0: the widest */
    return ct_context_new(&options);
}

void fuzz_api(const uint8_t *data, size_t size)
{
    api a = { .in = fuzz_begin(data, size), .memory = { .fails_after = -1 } };
    a.cx = make(&a);
    MUST(a.cx);
    counts.sequences++;
    inputs(&a);
    for (int n = 20 + fuzz_take(&a.in, 16); n > 0; n--)
        call(&a);
    a.memory.fails_after = -1;
    int last = fuzz_take(&a.in, 16);
    if (last < 6)
        api_replay(&a);
    else if (last == 6)
        api_check(&a);
    ct_context_free(a.cx);
    MUST(a.memory.bytes == 0);
}
