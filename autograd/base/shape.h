/* Dtypes, shapes and strides. */
#ifndef COTANGENT_BASE_SHAPE_H
#define COTANGENT_BASE_SHAPE_H
#include "context.h"

/* The number of elements, or -1 and an error: too many dimensions, a negative size, or sizes of
 * which those that are not 0 make more than CT_MAX_BYTES. So no product of sizes or strides
 * overflows, also where there are no elements. */
int64_t ct__shape_count(ct_context *cx, const char *who, ct_dtype dtype, const int64_t *shape,
                        int ndim);
static inline size_t ct__dtype_size(ct_dtype dtype) /* 0: no dtype */
{
    return dtype == CT_F32 ? 4 : dtype == CT_F64 || dtype == CT_I64 ? 8 : dtype == CT_BOOL;
}
const char *ct__dtype_text(ct_dtype dtype); /* "f32"; "?" */
static inline bool ct__is_float(ct_dtype dtype)
{
    return dtype == CT_F32 || dtype == CT_F64;
}
/* Each stride is the product of the sizes after it, as if sizes of 0 were 1. */
static inline void ct__row_major(const int64_t *shape, int ndim, int64_t *strides)
{
    int64_t stride = 1;
    for (int d = ndim - 1; d >= 0; d--) {
        strides[d] = stride;
        stride *= shape[d] > 1 ? shape[d] : 1;
    }
}
bool ct__is_row_major(const int64_t *shape, const int64_t *strides, int ndim);
/* Writes "(3,4)", and returns what snprintf would. */
int ct__shape_print(char *out, size_t room, const int64_t *shape, int ndim);
#endif
