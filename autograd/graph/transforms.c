/* Derivatives of functions given as C functions, all made from ct_grad. Each one runs f on
 * variables of its own over the caller's data, takes the derivatives that it needs, and frees the
 * graph.
 *
 * J v comes from two vjps: g(u) = J^T u is linear in u, whose value does not matter, and the vjp of
 * g with v is J v. H v is the vjp of the gradient with v, since the Hessian is symmetric. */
#include <math.h>
#include <string.h>

#include "walk.h"

enum { RECORDED = CT_CREATE_GRAPH | CT_ZERO_PATH };

/* -- A stage: a scope in which f runs on variables that share the memory of the inputs */
typedef struct stage {
    ct_context *cx;
    const char *who;
    int n;
    ct_tensor **x; /* f's inputs: variables where they are floats */
    ct__scope scope;
} stage;

static ct_status check_one(const stage *s, const char *name, int i, const ct_tensor *t)
{
    if (!t)
        return ct_fail(s->cx, CT_ERROR_NULL, "%s: %s%d is NULL", s->who, name, i);
    if (!ct__usable(t, s->who))
        return CT_ERROR_STALE;
    if (t->cx != s->cx)
        return ct_fail(s->cx, CT_ERROR_CONTEXT, "%s: %s%d is of another context", s->who, name, i);
    return CT_OK;
}

static ct_status check_arguments(const stage *s, ct_function f, ct_tensor *const *x,
                                 ct_tensor *const *v)
{
    if (!s->cx || !f || s->n < 0 || (s->n > 0 && !x))
        return ct_fail(s->cx, CT_ERROR_NULL, "%s: the function or its inputs are NULL", s->who);
    for (int i = 0; i < s->n; i++) {
        ct_status status = check_one(s, "x", i, x[i]);
        if (status == CT_OK && v)
            status = check_one(s, "v", i, v[i]);
        if (status != CT_OK)
            return status;
        if (v && (v[i]->dtype != x[i]->dtype || !ct__same_shape(v[i], x[i])))
            return ct_fail(s->cx, CT_ERROR_SHAPE, "%s: v%d is not of x%d's dtype and shape", s->who,
                           i, i);
    }
    return CT_OK;
}

static ct_status failed(const ct_context *cx)
{
    ct_status status = ct_error(cx);
    return status != CT_OK ? status : CT_ERROR_CALLBACK;
}

static void clear(ct_tensor **out, int n)
{
    for (int i = 0; out && i < n; i++)
        out[i] = NULL;
}

/* Returns f's value, or NULL and an error. The caller ends the stage in any case. */
static ct_tensor *begin_stage(stage *s, ct_function f, void *user, ct_tensor *const *x, bool record)
{
    ct__scope_push(s->cx, &s->scope);
    s->cx->recording = record;
    s->x = (void *)ct__scope_chars(s->cx, ((size_t)s->n + 1) * sizeof *s->x);
    for (int i = 0; s->x && i < s->n; i++) {
        s->x[i] = ct_detach(x[i]);
        if (!s->x[i])
            return NULL;
        if (record && ct__is_float(x[i]->dtype))
            ct_variable(s->x[i]);
    }
    ct_tensor *y = s->x ? f(s->cx, s->x, s->n, user) : NULL;
    if (!y && s->x)
        ct_fail(s->cx, CT_ERROR_CALLBACK, "%s: the function failed without saying why", s->who);
    if (!ct__usable(y, s->who))
        return NULL;
    if (y->cx == s->cx)
        return y;
    return ct_fail(s->cx, CT_ERROR_CONTEXT, "%s: the function's value is of another context",
                   s->who),
           NULL;
}

/* Puts a result, without its history, into the caller's slot. It has a handle of ours until
 * `hand_over`. */
static ct_status put(ct_tensor **slot, ct_tensor *t)
{
    if (!slot)
        return CT_OK;
    *slot = ct_detach(t);
    if (!*slot)
        return failed(t->cx);
    ct__handle(*slot);
    return CT_OK;
}

static void hand_over(ct_status status, ct_tensor **out, int n)
{
    for (int i = 0; out && i < n; i++) {
        ct_tensor *t = out[i];
        if (status == CT_OK)
            ct__to_scope(t);
        else
            out[i] = NULL;
        ct__unhandle(t);
    }
}

static void end_stage(stage *s)
{
    ct__scope_pop(s->cx, &s->scope);
}

static ct_tensor **room(const stage *s)
{
    return (void *)ct__scope_chars(s->cx, ((size_t)s->n + 1) * sizeof(ct_tensor *));
}

/* -- vjp */
ct_status ct_vjp(ct_context *cx, ct_function f, void *user, ct_tensor *const *x, int n,
                 ct_tensor *gy, ct_tensor **y, ct_tensor **gx)
{
    clear(y, 1), clear(gx, n);
    if (y && y == gx)
        return ct_fail(cx, CT_ERROR_VALUE, "vjp: one array for two results");
    const ct__how zeros = { "vjp", CT_ZERO_PATH };
    stage s = { .cx = cx, .n = n, .who = zeros.who };
    ct_status status = check_arguments(&s, f, x, NULL);
    if (status != CT_OK)
        return status;
    ct_tensor *value = begin_stage(&s, f, user, x, true), **g = room(&s);
    status = value && g ? put(y, value) : failed(cx);
    if (status == CT_OK && gx)
        status = !gy && ct_error(cx) ? ct_error(cx) /* gy failed: it is not the default */
                                     : ct__grad_as(&zeros, value, gy, s.x, n, g);
    for (int i = 0; gx && i < n && status == CT_OK; i++)
        status = put(&gx[i], g[i]);
    end_stage(&s);
    hand_over(status, y, 1), hand_over(status, gx, n);
    return status;
}

/* -- jvp */
/* sum over i of (dg_i/du)^T v_i, where g_i = J_i^T u */
static ct_tensor *pull(const stage *s, ct_tensor **g, ct_tensor *const *v, ct_tensor *u)
{
    const ct__how zeros = { s->who, CT_ZERO_PATH };
    ct_tensor *sum = ct_zeros_like(u), *part = NULL;
    for (int i = 0; i < s->n && sum; i++) {
        if (!ct_requires_grad(g[i])) /* y does not depend on x_i, and g_i is zeros */
            continue;
        if (ct__grad_as(&zeros, g[i], v[i], &u, 1, &part) != CT_OK)
            return NULL;
        sum = ct_add(sum, part);
    }
    return sum;
}

ct_status ct_jvp(ct_context *cx, ct_function f, void *user, ct_tensor *const *x,
                 ct_tensor *const *v, int n, ct_tensor **y, ct_tensor **jv)
{
    clear(y, 1), clear(jv, 1);
    stage s = { .cx = cx, .n = n, .who = "jvp" };
    ct_status status = check_arguments(&s, f, x, v);
    if (status == CT_OK && !v)
        return ct_fail(cx, CT_ERROR_NULL, "jvp: v is NULL");
    if (status != CT_OK)
        return status;
    ct_tensor *value = begin_stage(&s, f, user, x, true), **g = room(&s);
    ct_tensor *u = g ? ct_variable(ct_zeros_like(value)) : NULL, *product = NULL;
    status = u ? put(y, value) : failed(cx);
    if (status == CT_OK)
        status = ct__grad_as(&(ct__how){ s.who, RECORDED }, value, u, s.x, n, g);
    if (status == CT_OK && !(product = pull(&s, g, v, u)))
        status = failed(cx);
    if (status == CT_OK)
        status = put(jv, product);
    end_stage(&s);
    hand_over(status, y, 1), hand_over(status, jv, 1);
    return status;
}

/* -- hvp */
/* hv_j = sum over i of (d gx_i / d x_j)^T v_i, into h, plain values */
static ct_status second(const stage *s, ct_tensor **g, ct_tensor *const *v, ct_tensor **h)
{
    const ct__how zeros = { s->who, CT_ZERO_PATH };
    ct_tensor **part = room(s);
    ct_status status = part ? CT_OK : CT_ERROR_MEMORY;
    for (int j = 0; j < s->n && status == CT_OK; j++)
        if (!(h[j] = ct_zeros_like(s->x[j])))
            status = failed(s->cx);
    for (int i = 0; i < s->n && status == CT_OK; i++) {
        if (!ct_requires_grad(g[i]))
            continue;
        status = ct__grad_as(&zeros, g[i], v[i], s->x, s->n, part);
        for (int j = 0; j < s->n && status == CT_OK; j++)
            if (!(h[j] = ct_add(h[j], part[j])))
                status = failed(s->cx);
    }
    return status;
}

ct_status ct_hvp(ct_context *cx, ct_function f, void *user, ct_tensor *const *x,
                 ct_tensor *const *v, int n, ct_tensor **gx, ct_tensor **hv)
{
    clear(gx, n), clear(hv, n);
    if (gx && gx == hv)
        return ct_fail(cx, CT_ERROR_VALUE, "hvp: one array for two results");
    stage s = { .cx = cx, .n = n, .who = "hvp" };
    ct_status status = check_arguments(&s, f, x, v);
    if (status == CT_OK && !v)
        return ct_fail(cx, CT_ERROR_NULL, "hvp: v is NULL");
    if (status != CT_OK)
        return status;
    ct_tensor *value = begin_stage(&s, f, user, x, true), **g = room(&s), **h = room(&s);
    status = value && g && h ? CT_OK : failed(cx);
    if (status == CT_OK)
        status = ct__grad_as(&(ct__how){ s.who, RECORDED }, value, NULL, s.x, n, g);
    if (status == CT_OK)
        status = second(&s, g, v, h);
    for (int i = 0; i < n && status == CT_OK; i++) {
        status = put(gx ? &gx[i] : NULL, g[i]);
        if (status == CT_OK)
            status = put(hv ? &hv[i] : NULL, h[i]);
    }
    end_stage(&s);
    hand_over(status, gx, n), hand_over(status, hv, n);
    return status;
}

/* -- Jacobian and Hessian: a vjp per row */
/* The matrix dy/dx, of shape(y) + shape(x): one vjp for each element of y. */
static ct_tensor *rows(const stage *s, ct_tensor *y)
{
    const ct__how zeros = { s->who, CT_ZERO_PATH };
    ct_tensor *x = s->x[0], *row;
    int64_t shape[2 * CT_MAX_DIMS];
    int ndim = y->ndim + x->ndim;
    memcpy(shape, ct__shape(y), y->ndim * sizeof *shape);
    memcpy(shape + y->ndim, ct__shape(x), x->ndim * sizeof *shape);
    if (y->dtype != x->dtype)
        return ct_fail(s->cx, CT_ERROR_DTYPE, "%s: x is %s, y is %s", s->who,
                       ct__dtype_text(x->dtype), ct__dtype_text(y->dtype)),
               NULL;
    bool fits = ct__shape_count(s->cx, s->who, x->dtype, shape, ndim) >= 0;
    ct_tensor *j = fits ? ct_zeros(s->cx, x->dtype, shape, ndim) : NULL;
    if (!j)
        return NULL;
    size_t size = ct__dtype_size(x->dtype);
    for (int64_t k = 0; k < y->count && ct_requires_grad(y); k++) {
        ct__scope scope;
        ct__scope_push(s->cx, &scope);
        ct_tensor *unit = ct_zeros_like(y);
        if (unit)
            ct__store(unit->data + (size_t)k * size, unit->dtype, 1);
        bool good = unit && ct__grad_as(&zeros, y, unit, &x, 1, &row) == CT_OK;
        if (good)
            ct__copy_out(j->data + (size_t)(k * x->count) * size, row);
        ct__scope_pop(s->cx, &scope);
        if (!good)
            return NULL;
    }
    return j;
}

static ct_tensor *matrix(stage *s, ct_function f, void *user, ct_tensor *x, bool of_gradient)
{
    ct_tensor *j = NULL, *y;
    ct_status status = check_arguments(s, f, &x, NULL);
    if (status != CT_OK)
        return NULL;
    if (!ct__is_float(x->dtype))
        return ct_fail(s->cx, CT_ERROR_DTYPE, "%s: x is %s, not f32 or f64", s->who,
                       ct__dtype_text(x->dtype)),
               NULL;
    y = begin_stage(s, f, user, &x, true);
    if (!y)
        status = failed(s->cx);
    else if (of_gradient)
        status = ct__grad_as(&(ct__how){ s->who, RECORDED }, y, NULL, s->x, 1, &y);
    ct_tensor *made = status == CT_OK ? rows(s, y) : NULL;
    if (status == CT_OK)
        status = made ? put(&j, made) : failed(s->cx);
    end_stage(s);
    hand_over(status, &j, 1);
    return j;
}

ct_tensor *ct_jacobian(ct_context *cx, ct_function f, void *user, ct_tensor *x)
{
    return matrix(&(stage){ .cx = cx, .n = 1, .who = "jacobian" }, f, user, x, false);
}

ct_tensor *ct_hessian(ct_context *cx, ct_function f, void *user, ct_tensor *x)
{
    return matrix(&(stage){ .cx = cx, .n = 1, .who = "hessian" }, f, user, x, true);
}

/* -- Plain arrays in and out */
static ct_tensor *input_of(const stage *s, const double *x, int64_t n)
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
    stage s = { .cx = cx, .n = 1, .who = zeros.who };
    ct__scope outer;
    if (!cx)
        return NAN;
    ct__scope_push(cx, &outer);
    ct_tensor *xt = input_of(&s, x, n), *g = NULL;
    if (xt && check_arguments(&s, f, &xt, NULL) == CT_OK) {
        ct_tensor *y = begin_stage(&s, f, user, &xt, gx != NULL);
        bool good = y && y->count == 1;
        if (y && !good)
            ct_fail(cx, CT_ERROR_SHAPE, "%s: the function's value has %lld elements, not one",
                    s.who, (long long)y->count);
        if (good && gx)
            good = ct__grad_as(&zeros, y, NULL, s.x, 1, &g) == CT_OK &&
                   ct_to_doubles(g, gx, n) == CT_OK;
        if (good)
            value = ct_item(y);
        end_stage(&s);
    }
    ct__scope_pop(cx, &outer);
    return value;
}
