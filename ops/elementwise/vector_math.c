#include "vector_math.h"

const struct ct__vector_bounds ct__vector_bounds = {
    .exp_least = -104, .exp_most = 89, .tanh_most = 10, .normal_most = 15, .far = 1000
};
