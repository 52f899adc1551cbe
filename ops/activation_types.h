/* activation_kernels.h for each dtype: included with NAME(name, type) defined. */
#define REAL        float
#define K(name)     NAME(name, f32)
#define TANH(x)     vector_tanh(x)
#define LOGISTIC(x) vector_logistic(x)
#include "activation_kernels.h"
#undef REAL
#undef K
#undef TANH
#undef LOGISTIC
#define REAL        double
#define K(name)     NAME(name, f64)
#define TANH(x)     tanh(x)
#define LOGISTIC(x) logistic(x)
#include "activation_kernels.h"
#undef REAL
#undef K
#undef TANH
#undef LOGISTIC
