/* Saving a module as safetensors. */
#include <errno.h>
#include <unistd.h>

#include "module.h"
#include "replace.h"
#include "safetensors.h"

/* appends the header. Names need no escapes, since ct_module_add_parameter takes none that would */
static bool put_header(ct__page *page, const ct_module *m)
{
    int64_t offset = 0;
    const char *before = "{";
    char room[CT__PATH];
    for (ct__entries w = { .root = m }; ct__entries_next(&w); before = ",") {
        const ct_tensor *x = w.entry->tensor;
        const char *path = ct__path(m, w.m, w.entry, room);
        if (!path)
            return false;
        ct__put(page, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", before, path,
                ct__dtype_name(ct_dtype_of(x)));
        for (int i = 0; i < ct_ndim(x); i++)
            ct__put(page, "%s%lld", i ? "," : "", (long long)ct_size(x, i));
        int64_t end = offset + ct__tensor_bytes(x);
        ct__put(page, "],\"data_offsets\":[%lld,%lld]}", (long long)offset, (long long)end);
        offset = end;
    }
    ct__put(page, *before == '{' ? "{}" : "}");
    while (page->used % 8 != 0)
        ct__put(page, " ");
    return true;
}

static ct_status write_all(const ct__file *f, const void *data, int64_t bytes)
{
    const int64_t most = 1 << 30;
    for (const char *from = data; bytes > 0;) {
        ssize_t n = write(f->descriptor, from, (size_t)(bytes < most ? bytes : most));
        if (n < 0 && errno != EINTR)
            return ct__file_errno(f, "write");
        from += n > 0 ? n : 0;
        bytes -= n > 0 ? n : 0;
    }
    return CT_OK;
}

static ct_status write_header(const ct__file *f, const ct_module *m)
{
    ct__page page = { NULL, 0, 0 };
    if (!put_header(&page, m))
        return ct_error(m->cx);
    size_t length = page.used;
    char *text = ct_object_new(m->cx, 8 + length + 1, NULL);
    if (!text)
        return ct_error(m->cx);
    for (int i = 0; i < 8; i++)
        text[i] = (char)(unsigned char)((uint64_t)length >> 8 * i);
    page = (ct__page){ text + 8, length + 1, 0 };
    put_header(&page, m);
    ct_status status = write_all(f, text, (int64_t)(8 + length));
    ct_object_free(text);
    return status;
}

static ct_status write_tensor(const ct__file *f, ct_tensor *x)
{
    ct_scope scope = ct_scope_begin(f->cx);
    if (!scope)
        return ct_error(f->cx);
    ct_no_grad(f->cx);
    const ct_tensor *plain = ct_contiguous(x);
    const void *data = plain ? ct_data(plain) : NULL;
    ct_status status = data ? write_all(f, data, ct__tensor_bytes(x)) : ct_error(f->cx);
    ct_scope_end(f->cx, scope);
    return status;
}

static ct_status write_file(const ct__file *f, const ct_module *m)
{
    ct_status status = write_header(f, m);
    for (ct__entries w = { .root = m }; status == CT_OK && ct__entries_next(&w);)
        status = write_tensor(f, w.entry->tensor);
    return status;
}

ct_status ct_module_save(const ct_module *m, const char *path)
{
    if (!ct__module_alive(m, "module_save"))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    if (!path)
        return ct_fail(m->cx, CT_ERROR_NULL, "module_save: the path is NULL");
#if CT__BIG_ENDIAN
    return ct_fail(m->cx, CT_ERROR_UNSUPPORTED, "module_save: not on big-endian machines yet");
#endif
    ct__replacement r = { .file = { .cx = m->cx, .who = "module_save", .path = path } };
    ct_status status = ct__replace_begin(&r);
    return status == CT_OK ? ct__replace_end(&r, write_file(&r.file, m)) : status;
}
