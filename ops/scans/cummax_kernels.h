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
    for (int64_t j = 0; j < n; j += CT__BESIDE) {
        int64_t w = n - j < CT__BESIDE ? n - j : CT__BESIDE, at[CT__BESIDE] = { 0 };
        int64_t *y = (int64_t *)data[0] + j * stride[0];
        const REAL *x = (const REAL *)data[1] + j * stride[1];
        REAL best[CT__BESIDE] = { 0 };
        for (int64_t i = 0; i < p->length; i++)
            for (int64_t k = 0; k < w; k++) {
                REAL next = x[i * p->step[1] + k * stride[1]];
                bool beats = least ? next <= best[k] : next >= best[k];
                if (i == 0 || beats || IS_NAN(next)) {
                    best[k] = next;
                    at[k] = i;
                }
                y[i * p->step[0] + k * stride[0]] = at[k];
            }
    }
}
#undef IS_NAN
