/* What the operators made from tables share: their loops and their samples. */
#include "tables.h"

#include <string.h>

/* -- Operators of one tensor */
ct_status ct__unary_forward(ct_call *call)
{
    const ct__row *r = ct_call_op(call)->user;
    ct_tensor *operands[] = { ct_call_y(call, 0), ct_call_x(call, 0) };
    ct_loop_kernel(call, operands, 2, &r->kernels[0], false);
    return CT_OK;
}

ct_status ct__unary_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    const ct_op *op = ct_call_op(call);
    const ct__row *r = op->user;
    ct_tensor *saved = op->saves & CT_SAVE_X(0)   ? ct_call_x(call, 0)
                       : op->saves & CT_SAVE_Y(0) ? ct_call_y(call, 0)
                                                  : gy[0]; /* the kernel does not read it */
    ct_tensor *operands[] = { gx[0], gy[0], saved };
    ct_loop_kernel(call, operands, 3, &r->kernels[1], ct_call_adds(call, 0));
    return CT_OK;
}

/* -- Operators of two tensors */
ct_status ct__binary_forward(ct_call *call)
{
    const ct__row *r = ct_call_op(call)->user;
    ct_tensor *operands[] = { ct_call_y(call, 0), ct_call_x(call, 0), ct_call_x(call, 1) };
    ct_loop_kernel(call, operands, 3, &r->kernels[0], false);
    return CT_OK;
}

/* May cotangent i read y? The rule of a quotient, g / b, does not: so a program need not wait for
 * the sum in a mean before it goes back. */
static bool may_read_y(const ct_op *op, int i)
{
    return op->saves & SAVE_Y && strchr(((const ct__row *)op->user)->rules[i], 'y');
}

ct_status ct__binary_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    const ct_op *op = ct_call_op(call);
    const ct__row *r = op->user;
    for (int i = 0; i < 2; i++) {
        if (!gx[i])
            continue;
        ct_tensor *operands[] = { gx[i], gy[0], op->saves & SAVE_A ? ct_call_x(call, 0) : gy[0],
                                  op->saves & SAVE_B ? ct_call_x(call, 1) : gy[0],
                                  may_read_y(op, i) ? ct_call_y(call, 0) : gy[0] };
        ct_loop_kernel(call, operands, 5, &r->kernels[1 + i], ct_call_adds(call, i));
    }
    return CT_OK;
}

/* -- Samples */
static ct_tensor *sample(ct_context *cx, const int64_t *shape, int ndim, const double range[2],
                         double offset)
{
    double values[32];
    int64_t count = 1;
    for (int d = 0; d < ndim; d++)
        count *= shape[d];
    for (int64_t i = 0; i < count; i++)
        values[i] = range[0]
                    + (range[1] - range[0]) * ((double)(ct_random_u64(cx) % 20) + offset) / 20;
    return ct_from_doubles(cx, CT_F64, shape, ndim, values, count);
}

int ct__unary_sample(ct_context *cx, int k, ct_tensor **x, double low, double high)
{
    static const struct {
        int ndim;
        int64_t shape[4];
    } cases[] = { { 1, { 7 } }, { 0, { 0 } }, { 1, { 1 } }, { 1, { 0 } }, { 2, { 3, 4 } },
                  { 3, { 2, 0, 3 } }, { 4, { 2, 1, 3, 4 } } };
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    const double range[] = { low, high };
    x[0] = sample(cx, cases[k].shape, cases[k].ndim, range, 0.5);
    return 1;
}

int ct__binary_sample(ct_context *cx, int k, ct_tensor **x, const double a[2], const double b[2])
{
    static const struct {
        int a_ndim, b_ndim;
        int64_t a[3], b[3];
    } cases[] = {
        { 1, 1, { 5 }, { 5 } }, { 0, 0, { 0 }, { 0 } }, { 2, 1, { 2, 3 }, { 3 } },
        { 2, 2, { 2, 1 }, { 1, 3 } }, { 0, 2, { 0 }, { 3, 2 } }, { 3, 0, { 2, 3, 2 }, { 0 } },
        { 1, 2, { 1 }, { 0, 2 } }, { 3, 2, { 2, 1, 3 }, { 4, 1 } }, { 1, 1, { 1 }, { 1 } },
    };
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    x[0] = sample(cx, cases[k].a, cases[k].a_ndim, a, 0.25);
    x[1] = sample(cx, cases[k].b, cases[k].b_ndim, b, 0.75);
    return 2;
}
