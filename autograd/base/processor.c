/* Which instructions this processor has. */
#include "base.h"

ct_simd ct__widest_simd(void)
{
#ifdef CT_SIMD_X86
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return avx2 && avx512 ? CT_SIMD_AVX512 : avx2 ? CT_SIMD_AVX2 : CT_SIMD_PLAIN;
#else
    return CT_SIMD_PLAIN;
#endif
}

ct_simd ct_simd_of(const ct_context *cx)
{
    return cx ? cx->simd : CT_SIMD_PLAIN;
}
