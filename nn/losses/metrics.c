/* Metrics: numbers that are looked at, and not differentiated. They read plain memory. */
#include <math.h>
#include <stdlib.h>

#include "losses.h"

double ct_accuracy(ct_tensor *logits, ct_tensor *labels)
{
    if (!ct__labels_fit("accuracy", logits, labels))
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

/* -- The k best */
static bool is_larger(double a, double b) /* NaN is larger than all numbers, as in ct_argmax */
{
    return !isnan(b) && (isnan(a) || a > b);
}

/* how many classes are before the label: larger, or equal and of a smaller number */
static int64_t rank(const double *x, int64_t classes, int64_t label)
{
    int64_t before = 0;
    for (int64_t c = 0; c < classes; c++)
        before += is_larger(x[c], x[label]) || (c < label && !is_larger(x[label], x[c]));
    return before;
}

/* x's elements as doubles, row-major, in an object of the context; NULL and an error */
static double *doubles_of(const ct_tensor *x)
{
    int64_t n = ct_count(x);
    double *out = ct_object_new(ct_context_of(x), ((size_t)n + 1) * sizeof *out, NULL);
    if (out && ct_to_doubles(x, out, n) == CT_OK)
        return out;
    ct_object_free(out);
    return NULL;
}

double ct_top_k_accuracy(ct_tensor *logits, ct_tensor *labels, int64_t k)
{
    if (!ct__labels_fit("top_k_accuracy", logits, labels))
        return NAN;
    if (k < 1)
        return ct_fail(ct_context_of(logits), CT_ERROR_RANGE,
                       "top_k_accuracy: k must be 1 or more, got %lld", (long long)k), NAN;
    double *x = doubles_of(logits);
    const int64_t *label = ct_data(labels), stride = *ct_strides(labels);
    int64_t n = ct_count(labels), classes = ct_size(logits, 1), right = 0;
    for (int64_t i = 0; x && i < n; i++)
        right += rank(x + i * classes, classes, label[i * stride]) < k;
    ct_object_free(x);
    return x ? (double)right / (double)n : NAN;
}

/* -- The confusion matrix and what is made of it */
ct_tensor *ct_confusion_matrix(ct_tensor *logits, ct_tensor *labels)
{
    if (!ct__labels_fit("confusion_matrix", logits, labels))
        return NULL;
    ct_context *cx = ct_context_of(logits);
    int64_t n = ct_count(labels), classes = ct_size(logits, 1), stride = *ct_strides(labels);
    const int64_t *guess = ct_data_i64(ct_argmax(logits, 1)), *label = ct_data(labels);
    ct_tensor *matrix = ct_zeros(cx, CT_I64, CT_SHAPE(classes, classes));
    int64_t *count = guess ? ct_data_mutable(matrix) : NULL;
    for (int64_t i = 0; count && i < n; i++)
        count[label[i * stride] * classes + guess[i]]++;
    return count ? matrix : NULL;
}

/* the scores of class c; where there is nothing to divide by, 0 */
static void score(const int64_t *count, int64_t classes, int64_t c, double out[3])
{
    double right = (double)count[c * classes + c], labeled = 0, guessed = 0;
    for (int64_t i = 0; i < classes; i++) {
        labeled += (double)count[c * classes + i];
        guessed += (double)count[i * classes + c];
    }
    out[0] = guessed > 0 ? right / guessed : 0;
    out[1] = labeled > 0 ? right / labeled : 0;
    out[2] = labeled + guessed > 0 ? 2 * right / (labeled + guessed) : 0;
}

ct_status ct_class_scores(ct_tensor *matrix, ct_tensor **precision, ct_tensor **recall,
                          ct_tensor **f1)
{
    ct_tensor **out[] = { precision, recall, f1 }, *made[3] = { NULL };
    double *data[3] = { NULL };
    for (int k = 0; k < 3; k++)
        if (out[k])
            *out[k] = NULL;
    if (!matrix)
        return CT_ERROR_NULL;
    if (!ct_usable(matrix, "class_scores"))
        return CT_ERROR_STALE;
    ct_context *cx = ct_context_of(matrix);
    int64_t classes = ct_ndim(matrix) == 2 ? ct_size(matrix, 0) : 0;
    if (ct_ndim(matrix) != 2 || ct_size(matrix, 1) != classes || ct_dtype_of(matrix) != CT_I64)
        return ct_fail(cx, CT_ERROR_SHAPE, "class_scores: the matrix must be square and i64");
    const int64_t *count = ct_data(ct_contiguous(matrix));
    for (int k = 0; k < 3; k++) {
        made[k] = ct_empty(cx, CT_F64, CT_SHAPE(classes));
        data[k] = ct_data_mutable(made[k]);
    }
    if (!count || !data[0] || !data[1] || !data[2])
        return ct_error(cx);
    for (int64_t c = 0; c < classes; c++) {
        double scores[3];
        score(count, classes, c, scores);
        for (int k = 0; k < 3; k++)
            data[k][c] = scores[k];
    }
    for (int k = 0; k < 3; k++)
        if (out[k])
            *out[k] = made[k];
    return CT_OK;
}

/* -- The area under the curve */
typedef struct scored {
    double score;
    bool positive;
} scored;

static int by_score(const void *a, const void *b)
{
    double x = ((const scored *)a)->score, y = ((const scored *)b)->score;
    return (x > y) - (x < y);
}

/* pairs of a positive and a negative, the positive one above: of ties half */
static double area(scored *all, int64_t n)
{
    double negatives = 0, positives = 0, pairs = 0;
    qsort(all, (size_t)n, sizeof *all, by_score);
    for (int64_t i = 0, end; i < n; i = end) {
        double here[2] = { 0, 0 };
        for (end = i; end < n && all[end].score == all[i].score; end++)
            here[all[end].positive]++;
        pairs += here[1] * (negatives + here[0] / 2);
        negatives += here[0], positives += here[1];
    }
    return pairs / (negatives * positives);
}

double ct_auc(ct_tensor *scores, ct_tensor *labels)
{
    if (!ct__none_stale("auc", (const ct_tensor *const[]){ scores, labels }, 2))
        return NAN;
    ct_context *cx = ct_context_of(scores ? scores : labels);
    if (!scores || !labels)
        return ct_fail(cx, CT_ERROR_NULL, "auc: an operand is NULL"), NAN;
    if (ct_context_of(labels) != cx)
        return ct_fail(cx, CT_ERROR_CONTEXT, "auc: scores and labels must be of one context"), NAN;
    if (!ct_same_shape(scores, labels))
        return ct_fail(cx, CT_ERROR_SHAPE, "auc: scores and labels must have one shape"), NAN;
    int64_t n = ct_count(scores);
    double *x = doubles_of(scores), *label = x ? doubles_of(labels) : NULL, auc = NAN;
    scored *all = label ? ct_object_new(cx, ((size_t)n + 1) * sizeof *all, NULL) : NULL;
    bool finite = true;
    for (int64_t i = 0; all && i < n; i++) {
        all[i] = (scored){ x[i], label[i] != 0 };
        finite = finite && !isnan(x[i]);
    }
    if (all && !finite)
        ct_fail(cx, CT_ERROR_VALUE, "auc: a score is NaN");
    else if (all)
        auc = area(all, n);
    ct_object_free(all);
    ct_object_free(label);
    ct_object_free(x);
    return auc;
}

double ct_perplexity(ct_tensor *logits, ct_tensor *labels)
{
    if (!ct__labels_fit("perplexity", logits, labels))
        return NAN;
    ct_context *cx = ct_context_of(logits);
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NAN;
    ct_no_grad(cx);
    double mean = ct_item(ct_cross_entropy(logits, labels));
    ct_scope_end(cx, scope);
    return exp(mean);
}
