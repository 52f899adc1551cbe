/* Kernels of cummax.c. The operands are y (i64) and x. Per element: 1 read, 1 write, 2 comparisons.
 */
#if IS_FLOAT
#define IS_NAN(x) ((x) != (x))
#else
#define IS_NAN(x) false
#endif

/* The position of the best element so far, of equal ones the last. A NaN is better than any number.
 */
static void K(cummax)(int64_t n, void *const *data, const int64_t *stride, const void *arg)
{
    const ct__path *p = arg;
    bool least = *(const bool *)p->user;
    for (int64_t j = 0; j < n; j++) {
        int64_t *y = (int64_t *)data[0] + j * stride[0], at = 0;
        const REAL *x = (const REAL *)data[1] + j * stride[1];
        for (int64_t i = 0; i < p->length; i++) {
            REAL best = x[at * p->step[1]], next = x[i * p->step[1]];
            bool beats = least ? next <= best : next >= best;
            at = beats || IS_NAN(next) ? i : at;
            y[i * p->step[0]] = at;
        }
    }
}
#undef IS_NAN
