/* Kernels of search.c. A search in a list of n reads log2 n + 1 elements and compares as often; the
 * order of a list is checked by n - 1 comparisons. */
#if IS_FLOAT
#define LESS(a, b) ((a) < (b) || ((b) != (b) && (a) == (a))) /* a NaN is larger than all else */
#else
#define LESS(a, b) ((a) < (b))
#endif

/* the first element that is larger than its next one; -1: none */
static int64_t K(disorder)(const list *l)
{
    const REAL *sorted = l->first;
    for (int64_t i = 0; i + 1 < l->n; i++)
        if (LESS(sorted[(i + 1) * l->step], sorted[i * l->step]))
            return i;
    return -1;
}

/* how many elements are less than x or, for `right`, not larger */
static int64_t K(below)(const list *l, REAL x)
{
    const REAL *sorted = l->first;
    int64_t low = 0, high = l->n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        REAL at = sorted[middle * l->step];
        if (l->right ? !LESS(x, at) : LESS(at, x))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void K(search)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    int64_t *y = data[0];
    const REAL *x = data[1];
    for (int64_t i = 0; i < n; i++)
        y[i * stride[0]] = K(below)(arg, x[i * stride[1]]);
}

/* the last edge belongs to the last bin, and a NaN to none */
static void K(count)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const list *l = arg;
    const REAL *x = data[0], last = ((const REAL *)l->first)[(l->n - 1) * l->step];
    for (int64_t i = 0; i < n; i++) {
        REAL value = x[i * stride[0]];
        int64_t k = value == last ? l->n - 1 : K(below)(l, value);
        if (k > 0 && k < l->n)
            l->counts[k - 1]++;
    }
}
#undef LESS
