/* IDX, the format of MNIST (yann.lecun.com/exdb/mnist): two zero bytes, the type, the number of
 * dimensions, their sizes as 32-bit integers, then the elements; all big-endian. */
#include "array.h"
#include "replace.h"

static ct__element element_of(int type)
{
    static const struct { int type; ct__element element; } types[] = {
        { 0x08, { 'u', 1, true } }, { 0x09, { 'i', 1, true } }, { 0x0b, { 'i', 2, true } },
        { 0x0c, { 'i', 4, true } }, { 0x0d, { 'f', 4, true } }, { 0x0e, { 'f', 8, true } }
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == type)
            return types[i].element;
    return (ct__element){ .bytes = 0 };
}

static ct_status read_header(const ct__source *s, ct__array *a)
{
    unsigned char magic[4], sizes[4 * CT_MAX_DIMS];
    ct_status status = ct__array_bytes(s, magic, 4, "it is too short for an IDX header");
    if (status != CT_OK)
        return status;
    if (magic[0] != 0 || magic[1] != 0)
        return ct__file_fail(s->file, CT_ERROR_FORMAT,
                             "it is no IDX, plain or gzip: it begins with bytes %02x %02x, not "
                             "00 00", magic[0], magic[1]);
    a->element = element_of(magic[2]);
    a->ndim = magic[3];
    if (a->element.bytes == 0)
        return ct__file_fail(s->file, CT_ERROR_FORMAT, "no such IDX type: 0x%02x", magic[2]);
    if (a->ndim > CT_MAX_DIMS)
        return ct__file_fail(s->file, CT_ERROR_FORMAT, "%d dimensions; at most %d are possible",
                             a->ndim, CT_MAX_DIMS);
    a->header = 4 + 4 * a->ndim;
    status = ct__array_bytes(s, sizes, 4 * a->ndim, "the header breaks off");
    for (int i = 0; i < a->ndim && status == CT_OK; i++) {
        const unsigned char *p = sizes + 4 * i;
        a->shape[i] = (int64_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
    }
    return status;
}

ct_tensor *ct_read_idx(ct_context *cx, const char *path, ct_dtype dtype,
                       const ct_read_options *options)
{
    if (path && (dtype < CT_F32 || dtype > CT_BOOL))
        return ct_fail(cx, CT_ERROR_DTYPE, "read_idx: no such dtype: %d", (int)dtype), NULL;
    return ct__array_read(&(ct__array_call){ cx, "read_idx", path, dtype, read_header }, options);
}

/* -- Writing */
typedef struct range {
    int64_t least, most;
} range;

static range range_of(const int64_t *x, int64_t n)
{
    range r = { 0, 0 };
    for (int64_t i = 0; i < n; i++) {
        r.least = x[i] < r.least ? x[i] : r.least;
        r.most = x[i] > r.most ? x[i] : r.most;
    }
    return r;
}

/* the type for n elements; 0: there is none */
static int type_of(ct_dtype dtype, const void *data, int64_t n)
{
    if (dtype != CT_I64)
        return dtype == CT_F32 ? 0x0d : dtype == CT_F64 ? 0x0e : 0x08;
    range r = range_of(data, n);
    if (r.least >= 0 && r.most <= UINT8_MAX)
        return 0x08;
    if (r.least >= INT8_MIN && r.most <= INT8_MAX)
        return 0x09;
    if (r.least >= INT16_MIN && r.most <= INT16_MAX)
        return 0x0b;
    return r.least >= INT32_MIN && r.most <= INT32_MAX ? 0x0c : 0;
}

static ct_status write_header(const ct__file *f, const ct_tensor *x, int type)
{
    unsigned char header[4 + 4 * CT_MAX_DIMS] = { 0, 0, (unsigned char)type,
                                                  (unsigned char)ct_ndim(x) };
    for (int i = 0; i < ct_ndim(x); i++) {
        if (ct_size(x, i) > UINT32_MAX)
            return ct__file_fail(f, CT_ERROR_RANGE, "a size of more than 32 bits: %lld",
                                 (long long)ct_size(x, i));
        for (int k = 0; k < 4; k++)
            header[4 + 4 * i + k] = (unsigned char)((uint64_t)ct_size(x, i) >> (24 - 8 * k));
    }
    return ct__file_write(f, header, 4 + 4 * ct_ndim(x));
}

/* whole numbers, of which each gets so many bytes */
static ct_status write_ints(const ct__file *f, const int64_t *x, int64_t n, int bytes)
{
    unsigned char chunk[4096];
    ct_status status = CT_OK;
    for (int64_t i = 0, used = 0; i < n && status == CT_OK; i++) {
        for (int k = bytes - 1; k >= 0; k--)
            chunk[used++] = (unsigned char)((uint64_t)x[i] >> 8 * k);
        if (used + bytes <= (int64_t)sizeof chunk && i + 1 < n)
            continue;
        status = ct__file_write(f, chunk, used);
        used = 0;
    }
    return status;
}

static ct_status write_array(const ct__file *f, ct_tensor *x)
{
    const void *data = ct_data(x);
    const int64_t n = ct_count(x);
    int type = type_of(ct_dtype_of(x), data, n);
    if (type == 0)
        return ct__file_fail(f, CT_ERROR_VALUE, "numbers of more than 32 bits have no type of IDX");
    ct_status status = write_header(f, x, type);
    if (status != CT_OK)
        return status;
    return ct_dtype_of(x) == CT_I64 ? write_ints(f, data, n, element_of(type).bytes)
                                    : ct__file_write_tensor(f, x, true);
}

ct_status ct_write_idx(ct_tensor *x, const char *path)
{
    if (!ct_usable(x, "write_idx"))
        return x ? CT_ERROR_STALE : CT_ERROR_NULL;
    ct_context *cx = ct_context_of(x);
    if (!path)
        return ct_fail(cx, CT_ERROR_NULL, "write_idx: the path is NULL");
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return ct_error(cx);
    ct_no_grad(cx);
    ct_tensor *plain = ct_contiguous(x);
    ct__replacement r = { .file = { .cx = cx, .who = "write_idx", .path = path } };
    ct_status status = plain ? ct__replace_begin(&r) : ct_error(cx);
    if (status == CT_OK)
        status = ct__replace_end(&r, write_array(&r.file, plain));
    ct_scope_end(cx, scope);
    return status;
}
