/* Losses of distances and margins.
 *
 *   Huber     with c = min(max(r, -d), d) for r = y - t, c (r - c / 2) is r^2 / 2 where |r| <= d,
 *             and d (|r| - d / 2) elsewhere: no square of a large r
 *   KL        t log t - t log q, of which both are 0 where t is 0 */
#include <math.h>

#include "losses.h"

static bool positive(const char *who, const ct_tensor *x, const char *what, double value)
{
    if (value > 0 && isfinite(value))
        return true;
    ct_fail(ct_context_of(x), CT_ERROR_VALUE, "%s: %s must be positive and finite, got %g", who,
            what, value);
    return false;
}

/* c / scale (r - c / 2) */
static ct_tensor *bent(ct_tensor *y, ct_tensor *target, double bend, double scale)
{
    ct_tensor *r = ct_sub(y, target), *c = ct_clamp(r, -bend, bend);
    return ct_mean(ct_mul(ct_scale(c, 1 / scale), ct_sub(r, ct_scale(c, 0.5))));
}

ct_tensor *ct_huber(ct_tensor *y, ct_tensor *target, double delta)
{
    if (!ct__losses_alike("huber", y, target) || !positive("huber", y, "delta", delta))
        return NULL;
    return bent(y, target, delta, 1);
}

ct_tensor *ct_smooth_l1(ct_tensor *y, ct_tensor *target, double beta)
{
    if (!ct__losses_alike("smooth_l1", y, target))
        return NULL;
    if (beta == 0)
        return ct_mean(ct_abs(ct_sub(y, target)));
    return positive("smooth_l1", y, "beta", beta) ? bent(y, target, beta, beta) : NULL;
}

ct_tensor *ct_kl_divergence(ct_tensor *log_q, ct_tensor *target)
{
    if (!ct__losses_alike("kl_divergence", log_q, target))
        return NULL;
    if (ct_ndim(log_q) < 1)
        return ct_fail(ct_context_of(log_q), CT_ERROR_SHAPE,
                       "kl_divergence: there must be an axis of examples"), NULL;
    ct_tensor *each = ct_sub(ct_xlogy(target, target), ct_mul_no_nan(target, log_q));
    return ct_scale(ct_sum(each), 1 / (double)ct_size(log_q, 0));
}

ct_tensor *ct_hinge(ct_tensor *y, ct_tensor *target)
{
    if (!ct__losses_alike("hinge", y, target))
        return NULL;
    return ct_mean(ct_relu(ct_rsub(1, ct_mul(target, y))));
}

ct_tensor *ct_poisson_nll(ct_tensor *log_rate, ct_tensor *target)
{
    if (!ct__losses_alike("poisson_nll", log_rate, target))
        return NULL;
    return ct_mean(ct_sub(ct_exp(log_rate), ct_mul_no_nan(target, log_rate)));
}

ct_tensor *ct_cosine_loss(ct_tensor *a, ct_tensor *b, ct_tensor *target, double margin)
{
    const char *who = "cosine_loss";
    if (target && !ct_usable(target, who))
        return NULL;
    if (!ct__losses_alike(who, a, b))
        return NULL;
    ct_context *cx = ct_context_of(a);
    if (!target)
        return ct_fail(cx, CT_ERROR_NULL, "%s: the target is NULL", who), NULL;
    if (ct_ndim(a) != 2 || ct_ndim(target) != 1 || ct_size(target, 0) != ct_size(a, 0))
        return ct_fail(cx, CT_ERROR_SHAPE, "%s: the shapes must be (n,d), (n,d) and (n)", who),
               NULL;
    ct_tensor *cosine = ct_cosine_similarity(a, b, 1, 1e-8);
    ct_tensor *alike = ct_gt(target, ct_scalar_like(target, 0));
    return ct_mean(ct_where(alike, ct_rsub(1, cosine), ct_relu(ct_shift(cosine, -margin))));
}

ct_tensor *ct_triplet(ct_tensor *anchor, ct_tensor *positive_one, ct_tensor *negative_one,
                      double margin)
{
    const char *who = "triplet";
    if (negative_one && !ct_usable(negative_one, who))
        return NULL;
    if (!ct__losses_alike(who, anchor, positive_one) ||
        !ct__losses_alike(who, anchor, negative_one))
        return NULL;
    if (ct_ndim(anchor) < 1)
        return ct_fail(ct_context_of(anchor), CT_ERROR_SHAPE, "%s: there must be an axis of "
                       "features", who), NULL;
    ct_tensor *near = ct_norm_over(ct_sub(anchor, positive_one), 2, CT_AXES(-1), 0);
    ct_tensor *far = ct_norm_over(ct_sub(anchor, negative_one), 2, CT_AXES(-1), 0);
    return ct_mean(ct_relu(ct_shift(ct_sub(near, far), margin)));
}
