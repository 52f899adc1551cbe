/* Writing npz, through libzip, into a file that replaces the old one when all is written. */
#include "replace.h"
#include "tensors.h"
#include "zip_source.h"

#if CT_HAVE_ZIP
#include <stdio.h>
#include <string.h>

/* one entry, as libzip reads it: a header and the elements of a tensor */
typedef struct entry {
    char header[CT__NPY_TEXT];
    size_t length;             /* of the header */
    const char *data;
    size_t bytes, at;          /* of the data; and what has been read of both */
    zip_error_t error;
} entry;

/* each entry is read from its beginning to its end, maybe more than once */
static zip_int64_t call(void *user, void *data, zip_uint64_t n, zip_source_cmd_t command)
{
    entry *e = user;
    size_t done = 0;
    zip_stat_t *about = data;
    switch (command) {
    case ZIP_SOURCE_OPEN:
        e->at = 0;
        return 0;
    case ZIP_SOURCE_READ:
        for (; done < n && e->at < e->length + e->bytes; ) {
            bool head = e->at < e->length;
            size_t left = (head ? e->length : e->length + e->bytes) - e->at;
            size_t part = left < n - done ? left : (size_t)n - done;
            memcpy((char *)data + done, head ? e->header + e->at : e->data + (e->at - e->length),
                   part);
            e->at += part;
            done += part;
        }
        return (zip_int64_t)done;
    case ZIP_SOURCE_STAT:
        zip_stat_init(about);
        about->size = e->length + e->bytes;
        about->valid = ZIP_STAT_SIZE;
        return (zip_int64_t)sizeof *about;
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&e->error, data, n);
    case ZIP_SOURCE_SUPPORTS:
        return ZIP_SOURCE_SUPPORTS_READABLE;
    default: /* closing it and freeing it do nothing */
        return 0;
    }
}

/* adds tensor i, in the scope of the write */
static ct_status add(zip_t *zip, const ct__file *f, const ct__named *named, entry *e, bool compress)
{
    char name[512];
    ct_tensor *plain = ct_contiguous(named->x);
    if (!plain)
        return ct_error(f->cx);
    if ((size_t)snprintf(name, sizeof name, "%s.npy", named->name) >= sizeof name)
        return ct__file_fail(f, CT_ERROR_VALUE, "the name '%.100s...' is too long", named->name);
    e->length = ct__npy_text(plain, e->header);
    e->data = ct_data(plain);
    e->bytes = (size_t)ct__tensor_bytes(plain);
    zip_source_t *source = zip_source_function(zip, call, e);
    zip_int64_t at = source ? zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8) : -1;
    if (source && at < 0)
        zip_source_free(source);
    const zip_uint16_t first_day = 1 << 5 | 1; /* of 1980, as NumPy has it: no time is known */
    if (at < 0 ||
        zip_set_file_compression(zip, (zip_uint64_t)at, compress ? ZIP_CM_DEFLATE : ZIP_CM_STORE,
                                 0) != 0 ||
        zip_file_set_dostime(zip, (zip_uint64_t)at, 0, first_day, 0) != 0)
        return ct__zip_fail(f, CT_ERROR_FILE, "cannot write", zip_get_error(zip));
    return CT_OK;
}

static ct_status write_entries(ct__file *f, const ct__tensors *t, entry *entries, bool compress)
{
    ct__zip_source source = { .file = f, .writes = true };
    zip_t *zip = ct__zip_open(&source);
    if (!zip)
        return ct_error(t->cx);
    ct_status status = CT_OK;
    for (int i = 0; i < t->n && status == CT_OK; i++)
        status = add(zip, f, &t->all[i], &entries[i], compress);
    if (status == CT_OK && zip_close(zip) == 0) {
        zip_error_fini(&source.error);
        return CT_OK;
    }
    if (status == CT_OK)
        status = ct__zip_fail(f, CT_ERROR_FILE, "cannot write", zip_get_error(zip));
    zip_discard(zip);
    zip_error_fini(&source.error);
    return status;
}

/* libzip writes no file without entries */
static ct_status write_empty(const ct__file *f)
{
    static const char end[22] = "PK\5\6";
    return ct__file_write(f, end, sizeof end);
}

static ct_status write_all(const ct__tensors *t, bool compress)
{
    ct__replacement r = { .file = { .cx = t->cx, .who = t->who, .path = t->path } };
    entry *entries = ct_object_new(t->cx, ((size_t)t->n + 1) * sizeof *entries, NULL);
    ct_status status = entries ? ct__replace_begin(&r) : ct_error(t->cx);
    if (status == CT_OK)
        status = ct__replace_end(&r, t->n > 0 ? write_entries(&r.file, t, entries, compress)
                                              : write_empty(&r.file));
    ct_object_free(entries);
    return status;
}

ct_status ct_write_npz(ct_context *cx, const char *path, const char *const *names,
                       ct_tensor *const *tensors, int n, const ct_archive_options *options)
{
    ct__tensors t = { .cx = cx, .who = "write_npz", .path = path };
    if (cx && options && options->n != 0)
        return ct_fail(cx, CT_ERROR_UNSUPPORTED, "write_npz: npz has no texts");
    if (cx && options && options->shard_bytes != 0)
        return ct_fail(cx, CT_ERROR_UNSUPPORTED, "write_npz: npz is one file");
    ct_status status = ct__tensors_list(&t, names, tensors, n, options);
    if (status != CT_OK)
        return status;
    ct_scope scope = ct_scope_begin(cx);
    if (scope) {
        ct_no_grad(cx);
        status = write_all(&t, options && options->compress);
        ct_scope_end(cx, scope);
    }
    ct__tensors_free(&t);
    return scope ? status : ct_error(cx);
}
#else
ct_status ct_write_npz(ct_context *cx, const char *path, const char *const *names,
                       ct_tensor *const *tensors, int n, const ct_archive_options *options)
{
    (void)path, (void)names, (void)tensors, (void)n, (void)options;
    return ct_fail(cx, CT_ERROR_UNSUPPORTED, "write_npz: this build has no libzip");
}
#endif
