/* The sum as a fold: blocks are added up plainly, and their sums put together with the error of
 * each addition kept (two-sum). No element meets more than some 70 roundings of sums that hold it,
 * whatever their number: the error does not grow with it. */
#include "loops.h"

#include <string.h>

/* Vectors of 32 bytes, wherever they lie, for each kind of processor: so that each adds in the same
 * order, and gets the same bits. Where the compiler has none, a vector is one number */
#if defined(__GNUC__)
#define VECTOR_OF(type) __attribute__((vector_size(32), aligned(sizeof(type)), may_alias))
#define APART           static __attribute__((noinline))
#else
#define VECTOR_OF(type)
#define APART static
#endif

/* bound by memory: wider vectors than AVX2's gain nothing */
#define REAL    float
#define K(name) name##_f32
#include "sum_kernels.h"
#undef REAL
#undef K
#define REAL    double
#define K(name) name##_f64
#include "sum_kernels.h"
#undef REAL
#undef K
/* unsigned, so that sums wrap as two's complement does; then errors are 0 */
#define REAL    uint64_t
#define K(name) name##_i64
#include "sum_kernels.h"
#undef REAL
#undef K

#ifdef CT_SIMD_X86
CT_SIMD_BEGIN_AVX2
#define REAL    float
#define K(name) name##_f32_avx2
#include "sum_kernels.h"
#undef REAL
#undef K
#define REAL    double
#define K(name) name##_f64_avx2
#include "sum_kernels.h"
#undef REAL
#undef K
CT_SIMD_END
#endif

const ct_fold *ct__sum_fold(const ct_context *cx, ct_dtype dtype)
{
#ifdef CT_SIMD_X86
    if (ct_simd_of(cx) >= CT_SIMD_AVX2 && dtype != CT_I64)
        return dtype == CT_F32 ? &sum_fold_f32_avx2 : &sum_fold_f64_avx2;
#else
    (void)cx;
#endif
    return dtype == CT_F32 ? &sum_fold_f32 : dtype == CT_F64 ? &sum_fold_f64 : &sum_fold_i64;
}
