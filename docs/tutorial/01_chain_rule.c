/* The chain rule on a small graph, and why its order matters. Derived in 01_chain_rule.md. */
#include <cotangent.h>
#include <math.h>
#include <stdio.h>

/* -- 1. Two derivatives by hand, and recorded */
static void small_graph(ct_context *cx)
{
    double x = 2, y = 3;
    double product = x * y, sine = sin(x), z = product * sine;

    double g_z = 1;                                     /* dz/dz */
    double g_product = g_z * sine, g_sine = g_z * product;
    double g_x = g_product * y + g_sine * cos(x);       /* x is used twice: a sum */
    double g_y = g_product * x;
    printf("by hand:  z = %.6f, dz/dx = %.6f, dz/dy = %.6f\n", z, g_x, g_y);

    ct_tensor *tx = ct_variable(ct_scalar(cx, CT_F64, x));
    ct_tensor *ty = ct_variable(ct_scalar(cx, CT_F64, y));
    ct_tensor *tz = ct_mul(ct_mul(tx, ty), ct_sin(tx));
    ct_backward(tz);
    printf("recorded: z = %.6f, dz/dx = %.6f, dz/dy = %.6f\n\n", ct_item(tz),
           ct_item(ct_gradient(tx)), ct_item(ct_gradient(ty)));
}

/* -- 2. A graph of sums alone, and three walks over it */
enum { MAX = 21 };

/* vertex k > 0 is vertex k-1 + vertex k-1; vertex 0 is the leaf */
typedef struct graph {
    double g[MAX];      /* cotangents */
    long visits;
} graph;

/* each visit passes on what has come so far: what came before is passed on again */
static void walk_greedily(graph *w, int k)
{
    w->visits++;
    for (int operand = 0; k > 0 && operand < 2; operand++) {
        w->g[k - 1] += w->g[k];
        walk_greedily(w, k - 1);
    }
}

/* each visit passes on its own contribution: right, one visit per path */
static void walk_every_path(graph *w, int k, double g)
{
    w->visits++;
    w->g[k] += g;
    for (int operand = 0; k > 0 && operand < 2; operand++)
        walk_every_path(w, k - 1, g);
}

/* a vertex is visited when all its uses have been: right, one visit per vertex */
static void walk_in_order(graph *w, int k)
{
    w->g[k] = 1;
    for (; k >= 0; k--) {
        w->visits++;
        for (int operand = 0; k > 0 && operand < 2; operand++)
            w->g[k - 1] += w->g[k];
    }
}

static double recorded(ct_context *cx, int n)
{
    ct_tensor *a = ct_variable(ct_scalar(cx, CT_F64, 1)), *x = a;
    for (int k = 0; k < n; k++)
        x = ct_add(x, x);
    ct_backward(x);
    return ct_item(ct_gradient(a));
}

static void compare_walks(ct_context *cx, int n)
{
    graph greedy = { .visits = 0 }, paths = { .visits = 0 }, order = { .visits = 0 };
    greedy.g[n] = 1;
    walk_greedily(&greedy, n);
    walk_every_path(&paths, n, 1);
    walk_in_order(&order, n);
    printf("%d doubling%s: the derivative is %.0f\n", n, n == 1 ? "" : "s", ldexp(1, n));
    printf("  greedy      %14.8g  after %7ld visits\n", greedy.g[0], greedy.visits);
    printf("  every path  %14.8g  after %7ld visits\n", paths.g[0], paths.visits);
    printf("  in order    %14.8g  after %7ld visits\n", order.g[0], order.visits);
    printf("  recorded    %14.8g\n", recorded(cx, n));
}

int main(void)
{
    ct_context *cx = ct_context_new(NULL);
    small_graph(cx);
    compare_walks(cx, 1);
    compare_walks(cx, 2);
    compare_walks(cx, 20);
    int failed = ct_error(cx) != CT_OK;
    if (failed)
        fprintf(stderr, "%s\n", ct_error_text(cx));
    ct_context_free(cx);
    return failed;
}
