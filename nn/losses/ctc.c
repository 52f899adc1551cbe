/* Connectionist temporal classification (Graves, Fernandez, Gomez, Schmidhuber, ICML 2006): the
 * probability of a sequence of labels is the sum over all its alignments, in which each symbol, or
 * a blank between two, lasts for one step or more. With l' the labels with blanks round each,
 *
 *   a_0(j) = p_0(l'_j) for j = 0, 1;   a_t(j) = p_t(l'_j) (a_t-1(j) + a_t-1(j - 1) + a_t-1(j - 2)),
 *
 * the last term only where l'_j is a label and not l'_j-2. Here all of it is in logarithms, one
 * step after the other for all sequences together, by operators that keep -inf without NaN. */
#include <math.h>

#include "losses.h"

typedef struct ctc {
    ct_context *cx;
    int64_t steps, n, labels, classes, places; /* places: of l', 2 labels + 1 */
    ct_tensor *symbols, *jumps;                /* l' (n,places); where j - 2 leads to j */
    ct_tensor *lengths, *last, *before;        /* (n,1): of the inputs; the last two places of l' */
    ct_tensor *by, *no_label;                  /* (n,1): 1 / max(labels, 1); are there none? */
} ctc;

static bool is_list(const ct_tensor *x, int64_t n)
{
    return ct_dtype_of(x) == CT_I64 && ct_ndim(x) == 1 && ct_size(x, 0) == n;
}

static bool shapes_fit(const char *who, const ct_tensor *log_p, const ct_tensor *labels,
                       const ct_tensor *steps, const ct_tensor *counts)
{
    const ct_tensor *const all[] = { log_p, labels, steps, counts };
    if (!ct__none_stale(who, all, 4))
        return false;
    ct_context *cx = NULL;
    bool whole = true;
    for (int i = 0; i < 4; i++) {
        cx = cx ? cx : ct_context_of(all[i]);
        whole = whole && all[i];
    }
    if (!whole)
        return ct_fail(cx, CT_ERROR_NULL, "%s: an operand is NULL", who), false;
    for (int i = 1; i < 4; i++)
        if (ct_context_of(all[i]) != cx)
            return ct_fail(cx, CT_ERROR_CONTEXT, "%s: the operands are of two contexts", who),
                   false;
    if (ct_ndim(log_p) == 3 && ct_size(log_p, 0) > 0 && ct_ndim(labels) == 2 &&
        ct_dtype_of(labels) == CT_I64 && ct_size(labels, 0) == ct_size(log_p, 1) &&
        is_list(steps, ct_size(log_p, 1)) && is_list(counts, ct_size(log_p, 1)))
        return true;
    ct_fail(cx, CT_ERROR_SHAPE, "%s: the shapes must be (t,n,c), and of i64 (n,s), (n) and (n), "
            "with t of 1 or more", who);
    return false;
}

/* element i of a contiguous i64 */
static int64_t at(const ct_tensor *x, int64_t i)
{
    return ((const int64_t *)ct_data(x))[i];
}

/* the values are in range, for sequence i */
static bool values_fit(const char *who, const ctc *c, const ct_tensor *const in[3], int64_t i,
                       int64_t blank)
{
    int64_t steps = at(in[1], i), count = at(in[2], i);
    if (steps < 1 || steps > c->steps || count < 0 || count > c->labels)
        return ct_fail(c->cx, CT_ERROR_RANGE, "%s: sequence %lld has %lld steps and %lld labels; "
                       "there must be 1 to %lld and 0 to %lld", who, (long long)i, (long long)steps,
                       (long long)count, (long long)c->steps, (long long)c->labels), false;
    for (int64_t k = 0; k < count; k++) {
        int64_t label = at(in[0], i * c->labels + k);
        if (label < 0 || label >= c->classes || label == blank)
            return ct_fail(c->cx, CT_ERROR_RANGE, "%s: label %lld of sequence %lld must be one of "
                           "%lld classes, and not the blank, got %lld", who, (long long)k,
                           (long long)i, (long long)c->classes, (long long)label), false;
    }
    return true;
}

/* fills what belongs to sequence i */
static void fill(ctc *c, const ct_tensor *const in[3], int64_t i, int64_t blank)
{
    int64_t *symbol = (int64_t *)ct_data_mutable(c->symbols) + i * c->places;
    bool *jump = (bool *)ct_data_mutable(c->jumps) + i * c->places;
    int64_t count = at(in[2], i);
    for (int64_t j = 0; j < c->places; j++) {
        symbol[j] = j % 2 == 1 && j / 2 < count ? at(in[0], i * c->labels + j / 2) : blank;
        jump[j] = j % 2 == 1 && j > 1 && symbol[j] != symbol[j - 2];
    }
    ((int64_t *)ct_data_mutable(c->lengths))[i] = at(in[1], i);
    ((int64_t *)ct_data_mutable(c->last))[i] = 2 * count;
    ((int64_t *)ct_data_mutable(c->before))[i] = count > 0 ? 2 * count - 1 : 0;
    ((bool *)ct_data_mutable(c->no_label))[i] = count == 0;
    ct_set(c->by, CT_INDEX(i, 0), 1 / (double)(count > 0 ? count : 1));
}

/* one step: a, from the a before it and the log p of this step (n,places) */
static ct_tensor *advance(const ctc *c, ct_tensor *a, ct_tensor *log_p)
{
    if (c->places == 1)
        return ct_add(a, log_p);
    ct_tensor *none = ct_full(c->cx, ct_dtype_of(a), CT_SHAPE(c->n, 1), -INFINITY);
    ct_tensor *one = ct_concat(CT_TENSORS(none, ct_slice(a, 1, 0, -1, 1)), 1);
    ct_tensor *two = ct_concat(CT_TENSORS(none, none, ct_slice(a, 1, 0, -2, 1)), 1);
    two = ct_masked_fill(two, ct_logical_not(c->jumps), -INFINITY);
    return ct_add(log_p, ct_logaddexp(ct_logaddexp(a, one), two));
}

static ct_tensor *loss_of(const ctc *c, ct_tensor *log_p)
{
    ct_tensor *wide = ct_expand(c->symbols, CT_SHAPE(c->steps, c->n, c->places));
    ct_tensor *all = ct_gather(log_p, 2, wide);
    ct_tensor *later = ct_ge(ct_range(c->cx, CT_I64, c->places),
                             ct_full(c->cx, CT_I64, NULL, 0, 2));
    ct_tensor *a = ct_masked_fill(ct_select(all, 0, 0), later, -INFINITY);
    for (int64_t t = 1; a && t < c->steps; t++) {
        ct_tensor *runs = ct_gt(c->lengths, ct_full(c->cx, CT_I64, NULL, 0, (double)t));
        a = ct_where(runs, advance(c, a, ct_select(all, 0, t)), a);
    }
    ct_tensor *before = ct_masked_fill(ct_gather(a, 1, c->before), c->no_label, -INFINITY);
    ct_tensor *each = ct_logaddexp(ct_gather(a, 1, c->last), before);
    return ct_neg(ct_mean(ct_mul(each, c->by)));
}

ct_tensor *ct_ctc(ct_tensor *log_p, ct_tensor *labels, ct_tensor *steps, ct_tensor *counts,
                  int64_t blank)
{
    const char *who = "ctc";
    if (!shapes_fit(who, log_p, labels, steps, counts))
        return NULL;
    ctc c = { .cx = ct_context_of(log_p), .steps = ct_size(log_p, 0), .n = ct_size(log_p, 1),
              .classes = ct_size(log_p, 2), .labels = ct_size(labels, 1) };
    if (blank < 0 || blank >= c.classes)
        return ct_fail(c.cx, CT_ERROR_RANGE, "%s: the blank must be one of %lld classes, got %lld",
                       who, (long long)c.classes, (long long)blank), NULL;
    c.places = 2 * c.labels + 1;
    const ct_tensor *const in[] = { ct_contiguous(labels), ct_contiguous(steps),
                                    ct_contiguous(counts) };
    c.symbols = ct_empty(c.cx, CT_I64, CT_SHAPE(c.n, c.places));
    c.jumps = ct_empty(c.cx, CT_BOOL, CT_SHAPE(c.n, c.places));
    c.lengths = ct_empty(c.cx, CT_I64, CT_SHAPE(c.n, 1));
    c.last = ct_empty(c.cx, CT_I64, CT_SHAPE(c.n, 1));
    c.before = ct_empty(c.cx, CT_I64, CT_SHAPE(c.n, 1));
    c.no_label = ct_empty(c.cx, CT_BOOL, CT_SHAPE(c.n, 1));
    c.by = ct_empty(c.cx, ct_dtype_of(log_p), CT_SHAPE(c.n, 1));
    if (!in[0] || !in[1] || !in[2] || !c.symbols || !c.jumps || !c.lengths || !c.last ||
        !c.before || !c.no_label || !c.by)
        return NULL;
    for (int64_t i = 0; i < c.n; i++) {
        if (!values_fit(who, &c, in, i, blank))
            return NULL;
        fill(&c, in, i, blank);
    }
    return loss_of(&c, log_p);
}
