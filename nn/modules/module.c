/* Modules: making them, walking from one to the next, freeing and running them.
 *
 * A module has one parent at most, a module is never added below itself, and paths are bounded. So
 * modules form trees, and no recursion over one goes deeper than CT__PATH / 2. */
#include "module.h"

/* The finish function is how ct_object_alive tells a module from other objects. It has nothing to
 * do: a module's entries and lists are objects of the context too, which ends each by itself. */
void ct__module_finish(void *module)
{
    (void)module;
}

/* a module with room for its attributes and its kind behind it */
static ct_module *module_new(ct_context *cx, const char *kind, size_t attributes)
{
    size_t length = strlen(kind) + 1;
    ct_module *m = ct_object_new(cx, sizeof *m + attributes + length, ct__module_finish);
    if (!m)
        return NULL;
    char *behind = (char *)(m + 1);
    *m = (ct_module){ .cx = cx, .attributes = attributes };
    m->kind = memcpy(behind + attributes, kind, length);
    return m;
}

ct_module *ct__module_with(ct_context *cx, const char *kind, ct_forward forward,
                           const void *attributes, size_t bytes)
{
    ct_module *m = module_new(cx, kind, bytes);
    if (!m)
        return NULL;
    m->forward = forward;
    m->user = bytes > 0 ? memcpy(m + 1, attributes, bytes) : NULL;
    return m;
}

ct_module *ct_module_new(ct_context *cx, const char *kind, ct_forward forward, void *user)
{
    if (!kind)
        return ct_fail(cx, CT_ERROR_NULL, "module_new: the kind is NULL"), NULL;
    ct_module *m = module_new(cx, kind, 0);
    if (!m)
        return NULL;
    m->forward = forward;
    m->user = user;
    return m;
}

ct_module *ct__module_alike(const ct_module *m)
{
    if (m->attributes > 0)
        return ct__module_with(m->cx, m->kind, m->forward, m->user, m->attributes);
    return ct_module_new(m->cx, m->kind, m->forward, m->user);
}

/* the child of the first entry from this one on that has a child */
static ct_module *first_child(const ct__entry *entry)
{
    while (entry && !entry->child)
        entry = ct__table_next(entry);
    return entry ? entry->child : NULL;
}

ct_module *ct__module_next(const ct_module *root, ct_module *m)
{
    ct_module *next = first_child(m->entries);
    for (; !next && m != root; m = m->parent)
        next = first_child(ct__table_next(m->place));
    return next;
}

/* -- Freeing: children first */
static void free_one(ct_module *m)
{
    if (m->parent) {
        for (ct_module *up = m->parent; up; up = up->parent)
            up->listed = false;
        ct__table_remove(&m->parent->entries, m->place);
        m->parent->removals++;
        m->parent = NULL;
    }
    while (m->entries)
        ct__table_remove(&m->entries, m->entries);
    m->removals++;
    ct_object_free(m->parameters);
    m->parameters = NULL;
    m->listed = false;
    m->freed = true;
    if (m->running == 0)
        ct_object_free(m);
}

void ct_module_free(ct_module *m)
{
    if (!ct__module_alive(m, "module_free"))
        return;
    for (ct_module *at = m; at;) {
        ct_module *child = first_child(at->entries);
        ct_module *up = at == m ? NULL : at->parent;
        if (!child)
            free_one(at);
        at = child ? child : up;
    }
}

/* -- Forward */
ct_tensor *ct_module_forward(ct_module *m, ct_tensor *x)
{
    if (x && !ct_usable(x, "module_forward"))
        return NULL;
    if (!m || !x) {
        ct_fail(m ? m->cx : ct_context_of(x), CT_ERROR_NULL, "module_forward: the %s is NULL",
                m ? "input" : "module");
        return NULL;
    }
    if (!ct__module_alive(m, "module_forward"))
        return NULL;
    if (!m->forward)
        return ct_fail(m->cx, CT_ERROR_NULL, "module_forward: this %s has no forward function",
                       m->kind), NULL;
    ct_context *cx = m->cx;
    ct_scope scope = ct_scope_begin_callback(cx);
    if (!scope)
        return NULL;
    m->running++;
    ct_tensor *y = m->forward(m, x, m->user);
    if (!y)
        ct_fail(cx, CT_ERROR_CALLBACK, "module_forward: this %s failed without saying why",
                m->kind);
    if (y && !ct_usable(y, "module_forward"))
        y = NULL;
    if (--m->running == 0 && m->freed)
        ct_object_free(m);
    return ct_scope_return(cx, scope, y);
}
