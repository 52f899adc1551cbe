/* The kernels of softmax.c for each type, for one kind of processor: included with NAME(name, type)
 * defined. */
#define REAL    float
#define EXP(x)  expf(x)
#define K(name) NAME(name, f32)
#include "line_kernels.h"
#include "softmax_kernels.h"
#undef REAL
#undef EXP
#undef K
#define REAL    double
#define EXP(x)  exp(x)
#define K(name) NAME(name, f64)
#include "line_kernels.h"
#include "softmax_kernels.h"
#undef REAL
#undef EXP
#undef K
