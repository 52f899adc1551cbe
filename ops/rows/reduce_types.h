/* The kernels of reduce.c for each type, for f32 and f64 only where FLOAT_ONLY is defined: included
 * with what reduce_kernels.h wants of the extreme (BEATS, WORST_REAL, WORST_INT), BYTES and
 * NAME(name, type) defined. */
#define IS_NAN(x) ((x) != (x))
#define UNORDERED(x, y) (isunordered(x, y) != 0)
#define WORST     WORST_REAL
#define TYPE      float
#define INDEX     int32_t
#define K(name)   NAME(name, f32)
#include "reduce_kernels.h"
#undef TYPE
#undef INDEX
#undef K
#define TYPE    double
#define INDEX   int64_t
#define K(name) NAME(name, f64)
#include "reduce_kernels.h"
#undef TYPE
#undef K
#undef IS_NAN
#undef UNORDERED
#undef WORST
#ifndef FLOAT_ONLY
#define IS_NAN(x) false
#define UNORDERED(x, y) false
#define WORST     WORST_INT
#define TYPE      int64_t
#define K(name)   NAME(name, i64)
#include "reduce_kernels.h"
#undef TYPE
#undef K
#undef IS_NAN
#undef UNORDERED
#undef WORST
#endif
#undef INDEX
