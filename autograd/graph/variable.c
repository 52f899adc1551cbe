/* Variables, their gradients and hooks; the recorded graph as text. */
#include <stdio.h>
#include <string.h>

#include "graph.h"

ct_tensor *ct_variable(ct_tensor *x)
{
    if (!ct__usable(x, "variable"))
        return NULL;
    char text[200];
    ct__tensor_print(text, sizeof text, x, true);
    if (!ct__is_float(x->dtype))
        return ct_fail(x->cx, CT_ERROR_DTYPE, "variable: %s is not f32 or f64", text), NULL;
    if (x->op)
        return ct_fail(x->cx, CT_ERROR_GRAPH,
                       "variable: %s is the result of %s, not a leaf; ct_detach it first", text,
                       x->op->name),
               NULL;
    x->flags |= CT__REQUIRES_GRAD;
    return x;
}

bool ct_requires_grad(const ct_tensor *x)
{
    return ct__alive(x, "requires_grad") && x->flags & CT__REQUIRES_GRAD;
}

ct_tensor *ct_detach(ct_tensor *x)
{
    return ct__usable(x, "detach") ? ct__to_scope(ct__alias(x)) : NULL;
}

ct_tensor *ct_gradient(const ct_tensor *x)
{
    return ct__alive(x, "gradient") && x->extra ? x->extra->grad : NULL;
}

void ct_zero_grad(ct_tensor *x)
{
    if (!ct__alive(x, "zero_grad") || !x->extra)
        return;
    ct__unhandle(x->extra->grad);
    x->extra->grad = NULL;
}

ct_status ct_on_cotangent(ct_tensor *y, ct_hook call, void *user)
{
    if (!y || !call)
        return ct_fail(y ? y->cx : NULL, CT_ERROR_NULL, "on_cotangent: %s is NULL",
                       y ? "the hook" : "the tensor");
    if (!ct__alive(y, "on_cotangent"))
        return CT_ERROR_STALE;
    if (!(y->flags & CT__REQUIRES_GRAD))
        return ct_fail(y->cx, CT_ERROR_GRAPH,
                       "on_cotangent: the tensor does not require grad: nothing will come");
    ct__extra *extra = ct__extra_of(y);
    ct__hook *hook = extra ? ct__take(y->cx, sizeof *hook) : NULL;
    if (!hook)
        return CT_ERROR_MEMORY;
    *hook = (ct__hook){ call, user, NULL };
    ct__hook **end = &extra->hooks;
    while (*end)
        end = &(*end)->next;
    *end = hook;
    return CT_OK;
}

/* -- ct_graph_text: one line per operator, breadth first from y. Each has a number, by which other
 * lines refer to it */
typedef struct listing {
    char *text;
    size_t used, room;
    const ct_tensor **seen; /* in order: the index of a vertex is its number */
    int64_t count, most;
} listing;

static int64_t number_of(const listing *list, const ct_tensor *t)
{
    for (int64_t i = 0; i < list->count; i++)
        if (list->seen[i] == t)
            return i;
    return -1;
}

static void print_reference(listing *list, const ct_tensor *t)
{
    char shape[200];
    ct__tensor_print(shape, sizeof shape, t, true);
    int64_t number = t->op ? number_of(list, t) : -1;
    int n = number >= 0
                ? snprintf(list->text + list->used, list->room - list->used, " #%lld",
                           (long long)number)
                : snprintf(list->text + list->used, list->room - list->used, " [%s%s]",
                           t->flags & CT__REQUIRES_GRAD && !t->op ? "variable " : "", shape);
    if (n > 0 && list->used + (size_t)n < list->room)
        list->used += (size_t)n;
}

static void print_vertex(listing *list, int64_t number)
{
    const ct_tensor *t = list->seen[number];
    char shape[200];
    ct__tensor_print(shape, sizeof shape, t, true);
    int n = snprintf(list->text + list->used, list->room - list->used, "#%lld %s -> %s:",
                     (long long)number, t->op->name, shape);
    if (n > 0 && list->used + (size_t)n < list->room)
        list->used += (size_t)n;
    for (uint32_t i = 0; i < t->input_count; i++)
        print_reference(list, ct__inputs(t)[i]);
    if (list->used + 1 < list->room)
        list->text[list->used++] = '\n';
    list->text[list->used] = '\0';
}

const char *ct_graph_text(const ct_tensor *y)
{
    enum { LINES = 1000, WIDTH = 300 };
    if (!ct__alive(y, "graph_text"))
        return NULL;
    if (!y->op)
        return ct__scope_text(y->cx, "no operator: a %s\n",
                              y->flags & CT__REQUIRES_GRAD ? "variable" : "constant");
    listing list = { .most = LINES, .room = (size_t)LINES * WIDTH };
    list.seen = (void *)ct__scope_chars(y->cx, LINES * sizeof *list.seen);
    list.text = list.seen ? ct__scope_chars(y->cx, list.room) : NULL;
    if (!list.text)
        return NULL;
    list.text[0] = '\0';
    list.seen[list.count++] = y;
    for (int64_t next = 0; next < list.count; next++) { /* breadth first */
        const ct_tensor *t = list.seen[next];
        for (uint32_t i = 0; i < t->input_count && list.count < list.most; i++) {
            const ct_tensor *x = ct__inputs(t)[i];
            if (x->op && number_of(&list, x) < 0)
                list.seen[list.count++] = x;
        }
    }
    for (int64_t i = 0; i < list.count; i++)
        print_vertex(&list, i);
    return list.text;
}
