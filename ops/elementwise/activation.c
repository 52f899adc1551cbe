/* Activations by name: apart, and fused into products. The formulas are those of unary.def. */
#include "activation.h"

#include "double_math.h"
#include "tables.h"

#define CT_KERNELS     "activation_kernels.h"
#define CT_KERNELS_F32 64
#define CT_KERNELS_F64 32
#include <cotangent/kernels.h>
typedef void activate_body(ct_activation activation, void *y, int64_t n);
typedef void back_body(ct_activation activation, void *gx, const void *gy, const void *y,
                       int64_t n);
static activate_body *const activate[][CT_SIMDS] = CT_KERNEL_TABLE(activate);
static back_body *const back[][CT_SIMDS] = CT_KERNEL_TABLE(back);

bool ct__activation_fuses(ct_activation activation)
{
    return activation == CT_IDENTITY || activation == CT_RELU || activation == CT_TANH ||
           activation == CT_SIGMOID;
}

void ct__activate(ct_simd simd, ct_dtype dtype, ct_activation activation, void *y, int64_t n)
{
    activate[dtype][simd](activation, y, n);
}

void ct__activation_back(const ct_tensor *y, ct_activation activation, void *gx, const void *gy)
{
    CT_KERNEL_OF(back, y)(activation, gx, gy, ct_data(y), ct_count(y));
}

ct_tensor *ct__activation_slope(ct_activation activation, ct_tensor *gy, ct_tensor *y)
{
    ct_tensor *zero = NULL;
    switch ((int)activation) {
    case CT_RELU:
        zero = ct_scalar_like(y, 0);
        return ct_where(ct_le(y, zero), zero, gy);
    case CT_TANH:
        return ct_mul(gy, ct__one_less_square(y));
    case CT_SIGMOID:
        return ct_mul(gy, ct_mul(y, ct_rsub(1, y)));
    }
    return gy;
}

ct_tensor *ct_relu6(ct_tensor *x)
{
    return ct_usable(x, "relu6") ? ct_hardtanh(x, 0, 6) : NULL;
}

ct_tensor *ct_activate(ct_tensor *x, ct_activation activation)
{
    if (!ct_usable(x, "activate"))
        return NULL;
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
