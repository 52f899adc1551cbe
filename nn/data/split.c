/* Parts of a data set, and weights that make classes equally frequent. */
#include "order.h"

/* -- Splits. Each row belongs to a class; of each class a share is drawn, by going over the rows in
 * random order and taking as long as the share is not complete */
typedef struct split {
    ct_context *cx;
    int64_t n, classes;
    int64_t *order;  /* the rows, shuffled; an object, as those below */
    int64_t *left;   /* of each class: how many are still to be taken */
    bool *taken;     /* of each row */
    int64_t first;   /* how many were taken */
} split;

static void free_split(split *s)
{
    ct_object_free(s->order);
    ct_object_free(s->left);
    ct_object_free(s->taken);
}

static bool room(split *s)
{
    const int64_t most = PTRDIFF_MAX / 16;
    if (s->n > most || s->classes > most)
        return ct_fail(s->cx, CT_ERROR_MEMORY, "out of memory: %lld rows of %lld classes",
                       (long long)s->n, (long long)s->classes), false;
    s->order = ct_object_new(s->cx, (size_t)s->n * sizeof *s->order, NULL);
    s->left = s->order ? ct_object_new(s->cx, (size_t)s->classes * sizeof *s->left, NULL) : NULL;
    s->taken = s->left ? ct_object_new(s->cx, (size_t)s->n, NULL) : NULL;
    return s->taken != NULL;
}

/* labels NULL: all are of class 0 */
static void take(split *s, const int64_t *labels, double share)
{
    ct__order all = { .count = s->n, .rows = s->order };
    ct__order_draw(&all, s->cx, false);
    for (int64_t i = 0; i < s->n; i++)
        s->left[labels ? labels[i] : 0]++;
    for (int64_t c = 0; c < s->classes; c++)
        s->left[c] = (int64_t)(share * (double)s->left[c] + 0.5);
    for (int64_t i = 0; i < s->n; i++) {
        int64_t row = s->order[i], *left = &s->left[labels ? labels[row] : 0];
        s->taken[row] = *left > 0;
        s->first += *left > 0;
        *left -= *left > 0;
    }
}

/* the rows that were taken, or the others, in ascending order */
static ct_tensor *rows_of(const split *s, bool taken)
{
    ct_tensor *rows = ct_empty(s->cx, CT_I64, CT_SHAPE(taken ? s->first : s->n - s->first));
    int64_t *out = rows ? ct_data_mutable(rows) : NULL;
    for (int64_t i = 0; out && i < s->n; i++)
        if (s->taken[i] == taken)
            *out++ = i;
    return out ? rows : NULL;
}

static ct_status divide(split *s, const int64_t *labels, double share, ct_tensor **first,
                        ct_tensor **rest)
{
    ct_tensor *a = NULL, *b = NULL;
    if (room(s)) {
        take(s, labels, share);
        a = rows_of(s, true);
        b = a ? rows_of(s, false) : NULL;
    }
    free_split(s);
    if (first && b)
        *first = a;
    if (rest)
        *rest = b;
    return b ? CT_OK : ct_error(s->cx);
}

static bool share_fits(ct_context *cx, const char *who, double share)
{
    if (share >= 0 && share <= 1)
        return true;
    ct_fail(cx, CT_ERROR_VALUE, "%s: the share must be in [0, 1], got %g", who, share);
    return false;
}

ct_status ct_random_split(ct_context *cx, int64_t n, double share, ct_tensor **first,
                          ct_tensor **rest)
{
    if (first)
        *first = NULL;
    if (rest)
        *rest = NULL;
    if (!cx)
        return CT_ERROR_NULL;
    if (!share_fits(cx, "random_split", share))
        return CT_ERROR_VALUE;
    if (n < 0)
        return ct_fail(cx, CT_ERROR_RANGE, "random_split: the number of rows must not be negative, "
                       "got %lld", (long long)n);
    split s = { .cx = cx, .n = n, .classes = 1 };
    return divide(&s, NULL, share, first, rest);
}

/* one more than the largest label; -1 and an error */
static int64_t classes_of(const char *who, const ct_tensor *labels, const int64_t *data)
{
    ct_context *cx = ct_context_of(labels);
    int64_t most = -1;
    for (int64_t i = 0; i < ct_count(labels); i++) {
        if (data[i] < 0 || data[i] == INT64_MAX)
            return ct_fail(cx, CT_ERROR_RANGE, "%s: labels must not be negative, and element %lld "
                           "is %lld", who, (long long)i, (long long)data[i]), -1;
        most = data[i] > most ? data[i] : most;
    }
    return most + 1;
}

static bool are_labels(const char *who, const ct_tensor *labels)
{
    char shape[CT_SHAPE_TEXT];
    if (ct_dtype_of(labels) == CT_I64 && ct_ndim(labels) == 1)
        return true;
    ct_fail(ct_context_of(labels), ct_ndim(labels) == 1 ? CT_ERROR_DTYPE : CT_ERROR_SHAPE,
            "%s: labels must be i64 and 1-d, got %s", who, ct_shape_text(labels, shape));
    return false;
}

ct_status ct_stratified_split(ct_tensor *labels, double share, ct_tensor **first, ct_tensor **rest)
{
    const char *who = "stratified_split";
    if (first)
        *first = NULL;
    if (rest)
        *rest = NULL;
    if (!ct_usable(labels, who))
        return labels ? CT_ERROR_STALE : CT_ERROR_NULL;
    ct_context *cx = ct_context_of(labels);
    if (!share_fits(cx, who, share) || !are_labels(who, labels))
        return ct_error(cx);
    ct_tensor *plain = ct_contiguous(labels);
    const int64_t *data = plain ? ct_data_i64(plain) : NULL;
    split s = { .cx = cx, .n = ct_count(labels) };
    s.classes = data ? classes_of(who, labels, data) : -1;
    return s.classes >= 0 ? divide(&s, data, share, first, rest) : ct_error(cx);
}

/* -- Weights */
ct_tensor *ct_balanced_weights(ct_tensor *labels)
{
    if (!ct_usable(labels, "balanced_weights") || !are_labels("balanced_weights", labels))
        return NULL;
    ct_context *cx = ct_context_of(labels);
    ct_scope scope = ct_scope_begin(cx);
    if (!scope)
        return NULL;
    ct_tensor *plain = ct_contiguous(labels), *weights = NULL;
    const int64_t *data = plain ? ct_data_i64(plain) : NULL;
    if (data && classes_of("balanced_weights", plain, data) >= 0) {
        ct_tensor *counts = ct_cast(ct_bincount(plain, NULL, 0), CT_F64);
        weights = ct_index_select(ct_reciprocal(counts), 0, plain);
    }
    return ct_scope_return(cx, scope, weights);
}
