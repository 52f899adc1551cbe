/* What losses and metrics check of their operands. */
#include "losses.h"

bool ct__losses_alike(const char *who, const ct_tensor *y, const ct_tensor *t)
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

bool ct__labels_alike(const char *who, const ct_tensor *logits, const ct_tensor *labels)
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
        return true;
    return false;
}

bool ct__labels_fit(const char *who, const ct_tensor *logits, const ct_tensor *labels)
{
    return ct__labels_alike(who, logits, labels) && ct_data(labels) &&
           labels_in_range(who, logits, labels);
}
