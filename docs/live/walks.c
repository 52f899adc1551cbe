/* The chains of tutorial 1, docs/tutorial/01_chain_rule.md, and three walks over them by hand. */
#include <math.h>

#include "live.h"

enum { MOST = 20, MOST_SQUARES = 8 };

/* vertex k > 0 is x_{k-1} + x_{k-1} or x_{k-1} x_{k-1}; vertex 0 is the leaf */
typedef struct chain {
    double x[MOST + 1], slope[MOST + 1]; /* slope[k]: what one operand of k gets of g_k */
    double g[MOST + 1];
    long visits;
} chain;

static chain new_chain(int n, bool squares, double x)
{
    chain c = { .x = { x } };
    for (int k = 1; k <= n; k++) {
        c.x[k] = squares ? c.x[k - 1] * c.x[k - 1] : c.x[k - 1] + c.x[k - 1];
        c.slope[k] = squares ? c.x[k - 1] : 1;
    }
    return c;
}

/* each visit passes on what has come so far: what came before is passed on again */
static void walk_greedily(chain *c, int k)
{
    c->visits++;
    for (int operand = 0; k > 0 && operand < 2; operand++) {
        c->g[k - 1] += c->g[k] * c->slope[k];
        walk_greedily(c, k - 1);
    }
}

/* each visit passes on its own contribution: right, one visit per path */
static void walk_every_path(chain *c, int k, double g)
{
    c->visits++;
    c->g[k] += g;
    for (int operand = 0; k > 0 && operand < 2; operand++)
        walk_every_path(c, k - 1, g * c->slope[k]);
}

/* a vertex is visited when all its uses have been: right, one visit per vertex */
static void walk_in_order(chain *c, int k)
{
    for (c->g[k] = 1; k >= 0; k--) {
        c->visits++;
        for (int operand = 0; k > 0 && operand < 2; operand++)
            c->g[k - 1] += c->g[k] * c->slope[k];
    }
}

static double recorded(ct_context *cx, int n, bool squares, double x, double *gradient)
{
    ct_tensor *leaf = ct_variable(ct_scalar(cx, CT_F64, x)), *y = leaf;
    for (int k = 0; k < n; k++)
        y = squares ? ct_mul(y, y) : ct_add(y, y);
    if (ct_backward(y) == CT_OK)
        *gradient = ct_item(ct_gradient(leaf));
    return ct_item(y);
}

static void print_walk(const char *name, const chain *c, int n)
{
    live_print(", \"%s\": {\"visits\": %ld, \"g\": ", name, c->visits);
    live_numbers(c->g, n + 1);
    live_print("}");
}

static void print_walks(int n, bool squares, double x)
{
    chain greedy = new_chain(n, squares, x), paths = greedy, order = greedy;
    greedy.g[n] = 1;
    walk_greedily(&greedy, n);
    walk_every_path(&paths, n, 1);
    walk_in_order(&order, n);
    live_print("{\"values\": ");
    live_numbers(order.x, n + 1);
    print_walk("greedy", &greedy, n);
    print_walk("paths", &paths, n);
    print_walk("order", &order, n);
}

const char *live_walks(int n, bool squares, double x)
{
    if (n < 1 || n > (squares ? MOST_SQUARES : MOST))
        return live_fail("the length must be from 1 to 20, or for squares from 1 to 8");
    ct_context *cx = ct_context_new(NULL);
    double gradient = NAN, unused, h = ldexp(1, -17) * fmax(1, fabs(x));
    double above = recorded(cx, n, squares, x + h, &unused);
    double below = recorded(cx, n, squares, x - h, &unused);
    recorded(cx, n, squares, x, &gradient);
    live_begin();
    print_walks(n, squares, x);
    live_print(", \"recorded\": ");
    live_number(gradient);
    live_print(", \"difference\": ");
    live_number((above - below) / (2 * h));
    live_print("}");
    const char *answer = ct_error(cx) ? live_fail(ct_error_text(cx)) : live_finish();
    ct_context_free(cx);
    return answer;
}
