/* The functions that an operator's callbacks call (op.h). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "record.h"

/* -- Inside the callbacks */
ct_context *ct_call_context(const ct_call *call)
{
    return call->cx;
}

const ct_op *ct_call_op(const ct_call *call)
{
    return call->op;
}

const void *ct_call_attributes(const ct_call *call)
{
    return call->attributes;
}

int ct_call_inputs(const ct_call *call)
{
    return call->n;
}

ct_tensor *ct_call_x(const ct_call *call, int i)
{
    return i >= 0 && i < call->n ? call->x[i] : NULL;
}

ct_tensor *ct_call_y(const ct_call *call, int i)
{
    return i >= 0 && i < call->outputs ? call->y[i] : NULL;
}

ct_tensor *ct_call_aux(const ct_call *call, int i)
{
    return i >= 0 && i < call->aux_count ? call->aux[i] : NULL;
}

bool ct_call_wants(const ct_call *call, int i)
{
    return call->vertex && i >= 0 && i < call->n && ct__wants(call, i);
}

bool ct_call_adds(const ct_call *call, int i)
{
    return i >= 0 && i < 64 && call->adds >> i & 1;
}

bool ct_call_records(const ct_call *call)
{
    return call->recording;
}

uint64_t ct_call_seed(const ct_call *call)
{
    return call->cx->seed;
}

uint64_t ct_call_draws(const ct_call *call, int64_t n)
{
    return ct__draw(call->cx, n);
}

void *ct_call_scratch(const ct_call *call, size_t bytes)
{
    ct_context *cx = call->cx;
    if (bytes > SIZE_MAX / 2) {
        ct_call_fail(call, CT_ERROR_MEMORY, "%zu bytes of scratch", bytes);
        return NULL;
    }
    size_t taken = bytes / 64 * 64 + 64;
    cx->scratched += taken;
    if (taken > cx->spare_bytes)
        return ct__scope_room(cx, bytes); /* the scope ends with the callback */
    cx->spare_bytes -= taken;
    cx->spare += taken;
    return cx->spare - taken;
}

void ct_loop_kernel(const ct_call *call, ct_tensor *const *operands, int n, const ct_kernels *k,
                    bool adds)
{
    ct__loop_kernel(call->attributes, operands, n, k, adds);
}

ct_status ct_reduce(const ct_call *call, unsigned reduced, const ct_fold *fold, void *arg)
{
    return ct__reduce(call->x[0], call->y[0], reduced, fold, arg);
}

int ct_call_gx_shape(const ct_call *call, int i, int64_t shape[CT_MAX_DIMS])
{
    const ct_tensor *x = ct_call_x(call, i);
    int more = call->vertex && call->batch;
    if (!x)
        return 0;
    shape[0] = call->batch;
    memcpy(shape + more, ct__shape(x), x->ndim * sizeof *shape);
    return x->ndim + more;
}

/* One zero, repeated by strides of 0. It is read-only, so that it remains zero. */
ct_tensor *ct_call_zero(const ct_call *call, int i)
{
    static const int64_t none[CT_MAX_DIMS];
    const ct_tensor *x = ct_call_x(call, i);
    int64_t shape[CT_MAX_DIMS];
    int ndim = ct_call_gx_shape(call, i, shape);
    ct_tensor *zero = x ? ct_scalar(call->cx, x->dtype, 0) : NULL;
    ct_tensor *y = !zero ? NULL : ct__tensor_over(call->cx, &(ct__layout){ .dtype = x->dtype,
                                      .ndim = ndim, .shape = shape, .strides = none });
    if (!y)
        return NULL;
    y->buffer = zero->buffer;
    y->buffer->refs++;
    y->data = zero->data;
    y->flags |= CT__ZERO | CT__READ_ONLY;
    return ct__to_scope(y);
}

ct_status ct_call_fail(const ct_call *call, ct_status code, const char *format, ...)
{
    char reason[256], shapes[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    size_t used = 0;
    shapes[0] = '\0';
    for (int i = 0; i < call->n && used < sizeof shapes; i++) {
        if (i > 0)
            used += (size_t)snprintf(shapes + used, sizeof shapes - used, " x ");
        if (used < sizeof shapes)
            used += (size_t)ct__tensor_print(shapes + used, sizeof shapes - used, call->x[i],
                                             code == CT_ERROR_DTYPE);
    }
    return ct_fail(call->cx, code, "%s: %s%s%s", call->op->name, reason, call->n ? ": " : "",
                   shapes);
}

ct_status ct__said_nothing(const ct_call *call, ct_status status, const char *callback)
{
    if (ct_error(call->cx) == CT_OK)
        return ct_call_fail(call, status, "%s failed without saying why", callback);
    return status;
}

/* -- Outputs and auxiliaries, as `infer` sets them */
ct_status ct_call_set_y(ct_call *call, int i, ct_dtype dtype, const int64_t *shape, int ndim)
{
    if (i < 0 || i >= call->outputs || call->y[i])
        return ct_call_fail(call, CT_ERROR_VALUE, "infer sets output %d of %d, or sets it twice",
                            i, call->outputs);
    if (ct__shape_count(call->cx, call->op->name, dtype, shape, ndim) < 0)
        return ct_error(call->cx);
    ct__room room = ct__room_for(call, dtype);
    ct__layout layout = { .dtype = dtype, .ndim = ndim, .shape = shape, .inputs = room.inputs,
                          .attributes = room.attributes };
    return ct__set_output(call, i, ct__tensor_new(call->cx, &layout), &room);
}

ct_status ct_call_set_aux(ct_call *call, int i, ct_dtype dtype, const int64_t *shape, int ndim)
{
    if (i != call->aux_count || i >= 8)
        return ct_call_fail(call, CT_ERROR_VALUE, "infer sets auxiliary %d of %d", i,
                            call->aux_count);
    if (ct__shape_count(call->cx, call->op->name, dtype, shape, ndim) < 0)
        return ct_error(call->cx);
    ct__layout layout = { .dtype = dtype, .ndim = ndim, .shape = shape };
    ct_tensor *aux = ct__tensor_new(call->cx, &layout);
    if (!aux)
        return CT_ERROR_MEMORY;
    call->aux[call->aux_count++] = aux;
    return CT_OK;
}

/* The lowest and the highest offset, in elements, that a layout reaches from its first element.
 * False: the offsets overflow. */
static bool reach(const int64_t *shape, const int64_t *strides, int ndim, int64_t *low,
                  int64_t *high)
{
    *low = *high = 0;
    for (int d = 0; d < ndim; d++) {
        int64_t far;
        if (__builtin_mul_overflow(shape[d] - 1, strides[d], &far))
            return false;
        int64_t *end = far < 0 ? low : high;
        if (__builtin_add_overflow(*end, far, end))
            return false;
    }
    return true;
}

/* Neither x nor the view is empty. x lies in memory, so its own offsets do not overflow. */
static bool lies_inside(const ct_tensor *x, const int64_t *shape, const int64_t *strides, int ndim,
                        int64_t offset)
{
    int64_t low, high, most_low, most_high;
    reach(ct__shape(x), ct__strides(x), x->ndim, &most_low, &most_high);
    return reach(shape, strides, ndim, &low, &high) && offset >= most_low && offset <= most_high &&
           low >= most_low - offset && high <= most_high - offset;
}

/* how far one step along axis d goes, in elements; 0 where there is none to take */
static int64_t step_of(const int64_t *shape, const int64_t *strides, int d)
{
    return shape[d] <= 1 ? 0 : strides[d] < 0 ? -strides[d] : strides[d];
}

/* Can two indices be the same element? They cannot if every axis steps over all that shorter steps
 * reach. Elements that interleave in another way count as shared too. No offset overflows. */
static bool shares_elements(const int64_t *shape, const int64_t *strides, int ndim)
{
    for (int d = 0; d < ndim; d++) {
        int64_t step = step_of(shape, strides, d), reached = 0;
        for (int e = 0; e < ndim; e++) {
            int64_t other = step_of(shape, strides, e);
            if (other < step || (other == step && e > d))
                reached += (shape[e] - 1) * other;
        }
        if (shape[d] > 1 && reached >= step)
            return true;
    }
    return false;
}

ct_tensor *ct_view(ct_call *call, const int64_t *shape, const int64_t *strides, int ndim,
                   int64_t offset)
{
    ct_tensor *x = call->n > 0 ? call->x[0] : NULL;
    if (!x || !(call->op->flags & CT_OP_VIEW) || call->outputs != 1 || call->y[0])
        return ct_call_fail(call, CT_ERROR_VALUE, "ct_view is for one view, of x0"), NULL;
    int64_t count = ct__shape_count(call->cx, call->op->name, x->dtype, shape, ndim);
    if (count < 0)
        return NULL;
    if (count > 0 && (x->count == 0 || !lies_inside(x, shape, strides, ndim, offset)))
        return ct_call_fail(call, CT_ERROR_RANGE, "the view lies outside of its tensor"), NULL;
    ct__room room = ct__room_for(call, x->dtype);
    ct__layout layout = { .dtype = x->dtype, .ndim = ndim, .shape = shape, .strides = strides,
                          .inputs = room.inputs, .attributes = room.attributes };
    ct_tensor *y = ct__tensor_over(call->cx, &layout);
    if (ct__set_output(call, 0, y, &room) != CT_OK)
        return NULL;
    y->buffer = x->buffer;
    y->buffer->refs++;
    y->data = count > 0 ? x->data + offset * (int64_t)ct__dtype_size(x->dtype) : x->data;
    y->flags |= x->flags & CT__READ_ONLY;
    if (count > 0 && shares_elements(shape, strides, ndim))
        y->flags |= CT__READ_ONLY;
    return y;
}

/* -- Ready-made inference */
ct_status ct_call_check_float(const ct_call *call)
{
    ct_dtype dtype = call->x[0]->dtype;
    for (int i = 1; i < call->n; i++)
        if (call->x[i]->dtype != dtype)
            return ct_call_fail(call, CT_ERROR_DTYPE, "dtypes differ; ct_cast one");
    return ct__is_float(dtype)
               ? CT_OK : ct_call_fail(call, CT_ERROR_DTYPE, "f32 or f64 only; ct_cast it");
}

static inline bool all_same_shape(const ct_call *call)
{
    for (int i = 1; i < call->n; i++)
        if (call->x[i] != call->x[0] && !ct__same_shape(call->x[0], call->x[i]))
            return false;
    return true;
}

/* y0, if there is one, gets the shape of x0, which needs no check. */
static inline ct_status set_y_like(ct_call *call)
{
    const ct_tensor *x = call->x[0];
    if (call->outputs == 0) /* it writes into its inputs */
        return CT_OK;
    ct__room room = ct__room_for(call, x->dtype);
    ct_tensor *y = ct__tensor_like(x, room.inputs, room.attributes);
    return ct__set_output(call, 0, y, &room);
}

ct_status ct__set_y_broadcast(ct_call *call)
{
    int64_t shape[CT_MAX_DIMS];
    int ndim = 0;
    if (all_same_shape(call))
        return set_y_like(call);
    for (int i = 0; i < call->n; i++)
        if (!ct_broadcast_shape(shape, &ndim, ct__shape(call->x[i]), call->x[i]->ndim))
            return ct_call_fail(call, CT_ERROR_SHAPE, "shapes do not broadcast");
    return ct_call_set_y(call, 0, call->x[0]->dtype, shape, ndim);
}

ct_status ct_infer_broadcast(ct_call *call)
{
    ct_status status = ct_call_check_float(call);
    return status == CT_OK ? ct__set_y_broadcast(call) : status;
}

ct_status ct_infer_same(ct_call *call)
{
    ct_status status = ct_call_check_float(call);
    if (status != CT_OK)
        return status;
    return all_same_shape(call) ? set_y_like(call)
                                : ct_call_fail(call, CT_ERROR_SHAPE, "shapes differ");
}

ct_status ct_infer_scalar(ct_call *call)
{
    ct_status status = ct_call_check_float(call);
    return status == CT_OK ? ct_call_set_y(call, 0, call->x[0]->dtype, NULL, 0) : status;
}

int ct_call_axis(const ct_call *call, int64_t axis, int ndim)
{
    if (axis >= -ndim && axis < ndim)
        return (int)(axis < 0 ? axis + ndim : axis);
    ct_call_fail(call, CT_ERROR_RANGE, "axis %lld of %d dimension%s", (long long)axis, ndim,
                 ndim == 1 ? "" : "s");
    return -1;
}
