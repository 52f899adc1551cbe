/* Reading the list of a file of safetensors, and of an index of several; the format is told in
 * tensors.h. jansson parses JSON, in memory from malloc. */
#include "archive.h"

#if CT_HAVE_JANSSON
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* As the format's authors have it: a longer header is no header. So what the parser takes is
   bounded, however long the file is. */
enum { LONGEST = 100000000 };

/* -- The header */
/* n bytes of the open file as a JSON object; NULL and an error. `what` it is, is said then */
static json_t *parse(ct_archive *a, int64_t n, const char *what)
{
    json_error_t error;
    char *text = ct_object_new(a->cx, (size_t)n + 1, NULL);
    json_t *all = NULL;
    if (!text || ct__file_read(&a->file, text, n) < 0)
        return ct_object_free(text), NULL;
    if (*text == '{')
        all = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, &error);
    if (!all)
        ct__file_fail(&a->file, CT_ERROR_FORMAT, "%s must be a JSON object%s%s", what,
                      *text == '{' ? ": " : "", *text == '{' ? error.text : "");
    ct_object_free(text);
    return all;
}

/* the header; *data becomes the place where the data begin */
static json_t *read_header(ct_archive *a, int64_t *data)
{
    const ct__file *f = &a->file;
    unsigned char prefix[8];
    uint64_t length = 0;
    int64_t n = ct__file_read(&a->file, prefix, 8);
    if (n < 0)
        return NULL;
    if (n < 8) {
        ct__file_fail(f, CT_ERROR_FORMAT, "truncated: there is no safetensors header");
        return NULL;
    }
    for (int i = 7; i >= 0; i--)
        length = length << 8 | prefix[i];
    if (length > (uint64_t)(f->bytes - 8)) {
        ct__file_fail(f, CT_ERROR_FORMAT, "no safetensors, or truncated: its header would have "
                      "%llu bytes, and the file has %lld", (unsigned long long)length,
                      (long long)f->bytes);
        return NULL;
    }
    if (length > LONGEST) {
        ct__file_fail(f, CT_ERROR_FORMAT, "its header has %llu bytes, and %d are allowed",
                      (unsigned long long)length, LONGEST);
        return NULL;
    }
    *data = 8 + (int64_t)length;
    return parse(a, (int64_t)length, "its header");
}

/* -- Its tensors */
/* bits of an element of that dtype, 0: the format has no such dtype; and how it is read */
static int64_t element_of(const char *dtype, ct__element *e)
{
    static const struct { const char *dtype; int bits; char kind; } all[] = {
        { "F64", 64, 'f' }, { "F32", 32, 'f' }, { "F16", 16, 'f' }, { "BF16", 16, 'h' },
        { "I64", 64, 'i' }, { "I32", 32, 'i' }, { "I16", 16, 'i' }, { "I8", 8, 'i' },
        { "U64", 64, 'u' }, { "U32", 32, 'u' }, { "U16", 16, 'u' }, { "U8", 8, 'u' },
        { "BOOL", 8, 'b' }, { "C64", 64, 0 }, { "F8_E4M3", 8, 0 }, { "F8_E5M2", 8, 0 },
        { "F8_E8M0", 8, 0 }, { "F8_E4M3FNUZ", 8, 0 }, { "F8_E5M2FNUZ", 8, 0 },
        { "F6_E2M3", 6, 0 }, { "F6_E3M2", 6, 0 }, { "F4", 4, 0 },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].dtype, dtype) == 0) {
            *e = (ct__element){ all[i].kind, all[i].kind ? all[i].bits / 8 : 0, false };
            return all[i].bits;
        }
    return 0;
}

/* the bits that a shape of elements takes; -1 if it is no shape, or those of its sizes that are
   not 0 make too many */
static int64_t shape_bits(json_t *shape, int64_t bits)
{
    bool empty = false;
    size_t i;
    json_t *size;
    json_array_foreach(shape, i, size) {
        int64_t n = json_integer_value(size);
        if (!json_is_integer(size) || n < 0 || n > 8 * CT_MAX_BYTES / bits)
            return -1;
        empty |= n == 0;
        bits *= n > 0 ? n : 1;
    }
    return empty ? 0 : bits;
}

static ct_status take_shape(const ct_archive *a, ct__piece *p, json_t *shape)
{
    int64_t element = element_of(p->dtype, &p->element);
    if (element == 0)
        return ct__file_fail(&a->file, CT_ERROR_FORMAT, "'%.100s' has a dtype that the format does "
                             "not know: '%.20s'", p->name, p->dtype);
    int64_t bits = shape_bits(shape, element);
    size_t ndim = json_array_size(shape);
    if (bits < 0 || bits % 8 != 0 || bits / 8 != p->end - p->begin || ndim > INT32_MAX)
        return ct__archive_bad(a, p->name, "has data of another size than its dtype and shape say");
    p->ndim = (int)ndim;
    for (size_t i = 0; i < ndim && i < CT_MAX_DIMS; i++)
        p->shape[i] = json_integer_value(json_array_get(shape, i));
    return CT_OK;
}

/* appends a tensor; the data of the file begin at `data` */
static ct_status take_piece(ct_archive *a, const char *name, json_t *value, int64_t data, int file)
{
    json_t *offsets = json_object_get(value, "data_offsets");
    json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    json_t *shape = json_object_get(value, "shape");
    const char *dtype = json_string_value(json_object_get(value, "dtype"));
    if (!dtype || !json_is_array(shape))
        return ct__archive_bad(a, name, "lacks its dtype or shape");
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return ct__archive_bad(a, name, "lacks its data_offsets");
    ct__piece p = { .begin = json_integer_value(begin), .end = json_integer_value(end),
                    .file = file };
    if (p.begin < 0 || p.end < p.begin || p.end > a->file.bytes - data)
        return ct__archive_bad(a, name, "lies outside of the file: truncated?");
    p.name = ct__archive_keep(a, name, strlen(name));
    p.dtype = p.name ? ct__archive_keep(a, dtype, strlen(dtype)) : NULL;
    ct_status status = p.dtype ? take_shape(a, &p, shape) : ct_error(a->cx);
    p.begin += data;
    p.end += data;
    return status == CT_OK ? ct__archive_add(a, &p) : status;
}

static ct_status take_texts(ct_archive *a, json_t *metadata)
{
    const char *key;
    json_t *value;
    if (!json_is_object(metadata))
        return ct__archive_bad(a, "__metadata__", "must be an object of texts");
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value))
            return ct__archive_bad(a, "__metadata__", "must be an object of texts");
        ct_status status = ct__archive_add_text(a, key, json_string_value(value));
        if (status != CT_OK)
            return status;
    }
    return CT_OK;
}

static int by_place(const void *a, const void *b)
{
    const ct__piece *p = a, *q = b;
    if (p->begin != q->begin)
        return p->begin < q->begin ? -1 : 1;
    return (p->end > q->end) - (p->end < q->end);
}

/* sorts the pieces from number `first` on; an error unless their data fill the file without a gap
   */
static ct_status check_places(ct_archive *a, int64_t first, int64_t data)
{
    int64_t n = a->count - first, end = data;
    ct__piece *all = n > 0 ? a->pieces + first : NULL;
    if (n > 1)
        qsort(all, (size_t)n, sizeof *all, by_place);
    for (int64_t i = 0; i < n; i++) {
        if (all[i].begin != end)
            return ct__archive_bad(a, all[i].name, all[i].begin < end
                                                       ? "overlaps the tensor before it"
                                                       : "leaves a hole before it");
        end = all[i].end;
    }
    if (end == a->file.bytes)
        return CT_OK;
    return ct__file_fail(&a->file, CT_ERROR_FORMAT, "%lld bytes belong to no tensor",
                         (long long)(a->file.bytes - end));
}

/* Names are found by the numbers of their pieces, which sorting changes: they are entered anew */
static ct_status enter_names(ct_archive *a)
{
    ct__words_free(&a->names);
    for (int64_t i = 0; i < a->count; i++)
        if (ct__words_add(a->cx, &a->names, a->pieces[i].name) < 0)
            return ct_error(a->cx);
    return CT_OK;
}

/* the tensors of the open file, which has that number */
static ct_status list(ct_archive *a, int file)
{
    const char *name;
    json_t *value;
    int64_t data = 0, first = a->count;
    json_t *header = read_header(a, &data);
    ct_status status = header ? CT_OK : ct_error(a->cx);
    json_object_foreach(header, name, value) {
        if (status != CT_OK)
            break;
        status = strcmp(name, "__metadata__") == 0 ? take_texts(a, value)
                                                   : take_piece(a, name, value, data, file);
    }
    json_decref(header);
    return status == CT_OK ? check_places(a, first, data) : status;
}

ct_status ct__safetensors_list(ct_archive *a)
{
    ct_status status = list(a, 0);
    return status == CT_OK ? enter_names(a) : status;
}

/* -- Several files. {"metadata":{...},"weight_map":{"NAME":"model-00001-of-00002.safetensors",...}}
 */
/* the path of a file beside the index; NULL and an error. A file elsewhere is refused */
static const char *beside(ct_archive *a, const char *name)
{
    const char *slash = strrchr(a->path, '/');
    size_t folder = slash ? (size_t)(slash - a->path) + 1 : 0, n = strlen(name);
    char path[4096];
    if (n == 0 || strchr(name, '/') || strchr(name, '\\') || strcmp(name, "..") == 0 ||
        strcmp(name, ".") == 0)
        return ct__archive_bad(a, name, "is no name of a file beside the index"), NULL;
    if (folder + n >= sizeof path)
        return ct__archive_bad(a, name, "is too long"), NULL;
    memcpy(path, a->path, folder);
    memcpy(path + folder, name, n);
    return ct__archive_keep(a, path, folder + n);
}

/* room for as many files as the index names tensors, and a table of their names */
static ct_status number_files(ct_archive *a, json_t *map, ct__words *names)
{
    const char *name;
    json_t *value;
    json_object_foreach(map, name, value) {
        const char *file = json_string_value(value);
        if (!file)
            return ct__archive_bad(a, name, "must have the name of a file");
        if (ct__words_add(a->cx, names, file) < 0)
            return ct_error(a->cx);
    }
    a->files = ct_object_new(a->cx, ((size_t)names->n + 1) * sizeof *a->files, NULL);
    a->sizes = a->files ? ct_object_new(a->cx, ((size_t)names->n + 1) * sizeof *a->sizes, NULL)
                        : NULL;
    if (!a->sizes)
        return ct_error(a->cx);
    for (int64_t i = 0; i < names->n; i++)
        if (!(a->files[i] = beside(a, names->text[i])))
            return ct_error(a->cx);
    return CT_OK;
}

/* lists the tensors of file i, which becomes the open one */
static ct_status list_file(ct_archive *a, int i)
{
    if (a->file.descriptor >= 0)
        ct__file_close(&a->file);
    a->file.descriptor = -1;
    ct__file f = { .cx = a->cx, .who = a->file.who, .path = a->files[i] };
    if (ct__file_open(&f) != CT_OK)
        return CT_ERROR_FILE;
    a->file = f;
    a->current = i;
    a->sizes[i] = f.bytes;
    return list(a, i);
}

/* each tensor of the index is in its file, and no other is there */
static ct_status compare(const ct_archive *a, json_t *map, const ct__words *names)
{
    const char *name;
    json_t *value;
    const ct__file f = ct__archive_file(a);
    json_object_foreach(map, name, value) {
        const ct__piece *p = ct__archive_find(a, name);
        if (!p || p->file != ct__words_find(names, json_string_value(value)))
            return ct__file_fail(&f, CT_ERROR_FORMAT, "'%.100s' is not in the file that the index "
                                 "names", name);
    }
    if (a->count == (int64_t)json_object_size(map))
        return CT_OK;
    return ct__file_fail(&f, CT_ERROR_FORMAT, "its files hold %lld tensors, and it names "
                         "%lld", (long long)a->count, (long long)json_object_size(map));
}

ct_status ct__shards_list(ct_archive *a)
{
    ct__words names = { .n = 0 };
    if (a->file.bytes > LONGEST)
        return ct__file_fail(&a->file, CT_ERROR_FORMAT, "no archive, or an index of more than %d "
                             "bytes", LONGEST);
    json_t *index = parse(a, a->file.bytes, "an index");
    if (!index)
        return ct_error(a->cx);
    json_t *map = json_object_get(index, "weight_map");
    ct_status status = json_is_object(map)
                           ? number_files(a, map, &names)
                           : ct__archive_bad(a, "weight_map", "is missing in this index");
    for (int i = 0; i < names.n && status == CT_OK; i++)
        status = list_file(a, i);
    if (status == CT_OK)
        status = enter_names(a);
    if (status == CT_OK)
        status = compare(a, map, &names);
    ct__words_free(&names);
    json_decref(index);
    return status;
}
#else
ct_status ct__safetensors_list(ct_archive *a)
{
    return ct__file_fail(&a->file, CT_ERROR_UNSUPPORTED, "this build has no jansson");
}

ct_status ct__shards_list(ct_archive *a)
{
    return ct__safetensors_list(a);
}
#endif
