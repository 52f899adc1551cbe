/* Making tensors: constants, and the caller's memory, copied or borrowed. */
#include <math.h>
#include <string.h>

#include "tensors.h"

static ct_tensor *make(ct_context *cx, const char *who, ct_dtype dtype, const int64_t *shape,
                       int ndim)
{
    if (!cx || ct__shape_count(cx, who, dtype, shape, ndim) < 0)
        return NULL;
    return ct__to_scope(ct__tensor_new(cx, &(ct__layout){ .dtype = dtype, .ndim = ndim,
                                                          .shape = shape }));
}

static ct_tensor *filled(ct_tensor *t, const char *who, double value)
{
    if (!t)
        return NULL;
    size_t size = ct__dtype_size(t->dtype), bytes = (size_t)t->count * size;
    char one[8];
    if (!ct__store(one, t->dtype, value)) {
        ct_fail(t->cx, CT_ERROR_VALUE, "%s: i64 cannot hold %g", who, value);
        return NULL;
    }
    if (value == 0 && t->dtype != CT_BOOL && !signbit(value)) {
        memset(t->data, 0, bytes);
        return ct__tell_made(t);
    }
    for (size_t i = 0; i < bytes; i += size)
        memcpy(t->data + i, one, size);
    return ct__tell_made(t);
}

ct_tensor *ct_empty(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim)
{
    return make(cx, "empty", dtype, shape, ndim);
}

ct_tensor *ct_full(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim, double value)
{
    return filled(make(cx, "full", dtype, shape, ndim), "full", value);
}

ct_tensor *ct_zeros(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim)
{
    return filled(make(cx, "zeros", dtype, shape, ndim), "zeros", 0);
}

ct_tensor *ct_ones(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim)
{
    return filled(make(cx, "ones", dtype, shape, ndim), "ones", 1);
}

ct_tensor *ct_scalar(ct_context *cx, ct_dtype dtype, double value)
{
    return filled(make(cx, "scalar", dtype, NULL, 0), "scalar", value);
}

static ct_tensor *like(const ct_tensor *x, const char *who)
{
    return ct__alive(x, who) ? make(x->cx, who, x->dtype, ct__shape(x), x->ndim) : NULL;
}

ct_tensor *ct_empty_like(const ct_tensor *x)
{
    return like(x, "empty_like");
}

ct_tensor *ct_zeros_like(const ct_tensor *x)
{
    return filled(like(x, "zeros_like"), "zeros_like", 0);
}

ct_tensor *ct_ones_like(const ct_tensor *x)
{
    return filled(like(x, "ones_like"), "ones_like", 1);
}

ct_tensor *ct_scalar_like(const ct_tensor *x, double value)
{
    if (!ct__alive(x, "scalar_like"))
        return NULL;
    return filled(make(x->cx, "scalar_like", x->dtype, NULL, 0), "scalar_like", value);
}

ct_tensor *ct_eye(ct_context *cx, ct_dtype dtype, int64_t n)
{
    ct_tensor *t = filled(make(cx, "eye", dtype, CT_SHAPE(n, n)), "eye", 0);
    for (int64_t i = 0; t && i < n; i++)
        ct__store(t->data + (size_t)(i * n + i) * ct__dtype_size(dtype), dtype, 1);
    return ct__tell_made(t);
}

ct_tensor *ct_range(ct_context *cx, ct_dtype dtype, int64_t n)
{
    ct_tensor *t = make(cx, "range", dtype, CT_SHAPE(n));
    for (int64_t i = 0; t && i < n; i++)
        ct__store(t->data + (size_t)i * ct__dtype_size(dtype), dtype, (double)i);
    return ct__tell_made(t);
}

ct_tensor *ct_linspace(ct_context *cx, ct_dtype dtype, double first, double last, int64_t n)
{
    if (!cx)
        return NULL;
    if (!ct__is_float(dtype))
        return ct_fail(cx, CT_ERROR_DTYPE, "linspace: dtype is %s, not f32 or f64",
                       ct__dtype_text(dtype)),
               NULL;
    ct_tensor *t = make(cx, "linspace", dtype, CT_SHAPE(n));
    for (int64_t i = 0; t && i < n; i++) {
        double part = n > 1 ? (double)i / (double)(n - 1) : 0;
        double value = i == n - 1 && n > 1 ? last : first + (last - first) * part;
        ct__store(t->data + (size_t)i * ct__dtype_size(dtype), dtype, value);
    }
    return ct__tell_made(t);
}

/* -- From the caller's memory */
static ct_tensor *make_of(ct_context *cx, const char *who, const ct__layout *layout,
                          const void *values, int64_t n)
{
    if (!cx)
        return NULL;
    int64_t count = ct__shape_count(cx, who, layout->dtype, layout->shape, layout->ndim);
    if (count < 0)
        return NULL;
    if (!values && count > 0)
        return ct_fail(cx, CT_ERROR_NULL, "%s: the values are NULL", who), NULL;
    if (n != count) {
        char text[200];
        ct__shape_print(text, sizeof text, layout->shape, layout->ndim);
        ct_fail(cx, CT_ERROR_SHAPE, "%s: %lld values for shape %s, which has %lld", who,
                (long long)n, text, (long long)count);
        return NULL;
    }
    ct__tell(cx, who);
    return ct__to_scope(ct__tensor_new(cx, layout));
}

ct_tensor *ct_from_doubles(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim,
                           const double *values, int64_t n)
{
    ct__layout layout = { .dtype = dtype, .ndim = ndim, .shape = shape };
    ct_tensor *t = make_of(cx, "from_doubles", &layout, values, n);
    for (int64_t i = 0; t && i < n; i++)
        if (!ct__store(t->data + (size_t)i * ct__dtype_size(dtype), dtype, values[i])) {
            ct_fail(cx, CT_ERROR_VALUE, "from_doubles: i64 cannot hold %g", values[i]);
            return NULL;
        }
    return t;
}

ct_tensor *ct_from_ints(ct_context *cx, const int64_t *shape, int ndim, const int64_t *values,
                        int64_t n)
{
    ct__layout layout = { .dtype = CT_I64, .ndim = ndim, .shape = shape };
    ct_tensor *t = make_of(cx, "from_ints", &layout, values, n);
    if (t && n > 0)
        memcpy(t->data, values, (size_t)n * sizeof *values);
    return t;
}

/* every byte but 0 is true, and true is 1 */
static void copy_bools(char *to, const unsigned char *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = from[i] != 0;
}

ct_tensor *ct_from_memory(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim,
                          const void *data)
{
    if (!cx)
        return NULL;
    int64_t n = ct__shape_count(cx, "from_memory", dtype, shape, ndim);
    ct__layout layout = { .dtype = dtype, .ndim = ndim, .shape = shape };
    ct_tensor *t = n < 0 ? NULL : make_of(cx, "from_memory", &layout, data, n);
    if (t && n > 0 && dtype == CT_BOOL)
        copy_bools(t->data, data, n);
    else if (t && n > 0)
        memcpy(t->data, data, (size_t)n * ct__dtype_size(dtype));
    return t;
}

/* -- From the caller's memory, borrowed */
/* is every element 0 or 1? What is borrowed cannot be corrected */
static bool bools_fit(ct_context *cx, const char *who, const ct__layout *layout, int64_t count,
                      const unsigned char *p)
{
    int64_t index[CT_MAX_DIMS] = { 0 }, row_major[CT_MAX_DIMS];
    ct__row_major(layout->shape, layout->ndim, row_major);
    const int64_t *strides = layout->strides ? layout->strides : row_major;
    for (int64_t i = 0; i < count; i++) {
        if (*p > 1) {
            char text[200];
            ct__shape_print(text, sizeof text, index, layout->ndim);
            ct_fail(cx, CT_ERROR_VALUE, "%s: element %s is the byte %d; a bool must be 0 or 1", who,
                    text, *p);
            return false;
        }
        p += ct__next_element(layout->shape, strides, layout->ndim, index);
    }
    return true;
}

static ct_tensor *over_memory(ct_context *cx, const ct__layout *layout, void *data,
                              const ct_borrow_options *options, bool read_only)
{
    ct__borrow *borrow = ct__take(cx, sizeof *borrow);
    ct_tensor *t = borrow ? ct__tensor_around(cx, layout, data) : NULL;
    if (!t) {
        ct__give_back(cx, borrow, sizeof *borrow);
        return NULL;
    }
    *borrow = (ct__borrow){ options->release, options->user };
    t->buffer->borrow = borrow;
    t->buffer->read_only = read_only;
    if (read_only)
        t->flags |= CT__READ_ONLY;
    return ct__to_scope(t);
}

static bool strides_fit(ct_context *cx, const char *who, const ct__layout *layout)
{
    int64_t reach = PTRDIFF_MAX / 2 / (int64_t)ct__dtype_size(layout->dtype);
    for (int d = 0; layout->strides && d < layout->ndim; d++) {
        int64_t steps = layout->shape[d] > 1 ? layout->shape[d] - 1 : 0;
        int64_t stride = layout->strides[d];
        if (stride == INT64_MIN || (steps > 0 && (stride < 0 ? -stride : stride) > reach / steps)) {
            ct_fail(cx, CT_ERROR_RANGE, "%s: stride %lld of axis %d overflows",
                    who, (long long)stride, d);
            return false;
        }
        reach -= steps * (stride < 0 ? -stride : stride);
    }
    return true;
}

ct_tensor *ct__borrow_as(ct_context *cx, const char *who, ct_dtype dtype, const int64_t *shape,
                         int ndim, void *data, const ct_borrow_options *options)
{
    int64_t n = ct__shape_count(cx, who, dtype, shape, ndim);
    if (n < 0)
        return NULL;
    if (!data && n > 0)
        return ct_fail(cx, CT_ERROR_NULL, "%s: the memory is NULL", who), NULL;
    if ((uintptr_t)data % ct__dtype_size(dtype) != 0)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: the memory is not aligned for %s", who,
                       ct__dtype_text(dtype)), NULL;
    ct__tell(cx, who);
    ct__layout layout = { .dtype = dtype, .ndim = ndim, .shape = shape,
                          .strides = options->strides };
    if (!strides_fit(cx, who, &layout) ||
        (dtype == CT_BOOL && !bools_fit(cx, who, &layout, n, data)))
        return NULL;
    ct_tensor *t = over_memory(cx, &layout, data, options, false);
    for (int d = 0; t && options->strides && d < ndim; d++)
        if (shape[d] > 1 && options->strides[d] == 0)
            t->flags |= CT__READ_ONLY; /* several elements share memory */
    return t;
}

ct_tensor *ct_borrow(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim, void *data,
                     const ct_borrow_options *options)
{
    static const ct_borrow_options defaults;
    if (!cx)
        return NULL;
    if (!options)
        options = &defaults;
    for (int i = 0; i < 4; i++)
        if (options->reserved[i])
            return ct_fail(cx, CT_ERROR_VALUE, "borrow: options were not zeroed"), NULL;
    return ct__borrow_as(cx, "borrow", dtype, shape, ndim, data, options);
}

ct_tensor *ct_borrow_const(ct_context *cx, ct_dtype dtype, const int64_t *shape, int ndim,
                           const void *data)
{
    ct_tensor *t = ct_borrow(cx, dtype, shape, ndim, (void *)(uintptr_t)data, NULL);
    if (t) {
        t->flags |= CT__READ_ONLY;
        t->buffer->read_only = true;
    }
    return t;
}

ct_tensor *ct_share(ct_context *to, const ct_tensor *x)
{
    static const ct_borrow_options nothing;
    if (to && !x)
        ct_fail(to, CT_ERROR_NULL, "share: the tensor is NULL");
    if (!to || !ct__usable(x, "share"))
        return NULL;
    ct__tell(x->cx, "share");
    ct__layout layout = { .dtype = x->dtype, .ndim = x->ndim, .shape = ct__shape(x),
                          .strides = ct__strides(x) };
    if (x->dtype == CT_BOOL &&
        !bools_fit(to, "share", &layout, x->count, (const unsigned char *)x->data))
        return NULL;
    return over_memory(to, &layout, x->data, &nothing, true);
}
