/* Writing in place. It is never recorded. The buffer counts its versions and keeps the name of the
 * last writer, so that a later walk backward finds out that what an operator saved was overwritten,
 * and by which call. */
#include <string.h>

#include "tensors.h"

ct_status ct__begin_write(ct_tensor *x, const char *who)
{
    bool read_only = x->flags & CT__READ_ONLY || x->buffer->read_only;
    if (read_only || (x->flags & CT__REQUIRES_GRAD && x->cx->recording)) {
        char text[200];
        ct__tensor_print(text, sizeof text, x, false);
        if (read_only)
            return ct_fail(x->cx, CT_ERROR_VALUE, "%s: %s is read-only", who, text);
        return ct_fail(x->cx, CT_ERROR_GRAPH,
                       "%s: %s requires grad, and recording is on: writing is not recorded; call "
                       "ct_no_grad first", who, text);
    }
    ct__tell(x->cx, who);
    x->buffer->version++;
    x->buffer->writer = who;
    return CT_OK;
}

void *ct_data_mutable(ct_tensor *x)
{
    if (!ct__usable(x, "data_mutable"))
        return NULL;
    const char *who = x->cx->writer ? x->cx->writer : "data_mutable";
    return ct__begin_write(x, who) == CT_OK ? x->data : NULL;
}

ct_status ct_set(ct_tensor *x, const int64_t *index, int ndim, double value)
{
    char *p = ct__element(x, "set", index, ndim), test[8];
    if (!p)
        return x ? ct_error(x->cx) : CT_ERROR_NULL;
    if (!ct__store(test, x->dtype, value))
        return ct_fail(x->cx, CT_ERROR_VALUE, "set: i64 cannot hold %g", value);
    ct_status status = ct__begin_write(x, "set");
    if (status == CT_OK)
        ct__store(p, x->dtype, value);
    return status;
}

/* The error that x cannot become `value`, with the shapes of both. */
static ct_status refuse(const ct_tensor *x, const ct_tensor *value, const char *who,
                        ct_status code, const char *why)
{
    char to[200], from[200];
    ct__tensor_print(to, sizeof to, x, code == CT_ERROR_DTYPE);
    ct__tensor_print(from, sizeof from, value, code == CT_ERROR_DTYPE);
    return ct_fail(x->cx, code, "%s: %s: %s x %s", who, why, to, from);
}

/* from its first byte to the one after its last */
static void extent(const ct_tensor *t, const char **from, const char **to)
{
    const int64_t size = (int64_t)ct__dtype_size(t->dtype);
    *from = *to = t->data;
    for (int d = 0; d < t->ndim && t->count > 0; d++) {
        int64_t reach = (ct__shape(t)[d] - 1) * ct__strides(t)[d] * size;
        *(reach < 0 ? from : to) += reach;
    }
    *to += t->count > 0 ? size : 0;
}

/* (Two arguments of a program have buffers of their own, which may be the same memory.) */
static bool overlap(const ct_tensor *a, const ct_tensor *b)
{
    const char *a0, *a1, *b0, *b1;
    extent(a, &a0, &a1);
    extent(b, &b0, &b1);
    return a->buffer == b->buffer || (a0 < b1 && b0 < a1);
}

ct_status ct__writable_from(ct_tensor *x, ct_tensor *value, const char *who, ct_tensor **ready)
{
    if (x->cx != value->cx)
        return refuse(x, value, who, CT_ERROR_CONTEXT, "operands of different contexts");
    if (x->dtype != value->dtype)
        return refuse(x, value, who, CT_ERROR_DTYPE, "dtypes differ; ct_cast one");
    int64_t shape[CT_MAX_DIMS];
    int ndim = x->ndim;
    memcpy(shape, ct__shape(x), (size_t)ndim * sizeof *shape);
    if (!ct_broadcast_shape(shape, &ndim, ct__shape(value), value->ndim) || ndim != x->ndim ||
        memcmp(shape, ct__shape(x), (size_t)ndim * sizeof *shape) != 0)
        return refuse(x, value, who, CT_ERROR_SHAPE, "the value does not broadcast to it");
    *ready = value;
    if (overlap(value, x)) {
        *ready = ct__to_scope(ct__tensor_new(x->cx, &(ct__layout){ .dtype = value->dtype,
                                                                   .ndim = value->ndim,
                                                                   .shape = ct__shape(value) }));
        if (!*ready)
            return CT_ERROR_MEMORY;
        ct__copy_out((*ready)->data, value);
    }
    return ct__begin_write(x, who);
}

static ct_status assign_now(ct_tensor *x, ct_tensor *value, const void *attributes)
{
    int64_t bytes = (int64_t)ct__dtype_size(x->dtype);
    ct_tensor *ready = NULL;
    ct__scope scope;
    (void)attributes;
    ct__scope_push(x->cx, &scope);
    ct_status status = ct__writable_from(x, value, "assign", &ready);
    if (status == CT_OK)
        ct_loop(CT_TENSORS(x, ready), ct__copy_run, &bytes);
    ct__scope_pop(x->cx, &scope);
    return status;
}

ct_status ct_assign(ct_tensor *x, const ct_tensor *value)
{
    ct_tensor *v = (ct_tensor *)(uintptr_t)value;
    if (!x || !value)
        return ct_fail(x ? x->cx : v ? v->cx : NULL, CT_ERROR_NULL, "assign: a NULL operand");
    if (!ct__usable(x, "assign") || !ct__usable(value, "assign"))
        return CT_ERROR_STALE;
    return ct__filled(assign_now, x, v, NULL, 0);
}

typedef struct element {
    size_t size;
    char bytes[8];
} element;

static void fill_run(int64_t n, void *const *data, const int64_t *stride, const void *value)
{
    const element *e = value;
    char *y = data[0];
    for (int64_t i = 0; i < n; i++)
        memcpy(y + i * stride[0] * (int64_t)e->size, e->bytes, e->size);
}

static ct_status fill_now(ct_tensor *x, ct_tensor *none, const void *attributes)
{
    ct_status status = ct__begin_write(x, "fill");
    (void)none;
    if (status == CT_OK)
        ct_loop(&x, 1, fill_run, attributes);
    return status;
}

ct_status ct_fill(ct_tensor *x, double value)
{
    if (!x)
        return CT_ERROR_NULL;
    if (!ct__usable(x, "fill"))
        return CT_ERROR_STALE;
    element e = { ct__dtype_size(x->dtype), { 0 } };
    if (!ct__store(e.bytes, x->dtype, value))
        return ct_fail(x->cx, CT_ERROR_VALUE, "fill: i64 cannot hold %g", value);
    return ct__filled(fill_now, x, NULL, &e, sizeof e);
}
