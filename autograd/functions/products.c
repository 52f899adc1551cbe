/* Products with derivatives of C functions: u J, J v, H v. Each runs f on variables of its own over
 * the caller's data, takes the derivatives that it needs, and frees the graph. u J is a walk
 * backward, J v a pass forward over the same graph, and H v a pass forward over the graph of the
 * gradient. */
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
    ct_tensor *value = ct__stage_begin(&s, f, user, x, true), *product;
    status = value ? ct__put_result(y, value) : ct__failed(cx);
    if (status == CT_OK)
        status = ct__tangents(&(ct__how){ s.who, 0 }, &value, 1, &(ct__along){ s.x, v, n },
                              &product);
    if (status == CT_OK)
        status = ct__put_result(jv, product);
    ct__stage_end(&s);
    ct__hand_over(status, y, 1), ct__hand_over(status, jv, 1);
    return status;
}

/* -- hvp */
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
        status = ct__tangents(&(ct__how){ s.who, 0 }, g, n, &(ct__along){ s.x, v, n }, h);
    for (int i = 0; i < n && status == CT_OK; i++) {
        status = ct__put_result(gx ? &gx[i] : NULL, g[i]);
        if (status == CT_OK)
            status = ct__put_result(hv ? &hv[i] : NULL, h[i]);
    }
    ct__stage_end(&s);
    ct__hand_over(status, gx, n), ct__hand_over(status, hv, n);
    return status;
}
