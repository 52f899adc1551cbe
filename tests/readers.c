#include "readers.h"

#include <string.h>

static const ct_read_options little = { .max_bytes = 1 << 24 };

static void read_idx(ct_context *cx, const char *path)
{
    ct_read_idx(cx, path, CT_F32, &little);
}

static void read_npy(ct_context *cx, const char *path)
{
    ct_read_npy(cx, path, 0, &little);
}

static void read_csv(ct_context *cx, const char *path)
{
    ct_table *t = ct_read_csv(cx, path, &(ct_csv_options){ .max_bytes = little.max_bytes });
    for (int i = 0; t && i < ct_table_width(t); i++)
        ct_table_column(t, ct_table_name(t, i));
    ct_table_free(t);
}

static void read_image(ct_context *cx, const char *path)
{
    ct_read_image(cx, path, CT_F32, &(ct_image_options){ .max_bytes = little.max_bytes });
}

static void read_text(ct_context *cx, const char *path)
{
    const char *text = ct_read_text(cx, path, &little);
    ct_vocabulary *v = text ? ct_vocabulary_new(cx, text, NULL) : NULL;
    if (v)
        ct_vocabulary_decode(v, ct_vocabulary_encode(v, text));
    ct_vocabulary_free(v);
}

/* safetensors, their index, npz, GGUF: all that an archive can be asked */
static void read_archive(ct_context *cx, const char *path)
{
    int64_t shape[CT_MAX_DIMS];
    ct_archive *a = ct_archive_open(cx, path, &little);
    for (int i = 0; a && i < ct_archive_count(a); i++) {
        const char *name = ct_archive_name(a, i);
        ct_archive_dtype(a, name);
        ct_archive_shape(a, name, shape);
        ct_scope scope = ct_scope_begin(cx);
        ct_archive_read(a, name, i % 2 ? CT_F64 : 0);
        ct_scope_end(cx, scope);
    }
    for (int i = 0; a && i < ct_archive_texts(a); i++)
        ct_archive_text(a, ct_archive_key(a, i));
    ct_archive_close(a);
}

/* weight (2,3) and bias (2), from a file that may have more or less */
static void load_module(ct_context *cx, const char *path)
{
    ct_module *m = ct_linear_new(cx, CT_F32, 3, 2, NULL);
    ct_archive *a = ct_archive_open(cx, path, &little);
    const ct_rename rename = { "net.*", "*" };
    ct_load_report report;
    if (a && m)
        ct_module_load_from(m, a, &(ct_load_options){
            .flags = CT_ALLOW_MISSING | CT_ALLOW_EXTRA, .renames = &rename, .n = 1 }, &report);
    ct_archive_close(a);
    ct_module_free(m);
}

static void load_training(ct_context *cx, const char *path)
{
    ct_module *m = ct_linear_new(cx, CT_F32, 3, 2, NULL);
    if (m)
        ct_training_load(&(ct_training){ .module = m }, path);
    ct_module_free(m);
}

const reader readers[] = {
    { "idx", read_idx },         { "npy", read_npy },         { "csv", read_csv },
    { "image", read_image },     { "text", read_text },       { "archive", read_archive },
    { "module", load_module },   { "training", load_training }, { NULL, NULL },
};

void read_as(const char *name, ct_context *cx, const char *path)
{
    for (const reader *r = readers; r->name; r++)
        if (strcmp(r->name, name) == 0)
            r->read(cx, path);
}
