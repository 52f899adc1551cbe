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
    memset(ct_data_mutable(y), 0, (size_t)ct_count(y) * ct_dtype_size(ct_dtype_of(y)));
}
