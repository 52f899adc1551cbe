/* The logarithm of cumulative sums of exponentials: y_i = log(e^x_0 + ... + e^x_i).
 *
 *   gx_i = sum of g_j e^(x_i - y_j) over j >= i = e^(x_i - y_i) h_i
 *   h_i = g_i + e^(y_i - y_(i+1)) h_(i+1)
 *
 * y never falls, so no exponential is above 1. The kernels add up e^x relative to a shift near the
 * largest x so far. */
#include <cotangent/ops.h>
#include <math.h>

#include "scan.h"

/* A sum of e^(x - shift), in two numbers, of which the second is what was rounded off the first. */
typedef struct terms {
    double shift, sum, low;
} terms;

/* Adds by e^x. The shift follows x only when it is passed by more than 1, so that few roundings
 * come from changing it. */
static inline void add_term(terms *t, double x, double by)
{
    if (x > t->shift + 1) {
        double change = exp(t->shift - x);
        t->sum *= change, t->low *= change;
        t->shift = x;
    }
    double term = by * exp(x - t->shift), total = t->sum + term, part = total - t->sum;
    double lost = (t->sum - (total - part)) + (term - part);
    t->low += lost - lost == 0 ? lost : 0;
    t->sum = total;
}

#define CT_KERNELS     "logcumsumexp_kernels.h"
#define CT_KERNELS_F32 16
#define CT_KERNELS_F64 16
#include <cotangent/kernels.h>
static const ct_loop_body values[][CT_SIMDS] = CT_KERNEL_TABLE(logcumsumexp);
static const ct_loop_body backs[][CT_SIMDS] = CT_KERNEL_TABLE(logcumsumexp_back);

static ct_status logcumsumexp_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0);
    ct__scan_lines(call, CT_TENSORS(ct_call_y(call, 0), x), CT_KERNEL_OF(values, x), false);
    return CT_OK;
}

/* Where y_i is -inf, all x up to there are: then e^(x_i - y_i) and e^(y_i - y_(i+1)) count as 0. So
 * does the latter where y_(i+1) is infinite: what comes from there is lost in what is finite.
 * step: e^(before - after) of each element of y and the next one, which is the one or the other */
static ct_tensor *step_of(ct_tensor *before, ct_tensor *after)
{
    ct_tensor *lowest = ct_scalar_like(before, -INFINITY);
    ct_tensor *none = ct_eq(before, lowest);
    ct_tensor *lost = ct_logical_or(none, ct_eq(after, ct_scalar_like(after, INFINITY)));
    return ct_exp(ct_where(lost, lowest, ct_sub(before, after)));
}

/* e^(x_i - y_i) */
static ct_tensor *own_of(ct_tensor *x, ct_tensor *y)
{
    ct_tensor *lowest = ct_scalar_like(x, -INFINITY);
    return ct_exp(ct_where(ct_eq(y, lowest), lowest, ct_sub(x, y)));
}

static ct_status logcumsumexp_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct__scan on = *(const ct__scan *)ct_call_attributes(call), back = { on.axis, !on.reverse };
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    ct_tensor *step = step_of(y, ct__moved_on(y, back, INFINITY));
    gx[0] = ct_mul(own_of(x, y), ct__recurrence(step, gy[0], back));
    return CT_OK;
}

/* ty_i = e^(x_i - y_i) tx_i + e^(y_(i-1) - y_i) ty_(i-1) */
static ct_status logcumsumexp_jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    ct__scan on = *(const ct__scan *)ct_call_attributes(call);
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    ct_tensor *step = step_of(ct__moved_on(y, on, -INFINITY), y);
    ty[0] = ct__recurrence(step, ct_mul(own_of(x, y), tx[0]), on);
    return CT_OK;
}

static ct_status logcumsumexp_backward(const ct_call *call, ct_tensor *const *gy,
                                       ct_tensor *const *gx)
{
    ct_tensor *x = ct_call_x(call, 0);
    ct__scan_lines(call, CT_TENSORS(gx[0], gy[0], x, ct_call_y(call, 0)), CT_KERNEL_OF(backs, x),
                   true);
    return CT_OK;
}

extern const ct_op ct__logcumsumexp_op;
const ct_op ct__logcumsumexp_op = {
    .name = "logcumsumexp",
    .formula = "y_i = log(e^x_0 + ... + e^x_i)",
    .derivative = "gx_i = sum of g_j e^(x_i - y_j) over j >= i",
    .inputs = 1,
    .saves = CT_SAVE_X(0) | CT_SAVE_Y(0),
    .attributes_size = sizeof(ct__scan),
    .infer = ct__infer_scan,
    .forward = logcumsumexp_forward,
    .vjp = logcumsumexp_vjp,
    .jvp = logcumsumexp_jvp,
    .backward = logcumsumexp_backward,
    .sample = ct__sample_scan,
};

ct_tensor *ct_logcumsumexp(ct_tensor *x, int axis)
{
    return ct_apply(&ct__logcumsumexp_op, &(ct__scan){ .axis = axis }, &x, 1);
}
