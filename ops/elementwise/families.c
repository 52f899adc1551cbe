/* Families of functions f_0, f_1, ... of which each is the derivative of the one before:
 * gx = g f_(n+1)(x). The polygamma functions are one, the derivatives of sinc another. An operator
 * has the order n as its attribute. */
#include "special.h"
#include "tables.h"

#define CT_KERNELS     "families_kernels.h"
#define CT_KERNELS_F32 16
#define CT_KERNELS_F64 16
#include <cotangent/kernels.h>

enum { MOST = 1000 }; /* so that n + 1 is found in a bounded time */

static ct_status family_infer(ct_call *call)
{
    int n = *(const int *)ct_call_attributes(call);
    if (n < 0 || n > MOST)
        return ct_call_fail(call, CT_ERROR_VALUE, "n must be from 0 to %d, got %d", MOST, n);
    return ct_infer_same(call);
}

static ct_status family_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    ct_tensor *x = ct_call_x(call, 0);
    int next = *(const int *)ct_call_attributes(call) + 1;
    gx[0] = ct_mul(gy[0], ct_apply(ct_call_op(call), &next, &x, 1));
    return CT_OK;
}

/* the orders 0 to 3, and then 0 in each shape */
static int polygamma_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    *(int *)attributes = k < 4 ? k : 0;
    return ct__unary_sample(cx, k < 4 ? 0 : k - 3, x, 0.8, 4.3);
}

static int sinc_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    *(int *)attributes = k < 4 ? k : 0;
    return ct__unary_sample(cx, k < 4 ? 0 : k - 3, x, -2, 2.1);
}

#define FAMILY_OPERATOR(id, y_text, gx_text)                                                    \
    static const ct__row id##_row = { .kernels = { KERNELS(id, false),                          \
                                                   KERNELS(id##_back, false) } };               \
    extern const ct_op ct__##id##_op;                                                           \
    const ct_op ct__##id##_op = {                                                               \
        .name = #id,                                                                            \
        .formula = y_text,                                                                      \
        .derivative = gx_text,                                                                  \
        .inputs = 1,                                                                            \
        .user = &id##_row,                                                                      \
        .kernels = id##_row.kernels,                                                            \
        .flags = CT_OP_IN_PLACE | CT_OP_SYMMETRIC | CT_OP_BATCHED | CT_OP_KERNELS,              \
        .saves = CT_SAVE_X(0),                                                                  \
        .attributes_size = sizeof(int),                                                         \
        .infer = family_infer,                                                                  \
        .forward = ct__unary_forward,                                                           \
        .vjp = family_vjp,                                                                      \
        .backward = ct__unary_backward,                                                         \
        .sample = id##_sample,                                                                  \
    };
FAMILY_OPERATOR(polygamma, "y = the n-th derivative of digamma at x", "gx = g polygamma(n + 1, x)")
FAMILY_OPERATOR(sinc, "y = sin(pi x) / (pi x)", "gx = g (cos(pi x) - y) / x")

ct_tensor *ct_polygamma(int n, ct_tensor *x)
{
    return ct_apply(&ct__polygamma_op, &n, &x, 1);
}

ct_tensor *ct_sinc(ct_tensor *x)
{
    return ct_apply(&ct__sinc_op, &(int){ 0 }, &x, 1);
}
