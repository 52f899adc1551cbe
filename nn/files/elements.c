/* Numbers of files, as elements of a tensor. Fractions are cut off for i64, and for bool every
 * value but 0 is true; NaN is not 0. */
#include <math.h>
#include <string.h>

#include "elements.h"

ct_dtype ct__element_dtype(ct__element e)
{
    if (e.kind == 'f')
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

static double float_of(uint64_t bits, int bytes)
{
    const uint32_t low = (uint32_t)bits;
    float single;
    double value;
    memcpy(&single, &low, sizeof single);
    memcpy(&value, &bits, sizeof value);
    return bytes == 8 ? value : bytes == 4 ? (double)single : half(low);
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

ct_status ct__element_convert(const ct__file *f, ct__element e, const unsigned char *raw,
                              const ct__target *target, int64_t i, int64_t n)
{
    if (e.bytes == 1 && e.kind == 'u' && target->dtype == CT_F32) { /* pixels, in half the time */
        for (int64_t k = 0; k < n; k++)
            ((float *)target->out)[i + k] = raw[k];
        return CT_OK;
    }
    for (int64_t k = 0; k < n; k++) {
        uint64_t bits = bits_at(raw + k * e.bytes, e);
        bool is_signed = e.kind == 'i', is_float = e.kind == 'f';
        double value = is_float ? float_of(bits, e.bytes) : (double)bits;
        if (is_signed)
            bits = (uint64_t)with_sign(bits, e.bytes);
        if (is_float ? store_float(target, i + k, value)
                     : store_whole(target, i + k, bits, is_signed))
            continue;
        return ct__file_fail(f, CT_ERROR_VALUE, "element %lld must fit an i64, and is %g",
                             (long long)(i + k), value);
    }
    return CT_OK;
}

ct_status ct__file_write_tensor(const ct__file *f, ct_tensor *x)
{
    ct_scope scope = ct_scope_begin(f->cx);
    if (!scope)
        return ct_error(f->cx);
    ct_no_grad(f->cx);
    const ct_tensor *plain = ct_contiguous(x);
    const void *data = plain ? ct_data(plain) : NULL;
    int64_t bytes = ct_count(x) * (int64_t)ct_dtype_size(ct_dtype_of(x));
    ct_status status = data ? ct__file_write(f, data, bytes) : ct_error(f->cx);
    ct_scope_end(f->cx, scope);
    return status;
}
