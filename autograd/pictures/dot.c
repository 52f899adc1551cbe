/* ct_graph_dot: the graph in Graphviz's language. */
#include "pictures.h"

/* Inside quotes: Graphviz reads escapes, and entities as HTML has them. */
static void put_escaped(ct__out *o, const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c == '"' || *c == '\\')
            ct__print(o, "\\%c", *c);
        else if (strchr("&<>", *c))
            ct__print(o, "&#%d;", *c);
        else
            ct__print_bytes(o, *c < ' ' || *c > '~' ? "?" : c, 1);
}

static void put_node(ct__out *o, const ct__graph *g, int64_t i)
{
    const ct_tensor *t = g->node[i];
    const char *kind = t->flags & CT__REQUIRES_GRAD ? "variable" : "constant";
    char shape[CT_SHAPE_TEXT];
    ct__print(o, "  v%lld [label=\"", (long long)i);
    put_escaped(o, t->op ? t->op->name : kind);
    if (t->extra && t->extra->name) {
        ct__print(o, "\\n");
        put_escaped(o, t->extra->name);
    }
    if (!(t->flags & CT__HIDDEN))
        ct__print(o, "\\n%s %s", ct__dtype_text((ct_dtype)t->dtype), ct_shape_text(t, shape));
    ct__print(o, "\"%s%s];\n",
            t->op ? "" : t->flags & CT__REQUIRES_GRAD ? ", fillcolor=\"#dbe8f8\""
                                                      : ", style=\"rounded,dashed\"",
            t->buffer && !ct__all_finite(t) ? ", color=red, penwidth=3" : "");
}

static void put_graph(ct__out *o, const ct__graph *g)
{
    ct__print(o, "digraph cotangent {\n"
               "  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=sans];\n");
    for (int64_t i = 0; i < g->count; i++)
        put_node(o, g, i);
    for (int64_t i = 0; i < g->count; i++)
        for (int64_t e = g->first[i]; e < g->first[i + 1]; e++)
            if (g->input[e] >= 0)
                ct__print(o, "  v%lld -> v%lld;\n", (long long)g->input[e], (long long)i);
    if (g->left_out > 0)
        ct__print(o, "  label=\"%lld inputs are left out\";\n", (long long)g->left_out);
    ct__print(o, "}\n");
}

const char *ct_graph_dot(const ct_tensor *y, const ct_graph_options *given)
{
    ct_graph_options options;
    ct__scope scope;
    ct__graph g;
    if (!ct__graph_options(y, "graph_dot", given, &options))
        return NULL;
    ct__out out = { .cx = y->cx };
    ct__scope_push(y->cx, &scope);
    if (ct__collect(&g, y, options.max_vertices, CT__ALL_VERTICES) && ct__graph_sort(&g))
        put_graph(&out, &g);
    ct__scope_pop(y->cx, &scope);
    return ct__out_to_scope(&out);
}
