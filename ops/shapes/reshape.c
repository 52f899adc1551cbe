/* reshape keeps the elements and their row-major order; contiguous copies them so that they lie in
 * that order. Each y_j is one x_i, and every x_i is used once, so gx is gy in x's shape. */
#include <cotangent/ops.h>

#include "copy.h"
#include "move_axes.h"

/* -- contiguous: a copy; gx = gy */
static ct_status contiguous_infer(ct_call *call)
{
    const ct_tensor *x = ct_call_x(call, 0);
    return ct_call_set_y(call, 0, ct_dtype_of(x), ct_shape(x), ct_ndim(x));
}

static ct_status copy_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0);
    ct_loop(CT_TENSORS(ct_call_y(call, 0), x), ct__copying(ct_dtype_of(x)), NULL);
    return CT_OK;
}

static ct_status contiguous_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)call;
    gx[0] = gy[0];
    return CT_OK;
}

static int contiguous_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    if (k >= 2)
        return 0;
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(3, 4));
    if (k == 1)
        x[0] = ct_permute(x[0], CT_AXES(1, 0));
    return 1;
}

extern const ct_op ct__contiguous_op;
const ct_op ct__contiguous_op = {
    .name = "contiguous",
    .formula = "y = x",
    .derivative = "gx = g",
    .inputs = 1,
    .flags = CT_OP_SYMMETRIC | CT_OP_BATCHED,
    .infer = contiguous_infer,
    .forward = copy_forward,
    .vjp = contiguous_vjp,
    .sample = contiguous_sample,
};

ct_tensor *ct_contiguous(ct_tensor *x)
{
    if (!ct_usable(x, "contiguous"))
        return NULL;
    return ct_is_contiguous(x) ? x : ct_apply(&ct__contiguous_op, NULL, &x, 1);
}

/* -- reshape: a view, or a copy where no strides describe it; gx is gy in x's shape */
/* Replaces -1 by the size that is left; false if the sizes do not multiply to x's count. The count
 * is divided by them, since the product of any numbers may overflow. */
static bool resolve_sizes(ct__list *shape, int64_t count)
{
    int64_t *open = NULL, rest = count;
    bool empty = false;
    for (int d = 0; d < shape->n; d++) {
        int64_t *size = &shape->values[d];
        if (*size < -1 || (*size == -1 && open))
            return false;
        if (*size == -1)
            open = size;
        else if (*size == 0)
            empty = true;
        else if (rest % *size != 0)
            return false;
        else
            rest /= *size;
    }
    if (empty) /* then any size would do for -1, so there must be none */
        return count == 0 && !open;
    if (open)
        *open = rest;
    return open || rest == 1;
}

/* Finds the strides that give x this shape without a copy; false if there are none. From the last
 * axis to the first, x is cut into runs: axes that have a single stride between them. Each new size
 * must divide what is left of a run. */
static bool view_strides(const ct_tensor *x, const ct__list *shape, int64_t *strides)
{
    int axis = ct_ndim(x) - 1;
    int64_t left = 1, step = 1; /* of the run: how many elements are left, and their stride */
    if (ct_count(x) == 0) {
        for (int d = 0; d < shape->n; d++)
            strides[d] = 1; /* any will do */
        return true;
    }
    for (int d = shape->n - 1; d >= 0; d--) {
        while (left == 1 && axis >= 0) {
            left = ct_shape(x)[axis];
            step = ct_strides(x)[axis--];
        }
        while (axis >= 0 && (ct_shape(x)[axis] == 1 || ct_strides(x)[axis] == step * left))
            left *= ct_shape(x)[axis--];
        if (left % shape->values[d] != 0)
            return false;
        strides[d] = step;
        step *= shape->values[d];
        left /= shape->values[d];
    }
    return true;
}

static ct_status reshape_infer(ct_call *call)
{
    ct__list shape = *(const ct__list *)ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t strides[CT_MAX_DIMS];
    ct_status status = ct__check_list(call, &shape);
    if (status != CT_OK)
        return status;
    if (!resolve_sizes(&shape, ct_count(x)))
        return ct_call_fail(call, CT_ERROR_SHAPE, "the sizes must multiply to %lld elements",
                            (long long)ct_count(x));
    if (view_strides(x, &shape, strides))
        return ct__set_view(call, shape.values, strides, shape.n);
    return ct_call_set_y(call, 0, ct_dtype_of(x), shape.values, shape.n);
}

/* copies, unless y is a view */
static ct_status reshape_forward(ct_call *call)
{
    ct_tensor *x = ct_call_x(call, 0), *y = ct_call_y(call, 0);
    int64_t strides[CT_MAX_DIMS], count = 1;
    size_t size = ct_dtype_size(ct_dtype_of(x));
    if (ct_data(x) == ct_data(y))
        return CT_OK;
    for (int d = ct_ndim(x) - 1; d >= 0; d--) {
        strides[d] = count;
        count *= ct_shape(x)[d];
    }
    ct_operand operands[] = { { ct_data_mutable(y), size, strides },
                              { (void *)(uintptr_t)ct_data(x), size, ct_strides(x) } };
    ct_loop_over(ct_shape(x), ct_ndim(x), operands, 2, ct__copying(ct_dtype_of(x)), NULL);
    return CT_OK;
}

static ct_status reshape_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    int64_t shape[CT_MAX_DIMS];
    int ndim = ct_call_gx_shape(call, 0, shape);
    gx[0] = ct_reshape(gy[0], shape, ndim);
    return CT_OK;
}

static int reshape_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const ct__list to[] = { { 2, { 4, 3 } }, { 1, { -1 } }, { 3, { 2, 1, -1 } },
                                   { 0, { 0 } }, { 2, { 0, 7 } } };
    if (k >= (int)(sizeof to / sizeof *to))
        return 0;
    *(ct__list *)attributes = to[k];
    x[0] = k == 1   ? ct_permute(ct_randn(cx, CT_F64, CT_SHAPE(3, 4)), CT_AXES(1, 0))
           : k == 3 ? ct_randn(cx, CT_F64, CT_SHAPE(1, 1))
           : k == 4 ? ct_randn(cx, CT_F64, CT_SHAPE(3, 0))
                    : ct_randn(cx, CT_F64, CT_SHAPE(2, 6));
    return 1;
}

extern const ct_op ct__reshape_op;
const ct_op ct__reshape_op = {
    .name = "reshape",
    .formula = "y = x in another shape",
    .derivative = "gx = g in x's shape",
    .inputs = 1,
    .flags = CT_OP_VIEW | CT_OP_BATCHED,
    .attributes_size = sizeof(ct__list),
    .infer = reshape_infer,
    .forward = reshape_forward,
    .vjp = reshape_vjp,
    .sample = reshape_sample,
};

ct_tensor *ct_reshape(ct_tensor *x, const int64_t *shape, int ndim)
{
    ct__list attributes = ct__list_of(shape, ndim);
    return ct_apply(&ct__reshape_op, &attributes, &x, 1);
}

/* -- flatten: a reshape */
ct_tensor *ct_flatten(ct_tensor *x, int first, int last)
{
    char text[CT_SHAPE_TEXT];
    int64_t shape[CT_MAX_DIMS];
    int n = 0;
    if (!ct_usable(x, "flatten"))
        return NULL;
    if (ct_ndim(x) == 0)
        x = ct_reshape(x, CT_SHAPE(1));
    int begin = ct__axis_of(x, first, "flatten");
    int end = begin < 0 ? -1 : ct__axis_of(x, last, "flatten");
    if (end < 0)
        return NULL;
    if (begin > end)
        return ct_fail(ct_context_of(x), CT_ERROR_SHAPE,
                       "flatten: axes %d to %d cannot become one: %s", begin, end,
                       ct_shape_text(x, text)), NULL;
    for (int d = 0; d < begin; d++)
        shape[n++] = ct_shape(x)[d];
    shape[n] = 1;
    for (int d = begin; d <= end; d++)
        shape[n] *= ct_shape(x)[d];
    n++;
    for (int d = end + 1; d < ct_ndim(x); d++)
        shape[n++] = ct_shape(x)[d];
    return ct_reshape(x, shape, n);
}
