/* Copying and adding elements, whatever their dtype. */
#include "copy.h"

#include <string.h>

#define TYPE float
#define K(name) name##_f32
#include "copy_kernels.h"
#undef TYPE
#undef K
#define TYPE double
#define K(name) name##_f64
#include "copy_kernels.h"
#undef TYPE
#undef K
/* unsigned, so that sums wrap as two's complement does */
#define TYPE uint64_t
#define K(name) name##_i64
#include "copy_kernels.h"
#undef TYPE
#undef K
#define TYPE unsigned char
#define K(name) name##_bool
#include "copy_kernels.h"

static const struct {
    size_t size;
    ct_loop_body copy, add;
} kinds[] = {
    [CT_F32] = { sizeof(float), copy_f32, add_f32 },
    [CT_F64] = { sizeof(double), copy_f64, add_f64 },
    [CT_I64] = { sizeof(int64_t), copy_i64, add_i64 },
    [CT_BOOL] = { 1, copy_bool, add_bool },
};

size_t ct__size_of(ct_dtype dtype)
{
    return kinds[dtype].size;
}

ct_loop_body ct__copying(ct_dtype dtype)
{
    return kinds[dtype].copy;
}

ct_loop_body ct__adding(ct_dtype dtype)
{
    return kinds[dtype].add;
}

void ct__clear(ct_tensor *y)
{
    memset(ct_data_mutable(y), 0, (size_t)ct_count(y) * ct__size_of(ct_dtype_of(y)));
}
