/* Lists of tensors with names. */
#include "tensors.h"

#include <stdio.h>

ct_status ct__tensors_room(ct__tensors *t, int n)
{
    t->all = ct_object_new(t->cx, ((size_t)n + 1) * sizeof *t->all, NULL);
    t->room = t->all ? n : 0;
    t->n = 0;
    return t->all ? CT_OK : ct_error(t->cx);
}

void ct__tensors_free(ct__tensors *t)
{
    ct_object_free(t->all);
    t->all = NULL;
}

void ct__tensors_add(ct__tensors *t, const char *before, const char *name, ct_tensor *x)
{
    ct__named *named = &t->all[t->n++];
    snprintf(named->name, sizeof named->name, "%s%s", before, name);
    named->x = x;
}

int ct__tensors_below(const ct_module *m)
{
    int n = 0;
    for (ct__entries w = { .root = m }; ct__entries_next(&w);)
        n++;
    return n;
}

ct_status ct__tensors_add_module(ct__tensors *t, const char *before, const ct_module *m)
{
    char room[CT__PATH];
    for (ct__entries w = { .root = m }; ct__entries_next(&w);) {
        const char *path = ct__path(m, w.m, w.entry, room);
        if (!path)
            return ct_error(t->cx);
        ct__tensors_add(t, before, path, w.entry->tensor);
    }
    return CT_OK;
}

ct_status ct__tensors_take(const ct__tensors *t)
{
    for (int i = 0; i < t->n; i++)
        if (t->all[i].fresh && !ct_data_mutable(t->all[i].x))
            return ct_error(t->cx);
    ct_status status = CT_OK;
    for (int i = 0; i < t->n && status == CT_OK; i++)
        if (t->all[i].fresh)
            status = ct_assign(t->all[i].x, t->all[i].fresh);
    return status;
}
