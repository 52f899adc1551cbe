/* Variables, their gradients and hooks; the recorded graph as text. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rows.h"

CT__COLD static ct_tensor *refuse(const ct_tensor *x, const char *who)
{
    char text[200];
    ct__tensor_print(text, sizeof text, x, true);
    if (!ct__is_float(x->dtype))
        ct_fail(x->cx, CT_ERROR_DTYPE, "%s: %s is not f32 or f64", who, text);
    else
        ct_fail(x->cx, CT_ERROR_GRAPH, "%s: %s is the result of %s, not a leaf; ct_detach it first",
                who, text, x->op->name);
    return NULL;
}

ct_tensor *ct_variable(ct_tensor *x)
{
    if (!ct__usable(x, "variable"))
        return NULL;
    if (!ct__is_float(x->dtype) || x->op)
        return refuse(x, "variable");
    if (!(x->flags & CT__REQUIRES_GRAD))
        ct__tell_changed(x);
    x->flags |= CT__REQUIRES_GRAD;
    return x;
}

ct_tensor *ct_constant(ct_tensor *x)
{
    if (!ct__usable(x, "constant"))
        return NULL;
    if (x->op)
        return refuse(x, "constant");
    ct__tell(x->cx, "constant");
    ct__tell_changed(x);
    ct_zero_grad(x);
    ct__rows_forget(x);
    x->flags &= (uint16_t)~CT__REQUIRES_GRAD;
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
    if (!ct__alive(x, "gradient"))
        return NULL;
    ct__tell(x->cx, "gradient");
    return x->extra ? x->extra->grad : NULL;
}

void ct_zero_grad(ct_tensor *x)
{
    if (!ct__alive(x, "zero_grad"))
        return;
    ct__tell_graded(x, NULL);
    if (!x->extra)
        return;
    ct_tensor *grad = x->extra->grad;
    x->extra->grad = NULL;
    ct__rows_zero(x, grad);
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
 * lines refer to it. A long text is cut, and its last line says so */
enum { LINES = 1000, INPUTS = 16, ROOM = 300 * LINES };

typedef struct listing {
    char *text;
    size_t used;
    bool full;               /* the last line did not fit */
    const ct_tensor *const *seen; /* in order: the index of a vertex is its number */
    int64_t count;
} listing;

static int64_t number_of(const ct_tensor *const *seen, int64_t count, const ct_tensor *t)
{
    for (int64_t i = 0; i < count; i++)
        if (seen[i] == t)
            return i;
    return -1;
}

/* Finds the operators behind seen[0] and returns how many there are, or how many can be listed, if
 * these are fewer. */
static int64_t find_operators(const ct_tensor **seen, bool *cut)
{
    int64_t count = 1;
    for (int64_t next = 0; next < count && !*cut; next++) {
        const ct_tensor *t = seen[next];
        for (uint32_t i = 0; i < t->input_count && !*cut; i++) {
            const ct_tensor *x = ct__inputs(t)[i];
            if (!x->op || number_of(seen, count, x) >= 0)
                continue;
            *cut = count == LINES;
            if (!*cut)
                seen[count++] = x;
        }
    }
    return *cut ? count - 1 : count; /* the last line is not for an operator then */
}

CT_PRINTF(2, 3) static void add(listing *list, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(list->text + list->used, ROOM - list->used, format, arguments);
    va_end(arguments);
    list->full = list->full || n < 0 || (size_t)n >= ROOM - list->used;
    list->used += list->full ? 0 : (size_t)n;
}

static void add_line(listing *list, int64_t number)
{
    const ct_tensor *t = list->seen[number];
    char text[200];
    ct__tensor_print(text, sizeof text, t, true);
    add(list, "#%lld %s -> %s:", (long long)number, t->op->name, text);
    for (uint32_t i = 0; i < t->input_count && i < INPUTS; i++) {
        const ct_tensor *x = ct__inputs(t)[i];
        int64_t known = x->op ? number_of(list->seen, list->count, x) : -1;
        ct__tensor_print(text, sizeof text, x, true);
        if (known >= 0)
            add(list, " #%lld", (long long)known);
        else
            add(list, " [%s%s]", x->flags & CT__REQUIRES_GRAD && !x->op ? "variable " : "", text);
    }
    if (t->input_count > INPUTS)
        add(list, " ... (%u inputs more)", t->input_count - INPUTS);
    add(list, "\n");
}

const char *ct_graph_text(const ct_tensor *y)
{
    static const char more[] = "... (more operators, which are not listed)\n";
    if (!ct__alive(y, "graph_text"))
        return NULL;
    if (!y->op)
        return ct__scope_text(y->cx, "no operator: a %s\n",
                              y->flags & CT__REQUIRES_GRAD ? "variable" : "constant");
    const ct_tensor **seen = (void *)ct__scope_chars(y->cx, LINES * sizeof *seen);
    char *text = seen ? ct__scope_chars(y->cx, ROOM + sizeof more) : NULL;
    if (!text)
        return NULL;
    bool cut = false;
    seen[0] = y;
    listing list = { .text = text, .seen = seen, .count = find_operators(seen, &cut) };
    size_t whole = 0; /* the end of the last line that fits */
    for (int64_t i = 0; i < list.count && !list.full; i++) {
        whole = list.used;
        add_line(&list, i);
    }
    if (!list.full)
        whole = list.used;
    memcpy(text + whole, cut || list.full ? more : "", cut || list.full ? sizeof more : 1);
    return text;
}
