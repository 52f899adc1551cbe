/* Modules: a tree whose nodes hold tensors and children by name.
 *
 * A child has one parent, an ancestor cannot become a child, and paths are bounded: so there are no
 * cycles, and no recursion over a tree goes deeper than CT__PATH / 2. */
#include "module.h"

static ct_module *module_new(ct_context *cx, const char *kind, size_t attributes)
{
    size_t length = strlen(kind) + 1;
    ct_module *m = ct_object_new(cx, sizeof *m + attributes + length, NULL);
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

/* from `entry` on */
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

bool ct__walk_next(ct__walk *w)
{
    ct_module *root = (ct_module *)(uintptr_t)w->root;
    ct__entry *entry = w->m ? ct__table_next(w->entry) : root->entries;
    if (!w->m)
        w->m = root;
    while (true) {
        while (entry && !entry->tensor)
            entry = ct__table_next(entry);
        w->entry = entry;
        if (entry)
            return true;
        w->m = ct__module_next(root, w->m);
        if (!w->m)
            return false;
        entry = w->m->entries;
    }
}

const char *ct__path(const ct_module *root, const ct_module *m, const ct__entry *entry,
                     char room[CT__PATH])
{
    char *at = room + CT__PATH - 1;
    *at = '\0';
    while (true) {
        size_t length = strlen(entry->name);
        if (length + 1 > (size_t)(at - room)) {
            ct_fail(m->cx, CT_ERROR_VALUE, "module: a path that ends in '%s' is over %d characters",
                    at, CT__PATH - 2);
            return NULL;
        }
        at -= length;
        memcpy(at, entry->name, length);
        if (m == root || !m->parent)
            return at;
        *--at = '.';
        entry = m->place;
        m = m->parent;
    }
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
    for (ct_module *at = m; at;) {
        ct_module *child = first_child(at->entries);
        ct_module *up = at == m ? NULL : at->parent;
        if (!child)
            free_one(at);
        at = child ? child : up;
    }
}

/* -- Adding */
static bool name_fits(const ct_module *m, const char *who, const char *name)
{
    if (!name)
        return ct_fail(m->cx, CT_ERROR_NULL, "%s: the name is NULL", who), false;
    bool fits = *name != '\0';
    for (const char *c = name; *c; c++)
        fits = fits && *c >= ' ' && *c <= '~' && !strchr(".\"\\", *c);
    if (!fits)
        ct_fail(m->cx, CT_ERROR_VALUE,
                "%s: '%s' is no name: one or more printable ASCII characters, without . \" and \\",
                who, name);
    else if (ct__table_find(m->entries, name, strlen(name)))
        ct_fail(m->cx, CT_ERROR_VALUE, "%s: there is a '%s' in this %s already", who, name,
                m->kind);
    else
        return true;
    return false;
}

static ct_tensor *add_tensor(ct_module *m, const char *name, ct_tensor *x, bool trained)
{
    const char *who = trained ? "module_add_parameter" : "module_add_buffer";
    if (!m || !x) {
        ct_fail(m ? m->cx : ct_context_of(x), CT_ERROR_NULL, "%s: the %s is NULL", who,
                m ? "tensor" : "module");
        return NULL;
    }
    if (ct_context_of(x) != m->cx)
        return ct_fail(m->cx, CT_ERROR_CONTEXT, "%s: the tensor is of another context", who), NULL;
    if (!trained && ct_requires_grad(x))
        return ct_fail(m->cx, CT_ERROR_GRAPH, "%s: '%s' requires grad: a buffer is not trained",
                       who, name ? name : ""), NULL;
    ct__entry *entry = name_fits(m, who, name) ? ct__table_add(m->cx, &m->entries, name) : NULL;
    if (!entry)
        return NULL;
    char room[CT__PATH];
    const char *path = ct__path(NULL, m, entry, room);
    if (!path || !ct_named(x, path) || (trained && !ct_variable(x)) || !ct_retain(x)) {
        ct__table_remove(&m->entries, entry);
        return NULL;
    }
    entry->tensor = x;
    entry->trained = trained;
    for (; m; m = m->parent)
        m->listed = false;
    return x;
}

ct_tensor *ct_module_add_parameter(ct_module *m, const char *name, ct_tensor *x)
{
    return add_tensor(m, name, x, true);
}

ct_tensor *ct_module_add_buffer(ct_module *m, const char *name, ct_tensor *x)
{
    return add_tensor(m, name, x, false);
}

/* the tensors below m are called by their new paths; false: one is too long, or out of memory */
static bool rename_below(ct_module *m)
{
    char room[CT__PATH];
    for (ct_module *at = m; at; at = ct__module_next(m, at))
        if (!ct__path(NULL, at->parent, at->place, room))
            return false;
    for (ct__walk w = { .root = m }; ct__walk_next(&w);) {
        const char *path = ct__path(NULL, w.m, w.entry, room);
        if (!path || !ct_named(w.entry->tensor, path))
            return false;
    }
    return true;
}

static bool may_own(const ct_module *m, const ct_module *child)
{
    if (child->parent)
        return ct_fail(child->cx, CT_ERROR_VALUE, "module_add: this %s is a child already",
                       child->kind), false;
    for (const ct_module *up = m; up; up = up->parent)
        if (up == child)
            return ct_fail(child->cx, CT_ERROR_VALUE, "module_add: this %s would hold itself",
                           child->kind), false;
    return true;
}

static ct__entry *place_for(ct_module *m, const char *name, const ct_module *child)
{
    if (!m)
        return ct_fail(child->cx, CT_ERROR_NULL, "module_add: the module is NULL"), NULL;
    if (m->cx != child->cx)
        return ct_fail(m->cx, CT_ERROR_CONTEXT, "module_add: the child is of another context"),
               NULL;
    return name_fits(m, "module_add", name) ? ct__table_add(m->cx, &m->entries, name) : NULL;
}

ct_module *ct_module_add(ct_module *m, const char *name, ct_module *child)
{
    if (!child)
        return m ? ct_fail(m->cx, CT_ERROR_NULL, "module_add: the child is NULL"), NULL : NULL;
    if (!may_own(m, child))
        return NULL;
    ct__entry *entry = place_for(m, name, child);
    if (!entry) {
        ct_module_free(child);
        return NULL;
    }
    entry->child = child;
    child->parent = m;
    child->place = entry;
    if (!rename_below(child)) {
        ct_module_free(child); /* which takes it out of m */
        return NULL;
    }
    for (; m; m = m->parent)
        m->listed = false;
    return child;
}

/* -- Finding */
ct__entry *ct__module_find(const ct_module *m, const char *path)
{
    while (true) {
        size_t length = strcspn(path, ".");
        ct__entry *entry = ct__table_find(m->entries, path, length);
        if (!entry || !path[length])
            return entry;
        if (!entry->child)
            return NULL;
        m = entry->child;
        path += length + 1;
    }
}

static ct__entry *found(const ct_module *m, const char *path, bool tensor)
{
    if (!m)
        return NULL;
    ct__entry *entry = path ? ct__module_find(m, path) : NULL;
    if (entry && (tensor ? entry->tensor != NULL : entry->child != NULL))
        return entry;
    const char *what = tensor ? "parameter" : "child";
    if (path)
        ct_fail(m->cx, CT_ERROR_VALUE, "module_%s: no '%s' in this %s", what, path, m->kind);
    else
        ct_fail(m->cx, CT_ERROR_NULL, "module_%s: the path is NULL", what);
    return NULL;
}

ct_tensor *ct_module_parameter(const ct_module *m, const char *path)
{
    ct__entry *entry = found(m, path, true);
    return entry ? entry->tensor : NULL;
}

ct_module *ct_module_child(const ct_module *m, const char *path)
{
    ct__entry *entry = found(m, path, false);
    return entry ? entry->child : NULL;
}

/* -- Forward */
ct_tensor *ct_module_forward(ct_module *m, ct_tensor *x)
{
    if (!m || !x) {
        ct_fail(m ? m->cx : ct_context_of(x), CT_ERROR_NULL, "module_forward: the %s is NULL",
                m ? "input" : "module");
        return NULL;
    }
    if (!m->forward || m->freed)
        return ct_fail(m->cx, m->freed ? CT_ERROR_STALE : CT_ERROR_NULL,
                       "module_forward: this %s %s", m->kind,
                       m->freed ? "was freed" : "has no forward function"), NULL;
    ct_context *cx = m->cx;
    ct_scope scope = ct_scope_begin_callback(cx);
    if (!scope)
        return NULL;
    m->running++;
    ct_tensor *y = m->forward(m, x, m->user);
    if (!y)
        ct_fail(cx, CT_ERROR_CALLBACK, "module_forward: this %s failed without saying why",
                m->kind);
    if (--m->running == 0 && m->freed)
        ct_object_free(m);
    return ct_scope_return(cx, scope, y);
}
