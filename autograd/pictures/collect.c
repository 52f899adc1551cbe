/* The vertices behind a tensor, and the edges between them. All is kept beside the tensors: a hash
 * table leads from a tensor to its number, and nothing in the tensors changes. */
#include "pictures.h"

/* -- The hash table: open addressing, at most half full */
static uint32_t *slot_of(const ct__graph *g, const ct_tensor *t)
{
    uint64_t mask = (uint64_t)g->slot_count - 1, i = (uint64_t)(uintptr_t)t / 16;
    i = (i * 0x9e3779b97f4a7c15u) >> 20;
    while (g->slots[i & mask] && g->node[g->slots[i & mask] - 1] != t)
        i++;
    return &g->slots[i & mask];
}

int64_t ct__node_of(const ct__graph *g, const ct_tensor *t)
{
    return (int64_t)*slot_of(g, t) - 1;
}

static void fill_slots(ct__graph *g)
{
    memset(g->slots, 0, (size_t)g->slot_count * sizeof *g->slots);
    for (int64_t i = 0; i < g->count; i++)
        *slot_of(g, g->node[i]) = (uint32_t)i + 1;
}

/* Room for `room` nodes. */
static bool make_room(ct__graph *g, int64_t room)
{
    const ct_tensor **node = ct__scope_room(g->cx, (size_t)room * sizeof *node);
    uint32_t *slots = ct__scope_room(g->cx, (size_t)room * 2 * sizeof *slots);
    if (!node || !slots)
        return false;
    if (g->count)
        memcpy(node, g->node, (size_t)g->count * sizeof *node);
    g->node = node, g->slots = slots, g->slot_count = room * 2;
    fill_slots(g);
    return true;
}

static bool add_node(ct__graph *g, const ct_tensor *t)
{
    if (2 * g->count >= g->slot_count && !make_room(g, g->slot_count))
        return false;
    g->node[g->count] = t;
    *slot_of(g, t) = (uint32_t)++g->count;
    return true;
}

/* -- Breadth first from y */
static bool find_nodes(ct__graph *g, int64_t most, enum ct__which which)
{
    for (int64_t next = 0; next < g->count; next++) {
        const ct_tensor *t = g->node[next];
        for (uint32_t i = 0; t->op && i < t->input_count && g->count < most; i++) {
            const ct_tensor *x = ct__inputs(t)[i];
            if ((!x->op && which == CT__OPERATORS_ONLY) || ct__node_of(g, x) >= 0)
                continue;
            if (!add_node(g, x))
                return false;
        }
    }
    return true;
}

static bool find_edges(ct__graph *g)
{
    g->first = ct__scope_room(g->cx, ((size_t)g->count + 1) * sizeof *g->first);
    if (!g->first)
        return false;
    g->first[0] = g->left_out = 0;
    for (int64_t i = 0; i < g->count; i++)
        g->first[i + 1] = g->first[i] + (g->node[i]->op ? g->node[i]->input_count : 0);
    g->input = ct__scope_room(g->cx, ((size_t)g->first[g->count] + 1) * sizeof *g->input);
    for (int64_t i = 0; g->input && i < g->count; i++)
        for (int64_t e = g->first[i]; e < g->first[i + 1]; e++) {
            g->input[e] = ct__node_of(g, ct__inputs(g->node[i])[e - g->first[i]]);
            g->left_out += g->input[e] < 0;
        }
    return g->input != NULL;
}

bool ct__collect(ct__graph *g, const ct_tensor *y, int64_t most, enum ct__which which)
{
    *g = (ct__graph){ .cx = y->cx };
    return make_room(g, 64) && add_node(g, y) && find_nodes(g, most, which) && find_edges(g);
}

/* -- Inputs first: depth first from y */
bool ct__graph_sort(ct__graph *g)
{
    size_t bytes = (size_t)g->count * sizeof(int64_t);
    const ct_tensor **node = ct__scope_room(g->cx, (size_t)g->count * sizeof *node);
    int64_t *stack = ct__scope_room(g->cx, bytes), *next = ct__scope_room(g->cx, bytes);
    if (!node || !stack || !next)
        return false;
    for (int64_t i = 0; i < g->count; i++)
        next[i] = -1; /* not seen; else the next of its inputs to be looked at */
    int64_t depth = 1, done = 0;
    stack[0] = 0, next[0] = g->first[0];
    while (depth > 0) {
        int64_t i = stack[depth - 1];
        if (next[i] == g->first[i + 1]) {
            node[done++] = g->node[i];
            depth--;
            continue;
        }
        int64_t x = g->input[next[i]++];
        if (x >= 0 && next[x] < 0)
            stack[depth++] = x, next[x] = g->first[x];
    }
    g->node = node;
    fill_slots(g);
    return find_edges(g);
}

bool ct__graph_options(const ct_tensor *y, const char *who, const ct_graph_options *given,
                       ct_graph_options *options)
{
    if (!ct__alive(y, who))
        return false;
    *options = given ? *given : (ct_graph_options){ 0 };
    uint64_t reserved = 0;
    for (int i = 0; i < 4; i++)
        reserved |= options->reserved[i];
    if (options->max_vertices < 0 || options->max_values < 0 || reserved) {
        ct_fail(y->cx, CT_ERROR_VALUE, "%s: %s", who,
                reserved ? "reserved options must be 0"
                         : "max_vertices and max_values must not be negative");
        return false;
    }
    if (options->max_vertices == 0)
        options->max_vertices = 10000;
    if (options->max_vertices > INT32_MAX)
        options->max_vertices = INT32_MAX;
    if (options->max_values == 0)
        options->max_values = 200000;
    return true;
}
