/* Large graphs: nothing here recurses, whatever their shape, and time grows with their size. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <pthread.h>

enum { STACK = 256 * 1024 };

/* body in a thread of a small stack, in a context of its own; it returns whether all was right */
typedef struct job {
    bool (*body)(ct_context *c);
    bool good;
} job;

static void *run(void *user)
{
    job *j = user;
    ct_memory memory;
    ct_context *c = ct_context_new(NULL);
    ct_scope scope = ct_scope_begin(c);
    j->good = j->body(c);
    ct_scope_end(c, scope);
    ct_memory_stats(c, &memory);
    j->good = j->good && ct_error(c) == CT_OK && memory.nodes == 0 && memory.tensors == 0;
    ct_context_free(c);
    return NULL;
}

static bool in_a_small_stack(bool (*body)(ct_context *c))
{
    job j = { body, false };
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, STACK), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, run, &j), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    return j.good;
}

/* one variable with 100,000 users, each with a leaf of its own */
static bool wide(ct_context *c)
{
    enum { N = 100000 };
    ct_tensor *x = ct_variable(ct_scalar(c, CT_F64, 2)), *y = ct_scalar(c, CT_F64, 0), *last = NULL;
    for (int i = 0; i < N; i++) {
        last = ct_variable(ct_scalar(c, CT_F64, i));
        y = ct_add(ct_mul(x, last), y);
    }
    return ct_backward(y) == CT_OK && ct_item(ct_gradient(last)) == 2 &&
           ct_item(ct_gradient(x)) == N / 2 * (N - 1.0);
}

/* a ladder: each rung uses both of the rung below, 2^N paths */
static bool ladder(ct_context *c)
{
    enum { N = 50000 };
    ct_tensor *x = ct_variable(ct_scalar(c, CT_F64, 1)), *a = x, *b = x;
    for (int i = 0; i < N; i++) {
        ct_tensor *next = ct_scale(ct_add(a, b), 0.5);
        b = ct_scale(ct_add(b, a), 0.5);
        a = next;
    }
    return ct_backward(ct_add(a, b)) == CT_OK && ct_item(ct_gradient(x)) == 2;
}

/* the graph of a gradient of a chain, which is walked again, and failed and abandoned once */
static ct_tensor *refuse(ct_tensor *gy, void *user)
{
    return (*(int *)user)++ ? gy : NULL;
}

static bool twice_over(ct_context *c)
{
    enum { N = 50000 };
    int calls = 0;
    ct_tensor *x = ct_variable(ct_scalar(c, CT_F64, 1)), *y = x, *g = NULL;
    for (int i = 0; i < N; i++)
        y = i % 2 ? ct_reciprocal(y) : ct_mul(y, ct_ones_like(y));
    ct_on_cotangent(x, refuse, &calls);
    if (ct_backward(y) != CT_ERROR_CALLBACK || ct_gradient(x))
        return false;
    ct_error_clear(c);
    return ct_grad(y, NULL, &x, 1, CT_CREATE_GRAPH, &g) == CT_OK && ct_item(g) == 1 &&
           ct_backward(g) == CT_OK && ct_item(ct_gradient(x)) == 0;
}

START_TEST(a_wide_graph)
{
    ck_assert(in_a_small_stack(wide));
}
END_TEST

START_TEST(a_ladder)
{
    ck_assert(in_a_small_stack(ladder));
}
END_TEST

START_TEST(a_chain_and_the_graph_of_its_gradient)
{
    ck_assert(in_a_small_stack(twice_over));
}
END_TEST

START_TEST(a_long_text_ends)
{
    ct_tensor *x = ct_variable(ct_scalar(cx, CT_F64, 1)), *y = x;
    for (int i = 0; i < 3000; i++)
        y = ct_named(ct_sin(y), "a rather long name for a tensor that is shown in every line");
    const char *text = ct_graph_text(y);
    int lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    ck_assert_int_eq(lines, 1000);
    ck_assert_int_eq(strncmp(text, "#0 sin -> ", 10), 0);
    ck_assert_ptr_nonnull(strstr(text, "\n... (more operators, which are not listed)\n"));
}
END_TEST

Suite *large_suite(void);
Suite *large_suite(void)
{
    return make_suite("autograd/large", (const TTest *[]){
        a_wide_graph, a_ladder, a_chain_and_the_graph_of_its_gradient, a_long_text_ends, NULL });
}
