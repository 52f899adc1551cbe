/* Archives: the list of tensors and texts, whatever the format; opening, asking, reading. */
#include "archive.h"

#include <string.h>

#include "checks.h"

/* What an archive owns are objects of the context too: at its end that has freed them before. */
static void finish(void *object)
{
    ct_archive *a = object;
    if (a->file.descriptor >= 0)
        ct__file_close(&a->file);
}

void ct__archive_close(ct_archive *a)
{
    if (!a)
        return;
    ct_object_free(a->state);
    ct__words_free(&a->names);
    ct__words_free(&a->keys);
    ct_object_free(a->pieces);
    ct_object_free(a->pairs);
    ct_object_free(a->files);
    ct_object_free(a->sizes);
    for (ct__kept *kept = a->kept, *next; kept; kept = next) {
        next = kept->next;
        ct_object_free(kept);
    }
    ct_object_free(a);
}

bool ct__archive_alive(const ct_archive *a, const char *who)
{
    if (!ct_object_alive(a, finish, who))
        return false;
    ((ct_archive *)(uintptr_t)a)->file.who = who;
    return true;
}

/* -- Opening */
/* Safetensors begin with the length of a text that begins with a brace. Since no file is so long
   that the length has no zero byte, and a text has none, they are told from an index. */
static ct_status list(ct_archive *a)
{
    char begin[9] = { 0 };
    if (ct__file_read(&a->file, begin, 9) < 0 || ct__file_rewind(&a->file) != CT_OK)
        return ct_error(a->cx);
    if (begin[7] == 0 && begin[8] == '{')
        return ct__safetensors_list(a);
    if (memcmp(begin, "GGUF", 4) == 0)
        return ct__gguf_list(a);
    if (memcmp(begin, "PK\3\4", 4) == 0 || memcmp(begin, "PK\5\6", 4) == 0)
        return ct__npz_list(a);
    return *begin == '{' && memchr(begin, 0, 8) == NULL ? ct__shards_list(a)
                                                        : ct__safetensors_list(a);
}

ct_archive *ct__archive_open(ct_context *cx, const char *who, const char *path, int64_t limit)
{
    ct_archive *a = ct_object_new(cx, sizeof *a, finish);
    if (!a)
        return NULL;
    a->cx = cx;
    a->limit = limit;
    a->file = (ct__file){ .cx = cx, .who = who, .path = path, .descriptor = -1 };
    if (ct__file_open(&a->file) != CT_OK) {
        a->file.descriptor = -1;
    } else if ((a->path = ct__archive_keep(a, path, strlen(path))) != NULL) {
        a->file.path = a->path;
        if (list(a) == CT_OK)
            return a;
    }
    ct__archive_close(a);
    return NULL;
}

ct_archive *ct_archive_open(ct_context *cx, const char *path, const ct_read_options *options)
{
    int64_t limit = ct__read_limit(cx, "archive_open", path, options);
    return limit < 0 ? NULL : ct__archive_open(cx, "archive_open", path, limit);
}

void ct_archive_close(ct_archive *a)
{
    if (ct__archive_alive(a, "archive_close"))
        ct__archive_close(a);
}

/* -- Asking */
/* the piece of that name; NULL and an error */
static const ct__piece *piece_of(const ct_archive *a, const char *name, const char *who)
{
    if (!ct__archive_alive(a, who))
        return NULL;
    if (!name)
        return ct_fail(a->cx, CT_ERROR_NULL, "%s: the name is NULL", who), NULL;
    const ct__file f = ct__archive_file(a);
    const ct__piece *p = ct__archive_find(a, name);
    if (!p)
        ct__file_fail(&f, CT_ERROR_VALUE, "it has no tensor '%.100s'", name);
    return p;
}

int ct_archive_count(const ct_archive *a)
{
    return ct__archive_alive(a, "archive_count") ? (int)a->count : -1;
}

const char *ct_archive_name(const ct_archive *a, int i)
{
    bool there = ct__archive_alive(a, "archive_name") && i >= 0 && i < a->count;
    return there ? a->pieces[i].name : NULL;
}

const char *ct_archive_dtype(const ct_archive *a, const char *name)
{
    const ct__piece *p = piece_of(a, name, "archive_dtype");
    return p ? p->dtype : NULL;
}

static ct_status too_many_sizes(const ct_archive *a, const ct__piece *p)
{
    return ct__file_fail(&a->file, CT_ERROR_RANGE, "'%.100s' has %d dimensions; at most %d are "
                         "possible", p->name, p->ndim, CT_MAX_DIMS);
}

int ct_archive_shape(const ct_archive *a, const char *name, int64_t shape[CT_MAX_DIMS])
{
    const ct__piece *p = piece_of(a, name, "archive_shape");
    if (p && p->ndim > CT_MAX_DIMS)
        too_many_sizes(a, p);
    if (!p || p->ndim > CT_MAX_DIMS)
        return -1;
    for (int i = 0; i < p->ndim; i++)
        shape[i] = p->shape[i];
    return p->ndim;
}

int ct_archive_texts(const ct_archive *a)
{
    return ct__archive_alive(a, "archive_texts") ? (int)a->texts : -1;
}

const char *ct_archive_key(const ct_archive *a, int i)
{
    bool there = ct__archive_alive(a, "archive_key") && i >= 0 && i < a->texts;
    return there ? a->pairs[i].key : NULL;
}

const char *ct_archive_text(const ct_archive *a, const char *key)
{
    if (!ct__archive_alive(a, "archive_text"))
        return NULL;
    if (!key)
        return ct_fail(a->cx, CT_ERROR_NULL, "archive_text: the key is NULL"), NULL;
    int64_t i = ct__words_find(&a->keys, key);
    return i >= 0 ? a->pairs[i].text : NULL;
}

/* -- Reading */
ct_status ct__piece_readable(const ct_archive *a, const ct__piece *p)
{
    if (p->ndim > CT_MAX_DIMS)
        return too_many_sizes(a, p);
    if (p->element.bytes == 0)
        return ct__file_fail(&a->file, CT_ERROR_DTYPE, "'%.100s' has elements of a type that is "
                             "not read: '%.20s'", p->name, p->dtype);
    return CT_OK;
}

/* the file in which the piece is becomes the open one */
static bool turn_to(ct_archive *a, const ct__piece *p)
{
    if (!a->files || a->current == p->file)
        return true;
    if (a->file.descriptor >= 0)
        ct__file_close(&a->file);
    a->file.descriptor = -1;
    a->current = -1;
    ct__file f = { .cx = a->cx, .who = a->file.who, .path = a->files[p->file] };
    if (ct__file_open(&f) != CT_OK)
        return false;
    a->file = f;
    a->current = p->file;
    if (f.bytes == a->sizes[p->file])
        return true;
    ct__file_fail(&f, CT_ERROR_FORMAT, "it has changed since it was opened");
    return a->current = -1, false;
}

static int64_t read_file(void *file, void *out, int64_t bytes)
{
    return ct__file_read(file, out, bytes);
}

static ct_tensor *read_plain(ct_archive *a, const ct__piece *p, ct_dtype dtype)
{
    if (!turn_to(a, p) || ct__file_seek(&a->file, p->begin) != CT_OK)
        return NULL;
    ct_tensor *x = ct_empty(a->cx, dtype, p->shape, p->ndim);
    const ct__target target = { dtype, x ? ct_data_mutable(x) : NULL };
    const ct__source s = { &a->file, read_file, &a->file };
    int64_t n = (p->end - p->begin) / p->element.bytes;
    return target.out && ct__elements_read(&s, p->element, n, &target) == CT_OK ? x : NULL;
}

ct_tensor *ct__piece_read(ct_archive *a, const ct__piece *p, ct_dtype dtype)
{
    if (ct__piece_readable(a, p) != CT_OK)
        return NULL;
    if (dtype == 0)
        dtype = ct__element_dtype(p->element);
    if (ct__piece_count(p) > a->limit / (int64_t)ct_dtype_size(dtype)) {
        ct__file_fail(&a->file, CT_ERROR_MEMORY, "'%.100s' takes more than max_bytes, %lld",
                      p->name, (long long)a->limit);
        return NULL;
    }
    return a->read ? a->read(a, p, dtype) : read_plain(a, p, dtype);
}

ct_tensor *ct_archive_read(ct_archive *a, const char *name, ct_dtype dtype)
{
    const ct__piece *p = piece_of(a, name, "archive_read");
    if (p && dtype && ct_dtype_size(dtype) == 0)
        return ct_fail(a->cx, CT_ERROR_DTYPE, "archive_read: no such dtype: %d", (int)dtype), NULL;
    ct_scope scope = p ? ct_scope_begin(a->cx) : 0;
    return scope ? ct_scope_return(a->cx, scope, ct__piece_read(a, p, dtype)) : NULL;
}
