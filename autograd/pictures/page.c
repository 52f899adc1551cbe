/* ct_graph_page: the JSON text in a page that draws it.
 *
 * The page is put together in memory, and then replaces the old one in one step. */
#include <string.h>

#include "page.h"
#include "pictures.h"
#include "replace.h"

static ct_status save(ct_context *cx, const char *path, const char *text, size_t bytes)
{
    ct__replacement r = { .file = { .cx = cx, .who = "graph_page", .path = path } };
    ct_status status = ct__replace_begin(&r);
    if (status != CT_OK)
        return status;
    return ct__replace_end(&r, ct__file_write(&r.file, text, (int64_t)bytes));
}

/* as the content of an element */
static void print_escaped(ct__out *o, const char *text)
{
    for (const char *c = text; *c;) {
        size_t plain = strcspn(c, "&<>");
        ct__print_bytes(o, c, plain);
        c += plain;
        if (*c)
            ct__print(o, "&#%d;", *c++);
    }
}

static ct_status write_page(ct__out *o, ct_tensor *y, const char *path,
                            const ct_graph_options *options)
{
    ct__scope scope;
    ct__scope_push(y->cx, &scope);
    const char *text = ct_graph_text(y);
    ct__print_bytes(o, ct__page_start, strlen(ct__page_start));
    print_escaped(o, text ? text : "");
    ct__scope_pop(y->cx, &scope);
    if (!text)
        return CT_ERROR_MEMORY;
    ct__print_bytes(o, ct__page_middle, strlen(ct__page_middle));
    ct_status status = ct__graph_json(o, y, options, "graph_page");
    if (status != CT_OK)
        return status;
    ct__print_bytes(o, ct__page_end, strlen(ct__page_end));
    return o->failed ? CT_ERROR_MEMORY : save(y->cx, path, o->text->text, o->used);
}

ct_status ct_graph_page(ct_tensor *y, const char *path, const ct_graph_options *options)
{
    if (!y || !path)
        return ct_fail(y ? y->cx : NULL, CT_ERROR_NULL, "graph_page: %s is NULL",
                       y ? "the path" : "the tensor");
    if (!ct__alive(y, "graph_page"))
        return CT_ERROR_STALE;
    ct__out out = { .cx = y->cx };
    ct__tell(out.cx, "graph_page");
    ct_status status = write_page(&out, y, path, options);
    ct__out_free(&out);
    return status;
}
