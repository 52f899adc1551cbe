/* softmax and log_softmax along an axis, and logsumexp, whose gradient is softmax.
 *
 *   l = log sum_j e^(x_j)                  dl/dx_k = e^(x_k - l) = y_k
 *   y_i = e^(x_i - l)                      dy_i/dx_k = y_i (d_ik - y_k)
 *   z_i = x_i - l                          dz_i/dx_k = d_ik - y_k
 *
 * A shift of all x shifts l and leaves y and z: taking off the largest leaves e^0 = 1 as the
 * largest term, so no finite x overflows and no sum is 0. */
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <math.h>
#include <string.h>

#include "axes.h"
#include "lines.h"
#include "double_math.h"

/* the lines along the axis: how long they are, and each operand's stride along them */
typedef struct row {
    int64_t length, stride[3];
    bool adds;
} row;

/* Where logsumexp puts what it rounds off each result: `low` is laid out as the results y are. */
typedef struct remainders {
    const void *y;
    void *low;
} remainders;

/* From here to 0, e^z is so near 1 that 1 - e^z would lose digits. */
#define NEAR -0.125f

typedef struct softmax_kernels {
    ct_loop_body softmax, log_softmax, softmax_back, log_softmax_back, logsumexp_back;
    ct_fold logsumexp;
} softmax_kernels;

#define CT_KERNELS     "softmax_kernels.h"
#define CT_KERNELS_F32 64
#define CT_KERNELS_F64 32
#include <cotangent/kernels.h>

static const softmax_kernels *kernels_for(const ct_call *call)
{
    static const softmax_kernels *const all[][CT_SIMDS] = CT_KERNEL_TABLE(kernels);
    return CT_KERNEL_OF(all, ct_call_x(call, 0));
}

static int axis_of(const ct_call *call)
{
    const int64_t *axis = ct_call_attributes(call);
    return ct_call_axis(call, *axis, ct_ndim(ct_call_x(call, 0)));
}

/* counted from the end, so that it is the same axis of several cotangents at once */
static int64_t from_end(const ct_call *call)
{
    return axis_of(call) - ct_ndim(ct_call_x(call, 0));
}

static ct_status infer(ct_call *call)
{
    return axis_of(call) < 0 ? CT_ERROR_RANGE : ct_infer_same(call);
}

static ct_status loop(const ct_call *call, ct_tensor *const *operands, int n, ct_loop_body body)
{
    int axis = axis_of(call);
    row r = { .length = ct_size(operands[0], axis), .adds = ct_call_adds(call, 0) };
    for (int k = 0; k < n; k++)
        r.stride[k] = ct_strides(operands[k])[axis];
    if (ct_count(operands[0]) > 0)
        ct__loop_lines(operands, n, axis, body, &r);
    return CT_OK;
}

/* Columns are read side by side in all operands. So a gy that does not lie as they do is copied
 * first; one number that is repeated, for example. */
static ct_status loop_back(const ct_call *call, ct_tensor *gy, ct_tensor *gx, ct_loop_body body)
{
    bool rows = ct_strides(gx)[axis_of(call)] == 1;
    ct_tensor *g = rows ? gy : ct_contiguous(gy);
    return g ? loop(call, CT_TENSORS(gx, g, ct_call_y(call, 0)), body) : CT_ERROR_MEMORY;
}

static int sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const int64_t axes[] = { 1, 0, -2, 0, 1 };
    if (k >= 5)
        return 0;
    *(int64_t *)attributes = axes[k];
    x[0] = k == 3   ? ct_randn(cx, CT_F64, CT_SHAPE(1))
           : k == 4 ? ct_randn(cx, CT_F64, CT_SHAPE(2, 0))
           : k == 2 ? ct_randn(cx, CT_F64, CT_SHAPE(2, 3, 2))
                    : ct_randn(cx, CT_F64, CT_SHAPE(3, 4));
    return 1;
}

/* -- softmax */
static ct_status softmax_forward(ct_call *call)
{
    return loop(call, CT_TENSORS(ct_call_y(call, 0), ct_call_x(call, 0)),
                kernels_for(call)->softmax);
}

/* gx_k = sum_i gy_i y_i (d_ik - y_k) = y_k (gy_k - sum_i gy_i y_i) */
static ct_status softmax_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *y = ct_call_y(call, 0);
    ct_tensor *dot = ct_sum_over(ct_mul(gy[0], y), CT_AXES(from_end(call)), CT_KEEPDIMS);
    gx[0] = ct_mul(y, ct_sub(gy[0], dot));
    return CT_OK;
}

static ct_status softmax_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    return loop_back(call, gy[0], gx[0], kernels_for(call)->softmax_back);
}

extern const ct_op ct__softmax_op;
const ct_op ct__softmax_op = {
    .name = "softmax",
    .formula = "y = e^x / sum e^x",
    .derivative = "gx = y (g - sum g y)",
    .inputs = 1,
    .flags = CT_OP_SYMMETRIC | CT_OP_BATCHED,
    .saves = CT_SAVE_Y(0),
    .attributes_size = sizeof(int64_t),
    .infer = infer,
    .forward = softmax_forward,
    .vjp = softmax_vjp,
    .backward = softmax_backward,
    .sample = sample,
};

ct_tensor *ct_softmax(ct_tensor *x, int axis)
{
    return ct_apply(&ct__softmax_op, &(int64_t){ axis }, &x, 1);
}

/* -- log_softmax */
static ct_status log_softmax_forward(ct_call *call)
{
    return loop(call, CT_TENSORS(ct_call_y(call, 0), ct_call_x(call, 0)),
                kernels_for(call)->log_softmax);
}

/* gx_k = sum_i gy_i (d_ik - e^(z_k)) = gy_k (1 - e^(z_k)) - e^(z_k) (sum_i gy_i - gy_k): in this
 * form nothing cancels where e^(z_k) is near 1 and gy_k is the only cotangent */
static ct_status log_softmax_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *z = ct_call_y(call, 0);
    ct_tensor *sum = ct_sum_over(gy[0], CT_AXES(from_end(call)), CT_KEEPDIMS);
    ct_tensor *own = ct_mul(gy[0], ct_expm1(z)), *others = ct_mul(ct_exp(z), ct_sub(sum, gy[0]));
    gx[0] = ct_neg(ct_add(own, others));
    return CT_OK;
}

static ct_status log_softmax_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    ct_tensor *part = ct_mul(ct_exp(ct_call_y(call, 0)), tx[0]);
    ty[0] = ct_sub(tx[0], ct_sum_over(part, CT_AXES(axis_of(call)), CT_KEEPDIMS));
    return CT_OK;
}

static ct_status log_softmax_backward(const ct_call *call, ct_tensor *const *gy,
                                      ct_tensor *const *gx)
{
    return loop_back(call, gy[0], gx[0], kernels_for(call)->log_softmax_back);
}

extern const ct_op ct__log_softmax_op;
const ct_op ct__log_softmax_op = {
    .name = "log_softmax",
    .formula = "y = x - log sum e^x",
    .derivative = "gx = g - e^y sum g",
    .inputs = 1,
    .flags = CT_OP_BATCHED,
    .saves = CT_SAVE_Y(0),
    .attributes_size = sizeof(int64_t),
    .infer = infer,
    .forward = log_softmax_forward,
    .vjp = log_softmax_vjp,
    .backward = log_softmax_backward,
    .jvp = log_softmax_jvp,
    .sample = sample,
};

ct_tensor *ct_log_softmax(ct_tensor *x, int axis)
{
    return ct_apply(&ct__log_softmax_op, &(int64_t){ axis }, &x, 1);
}

/* -- logsumexp */
static ct_status logsumexp_infer(ct_call *call)
{
    ct_status status = ct_call_check_float(call);
    if (status == CT_OK)
        status = ct__infer_reduced(call);
    if (status != CT_OK || !ct_call_records(call))
        return status;
    const ct_tensor *y = ct_call_y(call, 0);
    return ct_call_set_aux(call, 0, ct_dtype_of(y), ct_shape(y), ct_ndim(y));
}

static ct_status logsumexp_forward(ct_call *call)
{
    const ct__reduction *r = ct_call_attributes(call);
    const ct_fold *fold = &kernels_for(call)->logsumexp;
    if (!ct_call_records(call))
        return ct_reduce(call, r->axes, fold, NULL);
    remainders to = { ct_data(ct_call_y(call, 0)), ct_data_mutable(ct_call_aux(call, 0)) };
    return ct_reduce(call, r->axes, fold, &to);
}

static ct_tensor *log_softmax_over(ct_tensor *x, unsigned axes)
{
    return ct__unmerged(ct_log_softmax(ct__merged(x, axes), -1), x, axes);
}

/* gx_k = gy e^(x_k - y) = gy e^(z_k) with z = log_softmax x, whose rule keeps the digits of second
 * derivatives; but where y is not finite, x - y itself is taken. Where y = -inf, every x is: x
 * instead of -inf + inf */
static ct_status logsumexp_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const ct__reduction *r = ct_call_attributes(call);
    ct_tensor *x = ct_call_x(call, 0), *y = ct__kept(call, ct_call_y(call, 0));
    ct_tensor *zero = ct_scalar_like(x, 0), *finite = ct_eq(ct_sub(y, y), zero);
    ct_tensor *none = ct_eq(y, ct_scalar_like(y, -INFINITY));
    ct_tensor *usual = log_softmax_over(ct_where(finite, x, zero), r->axes);
    ct_tensor *z = ct_where(finite, usual, ct_sub(x, ct_where(none, zero, y)));
    gx[0] = ct_mul(ct__kept(call, gy[0]), ct_exp(z));
    return CT_OK;
}

static ct_status logsumexp_backward(const ct_call *call, ct_tensor *const *gy,
                                    ct_tensor *const *gx)
{
    ct_tensor *g = ct__kept(call, gy[0]), *y = ct__kept(call, ct_call_y(call, 0));
    ct_tensor *low = ct__kept(call, ct_call_aux(call, 0));
    bool adds = ct_call_adds(call, 0);
    if (!g || !y || !low)
        return CT_ERROR_MEMORY;
    ct_loop(CT_TENSORS(gx[0], g, ct_call_x(call, 0), y, low), kernels_for(call)->logsumexp_back,
            &adds);
    return CT_OK;
}

extern const ct_op ct__logsumexp_op;
const ct_op ct__logsumexp_op = {
    .name = "logsumexp",
    .formula = "y = log sum e^x",
    .derivative = "gx = g e^(x - y)",
    .inputs = 1,
    .flags = CT_OP_BATCHED,
    .saves = CT_SAVE_X(0) | CT_SAVE_Y(0) | CT_SAVE_AUX,
    .attributes_size = sizeof(ct__reduction),
    .infer = logsumexp_infer,
    .forward = logsumexp_forward,
    .vjp = logsumexp_vjp,
    .backward = logsumexp_backward,
    .jvp = ct__reduced_jvp,
    .sample = ct__sample_reduction,
};

ct_tensor *ct_logsumexp_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags)
{
    ct__reduction r;
    bool right = ct__reduction_of(&r, x, "logsumexp", axes, n, flags);
    return right ? ct_apply(&ct__logsumexp_op, &r, &x, 1) : NULL;
}

ct_tensor *ct_logsumexp(ct_tensor *x)
{
    return ct_logsumexp_over(x, NULL, 0, 0);
}
