/* Kernels: the loops of an operator, written once and compiled for each dtype and processor.
 *
 * A file of kernels holds functions in plain C over elements of type REAL, with K() round their
 * names. Including this header stamps the file: it is compiled once for each dtype and each kind
 * of processor, and CT_KERNEL_TABLE lists the variants. A whole example is softsign_kernels.h:
 *
 *   static void K(softsign)(int64_t n, void *out, void *const *in, const void *attributes)
 *   {
 *       REAL *y = out;
 *       const REAL *x = in[0];
 *       for (int64_t i = 0; i < n; i++)
 *           y[i] = x[i] / (1 + F(fabs)(x[i]));
 *       (void)attributes;
 *   }
 *
 * and in softsign.c:
 *
 *   #include <cotangent.h>
 *   #include <math.h>
 *   #define CT_KERNELS "softsign_kernels.h"
 *   #include <cotangent/kernels.h>
 *   static const ct_kernels softsign_kernels = { CT_KERNEL_TABLE(softsign), .streams = true };
 *
 *   static ct_status softsign_forward(ct_call *call)
 *   {
 *       ct_tensor *y = ct_call_y(call, 0), *x = ct_call_x(call, 0);
 *       ct_loop_kernel(call, CT_TENSORS(y, x), &softsign_kernels, false);
 *       return CT_OK;
 *   }
 *
 * Define these before you include the header, which undefines them again; all but the first are
 * optional:
 *
 *   CT_KERNELS          the file's name, in quotes. The compiler looks for it in the folders that
 *                       -I names, not in that of the file which includes this header
 *   CT_KERNELS_F32      the widest vectors, in bytes, that kernels of f32 are compiled for: 16, 32
 *                       or 64; 0 if there are to be no such kernels. The default is 32: what is
 *                       bound by memory gains nothing from 64
 *   CT_KERNELS_F64      the same for kernels of f64
 *   CT_KERNELS_I64      the type of an i64: int64_t, or uint64_t if sums must wrap as two's
 *                       complement does. By default there are no kernels of i64
 *   CT_KERNELS_BOOL     the type of a bool: unsigned char. By default there are no kernels of bool
 *   CT_KERNELS_TAG      a word that is added to all names, for a file that is stamped twice. With
 *                       _max, K(fold) is fold_max_f32, and its table CT_KERNEL_TABLE(fold_max)
 *
 * A file of kernels uses these:
 *
 *   REAL                the type of an element: float, double, CT_KERNELS_I64, CT_KERNELS_BOOL
 *   K(name)             the name with dtype and processor behind it: name_f32_avx2
 *   F(name)             the function of <math.h> for REAL: F(sqrt) is sqrtf or sqrt
 *   IS_F32, IS_FLOAT    1 or 0: is the dtype f32? Is it f32 or f64?
 *   VECTOR_BYTES        the size of the processor's vectors: 16; 32 with AVX2, 64 with AVX-512
 *
 * The header may be included any number of times, each time for another file. */
#ifndef COTANGENT_KERNELS_H
#define COTANGENT_KERNELS_H
#include <cotangent/op.h>

/* CT_KERNEL_TABLE(name) lists what the last stamping made of K(name), a function or an object:
 *
 *   static const TYPE table[][CT_SIMDS] = CT_KERNEL_TABLE(name);      TYPE points to it
 *
 * table[dtype][simd] is the variant for that dtype and kind of processor, or where there is none,
 * the one for the next narrower vectors; it is NULL for a dtype that was not stamped.
 * CT_KERNEL_OF(table, x) is the variant for tensor x. */
#define CT_KERNEL_TABLE(name)                                                                   \
    { { 0 }, CT__ROW(name, _f32, CT__WIDEST_F32), CT__ROW(name, _f64, CT__WIDEST_F64),          \
      CT__ROW(name, _i64, CT__WIDEST_I64), CT__ROW(name, _bool, CT__WIDEST_BOOL) }
#define CT_KERNEL_OF(table, x) ((table)[ct_dtype_of(x)][ct_simd_of(ct_context_of(x))])

/* CT__ROW_32(name_f32) */
#define CT__ROW(name, dtype, widest)       CT__ROW_OF(name, dtype, widest)
#define CT__ROW_OF(name, dtype, widest)    CT__ROW_##widest(name##dtype)
#define CT__ROW_0(k)                       { 0 }
#define CT__ROW_16(k)                      { 0, &k, &k, &k }
#ifdef CT_SIMD_X86
#define CT__ROW_32(k)                      { 0, &k, &k##_avx2, &k##_avx2 }
#define CT__ROW_64(k)                      { 0, &k, &k##_avx2, &k##_avx512 }
#else
#define CT__ROW_32(k)                      CT__ROW_16(k)
#define CT__ROW_64(k)                      CT__ROW_16(k)
#endif
#define CT__KERNEL(name, tag, dtype, simd) CT__KERNEL_OF(name, tag, dtype, simd)
#define CT__KERNEL_OF(name, tag, dtype, simd) name##tag##dtype##simd
#define CT__MATH(name, is_f32)             CT__MATH_OF(name, is_f32)
#define CT__MATH_OF(name, is_f32)          CT__MATH_##is_f32(name)
#define CT__MATH_0(name)                   name
#define CT__MATH_1(name)                   name##f
#endif

#if defined(CT_KERNELS) && !defined(VECTOR_BYTES) /* for each processor, by including itself */
#ifndef CT_KERNELS_F32
#define CT_KERNELS_F32 32
#endif
#ifndef CT_KERNELS_F64
#define CT_KERNELS_F64 32
#endif
#ifndef CT_KERNELS_TAG
#define CT_KERNELS_TAG
#endif
#define K(name) CT__KERNEL(name, CT_KERNELS_TAG, CT__DTYPE, CT__SIMD)
#define F(name) CT__MATH(name, IS_F32)

#define VECTOR_BYTES 16
#define CT__SIMD
#include <cotangent/kernels.h>
#undef VECTOR_BYTES
#undef CT__SIMD
#if defined(CT_SIMD_X86) && (CT_KERNELS_F32 >= 32 || CT_KERNELS_F64 >= 32)
#define VECTOR_BYTES 32
#define CT__SIMD     _avx2
CT_SIMD_BEGIN_AVX2
#include <cotangent/kernels.h>
CT_SIMD_END
#undef VECTOR_BYTES
#undef CT__SIMD
#endif
#if defined(CT_SIMD_X86) && (CT_KERNELS_F32 >= 64 || CT_KERNELS_F64 >= 64)
#define VECTOR_BYTES 64
#define CT__SIMD     _avx512
CT_SIMD_BEGIN_AVX512
#include <cotangent/kernels.h>
CT_SIMD_END
#undef VECTOR_BYTES
#undef CT__SIMD
#endif
#undef K
#undef F

/* for CT_KERNEL_TABLE, which is expanded when the words are gone */
#undef CT__WIDEST_F32
#undef CT__WIDEST_F64
#undef CT__WIDEST_I64
#undef CT__WIDEST_BOOL
#if CT_KERNELS_F32 == 64
#define CT__WIDEST_F32 64
#elif CT_KERNELS_F32 == 32
#define CT__WIDEST_F32 32
#elif CT_KERNELS_F32 == 16
#define CT__WIDEST_F32 16
#else
#define CT__WIDEST_F32 0
#endif
#if CT_KERNELS_F64 == 64
#define CT__WIDEST_F64 64
#elif CT_KERNELS_F64 == 32
#define CT__WIDEST_F64 32
#elif CT_KERNELS_F64 == 16
#define CT__WIDEST_F64 16
#else
#define CT__WIDEST_F64 0
#endif
#ifdef CT_KERNELS_I64
#define CT__WIDEST_I64 16
#else
#define CT__WIDEST_I64 0
#endif
#ifdef CT_KERNELS_BOOL
#define CT__WIDEST_BOOL 16
#else
#define CT__WIDEST_BOOL 0
#endif
#undef CT_KERNELS
#undef CT_KERNELS_F32
#undef CT_KERNELS_F64
#undef CT_KERNELS_I64
#undef CT_KERNELS_BOOL
#undef CT_KERNELS_TAG

#elif defined(CT_KERNELS) /* for each dtype */
#define IS_FLOAT 1
#if CT_KERNELS_F32 >= VECTOR_BYTES
#define CT__DTYPE _f32
#define REAL      float
#define IS_F32    1
#include CT_KERNELS
#undef CT__DTYPE
#undef REAL
#undef IS_F32
#endif
#define IS_F32 0
#if CT_KERNELS_F64 >= VECTOR_BYTES
#define CT__DTYPE _f64
#define REAL      double
#include CT_KERNELS
#undef CT__DTYPE
#undef REAL
#endif
#undef IS_FLOAT
#define IS_FLOAT 0
#if defined(CT_KERNELS_I64) && VECTOR_BYTES == 16
#define CT__DTYPE _i64
#define REAL      CT_KERNELS_I64
#include CT_KERNELS
#undef CT__DTYPE
#undef REAL
#endif
#if defined(CT_KERNELS_BOOL) && VECTOR_BYTES == 16
#define CT__DTYPE _bool
#define REAL      CT_KERNELS_BOOL
#include CT_KERNELS
#undef CT__DTYPE
#undef REAL
#endif
#undef IS_F32
#undef IS_FLOAT
#endif
