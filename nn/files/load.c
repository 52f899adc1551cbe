/* Reading safetensors. All of the file is checked first, then read into tensors of its own, and
 * only then given to those that wait for it: all or nothing. jansson parses the header, in memory
 * from malloc. */
#include "tensors.h"

#if CT_HAVE_JANSSON && !CT__BIG_ENDIAN
#include <jansson.h>
#include <stdlib.h>

/* one tensor of the file */
typedef struct piece {
    const char *name, *dtype;
    json_t *shape;
    int64_t begin, end; /* its data, from where the data of the file begin */
} piece;

typedef struct loading {
    ct__file file;
    ct__tensors *t;
    char *text;      /* the header as it is in the file */
    int64_t data;    /* where the data begin in the file */
    json_t *header, *metadata;
    piece *pieces;   /* in the order of the file */
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
        return ct__file_fail(f, CT_ERROR_FORMAT, "truncated: there is no safetensors header");
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | prefix[i];
    if (length > (uint64_t)(f->bytes - 8))
        return ct__file_fail(f, CT_ERROR_FORMAT,
                             "no safetensors, or truncated: its header would have %llu bytes, and "
                             "the file has %lld", (unsigned long long)length,
                             (long long)f->bytes);
    l->data = 8 + (int64_t)length;
    l->text = length < SIZE_MAX ? ct_object_new(f->cx, (size_t)length + 1, NULL) : NULL;
    if (!l->text || ct__file_read(&l->file, l->text, (int64_t)length) < 0)
        return ct_error(f->cx);
    json_error_t error;
    l->header = *l->text == '{' ? json_loadb(l->text, length, JSON_REJECT_DUPLICATES, &error)
                                : NULL;
    if (!l->header)
        return ct__file_fail(f, CT_ERROR_FORMAT, "its header must be a JSON object%s%s",
                             *l->text == '{' ? ": " : "", *l->text == '{' ? error.text : "");
    return CT_OK;
}

/* bits of an element of that dtype; 0: the format has no such dtype */
static int64_t element_bits(const char *dtype)
{
    static const struct { const char *dtype; int bits; } all[] = {
        { "F64", 64 }, { "I64", 64 }, { "U64", 64 }, { "C64", 64 }, { "F32", 32 }, { "I32", 32 },
        { "U32", 32 }, { "F16", 16 }, { "BF16", 16 }, { "I16", 16 }, { "U16", 16 }, { "I8", 8 },
        { "U8", 8 }, { "BOOL", 8 }, { "F8_E4M3", 8 }, { "F8_E5M2", 8 }, { "F8_E8M0", 8 },
        { "F8_E4M3FNUZ", 8 }, { "F8_E5M2FNUZ", 8 }, { "F6_E2M3", 6 }, { "F6_E3M2", 6 }, { "F4", 4 },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].dtype, dtype) == 0)
            return all[i].bits;
    return 0;
}

/* the bits that a shape of elements takes; -1 if they are too many, or it is no shape. A size of 0
   makes them 0, whatever the others are */
static int64_t shape_bits(json_t *shape, int64_t bits)
{
    bool overflow = false, empty = false;
    size_t i;
    json_t *size;
    json_array_foreach(shape, i, size) {
        int64_t n = json_integer_value(size);
        if (!json_is_integer(size) || n < 0)
            return -1;
        empty = empty || n == 0;
        overflow = overflow || (n > 0 && bits > INT64_MAX / n);
        bits = overflow || n == 0 ? bits : bits * n;
    }
    return empty ? 0 : overflow ? -1 : bits;
}

/* whether or not the module has a tensor of that name */
static ct_status check_size(const loading *l, const piece *p)
{
    int64_t element = element_bits(p->dtype);
    if (element == 0)
        return ct__file_fail(&l->file, CT_ERROR_FORMAT, "'%.100s' has a dtype that the format does "
                             "not know: '%.20s'", p->name, p->dtype);
    int64_t bits = shape_bits(p->shape, element);
    if (bits < 0 || bits % 8 != 0 || bits / 8 != p->end - p->begin)
        return bad(l, p->name, "has data of another size than its dtype and shape say");
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
    return check_size(l, p);
}

static int by_offset(const void *a, const void *b)
{
    const piece *p = a, *q = b;
    if (p->begin != q->begin)
        return p->begin < q->begin ? -1 : 1;
    return (p->end > q->end) - (p->end < q->end);
}

/* fills l->pieces, sorted; an error unless their data fill the file without a gap */
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
        if (strcmp(name, "__metadata__") == 0) {
            l->metadata = value;
            continue;
        }
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

/* -- Its tensors and those that wait for them */
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

/* The bytes of bool elements become 0 and 1: any other value of a _Bool is undefined in C. */
static void make_bool(unsigned char *bytes, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        bytes[i] = bytes[i] != 0;
}

/* reads the data of a piece into a new tensor, the fresh one */
static ct_status read_tensor(loading *l, const piece *p, ct__named *named)
{
    const ct_tensor *x = named->x;
    const ct__file *f = &l->file;
    char shape[CT_SHAPE_TEXT];
    if (strcmp(p->dtype, ct__dtype_name(ct_dtype_of(x))) != 0)
        return ct__file_fail(f, CT_ERROR_DTYPE, "'%s' is %s, and must be %s as in the module",
                             p->name, p->dtype, ct__dtype_name(ct_dtype_of(x)));
    if (!is_shape_of(p->shape, x))
        return ct__file_fail(f, CT_ERROR_SHAPE, "'%s' must have the module's shape %s", p->name,
                             ct_shape_text(x, shape));
    ct_tensor *fresh = ct_empty(f->cx, ct_dtype_of(x), ct_shape(x), ct_ndim(x));
    void *out = fresh ? ct_data_mutable(fresh) : NULL;
    int64_t n = out ? ct__file_read(&l->file, out, p->end - p->begin) : -1;
    if (n >= 0 && n < p->end - p->begin)
        return ct__file_fail(f, CT_ERROR_FORMAT, "truncated while it was read");
    if (n > 0 && ct_dtype_of(x) == CT_BOOL)
        make_bool(out, n);
    named->fresh = n >= 0 ? fresh : NULL;
    return named->fresh ? CT_OK : ct_error(f->cx);
}

/* the tensor of that name; it is most often at that place. NULL: there is none */
static ct__named *find(const ct__tensors *t, const char *name, int place)
{
    for (int i = 0; i < t->n; i++) {
        ct__named *named = &t->all[(place + i) % t->n];
        if (strcmp(named->name, name) == 0)
            return named;
    }
    return NULL;
}

static ct_status read_tensors(loading *l)
{
    const ct__tensors *t = l->t;
    for (int i = 0; i < l->count; i++) {
        const piece *p = &l->pieces[i];
        ct__named *named = find(t, p->name, i);
        if (!named) {
            if (!(t->flags & CT_ALLOW_EXTRA))
                return ct__file_fail(&l->file, CT_ERROR_VALUE, "'%.100s' is not in the module",
                                     p->name);
            if (ct__file_skip(&l->file, p->end - p->begin) != CT_OK)
                return CT_ERROR_FILE;
        } else if (read_tensor(l, p, named) != CT_OK) {
            return ct_error(l->file.cx);
        }
    }
    for (int i = 0; i < t->n; i++)
        if (!t->all[i].fresh && !(t->flags & CT_ALLOW_MISSING))
            return ct__file_fail(&l->file, CT_ERROR_VALUE, "'%s' is missing in it",
                                 t->all[i].name);
    return CT_OK;
}

static ct_status read_pairs(loading *l)
{
    for (int i = 0; i < l->t->count; i++) {
        ct__pair *pair = &l->t->pairs[i];
        const char *value = json_string_value(json_object_get(l->metadata, pair->key));
        if (!value || strlen(value) >= sizeof pair->value)
            return ct__file_fail(&l->file, CT_ERROR_FORMAT, "its metadata must say '%s'%s",
                                 pair->key, value ? ", in a few characters" : "");
        memcpy(pair->value, value, strlen(value) + 1);
    }
    return CT_OK;
}

ct_status ct__tensors_read(ct__tensors *t)
{
    loading l = { .file = { .cx = t->cx, .who = t->who, .path = t->path }, .t = t };
    ct_status status = ct__file_open(&l.file);
    if (status == CT_OK) {
        status = read_header(&l);
        if (status == CT_OK)
            status = read_pieces(&l);
        if (status == CT_OK)
            status = read_pairs(&l);
        if (status == CT_OK)
            status = read_tensors(&l);
        ct__file_close(&l.file);
    }
    json_decref(l.header);
    ct_object_free(l.pieces);
    ct_object_free(l.text);
    return status;
}
#else
ct_status ct__tensors_read(ct__tensors *t)
{
    return ct_fail(t->cx, CT_ERROR_UNSUPPORTED, "%s: this build has no jansson", t->who);
}
#endif

static ct_status load(ct_module *m, const char *path, unsigned flags)
{
    ct_scope scope = ct_scope_begin(m->cx);
    if (!scope)
        return ct_error(m->cx);
    ct_no_grad(m->cx);
    ct__tensors t = { .cx = m->cx, .who = "module_load", .path = path, .flags = flags };
    ct_status status = ct__tensors_room(&t, ct__tensors_below(m));
    if (status == CT_OK)
        status = ct__tensors_add_module(&t, "", m);
    if (status == CT_OK)
        status = ct__tensors_read(&t);
    if (status == CT_OK)
        status = ct__tensors_take(&t);
    ct__tensors_free(&t);
    ct_scope_end(m->cx, scope);
    return status;
}

ct_status ct_module_load(ct_module *m, const char *path, unsigned flags)
{
    if (!ct__module_alive(m, "module_load"))
        return m ? CT_ERROR_STALE : CT_ERROR_NULL;
    if (!path)
        return ct_fail(m->cx, CT_ERROR_NULL, "module_load: the path is NULL");
    if (flags & ~(unsigned)(CT_ALLOW_MISSING | CT_ALLOW_EXTRA))
        return ct_fail(m->cx, CT_ERROR_VALUE, "module_load: no such flags: %u", flags);
    return load(m, path, flags);
}
