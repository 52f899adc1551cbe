/* Kernel of resample.c: y = A x along an axis, for x of (n, inner). Each element of A that is not 0
 * takes `inner` multiply-adds; x and y stay in the first caches. */
static void K(apply)(const ct__matrix_rows *t, int64_t inner, const void *from, void *to)
{
    const REAL *x = from;
    for (int64_t i = 0; i < t->n; i++) {
        const double *a = t->weights + t->rows[i].at;
        const REAL *at = x + t->rows[i].begin * inner;
        int64_t n = t->rows[i].n;
        REAL *restrict y = (REAL *)to + i * inner;
        if (inner == 1) {
            REAL sum = 0;
            for (int64_t k = 0; k < n; k++)
                sum += (REAL)a[k] * at[k];
            *y = sum;
            continue;
        }
        for (int64_t j = 0; j < inner; j++)
            y[j] = n > 0 ? (REAL)a[0] * at[j] : 0;
        for (int64_t k = 1; k < n; k++)
            for (int64_t j = 0; j < inner; j++)
                y[j] += (REAL)a[k] * at[k * inner + j];
    }
}
