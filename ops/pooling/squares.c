/* Rows are taken by vectors. The last vector of a row begins so that it ends with the row; or,
 * where a row is shorter than a vector, it writes beyond it, into the next row, whose turn is
 * later. The last rows, behind which there is no room, go through a copy. */
#include "squares.h"

#include <string.h>

#ifdef CT_SIMD_X86
#include <immintrin.h>
#endif

#define CT_KERNELS "squares_kernels.h"
#define CT_KERNELS_F32 64
#include <cotangent/kernels.h>

const ct__square_kernels *ct__squares_for(const ct_tensor *x, int64_t n)
{
#if defined(__GNUC__)
    static const ct__square_kernels *const all[][CT_SIMDS] = CT_KERNEL_TABLE(square_kernels);
    return n >= 4 ? CT_KERNEL_OF(all, x) : NULL;
#else
    return (void)x, (void)n, NULL;
#endif
}
