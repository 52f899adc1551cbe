/* Reading the list of an npz, a zip of files of .npy, and its tensors, through libzip.
 *
 * A zip promises how many bytes each entry holds when it is inflated. This number is compared with
 * what the header of .npy asks for, and with the most that so many bytes can be inflated to. Before
 * memory is taken for an entry, it is inflated once: to count its bytes, and for libzip to check
 * their sum. Nowhere is more than one byte inflated beyond the promise. */
#include "archive.h"
#include "zip_source.h"

#if CT_HAVE_ZIP
#include <string.h>

enum { MOST = 1032 }; /* deflate makes of a byte at most that many: RFC 1951 */

typedef struct state {
    ct__zip_source source;
    zip_t *zip;
} state;

static void finish(void *object)
{
    state *s = object;
    if (!s->zip)
        return;
    zip_discard(s->zip);
    zip_error_fini(&s->source.error);
}

/* -- Entries */
/* an entry while it is read */
typedef struct entry {
    ct_archive *a;
    zip_file_t *file;
} entry;

static int64_t read_entry(void *from, void *out, int64_t bytes)
{
    const entry *e = from;
    int64_t done = 0, n = 1;
    for (; done < bytes && n > 0; done += n > 0 ? n : 0)
        n = zip_fread(e->file, (char *)out + done, (zip_uint64_t)(bytes - done));
    if (n >= 0)
        return done;
    ct__zip_fail(&e->a->file, CT_ERROR_FORMAT, "damaged zip data", zip_file_get_error(e->file));
    return -1;
}

static bool open_entry(entry *e, ct_archive *a, int64_t i)
{
    zip_t *zip = ((state *)a->state)->zip;
    *e = (entry){ a, zip_fopen_index(zip, (zip_uint64_t)i, 0) };
    if (!e->file)
        ct__zip_fail(&a->file, CT_ERROR_FORMAT, "damaged zip data", zip_get_error(zip));
    return e->file;
}

/* reads the header of .npy and what it asks for */
static ct_status read_header(entry *e, ct__array *array)
{
    const ct__source s = { &e->a->file, read_entry, e };
    ct_status status = ct__npy_header(&s, array);
    return status == CT_OK ? ct__array_measure(s.file, array) : status;
}

/* -- The list */
/* the sizes that the zip states are such as there can be */
static ct_status check_entry(const ct_archive *a, const char *name, const zip_stat_t *about)
{
    const zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if ((about->valid & needed) != needed ||
        (about->comp_method != ZIP_CM_STORE && about->comp_method != ZIP_CM_DEFLATE) ||
        (about->valid & ZIP_STAT_ENCRYPTION_METHOD && about->encryption_method != ZIP_EM_NONE))
        return ct__archive_bad(a, name, "must be stored or deflated, and not encrypted");
    if (about->comp_size > (zip_uint64_t)a->file.bytes ||
        (about->comp_method == ZIP_CM_STORE && about->size != about->comp_size) ||
        about->size / MOST > about->comp_size)
        return ct__archive_bad(a, name, "promises more bytes than the file can hold");
    return CT_OK;
}

/* appends the tensor of entry i, after the header of .npy in it */
static ct_status take_entry(ct_archive *a, const char *name, int64_t i, zip_uint64_t promised)
{
    entry e;
    ct__array array = { .count = 0 };
    if (!open_entry(&e, a, i))
        return ct_error(a->cx);
    ct_status status = read_header(&e, &array);
    zip_fclose(e.file);
    if (status != CT_OK)
        return status;
    if ((zip_uint64_t)array.bytes != promised)
        return ct__archive_bad(a, name, "holds another number of bytes than its header asks for");
    const ct__element element = array.element;
    const char dtype[] = { element.bytes == 1 ? '|' : element.big_endian ? '>' : '<',
                           element.kind, (char)('0' + element.bytes), 0 };
    ct__piece p = { .element = element, .columns_first = array.columns_first,
                    .ndim = array.ndim, .begin = i, .end = i };
    memcpy(p.shape, array.shape, sizeof p.shape);
    p.name = ct__archive_keep(a, name, strlen(name) - strlen(".npy"));
    p.dtype = p.name ? ct__archive_keep(a, dtype, strlen(dtype)) : NULL;
    return p.dtype ? ct__archive_add(a, &p) : ct_error(a->cx);
}

static ct_status list_entry(ct_archive *a, int64_t i)
{
    zip_t *zip = ((state *)a->state)->zip;
    zip_stat_t about;
    if (zip_stat_index(zip, (zip_uint64_t)i, 0, &about) != 0)
        return ct__zip_fail(&a->file, CT_ERROR_FORMAT, "damaged zip", zip_get_error(zip));
    const char *name = about.valid & ZIP_STAT_NAME ? about.name : "";
    size_t n = strlen(name);
    if (n < 5 || strcmp(name + n - 4, ".npy") != 0)
        return ct__archive_bad(a, name, "is no .npy; nothing else is read, and no pickle ever");
    ct_status status = check_entry(a, name, &about);
    return status == CT_OK ? take_entry(a, name, i, about.size) : status;
}

/* -- Reading */
/* inflates all of an entry: so many bytes are there, no more, and libzip finds their sum right */
static bool check_bytes(ct_archive *a, const ct__piece *p, int64_t bytes)
{
    unsigned char chunk[16384];
    entry e;
    if (!open_entry(&e, a, p->begin))
        return false;
    int64_t n = 1, held = 0;
    for (; n > 0 && held <= bytes; held += n > 0 ? n : 0) {
        int64_t most = bytes - held + 1;
        n = read_entry(&e, chunk, most < (int64_t)sizeof chunk ? most : (int64_t)sizeof chunk);
    }
    zip_fclose(e.file);
    if (n >= 0 && held != bytes)
        ct__archive_bad(a, p->name, "holds another number of bytes than it promises");
    return n >= 0 && held == bytes;
}

static ct_tensor *read_piece(ct_archive *a, const ct__piece *p, ct_dtype dtype)
{
    entry e;
    ct__array array = { .count = 0 };
    ct_tensor *x = NULL;
    if (!open_entry(&e, a, p->begin))
        return NULL;
    const ct__source s = { &a->file, read_entry, &e };
    ct_status status = read_header(&e, &array);
    bool same = array.count == ct__piece_count(p) && array.ndim == p->ndim &&
                array.element.bytes == p->element.bytes; /* who may have changed the file? */
    if (status == CT_OK && !same)
        ct__archive_bad(a, p->name, "has changed since the file was opened");
    if (status == CT_OK && same && check_bytes(a, p, array.bytes))
        x = ct__array_elements(&s, &array, dtype);
    zip_fclose(e.file);
    return x;
}

ct_status ct__npz_list(ct_archive *a)
{
    state *s = ct_object_new(a->cx, sizeof *s, finish);
    a->state = s;
    if (!s)
        return ct_error(a->cx);
    s->source.file = &a->file;
    s->zip = ct__zip_open(&s->source);
    if (!s->zip)
        return ct_error(a->cx);
    a->read = read_piece;
    ct_status status = CT_OK;
    int64_t n = zip_get_num_entries(s->zip, 0);
    for (int64_t i = 0; i < n && status == CT_OK; i++)
        status = list_entry(a, i);
    return status;
}
#else
ct_status ct__npz_list(ct_archive *a)
{
    return ct__file_fail(&a->file, CT_ERROR_UNSUPPORTED, "is a zip, and this build has no libzip");
}
#endif
