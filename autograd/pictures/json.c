/* ct_graph_json: the graph, its values, its cotangents and the verdicts of a check. */
#include "pictures.h"

/* what is known of a graph */
typedef struct knowledge {
    ct__graph graph;
    ct__cotangents cotangents; /* of_node NULL: none */
    int64_t share;
    ct__out verdicts;          /* of operators, one after the other */
    ct__slice *verdict;        /* of operator k, as ct_gradcheck_graph numbers them; or NULL */
    int64_t *kind;             /* of node i, its operator's number in the list; -1: none */
    const ct_op **op;          /* that list */
    int64_t ops;
} knowledge;

/* -- Which operators there are */
static bool find_ops(knowledge *k)
{
    const ct__graph *g = &k->graph;
    k->kind = ct__scope_room(g->cx, (size_t)g->count * sizeof *k->kind);
    k->op = ct__scope_room(g->cx, (size_t)g->count * sizeof *k->op);
    if (!k->kind || !k->op)
        return false;
    for (int64_t i = 0; i < g->count; i++) {
        const ct_op *op = g->node[i]->op;
        k->kind[i] = -1;
        if (!op || op == &ct__output_op)
            continue;
        int64_t at = 0;
        while (at < k->ops && k->op[at] != op)
            at++;
        if (at == k->ops)
            k->op[k->ops++] = op;
        k->kind[i] = at;
    }
    return true;
}

static void put_ops(ct__out *o, const knowledge *k)
{
    ct__print(o, "{\"operators\":[");
    for (int64_t i = 0; i < k->ops; i++) {
        ct__print(o, "%s\n{\"name\":", i ? "," : "");
        ct__print_json(o, k->op[i]->name ? k->op[i]->name : "");
        ct__print(o, ",\"formula\":");
        ct__print_json(o, k->op[i]->formula);
        ct__print(o, ",\"derivative\":");
        ct__print_json(o, k->op[i]->derivative);
        ct__print(o, "}");
    }
    ct__print(o, "],\n\"vertices\":[");
}

/* -- The check */
static void note_verdict(const ct_gradcheck_report *report, void *user)
{
    knowledge *k = user;
    ct__out *o = &k->verdicts;
    if (report->vertex >= k->graph.count)
        return;
    size_t start = o->used;
    ct__print(o, "{\"verdict\":\"%s\",\"diagnosis\":", ct_verdict_text(report->verdict));
    ct__print_json(o, report->diagnosis);
    ct__print(o, "}");
    k->verdict[report->vertex] = (ct__slice){ start, o->used - start };
}

static ct_status check(knowledge *k, ct_tensor *y, const ct_gradcheck_options *options)
{
    const ct__graph *g = &k->graph;
    ct_status before = ct_error(g->cx);
    if (!options || g->left_out || !(y->flags & CT__REQUIRES_GRAD) || !y->op)
        return CT_OK;
    k->verdicts.cx = g->cx;
    k->verdict = ct__scope_room(g->cx, (size_t)g->count * sizeof *k->verdict);
    if (!k->verdict)
        return CT_ERROR_MEMORY;
    memset(k->verdict, 0, (size_t)g->count * sizeof *k->verdict);
    ct_gradcheck_graph(g->cx, y, options, note_verdict, k, NULL);
    return before == CT_OK ? ct_error(g->cx) : CT_OK;
}

/* -- Vertices */
static void put_slice(ct__out *o, const ct__out *from, ct__slice slice)
{
    if (slice.length)
        ct__print_bytes(o, from->text->text + slice.start, slice.length);
    else
        ct__print(o, "null");
}

static void put_kind(ct__out *o, const knowledge *k, int64_t i)
{
    const ct_tensor *t = k->graph.node[i];
    int index = 0;
    if (k->kind[i] >= 0) {
        ct__print(o, "{\"kind\":\"operator\",\"operator\":%lld", (long long)k->kind[i]);
    } else if (t->op) {
        memcpy(&index, ct__attributes(t), sizeof index);
        ct__print(o, "{\"kind\":\"output\",\"index\":%d", index);
    } else {
        ct__print(o, "{\"kind\":\"%s\"", t->flags & CT__REQUIRES_GRAD ? "variable" : "constant");
    }
    ct__print(o, ",\"name\":");
    ct__print_json(o, t->extra && t->extra->name ? t->extra->name : "");
    if (t->extra && t->extra->hooks)
        ct__print(o, ",\"hooks\":true");
}

static void put_result(ct__out *o, const knowledge *k, int64_t i)
{
    const ct_tensor *t = k->graph.node[i];
    if (t->flags & CT__HIDDEN)
        return;
    ct__print(o, ",\"dtype\":\"%s\",\"shape\":[", ct__dtype_text((ct_dtype)t->dtype));
    for (int d = 0; d < t->ndim; d++)
        ct__print(o, "%s%lld", d ? "," : "", (long long)ct__shape(t)[d]);
    ct__print(o, "],\"value\":");
    ct__print_summary(o, t, k->share);
    ct__print(o, ",\"cotangent\":");
    put_slice(o, &k->cotangents.text,
              k->cotangents.of_node ? k->cotangents.of_node[i] : (ct__slice){ 0, 0 });
}

static void put_inputs(ct__out *o, const knowledge *k, int64_t i)
{
    const ct__graph *g = &k->graph;
    ct__print(o, ",\"inputs\":[");
    for (int64_t e = g->first[i]; e < g->first[i + 1]; e++) {
        ct__print(o, "%s{\"vertex\":", e > g->first[i] ? "," : "");
        if (g->input[e] >= 0)
            ct__print(o, "%lld", (long long)g->input[e]);
        else
            ct__print(o, "null");
        ct__print(o, ",\"cotangent\":");
        put_slice(o, &k->cotangents.text,
                  k->cotangents.of_input ? k->cotangents.of_input[e] : (ct__slice){ 0, 0 });
        ct__print(o, "}");
    }
    ct__print(o, "]");
}

static void put_vertices(ct__out *o, const knowledge *k)
{
    const ct__graph *g = &k->graph;
    int64_t operators = 0;
    for (int64_t i = 0; i < g->count && !o->failed; i++) {
        ct__print(o, "%s\n", i ? "," : "");
        put_kind(o, k, i);
        put_result(o, k, i);
        put_inputs(o, k, i);
        if (k->verdict && k->kind[i] >= 0) {
            ct__print(o, ",\"check\":");
            put_slice(o, &k->verdicts, k->verdict[operators++]);
        }
        ct__print(o, "}");
    }
    ct__print(o, "],\n\"left_out\":%lld,\"backward\":%s}\n", (long long)g->left_out,
            k->cotangents.of_node ? "true" : "false");
}

static ct_status write_graph(ct__out *o, ct_tensor *y, const ct_graph_options *options,
                             knowledge *k, const char *who)
{
    ct__graph *g = &k->graph;
    if (!ct__collect(g, y, options->max_vertices, CT__ALL_VERTICES) || !ct__graph_sort(g))
        return CT_ERROR_MEMORY;
    k->cotangents.graph = g;
    k->share = k->cotangents.share = options->max_values / (2 * g->count + g->first[g->count]);
    ct_status status = CT_OK;
    if (!options->no_cotangents && y->flags & CT__REQUIRES_GRAD)
        status = ct__reverse_watched(&k->cotangents, y, options->gy, who);
    if (status == CT_OK)
        status = check(k, y, options->check);
    if (status == CT_OK && !find_ops(k))
        status = CT_ERROR_MEMORY;
    if (status != CT_OK)
        return status;
    put_ops(o, k);
    put_vertices(o, k);
    return o->failed || k->verdicts.failed ? CT_ERROR_MEMORY : CT_OK;
}

ct_status ct__graph_json(ct__out *o, ct_tensor *y, const ct_graph_options *given, const char *who)
{
    ct_graph_options options;
    knowledge k = { 0 };
    ct__scope scope;
    if (!y)
        return CT_ERROR_NULL;
    if (!ct__graph_options(y, who, given, &options))
        return ct_error(y->cx);
    ct__scope_push(y->cx, &scope);
    ct_status status = write_graph(o, y, &options, &k, who);
    ct__scope_pop(y->cx, &scope);
    ct__out_free(&k.cotangents.text);
    ct__out_free(&k.verdicts);
    return status;
}

const char *ct_graph_json(ct_tensor *y, const ct_graph_options *options)
{
    ct__out out = { .cx = y ? y->cx : NULL };
    ct__tell(out.cx, "graph_json");
    if (ct__graph_json(&out, y, options, "graph_json") == CT_OK)
        return ct__out_to_scope(&out);
    ct__out_free(&out);
    return NULL;
}
