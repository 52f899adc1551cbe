/* update_kernels.h for each type: included by update.c with NAME(name, type) defined */
#define REAL    float
#define SQRT    sqrtf
#define K(name) NAME(name, f32)
#include "update_kernels.h"
#undef REAL
#undef SQRT
#undef K
#define REAL    double
#define SQRT    sqrt
#define K(name) NAME(name, f64)
#include "update_kernels.h"
#undef REAL
#undef SQRT
#undef K
