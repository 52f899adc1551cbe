/* Tensors as one file of safetensors; the format is told in tensors.h. */
#include "tensors.h"

void ct__put_json(ct__page *page, const char *text)
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
    ct__put_json(page, key);
    ct__put(page, ":");
    ct__put_json(page, text);
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
        ct__put_json(page, t->all[k].name);
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

ct_status ct__tensors_write_to(const ct__file *f, const ct__tensors *t)
{
    ct_status status = write_header(f, t);
    for (int i = 0; status == CT_OK && i < t->n; i++)
        status = ct__file_write_tensor(f, t->all[i].x, false);
    return status;
}
