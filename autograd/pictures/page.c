/* ct_graph_page: the JSON text in a page that draws it.
 *
 * The page is put together in memory, and then written at once: what can fail has failed before the
 * file is opened, but for the writing itself. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "page.h"
#include "pictures.h"

static ct_status fail(ct_context *cx, const char *path, const char *verb)
{
    char reason[128] = "unknown error";
    strerror_r(errno, reason, sizeof reason);
    return ct_fail(cx, CT_ERROR_FILE, "graph_page: %.300s: cannot %s: %s", path, verb, reason);
}

static bool write_all(int file, const char *from, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = write(file, from, bytes < 1 << 30 ? bytes : 1 << 30);
        if (n < 0 && errno != EINTR)
            return false;
        from += n > 0 ? n : 0;
        bytes -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* A regular file that could not be written whole is taken away. */
static ct_status save(ct_context *cx, const char *path, const char *text, size_t bytes)
{
    int file;
    do
        file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    while (file < 0 && errno == EINTR);
    if (file < 0)
        return fail(cx, path, "open");
    struct stat about;
    bool regular = fstat(file, &about) == 0 && S_ISREG(about.st_mode);
    ct_status status = write_all(file, text, bytes) ? CT_OK : fail(cx, path, "write");
    if (close(file) != 0 && status == CT_OK)
        status = fail(cx, path, "write");
    if (status != CT_OK && regular)
        unlink(path);
    return status;
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
