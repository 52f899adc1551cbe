/* Scans that add: the cumulative sum, and the recurrence y_i = a_i y_(i-1) + b_i, of which the
 * rules of other scans are made.
 *
 * What a scan does in one direction, its rule does in the other. In y_i = x_0 + ... + x_i every x_j
 * is in all y_i with i >= j, so gx_j = g_j + g_(j+1) + ...: the sum in reverse. For the recurrence
 * let h_i be the cotangent of y_i with all that comes to it from later elements:
 *
 *   h_i = g_i + a_(i+1) h_(i+1)         gb_i = h_i         ga_i = h_i y_(i-1)
 *
 * which is a recurrence in reverse, with the factors moved by one place. */
#include "scan.h"

#include <cotangent/ops.h>
#include <string.h>

#include "lines.h"

#define CT_KERNELS     "scan_kernels.h"
#define CT_KERNELS_F32 16
#define CT_KERNELS_F64 16
#define CT_KERNELS_I64 uint64_t
#include <cotangent/kernels.h>
static const ct_loop_body sums[][CT_SIMDS] = CT_KERNEL_TABLE(cumsum);
static const ct_loop_body recurrences[][CT_SIMDS] = CT_KERNEL_TABLE(recurrence);

/* -- What scans share */
int ct__scan_axis(const ct_call *call)
{
    const ct__scan *s = ct_call_attributes(call);
    return ct_call_axis(call, s->axis, ct_ndim(ct_call_x(call, 0)));
}

ct_status ct__infer_scan(ct_call *call)
{
    return ct__scan_axis(call) < 0 ? CT_ERROR_RANGE : ct_infer_same(call);
}

void ct__scan_lines(const ct_call *call, ct_tensor *const *operands, int n, ct_loop_body body,
                    bool back)
{
    const ct__scan *s = ct_call_attributes(call);
    int axis = ct__scan_axis(call);
    bool reverse = s->reverse != back;
    ct__path p = { .length = ct_size(operands[0], axis), .user = ct_call_op(call)->user,
                   .adds = ct_call_adds(call, 0) };
    if (ct_count(operands[0]) == 0)
        return;
    for (int k = 0; k < n; k++) {
        int64_t stride = ct_strides(operands[k])[axis];
        p.first[k] = reverse ? (p.length - 1) * stride : 0;
        p.step[k] = reverse ? -stride : stride;
    }
    ct__loop_lines(operands, n, axis, body, &p);
}

ct_tensor *ct__moved_on(ct_tensor *x, ct__scan s, double fill)
{
    int64_t n = ct_size(x, s.axis), shape[CT_MAX_DIMS];
    if (n <= 0)
        return x;
    memcpy(shape, ct_shape(x), (size_t)ct_ndim(x) * sizeof *shape);
    shape[s.axis < 0 ? s.axis + ct_ndim(x) : s.axis] = 1;
    ct_tensor *end = ct_full(ct_context_of(x), ct_dtype_of(x), shape, ct_ndim(x), fill);
    if (s.reverse)
        return ct_concat(CT_TENSORS(ct_slice(x, s.axis, 1, CT_END, 1), end), s.axis);
    return ct_concat(CT_TENSORS(end, ct_slice(x, s.axis, 0, n - 1, 1)), s.axis);
}

int ct__sample_scan(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const ct__scan cases[] = { { 1, false }, { 0, true }, { -2, false }, { 0, false },
                                      { 1, true },  { 0, false } };
    if (k >= 6)
        return 0;
    memcpy(attributes, &cases[k], sizeof cases[k]);
    x[0] = k == 3   ? ct_randn(cx, CT_F64, CT_SHAPE(1))
           : k == 4 ? ct_randn(cx, CT_F64, CT_SHAPE(2, 0))
           : k == 2 ? ct_randn(cx, CT_F64, CT_SHAPE(2, 3, 2))
                    : ct_randn(cx, CT_F64, CT_SHAPE(3, 4));
    return 1;
}

/* -- cumsum */
static ct_status cumsum_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    if (ct__scan_axis(call) < 0)
        return CT_ERROR_RANGE;
    if (ct_dtype_of(x) == CT_BOOL)
        return ct_call_fail(call, CT_ERROR_DTYPE, "f32, f64 or i64 only; ct_cast it");
    return ct_call_set_y(call, 0, ct_dtype_of(x), ct_shape(x), ct_ndim(x));
}

static ct_status cumsum_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0);
    ct__scan_lines(call, CT_TENSORS(ct_call_y(call, 0), x), CT_KERNEL_OF(sums, x), false);
    return CT_OK;
}

extern const ct_op ct__cumsum_op;

static ct_status cumsum_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct__scan s = *(const ct__scan *)ct_call_attributes(call);
    s.reverse = !s.reverse;
    gx[0] = ct_apply(&ct__cumsum_op, &s, gy, 1);
    return CT_OK;
}

const ct_op ct__cumsum_op = {
    .name = "cumsum",
    .formula = "y_i = x_0 + ... + x_i",
    .derivative = "gx_i = g_i + g_(i+1) + ...",
    .inputs = 1,
    .flags = CT_OP_LINEAR,
    .attributes_size = sizeof(ct__scan),
    .infer = cumsum_infer,
    .forward = cumsum_forward,
    .vjp = cumsum_vjp,
    .sample = ct__sample_scan,
};

ct_tensor *ct_cumsum(ct_tensor *x, int axis)
{
    return ct_apply(&ct__cumsum_op, &(ct__scan){ .axis = axis }, &x, 1);
}

/* -- recurrence */
static ct_status recurrence_forward(ct_call *call)
{
    ct_tensor *a = ct_call_x(call, 0), *b = ct_call_x(call, 1);
    ct__scan_lines(call, CT_TENSORS(ct_call_y(call, 0), a, b), CT_KERNEL_OF(recurrences, a),
                   false);
    return CT_OK;
}

static ct_status recurrence_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct__scan on = *(const ct__scan *)ct_call_attributes(call), back = { on.axis, !on.reverse };
    ct_tensor *h = ct__recurrence(ct__moved_on(ct_call_x(call, 0), back, 0), gy[0], back);
    if (ct_call_wants(call, 0))
        gx[0] = ct_mul(h, ct__moved_on(ct_call_y(call, 0), on, 0));
    gx[1] = h;
    return CT_OK;
}

/* ty_i = a_i ty_(i-1) + ta_i y_(i-1) + tb_i */
static ct_status recurrence_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    ct__scan on = *(const ct__scan *)ct_call_attributes(call);
    ct_tensor *b = tx[1];
    if (tx[0])
        b = ct_mul(tx[0], ct__moved_on(ct_call_y(call, 0), on, 0));
    if (tx[0] && tx[1])
        b = ct_add(b, tx[1]);
    ty[0] = ct__recurrence(ct_call_x(call, 0), b, on);
    return CT_OK;
}

static int recurrence_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (ct__sample_scan(cx, k, x, attributes) == 0)
        return 0;
    x[1] = ct_randn(cx, CT_F64, ct_shape(x[0]), ct_ndim(x[0]));
    return 2;
}

extern const ct_op ct__recurrence_op;
const ct_op ct__recurrence_op = {
    .name = "recurrence",
    .formula = "y_i = a_i y_(i-1) + b_i",
    .derivative = "ga_i = h_i y_(i-1), gb_i = h_i, h_i = g_i + a_(i+1) h_(i+1)",
    .inputs = 2,
    .saves = CT_SAVE_X(0) | CT_SAVE_Y(0),
    .attributes_size = sizeof(ct__scan),
    .infer = ct__infer_scan,
    .forward = recurrence_forward,
    .vjp = recurrence_vjp,
    .jvp = recurrence_jvp,
    .sample = recurrence_sample,
};

ct_tensor *ct__recurrence(ct_tensor *a, ct_tensor *b, ct__scan s)
{
    return ct_apply(&ct__recurrence_op, &s, CT_TENSORS(a, b));
}
