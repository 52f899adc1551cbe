/* Losses: negative log likelihoods, written on the logits so that no probability is ever rounded
 * to 0 or 1, and made of operators, so that derivatives of any order exist.
 *
 *   binary cross-entropy  p = sigmoid(x):  -log p = softplus(-x),  -log(1-p) = softplus(x), so
 *                         t softplus(-x) + (1-t) softplus(x): no difference of large numbers, and
 *                         smooth at 0, where max(x,0) - x t + log1p(e^-|x|) has a kink. A softplus
 *                         that is infinite adds nothing where its weight, t or 1-t, is 0
 *   Gaussian, s = log variance
 *                         1/2 (s + (t-m)^2 e^-s + log 2 pi). For s = -inf that is infinite, or
 *                         -inf where t = m: the limits, in place of inf - inf and 0 inf */
#include <math.h>

#include "losses.h"

/* (y - t)^2, of which `total` makes one number. What no rule saves goes at once: the squares */
static ct_tensor *squared(const char *who, ct_tensor *y, ct_tensor *target,
                          ct_tensor *(*total)(ct_tensor *x))
{
    ct_scope scope = ct__losses_alike(who, y, target) ? ct_scope_begin(ct_context_of(y)) : 0;
    if (!scope)
        return NULL;
    return ct_scope_return(ct_context_of(y), scope, total(ct_square(ct_sub(y, target))));
}

ct_tensor *ct_mse(ct_tensor *y, ct_tensor *target)
{
    return squared("mse", y, target, ct_mean);
}

ct_tensor *ct_half_squared_error(ct_tensor *y, ct_tensor *target)
{
    return ct_scale(squared("half_squared_error", y, target, ct_sum), 0.5);
}

/* -- Two classes */
/* `targets` names them in an error */
static ct_tensor *binary_each(const char *who, const char *targets, ct_tensor *logits,
                              ct_tensor *target)
{
    if (!ct__losses_alike(who, logits, target) ||
        !(target = ct_in_range(target, 0, 1, targets)))
        return NULL;
    return ct_add(ct_mul_no_nan(target, ct_softplus(ct_neg(logits))),
                  ct_mul_no_nan(ct_rsub(1, target), ct_softplus(logits)));
}

ct_tensor *ct_binary_cross_entropy_each(ct_tensor *logits, ct_tensor *target)
{
    return binary_each("binary_cross_entropy_each", "binary_cross_entropy_each: targets", logits,
                       target);
}

ct_tensor *ct_binary_cross_entropy(ct_tensor *logits, ct_tensor *target)
{
    return ct_mean(binary_each("binary_cross_entropy", "binary_cross_entropy: targets", logits,
                               target));
}

/* -- Gaussian */
ct_tensor *ct_gaussian_nll(ct_tensor *mean, ct_tensor *log_variance, ct_tensor *target)
{
    const double log_2_pi = 1.8378770664093454836;
    if (log_variance && !ct_usable(log_variance, "gaussian_nll"))
        return NULL;
    if (!ct__losses_alike("gaussian_nll", mean, target))
        return NULL;
    if ((!log_variance || ct_ndim(log_variance) > 0) &&
        !ct__losses_alike("gaussian_nll: log_variance", log_variance, target))
        return NULL;
    ct_tensor *square = ct_square(ct_sub(mean, target));
    ct_tensor *relative = ct_mul_no_nan(square, ct_exp(ct_neg(log_variance)));
    ct_tensor *is_infinite = ct_eq(relative, ct_scalar_like(mean, INFINITY));
    ct_tensor *each = ct_where(is_infinite, relative, ct_add(relative, log_variance));
    return ct_scale(ct_shift(ct_mean(each), log_2_pi), 0.5);
}

/* -- Penalty */
static ct_tensor *penalty_of(ct_tensor *w, double l1, double l2)
{
    ct_tensor *lasso = l1 > 0 ? ct_scale(ct_sum(ct_abs(w)), l1) : NULL;
    ct_tensor *ridge = l2 > 0 ? ct_scale(ct_sum(ct_square(w)), l2 / 2) : NULL;
    return l1 > 0 && l2 > 0 ? ct_add(lasso, ridge) : l1 > 0 ? lasso : ridge;
}

ct_tensor *ct_penalty(ct_module *m, double l1, double l2)
{
    if (!ct__module_alive(m, "penalty"))
        return NULL;
    if (!(l1 >= 0 && l2 >= 0))
        return ct_fail(m->cx, CT_ERROR_VALUE, "penalty: l1 and l2 must not be negative, got %g and "
                       "%g", l1, l2), NULL;
    ct_dtype dtype = CT_F32;
    ct_tensor *sum = NULL;
    bool any = false;
    for (ct__entries w = { .root = m }; ct__entries_next(&w);) {
        if (!w.entry->trained || !ct__entries_is_first(&w))
            continue;
        dtype = ct_dtype_of(w.entry->tensor);
        if (!ct__entry_decays(&w) || (l1 == 0 && l2 == 0))
            continue;
        ct_tensor *term = penalty_of(w.entry->tensor, l1, l2);
        sum = any ? ct_add(sum, term) : term;
        any = true;
    }
    return any ? sum : ct_scalar(m->cx, dtype, 0);
}
