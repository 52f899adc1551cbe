/* nonzero lists where elements are that are not 0, and masked_select takes the elements where a
 * mask holds. How many there are depends on values, which `infer` does not see: so they are counted
 * before the operator is applied, and the count is its attribute. */
#include <cotangent/op.h>
#include <cotangent/ops.h>

#include "index.h"

typedef struct found {
    int64_t count;
    bool flat; /* y is a list of positions in row-major order, not of indices */
} found;

/* how the elements are found, one after the other */
typedef struct search {
    int64_t seen, count, most; /* elements, those that are not 0, and how many `at` has room for */
    int64_t *at;               /* NULL: they are only counted */
} search;

#define CT_KERNELS      "nonzero_kernels.h"
#define CT_KERNELS_F32  16
#define CT_KERNELS_F64  16
#define CT_KERNELS_I64  int64_t
#define CT_KERNELS_BOOL unsigned char
#include <cotangent/kernels.h>
static const ct_loop_body finds[][CT_SIMDS] = CT_KERNEL_TABLE(find);

static int64_t find(const ct_tensor *x, int64_t *at, int64_t most)
{
    search s = { .at = at, .most = most }, *to = &s;
    const ct_operand operand = { (void *)(uintptr_t)ct_data(x), ct_dtype_size(ct_dtype_of(x)),
                                 ct_strides(x) };
    ct_loop_over(ct_shape(x), ct_ndim(x), &operand, 1, CT_KERNEL_OF(finds, x), &to);
    return s.count;
}

static ct_status nonzero_infer(ct_call *call)
{
    const found *f = ct_call_attributes(call);
    const int64_t shape[] = { f->count, ct_ndim(ct_call_x(call, 0)) };
    return ct_call_set_y(call, 0, CT_I64, shape, f->flat ? 1 : 2);
}

/* Positions are found first, and each is then written as indices. */
static ct_status nonzero_forward(ct_call *call)
{
    const found *f = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t *y = ct_data_mutable(ct_call_y(call, 0)), ndim = ct_ndim(x);
    int64_t *at = f->flat ? y : ct_call_scratch(call, (size_t)f->count * sizeof *at);
    if (!at && f->count > 0)
        return CT_ERROR_MEMORY;
    if (find(x, at, f->count) != f->count)
        return ct_call_fail(call, CT_ERROR_VALUE, "there must be %lld elements that are not 0",
                            (long long)f->count);
    for (int64_t i = 0; !f->flat && i < f->count; i++)
        for (int64_t d = ndim - 1, rest = at[i]; d >= 0; rest /= ct_shape(x)[d--])
            y[i * ndim + d] = rest % ct_shape(x)[d];
    return CT_OK;
}

static int nonzero_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 3)
        return 0;
    *(found *)attributes = (found){ k == 2 ? 0 : 3, k == 1 };
    x[0] = k == 2 ? ct_zeros(cx, CT_BOOL, CT_SHAPE(0, 2))
                  : ct_from_ints(cx, CT_SHAPE(2, 3), CT_INTS(0, 7, 0, -1, 0, 1));
    return 1;
}

extern const ct_op ct__nonzero_op;
const ct_op ct__nonzero_op = {
    .name = "nonzero",
    .formula = "y[k] = the index of the k-th element with x != 0",
    .derivative = "none",
    .inputs = 1,
    .flags = CT_OP_CONSTANT,
    .attributes_size = sizeof(found),
    .infer = nonzero_infer,
    .forward = nonzero_forward,
    .sample = nonzero_sample,
};

ct_tensor *ct_nonzero(ct_tensor *x)
{
    if (!ct_usable(x, "nonzero"))
        return NULL;
    return ct_apply(&ct__nonzero_op, &(found){ find(x, NULL, 0), false }, &x, 1);
}

ct_tensor *ct_masked_select(ct_tensor *x, ct_tensor *mask)
{
    const char *who = "masked_select";
    char a[CT_SHAPE_TEXT], b[CT_SHAPE_TEXT];
    int64_t shape[CT_MAX_DIMS];
    int ndim = 0;
    if (!ct__both_usable(x, mask, who))
        return NULL;
    ct_context *cx = ct_context_of(x);
    if (ct_dtype_of(mask) != CT_BOOL)
        return ct_fail(cx, CT_ERROR_DTYPE, "%s: the mask must be bool; ct_cast it", who), NULL;
    if (!ct_broadcast_shape(shape, &ndim, ct_shape(x), ct_ndim(x)) ||
        !ct_broadcast_shape(shape, &ndim, ct_shape(mask), ct_ndim(mask)))
        return ct_fail(cx, CT_ERROR_SHAPE, "%s: shapes do not broadcast: %s x %s", who,
                       ct_shape_text(x, a), ct_shape_text(mask, b)), NULL;
    mask = ct_broadcast_to(mask, shape, ndim);
    if (!mask)
        return NULL;
    ct_tensor *at = ct_apply(&ct__nonzero_op, &(found){ find(mask, NULL, 0), true }, &mask, 1);
    return ct_index_select(ct_flatten(ct_broadcast_to(x, shape, ndim), 0, -1), 0, at);
}
