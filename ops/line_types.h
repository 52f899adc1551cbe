/* The file KERNELS, with line_kernels.h before it, for each type: included by line_targets.h with
 * NAME(name, type) defined. */
#define REAL    float
#define EXP(x)  vector_exp(x)
#define K(name) NAME(name, f32)
#include "line_kernels.h"
#include KERNELS
#undef REAL
#undef EXP
#undef K
#define REAL    double
#define EXP(x)  exp(x)
#define K(name) NAME(name, f64)
#include "line_kernels.h"
#include KERNELS
#undef REAL
#undef EXP
#undef K
