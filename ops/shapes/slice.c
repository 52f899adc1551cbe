/* slice and select: parts of a tensor along one axis, as views.
 *
 * y = x[start : stop : step] has every step-th x_i. These get gy, and the others get 0: gx is gy
 * embedded in zeros. `embed` is the operator that does it. It puts elements where slice takes them,
 * so each is the derivative of the other, to any order. */
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <string.h>

#include "copy.h"
#include "move_axes.h"

typedef struct span {
    int axis;
    int64_t start, stop, step;
} span;

/* the elements that a span takes: the first, how many, and how far they are apart */
typedef struct place {
    int64_t first, count, step;
} place;

static int64_t clamp(int64_t i, int64_t low, int64_t high)
{
    return i < low ? low : i > high ? high : i;
}

/* As Python has it: a negative position counts from the end. Then positions are clamped to those at
 * which a walk in the direction of `step` can begin or stop. */
static place resolve(const span *s, int64_t size)
{
    int64_t low = s->step > 0 ? 0 : -1, high = s->step > 0 ? size : size - 1;
    int64_t start = clamp(s->start < 0 ? s->start + size : s->start, low, high);
    int64_t stop = clamp(s->stop < 0 ? s->stop + size : s->stop, low, high);
    int64_t step = clamp(s->step, -size - 1, size + 1); /* a longer one takes one element too */
    if (s->stop == CT_END)
        stop = s->step > 0 ? size : -1;
    int64_t gap = step > 0 ? stop - start : start - stop, stride = step > 0 ? step : -step;
    return (place){ start, gap > 0 ? (gap - 1) / stride + 1 : 0, step };
}

/* y[span] = x, or += x. x may lack the axis, as a result of `select` does. */
static void put(ct_tensor *y, ct_tensor *x, const span *s, bool add)
{
    int64_t shape[CT_MAX_DIMS], to[CT_MAX_DIMS], from[CT_MAX_DIMS];
    int ndim = ct_ndim(y), axis = s->axis < 0 ? s->axis + ndim : s->axis;
    bool lacks = ct_ndim(x) < ndim;
    ct_dtype dtype = ct_dtype_of(y);
    size_t size = ct_dtype_size(dtype);
    place p = resolve(s, ct_shape(y)[axis]);
    for (int d = 0; d < ndim; d++) {
        int own = d - (lacks && d > axis);
        bool gone = lacks && d == axis;
        shape[d] = gone ? 1 : ct_shape(x)[own];
        from[d] = gone ? 0 : ct_strides(x)[own];
        to[d] = ct_strides(y)[d] * (d == axis ? p.step : 1);
    }
    if (p.count == 0)
        return;
    char *first = (char *)ct_data_mutable(y) + p.first * ct_strides(y)[axis] * (int64_t)size;
    ct_operand operands[] = { { first, size, to }, { (void *)(uintptr_t)ct_data(x), size, from } };
    ct_loop_over(shape, ndim, operands, 2, add ? ct__adding(dtype) : ct__copying(dtype), NULL);
}

/* -- embed: y = 0, but y[span] = x; gx = gy[span] */
typedef struct embedding {
    span span;
    int ndim;
    int64_t shape[CT_MAX_DIMS];
} embedding;

static ct_status embed_infer(ct_call *call)
{
    const embedding *e = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int axis = ct_call_axis(call, e->span.axis, e->ndim), lacks = ct_ndim(x) < e->ndim;
    if (axis < 0)
        return CT_ERROR_RANGE;
    bool fits = ct_ndim(x) + lacks == e->ndim && e->span.step != 0;
    int64_t count = fits ? resolve(&e->span, e->shape[axis]).count : 0;
    for (int d = 0; fits && d < e->ndim; d++) {
        int64_t wanted = d == axis ? count : e->shape[d];
        fits = wanted == (lacks && d == axis ? 1 : ct_shape(x)[d - (lacks && d > axis)]);
    }
    if (!fits)
        return ct_call_fail(call, CT_ERROR_SHAPE, "the span does not have x's shape");
    return ct_call_set_y(call, 0, ct_dtype_of(x), e->shape, e->ndim);
}

static ct_status embed_forward(ct_call *call)
{
    const embedding *e = ct_call_attributes(call);
    ct__clear(ct_call_y(call, 0));
    put(ct_call_y(call, 0), ct_call_x(call, 0), &e->span, false);
    return CT_OK;
}

static ct_status embed_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const embedding *e = ct_call_attributes(call);
    int axis = ct__from_end(e->span.axis, e->ndim);
    gx[0] = ct_slice(gy[0], axis, e->span.start, e->span.stop, e->span.step);
    if (ct_ndim(ct_call_x(call, 0)) < e->ndim)
        gx[0] = ct_squeeze(gx[0], axis);
    return CT_OK;
}

static int embed_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const embedding cases[] = { { { 1, 0, CT_END, 2 }, 2, { 2, 5 } },
                                       { { 0, 1, 2, 1 }, 2, { 4, 3 } } };
    if (k >= 2)
        return 0;
    *(embedding *)attributes = cases[k];
    x[0] = k == 0 ? ct_randn(cx, CT_F64, CT_SHAPE(2, 3)) : ct_randn(cx, CT_F64, CT_SHAPE(3));
    return 1;
}

extern const ct_op ct__embed_op;
const ct_op ct__embed_op = {
    .name = "embed",
    .formula = "y = 0 except y[start:stop:step] = x",
    .derivative = "gx = g[start:stop:step]",
    .inputs = 1,
    .flags = CT_OP_LINEAR | CT_OP_BATCHED,
    .attributes_size = sizeof(embedding),
    .infer = embed_infer,
    .forward = embed_forward,
    .vjp = embed_vjp,
    .sample = embed_sample,
};

/* gx for a slice of x */
static ct_tensor *embed(const ct_call *call, ct_tensor *gy, const span *s)
{
    embedding e = { .span = *s };
    e.span.axis = ct__from_end(s->axis, ct_ndim(ct_call_x(call, 0)));
    e.ndim = ct_call_gx_shape(call, 0, e.shape);
    return ct_apply(&ct__embed_op, &e, &gy, 1);
}

static ct_status put_back(const ct_call *call, ct_tensor *gy, ct_tensor *gx, const span *s)
{
    bool adds = ct_call_adds(call, 0);
    if (!adds)
        ct__clear(gx);
    put(gx, gy, s, adds);
    return CT_OK;
}

/* -- slice */
static ct_status slice_infer(ct_call *call)
{
    const span *s = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS], strides[CT_MAX_DIMS];
    int ndim = ct_ndim(x), axis = ct_call_axis(call, s->axis, ndim);
    if (axis < 0)
        return CT_ERROR_RANGE;
    if (s->step == 0)
        return ct_call_fail(call, CT_ERROR_VALUE, "step must not be 0");
    place p = resolve(s, ct_shape(x)[axis]);
    memcpy(shape, ct_shape(x), (size_t)ndim * sizeof *shape);
    memcpy(strides, ct_strides(x), (size_t)ndim * sizeof *strides);
    int64_t offset = p.count > 0 ? p.first * strides[axis] : 0;
    shape[axis] = p.count;
    strides[axis] *= p.count > 1 ? p.step : 1;
    return ct_view(call, shape, strides, ndim, offset) ? CT_OK : ct_error(ct_call_context(call));
}

static ct_status slice_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    gx[0] = embed(call, gy[0], ct_call_attributes(call));
    return CT_OK;
}

static ct_status slice_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    return put_back(call, gy[0], gx[0], ct_call_attributes(call));
}

static int slice_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const span cases[] = { { 0, 1, 3, 1 },  { 1, 0, CT_END, 2 }, { -1, -1, CT_END, -1 },
                                  { 0, 2, 2, 1 }, { 1, 4, -5, -3 } };
    if (k >= (int)(sizeof cases / sizeof *cases))
        return 0;
    *(span *)attributes = cases[k];
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(3, 5));
    return 1;
}

extern const ct_op ct__slice_op;
const ct_op ct__slice_op = {
    .name = "slice",
    .formula = "y = x[start:stop:step]",
    .derivative = "gx = 0 except gx[start:stop:step] = g",
    .inputs = 1,
    .flags = CT_OP_VIEW | CT_OP_BATCHED,
    .attributes_size = sizeof(span),
    .infer = slice_infer,
    .vjp = slice_vjp,
    .backward = slice_backward,
    .sample = slice_sample,
};

ct_tensor *ct_slice(ct_tensor *x, int axis, int64_t start, int64_t stop, int64_t step)
{
    return ct_apply(&ct__slice_op, &(span){ axis, start, stop, step }, &x, 1);
}

/* -- select: a slice of one element, without the axis */
typedef struct position {
    int axis;
    int64_t index;
} position;

static span span_of(const ct_call *call)
{
    const position *p = ct_call_attributes(call);
    return (span){ p->axis, p->index, p->index == -1 ? CT_END : p->index + 1, 1 };
}

static ct_status select_infer(ct_call *call)
{
    const position *p = ct_call_attributes(call);
    const ct_tensor *x = ct_call_x(call, 0);
    int64_t shape[CT_MAX_DIMS], strides[CT_MAX_DIMS], index = p->index;
    int ndim = ct_ndim(x), axis = ct_call_axis(call, p->axis, ndim);
    if (axis < 0)
        return CT_ERROR_RANGE;
    int64_t size = ct_shape(x)[axis];
    if (index < -size || index >= size)
        return ct_call_fail(call, CT_ERROR_RANGE,
                            "index %lld is out of range for size %lld of axis %d",
                            (long long)index, (long long)size, axis);
    for (int d = 0; d < ndim - 1; d++) {
        shape[d] = ct_shape(x)[d + (d >= axis)];
        strides[d] = ct_strides(x)[d + (d >= axis)];
    }
    int64_t offset = (index < 0 ? index + size : index) * ct_strides(x)[axis];
    return ct_view(call, shape, strides, ndim - 1, offset) ? CT_OK
                                                           : ct_error(ct_call_context(call));
}

static ct_status select_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    span s = span_of(call);
    gx[0] = embed(call, gy[0], &s);
    return CT_OK;
}

static ct_status select_backward(const ct_call *call, ct_tensor *const *gy, ct_tensor *const *gx)
{
    span s = span_of(call);
    return put_back(call, gy[0], gx[0], &s);
}

static int select_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const position cases[] = { { 0, 1 }, { -1, -1 }, { 1, 2 } };
    if (k >= 4)
        return 0;
    *(position *)attributes = cases[k % 3];
    x[0] = k < 3 ? ct_randn(cx, CT_F64, CT_SHAPE(2, 3)) : ct_randn(cx, CT_F64, CT_SHAPE(4));
    return 1;
}

extern const ct_op ct__select_op;
const ct_op ct__select_op = {
    .name = "select",
    .formula = "y = x[index]",
    .derivative = "gx = 0 except gx[index] = g",
    .inputs = 1,
    .flags = CT_OP_VIEW | CT_OP_BATCHED,
    .attributes_size = sizeof(position),
    .infer = select_infer,
    .vjp = select_vjp,
    .backward = select_backward,
    .sample = select_sample,
};

ct_tensor *ct_select(ct_tensor *x, int axis, int64_t index)
{
    return ct_apply(&ct__select_op, &(position){ axis, index }, &x, 1);
}
