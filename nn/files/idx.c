/* IDX, the format of MNIST (yann.lecun.com/exdb/mnist): two zero bytes, the type, the number of
 * dimensions, their sizes as 32-bit integers, then the elements; all big-endian.
 *
 * What the header claims is compared with what the file holds before memory is taken for it. A gzip
 * file does not say reliably how much it holds, so it is inflated twice: once to count (and to
 * check its CRC), once to keep. */
#include <cotangent/io.h>

#include <string.h>

#include "checks.h"
#include "gzip.h"

/* a file while it is read */
typedef struct reader {
    ct__gzip content;
    unsigned char chunk[CT__CHUNK]; /* holds whole elements, of whatever size */
} reader;

typedef struct header {
    int type, ndim;
    int64_t shape[CT_MAX_DIMS], count;
    int64_t element; /* bytes of one element in the file */
    int64_t bytes;   /* of header and elements together */
} header;

/* -- The header */
static int64_t element_size(int type)
{
    static const struct { int type, bytes; } types[] = {
        { 0x08, 1 }, { 0x09, 1 }, { 0x0b, 2 }, { 0x0c, 4 }, { 0x0d, 4 }, { 0x0e, 8 }
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == type)
            return types[i].bytes;
    return 0;
}

static uint64_t big_endian(const unsigned char *p, int64_t bytes)
{
    uint64_t value = 0;
    for (int64_t i = 0; i < bytes; i++)
        value = value << 8 | p[i];
    return value;
}

/* sets count and bytes; an error if they overflow */
static ct_status measure(const ct__file *f, header *h)
{
    h->count = 1;
    h->bytes = 4 + 4 * h->ndim;
    for (int i = 0; i < h->ndim; i++)
        h->count = h->shape[i] == 0 ? 0 : h->count; /* whatever the other sizes are */
    for (int i = 0; i < h->ndim && h->count > 0; i++) {
        if (h->count > (INT64_MAX - h->bytes) / h->element / h->shape[i])
            return ct__file_fail(f, CT_ERROR_FORMAT, "its dimensions overflow");
        h->count *= h->shape[i];
    }
    h->bytes += h->count * h->element;
    return CT_OK;
}

static ct_status read_header(ct__gzip *z, header *h)
{
    unsigned char magic[4], sizes[4 * CT_MAX_DIMS];
    int64_t n = ct__gzip_read(z, magic, 4);
    if (n < 0)
        return ct_error(z->file.cx);
    if (n < 4)
        return ct__file_fail(&z->file, CT_ERROR_FORMAT, "truncated: no IDX header in %lld bytes",
                             (long long)n);
    if (magic[0] != 0 || magic[1] != 0)
        return ct__file_fail(&z->file, CT_ERROR_FORMAT,
                             "%s IDX: it begins with bytes %02x %02x, not 00 00",
                             z->is_gzip ? "what it holds is no" : "neither gzip nor", magic[0],
                             magic[1]);
    h->type = magic[2];
    h->ndim = magic[3];
    h->element = element_size(h->type);
    if (h->element == 0)
        return ct__file_fail(&z->file, CT_ERROR_FORMAT, "no such IDX type: 0x%02x", h->type);
    if (h->ndim > CT_MAX_DIMS)
        return ct__file_fail(&z->file, CT_ERROR_FORMAT, "%d dimensions; at most %d are possible",
                             h->ndim, CT_MAX_DIMS);
    n = ct__gzip_read(z, sizes, 4 * h->ndim);
    if (n < 0)
        return ct_error(z->file.cx);
    if (n < 4 * h->ndim)
        return ct__file_fail(&z->file, CT_ERROR_FORMAT, "truncated: the header breaks off");
    for (int i = 0; i < h->ndim; i++)
        h->shape[i] = (int64_t)big_endian(sizes + 4 * i, 4);
    return measure(&z->file, h);
}

/* the bytes of the content, or, if they are more than `claimed`, any number above that; -1: an
   error. `so_far` of them have been read */
static int64_t held_bytes(reader *r, int64_t so_far, int64_t claimed)
{
    if (!r->content.is_gzip)
        return r->content.file.bytes;
    for (int64_t n = CT__CHUNK; n == CT__CHUNK && so_far <= claimed; so_far += n) {
        n = ct__gzip_read(&r->content, r->chunk, CT__CHUNK);
        if (n < 0)
            return -1;
    }
    return so_far;
}

static ct_status check_bytes(reader *r, const header *h)
{
    const ct__file *f = &r->content.file;
    int64_t held = held_bytes(r, 4 + 4 * h->ndim, h->bytes);
    if (held < 0)
        return ct_error(f->cx);
    if (held < h->bytes)
        return ct__file_fail(f, CT_ERROR_FORMAT,
                             "truncated: %lld bytes, where the header asks for %lld",
                             (long long)held, (long long)h->bytes);
    if (held > h->bytes)
        return ct__file_fail(f, CT_ERROR_FORMAT,
                             "too long: more than the %lld bytes that the header asks for",
                             (long long)h->bytes);
    return CT_OK;
}

/* -- The elements */
static double decoded(const unsigned char *p, const header *h)
{
    uint64_t bits = big_endian(p, h->element);
    uint32_t low = (uint32_t)bits;
    float single;
    double value;
    switch (h->type) {
    case 0x09:
        return (int8_t)bits;
    case 0x0b:
        return (int16_t)bits;
    case 0x0c:
        return (int32_t)low;
    case 0x0d:
        memcpy(&single, &low, sizeof single);
        return (double)single;
    case 0x0e:
        memcpy(&value, &bits, sizeof value);
        return value;
    default:
        return (double)bits;
    }
}

/* stores element i of the result; false if an i64 cannot hold it */
static bool store(void *out, ct_dtype dtype, int64_t i, double value)
{
    switch (dtype) {
    case CT_F32:
        ((float *)out)[i] = (float)value;
        return true;
    case CT_F64:
        ((double *)out)[i] = value;
        return true;
    case CT_BOOL:
        ((bool *)out)[i] = value != 0;
        return true;
    default:
        if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0))
            return false;
        ((int64_t *)out)[i] = (int64_t)value;
        return true;
    }
}

/* converts n elements of the chunk to the elements of the result from number i on */
static ct_status convert(const reader *r, const header *h, ct_dtype dtype, void *out, int64_t i,
                         int64_t n)
{
    if (h->type == 0x08 && dtype == CT_F32) { /* pixels, in half the time */
        for (int64_t k = 0; k < n; k++)
            ((float *)out)[i + k] = r->chunk[k];
        return CT_OK;
    }
    for (int64_t k = 0; k < n; k++) {
        double value = decoded(r->chunk + k * h->element, h);
        if (!store(out, dtype, i + k, value))
            return ct__file_fail(&r->content.file, CT_ERROR_VALUE, "element %lld must fit an i64, "
                                 "and is %g", (long long)(i + k), value);
    }
    return CT_OK;
}

static ct_status read_elements(reader *r, const header *h, ct_dtype dtype, void *out)
{
    const ct__file *f = &r->content.file;
    const int64_t most = CT__CHUNK / h->element;
    for (int64_t i = 0; i < h->count;) {
        int64_t n = h->count - i < most ? h->count - i : most;
        int64_t got = ct__gzip_read(&r->content, r->chunk, n * h->element);
        if (got < 0)
            return ct_error(f->cx);
        if (got < n * h->element)
            return ct__file_fail(f, CT_ERROR_FORMAT, "truncated while it was read");
        if (convert(r, h, dtype, out, i, n) != CT_OK)
            return CT_ERROR_VALUE;
        i += n;
    }
    return CT_OK;
}

/* -- Twice over the file: once to check it, once to keep what it holds */
static ct_status check(reader *r, header *h, ct_dtype dtype, int64_t max_bytes)
{
    ct_status status = ct__gzip_start(&r->content);
    if (status != CT_OK)
        return status;
    status = read_header(&r->content, h);
    if (status == CT_OK)
        status = check_bytes(r, h);
    ct__gzip_stop(&r->content);
    int64_t element = (int64_t)ct_dtype_size(dtype);
    if (status == CT_OK && h->count > max_bytes / element)
        status = ct__file_fail(&r->content.file, CT_ERROR_MEMORY,
                               "%lld elements take more than max_bytes, %lld",
                               (long long)h->count, (long long)max_bytes);
    return status;
}

static ct_tensor *keep(reader *r, ct_dtype dtype)
{
    header h = { 0 };
    if (ct__gzip_start(&r->content) != CT_OK)
        return NULL;
    ct_tensor *x = NULL;
    if (read_header(&r->content, &h) == CT_OK)
        x = ct_empty(r->content.file.cx, dtype, h.shape, h.ndim);
    void *out = x ? ct_data_mutable(x) : NULL;
    bool whole = out && read_elements(r, &h, dtype, out) == CT_OK;
    ct__gzip_stop(&r->content);
    return whole ? x : NULL;
}

static bool arguments_fit(ct_context *cx, const char *path, ct_dtype dtype,
                          const ct_read_options *options)
{
    if (!path)
        return ct_fail(cx, CT_ERROR_NULL, "read_idx: the path is NULL"), false;
    if (dtype < CT_F32 || dtype > CT_BOOL)
        return ct_fail(cx, CT_ERROR_DTYPE, "read_idx: no such dtype: %d", (int)dtype), false;
    if (!ct__options_zeroed(cx, "read_idx", options->reserved))
        return false;
    if (options->max_bytes < 0)
        return ct_fail(cx, CT_ERROR_VALUE, "read_idx: max_bytes is negative"), false;
    return true;
}

ct_tensor *ct_read_idx(ct_context *cx, const char *path, ct_dtype dtype,
                       const ct_read_options *options)
{
    const ct_read_options o = options ? *options : (ct_read_options){ 0 };
    const int64_t standard = (int64_t)4 << 30;
    if (!arguments_fit(cx, path, dtype, &o))
        return NULL;
    reader *r = ct_object_new(cx, sizeof *r, NULL);
    ct_scope scope = r ? ct_scope_begin(cx) : 0;
    ct_tensor *x = NULL;
    if (scope) {
        header h = { 0 };
        ct__file *f = &r->content.file;
        *f = (ct__file){ .cx = cx, .who = "read_idx", .path = path };
        if (ct__file_open(f) == CT_OK) {
            if (check(r, &h, dtype, o.max_bytes ? o.max_bytes : standard) == CT_OK)
                x = keep(r, dtype);
            ct__file_close(f);
        }
        x = ct_scope_return(cx, scope, x);
    }
    ct_object_free(r);
    return x;
}
