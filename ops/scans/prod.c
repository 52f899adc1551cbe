/* The product of all elements. The cotangent of each is the product of the others: of those before
 * it and those after it, two cumulative products. Nothing is divided by x, so any number of zeros
 * is right, in derivatives of any order too. The cumulative products are those of x * scale
 * (scan.h: ct__balance), which neither overflow nor vanish. */
#include <cotangent/ops.h>

#include "axes.h"
#include "product.h"
#include "scan.h"

#define CT_KERNELS     "prod_kernels.h"
#define CT_KERNELS_F32 16
#define CT_KERNELS_F64 16
#include <cotangent/kernels.h>
static const ct_fold *const folds[][CT_SIMDS] = CT_KERNEL_TABLE(product);

static ct_status prod_infer(ct_call *call)
{
    ct_status status = ct_call_check_float(call);
    return status == CT_OK ? ct__infer_reduced(call) : status;
}

static ct_status prod_forward(ct_call *call)
{
    const ct__reduction *r = ct_call_attributes(call);
    return ct_reduce(call, r->axes, CT_KERNEL_OF(folds, ct_call_x(call, 0)), NULL);
}

/* with z = x * scale, whose product is y / (first second), at the last element:
 *
 *   product of the other x = (product of the other z) first second scale
 *
 * in this order, in which no factor on the way is out of range unless the result is */
static ct_status prod_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const ct__reduction *r = ct_call_attributes(call);
    ct_tensor *x = ct_call_x(call, 0), *lines = ct__merged(x, r->axes);
    ct__scan on = { -1, false }, back = { -1, true };
    ct__balance b;
    if (!lines || !ct__balance_of(&b, lines, on))
        return ct_error(ct_call_context(call));
    if (ct_count(x) == 0) {
        gx[0] = ct_call_zero(call, 0);
        return CT_OK;
    }
    ct_tensor *z = ct_mul(lines, b.scale), *first = ct_slice(b.first, -1, -1, CT_END, 1);
    ct_tensor *second = ct_slice(b.second, -1, -1, CT_END, 1);
    ct_tensor *others = ct_mul(ct__moved_on(ct__products(z, on), on, 1),
                               ct__moved_on(ct__products(z, back), back, 1));
    others = ct_mul(ct_mul(ct_mul(others, first), b.scale), second);
    gx[0] = ct_mul(ct__kept(call, gy[0]), ct__unmerged(others, x, r->axes));
    return CT_OK;
}

/* with no zero in a group; then with one, and with several, in the first two samples */
static int prod_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    int n = k < 12 ? ct__sample_reduction(cx, k < 8 ? k : (k - 8) / 2, x, attributes) : 0;
    if (n > 0) {
        double below = k < 8 ? -9 : k % 2 ? -0.5 : -1;
        ct_tensor *zeros = ct_lt(x[0], ct_scalar_like(x[0], below));
        x[0] = ct_where(zeros, ct_scalar_like(x[0], 0), ct_shift(x[0], 0.07));
    }
    return n;
}

extern const ct_op ct__prod_op;
const ct_op ct__prod_op = {
    .name = "prod",
    .formula = "y = product of all x",
    .derivative = "gx = g times the product of all other x",
    .inputs = 1,
    .saves = CT_SAVE_X(0),
    .attributes_size = sizeof(ct__reduction),
    .infer = prod_infer,
    .forward = prod_forward,
    .vjp = prod_vjp,
    .jvp = ct__reduced_jvp,
    .sample = prod_sample,
};

ct_tensor *ct_prod_over(ct_tensor *x, const int64_t *axes, int n, unsigned flags)
{
    ct__reduction r;
    bool right = ct__reduction_of(&r, x, "prod", axes, n, flags);
    return right ? ct_apply(&ct__prod_op, &r, &x, 1) : NULL;
}

ct_tensor *ct_prod(ct_tensor *x)
{
    return ct_prod_over(x, NULL, 0, 0);
}
