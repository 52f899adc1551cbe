/* Casting a module in place, and cloning it. A tied tensor is copied once and stays tied. */
#include "module.h"

static bool is_float(ct_dtype dtype)
{
    return dtype == CT_F32 || dtype == CT_F64;
}

/* a leaf with x's values, of that dtype if x is a float. Call it while recording is off */
static ct_tensor *copy_of(ct_tensor *x, ct_dtype dtype)
{
    if (dtype && is_float(ct_dtype_of(x)) && dtype != ct_dtype_of(x))
        return ct_cast(x, dtype);
    ct_tensor *copy = ct_empty(ct_context_of(x), ct_dtype_of(x), ct_shape(x), ct_ndim(x));
    return copy && ct_assign(copy, x) == CT_OK ? copy : NULL;
}

/* replaces the tensor of every entry that has a fresh one */
static void take_fresh(const ct_module *m)
{
    for (ct__entries w = { .root = m }; ct__entries_next(&w);)
        if (w.entry->fresh) {
            ct_release(w.entry->tensor);
            w.entry->tensor = w.entry->fresh;
            w.entry->fresh = NULL;
        }
}

void ct__fresh_drop(const ct_module *m)
{
    for (ct__entries w = { .root = m }; ct__entries_next(&w);) {
        ct_release(w.entry->fresh);
        w.entry->fresh = NULL;
    }
}

/* makes the entry's fresh tensor, if the cast changes it; tied entries share one */
static bool prepare_cast(const ct__entries *w, ct_dtype dtype)
{
    ct__entry *entry = w->entry, *first = ct__entries_find(w->root, entry->tensor).entry;
    ct_dtype own = ct_dtype_of(entry->tensor);
    if (!is_float(own) || own == dtype)
        return true;
    ct_tensor *fresh = first->fresh;
    if (!fresh) {
        fresh = ct_named(copy_of(entry->tensor, dtype), ct_name(entry->tensor));
        if (ct_requires_grad(entry->tensor))
            fresh = ct_variable(fresh);
    }
    entry->fresh = ct_retain(fresh);
    return entry->fresh != NULL;
}

ct_status ct_module_cast(ct_module *m, ct_dtype dtype)
{
    if (!ct__module_alive(m, "module_cast"))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    if (!ct__parameters_float(m->cx, "module_cast", dtype))
        return CT_ERROR_DTYPE;
    ct_scope scope = ct_scope_begin(m->cx);
    if (!scope)
        return ct_error(m->cx);
    ct_no_grad(m->cx);
    bool ready = true;
    for (ct__entries w = { .root = m }; ready && ct__entries_next(&w);)
        ready = prepare_cast(&w, dtype);
    if (ready) {
        take_fresh(m);
        ct__module_forget_lists(m);
    } else {
        ct__fresh_drop(m);
    }
    ct_scope_end(m->cx, scope);
    return ready ? CT_OK : ct_error(m->cx);
}

/* -- Cloning */
/* m's tree of modules, without tensors */
static ct_module *skeleton(const ct_module *m)
{
    ct_module *copy = ct__module_alike(m);
    for (ct__entry *e = m->entries; copy && e; e = ct__table_next(e))
        if (e->child && !ct_module_add(copy, e->name, skeleton(e->child))) {
            ct_module_free(copy);
            copy = NULL;
        }
    return copy;
}

/* copies the tensors of m, a module below root, to its twin below twin_root */
static bool copy_tensors(const ct_module *root, ct_module *m, const ct_module *twin_root,
                         ct_module *twin, ct_dtype dtype)
{
    char room[CT__PATH];
    for (ct__entry *e = m->entries; e; e = ct__table_next(e)) {
        if (!e->tensor && !e->child && !ct__table_add(m->cx, &twin->entries, e->name))
            return false; /* it waits for its tensor: weight_norm.c */
        if (!e->tensor)
            continue;
        ct__entries first = ct__entries_find(root, e->tensor);
        ct_tensor *x = first.entry == e
                           ? copy_of(e->tensor, dtype)
                           : ct_module_parameter(twin_root,
                                                 ct__path(root, first.m, first.entry, room));
        if (!x || !(e->trained ? ct_module_add_parameter : ct_module_add_buffer)(twin, e->name, x))
            return false;
        if (e->trained && !ct_requires_grad(e->tensor))
            ct_constant(x); /* it is frozen */
    }
    return true;
}

ct_module *ct_module_clone(const ct_module *m, ct_dtype dtype)
{
    if (!ct__module_alive(m, "module_clone"))
        return NULL;
    if (dtype && !ct__parameters_float(m->cx, "module_clone", dtype))
        return NULL;
    ct_scope scope = ct_scope_begin(m->cx);
    if (!scope)
        return NULL;
    ct_no_grad(m->cx);
    ct_module *copy = skeleton(m), *twin = copy;
    bool whole = copy != NULL;
    for (ct_module *at = (ct_module *)(uintptr_t)m; whole && at; at = ct__module_next(m, at)) {
        whole = copy_tensors(m, at, copy, twin, dtype);
        twin = ct__module_next(copy, twin);
    }
    if (!whole)
        ct_module_free(copy);
    ct_scope_end(m->cx, scope);
    return whole ? copy : NULL;
}

