/* Clipping of gradients: by the norm of all of them, and each element by itself. */
#include <math.h>

#include "optimizer.h"

/* writes the gradients that there are to g; returns how many, or -1 and an error if a parameter is
   NULL */
static int gradients_of(ct_context *cx, const char *who, ct_tensor *const *w, int n,
                        ct_tensor **g)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        if (!w[i])
            return ct_fail(cx, CT_ERROR_NULL, "%s: parameter %d is NULL", who, i), -1;
        g[count] = ct_gradient(w[i]);
        count += g[count] != NULL;
    }
    return count;
}

/* norm may be NULL */
static ct_status clip_norm(const char *who, ct_tensor *const *w, int n, double max_norm,
                           double *norm)
{
    ct_context *cx = ct__context_of(who, w, n);
    if (!cx)
        return w && n > 0 && w[0] ? CT_ERROR_STALE : CT_ERROR_NULL;
    if (n < 0)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: n must not be negative, got %d", who, n);
    if (!(max_norm > 0))
        return ct_fail(cx, CT_ERROR_VALUE, "%s: max_norm must be positive, got %g", who, max_norm);
    ct_tensor **g = ct_object_new(cx, (size_t)(n + 1) * sizeof *g, NULL);
    int count = g ? gradients_of(cx, who, w, n, g) : -1;
    ct_status status = count >= 0 ? ct_update_clip(g, count, max_norm, norm) : ct_error(cx);
    ct_object_free(g);
    if (status == CT_OK && norm && !isfinite(*norm))
        status = ct_fail(cx, CT_ERROR_VALUE, "%s: the gradients must be finite", who);
    return status;
}

double ct_clip_gradients(ct_tensor *const *parameters, int n, double max_norm)
{
    double norm = NAN;
    return clip_norm("clip_gradients", parameters, n, max_norm, &norm) == CT_OK ? norm : NAN;
}

ct_status ct_clip_gradient_norm(ct_tensor *const *parameters, int n, double max_norm)
{
    return clip_norm("clip_gradient_norm", parameters, n, max_norm, NULL);
}

/* g = min(max(g, -limit), limit) for all n, or for none if memory is lacking */
static ct_status clamp_all(ct_context *cx, ct_tensor **g, int n, double limit)
{
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return ct_error(cx);
    ct_no_grad(cx);
    ct_status status = CT_OK;
    ct_tensor **clamped = ct_object_new(cx, (size_t)(n + 1) * sizeof *clamped, NULL);
    for (int i = 0; clamped && i < n && status == CT_OK; i++)
        if (!(clamped[i] = ct_clamp(g[i], -limit, limit)))
            status = ct_error(cx);
    for (int i = 0; clamped && i < n && status == CT_OK; i++)
        status = ct_assign(g[i], clamped[i]);
    ct_object_free(clamped);
    ct_scope_end(cx, scope);
    return clamped ? status : ct_error(cx);
}

ct_status ct_clip_gradient_values(ct_tensor *const *parameters, int n, double limit)
{
    const char *who = "clip_gradient_values";
    ct_context *cx = ct__context_of(who, parameters, n);
    if (!cx)
        return parameters && n > 0 && parameters[0] ? CT_ERROR_STALE : CT_ERROR_NULL;
    if (n < 0)
        return ct_fail(cx, CT_ERROR_RANGE, "%s: n must not be negative, got %d", who, n);
    if (!(limit > 0))
        return ct_fail(cx, CT_ERROR_VALUE, "%s: limit must be positive, got %g", who, limit);
    ct_tensor **g = ct_object_new(cx, (size_t)(n + 1) * sizeof *g, NULL);
    int count = g ? gradients_of(cx, who, parameters, n, g) : -1;
    ct_status status = count >= 0 ? clamp_all(cx, g, count, limit) : ct_error(cx);
    ct_object_free(g);
    return status;
}
