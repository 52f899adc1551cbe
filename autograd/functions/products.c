/* Products with derivatives of C functions: u J, J v, H v, all made from ct_grad. Each runs f on
 * variables of its own over the caller's data, takes the derivatives that it needs, and frees the
 * graph.
 *
 * J v comes from two vjps: g(u) = J^T u is linear in u, whose value does not matter, and the vjp of
 * g with v is J v. H v is the vjp of the gradient with v, since the Hessian is symmetric. */
#include "stage.h"

/* -- vjp */
ct_status ct_vjp(ct_context *cx, ct_function f, void *user, ct_tensor *const *x, int n,
                 ct_tensor *gy, ct_tensor **y, ct_tensor **gx)
{
    ct__set_null(y, 1), ct__set_null(gx, n);
    if (y && y == gx)
        return ct_fail(cx, CT_ERROR_VALUE, "vjp: one array for two results");
    const ct__how zeros = { "vjp", CT_ZERO_PATH };
    ct__stage s = { .cx = cx, .n = n, .who = zeros.who };
    ct_status status = ct__check_arguments(&s, f, x, NULL);
    if (status != CT_OK)
        return status;
    ct_tensor *value = ct__stage_begin(&s, f, user, x, true), **g = ct__stage_room(&s);
    status = value && g ? ct__put_result(y, value) : ct__failed(cx);
    if (status == CT_OK && gx)
        status = !gy && ct_error(cx) ? ct_error(cx) /* gy failed: it is not the default */
                                     : ct__grad_as(&zeros, value, gy, s.x, n, g);
    for (int i = 0; gx && i < n && status == CT_OK; i++)
        status = ct__put_result(&gx[i], g[i]);
    ct__stage_end(&s);
    ct__hand_over(status, y, 1), ct__hand_over(status, gx, n);
    return status;
}

/* -- jvp */
/* sum over i of (dg_i/du)^T v_i, where g_i = J_i^T u */
static ct_tensor *pull(const ct__stage *s, ct_tensor **g, ct_tensor *const *v, ct_tensor *u)
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
    ct__set_null(y, 1), ct__set_null(jv, 1);
    ct__stage s = { .cx = cx, .n = n, .who = "jvp" };
    ct_status status = ct__check_arguments(&s, f, x, v);
    if (status == CT_OK && !v)
        return ct_fail(cx, CT_ERROR_NULL, "jvp: v is NULL");
    if (status != CT_OK)
        return status;
    ct_tensor *value = ct__stage_begin(&s, f, user, x, true), **g = ct__stage_room(&s);
    ct_tensor *u = g ? ct_variable(ct_zeros_like(value)) : NULL, *product = NULL;
    status = u ? ct__put_result(y, value) : ct__failed(cx);
    if (status == CT_OK)
        status = ct__grad_as(&(ct__how){ s.who, CT__RECORDED }, value, u, s.x, n, g);
    if (status == CT_OK && !(product = pull(&s, g, v, u)))
        status = ct__failed(cx);
    if (status == CT_OK)
        status = ct__put_result(jv, product);
    ct__stage_end(&s);
    ct__hand_over(status, y, 1), ct__hand_over(status, jv, 1);
    return status;
}

/* -- hvp */
/* hv_j = sum over i of (d gx_i / d x_j)^T v_i, into h, plain values */
static ct_status second(const ct__stage *s, ct_tensor **g, ct_tensor *const *v, ct_tensor **h)
{
    const ct__how zeros = { s->who, CT_ZERO_PATH };
    ct_tensor **part = ct__stage_room(s);
    ct_status status = part ? CT_OK : CT_ERROR_MEMORY;
    for (int j = 0; j < s->n && status == CT_OK; j++)
        if (!(h[j] = ct_zeros_like(s->x[j])))
            status = ct__failed(s->cx);
    for (int i = 0; i < s->n && status == CT_OK; i++) {
        if (!ct_requires_grad(g[i]))
            continue;
        status = ct__grad_as(&zeros, g[i], v[i], s->x, s->n, part);
        for (int j = 0; j < s->n && status == CT_OK; j++)
            if (!(h[j] = ct_add(h[j], part[j])))
                status = ct__failed(s->cx);
    }
    return status;
}

ct_status ct_hvp(ct_context *cx, ct_function f, void *user, ct_tensor *const *x,
                 ct_tensor *const *v, int n, ct_tensor **gx, ct_tensor **hv)
{
    ct__set_null(gx, n), ct__set_null(hv, n);
    if (gx && gx == hv)
        return ct_fail(cx, CT_ERROR_VALUE, "hvp: one array for two results");
    ct__stage s = { .cx = cx, .n = n, .who = "hvp" };
    ct_status status = ct__check_arguments(&s, f, x, v);
    if (status == CT_OK && !v)
        return ct_fail(cx, CT_ERROR_NULL, "hvp: v is NULL");
    if (status != CT_OK)
        return status;
    ct_tensor *value = ct__stage_begin(&s, f, user, x, true);
    ct_tensor **g = ct__stage_room(&s), **h = ct__stage_room(&s);
    status = value && g && h ? ct__one_number(&s, value) : ct__failed(cx);
    if (status == CT_OK)
        status = ct__grad_as(&(ct__how){ s.who, CT__RECORDED }, value, NULL, s.x, n, g);
    if (status == CT_OK)
        status = second(&s, g, v, h);
    for (int i = 0; i < n && status == CT_OK; i++) {
        status = ct__put_result(gx ? &gx[i] : NULL, g[i]);
        if (status == CT_OK)
            status = ct__put_result(hv ? &hv[i] : NULL, h[i]);
    }
    ct__stage_end(&s);
    ct__hand_over(status, gx, n), ct__hand_over(status, hv, n);
    return status;
}
