/* Includes the file KERNELS for f32 and f64, with REAL, K(name) and IS_F32 (1 or 0) defined, for
 * any processor, and on x86 for one with AVX2 and, if WITH_AVX512 is defined, for one with AVX-512.
 * Names end in _f32, _f64, _f32_avx2 and so on. */
#define IS_F32  1
#define REAL    float
#define K(name) name##_f32
#include KERNELS
#undef IS_F32
#undef REAL
#undef K
#define IS_F32  0
#define REAL    double
#define K(name) name##_f64
#include KERNELS
#undef IS_F32
#undef REAL
#undef K
#ifdef CT_SIMD_X86
CT_SIMD_BEGIN_AVX2
#define IS_F32  1
#define REAL    float
#define K(name) name##_f32_avx2
#include KERNELS
#undef IS_F32
#undef REAL
#undef K
#define IS_F32  0
#define REAL    double
#define K(name) name##_f64_avx2
#include KERNELS
#undef IS_F32
#undef REAL
#undef K
CT_SIMD_END
#ifdef WITH_AVX512
CT_SIMD_BEGIN_AVX512
#define IS_F32  1
#define REAL    float
#define K(name) name##_f32_avx512
#include KERNELS
#undef IS_F32
#undef REAL
#undef K
#define IS_F32  0
#define REAL    double
#define K(name) name##_f64_avx512
#include KERNELS
#undef IS_F32
#undef REAL
#undef K
CT_SIMD_END
#undef WITH_AVX512
#endif
#endif
#undef KERNELS
