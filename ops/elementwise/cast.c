/* Casts between all dtypes. f32 <-> f64 rounds, which counts as y = x: gx is gy, cast back. From a
 * float to i64 the fraction is cut off, to bool anything but 0 is true; no cotangent comes from
 * there. */
#include <cotangent/op.h>
#include <cotangent/ops.h>

#define KERNELS "cast_kernels.h"
#define INTEGER int64_t
#include "each_dtype.h"

static const ct_loop_body bodies[][CT_BOOL + 1] = { /* [from][to] */
    [CT_F32] = { NULL, to_f32_f32, to_f64_f32, to_i64_f32, to_bool_f32 },
    [CT_F64] = { NULL, to_f32_f64, to_f64_f64, to_i64_f64, to_bool_f64 },
    [CT_I64] = { NULL, to_f32_i64, to_f64_i64, to_i64_i64, to_bool_i64 },
    [CT_BOOL] = { NULL, to_f32_bool, to_f64_bool, to_i64_bool, to_bool_bool },
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
    ct_loop(CT_TENSORS(y, x), bodies[ct_dtype_of(x)][ct_dtype_of(y)], &to);
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
    .attributes_size = sizeof(ct_dtype),
    .infer = cast_infer,
    .forward = cast_forward,
    .vjp = cast_vjp,
    .sample = cast_sample,
};

ct_tensor *ct_cast(ct_tensor *x, ct_dtype dtype)
{
    return x && ct_dtype_of(x) == dtype ? x : ct_apply(&ct__cast_op, &dtype, &x, 1);
}
