/* Activations by name: apart, and fused into products. The formulas are those of unary.def. */
#include "activation.h"

#include <math.h>

#define REAL    float
#define F(name) name##f
#define K(name) name##_f32
#include "activation_kernels.h"
#undef REAL
#undef F
#undef K
#define REAL    double
#define F(name) name
#define K(name) name##_f64
#include "activation_kernels.h"

bool ct__activation_fuses(ct_activation activation)
{
    return activation == CT_IDENTITY || activation == CT_RELU || activation == CT_TANH ||
           activation == CT_SIGMOID;
}

void ct__activate(ct_dtype dtype, ct_activation activation, void *y, int64_t n)
{
    if (dtype == CT_F32)
        activate_f32(activation, y, n);
    else
        activate_f64(activation, y, n);
}

void ct__activation_back(ct_dtype dtype, ct_activation activation, void *gx, const void *gy,
                         const void *y, int64_t n)
{
    if (dtype == CT_F32)
        back_f32(activation, gx, gy, y, n);
    else
        back_f64(activation, gx, gy, y, n);
}

ct_tensor *ct__activation_slope(ct_activation activation, ct_tensor *gy, ct_tensor *y)
{
    ct_tensor *zero = NULL;
    switch ((int)activation) {
    case CT_RELU:
        zero = ct_scalar_like(y, 0);
        return ct_where(ct_le(y, zero), zero, gy);
    case CT_TANH:
        return ct_mul(gy, ct_rsub(1, ct_square(y)));
    case CT_SIGMOID:
        return ct_mul(gy, ct_mul(y, ct_rsub(1, y)));
    }
    return gy;
}

ct_tensor *ct_activate(ct_tensor *x, ct_activation activation)
{
    switch (activation) {
    case CT_IDENTITY:
        return x;
    case CT_RELU:
        return ct_relu(x);
    case CT_TANH:
        return ct_tanh(x);
    case CT_SIGMOID:
        return ct_sigmoid(x);
    case CT_GELU:
        return ct_gelu(x);
    case CT_SILU:
        return ct_silu(x);
    case CT_SOFTPLUS:
        return ct_softplus(x);
    case CT_ELU:
        return ct_elu(x, 1);
    case CT_LEAKY_RELU:
        return ct_leaky_relu(x, 0.01);
    }
    ct_fail(ct_context_of(x), CT_ERROR_VALUE, "activate: no such activation: %d", (int)activation);
    return NULL;
}
