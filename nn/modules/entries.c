/* What modules hold: every tensor below a module in turn, its path, and the lists of parameters.
 *
 * One tensor may be a parameter in several places ("tied"). It is listed and counted once, where it
 * is met first. */
#include "module.h"

bool ct__entries_next(ct__entries *w)
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

ct__entries ct__entries_find(const ct_module *root, const ct_tensor *x)
{
    ct__entries w = { .root = root };
    while (ct__entries_next(&w) && w.entry->tensor != x)
        continue;
    return w;
}

bool ct__entries_is_first(const ct__entries *w)
{
    return ct__entries_find(w->root, w->entry->tensor).entry == w->entry;
}

bool ct__entry_decays(const ct__entries *w)
{
    static const char *const norms[] = { "layer_norm", "batch_norm", "group_norm", "instance_norm",
                                         "rms_norm" };
    for (size_t i = 0; i < sizeof norms / sizeof *norms; i++)
        if (strcmp(w->m->kind, norms[i]) == 0)
            return false;
    return !strstr(w->entry->name, "bias");
}

const char *ct__path(const ct_module *root, const ct_module *m, const ct__entry *entry,
                     char room[CT__PATH])
{
    char *at = room + CT__PATH - 1;
    *at = '\0';
    while (true) {
        size_t length = strlen(entry->name);
        if (length + 1 > (size_t)(at - room)) {
            ct_fail(m->cx, CT_ERROR_VALUE, "module: the path that ends in '%s' must have at most "
                                           "%d characters", at, CT__PATH - 2);
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

/* -- Finding by a path */
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

/* the entry of that path with a tensor, or with a child; NULL and an error */
static ct__entry *found(const ct_module *m, const char *path, bool tensor)
{
    const char *who = tensor ? "module_parameter" : "module_child";
    if (!ct__module_alive(m, who))
        return NULL;
    ct__entry *entry = path ? ct__module_find(m, path) : NULL;
    if (entry && (tensor ? entry->tensor != NULL : entry->child != NULL))
        return entry;
    if (path)
        ct_fail(m->cx, CT_ERROR_VALUE, "%s: this %s has no %s '%s'", who, m->kind,
                tensor ? "parameter or buffer" : "child", path);
    else
        ct_fail(m->cx, CT_ERROR_NULL, "%s: the path is NULL", who);
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

/* -- All parameters */
/* writes the parameters below m that are not frozen, each once, to `out` if there is one; returns
   how many they are */
static int list(const ct_module *m, ct_tensor **out)
{
    int n = 0;
    for (ct__entries w = { .root = m }; ct__entries_next(&w);)
        if (w.entry->trained && ct_requires_grad(w.entry->tensor) && ct__entries_is_first(&w)) {
            if (out)
                out[n] = w.entry->tensor;
            n++;
        }
    return n;
}

ct_tensor *const *ct_module_parameters(ct_module *m, int *n)
{
    if (n)
        *n = 0;
    if (!ct__module_alive(m, "module_parameters"))
        return NULL;
    if (!m->listed) {
        int count = list(m, NULL);
        ct_tensor **fresh = ct_object_new(m->cx, ((size_t)count + 1) * sizeof *fresh, NULL);
        if (!fresh)
            return NULL;
        list(m, fresh);
        ct_object_free(m->parameters);
        m->parameters = fresh;
        m->count = count;
        m->listed = true;
    }
    if (n)
        *n = m->count;
    return m->parameters;
}

int ct_module_tensors(const ct_module *m, ct_tensor **out, int n)
{
    int count = 0;
    if (!ct__module_alive(m, "module_tensors"))
        return -1;
    for (ct__entries w = { .root = m }; ct__entries_next(&w);)
        if (ct__entries_is_first(&w)) {
            if (count < n)
                out[count] = w.entry->tensor;
            count++;
        }
    return count;
}

int64_t ct_module_count(const ct_module *m)
{
    if (!ct__module_alive(m, "module_count"))
        return -1;
    int64_t count = 0;
    for (ct__entries w = { .root = m }; ct__entries_next(&w);)
        if (w.entry->trained && ct__entries_is_first(&w))
            count += ct_count(w.entry->tensor);
    return count;
}

void ct_module_zero_grad(ct_module *m)
{
    if (!ct__module_alive(m, "module_zero_grad"))
        return;
    for (ct__entries w = { .root = m }; ct__entries_next(&w);)
        if (w.entry->trained)
            ct_zero_grad(w.entry->tensor);
}

void ct__module_forget_lists(ct_module *m)
{
    while (m->parent)
        m = m->parent;
    for (ct_module *at = m; at; at = ct__module_next(m, at))
        at->listed = false;
}

/* -- Freezing */
static bool freeze(ct__entry *entry, bool frozen)
{
    if (!entry->trained)
        return true;
    return frozen ? ct_constant(entry->tensor) : ct_variable(entry->tensor);
}

ct_status ct_module_freeze(ct_module *m, const char *path, bool frozen)
{
    if (!ct__module_alive(m, "module_freeze"))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    ct__entry *entry = path ? ct__module_find(m, path) : NULL;
    if (path && !entry)
        return ct_fail(m->cx, CT_ERROR_VALUE, "module_freeze: this %s has no parameter and no "
                       "child '%s'", m->kind, path);
    if (entry && entry->tensor && !entry->trained)
        return ct_fail(m->cx, CT_ERROR_VALUE, "module_freeze: '%s' is a buffer", path);
    bool done = true;
    if (entry && entry->tensor)
        done = freeze(entry, frozen);
    else
        for (ct__entries w = { .root = entry ? entry->child : m }; ct__entries_next(&w);)
            done = freeze(w.entry, frozen) && done;
    ct__module_forget_lists(m);
    return done ? CT_OK : ct_error(m->cx);
}
