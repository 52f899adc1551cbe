/* The three operators that the chain rule itself needs: adding cotangents, and the adjoint pair
 * sum_to / broadcast_to, which undo each other's change of shape. */
#include <math.h>
#include <string.h>

#include "rows.h"
#include "run.h"

/* integers are added as unsigned ones, whose sums wrap instead of being undefined */
#define CT_KERNELS     "arithmetic_kernels.h"
#define CT_KERNELS_I64 uint64_t
#include <cotangent/kernels.h>
static const ct_kernels sums = { CT_KERNEL_TABLE(add), .streams = true };
const ct_kernels ct__sum_in_place = { CT_KERNEL_TABLE(add), .streams = false };
static const ct_loop_body adding_scaled[][CT_SIMDS] = CT_KERNEL_TABLE(add_scaled);

typedef struct shape_attributes {
    int ndim;
    int64_t shape[CT_MAX_DIMS];
} shape_attributes;

static ct_status check_numbers(const ct_call *call)
{
    for (int i = 0; i < call->n; i++) {
        if (call->x[i]->dtype == CT_BOOL)
            return ct_call_fail(call, CT_ERROR_DTYPE, "bool has no sums; ct_cast it");
        if (call->x[i]->dtype != call->x[0]->dtype)
            return ct_call_fail(call, CT_ERROR_DTYPE, "dtypes differ; ct_cast one");
    }
    return CT_OK;
}

void ct__add_scaled(ct_tensor *y, ct_tensor *x, double scale)
{
    ct__rows_drop(y);
    ct_loop(CT_TENSORS(y, x), adding_scaled[y->dtype][y->cx->simd], &scale);
}

static ct_status add_into_forward(ct_call *call)
{
    ct_tensor *y = call->x[0], *operands[] = { y, y, call->x[1] };
    ct__rows_drop(y);
    ct_loop_kernel(call, operands, 3, &ct__sum_in_place, false);
    return CT_OK;
}

static const ct_op add_into_op = { .name = "add_into", .flags = CT_OP_KERNELS,
                                   .forward = add_into_forward };

void ct__add_into(ct_tensor *y, ct_tensor *x)
{
    ct_tensor *operands[] = { y, x };
    ct__run_own(&add_into_op, operands, 2, NULL);
}

static ct_status assign_add_now(ct_tensor *x, ct_tensor *value, const void *scale)
{
    ct_tensor *ready = NULL; /* value, or a copy of it where it overlaps x */
    ct__scope scope;
    ct__scope_push(x->cx, &scope);
    ct_status status = ct__writable_from(x, value, "assign_add", &ready);
    if (status == CT_OK)
        ct__add_scaled(x, ready, *(const double *)scale);
    ct__scope_pop(x->cx, &scope);
    return status;
}

ct_status ct_assign_add(ct_tensor *x, double scale, const ct_tensor *value)
{
    ct_tensor *v = (ct_tensor *)(uintptr_t)value;
    if (!x || !value)
        return ct_fail(x ? x->cx : v ? v->cx : NULL, CT_ERROR_NULL, "assign_add: a NULL operand");
    if (!ct__usable(x, "assign_add") || !ct__usable(value, "assign_add"))
        return CT_ERROR_STALE;
    if (!ct__is_float(x->dtype) && x->dtype != CT_I64)
        return ct_fail(x->cx, CT_ERROR_DTYPE, "assign_add: bool has no sums");
    if (x->dtype == CT_I64 && !(fabs(scale) <= 0x1p53 && scale == (double)(int64_t)scale))
        return ct_fail(x->cx, CT_ERROR_VALUE, "assign_add: %g is no integer scale", scale);
    return ct__filled(assign_add_now, x, v, &scale, sizeof scale);
}

/* -- add: y = a + b.  gy . (da + db): each input's cotangent is gy, summed to its shape */
static ct_status add_infer(ct_call *call)
{
    ct_status status = check_numbers(call);
    return status == CT_OK ? ct__set_y_broadcast(call) : status;
}

static ct_status add_forward(ct_call *call)
{
    ct_tensor *operands[] = { call->y[0], call->x[0], call->x[1] };
    ct_loop_kernel(call, operands, 3, &sums, false);
    return CT_OK;
}

static ct_status add_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    (void)call;
    gx[0] = gx[1] = gy[0];
    return CT_OK;
}

static int add_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    (void)attributes;
    switch (k) {
    case 0:
        x[0] = ct_randn(cx, CT_F64, CT_SHAPE(3, 4)), x[1] = ct_randn(cx, CT_F64, CT_SHAPE(3, 4));
        return 2;
    case 1:
        x[0] = ct_randn(cx, CT_F64, CT_SHAPE(2, 1, 4)), x[1] = ct_randn(cx, CT_F64, CT_SHAPE(3, 1));
        return 2;
    case 2:
        x[0] = ct_randn(cx, CT_F64, NULL, 0), x[1] = ct_randn(cx, CT_F64, CT_SHAPE(5));
        return 2;
    default:
        return 0;
    }
}

const ct_op ct_add_op = {
    .name = "add",
    .kernels = &sums,
    .formula = "y = a + b",
    .derivative = "ga = g, gb = g",
    .inputs = 2,
    .flags = CT_OP_BROADCAST | CT_OP_SYMMETRIC | CT_OP_BATCHED | CT_OP_KERNELS,
    .infer = add_infer,
    .forward = add_forward,
    .vjp = add_vjp,
    .sample = add_sample,
};

ct_tensor *ct_add(ct_tensor *a, ct_tensor *b)
{
    ct_tensor *x[] = { a, b };
    return ct_apply(&ct_add_op, NULL, x, 2);
}

static ct_status cannot_become(const ct_call *call, const shape_attributes *to)
{
    char text[200];
    ct__shape_print(text, sizeof text, to->shape, to->ndim);
    return ct_call_fail(call, CT_ERROR_SHAPE, "cannot become %s", text);
}

/* -- broadcast_to: y_j = x_i for every j that i is repeated to, so gx_i = sum of those gy_j */
static ct_status broadcast_infer(ct_call *call)
{
    const shape_attributes *to = call->attributes;
    const ct_tensor *x = call->x[0];
    int64_t strides[CT_MAX_DIMS];
    if (ct__shape_count(call->cx, call->op->name, x->dtype, to->shape, to->ndim) < 0)
        return ct_error(call->cx);
    if (to->ndim < x->ndim)
        return cannot_become(call, to);
    for (int d = to->ndim - 1, own = x->ndim - 1; d >= 0; d--, own--) {
        int64_t size = own >= 0 ? ct__shape(x)[own] : 1;
        if (size != 1 && size != to->shape[d])
            return cannot_become(call, to);
        strides[d] = size == to->shape[d] && own >= 0 ? ct__strides(x)[own] : 0;
    }
    return ct_view(call, to->shape, strides, to->ndim, 0) ? CT_OK : ct_error(call->cx);
}

static ct_status broadcast_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    gx[0] = ct_call_sum(call, 0, gy[0]);
    return CT_OK;
}

static int broadcast_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const shape_attributes to[] = { { 3, { 2, 3, 4 } }, { 2, { 3, 4 } }, { 1, { 5 } } };
    if (k >= 3)
        return 0;
    *(shape_attributes *)attributes = to[k];
    x[0] = k == 0   ? ct_randn(cx, CT_F64, CT_SHAPE(3, 1))
           : k == 1 ? ct_randn(cx, CT_F64, CT_SHAPE(3, 4))
                    : ct_randn(cx, CT_F64, NULL, 0);
    return 1;
}

const ct_op ct_broadcast_to_op = {
    .name = "broadcast_to",
    .formula = "y = x repeated to shape",
    .derivative = "gx = g summed to the shape of x",
    .inputs = 1,
    .flags = CT_OP_VIEW | CT_OP_BATCHED,
    .attributes_size = sizeof(shape_attributes),
    .infer = broadcast_infer,
    .vjp = broadcast_vjp,
    .sample = broadcast_sample,
};

/* -- sum_to: y_i = sum of the x_j that i would be repeated to; gx_j = gy_i */
static ct_status sum_infer(ct_call *call)
{
    const shape_attributes *to = call->attributes;
    const ct_tensor *x = call->x[0];
    ct_status status = check_numbers(call);
    if (status != CT_OK)
        return status;
    if (to->ndim > x->ndim)
        return cannot_become(call, to);
    for (int d = 0, own = x->ndim - to->ndim; d < to->ndim; d++, own++)
        if (to->shape[d] != 1 && to->shape[d] != ct__shape(x)[own])
            return cannot_become(call, to);
    return ct_call_set_y(call, 0, x->dtype, to->shape, to->ndim);
}

unsigned ct__summed_axes(const ct_call *call)
{
    const ct_tensor *x = call->x[0], *y = call->y[0];
    unsigned reduced = 0;
    for (int d = 0, own = y->ndim - x->ndim; d < x->ndim; d++, own++)
        if (own < 0 || (ct__shape(y)[own] == 1 && ct__shape(x)[d] != 1))
            reduced |= 1u << d;
    return reduced;
}

static ct_status sum_forward(ct_call *call)
{
    return ct_reduce(call, ct__summed_axes(call), ct__sum_fold(call->cx, call->x[0]->dtype), NULL);
}

/* g's elements in other places; nothing is recorded */
static ct_tensor *seen_as(ct_tensor *g, const ct__layout *layout)
{
    ct_tensor *t = g ? ct__tensor_over(g->cx, layout) : NULL;
    if (!t)
        return NULL;
    t->buffer = g->buffer;
    t->buffer->refs++;
    t->data = g->data;
    t->flags |= CT__READ_ONLY;
    return ct__to_scope(t);
}

/* in a batch: g, of y's shape, repeated to x_i's */
static ct_tensor *repeat_batch(const ct_call *call, int i, ct_tensor *g)
{
    int64_t shape[CT_MAX_DIMS], strides[CT_MAX_DIMS];
    int ndim = ct_call_gx_shape(call, i, shape), more = ndim - g->ndim;
    for (int d = 0; d < ndim; d++) {
        int own = d == 0 ? 0 : d - more;
        strides[d] = d > 0 && (own < 1 || ct__shape(g)[own] == 1) ? 0 : ct__strides(g)[own];
    }
    return seen_as(g, &(ct__layout){ .dtype = g->dtype, .ndim = ndim, .shape = shape,
                                     .strides = strides });
}

static ct_status sum_vjp(const ct_call *call, ct_tensor *const *gy, ct_tensor **gx)
{
    const ct_tensor *x = call->x[0];
    gx[0] = call->batch ? repeat_batch(call, 0, gy[0])
                        : ct_broadcast_to(gy[0], ct__shape(x), x->ndim);
    return CT_OK;
}

static int sum_sample(ct_context *cx, int k, ct_tensor **x, void *attributes)
{
    static const shape_attributes to[] = { { 2, { 3, 1 } }, { 1, { 4 } }, { 0, { 0 } },
                                           { 3, { 2, 3, 4 } } };
    if (k >= 4)
        return 0;
    *(shape_attributes *)attributes = to[k];
    x[0] = ct_randn(cx, CT_F64, CT_SHAPE(2, 3, 4));
    return 1;
}

const ct_op ct_sum_to_op = {
    .name = "sum_to",
    .formula = "y = x summed to shape",
    .derivative = "gx = g repeated to the shape of x",
    .inputs = 1,
    .flags = CT_OP_LINEAR | CT_OP_BATCHED,
    .attributes_size = sizeof(shape_attributes),
    .infer = sum_infer,
    .forward = sum_forward,
    .vjp = sum_vjp,
    .sample = sum_sample,
};

static ct_tensor *to_shape(const ct_op *op, ct_tensor *x, const int64_t *shape, int ndim)
{
    shape_attributes to = { .ndim = ndim };
    if (x && (ndim < 0 || ndim > CT_MAX_DIMS))
        return ct_fail(x->cx, CT_ERROR_RANGE, "%s: %d dimensions; 0 to %d are possible", op->name,
                       ndim, CT_MAX_DIMS),
               NULL;
    if (x && ndim > 0 && !shape)
        return ct_fail(x->cx, CT_ERROR_NULL, "%s: the shape is NULL", op->name), NULL;
    if (x && ndim > 0)
        memcpy(to.shape, shape, (size_t)ndim * sizeof *shape);
    return ct_apply(op, &to, &x, 1);
}

ct_tensor *ct_broadcast_to(ct_tensor *x, const int64_t *shape, int ndim)
{
    return to_shape(&ct_broadcast_to_op, x, shape, ndim);
}

ct_tensor *ct_sum_to(ct_tensor *x, const int64_t *shape, int ndim)
{
    return to_shape(&ct_sum_to_op, x, shape, ndim);
}

/* -- In a batch */
ct_tensor *ct_call_sum(const ct_call *call, int i, ct_tensor *g)
{
    int64_t shape[CT_MAX_DIMS], apart[CT_MAX_DIMS];
    const ct_tensor *x = ct_call_x(call, i);
    if (!x || !g || !ct__usable(g, call->op->name))
        return NULL;
    int ndim = ct_call_gx_shape(call, i, shape), more = g->ndim - ndim;
    if (more == 0 && memcmp(shape, ct__shape(g), g->ndim * sizeof *shape) == 0)
        return g;
    if (ndim == x->ndim || more <= 0)
        return ct_sum_to(g, shape, ndim);
    for (int d = 0; d < g->ndim; d++) /* axes of size 1 behind the first */
        apart[d] = d == 0 ? shape[0] : d <= more ? 1 : shape[d - more];
    ct_tensor *sum = ct_sum_to(g, apart, g->ndim);
    return seen_as(sum, &(ct__layout){ .dtype = g->dtype, .ndim = ndim, .shape = shape });
}
