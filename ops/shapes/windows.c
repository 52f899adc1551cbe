/* windows shows parts of an axis that may overlap, as a view; fold_windows adds such parts up where
 * they lie. y_ik = x_(i step + k), so gx_j is the sum of gy_ik over all i and k with i step + k =
 * j: that is fold_windows. Each is the adjoint of the other, and so its derivative. */
#include <cotangent/ops.h>
#include <string.h>

#include "copy.h"
#include "lines.h"

typedef struct cut {
    int axis;
    int64_t size, step; /* of a window; in fold_windows, size is y's along the axis */
} cut;

static ct_status check_step(const ct_call *call, int64_t step)
{
    if (step > 0)
        return CT_OK;
    return ct_call_fail(call, CT_ERROR_VALUE, "step must be positive, got %lld", (long long)step);
}

/* -- windows */
static ct_status windows_infer(ct_call *call)
{
    const cut *c = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS + 1], strides[CT_MAX_DIMS + 1];
    int ndim = ct_ndim(x), axis = ct_call_axis(call, c->axis, ndim);
    if (axis < 0)
        return CT_ERROR_RANGE;
    int64_t n = ct_shape(x)[axis];
    if (c->size < 1 || c->size > n)
        return ct_call_fail(call, CT_ERROR_VALUE,
                            "size must be positive and at most %lld, got %lld", (long long)n,
                            (long long)c->size);
    ct_status status = check_step(call, c->step);
    if (status != CT_OK)
        return status;
    memcpy(shape, ct_shape(x), (size_t)ndim * sizeof *shape);
    memcpy(strides, ct_strides(x), (size_t)ndim * sizeof *strides);
    shape[axis] = (n - c->size) / c->step + 1;
    shape[ndim] = c->size;
    strides[ndim] = strides[axis];
    if (shape[axis] > 1 && ct_count(x) > 0)
        strides[axis] *= c->step;
    return ct_view(call, shape, strides, ndim + 1, 0) ? CT_OK : ct_error(ct_call_context(call));
}

static ct_status windows_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const cut *c = ct_call_attributes(call);
    gx[0] = ct_fold_windows(gy[0], c->axis < 0 ? c->axis + ct_ndim(gy[0]) - 1 : c->axis,
                            ct_size(ct_call_x(call, 0), c->axis), c->step);
    return CT_OK;
}

static int windows_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const cut cuts[] = { { 0, 3, 1 }, { 1, 2, 2 }, { -2, 1, 2 }, { -1, 5, 9 } };
    if (k >= 4)
        return 0;
    *(cut *)attributes = cuts[k];
    x[0] = k == 0 ? ct_randn(cx, CT_F64, CT_SHAPE(6)) : ct_randn(cx, CT_F64, CT_SHAPE(3, 5));
    return 1;
}

extern const ct_op ct__windows_op, ct__fold_windows_op;
const ct_op ct__windows_op = {
    .name = "windows",
    .formula = "y[i][k] = x[i step + k]",
    .derivative = "gx[j] = sum of g[i][k] over all i, k with i step + k = j",
    .inputs = 1,
    .flags = CT_OP_VIEW,
    .attributes_size = sizeof(cut),
    .infer = windows_infer,
    .vjp = windows_vjp,
    .sample = windows_sample,
};

ct_tensor *ct_windows(ct_tensor *x, int axis, int64_t size, int64_t step)
{
    return ct_apply(&ct__windows_op, &(cut){ axis, size, step }, &x, 1);
}

/* -- fold_windows */
static ct_status fold_infer(ct_call *call)
{
    const cut *c = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS];
    int ndim = ct_ndim(x) - 1, axis;
    if (ndim < 1)
        return ct_call_fail(call, CT_ERROR_SHAPE, "x must have two dimensions or more");
    if (ct_dtype_of(x) == CT_BOOL)
        return ct_call_fail(call, CT_ERROR_DTYPE, "bool has no sums; ct_cast it");
    if ((axis = ct_call_axis(call, c->axis, ndim)) < 0)
        return CT_ERROR_RANGE;
    ct_status status = check_step(call, c->step);
    if (status != CT_OK)
        return status;
    int64_t count = ct_shape(x)[axis], size = ct_shape(x)[ndim], n = c->size;
    if (n < size || (count > 1 && (n - size) / c->step < count - 1))
        return ct_call_fail(call, CT_ERROR_SHAPE,
                            "%lld windows of %lld elements do not fit into %lld at step %lld",
                            (long long)count, (long long)size, (long long)n, (long long)c->step);
    memcpy(shape, ct_shape(x), (size_t)ndim * sizeof *shape);
    shape[axis] = n;
    return ct_call_set_y(call, 0, ct_dtype_of(x), shape, ndim);
}

/* what the kernel needs to know: a line of y has n elements `place` apart; x has `count` windows of
 * `size` elements, which are `window` and `element` apart */
typedef struct fold {
    int64_t n, place, count, size, step, window, element;
} fold;

#define CT_KERNELS     "windows_kernels.h"
#define CT_KERNELS_F32 16
#define CT_KERNELS_F64 16
#define CT_KERNELS_I64 uint64_t
#include <cotangent/kernels.h>
static const ct_loop_body folds[][CT_SIMDS] = CT_KERNEL_TABLE(fold);

static ct_status fold_forward(ct_call *call)
{
    const cut *c = ct_call_attributes(call);
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    int last = ct_ndim(x) - 1, axis = c->axis < 0 ? c->axis + last : c->axis;
    if (ct_count(x) == 0) {
        ct__clear(y);
        return CT_OK;
    }
    fold f = { ct_size(y, axis), ct_strides(y)[axis], ct_size(x, axis), ct_size(x, last), c->step,
               ct_strides(x)[axis], ct_strides(x)[last] };
    ct_tensor *firsts = ct_select(x, last, 0); /* of each window */
    if (!firsts)
        return ct_error(ct_call_context(call));
    ct__loop_lines(CT_TENSORS(y, firsts), axis, CT_KERNEL_OF(folds, y), &f);
    return CT_OK;
}

/* gx_ik = gy_(i step + k). There is room for more windows than x has, where y is longer than need
 * be: these are cut off. */
static ct_status fold_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const cut *c = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int axis = c->axis < 0 ? c->axis + ct_ndim(gy[0]) : c->axis;
    if (ct_count(x) == 0)
        gx[0] = ct_call_zero(call, 0);
    else
        gx[0] = ct_slice(ct_windows(gy[0], axis, ct_size(x, -1), c->step), axis, 0,
                         ct_size(x, axis), 1);
    return CT_OK;
}

static int fold_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const cut cuts[] = { { 0, 6, 1 }, { 0, 14, 3 }, { -1, 7, 2 }, { 1, 3, 1 } };
    if (k >= 4)
        return 0;
    *(cut *)attributes = cuts[k];
    x[0] = k < 2 ? ct_randn(cx, CT_F64, CT_SHAPE(4, 3 - k))
                 : ct_randn(cx, CT_F64, (const int64_t[]){ 2, k == 2 ? 3 : 0, 3 }, 3);
    return 1;
}

const ct_op ct__fold_windows_op = {
    .name = "fold_windows",
    .formula = "y[j] = sum of x[i][k] over all i, k with i step + k = j",
    .derivative = "gx[i][k] = g[i step + k]",
    .inputs = 1,
    .flags = CT_OP_LINEAR,
    .attributes_size = sizeof(cut),
    .infer = fold_infer,
    .forward = fold_forward,
    .vjp = fold_vjp,
    .sample = fold_sample,
};

ct_tensor *ct_fold_windows(ct_tensor *x, int axis, int64_t n, int64_t step)
{
    return ct_apply(&ct__fold_windows_op, &(cut){ axis, n, step }, &x, 1);
}
