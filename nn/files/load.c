/* Loading safetensors: everything is checked, then read into tensors of its own, and only then
 * given to the module: all or nothing. jansson parses the header; its memory is malloc's. */
#include "file.h"
#include "module.h"
#include "safetensors.h"

#if CT_HAVE_JANSSON && !CT__BIG_ENDIAN
#include <jansson.h>
#include <stdlib.h>

typedef struct piece {
    const char *name, *dtype;
    json_t *shape;
    int64_t begin, end;
} piece;

typedef struct loading {
    ct__file file;
    ct_module *m;
    unsigned flags;
    char *text;      /* the header */
    int64_t data;    /* where the data begin in the file */
    json_t *header;
    piece *pieces;
    int count;
} loading;

/* -- The header */
static ct_status bad(const loading *l, const char *name, const char *why)
{
    return ct__file_fail(&l->file, CT_ERROR_FORMAT, "'%.100s' %s", name, why);
}

static ct_status read_header(loading *l)
{
    const ct__file *f = &l->file;
    unsigned char prefix[8];
    int64_t n = ct__file_read(&l->file, prefix, 8);
    if (n < 0)
        return ct_error(f->cx);
    if (n < 8)
        return ct__file_fail(f, CT_ERROR_FORMAT, "truncated: no safetensors header");
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | prefix[i];
    if (length > (uint64_t)(f->bytes - 8))
        return ct__file_fail(f, CT_ERROR_FORMAT,
                             "no safetensors, or truncated: a header of %llu bytes in a file of "
                             "%lld", (unsigned long long)length, (long long)f->bytes);
    l->data = 8 + (int64_t)length;
    l->text = ct_object_new(f->cx, (size_t)length + 1, NULL);
    if (!l->text || ct__file_read(&l->file, l->text, (int64_t)length) < 0)
        return ct_error(f->cx);
    json_error_t error;
    l->header = *l->text == '{' ? json_loadb(l->text, length, JSON_REJECT_DUPLICATES, &error)
                                : NULL;
    if (!l->header)
        return ct__file_fail(f, CT_ERROR_FORMAT, "its header is no JSON object%s%s",
                             *l->text == '{' ? ": " : "", *l->text == '{' ? error.text : "");
    return CT_OK;
}

static ct_status read_piece(const loading *l, const char *name, json_t *value, piece *p)
{
    json_t *offsets = json_object_get(value, "data_offsets");
    json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    *p = (piece){ .name = name, .dtype = json_string_value(json_object_get(value, "dtype")),
                  .shape = json_object_get(value, "shape"), .begin = json_integer_value(begin),
                  .end = json_integer_value(end) };
    if (!p->dtype || !json_is_array(p->shape))
        return bad(l, name, "lacks its dtype or shape");
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return bad(l, name, "lacks its data_offsets");
    if (p->begin < 0 || p->end < p->begin || p->end > l->file.bytes - l->data)
        return bad(l, name, "lies outside of the file: truncated?");
    return CT_OK;
}

static int by_offset(const void *a, const void *b)
{
    const piece *p = a, *q = b;
    if (p->begin != q->begin)
        return p->begin < q->begin ? -1 : 1;
    return (p->end > q->end) - (p->end < q->end);
}

/* l->pieces in order of the file, where they lie one behind the other */
static ct_status read_pieces(loading *l)
{
    size_t room = json_object_size(l->header) * sizeof *l->pieces;
    l->pieces = ct_object_new(l->file.cx, room, NULL);
    if (!l->pieces)
        return ct_error(l->file.cx);
    ct_status status = CT_OK;
    const char *name;
    json_t *value;
    json_object_foreach(l->header, name, value) {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        status = read_piece(l, name, value, &l->pieces[l->count++]);
        if (status != CT_OK)
            return status;
    }
    qsort(l->pieces, (size_t)l->count, sizeof *l->pieces, by_offset);
    int64_t end = 0;
    for (int i = 0; i < l->count; end = l->pieces[i++].end)
        if (l->pieces[i].begin != end)
            return bad(l, l->pieces[i].name, l->pieces[i].begin < end
                                                 ? "overlaps the tensor before it"
                                                 : "leaves a hole before it");
    if (end != l->file.bytes - l->data)
        return ct__file_fail(&l->file, CT_ERROR_FORMAT, "%lld bytes belong to no tensor",
                             (long long)(l->file.bytes - l->data - end));
    return CT_OK;
}

/* -- Its tensors and the module's */
static bool is_shape_of(json_t *shape, const ct_tensor *x)
{
    if (json_array_size(shape) != (size_t)ct_ndim(x))
        return false;
    for (int i = 0; i < ct_ndim(x); i++) {
        json_t *size = json_array_get(shape, (size_t)i);
        if (!json_is_integer(size) || json_integer_value(size) != ct_size(x, i))
            return false;
    }
    return true;
}

/* the data of a piece, as the entry's fresh tensor */
static ct_status read_tensor(loading *l, const piece *p, ct__entry *entry)
{
    const ct_tensor *x = entry->tensor;
    const ct__file *f = &l->file;
    char shape[CT_SHAPE_TEXT];
    if (strcmp(p->dtype, ct__dtype_name(ct_dtype_of(x))) != 0)
        return ct__file_fail(f, CT_ERROR_DTYPE, "'%s' is %.20s, in the module %s", p->name,
                             p->dtype, ct__dtype_name(ct_dtype_of(x)));
    if (!is_shape_of(p->shape, x))
        return ct__file_fail(f, CT_ERROR_SHAPE, "'%s' is not of the module's shape %s", p->name,
                             ct_shape_text(x, shape));
    if (p->end - p->begin != ct__tensor_bytes(x))
        return bad(l, p->name, "has data of another size than its shape");
    ct_tensor *fresh = ct_empty(f->cx, ct_dtype_of(x), ct_shape(x), ct_ndim(x));
    void *out = fresh ? ct_data_mutable(fresh) : NULL;
    int64_t n = out ? ct__file_read(&l->file, out, p->end - p->begin) : -1;
    if (n >= 0 && n < p->end - p->begin)
        return ct__file_fail(f, CT_ERROR_FORMAT, "truncated while it was read");
    entry->fresh = n >= 0 ? ct_retain(fresh) : NULL;
    return entry->fresh ? CT_OK : ct_error(f->cx);
}

static ct_status read_tensors(loading *l)
{
    char room[CT__PATH];
    for (int i = 0; i < l->count; i++) {
        const piece *p = &l->pieces[i];
        ct__entry *entry = ct__module_find(l->m, p->name);
        if (!entry || !entry->tensor) {
            if (!(l->flags & CT_ALLOW_EXTRA))
                return ct__file_fail(&l->file, CT_ERROR_VALUE, "'%.100s' is not in the module",
                                     p->name);
            if (ct__file_skip(&l->file, p->end - p->begin) != CT_OK)
                return CT_ERROR_FILE;
        } else if (read_tensor(l, p, entry) != CT_OK) {
            return ct_error(l->file.cx);
        }
    }
    for (ct__walk w = { .root = l->m }; ct__walk_next(&w);)
        if (!w.entry->fresh && !(l->flags & CT_ALLOW_MISSING))
            return ct__file_fail(&l->file, CT_ERROR_VALUE, "'%s' is missing",
                                 ct__path(l->m, w.m, w.entry, room));
    return CT_OK;
}

/* into the module's own tensors, once it is sure that all of them may be written */
static ct_status take_tensors(const ct_module *m)
{
    for (ct__walk w = { .root = m }; ct__walk_next(&w);)
        if (w.entry->fresh && !ct_data_mutable(w.entry->tensor))
            return ct_error(m->cx);
    ct_status status = CT_OK;
    for (ct__walk w = { .root = m }; ct__walk_next(&w) && status == CT_OK;)
        if (w.entry->fresh)
            status = ct_assign(w.entry->tensor, w.entry->fresh);
    return status;
}

static ct_status load(ct_module *m, const char *path, unsigned flags)
{
    ct_scope scope = ct_scope_begin(m->cx);
    if (!scope)
        return ct_error(m->cx);
    ct_no_grad(m->cx);
    loading l = { .file = { .cx = m->cx, .who = "module_load", .path = path }, .m = m,
                  .flags = flags };
    ct_status status = ct__file_open(&l.file);
    if (status == CT_OK) {
        status = read_header(&l);
        if (status == CT_OK)
            status = read_pieces(&l);
        if (status == CT_OK)
            status = read_tensors(&l);
        if (status == CT_OK)
            status = take_tensors(m);
        ct__fresh_drop(m);
        ct__file_close(&l.file);
    }
    json_decref(l.header);
    ct_object_free(l.pieces);
    ct_object_free(l.text);
    ct_scope_end(m->cx, scope);
    return status;
}
#else
static ct_status load(ct_module *m, const char *path, unsigned flags)
{
    (void)path, (void)flags;
    return ct_fail(m->cx, CT_ERROR_UNSUPPORTED, "module_load: this build has no jansson");
}
#endif

ct_status ct_module_load(ct_module *m, const char *path, unsigned flags)
{
    if (!m)
        return CT_ERROR_NULL;
    if (!path)
        return ct_fail(m->cx, CT_ERROR_NULL, "module_load: the path is NULL");
    if (flags & ~(unsigned)(CT_ALLOW_MISSING | CT_ALLOW_EXTRA))
        return ct_fail(m->cx, CT_ERROR_VALUE, "module_load: no such flags: %u", flags);
    return load(m, path, flags);
}
