/* The format (github.com/huggingface/safetensors), all little-endian: the length of the header, 8
 * bytes; the header as JSON, {"NAME":{"dtype":"F32","shape":[2,3],"data_offsets":[BEGIN,END]},...},
 * padded with spaces; the data, row-major, without holes. */
#ifndef COTANGENT_SAFETENSORS_H
#define COTANGENT_SAFETENSORS_H
#include <cotangent/io.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define CT__BIG_ENDIAN 1
#endif

static inline const char *ct__dtype_name(ct_dtype dtype)
{
    return dtype == CT_F32 ? "F32" : dtype == CT_F64 ? "F64" : dtype == CT_I64 ? "I64" : "BOOL";
}

static inline int64_t ct__tensor_bytes(const ct_tensor *x)
{
    return ct_count(x) * (int64_t)ct_dtype_size(ct_dtype_of(x));
}
#endif
