/* Losses: negative log likelihoods, written on the logits so that no probability is ever rounded
 * to 0 or 1, and made of operators, so that derivatives of any order exist.
 *
 *   cross-entropy         an operator (ops.h)
 *   binary cross-entropy  p = sigmoid(x):  -log p = softplus(-x),  -log(1-p) = softplus(x), so
 *                         t softplus(-x) + (1-t) softplus(x): no difference of large numbers, and
 *                         smooth at 0, where max(x,0) - x t + log1p(e^-|x|) has a kink. A softplus
 *                         that is infinite adds nothing where its weight, t or 1-t, is 0
 *   Gaussian, s = log variance
 *                         1/2 (s + (t-m)^2 e^-s + log 2 pi). For s = -inf that is infinite, or
 *                         -inf where t = m: the limits, in place of inf - inf and 0 inf */
#include <math.h>

#include "checks.h"
#include "module.h"

/* y and t must have one shape: a silent broadcast of (n,1) with (n) is the classic mistake */
static bool same_shape(const char *who, const ct_tensor *y, const ct_tensor *t)
{
    char a[CT_SHAPE_TEXT], b[CT_SHAPE_TEXT];
    if (!ct__none_stale(who, (const ct_tensor *const[]){ y, t }, 2))
        return false;
    bool alike = y && t && ct_same_shape(y, t);
    if (alike && ct_dtype_of(y) == ct_dtype_of(t))
        return true;
    ct_context *cx = ct_context_of(y ? y : t);
    if (alike)
        ct_fail(cx, CT_ERROR_DTYPE, "%s: the target must have the dtype of y (ct_cast)", who);
    else if (y && t)
        ct_fail(cx, CT_ERROR_SHAPE, "%s: y and target must have one shape, got %s and %s", who,
                ct_shape_text(y, a), ct_shape_text(t, b));
    else
        ct_fail(cx, CT_ERROR_NULL, "%s: an operand is NULL", who);
    return false;
}

ct_tensor *ct_mse(ct_tensor *y, ct_tensor *target)
{
    return same_shape("mse", y, target) ? ct_mean(ct_square(ct_sub(y, target))) : NULL;
}

ct_tensor *ct_half_squared_error(ct_tensor *y, ct_tensor *target)
{
    if (!same_shape("half_squared_error", y, target))
        return NULL;
    return ct_scale(ct_sum(ct_square(ct_sub(y, target))), 0.5);
}

/* -- Classes */
static bool labels_in_range(const char *who, const ct_tensor *logits, const ct_tensor *labels)
{
    const int64_t *label = ct_data(labels), stride = *ct_strides(labels);
    int64_t n = ct_count(labels), classes = ct_size(logits, 1);
    for (int64_t i = 0; i < n; i++)
        if (label[i * stride] < 0 || label[i * stride] >= classes) {
            ct_fail(ct_context_of(logits), CT_ERROR_RANGE,
                    "%s: label %lld of example %lld must be one of %lld classes, 0 to %lld", who,
                    (long long)label[i * stride], (long long)i, (long long)classes,
                    (long long)classes - 1);
            return false;
        }
    return true;
}

static bool labels_fit(const char *who, const ct_tensor *logits, const ct_tensor *labels)
{
    char a[CT_SHAPE_TEXT], b[CT_SHAPE_TEXT];
    if (!ct__none_stale(who, (const ct_tensor *const[]){ logits, labels }, 2))
        return false;
    ct_context *cx = ct_context_of(logits ? logits : labels);
    if (!logits || !labels)
        ct_fail(cx, CT_ERROR_NULL, "%s: an operand is NULL", who);
    else if (ct_context_of(labels) != cx)
        ct_fail(cx, CT_ERROR_CONTEXT, "%s: logits and labels must be of one context", who);
    else if (ct_dtype_of(labels) != CT_I64)
        ct_fail(cx, CT_ERROR_DTYPE, "%s: labels must be i64; they can be cast (ct_cast)", who);
    else if (ct_ndim(logits) != 2 || ct_ndim(labels) != 1 ||
             ct_size(logits, 0) != ct_size(labels, 0))
        ct_fail(cx, CT_ERROR_SHAPE, "%s: the shapes must be (n,classes) and (n), got logits %s and "
                "labels %s", who, ct_shape_text(logits, a), ct_shape_text(labels, b));
    else
        return ct_data(labels) && labels_in_range(who, logits, labels);
    return false;
}

double ct_accuracy(ct_tensor *logits, ct_tensor *labels)
{
    if (!labels_fit("accuracy", logits, labels))
        return NAN;
    ct_context *cx = ct_context_of(logits);
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NAN;
    ct_no_grad(cx);
    const int64_t *guess = ct_data_i64(ct_argmax(logits, 1));
    const int64_t *label = ct_data(labels), stride = *ct_strides(labels);
    int64_t n = ct_count(labels), right = 0;
    for (int64_t i = 0; guess && i < n; i++)
        right += guess[i] == label[i * stride];
    ct_scope_end(cx, scope);
    return guess ? (double)right / (double)n : NAN;
}

/* -- Two classes */
static bool is_probability(const char *who, ct_tensor *target)
{
    ct_context *cx = ct_context_of(target);
    ct_scope scope = ct_count(target) > 0 ? ct_scope_begin(cx) : 0;
    if (!scope)
        return ct_count(target) == 0;
    ct_no_grad(cx);
    double low = ct_item(ct_min(target)), high = ct_item(ct_max(target));
    ct_scope_end(cx, scope);
    if (low >= 0 && high <= 1)
        return true;
    ct_fail(cx, CT_ERROR_RANGE, "%s: targets must be in [0, 1], got [%g, %g]", who, low, high);
    return false;
}

static ct_tensor *binary_each(const char *who, ct_tensor *logits, ct_tensor *target)
{
    if (!same_shape(who, logits, target) || !is_probability(who, target))
        return NULL;
    return ct_add(ct_mul_no_nan(target, ct_softplus(ct_neg(logits))),
                  ct_mul_no_nan(ct_rsub(1, target), ct_softplus(logits)));
}

ct_tensor *ct_binary_cross_entropy_each(ct_tensor *logits, ct_tensor *target)
{
    return binary_each("binary_cross_entropy_each", logits, target);
}

ct_tensor *ct_binary_cross_entropy(ct_tensor *logits, ct_tensor *target)
{
    return ct_mean(binary_each("binary_cross_entropy", logits, target));
}

/* -- Gaussian */
ct_tensor *ct_gaussian_nll(ct_tensor *mean, ct_tensor *log_variance, ct_tensor *target)
{
    const double log_2_pi = 1.8378770664093454836;
    if (log_variance && !ct_usable(log_variance, "gaussian_nll"))
        return NULL;
    if (!same_shape("gaussian_nll", mean, target))
        return NULL;
    if ((!log_variance || ct_ndim(log_variance) > 0) &&
        !same_shape("gaussian_nll: log_variance", log_variance, target))
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
