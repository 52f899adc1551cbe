/* in_range: y = x, or an error. A check that a program makes in a replay, too. */
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <string.h>

#include "index.h"

typedef struct range {
    double low, high;
    const char *what;
} range;

static ct_status in_range_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    if (ct_dtype_of(x) == CT_BOOL)
        return ct_call_fail(call, CT_ERROR_DTYPE, "bool has no range; ct_cast it");
    return ct_call_set_y(call, 0, ct_dtype_of(x), ct_shape(x), ct_ndim(x));
}

/* the first element that is outside, or n */
#define FIND(name, type)                                                                        \
    static int64_t name(const void *data, int64_t n, const range *r)                            \
    {                                                                                           \
        const type *x = data;                                                                   \
        int outside = 0;                                                                        \
        for (int64_t i = 0; i < n; i++) /* without a branch, as vectors go */                   \
            outside |= !((double)x[i] >= r->low && (double)x[i] <= r->high);                    \
        for (int64_t i = 0; i < n && outside; i++)                                              \
            if (!((double)x[i] >= r->low && (double)x[i] <= r->high))                           \
                return i;                                                                       \
        return n;                                                                               \
    }
FIND(find_f32, float)
FIND(find_f64, double)
FIND(find_i64, int64_t)

static ct_status in_range_forward(ct_call *call)
{
    const range *r = ct_call_attributes(call);
    ct_tensor *x = ct_call_x(call, 0);
    char place[CT__PLACE_TEXT];
    int64_t n = ct_count(x), found;
    const void *data = ct_data(x);
    if (ct_dtype_of(x) == CT_I64)
        found = find_i64(data, n, r);
    else
        found = ct_dtype_of(x) == CT_F32 ? find_f32(data, n, r) : find_f64(data, n, r);
    if (found < n)
        return ct_fail(ct_call_context(call), CT_ERROR_RANGE,
                       "%s: element (%s) is %g, and must be in [%g, %g]", r->what,
                       ct__place_text(x, found, place),
                       ct_item(ct_select(ct_reshape(x, CT_SHAPE(-1)), 0, found)), r->low, r->high);
    if (n > 0)
        memcpy(ct_data_mutable(ct_call_y(call, 0)), data,
               (size_t)n * ct_dtype_size(ct_dtype_of(x)));
    return CT_OK;
}

static ct_status in_range_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)call;
    gx[0] = gy[0];
    return CT_OK;
}

static int in_range_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 3)
        return 0;
    *(range *)attributes = (range){ -9, 9, "x" };
    x[0] = k == 0   ? ct_randn(cx, CT_F64, CT_SHAPE(3, 4))
           : k == 1 ? ct_transpose(ct_rand(cx, CT_F64, CT_SHAPE(3, 4)))
                    : ct_from_ints(cx, CT_SHAPE(3), CT_INTS(0, 9, 1));
    return 1;
}

extern const ct_op ct__in_range_op;
const ct_op ct__in_range_op = {
    .name = "in_range",
    .formula = "y = x",
    .derivative = "gx = g",
    .inputs = 1,
    .flags = CT_OP_CONTIGUOUS | CT_OP_SYMMETRIC | CT_OP_BATCHED,
    .attributes_size = sizeof(range),
    .infer = in_range_infer,
    .forward = in_range_forward,
    .vjp = in_range_vjp,
    .sample = in_range_sample,
};

ct_tensor *ct_in_range(ct_tensor *x, double low, double high, const char *what)
{
    const range r = { low, high, what ? what : ct__in_range_op.name };
    return ct_apply(&ct__in_range_op, &r, &x, 1);
}
