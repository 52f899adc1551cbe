/* Whole numbers that name classes, words or bins: one_hot writes them as rows, embedding takes a
 * row for each, and bincount counts them. */
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <string.h>

#include "copy.h"
#include "index.h"

/* -- one_hot: y[i][k] = [index[i] = k] */
typedef struct classes {
    int64_t n;
    ct_dtype dtype;
} classes;

static ct_status one_hot_infer(ct_call *call)
{
    const classes *c = ct_call_attributes(call);
    const ct_tensor *index = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS + 1];
    int ndim = ct_ndim(index);
    if (ct_dtype_of(index) != CT_I64)
        return ct_call_fail(call, CT_ERROR_DTYPE, "the index must be i64; ct_cast it");
    if (c->n < 0)
        return ct_call_fail(call, CT_ERROR_VALUE, "classes must not be negative, got %lld",
                            (long long)c->n);
    if (ndim > 0)
        memcpy(shape, ct_shape(index), (size_t)ndim * sizeof *shape);
    shape[ndim] = c->n;
    return ct_call_set_y(call, 0, c->dtype, shape, ndim + 1);
}

/* a run of indices, the rows of y that belong to them, and where the first wrong one is */
typedef struct rows {
    int64_t n, seen, wrong;
    char *y;
    size_t size;
    char one[8];
} rows;

static void write_ones(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    rows *r = *(rows *const *)arg;
    const int64_t *index = data[0];
    for (int64_t i = 0; i < n; i++, r->seen++) {
        int64_t k = index[i * stride[0]];
        if (k >= 0 && k < r->n)
            memcpy(r->y + (size_t)(r->seen * r->n + k) * r->size, r->one, r->size);
        else if (r->wrong < 0)
            r->wrong = r->seen;
    }
}

static ct_status one_hot_forward(ct_call *call)
{
    const classes *c = ct_call_attributes(call);
    const ct_tensor *index = ct_call_x(call, 0);
    ct_tensor *y = ct_call_y(call, 0), *one = ct_scalar(ct_call_context(call), c->dtype, 1);
    char place[CT__PLACE_TEXT];
    rows r = { .n = c->n, .wrong = -1, .size = ct_dtype_size(c->dtype) }, *to = &r;
    ct_operand operand = { (void *)(uintptr_t)ct_data(index), sizeof(int64_t), ct_strides(index) };
    if (!one)
        return CT_ERROR_MEMORY;
    ct_to_memory(one, r.one, r.size);
    ct__clear(y);
    r.y = ct_data_mutable(y);
    ct_loop_over(ct_shape(index), ct_ndim(index), &operand, 1, write_ones, &to);
    if (r.wrong < 0)
        return CT_OK;
    ct_tensor *flat = ct_reshape(ct_call_x(call, 0), CT_SHAPE(-1));
    return ct_call_fail(call, CT_ERROR_RANGE, "index %lld at (%s) is out of range for %lld classes",
                        (long long)ct_item_int(ct_select(flat, 0, r.wrong)),
                        ct__place_text(index, r.wrong, place), (long long)c->n);
}

static int one_hot_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    if (k >= 3)
        return 0;
    *(classes *)attributes = (classes){ 4, k == 0 ? CT_F32 : k == 1 ? CT_I64 : CT_BOOL };
    x[0] = k == 2 ? ct_zeros(cx, CT_I64, CT_SHAPE(0))
                  : ct_from_ints(cx, CT_SHAPE(2, 2), CT_INTS(0, 3, 1, 0));
    return 1;
}

extern const ct_op ct__one_hot_op;
const ct_op ct__one_hot_op = {
    .name = "one_hot",
    .formula = "y[i][k] = [index[i] = k]",
    .derivative = "none",
    .inputs = 1,
    .flags = CT_OP_CONSTANT,
    .attributes_size = sizeof(classes),
    .infer = one_hot_infer,
    .forward = one_hot_forward,
    .sample = one_hot_sample,
};

ct_tensor *ct_one_hot(ct_tensor *index, int64_t n, ct_dtype dtype)
{
    return ct_apply(&ct__one_hot_op, &(classes){ n, dtype }, &index, 1);
}

/* -- embedding: index_select by indices of any shape */
ct_tensor *ct_embedding(ct_tensor *index, ct_tensor *weight)
{
    const char *who = "embedding";
    int64_t shape[2 * CT_MAX_DIMS];
    if (!ct__both_usable(index, weight, who))
        return NULL;
    ct_context *cx = ct_context_of(index);
    int ndim = ct_ndim(index), rest = ct_ndim(weight) - 1;
    if (rest < 0 || ndim + rest > CT_MAX_DIMS)
        return ct_fail(cx, CT_ERROR_SHAPE,
                       "%s: the weight must have 1 to %d dimensions, got %d", who,
                       CT_MAX_DIMS + 1 - ndim, rest + 1), NULL;
    for (int d = 0; d < ndim; d++)
        shape[d] = ct_shape(index)[d];
    for (int d = 0; d < rest; d++)
        shape[ndim + d] = ct_shape(weight)[d + 1];
    return ct_reshape(ct_index_select(weight, 0, ct_flatten(index, 0, -1)), shape, ndim + rest);
}

/* -- bincount: index_add to zeros, as many as the largest index asks for */
typedef struct extent {
    int64_t seen, most, wrong; /* wrong: where the first one below 0 is; -1: there is none */
} extent;

static void look_for_most(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    extent *e = *(extent *const *)arg;
    const int64_t *index = data[0];
    for (int64_t i = 0; i < n; i++, e->seen++) {
        int64_t k = index[i * stride[0]];
        e->most = k > e->most ? k : e->most;
        e->wrong = k < 0 && e->wrong < 0 ? e->seen : e->wrong;
    }
}

/* how many bins there are; -1 and an error: an index is below 0, or there are too many */
static int64_t bins_of(const ct_tensor *index, int64_t at_least)
{
    ct_context *cx = ct_context_of(index);
    extent e = { .most = -1, .wrong = -1 }, *to = &e;
    ct_operand operand = { (void *)(uintptr_t)ct_data(index), sizeof(int64_t), ct_strides(index) };
    ct_loop_over(ct_shape(index), 1, &operand, 1, look_for_most, &to);
    if (e.wrong >= 0)
        return ct_fail(cx, CT_ERROR_RANGE, "bincount: index %lld at (%lld) must not be negative",
                       (long long)ct_at(index, CT_INDEX(e.wrong)), (long long)e.wrong), -1;
    if (at_least < 0)
        return ct_fail(cx, CT_ERROR_VALUE, "bincount: at_least must not be negative, got %lld",
                       (long long)at_least), -1;
    if (e.most == INT64_MAX)
        return ct_fail(cx, CT_ERROR_SHAPE, "bincount: too many bins"), -1;
    return e.most < at_least ? at_least : e.most + 1;
}

ct_tensor *ct_bincount(ct_tensor *index, ct_tensor *weights, int64_t at_least)
{
    char a[CT_SHAPE_TEXT], b[CT_SHAPE_TEXT];
    if (!ct_usable(index, "bincount") || (weights && !ct_usable(weights, "bincount")))
        return NULL;
    ct_context *cx = ct_context_of(index);
    if (!weights && ct_error(cx) != CT_OK)
        return NULL; /* it may be what failed */
    if (ct_dtype_of(index) != CT_I64)
        return ct_fail(cx, CT_ERROR_DTYPE, "bincount: the index must be i64; ct_cast it"), NULL;
    if (ct_ndim(index) != 1 || (weights && !ct_same_shape(index, weights)))
        return ct_fail(cx, CT_ERROR_SHAPE,
                       "bincount: the index must be 1-d, and the weights as many: %s x %s",
                       ct_shape_text(index, a), ct_shape_text(weights, b)), NULL;
    int64_t bins = bins_of(index, at_least);
    if (bins < 0)
        return NULL;
    if (!weights)
        weights = ct_expand(ct_scalar(cx, CT_I64, 1), ct_shape(index), 1);
    return weights ? ct_index_add(ct_zeros(cx, ct_dtype_of(weights), &bins, 1), 0, index, weights)
                   : NULL;
}
