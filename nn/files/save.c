/* Writing safetensors. */
#include "elements.h"
#include "replace.h"
#include "tensors.h"

/* appends the pairs; keys and values need no escapes either */
static void put_pairs(ct__page *page, const ct__tensors *t)
{
    for (int i = 0; i < t->count; i++)
        ct__put(page, "%s\"%s\":\"%s\"", i == 0 ? "{\"__metadata__\":{" : ",", t->pairs[i].key,
                t->pairs[i].value);
    if (t->count > 0)
        ct__put(page, "}");
}

/* appends the header. Names need no escapes, since ct_module_add_parameter takes none that would */
static void put_header(ct__page *page, const ct__tensors *t)
{
    int64_t offset = 0;
    put_pairs(page, t);
    const char *before = t->count > 0 ? "," : "{";
    for (int k = 0; k < t->n; k++, before = ",") {
        const ct_tensor *x = t->all[k].x;
        ct__put(page, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", before, t->all[k].name,
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
}

static ct_status write_header(const ct__file *f, const ct__tensors *t)
{
    ct__page page = { NULL, 0, 0 };
    put_header(&page, t);
    size_t length = page.used;
    char *text = ct_object_new(t->cx, 8 + length + 1, NULL);
    if (!text)
        return ct_error(t->cx);
    for (int i = 0; i < 8; i++)
        text[i] = (char)(unsigned char)((uint64_t)length >> 8 * i);
    page = (ct__page){ text + 8, length + 1, 0 };
    put_header(&page, t);
    ct_status status = ct__file_write(f, text, (int64_t)(8 + length));
    ct_object_free(text);
    return status;
}

static ct_status write_file(const ct__file *f, const ct__tensors *t)
{
    ct_status status = write_header(f, t);
    for (int i = 0; status == CT_OK && i < t->n; i++)
        status = ct__file_write_tensor(f, t->all[i].x);
    return status;
}

ct_status ct__tensors_write(const ct__tensors *t)
{
#if CT__BIG_ENDIAN
    return ct_fail(t->cx, CT_ERROR_UNSUPPORTED, "%s: not on big-endian machines yet", t->who);
#endif
    ct__replacement r = { .file = { .cx = t->cx, .who = t->who, .path = t->path } };
    ct_status status = ct__replace_begin(&r);
    return status == CT_OK ? ct__replace_end(&r, write_file(&r.file, t)) : status;
}

ct_status ct_module_save(const ct_module *m, const char *path)
{
    if (!ct__module_alive(m, "module_save"))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    if (!path)
        return ct_fail(m->cx, CT_ERROR_NULL, "module_save: the path is NULL");
    ct__tensors t = { .cx = m->cx, .who = "module_save", .path = path };
    ct_status status = ct__tensors_room(&t, ct__tensors_below(m));
    if (status == CT_OK)
        status = ct__tensors_add_module(&t, "", m);
    if (status == CT_OK)
        status = ct__tensors_write(&t);
    ct__tensors_free(&t);
    return status;
}
