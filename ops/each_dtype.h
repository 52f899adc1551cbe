/* The file KERNELS for each dtype: with TYPE, K(name) and IS_FLOAT (1 or 0) defined. For i64, TYPE
 * is INTEGER: int64_t, or uint64_t where sums are to wrap as two's complement does. */
#define IS_FLOAT 1
#define TYPE     float
#define K(name)  name##_f32
#include KERNELS
#undef TYPE
#undef K
#define TYPE     double
#define K(name)  name##_f64
#include KERNELS
#undef IS_FLOAT
#undef TYPE
#undef K
#define IS_FLOAT 0
#define TYPE     INTEGER
#define K(name)  name##_i64
#include KERNELS
#undef TYPE
#undef K
#define TYPE     unsigned char
#define K(name)  name##_bool
#include KERNELS
#undef IS_FLOAT
#undef TYPE
#undef K
#undef KERNELS
#undef INTEGER
