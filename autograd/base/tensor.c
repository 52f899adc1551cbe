/* Making tensors and buffers, and asking about them. free.c lets them go. */
#include <stdio.h>
#include <string.h>

#include "base.h"

static CT__INLINE void lay_out(ct_tensor *t, const ct__layout *layout)
{
    int ndim = layout->ndim;
    int64_t *shape = t->dims, *strides = t->dims + ndim;
    t->count = 1;
    for (int d = 0; d < ndim; d++) {
        shape[d] = layout->shape[d];
        t->count *= shape[d];
    }
    if (!layout->strides) {
        if (ndim > 0)
            ct__row_major(shape, ndim, strides);
        return;
    }
    memcpy(strides, layout->strides, (size_t)ndim * sizeof *strides);
    if (!ct__is_row_major(shape, strides, ndim))
        t->flags &= (uint16_t)~CT__CONTIGUOUS;
}

/* its data and inputs are the caller's to set */
static CT__INLINE ct_tensor *start(ct_context *cx, ct_tensor *t, const ct__layout *layout)
{
    memset(&t->buffer, 0, offsetof(ct_tensor, link) - offsetof(ct_tensor, buffer));
    t->cx = cx;
    t->dtype = (uint8_t)layout->dtype;
    t->ndim = (uint8_t)layout->ndim;
    t->flags = CT__CONTIGUOUS;
    t->input_count = layout->inputs;
    lay_out(t, layout);
    cx->memory.tensors++;
    return t;
}

static inline size_t bytes_of(const ct__layout *layout)
{
    return ct__tensor_bytes(layout->ndim, layout->inputs, layout->attributes);
}

/* with a buffer before it, whose data are still to come */
static CT__INLINE ct_tensor *start_with_buffer(ct_context *cx, const ct__layout *layout)
{
    size_t block = sizeof(ct__buffer) + bytes_of(layout);
    ct__buffer *buffer = ct__take(cx, block);
    if (!buffer)
        return NULL;
    ct_tensor *t = start(cx, (ct_tensor *)(void *)(buffer + 1), layout);
    memset(buffer, 0, offsetof(ct__buffer, tiny));
    buffer->refs = 1;
    buffer->marks = cx->marks;
    buffer->block = (uint32_t)block;
    t->flags |= CT__MADE_BUFFER;
    t->buffer = buffer;
    return t;
}

ct_tensor *ct__tensor_over(ct_context *cx, const ct__layout *layout)
{
    ct_tensor *t = ct__take(cx, bytes_of(layout));
    return t ? start(cx, t, layout) : NULL;
}

static CT__INLINE ct_tensor *with_data(ct_context *cx, const ct__layout *layout)
{
    ct_tensor *t = start_with_buffer(cx, layout);
    if (!t)
        return NULL;
    ct__buffer *buffer = t->buffer;
    size_t bytes = (size_t)t->count * ct__dtype_size(t->dtype);
    buffer->bytes = (int64_t)bytes;
    buffer->data = buffer->tiny;
    if (bytes > sizeof buffer->tiny) {
        void *data = ct__take(cx, (bytes + 63) / 64 * 64);
        if (!data) {
            ct__drop(t);
            return NULL;
        }
        buffer->data = data;
    }
    t->data = buffer->data;
    return t;
}

ct_tensor *ct__tensor_new(ct_context *cx, const ct__layout *layout)
{
    return with_data(cx, layout);
}

ct_tensor *ct__tensor_around(ct_context *cx, const ct__layout *layout, void *data)
{
    ct_tensor *t = start_with_buffer(cx, layout);
    if (t)
        t->data = t->buffer->data = data;
    return t;
}

ct_tensor *ct__tensor_like(const ct_tensor *x, uint32_t inputs, size_t attributes)
{
    return with_data(x->cx, &(ct__layout){ .dtype = x->dtype, .ndim = x->ndim,
                                           .shape = ct__shape(x), .inputs = inputs,
                                           .attributes = attributes });
}

ct_tensor *ct__alias(ct_tensor *x)
{
    ct_tensor *t = ct__tensor_over(x->cx, &(ct__layout){ .dtype = x->dtype,
                                                         .ndim = x->ndim,
                                                         .shape = ct__shape(x),
                                                         .strides = ct__strides(x) });
    if (!t)
        return NULL;
    t->buffer = x->buffer;
    t->buffer->refs++;
    t->data = x->data;
    t->flags |= x->flags & (CT__READ_ONLY | CT__ZERO);
    return t;
}

ct__extra *ct__extra_of(ct_tensor *t)
{
    if (t->extra)
        return t->extra;
    ct__extra *extra = ct__take(t->cx, sizeof *extra);
    if (extra)
        memset(extra, 0, sizeof *extra);
    t->extra = extra;
    return extra;
}

int ct__tensor_print(char *out, size_t room, const ct_tensor *t, bool dtype)
{
    if (!t)
        return snprintf(out, room, "NULL");
    const char *name = t->extra && t->extra->name ? t->extra->name : "";
    int used = snprintf(out, room, "%.60s%s%s%s", name, *name ? " " : "",
                        dtype ? ct__dtype_text((ct_dtype)t->dtype) : "", dtype ? " " : "");
    if (used < 0 || (size_t)used >= room)
        return used;
    return used + ct__shape_print(out + used, room - (size_t)used, ct__shape(t), t->ndim);
}

bool ct__explain(const ct_tensor *t, const char *who, bool needs_data)
{
    char text[200];
    if (!t)
        return false;
    if (t->flags & CT__DEAD) {
        ct_fail(t->cx, CT_ERROR_STALE, "%s: this tensor is gone: its scope has ended", who);
        return false;
    }
    if (!needs_data)
        return true;
    ct__tensor_print(text, sizeof text, t, false);
    ct_fail(t->cx, CT_ERROR_STALE, "%s: the data of %s are gone: its scope has ended, and no "
                                   "operator saved it", who, text);
    return false;
}

/* -- Names and questions */
ct_tensor *ct_named(ct_tensor *x, const char *name)
{
    if (!ct__alive(x, "named"))
        return NULL;
    if (!name)
        return ct_fail(x->cx, CT_ERROR_NULL, "named: the name is NULL"), NULL;
    size_t bytes = strlen(name) + 1;
    ct__extra *extra = ct__extra_of(x);
    char *copy = extra ? ct__take(x->cx, bytes) : NULL;
    if (!copy)
        return NULL;
    memcpy(copy, name, bytes);
    if (extra->name)
        ct__give_back(x->cx, extra->name, strlen(extra->name) + 1);
    extra->name = copy;
    return x;
}

const char *ct_name(const ct_tensor *x)
{
    return ct__alive(x, "name") && x->extra && x->extra->name ? x->extra->name : "";
}

ct_context *ct_context_of(const ct_tensor *x)
{
    return ct__alive(x, "context_of") ? x->cx : NULL;
}

bool ct_usable(const ct_tensor *x, const char *who)
{
    return ct__usable(x, who);
}

ct_dtype ct_dtype_of(const ct_tensor *x)
{
    return ct__alive(x, "dtype_of") ? (ct_dtype)x->dtype : (ct_dtype)0;
}

int ct_ndim(const ct_tensor *x)
{
    return ct__alive(x, "ndim") ? x->ndim : -1;
}

int64_t ct_size(const ct_tensor *x, int axis)
{
    if (!ct__alive(x, "size"))
        return -1;
    int d = axis < 0 ? axis + x->ndim : axis;
    if (d >= 0 && d < x->ndim)
        return ct__shape(x)[d];
    ct_fail(x->cx, CT_ERROR_RANGE, "size: axis %d of a tensor of %d dimensions", axis, x->ndim);
    return -1;
}

int64_t ct_count(const ct_tensor *x)
{
    return ct__alive(x, "count") ? x->count : -1;
}

const int64_t *ct_shape(const ct_tensor *x)
{
    return ct__alive(x, "shape") ? ct__shape(x) : NULL;
}

const int64_t *ct_strides(const ct_tensor *x)
{
    return ct__alive(x, "strides") ? ct__strides(x) : NULL;
}

bool ct_is_contiguous(const ct_tensor *x)
{
    return ct__alive(x, "is_contiguous") && x->flags & CT__CONTIGUOUS;
}

bool ct_same_shape(const ct_tensor *a, const ct_tensor *b)
{
    return ct__alive(a, "same_shape") && ct__alive(b, "same_shape") && ct__same_shape(a, b);
}

const char *ct_shape_text(const ct_tensor *x, char room[CT_SHAPE_TEXT])
{
    if (!ct__alive(x, "shape_text"))
        return "(null)";
    ct__shape_print(room, CT_SHAPE_TEXT, ct__shape(x), x->ndim);
    return room;
}
