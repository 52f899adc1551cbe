/* The order of an epoch: a shuffle (Fisher and Yates: swap each place with one drawn from those not
 * yet fixed), or independent draws by weights. */
#include "order.h"

int64_t ct__random_below(ct_context *cx, int64_t n)
{
    uint64_t range = (uint64_t)n, spare = (UINT64_MAX % range + 1) % range, draw;
    do /* a draw among the last 2^64 mod n of the 2^64 values is repeated */
        draw = ct_random_u64(cx);
    while (draw > UINT64_MAX - spare);
    return (int64_t)(draw % range);
}

/* u is uniform on [0, sum of the weights). Rows of weight 0 are never the first sum above it */
static int64_t weighted(const ct__order *o, ct_context *cx)
{
    double u = (double)(ct_random_u64(cx) >> 11) * 0x1p-53 * o->sums[o->count - 1];
    int64_t first = 0, end = o->last; /* which it is if the product was rounded up to the sum */
    while (first < end) {
        int64_t middle = first + (end - first) / 2;
        if (o->sums[middle] > u)
            end = middle;
        else
            first = middle + 1;
    }
    return first;
}

void ct__order_draw(ct__order *o, ct_context *cx, bool in_order)
{
    for (int64_t i = 0; i < o->count; i++)
        o->rows[i] = o->sums ? weighted(o, cx) : i;
    for (int64_t i = o->count - 1; i > 0 && !in_order && !o->sums; i--) {
        int64_t j = ct__random_below(cx, i + 1), moved = o->rows[i];
        o->rows[i] = o->rows[j];
        o->rows[j] = moved;
    }
    for (int64_t i = 0; i < o->count && o->chosen; i++)
        o->rows[i] = o->chosen[o->rows[i]];
}

static bool is_list(ct_context *cx, const char *who, const char *what, const ct_tensor *x)
{
    if (ct_context_of(x) != cx)
        ct_fail(cx, CT_ERROR_CONTEXT, "%s: %s must be of the same context", who, what);
    else if (ct_ndim(x) != 1)
        ct_fail(cx, CT_ERROR_SHAPE, "%s: %s must be 1-d", who, what);
    else
        return true;
    return false;
}

/* x (k) has what there is of `n` rows */
static bool take_rows(ct__order *o, const char *who, ct_context *cx, const ct_tensor *x, int64_t n)
{
    if (!is_list(cx, who, "rows", x))
        return false;
    if (ct_dtype_of(x) != CT_I64)
        return ct_fail(cx, CT_ERROR_DTYPE, "%s: rows must be i64", who), false;
    o->count = ct_count(x);
    const size_t bytes = (size_t)o->count * sizeof *o->chosen;
    o->chosen = ct_object_new(cx, bytes, NULL);
    if (!o->chosen || ct_to_memory(x, o->chosen, bytes) != CT_OK)
        return false;
    for (int64_t i = 0; i < o->count; i++)
        if (o->chosen[i] < 0 || o->chosen[i] >= n)
            return ct_fail(cx, CT_ERROR_RANGE, "%s: rows must be in 0 ... %lld, and element %lld "
                           "is %lld", who, (long long)n - 1, (long long)i, (long long)o->chosen[i]),
                   false;
    return true;
}

static bool take_weights(ct__order *o, const char *who, ct_context *cx, const ct_tensor *x)
{
    if (!is_list(cx, who, "weights", x))
        return false;
    if (ct_count(x) != o->count)
        return ct_fail(cx, CT_ERROR_SHAPE, "%s: there must be a weight for each of the %lld rows, "
                       "and there are %lld", who, (long long)o->count, (long long)ct_count(x)),
               false;
    o->sums = ct_object_new(cx, (size_t)o->count * sizeof *o->sums, NULL);
    if (!o->sums || ct_to_doubles(x, o->sums, o->count) != CT_OK)
        return false;
    double sum = 0;
    for (int64_t i = 0; i < o->count; i++) {
        double weight = o->sums[i];
        if (!(weight >= 0))
            return ct_fail(cx, CT_ERROR_VALUE, "%s: weights must not be negative, and element %lld "
                           "is %g", who, (long long)i, weight), false;
        o->last = weight > 0 ? i : o->last;
        o->sums[i] = sum += weight;
    }
    if (sum > 0 && sum - sum == 0)
        return true;
    ct_fail(cx, CT_ERROR_VALUE, "%s: the sum of the weights must be positive and finite, got %g",
            who, sum);
    return false;
}

bool ct__order_make(ct__order *o, const char *who, ct_context *cx, int64_t n,
                    const ct_batches_options *options)
{
    o->count = n;
    if (options->rows && !take_rows(o, who, cx, options->rows, n))
        return false;
    if (o->count > PTRDIFF_MAX / (int64_t)sizeof *o->rows / 2) /* where addresses have 32 bits */
        return ct_fail(cx, CT_ERROR_MEMORY, "%s: out of memory: %lld rows", who,
                       (long long)o->count), false;
    if (options->weights && options->in_order)
        return ct_fail(cx, CT_ERROR_VALUE, "%s: rows are either in order or drawn by weights", who),
               false;
    if (options->weights && !take_weights(o, who, cx, options->weights))
        return false;
    o->rows = ct_object_new(cx, (size_t)o->count * sizeof *o->rows, NULL);
    return o->rows != NULL;
}

void ct__order_free(ct__order *o)
{
    ct_object_free(o->rows);
    ct_object_free(o->chosen);
    ct_object_free(o->sums);
}
