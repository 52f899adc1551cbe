/* Adding tensors and children to a module, and giving every tensor its path as its name. */
#include "module.h"

static bool name_fits(const ct_module *m, const char *who, const char *name)
{
    if (!name)
        return ct_fail(m->cx, CT_ERROR_NULL, "%s: the name is NULL", who), false;
    bool fits = *name != '\0';
    for (const char *c = name; *c; c++)
        fits = fits && *c >= ' ' && *c <= '~' && !strchr(".\"\\", *c);
    if (!fits)
        ct_fail(m->cx, CT_ERROR_VALUE,
                "%s: '%s' is no name; a name must be printable ASCII without . \" and \\, one "
                "character or more", who, name);
    else if (ct__table_find(m->entries, name, strlen(name)))
        ct_fail(m->cx, CT_ERROR_VALUE, "%s: this %s has a '%s' already", who, m->kind, name);
    else
        return true;
    return false;
}

static ct_tensor *add_tensor(ct_module *m, const char *name, ct_tensor *x, bool trained)
{
    const char *who = trained ? "module_add_parameter" : "module_add_buffer";
    if (x && !ct_usable(x, who))
        return NULL;
    if (!m || !x) {
        ct_fail(m ? m->cx : ct_context_of(x), CT_ERROR_NULL, "%s: the %s is NULL", who,
                m ? "tensor" : "module");
        return NULL;
    }
    if (!ct__module_alive(m, who))
        return NULL;
    if (ct_context_of(x) != m->cx)
        return ct_fail(m->cx, CT_ERROR_CONTEXT, "%s: the tensor is of another context", who), NULL;
    if (!trained && ct_requires_grad(x))
        return ct_fail(m->cx, CT_ERROR_GRAPH, "%s: '%s' requires grad, but a buffer must not, "
                       "since it is not trained", who, name ? name : ""), NULL;
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

/* gives the tensors below m their new paths as names; false and an error if one is too long, or for
   lack of memory */
static bool rename_below(ct_module *m)
{
    char room[CT__PATH];
    for (ct_module *at = m; at; at = ct__module_next(m, at))
        if (!ct__path(NULL, at->parent, at->place, room))
            return false;
    for (ct__entries w = { .root = m }; ct__entries_next(&w);) {
        const char *path = ct__path(NULL, w.m, w.entry, room);
        if (!path || !ct_named(w.entry->tensor, path))
            return false;
    }
    return true;
}

static bool may_own(const ct_module *m, const ct_module *child)
{
    if (child->parent)
        return ct_fail(child->cx, CT_ERROR_VALUE,
                       "module_add: this %s is a child already, and can have one parent only",
                       child->kind), false;
    for (const ct_module *up = m; up; up = up->parent)
        if (up == child)
            return ct_fail(child->cx, CT_ERROR_VALUE, "module_add: this %s would hold itself",
                           child->kind), false;
    return true;
}

/* the new entry of m for the child; NULL and an error */
static ct__entry *place_for(ct_module *m, const char *name, const ct_module *child)
{
    if (!m)
        return ct_fail(child->cx, CT_ERROR_NULL, "module_add: the module is NULL"), NULL;
    if (!ct__module_alive(m, "module_add"))
        return NULL;
    if (m->cx != child->cx)
        return ct_fail(m->cx, CT_ERROR_CONTEXT, "module_add: the child is of another context"),
               NULL;
    return name_fits(m, "module_add", name) ? ct__table_add(m->cx, &m->entries, name) : NULL;
}

ct_module *ct_module_add(ct_module *m, const char *name, ct_module *child)
{
    if (!child)
        return ct__module_alive(m, "module_add")
                   ? ct_fail(m->cx, CT_ERROR_NULL, "module_add: the child is NULL"), NULL
                   : NULL;
    if (!ct__module_alive(child, "module_add") || !may_own(m, child))
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

