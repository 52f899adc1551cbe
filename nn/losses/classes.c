/* Losses of classes, from logarithms of probabilities: with weights w_c, smoothing s and C classes,
 * the loss of an example with label y is
 *
 *   (1 - s) w_y (-log p_y) + s / C sum over c of w_c (-log p_c)
 *
 * and the mean divides by the sum of the w_y. What is ignored has weight 0 in both. */
#include "losses.h"

/* the labels, with 0 for the ignored ones; and 1 or 0 for each, in the dtype of x */
static ct_tensor *without_ignored(ct_tensor *labels, const ct_tensor *x, int64_t ignored,
                                  ct_tensor **mask)
{
    ct_tensor *is_ignored = ct_eq(labels, ct_full(ct_context_of(x), CT_I64, NULL, 0,
                                                  (double)ignored));
    *mask = ct_cast(ct_logical_not(is_ignored), ct_dtype_of(x));
    return ct_masked_fill(labels, is_ignored, 0);
}

/* the loss from log p (n,c), of which all is checked but the labels' values; `names` names them */
static ct_tensor *nll(ct_tensor *log_p, ct_tensor *labels, const char *names,
                      const ct_class_options *o)
{
    int64_t n = ct_size(log_p, 0), classes = ct_size(log_p, 1);
    ct_tensor *mask = NULL, *weight = NULL;
    if (o->ignore)
        labels = without_ignored(labels, log_p, o->ignored, &mask);
    labels = ct_in_range(labels, 0, (double)(classes - 1), names);
    if (!labels)
        return NULL;
    if (o->weights)
        weight = ct_index_select(o->weights, 0, labels);
    else
        weight = ct_ones(ct_context_of(log_p), ct_dtype_of(log_p), CT_SHAPE(n));
    if (mask)
        weight = ct_mul(weight, mask);
    ct_tensor *picked = ct_squeeze(ct_gather(log_p, 1, ct_unsqueeze(labels, 1)), 1);
    ct_tensor *sum = ct_sum(ct_mul_no_nan(weight, picked));
    if (o->smoothing > 0) {
        ct_tensor *all = o->weights ? ct_mul_no_nan(o->weights, log_p) : log_p;
        ct_tensor *rows = ct_sum_over(all, CT_AXES(1), 0);
        rows = mask ? ct_mul_no_nan(mask, rows) : rows;
        sum = ct_add(ct_scale(sum, 1 - o->smoothing),
                     ct_scale(ct_sum(rows), o->smoothing / (double)classes));
    }
    return ct_neg(ct_div(sum, ct_sum(weight)));
}

static bool options_fit(const char *who, const ct_tensor *x, const ct_class_options *o)
{
    ct_context *cx = ct_context_of(x);
    if (!ct__options_zeroed(cx, who, o->reserved))
        return false;
    if (!(o->smoothing >= 0 && o->smoothing <= 1))
        ct_fail(cx, CT_ERROR_VALUE, "%s: smoothing must be in [0, 1], got %g", who, o->smoothing);
    else if (o->weights && !ct_usable(o->weights, who))
        return false;
    else if (o->weights && ct_context_of(o->weights) != cx)
        ct_fail(cx, CT_ERROR_CONTEXT, "%s: the weights are of another context", who);
    else if (o->weights && ct_dtype_of(o->weights) != ct_dtype_of(x))
        ct_fail(cx, CT_ERROR_DTYPE, "%s: the weights must have the dtype of the logits", who);
    else if (o->weights && (ct_ndim(o->weights) != 1 || ct_size(o->weights, 0) != ct_size(x, 1)))
        ct_fail(cx, CT_ERROR_SHAPE, "%s: there must be one weight for each of %lld classes", who,
                (long long)ct_size(x, 1));
    else
        return true;
    return false;
}

static ct_tensor *loss_of(const char *who, ct_tensor *x, ct_tensor *labels, bool logits,
                          const ct_class_options *options)
{
    const ct_class_options o = options ? *options : (ct_class_options){ 0 };
    if (!ct__labels_alike(who, x, labels) || !options_fit(who, x, &o))
        return NULL;
    ct_tensor *log_p = logits ? ct_log_softmax(x, 1) : x;
    return log_p ? nll(log_p, labels, logits ? "class_loss: labels" : "nll: labels", &o) : NULL;
}

ct_tensor *ct_class_loss(ct_tensor *logits, ct_tensor *labels, const ct_class_options *options)
{
    return loss_of("class_loss", logits, labels, true, options);
}

ct_tensor *ct_nll(ct_tensor *log_p, ct_tensor *labels, const ct_class_options *options)
{
    return loss_of("nll", log_p, labels, false, options);
}
