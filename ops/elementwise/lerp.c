/* lerp: y = a + w (b - a), the point between a and b that w tells.
 *
 * dy/da = 1 - w, dy/db = w, dy/dw = b - a: ga = gy (1 - w), gb = gy w, gw = gy (b - a). */
#include <cotangent/op.h>
#include <cotangent/ops.h>

#define CT_KERNELS     "lerp_kernels.h"
#define CT_KERNELS_F32 16
#define CT_KERNELS_F64 16
#include <cotangent/kernels.h>
enum { Y, GA, GB, GW };
static const ct_kernels kernels[] = {
    [Y] = { CT_KERNEL_TABLE(lerp), .streams = true },
    [GA] = { CT_KERNEL_TABLE(lerp_ga), .streams = false },
    [GB] = { CT_KERNEL_TABLE(lerp_gb), .streams = false },
    [GW] = { CT_KERNEL_TABLE(lerp_gw), .streams = false },
};

static ct_status lerp_forward(ct_call *call)
{
    ct_tensor *operands[] = { ct_call_y(call, 0), ct_call_x(call, 0), ct_call_x(call, 1),
                              ct_call_x(call, 2) };
    ct_loop_kernel(call, operands, 4, &kernels[Y], false);
    return CT_OK;
}

static ct_status lerp_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1), *w = ct_call_x(call, 2);
    if (ct_call_wants(call, 0))
        gx[0] = ct_mul(gy[0], ct_rsub(1, w));
    if (ct_call_wants(call, 1))
        gx[1] = ct_mul(gy[0], w);
    if (ct_call_wants(call, 2))
        gx[2] = ct_mul(gy[0], ct_sub(b, a));
    return CT_OK;
}

static ct_status lerp_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1), *w = ct_call_x(call, 2), *g = gy[0];
    if (gx[0])
        ct_loop_kernel(call, (ct_tensor *[]){ gx[0], g, w }, 3, &kernels[GA],
                       ct_call_adds(call, 0));
    if (gx[1])
        ct_loop_kernel(call, (ct_tensor *[]){ gx[1], g, w }, 3, &kernels[GB],
                       ct_call_adds(call, 1));
    if (gx[2])
        ct_loop_kernel(call, (ct_tensor *[]){ gx[2], g, a, b }, 4, &kernels[GW],
                       ct_call_adds(call, 2));
    return CT_OK;
}

static int lerp_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    x[0] = k == 1 ? ct_randn(cx, CT_F64, CT_SHAPE(4, 1, 1)) : ct_randn(cx, CT_F64, CT_SHAPE(2, 3));
    x[1] = k == 2 ? ct_randn(cx, CT_F64, NULL, 0) : ct_randn(cx, CT_F64, CT_SHAPE(2, 3));
    x[2] = k == 3 ? ct_rand(cx, CT_F64, CT_SHAPE(0, 2, 3)) : ct_rand(cx, CT_F64, CT_SHAPE(3));
    return k < 4 ? 3 : 0;
}

extern const ct_op ct__lerp_op;
const ct_op ct__lerp_op = {
    .name = "lerp",
    .formula = "y = a + w (b - a)",
    .derivative = "ga = g (1 - w), gb = g w, gw = g (b - a)",
    .inputs = 3,
    .kernels = kernels,
    .flags = CT_OP_BROADCAST | CT_OP_IN_PLACE | CT_OP_SYMMETRIC | CT_OP_BATCHED | CT_OP_KERNELS,
    .saves = CT_SAVE_X(0) | CT_SAVE_X(1) | CT_SAVE_X(2),
    .infer = ct_infer_broadcast,
    .forward = lerp_forward,
    .vjp = lerp_vjp,
    .backward = lerp_backward,
    .sample = lerp_sample,
};

ct_tensor *ct_lerp(ct_tensor *a, ct_tensor *b, ct_tensor *w)
{
    return ct_apply(&ct__lerp_op, NULL, CT_TENSORS(a, b, w));
}
