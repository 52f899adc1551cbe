/* What is asked of a module as a whole, everything below it included.
 *
 * One tensor may be a parameter in several places ("tied"): it is listed, counted, cast and cloned
 * once, and stays tied. */
#include "module.h"

/* where below root a tensor is met first */
static ct__walk first_use(const ct_module *root, const ct_tensor *x)
{
    ct__walk w = { .root = root };
    while (ct__walk_next(&w) && w.entry->tensor != x)
        continue;
    return w;
}

bool ct__walk_is_first(const ct__walk *w)
{
    return first_use(w->root, w->entry->tensor).entry == w->entry;
}

/* the parameters below m, each once, into `out`; their number */
static int list(const ct_module *m, ct_tensor **out)
{
    int n = 0;
    for (ct__walk w = { .root = m }; ct__walk_next(&w);)
        if (w.entry->trained && ct__walk_is_first(&w)) {
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
    if (!m)
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

int64_t ct_module_count(const ct_module *m)
{
    if (!m)
        return -1;
    int64_t count = 0;
    for (ct__walk w = { .root = m }; ct__walk_next(&w);)
        if (w.entry->trained && ct__walk_is_first(&w))
            count += ct_count(w.entry->tensor);
    return count;
}

void ct_module_zero_grad(ct_module *m)
{
    if (!m)
        return;
    for (ct__walk w = { .root = m }; ct__walk_next(&w);)
        if (w.entry->trained)
            ct_zero_grad(w.entry->tensor);
}

/* -- Casting and cloning */
static bool is_float(ct_dtype dtype)
{
    return dtype == CT_F32 || dtype == CT_F64;
}

/* a leaf with x's values; integers keep their dtype. To be called without recording */
static ct_tensor *copy_of(ct_tensor *x, ct_dtype dtype)
{
    if (dtype && is_float(ct_dtype_of(x)) && dtype != ct_dtype_of(x))
        return ct_cast(x, dtype);
    ct_tensor *copy = ct_empty(ct_context_of(x), ct_dtype_of(x), ct_shape(x), ct_ndim(x));
    return copy && ct_assign(copy, x) == CT_OK ? copy : NULL;
}

/* every tensor whose entry has a fresh one gives way to it */
static void take_fresh(const ct_module *m)
{
    for (ct__walk w = { .root = m }; ct__walk_next(&w);)
        if (w.entry->fresh) {
            ct_release(w.entry->tensor);
            w.entry->tensor = w.entry->fresh;
            w.entry->fresh = NULL;
        }
}

void ct__fresh_drop(const ct_module *m)
{
    for (ct__walk w = { .root = m }; ct__walk_next(&w);) {
        ct_release(w.entry->fresh);
        w.entry->fresh = NULL;
    }
}

static bool prepare_cast(const ct__walk *w, ct_dtype dtype)
{
    ct__entry *entry = w->entry, *first = first_use(w->root, entry->tensor).entry;
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

static ct_status bad_dtype(const ct_module *m, const char *who)
{
    return ct_fail(m->cx, CT_ERROR_DTYPE, "%s: parameters are f32 or f64", who);
}

/* other modules above may list the tensors that were replaced */
static void forget_lists(ct_module *m)
{
    while (m->parent)
        m = m->parent;
    for (ct_module *at = m; at; at = ct__module_next(m, at))
        at->listed = false;
}

ct_status ct_module_cast(ct_module *m, ct_dtype dtype)
{
    if (!m)
        return CT_ERROR_NULL;
    if (!is_float(dtype))
        return bad_dtype(m, "module_cast");
    ct_scope scope = ct_scope_begin(m->cx);
    if (!scope)
        return ct_error(m->cx);
    ct_no_grad(m->cx);
    bool ready = true;
    for (ct__walk w = { .root = m }; ready && ct__walk_next(&w);)
        ready = prepare_cast(&w, dtype);
    if (ready) {
        take_fresh(m);
        forget_lists(m);
    } else {
        ct__fresh_drop(m);
    }
    ct_scope_end(m->cx, scope);
    return ready ? CT_OK : ct_error(m->cx);
}

/* modules only, no tensors */
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

/* the tensors of one module m below root, into its twin below twin_root */
static bool copy_tensors(const ct_module *root, ct_module *m, const ct_module *twin_root,
                         ct_module *twin, ct_dtype dtype)
{
    char room[CT__PATH];
    for (ct__entry *e = m->entries; e; e = ct__table_next(e)) {
        if (!e->tensor)
            continue;
        ct__walk first = first_use(root, e->tensor);
        ct_tensor *x = first.entry == e
                           ? copy_of(e->tensor, dtype)
                           : ct_module_parameter(twin_root,
                                                 ct__path(root, first.m, first.entry, room));
        if (!x || !(e->trained ? ct_module_add_parameter : ct_module_add_buffer)(twin, e->name, x))
            return false;
    }
    return true;
}

ct_module *ct_module_clone(const ct_module *m, ct_dtype dtype)
{
    if (!m)
        return NULL;
    if (dtype && !is_float(dtype))
        return bad_dtype(m, "module_clone"), NULL;
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

/* -- Text */
/* "  0 linear: weight (128,784), bias (128); 100480 parameters" */
static void put_line(ct__page *page, const ct_module *root, const ct_module *m)
{
    char shape[CT_SHAPE_TEXT];
    const char *before = ": ";
    for (const ct_module *up = m; up != root; up = up->parent)
        ct__put(page, "  ");
    if (m != root)
        ct__put(page, "%s ", m->place->name);
    ct__put(page, "%s", m->kind);
    for (ct__entry *e = m->entries; e; e = ct__table_next(e))
        if (e->tensor) {
            ct__put(page, "%s%s %s%s", before, e->name, ct_shape_text(e->tensor, shape),
                    e->trained ? "" : " buffer");
            before = ", ";
        }
    int64_t count = ct_module_count(m);
    if (count > 0)
        ct__put(page, "; %lld parameters", (long long)count);
    ct__put(page, "\n");
}

static void put_lines(ct__page *page, const ct_module *m)
{
    for (ct_module *at = (ct_module *)(uintptr_t)m; at; at = ct__module_next(m, at))
        put_line(page, m, at);
}

const char *ct_module_text(const ct_module *m)
{
    if (!m)
        return "(null)";
    ct__page page = { NULL, 0, 0 };
    put_lines(&page, m); /* measured only */
    ct_tensor *bytes = ct_empty(m->cx, CT_BOOL, CT_SHAPE((int64_t)page.used + 1)); /* the scope's */
    char *out = ct_data_mutable(bytes);
    if (!out)
        return "";
    page = (ct__page){ out, page.used + 1, 0 };
    put_lines(&page, m);
    return out;
}
