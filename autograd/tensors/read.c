/* Reading tensors. */
#include <math.h>
#include <string.h>

#include "tensors.h"

double ct__load(const void *p, ct_dtype dtype)
{
    switch (dtype) {
    case CT_F32:
        return *(const float *)p;
    case CT_F64:
        return *(const double *)p;
    case CT_I64:
        return (double)*(const int64_t *)p;
    case CT_BOOL:
        return *(const unsigned char *)p;
    }
    return NAN;
}

bool ct__store(void *p, ct_dtype dtype, double value)
{
    switch (dtype) {
    case CT_F32:
        *(float *)p = (float)value;
        return true;
    case CT_F64:
        *(double *)p = value;
        return true;
    case CT_I64:
        if (!(value >= -0x1p63 && value < 0x1p63))
            return false;
        *(int64_t *)p = (int64_t)value;
        return true;
    case CT_BOOL:
        *(unsigned char *)p = value != 0;
        return true;
    }
    return false;
}

static bool one_element(const ct_tensor *x, const char *who)
{
    if (!ct__usable(x, who))
        return false;
    ct__tell(x->cx, who);
    if (x->count == 1)
        return true;
    char text[200];
    ct__tensor_print(text, sizeof text, x, false);
    ct_fail(x->cx, CT_ERROR_SHAPE, "%s: %s has %lld elements, not one", who, text,
            (long long)x->count);
    return false;
}

double ct_item(const ct_tensor *x)
{
    return one_element(x, "item") ? ct__load(x->data, x->dtype) : (double)NAN;
}

int64_t ct_item_int(const ct_tensor *x)
{
    if (!one_element(x, "item_int"))
        return -1;
    if (x->dtype == CT_I64)
        return *(const int64_t *)(void *)x->data;
    if (x->dtype == CT_BOOL)
        return *(const unsigned char *)x->data;
    ct_fail(x->cx, CT_ERROR_DTYPE, "item_int: dtype is %s, not i64 or bool",
            ct__dtype_text(x->dtype));
    return -1;
}

/* The error that index `at` does not exist on axis d or, if d < 0, that `at` is not the number of
 * indices that x needs. */
CT__COLD static char *refuse_index(const ct_tensor *x, const char *who, int64_t at, int d)
{
    char text[200];
    ct__tensor_print(text, sizeof text, x, false);
    if (d < 0)
        ct_fail(x->cx, CT_ERROR_RANGE, "%s: %lld indices into %s", who, (long long)at, text);
    else
        ct_fail(x->cx, CT_ERROR_RANGE, "%s: index %lld on axis %d of %s", who, (long long)at, d,
                text);
    return NULL;
}

char *ct__element(const ct_tensor *x, const char *who, const int64_t *index, int ndim)
{
    if (!ct__usable(x, who))
        return NULL;
    ct__tell(x->cx, who);
    if (ndim != x->ndim || (ndim > 0 && !index))
        return refuse_index(x, who, ndim, -1);
    char *p = x->data;
    for (int d = 0; d < ndim; d++) {
        int64_t size = ct__shape(x)[d], i = index[d] < 0 ? index[d] + size : index[d];
        if (i < 0 || i >= size)
            return refuse_index(x, who, index[d], d);
        p += i * ct__strides(x)[d] * (int64_t)ct__dtype_size(x->dtype);
    }
    return p;
}

double ct_at(const ct_tensor *x, const int64_t *index, int ndim)
{
    const char *p = ct__element(x, "at", index, ndim);
    return p ? ct__load(p, x->dtype) : (double)NAN;
}

static inline void copy_sized(int64_t n, void *const *data, const int64_t *stride, size_t size)
{
    char *y = data[0];
    const char *x = data[1];
    int64_t bytes = (int64_t)size;
    if (stride[0] == 1)
        ct__copy_row(y, x, n, stride[1] * bytes, size);
    else
        for (int64_t i = 0; i < n; i++)
            memcpy(y + i * stride[0] * bytes, x + i * stride[1] * bytes, size);
}

void ct__copy_run(int64_t n, void *const *data, const int64_t *stride, const void *size)
{
    int64_t bytes = *(const int64_t *)size;
    if (bytes == 4)
        copy_sized(n, data, stride, 4);
    else if (bytes == 8)
        copy_sized(n, data, stride, 8);
    else
        copy_sized(n, data, stride, 1);
}

void ct__copy_out(void *y, const ct_tensor *x)
{
    int64_t strides[CT_MAX_DIMS], bytes = (int64_t)ct__dtype_size(x->dtype);
    ct__row_major(ct__shape(x), x->ndim, strides);
    ct_operand operands[] = { { y, (size_t)bytes, strides },
                              { x->data, (size_t)bytes, ct__strides(x) } };
    ct__loop_shared(x->cx, ct__shape(x), x->ndim, operands, 2, ct__copy_run, &bytes);
}

static void to_doubles(int64_t n, void *const *data, const int64_t *stride, const void *dtype)
{
    ct_dtype from = *(const ct_dtype *)dtype;
    size_t size = ct__dtype_size(from);
    double *y = data[0];
    const char *x = data[1];
    for (int64_t i = 0; i < n; i++)
        y[i * stride[0]] = ct__load(x + i * stride[1] * (int64_t)size, from);
}

ct_status ct_to_doubles(const ct_tensor *x, double *out, int64_t n)
{
    if (!x)
        return CT_ERROR_NULL;
    if (!ct__usable(x, "to_doubles"))
        return CT_ERROR_STALE;
    ct__tell(x->cx, "to_doubles");
    if (!out && n > 0)
        return ct_fail(x->cx, CT_ERROR_NULL, "to_doubles: no room given");
    if (n != x->count)
        return ct_fail(x->cx, CT_ERROR_SHAPE, "to_doubles: room for %lld, not for %lld",
                       (long long)n, (long long)x->count);
    ct_dtype dtype = x->dtype;
    int64_t strides[CT_MAX_DIMS];
    ct__row_major(ct__shape(x), x->ndim, strides);
    ct_operand operands[] = { { out, sizeof *out, strides },
                              { x->data, ct__dtype_size(dtype), ct__strides(x) } };
    ct_loop_over(ct__shape(x), x->ndim, operands, 2, to_doubles, &dtype);
    return CT_OK;
}

ct_status ct_to_memory(const ct_tensor *x, void *out, size_t bytes)
{
    if (!x)
        return CT_ERROR_NULL;
    if (!ct__usable(x, "to_memory"))
        return CT_ERROR_STALE;
    ct__tell(x->cx, "to_memory");
    size_t size = ct__dtype_size(x->dtype);
    if (bytes != (size_t)x->count * size)
        return ct_fail(x->cx, CT_ERROR_SHAPE, "to_memory: room for %zu bytes, not for %zu", bytes,
                       (size_t)x->count * size);
    if (!out && bytes > 0)
        return ct_fail(x->cx, CT_ERROR_NULL, "to_memory: no room given");
    ct__copy_out(out, x);
    return CT_OK;
}

const void *ct_data(const ct_tensor *x)
{
    if (!ct__usable(x, "data"))
        return NULL;
    ct__tell(x->cx, "data");
    return x->data;
}

static const void *typed(const ct_tensor *x, ct_dtype dtype, const char *who)
{
    if (!ct__usable(x, who))
        return NULL;
    ct__tell(x->cx, who);
    if (x->dtype == dtype && x->flags & CT__CONTIGUOUS)
        return x->data;
    ct_fail(x->cx, CT_ERROR_DTYPE, "%s: this is %s %s", who,
            x->flags & CT__CONTIGUOUS ? "contiguous" : "not contiguous", ct__dtype_text(x->dtype));
    return NULL;
}

const float *ct_data_f32(const ct_tensor *x)
{
    return typed(x, CT_F32, "data_f32");
}

const double *ct_data_f64(const ct_tensor *x)
{
    return typed(x, CT_F64, "data_f64");
}

const int64_t *ct_data_i64(const ct_tensor *x)
{
    return typed(x, CT_I64, "data_i64");
}

/* `worst` is a maximum. Once it is NaN, it stays so. */
typedef struct difference {
    ct_dtype dtype;
    double *worst;
} difference;

/* |x - y|, exact before it is rounded to a double */
static double integer_gap(int64_t x, int64_t y)
{
    return (double)(x < y ? (uint64_t)y - (uint64_t)x : (uint64_t)x - (uint64_t)y);
}

static double gap_of(const void *a, const void *b, ct_dtype dtype)
{
    if (dtype == CT_I64)
        return integer_gap(*(const int64_t *)a, *(const int64_t *)b);
    double x = ct__load(a, dtype), y = ct__load(b, dtype);
    return x == y ? 0 : fabs(x - y); /* equal infinities do not differ */
}

static void compare(int64_t n, void *const *data, const int64_t *stride, const void *user)
{
    const difference *d = user;
    int64_t size = (int64_t)ct__dtype_size(d->dtype);
    const char *a = data[0], *b = data[1];
    for (int64_t i = 0; i < n; i++) {
        double gap = gap_of(a + i * stride[0] * size, b + i * stride[1] * size, d->dtype);
        if (!(gap <= *d->worst) && !isnan(*d->worst))
            *d->worst = gap;
    }
}

double ct_max_difference(const ct_tensor *a, const ct_tensor *b)
{
    if (!ct__usable(a, "max_difference") || !ct__usable(b, "max_difference"))
        return NAN;
    if (a->dtype != b->dtype || !ct__same_shape(a, b))
        return NAN;
    double worst = 0;
    ct__tell(a->cx, "max_difference");
    ct__tell(b->cx, "max_difference");
    ct_operand operands[] = { { a->data, ct__dtype_size(a->dtype), ct__strides(a) },
                              { b->data, ct__dtype_size(b->dtype), ct__strides(b) } };
    ct_loop_over(ct__shape(a), a->ndim, operands, 2, compare,
                 &(difference){ a->dtype, &worst });
    return worst;
}

static void find_nonfinite(int64_t n, void *const *data, const int64_t *stride, const void *user)
{
    const difference *d = user;
    int64_t size = (int64_t)ct__dtype_size(d->dtype);
    const char *x = data[0];
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(ct__load(x + i * stride[0] * size, d->dtype)))
            *d->worst = 1;
}

bool ct__all_finite(const ct_tensor *x)
{
    if (!ct__is_float(x->dtype))
        return true;
    double found = 0;
    int64_t shape[CT_MAX_DIMS];
    ct_operand operand = { x->data, ct__dtype_size(x->dtype), ct__strides(x) };
    for (int d = 0; d < x->ndim; d++) /* a number that a view repeats is looked at once */
        shape[d] = operand.strides[d] == 0 && ct__shape(x)[d] > 0 ? 1 : ct__shape(x)[d];
    ct_loop_over(shape, x->ndim, &operand, 1, find_nonfinite,
                 &(difference){ x->dtype, &found });
    return found == 0;
}
