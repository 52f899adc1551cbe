/* Cross-entropy with whole labels, in one pass over the logits each way.
 *
 *   l_i = log sum_j e^(x_ij) - x_i,t        t is the label of example i
 *       = log s_i - (x_it - m_i)            m_i = max_j x_ij,  s_i = sum_j e^(x_ij - m_i) >= 1
 *   dl_i/dx_ij = e^(x_ij - m_i) / s_i       j is another class
 *   dl_i/dx_it = -r_i / s_i                 r_i = sum of e^(x_ij - m_i) over the other classes
 *
 * An example that is classified with confidence has r_i far below 1. There s_i, rounded, is 1, and
 * so is e^(x_it - m_i) / s_i; but r_i has all its digits, and by log(1 + r_i) the loss has them
 * too. So the term of the label is left out of the sum.
 *
 * Where a graph is recorded, e^(x_ij - m_i), with -r_i in the place of the label, and 1 / s_i are
 * kept for backward: to read and write the exponentials once more costs less than to take them
 * again. */
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <math.h>
#include <string.h>

#include "axes.h"
#include "double_math.h"

enum { GRAIN = 16384 }; /* logits worth sharing out */

/* n examples of c classes, row by row */
typedef struct examples {
    int64_t n, c;
    const void *x, *gy;
    const int64_t *label;
    void *e, *share, *gx; /* e^(x - max) but for the labels, or NULL; 1 / sum; the gradient */
    double *loss;
    bool mean, adds;
} examples;

typedef struct cross_entropy_kernels {
    void (*forward)(int64_t begin, int64_t end, void *arg);
    void (*backward)(int64_t begin, int64_t end, void *arg);
} cross_entropy_kernels;

#define CT_KERNELS     "cross_entropy_kernels.h"
#define CT_KERNELS_F32 64
#define CT_KERNELS_F64 32
#include <cotangent/kernels.h>

static const cross_entropy_kernels *kernels_for(const ct_call *call)
{
    static const cross_entropy_kernels *const all[][CT_SIMDS] = CT_KERNEL_TABLE(kernels);
    return CT_KERNEL_OF(all, ct_call_x(call, 0));
}

static ct_status infer(ct_call *call)
{
    const bool *mean = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0), *label = ct_call_x(call, 1);
    ct_dtype dtype = ct_dtype_of(x);
    if (ct_dtype_of(label) != CT_I64)
        return ct_call_fail(call, CT_ERROR_DTYPE, "labels are i64; ct_cast them");
    if (dtype != CT_F32 && dtype != CT_F64)
        return ct_call_fail(call, CT_ERROR_DTYPE, "logits are f32 or f64; ct_cast them");
    if (ct_ndim(x) != 2 || ct_ndim(label) != 1 || ct_size(x, 0) != ct_size(label, 0))
        return ct_call_fail(call, CT_ERROR_SHAPE,
                            "logits (n,classes) and labels (n) do not fit");
    ct_status status = ct_call_set_y(call, 0, dtype, ct_shape(label), *mean ? 0 : 1);
    if (status != CT_OK || !ct_call_records(call))
        return status;
    status = ct_call_set_aux(call, 0, dtype, ct_shape(x), 2);
    return status == CT_OK ? ct_call_set_aux(call, 1, dtype, ct_shape(label), 1) : status;
}

static examples examples_of(const ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    return (examples){ .n = ct_size(x, 0), .c = ct_size(x, 1), .x = ct_data(x),
                       .label = ct_data(ct_call_x(call, 1)),
                       .mean = *(const bool *)ct_call_attributes(call) };
}

static void share_out(const ct_call *call, examples *e,
                      void (*body)(int64_t begin, int64_t end, void *arg))
{
    ct_parallel_ranges(ct_call_context(call), e->n, GRAIN / (e->c > 0 ? e->c : 1), body, e);
}

static ct_status check_labels(const ct_call *call, const examples *e)
{
    for (int64_t i = 0; i < e->n; i++)
        if (e->label[i] < 0 || e->label[i] >= e->c)
            return ct_call_fail(call, CT_ERROR_RANGE, "label %lld of example %lld is not one of "
                                "%lld classes, 0 to %lld", (long long)e->label[i], (long long)i,
                                (long long)e->c, (long long)e->c - 1);
    return CT_OK;
}

static void store(ct_tensor *y, const double *value)
{
    void *data = ct_data_mutable(y);
    bool f32 = ct_dtype_of(y) == CT_F32;
    for (int64_t i = 0; i < ct_count(y); i++)
        if (f32)
            ((float *)data)[i] = (float)value[i];
        else
            ((double *)data)[i] = value[i];
}

static ct_status forward(ct_call *call)
{
    examples e = examples_of(call);
    ct_status status = check_labels(call, &e);
    if (status != CT_OK)
        return status;
    e.loss = ct_call_scratch(call, (size_t)e.n * sizeof *e.loss);
    if (!e.loss)
        return CT_ERROR_MEMORY;
    if (ct_call_records(call)) {
        e.e = ct_data_mutable(ct_call_aux(call, 0));
        e.share = ct_data_mutable(ct_call_aux(call, 1));
    }
    share_out(call, &e, kernels_for(call)->forward);
    double sum = 0;
    for (int64_t i = 0; i < e.n; i++)
        sum += e.loss[i];
    store(ct_call_y(call, 0), e.mean ? &(double){ sum / (double)e.n } : e.loss);
    return CT_OK;
}

static ct_status backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    examples e = examples_of(call);
    e.gy = ct_data(gy[0]);
    e.gx = ct_data_mutable(gx[0]);
    e.e = (void *)(uintptr_t)ct_data(ct_call_aux(call, 0));
    e.share = (void *)(uintptr_t)ct_data(ct_call_aux(call, 1));
    e.adds = ct_call_adds(call, 0);
    share_out(call, &e, kernels_for(call)->backward);
    return CT_OK;
}

/* With y = softmax x and gl_i = gy_i, or gy / n for the mean: gx_ij = gl_i y_ij for another class,
 * and gx_it = -gl_i times the sum of these y_ij. That is gl_i (y_it - 1), which cancels where y_it
 * is near 1 */
static ct_status vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const bool *mean = ct_call_attributes(call);
    ct_tensor *x = ct_call_x(call, 0), *label = ct_unsqueeze(ct_call_x(call, 1), 1);
    ct_tensor *is = ct_eq(label, ct_range(ct_call_context(call), CT_I64, ct_size(x, 1)));
    ct_tensor *y = ct_softmax(x, 1), *others = ct_where(is, ct_scalar_like(x, 0), y);
    ct_tensor *all_others = ct_sum_over(others, CT_AXES(1), CT_KEEPDIMS);
    ct_tensor *g = *mean ? ct_div(gy[0], ct_scalar_like(x, (double)ct_size(x, 0)))
                         : ct_unsqueeze(gy[0], 1);
    gx[0] = ct_mul(ct_where(is, ct_neg(all_others), y), g);
    return CT_OK;
}

static ct_status jvp(const ct_call *call, ct_tensor *const *tx, ct_tensor **ty)
{
    const bool *mean = ct_call_attributes(call);
    return ct__group_jvp(call, tx, ty, (ct__reduction){ *mean ? 3 : 2, false });
}

static int sample(ct_context *cx, int k, ct_tensor **x, bool mean, bool *attributes)
{
    static const int64_t shapes[][2] = { { 4, 3 }, { 1, 1 }, { 2, 5 } };
    if (k >= 3)
        return 0;
    *attributes = mean;
    x[0] = ct_randn(cx, CT_F64, shapes[k], 2);
    x[1] = ct_randint(cx, 0, shapes[k][1], shapes[k], 1);
    return 2;
}

#define CROSS_ENTROPY(id, is_mean, value, slope)                                                \
    static int id##_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)              \
    {                                                                                           \
        return sample(cx, k, x, is_mean, attributes);                                           \
    }                                                                                           \
    extern const ct_op ct__##id##_op;                                                           \
    const ct_op ct__##id##_op = {                                                               \
        .name = #id,                                                                            \
        .formula = value,                                                                       \
        .derivative = slope,                                                                    \
        .inputs = 2,                                                                            \
        .flags = CT_OP_CONTIGUOUS,                                                              \
        .saves = CT_SAVE_X(0) | CT_SAVE_X(1) | CT_SAVE_AUX,                                     \
        .attributes_size = sizeof(bool),                                                        \
        .infer = infer,                                                                         \
        .forward = forward,                                                                     \
        .vjp = vjp,                                                                             \
        .backward = backward,                                                                   \
        .jvp = jvp,                                                                             \
        .sample = id##_sample,                                                                  \
    };                                                                                          \
    ct_tensor *ct_##id(ct_tensor *logits, ct_tensor *labels)                                    \
    {                                                                                           \
        return ct_apply(&ct__##id##_op, &(bool){ is_mean }, CT_TENSORS(logits, labels));        \
    }
CROSS_ENTROPY(cross_entropy, true, "y = mean of (log sum e^x - x[label]) over the examples",
              "gx = g (softmax(x) - [class = label]) / n")
CROSS_ENTROPY(cross_entropy_each, false, "y = log sum e^x - x[label]",
              "gx = g (softmax(x) - [class = label])")
