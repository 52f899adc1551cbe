/* Systems of equations: shapes that broadcast. */
#include "systems.h"

#include <cotangent/ops.h>

ct_status ct__infer_system(ct_call *call, int64_t rows, int64_t columns)
{
    int64_t shape[CT_MAX_DIMS + 2];
    int ndim = 0;
    for (int i = 0; i < 2; i++) {
        const ct_tensor *x = ct_call_x(call, i);
        if (!ct_broadcast_shape(shape, &ndim, ct_shape(x), ct_ndim(x) - 2))
            return ct_call_fail(call, CT_ERROR_SHAPE, "leading sizes do not broadcast");
    }
    shape[ndim++] = rows;
    shape[ndim++] = columns;
    return ct_call_set_y(call, 0, ct_dtype_of(ct_call_x(call, 0)), shape, ndim);
}

void ct__system_begin(ct__job *job, const ct_call *call)
{
    ct_tensor *y = ct_call_y(call, 0);
    ct__job_begin(job, call, y, 2);
    for (int i = 0; i < 2; i++)
        job->x[i] = ct__stack_of(job, ct_call_x(call, i), 2);
    job->y[0] = ct__stack_of(job, y, 2);
    job->outputs = 1;
}

ct_tensor *ct__system_apply(const ct_op *op, const void *attributes, ct_tensor *a, ct_tensor *b,
                            int axis)
{
    if (!b || !ct_usable(b, op->name) || ct_ndim(b) != 1)
        return ct_apply(op, attributes, CT_TENSORS(a, b));
    ct_tensor *y = ct_apply(op, attributes, CT_TENSORS(a, ct_unsqueeze(b, axis)));
    return ct_squeeze(y, axis < 0 ? -1 : -2);
}

ct_tensor *ct__system_sum_to(ct_tensor *g, const ct_tensor *x)
{
    return ct_sum_to(g, ct_shape(x), ct_ndim(x));
}
