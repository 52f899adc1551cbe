/* Copying and adding elements, whatever their dtype. */
#include "copy.h"

#include <string.h>

#define KERNELS "copy_kernels.h"
#define INTEGER uint64_t
#include "each_dtype.h"

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
