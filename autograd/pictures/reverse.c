/* The cotangents of all vertices and edges, for a picture: a walk of its own, which is watched.
 * What it brings is put into words at once, so that no cotangent lives longer than in any walk. */
#include "pictures.h"

static ct__slice summary_of(ct__cotangents *c, const ct_tensor *t)
{
    size_t start = c->text.used;
    ct__print_summary(&c->text, t, c->share);
    return (ct__slice){ start, c->text.used - start };
}

static ct_status complete(ct__watch *watch, const ct_tensor *t)
{
    ct__cotangents *c = (ct__cotangents *)(void *)watch;
    int64_t node = ct__node_of(c->graph, t);
    if (node >= 0 && t->cotangent)
        c->of_node[node] = summary_of(c, t->cotangent);
    return c->text.failed ? CT_ERROR_MEMORY : CT_OK;
}

static ct_status brought(ct__watch *watch, const ct_tensor *t, int i, const ct_tensor *g)
{
    ct__cotangents *c = (ct__cotangents *)(void *)watch;
    int64_t node = ct__node_of(c->graph, t);
    if (node >= 0)
        c->of_input[c->graph->first[node] + i] = summary_of(c, g);
    return c->text.failed ? CT_ERROR_MEMORY : CT_OK;
}

ct_status ct__reverse_watched(ct__cotangents *c, ct_tensor *y, ct_tensor *gy, const char *who)
{
    ct_context *cx = y->cx;
    size_t nodes = (size_t)c->graph->count, inputs = (size_t)c->graph->first[nodes];
    c->watch = (ct__watch){ complete, brought };
    c->text.cx = cx;
    c->of_node = ct__scope_room(cx, (nodes + 1) * sizeof *c->of_node);
    c->of_input = ct__scope_room(cx, (inputs + 1) * sizeof *c->of_input);
    if (!c->of_node || !c->of_input)
        return CT_ERROR_MEMORY;
    memset(c->of_node, 0, nodes * sizeof *c->of_node);
    memset(c->of_input, 0, inputs * sizeof *c->of_input);
    if (!(y->flags & CT__REQUIRES_GRAD))
        return CT_OK;
    if (!gy && !(gy = ct_ones_like(y)))
        return CT_ERROR_MEMORY;
    bool find_nonfinite = cx->find_nonfinite; /* a NaN is to be seen in the picture */
    ct_find_nonfinite(cx, false);
    ct_status status = ct__watch_backward(who, y, gy, &c->watch);
    ct_find_nonfinite(cx, find_nonfinite);
    return status;
}
