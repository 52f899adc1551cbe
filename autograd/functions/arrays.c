/* Values and derivatives with plain arrays in and out. */
#include <math.h>

#include "stage.h"

/* -- Plain arrays in and out */
static ct_tensor *input_of(const ct__stage *s, const double *x, int64_t n)
{
    if (n > 0 && !x)
        return ct_fail(s->cx, CT_ERROR_NULL, "%s: x is NULL", s->who), NULL;
    if (ct__shape_count(s->cx, s->who, CT_F64, &n, 1) < 0)
        return NULL;
    return ct_from_memory(s->cx, CT_F64, CT_SHAPE(n), x);
}

double ct_value_and_gradient(ct_context *cx, ct_function f, void *user, const double *x, int64_t n,
                             double *gx)
{
    const ct__how zeros = { "value_and_gradient", CT_ZERO_PATH };
    double value = NAN;
    ct__stage s = { .cx = cx, .n = 1, .who = zeros.who };
    ct__scope outer;
    if (!cx)
        return NAN;
    ct__scope_push(cx, &outer);
    ct_tensor *xt = input_of(&s, x, n), *g = NULL;
    if (xt && ct__check_arguments(&s, f, &xt, NULL) == CT_OK) {
        ct_tensor *y = ct__stage_begin(&s, f, user, &xt, gx != NULL);
        bool good = y && ct__one_number(&s, y) == CT_OK;
        if (good && gx)
            good = ct__grad_as(&zeros, y, NULL, s.x, 1, &g) == CT_OK &&
                   ct_to_doubles(g, gx, n) == CT_OK;
        if (good)
            value = ct_item(y);
        ct__stage_end(&s);
    }
    ct__scope_pop(cx, &outer);
    return value;
}
