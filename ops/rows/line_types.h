/* The file KERNELS, with line_kernels.h before it, for each type: included by line_targets.h with
 * NAME(name, type) defined; for f32 only where F32_ONLY is. */
#define REAL    float
#define EXP(x)  vector_exp_normal(x)
#define K(name) NAME(name, f32)
#include "line_kernels.h"
#include KERNELS
#undef REAL
#undef EXP
#undef K
#ifndef F32_ONLY
#define REAL    double
#define EXP(x)  exp(x)
#define K(name) NAME(name, f64)
#include "line_kernels.h"
#include KERNELS
#undef REAL
#undef EXP
#undef K
#endif
