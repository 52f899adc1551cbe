/* Kernel of windows.c. Operands y, x, each at the first elements of lines. An element is a sum in
 * f64 or i64, which is rounded once. With s the size of REAL, s bytes for each element of x and of
 * y, and one operation for each element of x. */
static void K(fold)(int64_t lines, void *const *data, const int64_t *stride, const void *arg)
{
    const fold *f = arg;
#if IS_FLOAT
    typedef double total;
#else
    typedef REAL total;
#endif
    for (int64_t l = 0; l < lines; l++) {
        REAL *y = (REAL *)data[0] + l * stride[0];
        const REAL *x = (const REAL *)data[1] + l * stride[1];
        int64_t begin = 0, end = 0; /* of the windows that j lies in */
        for (int64_t j = 0; j < f->n; j++) {
            total sum = 0;
            while (end < f->count && end * f->step <= j)
                end++;
            while (begin < end && begin * f->step + f->size <= j)
                begin++;
            for (int64_t i = begin; i < end; i++)
                sum += (total)x[i * f->window + (j - i * f->step) * f->element];
            y[j * f->place] = (REAL)sum;
        }
    }
}
