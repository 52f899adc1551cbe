/* elementwise_kernels.h for each dtype: included with NAME(name, type) defined, for one kind of
 * processor. F(name) is a function of libm, M(name) one of ours for f32 (vector_math.h). */
#define REAL    float
#define R(c)    ((float)(c))
#define F(name) name##f
#define M(name) vector_##name
#define K(name) NAME(name, f32)
#include "elementwise_kernels.h"
#undef REAL
#undef R
#undef F
#undef M
#undef K

#define REAL    double
#define R(c)    (c)
#define F(name) name
#define M(name) double_##name
#define K(name) NAME(name, f64)
#include "elementwise_kernels.h"
#undef REAL
#undef R
#undef F
#undef M
#undef K
