/* Cumulative extremes: where the best element up to each position is, and then the elements there,
 * by ct_gather, which brings each cotangent back to the element that was taken. */
#include <cotangent/ops.h>

#include "axes.h"
#include "scan.h"

#define CT_KERNELS      "cummax_kernels.h"
#define CT_KERNELS_F32  16
#define CT_KERNELS_F64  16
#define CT_KERNELS_I64  int64_t
#define CT_KERNELS_BOOL unsigned char
#include <cotangent/kernels.h>
static const ct_loop_body places[][CT_SIMDS] = CT_KERNEL_TABLE(cummax);

static ct_status places_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    if (ct__scan_axis(call) < 0)
        return CT_ERROR_RANGE;
    return ct_call_set_y(call, 0, CT_I64, ct_shape(x), ct_ndim(x));
}

static ct_status places_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0);
    ct__scan_lines(call, CT_TENSORS(ct_call_y(call, 0), x), CT_KERNEL_OF(places, x), false);
    return CT_OK;
}

static int places_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    int n = ct__sample_scan(cx, k, x, attributes);
    ((ct__scan *)attributes)->reverse = false;
    return n;
}

static ct_status cumulate(const ct_op *op, const char *who, ct_tensor *x, int axis,
                          ct_tensor **values, ct_tensor **indices)
{
    ct__reduction r;
    ct_tensor *no_values, *no_indices;
    values = values ? values : &no_values, indices = indices ? indices : &no_indices;
    *values = *indices = NULL;
    if (!x)
        return CT_ERROR_NULL;
    if (!ct__reduction_of(&r, x, who, &(int64_t){ axis }, 1, 0))
        return ct_error(ct_context_of(x));
    ct_tensor *at = ct_apply(op, &(ct__scan){ .axis = axis }, &x, 1);
    ct_tensor *y = values != &no_values ? ct_gather(x, axis, at) : at;
    if (!y)
        return ct_error(ct_context_of(x));
    *values = y, *indices = at;
    return CT_OK;
}

#define CUMULATIVE(id, extreme, least)                                                          \
    extern const ct_op ct__##id##_places_op;                                                    \
    const ct_op ct__##id##_places_op = {                                                        \
        .name = #id "_places",                                                                  \
        .formula = "y_i = index of " extreme "(x_0, ..., x_i)",                                 \
        .derivative = "none",                                                                   \
        .inputs = 1,                                                                            \
        .flags = CT_OP_CONSTANT,                                                                \
        .attributes_size = sizeof(ct__scan),                                                    \
        .infer = places_infer,                                                                  \
        .forward = places_forward,                                                              \
        .sample = places_sample,                                                                \
        .user = &(const bool){ least },                                                         \
    };                                                                                          \
    ct_status ct_##id(ct_tensor *x, int axis, ct_tensor **values, ct_tensor **indices)          \
    {                                                                                           \
        return cumulate(&ct__##id##_places_op, #id, x, axis, values, indices);                  \
    }
CUMULATIVE(cummax, "max", false)
CUMULATIVE(cummin, "min", true)
