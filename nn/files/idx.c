/* IDX, the format of MNIST (yann.lecun.com/exdb/mnist): two zero bytes, the type, the number of
 * dimensions, their sizes as 32-bit integers, then the elements; all big-endian. */
#include "array.h"

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

static ct_status read_header(ct__gzip *z, ct__array *a)
{
    unsigned char magic[4], sizes[4 * CT_MAX_DIMS];
    ct_status status = ct__array_bytes(z, magic, 4, "it is too short for an IDX header");
    if (status != CT_OK)
        return status;
    if (magic[0] != 0 || magic[1] != 0)
        return ct__file_fail(&z->file, CT_ERROR_FORMAT,
                             "%s IDX: it begins with bytes %02x %02x, not 00 00",
                             z->is_gzip ? "what it holds is no" : "neither gzip nor", magic[0],
                             magic[1]);
    a->element = element_of(magic[2]);
    a->ndim = magic[3];
    if (a->element.bytes == 0)
        return ct__file_fail(&z->file, CT_ERROR_FORMAT, "no such IDX type: 0x%02x", magic[2]);
    if (a->ndim > CT_MAX_DIMS)
        return ct__file_fail(&z->file, CT_ERROR_FORMAT, "%d dimensions; at most %d are possible",
                             a->ndim, CT_MAX_DIMS);
    a->header = 4 + 4 * a->ndim;
    status = ct__array_bytes(z, sizes, 4 * a->ndim, "the header breaks off");
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
