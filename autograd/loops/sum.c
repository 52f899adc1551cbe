/* The sum as a fold: blocks are added up plainly, and their sums put together with the error of
 * each addition kept (two-sum). No element meets more than some 70 roundings of sums that hold it,
 * whatever their number: the error does not grow with it. */
#include "loops.h"

#include <string.h>

/* Vectors of 32 bytes, wherever they lie, for each kind of processor: so that each adds in the same
 * order, and gets the same bits. Where the compiler has none, a vector is one number */
#if defined(__GNUC__)
#define VECTOR_OF(type) __attribute__((vector_size(32), aligned(sizeof(type)), may_alias))
#define NOT_INLINED           static __attribute__((noinline))
#else
#define VECTOR_OF(type)
#define NOT_INLINED static
#endif

/* bound by memory: wider vectors than AVX2's gain nothing. The errors of integers are 0 */
#define CT_KERNELS     "sum_kernels.h"
#define CT_KERNELS_I64 uint64_t
#include <cotangent/kernels.h>
static const ct_fold *const folds[][CT_SIMDS] = CT_KERNEL_TABLE(sum_fold);

const ct_fold *ct__sum_fold(const ct_context *cx, ct_dtype dtype)
{
    return folds[dtype][ct_simd_of(cx)];
}
