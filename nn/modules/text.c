/* Texts that grow, and the text of a module. */
#include <stdarg.h>
#include <stdio.h>

#include "module.h"

void ct__put(ct__page *page, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t left = page->used < page->room ? page->room - page->used : 0;
    int n = vsnprintf(left ? page->out + page->used : NULL, left, format, arguments);
    page->used += n > 0 ? (size_t)n : 0;
    va_end(arguments);
}

/* -- Modules */
/* one line: "  0 linear: weight (128,784), bias (128); 100480 parameters" */
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
    if (!ct__module_alive(m, "module_text"))
        return "(gone)";
    ct__page page = { NULL, 0, 0 };
    put_lines(&page, m); /* measures it */
    ct_tensor *bytes = ct_empty(m->cx, CT_BOOL, CT_SHAPE((int64_t)page.used + 1));
    char *out = bytes ? ct_data_mutable(bytes) : NULL; /* which goes with the scope */
    if (!out)
        return NULL;
    page = (ct__page){ out, page.used + 1, 0 };
    put_lines(&page, m);
    return out;
}
