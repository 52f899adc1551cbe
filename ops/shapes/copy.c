/* Copying and adding elements, whatever their dtype. */
#include "copy.h"

#include <string.h>

#define CT_KERNELS      "copy_kernels.h"
#define CT_KERNELS_F32  16
#define CT_KERNELS_F64  16
#define CT_KERNELS_I64  uint64_t
#define CT_KERNELS_BOOL unsigned char
#include <cotangent/kernels.h>
static const ct_loop_body copies[][CT_SIMDS] = CT_KERNEL_TABLE(copy);
static const ct_loop_body sums[][CT_SIMDS] = CT_KERNEL_TABLE(add);

size_t ct__size_of(ct_dtype dtype)
{
    static const size_t sizes[] = { [CT_F32] = sizeof(float), [CT_F64] = sizeof(double),
                                    [CT_I64] = sizeof(int64_t), [CT_BOOL] = 1 };
    return sizes[dtype];
}

ct_loop_body ct__copying(ct_dtype dtype)
{
    return copies[dtype][CT_SIMD_PLAIN];
}

ct_loop_body ct__adding(ct_dtype dtype)
{
    return sums[dtype][CT_SIMD_PLAIN];
}

void ct__clear(ct_tensor *y)
{
    memset(ct_data_mutable(y), 0, (size_t)ct_count(y) * ct__size_of(ct_dtype_of(y)));
}
