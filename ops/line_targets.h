/* The file KERNELS for f32 and f64 and each kind of processor, and the choice among them. It uses
 * line_kernels.h and ends with a constant K(kernels) of a type `kernels`; both are its includer's
 * to define. */
#include "vector_math.h"

#define NAME(name, type) name##_##type
#include "line_types.h"
#undef NAME
#ifdef CT_SIMD_X86
CT_SIMD_BEGIN_AVX2
#define NAME(name, type) name##_##type##_avx2
#include "line_types.h"
#undef NAME
CT_SIMD_END
CT_SIMD_BEGIN_AVX512
#define NAME(name, type) name##_##type##_avx512
#include "line_types.h"
#undef NAME
CT_SIMD_END
#endif

static const kernels *kernels_for(const ct_call *call)
{
    int type = ct_dtype_of(ct_call_x(call, 0)) == CT_F32 ? 0 : 1;
#ifdef CT_SIMD_X86
    static const kernels *const all[][2] = {
        [CT_SIMD_PLAIN] = { &kernels_f32, &kernels_f64 },
        [CT_SIMD_AVX2] = { &kernels_f32_avx2, &kernels_f64_avx2 },
        [CT_SIMD_AVX512] = { &kernels_f32_avx512, &kernels_f64_avx512 },
    };
    return all[ct_simd_of(ct_call_context(call))][type];
#else
    return type == 0 ? &kernels_f32 : &kernels_f64;
#endif
}
