#include "vector_math.h"

const struct ct__vector_bounds ct__vector_bounds = {
    .exp_least = -115, .exp_most = 89, .tanh_most = 10, .normal_most = 15, .far = 1000,
    .gate_most = 87,
    .f64_exp_least = -753, .f64_exp_most = 710, .f64_exp2_least = -1080, .f64_exp2_most = 1025,
    .f64_tanh_most = 20, .f64_normal_most = 38.7, .f64_erfc_most = 27.35,
    .f64_logistic_least = -753, .f64_logistic_most = 600, .f64_minus_zero = -0.0
};
