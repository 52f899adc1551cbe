/* The file KERNELS for f32 and f64 and each kind of processor, and the choice among them. It uses
 * line_kernels.h and ends with a constant K(kernels) of a type `kernels`; both are its includer's
 * to define. f64 has kernels for AVX2 where F64_AVX2 is defined: not where exp, which is libm's,
 * takes all the time. */
#include <string.h>

#include "vector_math.h"

/* once in the library, and not wherever it is called: it takes long enough */
#if defined(__clang__)
#define LINE_PART static __attribute__((noinline, unused))
#elif defined(__GNUC__)
#define LINE_PART static __attribute__((noinline, noclone, unused))
#else
#define LINE_PART static
#endif

/* A sum over a line is written with the compiler's vectors: from arrays of lanes gcc makes code
 * that goes through memory before and behind each loop. Elsewhere a vector is one number */
#if defined(__GNUC__)
#define VECTOR_OF(bytes) __attribute__((vector_size(bytes)))
#else
#define VECTOR_OF(bytes)
#endif

#define BYTES 16
#define NAME(name, type) name##_##type
#include "line_types.h"
#undef NAME
#undef BYTES
#ifdef CT_SIMD_X86
#define BYTES 32
CT_SIMD_BEGIN_AVX2
#ifndef F64_AVX2
#define F32_ONLY
#endif
#define NAME(name, type) name##_##type##_avx2
#include "line_types.h"
#undef NAME
#undef F32_ONLY
CT_SIMD_END
#undef BYTES
#define BYTES 64
CT_SIMD_BEGIN_AVX512
#define F32_ONLY
#define NAME(name, type) name##_##type##_avx512
#include "line_types.h"
#undef NAME
CT_SIMD_END
#ifdef F64_AVX2
#define kernels_f64_wide kernels_f64_avx2
#else
#define kernels_f64_wide kernels_f64
#endif
#endif

static const kernels *kernels_for(const ct_call *call)
{
    int type = ct_dtype_of(ct_call_x(call, 0)) == CT_F32 ? 0 : 1;
#ifdef CT_SIMD_X86
    static const kernels *const all[][2] = {
        [CT_SIMD_PLAIN] = { &kernels_f32, &kernels_f64 },
        [CT_SIMD_AVX2] = { &kernels_f32_avx2, &kernels_f64_wide },
        [CT_SIMD_AVX512] = { &kernels_f32_avx512, &kernels_f64_wide },
    };
    return all[ct_simd_of(ct_call_context(call))][type];
#else
    return type == 0 ? &kernels_f32 : &kernels_f64;
#endif
}
