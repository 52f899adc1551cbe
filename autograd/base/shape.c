/* Shapes, strides and dtypes: checked once here, and written into messages. */
#include <stdio.h>
#include <string.h>

#include "base.h"

const char *ct__dtype_text(ct_dtype dtype)
{
    switch (dtype) {
    case CT_F32:
        return "f32";
    case CT_F64:
        return "f64";
    case CT_I64:
        return "i64";
    case CT_BOOL:
        return "bool";
    }
    return "?";
}

int64_t ct__shape_count(ct_context *cx, const char *who, ct_dtype dtype, const int64_t *shape,
                        int ndim)
{
    size_t size = ct__dtype_size(dtype);
    if (size == 0)
        return ct_fail(cx, CT_ERROR_DTYPE, "%s: %d is not a dtype", who, (int)dtype), -1;
    if (ndim < 0 || ndim > CT_MAX_DIMS)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: %d dimensions; 0 to %d are possible", who, ndim,
                       CT_MAX_DIMS),
               -1;
    if (ndim > 0 && !shape)
        return ct_fail(cx, CT_ERROR_NULL, "%s: the shape is NULL", who), -1;
    char text[200];
    const int64_t most = CT_MAX_BYTES / (int64_t)size;
    int64_t places = 1; /* the product of the sizes that are not 0 */
    bool empty = false;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] < 0) {
            ct__shape_print(text, sizeof text, shape, ndim);
            return ct_fail(cx, CT_ERROR_SHAPE, "%s: negative size in %s", who, text), -1;
        }
        if (shape[d] > most / places) {
            ct__shape_print(text, sizeof text, shape, ndim);
            return ct_fail(cx, CT_ERROR_SHAPE, "%s: %s is too large", who, text), -1;
        }
        places *= shape[d] > 0 ? shape[d] : 1;
        empty |= shape[d] == 0;
    }
    if (!empty && places > PTRDIFF_MAX / 2 / (int64_t)size) /* where addresses have 32 bits */
        return ct_fail(cx, CT_ERROR_MEMORY, "%s: out of memory: %lld elements of %zu bytes", who,
                       (long long)places, size), -1;
    return empty ? 0 : places;
}

bool ct__is_row_major(const int64_t *shape, const int64_t *strides, int ndim)
{
    bool row_major = true, empty = false;
    int64_t stride = 1;
    for (int d = ndim - 1; d >= 0; d--) {
        empty |= shape[d] == 0;
        row_major &= shape[d] == 1 || strides[d] == stride;
        stride *= shape[d];
    }
    return row_major || empty;
}

bool ct_broadcast_shape(int64_t *shape, int *ndim, const int64_t *with, int with_ndim)
{
    if (with_ndim > *ndim) { /* make room in front */
        int more = with_ndim - *ndim;
        memmove(shape + more, shape, (size_t)*ndim * sizeof *shape);
        for (int d = 0; d < more; d++)
            shape[d] = 1;
        *ndim = with_ndim;
    }
    int64_t *last = shape + (*ndim - with_ndim);
    for (int d = 0; d < with_ndim; d++) {
        if (last[d] == 1)
            last[d] = with[d];
        else if (with[d] != 1 && with[d] != last[d])
            return false;
    }
    return true;
}

int ct__shape_print(char *out, size_t room, const int64_t *shape, int ndim)
{
    size_t used = 0;
    for (int d = 0; d < ndim && used < room; d++)
        used += (size_t)snprintf(out + used, room - used, "%s%lld", d ? "," : "(",
                                 (long long)shape[d]);
    if (used < room)
        used += (size_t)snprintf(out + used, room - used, ndim ? ")" : "()");
    return (int)used;
}

size_t ct_dtype_size(ct_dtype dtype)
{
    return ct__dtype_size(dtype);
}
