/* The sum as a fold (op.h: ct_fold). The elements of a block are added plainly; the sums of the
 * blocks are added with the error of each addition kept (two-sum). So the result is off by at most
 * 70 eps sum |x|, however many elements there are. */
#include "loops.h"

#include <string.h>

/* Vectors of 32 bytes, at any address. They are the same for each kind of processor, so that each
 * adds in the same order and gets the same bits. For compilers that have no vectors, a vector is
 * one number. */
#if defined(__GNUC__)
#define VECTOR_OF(type) __attribute__((vector_size(32), aligned(sizeof(type)), may_alias))
#define NOT_INLINED     static __attribute__((noinline))
#else
#define VECTOR_OF(type)
#define NOT_INLINED static
#endif

/* Memory sets the speed, so wider vectors gain nothing. The sums of integers have no errors. */
#define CT_KERNELS     "sum_kernels.h"
#define CT_KERNELS_I64 uint64_t
#include <cotangent/kernels.h>
static const ct_fold *const folds[][CT_SIMDS] = CT_KERNEL_TABLE(sum_fold);

const ct_fold *ct__sum_fold(const ct_context *cx, ct_dtype dtype)
{
    return folds[dtype][ct_simd_of(cx)];
}
