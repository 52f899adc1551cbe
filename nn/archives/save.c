/* Writing safetensors. */
#include <string.h>

#include "replace.h"
#include "tensors.h"

/* -- The header */
/* a text in quotes; it is UTF-8 */
static void put_text(ct__page *page, const char *text)
{
    ct__put(page, "\"");
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < 0x20 || *c == '"' || *c == '\\')
            ct__put(page, "\\u%04x", *c);
        else
            ct__put(page, "%c", *c);
    ct__put(page, "\"");
}

static void put_pair(ct__page *page, bool first, const char *key, const char *text)
{
    ct__put(page, first ? "{\"__metadata__\":{" : ",");
    put_text(page, key);
    ct__put(page, ":");
    put_text(page, text);
}

static void put_pairs(ct__page *page, const ct__tensors *t)
{
    for (int i = 0; i < t->count; i++)
        put_pair(page, i == 0, t->pairs[i].key, t->pairs[i].value);
    for (int i = 0; i < t->text_count; i++)
        put_pair(page, i + t->count == 0, t->texts[i].key, t->texts[i].text);
    if (t->count + t->text_count > 0)
        ct__put(page, "}");
}

static void put_header(ct__page *page, const ct__tensors *t)
{
    int64_t offset = 0;
    put_pairs(page, t);
    const char *before = t->count + t->text_count > 0 ? "," : "{";
    for (int k = 0; k < t->n; k++, before = ",") {
        const ct_tensor *x = t->all[k].x;
        ct__put(page, "%s", before);
        put_text(page, t->all[k].name);
        ct__put(page, ":{\"dtype\":\"%s\",\"shape\":[", ct__dtype_name(ct_dtype_of(x)));
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
        status = ct__file_write_tensor(f, t->all[i].x, false);
    return status;
}

ct_status ct__tensors_write(const ct__tensors *t)
{
    ct__replacement r = { .file = { .cx = t->cx, .who = t->who, .path = t->path } };
    ct_status status = ct__replace_begin(&r);
    return status == CT_OK ? ct__replace_end(&r, write_file(&r.file, t)) : status;
}

/* -- The public functions */
ct_status ct_write_safetensors(ct_context *cx, const char *path, const char *const *names,
                               ct_tensor *const *tensors, int n,
                               const ct_archive_options *options)
{
    ct__tensors t = { .cx = cx, .who = "write_safetensors", .path = path };
    ct_status status = ct__tensors_list(&t, names, tensors, n, options);
    if (status != CT_OK)
        return status;
    for (int i = 0; i < n && status == CT_OK; i++)
        if (strcmp(names[i], "__metadata__") == 0)
            status = ct_fail(cx, CT_ERROR_VALUE, "write_safetensors: no tensor can be called "
                             "'__metadata__'");
    if (status == CT_OK)
        status = ct__tensors_write(&t);
    ct__tensors_free(&t);
    return status;
}

static ct_status save(const ct_module *m, ct__tensors *t, const ct_archive_options *options)
{
    if (!t->path)
        return ct_fail(m->cx, CT_ERROR_NULL, "%s: the path is NULL", t->who);
    ct_status status = ct__tensors_add_texts(t, options);
    if (status == CT_OK)
        status = ct__tensors_room(t, ct__tensors_below(m));
    if (status == CT_OK)
        status = ct__tensors_add_module(t, "", m);
    if (status == CT_OK)
        status = ct__tensors_write(t);
    ct__tensors_free(t);
    return status;
}

ct_status ct_module_save(const ct_module *m, const char *path)
{
    if (!ct__module_alive(m, "module_save"))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    return save(m, &(ct__tensors){ .cx = m->cx, .who = "module_save", .path = path }, NULL);
}

ct_status ct_module_save_with(const ct_module *m, const char *path,
                              const ct_archive_options *options)
{
    if (!ct__module_alive(m, "module_save_with"))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    return save(m, &(ct__tensors){ .cx = m->cx, .who = "module_save_with", .path = path }, options);
}
