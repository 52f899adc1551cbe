/* Casts between all dtypes. f32 <-> f64 rounds, which counts as y = x: gx is gy, cast back. From a
 * float to i64 the fraction is cut off, to bool anything but 0 is true; no cotangent comes from
 * there. */
#include <cotangent/op.h>
#include <cotangent/ops.h>

#define CT_KERNELS      "cast_kernels.h"
#define CT_KERNELS_F32  16
#define CT_KERNELS_F64  16
#define CT_KERNELS_I64  int64_t
#define CT_KERNELS_BOOL unsigned char
#include <cotangent/kernels.h>
static const ct_loop_body casts[][CT_DTYPES][CT_SIMDS] = { /* to */
    [CT_F32] = CT_KERNEL_TABLE(to_f32),
    [CT_F64] = CT_KERNEL_TABLE(to_f64),
    [CT_I64] = CT_KERNEL_TABLE(to_i64),
    [CT_BOOL] = CT_KERNEL_TABLE(to_bool),
};

static ct_status cast_infer(ct_call *call)
{
    ct_dtype dtype = *(const ct_dtype *)ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    return ct_call_set_y(call, 0, dtype, ct_shape(x), ct_ndim(x));
}

static ct_status cast_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    bool failed = false, *to = &failed;
    ct_loop(CT_TENSORS(y, x), CT_KERNEL_OF(casts[ct_dtype_of(y)], x), &to);
    if (failed)
        return ct_call_fail(call, CT_ERROR_VALUE, "a NaN, or a number too large, is no i64");
    return CT_OK;
}

static ct_status cast_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    gx[0] = ct_cast(gy[0], ct_dtype_of(ct_call_x(call, 0)));
    return CT_OK;
}

static int cast_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 2)
        return 0;
    *(ct_dtype *)attributes = CT_F64;
    x[0] = ct_randn(cx, CT_F64, (const int64_t[]){ 2, 3 }, 2 * k);
    return 1;
}

extern const ct_op ct__cast_op;
const ct_op ct__cast_op = {
    .name = "cast",
    .formula = "y = x as dtype",
    .derivative = "gx = g as the dtype of x",
    .inputs = 1,
    .flags = CT_OP_LINEAR | CT_OP_BATCHED,
    .attributes_size = sizeof(ct_dtype),
    .infer = cast_infer,
    .forward = cast_forward,
    .vjp = cast_vjp,
    .sample = cast_sample,
};

ct_tensor *ct_cast(ct_tensor *x, ct_dtype dtype)
{
    if (!ct_usable(x, "cast"))
        return NULL;
    return ct_dtype_of(x) == dtype ? x : ct_apply(&ct__cast_op, &dtype, &x, 1);
}
