/* All outputs of an operator as one number, so that one walk gives each a cotangent of its own:
 *
 *   combine(x1, x2, ...) = sum of w_k over all elements     gx = gy w
 *   spread(s) = s w, of one tensor's shape                  gs = <gy, w>, which is combine again
 *
 * Each is in the other's rule, so derivatives of any order exist. The weights are constants, and
 * must outlive the graph. */
#include "trial.h"

typedef struct spread_to {
    const double *weights;
    int ndim;
    int64_t shape[CT_MAX_DIMS];
} spread_to;

static const ct_op combine_op, spread_op;

static ct_status combine_forward(ct_call *call)
{
    const double *w = *(const double *const *)ct_call_attributes(call);
    double sum = 0;
    for (int i = 0; i < ct_call_inputs(call); i++) {
        const ct_tensor *x = ct_call_x(call, i);
        for (int64_t k = 0; k < x->count; k++)
            sum += *w++ * ct__load(x->data + (size_t)k * ct__dtype_size(x->dtype), x->dtype);
    }
    ct_tensor *y = ct_call_y(call, 0);
    ct__store(y->data, y->dtype, sum);
    return CT_OK;
}

static ct_status combine_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    spread_to to = { .weights = *(const double *const *)ct_call_attributes(call) };
    for (int i = 0; i < ct_call_inputs(call); i++) {
        const ct_tensor *x = ct_call_x(call, i);
        to.ndim = x->ndim;
        memcpy(to.shape, ct__shape(x), (size_t)x->ndim * sizeof *to.shape);
        if (ct_call_wants(call, i))
            gx[i] = ct_apply(&spread_op, &to, gy, 1);
        to.weights += x->count;
    }
    return CT_OK;
}

static ct_status spread_infer(ct_call *call)
{
    const spread_to *to = ct_call_attributes(call);
    return ct_call_set_y(call, 0, ct_dtype_of(ct_call_x(call, 0)), to->shape, to->ndim);
}

static ct_status spread_forward(ct_call *call)
{
    const spread_to *to = ct_call_attributes(call);
    ct_tensor *y = ct_call_y(call, 0);
    double s = ct_item(ct_call_x(call, 0));
    for (int64_t k = 0; k < y->count; k++)
        ct__store(y->data + (size_t)k * ct__dtype_size(y->dtype), y->dtype, s * to->weights[k]);
    return CT_OK;
}

static ct_status spread_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    gx[0] = ct__combine(gy, 1, ((const spread_to *)ct_call_attributes(call))->weights);
    return CT_OK;
}

static const ct_op combine_op = {
    .name = "combine",
    .flags = CT_OP_CONTIGUOUS,
    .attributes_size = sizeof(const double *),
    .infer = ct_infer_scalar,
    .forward = combine_forward,
    .vjp = combine_vjp,
};

static const ct_op spread_op = {
    .name = "spread",
    .attributes_size = sizeof(spread_to),
    .infer = spread_infer,
    .forward = spread_forward,
    .vjp = spread_vjp,
};

ct_tensor *ct__combine(ct_tensor *const *x, int n, const double *weights)
{
    return ct_apply(&combine_op, &weights, x, n);
}
