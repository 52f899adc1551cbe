/* Numbers of files, as elements of a tensor. Fractions are cut off for i64, and for bool every
 * value but 0 is true; NaN is not 0. */
#include <math.h>
#include <string.h>

#include "elements.h"

ct_dtype ct__element_dtype(ct__element e)
{
    if (e.kind == 'f' || e.kind == 'h' || e.kind == 'q')
        return e.bytes == 8 ? CT_F64 : CT_F32;
    return e.kind == 'b' ? CT_BOOL : CT_I64;
}

bool ct__element_is_native(ct__element e, ct_dtype dtype)
{
    bool same = (e.kind == 'f' && dtype == (e.bytes == 8 ? CT_F64 : CT_F32) && e.bytes >= 4) ||
                (e.kind == 'i' && dtype == CT_I64 && e.bytes == 8);
    return same && e.big_endian == CT__BIG_ENDIAN;
}

static uint64_t bits_at(const unsigned char *p, ct__element e)
{
    uint64_t bits = 0;
    for (int i = 0; i < e.bytes; i++)
        bits = bits << 8 | p[e.big_endian ? i : e.bytes - 1 - i];
    return bits;
}

static int64_t with_sign(uint64_t bits, int bytes)
{
    uint64_t sign = (uint64_t)1 << (8 * bytes - 1);
    return (int64_t)((bits ^ sign) - sign);
}

/* IEEE 754's 16 bits: sign, 5 of exponent, 10 of fraction */
static double half(unsigned bits)
{
    int exponent = (int)(bits >> 10 & 31);
    double fraction = bits & 1023, value;
    if (exponent == 31)
        value = fraction > 0 ? NAN : INFINITY;
    else
        value = exponent == 0 ? ldexp(fraction, -24) : ldexp(fraction + 1024, exponent - 25);
    return bits >> 15 ? -value : value;
}

static double float_of(uint64_t bits, ct__element e)
{
    const uint32_t low = (uint32_t)(e.kind == 'h' ? bits << 16 : bits);
    float single;
    double value;
    memcpy(&single, &low, sizeof single);
    memcpy(&value, &bits, sizeof value);
    return e.bytes == 8 ? value : e.bytes == 4 || e.kind == 'h' ? (double)single : half(low);
}

/* each stores element i; false if an i64 cannot hold it */
static bool store_float(const ct__target *t, int64_t i, double value)
{
    switch (t->dtype) {
    case CT_F32:
        ((float *)t->out)[i] = (float)value;
        return true;
    case CT_F64:
        ((double *)t->out)[i] = value;
        return true;
    case CT_BOOL:
        ((bool *)t->out)[i] = value != 0;
        return true;
    default:
        if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0))
            return false;
        ((int64_t *)t->out)[i] = (int64_t)value;
        return true;
    }
}

static bool store_whole(const ct__target *t, int64_t i, uint64_t bits, bool is_signed)
{
    switch (t->dtype) {
    case CT_F32:
        ((float *)t->out)[i] = is_signed ? (float)(int64_t)bits : (float)bits;
        return true;
    case CT_F64:
        ((double *)t->out)[i] = is_signed ? (double)(int64_t)bits : (double)bits;
        return true;
    case CT_BOOL:
        ((bool *)t->out)[i] = bits != 0;
        return true;
    default:
        ((int64_t *)t->out)[i] = (int64_t)bits;
        return is_signed || bits <= INT64_MAX;
    }
}

/* a block: a scale, f2, and CT__BLOCK numbers of 8 bits, each to be multiplied with it */
static int64_t convert_block(const unsigned char *raw, const ct__target *t, int64_t i)
{
    double scale = half((unsigned)(raw[0] | raw[1] << 8));
    for (int k = 0; k < CT__BLOCK; k++)
        if (!store_float(t, i + k, scale * (double)(signed char)raw[2 + k]))
            return i + k;
    return -1;
}

/* converts n elements at `raw` to those of the target from number i on. Returns -1, or the number
   of one that does not fit */
static int64_t convert(ct__element e, const unsigned char *raw, const ct__target *t, int64_t i,
                       int64_t n)
{
    if (e.bytes == 1 && e.kind == 'u' && t->dtype == CT_F32) { /* pixels, in half the time */
        for (int64_t k = 0; k < n; k++)
            ((float *)t->out)[i + k] = raw[k];
        return -1;
    }
    int64_t bad = -1;
    for (int64_t k = 0; k < n && bad < 0; k++, raw += e.bytes) {
        uint64_t bits = e.kind == 'q' ? 0 : bits_at(raw, e);
        bool fits = true;
        if (e.kind == 'q')
            bad = convert_block(raw, t, i + CT__BLOCK * k);
        else if (e.kind == 'f' || e.kind == 'h')
            fits = store_float(t, i + k, float_of(bits, e));
        else if (e.kind == 'i')
            fits = store_whole(t, i + k, (uint64_t)with_sign(bits, e.bytes), true);
        else
            fits = store_whole(t, i + k, bits, false);
        bad = fits ? bad : i + k;
    }
    return bad;
}

/* reads exactly so many bytes */
static ct_status read_all(const ct__source *s, void *out, int64_t bytes)
{
    int64_t got = s->read(s->from, out, bytes);
    if (got < 0)
        return ct_error(s->file->cx);
    return got == bytes ? CT_OK
                        : ct__file_fail(s->file, CT_ERROR_FORMAT, "truncated while it was read");
}

static ct_status read_native(const ct__source *s, int64_t bytes, char *out)
{
    const int64_t most = 1 << 24;
    ct_status status = CT_OK;
    for (int64_t at = 0; at < bytes && status == CT_OK; at += most)
        status = read_all(s, out + at, bytes - at < most ? bytes - at : most);
    return status;
}

ct_status ct__elements_read(const ct__source *s, ct__element e, int64_t n,
                            const ct__target *target)
{
    unsigned char chunk[16384];
    const int64_t most = (int64_t)sizeof chunk / e.bytes, each = e.kind == 'q' ? CT__BLOCK : 1;
    if (ct__element_is_native(e, target->dtype))
        return read_native(s, n * e.bytes, target->out);
    for (int64_t i = 0; i < n;) {
        int64_t part = n - i < most ? n - i : most;
        ct_status status = read_all(s, chunk, part * e.bytes);
        int64_t bad = status == CT_OK ? convert(e, chunk, target, i * each, part) : -1;
        if (bad >= 0)
            return ct__file_fail(s->file, CT_ERROR_VALUE, "element %lld does not fit an i64",
                                 (long long)bad);
        if (status != CT_OK)
            return status;
        i += part;
    }
    return CT_OK;
}

/* -- Writing */
/* writes n elements of that many bytes, each in the other order */
static ct_status write_swapped(const ct__file *f, const unsigned char *data, int64_t n, int bytes)
{
    unsigned char chunk[4096];
    ct_status status = CT_OK;
    for (int64_t i = 0, used = 0; i < n && status == CT_OK; i++) {
        for (int k = 0; k < bytes; k++)
            chunk[used++] = data[i * bytes + bytes - 1 - k];
        if (used + bytes <= (int64_t)sizeof chunk && i + 1 < n)
            continue;
        status = ct__file_write(f, chunk, used);
        used = 0;
    }
    return status;
}

ct_status ct__file_write_tensor(const ct__file *f, ct_tensor *x, bool big_endian)
{
    ct_scope scope = ct_scope_begin(f->cx);
    if (!scope)
        return ct_error(f->cx);
    ct_no_grad(f->cx);
    const ct_tensor *plain = ct_contiguous(x);
    const void *data = plain ? ct_data(plain) : NULL;
    const int64_t n = ct_count(x);
    const int bytes = (int)ct_dtype_size(ct_dtype_of(x));
    ct_status status = CT_OK;
    if (!data && n > 0)
        status = ct_error(f->cx);
    else if (bytes == 1 || big_endian == CT__BIG_ENDIAN)
        status = ct__file_write(f, data, n * bytes);
    else
        status = write_swapped(f, data, n, bytes);
    ct_scope_end(f->cx, scope);
    return status;
}
