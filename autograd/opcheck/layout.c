/* Copies of a tensor in each layout that an operator may be given. */
#include <math.h>

#include "trial.h"

const char *ct__form_text(ct__form form)
{
    static const char *const texts[] = {
        [CT__ROWS] = "row-major", [CT__GAPS] = "with gaps", [CT__COLUMNS] = "transposed",
        [CT__REVERSED] = "reversed", [CT__REPEATED] = "repeated", [CT__DRAWN] = "mixed",
        [CT__FRESH] = "in gx's place",
    };
    return texts[form];
}

/* the place of element k, counted in row-major order, in elements from the first */
static int64_t offset_of(const ct_tensor *x, const int64_t *strides, int64_t k)
{
    int64_t offset = 0;
    for (int d = x->ndim - 1; d >= 0; d--) {
        offset += k % ct__shape(x)[d] * strides[d];
        k /= ct__shape(x)[d];
    }
    return offset;
}

char *ct__element_at(const ct_tensor *x, int64_t k)
{
    return x->data + offset_of(x, ct__strides(x), k) * (int64_t)ct__dtype_size(x->dtype);
}

/* fills strides; returns the place of the first element */
static int64_t lay_out(const ct_tensor *x, ct__form form, int64_t *strides)
{
    int64_t stride = form == CT__GAPS || form == CT__COLUMNS ? 2 : 1, first = 0;
    bool columns = form == CT__COLUMNS;
    for (int i = 0; i < x->ndim; i++) {
        int d = columns ? i : x->ndim - 1 - i;
        strides[d] = stride;
        stride *= ct__shape(x)[d] > 1 ? ct__shape(x)[d] : 1;
    }
    for (int d = 0; form == CT__REVERSED && d < x->ndim; d++) {
        first += (ct__shape(x)[d] - 1) * strides[d];
        strides[d] = -strides[d];
    }
    int longest = 0;
    for (int d = 0; d < x->ndim; d++)
        longest = ct__shape(x)[d] > ct__shape(x)[longest] ? d : longest;
    if (form == CT__REPEATED && x->ndim > 0)
        strides[longest] = 0;
    return x->count > 0 ? first : 0;
}

ct_tensor *ct__laid_out(ct__check *c, const ct_tensor *x, ct_dtype dtype, ct__form form)
{
    size_t size = ct__dtype_size(dtype);
    int64_t strides[CT_MAX_DIMS], first = lay_out(x, form, strides);
    char *data = ct__check_room(c, 2 * x->count + 1, size);
    if (!data)
        return NULL;
    for (int64_t k = 0; ct__is_float(dtype) && k < 2 * x->count; k++)
        ct__store(data + (size_t)k * size, dtype, NAN);
    for (int64_t k = x->count - 1; k >= 0; k--) { /* the first of those that share a place stays */
        char *to = data + (first + offset_of(x, strides, k)) * (int64_t)size;
        if (x->dtype == dtype)
            memcpy(to, ct__element_at(x, k), size);
        else
            ct__store(to, dtype, ct__load(ct__element_at(x, k), x->dtype));
    }
    return ct_borrow(c->cx, dtype, ct__shape(x), x->ndim, data + first * (int64_t)size,
                     &(ct_borrow_options){ .strides = strides });
}
