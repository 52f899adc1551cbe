/* ct_graph_text: one line per operator, breadth first from y. Each has a number, by which other
 * lines refer to it. A long text is cut, and its last line says so. */
#include "pictures.h"

enum { LINES = 1000, INPUTS = 16, ROOM = 300 * LINES };

static void put_line(ct__out *o, const ct__graph *g, int64_t number)
{
    const ct_tensor *t = g->node[number];
    char text[200];
    ct__tensor_print(text, sizeof text, t, true);
    ct__print(o, "#%lld %s -> %s:", (long long)number, t->op->name, text);
    for (uint32_t i = 0; i < t->input_count && i < INPUTS; i++) {
        const ct_tensor *x = ct__inputs(t)[i];
        int64_t known = g->input[g->first[number] + i];
        ct__tensor_print(text, sizeof text, x, true);
        if (known >= 0)
            ct__print(o, " #%lld", (long long)known);
        else
            ct__print(o, " [%s%s]", x->flags & CT__REQUIRES_GRAD && !x->op ? "variable " : "",
                      text);
    }
    if (t->input_count > INPUTS)
        ct__print(o, " ... (%u inputs more)", t->input_count - INPUTS);
    ct__print(o, "\n");
}

/* Is there an operator that was not collected? */
static bool is_cut(const ct__graph *g)
{
    for (int64_t i = 0; i < g->count; i++)
        for (int64_t e = g->first[i]; e < g->first[i + 1]; e++)
            if (g->input[e] < 0 && ct__inputs(g->node[i])[e - g->first[i]]->op)
                return true;
    return false;
}

static void put_lines(ct__out *o, const ct__graph *g)
{
    bool cut = is_cut(g);
    for (int64_t i = 0; i < g->count - cut; i++) { /* if it is cut, the last line is no operator */
        size_t whole = o->used;
        put_line(o, g, i);
        if (o->used > ROOM && !o->failed) {
            o->used = whole;
            cut = true;
            break;
        }
    }
    if (cut)
        ct__print(o, "... (more operators, which are not listed)\n");
}

const char *ct_graph_text(const ct_tensor *y)
{
    if (!ct__alive(y, "graph_text"))
        return NULL;
    if (!y->op)
        return ct__scope_text(y->cx, "no operator: a %s\n",
                              y->flags & CT__REQUIRES_GRAD ? "variable" : "constant");
    ct__out out = { .cx = y->cx };
    ct__scope scope;
    ct__graph g;
    ct__scope_push(y->cx, &scope);
    bool found = ct__collect(&g, y, LINES, CT__OPERATORS_ONLY);
    if (found)
        put_lines(&out, &g);
    ct__scope_pop(y->cx, &scope);
    return ct__out_to_scope(&out);
}
