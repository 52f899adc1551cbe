/* diagonal takes the diagonals of matrices, as a view, and diag_embed makes matrices that are 0
 * beside a diagonal. Each puts elements where the other takes them, so each is the derivative of
 * the other, to any order. */
#include <cotangent/ops.h>
#include <string.h>

#include "copy.h"
#include "move_axes.h"

/* the attributes of both; matrices have the axes axis1 and axis2 of the larger tensor */
typedef struct diagonals {
    int64_t offset;        /* the diagonal begins so many columns to the right; < 0: rows down */
    int axis1, axis2;
    int64_t rows, columns; /* of diag_embed's y; -1: a square as large as need be */
} diagonals;

/* Sets axes to the two, from 0 to ndim - 1. */
static ct_status check_axes(const ct_call *call, int ndim, int axes[2])
{
    const diagonals *d = ct_call_attributes(call);
    axes[0] = ct_call_axis(call, d->axis1, ndim);
    axes[1] = axes[0] < 0 ? -1 : ct_call_axis(call, d->axis2, ndim);
    if (axes[1] < 0)
        return CT_ERROR_RANGE;
    if (axes[0] == axes[1])
        return ct_call_fail(call, CT_ERROR_RANGE, "axis %d is given twice", axes[0]);
    return CT_OK;
}

/* how many elements the diagonal has */
static int64_t length_of(int64_t rows, int64_t columns, int64_t offset)
{
    if (offset <= -rows || offset >= columns)
        return 0;
    rows += offset < 0 ? offset : 0;
    columns -= offset > 0 ? offset : 0;
    return rows < columns ? rows : columns;
}

/* -- diagonal: y_i = x_(i, i + offset); gx_(i, i + offset) = gy_i, and 0 elsewhere */
static ct_status diagonal_infer(ct_call *call)
{
    const diagonals *a = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    const int64_t *sizes = ct_shape(x), *steps = ct_strides(x);
    int64_t shape[CT_MAX_DIMS], strides[CT_MAX_DIMS], first = 0;
    int ndim = ct_ndim(x), axes[2], own = 0;
    ct_status status = check_axes(call, ndim, axes);
    if (status != CT_OK)
        return status;
    for (int d = 0; d < ndim; d++)
        if (d != axes[0] && d != axes[1]) {
            shape[own] = sizes[d];
            strides[own++] = steps[d];
        }
    int64_t n = length_of(sizes[axes[0]], sizes[axes[1]], a->offset);
    if (n > 0 && ct_count(x) > 0)
        first = a->offset < 0 ? -a->offset * steps[axes[0]] : a->offset * steps[axes[1]];
    shape[own] = n;
    strides[own++] = n > 1 && ct_count(x) > 0 ? steps[axes[0]] + steps[axes[1]] : 1;
    return ct_view(call, shape, strides, own, first) ? CT_OK : ct_error(ct_call_context(call));
}

extern const ct_op ct__diagonal_op, ct__diag_embed_op;

static ct_status diagonal_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const ct_tensor *x = ct_call_x(call, 0);
    diagonals a = *(const diagonals *)ct_call_attributes(call);
    a.rows = ct_size(x, a.axis1);
    a.columns = ct_size(x, a.axis2);
    a.axis1 = ct__from_end(a.axis1, ct_ndim(x));
    a.axis2 = ct__from_end(a.axis2, ct_ndim(x));
    gx[0] = ct_apply(&ct__diag_embed_op, &a, gy, 1);
    return CT_OK;
}

static int diagonal_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const diagonals cases[] = { { 0, 0, 1, 0, 0 },   { 1, 0, 1, 0, 0 }, { -1, -1, 0, 0, 0 },
                                       { -2, 1, 2, 0, 0 }, { 9, 0, 1, 0, 0 } };
    if (k >= 5)
        return 0;
    *(diagonals *)attributes = cases[k];
    x[0] = ct_randn(cx, CT_F64, (const int64_t[]){ 3, 4, 2 }, k < 2 ? 2 : 3);
    return 1;
}

const ct_op ct__diagonal_op = {
    .name = "diagonal",
    .formula = "y[i] = x[i][i + offset]",
    .derivative = "gx = 0 except gx[i][i + offset] = g[i]",
    .inputs = 1,
    .flags = CT_OP_VIEW | CT_OP_BATCHED,
    .attributes_size = sizeof(diagonals),
    .infer = diagonal_infer,
    .vjp = diagonal_vjp,
    .sample = diagonal_sample,
};

ct_tensor *ct_diagonal(ct_tensor *x, int64_t offset, int axis1, int axis2)
{
    return ct_apply(&ct__diagonal_op, &(diagonals){ offset, axis1, axis2, 0, 0 }, &x, 1);
}

/* -- diag_embed: y_(i, i + offset) = x_i, and 0 elsewhere; gx_i = gy_(i, i + offset) */
static ct_status diag_embed_infer(ct_call *call)
{
    diagonals a = *(const diagonals *)ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS + 1];
    int ndim = ct_ndim(x) + 1, axes[2];
    if (ndim < 2)
        return ct_call_fail(call, CT_ERROR_SHAPE, "x must have at least one dimension");
    ct_status status = check_axes(call, ndim, axes);
    if (status != CT_OK)
        return status;
    int64_t n = ct_size(x, -1), aside = a.offset < 0 ? -(a.offset + 1) : a.offset;
    if (aside >= INT64_MAX - n)
        return ct_call_fail(call, CT_ERROR_SHAPE, "too many elements");
    if (a.rows < 0)
        a.rows = a.columns = n + aside + (a.offset < 0);
    for (int d = 0, own = 0; d < ndim; d++)
        shape[d] = d == axes[0] ? a.rows : d == axes[1] ? a.columns : ct_shape(x)[own++];
    return ct_call_set_y(call, 0, ct_dtype_of(x), shape, ndim);
}

static ct_status diag_embed_forward(ct_call *call)
{
    const diagonals *a = ct_call_attributes(call);
    ct_tensor *y = ct_call_y(call, 0);
    ct__clear(y);
    return ct_assign(ct_diagonal(y, a->offset, a->axis1, a->axis2), ct_call_x(call, 0));
}

static ct_status diag_embed_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const diagonals *a = ct_call_attributes(call);
    int ndim = ct_ndim(ct_call_y(call, 0));
    gx[0] = ct_diagonal(gy[0], a->offset, ct__from_end(a->axis1, ndim),
                        ct__from_end(a->axis2, ndim));
    return CT_OK;
}

static int diag_embed_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const diagonals cases[] = { { 0, -2, -1, -1, -1 }, { 1, 0, 1, -1, -1 },
                                       { -2, 2, 0, -1, -1 },  { 1, 0, -1, 3, 7 } };
    if (k >= 4)
        return 0;
    *(diagonals *)attributes = cases[k];
    x[0] = k == 1 ? ct_randn(cx, CT_F64, CT_SHAPE(3)) : ct_randn(cx, CT_F64, CT_SHAPE(2, 3));
    return 1;
}

const ct_op ct__diag_embed_op = {
    .name = "diag_embed",
    .formula = "y = 0 except y[i][i + offset] = x[i]",
    .derivative = "gx[i] = g[i][i + offset]",
    .inputs = 1,
    .flags = CT_OP_LINEAR | CT_OP_BATCHED,
    .attributes_size = sizeof(diagonals),
    .infer = diag_embed_infer,
    .forward = diag_embed_forward,
    .vjp = diag_embed_vjp,
    .sample = diag_embed_sample,
};

ct_tensor *ct_diag_embed(ct_tensor *x, int64_t offset, int axis1, int axis2)
{
    return ct_apply(&ct__diag_embed_op, &(diagonals){ offset, axis1, axis2, -1, -1 }, &x, 1);
}

/* -- diag: whichever of the two fits */
ct_tensor *ct_diag(ct_tensor *x, int64_t offset)
{
    char shape[CT_SHAPE_TEXT];
    if (!ct_usable(x, "diag"))
        return NULL;
    if (ct_ndim(x) == 1)
        return ct_diag_embed(x, offset, 0, 1);
    if (ct_ndim(x) == 2)
        return ct_diagonal(x, offset, 0, 1);
    ct_fail(ct_context_of(x), CT_ERROR_SHAPE, "diag: x must have 1 or 2 dimensions, got %d: %s",
            ct_ndim(x), ct_shape_text(x, shape));
    return NULL;
}
