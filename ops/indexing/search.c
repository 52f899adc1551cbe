/* Places in sorted lists, by halving: searchsorted finds where a value belongs, and histogram
 * counts how many elements lie between two neighbors of a list. A NaN counts as larger than all
 * else. */
#include <cotangent/op.h>
#include <cotangent/ops.h>

#include "copy.h"

/* the sorted list, and for a histogram the counts */
typedef struct list {
    const void *first;
    int64_t n, step;
    bool right;
    int64_t *counts;
} list;

#define CT_KERNELS     "search_kernels.h"
#define CT_KERNELS_F32 16
#define CT_KERNELS_F64 16
#define CT_KERNELS_I64 int64_t
#include <cotangent/kernels.h>
static const ct_loop_body searches[][CT_SIMDS] = CT_KERNEL_TABLE(search);
static const ct_loop_body counts[][CT_SIMDS] = CT_KERNEL_TABLE(count);
typedef int64_t (*disorder)(const list *l);
static const disorder disorders[][CT_SIMDS] = CT_KERNEL_TABLE(disorder);

/* the list is input `of`, and 1-d */
static ct_status check_list(const ct_call *call, int of, const char *name)
{
    const ct_tensor *x = ct_call_x(call, of);
    ct_dtype dtype = ct_dtype_of(x);
    if (dtype != ct_dtype_of(ct_call_x(call, 1 - of)))
        return ct_call_fail(call, CT_ERROR_DTYPE, "dtypes differ; ct_cast one");
    if (dtype == CT_BOOL)
        return ct_call_fail(call, CT_ERROR_DTYPE, "bool has no order; ct_cast it");
    if (ct_ndim(x) != 1)
        return ct_call_fail(call, CT_ERROR_SHAPE, "%s must have 1 dimension, got %d", name,
                            ct_ndim(x));
    return CT_OK;
}

static list list_of(const ct_tensor *x, bool right)
{
    return (list){ .first = ct_data(x), .n = ct_count(x), .step = ct_strides(x)[0],
                   .right = right };
}

/* -- searchsorted */
static ct_status searchsorted_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 1);
    ct_status status = check_list(call, 0, "the sorted list");
    return status == CT_OK ? ct_call_set_y(call, 0, CT_I64, ct_shape(x), ct_ndim(x)) : status;
}

static ct_status searchsorted_forward(ct_call *call)
{
    const list l = list_of(ct_call_x(call, 0), *(const bool *)ct_call_attributes(call));
    ct_tensor *x = ct_call_x(call, 1), *y = ct_call_y(call, 0);
    ct_loop(CT_TENSORS(y, x), CT_KERNEL_OF(searches, x), &l);
    return CT_OK;
}

static int searchsorted_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 2)
        return 0;
    *(bool *)attributes = k == 1;
    x[0] = ct_from_doubles(cx, CT_F64, CT_SHAPE(4), CT_DOUBLES(-1, 0, 0, 2));
    x[1] = ct_from_doubles(cx, CT_F64, CT_SHAPE(2, 3), CT_DOUBLES(-2, 0, 3, 2, -1, 1));
    return 2;
}

extern const ct_op ct__searchsorted_op, ct__histogram_op;
const ct_op ct__searchsorted_op = {
    .name = "searchsorted",
    .formula = "y = the number of elements of `sorted` that are < x",
    .derivative = "none",
    .inputs = 2,
    .flags = CT_OP_CONSTANT,
    .attributes_size = sizeof(bool),
    .infer = searchsorted_infer,
    .forward = searchsorted_forward,
    .sample = searchsorted_sample,
};

ct_tensor *ct_searchsorted(ct_tensor *sorted, ct_tensor *x, bool right)
{
    return ct_apply(&ct__searchsorted_op, &right, CT_TENSORS(sorted, x));
}

/* -- histogram */
static ct_status histogram_infer(ct_call *call)
{
    const ct_tensor *edges = ct_call_x(call, 1);
    ct_status status = check_list(call, 1, "the edges");
    if (status != CT_OK)
        return status;
    if (ct_count(edges) < 2)
        return ct_call_fail(call, CT_ERROR_SHAPE, "there must be at least 2 edges, got %lld",
                            (long long)ct_count(edges));
    return ct_call_set_y(call, 0, CT_I64, (const int64_t[]){ ct_count(edges) - 1 }, 1);
}

static ct_status histogram_forward(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    list l = list_of(ct_call_x(call, 1), true);
    int64_t at = CT_KERNEL_OF(disorders, x)(&l);
    if (at >= 0)
        return ct_call_fail(call, CT_ERROR_VALUE,
                            "the edges must be sorted, and edge %lld is larger than the next",
                            (long long)at);
    ct__clear(ct_call_y(call, 0));
    l.counts = ct_data_mutable(ct_call_y(call, 0));
    const ct_operand operand = { (void *)(uintptr_t)ct_data(x), ct_dtype_size(ct_dtype_of(x)),
                                 ct_strides(x) };
    ct_loop_over(ct_shape(x), ct_ndim(x), &operand, 1, CT_KERNEL_OF(counts, x), &l);
    return CT_OK;
}

static int histogram_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    if (k >= 2)
        return 0;
    x[0] = k == 0 ? ct_randn(cx, CT_F64, CT_SHAPE(2, 5)) : ct_zeros(cx, CT_F64, CT_SHAPE(0, 2));
    x[1] = ct_linspace(cx, CT_F64, -1, 1, 4);
    return 2;
}

const ct_op ct__histogram_op = {
    .name = "histogram",
    .formula = "y[k] = the number of elements with edges[k] <= x < edges[k + 1]",
    .derivative = "none",
    .inputs = 2,
    .flags = CT_OP_CONSTANT,
    .infer = histogram_infer,
    .forward = histogram_forward,
    .sample = histogram_sample,
};

ct_tensor *ct_histogram(ct_tensor *x, ct_tensor *edges)
{
    return ct_apply(&ct__histogram_op, NULL, CT_TENSORS(x, edges));
}
