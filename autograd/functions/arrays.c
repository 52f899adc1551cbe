/* Values and derivatives with plain arrays in and out. */
#include <math.h>

#include "arrays.h"

static ct_tensor *tensor_of(const ct__function *f, const char *name, const double *x)
{
    if (f->n > 0 && !x)
        return ct_fail(f->cx, CT_ERROR_NULL, "%s: %s is NULL", f->who, name), NULL;
    if (ct__shape_count(f->cx, f->who, CT_F64, &f->n, 1) < 0)
        return NULL;
    return ct_from_memory(f->cx, CT_F64, CT_SHAPE(f->n), x);
}

static ct_status add_second(const ct__stage *s, const ct__function *f, const ct__wanted *wanted,
                            ct_tensor *g)
{
    ct_status status = CT_OK;
    ct_tensor *v = wanted->hv ? tensor_of(f, "v", wanted->v) : NULL, *part = NULL;
    if (wanted->hv && !v)
        return ct__failed(s->cx);
    if (v)
        status = ct__grad_as(&(ct__how){ s->who, CT_ZERO_PATH }, g, v, s->x, 1, &part);
    if (v && status == CT_OK)
        status = ct_to_doubles(part, wanted->hv, f->n);
    if (!wanted->h || status != CT_OK)
        return status;
    ct_tensor *h = NULL;
    status = ct__matrix(s, g, CT_BY_ROWS, &h);
    if (status == CT_OK)
        status = ct_to_doubles(h, wanted->h, f->n * f->n);
    ct__hand_over(status, &h, 1);
    return status;
}

static ct_status add_derivatives(const ct__stage *s, const ct__function *f,
                                 const ct__wanted *wanted, ct_tensor *y)
{
    const bool second = wanted->hv || wanted->h;
    ct_tensor *g;
    if (!second && !wanted->gx)
        return CT_OK;
    ct__how how = { s->who, second ? CT__RECORDED : CT_ZERO_PATH };
    ct_status status = ct__grad_as(&how, y, NULL, s->x, 1, &g);
    if (status == CT_OK && wanted->gx)
        status = ct_to_doubles(g, wanted->gx, f->n);
    return status == CT_OK && second ? add_second(s, f, wanted, g) : status;
}

ct_status ct__value_of(const ct__function *f, const double *x, const ct__wanted *wanted,
                       double *value)
{
    ct__stage s = { .cx = f->cx, .n = 1, .who = f->who };
    ct__scope outer;
    ct__scope_push(f->cx, &outer);
    ct_tensor *xt = tensor_of(f, "x", x);
    ct_status status = xt ? ct__check_arguments(&s, f->f, &xt, NULL) : ct__failed(f->cx);
    if (status == CT_OK) {
        bool record = wanted->gx || wanted->hv || wanted->h;
        ct_tensor *y = ct__stage_begin(&s, f->f, f->user, &xt, record);
        status = y ? ct__one_number(&s, y) : ct__failed(f->cx);
        if (status == CT_OK)
            status = add_derivatives(&s, f, wanted, y);
        if (status == CT_OK)
            *value = ct_item(y);
        ct__stage_end(&s);
    }
    ct__scope_pop(f->cx, &outer);
    return status;
}

static double value_or_nan(const ct__function *f, const double *x, const ct__wanted *wanted)
{
    double value = NAN;
    return f->cx && ct__value_of(f, x, wanted, &value) == CT_OK ? value : (double)NAN;
}

double ct_value_and_gradient(ct_context *cx, ct_function f, void *user, const double *x, int64_t n,
                             double *gx)
{
    ct__function function = { cx, "value_and_gradient", f, user, n };
    return value_or_nan(&function, x, &(ct__wanted){ .gx = gx });
}

double ct_value_gradient_and_hessian(ct_context *cx, ct_function f, void *user, const double *x,
                                     int64_t n, double *gx, double *h)
{
    ct__function function = { cx, "value_gradient_and_hessian", f, user, n };
    return value_or_nan(&function, x, &(ct__wanted){ .gx = gx, .h = h });
}

double ct_value_and_hessian_vector(ct_context *cx, ct_function f, void *user, const double *x,
                                   int64_t n, const double *v, double *gx, double *hv)
{
    ct__function function = { cx, "value_and_hessian_vector", f, user, n };
    return value_or_nan(&function, x, &(ct__wanted){ .v = v, .gx = gx, .hv = hv });
}
