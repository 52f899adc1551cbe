/* The cumulative product: y_i = x_0 ... x_i. With h_j the cotangent that reaches y_j from all
 * later elements,
 *
 *   gx_j = y_(j-1) h_j         h_j = g_j + x_(j+1) h_(j+1)
 *
 * so nothing is divided by x, which may be 0. y_(j-1) may overflow and h_j vanish where their
 * product does neither. So the rule is that of x * scale, powers of 2 which keep all products of
 * neighbors near 1; what they take off is given to the cotangents:
 *
 *   y_i = z_i first_i second_i, z_i the product of x * scale up to i */
#include <cotangent/ops.h>
#include <math.h>

#include "product.h"
#include "scan.h"

#define CT_KERNELS     "cumprod_kernels.h"
#define CT_KERNELS_F32 16
#define CT_KERNELS_F64 16
#include <cotangent/kernels.h>
static const ct_loop_body products[][CT_SIMDS] = CT_KERNEL_TABLE(cumprod);
static const ct_loop_body balances[][CT_SIMDS] = CT_KERNEL_TABLE(balance);

static ct_status cumprod_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0);
    ct__scan_lines(call, CT_TENSORS(ct_call_y(call, 0), x), CT_KERNEL_OF(products, x), false);
    return CT_OK;
}

static ct_status cumprod_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct__scan on = *(const ct__scan *)ct_call_attributes(call), back = { on.axis, !on.reverse };
    ct_tensor *x = ct_call_x(call, 0);
    ct__balance b;
    if (!ct__balance_of(&b, x, on))
        return ct_error(ct_call_context(call));
    ct_tensor *near = ct_mul(x, b.scale), *gz = ct_mul(ct_mul(gy[0], b.first), b.second);
    ct_tensor *before = ct__moved_on(ct__products(near, on), on, 1);
    ct_tensor *after = ct__recurrence(ct__moved_on(near, back, 0), gz, back);
    gx[0] = ct_mul(ct_mul(before, after), b.scale);
    return CT_OK;
}

/* ty_i = x_i ty_(i-1) + y_(i-1) tx_i */
static ct_status cumprod_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    ct__scan on = *(const ct__scan *)ct_call_attributes(call);
    ct_tensor *x = ct_call_x(call, 0), *before = ct__moved_on(ct__products(x, on), on, 1);
    ty[0] = ct__recurrence(x, ct_mul(before, tx[0]), on);
    return CT_OK;
}

/* with no zero, one, and several in a line */
static int cumprod_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    int n = ct__sample_scan(cx, k / 2, x, attributes);
    if (n > 0 && k % 2 == 1) {
        ct_tensor *zeros = ct_lt(x[0], ct_scalar_like(x[0], -0.4));
        x[0] = ct_where(zeros, ct_scalar_like(x[0], 0), x[0]);
    }
    return n;
}

extern const ct_op ct__cumprod_op;
const ct_op ct__cumprod_op = {
    .name = "cumprod",
    .formula = "y_i = x_0 ... x_i",
    .derivative = "gx_i = y_(i-1) h_i, h_i = g_i + x_(i+1) h_(i+1)",
    .inputs = 1,
    .saves = CT_SAVE_X(0),
    .attributes_size = sizeof(ct__scan),
    .infer = ct__infer_scan,
    .forward = cumprod_forward,
    .vjp = cumprod_vjp,
    .jvp = cumprod_jvp,
    .sample = cumprod_sample,
};

ct_tensor *ct__products(ct_tensor *x, ct__scan s)
{
    return ct_apply(&ct__cumprod_op, &s, &x, 1);
}

ct_tensor *ct_cumprod(ct_tensor *x, int axis)
{
    return ct__products(x, (ct__scan){ .axis = axis });
}

/* -- balance */
static ct_status balance_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    ct_status status = ct_call_check_float(call);
    if (status == CT_OK && ct__scan_axis(call) < 0)
        status = CT_ERROR_RANGE;
    for (int i = 0; i < 3 && status == CT_OK; i++)
        status = ct_call_set_y(call, i, ct_dtype_of(x), ct_shape(x), ct_ndim(x));
    return status;
}

static ct_status balance_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0);
    ct__scan_lines(call, CT_TENSORS(ct_call_y(call, 0), ct_call_y(call, 1), ct_call_y(call, 2), x),
                   CT_KERNEL_OF(balances, x), false);
    return CT_OK;
}

extern const ct_op ct__balance_op;
const ct_op ct__balance_op = {
    .name = "balance",
    .formula = "y = 2^-k, so that all products of neighbors in x y are near 1",
    .derivative = "none",
    .inputs = 1,
    .outputs = 3,
    .flags = CT_OP_CONSTANT,
    .attributes_size = sizeof(ct__scan),
    .infer = balance_infer,
    .forward = balance_forward,
    .sample = ct__sample_scan,
};

bool ct__balance_of(ct__balance *b, ct_tensor *x, ct__scan s)
{
    ct_tensor *y[3];
    ct_status status = ct_apply_all(&ct__balance_op, &s, &x, 1, y);
    *b = (ct__balance){ y[0], y[1], y[2] };
    return status == CT_OK;
}
